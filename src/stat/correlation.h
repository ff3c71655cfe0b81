/*
 * correlation.h
 *	  How far two columns go together, and one row from all others.
 */
#ifndef CUSTSEG_STAT_CORRELATION_H
#define CUSTSEG_STAT_CORRELATION_H

#include "custseg.h"

/* Ranks of n values, 1 to n, ties their mean; no NaN.  "work" holds 4 n doubles. */
extern void CsRanks(const double *x, int64 n, double *ranks, double *work);

/* Pearson's correlation of n pairs, NaN where one does not vary; and its two-sided p. */
extern double CsPearson(const double *x, const double *y, int64 n);
extern double CsCorrelationP(double r, int64 n);

#endif							/* CUSTSEG_STAT_CORRELATION_H */
