/*
 * kmeans.h
 *	  What the files of k-means share: kmeans_plan.c (options, sizes), kmeans_seed.c (k-means++),
 *	  kmeans_assign.c (the pass over the rows, with kmeans_lloyd.c and kmeans_bounds.c, which share kmeans_pass.h),
 *	  kmeans_rounded.c (the rows as it looks at them), kmeans_sums.c (what it adds up), kmeans_measure.c (inertia,
 *	  variances) and kmeans.c (the loop).
 */
#ifndef CUSTSEG_KMEANS_H
#define CUSTSEG_KMEANS_H

#include "algo/algo.h"
#include "math/math.h"
#include "storage/shmem.h"

typedef enum KmeansMethod
{
	KMEANS_AUTO, KMEANS_LLOYD, KMEANS_HAMERLY, KMEANS_ELKAN
} KmeansMethod;

typedef struct KmeansOptions
{
	CsCommonOptions common;
	int			n_init;
	int			max_iter;
	double		tol;
	int			method;			/* KmeansMethod */
	CsOptionArray init;			/* k x ncolumns, or empty */
} KmeansOptions;

/*
 * One fit's data as tasks see it: areas, offsets, sizes and constants.  It is the arguments of
 * every k-means task.  Several starts run in the same passes, because for few features reading
 * the matrix costs more than the arithmetic; each has its own part of what is below.
 */
typedef struct KmeansFit
{
	int			weights;		/* area of double[nrows], -1: every row weighs 1 */
	int			area;			/* holds all that follows, at these offsets: see KmeansPart() */
	Size		matrix;			/* CsMatrix */
	Size		labels;			/* KmeansLabel[capacity][blocks * CS_BLOCK_ROWS] */
	Size		bounds;			/* of the rows, see kmeans_assign.c */
	Size		distances;		/* while seeding: float[capacity][blocks * CS_BLOCK_ROWS], in the place
								 * of labels and bounds */
	Size		centers;		/* KmeansCenters[capacity] of centers_size bytes */
	Size		lanes;			/* KmeansLane[CS_LANES][capacity] of lane_size bytes */
	Size		seeding;		/* points and potentials, see kmeans_seed.c */
	Size		moments;		/* double[blocks][2 + d] while seeding, see KmeansBlockMoments(); 0: not kept */
	Size		origin;			/* double[d]: the mean of all rows */
	Size		kept;			/* the first blocks, rounded: see kmeans_rounded.c */
	int			k;
	int			d;
	int			capacity;		/* starts that the areas have room for */
	int			starts;			/* starts at work, at most capacity */
	uint32		active;			/* bit s: start s takes part in the pass */
	uint32		measure;		/* bit s: its inertia is wanted, too; lloyd only */
	Size		centers_size;
	Size		lane_size;
	double		scale;			/* distances are kept as float times this, near 1 */
	KmeansMethod method;
	bool		shorts;			/* passes look in integers of 16 bits, see filter_short.c; lloyd only */
	double		few_rows;		/* part of the rows up to which only these look, 0: no margins; lloyd only */
	int64		kept_blocks;	/* blocks that there is room for in "kept", */
	int64		keeping_blocks; /* those that the pass at hand rounds to stay there, */
	int64		rounded_blocks; /* and those that earlier ones have */
	bool		fetch_blocks;	/* so many rows are expected to move that blocks are fetched before their turn */
	bool		first;			/* no bounds yet: every row is assigned afresh */
	int			trials;			/* seeding: candidates of each start; 0 in the first pass */
	bool		rounded;		/* seeding: rows and points are rounded to single precision */
} KmeansFit;

/* More starts in one pass gain nothing: by then the arithmetic takes the time. */
#define KMEANS_MAX_STARTS 10

/* A cluster's number as it is kept for each row: half of what int32 would have to be moved. */
typedef uint16 KmeansLabel;

#define KMEANS_NO_LABEL PG_UINT16_MAX

/*
 * Margins of a start's rows, lloyd only: see kmeans_lloyd.c.  Written by the leader between passes.
 */
typedef struct KmeansMargins
{
	bool		kept;			/* rows that look in the pass keep their margins */
	bool		known;			/* every row has one from earlier passes */
	bool		renew;			/* all are brought to other units */
	uint8		limit;			/* rows whose margin is not larger must look */
	int			shift;			/* of new units to old ones, as a power of two */
	double		unit;
	double		moved;			/* what margins have lost since the units are these */
	CsFilterUnits units;		/* of the margins that the pass finds */
} KmeansMargins;

/* Centres and how far each has just moved, in an area; written by the leader between passes. */
typedef struct KmeansCenters
{
	KmeansMargins margins;
	int			farthest;		/* centre with the largest drift */
	double		largest,
				second;			/* largest and second largest drift, times scale */
	double		value[FLEXIBLE_ARRAY_MEMBER];	/* center[k][d], then drift[k] times scale */
} KmeansCenters;

/* A block's rows in single precision, see filter.c: those that the fit keeps, or else a member's own. */
typedef struct KmeansRounded
{
	float	   *values;
	float	   *reach;
	float	   *length;
	float	   *own;			/* the member's room, NULL until it is needed */
} KmeansRounded;

/* A block's rows in integers of 16 bits, see filter_short.c: those that the fit keeps, or a member's own. */
typedef struct KmeansShorts
{
	int32	   *pairs;
	uint8	   *level;
	int32	   *own;			/* the member's room, NULL until it is needed */
} KmeansShorts;

#define KmeansDrift(centers, k, d) ((centers)->value + (Size) (k) * (d))

/* What a lane adds up in a pass: changes since the pass before. */
typedef struct KmeansLane
{
	int64		changed;		/* rows that changed their label */
	double		inertia;		/* with the centres as they were for the pass, when asked for */
	double		value[FLEXIBLE_ARRAY_MEMBER];	/* weight[k], then sum[k][d]; of the moments pass:
												 * mean[d], squares[d], and the weight is "inertia" */
} KmeansLane;

/* The address of a part of the fit's area in this process. */
static inline void *
KmeansPart(CsArena *arena, const KmeansFit *fit, Size offset)
{
	return (char *) CsArenaAddress(arena, fit->area) + offset;
}

/* Take a part of an area that is being laid out; returns its offset. */
static inline Size
KmeansTakePart(Size *total, Size size)
{
	Size		offset = *total;

	*total = add_size(offset, CACHELINEALIGN(size));
	return offset;
}

/* Moments of a block's rows: weight, sum of squares about the mean over all columns, then the mean. */
static inline double *
KmeansBlockMoments(const KmeansFit *fit, CsArena *arena, int64 block)
{
	return (double *) KmeansPart(arena, fit, fit->moments) + (Size) block * (2 + fit->d);
}

static inline KmeansLane *
KmeansLaneOf(const KmeansFit *fit, void *lanes, int lane, int start)
{
	return (KmeansLane *) ((char *) lanes +
						   fit->lane_size * ((Size) lane * fit->capacity + start));
}

static inline KmeansCenters *
KmeansCentersOf(const KmeansFit *fit, void *centers, int start)
{
	return (KmeansCenters *) ((char *) centers + fit->centers_size * start);
}

static inline KmeansLabel *
KmeansLabelsOf(const KmeansFit *fit, const CsMatrix *m, void *labels, int start)
{
	return (KmeansLabel *) labels + (Size) start * CsMatrixBlocks(m) * CS_BLOCK_ROWS;
}

/* kmeans.c */
extern void CsKmeansWidenLabels(int64 nrows, const KmeansLabel *labels, int32 *result);

/* kmeans_plan.c */
#define KMEANS_NOPTIONS 9

extern const CsAlgorithm CsKmeans;
extern const CsOption CsKmeansOptions[KMEANS_NOPTIONS];
extern KmeansMethod CsKmeansMethod(const KmeansOptions *options);
extern void CsKmeansPlan(KmeansFit *fit, const KmeansOptions *o, int64 nblocks, Size left);
extern double CsKmeansFewRows(KmeansMethod method, int k, int d);
extern Size CsKmeansLaneSize(int k, int d);
extern Size CsKmeansLabelsSize(const KmeansFit *fit, int64 nblocks);
extern Size CsKmeansDistancesSize(const KmeansFit *fit, int64 nblocks);
extern Size CsKmeansMemory(int64 nrows, int d, int k, const void *options);
extern void CsKmeansCheck(const void *options, int k, int d);

/* kmeans_rounded.c */
extern Size CsKmeansKeptSize(const KmeansFit *fit, int64 nblocks);
extern bool CsKmeansFewBlocks(int64 nblocks);
extern void CsKmeansRoundFew(CsArena *arena, KmeansFit *fit);
extern void CsKmeansRoundBlock(CsArena *arena, const KmeansFit *fit, int64 block, KmeansRounded *rounded);
extern void CsKmeansShortBlock(CsArena *arena, const KmeansFit *fit, int64 block, KmeansShorts *shorts);

/* kmeans_assign.c */
extern Size CsKmeansBoundsSize(const KmeansFit *fit, int64 nblocks);
extern PGDLLEXPORT void CsKmeansAssignTask(CsTeam *team, const void *args, int lane);

/* kmeans_sums.c */
#define KMEANS_MOVED_ROWS CS_GROUP_ROWS

extern void CsKmeansAddBlock(int d, int nrows, const double *x, const double *weights,
							 const int32 *label, int k, double *weight, double *sum);
extern double CsKmeansPotential(int nrows, const float *nearest, const float *distance, const double *weights);
extern void CsKmeansAddMoved(int d, const double *x, int n, const int *row, const double *w,
							 const int32 *from, const int32 *to, int k, double *weight,
							 double *sum, double *scratch);

/*
 * kmeans_measure.c
 *
 * Moments of all rows that have been added, in one matrix or in several: start from zeros.
 */
typedef struct KmeansMoments
{
	double		weight;			/* sum of weights, or the number of rows */
	double		total;			/* sum of squares about the mean, over rows and columns */
	double	   *mean;			/* d */
} KmeansMoments;

extern void CsKmeansAddMoments(CsTeam *team, const KmeansFit *fit, KmeansMoments *moments);
extern void CsKmeansOwnDistances(int d, int nrows, const double *x, const double *centers,
								 const KmeansLabel *labels, double *distance);
extern PGDLLEXPORT void CsKmeansMomentsTask(CsTeam *team, const void *args, int lane);
extern PGDLLEXPORT void CsKmeansInertiaTask(CsTeam *team, const void *args, int lane);
extern double CsKmeansBlockInertia(int nrows, const double *squared, const double *weights);

/* kmeans_seed.c */
extern Size CsKmeansMomentsSize(int d, int64 nblocks);
extern Size CsKmeansSeedingSize(const KmeansFit *fit, int64 nblocks);
extern int	CsKmeansSeed(CsTeam *team, KmeansFit *fit, uint64 seed, int first_start,
						 double *centers);
extern PGDLLEXPORT void CsKmeansSeedTask(CsTeam *team, const void *args, int lane);

#endif							/* CUSTSEG_KMEANS_H */
