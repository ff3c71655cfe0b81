/*
 * group_sample.c
 *	  All values with their groups, as an aggregate collects them for tests on ranks.
 *
 * Two arrays that double when they are full.  What they take, and what sorting them by group takes
 * beside, is held to maintenance_work_mem, as with two_sample.c.
 */
#include "custseg.h"

#include "call/call.h"
#include "stat/grouped.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 32

/* A value here, one in its group's place, and the scratch of sorting; and its group, twice. */
#define VALUE_BYTES (3 * sizeof(double) + 2 * sizeof(int32))

/* An empty sample in the context. */
CsGroupSample *
CsGroupSampleCreate(MemoryContext context)
{
	CsGroupSample *sample = MemoryContextAllocZero(context, sizeof(CsGroupSample));

	sample->context = context;
	return sample;
}

/* Make room for so many values. */
static void
Reserve(CsGroupSample *sample, int64 n)
{
	int64		capacity = Max(FIRST_CAPACITY, Max(n, 2 * sample->capacity));

	if (n > (int64) (CsMemoryLimit() / VALUE_BYTES))
		CsMemoryError(n * VALUE_BYTES,
					  "test a sample of the rows, as TABLESAMPLE gives; or use custseg.anova(), which keeps no values",
					  "ranking %lld values", (long long) n);
	if (n <= sample->capacity)
		return;
	if (sample->value == NULL)
	{
		sample->value = MemoryContextAllocHuge(sample->context, sizeof(double) * capacity);
		sample->group = MemoryContextAllocHuge(sample->context, sizeof(int32) * capacity);
	}
	else
	{
		sample->value = repalloc_huge(sample->value, sizeof(double) * capacity);
		sample->group = repalloc_huge(sample->group, sizeof(int32) * capacity);
	}
	sample->capacity = capacity;
}

/* Add a value of a group.  The sample is held to maintenance_work_mem. */
void
CsGroupSampleAdd(CsGroupSample *sample, int32 group, double value)
{
	Reserve(sample, sample->n + 1);
	sample->value[sample->n] = value;
	sample->group[sample->n++] = group;
}

/* Add all values of another sample, which stays as it is. */
void
CsGroupSampleMerge(CsGroupSample *sample, const CsGroupSample *other)
{
	if (other->n == 0)
		return;
	Reserve(sample, sample->n + other->n);
	memcpy(sample->value + sample->n, other->value, sizeof(double) * other->n);
	memcpy(sample->group + sample->n, other->group, sizeof(int32) * other->n);
	sample->n += other->n;
}

/* The sample as one value, palloc'd. */
bytea *
CsGroupSampleSerialize(const CsGroupSample *sample)
{
	Size		size = add_size(VARHDRSZ, mul_size(sizeof(double) + sizeof(int32), sample->n));
	bytea	   *bytes = CsAggregateBytes(size);

	if (sample->n > 0)
	{
		memcpy(VARDATA(bytes), sample->value, sizeof(double) * sample->n);
		memcpy(VARDATA(bytes) + sizeof(double) * sample->n, sample->group,
			   sizeof(int32) * sample->n);
	}
	return bytes;
}

/* A serialized sample, in the context.  An error when the bytes are not such a value. */
CsGroupSample *
CsGroupSampleDeserialize(const bytea *bytes, MemoryContext context)
{
	Size		size = VARSIZE_ANY_EXHDR(bytes),
				each = sizeof(double) + sizeof(int32);
	CsGroupSample *sample = CsGroupSampleCreate(context);
	int64		n = size / each;

	if (size % each != 0)
		elog(ERROR, "invalid state of values by group: %zu bytes", size);
	if (n == 0)
		return sample;
	Reserve(sample, n);
	memcpy(sample->value, VARDATA_ANY(bytes), sizeof(double) * n);
	memcpy(sample->group, VARDATA_ANY(bytes) + sizeof(double) * n, sizeof(int32) * n);
	sample->n = n;
	return sample;
}

/* A group and the index it gets. */
typedef struct GroupIndex
{
	int32		group;			/* hash key */
	int32		index;
} GroupIndex;

/* Number the groups from 0 in the order they come: OUT index[n].  Returns how many there are. */
static int
NumberGroups(const CsGroupSample *sample, int32 *index)
{
	HASHCTL		control = {.keysize = sizeof(int32), .entrysize = sizeof(GroupIndex),
	.hcxt = CurrentMemoryContext};
	HTAB	   *groups = hash_create("custseg groups", 64, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	int			ngroups = 0;

	for (int64 i = 0; i < sample->n; i++)
	{
		bool		found = true;

		if (i > 0 && sample->group[i] == sample->group[i - 1])
			index[i] = index[i - 1];
		else
		{
			GroupIndex *entry = hash_search(groups, &sample->group[i], HASH_ENTER, &found);

			if (!found)
				entry->index = ngroups++;
			index[i] = entry->index;
		}
		if (ngroups > CS_MAX_GROUPS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %d groups", CS_MAX_GROUPS),
					 errhint("The second argument must be a segment, or another number that has few values, not an id.")));
	}
	hash_destroy(groups);
	return ngroups;
}

/*
 * The values brought together by group and sorted within each; palloc'd.  The sample stays as it
 * is.
 */
CsGroupedValues *
CsGroupSampleSort(const CsGroupSample *sample)
{
	int32	   *index = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(int32) * Max(sample->n, 1));
	int			ngroups = NumberGroups(sample, index);
	CsGroupedValues *result = CsGroupValues(sample->value, index, sample->n, ngroups);

	pfree(index);
	return result;
}
