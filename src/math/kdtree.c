/*
 * kdtree.c
 *	  A balanced k-d tree in one piece of memory: how it is built (Bentley 1975).
 *
 * A node is split at the middle of its leaves along the column in which its points spread the
 * most, by selection (Hoare 1961): the points before the cut are not larger there than those after
 * it.  The cut depends on how many points there are and not on where they lie, so that all places
 * in the tree are known beforehand, nodes need no links, and no data make the tree deep: points
 * that are all equal are cut in halves like others.
 *
 * While it is built the points lie row by row, where a leaf's rows take the same place that its
 * columns will take in the end; so building moves them in place and needs no other memory.
 *
 * Every node keeps the box of its points and the lowest of their rows; the bounds that follow from
 * boxes are here, too.
 */
#include "custseg.h"

#include <math.h>

#include "math/kdtree.h"
#include "math/math.h"
#include "miscadmin.h"

/* Below this a range is sorted instead of selected from. */
#define SMALL_RANGE 12

/* Rows that are looked at together. */
#define SWAP_BLOCK 64

/* Rows between two looks for a cancel. */
#define ROWS_PER_CHECK 65536

/* Random numbers of the building, apart from the algorithms'. */
#define STREAM UINT64CONST(0x6B642D74726565)

/* Bytes of a tree of so many points. */
Size
CsKdTreeSize(int64 npoints, int ncolumns)
{
	Size		leaves = (Size) ((npoints + CS_KD_LEAF - 1) / CS_KD_LEAF);
	Size		row = mul_size(sizeof(double), ncolumns);
	Size		nodes = mul_size(mul_size(leaves, 2), add_size(mul_size(row, 2), sizeof(int32)));
	Size		points = mul_size(mul_size(leaves, CS_KD_LEAF), add_size(row, sizeof(int32)));

	return add_size(MAXALIGN(sizeof(CsKdTree)), add_size(nodes, points));
}

/*
 * Lay out an empty tree in CsKdTreeSize() bytes of MAXALIGNed memory.  The caller then writes the
 * points, row by row, to CsKdRow(), and calls CsKdTreeBuild().
 */
void
CsKdTreeInit(CsKdTree *tree, int64 npoints, int ncolumns)
{
	Size		row = sizeof(double) * ncolumns;
	int32	   *index;

	Assert(npoints <= CS_KD_MAX_POINTS);
	tree->npoints = (int32) npoints;
	tree->ncolumns = ncolumns;
	tree->nleaves = (int32) ((npoints + CS_KD_LEAF - 1) / CS_KD_LEAF);
	tree->boxes = MAXALIGN(sizeof(CsKdTree));
	tree->points = tree->boxes + (Size) tree->nleaves * 4 * row;
	tree->index = tree->points + (Size) tree->nleaves * CS_KD_LEAF * row;
	tree->lowest = tree->index + (Size) tree->nleaves * CS_KD_LEAF * sizeof(int32);
	index = CsKdIndex(tree);
	for (int64 i = 0; i < (int64) tree->nleaves * CS_KD_LEAF; i++)
		index[i] = i < npoints ? (int32) i : -1;
}

/* Widen a box, the smallest and the largest value in each column, by n rows. */
CS_CLONES static void
WidenBox(int d, const double *row, int64 n, double *low, double *high)
{
	for (int64 i = 0; i < n; i++, row += d)
		for (int j = 0; j < d; j++)
		{
			low[j] = row[j] < low[j] ? row[j] : low[j];
			high[j] = row[j] > high[j] ? row[j] : high[j];
		}
}

/* The box of a node's points, which still lie row by row. */
static void
MeasureNode(CsKdTree *tree, CsKdNode node, double *box)
{
	int			d = tree->ncolumns;
	const double *row = CsKdRow(tree, node.first * CS_KD_LEAF);
	int32		n;

	memcpy(box, row, sizeof(double) * d);
	memcpy(box + d, row, sizeof(double) * d);
	for (int32 left = CsKdNodePoints(tree, node); left > 0; left -= n, row += (Size) n * d)
	{
		CHECK_FOR_INTERRUPTS();
		n = Min(left, ROWS_PER_CHECK);
		WidenBox(d, row, n, box, box + d);
	}
}

/* The column in which the box is widest, the first of equals; -1 when it is a point. */
static int
WidestColumn(int d, const double *low, const double *high)
{
	int			widest = -1;
	double		width = 0;

	for (int j = 0; j < d; j++)
		if (high[j] - low[j] > width)
		{
			width = high[j] - low[j];
			widest = j;
		}
	return widest;
}

static inline void
SwapRows(int d, double *rows, int32 *index, int64 a, int64 b)
{
	double	   *x = rows + (Size) a * d;
	double	   *y = rows + (Size) b * d;
	int32		number = index[a];

	index[a] = index[b];
	index[b] = number;
	for (int j = 0; j < d; j++)
	{
		double		value = x[j];

		x[j] = y[j];
		y[j] = value;
	}
}

/* Sort a few rows by a column. */
static void
SortFew(int d, double *rows, int32 *index, int64 first, int64 end, int column)
{
	for (int64 i = first + 1; i < end; i++)
		for (int64 at = i; at > first; at--)
		{
			const double *x = rows + (Size) at * d + column;

			if (!(x[0] < x[-d]))
				break;
			SwapRows(d, rows, index, at, at - 1);
		}
}

/* The middle one of the values that three random rows of the range have in a column. */
static double
ChoosePivot(int d, const double *rows, int64 first, int64 end, int column, CsRng *rng)
{
	double		value[3];

	for (int i = 0; i < 3; i++)
	{
		int64		row = first + (int64) CsRngBelow(rng, (uint64) (end - first));

		value[i] = rows[(Size) row * d + column];
	}
	return Max(Min(value[0], value[1]), Min(Max(value[0], value[1]), value[2]));
}

/*
 * Swap rows of the range from *i to *j that are not smaller than the pivot in the column with such as are not larger,
 * from both ends, until less than two blocks are left between *i and *j.  The rows that are swapped are found for a
 * block at once, without a branch that depends on them, and then swapped in the same pairs as one by one (Edelkamp and
 * Weiss, BlockQuicksort, 2016).
 */
static inline __attribute__((always_inline)) void
SwapBlocks(int d, double *rows, int32 *index, int64 *i, int64 *j, int column, double pivot)
{
	uint8		left[SWAP_BLOCK],
				right[SWAP_BLOCK];
	int			nleft = 0,			/* that are still to be swapped, */
				nright = 0,
				first_left = 0,		/* and where they begin */
				first_right = 0,
				check = ROWS_PER_CHECK / SWAP_BLOCK;

	while (*j - *i >= 2 * SWAP_BLOCK)
	{
		const double *low = rows + (Size) *i * d + column,
				   *high = rows + (Size) *j * d + column;
		int			n;

		if (nleft == 0)
			for (int r = first_left = 0; r < SWAP_BLOCK; r++)
			{
				left[nleft] = (uint8) r;
				nleft += !(low[(Size) r * d] < pivot);
			}
		if (nright == 0)
			for (int r = first_right = 0; r < SWAP_BLOCK; r++)
			{
				right[nright] = (uint8) r;
				nright += !(high[-(int64) r * d] > pivot);
			}
		n = Min(nleft, nright);
		for (int r = 0; r < n; r++)
			SwapRows(d, rows, index, *i + left[first_left + r], *j - right[first_right + r]);
		first_left += n;
		first_right += n;
		nleft -= n;
		nright -= n;
		*i += nleft == 0 ? SWAP_BLOCK : 0;
		*j -= nright == 0 ? SWAP_BLOCK : 0;
		if (--check == 0)
		{
			CHECK_FOR_INTERRUPTS();
			check = ROWS_PER_CHECK / SWAP_BLOCK;
		}
	}
	*i += nleft > 0 ? left[first_left] : 0;
	*j -= nright > 0 ? right[first_right] : 0;
}

/*
 * Move rows so that those before "cut" are not larger in the column than those from it on.
 * Equal values are swapped like others, which keeps the halves of many equal ones even.
 */
static inline __attribute__((always_inline)) void
SelectRows(int d, double *rows, int32 *index, int64 first, int64 end, int64 cut, int column,
		   CsRng *rng)
{
	while (end - first > SMALL_RANGE)
	{
		double		pivot = ChoosePivot(d, rows, first, end, column, rng);
		int64		i = first,
					j = end - 1;

		CHECK_FOR_INTERRUPTS();
		SwapBlocks(d, rows, index, &i, &j, column, pivot);
		while (i <= j)
		{
			while (rows[(Size) i * d + column] < pivot)
				i++;
			while (rows[(Size) j * d + column] > pivot)
				j--;
			if (i <= j)
				SwapRows(d, rows, index, i++, j--);
		}
		/* rows up to j are <= pivot, from i on >= pivot, any between are equal to it */
		if (cut <= j)
			end = j + 1;
		else if (cut >= i)
			first = i;
		else
			return;
	}
	SortFew(d, rows, index, first, end, column);
}

/* The same with the number of columns known to the compiler, which makes swaps cheap. */
static void
SelectRowsOf(int d, double *rows, int32 *index, int64 first, int64 end, int64 cut, int column,
			 CsRng *rng)
{
	switch (d)
	{
		case 1:
			SelectRows(1, rows, index, first, end, cut, column, rng);
			break;
		case 2:
			SelectRows(2, rows, index, first, end, cut, column, rng);
			break;
		case 3:
			SelectRows(3, rows, index, first, end, cut, column, rng);
			break;
		case 4:
			SelectRows(4, rows, index, first, end, cut, column, rng);
			break;
		default:
			SelectRows(d, rows, index, first, end, cut, column, rng);
	}
}

/* Turn a leaf's rows into columns; returns its lowest row. */
static int32
FinishLeaf(CsKdTree *tree, int32 leaf)
{
	int			d = tree->ncolumns,
				n = CsKdLeafPoints(tree, leaf);
	const int32 *index = CsKdIndex(tree) + (Size) leaf * CS_KD_LEAF;
	int32		lowest = index[0];
	double	   *x = CsKdLeaf(tree, leaf);
	double	   *rows = palloc(sizeof(double) * n * d);

	memcpy(rows, x, sizeof(double) * n * d);
	for (int j = 0; j < d; j++)
		for (int r = 0; r < CS_KD_LEAF; r++)
			x[(Size) j * CS_KD_LEAF + r] = r < n ? rows[(Size) r * d + j] : NAN;
	pfree(rows);
	for (int r = 1; r < n; r++)
		lowest = Min(lowest, index[r]);
	return lowest;
}

/* Cut a node's points in two; "box" is theirs. */
static void
SplitNode(CsKdTree *tree, CsKdNode node, const double *box)
{
	int			d = tree->ncolumns,
				column = WidestColumn(d, box, box + d);
	int64		first = (int64) node.first * CS_KD_LEAF;
	CsRng		rng;

	if (column < 0)
		return;					/* all points are equal: any halves will do */
	CsRngSeed(&rng, (uint64) node.number, STREAM);
	SelectRowsOf(d, CsKdLeaf(tree, 0), CsKdIndex(tree), first,
				 first + CsKdNodePoints(tree, node),
				 (int64) CsKdRight(node).first * CS_KD_LEAF, column, &rng);
}

/* Build a node and all that is below it; returns its lowest row. */
static int32
BuildNode(CsKdTree *tree, CsKdNode node)
{
	double	   *box = CsKdBox(tree, node);
	int32		lowest;

	MeasureNode(tree, node, box);
	if (node.leaves == 1)
		lowest = FinishLeaf(tree, node.first);
	else
	{
		int32		left,
					right;

		SplitNode(tree, node, box);
		left = BuildNode(tree, CsKdLeft(node));
		right = BuildNode(tree, CsKdRight(node));
		lowest = Min(left, right);
	}
	((int32 *) ((char *) tree + tree->lowest))[node.number] = lowest;
	return lowest;
}

/* Build the tree over the points that have been written to it. */
void
CsKdTreeBuild(CsKdTree *tree)
{
	if (tree->nleaves > 0)
		BuildNode(tree, CsKdRoot(tree));
}

/* The box of a node whose halves have theirs. */
static void
JoinBoxes(const CsKdTree *tree, CsKdNode node)
{
	int			d = tree->ncolumns;
	const double *left = CsKdBox(tree, CsKdLeft(node)),
			   *right = CsKdBox(tree, CsKdRight(node));
	double	   *box = CsKdBox(tree, node);

	for (int j = 0; j < d; j++)
	{
		box[j] = Min(left[j], right[j]);
		box[d + j] = Max(left[d + j], right[d + j]);
	}
}

/* Fill a leaf with the points of its places, and its box; one without points is infinitely far from all. */
static void
PlaceLeaf(CsKdTree *tree, CsKdNode leaf, const double *points, const int32 *places)
{
	int			d = tree->ncolumns;
	double	   *x = CsKdLeaf(tree, leaf.first),
			   *low = CsKdBox(tree, leaf),
			   *high = low + d;
	int32	   *index = CsKdIndex(tree) + (Size) leaf.first * CS_KD_LEAF;

	for (int r = 0; r < CS_KD_LEAF; r++)
		index[r] = r < CsKdLeafPoints(tree, leaf.first) ? places[leaf.first * CS_KD_LEAF + r] : -1;
	for (int j = 0; j < d; j++, x += CS_KD_LEAF)
	{
		low[j] = HUGE_VAL;
		high[j] = -HUGE_VAL;
		for (int r = 0; r < CS_KD_LEAF; r++)
		{
			x[r] = index[r] < 0 ? NAN : points[(Size) index[r] * d + j];
			low[j] = x[r] < low[j] ? x[r] : low[j];
			high[j] = x[r] > high[j] ? x[r] : high[j];
		}
	}
}

/* The lowest row of a leaf that may have free places. */
static int32
LowestPlaced(const CsKdTree *tree, CsKdNode leaf)
{
	const int32 *index = CsKdIndex(tree) + (Size) leaf.first * CS_KD_LEAF;
	int32		lowest = PG_INT32_MAX;

	for (int r = 0; r < CS_KD_LEAF; r++)
		lowest = index[r] >= 0 && index[r] < lowest ? index[r] : lowest;
	return lowest;
}

/* Fill a node and all that is below it; returns its lowest row. */
static int32
PlaceNode(CsKdTree *tree, CsKdNode node, const double *points, const int32 *places)
{
	int32		lowest;

	if (node.leaves == 1)
	{
		CsCheckInterrupts(node.first);
		PlaceLeaf(tree, node, points, places);
		lowest = LowestPlaced(tree, node);
	}
	else
	{
		int32		left = PlaceNode(tree, CsKdLeft(node), points, places),
					right = PlaceNode(tree, CsKdRight(node), points, places);

		JoinBoxes(tree, node);
		lowest = Min(left, right);
	}
	((int32 *) ((char *) tree + tree->lowest))[node.number] = lowest;
	return lowest;
}

/*
 * Lay out a tree in CsKdTreeSize(nplaces, ncolumns) bytes, and fill it with points whose places are known: at each the
 * number of a point, or -1 for a free one.  Searches find what those of any other tree of the points find; how soon,
 * depends on the places.
 */
void
CsKdTreePlace(CsKdTree *tree, const double *points, const int32 *places, int32 nplaces, int ncolumns)
{
	CsKdTreeInit(tree, nplaces, ncolumns);
	if (tree->nleaves > 0)
		(void) PlaceNode(tree, CsKdRoot(tree), points, places);
}

/* The least distance of z to a node's box. */
double
CsKdBoxNearest(const CsKdTree *tree, CsKdNode node, const double *z)
{
	int			d = tree->ncolumns;
	const double *low = CsKdBox(tree, node),
			   *high = low + d;
	double		sum = 0;

	for (int j = 0; j < d; j++)
	{
		double		below = low[j] - z[j],
					above = z[j] - high[j],
					gap = Max(Max(below, above), 0);

		sum += gap * gap;
	}
	return sum;
}

/*
 * The least distance of two boxes, which may be of two trees.  A box is d smallest values and d
 * largest ones.
 */
double
CsKdBoxesNearest(int d, const double *a, const double *b)
{
	double		sum = 0;

	for (int j = 0; j < d; j++)
	{
		double		gap = Max(Max(a[j] - b[d + j], b[j] - a[d + j]), 0);

		sum += gap * gap;
	}
	return sum;
}

/* The largest distance that a point of one box can have from a point of the other. */
double
CsKdBoxesFarthest(int d, const double *a, const double *b)
{
	double		sum = 0;

	for (int j = 0; j < d; j++)
	{
		double		reach = Max(a[d + j] - b[j], b[d + j] - a[j]);

		sum += reach * reach;
	}
	return sum;
}
