/*
 * relation.c
 *	  A source resolved, its columns classified, its rows streamed.
 *
 * A source is the name of a relation or a query.  A name is resolved once and from then on
 * written in full, so that a search_path that changes later cannot move it.  A query is parsed on
 * its own, must be exactly one SELECT that only reads, and then stands in parentheses in FROM; what
 * is in it cannot reach outside, because only the text of the one statement the parser
 * found is taken.
 *
 * Everything is read through SPI as the caller, or as reading.c says, read-only and under the caller's
 * snapshot, so privileges and row-level security are PostgreSQL's own.  The relations of a source stay locked
 * (ACCESS SHARE) from CsRelationOpen to the end of the transaction, like those of any query.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "call/call.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "data/fetch.h"
#include "data/select_list.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "optimizer/clauses.h"
#include "parser/scansup.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* A DestReceiver that hands each row to a sink. */
typedef struct SinkReceiver
{
	DestReceiver pub;
	CsRowSink	sink;
	void	   *state;
	CsSelectList *list;			/* what is read */
	MemoryContext row_context;	/* reset before each row */
	int64		nrows;
} SinkReceiver;

/* The first character of text that is neither blank, comment nor opening parenthesis. */
static const char *
SkipToFirstWord(const char *text)
{
	for (;;)
	{
		if (*text == '(' || scanner_isspace(*text))
			text++;
		else if (text[0] == '-' && text[1] == '-')
			text += strcspn(text, "\n\r");
		else if (text[0] == '/' && text[1] == '*')
		{
			int			depth = 0;

			/* comments nest; one that does not end leaves us at the terminator */
			do
			{
				if (text[0] == '/' && text[1] == '*')
				{
					depth++;
					text += 2;
				}
				else if (text[0] == '*' && text[1] == '/')
				{
					depth--;
					text += 2;
				}
				else if (*text != '\0')
					text++;
			} while (depth > 0 && *text != '\0');
		}
		else
			return text;
	}
}

/* Does a source start as a query does?  A relation of such a name must be quoted. */
static bool
IsQuery(const char *source)
{
	static const char *const words[] = {"select", "with", "values", "table"};
	const char *word = SkipToFirstWord(source);

	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		length = strlen(words[i]);
		unsigned char next;

		if (pg_strncasecmp(word, words[i], length) != 0)
			continue;
		next = (unsigned char) word[length];
		if (!isalnum(next) && next != '_' && next != '$' && !IS_HIGHBIT_SET(next))
			return true;
	}
	return false;
}

/* A position in the error is one in the source: show it there, not in the user's statement. */
static void
ParseErrorCallback(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

/* Parse a source on its own; the one statement it must be. */
static RawStmt *
ParseQuery(const char *source)
{
	ErrorContextCallback callback;
	List	   *statements;

	callback.callback = ParseErrorCallback;
	callback.arg = unconstify(char *, source);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	statements = pg_parse_query(source);
	error_context_stack = callback.previous;

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("source must be a single query"),
				 errdetail("It has %d statements.", list_length(statements)),
				 errhint("Give one query that starts with SELECT, WITH, VALUES or TABLE.")));
	return linitial_node(RawStmt, statements);
}

/* The error for a query that would do more than read: what does, and what to write instead. */
static void
RejectWriting(const char *what, const char *instead)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("source is a query that writes"),
			 errdetail("It contains %s.", what),
			 errhint("%s", instead)));
}

/*
 * Reject what writes in a statement: anything but SELECT, SELECT INTO, and WITH that modifies
 * data.  WITH can do so only at the top; PostgreSQL itself rejects it further down.
 */
static void
CheckQueryReads(Node *statement)
{
	const char *run_first = "Run that statement first, then give a query that only reads.";
	SelectStmt *select;
	ListCell   *cell;

	if (!IsA(statement, SelectStmt))
		RejectWriting("a statement other than SELECT", run_first);
	select = (SelectStmt *) statement;
	if (select->withClause != NULL)
	{
		foreach(cell, select->withClause->ctes)
		{
			CommonTableExpr *cte = lfirst_node(CommonTableExpr, cell);

			if (!IsA(cte->ctequery, SelectStmt))
				RejectWriting("a WITH clause that modifies data", run_first);
		}
	}

	/* INTO belongs to the first SELECT of a UNION */
	while (select->larg != NULL)
		select = select->larg;
	if (select->intoClause != NULL)
		RejectWriting("SELECT INTO", "Leave INTO out.");
}

/* A query as an item of FROM.  The end of line ends a comment that the query may end with. */
static void
ResolveQuery(CsRelation *rel)
{
	RawStmt    *raw = ParseQuery(rel->source);
	const char *text = rel->source + raw->stmt_location;
	int			length = raw->stmt_len > 0 ? raw->stmt_len : (int) strlen(text);

	CheckQueryReads(raw->stmt);
	rel->relid = InvalidOid;
	rel->from_item = psprintf("(%.*s\n) AS source", length, text);
	rel->description = pstrdup("the query");
}

/* The error for a source that is neither a name nor a query. */
static void
RejectName(const char *source)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_NAME),
			 errmsg("invalid source \"%s\"", source),
			 errhint("Write the name of a table or view, such as customers or crm.\"Customers\", "
					 "or a query that starts with SELECT, WITH, VALUES or TABLE.")));
}

/* Part after part of a name that stands as it is, without quotes and blanks, in "text". */
static List *
PartsAsWritten(const char *text, const List *names)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		int			length = (int) strlen(strVal(lfirst(cell)));

		result = lappend(result, makeString(pnstrdup(text, length)));
		text += length + 1;
	}
	return result;
}

/*
 * The error for a name that no relation has, "names" as it was read from the text "written".  When a
 * relation is called so but for capital letters, it says so; otherwise it gives the hint.
 */
void
CsReportMissingRelation(const char *written, List *names, const char *hint)
{
	char	   *name = NameListToString(names);
	bool		folded = strcmp(name, written) != 0 && pg_strcasecmp(name, written) == 0;
	List	   *others = NIL;
	ListCell   *cell;
	bool		exists;

	if (folded)
		others = PartsAsWritten(written, names);
	else
		foreach(cell, names)
			others = lappend(others, makeString(downcase_identifier(strVal(lfirst(cell)),
																	(int) strlen(strVal(lfirst(cell))), false, false)));
	exists = !equal(names, others) &&
		OidIsValid(RangeVarGetRelid(makeRangeVarFromNameList(others), NoLock, true));
	if (folded && !exists)
		hint = "Write a name that has capital letters in double quotes, such as crm.\"Customers\".";
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation \"%s\" does not exist", name),
			 !exists ? 0 : folded ?
			 errdetail("There is a relation \"%s\", but a name without double quotes is read in lower case.",
					   NameListToString(others)) :
			 errdetail("There is a relation \"%s\", but a name in double quotes is read as it is written.",
					   NameListToString(others)),
			 exists ? errhint("Write %s.", NameListToQuotedString(others)) : errhint("%s", hint)));
}

/* The Oid of a relation by its possibly qualified, possibly quoted name; locks it. */
static Oid
LookUpName(const char *source)
{
	List	   *parts;
	List	   *names = NIL;
	ListCell   *cell;
	Oid			relid;

	if (!SplitIdentifierString(pstrdup(source), '.', &parts) || parts == NIL ||
		list_length(parts) > 3)
		RejectName(source);
	foreach(cell, parts)
		names = lappend(names, makeString(lfirst(cell)));

	relid = RangeVarGetRelid(makeRangeVarFromNameList(names), AccessShareLock, true);
	if (!OidIsValid(relid))
		CsReportMissingRelation(source, names,
								"Name a table or view, with its schema if that is not in search_path, "
								"or write a query that starts with SELECT, WITH, VALUES or TABLE.");
	return relid;
}

/* A relation, by name, as an item of FROM. */
static void
ResolveName(CsRelation *rel)
{
	char	   *name;

	rel->relid = LookUpName(rel->source);
	name = get_rel_name(rel->relid);
	switch (get_rel_relkind(rel->relid))
	{
		case RELKIND_RELATION:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot read rows from relation \"%s\"", name),
					 errdetail_relkind_not_supported(get_rel_relkind(rel->relid)),
					 errhint("Name a table, view, materialized view or foreign table.")));
	}
	rel->from_item = quote_qualified_identifier(get_namespace_name(get_rel_namespace(rel->relid)),
												name);
	rel->description = psprintf("relation \"%s\"", name);
}

/* True when a query tree locks rows, at any depth and behind any view. */
static bool
LocksRows(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->rowMarks != NIL)
			return true;
		return query_tree_walker(query, LocksRows, context, 0);
	}
	return expression_tree_walker(node, LocksRows, context);
}

/*
 * Analyse the source and describe its row, in the context of the caller.  What it calls may run
 * in parallel mode unless a function, at any depth and behind any view or policy, is marked
 * parallel unsafe: the rule that the planner has for the leader of a parallel query.
 */
static TupleDesc
AnalyseSource(CsRelation *rel)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	char	   *sql = psprintf("SELECT * FROM %s", rel->from_item);
	SPIPlanPtr	plan;
	CachedPlanSource *plan_source;
	ListCell   *cell;
	TupleDesc	desc;

	SPI_connect();
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare a source: %s", SPI_result_code_string(SPI_result));
	plan_source = linitial(SPI_plan_get_plan_sources(plan));
	rel->parallel_safe = true;
	foreach(cell, plan_source->query_list)
	{
		if (LocksRows(lfirst(cell), NULL))
			RejectWriting("a locking clause such as FOR UPDATE",
						  "Leave the clause out; a view that has it cannot be a source.");
		if (max_parallel_hazard(lfirst_node(Query, cell)) == PROPARALLEL_UNSAFE)
			rel->parallel_safe = false;
	}
	spi = MemoryContextSwitchTo(caller);
	desc = CreateTupleDescCopy(plan_source->resultDesc);
	MemoryContextSwitchTo(spi);
	SPI_finish();

	pfree(sql);
	return desc;
}

/* Column names can repeat in a query only; then it is not clear which one is meant. */
static void
CheckDuplicateColumns(const CsRelation *rel)
{
	for (int i = 1; i < rel->ncolumns; i++)
	{
		const char *name = NameStr(rel->columns[i].name);

		if (CsRelationFind(rel, name) != &rel->columns[i])
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" appears more than once in %s", name,
							rel->description),
					 errhint("Give each column a name of its own with AS.")));
	}
}

/* Resolve a source, which says as whom it is read, and describe its columns. */
static void
Resolve(CsRelation *rel)
{
	CsReading	reading = CsReadingBegin(rel);
	TupleDesc	desc;

	if (IsQuery(rel->source))
		ResolveQuery(rel);
	else
		ResolveName(rel);
	desc = AnalyseSource(rel);
	CsReadingEnd(&reading);

	rel->ncolumns = desc->natts;
	rel->columns = palloc0(Max(rel->ncolumns, 1) * sizeof(CsColumn));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		CsColumn   *column = &rel->columns[i];

		namestrcpy(&column->name, NameStr(attribute->attname));
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->collation = attribute->attcollation;
		column->attnum = i + 1;
		CsConverterInit(&column->converter, column->type);
		column->vector = CsVectorColumnMake(column);
	}
	FreeTupleDesc(desc);
	CheckDuplicateColumns(rel);
}

/*
 * Resolve a source that the caller names, which is the name of a relation or a query starting with
 * SELECT, WITH, VALUES or TABLE, and describe its columns; palloc'd in CurrentMemoryContext.  Errors:
 * no such relation, a relation that cannot be read, several statements, a query that writes.
 */
CsRelation *
CsRelationOpen(const char *source)
{
	return CsRelationOpenStored(source, NULL, InvalidOid);
}

/*
 * Likewise a source that a model keeps.  It is read as "reader" in a security-restricted operation, or
 * as the caller when that is InvalidOid, and its names are looked for in "search_path".
 */
CsRelation *
CsRelationOpenStored(const char *source, const char *search_path, Oid reader)
{
	CsRelation *rel = palloc0(sizeof(CsRelation));

	rel->source = pstrdup(source);
	rel->search_path = search_path == NULL ? NULL : pstrdup(search_path);
	rel->reader = reader;
	Resolve(rel);
	/* by its full name: the search_path of who reads it later may be another */
	rel->kept = OidIsValid(rel->relid) ? rel->from_item : rel->source;
	return rel;
}

/* A query over a source, to be read as it is: with the same rights, and names found where its are; palloc'd. */
CsRelation *
CsRelationQuery(const CsRelation *source, const char *sql)
{
	CsRelation *query = CsRelationOpenStored(sql, source->search_path, source->reader);

	query->about = source->about == NULL ? source : source->about;
	query->may_fetch = source->may_fetch;
	return query;
}

/* CsRelationExecute() while what is fetched is counted. */
static void
Execute(const CsRelation *rel, const char *sql, uint64 most, DestReceiver *receiver)
{
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	CsReading	reading = CsReadingBegin(rel);
	int			code;

	CsSetForNow("synchronize_seqscans", "off");
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare a source: %s", SPI_result_code_string(SPI_result));
	if (most == 0)
		CsFetchCheck(rel, plan);
	options.read_only = true;
	options.must_return_tuples = true;
	options.tcount = most;
	options.dest = receiver;
	code = SPI_execute_plan_extended(plan, &options);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not read a source: %s", SPI_result_code_string(code));
	CsReadingEnd(&reading);
}

/*
 * Run a statement that reads a source, as whom reading.c says and inside SPI.  "most" of its rows, or
 * all of them for 0, go to the receiver, or to SPI_tuptable when there is none.
 *
 * Synchronised scans are off, for they would start wherever another session's scan happens to be,
 * and the plan is not parallel, for workers deliver rows as they come: so the rows come in the same
 * order every time.  What other servers can add up, they do.  All rows are an error where more of them would be fetched from
 * other servers than fit into memory, as the planner expects or as it turns out.
 */
void
CsRelationExecute(const CsRelation *rel, const char *sql, uint64 most, DestReceiver *receiver)
{
	CsFetchGuard guard;

	CsFetchBegin(&guard, rel);
	PG_TRY();
	{
		Execute(rel, sql, most, receiver);
	}
	PG_FINALLY();
	{
		CsFetchEnd(&guard);
	}
	PG_END_TRY();
}

/*
 * The rows to come must be of the types that the sink expects.  Locks keep relations as they
 * were, but not a function that a query calls.
 */
static void
StartReceiver(DestReceiver *self, int operation, TupleDesc desc)
{
	const CsSelectList *list = ((SinkReceiver *) self)->list;

	for (int i = 0; i < list->ncolumns; i++)
	{
		const CsColumn *column = &list->columns[i];

		if (desc->natts != list->nread ||
			TupleDescAttr(desc, list->read[i])->atttypid != CsSelectListType(column))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("type of column \"%s\" changed while it was read",
							NameStr(column->name)),
					 errhint("Run the command again.")));
	}
}

/* One row to the sink. */
static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	SinkReceiver *receiver = (SinkReceiver *) self;
	const Datum *values;
	const bool *nulls;
	MemoryContext save;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	values = slot->tts_values;
	nulls = slot->tts_isnull;
	MemoryContextReset(receiver->row_context);
	save = MemoryContextSwitchTo(receiver->row_context);
	CsSelectListExpand(receiver->list, &values, &nulls);
	receiver->sink(receiver->state, values, nulls);
	MemoryContextSwitchTo(save);
	receiver->nrows++;
	return true;
}

/* Shutdown and destroy: what the receiver holds goes with SPI's memory. */
static void
EndReceiver(DestReceiver *self)
{
}

/*
 * Stream the given columns of every row through "sink", as a read-only query under the caller's
 * snapshot.  Returns the number of rows.
 *
 * values[i] and nulls[i] belong to columns[i] and are valid during the call only.  The sink runs in
 * a context that is reset after each row: what is to last must be allocated elsewhere.
 * Synchronised scans are off, and the plan is never a parallel one, because workers would deliver
 * the rows in an order that changes from run to run.  CHECK_FOR_INTERRUPTS() is called here.
 */
int64
CsRelationRead(const CsRelation *rel, const CsColumn *columns, int ncolumns,
			   CsRowSink sink, void *state)
{
	SinkReceiver receiver = {{0}};

	Assert(ActiveSnapshotSet());

	SPI_connect();
	receiver.pub.receiveSlot = ReceiveRow;
	receiver.pub.rStartup = StartReceiver;
	receiver.pub.rShutdown = EndReceiver;
	receiver.pub.rDestroy = EndReceiver;
	receiver.pub.mydest = DestTuplestore;	/* with DestNone, SPI would not call this a SELECT */
	receiver.sink = sink;
	receiver.state = state;
	receiver.list = CsSelectListMake(columns, ncolumns);
	receiver.row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg row",
												 ALLOCSET_SMALL_SIZES);
	CsRelationExecute(rel, CsSelectListStatement(receiver.list, rel), 0, (DestReceiver *) &receiver);
	SPI_finish();
	return receiver.nrows;
}

/* What follows FROM where the rows are to be called "source"; palloc'd or the relation's. */
char *
CsRelationAsSource(const CsRelation *rel)
{
	return OidIsValid(rel->relid) && rel->from_item == rel->kept ? psprintf("%s AS source", rel->from_item) :
		rel->from_item;
}

/* Rows that the statistics say a relation holds itself, or -1. */
static double
StoredRows(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows = -1;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return rows;
}

/* Rows that ANALYZE has told of a relation, with those of children; -1 where it has not, as of a query. */
double
CsRelationAnalyzedRows(const CsRelation *rel)
{
	double		total = 0;
	ListCell   *cell;

	if (!OidIsValid(rel->relid))
		return -1;
	foreach(cell, find_all_inheritors(rel->relid, NoLock, NULL))
	{
		double		rows;

		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_PARTITIONED_TABLE)
			continue;			/* its rows are in its partitions */
		rows = StoredRows(lfirst_oid(cell));
		if (rows < 0)
			return -1;
		total += rows;
	}
	return total;
}

/* An error when the schema that a relation would be made in has one of its name. */
void
CsRelationRequireNew(List *names)
{
	RangeVar   *range = makeRangeVarFromNameList(names);

	if (OidIsValid(get_relname_relid(range->relname, RangeVarGetCreationNamespace(range))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", NameListToString(names)),
				 errhint("Choose another name, or drop the relation first.")));
}
