/*
 * day.c
 *	  The day that a time is in, by the calendar of a zone, and months.
 *
 * Between two changes of its clocks a zone is apart from UTC by a constant.  Such spans are remembered as they are
 * met, so that the day of a line is a few additions.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "orders/day.h"
#include "orders/orders.h"
#include "utils/datetime.h"

#define SECONDS_FROM_1970 ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* Times of about 97 days have a place for a span in common. */
#define SPAN_BITS 23

/* The greatest whole number up to a / b, for b above 0. */
static inline int64
FloorOf(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

PG_FUNCTION_INFO_V1(custseg_microseconds);
PG_FUNCTION_INFO_V1(custseg_day_of);
PG_FUNCTION_INFO_V1(custseg_hour_of);
PG_FUNCTION_INFO_V1(custseg_hour_of_local);
PG_FUNCTION_INFO_V1(custseg_month_of);

/* The arguments. */
enum
{
	ARG_AT, ARG_ZONE
};

/* Prepare to tell days of a column of dates or timestamps, which without a time zone are in local time. */
void
CsDayClockOpen(CsDayClock *clock, const CsColumn *time, pg_tz *zone)
{
	memset(clock, 0, sizeof(*clock));
	clock->type = time->converter.type;
	clock->zone = zone;
}

/* Fill a span with what is known of the zone at a second since 1970. */
static void
FillSpan(const CsDayClock *clock, CsDaySpan *span, int64 second)
{
	pg_time_t	at = (pg_time_t) second,
				boundary;
	long		offset,
				offset_after;
	int			is_dst,
				is_dst_after,
				found = pg_next_dst_boundary(&at, &offset, &is_dst, &boundary, &offset_after, &is_dst_after, clock->zone);

	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	*span = (CsDaySpan) {second, found == 0 ? PG_INT64_MAX : (int64) boundary, offset};
}

/* The local time of a finite time of the column, in microseconds since 2000. */
static int64
LocalTime(CsDayClock *clock, Timestamp time)
{
	int64		second;
	CsDaySpan  *span;

	if (clock->type != TIMESTAMPTZOID)
		return time;
	second = FloorOf(time, USECS_PER_SEC) + SECONDS_FROM_1970;
	span = &clock->spans[(second >> SPAN_BITS) & (CS_DAY_SPANS - 1)];
	if (second < span->first || second >= span->end)
		FillSpan(clock, span, second);
	return time + span->offset * USECS_PER_SEC;
}

/* The day of a finite time of the column. */
static DateADT
DayOfTime(CsDayClock *clock, Timestamp time)
{
	return (DateADT) FloorOf(LocalTime(clock, time), USECS_PER_DAY);
}

/* The day of a value of the column; false when it is not finite. */
bool
CsDayOfValue(CsDayClock *clock, Datum value, DateADT *day)
{
	if (clock->type == DATEOID)
	{
		*day = DatumGetDateADT(value);
		return !DATE_NOT_FINITE(*day);
	}
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
		return false;
	*day = DayOfTime(clock, DatumGetTimestamp(value));
	return true;
}

/*
 * May a time before that one be of a later day?  So it may be when clocks went back over midnight in the day before
 * it.
 */
bool
CsDayMayFall(CsDayClock *clock, Timestamp time)
{
	DateADT		day;

	if (clock->type != TIMESTAMPTZOID)
		return false;
	day = DayOfTime(clock, time);
	/* a change of clocks is at a whole second, and goes back by a day at most */
	for (int64 second = FloorOf(time, USECS_PER_SEC) - SECS_PER_DAY; second * USECS_PER_SEC < time;)
	{
		CsDaySpan	span;
		int64		end;

		FillSpan(clock, &span, second + SECONDS_FROM_1970);
		end = Min(span.end - SECONDS_FROM_1970, time / USECS_PER_SEC + 1);
		if (DayOfTime(clock, (end - 1) * USECS_PER_SEC) > day)
			return true;
		second = end;
	}
	return false;
}

/* The number of a day's month, counted from the first one of year 0. */
int
CsMonthOf(DateADT day)
{
	int			year,
				month,
				rest;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &rest);
	return year * MONTHS_PER_YEAR + month - 1;
}

/* The first day of a month. */
DateADT
CsFirstDayOf(int month)
{
	return date2j(month / MONTHS_PER_YEAR, month % MONTHS_PER_YEAR + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* microseconds(at): the time as the number that it is */
Datum
custseg_microseconds(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_TIMESTAMP(ARG_AT));
}

/* The clock of times with a time zone, in the zone whose name has these bytes; it is the one of all calls in a process. */
static CsDayClock *
ClockOf(const bytea *zone)
{
	static CsDayClock clock;	/* of the call before */
	static char name[TZ_STRLEN_MAX + 1];
	int			length = Min((int) VARSIZE_ANY_EXHDR(zone), TZ_STRLEN_MAX);

	if (clock.zone == NULL || strlen(name) != length || memcmp(name, VARDATA_ANY(zone), length) != 0)
	{
		clock.zone = NULL;
		memset(name, 0, sizeof(name));
		memcpy(name, VARDATA_ANY(zone), length);
		(void) pg_verifymbstr(name, (int) strlen(name), false);
		clock = (CsDayClock) {TIMESTAMPTZOID, CsOrdersZone(name)};
	}
	return &clock;
}

/* day_of(at, zone): the zone is the bytes of its name; NULL for an infinite time */
Datum
custseg_day_of(PG_FUNCTION_ARGS)
{
	DateADT		day;

	if (!CsDayOfValue(ClockOf(PG_GETARG_BYTEA_PP(ARG_ZONE)), PG_GETARG_DATUM(ARG_AT), &day))
		PG_RETURN_NULL();
	PG_RETURN_INT32(day);
}

/* The hour of a local time; NULL for midnight to the microsecond, which is most likely a date. */
static Datum
HourOf(FunctionCallInfo fcinfo, int64 local)
{
	int64		time_of_day = local - FloorOf(local, USECS_PER_DAY) * USECS_PER_DAY;

	if (time_of_day == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) (time_of_day / USECS_PER_HOUR));
}

/* hour_of(at, zone): likewise; NULL for midnight and for an infinite time */
Datum
custseg_hour_of(PG_FUNCTION_ARGS)
{
	CsDayClock *clock = ClockOf(PG_GETARG_BYTEA_PP(ARG_ZONE));

	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(ARG_AT)))
		PG_RETURN_NULL();
	return HourOf(fcinfo, LocalTime(clock, PG_GETARG_TIMESTAMPTZ(ARG_AT)));
}

/* hour_of(at): of a time without a zone */
Datum
custseg_hour_of_local(PG_FUNCTION_ARGS)
{
	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMP(ARG_AT)))
		PG_RETURN_NULL();
	return HourOf(fcinfo, PG_GETARG_TIMESTAMP(ARG_AT));
}

/* month_of(day): months since year 0 of a day in days since 2000; NULL where there is no such day */
Datum
custseg_month_of(PG_FUNCTION_ARGS)
{
	DateADT		day = PG_GETARG_INT32(ARG_AT);

	if (!IS_VALID_DATE(day))
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsMonthOf(day));
}
