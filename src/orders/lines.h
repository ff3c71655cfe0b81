/*
 * lines.h
 *	  What the two ways to read lines of orders share: lines.c, which has them sorted, and gather.c,
 *	  which hashes them.
 */
#ifndef CUSTSEG_ORDERS_LINES_H
#define CUSTSEG_ORDERS_LINES_H

#include "orders/orders.h"

/* Columns that are read, in this order; the last one only where the request names it. */
enum
{
	CS_LINE_CUSTOMER, CS_LINE_TIME, CS_LINE_AMOUNT, CS_LINE_ORDER
};

/* The customer at hand. */
typedef struct CsBasket
{
	double		sum,
				rest;			/* compensated */
	int64		norders;
	int64		capacity;
	double	   *times;			/* of the orders; twice as long, for sorting */
} CsBasket;

typedef struct CsLineReader
{
	const CsLinesRequest *request;
	const CsColumn *columns;	/* of the rows */
	CsBuyerVisitor visit;
	void	   *visit_state;
	CsLinesCounts counts;
	FmgrInfo	customer_output;
	CsBasket	basket;
	MemoryContext context;		/* of the basket */
} CsLineReader;

/* Does the line count?  OUT its time and amount.  If not, the reason is counted. */
extern bool CsLineCounts(CsLineReader *r, const Datum *row, const bool *nulls, double *time,
						 double *amount);

/*
 * Add a line that counts to its customer's sum, and to the time of its order, which is that of the
 * first purchase: NaN as long as there is none.
 */
extern void CsLineAdd(CsLineReader *r, double time, double amount, double *sum, double *rest,
					  double *order_time);

/* An order of the customer at hand; ignored when its time is NaN. */
extern void CsBasketAddOrder(CsLineReader *r, double order_time);

/* The customer at hand is complete: visited and cleared. */
extern void CsBasketEnd(CsLineReader *r, Datum customer);

/*
 * gather.c: read the lines in the order in which they come, with customers and orders in hash tables of
 * at most maintenance_work_mem, and then visit the customers in their own order.  False, without a visit,
 * when they do not fit, or when a type cannot be hashed.
 */
extern bool CsLinesGather(CsLineReader *r);

#endif							/* CUSTSEG_ORDERS_LINES_H */
