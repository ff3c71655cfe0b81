/*
 * density_pass.h
 *	  Part "density" of a pass: the density of the finite values of the first number at some points, by a Gaussian kernel.
 */
#ifndef CUSTSEG_DENSITY_PASS_H
#define CUSTSEG_DENSITY_PASS_H

#include "prep/tally.h"

/* Points of a plan. */
#define CS_DENSITY_MOST 1000

extern const CsTallyKind CsDensityPass;

extern void CsDensityPlan(JsonbParseState **json, const double *points, int npoints, double bandwidth, int64 nrows);
extern void CsDensityRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 n, double *density);

#endif							/* CUSTSEG_DENSITY_PASS_H */
