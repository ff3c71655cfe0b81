/*
 * correlations.c
 *	  How columns go together, pair by pair: correlations().
 *
 * Each pair takes the rows that have both.  Columns without a missing value are ranked once and correlated all
 * together; ranks of a pair of which one has are those of the rows that the pair has.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "data/fetch.h"
#include "explore/explore.h"
#include "miscadmin.h"
#include "parallel/large.h"
#include "stat/correlation.h"

PG_FUNCTION_INFO_V1(custseg_correlations);

/* Two columns without the rows that lack one of them, and their ranks; a double a row each. */
typedef struct Pair
{
	double	   *x,
			   *y,
			   *rank_x,
			   *rank_y,
			   *work;			/* two a row */
} Pair;

/* Correlations of the columns without a missing value, ncolumns x ncolumns; others are not set. */
typedef struct Matrices
{
	double	   *pearson;
	double	   *spearman;
} Matrices;

static double *
NewColumn(int64 nrows, int times)
{
	return CsLargeAlloc(CurrentMemoryContext, sizeof(double) * Max(nrows, 1) * times);
}

/* The bytes that ranking so many rows takes, the values among them. */
Size
CsCorrelationsMemory(int64 nrows, int ncolumns)
{
	return mul_size(nrows, sizeof(double) * (2 * (Size) ncolumns + 6));
}

/* Is there room to correlate the columns of a look, numbers or not? */
bool
CsCorrelationsFit(const CsLook *look)
{
	return look->nrows <= CS_MAX_RANKED && CsCorrelationsMemory(look->nrows, look->ncolumns) <= CsMemoryLimit();
}

/* Hold what ranking takes to maintenance_work_mem, beside the values. */
static void
CheckMemory(const CsLook *look)
{
	Size		needed = CsCorrelationsMemory(look->nrows, look->ncolumns);
	const char *sample;

	if (CsCorrelationsFit(look))
		return;
	sample = CsSampleOf(look->relation, 1.25 * (double) needed / (double) CsMemoryLimit());
	if (look->nrows > CS_MAX_RANKED)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("correlations of more than %lld rows are not supported",
						(long long) CS_MAX_RANKED),
				 errhint("Give a sample as the source: %s.", sample)));
	CsMemoryError(needed, psprintf("give a sample as the source: %s", sample),
				  "correlating %d columns of %lld rows", look->ncolumns, (long long) look->nrows);
}

/* Put the correlations of "d" columns where the columns are in a matrix of all. */
static void
Spread(const double *r, const int *where, int d, int ncolumns, double *matrix)
{
	for (int a = 0; a < d; a++)
		for (int b = a + 1; b < d; b++)
			matrix[where[a] * ncolumns + where[b]] = r[a * d + b];
}

/* Both correlations of d columns without a missing value, and of ranks that are made of them; palloc'd. */
static CsCompleteCorrelations
Correlate(const CsLook *look, const int *where, int d, double *work)
{
	Size		cells = mul_size(sizeof(double) * d, d);
	double	   *pearson = palloc(cells),
			   *spearman = palloc(cells);
	CsCorrelated *columns = palloc(sizeof(CsCorrelated) * d);

	for (int i = 0; i < d; i++)
		columns[i] = (CsCorrelated) {.values = look->columns[where[i]].values, .moments = look->columns[where[i]].moments};
	CsCorrelationMatrix(columns, d, look->nrows, pearson);
	for (int i = 0; i < d; i++)
	{
		double	   *ranks = NewColumn(look->nrows, 1);

		CsRanks(columns[i].values, look->nrows, ranks, work);
		columns[i] = (CsCorrelated) {.values = ranks, .moments = CsRankMoments(look->nrows)};
	}
	CsCorrelationMatrix(columns, d, look->nrows, spearman);
	return (CsCompleteCorrelations) {pearson, spearman};
}

/* Both correlations of all columns without a missing value; they are given, if they are known. */
static Matrices
CorrelateComplete(const CsLook *look, const CsCompleteCorrelations *known, double *work)
{
	int			ncolumns = look->ncolumns,
				d = 0;
	Size		cells = mul_size(sizeof(double) * ncolumns, ncolumns);
	Matrices	m = {palloc(cells), palloc(cells)};
	int		   *where = palloc(sizeof(int) * ncolumns);
	CsCompleteCorrelations complete;

	for (int i = 0; i < ncolumns; i++)
	{
		if (look->columns[i].n == look->nrows && look->nrows > 0)
			where[d++] = i;
	}
	if (d < 2)
		return m;
	complete = known != NULL ? *known : Correlate(look, where, d, work);
	Spread(complete.pearson, where, d, ncolumns, m.pearson);
	Spread(complete.spearman, where, d, ncolumns, m.spearman);
	return m;
}

/* Put the rows that have both columns together; returns how many. */
static int64
TakePair(const CsLook *look, const CsLookColumn *a, const CsLookColumn *b, Pair *pair)
{
	int64		n = 0;

	for (int64 i = 0; i < look->nrows; i++)
	{
		CsCheckInterrupts(i);
		if (isnan(a->values[i]) || isnan(b->values[i]))
			continue;
		pair->x[n] = a->values[i];
		pair->y[n++] = b->values[i];
	}
	return n;
}

/* Both correlations of two columns, of the rows that have both; returns how many. */
static int64
CorrelatePair(const CsLook *look, const CsLookColumn *a, const CsLookColumn *b, Pair *pair, double *r)
{
	int64		n = TakePair(look, a, b, pair);

	r[0] = r[1] = NAN;
	if (n == 0)
		return 0;
	CsRanks(pair->x, n, pair->rank_x, pair->work);
	CsRanks(pair->y, n, pair->rank_y, pair->work);
	r[0] = CsCorrelation(pair->x, pair->y, n);
	r[1] = CsCorrelation(pair->rank_x, pair->rank_y, n);
	return n;
}

/* The line of one pair; Pearson's correlations are known, or NULL. */
static void
PutPair(CsResult *result, const CsLook *look, int a, int b, const Matrices *complete, Pair *pair, const CsPearson *known)
{
	const CsLookColumn *ca = &look->columns[a],
			   *cb = &look->columns[b];
	int64		n = look->nrows;
	double		r[2] = {NAN, NAN};
	CsPearson	pearson;

	if (ca->n < n || cb->n < n)
		n = CorrelatePair(look, ca, cb, pair, r);
	else if (n > 0)
	{
		r[0] = complete->pearson[a * look->ncolumns + b];
		r[1] = complete->spearman[a * look->ncolumns + b];
	}
	pearson = known == NULL ? (CsPearson) {n, r[0]} : known[(Size) a * look->ncolumns + b];
	CsResultPut(result, CsValues(CsValueText(NameStr(ca->column.name)),
								 CsValueText(NameStr(cb->column.name)),
								 CsValueInt8(pearson.n),
								 CsValueFloat8(pearson.r), CsValueFloat8(CsCorrelationP(pearson.r, pearson.n)),
								 CsValueFloat8(r[1]), CsValueFloat8(CsCorrelationP(r[1], n))));
}

/*
 * The rows of correlations(), of columns of numbers whose rows are kept; others are left out.  Correlations of the columns
 * without a missing value may be known, else NULL.  Where all columns are numbers, their rows may be a
 * sample, if Pearson's correlations of all rows are given, as many by as many; else NULL.
 */
void
CsCorrelationsPut(CsResult *result, const CsLook *all, const CsCompleteCorrelations *known, const CsPearson *pearson)
{
	CsLook		look = *all;
	Pair		pair;
	Matrices	complete;

	look.columns = palloc_extended(sizeof(CsLookColumn) * Max(look.ncolumns, 1), MCXT_ALLOC_HUGE);
	look.ncolumns = 0;
	for (int i = 0; i < all->ncolumns; i++)
	{
		if (all->columns[i].values == NULL && all->nrows > 0)
			continue;
		look.columns[look.ncolumns++] = all->columns[i];
	}
	CheckMemory(&look);
	pair.x = NewColumn(look.nrows, 1);
	pair.y = NewColumn(look.nrows, 1);
	pair.rank_x = NewColumn(look.nrows, 1);
	pair.rank_y = NewColumn(look.nrows, 1);
	pair.work = NewColumn(look.nrows, 2);
	complete = CorrelateComplete(&look, known, pair.work);
	for (int a = 0; a < look.ncolumns; a++)
		for (int b = a + 1; b < look.ncolumns; b++)
			PutPair(result, &look, a, b, &complete, &pair, pearson);
}

/* correlations(source, columns) */
Datum
custseg_correlations(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look;

	look = CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
					  CsArrayArgument(fcinfo, LOOK_COLUMNS), true);
	if (look->ncolumns < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no two columns of numbers to compare"),
				 errhint("Name at least two; text columns have no correlation.")));
	look->keep_rows = true;
	if (CsCorrelationsByPasses(result, look))
		return (Datum) 0;
	CsLookRead(look);
	CsCorrelationsPut(result, look, NULL, NULL);
	CsLookEnd(look);
	return (Datum) 0;
}
