/*
 * day.h
 *	  The day that a time is in, by the calendar of a zone, and months.
 */
#ifndef CUSTSEG_ORDERS_DAY_H
#define CUSTSEG_ORDERS_DAY_H

#include "data/relation.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/* Seconds since 1970, from the first to before the end, in which the zone is so many seconds east of UTC. */
typedef struct CsDaySpan
{
	int64		first,
				end;
	int64		offset;
} CsDaySpan;

#define CS_DAY_SPANS 64			/* a power of two */

typedef struct CsDayClock
{
	Oid			type;			/* of the column: date, timestamp or timestamptz */
	pg_tz	   *zone;
	CsDaySpan	spans[CS_DAY_SPANS];
} CsDayClock;

extern void CsDayClockOpen(CsDayClock *clock, const CsColumn *time, pg_tz *zone);
extern bool CsDayOfValue(CsDayClock *clock, Datum value, DateADT *day);
extern bool CsDayMayFall(CsDayClock *clock, Timestamp time);
extern int	CsMonthOf(DateADT day);
extern DateADT CsFirstDayOf(int month);

#endif							/* CUSTSEG_ORDERS_DAY_H */
