/*
 * sort.c
 *	  Sorting columns of numbers, orders of whole numbers for PostgreSQL's sorts, and quantiles of what is sorted.
 *
 * A least-significant-digit radix sort of 64-bit keys (radix.h) sorts doubles.  Digits that are the same for every value
 * are skipped: a column of small integers takes one or two passes.  The upper half of the digits (sign, exponent, 21 bits
 * of the fraction) goes first; what they leave equal are mostly runs of one, and the few others are sorted by themselves.
 *
 * Three digits of 11 bits are a third faster than four of 8: a pass less is worth more than buckets
 * that lie nearer.  Where each key has its row with it, twice as many places are written to at a time,
 * and four digits of 8 bits are a third faster.  A column whose rows are numbered as they come is sorted faster by
 * sort_column.c.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/radix.h"
#include "math/search.h"

/* Half of the digits of keys alone, and of keys with their rows; UPPER_... is the lowest bit of the upper half. */
#define DIGIT_BITS 11
#define HALF_DIGITS 3
#define UPPER_HALF (64 - HALF_DIGITS * DIGIT_BITS)
#define ROW_DIGIT_BITS 8
#define HALF_ROW_DIGITS 4
#define UPPER_HALF_OF_ROWS (64 - HALF_ROW_DIGITS * ROW_DIGIT_BITS)

/* Up to here an insertion sort is faster than counting digits. */
#define SMALL_SORT 128

/* Sort a few keys. */
static void
InsertionSort(uint64 *keys, int64 n)
{
	for (int64 i = 1; i < n; i++)
	{
		uint64		key = keys[i];
		int64		at = i;

		for (; at > 0 && keys[at - 1] > key; at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
	}
}

/* Sort keys by half of their digits, from the bit "lowest" on; "other" is scratch.  Returns which of the two holds the result. */
static uint64 *
SortByHalf(uint64 *keys, uint64 *other, int64 n, int lowest)
{
	int64		count[HALF_DIGITS * BUCKETS(DIGIT_BITS)];

	return SortByDigits(keys, other, n, lowest, HALF_DIGITS, DIGIT_BITS, count);
}

/* Sort a run of keys whose upper halves are equal. */
static void
SortRun(uint64 *keys, uint64 *other, int64 n)
{
	int64		same = 1;

	while (same < n && keys[same] == keys[0])
		same++;
	if (same == n)
		return;
	if (n <= SMALL_SORT)
		InsertionSort(keys, n);
	else if (SortByHalf(keys, other, n, 0) == other)
		memcpy(keys, other, sizeof(uint64) * n);
}

/* Keys are in order of their upper halves: sort what they leave equal. */
static void
SortRuns(uint64 *keys, uint64 *other, int64 n)
{
	for (int64 start = 0, end; start < n; start = end)
	{
		CHECK_FOR_INTERRUPTS();
		for (end = start + 1; end < n && (keys[end] ^ keys[start]) >> UPPER_HALF == 0;)
			end++;
		if (end - start > 1)
			SortRun(keys + start, other, end - start);
	}
}

/* Make keys of values, which may be where they are. */
static void
MakeKeys(const double *values, int64 n, uint64 *keys)
{
	for (int64 i = 0; i < n; i++)
	{
		uint64		key = KeyOf(values[i]);

		CsCheckInterrupts(i);
		memcpy(&keys[i], &key, sizeof(key));
	}
}

/* Make values of keys, which may be where they are. */
void
CsValuesOfKeys(const uint64 *keys, int64 n, double *values)
{
	for (int64 i = 0; i < n;)
	{
		int64		end = Min(n, i + INTERRUPT_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (; i < end; i++)
		{
			double		value = ValueOf(keys[i]);

			memcpy(&values[i], &value, sizeof(value));
		}
	}
}

/*
 * Sort n doubles ascending, in place; none is NaN.  The scratch has room for n doubles, and makes
 * this a radix sort.
 */
void
CsSortDoubles(double *x, int64 n, double *scratch)
{
	uint64	   *keys = (uint64 *) x;
	uint64	   *other = (uint64 *) scratch;

	MakeKeys(x, n, keys);
	if (n <= SMALL_SORT)
		InsertionSort(keys, n);
	else
	{
		uint64	   *sorted = SortByHalf(keys, other, n, UPPER_HALF);

		SortRuns(sorted, sorted == keys ? other : keys, n);
		keys = sorted;
	}
	CsValuesOfKeys(keys, n, x);
}

/* Move keys and their rows to their places by one digit; as ScatterDigit. */
static void
ScatterRows(const uint64 *from, const uint32 *from_rows, uint64 *to, uint32 *to_rows, int64 n,
			int shift, int64 *count)
{
	StartPositions(count, BUCKETS(ROW_DIGIT_BITS));
	for (int64 i = 0; i < n;)
	{
		int64		end = Min(n, i + INTERRUPT_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (; i < end; i++)
		{
			int64		at = count[DigitOf(from[i], shift, ROW_DIGIT_BITS)]++;

			to[at] = from[i];
			to_rows[at] = from_rows[i];
		}
	}
}

/* Sort keys by half of their digits, from the bit "lowest" on, with their rows, in place. */
static void
SortRowsByHalf(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n, int lowest)
{
	int64		count[HALF_ROW_DIGITS][BUCKETS(ROW_DIGIT_BITS)];
	bool		moved = false;

	CountDigits(keys, n, lowest, HALF_ROW_DIGITS, ROW_DIGIT_BITS, count[0]);
	for (int digit = 0; digit < HALF_ROW_DIGITS; digit++)
	{
		int			shift = lowest + digit * ROW_DIGIT_BITS;

		if (count[digit][DigitOf(keys[0], shift, ROW_DIGIT_BITS)] == n)
			continue;
		if (moved)
			ScatterRows(other, other_rows, keys, rows, n, shift, count[digit]);
		else
			ScatterRows(keys, rows, other, other_rows, n, shift, count[digit]);
		moved = !moved;
	}
	if (!moved)
		return;
	memcpy(keys, other, sizeof(uint64) * n);
	memcpy(rows, other_rows, sizeof(uint32) * n);
}

/* Sort a few keys, with their rows. */
static void
InsertionSortRows(uint64 *keys, uint32 *rows, int64 n)
{
	for (int64 i = 1; i < n; i++)
	{
		uint64		key = keys[i];
		uint32		row = rows[i];
		int64		at = i;

		for (; at > 0 && keys[at - 1] > key; at--)
		{
			keys[at] = keys[at - 1];
			rows[at] = rows[at - 1];
		}
		keys[at] = key;
		rows[at] = row;
	}
}

/* Sort a run of keys whose upper halves are equal, with their rows. */
static void
SortRowsOfRun(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n)
{
	if (n <= SMALL_SORT)
		InsertionSortRows(keys, rows, n);
	else
		SortRowsByHalf(keys, rows, other, other_rows, n, 0);
}

/* Keys are in order of their upper halves, and their rows with them: sort what they leave equal. */
static void
SortRunsOfRows(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n)
{
	for (int64 start = 0, end; start < n; start = end)
	{
		CHECK_FOR_INTERRUPTS();
		for (end = start + 1; end < n && (keys[end] ^ keys[start]) >> UPPER_HALF_OF_ROWS == 0;)
			end++;
		if (end - start > 1)
			SortRowsOfRun(keys + start, rows + start, other, other_rows, end - start);
	}
}

/*
 * Sort a few keys or many, which differ anywhere, with their rows, in place; equal keys stay in their order.  "other" and
 * other_rows are scratch.
 */
void
CsSortRowsOfKeys(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n)
{
	if (n <= SMALL_SORT)
	{
		InsertionSortRows(keys, rows, n);
		return;
	}
	for (int half = 0; half < 2; half++)
		SortRowsByHalf(keys, rows, other, other_rows, n, half * UPPER_HALF_OF_ROWS);
}

/*
 * Sort n doubles ascending, in place, and with them the rows to which they belong; equal values
 * stay in their order.  None is NaN. scratch and row_scratch have room for n each.
 */
void
CsSortRows(double *x, uint32 *rows, int64 n, double *scratch, uint32 *row_scratch)
{
	uint64	   *keys = (uint64 *) x;
	uint64	   *other = (uint64 *) scratch;

	if (n == 0)
		return;
	MakeKeys(x, n, keys);
	SortRowsByHalf(keys, rows, other, row_scratch, n, UPPER_HALF_OF_ROWS);
	SortRunsOfRows(keys, rows, other, row_scratch, n);
	CsValuesOfKeys(keys, n, x);
}

/* For qsort_arg(), qsort_interruptible() and bsearch_arg(): order of two whole numbers. */
int
CsCompareInt32(const void *a, const void *b, void *unused)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

/* The same of wider ones. */
int
CsCompareInt64(const void *a, const void *b, void *unused)
{
	int64		x = *(const int64 *) a,
				y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * The rank (n - 1) p of the quantile p of n >= 1 values.  Returns its whole part, from 0.  OUT part: of
 * the way to the next value.  The rank is whole wherever that of the exact p is, p being a decimal
 * fraction or a quotient of two integers, rounded once: the product then is off by at most one unit in
 * the last place.
 */
int64
CsQuantileRank(int64 n, double p, double *part)
{
	double		rank = (double) (n - 1) * p;
	double		whole = rint(rank);

	*part = 0;
	if (fabs(rank - whole) > 2 * DBL_EPSILON * rank)
	{
		whole = floor(rank);
		*part = rank - whole;
	}
	return (int64) whole;
}

/* The value that part of the way from one value to the next. */
double
CsBetweenValues(double low, double high, double part)
{
	double		width = high - low;

	if (part == 0 || low == high)
		return low;
	/* both are finite, but so far apart that their difference is not */
	if (isinf(width) && !isinf(low) && !isinf(high))
		return (1 - part) * low + part * high;
	return low + part * width;
}

/*
 * The quantile p (0 <= p <= 1) of n >= 1 sorted values, type 7 of Hyndman and Fan (1996), the default of
 * R and NumPy: linear between the values around the rank (n - 1) p.
 */
double
CsQuantileSorted(const double *sorted, int64 n, double p)
{
	double		part;
	int64		below = CsQuantileRank(n, p, &part);

	return below >= n - 1 ? sorted[n - 1] : CsBetweenValues(sorted[below], sorted[below + 1], part);
}

/* For CsCountBefore(): is a value below another? */
static bool
IsBelow(const void *value, const void *x)
{
	return *(const double *) value < *(const double *) x;
}

/* The number of sorted values below x. */
int64
CsCountBelow(const double *sorted, int64 n, double x)
{
	return CsCountBefore(&x, sorted, n, sizeof(double), IsBelow);
}

/* The number of values below x. */
int64
CsSortedBelow(const CsSortedRuns *s, double x)
{
	return CsSortedUpTo(s, CsCountBelow(s->value, s->nruns, x));
}

/* For CsCountBefore(): does a run end before a rank? */
static bool
EndsBefore(const void *upto, const void *rank)
{
	return *(const int64 *) upto <= *(const int64 *) rank;
}

/* The value at a rank from 0 to n - 1. */
double
CsSortedAt(const CsSortedRuns *s, int64 rank)
{
	return s->value[s->upto == NULL ? rank : CsCountBefore(&rank, s->upto, s->nruns, sizeof(int64), EndsBefore)];
}

/* CsQuantileSorted() of values that may lie in runs. */
double
CsSortedQuantile(const CsSortedRuns *s, double p)
{
	double		part;
	int64		below = CsQuantileRank(s->n, p, &part);

	return below >= s->n - 1 ? CsSortedAt(s, s->n - 1) : CsBetweenValues(CsSortedAt(s, below), CsSortedAt(s, below + 1), part);
}

/*
 * A border between two values as a person would write it: the number of the fewest digits that lies
 * strictly between the values, as near to the border as these digits can be; the border where no such
 * number is shorter.
 */
double
CsRoundBetween(double border, double low, double high)
{
	for (int digits = 0; digits < DBL_DIG; digits++)
	{
		char		text[DBL_DIG + 16];
		double		rounded;

		snprintf(text, sizeof(text), "%.*e", digits, border);
		rounded = strtod(text, NULL);
		if (rounded > low && rounded < high)
			return rounded;
	}
	return border;
}

/*
 * A border of n sorted values as a person would write it, in the units value * spread + center; a border that
 * is one of the values is that value.
 */
double
CsRoundBorder(double border, const double *sorted, int64 n, double center, double spread)
{
	int64		below = CsCountBelow(sorted, n, border);

	if (below == 0 || below == n || sorted[below] == border)
		return border * spread + center;
	return CsRoundBetween(border * spread + center, sorted[below - 1] * spread + center,
						  sorted[below] * spread + center);
}
