/*
 * impute.c
 *	  Ways to impute, and the value that a missing number becomes.
 *
 * Neighbors are in knn.c.  Rows that are skipped, and levels that NULL is or becomes, are matters
 * of whoever reads the rows, and of levels.c.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

static double
Median(const CsNumbers *x, double constant)
{
	return CsNumbersQuantile(x, 0.5);
}

static double
Mean(const CsNumbers *x, double constant)
{
	return x->mean;
}

/* Smallest of the most frequent values; nothing has been filled in yet. */
static double
MostFrequent(const CsNumbers *x, double constant)
{
	const double *sorted;
	int64		equal;

	if (x->order == NULL)
		return x->mode;
	sorted = CsSelectionSorted(x->order);
	return CsMostFrequent(sorted, x->n, &equal);
}

static double
Constant(const CsNumbers *x, double constant)
{
	return constant;
}

#define STEP(...) (&((const CsImputeStep){__VA_ARGS__}).step)
const CsStep *const CsImputes[] = {
	[CS_IMPUTE_MEDIAN] = STEP({"median"}, .of_numbers = true, .fill = Median),
	[CS_IMPUTE_MEAN] = STEP({"mean"}, .of_numbers = true, .fill = Mean),
	[CS_IMPUTE_MODE] = STEP({"mode"}, .of_numbers = true, .of_categories = true, .fill = MostFrequent),
	[CS_IMPUTE_CONSTANT] =
	STEP({"constant"}, .of_numbers = true, .of_categories = true, .fill = Constant),
	[CS_IMPUTE_KNN] = STEP({"knn"}, .of_numbers = true),
	[CS_IMPUTE_SKIP] = STEP({"skip"}, .of_numbers = true, .of_categories = true),
	[CS_IMPUTE_ERROR] = STEP({"error"}, .of_numbers = true, .of_categories = true),
	[CS_IMPUTE_LEVEL] = STEP({"level"}, .of_categories = true),
	NULL
};
