/*
 * filter.c
 *	  The nearest centre of many rows by single precision, where that is certain.
 *
 * To know which centre is nearest takes less than to know how near it is.  Rows and centres are
 * moved by a common origin, brought to a common scale and rounded to float; |c|^2 - 2 z.c then
 * orders the centres as the distances do, at one operation for two halves of a double's width.
 * Whatever rounding can have done to the difference of the two best scores is bounded, and where
 * the difference is not larger, the row's label is left open: -1, to be settled by CsNearest.  So
 * the labels are those of CsNearest, all of them, at every width of vectors, although this file is
 * the one place where the compiler may fuse multiplication and addition.
 *
 * The bound.  Let u = 2^-24, R the largest |z| of a tile, C the largest |c|.  Rounding z and c
 * costs a score at most 4uRC, rounding |c|^2 costs uC^2, and each of at most 2d additions and
 * products rounds a number of at most C^2 + 2RC.  That is below (2d + 5) u (C^2 + 2RC) for one
 * score and twice that for a difference.  The second part is what doubles do to the distances
 * that are compared in CsNearest, of at most (R + C)^2 each.  Where a score might overflow, or is no
 * number, the bound is infinite, and the row is left open.
 *
 * Rows come in tiles of 32, z[tile][column][32], so that what is read together lies together.  The
 * kernels of the scores are in filter_kernels.h.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/kernel.h"
#include "math/math.h"

#define TILE CS_FILTER_TILE

/* Rows and centres whose scores are computed together fit the registers of every width. */
#define SCORE_ROWS (2 * KERNEL_FLOATS)
#define SCORE_CENTERS 4

/* Below every difference that is taken for certain: scores may be denormal numbers. */
#define LEAST_DIFFERENCE 1e-30

/*
 * Round rows to float about an origin.  IN x[j * stride + r], readable up to a multiple of 32 rows;
 * OUT z, tile by tile, d * CS_FILTER_ROWS(nrows) floats, and in "reach" the largest squared length
 * of a row of each tile.  One column is read at a time, from end to end, which processors foresee:
 * rows that come from memory are read in three quarters of the time that it takes with prefetches.
 */
CS_CLONES void
CsFilterRows(int d, int nrows, const double *x, int stride, const double *origin, double scale,
			 float *z, float *reach)
{
	int			ntiles = CS_FILTER_ROWS(nrows) / TILE;
	float		squared[CS_BLOCK_ROWS] = {0};

	for (int j = 0; j < d; j++)
	{
		const double *column = x + (Size) j * stride;
		double		center = origin[j];

		for (int tile = 0; tile < ntiles; tile++)
		{
			float	   *to = z + ((Size) tile * d + j) * TILE;
			float	   *length = squared + tile * TILE;

			for (int r = 0; r < TILE; r++)
			{
				float		value = (float) ((column[tile * TILE + r] - center) * scale);

				to[r] = value;
				length[r] += value * value;
			}
		}
	}
	for (int tile = 0; tile < ntiles; tile++)
	{
		float		largest = 0;

		/* a sum that is no number must not be lost in the maximum */
		for (int r = 0; r < TILE; r++)
			largest = squared[tile * TILE + r] <= largest ? largest : squared[tile * TILE + r];
		reach[tile] = largest;
	}
}

/*
 * Round centres to what their scores need.  OUT form: first the largest |c|, then |c|^2 and -2c of
 * each centre, 1 + k * (d + 1) floats together.
 */
void
CsFilterCenters(int d, int k, const double *centers, const double *origin, double scale,
				float *form)
{
	float	   *to = form + 1;
	double		largest = 0;

	for (int c = 0; c < k; c++, centers += d, to += d + 1)
	{
		double		squared = 0;

		for (int j = 0; j < d; j++)
		{
			double		value = (centers[j] - origin[j]) * scale;

			squared += value * value;
			to[1 + j] = (float) (-2 * value);
		}
		to[0] = (float) squared;
		largest = squared <= largest ? largest : squared;
	}
	form[0] = (float) sqrt(largest);
}

/* The difference of two scores that rounding cannot have made; see the head of this file. */
static inline float
CertainDifference(int d, float reach, float c)
{
	double		u = ldexp(1, -24),
				longest = sqrt((double) reach) * (1 + d * u),
				product = (double) c * c + 2 * longest * c,
				sum = longest + c;

	if (!(4 * product < FLT_MAX))
		return HUGE_VALF;
	return (float) ((4 * d + 16) * (u * product + ldexp(1, -50) * sum * sum) * 1.01 +
					LEAST_DIFFERENCE);
}

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "math/filter_kernels.h"
#define KERNEL_WIDTH 4
#include "math/filter_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "math/filter_kernels.h"

/*
 * The number of the nearest of k centres, or -1 where single precision cannot tell, for nrows rows
 * rounded up to a multiple of 32: label must have room for them.  Returns whether any label is -1.
 */
bool
CsFilterNearest(int d, int nrows, const float *z, const float *reach, int k, const float *form,
				int32 *label)
{
	return ChooseKernel(FilterNearest) (d, nrows, z, reach, k, form, label);
}
