/*
 * purchases.h
 *	  From lines of orders to what a model of repeat purchases knows of a customer.
 *
 * Purchases of one day, by the calendar of the zone, are one.  All differences are of days; they become
 * units, days or weeks, where a model or a person sees them.
 */
#ifndef CUSTSEG_VALUE_PURCHASES_H
#define CUSTSEG_VALUE_PURCHASES_H

#include "data/relation.h"
#include "dist/dist.h"
#include "orders/orders.h"
#include "stat/purchases.h"
#include "utils/date.h"

/* The time that parameters and summaries count in. */
typedef enum CsPurchaseUnit
{
	CS_UNIT_WEEK,
	CS_UNIT_DAY
} CsPurchaseUnit;

extern const char *const CsPurchaseUnitNames[];
/* What a return may be: it lowers what was spent, or is left out. */
extern const char *const CsPurchaseReturnsNames[];

extern double CsPurchaseUnitDays(CsPurchaseUnit unit);

extern double CsIntervalDays(const Interval *interval);
extern char *CsDayWords(DateADT day);

/* Days as of which customers may be summed up in one reading: the last one, and two before it. */
#define CS_MOST_CUTS 3

typedef struct CsPurchasesRequest
{
	const CsRelation *relation;
	const CsColumn *customer;
	const CsColumn *time;
	const CsColumn *amount;		/* NULL: purchases have no amounts */
	const CsColumn *order;		/* that lines are read with, too; NULL: none */
	int			returns;		/* CS_RETURNS_NET or CS_RETURNS_IGNORE */
	pg_tz	   *zone;
	bool		with_customer;	/* who the customer is, as text */
	bool		in_order;		/* customers come by the bytes of that text */
	int			ncuts;
	DateADT		cut[CS_MOST_CUTS];	/* descending; the first is "as of" */
} CsPurchasesRequest;

/* A customer as of a cut. */
typedef struct CsPurchasesAsOf
{
	int32		repeats;		/* days with a purchase, less the first; -1: none yet */
	int32		recency;		/* days */
	int32		age;			/* days */
	double		total;			/* amount of the repeats */
} CsPurchasesAsOf;

/* A customer; valid during the call of the visitor only. */
typedef struct CsPurchaser
{
	const char *customer;		/* NULL unless asked for */
	uint32		hash;			/* of the customer's text */
	DateADT		first,
				last;
	CsPurchasesAsOf at[CS_MOST_CUTS];
} CsPurchaser;

typedef void (*CsPurchaserVisitor) (void *state, const CsPurchaser *purchaser);

/* Why lines are left out. */
typedef enum CsPurchasesReason
{
	CS_LINE_COUNTS, CS_LINE_NO_CUSTOMER, CS_LINE_NO_TIME, CS_LINE_NO_AMOUNT, CS_LINE_LATER, CS_LINE_RETURN,
	CS_LINE_REASONS
} CsPurchasesReason;

/* purchases_sql.c */
extern const char *CsPurchasesDayLiteral(DateADT day);
extern const char *CsPurchasesUpTo(const CsPurchasesRequest *r);
extern char *CsPurchasesLinesSql(const CsPurchasesRequest *r);
extern const char *CsPurchasesDayNumber(const CsPurchasesRequest *r);
extern char *CsPurchasesPiecesSql(const CsPurchasesRequest *r, const CsPieces *pieces, const char *number);
extern char *CsPurchasesTimesSql(const CsPurchasesRequest *r, bool of_days);

/* purchases.c */
typedef struct CsPurchasesCounts
{
	int64		customers;		/* with a purchase up to "as of" */
	int64		lines[CS_LINE_REASONS]; /* by whether they count; those of customers without a purchase, too */
} CsPurchasesCounts;

extern void CsPurchasesColumns(CsPurchasesRequest *r, CsRelation *source, const char *customer,
							   const char *time, const char *amount);
extern void CsPurchasesOpen(FunctionCallInfo fcinfo, int first, CsPurchasesRequest *r);
extern void CsPurchasesAsOfDay(CsPurchasesRequest *r, const NullableDatum *as_of, DateADT *earliest);
extern CsPurchasesCounts CsPurchasesRead(const CsPurchasesRequest *r, CsPurchaserVisitor visit, void *state);
extern void CsPurchasesReport(const CsPurchasesCounts *counts);

#endif							/* CUSTSEG_VALUE_PURCHASES_H */
