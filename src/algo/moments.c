/*
 * moments.c
 *	  What a labelling makes of the rows: sizes, means and dispersion of the segments.
 *
 * Two passes of the team.  The first sums up rows, weights and columns by segment, which gives the
 * means; the second measures each row against the mean of its segment and that of all rows, so
 * that no difference of large sums is ever taken.  Blocks are split into lanes, the leader adds the
 * lanes up in order, and there are fewer lanes when the sums of one are large; so the result is the
 * same bit for bit whatever the number of workers.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "math/math.h"
#include "miscadmin.h"

/* Bytes that all lanes together should not exceed. */
#define LANES_MEMORY ((Size) 16 * 1024 * 1024)

typedef struct MomentsArgs
{
	int			matrix,			/* areas: the CsMatrix, */
				labels,			/* int32[nrows], */
				weights,		/* double[nrows], or -1, */
				centers,		/* second pass: double[k + 2][d]: segments, noise, all rows, */
				sums;			/* the lanes' doubles */
	int			k;
	int			d;
	int			lanes;
	bool		second;
} MomentsArgs;

/* Doubles of a lane: counts, weights and sums; the second pass needs fewer. */
static Size
LaneSize(int k, int d)
{
	return add_size(mul_size((Size) k + 1, (Size) d + 2), 1);
}

static int
LaneCount(int k, int d)
{
	Size		fit = LANES_MEMORY / mul_size(LaneSize(k, d), sizeof(double));

	return (int) Max(1, Min(fit, CS_LANES));
}

/* Bytes that CsMomentsOfSegments() takes beside the matrix. */
Size
CsMomentsMemory(int k, int d)
{
	Size		lanes = mul_size(LaneSize(k, d), LaneCount(k, d));

	return mul_size(add_size(lanes, mul_size((Size) k + 2, 2 * (Size) d)), sizeof(double));
}

/* Columns that are summed up side by side: the sums of one wait for each other where neighbors are of a segment. */
#define COLUMNS 4

/* Add some columns of a block up by segment: sum[k + 1][d], of which they are the first. */
static pg_attribute_always_inline void
SumColumns(const MomentsArgs *a, const double *x, const int32 *labels, const double *weights, int nrows,
		   int ncolumns, double *sum)
{
	for (int r = 0; r < nrows; r++)
	{
		int			c = labels[r] < 0 ? a->k : labels[r];
		double	   *of_segment = sum + (Size) c * a->d;
		double		weight = weights ? weights[r] : 1;

		for (int j = 0; j < ncolumns; j++)
			of_segment[j] += weight * x[(Size) j * CS_BLOCK_ROWS + r];
	}
}

/* First pass over a block: count[k + 1], weight[k + 1], sum[k + 1][d]. */
static void
SumBlock(const MomentsArgs *a, const double *x, const int32 *labels, const double *weights,
		 int nrows, double *lane)
{
	double	   *count = lane,
			   *weight = count + a->k + 1,
			   *sum = weight + a->k + 1;

	for (int r = 0; r < nrows; r++)
	{
		int			c = labels[r] < 0 ? a->k : labels[r];

		count[c]++;
		weight[c] += weights ? weights[r] : 1;
	}
	for (int j = 0; j < a->d; j += COLUMNS)
	{
		int			ncolumns = Min(COLUMNS, a->d - j);

		if (ncolumns == COLUMNS)
			SumColumns(a, x + (Size) j * CS_BLOCK_ROWS, labels, weights, nrows, COLUMNS, sum + j);
		else
			SumColumns(a, x + (Size) j * CS_BLOCK_ROWS, labels, weights, nrows, ncolumns, sum + j);
	}
}

/* Second pass over a block: distance[k + 1], squared[k + 1], total. */
static void
MeasureBlock(const MomentsArgs *a, const double *x, const int32 *labels, const double *weights,
			 const double *centers, int nrows, double *lane)
{
	double	   *distance = lane,
			   *squared = distance + a->k + 1,
			   *total = squared + a->k + 1;
	int32		own[CS_BLOCK_ROWS] = {0};
	double		to_own[CS_BLOCK_ROWS],
				to_mean[CS_BLOCK_ROWS];

	CsOwnDistances(a->d, nrows, x, CS_BLOCK_ROWS, centers + (Size) (a->k + 1) * a->d, own, to_mean);
	for (int r = 0; r < nrows; r++)
		own[r] = labels[r] < 0 ? a->k : labels[r];
	CsOwnDistances(a->d, nrows, x, CS_BLOCK_ROWS, centers, own, to_own);
	for (int r = 0; r < nrows; r++)
	{
		int			c = own[r];
		double		weight = weights ? weights[r] : 1;

		distance[c] += weight * sqrt(to_own[r]);
		squared[c] += weight * to_own[r];
		*total += weight * to_mean[r];
	}
}

/* CS_TASK(CsMomentsTask): one pass over the blocks of a lane. */
void
CsMomentsTask(CsTeam *team, const void *args, int item)
{
	const MomentsArgs *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	const int32 *labels = CsArenaAddress(arena, a->labels);
	const double *weights = a->weights < 0 ? NULL : CsArenaAddress(arena, a->weights);
	const double *centers = CsArenaAddress(arena, a->centers);
	Size		lane_size = LaneSize(a->k, a->d);
	double	   *lane = (double *) CsArenaAddress(arena, a->sums) + item * lane_size;
	int64		nblocks = CsMatrixBlocks(m);

	memset(lane, 0, lane_size * sizeof(double));
	for (int64 b = nblocks * item / a->lanes; b < nblocks * (item + 1) / a->lanes; b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		int64		first = b * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		if (a->second)
			MeasureBlock(a, x, labels + first, weights ? weights + first : NULL, centers, nrows,
						 lane);
		else
			SumBlock(a, x, labels + first, weights ? weights + first : NULL, nrows, lane);
	}
}

/* Run one pass; returns the lanes added up in order, palloc'd. */
static double *
RunPass(CsTeam *team, MomentsArgs *args, bool second)
{
	Size		size = LaneSize(args->k, args->d);
	double	   *total = palloc_extended(size * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	const double *lanes;

	args->second = second;
	CsTeamRun(team, CS_TASK(CsMomentsTask), args, sizeof(*args), args->lanes);
	lanes = CsArenaAddress(CsTeamArena(team), args->sums);
	for (int l = 0; l < args->lanes; l++)
		for (Size i = 0; i < size; i++)
			total[i] += lanes[l * size + i];
	return total;
}

/* Counts, weights and means from the sums of the first pass. */
static void
FillMeans(CsSegmentMoments *result, const double *sums, int d)
{
	int			k = result->k;
	const double *weight = sums + k + 1,
			   *sum = weight + k + 1;
	double		all = 0;

	for (int c = 0; c <= k; c++)
	{
		result->counts[c] = (int64) sums[c];
		result->weights[c] = weight[c];
		all += weight[c];
		for (int j = 0; j < d; j++)
			result->mean[j] += sum[(Size) c * d + j];
	}
	for (int j = 0; j < d && all > 0; j++)
		result->mean[j] /= all;
	for (int c = 0; c <= k; c++)
		for (int j = 0; j < d; j++)
			result->centers[(Size) c * d + j] =
				weight[c] > 0 ? sum[(Size) c * d + j] / weight[c] : result->mean[j];
}

/*
 * Sum up what a labelling makes of the rows.  "labels" is an area of int32[nrows]: 0..k-1, or -1
 * for noise, which is summed up as segment k.  "weights" is an area of double[nrows], or -1 if
 * every row weighs 1.  The result is palloc'd, see CsSegmentMomentsFree().
 */
CsSegmentMoments *
CsMomentsOfSegments(CsTeam *team, const CsMatrix *m, int weights, int labels, int k)
{
	CsArena    *arena = CsTeamArena(team);
	int			d = m->ncolumns;
	Size		centers_size = mul_size(mul_size((Size) k + 1, d), sizeof(double));
	CsSegmentMoments *result = palloc0(sizeof(CsSegmentMoments));
	MomentsArgs args = {.labels = labels, .weights = weights, .k = k, .d = d};
	double	   *sums,
			   *shared;

	result->k = k;
	result->counts = palloc0(sizeof(int64) * (k + 1));
	result->weights = palloc0(sizeof(double) * (k + 1));
	result->centers = palloc_extended(centers_size, MCXT_ALLOC_HUGE);
	result->distance = palloc0(sizeof(double) * (k + 1));
	result->squared = palloc0(sizeof(double) * (k + 1));
	result->mean = palloc0(sizeof(double) * Max(d, 1));

	args.matrix = CsMatrixShare(m, arena);
	args.centers = CsArenaAlloc(arena, add_size(centers_size, sizeof(double) * Max(d, 1)));
	args.lanes = LaneCount(k, d);
	args.sums = CsArenaAlloc(arena, mul_size(LaneSize(k, d), sizeof(double) * args.lanes));
	sums = RunPass(team, &args, false);
	FillMeans(result, sums, d);
	pfree(sums);

	shared = CsArenaAddress(arena, args.centers);
	memcpy(shared, result->centers, centers_size);
	memcpy(shared + (Size) (k + 1) * d, result->mean, sizeof(double) * d);
	sums = RunPass(team, &args, true);
	memcpy(result->distance, sums, sizeof(double) * (k + 1));
	memcpy(result->squared, sums + k + 1, sizeof(double) * (k + 1));
	result->total = sums[2 * (k + 1)];
	pfree(sums);

	CsArenaFree(arena, args.matrix);
	CsArenaFree(arena, args.centers);
	CsArenaFree(arena, args.sums);
	return result;
}

/* Fill sizes, centres, total and inertia of a fit from its k and its labels. */
void
CsMeasureSegments(const CsFitInput *in, CsFitOutput *out)
{
	CsSegmentMoments *moments = CsMomentsOfSegments(in->team, in->matrix, in->weights, out->labels,
													out->k);

	out->counts = moments->counts;
	out->centers = moments->centers;
	out->total = moments->total;
	out->inertia = 0;
	for (int c = 0; c < out->k; c++)
		out->inertia += moments->squared[c];
}

/* The squared distance between the centres of two segments, which have d columns. */
double
CsSegmentsApart(const CsSegmentMoments *s, int d, int a, int b)
{
	double		squared = 0;

	for (int j = 0; j < d; j++)
	{
		double		apart = s->centers[(Size) a * d + j] - s->centers[(Size) b * d + j];

		squared += apart * apart;
	}
	return squared;
}

/* Free the moments. */
void
CsSegmentMomentsFree(CsSegmentMoments *s)
{
	pfree(s->counts);
	pfree(s->weights);
	pfree(s->centers);
	pfree(s->distance);
	pfree(s->squared);
	pfree(s->mean);
	pfree(s);
}
