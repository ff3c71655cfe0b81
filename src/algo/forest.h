/*
 * forest.h
 *	  What growing a tree of a random forest shares with the forest.
 */
#ifndef CUSTSEG_ALGO_FOREST_H
#define CUSTSEG_ALGO_FOREST_H

#include "algo/value.h"

/* Trees that are grown between two collections of them, at most. */
#define FOREST_BATCH 16

/* A row of a column's order. */
typedef struct ForestEntry
{
	float		value;
	uint32		row;
} ForestEntry;

/* What the tasks are given; areas by their numbers. */
typedef struct ForestArgs
{
	int			matrix,			/* the CsMatrix */
				target,			/* double[nrows] */
				order,			/* ForestEntry[ncolumns][nrows] */
				nodes,			/* CsTreeNode[batch][room] */
				notes,			/* CsTreeNote[batch][room] */
				counts,			/* int32[batch]: nodes of each tree */
				bags,			/* uint8[batch][nrows]: was the row in the tree's sample? */
				left_out;		/* double[2][nrows]: sum and number of what trees said of a row unseen */
	int			task;			/* FOREST_SORT, FOREST_GROW, FOREST_ASK */
	int			first;			/* tree of the batch */
	int			ntrees;			/* in the batch */
	int			ncolumns;
	int			room;			/* nodes that a tree can have */
	int			max_depth;
	int			min_leaf;
	int			tried;			/* columns that are tried for a split */
	int64		nrows;
	uint64		seed;
	double		mean;			/* of the target */
	float		base;			/* what leaves are apart from */
} ForestArgs;

/* forest_tree.c */
extern int64 CsForestSampleRows(int64 nrows);
extern Size CsForestTreeMemory(int64 nrows, int ncolumns);
extern void CsForestGrowTree(const ForestArgs *a, CsArena *arena, int item);

#endif							/* CUSTSEG_ALGO_FOREST_H */
