/*
 * distances.c
 *	  How far two samples are apart: population stability index, Jensen-Shannon, Wasserstein.
 *
 * The first two compare shares: of the levels of a category, or of bins that a number's values
 * are counted in.  Bins are cut at the quantiles of the baseline, by default its deciles (type 7):
 * above one quantile and up to the next.  A value that several quantiles fall on, such as the
 * zero of customers who bought nothing, gets a bin of its own; else what moved just below it
 * would not be seen.
 *
 * PSI = sum of (p - q) ln(p / q), p the baseline's shares: Jeffreys' divergence (Jeffreys 1946).
 * A share of zero stands for less than one row and counts as half a row, 1 / 2n; the others stay
 * as they are.  Bins that are empty in both samples take no part.
 *
 * Jensen-Shannon distance: the square root of Lin's divergence (IEEE Transactions on Information
 * Theory 37, 1991; a metric: Endres and Schindelin, 49, 2003), logarithms to base 2.
 *
 * Wasserstein distance of order 1: the area between the two distribution functions.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/statistic.h"

/* Values between two looks for an interrupt. */
#define INTERRUPT_VALUES 1048576

/* Far beyond what rounding does to a share. */
#define ROUNDING 1e-9

/* The critical value of PSI is exceeded by chance with this probability. */
#define SIGNIFICANCE 0.05

/* A quantile; a value of the sample where none lies between infinities. */
static double
FiniteQuantile(const double *sorted, int64 n, double share)
{
	double		quantile = CsQuantileSorted(sorted, n, share),
				part;

	return isfinite(quantile) ? quantile : sorted[CsQuantileRank(n, share, &part)];
}

/*
 * Cut at the quantiles of the baseline, for at most "bins" bins.  OUT at most bins - 1 edges.
 * Returns their number.
 */
int
CsQuantileBins(const double *baseline, int64 n, int bins, CsBinEdge *edges)
{
	int			nedges = 0;

	for (int i = 1, next; i < bins; i = next)
	{
		double		edge = FiniteQuantile(baseline, n, (double) i / bins);

		for (next = i + 1; next < bins; next++)
			if (FiniteQuantile(baseline, n, (double) next / bins) != edge)
				break;
		if (next > i + 1)
		{
			edges[nedges].value = edge;
			edges[nedges++].inclusive = true;
		}
		edges[nedges].value = edge;
		edges[nedges++].inclusive = false;
	}
	return nedges;
}

/* How many of the sorted values lie before an edge. */
static int64
CountBefore(const CsSortedRuns *sorted, const CsBinEdge *edge)
{
	return CsSortedBelow(sorted, edge->inclusive ? edge->value : nextafter(edge->value, INFINITY));
}

/*
 * The shares of sorted values in the bins between the edges.  OUT share, nedges + 1 of them, which
 * sum to 1.
 */
void
CsBinShares(const CsSortedRuns *sorted, const CsBinEdge *edges, int nedges, double *share)
{
	int64		before = 0;

	for (int i = 0; i <= nedges; i++)
	{
		int64		upto = i < nedges ? CountBefore(sorted, &edges[i]) : sorted->n;

		share[i] = (double) (upto - before) / sorted->n;
		before = upto;
	}
}

/*
 * Rows of a bin that are to be expected in the smaller sample.  Bins that are cut at the baseline's
 * quantiles have the same share of it whatever the other sample holds, and which of them are rare must not
 * depend on that one: merged where there are few rows by chance, they come out significant too often.  A
 * bin that the baseline hardly has, but the other sample has, is not rare.
 */
static double
ExpectedRows(const double *share, int64 n, int64 m)
{
	double		smaller = Min(n, m);

	return Max(share[0], (share[0] * n + share[1] * m) / ((double) n + (double) m)) * smaller * (1 + ROUNDING);
}

/*
 * Merge bins with their neighbours, in place, until each has CS_MIN_EXPECTED rows expected in the
 * smaller sample and a mean share of "least": below that, no law of PSI holds.  Returns how many
 * bins are left, at least 1.
 */
int
CsMergeRareBins(int bins, double *baseline, int64 n, double *current, int64 m, double least)
{
	double		share[2] = {0, 0};
	int			merged = 0;

	for (int i = 0; i < bins; i++)
	{
		share[0] += baseline[i];
		share[1] += current[i];
		if (ExpectedRows(share, n, m) < CS_MIN_EXPECTED || (share[0] + share[1]) / 2 < least)
			continue;
		baseline[merged] = share[0];
		current[merged++] = share[1];
		share[0] = share[1] = 0;
	}
	if (merged == 0)
		baseline[merged] = current[merged] = 0;
	merged = Max(merged, 1);
	baseline[merged - 1] += share[0];
	current[merged - 1] += share[1];
	return merged;
}

/*
 * The population stability index of the same bins' (or levels') shares in samples of n and m rows.
 */
CsPsiResult
CsPsi(int bins, const double *baseline, int64 n, const double *current, int64 m)
{
	CsPsiResult result = {0, 0, 0};
	double		compensation = 0;

	for (int i = 0; i < bins; i++)
	{
		double		p = baseline[i] > 0 ? baseline[i] : 0.5 / n,
					q = current[i] > 0 ? current[i] : 0.5 / m;

		if (baseline[i] == 0 && current[i] == 0)
			continue;
		CsAddCompensated(&result.psi, &compensation, (p - q) * log(p / q));
		result.bins++;
	}
	result.psi += compensation;
	if (result.bins > 1)
		result.critical = (1.0 / n + 1.0 / m) * CsChiSquareUpperInverse(SIGNIFICANCE,
																		  result.bins - 1);
	return result;
}

/*
 * What a bin adds to the divergence: (p log2(p / m) + q log2(q / m)) / 2, m the mean of p and q.
 * With r = (p - q) / (p + q) that is m (ln(1 - r^2) + 2 r artanh(r)) / ln 4, where nothing cancels
 * when p and q are close.
 */
static double
Divergence(double p, double q)
{
	double		ratio = (p - q) / (p + q);

	if (p == q)
		return 0;
	if (p == 0 || q == 0)
		return (p + q) / 2;
	return (p + q) / 2 * (log1p(-ratio * ratio) + 2 * ratio * atanh(ratio)) / log(4);
}

/* The Jensen-Shannon distance of two vectors of shares, base 2: 0 to 1. */
double
CsJensenShannon(int bins, const double *baseline, const double *current)
{
	double		sum = 0,
				compensation = 0;

	for (int i = 0; i < bins; i++)
		CsAddCompensated(&sum, &compensation, Divergence(baseline[i], current[i]));
	return sqrt(Min(sum + compensation, 1));
}

/* A share times the distance between two values; the share is above 0. */
static double
Area(double share, double from, double to)
{
	double		width = to - from;

	/* both are finite, but so far apart that their difference is not */
	if (isinf(width) && !isinf(from) && !isinf(to))
		return share * to - share * from;
	return share * width;
}

/* The Wasserstein distance of order 1; infinite when the shares at an infinity differ. */
double
CsWasserstein(const double *baseline, int64 n, const CsSortedRuns *current)
{
	const double *run = current->value;
	double		sum = 0,
				compensation = 0,
				value = Min(baseline[0], run[0]);
	int64		m = current->n,
				i = 0,
				j = 0,			/* runs of the current values */
				check = INTERRUPT_VALUES;

	for (;;)
	{
		int64		difference;
		double		next;

		while (i < n && baseline[i] == value)
			i++;
		while (j < current->nruns && run[j] == value)
			j++;
		if (i == n && j == current->nruns)
			break;
		next = i == n ? run[j] : j == current->nruns ? baseline[i] : Min(baseline[i], run[j]);
		difference = i * m - CsSortedUpTo(current, j) * n;
		if (difference != 0)
			CsAddCompensated(&sum, &compensation,
							 Area(fabs((double) difference) / (double) (n * m), value, next));
		value = next;
		if (i + j >= check)
		{
			CHECK_FOR_INTERRUPTS();
			check += INTERRUPT_VALUES;
		}
	}
	return isinf(sum) ? sum : sum + compensation;
}

/*
 * The variance that the shares of one side, of n rows, give to PSI: that of the mean of its derivatives
 * by them (the delta method).  A level without rows varies like one of a single row.
 */
static double
PsiVariance(int bins, const double *own, const double *other, int64 n, int64 n_other)
{
	double		sum = 0,
				squares = 0;

	for (int i = 0; i < bins; i++)
	{
		double		p = own[i] > 0 ? own[i] : 1.0 / n,
					q = other[i] > 0 ? other[i] : 1.0 / n_other,
					slope = log(p / q) + 1 - q / p;

		if (own[i] == 0 && other[i] == 0)
			continue;
		sum += p * slope;
		squares += p * slope * slope;
	}
	return Max(squares - sum * sum, 0) / n;
}

/* Pearson's chi-square test of the shares, whose counts need not be whole; NaN for one bin. */
static double
TestShares(const CsComparison *c)
{
	double		n = c->counted[CS_BASELINE],
				m = c->counted[CS_CURRENT],
				statistic = 0;
	int			df = -1;

	for (int i = 0; i < c->nparts; i++)
	{
		double		p = c->share[CS_BASELINE][i],
					q = c->share[CS_CURRENT][i];

		if (p == 0 && q == 0)
			continue;
		statistic += n * m * (p - q) * (p - q) / (n * p + m * q);
		df++;
	}
	return df > 0 ? CsChiSquareUpper(statistic, df) : NAN;
}

/*
 * PSI is tested by chi-square on its own bins, whose law holds where rows are few and PSI's does not.
 * Chance adds (bins - 1) (1 / n + 1 / m) to it on average.
 */
static CsMeasure
MeasurePsi(const CsComparison *c)
{
	int64		n = c->counted[CS_BASELINE],
				m = c->counted[CS_CURRENT];
	CsPsiResult psi = CsPsi(c->nparts, c->share[CS_BASELINE], n, c->share[CS_CURRENT], m);
	double		variance = PsiVariance(c->nparts, c->share[CS_BASELINE], c->share[CS_CURRENT], n, m) +
		PsiVariance(c->nparts, c->share[CS_CURRENT], c->share[CS_BASELINE], m, n);
	CsMeasure	result = CsMeasureBetween(psi.psi, c->levels != NULL ? c->chi_square.p : TestShares(c),
										  Max(psi.psi - (psi.bins - 1) * (1.0 / n + 1.0 / m), 0),
										  sqrt(variance));

	result.critical = psi.critical;
	return result;
}

const CsStatistic CsStatistic_psi = {
	"psi", .of_numbers = true, .of_levels = true, .words = "PSI", .watch = 0.1, .drifted = 0.25,
	.most = INFINITY, .measure = MeasurePsi
};

static CsMeasure
MeasureJensenShannon(const CsComparison *c)
{
	return CsMeasureOf(CsJensenShannon(c->nparts, c->share[CS_BASELINE], c->share[CS_CURRENT]), NAN);
}

const CsStatistic CsStatistic_jensen_shannon = {
	"jensen_shannon", .of_numbers = true, .of_levels = true, .measure = MeasureJensenShannon
};

/* In standard deviations of the baseline; a baseline that does not vary has none. */
static CsMeasure
MeasureWasserstein(const CsComparison *c)
{
	double		distance = CsWassersteinQuantiles(c->quantiles, c->nquantiles, c->n[CS_BASELINE], &c->current);

	return CsMeasureOf(distance == 0 ? 0 : c->sd > 0 ? distance / c->sd : NAN, NAN);
}

const CsStatistic CsStatistic_wasserstein = {
	"wasserstein", .of_numbers = true, .measure = MeasureWasserstein
};
