/*
 * hellinger.c
 *	  Hellinger's distance of the shares of two samples: sqrt(sum (sqrt p - sqrt q)^2 / 2), 0 when they
 *	  are the same, 1 when the samples have none in common (Hellinger, Journal fuer die reine und
 *	  angewandte Mathematik 136, 1909).
 *
 * Samples from one distribution have 8 n m / (n + m) of its square as chi-square with B - 1 degrees of
 * freedom, B the bins or levels that are not empty in both: Freeman and Tukey's statistic (Annals of
 * Mathematical Statistics 21, 1950) of two samples.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/statistic.h"

/* The distance's square. */
static double
SquaredDistance(int bins, const double *baseline, const double *current)
{
	double		sum = 0,
				compensation = 0;

	for (int i = 0; i < bins; i++)
	{
		double		off = sqrt(baseline[i]) - sqrt(current[i]);

		CsAddCompensated(&sum, &compensation, off * off);
	}
	return Min((sum + compensation) / 2, 1);
}

/* Hellinger's distance of two vectors of shares: 0 to 1. */
double
CsHellinger(int bins, const double *baseline, const double *current)
{
	return sqrt(SquaredDistance(bins, baseline, current));
}

static CsMeasure
Measure(const CsComparison *c)
{
	double		n = c->counted[CS_BASELINE],
				m = c->counted[CS_CURRENT],
				rows = n * m / (n + m),
				common,
				squared = SquaredDistance(c->nparts, c->share[CS_BASELINE], c->share[CS_CURRENT]);
	int			df = -1;
	CsMeasure	result;

	for (int i = 0; i < c->nparts; i++)
		df += c->share[CS_BASELINE][i] > 0 || c->share[CS_CURRENT][i] > 0;
	/* chance adds df / 8 rows to the square, whose variance follows by the delta method */
	common = 1 - squared;
	result = CsMeasureBetween(sqrt(squared), df > 0 ? CsChiSquareUpper(8 * rows * squared, df) : NAN,
							  Max(squared - Max(df, 0) / (8 * rows), 0),
							  sqrt((1 - common * common) / (4 * rows)));
	result.low = sqrt(result.low);
	result.high = sqrt(Min(result.high, 1));
	return result;
}

const CsStatistic CsStatistic_hellinger = {
	"hellinger", .of_numbers = true, .of_levels = true, .words = "Hellinger", .watch = INFINITY,
	.drifted = INFINITY, .most = 1, .measure = Measure
};
