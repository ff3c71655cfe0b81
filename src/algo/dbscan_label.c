/*
 * dbscan_label.c
 *	  From rows to clusters: which rows are core, and which belong together.
 *
 * A row is core when the rows within eps of it, itself included, weigh at least min_samples.  Core
 * rows within eps of each other are in one cluster; a row within eps of a core row is in a cluster,
 * too; all others are noise (Ester, Kriegel, Sander and Xu 1996).  Clusters are numbered by their
 * first core row, and a row that several clusters reach is the lowest one's.  That is also what
 * scikit-learn's search gives, which completes one cluster after the other in the order of rows.
 *
 * This is the leader's part: areas, what is summed up by node, numbers.  The work is in the passes
 * of dbscan_pass.c.
 */
#include "custseg.h"

#include "algo/dbscan.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* Most items of a pass. */
#define ITEMS 256

/* The areas of a labelling in this process. */
DbscanView
CsDbscanView(CsTeam *team, const DbscanLabelling *l)
{
	CsArena    *arena = CsTeamArena(team);
	DbscanView	view = {
		.l = l,
		.tree = CsArenaAddress(arena, l->tree),
		.weights = l->weights < 0 ? NULL : CsArenaAddress(arena, l->weights),
		.labels = CsArenaAddress(arena, l->labels),
		.kind = DbscanPart(arena, l, l->kind),
		.parent = DbscanPart(arena, l, l->parent),
		.first = DbscanPart(arena, l, l->first),
		.joined = DbscanPart(arena, l, l->joined),
		.node_weight = l->weights < 0 ? NULL : DbscanPart(arena, l, l->weight)
	};

	view.index = CsKdIndex(view.tree);
	view.d = view.tree->ncolumns;
	return view;
}

/* The first core position of a node and of all below it; a node with at most one is joined. */
static int32
FillFirst(const DbscanView *v, CsKdNode node, int32 *count)
{
	int32		start = node.first * CS_KD_LEAF,
				first = -1;

	*count = 0;
	if (node.leaves > 1)
	{
		int32		left_count,
					right_count,
					left = FillFirst(v, CsKdLeft(node), &left_count),
					right = FillFirst(v, CsKdRight(node), &right_count);

		first = left >= 0 ? left : right;
		*count = left_count + right_count;
	}
	else
		for (int r = CsKdLeafPoints(v->tree, node.first) - 1; r >= 0; r--)
			if (v->kind[start + r] != DBSCAN_NOT_CORE)
			{
				first = start + r;
				(*count)++;
			}
	v->first[node.number] = first;
	v->joined[node.number] = *count <= 1;
	return first;
}

/* Weight of the points of a node and of all below it. */
static double
FillWeights(const DbscanView *v, CsKdNode node)
{
	const int32 *index = v->index + (Size) node.first * CS_KD_LEAF;
	double		weight = 0;

	if (node.leaves > 1)
	{
		weight = FillWeights(v, CsKdLeft(node));
		weight += FillWeights(v, CsKdRight(node));
	}
	else
		for (int r = 0; r < CsKdLeafPoints(v->tree, node.first); r++)
			weight += v->weights[index[r]];
	v->node_weight[node.number] = weight;
	return weight;
}

/* Take a part of an area that is being laid out; returns its offset. */
static Size
TakePart(Size *total, Size size)
{
	Size		offset = *total;

	*total = add_size(offset, CACHELINEALIGN(size));
	return offset;
}

/* Lay out the work area; returns its size. */
static Size
LayOut(DbscanLabelling *l, int64 nrows, bool weighted)
{
	Size		leaves = (Size) (nrows + CS_KD_LEAF - 1) / CS_KD_LEAF;
	Size		total = 0;

	l->kind = TakePart(&total, mul_size(leaves, CS_KD_LEAF));
	l->parent = TakePart(&total, mul_size(leaves, CS_KD_LEAF * sizeof(pg_atomic_uint32)));
	l->first = TakePart(&total, mul_size(leaves, 2 * sizeof(int32)));
	l->joined = TakePart(&total, mul_size(leaves, 2));
	l->weight = TakePart(&total, mul_size(leaves, weighted ? 2 * sizeof(double) : 0));
	return total;
}

/* Bytes that a labelling takes beside the tree. */
Size
CsDbscanLabellingSize(int64 nrows, bool weighted)
{
	DbscanLabelling l;

	return add_size(LayOut(&l, nrows, weighted), mul_size(sizeof(int32), nrows));
}

/* Make the areas, except for the tree, for any number of labellings. */
void
CsDbscanStart(DbscanLabelling *l, CsTeam *team, int tree_area, int weights)
{
	CsArena    *arena = CsTeamArena(team);
	const CsKdTree *tree = CsArenaAddress(arena, tree_area);

	memset(l, 0, sizeof(*l));
	l->tree = tree_area;
	l->weights = weights;
	l->items = Min(ITEMS, tree->nleaves);
	l->work = CsArenaAlloc(arena, LayOut(l, tree->npoints, weights >= 0));
	l->labels = CsArenaAlloc(arena, mul_size(sizeof(int32), tree->npoints));
	if (weights >= 0)
	{
		DbscanView	v = CsDbscanView(team, l);

		(void) FillWeights(&v, CsKdRoot(tree));
	}
}

/* Free all areas but the labels and the tree. */
void
CsDbscanEnd(DbscanLabelling *l, CsTeam *team)
{
	CsArenaFree(CsTeamArena(team), l->work);
}

/* Run a task over all leaves. */
static void
RunOverLeaves(const DbscanLabelling *l, CsTeam *team, CsTask task)
{
	CsTeamRun(team, task, l, sizeof(*l), l->items);
}

/* Positions of a kind. */
static int64
CountKind(const DbscanView *v, DbscanKind kind)
{
	int64		count = 0;

	for (int32 p = 0; p < v->tree->npoints; p++)
		count += v->kind[p] == kind;
	return count;
}

/* Decide which rows are core, and return how many. */
int64
CsDbscanCore(DbscanLabelling *l, CsTeam *team, double eps, double min_samples)
{
	DbscanView	v = CsDbscanView(team, l);

	l->bound = eps * eps;
	l->min_samples = min_samples;
	memset(v.kind, DBSCAN_NOT_CORE, v.tree->npoints);
	RunOverLeaves(l, team, CS_TASK(CsDbscanCoreTask));
	return CountKind(&v, DBSCAN_CORE);
}

/*
 * Number the sets of the forest by their first core row.  The forest itself, which is not needed
 * any more, becomes the table of numbers.  Returns how many there are.
 */
static int64
NumberClusters(const DbscanView *v)
{
	int32		npoints = v->tree->npoints;
	int32	   *number = (int32 *) v->parent;
	int32		nclusters = 0;

	for (int32 p = 0; p < npoints; p++)
	{
		CsCheckInterrupts(p);
		v->labels[v->index[p]] = v->kind[p] == DBSCAN_NOT_CORE ? -1 :
			(int32) DbscanFindRoot(v, (uint32) p);
	}
	memset(number, -1, sizeof(int32) * npoints);
	for (int32 row = 0; row < npoints; row++)
	{
		int32		root = v->labels[row];

		CsCheckInterrupts(row);
		if (root < 0)
			continue;
		if (number[root] < 0)
			number[root] = nclusters++;
		v->labels[row] = number[root];
	}
	return nclusters;
}

/* Label all rows, after CsDbscanCore(), and return the number of clusters. */
int64
CsDbscanCluster(DbscanLabelling *l, CsTeam *team)
{
	DbscanView	v = CsDbscanView(team, l);
	int32		ncore;
	int64		nclusters;

	for (int32 p = 0; p < v.tree->npoints; p++)
	{
		CsCheckInterrupts(p);
		pg_atomic_init_u32(&v.parent[p], (uint32) p);
	}
	(void) FillFirst(&v, CsKdRoot(v.tree), &ncore);
	if (ncore > 0)
		RunOverLeaves(l, team, CS_TASK(CsDbscanJoinTask));
	nclusters = NumberClusters(&v);
	if (ncore > 0)
		RunOverLeaves(l, team, CS_TASK(CsDbscanBorderTask));
	return nclusters;
}

/* A hash of a point; equal numbers have equal ones, of which -0 and 0 are two. */
static uint32
HashPoint(const DbscanView *v, int32 position)
{
	const double *x = CsKdLeaf(v->tree, position / CS_KD_LEAF) + position % CS_KD_LEAF;
	uint64		hash = 0;

	for (int j = 0; j < v->d; j++)
	{
		double		value = x[(Size) j * CS_KD_LEAF] + 0.0;
		uint64		bits;

		memcpy(&bits, &value, sizeof(bits));
		hash = hash_combine64(hash, (uint64) murmurhash32((uint32) bits) << 32 | murmurhash32((uint32) (bits >> 32)));
	}
	return (uint32) (hash ^ hash >> 32);
}

/* Are two points equal, number by number? */
static bool
AreEqual(const DbscanView *v, int32 a, int32 b)
{
	const double *x = CsKdLeaf(v->tree, a / CS_KD_LEAF) + a % CS_KD_LEAF,
			   *y = CsKdLeaf(v->tree, b / CS_KD_LEAF) + b % CS_KD_LEAF;

	for (int j = 0; j < v->d; j++)
		if (x[(Size) j * CS_KD_LEAF] != y[(Size) j * CS_KD_LEAF])
			return false;
	return true;
}

/* Enter a core point into the table of positions, -1 where it is free: of equal ones the first row is kept. */
static void
EnterPoint(const DbscanView *v, int32 *table, uint32 mask, int32 position)
{
	uint32		at = HashPoint(v, position) & mask;
	int32		later;

	for (; table[at] >= 0; at = (at + 1) & mask)
	{
		if (!AreEqual(v, table[at], position))
			continue;
		later = v->index[table[at]] < v->index[position] ? position : table[at];
		table[at] += position - later;
		v->kind[later] = DBSCAN_DUPLICATE;
		return;
	}
	table[at] = position;
}

/*
 * Turn every core point that equals a core point before it into a DBSCAN_DUPLICATE.  Returns how many core points of
 * "ncore" are left.  The table takes 16 bytes of a core point at most, which the points to be kept take after it.
 */
int64
CsDbscanMarkDuplicates(DbscanLabelling *l, CsTeam *team, int64 ncore)
{
	DbscanView	v = CsDbscanView(team, l);
	uint64		size = pg_nextpower2_64(2 * (uint64) Max(ncore, 1));
	int32	   *table = palloc_extended(size * sizeof(int32), MCXT_ALLOC_HUGE);

	memset(table, -1, size * sizeof(int32));
	for (int32 p = 0; p < v.tree->npoints; p++)
	{
		CsCheckInterrupts(p);
		if (v.kind[p] == DBSCAN_CORE)
			EnterPoint(&v, table, (uint32) (size - 1), p);
	}
	pfree(table);
	return CountKind(&v, DBSCAN_CORE);
}
