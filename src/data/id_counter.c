/*
 * id_counter.c
 *	  How many rows lack an id, and how many repeat the id of another row.
 *
 * The ids are taken while the rows are read, by whoever reads them, and are sorted by PostgreSQL within
 * work_mem: equal ones are neighbours then.  Ids are equal when their types say so, under the collations
 * of their columns.
 */
#include "custseg.h"

#include "data/relation.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

struct CsIdCounter
{
	const CsRelation *rel;
	int			nkeys;
	bool		by_value;		/* the values of a single column are */
	FmgrInfo  **equal;
	Oid		   *collations;
	TupleTableSlot *added;		/* of several columns, as the next two; one column is sorted as it is */
	TupleTableSlot *sorted[2];	/* the id at hand and the one before */
	Tuplesortstate *sort;		/* NULL: no id is repeated */
	CsIdCounts	counts;
};

/* Can values of the column be told apart? */
bool
CsIsComparable(const CsColumn *column)
{
	return OidIsValid(lookup_type_cache(column->type, TYPECACHE_LT_OPR)->lt_opr);
}

/* What a sort and the comparison of its neighbours need to know. */
static void
StartSort(CsIdCounter *c, const List *columns)
{
	AttrNumber *attnums = palloc(sizeof(AttrNumber) * c->nkeys);
	Oid		   *operators = palloc(sizeof(Oid) * c->nkeys);
	bool	   *nulls_first = palloc0(sizeof(bool) * c->nkeys);
	TupleDesc	desc = CreateTemplateTupleDesc(c->nkeys);

	c->equal = palloc(sizeof(FmgrInfo *) * c->nkeys);
	c->collations = palloc(sizeof(Oid) * c->nkeys);
	for (int i = 0; i < c->nkeys; i++)
	{
		const CsColumn *column = list_nth(columns, i);
		TypeCacheEntry *type = lookup_type_cache(column->type,
												 TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR_FINFO);

		attnums[i] = i + 1;
		operators[i] = type->lt_opr;
		c->equal[i] = &type->eq_opr_finfo;
		c->collations[i] = column->collation;
		TupleDescInitEntry(desc, i + 1, NULL, column->type, column->typmod, 0);
		TupleDescInitEntryCollation(desc, i + 1, column->collation);
	}
	if (c->nkeys == 1)
	{
		const CsColumn *column = linitial(columns);

		c->by_value = get_typbyval(column->type);
		c->sort = tuplesort_begin_datum(column->type, operators[0], c->collations[0], false,
										work_mem, NULL, TUPLESORT_NONE);
		return;
	}
	c->added = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	for (int i = 0; i < 2; i++)
		c->sorted[i] = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	c->sort = tuplesort_begin_heap(desc, c->nkeys, attnums, operators, c->collations, nulls_first,
								   work_mem, NULL, TUPLESORT_NONE);
}

/*
 * Begin to count the ids in these columns (const CsColumn *) of a relation, in CurrentMemoryContext.
 * NULL when their values cannot be compared.  "unique": an index proves that no id is repeated.
 */
CsIdCounter *
CsIdCounterBegin(const CsRelation *rel, const List *columns, bool unique)
{
	CsIdCounter *c = palloc0(sizeof(CsIdCounter));
	ListCell   *cell;

	foreach(cell, columns)
		if (!CsIsComparable(lfirst(cell)))
			return NULL;
	c->rel = rel;
	c->nkeys = list_length(columns);
	if (!unique)
		StartSort(c, columns);
	return c;
}

/* Count a row with these values in the columns; it is being read. */
void
CsIdCounterAdd(CsIdCounter *c, const Datum *values, const bool *nulls)
{
	c->counts.n_rows++;
	for (int i = 0; i < c->nkeys; i++)
	{
		if (!nulls[i])
			continue;
		c->counts.n_null++;
		return;
	}
	if (c->sort == NULL)
		return;
	if (c->nkeys == 1)
	{
		tuplesort_putdatum(c->sort, values[0], false);
		return;
	}
	ExecClearTuple(c->added);
	memcpy(c->added->tts_values, values, sizeof(Datum) * c->nkeys);
	memset(c->added->tts_isnull, false, sizeof(bool) * c->nkeys);
	ExecStoreVirtualTuple(c->added);
	tuplesort_puttupleslot(c->sort, c->added);
}

/* Are the two ids the same? */
static bool
AreEqual(const CsIdCounter *c)
{
	for (int i = 0; i < c->nkeys; i++)
	{
		slot_getallattrs(c->sorted[0]);
		slot_getallattrs(c->sorted[1]);
		if (!DatumGetBool(FunctionCall2Coll(c->equal[i], c->collations[i],
											c->sorted[0]->tts_values[i],
											c->sorted[1]->tts_values[i])))
			return false;
	}
	return true;
}

/* Count the sorted values of a single column that are equal to the one before. */
static void
CountEqualDatums(CsIdCounter *c)
{
	Datum		value,
				before = (Datum) 0;
	bool		is_null,
				is_first = true;

	while (CsTuplesortGetDatum(c->sort, &value, &is_null))
	{
		CHECK_FOR_INTERRUPTS();
		c->counts.n_duplicates += !is_first &&
			DatumGetBool(FunctionCall2Coll(c->equal[0], c->collations[0], before, value));
		if (!is_first && !c->by_value)
			pfree(DatumGetPointer(before));
		before = value;
		is_first = false;
	}
}

/* Count the sorted rows of several columns that are equal to the one before. */
static void
CountEqualRows(CsIdCounter *c)
{
	while (tuplesort_gettupleslot(c->sort, true, true, c->sorted[0], NULL))
	{
		TupleTableSlot *at_hand = c->sorted[0];

		CHECK_FOR_INTERRUPTS();
		c->counts.n_duplicates += !TTS_EMPTY(c->sorted[1]) && AreEqual(c);
		c->sorted[0] = c->sorted[1];
		c->sorted[1] = at_hand;
	}
	for (int i = 0; i < 2; i++)
		ExecDropSingleTupleTableSlot(c->sorted[i]);
	ExecDropSingleTupleTableSlot(c->added);
}

/* Sort the ids, and count those that are equal to the one before. */
static void
CountRepeated(CsIdCounter *c)
{
	tuplesort_performsort(c->sort);
	if (c->nkeys == 1)
		CountEqualDatums(c);
	else
		CountEqualRows(c);
	tuplesort_end(c->sort);
}

/* The counts, after the last row.  Types' own functions run as whoever reads the relation. */
CsIdCounts
CsIdCounterEnd(CsIdCounter *c)
{
	CsReading	reading = CsReadingBegin(c->rel);

	if (c->sort != NULL)
		CountRepeated(c);
	CsReadingEnd(&reading);
	return c->counts;
}
