/*
 * kmeans_exact.h
 *	  Lloyd's iterations by passes whose sums are exact: the part of a pass, and what follows from it.
 */
#ifndef CUSTSEG_KMEANS_EXACT_H
#define CUSTSEG_KMEANS_EXACT_H

#include "algo/algo.h"
#include "prep/tally.h"

extern const CsTallyKind CsKmeansPass;

/* Centres, and what is known of the rows that are assigned to them. */
typedef struct CsExactKmeans
{
	int			k;
	int			d;
	int64		nrows;
	double		heaviest;		/* weight of a row; 1 without weights */
	double	   *reach;			/* d: no row and no centre is further from 0 than that */
	double	   *centers;		/* k x d */
	const double *init;			/* k x d: centres that were given to start from, or NULL */
	double	   *mean;			/* d: of all rows by their weights, once a pass has been taken in */
	double	   *origin;			/* d: about which the variance is measured, near the mean */
	double		tolerance;		/* on the sum of squared shifts */
	double		tol;			/* the same relative to the mean variance; option "tol" */
	int			max_iter;
	int			iterations;
	bool		converged;
	double		variance;		/* mean of the columns'; NaN until the first pass */
} CsExactKmeans;

extern void CsExactKmeansPlan(const CsExactKmeans *m, JsonbParseState **json);
extern bool CsExactKmeansLearn(CsExactKmeans *m, const CsTally *pass, const CsTallyPart *part,
							   const CsTallyState *state);
extern CsFitted *CsFittedOfCenters(int k, int d, const double *centers);

#endif							/* CUSTSEG_KMEANS_EXACT_H */
