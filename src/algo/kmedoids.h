/*
 * kmedoids.h
 *	  What the files of k-medoids share: kmedoids.c (samples, the result, scoring) and
 *	  kmedoids_pam.c (the medoids of rows whose distances are all at hand).
 */
#ifndef CUSTSEG_KMEDOIDS_H
#define CUSTSEG_KMEDOIDS_H

#include <math.h>

#include "algo/algo.h"
#include "math/math.h"

typedef enum KmedoidsMetric
{
	KMEDOIDS_EUCLIDEAN, KMEDOIDS_MANHATTAN
} KmedoidsMetric;

typedef struct KmedoidsOptions
{
	CsCommonOptions common;
	int			metric;			/* KmedoidsMetric */
	int			samples;
	int			sample_size;
	int			max_iter;
} KmedoidsOptions;

/* Rows that represent segments. */
typedef struct Medoids
{
	int			k;
	int64	   *row;			/* k, room for all that are asked for */
	double		loss;			/* sum of weight times distance over all rows */
	int			iterations;		/* of SWAP, the last one, which finds nothing, included */
	bool		converged;
} Medoids;

/*
 * Distances of rows to n points as they compare, distance[point * CS_PAD_ROWS(nrows) + row]: of the
 * Euclidean metric their squares.
 */
static inline void
KmedoidsCompare(KmedoidsMetric metric, int d, int nrows, const double *x, int n,
				const double *points, double *distance)
{
	if (metric == KMEDOIDS_MANHATTAN)
		CsManhattanDistances(d, nrows, x, CS_BLOCK_ROWS, n, points, distance);
	else
		CsSquaredDistances(d, nrows, x, CS_BLOCK_ROWS, n, points, distance);
}

/* The distance from what compares. */
static inline double
KmedoidsDistance(KmedoidsMetric metric, double compared)
{
	return metric == KMEDOIDS_MANHATTAN ? compared : sqrt(compared);
}

/* kmedoids_pam.c */
extern Size CsPamMemory(int64 n, int k);
extern void CsPam(CsTeam *team, const CsMatrix *m, int weights, int k, const KmedoidsOptions *o,
				  int sample, Medoids *result);

/* Tasks of the team. */
extern PGDLLEXPORT void CsPamDistancesTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsPamBuildTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsPamSwapTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsKmedoidsAssignTask(CsTeam *team, const void *args, int item);

#endif							/* CUSTSEG_KMEDOIDS_H */
