/*
 * reference.c
 *	  Sets of rows like given ones, but without groups: a null hypothesis for clusterings.
 *
 * Each column keeps what it looks like by itself, but for having one mode (unimodal.c), and the
 * columns keep how they go together, but as in one normal cloud: a row is a draw from the normal
 * distribution that has the correlations of the columns' normal scores, taken to each column's
 * distribution by its quantile function.  That is NORTA, "normal to anything" (Cario and Nelson,
 * 1997), with the unimodal null hypothesis of Helgeson, Vock and Bair (Biometrics 77, 2021).  A
 * normal cloud of any shape, a lognormal one, a box and a heap of counts are their own reference.
 *
 * A category's columns are drawn together, as those of a row picked at random: that a category has
 * levels is not yet a group, but that levels and numbers go together may be one.
 *
 * One area holds the fitted distribution for all members of a team.  Each block of a set has a
 * stream of random numbers of its own.
 */
#include "custseg.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "prep/prep.h"
#include "stat/null.h"
#include "utils/memutils.h"

/* A variance of what is left of a normal score below this is rounding. */
#define NOTHING_LEFT 1e-9

/* Values that differ by no more than this part of the column's range, or by its last bit or two, are equal. */
#define ROUNDING 1e-12

#define REFERENCE_STREAM UINT64CONST(0x4E0B7A00)

/* The arguments of the task: areas, and offsets into the area of the fitted distribution. */
typedef struct ReferenceArgs
{
	int			rows;			/* areas: the CsMatrix that was given, */
	int			drawn;			/* the one to write, */
	int			fitted;			/* CsReferenceTask's tables: */
	Size		columns;		/* int[numbers]: which columns are drawn as numbers */
	Size		factor;			/* double[numbers][numbers]: a standard normal's share in each */
	Size		distributions;	/* Size[numbers]: where the CsUnimodal of each is */
	Size		groups;			/* int[ncategories][2]: first column of each, and one past */
	int			numbers;
	int			ncategories;
	uint64		seed;
} ReferenceArgs;

struct CsReference
{
	ReferenceArgs args;
	CsMatrix   *drawn;
};

#define TableAt(table, type, offset) ((type *) ((char *) (table) + (offset)))

/* A value and the row it is in, for ranking. */
typedef struct RankedValue
{
	double		value;
	int			row;
} RankedValue;

static int
CompareRanked(const void *a, const void *b)
{
	const RankedValue *x = a;
	const RankedValue *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->row - y->row;
}

/*
 * The values of a column in ascending order, with their rows; palloc'd.  Values that differ by rounding only are one:
 * principal components of equal rows do, and by what is up to the LAPACK at hand.
 */
static RankedValue *
SortColumn(CsArena *arena, const CsMatrix *m, int column)
{
	RankedValue *ranked = palloc(sizeof(RankedValue) * m->nrows);
	double		least,
				most,
				rounding;

	for (int i = 0; i < m->nrows; i++)
	{
		const double *x = CsMatrixBlock(m, arena, i / CS_BLOCK_ROWS);

		ranked[i].value = x[(Size) column * CS_BLOCK_ROWS + i % CS_BLOCK_ROWS];
		ranked[i].row = i;
	}
	qsort(ranked, m->nrows, sizeof(RankedValue), CompareRanked);
	least = ranked[0].value;
	most = ranked[m->nrows - 1].value;
	rounding = Max(ROUNDING * most - ROUNDING * least, 2 * DBL_EPSILON * Max(fabs(least), fabs(most)));
	for (int i = 1; i < m->nrows; i++)
		if (ranked[i].value - ranked[i - 1].value <= rounding)
			ranked[i].value = ranked[i - 1].value;
	return ranked;
}

/* Write a column's normal scores, those of the mean rank where values are equal. */
static void
WriteScores(CsArena *arena, const RankedValue *ranked, CsMatrix *scores, int column)
{
	int			n = (int) scores->nrows;

	for (int first = 0, last; first < n; first = last)
	{
		double		score;

		for (last = first; last < n && ranked[last].value == ranked[first].value; last++)
			;
		score = gsl_cdf_ugaussian_Pinv((first + last) / 2.0 / n);
		for (int i = first; i < last; i++)
		{
			int			row = ranked[i].row;
			double	   *x = CsMatrixBlock(scores, arena, row / CS_BLOCK_ROWS);

			x[(Size) column * CS_BLOCK_ROWS + row % CS_BLOCK_ROWS] = score;
		}
	}
}

/* An empty matrix with room for nrows rows, all zero. */
static CsMatrix *
CreateRows(CsArena *arena, int64 nrows, int ncolumns)
{
	CsMatrix   *m = CsMatrixCreate(ncolumns);

	while (m->nrows < nrows)
	{
		CsMatrixGrow(m, arena);
		m->nrows = Min(nrows, m->nrows + CS_BLOCK_ROWS);
	}
	return m;
}

/*
 * What each column gets from independent standard normals, factor[i * n + j] of normal i in column
 * j: Cholesky's factor of the scores' correlations.  A column that follows from those before it, or
 * does not vary, gets nothing of its own.  OUT factor.
 */
static void
FitFactor(CsTeam *team, const CsMatrix *scores, double *factor)
{
	CsCovariance c = CsCovarianceOfRows(team, NULL, scores);
	int			n = c.d;
	double	   *scale = palloc(sizeof(double) * n);

	for (int i = 0; i < n; i++)
	{
		double		variance = c.values[(Size) i * n + i];

		scale[i] = variance > 0 ? 1 / sqrt(variance) : 0;
	}
	memset(factor, 0, sizeof(double) * n * n);
	for (int i = 0; i < n; i++)
	{
		double	   *row = factor + (Size) i * n;
		double		unit;

		CHECK_FOR_INTERRUPTS();
		for (int j = i; j < n; j++)
			row[j] = i == j ? 1 : c.values[(Size) i * n + j] * scale[i] * scale[j];
		for (int k = 0; k < i; k++)
		{
			const double *above = factor + (Size) k * n;
			double		weight = above[i];

			for (int j = i; j < n; j++)
				row[j] -= weight * above[j];
		}
		unit = row[i] > NOTHING_LEFT ? 1 / sqrt(row[i]) : 0;
		for (int j = i; j < n; j++)
			row[j] *= unit;
	}
	pfree(scale);
}

/* Lay out the tables that come before the distributions.  Returns their bytes. */
static Size
LayOutTables(ReferenceArgs *args)
{
	Size		size = 0;

	args->columns = size;
	size = add_size(size, MAXALIGN(mul_size(sizeof(int), args->numbers)));
	args->groups = size;
	size = add_size(size, MAXALIGN(mul_size(sizeof(int), 2 * (Size) args->ncategories)));
	args->distributions = size;
	size = add_size(size, mul_size(sizeof(Size), args->numbers));
	args->factor = size;
	return add_size(size, mul_size(mul_size(sizeof(double), args->numbers), args->numbers));
}

/* Fit the distributions of all numbers and score them; returns the distributions, palloc'd. */
static CsUnimodal **
FitColumns(CsArena *arena, const CsMatrix *rows, const int *columns, CsMatrix *scores)
{
	CsUnimodal **fitted = palloc(sizeof(CsUnimodal *) * scores->ncolumns);
	double	   *sorted = palloc(sizeof(double) * rows->nrows);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "custseg unimodal",
												  ALLOCSET_DEFAULT_SIZES);

	for (int c = 0; c < scores->ncolumns; c++)
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);
		RankedValue *ranked = SortColumn(arena, rows, columns[c]);
		CsUnimodal *u;

		CHECK_FOR_INTERRUPTS();
		WriteScores(arena, ranked, scores, c);
		for (int i = 0; i < rows->nrows; i++)
			sorted[i] = ranked[i].value;
		u = CsUnimodalFit(sorted, (int) rows->nrows);
		MemoryContextSwitchTo(old);
		fitted[c] = palloc(CsUnimodalSize(u->nknots));
		memcpy(fitted[c], u, CsUnimodalSize(u->nknots));
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	return fitted;
}

/* Put the fitted distributions behind the tables of a new area. */
static void
PlaceTables(CsArena *arena, ReferenceArgs *args, CsUnimodal **fitted, const int *columns,
			const int *group, int ncolumns)
{
	Size		size = LayOutTables(args),
				at = size;
	int		   *groups;
	char	   *tables;

	for (int c = 0; c < args->numbers; c++)
		size = add_size(size, CsUnimodalSize(fitted[c]->nknots));
	args->fitted = CsArenaAlloc(arena, size);
	tables = CsArenaAddress(arena, args->fitted);
	memcpy(tables + args->columns, columns, sizeof(int) * args->numbers);
	for (int c = 0; c < args->numbers; c++)
	{
		TableAt(tables, Size, args->distributions)[c] = at;
		memcpy(tables + at, fitted[c], CsUnimodalSize(fitted[c]->nknots));
		at += CsUnimodalSize(fitted[c]->nknots);
	}
	groups = TableAt(tables, int, args->groups);
	for (int j = 0, g = -1; j < ncolumns; j++)
	{
		if (group[j] < 0)
			continue;
		if (group[j] == j)
			groups[2 * ++g] = j;
		groups[2 * g + 1] = j + 1;
	}
}

/* Bytes that CsReferenceFit() and CsReferenceDraw() take for that many rows. */
Size
CsReferenceMemory(int64 nrows, int ncolumns)
{
	Size		rows = mul_size(mul_size(sizeof(double), nrows + CS_BLOCK_ROWS), ncolumns),
				square = mul_size(mul_size(sizeof(double), ncolumns), ncolumns);

	/* drawn rows, scores and two copies of knots; covariances and the factor */
	return add_size(mul_size(rows, 6), mul_size(square, 2));
}

/*
 * Fit a distribution of rows that are like the given ones, but without groups. group[column] is the
 * column where the columns of the category begin to which this column belongs, or -1.  Free it by
 * CsReferenceFree().
 */
CsReference *
CsReferenceFit(CsTeam *team, const CsMatrix *rows, const int *group)
{
	CsArena    *arena = CsTeamArena(team);
	CsReference *r = palloc0(sizeof(CsReference));
	int		   *columns = palloc(sizeof(int) * rows->ncolumns);
	CsUnimodal **fitted = NULL;
	CsMatrix   *scores = NULL;

	for (int j = 0; j < rows->ncolumns; j++)
	{
		if (group[j] < 0)
			columns[r->args.numbers++] = j;
		r->args.ncategories += group[j] == j;
	}
	if (r->args.numbers > 0)
	{
		scores = CreateRows(arena, rows->nrows, r->args.numbers);
		fitted = FitColumns(arena, rows, columns, scores);
	}
	PlaceTables(arena, &r->args, fitted, columns, group, rows->ncolumns);
	if (scores != NULL)
	{
		FitFactor(team, scores,
				  TableAt(CsArenaAddress(arena, r->args.fitted), double, r->args.factor));
		CsMatrixFree(scores, arena);
	}
	r->drawn = CreateRows(arena, rows->nrows, rows->ncolumns);
	r->args.rows = CsMatrixShare(rows, arena);
	r->args.drawn = CsMatrixShare(r->drawn, arena);
	return r;
}

/* Draw the numbers of one row; mixed[numbers] is scratch. */
static void
DrawNumbers(const ReferenceArgs *args, const char *tables, CsRng *rng, double *mixed, double *x)
{
	const int  *columns = TableAt(tables, const int, args->columns);
	const double *factor = TableAt(tables, const double, args->factor);
	const Size *distributions = TableAt(tables, const Size, args->distributions);
	int			n = args->numbers;

	memset(mixed, 0, sizeof(double) * n);
	for (int i = 0; i < n; i++)
	{
		/* off 0, which has no quantile */
		double		normal = gsl_cdf_ugaussian_Pinv(CsRngDouble(rng) + 0x1.0p-54);

		for (int j = i; j < n; j++)
			mixed[j] += normal * factor[(Size) i * n + j];
	}
	for (int j = 0; j < n; j++)
		x[(Size) columns[j] * CS_BLOCK_ROWS] =
			CsUnimodalQuantile(TableAt(tables, const CsUnimodal, distributions[j]),
							   gsl_cdf_ugaussian_P(mixed[j]));
}

/* Copy each category's columns from a row picked at random. */
static void
DrawCategories(const ReferenceArgs *args, CsArena *arena, const char *tables, CsRng *rng, double *x)
{
	const int  *groups = TableAt(tables, const int, args->groups);
	const CsMatrix *rows = CsArenaAddress(arena, args->rows);

	for (int g = 0; g < args->ncategories; g++)
	{
		int64		row = (int64) CsRngBelow(rng, rows->nrows);
		const double *from = CsMatrixRow(rows, arena, row);

		for (int j = groups[2 * g]; j < groups[2 * g + 1]; j++)
			x[(Size) j * CS_BLOCK_ROWS] = from[(Size) j * CS_BLOCK_ROWS];
	}
}

/* CS_TASK(CsReferenceTask): one block of the set that is drawn. */
void
CsReferenceTask(CsTeam *team, const void *opaque, int item)
{
	const ReferenceArgs *args = opaque;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *drawn = CsArenaAddress(arena, args->drawn);
	const char *tables = CsArenaAddress(arena, args->fitted);
	double	   *x = CsMatrixBlock(drawn, arena, item);
	double	   *mixed = palloc(sizeof(double) * Max(args->numbers, 1));
	CsRng		rng;

	CsRngSeed(&rng, args->seed, (uint64) item);
	for (int r = 0; r < CsMatrixBlockRows(drawn, item); r++)
	{
		CHECK_FOR_INTERRUPTS();
		DrawNumbers(args, tables, &rng, mixed, x + r);
		DrawCategories(args, arena, tables, &rng, x + r);
	}
}

/*
 * Draw as many rows as were given.  Sets of the same seed differ by their number.  The matrix is
 * the reference's; each draw writes it anew.
 */
const CsMatrix *
CsReferenceDraw(CsTeam *team, CsReference *r, uint64 seed, int number)
{
	CsRng		rng;

	CsRngSeed(&rng, seed, REFERENCE_STREAM + (uint64) number);
	r->args.seed = CsRngNext(&rng);
	CsTeamRun(team, CS_TASK(CsReferenceTask), &r->args, sizeof(r->args), (int) CsMatrixBlocks(r->drawn));
	return r->drawn;
}

/* Free the reference. */
void
CsReferenceFree(CsTeam *team, CsReference *r)
{
	CsArena    *arena = CsTeamArena(team);

	CsArenaFree(arena, r->args.fitted);
	CsArenaFree(arena, r->args.rows);
	CsArenaFree(arena, r->args.drawn);
	CsMatrixFree(r->drawn, arena);
	pfree(r);
}
