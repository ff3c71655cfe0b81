/*
 * lengths.c
 *	  Medians of lengths of time, of any number of them: they are sorted by what they are lengths of.
 *
 * PostgreSQL sorts them, in work_mem and on disk beyond it.  Most comparisons are of one whole number, which holds what
 * the length is of in its upper bits and the length to 16 ms in its lower ones; the length itself decides the rest.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "journey/trail.h"
#include "miscadmin.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#define FIRST_NUMBERS 64

/* Bits of a length in the first key, and those that it loses; longer ones are told apart by the second key. */
#define LENGTH_BITS 40
#define LOST_BITS 14

struct CsLengths
{
	Tuplesortstate *sort;
	TupleTableSlot *added,
			   *slot;
	int			capacity;		/* of counts */
	int64	   *counts;			/* lengths by their number */
};

/* Begin to take lengths. */
CsLengths *
CsLengthsOpen(void)
{
	CsLengths  *lengths = palloc0(sizeof(CsLengths));
	TupleDesc	desc = CreateTemplateTupleDesc(2);
	AttrNumber	keys[] = {1, 2};
	Oid			less = lookup_type_cache(INT8OID, TYPECACHE_LT_OPR)->lt_opr,
				order[] = {less, less},
				collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};

	TupleDescInitEntry(desc, 1, "key", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "length", INT8OID, -1, 0);
	lengths->capacity = FIRST_NUMBERS;
	lengths->counts = palloc0(sizeof(int64) * FIRST_NUMBERS);
	lengths->added = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	lengths->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	lengths->sort = tuplesort_begin_heap(desc, 2, keys, order, collations, nulls_first, work_mem, NULL, TUPLESORT_NONE);
	return lengths;
}

/* Add a length in microseconds, 0 or more, of what has this number. */
void
CsLengthsAdd(CsLengths *lengths, int number, int64 length)
{
	int64		rough = Min(length >> LOST_BITS, (INT64CONST(1) << LENGTH_BITS) - 1);

	Assert(number < CS_MOST_LENGTHS && length >= 0);
	if (number >= lengths->capacity)
	{
		int			capacity = 2 * number;

		lengths->counts = repalloc_huge(lengths->counts, sizeof(int64) * capacity);
		memset(lengths->counts + lengths->capacity, 0, sizeof(int64) * (capacity - lengths->capacity));
		lengths->capacity = capacity;
	}
	lengths->counts[number]++;
	ExecClearTuple(lengths->added);
	lengths->added->tts_values[0] = Int64GetDatum(((int64) number << LENGTH_BITS) | rough);
	lengths->added->tts_values[1] = Int64GetDatum(length);
	memset(lengths->added->tts_isnull, false, sizeof(bool) * 2);
	ExecStoreVirtualTuple(lengths->added);
	tuplesort_puttupleslot(lengths->sort, lengths->added);
}

/* The next of the sorted lengths; false at the end. */
static bool
NextLength(CsLengths *lengths, int *number, int64 *length)
{
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	if (!tuplesort_gettupleslot(lengths->sort, true, false, lengths->slot, NULL))
		return false;
	*number = (int) (DatumGetInt64(slot_getattr(lengths->slot, 1, &isnull)) >> LENGTH_BITS);
	*length = DatumGetInt64(slot_getattr(lengths->slot, 2, &isnull));
	return true;
}

/*
 * The medians in days of the numbers 0 to n - 1, NaN for those without a length; palloc'd.  Between two lengths in the
 * middle it is their mean.  Ends the lengths.
 */
double *
CsLengthsMedians(CsLengths *lengths, int n)
{
	double	   *medians = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(n, 1));
	int64		at = 0,
				length;
	int			number,
				before = -1;

	for (int i = 0; i < n; i++)
		medians[i] = NAN;
	tuplesort_performsort(lengths->sort);
	while (NextLength(lengths, &number, &length))
	{
		int64		count = lengths->counts[number];

		at = number == before ? at + 1 : 0;
		before = number;
		if (at == (count - 1) / 2)
			medians[number] = (double) length / USECS_PER_DAY;
		if (at == count / 2 && count % 2 == 0)
			medians[number] = (medians[number] + (double) length / USECS_PER_DAY) / 2;
	}
	tuplesort_end(lengths->sort);
	ExecDropSingleTupleTableSlot(lengths->added);
	ExecDropSingleTupleTableSlot(lengths->slot);
	pfree(lengths->counts);
	return medians;
}
