/*
 * filter_short.c
 *	  Rows and centres in integers of 16 bits, for processors that multiply and add two pairs of them at once.
 *
 * What filter.c says of single precision holds for integers, too: |c|^2 / 2 - z.c orders the centres, and where the
 * difference of the two best is not more than rounding can have made, a row is left open.  An instruction takes two
 * columns rather than one, and a row is a quarter of its doubles, so that a fit keeps most of them from its first pass
 * on.  Rows in integers leave some more rows open, about one in 500.
 *
 * Steps.  With z of a row and c of a centre about the origin and at their common scale, z is taken for s q and c for
 * t p, q and p vectors of integers.  A tile of rows has a step s of its own, one of SHORT_OPEN levels that are a root
 * of two apart, the least whose SHORT_LENGTH steps reach its longest row; the lowest one reaches sqrt(d), about the
 * length of a row of scaled columns.  A tile that reaches farther than the highest one is left open, as is one that
 * holds something else than numbers.  All centres of a start have one step t, of which the longest is at most
 * SHORT_LENGTH.
 *
 * No overflow.  The score of a row is b - q.p, b = |c|^2 / (2 s t), rounded.  Sums of 32 bits wrap around, so that only
 * the result has to fit: |q.p| is at most the product of the two lengths, (SHORT_LENGTH + sqrt(d) / 2)^2, which is
 * below 1.031e9 for d <= SHORT_COLUMNS, and t is large enough for b <= LARGEST_SQUARE, together less than
 * 2^31 - SHORT_NUMBERS.  A single integer is at most SHORT_LENGTH + 1 < 2^15.  Differences are compared without signs.
 *
 * The bound.  z / s = q + e with |e| <= sqrt(d) / 2, and c / t = p + f, |f| measured.  So
 * (z / s).(c / t) - q.p = e.(c / t) + q.f is at most sqrt(d) / 2 C / t + (SHORT_LENGTH + sqrt(d) / 2) F, C and F the largest
 * |c| and |f|.  Rounding b costs a half.  A difference of two scores is wrong by twice that at most, and by less than
 * SHORT_NUMBERS for the numbers of centres that take the place of the lowest bits.  The last part is what doubles do
 * in CsNearest(), as in filter.c, in units of 2 s t.
 */
#include "math/filter_short.h"

#include <math.h>

#include "math/kernel.h"
#include "math/math.h"

#define TILE CS_FILTER_TILE

/* Up to so many columns scores fit; see above. */
#define SHORT_COLUMNS 10000

/* The largest |c|^2 / (2 s t). */
#define LARGEST_SQUARE 1.1e9

/* Shorter centres are taken for as long: in scaled columns they are nothing. */
#define LEAST_LENGTH 1e-6

/* Longer ones are left to doubles. */
#define MOST_LENGTH 1e15

/* What a margin's arithmetic in single precision may add to a score, at most, in its units. */
#define FLOAT_ERROR 2048

/* Can this machine look for the nearest of k centres in integers of 16 bits? */
bool
CsShortSupported(int d, int k)
{
#ifdef CS_WIDE_KERNELS
	return d <= SHORT_COLUMNS && k <= SHORT_NUMBERS &&
		__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
#else
	return false;
#endif
}

/* The step of a level. */
static inline double
StepOf(int d, int level)
{
	return sqrt(d) / SHORT_LENGTH * exp2(level / 2.0);
}

/* A number to the nearest integer, for numbers of which that has 16 bits. */
static inline int32
RoundShort(double value)
{
	/* only what is positive is cut off downwards */
	return (int32) (value + 32768.5) - 32768;
}

static inline int32
PairOf(int32 first, int32 second)
{
	return (int32) ((uint32) first & 0xffff) | (int32) ((uint32) second << 16);
}

/* The largest of a tile's squared lengths, or no number where one is none. */
static inline float
LongestOfTile(const float *length)
{
	float		largest = 0;

	for (int r = 0; r < TILE; r++)
		largest = length[r] <= largest ? largest : length[r];
	return largest;
}

/* The lowest level that reaches a squared length as floats have it. */
static uint8
LevelOf(int d, float length)
{
	double		most = (double) length * (1 + ldexp(d + 4, -23)),
				reach = d;		/* the square of what a level reaches */
	uint8		level = 0;

	for (; level < SHORT_OPEN && !(most <= reach); level++)
		reach *= 2;
	return level;
}

/* Round two columns of a tile to steps of which 1 is "per_one"; the second is NULL after the last. */
static inline __attribute__((always_inline)) void
RoundPairs(const double *first, const double *second, const double *origin, double scale, double per_one,
		   int32 *pairs)
{
	for (int r = 0; r < TILE; r++)
		pairs[r] = PairOf(RoundShort((first[r] - origin[0]) * scale * per_one),
						  second ? RoundShort((second[r] - origin[1]) * scale * per_one) : 0);
}

/*
 * Round rows, at most CS_BLOCK_ROWS, to integers about an origin.  IN x[j * stride + r], readable up to a multiple of
 * 32 rows; OUT pairs[tile][pair of columns][32], CsShortPairs(d) * CS_FILTER_ROWS(nrows) integers, and the level of
 * each tile.
 */
CS_CLONES void
CsShortRows(int d, int nrows, const double *x, int stride, const double *origin, double scale, int32 *pairs,
			uint8 *level)
{
	int			padded = CS_FILTER_ROWS(nrows);
	float		length[CS_BLOCK_ROWS];

	memset(length, 0, sizeof(float) * padded);
	for (int j = 0; j < d; j++)
	{
		const double *column = x + (Size) j * stride;
		double		center = origin[j];

		for (int r = 0; r < padded; r++)
		{
			float		value = (float) ((column[r] - center) * scale);

			length[r] += value * value;
		}
	}
	for (int tile = 0; tile * TILE < nrows; tile++)
	{
		const double *row = x + tile * TILE;
		int32	   *to = pairs + (Size) tile * SHORT_PAIRS(d) * TILE;
		double		per_one;

		level[tile] = LevelOf(d, LongestOfTile(length + tile * TILE));
		if (level[tile] == SHORT_OPEN)
		{
			memset(to, 0, sizeof(int32) * SHORT_PAIRS(d) * TILE);
			continue;
		}
		per_one = 1 / StepOf(d, level[tile]);
		for (int j = 0; j + 1 < d; j += 2, to += TILE)
			RoundPairs(row + (Size) j * stride, row + (Size) (j + 1) * stride, origin + j, scale, per_one, to);
		if (d % 2 == 1)
			RoundPairs(row + (Size) (d - 1) * stride, NULL, origin + d - 1, scale, per_one, to);
	}
}

/* Integers of 32 bits for each row. */
int
CsShortPairs(int d)
{
	return SHORT_PAIRS(d);
}

/* Bytes of a form of k centres. */
Size
CsShortFormSize(int d, int k)
{
	return MAXALIGN(offsetof(CsShortForm, center) + sizeof(int32) * SHORT_CENTER(d) * (Size) k);
}

/* The squared length of a centre about the origin. */
static double
SquaredLength(int d, const double *center, const double *origin, double scale)
{
	double		squared = 0;

	for (int j = 0; j < d; j++)
	{
		double		value = (center[j] - origin[j]) * scale;

		squared += value * value;
	}
	return squared;
}

/* Round -c of a centre to steps of which 1 is "per_one"; returns the squared length of what that takes from it. */
static double
RoundCenter(int d, const double *center, const double *origin, double scale, double per_one, int32 *pairs)
{
	double		squared = 0;

	for (int j = 0; j < d; j += 2)
	{
		int32		rounded[2] = {0};

		for (int i = 0; i < 2 && j + i < d; i++)
		{
			double		value = (origin[j + i] - center[j + i]) * scale * per_one;

			rounded[i] = RoundShort(value);
			squared += (value - rounded[i]) * (value - rounded[i]);
		}
		pairs[j / 2] = PairOf(rounded[0], rounded[1]);
	}
	return squared;
}

/* Set what a form says of a level: with the step of the centres, and the largest |f|; see the head of this file. */
static void
SetLevel(CsShortForm *form, int d, int level, double longest, double step, double lost)
{
	double		row_step = StepOf(d, level),
				unit = 2 * row_step * step,
				reach = SHORT_LENGTH * row_step,
				halves = sqrt(d) / 2 * (1 + 1e-6),
				one = halves * longest / step + (SHORT_LENGTH + halves) * lost + 0.51,
				doubles = (4 * d + 16) * ldexp(1, -50) * (reach + longest) * (reach + longest) / unit,
				bound = (2 * one + doubles) * 1.01 + SHORT_NUMBERS + FLOAT_ERROR;

	form->bound[level] = bound < PG_INT32_MAX ? (uint32) bound + 1 : PG_UINT32_MAX;
	form->unit[level] = (float) unit;
	form->reach[level] = (float) (reach * reach);
	form->square[level] = (float) (row_step * row_step * (1 + 1e-6));
}

/* Round k centres to what their scores with rows in integers need: OUT form, CsShortFormSize(d, k) bytes. */
void
CsShortCenters(int d, int k, const double *centers, const double *origin, double scale, CsShortForm *form)
{
	double		longest = 0,
				lost = 0,
				step;

	memset(form, 0, offsetof(CsShortForm, center));
	for (int level = 0; level < SHORT_LEVELS; level++)
		form->bound[level] = PG_UINT32_MAX;
	for (int c = 0; c < k; c++)
	{
		double		squared = SquaredLength(d, centers + (Size) c * d, origin, scale);

		longest = squared <= longest ? longest : squared;
	}
	longest = sqrt(longest);
	if (!(longest < MOST_LENGTH))
	{
		memset(form->center, 0, sizeof(int32) * SHORT_CENTER(d) * (Size) k);
		return;
	}
	longest = Max(longest, LEAST_LENGTH);
	step = Max(longest / SHORT_LENGTH, longest * longest / (2 * StepOf(d, 0) * LARGEST_SQUARE));
	for (int c = 0; c < k; c++)
	{
		int32	   *to = form->center + SHORT_CENTER(d) * (Size) c;
		double		squared = SquaredLength(d, centers + (Size) c * d, origin, scale),
					its = RoundCenter(d, centers + (Size) c * d, origin, scale, 1 / step, to + SHORT_LEVELS);

		lost = Max(lost, its);
		for (int level = 0; level < SHORT_OPEN; level++)
			to[level] = (int32) rint(squared / (2 * StepOf(d, level) * step));
		to[SHORT_OPEN] = 0;
	}
	form->longest = (float) longest;
	form->hidden = (float) (sqrt(d) * (SHORT_LENGTH + sqrt(d)));
	for (int level = 0; level < SHORT_OPEN; level++)
		SetLevel(form, d, level, longest, step, sqrt(lost) * (1 + 1e-6) + 1e-9);
}
