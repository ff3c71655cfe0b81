/*
 * sort.c
 *	  Sorting columns of numbers, orders of whole numbers for PostgreSQL's sorts, and quantiles of what is sorted.
 *
 * A double's bits, with the sign bit flipped (positive) or all bits flipped (negative), order like
 * the number itself; so a least-significant-digit radix sort of 64-bit keys sorts doubles.  Digits
 * that are the same for every value are skipped: a column of small integers takes one or two
 * passes.  The upper half of the digits (sign, exponent, 21 bits of the fraction) goes first; what
 * they leave equal are mostly runs of one, and the few others are sorted by themselves.  -0 and +0
 * are made equal first, so that the result does not depend on which came first.
 *
 * Three digits of 11 bits are a third faster than four of 8: a pass less is worth more than buckets
 * that lie nearer.  Where each key has its row with it, twice as many places are written to at a time,
 * and four digits of 8 bits are a third faster.
 *
 * A column whose rows are numbered as they come is sorted by words, which move alone: above the row there is what leads in
 * the key's difference from the least one.  Three digits of 10 bits are fastest there, and leave hardly any two keys
 * equal; the lower halves of the keys are fetched by their rows afterwards.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* Half of the digits of keys alone, and of keys with their rows; UPPER_... is the lowest bit of the upper half. */
#define DIGIT_BITS 11
#define HALF_DIGITS 3
#define UPPER_HALF (64 - HALF_DIGITS * DIGIT_BITS)
#define ROW_DIGIT_BITS 8
#define HALF_ROW_DIGITS 4
#define UPPER_HALF_OF_ROWS (64 - HALF_ROW_DIGITS * ROW_DIGIT_BITS)

/* Bits of a key in a word, above those of a row; words are sorted by the digits from the bit UPPER_OF_WORDS on. */
#define WORD_BITS 32
#define WORD_DIGIT_BITS 10
#define WORD_DIGITS 3
#define UPPER_OF_WORDS (64 - WORD_DIGITS * WORD_DIGIT_BITS)

#define BUCKETS(bits) (1 << (bits))

/* Values that are compared side by side. */
#define SUMS 8

/* Values that are moved or counted between two looks for an interrupt. */
#define INTERRUPT_VALUES (1024 * 1024)

/* Up to here an insertion sort is faster than counting digits. */
#define SMALL_SORT 128

/* A digit of a key, "shift" being its lowest bit. */
static inline int
DigitOf(uint64 key, int shift, int bits)
{
	return (int) ((key >> shift) & (BUCKETS(bits) - 1));
}

/* The key that orders as the number does. */
static inline uint64
KeyOf(double value)
{
	uint64		bits;

	value += 0.0;				/* -0 becomes +0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ((uint64) ((int64) bits >> 63) | UINT64CONST(0x8000000000000000));
}

/* The number of a key. */
static inline double
ValueOf(uint64 key)
{
	uint64		bits = key ^ (((key >> 63) - 1) | UINT64CONST(0x8000000000000000));
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

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

/* Make of the number of keys in each bucket the position of its first one. */
static void
StartPositions(int64 *count, int buckets)
{
	int64		position = 0;

	for (int b = 0; b < buckets; b++)
	{
		int64		here = count[b];

		count[b] = position;
		position += here;
	}
}

/* Move every key to its place by the digit from bit "shift" on; counts become running positions. */
static void
ScatterDigit(const uint64 *from, uint64 *to, int64 n, int shift, int64 *count)
{
	StartPositions(count, BUCKETS(DIGIT_BITS));
	for (int64 i = 0; i < n;)
	{
		int64		end = Min(n, i + INTERRUPT_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (; i < end; i++)
			to[count[DigitOf(from[i], shift, DIGIT_BITS)]++] = from[i];
	}
}

/*
 * How often each value of each of so many digits of the keys occurs, from the bit "lowest" on; counts of
 * a digit follow those of the one below.
 */
static pg_attribute_always_inline void
CountDigits(const uint64 *keys, int64 n, int lowest, int ndigits, int bits, int64 *count)
{
	memset(count, 0, sizeof(int64) * ndigits * BUCKETS(bits));
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		for (int digit = 0; digit < ndigits; digit++)
			count[digit * BUCKETS(bits) + DigitOf(keys[i], lowest + digit * bits, bits)]++;
	}
}

/*
 * Sort keys by half of their digits, from the bit "lowest" on; "other" is scratch.  Returns which of
 * the two holds the result.
 */
static uint64 *
SortByDigits(uint64 *keys, uint64 *other, int64 n, int lowest)
{
	int64		count[HALF_DIGITS][BUCKETS(DIGIT_BITS)];

	CountDigits(keys, n, lowest, HALF_DIGITS, DIGIT_BITS, count[0]);
	for (int digit = 0; digit < HALF_DIGITS; digit++)
	{
		int			shift = lowest + digit * DIGIT_BITS;
		uint64	   *swap = keys;

		if (count[digit][DigitOf(keys[0], shift, DIGIT_BITS)] == n)
			continue;
		ScatterDigit(keys, other, n, shift, count[digit]);
		keys = other;
		other = swap;
	}
	return keys;
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
	else if (SortByDigits(keys, other, n, 0) == other)
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

/*
 * Sort n doubles ascending, in place; none is NaN.  The scratch has room for n doubles, and makes
 * this a radix sort.
 */
void
CsSortDoubles(double *x, int64 n, double *scratch)
{
	uint64	   *keys = (uint64 *) x;
	uint64	   *other = (uint64 *) scratch;

	for (int64 i = 0; i < n; i++)
	{
		uint64		key = KeyOf(x[i]);

		CsCheckInterrupts(i);
		memcpy(&keys[i], &key, sizeof(key));
	}
	if (n <= SMALL_SORT)
		InsertionSort(keys, n);
	else
	{
		uint64	   *sorted = SortByDigits(keys, other, n, UPPER_HALF);

		SortRuns(sorted, sorted == keys ? other : keys, n);
		keys = sorted;
	}
	for (int64 i = 0; i < n; i++)
	{
		double		value = ValueOf(keys[i]);

		CsCheckInterrupts(i);
		memcpy(&x[i], &value, sizeof(value));
	}
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

/* The same of keys with their rows; returns whether the result is in other. */
static bool
SortRowsByDigits(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n, int lowest)
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
	return moved;
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
	else if (SortRowsByDigits(keys, rows, other, other_rows, n, 0))
	{
		memcpy(keys, other, sizeof(uint64) * n);
		memcpy(rows, other_rows, sizeof(uint32) * n);
	}
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

/* Make values of keys, where they are. */
static void
TakeValues(uint64 *keys, int64 n)
{
	for (int64 i = 0; i < n;)
	{
		int64		end = Min(n, i + INTERRUPT_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (; i < end; i++)
		{
			double		value = ValueOf(keys[i]);

			memcpy(&keys[i], &value, sizeof(value));
		}
	}
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
	for (int64 i = 0; i < n; i++)
	{
		uint64		key = KeyOf(x[i]);

		CsCheckInterrupts(i);
		memcpy(&keys[i], &key, sizeof(key));
	}
	if (SortRowsByDigits(keys, rows, other, row_scratch, n, UPPER_HALF_OF_ROWS))
	{
		memcpy(keys, other, sizeof(uint64) * n);
		memcpy(rows, row_scratch, sizeof(uint32) * n);
	}
	SortRunsOfRows(keys, rows, other, row_scratch, n);
	TakeValues(keys, n);
}

/* Between which keys those of a column are, and how many of the lowest bits of their differences are no part of a word. */
typedef struct KeyRange
{
	uint64		least;
	int			shift;
} KeyRange;

/* The least and the greatest value of a column, of which there are some; NaN is left out. */
CS_CLONES static void
FindEnds(const double *column, int64 n, double *least, double *most)
{
	double		low[SUMS],
				high[SUMS];
	int64		i = 0;

	for (int k = 0; k < SUMS; k++)
	{
		low[k] = INFINITY;
		high[k] = -INFINITY;
	}
	for (; i + SUMS <= n; i += SUMS)
		for (int k = 0; k < SUMS; k++)
		{
			low[k] = column[i + k] < low[k] ? column[i + k] : low[k];
			high[k] = column[i + k] > high[k] ? column[i + k] : high[k];
		}
	for (; i < n; i++)
	{
		low[0] = column[i] < low[0] ? column[i] : low[0];
		high[0] = column[i] > high[0] ? column[i] : high[0];
	}
	for (int k = 1; k < SUMS; k++)
	{
		low[0] = Min(low[0], low[k]);
		high[0] = Max(high[0], high[k]);
	}
	*least = low[0];
	*most = high[0];
}

/* Between which keys those of a column are; of no values, whatever. */
static KeyRange
FindKeyRange(const double *column, int64 n)
{
	double		least,
				most;
	KeyRange	r = {0};

	FindEnds(column, n, &least, &most);
	if (most >= least)
	{
		uint64		range = KeyOf(most) - (r.least = KeyOf(least));

		r.shift = range == 0 ? 0 : Max(pg_leftmost_one_pos64(range) + 1 - WORD_BITS, 0);
	}
	return r;
}

/*
 * Make words of the values of a column that are there: what leads in their keys, above their rows; and keep the lower
 * halves, one a row.  Returns how many words there are.
 */
static int64
MakeWords(const double *column, int64 nrows, KeyRange r, uint64 *words, uint32 *lower)
{
	int64		n = 0;

	for (int64 i = 0; i < nrows; i++)
	{
		uint64		off = KeyOf(column[i]) - r.least;

		CsCheckInterrupts(i);
		words[n] = (off >> r.shift) << WORD_BITS | (uint64) i;
		lower[i] = (uint32) off;
		n += !isnan(column[i]);
	}
	return n;
}

/* Move every word to its place by the digit from bit "shift" on; as ScatterDigit. */
static void
ScatterWords(const uint64 *from, uint64 *to, int64 n, int shift, int64 *count)
{
	StartPositions(count, BUCKETS(WORD_DIGIT_BITS));
	for (int64 i = 0; i < n;)
	{
		int64		end = Min(n, i + INTERRUPT_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (; i < end; i++)
			to[count[DigitOf(from[i], shift, WORD_DIGIT_BITS)]++] = from[i];
	}
}

/* Sort words by their upper digits; "other" is scratch.  Returns which of the two holds the result. */
static uint64 *
SortWords(uint64 *words, uint64 *other, int64 n)
{
	int64		count[WORD_DIGITS][BUCKETS(WORD_DIGIT_BITS)];

	CountDigits(words, n, UPPER_OF_WORDS, WORD_DIGITS, WORD_DIGIT_BITS, count[0]);
	for (int digit = 0; digit < WORD_DIGITS; digit++)
	{
		int			shift = UPPER_OF_WORDS + digit * WORD_DIGIT_BITS;
		uint64	   *swap = words;

		if (count[digit][DigitOf(words[0], shift, WORD_DIGIT_BITS)] == n)
			continue;
		ScatterWords(words, other, n, shift, count[digit]);
		words = other;
		other = swap;
	}
	return words;
}

/* Make keys, and their rows, of words, which may be where the keys are to be. */
static void
TakeWords(const uint64 *words, const uint32 *lower, int64 n, KeyRange r, uint64 *keys, uint32 *rows)
{
	uint32		mask = (uint32) ((UINT64CONST(1) << r.shift) - 1);

	for (int64 i = 0; i < n; i++)
	{
		uint64		word = words[i];
		uint32		row = (uint32) word;

		CsCheckInterrupts(i);
		rows[i] = row;
		keys[i] = ((word >> WORD_BITS) << r.shift | (lower[row] & mask)) + r.least;
	}
}

/* Sort a run of keys with their rows by all of their digits, in place. */
static void
SortRowsWhole(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n)
{
	for (int half = 0; half < 2; half++)
	{
		if (!SortRowsByDigits(keys, rows, other, other_rows, n, half * UPPER_HALF_OF_ROWS))
			continue;
		memcpy(keys, other, sizeof(uint64) * n);
		memcpy(rows, other_rows, sizeof(uint32) * n);
	}
}

/* Keys are in order of what leads in them, and their rows with them: sort what that leaves equal. */
static void
SortRunsOfWords(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n, KeyRange r)
{
	int			shift = r.shift + WORD_BITS - WORD_DIGITS * WORD_DIGIT_BITS;

	for (int64 start = 0, end; start < n; start = end)
	{
		uint64		leads = (keys[start] - r.least) >> shift;
		bool		are_equal = true;

		CHECK_FOR_INTERRUPTS();
		for (end = start + 1; end < n && (keys[end] - r.least) >> shift == leads; end++)
			are_equal &= keys[end] == keys[start];
		if (are_equal)
			continue;
		if (end - start > SMALL_SORT)
			SortRowsWhole(keys + start, rows + start, other, other_rows, end - start);
		else
			InsertionSortRows(keys + start, rows + start, end - start);
	}
}

/*
 * Sort the values of a column, one a row and NaN for none; equal values are in the order of their rows.  OUT values, and
 * rows to which they belong.  Returns how many there are.  There are at most 2^32 rows, and room for as many values,
 * as many in the scratch, and twice as many rows, of which the second half is scratch.
 */
int64
CsSortColumn(const double *column, int64 nrows, double *values, uint32 *rows, double *scratch)
{
	uint64	   *words = (uint64 *) scratch,
			   *keys = (uint64 *) values;
	uint32	   *lower = rows + nrows;
	KeyRange	range = FindKeyRange(column, nrows);
	int64		n = MakeWords(column, nrows, range, words, lower);

	if (n == 0)
		return 0;
	TakeWords(SortWords(words, keys, n), lower, n, range, keys, rows);
	SortRunsOfWords(keys, rows, words, lower, n, range);
	TakeValues(keys, n);
	return n;
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

/* The number of sorted values below x. */
int64
CsCountBelow(const double *sorted, int64 n, double x)
{
	int64		low = 0,
				high = n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (sorted[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The number of values below x. */
int64
CsSortedBelow(const CsSortedRuns *s, double x)
{
	return CsSortedUpTo(s, CsCountBelow(s->value, s->nruns, x));
}

/* The value at a rank from 0 to n - 1. */
double
CsSortedAt(const CsSortedRuns *s, int64 rank)
{
	int64		low = 0,
				high = s->nruns - 1;

	if (s->upto == NULL)
		return s->value[rank];
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (s->upto[middle] <= rank)
			low = middle + 1;
		else
			high = middle;
	}
	return s->value[low];
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
