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
	const uint16 *classes = CsArenaAddress(arena, level->classes);
	double	   *values = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	double	   *scratch = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	uint32	   *row_scratch = palloc_extended(sizeof(uint32) * n, MCXT_ALLOC_HUGE);

	GatherColumn(level, arena, item, values);
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		order[i] = (uint32) i | (level->tells_class ? (uint32) classes[i] << TREE_CLASS_SHIFT : 0);
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

/*
 * CS_TASK(CsTreeTakeTask): take the rows of a level out of the order of a column that all rows of the matrix have, which
 * is faster than to sort them.
 */
void
CsTreeTakeTask(CsTeam *team, const void *args, int item)
{
	const TreeLevel *level = args;
	CsArena    *arena = CsTeamArena(team);
	uint32	   *to = (uint32 *) CsArenaAddress(arena, level->sorted) + (Size) item * level->nrows;
	const uint32 *from = (uint32 *) CsArenaAddress(arena, level->whole) + (Size) item * level->whole_rows;
	const uint32 *places = CsArenaAddress(arena, level->places);
	uint32		row_mask = level->row_mask;
	uint32		larger = 0;
	int64		n = 0;

	for (int64 i = 0; i < level->whole_rows && n < level->nrows; i++)
	{
		uint32		entry = from[i];
		uint32		place = places[entry & row_mask];
		bool		is_taken = place != NOT_TAKEN;

		CsCheckInterrupts(i);
		larger |= entry & LARGER;
		to[n] = (entry & ~(row_mask | LARGER)) | place | larger;
		larger = is_taken ? 0 : larger;
		n += is_taken;
	}
}

/* CS_TASK(CsTreeKeepTask): of the order of a column, put those rows first that the tree grows from. */
void
CsTreeKeepTask(CsTeam *team, const void *args, int item)
{
	const TreeLevel *level = args;
	CsArena    *arena = CsTeamArena(team);
	Size		start = (Size) item * level->nrows;
	uint32	   *order = (uint32 *) CsArenaAddress(arena, level->order) + start;
	uint32	   *scratch = palloc_extended(sizeof(uint32) * (level->nrows + TREE_PART_SPARE), MCXT_ALLOC_HUGE);

	CsTreeKeep(level, (uint32 *) CsArenaAddress(arena, level->sorted) + start, order,
			   CsArenaAddress(arena, level->sides), scratch);
	pfree(scratch);
}

/* Weights on both sides of a position while it moves, and their sums of squares. */
typedef struct Sums
{
	double	   *left,			/* by class */
			   *right;
	double		left_weight,
				right_weight,
				left_squares,
				right_squares;
	double		renew_below;	/* the right weight below which the right sums are taken anew */
} Sums;

/*
 * When only this part of the weight to the right is left, its sums are taken anew: what is left of sums from which far
 * larger weights were taken is rounding.
 */
#define RENEWED_PART (1.0 / 64)

/* Take the sums of the right side from its weights by class. */
static void
SquareRight(Sums *sums, int nclasses)
{
	sums->right_weight = sums->right_squares = 0;
	for (int c = 0; c < nclasses; c++)
	{
		sums->right_weight += sums->right[c];
		sums->right_squares += sums->right[c] * sums->right[c];
	}
	sums->renew_below = sums->right_weight * RENEWED_PART;
}

/* Take the right sums anew from n rows of an order. */
static void
RenewRight(const TreeLevel *level, const uint32 *order, int64 n, const uint16 *classes, const double *weights, Sums *sums)
{
	memset(sums->right, 0, sizeof(double) * level->nclasses);
	for (int64 i = 0; i < n; i++)
	{
		uint32		row = ROW(level, order[i]);

		CsCheckInterrupts(i);
		sums->right[classes[row]] += weights[row];
	}
	SquareRight(sums, level->nclasses);
}

/* Let a row go from the right to the left. */
static pg_attribute_always_inline void
MoveLeft(Sums *sums, int c, double weight)
{
	double		left = sums->left[c];
	double		right = sums->right[c];

	sums->left_squares += weight * (2 * left + weight);
	sums->right_squares -= weight * (2 * right - weight);
	sums->left_weight += weight;
	sums->right_weight -= weight;
	sums->left[c] = left + weight;
	sums->right[c] = right - weight;
}

/* Look for the best position of a stretch whose rows have weights. */
static void
SearchWeighted(const TreeLevel *level, CsArena *arena, const uint32 *order, const TreeStretch *s, TreeSplit *best)
{
	const uint16 *classes = CsArenaAddress(arena, level->classes);
	const double *weights = CsArenaAddress(arena, level->weights);
	int64		first = Min(s->start + level->min_leaf, s->end);
	Sums		sums = {.left = palloc0(sizeof(double) * level->nclasses),.right = palloc(sizeof(double) * level->nclasses)};

	memcpy(sums.right, TotalsOf(level, arena, s), sizeof(double) * level->nclasses);
	SquareRight(&sums, level->nclasses);
	for (int64 i = s->start; i < s->end; i++)
	{
		uint32		row = ROW(level, order[i]);

		CsCheckInterrupts(i);
		if (sums.right_weight < sums.renew_below)
			RenewRight(level, order + i, s->end - i, classes, weights, &sums);
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
	pfree(sums.right);
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
		CsTreeSearchCounted(level, arena, order, s, &best);
	if (best.proxy > -INFINITY)
	{
		best.low = ValueOf(level, arena, column, ROW(level, order[best.position - 1]));
		best.high = ValueOf(level, arena, column, ROW(level, order[best.position]));
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
	scratch = palloc_extended(sizeof(uint32) * (longest + TREE_PART_SPARE), MCXT_ALLOC_HUGE);
	for (int i = 0; i < level->nparted; i++)
		CsTreePart(level, order, &parted[i], sides, scratch);
	pfree(scratch);
	for (int i = 0; i < level->nopen; i++)
	{
		CHECK_FOR_INTERRUPTS();
		splits[i] = SearchNode(level, arena, item, &open[i]);
	}
}
