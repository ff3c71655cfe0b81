/*
 * forest.c
 *	  Random forests (Breiman 2001).
 *
 * Values are float4, as trees see them when they predict.  Each column is sorted once for all trees
 * (forest_tree.c).  A tree is one item of the team's work.  As many grow between two collections of them
 * as memory has room for, which changes nothing in the forest.
 *
 * A tree has not seen the rows that its sample left out: the mean of what such trees say of a row is
 * what the forest would say of it, had the row not been there (out of bag).
 */
#include "custseg.h"

#include <math.h>

#include "algo/forest.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"

/* A standard deviation that is less of the mean is little. */
#define LITTLE 1e-3

/* Nodes of a forest, unless the user says how many rows a leaf has. */
#define USUAL_NODES 200000

typedef struct ForestOptions
{
	CsValueOptions common;
	int			trees;
	int			max_depth;
	int			min_samples_leaf;	/* 0: as many as keep the forest small enough */
	double		max_features;	/* a share, 0: by what is predicted */
} ForestOptions;

static const CsOption forest_options[] = {
	CS_VALUE_OPTIONS(ForestOptions, common),
	{"trees", CS_OPTION_INT, offsetof(ForestOptions, trees), 100, 1, CS_VALUE_MAX_TREES},
	{"max_depth", CS_OPTION_INT, offsetof(ForestOptions, max_depth), CS_VALUE_MAX_DEPTH, 1, CS_VALUE_MAX_DEPTH},
	{"min_samples_leaf", CS_OPTION_INT, offsetof(ForestOptions, min_samples_leaf), 0, 1, PG_INT32_MAX},
	{"max_features", CS_OPTION_REAL, offsetof(ForestOptions, max_features), 0, 1e-6, 1},
};

enum
{
	FOREST_SORT, FOREST_GROW, FOREST_ASK
};

/* Rows that a leaf has at least. */
static int
LeastLeaf(const ForestOptions *o, int64 nrows)
{
	double		usual = ceil((double) nrows * o->trees * 1.3 / USUAL_NODES);

	return o->min_samples_leaf > 0 ? o->min_samples_leaf : (int) Min(Max(usual, 1), PG_INT32_MAX);
}

/* Nodes that one tree can have. */
static int
NodesRoom(const ForestOptions *o, int64 nrows)
{
	int64		leaves = Max(CsForestSampleRows(nrows) / LeastLeaf(o, nrows), 1);

	if (o->max_depth < 30)
		leaves = Min(leaves, INT64CONST(1) << o->max_depth);
	return (int) Min(2 * leaves - 1, PG_INT32_MAX / 2);
}

/* See CsValueAlgorithm. */
static int64
ForestNodes(int64 nrows, const void *options)
{
	const ForestOptions *o = options;

	return Min((int64) NodesRoom(o, nrows) * o->trees, CS_VALUE_MAX_NODES);
}

/* Bytes that a row takes while its column is sorted. */
#define SORTED_SIZE (2 * (sizeof(double) + sizeof(uint32)))

/*
 * Bytes that a forest takes when so many trees grow between two collections, in a team of so many members.
 * The nodes are there twice at the end, when the orders are not.
 */
static Size
BatchMemory(const ForestOptions *o, int64 nrows, int ncolumns, int batch, int members)
{
	Size		room = mul_size(sizeof(CsTreeNode) + sizeof(CsTreeNote), NodesRoom(o, nrows));
	Size		nodes = mul_size(sizeof(CsTreeNode) + sizeof(CsTreeNote), ForestNodes(nrows, o));
	Size		orders = mul_size(nrows, mul_size(sizeof(ForestEntry), ncolumns));
	Size		sort = mul_size(mul_size(nrows, SORTED_SIZE), Min(members, ncolumns));
	Size		grow = add_size(mul_size(Min(members, batch), CsForestTreeMemory(nrows, ncolumns)), nodes);
	Size		kept = add_size(mul_size(nrows, 2 * sizeof(double)), nodes);

	orders = add_size(orders, mul_size(batch, add_size(nrows, room)));
	return Max(add_size(mul_size(nrows, 2 * sizeof(double)), add_size(orders, Max(sort, grow))), add_size(kept, nodes));
}

/* See CsValueAlgorithm: what the forest needs at least, growing one tree at a time. */
static Size
ForestMemory(int64 nrows, int ncolumns, const void *options)
{
	return BatchMemory(options, nrows, ncolumns, 1, 1 + CsTeamWorkersFor(nrows * ncolumns));
}

/* How many trees grow between two collections: as many as memory has room for. */
static int
BatchTrees(const CsValueInput *in)
{
	int			batch = FOREST_BATCH;

	while (batch > 1 && BatchMemory(in->options, in->matrix->nrows, in->matrix->ncolumns, batch,
									1 + CsTeamWorkers(in->team)) > in->memory_left)
		batch--;
	return batch;
}

/* Sort the rows of a column. */
static void
SortColumn(const ForestArgs *a, CsArena *arena, int column)
{
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	ForestEntry *order = (ForestEntry *) CsArenaAddress(arena, a->order) + (Size) column * a->nrows;
	double	   *values = palloc_extended(sizeof(double) * a->nrows, MCXT_ALLOC_HUGE);
	double	   *scratch = palloc_extended(sizeof(double) * a->nrows, MCXT_ALLOC_HUGE);
	uint32	   *rows = palloc_extended(sizeof(uint32) * a->nrows, MCXT_ALLOC_HUGE);
	uint32	   *row_scratch = palloc_extended(sizeof(uint32) * a->nrows, MCXT_ALLOC_HUGE);

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS;

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
		{
			values[b * CS_BLOCK_ROWS + r] = (float) x[r];
			rows[b * CS_BLOCK_ROWS + r] = (uint32) (b * CS_BLOCK_ROWS + r);
		}
	}
	CsSortRows(values, rows, a->nrows, scratch, row_scratch);
	for (int64 i = 0; i < a->nrows; i++)
		order[i] = (ForestEntry) {(float) values[i], rows[i]};
	pfree(values);
	pfree(scratch);
	pfree(rows);
	pfree(row_scratch);
}

/* Ask the trees of the batch about the rows of a lane that they have not seen. */
static void
AskLane(const ForestArgs *a, CsArena *arena, int item)
{
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	const CsTreeNode *nodes = CsArenaAddress(arena, a->nodes);
	const uint8 *bags = CsArenaAddress(arena, a->bags);
	double	   *sum = CsArenaAddress(arena, a->left_out);
	double	   *count = sum + a->nrows;

	for (int64 b = CsLaneStart(m, item); b < CsLaneStart(m, item + 1); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int t = 0; t < a->ntrees; t++)
			for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
			{
				const CsTreeNode *tree = nodes + (Size) t * a->room;
				int64		row = b * CS_BLOCK_ROWS + r;
				int			at = 0;

				if (bags[(Size) t * a->nrows + row])
					continue;
				while (tree[at].step != 0)
					at = tree[at].left + ((float) x[(Size) tree[at].column * CS_BLOCK_ROWS + r] < tree[at].threshold ? 0 : 1);
				sum[row] += tree[at].threshold;
				count[row]++;
			}
	}
}

/* CS_TASK(CsForestTask): a column, a tree or a lane. */
void
CsForestTask(CsTeam *team, const void *args, int item)
{
	const ForestArgs *a = args;

	if (a->task == FOREST_SORT)
		SortColumn(a, CsTeamArena(team), item);
	else if (a->task == FOREST_GROW)
		CsForestGrowTree(a, CsTeamArena(team), item);
	else
		AskLane(a, CsTeamArena(team), item);
}

/* A tree that was collected. */
typedef struct Grown
{
	int32		root;			/* its place in the model */
	int32		nnodes;
	CsTreeNode *nodes;
	CsTreeNote *notes;
} Grown;

/* Keep the trees of a batch, whose nodes follow so many of the model; returns how many there then are. */
static int
CollectBatch(Grown *trees, int nnodes, const ForestArgs *a, CsArena *arena)
{
	const CsTreeNode *nodes = CsArenaAddress(arena, a->nodes);
	const CsTreeNote *notes = CsArenaAddress(arena, a->notes);
	const int32 *counts = CsArenaAddress(arena, a->counts);

	for (int t = 0; t < a->ntrees; t++)
	{
		Grown	   *grown = &trees[a->first + t];

		if (nnodes + counts[t] > CS_VALUE_MAX_NODES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the forest has more than %d nodes, which is too many to keep", CS_VALUE_MAX_NODES),
					 errhint("Raise \"min_samples_leaf\", or lower \"trees\" or \"max_depth\".")));
		*grown = (Grown) {nnodes, counts[t], palloc_extended(sizeof(CsTreeNode) * counts[t], MCXT_ALLOC_HUGE),
		palloc_extended(sizeof(CsTreeNote) * counts[t], MCXT_ALLOC_HUGE)};
		CsTreeLevelOrder(nodes + (Size) t * a->room, notes + (Size) t * a->room, counts[t], nnodes,
						 grown->nodes, grown->notes);
		nnodes += counts[t];
	}
	return nnodes;
}

/* A model of the trees, which are let go. */
static CsValueModel *
Assemble(Grown *trees, const CsValueShape *shape)
{
	CsValueModel *m = CsValueModelCreate(shape);

	for (int t = 0; t < shape->ntrees; t++)
	{
		CsValueRoots(m)[t] = trees[t].root;
		memcpy(CsValueNodes(m) + trees[t].root, trees[t].nodes, sizeof(CsTreeNode) * trees[t].nnodes);
		memcpy(CsValueNotes(m) + trees[t].root, trees[t].notes, sizeof(CsTreeNote) * trees[t].nnodes);
		pfree(trees[t].nodes);
		pfree(trees[t].notes);
	}
	pfree(trees);
	CsValueModelFinish(m);
	return m;
}

/*
 * What leaves, which are float4, are apart from: 0, or the mean of targets that differ by little of it, such
 * as times, which float4 would not tell apart.
 */
static float
BaseOf(int64 n, const double *target, double mean)
{
	double		squares = 0;

	for (int64 i = 0; i < n; i++)
		squares += (target[i] - mean) * (target[i] - mean);
	return sqrt(squares / (double) n) < LITTLE * fabs(mean) ? (float) mean : 0;
}

/* Take the areas of a forest that grows so many trees at a time, and sort the columns. */
static ForestArgs
Start(const CsValueInput *in, const ForestOptions *o, int batch)
{
	CsArena    *arena = CsTeamArena(in->team);
	int64		n = in->matrix->nrows;
	int			d = in->matrix->ncolumns;
	const double *target = CsArenaAddress(arena, in->target);
	ForestArgs	a = {.target = in->target,.ncolumns = d,.nrows = n,.max_depth = o->max_depth,
	.seed = (uint64) o->common.common.seed,.task = FOREST_SORT};
	double		share = o->max_features > 0 ? o->max_features * d : in->is_probability ? sqrt(d) : d;
	double		sum = 0,
				rest = 0;

	for (int64 i = 0; i < n; i++)
		CsAddCompensated(&sum, &rest, target[i]);
	a.mean = (sum + rest) / (double) n;
	a.base = BaseOf(n, target, a.mean);
	a.min_leaf = LeastLeaf(o, n);
	a.room = NodesRoom(o, n);
	a.tried = Max((int) share, 1);
	a.matrix = CsMatrixShare(in->matrix, arena);
	a.order = CsArenaAlloc(arena, mul_size(sizeof(ForestEntry) * d, n));
	a.nodes = CsArenaAlloc(arena, mul_size(sizeof(CsTreeNode) * batch, a.room));
	a.notes = CsArenaAlloc(arena, mul_size(sizeof(CsTreeNote) * batch, a.room));
	a.counts = CsArenaAlloc(arena, sizeof(int32) * batch);
	a.bags = CsArenaAlloc(arena, mul_size(batch, n));
	a.left_out = CsArenaAlloc(arena, mul_size(2 * sizeof(double), n));
	memset(CsArenaAddress(arena, a.left_out), 0, mul_size(2 * sizeof(double), n));
	CsTeamRun(in->team, CS_TASK(CsForestTask), &a, sizeof(a), d);
	return a;
}

/* Give back all areas but what was said of rows unseen, which become means. */
static void
End(const ForestArgs *a, CsArena *arena)
{
	double	   *sum = CsArenaAddress(arena, a->left_out);

	for (int64 i = 0; i < a->nrows; i++)
		sum[i] = sum[a->nrows + i] > 0 ? a->base + sum[i] / sum[a->nrows + i] : NAN;
	CsArenaFree(arena, a->matrix);
	CsArenaFree(arena, a->order);
	CsArenaFree(arena, a->nodes);
	CsArenaFree(arena, a->notes);
	CsArenaFree(arena, a->counts);
	CsArenaFree(arena, a->bags);
}

/* Fit, as CsValueAlgorithm.fit. */
static void
ForestFit(const CsValueInput *in, CsValueFit *out)
{
	const ForestOptions *o = in->options;
	CsArena    *arena = CsTeamArena(in->team);
	Grown	   *trees = palloc(sizeof(Grown) * o->trees);
	int			batch = BatchTrees(in);
	ForestArgs	a;
	CsValueShape shape = {CS_VALUE_MEAN, in->matrix->ncolumns, o->trees};

	memset(out, 0, sizeof(*out));
	CsValueCheckFloats(in);
	a = Start(in, o, batch);
	for (a.first = 0; a.first < o->trees; a.first += batch)
	{
		a.ntrees = Min(batch, o->trees - a.first);
		a.task = FOREST_GROW;
		CsTeamRun(in->team, CS_TASK(CsForestTask), &a, sizeof(a), a.ntrees);
		a.task = FOREST_ASK;
		CsTeamRun(in->team, CS_TASK(CsForestTask), &a, sizeof(a), CS_LANES);
		shape.nnodes = CollectBatch(trees, shape.nnodes, &a, arena);
		CsProgressFit(1, 1, a.first + a.ntrees);
	}
	End(&a, arena);
	out->model = Assemble(trees, &shape);
	out->model->is_probability = in->is_probability;
	out->model->base = a.base;
	out->left_out = a.left_out;
	out->log_likelihood = NAN;
	out->iterations = o->trees;
	out->converged = true;
}

/* See CsValueAlgorithm. */
static int
ForestGrid(int64 nrows, const void *options, CsGridAxis *axes)
{
	double		larger = Min(4.0 * LeastLeaf(options, nrows), PG_INT32_MAX);

	axes[0] = (CsGridAxis) {"max_features", 3, {0, 0.34, 0.67}};
	axes[1] = (CsGridAxis) {"min_samples_leaf", 2, {0, larger}};
	axes[2] = (CsGridAxis) {"max_depth", 2, {CS_VALUE_MAX_DEPTH, 8}};
	return 3;
}

const CsValueAlgorithm CsForest = {
	.name = "forest",
	.prep = "{\"scale\": \"none\"}",
	.of_numbers = true,
	.of_probabilities = true,
	.is_of_trees = true,
	.leaves_out = true,
	.options = forest_options,
	.noptions = lengthof(forest_options),
	.options_size = sizeof(ForestOptions),
	.memory = ForestMemory,
	.nodes = ForestNodes,
	.fit = ForestFit,
	.grid = ForestGrid,
};
