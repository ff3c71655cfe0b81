/*
 * pattern_sums_pass.h
 *	  Part "pattern_sums" of a pass: means and products of deviations of the first numbers, of the rows of each pattern of
 *	  those that are missing.
 */
#ifndef CUSTSEG_PATTERN_SUMS_PASS_H
#define CUSTSEG_PATTERN_SUMS_PASS_H

#include "prep/tally.h"
#include "stat/missing.h"

extern const CsTallyKind CsPatternSumsPass;

extern void CsPatternSumsPlan(JsonbParseState **json, const CsMissingPattern *const *patterns, int npatterns, int d,
							  const double *middle, const double *reach, int64 nrows);
extern Size CsPatternSumsMemory(int npatterns, int d);
extern void CsPatternSumsRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int pattern,
							  CsMissingPattern *p);

#endif							/* CUSTSEG_PATTERN_SUMS_PASS_H */
