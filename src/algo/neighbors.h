/*
 * neighbors.h
 *	  What algorithms ask of the neighbourhood of the rows: a tree over them, how far the k-th
 *	  nearest row is, and where the curve of these distances has its knee.
 */
#ifndef CUSTSEG_NEIGHBORS_H
#define CUSTSEG_NEIGHBORS_H

#include "data/matrix.h"
#include "math/kdtree.h"

/* Rows whose distances make a curve, when there are more. */
#define CS_CURVE_SAMPLE 10000

extern int	CsTreeOfMatrix(CsTeam *team, const CsMatrix *m);
extern double *CsKDistances(CsTeam *team, int tree, int k, int64 sample, uint64 seed, int64 *n);
extern PGDLLEXPORT void CsKDistanceTask(CsTeam *team, const void *args, int item);
extern int64 CsKnee(const double *curve, int64 n);

/* The smallest eps there is: its square is still a normal number. */
#define CS_LEAST_EPS 1e-150

extern double CsChooseEps(CsTeam *team, int tree, int min_samples, uint64 seed, char **note);

#endif							/* CUSTSEG_NEIGHBORS_H */
