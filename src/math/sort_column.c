/*
 * sort_column.c
 *	  Sorting a column whose rows are numbered as they come.
 *
 * The column is sorted by words, which move alone: above the row there is what leads in the key's difference from the
 * least one.  Three digits of 10 bits are fastest there, and leave hardly any two keys equal; the lower halves of the keys
 * are fetched by their rows afterwards.
 */
#include "custseg.h"

#include <math.h>

#include "math/radix.h"
#include "port/pg_bitutils.h"

/* Bits of a key in a word, above those of a row; words are sorted by the digits from the bit UPPER_OF_WORDS on. */
#define WORD_BITS 32
#define WORD_DIGIT_BITS 10
#define WORD_DIGITS 3
#define UPPER_OF_WORDS (64 - WORD_DIGITS * WORD_DIGIT_BITS)

/* Values that are compared side by side. */
#define SIDE_BY_SIDE 8

/* Between which keys those of a column are, and how many of the lowest bits of their differences are no part of a word. */
typedef struct KeyRange
{
	uint64		least;
	int			shift;
} KeyRange;

/* Widen the range from *least to *most by values; NaN is left out. */
CS_CLONES static void
WidenRange(const double *values, int64 n, double *least, double *most)
{
	double		low[SIDE_BY_SIDE],
				high[SIDE_BY_SIDE];
	int64		i = 0;

	for (int k = 0; k < SIDE_BY_SIDE; k++)
	{
		low[k] = *least;
		high[k] = *most;
	}
	for (; i + SIDE_BY_SIDE <= n; i += SIDE_BY_SIDE)
		for (int k = 0; k < SIDE_BY_SIDE; k++)
		{
			low[k] = values[i + k] < low[k] ? values[i + k] : low[k];
			high[k] = values[i + k] > high[k] ? values[i + k] : high[k];
		}
	for (; i < n; i++)
	{
		low[0] = values[i] < low[0] ? values[i] : low[0];
		high[0] = values[i] > high[0] ? values[i] : high[0];
	}
	for (int k = 0; k < SIDE_BY_SIDE; k++)
	{
		*least = Min(*least, low[k]);
		*most = Max(*most, high[k]);
	}
}

/* Between which keys those of a column are; of no values, whatever. */
static KeyRange
FindKeyRange(const double *column, int64 n)
{
	double		least = INFINITY,
				most = -INFINITY;
	KeyRange	r = {0};

	for (int64 start = 0; start < n; start += INTERRUPT_VALUES)
	{
		CHECK_FOR_INTERRUPTS();
		WidenRange(column + start, Min(n - start, INTERRUPT_VALUES), &least, &most);
	}
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

/* Sort words by their upper digits; "other" is scratch.  Returns which of the two holds the result. */
static uint64 *
SortWords(uint64 *words, uint64 *other, int64 n)
{
	int64		count[WORD_DIGITS * BUCKETS(WORD_DIGIT_BITS)];

	return SortByDigits(words, other, n, UPPER_OF_WORDS, WORD_DIGITS, WORD_DIGIT_BITS, count);
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
		if (!are_equal)
			CsSortRowsOfKeys(keys + start, rows + start, other, other_rows, end - start);
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
	CsValuesOfKeys(keys, n, values);
	return n;
}
