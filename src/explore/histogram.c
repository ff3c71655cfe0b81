/*
 * histogram.c
 *	  One column of numbers: histogram() with a density, and concentration().
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "explore/explore.h"
#include "math/math.h"
#include "utils/builtins.h"

#define MOST_BINS 1000

/* An error of Gini's coefficient that is told. */
#define NOTED_ERROR 1e-9

PG_FUNCTION_INFO_V1(custseg_histogram);
PG_FUNCTION_INFO_V1(custseg_concentration);

/* The arguments of both. */
enum
{
	ARG_COLUMN = LOOK_SOURCE + 1, ARG_BINS
};

/* Open the one column, a number, that an argument names. */
static CsLook *
OpenColumn(FunctionCallInfo fcinfo)
{
	const char *column = CsRequiredText(fcinfo, ARG_COLUMN, "column");

	return CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
					  DatumGetArrayTypeP(CsValueTexts(&column, 1).datum), true);
}

/* The number of bins that was given, or as many as suit the values. */
static int
NumberOfBins(FunctionCallInfo fcinfo, const CsHistogram *h)
{
	int			bins;

	if (PG_ARGISNULL(ARG_BINS))
		return CsBinsOf(h->high - h->low, h->iqr, h->n, MOST_BINS);
	bins = PG_GETARG_INT32(ARG_BINS);
	if (bins < 1 || bins > MOST_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"bins\" must be between 1 and %d", MOST_BINS),
				 errdetail("It is %d.", bins),
				 errhint("Leave it out to have it chosen.")));
	return bins;
}

/* Where a bin begins, from 0, and the one before it ends. */
double
CsHistogramEdge(const CsHistogram *h, int bin)
{
	double		share = (double) bin / h->bins;

	/* halves first: the range of finite numbers may be none */
	return bin == h->bins ? h->high : h->low * (1 - share) + h->high * share;
}

/* The middle of a bin. */
double
CsHistogramMiddle(const CsHistogram *h, int bin)
{
	return CsHistogramEdge(h, bin) / 2 + CsHistogramEdge(h, bin + 1) / 2;
}

/* How far sorted values lie apart; there are some. */
static void
SpreadOfSorted(const CsLookColumn *c, const double *sorted, CsHistogram *h)
{
	h->low = sorted[0];
	h->high = sorted[c->n - 1];
	h->iqr = CsQuantileSorted(sorted, c->n, 0.75) - CsQuantileSorted(sorted, c->n, 0.25);
	h->deviation = CsMomentsDeviation(&c->moments, 1);
}

/* Count sorted values by bins, and find the density. */
static void
CountSorted(const double *sorted, CsHistogram *h)
{
	double		bandwidth = CsBandwidth(h->iqr, h->n, h->deviation);

	for (int i = 0; i < h->bins; i++)
	{
		h->below[i] = i + 1 == h->bins ? h->n : CsCountBelow(sorted, h->n, CsHistogramEdge(h, i + 1));
		h->density[i] = bandwidth > 0 ? CsKernelDensity(sorted, h->n, bandwidth, CsHistogramMiddle(h, i)) : NAN;
	}
}

/* Divide the range into bins, with room for what they hold. */
static void
DivideRange(CsHistogram *h, int bins)
{
	h->bins = bins;
	h->below = palloc0(sizeof(int64) * bins);
	h->density = palloc(sizeof(double) * bins);
	if (h->low < h->high)
		return;
	/* as numpy does */
	h->low -= 0.5;
	h->high += 0.5;
}

/* The rows of histogram(). */
static void
PutHistogram(CsResult *result, const CsHistogram *h)
{
	for (int i = 0; i < h->bins; i++)
	{
		int64		n = h->below[i] - (i > 0 ? h->below[i - 1] : 0);

		CsResultPut(result, CsValues(CsValueInt4(i + 1),
									 CsValueFloat8(CsHistogramEdge(h, i)),
									 CsValueFloat8(CsHistogramEdge(h, i + 1)),
									 CsValueInt8(n),
									 CsValueFloat8((double) n / (double) h->n),
									 CsValueFloat8(isfinite(h->density[i]) ? h->density[i] : NAN)));
	}
}

/* histogram(source, column, bins) */
Datum
custseg_histogram(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look = OpenColumn(fcinfo);
	struct CsStudy *study = CsLookStudy(look);
	CsLookColumn *c = &look->columns[0];
	CsHistogram h = {0};
	const double *sorted = NULL;

	if (study == NULL)
	{
		CsLookRead(look);
		sorted = CsLookSorted(look, c);
	}
	h.n = c->n;
	if (h.n == 0)
		return (Datum) 0;
	if (study != NULL)
		CsHistogramSpreadByPasses(look, study, &h);
	else
		SpreadOfSorted(c, sorted, &h);
	DivideRange(&h, NumberOfBins(fcinfo, &h));
	if (study != NULL)
		CsHistogramCountByPasses(study, &h);
	else
		CountSorted(sorted, &h);
	PutHistogram(result, &h);
	CsLookEnd(look);
	return (Datum) 0;
}

/* An error where the least value of a column is below 0. */
void
CsConcentrationReject(const CsLookColumn *c, double least)
{
	if (!(least < 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" has values below 0, which have no concentration", NameStr(c->column.name)),
			 errdetail("The least is %.15g.", least),
			 errhint("Leave them out in a query: WHERE %s >= 0", quote_identifier(NameStr(c->column.name)))));
}

/* The row of concentration() of the one column of a look that is measured; a total that no double holds is NULL. */
static void
PutMeasures(CsResult *result, const CsLook *look, const CsLookColumn *c, double total, double gini, const double *curve)
{
	CsResultPut(result, CsValues(CsValueInt8(c->n),
								 CsValueInt8(look->nrows - c->n),
								 CsValueFloat8(isfinite(total) ? total : NAN),
								 CsValueFloat8(gini),
								 CsValueFloat8(isnan(gini) ? NAN : 1 - curve[90]),
								 CsValueFloat8(isnan(gini) ? NAN : 1 - curve[99]),
								 isnan(gini) ? CsValueNull(FLOAT8ARRAYOID) :
								 CsValueNumbers(curve, CS_LORENZ_POINTS)));
}

/* The row of concentration(), of a column that has been read; its values end up sorted. */
void
CsConcentrationPut(CsResult *result, CsLook *look, CsLookColumn *c)
{
	const double *sorted = CsLookSorted(look, c);
	double		curve[CS_LORENZ_POINTS],
				total = 0,
				gini = NAN;

	if (c->n > 0)
	{
		CsConcentrationReject(c, sorted[0]);
		gini = CsLorenz(sorted, c->n, CS_LORENZ_POINTS, curve, &total);
	}
	PutMeasures(result, look, c, total, gini, curve);
}

/* Likewise of the one column of a look whose values other servers add up: where they do not fit into memory. */
static void
PutByPasses(CsResult *result, const CsLook *look, struct CsStudy *study)
{
	const CsLookColumn *c = &look->columns[0];
	double		curve[CS_LORENZ_POINTS],
				total = 0,
				gini = NAN,
				error = 0;

	if (c->n > 0)
		gini = CsConcentrationByPasses(c, study, curve, &total, &error);
	if (error > NOTED_ERROR)
		ereport(NOTICE,
				(errmsg("\"gini\" is that of all values to within %.0e", pow(10, ceil(log10(error)))),
				 errdetail("Values that do not fit into maintenance_work_mem are added up quantiles; all else is exact.")));
	PutMeasures(result, look, c, total, gini, curve);
}

/* concentration(source, column): one row */
Datum
custseg_concentration(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look = OpenColumn(fcinfo);
	struct CsStudy *study = CsLookStudy(look);

	if (study != NULL && !CsConcentrationFits(study))
	{
		PutByPasses(result, look, study);
		return (Datum) 0;
	}
	/* a study has counted already */
	if (study != NULL)
		look = OpenColumn(fcinfo);
	CsLookRead(look);
	CsConcentrationPut(result, look, &look->columns[0]);
	CsLookEnd(look);
	return (Datum) 0;
}
