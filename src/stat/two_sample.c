/*
 * two_sample.c
 *	  Collecting two samples of numbers.
 *
 * To SQL the state of an aggregate is a bytea, so that partial aggregates combine across processes
 * and servers.  A few values are kept flat, in one piece that is written to in place: with GROUP BY
 * there may be many states.  More are kept as an expanded object, where each sample is an array that
 * doubles when it is full; whoever sends it gets it flat and sorted, and who combines merges.  So
 * most of the sorting is done side by side.
 *
 * A flat state may come from anyone who calls the aggregates' functions by hand, so it is checked
 * before it is used.  An expanded one is memory of this process, which SQL cannot make up.
 *
 * The values, and the scratch that sorting the larger sample takes, are held to
 * maintenance_work_mem: a test is not a step of a query that could write to disk instead, and
 * hash_mem bounds how many groups a GROUP BY keeps at a time.  Room that doubling took in advance
 * does not count: until it is written to, the system has nothing to provide.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/two_sample.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 128

/* Values in a flat state that is collected in: 512 bytes with the header. */
#define FEW_VALUES 61

static Size FlatSize(ExpandedObjectHeader *header);
static void FlattenInto(ExpandedObjectHeader *header, void *result, Size size);

static const ExpandedObjectMethods expanded_methods = {FlatSize, FlattenInto};

/*
 * Raise an error if samples of so many values, and the scratch for sorting them, take too much
 * memory.
 */
static inline void
CheckMemory(int64 baseline, int64 current)
{
	int64		most = Max(baseline, current),
				values = baseline + current + most;

	if (values > (int64) (CsMemoryLimit() / sizeof(double)))
		CsMemoryError(values * sizeof(double), "test a sample of the rows, as WHERE pg_catalog.random() < 0.1 gives",
					  "testing two samples of %lld values", (long long) (baseline + current));
	if (most > CS_MAX_SAMPLE_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a sample has more than %lld values", (long long) CS_MAX_SAMPLE_ROWS),
				 errhint("Test a sample of the rows, as WHERE pg_catalog.random() < 0.1 gives.")));
}

/* Two empty samples, in the context. */
CsTwoSamples *
CsTwoSamplesCreate(MemoryContext context, int bins)
{
	CsTwoSamples *samples = MemoryContextAllocZero(context, sizeof(CsTwoSamples));

	samples->context = context;
	samples->bins = bins;
	samples->sorted = true;
	return samples;
}

/* Make room for so many values of a sample. */
static void
Reserve(CsTwoSamples *samples, int which, int64 capacity)
{
	Size		size = mul_size(sizeof(double), capacity);

	if (capacity <= samples->capacity[which])
		return;
	if (samples->value[which] == NULL)
		samples->value[which] = MemoryContextAllocHuge(samples->context, size);
	else
		samples->value[which] = repalloc_huge(samples->value[which], size);
	samples->capacity[which] = capacity;
}

/*
 * Add a value to one of the samples; NaN is left out.  What the samples take is held to
 * maintenance_work_mem.
 */
void
CsTwoSamplesAdd(CsTwoSamples *samples, int which, double value)
{
	if (isnan(value))
		return;
	CheckMemory(samples->n[CS_BASELINE] + (which == CS_BASELINE),
				samples->n[CS_CURRENT] + (which == CS_CURRENT));
	if (samples->n[which] == samples->capacity[which])
		Reserve(samples, which, Max(FIRST_CAPACITY, samples->capacity[which] * 2));
	samples->value[which][samples->n[which]++] = value;
	samples->sorted = false;
}

/*
 * Sort both samples, in place.  The order of the values never matters, so that a state may be
 * sorted at any time.
 */
void
CsTwoSamplesSort(CsTwoSamples *samples)
{
	int64		most = Max(samples->n[CS_BASELINE], samples->n[CS_CURRENT]);
	double	   *scratch;

	if (samples->sorted)
		return;
	scratch = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(sizeof(double), most));
	for (int which = 0; which < 2; which++)
		if (samples->n[which] > 0)
			CsSortDoubles(samples->value[which], samples->n[which], scratch);
	pfree(scratch);
	samples->sorted = true;
}

/* Merge sorted values into others, from the last to the first; there is room. */
static void
MergeSorted(double *values, int64 n, const double *others, int64 m)
{
	for (int64 at = n + m - 1; m > 0; at--)
	{
		CsCheckInterrupts(at);
		if (n > 0 && values[n - 1] > others[m - 1])
			values[at] = values[--n];
		else
			values[at] = others[--m];
	}
}

/* Add the values of other samples, which keep theirs but are sorted.  The result is sorted. */
void
CsTwoSamplesMerge(CsTwoSamples *samples, CsTwoSamples *other)
{
	CheckMemory(samples->n[CS_BASELINE] + other->n[CS_BASELINE],
				samples->n[CS_CURRENT] + other->n[CS_CURRENT]);
	CsTwoSamplesSort(samples);
	CsTwoSamplesSort(other);
	for (int which = 0; which < 2; which++)
	{
		int64		n = samples->n[which],
					m = other->n[which];

		if (m == 0)
			continue;
		Reserve(samples, which, n + m);
		MergeSorted(samples->value[which], n, other->value[which], m);
		samples->n[which] = n + m;
	}
}

/* The error of a flat state that no aggregate has made. */
static void
ReportInvalidState(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid values of two samples"),
			 errhint("Only custseg.ks_test() and similar aggregates make such values.")));
}

/* Bytes of a flat state with room for so many values, which are fewer than memory has bytes. */
static inline Size
SizeOfFlat(int64 capacity)
{
	return offsetof(CsFlatSamples, value) + sizeof(double) * capacity;
}

/* How many values a flat state has room for. */
static inline int64
FlatCapacity(const CsFlatSamples *flat)
{
	return (VARSIZE(flat) - offsetof(CsFlatSamples, value)) / sizeof(double);
}

/*
 * Raise an error when a value's header cannot be that of a flat state.  Cheap enough to be called for
 * every row.
 */
void
CsFlatSamplesCheck(const CsFlatSamples *flat)
{
	int64		capacity;

	if (VARSIZE(flat) < offsetof(CsFlatSamples, value))
		ReportInvalidState();
	capacity = FlatCapacity(flat);
	if (VARSIZE(flat) != SizeOfFlat(capacity) || flat->bins < 2 || flat->bins > CS_MAX_BINS ||
		flat->n[0] < 0 || flat->n[0] > capacity ||
		flat->n[1] < 0 || flat->n[1] > capacity - flat->n[0])
		ReportInvalidState();
}

/* An empty flat state for a few values, palloc'd. */
CsFlatSamples *
CsFlatSamplesCreate(int bins)
{
	CsFlatSamples *flat = palloc0(SizeOfFlat(FEW_VALUES));

	SET_VARSIZE(flat, SizeOfFlat(FEW_VALUES));
	flat->bins = bins;
	return flat;
}

/* Add a value to a flat state, which is checked; NaN is left out.  Returns false when there is no room. */
bool
CsFlatSamplesAdd(CsFlatSamples *flat, int which, double value)
{
	int64		capacity = FlatCapacity(flat);

	if (isnan(value))
		return true;
	if (flat->n[0] + flat->n[1] == capacity)
		return false;
	if (which == CS_BASELINE)
		flat->value[flat->n[0]++] = value;
	else
		flat->value[capacity - ++flat->n[1]] = value;
	return true;
}

/* The values of one of the samples in a flat state. */
static inline double *
FlatValues(CsFlatSamples *flat, int which)
{
	return which == CS_BASELINE ? flat->value : flat->value + (FlatCapacity(flat) - flat->n[1]);
}

/* Raise an error when there is NaN among values.  Returns whether they are in order. */
static bool
CheckValues(const double *values, int64 n)
{
	bool		sorted = true;

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (isnan(values[i]))
			ReportInvalidState();
		sorted = sorted && (i == 0 || values[i - 1] <= values[i]);
	}
	return sorted;
}

/*
 * The values of two flat states, which are checked, in one for a few values, palloc'd.  NULL when there
 * are more than a few.
 */
CsFlatSamples *
CsFlatSamplesMerge(CsFlatSamples *flat, CsFlatSamples *other)
{
	CsFlatSamples *from[2] = {flat, other};
	CsFlatSamples *result;

	if (flat->n[0] + flat->n[1] > FEW_VALUES ||
		other->n[0] + other->n[1] > FEW_VALUES - (flat->n[0] + flat->n[1]))
		return NULL;
	result = CsFlatSamplesCreate(flat->bins);
	for (int i = 0; i < 2; i++)
	{
		for (int which = 0; which < 2; which++)
		{
			const double *value = FlatValues(from[i], which);

			(void) CheckValues(value, from[i]->n[which]);
			for (int64 j = 0; j < from[i]->n[which]; j++)
				(void) CsFlatSamplesAdd(result, which, value[j]);
		}
	}
	return result;
}

/*
 * The samples of a flat state, palloc'd but for the values, which stay in the flat state and may be
 * sorted there; nothing can be added.  An error when the value is not such a state.
 */
CsTwoSamples *
CsTwoSamplesOfFlat(CsFlatSamples *flat)
{
	CsTwoSamples *samples;

	CsFlatSamplesCheck(flat);
	CheckMemory(flat->n[CS_BASELINE], flat->n[CS_CURRENT]);
	samples = CsTwoSamplesCreate(CurrentMemoryContext, flat->bins);
	for (int which = 0; which < 2; which++)
	{
		samples->value[which] = FlatValues(flat, which);
		samples->n[which] = samples->capacity[which] = flat->n[which];
		if (!CheckValues(samples->value[which], samples->n[which]))
			samples->sorted = false;
	}
	return samples;
}

/* The samples of a flat state as an expanded object, which has a context of its own below the given one. */
CsTwoSamples *
CsTwoSamplesExpand(CsFlatSamples *flat, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "custseg two samples", ALLOCSET_SMALL_SIZES);
	CsTwoSamples *samples = CsTwoSamplesCreate(context, flat->bins);

	EOH_init_header(&samples->header, &expanded_methods, context);
	CsTwoSamplesMerge(samples, CsTwoSamplesOfFlat(flat));
	return samples;
}

/* The samples of a state that is an expanded object; NULL when it is not. */
CsTwoSamples *
CsTwoSamplesOfDatum(Datum state)
{
	ExpandedObjectHeader *header;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)))
		return NULL;
	header = DatumGetEOHP(state);
	return header->eoh_methods == &expanded_methods ? (CsTwoSamples *) header : NULL;
}

/* ExpandedObjectMethods: bytes that the samples take when they are flat; an error when that is too much. */
static Size
FlatSize(ExpandedObjectHeader *header)
{
	CsTwoSamples *samples = (CsTwoSamples *) header;

	return CsAggregateSize(SizeOfFlat(samples->n[CS_BASELINE] + samples->n[CS_CURRENT]));
}

/* ExpandedObjectMethods: the samples, sorted, to where they need not be aligned. */
static void
FlattenInto(ExpandedObjectHeader *header, void *result, Size size)
{
	CsTwoSamples *samples = (CsTwoSamples *) header;
	CsFlatSamples flat = {.bins = samples->bins, .n = {samples->n[CS_BASELINE], samples->n[CS_CURRENT]}};
	char	   *at = (char *) result + offsetof(CsFlatSamples, value);

	CsTwoSamplesSort(samples);
	SET_VARSIZE(&flat, size);
	memcpy(result, &flat, offsetof(CsFlatSamples, value));
	for (int which = 0; which < 2; which++)
	{
		Size		part = sizeof(double) * samples->n[which];

		if (part > 0)
			memcpy(at, samples->value[which], part);
		at += part;
	}
}
