/*
 * rfm.c
 *	  Scores of recency, frequency and monetary value (Hughes, Strategic Database Marketing, 1994).
 *
 * A measure is cut at its quantiles (type 7) i / bins; the score is one more than the number of cut
 * points below the value, or for recency, of which little is good, the number of bins less that number.
 * Equal values have equal scores whatever the ties, so that scores need not be spread evenly.  A value
 * that equals a cut point belongs below it: where most customers have bought once, once is the lowest
 * score.  In R's package rfm it belongs above, and then nobody has the lowest.
 */
#include "custseg.h"

#include <math.h>

#include "common/int.h"
#include "math/math.h"
#include "stat/rfm.h"

#define MICROSECONDS_A_DAY 86400e6

/* Cut n >= 1 sorted values at their quantiles i / bins. */
void
CsRfmCutAtQuantiles(CsRfmCuts *cuts, const double *sorted, int64 n)
{
	for (int i = 1; i < cuts->bins; i++)
		cuts->cut[i - 1] = CsQuantileSorted(sorted, n, (double) i / cuts->bins);
}

/* The score of a value, 1 to bins. */
int
CsRfmScore(const CsRfmCuts *cuts, double value)
{
	int			reached = 0;

	for (int i = 0; i < cuts->bins - 1; i++)
		reached += value > cuts->cut[i] || (cuts->ties_above && value == cuts->cut[i]);
	return cuts->reversed ? cuts->bins - reached : 1 + reached;
}

/*
 * Microseconds from one time to another.  From the first to the last one that a timestamp can hold are
 * more than an int64 can.
 */
static double
MicrosecondsBetween(int64 from, int64 to)
{
	int64		difference;

	if (pg_sub_s64_overflow(to, from, &difference))
		return (double) to - (double) from;
	return (double) difference;
}

/* Days of 24 hours from one time to another, both in microseconds, rounded once. */
double
CsDaysBetween(int64 from, int64 to)
{
	return MicrosecondsBetween(from, to) / MICROSECONDS_A_DAY;
}

/*
 * The gaps between n sorted times in microseconds.  OUT mean, in days, NaN below two times; variation, their standard
 * deviation (with n - 1 in the denominator) divided by the mean, NaN below three times or when the
 * mean is 0.
 */
void
CsGapsBetween(const int64 *sorted, int64 n, double *mean, double *variation)
{
	CsMoments	gaps = {0};

	*mean = *variation = NAN;
	if (n < 2)
		return;
	*mean = MicrosecondsBetween(sorted[0], sorted[n - 1]) / (n - 1) / MICROSECONDS_A_DAY;
	if (n < 3 || *mean == 0)
		return;
	for (int64 i = 1; i < n; i++)
		CsMomentsAddValue(&gaps, CsDaysBetween(sorted[i - 1], sorted[i]));
	*variation = CsMomentsDeviation(&gaps, 1) / *mean;
}
