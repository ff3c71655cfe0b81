/*
 * life.h
 *	  The life of a model after its training: deployment, rollback, names, grants, actions, presentation,
 *	  export and import.
 */
#ifndef CUSTSEG_LIFE_H
#define CUSTSEG_LIFE_H

#include "fmgr.h"
#include "score/score.h"

extern void CsDeployVersion(const char *model, int version, const char *reason);

/* store.c: a new version of a model, of whatever kind. */
typedef enum CsDeploy
{
	CS_DEPLOY_FIRST,			/* the model's first version only */
	CS_DEPLOY_YES,
	CS_DEPLOY_NO
} CsDeploy;

/* What is stored of a version; see the columns of custseg.model_version.  What may be NULL there may be here. */
typedef struct CsNewVersion
{
	const char *model;
	CsModelKind kind;
	CsDeploy	deploy;
	const char *algorithm;
	const CsRelation *relation; /* the source */
	const CsWithin *within;		/* whose segment its rows are of, or NULL */
	const char *id;
	int64		n_rows;
	int64		n_skipped;
	Jsonb	   *skipped;
	int			n_segments;		/* of a model of segments */
	Jsonb	   *prep;
	Jsonb	   *reduction;
	Jsonb	   *donors;
	Jsonb	   *options;
	CsStoredParameters parameters;
	const char *note;
	int64		seed;
	Jsonb	   *metrics;
	Jsonb	   *diagnostics;			/* see diagnostics.h; or NULL */
	int			iterations;
	bool		converged;
	double		milliseconds;

	/* set by CsVersionBegin and CsVersionEnd */
	int			version;
	bool		deployed;
} CsNewVersion;

extern CsDeploy CsDeployArgument(FunctionCallInfo fcinfo, int argument);
extern bool CsVersionCheckName(const char *model, CsModelKind kind);
extern void CsVersionBegin(CsNewVersion *v);
extern void CsVersionEnd(CsNewVersion *v);
extern void CsVersionTellWaiting(const CsNewVersion *v);

/* note.c: what is noted of a column of a relation; what is not said is NULL. */
typedef struct CsColumnNote
{
	char	   *column;
	char	   *meaning;
	char	   *unit;
} CsColumnNote;

extern List *CsNotesOfRelation(Oid relid);

/* within.c: versions within a segment of another model. */
#define CS_WITHIN_KEY "within"

extern CsWithin *CsWithinTake(Jsonb **options);
extern void CsWithinCheck(const char *model, CsWithin *within, bool is_new);
extern void CsWithinStore(const char *model, int version, const CsWithin *within);
extern CsWithin *CsWithinExported(const CsJsonReader *version);
extern void CsWithinImport(const char *model, int version, const CsWithin *within, const CsWithin *was);
extern void CsWithinCheckDrop(const char *model);

/* action.c */
extern void CsSetAction(const char *model, int segment, Jsonb *action);
extern void CsCheckAction(Jsonb *action);

/* presentation.c */
extern void CsCheckPresentation(Jsonb *presentation);
extern Jsonb *CsPresentationOf(const char *model);
extern void CsPresentationImport(const char *model, Jsonb *presentation);

/*
 * export.c: an exported model, which exported.c checks and import.c makes a model of:
 *   {"format", "kind", "model", "deployed_version", "versions": [{"definition": as custseg.scorer() gives it,
 *	"training": {...}, "features": [{...}...], "segments": [{...}...], "within": {"model", "segment", "version"} or {}}...],
 *	"actions": [{"segment", "action": as set_action() takes it}...],
 *	"presentation": as set_presentation() takes it, or null, "decisions": [{...}...] or null}
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
	const char *derived[12];	/* NULL after the last */
} CsExportedRows;

extern const CsExportedRows CsExported[];

/* Room for versions to come. */
#define CS_MOST_VERSIONS 1000000000

/* A double holds whole numbers to here. */
#define CS_MOST_ROWS INT64CONST(9007199254740992)

/* exported.c: an exported version, checked. */
typedef struct CsExportedVersion
{
	CsModelKind kind;
	int			number;			/* as the export has it */
	const char *algorithm;
	const CsPipeline *pipeline; /* NULL: the kind has no features */
	const CsScorer *scorer;		/* NULL: it has no segments */
	double		farthest;		/* that rows can be from centers */
	const void *compiled;		/* of another kind: its importer's */
	Jsonb	   *definition;		/* of what was compiled: an import writes its "pipeline" and "parameters" */
	Jsonb	   *prep;			/* as training keeps them, with defaults filled in */
	Jsonb	   *options;
	CsWithin   *within;			/* of which segment of which model it is; NULL: of all customers */
	JsonbValue	came[CS_EXPORTED_SEGMENTS + 1];
} CsExportedVersion;

/*
 * How an exported version of a kind of model is checked.  "compile" fills the version up to its definition,
 * "check_training" its prep and options; what is wrong is an error.  The list is in src/custseg.c.
 */
typedef struct CsImporter
{
	void		(*compile) (Jsonb *definition, CsExportedVersion *version);
	void		(*check_training) (const CsJsonReader *training, CsExportedVersion *version);
	/* of a row of a feature, what goes beyond its baseline; or NULL */
	void		(*check_feature) (const CsJsonReader *row, const CsExportedVersion *version, int feature);
	void		(*check_segment) (const CsJsonReader *row, const CsExportedVersion *version);
} CsImporter;

extern const CsImporter *const CsImporters[CS_MODEL_KINDS];

extern CsJsonReader CsExportedOpen(Jsonb *exported);
extern CsModelKind CsExportedKind(const CsJsonReader *r);
extern int	CsExportedNumbering(const CsJsonReader *r, int version, int *only, bool *has);
extern void CsExportedVersionRead(const CsJsonReader *r, CsModelKind kind, CsExportedVersion *version);
extern Jsonb *CsExportedPrep(const CsJsonReader *r, const CsPipeline *p);
extern Jsonb *CsExportedOptions(const CsJsonReader *r, const CsOption *options, int noptions, void *values);
extern Jsonb *CsExportedAction(const CsJsonReader *r, const CsJsonEach *each, int *segment);
extern Jsonb *CsExportedPresentation(const CsJsonReader *r);
extern Jsonb *CsExportedDecisions(const CsJsonReader *r);

/* exported_segments.c */
extern const CsImporter CsSegmentsImporter;

#endif							/* CUSTSEG_LIFE_H */
