/*
 * tree.h
 *	  What the files of decision trees share: tree_grow.c (the splits, level by level), tree_search.c (which split is best),
 *	  tree_prune.c (which of them are kept), tree_validate.c (how right they are about other rows), tree.c (the
 *	  algorithm) and tree_score.c (a row's way to its leaf).
 */
#ifndef CUSTSEG_TREE_H
#define CUSTSEG_TREE_H

#include "algo/algo.h"

typedef struct TreeOptions
{
	CsCommonOptions common;
	CsImitated	imitated;
	int			max_depth;
	int			min_samples_split;
	int			min_samples_leaf;
	int			max_leaf_nodes; /* 0: no limit */
	double		min_impurity_decrease;
	double		ccp_alpha;
} TreeOptions;

/* What only train() has comes first, so that surrogate() can leave it out. */
#define TREE_NOPTIONS 12
#define TREE_TRAIN_OPTIONS 5

extern const CsOption CsTreeOptions[TREE_NOPTIONS];

#define CS_TREE_DEPTH 4			/* by default: rules that people read */
#define CS_TREE_MAX_DEPTH 64

/* Leaves of a tree that is kept, and segments that it can tell. */
#define CS_TREE_MAX_LEAVES 10000
#define CS_TREE_MAX_CLASSES 1000

/* Numbers that it keeps: rows by segment and node. */
#define CS_TREE_MAX_COUNTS 2000000

typedef struct CsDecisionNode
{
	int32		column;			/* of model space; -1: a leaf */
	int32		left,			/* where values up to the threshold go; nodes follow their parent */
				right;
	int32		parent;			/* -1: the root */
	int32		depth;
	double		threshold,
				shown;			/* for people: rounded, and between the same two values */
	int64		n;				/* rows */
	double		weight,			/* of them */
				impurity,		/* Gini's */
				improvement;	/* of the impurity of all rows, by the split */
} CsDecisionNode;

typedef struct CsDecisionTree
{
	int			nclasses;
	int			nnodes;
	CsDecisionNode *nodes;			/* palloc'd, as is what follows */
	double	   *counts;			/* nnodes x nclasses: weight of the rows */
} CsDecisionTree;

/* Rounding may make equal sums of weights differ by this part. */
#define TREE_ROUNDING 1e-10

/* The class that most rows of a node are of, the first of equals. */
static inline int
CsTreeClass(const CsDecisionTree *tree, int node)
{
	const double *counts = tree->counts + (Size) node * tree->nclasses;
	int			best = 0;

	for (int c = 1; c < tree->nclasses; c++)
		if (counts[c] > counts[best] * (1 + TREE_ROUNDING))
			best = c;
	return best;
}

/* tree_grow.c */
typedef struct CsTreeGrowth CsTreeGrowth;

extern CsTreeGrowth *CsTreeGrowthStart(const CsFitInput *in, const int64 *rows, int64 nrows,
									   const CsTreeGrowth *whole);
extern CsDecisionTree *CsTreeGrow(CsTreeGrowth *g, const uint8 *kept);
extern const int32 *CsTreeLeaves(const CsTreeGrowth *g);
extern void CsTreeGrowthEnd(CsTreeGrowth *g);
extern Size CsTreeKeptMemory(int64 nrows, int ncolumns);
extern Size CsTreeSortMemory(int64 nrows, int ncolumns);
extern Size CsTreeSearchMemory(int64 nrows, int ncolumns);

/* tree_search.c */
extern PGDLLEXPORT void CsTreeSortTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsTreeTakeTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsTreeKeepTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsTreeLevelTask(CsTeam *team, const void *args, int item);

/* tree_prune.c */
extern CsDecisionTree *CsTreePrune(const CsDecisionTree *grown, const TreeOptions *options, int32 **place);

/* tree_validate.c */
typedef struct CsTreeValidation CsTreeValidation;

extern Size CsTreeValidateMemory(int64 nrows, int ncolumns);
extern CsTreeValidation *CsTreeValidateStart(const CsFitInput *in, const CsTreeGrowth *whole);
extern double CsTreeValidate(CsTreeValidation *v);

/* tree.c: the first of its metrics, in their order */
enum
{
	TREE_FIDELITY, TREE_BALANCED_FIDELITY, TREE_VALIDATED_FIDELITY, TREE_NFIDELITIES
};

/* tree_score.c: a tree as parameters of a model */
enum
{
	TREE_NODES,					/* [column from 1 or 0, threshold, left, right, threshold as it is shown],
								 * nodes from 1 */
	TREE_SEGMENTS,				/* by node: the segment of most rows */
	TREE_COUNTS,				/* by segment: rows in each node */
	TREE_NPARAMETERS
};

#define TREE_NODE_NUMBERS 5

extern Size CsTreeCompile(const CsFitted *model, void *result);
extern int	CsTreePlace(const CsFitted *model, const double *z);
extern bool CsTreePlacesRows(const CsFitted *model, int nrows);
extern void CsTreePlaceRows(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments);
extern bool CsTreeAssign(const CsFitted *model, const double *z, CsAssignment *result,
						 double *memberships);
extern void CsTreeExplain(const CsFitted *model, const double *z, int segment, double *point,
						  double *pull);

extern const CsAlgorithm CsTreeAlgorithm;

#endif							/* CUSTSEG_TREE_H */
