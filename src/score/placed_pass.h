/*
 * placed_pass.h
 *	  A version that travels with the plan of a pass and places its rows; and how many it places where.
 */
#ifndef CUSTSEG_PLACED_PASS_H
#define CUSTSEG_PLACED_PASS_H

#include "prep/tally.h"
#include "score/score.h"

/* A version as a part of a pass has it. */
typedef struct CsPassScorer
{
	const CsScorer *scorer;
	CsScoring	scoring;
	int		   *columns;		/* of each of its features: which number or text of a row it is */
} CsPassScorer;

extern void CsPassScorerPlan(JsonbParseState **json, const CsScorer *scorer, const int *columns);
extern void CsPassScorerOpen(const CsTally *pass, const CsJsonReader *plan, CsPassScorer *s);
extern bool CsPassScorerPlace(const CsTally *pass, CsPassScorer *s, CsAssignment *placed);
extern bool CsPassScorerPlaceWith(const CsTally *pass, CsPassScorer *s, CsAssignment *placed, double *memberships);

extern const CsTallyKind CsPlacedPass,
			CsPlacedRangePass;

/* Part "placed": the rows of each segment, and how far they are from its centre. */
extern void CsPlacedPlan(JsonbParseState **json, const CsScorer *scorer, const int *columns, int64 nrows, double farthest);
extern void CsPlacedPlanDensities(JsonbParseState **json, const CsScorer *scorer, const int *columns, int64 nrows,
								  double farthest, double density);
extern double CsPlacedRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *rows,
						   int64 *n_unplaced);
extern void CsPlacedDistances(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
							  CsDistances *distances);
extern double CsPlacedDensities(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state);

/*
 * Part "placed_range", after "placed": how far from 0 the rows that have been placed are, column by column of the version's
 * space; and the logs of the version's densities, where it has these.
 */
extern void CsPlacedRangePlan(JsonbParseState **json);
extern bool CsPlacedRangeRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, double *reach,
							  double *density);

#endif							/* CUSTSEG_PLACED_PASS_H */
