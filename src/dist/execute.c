/*
 * execute.c
 *	  A pass run as one SQL statement.
 *
 * The statement reads the source as whoever reads it (data/reading.c), under the caller's snapshot, in
 * parallel where PostgreSQL sees fit: the sums are exact, so that the order of the rows does not matter.
 * Its plan is looked at before it runs: where another server would send its rows rather than a state, an
 * error says so.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* Bytes that the states of a pass may have together. */
#define MOST_STATES (1024.0 * CS_MEGABYTE)

/* Raise an error where a prepared statement would fetch rows from another server, rather than states. */
static void
CheckPlan(const CsPieces *pieces, SPIPlanPtr plan)
{
	CsFetched	fetched = CsFetchedBy(plan);
	ForeignServer *server;

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

/* CsPiecesRead() while aggregates are handed on. */
static void
RunStatement(const CsPieces *pieces, const char *sql, const bytea *plan, DestReceiver *receiver)
{
	CsReading	reading = CsReadingBegin(pieces->relation);
	SPIExecuteOptions options = {.read_only = true,.must_return_tuples = true,.dest = receiver};
	Oid			type = BYTEAOID;
	SPIPlanPtr	prepared = SPI_prepare_cursor(sql, plan != NULL ? 1 : 0, &type, CURSOR_OPT_PARALLEL_OK);
	int			code;

	if (prepared == NULL)
		elog(ERROR, "could not prepare a pass: %s", SPI_result_code_string(SPI_result));
	CheckPlan(pieces, prepared);
	if (plan != NULL)
	{
		options.params = makeParamList(1);
		options.params->params[0] = (ParamExternData) {PointerGetDatum(plan), false, PARAM_FLAG_CONST, BYTEAOID};
	}
	code = SPI_execute_plan_extended(prepared, &options);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not run a pass: %s", SPI_result_code_string(code));
	CsReadingEnd(&reading);
}

/*
 * Run a statement that reads pieces, inside SPI and as whom the source is read; $1 is the plan of a pass, if there is
 * one.  Its rows go to the receiver, or to SPI_tuptable when there is none.
 */
void
CsPiecesRead(const CsPieces *pieces, const char *sql, const bytea *plan, DestReceiver *receiver)
{
	CsFetchGuard guard;

	CsFetchBegin(&guard, pieces->relation);
	guard.held = pieces->held;
	PG_TRY();
	{
		RunStatement(pieces, sql, plan, receiver);
	}
	PG_FINALLY();
	{
		CsFetchEnd(&guard);
	}
	PG_END_TRY();
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

/*
 * An error when the states of all pieces together are more than anybody wants to send in a pass.  What the states
 * share counts once.
 */
static void
CheckStates(const CsPieces *pieces, const CsTally *pass)
{
	Size		size = pass->size - pass->shared;
	double		bytes = (double) size * pieces->nstates + (double) pass->shared;

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
	Datum		value;
	bool		isnull;

	CheckStates(pieces, run.pass);
	SPI_connect();
	CsPiecesRead(pieces, PassStatement(pieces, columns), bytes, NULL);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
	{
		/* a copy, for in a tuple it need not be aligned */
		CsPackedState *packed = (CsPackedState *) DatumGetByteaPCopy(value);
		MemoryContext old = MemoryContextSwitchTo(context);

		SPI_freetuptable(SPI_tuptable);
		run.state = CsTallyStateUnpack(packed);
		MemoryContextSwitchTo(old);
		pfree(packed);
	}
	SPI_finish();
	pfree(bytes);
	if (run.state == NULL)
		run.state = CsTallyStart(run.pass);
	if (!CsTallyIsOf(run.pass, run.state))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid state of a pass"),
				 errhint("All servers must have the same version of custseg.")));
	return run;
}
