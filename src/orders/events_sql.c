/*
 * events_sql.c
 *	  Writes the query that turns events into what tells how engaged customers are.
 *
 * customer_events() runs it, customer_events_sql() shows it, and create_feature_view() makes it a part of its view.
 * Events after "as of" are left out at the start, and those before the look-back; everything else follows from the
 * events that are left.  Counts are of whole numbers, values of decimal types are summed exactly, and so are the parts
 * of the score: nothing depends on the order in which rows are read.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "orders/events.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* A month, so many half-lives after which an event no longer counts, and the parts of 1 that scores are made of, 2^40. */
#define MONTH_DAYS "30.4375::pg_catalog.float8"
#define MOST_HALF_LIVES "100::pg_catalog.float8"
#define SCORE_PARTS "1099511627776::pg_catalog.float8"


/* What customers without an event have of what is counted, and of what is a sum or a rate. */
#define NO_EVENTS "0::bigint"
#define NO_VALUE "0::pg_catalog.float8"

/* Which events count, but for the time up to which they do. */
static const char *
CountsCondition(const CsEventsRequest *r)
{
	return psprintf("t.%s IS NOT NULL AND pg_catalog.isfinite(t.%s) AND t.%s IS NOT NULL",
					CsSqlColumn(r->customer), CsSqlColumn(r->time), CsSqlColumn(r->kind));
}

/* The moment that features are as of, as a query. */
static const char *
MomentQuery(const CsEventsRequest *r)
{
	if (r->as_of != NULL)
		return psprintf("SELECT %s AS as_of",
						CsSqlInstant(r->time, r->zone, psprintf("%s::pg_catalog.timestamptz", quote_literal_cstr(r->as_of))));
	if (r->for_view)
		return psprintf("SELECT %s AS as_of", CsSqlInstant(r->time, r->zone, "pg_catalog.now()"));
	return psprintf("SELECT pg_catalog.max(%s) AS as_of FROM %s WHERE %s", CsSqlTime(r->time), CsSqlFrom(r->relation),
					CountsCondition(r));
}

/* So many days before the moment, by the zone's calendar. */
static const char *
DaysBefore(const CsEventsRequest *r, int days)
{
	return CsSqlBefore(r->time, r->zone, "m.as_of", psprintf("interval '%d days'", days));
}

/* The moment, and the beginnings of all windows before it. */
static void
AppendMoment(StringInfo sql, const CsEventsRequest *r)
{
	ListCell   *cell;

	appendStringInfoString(sql, "WITH moment AS (\n    SELECT\n        m.as_of");
	if (r->look_back != NULL)
		appendStringInfo(sql, ",\n        %s AS look_start", CsSqlBefore(r->time, r->zone, "m.as_of", r->look_back));
	foreach(cell, r->windows)
		appendStringInfo(sql, ",\n        %s AS start_%d", DaysBefore(r, lfirst_int(cell)), lfirst_int(cell));
	appendStringInfo(sql, ",\n        %s AS trend_start,\n        %s AS trend_before\n    FROM (%s) AS m\n)",
					 DaysBefore(r, r->options.window_days), DaysBefore(r, 2 * r->options.window_days), MomentQuery(r));
}

/* The number of an event's kind among those that have features of their own, from 1; NULL for others. */
static void
AppendKindNumber(StringInfo sql, const CsEventsRequest *r)
{
	const char *text = CsSqlText(r->kind, psprintf("t.%s", CsSqlColumn(r->kind)));
	ListCell   *cell;

	if (r->kinds == NIL)
	{
		appendStringInfoString(sql, ",\n        NULL::int AS kind");
		return;
	}
	appendStringInfoString(sql, ",\n        CASE");
	foreach(cell, r->kinds)
		appendStringInfo(sql, "\n            WHEN %s" CS_SQL("=") "%s THEN %d", text,
						 quote_literal_cstr(((CsEventsKind *) lfirst(cell))->name), foreach_current_index(cell) + 1);
	appendStringInfoString(sql, "\n        END AS kind");
}

/* The value of an event, where it has a finite one. */
static void
AppendValue(StringInfo sql, const CsEventsRequest *r)
{
	const char *finite;

	if (r->value == NULL)
		return;
	finite = CsSqlFinite(r->value);
	appendStringInfo(sql, ",\n        CASE WHEN t.%s IS NOT NULL%s THEN t.%s::%s END AS value", CsSqlColumn(r->value),
					 finite, CsSqlColumn(r->value), CsSqlSumType(r->value));
}

/* The events that count. */
static void
AppendEvents(StringInfo sql, const CsEventsRequest *r)
{
	const char *at = CsSqlTime(r->time),
			   *local = CsSqlLocal(r->time, r->zone, at);

	appendStringInfo(sql, ", event AS (\n    SELECT\n        t.%s AS customer,\n        %s AS at,\n        %s::pg_catalog.date AS day",
					 CsSqlColumn(r->customer), at, local);
	if (r->time->converter.type == DATEOID)
		appendStringInfoString(sql, ",\n        NULL::int AS hour");
	else
		appendStringInfo(sql, ",\n        pg_catalog.date_part('hour', %s)::int AS hour", local);
	AppendKindNumber(sql, r);
	AppendValue(sql, r);
	appendStringInfo(sql, "\n    FROM %s, moment\n    WHERE %s AND %s" CS_SQL("<=") "moment.as_of\n", CsSqlFrom(r->relation),
					 CountsCondition(r), at);
	if (r->look_back != NULL)
		appendStringInfo(sql, "        AND %s" CS_SQL(">") "moment.look_start\n", at);
	appendStringInfoString(sql, ")");
}

/*
 * Events with the number of their customer's session.  Which of several events at one time begins a session depends on
 * the order of rows; the number does not, for all of them have the sum up to the last.
 */
static void
AppendSessions(StringInfo sql, const CsEventsRequest *r)
{
	const char *value = r->value != NULL ? ", value" : "";

	appendStringInfo(sql, ", spaced AS (\n"
					 "    SELECT customer, at, day, hour, kind%s,\n"
					 "        CASE WHEN %s" CS_SQL("<=") "%s THEN 0 ELSE 1 END AS begins\n"
					 "    FROM event\n"
					 "), seen AS (\n"
					 "    SELECT customer, at, day, hour, kind%s, pg_catalog.sum(begins) OVER (PARTITION BY customer ORDER BY at) AS session\n"
					 "    FROM spaced\n)",
					 value, CsSqlSpan(r->time, "pg_catalog.lag(at) OVER (PARTITION BY customer ORDER BY at)", "at"), r->session_gap, value);
}

/* The weight of an event. */
static const char *
Weight(const CsEventsRequest *r)
{
	StringInfoData sql;
	ListCell   *cell;

	if (!r->has_weights)
		return "1::pg_catalog.float8";
	initStringInfo(&sql);
	appendStringInfoString(&sql, "CASE");
	foreach(cell, r->kinds)
	{
		const CsEventsKind *kind = lfirst(cell);

		if (kind->weight != NULL)
			appendStringInfo(&sql, " WHEN kind" CS_SQL("=") "%d THEN %s::pg_catalog.float8", foreach_current_index(cell) + 1,
							 quote_literal_cstr(kind->weight));
	}
	appendStringInfoString(&sql, " ELSE 0::pg_catalog.float8 END");
	return sql.data;
}

/* What an event adds to the score, as a whole number of small parts, whose sum is the same in any order. */
static const char *
Part(const CsEventsRequest *r)
{
	const char *lives = psprintf("(%s" CS_SQL("/") "%s::pg_catalog.float8)", CsSqlDays(r->time, "at", "moment.as_of"),
								 quote_literal_cstr(psprintf("%.17g", r->options.half_life_days)));

	return psprintf("CASE WHEN %s" CS_SQL("<=") "%s THEN pg_catalog.round(%s" CS_SQL("*") "pg_catalog.power(0.5::pg_catalog.float8, %s)" CS_SQL("*") "%s)::bigint ELSE 0::bigint END", lives,
					MOST_HALF_LIVES, Weight(r), lives, SCORE_PARTS);
}

/* The events of each customer, and those of each kind of each, counted in one pass over them, sorted once. */
static void
AppendCounts(StringInfo sql, const CsEventsRequest *r)
{
	ListCell   *cell;

	appendStringInfo(sql,
					 ", counted AS (\n    SELECT\n        customer,\n"
					 "        %s AS of_all,\n"
					 "        pg_catalog.count(*) AS n,\n"
					 "        pg_catalog.min(at) AS first,\n"
					 "        pg_catalog.max(at) AS last,\n"
					 "        pg_catalog.count(DISTINCT day) AS active_days,\n"
					 "        pg_catalog.count(DISTINCT session) AS sessions,\n"
					 "        pg_catalog.mode() WITHIN GROUP (ORDER BY hour) AS favourite_hour,\n"
					 "        pg_catalog.count(*) FILTER (WHERE at" CS_SQL(">") "trend_start) AS recent,\n"
					 "        pg_catalog.count(*) FILTER (WHERE at" CS_SQL("<=") "trend_start AND at" CS_SQL(">") "trend_before) AS before,\n"
					 "        pg_catalog.sum(%s) AS score", r->kinds != NIL ? "kind,\n        grouping(kind)" : "1", Part(r));
	foreach(cell, r->windows)
		appendStringInfo(sql, ",\n        pg_catalog.count(*) FILTER (WHERE at" CS_SQL(">") "start_%d) AS n_%d", lfirst_int(cell), lfirst_int(cell));
	if (r->value != NULL)
		appendStringInfoString(sql, ",\n        pg_catalog.sum(value) AS value");
	appendStringInfo(sql, "\n    FROM seen, moment\n    GROUP BY %s\n)",
					 r->kinds != NIL ? "GROUPING SETS ((customer, kind), (customer))" : "customer");
}

/* A count of all events of a customer, as one of the customer. */
static void
AppendOfAll(StringInfo sql, const char *column)
{
	appendStringInfo(sql, ",\n        pg_catalog.max(%s) FILTER (WHERE of_all" CS_SQL("=") "1) AS %s", column, column);
}

/* The same of a kind, by the kind's number. */
static void
AppendOfKind(StringInfo sql, int kind, const char *column)
{
	appendStringInfo(sql, ",\n        pg_catalog.max(%s) FILTER (WHERE kind" CS_SQL("=") "%d) AS %s_%d", column, kind, column, kind);
}

/* Customers, with what each did, and did of each kind, in one row. */
static void
AppendCustomers(StringInfo sql, const CsEventsRequest *r)
{
	static const char *const columns[] = {"n", "last", "active_days", "sessions", "favourite_hour", "recent", "before"};

	appendStringInfoString(sql, ", engaged AS (\n    SELECT customer");
	for (int i = 0; i < lengthof(columns); i++)
		AppendOfAll(sql, columns[i]);
	AppendOfAll(sql, "first");
	AppendOfAll(sql, "score");
	if (r->value != NULL)
		AppendOfAll(sql, "value");
	for (int kind = 1; kind <= list_length(r->kinds); kind++)
	{
		ListCell   *cell;

		for (int i = 0; i < lengthof(columns); i++)
			AppendOfKind(sql, kind, columns[i]);
		foreach(cell, r->windows)
			AppendOfKind(sql, kind, psprintf("n_%d", lfirst_int(cell)));
		if (r->value != NULL)
			AppendOfKind(sql, kind, "value");
	}
	appendStringInfoString(sql, "\n    FROM counted\n    GROUP BY customer\n)");
}

/* The trend of two counts, of -1 to 1; NULL where both are 0. */
static const char *
Trend(const char *recent, const char *before)
{
	return CsSqlRatio(psprintf("(%s" CS_SQL("-") "%s)::pg_catalog.float8", recent, before),
					  psprintf("(%s" CS_SQL("+") "%s)::pg_catalog.float8", recent, before), "pg_catalog.float8");
}

/* Events a month: those who have been known for less than a month are taken to have been for one. */
static const char *
PerMonth(const CsEventsRequest *r, const char *n)
{
	return psprintf("%s::pg_catalog.float8" CS_SQL("*") "%s" CS_SQL("/") "greatest(%s, %s)", n, MONTH_DAYS, CsSqlDays(r->time, "e.first", "moment.as_of"), MONTH_DAYS);
}

/* A column of a kind in the row of a customer, 0 for who has none. */
static const char *
CountOf(const char *column, int kind)
{
	return psprintf("coalesce(e.%s_%d, 0::bigint)", column, kind);
}

/*
 * Called with each measure of a kind: its name, the expression for it, and what a customer without any event has, NULL
 * for nothing.
 */
typedef void (*MeasureTaker) (StringInfo sql, CsEventsRequest *r, const char *kind, const char *name, const char *expression,
							  const char *otherwise);

/* Give the measures of the kind with that number, from 1, to a taker. */
static void
EachMeasure(StringInfo sql, CsEventsRequest *r, int kind, MeasureTaker take)
{
	const char *name = ((CsEventsKind *) list_nth(r->kinds, kind - 1))->name;
	ListCell   *cell;

	take(sql, r, name, "n", CountOf("n", kind), NO_EVENTS);
	foreach(cell, r->windows)
		take(sql, r, name, psprintf("n_%dd", lfirst_int(cell)), CountOf(psprintf("n_%d", lfirst_int(cell)), kind), NO_EVENTS);
	take(sql, r, name, "per_month", PerMonth(r, CountOf("n", kind)), NO_VALUE);
	take(sql, r, name, "days_since_last", CsSqlDays(r->time, psprintf("e.last_%d", kind), "moment.as_of"), NULL);
	take(sql, r, name, "trend", Trend(CountOf("recent", kind), CountOf("before", kind)), NULL);
	take(sql, r, name, "active_days", CountOf("active_days", kind), NO_EVENTS);
	take(sql, r, name, "sessions", CountOf("sessions", kind), NO_EVENTS);
	if (r->time->converter.type != DATEOID)
		take(sql, r, name, "favourite_hour", psprintf("e.favourite_hour_%d", kind), NULL);
	if (r->value != NULL)
		take(sql, r, name, "value", psprintf("coalesce(e.value_%d, 0::%s)::pg_catalog.float8", kind, CsSqlSumType(r->value)), NO_VALUE);
}

/* A column of the query, whose name is taken from then on. */
static void
AppendFeature(StringInfo sql, CsEventsRequest *r, const char *expression, const char *name, const char *otherwise)
{
	CsEventsFeature *feature = palloc(sizeof(CsEventsFeature));

	feature->name = CsSqlNewName(name, "", &r->taken);
	feature->otherwise = otherwise;
	r->features = lappend(r->features, feature);
	appendStringInfo(sql, ",\n    %s AS %s", expression, quote_identifier(feature->name));
}

/* MeasureTaker: a column of a view. */
static void
TakeColumn(StringInfo sql, CsEventsRequest *r, const char *kind, const char *name, const char *expression,
		   const char *otherwise)
{
	List	   *none = NIL;

	AppendFeature(sql, r, expression, CsSqlNewColumn("", kind, psprintf("_%s", name), &none), otherwise);
}

/* MeasureTaker: a member of an object, after a comma unless it is the first. */
static void
TakeMember(StringInfo sql, CsEventsRequest *r, const char *kind, const char *name, const char *expression,
		   const char *otherwise)
{
	appendStringInfo(sql, "%s%s, (%s)::numeric", sql->data[sql->len - 1] == '(' ? "" : ", ", quote_literal_cstr(name),
					 expression);
}

/* The features of kinds: columns of a view, or one object. */
static void
AppendKinds(StringInfo sql, CsEventsRequest *r)
{
	if (!r->for_view)
		appendStringInfoString(sql, ",\n    '{}'::pg_catalog.jsonb");
	for (int kind = 1; kind <= list_length(r->kinds); kind++)
	{
		const CsEventsKind *k = list_nth(r->kinds, kind - 1);

		if (r->for_view)
		{
			EachMeasure(sql, r, kind, TakeColumn);
			continue;
		}
		appendStringInfo(sql, "\n       " CS_SQL("||") "pg_catalog.jsonb_build_object(%s, pg_catalog.jsonb_build_object(", quote_literal_cstr(k->name));
		EachMeasure(sql, r, kind, TakeMember);
		appendStringInfoString(sql, "))");
	}
	if (!r->for_view)
		appendStringInfoString(sql, " AS kinds");
}

/* The ratios: columns of a view, or one object. */
static void
AppendRatios(StringInfo sql, CsEventsRequest *r)
{
	ListCell   *cell;
	List	   *none = NIL;

	if (!r->for_view)
		appendStringInfoString(sql, ",\n    '{}'::pg_catalog.jsonb");
	foreach(cell, r->ratios)
	{
		const CsEventsRatio *ratio = lfirst(cell);
		const char *quotient = CsSqlRatio(psprintf("%s::pg_catalog.float8", CountOf("n", ratio->part + 1)),
											  psprintf("%s::pg_catalog.float8", CountOf("n", ratio->whole + 1)), "pg_catalog.float8");

		if (r->for_view)
			AppendFeature(sql, r, quotient, CsSqlNewColumn("", ratio->name, "", &none), NULL);
		else
			appendStringInfo(sql, "\n       " CS_SQL("||") "pg_catalog.jsonb_build_object(%s, (%s)::numeric)", quote_literal_cstr(ratio->name), quotient);
	}
	if (!r->for_view)
		appendStringInfoString(sql, " AS ratios");
}

/* What all events of a customer tell. */
static void
AppendOwn(StringInfo sql, CsEventsRequest *r)
{
	AppendFeature(sql, r, CsSqlInstant(r->time, r->zone, "e.first"), "first_event", NULL);
	AppendFeature(sql, r, CsSqlInstant(r->time, r->zone, "e.last"), "last_event", NULL);
	AppendFeature(sql, r, CsSqlDays(r->time, "e.last", "moment.as_of"), "days_since_last_event", NULL);
	AppendFeature(sql, r, CsSqlDays(r->time, "e.first", "moment.as_of"), "event_tenure_days", NULL);
	AppendFeature(sql, r, "e.n", "n_events", NO_EVENTS);
	AppendFeature(sql, r, PerMonth(r, "e.n"), "events_per_month", NO_VALUE);
	AppendFeature(sql, r, "e.active_days", "n_active_days", NO_EVENTS);
	AppendFeature(sql, r, "e.sessions", "n_sessions", NO_EVENTS);
	AppendFeature(sql, r, "e.n::pg_catalog.float8" CS_SQL("/") "e.sessions::pg_catalog.float8", "events_per_session", NULL);
	AppendFeature(sql, r, "e.favourite_hour", "favourite_hour", NULL);
	AppendFeature(sql, r, Trend("e.recent", "e.before"), "event_trend", NULL);
	if (r->value != NULL)
		AppendFeature(sql, r, psprintf("coalesce(e.value, 0::%s)::pg_catalog.float8", CsSqlSumType(r->value)), "event_value", NO_VALUE);
	else if (!r->for_view)
		AppendFeature(sql, r, "NULL::pg_catalog.float8", "event_value", NULL);
	AppendFeature(sql, r, "e.score::pg_catalog.float8" CS_SQL("/") SCORE_PARTS, "engagement_score", NO_VALUE);
}

/*
 * The query that computes the features, palloc'd.  For a view there is a column for each measure of each kind and each
 * ratio, and the features are as of now().  The names of columns are unlike those that are taken, and are so
 * themselves then; the request lists them.
 */
char *
CsEventsSql(CsEventsRequest *r)
{
	StringInfoData sql;

	initStringInfo(&sql);
	AppendMoment(&sql, r);
	AppendEvents(&sql, r);
	AppendSessions(&sql, r);
	AppendCounts(&sql, r);
	AppendCustomers(&sql, r);
	appendStringInfo(&sql, "\nSELECT\n    e.customer%s AS %s,\n    %s AS as_of", r->for_view ? "" : "::pg_catalog.text",
					 r->for_view ? CsSqlColumn(r->customer) : "customer_id", CsSqlInstant(r->time, r->zone, "moment.as_of"));
	r->taken = lappend(lappend(r->taken, pstrdup(NameStr(r->customer->name))), pstrdup("as_of"));
	AppendOwn(&sql, r);
	AppendKinds(&sql, r);
	AppendRatios(&sql, r);
	appendStringInfoString(&sql, "\nFROM engaged AS e\nCROSS JOIN moment");
	return sql.data;
}

/* That an event is not after the "as_of" that is given. */
static const char *
AsOfCondition(const CsEventsRequest *r)
{
	return psprintf(" AND %s" CS_SQL("<=") "%s", CsSqlTime(r->time),
					CsSqlInstant(r->time, r->zone, psprintf("%s::pg_catalog.timestamptz", quote_literal_cstr(r->as_of))));
}

/* Which events count when a query is written, by their time. */
static const char *
TimeCondition(const CsEventsRequest *r)
{
	const char *upto = r->as_of == NULL ? "" : AsOfCondition(r);

	return r->look_back == NULL ? upto :
		psprintf("%s AND %s" CS_SQL(">") "(SELECT %s FROM (%s) AS m)", upto, CsSqlTime(r->time),
				 CsSqlBefore(r->time, r->zone, "m.as_of", r->look_back), MomentQuery(r));
}

/* The query that lists the most frequent kinds, or all, palloc'd. */
char *
CsEventsKindsSql(const CsEventsRequest *r, bool all)
{
	return psprintf("SELECT %s AS kind FROM %s WHERE %s%s GROUP BY t.%s ORDER BY pg_catalog.count(*) DESC, t.%s%s",
					CsSqlText(r->kind, psprintf("t.%s", CsSqlColumn(r->kind))), CsSqlFrom(r->relation), CountsCondition(r),
					TimeCondition(r), CsSqlColumn(r->kind), CsSqlColumn(r->kind),
					all ? "" : psprintf(" LIMIT %d", r->options.top_kinds));
}

/* The query that tells whether there are events, and all of them are after the "as_of" that is given; palloc'd. */
char *
CsEventsTooEarlySql(const CsEventsRequest *r)
{
	const char *event = psprintf("EXISTS (SELECT FROM %s WHERE %s", CsSqlFrom(r->relation), CountsCondition(r));

	return psprintf("SELECT NOT %s%s) AND %s) AS too_early", event, AsOfCondition(r), event);
}
