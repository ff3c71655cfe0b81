/*
 * distance.c
 *	  Squared Euclidean distances from the rows of a block to a set of centres.
 *
 * Rows lie column-major, so the inner loop runs over rows and vectorises without reordering any
 * sum: each pair's sum over columns runs from the first to the last, whatever the instruction
 * set, the number of rows or the place of the row in the block.
 *
 * What is left to arrange is how values come from memory.  Rows are taken 16 at a time and
 * centres 4 at a time, so that a loaded value meets four centres while it is in a register.
 * Columns are taken 8 at a time over 128 rows: columns of a block lie 8 kB apart, so the same row
 * of all of them falls into one set of the cache, which has 8 to 16 ways.  And each strip asks for
 * the strip 128 rows further on, because runs of 1 kB are too short for the processor to see
 * coming.  Together this is 2 to 2.5 times faster than rows in one sweep.
 *
 * The direct form (x - c)^2 is used and not |x|^2 - 2xc + |c|^2: it needs one operation more and
 * does not cancel for data that lie far from the origin.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"

#define TILE_ROWS 16
#define TILE_CENTERS 4
#define TILE_COLUMNS 8
#define LAST_TILE_COLUMNS 12	/* rather than a small rest */
#define GROUP_ROWS CS_GROUP_ROWS

/* Eight rows at a time, as the compiler's portable vectors; a mask is 0 or -1 in each place. */
typedef double Row8 __attribute__((vector_size(64), aligned(8)));
typedef int64 Mask8 __attribute__((vector_size(64), aligned(8)));

#define LoadRow8(p) (*(const Row8 *) (p))

/* yes where the mask is set, else no */
#define Choose(mask, yes, no) \
	((Row8) (((mask) & (Mask8) (yes)) | (~(mask) & (Mask8) (no))))

/*
 * Distances of 16 rows to "nc" (at most 4) centres over columns first..last-1, added to what
 * distance[c * distance_stride + r] holds, unless these are the first.  Inlined with a constant
 * nc, so that the running sums live in registers.
 */
static inline __attribute__((always_inline)) void
TileDistances(int d, int first, int last, const double *x, int stride, int nc,
			  const double *centers, double *distance, int distance_stride)
{
	Row8		sum[TILE_CENTERS][2];

	for (int c = 0; c < nc; c++)
		for (int half = 0; half < 2; half++)
			sum[c][half] = first == 0 ? (Row8) {0} :
				LoadRow8(distance + c * distance_stride + 8 * half);
	for (int j = first; j < last; j++)
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
		for (int half = 0; half < 2; half++)
			*(Row8 *) (distance + c * distance_stride + 8 * half) = sum[c][half];
}

/* The same for k centres, tile by tile. */
static inline __attribute__((always_inline)) void
StripDistances(int d, int first, int last, const double *x, int stride, int k,
			   const double *centers, double *distance, int distance_stride)
{
	int			c;

	for (c = 0; c + TILE_CENTERS <= k; c += TILE_CENTERS)
		TileDistances(d, first, last, x, stride, TILE_CENTERS, centers + (Size) c * d,
					  distance + (Size) c * distance_stride, distance_stride);
	centers += (Size) c * d;
	distance += (Size) c * distance_stride;
	switch (k - c)
	{
		case 3:
			TileDistances(d, first, last, x, stride, 3, centers, distance, distance_stride);
			break;
		case 2:
			TileDistances(d, first, last, x, stride, 2, centers, distance, distance_stride);
			break;
		case 1:
			TileDistances(d, first, last, x, stride, 1, centers, distance, distance_stride);
			break;
	}
}

/* Ask for the values of 16 rows in some columns; an address that is not there does no harm. */
static inline __attribute__((always_inline)) void
PrefetchStrip(int ncolumns, const double *x, int stride)
{
	for (int j = 0; j < ncolumns; j++)
	{
		__builtin_prefetch(x + (Size) j * stride);
		__builtin_prefetch(x + (Size) j * stride + 8);
	}
}

/*
 * Distances of up to GROUP_ROWS rows to k centres, a few columns at a time; "ahead" is where the
 * rows lie that come next.
 */
static inline __attribute__((always_inline)) void
GroupDistances(int d, int nrows, const double *x, int stride, const double *ahead, int k,
			   const double *centers, double *distance, int distance_stride)
{
	int			last;

	for (int first = 0; first < d; first = last)
	{
		last = d - first <= LAST_TILE_COLUMNS ? d : first + TILE_COLUMNS;
		for (int r = 0; r < nrows; r += TILE_ROWS)
		{
			PrefetchStrip(last - first, ahead + (Size) first * stride + r, stride);
			StripDistances(d, first, last, x + r, stride, k, centers, distance + r,
						   distance_stride);
		}
	}
}

/* The group after the one at row r: in this block, or the first of the next. */
static inline const double *
GroupAhead(int d, const double *x, int stride, int r, int nrows)
{
	return x + (r + GROUP_ROWS < nrows ? (Size) (r + GROUP_ROWS) : (Size) d * stride);
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

	for (int r = 0; r < padded; r += GROUP_ROWS)
		GroupDistances(d, Min(GROUP_ROWS, padded - r), x + r, stride,
					   GroupAhead(d, x, stride, r, padded), k, centers, distance + r, padded);
}

/*
 * Nearest and, unless "second" is NULL, second nearest of k centres for 8 rows whose distances are
 * known.
 */
static inline __attribute__((always_inline)) void
NearestOf8(int k, const double *distance, int distance_stride, int32 *label, double *nearest,
		   double *second)
{
	Row8		best = LoadRow8(distance);
	Row8		next = (Row8) {0} + HUGE_VAL;
	Mask8		at = {0};

	for (int c = 1; c < k; c++)
	{
		Row8		here = LoadRow8(distance + (Size) c * distance_stride);
		Mask8		closer = here < best;

		if (second)
		{
			Row8		loser = Choose(closer, best, here);

			next = Choose(loser < next, loser, next);
		}
		best = Choose(closer, here, best);
		at = (closer & c) | (~closer & at);
	}
	*(Row8 *) nearest = best;
	if (second)
		*(Row8 *) second = next;
	for (int i = 0; i < 8; i++)
		label[i] = (int32) at[i];
}

/*
 * Nearest and second nearest centre of nrows rows, ties to the lower centre.
 *
 * OUT label[r], nearest[r] (squared distance), second[r] (squared; infinite for k = 1), which may
 * be NULL; all three must have room up to padded rows.  scratch: k * CS_GROUP_ROWS doubles.
 */
CS_CLONES void
CsNearest(int d, int nrows, const double *x, int stride, int k, const double *centers,
		  double *scratch, int32 *label, double *nearest, double *second)
{
	int			padded = CS_PAD_ROWS(nrows);

	for (int r = 0; r < padded; r += GROUP_ROWS)
	{
		int			rows = Min(GROUP_ROWS, padded - r);

		GroupDistances(d, rows, x + r, stride, GroupAhead(d, x, stride, r, padded), k, centers,
					   scratch, GROUP_ROWS);
		if (second)
			for (int i = 0; i < rows; i += 8)
				NearestOf8(k, scratch + i, GROUP_ROWS, label + r + i, nearest + r + i,
						   second + r + i);
		else
			for (int i = 0; i < rows; i += 8)
				NearestOf8(k, scratch + i, GROUP_ROWS, label + r + i, nearest + r + i, NULL);
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
