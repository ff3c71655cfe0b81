/*
 * stat.h
 *	  Measures of a clustering.  Like the algorithms, they know matrices and labels, no tables.
 */
#ifndef CUSTSEG_STAT_H
#define CUSTSEG_STAT_H

#include "data/matrix.h"
#include "parallel/team.h"

/*
 * silhouette.c: mean silhouette width of a seeded sample of the labelled rows (all of them when
 * there are no more than "sample"), NaN when it is not defined: fewer than two segments in the
 * sample, or as many as rows.  *used is the number of rows it is computed on.
 */
extern double CsSilhouetteSample(CsTeam *team, const CsMatrix *m, int labels, int k, int64 sample,
								 uint64 seed, int64 *used);
extern void CsSilhouetteTask(CsTeam *team, const void *args, int item);

#endif							/* CUSTSEG_STAT_H */
