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
#include "utils/array.h"
#include "utils/jsonb.h"

/*
 * generation.c: a number that rises when anything that custseg's tables say may have changed, here or
 * in another session, or when roles have; who keeps what was read from them looks at it first.
 * Refresh looks the tables up again, as who begins a new cache does, and returns the number.
 */
extern void CsGenerationInit(void); /* from _PG_init */
extern uint64 CsGeneration(void);
extern uint64 CsGenerationRefresh(void);
extern Oid	CsModelTable(void);	/* whose invalidation raises it; InvalidOid before Refresh */

/*
 * catalog.c: rows of the tables, written and read as the extension's owner; rights are checked
 * first, against the caller.
 */
extern void CsCatalogEnter(Oid *save_user, int *save_context);	/* become the owner */
extern void CsCatalogLeave(Oid save_user, int save_context);

/*
 * Run one constant, fully qualified statement with arguments $1, $2, ... as the owner; must be called
 * inside SPI.  Returns
 * the number of rows, which SPI_tuptable holds.  read_only: with the caller's snapshot, as STABLE
 * functions and parallel workers must; else with a fresh one.
 */
extern uint64 CsCatalogExecute(const char *sql, const CsValue *arguments, int narguments,
							   bool read_only);

/*
 * read.c: read the tables as the owner under the newest snapshot, outside SPI.
 *
 * Read: calls "visit" (or nobody, NULL) for each row, in the caller's memory context; returns how many
 * there are.  The Row functions give a column, counted from 1: Text and Jsonb a copy or NULL, Int4
 * and Int8 "otherwise" for NULL, Float8 NaN.  CsTakeJsonb is a visitor that sets the Jsonb * that is
 * its state to the first column.
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
extern Datum CsRowDatum(const CsCatalogRow *row, int column, bool *isnull);
extern char *CsRowText(const CsCatalogRow *row, int column);
extern int32 CsRowInt4(const CsCatalogRow *row, int column, int32 otherwise);
extern int64 CsRowInt8(const CsCatalogRow *row, int column, int64 otherwise);
extern double CsRowFloat8(const CsCatalogRow *row, int column);
extern Jsonb *CsRowJsonb(const CsCatalogRow *row, int column);
extern void CsTakeJsonb(void *state, const CsCatalogRow *row);

/* Error unless the transaction may write; "command" is the function as the user knows it. */
extern void CsRequireWritable(const char *command);

extern void CsModelCheckName(const char *model);
extern bool CsModelExists(const char *model);
extern void CsModelCheckOwner(const char *model);	/* exists and caller is owner, or error */
extern bool CsModelMayUse(const char *model);
extern void CsModelCheckUse(const char *model); /* exists and caller may use it, or error */
extern int	CsModelDeployedVersion(const char *model);	/* 0: none */
extern void CsModelLock(const char *model); /* serialise writers until the transaction's end */
extern bool CsModelTryLock(const char *model);	/* false in place of waiting */
extern char *CsCallerName(void);	/* role that rights are checked against, palloc'd */

/* The definition (jsonb) of a version, as CsScorerFromJsonb reads it; NULL if there is none. */
extern Jsonb *CsCatalogDefinition(const char *model, int version);

/*
 * change.c: what the functions by which an owner changes a model have in common.
 *
 * Begin: the transaction may write, the first argument names a model, the caller owns it and now
 * holds its lock; returns the name.
 * DeployedVersion and what follows are called inside SPI, and see what is committed now; 0: none.
 */
extern char *CsBeginChange(FunctionCallInfo fcinfo, const char *command);
extern int	CsDeployedVersion(const char *model);
extern int	CsRequireDeployedVersion(const char *model);	/* else an error */
extern void CsRequireSegment(const char *model, int segment);	/* of the deployed version */
extern void CsReportNoSegment(const char *model, int version, int segment);

#endif							/* CUSTSEG_TABLES_H */
