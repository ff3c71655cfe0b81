/*
 * distance.c
 *	  Squared Euclidean distances from the rows of a block to a set of centres.
 *
 * Rows lie column-major, so the inner loop runs over rows and vectorises without reordering any
 * sum: each pair's sum over features runs from the first to the last, whatever the instruction
 * set, the number of rows or the place of the row in the block.  Rows are taken 16 at a time and
 * centres 4 at a time, so that a loaded value meets four centres while it is in a register.
 *
 * The direct form (x - c)^2 is used and not |x|^2 - 2xc + |c|^2: it needs one operation more and
 * does not cancel for data that lie far from the origin.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"

#define TILE_ROWS 16
#define TILE_CENTERS 4

/* Eight rows at a time, as the compiler's portable vectors; a mask is 0 or -1 in each place. */
typedef double Row8 __attribute__((vector_size(64), aligned(8)));
typedef int64 Mask8 __attribute__((vector_size(64), aligned(8)));

#define LoadRow8(p) (*(const Row8 *) (p))

/* yes where the mask is set, else no */
#define Choose(mask, yes, no) \
	((Row8) (((mask) & (Mask8) (yes)) | (~(mask) & (Mask8) (no))))

/*
 * Distances of 16 rows to "nc" (at most 4) centres: distance[c * distance_stride + r].  Inlined
 * with a constant nc, so that the accumulators live in registers.
 */
static inline __attribute__((always_inline)) void
TileDistances(int d, const double *x, int stride, int nc, const double *centers,
			  double *distance, int distance_stride)
{
	Row8		sum[TILE_CENTERS][2];

	for (int c = 0; c < nc; c++)
		sum[c][0] = sum[c][1] = (Row8) {0};
	for (int j = 0; j < d; j++)
	{
		Row8		a = LoadRow8(x + (Size) j * stride);
		Row8		b = LoadRow8(x + (Size) j * stride + 8);

		for (int c = 0; c < nc; c++)
		{
			Row8		da = a - centers[c * d + j];
			Row8		db = b - centers[c * d + j];

			sum[c][0] += da * da;
			sum[c][1] += db * db;
		}
	}
	for (int c = 0; c < nc; c++)
	{
		*(Row8 *) (distance + c * distance_stride) = sum[c][0];
		*(Row8 *) (distance + c * distance_stride + 8) = sum[c][1];
	}
}

/* Distances of 16 rows to k centres, tile by tile. */
static inline __attribute__((always_inline)) void
StripDistances(int d, const double *x, int stride, int k, const double *centers,
			   double *distance, int distance_stride)
{
	int			c;

	for (c = 0; c + TILE_CENTERS <= k; c += TILE_CENTERS)
		TileDistances(d, x, stride, TILE_CENTERS, centers + (Size) c * d,
					  distance + (Size) c * distance_stride, distance_stride);
	centers += (Size) c * d;
	distance += (Size) c * distance_stride;
	switch (k - c)
	{
		case 3:
			TileDistances(d, x, stride, 3, centers, distance, distance_stride);
			break;
		case 2:
			TileDistances(d, x, stride, 2, centers, distance, distance_stride);
			break;
		case 1:
			TileDistances(d, x, stride, 1, centers, distance, distance_stride);
			break;
	}
}

/*
 * Squared distances of nrows rows to k centres.
 *
 * IN x[j * stride + r], centers[c * d + j]; OUT distance[c * padded + r] with padded = nrows
 * rounded up to 16.  x must be readable up to row padded - 1.
 */
CS_CLONES void
CsSquaredDistances(int d, int nrows, const double *x, int stride,
				   int k, const double *centers, double *distance)
{
	int			padded = CS_PAD_ROWS(nrows);

	for (int r = 0; r < padded; r += TILE_ROWS)
		StripDistances(d, x + r, stride, k, centers, distance + r, padded);
}

/*
 * Nearest and second nearest centre of nrows rows, ties to the lower centre.
 *
 * OUT label[r], nearest[r] (squared distance), second[r] (squared; infinite for k = 1); all three
 * must have room up to padded rows.  scratch: k * 16 doubles.
 */
CS_CLONES void
CsNearest(int d, int nrows, const double *x, int stride, int k, const double *centers,
		  double *scratch, int32 *label, double *nearest, double *second)
{
	int			padded = CS_PAD_ROWS(nrows);

	for (int r = 0; r < padded; r += TILE_ROWS)
	{
		StripDistances(d, x + r, stride, k, centers, scratch, TILE_ROWS);
		for (int half = 0; half < TILE_ROWS; half += 8)
		{
			Row8		best = LoadRow8(scratch + half);
			Row8		next = (Row8) {0} + HUGE_VAL;
			Mask8		at = {0};

			for (int c = 1; c < k; c++)
			{
				Row8		distance = LoadRow8(scratch + c * TILE_ROWS + half);
				Mask8		closer = distance < best;
				Row8		loser = Choose(closer, best, distance);

				next = Choose(loser < next, loser, next);
				best = Choose(closer, distance, best);
				at = (closer & c) | (~closer & at);
			}
			*(Row8 *) (nearest + r + half) = best;
			*(Row8 *) (second + r + half) = next;
			for (int i = 0; i < 8; i++)
				label[r + half + i] = (int32) at[i];
		}
	}
}

/*
 * Squared distance of each row to the centre that its label names.  OUT distance[r], r < nrows.
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
