/*
 * stays.h
 *	  How long the customers of a source have stayed, grouped by segment, duration and event.
 *
 * PostgreSQL groups and sorts them; what comes is a stream of counts.
 */
#ifndef CUSTSEG_VALUE_STAYS_H
#define CUSTSEG_VALUE_STAYS_H

#include "call/call.h"
#include "data/relation.h"

/* The arguments that all have, and those that each has after them. */
enum
{
	CS_STAYS_SOURCE, CS_STAYS_DURATION, CS_STAYS_EVENT, CS_STAYS_SEGMENT, CS_STAYS_ARGUMENTS
};

typedef struct CsStays
{
	const CsRelation *source;
	const CsColumn *duration;
	const CsColumn *event;
	const CsColumn *segment;	/* NULL: all customers are one */
	CsRelation *query;
	FmgrInfo	segment_output;
	int64		n_left_out;
	MemoryContext context;
} CsStays;

/* The customers of a segment with a duration, who left or were last seen then. */
typedef struct CsStay
{
	int64		number;			/* of the segment, from 1, in the order of its column */
	const char *segment;		/* NULL: all customers are one */
	double		duration;
	bool		left;
	int64		n;
	int64		total;			/* customers of the segment */
} CsStay;

extern void CsStaysOpen(FunctionCallInfo fcinfo, CsStays *s);
extern void CsStaysQuery(CsStays *s, const char *order);
extern bool CsStaysRead(CsStays *s, const Datum *values, const bool *nulls, CsStay *stay);
extern void CsStaysReport(const CsStays *s);
extern double CsStaysQuantile(FunctionCallInfo fcinfo, int argument);

#endif							/* CUSTSEG_VALUE_STAYS_H */
