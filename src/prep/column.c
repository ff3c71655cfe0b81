/*
 * column.c
 *	  The fit of one column: counts of a category, moments and quantiles of a number, and what
 *	  imputing, clipping, transforming and scaling need.
 *
 * A column's values are gathered and sorted once.  All steps but encoding are monotone, so what
 * they give is sorted again: filling inserts copies in their place, clipping and transforming work
 * on the sorted values, and every quantile on the way is a look-up.  Moments are taken in sorted
 * order too, hence do not depend on the order of the rows in the table.
 *
 * An item of the task is a column; it has two columns of scratch of its own and writes nothing but
 * its own slots.  Errors are left to the leader, who reports the first column's.
 */
#include "custseg.h"

#include <float.h>

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

/* Values whose sum is taken plainly before it is added to the compensated total. */
#define CHUNK 1024

/* As scikit-learn: a range this small is no range. */
#define NO_RANGE (10 * DBL_EPSILON)

typedef struct Moments
{
	double		mean;
	double		variance;		/* ddof 0 */
} Moments;

/*
 * Mean and variance of sorted values in one pass, about their median: mean and median are never
 * further apart than the standard deviation, so no digits cancel.  Not finite on overflow.
 */
static Moments
ComputeMoments(const double *sorted, int64 n)
{
	Moments		moments;
	double		middle = sorted[n / 2];
	double		sum = 0,
				sum_rest = 0,
				squares = 0,
				squares_rest = 0;

	for (int64 start = 0; start < n; start += CHUNK)
	{
		const double *x = sorted + start;
		double		s[4] = {0},
					q[4] = {0};
		int			m = (int) Min((int64) CHUNK, n - start);

		if (start % CS_INTERRUPT_VALUES == 0)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < m; i++)
		{
			double		d = x[i] - middle;

			s[i & 3] += d;
			q[i & 3] += d * d;
		}
		CsAddCompensated(&sum, &sum_rest, (s[0] + s[1]) + (s[2] + s[3]));
		CsAddCompensated(&squares, &squares_rest, (q[0] + q[1]) + (q[2] + q[3]));
	}
	sum = (sum + sum_rest) / n;
	moments.mean = middle + sum;
	moments.variance = (squares + squares_rest) / n - sum * sum;
	if (moments.variance < 0)
		moments.variance = 0;
	return moments;
}

/* Is a variance no more than the rounding errors of its own computation?  As scikit-learn. */
static bool
IsRoundingNoise(Moments m, int64 n)
{
	double		error = n * m.mean * DBL_EPSILON;

	return m.variance <= n * DBL_EPSILON * m.variance + error * error;
}

/* Smallest of the most frequent values. */
static double
SortedMode(const double *sorted, int64 n)
{
	double		mode = sorted[0];
	int64		longest = 0;

	for (int64 start = 0, end; start < n; start = end)
	{
		for (end = start + 1; end < n && sorted[end] == sorted[start]; end++)
		{
			if (end % CS_INTERRUPT_VALUES == 0)
				CHECK_FOR_INTERRUPTS();
		}
		if (end - start > longest)
		{
			longest = end - start;
			mode = sorted[start];
		}
	}
	return mode;
}

/* Insert copies of a value where it belongs; there must be room. */
static void
InsertCopies(double *sorted, int64 n, double value, int64 copies)
{
	int64		low = 0,
				high = n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(sorted + low + copies, sorted + low, (Size) (n - low) * sizeof(double));
	for (int64 i = 0; i < copies; i++)
		sorted[low + i] = value;
}

/* The frozen baseline: moments, range and quantile points of the values that are there. */
static void
FitBaseline(CsColumnFit *fit, const double *sorted, int64 n, Moments m)
{
	fit->mean = m.mean;
	fit->sd = sqrt(m.variance);
	fit->minimum = sorted[0];
	fit->maximum = sorted[n - 1];
	fit->nquantiles = (int) Min(n, (int64) CS_QUANTILE_POINTS);
	for (int i = 0; i < fit->nquantiles; i++)
		fit->quantiles[i] = n <= CS_QUANTILE_POINTS ? sorted[i] :
			CsQuantileSorted(sorted, n, i / (double) (CS_QUANTILE_POINTS - 1));
}

/* What a missing number becomes; NaN when the column's method is not to put one value there. */
static double
ChooseFill(const CsColumnSpec *spec, const double *sorted, int64 n, Moments m)
{
	switch (spec->prep.impute)
	{
		case CS_IMPUTE_MEDIAN:
			return CsQuantileSorted(sorted, n, 0.5);
		case CS_IMPUTE_MEAN:
			return m.mean;
		case CS_IMPUTE_MODE:
			return SortedMode(sorted, n);
		case CS_IMPUTE_CONSTANT:
			return spec->constant;
		case CS_IMPUTE_KNN:
		case CS_IMPUTE_SKIP:
		case CS_IMPUTE_ERROR:
		case CS_IMPUTE_LEVEL:
			break;
	}
	return NAN;
}

/* Choose the limits and clip to them. */
static void
FitClip(CsColumnFit *fit, const CsPrepColumn *prep, double *sorted, int64 n, Moments m)
{
	double		limit = prep->clip_limit;
	double		width;

	switch (prep->clip)
	{
		case CS_CLIP_NONE:
			return;
		case CS_CLIP_IQR:
			fit->low = CsQuantileSorted(sorted, n, 0.25);
			fit->high = CsQuantileSorted(sorted, n, 0.75);
			width = limit * (fit->high - fit->low);
			fit->low -= width;
			fit->high += width;
			break;
		case CS_CLIP_ZSCORE:
			width = limit * sqrt(m.variance);
			fit->low = m.mean - width;
			fit->high = m.mean + width;
			break;
		case CS_CLIP_QUANTILE:
			fit->low = CsQuantileSorted(sorted, n, limit);
			fit->high = CsQuantileSorted(sorted, n, 1 - limit);
			break;
	}
	for (int64 i = 0; i < n && sorted[i] < fit->low; i++)
		sorted[i] = fit->low;
	for (int64 i = n - 1; i >= 0 && sorted[i] > fit->high; i--)
		sorted[i] = fit->high;
}

/* Choose lambda if there is one, and transform; false when values are not in the domain. */
static bool
FitTransform(CsColumnFit *fit, const CsPrepColumn *prep, double *sorted, double *scratch, int64 n)
{
	if (prep->transform == CS_TRANSFORM_LOG1P)
	{
		while (fit->n_outside < n && sorted[fit->n_outside] <= -1)
			fit->n_outside++;
		if (fit->n_outside > 0)
			return false;
	}
	else
		fit->lambda = CsYeoJohnsonFit(sorted, n, scratch);

	for (int64 i = 0; i < n; i++)
	{
		if (i % CS_INTERRUPT_VALUES == 0)
			CHECK_FOR_INTERRUPTS();
		sorted[i] = prep->transform == CS_TRANSFORM_LOG1P ? log1p(sorted[i]) :
			CsYeoJohnson(sorted[i], fit->lambda);
	}
	return true;
}

/* Choose center and spread; a constant column, or one that might as well be, is spread by 1. */
static void
FitScale(CsColumnFit *fit, CsScale scale, const double *sorted, int64 n, Moments m)
{
	double		range = sorted[n - 1] - sorted[0];
	bool		no_spread = false;

	fit->is_constant = range == 0 || IsRoundingNoise(m, n);
	switch (scale)
	{
		case CS_SCALE_STANDARD:
			fit->center = m.mean;
			fit->spread = sqrt(m.variance);
			no_spread = fit->is_constant;
			break;
		case CS_SCALE_MINMAX:
			fit->center = sorted[0];
			fit->spread = range;
			no_spread = range < NO_RANGE;
			break;
		case CS_SCALE_ROBUST:
			fit->center = CsQuantileSorted(sorted, n, 0.5);
			fit->spread = CsQuantileSorted(sorted, n, 0.75) - CsQuantileSorted(sorted, n, 0.25);
			no_spread = fit->spread < NO_RANGE;
			break;
		case CS_SCALE_NONE:
			fit->center = 0;
			no_spread = true;
			break;
		case CS_SCALE_POWER2:
			fit->center = 0;
			no_spread = fit->is_constant;
			if (!no_spread)
				fit->spread = ldexp(1, Min((int) rint(log2(m.variance) / 2), DBL_MAX_EXP - 1));
			break;
	}
	if (no_spread)
		fit->spread = 1;
}

/*
 * Fit everything that is fitted on a column of n numbers; values has room for the missing ones,
 * scratch for as many.
 */
static void
FitNumbers(CsColumnFit *fit, const CsColumnSpec *spec, double *values, double *scratch,
		   int64 nmissing)
{
	const CsPrepColumn *prep = &spec->prep;
	int64		n = fit->n_values;
	Moments		m;

	CsSortDoubles(values, n, scratch);
	m = ComputeMoments(values, n);
	FitBaseline(fit, values, n, m);

	fit->fill = ChooseFill(spec, values, n, m);
	if (nmissing > 0 && !isnan(fit->fill))
	{
		InsertCopies(values, n, fit->fill, nmissing);
		n += nmissing;
		m = ComputeMoments(values, n);
	}
	fit->imputed_mean = m.mean;

	if (prep->clip != CS_CLIP_NONE)
		FitClip(fit, prep, values, n, m);
	if (prep->transform != CS_TRANSFORM_NONE &&
		!FitTransform(fit, prep, values, scratch, n))
		return;
	if (prep->clip != CS_CLIP_NONE || prep->transform != CS_TRANSFORM_NONE)
		m = ComputeMoments(values, n);
	FitScale(fit, prep->scale, values, n, m);
}

/* Append the numbers of a block to values, and count those that are infinite. */
static void
GatherNumbers(CsColumnFit *fit, const double *x, int nrows, double *values)
{
	double	   *to = values + fit->n_values;
	int64		kept = 0;

	for (int r = 0; r < nrows; r++)
	{
		to[kept] = x[r];
		kept += x[r] == x[r];
		fit->n_infinite += fabs(x[r]) > DBL_MAX;
	}
	fit->n_values += kept;
}

/* Replace the dictionary codes of a block by level numbers; numbers gets what each is encoded as. */
static void
RecodeCategory(const CsColumnSpec *spec, const CsCodeCell *table, double *x, int nrows,
			   double *numbers)
{
	for (int r = 0; r < nrows; r++)
	{
		double		level = table[isnan(x[r]) ? spec->ncodes : (int) x[r]].level;

		x[r] = level;
		numbers[r] = level >= 0 ? spec->value[(int) level] : NAN;
	}
}

/* Count the rows of each code, NULLs in the cell after the last. */
static void
CountCodes(const CsMatrix *m, CsArena *arena, int column, int ncodes, CsCodeCell *table)
{
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < nrows; r++)
			table[isnan(x[r]) ? ncodes : (int) x[r]].count++;
	}
}

/* Recode a category, gather what is a number, and fit it. */
static void
FitColumn(const CsMatrix *m, CsArena *arena, int column, const CsColumnSpec *spec,
		  const CsCodeCell *table, CsColumnFit *fit, double *values)
{
	bool		is_number = CsEncodesNumber(spec->kind, spec->prep.encode);

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		double	   *x = CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS;
		double		numbers[CS_BLOCK_ROWS];
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		if (spec->kind == CS_CATEGORICAL)
			RecodeCategory(spec, table, x, nrows, numbers);
		if (is_number)
			GatherNumbers(fit, spec->kind == CS_CATEGORICAL ? numbers : x, nrows, values);
	}
	if (is_number && fit->n_values > 0 && fit->n_infinite == 0)
		FitNumbers(fit, spec, values, values + m->nrows, m->nrows - fit->n_values);
}

/* Fit one column: item i of the wave is column first + i. */
void
CsPrepFitColumnTask(CsTeam *team, const void *args, int item)
{
	const CsFitColumnArgs *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	int			column = a->first + item;
	const CsColumnSpec *spec = (CsColumnSpec *) CsArenaAddress(arena, a->specs) + column;
	CsColumnFit *fit = (CsColumnFit *) CsArenaAddress(arena, a->fits) + column;
	CsCodeCell *table = (CsCodeCell *) CsArenaAddress(arena, a->tables) + spec->table;

	if (a->step == CS_FIT_COUNT)
	{
		if (spec->kind == CS_CATEGORICAL)
			CountCodes(m, arena, column, spec->ncodes, table);
		return;
	}
	FitColumn(m, arena, column, spec, table, fit,
			  (double *) CsArenaAddress(arena, a->scratch) + (Size) item * 2 * m->nrows);
}
