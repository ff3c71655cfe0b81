/*
 * purchases_sql.c
 *	  Writes the query that turns lines of orders into customers with repeat purchases.
 *
 * PostgreSQL groups lines by customer and day, and days by customer; where groups outgrow work_mem, it has
 * them on disk.  Lines that are left out come along as groups without a customer, one for each reason.
 */
#include "custseg.h"

#include "lib/stringinfo.h"
#include "orders/lines_sql.h"
#include "utils/fmgrprotos.h"
#include "value/purchases.h"

/* A day as a literal. */
const char *
CsPurchasesDayLiteral(DateADT day)
{
	/* by its number: a text would depend on DateStyle */
	return psprintf("(date '2000-01-01' + %d)", day);
}

/* The day of a line, by the calendar of the zone. */
static const char *
DayOf(const CsPurchasesRequest *r)
{
	return psprintf("%s::date", CsSqlLocal(r->time, r->zone, CsSqlTime(r->time)));
}

/* The condition that a line has an amount that counts. */
static const char *
HasAmount(const CsPurchasesRequest *r)
{
	return r->amount == NULL ? "true" :
		psprintf("t.%s IS NOT NULL%s", CsSqlColumn(r->amount), CsSqlFinite(r->amount));
}

/* The first and the last day of lines that count, NULL without any; palloc'd. */
char *
CsPurchasesDaysSql(const CsPurchasesRequest *r)
{
	return psprintf("SELECT min(%s) AS first, max(%s) AS last FROM %s WHERE t.%s IS NOT NULL AND isfinite(t.%s) AND %s",
					DayOf(r), DayOf(r), CsSqlFrom(r->relation), CsSqlColumn(r->customer),
					CsSqlColumn(r->time), HasAmount(r));
}

/*
 * The query of lines, each with its customer, day, amount, where one is named its order, and the reason for which it is
 * left out, or 0; palloc'd.
 */
char *
CsPurchasesLinesSql(const CsPurchasesRequest *r)
{
	const char *is_return = r->amount == NULL ? "false" :
		psprintf("t.%s < %s", CsSqlColumn(r->amount), CsSqlZero(r->amount));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.%s AS customer, CASE WHEN isfinite(t.%s) THEN %s END AS day, %s AS amount, NOT (%s) AS bought,"
					 " CASE WHEN t.%s IS NULL THEN %d WHEN t.%s IS NULL OR NOT isfinite(t.%s) THEN %d"
					 " WHEN NOT (%s) THEN %d WHEN %s > %s THEN %d",
					 CsSqlColumn(r->customer), CsSqlColumn(r->time), DayOf(r),
					 r->amount == NULL ? "NULL::float8" :
					 psprintf("t.%s::%s", CsSqlColumn(r->amount), CsSqlSumType(r->amount)),
					 is_return, CsSqlColumn(r->customer), CS_LINE_NO_CUSTOMER, CsSqlColumn(r->time),
					 CsSqlColumn(r->time), CS_LINE_NO_TIME, HasAmount(r), CS_LINE_NO_AMOUNT, DayOf(r),
					 CsPurchasesDayLiteral(r->cut[0]), CS_LINE_LATER);
	if (r->returns == CS_RETURNS_IGNORE)
		appendStringInfo(&sql, " WHEN %s THEN %d", is_return, CS_LINE_RETURN);
	appendStringInfo(&sql, " ELSE %d END AS reason", CS_LINE_COUNTS);
	if (r->order != NULL)
		appendStringInfo(&sql, ", t.%s AS \"order\"", CsSqlColumn(r->order));
	appendStringInfo(&sql, " FROM %s", CsSqlFrom(r->relation));
	return sql.data;
}

/*
 * Days of customers.  A return lowers what was spent on its day, but is no purchase: a day without one is
 * left out, as are its returns.
 */
static void
AppendDays(StringInfo sql, const CsPurchasesRequest *r)
{
	appendStringInfo(sql, "SELECT l.customer, l.day,"
					 " CASE WHEN l.reason = %d AND NOT bool_or(l.bought) THEN %d ELSE l.reason END AS reason,"
					 " count(*) AS lines, sum(l.amount) AS amount FROM (%s) AS l GROUP BY l.customer, l.day, l.reason",
					 CS_LINE_COUNTS, CS_LINE_RETURN, CsPurchasesLinesSql(r));
}

/*
 * The amount of a customer's first day: arrays are compared by their first elements, and days differ.  With its
 * schema, since an aggregate of somebody else's for just such arrays would fit better.
 */
static const char *
FirstAmount(const CsPurchasesRequest *r)
{
	return r->amount == NULL ? "NULL::float8" :
		psprintf("(pg_catalog.min(ARRAY[(d.day - date '2000-01-01')::%s, d.amount]))[2]", CsSqlSumType(r->amount));
}

/* The query, palloc'd: its columns are CsPurchasesColumn. */
char *
CsPurchasesSql(const CsPurchasesRequest *r)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT c.reason, c.lines, %s AS customer, %s AS hash, c.first",
					 r->with_customer ? "c.customer::text" : "NULL::text",
					 r->ncuts > 1 ? "hashtext(c.customer::text)" : "0");
	for (int i = 0; i < r->ncuts; i++)
		appendStringInfo(&sql, ", c.days%d, c.last%d, (c.amount%d - c.first_amount)::float8 AS rest%d",
						 i, i, i, i);
	appendStringInfo(&sql, " FROM (SELECT CASE WHEN d.reason = %d THEN d.customer END AS customer, d.reason,"
					 " sum(d.lines)::bigint AS lines, min(d.day) AS first, %s AS first_amount",
					 CS_LINE_COUNTS, FirstAmount(r));
	for (int i = 0; i < r->ncuts; i++)
	{
		const char *until = i == 0 ? "" :
			psprintf(" FILTER (WHERE d.day <= %s)", CsPurchasesDayLiteral(r->cut[i]));

		appendStringInfo(&sql, ", count(*)%s AS days%d, max(d.day)%s AS last%d, sum(d.amount)%s AS amount%d",
						 until, i, until, i, until, i);
	}
	appendStringInfoString(&sql, " FROM (");
	AppendDays(&sql, r);
	appendStringInfoString(&sql, ") AS d GROUP BY 1, d.reason) AS c");
	if (r->in_order)
		appendStringInfoString(&sql, " ORDER BY c.customer::text COLLATE pg_catalog.\"C\"");
	return sql.data;
}
