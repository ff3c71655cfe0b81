/*
 * read.c
 *	  Rows of custseg's tables as they are now, whatever the statement's snapshot says.
 *
 * A version that the cache has found may be younger than the statement that asks for it: so what
 * belongs to it is read as the cache reads, under the newest snapshot, which a parallel worker may
 * take, too.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/tables.h"
#include "utils/snapmgr.h"

/*
 * Run a statement and call "visit" (if not NULL) for each row, in the caller's memory context.
 * Returns the number of rows.
 */
uint64
CsCatalogRead(const char *sql, const CsValue *arguments, int narguments, CsCatalogVisitor visit,
			  void *state)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext spi_context;
	uint64		nrows;

	PushActiveSnapshot(GetCatalogSnapshot(CsModelTable()));
	SPI_connect();
	nrows = CsCatalogExecute(sql, arguments, narguments, true);
	spi_context = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < nrows && visit != NULL; i++)
	{
		CsCatalogRow row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc, (int) i};

		visit(state, &row);
	}
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	PopActiveSnapshot();
	return nrows;
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
