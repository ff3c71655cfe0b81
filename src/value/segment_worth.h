/*
 * segment_worth.h
 *	  What the segments of a model are worth by another model: customers placed, predicted and added up.
 */
#ifndef CUSTSEG_VALUE_SEGMENT_WORTH_H
#define CUSTSEG_VALUE_SEGMENT_WORTH_H

#include "call/call.h"
#include "stat/worth_sum.h"
#include "value/predictor.h"
#include "value/worth.h"

/* Kinds of models that tell what a customer is worth. */
#define CS_WORTH_KINDS (CS_MODEL_BIT(CS_MODEL_PURCHASES) | CS_PREDICTOR_KINDS)

/* What is asked, and what is found. */
typedef struct CsSegmentWorth
{
	const CsScorer *scorer;		/* whose segments they are; pinned, as the next */
	const void *value;			/* CsWorthVersion or CsPredictor, as its kind says */
	const char *value_model;
	const char *source;			/* NULL: what the value's version was trained on */
	const char *customers;		/* of a model of purchases: whom the scorer places; NULL: whom it was trained on */
	CsModelKind kind;			/* of the value */
	CsHorizon	horizon;
	bool		has_time;		/* the next one is given, else it is that of the latest line */
	TimestampTz as_of;
	double		confidence;

	CsWorthSum *sums;			/* for each segment in the scorer's order, then for customers in none */
	DateADT		day;			/* of purchases: as of which they are summed up */
	CsWorthErrors errors;
	bool		tells_who_left; /* by the purchases */
	StringInfoData reason;		/* what is to be said of all */
} CsSegmentWorth;

/* segment_value.c: arguments that other functions have, too */
#define CS_SEGMENT_VALUE_MODEL 1
#define CS_SEGMENT_VALUE_HORIZON 4
#define CS_SEGMENT_VALUE_ARGUMENTS 10

extern CsSegmentWorth CsSegmentValueMake(FunctionCallInfo fcinfo, CsResult *result);

/* segment_lines.c, segment_rows.c: the two ways */
extern void CsSegmentWorthOfLines(CsSegmentWorth *w);
extern void CsSegmentWorthOfRows(CsSegmentWorth *w);

#endif							/* CUSTSEG_VALUE_SEGMENT_WORTH_H */
