/*
 * tree_search.h
 *	  What the growing of a decision tree (tree_grow.c) and its search for splits (tree_search.c) share.
 */
#ifndef CUSTSEG_TREE_SEARCH_H
#define CUSTSEG_TREE_SEARCH_H

#include "algo/tree.h"

/* An order holds row numbers, whose highest bit says more: see tree_search.c. */
#define LARGER ((uint32) 1 << 31)
#define ROW(entry) ((entry) & ~LARGER)

/* A node whose rows are parted, or searched for a split: its stretch of every order. */
typedef struct TreeStretch
{
	int64		start,
				end;
	int64		totals;			/* a node that is searched: where its class counts are */
} TreeStretch;

/* The best split of a node by one column. */
typedef struct TreeSplit
{
	double		proxy;			/* -infinity: there is none */
	int64		position;		/* first row on the right */
	double		low,			/* values around it */
				high;
} TreeSplit;

/* The arguments of the tasks; areas are given by their numbers. */
typedef struct TreeLevel
{
	int			matrix;
	int			rows;			/* int64[nrows]: their numbers in the matrix; -1: they are all its rows */
	int			sorted;			/* uint32[ncolumns][nrows]: the orders of all rows */
	int			order;			/* likewise: of those that the tree grows from first */
	int			classes;		/* uint16[nrows] */
	int			weights;		/* double[nrows], or -1 */
	int			sides;			/* a bit a row: it goes left */
	int			parted;			/* TreeStretch[nparted]: nodes of the last level that were split */
	int			open;			/* TreeStretch[nopen]: nodes to search */
	int			totals;			/* double[nopen][nclasses] */
	int			splits;			/* TreeSplit[ncolumns][nopen]: the result */
	int			nparted;
	int			nopen;
	int			nclasses;
	int64		nrows;
	int64		min_leaf;
} TreeLevel;

/* Is a split better than the best one so far?  -infinity is the worst; the others are above 0. */
static inline bool
IsBetterSplit(double proxy, double best, bool weighted)
{
	return proxy > (weighted ? best + TREE_ROUNDING * best : best);
}

#endif							/* CUSTSEG_TREE_SEARCH_H */
