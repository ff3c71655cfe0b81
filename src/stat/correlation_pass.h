/*
 * correlation_pass.h
 *	  Part "correlations" of a pass: Pearson's correlation of each two numbers, of the rows that have both.
 */
#ifndef CUSTSEG_STAT_CORRELATION_PASS_H
#define CUSTSEG_STAT_CORRELATION_PASS_H

#include "stat/pair_pass.h"

/* Of the finite values of a column. */
typedef struct CsColumnReach
{
	double		middle;			/* near their mean */
	double		reach;			/* how far from it they are at most */
	bool		is_complete;	/* all rows have one */
	bool		is_constant;
} CsColumnReach;

extern const CsTallyKind CsCorrelationPass;

extern void CsCorrelationPlan(JsonbParseState **json, const CsColumnReach *columns, int d, int64 nrows);
extern Size CsCorrelationPassMemory(const CsColumnReach *columns, int d);
extern CsPearson *CsCorrelationRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
									const CsColumnReach *columns, int64 nrows, List **blurred);

#endif							/* CUSTSEG_STAT_CORRELATION_PASS_H */
