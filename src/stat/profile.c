/*
 * profile.c
 *	  What the customers of each segment are like: means in the columns' own units, shares of
 *	  levels, distances to the centre.
 *
 * One pass over the matrices on the whole team, or one after the other over batches.  Blocks are
 * split into lanes, each lane sums into an area of its own, and the leader adds the lanes up in
 * order, so the result is the same bit for bit whatever the number of workers.  There are fewer
 * lanes when the sums of one are large; their number depends on the model's shape only.
 *
 * Every row counts once, whatever its weight: a profile describes who is in a segment, while
 * centres and inertia say what was optimised.  Rows that are noise are summed up as one more
 * segment, the last.
 *
 * A lane's doubles, for each segment: PROFILE_HEAD numbers, the number of values of each feature,
 * and the sums of the profile.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/profile.h"

/* Bytes that all lanes together should not exceed. */
#define PROFILE_MEMORY ((Size) 16 * 1024 * 1024)

/* Numbers of a segment: rows, sum of distances, sum of squared distances. */
#define PROFILE_HEAD 3

typedef struct ProfileArgs
{
	int			matrix,			/* areas: the CsMatrix of model space, */
				raw,			/* of raw values, -1 when model space took their place, */
				pipeline,		/* the CsPipeline, */
				labels,			/* int32[nrows], */
				centers,		/* double[k][noutputs], */
				sums;			/* the lanes' doubles */
	int			nsegments;		/* noise included */
	int			nprofile;
	int			lanes;
} ProfileArgs;

/* Sums that are being made, over one matrix or several. */
struct CsProfile
{
	CsArena    *arena;
	const CsPipeline *pipeline;
	ProfileArgs args;
	Size		lane_size;		/* doubles */
	double	   *total;
};

/* One member's view of the arguments. */
typedef struct Profiler
{
	CsArena    *arena;
	const CsMatrix *matrix;
	const CsMatrix *raw;		/* or NULL */
	const CsPipeline *pipeline;
	const int32 *labels;
	int			noise;			/* the segment of rows whose label is negative */
	const double *centers;
	double	   *segments;		/* the lane's sums */
	Size		segment_size;	/* doubles of one segment */
} Profiler;

/* Doubles of one segment. */
static Size
SegmentSize(int nfeatures, int nprofile)
{
	return PROFILE_HEAD + (Size) nfeatures + nprofile;
}

/* Lanes whose sums of that many doubles fit into the memory meant for them. */
static int
LaneCount(Size lane_size)
{
	Size		fit = PROFILE_MEMORY / (lane_size * sizeof(double));

	return (int) Max(1, Min(fit, CS_LANES));
}

/* Bytes that profiling takes beside the matrices. */
Size
CsProfileMemory(int k, int nfeatures, int nprofile, int noutputs)
{
	Size		lane = k * SegmentSize(nfeatures, nprofile);

	return (lane * LaneCount(lane) + (Size) k * noutputs) * sizeof(double);
}

/* Rows of each segment and their distances to its centre. */
static void
AddDistances(Profiler *p, const double *z, const int32 *labels, int nrows)
{
	double		distance[CS_BLOCK_ROWS];

	CsOwnDistances(p->matrix->ncolumns, nrows, z, CS_BLOCK_ROWS, p->centers, labels, distance);
	for (int r = 0; r < nrows; r++)
	{
		double	   *segment = p->segments + labels[r] * p->segment_size;

		segment[0]++;
		segment[1] += sqrt(distance[r]);
		segment[2] += distance[r];
	}
}

/*
 * One feature that is a number: x * spread + center is its value in its own units, a missing one
 * is filled as the pipeline does, or not counted when the filling differs from row to row.
 */
static void
AddNumbers(Profiler *p, const double *x, double spread, double center, double fill,
		   const int32 *labels, int nrows, int feature, int at)
{
	for (int r = 0; r < nrows; r++)
	{
		double	   *segment = p->segments + labels[r] * p->segment_size + PROFILE_HEAD;
		double		value = isnan(x[r]) ? fill : x[r] * spread + center;

		if (isnan(value))
			continue;
		segment[feature]++;
		segment[at] += value;
	}
}

/* One categorical feature: x holds level numbers, negative for a level of no account. */
static void
AddLevels(Profiler *p, const double *x, const CsFeature *f, const int32 *labels, int nrows,
		  int at)
{
	for (int r = 0; r < nrows; r++)
	{
		double		level = isnan(x[r]) ? f->fill : x[r];

		if (level >= 0 && level < f->nlevels)
			p->segments[labels[r] * p->segment_size + PROFILE_HEAD + at + (int) level]++;
	}
}

/* All that a profile needs of one block. */
static void
AddBlock(Profiler *p, int64 block)
{
	int			nrows = CsMatrixBlockRows(p->matrix, block);
	int			nfeatures = p->pipeline->nfeatures;
	int32		labels[CS_BLOCK_ROWS];
	const double *z = CsMatrixBlock(p->matrix, p->arena, block);
	const double *raw = p->raw == NULL ? NULL : CsMatrixBlock(p->raw, p->arena, block);
	int			at = nfeatures; /* of the feature's sums, after the counts of values */

	for (int r = 0; r < nrows; r++)
	{
		int32		label = p->labels[block * CS_BLOCK_ROWS + r];

		labels[r] = label < 0 ? p->noise : label;
	}
	AddDistances(p, z, labels, nrows);
	for (int j = 0; j < nfeatures; j++)
	{
		const CsFeature *f = &p->pipeline->feature[j];

		if (raw == NULL)
			AddNumbers(p, z + (Size) f->first_output * CS_BLOCK_ROWS, f->spread, f->center, NAN,
					   labels, nrows, j, at);
		else if (f->kind == CS_CATEGORICAL)
			AddLevels(p, raw + (Size) j * CS_BLOCK_ROWS, f, labels, nrows, at);
		else
			AddNumbers(p, raw + (Size) j * CS_BLOCK_ROWS, 1, 0, f->fill, labels, nrows, j, at);
		at += CsProfileWidth(f);
	}
}

/* CS_TASK(CsProfileTask): sum up one lane. */
void
CsProfileTask(CsTeam *team, const void *args, int item)
{
	const ProfileArgs *a = args;
	Profiler	p;
	Size		lane_size;
	int64		nblocks;

	p.arena = CsTeamArena(team);
	p.matrix = CsArenaAddress(p.arena, a->matrix);
	p.raw = a->raw < 0 ? NULL : CsArenaAddress(p.arena, a->raw);
	p.pipeline = CsArenaAddress(p.arena, a->pipeline);
	p.labels = CsArenaAddress(p.arena, a->labels);
	p.centers = CsArenaAddress(p.arena, a->centers);
	p.segment_size = SegmentSize(p.pipeline->nfeatures, a->nprofile);
	p.noise = a->nsegments - 1;
	lane_size = a->nsegments * p.segment_size;
	p.segments = (double *) CsArenaAddress(p.arena, a->sums) + item * lane_size;

	memset(p.segments, 0, lane_size * sizeof(double));
	nblocks = CsMatrixBlocks(p.matrix);
	for (int64 b = nblocks * item / a->lanes; b < nblocks * (item + 1) / a->lanes; b++)
	{
		CHECK_FOR_INTERRUPTS();
		AddBlock(&p, b);
	}
}

/* A new area that holds a copy of "size" bytes. */
static int
ShareBytes(CsArena *arena, const void *bytes, Size size)
{
	int			area = CsArenaAlloc(arena, size);

	memcpy(CsArenaAddress(arena, area), bytes, size);
	return area;
}

/*
 * Start to sum up the rows of segments with these centres, which lie row by row in model space; the
 * last segment takes the rows whose label is negative.  "labels" is an area of int32. raw is the
 * matrix of raw values, or the matrix itself when model space took their place.
 */
CsProfile *
CsProfileStart(CsArena *arena, const CsPipeline *pipeline, const CsMatrix *matrix,
			   const CsMatrix *raw, int labels, int nsegments, const double *centers)
{
	CsProfile  *p = palloc0(sizeof(CsProfile));
	int			nprofile = CsProfileSize(pipeline);

	p->arena = arena;
	p->pipeline = pipeline;
	p->lane_size = nsegments * SegmentSize(pipeline->nfeatures, nprofile);
	p->total = palloc_extended(p->lane_size * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	p->args.matrix = CsMatrixShare(matrix, arena);
	p->args.raw = matrix == raw ? -1 : CsMatrixShare(raw, arena);
	p->args.pipeline = ShareBytes(arena, pipeline, pipeline->size);
	p->args.labels = labels;
	p->args.centers = ShareBytes(arena, centers, sizeof(double) * nsegments * matrix->ncolumns);
	p->args.nsegments = nsegments;
	p->args.nprofile = nprofile;
	p->args.lanes = LaneCount(p->lane_size);
	p->args.sums = CsArenaAlloc(arena, p->lane_size * p->args.lanes * sizeof(double));
	return p;
}

/*
 * Sum up the rows that matrix, raw and labels hold now.  Called each time that they have been
 * filled.  The leader calls a function beside it, see CsTeamRunBeside(); NULL for none.
 */
void
CsProfileAdd(CsProfile *p, CsTeam *team, const CsMatrix *matrix, const CsMatrix *raw, void (*beside) (void *),
			 void *argument)
{
	const double *lanes = CsArenaAddress(p->arena, p->args.sums);

	memcpy(CsArenaAddress(p->arena, p->args.matrix), matrix, sizeof(CsMatrix));
	if (p->args.raw >= 0)
		memcpy(CsArenaAddress(p->arena, p->args.raw), raw, sizeof(CsMatrix));
	CsTeamRunBeside(team, CS_TASK(CsProfileTask), &p->args, sizeof(p->args), p->args.lanes, beside, argument);
	for (int lane = 0; lane < p->args.lanes; lane++)
		for (Size i = 0; i < p->lane_size; i++)
			p->total[i] += lanes[lane * p->lane_size + i];
}

/* Turn the sums of one segment into its profile; where it has no value at all, the overall mean. */
static double *
ProfileOfSums(const CsProfile *p, const double *segment)
{
	const double *counts = segment + PROFILE_HEAD;
	const double *sums = counts + p->pipeline->nfeatures;
	double	   *profile = palloc(sizeof(double) * p->args.nprofile);
	int			at = 0;

	for (int j = 0; j < p->pipeline->nfeatures; j++)
	{
		const CsFeature *f = &p->pipeline->feature[j];

		if (f->kind == CS_CATEGORICAL)
			for (int level = 0; level < f->nlevels; level++)
				profile[at + level] = segment[0] > 0 ? sums[at + level] / segment[0] : 0;
		else
			profile[at] = counts[j] > 0 ? sums[at] / counts[j] : f->mean;
		at += CsProfileWidth(f);
	}
	return profile;
}

/* A segment of the rows that were added; its means are palloc'd. */
CsSegmentProfile
CsProfileSegment(const CsProfile *p, int segment)
{
	const double *sums = p->total +
		segment * SegmentSize(p->pipeline->nfeatures, p->args.nprofile);
	CsSegmentProfile result = {.n = (int64) sums[0], .distances = sums[1]};

	if (result.n > 0)
	{
		result.mean_distance = sums[1] / sums[0];
		result.spread = sqrt(sums[2] / sums[0]);
	}
	result.means = ProfileOfSums(p, sums);
	return result;
}

/* Free everything that the profile has taken. */
void
CsProfileEnd(CsProfile *p)
{
	CsArenaFree(p->arena, p->args.matrix);
	if (p->args.raw >= 0)
		CsArenaFree(p->arena, p->args.raw);
	CsArenaFree(p->arena, p->args.pipeline);
	CsArenaFree(p->arena, p->args.centers);
	CsArenaFree(p->arena, p->args.sums);
	pfree(p->total);
	pfree(p);
}
