/*
 * packed_words.h
 *	  Words of 64 bits in few bytes, for what is sent between processes and servers.
 */
#ifndef CUSTSEG_PACKED_WORDS_H
#define CUSTSEG_PACKED_WORDS_H

#include "custseg.h"

/* Words that are packed at a time. */
#define CS_PACKED_WORDS 256

/*
 * How a sequence of words is packed, and as it goes on, unpacked.  It begins with "previous" 0; what unpacks
 * begins as what packed.
 */
typedef struct CsPacking
{
	bool		is_differences; /* each word as its difference from the one before it */
	uint64		none;			/* a word that takes next to nothing, and of which differences are not taken */
	uint64		previous;
} CsPacking;

/* Bytes that n words take at most. */
static inline Size
CsPackedMost(int64 n)
{
	return (Size) (n + n / CS_PACKED_WORDS + 1) / 2 + 1 + sizeof(uint64) * (Size) n;
}

extern uint8 *CsPackWords(CsPacking *packing, uint8 *to, const uint64 *words, int n);
extern const uint8 *CsUnpackWords(CsPacking *packing, const uint8 *from, const uint8 *end, uint64 *words, int n);

extern char *CsPackedText(const uint64 *words, int n);
extern bool CsUnpackText(const char *text, uint64 *words, int n);

#endif							/* CUSTSEG_PACKED_WORDS_H */
