/*
 * validity_exact.h
 *	  Part "validity" of a pass: what indices of a clustering need of its segments, summed exactly.
 */
#ifndef CUSTSEG_STAT_VALIDITY_EXACT_H
#define CUSTSEG_STAT_VALIDITY_EXACT_H

#include "prep/tally.h"
#include "stat/stat.h"

/* What the part's plan says. */
typedef struct CsExactValidity
{
	int			k;
	int			d;
	int64		nrows;
	double		heaviest;		/* weight of a row */
	const double *reach;		/* d: no row is further from 0 than that */
	const double *centers;		/* k x d */
	const double *from;			/* k x d: from which distances are measured; NULL: the centers */
	bool		is_labelled;	/* the part before tells a row's segment; else the nearest center does */
	bool		is_placed;		/* it has placed the row, too */
} CsExactValidity;

/* Of rows that the pass prepares; or of those that a part before has placed, in whose space they are then. */
extern const CsTallyKind CsValidityPass,
			CsPlacedValidityPass;

extern void CsExactValidityPlan(const CsExactValidity *v, JsonbParseState **json);
extern CsSegmentMoments *CsExactValidityMoments(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
												bool has_noise);
extern double CsExactValidityInertia(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state);

#endif							/* CUSTSEG_STAT_VALIDITY_EXACT_H */
