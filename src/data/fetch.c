/*
 * fetch.c
 *	  Rows that a statement would fetch from other servers, and the error where they are too many.
 *
 * What postgres_fdw fetches is told by the plan: a scan of a foreign table gives rows, and so does a join that the other
 * server computes; an aggregate that it computes does not.  PostgreSQL's planner knows nothing of a foreign table that
 * nobody has analyzed, nor of a table that Citus spreads, so their rows are counted, where they are.  Nobody fetches more
 * than maintenance_work_mem without having asked for it.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "call/call.h"
#include "catalog/engine.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "commands/defrem.h"
#include "data/fetch.h"
#include "data/select_list.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "optimizer/clauses.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* A foreign table that is read to the end, of whose size the planner knows nothing, and what it expects of it all the same. */
typedef struct Unknown
{
	Oid			relid;
	double		nrows;
	double		bytes;
} Unknown;

/* A plan that is looked at, and what was found. */
typedef struct Look
{
	List	   *rtable;
	double		most;			/* rows that are asked for by who takes them as they come */
	List	   *unknown;		/* (Unknown *) */
	Bitmapset  *exists;			/* numbers of subplans of which one row is asked for */
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

/* Are the rows of a foreign table on another server, from which postgres_fdw fetches them? */
bool
CsIsOnAnotherServer(Oid relid)
{
	ForeignServer *server = GetForeignServer(GetForeignTable(relid)->serverid);

	return strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "postgres_fdw") == 0;
}

/* Bytes of rows of so many columns: as wide as the planner expects, and a number of 8 bytes at least for each column. */
double
CsFetchedBytes(double nrows, int width, int ncolumns)
{
	return nrows * Max((double) width, sizeof(double) * Max(ncolumns, 1));
}

/* Does a scan give groups of rows, which the other server adds up? */
bool
CsIsAddedUp(const ForeignScan *scan)
{
	return scan->scan.scanrelid == 0 && contain_agg_clause((Node *) scan->fdw_scan_tlist);
}

/* A foreign table that a scan reads, the first one where it joins them. */
Oid
CsScannedTable(const ForeignScan *scan, const List *rtable)
{
	int			at = -1;

	if (scan->scan.scanrelid > 0)
		return rt_fetch(scan->scan.scanrelid, rtable)->relid;
	/* among them may be the join itself, which is no table */
	while ((at = bms_next_member(scan->fs_relids, at)) >= 0)
		if (rt_fetch(at, rtable)->rtekind == RTE_RELATION)
			return rt_fetch(at, rtable)->relid;
	return InvalidOid;
}

/* A foreign table whose rows a scan gives, the first one where it joins them; InvalidOid where it adds them up. */
Oid
CsFetchedTable(const ForeignScan *scan, const List *rtable)
{
	return CsIsAddedUp(scan) ? InvalidOid : CsScannedTable(scan, rtable);
}

/* Do options of a foreign table or a server have the planner ask the other server? */
static bool
AskForEstimates(const List *options)
{
	ListCell   *cell;

	foreach(cell, options)
		if (strcmp(((DefElem *) lfirst(cell))->defname, "use_remote_estimate") == 0)
			return defGetBoolean(lfirst(cell));
	return false;
}

/* Does the planner know nothing of the size of a foreign table? */
static bool
HasUnknownSize(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		is_known = rel->rd_rel->reltuples >= 0;
	ForeignTable *table = GetForeignTable(relid);

	table_close(rel, NoLock);
	return !is_known && !AskForEstimates(table->options) && !AskForEstimates(GetForeignServer(table->serverid)->options);
}

/* Note a scan that gives rows of foreign tables, if these are on another server. */
static void
NoteScan(const ForeignScan *scan, Look *look)
{
	const Plan *plan = &scan->scan.plan;
	Oid			relid = CsFetchedTable(scan, look->rtable);
	double		nrows = Min(plan->plan_rows, look->most),
				bytes = CsFetchedBytes(nrows, plan->plan_width, list_length(plan->targetlist));
	Unknown    *unknown;

	if (!OidIsValid(relid) || !CsIsOnAnotherServer(relid))
		return;
	look->fetched.relid = relid;
	look->fetched.nrows += nrows;
	look->fetched.bytes += bytes;
	if (scan->scan.scanrelid == 0 || !isinf(look->most) || !HasUnknownSize(relid))
		return;
	unknown = palloc(sizeof(Unknown));
	*unknown = (Unknown) {relid, nrows, bytes};
	look->unknown = lappend(look->unknown, unknown);
}

/* The rows that a Limit asks for: those that it gives, and those that it skips; infinite where it is not known. */
static double
LimitOf(const Limit *limit, double most)
{
	const Const *offset = (const Const *) limit->limitOffset;
	double		given = limit->limitCount == NULL ? most : Min(most, limit->plan.plan_rows);

	if (offset == NULL)
		return given;
	return !IsA(offset, Const) ? INFINITY : offset->constisnull ? given : given + (double) DatumGetInt64(offset->constvalue);
}

/* Note of which subplans that run before a node one row is asked for. */
static void
NoteExists(const Plan *plan, Look *look)
{
	ListCell   *cell;

	foreach(cell, plan->initPlan)
	{
		const SubPlan *subplan = lfirst_node(SubPlan, cell);

		if (subplan->subLinkType == EXISTS_SUBLINK)
			look->exists = bms_add_member(look->exists, subplan->plan_id);
	}
}

/* Look for scans that fetch rows, in a plan and all below it. */
static void
LookAt(Plan *plan, Look *look)
{
	double		most = look->most;

	if (plan == NULL)
		return;
	NoteExists(plan, look);
	if (IsA(plan, Limit))
		look->most = LimitOf((Limit *) plan, most);
	else if (!IsA(plan, Append) && !IsA(plan, SubqueryScan) && !IsA(plan, Result) && !IsA(plan, ForeignScan))
		look->most = INFINITY;
	if (IsA(plan, ForeignScan))
		NoteScan((ForeignScan *) plan, look);
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

/* Look at the subplans of a statement, those first that others stand in: these have lower numbers. */
static void
LookAtSubplans(const PlannedStmt *statement, Look *look)
{
	for (int i = list_length(statement->subplans); i > 0; i--)
	{
		look->most = bms_is_member(i, look->exists) ? 1 : INFINITY;
		LookAt(list_nth(statement->subplans, i - 1), look);
	}
}

/* Look at a prepared statement, by its plan for any parameters.  Inside SPI. */
static Look
LookAtStatement(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	PlannedStmt *statement;
	Look		look = {.most = INFINITY};

	if (cached == NULL)
		return look;
	statement = linitial_node(PlannedStmt, cached->stmt_list);
	look.rtable = statement->rtable;
	look.fetched.ncolumns = list_length(statement->planTree->targetlist);
	LookAt(statement->planTree, &look);
	LookAtSubplans(statement, &look);
	ReleaseCachedPlan(cached, NULL);
	return look;
}

/* What a prepared statement would fetch through postgres_fdw, by its plan for any parameters.  Inside SPI. */
CsFetched
CsFetchedBy(SPIPlanPtr plan)
{
	return LookAtStatement(plan).fetched;
}

/* The rows of a table, counted where they are.  Inside SPI, and as whom the source is read. */
static double
CountRows(const char *table)
{
	bool		isnull;

	if (SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", table), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count the rows of a source");
	return (double) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* How many different values a column has, as far as ANALYZE knows, to be compared with another's: 0 where it does not. */
static double
DifferentValues(Oid relid, AttrNumber attnum)
{
	bool		has_parts = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(attnum), BoolGetDatum(has_parts));
	double		n;

	if (!HeapTupleIsValid(tuple))
		return 0;
	n = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
	ReleaseSysCache(tuple);
	/* a part of the rows, with the sign turned, is more than a number that does not grow with them */
	return n < 0 ? -n * PG_INT64_MAX : n;
}

/* A hash by which rows of a source are drawn one by one: of the column that has most values; palloc'd.  NULL: none has one. */
static char *
RowHash(const CsRelation *rel)
{
	double		most = -1;
	char	   *best = NULL;

	for (int i = 0; i < rel->ncolumns; i++)
	{
		const CsColumn *column = &rel->columns[i];
		double		n = DifferentValues(rel->relid, column->attnum);
		char	   *hash = n > most ? CsColumnHash(column, 0) : NULL;

		if (hash == NULL)
			continue;
		most = n;
		best = hash;
	}
	return best;
}

/* A condition that holds for one of so many rows of a source, or of values that have all their rows; palloc'd. */
static char *
SampleCondition(const CsRelation *rel, double mask)
{
	bool		is_table = OidIsValid(rel->relid) && rel->from_item == rel->kept;
	char	   *hash = rel->together != NULL ? CsColumnHash(rel->together, 0) : is_table ? RowHash(rel) : NULL;

	return hash == NULL ? NULL : psprintf("%s & %.0f = 0", hash, mask);
}

/* By which a hash is masked for one of so many parts, a power of two. */
static double
SampleMask(double parts)
{
	return exp2(ceil(log2(Max(parts, 2)))) - 1;
}

/*
 * What to give as the source instead: the query of a sample, one of so many parts; palloc'd.  Of a query, whose text may be
 * somebody else's, only what it could say.
 */
char *
CsSampleHint(const CsRelation *rel, double parts)
{
	double		mask = SampleMask(parts);
	char	   *condition = SampleCondition(rel, mask);

	if (condition != NULL && OidIsValid(rel->relid) && rel->from_item == rel->kept)
		return psprintf("SELECT * FROM %s WHERE %s", rel->from_item, condition);
	if (condition != NULL)
		return psprintf("with the condition %s", condition);
	if (rel->together != NULL)
		return psprintf("with a condition that holds for all rows of a value of column \"%s\", or for none",
						NameStr(rel->together->name));
	return psprintf("with a condition such as pg_catalog.hashint8extended(id, 0) & %.0f = 0", mask);
}

/* Does TABLESAMPLE draw from a source?  From a table and its partitions, if none of these is a foreign table. */
static bool
HasTableSample(const CsRelation *rel)
{
	ListCell   *cell;

	if (!OidIsValid(rel->relid))
		return false;
	foreach(cell, find_all_inheritors(rel->relid, NoLock, NULL))
	{
		char		kind = get_rel_relkind(lfirst_oid(cell));

		if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW)
			return false;
	}
	return true;
}

/* A hash by which a sample is drawn of a source: one that other servers compute, where they can; else of the text of a value or a row. */
static char *
AnyHash(const CsRelation *rel)
{
	bool		is_table = OidIsValid(rel->relid) && get_rel_relkind(rel->relid) != RELKIND_VIEW;
	char	   *hash = rel->together != NULL ? CsColumnHash(rel->together, 0) : is_table ? RowHash(rel) : NULL;

	if (hash != NULL)
		return hash;
	return psprintf("pg_catalog.hashtextextended((source.%s)::pg_catalog.text, 0)",
					rel->together == NULL ? "*" : quote_identifier(NameStr(rel->together->name)));
}

/*
 * The query of a sample to give in place of a source, one of so many parts, 0 where nobody knows of how many: a noun for a
 * hint, palloc'd or constant.  The text of a query may be somebody else's, so it is not repeated.
 */
const char *
CsSampleOf(const CsRelation *rel, double parts)
{
	if (rel->about != NULL)
		rel = rel->about;
	if (rel->together == NULL && HasTableSample(rel))
		return "a query with TABLESAMPLE";
	return psprintf("SELECT * FROM %s AS source WHERE %s & %.0f = 0", OidIsValid(rel->relid) ? rel->kept : "(the query)",
					AnyHash(rel), SampleMask(parts > 0 ? parts : 10));
}

/* What to do where rows of a source are too many, so many times what there is room for: sentences; palloc'd, or the source's. */
static const char *
RefuseHint(const CsRelation *rel, double parts)
{
	if (rel->instead_of_sample != NULL)
		return rel->instead_of_sample;
	return psprintf("Give a sample as the source: %s.", CsSampleHint(rel, parts));
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
			 errhint("%s  Or SET maintenance_work_mem = '%.0fMB' to fetch them all the same.",
					 RefuseHint(rel, fetched->bytes / (double) CsMemoryLimit()), megabytes)));
}

/*
 * Count the rows of tables of whose size the planner knows nothing, where the source is a table: a query may leave most
 * of them out, and a view may read what only its owner may.
 */
static void
CountUnknown(const CsRelation *rel, Look *look)
{
	ListCell   *cell;

	if (!OidIsValid(rel->relid) || get_rel_relkind(rel->relid) == RELKIND_VIEW)
		return;
	foreach(cell, look->unknown)
	{
		const Unknown *u = lfirst(cell);
		double		nrows;

		if (pg_class_aclcheck(u->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			continue;
		nrows = CountRows(quote_qualified_identifier(get_namespace_name(get_rel_namespace(u->relid)), get_rel_name(u->relid)));
		look->fetched.nrows += nrows - u->nrows;
		look->fetched.bytes += CsFetchedBytes(nrows, 0, look->fetched.ncolumns) - u->bytes;
	}
}

/* Rows that the planner expects of a source, those of tables counted of whose size it knows nothing.  Inside SPI. */
static double
PlannedRows(const CsRelation *rel)
{
	SPIPlanPtr	plan = SPI_prepare(psprintf("SELECT FROM %s", rel->from_item), 0, NULL);
	CachedPlan *cached;
	Look		look;
	double		nrows;

	if (plan == NULL)
		elog(ERROR, "could not plan a source: %s", SPI_result_code_string(SPI_result));
	cached = SPI_plan_get_cached_plan(plan);
	nrows = linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
	ReleaseCachedPlan(cached, NULL);
	look = LookAtStatement(plan);
	nrows -= look.fetched.nrows;
	CountUnknown(rel, &look);
	return nrows + look.fetched.nrows;
}

/*
 * Rows that the planner expects of a source, a query or not; of one that Citus spreads, and of foreign tables that nobody has
 * analyzed, how many there are.
 */
double
CsRelationPlannedRows(const CsRelation *rel)
{
	bool		is_sharded = OidIsValid(rel->relid) && CsCitusShards(rel->relid) > 0;
	CsReading	reading;
	double		nrows;

	SPI_connect();
	reading = CsReadingBegin(rel);
	nrows = is_sharded ? CountRows(rel->from_item) : PlannedRows(rel);
	CsReadingEnd(&reading);
	SPI_finish();
	return nrows;
}

/* What a prepared statement that reads a source would fetch from other servers.  Inside SPI, and as whom the source is read. */
static CsFetched
FetchedOf(const CsRelation *rel, SPIPlanPtr plan)
{
	Look		look = LookAtStatement(plan);
	CsFetched	fetched;

	CountUnknown(rel->about == NULL ? rel : rel->about, &look);
	fetched = look.fetched;
	if (!OidIsValid(fetched.relid) && OidIsValid(rel->relid) && CsCitusShards(rel->relid) > 0)
	{
		fetched.relid = rel->relid;
		fetched.nrows = CountRows(rel->from_item);
		fetched.bytes = CsFetchedBytes(fetched.nrows, 0, fetched.ncolumns);
	}
	return fetched;
}

/*
 * Raise an error where a prepared statement that reads a source would fetch more from other servers than
 * maintenance_work_mem, unless somebody has asked for that.  Inside SPI, and as whom the source is read.
 */
void
CsFetchCheck(const CsRelation *rel, SPIPlanPtr plan)
{
	CsFetched	fetched;

	if (rel->may_fetch || rel->is_restricted)
		return;
	fetched = FetchedOf(rel, plan);
	if (fetched.bytes > (double) CsMemoryLimit())
		RefuseFetch(rel->about == NULL ? rel : rel->about, &fetched);
}

/* What a reading of columns of a source would fetch from other servers, as CsFetchCheck() is going to see it. */
CsFetched
CsRelationFetched(const CsRelation *rel, const CsColumn *columns, int ncolumns)
{
	CsReading	reading;
	SPIPlanPtr	plan;
	CsFetched	fetched;

	SPI_connect();
	reading = CsReadingBegin(rel);
	plan = SPI_prepare(CsSelectListStatement(CsSelectListMake(columns, ncolumns), rel), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not plan a source: %s", SPI_result_code_string(SPI_result));
	fetched = FetchedOf(rel, plan);
	CsReadingEnd(&reading);
	SPI_finish();
	return fetched;
}
