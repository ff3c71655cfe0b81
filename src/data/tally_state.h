/*
 * tally_state.h
 *	  What a pass over rows adds up, as one flat value that merges with others of its kind in any order.
 *
 * A state consists of sections: counts and exact sums that are added, lowest and highest numbers, and
 * records of which the lowest are kept.  The sections are described in the state itself, so that states of
 * any pass are merged by one function, in parallel workers and on other servers.  Nothing in a state
 * depends on the order in which rows came, or on which process or server they were read.
 */
#ifndef CUSTSEG_TALLY_STATE_H
#define CUSTSEG_TALLY_STATE_H

#include "custseg.h"
#include "math/math.h"

typedef enum CsSectionKind
{
	CS_SECTION_COUNTS,			/* int64[n], added */
	CS_SECTION_SUMS,			/* CsExact[n], added */
	CS_SECTION_LOWEST,			/* double[n], from infinity */
	CS_SECTION_HIGHEST,			/* double[n], from minus infinity */
	CS_SECTION_RECORDS			/* CsRecords: the n lowest of "width" words */
} CsSectionKind;

typedef struct CsSection
{
	int32		kind;			/* CsSectionKind */
	int32		width;			/* of records; else 1 */
	int64		n;
} CsSection;

/* Records are ordered by their words, the first one first.  Once there are n of them, they are a heap. */
typedef struct CsRecords
{
	int64		used;
	int64		offered;		/* all that came */
	uint64		word[FLEXIBLE_ARRAY_MEMBER];
} CsRecords;

typedef struct CsTallyState
{
	int32		vl_len_;
	uint32		format;			/* CS_TALLY_FORMAT */
	uint64		digest[2];		/* of the plan */
	int64		nsections;
	CsSection	section[FLEXIBLE_ARRAY_MEMBER];
	/* then the sections' data, in their order: of records, as many as have come */
} CsTallyState;

/*
 * A state as it is sent: it begins as that does, and then has the sections' data in fewer bytes (data/packed_words.h).
 * States of the same content are the same bytes.
 */
typedef CsTallyState CsPackedState;

#define CS_TALLY_FORMAT 0x43535032
#define CS_MAX_SECTIONS 65536

extern Size CsSectionSize(const CsSection *section);
extern Size CsTallyStateSize(const CsSection *sections, int n);
extern CsTallyState *CsTallyStateCreate(const CsSection *sections, int n, const uint64 digest[2]);
extern CsPackedState *CsTallyStatePack(CsTallyState *state);
extern CsTallyState *CsTallyStateUnpack(const CsPackedState *packed);
extern void CsTallyStateMerge(CsTallyState *to, const CsPackedState *from);
extern void CsRecordsAdd(CsRecords *records, const CsSection *section, const uint64 *record);
extern void CsRecordsSort(CsRecords *records, const CsSection *section);

/* Bytes before the data of the first section. */
static inline Size
CsTallyStateHead(int64 nsections)
{
	return offsetof(CsTallyState, section) + nsections * sizeof(CsSection);
}

/* A float8 as a word of the same order; NaN is above all, and -0 is 0. */
static inline uint64
CsOrderedWord(double x)
{
	uint64		word;

	x += 0.0;
	memcpy(&word, &x, sizeof(word));
	return word >> 63 ? ~word : word | UINT64CONST(1) << 63;
}

/* The float8 of such a word. */
static inline double
CsOrderedDouble(uint64 word)
{
	double		x;

	word = word >> 63 ? word & ~(UINT64CONST(1) << 63) : ~word;
	memcpy(&x, &word, sizeof(x));
	return x;
}

#endif							/* CUSTSEG_TALLY_STATE_H */
