/*
 * lines.h
 *	  What the ways to read lines of orders share: lines.c, which has them sorted, and gather.c, which
 *	  hashes them; and those who read lines sorted by customer for something else.
 */
#ifndef CUSTSEG_ORDERS_LINES_H
#define CUSTSEG_ORDERS_LINES_H

#include "orders/orders.h"

/* Columns that are read, in this order; the last one only where the request names it. */
enum
{
	CS_LINE_CUSTOMER, CS_LINE_TIME, CS_LINE_AMOUNT, CS_LINE_ORDER
};

/* What a customer spent: decimal where the amounts are, else with compensation. */
typedef union CsSpending
{
	CsDecimal	decimal;
	struct
	{
		double		sum,
					rest;
	}			binary;
} CsSpending;

/* The customer at hand. */
typedef struct CsBasket
{
	int64		norders;
	int64		capacity;
	Timestamp  *times;			/* of the orders */
} CsBasket;

/* A line that counts. */
typedef struct CsLine
{
	Timestamp	time;
	bool		is_return;		/* the amount is below 0 */
	CsSpending	amount;			/* decimal, or in sum */
} CsLine;

typedef struct CsLineReader
{
	const CsLinesRequest *request;
	const CsColumn *columns;	/* of the rows */
	CsBuyerVisitor visit;
	void	   *visit_state;
	CsLinesCounts counts;
	bool		is_decimal;		/* the amounts are */
	FmgrInfo	customer_output;
	CsBasket	basket;
	MemoryContext context;		/* of the basket */
} CsLineReader;

/* A value to compare the next line's with. */
typedef struct CsHeld
{
	FmgrInfo	equal;
	Oid			collation;
	bool		by_value;
	int16		length;
	bool		there;
	bool		isnull;
	Datum		value;			/* palloc'd in the context of the reading, unless by value */
} CsHeld;

extern void CsHeldPrepare(CsHeld *held, const CsColumn *column);
extern bool CsHeldIs(CsHeld *held, Datum value, bool isnull);
extern void CsHeldSet(MemoryContext context, CsHeld *held, Datum value, bool isnull);

extern bool CsLineReadAmount(const CsConverter *converter, bool is_decimal, Datum value, CsLine *line);
pg_noreturn extern void CsAmountsTooLarge(void);
extern void CsSpendingAdd(CsSpending *sum, bool is_decimal, CsSpending more);
extern double CsSpendingToDouble(const CsSpending *spending, bool is_decimal);
extern bool CsLineCounts(CsLineReader *r, const Datum *row, const bool *nulls, CsLine *line);
extern void CsLineAdd(CsLineReader *r, const CsLine *line, CsSpending *spending,
					  Timestamp *order_time);
extern void CsBasketAddOrder(CsLineReader *r, Timestamp order_time);
extern void CsBasketEnd(CsLineReader *r, const CsSpending *spending, Datum customer);
extern Oid	CsKeyCollation(const CsColumn *column);
extern bool CsLinesGather(CsLineReader *r);

#endif							/* CUSTSEG_ORDERS_LINES_H */
