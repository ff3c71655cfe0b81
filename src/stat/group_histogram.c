/*
 * group_histogram.c
 *	  Values counted in bins, group by group.
 *
 * All groups have the same bins, so that they can be compared.  Bins are as many as Rice's rule gives (two times the cube
 * root of the number of values), up to a limit.  Values without a fraction get bins of whole width around them: otherwise a
 * bin would hold two whole numbers, and the next one three.
 *
 * The scale is logarithmic where all values are positive, their skewness is above 2, and the largest is 10 times the
 * smallest at least: on a linear scale nearly all values would be in the first bins.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/describe.h"
#include "stat/group_histogram.h"

#define MUCH_SKEWNESS 2
#define LEAST_RANGE 10

/* What is to be known of the values before they are counted. */
typedef struct Range
{
	int64		n;
	double		low,
				high,
				skewness;
	bool		is_whole;
} Range;

/* A range in the making. */
typedef struct Ranging
{
	Range		range;
	CsMoments	moments;
	int			pending;		/* values of the block that are not in the moments yet */
	double		block[CS_BLOCK_ROWS];
} Ranging;

/* Take the block to the moments. */
static void
TakeBlock(Ranging *r)
{
	CsMomentsAdd(&r->moments, r->block, r->pending);
	r->pending = 0;
}

/* Take a value. */
static inline void
TakeValue(Ranging *r, double x)
{
	r->range.low = Min(r->range.low, x);
	r->range.high = Max(r->range.high, x);
	r->range.is_whole &= x == rint(x);
	r->block[r->pending++] = x;
	if (r->pending == CS_BLOCK_ROWS)
		TakeBlock(r);
}

/* Begin a range. */
static Ranging *
BeginRange(void)
{
	Ranging    *r = palloc0(sizeof(Ranging));

	r->range = (Range) {.low = INFINITY, .high = -INFINITY, .is_whole = true};
	return r;
}

/* The range of all values that were taken. */
static Range
EndRange(Ranging *r)
{
	Range		result;

	TakeBlock(r);
	result = r->range;
	result.n = r->moments.n;
	result.skewness = CsMomentsSkewness(&r->moments);
	pfree(r);
	return result;
}

/* The range of the values that count: those of a group. */
static Range
FindRange(const double *values, const int32 *groups, int64 n)
{
	Ranging    *r = BeginRange();

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (groups[i] >= 0 && !isnan(values[i]))
			TakeValue(r, values[i]);
	}
	return EndRange(r);
}

/* The range of values that are sorted and all count. */
static Range
RangeOfSorted(const double *sorted, int64 n)
{
	Range		range = {.n = n, .low = sorted[0], .high = sorted[n - 1], .is_whole = true};
	CsMoments	moments = {0};

	CsMomentsAdd(&moments, sorted, n);
	range.skewness = CsMomentsSkewness(&moments);
	for (int64 start = 0; start < n && range.is_whole; start += CS_BLOCK_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		range.is_whole = CsAreWhole(sorted + start, Min(n - start, CS_BLOCK_ROWS));
	}
	return range;
}

/* Are all values of a group? */
CS_CLONES static bool
AreAllPlaced(const int32 *groups, int64 n)
{
	int32		signs = 0;

	for (int64 i = 0; i < n; i++)
		signs |= groups[i];
	return signs >= 0;
}

/* A number with six digits, which is enough to draw it. */
static double
Shorten(double x)
{
	char		text[64];

	snprintf(text, sizeof(text), "%.6g", x);
	return strtod(text, NULL);
}

/* Bins of whole width, half a unit around the values. */
static void
WholeEdges(const Range *r, int most, CsGroupHistogram *h)
{
	double		width = ceil((r->high - r->low + 1) / most);

	h->nbins = (int) Min(ceil((r->high - r->low + 1) / width), most);
	for (int i = 0; i <= h->nbins; i++)
		h->edge[i] = r->low - 0.5 + i * width;
}

/* The point at a part of the way from low to high. */
static double
EdgeAt(const Range *r, bool is_log, double part)
{
	if (is_log)
		return exp(log(r->low) * (1 - part) + log(r->high) * part);
	/* halves first: the range of finite numbers may be none */
	return r->low * (1 - part) + r->high * part;
}

/* Bins of equal width; edges between them are shortened where this leaves them apart. */
static void
EvenEdges(const Range *r, int most, CsGroupHistogram *h)
{
	bool		are_apart = true;

	h->nbins = most;
	h->edge[0] = r->low;
	h->edge[most] = r->high;
	for (int i = 1; i < most; i++)
		h->edge[i] = Shorten(EdgeAt(r, h->is_log, (double) i / most));
	for (int i = 0; i < most; i++)
		are_apart &= h->edge[i] < h->edge[i + 1];
	for (int i = 1; i < most && !are_apart; i++)
		h->edge[i] = EdgeAt(r, h->is_log, (double) i / most);
}

/* The bins of values; a single value is in the middle of one. */
static void
ChooseEdges(const Range *r, bool may_be_log, CsGroupHistogram *h)
{
	int			most = (int) Max(Min(ceil(2 * cbrt((double) r->n)), CS_HISTOGRAM_BINS), 1);

	h->is_log = may_be_log && r->low > 0 && r->skewness > MUCH_SKEWNESS && r->high / r->low >= LEAST_RANGE;
	if (r->is_whole && !h->is_log && fabs(r->low) < 1e15 && fabs(r->high) < 1e15)
		WholeEdges(r, most, h);
	else if (r->low < r->high)
		EvenEdges(r, most, h);
	else
	{
		h->nbins = 1;
		h->edge[0] = r->low - 0.5;
		h->edge[1] = r->low + 0.5;
	}
}

/* The bin of a value within the edges. */
static inline int
BinOf(const CsGroupHistogram *h, double x)
{
	int			low = 0,
				high = h->nbins;

	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (x >= h->edge[middle])
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Bins for values of such a range, without counts; palloc'd. */
static CsGroupHistogram *
OpenHistogram(const Range *range, int ngroups, bool may_be_log)
{
	CsGroupHistogram *h = palloc0(sizeof(CsGroupHistogram));

	h->total = palloc0(sizeof(int64) * (ngroups + 1));
	if (range->n == 0)
		return h;
	ChooseEdges(range, may_be_log, h);
	h->n = palloc0(sizeof(int64) * (ngroups + 1) * h->nbins);
	return h;
}

/* Add the counts of all groups up. */
static void
CountAll(CsGroupHistogram *h, int ngroups)
{
	int64	   *all = h->n + (Size) ngroups * h->nbins;

	for (int g = 0; g < ngroups; g++)
	{
		for (int b = 0; b < h->nbins; b++)
		{
			h->total[g] += h->n[g * h->nbins + b];
			all[b] += h->n[g * h->nbins + b];
		}
		h->total[ngroups] += h->total[g];
	}
}

/*
 * Count n values by group and bin.  A group is a number below ngroups, or below 0 for a value that is not counted, as NaN
 * is not.  Everything is palloc'd.
 */
CsGroupHistogram *
CsHistogramOfGroups(const double *values, const int32 *groups, int64 n, int ngroups, bool may_be_log)
{
	Range		range = FindRange(values, groups, n);
	CsGroupHistogram *h = OpenHistogram(&range, ngroups, may_be_log);

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (groups[i] >= 0 && !isnan(values[i]))
			h->n[groups[i] * h->nbins + BinOf(h, values[i])]++;
	}
	CountAll(h, ngroups);
	return h;
}

/* CsHistogramOfGroups() of values that are sorted. */
CsGroupHistogram *
CsHistogramOfSortedGroups(const CsSortedGroups *sorted, int ngroups, bool may_be_log)
{
	Range		range = sorted->n > 0 && AreAllPlaced(sorted->groups, sorted->n) ? RangeOfSorted(sorted->values, sorted->n) :
		FindRange(sorted->values, sorted->groups, sorted->n);
	CsGroupHistogram *h = OpenHistogram(&range, ngroups, may_be_log);
	int			bin = 0;

	for (int64 i = 0; i < sorted->n; i++)
	{
		CsCheckInterrupts(i);
		if (sorted->groups[i] < 0)
			continue;
		while (bin + 1 < h->nbins && sorted->values[i] >= h->edge[bin + 1])
			bin++;
		h->n[sorted->groups[i] * h->nbins + bin]++;
	}
	CountAll(h, ngroups);
	return h;
}

/*
 * The density of a group in a bin: its share there, divided by the bin's width, which on the logarithmic scale is in
 * factors of ten; NaN for a group without values.
 */
double
CsHistogramDensity(const CsGroupHistogram *h, int group, int bin)
{
	double		width = h->is_log ? log10(h->edge[bin + 1] / h->edge[bin]) : h->edge[bin + 1] - h->edge[bin];

	if (h->total[group] == 0)
		return NAN;
	return Shorten((double) h->n[group * h->nbins + bin] / (double) h->total[group] / width);
}
