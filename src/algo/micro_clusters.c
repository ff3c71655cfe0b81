/*
 * micro_clusters.c
 *	  A few thousand small clusters that stand for too many rows.
 *
 * A tree over n rows takes n^2 time; but its upper part, which is cut into segments, hardly depends
 * on which of two close rows is merged first.  So the rows are put into many small clusters by
 * k-means, and the tree is made of their weighted centroids, as in the first phase of BIRCH (Zhang,
 * Ramakrishnan and Livny 1996).
 *
 * k-means++ over all rows would take longer than all that follows.  It runs on a sample, ten rows
 * a cluster; from its centres a few iterations go over all rows.  Small clusters need not be
 * optimal, only small.
 */
#include "custseg.h"

#include "algo/hierarchical.h"
#include "algo/kmeans.h"
#include "math/math.h"
#include "miscadmin.h"

/* Sampled rows a cluster, and iterations over the sample and over all rows. */
#define SAMPLE_PER_CLUSTER 10
#define SAMPLE_ITERATIONS 10
#define ITERATIONS 3

/* Options of k-means that were not given by anybody. */
static KmeansOptions
OptionsFor(uint64 seed, int iterations)
{
	KmeansOptions options = {
		.common = {.seed = (int64) seed},
		.n_init = 1,
		.max_iter = iterations,
		.method = KMEANS_AUTO
	};

	return options;
}

/* Bytes beside the matrix that micro-clusters of so many rows take. */
Size
CsMicroClustersMemory(int64 nrows, int ncolumns, int n)
{
	KmeansOptions options = OptionsFor(0, ITERATIONS);
	int64		sampled = Min(nrows, (int64) n * SAMPLE_PER_CLUSTER);
	Size		sample = mul_size(mul_size(sampled + CS_BLOCK_ROWS, sizeof(double)), ncolumns + 1);
	Size		fit = CsKmeans.memory(nrows, ncolumns, n, &options);

	return add_size(add_size(sample, Max(fit, CsMomentsMemory(n, ncolumns))),
					CsLinkageMemory(n, ncolumns));
}

/* A matrix of n rows, all zero. */
static CsMatrix *
CreateMatrix(CsArena *arena, int ncolumns, int64 n)
{
	CsMatrix   *m = CsMatrixCreate(ncolumns);

	while (m->nrows < n)
	{
		CHECK_FOR_INTERRUPTS();
		CsMatrixGrow(m, arena);
		m->nrows += Min(CS_BLOCK_ROWS, n - m->nrows);
	}
	return m;
}

/* Rows drawn from the input, with their weights: an input of their own. */
static CsFitInput
DrawSample(const CsFitInput *in, int64 n, uint64 seed)
{
	CsArena    *arena = CsTeamArena(in->team);
	int64	   *rows = palloc_extended(mul_size(sizeof(int64), n), MCXT_ALLOC_HUGE);
	CsFitInput	sample = *in;
	CsRng		rng;

	CsRngSeed(&rng, seed, UINT64CONST(0x311C20C1)); /* a stream apart from k-means' */
	CsRngSample(&rng, in->matrix->nrows, n, rows);
	sample.matrix = CsMatrixOfRows(arena, in->matrix, rows, n);
	sample.weights = CsWeightsOfRows(arena, in->weights, rows, n);
	pfree(rows);
	return sample;
}

/* Centres to start from, by k-means on a sample; as options for all rows. */
static KmeansOptions
StartFromSample(const CsFitInput *in, int n, uint64 seed)
{
	CsArena    *arena = CsTeamArena(in->team);
	CsFitInput	sample = DrawSample(in, (int64) n * SAMPLE_PER_CLUSTER, seed);
	KmeansOptions options = OptionsFor(seed, SAMPLE_ITERATIONS);
	CsFitOutput found;

	sample.k = n;
	sample.options = &options;
	CsKmeans.fit(&sample, &found);
	CsArenaFree(arena, found.labels);
	if (sample.weights >= 0)
		CsArenaFree(arena, sample.weights);
	CsMatrixFree(unconstify(CsMatrix *, sample.matrix), arena);

	options = OptionsFor(seed, ITERATIONS);
	options.init.rows = found.k;
	options.init.columns = in->matrix->ncolumns;
	options.init.values = found.centers;
	return options;
}

/* Centroids, weights and sizes of the n clusters that the rows were put into. */
static void
FillLeaves(const CsFitInput *in, int labels, int n, CsLeaves *leaves)
{
	CsArena    *arena = CsTeamArena(in->team);
	CsSegmentMoments *moments = CsMomentsOfSegments(in->team, in->matrix, in->weights, labels, n);
	int			d = in->matrix->ncolumns;

	leaves->n = n;
	leaves->micro = true;
	leaves->labels = labels;
	leaves->rows = moments->counts;
	leaves->matrix = CreateMatrix(arena, d, n);
	for (int i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		CsMatrixPutRow(leaves->matrix, arena, i, moments->centers + (Size) i * d);
	}
	leaves->weights = CsArenaAlloc(arena, sizeof(double) * n);
	memcpy(CsArenaAddress(arena, leaves->weights), moments->weights, sizeof(double) * n);
}

/* OUT leaves: at most n micro-clusters; fewer when there are fewer distinct rows. */
void
CsMicroClusters(const CsFitInput *in, int n, CsLeaves *leaves)
{
	uint64		seed = (uint64) ((const CsCommonOptions *) in->options)->seed;
	bool		few = in->matrix->nrows <= (int64) n * SAMPLE_PER_CLUSTER;
	KmeansOptions options = few ? OptionsFor(seed, SAMPLE_ITERATIONS) : StartFromSample(in, n, seed);
	CsFitInput	rows = *in;
	CsFitOutput found;

	rows.k = few ? n : options.init.rows;
	rows.options = &options;
	CsKmeans.fit(&rows, &found);
	FillLeaves(in, found.labels, found.k, leaves);
}
