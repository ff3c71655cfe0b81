/*
 * correlation_pass.h
 *	  Part "correlations" of a pass: Pearson's correlation of each two numbers, of the rows that have both.
 */
#ifndef CUSTSEG_STAT_CORRELATION_PASS_H
#define CUSTSEG_STAT_CORRELATION_PASS_H

#include "prep/tally.h"

/* Of the finite values of a column. */
typedef struct CsColumnReach
{
	double		middle;			/* near their mean */
	double		reach;			/* how far from it they are at most */
	bool		is_complete;	/* all rows have one */
	bool		is_constant;
} CsColumnReach;

/* Pearson's correlation of two columns. */
typedef struct CsPearson
{
	int64		n;				/* rows that have both */
	double		r;				/* NaN where one of them does not vary in these */
} CsPearson;

extern const CsTallyKind CsCorrelationPass;

extern void CsCorrelationPlan(JsonbParseState **json, const CsColumnReach *columns, int d, int64 nrows);
extern Size CsCorrelationPassMemory(const CsColumnReach *columns, int d);
extern CsPearson *CsCorrelationRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
									const CsColumnReach *columns, int64 nrows);

#endif							/* CUSTSEG_STAT_CORRELATION_PASS_H */
