/*
 * kdtree_search.c
 *	  Questions to a k-d tree (Friedman, Bentley and Finkel 1977).
 *
 * A search goes down to the nearest leaf first and comes back to what may still be near enough: it
 * skips a node whose box is too far, or just as far with no lower row.  In many dimensions it can
 * skip few, and the search becomes a scan of the leaves by full vectors; then it pays to ask for
 * many points together, as CsKdKthDistances() does, so that a leaf is fetched once for all.
 *
 * Searches take no memory and change nothing.
 */
#include "custseg.h"

#include <math.h>

#include "math/kdtree.h"
#include "math/math.h"
#include "miscadmin.h"

/* Least distances of CS_KD_LEAF points, column-major, to a box. */
CS_CLONES static void
PointsToBox(int d, const double *x, const double *box, double *distance)
{
	for (int r = 0; r < CS_KD_LEAF; r++)
		distance[r] = 0;
	for (int j = 0; j < d; j++, x += CS_KD_LEAF)
	{
		double		low = box[j],
					high = box[d + j];

		for (int r = 0; r < CS_KD_LEAF; r++)
		{
			double		gap = low - x[r] > x[r] - high ? low - x[r] : x[r] - high;

			gap = gap > 0 ? gap : 0;
			distance[r] += gap * gap;
		}
	}
}

/* The least distance of each point of a leaf to a box.  OUT distance, CS_KD_LEAF numbers. */
void
CsKdLeafToBox(const CsKdTree *tree, int32 leaf, const double *box, double *distance)
{
	PointsToBox(tree->ncolumns, CsKdLeaf(tree, leaf), box, distance);
}

/* Copy the point at a position of the tree to z. */
void
CsKdPoint(const CsKdTree *tree, int32 position, double *z)
{
	const double *x = CsKdLeaf(tree, position / CS_KD_LEAF) + position % CS_KD_LEAF;

	for (int j = 0; j < tree->ncolumns; j++)
		z[j] = x[(Size) j * CS_KD_LEAF];
}

/*
 * Distances of nz points, which lie row by row in z, to the points of a leaf.  OUT distance[i *
 * CS_KD_LEAF + r], which is NaN for free places of the leaf.
 */
void
CsKdLeafDistances(const CsKdTree *tree, int32 leaf, int nz, const double *z, double *distance)
{
	CsSquaredDistances(tree->ncolumns, CS_KD_LEAF, CsKdLeaf(tree, leaf), CS_KD_LEAF, nz, z,
					   distance);
}

/*
 * A walk over the leaves that may hold points within a bound of z, near ones early:
 *
 *		StartWalk(&walk, tree, z);
 *		while ((leaf = NextLeaf(&walk, tree, z, bound, tie)) >= 0)
 *			... CsKdLeafDistances(tree, leaf, 1, z, distance); points with distance <= bound ...
 *
 * The bound may fall from call to call.  A box exactly as far away as the bound is visited only
 * if it holds a row lower than "tie": PG_INT32_MAX includes the bound itself; the row found so far
 * gives the lowest row among equals; -1 asks for nearer points only.  Thus a search among a mass of
 * equal points does not visit them all.
 */
typedef struct Walk
{
	int			depth;
	struct
	{
		CsKdNode	node;
		double		distance;	/* of its box */
	}			stack[CS_KD_MAX_DEPTH + 1];
} Walk;

/* Start a walk over the leaves around z. */
static void
StartWalk(Walk *walk, const CsKdTree *tree, const double *z)
{
	walk->depth = 0;
	if (tree->nleaves == 0)
		return;
	walk->stack[0].node = CsKdRoot(tree);
	walk->stack[0].distance = CsKdBoxNearest(tree, CsKdRoot(tree), z);
	walk->depth = 1;
}

/* Must a node at this distance be visited? */
static inline bool
IsWorthAVisit(const CsKdTree *tree, CsKdNode node, double distance, double bound, int32 tie)
{
	return distance < bound || (distance == bound && CsKdLowest(tree, node) < tie);
}

/*
 * The next leaf to visit, the nearer half of each node first; -1 when no other leaf can hold a
 * point within the bound.  For "tie" see Walk.
 */
static int32
NextLeaf(Walk *walk, const CsKdTree *tree, const double *z, double bound, int32 tie)
{
	CHECK_FOR_INTERRUPTS();
	while (walk->depth > 0)
	{
		CsKdNode	node = walk->stack[--walk->depth].node;
		double		distance = walk->stack[walk->depth].distance;

		while (node.leaves > 1 && IsWorthAVisit(tree, node, distance, bound, tie))
		{
			CsKdNode	left = CsKdLeft(node),
						right = CsKdRight(node);
			double		to_left = CsKdBoxNearest(tree, left, z),
						to_right = CsKdBoxNearest(tree, right, z);
			bool		turn = to_right < to_left;

			walk->stack[walk->depth].node = turn ? left : right;
			walk->stack[walk->depth++].distance = turn ? to_left : to_right;
			node = turn ? right : left;
			distance = turn ? to_right : to_left;
		}
		if (node.leaves == 1 && IsWorthAVisit(tree, node, distance, bound, tie))
			return node.first;
	}
	return -1;
}

/* Is neighbour a farther than b: by distance, then by row? */
static inline bool
Farther(double a, int32 a_index, double b, int32 b_index)
{
	return a > b || (a == b && a_index > b_index);
}

/* Put an entry at the root of a heap of n, the farthest on top, and let it sink to its place. */
static void
SinkNeighbor(int n, int32 *index, double *distance, int32 new_index, double new_distance)
{
	int			at = 0,
				child;

	while ((child = 2 * at + 1) < n)
	{
		if (child + 1 < n && Farther(distance[child + 1], index[child + 1],
									 distance[child], index[child]))
			child++;
		if (!Farther(distance[child], index[child], new_distance, new_index))
			break;
		distance[at] = distance[child];
		index[at] = index[child];
		at = child;
	}
	distance[at] = new_distance;
	index[at] = new_index;
}

/* Add an entry to a heap of n, which has room for it. */
static void
AddNeighbor(int n, int32 *index, double *distance, int32 new_index, double new_distance)
{
	int			at = n;

	while (at > 0)
	{
		int			parent = (at - 1) / 2;

		if (!Farther(new_distance, new_index, distance[parent], index[parent]))
			break;
		distance[at] = distance[parent];
		index[at] = index[parent];
		at = parent;
	}
	distance[at] = new_distance;
	index[at] = new_index;
}

/*
 * Find the k points nearest to z, nearest first, without the row "except" (-1 for no such row).
 * Equal distances come in the order of their rows.  Returns how many points there are: k or fewer.
 * OUT index: the rows; distance: the squared distances; both have room for k.
 */
int
CsKdNearest(const CsKdTree *tree, const double *z, int k, int32 except, int32 *index,
			double *distance)
{
	const int32 *rows = CsKdIndex(tree);
	double		here[CS_KD_LEAF];
	Walk	walk;
	int32		leaf;
	int			n = 0;

	if (k <= 0)
		return 0;
	StartWalk(&walk, tree, z);
	while ((leaf = NextLeaf(&walk, tree, z, n < k ? HUGE_VAL : distance[0],
								n < k ? PG_INT32_MAX : index[0])) >= 0)
	{
		CsKdLeafDistances(tree, leaf, 1, z, here);
		for (int r = 0; r < CsKdLeafPoints(tree, leaf); r++)
		{
			int32		row = rows[leaf * CS_KD_LEAF + r];

			if (row < 0 || row == except || (n == k && !Farther(distance[0], index[0], here[r], row)))
				continue;
			if (n < k)
				AddNeighbor(n++, index, distance, row, here[r]);
			else
				SinkNeighbor(n, index, distance, row, here[r]);
		}
	}
	for (int last = n - 1; last > 0; last--)	/* the heap becomes a sorted list */
	{
		int32		row = index[last];
		double		far = distance[last];

		index[last] = index[0];
		distance[last] = distance[0];
		SinkNeighbor(last, index, distance, row, far);
	}
	return n;
}

/* Is there a point whose squared distance to z is at most the bound? */
bool
CsKdHasWithin(const CsKdTree *tree, const double *z, double bound)
{
	double		here[CS_KD_LEAF];
	Walk	walk;
	int32		leaf;

	StartWalk(&walk, tree, z);
	while ((leaf = NextLeaf(&walk, tree, z, bound, PG_INT32_MAX)) >= 0)
	{
		CsKdLeafDistances(tree, leaf, 1, z, here);
		for (int r = 0; r < CsKdLeafPoints(tree, leaf); r++)
			if (here[r] <= bound)
				return true;
	}
	return false;
}

/*
 * The row of the point nearest to z, within the bound, among the points with the given label, or,
 * with "other", among those with any other label.  Of equally near rows the lowest is returned, and
 * -1 if there is none.  IN labels, by row; OUT distance, squared.
 */
int32
CsKdNearestLabelled(const CsKdTree *tree, const double *z, const int32 *labels, int32 label,
					bool other, double bound, double *distance)
{
	const int32 *rows = CsKdIndex(tree);
	double		here[CS_KD_LEAF];
	Walk	walk;
	int32		leaf,
				best = -1;

	StartWalk(&walk, tree, z);
	while ((leaf = NextLeaf(&walk, tree, z, bound, best < 0 ? PG_INT32_MAX : best)) >= 0)
	{
		CsKdLeafDistances(tree, leaf, 1, z, here);
		for (int r = 0; r < CsKdLeafPoints(tree, leaf); r++)
		{
			int32		row = rows[leaf * CS_KD_LEAF + r];

			if (!(here[r] <= bound) || (labels[row] == label) == other)
				continue;
			if (best >= 0 && !Farther(bound, best, here[r], row))
				continue;
			best = row;
			bound = here[r];
		}
	}
	*distance = bound;
	return best;
}

/* Points that search together, and what they have found. */
typedef struct Party
{
	const CsKdTree *tree;
	int			n;
	int			k;
	const double *z;			/* n x d */
	double	   *columns;		/* the same, column-major, CS_KD_LEAF to a column */
	double	   *near;			/* those of them that are near the leaf at hand, row by row */
	double	   *box;			/* theirs */
	double	   *found;			/* n heaps of k distances, the largest on top */
	int			nfound[CS_KD_LEAF];
	double		bound[CS_KD_LEAF];	/* what is as far does not matter */
	double		farthest;		/* the largest bound */
} Party;

/* Lay out a party in its scratch. */
static void
GatherParty(Party *p, double *scratch)
{
	int			d = p->tree->ncolumns;

	p->columns = scratch;
	p->near = p->columns + (Size) d * CS_KD_LEAF;
	p->box = p->near + (Size) d * CS_KD_LEAF;
	for (int j = 0; j < d; j++)
	{
		double	   *column = p->columns + (Size) j * CS_KD_LEAF;

		p->box[j] = p->box[d + j] = p->z[j];
		for (int i = 0; i < CS_KD_LEAF; i++)
		{
			column[i] = p->z[(Size) Min(i, p->n - 1) * d + j];
			p->box[j] = Min(p->box[j], column[i]);
			p->box[d + j] = Max(p->box[d + j], column[i]);
		}
	}
	for (int i = 0; i < p->n; i++)
	{
		p->nfound[i] = 0;
		p->bound[i] = HUGE_VAL;
	}
	p->farthest = HUGE_VAL;
}

/* Add a distance to a heap that is not full, or in place of its largest. */
static inline void
KeepDistance(double *heap, int *n, int k, double distance)
{
	int			at,
				child;

	if (*n < k)
	{
		for (at = (*n)++; at > 0 && heap[(at - 1) / 2] < distance; at = (at - 1) / 2)
			heap[at] = heap[(at - 1) / 2];
		heap[at] = distance;
		return;
	}
	for (at = 0; (child = 2 * at + 1) < k; at = child)
	{
		if (child + 1 < k && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= distance)
			break;
		heap[at] = heap[child];
	}
	heap[at] = distance;
}

/* The party looks at a leaf: those of it whose bounds it may lower. */
static void
VisitLeaf(Party *p, CsKdNode leaf)
{
	int			d = p->tree->ncolumns,
				npoints = CsKdLeafPoints(p->tree, leaf.first),
				nnear = 0,
				who[CS_KD_LEAF];
	double		to_box[CS_KD_LEAF],
				distance[CS_KD_LEAF * CS_KD_LEAF];

	PointsToBox(d, p->columns, CsKdBox(p->tree, leaf), to_box);
	for (int i = 0; i < p->n; i++)
		if (to_box[i] < p->bound[i] || p->nfound[i] < p->k)
		{
			memcpy(p->near + (Size) nnear * d, p->z + (Size) i * d, sizeof(double) * d);
			who[nnear++] = i;
		}
	if (nnear == 0)
		return;
	CsKdLeafDistances(p->tree, leaf.first, nnear, p->near, distance);
	for (int i = 0; i < nnear; i++)
	{
		double	   *heap = p->found + (Size) who[i] * p->k;
		int		   *n = &p->nfound[who[i]];

		for (int r = 0; r < npoints; r++)
			if (*n < p->k || distance[i * CS_KD_LEAF + r] < heap[0])
				KeepDistance(heap, n, p->k, distance[i * CS_KD_LEAF + r]);
		if (*n == p->k)
			p->bound[who[i]] = heap[0];
	}
	p->farthest = 0;
	for (int i = 0; i < p->n; i++)
		p->farthest = Max(p->farthest, p->bound[i]);
}

/* The party looks at a node that is so far from its box, the nearer half first. */
static void
VisitNode(Party *p, CsKdNode node, double distance)
{
	if (!(distance < p->farthest || isinf(p->farthest)))
		return;
	CHECK_FOR_INTERRUPTS();
	if (node.leaves == 1)
		VisitLeaf(p, node);
	else
	{
		int			d = p->tree->ncolumns;
		CsKdNode	left = CsKdLeft(node),
					right = CsKdRight(node);
		double		to_left = CsKdBoxesNearest(d, p->box, CsKdBox(p->tree, left)),
					to_right = CsKdBoxesNearest(d, p->box, CsKdBox(p->tree, right));
		bool		turn = to_right < to_left;

		VisitNode(p, turn ? right : left, turn ? to_right : to_left);
		VisitNode(p, turn ? left : right, turn ? to_left : to_right);
	}
}

/*
 * The distance of each of n points to its k-th nearest point of the tree, for k up to the number of
 * points. n is at most CS_KD_LEAF, and the n points are best near each other.  In many dimensions
 * this is far faster than n calls of CsKdNearest().  IN z, row by row; heaps has room for n * k
 * numbers, scratch for CS_KD_PARTY_SCRATCH(ncolumns); OUT result[n].
 */
void
CsKdKthDistances(const CsKdTree *tree, int n, const double *z, int k, double *heaps,
				 double *scratch, double *result)
{
	Party		party = {.tree = tree, .n = n, .k = k, .z = z, .found = heaps};

	Assert(n >= 1 && n <= CS_KD_LEAF && k >= 1 && k <= tree->npoints);
	GatherParty(&party, scratch);
	VisitNode(&party, CsKdRoot(tree), 0);
	for (int i = 0; i < n; i++)
		result[i] = party.bound[i];
}
