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

/* A new area with the tree over a matrix; an error when there are too many rows. */
extern int	CsTreeOfMatrix(CsTeam *team, const CsMatrix *m);

/*
 * The distances of *n rows to their k-th nearest row, themselves counted as the first, ascending
 * and palloc'd; to the farthest where there are fewer than k rows.  All rows, or a seeded sample
 * of them, but always their neighbours among all.
 */
extern double *CsKDistances(CsTeam *team, int tree, int k, int64 sample, uint64 seed, int64 *n);
extern PGDLLEXPORT void CsKDistanceTask(CsTeam *team, const void *args, int item);

/* Index of the knee of an ascending curve; -1 when it is flat, or has fewer than three points. */
extern int64 CsKnee(const double *curve, int64 n);

/* The smallest eps there is: its square is still a normal number. */
#define CS_LEAST_EPS 1e-150

/*
 * The eps to use when none is given: the knee of the k-distance curve of min_samples, or, where it
 * has none above 0, the least of its distances that is; an error when all are 0.  "note" becomes a
 * palloc'd sentence that says so.
 */
extern double CsChooseEps(CsTeam *team, int tree, int min_samples, uint64 seed, char **note);

#endif							/* CUSTSEG_NEIGHBORS_H */
