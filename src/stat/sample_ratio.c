/*
 * sample_ratio.c
 *	  Were the arms of an experiment filled in the ratio that was meant?  Pearson's chi-square against
 *	  expected counts.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/arms.h"
#include "stat/tests.h"

/*
 * Test the counts of k arms against weights, which are above 0.  Nothing is known where all counts are 0, or
 * of a single arm.
 */
CsSampleRatio
CsSampleRatioTest(const int64 *counts, const double *weights, int k)
{
	double		n = 0,
				whole = 0,
				sum = 0,
				compensation = 0,
				least = INFINITY;

	for (int v = 0; v < k; v++)
	{
		n += (double) counts[v];
		whole += weights[v];
	}
	for (int v = 0; v < k; v++)
	{
		double		expected = n * (weights[v] / whole),
					off = (double) counts[v] - expected;

		least = Min(least, expected);
		CsAddCompensated(&sum, &compensation, off * off / expected);
	}
	if (k < 2 || n == 0)
		return (CsSampleRatio) {NAN, NAN, NAN, n == 0 ? 0 : least};
	sum += compensation;
	return (CsSampleRatio) {sum, k - 1, CsChiSquareUpper(sum, k - 1), least};
}
