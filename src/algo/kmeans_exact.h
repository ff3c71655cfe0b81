/*
 * kmeans_exact.h
 *	  Lloyd's iterations by passes whose sums are exact: the part of a pass, and what follows from it.
 */
#ifndef CUSTSEG_KMEANS_EXACT_H
#define CUSTSEG_KMEANS_EXACT_H

#include "algo/passes.h"

extern void *CsExactKmeansStart(const CsPassesInput *in, double tol, int max_iter, const CsOptionArray *init);
extern void CsExactKmeansPlan(void *state, JsonbParseState **json);
extern bool CsExactKmeansLearn(void *state, const CsTally *pass, const CsTallyPart *part, const CsTallyState *tally);
extern void CsExactKmeansSettle(void *state, CsFitOutput *out);
extern const double *CsExactKmeansMean(void *state);

/* The passes of an algorithm that starts Lloyd's iterations. */
#define CS_EXACT_KMEANS(begin) \
	.start = begin,.plan = CsExactKmeansPlan,.learn = CsExactKmeansLearn,.settle = CsExactKmeansSettle, \
	.mean = CsExactKmeansMean

extern CsFitted *CsFittedOfCenters(int k, int d, const double *centers);

#endif							/* CUSTSEG_KMEANS_EXACT_H */
