/*
 * tables.h
 *	  custseg's tables: read and written as the extension's owner, who may do so, and the frame of
 *	  every change of a model.
 */
#ifndef CUSTSEG_TABLES_H
#define CUSTSEG_TABLES_H

#include "custseg.h"
#include "call/call.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

/* Most days for which history can be asked to be kept: so many before now is a point in time. */
#define CS_MAX_KEEP_DAYS 100000

/*
 * generation.c: a number that rises whenever the contents of custseg's tables, or roles, may have
 * changed, here or in another session.  Whoever keeps what was read from the tables compares it
 * first.
 */
extern void CsGenerationInit(void);
extern uint64 CsGeneration(void);
extern uint64 CsGenerationRefresh(void);
extern Oid	CsModelTable(void);

/*
 * When something was resolved, and for whom: see CsAsOfNow.
 *
 * Snapshots that see the same count as one: between two with the same end and as many transactions
 * running before it, none has ended.  What the own transaction changes raises the generation, except
 * for a snapshot that is older than the change.
 */
typedef struct CsAsOf
{
	uint64		generation;
	Oid			user;
	TransactionId end;			/* xmax of the snapshot; invalid without one */
	uint32		running;
	CommandId	from,			/* commands whose snapshots see the same */
				to;
} CsAsOf;

extern CsAsOf CsAsOfNow(void);

/*
 * Does what was resolved then hold now?  It does while a statement lasts, which its snapshot tells,
 * unless models or roles change meanwhile, or the user does.
 */
static inline bool
CsAsOfIsNow(const CsAsOf *as_of)
{
	Snapshot	snapshot = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;

	return snapshot != NULL && as_of->end == snapshot->xmax &&
		as_of->running == snapshot->xcnt + (uint32) snapshot->subxcnt &&
		as_of->from <= snapshot->curcid && snapshot->curcid <= as_of->to &&
		as_of->generation == CsGeneration() && as_of->user == GetUserId();
}

/*
 * catalog.c: rows of the tables, written and read as the extension's owner.  Rights are checked
 * first, against the caller.
 */
extern uint64 CsCatalogExecute(const char *sql, const CsValue *arguments, int narguments,
							   bool read_only);
extern uint64 CsCatalogExecuteKept(SPIPlanPtr *plan, const char *sql, const CsValue *arguments, int narguments,
								   bool read_only);
extern uint64 CsCallerSelect(const char *sql, const CsValue *arguments, int narguments);
extern uint64 CsCatalogExecuteNewest(const char *sql, const CsValue *arguments, int narguments);

/* roles.c: roles that the tables name by name, OID and cluster. */

/* kind.c: what a model tells of a customer. */
typedef enum CsModelKind
{
	CS_MODEL_SEGMENTS,
	CS_MODEL_PURCHASES,
	CS_MODEL_VALUE,
	CS_MODEL_PROBABILITY
} CsModelKind;

#define CS_MODEL_KINDS (CS_MODEL_PROBABILITY + 1)

/* A set of kinds is a sum of these. */
#define CS_MODEL_BIT(kind) (1 << (kind))
#define CS_MODEL_EVERY ((1 << CS_MODEL_KINDS) - 1)

typedef struct CsModelKindInfo
{
	const char *name;			/* in custseg.model */
	const char *trainer;		/* the functions, as a person is told of them */
	const char *users;
} CsModelKindInfo;

extern const CsModelKindInfo CsModelKinds[];

extern CsModelKind CsModelKindNamed(const char *name);
extern CsModelKind CsModelKindOf(const char *model);
extern void CsModelKindCheck(const char *model, CsModelKind kind, int wanted);
extern void CsModelRequireKind(const char *model, int wanted);

/*
 * read.c: reads the tables as the statement sees them.
 *
 * A model's row in custseg.model.  Every change of a model writes its row anew, so a statement that
 * sees the same row sees the same model.
 */
typedef struct CsModelRow
{
	TransactionId written_by;
	ItemPointerData place;
	int			deployed_version;	/* 0: none */
	CsModelKind kind;
} CsModelRow;

extern bool CsModelRowRead(const char *model, Snapshot snapshot, CsModelRow *row);
extern bool CsModelRowIsSeen(const CsModelRow *row, Snapshot snapshot);
extern bool CsModelRowIs(const CsModelRow *a, const CsModelRow *b);

/*
 * Rows that CsCatalogRead, which reads as the owner and outside SPI, gives to a visitor.  Columns are
 * counted from 1.
 */
typedef struct CsCatalogRow
{
	HeapTuple	tuple;
	TupleDesc	desc;
	int			number;			/* from 0 */
} CsCatalogRow;

typedef void (*CsCatalogVisitor) (void *state, const CsCatalogRow *row);

extern uint64 CsCatalogRead(const char *sql, const CsValue *arguments, int narguments,
							CsCatalogVisitor visit, void *state);
extern uint64 CsCatalogReadKept(SPIPlanPtr *plan, const char *sql, const CsValue *arguments, int narguments,
								CsCatalogVisitor visit, void *state);
extern Datum CsRowDatum(const CsCatalogRow *row, int column, bool *isnull);
extern char *CsRowText(const CsCatalogRow *row, int column);
extern List *CsCatalogTexts(const char *sql, const CsValue *arguments, int narguments, bool read_only);
extern int32 CsFoundInt4(int32 otherwise);
extern void CsFoundPut(CsResult *result);
extern Datum CsFoundRow(FunctionCallInfo fcinfo);
extern int32 CsRowInt4(const CsCatalogRow *row, int column, int32 otherwise);
extern int64 CsRowInt8(const CsCatalogRow *row, int column, int64 otherwise);
extern double CsRowFloat8(const CsCatalogRow *row, int column);
extern Oid	CsRowRole(const CsCatalogRow *row, int column);
extern Jsonb *CsRowJsonb(const CsCatalogRow *row, int column);
extern void CsTakeJsonb(void *state, const CsCatalogRow *row);
extern void CsRequireWritable(const char *command);

extern void CsModelCheckName(const char *model);
pg_noreturn extern void CsReportNoModel(const char *model);
extern bool CsModelExists(const char *model);
extern Oid	CsModelOwner(const char *model);
extern void CsModelCheckOwner(const char *model);
extern void CsModelCheckMayDrop(const char *model);
extern bool CsModelMayUse(const char *model);
extern bool CsModelIsOwned(const char *model);
extern void CsModelCheckUse(const char *model);
extern int	CsModelDeployedVersion(const char *model);
extern void CsModelLock(const char *model);
extern bool CsModelTryLock(const char *model);
extern char *CsCallerName(void);

/*
 * Parameters of a version as they are stored.  Points that are parameters, which may be very many, are arrays beside
 * the json: they are written and read as they lie in memory.  The places are those of a tree of neighbors, which then
 * need not be built once more.
 */
typedef struct CsStoredParameters
{
	Jsonb	   *json;			/* or NULL: there are none */
	ArrayType  *points,			/* float8[][]; or NULL, as the others: they are in the json, or there are none */
			   *point_segments, /* int[], by point: a segment's number */
			   *point_places;	/* int[], by place: the number of a point, from 0, or -1; NULL: they are not known */
} CsStoredParameters;

extern Jsonb *CsCatalogDefinition(const char *model, int version, CsStoredParameters *parameters);
extern int	CsExactFloats(void);

/*
 * change.c: what the functions by which an owner changes a model have in common.  Those that read
 * are called inside SPI, and see what is committed now.
 */
extern char *CsBeginChange(FunctionCallInfo fcinfo, const char *command);
extern void CsBeginChangeOf(const char *model, const char *command);
extern char *CsBeginDrop(FunctionCallInfo fcinfo, const char *command);
extern void CsModelHold(const char *model);
extern void CsModelRequireUnchanged(const char *model);
extern int	CsKeepDaysArgument(FunctionCallInfo fcinfo, int argument);
extern void CsModelClear(const char *model, int version);
extern void CsExperimentClear(const char *experiment);
extern int	CsDeployedVersion(const char *model);
extern int	CsRequireDeployedVersion(const char *model, int kinds);
extern void CsRequireSegment(const char *model, int segment);
extern void CsReportNoSegment(const char *model, int version, int segment);

/* audit.c */
extern void CsAuditAdd(const char *action, const char *model, int version, const char *subject, int64 n);

#endif							/* CUSTSEG_TABLES_H */
