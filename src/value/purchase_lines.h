/*
 * purchase_lines.h
 *	  Lines of orders read customer by customer: what each bought, day by day.
 */
#ifndef CUSTSEG_VALUE_PURCHASE_LINES_H
#define CUSTSEG_VALUE_PURCHASE_LINES_H

#include "data/identity.h"
#include "orders/day.h"
#include "orders/lines.h"
#include "value/purchases.h"

/* A day of a customer. */
typedef struct CsPurchaseDay
{
	DateADT		day;
	bool		bought;			/* a line is a purchase */
	int64		orders;			/* of purchases, by the request's column: each once a month */
	int64		lines;
	CsSpending	amount;			/* of all lines; 0 without amounts */
} CsPurchaseDay;

/* The days of a customer, ascending; valid during the call of the visitor only. */
typedef struct CsPurchaseDays
{
	const char *customer;		/* NULL unless asked for */
	bool		is_decimal;		/* amounts are */
	int			n;
	CsPurchaseDay *days;
} CsPurchaseDays;

typedef void (*CsPurchaseDaysVisitor) (void *state, const CsPurchaseDays *days);

extern void CsPurchaseLinesRead(const CsPurchasesRequest *request, CsPurchaseDaysVisitor visit, void *state,
								CsPurchasesCounts *counts);

#endif							/* CUSTSEG_VALUE_PURCHASE_LINES_H */
