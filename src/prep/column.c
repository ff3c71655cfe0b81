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

/*
 * CS_QUANTILE_POINTS quantiles of n sorted values, or all of the values when there are fewer.
 * Returns how many there are.  OUT points, with room for CS_QUANTILE_POINTS.
 */
int
CsQuantilePoints(const double *sorted, int64 n, double *points)
{
	int			npoints = (int) Min(n, (int64) CS_QUANTILE_POINTS);

	for (int i = 0; i < npoints; i++)
		points[i] = n <= CS_QUANTILE_POINTS ? sorted[i] :
			CsQuantileSorted(sorted, n, i / (double) (CS_QUANTILE_POINTS - 1));
	return npoints;
}

/* Mean and standard deviation of the values. */
static void
ComputeMoments(CsNumbers *numbers)
{
	CsMoments	m = {0};

	CsMomentsAdd(&m, numbers->sorted, numbers->n);
	numbers->mean = CsMomentsMean(&m);
	numbers->sd = CsMomentsDeviation(&m, 0);
}

/* Insert copies of a value where it belongs; there must be room. */
static void
InsertCopies(double *sorted, int64 n, double value, int64 copies)
{
	int64		low = CsCountBelow(sorted, n, value);

	memmove(sorted + low + copies, sorted + low, (Size) (n - low) * sizeof(double));
	for (int64 i = 0; i < copies; i++)
		sorted[low + i] = value;
}

/* The frozen baseline: moments, range and quantile points of the values that are there. */
static void
FitBaseline(CsColumnFit *fit, const CsNumbers *x)
{
	fit->mean = x->mean;
	fit->sd = x->sd;
	fit->minimum = x->sorted[0];
	fit->maximum = x->sorted[x->n - 1];
	fit->nquantiles = CsQuantilePoints(x->sorted, x->n, fit->quantiles);
}

/* Choose the limits and clip to them. */
static void
FitClip(CsColumnFit *fit, const CsPrepColumn *prep, const CsNumbers *x, double *sorted)
{
	if (CsClipAt(prep->clip)->by_quartiles)
		(void) CsInterquartileRange(x, &fit->lacks_range);
	CsClipAt(prep->clip)->fit(x, prep->clip_limit, &fit->low, &fit->high);
	for (int64 i = 0; i < x->n && sorted[i] < fit->low; i++)
		sorted[i] = fit->low;
	for (int64 i = x->n - 1; i >= 0 && sorted[i] > fit->high; i--)
		sorted[i] = fit->high;
}

/* Fit the transform, and transform; false when values are not in the domain. */
static bool
FitTransform(CsColumnFit *fit, const CsTransform *transform, double *sorted, int64 n,
			 double *scratch, double *fitted)
{
	while (fit->n_outside < n && sorted[fit->n_outside] <= transform->above)
		fit->n_outside++;
	if (fit->n_outside > 0)
		return false;

	if (transform->fit != NULL)
		fit->nfitted = transform->fit(sorted, n, scratch, fitted);
	for (int64 start = 0; start < n; start += CS_INTERRUPT_VALUES)
	{
		CHECK_FOR_INTERRUPTS();
		transform->apply(fitted, fit->nfitted, (int) Min(n - start, CS_INTERRUPT_VALUES),
						 sorted + start);
	}
	return true;
}

/* Choose center and spread; a column without spread is spread by 1. */
static void
FitScale(CsColumnFit *fit, CsScale scale, const CsNumbers *x)
{
	fit->is_constant = CsRangeBetween(x->sorted[0], x->sorted[x->n - 1]) == 0;
	if (CsScaleAt(scale)->by_quartiles)
		(void) CsInterquartileRange(x, &fit->lacks_range);
	CsScaleAt(scale)->fit(x, fit->is_constant, &fit->center, &fit->spread);
	if (fit->spread == 0)
		fit->spread = 1;
}

/*
 * Fit everything that is fitted on a column of n numbers; values has room for the missing ones,
 * scratch for as many, fitted for what the transform is fitted to.
 */
static void
FitNumbers(CsColumnFit *fit, const CsColumnSpec *spec, double *values, double *scratch,
		   int64 nmissing, double *fitted)
{
	const CsPrepColumn *prep = &spec->prep;
	const CsImputeStep *impute = CsImputeAt(prep->impute);
	CsNumbers	x = {.sorted = values,.n = fit->n_values};

	CsSortDoubles(values, x.n, scratch);
	ComputeMoments(&x);
	FitBaseline(fit, &x);

	fit->fill = impute->fill != NULL ? impute->fill(&x, spec->constant) : NAN;
	if (nmissing > 0 && !isnan(fit->fill))
	{
		InsertCopies(values, x.n, fit->fill, nmissing);
		x.n += nmissing;
		ComputeMoments(&x);
	}
	fit->imputed_mean = x.mean;

	if (prep->clip != CS_CLIP_NONE)
		FitClip(fit, prep, &x, values);
	if (prep->transform != CS_TRANSFORM_NONE &&
		!FitTransform(fit, CsTransformAt(prep->transform), values, x.n, scratch, fitted))
		return;
	if (prep->clip != CS_CLIP_NONE || prep->transform != CS_TRANSFORM_NONE)
		ComputeMoments(&x);
	FitScale(fit, prep->scale, &x);
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

/*
 * Replace the dictionary codes of a block by level numbers; numbers gets what each is encoded as.
 */
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
		  const CsCodeCell *table, CsColumnFit *fit, double *values, double *fitted)
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
		FitNumbers(fit, spec, values, values + m->nrows, m->nrows - fit->n_values, fitted);
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
			  (double *) CsArenaAddress(arena, a->scratch) + (Size) item * 2 * m->nrows,
			  (double *) CsArenaAddress(arena, a->fitted) + spec->fitted);
}
