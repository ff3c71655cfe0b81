/*
 * value_text.c
 *	  Values as texts that depend on no setting of the session: what the same value is called everywhere.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "data/relation.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* A float8 in the digits that tell it from all others, whatever extra_float_digits says. */
static char *
Float8Text(double value)
{
	char	   *text = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	/* a negative zero equals zero */
	double_to_shortest_decimal_buf(value == 0 ? 0 : value, text);
	return text;
}

/* The same of a float4. */
static char *
Float4Text(float4 value)
{
	char	   *text = palloc(FLOAT_SHORTEST_DECIMAL_LEN);

	float_to_shortest_decimal_buf(value == 0 ? 0 : value, text);
	return text;
}

/* A date in ISO's order, whatever DateStyle says. */
static char *
DateText(DateADT date)
{
	char	   *text = palloc(MAXDATELEN + 1);
	struct pg_tm tm;

	if (DATE_NOT_FINITE(date))
		EncodeSpecialDate(date, text);
	else
	{
		j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, text);
	}
	return text;
}

/* A time in ISO's order; one that has a time zone in UTC, whatever TimeZone says. */
static char *
TimestampText(Timestamp timestamp, bool has_zone)
{
	char	   *text = palloc(MAXDATELEN + 1);
	struct pg_tm tm;
	fsec_t		fraction;

	if (TIMESTAMP_NOT_FINITE(timestamp))
		EncodeSpecialTimestamp(timestamp, text);
	else if (timestamp2tm(timestamp, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	else
	{
		tm.tm_isdst = 0;		/* else the zone is not written */
		EncodeDateTime(&tm, fraction, has_zone, 0, has_zone ? "UTC" : NULL, USE_ISO_DATES, text);
	}
	return text;
}

/*
 * An interval in days of 24 hours, whatever IntervalStyle says.  A month is 30 days, as "=" has it, and
 * days and time have one sign, so that equal intervals have one text.
 */
static char *
IntervalText(const Interval *interval)
{
	char		time_text[MAXDATELEN + 1];
	Interval	rest = {0};
	struct pg_itm itm;
	int64		days;

	if (INTERVAL_IS_NOBEGIN(interval) || INTERVAL_IS_NOEND(interval))
		return pstrdup(INTERVAL_IS_NOBEGIN(interval) ? EARLY : LATE);
	days = interval->time / USECS_PER_DAY + interval->day +
		interval->month * (int64) DAYS_PER_MONTH;
	rest.time = interval->time % USECS_PER_DAY;
	if (days > 0 && rest.time < 0)
	{
		days--;
		rest.time += USECS_PER_DAY;
	}
	else if (days < 0 && rest.time > 0)
	{
		days++;
		rest.time -= USECS_PER_DAY;
	}
	interval2itm(rest, &itm);
	EncodeInterval(&itm, INTSTYLE_POSTGRES, time_text);
	if (days == 0)
		return pstrdup(time_text);
	return psprintf("%lld day%s%s%s", (long long) days, days == 1 ? "" : "s",
					rest.time == 0 ? "" : " ", rest.time == 0 ? "" : time_text);
}

/* Is a value of that type made of others, whose texts may follow settings? */
static bool
IsComposed(Oid type)
{
	char		category;
	bool		is_preferred;

	get_type_category_preferred(type, &category, &is_preferred);
	return get_typtype(type) != TYPTYPE_BASE || category == TYPCATEGORY_ARRAY ||
		category == TYPCATEGORY_GEOMETRIC;
}

/* The text of a value by its type's own function, under plain settings if it is composed; palloc'd. */
static char *
OwnText(const CsConverter *c, FmgrInfo *output, Datum value)
{
	int			level;
	char	   *text;

	if (c->kind != CS_UNUSABLE || !IsComposed(c->type))
		return OutputFunctionCall(output, value);
	level = CsPlainSettings();
	text = OutputFunctionCall(output, value);
	AtEOXact_GUC(true, level);
	return text;
}

/*
 * The text of a number or a time, palloc'd: the same for equal values, and whatever the settings of
 * the session are.  "output" writes what needs no rule of its own.
 */
char *
CsNumberText(const CsConverter *c, FmgrInfo *output, Datum value)
{
	switch (c->type)
	{
		case FLOAT4OID:
			return Float4Text(DatumGetFloat4(value));
		case FLOAT8OID:
			return Float8Text(DatumGetFloat8(value));
		case NUMERICOID:
			return numeric_normalize(DatumGetNumeric(value));
		case CASHOID:
			return numeric_normalize(DatumGetNumeric(DirectFunctionCall1(cash_numeric, value)));
		case DATEOID:
			return DateText(DatumGetDateADT(value));
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return TimestampText(DatumGetTimestamp(value), c->type == TIMESTAMPTZOID);
		case INTERVALOID:
			return IntervalText(DatumGetIntervalP(value));
		default:
			return OwnText(c, output, value);
	}
}

/*
 * The text of any value: that of a category, true or false for a boolean, and for a number or a
 * time a text that depends on no setting.  Equal values have the same text.  Otherwise as
 * CsCategoryText().
 */
const char *
CsColumnText(const CsConverter *c, FmgrInfo *output, Datum value, int *length, void **copy)
{
	const char *text;

	if (c->kind == CS_CATEGORICAL)
		return CsCategoryText(c, value, length, copy);
	*copy = NULL;
	if (c->kind == CS_BOOLEAN)
		text = DatumGetBool(value) ? "true" : "false";
	else
		text = *copy = CsNumberText(c, output, value);
	*length = (int) strlen(text);
	return text;
}

/* The date of a day, counted from 1970-01-01, palloc'd; NULL when it is out of range. */
char *
CsDateWords(double days)
{
	double		julian = floor(days) + UNIX_EPOCH_JDATE;
	int			year,
				month,
				day;

	if (!(julian >= 0 && julian < DATE_END_JULIAN))
		return NULL;
	j2date((int) julian, &year, &month, &day);
	return psprintf("%04d-%02d-%02d", year, month, day);
}

/*
 * A point in time, in days since 1970-01-01, as its date, and the time of day when that is not
 * midnight; palloc'd.
 */
char *
CsTimeWords(double days)
{
	double		all_seconds = rint(days * SECS_PER_DAY);
	double		day = floor(all_seconds / SECS_PER_DAY);
	int64		seconds;
	char	   *date = CsDateWords(day);
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (date == NULL)
	{
		double_to_shortest_decimal_buf(days, digits);
		return psprintf("%s days", digits);
	}
	seconds = (int64) (all_seconds - day * SECS_PER_DAY);
	if (seconds == 0)
		return date;
	return psprintf("%s %02d:%02d:%02d", date, (int) (seconds / SECS_PER_HOUR),
					(int) (seconds / SECS_PER_MINUTE % 60), (int) (seconds % 60));
}
