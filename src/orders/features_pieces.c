/*
 * features_pieces.c
 *	  The features of customers where lines of orders are on other servers, which sum them up by customer.
 *
 * The query is that of features_sql.c, but that its parts are made of sums rather than of lines: each piece of the source
 * groups its own lines by customer, and by order, day, or what was bought, and the groups are put together here, for a
 * customer and an order may have lines in several pieces.  Of orders that are lines only the times come over one by one: the
 * gaps between them cannot be told from sums.
 *
 * Expressions are such as postgres_fdw hands on: functions of custseg, and none with a text.  So the moment that features are
 * as of has to be known, and is a constant.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "orders/buying.h"
#include "orders/features.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"

/* Days of a week, from Monday on, and quarters of a year. */
#define DAYS 7
#define QUARTERS 4

/* Hours of the parts of a day. */
static const struct
{
	const char *name;
	int			from,
				to;				/* the next one after it; before "from": past midnight */
}			parts_of_day[] = {{"morning", 6, 12}, {"afternoon", 12, 18}, {"evening", 18, 22}, {"night", 22, 6}};

/* Which lines of a piece count; with "bought" purchases alone. */
static const char *
Where(const CsFeaturesRequest *r, bool bought)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WHERE %s AND %s" CS_SQL("<=") "%s", CsFeaturesCounts(r), CsSqlTime(r->time), CsFeaturesMoment(r));
	if (r->look_back != NULL)
		appendStringInfo(&sql, " AND %s" CS_SQL(">") "%s", CsSqlTime(r->time), CsSqlBefore(r->time, r->zone, CsFeaturesMoment(r), r->look_back));
	if (bought || r->options.returns == CS_RETURNS_IGNORE)
		appendStringInfo(&sql, " AND %s", CsFeaturesBought(r));
	return sql.data;
}

/*
 * A part of the query: what the pieces give, grouped by their customer and the next columns of the list.  It is asked for
 * once, and by itself, which any engine can do.
 */
static void
AppendPart(StringInfo sql, const CsFeaturesRequest *r, const char *name, bool bought, const char *list, int ngroups)
{
	StringInfoData rest;

	initStringInfo(&rest);
	appendStringInfo(&rest, "%s GROUP BY 1", Where(r, bought));
	for (int i = 1; i < ngroups; i++)
		appendStringInfo(&rest, ", %d", i + 1);
	appendStringInfo(sql, ", %s AS MATERIALIZED (\n    %s\n)", name,
					 CsPiecesUnion(r->pieces, psprintf("t.%s AS customer, %s", CsSqlColumn(r->customer), list), rest.data));
}

/* The amount of a line as it is summed. */
static const char *
Amount(const CsFeaturesRequest *r)
{
	return psprintf("t.%s::%s", CsSqlColumn(r->amount), CsSqlSumType(r->amount));
}

/* How much of something a line has; floating-point numbers in the type that they are summed in. */
static const char *
Quantity(const CsFeaturesRequest *r)
{
	bool		is_float = strcmp(CsSqlSumType(r->quantity), "numeric") != 0;

	return psprintf("t.%s%s", CsSqlColumn(r->quantity), is_float ? "::pg_catalog.float8" : "");
}

/* The sum of quantities as a column, where there are some. */
static const char *
SumOfQuantities(const CsFeaturesRequest *r)
{
	return r->quantity == NULL ? "" : ", pg_catalog.sum(quantity) AS quantity";
}

/* Orders of a day are one: those that the pieces know by a number are put together first. */
static void
AppendOrdersOfDays(StringInfo sql, const CsFeaturesRequest *r)
{
	if (r->order == NULL)
	{
		appendStringInfo(sql, ", orders AS (\n"
						 "    SELECT customer, pg_catalog.min(first) AS at, pg_catalog.max(last) AS last, pg_catalog.sum(amount) AS amount, pg_catalog.sum(custseg_private.rows_counted(lines)) AS lines%s\n"
						 "    FROM order_part\n"
						 "    GROUP BY customer, day\n)", SumOfQuantities(r));
		return;
	}
	/* lines without a number are orders of their own, and those of a day one */
	appendStringInfo(sql, ", numbered AS (\n"
					 "    SELECT customer, pg_catalog.min(first) AS at, CASE WHEN order_key IS NULL THEN pg_catalog.max(last) ELSE pg_catalog.min(first) END AS last, pg_catalog.sum(amount) AS amount, pg_catalog.sum(custseg_private.rows_counted(lines)) AS lines%s\n"
					 "    FROM order_part\n"
					 "    GROUP BY customer, order_key, day\n)", SumOfQuantities(r));
	CsFeaturesAppendByDay(sql, r, SumOfQuantities(r));
}

/*
 * Orders with a number are put together, and each other line is an order; of these there are sums, and the times.  What
 * customers have of both are "ordered" as features_sql.c knows it.
 */
static void
AppendOrderedParts(StringInfo sql, const CsFeaturesRequest *r)
{
	const char *single = r->order == NULL ? "" : "\n    WHERE order_key IS NULL";
	bool		has_quantity = r->quantity != NULL;

	if (r->order != NULL)
		appendStringInfo(sql, ", numbered AS (\n"
						 "    SELECT customer, pg_catalog.min(first) AS at, pg_catalog.sum(amount) AS amount, pg_catalog.sum(custseg_private.rows_counted(lines))::bigint AS lines%s\n"
						 "    FROM order_part\n"
						 "    WHERE order_key IS NOT NULL\n"
						 "    GROUP BY customer, order_key\n)", SumOfQuantities(r));
	appendStringInfo(sql, ", bundle AS (\n"
					 "    SELECT customer, pg_catalog.sum(custseg_private.rows_counted(lines))::bigint AS n, pg_catalog.min(first) AS first, pg_catalog.max(last) AS last, pg_catalog.max(largest) AS largest, pg_catalog.sum(custseg_private.rows_counted(lines))::bigint AS lines%s\n"
					 "    FROM order_part%s\n"
					 "    GROUP BY customer",
					 has_quantity ? ", pg_catalog.sum(quantity) AS quantity, pg_catalog.sum(n_quantity)::bigint AS n_quantity" : "", single);
	if (r->order != NULL)
		appendStringInfo(sql, "\n    UNION ALL\n"
						 "    SELECT customer, pg_catalog.count(*), pg_catalog.min(at), pg_catalog.max(at), pg_catalog.max(amount), pg_catalog.sum(lines)::bigint%s\n"
						 "    FROM numbered\n"
						 "    GROUP BY customer", has_quantity ? ", pg_catalog.sum(quantity), pg_catalog.count(quantity)" : "");
	appendStringInfo(sql, "\n), order_time AS (\n"
					 "    SELECT customer, pg_catalog.unnest(times) AS at\n"
					 "    FROM order_part%s", single);
	if (r->order != NULL)
		appendStringInfoString(sql, "\n    UNION ALL\n"
							   "    SELECT customer, custseg_private.microseconds(at)\n"
							   "    FROM numbered");
	appendStringInfo(sql, "\n), spaced AS (\n"
					 "    SELECT customer, (at" CS_SQL("-") "pg_catalog.lag(at) OVER (PARTITION BY customer ORDER BY at))::pg_catalog.float8 AS gap\n"
					 "    FROM order_time\n"
					 "), gaps AS (\n"
					 "    SELECT customer, %s\n"
					 "    FROM spaced\n"
					 "    GROUP BY customer\n"
					 "), ordered AS (\n"
					 "    SELECT\n"
					 "        b.customer,\n"
					 "        pg_catalog.sum(b.n)::bigint AS frequency,\n"
					 "        pg_catalog.min(b.first) AS first_purchase,\n"
					 "        pg_catalog.max(b.last) AS last_purchase,\n"
					 "        pg_catalog.max(b.largest) AS largest_order,\n"
					 "        pg_catalog.sum(b.lines)" CS_SQL("/") "pg_catalog.sum(b.n) AS lines_per_order,\n"
					 "        %s AS quantity_per_order,\n"
					 "        pg_catalog.min(g.days_between_mean) AS days_between_mean,\n"
					 "        pg_catalog.min(g.days_between_variation) AS days_between_variation\n"
					 "    FROM bundle AS b\n"
					 "    JOIN gaps AS g ON %s\n"
					 "    GROUP BY b.customer\n)",
					 CsFeaturesGaps,
					 has_quantity ? CsSqlRatio(psprintf("pg_catalog.sum(b.quantity)::%s", CsSqlSumType(r->quantity)),
											   psprintf("pg_catalog.sum(b.n_quantity)::%s", CsSqlSumType(r->quantity)), CsSqlSumType(r->quantity)) :
					 "NULL::pg_catalog.float8", CsSqlSame(r->customer, "g.customer", "b.customer"));
}

/* Orders, and what they come to. */
static void
AppendOrders(StringInfo sql, const CsFeaturesRequest *r)
{
	bool		by_day = r->options.same_day;
	const char *day = CsSqlDayNumber(r->time, r->zone);
	StringInfoData list;

	initStringInfo(&list);
	if (r->order != NULL)
		appendStringInfo(&list, "t.%s AS order_key, ", CsSqlColumn(r->order));
	if (by_day)
		appendStringInfo(&list, "%s AS day, ", r->order == NULL ? day :
						 psprintf("CASE WHEN t.%s IS NULL THEN %s END", CsSqlColumn(r->order), day));
	appendStringInfo(&list, "pg_catalog.count(*) AS lines, pg_catalog.min(%s) AS first, pg_catalog.max(%s) AS last, pg_catalog.sum(%s) AS amount, pg_catalog.max(%s) AS largest",
					 CsSqlTime(r->time), CsSqlTime(r->time), Amount(r), Amount(r));
	if (r->quantity != NULL)
		appendStringInfo(&list, ", pg_catalog.sum(%s) AS quantity, pg_catalog.count(%s) AS n_quantity", Quantity(r), Quantity(r));
	if (!by_day)
		appendStringInfo(&list, ", pg_catalog.array_agg(%s)%s AS times", CsSqlMicrosecondsOf(r->time), r->order == NULL ? "" :
						 psprintf(" FILTER (WHERE t.%s IS NULL)", CsSqlColumn(r->order)));
	AppendPart(sql, r, "order_part", true, list.data, 1 + (r->order != NULL) + by_day);
	if (by_day)
	{
		AppendOrdersOfDays(sql, r);
		CsFeaturesAppendOrdered(sql, r);
	}
	else
		AppendOrderedParts(sql, r);
}

/* A number of purchases, or the sum of their amounts, for which a condition holds, as a column of a part and its sum. */
static void
AppendSum(StringInfo list, StringInfo sums, const char *aggregate, const char *condition, const char *name)
{
	appendStringInfo(list, ", %s FILTER (WHERE %s) AS %s", aggregate, condition, name);
	appendStringInfo(sums, ",\n        pg_catalog.sum(%s) AS %s", name, name);
}

/* The parts of the day, of lines with an hour; a date has none. */
static void
AppendHours(const CsFeaturesRequest *r, StringInfo list, StringInfo sums)
{
	bool		has_zone = r->time->converter.type == TIMESTAMPTZOID;
	const char *hour = has_zone ?
		psprintf("custseg_private.hour_of(t.%s, %s)", CsSqlColumn(r->time), CsSqlZoneBytes(r->zone)) :
		psprintf("custseg_private.hour_of(%s)", CsSqlTime(r->time));
	const char *bought = CsFeaturesBought(r);

	if (r->time->converter.type == DATEOID)
		return;
	AppendSum(list, sums, "pg_catalog.count(*)", psprintf("%s AND %s IS NOT NULL", bought, hour), "n_hours");
	for (int i = 0; i < lengthof(parts_of_day); i++)
		AppendSum(list, sums, "pg_catalog.count(*)",
				  psprintf("%s AND (%s" CS_SQL(">=") "%d %s %s" CS_SQL("<") "%d)", bought, hour, parts_of_day[i].from,
						   parts_of_day[i].from < parts_of_day[i].to ? "AND" : "OR", hour, parts_of_day[i].to),
				  parts_of_day[i].name);
}

/* Days of the week, and quarters. */
static void
AppendCalendar(const CsFeaturesRequest *r, StringInfo list, StringInfo sums)
{
	const char *day = CsSqlDayNumber(r->time, r->zone);
	const char *bought = CsFeaturesBought(r);

	/* the first day of 2000 was a Saturday; days before it have a negative number, and so a negative rest */
	for (int i = 0; i < DAYS; i++)
		AppendSum(list, sums, "pg_catalog.count(*)", psprintf("%s AND %s" CS_SQL("=") "%d", bought, CsSqlRest(psprintf("%s" CS_SQL("+") "5", day), DAYS), i), psprintf("day_%d", i + 1));
	for (int i = 0; i < QUARTERS; i++)
		AppendSum(list, sums, psprintf("pg_catalog.sum(%s)", Amount(r)),
				  psprintf("%s AND (%s" CS_SQL("/") "3)" CS_SQL("=") "%d", bought, CsSqlRest(psprintf("custseg_private.month_of(%s)", day), 12), i), psprintf("quarter_%d", i + 1));
}

/* A list of columns that are numbered from 1. */
static const char *
Numbered(const char *name, int n, const char *separator)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 1; i <= n; i++)
		appendStringInfo(&list, "%ss.%s_%d", i > 1 ? separator : "", name, i);
	return list.data;
}

/* The day of the week with most purchases: the first one of those with as many. */
static const char *
FavouriteDay(void)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "CASE");
	for (int i = 1; i <= DAYS; i++)
		appendStringInfo(&sql, " WHEN s.day_%d" CS_SQL("=") "greatest(%s) THEN %d", i, Numbered("day", DAYS, ", "), i);
	appendStringInfoString(&sql, " END");
	return sql.data;
}

/* What follows from the lines as they are. */
static void
AppendSpending(StringInfo sql, const CsFeaturesRequest *r)
{
	const char *bought = CsFeaturesBought(r),
			   *amount = psprintf("pg_catalog.sum(%s)", Amount(r)),
			   *moment = CsFeaturesMoment(r),
			   *start = CsSqlBefore(r->time, r->zone, moment, psprintf("interval '%d days'", r->options.window_days)),
			   *before = CsSqlBefore(r->time, r->zone, moment, psprintf("interval '%d days'", 2 * r->options.window_days)),
			   *time = CsSqlTime(r->time),
			   *type = CsSqlSumType(r->amount);
	bool		has_hours = r->time->converter.type != DATEOID;
	StringInfoData list,
				sums;

	initStringInfo(&list);
	initStringInfo(&sums);
	appendStringInfo(&list, "pg_catalog.count(*) AS n, %s AS amount", amount);
	appendStringInfoString(&sums, "customer,\n        pg_catalog.sum(custseg_private.rows_counted(n)) AS n,\n        pg_catalog.sum(amount) AS amount");
	AppendSum(&list, &sums, "pg_catalog.count(*)", bought, "n_bought");
	AppendSum(&list, &sums, amount, bought, "bought");
	AppendSum(&list, &sums, amount, psprintf("%s" CS_SQL(">") "%s", time, start), "recent");
	AppendSum(&list, &sums, amount, psprintf("%s" CS_SQL("<=") "%s AND %s" CS_SQL(">") "%s", time, start, time, before), "before");
	if (r->discount != NULL)
		AppendSum(&list, &sums, "pg_catalog.count(*)", psprintf("%s AND t.%s%s", bought, CsSqlColumn(r->discount),
																r->discount->converter.kind == CS_BOOLEAN ? "" :
																psprintf(CS_SQL(">") "%s", CsSqlZero(r->discount))), "discounted");
	AppendHours(r, &list, &sums);
	AppendCalendar(r, &list, &sums);
	AppendPart(sql, r, "spending_part", false, list.data, 1);
	appendStringInfo(sql, ", summed AS (\n    SELECT\n        %s\n    FROM spending_part\n    GROUP BY customer\n"
					 "), spending AS (\n    SELECT\n"
					 "        s.customer,\n"
					 "        s.amount AS monetary,\n"
					 "        (s.n" CS_SQL("-") "s.n_bought)" CS_SQL("/") "s.n AS return_rate,\n"
					 "        %s AS discount_rate", sums.data,
					 r->discount == NULL ? "NULL::pg_catalog.float8" : CsSqlRatio("s.discounted", "s.n_bought", "numeric"));
	for (int i = 0; i < lengthof(parts_of_day); i++)
		appendStringInfo(sql, ",\n        %s AS %s_share", has_hours ? CsSqlRatio(psprintf("s.%s", parts_of_day[i].name), "s.n_hours", "numeric") : "NULL::numeric",
						 parts_of_day[i].name);
	appendStringInfo(sql, ",\n        %s AS weekend_share,\n"
					 "        %s AS favourite_weekday,\n"
					 "        %s AS season_share,\n"
					 "        coalesce(s.recent, 0::%s) AS recent,\n"
					 "        coalesce(s.before, 0::%s) AS before\n"
					 "    FROM summed AS s\n)", CsSqlRatio("s.day_6" CS_SQL("+") "s.day_7", "s.n_bought", "numeric"), FavouriteDay(),
					 CsSqlRatio(psprintf("greatest(%s)", Numbered("quarter", QUARTERS, ", ")), "s.bought", type), type, type);
}

/* How often customers bought each value of a column, and for how much. */
static void
AppendCounts(StringInfo sql, const CsFeaturesRequest *r, const CsColumn *column, const char *what)
{
	if (column == NULL)
		return;
	AppendPart(sql, r, psprintf("%s_part", what), true,
			   psprintf("t.%s AS %s, pg_catalog.count(*) AS n, pg_catalog.sum(%s) AS amount", CsSqlColumn(column), what, Amount(r)), 2);
}

/* All parts that features_sql.c makes of lines: "ordered", "spending", and of the columns given, product_part and so on. */
void
CsFeaturesAppendPieces(StringInfo sql, const CsFeaturesRequest *r)
{
	AppendOrders(sql, r);
	AppendSpending(sql, r);
	AppendCounts(sql, r, r->product, "product");
	AppendCounts(sql, r, r->category, "category");
	AppendCounts(sql, r, r->channel, "channel");
}

/* The query of the categories, each with what was spent in it, of the lines for which a condition holds; palloc'd. */
char *
CsFeaturesPiecesCategories(const CsFeaturesRequest *r, const char *condition)
{
	const char *category = CsSqlColumn(r->category);

	return psprintf("(SELECT p.category AS %s, pg_catalog.sum(p.amount) AS %s FROM (%s) AS p GROUP BY 1) AS t", category,
					CsSqlColumn(r->amount),
					CsPiecesUnion(r->pieces, psprintf("t.%s AS category, pg_catalog.sum(%s) AS amount", category, Amount(r)),
								  psprintf("WHERE %s GROUP BY 1", condition)));
}

/* The query of the first and the last time of the lines that count, whenever; palloc'd. */
static char *
TimesSql(const CsFeaturesRequest *r)
{
	return psprintf("SELECT pg_catalog.min(p.first) AS first, pg_catalog.max(p.last) AS last FROM (%s) AS p",
					CsPiecesUnion(r->pieces, psprintf("pg_catalog.min(%s) AS first, pg_catalog.max(%s) AS last", CsSqlTime(r->time), CsSqlTime(r->time)),
								  psprintf("WHERE %s", CsFeaturesCounts(r))));
}

/* The query that tells whether there are lines, and all of them are after the "as_of" that is given; palloc'd. */
char *
CsFeaturesPiecesTooEarly(const CsFeaturesRequest *r)
{
	return psprintf("SELECT coalesce(t.first" CS_SQL(">") "%s, false) AS too_early FROM (%s) AS t", CsFeaturesMoment(r), TimesSql(r));
}

/* The type that times of lines are read as. */
static Oid
TimeType(const CsFeaturesRequest *r)
{
	return r->time->converter.type == TIMESTAMPTZOID ? TIMESTAMPTZOID : TIMESTAMPOID;
}

/* A time as a literal of that type, whatever the settings; palloc'd. */
static const char *
TimeLiteral(const CsFeaturesRequest *r, Timestamp at)
{
	char		text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, TimestampGetDatum(at), TimeType(r), NULL);
	return psprintf("%s::%s", quote_literal_cstr(text), TimeType(r) == TIMESTAMPTZOID ? "pg_catalog.timestamptz" : "timestamp");
}

/* CsRowSink: the time of the latest line that counts, if there is one. */
static void
TakeLatest(void *state, const Datum *values, const bool *nulls)
{
	Timestamp  *latest = state;

	if (!nulls[1])
		*latest = DatumGetTimestamp(values[1]);
}

/* Find the moment that features are as of: that of the latest line; "is_empty" when there is none. */
static void
FindMoment(CsFeaturesRequest *r)
{
	CsRelation *query = CsRelationQuery(r->relation, TimesSql(r));
	Timestamp	latest = CS_NO_TIME;

	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeLatest, &latest);
	r->is_empty = latest == CS_NO_TIME;
	r->moment = TimeLiteral(r, r->is_empty ? 0 : latest);
}

/*
 * Have the lines summed up by the servers that have them, where these can: the request then has pieces, and the moment.  Else
 * lines are read.
 */
void
CsFeaturesPiecesOpen(CsFeaturesRequest *r)
{
	const CsPieces *pieces = CsPiecesToReduce(r->relation);
	bool		is_given = r->as_of != NULL;

	if (pieces == NULL || !CsIsComparable(r->customer) || (r->order != NULL && !CsIsComparable(r->order)))
		return;
	r->pieces = pieces;
	/* whether servers can is told by the query as of any moment */
	if (!is_given)
		r->moment = TimeLiteral(r, 0);
	if (!CsPiecesReduce(pieces, CsFeaturesSql(r)) || !CsPiecesReduce(pieces, TimesSql(r)))
	{
		r->pieces = NULL;
		r->moment = NULL;
		return;
	}
	if (!is_given)
		FindMoment(r);
}
