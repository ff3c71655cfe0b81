/*
 * group_sample.c
 *	  All values with their groups, as an aggregate collects them for tests on ranks.
 *
 * The state is a bytea, a few values in one flat piece and more as an expanded object with two arrays
 * that double when they are full, as in two_sample.c.  What the arrays take, and what sorting them by
 * group takes beside, is held to maintenance_work_mem.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "miscadmin.h"
#include "stat/grouped.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 128

/* Values in a flat state that is collected in: 512 bytes with the header. */
#define FEW_VALUES 41

/* A value here, one in its group's place, and the scratch of sorting; and its group, twice. */
#define VALUE_BYTES (3 * sizeof(double) + 2 * sizeof(int32))

static Size FlatSize(ExpandedObjectHeader *header);
static void FlattenInto(ExpandedObjectHeader *header, void *result, Size size);

static const ExpandedObjectMethods expanded_methods = {FlatSize, FlattenInto};

/* An empty sample in the context. */
CsGroupSample *
CsGroupSampleCreate(MemoryContext context)
{
	CsGroupSample *sample = MemoryContextAllocZero(context, sizeof(CsGroupSample));

	sample->context = context;
	return sample;
}

/* Raise an error if so many values take too much memory. */
static inline void
CheckMemory(int64 n)
{
	if (n > (int64) (CsMemoryLimit() / VALUE_BYTES))
		CsMemoryError(n * VALUE_BYTES,
					  "test a sample of the rows, as WHERE pg_catalog.random() < 0.1 gives; or use custseg.anova(), which keeps no values",
					  "ranking %lld values", (long long) n);
}

/* Make room for so many values. */
static void
Reserve(CsGroupSample *sample, int64 n)
{
	int64		capacity = Max(FIRST_CAPACITY, Max(n, 2 * sample->capacity));

	CheckMemory(n);
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

/* The error of a flat state that no aggregate has made. */
static void
ReportInvalidState(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid values of groups"),
			 errhint("Only custseg.kruskal_wallis() and custseg.levene() make such values.")));
}

/* Bytes of a flat state with room for so many values, which are fewer than memory has bytes. */
static inline Size
SizeOfFlat(int64 capacity)
{
	return offsetof(CsFlatGroups, value) + (sizeof(double) + sizeof(int32)) * capacity;
}

/* How many values a flat state has room for. */
static inline int64
FlatCapacity(const CsFlatGroups *flat)
{
	return (VARSIZE(flat) - offsetof(CsFlatGroups, value)) / (sizeof(double) + sizeof(int32));
}

/* The groups of the values, which come after the room for values. */
static inline int32 *
FlatGroups(CsFlatGroups *flat)
{
	return (int32 *) (flat->value + FlatCapacity(flat));
}

/*
 * Raise an error when a value's header cannot be that of a flat state.  Cheap enough to be called for
 * every row.
 */
void
CsFlatGroupsCheck(const CsFlatGroups *flat)
{
	if (VARSIZE(flat) < offsetof(CsFlatGroups, value) ||
		VARSIZE(flat) != SizeOfFlat(FlatCapacity(flat)) ||
		flat->n < 0 || flat->n > FlatCapacity(flat))
		ReportInvalidState();
}

/* An empty flat state for a few values, palloc'd. */
CsFlatGroups *
CsFlatGroupsCreate(void)
{
	CsFlatGroups *flat = palloc0(SizeOfFlat(FEW_VALUES));

	SET_VARSIZE(flat, SizeOfFlat(FEW_VALUES));
	return flat;
}

/* Add a value of a group to a flat state, which is checked.  Returns false when there is no room. */
bool
CsFlatGroupsAdd(CsFlatGroups *flat, int32 group, double value)
{
	if (flat->n == FlatCapacity(flat))
		return false;
	flat->value[flat->n] = value;
	FlatGroups(flat)[flat->n++] = group;
	return true;
}

/*
 * The values of two flat states, which are checked, in one for a few values, palloc'd.  NULL when there
 * are more than a few.
 */
CsFlatGroups *
CsFlatGroupsMerge(CsFlatGroups *flat, CsFlatGroups *other)
{
	CsFlatGroups *from[2] = {flat, other};
	CsFlatGroups *result;

	if (flat->n > FEW_VALUES || other->n > FEW_VALUES - flat->n)
		return NULL;
	result = CsFlatGroupsCreate();
	for (int i = 0; i < 2; i++)
	{
		for (int64 j = 0; j < from[i]->n; j++)
			(void) CsFlatGroupsAdd(result, FlatGroups(from[i])[j], from[i]->value[j]);
	}
	return result;
}

/*
 * The sample of a flat state, palloc'd but for the values and their groups, which stay in the flat
 * state; nothing can be added.  An error when the value is not such a state.
 */
CsGroupSample *
CsGroupSampleOfFlat(CsFlatGroups *flat)
{
	CsGroupSample *sample = CsGroupSampleCreate(CurrentMemoryContext);

	CsFlatGroupsCheck(flat);
	CheckMemory(flat->n);
	for (int64 i = 0; i < flat->n; i++)
	{
		CsCheckInterrupts(i);
		if (!isfinite(flat->value[i]))
			ReportInvalidState();
	}
	sample->value = flat->value;
	sample->group = FlatGroups(flat);
	sample->n = sample->capacity = flat->n;
	return sample;
}

/* The sample of a flat state as an expanded object, which has a context of its own below the given one. */
CsGroupSample *
CsGroupSampleExpand(CsFlatGroups *flat, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "custseg group sample", ALLOCSET_SMALL_SIZES);
	CsGroupSample *sample = CsGroupSampleCreate(context);

	EOH_init_header(&sample->header, &expanded_methods, context);
	CsGroupSampleMerge(sample, CsGroupSampleOfFlat(flat));
	return sample;
}

/* The sample of a state that is an expanded object; NULL when it is not. */
CsGroupSample *
CsGroupSampleOfDatum(Datum state)
{
	ExpandedObjectHeader *header;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)))
		return NULL;
	header = DatumGetEOHP(state);
	return header->eoh_methods == &expanded_methods ? (CsGroupSample *) header : NULL;
}

/* ExpandedObjectMethods: bytes that the sample takes when it is flat; an error when that is too much. */
static Size
FlatSize(ExpandedObjectHeader *header)
{
	return CsAggregateSize(SizeOfFlat(((CsGroupSample *) header)->n));
}

/* ExpandedObjectMethods: the sample, to where it need not be aligned. */
static void
FlattenInto(ExpandedObjectHeader *header, void *result, Size size)
{
	const CsGroupSample *sample = (CsGroupSample *) header;
	CsFlatGroups flat = {.n = sample->n};
	char	   *at = (char *) result + offsetof(CsFlatGroups, value);

	SET_VARSIZE(&flat, size);
	memcpy(result, &flat, offsetof(CsFlatGroups, value));
	if (sample->n == 0)
		return;
	memcpy(at, sample->value, sizeof(double) * sample->n);
	memcpy(at + sizeof(double) * sample->n, sample->group, sizeof(int32) * sample->n);
}

/* A group and the index it gets. */
typedef struct GroupIndex
{
	int32		group;			/* hash key */
	int32		index;
} GroupIndex;

/* By the number of the group. */
static int
CompareGroups(const void *a, const void *b)
{
	int32		left = ((const GroupIndex *) a)->group;
	int32		right = ((const GroupIndex *) b)->group;

	return left < right ? -1 : left > right;
}

/* Renumber groups, which have come in this order, by their own: index[n]. */
static void
OrderGroups(GroupIndex *groups, int ngroups, int32 *index, int64 n)
{
	int32	   *rank = palloc(sizeof(int32) * Max(ngroups, 1));

	qsort(groups, ngroups, sizeof(GroupIndex), CompareGroups);
	for (int i = 0; i < ngroups; i++)
		rank[groups[i].index] = i;
	for (int64 i = 0; i < n; i++)
		index[i] = rank[index[i]];
	pfree(rank);
}

/*
 * Number the groups from 0 in their order, so that sums over them do not depend on the order of rows:
 * OUT index[n].  Returns how many there are.
 */
static int
NumberGroups(const CsGroupSample *sample, int32 *index)
{
	HASHCTL		control = {.keysize = sizeof(int32), .entrysize = sizeof(GroupIndex),
	.hcxt = CurrentMemoryContext};
	HTAB	   *groups = hash_create("custseg groups", 64, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	int			capacity = 64,
				ngroups = 0;
	GroupIndex *seen = palloc(sizeof(GroupIndex) * capacity);

	for (int64 i = 0; i < sample->n; i++)
	{
		GroupIndex *entry;
		bool		found;

		if (i > 0 && sample->group[i] == sample->group[i - 1])
		{
			index[i] = index[i - 1];
			continue;
		}
		entry = hash_search(groups, &sample->group[i], HASH_ENTER, &found);
		if (!found)
		{
			if (ngroups == CS_MAX_GROUPS)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("more than %d groups", CS_MAX_GROUPS),
						 errhint("The second argument must be a segment, or another number that has few values, not an id.")));
			if (ngroups == capacity)
				seen = repalloc(seen, sizeof(GroupIndex) * (capacity *= 2));
			entry->index = ngroups;
			seen[ngroups++] = *entry;
		}
		index[i] = entry->index;
	}
	hash_destroy(groups);
	OrderGroups(seen, ngroups, index, sample->n);
	pfree(seen);
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
