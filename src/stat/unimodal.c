/*
 * unimodal.c
 *	  The unimodal distribution that is nearest to the values of a column.
 *
 * A distribution with mode m has a density that rises up to m and falls from there on.  Given m,
 * the nonparametric maximum likelihood estimate is the slope of the greatest convex minorant of the
 * empirical distribution function on the left of m, and of its least concave majorant on the right
 * (Grenander, Skandinavisk Aktuarietidskrift 39, 1956; Prakasa Rao, Sankhya A 31, 1969); both are
 * found by pooling adjacent violators.  The mode is the candidate whose estimate is nearest to the
 * empirical distribution function, as in the dip statistic (Hartigan and Hartigan, Annals of
 * Statistics 13, 1985).  So the estimate keeps location, skewness and the weight of the tails, and
 * of two heaps it makes one heap with a plateau.
 *
 * A value's share of the rows is spread over the half gaps on both of its sides before that.  The
 * minorant and majorant of the step function itself would draw both tails in, and large customers
 * would look like a group.
 *
 * Numbers that are multiples of a step, as counts and flags are, keep to them: their distribution
 * is one of whole steps, so that what is drawn from it has the ties of the data.
 */
#include "custseg.h"

#include <math.h>

#include "stat/null.h"

/* Most steps from the least value to the largest for values to be multiples of one. */
#define MAX_STEPS 1000

/* How far values may be off a multiple, in steps: they have been scaled. */
#define STEP_TOLERANCE 1e-6

/* Modes that are tried, evenly among the cells. */
#define CANDIDATES 64

/*
 * The values as cells, ascending: each distinct value, or multiple of the step, with half of the
 * gaps to its neighbours.  At both ends the outer half is as wide as the inner one.
 */
typedef struct Cells
{
	int			n;
	bool		steps;
	double	   *value;
	double	   *mass;			/* share of the rows */
	double	   *edge;			/* n + 1: where cells begin, and the last one ends; not for steps */
} Cells;

/* A run of cells that have the same density. */
typedef struct Pool
{
	double		mass;
	double		width;
	int			ncells;
} Pool;

/* Distinct values with their shares. */
static Cells
DistinctValues(const double *sorted, int n)
{
	Cells		cells = {0};

	cells.value = palloc(sizeof(double) * n);
	cells.mass = palloc(sizeof(double) * n);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || sorted[i] != sorted[i - 1])
		{
			cells.value[cells.n] = sorted[i];
			cells.mass[cells.n++] = 0;
		}
		cells.mass[cells.n - 1] += 1.0 / n;
	}
	return cells;
}

/* Where cells meet: half-way between their values. */
static void
SetEdges(Cells *cells)
{
	const double *value = cells->value;
	int			n = cells->n;

	cells->edge = palloc(sizeof(double) * (n + 1));
	for (int i = 1; i < n; i++)
		cells->edge[i] = value[i - 1] + (value[i] - value[i - 1]) / 2;
	cells->edge[0] = value[0] - (n > 1 ? cells->edge[1] - value[0] : 0);
	cells->edge[n] = value[n - 1] + (n > 1 ? value[n - 1] - cells->edge[n - 1] : 0);
}

/* The step of which the values are multiples, counted from the least; 0 when there is none. */
static double
FindStep(const Cells *cells, int nrows)
{
	double		step = HUGE_VAL;

	if (cells->n < 2 || cells->n > nrows / 2)
		return 0;
	for (int i = 0; i + 1 < cells->n; i++)
		step = Min(step, cells->value[i + 1] - cells->value[i]);
	if (!((cells->value[cells->n - 1] - cells->value[0]) / step < MAX_STEPS))
		return 0;
	for (int i = 1; i < cells->n; i++)
	{
		double		multiple = (cells->value[i] - cells->value[0]) / step;

		if (fabs(multiple - rint(multiple)) > STEP_TOLERANCE * Max(1, multiple))
			return 0;
	}
	return step;
}

/* The same values with a cell for every multiple of the step, those without rows included. */
static Cells
SpreadOverSteps(const Cells *cells, double step)
{
	Cells		all = {.steps = true};

	all.n = 1 + (int) rint((cells->value[cells->n - 1] - cells->value[0]) / step);
	all.value = palloc(sizeof(double) * all.n);
	all.mass = palloc0(sizeof(double) * all.n);
	for (int i = 0; i < all.n; i++)
		all.value[i] = cells->value[0] + i * step;
	for (int i = 0; i < cells->n; i++)
	{
		int			at = (int) rint((cells->value[i] - cells->value[0]) / step);

		all.value[at] = cells->value[i];
		all.mass[at] += cells->mass[i];
	}
	return all;
}

static inline double
CellWidth(const Cells *cells, int cell)
{
	return cells->steps ? 1 : cells->edge[cell + 1] - cells->edge[cell];
}

/*
 * Spread the mass of n cells, from cell "first" on in the given direction (1 or -1), so that the
 * density never falls in that direction: adjacent violators are pooled.  OUT fitted, by cell.
 * Returns the density next to the mode.
 */
static double
FitFlank(const Cells *cells, int first, int n, int direction, Pool *pools, double *fitted)
{
	int			npools = 0,
				cell = first;

	for (int i = 0; i < n; i++, cell += direction)
	{
		Pool		pool = {cells->mass[cell], CellWidth(cells, cell), 1};

		while (npools > 0 &&
			   pools[npools - 1].mass * pool.width >= pool.mass * pools[npools - 1].width)
		{
			pool.mass += pools[npools - 1].mass;
			pool.width += pools[npools - 1].width;
			pool.ncells += pools[--npools].ncells;
		}
		pools[npools++] = pool;
	}
	cell = first;
	for (int p = 0; p < npools; p++)
		for (int i = 0; i < pools[p].ncells; i++, cell += direction)
			fitted[cell] = pools[p].mass * (CellWidth(cells, cell) / pools[p].width);
	return npools > 0 ? pools[npools - 1].mass / pools[npools - 1].width : 0;
}

/*
 * Fit the distribution with that mode, which is a point unless there are steps.  OUT fitted, the
 * mass by cell.  Returns how far the distribution functions are apart at most; infinite when the
 * cell cannot be the mode.
 */
static double
FitMode(const Cells *cells, int mode, Pool *pools, double *fitted)
{
	double		left = FitFlank(cells, 0, mode, 1, pools, fitted);
	double		right = FitFlank(cells, cells->n - 1, cells->n - 1 - mode, -1, pools, fitted);
	double		difference = 0,
				apart = 0;

	if (cells->steps && cells->mass[mode] < Max(left, right))
		return HUGE_VAL;
	fitted[mode] = cells->mass[mode];
	for (int i = 0; i < cells->n; i++)
	{
		difference += fitted[i] - cells->mass[i];
		apart = Max(apart, fabs(difference));
	}
	return apart;
}

/* The mode whose distribution is nearest; the cell of the largest mass is always a candidate. */
static int
ChooseMode(const Cells *cells, Pool *pools, double *fitted)
{
	int			heaviest = 0,
				best;
	double		nearest;

	for (int i = 1; i < cells->n; i++)
		if (cells->mass[i] > cells->mass[heaviest])
			heaviest = i;
	best = heaviest;
	nearest = FitMode(cells, heaviest, pools, fitted);
	for (int c = 0; c < Min(CANDIDATES, cells->n); c++)
	{
		int			mode = (int) ((int64) c * cells->n / Min(CANDIDATES, cells->n));
		double		apart = FitMode(cells, mode, pools, fitted);

		if (apart < nearest)
		{
			nearest = apart;
			best = mode;
		}
	}
	return best;
}

static void
AddKnot(CsUnimodal *u, double value, double share)
{
	u->knot[u->nknots].value = value;
	u->knot[u->nknots++].share = share;
}

/* Fit the distribution to n > 0 sorted values; palloc'd in one piece. */
CsUnimodal *
CsUnimodalFit(const double *sorted, int n)
{
	Cells		cells = DistinctValues(sorted, n);
	double		step = FindStep(&cells, n),
				sum = 0;
	CsUnimodal *u;
	Pool	   *pools;
	double	   *fitted;
	int			mode;

	if (step > 0)
		cells = SpreadOverSteps(&cells, step);
	else
		SetEdges(&cells);
	pools = palloc(sizeof(Pool) * cells.n);
	fitted = palloc(sizeof(double) * cells.n);
	mode = ChooseMode(&cells, pools, fitted);
	(void) FitMode(&cells, mode, pools, fitted);

	/* a cell is the knots at its ends; the mode has two knots at its value, and one at its end */
	u = palloc(CsUnimodalSize(cells.n + 3));
	u->nknots = 0;
	u->steps = cells.steps;
	AddKnot(u, cells.steps ? cells.value[0] : cells.edge[0], 0);
	for (int i = 0; i < cells.n; i++)
	{
		if (i == mode && !cells.steps)
			AddKnot(u, cells.value[i], sum);
		sum += fitted[i];
		if (i == mode || cells.steps)
			AddKnot(u, cells.value[i], sum);
		if (!cells.steps)
			AddKnot(u, cells.edge[i + 1], sum);
	}
	return u;
}

/* The value below which the share p of the distribution lies; 0 <= p <= 1. */
double
CsUnimodalQuantile(const CsUnimodal *u, double p)
{
	int			low = 1,
				high = u->nknots - 1;
	const CsKnot *knot;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (u->knot[middle].share >= p)
			high = middle;
		else
			low = middle + 1;
	}
	knot = &u->knot[low];
	if (u->steps || !(p < knot->share))
		return knot->value;
	return knot[-1].value + (knot->value - knot[-1].value) *
		((p - knot[-1].share) / (knot->share - knot[-1].share));
}
