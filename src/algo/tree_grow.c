/*
 * tree_grow.c
 *	  The splits of a decision tree: CART with Gini's impurity (Breiman, Friedman, Olshen and Stone,
 *	  Classification and Regression Trees, 1984).
 *
 * Each column's rows are sorted once.  From then on the rows of every open node are a stretch of
 * every column's order, the same stretch in each: a split parts the stretches, stably, and nothing
 * is sorted again.  The tree grows level by level, and a column is one item of a team's work, which
 * parts its order by the splits of the last level and looks for the best split of each open node.
 *
 * A position between two neighbouring rows whose values differ is a possible split; of all, the one
 * is taken with the largest sum of squared class counts over rows, left and right (which is the
 * least impurity).  Of equal ones the first column's wins, and in a column the lowest value's.  The
 * threshold is the middle of the two values; up to it, a row goes left.  These are the splits of
 * scikit-learn, which chooses between equal columns by chance.
 *
 * Without weights the sums of squares are whole numbers and summed as such: the tree does not depend on
 * the order of rows or the number of workers.  With weights they are rounded, and splits that differ by no
 * more than that are equal: weights times a constant, or rows in place of weights, give the same tree.
 *
 * Trees can be grown from the same rows again and again, each without some of them: the rows are sorted
 * once, and what a tree leaves out is parted from the orders as the rows of a split are.
 *
 * An order holds row numbers; the highest bit tells that the value is larger than that of the row
 * before it in its node, so that values are looked up for the best splits only.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/tree.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"

#define LARGER ((uint32) 1 << 31)
#define ROW(entry) ((entry) & ~LARGER)

/* Nodes that there is room for at first. */
#define FIRST_NODES 64

/* A node whose rows are parted, or searched for a split: its stretch of every order. */
typedef struct Stretch
{
	int64		start,
				end;
	int64		totals;			/* a node that is searched: where its class counts are */
} Stretch;

/* The best split of a node by one column. */
typedef struct Split
{
	double		proxy;			/* -infinity: there is none */
	int64		position;		/* first row on the right */
	double		low,			/* values around it */
				high;
} Split;

/* The arguments of the tasks; areas are given by their numbers. */
typedef struct Level
{
	int			matrix;
	int			rows;			/* int64[nrows]: their numbers in the matrix; -1: they are all its rows */
	int			sorted;			/* uint32[ncolumns][nrows]: the orders of all rows */
	int			order;			/* likewise: of those that the tree grows from first */
	int			classes;		/* uint16[nrows] */
	int			weights;		/* double[nrows], or -1 */
	int			sides;			/* a bit a row: it goes left */
	int			parted;			/* Stretch[nparted]: nodes of the last level that were split */
	int			open;			/* Stretch[nopen]: nodes to search */
	int			totals;			/* double[nopen][nclasses] */
	int			splits;			/* Split[ncolumns][nopen]: the result */
	int			nparted;
	int			nopen;
	int			nclasses;
	int64		nrows;
	int64		min_leaf;
} Level;

/* Rows, and the tree that grows from them. */
struct CsTreeGrowth
{
	const CsFitInput *in;
	const TreeOptions *options;
	CsArena    *arena;
	Level		level;
	CsDecisionTree	   *tree;
	int			capacity;
	int32	   *node_of;		/* by row */
	int		   *open;			/* nodes to search, palloc'd for each level */
	Stretch    *stretches;		/* theirs */
	double	   *left_counts;	/* of the split at hand */
};

/*
 * Bytes that growing one tree takes beside the matrix and the nodes: orders, classes, nodes of rows,
 * sides, and the scratch of a column for each process.
 */
Size
CsTreeGrowMemory(int64 nrows, int ncolumns)
{
	int			members = 1 + CsTeamWorkersFor(nrows * ncolumns);
	Size		kept = mul_size(nrows, sizeof(uint32) * (Size) ncolumns + sizeof(uint16) +
								sizeof(int32) + 1);
	Size		scratch = mul_size(nrows, 2 * (sizeof(double) + sizeof(uint32)));

	return add_size(kept, mul_size(scratch, Min(members, ncolumns)));
}

/* The values of a column. */
static void
GatherColumn(const Level *level, CsArena *arena, int column, double *values)
{
	const CsMatrix *m = CsArenaAddress(arena, level->matrix);
	const int64 *rows = level->rows < 0 ? NULL : CsArenaAddress(arena, level->rows);
	int64		at = 0;

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *from = CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS;
		int64		first = b * CS_BLOCK_ROWS;

		CHECK_FOR_INTERRUPTS();
		if (rows == NULL)
			memcpy(values + first, from, sizeof(double) * CsMatrixBlockRows(m, b));
		for (; rows != NULL && at < level->nrows && rows[at] < first + CS_BLOCK_ROWS; at++)
			values[at] = from[rows[at] - first];
	}
}

/* CS_TASK(CsTreeSortTask): sort the rows of a column. */
void
CsTreeSortTask(CsTeam *team, const void *args, int item)
{
	const Level *level = args;
	CsArena    *arena = CsTeamArena(team);
	int64		n = level->nrows;
	uint32	   *order = (uint32 *) CsArenaAddress(arena, level->sorted) + (Size) item * n;
	double	   *values = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	double	   *scratch = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	uint32	   *row_scratch = palloc_extended(sizeof(uint32) * n, MCXT_ALLOC_HUGE);

	GatherColumn(level, arena, item, values);
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		order[i] = (uint32) i;
	}
	CsSortRows(values, order, n, scratch, row_scratch);
	for (int64 i = 1; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (values[i] > values[i - 1])
			order[i] |= LARGER;
	}
	pfree(values);
	pfree(scratch);
	pfree(row_scratch);
}

/* Part the rows of a node: those that go left first, both in their order. */
static void
PartStretch(uint32 *order, const Stretch *s, const uint8 *sides, uint32 *scratch)
{
	uint32	   *to = order + s->start;
	uint32	   *right = scratch;
	uint32		larger_left = 0,
				larger_right = 0;

	for (int64 i = s->start; i < s->end; i++)
	{
		uint32		entry = order[i];
		uint32		row = ROW(entry);
		uint32		goes_left = (sides[row >> 3] >> (row & 7)) & 1;

		CsCheckInterrupts(i);
		/* a value is larger than that before it when any step between the two was one up */
		larger_left |= entry & LARGER;
		larger_right |= entry & LARGER;
		*to = row | larger_left;
		*right = row | larger_right;
		larger_left &= goes_left - 1;
		larger_right &= -goes_left;
		to += goes_left;
		right += 1 - goes_left;
	}
	memcpy(to, scratch, sizeof(uint32) * (right - scratch));
}

/* CS_TASK(CsTreeKeepTask): of the order of a column, put those rows first that the tree grows from. */
void
CsTreeKeepTask(CsTeam *team, const void *args, int item)
{
	const Level *level = args;
	CsArena    *arena = CsTeamArena(team);
	Size		start = (Size) item * level->nrows;
	uint32	   *order = (uint32 *) CsArenaAddress(arena, level->order) + start;
	uint32	   *scratch = palloc_extended(sizeof(uint32) * (level->nrows + 1), MCXT_ALLOC_HUGE);
	Stretch		all = {.end = level->nrows};

	memcpy(order, (uint32 *) CsArenaAddress(arena, level->sorted) + start, sizeof(uint32) * level->nrows);
	PartStretch(order, &all, CsArenaAddress(arena, level->sides), scratch);
	pfree(scratch);
}

/* Counts left of a position while it moves, and the sums of squares on both sides. */
typedef struct Sums
{
	double	   *left;			/* by class */
	const double *total;
	double		left_weight,
				right_weight,
				left_squares,
				right_squares;
} Sums;

/* Is a split better than the best one so far?  -infinity is the worst; the others are above 0. */
static inline bool
IsBetter(double proxy, double best, bool weighted)
{
	return proxy > (weighted ? best + TREE_ROUNDING * best : best);
}

/* Let a row go from the right to the left. */
static pg_attribute_always_inline void
MoveLeft(Sums *sums, int c, double weight)
{
	double		left = sums->left[c];
	double		right = sums->total[c] - left;

	sums->left_squares += weight * (2 * left + weight);
	sums->right_squares -= weight * (2 * right - weight);
	sums->left_weight += weight;
	sums->right_weight -= weight;
	sums->left[c] = left + weight;
}

/* Class counts of a stretch. */
static const double *
TotalsOf(const Level *level, CsArena *arena, const Stretch *s)
{
	return (const double *) CsArenaAddress(arena, level->totals) + s->totals;
}

/* Look for the best position of a stretch whose rows have weights. */
static void
SearchWeighted(const Level *level, CsArena *arena, const uint32 *order, const Stretch *s, Split *best)
{
	const uint16 *classes = CsArenaAddress(arena, level->classes);
	const double *weights = CsArenaAddress(arena, level->weights);
	int64		first = Min(s->start + level->min_leaf, s->end);
	Sums		sums = {.total = TotalsOf(level, arena, s)};

	sums.left = palloc0(sizeof(double) * level->nclasses);
	for (int c = 0; c < level->nclasses; c++)
	{
		sums.right_weight += sums.total[c];
		sums.right_squares += sums.total[c] * sums.total[c];
	}
	for (int64 i = s->start; i < s->end; i++)
	{
		uint32		row = ROW(order[i]);

		CsCheckInterrupts(i);
		if ((order[i] & LARGER) && i >= first && i <= s->end - level->min_leaf)
		{
			double		proxy = sums.left_squares / sums.left_weight +
				sums.right_squares / sums.right_weight;

			if (IsBetter(proxy, best->proxy, true))
			{
				best->proxy = proxy;
				best->position = i;
			}
		}
		MoveLeft(&sums, classes[row], weights[row]);
	}
	pfree(sums.left);
}

/* Positions whose sums are found one after the other, and then divided all at once. */
#define WINDOW 256

/* Positions side by side, of rows that weigh 1 each: sums of squares, and which of them can be a split. */
typedef struct Window
{
	double		left[WINDOW],
				right[WINDOW],
				proxy[WINDOW];
	int64		larger[WINDOW];	/* not 0: the value is larger than that before */
} Window;

/*
 * The largest proxy of the first n positions of a window, which it fills in: so many rows are left and right
 * of the first.  Positions that are no split have -infinity.
 */
CS_CLONES static double
DivideWindow(Window *w, int n, double nleft, double nright)
{
	double		best[8];
	double		largest = -INFINITY;

	for (int i = 0; i < n; i++)
	{
		double		proxy = w->left[i] / (nleft + i) + w->right[i] / (nright - i);

		w->proxy[i] = w->larger[i] != 0 ? proxy : -INFINITY;
	}
	for (int i = n; i % 8 != 0; i++)
		w->proxy[i] = -INFINITY;
	for (int j = 0; j < 8; j++)
		best[j] = -INFINITY;
	for (int i = 0; i < n; i += 8)
		for (int j = 0; j < 8; j++)
			best[j] = w->proxy[i + j] > best[j] ? w->proxy[i + j] : best[j];
	for (int j = 0; j < 8; j++)
		largest = Max(largest, best[j]);
	return largest;
}

/* Part of a proxy that is more than what rounding does to it. */
#define PROXY_MARGIN 1e-12

/*
 * May any of the first n positions of a window have a larger proxy than "best"?  The answer takes no division, and
 * is yes where rounding leaves it open.
 */
CS_CLONES static bool
MayBeBetter(const Window *w, int n, double nleft, double nright, double best)
{
	double		least = best - PROXY_MARGIN * best;
	int64		any = 0;

	for (int i = 0; i < n; i++)
	{
		double		l = nleft + i;
		double		r = nright - i;

		any |= w->left[i] * r + w->right[i] * l > least * (l * r) ? w->larger[i] : 0;
	}
	return any != 0;
}

/* Class counts left of a position while it moves, of fewer than 2^31 rows, and sums of squares on both sides. */
typedef struct Counts
{
	int64	   *left;			/* by class */
	int64	   *all;			/* on both sides */
	int64		left_squares,
				right_squares;
} Counts;

/* Fill a window from n places of an order, and let their rows go to the left. */
static void
FillWindow(Window *w, const uint32 *order, int n, const uint16 *classes, Counts *counts)
{
	int64		left_squares = counts->left_squares;
	int64		right_squares = counts->right_squares;

	for (int i = 0; i < n; i++)
	{
		int			c = classes[ROW(order[i])];
		int64		gained = 2 * counts->left[c]++ + 1;

		w->left[i] = (double) left_squares;
		w->right[i] = (double) right_squares;
		w->larger[i] = order[i] >> 31;
		left_squares += gained;
		right_squares += gained - 2 * counts->all[c];
	}
	counts->left_squares = left_squares;
	counts->right_squares = right_squares;
}

/* Look for the best position of a stretch whose rows weigh 1 each. */
static void
SearchCounted(const Level *level, CsArena *arena, const uint32 *order, const Stretch *s, Split *best)
{
	const uint16 *classes = CsArenaAddress(arena, level->classes);
	const double *total = TotalsOf(level, arena, s);
	int64		first = Min(s->start + level->min_leaf, s->end);
	Counts		counts = {0};
	Window		w;

	counts.left = palloc0(sizeof(int64) * level->nclasses);
	counts.all = palloc(sizeof(int64) * level->nclasses);
	for (int c = 0; c < level->nclasses; c++)
	{
		counts.all[c] = (int64) total[c];
		counts.right_squares += counts.all[c] * counts.all[c];
	}
	for (int64 from = s->start; from < s->end; from += WINDOW)
	{
		int			n = (int) Min((int64) WINDOW, s->end - from);
		double		nleft = (double) (from - s->start);
		double		nright = (double) (s->end - from);
		double		largest;

		CHECK_FOR_INTERRUPTS();
		FillWindow(&w, order + from, n, classes, &counts);
		for (int i = 0; i < n && from + i < first; i++)
			w.larger[i] = 0;
		for (int i = n - 1; i >= 0 && from + i > s->end - level->min_leaf; i--)
			w.larger[i] = 0;
		if (best->proxy > 0 && !MayBeBetter(&w, n, nleft, nright, best->proxy))
			continue;
		largest = DivideWindow(&w, n, nleft, nright);
		if (!IsBetter(largest, best->proxy, false))
			continue;
		best->proxy = largest;
		for (best->position = from; w.proxy[best->position - from] != largest; best->position++)
			;
	}
	pfree(counts.left);
	pfree(counts.all);
}

/* The value of a row in a column. */
static double
ValueOf(const Level *level, CsArena *arena, int column, uint32 row)
{
	const CsMatrix *m = CsArenaAddress(arena, level->matrix);
	const int64 *rows = level->rows < 0 ? NULL : CsArenaAddress(arena, level->rows);

	return CsMatrixRow(m, arena, rows == NULL ? row : rows[row])[(Size) column * CS_BLOCK_ROWS];
}

/* The best split of an open node by a column. */
static Split
SearchNode(const Level *level, CsArena *arena, int column, const Stretch *s)
{
	const uint32 *order = (uint32 *) CsArenaAddress(arena, level->order) +
		(Size) column * level->nrows;
	Split		best = {.proxy = -INFINITY};

	if (level->weights >= 0)
		SearchWeighted(level, arena, order, s, &best);
	else
		SearchCounted(level, arena, order, s, &best);
	if (best.proxy > -INFINITY)
	{
		best.low = ValueOf(level, arena, column, ROW(order[best.position - 1]));
		best.high = ValueOf(level, arena, column, ROW(order[best.position]));
	}
	return best;
}

/*
 * CS_TASK(CsTreeLevelTask): divide the order of a column by the last level's splits, and search the
 * open nodes.
 */
void
CsTreeLevelTask(CsTeam *team, const void *args, int item)
{
	const Level *level = args;
	CsArena    *arena = CsTeamArena(team);
	uint32	   *order = (uint32 *) CsArenaAddress(arena, level->order) + (Size) item * level->nrows;
	const Stretch *parted = CsArenaAddress(arena, level->parted);
	const Stretch *open = CsArenaAddress(arena, level->open);
	const uint8 *sides = CsArenaAddress(arena, level->sides);
	Split	   *splits = (Split *) CsArenaAddress(arena, level->splits) + (Size) item * level->nopen;
	int64		longest = 0;
	uint32	   *scratch;

	for (int i = 0; i < level->nparted; i++)
		longest = Max(longest, parted[i].end - parted[i].start);
	/* one more, for what is written before it is known to go left */
	scratch = palloc_extended(sizeof(uint32) * (longest + 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < level->nparted; i++)
		PartStretch(order, &parted[i], sides, scratch);
	pfree(scratch);
	for (int i = 0; i < level->nopen; i++)
	{
		CHECK_FOR_INTERRUPTS();
		splits[i] = SearchNode(level, arena, item, &open[i]);
	}
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
	int64		n = 0;

	for (int64 i = 0; i < g->level.nrows; i++)
	{
		CsCheckInterrupts(i);
		if (kept != NULL && !HasBit(kept, i))
			continue;
		n++;
		g->node_of[i] = 0;
		counts[classes[i]] += weights == NULL ? 1 : weights[i];
	}
	ReserveNodes(g);
	(void) AddNode(g, -1, n, counts);
	g->open = palloc(sizeof(int));
	g->stretches = palloc0(sizeof(Stretch));
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
SearchLevel(CsTreeGrowth *g, const Stretch *parted, int nparted)
{
	Level	   *level = &g->level;
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
	level->parted = ShareBytes(g, parted, sizeof(Stretch) * nparted);
	level->open = ShareBytes(g, g->stretches, sizeof(Stretch) * level->nopen);
	level->splits = CsArenaAlloc(g->arena, mul_size(sizeof(Split) * d, level->nopen));
	CsTeamRun(g->in->team, CS_TASK(CsTreeLevelTask), level, sizeof(*level), d);
	CsArenaFree(g->arena, level->totals);
	CsArenaFree(g->arena, level->parted);
	CsArenaFree(g->arena, level->open);
}

/* The best column for an open node, -1 for none; of equal ones the first. */
static int
BestColumn(const CsTreeGrowth *g, int i)
{
	const Split *splits = CsArenaAddress(g->arena, g->level.splits);
	int			best = -1;
	double		proxy = -INFINITY;

	for (int j = 0; j < g->in->matrix->ncolumns; j++)
	{
		double		other = splits[(Size) j * g->level.nopen + i].proxy;

		if (IsBetter(other, proxy, g->level.weights >= 0))
		{
			proxy = other;
			best = j;
		}
	}
	return best;
}

/* Write down which rows of a stretch go to a node; adds up their classes. */
static void
SendRows(CsTreeGrowth *g, const uint32 *order, int64 start, int64 end, int node, double *counts)
{
	const uint16 *classes = CsArenaAddress(g->arena, g->level.classes);
	const double *weights = g->level.weights < 0 ? NULL :
		CsArenaAddress(g->arena, g->level.weights);
	uint8	   *sides = CsArenaAddress(g->arena, g->level.sides);
	bool		left = node % 2 == 1;	/* children are added in pairs, after the root */

	memset(counts, 0, sizeof(double) * g->tree->nclasses);
	for (int64 i = start; i < end; i++)
	{
		uint32		row = ROW(order[i]);
		uint8		bit = (uint8) (1 << (row & 7));

		CsCheckInterrupts(i);
		g->node_of[row] = node;
		counts[classes[row]] += weights == NULL ? 1 : weights[row];
		sides[row >> 3] = left ? sides[row >> 3] | bit : sides[row >> 3] & (uint8) ~bit;
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
	const Stretch *s = &g->stretches[i];
	int			number = g->open[i];
	int			column = BestColumn(g, i);
	const uint32 *order;
	const Split *split;
	CsDecisionNode *node;

	if (column < 0)
		return false;
	split = (Split *) CsArenaAddress(g->arena, g->level.splits) + (Size) column * g->level.nopen + i;
	order = (uint32 *) CsArenaAddress(g->arena, g->level.order) + (Size) column * g->level.nrows;
	ReserveNodes(g);
	SendRows(g, order, s->start, split->position, tree->nnodes, g->left_counts);
	(void) AddNode(g, number, split->position - s->start, g->left_counts);
	SendRows(g, order, split->position, s->end, tree->nnodes, g->left_counts);
	(void) AddNode(g, number, s->end - split->position, g->left_counts);

	node = &tree->nodes[number];
	node->improvement = Improvement(tree, node, &tree->nodes[tree->nnodes - 2],
									&tree->nodes[tree->nnodes - 1]);
	if (node->improvement + TREE_ROUNDING < g->options->min_impurity_decrease)
	{
		/* who went on to the children is back in the node */
		tree->nnodes -= 2;
		SendRows(g, order, s->start, s->end, number, g->left_counts);
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
	Stretch    *stretches = palloc(sizeof(Stretch) * 2 * n);
	Stretch    *parted = palloc(sizeof(Stretch) * n);
	int			nopen = 0;
	int			nparted = 0;

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

/*
 * Have rows ready for a tree to grow from, of the columns' orders first; palloc'd.  "rows" are their numbers in
 * the matrix, ascending, or NULL: all of it.
 */
CsTreeGrowth *
CsTreeGrowthStart(const CsFitInput *in, const int64 *rows, int64 nrows)
{
	CsTreeGrowth *g = palloc0(sizeof(CsTreeGrowth));
	CsArena    *arena = CsTeamArena(in->team);
	Level	   *level = &g->level;

	g->in = in;
	g->options = in->options;
	g->arena = arena;
	level->nrows = nrows;
	level->nclasses = in->k;
	level->min_leaf = g->options->min_samples_leaf;
	level->matrix = CsMatrixShare(in->matrix, arena);
	level->rows = rows == NULL ? -1 : ShareBytes(g, rows, sizeof(int64) * nrows);
	level->weights = rows == NULL ? in->weights : CsWeightsOfRows(arena, in->weights, rows, nrows);
	level->classes = ShareClasses(in, arena, rows, nrows);
	level->sorted = CsArenaAlloc(arena, mul_size(sizeof(uint32) * in->matrix->ncolumns, nrows));
	level->order = -1;
	level->sides = CsArenaAlloc(arena, nrows / 8 + 1);
	g->node_of = palloc_extended(sizeof(int32) * nrows, MCXT_ALLOC_HUGE);
	g->left_counts = palloc(sizeof(double) * in->k);
	CsProgressPhase(CS_PHASE_SEEDING);
	CsTeamRun(in->team, CS_TASK(CsTreeSortTask), level, sizeof(*level), in->matrix->ncolumns);
	return g;
}

/* Have the orders begin with the rows whose bit is set in "kept", or with all of them where it is NULL. */
static void
KeepRows(CsTreeGrowth *g, const uint8 *kept)
{
	Level	   *level = &g->level;
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

/* The leaf of each row in the tree that was grown last; it lives as long as "g". */
const int32 *
CsTreeLeaves(const CsTreeGrowth *g)
{
	return g->node_of;
}

/* End of what CsTreeGrowthStart() began; the trees stay. */
void
CsTreeGrowthEnd(CsTreeGrowth *g)
{
	const Level *level = &g->level;

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
