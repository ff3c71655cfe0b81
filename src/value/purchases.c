/*
 * purchases.c
 *	  Lines of orders read as customers with repeat purchases, in one streaming query.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "data/relation.h"
#include "stat/lifetime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "value/purchases.h"

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
CsPurchasesColumns(CsPurchasesRequest *r, const CsRelation *source, const char *customer,
				   const char *time, const char *amount)
{
	int			keys = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) | CS_KIND_BIT(CS_BOOLEAN) |
		CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE);

	r->relation = source;
	r->customer = CsOrdersColumn(r->relation, customer, "customer", keys);
	r->time = CsOrdersTimeColumn(r->relation, time);
	if (amount != NULL)
		r->amount = CsOrdersColumn(r->relation, amount, "amount", CS_KIND_BIT(CS_NUMERIC));
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

/* A query over the lines, to be read as the source is: with the same rights, and names found where its are. */
static CsRelation *
OpenQuery(const CsPurchasesRequest *r, const char *sql)
{
	const CsRelation *source = r->relation;

	return source->search_path == NULL && !OidIsValid(source->reader) ? CsRelationOpen(sql) :
		CsRelationOpenStored(sql, source->search_path, source->reader);
}

/* The first and the last day of the lines. */
typedef struct Days
{
	bool		there;
	DateADT		first,
				last;
} Days;

/* CsRowSink: the two days. */
static void
TakeDays(void *state, const Datum *values, const bool *nulls)
{
	Days	   *days = state;

	days->there = !nulls[0];
	if (!days->there)
		return;
	days->first = DatumGetDateADT(values[0]);
	days->last = DatumGetDateADT(values[1]);
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
	CsRelation *query = OpenQuery(r, CsPurchasesDaysSql(r));
	Days		days = {false};

	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeDays, &days);
	if (!days.there)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no line with a customer, a time and an amount", r->relation->description),
				 errhint("Name the columns of lines of orders.")));
	if (!as_of->isnull && day < days.first)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" is before the first line of %s", r->relation->description),
				 errdetail("It is %s; the first line is of %s.",
						   CsDayWords(day), CsDayWords(days.first)),
				 errhint("Give a later day, or leave it out to use the day of the latest line.")));
	r->ncuts = 1;
	r->cut[0] = as_of->isnull ? days.last : day;
	*earliest = days.first;
}

/* A reading. */
typedef struct Reading
{
	const CsPurchasesRequest *request;
	CsPurchaserVisitor visit;
	void	   *state;
	CsPurchasesCounts counts;
} Reading;

/* What the columns of a cut say of a customer. */
static CsPurchasesAsOf
ReadCut(const CsPurchaser *p, DateADT cut, const Datum *values, const bool *nulls)
{
	CsPurchasesAsOf at = {.repeats = -1};

	if (p->first > cut)
		return at;
	at.repeats = (int32) Min(DatumGetInt64(values[0]) - 1, PG_INT32_MAX);
	at.recency = DatumGetDateADT(values[1]) - p->first;
	at.age = cut - p->first;
	at.total = nulls[2] ? NAN : DatumGetFloat8(values[2]);
	return at;
}

/* CsRowSink: a customer, or lines that are left out. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *reading = state;
	const CsPurchasesRequest *r = reading->request;
	CsPurchaser p = {NULL};
	int			reason = DatumGetInt32(values[CS_P_REASON]);
	char	   *customer = NULL;

	reading->counts.lines[reason] += DatumGetInt64(values[CS_P_LINES]);
	if (reason != CS_LINE_COUNTS)
		return;
	reading->counts.customers++;
	if (!nulls[CS_P_CUSTOMER])
		p.customer = customer = TextDatumGetCString(values[CS_P_CUSTOMER]);
	p.hash = DatumGetUInt32(values[CS_P_HASH]);
	p.first = DatumGetDateADT(values[CS_P_FIRST]);
	p.last = DatumGetDateADT(values[CS_P_CUTS + 1]);
	for (int i = 0; i < r->ncuts; i++)
		p.at[i] = ReadCut(&p, r->cut[i], values + CS_P_CUTS + i * CS_P_PER_CUT,
						  nulls + CS_P_CUTS + i * CS_P_PER_CUT);
	reading->visit(reading->state, &p);
	if (customer != NULL)
		pfree(customer);
}

/* Read the source; each customer goes to the visitor, in no particular order. */
CsPurchasesCounts
CsPurchasesRead(const CsPurchasesRequest *r, CsPurchaserVisitor visit, void *state)
{
	CsRelation *query = OpenQuery(r, CsPurchasesSql(r));
	Reading		reading = {r, visit, state};

	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeRow, &reading);
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
