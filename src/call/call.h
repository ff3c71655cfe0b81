/*
 * call.h
 *	  Between SQL and C: arguments that are read and checked, rows that are checked and returned, the
 *	  memory that a call may take, verdicts and reasons.
 *
 * Options that a table describes are in options.h, jsonb in json.h.
 */
#ifndef CUSTSEG_CALL_H
#define CUSTSEG_CALL_H

#include "custseg.h"

#include <math.h>

#include "access/htup.h"
#include "access/tupdesc.h"
#include "call/json.h"
#include "call/options.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

/*
 * arguments.c: a function names the positions of its arguments in an enum.  What has a length is
 * palloc'd in CurrentMemoryContext.
 */
pg_noreturn extern void CsRejectValue(const char *message, const char *hint);
extern void CsRequireArgument(FunctionCallInfo fcinfo, int argument, const char *name);
extern char *CsTextArgument(FunctionCallInfo fcinfo, int argument);
extern char *CsRequiredText(FunctionCallInfo fcinfo, int argument, const char *name);
extern int32 CsIntArgument(FunctionCallInfo fcinfo, int argument, int32 otherwise);
extern int32 CsRequiredInt(FunctionCallInfo fcinfo, int argument, const char *name);
extern bool CsBoolArgument(FunctionCallInfo fcinfo, int argument, bool otherwise);
extern Jsonb *CsJsonbArgument(FunctionCallInfo fcinfo, int argument);
extern ArrayType *CsArrayArgument(FunctionCallInfo fcinfo, int argument);
extern void CsOptionsArgument(FunctionCallInfo fcinfo, int argument, const CsOption *options,
							  int noptions, void *result);
extern MemoryContext CsAggregateContext(FunctionCallInfo fcinfo, const char *aggregate);
extern Datum CsAggregateState(FunctionCallInfo fcinfo);
extern Size CsAggregateSize(Size size);

/* value.c: a value with its SQL type, as an argument of a statement or a column of a row. */
typedef struct CsValue
{
	Oid			type;
	Datum		datum;
	bool		isnull;
} CsValue;

/* A value of the given type as it is. */
static inline CsValue
CsValueOf(Oid type, Datum datum, bool isnull)
{
	CsValue		value = {type, datum, isnull};

	return value;
}

/* NULL of the given type. */
static inline CsValue
CsValueNull(Oid type)
{
	return CsValueOf(type, (Datum) 0, true);
}

static inline CsValue
CsValueInt4(int32 value)
{
	return CsValueOf(INT4OID, Int32GetDatum(value), false);
}

static inline CsValue
CsValueInt8(int64 value)
{
	return CsValueOf(INT8OID, Int64GetDatum(value), false);
}

/* A float8; NULL for NaN, which stands for "undefined" in C. */
static inline CsValue
CsValueFloat8(double value)
{
	return CsValueOf(FLOAT8OID, Float8GetDatum(value), isnan(value));
}

static inline CsValue
CsValueBool(bool value)
{
	return CsValueOf(BOOLOID, BoolGetDatum(value), false);
}

/* A pointer that is NULL becomes an SQL NULL. */
extern CsValue CsValueText(const char *value);
extern CsValue CsValueName(const char *value);
extern CsValue CsValueJsonb(Jsonb *value);
extern CsValue CsValueArray(Oid type, ArrayType *value);
extern CsValue CsValueTexts(const char *const *texts, int n);
extern CsValue CsValueNumbers(const double *numbers, int n);

/* Values that are listed, as the two arguments "array" and "length" of what takes a row of them. */
#define CsValues(...) \
	(const CsValue[]) {__VA_ARGS__}, lengthof(((const CsValue[]) {__VA_ARGS__}))

/*
 * result.c: the rows that a call returns.  A row whose number of values or whose types are not
 * those that SQL declares is an error that names the column.  CsResultPut(result, CsValues(a, b,
 * ...)) is the common form.
 */
typedef struct CsResult
{
	Tuplestorestate *store;
	TupleDesc	desc;
	Oid		   *types;			/* of the declared columns */
	Datum	   *values;			/* of the row at hand */
	bool	   *nulls;
} CsResult;

extern CsResult *CsResultOpen(FunctionCallInfo fcinfo);
extern void CsResultExpect(FunctionCallInfo fcinfo, CsResult *result, double rows);
extern CsResult *CsResultOfType(Oid type);
extern CsResult *CsResultOfFunction(const char *name);
extern Jsonb *CsResultJsonb(CsResult *result);
extern CsValue CsResultArray(CsResult *result);
extern void CsResultPut(CsResult *result, const CsValue *row, int n);
extern void CsValuesOfTuple(HeapTuple tuple, TupleDesc desc, CsValue *row);
extern void CsResultNulls(const CsResult *result, CsValue *row);
extern Datum CsResultRow(FunctionCallInfo fcinfo, const CsValue *row, int n);
extern Datum CsRowForm(TupleDesc desc, const CsValue *row, int n);

/* settings.c: settings until the caller's level of them ends. */
extern void CsSetForNow(const char *name, const char *value);
extern int	CsPlainSettings(void);
extern void CsRaiseWorkMem(void);
extern void CsAvoidNestedLoops(void);

/* attempt.c: what may fail without failing the command. */
extern bool CsEndsCommand(int sqlerrcode);
extern bool CsIsDataException(int sqlerrcode);
extern ErrorData *CsAttempt(void (*body) (void *), void *state, bool (*ends_command) (int sqlerrcode));
extern bool CsTry(void (*action) (void *), void *argument, bool (*is_expected) (int sqlerrcode),
				  ResourceOwner *owner);
extern void CsTryEnd(ResourceOwner owner);

/* memory.c: the bytes that one call may take. */
#define CS_MEGABYTE ((Size) 1024 * 1024)

extern Size CsMemoryLimit(void);
extern Size CsMegabytes(Size bytes);
pg_noreturn extern void CsMemoryError(Size needed, const char *instead, const char *what, ...)
			pg_attribute_printf(3, 4);
pg_noreturn extern void CsMemoryExceeded(Size used, const char *instead, const char *what, ...)
			pg_attribute_printf(3, 4);

/* finding.c */

/* What is said of one line of a report; the lower ones are worse. */
typedef enum CsVerdict
{
	CS_VERDICT_OK,
	CS_VERDICT_INSUFFICIENT,	/* data */
	CS_VERDICT_WATCH,
	CS_VERDICT_DRIFTED,			/* segments */
	CS_VERDICT_BROKEN			/* a feed */
} CsVerdict;

typedef struct CsFinding
{
	CsVerdict	verdict;		/* the worst of all reasons */
	StringInfoData reason;
} CsFinding;

/* words.c */
extern char *CsWordsName(const char *column);
extern const char *CsWordsVerb(const char *name);
extern char *CsWordsNumber(double x);
extern char *CsWordsPercent(double share);
extern const char *CsWordsLink(int i, int n);
extern char *CsWordsCount(int64 n, const char *one, const char *many);
extern char *CsWordsText(const char *text);
extern char *CsWordsCapitalize(char *text);

extern void CsReasonAdd(StringInfo reason, const char *format, ...) pg_attribute_printf(2, 3);
extern void CsReasonAddTies(StringInfo reason, const char *what, const char *value, int64 equal,
							const int64 *counts, int nscores, int64 n);

extern void CsFindingInit(CsFinding *finding);
extern void CsFindingAdd(CsFinding *finding, CsVerdict verdict, const char *format, ...)
			pg_attribute_printf(3, 4);
extern void CsFindingDefault(CsFinding *finding, const char *format, ...)
			pg_attribute_printf(2, 3);
extern CsValue CsFindingVerdict(const CsFinding *finding);
extern CsValue CsFindingReason(const CsFinding *finding);

extern void CsAppendFormatted(StringInfo to, const char *format, va_list arguments)
			pg_attribute_printf(2, 0);

#endif							/* CUSTSEG_CALL_H */
