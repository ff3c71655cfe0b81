/*
 * correlation.c
 *	  Correlations: Pearson's, and by ranks Spearman's.
 *
 * Ranks come from a radix sort of keys with their rows.  p is that of t = r sqrt((n - 2) / (1 - r^2)) with
 * n - 2 degrees of freedom, by the incomplete beta function I(1 - r^2; n/2 - 1, 1/2), which keeps its digits
 * where p is small.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/correlation.h"

#define BLOCK_VALUES 1024
#define DIGIT_BITS 11
#define BUCKETS (1 << DIGIT_BITS)
#define DIGITS 6				/* 66 bits */

typedef struct Keyed
{
	uint64		key;			/* orders like the value */
	int64		row;
} Keyed;

/* The bits of a double, in the order of doubles. */
static uint64
KeyOf(double value)
{
	uint64		bits;

	value += 0.0;				/* -0 becomes +0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ((uint64) ((int64) bits >> 63) | UINT64CONST(0x8000000000000000));
}

/* Sort by all digits that vary, lowest first; returns which of the two holds the result. */
static Keyed *
SortKeyed(Keyed *from, Keyed *to, int64 n)
{
	for (int digit = 0; digit < DIGITS; digit++)
	{
		int			shift = digit * DIGIT_BITS;
		int64		count[BUCKETS] = {0};
		int64		position = 0;
		Keyed	   *swap = from;

		CHECK_FOR_INTERRUPTS();
		for (int64 i = 0; i < n; i++)
			count[(from[i].key >> shift) & (BUCKETS - 1)]++;
		if (count[(from[0].key >> shift) & (BUCKETS - 1)] == n)
			continue;
		for (int b = 0; b < BUCKETS; b++)
		{
			int64		here = count[b];

			count[b] = position;
			position += here;
		}
		for (int64 i = 0; i < n; i++)
			to[count[(from[i].key >> shift) & (BUCKETS - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	return from;
}

/* See correlation.h. */
void
CsRanks(const double *x, int64 n, double *ranks, double *work)
{
	Keyed	   *keyed = (Keyed *) work;
	Keyed	   *sorted;

	for (int64 i = 0; i < n; i++)
		keyed[i] = (Keyed) {KeyOf(x[i]), i};
	sorted = n > 0 ? SortKeyed(keyed, keyed + n, n) : keyed;
	for (int64 start = 0, end; start < n; start = end)
	{
		for (end = start + 1; end < n && sorted[end].key == sorted[start].key;)
			end++;
		for (int64 i = start; i < end; i++)
			ranks[sorted[i].row] = (double) (start + 1 + end) / 2;
	}
}

/* Mean of n values. */
static double
Mean(const double *x, int64 n)
{
	double		sum = 0,
				rest = 0;

	for (int64 start = 0; start < n; start += BLOCK_VALUES)
	{
		double		part = 0;

		for (int64 i = start; i < Min(n, start + BLOCK_VALUES); i++)
			part += x[i];
		CsAddCompensated(&sum, &rest, part);
	}
	return (sum + rest) / (double) n;
}

/* See correlation.h. */
double
CsPearson(const double *x, const double *y, int64 n)
{
	double		mean_x = Mean(x, n),
				mean_y = Mean(y, n);
	double		xx = 0,
				yy = 0,
				xy = 0,
				rests[3] = {0};

	for (int64 start = 0; start < n; start += BLOCK_VALUES)
	{
		double		parts[3] = {0};

		if (start % (BLOCK_VALUES * 1024) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int64 i = start; i < Min(n, start + BLOCK_VALUES); i++)
		{
			double		dx = x[i] - mean_x,
						dy = y[i] - mean_y;

			parts[0] += dx * dx;
			parts[1] += dy * dy;
			parts[2] += dx * dy;
		}
		CsAddCompensated(&xx, &rests[0], parts[0]);
		CsAddCompensated(&yy, &rests[1], parts[1]);
		CsAddCompensated(&xy, &rests[2], parts[2]);
	}
	xx += rests[0];
	yy += rests[1];
	if (!(xx > 0 && yy > 0))
		return NAN;
	return Max(Min((xy + rests[2]) / sqrt(xx) / sqrt(yy), 1), -1);
}

/* See correlation.h. */
double
CsCorrelationP(double r, int64 n)
{
	if (isnan(r) || n < 3)
		return NAN;
	return CsBetaLower((double) (n - 2) / 2, 0.5, (1 - r) * (1 + r), r * r);
}
