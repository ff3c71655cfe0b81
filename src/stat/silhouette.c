/*
 * silhouette.c
 *	  Silhouette width (Rousseeuw 1987), exact on a sample.
 *
 * s(i) = (b - a) / max(a, b), where a is the mean distance to the other rows of the own segment
 * and b the least mean distance to the rows of another one; 0 for a segment of one row.
 *
 * The sampled rows are laid out by segment, so that the distances of one row to a segment are a
 * run of numbers.  An item takes every 64th group of four rows.  Memory is O(sample x columns).
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/stat.h"

#define ITEMS 64
#define GROUP 4

typedef struct SilhouetteArgs
{
	int			rows;			/* area: double[d][padded], by segment */
	int			start;			/* area: int[k + 1]: where each segment begins */
	int			sums;			/* area: double[ITEMS] */
	int			n;
	int			d;
	int			k;
} SilhouetteArgs;

/* Sum of square roots; eight running sums in a fixed order. */
CS_CLONES static double
SumOfRoots(int n, const double *squared)
{
	double		sum[8] = {0};
	int			i = 0;

	for (; i + 8 <= n; i += 8)
		for (int lane = 0; lane < 8; lane++)
			sum[lane] += sqrt(squared[i + lane]);
	for (; i < n; i++)
		sum[i % 8] += sqrt(squared[i]);
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Silhouette of one row of segment "own", from its squared distances to all rows. */
static double
RowSilhouette(const SilhouetteArgs *args, const int *start, int own, const double *squared)
{
	double		a = 0,
				b = HUGE_VAL;

	if (start[own + 1] - start[own] == 1)
		return 0;
	for (int c = 0; c < args->k; c++)
	{
		int			n = start[c + 1] - start[c];
		double		sum;

		if (n == 0)
			continue;
		sum = SumOfRoots(n, squared + start[c]);
		if (c == own)
			a = sum / (n - 1);
		else if (sum / n < b)
			b = sum / n;
	}
	return Max(a, b) > 0 ? (b - a) / Max(a, b) : 0;
}

/* An item: every ITEMS-th group of rows. */
void
CsSilhouetteTask(CsTeam *team, const void *opaque, int item)
{
	const SilhouetteArgs *args = opaque;
	CsArena    *arena = CsTeamArena(team);
	const double *x = CsArenaAddress(arena, args->rows);
	const int  *start = CsArenaAddress(arena, args->start);
	double	   *sums = CsArenaAddress(arena, args->sums);
	int			padded = CS_PAD_ROWS(args->n),
				d = args->d,
				own = 0;
	double	   *group = palloc(sizeof(double) * GROUP * d);
	double	   *squared = palloc(sizeof(double) * GROUP * padded);
	double		sum = 0;

	for (int first = item * GROUP; first < args->n; first += ITEMS * GROUP)
	{
		int			n = Min(GROUP, args->n - first);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			for (int j = 0; j < d; j++)
				group[i * d + j] = x[(Size) j * padded + first + i];
		CsSquaredDistances(d, args->n, x, padded, n, group, squared);
		for (int i = 0; i < n; i++)
		{
			while (start[own + 1] <= first + i)
				own++;
			sum += RowSilhouette(args, start, own, squared + (Size) i * padded);
		}
	}
	sums[item] = sum;
}

/* Rows that have a segment. */
static int64
CountLabelled(const int32 *labels, int64 nrows)
{
	int64		n = 0;

	for (int64 i = 0; i < nrows; i++)
		n += labels[i] >= 0;
	return n;
}

/*
 * Choose n of the labelled rows.  Returns them, palloc'd, ascending.
 */
static int64 *
SampleRows(const int32 *labels, int64 nrows, int64 nlabelled, int64 n, uint64 seed)
{
	int64	   *rank = palloc(sizeof(int64) * n);
	CsRng		rng;
	int64		seen = 0,
				taken = 0;

	CsRngSeed(&rng, seed, UINT64CONST(0x51C0E77E));	/* a stream apart from the algorithms' */
	CsRngSample(&rng, nlabelled, n, rank);
	for (int64 i = 0; i < nrows && taken < n; i++)
	{
		if (labels[i] < 0)
			continue;
		if (rank[taken] == seen++)
			rank[taken++] = i;
	}
	return rank;
}

/* Lay the sampled rows out by segment.  Returns how many segments have a row. */
static int
LayOut(CsArena *arena, const CsMatrix *m, const int32 *labels, const int64 *sample,
	   const SilhouetteArgs *args)
{
	double	   *x = CsArenaAddress(arena, args->rows);
	int		   *start = CsArenaAddress(arena, args->start);
	int		   *next = palloc0(sizeof(int) * (args->k + 1));
	int			padded = CS_PAD_ROWS(args->n),
				segments = 0;

	for (int i = 0; i < args->n; i++)
		next[labels[sample[i]] + 1]++;
	for (int c = 0; c < args->k; c++)
	{
		segments += next[c + 1] > 0;
		next[c + 1] += next[c];
	}
	memcpy(start, next, sizeof(int) * (args->k + 1));
	memset(x, 0, sizeof(double) * args->d * padded);
	for (int i = 0; i < args->n; i++)
	{
		const double *block = CsMatrixBlock(m, arena, sample[i] / CS_BLOCK_ROWS);
		int			at = next[labels[sample[i]]]++;

		for (int j = 0; j < args->d; j++)
			x[(Size) j * padded + at] = block[(Size) j * CS_BLOCK_ROWS + sample[i] % CS_BLOCK_ROWS];
	}
	pfree(next);
	return segments;
}

double
CsSilhouetteSample(CsTeam *team, const CsMatrix *m, int labels_area, int k, int64 sample,
				   uint64 seed, int64 *used)
{
	CsArena    *arena = CsTeamArena(team);
	const int32 *labels = CsArenaAddress(arena, labels_area);
	int64		nlabelled = CountLabelled(labels, m->nrows);
	int64	   *rows;
	SilhouetteArgs args;
	int			segments;
	double		total = 0;

	args.n = (int) Min(sample, nlabelled);
	args.d = m->ncolumns;
	args.k = k;
	*used = args.n;
	if (args.n < 2 || k < 2)
		return NAN;
	args.rows = CsArenaAlloc(arena, sizeof(double) * args.d * CS_PAD_ROWS(args.n));
	args.start = CsArenaAlloc(arena, sizeof(int) * (k + 1));
	args.sums = CsArenaAlloc(arena, sizeof(double) * ITEMS);
	rows = SampleRows(labels, m->nrows, nlabelled, args.n, seed);
	segments = LayOut(arena, m, labels, rows, &args);
	if (segments >= 2 && segments < args.n)
	{
		CsTeamRun(team, CS_TASK_SILHOUETTE, &args, sizeof(args), ITEMS);
		for (int i = 0; i < ITEMS; i++)
			total += ((double *) CsArenaAddress(arena, args.sums))[i];
	}
	CsArenaFree(arena, args.rows);
	CsArenaFree(arena, args.start);
	CsArenaFree(arena, args.sums);
	pfree(rows);
	return segments >= 2 && segments < args.n ? total / args.n : NAN;
}
