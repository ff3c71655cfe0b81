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

/* See tables.h. */
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

/* See tables.h. */
Datum
CsRowDatum(const CsCatalogRow *row, int column, bool *isnull)
{
	return SPI_getbinval(row->tuple, row->desc, column, isnull);
}

/* See tables.h. */
char *
CsRowText(const CsCatalogRow *row, int column)
{
	return SPI_getvalue(row->tuple, row->desc, column);
}

/* See tables.h. */
int32
CsRowInt4(const CsCatalogRow *row, int column, int32 otherwise)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

/* See tables.h. */
int64
CsRowInt8(const CsCatalogRow *row, int column, int64 otherwise)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? otherwise : DatumGetInt64(value);
}

/* See tables.h. */
double
CsRowFloat8(const CsCatalogRow *row, int column)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

/* See tables.h. */
Jsonb *
CsRowJsonb(const CsCatalogRow *row, int column)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/* See tables.h. */
void
CsTakeJsonb(void *state, const CsCatalogRow *row)
{
	*(Jsonb **) state = CsRowJsonb(row, 1);
}
