/*
 * purchases_sql.c
 *	  Writes queries over lines of orders that count as for models of repeat purchases.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "orders/buying.h"
#include "orders/lines_sql.h"
#include "utils/fmgrprotos.h"
#include "value/purchases.h"

/* A day as a literal. */
const char *
CsPurchasesDayLiteral(DateADT day)
{
	/* by its number: a text would depend on DateStyle */
	return psprintf("('2000-01-01'::pg_catalog.date" CS_SQL("+") "%d)", day);
}

/* The day of a line, by the calendar of the zone. */
static const char *
DayOf(const CsPurchasesRequest *r)
{
	return psprintf("%s::pg_catalog.date", CsSqlLocal(r->time, r->zone, CsSqlTime(r->time)));
}

/* The condition that a line has an amount that counts. */
static const char *
HasAmount(const CsPurchasesRequest *r)
{
	return r->amount == NULL ? "true" :
		psprintf("t.%s IS NOT NULL%s", CsSqlColumn(r->amount), CsSqlFinite(r->amount));
}

/* The condition that a line is a return. */
static const char *
IsReturn(const CsPurchasesRequest *r)
{
	return r->amount == NULL ? "false" : psprintf("t.%s" CS_SQL("<") "%s", CsSqlColumn(r->amount), CsSqlZero(r->amount));
}

/* The condition that a line is not later than the last day; palloc'd. */
const char *
CsPurchasesUpTo(const CsPurchasesRequest *r)
{
	if (r->time->converter.type == TIMESTAMPTZOID)
		return psprintf("%s" CS_SQL("<=") "%d", CsSqlDayNumber(r->time, r->zone), r->cut[0]);
	return psprintf("t.%s::pg_catalog.date" CS_SQL("<=") "%s", CsSqlColumn(r->time), CsPurchasesDayLiteral(r->cut[0]));
}

/* The condition that a line counts, whatever its time. */
static const char *
Counts(const CsPurchasesRequest *r)
{
	return psprintf("t.%s IS NOT NULL AND pg_catalog.isfinite(t.%s) AND %s", CsSqlColumn(r->customer), CsSqlColumn(r->time), HasAmount(r));
}

/*
 * The first and the last time of lines that count, or their first and last day, which takes longer; NULL without any;
 * palloc'd.  Lines on other servers are looked at there.
 */
char *
CsPurchasesTimesSql(const CsPurchasesRequest *r, bool of_days)
{
	const char *at = of_days ? DayOf(r) : psprintf("t.%s", CsSqlColumn(r->time));
	const CsPieces *pieces = CsPiecesToReduce(r->relation);

	if (pieces != NULL)
	{
		const char *there = of_days ? CsSqlDayNumber(r->time, r->zone) : at;
		char	   *sql = psprintf("SELECT pg_catalog.min(t.first) AS first, pg_catalog.max(t.last) AS last FROM (%s) AS t",
								   CsPiecesUnion(pieces, psprintf("pg_catalog.min(%s) AS first, pg_catalog.max(%s) AS last", there, there),
												 psprintf("WHERE %s", Counts(r))));

		if (CsPiecesReduce(pieces, sql))
			return sql;
	}
	return psprintf("SELECT pg_catalog.min(%s) AS first, pg_catalog.max(%s) AS last FROM %s WHERE %s", at, at, CsSqlFrom(r->relation), Counts(r));
}

/* The reason for which a line is left out, or 0, as a number; "later" is the condition that it is after the last day. */
static const char *
Reason(const CsPurchasesRequest *r, const char *later)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CASE WHEN t.%s IS NULL THEN %d WHEN t.%s IS NULL OR NOT pg_catalog.isfinite(t.%s) THEN %d WHEN NOT (%s) THEN %d WHEN %s THEN %d",
					 CsSqlColumn(r->customer), CS_LINE_NO_CUSTOMER, CsSqlColumn(r->time), CsSqlColumn(r->time), CS_LINE_NO_TIME,
					 HasAmount(r), CS_LINE_NO_AMOUNT, later, CS_LINE_LATER);
	if (r->returns == CS_RETURNS_IGNORE)
		appendStringInfo(&sql, " WHEN %s THEN %d", IsReturn(r), CS_LINE_RETURN);
	appendStringInfo(&sql, " ELSE %d END", CS_LINE_COUNTS);
	return sql.data;
}

/* The amount of a line as it is summed. */
static const char *
Amount(const CsPurchasesRequest *r)
{
	return r->amount == NULL ? "NULL::pg_catalog.float8" : psprintf("t.%s::%s", CsSqlColumn(r->amount), CsSqlSumType(r->amount));
}

/*
 * The query of lines, each with its customer, day, amount, where one is named its order, and the reason for which it is
 * left out, or 0; palloc'd.
 */
char *
CsPurchasesLinesSql(const CsPurchasesRequest *r)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.%s AS customer, CASE WHEN pg_catalog.isfinite(t.%s) THEN %s END AS day, %s AS amount, NOT (%s) AS bought, %s AS reason",
					 CsSqlColumn(r->customer), CsSqlColumn(r->time), DayOf(r), Amount(r), IsReturn(r),
					 Reason(r, psprintf("%s" CS_SQL(">") "%s", DayOf(r), CsPurchasesDayLiteral(r->cut[0]))));
	if (r->order != NULL)
		appendStringInfo(&sql, ", t.%s AS \"order\"", CsSqlColumn(r->order));
	appendStringInfo(&sql, " FROM %s", CsSqlFrom(r->relation));
	return sql.data;
}

/* The day of a line as other servers tell it, in days since 2000; NULL of a time that is not finite; palloc'd. */
const char *
CsPurchasesDayNumber(const CsPurchasesRequest *r)
{
	return psprintf("CASE WHEN pg_catalog.isfinite(t.%s) THEN %s END", CsSqlColumn(r->time), CsSqlDayNumber(r->time, r->zone));
}

/*
 * The query of what the pieces of the source say of lines by customer, by a number that follows from a line, and by the
 * reason for which lines are left out: whether there was a purchase, the amount, and how many they are; palloc'd.
 */
char *
CsPurchasesPiecesSql(const CsPurchasesRequest *r, const CsPieces *pieces, const char *number)
{
	return CsPiecesUnion(pieces,
						 psprintf("t.%s AS customer, %s AS number, %s AS reason, pg_catalog.bool_or(NOT (%s)) AS bought, pg_catalog.sum(%s) AS amount, pg_catalog.count(*) AS lines",
								  CsSqlColumn(r->customer), number, Reason(r, psprintf("NOT (%s)", CsPurchasesUpTo(r))),
								  IsReturn(r), Amount(r)),
						 "GROUP BY 1, 2, 3");
}
