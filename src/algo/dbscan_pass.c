/*
 * dbscan_pass.c
 *	  The passes of DBSCAN over the leaves of the k-d tree: core points, their union, borders.
 *
 * No row's neighbours are ever listed.  A leaf visits the tree, all of its points at a time, and
 * meets what the boxes cannot decide leaf by leaf, with vector instructions:
 *
 * - Core: a node that is within eps of the whole leaf is counted without a look at its points, and
 *	 points that have reached min_samples leave the visit.
 * - Join: core points within eps are united in a forest (union-find).  A node all of whose core
 *	 points are known to be one cluster is not visited by leaves of that cluster, so that dense
 *	 regions cost little however many neighbours there are.
 * - Border: points that are not core look for the lowest cluster among core points within eps.
 *
 * The forest is shared by the team without locks (Anderson and Woll 1991): a root is hung below a
 * lower position by compare-and-swap.  The order in which that happens differs from run to run,
 * the sets in the end do not, and nothing else is taken from the forest.
 */
#include "custseg.h"

#include "algo/dbscan.h"
#include "miscadmin.h"

/* The points of a leaf that visit the tree. */
typedef struct Visitors
{
	CsKdNode	leaf;
	const double *box;			/* the leaf's */
	int			n;
	int32		position[CS_KD_LEAF];
	double		weight[CS_KD_LEAF]; /* core: of the neighbours found so far */
	int32		lowest[CS_KD_LEAF]; /* border: cluster of those found so far */
	double	   *z;				/* n x d */
	int			nnear;			/* those of them that are near the node at hand, */
	int			near[CS_KD_LEAF];
	double	   *near_z;			/* nnear x d, */
	double	   *distance;		/* nnear x CS_KD_LEAF: to its points */
} Visitors;

/* Leaves of an item. */
static inline int32
ItemStart(const DbscanView *v, int item)
{
	return (int32) ((int64) v->tree->nleaves * item / v->l->items);
}

/* Room for visitors, palloc'd. */
static Visitors *
CreateVisitors(const DbscanView *v)
{
	Visitors   *visitors = palloc(sizeof(Visitors));

	visitors->z = palloc(sizeof(double) * CS_KD_LEAF * v->d);
	visitors->near_z = palloc(sizeof(double) * CS_KD_LEAF * v->d);
	visitors->distance = palloc(sizeof(double) * CS_KD_LEAF * CS_KD_LEAF);
	return visitors;
}

/* The points of a leaf that are core, or those that are not, make a visit. */
static void
GatherVisitors(const DbscanView *v, int32 leaf, bool core, Visitors *visitors)
{
	visitors->leaf = CsKdLeafNode(v->tree, leaf);
	visitors->box = CsKdBox(v->tree, visitors->leaf);
	visitors->n = 0;
	for (int r = 0; r < CsKdLeafPoints(v->tree, leaf); r++)
	{
		int32		position = leaf * CS_KD_LEAF + r;
		int			i = visitors->n;

		if ((v->kind[position] != DBSCAN_NOT_CORE) != core)
			continue;
		visitors->position[i] = position;
		visitors->weight[i] = 0;
		visitors->lowest[i] = PG_INT32_MAX;
		CsKdPoint(v->tree, position, visitors->z + (Size) i * v->d);
		visitors->n++;
	}
}

/* Is a node out of reach of the visiting leaf? */
static inline bool
IsOutOfReach(const DbscanView *v, const Visitors *visitors, CsKdNode node)
{
	return CsKdBoxesNearest(v->d, visitors->box, CsKdBox(v->tree, node)) > v->l->bound;
}

/* Distances of those visitors that are themselves near a leaf to its points. */
static void
MeasureVisitors(const DbscanView *v, Visitors *visitors, CsKdNode leaf)
{
	double		to_box[CS_KD_LEAF];

	CsKdLeafToBox(v->tree, visitors->leaf.first, CsKdBox(v->tree, leaf), to_box);
	visitors->nnear = 0;
	for (int i = 0; i < visitors->n; i++)
	{
		if (to_box[visitors->position[i] % CS_KD_LEAF] > v->l->bound)
			continue;
		memcpy(visitors->near_z + (Size) visitors->nnear * v->d,
			   visitors->z + (Size) i * v->d, sizeof(double) * v->d);
		visitors->near[visitors->nnear++] = i;
	}
	if (visitors->nnear > 0)
		CsKdLeafDistances(v->tree, leaf.first, visitors->nnear, visitors->near_z,
						  visitors->distance);
}

/* How many of a leaf's distances are within the bound. */
CS_CLONES static int
CountWithin(const double *distance, double bound)
{
	int			count = 0;

	for (int r = 0; r < CS_KD_LEAF; r++)
		count += distance[r] <= bound;
	return count;
}

/* Weight of those points of a leaf whose distances are within the bound, in their order. */
static double
WeighWithin(const DbscanView *v, int32 leaf, const double *distance)
{
	const int32 *index = v->index + (Size) leaf * CS_KD_LEAF;
	double		sum = 0;

	if (v->weights == NULL)
		return CountWithin(distance, v->l->bound);
	for (int r = 0; r < CsKdLeafPoints(v->tree, leaf); r++)
		if (distance[r] <= v->l->bound)
			sum += v->weights[index[r]];
	return sum;
}

/* Visitors that have found enough are core, and leave. */
static void
DismissCore(const DbscanView *v, Visitors *visitors)
{
	int			kept = 0;

	for (int i = 0; i < visitors->n; i++)
	{
		if (visitors->weight[i] >= v->l->min_samples)
		{
			v->kind[visitors->position[i]] = DBSCAN_CORE;
			continue;
		}
		if (kept < i)
		{
			visitors->position[kept] = visitors->position[i];
			visitors->weight[kept] = visitors->weight[i];
			memcpy(visitors->z + (Size) kept * v->d, visitors->z + (Size) i * v->d,
				   sizeof(double) * v->d);
		}
		kept++;
	}
	visitors->n = kept;
}

/* Weigh what the visitors have within eps in a node; the nearer half first, as it may be enough. */
static void
WeighNeighbors(const DbscanView *v, Visitors *visitors, CsKdNode node)
{
	if (visitors->n == 0 || IsOutOfReach(v, visitors, node))
		return;
	if (CsKdBoxesFarthest(v->d, visitors->box, CsKdBox(v->tree, node)) <= v->l->bound)
	{
		double		weight = v->node_weight ? v->node_weight[node.number] :
			CsKdNodePoints(v->tree, node);

		for (int i = 0; i < visitors->n; i++)
			visitors->weight[i] += weight;
		DismissCore(v, visitors);
	}
	else if (node.leaves == 1)
	{
		CHECK_FOR_INTERRUPTS();
		MeasureVisitors(v, visitors, node);
		for (int i = 0; i < visitors->nnear; i++)
			visitors->weight[visitors->near[i]] +=
				WeighWithin(v, node.first, visitors->distance + i * CS_KD_LEAF);
		DismissCore(v, visitors);
	}
	else
	{
		CsKdNode	left = CsKdLeft(node),
					right = CsKdRight(node);
		bool		turn = visitors->leaf.first >= right.first;

		WeighNeighbors(v, visitors, turn ? right : left);
		WeighNeighbors(v, visitors, turn ? left : right);
	}
}

/* CS_TASK(CsDbscanCoreTask): find the core points among those of a run of leaves. */
void
CsDbscanCoreTask(CsTeam *team, const void *args, int item)
{
	DbscanView	v = CsDbscanView(team, args);
	Visitors   *visitors = CreateVisitors(&v);

	for (int32 leaf = ItemStart(&v, item); leaf < ItemStart(&v, item + 1); leaf++)
	{
		CHECK_FOR_INTERRUPTS();
		GatherVisitors(&v, leaf, false, visitors);
		WeighNeighbors(&v, visitors, CsKdRoot(v.tree));
	}
}

/* Unite the sets of two points: the higher root is hung below the lower one. */
static void
Unite(const DbscanView *v, uint32 a, uint32 b)
{
	for (;;)
	{
		uint32		low,
					high;

		a = DbscanFindRoot(v, a);
		b = DbscanFindRoot(v, b);
		if (a == b)
			return;
		low = Min(a, b);
		high = Max(a, b);
		a = high;
		if (pg_atomic_compare_exchange_u32(&v->parent[high], &a, low))
			return;
		b = low;				/* another member was faster: "a" is the parent that "high" has now */
	}
}

/* Are all core points of two nodes, each known to be one cluster, the same one? */
static inline bool
AreOne(const DbscanView *v, CsKdNode a, CsKdNode b)
{
	return v->joined[a.number] && v->joined[b.number] &&
		DbscanFindRoot(v, (uint32) v->first[a.number]) == DbscanFindRoot(v, (uint32) v->first[b.number]);
}

/* See whether the core points of a leaf, which has some, have become one cluster. */
static void
UpdateLeaf(const DbscanView *v, CsKdNode leaf)
{
	uint32		root;
	int32		start = leaf.first * CS_KD_LEAF;

	if (v->joined[leaf.number])
		return;
	root = DbscanFindRoot(v, (uint32) v->first[leaf.number]);
	for (int32 p = v->first[leaf.number] + 1; p < start + CsKdLeafPoints(v->tree, leaf.first); p++)
		if (v->kind[p] != DBSCAN_NOT_CORE && DbscanFindRoot(v, (uint32) p) != root)
			return;
	v->joined[leaf.number] = 1;
}

/* The same for a node above, by its halves. */
static void
UpdateNode(const DbscanView *v, CsKdNode node)
{
	CsKdNode	left = CsKdLeft(node),
				right = CsKdRight(node);

	if (v->joined[node.number])
		return;
	if (v->first[left.number] < 0)
		v->joined[node.number] = v->joined[right.number];
	else if (v->first[right.number] < 0)
		v->joined[node.number] = v->joined[left.number];
	else
		v->joined[node.number] = AreOne(v, left, right);
}

/*
 * Unite the visitors with the core points of a leaf within eps.  When both sides are one cluster
 * each, the first pair is enough.
 */
static void
JoinLeaf(const DbscanView *v, Visitors *visitors, CsKdNode leaf)
{
	bool		one_is_enough;
	int32		start = leaf.first * CS_KD_LEAF;

	UpdateLeaf(v, leaf);
	if (AreOne(v, visitors->leaf, leaf))
		return;
	one_is_enough = v->joined[visitors->leaf.number] && v->joined[leaf.number];
	CHECK_FOR_INTERRUPTS();
	MeasureVisitors(v, visitors, leaf);
	for (int i = 0; i < visitors->nnear; i++)
	{
		const double *distance = visitors->distance + i * CS_KD_LEAF;

		for (int r = 0; r < CS_KD_LEAF; r++)
		{
			if (!(distance[r] <= v->l->bound) || v->kind[start + r] == DBSCAN_NOT_CORE)
				continue;
			Unite(v, (uint32) visitors->position[visitors->near[i]], (uint32) (start + r));
			if (one_is_enough)
				return;
		}
	}
	UpdateLeaf(v, visitors->leaf);
	UpdateLeaf(v, leaf);
}

/*
 * Unite the visitors with the core points of a node, except for leaves that visit themselves later.
 */
static void
JoinNode(const DbscanView *v, Visitors *visitors, CsKdNode node)
{
	if (node.first > visitors->leaf.first || v->first[node.number] < 0 ||
		IsOutOfReach(v, visitors, node) || AreOne(v, visitors->leaf, node))
		return;
	if (node.leaves == 1)
	{
		JoinLeaf(v, visitors, node);
		return;
	}
	JoinNode(v, visitors, CsKdRight(node));
	JoinNode(v, visitors, CsKdLeft(node));
	UpdateNode(v, node);
}

/*
 * CS_TASK(CsDbscanJoinTask): unite core points of a run of leaves with those of these and all
 * before.
 */
void
CsDbscanJoinTask(CsTeam *team, const void *args, int item)
{
	DbscanView	v = CsDbscanView(team, args);
	Visitors   *visitors = CreateVisitors(&v);

	for (int32 leaf = ItemStart(&v, item); leaf < ItemStart(&v, item + 1); leaf++)
	{
		CHECK_FOR_INTERRUPTS();
		GatherVisitors(&v, leaf, true, visitors);
		if (visitors->n == 0)
			continue;
		if (CsKdBoxesFarthest(v.d, visitors->box, visitors->box) <= v.l->bound)
			for (int i = 1; i < visitors->n; i++)
				Unite(&v, (uint32) visitors->position[0], (uint32) visitors->position[i]);
		UpdateLeaf(&v, visitors->leaf);
		JoinNode(&v, visitors, CsKdRoot(v.tree));
	}
}

/* The lowest cluster that the visitors have within eps in a node. */
static void
FindClusters(const DbscanView *v, Visitors *visitors, CsKdNode node)
{
	int32		start = node.first * CS_KD_LEAF;

	if (v->first[node.number] < 0 || IsOutOfReach(v, visitors, node))
		return;
	if (node.leaves > 1)
	{
		FindClusters(v, visitors, CsKdLeft(node));
		FindClusters(v, visitors, CsKdRight(node));
		return;
	}
	CHECK_FOR_INTERRUPTS();
	MeasureVisitors(v, visitors, node);
	for (int i = 0; i < visitors->nnear; i++)
	{
		const double *distance = visitors->distance + i * CS_KD_LEAF;
		int32	   *lowest = &visitors->lowest[visitors->near[i]];

		for (int r = 0; r < CS_KD_LEAF; r++)
			if (distance[r] <= v->l->bound && v->kind[start + r] != DBSCAN_NOT_CORE)
				*lowest = Min(*lowest, v->labels[v->index[start + r]]);
	}
}

/* CS_TASK(CsDbscanBorderTask): label the points of a run of leaves that are not core. */
void
CsDbscanBorderTask(CsTeam *team, const void *args, int item)
{
	DbscanView	v = CsDbscanView(team, args);
	Visitors   *visitors = CreateVisitors(&v);

	for (int32 leaf = ItemStart(&v, item); leaf < ItemStart(&v, item + 1); leaf++)
	{
		CHECK_FOR_INTERRUPTS();
		GatherVisitors(&v, leaf, false, visitors);
		if (visitors->n == 0)
			continue;
		FindClusters(&v, visitors, CsKdRoot(v.tree));
		for (int i = 0; i < visitors->n; i++)
			if (visitors->lowest[i] < PG_INT32_MAX)
				v.labels[v.index[visitors->position[i]]] = visitors->lowest[i];
	}
}
