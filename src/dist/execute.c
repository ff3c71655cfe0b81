/*
 * execute.c
 *	  A pass run as one SQL statement, and values of a column counted by one.
 *
 * The statement reads the source as whoever reads it (data/reading.c), under the caller's snapshot, in
 * parallel where PostgreSQL sees fit: the sums are exact, so that the order of the rows does not matter.
 * Its plan is looked at before it runs: where another server would send its rows rather than a state, an
 * error says so.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "common/hashfn.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

/* Bytes that the states of a pass may have together. */
#define MOST_STATES (1024.0 * CS_MEGABYTE)

/* A foreign table whose rows would be fetched. */
typedef struct Fetched
{
	List	   *rtable;
	Oid			relid;			/* InvalidOid: there is none */
	double		bytes;
} Fetched;

static void FindFetched(Plan *plan, Fetched *fetched);

static void
FindFetchedIn(List *plans, Fetched *fetched)
{
	ListCell   *cell;

	foreach(cell, plans)
		FindFetched(lfirst(cell), fetched);
}

/* Look for scans of foreign tables that fetch rows, in a plan and all below it. */
static void
FindFetched(Plan *plan, Fetched *fetched)
{
	if (plan == NULL)
		return;
	if (IsA(plan, ForeignScan) && ((ForeignScan *) plan)->scan.scanrelid > 0)
	{
		Oid			relid = rt_fetch(((ForeignScan *) plan)->scan.scanrelid, fetched->rtable)->relid;
		ForeignServer *server = GetForeignServer(GetForeignTable(relid)->serverid);

		if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "postgres_fdw") == 0)
		{
			fetched->relid = relid;
			fetched->bytes += plan->plan_rows * Max(plan->plan_width, 1);
		}
	}
	else if (IsA(plan, Append))
		FindFetchedIn(((Append *) plan)->appendplans, fetched);
	else if (IsA(plan, MergeAppend))
		FindFetchedIn(((MergeAppend *) plan)->mergeplans, fetched);
	else if (IsA(plan, SubqueryScan))
		FindFetched(((SubqueryScan *) plan)->subplan, fetched);
	FindFetched(plan->lefttree, fetched);
	FindFetched(plan->righttree, fetched);
}

/* Raise an error where a prepared statement would fetch rows from another server, rather than states. */
static void
CheckPlan(const CsPieces *pieces, SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	PlannedStmt *statement;
	Fetched		fetched = {0};
	ForeignServer *server;

	if (cached == NULL)
		return;
	statement = linitial_node(PlannedStmt, cached->stmt_list);
	fetched.rtable = statement->rtable;
	FindFetched(statement->planTree, &fetched);
	FindFetchedIn(statement->subplans, &fetched);
	ReleaseCachedPlan(cached, NULL);
	if (!OidIsValid(fetched.relid) || (!pieces->is_remote && fetched.bytes <= CsMemoryLimit()))
		return;
	server = GetForeignServer(GetForeignTable(fetched.relid)->serverid);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("rows of foreign table \"%s\" would be fetched from server \"%s\"", get_rel_name(fetched.relid),
					server->servername),
			 errdetail("A pass is to be run by the server that has the rows, which sends what it has added up."),
			 errhint("CREATE EXTENSION custseg there, and here ALTER SERVER %s OPTIONS (ADD extensions 'custseg'); "
					 "name the foreign table or its partitioned table as the source; "
					 "and let columns of an enum, a domain or money be text or numbers in it.",
					 quote_identifier(server->servername))));
}

/* The statement of a pass. */
static char *
PassStatement(const CsPieces *pieces, const CsTallyColumns *columns)
{
	StringInfoData call,
				sql;

	initStringInfo(&call);
	initStringInfo(&sql);
	appendStringInfo(&call, "custseg_private.pass(%s, ARRAY[%s]::pg_catalog.float8[]",
					 pieces->is_sharded ? "custseg_private.once($1)" : "$1", columns->numbers.data);
	if (columns->nlevels > 0)
		appendStringInfo(&call, ", ARRAY[%s]::pg_catalog.text[]", columns->levels.data);
	appendStringInfoChar(&call, ')');
	if (pieces->nitems == 1)
		return psprintf("SELECT %s FROM %s", call.data, pieces->items[0]);
	appendStringInfoString(&sql, "SELECT custseg_private.pass_merge(piece.state) FROM (");
	for (int i = 0; i < pieces->nitems; i++)
		appendStringInfo(&sql, "%sSELECT %s AS state FROM %s", i > 0 ? " UNION ALL " : "", call.data, pieces->items[i]);
	appendStringInfoString(&sql, ") AS piece");
	return sql.data;
}

/* Run a statement that reads pieces, inside SPI and as whom the source is read; its rows are in SPI_tuptable. */
static void
ReadPieces(const CsPieces *pieces, const char *sql, int narguments, Oid *types, Datum *arguments)
{
	CsReading	reading = CsReadingBegin(pieces->relation);
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, narguments, types, CURSOR_OPT_PARALLEL_OK);

	if (plan == NULL)
		elog(ERROR, "could not prepare a pass: %s", SPI_result_code_string(SPI_result));
	CheckPlan(pieces, plan);
	if (SPI_execute_plan(plan, arguments, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run a pass: %s", SPI_result_code_string(SPI_result));
	CsReadingEnd(&reading);
}

/* The plan as the aggregate takes it: json in UTF-8; palloc'd. */
static bytea *
PlanBytes(Jsonb *plan)
{
	char	   *text = JsonbToCString(NULL, &plan->root, VARSIZE(plan));
	char	   *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);
	Size		length = strlen(utf8);
	bytea	   *bytes = palloc(VARHDRSZ + length);

	SET_VARSIZE(bytes, VARHDRSZ + length);
	memcpy(VARDATA(bytes), utf8, length);
	if (utf8 != text)
		pfree(utf8);
	pfree(text);
	return bytes;
}

/* An error when the states of all pieces together are more than anybody wants to send in a pass. */
static void
CheckStates(const CsPieces *pieces, const CsTally *pass)
{
	Size		size = VARSIZE(pass->empty);
	double		bytes = (double) size * pieces->nstates;

	if (bytes <= MOST_STATES)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a pass would send %.0f MB: %d states of %zu MB", bytes / CS_MEGABYTE, pieces->nstates,
					CsMegabytes(size)),
			 errdetail("The limit is %.0f MB.", MOST_STATES / CS_MEGABYTE),
			 errhint("Use fewer segments or features, \"covariance_type\": \"diag\", or fewer leaves or shards.")));
}

/* Run a pass; what it returns is palloc'd.  An error when the rows are not those of its plan. */
CsTallyRun
CsTallyExecute(const CsPieces *pieces, const CsTallyColumns *columns, Jsonb *plan)
{
	MemoryContext context = CurrentMemoryContext;
	bytea	   *bytes = PlanBytes(plan);
	const unsigned char *data = (const unsigned char *) VARDATA(bytes);
	uint64		digest[2] = {
		hash_bytes_extended(data, (int) (VARSIZE(bytes) - VARHDRSZ), 1),
		hash_bytes_extended(data, (int) (VARSIZE(bytes) - VARHDRSZ), 2)
	};
	CsTallyRun	run = {CsTallyOpen(plan, digest, CsTallyKinds), NULL};
	Oid			type = BYTEAOID;
	Datum		argument = PointerGetDatum(bytes);
	Datum		value;
	bool		isnull;

	CheckStates(pieces, run.pass);
	SPI_connect();
	ReadPieces(pieces, PassStatement(pieces, columns), 1, &type, &argument);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		run.state = (CsTallyState *) DatumGetByteaPCopy(value);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	pfree(bytes);
	if (run.state == NULL)
		run.state = CsTallyStart(run.pass);
	CsTallyStateCheck(run.state);
	if (!CsTallyIsOf(run.pass, run.state))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid state of a pass"),
				 errhint("All servers must have the same version of custseg.")));
	return run;
}

/* How many rows the planner expects of the source. */
double
CsPiecesEstimate(const CsPieces *pieces)
{
	CsReading	reading;
	SPIPlanPtr	plan;
	CachedPlan *cached;
	double		rows;

	SPI_connect();
	reading = CsReadingBegin(pieces->relation);
	plan = SPI_prepare(psprintf("SELECT FROM %s", pieces->relation->from_item), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not plan a source: %s", SPI_result_code_string(SPI_result));
	cached = SPI_plan_get_cached_plan(plan);
	rows = linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
	ReleaseCachedPlan(cached, NULL);
	CsReadingEnd(&reading);
	SPI_finish();
	return rows;
}

static int
CompareByValue(const void *a, const void *b)
{
	return strcmp(((const CsValueCount *) a)->value, ((const CsValueCount *) b)->value);
}

static int
CompareByCount(const void *a, const void *b)
{
	const CsValueCount *x = a,
			   *y = b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) : strcmp(x->value, y->value);
}

/* Add up what the pieces have of the same value, and put the most frequent ones first, ties by their texts. */
static int
MergeCounts(CsValueCount *counts, int n)
{
	int			merged = 0;

	qsort(counts, n, sizeof(CsValueCount), CompareByValue);
	for (int i = 0; i < n; i++)
		if (merged > 0 && strcmp(counts[merged - 1].value, counts[i].value) == 0)
			counts[merged - 1].n += counts[i].n;
		else
			counts[merged++] = counts[i];
	qsort(counts, merged, sizeof(CsValueCount), CompareByCount);
	return merged;
}

/*
 * Count the rows of each value of an expression, where a condition holds (NULL: of all rows).  Every piece
 * groups its own rows, and gives no more than most + 1 groups; when there are more than "most" values,
 * *n is most + 1 and not all are there.  The most frequent ones come first, ties by their texts; palloc'd.
 */
CsValueCount *
CsPiecesCount(const CsPieces *pieces, const char *expression, const char *condition, int most, int *n)
{
	MemoryContext context = CurrentMemoryContext;
	CsValueCount *counts;
	StringInfoData sql;
	int			level = CsPlainSettings();

	initStringInfo(&sql);
	for (int i = 0; i < pieces->nitems; i++)
		appendStringInfo(&sql, "%s(SELECT %s AS value, pg_catalog.count(*) AS n FROM %s WHERE %s IS NOT NULL%s%s GROUP BY 1 LIMIT %d)",
						 i > 0 ? " UNION ALL " : "", expression, pieces->items[i], expression,
						 condition == NULL ? "" : " AND ", condition == NULL ? "" : condition, most + 1);
	SPI_connect();
	ReadPieces(pieces, sql.data, 0, NULL, NULL);
	counts = MemoryContextAllocHuge(context, sizeof(CsValueCount) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		char	   *value = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1);
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		counts[i].value = MemoryContextStrdup(context, value);
		counts[i].n = DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		pfree(value);
	}
	*n = (int) SPI_processed;
	SPI_finish();
	AtEOXact_GUC(true, level);
	*n = MergeCounts(counts, *n);
	*n = Min(*n, most + 1);
	return counts;
}
