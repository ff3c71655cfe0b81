/*
 * sample_size.h
 *	  How many customers an experiment needs, and what it can see.
 */
#ifndef CUSTSEG_SAMPLE_SIZE_H
#define CUSTSEG_SAMPLE_SIZE_H

#include "stat/arms.h"

/* An experiment as it is planned. */
typedef struct CsPlan
{
	bool		is_share;		/* of customers who convert; else a mean */
	double		baseline;		/* share of the control that converts */
	double		sd[CS_ARMS];	/* of the values */
	double		allocation;		/* customers of the treatment for one of the control */
	double		remaining;		/* share of the variance that a covariate leaves */
	double		critical;		/* |z| that is taken for an effect */
} CsPlan;

extern double CsPlanSize(const CsPlan *plan, double effect, double power);
extern double CsPlanPower(const CsPlan *plan, double effect, double n);
extern double CsPlanEffect(const CsPlan *plan, double n, double power);

#endif							/* CUSTSEG_SAMPLE_SIZE_H */
