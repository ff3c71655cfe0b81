/*
 * segment_worth.h
 *	  What the segments of a model are worth by another model: customers placed, predicted and added up.
 */
#ifndef CUSTSEG_VALUE_SEGMENT_WORTH_H
#define CUSTSEG_VALUE_SEGMENT_WORTH_H

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
	CsHorizon	horizon;
	const TimestampTz *as_of;	/* NULL: the latest line */

	CsWorthSum *sums;			/* for each segment in the scorer's order, then for customers in none */
	CsWorthErrors errors;
	bool		tells_who_left; /* by the purchases */
	StringInfoData reason;		/* what is to be said of all */
} CsSegmentWorth;

/* segment_lines.c, segment_rows.c: the two ways */
extern void CsSegmentWorthOfLines(CsSegmentWorth *w);
extern void CsSegmentWorthOfRows(CsSegmentWorth *w);

#endif							/* CUSTSEG_VALUE_SEGMENT_WORTH_H */
