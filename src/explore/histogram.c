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
#define LORENZ_POINTS 101

PG_FUNCTION_INFO_V1(custseg_histogram);
PG_FUNCTION_INFO_V1(custseg_concentration);

/* The arguments of both. */
enum
{
	ARG_COLUMN = LOOK_SOURCE + 1, ARG_BINS
};

/* Read the one column, a number, that an argument names. */
static CsLook *
LookAtColumn(FunctionCallInfo fcinfo)
{
	const char *column = CsRequiredText(fcinfo, ARG_COLUMN, "column");
	CsLook	   *look = CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
								  DatumGetArrayTypeP(CsValueTexts(&column, 1).datum), true);

	CsLookRead(look);
	return look;
}

/* The number of bins that was given, or as many as suit the values. */
static int
NumberOfBins(FunctionCallInfo fcinfo, const double *sorted, int64 n)
{
	int			bins;

	if (PG_ARGISNULL(ARG_BINS))
		return CsBinsOfSorted(sorted, n, MOST_BINS);
	bins = PG_GETARG_INT32(ARG_BINS);
	if (bins < 1 || bins > MOST_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"bins\" must be between 1 and %d", MOST_BINS),
				 errdetail("It is %d.", bins),
				 errhint("Leave it out to have it chosen.")));
	return bins;
}

/* histogram(source, column, bins) */
Datum
custseg_histogram(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look;
	CsLookColumn *c;
	const double *sorted;
	double		low,
				high,
				bandwidth;
	int64		below = 0;
	int			bins;

	look = LookAtColumn(fcinfo);
	c = &look->columns[0];
	sorted = CsLookSorted(look, c);
	if (c->n == 0)
		return (Datum) 0;
	bins = NumberOfBins(fcinfo, sorted, c->n);
	low = sorted[0];
	high = sorted[c->n - 1];
	if (low == high)
	{
		/* as numpy does */
		low -= 0.5;
		high += 0.5;
	}
	bandwidth = CsBandwidth(sorted, c->n, CsMomentsDeviation(&c->moments, 1));
	for (int i = 0; i < bins; i++)
	{
		/* halves first: the range of finite numbers may be none */
		double		from = low * (1 - (double) i / bins) + high * ((double) i / bins),
					to = i + 1 == bins ? high : low * (1 - (double) (i + 1) / bins) + high * ((double) (i + 1) / bins);
		int64		end = i + 1 == bins ? c->n : CsCountBelow(sorted, c->n, to);
		double		density = bandwidth > 0 ?
			CsKernelDensity(sorted, c->n, bandwidth, from / 2 + to / 2) : NAN;

		CsResultPut(result, CsValues(CsValueInt4(i + 1),
									 CsValueFloat8(from),
									 CsValueFloat8(to),
									 CsValueInt8(end - below),
									 CsValueFloat8((double) (end - below) / (double) c->n),
									 CsValueFloat8(isfinite(density) ? density : NAN)));
		below = end;
	}
	CsLookEnd(look);
	return (Datum) 0;
}

/* The row of concentration(), of a column that has been read; its values end up sorted. */
void
CsConcentrationPut(CsResult *result, CsLook *look, CsLookColumn *c)
{
	const double *sorted = CsLookSorted(look, c);
	double		curve[LORENZ_POINTS],
				total = 0,
				gini = NAN;

	if (c->n > 0 && sorted[0] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has values below 0, which have no concentration",
						NameStr(c->column.name)),
				 errdetail("The least is %.15g.", sorted[0]),
				 errhint("Leave them out in a query: WHERE %s >= 0",
						 quote_identifier(NameStr(c->column.name)))));
	if (c->n > 0)
		gini = CsLorenz(sorted, c->n, LORENZ_POINTS, curve, &total);
	CsResultPut(result, CsValues(CsValueInt8(c->n),
								 CsValueInt8(look->nrows - c->n),
								 CsValueFloat8(total),
								 CsValueFloat8(gini),
								 CsValueFloat8(isnan(gini) ? NAN : 1 - curve[90]),
								 CsValueFloat8(isnan(gini) ? NAN : 1 - curve[99]),
								 isnan(gini) ? CsValueNull(FLOAT8ARRAYOID) :
								 CsValueNumbers(curve, LORENZ_POINTS)));
}

/* concentration(source, column): one row */
Datum
custseg_concentration(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look = LookAtColumn(fcinfo);

	CsConcentrationPut(result, look, &look->columns[0]);
	CsLookEnd(look);
	return (Datum) 0;
}
