/*
 * purchases.c
 *	  Lines of orders read as customers with repeat purchases, in one streaming query.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_collation.h"
#include "data/relation.h"
#include "stat/lifetime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "value/purchase_lines.h"

const char *const CsPurchaseUnitNames[] = {"week", "day", NULL};
const char *const CsPurchaseReturnsNames[] = {"net", "ignore", NULL};

/* Days of a unit. */
double
CsPurchaseUnitDays(CsPurchaseUnit unit)
{
	return unit == CS_UNIT_WEEK ? 7 : 1;
}

/* Days of an interval: months are twelfths of 365.25 days.  Infinite for an infinite one. */
double
CsIntervalDays(const Interval *interval)
{
#ifdef INTERVAL_NOT_FINITE
	if (INTERVAL_NOT_FINITE(interval))
		return INTERVAL_IS_NOBEGIN(interval) ? -INFINITY : INFINITY;
#endif
	return interval->month * CS_MONTH_DAYS + interval->day + (double) interval->time / USECS_PER_DAY;
}

/* A day as text that does not depend on settings, palloc'd. */
char *
CsDayWords(DateADT day)
{
	return CsDateWords((double) day + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE));
}

/* Resolve the source and its columns; "amount" may be NULL. */
void
CsPurchasesColumns(CsPurchasesRequest *r, CsRelation *source, const char *customer,
				   const char *time, const char *amount)
{
	r->relation = source;
	r->customer = CsKeyOfRole(source, customer, "customer");
	r->time = CsOrdersTimeColumn(r->relation, time);
	if (amount != NULL)
		r->amount = CsColumnOfRole(r->relation, amount, "amount", CS_KIND_BIT(CS_NUMERIC));
}

/* Resolve the arguments that functions on lines have: source, customer, time, amount; the first is that of the source. */
void
CsPurchasesOpen(FunctionCallInfo fcinfo, int first, CsPurchasesRequest *r)
{
	CsPurchasesColumns(r, CsRelationOpen(CsRequiredText(fcinfo, first, "source")), CsTextArgument(fcinfo, first + 1),
					   CsTextArgument(fcinfo, first + 2), CsTextArgument(fcinfo, first + 3));
}

/* The day of a point in time, by the calendar of the zone. */
static DateADT
DayOf(const CsPurchasesRequest *r, TimestampTz at)
{
	Datum		local;

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" must be finite"),
				 errhint("Leave it out to use the day of the latest line.")));
	local = DirectFunctionCall2(timestamptz_zone,
								CStringGetTextDatum(pg_get_timezone_name(r->zone)),
								TimestampTzGetDatum(at));
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date, local));
}

/* The first and the last time of the lines. */
typedef struct Times
{
	bool		there;
	Datum		first,
				last;
} Times;

/* CsRowSink: the two times, or days; both are passed by value. */
static void
TakeTimes(void *state, const Datum *values, const bool *nulls)
{
	Times	   *times = state;

	*times = (Times) {!nulls[0], values[0], values[1]};
}

/* OUT the first and the last day of lines that count; false when there are none. */
static bool
FindDays(const CsPurchasesRequest *r, DateADT *first, DateADT *last)
{
	CsRelation *query = CsRelationQuery(r->relation, CsPurchasesTimesSql(r, false));
	CsDayClock	clock;
	Times		times = {false};

	CsDayClockOpen(&clock, r->time, r->zone);
	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeTimes, &times);
	if (!times.there)
		return false;
	(void) CsDayOfValue(&clock, times.first, first);
	(void) CsDayOfValue(&clock, times.last, last);
	if (!CsDayMayFall(&clock, DatumGetTimestamp(times.last)))
		return true;
	/* clocks went back over midnight just before the last line: another one may be of a later day */
	query = CsRelationQuery(r->relation, CsPurchasesTimesSql(r, true));
	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeTimes, &times);
	*first = DatumGetDateADT(times.first);
	*last = DatumGetDateADT(times.last);
	return true;
}

/*
 * Set the day that customers are summed up as of: that of a point in time, or where it is NULL that of the latest
 * line.  OUT the day of the earliest line.  A source without a line that counts is an error, and so is a day
 * before all of them.  The request has its zone.
 */
void
CsPurchasesAsOfDay(CsPurchasesRequest *r, const NullableDatum *as_of, DateADT *earliest)
{
	DateADT		day = as_of->isnull ? 0 : DayOf(r, DatumGetTimestampTz(as_of->value));
	DateADT		first,
				last;

	if (!FindDays(r, &first, &last))
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no line with a customer, a time and an amount", r->relation->description),
				 errhint("Name the columns of lines of orders.")));
	if (!as_of->isnull && day < first)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" is before the first line of %s", r->relation->description),
				 errdetail("It is %s; the first line is of %s.",
						   CsDayWords(day), CsDayWords(first)),
				 errhint("Give a later day, or leave it out to use the day of the latest line.")));
	r->ncuts = 1;
	r->cut[0] = as_of->isnull ? last : day;
	*earliest = first;
}

/* A reading. */
typedef struct Reading
{
	const CsPurchasesRequest *request;
	CsPurchaserVisitor visit;
	void	   *state;
	CsPurchasesCounts counts;
} Reading;

/* What the days up to a cut say of a customer, whose first purchase is on days[from]. */
static CsPurchasesAsOf
AsOf(const CsPurchaseDays *d, int from, DateADT cut, bool has_amounts)
{
	CsPurchasesAsOf at = {.repeats = -1};
	CsSpending	rest = {0};

	for (int i = from; i < d->n && d->days[i].day <= cut; i++)
	{
		if (!d->days[i].bought)
			continue;
		at.repeats++;
		at.recency = d->days[i].day - d->days[from].day;
		if (i > from)
			CsSpendingAdd(&rest, d->is_decimal, d->days[i].amount);
	}
	if (at.repeats < 0)
		return at;
	at.age = cut - d->days[from].day;
	at.total = has_amounts ? CsSpendingToDouble(&rest, d->is_decimal) : NAN;
	return at;
}

/*
 * CsPurchaseDaysVisitor: a customer.  A return lowers what was spent on its day, but is no purchase: a day without one is
 * left out, as are its returns.
 */
static void
TakeDays(void *state, const CsPurchaseDays *d)
{
	Reading    *reading = state;
	const CsPurchasesRequest *r = reading->request;
	CsPurchaser p = {.customer = d->customer};
	int			from = -1;

	for (int i = 0; i < d->n; i++)
	{
		if (!d->days[i].bought)
		{
			reading->counts.lines[CS_LINE_COUNTS] -= d->days[i].lines;
			reading->counts.lines[CS_LINE_RETURN] += d->days[i].lines;
			continue;
		}
		if (from < 0)
			from = i;
		p.last = d->days[i].day;
	}
	if (from < 0)
		return;
	reading->counts.customers++;
	p.first = d->days[from].day;
	if (r->ncuts > 1)
		p.hash = DatumGetUInt32(DirectFunctionCall1Coll(hashtext, C_COLLATION_OID, CStringGetTextDatum(d->customer)));
	for (int i = 0; i < r->ncuts; i++)
		p.at[i] = AsOf(d, from, r->cut[i], r->amount != NULL);
	reading->visit(reading->state, &p);
}

/* Read the source; each customer goes to the visitor, in no particular order unless the request asks for one. */
CsPurchasesCounts
CsPurchasesRead(const CsPurchasesRequest *r, CsPurchaserVisitor visit, void *state)
{
	Reading		reading = {r, visit, state};

	CsPurchaseLinesRead(r, TakeDays, &reading, &reading.counts);
	return reading.counts;
}

/* Say what was left out. */
void
CsPurchasesReport(const CsPurchasesCounts *counts)
{
	const CsLeftOut reasons[] = {
		{counts->lines[CS_LINE_NO_CUSTOMER], "without a customer"},
		{counts->lines[CS_LINE_NO_TIME], "without a finite time"},
		{counts->lines[CS_LINE_NO_AMOUNT], "without a finite amount"},
		{counts->lines[CS_LINE_LATER], "later than \"as_of\""},
		{counts->lines[CS_LINE_RETURN], "returns that lower no purchase"}
	};
	int64		all = 0;

	for (int i = 0; i < CS_LINE_REASONS; i++)
		all += counts->lines[i];
	CsReportLeftOut("lines", reasons, lengthof(reasons), all);
}
