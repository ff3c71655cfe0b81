/*
 * filter.c
 *	  The nearest centre of many rows by single precision, where that is certain.
 *
 * To know which centre is nearest takes less than to know how near it is.  Rows and centres are
 * moved by a common origin, brought to a common scale and rounded to float; |c|^2 - 2 z.c then
 * orders the centres as the distances do, at one operation for two halves of a double's width.
 * Whatever rounding can have done to the difference of the two best scores is bounded, and where
 * the difference is not larger, the row's label is left open: -1, to be settled by CsNearest.  So
 * the labels are those of CsNearest, all of them, on every instruction set, although this file is
 * the one place where the compiler may fuse multiplication and addition.
 *
 * The bound.  Let u = 2^-24, R the largest |z| of a tile, C the largest |c|.  Rounding z and c
 * costs a score at most 4uRC, rounding |c|^2 costs uC^2, and each of at most 2d additions and
 * products rounds a number of at most C^2 + 2RC.  That is below (2d + 5) u (C^2 + 2RC) for one
 * score and twice that for a difference.  The second part is what doubles do to the distances
 * that are compared in CsNearest, of at most (R + C)^2 each.  Overflow makes the bound infinite or
 * not a number, and the row is left open.
 *
 * Rows come in tiles of 32, z[tile][column][32], so that what is read together lies together.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"

#define TILE CS_FILTER_TILE
#define TILE_CENTERS 4

/* Sixteen rows at a time, as the compiler's portable vectors; a mask is 0 or -1 in each place. */
typedef float Row16 __attribute__((vector_size(64), aligned(4)));
typedef int32 Mask16 __attribute__((vector_size(64), aligned(4)));

#define LoadRow16(p) (*(const Row16 *) (p))

/* yes where the mask is set, else no */
#define Choose(mask, yes, no) \
	((Row16) (((mask) & (Mask16) (yes)) | (~(mask) & (Mask16) (no))))

/* Below every difference that is taken for certain: scores may be denormal numbers. */
#define LEAST_DIFFERENCE 1e-30

/*
 * Round rows to float.  IN x[j * stride + r], readable up to a multiple of 32 rows; OUT z as above,
 * and for each tile the largest squared length of a row.  A column at a time, and the next
 * one is asked for meanwhile: an address that is not there does no harm.
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

			for (int r = 0; r < TILE; r += 8)
				__builtin_prefetch(column + stride + tile * TILE + r);
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
 * Centres as scores need them: OUT form[0] the largest |c|, then for each centre |c|^2 and -2c.
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

/* The difference of two scores that rounding can't have made; see the head of this file. */
static inline float
CertainDifference(int d, float reach, float c)
{
	double		u = ldexp(1, -24),
				longest = sqrt((double) reach) * (1 + d * u),
				product = (double) c * c + 2 * longest * c,
				sum = longest + c;

	return (float) ((4 * d + 16) * (u * product + ldexp(1, -50) * sum * sum) * 1.01 +
					LEAST_DIFFERENCE);
}

/* Scores of 32 rows and "nc" (at most 4) centres; inlined with a constant nc. */
static inline __attribute__((always_inline)) void
TileScores(int d, const float *z, int nc, const float *form, Row16 score[TILE_CENTERS][2])
{
	for (int c = 0; c < nc; c++)
		for (int half = 0; half < 2; half++)
			score[c][half] = (Row16) {0} + form[c * (d + 1)];
	for (int j = 0; j < d; j++)
	{
		Row16		a = LoadRow16(z + j * TILE);
		Row16		b = LoadRow16(z + j * TILE + 16);

		for (int c = 0; c < nc; c++)
		{
			score[c][0] += a * form[c * (d + 1) + 1 + j];
			score[c][1] += b * form[c * (d + 1) + 1 + j];
		}
	}
}

/* The best two of 16 rows so far. */
typedef struct Ranking
{
	Row16		best,
				second;
	Mask16		at;				/* number of the best */
} Ranking;

/* Let a centre's scores in; ties stay with the lower centre. */
static inline __attribute__((always_inline)) void
Rank(Ranking *ranking, const Row16 *scores, int c)
{
	Row16		score = *scores;
	Mask16		closer = score < ranking->best;
	Row16		loser = Choose(closer, ranking->best, score);

	ranking->second = Choose(loser < ranking->second, loser, ranking->second);
	ranking->best = Choose(closer, score, ranking->best);
	ranking->at = (closer & c) | (~closer & ranking->at);
}

/* Score "nc" centres, the first of which is number c, and rank them. */
static inline __attribute__((always_inline)) void
RankCenters(int d, const float *z, int c, int nc, const float *form, Ranking ranking[2])
{
	Row16		score[TILE_CENTERS][2];

	TileScores(d, z, nc, form + (Size) c * (d + 1), score);
	for (int i = 0; i < nc; i++)
		for (int half = 0; half < 2; half++)
			Rank(&ranking[half], &score[i][half], c + i);
}

/*
 * Number of the nearest of k centres, or -1 where that is open, for nrows rows rounded up to a
 * multiple of 32: label has room for them.  Returns whether any is open.
 */
CS_CLONES bool
CsFilterNearest(int d, int nrows, const float *z, const float *reach, int k, const float *form,
				int32 *label)
{
	const float *scores = form + 1;
	int32		signs = 0;

	for (int tile = 0; tile * TILE < nrows; tile++, z += (Size) TILE * d, label += TILE)
	{
		float		certain = CertainDifference(d, reach[tile], form[0]);
		Ranking		ranking[2];
		int			c;

		for (int half = 0; half < 2; half++)
		{
			ranking[half].best = ranking[half].second = (Row16) {0} + HUGE_VALF;
			ranking[half].at = (Mask16) {0};
		}
		for (c = 0; c + TILE_CENTERS <= k; c += TILE_CENTERS)
			RankCenters(d, z, c, TILE_CENTERS, scores, ranking);
		switch (k - c)
		{
			case 3:
				RankCenters(d, z, c, 3, scores, ranking);
				break;
			case 2:
				RankCenters(d, z, c, 2, scores, ranking);
				break;
			case 1:
				RankCenters(d, z, c, 1, scores, ranking);
				break;
		}
		for (int half = 0; half < 2; half++)
		{
			Mask16		sure = ranking[half].second - ranking[half].best > (Row16) {0} + certain;

			*(Mask16 *) (label + 16 * half) = (sure & ranking[half].at) | ~sure;
		}
	}
	for (int r = -CS_FILTER_ROWS(nrows); r < 0; r++)
		signs |= label[r];
	return signs < 0;
}
