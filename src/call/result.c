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
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* Spread a row over the arrays that make a tuple; an error unless it is of the declared type. */
static void
SpreadRow(TupleDesc desc, const CsValue *row, int n, Datum *values, bool *nulls)
{
	if (desc->natts != n)
		elog(ERROR, "a row has %d columns where %d are declared", n, desc->natts);
	for (int i = 0; i < n; i++)
	{
		if (unlikely(TupleDescAttr(desc, i)->atttypid != row[i].type))
			elog(ERROR, "column \"%s\" of a row is of type %s where %s is declared",
				 NameStr(TupleDescAttr(desc, i)->attname), format_type_be(row[i].type),
				 format_type_be(TupleDescAttr(desc, i)->atttypid));
		values[i] = row[i].datum;
		nulls[i] = row[i].isnull;
	}
}

/* See call.h. */
CsResult *
CsResultOpen(FunctionCallInfo fcinfo)
{
	CsResult   *result = palloc(sizeof(CsResult));
	ReturnSetInfo *rsinfo;

	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	result->store = rsinfo->setResult;
	result->desc = rsinfo->setDesc;
	result->values = palloc(sizeof(Datum) * result->desc->natts);
	result->nulls = palloc(sizeof(bool) * result->desc->natts);
	return result;
}

/* See call.h. */
void
CsResultPut(CsResult *result, const CsValue *row, int n)
{
	SpreadRow(result->desc, row, n, result->values, result->nulls);
	tuplestore_putvalues(result->store, result->desc, result->values, result->nulls);
}

/* See call.h. */
void
CsValuesOfTuple(HeapTuple tuple, TupleDesc desc, CsValue *row)
{
	for (int i = 0; i < desc->natts; i++)
	{
		row[i].type = TupleDescAttr(desc, i)->atttypid;
		row[i].datum = SPI_getbinval(tuple, desc, i + 1, &row[i].isnull);
	}
}

/* See call.h. */
void
CsResultPutSelected(CsResult *result)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	CsValue    *row = palloc(sizeof(CsValue) * desc->natts);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		CsValuesOfTuple(SPI_tuptable->vals[i], desc, row);
		CsResultPut(result, row, desc->natts);
	}
	pfree(row);
}

/* See call.h. */
void
CsResultNulls(const CsResult *result, CsValue *row)
{
	for (int i = 0; i < result->desc->natts; i++)
		row[i] = CsValueNull(TupleDescAttr(result->desc, i)->atttypid);
}

/* See call.h. */
Datum
CsRowForm(TupleDesc desc, const CsValue *row, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	Datum		datum;

	SpreadRow(desc, row, n, values, nulls);
	datum = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	pfree(values);
	pfree(nulls);
	return datum;
}

/* See call.h. */
Datum
CsResultRow(FunctionCallInfo fcinfo, const CsValue *row, int n)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return CsRowForm(BlessTupleDesc(desc), row, n);
}
