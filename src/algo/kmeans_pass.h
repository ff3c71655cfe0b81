/*
 * kmeans_pass.h
 *	  What the files of a pass of k-means over the rows share: kmeans_assign.c (the pass, and rows that change
 *	  their cluster), kmeans_lloyd.c and kmeans_bounds.c (which rows those are, each by its methods).
 */
#ifndef CUSTSEG_KMEANS_PASS_H
#define CUSTSEG_KMEANS_PASS_H

#include "algo/kmeans.h"

/* Rows whose flags are looked at together: as many as an integer has bits. */
#define KMEANS_FLAGS_AT_ONCE 64

/* Everything that the steps of a pass need of one block, and a lane's buffers. */
typedef struct KmeansPass
{
	const KmeansFit *fit;
	const KmeansCenters *centers;
	const double *drift;
	KmeansLane *lane;

	/* the block */
	const double *x;
	const double *weights;
	int			nrows;
	KmeansLabel *label;
	float	   *upper;
	float	   *lower;

	/* buffers of a lane; sizes in rows */
	uint8	   *flags;			/* 0 or 1 for each row of the block */
	int		   *change;			/* rows that change their label, */
	int32	   *target;			/* and to what */
	KmeansLabel *narrow;		/* labels found, as they are kept */
	int		   *look;			/* rows of the block that have to look */
	int			nlook;
	double	   *gathered;		/* their values, d x padded */
	double	   *nearest;
	double	   *second;
	double	   *scratch;		/* k x CS_GROUP_ROWS */
	double	   *all;			/* elkan: every distance, k x padded */
	int32	   *found;			/* new labels, in the order of "look" */
	int		   *candidate;		/* elkan: centres that a row looks at */

	/* lloyd: the block and the centres of each start in single precision, see filter.c, */
	KmeansRounded rounded;
	const KmeansMargins *margins;	/* of the start at work, NULL where none are kept */
	uint8	   *margin;
	float	   *some;			/* scratch of rows that look, d x CS_FILTER_SCRATCH */
	float	   *forms;
	Size		form_size;		/* floats of one start */
	const float *form;			/* of the start at work */

	/* or in integers, see filter_short.c */
	KmeansShorts shorts;
	char	   *short_forms;	/* of CsShortFormSize() bytes each */
	const CsShortForm *short_form;	/* of the start at work */
	CsFetch		fetch;			/* of the next block */
} KmeansPass;

/* Set the flags of the rows from nrows up to a multiple of KMEANS_FLAGS_AT_ONCE to 0. */
static inline void
KmeansEndFlags(int nrows, uint8 *flags)
{
	for (int r = nrows; r % KMEANS_FLAGS_AT_ONCE != 0; r++)
		flags[r] = 0;
}

/* kmeans_assign.c */
extern int	CsKmeansListFlagged(int nrows, const uint8 *flags, int *row);
extern void CsKmeansGatherRows(KmeansPass *pass, int n, const int *row);
extern void CsKmeansPlaceRows(KmeansPass *pass);
extern void CsKmeansChangeLabels(KmeansPass *pass, int n);
extern void CsKmeansTakeLabels(KmeansPass *pass, int n, const int *look);

/* kmeans_bounds.c */
extern void CsKmeansAssignHamerly(KmeansPass *pass);
extern void CsKmeansAssignElkan(KmeansPass *pass);

/* kmeans_lloyd.c */
extern void CsKmeansInitLloyd(KmeansPass *pass, void *centers, const double *origin);
extern void CsKmeansRoundRows(KmeansPass *pass, CsArena *arena, int64 block);
extern void CsKmeansTakeForm(KmeansPass *pass, int start, const double *next, int part);
extern void CsKmeansAssignLloyd(KmeansPass *pass, bool measure);

#endif							/* CUSTSEG_KMEANS_PASS_H */
