/*
 * pair_pass.h
 *	  Part "pairs" of a pass: Pearson's correlations of pairs of numbers about middles of their own.
 */
#ifndef CUSTSEG_STAT_PAIR_PASS_H
#define CUSTSEG_STAT_PAIR_PASS_H

#include "prep/tally.h"

/* Pearson's correlation of two columns. */
typedef struct CsPearson
{
	int64		n;				/* rows that have both */
	double		r;				/* NaN where one of them does not vary in these */
} CsPearson;

/* Two columns, and where their values lie in the rows that have both. */
typedef struct CsPair
{
	int			column[2];
	double		middle[2];		/* near their means */
	double		reach[2];		/* how far from it they are at most */
} CsPair;

extern const CsTallyKind CsPairPass;

extern void CsMiddleOf(double mean, double lowest, double highest, double *middle, double *reach);
extern double CsPearsonOf(double covariance, double variance_x, double variance_y);
extern void CsPairPlan(JsonbParseState **json, const List *pairs, int64 nrows);
extern Size CsPairPassMemory(int n);
extern CsPearson *CsPairRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state);

#endif							/* CUSTSEG_STAT_PAIR_PASS_H */
