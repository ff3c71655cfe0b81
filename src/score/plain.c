/*
 * plain.c
 *	  The segment of a customer by a plain model: features are numbers that are filled in, clipped and scaled, segments
 *	  have centers, and the nearest is wanted, not how near it is.
 *
 * Most models are plain, and predict() is called for each row of a table.  What the pipeline keeps feature by feature
 * lies here number by number, so that vectors take eight features at once; the steps are those of prep/apply.c and give
 * the same bits.  A row in which anything is out of the ordinary is left to CsScoringPlace().
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/kernel.h"
#include "score/score.h"

#define GROUP 8

/* What the features are prepared by, in groups; the numbers behind the last feature make 0 of 0. */
typedef struct CsPlainScoring
{
	int			padded;
	double	   *fill,
			   *low,
			   *high,
			   *center,
			   *spread;
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
	numbers = MemoryContextAllocZero(context, sizeof(double) * padded * 5);
	plain->padded = padded;
	plain->fill = numbers;
	plain->low = numbers + padded;
	plain->high = numbers + 2 * padded;
	plain->center = numbers + 3 * padded;
	plain->spread = numbers + 4 * padded;
	for (int i = 0; i < padded; i++)
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
	return plain;
}

/* Prepare raw values; false where one is infinite, or anything that comes of them is no number. */
static inline bool
Prepare(const CsPlainScoring *plain, const double *raw, double *z)
{
	return ChooseKernel(Prepare) (plain, raw, z);
}

/* The index of the segment of the customer whose raw values are in s->raw; -1: CsScoringPlace() knows. */
int
CsPlainScoringSegment(const CsScoring *s)
{
	return Prepare(s->plain, s->raw, s->z) ? CsNearestIndex(&s->fitted, s->z) : -1;
}
