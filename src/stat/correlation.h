/*
 * correlation.h
 *	  How far two columns go together.
 */
#ifndef CUSTSEG_STAT_CORRELATION_H
#define CUSTSEG_STAT_CORRELATION_H

#include "math/math.h"

/* Most values that CsRanks() takes. */
#define CS_MAX_RANKED ((int64) PG_UINT32_MAX)

/* Most values whose ranks are told twice over, without a fraction. */
#define CS_MAX_RANKED_TWICE ((int64) PG_INT32_MAX)

/* A column that is correlated: its values, or instead of them the ranks of those, twice; and their moments. */
typedef struct CsCorrelated
{
	const double *values;
	const uint32 *twice_ranks;
	CsMoments	moments;
} CsCorrelated;

extern void CsTwiceRanksOfSorted(const double *sorted, const uint32 *rows, int64 n, uint32 *ranks);
extern void CsRanks(const double *x, int64 n, double *ranks, double *work);
extern CsMoments CsRankMoments(int64 n);
extern void CsCorrelationMatrix(const CsCorrelated *columns, int d, int64 n, double *r);
extern double CsCorrelation(const double *x, const double *y, int64 n);
extern double CsCorrelationP(double r, int64 n);

#endif							/* CUSTSEG_STAT_CORRELATION_H */
