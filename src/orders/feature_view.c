/*
 * feature_view.c
 *	  A view of the features of customers, from orders, events and further tables: create_feature_view(), and the SQL that
 *	  it stands for.
 *
 * The customers are those who have bought, or those who have done anything.  What is joined to them has one row a
 * customer at most, and is as of the same moment: of a table whose rows have a time, each customer's latest one up to then
 * counts.
 */
#include "custseg.h"

#include "algo/algo.h"
#include "call/call.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "orders/events.h"
#include "orders/features.h"
#include "orders/lines_sql.h"
#include "parser/parse_oper.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#define MOST_TABLES 20

/* The arguments of create_feature_view(): the view's name, then those of customer_features(). */
enum
{
	VIEW_NAME, VIEW_FIRST
};

PG_FUNCTION_INFO_V1(custseg_customer_features_sql);
PG_FUNCTION_INFO_V1(custseg_create_feature_view);

/* The option "events": the arguments of customer_events(). */
typedef struct EventsOption
{
	CsEventsColumns columns;
	Jsonb	   *options;
} EventsOption;

static const CsOption eventsOption[] = {
	{"source", CS_OPTION_TEXT, offsetof(EventsOption, columns.source)},
	{"customer", CS_OPTION_TEXT, offsetof(EventsOption, columns.customer)},
	{"time", CS_OPTION_TEXT, offsetof(EventsOption, columns.time)},
	{"kind", CS_OPTION_TEXT, offsetof(EventsOption, columns.kind)},
	{"value", CS_OPTION_TEXT, offsetof(EventsOption, columns.value)},
	{"options", CS_OPTION_OBJECT, offsetof(EventsOption, options)}
};

/* An element of the option "tables". */
typedef struct TableOption
{
	char	   *source,
			   *customer,
			   *time;			/* since when a row holds; NULL: each customer has one */
	Jsonb	   *columns;		/* an array of names; NULL: all others */
} TableOption;

static const CsOption tableOption[] = {
	{"source", CS_OPTION_TEXT, offsetof(TableOption, source)},
	{"customer", CS_OPTION_TEXT, offsetof(TableOption, customer)},
	{"time", CS_OPTION_TEXT, offsetof(TableOption, time)},
	{"columns", CS_OPTION_LIST, offsetof(TableOption, columns)}
};

/* A view that is being put together. */
typedef struct FeatureView
{
	CsFeaturesRequest orders;
	StringInfoData columns;		/* of its SELECT */
	StringInfoData from;
	EventsOption option;		/* zeroes without events */
	const char *customer;		/* the expression for it */
	List	   *taken;			/* names of columns, of char * */
	char	   *score;			/* name of the column with the score of events; NULL: none */
	CsEventsRequest events;
} FeatureView;

/* Has an object of an option what it needs? */
static void
RequireMember(const char *value, const char *option, const char *member)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" needs \"%s\"", option, member),
				 errhint("Write {\"source\": \"visits\", \"customer\": \"id\", ...}, with names of columns of the source.")));
}

/* The operator by which values of two types are equal, whatever the search_path has; InvalidOid: there is none. */
static Oid
EqualityOf(Oid a, Oid b)
{
	Operator	equal;
	Oid			result;

	if (getBaseType(a) == getBaseType(b))
		return lookup_type_cache(a, TYPECACHE_EQ_OPR)->eq_opr;
	equal = oper(NULL, list_make2(makeString("pg_catalog"), makeString("=")), a, b, true, -1);
	if (equal == NULL)
		return InvalidOid;
	result = oprid(equal);
	ReleaseSysCache(equal);
	return result;
}

/* The name of the operator by which customers of something else are compared with those of orders, palloc'd; an error where there is none. */
static char *
EqualityOfCustomers(const FeatureView *v, const CsRelation *rel, const CsColumn *customer)
{
	const CsColumn *of_orders = v->orders.customer;
	Oid			equal = EqualityOf(customer->type, of_orders->type);

	if (!OidIsValid(equal))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("customers of type %s in %s cannot be compared with those of type %s in %s",
						format_type_be(customer->type), rel->description, format_type_be(of_orders->type),
						v->orders.relation->description),
				 errhint("Cast the column in a query as the source.")));
	return CsOperatorName(equal);
}

/* Join a query whose rows have a customer. */
static void
AppendJoin(FeatureView *v, const char *join, const char *query, const char *alias, const char *condition)
{
	appendStringInfo(&v->from, "\n%s JOIN (\n%s\n) AS %s ON %s", join, query, alias, condition);
}

/* What the option "events" says, and who the customers are. */
static void
ReadEvents(FeatureView *v)
{
	const CsFeaturesOptions *options = &v->orders.options;
	EventsOption *option = &v->option;

	v->customer = psprintf("o.%s", CsSqlColumn(v->orders.customer));
	if (options->events == NULL)
	{
		if (options->everyone)
			CsRejectValue("option \"everyone\" is for customers who have events and no orders", "Give option \"events\", or leave it out.");
		return;
	}
	CsOptionsParse(eventsOption, lengthof(eventsOption), options->events, option);
	RequireMember(option->columns.source, "events", "source");
	RequireMember(option->columns.customer, "events", "customer");
	RequireMember(option->columns.time, "events", "time");
	RequireMember(option->columns.kind, "events", "kind");
	if (options->everyone)
		v->customer = psprintf("coalesce(%s, e.%s)", v->customer, quote_identifier(option->columns.customer));
}

/* The expression for a column of the orders' features of everyone: who has no order has bought nothing. */
static const char *
OfEveryone(const FeatureView *v, const CsColumn *column)
{
	const char *name = NameStr(column->name);

	if (strcmp(name, NameStr(v->orders.customer->name)) == 0)
		return v->customer;
	if (strcmp(name, "as_of") == 0)
		return "coalesce(o.as_of, e.as_of)";
	if (strcmp(name, "frequency") == 0 || strcmp(name, "n_products") == 0)
		return psprintf("coalesce(o.%s, 0::bigint)", name);
	if (strcmp(name, "monetary") == 0)
		return "coalesce(o.monetary, 0::pg_catalog.float8)";
	return psprintf("o.%s", CsSqlColumn(column));
}

/* Begin with the features from orders. */
static void
AddOrders(FeatureView *v)
{
	const char *sql = CsFeaturesSql(&v->orders);
	const CsRelation *query = CsRelationOpen(sql);

	initStringInfo(&v->columns);
	initStringInfo(&v->from);
	for (int i = 0; i < query->ncolumns; i++)
	{
		const CsColumn *column = &query->columns[i];

		v->taken = lappend(v->taken, pstrdup(NameStr(column->name)));
		appendStringInfoString(&v->columns, i > 0 ? ",\n    " : "\n    ");
		if (v->orders.options.everyone)
			appendStringInfo(&v->columns, "%s AS %s", OfEveryone(v, column), CsSqlColumn(column));
		else
			appendStringInfo(&v->columns, "o.%s", CsSqlColumn(column));
	}
	appendStringInfo(&v->from, "\nFROM (\n%s\n) AS o", sql);
}

/* Add the features from events; who has none has counts of 0. */
static void
AddEvents(FeatureView *v)
{
	ListCell   *cell;
	const char *sql,
			   *equality;

	v->events.for_view = true;
	v->events.zone = v->orders.zone;
	v->events.as_of = v->orders.as_of;
	v->events.taken = v->taken;
	CsEventsOpen(&v->events, &v->option.columns, v->option.options);
	equality = EqualityOfCustomers(v, v->events.relation, v->events.customer);
	sql = CsEventsSql(&v->events);
	v->taken = v->events.taken;
	foreach(cell, v->events.features)
	{
		const CsEventsFeature *feature = lfirst(cell);
		const char *name = quote_identifier(feature->name);

		if (feature->otherwise == NULL)
			appendStringInfo(&v->columns, ",\n    e.%s", name);
		else
			appendStringInfo(&v->columns, ",\n    coalesce(e.%s, %s) AS %s", name, feature->otherwise, name);
		if (strncmp(feature->name, "engagement_score", strlen("engagement_score")) == 0 && v->score == NULL)
			v->score = feature->name;
	}
	AppendJoin(v, v->orders.options.everyone ? "FULL" : "LEFT", sql, "e",
			   psprintf("e.%s OPERATOR(%s) o.%s", CsSqlColumn(v->events.customer), equality, CsSqlColumn(v->orders.customer)));
}

/* CsRowSink: is a customer there more than once? */
static void
TakeRepeated(void *state, const Datum *values, const bool *nulls)
{
	bool	   *repeated = state;

	*repeated = DatumGetBool(values[0]);
}

/* An error where a table has several rows of a customer, of which no time tells the latest. */
static void
CheckOnce(const CsRelation *rel, const CsColumn *customer)
{
	CsRelation *query = CsRelationOpen(psprintf("SELECT EXISTS (SELECT FROM %s WHERE t.%s IS NOT NULL GROUP BY t.%s HAVING pg_catalog.count(*)" CS_SQL(">") "1) AS repeated",
												CsSqlFrom(rel), CsSqlColumn(customer), CsSqlColumn(customer)));
	bool		repeated = false;

	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeRepeated, &repeated);
	if (repeated)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("%s has several rows of a customer", rel->description),
				 errhint("Name in \"time\" the column that tells since when a row holds, or give a source with one row for each customer.")));
}

/* The columns of a table that are asked for: all but the customer and the time, unless they are named. */
static List *
TableColumns(const CsRelation *rel, const TableOption *option, const CsColumn *customer, const CsColumn *time)
{
	List	   *columns = NIL;
	CsJsonEach	each;

	if (option->columns == NULL)
	{
		for (int i = 0; i < rel->ncolumns; i++)
		{
			const CsColumn *column = &rel->columns[i];

			if (!CsIsSameColumn(column, customer) && (time == NULL || !CsIsSameColumn(column, time)))
				columns = lappend(columns, unconstify(CsColumn *, column));
		}
		return columns;
	}
	each = CsJsonEachOf(&option->columns->root);
	while (CsJsonNext(&each))
	{
		if (each.value.type != jbvString)
			CsRejectValue("option \"columns\" of a table must be an array of names of columns", "Write [\"age\", \"region\"].");
		columns = lappend(columns, unconstify(CsColumn *, CsRelationWhole(rel, CsJsonString(&each.value))));
	}
	return columns;
}

/* The query that gives a table's row of each customer: the latest up to the moment where rows have a time. */
static char *
TableSql(const FeatureView *v, const CsRelation *rel, const CsColumn *customer, const CsColumn *time, List *columns)
{
	StringInfoData sql;
	ListCell   *cell;
	const char *moment = v->orders.as_of == NULL ? "pg_catalog.now()" : psprintf("%s::pg_catalog.timestamptz", quote_literal_cstr(v->orders.as_of));

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT DISTINCT ON (t.%s) t.%s AS customer", CsSqlColumn(customer), CsSqlColumn(customer));
	foreach(cell, columns)
		appendStringInfo(&sql, ", t.%s AS c%d", CsSqlColumn(lfirst(cell)), foreach_current_index(cell) + 1);
	appendStringInfo(&sql, "\nFROM %s\nWHERE t.%s IS NOT NULL", CsSqlFrom(rel), CsSqlColumn(customer));
	if (time != NULL)
		appendStringInfo(&sql, " AND pg_catalog.isfinite(t.%s) AND %s" CS_SQL("<=") "%s", CsSqlColumn(time), CsSqlTime(time),
						 CsSqlInstant(time, v->orders.zone, moment));
	appendStringInfo(&sql, "\nORDER BY t.%s", CsSqlColumn(customer));
	if (time != NULL)
		appendStringInfo(&sql, ", t.%s DESC", CsSqlColumn(time));
	/* of rows of one time, one that does not depend on the order in which they are read */
	foreach(cell, columns)
		appendStringInfo(&sql, ", %s DESC", CsSqlText(lfirst(cell), psprintf("t.%s", CsSqlColumn(lfirst(cell)))));
	return sql.data;
}

/* Add columns of a table. */
static void
AddTable(FeatureView *v, Jsonb *json, int number)
{
	int			keys = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) | CS_KIND_BIT(CS_BOOLEAN) |
		CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE);
	TableOption option;
	const CsRelation *rel;
	const CsColumn *customer,
			   *time;
	List	   *columns;
	ListCell   *cell;
	char	   *alias = psprintf("t%d", number),
			   *equality;

	CsOptionsParse(tableOption, lengthof(tableOption), json, &option);
	RequireMember(option.source, "tables", "source");
	RequireMember(option.customer, "tables", "customer");
	rel = CsRelationOpen(option.source);
	customer = CsColumnOfRole(rel, option.customer, "customer", keys);
	time = option.time == NULL ? NULL : CsTimeOfRole(rel, option.time, "time since when a row holds");
	equality = EqualityOfCustomers(v, rel, customer);
	if (time == NULL)
	{
		CheckOnce(rel, customer);
		if (v->orders.as_of != NULL)
			ereport(NOTICE,
					(errmsg("%s is taken as it is today, whatever \"as_of\" is", rel->description),
					 errhint("Name in \"time\" the column that tells since when a row holds.")));
	}
	columns = TableColumns(rel, &option, customer, time);
	foreach(cell, columns)
		appendStringInfo(&v->columns, ",\n    %s.c%d AS %s", alias, foreach_current_index(cell) + 1,
						 quote_identifier(CsSqlNewName(NameStr(((CsColumn *) lfirst(cell))->name), "", &v->taken)));
	AppendJoin(v, "LEFT", TableSql(v, rel, customer, time, columns), alias,
			   psprintf("%s.customer OPERATOR(%s) %s", alias, equality, v->customer));
}

/* Add the tables. */
static void
AddTables(FeatureView *v)
{
	CsJsonEach	each = CsJsonEachOf(&v->orders.options.tables->root);

	while (CsJsonNext(&each))
	{
		if (each.at == MOST_TABLES || CsJsonGetObject(&each.value) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"tables\" must be an array of at most %d objects", MOST_TABLES),
					 errhint("Write [{\"source\": \"customers\", \"customer\": \"id\", \"columns\": [\"age\", \"region\"]}].")));
		AddTable(v, JsonbValueToJsonb(&each.value), each.at + 1);
	}
}

/* The query of a view, the source of the orders being argument number "first". */
static char *
ViewSql(FunctionCallInfo fcinfo, int first, FeatureView *v)
{
	memset(v, 0, sizeof(*v));
	CsFeaturesOpen(fcinfo, first, true, &v->orders);
	ReadEvents(v);
	if (v->orders.options.events == NULL && v->orders.options.tables == NULL)
		return CsFeaturesSql(&v->orders);
	AddOrders(v);
	if (v->orders.options.events != NULL)
		AddEvents(v);
	if (v->orders.options.tables != NULL)
		AddTables(v);
	return psprintf("SELECT%s%s", v->columns.data, v->from.data);
}

/* customer_features_sql(source, customer, time, amount, ...): the query */
Datum
custseg_customer_features_sql(PG_FUNCTION_ARGS)
{
	FeatureView v;

	PG_RETURN_TEXT_P(cstring_to_text(ViewSql(fcinfo, 0, &v)));
}

/* Execute a statement that makes something. */
static void
Execute(const char *sql)
{
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create the view");
}

/* The weights of the score are kept in the comment on its column, too. */
static void
DescribeScore(const FeatureView *v, const char *view)
{
	char	   *weights = !v->events.has_weights ? "1 for each event" :
		psprintf("%s", JsonbToCString(NULL, &v->events.options.weights->root, VARSIZE(v->events.options.weights)));

	Execute(psprintf("COMMENT ON COLUMN %s.%s IS %s", view, quote_identifier(v->score),
					 quote_literal_cstr(psprintf("Weights of events: %s; an event counts for half after %g days.", weights,
												 v->events.options.half_life_days))));
}

/* create_feature_view(name, source, customer, time, amount, ...): a view of the caller's */
Datum
custseg_create_feature_view(PG_FUNCTION_ARGS)
{
	FeatureView v;
	char	   *name = CsRequiredText(fcinfo, VIEW_NAME, "name");
	List	   *names = textToQualifiedNameList(cstring_to_text(name));
	char	   *sql;

	CsRequireWritable("custseg.create_feature_view()");
	CsRelationRequireNew(names);
	sql = ViewSql(fcinfo, VIEW_FIRST, &v);
	SPI_connect();
	Execute(psprintf("CREATE VIEW %s AS\n%s", NameListToQuotedString(names), sql));
	if (v.score != NULL)
		DescribeScore(&v, NameListToQuotedString(names));
	SPI_finish();
	PG_RETURN_VOID();
}
