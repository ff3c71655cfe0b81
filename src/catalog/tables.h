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
 * generation.c: a number that rises whenever the contents of custseg's tables, or roles, may have
 * changed, here or in another session.  Whoever keeps what was read from the tables compares it
 * first.
 */
extern void CsGenerationInit(void);
extern uint64 CsGeneration(void);
extern uint64 CsGenerationRefresh(void);
extern Oid	CsModelTable(void);

/*
 * catalog.c: rows of the tables, written and read as the extension's owner.  Rights are checked
 * first, against the caller.
 */
extern void CsCatalogEnter(Oid *save_user, int *save_context);
extern void CsCatalogLeave(Oid save_user, int save_context);
extern uint64 CsCatalogExecute(const char *sql, const CsValue *arguments, int narguments,
							   bool read_only);

/*
 * read.c: reads the tables as the owner under the newest snapshot, outside SPI.  Columns of a row
 * are counted from 1.
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
extern void CsRequireWritable(const char *command);

extern void CsModelCheckName(const char *model);
extern bool CsModelExists(const char *model);
extern void CsModelCheckOwner(const char *model);
extern bool CsModelMayUse(const char *model);
extern void CsModelCheckUse(const char *model);
extern int	CsModelDeployedVersion(const char *model);
extern void CsModelLock(const char *model);
extern bool CsModelTryLock(const char *model);
extern char *CsCallerName(void);

extern Jsonb *CsCatalogDefinition(const char *model, int version);

/*
 * change.c: what the functions by which an owner changes a model have in common.  Those that read
 * are called inside SPI, and see what is committed now.
 */
extern char *CsBeginChange(FunctionCallInfo fcinfo, const char *command);
extern int	CsDeployedVersion(const char *model);
extern int	CsRequireDeployedVersion(const char *model);
extern void CsRequireSegment(const char *model, int segment);
extern void CsReportNoSegment(const char *model, int version, int segment);

#endif							/* CUSTSEG_TABLES_H */
