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
	uint8	   *folds;			/* of each */
	uint8	   *others;			/* room for a bit of each: it is not in the fold at hand */
} Asked;

/* The fold of a row. */
static inline int
FoldOf(int64 row)
{
	uint64		hash = hash_uint32_extended((uint32) row, (uint64) row >> 32);

	return (int) ((uint32) hash % FOLDS);
}

/* The segment that a tree gives to a row whose values lie a block's rows apart; "classes" are those of its nodes. */
static int
ClassOfRow(const CsDecisionTree *tree, const int *classes, const double *z)
{
	int			at = 0;

	while (tree->nodes[at].column >= 0)
	{
		const CsDecisionNode *node = &tree->nodes[at];

		at = z[(Size) node->column * CS_BLOCK_ROWS] <= node->threshold ? node->left : node->right;
	}
	return classes[at];
}

/* Bytes that cross-validation takes beside the matrix. */
Size
CsTreeValidateMemory(int64 nrows, int ncolumns)
{
	int64		n = Min(nrows, MOST_VALIDATED);
	Size		row = sizeof(uint32) * (Size) ncolumns + sizeof(double) + 2 * sizeof(int64) + 2;

	return add_size(CsTreeGrowMemory(n, ncolumns), mul_size(row, n));
}

/* Choose the rows that are asked about; palloc'd. */
static Asked
ChooseRows(int64 nrows, uint64 seed)
{
	Asked		asked = {.n = Min(nrows, MOST_VALIDATED)};
	CsRng		rng;

	asked.rows = palloc(sizeof(int64) * asked.n);
	asked.folds = palloc(asked.n);
	asked.others = palloc(asked.n / 8 + 1);
	CsRngSeed(&rng, seed, VALIDATION_STREAM);
	CsRngSample(&rng, nrows, asked.n, asked.rows);
	for (int64 i = 0; i < asked.n; i++)
		asked.folds[i] = (uint8) FoldOf(asked.rows[i]);
	return asked;
}

/* Mark the rows that grow the tree of a fold; returns whether they have any weight. */
static bool
MarkOthers(const Asked *asked, int fold, const double *weights)
{
	double		weight = 0;

	memset(asked->others, 0, asked->n / 8 + 1);
	for (int64 i = 0; i < asked->n; i++)
	{
		if (asked->folds[i] == fold)
			continue;
		asked->others[i >> 3] |= (uint8) (1 << (i & 7));
		weight += weights == NULL ? 1 : weights[asked->rows[i]];
	}
	return weight > 0;
}

/* Ask a tree about the rows of a fold: adds up their weight, and that of those for which it is right. */
static void
AskAboutFold(const CsFitInput *in, const Asked *asked, int fold, const double *weights,
			 const CsDecisionTree *tree, double *right, double *all)
{
	CsArena    *arena = CsTeamArena(in->team);
	const int32 *target = CsArenaAddress(arena, in->target);
	int		   *classes = palloc(sizeof(int) * tree->nnodes);
	const double *block = NULL;
	int64		at = -1;		/* the block's number */

	for (int i = 0; i < tree->nnodes; i++)
		classes[i] = CsTreeClass(tree, i);
	for (int64 i = 0; i < asked->n; i++)
	{
		int64		row = asked->rows[i];
		double		weight = weights == NULL ? 1 : weights[row];

		if (asked->folds[i] != fold)
			continue;
		if (row / CS_BLOCK_ROWS != at)
		{
			at = row / CS_BLOCK_ROWS;
			block = CsMatrixBlock(in->matrix, arena, at);
		}
		*all += weight;
		if (ClassOfRow(tree, classes, block + row % CS_BLOCK_ROWS) == target[row])
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
	CsTreeGrowth *growth = CsTreeGrowthStart(in, asked.rows, asked.n);
	double		right = 0,
				all = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg folds",
												  ALLOCSET_DEFAULT_SIZES);

	for (int fold = 0; fold < FOLDS; fold++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		const double *weights = in->weights < 0 ? NULL :
			CsArenaAddress(CsTeamArena(in->team), in->weights);
		int32	   *place;

		if (MarkOthers(&asked, fold, weights))
			AskAboutFold(in, &asked, fold, weights,
						 CsTreePrune(CsTreeGrow(growth, asked.others), in->options, &place), &right, &all);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	CsTreeGrowthEnd(growth);
	pfree(asked.folds);
	pfree(asked.others);
	pfree(asked.rows);
	return all > 0 ? right / all : NAN;
}
