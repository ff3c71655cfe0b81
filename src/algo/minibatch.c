/*
 * minibatch.c
 *	  Mini-batch k-means (Sculley 2010), for tables far past memory.
 *
 * The centres start from k-means on a sample of the rows.  Then the rows come in batches, in
 * their table's order.  A batch is assigned to the centres as they are; and each centre that got
 * rows moves towards their mean, by the share that they have in all the weight it has ever had:
 *
 *		v_c += w_c,  c += (mean_c - c) * w_c / v_c
 *
 * so that a centre is the running mean of the rows that came to it.  After some passes, when the
 * centres hardly move any more, one more pass assigns every row to the final centres.
 *
 * Rows in a table are often sorted, and then a batch is anything but a random one: with counts
 * that begin at 0 the centres run after the rows, and a pass can leave them far worse than the
 * sample did.  Therefore they begin with the weight of a whole pass: the sample's segments,
 * scaled up to all rows.  So no part of the table moves a centre more than half of the way, and
 * what a sorted table pulls to one side it pulls back before its end.  Centres given by option
 * "init" begin at 0, as with scikit-learn's MiniBatchKMeans.partial_fit, whose centres they then
 * are.
 *
 * A pass ends a fit by how far the centres moved in it, not by the inertia of batches as in
 * scikit-learn, which in a sorted table says where the scan is rather than how good the centres
 * are.
 *
 * A batch is summed up by the task of plain k-means, lane by lane, and so depends on neither the
 * number of workers nor the instruction set.  When all rows are in the sample there are no
 * batches, and the model is that of k-means.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/kmeans.h"
#include "algo/kmeans_exact.h"
#include "math/math.h"
#include "miscadmin.h"

/* A stream of random numbers apart from those of the starts. */
#define REASSIGNMENT_STREAM UINT64CONST(0x6D696E6962)

/* k-means on the sample stops by its own defaults. */
#define SAMPLE_MAX_ITER 300
#define SAMPLE_TOL 1e-4

typedef struct MinibatchOptions
{
	CsCommonOptions common;
	CsStreamOptions stream;
	int			n_init;
	int			max_iter;		/* passes */
	double		tol;
	double		reassignment_ratio;
	CsOptionArray init;			/* k x ncolumns, or empty */
} MinibatchOptions;

/* What is kept from batch to batch. */
typedef struct Minibatch
{
	const MinibatchOptions *options;
	CsFitInput	sample;
	int			sample_labels;	/* area of int32[nrows] of the sample */
	const CsMatrix *batch;
	int			labels;			/* area of int32[nrows] of the batch */
	KmeansFit	fit;			/* one start of plain k-means on the batch */
	CsRng		rng;
	double		tolerance;		/* absolute, on the sum of squared shifts of a pass */

	/* by centre; the centres themselves are in the fit's area */
	double	   *weight;			/* all that it has had */
	double	   *pass_weight;	/* of this pass */
	double	   *batch_weight;	/* of this batch */
	double	   *batch_sum;		/* k x ncolumns */
	double	   *before;			/* k x ncolumns: centres as the pass began */
	int			passes;
	bool		converged;

	/* of the last pass */
	double		inertia;
	KmeansMoments moments;
	int64	   *counts;
} Minibatch;

static const CsOption minibatch_options[] = {
	CS_COMMON_OPTIONS(MinibatchOptions, common),
	CS_STREAM_OPTIONS(MinibatchOptions, stream),
	{"n_init", CS_OPTION_INT, offsetof(MinibatchOptions, n_init), 10, 1, 1000},
	{"max_iter", CS_OPTION_INT, offsetof(MinibatchOptions, max_iter), 10, 1, 1000000},
	{"tol", CS_OPTION_REAL, offsetof(MinibatchOptions, tol), 1e-3, 0, 1e6},
	{"reassignment_ratio", CS_OPTION_REAL, offsetof(MinibatchOptions, reassignment_ratio), 0, 0, 1},
	{"init", CS_OPTION_ARRAY, offsetof(MinibatchOptions, init), 0, 0, 0},
};

/* The options of k-means on the sample. */
static KmeansOptions
SampleOptions(const MinibatchOptions *o)
{
	KmeansOptions result = {
		.common = o->common,
		.n_init = o->n_init,
		.max_iter = SAMPLE_MAX_ITER,
		.tol = SAMPLE_TOL,
		.method = KMEANS_AUTO,
		.init = o->init
	};

	return result;
}

/* Bytes beside the sample's matrix. */
static Size
MinibatchMemory(int64 nrows, int d, int k, const void *options)
{
	KmeansOptions o = SampleOptions(options);

	return CsKmeans.memory(nrows, d, k, &o);
}

/* As k-means checks its options. */
static void
MinibatchCheck(const void *options, int k, int d)
{
	KmeansOptions o = SampleOptions(options);

	CsKmeans.check(&o, k, d);
}

/* k-means on the rows at hand: all of them, or a sample. */
static void
MinibatchFit(const CsFitInput *in, CsFitOutput *out)
{
	KmeansOptions o = SampleOptions(in->options);
	CsFitInput	sample = *in;

	sample.options = &o;
	CsKmeans.fit(&sample, out);
}

/*
 * Lay out the area in which k-means works on a matrix of so many blocks: one start, no bounds.
 * Returns its size, and sets the offsets.
 */
static Size
LayOut(KmeansFit *fit, int64 nblocks)
{
	Size		total = 0;

	fit->capacity = fit->starts = 1;
	fit->active = 1;
	fit->method = KMEANS_LLOYD;
	fit->first = true;			/* no labels of an earlier batch */
	fit->lane_size = CsKmeansLaneSize(fit->k, fit->d);
	fit->centers_size = MAXALIGN(offsetof(KmeansCenters, value) +
								 sizeof(double) * fit->k * ((Size) fit->d + 1));
	fit->labels = KmeansTakePart(&total, mul_size(sizeof(KmeansLabel) * CS_BLOCK_ROWS, nblocks));
	fit->origin = KmeansTakePart(&total, mul_size(sizeof(double), fit->d));
	fit->matrix = KmeansTakePart(&total, sizeof(CsMatrix));
	fit->centers = KmeansTakePart(&total, fit->centers_size);
	fit->lanes = KmeansTakePart(&total, mul_size(fit->lane_size, CS_LANES));
	return total;
}

/* The centres. */
static double *
CentersOf(const Minibatch *mb)
{
	return ((KmeansCenters *) KmeansPart(CsTeamArena(mb->sample.team), &mb->fit,
										 mb->fit.centers))->value;
}

/* Bytes beside the matrices: while rows come, or while the sample is assigned at last. */
static Size
StreamMemory(int64 sample_rows, int64 batch_rows, int d, int k)
{
	KmeansFit	fit = {.k = k, .d = d};
	Size		batch = add_size(LayOut(&fit, batch_rows / CS_BLOCK_ROWS + 1),
								 mul_size(sizeof(int32), batch_rows));
	Size		sample = LayOut(&fit, sample_rows / CS_BLOCK_ROWS + 1);
	Size		tables = mul_size(sizeof(double) * 4 * k, (Size) d + 2);
	Size		reassigning = mul_size(sizeof(double), sample_rows);

	return add_size(add_size(batch, tables), Max(sample, reassigning));
}

/* Assign the rows of a matrix to the nearest centres, and sum them up by lane. */
static void
AssignRows(CsTeam *team, KmeansFit *fit, const CsMatrix *m, bool measure)
{
	fit->measure = measure ? 1 : 0;
	memcpy(KmeansPart(CsTeamArena(team), fit, fit->matrix), m, sizeof(CsMatrix));
	CsTeamRun(team, CS_TASK(CsKmeansAssignTask), fit, sizeof(*fit), CS_LANES);
}

/* One lane's sums of the batch. */
static const KmeansLane *
LaneOf(Minibatch *mb, int lane)
{
	return KmeansLaneOf(&mb->fit, KmeansPart(CsTeamArena(mb->sample.team), &mb->fit, mb->fit.lanes),
						lane, 0);
}

/*
 * The tolerance, and where and at what scale the kernel rounds rows to single precision, which has
 * no part in the result: about the mean of the sample, given the mean variance of its columns.
 */
static void
SetScale(Minibatch *mb, const CsFitOutput *fit, double variance)
{
	CsArena    *arena = CsTeamArena(mb->sample.team);
	int			d = mb->fit.d;
	double	   *origin = KmeansPart(arena, &mb->fit, mb->fit.origin);

	memset(origin, 0, sizeof(double) * d);
	for (int c = 0; c < fit->k; c++)
		for (int j = 0; j < d; j++)
			origin[j] += fit->centers[(Size) c * d + j] * fit->counts[c] / mb->sample.matrix->nrows;
	mb->fit.scale = 1;
	if (variance > 0 && isfinite(1 / sqrt(variance)))
		mb->fit.scale = 1 / sqrt(variance);
	mb->tolerance = mb->options->tol * variance;
}

/*
 * What the centres begin with: those of the sample's k-means, each with the weight that its segment
 * will have in a pass; or those given, with none.
 */
static void
StartCenters(Minibatch *mb, const CsFitOutput *fit, int64 nrows)
{
	CsArena    *arena = CsTeamArena(mb->sample.team);
	const MinibatchOptions *o = mb->options;
	const int32 *labels = CsArenaAddress(arena, fit->labels);
	const double *weights = mb->sample.weights < 0 ? NULL :
		CsArenaAddress(arena, mb->sample.weights);
	int64		sample_rows = mb->sample.matrix->nrows;
	double		total = 0;

	for (int64 i = 0; i < sample_rows; i++)
	{
		double		w = weights ? weights[i] : 1;

		CsCheckInterrupts(i);
		total += w;
		if (o->init.rows == 0)
			mb->weight[labels[i]] += w;
	}
	for (int c = 0; c < mb->fit.k; c++)
		mb->weight[c] *= (double) nrows / sample_rows;
	memcpy(CentersOf(mb), o->init.rows > 0 ? o->init.values : fit->centers,
		   sizeof(double) * mb->fit.k * mb->fit.d);
	SetScale(mb, fit, fit->total / total / mb->fit.d);
}

/* A pass begins. */
static void
StartPass(Minibatch *mb)
{
	memset(mb->pass_weight, 0, sizeof(double) * mb->fit.k);
	memcpy(mb->before, CentersOf(mb), sizeof(double) * mb->fit.k * mb->fit.d);
}

/* See CsStreaming. */
static void *
MinibatchStart(const CsFitInput *sample, const CsFitOutput *fit, const CsMatrix *batch, int weights,
			   int64 nrows)
{
	Minibatch  *mb = palloc0(sizeof(Minibatch));
	const MinibatchOptions *o = sample->options;
	int			k = o->init.rows > 0 ? o->init.rows : fit->k,
				d = batch->ncolumns;
	Size		kd = mul_size(sizeof(double) * k, d);

	mb->options = o;
	mb->sample = *sample;
	mb->sample_labels = fit->labels;
	mb->batch = batch;
	mb->labels = CsArenaAlloc(CsTeamArena(sample->team), mul_size(sizeof(int32), batch->nrows));
	mb->fit.k = k;
	mb->fit.d = d;
	mb->fit.weights = weights;
	mb->fit.area = CsArenaAlloc(CsTeamArena(sample->team),
								LayOut(&mb->fit, CsMatrixBlocks(batch)));
	mb->weight = palloc0(sizeof(double) * k);
	mb->pass_weight = palloc(sizeof(double) * k);
	mb->batch_weight = palloc(sizeof(double) * k);
	mb->batch_sum = palloc_extended(kd, MCXT_ALLOC_HUGE);
	mb->before = palloc_extended(kd, MCXT_ALLOC_HUGE);
	mb->counts = palloc0(sizeof(int64) * k);
	mb->moments.mean = palloc0(sizeof(double) * d);
	CsRngSeed(&mb->rng, (uint64) o->common.seed, REASSIGNMENT_STREAM);
	StartCenters(mb, fit, nrows);
	StartPass(mb);
	return mb;
}

/* Weight and sum of the batch's rows by centre, lanes added up in order. */
static void
SumBatch(Minibatch *mb)
{
	int			k = mb->fit.k;
	Size		kd = (Size) k * mb->fit.d;

	memset(mb->batch_weight, 0, sizeof(double) * k);
	memset(mb->batch_sum, 0, sizeof(double) * kd);
	for (int l = 0; l < CS_LANES; l++)
	{
		const KmeansLane *lane = LaneOf(mb, l);

		CHECK_FOR_INTERRUPTS();
		if (lane->changed == 0)
			continue;
		for (int c = 0; c < k; c++)
			mb->batch_weight[c] += lane->value[c];
		for (Size i = 0; i < kd; i++)
			mb->batch_sum[i] += lane->value[k + i];
	}
}

/* One batch: its rows to their centres, and then the centres towards their rows. */
static void
MinibatchLearn(void *state)
{
	Minibatch  *mb = state;
	int			d = mb->fit.d;
	double	   *centers = CentersOf(mb);

	AssignRows(mb->sample.team, &mb->fit, mb->batch, false);
	SumBatch(mb);
	for (int c = 0; c < mb->fit.k; c++)
	{
		double		w = mb->batch_weight[c];
		double		rate;

		if (!(w > 0))
			continue;
		mb->pass_weight[c] += w;
		mb->weight[c] += w;
		rate = w / mb->weight[c];
		for (int j = 0; j < d; j++)
			centers[(Size) c * d + j] += (mb->batch_sum[(Size) c * d + j] / w -
										  centers[(Size) c * d + j]) * rate;
	}
}

/*
 * Mark the centres that next to no row came to in this pass.  Returns how many; never all.
 */
static int
FindIdle(const Minibatch *mb, bool *idle)
{
	double		largest = 0;
	int			n = 0;

	for (int c = 0; c < mb->fit.k; c++)
		largest = Max(largest, mb->pass_weight[c]);
	for (int c = 0; c < mb->fit.k; c++)
	{
		idle[c] = mb->pass_weight[c] < largest &&
			(mb->pass_weight[c] == 0 ||
			 mb->pass_weight[c] < mb->options->reassignment_ratio * largest);
		n += idle[c];
	}
	return n;
}

/*
 * Lower the share that each row of the sample has in the inertia, weight times squared distance, to
 * what it is with these centres, too.  Returns the sum.
 */
static double
LowerShares(const Minibatch *mb, int n, const double *centers, double *share)
{
	CsArena    *arena = CsTeamArena(mb->sample.team);
	const CsMatrix *m = mb->sample.matrix;
	const double *weights = mb->sample.weights < 0 ? NULL :
		CsArenaAddress(arena, mb->sample.weights);
	double	   *scratch = palloc(sizeof(double) * n * CS_GROUP_ROWS);
	int32		label[CS_BLOCK_ROWS];
	double		nearest[CS_BLOCK_ROWS];
	double		total = 0;

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		int64		first = b * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		CsNearest(mb->fit.d, nrows, CsMatrixBlock(m, arena, b), CS_BLOCK_ROWS, n, centers, scratch,
				  label, nearest, NULL);
		for (int r = 0; r < nrows; r++)
		{
			double		now = weights ? weights[first + r] * nearest[r] : nearest[r];

			share[first + r] = Min(share[first + r], now);
			total += share[first + r];
		}
	}
	pfree(scratch);
	return total;
}

/*
 * Move the centres that are idle to rows of the sample, drawn as k-means++ draws them: by weight
 * times squared distance to the nearest centre.  As in scikit-learn each gets the least weight that
 * another one has, so that it neither stays where it is put nor runs after each batch.
 */
static void
MoveIdle(Minibatch *mb, const bool *idle)
{
	CsArena    *arena = CsTeamArena(mb->sample.team);
	const CsMatrix *m = mb->sample.matrix;
	int			d = mb->fit.d,
				nbusy = 0;
	double	   *centers = CentersOf(mb);
	double	   *busy = palloc_extended(sizeof(double) * mb->fit.k * d, MCXT_ALLOC_HUGE);
	double	   *share = palloc_extended(sizeof(double) * m->nrows, MCXT_ALLOC_HUGE);
	double		least = DBL_MAX,
				total;

	for (int c = 0; c < mb->fit.k; c++)
	{
		if (idle[c])
			continue;
		memcpy(busy + (Size) nbusy++ * d, centers + (Size) c * d, sizeof(double) * d);
		least = Min(least, mb->weight[c]);
	}
	for (int64 i = 0; i < m->nrows; i++)
		share[i] = DBL_MAX;
	total = LowerShares(mb, nbusy, busy, share);
	for (int c = 0; c < mb->fit.k && total > 0; c++)
	{
		int64		row;

		if (!idle[c])
			continue;
		row = CsPickByWeight(share, mb->sample.matrix->nrows, CsRngDouble(&mb->rng) * total);
		CsMatrixGetRow(m, arena, row, centers + (Size) c * d);
		mb->weight[c] = least;
		total = LowerShares(mb, 1, centers + (Size) c * d, share);
	}
	pfree(busy);
	pfree(share);
}

/* Sum of the centres' squared shifts since the pass began. */
static double
Shift(const Minibatch *mb)
{
	const double *centers = CentersOf(mb);
	double		shift = 0;

	for (Size i = 0; i < (Size) mb->fit.k * mb->fit.d; i++)
	{
		double		difference = centers[i] - mb->before[i];

		shift += difference * difference;
	}
	return shift;
}

/*
 * See CsStreaming.  The passes end when the centres hardly moved, and none is idle; a last pass
 * leaves idle ones where they are, because nothing would come after.
 */
static bool
MinibatchEndPass(void *state)
{
	Minibatch  *mb = state;
	bool	   *idle = palloc(sizeof(bool) * mb->fit.k);
	bool		any_idle = FindIdle(mb, idle) > 0;
	bool		again;

	mb->passes++;
	mb->converged = !any_idle && Shift(mb) <= mb->tolerance;
	again = !mb->converged && mb->passes < mb->options->max_iter;
	if (again && any_idle)
		MoveIdle(mb, idle);
	pfree(idle);
	StartPass(mb);
	return again;
}

/* Label the sample by the final centres. */
static void
LabelSample(Minibatch *mb)
{
	CsTeam	   *team = mb->sample.team;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = mb->sample.matrix;
	KmeansFit	whole = {.k = mb->fit.k, .d = mb->fit.d, .weights = -1, .scale = mb->fit.scale};
	KmeansCenters *centers;

	whole.area = CsArenaAlloc(arena, LayOut(&whole, CsMatrixBlocks(m)));
	centers = KmeansPart(arena, &whole, whole.centers);
	memcpy(centers->value, CentersOf(mb), sizeof(double) * whole.k * whole.d);
	memcpy(KmeansPart(arena, &whole, whole.origin), KmeansPart(arena, &mb->fit, mb->fit.origin),
		   sizeof(double) * whole.d);
	AssignRows(team, &whole, m, false);
	CsKmeansWidenLabels(m->nrows, KmeansPart(arena, &whole, whole.labels),
						CsArenaAddress(arena, mb->sample_labels));
	CsArenaFree(arena, whole.area);
}

/* See CsStreaming. */
static void
MinibatchSettle(void *state, CsFitOutput *out)
{
	Minibatch  *mb = state;
	Size		size = sizeof(double) * mb->fit.k * mb->fit.d;

	LabelSample(mb);
	out->k = mb->fit.k;
	out->labels = mb->sample_labels;
	out->centers = palloc_extended(size, MCXT_ALLOC_HUGE);
	memcpy(out->centers, CentersOf(mb), size);
	out->iterations = mb->passes;
	out->converged = mb->converged;
}

/* See CsStreaming. */
static int
MinibatchAssign(void *state)
{
	Minibatch  *mb = state;
	CsArena    *arena = CsTeamArena(mb->sample.team);
	int32	   *labels = CsArenaAddress(arena, mb->labels);

	AssignRows(mb->sample.team, &mb->fit, mb->batch, true);
	for (int l = 0; l < CS_LANES; l++)
		mb->inertia += LaneOf(mb, l)->inertia;
	CsKmeansWidenLabels(mb->batch->nrows, KmeansPart(arena, &mb->fit, mb->fit.labels), labels);
	for (int64 i = 0; i < mb->batch->nrows; i++)
		mb->counts[labels[i]]++;
	CsKmeansAddMoments(mb->sample.team, &mb->fit, &mb->moments);
	return mb->labels;
}

/* See CsStreaming. */
static void
MinibatchFinish(void *state, CsFitOutput *out)
{
	Minibatch  *mb = state;

	out->counts = mb->counts;
	out->inertia = mb->inertia;
	out->total = mb->moments.total;
	CsArenaFree(CsTeamArena(mb->sample.team), mb->fit.area);
	CsArenaFree(CsTeamArena(mb->sample.team), mb->labels);
	pfree(mb->batch_sum);
	pfree(mb->before);
	pfree(mb);
}

static const CsStreaming minibatch_streaming = {
	.options = offsetof(MinibatchOptions, stream),
	.memory = StreamMemory,
	.start = MinibatchStart,
	.learn = MinibatchLearn,
	.end_pass = MinibatchEndPass,
	.settle = MinibatchSettle,
	.assign = MinibatchAssign,
	.finish = MinibatchFinish,
};

/* See CsPasses: as many passes as it makes over all rows. */
static void *
StartPasses(const CsPassesInput *in)
{
	const MinibatchOptions *o = in->options;

	return CsExactKmeansStart(in, o->tol, o->max_iter, &o->init);
}

static const CsPasses minibatch_passes = {CS_EXACT_KMEANS(StartPasses)};

const CsAlgorithm CsMinibatch = {
	.name = "minibatch",
	.segments = "those of kmeans, for tables past memory",
	.memory_text = "a sample and a batch of the rows in place of the matrix, as many as maintenance_work_mem allows, but not fewer than 1,024; the table is read several times",
	.keeps = "no rows",
	.time = "rows x columns x k for each pass",
	.options = minibatch_options,
	.noptions = lengthof(minibatch_options),
	.options_size = sizeof(MinibatchOptions),
	.max_segments = CS_MAX_SEGMENTS,
	.memory = MinibatchMemory,
	.check = MinibatchCheck,
	.fit = MinibatchFit,
	.streaming = &minibatch_streaming,
	.passes = &minibatch_passes,
};
