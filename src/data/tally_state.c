/*
 * tally_state.c
 *	  States of passes: made, packed, checked, merged.
 *
 * A process adds rows to a state that has room for all that its sections describe.  What it sends is packed: only the
 * records that have come, and numbers without the bytes that tell nothing.
 *
 * A packed state may come from another server, or from anybody who calls an aggregate's function by hand.  So
 * it is checked as it is unpacked: its sections must be such that a state can hold them, and what they describe must
 * be all there is.  Numbers may be any.
 */
#include "custseg.h"

#include <math.h>

#include "data/packed_words.h"
#include "data/tally_state.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* The error of a state that is none. */
static void
Reject(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid state of a pass"),
			 errdetail_internal("%s", why),
			 errhint("All servers must have the same version of custseg; only its own statements make such values.")));
}

/* Bytes that a section's data take; an error for a section that cannot be. */
Size
CsSectionSize(const CsSection *section)
{
	Size		size;

	if (section->n < 0 || section->n > MaxAllocSize || section->width < 1 ||
		(section->width > 1 && section->kind != CS_SECTION_RECORDS) ||
		(section->n == 0 && section->kind == CS_SECTION_RECORDS))
		Reject("It has a section of an impossible size.");
	switch (section->kind)
	{
		case CS_SECTION_COUNTS:
		case CS_SECTION_LOWEST:
		case CS_SECTION_HIGHEST:
			return mul_size(section->n, sizeof(int64));
		case CS_SECTION_SUMS:
			return mul_size(section->n, sizeof(CsExact));
		case CS_SECTION_RECORDS:
			size = mul_size(mul_size(section->n, section->width), sizeof(uint64));
			return add_size(size, offsetof(CsRecords, word));
		default:
			Reject("It has a section of an unknown kind.");
			return 0;
	}
}

/* Bytes of a state of these sections; an error when no value could hold it. */
Size
CsTallyStateSize(const CsSection *sections, int n)
{
	Size		size = CsTallyStateHead(n);

	for (int i = 0; i < n; i++)
		size = add_size(size, CsSectionSize(&sections[i]));
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a pass would add up %zu MB", size / (1024 * 1024)),
				 errhint("Use fewer segments or fewer features.")));
	return size;
}

/* Have the data of a section be those of no rows.  Room for records is not touched, for most of it may never be needed. */
static void
EmptySection(const CsSection *section, char *data)
{
	double		end = section->kind == CS_SECTION_LOWEST ? INFINITY : -INFINITY;

	switch (section->kind)
	{
		case CS_SECTION_LOWEST:
		case CS_SECTION_HIGHEST:
			for (int64 i = 0; i < section->n; i++)
				((double *) data)[i] = end;
			break;
		case CS_SECTION_RECORDS:
			memset(data, 0, offsetof(CsRecords, word));
			break;
		default:
			memset(data, 0, CsSectionSize(section));
	}
}

/* An empty state of these sections, palloc'd; an error when no value could hold it. */
CsTallyState *
CsTallyStateCreate(const CsSection *sections, int n, const uint64 digest[2])
{
	Size		size = CsTallyStateSize(sections, n);
	CsTallyState *state = palloc(size);
	char	   *data = (char *) state + CsTallyStateHead(n);

	memset(state, 0, CsTallyStateHead(n));
	SET_VARSIZE(state, size);
	state->format = CS_TALLY_FORMAT;
	state->digest[0] = digest[0];
	state->digest[1] = digest[1];
	state->nsections = n;
	memcpy(state->section, sections, n * sizeof(CsSection));
	for (int i = 0; i < n; i++)
	{
		EmptySection(&sections[i], data);
		data += CsSectionSize(&sections[i]);
	}
	return state;
}

/* Does the first record come before the second? */
static inline bool
IsBefore(const uint64 *a, const uint64 *b, int width)
{
	for (int i = 0; i < width; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return false;
}

/* Let the record at a place of the heap sink until no higher one is below it; the highest is on top. */
static void
Sink(uint64 *heap, int64 n, int width, int64 at)
{
	for (;;)
	{
		int64		child = 2 * at + 1;

		if (child >= n)
			return;
		if (child + 1 < n && IsBefore(heap + child * width, heap + (child + 1) * width, width))
			child++;
		if (!IsBefore(heap + at * width, heap + child * width, width))
			return;
		for (int i = 0; i < width; i++)
		{
			uint64		word = heap[at * width + i];

			heap[at * width + i] = heap[child * width + i];
			heap[child * width + i] = word;
		}
		at = child;
	}
}

/* Make a heap of records in any order. */
static void
MakeHeap(uint64 *heap, int64 n, int width)
{
	for (int64 i = n / 2 - 1; i >= 0; i--)
		Sink(heap, n, width, i);
}

/* Offer a record: it is kept while it is among the lowest. */
void
CsRecordsAdd(CsRecords *records, const CsSection *section, const uint64 *record)
{
	int			width = section->width;

	if (unlikely(records->used < 0 || records->used > section->n))
		Reject("It has more records than room for them.");
	records->offered++;
	if (records->used < section->n)
	{
		memcpy(records->word + records->used++ * width, record, width * sizeof(uint64));
		if (records->used == section->n)
			MakeHeap(records->word, section->n, width);
		return;
	}
	if (section->n == 0 || !IsBefore(record, records->word, width))
		return;
	memcpy(records->word, record, width * sizeof(uint64));
	Sink(records->word, section->n, width, 0);
}

/* Put the records in their order, the lowest first.  No more can be added then. */
void
CsRecordsSort(CsRecords *records, const CsSection *section)
{
	int			width = section->width;
	uint64	   *heap = records->word;

	MakeHeap(heap, records->used, width);
	for (int64 n = records->used - 1; n > 0; n--)
	{
		CsCheckInterrupts(n);
		for (int i = 0; i < width; i++)
		{
			uint64		word = heap[i];

			heap[i] = heap[n * width + i];
			heap[n * width + i] = word;
		}
		Sink(heap, n, width, 0);
	}
}

/* How the words of a section are packed: of records, those of that place in each. */
static CsPacking
PackingOf(const CsSection *section, int place)
{
	switch (section->kind)
	{
		case CS_SECTION_LOWEST:
			return (CsPacking) {.is_differences = true,.none = CsOrderedWord(INFINITY)};
		case CS_SECTION_HIGHEST:
			return (CsPacking) {.is_differences = true,.none = CsOrderedWord(-INFINITY)};
		case CS_SECTION_RECORDS:
			return (CsPacking) {.is_differences = place == 0,.none = ~UINT64CONST(0)};
		default:
			return (CsPacking) {0};
	}
}

/* How many words a section has for what it holds now, at each place of a record. */
static int64
WordsOf(const CsSection *section, const char *data)
{
	switch (section->kind)
	{
		case CS_SECTION_RECORDS:
			return ((const CsRecords *) data)->used;
		default:
			return section->n;
	}
}

/* Is a section of float8s, which are packed in their order? */
static inline bool
HoldsDoubles(const CsSection *section)
{
	return section->kind == CS_SECTION_LOWEST || section->kind == CS_SECTION_HIGHEST;
}

/* Take words of a section, n from one on, from its data. */
static void
GetWords(const CsSection *section, const char *data, int place, int64 from, int n, uint64 *words)
{
	if (section->kind == CS_SECTION_RECORDS)
		for (int i = 0; i < n; i++)
			words[i] = ((const CsRecords *) data)->word[(from + i) * section->width + place];
	else if (HoldsDoubles(section))
		for (int i = 0; i < n; i++)
			words[i] = CsOrderedWord(((const double *) data)[from + i]);
	else
		memcpy(words, (const uint64 *) data + from, sizeof(uint64) * n);
}

/* Pack the data of a section, sums as they are; returns where what follows goes. */
static uint8 *
PackSection(const CsSection *section, const char *data, uint8 *to)
{
	int64		nwords = WordsOf(section, data);
	uint64		words[CS_PACKED_WORDS];

	if (section->kind == CS_SECTION_SUMS)
	{
		memcpy(to, data, CsSectionSize(section));
		return to + CsSectionSize(section);
	}
	if (section->kind == CS_SECTION_RECORDS)
		to = CsPackWords(&(CsPacking) {0}, to, (const uint64 *) data, 2);	/* used, offered */
	for (int place = 0; place < section->width && nwords > 0; place++)
	{
		CsPacking	packing = PackingOf(section, place);

		for (int64 i = 0; i < nwords; i += CS_PACKED_WORDS)
		{
			int			n = (int) Min(nwords - i, CS_PACKED_WORDS);

			CHECK_FOR_INTERRUPTS();
			GetWords(section, data, place, i, n, words);
			to = CsPackWords(&packing, to, words, n);
		}
	}
	return to;
}

/* A state as it is sent, palloc'd.  The state's records are in order then, and no more can be added to it. */
CsPackedState *
CsTallyStatePack(CsTallyState *state)
{
	Size		head = CsTallyStateHead(state->nsections);
	Size		most = head;
	char	   *data = (char *) state + head;
	CsPackedState *packed;
	uint8	   *to;

	for (int64 i = 0; i < state->nsections; i++)
	{
		const CsSection *section = &state->section[i];

		if (section->kind == CS_SECTION_RECORDS)
			CsRecordsSort((CsRecords *) data, section);
		most += CsPackedMost(2) + (section->kind == CS_SECTION_SUMS ? CsSectionSize(section) :
								   section->width * CsPackedMost(WordsOf(section, data)));
		data += CsSectionSize(section);
	}
	packed = palloc_extended(most, MCXT_ALLOC_HUGE);
	memcpy(packed, state, head);
	data = (char *) state + head;
	to = (uint8 *) packed + head;
	for (int64 i = 0; i < state->nsections; i++)
	{
		to = PackSection(&state->section[i], data, to);
		data += CsSectionSize(&state->section[i]);
	}
	if (!AllocSizeIsValid(to - (uint8 *) packed))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a pass would send %zu MB", (Size) (to - (uint8 *) packed) / (1024 * 1024)),
				 errhint("Use fewer segments or fewer features.")));
	SET_VARSIZE(packed, to - (uint8 *) packed);
	return repalloc(packed, VARSIZE(packed));
}

/* What is left of a packed state that is being merged. */
typedef struct Unpacking
{
	const uint8 *at;
	const uint8 *end;
} Unpacking;

/* The next words of a sequence. */
static void
NextWords(Unpacking *u, CsPacking *packing, uint64 *words, int n)
{
	u->at = CsUnpackWords(packing, u->at, u->end, words, n);
	if (u->at == NULL)
		Reject("It ends before its sections do.");
}

/* Add words to those of a section of counts or float8s, n from one on. */
static void
MergeWords(const CsSection *section, char *data, int64 from, const uint64 *words, int n)
{
	double	   *ends = (double *) data + from;

	switch (section->kind)
	{
		case CS_SECTION_COUNTS:
			for (int i = 0; i < n; i++)
				((uint64 *) data)[from + i] += words[i];
			break;
		case CS_SECTION_LOWEST:
			for (int i = 0; i < n; i++)
				ends[i] = Min(ends[i], CsOrderedDouble(words[i]));
			break;
		default:
			for (int i = 0; i < n; i++)
				ends[i] = Max(ends[i], CsOrderedDouble(words[i]));
	}
}

/* Merge a section of sums. */
static void
MergeSums(Unpacking *u, const CsSection *section, CsExact *sums)
{
	Size		size = CsSectionSize(section);

	if (size > (Size) (u->end - u->at))
		Reject("It ends before its sections do.");
	for (int64 i = 0; i < section->n; i++)
	{
		CsExact		other;

		memcpy(&other, u->at + sizeof(CsExact) * i, sizeof(CsExact));
		CsExactMerge(&sums[i], &other);
	}
	u->at += size;
}

/* Merge what is packed of a section of counts or float8s. */
static void
MergeNumbers(Unpacking *u, const CsSection *section, char *data)
{
	CsPacking	packing = PackingOf(section, 0);
	int64		nwords = WordsOf(section, data);
	uint64		words[CS_PACKED_WORDS];

	for (int64 i = 0; i < nwords; i += CS_PACKED_WORDS)
	{
		int			n = (int) Min(nwords - i, CS_PACKED_WORDS);

		CHECK_FOR_INTERRUPTS();
		NextWords(u, &packing, words, n);
		MergeWords(section, data, i, words, n);
	}
}

/* Unpack so many records to where there is room for them. */
static void
NextRecords(Unpacking *u, const CsSection *section, uint64 *records, int64 n)
{
	int			width = section->width;
	uint64		words[CS_PACKED_WORDS];

	for (int place = 0; place < width && n > 0; place++)
	{
		CsPacking	packing = PackingOf(section, place);

		for (int64 i = 0; i < n; i += CS_PACKED_WORDS)
		{
			int			nwords = (int) Min(n - i, CS_PACKED_WORDS);

			CHECK_FOR_INTERRUPTS();
			NextWords(u, &packing, words, nwords);
			for (int j = 0; j < nwords; j++)
				records[(i + j) * width + place] = words[j];
		}
	}
}

/* Merge what is packed of a section of records: where there is room for all of them, they are unpacked there. */
static void
MergeRecords(Unpacking *u, const CsSection *section, CsRecords *records)
{
	uint64		counts[2];
	int			width = section->width;
	int64		used;
	uint64	   *other;

	NextWords(u, &(CsPacking) {0}, counts, 2);
	if (counts[0] > (uint64) section->n || counts[0] > (uint64) (u->end - u->at) * 2)
		Reject("It has more records than room for them.");
	used = (int64) counts[0];
	counts[1] += (uint64) records->offered;
	if (used <= section->n - records->used)
	{
		NextRecords(u, section, records->word + records->used * width, used);
		records->used += used;
		if (used > 0 && records->used == section->n)
			MakeHeap(records->word, section->n, width);
	}
	else
	{
		other = palloc_extended(mul_size(sizeof(uint64) * width, used), MCXT_ALLOC_HUGE);
		NextRecords(u, section, other, used);
		for (int64 i = 0; i < used; i++)
			CsRecordsAdd(records, section, other + i * width);
		pfree(other);
	}
	records->offered = (int64) counts[1];
}

/* Raise an error unless a packed state begins as one. */
static void
CheckHead(const CsPackedState *packed)
{
	Size		size = VARSIZE(packed);

	if (size < CsTallyStateHead(0) || packed->format != CS_TALLY_FORMAT ||
		packed->nsections < 0 || packed->nsections > CS_MAX_SECTIONS || size < CsTallyStateHead(packed->nsections))
		Reject("It does not begin as one.");
}

/* Merge a packed state of the same pass, which is aligned; an error when it is none. */
void
CsTallyStateMerge(CsTallyState *to, const CsPackedState *from)
{
	Size		head = CsTallyStateHead(to->nsections);
	char	   *data = (char *) to + head;
	Unpacking	u;

	CheckHead(from);
	if (to->nsections != from->nsections || to->digest[0] != from->digest[0] || to->digest[1] != from->digest[1] ||
		memcmp(to->section, from->section, to->nsections * sizeof(CsSection)) != 0)
		Reject("It is the state of another pass.");
	u = (Unpacking) {(const uint8 *) from + head, (const uint8 *) from + VARSIZE(from)};
	for (int64 i = 0; i < to->nsections; i++)
	{
		const CsSection *section = &to->section[i];

		if (section->kind == CS_SECTION_RECORDS)
			MergeRecords(&u, section, (CsRecords *) data);
		else if (section->kind == CS_SECTION_SUMS)
			MergeSums(&u, section, (CsExact *) data);
		else
			MergeNumbers(&u, section, data);
		data += CsSectionSize(section);
	}
	if (u.at != u.end)
		Reject("It is longer than its sections are.");
}

/* The state that was packed, palloc'd; an error when it is none. */
CsTallyState *
CsTallyStateUnpack(const CsPackedState *packed)
{
	CsTallyState *state;

	CheckHead(packed);
	state = CsTallyStateCreate(packed->section, (int) packed->nsections, packed->digest);
	CsTallyStateMerge(state, packed);
	return state;
}
