/*
 * overlap_pass.h
 *	  How many rows the segments of a new model share with those of a version, by a pass.
 */
#ifndef CUSTSEG_OVERLAP_PASS_H
#define CUSTSEG_OVERLAP_PASS_H

#include "prep/tally.h"
#include "score/score.h"

extern const CsTallyKind CsOverlapPass;

extern void CsOverlapPlan(JsonbParseState **json, const CsScorer *scorer, int nsegments, const int *columns,
						  bool with_noise);
extern const int64 *CsOverlapRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state);

#endif							/* CUSTSEG_OVERLAP_PASS_H */
