/*
 * markov.c
 *	  Shares of segments in periods to come, with intervals.
 *
 * The expected shares follow from the shares of customers who went from each segment to each other. The
 * intervals are those of simulated futures: the chances of each segment are drawn from their Dirichlet
 * posterior (Jeffreys: one half is added to the count of each move that can be), and each customer then
 * moves by them, so that both what is known of the chances and chance itself are in them.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/markov.h"

#define PRIOR 0.5

static bool
CanMove(const CsMarkov *m, int from, int to)
{
	return from == to || m->possible[from * m->k + to] > 0;
}

/* OUT shares a period later; who is in a segment from which nobody was seen to move stays. */
static void
Step(int k, const int64 *moves, const double *from, double *to)
{
	memset(to, 0, sizeof(double) * k);
	for (int i = 0; i < k; i++)
	{
		double		n = 0;

		for (int j = 0; j < k; j++)
			n += (double) moves[i * k + j];
		if (n == 0)
			to[i] += from[i];
		for (int j = 0; j < k && n > 0; j++)
			to[j] += from[i] * ((double) moves[i * k + j] / n);
	}
}

/* Draw the chances of all segments; "chance" is k x k. */
static void
DrawChances(const CsMarkov *m, const gsl_rng *rng, double *chance)
{
	for (int i = 0; i < m->k; i++)
	{
		double		sum = 0,
				   *row = chance + (Size) i * m->k;

		for (int j = 0; j < m->k; j++)
		{
			row[j] = CanMove(m, i, j) ?
				gsl_ran_gamma(rng, (double) m->moves[i * m->k + j] + PRIOR, 1) : 0;
			sum += row[j];
		}
		for (int j = 0; j < m->k; j++)
			row[j] /= sum;
	}
}

/* How many of n have an event of chance p. */
static int64
DrawBinomial(const gsl_rng *rng, double p, int64 n)
{
	int64		drawn = 0;

	for (; n > PG_INT32_MAX; n -= PG_INT32_MAX)
		drawn += gsl_ran_binomial(rng, p, PG_INT32_MAX);
	return drawn + gsl_ran_binomial(rng, p, (unsigned int) n);
}

/* Each customer moves by the chances: from counts to counts. */
static void
DrawMoves(const CsMarkov *m, const gsl_rng *rng, const double *chance, const int64 *from, int64 *to)
{
	memset(to, 0, sizeof(int64) * m->k);
	for (int i = 0; i < m->k; i++)
	{
		const double *row = chance + (Size) i * m->k;
		int64		left = from[i];
		double		rest = 1;

		for (int j = 0; j < m->k && left > 0; j++)
		{
			double		p = rest > row[j] ? row[j] / rest : 1;
			int64		n = row[j] == 0 ? 0 : p >= 1 ? left : DrawBinomial(rng, p, left);

			to[j] += n;
			left -= n;
			rest -= row[j];
		}
		/* rounding may leave some */
		to[i] += left;
	}
}

/* OUT the quantiles of draws, which are sorted. */
static void
FindInterval(const CsMarkov *m, double *draws, double *scratch, double *low, double *high)
{
	CsSortDoubles(draws, m->draws, scratch);
	*low = CsQuantileSorted(draws, m->draws, (1 - m->confidence) / 2);
	*high = CsQuantileSorted(draws, m->draws, (1 + m->confidence) / 2);
}

/* Simulate the futures: OUT low and high, periods x k. */
static void
Simulate(const CsMarkov *m, int64 n, double *low, double *high)
{
	gsl_rng		rng = {gsl_rng_mt19937, palloc(gsl_rng_mt19937->size)};
	double	   *chance = palloc(sizeof(double) * m->k * m->k);
	double	   *drawn = palloc_extended(sizeof(double) * m->periods * m->k * m->draws, MCXT_ALLOC_HUGE);
	double	   *scratch = palloc(sizeof(double) * m->draws);
	int64	   *counts[2] = {palloc(sizeof(int64) * m->k), palloc(sizeof(int64) * m->k)};

	gsl_rng_set(&rng, (unsigned long) m->seed);
	for (int d = 0; d < m->draws; d++)
	{
		CHECK_FOR_INTERRUPTS();
		DrawChances(m, &rng, chance);
		memcpy(counts[0], m->now, sizeof(int64) * m->k);
		for (int p = 0; p < m->periods; p++)
		{
			DrawMoves(m, &rng, chance, counts[p % 2], counts[1 - p % 2]);
			for (int j = 0; j < m->k; j++)
				drawn[((Size) p * m->k + j) * m->draws + d] = (double) counts[1 - p % 2][j] / (double) n;
		}
	}
	for (Size i = 0; i < (Size) m->periods * m->k; i++)
		FindInterval(m, drawn + i * m->draws, scratch, &low[i], &high[i]);
}

/* Bytes that a forecast takes. */
Size
CsMarkovMemory(int k, int periods, int draws)
{
	return sizeof(double) * ((Size) k * k + (Size) periods * k * draws + 2 * (Size) draws + 4 * (Size) k);
}

/* OUT counts as shares; returns their sum. */
static int64
SharesOf(int k, const int64 *counts, double *shares)
{
	int64		n = 0;

	for (int i = 0; i < k; i++)
		n += counts[i];
	for (int i = 0; i < k; i++)
		shares[i] = (double) counts[i] / (double) n;
	return n;
}

/* How far counts are from expected shares: half the sum of the differences. */
static double
Distance(int k, const double *expected, const int64 *counts, double *shares)
{
	double		sum = 0;

	(void) SharesOf(k, counts, shares);
	for (int i = 0; i < k; i++)
		sum += fabs(expected[i] - shares[i]);
	return sum / 2;
}

/*
 * What became of the forecast of the next period, after which there are so many customers in each segment.
 * How often a right forecast is as far off is told by simulated periods, the one that came being one of them.
 */
CsMarkovOutcome
CsMarkovCompare(const CsMarkov *m, const int64 *after)
{
	gsl_rng		rng = {gsl_rng_mt19937, palloc(gsl_rng_mt19937->size)};
	double	   *chance = palloc(sizeof(double) * m->k * m->k),
			   *now = palloc(sizeof(double) * m->k),
			   *expected = palloc(sizeof(double) * m->k),
			   *scratch = palloc(sizeof(double) * m->k);
	int64	   *drawn = palloc(sizeof(int64) * m->k);
	int			as_far = 1;
	CsMarkovOutcome outcome;

	(void) SharesOf(m->k, m->now, now);
	Step(m->k, m->moves, now, expected);
	outcome.error = Distance(m->k, expected, after, scratch);
	outcome.unchanged = Distance(m->k, now, after, scratch);
	gsl_rng_set(&rng, (unsigned long) m->seed);
	for (int d = 0; d < m->draws; d++)
	{
		CHECK_FOR_INTERRUPTS();
		DrawChances(m, &rng, chance);
		DrawMoves(m, &rng, chance, m->now, drawn);
		as_far += Distance(m->k, expected, drawn, scratch) >= outcome.error;
	}
	outcome.p = (double) as_far / (m->draws + 1);
	return outcome;
}

/* OUT the expected share of each segment in each period, and its interval: periods x k.  There must be customers. */
void
CsMarkovForecast(const CsMarkov *m, double *share, double *low, double *high)
{
	double	   *before = palloc(sizeof(double) * m->k);
	int64		n = SharesOf(m->k, m->now, before);

	for (int p = 0; p < m->periods; p++)
	{
		Step(m->k, m->moves, before, share + (Size) p * m->k);
		memcpy(before, share + (Size) p * m->k, sizeof(double) * m->k);
	}
	Simulate(m, n, low, high);
}
