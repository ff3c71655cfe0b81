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

extern const CsTallyKind CsPlacedPass;

/* Part "placed": the rows of each segment, and how far they are from its centre. */
extern void CsPlacedPlan(JsonbParseState **json, const CsScorer *scorer, const int *columns, int64 nrows, double farthest);
extern double CsPlacedRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *rows,
						   int64 *n_unplaced);
extern void CsPlacedDistances(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
							  CsDistances *distances);

#endif							/* CUSTSEG_PLACED_PASS_H */
