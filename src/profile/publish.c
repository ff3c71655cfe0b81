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
#include "profile/publish.h"
#include "stat/stat.h"
#include "utils/lsyscache.h"

#define MAX_KEPT 100000
#define MAX_POINTS 2000

static const CsOption publishOptions[] = {
	{"min_group", CS_OPTION_INT, offsetof(CsPublishOptions, min_group), 10, 1, PG_INT32_MAX},
	{"keep", CS_OPTION_INT, offsetof(CsPublishOptions, keep), 36, 1, MAX_KEPT},
	{"value", CS_OPTION_TEXT, offsetof(CsPublishOptions, value)},
	{"sample", CS_OPTION_INT, offsetof(CsPublishOptions, sample), 20000, 0, CS_MAX_SILHOUETTE_ROWS},
	{"points", CS_OPTION_INT, offsetof(CsPublishOptions, points), MAX_POINTS, 0, MAX_POINTS},
	{"surrogate", CS_OPTION_BOOL, offsetof(CsPublishOptions, surrogate), true},
	{"fairness", CS_OPTION_TEXT, offsetof(CsPublishOptions, fairness)},
	{"changes", CS_OPTION_BOOL, offsetof(CsPublishOptions, changes), false},
	{"products", CS_OPTION_OBJECT, offsetof(CsPublishOptions, products)},
	{"journey", CS_OPTION_OBJECT, offsetof(CsPublishOptions, journey)},
	{"events", CS_OPTION_OBJECT, offsetof(CsPublishOptions, events)},
	{"audiences", CS_OPTION_LIST, offsetof(CsPublishOptions, audiences)},
	{"lookalikes", CS_OPTION_OBJECT, offsetof(CsPublishOptions, lookalikes)}
};

/* What the objects among the options name. */
typedef struct Named
{
	char	   *source,
			   *customer,
			   *product,
			   *order,
			   *time,
			   *step,
			   *within,
			   *kind,
			   *name,
			   *seeds,
			   *method;
	Jsonb	   *steps;
	int			n;
} Named;

static const CsOption productsKeys[] = {
	{"orders", CS_OPTION_TEXT, offsetof(Named, source)},
	{"customer", CS_OPTION_TEXT, offsetof(Named, customer)},
	{"product", CS_OPTION_TEXT, offsetof(Named, product)},
	{"order", CS_OPTION_TEXT, offsetof(Named, order)}
};

static const CsOption journeyKeys[] = {
	{"source", CS_OPTION_TEXT, offsetof(Named, source)},
	{"customer", CS_OPTION_TEXT, offsetof(Named, customer)},
	{"time", CS_OPTION_TEXT, offsetof(Named, time)},
	{"step", CS_OPTION_TEXT, offsetof(Named, step)},
	{"steps", CS_OPTION_LIST, offsetof(Named, steps)},
	{"within", CS_OPTION_TEXT, offsetof(Named, within)}
};

static const CsOption eventsKeys[] = {
	{"source", CS_OPTION_TEXT, offsetof(Named, source)},
	{"customer", CS_OPTION_TEXT, offsetof(Named, customer)},
	{"time", CS_OPTION_TEXT, offsetof(Named, time)},
	{"kind", CS_OPTION_TEXT, offsetof(Named, kind)}
};

static const CsOption lookalikesKeys[] = {
	{"name", CS_OPTION_TEXT, offsetof(Named, name)},
	{"seeds", CS_OPTION_TEXT, offsetof(Named, seeds)},
	{"n", CS_OPTION_INT, offsetof(Named, n), 1000, 1, PG_INT32_MAX},
	{"method", CS_OPTION_TEXT, offsetof(Named, method)}
};

static const char *const parts_sql =
"SELECT p.part, p.body, p.milliseconds, p.reason FROM custseg_private.publication($1, $2, $3, $4) AS p";

static const char *const value_sql =
"SELECT p.presentation OPERATOR(pg_catalog.->>) 'value' FROM custseg.presentation AS p"
" WHERE p.model OPERATOR(pg_catalog.=) $1 AND pg_catalog.jsonb_exists(p.presentation, 'value')";

/* Later than the last publication, whatever became of the clock. */
static const char *const now_sql =
"SELECT GREATEST(pg_catalog.clock_timestamp(), pg_catalog.max(r.published_at)"
" OPERATOR(pg_catalog.+) '1 microsecond'::interval) FROM custseg.report AS r WHERE r.model OPERATOR(pg_catalog.=) $1";

static const char *const insert_sql =
"INSERT INTO custseg.report AS r (model, version, published_at, part, body) VALUES ($1, $2, $3, $4, $5) "
"RETURNING CASE WHEN pg_catalog.jsonb_typeof(r.body) OPERATOR(pg_catalog.=) 'array' THEN pg_catalog.jsonb_array_length(r.body) ELSE 1 END::bigint,"
" pg_catalog.octet_length(r.body::pg_catalog.text)::bigint";

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

/* A part of a publication; it has a body, or a reason why it has none. */
typedef struct Part
{
	CsValue		name,
				body,
				milliseconds,
				reason;
} Part;

PG_FUNCTION_INFO_V1(custseg_publish);

/* Read the options, and of the objects among them what may be in them. */
void
CsPublishOptionsParse(Jsonb *json, CsPublishOptions *options)
{
	Named		named;

	CsOptionsParse(publishOptions, lengthof(publishOptions), json, options);
	CsOptionsParse(productsKeys, lengthof(productsKeys), options->products, &named);
	CsOptionsParse(journeyKeys, lengthof(journeyKeys), options->journey, &named);
	CsOptionsParse(eventsKeys, lengthof(eventsKeys), options->events, &named);
	CsOptionsParse(lookalikesKeys, lengthof(lookalikesKeys), options->lookalikes, &named);
}

/* The source that an object among the options names under a key, opened as the caller; it must be there. */
static const CsRelation *
OpenNamed(const char *source, const char *key)
{
	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", key)));
	return CsRelationOpen(source);
}

/* Look for the columns of products. */
static void
CheckProducts(const Named *named)
{
	const int	kinds = ~0;
	const CsRelation *rel = OpenNamed(named->source, "orders");

	(void) CsColumnOfRole(rel, named->customer, "customer", kinds);
	(void) CsColumnOfRole(rel, named->product, "product", kinds);
	if (named->order != NULL)
		(void) CsColumnOfRole(rel, named->order, "order", kinds);
}

/* Look for the columns of events, of which each is of a kind, or of a journey, which has steps. */
static void
CheckEvents(const Named *named, const char *what, const char *role)
{
	const int	kinds = ~CS_KIND_BIT(CS_UNUSABLE);
	const CsRelation *rel = OpenNamed(named->source, "source");

	(void) CsColumnOfRole(rel, named->customer, "customer", ~0);
	(void) CsTimeOfRole(rel, named->time, "time of an event");
	(void) CsColumnOfRole(rel, what, role, kinds);
}

/* Look for the views of audiences. */
static void
CheckAudiences(Jsonb *audiences)
{
	CsJsonEach	each = CsJsonEachOf(&audiences->root);

	while (CsJsonNext(&each))
	{
		const JsonbValue *v = &each.value;

		if (v->type == jbvString)
			(void) CsRelationColumn(CsRelationOpen(pnstrdup(v->val.string.val, v->val.string.len)), "segment");
	}
}

/*
 * Look for what the options name beside the source of the customers, so that a mistake is told before anything is read.
 * What is in it, the functions see that read it.
 */
static void
CheckNamed(const CsPublishOptions *options)
{
	Named		named;

	if (options->products != NULL)
	{
		CsOptionsParse(productsKeys, lengthof(productsKeys), options->products, &named);
		CheckProducts(&named);
	}
	if (options->journey != NULL)
	{
		CsOptionsParse(journeyKeys, lengthof(journeyKeys), options->journey, &named);
		CheckEvents(&named, named.step, "step");
	}
	if (options->events != NULL)
	{
		CsOptionsParse(eventsKeys, lengthof(eventsKeys), options->events, &named);
		CheckEvents(&named, named.kind, "kind of an event");
	}
	if (options->audiences != NULL)
		CheckAudiences(options->audiences);
	if (options->lookalikes != NULL)
	{
		CsOptionsParse(lookalikesKeys, lengthof(lookalikesKeys), options->lookalikes, &named);
		(void) OpenNamed(named.seeds, "seeds");
	}
}

/* The column of the value that set_presentation() keeps, palloc'd; NULL: there is none. */
static char *
ValueOf(const char *model)
{
	List	   *found = CsCatalogTexts(value_sql, CsValues(CsValueText(model)), true);

	return found == NIL ? NULL : linitial(found);
}

/* A value that outlives SPI. */
static CsValue
Outlive(CsValue value, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	if (!value.isnull && !get_typbyval(value.type))
		value.datum = PointerGetDatum(PG_DETOAST_DATUM_COPY(value.datum));
	MemoryContextSwitchTo(old);
	return value;
}

/* The parts, read as the caller under the caller's snapshot; palloc'd in CurrentMemoryContext. */
static List *
ReadParts(const CsScorer *scorer, const char *source, const CsPublishOptions *options)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb	   *complete = CsOptionsToJsonb(publishOptions, lengthof(publishOptions), options);
	List	   *parts = NIL;

	SPI_connect();
	(void) CsCallerSelect(parts_sql, CsValues(CsValueText(NameStr(scorer->model)), CsValueText(source),
											  CsValueJsonb(complete), CsValueInt4(scorer->version)));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Part	   *part = MemoryContextAlloc(context, sizeof(Part));
		CsValue		row[4];
		MemoryContext old;

		CsValuesOfTuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row);
		part->name = Outlive(row[0], context);
		part->body = Outlive(row[1], context);
		part->milliseconds = Outlive(row[2], context);
		part->reason = Outlive(row[3], context);
		old = MemoryContextSwitchTo(context);
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
	CsValue		row[1];

	(void) CsCatalogExecuteNewest(now_sql, CsValues(CsValueText(model)));
	CsValuesOfTuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, row);
	return row[0];
}

/* Write a part that has a body, and put what there is to tell of it to the result; inside SPI. */
static void
WritePart(const CsScorer *scorer, const Part *part, CsValue at, CsResult *result)
{
	CsValue		row[2] = {CsValueNull(INT8OID), CsValueNull(INT8OID)};

	if (!part->body.isnull)
	{
		CsCatalogExecute(insert_sql, CsValues(CsValueText(NameStr(scorer->model)), CsValueInt4(scorer->version), at,
											  part->name, part->body), false);
		CsValuesOfTuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, row);
	}
	CsResultPut(result, CsValues(part->name, row[0], row[1], part->milliseconds, at, part->reason));
}

/* Write a publication, under the lock of the model; then thin the older ones. */
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
		WritePart(scorer, lfirst(cell), at, result);
	CsCatalogExecuteNewest(thin_sql, CsValues(CsValueText(model), CsValueInt4(keep)));
	CsAuditAdd("publish", model, scorer->version, NULL, list_length(parts));
	SPI_finish();
}

/* publish(model, source, options, version): a row for each part */
Datum
custseg_publish(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsRequiredText(fcinfo, PUBLISH_MODEL, "model");
	CsPublishOptions options;
	const CsScorer *scorer;
	List	   *parts;

	CsRequireWritable("custseg.publish()");
	CsModelCheckName(model);
	CsModelCheckOwner(model);
	CsPublishOptionsParse(CsJsonbArgument(fcinfo, PUBLISH_OPTIONS), &options);
	CsModelRequireUnchanged(model);
	PushActiveSnapshot(GetTransactionSnapshot());
	CheckNamed(&options);
	if (options.value == NULL)
		options.value = ValueOf(model);
	scorer = CsCacheGet(model, CsVersionArgument(fcinfo, PUBLISH_VERSION));
	CsCachePin(scorer, CurrentMemoryContext);
	if (options.fairness != NULL)
		(void) CsRelationColumn(CsSourceOpen(scorer, CsTextArgument(fcinfo, PUBLISH_SOURCE)), options.fairness);
	parts = ReadParts(scorer, CsTextArgument(fcinfo, PUBLISH_SOURCE), &options);
	CsModelLock(model);
	CsModelCheckOwner(model);
	WriteParts(scorer, parts, options.keep, result);
	PopActiveSnapshot();
	return (Datum) 0;
}
