/*
 * association.h
 *	  How far two columns go together, whatever their kinds; and how little one varies.
 */
#ifndef CUSTSEG_ASSOCIATION_H
#define CUSTSEG_ASSOCIATION_H

#include "data/matrix.h"
#include "parallel/arena.h"

/* The columns of a feature among d: a number's one, or one of 0 and 1 for each level of a category. */
typedef struct CsColumnSpan
{
	int			first;
	int			n;
	bool		is_category;
} CsColumnSpan;

/*
 * Association of two features by the covariances (d x d, times "unbiased": of all rows, with n in the
 * denominator) and means of their columns: Pearson's correlation, signed, of two numbers, the correlation
 * ratio of a number and a category, Cramer's V of two categories; 0 where one does not vary.
 */
extern double CsAssociation(const double *covariance, const double *mean, int d, double unbiased,
							CsColumnSpan f, CsColumnSpan g);

/*
 * Share of the rows that have a column's most frequent value, exact when it is more than half, else less
 * than that.
 */
extern double CsMajorityShare(CsArena *arena, const CsMatrix *m, int column);

#endif							/* CUSTSEG_ASSOCIATION_H */
