/*
 * log_rank.c
 *	  Do groups of customers stay equally long?  The tests of Mantel (log-rank), Gehan and Breslow
 *	  (Wilcoxon), and Tarone and Ware: events less those expected at each time, weighted.
 *
 * Times come in descending order, so that who is there at a time is a running sum, and nothing is kept
 * but sums over groups.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/survival.h"

const char *const CsLogRankNames[] = {"log-rank", "Wilcoxon", "Tarone-Ware"};

/* Bytes that a test of so many groups takes. */
Size
CsLogRankMemory(int n_groups)
{
	return sizeof(double) * (Size) n_groups * ((CS_LOG_RANK_TESTS + 1) * (Size) n_groups + CS_LOG_RANK_TESTS + 5);
}

/* Begin a test; its arrays are palloc'd in CurrentMemoryContext. */
void
CsLogRankBegin(CsLogRank *test, int n_groups)
{
	test->n_groups = n_groups;
	test->at_risk = palloc0(sizeof(int64) * n_groups);
	test->events = palloc0(sizeof(int64) * n_groups);
	test->observed = palloc0(sizeof(int64) * n_groups);
	test->expected = palloc0(sizeof(double) * n_groups);
	for (int w = 0; w < CS_LOG_RANK_TESTS; w++)
	{
		test->excess[w] = palloc0(sizeof(double) * n_groups);
		test->covariance[w] = palloc0(sizeof(double) * n_groups * n_groups);
	}
}

/* At the time at hand so many customers of a group leave, and so many are last seen. */
void
CsLogRankAdd(CsLogRank *test, int group, int64 events, int64 censored)
{
	test->at_risk[group] += events + censored;
	test->events[group] += events;
}

/* What a time counts by. */
static double
WeightOf(int which, double n)
{
	return which == CS_LOG_RANK ? 1 : which == CS_WILCOXON ? n : sqrt(n);
}

/* The time at hand is over, earlier ones follow. */
void
CsLogRankEndTime(CsLogRank *test)
{
	int			k = test->n_groups;
	double		n = 0,
				events = 0,
				variance;

	for (int g = 0; g < k; g++)
	{
		n += (double) test->at_risk[g];
		events += (double) test->events[g];
	}
	if (events == 0)
		return;
	variance = n > 1 ? events * (n - events) / (n - 1) : 0;
	for (int g = 0; g < k; g++)
	{
		double		share = (double) test->at_risk[g] / n,
					excess = (double) test->events[g] - events * share;

		test->observed[g] += test->events[g];
		test->expected[g] += events * share;
		test->events[g] = 0;
		for (int w = 0; w < CS_LOG_RANK_TESTS; w++)
		{
			double		weight = WeightOf(w, n);

			test->excess[w][g] += weight * excess;
			for (int h = 0; h <= g && share > 0; h++)
				test->covariance[w][g * k + h] += weight * weight * variance * share *
					((g == h ? 1 : 0) - (double) test->at_risk[h] / n);
		}
	}
}

/* Solve L y = b for the triangle of CsCholesky; the square of the length of y. */
static double
SquaredLength(int n, const double *triangle, double *b)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
			b[i] -= triangle[CsTriangle(i) + j] * b[j];
		b[i] /= triangle[CsTriangle(i) + i];
		sum += b[i] * b[i];
	}
	return sum;
}

/*
 * The result of one of the tests.  A group that is never there when somebody leaves has no part in it.
 * NaN where nothing varies, or fewer than two groups are left.
 */
CsLogRankResult
CsLogRankFinish(const CsLogRank *test, CsLogRankTest which)
{
	int			k = test->n_groups,
				n = 0;
	int		   *group = palloc(sizeof(int) * k);
	double	   *triangle = palloc(sizeof(double) * (Size) CsTriangle(k)),
			   *excess = palloc(sizeof(double) * k);
	CsLogRankResult result = {NAN, 0, NAN, NAN};

	for (int g = 0; g < k; g++)
		if (test->covariance[which][g * k + g] > 0)
			group[n++] = g;
	/* the excesses sum to 0: one of them follows from the others */
	n--;
	for (int i = 0; i < n; i++)
	{
		excess[i] = test->excess[which][group[i]];
		for (int j = 0; j <= i; j++)
			triangle[CsTriangle(i) + j] = test->covariance[which][group[i] * k + group[j]];
	}
	if (n > 0 && CsCholesky(n, triangle))
	{
		result.df = n;
		result.chi_square = SquaredLength(n, triangle, excess);
		result.p = CsGammaUpper(n / 2.0, result.chi_square / 2);
		result.log_p = CsLogGammaUpper(n / 2.0, result.chi_square / 2);
	}
	pfree(group);
	pfree(triangle);
	pfree(excess);
	return result;
}
