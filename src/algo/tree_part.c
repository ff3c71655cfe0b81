/*
 * tree_part.c
 *	  Parting the rows of a split node in the order of a column: those that go left first, both in their order.
 *
 * Every level of a tree parts all orders, so machines whose vectors can be compressed do it sixteen entries at a
 * time.  The entries are the same on any machine.
 */
#include "custseg.h"

#include "algo/tree_search.h"
#include "math/kernel.h"
#include "miscadmin.h"

/* Entries that are parted between two looks for an interrupt. */
#define CHUNK 16384

/* Where the entries of a side go, and whether a value between its last one and the next was larger. */
typedef struct Side
{
	uint32	   *to;
	uint32		larger;			/* LARGER or 0 */
} Side;

/* Part n entries, one by one. */
static void
PartEntries(const uint32 *order, int64 n, uint32 row_mask, const uint8 *sides, Side *left, Side *right)
{
	for (int64 i = 0; i < n; i++)
	{
		uint32		entry = order[i];
		uint32		row = entry & row_mask;
		uint32		goes_left = (sides[row >> 3] >> (row & 7)) & 1;

		/* a value is larger than that before it when any step between the two was one up */
		left->larger |= entry & LARGER;
		right->larger |= entry & LARGER;
		*left->to = (entry & ~LARGER) | left->larger;
		*right->to = (entry & ~LARGER) | right->larger;
		left->larger &= goes_left - 1;
		right->larger &= -goes_left;
		left->to += goes_left;
		right->to += 1 - goes_left;
	}
}

#ifdef CS_WIDE_KERNELS

#define VECTOR_ENTRIES 16

/*
 * Of the entries of a side, those whose value is larger than that of the one before it there.  Bits are entries:
 * which of them are of the side, and which are larger than that before them.  Where others lie between two of
 * the side, a carry of the addition takes what they tell through them to the next.
 */
static inline uint32
LargerOfSide(Side *side, uint32 of_side, uint32 larger)
{
	uint32		others = of_side ^ 0xFFFF;
	uint32		sum = (larger & others) + others + (side->larger != 0);

	side->larger = sum & 0x10000 ? LARGER : 0;
	return of_side & (sum | larger);
}

/* PartEntries() of n entries, a multiple of sixteen. */
__attribute__((target("avx512f,popcnt"))) static void
PartVectors(const uint32 *order, int64 n, uint32 row_mask, const uint8 *sides, Side *left, Side *right)
{
	const __m512i mask = _mm512_set1_epi32((int) row_mask),
				flag = _mm512_set1_epi32((int) LARGER),
				low = _mm512_set1_epi32(31),
				one = _mm512_set1_epi32(1);

	for (int64 i = 0; i < n; i += VECTOR_ENTRIES)
	{
		__m512i		entries = _mm512_loadu_si512(order + i),
					rows = _mm512_and_si512(mask, entries),
					words = _mm512_i32gather_epi32(_mm512_srli_epi32(rows, 5), sides, 4),
					bits = _mm512_sllv_epi32(one, _mm512_and_si512(rows, low));
		uint32		goes_left = _mm512_test_epi32_mask(words, bits),
					goes_right = goes_left ^ 0xFFFF,
					larger = _mm512_test_epi32_mask(entries, flag);

		larger = LargerOfSide(left, goes_left, larger) | LargerOfSide(right, goes_right, larger);
		entries = _mm512_andnot_si512(flag, entries);
		entries = _mm512_mask_or_epi32(entries, (__mmask16) larger, entries, flag);
		_mm512_storeu_si512(left->to, _mm512_maskz_compress_epi32((__mmask16) goes_left, entries));
		_mm512_storeu_si512(right->to, _mm512_maskz_compress_epi32((__mmask16) goes_right, entries));
		left->to += __builtin_popcount(goes_left);
		right->to += __builtin_popcount(goes_right);
	}
}

#endif

/* Part n entries of an order. */
static void
Part(const TreeLevel *level, const uint32 *order, int64 n, const uint8 *sides, Side *left, Side *right)
{
	for (int64 i = 0, part; i < n; i += part)
	{
		part = Min(n - i, CHUNK);
		CHECK_FOR_INTERRUPTS();
#ifdef CS_WIDE_KERNELS
		if (part >= VECTOR_ENTRIES && __builtin_cpu_supports("avx512f"))
		{
			part -= part % VECTOR_ENTRIES;
			PartVectors(order + i, part, level->row_mask, sides, left, right);
			continue;
		}
#endif
		PartEntries(order + i, part, level->row_mask, sides, left, right);
	}
}

/* Part the rows of a node.  The scratch has room for as many entries and TREE_PART_SPARE more. */
void
CsTreePart(const TreeLevel *level, uint32 *order, const TreeStretch *s, const uint8 *sides, uint32 *scratch)
{
	Side		left = {.to = order + s->start},
				right = {.to = scratch};

	Part(level, order + s->start, s->end - s->start, sides, &left, &right);
	memcpy(left.to, scratch, sizeof(uint32) * (right.to - scratch));
}

/* Put the rows of an order that go left into another of the same length.  For the scratch see CsTreePart(). */
void
CsTreeKeep(const TreeLevel *level, const uint32 *from, uint32 *order, const uint8 *sides, uint32 *scratch)
{
	Side		left = {.to = order},
				right = {.to = scratch};

	Part(level, from, level->nrows, sides, &left, &right);
}
