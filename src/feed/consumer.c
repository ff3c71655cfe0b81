/*
 * consumer.c
 *	  Those who act on changes: each has a name, a role that reads, and a position up to which it has
 *	  acknowledged.  create_consumer(), drop_consumer(), changes(), acknowledge(), forget_changes().
 *
 * What a consumer reads stays until it is acknowledged, so that a crash between the two repeats changes and loses
 * none.  Reading writes nothing, and may be done on a standby.
 *
 * A consumer is the model's owner's to create and drop.  The role that it names may read the changes and
 * acknowledge them, and needs no other right, not even to use the model.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/tables.h"
#include "feed/feed.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define MOST_NAME 63

/* Changes that are read at once. */
#define READ_AT_ONCE 10000

static const char *const consumer_sql =
"SELECT c.model, c.change_position, c.reader, c.reader_oid, c.reader_cluster FROM custseg.change_consumer AS c "
"WHERE c.consumer OPERATOR(pg_catalog.=) $1";

static const char *const tracks_sql =
"SELECT f.source FROM custseg.change_feed AS f WHERE f.model OPERATOR(pg_catalog.=) $1";

/* Where a new consumer begins: before the first change that is kept, or after the last. */
static const char *const create_sql =
"INSERT INTO custseg.change_consumer (consumer, model, reader, change_position, created_at, created_by) "
"SELECT $1, $2, $3, CASE WHEN $4 THEN coalesce((SELECT pg_catalog.min(b.first_position) OPERATOR(pg_catalog.-) 1"
"  FROM custseg.change_batch AS b WHERE b.model OPERATOR(pg_catalog.=) $2), 0)"
" ELSE coalesce((SELECT pg_catalog.max(b.last_position)"
"  FROM custseg.change_batch AS b WHERE b.model OPERATOR(pg_catalog.=) $2), 0) END,"
" pg_catalog.clock_timestamp(), $5 "
"ON CONFLICT (consumer) DO NOTHING";

static const char *const drop_sql =
"DELETE FROM custseg.change_consumer AS c WHERE c.consumer OPERATOR(pg_catalog.=) $1";

static const char *const last_sql =
"SELECT pg_catalog.max(b.last_position) FROM custseg.change_batch AS b WHERE b.model OPERATOR(pg_catalog.=) $1";

static const char *const acknowledge_sql =
"UPDATE custseg.change_consumer AS c"
" SET change_position = GREATEST(c.change_position, $2), acknowledged_at = pg_catalog.clock_timestamp() "
"WHERE c.consumer OPERATOR(pg_catalog.=) $1";

/* The next changes after a position, at most so many: batch by batch. */
static const char *const changes_sql =
"SELECT b.first_position OPERATOR(pg_catalog.+) r.number OPERATOR(pg_catalog.-) 1, r.customer,"
" r.from_segment, f.name, r.to_segment, t.name, r.version, r.at, r.cause "
"FROM custseg.change_batch AS b CROSS JOIN LATERAL"
" (SELECT * FROM custseg.segment_change AS c"
"  WHERE c.model OPERATOR(pg_catalog.=) b.model AND c.transaction_number OPERATOR(pg_catalog.=) b.transaction_number"
"  AND c.number OPERATOR(pg_catalog.>) ($2 OPERATOR(pg_catalog.-) b.first_position OPERATOR(pg_catalog.+) 1)"
"  ORDER BY c.number LIMIT $3) AS r"
" LEFT JOIN custseg_private.segment_names($1) AS f ON f.segment OPERATOR(pg_catalog.=) r.from_segment"
" LEFT JOIN custseg_private.segment_names($1) AS t ON t.segment OPERATOR(pg_catalog.=) r.to_segment "
"WHERE b.model OPERATOR(pg_catalog.=) $1 AND b.last_position OPERATOR(pg_catalog.>) $2 "
"ORDER BY b.last_position, r.number LIMIT $3";

/* Changes after the position, and the oldest of them. */
static const char *const lag_sql =
"SELECT pg_catalog.count(*), pg_catalog.min(c.at) "
"FROM custseg.change_batch AS b JOIN custseg.segment_change AS c"
" ON c.model OPERATOR(pg_catalog.=) b.model AND c.transaction_number OPERATOR(pg_catalog.=) b.transaction_number"
" AND c.number OPERATOR(pg_catalog.>) ($2 OPERATOR(pg_catalog.-) b.first_position OPERATOR(pg_catalog.+) 1) "
"WHERE b.model OPERATOR(pg_catalog.=) $1 AND b.last_position OPERATOR(pg_catalog.>) $2";

PG_FUNCTION_INFO_V1(custseg_create_consumer);
PG_FUNCTION_INFO_V1(custseg_drop_consumer);
PG_FUNCTION_INFO_V1(custseg_changes);
PG_FUNCTION_INFO_V1(custseg_acknowledge);
PG_FUNCTION_INFO_V1(custseg_consumer_lag);
PG_FUNCTION_INFO_V1(custseg_forget_changes);

/* A consumer, as the tables have it. */
typedef struct Consumer
{
	const char *name;
	char	   *model;			/* NULL: there is no such consumer */
	int64		position;
	Oid			reader;			/* InvalidOid: the role is gone */
} Consumer;

/* Read a consumer, if there is one: with read_only as the statement sees it, else as it is now. */
static void
FindConsumer(Consumer *consumer, bool read_only)
{
	MemoryContext context = CurrentMemoryContext;
	CsCatalogRow row;

	SPI_connect();
	if (CsCatalogExecute(consumer_sql, CsValues(CsValueText(consumer->name)), read_only) > 0)
	{
		row = (CsCatalogRow) {SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 0};
		consumer->model = MemoryContextStrdup(context, CsRowText(&row, 1));
		consumer->position = CsRowInt8(&row, 2, 0);
		consumer->reader = CsRowRole(&row, 3);
	}
	SPI_finish();
}

/*
 * The consumer that an argument names; an error unless the caller is its reader or owns the model.  Whoever may not
 * know of it is told that there is none.
 */
static Consumer
ReadConsumer(FunctionCallInfo fcinfo, bool read_only)
{
	Consumer	consumer = {.name = CsRequiredText(fcinfo, 0, "consumer")};

	FindConsumer(&consumer, read_only);
	if (consumer.model == NULL || !((OidIsValid(consumer.reader) && has_privs_of_role(GetUserId(), consumer.reader)) ||
									CsModelIsOwned(consumer.model)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("consumer \"%s\" does not exist", consumer.name),
				 errhint("SELECT consumer FROM custseg.consumers lists those that you may read; the owner of a model creates one with custseg.create_consumer().")));
	return consumer;
}

/* The arguments of create_consumer(). */
enum
{
	CREATE_NAME, CREATE_MODEL, CREATE_READER, CREATE_FROM_START
};

/* The name of a consumer to be; an error unless it can be one. */
static char *
NameArgument(FunctionCallInfo fcinfo)
{
	char	   *name = CsRequiredText(fcinfo, CREATE_NAME, "name");

	if (name[0] == '\0' || strlen(name) > MOST_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a consumer's name must have 1 to %d bytes, not %zu", MOST_NAME, strlen(name)),
				 errhint("Name the program that reads, such as 'newsletter'.")));
	return name;
}

/* The role that is to read: the caller when it is NULL. */
static char *
ReaderArgument(FunctionCallInfo fcinfo)
{
	char	   *reader = PG_ARGISNULL(CREATE_READER) ? CsCallerName() : pstrdup(NameStr(*PG_GETARG_NAME(CREATE_READER)));

	(void) get_role_oid(reader, false);
	return reader;
}

/* create_consumer(name, model, reader, from_start): whoever reads the changes of a model, from now on or from the first that is kept */
Datum
custseg_create_consumer(PG_FUNCTION_ARGS)
{
	char	   *model = CsRequiredText(fcinfo, CREATE_MODEL, "model");
	char	   *name = NameArgument(fcinfo);
	char	   *reader = ReaderArgument(fcinfo);
	bool		is_tracked;

	CsBeginChangeOf(model, "custseg.create_consumer()");
	SPI_connect();
	is_tracked = CsCatalogExecute(tracks_sql, CsValues(CsValueText(model)), false) > 0;
	if (!is_tracked)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" tracks no changes", model),
				 errhint("Begin with SELECT custseg.track_changes(%s, 'table');", quote_literal_cstr(model))));
	if (CsCatalogExecute(create_sql, CsValues(CsValueText(name), CsValueText(model), CsValueName(reader),
											  CsValueBool(CsBoolArgument(fcinfo, CREATE_FROM_START, false)),
											  CsValueName(CsCallerName())), false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("consumer \"%s\" already exists", name),
				 errhint("Choose another name, or drop it with custseg.drop_consumer().")));
	SPI_finish();
	PG_RETURN_VOID();
}

/* drop_consumer(consumer): by the owner of the model */
Datum
custseg_drop_consumer(PG_FUNCTION_ARGS)
{
	Consumer	consumer;

	CsRequireWritable("custseg.drop_consumer()");
	consumer = ReadConsumer(fcinfo, false);
	CsBeginChangeOf(consumer.model, "custseg.drop_consumer()");
	SPI_connect();
	CsCatalogExecute(drop_sql, CsValues(CsValueText(consumer.name)), false);
	CsAuditAdd("drop_consumer", consumer.model, 0, consumer.name, -1);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The arguments of changes() and acknowledge(), after the consumer. */
enum
{
	CHANGES_N = 1
};

enum
{
	ACKNOWLEDGE_POSITION = 1
};

/* Rows of changes() that are being put into the result. */
typedef struct Reading
{
	CsResult   *result;
	const char *model;
	int64		position;		/* of the last row */
} Reading;

/* CsCatalogVisitor: a change, with the model after its position. */
static void
PutChange(void *state, const CsCatalogRow *row)
{
	Reading    *r = state;
	CsValue		found[9];
	CsValue		values[10];

	CsValuesOfTuple(row->tuple, row->desc, found);
	r->position = CsRowInt8(row, 1, 0);
	values[0] = found[0];
	values[1] = CsValueText(r->model);
	memcpy(&values[2], &found[1], sizeof(CsValue) * 8);
	CsResultPut(r->result, values, lengthof(values));
}

/* changes(consumer, n): the next changes that the consumer has not acknowledged, at most n */
Datum
custseg_changes(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Consumer	consumer = ReadConsumer(fcinfo, true);
	int			left = CsRequiredInt(fcinfo, CHANGES_N, "n");
	Reading		reading = {result, consumer.model, consumer.position};
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext portion = AllocSetContextCreate(outer, "custseg changes", ALLOCSET_DEFAULT_SIZES);

	if (left < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"n\" must be 1 or more, not %d", left),
				 errhint("Ask for as many changes as you act on before you acknowledge them.")));
	MemoryContextSwitchTo(portion);
	while (left > 0)
	{
		int			wanted = Min(left, READ_AT_ONCE);
		uint64		n = CsCatalogRead(changes_sql, CsValues(CsValueText(consumer.model), CsValueInt8(reading.position),
															CsValueInt8(wanted)), PutChange, &reading);

		left -= wanted;
		MemoryContextReset(portion);
		if (n < (uint64) wanted)
			break;
	}
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(portion);
	return (Datum) 0;
}

/* The last position of a model's feed, as it is now; 0 when there is none. */
static int64
LastPosition(const char *model)
{
	bool		isnull;
	Datum		last;

	SPI_connect();
	CsCatalogExecute(last_sql, CsValues(CsValueText(model)), false);
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	return isnull ? 0 : DatumGetInt64(last);
}

/* acknowledge(consumer, change_position): all up to that position has been acted on; an earlier one changes nothing */
Datum
custseg_acknowledge(PG_FUNCTION_ARGS)
{
	Consumer	consumer;
	int64		position;
	int64		last;

	CsRequireWritable("custseg.acknowledge()");
	consumer = ReadConsumer(fcinfo, false);
	CsRequireArgument(fcinfo, ACKNOWLEDGE_POSITION, "change_position");
	position = PG_GETARG_INT64(ACKNOWLEDGE_POSITION);
	last = Max(LastPosition(consumer.model), consumer.position);
	if (position > last)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("consumer \"%s\" cannot acknowledge position %lld: the newest change is at %lld",
						consumer.name, (long long) position, (long long) last),
				 errhint("Pass the change_position of the last row of custseg.changes() that you have acted on.")));
	SPI_connect();
	CsCatalogExecute(acknowledge_sql, CsValues(CsValueText(consumer.name), CsValueInt8(position)), false);
	SPI_finish();
	PG_RETURN_VOID();
}

/* consumer_lag(consumer): how many changes it has not acknowledged, and since when; for those who may read them */
Datum
custseg_consumer_lag(PG_FUNCTION_ARGS)
{
	Consumer	consumer = ReadConsumer(fcinfo, true);
	Datum		row;

	SPI_connect();
	CsCatalogExecute(lag_sql, CsValues(CsValueText(consumer.model), CsValueInt8(consumer.position)), true);
	row = CsFoundRow(fcinfo);
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/* The arguments of forget_changes(). */
enum
{
	FORGET_MODEL, FORGET_KEEP_DAYS
};

/* forget_changes(model, keep_days): how many changes were deleted, older ones that every consumer has acknowledged */
Datum
custseg_forget_changes(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.forget_changes()");
	int			days = CsRequiredInt(fcinfo, FORGET_KEEP_DAYS, "keep_days");
	int64		n;

	if (days < 0 || days > CS_MAX_KEEP_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"keep_days\" must be between 0 and %d, not %d", CS_MAX_KEEP_DAYS, days),
				 errhint("0 keeps only what a consumer has not acknowledged.")));
	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	SPI_connect();
	n = CsChangesForget(model, days);
	SPI_finish();
	PG_RETURN_INT64(n);
}
