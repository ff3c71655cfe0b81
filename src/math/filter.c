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
 * The margin of a row is by how much nearer its nearest centre is than any other.  With D what the difference of
 * the two best scores is at least, and a the distance to the nearest one, the others are D / (a + sqrt(a^2 + D))
 * farther, which is not less than D / sqrt(4 a^2 + 2 D).  The squared length of the row makes a^2 of the score, and
 * is taken for as large as rounding may have hidden.
 *
 * Rows come in tiles of 32, z[tile][column][32], so that what is read together lies together.  The
 * kernels of the scores are in filter_kernels.h.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/filter_short.h"
#include "math/kernel.h"
#include "math/math.h"

#define TILE CS_FILTER_TILE

/* Rows and centres whose scores are computed together fit the registers of every width. */
#define SCORE_ROWS (2 * KERNEL_FLOATS)
#define SCORE_CENTERS 6

/* Below every difference that is taken for certain: scores may be denormal numbers. */
#define LEAST_DIFFERENCE 1e-30

/* The largest of n squared lengths; one that is no number must not be lost in the maximum. */
static inline float
LongestOf(int n, const float *length)
{
	float		largest = 0;

	for (int r = 0; r < n; r++)
		largest = length[r] <= largest ? largest : length[r];
	return largest;
}

/*
 * Round rows to float about an origin.  IN x[j * stride + r], readable up to a multiple of 32 rows;
 * OUT z, tile by tile, d * CS_FILTER_ROWS(nrows) floats, the squared length of each row, and in
 * "reach" the largest one of each tile.  One column is read at a time, from end to end, which processors foresee:
 * rows that come from memory are read in three quarters of the time that it takes with prefetches.
 */
CS_CLONES void
CsFilterRows(int d, int nrows, const double *x, int stride, const double *origin, double scale,
			 float *z, float *reach, float *length)
{
	int			ntiles = CS_FILTER_ROWS(nrows) / TILE;

	memset(length, 0, sizeof(float) * ntiles * TILE);
	for (int j = 0; j < d; j++)
	{
		const double *column = x + (Size) j * stride;
		double		center = origin[j];

		for (int tile = 0; tile < ntiles; tile++)
		{
			float	   *to = z + ((Size) tile * d + j) * TILE;
			float	   *squared = length + tile * TILE;

			for (int r = 0; r < TILE; r++)
			{
				float		value = (float) ((column[tile * TILE + r] - center) * scale);

				to[r] = value;
				squared[r] += value * value;
			}
		}
	}
	for (int tile = 0; tile < ntiles; tile++)
		reach[tile] = LongestOf(TILE, length + tile * TILE);
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

/* More than the squared length of a row, by what rounding can have taken from it, relative to the sum of floats. */
#define LongestLength(d) (1 + (float) ldexp((d) + 4, -23))

/* Part of a reciprocal root that is certain: estimates are exact to 11 bits. */
#define ROOT_PART (1 - ldexp(1, -10))

/* A unit must be more than this part of every distance, for which rounding of doubles is nothing. */
#define LEAST_UNIT 1e-9

/* Units of margins for a tile: none, so that all margins are 0, where they would be lost in its distances. */
static inline CsFilterUnits
UnitsOfTile(const CsFilterUnits *units, float reach, float c)
{
	static const CsFilterUnits none = {0, 0};

	return (sqrt((double) reach) + c) * units->per_unit * LEAST_UNIT < 1 ? *units : none;
}

/* Floats of a column of rows that are gathered: not where caches take columns for the same place. */
#define GATHERED_STRIDE CS_FILTER_SCRATCH

/* Rows that are gathered until they are as many as are scored together, and what becomes of them. */
typedef struct CsFilterGathered
{
	int			n;
	float	   *z;				/* column j of theirs is z[j * GATHERED_STRIDE]; of shorts pair j of columns */
	float		length[GATHERED_STRIDE];	/* of shorts the bits of levels as integers */
	int			row[GATHERED_STRIDE];
	int32		label[GATHERED_STRIDE]; /* before */
	int			k;
	const float *form;
	float		certain;
	const CsShortForm *shorts;	/* of rows in integers, in the place of form and certain; else NULL */
	const uint8 *level;			/* of their tiles */
	CsFilterUnits units;
	uint8	   *margin;			/* of all rows */
	int			listed;
	int		   *change;
	int32	   *found;
} CsFilterGathered;

#ifdef CS_WIDE_KERNELS
static void LabelGatheredShorts(int npairs, const CsFilterGathered *g, CsRowMaskF8 label[2], uint8 *margin);

#define KERNEL_WIDTH 8
#include "math/filter_kernels.h"
#include "math/filter_short_kernels.h"
#define KERNEL_WIDTH 4
#include "math/filter_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "math/filter_kernels.h"

/*
 * The rows whose nearest of k centres is not the one of their label, and that one's number: -1 where single
 * precision cannot tell.  IN label[r], readable up to a multiple of 32 rows; OUT row[] ascending and found[], both
 * with room for CS_FILTER_CHANGES.  With "units" also OUT margin[r], of all rows and with room up to a multiple of
 * 32: by how many units, rounded down, plus the offset and at most 255, the nearest centre is nearer than any
 * other; 0 where single precision cannot tell.  Returns how many rows there are.
 */
int
CsFilterChanges(int d, int nrows, const float *z, const float *reach, const float *length, int k,
				const float *form, const CsFilterUnits *units, const uint16 *label,
				uint8 *margin, int *row, int32 *found)
{
	return ChooseKernel(FilterChanges) (d, nrows, z, reach, length, k, form, units, label, margin, row, found);
}

/*
 * CsFilterChanges() of the rows whose flag is 1, not 0: flags are readable up to a multiple of 64 rows and 0
 * beyond the last.  The scratch is d * CS_FILTER_SCRATCH floats.
 */
int
CsFilterSome(int d, int nrows, const float *z, const float *reach, const float *length, const uint8 *flags, int k,
			 const float *form, const CsFilterUnits *units, const uint16 *label,
			 uint8 *margin, float *scratch, int *row, int32 *found)
{
	return ChooseKernel(FilterSome) (d, nrows, z, reach, length, flags, k, form, units, label, margin, scratch,
									 row, found);
}

/*
 * CsFilterChanges() of rows in integers, see filter_short.c; where CsShortSupported() only.
 */
int
CsShortChanges(int d, int nrows, const int32 *pairs, const uint8 *level, int k, const CsShortForm *form,
			   const CsFilterUnits *units, const uint16 *label, uint8 *margin, const CsFetch *fetch, int *row,
			   int32 *found)
{
#ifdef CS_WIDE_KERNELS
	return ShortChanges(d, nrows, pairs, level, k, form, units, label, margin, fetch, row, found);
#else
	pg_unreachable();
#endif
}

/* CsFilterSome() of rows in integers; where CsShortSupported() only. */
int
CsShortSome(int d, int nrows, const int32 *pairs, const uint8 *level, const uint8 *flags, int k,
			const CsShortForm *form, const CsFilterUnits *units, const uint16 *label, uint8 *margin, float *scratch,
			int *row, int32 *found)
{
#ifdef CS_WIDE_KERNELS
	int			highest = 0;
	CsFilterGathered gathered = {
		.k = k,.shorts = form,.level = level,.z = scratch,.margin = margin,.change = row,.found = found
	};

	for (int tile = 0; tile * TILE < nrows; tile++)
		if (level[tile] != SHORT_OPEN)
			highest = Max(highest, level[tile]);
	gathered.units = UnitsOfTile(units, form->reach[highest], form->longest);
	return LookAtFlagged8(SHORT_PAIRS(d), nrows, (const float *) pairs, NULL, flags, label, &gathered);
#else
	pg_unreachable();
#endif
}
