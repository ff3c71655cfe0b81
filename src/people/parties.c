/*
 * parties.c
 *	  Mean distances of many customers to their nearest seeds.
 *
 * In many dimensions a search for the neighbors of one customer looks at most of the tree of seeds.  So customers
 * wait until there are many of them, are put in a tree of their own, and the customers of each of its leaves, who are
 * near each other, search together (math/kdtree_search.c): a leaf of seeds is fetched once for all of them.
 */
#include "custseg.h"

#include <math.h>

#include "math/kdtree.h"
#include "people/people.h"

/* Customers who wait at most, and bytes that their places in model space take. */
#define MOST_WAITING 4096
#define MOST_BYTES (512 * 1024)

/* Customers who wait until all of them search. */
static int
WaitingOf(int ncolumns)
{
	return Max(CS_KD_LEAF, Min(MOST_WAITING, MOST_BYTES / (int) (sizeof(double) * ncolumns)));
}

/* Bytes that parties take. */
Size
CsPartiesMemory(int ncolumns, int neighbors)
{
	int			most = WaitingOf(ncolumns);
	Size		together = CS_KD_LEAF * (Size) (ncolumns + neighbors) + CS_KD_PARTY_SCRATCH(ncolumns);

	return CsKdTreeSize(most, ncolumns) + sizeof(double) * ((Size) most * ncolumns + together);
}

/* Nobody waits yet for so many neighbors among the seeds of a tree; allocated in CurrentMemoryContext. */
void
CsPartiesInit(CsParties *p, const struct CsKdTree *seeds, int neighbors)
{
	int			d = seeds->ncolumns;

	p->seeds = seeds;
	p->neighbors = Min(neighbors, seeds->npoints);
	p->most = WaitingOf(d);
	p->n = 0;
	p->z = palloc(sizeof(double) * p->most * d);
	p->tree = palloc(CsKdTreeSize(p->most, d));
	p->party = palloc(sizeof(double) * CS_KD_LEAF * d);
	p->found = palloc(sizeof(double) * CS_KD_LEAF * p->neighbors);
	p->scratch = palloc(sizeof(double) * CS_KD_PARTY_SCRATCH(d));
}

/* A customer at that place in model space, all of whose numbers are finite, waits; returns whether the room is full. */
bool
CsPartiesAdd(CsParties *p, const double *z)
{
	int			d = p->seeds->ncolumns;

	memcpy(p->z + (Size) p->n++ * d, z, sizeof(double) * d);
	return p->n == p->most;
}

/* The mean of n distances of which the squares are given, the least added first. */
static double
MeanDistance(double *squared, int n)
{
	double		sum = 0;

	for (int i = 1; i < n; i++)
	{
		double		value = squared[i];
		int			at = i;

		for (; at > 0 && squared[at - 1] > value; at--)
			squared[at] = squared[at - 1];
		squared[at] = value;
	}
	for (int i = 0; i < n; i++)
		sum += sqrt(squared[i]);
	return sum / n;
}

/* Let the customers of a leaf search. */
static void
SearchTogether(CsParties *p, int32 leaf, double *means)
{
	const int32 *rows = CsKdIndex(p->tree) + (Size) leaf * CS_KD_LEAF;
	int			n = CsKdLeafPoints(p->tree, leaf);
	double		farthest[CS_KD_LEAF];

	for (int i = 0; i < n; i++)
		CsKdPoint(p->tree, leaf * CS_KD_LEAF + i, p->party + (Size) i * p->tree->ncolumns);
	CsKdKthDistances(p->seeds, n, p->party, p->neighbors, p->found, p->scratch, farthest);
	for (int i = 0; i < n; i++)
		means[rows[i]] = MeanDistance(p->found + (Size) i * p->neighbors, p->neighbors);
}

/* The mean distances of those who wait, in the order in which they came; nobody waits then. */
void
CsPartiesEnd(CsParties *p, double *means)
{
	CsKdTreeInit(p->tree, p->n, p->seeds->ncolumns);
	if (p->n > 0)
		memcpy(CsKdRow(p->tree, 0), p->z, sizeof(double) * p->n * p->seeds->ncolumns);
	CsKdTreeBuild(p->tree);
	for (int32 leaf = 0; leaf < p->tree->nleaves; leaf++)
		SearchTogether(p, leaf, means);
	p->n = 0;
}
