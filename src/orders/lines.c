/*
 * lines.c
 *	  Lines of orders, read and summed up customer by customer.
 *
 * What fits into maintenance_work_mem is gathered in hash tables, see gather.c.  Beyond it PostgreSQL
 * sorts the lines by customer, and by order where one is named, in that memory and on disk; then what
 * is held here is one customer, whatever the number of lines.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "math/math.h"
#include "miscadmin.h"
#include "orders/lines.h"
#include "stat/rfm.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define SECONDS_A_DAY 86400.0
#define FIRST_ORDERS 64

const char *const CsReturnsNames[] = {"net", "ignore", "count", NULL};

/* A value to compare the next line's with. */
typedef struct Held
{
	FmgrInfo	equal;
	Oid			collation;
	bool		by_value;
	int16		length;
	bool		there;
	bool		isnull;
	Datum		value;			/* palloc'd in the context of the reading, unless by value */
} Held;

/* Reading of sorted lines. */
typedef struct SortedReading
{
	CsLineReader *reader;
	Held		customer;
	Held		order;
	double		order_time;		/* of the order at hand; NaN before its first purchase */
} SortedReading;

/*
 * The column of the relation with that name, which must be of one of the kinds, a sum of
 * CS_KIND_BIT().  "role" tells in an error what the column is needed for.  Belongs to the relation.
 */
const CsColumn *
CsOrdersColumn(const CsRelation *rel, const char *name, const char *role, int kinds)
{
	const CsColumn *column;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the column of the %s must not be NULL", role),
				 errhint("Name a column of %s.", rel->description)));
	column = CsRelationWhole(rel, name);
	if ((kinds & CS_KIND_BIT(column->converter.kind)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the %s", name,
						format_type_be(column->type), role),
				 errhint("Name another column, or cast it in a query as the source.")));
	return column;
}

/*
 * The column of the relation that holds the time of an order: a date or a timestamp.  Belongs to
 * the relation.
 */
const CsColumn *
CsOrdersTimeColumn(const CsRelation *rel, const char *name)
{
	const CsColumn *column = CsOrdersColumn(rel, name, "time of an order", CS_KIND_BIT(CS_TIME));

	if (column->converter.type != DATEOID && column->converter.type != TIMESTAMPOID &&
		column->converter.type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the time of an order", name,
						format_type_be(column->type)),
				 errhint("Name a column of type date, timestamp or timestamp with time zone.")));
	return column;
}

/*
 * as_of in days, as the time column counts them: in local time unless the column has a time zone.
 */
double
CsOrdersAsOf(const CsColumn *time, TimestampTz as_of)
{
	CsConverter converter;
	Datum		value = TimestampTzGetDatum(as_of);

	if (TIMESTAMP_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" must be finite"),
				 errhint("Leave it out to use the time of the latest order.")));
	if (time->converter.type == TIMESTAMPTZOID)
		CsConverterInit(&converter, TIMESTAMPTZOID);
	else
	{
		CsConverterInit(&converter, TIMESTAMPOID);
		value = DirectFunctionCall1(timestamptz_timestamp, value);
	}
	return converter.to_double(&converter, value);
}

/* A point in time from days as the time column counts them. */
TimestampTz
CsOrdersTimestamp(const CsColumn *time, double days)
{
	double		since_2000 = days - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE);
	Timestamp	result = (Timestamp) rint(since_2000 * SECONDS_A_DAY * USECS_PER_SEC);

	if (time->converter.type == TIMESTAMPTZOID)
		return result;
	return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz,
												   TimestampGetDatum(result)));
}

/* A number of a line, which must be finite. */
static double
Finite(const CsLineReader *r, int which, Datum value)
{
	const CsColumn *column = &r->columns[which];
	double		number = column->converter.to_double(&column->converter, value);

	if (isinf(number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has an infinite value",
						NameStr(which == CS_LINE_TIME ? r->request->time->name :
								r->request->amount->name)),
				 errhint("Give a query that leaves such lines out as the source.")));
	return number;
}

/*
 * Does the line count?  OUT its time and its amount.  If it does not count, the reason is counted.
 */
bool
CsLineCounts(CsLineReader *r, const Datum *row, const bool *nulls, double *time, double *amount)
{
	CsLinesCounts *counts = &r->counts;

	counts->lines++;
	if (nulls[CS_LINE_CUSTOMER])
	{
		counts->no_customer++;
		return false;
	}
	if (nulls[CS_LINE_TIME])
	{
		counts->no_time++;
		return false;
	}
	*time = Finite(r, CS_LINE_TIME, row[CS_LINE_TIME]);
	*amount = nulls[CS_LINE_AMOUNT] ? NAN : Finite(r, CS_LINE_AMOUNT, row[CS_LINE_AMOUNT]);
	if (isnan(*amount))
	{
		counts->no_amount++;
		return false;
	}
	if (*time > r->request->as_of)
	{
		counts->later++;
		return false;
	}
	return true;
}

/*
 * Add a line that counts to its customer's sum, and to the time of its order.  That time is the
 * time of the order's first purchase; it is NaN as long as there is none.
 */
void
CsLineAdd(CsLineReader *r, double time, double amount, double *sum, double *rest, double *order_time)
{
	if (!(time <= r->counts.latest))
		r->counts.latest = time;
	if (amount < 0 && r->request->returns == CS_RETURNS_IGNORE)
		return;
	CsAddCompensated(sum, rest, amount);
	if ((amount >= 0 || r->request->returns == CS_RETURNS_COUNT) && !(*order_time <= time))
		*order_time = time;
}

/* Add an order to the customer at hand.  An order whose time is NaN is ignored. */
void
CsBasketAddOrder(CsLineReader *r, double order_time)
{
	CsBasket   *basket = &r->basket;

	if (isnan(order_time))
		return;
	if (basket->norders == basket->capacity)
	{
		basket->capacity = Max(FIRST_ORDERS, basket->capacity * 2);
		basket->times = basket->times == NULL ?
			MemoryContextAllocHuge(r->context, sizeof(double) * 2 * basket->capacity) :
			repalloc_huge(basket->times, sizeof(double) * 2 * basket->capacity);
	}
	basket->times[basket->norders++] = order_time;
}

/* Orders of one day become one, the day's first; the times are sorted. */
static void
MergeDays(CsBasket *basket)
{
	double	   *times = basket->times;
	int64		n = 0;

	for (int64 i = 0; i < basket->norders; i++)
	{
		if (n == 0 || floor(times[i]) != floor(times[n - 1]))
			times[n++] = times[i];
	}
	basket->norders = n;
}

/* Visit the customer at hand, which has bought something. */
static void
VisitBuyer(CsLineReader *r, Datum customer)
{
	CsBasket   *basket = &r->basket;
	CsBuyer		buyer = {0};

	CsSortDoubles(basket->times, basket->norders, basket->times + basket->capacity);
	buyer.last = basket->times[basket->norders - 1];
	if (r->request->same_day)
		MergeDays(basket);
	buyer.customer = OutputFunctionCall(&r->customer_output, customer);
	buyer.first = basket->times[0];
	buyer.norders = basket->norders;
	buyer.monetary = basket->sum + basket->rest;
	CsGapsBetween(basket->times, basket->norders, &buyer.gap_mean, &buyer.gap_variation);
	r->visit(r->visit_state, &buyer);
	pfree((char *) buyer.customer);
}

/* The customer at hand is complete: visit it, and clear the basket for the next one. */
void
CsBasketEnd(CsLineReader *r, Datum customer)
{
	if (r->basket.norders == 0)
		r->counts.only_returns++;
	else
		VisitBuyer(r, customer);
	r->basket.sum = r->basket.rest = 0;
	r->basket.norders = 0;
}

/* ", expression" of an ORDER BY: text is ordered by its bytes, which is fast and as good. */
static void
AppendSortKey(StringInfo sql, int number, const CsColumn *column)
{
	appendStringInfo(sql, number == 1 ? " ORDER BY t.%s" : ", t.%s",
					 quote_identifier(NameStr(column->name)));
	if (type_is_collatable(column->type))
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
	return sql.data;
}

/* Prepare to compare values of a column with the one held. */
static void
PrepareHeld(Held *held, const CsColumn *column)
{
	TypeCacheEntry *entry = lookup_type_cache(column->type, TYPECACHE_EQ_OPR_FINFO);

	if (!OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("values of type %s cannot be compared", format_type_be(column->type)),
				 errhint("Cast the column to text in a query as the source.")));
	fmgr_info_copy(&held->equal, &entry->eq_opr_finfo, CurrentMemoryContext);
	held->collation = type_is_collatable(column->type) ? C_COLLATION_OID : InvalidOid;
	held->by_value = entry->typbyval;
	held->length = entry->typlen;
}

/* Is it the value held? */
static bool
IsHeld(Held *held, Datum value, bool isnull)
{
	if (!held->there || held->isnull != isnull)
		return false;
	return isnull ||
		DatumGetBool(FunctionCall2Coll(&held->equal, held->collation, held->value, value));
}

/* Hold another value. */
static void
Hold(MemoryContext context, Held *held, Datum value, bool isnull)
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
	s->order_time = NAN;
}

/* The customer at hand is complete, if there is one. */
static void
EndCustomer(SortedReading *s)
{
	EndOrder(s);
	if (s->customer.there)
		CsBasketEnd(s->reader, s->customer.value);
}

/* CsRowSink: one line. */
static void
TakeSortedLine(void *state, const Datum *row, const bool *nulls)
{
	SortedReading *s = state;
	CsLineReader *r = s->reader;
	bool		by_order = r->request->order != NULL;
	double		time,
				amount;

	if (!CsLineCounts(r, row, nulls, &time, &amount))
		return;
	if (!IsHeld(&s->customer, row[CS_LINE_CUSTOMER], false))
	{
		EndCustomer(s);
		Hold(r->context, &s->customer, row[CS_LINE_CUSTOMER], false);
		s->order.there = false;
	}
	if (!by_order || nulls[CS_LINE_ORDER] || !IsHeld(&s->order, row[CS_LINE_ORDER], false))
	{
		EndOrder(s);
		if (by_order)
			Hold(r->context, &s->order, row[CS_LINE_ORDER], nulls[CS_LINE_ORDER]);
	}
	CsLineAdd(r, time, amount, &r->basket.sum, &r->basket.rest, &s->order_time);
}

/* Let PostgreSQL sort in maintenance_work_mem. */
static void
RaiseWorkMem(void)
{
	char	   *limit = psprintf("%d", Max(work_mem, maintenance_work_mem));

	(void) set_config_option("work_mem", limit, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

/* Read the lines sorted by PostgreSQL. */
static void
ReadSorted(CsLineReader *r)
{
	SortedReading s = {.reader = r, .order_time = NAN};
	CsRelation *sorted;
	int			level;

	PrepareHeld(&s.customer, r->request->customer);
	if (r->request->order != NULL)
		PrepareHeld(&s.order, r->request->order);
	sorted = CsRelationOpen(SortedQuery(r->request));
	r->columns = sorted->columns;

	level = NewGUCNestLevel();
	RaiseWorkMem();
	(void) CsRelationRead(sorted, sorted->columns, sorted->ncolumns, TakeSortedLine, &s);
	AtEOXact_GUC(true, level);
	EndCustomer(&s);
}

/*
 * Read the lines and call the visitor once for each customer that bought something, in the order of
 * the customers.  Returns what was counted.  An infinite amount or time is an error.
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
	r.counts.latest = NAN;
	getTypeOutputInfo(request->customer->type, &output, &is_varlena);
	fmgr_info(output, &r.customer_output);
	if (!CsLinesGather(&r))
	{
		r.counts = (CsLinesCounts) {.latest = NAN};
		ReadSorted(&r);
	}
	return r.counts;
}

/* Report the lines that were left out in a NOTICE, if there were any. */
void
CsLinesReport(const CsLinesCounts *counts)
{
	StringInfoData reasons;
	struct
	{
		int64		n;
		const char *what;
	}			left_out[] = {
		{counts->no_customer, "without a customer"},
		{counts->no_time, "without a time"},
		{counts->no_amount, "without an amount"},
		{counts->later, "later than \"as_of\""}
	};

	initStringInfo(&reasons);
	for (int i = 0; i < lengthof(left_out); i++)
	{
		if (left_out[i].n > 0)
			appendStringInfo(&reasons, "%s%lld %s", reasons.len > 0 ? ", " : "",
							 (long long) left_out[i].n, left_out[i].what);
	}
	if (reasons.len > 0)
		ereport(NOTICE,
				(errmsg("lines left out: %s, of %lld", reasons.data, (long long) counts->lines)));
	if (counts->only_returns > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they have only returns: %lld",
						(long long) counts->only_returns)));
}
