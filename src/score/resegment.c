/*
 * resegment.c
 *	  A table's segment column brought up to date: CALL resegment().
 *
 * resegment() is for a table of which few customers have moved: rewriting them all, as an UPDATE
 * with predict() does, would cost many times what finding the movers does.  All rows, or the rows of a
 * batch (batch_key.c), are read, judged and written in rounds (rounds.c).  A batch is committed before the
 * next one begins.  A table whose rows Citus keeps is another case (resegment_citus.c).
 *
 * What moved from where to where, and how many stayed, is recorded in custseg.migration (moves.c).
 */
#include "custseg.h"

#include "access/relation.h"
#include "call/call.h"
#include "catalog/engine.h"
#include "catalog/namespace.h"
#include "catalog/tables.h"
#include "executor/spi.h"
#include "parser/parser.h"
#include "score/resegment.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(custseg_resegment);

/*
 * Open a table whose rows are written, with a lock; an error unless it is one.  "elsewhere" says what to do when it
 * is a foreign table.
 */
Relation
CsTableOpen(text *name, LOCKMODE mode, const char *elsewhere)
{
	List	   *names = textToQualifiedNameList(name);
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(names), mode, true);
	Relation	rel;
	char		kind;

	if (!OidIsValid(relid))
		CsReportMissingRelation(text_to_cstring(name), names,
								"Name a table, with its schema if that is not in search_path.");
	rel = relation_open(relid, NoLock);
	kind = rel->rd_rel->relkind;
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 kind == RELKIND_FOREIGN_TABLE ?
				 errhint("%s", elsewhere) :
				 errhint("Name the table that its rows are stored in.")));
	return rel;
}

/* Commit what there is and begin a transaction; the active snapshot is replaced. */
static void
CommitBatch(void)
{
	PopActiveSnapshot();
	SPI_commit();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Place all rows, batch after batch, each committed and recorded. */
static void
RunBatches(CsResegment *request, Relation rel)
{
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext inner = AllocSetContextCreate(outer, "custseg resegment", ALLOCSET_DEFAULT_SIZES);
	char	   *next;

	for (;;)
	{
		MemoryContextSwitchTo(inner);
		next = CsResegmentBatch(request, rel);
		CsMovesRecord(request->moves, next == NULL);
		relation_close(rel, NoLock);
		MemoryContextSwitchTo(outer);
		if (request->after != NULL)
			pfree(request->after);
		request->after = next == NULL ? NULL : pstrdup(next);
		MemoryContextReset(inner);
		if (next == NULL)
			break;
		CommitBatch();
		rel = relation_open(request->table, RowExclusiveLock);
	}
	MemoryContextDelete(inner);
}

/* Place all rows of a table that Citus keeps, and record it. */
static void
RunOnCitus(CsResegment *request, Relation rel)
{
	CsResegmentCitus(request, rel);
	CsMovesRecord(request->moves, true);
	relation_close(rel, NoLock);
}

/* An error unless the text is a condition, and not one that goes on as something else. */
static void
CheckCondition(const char *condition)
{
	List	   *statements = raw_parser(psprintf("SELECT WHERE %s\n", condition), RAW_PARSE_DEFAULT);
	SelectStmt *select = list_length(statements) != 1 ? NULL :
		(SelectStmt *) linitial_node(RawStmt, statements)->stmt;

	if (select == NULL || !IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		select->groupClause != NIL || select->havingClause != NULL || select->windowClause != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"where\" is not a condition: %s", condition),
				 errhint("Write what could follow WHERE, such as \"where\" => 'segment IS NULL'.")));
}

/* Add the segment column to a table, as the caller, unless it is there; returns the table as it is then. */
static Relation
CreateColumn(Relation rel, const char *table, const char *column)
{
	Oid			relid = RelationGetRelid(rel);

	if (get_attnum(relid, column) != InvalidAttrNumber)
		return rel;
	/* nobody may have it open */
	relation_close(rel, NoLock);
	SPI_connect();
	if (SPI_execute(psprintf("ALTER TABLE %s ADD COLUMN %s pg_catalog.int4", table,
							 quote_identifier(column)), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not add a column");
	SPI_finish();
	return relation_open(relid, NoLock);
}

/* The arguments; the INOUT parameters are the result. */
enum
{
	ARG_MODEL, ARG_TABLE, ARG_COLUMN, ARG_BATCH, ARG_WHERE, ARG_CREATE, ARG_KEEP_DAYS, ARG_VALUE, ARG_VERSION
};

/* A number from 1 to "most", 0 for NULL. */
static int
CountArgument(FunctionCallInfo fcinfo, int argument, const char *name, int most)
{
	int			value = CsIntArgument(fcinfo, argument, 0);

	if (!PG_ARGISNULL(argument) && (value < 1 || value > most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 most == PG_INT32_MAX ?
				 errmsg("\"%s\" must be 1 or more, not %d", name, value) :
				 errmsg("\"%s\" must be between 1 and %d, not %d", name, most, value),
				 errhint("Leave it out for none.")));
	return value;
}

/* Begin to count the moves of a table's customers; an error unless the column of values has numbers. */
static void
BeginMoves(CsResegment *request, Relation rel)
{
	AttrNumber	number;

	request->moves = CsMovesBegin(request->model, request->version,
								  quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
															 RelationGetRelationName(rel)));
	request->moves->condition = request->condition;
	request->moves->value = request->value;
	if (request->value == NULL)
		return;
	number = get_attnum(RelationGetRelid(rel), request->value);
	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" lacks column \"%s\"", RelationGetRelationName(rel), request->value),
				 errhint("Name the column whose sums are to be recorded with the moves, such as what a customer spent.")));
	CsConverterInit(&request->moves->converter, TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid);
	if (request->moves->converter.kind != CS_NUMERIC)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s is not numeric", request->value,
						format_type_be(TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid)),
				 errhint("Name a column of numbers, whose sums are to be recorded with the moves.")));
}

/* Error for a model within a segment of another, which would place those who are in no segment of it, too. */
static void
RejectWithin(const char *model)
{
	const CsWithin *within = CsWithinOf(model);
	const char *root = model;

	if (within == NULL)
		return;
	for (const CsWithin *w = within; w != NULL; w = CsWithinOf(w->parent))
		root = w->parent;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("model \"%s\" is within segment %d of model \"%s\"", model, within->segment, within->parent),
			 errhint("Write the paths of customers to a column of type text: CALL custseg.resegment(%s, ..., 'path');",
					 quote_literal_cstr(root))));
}

/* Check and keep the arguments. */
static CsResegment
ReadArguments(FunctionCallInfo fcinfo)
{
	CsResegment request = {0};

	request.model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	request.column = CsRequiredText(fcinfo, ARG_COLUMN, "column");
	CsCheckColumnName(request.column);
	CsRequireWritable("custseg.resegment()");
	CsRequireArgument(fcinfo, ARG_TABLE, "table");
	request.version = CsVersionArgument(fcinfo, ARG_VERSION);
	request.names_version = request.version != 0;
	request.batch = CountArgument(fcinfo, ARG_BATCH, "batch", PG_INT32_MAX);
	request.keep_days = CountArgument(fcinfo, ARG_KEEP_DAYS, "keep_days", CS_MAX_KEEP_DAYS);
	request.value = CsTextArgument(fcinfo, ARG_VALUE);
	request.condition = CsTextArgument(fcinfo, ARG_WHERE);
	if (request.condition != NULL)
		CheckCondition(request.condition);
	if (request.batch > 0 && castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("batches cannot be committed within a transaction block or a function"),
				 errhint("CALL custseg.resegment() outside of them, or leave \"batch\" out.")));
	if (request.keep_days > 0)
	{
		CsModelCheckName(request.model);
		CsModelCheckOwner(request.model);
	}
	return request;
}

/*
 * resegment(model, table, column, batch, where, create_column, keep_days, value, version,
 * INOUT rows_changed, INOUT rows_total).  All batches have the version that is deployed when the first one begins.
 */
Datum
custseg_resegment(PG_FUNCTION_ARGS)
{
	CsResegment request = ReadArguments(fcinfo);
	Relation	rel;

	CsModelRequireUnchanged(request.model);
	SPI_connect_ext(request.batch > 0 ? SPI_OPT_NONATOMIC : 0);
	PushActiveSnapshot(GetTransactionSnapshot());
	request.version = CsCacheGet(request.model, request.version)->version;
	RejectWithin(request.model);
	rel = CsTableOpen(PG_GETARG_TEXT_PP(ARG_TABLE), RowExclusiveLock,
					  "Run resegment where the foreign table's rows are stored.");
	request.table = RelationGetRelid(rel);
	BeginMoves(&request, rel);
	if (CsBoolArgument(fcinfo, ARG_CREATE, false))
		rel = CreateColumn(rel, request.moves->source, request.column);
	if (CsIsCitusTable(request.table))
		RunOnCitus(&request, rel);
	else
		RunBatches(&request, rel);
	if (request.keep_days > 0)
		CsMovesForget(request.model, request.keep_days);
	PopActiveSnapshot();
	SPI_finish();
	if (request.n_by_hand > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld customer has the segment of an override, or no segment because of an exclusion",
							   "%lld customers have the segment of an override, or no segment because of an exclusion",
							   request.n_by_hand, (long long) request.n_by_hand),
				 errhint("SELECT * FROM custseg.overrides lists the decisions.")));
	PG_RETURN_DATUM(CsResultRow(fcinfo, CsValues(CsValueInt8(request.rows_changed),
												 CsValueInt8(request.rows_total))));
}
