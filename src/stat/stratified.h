/*
 * stratified.h
 *	  A group compared with others of the same strata: how many of it have something, and how many would have if it were
 *	  like them.
 */
#ifndef CUSTSEG_STRATIFIED_H
#define CUSTSEG_STRATIFIED_H

#include "custseg.h"

/* A stratum: its members, those of the group among them, and members who have what is counted. */
typedef struct CsStratum
{
	int64		n,
				n_group,
				n_having;
} CsStratum;

typedef struct CsStratifiedResult
{
	double		expected;		/* members of the group who would have it */
	double		variance;		/* of their number, where only chance is at work */
	double		z;				/* deviation from what is expected, in standard deviations; 0 without a variance */
	double		p;				/* two-sided; NaN without a variance: nobody to compare with */
	bool		is_exact;
} CsStratifiedResult;

extern CsStratifiedResult CsStratifiedTest(const CsStratum *strata, int nstrata, int64 seen);

#endif							/* CUSTSEG_STRATIFIED_H */
