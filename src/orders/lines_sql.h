/*
 * lines_sql.h
 *	  Parts of queries over lines of orders, whose source is "t".
 */
#ifndef CUSTSEG_LINES_SQL_H
#define CUSTSEG_LINES_SQL_H

#include "call/call.h"
#include "data/relation.h"
#include "nodes/pg_list.h"
#include "pgtime.h"

/* An operator of PostgreSQL in a statement, whatever the search_path has; of all of them precedence is the same. */
#define CS_SQL(operator) " OPERATOR(pg_catalog." operator ") "

extern const char *CsSqlColumn(const CsColumn *column);
extern const char *CsSqlFrom(const CsRelation *rel);
extern const char *CsSqlSame(const CsColumn *column, const char *a, const char *b);
extern const char *CsSqlRatio(const char *numerator, const char *denominator, const char *type);
extern const char *CsSqlRest(const char *number, int divisor);
extern const char *CsSqlFinite(const CsColumn *column);
extern const char *CsSqlTime(const CsColumn *time);
extern const char *CsSqlLocal(const CsColumn *time, pg_tz *zone, const char *at);
extern const char *CsSqlInstant(const CsColumn *time, pg_tz *zone, const char *at);
extern const char *CsSqlBefore(const CsColumn *time, pg_tz *zone, const char *as_of, const char *interval);
extern const char *CsSqlSpan(const CsColumn *time, const char *from, const char *to);
extern const char *CsSqlMicroseconds(const CsColumn *time, const char *from, const char *to);
extern const char *CsSqlDays(const CsColumn *time, const char *from, const char *to);
extern const char *CsSqlText(const CsColumn *column, const char *value);
extern char *CsSqlNewName(const char *name, const char *end, List **taken);
extern char *CsSqlNewColumn(const char *before, const char *value, const char *after, List **taken);
extern const char *CsSqlSumType(const CsColumn *amount);
extern const char *CsSqlZero(const CsColumn *column);
extern const char *CsSqlKey(const CsColumn *column);
extern const char *CsSqlSortKey(const CsColumn *column);
extern const char *CsSqlKeepOrder(void);
extern bool CsKeyHasOneText(const CsColumn *column);
extern const char *CsSqlKeyText(const CsColumn *column);

/* query.c */
extern const char *CsSqlIntervalOption(const char *option, const char *text, const char *example, const char *hint);
extern const char *CsSqlLookBack(const char *text);
extern List *CsSqlTexts(const CsRelation *relation, const char *sql);
extern void CsSqlCopy(const CsRelation *relation, const char *sql, CsResult *result, int64 *rest, int nrest);
extern void CsCheckAsOf(const CsRelation *relation, const char *sql);

#endif							/* CUSTSEG_LINES_SQL_H */
