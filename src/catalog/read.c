/*
 * read.c
 *	  Rows of custseg's tables as the statement sees them, in a parallel worker, too.
 */
#include "custseg.h"

#include <math.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/tables.h"
#include "funcapi.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* Columns of custseg.model. */
enum
{
	MODEL_NAME = 1, MODEL_DEPLOYED_VERSION = 3, MODEL_KIND = 4
};

/* Read a model's row as a snapshot sees it, or with NULL the newest; false when there is none. */
bool
CsModelRowRead(const char *model, Snapshot snapshot, CsModelRow *row)
{
	Relation	rel = table_open(CsModelTable(), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	list_free(RelationGetIndexList(rel));	/* finds the primary key */
	ScanKeyEntryInitialize(&key, 0, MODEL_NAME, BTEqualStrategyNumber, InvalidOid,
						   DEFAULT_COLLATION_OID, F_TEXTEQ, CStringGetTextDatum(model));
	scan = systable_beginscan(rel, rel->rd_pkindex, true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, MODEL_DEPLOYED_VERSION, RelationGetDescr(rel),
										   &isnull);

		row->written_by = HeapTupleHeaderGetRawXmin(tuple->t_data);
		row->place = tuple->t_self;
		row->deployed_version = isnull ? 0 : DatumGetInt32(version);
		row->kind = CsModelKindNamed(TextDatumGetCString(heap_getattr(tuple, MODEL_KIND,
																	  RelationGetDescr(rel), &isnull)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/*
 * Does a snapshot see that very row?  Then it is the model's row for that snapshot.  This takes no
 * index.
 */
bool
CsModelRowIsSeen(const CsModelRow *row, Snapshot snapshot)
{
	Relation	rel = table_open(CsModelTable(), AccessShareLock);
	HeapTupleData tuple = {.t_self = row->place};
	Buffer		buffer;
	bool		seen = false;

	if (heap_fetch(rel, snapshot, &tuple, &buffer, false))
	{
		seen = HeapTupleHeaderGetRawXmin(tuple.t_data) == row->written_by;
		ReleaseBuffer(buffer);
	}
	table_close(rel, AccessShareLock);
	return seen;
}

/* Are these the same row, not changed in between? */
bool
CsModelRowIs(const CsModelRow *a, const CsModelRow *b)
{
	return a->written_by == b->written_by &&
		memcmp(&a->place, &b->place, sizeof(a->place)) == 0;
}

/* CsCatalogRead(), and CsCatalogReadKept() where the plan is not NULL. */
static uint64
Read(SPIPlanPtr *plan, const char *sql, const CsValue *arguments, int narguments, CsCatalogVisitor visit, void *state)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext spi_context;
	uint64		nrows;

	SPI_connect();
	nrows = plan == NULL ? CsCatalogExecute(sql, arguments, narguments, true) :
		CsCatalogExecuteKept(plan, sql, arguments, narguments, true);
	spi_context = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < nrows && visit != NULL; i++)
	{
		CsCatalogRow row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc, (int) i};

		CHECK_FOR_INTERRUPTS();
		visit(state, &row);
	}
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	return nrows;
}

/*
 * Run a statement and call "visit" (if not NULL) for each row, in the caller's memory context.
 * Returns the number of rows.
 */
uint64
CsCatalogRead(const char *sql, const CsValue *arguments, int narguments, CsCatalogVisitor visit,
			  void *state)
{
	return Read(NULL, sql, arguments, narguments, visit, state);
}

/* Likewise by a statement whose plan the session keeps, as CsCatalogExecuteKept() has it. */
uint64
CsCatalogReadKept(SPIPlanPtr *plan, const char *sql, const CsValue *arguments, int narguments, CsCatalogVisitor visit,
				  void *state)
{
	return Read(plan, sql, arguments, narguments, visit, state);
}

/*
 * The texts (char *) in the first column of what a statement finds, palloc'd; NULL is left out.  Outside SPI; read_only
 * as CsCatalogExecute has it.
 */
List *
CsCatalogTexts(const char *sql, const CsValue *arguments, int narguments, bool read_only)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *texts = NIL;

	SPI_connect();
	(void) CsCatalogExecute(sql, arguments, narguments, read_only);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *text = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (text != NULL)
			texts = lappend(texts, text);
	}
	SPI_finish();
	return texts;
}

/* The int that the statement gave that was run last, inside SPI; "otherwise" for NULL or no row. */
int32
CsFoundInt4(int32 otherwise)
{
	bool		isnull = true;
	Datum		value = (Datum) 0;

	if (SPI_processed > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? otherwise : DatumGetInt32(value);
}

/* Put the rows that the statement gave that was run last, inside SPI, to a result of their columns. */
void
CsFoundPut(CsResult *result)
{
	CsValue    *row = palloc(sizeof(CsValue) * SPI_tuptable->tupdesc->natts);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CsValuesOfTuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row);
		CsResultPut(result, row, SPI_tuptable->tupdesc->natts);
	}
	pfree(row);
}

/*
 * The row that the statement gave that was run last, inside SPI, as what a function returns that is declared to return
 * such rows; it outlives SPI.
 */
Datum
CsFoundRow(FunctionCallInfo fcinfo)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleHeaderGetDatum(SPI_returntuple(SPI_tuptable->vals[0], BlessTupleDesc(desc)));
}

/* A column of a row as it is; it belongs to the row. */
Datum
CsRowDatum(const CsCatalogRow *row, int column, bool *isnull)
{
	return SPI_getbinval(row->tuple, row->desc, column, isnull);
}

/* A column of type text or name, palloc'd; NULL for NULL. */
char *
CsRowText(const CsCatalogRow *row, int column)
{
	return SPI_getvalue(row->tuple, row->desc, column);
}

/* A column of type int; "otherwise" for NULL. */
int32
CsRowInt4(const CsCatalogRow *row, int column, int32 otherwise)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

/* A column of type bigint; "otherwise" for NULL. */
int64
CsRowInt8(const CsCatalogRow *row, int column, int64 otherwise)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt64(value);
}

/* A column of type float8; NaN for NULL. */
double
CsRowFloat8(const CsCatalogRow *row, int column)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

/* A column of type jsonb, palloc'd; NULL for NULL. */
Jsonb *
CsRowJsonb(const CsCatalogRow *row, int column)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/* A visitor whose state is a Jsonb *: set it to a copy of the first column. */
void
CsTakeJsonb(void *state, const CsCatalogRow *row)
{
	*(Jsonb **) state = CsRowJsonb(row, 1);
}
