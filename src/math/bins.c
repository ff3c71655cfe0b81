/*
 * bins.c
 *	  Values cut into bins: how full they are.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"

/*
 * Count the sorted values in each of ncuts + 1 bins; a value that equals a cut point belongs above it, or
 * else below.  Reversed, the counts begin with the highest bin.
 */
void
CsBinCounts(const double *sorted, int64 n, const double *cuts, int ncuts, bool ties_above,
			bool reversed, int64 *counts)
{
	int64		before = 0;

	for (int i = 0; i <= ncuts; i++)
	{
		int64		upto = i == ncuts ? n :
			CsCountBelow(sorted, n, ties_above ? cuts[i] : nextafter(cuts[i], INFINITY));

		counts[reversed ? ncuts - i : i] = upto - before;
		before = upto;
	}
}

/* The value that most of n >= 1 sorted values are, the least of several; OUT *equal: how many are. */
double
CsMostFrequent(const double *sorted, int64 n, int64 *equal)
{
	int64		at = 0,
				run = 0;

	*equal = 0;
	for (int64 i = 0; i < n; i++)
	{
		run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
		if (run <= *equal)
			continue;
		*equal = run;
		at = i;
	}
	return sorted[at];
}

/*
 * The value at x of the line through n points whose x ascend; before the first and past the last the
 * value is theirs.
 */
double
CsInterpolate(int n, const double *from, const double *to, double x)
{
	int64		above = CsCountBelow(from, n, x);

	if (above == 0)
		return to[0];
	if (above == n)
		return to[n - 1];
	return CsBetweenValues(to[above - 1], to[above], (x - from[above - 1]) / (from[above] - from[above - 1]));
}
