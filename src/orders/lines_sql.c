/*
 * lines_sql.c
 *	  Parts of queries over lines of orders, whose source is "t".
 *
 * Operators are written so that each finds its very types in pg_catalog: no operator of somebody else's
 * can fit better.  What is returned is palloc'd, or lives as long as the column.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

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

/* A condition that leaves out what is no finite number, where the type has such values. */
const char *
CsSqlFinite(const CsColumn *column)
{
	Oid			type = column->converter.type;

	if (type != FLOAT4OID && type != FLOAT8OID && type != NUMERICOID)
		return "";
	return psprintf(" AND t.%s > '-Infinity' AND t.%s < 'Infinity'", CsSqlColumn(column),
					CsSqlColumn(column));
}

/* The zone as a literal. */
const char *
CsSqlZone(pg_tz *zone)
{
	return quote_literal_cstr(pg_get_timezone_name(zone));
}

/* The time of a line: a timestamp, with a time zone where the column has one. */
const char *
CsSqlTime(const CsColumn *time)
{
	return psprintf("t.%s::%s", CsSqlColumn(time),
					time->converter.type == TIMESTAMPTZOID ? "timestamptz" : "timestamp");
}

/* A time of the time column, or of its type, in local time. */
const char *
CsSqlLocal(const CsColumn *time, pg_tz *zone, const char *at)
{
	return time->converter.type == TIMESTAMPTZOID ?
		psprintf("(%s AT TIME ZONE %s)", at, CsSqlZone(zone)) : at;
}

/* How amounts are summed: as numeric, which is exact, or as float8. */
const char *
CsSqlSumType(const CsColumn *amount)
{
	Oid			type = amount->converter.type;

	return type == FLOAT4OID || type == FLOAT8OID ? "float8" : "numeric";
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
			return "0::float4";
		case FLOAT8OID:
			return "0::float8";
		default:
			return "0::int";
	}
}
