/*
 * features_sql.c
 *	  Writes the query that turns lines of orders into features of customers.
 *
 * One text serves all: customer_features() runs it, customer_features_sql() shows it, and
 * create_feature_view() makes a view of it; so they cannot differ.  Lines after "as of" are left out
 * at the start, and those before the look-back; everything else follows from the lines that are left:
 * nothing of the future leaks into a feature.  Each part is one GROUP BY over the lines or over the orders.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "orders/features.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* Lines in which a query looks for orders of several lines. */
#define LINES_LOOKED_AT 100000

/* The source as "t". */
static const char *
FromItem(const CsFeaturesRequest *r)
{
	return CsSqlFrom(r->relation);
}

/* ",\n  expression AS name" for a column that may be missing. */
static void
AppendLineColumn(StringInfo sql, const CsColumn *column, const char *cast, const char *name)
{
	if (column != NULL)
		appendStringInfo(sql, ",\n        t.%s%s AS %s", CsSqlColumn(column), cast, name);
}

/* A time of the time column, or of its type, in local time. */
static const char *
Local(const CsFeaturesRequest *r, const char *time)
{
	return CsSqlLocal(r->time, r->zone, time);
}

/* A timestamptz as the time column counts, or a time of that column as a timestamptz. */
static const char *
Instant(const CsFeaturesRequest *r, const char *time)
{
	return CsSqlInstant(r->time, r->zone, time);
}

/* The column of the times. */
static const char *
TimeOf(const CsFeaturesRequest *r)
{
	return CsSqlTime(r->time);
}

/* Which lines count, but for the time up to which they do. */
const char *
CsFeaturesCounts(const CsFeaturesRequest *r)
{
	return psprintf("t.%s IS NOT NULL AND pg_catalog.isfinite(t.%s) AND t.%s IS NOT NULL%s",
					CsSqlColumn(r->customer), CsSqlColumn(r->time), CsSqlColumn(r->amount),
					CsSqlFinite(r->amount));
}

/* The moment that features are as of, in the time column's own way; NULL where a query has to tell. */
const char *
CsFeaturesMoment(const CsFeaturesRequest *r)
{
	return r->as_of == NULL ? r->moment :
		Instant(r, psprintf("%s::pg_catalog.timestamptz", quote_literal_cstr(r->as_of)));
}

/* That moment as a query. */
static const char *
MomentQuery(const CsFeaturesRequest *r)
{
	if (CsFeaturesMoment(r) != NULL)
		return psprintf("SELECT %s AS as_of", CsFeaturesMoment(r));
	if (r->for_view)
		return psprintf("SELECT %s AS as_of", Instant(r, "pg_catalog.now()"));
	return psprintf("SELECT pg_catalog.max(%s) AS as_of FROM %s WHERE %s", TimeOf(r), FromItem(r), CsFeaturesCounts(r));
}

/* The time so long before "as_of" by the zone's calendar. */
static const char *
Before(const CsFeaturesRequest *r, const char *as_of, const char *interval)
{
	return CsSqlBefore(r->time, r->zone, as_of, interval);
}

/* The moment, the beginnings of the two windows before it, and that of what counts. */
static void
AppendMoment(StringInfo sql, const CsFeaturesRequest *r)
{
	int			window = r->options.window_days;

	appendStringInfo(sql, "WITH moment AS (\n"
					 "    SELECT\n"
					 "        m.as_of,\n");
	if (r->look_back != NULL)
		appendStringInfo(sql, "        %s AS look_start,\n", Before(r, "m.as_of", r->look_back));
	appendStringInfo(sql,
					 "        %s AS window_start,\n"
					 "        %s AS window_before\n"
					 "    FROM (%s) AS m\n)",
					 Before(r, "m.as_of", psprintf("interval '%d days'", window)),
					 Before(r, "m.as_of", psprintf("interval '%d days'", 2 * window)), MomentQuery(r));
}

/*
 * When a line was bought, for shares of the day: a date has no time of day, and midnight to the
 * microsecond is a date that became a timestamp.
 */
static void
AppendHour(StringInfo sql, const CsFeaturesRequest *r)
{
	if (r->time->converter.type == DATEOID)
		appendStringInfoString(sql, ",\n        NULL::int AS hour");
	else
		appendStringInfo(sql, ",\n        CASE WHEN %s::time" CS_SQL("<>") "time '00:00' THEN pg_catalog.date_part('hour', %s::time)::int END AS hour",
						 Local(r, TimeOf(r)), Local(r, TimeOf(r)));
}

/* What makes lines one order: the same key, and for lines without an order's number a key of their own. */
static void
AppendOrderKey(StringInfo sql, const CsFeaturesRequest *r)
{
	if (r->order != NULL)
		appendStringInfo(sql, ",\n        t.%s AS order_key,\n        CASE WHEN t.%s IS NULL THEN pg_catalog.row_number() OVER () END AS line_key",
						 CsSqlColumn(r->order), CsSqlColumn(r->order));
	else if (r->options.same_day)
		appendStringInfo(sql, ",\n        pg_catalog.date_trunc('day', %s) AS order_key", Local(r, TimeOf(r)));
	else
		appendStringInfoString(sql, ",\n        pg_catalog.row_number() OVER () AS order_key");
}

/* How amounts are summed. */
static const char *
SumType(const CsFeaturesRequest *r)
{
	return CsSqlSumType(r->amount);
}

/* Which of the lines that count are purchases. */
const char *
CsFeaturesBought(const CsFeaturesRequest *r)
{
	return r->options.returns == CS_RETURNS_COUNT ? "true" :
		psprintf("t.%s" CS_SQL(">=") "%s", CsSqlColumn(r->amount), CsSqlZero(r->amount));
}

/* The query that counts purchases, each with its customer and time, and those of them at the time of another one of the customer. */
static char *
AtOnceOf(const char *purchases)
{
	return psprintf("SELECT coalesce(pg_catalog.sum(c.n" CS_SQL("-") "1), 0)::bigint AS at_once, coalesce(pg_catalog.sum(c.n), 0)::bigint AS lines "
					"FROM (SELECT pg_catalog.count(*) AS n FROM %s GROUP BY customer, at) AS c", purchases);
}

/*
 * The query that counts purchases, of the first ones of a query that gives the customer and the time of each, and
 * those of them at the time of another one of the customer.
 */
static char *
AtOnceQuery(const char *purchases)
{
	return AtOnceOf(psprintf("(%s LIMIT %d) AS purchase", purchases, LINES_LOOKED_AT));
}

/* The lines that count. */
static void
AppendLines(StringInfo sql, const CsFeaturesRequest *r)
{
	appendStringInfo(sql, ", line AS (\n    SELECT\n        t.%s AS customer,\n        %s AS at,\n        t.%s::%s AS amount",
					 CsSqlColumn(r->customer), TimeOf(r), CsSqlColumn(r->amount), SumType(r));
	AppendHour(sql, r);
	appendStringInfo(sql, ",\n        pg_catalog.date_part('isodow', %s)::int AS weekday,\n        pg_catalog.date_part('quarter', %s)::int AS quarter",
					 Local(r, TimeOf(r)), Local(r, TimeOf(r)));
	AppendOrderKey(sql, r);
	AppendLineColumn(sql, r->product, "", "product");
	AppendLineColumn(sql, r->category, "", "category");
	AppendLineColumn(sql, r->channel, "", "channel");
	if (r->discount != NULL)
		appendStringInfo(sql, ",\n        coalesce(t.%s%s, false) AS discounted", CsSqlColumn(r->discount),
						 r->discount->converter.kind == CS_BOOLEAN ? "" :
						 psprintf(CS_SQL(">") "%s", CsSqlZero(r->discount)));
	AppendLineColumn(sql, r->quantity, "", "quantity");
	appendStringInfo(sql, ",\n        %s AS bought\n    FROM %s, moment\n"
					 "    WHERE %s AND %s" CS_SQL("<=") "moment.as_of\n",
					 CsFeaturesBought(r), FromItem(r), CsFeaturesCounts(r), TimeOf(r));
	if (r->look_back != NULL)
		appendStringInfo(sql, "        AND %s" CS_SQL(">") "moment.look_start\n", TimeOf(r));
	if (r->options.returns == CS_RETURNS_IGNORE)
		appendStringInfo(sql, "        AND %s\n", CsFeaturesBought(r));
	appendStringInfoString(sql, ")");
}

/* The numbered orders of a day as one; with the sum of quantities, if there are some. */
void
CsFeaturesAppendByDay(StringInfo sql, const CsFeaturesRequest *r, const char *quantity)
{
	appendStringInfo(sql, ", orders AS (\n"
					 "    SELECT customer, pg_catalog.min(at) AS at, pg_catalog.max(last) AS last, pg_catalog.sum(amount) AS amount, pg_catalog.sum(lines) AS lines%s\n"
					 "    FROM numbered\n"
					 "    GROUP BY customer, pg_catalog.date_trunc('day', %s)\n)",
					 quantity, Local(r, "at"));
}

/*
 * Orders: where orders of a day are one, of a day.  "last" is the time of the last of them, and "at" of
 * the first.
 */
static void
AppendOrders(StringInfo sql, const CsFeaturesRequest *r)
{
	const char *quantity = r->quantity != NULL ? ", pg_catalog.sum(quantity) AS quantity" : "";
	bool		by_day = r->order != NULL && r->options.same_day;

	appendStringInfo(sql, ", %s AS (\n"
					 "    SELECT customer, pg_catalog.min(at) AS at, pg_catalog.%s(at) AS last, pg_catalog.sum(amount) AS amount, pg_catalog.count(*) AS lines%s\n"
					 "    FROM line\n"
					 "    WHERE bought\n"
					 "    GROUP BY customer, order_key%s\n)",
					 by_day ? "numbered" : "orders", r->order != NULL ? "min" : "max", quantity,
					 r->order != NULL ? ", line_key" : "");
	if (by_day)
		CsFeaturesAppendByDay(sql, r, quantity);
}

/* What gaps between the orders of a customer come to. */
const char *const CsFeaturesGaps =
"pg_catalog.sum(gap)" CS_SQL("/") "pg_catalog.count(gap)::pg_catalog.float8" CS_SQL("/") "86400000000::pg_catalog.float8 AS days_between_mean,\n"
"        CASE WHEN pg_catalog.avg(gap)" CS_SQL("<>") "0::pg_catalog.float8 THEN pg_catalog.stddev_samp(gap)" CS_SQL("/") "pg_catalog.avg(gap) END AS days_between_variation";

/* The orders of a customer, and the gaps between them in microseconds. */
void
CsFeaturesAppendOrdered(StringInfo sql, const CsFeaturesRequest *r)
{
	appendStringInfo(sql, ", spaced AS (\n"
					 "    SELECT customer, at, last, amount, lines%s,\n"
					 "        %s AS gap\n"
					 "    FROM orders\n"
					 "), ordered AS (\n"
					 "    SELECT\n"
					 "        customer,\n"
					 "        pg_catalog.count(*) AS frequency,\n"
					 "        pg_catalog.min(at) AS first_purchase,\n"
					 "        pg_catalog.max(last) AS last_purchase,\n"
					 "        pg_catalog.max(amount) AS largest_order,\n"
					 "        pg_catalog.avg(lines) AS lines_per_order,\n"
					 "        %s AS quantity_per_order,\n"
					 "        %s\n"
					 "    FROM spaced\n"
					 "    GROUP BY customer\n)",
					 r->quantity != NULL ? ", quantity" : "",
					 CsSqlMicroseconds(r->time, "pg_catalog.lag(at) OVER (PARTITION BY customer ORDER BY at)", "at"),
					 r->quantity != NULL ? "pg_catalog.avg(quantity)" : "NULL::pg_catalog.float8", CsFeaturesGaps);
}

/* Share of the purchases that a condition holds for. */
static void
AppendShare(StringInfo sql, const char *condition, const char *name)
{
	appendStringInfo(sql, ",\n        pg_catalog.avg((%s)::int) FILTER (WHERE bought) AS %s", condition, name);
}

/* What follows from the lines as they are. */
static void
AppendSpending(StringInfo sql, const CsFeaturesRequest *r)
{
	StringInfoData greatest;

	appendStringInfo(sql, ", spending AS (\n"
					 "    SELECT\n"
					 "        customer,\n"
					 "        pg_catalog.sum(amount) AS monetary,\n"
					 "        pg_catalog.avg((NOT bought)::int) AS return_rate");
	if (r->discount != NULL)
		AppendShare(sql, "discounted", "discount_rate");
	else
		appendStringInfoString(sql, ",\n        NULL::pg_catalog.float8 AS discount_rate");
	AppendShare(sql, "hour" CS_SQL(">=") "6 AND hour" CS_SQL("<") "12", "morning_share");
	AppendShare(sql, "hour" CS_SQL(">=") "12 AND hour" CS_SQL("<") "18", "afternoon_share");
	AppendShare(sql, "hour" CS_SQL(">=") "18 AND hour" CS_SQL("<") "22", "evening_share");
	AppendShare(sql, "hour" CS_SQL(">=") "22 OR hour" CS_SQL("<") "6", "night_share");
	AppendShare(sql, "weekday" CS_SQL(">=") "6", "weekend_share");
	initStringInfo(&greatest);
	for (int quarter = 1; quarter <= 4; quarter++)
		appendStringInfo(&greatest, "%spg_catalog.sum(amount) FILTER (WHERE bought AND quarter" CS_SQL("=") "%d)",
						 quarter > 1 ? ", " : "greatest(", quarter);
	appendStringInfoChar(&greatest, ')');
	appendStringInfo(sql, ",\n        pg_catalog.mode() WITHIN GROUP (ORDER BY weekday) FILTER (WHERE bought) AS favourite_weekday,\n"
					 "        %s AS season_share,\n"
					 "        coalesce(pg_catalog.sum(amount) FILTER (WHERE at" CS_SQL(">") "window_start), 0::%s) AS recent,\n"
					 "        coalesce(pg_catalog.sum(amount) FILTER (WHERE at" CS_SQL("<=") "window_start AND at" CS_SQL(">") "window_before), 0::%s) AS before\n"
					 "    FROM line, moment\n"
					 "    GROUP BY customer\n)",
					 CsSqlRatio(greatest.data, "pg_catalog.sum(amount) FILTER (WHERE bought)", SumType(r)), SumType(r), SumType(r));
}

/*
 * The number of different values of a column that a customer bought, how evenly, and the most
 * frequent.
 */
static void
AppendVariety(StringInfo sql, const CsFeaturesRequest *r, const CsColumn *column, const char *what)
{
	const char *n = r->pieces == NULL ? "pg_catalog.count(*)" : "pg_catalog.sum(custseg_private.rows_counted(n))";

	if (column == NULL)
		return;
	appendStringInfo(sql, ", %s_count AS (\n"
					 "    SELECT customer, %s, %s::pg_catalog.float8 AS n, pg_catalog.sum(%s::pg_catalog.float8) OVER (PARTITION BY customer) AS total\n"
					 "    FROM %s %s IS NOT NULL\n"
					 "    GROUP BY customer, %s\n"
					 "), %s_variety AS (\n"
					 "    SELECT\n"
					 "        customer,\n"
					 "        pg_catalog.count(*) AS different,\n"
					 "        pg_catalog.abs(pg_catalog.sum((n" CS_SQL("/") "total)" CS_SQL("*") "pg_catalog.ln(n" CS_SQL("/") "total))) AS entropy,\n"
					 "        (pg_catalog.array_agg(%s ORDER BY n DESC, %s))[1] AS favourite,\n"
					 "        pg_catalog.max(n" CS_SQL("/") "total) AS favourite_share\n"
					 "    FROM %s_count\n"
					 "    GROUP BY customer\n)",
					 what, what, n, n, r->pieces == NULL ? "line\n    WHERE bought AND" : psprintf("%s_part\n    WHERE", what),
					 what, what, what, what, what, what);
}

/* Shares of what was spent, category by category. */
static void
AppendCategoryShares(StringInfo sql, const CsFeaturesRequest *r)
{
	ListCell   *cell;
	int			number = 0;

	if (r->category == NULL)
		return;
	appendStringInfoString(sql, ", category_spending AS (\n    SELECT customer");
	foreach(cell, r->categories)
	{
		const char *amount = psprintf("pg_catalog.sum(amount) FILTER (WHERE %s" CS_SQL("=") "%s)", CsSqlText(r->category, "category"),
									  quote_literal_cstr(lfirst(cell)));

		appendStringInfo(sql, ",\n        coalesce(%s, 0::%s)::pg_catalog.float8 AS share_%d",
						 CsSqlRatio(amount, "pg_catalog.sum(amount)", SumType(r)), SumType(r), ++number);
	}
	appendStringInfo(sql, "\n    FROM %s\n    GROUP BY customer\n)", r->pieces == NULL ? "line\n    WHERE bought" : "category_part");
}

/* The shares as columns of a view, or as one json object. */
static void
AppendSharesColumns(StringInfo sql, const CsFeaturesRequest *r, bool for_view)
{
	ListCell   *cell;
	List	   *taken = NIL;
	int			number = 0;

	if (!for_view)
		appendStringInfoString(sql, r->categories == NIL ? ",\n    NULL::pg_catalog.jsonb" :
							   ",\n    pg_catalog.jsonb_build_object(");
	foreach(cell, r->categories)
	{
		number++;
		if (for_view)
			appendStringInfo(sql, ",\n    s.share_%d AS %s", number,
							 quote_identifier(CsSqlNewColumn("share_", lfirst(cell), "", &taken)));
		else
			appendStringInfo(sql, "%s%s, s.share_%d::numeric", number > 1 ? ", " : "",
							 quote_literal_cstr(lfirst(cell)), number);
	}
	if (!for_view)
		appendStringInfoString(sql, r->categories == NIL ? " AS category_shares" :
							   ") AS category_shares");
}

/* Join a part that may be missing. */
static void
AppendJoin(StringInfo sql, const CsFeaturesRequest *r, bool there, const char *part, const char *alias)
{
	if (there)
		appendStringInfo(sql, "\nLEFT JOIN %s AS %s ON %s", part, alias, CsSqlSame(r->customer, psprintf("%s.customer", alias), "o.customer"));
}

/* A result that needs a column of the lines: without it, NULL, and no column of a view. */
static void
AppendOptional(StringInfo sql, const CsColumn *column, bool for_view, const char *expression,
			   const char *type, const char *name)
{
	if (column != NULL || !for_view)
		appendStringInfo(sql, ",\n    %s::%s AS %s", column != NULL ? expression : "NULL", type,
						 name);
}

/* The same for one that is the text of a value. */
static void
AppendText(StringInfo sql, const CsColumn *column, bool for_view, const char *value, const char *name)
{
	if (column != NULL || !for_view)
		appendStringInfo(sql, ",\n    %s AS %s", column != NULL ? CsSqlText(column, value) : "NULL::pg_catalog.text",
						 name);
}

/* What the lines come to: their orders, and spending. */
static void
AppendOfLines(StringInfo sql, const CsFeaturesRequest *r)
{
	AppendLines(sql, r);
	AppendOrders(sql, r);
	CsFeaturesAppendOrdered(sql, r);
	AppendSpending(sql, r);
}

/*
 * The query that computes the features, palloc'd.  For a view (for_view) there is a column for each
 * category, and the features are as of now().
 */
char *
CsFeaturesSql(const CsFeaturesRequest *r)
{
	StringInfoData sql;
	bool		for_view = r->for_view;
	bool		looks = !for_view && CsFeaturesLinesAreOrders(r);

	initStringInfo(&sql);
	AppendMoment(&sql, r);
	if (r->pieces != NULL)
		CsFeaturesAppendPieces(&sql, r);
	else
		AppendOfLines(&sql, r);
	AppendVariety(&sql, r, r->product, "product");
	AppendVariety(&sql, r, r->category, "category");
	AppendVariety(&sql, r, r->channel, "channel");
	AppendCategoryShares(&sql, r);
	/* once, and not for each customer */
	if (looks)
		appendStringInfo(&sql, ", looked AS MATERIALIZED (%s)",
						 r->pieces == NULL ? AtOnceQuery("SELECT customer, at FROM line WHERE bought") : AtOnceOf("order_time"));
	appendStringInfo(&sql, "\nSELECT\n    o.customer%s AS %s,\n"
					 "    %s AS as_of,\n"
					 "    %s AS first_purchase,\n"
					 "    %s AS last_purchase,\n"
					 "    %s AS days_since_last,\n"
					 "    %s AS tenure_days,\n"
					 "    o.frequency,\n"
					 "    p.monetary::pg_catalog.float8 AS monetary,\n"
					 "    p.monetary::pg_catalog.float8" CS_SQL("/") "o.frequency::pg_catalog.float8 AS average_order,\n"
					 "    o.largest_order::pg_catalog.float8 AS largest_order,\n"
					 "    o.lines_per_order::pg_catalog.float8 AS lines_per_order,\n"
					 "%s"
					 "    o.days_between_mean::pg_catalog.float8 AS days_between_mean,\n"
					 "    o.days_between_variation::pg_catalog.float8 AS days_between_variation",
					 for_view ? "" : "::pg_catalog.text", for_view ? CsSqlColumn(r->customer) : "customer_id",
					 Instant(r, "moment.as_of"), Instant(r, "o.first_purchase"),
					 Instant(r, "o.last_purchase"),
					 CsSqlDays(r->time, "o.last_purchase", "moment.as_of"), CsSqlDays(r->time, "o.first_purchase", "moment.as_of"),
					 r->quantity != NULL || !for_view ?
					 "    o.quantity_per_order::pg_catalog.float8 AS quantity_per_order,\n" : "");
	AppendOptional(&sql, r->product, for_view, "v.different", "bigint", "n_products");
	AppendOptional(&sql, r->product, for_view, "v.entropy", "pg_catalog.float8", "product_entropy");
	AppendText(&sql, r->category, for_view, "c.favourite", "favourite_category");
	AppendOptional(&sql, r->category, for_view, "c.entropy", "pg_catalog.float8", "category_entropy");
	AppendSharesColumns(&sql, r, for_view);
	AppendText(&sql, r->channel, for_view, "h.favourite", "favourite_channel");
	AppendOptional(&sql, r->channel, for_view, "h.favourite_share", "pg_catalog.float8", "favourite_channel_share");
	appendStringInfo(&sql, ",\n    p.return_rate::pg_catalog.float8 AS return_rate");
	AppendOptional(&sql, r->discount, for_view, "p.discount_rate", "pg_catalog.float8", "discount_rate");
	appendStringInfo(&sql, ",\n"
					 "    p.morning_share::pg_catalog.float8 AS morning_share,\n"
					 "    p.afternoon_share::pg_catalog.float8 AS afternoon_share,\n"
					 "    p.evening_share::pg_catalog.float8 AS evening_share,\n"
					 "    p.night_share::pg_catalog.float8 AS night_share,\n"
					 "    p.weekend_share::pg_catalog.float8 AS weekend_share,\n"
					 "    (ARRAY['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])[p.favourite_weekday] AS favourite_weekday,\n"
					 "    p.season_share::pg_catalog.float8 AS season_share,\n"
					 "    (%s)::pg_catalog.float8 AS spend_trend,\n"
					 "    CASE\n"
					 "        WHEN o.first_purchase" CS_SQL(">") "moment.window_start THEN 'new'\n"
					 "        WHEN o.last_purchase" CS_SQL(">") "moment.window_start THEN 'active'\n"
					 "        WHEN o.last_purchase" CS_SQL(">") "moment.window_before THEN 'lapsing'\n"
					 "        ELSE 'lapsed'\n"
					 "    END AS lifecycle%s\n"
					 "FROM ordered AS o\n"
					 "CROSS JOIN moment\n"
					 "JOIN spending AS p ON %s", CsSqlRatio("p.recent" CS_SQL("-") "p.before", "(pg_catalog.abs(p.recent)" CS_SQL("+") "pg_catalog.abs(p.before))", SumType(r)),
					 looks ? ",\n    l.at_once,\n    l.lines" : "", CsSqlSame(r->customer, "p.customer", "o.customer"));
	AppendJoin(&sql, r, r->product != NULL, "product_variety", "v");
	AppendJoin(&sql, r, r->category != NULL, "category_variety", "c");
	AppendJoin(&sql, r, r->channel != NULL, "channel_variety", "h");
	AppendJoin(&sql, r, r->category != NULL, "category_spending", "s");
	if (looks)
		appendStringInfoString(&sql, "\nCROSS JOIN looked AS l");
	return sql.data;
}

/* That a line is not after the "as_of" that is given. */
static const char *
AsOfCondition(const CsFeaturesRequest *r)
{
	return psprintf(" AND %s" CS_SQL("<=") "%s", TimeOf(r),
					Instant(r, psprintf("%s::pg_catalog.timestamptz", quote_literal_cstr(r->as_of))));
}

/* Which lines count when a query is written, by their time. */
static const char *
TimeCondition(const CsFeaturesRequest *r)
{
	const char *upto = r->as_of == NULL ? "" : AsOfCondition(r);

	if (r->look_back == NULL)
		return upto;
	if (r->pieces != NULL)
		return psprintf("%s AND %s" CS_SQL(">") "%s", upto, TimeOf(r), Before(r, CsFeaturesMoment(r), r->look_back));
	return psprintf("%s AND %s" CS_SQL(">") "(SELECT %s FROM (%s) AS m)", upto, TimeOf(r),
					Before(r, "m.as_of", r->look_back), MomentQuery(r));
}

/* The query that lists the categories with the highest sums, palloc'd. */
char *
CsFeaturesCategoriesSql(const CsFeaturesRequest *r)
{
	const char *condition = psprintf("t.%s IS NOT NULL%s%s", CsSqlColumn(r->category), CsSqlFinite(r->amount), TimeCondition(r));

	return psprintf("SELECT %s AS category FROM %s GROUP BY t.%s ORDER BY pg_catalog.sum(t.%s) DESC NULLS LAST, t.%s LIMIT %d",
					CsSqlText(r->category, psprintf("t.%s", CsSqlColumn(r->category))),
					r->pieces != NULL ? CsFeaturesPiecesCategories(r, condition) : psprintf("%s WHERE %s", FromItem(r), condition),
					CsSqlColumn(r->category), CsSqlColumn(r->amount), CsSqlColumn(r->category),
					r->options.top_categories);
}

/* The query that tells whether there are lines, and all of them are after the "as_of" that is given; palloc'd. */
char *
CsFeaturesTooEarlySql(const CsFeaturesRequest *r)
{
	const char *line;

	if (r->pieces != NULL)
		return CsFeaturesPiecesTooEarly(r);
	line = psprintf("EXISTS (SELECT FROM %s WHERE %s", FromItem(r), CsFeaturesCounts(r));

	return psprintf("SELECT NOT %s%s) AND %s) AS too_early", line, AsOfCondition(r), line);
}

/* Does each line count as an order? */
bool
CsFeaturesLinesAreOrders(const CsFeaturesRequest *r)
{
	return r->order == NULL && !r->options.same_day;
}

/* The query that counts lines at the time of another one, and the lines that it looks at; palloc'd. */
char *
CsFeaturesAtOnceSql(const CsFeaturesRequest *r)
{
	return AtOnceQuery(psprintf("SELECT t.%s AS customer, %s AS at FROM %s WHERE %s AND %s%s",
								CsSqlColumn(r->customer), TimeOf(r), FromItem(r), CsFeaturesCounts(r),
								CsFeaturesBought(r), TimeCondition(r)));
}
