/*
 * margin_pass.h
 *	  How near a customer is to a segment of a lower value, and part "margin" of a pass: the customers who are nearest.
 */
#ifndef CUSTSEG_MARGIN_PASS_H
#define CUSTSEG_MARGIN_PASS_H

#include "prep/closest.h"
#include "score/placed_pass.h"

extern const CsTallyKind CsMarginPass;

/* What is asked for. */
typedef struct CsMarginRequest
{
	const CsScorer *scorer;
	const int  *columns;		/* of each feature: which number, or text, it is */
	const int  *ranks;			/* of each segment, 1 the highest value; 0: it has none */
	double		most;			/* the largest margin of interest */
	int64		room;			/* customers */
	int			key;			/* which number is the hash of who a customer is */
} CsMarginRequest;

extern int	CsLowerSegment(const int *ranks, const double *memberships, int nsegments, int segment, double *margin);
extern void CsMarginPlan(JsonbParseState **json, const CsMarginRequest *request);
extern bool CsMarginSuffice(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 room, int64 decided);
extern double *CsMarginKeys(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *n);

#endif							/* CUSTSEG_MARGIN_PASS_H */
