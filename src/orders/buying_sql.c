/*
 * buying_sql.c
 *	  Queries over lines of orders on other servers, which sum them up by customer before they send anything.
 *
 * Each piece of the source groups its own lines.  Rows of one customer come from every piece that has some of the
 * customer's lines, sorted so that they stand together: whoever reads them adds them up.  Expressions are such as postgres_fdw hands on:
 * functions of custseg, and none with a text, whose collation would keep it here.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "orders/buying.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* The bytes of a text as a literal. */
static const char *
BytesLiteral(const char *text)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "'\\x");
	for (; *text != '\0'; text++)
		appendStringInfo(&sql, "%02x", (unsigned char) *text);
	appendStringInfoString(&sql, "'::pg_catalog.bytea");
	return sql.data;
}

/* The name of a zone as bytes, which other servers take. */
const char *
CsSqlZoneBytes(pg_tz *zone)
{
	return BytesLiteral(pg_get_timezone_name(zone));
}

/* The day of a line by the calendar of the zone, in days since 2000; palloc'd. */
const char *
CsSqlDayNumber(const CsColumn *time, pg_tz *zone)
{
	if (time->converter.type == TIMESTAMPTZOID)
		return psprintf("custseg_private.day_of(t.%s, %s)", CsSqlColumn(time), CsSqlZoneBytes(zone));
	return psprintf("(t.%s::pg_catalog.date" CS_SQL("-") "'2000-01-01'::pg_catalog.date)", CsSqlColumn(time));
}

/* The time of a line in microseconds since 2000, as the column counts; palloc'd. */
const char *
CsSqlMicrosecondsOf(const CsColumn *time)
{
	return psprintf("custseg_private.microseconds(%s)", CsSqlTime(time));
}

/* All conditions up to one, that one included. */
static const char *
Conditions(const CsBuying *b, int last)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i <= last; i++)
		if (b->conditions[i] != NULL)
			appendStringInfo(&sql, "%s%s", sql.len > 0 ? " AND " : "", b->conditions[i]);
	return sql.data;
}

/* The query of what customers bought, a row for each customer, and order, of a piece; NULL of one with only returns that do not count. */
static char *
BoughtSql(const CsBuying *b)
{
	const char *order = b->order == NULL ? NULL : CsSqlColumn(b->order);
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, "t.%s AS customer, custseg_private.buying(%s, %s)%s AS bought", CsSqlColumn(b->customer), b->at,
					 b->amount, b->conditions[CS_BUYING_PURCHASE] == NULL ? "" :
					 psprintf(" FILTER (WHERE %s)", b->conditions[CS_BUYING_PURCHASE]));
	if (order != NULL)
		appendStringInfo(&list, ", t.%s AS \"order\"", order);
	return CsPiecesUnion(b->pieces, list.data,
						 psprintf("WHERE %s GROUP BY t.%s%s", Conditions(b, CS_BUYING_UP_TO), CsSqlColumn(b->customer),
								  order == NULL ? "" : psprintf(", t.%s", order)));
}

/* The query of how many lines fulfil the conditions, one after the other, and of the time of the latest one. */
static char *
CountSql(const CsBuying *b)
{
	StringInfoData list,
				sums;

	initStringInfo(&list);
	initStringInfo(&sums);
	appendStringInfoString(&list, "pg_catalog.count(*) AS n");
	appendStringInfoString(&sums, "pg_catalog.sum(t.n)::bigint AS n");
	for (int i = 0; i < CS_BUYING_CONDITIONS; i++)
	{
		appendStringInfo(&list, ", pg_catalog.count(*) FILTER (WHERE %s) AS n%d", Conditions(b, i), i);
		appendStringInfo(&sums, ", pg_catalog.sum(t.n%d)::bigint AS n%d", i, i);
	}
	appendStringInfo(&list, ", pg_catalog.max(%s) FILTER (WHERE %s) AS latest", b->microseconds,
					 Conditions(b, CS_BUYING_UP_TO));
	return psprintf("SELECT %s, pg_catalog.max(t.latest) AS latest FROM (%s) AS t", sums.data,
					CsPiecesUnion(b->pieces, list.data, ""));
}

/*
 * Find out whether the lines are on other servers that sum them up; false where they are not, or these would send them
 * one by one.  "at" is the time that lines are summed up by, as a number, and "up_to" the condition that a line is not
 * later than the last time, or NULL; amounts may be NULL, and so may the order.
 */
bool
CsBuyingOpen(CsBuying *b, const CsRelation *relation, const CsColumn *customer, const CsColumn *time,
			 const CsColumn *amount, const CsColumn *order, const char *at, const char *up_to, bool keeps_returns)
{
	memset(b, 0, sizeof(*b));
	b->pieces = CsPiecesToReduce(relation);
	if (b->pieces == NULL || !CsIsComparable(customer) || (order != NULL && !CsIsComparable(order)))
		return false;
	b->relation = relation;
	b->customer = customer;
	b->order = order;
	b->at = psprintf("%s::bigint", at);
	b->microseconds = CsSqlMicrosecondsOf(time);
	b->amount = amount == NULL ? "0::pg_catalog.float8" : psprintf("t.%s::%s", CsSqlColumn(amount), CsSqlSumType(amount));
	b->conditions[CS_BUYING_CUSTOMER] = psprintf("t.%s IS NOT NULL", CsSqlColumn(customer));
	b->conditions[CS_BUYING_TIME] = psprintf("pg_catalog.isfinite(t.%s)", CsSqlColumn(time));
	if (amount != NULL)
		b->conditions[CS_BUYING_AMOUNT] = psprintf("t.%s IS NOT NULL%s", CsSqlColumn(amount), CsSqlFinite(amount));
	b->conditions[CS_BUYING_UP_TO] = up_to;
	if (amount != NULL && !keeps_returns)
		b->conditions[CS_BUYING_PURCHASE] = psprintf("t.%s" CS_SQL(">=") "%s", CsSqlColumn(amount), CsSqlZero(amount));
	return CsPiecesReduce(b->pieces, BoughtSql(b)) && CsPiecesReduce(b->pieces, CountSql(b));
}

/* CsRowSink: the counts. */
static void
TakeCounts(void *state, const Datum *values, const bool *nulls)
{
	CsBuyingCounts *counts = state;
	int64		before = CsRowsCounted(values[0], nulls[0], 0, CS_MOST_COUNTED);

	for (int i = 0; i < CS_BUYING_CONDITIONS; i++)
	{
		int64		n = CsRowsCounted(values[i + 1], nulls[i + 1], 0, CS_MOST_COUNTED);

		counts->lines[i] = before - n;
		before = n;
	}
	counts->lines[CS_BUYING_CONDITIONS] = before;
	counts->latest = nulls[CS_BUYING_CONDITIONS + 1] ? PG_INT64_MIN : DatumGetInt64(values[CS_BUYING_CONDITIONS + 1]);
}

/* Count the lines. */
void
CsBuyingCount(const CsBuying *b, CsBuyingCounts *counts)
{
	CsRelation *query = CsRelationQuery(b->relation, CountSql(b));

	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeCounts, counts);
}

/*
 * What customers bought, NULL for nothing, sorted by customer, and by the order where one is named: a relation whose columns
 * are customer, bought, the order, and with "by_text" the text of the customer, by whose bytes they are sorted first.
 * Palloc'd.
 */
CsRelation *
CsBuyingSorted(const CsBuying *b, bool by_text)
{
	CsRelation *bought = CsRelationQuery(b->relation, BoughtSql(b));
	const CsColumn *customer = CsRelationWhole(bought, "customer"),
			   *order = b->order == NULL ? NULL : CsRelationWhole(bought, "order");
	const char *text = CsSqlKeyText(customer);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.customer, t.bought%s", order == NULL ? "" : ", t.\"order\"");
	if (by_text)
		appendStringInfo(&sql, ", %s AS text", text);
	appendStringInfo(&sql, " FROM %s ORDER BY ", CsSqlFrom(bought));
	if (by_text)
		appendStringInfo(&sql, "%s, ", text);
	appendStringInfoString(&sql, CsSqlSortKey(customer));
	if (order != NULL)
		appendStringInfo(&sql, ", %s", CsSqlSortKey(order));
	appendStringInfoString(&sql, CsSqlKeepOrder());
	return CsRelationQuery(b->relation, sql.data);
}
