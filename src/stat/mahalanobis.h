/*
 * mahalanobis.h
 *	  How far a row is from all others, by their mean and covariance.
 */
#ifndef CUSTSEG_MAHALANOBIS_H
#define CUSTSEG_MAHALANOBIS_H

#include "custseg.h"

typedef struct CsMahalanobis
{
	int			d;
	double	   *mean;			/* of the complete rows */
	double	   *inverse;		/* of their covariance's Cholesky factor, see math.h; NULL: there is none */
	double	   *work;			/* d */
} CsMahalanobis;

/*
 * Fit: mean and covariance of those of n rows that have a value, not NaN, in each of d columns.  Squared:
 * the distance of a complete row; with its chance to be larger in normal rows, where it is chi-square
 * with d degrees of freedom.  NaN without a covariance.  palloc'd.
 */
extern CsMahalanobis CsMahalanobisFit(const double *const *columns, int d, int64 n);
extern double CsMahalanobisSquared(const CsMahalanobis *m, const double *x, double *p);

#endif							/* CUSTSEG_MAHALANOBIS_H */
