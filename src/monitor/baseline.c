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

static const char *const baseline_sql =
"SELECT f.n, f.n_null, f.mean, f.standard_deviation, f.minimum, f.maximum, f.quantiles,"
" f.levels, f.level_counts, v.n_rows,"
" (v.skipped OPERATOR(pg_catalog.->>) pg_catalog.format('null in column \"%s\"', f.name))::pg_catalog.int8 "
"FROM custseg.feature AS f "
"JOIN custseg.model_version AS v ON v.model OPERATOR(pg_catalog.=) f.model"
" AND v.version OPERATOR(pg_catalog.=) f.version "
"WHERE f.model OPERATOR(pg_catalog.=) $1 AND f.version OPERATOR(pg_catalog.=) $2 "
"ORDER BY f.position";

/* The quantiles of numbers, none for a category. */
static void
ReadQuantiles(const CsCatalogRow *row, CsBaseline *b)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, 7, &isnull);
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
ReadLevels(const CsCatalogRow *row, CsBaseline *b)
{
	bool		isnull;
	Datum		levels = CsRowDatum(row, 8, &isnull);
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
	counts = CsRowDatum(row, 9, &isnull);
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
AddSkipped(const CsCatalogRow *row, CsBaseline *b)
{
	int64		n_rows = CsRowInt8(row, 10, 0);
	int64		skipped = CsRowInt8(row, 11, 0);

	if (n_rows == 0)
		return;
	skipped = (int64) rint((double) skipped * b->n / n_rows);
	b->n += skipped;
	b->n_null += skipped;
}

/* What TakeBaseline fills. */
typedef struct Reading
{
	int			nfeatures;
	CsBaseline *baselines;
} Reading;

/* CsCatalogVisitor: the baseline of a feature. */
static void
TakeBaseline(void *state, const CsCatalogRow *row)
{
	Reading    *r = state;
	CsBaseline *b = &r->baselines[row->number];

	if (row->number >= r->nfeatures)
		return;
	b->n = CsRowInt8(row, 1, 0);
	b->n_null = CsRowInt8(row, 2, 0);
	b->mean = CsRowFloat8(row, 3);
	b->sd = CsRowFloat8(row, 4);
	b->minimum = CsRowFloat8(row, 5);
	b->maximum = CsRowFloat8(row, 6);
	ReadQuantiles(row, b);
	ReadLevels(row, b);
	AddSkipped(row, b);
}

/*
 * The baselines of all features, as they were frozen with a version; palloc'd.  They are what
 * training made, except that rows which training skipped because the feature was missing are
 * counted as rows without a value.
 */
CsBaseline *
CsBaselinesRead(const CsScorer *scorer)
{
	Reading		r = {CsScorerPipeline(scorer)->nfeatures};

	r.baselines = palloc0(sizeof(CsBaseline) * r.nfeatures);
	if (CsScorerRead(scorer, baseline_sql, TakeBaseline, &r) != r.nfeatures)
		CsReportDroppedVersion(scorer);
	return r.baselines;
}
