/*
 * linkage_pairs.c
 *	  Complete and average linkage, over a table of all distances.
 *
 * The table is condensed: the distances of all i < j, row by row, n (n - 1) / 2 of them, in memory of
 * the leader's own.  A team would fill it in half the time, which is little beside the merges; but
 * shared memory comes in small pages, and to take 1.6 GB of them and to give them back, after a
 * cancel too, costs more than that.  The chain of linkage.c looks along a cluster's column and row, and a merged
 * cluster's distances follow from those of its parts (Lance and Williams 1967):
 *
 *	complete	the larger of the two
 *	average		their mean, weighted by the weights of the parts (UPGMA)
 *
 * The arithmetic is SciPy's, operation by operation, so that ties fall as they do there.
 *
 * Whoever looks at all distances of a cluster, to compute them, to find the nearest or to merge, writes down the nearest
 * few and how far all others are at least.  A merged cluster is not nearer to a third one than the nearer of its parts was:
 * so the others stay as far, and while one of the few, or what has taken it in, is nearer, it is the nearest of all, and
 * the column and the row need not be read again.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hierarchical.h"
#include "math/math.h"
#include "miscadmin.h"

/* Rows of the table whose distances are computed together. */
#define GROUP 4

/* How far ahead to ask for a column's entries, each of which lies in another cache line. */
#define AHEAD 16

/* Clusters that are written down as the nearest of one. */
#define FEW 8

/* Part of a distance that is more than what rounding does to the mean of means, for as many clusters as fit. */
#define MEAN_MARGIN 1e-9

/* The nearest of a cluster when all of its distances were looked at, the nearest first; HUGE_VAL: there are no more. */
typedef struct NearestFew
{
	double		distance[FEW];
	int32		cluster[FEW];
} NearestFew;

typedef struct Pairs
{
	CsLinkage	linkage;
	double	   *table;
	int64	   *start;			/* of each row: start[i] + j is the entry of i < j */
	double	   *weight;			/* of each cluster */
	int			nlive;
	int32	   *live;			/* clusters that are left, ascending */
	int32	   *taken_by;		/* of each cluster: what took it in, or itself */
	NearestFew *few;			/* of each cluster */
	double	   *others;			/* and how far all others are at least: as the last of the few, HUGE_VAL if there are none */
} Pairs;

/* Where row i of the table would have column 0: row i, column j > i is at that plus j. */
static inline int64
RowStart(int64 n, int64 i)
{
	return i * (2 * n - i - 1) / 2 - i - 1;
}

/* The entry of two clusters. */
static inline double *
PairOf(const Pairs *p, int32 a, int32 b)
{
	return p->table + (a < b ? p->start[a] + b : p->start[b] + a);
}

/* Bytes of the table of all distances of n points. */
static Size
TableSize(int64 n)
{
	return mul_size(sizeof(double), n * (n - 1) / 2);
}

/* Bytes that all distances of n points take, and what is known of the nearest. */
Size
CsLinkagePairsSize(int64 n)
{
	return add_size(TableSize(n), mul_size(sizeof(NearestFew) + sizeof(double) + sizeof(int32), n));
}

/* OUT distance[n]: square roots. */
CS_CLONES static void
TakeRoots(int n, const double *squared, double *distance)
{
	for (int i = 0; i < n; i++)
		distance[i] = sqrt(squared[i]);
}

/* No cluster is known to be near to x. */
static void
ForgetFew(Pairs *p, int x)
{
	for (int i = 0; i < FEW; i++)
		p->few[x].distance[i] = HUGE_VAL;
	p->others[x] = HUGE_VAL;
}

/* Write down a cluster that is nearer to x than the last of the few. */
static void
KeepNear(Pairs *p, int x, int32 cluster, double distance)
{
	NearestFew *few = &p->few[x];
	int			at = FEW - 1;

	for (; at > 0 && few->distance[at - 1] > distance; at--)
	{
		few->distance[at] = few->distance[at - 1];
		few->cluster[at] = few->cluster[at - 1];
	}
	few->distance[at] = distance;
	few->cluster[at] = cluster;
	p->others[x] = few->distance[FEW - 1];
}

/* Pairs that are looked at together. */
#define PAIRS 8

/* Is any of PAIRS distances below a bound of its own, or below that of all? */
CS_CLONES static bool
AnyBelow(const double *distance, const double *own, double all)
{
	int64		any = 0;

	for (int i = 0; i < PAIRS; i++)
		any |= (distance[i] < own[i]) | (distance[i] < all);
	return any != 0;
}

/* Write down which of the points from "from" on are near to x, and to which of them x is. */
static void
KeepNearPoints(Pairs *p, int x, int from, int n, const double *distance)
{
	for (int i = 0; i < n; i++)
	{
		if (i + PAIRS <= n && !AnyBelow(distance + i, p->others + from + i, p->others[x]))
		{
			i += PAIRS - 1;
			continue;
		}
		if (distance[i] < p->others[x])
			KeepNear(p, x, from + i, distance[i]);
		if (distance[i] < p->others[from + i])
			KeepNear(p, from + i, x, distance[i]);
	}
}

/* Fill up to GROUP rows of the table, from "first". */
static void
FillRows(Pairs *p, CsArena *arena, const CsMatrix *m, int first, int rows, double *origins,
		 double *squared)
{
	int			d = m->ncolumns;

	for (int i = 0; i < rows; i++)
	{
		const double *x = CsMatrixBlock(m, arena, (first + i) / CS_BLOCK_ROWS);

		for (int j = 0; j < d; j++)
			origins[(Size) i * d + j] = x[(Size) j * CS_BLOCK_ROWS + (first + i) % CS_BLOCK_ROWS];
	}
	for (int64 b = first / CS_BLOCK_ROWS; b < CsMatrixBlocks(m); b++)
	{
		int			start = (int) b * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		CsSquaredDistances(d, nrows, CsMatrixBlock(m, arena, b), CS_BLOCK_ROWS, rows, origins,
						   squared);
		for (int i = 0; i < rows; i++)
		{
			int			from = Max(first + i + 1, start);
			double	   *distance = p->table + p->start[first + i] + from;

			if (from >= start + nrows)
				continue;
			TakeRoots(start + nrows - from, squared + (Size) i * CS_PAD_ROWS(nrows) + (from - start), distance);
			KeepNearPoints(p, first + i, from, start + nrows - from, distance);
		}
	}
}

/* Compute all distances. */
static void
FillTable(Pairs *p, CsArena *arena, const CsMatrix *m)
{
	double	   *origins = palloc(sizeof(double) * GROUP * m->ncolumns);
	double	   *squared = palloc(sizeof(double) * GROUP * CS_BLOCK_ROWS);
	int			last = (int) m->nrows - 1;

	for (int first = 0; first < last; first += GROUP)
		FillRows(p, arena, m, first, Min(GROUP, last - first), origins, squared);
	pfree(origins);
	pfree(squared);
}

/* Look at all distances of a cluster. */
static void
LookAtAll(Pairs *p, int x)
{
	int64		own = p->start[x];
	int			i = 0;

	ForgetFew(p, x);
	for (; p->live[i] < x; i++)
	{
		double		here = p->table[p->start[p->live[i]] + x];

		/* ahead may be x and more, and the address any; asking for it does no harm */
		__builtin_prefetch(&p->table[p->start[p->live[Min(i + AHEAD, p->nlive - 1)]] + x]);
		if (here < p->others[x])
			KeepNear(p, x, p->live[i], here);
	}
	for (i++; i < p->nlive; i++)
	{
		double		here = p->table[own + p->live[i]];

		if (here < p->others[x])
			KeepNear(p, x, p->live[i], here);
	}
}

/* The cluster that has taken a point in. */
static int32
ClusterOf(Pairs *p, int32 point)
{
	while (p->taken_by[point] != point)
		point = p->taken_by[point] = p->taken_by[p->taken_by[point]];
	return point;
}

/* The nearest of the few of x; see CsChainClusters. */
static int
NearestOfFew(Pairs *p, int x, int before, double *distance)
{
	const NearestFew *few = &p->few[x];
	int			nearest = before;

	for (int i = 0; i < FEW && few->distance[i] < HUGE_VAL; i++)
	{
		int32		cluster = ClusterOf(p, few->cluster[i]);
		double		here = *PairOf(p, x, cluster);

		if (here > *distance || (here == *distance && (nearest == before || nearest < cluster)))
			continue;
		*distance = here;
		nearest = cluster;
	}
	return nearest;
}

/* The cluster nearest to x; see CsChainClusters. */
static int
PairsNearest(void *state, int x, int before, double *distance)
{
	Pairs	   *p = state;
	double		least = *distance;
	int			nearest = NearestOfFew(p, x, before, &least);

	if (!(least < p->others[x] * (1 - MEAN_MARGIN)))
	{
		LookAtAll(p, x);
		least = *distance;
		nearest = NearestOfFew(p, x, before, &least);
	}
	*distance = least;
	return nearest;
}

/* Take a cluster off the list of those that are left. */
static void
RemoveLive(Pairs *p, int32 cluster)
{
	int32	   *live = bsearch_arg(&cluster, p->live, p->nlive, sizeof(int32), CsCompareInt32, NULL);

	p->nlive--;
	memmove(live, live + 1, sizeof(int32) * (p->live + p->nlive - live));
}

/* y takes x in: distances of the others to it. */
static void
PairsMerge(void *state, int x, int y)
{
	Pairs	   *p = state;
	double		a = p->weight[x],
				b = p->weight[y];

	RemoveLive(p, x);
	p->taken_by[x] = y;
	ForgetFew(p, y);
	for (int i = 0; i < p->nlive; i++)
	{
		int32		other = p->live[i];
		int32		ahead = p->live[Min(i + AHEAD, p->nlive - 1)];
		double		from;
		double	   *to;

		__builtin_prefetch(PairOf(p, ahead, x));
		__builtin_prefetch(PairOf(p, ahead, y));
		if (other == y)
			continue;
		from = *PairOf(p, other, x);
		to = PairOf(p, other, y);
		if (p->linkage == CS_LINKAGE_COMPLETE)
			*to = Max(*to, from);
		else
			*to = (a * from + b * *to) / (a + b);
		if (*to < p->others[y])
			KeepNear(p, y, other, *to);
	}
	p->weight[y] = a + b;
}

/* Complete or average linkage: fill n - 1 merges, in any order. */
void
CsLinkagePairs(CsTeam *team, const CsLeaves *leaves, CsLinkage linkage, CsMerge *merges)
{
	CsArena    *arena = CsTeamArena(team);
	const double *weights = leaves->weights < 0 ? NULL : CsArenaAddress(arena, leaves->weights);
	int			table = CsArenaAllocPrivate(arena, TableSize(leaves->n));
	int			n = leaves->n;
	Pairs		p = {.linkage = linkage, .nlive = n};
	CsChainClusters clusters = {PairsNearest, PairsMerge, &p};

	p.table = CsArenaAddress(arena, table);
	p.start = palloc(sizeof(int64) * n);
	p.weight = palloc(sizeof(double) * n);
	p.live = palloc(sizeof(int32) * n);
	p.taken_by = palloc(sizeof(int32) * n);
	p.few = palloc_extended(mul_size(sizeof(NearestFew), n), MCXT_ALLOC_HUGE);
	p.others = palloc(sizeof(double) * n);
	for (int i = 0; i < n; i++)
	{
		p.start[i] = RowStart(n, i);
		p.weight[i] = weights != NULL ? weights[i] : 1;
		p.live[i] = p.taken_by[i] = i;
		ForgetFew(&p, i);
	}
	FillTable(&p, arena, leaves->matrix);
	CsChainMerge(n, &clusters, merges);
	CsArenaFree(arena, table);
	pfree(p.start);
	pfree(p.weight);
	pfree(p.live);
	pfree(p.taken_by);
	pfree(p.few);
	pfree(p.others);
}
