/*
 * pages.c
 *	  Tables that several processes read side by side, page by page, in the order of their rows.
 *
 * Which pages make up a source, and in which order, is what PostgreSQL's planner says of the statement
 * that would read it.  Where that is a scan of tables from their first page to their last, with no
 * condition on the rows, a range of pages has the rows that the statement would give for it, and anybody
 * can read it; so it is with a query that only names columns of a table.  Everything else is left to the
 * statement: policies of row-level security, rights that the caller lacks, views that do more than name columns of
 * a table, temporary and foreign tables, tables that an extension keeps elsewhere, and an index that has all columns.
 *
 * A range is read as PostgreSQL's own workers read theirs: under the snapshot of the statement, which
 * workers have from the leader as they have its transaction, page by page with the visible rows of a page
 * found at once, and with large tables kept to a ring of buffers: a reader has one scan of a table for all of its
 * ranges, for each scan has a ring of its own, and a range that is no longer than a ring would keep to none.
 *
 * Who only wants numbers can have the rows of a page at once, column by column, which takes half the time of rows
 * that are given one by one.
 */
#include "custseg.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupmacs.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "data/pages.h"
#include "data/select_list.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* What it takes to fetch an attribute from a row without NULLs before it. */
typedef struct Place
{
	int			attribute;		/* from 1 */
	int			offset;			/* in the data of such a row */
	int16		length;
	bool		by_value;
} Place;

struct CsPageReader
{
	CsColumn   *columns;
	CsSelectList *list;
	Datum	   *values;			/* one for each attribute that is read */
	bool	   *nulls;
	MemoryContext context;		/* of the reader and the scan */
	MemoryContext row_context;	/* reset before each row */
	CsManyRowsSink many;		/* takes many rows at once, or NULL */

	/* the table at hand */
	int			table;			/* of the pages */
	TableScanDesc scan;			/* NULL: there is none */
	int			last_attribute; /* the highest that is read */
	bool		is_fixed;		/* offsets are */
	Place	   *places;
	TupleTableSlot *slot;
};

/* Does a plan only scan tables?  Collects the scans in their order. */
static bool
CollectScans(Plan *plan, List **scans)
{
	ListCell   *cell;

	if (plan->qual != NIL || plan->initPlan != NIL)
		return false;
	if (IsA(plan, SeqScan))
	{
		*scans = lappend(*scans, plan);
		return true;
	}
	if (!IsA(plan, Append))
		return false;
	foreach(cell, ((Append *) plan)->appendplans)
		if (!CollectScans(lfirst(cell), scans))
			return false;
	return true;
}

/* Can the pages of the table be read by any process? */
static bool
IsShareable(Relation rel)
{
	return (rel->rd_rel->relkind == RELKIND_RELATION || rel->rd_rel->relkind == RELKIND_MATVIEW) &&
		!RelationUsesLocalBuffers(rel) && RelationIsPopulated(rel) &&
		rel->rd_tableam == GetHeapamTableAmRoutine();
}

/* The attributes that a scan gives, in the order of the list; false when it gives anything else. */
static bool
FindAttributes(const Scan *scan, const CsSelectList *list, int16 *attributes)
{
	if (list_length(scan->plan.targetlist) != list->nread)
		return false;
	for (int i = 0; i < list->ncolumns; i++)
	{
		const TargetEntry *target = list_nth(scan->plan.targetlist, list->read[i]);
		const Var  *var = (const Var *) target->expr;

		if (target->resjunk || !IsA(var, Var) || var->varno != scan->scanrelid || var->varattno <= 0 ||
			var->vartype != CsSelectListType(&list->columns[i]))
			return false;
		attributes[list->read[i]] = var->varattno;
	}
	return true;
}

/* Add what a scan reads. */
static bool
AddScan(CsPages *p, const PlannedStmt *statement, const Scan *scan, const CsSelectList *list)
{
	CsPagesTable *table = &p->table[p->ntables];
	const RangeTblEntry *entry = rt_fetch(scan->scanrelid, statement->rtable);
	Relation	rel;
	bool		is_shareable;

	if (entry->rtekind != RTE_RELATION)
		return false;
	table->relid = entry->relid;
	table->first = p->npages;
	rel = table_open(entry->relid, AccessShareLock);
	is_shareable = IsShareable(rel) &&
		FindAttributes(scan, list, unconstify(int16 *, CsPagesAttributes(p, p->ntables)));
	if (is_shareable)
		p->npages += RelationGetNumberOfBlocks(rel);
	table_close(rel, NoLock);
	p->nrows += scan->plan.plan_rows;
	p->ntables++;
	return is_shareable;
}

/* The pages of a planned statement, palloc'd in a context; NULL when it does more than scan tables. */
static CsPages *
PagesOfPlan(const PlannedStmt *statement, const CsSelectList *list, MemoryContext context)
{
	List	   *scans = NIL;
	ListCell   *cell;
	CsPages    *p;
	Size		offset;

	if (statement->commandType != CMD_SELECT || statement->subplans != NIL || statement->rowMarks != NIL ||
		!CsMayReadPlanned(statement) || !CollectScans(statement->planTree, &scans))
		return NULL;
	offset = offsetof(CsPages, table) + sizeof(CsPagesTable) * list_length(scans);
	p = MemoryContextAllocZero(context, offset + sizeof(int16) * list_length(scans) * list->nread);
	p->size = offset + sizeof(int16) * list_length(scans) * list->nread;
	p->nread = list->nread;
	p->attribute_offset = (int) offset;
	foreach(cell, scans)
		if (!AddScan(p, statement, lfirst(cell), list))
			return NULL;
	return p;
}

/*
 * The pages of a source that hold the given columns, palloc'd; NULL when a statement has to read it.
 * Tables are locked as the statement would lock them.
 */
CsPages *
CsPagesOf(const CsRelation *rel, const CsColumn *columns, int ncolumns)
{
	MemoryContext caller = CurrentMemoryContext;
	CsSelectList *list;
	CsPages    *pages = NULL;
	CsReading	reading;
	SPIPlanPtr	plan;
	CachedPlan *cached;

	/* hooks may read another table, or want to see what is read */
	if (set_rel_pathlist_hook != NULL || ExecutorCheckPerms_hook != NULL || !IsMVCCSnapshot(GetActiveSnapshot()))
		return NULL;
	reading = CsReadingBegin(rel);
	SPI_connect();
	list = CsSelectListMake(columns, ncolumns);
	plan = SPI_prepare(CsSelectListStatement(list, rel), 0, NULL);
	cached = plan == NULL ? NULL : SPI_plan_get_cached_plan(plan);
	if (cached != NULL)
	{
		pages = PagesOfPlan(linitial_node(PlannedStmt, cached->stmt_list), list, caller);
		ReleaseCachedPlan(cached, NULL);
	}
	SPI_finish();
	CsReadingEnd(&reading);
	return pages;
}

/* Write columns as every process can make them; "flat" has room for all. */
void
CsPagesColumns(const CsColumn *columns, int ncolumns, CsPagesColumn *flat)
{
	memset(flat, 0, sizeof(CsPagesColumn) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		flat[i].column = columns[i];
		flat[i].is_coded = CsConverterIsCoded(&columns[i].converter);
		if (columns[i].element == 0)
			continue;
		flat[i].vector_type = columns[i].vector->type.type;
		flat[i].vector_width = columns[i].vector->width;
	}
}

/* The leader's part, once before the pages are read: what a scan of the whole tables notes. */
void
CsPagesBegin(const CsPages *p)
{
	for (int t = 0; t < p->ntables; t++)
	{
		Relation	rel = table_open(p->table[t].relid, AccessShareLock);

		PredicateLockRelation(rel, GetActiveSnapshot());
		pgstat_count_heap_scan(rel);
		table_close(rel, NoLock);
	}
}

/* The vector that a column is an element of, which the elements of a column share. */
static CsVectorColumn *
VectorOf(const CsPageReader *r, const CsPagesColumn *flat, int column)
{
	CsVectorColumn *vector;

	for (int i = 0; i < column; i++)
		if (r->columns[i].vector != NULL && r->columns[i].attnum == r->columns[column].attnum)
			return r->columns[i].vector;
	vector = palloc0(sizeof(CsVectorColumn));
	if (!CsVectorTypeInit(&vector->type, flat[column].vector_type))
		elog(ERROR, "type %u is not one of vectors any more", flat[column].vector_type);
	vector->width = flat[column].vector_width;
	return vector;
}

/*
 * A reader of this process, palloc'd with all that it holds.  The pages stay the caller's.  What it reads stays open until
 * CsPageReaderClose(), or until an error.
 */
CsPageReader *
CsPageReaderMake(const CsPages *p, const CsPagesColumn *flat, int ncolumns)
{
	CsPageReader *r = palloc0(sizeof(CsPageReader));

	r->context = CurrentMemoryContext;
	r->columns = palloc(sizeof(CsColumn) * Max(ncolumns, 1));
	for (int i = 0; i < ncolumns; i++)
	{
		r->columns[i] = flat[i].column;
		CsConverterInit(&r->columns[i].converter, flat[i].column.type);
		if (flat[i].is_coded)
			(void) CsConverterAsCategory(&r->columns[i].converter);
		r->columns[i].vector = NULL;
		if (flat[i].column.element > 0)
			r->columns[i].vector = VectorOf(r, flat, i);
	}
	r->list = CsSelectListMake(r->columns, ncolumns);
	r->values = palloc(sizeof(Datum) * Max(p->nread, 1));
	r->nulls = palloc0(sizeof(bool) * Max(p->nread, 1));
	r->places = palloc(sizeof(Place) * Max(p->nread, 1));
	r->row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg row", ALLOCSET_SMALL_SIZES);
	return r;
}

/* The columns whose values the sink is given. */
const CsColumn *
CsPageReaderColumns(const CsPageReader *r)
{
	return r->columns;
}

/* Note where the attributes are in a row without NULLs before them; false unless that is always the same. */
static bool
FindOffsets(CsPageReader *r, TupleDesc desc)
{
	int			offset = 0;

	for (int attribute = 1; attribute <= r->last_attribute; attribute++)
	{
		Form_pg_attribute form = TupleDescAttr(desc, attribute - 1);

		if (form->attlen <= 0)
			return false;
		offset = att_align_nominal(offset, form->attalign);
		for (int i = 0; i < r->list->nread; i++)
		{
			if (r->places[i].attribute != attribute)
				continue;
			r->places[i].offset = offset;
			r->places[i].length = form->attlen;
			r->places[i].by_value = form->attbyval;
		}
		offset += form->attlen;
	}
	return true;
}

/* Turn to a table whose attributes are read. */
static void
TakeTable(CsPageReader *r, TupleDesc desc, const int16 *attributes)
{
	r->last_attribute = 0;
	for (int i = 0; i < r->list->nread; i++)
	{
		r->places[i].attribute = attributes[i];
		r->last_attribute = Max(r->last_attribute, attributes[i]);
	}
	r->is_fixed = FindOffsets(r, desc);
	r->slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
}

/* Are the first n attributes there, by a row's bitmap of NULLs? */
static inline bool
AreThere(const bits8 *there, int n)
{
	for (; n >= 8; n -= 8)
		if (*there++ != 0xFF)
			return false;
	return n == 0 || (~*there & ((1 << n) - 1)) == 0;
}

/* Where the values of a row begin, if no NULL comes before the last that is read, and so all are at known offsets; else NULL. */
static inline const char *
FixedValues(const CsPageReader *r, HeapTupleHeader row)
{
	if (!r->is_fixed || HeapTupleHeaderGetNatts(row) < r->last_attribute)
		return NULL;
	if ((row->t_infomask & HEAP_HASNULL) != 0 && !AreThere(row->t_bits, r->last_attribute))
		return NULL;
	return (const char *) row + row->t_hoff;
}

/* A value of a row whose values are at known offsets. */
static inline Datum
FixedValue(const char *row, const Place *place)
{
	return fetch_att(row + place->offset, place->by_value, place->length);
}

/* The values of a row where they are at known offsets. */
static void
FetchFixed(CsPageReader *r, const char *row)
{
	for (int i = 0; i < r->list->nread; i++)
	{
		r->values[i] = FixedValue(row, &r->places[i]);
		r->nulls[i] = false;
	}
}

/* The values of any row. */
static void
FetchAny(CsPageReader *r, HeapTuple tuple)
{
	ExecStoreHeapTuple(tuple, r->slot, false);
	slot_getsomeattrs(r->slot, r->last_attribute);
	for (int i = 0; i < r->list->nread; i++)
	{
		r->values[i] = r->slot->tts_values[r->places[i].attribute - 1];
		r->nulls[i] = r->slot->tts_isnull[r->places[i].attribute - 1];
	}
}

/* The row whose values have been fetched to the sink. */
static inline void
GiveRow(CsPageReader *r, CsRowSink sink, void *state)
{
	const Datum *values = r->values;
	const bool *nulls = r->nulls;

	CHECK_FOR_INTERRUPTS();
	CsSelectListExpand(r->list, &values, &nulls);
	sink(state, values, nulls);
	MemoryContextReset(r->row_context);
}

/* One row to the sink. */
static void
TakeRow(CsPageReader *r, HeapTuple tuple, CsRowSink sink, void *state)
{
	const char *fixed = FixedValues(r, tuple->t_data);

	if (fixed != NULL)
		FetchFixed(r, fixed);
	else
		FetchAny(r, tuple);
	GiveRow(r, sink, state);
}

/* Have rows of the pages that are read given to a sink at once, as far as they can be; all columns must be numbers. */
void
CsPageReaderTakeMany(CsPageReader *r, CsManyRowsSink sink)
{
	r->many = sink;
}

/* The numbers that rows given at once have in a column. */
void
CsPageReaderNumbers(const CsPageReader *r, int column, const char *const *rows, int n, double *numbers)
{
	const Place *place = &r->places[r->list->read[column]];
	const CsConverter *converter = &r->columns[column].converter;

	/* the most common type is spared the indirect call */
	if (converter->type == FLOAT8OID && converter->kind == CS_NUMERIC)
		for (int i = 0; i < n; i++)
			numbers[i] = DatumGetFloat8(FixedValue(rows[i], place));
	else
		for (int i = 0; i < n; i++)
			numbers[i] = converter->to_double(converter, FixedValue(rows[i], place));
}

/* Rows whose values are at known offsets to the sink of many; those that it does not take go to the other one. */
static void
GiveMany(CsPageReader *r, const char *const *rows, int n, CsRowSink sink, void *state)
{
	int			given = 0;

	while (given < n)
	{
		given += r->many(state, rows + given, n - given);
		MemoryContextReset(r->row_context);
		if (given == n)
			break;
		FetchFixed(r, rows[given++]);
		GiveRow(r, sink, state);
	}
}

/* The row at a place of the page that the scan is at. */
static HeapTupleData
TupleOnPage(HeapScanDesc scan, Page page, int at)
{
	OffsetNumber offset = scan->rs_vistuples[at];
	ItemId		item = PageGetItemId(page, offset);
	HeapTupleData tuple;

	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_tableOid = RelationGetRelid(scan->rs_base.rs_rd);
	ItemPointerSet(&tuple.t_self, scan->rs_cblock, offset);
	return tuple;
}

/*
 * The row that a scan has just come to and all that follow on its page, which the scan leaves behind.  The scan has
 * found all that are visible when it came to the page.
 */
static void
TakeRestOfPage(CsPageReader *r, CsRowSink sink, void *state)
{
	HeapScanDesc scan = (HeapScanDesc) r->scan;
	Page		page = BufferGetPage(scan->rs_cbuf);
	const char *rows[MaxHeapTuplesPerPage];
	int			n = 0,
				nrows = (int) scan->rs_ntuples,
				first = (int) scan->rs_cindex;

	CHECK_FOR_INTERRUPTS();
	for (int i = first; i < nrows; i++)
	{
		HeapTupleData tuple = TupleOnPage(scan, page, i);

		/* the first one has been counted */
		if (i > first)
			pgstat_count_heap_getnext(scan->rs_base.rs_rd);
		rows[n] = FixedValues(r, tuple.t_data);
		if (rows[n] != NULL)
		{
			n++;
			continue;
		}
		GiveMany(r, rows, n, sink, state);
		n = 0;
		TakeRow(r, &tuple, sink, state);
	}
	GiveMany(r, rows, n, sink, state);
	scan->rs_cindex = nrows - 1;
}

/* Close the table at hand, if there is one; the reader may read on. */
void
CsPageReaderClose(CsPageReader *r)
{
	Relation	rel;

	if (r->scan == NULL)
		return;
	rel = r->scan->rs_rd;
	heap_endscan(r->scan);
	r->scan = NULL;
	ExecDropSingleTupleTableSlot(r->slot);
	table_close(rel, NoLock);
}

/* Open a table that is not at hand. */
static void
OpenTable(CsPageReader *r, const CsPages *p, int t)
{
	Relation	rel;

	CsPageReaderClose(r);
	rel = table_open(p->table[t].relid, AccessShareLock);
	r->table = t;
	TakeTable(r, RelationGetDescr(rel), CsPagesAttributes(p, t));
	/* a scan of ranges is not counted as one of the table; that is done once, by CsPagesBegin() */
	r->scan = heap_beginscan(rel, GetActiveSnapshot(), 0, NULL, NULL,
							 SO_TYPE_TIDRANGESCAN | SO_ALLOW_STRAT | SO_ALLOW_PAGEMODE);
}

/* Turn to a range of pages of a table. */
static void
TakeRange(CsPageReader *r, const CsPages *p, int t, int64 first, int64 npages)
{
	MemoryContext save = MemoryContextSwitchTo(r->context);

	if (r->scan == NULL || r->table != t || r->scan->rs_snapshot != GetActiveSnapshot())
		OpenTable(r, p, t);
	else
		heap_rescan(r->scan, NULL, false, false, false, false);
	heap_setscanlimits(r->scan, (BlockNumber) first, (BlockNumber) npages);
	MemoryContextSwitchTo(save);
}

/* Read pages of one table. */
static void
ReadTable(CsPageReader *r, const CsPages *p, int t, int64 first, int64 npages, CsRowSink sink, void *state)
{
	MemoryContext save;
	HeapTuple	tuple;
	bool		many;

	TakeRange(r, p, t, first, npages);
	many = r->many != NULL && (r->scan->rs_flags & SO_ALLOW_PAGEMODE) != 0;
	save = MemoryContextSwitchTo(r->row_context);
	while ((tuple = heap_getnext(r->scan, ForwardScanDirection)) != NULL)
	{
		if (many)
			TakeRestOfPage(r, sink, state);
		else
			TakeRow(r, tuple, sink, state);
	}
	MemoryContextSwitchTo(save);
}

/*
 * Stream the rows of some pages, from number "first" on, through the sink, as CsRelationRead() does with
 * those of a source: values are valid during the call only, and the sink runs in a context that is reset
 * after each row.  Under the active snapshot.
 */
void
CsPageReaderRead(CsPageReader *r, const CsPages *p, int64 first, int64 npages, CsRowSink sink, void *state)
{
	for (int t = 0; t < p->ntables; t++)
	{
		int64		begin = p->table[t].first;
		int64		end = t + 1 < p->ntables ? p->table[t + 1].first : p->npages;
		int64		from = Max(first, begin);
		int64		to = Min(first + npages, end);

		if (from < to)
			ReadTable(r, p, t, from - begin, to - from, sink, state);
	}
}
