/*
 * powers_pass.h
 *	  Part "powers" of a pass: of the finite values of the first numbers, the sums of the first powers of their
 *	  deviations from a middle, two or four, and how many have a fraction.
 */
#ifndef CUSTSEG_POWERS_PASS_H
#define CUSTSEG_POWERS_PASS_H

#include "prep/tally.h"

/* Powers that may be asked for: mean and variance take two, skewness and kurtosis four. */
#define CS_POWERS_LEAST 2
#define CS_POWERS_MOST 4

extern const CsTallyKind CsPowersPass;

extern void CsPowersPlan(JsonbParseState **json, int npowers, int n, const double *middle, const double *reach,
						 int64 nrows);
extern void CsPowersPlanPlaced(JsonbParseState **json, int npowers, int n, const double *middle, const double *reach,
							   int64 nrows);
extern void CsPowersRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsMoments *moments,
						 int64 *n_fractions);

#endif							/* CUSTSEG_POWERS_PASS_H */
