/*
 * orders.h
 *	  From lines of orders to customers: what each bought, how often, how lately.
 *
 * lines.c reads the lines customer by customer, gather.c in the order in which they come; rfm.c turns
 * customers into scores and segments; features_sql.c writes the query that customer_features() and create_feature_view() stand for.
 */
#ifndef CUSTSEG_ORDERS_H
#define CUSTSEG_ORDERS_H

#include "data/relation.h"
#include "utils/timestamp.h"

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
	double		as_of;			/* days since 1970-01-01, in the time column's own way; NaN: all */
} CsLinesRequest;

/* A customer's lines summed up; valid during the call of the visitor only. */
typedef struct CsBuyer
{
	const char *customer;		/* as text */
	double		first,
				last;			/* of the purchases; days since 1970-01-01 */
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
	double		latest;			/* time of all lines that count; NaN without one */
} CsLinesCounts;

/* Called once for each customer. */
typedef void (*CsBuyerVisitor) (void *state, const CsBuyer *buyer);

extern CsLinesCounts CsLinesRead(const CsLinesRequest *request, CsBuyerVisitor visit, void *state);
extern void CsLinesReport(const CsLinesCounts *counts);

/* A set of CsKind is a sum of these. */
#define CS_KIND_BIT(kind) (1 << (kind))

extern const CsColumn *CsOrdersColumn(const CsRelation *rel, const char *name, const char *role,
									  int kinds);
extern const CsColumn *CsOrdersTimeColumn(const CsRelation *rel, const char *name);
extern double CsOrdersAsOf(const CsColumn *time, TimestampTz as_of);
extern TimestampTz CsOrdersTimestamp(const CsColumn *time, double days);

#endif							/* CUSTSEG_ORDERS_H */
