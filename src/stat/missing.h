/*
 * missing.h
 *	  Values that are missing: the mean and covariance of all the same, and whether they are missing by
 *	  chance.
 */
#ifndef CUSTSEG_STAT_MISSING_H
#define CUSTSEG_STAT_MISSING_H

#include "custseg.h"

/* Rows in which the same columns are missing. */
typedef struct CsMissingPattern
{
	const bool *missing;		/* d */
	int64		n;
	double	   *mean;			/* d: of what is there */
	double	   *cross;			/* d x d: sums of products of deviations from it */
} CsMissingPattern;

typedef struct CsLittleResult
{
	double		statistic;
	int64		df;
	double		p;
	int			iterations;
	bool		converged;
} CsLittleResult;

extern bool CsLittleTest(int d, const CsMissingPattern *patterns, int npatterns, CsLittleResult *result);

#endif							/* CUSTSEG_STAT_MISSING_H */
