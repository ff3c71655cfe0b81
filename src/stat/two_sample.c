/*
 * two_sample.c
 *	  Collecting two samples of numbers.
 *
 * Each sample is one array that doubles when it is full.  Parallel workers sort what they have
 * before they send it, and the leader merges; so most of the sorting is done side by side.
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

#define FIRST_CAPACITY 32

/* What is sent: this, and the values of both samples. */
typedef struct SerialHeader
{
	int64		n[2];
	int64		bins;
} SerialHeader;

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
		CsMemoryError(values * sizeof(double), "test a sample of the rows, as TABLESAMPLE gives",
					  "testing two samples of %lld values", (long long) (baseline + current));
	if (most > CS_MAX_SAMPLE_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a sample has more than %lld values", (long long) CS_MAX_SAMPLE_ROWS),
				 errhint("Test a sample of the rows, as TABLESAMPLE gives.")));
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

/* The samples as one value, sorted; palloc'd. */
bytea *
CsTwoSamplesSerialize(CsTwoSamples *samples)
{
	SerialHeader header = {{samples->n[CS_BASELINE], samples->n[CS_CURRENT]}, samples->bins};
	Size		size = add_size(VARHDRSZ + sizeof(header),
								mul_size(sizeof(double), add_size(header.n[0], header.n[1])));
	bytea	   *bytes = CsAggregateBytes(size);
	char	   *at = VARDATA(bytes);

	CsTwoSamplesSort(samples);
	memcpy(at, &header, sizeof(header));
	at += sizeof(header);
	for (int which = 0; which < 2; which++)
	{
		Size		part = sizeof(double) * samples->n[which];

		if (part > 0)
			memcpy(at, samples->value[which], part);
		at += part;
	}
	return bytes;
}

/* Serialized samples, in the context.  An error when the bytes are not such a value. */
CsTwoSamples *
CsTwoSamplesDeserialize(const bytea *bytes, MemoryContext context)
{
	const char *at = VARDATA_ANY(bytes);
	Size		size = VARSIZE_ANY_EXHDR(bytes);
	SerialHeader header;
	CsTwoSamples *samples;

	if (size < sizeof(header))
		elog(ERROR, "invalid state of two samples: %zu bytes", size);
	memcpy(&header, at, sizeof(header));
	at += sizeof(header);
	size = (size - sizeof(header)) / sizeof(double);
	if (header.n[0] < 0 || header.n[1] < 0 || header.n[0] > size ||
		header.n[1] != size - header.n[0] || header.bins < 2 || header.bins > CS_MAX_BINS)
		elog(ERROR, "invalid state of two samples: %zu values", size);
	CheckMemory(header.n[0], header.n[1]);
	samples = CsTwoSamplesCreate(context, (int) header.bins);
	for (int which = 0; which < 2; which++)
	{
		Size		part = sizeof(double) * header.n[which];

		if (part == 0)
			continue;
		Reserve(samples, which, header.n[which]);
		memcpy(samples->value[which], at, part);
		samples->n[which] = header.n[which];
		at += part;
	}
	return samples;
}
