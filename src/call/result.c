/*
 * result.c
 *	  Rows that functions return, checked against the row type that SQL declares.
 *
 * A row is an array of values with their types.  So a column that is added, dropped or retyped on
 * one side only is an error at the first row, and not a number that is read as another.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "call/call.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Kilobytes of a store whose rows are written to disk in any case. */
#define LITTLE_STORE 256

/* The error for a row that is not of the declared type. */
static void
ReportRow(TupleDesc desc, const CsValue *row, int n)
{
	int			i = 0;

	if (desc->natts != n)
		elog(ERROR, "a row has %d columns where %d are declared", n, desc->natts);
	while (TupleDescAttr(desc, i)->atttypid == row[i].type)
		i++;
	elog(ERROR, "column \"%s\" of a row is of type %s where %s is declared",
		 NameStr(TupleDescAttr(desc, i)->attname), format_type_be(row[i].type),
		 format_type_be(TupleDescAttr(desc, i)->atttypid));
}

/* Get the types of the columns, for which there is room. */
static inline void
GetColumnTypes(TupleDesc desc, Oid *types)
{
	for (int i = 0; i < desc->natts; i++)
		types[i] = TupleDescAttr(desc, i)->atttypid;
}

/*
 * Spread a row over the arrays that make a tuple.  Returns false unless it is of the declared
 * types; their number must be right.
 */
static inline bool
SpreadRow(const Oid *types, const CsValue *row, int n, Datum *values, bool *nulls)
{
	bool		good = true;

	for (int i = 0; i < n; i++)
	{
		good &= types[i] == row[i].type;
		values[i] = row[i].datum;
		nulls[i] = row[i].isnull;
	}
	return good;
}

/* A result whose rows go to the store. */
static CsResult *
MakeResult(Tuplestorestate *store, TupleDesc desc)
{
	CsResult   *result = palloc(sizeof(CsResult));

	result->store = store;
	result->desc = desc;
	result->types = palloc(sizeof(Oid) * desc->natts);
	GetColumnTypes(desc, result->types);
	result->values = palloc(sizeof(Datum) * desc->natts);
	result->nulls = palloc(sizeof(bool) * desc->natts);
	return result;
}

/* The materialised result set of a set-returning function, palloc'd. */
CsResult *
CsResultOpen(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo;

	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	return MakeResult(rsinfo->setResult, rsinfo->setDesc);
}

/* Bytes that a row takes in a store's memory at the least, unless some of its columns are NULL. */
static Size
LeastRowBytes(TupleDesc desc)
{
	Size		bytes = MAXALIGN(SizeofMinimalTupleHeader);
	void	   *room;

	for (int i = 0; i < desc->natts; i++)
		bytes += TupleDescAttr(desc, i)->attbyval ? TupleDescAttr(desc, i)->attlen : 1;
	/* a piece of memory is larger than what is asked for */
	room = palloc(bytes);
	bytes = GetMemoryChunkSpace(room) + sizeof(MinimalTuple);
	pfree(room);
	return bytes;
}

/*
 * Prepare the result of a set-returning function, before its first row, for about so many rows; of fewer than 0 nothing
 * is known.  A store of work_mem fills its memory before it writes a row to disk, which takes longer than to write
 * each row at once.  So where the rows will not fit, they get a store of little memory.
 */
void
CsResultExpect(FunctionCallInfo fcinfo, CsResult *result, double rows)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		is_random = (rsinfo->allowedModes & SFRM_Materialize_Random) != 0;
	MemoryContext caller;

	if (rows * LeastRowBytes(result->desc) <= work_mem * 1024.0)
		return;
	caller = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	tuplestore_end(result->store);
	result->store = rsinfo->setResult = tuplestore_begin_heap(is_random, false, Min(work_mem, LITTLE_STORE));
	MemoryContextSwitchTo(caller);
}

/*
 * A result that becomes an array: its rows are of a composite type.  Everything is in
 * CurrentMemoryContext.
 */
CsResult *
CsResultOfType(Oid type)
{
	return MakeResult(tuplestore_begin_heap(false, false, work_mem),
					  lookup_rowtype_tupdesc_copy(type, -1));
}

/*
 * A result of rows as a function of custseg returns them, for who makes the rows of several functions at once.  Everything
 * is in CurrentMemoryContext.
 */
CsResult *
CsResultOfFunction(const char *name)
{
	List	   *names = list_make2(makeString("custseg"), makeString(pstrdup(name)));
	Oid			any = InvalidOid;	/* no types are looked at, but the server wants a place for them */
	Oid			type;
	TupleDesc	desc;

	if (get_func_result_type(LookupFuncName(names, -1, &any, false), &type, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "custseg.%s() does not return rows", name);
	return MakeResult(tuplestore_begin_heap(false, false, work_mem), BlessTupleDesc(desc));
}

/* The rows of such a result as jsonb, an array of objects as to_jsonb() makes them, which ends the result. */
Jsonb *
CsResultJsonb(CsResult *result)
{
	CsValue		rows = CsResultArray(result);
	FmgrInfo	function;
	Node	   *argument = (Node *) makeNullConst(rows.type, -1, InvalidOid);

	fmgr_info(F_TO_JSONB, &function);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument), InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL), &function);
	return DatumGetJsonbP(FunctionCall1(&function, rows.datum));
}

/* The rows of such a result as an array, which ends the result. */
CsValue
CsResultArray(CsResult *result)
{
	Oid			type = result->desc->tdtypeid;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(result->desc, &TTSOpsMinimalTuple);
	ArrayBuildState *rows = initArrayResult(type, CurrentMemoryContext, false);

	while (tuplestore_gettupleslot(result->store, true, false, slot))
		(void) accumArrayResult(rows, ExecFetchSlotHeapTupleDatum(slot), false, type,
								CurrentMemoryContext);
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(result->store);
	return CsValueOf(get_array_type(type), makeArrayResult(rows, CurrentMemoryContext), false);
}

/* Add a row to the result; its values are copied. */
void
CsResultPut(CsResult *result, const CsValue *row, int n)
{
	if (unlikely(result->desc->natts != n ||
				 !SpreadRow(result->types, row, n, result->values, result->nulls)))
		ReportRow(result->desc, row, n);
	tuplestore_putvalues(result->store, result->desc, result->values, result->nulls);
}

/* Fill "row" with the values of a tuple, which they may point into. */
void
CsValuesOfTuple(HeapTuple tuple, TupleDesc desc, CsValue *row)
{
	for (int i = 0; i < desc->natts; i++)
	{
		row[i].type = TupleDescAttr(desc, i)->atttypid;
		row[i].datum = SPI_getbinval(tuple, desc, i + 1, &row[i].isnull);
	}
}

/* Fill "row" with NULLs of the declared types, as many as columns are declared. */
void
CsResultNulls(const CsResult *result, CsValue *row)
{
	for (int i = 0; i < result->desc->natts; i++)
		row[i] = CsValueNull(TupleDescAttr(result->desc, i)->atttypid);
}

/* A row of any blessed type, as a composite Datum, palloc'd. */
Datum
CsRowForm(TupleDesc desc, const CsValue *row, int n)
{
	/* one piece of memory, for this is done for each customer */
	Datum	   *values = palloc((sizeof(Datum) + sizeof(Oid) + sizeof(bool)) * Max(n, desc->natts));
	Oid		   *types = (Oid *) (values + Max(n, desc->natts));
	bool	   *nulls = (bool *) (types + Max(n, desc->natts));
	Datum		datum;

	GetColumnTypes(desc, types);
	if (desc->natts != n || !SpreadRow(types, row, n, values, nulls))
		ReportRow(desc, row, n);
	datum = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	pfree(values);
	return datum;
}

/*
 * The one row that a function of composite type returns, or an aggregate that ends in one;
 * palloc'd.
 */
Datum
CsResultRow(FunctionCallInfo fcinfo, const CsValue *row, int n)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return CsRowForm(BlessTupleDesc(desc), row, n);
}
