/*
 * packed_words.c
 *	  Words of 64 bits in few bytes.
 *
 * Half a byte tells how many bytes of a word follow: those above them are 0, or those below them.  So counts take
 * a byte or two, numbers with few digits take as many bytes as they have bits for, and values in their order,
 * each as its difference from the one before it, are without the bytes that neighbors share.  Packing is exact
 * for any words.
 */
#include "custseg.h"

#include "common/base64.h"
#include "data/packed_words.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

/* What half a byte tells: 0 to 8 low bytes follow; so many of the highest bytes, up to 6; or it is the word that is none. */
#define LOW_BYTES 8
#define HIGH_BYTES 6
#define NONE 15

/* How many bytes of a word are left without those above that are 0. */
static inline int
LowBytes(uint64 word)
{
	return word == 0 ? 0 : pg_leftmost_one_pos64(word) / 8 + 1;
}

/* Likewise without those below. */
static inline int
HighBytes(uint64 word)
{
	return word == 0 ? 0 : 8 - pg_rightmost_one_pos64(word) / 8;
}

/* Write the bytes of a word, the lowest first. */
static inline void
PutBytes(uint8 *to, uint64 word)
{
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	memcpy(to, &word, sizeof(word));
}

/* The n bytes at a place, of which some may not be there to be read. */
static inline uint64
GetBytes(const uint8 *from, const uint8 *end, int n)
{
	uint64		word = 0;

	if (n == 0)
		return 0;
	memcpy(&word, from, Min((Size) (end - from), sizeof(word)));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word & (~UINT64CONST(0) >> (64 - 8 * n));
}

/*
 * Pack up to CS_PACKED_WORDS words, the next ones of their sequence.  Returns where what follows goes.  There is
 * room for CsPackedMost() of all words.
 */
uint8 *
CsPackWords(CsPacking *packing, uint8 *to, const uint64 *words, int n)
{
	uint8	   *heads = to;

	Assert(n <= CS_PACKED_WORDS);
	memset(heads, 0, (n + 1) / 2);
	to += (n + 1) / 2;
	for (int i = 0; i < n; i++)
	{
		uint64		word = words[i];
		int			head = NONE,
					low,
					high;

		if (word != packing->none)
		{
			uint64		difference = word - packing->previous;

			if (packing->is_differences)
			{
				packing->previous = word;
				word = difference;
			}
			low = LowBytes(word);
			high = HighBytes(word);
			if (high < low && high <= HIGH_BYTES)
			{
				head = LOW_BYTES + high;
				PutBytes(to, word >> (64 - 8 * high));
				to += high;
			}
			else
			{
				head = low;
				PutBytes(to, word);
				to += low;
			}
		}
		heads[i / 2] |= head << (4 * (i % 2));
	}
	return to;
}

/* Unpack so many words.  Returns what follows them, or NULL where there are fewer bytes than that takes. */
const uint8 *
CsUnpackWords(CsPacking *packing, const uint8 *from, const uint8 *end, uint64 *words, int n)
{
	const uint8 *heads = from;

	Assert(n <= CS_PACKED_WORDS);
	if (end - from < (n + 1) / 2)
		return NULL;
	from += (n + 1) / 2;
	for (int i = 0; i < n; i++)
	{
		int			head = heads[i / 2] >> (4 * (i % 2)) & 15;
		int			nbytes = head <= LOW_BYTES ? head : head - LOW_BYTES;

		if (head == NONE)
		{
			words[i] = packing->none;
			continue;
		}
		if (end - from < nbytes)
			return NULL;
		words[i] = GetBytes(from, end, nbytes);
		if (head > LOW_BYTES)
			words[i] <<= 64 - 8 * nbytes;
		if (packing->is_differences)
			packing->previous = words[i] += packing->previous;
		from += nbytes;
	}
	return from;
}

/* Ascending words packed, as a text in base64; palloc'd. */
char *
CsPackedText(const uint64 *words, int n)
{
	CsPacking	packing = {.is_differences = true};
	uint8	   *bytes = palloc(CsPackedMost(n)),
			   *end = bytes;
	int			length;
	char	   *text;

	for (int i = 0; i < n; i += CS_PACKED_WORDS)
		end = CsPackWords(&packing, end, words + i, Min(n - i, CS_PACKED_WORDS));
	length = pg_b64_enc_len((int) (end - bytes));
	text = palloc(length + 1);
	/* bytes are of another type in later versions */
	length = pg_b64_encode((void *) bytes, (int) (end - bytes), text, length);
	Assert(length >= 0);
	text[length] = '\0';
	pfree(bytes);
	return text;
}

/* The words of such a text; false where it is not one of so many. */
bool
CsUnpackText(const char *text, uint64 *words, int n)
{
	CsPacking	packing = {.is_differences = true};
	int			most = pg_b64_dec_len((int) strlen(text));
	uint8	   *bytes = palloc(Max(most, 1));
	int			length = pg_b64_decode(text, (int) strlen(text), (void *) bytes, most);
	const uint8 *at = bytes,
			   *end = bytes + length;

	for (int i = 0; i < n && length >= 0 && at != NULL; i += CS_PACKED_WORDS)
	{
		CHECK_FOR_INTERRUPTS();
		at = CsUnpackWords(&packing, at, end, words + i, Min(n - i, CS_PACKED_WORDS));
	}
	pfree(bytes);
	return length >= 0 && at == end;
}
