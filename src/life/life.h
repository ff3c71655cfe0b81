/*
 * life.h
 *	  The life of a model after its training: deployment, rollback, names, grants, actions, export and
 *	  import.
 */
#ifndef CUSTSEG_LIFE_H
#define CUSTSEG_LIFE_H

#include "score/score.h"

extern void CsDeployVersion(const char *model, int version, const char *reason);
extern void CsSetAction(const char *model, int segment, Jsonb *action);
extern void CsCheckAction(Jsonb *action);

/*
 * export.c: an exported model, which exported.c checks and import.c makes a model of:
 *   {"format", "model", "deployed_version", "versions": [{"definition": as custseg.scorer() gives it,
 *	"training": {...}, "features": [{...}...], "segments": [{...}...]}...],
 *	"actions": [{"segment", "action": as set_action() takes it}...], "decisions": [{...}...] or null}
 */
#define CS_EXPORT_FORMAT 1

typedef enum CsExportedPart
{
	CS_EXPORTED_TRAINING, CS_EXPORTED_FEATURES, CS_EXPORTED_SEGMENTS,	/* of a version */
	CS_EXPORTED_DECISIONS
} CsExportedPart;

/* Rows of a table, in their order: objects with all columns but those that an import derives. */
typedef struct CsExportedRows
{
	const char *table;
	const char *key;
	const char *derived[10];	/* NULL after the last */
} CsExportedRows;

extern const CsExportedRows CsExported[];

/* Room for versions to come. */
#define CS_MOST_VERSIONS 1000000000

/* exported.c: an exported version, checked. */
typedef struct CsExportedVersion
{
	const CsScorer *scorer;
	Jsonb	   *definition;		/* of the scorer */
	JsonbValue	came[CS_EXPORTED_SEGMENTS + 1];
} CsExportedVersion;

extern CsJsonReader CsExportedOpen(Jsonb *exported);
extern int	CsExportedNumbering(const CsJsonReader *r, int version, int *only, bool *has);
extern void CsExportedVersionRead(const CsJsonReader *r, CsExportedVersion *version);
extern Jsonb *CsExportedAction(const CsJsonReader *r, const CsJsonEach *each, int *segment);
extern Jsonb *CsExportedDecisions(const CsJsonReader *r);

#endif							/* CUSTSEG_LIFE_H */
