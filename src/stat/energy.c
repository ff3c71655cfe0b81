/*
 * energy.c
 *	  Are two samples of rows from the same distribution?  Energy distance with a permutation test.
 *
 * E = 2 mean |x - y| - mean |x - x'| - mean |y - y'|, Euclidean distances, x of the one sample and
 * y of the other; 0 when they are the same distribution, and only then (Szekely and Rizzo, Testing
 * for Equal Distributions in High Dimension, InterStat 2004).  The coefficient of inhomogeneity
 * H = E / (2 mean |x - y|) has no unit and lies between 0 and 1 (Szekely and Rizzo, Energy
 * statistics: A class of statistics based on distances, Journal of Statistical Planning and
 * Inference 143, 2013).
 *
 * p is that of the permutation test: which rows are called the baseline's is drawn anew, and p is
 * the share of these labellings, the true one among them, with an E as large.  Their mean H is what
 * chance makes of samples of this size: some (1/n + 1/m) / 2.
 *
 * With w(A, B) the sum of distances between two sets of rows, each pair once, all that a labelling
 * changes follows from w(X, X) and the rows' sums of distances.  So the distances are computed
 * once for each group of rows and a few hundred labellings, and never kept: a row's distances times
 * the matrix of labels, whose inner loop runs over the labellings.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/tests.h"

/* Rows whose distances are taken at a time, and labellings that they are summed for. */
#define GROUP 4
#define LABELLINGS 256

/* Rounding may make equal sums differ by this share. */
#define ROUNDING 1e-12

typedef struct Energy
{
	int			d;
	int			n,				/* rows of the baseline, which come first */
				m;
	int			rows;			/* n + m */
	int			padded;
	double	   *x;				/* [d][padded] */
	double	   *group;			/* [GROUP][d] */
	double	   *distance;		/* [GROUP][padded] */
	double	   *row_sum;		/* of each row's distances to all others */
	double		total;			/* of all pairs' distances */
	bool		has_sums;		/* these two are known */
	int			nlabellings;	/* at hand */
	double	   *label;			/* [rows][nlabellings]: 1 in the baseline, 0 in current */
	double	   *within;			/* by labelling: w(X, X) */
	double	   *sum;			/* [GROUP][LABELLINGS] */
} Energy;

/* Bytes that CsEnergyTest() takes beside the rows. */
Size
CsEnergyMemory(int d, int n, int m)
{
	Size		rows = add_size(CS_PAD_ROWS(n + m), CS_PAD_ROWS(1));

	return mul_size(mul_size(rows, sizeof(double)), d + GROUP + 2 + LABELLINGS);
}

/* Take the rows, column by column. */
static void
TakeRows(Energy *e, const double *baseline, const double *current)
{
	e->rows = e->n + e->m;
	e->padded = CS_PAD_ROWS(e->rows);
	e->x = palloc_extended(sizeof(double) * e->d * e->padded, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	e->group = palloc(sizeof(double) * GROUP * e->d);
	e->distance = palloc(sizeof(double) * GROUP * e->padded);
	e->row_sum = palloc0(sizeof(double) * e->rows);
	e->label = palloc_extended(sizeof(double) * e->rows * LABELLINGS, MCXT_ALLOC_HUGE);
	e->within = palloc(sizeof(double) * LABELLINGS);
	e->sum = palloc(sizeof(double) * GROUP * LABELLINGS);
	for (int i = 0; i < e->rows; i++)
	{
		const double *row = i < e->n ? baseline + (Size) i * e->d :
			current + (Size) (i - e->n) * e->d;

		for (int j = 0; j < e->d; j++)
			e->x[(Size) j * e->padded + i] = row[j];
	}
}

static void
FreeRows(Energy *e)
{
	pfree(e->x);
	pfree(e->group);
	pfree(e->distance);
	pfree(e->row_sum);
	pfree(e->label);
	pfree(e->within);
	pfree(e->sum);
}

/*
 * Distances of a group of rows to those that come after, 0 to the others.  Returns the first row
 * that there is a distance for; those of the group's rows lie *stride apart.
 */
static int
GroupDistances(Energy *e, int first, int nrows, int *stride)
{
	int			from = first - first % 16;	/* kernels like rows by 16 */

	for (int g = 0; g < nrows; g++)
		for (int j = 0; j < e->d; j++)
			e->group[g * e->d + j] = e->x[(Size) j * e->padded + first + g];
	*stride = CS_PAD_ROWS(e->rows - from);
	CsSquaredDistances(e->d, e->rows - from, e->x + from, e->padded, nrows, e->group, e->distance);
	for (int g = 0; g < nrows; g++)
	{
		double	   *distance = e->distance + (Size) g * *stride;

		for (int i = from; i < e->rows; i++)
			distance[i - from] = i <= first + g ? 0 : sqrt(distance[i - from]);
	}
	return from;
}

/* The distances' own sums: of each row, and of all pairs. */
static void
AddRowSums(Energy *e, int row, int from, const double *distance)
{
	for (int i = row + 1; i < e->rows; i++)
	{
		e->row_sum[row] += distance[i - from];
		e->row_sum[i] += distance[i - from];
		e->total += distance[i - from];
	}
}

/* For a group of rows, the sums of their distances to the baseline's rows, by labelling. */
CS_CLONES static void
SumByLabelling(int nrows, int count, const double *distance, int stride, const double *label,
			   int nlabellings, double *sum)
{
	memset(sum, 0, sizeof(double) * nrows * nlabellings);
	for (int i = 0; i < count; i++)
	{
		const double *row = label + (Size) i * nlabellings;

		for (int g = 0; g < nrows; g++)
		{
			double		weight = distance[(Size) g * stride + i];
			double	   *to = sum + g * nlabellings;

			for (int b = 0; b < nlabellings; b++)
				to[b] += weight * row[b];
		}
	}
}

/* w(X, X) of the labellings at hand. */
static void
SumWithin(Energy *e)
{
	memset(e->within, 0, sizeof(double) * LABELLINGS);
	for (int first = 0; first < e->rows; first += GROUP)
	{
		int			nrows = Min(GROUP, e->rows - first),
					stride,
					from;

		CHECK_FOR_INTERRUPTS();
		from = GroupDistances(e, first, nrows, &stride);
		for (int g = 0; g < nrows && !e->has_sums; g++)
			AddRowSums(e, first + g, from, e->distance + (Size) g * stride);
		SumByLabelling(nrows, e->rows - from, e->distance, stride,
					   e->label + (Size) from * e->nlabellings, e->nlabellings, e->sum);
		for (int g = 0; g < nrows; g++)
		{
			const double *label = e->label + (Size) (first + g) * e->nlabellings;
			const double *sum = e->sum + g * e->nlabellings;

			for (int b = 0; b < e->nlabellings; b++)
				e->within[b] += label[b] * sum[b];
		}
	}
	e->has_sums = true;
}

/* The energy distance by a labelling; *between: mean distance of the two sides' rows. */
static double
EnergyOf(const Energy *e, int labelling, double *between)
{
	double		n = e->n,
				m = e->m,
				from_baseline = 0,	/* distances of its rows to all: twice w(X, X), w(X, Y) */
				within = e->within[labelling],
				across;

	for (int i = 0; i < e->rows; i++)
		from_baseline += e->label[(Size) i * e->nlabellings + labelling] * e->row_sum[i];
	across = from_baseline - 2 * within;
	*between = across / (n * m);
	return Max(2 * *between - 2 * within / (n * n) - 2 * (e->total - within - across) / (m * m), 0);
}

/* Draw which rows are called the baseline's (Fisher and Yates); "order" holds a permutation. */
static void
DrawLabelling(Energy *e, int labelling, int *order, CsRng *rng)
{
	for (int i = 0; i < e->rows; i++)
		e->label[(Size) i * e->nlabellings + labelling] = 0;
	for (int i = 0; i < e->n; i++)
	{
		int			other = i + (int) CsRngBelow(rng, e->rows - i),
					row = order[other];

		order[other] = order[i];
		order[i] = row;
		e->label[(Size) row * e->nlabellings + labelling] = 1;
	}
}

/*
 * The energy test of two samples of rows of d numbers, row by row; n, m >= 1. p comes from so many
 * permutations, seeded.
 */
CsEnergyResult
CsEnergyTest(int d, const double *baseline, int n, const double *current, int m, int permutations,
			 uint64 seed)
{
	Energy		e = {.d = d,.n = n,.m = m};
	CsEnergyResult result = {0};
	int		   *order = palloc(sizeof(int) * (n + m));
	int			as_large = 0;
	double		between;
	CsRng		rng;

	CsRngSeed(&rng, seed, UINT64CONST(0xE4E26));
	TakeRows(&e, baseline, current);
	for (int i = 0; i < e.rows; i++)
		order[i] = i;
	for (int done = 0; done <= permutations; done += e.nlabellings)
	{
		e.nlabellings = Min(LABELLINGS, permutations + 1 - done);
		for (int b = 0; b < e.nlabellings; b++)
		{
			if (done + b > 0)
				DrawLabelling(&e, b, order, &rng);
			else
				for (int i = 0; i < e.rows; i++)
					e.label[(Size) i * e.nlabellings] = i < n;
		}
		SumWithin(&e);
		if (done == 0)
		{
			result.distance = EnergyOf(&e, 0, &between);
			result.coefficient = between > 0 ? Min(result.distance / (2 * between), 1) : 0;
		}
		for (int b = 0; b < e.nlabellings; b++)
		{
			double		distance = EnergyOf(&e, b, &between);

			as_large += distance >= result.distance * (1 - ROUNDING);
			if (done + b > 0 && between > 0)
				result.expected += distance / (2 * between) / permutations;
		}
	}
	result.p = (double) as_large / (permutations + 1);
	FreeRows(&e);
	pfree(order);
	return result;
}
