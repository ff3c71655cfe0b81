/*
 * publish.c
 *	  What pages, reports and BI tools show of the segments, kept in the catalogue: publish().
 *
 * A publication reads as the caller, who owns the model, and then writes as the owner of the tables.  Its parts are rows
 * of the functions that tell them, as JSON; they are made by the function publication in custseg--1.0.sql.  What is
 * written goes with the model.
 *
 * Whoever publishes the same model at the same time waits for the lock of the model before anything is written, so that
 * publications come one after the other and their times ascend.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/tables.h"
#include "profile/profile.h"
#include "utils/builtins.h"

#define MAX_KEPT 100000

typedef struct PublishOptions
{
	int			min_group;
	int			keep;
	char	   *value;
} PublishOptions;

static const CsOption publishOptions[] = {
	{"min_group", CS_OPTION_INT, offsetof(PublishOptions, min_group), 10, 1, PG_INT32_MAX},
	{"keep", CS_OPTION_INT, offsetof(PublishOptions, keep), 36, 1, MAX_KEPT},
	{"value", CS_OPTION_TEXT, offsetof(PublishOptions, value)},
};

static const char *const parts_sql =
"SELECT p.part, p.body FROM custseg_private.publication($1, $2, $3, $4) AS p WHERE p.body IS NOT NULL";

/* Later than the last publication, whatever became of the clock. */
static const char *const now_sql =
"SELECT GREATEST(pg_catalog.clock_timestamp(), pg_catalog.max(r.published_at)"
" OPERATOR(pg_catalog.+) '1 microsecond'::interval) FROM custseg.report AS r WHERE r.model OPERATOR(pg_catalog.=) $1";

static const char *const insert_sql =
"INSERT INTO custseg.report AS r (model, version, published_at, part, body) VALUES ($1, $2, $3, $4, $5) "
"RETURNING r.part, CASE pg_catalog.jsonb_typeof(r.body) WHEN 'array' THEN pg_catalog.jsonb_array_length(r.body) ELSE 1 END::bigint,"
" pg_catalog.octet_length(r.body::pg_catalog.text)::bigint, r.published_at";

/* All but the newest ones are thinned to the last of each month, which begins and ends in UTC. */
static const char *const thin_sql =
"DELETE FROM custseg.report AS r WHERE r.model OPERATOR(pg_catalog.=) $1"
" AND r.published_at OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT o.published_at FROM ("
"SELECT d.published_at, pg_catalog.row_number() OVER (ORDER BY d.published_at DESC) AS age,"
" pg_catalog.row_number() OVER (PARTITION BY pg_catalog.date_trunc('month', d.published_at, 'UTC') ORDER BY d.published_at DESC) AS of_month"
" FROM (SELECT DISTINCT l.published_at FROM custseg.report AS l WHERE l.model OPERATOR(pg_catalog.=) $1) AS d) AS o"
" WHERE o.age OPERATOR(pg_catalog.>) $2 AND o.of_month OPERATOR(pg_catalog.>) 1))";

/* The arguments. */
enum
{
	PUBLISH_MODEL, PUBLISH_SOURCE, PUBLISH_OPTIONS, PUBLISH_VERSION
};

/* A part of a publication. */
typedef struct Part
{
	char	   *name;
	Jsonb	   *body;
} Part;

PG_FUNCTION_INFO_V1(custseg_publish);

/* The parts, read as the caller under the caller's snapshot; palloc'd in CurrentMemoryContext. */
static List *
ReadParts(const CsScorer *scorer, const char *source, const PublishOptions *options)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb	   *complete = CsOptionsToJsonb(publishOptions, lengthof(publishOptions), options);
	List	   *parts = NIL;

	SPI_connect();
	(void) CsCallerSelect(parts_sql, CsValues(CsValueText(NameStr(scorer->model)), CsValueText(source),
											  CsValueJsonb(complete), CsValueInt4(scorer->version)));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		Datum		body = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull);
		MemoryContext old = MemoryContextSwitchTo(context);
		Part	   *part = palloc(sizeof(Part));

		part->name = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1);
		part->body = DatumGetJsonbPCopy(body);
		parts = lappend(parts, part);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return parts;
}

/* The time of a publication; inside SPI. */
static CsValue
TimeOfPublication(const char *model)
{
	bool		isnull;

	(void) CsCatalogExecuteNewest(now_sql, CsValues(CsValueText(model)));
	return CsValueOf(TIMESTAMPTZOID, SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull), false);
}

/* Write the parts, a row of the result each, under the lock of the model; then thin the older publications. */
static void
WriteParts(const CsScorer *scorer, List *parts, int keep, CsResult *result)
{
	const char *model = NameStr(scorer->model);
	CsValue		at;
	ListCell   *cell;

	SPI_connect();
	CsVersionHold(model, scorer->version);
	at = TimeOfPublication(model);
	foreach(cell, parts)
	{
		const Part *part = lfirst(cell);

		CsCatalogExecute(insert_sql, CsValues(CsValueText(model), CsValueInt4(scorer->version), at,
											  CsValueText(part->name), CsValueJsonb(part->body)), false);
		CsFoundPut(result);
	}
	CsCatalogExecuteNewest(thin_sql, CsValues(CsValueText(model), CsValueInt4(keep)));
	SPI_finish();
}

/* publish(model, source, options, version): a row for each part that was published */
Datum
custseg_publish(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsRequiredText(fcinfo, PUBLISH_MODEL, "model");
	PublishOptions options;
	const CsScorer *scorer;
	List	   *parts;

	CsRequireWritable("custseg.publish()");
	CsModelCheckName(model);
	CsModelCheckOwner(model);
	CsOptionsArgument(fcinfo, PUBLISH_OPTIONS, publishOptions, lengthof(publishOptions), &options);
	CsModelRequireUnchanged(model);
	PushActiveSnapshot(GetTransactionSnapshot());
	scorer = CsCacheGet(model, CsVersionArgument(fcinfo, PUBLISH_VERSION));
	CsCachePin(scorer, CurrentMemoryContext);
	parts = ReadParts(scorer, CsTextArgument(fcinfo, PUBLISH_SOURCE), &options);
	CsModelLock(model);
	CsModelCheckOwner(model);
	WriteParts(scorer, parts, options.keep, result);
	PopActiveSnapshot();
	return (Datum) 0;
}
