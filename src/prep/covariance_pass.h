/*
 * covariance_pass.h
 *	  Part "covariance" of a pass: means and covariances of the columns to which its pipeline takes rows.
 */
#ifndef CUSTSEG_COVARIANCE_PASS_H
#define CUSTSEG_COVARIANCE_PASS_H

#include "prep/tally.h"

extern const CsTallyKind CsCovariancePass;

extern void CsCovariancePlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows);
extern Size CsCovariancePassMemory(int d);
extern CsCovariance CsCovarianceRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 nrows);

#endif							/* CUSTSEG_COVARIANCE_PASS_H */
