/*
 * linkage.c
 *	  The table of merges of a hierarchical clustering, and the segments that a cut makes of it.
 *
 * Ward, complete and average linkage are made by the nearest-neighbour chain (Murtagh 1983;
 * Benzecri 1982), which needs only that a merged cluster is never nearer to a third one than the
 * nearer of its parts was: from a cluster to its nearest, and on, until two are each other's
 * nearest; these are merged, and the chain goes on from what is left of it.  It finds the merges of
 * the textbook's algorithm in another order, and sorted by height they are the same (Muellner
 * 2011, "Modern hierarchical, agglomerative clustering algorithms").
 *
 * Order and numbers are SciPy's, and so is what happens on ties: chains begin at the lowest point
 * left, the cluster before in the chain wins a tie, then the lowest, and a merged cluster takes the
 * place of the higher of its parts.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hierarchical.h"
#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"


/* Bytes that the merges of n points take, without all their distances (complete, average). */
Size
CsLinkageMemory(int64 n, int ncolumns)
{
	Size		rows = mul_size(n / CS_BLOCK_ROWS + 1, CS_BLOCK_ROWS);
	Size		points = mul_size(mul_size(sizeof(double), rows), ncolumns + 1);

	return add_size(points, mul_size(n, sizeof(CsMerge) + 8 * sizeof(double)));
}

/* A chain at work. */
typedef struct Chain
{
	int			length;
	int32	   *cluster;
	double	   *link;			/* link[i]: distance of cluster[i] to cluster[i - 1] */
	bool	   *member;			/* of each cluster: is it in the chain? */
} Chain;

/* Put a cluster to the end of the chain. */
static void
Push(Chain *chain, int cluster, double distance)
{
	chain->cluster[chain->length] = cluster;
	chain->link[chain->length++] = distance;
	chain->member[cluster] = true;
}

/* Take the last "n" clusters off the chain. */
static void
Pop(Chain *chain, int n)
{
	while (n-- > 0)
		chain->member[chain->cluster[--chain->length]] = false;
}

/*
 * All merges of n points, in the order in which they are found.  Distances along a chain fall, so
 * it ends.  Only rounding can bring a merged cluster so near to one further back in the chain that
 * the chain would run in a circle; it then begins anew, among clusters that no longer change.
 */
void
CsChainMerge(int n, const CsChainClusters *clusters, CsMerge *merges)
{
	Chain		chain = {0};
	bool	   *merged = palloc0(sizeof(bool) * n);
	int			lowest = 0;

	chain.cluster = palloc(sizeof(int32) * n);
	chain.link = palloc(sizeof(double) * n);
	chain.member = palloc0(sizeof(bool) * n);
	for (int i = 0; i < n - 1;)
	{
		int			last,
					before,
					nearest;
		double		distance;

		CHECK_FOR_INTERRUPTS();
		if (chain.length == 0)
		{
			while (merged[lowest])
				lowest++;
			Push(&chain, lowest, HUGE_VAL);
		}
		last = chain.cluster[chain.length - 1];
		before = chain.length > 1 ? chain.cluster[chain.length - 2] : -1;
		distance = chain.link[chain.length - 1];
		nearest = clusters->nearest(clusters->state, last, before, &distance);
		if (nearest == before)
		{
			Pop(&chain, 2);
			merges[i].first = Min(last, before);
			merges[i].second = Max(last, before);
			merges[i].height = distance;
			merged[merges[i].first] = true;
			clusters->merge(clusters->state, merges[i].first, merges[i].second);
			i++;
		}
		else if (chain.member[nearest])
		{
			Pop(&chain, chain.length);
			Push(&chain, last, HUGE_VAL);
		}
		else
			Push(&chain, nearest, distance);
	}
	pfree(chain.cluster);
	pfree(chain.link);
	pfree(chain.member);
	pfree(merged);
}

/*
 * Distances, and what ward makes of them and the weights, must be finite: from here on nothing is
 * checked again.
 */
static void
CheckRange(CsArena *arena, const CsLeaves *leaves)
{
	const CsMatrix *m = leaves->matrix;
	const double *weights = leaves->weights < 0 ? NULL : CsArenaAddress(arena, leaves->weights);
	double		squared = 0,
				total = leaves->n;

	for (int j = 0; j < m->ncolumns; j++)
	{
		double		low = HUGE_VAL,
					high = -HUGE_VAL;

		CHECK_FOR_INTERRUPTS();
		for (int64 b = 0; b < CsMatrixBlocks(m); b++)
		{
			const double *x = CsMatrixBlock(m, arena, b) + (Size) j * CS_BLOCK_ROWS;

			for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
			{
				low = Min(low, x[r]);
				high = Max(high, x[r]);
			}
		}
		squared += (high - low) * (high - low);
	}
	if (weights != NULL)
	{
		total = 0;
		for (int i = 0; i < leaves->n; i++)
			total += weights[i];
	}
	if (!isfinite(squared * total * total))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("distances between the rows are too large to compute"),
				 errhint("Scale the features, or divide the weights by a large number.")));
}

/* Complete and average need all distances: is there room for them? */
static void
CheckPairs(const CsLeaves *leaves, CsLinkage linkage, Size memory_left)
{
	Size		needed = CsLinkagePairsSize(leaves->n);
	Size		taken = CsMemoryLimit() - memory_left;

	if (needed <= memory_left)
		return;
	CsMemoryError(needed + taken,
				  psprintf("take linkage \"ward\" or \"single\", which need no distances of all pairs; or lower option %s",
						   leaves->micro ? "\"micro_clusters\"" :
						   "\"max_rows\", above which micro-clusters stand for the rows"),
				  "%s linkage of %d %s", CsLinkageNames[linkage], leaves->n,
				  leaves->micro ? "micro-clusters" : "rows");
}

/* For qsort_arg: by height, then in the order in which the merges were found. */
static int
CompareMerges(const void *a, const void *b, void *merges)
{
	const CsMerge *first = (const CsMerge *) merges + *(const int32 *) a;
	const CsMerge *second = (const CsMerge *) merges + *(const int32 *) b;

	if (first->height != second->height)
		return first->height < second->height ? -1 : 1;
	return first < second ? -1 : 1;
}

/* The merges sorted by height, palloc'd. */
static CsMerge *
SortMerges(const CsMerge *merges, int n)
{
	CsMerge    *sorted = palloc(sizeof(CsMerge) * n);
	int32	   *order = palloc(sizeof(int32) * n);

	for (int i = 0; i < n; i++)
		order[i] = i;
	qsort_arg(order, n, sizeof(int32), CompareMerges, unconstify(CsMerge *, merges));
	for (int i = 0; i < n; i++)
		sorted[i] = merges[order[i]];
	pfree(order);
	return sorted;
}

/* Sorted merges of points: number the clusters and count their rows. */
static void
NumberClusters(CsMerge *merges, const CsLeaves *leaves)
{
	int			n = leaves->n;
	int32	   *parent = palloc(sizeof(int32) * 2 * n);
	int64	   *rows = palloc(sizeof(int64) * 2 * n);

	for (int i = 0; i < 2 * n - 1; i++)
		parent[i] = i;
	for (int i = 0; i < n; i++)
		rows[i] = leaves->micro ? leaves->rows[i] : 1;
	for (int i = 0; i < n - 1; i++)
	{
		int32		a = CsFindRoot(parent, merges[i].first);
		int32		b = CsFindRoot(parent, merges[i].second);

		merges[i].first = Min(a, b);
		merges[i].second = Max(a, b);
		merges[i].rows = rows[n + i] = rows[a] + rows[b];
		parent[a] = parent[b] = n + i;
	}
	pfree(parent);
	pfree(rows);
}

/*
 * The table of merges of the leaves: n - 1, palloc'd.  What complete and average need beyond
 * CsLinkageMemory() is held to "memory_left".
 */
CsMerge *
CsLinkageMerges(CsTeam *team, const CsLeaves *leaves, CsLinkage linkage, Size memory_left)
{
	int			n = leaves->n;
	CsMerge    *found = palloc0(sizeof(CsMerge) * n);
	CsMerge    *merges;

	CheckRange(CsTeamArena(team), leaves);
	switch (linkage)
	{
		case CS_LINKAGE_WARD:
			CsLinkageWard(team, leaves, found);
			break;
		case CS_LINKAGE_SINGLE:
			CsLinkageSingle(team, leaves, found);
			break;
		default:
			CheckPairs(leaves, linkage, memory_left);
			CsLinkagePairs(team, leaves, linkage, found);
	}
	merges = SortMerges(found, n - 1);
	pfree(found);
	NumberClusters(merges, leaves);
	return merges;
}

/*
 * Cut the tree into k segments, or fewer: points that lie at the same place stay together.
 * OUT segment[n], numbered from 0 by their first point.  Returns how many there are.
 */
int
CsLinkageCut(const CsMerge *merges, int n, int k, int32 *segment)
{
	int32	   *parent = palloc(sizeof(int32) * 2 * n);
	int32	   *number = palloc(sizeof(int32) * 2 * n);
	int			found = 0;

	for (int i = 0; i < 2 * n - 1; i++)
	{
		parent[i] = i;
		number[i] = -1;
	}
	for (int i = 0; i < n - 1 && (i < n - k || merges[i].height == 0); i++)
		parent[merges[i].first] = parent[merges[i].second] = n + i;
	for (int i = 0; i < n; i++)
	{
		int32		cluster = CsFindRoot(parent, i);

		if (number[cluster] < 0)
			number[cluster] = found++;
		segment[i] = number[cluster];
	}
	pfree(parent);
	pfree(number);
	return found;
}

/* Keep the highest of n merges, which ascend, in a fit's output. */
void
CsFitKeepMerges(CsFitOutput *out, const CsMerge *merges, int n)
{
	out->nmerges = Min(n, CS_UPPER_MERGES);
	out->first_merge = n - out->nmerges;
	out->merges = memcpy(palloc(sizeof(CsMerge) * Max(out->nmerges, 1)), merges + out->first_merge,
						 sizeof(CsMerge) * out->nmerges);
}
