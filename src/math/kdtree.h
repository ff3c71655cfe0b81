/*
 * kdtree.h
 *	  A k-d tree: finds the points that are near without looking at all of them.
 *
 * The tree is one flat piece of memory without a pointer, so that it can lie in an area of a
 * team or within a compiled model.  Queries take no memory and change nothing: any number of
 * processes may ask at the same time.
 *
 * Points are stored leaf by leaf, CS_KD_LEAF to a leaf and only the last one less full: point i
 * of the tree is in leaf i / CS_KD_LEAF.  That is a point's position; index[position] is the row
 * that it was before the tree was built.  A leaf is column-major, x[column * CS_KD_LEAF + r], what
 * the kernels of distance.c read; free places of the last leaf are NaN, which is near nothing.
 *
 * A tree that CsKdTreePlace() has made has free places in any leaf, and counts them as points; only
 * searches for one nearest point, and for a nearest point with a label, may be made of it.
 *
 * All distances are squared, with the sum over columns in order, as everywhere.
 */
#ifndef CUSTSEG_KDTREE_H
#define CUSTSEG_KDTREE_H

#include "custseg.h"

#define CS_KD_LEAF 32

/* Most points of a tree, and how deep it is then. */
#define CS_KD_MAX_POINTS (PG_INT32_MAX - CS_KD_LEAF)
#define CS_KD_MAX_DEPTH 28

typedef struct CsKdTree
{
	int32		npoints;		/* may be 0; free places are among them where CsKdTreePlace() has made the tree */
	int32		ncolumns;
	int32		nleaves;
	Size		boxes;			/* offsets from here: double[2 * nleaves][2][ncolumns], by node */
	Size		points;			/* double[nleaves][ncolumns][CS_KD_LEAF] */
	Size		index;			/* int32[nleaves][CS_KD_LEAF]; -1 in free places */
	Size		lowest;			/* int32[2 * nleaves]: the lowest row of each node */
} CsKdTree;

/*
 * A node is the leaves first .. first + leaves - 1.  Its left half are the first (leaves + 1) / 2
 * of them.  Nodes are numbered in preorder, so that all there is to a node follows from the root.
 */
typedef struct CsKdNode
{
	int32		number;			/* 0 .. 2 * nleaves - 2 */
	int32		first;
	int32		leaves;			/* 1: it is a leaf */
} CsKdNode;

static inline CsKdNode
CsKdRoot(const CsKdTree *tree)
{
	return (CsKdNode) {0, 0, tree->nleaves};
}

static inline CsKdNode
CsKdLeft(CsKdNode node)
{
	return (CsKdNode) {node.number + 1, node.first, (node.leaves + 1) / 2};
}

static inline CsKdNode
CsKdRight(CsKdNode node)
{
	int32		left = (node.leaves + 1) / 2;

	return (CsKdNode) {node.number + 2 * left, node.first + left, node.leaves - left};
}

/* The node of a leaf. */
static inline CsKdNode
CsKdLeafNode(const CsKdTree *tree, int32 leaf)
{
	CsKdNode	node = CsKdRoot(tree);

	while (node.leaves > 1)
		node = leaf < CsKdRight(node).first ? CsKdLeft(node) : CsKdRight(node);
	return node;
}

/* Smallest values of a node's points in each column; the largest follow them. */
static inline double *
CsKdBox(const CsKdTree *tree, CsKdNode node)
{
	return (double *) ((char *) tree + tree->boxes) + (Size) node.number * 2 * tree->ncolumns;
}

static inline double *
CsKdLeaf(const CsKdTree *tree, int32 leaf)
{
	return (double *) ((char *) tree + tree->points) + (Size) leaf * CS_KD_LEAF * tree->ncolumns;
}

/* Rows by position. */
static inline int32 *
CsKdIndex(const CsKdTree *tree)
{
	return (int32 *) ((char *) tree + tree->index);
}

/* The lowest row among a node's points. */
static inline int32
CsKdLowest(const CsKdTree *tree, CsKdNode node)
{
	return ((const int32 *) ((const char *) tree + tree->lowest))[node.number];
}

/* Points of a leaf: CS_KD_LEAF except for the last one. */
static inline int
CsKdLeafPoints(const CsKdTree *tree, int32 leaf)
{
	return Min(CS_KD_LEAF, tree->npoints - leaf * CS_KD_LEAF);
}

/* Points of a node, from position first * CS_KD_LEAF on. */
static inline int32
CsKdNodePoints(const CsKdTree *tree, CsKdNode node)
{
	return (int32) Min((int64) node.leaves * CS_KD_LEAF,
					   (int64) tree->npoints - (int64) node.first * CS_KD_LEAF);
}

/*
 * kdtree.c: how a tree is built, and the bounds of its boxes.  Rounding is monotone, and sums run
 * in the same order as all others: a bound is never on the wrong side of a computed distance, not
 * by one bit.
 */
extern Size CsKdTreeSize(int64 npoints, int ncolumns);
extern void CsKdTreeInit(CsKdTree *tree, int64 npoints, int ncolumns);
extern void CsKdTreeBuild(CsKdTree *tree);
extern void CsKdTreePlace(CsKdTree *tree, const double *points, const int32 *places, int32 nplaces, int ncolumns);

/* Where row i is written before the tree is built: ncolumns numbers, finite. */
static inline double *
CsKdRow(CsKdTree *tree, int32 i)
{
	return CsKdLeaf(tree, 0) + (Size) i * tree->ncolumns;
}

extern double CsKdBoxNearest(const CsKdTree *tree, CsKdNode node, const double *z);
extern double CsKdBoxesNearest(int ncolumns, const double *a, const double *b);
extern double CsKdBoxesFarthest(int ncolumns, const double *a, const double *b);

/* kdtree_search.c: distances to points of the tree, and searches. */
extern void CsKdLeafToBox(const CsKdTree *tree, int32 leaf, const double *box, double *distance);
extern void CsKdPoint(const CsKdTree *tree, int32 position, double *z);
extern void CsKdLeafDistances(const CsKdTree *tree, int32 leaf, int nz, const double *z,
							  double *distance);

extern int	CsKdNearest(const CsKdTree *tree, const double *z, int k, int32 except, int32 *index,
						double *distance);

extern bool CsKdHasWithin(const CsKdTree *tree, const double *z, double bound);

/* Numbers of scratch that CsKdKthDistances() needs. */
#define CS_KD_PARTY_SCRATCH(ncolumns) ((Size) (2 * CS_KD_LEAF + 2) * (ncolumns))

extern void CsKdKthDistances(const CsKdTree *tree, int n, const double *z, int k, double *heaps,
							 double *scratch, double *result);
extern int32 CsKdNearestLabelled(const CsKdTree *tree, const double *z, const int32 *labels,
								 int32 label, bool other, double bound, double *distance);

#endif							/* CUSTSEG_KDTREE_H */
