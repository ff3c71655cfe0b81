/*
 * correlation.h
 *	  How far two columns go together.
 */
#ifndef CUSTSEG_STAT_CORRELATION_H
#define CUSTSEG_STAT_CORRELATION_H

#include "custseg.h"

/* Most values that CsRanks() takes. */
#define CS_MAX_RANKED ((int64) PG_UINT32_MAX)

extern void CsRanks(const double *x, int64 n, double *ranks, double *work);
extern void CsCorrelationMatrix(const double *const *columns, int d, int64 n, double *r);
extern double CsCorrelationP(double r, int64 n);

#endif							/* CUSTSEG_STAT_CORRELATION_H */
