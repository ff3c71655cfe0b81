/*
 * ks.c
 *	  The two-sample Kolmogorov-Smirnov test.
 *
 * D is the largest distance between the two samples' distribution functions, taken where both
 * have jumped, so that ties are right.  It is kept as an integer, D n m, until the end: whether a
 * path reaches it is then no matter of rounding.
 *
 * p is the probability that a random order of n + m different values has a D as large.  An order
 * is a path of n steps to the right and m steps up; it must leave the band |i m - j n| < D n m.
 * Up to 10,000 values a side that is computed exactly:
 *
 * - n = m: Gnedenko and Korolyuk's sum by reflections, in the nested form of Hodges, The
 *   Significance Probability of the Smirnov Two-Sample Test, Arkiv foer Matematik 3, 1958;
 * - else the recursion of Viehmann, Numerically more stable computation of the p-values for the
 *   two-sample Kolmogorov-Smirnov test, arXiv 2102.08037: the probability of having left is
 *   carried along, never subtracted from 1.
 *
 * Beyond, p is that of the one-sample statistic with n m / (n + m) values (kolmogorov.c), but no
 * less than that of samples that do not overlap, which is exact at D = 1.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/statistic.h"

/* Most values of each sample for an exact p, as scipy.stats.ks_2samp has it. */
#define MAX_EXACT 10000

/* Values, or cells of the recursion, between two looks for an interrupt. */
#define INTERRUPT_STEPS 1048576

/* The largest differences F - G and G - F, and the lowest values where they are reached. */
typedef struct Extremes
{
	double		above,
				below;
	double		above_at,
				below_at;
} Extremes;

/* Walk both distribution functions, value by value. */
static Extremes
WalkSamples(const double *baseline, int64 n, const CsSortedRuns *current)
{
	const double *run = current->value;
	double		first = Min(baseline[0], run[0]);
	Extremes	extremes = {0, 0, first, first};
	int64		m = current->n,
				i = 0,
				j = 0,			/* runs of the current values */
				difference = 0, /* F - G in units of 1 / (n m) */
				above = 0,
				below = 0,
				check = INTERRUPT_STEPS;

	/* after the end of one sample the difference only returns to 0 */
	while (i < n && j < current->nruns)
	{
		double		value = Min(baseline[i], run[j]);

		for (; i < n && baseline[i] == value; i++)
			difference += m;
		for (; j < current->nruns && run[j] == value; j++)
			difference -= n * (CsSortedUpTo(current, j + 1) - CsSortedUpTo(current, j));
		if (difference > above)
		{
			above = difference;
			extremes.above_at = value;
		}
		if (-difference > below)
		{
			below = -difference;
			extremes.below_at = value;
		}
		if (i + j >= check)
		{
			CHECK_FOR_INTERRUPTS();
			check += INTERRUPT_STEPS;
		}
	}
	extremes.above = (double) above / (double) (n * m);
	extremes.below = (double) below / (double) (n * m);
	return extremes;
}

/*
 * The exact p of samples of the same size n for D = h / n, h >= 1:
 * 2 (C(2n, n - h) - C(2n, n - 2h) + ...) / C(2n, n), the innermost factor first.
 */
static double
ExactEqualSizes(int64 n, int64 h)
{
	double		p = 0;

	for (int64 k = n / h - 1; k >= 0; k--)
	{
		double		ratio = 1;

		/* C(2n, n - (k + 1) h) / C(2n, n - k h) */
		for (int64 i = 0; i < h; i++)
			ratio *= (double) (n - k * h - i) / (n + k * h + i + 1);
		p = ratio * (1 - p);
	}
	return 2 * p;
}

/* One diagonal of the recursion: i from low to high, s = i + j; before[-1] can be read. */
CS_CLONES static void
NextDiagonal(int low, int high, int s, const double *restrict before, double *restrict after)
{
	/* the path came from the left with probability i / s, else from below */
	for (int i = low; i <= high; i++)
		after[i] = (i * before[i - 1] + (s - i) * before[i]) / s;
}

/*
 * The exact p of samples of n and m values for D = d / (n m), d >= 1.
 *
 * A(i, j), the probability that a random path to (i, j) has left the band, is 1 outside and
 * i / (i + j) A(i - 1, j) + j / (i + j) A(i, j - 1) within.  Points with the same i + j do not
 * depend on each other and are done together; the band moves by at most 1 from one such diagonal
 * to the next, so that beyond its ends one 1 is enough.
 */
static double
ExactByRecursion(int64 n, int64 m, int64 d)
{
	double	   *room = palloc0(sizeof(double) * 2 * (n + 3)),
			   *before = room + 1,
			   *after = before + n + 3,
				p;
	int64		work = 0;

	before[1] = 1;
	for (int64 s = 1; s <= n + m; s++)
	{
		/* i m - (s - i) n strictly between -d and d */
		int64		from = s * n - d,
					low = from < 0 ? 0 : from / (n + m) + 1,
					high = (s * n + d - 1) / (n + m);
		double	   *swap = before;

		low = Max(low, s - m);
		high = Min(high, Min(s, n));
		if (low > high)
		{
			before[n] = 1;		/* there is no way but out */
			break;
		}
		NextDiagonal((int) low, (int) high, (int) s, before, after);
		if (low > 0)
			after[low - 1] = 1;
		after[high + 1] = 1;
		before = after;
		after = swap;
		work += high - low + 1;
		if (work >= INTERRUPT_STEPS)
		{
			CHECK_FOR_INTERRUPTS();
			work = 0;
		}
	}
	p = before[n];
	pfree(room);
	return p;
}

/* The probability that samples of n and m values do not overlap: 2 / C(n + m, n). */
static double
ProbabilityOfSeparation(int64 n, int64 m)
{
	int64		fewer = Min(n, m),
				more = Max(n, m);
	double		p = 2;

	for (int64 i = 1; i <= fewer && p > 0; i++)
		p *= (double) i / (double) (more + i);
	return p;
}

/* The p of a law for many values. */
static double
ApproximateP(double effective_n, double statistic, int64 n, int64 m)
{
	double		p = CsKolmogorovUpper((int64) rint(effective_n), statistic);

	return Min(Max(p, ProbabilityOfSeparation(n, m)), 1);
}

/* D with its sign and place; upwards on a tie. */
static CsKsResult
ResultOf(const Extremes *extremes, int64 n, int64 m)
{
	CsKsResult	result;

	if (extremes->below > extremes->above)
	{
		result.statistic = extremes->below;
		result.signed_statistic = -extremes->below;
		result.location = extremes->below_at;
	}
	else
	{
		result.statistic = extremes->above;
		result.signed_statistic = extremes->above;
		result.location = extremes->above_at;
	}
	result.location += 0.0;		/* not -0 */
	result.effective_n = (double) n * (double) m / ((double) n + (double) m);
	result.p = 1;
	result.exact = false;
	return result;
}

/* The two-sample Kolmogorov-Smirnov test. */
CsKsResult
CsKsTest(const double *baseline, int64 n, const CsSortedRuns *current)
{
	int64		m = current->n;
	Extremes	extremes = WalkSamples(baseline, n, current);
	CsKsResult	result = ResultOf(&extremes, n, m);

	Assert(n > 0 && n <= CS_MAX_SAMPLE_ROWS && m > 0 && m <= CS_MAX_SAMPLE_ROWS);
	result.exact = Max(n, m) <= MAX_EXACT;
	if (!result.exact)
		result.p = ApproximateP(result.effective_n, result.statistic, n, m);
	else if (result.statistic > 0 && n == m)
		result.p = ExactEqualSizes(n, (int64) rint(result.statistic * n));
	else if (result.statistic > 0)
		result.p = ExactByRecursion(n, m, (int64) rint(result.statistic * (n * m)));
	result.p = Min(result.p, 1);
	return result;
}

/*
 * The Kolmogorov-Smirnov test against a baseline of n values of which only quantiles are kept:
 * nquantiles >= 2 of them, at equal steps from the minimum to the maximum.  Values in between are
 * found by linear interpolation; for frequent values see quantile_function.c.
 */
CsKsResult
CsKsTestQuantiles(const double *quantiles, int nquantiles, int64 n, const CsSortedRuns *current)
{
	const double *run = current->value;
	int64		m = current->n,
				nruns = current->nruns;
	double		first = Min(quantiles[0], run[0]);
	Extremes	extremes = {0, 0, first, first};
	CsKsResult	result;
	CsQuantileCursor at = {0};

	/* these are all the values there were */
	if (n == nquantiles)
		return CsKsTest(quantiles, n, current);

	/* between two values of current the baseline only rises: the extremes are at these values */
	for (int64 j = 0, next; j < nruns; j = next)
	{
		double		before,
					upto;

		for (next = j + 1; next < nruns && run[next] == run[j]; next++)
			;
		if (unlikely((uint64) j / INTERRUPT_STEPS != (uint64) next / INTERRUPT_STEPS))
			CHECK_FOR_INTERRUPTS();
		CsQuantileShares(quantiles, nquantiles, run[j], &at, &before, &upto);
		if (before - (double) CsSortedUpTo(current, j) / m > extremes.above)
		{
			extremes.above = before - (double) CsSortedUpTo(current, j) / m;
			extremes.above_at = run[j];
		}
		if ((double) CsSortedUpTo(current, next) / m - upto > extremes.below)
		{
			extremes.below = (double) CsSortedUpTo(current, next) / m - upto;
			extremes.below_at = run[j];
		}
	}
	result = ResultOf(&extremes, n, m);
	result.p = ApproximateP(result.effective_n, result.statistic, n, m);
	return result;
}

static CsMeasure
Measure(const CsComparison *c)
{
	CsKsResult	ks = CsKsTestQuantiles(c->quantiles, c->nquantiles, c->n[CS_BASELINE], &c->current);

	/* of a share, whichever it is, the variance is at most a quarter */
	return CsMeasureBetween(ks.statistic, ks.p, ks.statistic, sqrt(0.25 / ks.effective_n));
}

const CsStatistic CsStatistic_ks = {
	"ks", .of_numbers = true, .words = "KS", .watch = 0.1, .drifted = 0.2, .most = 1,
	.measure = Measure
};
