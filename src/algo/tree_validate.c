/*
 * tree_validate.c
 *	  How often a tree is right about rows that it has not seen: cross-validation.
 *
 * Rows fall into five folds by a hash of their place (Stone, Cross-Validatory Choice and Assessment of
 * Statistical Predictions, Journal of the Royal Statistical Society B 36, 1974).  A tree is grown and pruned
 * on four of them and asked about the fifth, in turn.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "common/hashfn.h"
#include "data/matrix.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define FOLDS 5

/* So many rows are asked about, chosen by the same hash: enough for any tree that people read. */
#define VALIDATED_ROWS 100000
#define ROWS_AT_MOST (VALIDATED_ROWS + VALIDATED_ROWS / 50)	/* 2 % are 6 standard deviations */

/* The fold of a row of so many; -1 for those that are too many. */
static inline int
FoldOf(int64 row, int64 nrows)
{
	uint64		hash = hash_uint32_extended((uint32) row, (uint64) row >> 32);

	if ((double) (hash >> 32) / PG_UINT32_MAX * nrows > VALIDATED_ROWS)
		return -1;
	return (int) ((uint32) hash % FOLDS);
}

/* The segment that a tree gives to a row of a matrix. */
static int
ClassOfRow(const CsDecisionTree *tree, const CsMatrix *m, CsArena *arena, int64 row)
{
	const double *z = CsMatrixBlock(m, arena, row / CS_BLOCK_ROWS) + row % CS_BLOCK_ROWS;
	int			at = 0;

	while (tree->nodes[at].column >= 0)
	{
		const CsDecisionNode *node = &tree->nodes[at];

		at = z[(Size) node->column * CS_BLOCK_ROWS] <= node->threshold ? node->left : node->right;
	}
	return CsTreeClass(tree, at);
}

/* Grow a tree on some rows. */
static CsDecisionTree *
GrowOnRows(const CsFitInput *in, const int64 *rows, int64 nrows)
{
	CsArena    *arena = CsTeamArena(in->team);
	CsMatrix   *matrix = CsMatrixOfRows(arena, in->matrix, rows, nrows);
	CsFitInput	part = *in;
	const int32 *classes = CsArenaAddress(arena, in->target);
	int32	   *node_of,
			   *place,
			   *target;
	CsDecisionTree *tree;

	part.matrix = matrix;
	part.weights = CsWeightsOfRows(arena, in->weights, rows, nrows);
	part.target = CsArenaAlloc(arena, sizeof(int32) * nrows);
	target = CsArenaAddress(arena, part.target);
	for (int64 i = 0; i < nrows; i++)
		target[i] = classes[rows[i]];
	tree = CsTreePrune(CsTreeGrow(&part, &node_of), in->options, &place);
	pfree(node_of);
	CsArenaFree(arena, part.target);
	if (part.weights >= 0)
		CsArenaFree(arena, part.weights);
	CsMatrixFree(matrix, arena);
	return tree;
}

/* Bytes that cross-validation takes beside the matrix. */
Size
CsTreeValidateMemory(int64 nrows, int ncolumns)
{
	int64		n = Min(nrows, ROWS_AT_MOST);
	Size		row = sizeof(double) * (ncolumns + 1) + sizeof(int64) + sizeof(int32);

	return add_size(CsTreeGrowMemory(n, ncolumns), mul_size(row, n));
}

/* The rows that grow the tree of a fold, into "rows"; returns their number, 0 if they have no weight. */
static int64
RowsBesideFold(int fold, const double *weights, int64 nrows, int64 *rows)
{
	int64		n = 0;
	double		weight = 0;

	for (int64 i = 0; i < nrows && n < ROWS_AT_MOST; i++)
	{
		int			other = FoldOf(i, nrows);

		if (other < 0 || other == fold)
			continue;
		rows[n++] = i;
		weight += weights == NULL ? 1 : weights[i];
	}
	return weight > 0 ? n : 0;
}

/* Ask a tree about the rows of a fold: adds up their weight, and that of those for which it is right. */
static void
AskAboutFold(const CsFitInput *in, const CsDecisionTree *tree, int fold, double *right, double *all)
{
	CsArena    *arena = CsTeamArena(in->team);
	const double *weights = in->weights < 0 ? NULL : CsArenaAddress(arena, in->weights);
	const int32 *classes = CsArenaAddress(arena, in->target);
	int64		n = in->matrix->nrows;

	for (int64 i = 0; i < n; i++)
	{
		double		weight = weights == NULL ? 1 : weights[i];

		if (i % CS_BLOCK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (FoldOf(i, n) != fold)
			continue;
		*all += weight;
		if (ClassOfRow(tree, in->matrix, arena, i) == classes[i])
			*right += weight;
	}
}

/*
 * The share of the rows' weight for which a tree that has not seen them gives the right segment; NaN
 * where the rows are too few to be left out.
 */
double
CsTreeCrossValidate(const CsFitInput *in)
{
	CsArena    *arena = CsTeamArena(in->team);
	int64		n = in->matrix->nrows;
	int64	   *rows = palloc_extended(sizeof(int64) * Min(n, ROWS_AT_MOST), MCXT_ALLOC_HUGE);
	double		right = 0,
				all = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg folds",
												  ALLOCSET_DEFAULT_SIZES);

	for (int fold = 0; fold < FOLDS; fold++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		const double *weights = in->weights < 0 ? NULL : CsArenaAddress(arena, in->weights);
		int64		nrows = RowsBesideFold(fold, weights, n, rows);

		if (nrows > 0)
			AskAboutFold(in, GrowOnRows(in, rows, nrows), fold, &right, &all);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	pfree(rows);
	return all > 0 ? right / all : NAN;
}
