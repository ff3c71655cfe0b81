/*
 * period.h
 *	  Customers up to a day, grouped for a fit, and what came of each until a later one.
 */
#ifndef CUSTSEG_VALUE_PERIOD_H
#define CUSTSEG_VALUE_PERIOD_H

#include "stat/holdout.h"
#include "stat/lifetime.h"
#include "value/purchases.h"

/* A customer whose purchases after the day are known. */
typedef struct CsPeriodRecord
{
	int32		repeats;
	int32		recency;		/* days */
	int32		age;
	int32		later;			/* days with a purchase after it */
	double		mean;			/* of repeats; NaN: none */
	double		later_amount;
} CsPeriodRecord;

typedef struct CsPeriod
{
	CsPurchasesRequest request; /* one cut, or two: the end of what came, and the day before */
	CsPurchaseData data;
	CsPurchaseGroup *groups;	/* of data, ordered when the period has been read */
	int64		groups_allocated;
	CsSpend    *spend;			/* of customers with repeats and a mean above 0, ordered likewise */
	int64		n_spend,
				spend_allocated;
	CsPeriodRecord *records;	/* with two cuts */
	int64		n_records,
				records_allocated;
	uint32		skipped_bits;	/* records are kept of customers in whose hash these are 0 */
	int64		n_repeat;		/* customers with repeats */
	int64		n_not_positive; /* of them, with a mean that is not above 0 */
	CsPurchasesCounts counts;
	MemoryContext context;
} CsPeriod;

extern void CsPeriodRead(CsPeriod *p);
extern void CsPeriodFree(CsPeriod *p);

#endif							/* CUSTSEG_VALUE_PERIOD_H */
