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
#include "math/math.h"
#include "utils/memutils.h"

#define FOLDS 5

/* Most rows that are asked about: enough for any tree that people read, and little beside a million. */
#define MOST_VALIDATED 30000

#define VALIDATION_STREAM UINT64CONST(0x466F6C6473)

/* The rows that are asked about, ascending. */
typedef struct Asked
{
	int64		n;
	int64	   *rows;
	int64	   *others;			/* room for those beside a fold */
} Asked;

/* The fold of a row. */
static inline int
FoldOf(int64 row)
{
	uint64		hash = hash_uint32_extended((uint32) row, (uint64) row >> 32);

	return (int) ((uint32) hash % FOLDS);
}

/* The segment that a tree gives to a row of a matrix. */
static int
ClassOfRow(const CsDecisionTree *tree, const CsMatrix *m, CsArena *arena, int64 row)
{
	const double *z = CsMatrixRow(m, arena, row);
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
	int64		n = Min(nrows, MOST_VALIDATED);
	Size		row = sizeof(double) * (ncolumns + 1) + 2 * sizeof(int64) + sizeof(int32);

	return add_size(CsTreeGrowMemory(n, ncolumns), mul_size(row, n));
}

/* Choose the rows that are asked about; palloc'd. */
static Asked
ChooseRows(int64 nrows, uint64 seed)
{
	Asked		asked = {.n = Min(nrows, MOST_VALIDATED)};
	CsRng		rng;

	asked.rows = palloc(sizeof(int64) * asked.n);
	asked.others = palloc(sizeof(int64) * asked.n);
	CsRngSeed(&rng, seed, VALIDATION_STREAM);
	CsRngSample(&rng, nrows, asked.n, asked.rows);
	return asked;
}

/* Find the rows that grow the tree of a fold; returns their number, 0 if they have no weight. */
static int64
RowsBesideFold(const Asked *asked, int fold, const double *weights)
{
	int64		n = 0;
	double		weight = 0;

	for (int64 i = 0; i < asked->n; i++)
	{
		int64		row = asked->rows[i];

		if (FoldOf(row) == fold)
			continue;
		asked->others[n++] = row;
		weight += weights == NULL ? 1 : weights[row];
	}
	return weight > 0 ? n : 0;
}

/* Ask a tree about the rows of a fold: adds up their weight, and that of those for which it is right. */
static void
AskAboutFold(const CsFitInput *in, const Asked *asked, int fold, const double *weights,
			 const CsDecisionTree *tree, double *right, double *all)
{
	CsArena    *arena = CsTeamArena(in->team);
	const int32 *classes = CsArenaAddress(arena, in->target);

	for (int64 i = 0; i < asked->n; i++)
	{
		int64		row = asked->rows[i];
		double		weight = weights == NULL ? 1 : weights[row];

		if (FoldOf(row) != fold)
			continue;
		*all += weight;
		if (ClassOfRow(tree, in->matrix, arena, row) == classes[row])
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
	const CsCommonOptions *common = in->options;
	Asked		asked = ChooseRows(in->matrix->nrows, (uint64) common->seed);
	double		right = 0,
				all = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg folds",
												  ALLOCSET_DEFAULT_SIZES);

	for (int fold = 0; fold < FOLDS; fold++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		const double *weights = in->weights < 0 ? NULL :
			CsArenaAddress(CsTeamArena(in->team), in->weights);
		int64		nrows = RowsBesideFold(&asked, fold, weights);

		if (nrows > 0)
			AskAboutFold(in, &asked, fold, weights, GrowOnRows(in, asked.others, nrows), &right, &all);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	pfree(asked.others);
	pfree(asked.rows);
	return all > 0 ? right / all : NAN;
}
