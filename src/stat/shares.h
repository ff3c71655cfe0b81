/*
 * shares.h
 *	  Statistics of shares: intervals, tests, and how unevenly a whole is divided.
 */
#ifndef CUSTSEG_SHARES_H
#define CUSTSEG_SHARES_H

#include "custseg.h"

extern void CsWilsonInterval(int64 count, int64 n, double confidence, double *low, double *high);

/* Is that share above a bound for certain?  By Wilson's interval. */
extern bool CsShareIsAbove(int64 count, int64 n, double bound, double confidence);

/*
 * The share of new values whose level a sample of n values has not seen, as far as the sample can tell:
 * that of the levels that it saw once (Good, Biometrika 40, 1953).
 */
extern double CsUnseenShare(const int64 *counts, int nlevels, int64 n);

/*
 * p of the chi-square test that two samples have the same share: "count" of "n" in each.  1 when
 * neither, or all of both, have it; NaN when a sample is empty.
 */
extern double CsSharesDiffer(int64 count1, int64 n1, int64 count2, int64 n2);
extern double CsHerfindahl(int n, const int64 *parts);
extern double CsNormalizedEntropy(int n, const int64 *parts);
extern double CsShareOutsideRange(int64 n, double probability);

#endif							/* CUSTSEG_SHARES_H */
