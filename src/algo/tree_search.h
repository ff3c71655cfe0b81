/*
 * tree_search.h
 *	  What the growing of a decision tree (tree_grow.c) and its search for splits (tree_search.c) share.
 */
#ifndef CUSTSEG_TREE_SEARCH_H
#define CUSTSEG_TREE_SEARCH_H

#include "algo/tree.h"

/*
 * An order holds row numbers.  The highest bit says more, see tree_search.c, and where the classes and rows are
 * few the bits below it are the row's class, so that nobody has to look it up all over memory.
 */
#define LARGER ((uint32) 1 << 31)
#define TREE_CLASS_SHIFT 27
#define TREE_FEW_CLASSES 16
#define TREE_FEW_ROWS ((int64) 1 << TREE_CLASS_SHIFT)
#define CLASS_OF_ENTRY(entry) (((entry) >> TREE_CLASS_SHIFT) % TREE_FEW_CLASSES)
#define ROW(level, entry) ((entry) & (level)->row_mask)

/* The place of a row that a level does not have. */
#define NOT_TAKEN (~(uint32) 0)

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
	int			whole;			/* uint32[ncolumns][whole_rows]: the orders of all rows of the matrix */
	int			places;			/* uint32[whole_rows]: which of the level's rows it is, or NOT_TAKEN */
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
	bool		tells_class;	/* do the orders say the class of each row? */
	uint32		row_mask;		/* bits of an entry that are the row */
	int64		nrows;
	int64		whole_rows;
	int64		min_leaf;
} TreeLevel;

/* Is a split better than the best one so far?  -infinity is the worst; the others are above 0. */
static inline bool
IsBetterSplit(double proxy, double best, bool weighted)
{
	return proxy > (weighted ? best + TREE_ROUNDING * best : best);
}

/* Class counts of a stretch. */
static inline const double *
TotalsOf(const TreeLevel *level, CsArena *arena, const TreeStretch *s)
{
	return (const double *) CsArenaAddress(arena, level->totals) + s->totals;
}

/* tree_part.c: entries that are written before it is known on which side they are, and bytes read beside a bit */
#define TREE_PART_SPARE 16
#define TREE_SIDES_SPARE 4

extern void CsTreePart(const TreeLevel *level, uint32 *order, const TreeStretch *s, const uint8 *sides,
					   uint32 *scratch);
extern void CsTreeKeep(const TreeLevel *level, const uint32 *from, uint32 *order, const uint8 *sides,
					   uint32 *scratch);

/* tree_counted.c */
extern void CsTreeCountEntries(const uint32 *order, int64 n, int nclasses, double *counts);
extern void CsTreeSearchCounted(const TreeLevel *level, CsArena *arena, const uint32 *order,
								const TreeStretch *s, TreeSplit *best);

#endif							/* CUSTSEG_TREE_SEARCH_H */
