/*
 * correlation.h
 *	  How far two columns go together, and one row from all others.
 */
#ifndef CUSTSEG_STAT_CORRELATION_H
#define CUSTSEG_STAT_CORRELATION_H

#include "custseg.h"

/*
 * Ranks of n values, 1 to n, ties their mean; no NaN, and at most CS_MAX_RANKED values.  "work" holds 2 n
 * doubles.
 */
#define CS_MAX_RANKED ((int64) PG_UINT32_MAX)

extern void CsRanks(const double *x, int64 n, double *ranks, double *work);

/*
 * Pearson's correlation of each two of d columns of n > 0 values, r[a * d + b] for a < b; NaN where one does
 * not vary.
 */
extern void CsCorrelationMatrix(const double *const *columns, int d, int64 n, double *r);

/* The two-sided p of a correlation of n pairs. */
extern double CsCorrelationP(double r, int64 n);

#endif							/* CUSTSEG_STAT_CORRELATION_H */
