/*
 * frequencies.c
 *	  How often each value of a column occurs: frequencies() of a column of any type.
 *
 * The executor counts, on disk where there are more values than work_mem has room for, and the answer is written as it
 * comes.  Values of rows on other servers are counted there; what these send is held to maintenance_work_mem.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "explore/explore.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* The second argument. */
enum
{
	ARG_COLUMN = LOOK_SOURCE + 1
};

PG_FUNCTION_INFO_V1(custseg_frequencies);

/* Can the values of a column be sorted? */
static bool
Sorts(const CsColumn *column)
{
	return OidIsValid(lookup_type_cache(column->type, TYPECACHE_LT_OPR)->lt_opr);
}

/*
 * A query of the values of a column and how many rows have each: of all rows, or of those of each piece, added up.  The
 * executor groups, so that values are told apart as their type and collation do it; a type that cannot be sorted is by
 * its text.  palloc'd.
 */
static char *
CountsQuery(const CsRelation *rel, const CsColumn *column, const CsPieces *pieces)
{
	const char *level = psprintf("%s%s", quote_identifier(NameStr(column->name)), Sorts(column) ? "" : "::pg_catalog.text");

	if (pieces == NULL)
		return psprintf("SELECT t.level, pg_catalog.count(*) AS n FROM (SELECT source.%s AS level FROM %s%s) AS t GROUP BY t.level",
						level, rel->from_item, OidIsValid(rel->relid) ? " AS source" : "");
	return psprintf("SELECT piece.level, pg_catalog.sum(custseg_private.rows_counted(piece.n))::pg_catalog.int8 AS n FROM (%s) AS piece GROUP BY piece.level",
					CsPiecesUnion(pieces, psprintf("t.%s AS level, pg_catalog.count(*) AS n", level),
								  psprintf("GROUP BY t.%s", level)));
}

/* The query that counts the values of a column, most rows first; palloc'd. */
static char *
FrequenciesQuery(const CsRelation *rel, const CsColumn *column, const CsPieces *pieces)
{
	StringInfoData query;
	bool		is_text = !Sorts(column) || type_is_collatable(column->type);
	const char *ties = !is_text ? "g.level" : "g.level COLLATE \"C\"";

	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT g.level, g.n, g.n::pg_catalog.float8 OPERATOR(pg_catalog./) pg_catalog.sum(g.n) OVER ()::pg_catalog.float8,"
					 " pg_catalog.sum(g.n) OVER (ORDER BY g.n DESC, %s ROWS UNBOUNDED PRECEDING)::pg_catalog.float8"
					 " OPERATOR(pg_catalog./) pg_catalog.sum(g.n) OVER ()::pg_catalog.float8"
					 " FROM (%s) AS g ORDER BY g.n DESC, %s",
					 ties, CountsQuery(rel, column, pieces), ties);
	return query.data;
}

/* The rows of the answer as they come. */
typedef struct LevelReceiver
{
	DestReceiver pub;
	CsResult   *result;
	CsConverter converter;		/* of the values */
	FmgrInfo	output;
	Size		held;			/* bytes of values that other servers have sent */
	bool		is_held;		/* these are to fit into maintenance_work_mem */
	MemoryContext row;			/* what one row needs */
	MemoryContext context;		/* of all of them */
} LevelReceiver;

/* DestReceiver.rStartup: how values become text. */
static void
StartLevels(DestReceiver *self, int operation, TupleDesc desc)
{
	LevelReceiver *r = (LevelReceiver *) self;
	Oid			type = TupleDescAttr(desc, 0)->atttypid;
	Oid			function;
	bool		is_varlena;

	CsConverterInit(&r->converter, type);
	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info_cxt(function, &r->output, r->context);
}

/* The text of a value as a column of a result, and how many bytes it has; palloc'd. */
static CsValue
LevelValue(LevelReceiver *r, Datum value, bool isnull, int *length)
{
	const char *text;
	void	   *copy;

	*length = 0;
	if (isnull)
		return CsValueNull(TEXTOID);
	text = CsColumnText(&r->converter, &r->output, value, length, &copy);
	return CsValueOf(TEXTOID, PointerGetDatum(cstring_to_text_with_len(text, *length)), false);
}

/* DestReceiver.receiveSlot: put a row of the answer. */
static bool
ReceiveLevel(TupleTableSlot *slot, DestReceiver *self)
{
	LevelReceiver *r = (LevelReceiver *) self;
	MemoryContext old;
	CsValue		row[4];
	int			length;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	MemoryContextReset(r->row);
	old = MemoryContextSwitchTo(r->row);
	row[0] = LevelValue(r, slot->tts_values[0], slot->tts_isnull[0], &length);
	row[1] = CsValueOf(INT8OID, slot->tts_values[1], slot->tts_isnull[1]);
	for (int i = 2; i < lengthof(row); i++)
		row[i] = CsValueOf(FLOAT8OID, slot->tts_values[i], slot->tts_isnull[i]);
	r->held += sizeof(int64) + length;
	if (r->is_held && r->held > CsMemoryLimit())
		CsHeldExceeded(&CsHeldValues, r->held);
	CsResultPut(r->result, row, lengthof(row));
	MemoryContextSwitchTo(old);
	return true;
}

/* DestReceiver.rShutdown and rDestroy: nothing is held. */
static void
EndLevels(DestReceiver *self)
{
}

/* Have other servers count the values that have the rows, inside SPI; false where the rows are here, or to be read. */
static bool
CountElsewhere(const CsRelation *rel, const CsColumn *column, LevelReceiver *receiver)
{
	CsPieces   *pieces = CsPiecesElsewhere(rel);
	const char *query = pieces == NULL ? NULL : FrequenciesQuery(rel, column, pieces);

	if (query == NULL || !CsPiecesReduce(pieces, query))
		return false;
	pieces->held = &CsHeldValues;
	receiver->is_held = true;
	CsPiecesRead(pieces, query, NULL, &receiver->pub);
	return true;
}

/* Count the values of rows that are here, or are fetched as other sources are, inside SPI. */
static void
CountHere(const CsRelation *rel, const CsColumn *column, LevelReceiver *receiver)
{
	const char *query = FrequenciesQuery(rel, column, NULL);
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 0, NULL, CURSOR_OPT_PARALLEL_OK);
	SPIExecuteOptions options = {.read_only = true,.dest = &receiver->pub};

	if (plan == NULL)
		elog(ERROR, "could not plan to count the levels of column \"%s\"", NameStr(column->name));
	if (OidIsValid(CsFetchedBy(plan).relid))
		CsRelationExecute(rel, query, 0, &receiver->pub);
	else if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not count the levels of column \"%s\"", NameStr(column->name));
}

/* frequencies(source, column) */
Datum
custseg_frequencies(PG_FUNCTION_ARGS)
{
	LevelReceiver receiver = {
		.pub = {
			.receiveSlot = ReceiveLevel,.rStartup = StartLevels,.rShutdown = EndLevels,.rDestroy = EndLevels,
			.mydest = DestTuplestore	/* with DestNone, SPI would not call this a SELECT */
		},
		.result = CsResultOpen(fcinfo),
		.row = AllocSetContextCreate(CurrentMemoryContext, "custseg row", ALLOCSET_SMALL_SIZES),
		.context = CurrentMemoryContext
	};
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source"));
	const CsColumn *column = CsRelationColumn(rel, CsRequiredText(fcinfo, ARG_COLUMN, "column"));

	SPI_connect();
	if (!CountElsewhere(rel, column, &receiver))
		CountHere(rel, column, &receiver);
	SPI_finish();
	MemoryContextDelete(receiver.row);
	return (Datum) 0;
}
