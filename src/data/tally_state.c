/*
 * tally_state.c
 *	  States of passes: made, checked, merged.
 *
 * A state may come from another server, or from anybody who calls an aggregate's function by hand.  So
 * its sections are checked before they are used: what they describe is all there is, and no number in a
 * state leads outside it.  Numbers may be any.
 */
#include "custseg.h"

#include <math.h>

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
		(section->width > 1 && section->kind != CS_SECTION_RECORDS))
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

/* An empty state of these sections, palloc'd; an error when no value could hold it. */
CsTallyState *
CsTallyStateCreate(const CsSection *sections, int n, const uint64 digest[2])
{
	Size		size = CsTallyStateHead(n);
	CsTallyState *state;
	char	   *data;

	for (int i = 0; i < n; i++)
		size = add_size(size, CsSectionSize(&sections[i]));
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a pass would add up %zu MB", size / (1024 * 1024)),
				 errhint("Use fewer segments or fewer features.")));
	state = palloc0(size);
	SET_VARSIZE(state, size);
	state->format = CS_TALLY_FORMAT;
	state->digest[0] = digest[0];
	state->digest[1] = digest[1];
	state->nsections = n;
	memcpy(state->section, sections, n * sizeof(CsSection));
	data = (char *) state + CsTallyStateHead(n);
	for (int i = 0; i < n; i++)
	{
		bool		lowest = sections[i].kind == CS_SECTION_LOWEST;

		if (lowest || sections[i].kind == CS_SECTION_HIGHEST)
			for (int64 j = 0; j < sections[i].n; j++)
				((double *) data)[j] = lowest ? INFINITY : -INFINITY;
		data += CsSectionSize(&sections[i]);
	}
	return state;
}

/* Raise an error unless a state is one, whatever its numbers.  It is aligned. */
void
CsTallyStateCheck(const CsTallyState *state)
{
	Size		size = VARSIZE(state);
	Size		expected;
	const char *data;

	if (size < CsTallyStateHead(0) || state->format != CS_TALLY_FORMAT ||
		state->nsections < 0 || state->nsections > CS_MAX_SECTIONS || size < CsTallyStateHead(state->nsections))
		Reject("It does not begin as one.");
	expected = CsTallyStateHead(state->nsections);
	for (int64 i = 0; i < state->nsections; i++)
		expected = add_size(expected, CsSectionSize(&state->section[i]));
	if (expected != size)
		Reject("Its sections are not as large as it is.");
	data = (const char *) state + CsTallyStateHead(state->nsections);
	for (int64 i = 0; i < state->nsections; i++)
	{
		const CsRecords *records = (const CsRecords *) data;

		if (state->section[i].kind == CS_SECTION_RECORDS &&
			(records->used < 0 || records->used > state->section[i].n))
			Reject("It has more records than room for them.");
		data += CsSectionSize(&state->section[i]);
	}
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

/* Merge the data of a section. */
static void
MergeSection(const CsSection *section, char *to, const char *from)
{
	switch (section->kind)
	{
		case CS_SECTION_COUNTS:
			for (int64 i = 0; i < section->n; i++)
				((int64 *) to)[i] = (int64) ((uint64) ((int64 *) to)[i] + (uint64) ((const int64 *) from)[i]);
			break;
		case CS_SECTION_SUMS:
			for (int64 i = 0; i < section->n; i++)
				CsExactMerge((CsExact *) to + i, (const CsExact *) from + i);
			break;
		case CS_SECTION_LOWEST:
			for (int64 i = 0; i < section->n; i++)
				((double *) to)[i] = Min(((double *) to)[i], ((const double *) from)[i]);
			break;
		case CS_SECTION_HIGHEST:
			for (int64 i = 0; i < section->n; i++)
				((double *) to)[i] = Max(((double *) to)[i], ((const double *) from)[i]);
			break;
		default:
			{
				CsRecords  *records = (CsRecords *) to;
				const CsRecords *other = (const CsRecords *) from;
				int64		offered = (int64) ((uint64) records->offered + (uint64) other->offered);

				for (int64 i = 0; i < other->used; i++)
					CsRecordsAdd(records, section, other->word + i * section->width);
				records->offered = offered;
			}
	}
}

/* Merge another state of the same pass.  Both have been checked. */
void
CsTallyStateMerge(CsTallyState *to, const CsTallyState *from)
{
	Size		at = CsTallyStateHead(to->nsections);

	if (to->nsections != from->nsections || to->digest[0] != from->digest[0] || to->digest[1] != from->digest[1] ||
		memcmp(to->section, from->section, to->nsections * sizeof(CsSection)) != 0)
		Reject("It is the state of another pass.");
	for (int64 i = 0; i < to->nsections; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MergeSection(&to->section[i], (char *) to + at, (const char *) from + at);
		at += CsSectionSize(&to->section[i]);
	}
}
