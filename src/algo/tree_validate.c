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
#include "miscadmin.h"
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

struct CsTreeValidation
{
	const CsFitInput *in;
	Asked		asked;
	CsTreeGrowth *growth;		/* from those rows */
};

/* The fold of a row. */
static inline int
FoldOf(int64 row)
{
	uint64		hash = hash_uint32_extended((uint32) row, (uint64) row >> 32);

	return (int) ((uint32) hash % FOLDS);
}

/* A node of a tree that is asked: where a value up to the threshold leads, and a larger one. */
typedef struct Question
{
	double		threshold;
	Size		column;			/* where its values begin in a block */
	int			next[2];		/* a leaf leads to itself */
	int			segment;		/* of a leaf, -1 of others */
} Question;

/* Rows that are asked about side by side, since each of them waits for its values. */
#define SIDE_BY_SIDE 32

/* The questions of a tree; palloc'd. */
static Question *
QuestionsOf(const CsDecisionTree *tree)
{
	Question   *questions = palloc_extended(sizeof(Question) * tree->nnodes, MCXT_ALLOC_HUGE);

	for (int i = 0; i < tree->nnodes; i++)
	{
		const CsDecisionNode *node = &tree->nodes[i];

		if (node->column < 0)
			questions[i] = (Question) {.next = {i, i},.segment = CsTreeClass(tree, i)};
		else
			questions[i] = (Question) {.threshold = node->threshold,.column = (Size) node->column * CS_BLOCK_ROWS,
				.next = {node->left, node->right},.segment = -1};
	}
	return questions;
}

/* The segments that a tree gives to n rows; "z" is where their values are, which lie a block's rows apart. */
static void
SegmentsOfRows(const Question *questions, const double *const *z, int n, int *segments)
{
	int			at[SIDE_BY_SIDE] = {0};
	bool		all_at_leaves = false;

	/* the way is looked up, not branched to: nobody can guess it */
	while (!all_at_leaves)
	{
		all_at_leaves = true;
		for (int i = 0; i < n; i++)
		{
			const Question *question = &questions[at[i]];

			at[i] = question->next[!(z[i][question->column] <= question->threshold)];
			all_at_leaves &= question->segment >= 0;
		}
	}
	for (int i = 0; i < n; i++)
		segments[i] = questions[at[i]].segment;
}

/*
 * Bytes that the rows of cross-validation take while the tree itself grows; the orders of a fold, afterwards, take no
 * more than that tree has left.
 */
Size
CsTreeValidateMemory(int64 nrows, int ncolumns)
{
	int64		n = Min(nrows, MOST_VALIDATED);

	return add_size(CsTreeKeptMemory(n, ncolumns), mul_size(sizeof(double) + 2 * sizeof(int64) + 2, n));
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
		bool		is_other = asked->folds[i] != fold;

		asked->others[i >> 3] |= (uint8) (is_other << (i & 7));
		weight += is_other ? weights == NULL ? 1 : weights[asked->rows[i]] : 0;
	}
	return weight > 0;
}

/* Rows that are asked about side by side: where their values are, their segments and weights. */
typedef struct Batch
{
	int			n;
	const double *z[SIDE_BY_SIDE];
	int			targets[SIDE_BY_SIDE];
	double		weights[SIDE_BY_SIDE];
} Batch;

/* Ask a tree about a batch, which then is empty: adds up its weight, and that of the rows for which the tree is right. */
static void
AskAboutBatch(const Question *questions, Batch *batch, double *right, double *all)
{
	int			segments[SIDE_BY_SIDE];

	SegmentsOfRows(questions, batch->z, batch->n, segments);
	for (int i = 0; i < batch->n; i++)
	{
		*all += batch->weights[i];
		*right += segments[i] == batch->targets[i] ? batch->weights[i] : 0;
	}
	batch->n = 0;
}

/* Ask a tree about the rows of a fold. */
static void
AskAboutFold(const CsFitInput *in, const Asked *asked, int fold, const double *weights,
			 const CsDecisionTree *tree, double *right, double *all)
{
	CsArena    *arena = CsTeamArena(in->team);
	const int32 *target = CsArenaAddress(arena, in->target);
	Question   *questions = QuestionsOf(tree);
	const double *block = NULL;
	int64		at = -1;		/* the block's number */
	Batch		batch = {0};

	for (int64 i = 0; i < asked->n; i++)
	{
		int64		row = asked->rows[i];

		CsCheckInterrupts(i);
		if (asked->folds[i] != fold)
			continue;
		if (row / CS_BLOCK_ROWS != at)
		{
			at = row / CS_BLOCK_ROWS;
			block = CsMatrixBlock(in->matrix, arena, at);
		}
		batch.z[batch.n] = block + row % CS_BLOCK_ROWS;
		batch.targets[batch.n] = target[row];
		batch.weights[batch.n++] = weights == NULL ? 1 : weights[row];
		if (batch.n == SIDE_BY_SIDE)
			AskAboutBatch(questions, &batch, right, all);
	}
	AskAboutBatch(questions, &batch, right, all);
}

/*
 * Choose the rows that are asked about, and have them ready for trees to grow from; palloc'd.  "whole" is the growth
 * of the tree itself, from which no tree has grown yet.
 */
CsTreeValidation *
CsTreeValidateStart(const CsFitInput *in, const CsTreeGrowth *whole)
{
	const CsCommonOptions *common = in->options;
	CsTreeValidation *v = palloc0(sizeof(CsTreeValidation));

	v->in = in;
	v->asked = ChooseRows(in->matrix->nrows, (uint64) common->seed);
	v->growth = CsTreeGrowthStart(in, v->asked.rows, v->asked.n, whole);
	return v;
}

/*
 * The share of the rows' weight for which a tree that has not seen them gives the right segment; NaN
 * where the rows are too few to be left out.  Frees "v".
 */
double
CsTreeValidate(CsTreeValidation *v)
{
	const CsFitInput *in = v->in;
	Asked	   *asked = &v->asked;
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

		if (MarkOthers(asked, fold, weights))
			AskAboutFold(in, asked, fold, weights,
						 CsTreePrune(CsTreeGrow(v->growth, asked->others), in->options, &place), &right, &all);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	CsTreeGrowthEnd(v->growth);
	pfree(asked->folds);
	pfree(asked->others);
	pfree(asked->rows);
	pfree(v);
	return all > 0 ? right / all : NAN;
}
