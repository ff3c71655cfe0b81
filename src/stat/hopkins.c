/*
 * hopkins.c
 *	  Hopkins' statistic: are the rows spread more evenly, or less, than chance would have it?
 *
 * Of m rows, w is the distance to the nearest other row; of m points drawn evenly from the box
 * that holds the rows, u is the distance to the nearest row.  H = sum u^d / (sum u^d + sum w^d), d
 * being the number of columns: then H is Beta(m, m) distributed when the rows are spread at random,
 * 0.5 in the mean (Hopkins and Skellam, Annals of Botany 18, 1954, in the plane; Cross and Jain,
 * 1982, in d dimensions; Wright, The R Journal 14, 2022, on implementations without the exponent).
 * Near 1 the rows are in heaps, of which one is enough, or fill the box unevenly, as columns that go
 * together do.  m is a tenth of the rows, for the law needs all distances to be independent.
 */
#include "custseg.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/null.h"

#define HOPKINS_STREAM UINT64CONST(0x40B1C350)

/* Most rows and points, and those that an item takes. */
#define MAX_POINTS 1000
#define ITEM_POINTS 4

typedef struct HopkinsArgs
{
	int			rows;			/* areas: the CsMatrix, */
	int			points;			/* double[npoints][d], */
	int			self;			/* int64[npoints]: the row that a point is, or -1, */
	int			nearest;		/* double[npoints]: to be squared distances */
	int			npoints;
	int			d;
} HopkinsArgs;

/* CS_TASK(CsHopkinsTask): the nearest rows of some points. */
void
CsHopkinsTask(CsTeam *team, const void *opaque, int item)
{
	const HopkinsArgs *args = opaque;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, args->rows);
	const int64 *self = (const int64 *) CsArenaAddress(arena, args->self) + item * ITEM_POINTS;
	double	   *nearest = (double *) CsArenaAddress(arena, args->nearest) + item * ITEM_POINTS;
	const double *points = (const double *) CsArenaAddress(arena, args->points) +
		(Size) item * ITEM_POINTS * args->d;
	int			n = Min(ITEM_POINTS, args->npoints - item * ITEM_POINTS);
	double	   *squared = palloc(sizeof(double) * ITEM_POINTS * CS_BLOCK_ROWS);

	for (int i = 0; i < n; i++)
		nearest[i] = HUGE_VAL;
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		int			nrows = CsMatrixBlockRows(m, b);
		int			padded = CS_PAD_ROWS(nrows);

		CHECK_FOR_INTERRUPTS();
		CsSquaredDistances(args->d, nrows, CsMatrixBlock(m, arena, b), CS_BLOCK_ROWS, n, points,
						   squared);
		for (int i = 0; i < n; i++)
			for (int r = 0; r < nrows; r++)
				if (squared[i * padded + r] < nearest[i] && b * CS_BLOCK_ROWS + r != self[i])
					nearest[i] = squared[i * padded + r];
	}
}

/* Least and largest value of each column.  OUT low, high.  Returns how many columns vary. */
static int
FindBox(CsArena *arena, const CsMatrix *m, double *low, double *high)
{
	int			varying = 0;

	for (int j = 0; j < m->ncolumns; j++)
	{
		low[j] = HUGE_VAL;
		high[j] = -HUGE_VAL;
	}
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < m->ncolumns; j++, x += CS_BLOCK_ROWS)
			for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
			{
				low[j] = Min(low[j], x[r]);
				high[j] = Max(high[j], x[r]);
			}
	}
	for (int j = 0; j < m->ncolumns; j++)
		varying += high[j] > low[j];
	return varying;
}

/* Choose the m rows, and as many points of the box. */
static void
DrawPoints(CsArena *arena, const CsMatrix *rows, const HopkinsArgs *args, const double *low,
		   const double *high, uint64 seed)
{
	int			m = args->npoints / 2,
				d = args->d;
	double	   *points = CsArenaAddress(arena, args->points);
	int64	   *self = CsArenaAddress(arena, args->self);
	CsRng		rng;

	CsRngSeed(&rng, seed, HOPKINS_STREAM);
	CsRngSample(&rng, rows->nrows, m, self);
	for (int i = 0; i < m; i++)
	{
		const double *x = CsMatrixRow(rows, arena, self[i]);

		self[m + i] = -1;
		for (int j = 0; j < d; j++)
		{
			points[(Size) i * d + j] = x[(Size) j * CS_BLOCK_ROWS];
			points[(Size) (m + i) * d + j] = low[j] + CsRngDouble(&rng) * (high[j] - low[j]);
		}
	}
}

/* H from the squared distances of m rows, and then of m points; NaN when all are 0. */
static double
Statistic(const double *squared, int m, int dimensions)
{
	double		largest = 0,
				sum[2] = {0, 0};

	/* powers of a share of the largest distance cannot overflow */
	for (int i = 0; i < 2 * m; i++)
		largest = Max(largest, squared[i]);
	if (!(largest > 0) || isinf(largest))
		return NAN;
	for (int i = 0; i < 2 * m; i++)
		sum[i / m] += pow(squared[i] / largest, dimensions / 2.0);
	return sum[1] / (sum[0] + sum[1]);
}

/*
 * Hopkins and Skellam's statistic of the rows, which is about 0.5 for rows that are spread at
 * random; NaN when there is nothing to measure.  OUT p: its p-value.
 */
double
CsHopkins(CsTeam *team, const CsMatrix *rows, uint64 seed, double *p)
{
	CsArena    *arena = CsTeamArena(team);
	int			m = (int) Min(MAX_POINTS, (rows->nrows + 9) / 10);
	HopkinsArgs args = {.npoints = 2 * m,.d = rows->ncolumns};
	double	   *low = palloc(sizeof(double) * args.d),
			   *high = palloc(sizeof(double) * args.d);
	int			dimensions = FindBox(arena, rows, low, high);
	double		h;

	*p = NAN;
	if (dimensions == 0)
		return NAN;
	args.rows = CsMatrixShare(rows, arena);
	args.points = CsArenaAlloc(arena, mul_size(sizeof(double) * args.npoints, args.d));
	args.self = CsArenaAlloc(arena, sizeof(int64) * args.npoints);
	args.nearest = CsArenaAlloc(arena, sizeof(double) * args.npoints);
	DrawPoints(arena, rows, &args, low, high, seed);
	CsTeamRun(team, CS_TASK(CsHopkinsTask), &args, sizeof(args),
			  (args.npoints + ITEM_POINTS - 1) / ITEM_POINTS);
	h = Statistic(CsArenaAddress(arena, args.nearest), m, dimensions);
	if (!isnan(h))
		*p = gsl_cdf_beta_Q(h, m, m);
	CsArenaFree(arena, args.nearest);
	CsArenaFree(arena, args.self);
	CsArenaFree(arena, args.points);
	CsArenaFree(arena, args.rows);
	pfree(low);
	pfree(high);
	return h;
}
