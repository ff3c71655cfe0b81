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
	double	   *scale;			/* what columns are taken times: a power of two */
	double	   *mean,			/* of the complete rows, scaled: mean + rest */
			   *rest;
	double	   *inverse;		/* of their covariance's Cholesky factor, see math.h; NULL: there is none */
	double	   *work;			/* d */
} CsMahalanobis;

extern CsMahalanobis CsMahalanobisFit(const double *const *columns, int d, int64 n);
extern double CsMahalanobisSquared(const CsMahalanobis *m, const double *x, double *p);

#endif							/* CUSTSEG_MAHALANOBIS_H */
