/*
 * numbers.c
 *	  The numbers of a column while its preparation is fitted: their order and their moments, as each step leaves
 *	  them, without sorting them.
 *
 * All steps but encoding are monotone, so they are not done to the numbers: a step is noted, and a number of some rank
 * is found among the values as they were read, and taken through the steps.  Copies that stand for missing values have
 * their place in the order.  The values are selected from (math/select.c), a few of them per step.  Moments do not depend
 * on the order of the rows: those of few values, which are sorted, are taken in order (math/moments.c), those of many
 * in any order (math/reproducible.c).
 *
 * Where the values are not at hand, a function tells the value of a rank, and mean and standard deviation are given
 * (prep/summary.c).
 *
 * What a power family is fitted to is all numbers in order, and a mode is found among them: these sort.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

/* Numbers that are taken through the steps together. */
#define CHUNK 1024

/* Begin with n >= 1 values as they were read, none missing.  The scratch has room for as many. */
CsNumbers
CsNumbersBegin(double *values, int64 n, double *scratch)
{
	return (CsNumbers) {
		.order = CsSelectionBegin(values, n, scratch),
		.values = values,
		.nvalues = n,
		.n = n,
		.low = -INFINITY,
		.high = INFINITY
	};
}

/* Free what CsNumbersBegin() has made. */
void
CsNumbersEnd(CsNumbers *x)
{
	CsSelectionEnd(x->order);
}

/* The number of values below a number. */
static int64
CountBelow(const CsNumbers *x, double number)
{
	int64		n = 0;

	for (int64 i = 0; i < x->nvalues; i++)
	{
		CsCheckInterrupts(i);
		n += x->values[i] < number;
	}
	return n;
}

/* Add copies of a number, for those that are missing; before other steps. */
void
CsNumbersFill(CsNumbers *x, double fill, int64 copies)
{
	x->fill = fill;
	x->ncopies = copies;
	x->below = CountBelow(x, fill);
	x->n += copies;
}

/* Hold the numbers to limits. */
void
CsNumbersClip(CsNumbers *x, double low, double high)
{
	x->low = low;
	x->high = high;
}

/* Transform the numbers, by what the transform was fitted to, which stays where it is. */
void
CsNumbersTransform(CsNumbers *x, const CsTransform *transform, const double *fitted, int nfitted)
{
	x->transform = transform;
	x->fitted = fitted;
	x->nfitted = nfitted;
}

/* Take some values through the steps, in place. */
static void
TakeSteps(const CsNumbers *x, double *values, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		value = values[i] < x->low ? x->low : values[i];

		values[i] = value > x->high ? x->high : value;
	}
	if (x->transform != NULL)
		x->transform->apply(x->fitted, x->nfitted, n, values);
}

/* The rank among the values of a rank among the numbers, -1 for a copy. */
static int64
RankOfValue(const CsNumbers *x, int64 rank)
{
	if (rank < x->below)
		return rank;
	return rank < x->below + x->ncopies ? -1 : rank - x->ncopies;
}

/* The number of a rank, from 0. */
double
CsNumberAt(const CsNumbers *x, int64 rank)
{
	int64		of_value = RankOfValue(x, rank);
	double		number = of_value < 0 ? x->fill :
		x->order == NULL ? x->at(x->state, of_value) : CsSelectedValue(x->order, of_value);

	TakeSteps(x, &number, 1);
	return number;
}

/* Have the values at hand around some quantiles of the numbers, p ascending. */
static void
SelectAround(const CsNumbers *x, const double *p, int n)
{
	int64	   *ranks;
	int			nranks = 0;

	if (x->order == NULL)
		return;
	ranks = palloc(sizeof(int64) * 2 * n);
	for (int i = 0; i < n; i++)
	{
		double		part;
		int64		below = CsQuantileRank(x->n, p[i], &part);

		for (int64 rank = below; rank <= Min(below + 1, x->n - 1); rank++)
		{
			int64		of_value = RankOfValue(x, rank);

			if (of_value >= 0 && (nranks == 0 || ranks[nranks - 1] < of_value))
				ranks[nranks++] = of_value;
		}
	}
	CsSelectRanks(x->order, ranks, nranks);
	pfree(ranks);
}

/* The quantile p, as CsQuantileSorted() has it. */
double
CsNumbersQuantile(const CsNumbers *x, double p)
{
	double		part;
	int64		below = CsQuantileRank(x->n, p, &part);

	SelectAround(x, &p, 1);
	return CsBetweenValues(CsNumberAt(x, below), CsNumberAt(x, Min(below + 1, x->n - 1)), part);
}

/* How many points CsNumbersPoints() has: CS_QUANTILE_POINTS quantiles, or all of the numbers when there are fewer. */
int
CsNumbersPointCount(const CsNumbers *x)
{
	return (int) Min(x->n, (int64) CS_QUANTILE_POINTS);
}

/* One of these points. */
double
CsNumbersPoint(const CsNumbers *x, int i)
{
	return x->n <= CS_QUANTILE_POINTS ? CsNumberAt(x, i) : CsNumbersQuantile(x, i / (double) (CS_QUANTILE_POINTS - 1));
}

/* All of them.  Returns how many there are.  OUT points, with room for CS_QUANTILE_POINTS. */
int
CsNumbersPoints(const CsNumbers *x, double *points)
{
	int			npoints = CsNumbersPointCount(x);

	for (int i = 0; i < npoints; i++)
		points[i] = i / (double) (CS_QUANTILE_POINTS - 1);
	if (x->n > CS_QUANTILE_POINTS)
		SelectAround(x, points, npoints);
	for (int i = 0; i < npoints; i++)
		points[i] = CsNumbersPoint(x, i);
	return npoints;
}

/* Moments of the numbers, whose values are sorted, in their order. */
static CsMoments
MeasureInOrder(const CsNumbers *x)
{
	CsMoments	m = {0};
	double		chunk[CHUNK];

	for (int64 start = 0; start < x->n; start += CHUNK)
	{
		int			n = (int) Min(x->n - start, CHUNK);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
		{
			int64		rank = RankOfValue(x, start + i);

			chunk[i] = rank < 0 ? x->fill : x->values[rank];
		}
		TakeSteps(x, chunk, n);
		CsMomentsAdd(&m, chunk, n);
	}
	return m;
}

/* Moments of the numbers from the values in any order.  The copies are added by themselves. */
static CsMoments
MeasureInAnyOrder(const CsNumbers *x)
{
	const int64 ranks[] = {0, (x->nvalues - 1) / 2, x->nvalues - 1};
	double		ends[lengthof(ranks)];
	double		copy = x->fill;
	CsReproducible sums;
	CsMoments	m;
	double		chunk[CHUNK];

	CsSelectRanks(x->order, ranks, lengthof(ranks));
	for (int i = 0; i < lengthof(ranks); i++)
		ends[i] = CsSelectedValue(x->order, ranks[i]);
	TakeSteps(x, ends, lengthof(ends));
	sums = CsReproducibleBegin(ends[1], ends[0], ends[2]);
	for (int64 start = 0; start < x->nvalues; start += CHUNK)
	{
		int			n = (int) Min(x->nvalues - start, CHUNK);

		CHECK_FOR_INTERRUPTS();
		memcpy(chunk, x->values + start, sizeof(double) * n);
		TakeSteps(x, chunk, n);
		CsReproducibleAdd(&sums, chunk, n);
	}
	m = CsReproducibleMoments(&sums);
	if (x->ncopies > 0)
	{
		TakeSteps(x, &copy, 1);
		CsMomentsAddCopies(&m, copy, x->ncopies);
	}
	return m;
}

/* Fill in mean and standard deviation, where the values are at hand. */
void
CsNumbersMeasure(CsNumbers *x)
{
	CsMoments	m;

	if (x->order == NULL)
		return;
	m = x->nvalues < CS_SELECTED_VALUES ? MeasureInOrder(x) : MeasureInAnyOrder(x);
	x->mean = CsMomentsMean(&m);
	x->sd = isnan(x->mean) ? NAN : CsMomentsDeviation(&m, 0);
}

/* How many numbers are at most a limit, copies included; where the values are not at hand, one of them at most. */
int64
CsNumbersUpTo(const CsNumbers *x, double limit)
{
	int64		n = 0;
	double		chunk[CHUNK];

	if (CsNumberAt(x, 0) > limit)
		return 0;
	if (x->order == NULL)
		return CsNumberAt(x, 0) <= limit;
	for (int64 start = 0; start < x->nvalues; start += CHUNK)
	{
		int			in_chunk = (int) Min(x->nvalues - start, CHUNK);

		CHECK_FOR_INTERRUPTS();
		memcpy(chunk, x->values + start, sizeof(double) * in_chunk);
		TakeSteps(x, chunk, in_chunk);
		for (int i = 0; i < in_chunk; i++)
			n += chunk[i] <= limit;
	}
	chunk[0] = x->fill;
	TakeSteps(x, chunk, 1);
	return n + (chunk[0] <= limit ? x->ncopies : 0);
}

/* OUT numbers: all of them, ascending, before any transform; the scratch of CsNumbersBegin() may be the room for them. */
void
CsNumbersInOrder(const CsNumbers *x, double *numbers)
{
	const double *sorted = CsSelectionSorted(x->order);

	memcpy(numbers, sorted, sizeof(double) * x->below);
	for (int64 i = 0; i < x->ncopies; i++)
		numbers[x->below + i] = x->fill;
	memcpy(numbers + x->below + x->ncopies, sorted + x->below, sizeof(double) * (x->nvalues - x->below));
	for (int64 start = 0; start < x->n; start += CHUNK)
	{
		CHECK_FOR_INTERRUPTS();
		TakeSteps(x, numbers + start, (int) Min(x->n - start, CHUNK));
	}
}
