/*
 * baseline.c
 *	  What a version's features were like in training, as custseg.feature keeps it.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "monitor/monitor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

static const char *const baseline_sql =
"SELECT f.n, f.n_null, f.mean, f.standard_deviation, f.minimum, f.maximum, f.quantiles,"
" f.levels, f.level_counts, v.n_rows,"
" (v.skipped OPERATOR(pg_catalog.->>) pg_catalog.format('null in column \"%s\"', f.name))::pg_catalog.int8 "
"FROM custseg.feature AS f "
"JOIN custseg.model_version AS v ON v.model OPERATOR(pg_catalog.=) f.model"
" AND v.version OPERATOR(pg_catalog.=) f.version "
"WHERE f.model OPERATOR(pg_catalog.=) $1 AND f.version OPERATOR(pg_catalog.=) $2 "
"ORDER BY f.position";

/* A column of a row, 0 when it is NULL. */
static Datum
GetValue(HeapTuple tuple, int column, bool *isnull)
{
	return SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, isnull);
}

/* A float8 column, NaN when it is NULL. */
static double
GetDouble(HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = GetValue(tuple, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

/* A bigint column that is not NULL. */
static int64
GetCount(HeapTuple tuple, int column)
{
	bool		isnull;

	return DatumGetInt64(GetValue(tuple, column, &isnull));
}

/* The quantiles of numbers, none for a category. */
static void
ReadQuantiles(HeapTuple tuple, CsBaseline *b)
{
	bool		isnull;
	Datum		value = GetValue(tuple, 7, &isnull);
	Datum	   *elements;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &b->nquantiles);
	b->quantiles = palloc(sizeof(double) * Max(b->nquantiles, 1));
	for (int i = 0; i < b->nquantiles; i++)
		b->quantiles[i] = DatumGetFloat8(elements[i]);
}

/* The levels of a category and their rows. */
static void
ReadLevels(HeapTuple tuple, CsBaseline *b)
{
	bool		isnull;
	Datum		levels = GetValue(tuple, 8, &isnull);
	Datum		counts;
	Datum	   *elements;
	bool	   *nulls;
	int			ncounts;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(levels), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &b->nlevels);
	b->levels = palloc(sizeof(char *) * Max(b->nlevels, 1));
	b->level_counts = palloc0(sizeof(int64) * Max(b->nlevels, 1));
	for (int i = 0; i < b->nlevels; i++)
		b->levels[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
	counts = GetValue(tuple, 9, &isnull);
	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(counts), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &ncounts);
	for (int i = 0; i < Min(ncounts, b->nlevels); i++)
		b->level_counts[i] = DatumGetInt64(elements[i]);
}

/*
 * Count the rows that training skipped because they lack the feature.  They were counted over all
 * rows, of which the baseline may be a sample.
 */
static void
AddSkipped(HeapTuple tuple, CsBaseline *b)
{
	bool		isnull;
	int64		n_rows = GetCount(tuple, 10);
	int64		skipped = DatumGetInt64(GetValue(tuple, 11, &isnull));

	if (isnull || n_rows == 0)
		return;
	skipped = (int64) rint((double) skipped * b->n / n_rows);
	b->n += skipped;
	b->n_null += skipped;
}

/* See monitor.h. */
CsBaseline *
CsBaselinesRead(const CsScorer *scorer)
{
	MemoryContext context = CurrentMemoryContext;
	const CsPipeline *p = CsScorerPipeline(scorer);
	CsBaseline *result = palloc0(sizeof(CsBaseline) * p->nfeatures);
	CsValue		arguments[2];
	uint64		nrows;
	MemoryContext spi_context;

	/* the newest snapshot, as the cache's: the version may be younger than the statement */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	arguments[0] = CsValueText(NameStr(scorer->model));
	arguments[1] = CsValueInt4(scorer->version);
	nrows = CsCatalogExecute(baseline_sql, arguments, lengthof(arguments), true);
	if (nrows != p->nfeatures)
		CsReportDroppedVersion(scorer);
	spi_context = MemoryContextSwitchTo(context);
	for (int i = 0; i < p->nfeatures; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		CsBaseline *b = &result[i];

		b->n = GetCount(tuple, 1);
		b->n_null = GetCount(tuple, 2);
		b->mean = GetDouble(tuple, 3);
		b->sd = GetDouble(tuple, 4);
		b->minimum = GetDouble(tuple, 5);
		b->maximum = GetDouble(tuple, 6);
		ReadQuantiles(tuple, b);
		ReadLevels(tuple, b);
		AddSkipped(tuple, b);
	}
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	PopActiveSnapshot();
	return result;
}
