/*
 * correlation.h
 *	  How far two columns go together.
 */
#ifndef CUSTSEG_STAT_CORRELATION_H
#define CUSTSEG_STAT_CORRELATION_H

#include "math/math.h"

/* Most values that CsRanks() takes. */
#define CS_MAX_RANKED ((int64) PG_UINT32_MAX)

extern void CsRanksOfSorted(const double *sorted, const uint32 *rows, int64 n, double *ranks);
extern void CsRanks(const double *x, int64 n, double *ranks, double *work);
extern CsMoments CsRankMoments(int64 n);
extern void CsCorrelationMatrix(const double *const *columns, const CsMoments *moments, int d, int64 n,
								double *r);
extern double CsCorrelation(const double *x, const double *y, int64 n);
extern double CsCorrelationP(double r, int64 n);

#endif							/* CUSTSEG_STAT_CORRELATION_H */
