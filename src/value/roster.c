/*
 * roster.c
 *	  Who is in which segment: customers whom a version has placed, looked up by id in ascending order.
 *
 * The source is read as score() reads it, decisions by hand included.  Ids, as the text that score() shows, are
 * sorted by PostgreSQL within work_mem, and on disk beyond it, by the bytes of the text.  Whoever looks customers up
 * names them in the same order, so that each is met once.
 */
#include "custseg.h"

#include "catalog/pg_collation_d.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "score/pass.h"
#include "utils/builtins.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"
#include "value/roster.h"

/* Columns of what is sorted. */
enum
{
	ROSTER_ID, ROSTER_SEGMENT, ROSTER_COLUMNS
};

struct CsRoster
{
	CsPass	   *pass;
	CsPlacer   *placer;
	Tuplesortstate *sort;
	TupleTableSlot *added,
			   *slot;
	bool		is_there;		/* a customer is at hand */
	StringInfoData customer;	/* its id */
	int			segment;		/* index, -1: none */
	bool		is_found;		/* it was looked up */
	bool		once;			/* a customer who comes twice is an error */
	int64		n_unasked;		/* customers who were not */
	CsRosterVisitor visit;		/* hears of them; NULL: nobody does */
	void	   *visit_state;
	int64	   *n;				/* customers of each segment, and last those of none */
};

/* What is sorted, and how. */
static void
BeginSort(CsRoster *r)
{
	TupleDesc	desc = CreateTemplateTupleDesc(ROSTER_COLUMNS);
	AttrNumber	key = ROSTER_ID + 1;
	Oid			order = lookup_type_cache(TEXTOID, TYPECACHE_LT_OPR)->lt_opr,
				collation = C_COLLATION_OID;
	bool		nulls_first = false;

	TupleDescInitEntry(desc, ROSTER_ID + 1, "id", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(desc, ROSTER_ID + 1, collation);
	TupleDescInitEntry(desc, ROSTER_SEGMENT + 1, "segment", INT4OID, -1, 0);
	r->added = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	r->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	r->sort = tuplesort_begin_heap(desc, 1, &key, &order, &collation, &nulls_first, work_mem, NULL,
								   TUPLESORT_NONE);
}

/* CsRowSink: a customer.  One without an id is nobody whom somebody could look up. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	CsRoster   *r = state;
	char	   *id = CsPassId(r->pass, values, nulls);
	int			segment = CsPlacerSegment(r->placer);

	r->n[segment < 0 ? r->placer->scoring.scorer->nsegments : segment]++;
	if (id == NULL)
		return;
	ExecClearTuple(r->added);
	r->added->tts_values[ROSTER_ID] = CStringGetTextDatum(id);
	r->added->tts_values[ROSTER_SEGMENT] = Int32GetDatum(segment);
	memset(r->added->tts_isnull, false, sizeof(bool) * ROSTER_COLUMNS);
	ExecStoreVirtualTuple(r->added);
	tuplesort_puttupleslot(r->sort, r->added);
}

/* The error of a customer who is there twice, or in two segments at once. */
static void
ReportRepeated(const CsRoster *r)
{
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg(r->once ? "customer %s is in %s more than once" : "customer %s is in %s more than once, in different segments",
					r->customer.data, r->pass->relation->description),
			 errhint("Give a source with one row for each customer.")));
}

/* Go on to the next customer; rows that say the same once more are passed over. */
static void
NextCustomer(CsRoster *r)
{
	bool		is_first = !r->is_there,
				is_same,
				isnull;

	if (r->is_there && !r->is_found)
	{
		r->n_unasked++;
		if (r->visit != NULL)
			r->visit(r->visit_state, r->customer.data, r->segment < 0 ? CS_ROSTER_UNPLACED : r->segment);
	}
	r->is_found = false;
	do
	{
		char	   *id;
		int			segment;

		CHECK_FOR_INTERRUPTS();
		r->is_there = tuplesort_gettupleslot(r->sort, true, false, r->slot, NULL);
		if (!r->is_there)
			return;
		id = TextDatumGetCString(slot_getattr(r->slot, ROSTER_ID + 1, &isnull));
		segment = DatumGetInt32(slot_getattr(r->slot, ROSTER_SEGMENT + 1, &isnull));
		is_same = !is_first && strcmp(id, r->customer.data) == 0;
		if (is_same && (r->once || segment != r->segment))
			ReportRepeated(r);
		r->segment = segment;
		resetStringInfo(&r->customer);
		appendStringInfoString(&r->customer, id);
		pfree(id);
	} while (is_same);
}

/*
 * Place the customers of a source, with NULL of the one that the version keeps, by a version that the caller has
 * pinned.  Customers whom it cannot place are in no segment.  One who is there twice is an error with "once", else one
 * who is in two segments.  Everything is in CurrentMemoryContext.
 */
CsRoster *
CsRosterOpen(const CsScorer *scorer, const char *source, bool once)
{
	CsRoster   *r = palloc0(sizeof(CsRoster));

	r->once = once;
	r->n = palloc0(sizeof(int64) * (scorer->nsegments + 1));
	r->pass = CsPassOpen(CsSourceOpen(scorer, source));
	r->placer = CsPassPlace(r->pass, scorer, CS_PLACE_TRY);
	CsPassIdentify(r->pass, CsFindKey(r->pass->relation, CsScorerId(scorer)));
	if (r->pass->identity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column that identifies a customer", r->pass->relation->description),
				 errhint("Train model \"%s\" with \"id\", or give a table whose primary key says who a customer is.",
						 NameStr(scorer->model))));
	CsPassHonour(r->pass, r->placer);
	initStringInfo(&r->customer);
	BeginSort(r);
	CsPassVisit(r->pass, &(CsVisitor) {.state = r, .take_row = TakeRow});
	(void) CsPassRead(r->pass);
	tuplesort_performsort(r->sort);
	NextCustomer(r);
	return r;
}

/*
 * The index of a customer's segment, CS_ROSTER_UNPLACED for none, or CS_ROSTER_UNKNOWN.  Customers are named in the order
 * of the bytes of their ids.
 */
int
CsRosterFind(CsRoster *r, const char *customer)
{
	int			order = 1;

	while (r->is_there && (order = strcmp(r->customer.data, customer)) < 0)
		NextCustomer(r);
	if (!r->is_there || order > 0)
		return CS_ROSTER_UNKNOWN;
	r->is_found = true;
	return r->segment < 0 ? CS_ROSTER_UNPLACED : r->segment;
}

/* Have a visitor hear of those who are passed over from now on, before the first one is looked up: of all. */
void
CsRosterTell(CsRoster *r, CsRosterVisitor visit, void *state)
{
	r->visit = visit;
	r->visit_state = state;
}

/* The number of customers in a segment, by its index; nsegments: in none. */
int64
CsRosterCount(const CsRoster *r, int segment)
{
	return r->n[segment];
}

/* End a roster; returns how many of its customers were never looked up. */
int64
CsRosterClose(CsRoster *r)
{
	while (r->is_there)
		NextCustomer(r);
	tuplesort_end(r->sort);
	ExecDropSingleTupleTableSlot(r->added);
	ExecDropSingleTupleTableSlot(r->slot);
	return r->n_unasked;
}
