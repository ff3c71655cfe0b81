/*
 * powers_pass.h
 *	  Part "powers" of a pass: of the finite values of the first numbers, the sums of the first four powers of their
 *	  deviations from a middle, and how many have a fraction.
 */
#ifndef CUSTSEG_POWERS_PASS_H
#define CUSTSEG_POWERS_PASS_H

#include "prep/tally.h"

extern const CsTallyKind CsPowersPass;

extern void CsPowersPlan(JsonbParseState **json, int n, const double *middle, const double *reach, int64 nrows);
extern void CsPowersRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsMoments *moments,
						 int64 *n_fractions);

#endif							/* CUSTSEG_POWERS_PASS_H */
