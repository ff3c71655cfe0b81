/*
 * association.h
 *	  How far two columns go together, whatever their kinds; and how little one varies.
 */
#ifndef CUSTSEG_ASSOCIATION_H
#define CUSTSEG_ASSOCIATION_H

#include "data/matrix.h"
#include "parallel/arena.h"

/*
 * The columns of a feature among d: a number's one, or one of 0 and 1 for each level of a category.
 */
typedef struct CsColumnSpan
{
	int			first;
	int			n;
	bool		is_category;
} CsColumnSpan;

extern double CsAssociation(const double *covariance, const double *mean, int d, double unbiased,
							CsColumnSpan f, CsColumnSpan g);
extern double CsMajorityShare(CsArena *arena, const CsMatrix *m, int column);

#endif							/* CUSTSEG_ASSOCIATION_H */
