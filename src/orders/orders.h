/*
 * orders.h
 *	  From lines of orders to customers: what each bought, how often, how lately.
 *
 * lines.c reads the lines customer by customer, gather.c in the order in which they come; rfm.c turns
 * customers into scores and segments; features_sql.c writes the query that customer_features() and
 * create_feature_view() stand for.
 *
 * Both ways have one definition, which docs/reference.md gives under "Features from orders":
 * - a line counts when it has a customer, a finite time and a finite amount, up to "as of", which is
 *   the time of the latest line that counts unless it is given;
 * - a line with a negative amount is no purchase, unless returns are counted;
 * - purchases with the same value of "order" are an order, one without a value is an order of its own;
 *   an order's time is that of its first purchase; the first and the last purchase are orders; with
 *   "same_day" the orders of a day are then one;
 * - days are those of the stated zone; amounts of decimal types are summed exactly.
 */
#ifndef CUSTSEG_ORDERS_H
#define CUSTSEG_ORDERS_H

#include "data/relation.h"
#include "pgtime.h"
#include "utils/timestamp.h"

/* No time: later than all that are read. */
#define CS_NO_TIME DT_NOEND

/* The most days of a window that is counted before "as of", and of what is looked back on. */
#define CS_MOST_WINDOW_DAYS 100000

/* What a line with a negative amount is. */
typedef enum CsReturns
{
	CS_RETURNS_NET,				/* no purchase, but it lowers what was spent */
	CS_RETURNS_IGNORE,			/* left out */
	CS_RETURNS_COUNT			/* a purchase like any other */
} CsReturns;

extern const char *const CsReturnsNames[];

/* The lines to read: a source, and the names of its columns. */
typedef struct CsLinesRequest
{
	const CsRelation *relation;
	const CsColumn *customer;
	const CsColumn *time;
	const CsColumn *amount;
	const CsColumn *order;		/* lines with the same value are one order; NULL: each line is one */
	bool		same_day;		/* orders of one day are one */
	int			returns;		/* CsReturns */
	pg_tz	   *zone;			/* whose days they are, and of times without a zone */
	Timestamp	as_of;			/* in the time column's own way; CS_NO_TIME: all lines */
} CsLinesRequest;

/*
 * A customer's lines summed up; valid during the call of the visitor only.  Times are those of the
 * time column: in UTC where it has a zone, in local time where it has none.
 */
typedef struct CsBuyer
{
	const char *customer;		/* as text */
	Timestamp	first,
				last;			/* order */
	int64		norders;		/* at least 1 */
	double		monetary;
	double		gap_mean,		/* of the days between orders; NaN below two orders */
				gap_variation;
} CsBuyer;

typedef struct CsLinesCounts
{
	int64		lines;			/* read */
	int64		no_customer,	/* left out, each line once, for the first of these reasons */
				no_time,
				no_amount,
				later;			/* than as_of */
	int64		only_returns;	/* customers left out because they bought nothing */
	int64		orders,			/* where each line is an order */
				at_once;		/* of them, at the very time of another one of the customer */
	Timestamp	latest;			/* time of all lines that count */
} CsLinesCounts;

/* Called once for each customer. */
typedef void (*CsBuyerVisitor) (void *state, const CsBuyer *buyer);

extern CsLinesCounts CsLinesRead(const CsLinesRequest *request, CsBuyerVisitor visit, void *state);
extern void CsLinesReport(const CsLinesCounts *counts);
extern void CsLinesReportAtOnce(int64 at_once, int64 lines);

/* Rows that are left out for a reason, which is a phrase. */
typedef struct CsLeftOut
{
	int64		n;
	const char *what;
} CsLeftOut;

extern void CsReportLeftOut(const char *rows, const CsLeftOut *reasons, int nreasons, int64 n);

extern const CsColumn *CsOrdersTimeColumn(const CsRelation *rel, const char *name);
extern bool CsOrdersReadTime(const CsColumn *column, Datum value, Timestamp *time);
extern pg_tz *CsOrdersZone(const char *name);
extern void CsCheckAsOfTime(TimestampTz as_of, const char *latest);
extern Timestamp CsOrdersAsOf(const CsColumn *time, pg_tz *zone, TimestampTz as_of);
extern TimestampTz CsOrdersTimestamp(const CsColumn *time, pg_tz *zone, Timestamp at);

#endif							/* CUSTSEG_ORDERS_H */
