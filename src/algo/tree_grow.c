/*
 * tree_grow.c
 *	  The splits of a decision tree: CART with Gini's impurity (Breiman, Friedman, Olshen and Stone,
 *	  Classification and Regression Trees, 1984).
 *
 * Each column's rows are sorted once.  From then on the rows of every open node are a stretch of
 * every column's order, the same stretch in each: a split parts the stretches, stably, and nothing
 * is sorted again.  The tree grows level by level, and a column is one item of a team's work, which
 * parts its order by the splits of the last level and looks for the best split of each open node
 * (tree_search.c).
 *
 * Trees can be grown from the same rows again and again, each without some of them: the rows are sorted
 * once, and what a tree leaves out is parted from the orders as the rows of a split are.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/tree_search.h"
#include "math/math.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "progress.h"

/* Nodes that there is room for at first. */
#define FIRST_NODES 64

/* Rows, and the tree that grows from them. */
struct CsTreeGrowth
{
	const CsFitInput *in;
	const TreeOptions *options;
	CsArena    *arena;
	TreeLevel	level;
	CsDecisionTree *tree;
	int			capacity;
	int32	   *node_of;		/* by row, of a tree that grows from all of them */
	bool		keeps_leaves;	/* does the tree at hand? */
	int		   *open;			/* nodes to search, palloc'd for each level */
	TreeStretch *stretches;		/* theirs */
	double	   *left_counts;	/* of the split at hand */
};

/* Bytes beside the matrix and the nodes that rows take from which a tree grows: orders, classes, nodes of rows, sides. */
Size
CsTreeKeptMemory(int64 nrows, int ncolumns)
{
	return mul_size(nrows, sizeof(uint32) * (Size) ncolumns + sizeof(uint16) + sizeof(int32) + 1);
}

/* Bytes of so many for each row of a column, in each process that is at one. */
static Size
ScratchMemory(int64 nrows, int ncolumns, Size of_row)
{
	int			members = 1 + CsTeamWorkersFor(nrows * ncolumns);

	return mul_size(mul_size(nrows, of_row), Min(members, ncolumns));
}

/* Bytes that sorting the rows takes beside, or taking them out of other orders. */
Size
CsTreeSortMemory(int64 nrows, int ncolumns)
{
	return ScratchMemory(nrows, ncolumns, 2 * (sizeof(double) + sizeof(uint32)));
}

/* Bytes that growing a tree takes beside. */
Size
CsTreeSearchMemory(int64 nrows, int ncolumns)
{
	return ScratchMemory(nrows, ncolumns, sizeof(uint32));
}

/* Room for two more nodes, held to what memory is left. */
static void
ReserveNodes(CsTreeGrowth *g)
{
	CsDecisionTree	   *tree = g->tree;
	Size		size = sizeof(CsDecisionNode) + sizeof(double) * tree->nclasses;
	int			capacity = g->capacity == 0 ? FIRST_NODES : 2 * g->capacity;

	if (tree->nnodes + 2 <= g->capacity)
		return;
	if (mul_size(size, capacity) > Max(g->in->memory_left, mul_size(size, FIRST_NODES)))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a tree of more than %d nodes does not fit into maintenance_work_mem",
						g->capacity),
				 errdetail("The tree distinguishes %d segments and has grown to a depth of %d.", tree->nclasses,
						   tree->nodes[tree->nnodes - 1].depth),
				 errhint("Lower \"max_depth\", or raise \"min_samples_leaf\".")));
	if (g->capacity == 0)
	{
		tree->nodes = palloc(sizeof(CsDecisionNode) * capacity);
		tree->counts = palloc_extended(sizeof(double) * tree->nclasses * capacity, MCXT_ALLOC_HUGE);
	}
	else
	{
		tree->nodes = repalloc_huge(tree->nodes, sizeof(CsDecisionNode) * capacity);
		tree->counts = repalloc_huge(tree->counts,
									 sizeof(double) * tree->nclasses * capacity);
	}
	g->capacity = capacity;
}

/* Add a node with these class counts; returns its number. */
static int
AddNode(CsTreeGrowth *g, int parent, int64 n, const double *counts)
{
	CsDecisionTree	   *tree = g->tree;
	CsDecisionNode *node = &tree->nodes[tree->nnodes];
	double		squares = 0;

	memset(node, 0, sizeof(*node));
	node->column = node->left = node->right = -1;
	node->parent = parent;
	node->depth = parent < 0 ? 0 : tree->nodes[parent].depth + 1;
	node->n = n;
	memcpy(tree->counts + (Size) tree->nnodes * tree->nclasses, counts,
		   sizeof(double) * tree->nclasses);
	for (int c = 0; c < tree->nclasses; c++)
	{
		node->weight += counts[c];
		squares += counts[c] * counts[c];
	}
	node->impurity = 1 - squares / (node->weight * node->weight);
	return tree->nnodes++;
}

/* May a node be split at all?  The limits are scikit-learn's. */
static bool
IsOpen(const CsTreeGrowth *g, const CsDecisionNode *node)
{
	const TreeOptions *o = g->options;

	return node->depth < o->max_depth && node->n >= o->min_samples_split &&
		node->n >= 2 * (int64) o->min_samples_leaf && node->impurity > DBL_EPSILON;
}

/* Is a bit of a row set? */
static inline bool
HasBit(const uint8 *bits, int64 row)
{
	return (bits[row >> 3] >> (row & 7)) & 1;
}

/* Plant the tree's root, of the rows whose bit is set in "kept" (NULL: all). */
static void
PlantRoot(CsTreeGrowth *g, const uint8 *kept)
{
	const uint16 *classes = CsArenaAddress(g->arena, g->level.classes);
	const double *weights = g->level.weights < 0 ? NULL : CsArenaAddress(g->arena, g->level.weights);
	double	   *counts = palloc0(sizeof(double) * g->in->k);
	int64		n = kept == NULL ? g->level.nrows : (int64) pg_popcount((const char *) kept, (int) (g->level.nrows / 8 + 1));

	if (kept == NULL)
		memset(g->node_of, 0, sizeof(int32) * g->level.nrows);
	if (weights == NULL && g->level.tells_class)
		CsTreeCountEntries(CsArenaAddress(g->arena, g->level.order), n, g->in->k, counts);
	else
		for (int64 i = 0; i < g->level.nrows; i++)
		{
			CsCheckInterrupts(i);
			if (kept == NULL || HasBit(kept, i))
				counts[classes[i]] += weights == NULL ? 1 : weights[i];
		}
	ReserveNodes(g);
	(void) AddNode(g, -1, n, counts);
	g->open = palloc(sizeof(int));
	g->stretches = palloc0(sizeof(TreeStretch));
	g->open[0] = 0;
	g->stretches[0].end = n;
	g->level.nopen = IsOpen(g, &g->tree->nodes[0]);
	pfree(counts);
}

/* An area of the arena with a copy of these bytes. */
static int
ShareBytes(CsTreeGrowth *g, const void *bytes, Size size)
{
	int			area = CsArenaAlloc(g->arena, Max(size, 1));

	if (size > 0)				/* else "bytes" may be NULL */
		memcpy(CsArenaAddress(g->arena, area), bytes, size);
	return area;
}

/* Have the team search the open nodes, and part the last level's on the way. */
static void
SearchLevel(CsTreeGrowth *g, const TreeStretch *parted, int nparted)
{
	TreeLevel  *level = &g->level;
	int			d = g->in->matrix->ncolumns;
	double	   *totals;

	level->totals = CsArenaAlloc(g->arena, mul_size(sizeof(double) * level->nclasses, level->nopen));
	totals = CsArenaAddress(g->arena, level->totals);
	for (int i = 0; i < level->nopen; i++)
	{
		g->stretches[i].totals = (int64) i * level->nclasses;
		memcpy(totals + g->stretches[i].totals,
			   g->tree->counts + (Size) g->open[i] * level->nclasses,
			   sizeof(double) * level->nclasses);
	}
	level->nparted = nparted;
	level->parted = ShareBytes(g, parted, sizeof(TreeStretch) * nparted);
	level->open = ShareBytes(g, g->stretches, sizeof(TreeStretch) * level->nopen);
	level->splits = CsArenaAlloc(g->arena, mul_size(sizeof(TreeSplit) * d, level->nopen));
	CsTeamRun(g->in->team, CS_TASK(CsTreeLevelTask), level, sizeof(*level), d);
	CsArenaFree(g->arena, level->totals);
	CsArenaFree(g->arena, level->parted);
	CsArenaFree(g->arena, level->open);
}

/* The best column for an open node, -1 for none; of equal ones the first. */
static int
BestColumn(const CsTreeGrowth *g, int i)
{
	const TreeSplit *splits = CsArenaAddress(g->arena, g->level.splits);
	int			best = -1;
	double		proxy = -INFINITY;

	for (int j = 0; j < g->in->matrix->ncolumns; j++)
	{
		double		other = splits[(Size) j * g->level.nopen + i].proxy;

		if (IsBetterSplit(other, proxy, g->level.weights >= 0))
		{
			proxy = other;
			best = j;
		}
	}
	return best;
}

/*
 * Write down which rows of a stretch go to a node, and add up their classes.  "parts": orders may be parted by it; then
 * nobody's side is written down yet.
 */
static void
SendRows(CsTreeGrowth *g, const uint32 *order, int64 start, int64 end, int node, bool parts, double *counts)
{
	const uint16 *classes = CsArenaAddress(g->arena, g->level.classes);
	const double *weights = g->level.weights < 0 ? NULL :
		CsArenaAddress(g->arena, g->level.weights);
	uint8	   *sides = CsArenaAddress(g->arena, g->level.sides);
	uint8		left = node % 2 == 1;	/* children are added in pairs, after the root */
	bool		is_counted = weights == NULL && g->level.tells_class;

	memset(counts, 0, sizeof(double) * g->tree->nclasses);
	if (is_counted)
		CsTreeCountEntries(order + start, end - start, g->tree->nclasses, counts);
	if (is_counted && !g->keeps_leaves && !(left && parts))
		return;
	for (int64 i = start; i < end; i++)
	{
		uint32		row = ROW(&g->level, order[i]);

		CsCheckInterrupts(i);
		if (g->keeps_leaves)
			g->node_of[row] = node;
		sides[row >> 3] |= (uint8) (left << (row & 7));
		if (!is_counted)
			counts[classes[row]] += weights == NULL ? 1 : weights[row];
	}
}

/* How much a split lessens the impurity of all rows. */
static double
Improvement(const CsDecisionTree *tree, const CsDecisionNode *node, const CsDecisionNode *left,
			const CsDecisionNode *right)
{
	return node->weight / tree->nodes[0].weight *
		(node->impurity - right->weight / node->weight * right->impurity -
		 left->weight / node->weight * left->impurity);
}

/*
 * Split an open node by its best column, unless there is none or too little is won; returns
 * whether it was.
 */
static bool
SplitNode(CsTreeGrowth *g, int i)
{
	CsDecisionTree	   *tree = g->tree;
	const TreeStretch *s = &g->stretches[i];
	int			number = g->open[i];
	int			column = BestColumn(g, i);
	const uint32 *order;
	const TreeSplit *split;
	CsDecisionNode *node;
	bool		parts = tree->nodes[number].depth + 1 < g->options->max_depth;

	if (column < 0)
		return false;
	split = (TreeSplit *) CsArenaAddress(g->arena, g->level.splits) + (Size) column * g->level.nopen + i;
	order = (uint32 *) CsArenaAddress(g->arena, g->level.order) + (Size) column * g->level.nrows;
	ReserveNodes(g);
	SendRows(g, order, s->start, split->position, tree->nnodes, parts, g->left_counts);
	(void) AddNode(g, number, split->position - s->start, g->left_counts);
	SendRows(g, order, split->position, s->end, tree->nnodes, parts, g->left_counts);
	(void) AddNode(g, number, s->end - split->position, g->left_counts);

	node = &tree->nodes[number];
	node->improvement = Improvement(tree, node, &tree->nodes[tree->nnodes - 2],
									&tree->nodes[tree->nnodes - 1]);
	if (node->improvement + TREE_ROUNDING < g->options->min_impurity_decrease)
	{
		/* who went on to the children is back in the node */
		tree->nnodes -= 2;
		SendRows(g, order, s->start, s->end, number, false, g->left_counts);
		return false;
	}
	node->left = tree->nnodes - 2;
	node->right = tree->nnodes - 1;
	node->column = column;
	node->threshold = split->low / 2 + split->high / 2;
	if (!(node->threshold < split->high))
		node->threshold = split->low;
	node->shown = CsRoundBetween(node->threshold, split->low, split->high);
	return true;
}

/* Split what can be split of a level, and open the next. */
static void
SplitLevel(CsTreeGrowth *g)
{
	int			n = g->level.nopen;
	int		   *open = palloc(sizeof(int) * 2 * n);
	TreeStretch *stretches = palloc(sizeof(TreeStretch) * 2 * n);
	TreeStretch *parted = palloc(sizeof(TreeStretch) * n);
	int			nopen = 0;
	int			nparted = 0;

	memset(CsArenaAddress(g->arena, g->level.sides), 0, g->level.nrows / 8 + 1);
	for (int i = 0; i < n; i++)
	{
		const CsDecisionNode *node;
		int64		middle;

		CHECK_FOR_INTERRUPTS();
		if (!SplitNode(g, i))
			continue;
		node = &g->tree->nodes[g->open[i]];
		middle = g->stretches[i].start + g->tree->nodes[node->left].n;
		for (int side = 0; side < 2; side++)
		{
			int			child = side == 0 ? node->left : node->right;

			if (!IsOpen(g, &g->tree->nodes[child]))
				continue;
			open[nopen] = child;
			stretches[nopen].start = side == 0 ? g->stretches[i].start : middle;
			stretches[nopen++].end = side == 0 ? middle : g->stretches[i].end;
		}
		/* nobody looks at the rows again when no child is open */
		if (nopen > 0 && open[nopen - 1] >= node->left)
			parted[nparted++] = g->stretches[i];
	}
	CsArenaFree(g->arena, g->level.splits);
	pfree(g->open);
	pfree(g->stretches);
	g->open = open;
	g->stretches = stretches;
	g->level.nopen = nopen;
	if (nopen > 0)
		SearchLevel(g, parted, nparted);
	pfree(parted);
}

/* An area of the classes of the rows of a level. */
static int
ShareClasses(const CsFitInput *in, CsArena *arena, const int64 *rows, int64 nrows)
{
	int			area = CsArenaAlloc(arena, sizeof(uint16) * nrows);
	uint16	   *classes = CsArenaAddress(arena, area);
	const int32 *target = CsArenaAddress(arena, in->target);

	for (int64 i = 0; i < nrows; i++)
	{
		CsCheckInterrupts(i);
		classes[i] = (uint16) target[rows == NULL ? i : rows[i]];
	}
	return area;
}

/* As many times as many rows are walked through to take some of them in their order, rather than to sort those. */
#define WALKED 8

/* Sort the rows in the order of each column, or take them out of the orders of all rows ("whole"; NULL: there are none). */
static void
OrderRows(CsTreeGrowth *g, const int64 *rows, const TreeLevel *whole)
{
	TreeLevel  *level = &g->level;
	int			d = g->in->matrix->ncolumns;
	uint32	   *places;

	if (whole == NULL || whole->nrows / WALKED > level->nrows || whole->row_mask != level->row_mask)
	{
		CsTeamRun(g->in->team, CS_TASK(CsTreeSortTask), level, sizeof(*level), d);
		return;
	}
	level->whole = whole->sorted;
	level->whole_rows = whole->nrows;
	level->places = CsArenaAlloc(g->arena, mul_size(sizeof(uint32), whole->nrows));
	places = CsArenaAddress(g->arena, level->places);
	memset(places, 0xFF, sizeof(uint32) * whole->nrows);
	for (int64 i = 0; i < level->nrows; i++)
		places[rows[i]] = (uint32) i;
	CsTeamRun(g->in->team, CS_TASK(CsTreeTakeTask), level, sizeof(*level), d);
	CsArenaFree(g->arena, level->places);
}

/*
 * Have rows ready for a tree to grow from, of the columns' orders first; palloc'd.  "rows" are their numbers in
 * the matrix, ascending, or NULL: all of it.  "whole", or NULL, has all rows ready, and no tree has grown from them.
 */
CsTreeGrowth *
CsTreeGrowthStart(const CsFitInput *in, const int64 *rows, int64 nrows, const CsTreeGrowth *whole)
{
	CsTreeGrowth *g = palloc0(sizeof(CsTreeGrowth));
	CsArena    *arena = CsTeamArena(in->team);
	TreeLevel  *level = &g->level;

	g->in = in;
	g->options = in->options;
	g->arena = arena;
	level->nrows = nrows;
	level->nclasses = in->k;
	level->min_leaf = g->options->min_samples_leaf;
	level->tells_class = in->k <= TREE_FEW_CLASSES && nrows <= TREE_FEW_ROWS;
	level->row_mask = level->tells_class ? (uint32) TREE_FEW_ROWS - 1 : ~LARGER;
	level->matrix = CsMatrixShare(in->matrix, arena);
	level->rows = rows == NULL ? -1 : ShareBytes(g, rows, sizeof(int64) * nrows);
	level->weights = rows == NULL ? in->weights : CsWeightsOfRows(arena, in->weights, rows, nrows);
	level->classes = ShareClasses(in, arena, rows, nrows);
	level->sorted = CsArenaAlloc(arena, mul_size(sizeof(uint32) * in->matrix->ncolumns, nrows));
	level->order = -1;
	level->sides = CsArenaAlloc(arena, nrows / 8 + 1 + TREE_SIDES_SPARE);
	g->node_of = palloc_extended(sizeof(int32) * nrows, MCXT_ALLOC_HUGE);
	g->left_counts = palloc(sizeof(double) * in->k);
	CsProgressPhase(CS_PHASE_SEEDING);
	OrderRows(g, rows, whole == NULL ? NULL : &whole->level);
	return g;
}

/* Have the orders begin with the rows whose bit is set in "kept", or with all of them where it is NULL. */
static void
KeepRows(CsTreeGrowth *g, const uint8 *kept)
{
	TreeLevel  *level = &g->level;
	int			d = g->in->matrix->ncolumns;
	uint8	   *sides = CsArenaAddress(g->arena, level->sides);

	if (kept == NULL)
	{
		level->order = level->sorted;
		memset(sides, 0, level->nrows / 8 + 1);
		return;
	}
	if (level->order < 0)
		level->order = CsArenaAlloc(g->arena, mul_size(sizeof(uint32) * d, level->nrows));
	memcpy(sides, kept, level->nrows / 8 + 1);
	CsTeamRun(g->in->team, CS_TASK(CsTreeKeepTask), level, sizeof(*level), d);
}

/*
 * Grow a tree, level by level, from the rows whose bit is set in "kept"; palloc'd.  Where "kept" is NULL it
 * grows from all rows, and takes their orders apart: it is the only tree that they have.
 */
CsDecisionTree *
CsTreeGrow(CsTreeGrowth *g, const uint8 *kept)
{
	int			depth = 0;

	g->tree = palloc0(sizeof(CsDecisionTree));
	g->tree->nclasses = g->in->k;
	g->capacity = 0;
	g->keeps_leaves = kept == NULL;
	KeepRows(g, kept);
	PlantRoot(g, kept);
	CsProgressPhase(CS_PHASE_ITERATING);
	if (g->level.nopen > 0)
		SearchLevel(g, NULL, 0);
	while (g->level.nopen > 0)
	{
		CsProgressFit(1, 1, ++depth);
		SplitLevel(g);
	}
	pfree(g->open);
	pfree(g->stretches);
	return g->tree;
}

/* The leaf of each row in the tree that grew from all of them; it lives as long as "g". */
const int32 *
CsTreeLeaves(const CsTreeGrowth *g)
{
	return g->node_of;
}

/* End of what CsTreeGrowthStart() began; the trees stay. */
void
CsTreeGrowthEnd(CsTreeGrowth *g)
{
	const TreeLevel *level = &g->level;

	if (level->order >= 0 && level->order != level->sorted)
		CsArenaFree(g->arena, level->order);
	CsArenaFree(g->arena, level->sorted);
	CsArenaFree(g->arena, level->classes);
	CsArenaFree(g->arena, level->sides);
	CsArenaFree(g->arena, level->matrix);
	if (level->rows >= 0)
		CsArenaFree(g->arena, level->rows);
	if (level->rows >= 0 && level->weights >= 0)
		CsArenaFree(g->arena, level->weights);
	pfree(g->node_of);
	pfree(g->left_counts);
	pfree(g);
}
