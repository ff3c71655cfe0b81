/*
 * neighbors.h
 *	  What algorithms ask of the neighbourhood of the rows: a tree over them, how far the k-th
 *	  nearest row is, and where the curve of these distances has its knee.
 */
#ifndef CUSTSEG_NEIGHBORS_H
#define CUSTSEG_NEIGHBORS_H

#include "algo/algo.h"
#include "data/matrix.h"
#include "math/kdtree.h"

/* Rows whose distances make a curve, when there are more; points of one that a fit gives. */
#define CS_CURVE_SAMPLE 10000
#define CS_CURVE_POINTS 200

extern int	CsTreeOfMatrix(CsTeam *team, const CsMatrix *m);
extern double *CsKDistances(CsTeam *team, int tree, int k, int64 sample, uint64 seed, int64 *n);
extern PGDLLEXPORT void CsKDistanceTask(CsTeam *team, const void *args, int item);

/* A walk along an ascending curve: to points at evenly spaced ranks, and to the knee. */
typedef struct CsCurveWalk
{
	const double *curve;
	int64		n;
	int64		knee;			/* index, or -1 */
	int64		shown;			/* points at evenly spaced ranks */
	int64		next;			/* which of them comes next */
	int64		last;			/* index that was last shown */
} CsCurveWalk;

extern CsCurveWalk CsCurveBegin(const double *curve, int64 n, int64 points);
extern bool CsCurveNext(CsCurveWalk *walk, CsDistancePoint *point);

/* The smallest eps there is: its square is still a normal number. */
#define CS_LEAST_EPS 1e-150

extern double CsChooseEps(CsTeam *team, int tree, int min_samples, uint64 seed, CsFitOutput *out);

#endif							/* CUSTSEG_NEIGHBORS_H */
