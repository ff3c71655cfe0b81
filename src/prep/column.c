/*
 * column.c
 *	  The fit of one column: counts of a category, moments and quantiles of a number, and what
 *	  imputing, clipping, transforming and scaling need.
 *
 * A column's values are gathered once.  What the steps need of them, and of what the steps before leave, is
 * selected from them and summed over them (numbers.c); none of it depends on the order of the rows in the
 * table.
 *
 * An item of the task is a column; it takes two columns of scratch of its own and writes nothing but
 * its own slots.  Errors are left to the leader, who reports the first column's.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "parallel/large.h"
#include "prep/internal.h"

/* The frozen baseline: moments, range and quantile points of the values that are there. */
static void
FitBaseline(CsColumnFit *fit, CsNumbers *x)
{
	fit->nquantiles = CsNumbersPoints(x, fit->quantiles);
	fit->minimum = CsNumberAt(x, 0);
	fit->maximum = CsNumberAt(x, x->n - 1);
	CsNumbersMeasure(x);
	fit->mean = x->mean;
	fit->sd = x->sd;
}

/* Choose what missing numbers become, and fill it in for so many. */
static void
FitImpute(CsColumnFit *fit, const CsColumnSpec *spec, CsNumbers *x, int64 nmissing)
{
	const CsImputeStep *impute = CsImputeAt(spec->prep.impute);

	fit->fill = impute->fill != NULL ? impute->fill(x, spec->constant) : NAN;
	if (nmissing > 0 && !isnan(fit->fill))
	{
		CsNumbersFill(x, fit->fill, nmissing);
		CsNumbersMeasure(x);
	}
	fit->imputed_mean = x->mean;
}

/* Choose the limits and clip to them. */
void
CsFitClip(CsColumnFit *fit, const CsPrepColumn *prep, CsNumbers *x)
{
	if (CsClipAt(prep->clip)->by_quartiles)
		(void) CsInterquartileRange(x, &fit->lacks_range);
	CsClipAt(prep->clip)->fit(x, prep->clip_limit, &fit->low, &fit->high);
	CsNumbersClip(x, fit->low, fit->high);
}

/* Fit the transform, and transform; false when numbers are not in the domain. */
static bool
FitTransform(CsColumnFit *fit, const CsTransform *transform, CsNumbers *x, double *scratch, double *fitted)
{
	fit->n_outside = CsNumbersUpTo(x, transform->above);
	if (fit->n_outside > 0)
		return false;
	if (transform->fit != NULL)
		fit->nfitted = transform->fit(x, scratch, fitted);
	CsNumbersTransform(x, transform, fitted, fit->nfitted);
	return true;
}

/* Choose center and spread; a column without spread is spread by 1. */
void
CsFitScale(CsColumnFit *fit, CsScale scale, const CsNumbers *x)
{
	fit->is_constant = CsRangeBetween(CsNumberAt(x, 0), CsNumberAt(x, x->n - 1)) == 0;
	if (CsScaleAt(scale)->by_quartiles)
		(void) CsInterquartileRange(x, &fit->lacks_range);
	CsScaleAt(scale)->fit(x, fit->is_constant, &fit->center, &fit->spread);
	if (fit->spread == 0)
		fit->spread = 1;
}

/*
 * Fit everything that is fitted on a column of numbers, of which some are missing; the scratch has room for
 * all of them, "fitted" for what the transform is fitted to.
 */
static void
FitNumbers(CsColumnFit *fit, const CsColumnSpec *spec, double *values, double *scratch,
		   int64 nmissing, double *fitted)
{
	const CsPrepColumn *prep = &spec->prep;
	CsNumbers	x = CsNumbersBegin(values, fit->n_values, scratch);

	FitBaseline(fit, &x);
	FitImpute(fit, spec, &x, nmissing);
	if (prep->clip != CS_CLIP_NONE)
		CsFitClip(fit, prep, &x);
	if (prep->transform == CS_TRANSFORM_NONE ||
		FitTransform(fit, CsTransformAt(prep->transform), &x, scratch, fitted))
	{
		if (prep->clip != CS_CLIP_NONE || prep->transform != CS_TRANSFORM_NONE)
			CsNumbersMeasure(&x);
		CsFitScale(fit, prep->scale, &x);
	}
	CsNumbersEnd(&x);
}

/* How many of n numbers are missing or infinite. */
CS_CLONES static int64
CountUnusual(const double *x, int n)
{
	int64		unusual = 0;

	for (int r = 0; r < n; r++)
		unusual += !(fabs(x[r]) <= DBL_MAX);
	return unusual;
}

/* Append the numbers of a block to values, and count those that are infinite. */
static void
GatherNumbers(CsColumnFit *fit, const double *x, int nrows, double *values)
{
	double	   *to = values + fit->n_values;
	int64		kept = 0;

	if (CountUnusual(x, nrows) == 0)
	{
		memcpy(to, x, sizeof(double) * nrows);
		fit->n_values += nrows;
		return;
	}
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

/* Bytes of scratch that one column takes. */
Size
CsScratchOfColumn(int64 nrows)
{
	return mul_size(nrows, 2 * sizeof(double));
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
			  CsLargeAlloc(CurrentMemoryContext, CsScratchOfColumn(m->nrows)),
			  (double *) CsArenaAddress(arena, a->fitted) + spec->fitted);
}
