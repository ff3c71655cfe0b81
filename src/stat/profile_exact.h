/*
 * profile_exact.h
 *	  Who is in each segment, by a pass whose sums are exact.
 */
#ifndef CUSTSEG_PROFILE_EXACT_H
#define CUSTSEG_PROFILE_EXACT_H

#include "prep/tally.h"
#include "stat/profile.h"

extern const CsTallyKind CsProfilePass;

/* What the pass is to know: centres that are final, and bounds of what it will see. */
typedef struct CsExactProfile
{
	int			k;
	int			d;
	int64		nrows;
	double		heaviest;		/* weight of a row; 1 without weights */
	const double *reach;		/* d: in model space */
	const double *values;		/* of each feature that is a number, in its own units; see CsFeatureReach() */
	const double *centers;		/* k x d */
	const double *mean;			/* d: of all rows, by their weights */
} CsExactProfile;

extern void CsExactProfilePlan(const CsExactProfile *p, const CsPipeline *pipeline, JsonbParseState **json);
extern CsSegmentProfile CsExactProfileSegment(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
											  int segment);
extern double CsExactProfileInertia(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
									double *total);

#endif							/* CUSTSEG_PROFILE_EXACT_H */
