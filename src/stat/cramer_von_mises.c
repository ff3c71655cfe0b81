/*
 * cramer_von_mises.c
 *	  The two-sample Cramer-von Mises test: the squared distance of the distribution functions, over all
 *	  values, where Kolmogorov and Smirnov look at the largest one (Anderson, On the Distribution of the
 *	  Two-Sample Cramer-von Mises Criterion, Annals of Mathematical Statistics 33, 1962).
 *
 * T = n m / N^2 times the sum of (F - G)^2 over all N = n + m values, F and G the shares of each sample
 * at or below (Anderson's equation 2).  T is brought to the mean and variance of its limit law (11, 14,
 * 15), whose upper tail gives p.  Without ties that is scipy.stats.cramervonmises_2samp(method =
 * 'asymptotic').  Ties are no exception to the definition: scipy puts mean ranks into a formula that
 * holds without ties, and so tells samples of 1,000 and 2,000 values with the same shares apart when
 * they have two zeros in five.
 *
 * With ties T has another mean and another variance: of samples with three zeros in five and nothing else in common, 11 in
 * 100 would have a p below 0.05.  Let c values be equal, and C be all values up to them.  However the values are dealt out to the
 * samples, F - G there has the mean 0 and the variance C (N - C) / (n m (N - 1)) of the hypergeometric law, which gives the mean
 * of T exactly.  For the variance, F - G is taken to be normal, with covariances C (N - C') / (n m (N - 1)) for C <= C', and
 * Anderson's variance, which is exact without ties, is multiplied by what ties make of that.  That is too little for a handful
 * of values, so that of fewer than ten in a sample the larger p of both laws is told, with ties and without.  It is far too little
 * where a sample hardly ever has a value that is not the most frequent one: of ten values, one of a hundred of which is not 0, a
 * single one of these is seen in one of ten samples.  So both laws are asked as well where fewer than five such values are to be
 * expected in a sample, the number from which on counts are taken to be near normal (Cochran, Biometrics 10, 1954).
 *
 * The limit law's tail is Smirnov's (1937; Anderson and Darling, 1952, equation 4.35),
 *
 *	P(w > x) = 1/pi sum (-1)^(k+1) integral over u from (2k - 1) pi to 2k pi of
 *			   2 / u sqrt(-u / sin u) exp(-x u^2 / 2) du
 *
 * With u = (2k - 1/2) pi + s pi/2 the singular ends are those of 1 / sqrt(1 - s^2), and Gauss and
 * Chebyshev's rule sums up what is left.  All terms but the first vanish as p does, so p keeps its digits
 * however small it is.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/statistic.h"

#define INTERRUPT_VALUES 1048576

/* Values of a sample from which on the law with ties alone is believed. */
#define ENOUGH 10

/* Values of a sample, beside the most frequent one, that are to be expected for that. */
#define ENOUGH_OTHERS 5

/* Points of the rule: enough for exp(-x u^2 / 2) until p is 0. */
#define POINTS 128

/* Below, the limit law's distribution function is 0 to all digits. */
#define LEAST_X 0.003

/* The upper tail of the limit law, see the head of this file. */
static double
LimitUpper(double x)
{
	double		tail = 0;

	if (x < LEAST_X)
		return 1;
	for (int k = 1;; k++)
	{
		double		sum = 0,
					start = (2 * k - 1) * M_PI;

		if (x * start * start / 2 > 745)
			break;
		for (int j = 0; j < POINTS; j++)
		{
			double		angle = (j + 0.5) * M_PI / POINTS,
						half = sin(Min(angle, M_PI - angle) / 2),
						u = start + (cos(angle) + 1) * M_PI_2;

			/* s = cos(angle), sin(angle)^2 = 1 - s^2, and 2 half^2 = 1 - |s| keeps its digits */
			sum += exp(-x * u * u / 2) * sin(angle) / sqrt(u * sin(M_PI * half * half));
		}
		sum *= M_PI / POINTS;
		tail += k % 2 == 1 ? sum : -sum;
		if (!(sum > 1e-17 * tail))
			break;
	}
	return Max(0, Min(tail, 1));
}

/*
 * What ties do to the law of T: sums over the values, whose ranks are divided by how many there are, for its mean and for its
 * variance.
 */
typedef struct Ties
{
	double		total;			/* values */
	double		upto;			/* of them, those that were taken */
	double		largest;		/* of the most frequent value */
	double		inner,			/* sum of c C^2 */
				inner_rest,
				mean,			/* sum of c C (1 - C) */
				mean_rest,
				spread,			/* sum of c c' (C (1 - C'))^2 for C <= C' */
				spread_rest;
} Ties;

/* Take so many equal values, larger than all before. */
static void
AddTie(Ties *t, double count)
{
	double		c = count / t->total,
				upto,
				above,
				own;

	t->upto += count;
	t->largest = Max(t->largest, count);
	upto = Min(t->upto / t->total, 1);
	above = 1 - upto;
	own = c * upto * upto;
	CsAddCompensated(&t->inner, &t->inner_rest, own);
	CsAddCompensated(&t->mean, &t->mean_rest, c * upto * above);
	CsAddCompensated(&t->spread, &t->spread_rest, c * above * above * (2 * (t->inner + t->inner_rest) - own));
}

/* Does the smaller sample, of so many values, have enough for the law with ties alone? */
static bool
AreEnough(const Ties *ties, double values)
{
	return values >= ENOUGH && values * (1 - ties->largest / ties->total) >= ENOUGH_OTHERS;
}

/* The p of T for samples of n and m values, all of which the ties know.  Of one value each T is 1/4, or 0 for a tie: p is 1. */
static double
UpperTail(double t, double n, double m, const Ties *ties)
{
	double		k = n * m,
				total = n + m,
				squared = total * total,
				mean = (1 + 1 / total) / 6,
				variance = (total + 1) * (4 * k * total - 3 * (n * n + m * m) - 2 * k) / (45 * squared * 4 * k),
	/* sums over values without ties are (N - 1) (N + 1) / (6 N^2), and (N^2 - 1) (2 N^2 + 7) / (180 N^4) */
				tied_mean = total / (total - 1) * (ties->mean + ties->mean_rest),
				share = (ties->spread + ties->spread_rest) / ((1 - 1 / squared) * (2 + 7 / squared) / 180),
				p;

	if (n == 1 && m == 1)
		return 1;				/* and there is no variance to divide by */
	if (t <= 0 || share <= 0)
		return 1;				/* the samples are the same, or all values are */
	p = LimitUpper(1.0 / 6 + (t - tied_mean) / sqrt(45 * variance * share));
	return AreEnough(ties, Min(n, m)) ? p : Max(p, LimitUpper(1.0 / 6 + (t - mean) / sqrt(45 * variance)));
}

/* T of two sorted samples.  OUT ties. */
static double
StatisticOfSamples(const double *x, int64 n, const CsSortedRuns *current, Ties *ties)
{
	const double *y = current->value;
	int64		m = current->n;
	double		sum = 0,
				compensation = 0,
				total = (double) n + m,
				k = (double) n * m;

	*ties = (Ties) {.total = total};
	for (int64 i = 0, j = 0, turn = 0; i < n || j < current->nruns; turn++)
	{
		double		value = i == n ? y[j] : j == current->nruns ? x[i] : Min(x[i], y[j]),
					off;
		int64		before = i + CsSortedUpTo(current, j),
					upto;

		CsCheckInterrupts(turn);
		while (i < n && x[i] == value)
			i++;
		while (j < current->nruns && y[j] == value)
			j++;
		upto = CsSortedUpTo(current, j);
		off = (double) (i * m - upto * n) / k;
		CsAddCompensated(&sum, &compensation, (i + upto - before) * off * off);
		AddTie(ties, (double) (i + upto - before));
	}
	return k / total / total * (sum + compensation);
}

/* The squared distance of F and G amid each step of the baseline's quantiles: their mean. */
static double
MeanOverBaseline(const double *quantiles, int nquantiles, const CsSortedRuns *current)
{
	int			steps = nquantiles - 1;
	CsQuantileCursor at = {0};
	double		sum = 0,
				compensation = 0,
				atom = 0;		/* F at a frequent value */
	int64		upto = 0;

	for (int i = 0; i < steps; i++)
	{
		bool		is_atom = quantiles[i] == quantiles[i + 1];
		double		value = is_atom ? quantiles[i] : quantiles[i] / 2 + quantiles[i + 1] / 2,
					before,
					off;

		for (; upto < current->nruns && current->value[upto] <= value; upto++)
			CsCheckInterrupts(upto);
		if (is_atom && (i == 0 || quantiles[i - 1] != quantiles[i]))
			CsQuantileShares(quantiles, nquantiles, value, &at, &before, &atom);
		off = (is_atom ? atom : (i + 0.5) / steps) - (double) CsSortedUpTo(current, upto) / current->n;
		CsAddCompensated(&sum, &compensation, off * off);
	}
	return (sum + compensation) / steps;
}

/* The same over the values of the current sample. */
static double
MeanOverCurrent(const double *quantiles, int nquantiles, const CsSortedRuns *current)
{
	const double *y = current->value;
	int64		m = current->n,
				nruns = current->nruns;
	double		sum = 0,
				compensation = 0;
	CsQuantileCursor at = {0};

	for (int64 j = 0, next; j < nruns; j = next)
	{
		double		before,
					upto,
					off;

		for (next = j + 1; next < nruns && y[next] == y[j]; next++)
			;
		if (unlikely((uint64) j / INTERRUPT_VALUES != (uint64) next / INTERRUPT_VALUES))
			CHECK_FOR_INTERRUPTS();
		CsQuantileShares(quantiles, nquantiles, y[j], &at, &before, &upto);
		off = upto - (double) CsSortedUpTo(current, next) / m;
		CsAddCompensated(&sum, &compensation, (CsSortedUpTo(current, next) - CsSortedUpTo(current, j)) * off * off);
	}
	return (sum + compensation) / m;
}

/*
 * The ties with a baseline of which quantiles are kept: each step between two of them is as many values as it stands for, at its
 * upper end.
 */
static void
TiesOfQuantiles(const CsComparison *c, Ties *ties)
{
	const double *ends = c->quantiles + 1;
	int			steps = c->nquantiles - 1;
	const CsSortedRuns *current = &c->current;
	const double *y = current->value;
	int64		m = current->nruns;
	double		step = (double) c->counted[CS_BASELINE] / steps,
				weight = (double) c->counted[CS_CURRENT] / current->n;

	*ties = (Ties) {.total = c->counted[CS_BASELINE] + c->counted[CS_CURRENT]};
	for (int64 i = 0, j = 0, turn = 0; i < steps || j < m; turn++)
	{
		double		value = i == steps ? y[j] : j == m ? ends[i] : Min(ends[i], y[j]);
		int64		first = i,
					before = j;

		CsCheckInterrupts(turn);
		while (i < steps && ends[i] == value)
			i++;
		while (j < m && y[j] == value)
			j++;
		AddTie(ties, (double) (i - first) * step + (double) (CsSortedUpTo(current, j) - CsSortedUpTo(current, before)) * weight);
	}
}

/*
 * T against a baseline of which quantiles are kept: n m / N times the mean of the squared distance,
 * over the values of both samples.
 */
static double
StatisticOfQuantiles(const CsComparison *c)
{
	double		n = c->counted[CS_BASELINE],
				m = c->counted[CS_CURRENT],
				total = n + m;

	return n * m / total *
		(n / total * MeanOverBaseline(c->quantiles, c->nquantiles, &c->current) +
		 m / total * MeanOverCurrent(c->quantiles, c->nquantiles, &c->current));
}

/* The two-sample test of Cramer and von Mises. */
CsCvmResult
CsCramerVonMises(const double *baseline, int64 n, const double *current, int64 m)
{
	Ties		ties;
	double		t = StatisticOfSamples(baseline, n, &CsSortedValues(current, m), &ties);

	return (CsCvmResult) {t, UpperTail(t, n, m, &ties)};
}

static CsMeasure
Measure(const CsComparison *c)
{
	bool		is_sketch = c->n[CS_BASELINE] > c->nquantiles;
	Ties		ties;
	double		t;

	if (is_sketch)
	{
		t = StatisticOfQuantiles(c);
		TiesOfQuantiles(c, &ties);
	}
	else
		t = StatisticOfSamples(c->quantiles, c->n[CS_BASELINE], &c->current, &ties);
	return CsMeasureOf(t, UpperTail(t, c->counted[CS_BASELINE], c->counted[CS_CURRENT], &ties));
}

const CsStatistic CsStatistic_cramer_von_mises = {
	"cramer_von_mises", .of_numbers = true, .measure = Measure
};
