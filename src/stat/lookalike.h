/*
 * lookalike.h
 *	  How much better than random picks a ranking finds those who are known to belong.
 */
#ifndef CUSTSEG_LOOKALIKE_H
#define CUSTSEG_LOOKALIKE_H

#include "custseg.h"

typedef struct CsRankingLift
{
	double		n_found;		/* of those held out, among the first; a share of those who are tied for the last places */
	double		lift,			/* their share over the share of all who are among the first */
				low,			/* its interval */
				high;
	double		auc,			/* the chance that one held out is ranked before another customer, and its interval */
				auc_low,
				auc_high;
} CsRankingLift;

extern CsRankingLift CsRankingLiftOf(int64 n, const double *score, const double *is_held_out, int64 first,
									 double confidence);

#endif							/* CUSTSEG_LOOKALIKE_H */
