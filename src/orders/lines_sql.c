/*
 * lines_sql.c
 *	  Parts of queries over lines of orders, whose source is "t".
 *
 * Operators carry their schema, as functions and types do: a search_path may have others of the very same types before
 * pg_catalog.  What is returned is palloc'd, or lives as long as the column.
 */
#include "custseg.h"

#include "catalog/engine.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "orders/lines.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

/* A column of the lines, quoted. */
const char *
CsSqlColumn(const CsColumn *column)
{
	return quote_identifier(NameStr(column->name));
}

/* The source as "t". */
const char *
CsSqlFrom(const CsRelation *rel)
{
	return psprintf(OidIsValid(rel->relid) ? "%s AS t" : "(SELECT * FROM %s) AS t", rel->from_item);
}

/* The condition that two values of a column's type are equal, as rows are grouped; palloc'd. */
const char *
CsSqlSame(const CsColumn *column, const char *a, const char *b)
{
	Oid			equals = lookup_type_cache(column->type, TYPECACHE_EQ_OPR)->eq_opr;

	return OidIsValid(equals) ? psprintf("%s OPERATOR(%s) %s", a, CsOperatorName(equals), b) : psprintf("%s = %s", a, b);
}

/* A ratio of two numbers of a type, NULL where the second is 0, for which nullif() would ask the search_path; palloc'd. */
const char *
CsSqlRatio(const char *numerator, const char *denominator, const char *type)
{
	return psprintf("CASE WHEN %s" CS_SQL("<>") "0::%s THEN (%s)" CS_SQL("/") "%s END", denominator, type, numerator, denominator);
}

/* What is left of an integer after division: 0 or more, also of one below 0; palloc'd. */
const char *
CsSqlRest(const char *number, int divisor)
{
	return psprintf("(((%s)" CS_SQL("%%") "%d" CS_SQL("+") "%d)" CS_SQL("%%") "%d)", number, divisor, divisor, divisor);
}

/* A condition that leaves out what is no finite number, where the type has such values. */
const char *
CsSqlFinite(const CsColumn *column)
{
	Oid			type = column->converter.type;

	if (type != FLOAT4OID && type != FLOAT8OID && type != NUMERICOID)
		return "";
	return psprintf(" AND t.%s" CS_SQL(">") "'-Infinity' AND t.%s" CS_SQL("<") "'Infinity'", CsSqlColumn(column),
					CsSqlColumn(column));
}

/* The zone as a literal. */
static const char *
ZoneSql(pg_tz *zone)
{
	return quote_literal_cstr(pg_get_timezone_name(zone));
}

/* The time of a line: a timestamp, with a time zone where the column has one. */
const char *
CsSqlTime(const CsColumn *time)
{
	return psprintf("t.%s::%s", CsSqlColumn(time),
					time->converter.type == TIMESTAMPTZOID ? "pg_catalog.timestamptz" : "timestamp");
}

/* A time of the time column, or of its type, in local time. */
const char *
CsSqlLocal(const CsColumn *time, pg_tz *zone, const char *at)
{
	return time->converter.type == TIMESTAMPTZOID ?
		psprintf("(%s AT TIME ZONE %s)", at, ZoneSql(zone)) : at;
}

/*
 * A timestamptz as the time column counts, and a time of that column as a timestamptz: AT TIME ZONE
 * does both.
 */
const char *
CsSqlInstant(const CsColumn *time, pg_tz *zone, const char *at)
{
	return time->converter.type == TIMESTAMPTZOID ? at : psprintf("%s AT TIME ZONE %s", at, ZoneSql(zone));
}

/* The time so long before "as_of", both as the time column counts, by the zone's calendar. */
const char *
CsSqlBefore(const CsColumn *time, pg_tz *zone, const char *as_of, const char *interval)
{
	const char *local = psprintf("(%s" CS_SQL("-") "%s)", CsSqlLocal(time, zone, as_of), interval);

	return time->converter.type == TIMESTAMPTZOID ? psprintf("%s AT TIME ZONE %s", local, ZoneSql(zone)) : local;
}

/*
 * The interval from a time of the time column to another.  Each is subtracted from one time between: from the earliest
 * time there is to the latest the microseconds do not fit 64 bits, which PostgreSQL 15 does not look at.
 */
const char *
CsSqlSpan(const CsColumn *time, const char *from, const char *to)
{
	const char *between = time->converter.type == TIMESTAMPTZOID ? "'2000-01-01 00:00:00+00'::pg_catalog.timestamptz" : "'2000-01-01 00:00:00'::timestamp";

	return psprintf("((%s" CS_SQL("-") "%s)" CS_SQL("-") "(%s" CS_SQL("-") "%s))", to, between, from, between);
}

/* The microseconds from a time of the time column to another, a whole number as float8. */
const char *
CsSqlMicroseconds(const CsColumn *time, const char *from, const char *to)
{
	return psprintf("pg_catalog.round(pg_catalog.date_part('epoch', %s)" CS_SQL("*") "1000000::pg_catalog.float8)", CsSqlSpan(time, from, to));
}

/* The days from a time of the time column to another, to the microsecond, as rfm() computes them. */
const char *
CsSqlDays(const CsColumn *time, const char *from, const char *to)
{
	return psprintf("(%s" CS_SQL("/") "86400000000::pg_catalog.float8)", CsSqlMicroseconds(time, from, to));
}

/*
 * A value of a column as text that does not depend on how the session displays such values; where a
 * number is told apart by digits that its text lacks, it is still counted apart.
 */
const char *
CsSqlText(const CsColumn *column, const char *value)
{
	Oid			type = column->converter.type;

	if (type == FLOAT4OID || type == FLOAT8OID || type == CASHOID)
		return psprintf("%s::numeric::pg_catalog.text", value);
	if (type == TIMESTAMPTZOID)
		return psprintf("pg_catalog.to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')", value);
	if (type == TIMESTAMPOID || type == DATEOID)
		return psprintf("pg_catalog.to_char(%s, 'YYYY-MM-DD HH24:MI:SS.US')", value);
	if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID)
		return psprintf("%s::pg_catalog.text", value);
	/* not by a cast, which may be a function of whoever made the type */
	return psprintf("CASE WHEN %s IS NOT NULL THEN pg_catalog.format('%%s', %s) END", value, value);
}

/*
 * A name for a column, the one with an end that is given, unlike those that are taken, to which it is added: a number
 * makes it so.  What is too long loses its end, before the one that is given.  Palloc'd.
 */
char *
CsSqlNewName(const char *name, const char *end, List **taken)
{
	/* room for a number */
	int			length = pg_mbcliplen(name, (int) strlen(name), NAMEDATALEN - 8 - (int) strlen(end));
	char	   *result = psprintf("%.*s%s", length, name, end);
	ListCell   *cell;
	int			again = 1;

retry:
	foreach(cell, *taken)
	{
		if (strcmp(lfirst(cell), result) == 0)
		{
			result = psprintf("%.*s%s_%d", length, name, end, ++again);
			goto retry;
		}
	}
	*taken = lappend(*taken, result);
	return result;
}

/* Such a name that is about a value, of which letters and digits are left, with what stands before and after it. */
char *
CsSqlNewColumn(const char *before, const char *value, const char *after, List **taken)
{
	StringInfoData name;

	initStringInfo(&name);
	appendStringInfoString(&name, before);
	for (const char *c = value; *c != '\0'; c += pg_mblen(c))
	{
		if (pg_mblen(c) > 1)
			appendBinaryStringInfo(&name, c, pg_mblen(c));
		else
			appendStringInfoChar(&name, (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ? *c :
								 *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : '_');
	}
	return CsSqlNewName(name.data, after, taken);
}

/* How amounts are summed: as numeric, which is exact, or as float8. */
const char *
CsSqlSumType(const CsColumn *amount)
{
	Oid			type = amount->converter.type;

	return type == FLOAT4OID || type == FLOAT8OID ? "pg_catalog.float8" : "numeric";
}

/* Zero in the type of a column of numbers. */
const char *
CsSqlZero(const CsColumn *column)
{
	switch (column->converter.type)
	{
		case NUMERICOID:
			return "0::numeric";
		case CASHOID:
			return "0::numeric::money";
		case FLOAT4OID:
			return "0::pg_catalog.float4";
		case FLOAT8OID:
			return "0::pg_catalog.float8";
		default:
			return "0::int";
	}
}

/* Has the type of a column an order?  Others are told by their text. */
static bool
HasOrder(const CsColumn *column)
{
	return OidIsValid(lookup_type_cache(column->type, TYPECACHE_LT_OPR)->lt_opr);
}

/* A column as it is read to be told apart: itself, or the text of what has no order. */
const char *
CsSqlKey(const CsColumn *column)
{
	return psprintf(HasOrder(column) ? "t.%s" : "t.%s::pg_catalog.text", CsSqlColumn(column));
}

/* An expression of ORDER BY in whose order equal values stand together. */
const char *
CsSqlSortKey(const CsColumn *column)
{
	return psprintf("%s%s", CsSqlKey(column),
					!HasOrder(column) || CsKeyCollation(column) == C_COLLATION_OID ? " COLLATE pg_catalog.\"C\"" : "");
}

/*
 * What stands after the ORDER BY of a query that is read within another one: Citus keeps its order only where that is
 * needed to tell which rows there are.
 */
const char *
CsSqlKeepOrder(void)
{
	return CsHasCitus() ? " OFFSET 0" : "";
}

/*
 * Does each value of a key have one text only?  Of other types two texts may be the same, as 5 and 5.0 are, or a citext in
 * two cases.
 */
bool
CsKeyHasOneText(const CsColumn *column)
{
	switch (column->converter.type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
		case DATEOID:
			return true;
		case TEXTOID:
		case VARCHAROID:
			return CsKeyCollation(column) == C_COLLATION_OID;
		default:
			return false;
	}
}

/* The text of a key, by whose bytes it sorts: the least of those that are one key. */
const char *
CsSqlKeyText(const CsColumn *column)
{
	const char *text = psprintf("(t.%s::pg_catalog.text COLLATE pg_catalog.\"C\")", CsSqlColumn(column));

	return CsKeyHasOneText(column) ? text :
		psprintf("pg_catalog.min(%s) OVER (PARTITION BY %s)", text, CsSqlSortKey(column));
}
