/*
 * hierarchical.c
 *	  Agglomerative hierarchical clustering: from single rows upwards the two nearest clusters are
 *	  merged, and the tree of merges is cut where k segments are left.
 *
 * How near two clusters are is the linkage: ward (by how much their merging raises the inertia),
 * complete (their farthest rows), average (the mean over all pairs), single (their nearest rows).
 * Distances, heights and the order of merges agree with scipy.cluster.hierarchy.linkage().
 *
 * A row's weight is how many rows it stands for: ward and average count it so, and complete and
 * single, which look at single pairs of rows, do not depend on it.
 *
 * Above max_rows rows the tree is that of micro-clusters, and rows are in the segment of theirs.
 * New rows are scored by the nearest centroid of a segment, which is not always the segment that
 * the tree put an equal row into.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hierarchical.h"
#include "miscadmin.h"
#include "progress.h"

const char *const CsLinkageNames[] = {"ward", "complete", "average", "single", NULL};

const CsOption CsHierarchicalOptions[HIERARCHICAL_NOPTIONS] = {
	CS_COMMON_OPTIONS(HierarchicalOptions, common),
	{"max_rows", CS_OPTION_INT, offsetof(HierarchicalOptions, max_rows), 20000, 2, 100000},
	{"micro_clusters", CS_OPTION_INT, offsetof(HierarchicalOptions, micro_clusters), 2000, 2,
	CS_MAX_SEGMENTS},
	{"linkage", CS_OPTION_CHOICE, offsetof(HierarchicalOptions, linkage), CS_LINKAGE_WARD, 0, 0,
	CsLinkageNames},
};

/*
 * Bytes beside the matrix.  Not the distances that complete and average need: the rows are counted
 * before it is known whether micro-clusters will stand for them, and CsLinkageMerges() looks after
 * these.
 */
static Size
HierarchicalMemory(int64 nrows, int ncolumns, int k, const void *opaque)
{
	const HierarchicalOptions *o = opaque;
	Size		labels = mul_size(sizeof(int32) * CS_BLOCK_ROWS, nrows / CS_BLOCK_ROWS + 1);
	bool		micro = nrows > o->max_rows;
	Size		tree = micro ? CsMicroClustersMemory(nrows, ncolumns, o->micro_clusters) :
		CsLinkageMemory(nrows, ncolumns);
	Size		measures = add_size(CsCopheneticMemory(micro ? o->micro_clusters : nrows, ncolumns),
									CsMomentsMemory(k, ncolumns));

	return add_size(labels, add_size(tree, measures));
}

/* The hierarchy of the input's rows, without a cut. */
CsTree *
CsTreeMake(const CsFitInput *in)
{
	const HierarchicalOptions *o = in->options;
	CsArena    *arena = CsTeamArena(in->team);
	CsTree	   *tree = palloc0(sizeof(CsTree));
	CsLeaves   *leaves = &tree->leaves;
	Size		before = CsArenaUsed(arena);
	Size		taken;

	leaves->n = (int) Min(in->matrix->nrows, o->max_rows);
	leaves->matrix = unconstify(CsMatrix *, in->matrix);
	leaves->weights = in->weights;
	if (in->matrix->nrows > o->max_rows)
	{
		CsMicroClusters(in, o->micro_clusters, leaves);
		tree->note = psprintf("hierarchy of %d micro-clusters of %lld rows", leaves->n,
							  (long long) in->matrix->nrows);
	}
	taken = CsArenaUsed(arena) - before;
	CsProgressPhase(CS_PHASE_ITERATING);
	tree->merges = CsLinkageMerges(in->team, leaves, o->linkage,
								   in->memory_left > taken ? in->memory_left - taken : 0);
	return tree;
}

/* Free the tree, with the labels of micro-clusters. */
static void
TreeFree(CsTree *tree, CsArena *arena)
{
	if (tree->leaves.micro)
	{
		CsMatrixFree(tree->leaves.matrix, arena);
		CsArenaFree(arena, tree->leaves.weights);
		CsArenaFree(arena, tree->leaves.labels);
		pfree(tree->leaves.rows);
	}
	pfree(tree->merges);
	pfree(tree);
}

/* More segments than micro-clusters cannot be had. */
static void
CheckSegments(const CsFitInput *in)
{
	const HierarchicalOptions *o = in->options;

	if (in->matrix->nrows <= o->max_rows || in->k <= o->micro_clusters)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"k\" is %d, but there are only %d micro-clusters", in->k, o->micro_clusters),
			 errdetail("Micro-clusters represent the rows, because there are more than %d rows.", o->max_rows),
			 errhint("Raise option \"micro_clusters\" or \"max_rows\".")));
}

/*
 * Cut the tree into k segments: an area of labels in *labels.  Returns how many segments there are.
 */
static int
CutTree(CsArena *arena, const CsTree *tree, const CsMatrix *m, int k, int *labels)
{
	const CsLeaves *leaves = &tree->leaves;
	int32	   *segment = palloc(sizeof(int32) * leaves->n);
	const int32 *leaf = leaves->micro ? CsArenaAddress(arena, leaves->labels) : NULL;
	int32	   *label;

	*labels = CsArenaAlloc(arena, mul_size(sizeof(int32) * CS_BLOCK_ROWS, CsMatrixBlocks(m)));
	label = CsArenaAddress(arena, *labels);
	k = CsLinkageCut(tree->merges, leaves->n, k, segment);
	for (int64 i = 0; i < m->nrows; i++)
	{
		CsCheckInterrupts(i);
		label[i] = segment[leaf != NULL ? leaf[i] : i];
	}
	pfree(segment);
	return k;
}

static void
AddMetric(CsFitOutput *out, const char *name, double value)
{
	out->metrics[out->nmetrics].name = name;
	out->metrics[out->nmetrics++].value = value;
}

/*
 * The heights on both sides of the cut: of the last merge that was made and of the first that was
 * not; and how well the tree keeps distances.
 */
static void
AddMetrics(CsArena *arena, const CsTree *tree, uint64 seed, CsFitOutput *out)
{
	int			made = tree->leaves.n - out->k;

	AddMetric(out, "cophenetic_correlation", CsCopheneticCorrelation(arena, tree, seed));
	AddMetric(out, "merge_height", made > 0 ? tree->merges[made - 1].height : 0);
	AddMetric(out, "next_merge_height", out->k > 1 ? tree->merges[made].height : NAN);
}

/* Merge the rows and cut the tree, as CsAlgorithm.fit. */
static void
HierarchicalFit(const CsFitInput *in, CsFitOutput *out)
{
	const HierarchicalOptions *o = in->options;
	CsArena    *arena = CsTeamArena(in->team);
	CsTree	   *tree;

	CheckSegments(in);
	memset(out, 0, sizeof(*out));
	tree = CsTreeMake(in);
	out->note = tree->note;
	out->k = CutTree(arena, tree, in->matrix, in->k, &out->labels);
	out->iterations = 1;
	out->converged = true;
	AddMetrics(arena, tree, (uint64) o->common.seed, out);
	CsFitKeepMerges(out, tree->merges, tree->leaves.n - 1);
	TreeFree(tree, arena);

	CsMeasureSegments(in, out);
}

const CsAlgorithm CsHierarchical = {
	.name = "hierarchical",
	.segments = "branches of a tree of merges",
	.memory_text = "about another matrix; with complete or average linkage the distances of all pairs of rows, 1.6 GB for 20,000",
	.keeps = "no rows",
	.time = "rows x rows x columns",
	.options = CsHierarchicalOptions,
	.noptions = HIERARCHICAL_NOPTIONS,
	.options_size = sizeof(HierarchicalOptions),
	.max_segments = CS_MAX_SEGMENTS,
	.memory = HierarchicalMemory,
	.fit = HierarchicalFit,
};
