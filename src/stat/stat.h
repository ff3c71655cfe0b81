/*
 * stat.h
 *	  Measures of a clustering.  Like the algorithms, they know matrices and labels, no tables.
 */
#ifndef CUSTSEG_STAT_H
#define CUSTSEG_STAT_H

#include "algo/algo.h"
#include "data/matrix.h"
#include "parallel/team.h"

/* sample.c: which rows a measure looks at. */
typedef struct CsStratifiedSample
{
	int64		labelled;		/* rows that have a segment */
	int64	   *population;		/* k: rows of each segment */
	int64	   *counts;			/* k: rows of each in the sample */
	int64		nrows;			/* of the sample */
	int64	   *row;			/* their numbers, ascending */
} CsStratifiedSample;

extern CsStratifiedSample *CsSampleStratified(const int32 *labels, int64 nrows, int k,
											  int64 sample, uint64 seed);
extern void CsSampleFree(CsStratifiedSample *s);
extern int64 *CsSampleRows(int64 nrows, int64 sample, uint64 seed, int64 *used);

/* silhouette.c */
#define CS_MAX_SILHOUETTE_ROWS 1000000

typedef struct CsSilhouette
{
	int64		used;			/* rows that it is computed on */
	double		mean;
	double	   *of_segment;		/* k; NaN for a segment without rows */
	int64	   *row;			/* used: row numbers, ascending */
	double	   *width;			/* used; NaN where distances are too large to be added up */
	int32	   *neighbor;		/* used: the nearest other segment; then -1 */
} CsSilhouette;

extern CsSilhouette *CsSilhouetteOfRows(CsTeam *team, const CsMatrix *m, int labels, int k,
										int64 most, uint64 seed);
extern void CsSilhouetteFree(CsSilhouette *s);
extern Size CsSilhouetteMemory(int64 nrows, int ncolumns, int k);
extern double CsSilhouetteWidth(double own, int n, double b);
extern PGDLLEXPORT void CsSilhouetteTask(CsTeam *team, const void *args, int item);

/* How much wider the silhouettes of one labeling are than those of another. */
typedef struct CsSilhouetteGain
{
	double		mean;
	double		error;			/* its standard error */
} CsSilhouetteGain;

extern CsSilhouetteGain CsSilhouettesCompare(const CsSilhouette *a, const CsSilhouette *b);

/* The mean silhouette width, and how the widths vary. */
typedef struct CsSilhouetteMean
{
	double		mean;
	double		deviation;
	int64		used;			/* rows that it is computed on */
} CsSilhouetteMean;

extern CsSilhouetteMean CsSilhouetteMeasure(CsTeam *team, const CsMatrix *m, int labels, int k,
											int64 sample, uint64 seed);
extern double CsSilhouetteSample(CsTeam *team, const CsMatrix *m, int labels, int k, int64 sample,
								 uint64 seed, int64 *used);

/* silhouettes.c: a labeling's segments are 0..k - 1 in an area of the team's arena, int32[rows]. */
typedef struct CsLabeling
{
	int			labels;
	int			k;
} CsLabeling;

#define CS_MAX_LABELINGS 16

extern Size CsSilhouettesMemory(int64 nrows, int ncolumns, int nlabelings, int k);
extern void CsSilhouettesOfLabelings(CsTeam *team, const CsMatrix *rows, const CsLabeling *labelings,
									 int nlabelings, double *mean);
extern PGDLLEXPORT void CsSilhouettesTask(CsTeam *team, const void *args, int item);

/*
 * validity.c: Calinski-Harabasz and Davies-Bouldin, NaN when they are not defined (fewer than two
 * segments with rows, or as many as rows), and what else the segments' moments tell.  Noise is left
 * out, but shares are of all rows.
 */
typedef struct CsValidity
{
	int			segments;		/* that have rows */
	double		calinski_harabasz;
	double		davies_bouldin;
	double		within;			/* sum of squared distances to the segments' means */
	double		noise_share;
	double		smallest_share,
				largest_share;	/* of the segments that have rows */
} CsValidity;

extern bool CsIsNothing(const CsSegmentMoments *s, int ncolumns, double squares);
extern CsValidity CsValidityOfMoments(const CsSegmentMoments *s, int d);
extern CsValidity CsValidityOfLabels(CsTeam *team, const CsMatrix *m, int labels, int k);

/* gap.c */
typedef struct CsGapInput
{
	CsTeam	   *team;
	const CsMatrix *matrix;
	const CsAlgorithm *algorithm;
	const void *options;
	Size		memory_left;	/* see CsFitInput */
	int			k_first,
				k_last;
	int64		sample;			/* rows it is computed on, at most */
	int			references;		/* sets, at least 2 */
	uint64		seed;
} CsGapInput;

typedef struct CsGap
{
	int64		rows;			/* it is computed on */
	int			k_first;
	int			n;				/* numbers of segments; fewer than asked for with few rows */
	double	   *gap;			/* n */
	double	   *se;				/* n */
	double	   *log_w;			/* n */
	int			chosen;			/* least k with gap(k) >= gap(k + 1) - se(k + 1); 0: some gap is
								 * not defined */
	int			highest;		/* k of the largest gap; 0: likewise */
} CsGap;

extern CsGap *CsGapStatistic(const CsGapInput *in);
extern Size CsGapMemory(int64 nrows, int ncolumns, int64 sample);

#endif							/* CUSTSEG_STAT_H */
