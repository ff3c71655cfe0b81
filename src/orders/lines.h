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

extern bool CsLineCounts(CsLineReader *r, const Datum *row, const bool *nulls, double *time,
						 double *amount);
extern void CsLineAdd(CsLineReader *r, double time, double amount, double *sum, double *rest,
					  double *order_time);
extern void CsBasketAddOrder(CsLineReader *r, double order_time);
extern void CsBasketEnd(CsLineReader *r, Datum customer);
extern bool CsLinesGather(CsLineReader *r);

#endif							/* CUSTSEG_ORDERS_LINES_H */
