/*
 * lines_sql.h
 *	  Parts of queries over lines of orders, whose source is "t".
 */
#ifndef CUSTSEG_LINES_SQL_H
#define CUSTSEG_LINES_SQL_H

#include "data/relation.h"
#include "pgtime.h"

extern const char *CsSqlColumn(const CsColumn *column);
extern const char *CsSqlFrom(const CsRelation *rel);
extern const char *CsSqlFinite(const CsColumn *column);
extern const char *CsSqlZone(pg_tz *zone);
extern const char *CsSqlTime(const CsColumn *time);
extern const char *CsSqlLocal(const CsColumn *time, pg_tz *zone, const char *at);
extern const char *CsSqlSumType(const CsColumn *amount);
extern const char *CsSqlZero(const CsColumn *column);

#endif							/* CUSTSEG_LINES_SQL_H */
