/*
 * tree_score.c
 *	  A row's way through a decision tree: its leaf is its segment.
 *
 * What the tree knows of a row is how many training rows of each segment its leaf had.  Their
 * shares are the memberships, the share of the leaf's segment is the confidence, and what is missing
 * from 1 is the distance.  The runner-up is the largest other segment of the leaf, or, where the leaf
 * has no other, of the nearest node above it that has.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"

/* Rows that go down the tree side by side. */
#define TOGETHER 16

/* A node as scoring reads it. */
typedef struct Question
{
	double		threshold;
	int32		column;			/* -1: a leaf */
	int32		compared;		/* the same, but 0 of a leaf, */
	int32		child[2];		/* left and right; of a leaf itself: rows that have come to one may go on with others */
	int32		segment;
} Question;

/* A node's number from a parameter that may be anything; it must come after that of its parent. */
static int
ChildNumber(double number, int parent, int nnodes)
{
	if (number != floor(number) || number <= parent + 1 || number > nnodes)
		CsInvalidParameters("\"%s\" has a child that does not come after its parent.", "nodes");
	return (int) number - 1;
}

/* Check one node; notes what its children are. */
static void
CheckNode(const CsFitted *model, int i, bool *is_child)
{
	const CsParameter *nodes = &model->parameters[TREE_NODES];
	const double *row = nodes->values + (Size) i * TREE_NODE_NUMBERS;

	if (row[0] == 0)
		return;
	if (row[0] != floor(row[0]) || row[0] < 0 || row[0] > model->ncolumns)
		CsInvalidParameters("\"%s\" has a column that is not in 0 .. %d.", "nodes",
							model->ncolumns);
	for (int side = 2; side <= 3; side++)
	{
		int			child = ChildNumber(row[side], i, nodes->rows);

		if (is_child[child])
			CsInvalidParameters("\"%s\" has a node with two parents.", "nodes");
		is_child[child] = true;
	}
}

/* Check parameters that may be anything. */
static void
CheckParameters(const CsFitted *model)
{
	const CsParameter *nodes = &model->parameters[TREE_NODES],
			   *segments = &model->parameters[TREE_SEGMENTS],
			   *counts = &model->parameters[TREE_COUNTS];
	bool	   *is_child;

	if (nodes->rows == 0 || nodes->columns != TREE_NODE_NUMBERS)
		CsInvalidParameters("\"%s\" has %d numbers for each node where %d are needed.", "nodes",
							nodes->columns, TREE_NODE_NUMBERS);
	if (segments->rows != nodes->rows)
		CsInvalidParameters("\"%s\" has %d elements where %d are needed.", "node_segments",
							segments->rows, nodes->rows);
	if (counts->columns != nodes->rows)
		CsInvalidParameters("\"%s\" has %d numbers for each segment where %d are needed.", "rows",
							counts->columns, nodes->rows);
	is_child = palloc0(sizeof(bool) * nodes->rows);
	for (int i = 0; i < nodes->rows; i++)
		CheckNode(model, i, is_child);
	for (int i = 1; i < nodes->rows; i++)
		if (!is_child[i])
			CsInvalidParameters("\"%s\" has a node without a parent.", "nodes");
	pfree(is_child);
	for (Size i = 0; i < (Size) counts->rows * counts->columns; i++)
		if (counts->values[i] < 0)
			CsInvalidParameters("\"%s\" has a negative number.", "rows");
}

/* Check the parameters and lay out what scoring reads, as CsAlgorithm.compile. */
Size
CsTreeCompile(const CsFitted *model, void *result)
{
	const CsParameter *nodes = &model->parameters[TREE_NODES];
	Question	   *compiled = result;

	if (result == NULL)
		CheckParameters(model);
	for (int i = 0; i < nodes->rows && result != NULL; i++)
	{
		const double *row = nodes->values + (Size) i * TREE_NODE_NUMBERS;

		compiled[i].column = (int32) row[0] - 1;
		compiled[i].compared = Max(compiled[i].column, 0);
		compiled[i].threshold = row[1];
		for (int side = 0; side < 2; side++)
			compiled[i].child[side] = row[0] == 0 ? i : (int32) row[2 + side] - 1;
		compiled[i].segment = (int32) model->parameters[TREE_SEGMENTS].values[i];
	}
	return mul_size(sizeof(Question), nodes->rows);
}

/* The node to which a row goes from a node that is not a leaf. */
static inline int
NextNode(const Question *node, const double *z)
{
	return node->child[!(z[node->column] <= node->threshold)];
}

/* Rows of a segment in a node. */
static inline double
RowsOf(const CsFitted *model, int segment, int node)
{
	const CsParameter *counts = &model->parameters[TREE_COUNTS];

	return counts->values[(Size) segment * counts->columns + node];
}

/* All rows of a node. */
static double
AllRows(const CsFitted *model, int node)
{
	double		sum = 0;

	for (int s = 0; s < model->nsegments; s++)
		sum += RowsOf(model, s, node);
	return sum;
}

/* The largest segment of a node except for one; -1 when no other segment has rows there. */
static int
LargestOther(const CsFitted *model, int node, int segment)
{
	double		most = 0;
	int			largest = -1;

	for (int s = 0; s < model->nsegments; s++)
	{
		if (s == segment || RowsOf(model, s, node) <= most * (1 + TREE_ROUNDING))
			continue;
		most = RowsOf(model, s, node);
		largest = s;
	}
	return largest;
}

/* The segment of most rows of the leaf that z comes to, as CsAlgorithm.assign. */
bool
CsTreeAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	const Question *nodes = model->compiled;
	int			leaf = 0;
	double		rows;

	while (nodes[leaf].column >= 0)
		leaf = NextNode(&nodes[leaf], z);
	rows = AllRows(model, leaf);
	result->index = nodes[leaf].segment;
	result->confidence = rows > 0 ? RowsOf(model, result->index, leaf) / rows : 0;
	result->distance = 1 - result->confidence;
	result->runner_up = -1;
	if (memberships == NULL)
		return true;
	for (int s = 0; s < model->nsegments; s++)
		memberships[s] = rows > 0 ? RowsOf(model, s, leaf) / rows : s == result->index;
	for (int i = 0;; i = NextNode(&nodes[i], z))
	{
		int			other = LargestOther(model, i, result->index);

		if (other >= 0)
			result->runner_up = other;
		if (i == leaf)
			return true;
	}
}

/* The segment that CsTreeAssign() gives, as CsAlgorithm.place. */
int
CsTreePlace(const CsFitted *model, const double *z)
{
	const Question *nodes = model->compiled;
	int			leaf = 0;

	while (nodes[leaf].column >= 0)
		leaf = NextNode(&nodes[leaf], z);
	return nodes[leaf].segment;
}

/*
 * Take a step down the tree with a few rows, value j of whom are at z[j * stride]; returns whether any of them had not
 * come to a leaf yet.  Which way a row goes, no processor can foretell, so that it is not asked by a branch.
 */
static inline bool
StepDown(const Question *nodes, const double *z, Size stride, int n, int32 *at)
{
	int32		moved = 0;

	for (int r = 0; r < n; r++)
	{
		const Question *node = &nodes[at[r]];
		int32		next = node->child[!(z[(Size) node->compared * stride + r] <= node->threshold)];

		moved |= next ^ at[r];
		at[r] = next;
	}
	return moved != 0;
}

/*
 * The segments that CsTreeAssign() gives, as CsAlgorithm.place_rows.  The rows go down side by side: each step waits
 * for its memory, but not for the steps of other rows.
 */
void
CsTreePlaceRows(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments)
{
	const Question *nodes = model->compiled;
	int32		at[TOGETHER];

	for (int first = 0; first < nrows; first += TOGETHER)
	{
		int			n = Min(TOGETHER, nrows - first);

		memset(at, 0, sizeof(at));
		while (StepDown(nodes, z + first, stride, n, at))
			;
		for (int r = 0; r < n; r++)
			segments[first + r] = nodes[at[r]].segment;
	}
}

/* Any number of rows may go down side by side, as CsAlgorithm.places_rows. */
bool
CsTreePlacesRows(const CsFitted *model, int nrows)
{
	return true;
}

/*
 * What speaks against a segment in a column is how much of the rows' share in that segment the
 * column's questions on the way have cost (Saabas 2014).  See CsAlgorithm.explain.
 */
void
CsTreeExplain(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	const Question *nodes = model->compiled;
	int			i = 0;

	memset(pull, 0, sizeof(double) * model->ncolumns);
	while (nodes[i].column >= 0)
	{
		int			next = NextNode(&nodes[i], z);
		double		before = AllRows(model, i);
		double		after = AllRows(model, next);

		if (before > 0 && after > 0)
			pull[nodes[i].column] += RowsOf(model, segment, i) / before -
				RowsOf(model, segment, next) / after;
		i = next;
	}
	/* (z - point) * pull is to be that: z - point is z, or 1 where that is 0 */
	for (int j = 0; j < model->ncolumns; j++)
	{
		point[j] = z[j] == 0 ? -1 : 0;
		pull[j] /= z[j] == 0 ? 1 : z[j];
	}
}
