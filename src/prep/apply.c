/*
 * apply.c
 *	  The fitted pipeline applied: to a block of training rows or to one customer, the same bits.
 *
 * Every step works on a column's rows one by one, in the same order of operations whatever their
 * number, so the compiler may do several rows at once but never computes a row differently.
 * Columns are written over or beside the raw ones: out may be raw itself when the pipeline is
 * affine (CsPipelineInPlace).
 */
#include "custseg.h"

#include "miscadmin.h"
#include "prep/internal.h"

/* Rows of a loop do not depend on each other, even where the result replaces the raw value. */
#if defined(__GNUC__) && !defined(__clang__)
#define INDEPENDENT_ROWS _Pragma("GCC ivdep")
#else
#define INDEPENDENT_ROWS
#endif

/* A number with what is missing filled in, within the limits. */
static pg_attribute_always_inline double
FillValue(double value, double fill, double low, double high)
{
	value = value != value ? fill : value;
	value = value < low ? low : value;
	return value > high ? high : value;
}

/*
 * Fill and clip one column of numbers: x to y.  Returns false for an infinite value.
 */
static pg_attribute_always_inline bool
FillColumn(const CsFeature *f, int nrows, const double *x, double *y)
{
	const double fill = f->fill;
	const double low = f->low;
	const double high = f->high;
	int64		bad = 0;

	INDEPENDENT_ROWS
	for (int r = 0; r < nrows; r++)
	{
		bad |= fabs(x[r]) > DBL_MAX;
		y[r] = FillValue(x[r], fill, low, high);
	}
	return bad == 0;
}

/* Scale one column in place.  Returns false when a result is infinite or still missing. */
static pg_attribute_always_inline bool
ScaleColumn(const CsFeature *f, int nrows, double *y)
{
	const double center = f->center;
	const double spread = f->spread;
	int64		infinite = 0;
	int64		missing = 0;

	for (int r = 0; r < nrows; r++)
	{
		double		value = (y[r] - center) / spread;

		infinite |= fabs(value) > DBL_MAX;
		missing |= value != value;
		y[r] = value;
	}
	return infinite == 0 && (missing == 0 || f->impute == CS_IMPUTE_KNN);
}

/* Transform one column in place.  Returns false when a value is not in the domain. */
static bool
TransformColumn(const CsPipeline *p, const CsFeature *f, int nrows, double *y)
{
	const CsTransform *transform = CsTransformAt(f->transform);

	for (int r = 0; r < nrows; r++)
	{
		if (y[r] <= transform->above)
			return false;
	}
	transform->apply(CsFeatureFitted(p, f), f->nfitted, nrows, y);
	return true;
}

/* Prepare one column of numbers, all steps, compiled for several instruction sets. */
CS_CLONES static bool
PrepareColumn(const CsPipeline *p, const CsFeature *f, int nrows, const double *x, double *y)
{
	if (!FillColumn(f, nrows, x, y))
		return false;
	if (f->transform != CS_TRANSFORM_NONE && !TransformColumn(p, f, nrows, y))
		return false;
	return ScaleColumn(f, nrows, y);
}

/* Is it a number that is not transformed?  Most features are. */
static inline bool
IsOnlyScaled(const CsFeature *f)
{
	return f->kind != CS_CATEGORICAL && f->transform == CS_TRANSFORM_NONE;
}

/* PrepareColumn for one number that is only scaled: where scoring a customer spends its time. */
static inline bool
ScaleNumber(const CsFeature *f, double x, double *y)
{
	double		value = (FillValue(x, f->fill, f->low, f->high) - f->center) / f->spread;

	*y = value;
	if (likely(fabs(x) <= DBL_MAX && fabs(value) <= DBL_MAX))
		return true;
	return !(fabs(x) > DBL_MAX) && !(fabs(value) > DBL_MAX) &&
		(value == value || f->impute == CS_IMPUTE_KNN);
}

/*
 * The level of a raw value: its number, or -1 for one that training did not see.  A NULL that is
 * a level, or becomes one, has been given its number by CsFeatureLevel; false for any other.
 */
static inline bool
ReadLevel(const CsFeature *f, double raw, int *level)
{
	*level = raw >= 0 && raw < f->nlevels ? (int) raw : -1;
	return !isnan(raw);
}

/* One-hot columns of a category: 1 in the level's, 0 in all others. */
static bool
PrepareOneHot(const CsPipeline *p, const CsFeature *f, int nrows, const double *x, double *out,
			  int out_stride)
{
	const CsLevel *levels = CsFeatureLevels(p, f);

	for (int c = 0; c < f->noutputs; c++)
		memset(out + (Size) c * out_stride, 0, nrows * sizeof(double));
	for (int r = 0; r < nrows; r++)
	{
		int			level;

		if (!ReadLevel(f, x[r], &level))
			return false;
		if (level >= 0 && levels[level].value >= 0)
			out[(Size) levels[level].value * out_stride + r] = 1;
	}
	return true;
}

/*
 * The number of a category: its rank, missing when it is not listed, or its frequency, 0 when it
 * was not seen.
 */
static bool
PrepareNumberedCategory(const CsPipeline *p, const CsFeature *f, int nrows, const double *x,
						double *y)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	bool		ordinal = f->encode == CS_ENCODE_ORDINAL;

	for (int r = 0; r < nrows; r++)
	{
		int			level;

		if (!ReadLevel(f, x[r], &level) && !ordinal)
			return false;
		y[r] = level >= 0 ? levels[level].value : ordinal ? f->fill : 0;
	}
	return ScaleColumn(f, nrows, y);
}

/* Prepare one feature, whatever it is. */
static pg_noinline bool
PrepareFeature(const CsPipeline *p, const CsFeature *f, int nrows, const double *x, double *y,
			   int out_stride)
{
	if (f->kind != CS_CATEGORICAL)
		return PrepareColumn(p, f, nrows, x, y);
	if (f->encode == CS_ENCODE_ONEHOT)
		return PrepareOneHot(p, f, nrows, x, y, out_stride);
	return PrepareNumberedCategory(p, f, nrows, x, y);
}

/*
 * Apply all steps but PCA to nrows rows, into nscaled columns.  Otherwise as CsPipelineApply(),
 * except that the scratch is CsKnnWork(p) doubles.
 */
bool
CsPipelineScale(const CsPipeline *p, const double *raw, int raw_stride, int nrows,
				double *out, int out_stride, double *work)
{
	const CsFeature *end = p->feature + p->nfeatures;
	const double *x = raw;
	bool		knn = false;

	for (const CsFeature *f = p->feature; f < end; f++, x += raw_stride)
	{
		double	   *y = out + (Size) f->first_output * out_stride;

		if (!(nrows == 1 && IsOnlyScaled(f) ? ScaleNumber(f, *x, y) :
			  PrepareFeature(p, f, nrows, x, y, out_stride)))
			return false;
		knn |= f->impute == CS_IMPUTE_KNN;
	}
	return !knn || CsKnnFill(p, nrows, out, out_stride, work);
}

/*
 * Project centred columns on the components: one pass over the rows per component and column.
 * Returns false when a result is infinite.
 */
CS_CLONES static bool
ProjectBlock(const CsPipeline *p, int nrows, const double *scaled, double *out, int out_stride)
{
	const double *mean = CsPipelineAt(p, const double, p->pca_mean_offset);
	const double *component = CsPipelineAt(p, const double, p->pca_offset);
	int64		infinite = 0;

	for (int c = 0; c < p->ncomponents; c++, component += p->nscaled)
	{
		double	   *restrict y = out + (Size) c * out_stride;

		memset(y, 0, nrows * sizeof(double));
		for (int j = 0; j < p->nscaled; j++)
		{
			const double *restrict x = scaled + (Size) j * nrows;
			const double m = mean[j];
			const double w = component[j];

			for (int r = 0; r < nrows; r++)
				y[r] += w * (x[r] - m);
		}
		for (int r = 0; r < nrows; r++)
			infinite |= !(fabs(y[r]) <= DBL_MAX);
	}
	return infinite == 0;
}

/* Doubles of scratch that CsPipelineApply() needs for nrows rows. */
Size
CsPipelineWork(const CsPipeline *p, int nrows)
{
	Size		work = CsKnnWork(p);

	if (p->ncomponents > 0)
		work += (Size) p->nscaled * nrows;
	return Max(work, 1);
}

/*
 * Apply the pipeline to rows 0..nrows-1: raw[feature * raw_stride + row] becomes out[output *
 * out_stride + row].
 *
 * Returns false when a row cannot be placed: a value is infinite or outside the transform's domain,
 * or a value is missing whose impute is skip or error.  With nrows > 1 that is the caller's bug.
 * Neither palloc nor ereport.  The scratch "work" is at least CsPipelineWork(p, nrows) doubles.
 */
bool
CsPipelineApply(const CsPipeline *p, const double *raw, int raw_stride, int nrows,
				double *out, int out_stride, double *work)
{
	double	   *scaled;

	if (p->ncomponents == 0)
		return CsPipelineScale(p, raw, raw_stride, nrows, out, out_stride, work);

	scaled = work + CsKnnWork(p);
	return CsPipelineScale(p, raw, raw_stride, nrows, scaled, nrows, work) &&
		ProjectBlock(p, nrows, scaled, out, out_stride);
}

/* Apply the pipeline to the blocks of one lane. */
void
CsPrepApplyTask(CsTeam *team, const void *args, int item)
{
	const CsApplication *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsPipeline *p = CsArenaAddress(arena, a->pipeline);
	const CsMatrix *from = CsArenaAddress(arena, a->from);
	const CsMatrix *to = CsArenaAddress(arena, a->to);
	double	   *work = palloc(mul_size(CsPipelineWork(p, CS_BLOCK_ROWS), sizeof(double)));

	for (int64 b = CsLaneStart(from, item); b < CsLaneStart(from, item + 1); b++)
	{
		const double *raw = CsMatrixBlock(from, arena, b);
		double	   *out = CsMatrixBlock(to, arena, b);
		int			nrows = CsMatrixBlockRows(from, b);

		CHECK_FOR_INTERRUPTS();
		if (!CsPipelineApply(p, raw, CS_BLOCK_ROWS, nrows, out, CS_BLOCK_ROWS, work))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("a row is too far from the others to be prepared"),
					 errhint("Clip the features, or leave out rows that are not customers with WHERE.")));
	}
}

/*
 * Prepare to apply a pipeline again and again to a raw matrix that is filled anew each time.  The
 * blocks of both matrices stay where they are; result may be raw itself if the pipeline works in
 * place.
 */
void
CsApplicationStart(CsApplication *a, CsTeam *team, const CsPipeline *p, const CsMatrix *raw,
				   const CsMatrix *result)
{
	CsArena    *arena = CsTeamArena(team);

	a->pipeline = CsArenaAlloc(arena, p->size);
	memcpy(CsArenaAddress(arena, a->pipeline), p, p->size);
	a->from = CsMatrixShare(raw, arena);
	a->to = CsMatrixShare(result, arena);
}

/* Take as many rows as the raw matrix holds to model space, on the team. */
void
CsApplicationRun(const CsApplication *a, CsTeam *team, const CsMatrix *raw, CsMatrix *result)
{
	CsArena    *arena = CsTeamArena(team);

	result->nrows = raw->nrows;
	memcpy(CsArenaAddress(arena, a->from), raw, sizeof(CsMatrix));
	memcpy(CsArenaAddress(arena, a->to), result, sizeof(CsMatrix));
	CsTeamRun(team, CS_TASK(CsPrepApplyTask), a, sizeof(*a), CS_LANES);
}

/* Free the areas that CsApplicationStart() has taken. */
void
CsApplicationEnd(const CsApplication *a, CsTeam *team)
{
	CsArena    *arena = CsTeamArena(team);

	CsArenaFree(arena, a->to);
	CsArenaFree(arena, a->from);
	CsArenaFree(arena, a->pipeline);
}

/*
 * The model-space matrix of a raw one: the raw matrix itself where the pipeline works in place,
 * otherwise a new matrix in new areas of the arena.
 */
CsMatrix *
CsPipelineTransform(CsTeam *team, const CsPipeline *p, CsMatrix *raw)
{
	CsMatrix   *result = raw;
	CsApplication application;

	if (!CsPipelineInPlace(p))
	{
		result = CsMatrixCreate(p->noutputs);
		while (result->nrows < raw->nrows)
		{
			CHECK_FOR_INTERRUPTS();
			CsMatrixGrow(result, CsTeamArena(team));
			result->nrows = Min(result->nrows + CS_BLOCK_ROWS, raw->nrows);
		}
	}
	CsApplicationStart(&application, team, p, raw, result);
	CsApplicationRun(&application, team, raw, result);
	CsApplicationEnd(&application, team);
	return result;
}
