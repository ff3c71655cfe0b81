/*
 * summaries.c
 *	  Numbers summed up group by group, and how far a group is from everyone.
 *
 * Values are brought together by group, and quantiles are selected from each group and then from all of
 * them, so that they are exact (type 7 of Hyndman and Fan, Sample Quantiles in Statistical Packages, The
 * American Statistician 50, 1996); the whiskers are values that are there (Tukey, Exploratory Data Analysis,
 * 1977).  Nothing depends on the order of the rows.
 *
 * (mean - overall mean) / overall sd is, but for a factor that is the same for all columns without
 * gaps, the test value by which Lebart, Morineau and Piron (Statistique exploratoire
 * multidimensionnelle, 1995) rank what characterises a class; the level of a category enters as the
 * number that is 1 for those who have it.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/describe.h"
#include "stat/group_tests.h"
#include "stat/summaries.h"

/* Up to so many groups the values below each mean are counted; for more of them all values are sorted. */
#define FEW_GROUPS 200

/* Values between two looks for an interrupt. */
#define CHUNK 65536

/* Values that are summed up, and those by rank among them. */
typedef struct Values
{
	const double *values;
	int64		n;
	bool		is_sorted;
	CsSelection *order;
} Values;

/* The mean and the standard deviation, whatever the order of the values. */
static void
FillMoments(const Values *x, CsNumberSummary *s)
{
	CsMoments	m = {0};

	if (x->n < CS_SELECTED_VALUES)
		CsMomentsAdd(&m, CsSelectionSorted(x->order), x->n);
	else
	{
		CsReproducible sums = CsReproducibleBegin(CsSelectedValue(x->order, (x->n - 1) / 2), s->minimum, s->maximum);

		CsReproducibleAdd(&sums, x->values, x->n);
		m = CsReproducibleMoments(&sums);
	}
	s->mean = m.mean / m.scale;
	s->mean_rest = m.rest / m.scale;
	s->mean += s->mean_rest;
	s->mean_rest -= s->mean - m.mean / m.scale;
	s->sd = CsMomentsDeviation(&m, 0);
}

/* Whiskers and what is beyond them, of values that are sorted; a fence that is NaN has nothing beyond it. */
static void
FindSortedWhiskers(const Values *x, double low, double high, CsNumberSummary *s)
{
	int64		below = isnan(low) ? 0 : CsCountBelow(x->values, x->n, low);
	int64		up_to = isnan(high) || high == INFINITY ? x->n : CsCountBelow(x->values, x->n, nextafter(high, INFINITY));

	s->low_whisker = below < x->n ? x->values[below] : s->maximum;
	s->high_whisker = up_to > 0 ? x->values[up_to - 1] : s->minimum;
	s->n_outliers = below + x->n - up_to;
}

/* The whiskers of a box plot, and what is beyond them. */
static void
FillWhiskers(const Values *x, CsNumberSummary *s)
{
	double		low,
				high,
				low_whisker = s->maximum,
				high_whisker = s->minimum;
	int64		n_outliers = 0;

	CsTukeyFences(s->first_quartile, s->third_quartile, 1.5, &low, &high);
	if (x->is_sorted)
	{
		FindSortedWhiskers(x, low, high, s);
		return;
	}
	/* an interpolated quartile lies within the values, so there are values within the fences */
	for (int64 i = 0; i < x->n; i++)
	{
		double		value = x->values[i];
		bool		is_above = !(value < low),
					is_below = !(value > high);

		CsCheckInterrupts(i);
		low_whisker = is_above && value < low_whisker ? value : low_whisker;
		high_whisker = is_below && value > high_whisker ? value : high_whisker;
		n_outliers += !is_above + !is_below;
	}
	s->low_whisker = low_whisker;
	s->high_whisker = high_whisker;
	s->n_outliers = n_outliers;
}

/* Sum up values, of which there are some. */
static void
SummarizeValues(const Values *x, CsNumberSummary *s)
{
	static const double p[] = {0, 0.25, 0.5, 0.75, 1};
	double		quantiles[lengthof(p)];

	CsSelectQuantiles(x->order, p, lengthof(p), quantiles);
	s->n = x->n;
	s->position = NAN;
	s->minimum = quantiles[0];
	s->first_quartile = quantiles[1];
	s->median = quantiles[2];
	s->third_quartile = quantiles[3];
	s->maximum = quantiles[4];
	FillMoments(x, s);
	FillWhiskers(x, s);
}

/* The summary of no values. */
static const CsNumberSummary none = {
	.mean = NAN,.mean_rest = NAN,.sd = NAN,.minimum = NAN,.first_quartile = NAN,.median = NAN,
	.third_quartile = NAN,.maximum = NAN,.low_whisker = NAN,.high_whisker = NAN,.position = NAN
};

/* Sum up sorted values. */
static void
SummarizeSorted(const double *sorted, int64 n, CsNumberSummary *s)
{
	Values		x = {.values = sorted,.n = n,.is_sorted = true};

	*s = none;
	if (n == 0)
		return;
	x.order = CsSelectionOfSorted(sorted, n);
	SummarizeValues(&x, s);
	CsSelectionEnd(x.order);
}

/* Sum up values in any order; the scratch has room for as many. */
static void
SummarizeUnsorted(double *values, int64 n, double *scratch, CsNumberSummary *s)
{
	Values		x = {.values = values,.n = n};

	*s = none;
	if (n == 0)
		return;
	x.order = CsSelectionBegin(values, n, scratch);
	SummarizeValues(&x, s);
	CsSelectionEnd(x.order);
}

/* Bring the values together by group; start: where each group begins, and the end of the last. */
static void
GatherGroups(const double *values, const int32 *groups, int64 n, int ngroups, double *gathered,
			 int64 *start)
{
	memset(start, 0, sizeof(int64) * (ngroups + 1));
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (groups[i] >= 0 && !isnan(values[i]))
			start[groups[i] + 1]++;
	}
	for (int g = 0; g < ngroups; g++)
		start[g + 1] += start[g];
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (groups[i] >= 0 && !isnan(values[i]))
			gathered[start[groups[i]]++] = values[i];
	}
	/* each start has moved to the next group's */
	memmove(start + 1, start, sizeof(int64) * ngroups);
	start[0] = 0;
}

/* The number of n values below x. */
CS_CLONES static int64
CountBelow(const double *values, int64 n, double x)
{
	int64		below = 0;

	for (int64 i = 0; i < n; i++)
		below += values[i] < x;
	return below;
}

/* Where the means of a few groups are among the values of all of them. */
static void
FindPositions(const double *values, int64 n, int ngroups, CsNumberSummary *summaries)
{
	for (int g = 0; g <= ngroups; g++)
	{
		CsNumberSummary *s = &summaries[g];
		int64		twice = 0;

		for (int64 start = 0; start < n && s->n > 0; start += CHUNK)
		{
			int64		in_chunk = Min(n - start, CHUNK);

			CHECK_FOR_INTERRUPTS();
			twice += CountBelow(values + start, in_chunk, s->mean) +
				CountBelow(values + start, in_chunk, nextafter(s->mean, INFINITY));
		}
		if (s->n > 0)
			s->position = 0.5 * twice / n;
	}
}

/* Where the means of all groups are among the values of all of them, which are sorted. */
static void
FillPositions(const double *sorted, int64 n, int ngroups, CsNumberSummary *summaries)
{
	for (int g = 0; g <= ngroups; g++)
	{
		CsNumberSummary *s = &summaries[g];

		if (s->n > 0)
			s->position = 0.5 * (CsCountBelow(sorted, n, s->mean) +
								 CsCountBelow(sorted, n, nextafter(s->mean, INFINITY))) / n;
	}
}

/* OUT placed: the values of any group, in their order. */
static void
KeepPlaced(const CsSortedGroups *sorted, double *placed)
{
	int64		n = 0;

	for (int64 i = 0; i < sorted->n; i++)
	{
		CsCheckInterrupts(i);
		if (sorted->groups[i] >= 0)
			placed[n++] = sorted->values[i];
	}
}

/* CsSummarizeGroups() of values that are sorted, with the same results; the scratch has room for as many. */
void
CsSummarizeSortedGroups(const CsSortedGroups *sorted, int ngroups, double *scratch, CsNumberSummary *summaries)
{
	int64	   *start = palloc(sizeof(int64) * (ngroups + 1));
	const double *placed = sorted->values;
	int64		total;

	GatherGroups(sorted->values, sorted->groups, sorted->n, ngroups, scratch, start);
	total = start[ngroups];
	for (int g = 0; g < ngroups; g++)
		SummarizeSorted(scratch + start[g], start[g + 1] - start[g], &summaries[g]);
	if (total < sorted->n)
	{
		KeepPlaced(sorted, scratch);
		placed = scratch;
	}
	SummarizeSorted(placed, total, &summaries[ngroups]);
	FillPositions(placed, total, ngroups, summaries);
	pfree(start);
}

/*
 * Sum up n values by group.  A group is a number below ngroups, or below 0 for a value that is not
 * counted, as NaN is not.  OUT summaries, ngroups + 1, the last for all groups together.  The
 * contents of "values" and of the scratch, n doubles, are lost.
 */
void
CsSummarizeGroups(double *values, const int32 *groups, int64 n, int ngroups, double *scratch,
				  CsNumberSummary *summaries)
{
	int64	   *start = palloc(sizeof(int64) * (ngroups + 1));
	int64		total;

	GatherGroups(values, groups, n, ngroups, scratch, start);
	total = start[ngroups];
	for (int g = 0; g < ngroups; g++)
	{
		double	   *own = scratch + start[g];
		int64		size = start[g + 1] - start[g];

		SummarizeUnsorted(own, size, values, &summaries[g]);
	}
	if (ngroups > FEW_GROUPS)
	{
		CsSortDoubles(scratch, total, values);
		SummarizeSorted(scratch, total, &summaries[ngroups]);
		FillPositions(scratch, total, ngroups, summaries);
	}
	else
	{
		SummarizeUnsorted(scratch, total, values, &summaries[ngroups]);
		FindPositions(scratch, total, ngroups, summaries);
	}
	pfree(start);
}

/*
 * The difference of a group's mean from the mean of everyone, in standard deviations of everyone;
 * NaN where those do not vary.
 */
double
CsMeanDifference(const CsNumberSummary *group, const CsNumberSummary *all)
{
	return all->sd > 0 ? CsSummariesApart(group, all) / all->sd : NAN;
}

/* The difference of two groups' means, in the values' unit. */
double
CsSummariesApart(const CsNumberSummary *a, const CsNumberSummary *b)
{
	return (a->mean - b->mean) + (a->mean_rest - b->mean_rest);
}

/* CsMeanDifference() of a share, which is the mean of a number that is 0 or 1. */
double
CsShareDifference(double share, double overall)
{
	double		sd = CsShareDeviation(overall);

	return sd > 0 ? (share - overall) / sd : NAN;
}

/*
 * The standard deviation of a number that is 1 for this share of the rows, and 0 for the others.
 */
double
CsShareDeviation(double share)
{
	return sqrt(share * (1 - share));
}

/*
 * Eta squared: the share of a number's variance that lies between ngroups groups, from their
 * summaries and that of all of them.  NaN where there is no variance.
 */
double
CsEtaSquared(const CsNumberSummary *summaries, int ngroups)
{
	const CsNumberSummary *all = &summaries[ngroups];
	CsGroupMoments *groups = palloc(sizeof(CsGroupMoments) * Max(ngroups, 1));
	double		eta_squared = NAN;
	int			n = 0;

	/* in standard deviations of all: the values themselves may be too large to be squared */
	for (int g = 0; g < ngroups; g++)
	{
		const CsNumberSummary *s = &summaries[g];
		double		sd = s->sd / all->sd;

		if (s->n > 0)
			groups[n++].m = (CsMoments) {
				.n = s->n,
				.scale = 1,
				.mean = CsMeanDifference(s, all),
				.m2 = s->n * sd * sd
			};
	}
	if (all->sd > 0)
		eta_squared = n == 1 ? 0 : CsAnova(groups, n).eta_squared;
	pfree(groups);
	return eta_squared;
}

/*
 * How far two means or shares are apart: |a - b| divided by half of |a| + |b|, 0 to 2; 0 where both
 * are 0, NaN where one is NaN.
 */
double
CsRelativeGap(double a, double b)
{
	/* halves first: the sum of two finite numbers may be none */
	double		size = fabs(a) / 2 + fabs(b) / 2;

	return isnan(size) ? NAN : size == 0 ? 0 : 2 * (fabs(a / 2 - b / 2) / size);
}

/*
 * How far the means of two halves of n values are apart by chance alone, on average, as a share of
 * "size": values with this standard deviation.  0 where nothing varies, infinite where size is 0,
 * NaN where one is NaN or there are no two values.
 */
double
CsExpectedRelativeGap(double size, double n, double sd)
{
	/* the mean of |x|, x normal with mean 0, is its standard deviation times sqrt(2 / pi) */
	return n < 2 || isnan(size) ? NAN : sd == 0 ? 0 : sd / fabs(size) * 2 / sqrt(n) * sqrt(2 / M_PI);
}

/* The standard deviation of two groups together, either of which may have no values. */
double
CsPooledDeviation(const CsNumberSummary *a, const CsNumberSummary *b)
{
	double		part = (double) a->n / (double) (a->n + b->n);

	if (a->n == 0 || b->n == 0)
		return a->n == 0 ? b->sd : a->sd;
	return hypot(hypot(sqrt(part) * a->sd, sqrt(1 - part) * b->sd),
				 sqrt(part * (1 - part)) * fabs(a->mean - b->mean));
}

/*
 * The mean and the standard deviation of a few numbers, with n - 1 in the denominator (NaN for n =
 * 1).
 */
void
CsMeanOfFew(const double *x, int n, double *mean, double *sd)
{
	CsMoments	m = {0};

	CsMomentsAdd(&m, x, n);
	*mean = CsMomentsMean(&m);
	*sd = CsMomentsDeviation(&m, 1);
}
