/*
 * fetch_guard.c
 *	  Rows that a statement does fetch from other servers, counted while they come, and the error where they are too many.
 *
 * What fetch.c expects of a plan may be wrong: statistics may be of long ago, a scan may be repeated for each row of another
 * one, and a function may read a foreign table of which the plan tells nothing.  So while a source is read, each scan that
 * fetches rows through postgres_fdw is given a routine that counts them, whatever statement it belongs to.
 */
#include "custseg.h"

#include "call/call.h"
#include "data/fetch.h"
#include "executor/executor.h"
#include "foreign/fdwapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Somebody else's hook, once ours stands before it; and the guard of the innermost reading, NULL: there is none. */
static ExecutorStart_hook_type previous;
static bool is_installed;
static CsFetchGuard *innermost;
static uint64 nreadings;

/* The routine of a scan that counts what it fetches. */
typedef struct CountingRoutine
{
	FdwRoutine	routine;		/* of postgres_fdw, but for the functions below; must be first */
	IterateForeignScan_function iterate;	/* its own */
	ReScanForeignScan_function rescan;
	uint64		reading;		/* the number of the one that it began in */
	bool		is_added_up;	/* the rows are groups */
	Oid			relid;			/* a foreign table that rows come from */
	double		width;			/* bytes of a row */
	double		most,			/* rows that this scan, for the same parameters, has given */
				at;				/* that it has given since it began anew */
} CountingRoutine;

/* The error for groups from other servers, of which too many bytes have come. */
void
CsHeldExceeded(const CsHeldGroups *held, Size bytes)
{
	CsMemoryExceeded(bytes, held->instead, "%s", held->what);
}

/* What to do where too many rows of a scan have come, sentences; palloc'd, or the source's. */
static const char *
RefuseHint(const CountingRoutine *r, const CsFetchGuard *g)
{
	if (g->instead_of_sample != NULL)
		return g->instead_of_sample;
	return psprintf("ANALYZE %s tells how many rows there are; then give a sample as the source.",
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(r->relid)), get_rel_name(r->relid)));
}

/* The error for rows of which too many have come. */
static void
RefuseRows(const CountingRoutine *r, const CsFetchGuard *g)
{
	if (r->is_added_up)
		CsHeldExceeded(g->held, (Size) g->bytes);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("more than %.0f rows of %s would be fetched from other servers", g->nrows - 1, g->description),
			 errdetail("More than %zu MB are, which is maintenance_work_mem, and fewer rows were expected, the last ones of foreign table \"%s\".",
					   CsMegabytes((Size) g->limit), get_rel_name(r->relid)),
			 errhint("%s  Or raise maintenance_work_mem to fetch them all the same.", RefuseHint(r, g))));
}

/* The guard of a reading; NULL when it is over, as for a cursor that was opened in it and is fetched from later. */
static CsFetchGuard *
GuardOf(uint64 reading)
{
	CsFetchGuard *guard = innermost;

	while (guard != NULL && guard->number != reading)
		guard = guard->outer;
	return guard;
}

/* IterateForeignScan: the next row, counted. */
static TupleTableSlot *
IterateCounted(ForeignScanState *node)
{
	CountingRoutine *r = (CountingRoutine *) node->fdwroutine;
	TupleTableSlot *slot = r->iterate(node);
	CsFetchGuard *guard;

	/* rows that come again, for nothing has changed, are most likely kept */
	if (TupIsNull(slot) || ++r->at <= r->most)
		return slot;
	r->most = r->at;
	guard = GuardOf(r->reading);
	if (guard == NULL)
		return slot;
	guard->nrows++;
	guard->bytes += r->width;
	if (guard->bytes > guard->limit)
		RefuseRows(r, guard);
	return slot;
}

/* ReScanForeignScan: begin anew. */
static void
RescanCounted(ForeignScanState *node)
{
	CountingRoutine *r = (CountingRoutine *) node->fdwroutine;

	r->at = 0;
	if (node->ss.ps.chgParam != NULL)
		r->most = 0;
	r->rescan(node);
}

/* A foreign table from which come rows, or groups where these count, too, by a scan; InvalidOid where nothing counts. */
static Oid
CountedTable(const ForeignScan *scan, const List *rtable)
{
	return innermost->held != NULL ? CsScannedTable(scan, rtable) : CsFetchedTable(scan, rtable);
}

/* Have the scans of foreign tables among a plan's nodes count the rows that they fetch. */
static bool
CountScans(PlanState *node, void *estate)
{
	ForeignScanState *scan = (ForeignScanState *) node;
	const Plan *plan;
	CountingRoutine *r;
	Oid			relid;

	if (node == NULL)
		return false;
	relid = IsA(node, ForeignScanState) ? CountedTable((ForeignScan *) node->plan, ((EState *) estate)->es_range_table) : InvalidOid;
	if (!OidIsValid(relid) || !CsIsOnAnotherServer(relid) || scan->fdwroutine->IterateForeignScan == NULL)
		return planstate_tree_walker(node, CountScans, estate);
	plan = node->plan;
	r = MemoryContextAllocZero(((EState *) estate)->es_query_cxt, sizeof(CountingRoutine));
	r->routine = *scan->fdwroutine;
	r->iterate = r->routine.IterateForeignScan;
	r->rescan = r->routine.ReScanForeignScan;
	r->routine.IterateForeignScan = IterateCounted;
	r->routine.ReScanForeignScan = RescanCounted;
	r->reading = innermost->number;
	r->is_added_up = CsIsAddedUp((const ForeignScan *) plan);
	r->relid = relid;
	r->width = CsFetchedBytes(1, plan->plan_width, list_length(plan->targetlist));
	scan->fdwroutine = &r->routine;
	return planstate_tree_walker(node, CountScans, estate);
}

/* ExecutorStart_hook: what is read while there is a guard is counted. */
static void
StartGuarded(QueryDesc *query, int flags)
{
	if (previous != NULL)
		previous(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (innermost != NULL && innermost->description != NULL && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		(void) CountScans(query->planstate, query->estate);
}

/*
 * What is read from now on until CsFetchEnd(), which an error must not skip, is read of a source: other servers add up what
 * they can, and the rows that they send are counted.  More than maintenance_work_mem of them are an error, unless somebody
 * has asked for them.
 */
void
CsFetchBegin(CsFetchGuard *guard, const CsRelation *rel)
{
	const CsRelation *about = rel->about == NULL ? rel : rel->about;

	if (!is_installed)
	{
		previous = ExecutorStart_hook;
		ExecutorStart_hook = StartGuarded;
		is_installed = true;
	}
	*guard = (CsFetchGuard) {
		.number = ++nreadings,
		.description = rel->may_fetch ? NULL : about->description,
		.instead_of_sample = about->instead_of_sample,
		.limit = (double) CsMemoryLimit(),
		.outer = innermost
	};
	innermost = guard;
	CsHandOnBegin();
}

/* The reading is over; one around it goes on. */
void
CsFetchEnd(const CsFetchGuard *guard)
{
	CsHandOnEnd();
	innermost = guard->outer;
}
