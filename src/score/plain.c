/*
 * plain.c
 *	  The segment of a customer by a plain model: features are numbers that are filled in, clipped and scaled, segments
 *	  have centers, and the nearest is wanted, not how near it is.
 *
 * Most models are plain, and predict() is called for each row of a table.  What the pipeline keeps feature by feature
 * lies here number by number, so that vectors take eight features at once; the steps are those of prep/apply.c and of
 * algo/nearest.c, and give the same bits.  A row in which anything is out of the ordinary is left to CsScoringPlace().
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/kernel.h"
#include "port/pg_bitutils.h"
#include "score/score.h"

#define GROUP 8

/* What the features are prepared by, in groups; what stands behind the last feature becomes 0. */
typedef struct CsPlainScoring
{
	int			nfeatures,
				padded;
	double	   *fill,
			   *low,
			   *high,
			   *center,
			   *spread;
	double	   *beyond;			/* of each center, which are padded, too: 0, and infinity behind the last one */
} CsPlainScoring;

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "score/plain_kernels.h"
#define KERNEL_WIDTH 4
#include "score/plain_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "score/plain_kernels.h"

/* Is that all that is done to a feature? */
static bool
IsPlain(const CsFeature *f)
{
	return f->kind != CS_CATEGORICAL && f->transform == CS_TRANSFORM_NONE && f->impute != CS_IMPUTE_KNN;
}

/* Copy what the features are prepared by. */
static void
TakeFeatures(CsPlainScoring *plain, const CsPipeline *p)
{
	for (int i = 0; i < plain->padded; i++)
	{
		const CsFeature *f = &p->feature[i];

		plain->spread[i] = 1;
		if (i >= p->nfeatures)
			continue;
		plain->fill[i] = f->fill;
		plain->low[i] = f->low;
		plain->high[i] = f->high;
		plain->center[i] = f->center;
		plain->spread[i] = f->spread;
	}
}

/* The plain form of a scorer, in the context; NULL where it is not plain. */
CsPlainScoring *
CsPlainScoringOf(const CsScoring *s, MemoryContext context)
{
	const CsPipeline *p = CsScorerPipeline(s->scorer);
	int			padded = (int) TYPEALIGN(GROUP, p->nfeatures);
	CsPlainScoring *plain;
	double	   *numbers;

	if (s->algorithm->assign != NULL || p->ncomponents > 0)
		return NULL;
	for (int i = 0; i < p->nfeatures; i++)
		if (!IsPlain(&p->feature[i]))
			return NULL;

	plain = MemoryContextAllocZero(context, sizeof(CsPlainScoring));
	numbers = MemoryContextAllocZero(context, sizeof(double) * (padded * 5 + s->fitted.padded));
	plain->nfeatures = p->nfeatures;
	plain->padded = padded;
	plain->fill = numbers;
	plain->low = numbers + padded;
	plain->high = numbers + 2 * padded;
	plain->center = numbers + 3 * padded;
	plain->spread = numbers + 4 * padded;
	plain->beyond = numbers + 5 * padded;
	TakeFeatures(plain, p);
	for (int c = s->fitted.nsegments; c < s->fitted.padded; c++)
		plain->beyond[c] = INFINITY;
	return plain;
}

/* The index of the segment of the customer whose raw values are in s->raw; -1: CsScoringPlace() knows. */
int
CsPlainScoringSegment(const CsScoring *s)
{
	return ChooseKernel(SegmentOfRaw) (s->plain, &s->fitted, s->raw, s->z);
}

/*
 * Where the features are among arguments that are all float8: for each the number of its argument, and behind the last
 * feature any; in the context.  NULL where that is not so, or the model is not plain.
 */
int *
CsPlainScoringArguments(const CsScoring *s, const CsBinding *b, MemoryContext context)
{
	int		   *at;

	if (s->plain == NULL || !CsBindingIsOfFloats(b, CsScorerPipeline(s->scorer)))
		return NULL;
	at = MemoryContextAlloc(context, sizeof(int) * s->plain->padded);
	for (int i = 0; i < s->plain->padded; i++)
		at[i] = CsBindingAttribute(b, Min(i, s->plain->nfeatures - 1)) - 1;
	return at;
}

/* CsPlainScoringSegment() of float8 arguments, found by CsPlainScoringArguments(); -1, too, where one is NULL. */
int
CsPlainScoringSegmentOfFloats(const CsScoring *s, const NullableDatum *values, const int *at)
{
	return ChooseKernel(SegmentOfFloats) (s->plain, &s->fitted, values, at, s->z);
}
