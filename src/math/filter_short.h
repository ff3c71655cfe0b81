/*
 * filter_short.h
 *	  Rows and centres in integers of 16 bits: what filter_short.c makes and filter_short_kernels.h reads.
 */
#ifndef CUSTSEG_FILTER_SHORT_H
#define CUSTSEG_FILTER_SHORT_H

#include "custseg.h"

/* Columns lie in pairs: two integers of 16 bits in one of 32, the first of them the lower one. */
#define SHORT_PAIRS(d) (((d) + 1) / 2)

/* Levels of steps, and the one that says that a tile's rows are left open. */
#define SHORT_LEVELS 16
#define SHORT_OPEN (SHORT_LEVELS - 1)

/* The longest row of a level and the longest centre are so many steps. */
#define SHORT_LENGTH 32000

/* The lowest bits of a score are its centre's number. */
#define SHORT_NUMBERS 256

/* The centres of a start; what depends on a tile's step is there for each level. */
struct CsShortForm
{
	float		longest;		/* the largest |c| */
	uint32		bound[SHORT_LEVELS];	/* difference of scores that rounding may have made, at most */
	float		unit[SHORT_LEVELS]; /* what one of a score is of |c|^2 - 2 z.c */
	float		reach[SHORT_LEVELS];	/* the largest |z|^2 */
	float		square[SHORT_LEVELS];	/* a step's square, rounded up */
	float		hidden;			/* squared steps that rounding may have taken from |z|^2 */
	int32		center[FLEXIBLE_ARRAY_MEMBER];	/* of each centre |c|^2 by level, then the pairs of -c */
};

/* Integers of one centre in a form. */
#define SHORT_CENTER(d) (SHORT_LEVELS + SHORT_PAIRS(d))

#endif							/* CUSTSEG_FILTER_SHORT_H */
