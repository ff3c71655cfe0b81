/*
 * hdbscan_tree.c
 *	  From the edges of a minimum spanning tree to clusters: the second half of HDBSCAN*
 *	  (Campello, Moulavi, Zimek and Sander 2015).
 *
 * Edges in ascending order of their distance join rows to ever larger parts: the single-linkage
 * hierarchy.  Read from the top, a part of it is a cluster as long as it has min_cluster_size
 * rows.  Where it falls apart, a piece that is smaller leaves it; a single piece that is large
 * enough is still the same cluster; two or more are new ones, and the old one ends.  This is the
 * condensed tree.  A cluster's stability is the sum over its rows of 1/d(leaving) - 1/d(birth), d
 * being the distance of the level; the selected clusters are those of greatest total stability
 * that do not contain each other (excess of mass), or the leaves of the condensed tree.
 *
 * Edges of equal distance are one event, however many parts it joins.  So the hierarchy is that of
 * the data: it does not depend on which of several minimum spanning trees was found, nor on the
 * order of rows.  (A hierarchy of two parts at a time has to invent an order among equals, and
 * with it clusters that are born and die at the same level.)
 *
 * Nodes: rows are 0 .. n-1, parts n .. 2n-2 in ascending order of distance, so that a node's parent
 * has the greater number and a loop from the top down needs no stack.  All arrays are O(n).
 */
#include "custseg.h"

#include <math.h>

#include "algo/hdbscan.h"

/* The single-linkage hierarchy; arrays of parts begin with node n. */
typedef struct Hierarchy
{
	int32		nrows;
	int32		nnodes;			/* 2n - 1 */
	int32	   *parent;			/* of each node; the root's is -1 */
	int32	   *size;			/* of each part: its rows */
	const HdbscanEdge *level;	/* of each part: the edge that joined it */
} Hierarchy;

/* A cluster of the condensed tree; a parent comes before its children. */
typedef struct Cluster
{
	int32		parent;			/* -1: the root */
	int32		nchildren;
	int32		rows;			/* where it begins */
	int32		end_rows;		/* where it falls apart into its children, if it does */
	double		end;			/* distance of that level */
	double		birth;			/* distance of the level where it begins; the root's is infinite */
	double		peak;			/* least distance at which rows leave it */
	double		stability;
	double		below;			/* stability of the best clusters below it */
	bool		selected;
	int32		label;			/* -1: noise */
} Cluster;

typedef struct Condensed
{
	int32		nclusters;
	Cluster    *cluster;
	int32	   *cluster_of;		/* of each node: the cluster that it is in, or left last */
	int32	   *left_at;		/* of each node: the part it left its cluster with; -1: it is in it */
} Condensed;

/* Most clusters there can be: the leaves of the condensed tree have no row in common. */
static int64
MostClusters(int64 nrows, int min_cluster_size)
{
	return 2 * (nrows / min_cluster_size) + 1;
}

/* Bytes that CsHdbscanSelect() takes. */
Size
CsHdbscanTreeMemory(int64 nrows, int min_cluster_size)
{
	Size		each = 7 * sizeof(int32) + sizeof(uint8);

	return add_size(mul_size(each, nrows),
					mul_size(sizeof(Cluster) + sizeof(CsMerge) + 4 * sizeof(int32),
							 MostClusters(nrows, min_cluster_size)));
}

/* An array of n, palloc'd; there is room for one at least. */
static void *
AllocateArray(Size size, int64 n)
{
	return palloc_extended(mul_size(size, Max(n, 1)), MCXT_ALLOC_HUGE);
}

/* The distance that a part was joined at. */
static inline double
LevelOf(const Hierarchy *h, int32 part)
{
	return h->level[part - h->nrows].distance;
}

/* The rows of a node. */
static inline int32
SizeOf(const Hierarchy *h, int32 node)
{
	return node < h->nrows ? 1 : h->size[node - h->nrows];
}

/* Join parts two at a time in the order of the edges. */
static void
BuildHierarchy(Hierarchy *h, const HdbscanEdge *edges, int32 n)
{
	int32	   *set = AllocateArray(sizeof(int32), n);
	int32	   *top = AllocateArray(sizeof(int32), n); /* of a set's representative: its node */

	h->nrows = n;
	h->nnodes = 2 * n - 1;
	h->parent = AllocateArray(sizeof(int32), h->nnodes);
	h->size = AllocateArray(sizeof(int32), n - 1);
	h->level = edges;
	for (int32 i = 0; i < n; i++)
		set[i] = top[i] = i;
	for (int32 i = 0; i < n - 1; i++)
	{
		int32		a = HdbscanFindSet(set, edges[i].a),
					b = HdbscanFindSet(set, edges[i].b);
		int32		size_a = SizeOf(h, top[a]),
					size_b = SizeOf(h, top[b]);

		HdbscanCheckAt(i);
		Assert(a != b);
		h->parent[top[a]] = h->parent[top[b]] = n + i;
		h->size[i] = size_a + size_b;
		if (size_a < size_b)
			a = set[a] = b;
		else
			set[b] = a;
		top[a] = n + i;
	}
	h->parent[h->nnodes - 1] = -1;
	pfree(set);
	pfree(top);
}

/* Is a part joined on to others at its own level, so that it never stands alone? */
static inline bool
IsTransitory(const Hierarchy *h, int32 part)
{
	return h->parent[part] >= 0 && LevelOf(h, part) == LevelOf(h, h->parent[part]);
}

/* Make the parts of one event one part: the parent of each node becomes one that stands. */
static void
UniteEqualLevels(Hierarchy *h)
{
	for (int32 node = h->nnodes - 2; node >= 0; node--)
	{
		int32		parent = h->parent[node];

		HdbscanCheckAt(node);
		if (IsTransitory(h, parent))
			h->parent[node] = h->parent[parent];
	}
}

/* How many pieces of each part are large enough to be clusters, counted up to 2; palloc'd. */
static uint8 *
CountLargePieces(const Hierarchy *h, int min_cluster_size)
{
	uint8	   *large = AllocateArray(sizeof(uint8), h->nrows);

	memset(large, 0, h->nrows);
	for (int32 node = h->nnodes - 2; node >= h->nrows; node--)
	{
		uint8	   *count = &large[h->parent[node] - h->nrows];

		HdbscanCheckAt(node);
		if (!IsTransitory(h, node) && SizeOf(h, node) >= min_cluster_size && *count < 2)
			++*count;
	}
	return large;
}

/* Begin a cluster of so many rows; returns its number. */
static int32
AddCluster(Condensed *c, int32 parent, double birth, int32 rows)
{
	Cluster    *cluster = &c->cluster[c->nclusters];

	memset(cluster, 0, sizeof(Cluster));
	cluster->parent = parent;
	cluster->birth = birth;
	cluster->rows = rows;
	cluster->peak = HUGE_VAL;
	if (parent >= 0)
		c->cluster[parent].nchildren++;
	return c->nclusters++;
}

/* Rows leave a cluster, to be noise there or a cluster of their own. */
static void
LeaveCluster(Cluster *cluster, int32 nrows, double distance)
{
	cluster->stability += nrows * (1 / distance - 1 / cluster->birth);
	cluster->peak = Min(cluster->peak, distance);
}

/* Place a node below a part. */
static void
PlaceNode(Condensed *c, const Hierarchy *h, int32 node, int pieces, int min_cluster_size)
{
	int32		parent = h->parent[node],
				cluster = c->cluster_of[parent];
	double		level = LevelOf(h, parent);

	c->cluster_of[node] = cluster;
	c->left_at[node] = c->left_at[parent];
	if (c->left_at[parent] >= 0)
		return;					/* it left with its parent, higher up */
	if (SizeOf(h, node) < min_cluster_size)
		c->left_at[node] = parent;
	else if (pieces == 1)
		return;					/* the cluster goes on */
	else
	{
		c->cluster[cluster].end = level;
		c->cluster[cluster].end_rows = SizeOf(h, parent);
		c->cluster_of[node] = AddCluster(c, cluster, level, SizeOf(h, node));
	}
	LeaveCluster(&c->cluster[cluster], SizeOf(h, node), level);
}

/* The condensed tree.  Clusters that do not contain each other have no row in common. */
static void
Condense(Condensed *c, const Hierarchy *h, int min_cluster_size)
{
	uint8	   *large = CountLargePieces(h, min_cluster_size);
	int32		root = h->nnodes - 1;

	c->nclusters = 0;
	c->cluster = AllocateArray(sizeof(Cluster), MostClusters(h->nrows, min_cluster_size));
	c->cluster_of = AllocateArray(sizeof(int32), h->nnodes);
	c->left_at = AllocateArray(sizeof(int32), h->nnodes);
	c->cluster_of[root] = AddCluster(c, -1, HUGE_VAL, h->nrows);
	c->left_at[root] = -1;
	for (int32 node = root - 1; node >= 0; node--)
	{
		HdbscanCheckAt(node);
		if (node >= h->nrows && IsTransitory(h, node))
			continue;
		PlaceNode(c, h, node, large[h->parent[node] - h->nrows], min_cluster_size);
	}
	pfree(large);
}

/* Clusters of greatest total stability; on a tie the larger one. */
static void
SelectByStability(Condensed *c, bool allow_single_cluster)
{
	for (int32 i = c->nclusters - 1; i >= 0; i--)
	{
		Cluster    *cluster = &c->cluster[i];

		cluster->selected = !(cluster->nchildren > 0 && cluster->below > cluster->stability);
		if (cluster->parent >= 0)
			c->cluster[cluster->parent].below +=
				cluster->selected ? cluster->stability : cluster->below;
	}
	if (!allow_single_cluster)
		c->cluster[0].selected = false;
}

/* Clusters that do not fall apart into others. */
static void
SelectLeaves(Condensed *c, bool allow_single_cluster)
{
	for (int32 i = 0; i < c->nclusters; i++)
		c->cluster[i].selected = c->cluster[i].nchildren == 0 && (i > 0 || allow_single_cluster);
}

/*
 * Take for each selected cluster that begins below a distance the one around it that does not
 * (Malzer and Baum 2020); not the root, unless it may be a cluster.
 */
static void
MergeBelow(Condensed *c, double epsilon, bool allow_single_cluster)
{
	for (int32 i = c->nclusters - 1; i > 0; i--)
	{
		Cluster    *cluster = &c->cluster[i];

		if (!cluster->selected || !(cluster->birth < epsilon) ||
			(cluster->parent == 0 && !allow_single_cluster))
			continue;
		cluster->selected = false;
		c->cluster[cluster->parent].selected = true;
	}
}

/*
 * Number the selected clusters that no other contains, and hand the number on to those within.
 * Returns how many there are.
 */
static int
LabelClusters(Condensed *c)
{
	int			k = 0;

	for (int32 i = 0; i < c->nclusters; i++)
	{
		Cluster    *cluster = &c->cluster[i];

		cluster->label = cluster->parent < 0 ? -1 : c->cluster[cluster->parent].label;
		if (cluster->label >= 0)
			cluster->selected = false;
		if (cluster->selected)
			cluster->label = k++;
	}
	return k;
}

/*
 * The limit of the root as a cluster.  All rows are in it, so what is noise?  As in the authors'
 * library: rows that leave before its end, or, where epsilon is larger, at a distance above that.
 * The result is the next number up, because a row belongs to what it reaches below the limit.
 */
static double
RootLimit(const Cluster *root, double epsilon)
{
	return nextafter(Max(root->peak, epsilon), HUGE_VAL);
}

/* The description of the selected clusters, palloc'd. */
static HdbscanSegment *
DescribeSegments(const Condensed *c, int k)
{
	HdbscanSegment *segments = AllocateArray(sizeof(HdbscanSegment), k);

	for (int32 i = 0; i < c->nclusters; i++)
	{
		const Cluster *cluster = &c->cluster[i];

		if (cluster->selected)
			segments[cluster->label] = (HdbscanSegment) {
				.birth = cluster->birth,
				.peak = cluster->peak,
				.stability = cluster->stability
			};
	}
	return segments;
}

/* Labels of the rows, and the distance at which each leaves the last cluster that it was in. */
static void
LabelRows(const Condensed *c, const Hierarchy *h, const HdbscanSegment *segments, int32 *labels,
		  double *leave)
{
	for (int32 row = 0; row < h->nrows; row++)
	{
		int32		label = c->cluster[c->cluster_of[row]].label;

		HdbscanCheckAt(row);
		leave[row] = LevelOf(h, c->left_at[row]);
		labels[row] = label >= 0 && leave[row] < segments[label].birth ? label : -1;
	}
}

/* Which of two clusters falls apart at a lower level; of equal ones the later, which may be within the other. */
static int
CompareEnds(const void *a, const void *b, void *clusters)
{
	int32		i = *(const int32 *) a,
				j = *(const int32 *) b;
	const Cluster *x = (const Cluster *) clusters + i,
			   *y = (const Cluster *) clusters + j;

	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return i > j ? -1 : i < j;
}

/* Clusters of the condensed tree while they are merged, from the lowest level up. */
typedef struct Merging
{
	const Condensed *c;
	int32	   *first;			/* of each cluster: its first child */
	int32	   *next;			/* the next child of the same parent; -1: it is the last */
	int32	   *number;			/* as merges number clusters */
	int32		nleaves;
	CsMerge    *merges;
	int32		nmerges;
} Merging;

/* Merge the children of a cluster, one after the other at its end; the last merge makes all of it. */
static void
MergeChildren(Merging *m, int32 cluster)
{
	const Cluster *clusters = m->c->cluster;
	int32		child = m->first[cluster];
	int32		merged = m->number[child];
	int64		rows = clusters[child].rows;

	while ((child = m->next[child]) >= 0)
	{
		bool		is_last = m->next[child] < 0;

		rows += clusters[child].rows;
		m->merges[m->nmerges] = (CsMerge) {
			.first = Min(merged, m->number[child]),
			.second = Max(merged, m->number[child]),
			.height = clusters[cluster].end,
			.rows = is_last ? clusters[cluster].end_rows : rows
		};
		merged = m->nleaves + m->nmerges;
		m->nmerges++;
	}
	m->number[cluster] = merged;
}

/*
 * Keep the highest merges of the condensed tree's clusters in a fit's output: read from below, clusters
 * that fall apart no further are merged where the cluster begins to fall apart that holds them.
 */
static void
KeepMerges(const Condensed *c, CsFitOutput *out)
{
	int32		n = c->nclusters,
				nends = 0;
	int32	   *order = AllocateArray(sizeof(int32), n);
	Merging		m = {.c = c,.first = AllocateArray(sizeof(int32), n),.next = AllocateArray(sizeof(int32), n),
		.number = AllocateArray(sizeof(int32), n),.merges = AllocateArray(sizeof(CsMerge), n)};

	for (int32 i = 0; i < n; i++)
	{
		m.first[i] = -1;
		if (c->cluster[i].nchildren > 0)
			order[nends++] = i;
		else
			m.number[i] = m.nleaves++;
	}
	for (int32 i = n - 1; i > 0; i--)
	{
		m.next[i] = m.first[c->cluster[i].parent];
		m.first[c->cluster[i].parent] = i;
	}
	qsort_arg(order, nends, sizeof(int32), CompareEnds, c->cluster);
	for (int32 i = 0; i < nends; i++)
		MergeChildren(&m, order[i]);
	CsFitKeepMerges(out, m.merges, m.nmerges);
	pfree(order);
	pfree(m.first);
	pfree(m.next);
	pfree(m.number);
	pfree(m.merges);
}

/*
 * Select clusters.  IN edges: the nrows - 1 edges of a minimum spanning tree in ascending order,
 * with distances above 0.  OUT labels (-1 for noise) and leave, both [nrows], *segments, palloc'd,
 * and the merges of "out".  Returns the number of clusters.
 */
int
CsHdbscanSelect(const HdbscanPlan *plan, const HdbscanEdge *edges, int32 *labels, double *leave,
				HdbscanSegment **segments, CsFitOutput *out)
{
	Hierarchy	h;
	Condensed	c;
	int			k;

	Assert(plan->nrows >= plan->min_cluster_size && plan->min_cluster_size >= 2);
	BuildHierarchy(&h, edges, plan->nrows);
	UniteEqualLevels(&h);
	Condense(&c, &h, plan->min_cluster_size);
	if (plan->method == HDBSCAN_EOM)
		SelectByStability(&c, plan->allow_single_cluster);
	else
		SelectLeaves(&c, plan->allow_single_cluster);
	MergeBelow(&c, plan->epsilon, plan->allow_single_cluster);
	k = LabelClusters(&c);
	*segments = DescribeSegments(&c, k);
	if (c.cluster[0].selected)
		(*segments)[0].birth = RootLimit(&c.cluster[0], plan->epsilon);
	LabelRows(&c, &h, *segments, labels, leave);
	KeepMerges(&c, out);
	pfree(c.cluster);
	pfree(c.cluster_of);
	pfree(c.left_at);
	pfree(h.parent);
	pfree(h.size);
	return k;
}
