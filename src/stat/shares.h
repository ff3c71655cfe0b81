/*
 * shares.h
 *	  Statistics of shares: intervals, tests, and how unevenly a whole is divided.
 */
#ifndef CUSTSEG_SHARES_H
#define CUSTSEG_SHARES_H

#include "custseg.h"

extern void CsScoreInterval(double count, double n, double z, double *low, double *high);
extern void CsWilsonInterval(double count, double n, double confidence, double *low, double *high);
extern void CsExactInterval(double count, double n, double confidence, double *low, double *high);
extern void CsWilsonMargins(double count, double n, double confidence, double *below, double *above);
extern bool CsShareIsAbove(int64 count, int64 n, double bound, double confidence);
extern double CsUnseenShare(const int64 *counts, int nlevels, int64 n);
extern double CsSharesDiffer(int64 count1, int64 n1, int64 count2, int64 n2);
extern double CsShareChangeError(int64 count1, int64 n1, int64 count2, int64 n2);

/* Two shares of the same cases: that of one, less that of the other. */
typedef struct CsPairedShares
{
	double		difference;
	double		low,
				high;
	double		p;
} CsPairedShares;

extern CsPairedShares CsPairedSharesCompare(int64 n, int64 only_one, int64 only_other, double confidence);

extern double CsHerfindahl(int n, const int64 *parts);
extern double CsNormalizedEntropy(int n, const int64 *parts);
extern double CsShareOutsideRange(int64 n, double probability);

#endif							/* CUSTSEG_SHARES_H */
