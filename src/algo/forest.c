/*
 * forest.c
 *	  Random forests (Breiman 2001) of trees that are grown for the least variance (CART; Breiman,
 *	  Friedman, Olshen and Stone 1984), which for outcomes 0 and 1 is Gini's impurity.
 *
 * Values are float4, as trees see them when they predict.  Each column is sorted once for all trees.
 * A tree takes the rows of its bootstrap sample out of every column's order; from then on the rows of
 * a node are the same stretch in each order, a split divides the stretches, stably, and nothing is
 * sorted again.  A column without two values in a node has none below it either, and is left alone
 * there.  A tree is one item of the team's work; its random numbers are a stream of its own.
 *
 * Of equal splits the first column's wins, and in a column the lowest value's.  The threshold is the
 * middle of the two values around it.
 *
 * A tree has not seen the rows that its sample left out: the mean of what such trees say of a row is
 * what the forest would say of it, had the row not been there (out of bag).
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/algo.h"
#include "algo/value.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"

/* Trees that are grown between two collections of them. */
#define BATCH 16

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

/* A row of a column's order. */
typedef struct Entry
{
	float		value;
	uint32		row;
} Entry;

/* A row of a tree's sample. */
typedef struct Sampled
{
	double		sum;			/* its times of being drawn times its target, less the mean of all */
	double		times;
} Sampled;

/* What the tasks are given; areas by their numbers. */
typedef struct ForestArgs
{
	int			matrix,			/* the CsMatrix */
				target,			/* double[nrows] */
				order,			/* Entry[ncolumns][nrows] */
				nodes,			/* CsTreeNode[BATCH][room] */
				notes,			/* CsTreeNote[BATCH][room] */
				counts,			/* int32[BATCH]: nodes of each tree */
				bags,			/* uint8[BATCH][nrows]: was the row in the tree's sample? */
				left_out;		/* double[2][nrows]: sum and number of what trees said of a row unseen */
	int			task;			/* FOREST_SORT, FOREST_GROW, FOREST_ASK */
	int			first;			/* tree of the batch */
	int			ntrees;			/* in the batch */
	int			ncolumns;
	int			room;			/* nodes that a tree can have */
	int			max_depth;
	int			min_leaf;
	int			tried;			/* columns that are tried for a split */
	int64		nrows;
	uint64		seed;
	double		mean;			/* of the target */
	float		base;			/* what leaves are apart from */
} ForestArgs;

enum
{
	FOREST_SORT, FOREST_GROW, FOREST_ASK
};

/* A node that is still to be split. */
typedef struct Pending
{
	int			node;
	int			depth;
	int			nactive;		/* columns that may have two values there */
	int			start,			/* its rows: a stretch of every order */
				end;
} Pending;

/* The best split of a node. */
typedef struct ForestSplit
{
	double		proxy;			/* sum of squared sums over weights; -infinity: there is none */
	int			column;
	int			position;		/* first entry on the right */
	float		low,
				high;
} ForestSplit;

/* A tree that is growing. */
typedef struct Sapling
{
	const ForestArgs *a;
	CsRng		rng;
	int			nrows;			/* of the sample, each once */
	Sampled    *rows;
	double	   *inverse;		/* 1 / times, for as many times as there are draws */
	Entry	   *order;			/* [ncolumns][nrows] */
	Entry	   *scratch;
	uint8	   *goes_left;
	int		   *columns;		/* the first ones of them are active */
	CsTreeNode *nodes;
	CsTreeNote *notes;
	int			nnodes;
} Sapling;

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
	int64		leaves = Max(nrows / LeastLeaf(o, nrows), 1);

	if (o->max_depth < 30)
		leaves = Min(leaves, INT64CONST(1) << o->max_depth);
	return (int) Min(2 * leaves - 1, PG_INT32_MAX / 2);
}

/* Bytes that a process needs to grow a tree. */
static Size
SaplingMemory(int64 nrows, int ncolumns)
{
	return mul_size(nrows, add_size(mul_size(sizeof(Entry), (Size) ncolumns + 1),
									2 * sizeof(Sampled) + 2 * sizeof(double)));
}

/* See CsValueAlgorithm. */
static Size
ForestMemory(int64 nrows, int ncolumns, const void *options)
{
	int			members = 1 + CsTeamWorkersFor(nrows * ncolumns);
	Size		room = mul_size(sizeof(CsTreeNode) + sizeof(CsTreeNote), NodesRoom(options, nrows));
	Size		kept = mul_size(nrows, add_size(mul_size(sizeof(Entry), ncolumns), BATCH + 4 * sizeof(double)));
	Size		nodes = Min(mul_size(room, ((const ForestOptions *) options)->trees),
							(Size) CS_VALUE_MAX_NODES * (sizeof(CsTreeNode) + sizeof(CsTreeNote)));

	return add_size(add_size(kept, mul_size(room, BATCH)),
					add_size(mul_size(members, SaplingMemory(nrows, ncolumns)), mul_size(2, nodes)));
}

/* Sort the rows of a column. */
static void
SortColumn(const ForestArgs *a, CsArena *arena, int column)
{
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	Entry	   *order = (Entry *) CsArenaAddress(arena, a->order) + (Size) column * a->nrows;
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
		order[i] = (Entry) {(float) values[i], rows[i]};
	pfree(values);
	pfree(scratch);
	pfree(rows);
	pfree(row_scratch);
}

/* Draw a tree's sample; "place" is the place of each row in it, -1: it was not drawn. */
static void
DrawSample(Sapling *s, const double *target, uint8 *bag, int32 *place)
{
	int64		n = s->a->nrows;
	uint32	   *times = palloc_extended(sizeof(uint32) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		times[CsRngBelow(&s->rng, (uint64) n)]++;
	}
	for (int64 i = 0; i < n; i++)
	{
		bag[i] = times[i] > 0;
		place[i] = -1;
		if (times[i] == 0)
			continue;
		s->rows[s->nrows] = (Sampled) {times[i] * (target[i] - s->a->mean), times[i]};
		place[i] = s->nrows++;
	}
	pfree(times);
}

/* Take the rows of the sample out of every column's order. */
static void
TakeOrders(Sapling *s, const Entry *all, const int32 *place)
{
	for (int j = 0; j < s->a->ncolumns; j++)
	{
		const Entry *from = all + (Size) j * s->a->nrows;
		Entry	   *to = s->order + (Size) j * s->nrows;
		Entry	   *end = to + s->nrows;

		CHECK_FOR_INTERRUPTS();
		/* what is not in the sample is written over; beyond the last there is nothing to write to */
		for (int64 i = 0; to < end; i++)
		{
			int32		at = place[from[i].row];

			*to = (Entry) {from[i].value, (uint32) at};
			to += at >= 0;
		}
	}
}

/* Look for the best position of a column's stretch, whose values differ. */
static pg_attribute_always_inline void
SearchColumn(const Sapling *s, int column, const Pending *p, const Sampled *all, ForestSplit *best)
{
	const Entry *order = s->order + (Size) column * s->nrows;
	int			first = p->start + s->a->min_leaf,
				last = p->end - s->a->min_leaf;
	double		sum = 0,
				times = 0;

	for (int i = p->start; i < last; i++)
	{
		const Sampled *row = &s->rows[order[i].row];
		double		rest,
					proxy;

		sum += row->sum;
		times += row->times;
		if (i + 1 < first || !(order[i].value < order[i + 1].value))
			continue;
		rest = all->sum - sum;
		proxy = sum * sum * s->inverse[(int) times] + rest * rest * s->inverse[(int) (all->times - times)];
		if (proxy > best->proxy || (proxy == best->proxy && column < best->column))
			*best = (ForestSplit) {proxy, column, i + 1, order[i].value, order[i + 1].value};
	}
}

/*
 * The best split of a node by so many columns as are to be tried and have two values; the active ones
 * that have none leave.
 */
static ForestSplit
SearchNode(Sapling *s, Pending *p, const Sampled *all)
{
	ForestSplit best = {.proxy = -INFINITY,.column = s->a->ncolumns};
	int			tried = 0;

	for (int i = 0; i < p->nactive && tried < s->a->tried;)
	{
		int			at = s->a->tried < s->a->ncolumns ?
			i + (int) CsRngBelow(&s->rng, (uint64) (p->nactive - i)) : i;
		int			column = s->columns[at];
		const Entry *order = s->order + (Size) column * s->nrows;

		CHECK_FOR_INTERRUPTS();
		s->columns[at] = s->columns[i];
		if (!(order[p->start].value < order[p->end - 1].value))
		{
			s->columns[i] = s->columns[--p->nactive];
			s->columns[p->nactive] = column;
			continue;
		}
		s->columns[i++] = column;
		tried++;
		SearchColumn(s, column, p, all, &best);
	}
	return best;
}

/* Divide the rows of a node by a split, in the order of every active column. */
static void
Divide(Sapling *s, const Pending *p, const ForestSplit *split)
{
	const Entry *by = s->order + (Size) split->column * s->nrows;

	for (int i = p->start; i < p->end; i++)
		s->goes_left[by[i].row] = i < split->position;
	for (int c = 0; c < p->nactive; c++)
	{
		Entry	   *order = s->order + (Size) s->columns[c] * s->nrows;
		Entry	   *to = order + p->start;
		Entry	   *right = s->scratch;

		CHECK_FOR_INTERRUPTS();
		if (s->columns[c] == split->column)
			continue;
		for (int i = p->start; i < p->end; i++)
		{
			Entry		entry = order[i];
			int			left = s->goes_left[entry.row];

			*to = entry;
			*right = entry;
			to += left;
			right += 1 - left;
		}
		memcpy(to, s->scratch, sizeof(Entry) * (right - s->scratch));
	}
}

/* The rows of a node added up, by an active column's order; are all targets the same? */
static bool
AddUp(const Sapling *s, const Pending *p, Sampled *all)
{
	const Entry *order = s->order + (Size) s->columns[0] * s->nrows;
	double		low = INFINITY,
				high = -INFINITY;

	*all = (Sampled) {0, 0};
	for (int i = p->start; i < p->end; i++)
	{
		const Sampled *row = &s->rows[order[i].row];
		double		target = row->sum * s->inverse[(int) row->times];

		all->sum += row->sum;
		all->times += row->times;
		low = Min(low, target);
		high = Max(high, target);
	}
	/* rounding makes targets that are the same differ a little */
	return !(high - low > 1e-12 * Max(fabs(high), fabs(low)));
}

/* Make the node of a stretch a leaf, or split it; its children are then pending. */
static int
GrowNode(Sapling *s, Pending *p, Pending *children)
{
	CsTreeNode *node = &s->nodes[p->node];
	Sampled		all;
	bool		is_pure = AddUp(s, p, &all);
	ForestSplit split = {.proxy = -INFINITY};
	double		whole = all.sum * all.sum * s->inverse[(int) all.times];

	s->notes[p->node].cover = (float) all.times;
	if (!is_pure && p->depth < s->a->max_depth && p->end - p->start >= 2 * (int64) s->a->min_leaf)
		split = SearchNode(s, p, &all);
	if (!(split.proxy > -INFINITY))
	{
		*node = (CsTreeNode) {(float) (s->a->mean - s->a->base + all.sum * s->inverse[(int) all.times]), p->node, 0, 0, 0};
		return 0;
	}
	*node = (CsTreeNode) {split.low / 2 + split.high / 2, s->nnodes, (uint16) split.column, 1, 0};
	if (!(node->threshold > split.low && node->threshold <= split.high))
		node->threshold = split.high;
	s->nnodes += 2;
	s->notes[p->node].gain = (float) Min(Max(split.proxy - whole, 0), FLT_MAX);
	Divide(s, p, &split);
	children[0] = (Pending) {node->left + 1, p->depth + 1, p->nactive, split.position, p->end};
	children[1] = (Pending) {node->left, p->depth + 1, p->nactive, p->start, split.position};
	return 2;
}

/* Grow a tree of the batch. */
static void
GrowTree(const ForestArgs *a, CsArena *arena, int item)
{
	Sapling		s = {.a = a};
	Pending		pending[2 * CS_VALUE_MAX_DEPTH + 2];
	int			npending = 0;
	int32	   *place = palloc_extended(sizeof(int32) * a->nrows, MCXT_ALLOC_HUGE);

	CsRngSeed(&s.rng, a->seed, (uint64) (a->first + item) + 1);
	s.nodes = (CsTreeNode *) CsArenaAddress(arena, a->nodes) + (Size) item * a->room;
	s.notes = (CsTreeNote *) CsArenaAddress(arena, a->notes) + (Size) item * a->room;
	s.rows = palloc_extended(sizeof(Sampled) * a->nrows, MCXT_ALLOC_HUGE);
	s.inverse = palloc_extended(sizeof(double) * (a->nrows + 1), MCXT_ALLOC_HUGE);
	for (int64 i = 1; i <= a->nrows; i++)
		s.inverse[i] = 1.0 / (double) i;
	DrawSample(&s, CsArenaAddress(arena, a->target),
			   (uint8 *) CsArenaAddress(arena, a->bags) + (Size) item * a->nrows, place);
	s.order = palloc_extended(mul_size(sizeof(Entry) * s.nrows, a->ncolumns), MCXT_ALLOC_HUGE);
	/* one more, for what is written before it is known to go left */
	s.scratch = palloc_extended(sizeof(Entry) * (s.nrows + 1), MCXT_ALLOC_HUGE);
	s.goes_left = palloc_extended(s.nrows, MCXT_ALLOC_HUGE);
	s.columns = palloc(sizeof(int) * a->ncolumns);
	for (int j = 0; j < a->ncolumns; j++)
		s.columns[j] = j;
	TakeOrders(&s, CsArenaAddress(arena, a->order), place);
	pfree(place);
	memset(s.notes, 0, sizeof(CsTreeNote) * a->room);
	s.nnodes = 1;
	pending[npending++] = (Pending) {0, 0, a->ncolumns, 0, s.nrows};
	while (npending > 0)
	{
		Pending		p = pending[--npending];

		CHECK_FOR_INTERRUPTS();
		npending += GrowNode(&s, &p, &pending[npending]);
	}
	((int32 *) CsArenaAddress(arena, a->counts))[item] = s.nnodes;
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
		GrowTree(a, CsTeamArena(team), item);
	else
		AskLane(a, CsTeamArena(team), item);
}

/* The trees that were collected. */
typedef struct Collection
{
	int			nnodes;
	int			capacity;
	int32	   *roots;
	CsTreeNode *nodes;
	CsTreeNote *notes;
} Collection;

/* Add the trees of a batch. */
static void
CollectBatch(Collection *c, const ForestArgs *a, CsArena *arena)
{
	const CsTreeNode *nodes = CsArenaAddress(arena, a->nodes);
	const CsTreeNote *notes = CsArenaAddress(arena, a->notes);
	const int32 *counts = CsArenaAddress(arena, a->counts);

	for (int t = 0; t < a->ntrees; t++)
	{
		if (c->nnodes + counts[t] > CS_VALUE_MAX_NODES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the forest has more than %d nodes, which is too many to keep", CS_VALUE_MAX_NODES),
					 errhint("Raise \"min_samples_leaf\", or lower \"trees\" or \"max_depth\".")));
		if (c->nnodes + counts[t] > c->capacity)
		{
			c->capacity = Max(2 * c->capacity, c->nnodes + counts[t]);
			c->nodes = repalloc_huge(c->nodes, sizeof(CsTreeNode) * c->capacity);
			c->notes = repalloc_huge(c->notes, sizeof(CsTreeNote) * c->capacity);
		}
		CsTreeLevelOrder(nodes + (Size) t * a->room, notes + (Size) t * a->room, counts[t], c->nnodes,
						 c->nodes + c->nnodes, c->notes + c->nnodes);
		c->roots[a->first + t] = c->nnodes;
		c->nnodes += counts[t];
	}
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

/* Take the areas of a forest, and sort the columns. */
static ForestArgs
Start(const CsValueInput *in, const ForestOptions *o)
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
	a.order = CsArenaAlloc(arena, mul_size(sizeof(Entry) * d, n));
	a.nodes = CsArenaAlloc(arena, mul_size(sizeof(CsTreeNode) * BATCH, a.room));
	a.notes = CsArenaAlloc(arena, mul_size(sizeof(CsTreeNote) * BATCH, a.room));
	a.counts = CsArenaAlloc(arena, sizeof(int32) * BATCH);
	a.bags = CsArenaAlloc(arena, mul_size(BATCH, n));
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
	ForestArgs	a;
	Collection	c = {.capacity = 1024};
	CsValueShape shape = {CS_VALUE_MEAN, in->matrix->ncolumns, o->trees};

	memset(out, 0, sizeof(*out));
	CsValueCheckFloats(in);
	c.roots = palloc(sizeof(int32) * o->trees);
	c.nodes = palloc(sizeof(CsTreeNode) * c.capacity);
	c.notes = palloc(sizeof(CsTreeNote) * c.capacity);
	a = Start(in, o);
	for (a.first = 0; a.first < o->trees; a.first += BATCH)
	{
		a.ntrees = Min(BATCH, o->trees - a.first);
		a.task = FOREST_GROW;
		CsTeamRun(in->team, CS_TASK(CsForestTask), &a, sizeof(a), a.ntrees);
		a.task = FOREST_ASK;
		CsTeamRun(in->team, CS_TASK(CsForestTask), &a, sizeof(a), CS_LANES);
		CollectBatch(&c, &a, arena);
		CsProgressFit(1, 1, a.first + a.ntrees);
	}
	End(&a, arena);
	shape.nnodes = c.nnodes;
	out->model = CsValueModelCreate(&shape);
	memcpy(CsValueRoots(out->model), c.roots, sizeof(int32) * o->trees);
	memcpy(CsValueNodes(out->model), c.nodes, sizeof(CsTreeNode) * c.nnodes);
	memcpy(CsValueNotes(out->model), c.notes, sizeof(CsTreeNote) * c.nnodes);
	CsValueModelFinish(out->model);
	out->model->is_probability = in->is_probability;
	out->model->base = a.base;
	out->left_out = a.left_out;
	out->log_likelihood = NAN;
	out->iterations = o->trees;
	out->converged = true;
	pfree(c.roots);
	pfree(c.nodes);
	pfree(c.notes);
}

const CsValueAlgorithm CsForest = {
	.name = "forest",
	.prep = "{\"scale\": \"none\"}",
	.of_numbers = true,
	.of_probabilities = true,
	.options = forest_options,
	.noptions = lengthof(forest_options),
	.options_size = sizeof(ForestOptions),
	.memory = ForestMemory,
	.fit = ForestFit,
};
