/*
 * cophenetic.c
 *	  The cophenetic correlation of a hierarchy (Sokal and Rohlf 1962): how well the tree keeps the
 *	  distances of its leaves.
 *
 * It is Pearson's correlation, over pairs of leaves, of their distance and their cophenetic
 * distance, the height at which the tree first has them in one cluster.  Laid out in the order of
 * the tree, two leaves meet at the highest of the merges between them, so a running maximum gives
 * all heights of a leaf.  Time is quadratic: of many leaves a seeded sample is taken.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hierarchical.h"
#include "math/math.h"
#include "miscadmin.h"

/* Leaves that it is computed on at most. */
#define SAMPLE 1000

/* Of every so manyeth leaf the pairs tell about where the means are. */
#define CENTER_STEP 16

/* Distances with a smaller standard deviation, as a share of their mean, may differ by rounding only. */
#define ROUNDING 1e-10

/* Bytes that CsCopheneticCorrelation() takes. */
Size
CsCopheneticMemory(int64 n, int ncolumns)
{
	Size		sample = mul_size(CS_PAD_ROWS(Min(n, SAMPLE)), (Size) ncolumns + 3);

	return mul_size(sizeof(double), add_size(sample, mul_size(n, 3)));
}

/* The sampled leaves in the order of the tree. */
typedef struct Sample
{
	int			n;
	int			d;
	int			padded;
	double	   *x;				/* x[j * padded + i] */
	double	   *gap;			/* height at which leaf i meets leaf i - 1 */
} Sample;

/*
 * The leaves in the order of the tree, as OUT leaf[n], and OUT gap[n], the height at which each
 * meets the one before it.
 */
static void
OrderLeaves(const CsTree *tree, int32 *leaf, double *gap)
{
	int			n = tree->leaves.n;
	int32	   *leaves = palloc(sizeof(int32) * 2 * n); /* of each cluster: how many */
	int32	   *start = palloc(sizeof(int32) * 2 * n);	/* and where they begin */

	for (int i = 0; i < n; i++)
		leaves[i] = 1;
	for (int i = 0; i < n - 1; i++)
		leaves[n + i] = leaves[tree->merges[i].first] + leaves[tree->merges[i].second];
	start[2 * n - 2] = 0;
	gap[0] = 0;
	for (int i = n - 2; i >= 0; i--)
	{
		const CsMerge *merge = &tree->merges[i];

		start[merge->first] = start[n + i];
		start[merge->second] = start[n + i] + leaves[merge->first];
		gap[start[merge->second]] = merge->height;
	}
	for (int i = 0; i < n; i++)
		leaf[start[i]] = i;
	pfree(leaves);
	pfree(start);
}

/* Draw the sample. */
static Sample
DrawLeaves(CsArena *arena, const CsTree *tree, uint64 seed)
{
	const CsMatrix *m = tree->leaves.matrix;
	int			n = tree->leaves.n;
	Sample		s = {.n = Min(n, SAMPLE), .d = m->ncolumns};
	int32	   *leaf = palloc(sizeof(int32) * n);
	double	   *gap = palloc(sizeof(double) * n);
	int64	   *position = palloc(sizeof(int64) * s.n);
	CsRng		rng;

	OrderLeaves(tree, leaf, gap);
	CsRngSeed(&rng, seed, UINT64CONST(0xC0F3E71C));
	CsRngSample(&rng, n, s.n, position);
	s.padded = CS_PAD_ROWS(s.n);
	s.x = palloc_extended(sizeof(double) * s.d * s.padded, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	s.gap = palloc0(sizeof(double) * s.n);
	for (int i = 0; i < s.n; i++)
	{
		int32		row = leaf[position[i]];
		const double *x = CsMatrixRow(m, arena, row);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < s.d; j++)
			s.x[(Size) j * s.padded + i] = x[(Size) j * CS_BLOCK_ROWS];
		for (int64 p = i > 0 ? position[i - 1] + 1 : 0; p <= position[i]; p++)
			s.gap[i] = Max(s.gap[i], gap[p]);
	}
	pfree(leaf);
	pfree(gap);
	pfree(position);
	return s;
}

/*
 * Sums over the pairs of leaf i and those after it: of both distances about "center", of their
 * squares and of their product.
 */
static void
AddPairs(const Sample *s, int i, const double *squared, const double center[2], double sum[5])
{
	double		height = 0,
				part[5] = {0};

	for (int r = i + 1; r < s->n; r++)
	{
		double		a = sqrt(squared[r]) - center[0],
					b;

		height = Max(height, s->gap[r]);
		b = height - center[1];
		part[0] += a;
		part[1] += b;
		part[2] += a * a;
		part[3] += b * b;
		part[4] += a * b;
	}
	for (int t = 0; t < 5; t++)
		sum[t] += part[t];
}

/* Sums over the pairs of every so manyeth leaf and those after it; returns how many pairs these are. */
static double
AddAllPairs(const Sample *s, int step, const double center[2], double sum[5])
{
	double	   *origin = palloc(sizeof(double) * s->d);
	double	   *squared = palloc(sizeof(double) * s->padded);
	double		pairs = 0;

	memset(sum, 0, sizeof(double) * 5);
	for (int i = 0; i < s->n - 1; i += step)
	{
		int			first = i / CS_GROUP_ROWS * CS_GROUP_ROWS;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < s->d; j++)
			origin[j] = s->x[(Size) j * s->padded + i];
		CsSquaredDistances(s->d, s->n - first, s->x + first, s->padded, 1, origin, squared + first);
		AddPairs(s, i, squared, center, sum);
		pairs += s->n - 1 - i;
	}
	pfree(origin);
	pfree(squared);
	return pairs;
}

/* Do distances differ by more than rounding?  They have this mean, and their deviations from it these squares, in all. */
static bool
Differ(double mean, double squares, double pairs)
{
	double		rounding = ROUNDING * mean;

	return squares > pairs * rounding * rounding;
}

/*
 * The cophenetic correlation of up to SAMPLE leaves; NaN where it is not defined, as for two leaves
 * or for distances, or heights, that are equal up to rounding.
 */
double
CsCopheneticCorrelation(CsArena *arena, const CsTree *tree, uint64 seed)
{
	Sample		s = DrawLeaves(arena, tree, seed);
	double		center[2] = {0, 0},
				sum[5],
				pairs;

	/* first about what the means are, then the moments about that, so that no large sums cancel */
	pairs = AddAllPairs(&s, CENTER_STEP, center, sum);
	center[0] = sum[0] / pairs;
	center[1] = sum[1] / pairs;
	pairs = AddAllPairs(&s, 1, center, sum);
	sum[2] -= sum[0] * sum[0] / pairs;
	sum[3] -= sum[1] * sum[1] / pairs;
	sum[4] -= sum[0] * sum[1] / pairs;
	pfree(s.x);
	pfree(s.gap);
	if (!Differ(center[0] + sum[0] / pairs, sum[2], pairs) || !Differ(center[1] + sum[1] / pairs, sum[3], pairs))
		return NAN;
	return sum[4] / sqrt(sum[2]) / sqrt(sum[3]);
}
