/*
 * distance.c
 *	  Squared Euclidean distances from the rows of a block to a set of centres.
 *
 * Rows lie column-major, so the inner loop runs over rows and vectorises without reordering any
 * sum: each pair's sum over columns runs from the first to the last, whatever the instruction
 * set, the number of rows or the place of the row in the block.
 *
 * What is left to arrange is how values come from memory.  Rows are taken two vectors at a time and
 * centres 4 at a time, so that a loaded value meets four centres while it is in a register.
 * Columns are taken 8 at a time over 128 rows: columns of a block lie 8 kB apart, so the same row
 * of all of them falls into one set of the cache, which has 8 to 16 ways.  And each strip asks for
 * the strip 128 rows further on, because runs of 1 kB are too short for the processor to see
 * coming.  Together this is 2 to 2.5 times faster than rows in one sweep.  The kernels are in
 * distance_kernels.h.
 *
 * The direct form (x - c)^2 is used and not |x|^2 - 2xc + |c|^2: it needs one operation more and
 * does not cancel for data that lie far from the origin.
 */
#include "custseg.h"

#include <math.h>

#include "math/kernel.h"
#include "math/math.h"

/* Sums of a tile, two for each centre, fit the registers of every width. */
#define TILE_ROWS (2 * KERNEL_WIDTH)
#define TILE_CENTERS 4
#define TILE_COLUMNS 8
#define LAST_TILE_COLUMNS 12	/* rather than a small rest */
#define STRIP_ROWS 16
#define GROUP_ROWS CS_GROUP_ROWS

/* Ask for the values of a strip in some columns; an address that is not there does no harm. */
static inline __attribute__((always_inline)) void
PrefetchStrip(int ncolumns, const double *x, int stride)
{
	for (int j = 0; j < ncolumns; j++)
	{
		__builtin_prefetch(x + (Size) j * stride);
		__builtin_prefetch(x + (Size) j * stride + 8);
	}
}

/* The group after the one at row r: in this block, or the first of the next. */
static inline __attribute__((always_inline)) const double *
GroupAhead(int d, const double *x, int stride, int r, int nrows)
{
	return x + (r + GROUP_ROWS < nrows ? (Size) (r + GROUP_ROWS) : (Size) d * stride);
}

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "math/distance_kernels.h"
#define KERNEL_WIDTH 4
#include "math/distance_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "math/distance_kernels.h"

/*
 * Squared distances of nrows rows to k centres.
 *
 * IN x[j * stride + r], readable up to row padded - 1, and centers[c * d + j]; OUT distance[c *
 * padded + r], where padded is nrows rounded up to a multiple of 16.
 */
void
CsSquaredDistances(int d, int nrows, const double *x, int stride,
				   int k, const double *centers, double *distance)
{
	ChooseKernel(SquaredDistances) (d, CS_PAD_ROWS(nrows), x, stride, k, centers, distance);
}

/* Manhattan distances of nrows rows to k centres, laid out as by CsSquaredDistances(). */
CS_CLONES void
CsManhattanDistances(int d, int nrows, const double *x, int stride,
					 int k, const double *centers, double *distance)
{
	int			padded = CS_PAD_ROWS(nrows);

	for (int c = 0; c < k; c++, centers += d, distance += padded)
	{
		for (int r = 0; r < nrows; r++)
			distance[r] = 0;
		for (int j = 0; j < d; j++)
		{
			const double *column = x + (Size) j * stride;

			for (int r = 0; r < nrows; r++)
				distance[r] += fabs(column[r] - centers[j]);
		}
	}
}

/*
 * The nearest and the second nearest centre of nrows rows; a tie goes to the lower centre.
 *
 * OUT label[r], nearest[r] (squared distance), second[r] (squared distance, infinite for k = 1),
 * which may be NULL.  All three must have room up to the padded number of rows.  The scratch is k *
 * CS_GROUP_ROWS doubles.
 */
void
CsNearest(int d, int nrows, const double *x, int stride, int k, const double *centers,
		  double *scratch, int32 *label, double *nearest, double *second)
{
	ChooseKernel(FindNearest) (d, CS_PAD_ROWS(nrows), x, stride, k, centers, scratch, label,
							   nearest, second);
}

/*
 * Squared distances of nrows rows to one point, in single precision.  IN z as CsFilterRows() rounds
 * rows; OUT distance[r], which has room up to a multiple of CS_FILTER_TILE rows.
 */
void
CsRoundedDistances(int d, int nrows, const float *z, const float *point, float *distance)
{
	ChooseKernel(RoundedDistances) (d, nrows, z, point, distance);
}

/*
 * The squared distance of each row to the centre that its label names.  OUT distance[r], r < nrows.
 */
CS_CLONES void
CsOwnDistances(int d, int nrows, const double *x, int stride, const double *centers,
			   const int32 *label, double *distance)
{
	for (int r = 0; r < nrows; r++)
		distance[r] = 0;
	for (int j = 0; j < d; j++)
	{
		const double *column = x + (Size) j * stride;

		for (int r = 0; r < nrows; r++)
		{
			double		difference = column[r] - centers[(Size) label[r] * d + j];

			distance[r] += difference * difference;
		}
	}
}
