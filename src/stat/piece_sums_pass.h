/*
 * piece_sums_pass.h
 *	  Part "piece_sums" of a pass: how many finite values of the first number lie at and between cuts, and their sums.
 */
#ifndef CUSTSEG_PIECE_SUMS_PASS_H
#define CUSTSEG_PIECE_SUMS_PASS_H

#include "prep/tally.h"
#include "stat/describe.h"

/* Cuts of a plan. */
#define CS_PIECE_CUTS_MOST 10000

extern const CsTallyKind CsPieceSumsPass;

extern void CsPieceSumsPlan(JsonbParseState **json, const double *cuts, int ncuts, int64 nrows);
extern CsValuePiece *CsPieceSumsRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 n,
									  int *npieces);

#endif							/* CUSTSEG_PIECE_SUMS_PASS_H */
