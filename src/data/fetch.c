/*
 * fetch.c
 *	  Rows that a statement would fetch from other servers, and the error where they are too many.
 *
 * What postgres_fdw fetches is told by the plan: a scan of a foreign table gives rows, an aggregate or a join that the
 * other server computes does not.  Of a table that Citus spreads PostgreSQL's planner knows nothing, so its rows are
 * counted, where they are.  Nobody fetches more than maintenance_work_mem without having asked for it.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/engine.h"
#include "data/fetch.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/typcache.h"

/* A plan that is looked at, and what was found. */
typedef struct Look
{
	List	   *rtable;
	double		most;			/* rows that are asked for by who takes them as they come */
	CsFetched	fetched;
} Look;

static void LookAt(Plan *plan, Look *look);

static void
LookAtAll(List *plans, Look *look)
{
	ListCell   *cell;

	foreach(cell, plans)
		LookAt(lfirst(cell), look);
}

/* Bytes of rows of so many columns: as wide as the planner expects, and a number of 8 bytes at least for each column. */
static double
FetchedBytes(double nrows, int width, int ncolumns)
{
	return nrows * Max((double) width, sizeof(double) * Max(ncolumns, 1));
}

/* Note a scan of a foreign table, if its rows are on another server. */
static void
NoteScan(const Plan *plan, Oid relid, double most, CsFetched *fetched)
{
	ForeignServer *server = GetForeignServer(GetForeignTable(relid)->serverid);
	double		nrows = Min(plan->plan_rows, most);

	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "postgres_fdw") != 0)
		return;
	fetched->relid = relid;
	fetched->nrows += nrows;
	fetched->bytes += FetchedBytes(nrows, plan->plan_width, list_length(plan->targetlist));
}

/* Look for scans that fetch rows, in a plan and all below it. */
static void
LookAt(Plan *plan, Look *look)
{
	double		most = look->most;

	if (plan == NULL)
		return;
	if (IsA(plan, Limit))
		look->most = Min(most, plan->plan_rows);
	else if (!IsA(plan, Append) && !IsA(plan, SubqueryScan) && !IsA(plan, Result) && !IsA(plan, ForeignScan))
		look->most = INFINITY;
	if (IsA(plan, ForeignScan) && ((ForeignScan *) plan)->scan.scanrelid > 0)
		NoteScan(plan, rt_fetch(((ForeignScan *) plan)->scan.scanrelid, look->rtable)->relid, look->most,
				 &look->fetched);
	else if (IsA(plan, Append))
		LookAtAll(((Append *) plan)->appendplans, look);
	else if (IsA(plan, MergeAppend))
		LookAtAll(((MergeAppend *) plan)->mergeplans, look);
	else if (IsA(plan, SubqueryScan))
		LookAt(((SubqueryScan *) plan)->subplan, look);
	LookAt(plan->lefttree, look);
	LookAt(plan->righttree, look);
	look->most = most;
}

/* What a prepared statement without parameters would fetch through postgres_fdw.  Inside SPI. */
CsFetched
CsFetchedBy(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	PlannedStmt *statement;
	Look		look = {.most = INFINITY};

	if (cached == NULL)
		return look.fetched;
	statement = linitial_node(PlannedStmt, cached->stmt_list);
	look.rtable = statement->rtable;
	look.fetched.ncolumns = list_length(statement->planTree->targetlist);
	LookAt(statement->planTree, &look);
	LookAtAll(statement->subplans, &look);
	ReleaseCachedPlan(cached, NULL);
	return look.fetched;
}

/* The rows of a source that Citus spreads, counted where they are.  Inside SPI, and as whom the source is read. */
static double
CountSharded(const CsRelation *rel)
{
	bool		isnull;

	if (SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", rel->from_item), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count the rows of a source");
	return (double) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* How many rows the planner expects of a source; of one that Citus spreads, how many there are. */
double
CsRelationExpectedRows(const CsRelation *rel)
{
	bool		is_sharded = OidIsValid(rel->relid) && CsCitusShards(rel->relid) > 0;
	CsReading	reading;
	SPIPlanPtr	plan;
	CachedPlan *cached;
	double		nrows;

	SPI_connect();
	reading = CsReadingBegin(rel);
	if (is_sharded)
		nrows = CountSharded(rel);
	else
	{
		plan = SPI_prepare(psprintf("SELECT FROM %s", rel->from_item), 0, NULL);
		if (plan == NULL)
			elog(ERROR, "could not plan a source: %s", SPI_result_code_string(SPI_result));
		cached = SPI_plan_get_cached_plan(plan);
		nrows = linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
		ReleaseCachedPlan(cached, NULL);
	}
	CsReadingEnd(&reading);
	SPI_finish();
	return nrows;
}

/* A hash of a column that all servers compute: an expression, palloc'd; NULL: there is none. */
static char *
HashOf(const CsColumn *column)
{
	Oid			type = getBaseType(column->type);
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC);

	if (!OidIsValid(entry->hash_extended_proc) || entry->hash_extended_proc >= FirstNormalObjectId ||
		column->converter.kind == CS_BOOLEAN || type_is_enum(type) || type_is_rowtype(type) || type_is_range(type) ||
		OidIsValid(get_element_type(type)))
		return NULL;
	return psprintf("pg_catalog.%s(%s, 0)", get_func_name(entry->hash_extended_proc),
					quote_identifier(NameStr(column->name)));
}

/* A condition that holds for one of so many rows, by a hash of a column; palloc'd.  NULL: no column has one. */
static char *
SampleCondition(const CsRelation *rel, double mask)
{
	for (int i = 0; i < rel->ncolumns; i++)
	{
		char	   *hash = HashOf(&rel->columns[i]);

		if (hash != NULL)
			return psprintf("%s & %.0f = 0", hash, mask);
	}
	return NULL;
}

/*
 * What to give as the source instead: the query of a sample that fits; palloc'd.  Of a query, whose text may be somebody
 * else's, only what it could say.
 */
static char *
SampleHint(const CsRelation *rel, double parts)
{
	double		mask = exp2(ceil(log2(Max(parts, 2)))) - 1;
	char	   *condition = OidIsValid(rel->relid) && rel->from_item == rel->kept ? SampleCondition(rel, mask) : NULL;

	if (condition == NULL)
		return psprintf("with a condition such as pg_catalog.hashint8extended(id, 0) & %.0f = 0", mask);
	return psprintf("SELECT * FROM %s WHERE %s", rel->from_item, condition);
}

/* The error for rows that would be fetched. */
static void
RefuseFetch(const CsRelation *rel, const CsFetched *fetched)
{
	double		megabytes = ceil(fetched->bytes / CS_MEGABYTE);

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("some %.0f rows of %s would be fetched from other servers", fetched->nrows, rel->description),
			 errdetail("They are about %.0f MB, and maintenance_work_mem is %zu MB.", megabytes,
					   CsMegabytes(CsMemoryLimit())),
			 errhint("Give a sample as the source: %s.  Or SET maintenance_work_mem = '%.0fMB' to fetch them all the same.",
					 SampleHint(rel, fetched->bytes / (double) CsMemoryLimit()), megabytes)));
}

/*
 * Raise an error where a prepared statement that reads a source would fetch more from other servers than
 * maintenance_work_mem, unless somebody has asked for that.  Inside SPI, and as whom the source is read.
 */
void
CsFetchCheck(const CsRelation *rel, SPIPlanPtr plan)
{
	CsFetched	fetched;

	if (rel->may_fetch)
		return;
	fetched = CsFetchedBy(plan);
	if (!OidIsValid(fetched.relid) && OidIsValid(rel->relid) && CsCitusShards(rel->relid) > 0)
	{
		fetched.relid = rel->relid;
		fetched.nrows = CountSharded(rel);
		fetched.bytes = FetchedBytes(fetched.nrows, 0, fetched.ncolumns);
	}
	if (fetched.bytes > (double) CsMemoryLimit())
		RefuseFetch(rel, &fetched);
}
