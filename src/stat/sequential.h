/*
 * sequential.h
 *	  Looking at an experiment before its end: intervals that hold at any time, and boundaries for looks
 *	  at a plan.
 */
#ifndef CUSTSEG_SEQUENTIAL_H
#define CUSTSEG_SEQUENTIAL_H

#include "custseg.h"

/* Most looks at one experiment. */
#define CS_MAX_LOOKS 1000

/* anytime.c */
typedef struct CsAnytime
{
	double		low,
				high;
	double		p;				/* of this look: the smallest one so far is what counts */
} CsAnytime;

extern double CsAnytimeMultiplier(double alpha, double information);
extern CsAnytime CsAnytimeInterval(double difference, double error, double information, double alpha);

/* spending.c */
typedef struct CsSpending
{
	double		spent;			/* of alpha, up to this look */
	double		boundary;		/* of |z|; NaN where the look can decide nothing */
} CsSpending;

extern void CsSpendingBoundaries(const double *information, int n, double alpha, CsSpending *looks);

#endif							/* CUSTSEG_SEQUENTIAL_H */
