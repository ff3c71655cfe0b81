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

typedef struct Pairs
{
	CsLinkage	linkage;
	double	   *table;
	int64	   *start;			/* of each row: start[i] + j is the entry of i < j */
	double	   *weight;			/* of each cluster */
	int			nlive;
	int32	   *live;			/* clusters that are left, ascending */
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
Size
CsLinkagePairsSize(int64 n)
{
	return mul_size(sizeof(double), n * (n - 1) / 2);
}

/* OUT distance[n]: square roots. */
CS_CLONES static void
TakeRoots(int n, const double *squared, double *distance)
{
	for (int i = 0; i < n; i++)
		distance[i] = sqrt(squared[i]);
}

/* Fill up to GROUP rows of the table, from "first". */
static void
FillRows(double *table, CsArena *arena, const CsMatrix *m, int first, int rows, double *origins,
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

			TakeRoots(start + nrows - from,
					  squared + (Size) i * CS_PAD_ROWS(nrows) + (from - start),
					  table + (RowStart(m->nrows, first + i) + from));
		}
	}
}

/* Compute all distances. */
static void
FillTable(double *table, CsArena *arena, const CsMatrix *m)
{
	double	   *origins = palloc(sizeof(double) * GROUP * m->ncolumns);
	double	   *squared = palloc(sizeof(double) * GROUP * CS_BLOCK_ROWS);
	int			last = (int) m->nrows - 1;

	for (int first = 0; first < last; first += GROUP)
		FillRows(table, arena, m, first, Min(GROUP, last - first), origins, squared);
	pfree(origins);
	pfree(squared);
}

/* The cluster nearest to x; see CsChainClusters. */
static int
PairsNearest(void *state, int x, int before, double *distance)
{
	const Pairs *p = state;
	int64		own = p->start[x];
	double		least = *distance;
	int			nearest = before,
				i = 0;

	for (; p->live[i] < x; i++)
	{
		double		here = p->table[p->start[p->live[i]] + x];

		/* ahead may be x and more, and the address any; asking for it does no harm */
		__builtin_prefetch(&p->table[p->start[p->live[Min(i + AHEAD, p->nlive - 1)]] + x]);
		if (here < least)
		{
			least = here;
			nearest = p->live[i];
		}
	}
	for (i++; i < p->nlive; i++)
	{
		double		here = p->table[own + p->live[i]];

		if (here < least)
		{
			least = here;
			nearest = p->live[i];
		}
	}
	*distance = least;
	return nearest;
}

/* Take a cluster off the list of those that are left. */
static void
RemoveLive(Pairs *p, int32 cluster)
{
	int			low = 0,
				high = p->nlive - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (p->live[middle] < cluster)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(p->live + low, p->live + low + 1, sizeof(int32) * (p->nlive - low - 1));
	p->nlive--;
}

/* y takes x in: distances of the others to it. */
static void
PairsMerge(void *state, int x, int y)
{
	Pairs	   *p = state;
	double		a = p->weight[x],
				b = p->weight[y];

	RemoveLive(p, x);
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
	}
	p->weight[y] = a + b;
}

/* Complete or average linkage: fill n - 1 merges, in any order. */
void
CsLinkagePairs(CsTeam *team, const CsLeaves *leaves, CsLinkage linkage, CsMerge *merges)
{
	CsArena    *arena = CsTeamArena(team);
	const double *weights = leaves->weights < 0 ? NULL : CsArenaAddress(arena, leaves->weights);
	int			table = CsArenaAllocPrivate(arena, CsLinkagePairsSize(leaves->n));
	int			n = leaves->n;
	Pairs		p = {.linkage = linkage, .nlive = n};
	CsChainClusters clusters = {PairsNearest, PairsMerge, &p};

	p.table = CsArenaAddress(arena, table);
	FillTable(p.table, arena, leaves->matrix);
	p.start = palloc(sizeof(int64) * n);
	p.weight = palloc(sizeof(double) * n);
	p.live = palloc(sizeof(int32) * n);
	for (int i = 0; i < n; i++)
	{
		p.start[i] = RowStart(n, i);
		p.weight[i] = weights != NULL ? weights[i] : 1;
		p.live[i] = i;
	}
	CsChainMerge(n, &clusters, merges);
	CsArenaFree(arena, table);
	pfree(p.start);
	pfree(p.weight);
	pfree(p.live);
}
