/*
 * marginal.h
 *	  Have the shares of categories changed, between two looks at the same rows?
 */
#ifndef CUSTSEG_MARGINAL_H
#define CUSTSEG_MARGINAL_H

#include "stat/tests.h"

/* Most categories: the matrix of the test takes their square in memory, their cube in time. */
#define CS_MAX_MARGINAL_CATEGORIES 1000

typedef struct CsMarginalResult
{
	double		statistic;		/* NaN, as p: no row has changed its category */
	int			df;
	double		p;
} CsMarginalResult;

extern CsMarginalResult CsStuartMaxwell(const CsCell *cells, int64 ncells, int k);

#endif							/* CUSTSEG_MARGINAL_H */
