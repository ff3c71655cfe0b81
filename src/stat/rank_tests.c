/*
 * rank_tests.c
 *	  Tests of groups that need all values: Kruskal and Wallis' on ranks, Levene's of variances.
 *
 * Kruskal and Wallis (Journal of the American Statistical Association 47, 1952): what lies between the
 * groups of the variance of ranks, H = (n - 1) SSB / SST, which with the ties' mean ranks in SST is their
 * statistic corrected for ties; by chance chi-square with k - 1 degrees of freedom.  Epsilon squared =
 * H / (n - 1).
 *
 * Levene's test about the medians (Brown and Forsythe, same journal 69, 1974) is the analysis of
 * variance of |x - median of its group|.  Of one or two values these distances are the same, whatever the values: where no
 * group has more, nothing can vary within groups, and there is no test.
 *
 * Groups are sorted one by one and then merged by a heap of their first values, so that ranks need no
 * index of the values.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/describe.h"
#include "stat/group_tests.h"
#include "stat/tests.h"

#define INTERRUPT_VALUES 262144

/* Values that are added to moments at a time. */
#define BLOCK_VALUES 1024

/*
 * A copy of n values, brought together by group and sorted within each; palloc'd.  Groups are
 * numbers below ngroups; values whose group is below 0, and NaN, are left out, and so are groups
 * without values.
 */
CsGroupedValues *
CsGroupValues(const double *values, const int32 *groups, int64 n, int ngroups)
{
	CsGroupedValues *g = palloc(sizeof(CsGroupedValues));
	int64	   *next = palloc0(sizeof(int64) * (ngroups + 1));
	double	   *scratch = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(n, 1));
	int			kept = 0;

	g->start = palloc(sizeof(int64) * (ngroups + 1));
	g->values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(n, 1));
	for (int64 i = 0; i < n; i++)
		next[groups[i] < 0 || isnan(values[i]) ? ngroups : groups[i]]++;
	g->start[0] = 0;
	for (int i = 0; i < ngroups; i++)
	{
		int64		rows = next[i];

		next[i] = g->start[kept];
		if (rows > 0)
		{
			g->start[kept + 1] = g->start[kept] + rows;
			kept++;
		}
	}
	g->ngroups = kept;
	for (int64 i = 0; i < n; i++)
	{
		if (groups[i] >= 0 && !isnan(values[i]))
			g->values[next[groups[i]]++] = values[i];
	}
	for (int i = 0; i < kept; i++)
		CsSortDoubles(g->values + g->start[i], g->start[i + 1] - g->start[i], scratch);
	pfree(scratch);
	pfree(next);
	return g;
}

/* The groups that have values left, a heap with the least value on top. */
typedef struct Merge
{
	const CsGroupedValues *g;
	int64	   *at;				/* of each group, the value it stands at */
	int		   *heap;
	int			size;
} Merge;

/* The value at hand of the group in a slot. */
static inline double
ValueAt(const Merge *m, int slot)
{
	return m->g->values[m->at[m->heap[slot]]];
}

/* Let the group in a slot sink to where it belongs. */
static void
SiftDown(Merge *m, int slot)
{
	for (;;)
	{
		int			least = slot,
					child = 2 * slot + 1,
					group;

		if (child < m->size && ValueAt(m, child) < ValueAt(m, least))
			least = child;
		if (child + 1 < m->size && ValueAt(m, child + 1) < ValueAt(m, least))
			least = child + 1;
		if (least == slot)
			return;
		group = m->heap[slot];
		m->heap[slot] = m->heap[least];
		m->heap[least] = group;
		slot = least;
	}
}

/* Take all values off that equal the least one: OUT taken[group].  Returns how many. */
static int64
TakeTies(Merge *m, int64 *taken)
{
	double		value = ValueAt(m, 0);
	int64		n = 0;

	while (m->size > 0 && ValueAt(m, 0) == value)
	{
		int			group = m->heap[0];
		int64		end = m->g->start[group + 1],
					from = m->at[group];

		while (m->at[group] < end && m->g->values[m->at[group]] == value)
			m->at[group]++;
		taken[group] += m->at[group] - from;
		n += m->at[group] - from;
		if (m->at[group] == end)
			m->heap[0] = m->heap[--m->size];
		SiftDown(m, 0);
	}
	return n;
}

/*
 * Sum of each group's ranks less the mean rank, in halves, which are whole numbers, as doubles
 * exact up to 2^53; and of all values the sum of squares of those, with ties at their mean rank.
 */
static void
SumRanks(const CsGroupedValues *g, double *sum, double *squares)
{
	int64		n = g->start[g->ngroups];
	Merge		m = {g, palloc(sizeof(int64) * g->ngroups), palloc(sizeof(int) * g->ngroups),
	g->ngroups};
	int64	   *taken = palloc0(sizeof(int64) * g->ngroups);
	double		rest = 0;
	int64		looked = 0;

	for (int i = 0; i < g->ngroups; i++)
	{
		m.at[i] = g->start[i];
		m.heap[i] = i;
		sum[i] = 0;
	}
	for (int i = g->ngroups / 2 - 1; i >= 0; i--)
		SiftDown(&m, i);
	*squares = 0;
	for (int64 rank = 0; rank < n;)
	{
		int64		ties = TakeTies(&m, taken);
		double		off = (double) (2 * rank + ties - n);	/* twice the mean rank's distance */

		for (int i = 0; i < g->ngroups; i++)
		{
			sum[i] += taken[i] * off;
			taken[i] = 0;
		}
		CsAddCompensated(squares, &rest, ties * off * off / 4);
		rank += ties;
		looked += g->ngroups;
		if (looked > INTERRUPT_VALUES)
		{
			CHECK_FOR_INTERRUPTS();
			looked = 0;
		}
	}
	*squares += rest;
	pfree(m.at);
	pfree(m.heap);
	pfree(taken);
}

/* Kruskal and Wallis' test on ranks. */
CsGroupTest
CsKruskalWallis(const CsGroupedValues *g)
{
	CsGroupTest result = {g->ngroups, g->start[g->ngroups], NAN, NAN, NAN, NAN, NAN};
	double	   *sum;
	double		squares,
				between = 0;

	if (g->ngroups < 2)
		return result;
	result.df_between = g->ngroups - 1;
	sum = palloc(sizeof(double) * g->ngroups);
	SumRanks(g, sum, &squares);
	for (int i = 0; i < g->ngroups; i++)
		between += sum[i] / 2 * (sum[i] / 2) / (g->start[i + 1] - g->start[i]);
	pfree(sum);
	if (squares == 0)
		return result;			/* all values are the same */
	result.statistic = (result.n - 1) * (between / squares);
	result.p = CsChiSquareUpper(result.statistic, result.df_between);
	result.effect = between / squares;
	return result;
}

/*
 * Likewise of values that are counted in cells, which ascend: those of group g in cell c at [c * ngroups + g].  Values of a
 * cell count as equal; where they are not, less is told of the groups, and what is told holds.
 */
CsGroupTest
CsKruskalWallisOfCells(const int64 *cells, int ncells, int ngroups)
{
	CsGroupTest result = {0, 0, NAN, NAN, NAN, NAN, NAN};
	double	   *sum = palloc0(sizeof(double) * Max(ngroups, 1));
	int64	   *n = palloc0(sizeof(int64) * Max(ngroups, 1));
	double		squares = 0,
				between = 0;
	int64		below = 0;

	for (int64 i = 0; i < (int64) ncells * ngroups; i++)
		n[i % ngroups] += cells[i];
	for (int g = 0; g < ngroups; g++)
	{
		result.ngroups += n[g] > 0;
		result.n += n[g];
	}
	for (int c = 0; c < ncells; c++)
	{
		const int64 *cell = cells + (Size) c * ngroups;
		int64		equal = 0;
		double		rank;

		for (int g = 0; g < ngroups; g++)
			equal += cell[g];
		/* the middle one of the cell's ranks, less that of all */
		rank = (double) below + (double) (equal - result.n) / 2;
		for (int g = 0; g < ngroups; g++)
			sum[g] += (double) cell[g] * rank;
		squares += (double) equal * rank * rank;
		below += equal;
	}
	for (int g = 0; g < ngroups; g++)
		between += n[g] > 0 ? sum[g] * sum[g] / (double) n[g] : 0;
	pfree(sum);
	pfree(n);
	if (result.ngroups < 2)
		return result;
	result.df_between = result.ngroups - 1;
	if (squares == 0)
		return result;			/* all values are the same */
	result.statistic = (double) (result.n - 1) * (between / squares);
	result.p = CsChiSquareUpper(result.statistic, result.df_between);
	result.effect = between / squares;
	return result;
}

/*
 * Moments of |x - median| of one sorted group.  The values are taken less the lower of those in the middle,
 * from which the median is exact; "scale" is a power of two that brings all of them to 2 at most.
 */
static CsMoments
DeviationMoments(const double *sorted, int64 n, double scale)
{
	CsMoments	result = {0};
	double		low = sorted[(n - 1) / 2] * scale,
				median = (sorted[n / 2] * scale - low) / 2;

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		CsMomentsAddValue(&result, fabs((sorted[i] * scale - low) - median));
	}
	return result;
}

/* The number of values of the largest group. */
static int64
LargestGroup(const CsGroupedValues *g)
{
	int64		largest = 0;

	for (int i = 0; i < g->ngroups; i++)
		largest = Max(largest, g->start[i + 1] - g->start[i]);
	return largest;
}

/* Levene's test of equal variances, about the medians. */
CsGroupTest
CsLevene(const CsGroupedValues *g)
{
	CsGroupMoments *moments = palloc(sizeof(CsGroupMoments) * Max(g->ngroups, 1));
	CsGroupTest result = {g->ngroups, g->start[g->ngroups], NAN, NAN, NAN, NAN, NAN};
	CsAnovaResult anova;
	double		scale = CsScaleOf(CsLargestOf(g->values, result.n));

	for (int i = 0; i < g->ngroups; i++)
		moments[i].m = DeviationMoments(g->values + g->start[i], g->start[i + 1] - g->start[i], scale);
	anova = CsAnova(moments, g->ngroups);
	result.df_between = anova.df_between;
	result.df_within = anova.df_within;
	if (LargestGroup(g) > 2)
	{
		result.statistic = anova.f;
		result.p = anova.p;
	}
	pfree(moments);
	return result;
}

/* Are all of n values there, and in a group? */
CS_CLONES static bool
AreAllPlaced(const double *values, const int32 *groups, int64 n)
{
	int64		not = 0;

	for (int64 i = 0; i < n; i++)
		not |= (groups[i] < 0) | (values[i] != values[i]);
	return not == 0;
}

/*
 * The skewness, m3 / m2^(3/2), of those of n values that are in a group; NaN where they do not
 * vary.
 */
double
CsGroupSkewness(const double *values, const int32 *groups, int64 n)
{
	CsMoments	moments = {0};
	double		block[BLOCK_VALUES];
	int			pending = 0;
	int64		i = 0;

	for (; n - i >= BLOCK_VALUES && AreAllPlaced(values + i, groups + i, BLOCK_VALUES); i += BLOCK_VALUES)
		CsMomentsAdd(&moments, values + i, BLOCK_VALUES);
	for (; i < n; i++)
	{
		if (groups[i] >= 0 && !isnan(values[i]))
			block[pending++] = values[i];
		if (pending == BLOCK_VALUES || i == n - 1)
		{
			CsMomentsAdd(&moments, block, pending);
			pending = 0;
		}
	}
	return CsMomentsSkewness(&moments);
}
