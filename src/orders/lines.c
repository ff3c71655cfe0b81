/*
 * lines.c
 *	  Lines of orders, read and summed up customer by customer.
 *
 * What fits into maintenance_work_mem is gathered in hash tables, see gather.c.  Beyond it PostgreSQL
 * sorts the lines by customer, and by order where one is named, in that memory and on disk; then what
 * is held here is one customer, whatever the number of lines.
 *
 * Lines on other servers are summed up there by customer and time, or by customer, order and time, where these can
 * (buying.c): then a row is a customer, or an order, of a server.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "math/math.h"
#include "miscadmin.h"
#include "orders/buying.h"
#include "orders/lines.h"
#include "orders/lines_sql.h"
#include "stat/rfm.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#define FIRST_ORDERS 64

/* A share of lines at the time of another one from which they are told. */
#define MANY_AT_ONCE 0.2

#define ST_SORT SortTimes
#define ST_ELEMENT_TYPE Timestamp
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

const char *const CsReturnsNames[] = {"net", "ignore", "count", NULL};

/* Reading of sorted lines. */
typedef struct SortedReading
{
	CsLineReader *reader;
	CsHeld		customer;
	CsHeld		order;
	CsSpending	spending;		/* of the customer at hand */
	Timestamp	order_time;		/* of the order at hand; CS_NO_TIME before its first purchase */
} SortedReading;

/* The column that holds the time of an order. */
const CsColumn *
CsOrdersTimeColumn(const CsRelation *rel, const char *name)
{
	return CsTimeOfRole(rel, name, "time of an order");
}

/* The time zone of that name; NULL: the session's.  Belongs to the server. */
pg_tz *
CsOrdersZone(const char *name)
{
	pg_tz	   *zone = name == NULL ? session_timezone : pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errhint("SELECT name FROM pg_timezone_names lists the time zones.")));
	return zone;
}

/* A function of time zones, timestamptz_zone() or timestamp_zone(), of a time. */
static int64
InZone(PGFunction function, pg_tz *zone, int64 time)
{
	return DatumGetInt64(DirectFunctionCall2(function,
											 CStringGetTextDatum(pg_get_timezone_name(zone)),
											 Int64GetDatum(time)));
}

/*
 * An error where "as_of" is no time to count from; "latest" is what is taken where it is not given.
 * Two windows, of CS_MOST_WINDOW_DAYS at most, lie before any that is left, whatever the zone.  From the earliest time
 * there is to the latest "as_of" the microseconds fit 64 bits.
 */
void
CsCheckAsOfTime(TimestampTz as_of, const char *latest)
{
	const TimestampTz first = MIN_TIMESTAMP + (2 * CS_MOST_WINDOW_DAYS + 2) * USECS_PER_DAY;
	const TimestampTz last = (PG_INT64_MAX / USECS_PER_DAY + MIN_TIMESTAMP / USECS_PER_DAY - 2) * USECS_PER_DAY;

	if (TIMESTAMP_NOT_FINITE(as_of))
		CsRejectValue("\"as_of\" must be finite", psprintf("Leave it out to use the time of the latest %s.", latest));
	if (as_of < first)
		CsRejectValue("\"as_of\" must not be before 4166-06-27 BC", psprintf("Leave it out to use the time of the latest %s.", latest));
	if (as_of > last)
		CsRejectValue("\"as_of\" must not be after 287564-12-01", psprintf("Leave it out to use the time of the latest %s.", latest));
}

/* "as of" as the time column counts: in the zone's local time unless the column has a time zone. */
Timestamp
CsOrdersAsOf(const CsColumn *time, pg_tz *zone, TimestampTz as_of)
{
	CsCheckAsOfTime(as_of, "order");
	return time->converter.type == TIMESTAMPTZOID ? as_of : InZone(timestamptz_zone, zone, as_of);
}

/* The point in time that a time of the time column is. */
TimestampTz
CsOrdersTimestamp(const CsColumn *time, pg_tz *zone, Timestamp at)
{
	return time->converter.type == TIMESTAMPTZOID ? at : InZone(timestamp_zone, zone, at);
}

/* The time that a value of a time column is; false when it is not finite. */
bool
CsOrdersReadTime(const CsColumn *column, Datum value, Timestamp *time)
{
	if (column->converter.type == DATEOID)
	{
		if (DATE_NOT_FINITE(DatumGetDateADT(value)))
			return false;
		value = DirectFunctionCall1(date_timestamp, value);
	}
	*time = DatumGetTimestamp(value);
	return !TIMESTAMP_NOT_FINITE(*time);
}

/* The amount of a line, decimal or not; false when it is not finite. */
bool
CsLineReadAmount(const CsConverter *converter, bool is_decimal, Datum value, CsLine *line)
{
	if (is_decimal)
	{
		if (!CsConverterDecimal(converter, value, &line->amount.decimal))
			return false;
		line->is_return = line->amount.decimal.units < 0;
		return true;
	}
	line->amount.binary.sum = converter->to_double(converter, value);
	line->amount.binary.rest = 0;
	line->is_return = line->amount.binary.sum < 0;
	return isfinite(line->amount.binary.sum);
}

/*
 * Does the line count?  OUT the line.  If it does not count, the reason is counted.
 */
bool
CsLineCounts(CsLineReader *r, const Datum *row, const bool *nulls, CsLine *line)
{
	CsLinesCounts *counts = &r->counts;

	counts->lines++;
	if (nulls[CS_LINE_CUSTOMER])
		counts->no_customer++;
	else if (nulls[CS_LINE_TIME] ||
			 !CsOrdersReadTime(&r->columns[CS_LINE_TIME], row[CS_LINE_TIME], &line->time))
		counts->no_time++;
	else if (nulls[CS_LINE_AMOUNT] || !CsLineReadAmount(&r->columns[CS_LINE_AMOUNT].converter, r->is_decimal, row[CS_LINE_AMOUNT], line))
		counts->no_amount++;
	else if (line->time > r->request->as_of)
		counts->later++;
	else
		return true;
	return false;
}

/* Raise the error for amounts of which a sum, or what follows from it, is beyond all doubles. */
void
CsAmountsTooLarge(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("amounts are too large to add up"),
			 errhint("Give them in a larger unit: divide the column of the amount in the source.")));
}

/* Add what was spent, decimal or not. */
void
CsSpendingAdd(CsSpending *sum, bool is_decimal, CsSpending more)
{
	if (is_decimal)
		CsDecimalAdd(&sum->decimal, more.decimal);
	else
	{
		CsAddCompensated(&sum->binary.sum, &sum->binary.rest, more.binary.sum);
		sum->binary.rest += more.binary.rest;
	}
}

/* The double next to what was spent; an error where that is beyond all doubles. */
double
CsSpendingToDouble(const CsSpending *spending, bool is_decimal)
{
	double		spent = is_decimal ? CsDecimalToDouble(spending->decimal) : spending->binary.sum + spending->binary.rest;

	if (!isfinite(spent))
		CsAmountsTooLarge();
	return spent;
}

/*
 * Add a line that counts to its customer, and to the time of its order.  That time is the time of the
 * order's first purchase; it is CS_NO_TIME as long as there is none.
 */
void
CsLineAdd(CsLineReader *r, const CsLine *line, CsSpending *spending, Timestamp *order_time)
{
	r->counts.latest = Max(r->counts.latest, line->time);
	if (line->is_return && r->request->returns == CS_RETURNS_IGNORE)
		return;
	CsSpendingAdd(spending, r->is_decimal, line->amount);
	if (!line->is_return || r->request->returns == CS_RETURNS_COUNT)
		*order_time = Min(*order_time, line->time);
}

/* Add an order to the customer at hand.  An order without a time is ignored. */
void
CsBasketAddOrder(CsLineReader *r, Timestamp order_time)
{
	CsBasket   *basket = &r->basket;

	if (order_time == CS_NO_TIME)
		return;
	if (basket->norders == basket->capacity)
	{
		basket->capacity = Max(FIRST_ORDERS, basket->capacity * 2);
		basket->times = basket->times == NULL ?
			MemoryContextAllocHuge(r->context, sizeof(Timestamp) * basket->capacity) :
			repalloc_huge(basket->times, sizeof(Timestamp) * basket->capacity);
	}
	basket->times[basket->norders++] = order_time;
}

/* The day, in the zone, that a time of the time column is in. */
static int64
DayOf(const CsLinesRequest *request, Timestamp time)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int			offset;

	if (timestamp2tm(time, request->time->converter.type == TIMESTAMPTZOID ? &offset : NULL, &tm,
					 &fraction, NULL, request->zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
}

/* Orders of one day become one, the day's first; the times are sorted. */
static void
MergeDays(const CsLinesRequest *request, CsBasket *basket)
{
	Timestamp  *times = basket->times;
	int64		n = 0;
	int64		last_day = 0;

	for (int64 i = 0; i < basket->norders; i++)
	{
		int64		day = DayOf(request, times[i]);

		if (n == 0 || day != last_day)
			times[n++] = times[i];
		last_day = day;
	}
	basket->norders = n;
}

/* Count orders that are lines, and those at the time of the one before; the times are sorted. */
static void
CountAtOnce(CsLinesCounts *counts, const CsBasket *basket)
{
	counts->orders += basket->norders;
	for (int64 i = 1; i < basket->norders; i++)
		counts->at_once += basket->times[i] == basket->times[i - 1];
}

/* Visit the customer at hand, which has bought something. */
static void
VisitBuyer(CsLineReader *r, const CsSpending *spending, Datum customer)
{
	CsBasket   *basket = &r->basket;
	CsBuyer		buyer;

	SortTimes(basket->times, basket->norders);
	buyer.first = basket->times[0];
	buyer.last = basket->times[basket->norders - 1];
	if (r->request->same_day)
		MergeDays(r->request, basket);
	else if (r->request->order == NULL)
		CountAtOnce(&r->counts, basket);
	buyer.customer = OutputFunctionCall(&r->customer_output, customer);
	buyer.norders = basket->norders;
	buyer.monetary = CsSpendingToDouble(spending, r->is_decimal);
	CsGapsBetween(basket->times, basket->norders, &buyer.gap_mean, &buyer.gap_variation);
	r->visit(r->visit_state, &buyer);
	pfree((char *) buyer.customer);
}

/* The customer at hand is complete: have it visited, and clear the basket for the next one. */
void
CsBasketEnd(CsLineReader *r, const CsSpending *spending, Datum customer)
{
	if (r->basket.norders == 0)
		r->counts.only_returns++;
	else
		VisitBuyer(r, spending, customer);
	r->basket.norders = 0;
}

/*
 * By which collation are values of a column told apart?  By their bytes, which is fast, unless the
 * column's collation calls different bytes equal.
 */
Oid
CsKeyCollation(const CsColumn *column)
{
	if (!type_is_collatable(column->type))
		return InvalidOid;
	return OidIsValid(column->collation) && !get_collation_isdeterministic(column->collation) ?
		column->collation : C_COLLATION_OID;
}

/* ", expression" of an ORDER BY, in the order of which equal values stand together. */
static void
AppendSortKey(StringInfo sql, int number, const CsColumn *column)
{
	appendStringInfo(sql, number == 1 ? " ORDER BY t.%s" : ", t.%s",
					 quote_identifier(NameStr(column->name)));
	if (CsKeyCollation(column) == C_COLLATION_OID)
		appendStringInfoString(sql, " COLLATE pg_catalog.\"C\"");
}

/* The query that gives the lines by customer; palloc'd. */
static char *
SortedQuery(const CsLinesRequest *request)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.%s AS customer",
					 quote_identifier(NameStr(request->customer->name)));
	appendStringInfo(&sql, ", t.%s AS \"time\"", quote_identifier(NameStr(request->time->name)));
	appendStringInfo(&sql, ", t.%s AS amount", quote_identifier(NameStr(request->amount->name)));
	if (request->order != NULL)
		appendStringInfo(&sql, ", t.%s AS \"order\"",
						 quote_identifier(NameStr(request->order->name)));
	appendStringInfo(&sql, " FROM (SELECT * FROM %s) AS t", request->relation->from_item);
	AppendSortKey(&sql, 1, request->customer);
	if (request->order != NULL)
		AppendSortKey(&sql, 2, request->order);
	appendStringInfoString(&sql, CsSqlKeepOrder());
	return sql.data;
}

/* Prepare to compare values of a column with the one held. */
void
CsHeldPrepare(CsHeld *held, const CsColumn *column)
{
	TypeCacheEntry *entry = lookup_type_cache(column->type, TYPECACHE_EQ_OPR_FINFO);

	if (!OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("values of type %s cannot be compared", format_type_be(column->type)),
				 errhint("Cast the column to text in a query as the source.")));
	fmgr_info_copy(&held->equal, &entry->eq_opr_finfo, CurrentMemoryContext);
	held->collation = CsKeyCollation(column);
	held->by_value = entry->typbyval;
	held->length = entry->typlen;
}

/* Is it the value held? */
bool
CsHeldIs(CsHeld *held, Datum value, bool isnull)
{
	if (!held->there || held->isnull != isnull)
		return false;
	return isnull ||
		DatumGetBool(FunctionCall2Coll(&held->equal, held->collation, held->value, value));
}

/* Hold another value. */
void
CsHeldSet(MemoryContext context, CsHeld *held, Datum value, bool isnull)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	if (held->there && !held->isnull && !held->by_value)
		pfree(DatumGetPointer(held->value));
	held->value = isnull ? (Datum) 0 : datumCopy(value, held->by_value, held->length);
	held->isnull = isnull;
	held->there = true;
	MemoryContextSwitchTo(old);
}

/* The order at hand is over. */
static void
EndOrder(SortedReading *s)
{
	CsBasketAddOrder(s->reader, s->order_time);
	s->order_time = CS_NO_TIME;
}

/* The customer at hand is complete, if there is one. */
static void
EndCustomer(SortedReading *s)
{
	EndOrder(s);
	if (s->customer.there)
		CsBasketEnd(s->reader, &s->spending, s->customer.value);
	memset(&s->spending, 0, sizeof(s->spending));
}

/* CsRowSink: one line. */
static void
TakeSortedLine(void *state, const Datum *row, const bool *nulls)
{
	SortedReading *s = state;
	CsLineReader *r = s->reader;
	bool		by_order = r->request->order != NULL;
	CsLine		line;

	if (!CsLineCounts(r, row, nulls, &line))
		return;
	if (!CsHeldIs(&s->customer, row[CS_LINE_CUSTOMER], false))
	{
		EndCustomer(s);
		CsHeldSet(r->context, &s->customer, row[CS_LINE_CUSTOMER], false);
		s->order.there = false;
	}
	if (!by_order || nulls[CS_LINE_ORDER] || !CsHeldIs(&s->order, row[CS_LINE_ORDER], false))
	{
		EndOrder(s);
		if (by_order)
			CsHeldSet(r->context, &s->order, row[CS_LINE_ORDER], nulls[CS_LINE_ORDER]);
	}
	CsLineAdd(r, &line, &s->spending, &s->order_time);
}

/* Read the lines sorted by PostgreSQL. */
static void
ReadSorted(CsLineReader *r)
{
	SortedReading s = {.reader = r, .order_time = CS_NO_TIME};
	CsRelation *sorted;
	int			level;

	CsHeldPrepare(&s.customer, r->request->customer);
	if (r->request->order != NULL)
		CsHeldPrepare(&s.order, r->request->order);
	sorted = CsRelationQuery(r->request->relation, SortedQuery(r->request));
	r->columns = sorted->columns;

	level = NewGUCNestLevel();
	CsRaiseWorkMem();
	(void) CsRelationRead(sorted, sorted->columns, sorted->ncolumns, TakeSortedLine, &s);
	AtEOXact_GUC(true, level);
	EndCustomer(&s);
}

/* Raise an error where so many more orders of the customer at hand do not fit: another server may tell of any number. */
static void
CheckOrders(const CsBasket *basket, int64 more)
{
	int64		most = (int64) (CsMemoryLimit() / sizeof(Timestamp));

	if (more > most - basket->norders)
		CsMemoryExceeded(CsMemoryLimit() + 1, "leave the customer out in a view on the servers that have the lines",
						 "keeping the times of the orders of a customer");
}

/* Take an entry of what a customer bought: orders, or with "is_order" a part of one. */
static void
TakeEntry(SortedReading *s, const CsBought *bought, bool is_order)
{
	if (!is_order)
		CheckOrders(&s->reader->basket, bought->purchases);
	CsSpendingAdd(&s->spending, s->reader->is_decimal, bought->amount);
	if (is_order && bought->purchases > 0)
		s->order_time = Min(s->order_time, bought->at);
	for (int64 i = 0; i < bought->purchases && !is_order; i++)
		CsBasketAddOrder(s->reader, bought->at);
}

/* CsRowSink: what a customer bought, in an order if one is named, as one server knows it. */
static void
TakeBought(void *state, const Datum *row, const bool *nulls)
{
	SortedReading *s = state;
	const CsLinesRequest *request = s->reader->request;
	bool		is_order = request->order != NULL && !nulls[CS_BUYING_ROW_REST];
	CsBoughtReader reader;
	CsBought	bought;

	CsBoughtCheckRow(nulls);
	if (!CsHeldIs(&s->customer, row[CS_BUYING_ROW_CUSTOMER], false))
	{
		EndCustomer(s);
		CsHeldSet(s->reader->context, &s->customer, row[CS_BUYING_ROW_CUSTOMER], false);
		s->order.there = false;
	}
	if (is_order && !CsHeldIs(&s->order, row[CS_BUYING_ROW_REST], false))
	{
		EndOrder(s);
		CsHeldSet(s->reader->context, &s->order, row[CS_BUYING_ROW_REST], false);
	}
	if (nulls[CS_BUYING_ROW_BOUGHT])
		return;
	CsBoughtOpen(&reader, DatumGetByteaPP(row[CS_BUYING_ROW_BOUGHT]), s->reader->is_decimal, MIN_TIMESTAMP,
				 request->as_of == CS_NO_TIME ? END_TIMESTAMP - 1 : request->as_of);
	while (CsBoughtNext(&reader, &bought))
	{
		/* with returns that count as purchases, all lines are */
		if (request->returns == CS_RETURNS_COUNT)
			bought.purchases = bought.lines;
		TakeEntry(s, &bought, is_order);
	}
}

/* Count the lines, which other servers do. */
static void
CountBought(CsLineReader *r, const CsBuying *b)
{
	CsBuyingCounts found = {{0}};

	CsBuyingCount(b, &found);
	r->counts.no_customer = found.lines[CS_BUYING_CUSTOMER];
	r->counts.no_time = found.lines[CS_BUYING_TIME];
	r->counts.no_amount = found.lines[CS_BUYING_AMOUNT];
	r->counts.later = found.lines[CS_BUYING_UP_TO];
	for (int i = 0; i < lengthof(found.lines); i++)
		r->counts.lines += found.lines[i];
	if (found.latest != PG_INT64_MIN)
		r->counts.latest = found.latest;
}

/* Read the lines as other servers sum them up; false, and nothing is read, where they do not. */
static bool
ReadBought(CsLineReader *r)
{
	const CsLinesRequest *request = r->request;
	const char *at = CsSqlMicrosecondsOf(request->time);
	SortedReading s = {.reader = r, .order_time = CS_NO_TIME};
	CsBuying	b;
	CsRelation *bought;
	int			level;

	if (!CsBuyingOpen(&b, request->relation, request->customer, request->time, request->amount, request->order, at,
					  request->as_of == CS_NO_TIME ? NULL : psprintf("%s" CS_SQL("<=") INT64_FORMAT "::bigint", at, request->as_of),
					  request->returns != CS_RETURNS_IGNORE))
		return false;
	CsHeldPrepare(&s.customer, request->customer);
	if (request->order != NULL)
		CsHeldPrepare(&s.order, request->order);
	CountBought(r, &b);
	bought = CsBuyingSorted(&b, false);
	level = NewGUCNestLevel();
	CsRaiseWorkMem();
	(void) CsRelationRead(bought, bought->columns, bought->ncolumns, TakeBought, &s);
	AtEOXact_GUC(true, level);
	EndCustomer(&s);
	return true;
}

/*
 * Read the lines and call the visitor once for each customer that bought something, in the order of
 * the customers.  Returns what was counted.  
 */
CsLinesCounts
CsLinesRead(const CsLinesRequest *request, CsBuyerVisitor visit, void *state)
{
	CsLineReader r = {.request = request, .visit = visit, .visit_state = state};
	CsColumn	columns[4] = {*request->customer, *request->time, *request->amount};
	Oid			output;
	bool		is_varlena;

	if (request->order != NULL)
		columns[CS_LINE_ORDER] = *request->order;
	r.columns = columns;
	r.context = CurrentMemoryContext;
	r.counts.latest = DT_NOBEGIN;
	r.is_decimal = CsConverterIsDecimal(&request->amount->converter);
	getTypeOutputInfo(request->customer->type, &output, &is_varlena);
	fmgr_info(output, &r.customer_output);
	if (ReadBought(&r))
		return r.counts;
	if (!CsLinesGather(&r))
	{
		r.counts = (CsLinesCounts) {.latest = DT_NOBEGIN};
		ReadSorted(&r);
	}
	return r.counts;
}

/* Report in a NOTICE the rows, of n, that were left out for any of these reasons; "rows" says what they are. */
void
CsReportLeftOut(const char *rows, const CsLeftOut *reasons, int nreasons, int64 n)
{
	StringInfoData list;
	int64		all = 0;

	initStringInfo(&list);
	for (int i = 0; i < nreasons; i++)
	{
		all += reasons[i].n;
		if (reasons[i].n > 0)
			appendStringInfo(&list, "%s%lld %s", list.len > 0 ? ", " : "", (long long) reasons[i].n,
							 reasons[i].what);
	}
	if (list.len > 0)
		ereport(NOTICE,
				(errmsg("%lld of %lld %s left out: %s", (long long) all, (long long) n, rows, list.data)));
}

/*
 * Tell that each line counts as an order when, of the lines looked at, many are at the time of another one of
 * the customer: those are most likely of one order; a few may be two.
 */
void
CsLinesReportAtOnce(int64 at_once, int64 lines)
{
	if (at_once < MANY_AT_ONCE * lines || at_once == 0)
		return;
	ereport(NOTICE,
			(errmsg("each line counts as an order, though %lld of %lld lines have the customer and time of another line",
					(long long) at_once, (long long) lines),
			 errhint("Name the column that tells orders apart in option \"order\", or give \"same_day\": true.")));
}

/* Report the lines that were left out, customers who bought nothing, and lines that are no orders. */
void
CsLinesReport(const CsLinesCounts *counts)
{
	CsLeftOut	left_out[] = {
		{counts->no_customer, "without a customer"},
		{counts->no_time, "without a finite time"},
		{counts->no_amount, "without a finite amount"},
		{counts->later, "later than \"as_of\""}
	};

	CsReportLeftOut("lines", left_out, lengthof(left_out), counts->lines);
	if (counts->only_returns > 0)
		ereport(NOTICE,
				(errmsg("%s left out", CsWordsCount(counts->only_returns, "customer has only returns, and is",
												   "customers have only returns, and are"))));
	CsLinesReportAtOnce(counts->at_once, counts->orders);
}
