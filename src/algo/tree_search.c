/*
 * tree_search.c
 *	  The best split of each open node of a growing decision tree, a column at a time: what the team does.
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
 * An order holds row numbers; the highest bit tells that the value is larger than that of the row
 * before it in its node, so that values are looked up for the best splits only.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree_search.h"
#include "math/math.h"
#include "miscadmin.h"

/* The values of a column. */
static void
GatherColumn(const TreeLevel *level, CsArena *arena, int column, double *values)
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
	const TreeLevel *level = args;
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
PartStretch(uint32 *order, const TreeStretch *s, const uint8 *sides, uint32 *scratch)
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
	const TreeLevel *level = args;
	CsArena    *arena = CsTeamArena(team);
	Size		start = (Size) item * level->nrows;
	uint32	   *order = (uint32 *) CsArenaAddress(arena, level->order) + start;
	uint32	   *scratch = palloc_extended(sizeof(uint32) * (level->nrows + 1), MCXT_ALLOC_HUGE);
	TreeStretch		all = {.end = level->nrows};

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
TotalsOf(const TreeLevel *level, CsArena *arena, const TreeStretch *s)
{
	return (const double *) CsArenaAddress(arena, level->totals) + s->totals;
}

/* Look for the best position of a stretch whose rows have weights. */
static void
SearchWeighted(const TreeLevel *level, CsArena *arena, const uint32 *order, const TreeStretch *s, TreeSplit *best)
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

			if (IsBetterSplit(proxy, best->proxy, true))
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
	uint16		class[WINDOW];

	/* they lie all over memory, and come faster when nothing else waits for each */
	for (int i = 0; i < n; i++)
		class[i] = classes[ROW(order[i])];
	for (int i = 0; i < n; i++)
	{
		int			c = class[i];
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
SearchCounted(const TreeLevel *level, CsArena *arena, const uint32 *order, const TreeStretch *s, TreeSplit *best)
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
		if (!IsBetterSplit(largest, best->proxy, false))
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
ValueOf(const TreeLevel *level, CsArena *arena, int column, uint32 row)
{
	const CsMatrix *m = CsArenaAddress(arena, level->matrix);
	const int64 *rows = level->rows < 0 ? NULL : CsArenaAddress(arena, level->rows);

	return CsMatrixRow(m, arena, rows == NULL ? row : rows[row])[(Size) column * CS_BLOCK_ROWS];
}

/* The best split of an open node by a column. */
static TreeSplit
SearchNode(const TreeLevel *level, CsArena *arena, int column, const TreeStretch *s)
{
	const uint32 *order = (uint32 *) CsArenaAddress(arena, level->order) +
		(Size) column * level->nrows;
	TreeSplit	best = {.proxy = -INFINITY};

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
	const TreeLevel *level = args;
	CsArena    *arena = CsTeamArena(team);
	uint32	   *order = (uint32 *) CsArenaAddress(arena, level->order) + (Size) item * level->nrows;
	const TreeStretch *parted = CsArenaAddress(arena, level->parted);
	const TreeStretch *open = CsArenaAddress(arena, level->open);
	const uint8 *sides = CsArenaAddress(arena, level->sides);
	TreeSplit	   *splits = (TreeSplit *) CsArenaAddress(arena, level->splits) + (Size) item * level->nopen;
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
