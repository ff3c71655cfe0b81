/*
 * radix.h
 *	  Radix sorts of doubles by their bits: what sort.c and sort_column.c share.
 *
 * A double's bits, with the sign bit flipped (positive) or all bits flipped (negative), order like the number itself:
 * they are its key.  -0 and +0 have the same key, so that no result depends on which came first.
 */
#ifndef CUSTSEG_RADIX_H
#define CUSTSEG_RADIX_H

#include "math/math.h"
#include "miscadmin.h"

#define BUCKETS(bits) (1 << (bits))

/* Values that are moved or counted between two looks for an interrupt. */
#define INTERRUPT_VALUES (1024 * 1024)

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

/* Make of the number of keys in each bucket the position of its first one. */
static inline void
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

/* Move every key to its place by the digit from bit "shift" on; counts become running positions. */
static pg_attribute_always_inline void
ScatterDigit(const uint64 *from, uint64 *to, int64 n, int shift, int bits, int64 *count)
{
	StartPositions(count, BUCKETS(bits));
	for (int64 i = 0; i < n;)
	{
		int64		end = Min(n, i + INTERRUPT_VALUES);

		CHECK_FOR_INTERRUPTS();
		for (; i < end; i++)
			to[count[DigitOf(from[i], shift, bits)]++] = from[i];
	}
}

/*
 * Sort keys by so many digits, from the bit "lowest" on; "other" is scratch, and "count" has a place for each value of
 * each digit.  Returns which of the two holds the result.  Digits that are the same for every key are skipped.
 */
static pg_attribute_always_inline uint64 *
SortByDigits(uint64 *keys, uint64 *other, int64 n, int lowest, int ndigits, int bits, int64 *count)
{
	CountDigits(keys, n, lowest, ndigits, bits, count);
	for (int digit = 0; digit < ndigits; digit++, count += BUCKETS(bits))
	{
		int			shift = lowest + digit * bits;
		uint64	   *swap = keys;

		if (count[DigitOf(keys[0], shift, bits)] == n)
			continue;
		ScatterDigit(keys, other, n, shift, bits, count);
		keys = other;
		other = swap;
	}
	return keys;
}

extern void CsSortRowsOfKeys(uint64 *keys, uint32 *rows, uint64 *other, uint32 *other_rows, int64 n);
extern void CsValuesOfKeys(const uint64 *keys, int64 n, double *values);

#endif							/* CUSTSEG_RADIX_H */
