/*
 * gmm_plan.c
 *	  What is settled before a mixture is fitted: its options, the lanes that are summed up at a
 *	  time, and the memory all of it takes.
 */
#include "custseg.h"

#include "algo/gmm.h"

/* Bytes that all lanes together should not exceed, as long as there are some at a time. */
#define LANES_MEMORY ((Size) 16 * 1024 * 1024)
#define FEWEST_SLOTS 8

static const char *const types[] = {"full", "tied", "diag", "spherical", NULL};

const CsOption CsGmmOptions[GMM_NOPTIONS] = {
	CS_COMMON_OPTIONS(GmmOptions, common),
	{"covariance_type", CS_OPTION_CHOICE, offsetof(GmmOptions, type), GMM_FULL, 0, 0, types},
	{"n_init", CS_OPTION_INT, offsetof(GmmOptions, n_init), 1, 1, 1000},
	{"max_iter", CS_OPTION_INT, offsetof(GmmOptions, max_iter), 100, 1, 1000000},
	{"tol", CS_OPTION_REAL, offsetof(GmmOptions, tol), 1e-3, 0, 1e6},
	{"reg_covar", CS_OPTION_REAL, offsetof(GmmOptions, reg_covar), 1e-6, 0, 1e300},
	{"reg_covar_absolute", CS_OPTION_BOOL, offsetof(GmmOptions, reg_covar_absolute)},
	{"init", CS_OPTION_ARRAY, offsetof(GmmOptions, init)},
};

/* The k-means that gives a start. */
KmeansOptions
CsGmmStartOptions(const GmmOptions *o)
{
	KmeansOptions start = {{0}};

	CsOptionsParse(CsKmeansOptions, KMEANS_NOPTIONS, NULL, &start);
	start.n_init = 1;
	start.common.seed = o->common.seed;
	return start;
}

/* init is checked as k-means checks its own; covariances must stay readable, and fit into json. */
void
CsGmmCheck(const void *opaque, int k, int d)
{
	const GmmOptions *o = opaque;
	KmeansOptions start = {.init = o->init};
	Size		numbers = CsGmmCovariancesSize(o->type, k, d);

	CsKmeansCheck(&start, k, d);
	if (numbers > GMM_MAX_COVARIANCES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("covariances of %d components in %d columns are %zu numbers, the limit is %d",
						k, d, numbers, GMM_MAX_COVARIANCES),
				 errhint("Choose \"covariance_type\": \"diag\", or fewer columns by \"pca\" in prep.")));
}

/* Numbers of a lane: of a pass for k components, or of the pass over all rows. */
Size
CsGmmLaneSize(GmmType type, int k, int d)
{
	GmmType		all = type == GMM_TIED ? GMM_FULL : GMM_DIAG;

	return 1 + Max(mul_size(k, GmmComponentSums(type, d)), GmmComponentSums(all, d));
}

/* Lanes that are summed up at a time. */
int
CsGmmLaneSlots(Size lane_size)
{
	Size		fit = LANES_MEMORY / (lane_size * sizeof(double));

	return (int) Min(Max(fit, FEWEST_SLOTS), CS_LANES);
}

/* Bytes beside the matrix. */
Size
CsGmmMemory(int64 nrows, int d, int k, const void *opaque)
{
	const GmmOptions *o = opaque;
	KmeansOptions start = CsGmmStartOptions(o);
	Size		lane = CsGmmLaneSize(o->type, k, d);
	Size		labels = mul_size(sizeof(int32) * CS_BLOCK_ROWS, nrows / CS_BLOCK_ROWS + 1);
	Size		mixture = add_size(CsGmmCovariancesSize(o->type, k, d), mul_size(k, (Size) d + 1));
	Size		numbers = add_size(mul_size(lane, CsGmmLaneSlots(lane) + 1), mul_size(2, mixture));
	Size		members = mul_size(CsGmmPassMemory(k, d), 1 + CsTeamWorkersFor(nrows * d));

	numbers = add_size(numbers, CsGmmLayout(o->type, k, d).size);
	return add_size(add_size(CsKmeansMemory(nrows, d, k, &start), labels),
					add_size(add_size(mul_size(numbers, sizeof(double)), members),
							 CsMomentsMemory(k, d)));
}
