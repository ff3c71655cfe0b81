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

/* Densities that differ by no more than this part are the same: those of pools are sums of many masses. */
#define SAME_DENSITY 1e-12

/* Distribution functions that are nearer by no more than this are as near: the first of such modes is taken. */
#define SAME_DISTANCE 1e-12

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

/* The pools of a flank, which grows from one end of the cells. */
typedef struct Flank
{
	Pool	   *pools;
	int			npools;
} Flank;

/* Take another cell into the pools of a flank. */
static inline void
AddToFlank(const Cells *cells, Flank *flank, int cell)
{
	Pool	   *pools = flank->pools;
	Pool		pool = {cells->mass[cell], CellWidth(cells, cell), 1};
	int			n = flank->npools;

	for (; n > 0 && pools[n - 1].mass * pool.width >= pool.mass * pools[n - 1].width; n--)
	{
		pool.mass += pools[n - 1].mass;
		pool.width += pools[n - 1].width;
		pool.ncells += pools[n - 1].ncells;
	}
	pools[n++] = pool;
	flank->npools = n;
}

/* The density of a flank next to the mode. */
static double
DensityAtMode(const Flank *flank)
{
	const Pool *last = flank->pools + flank->npools - 1;

	return flank->npools > 0 ? last->mass / last->width : 0;
}

/*
 * Spread the mass of n cells, from cell "first" on in the given direction (1 or -1), so that the
 * density never falls in that direction: adjacent violators are pooled.  OUT fitted, by cell.
 * Returns the density next to the mode.
 */
static double
FitFlank(const Cells *cells, int first, int n, int direction, Pool *pools, double *fitted)
{
	Flank		flank = {pools};
	int			cell = first;

	for (int i = 0; i < n; i++, cell += direction)
		AddToFlank(cells, &flank, cell);
	cell = first;
	for (int p = 0; p < flank.npools; p++)
		for (int i = 0; i < pools[p].ncells; i++, cell += direction)
			fitted[cell] = pools[p].mass * (CellWidth(cells, cell) / pools[p].width);
	return DensityAtMode(&flank);
}

/*
 * Can a cell be the mode between flanks that have these densities next to it?  A step must have as much as
 * either, but for rounding: where all steps have the same, a pool of them is a bit or two off.
 */
static inline bool
CanBeMode(const Cells *cells, int mode, double left, double right)
{
	return !cells->steps || cells->mass[mode] >= Max(left, right) * (1 - SAME_DENSITY);
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

	fitted[mode] = cells->mass[mode];
	if (!CanBeMode(cells, mode, left, right))
		return HUGE_VAL;
	for (int i = 0; i < cells->n; i++)
	{
		difference += fitted[i] - cells->mass[i];
		apart = Max(apart, fabs(difference));
	}
	return apart;
}

/* A mode that is tried. */
typedef struct Candidate
{
	int			mode;
	double		density;		/* of the left flank next to it */
	double		difference;		/* of the distribution functions at it */
	double		apart;			/* how far these are apart at most; infinite beyond what was asked for */
} Candidate;

/*
 * Go on to the cells of a pool, from "cell" on, with the difference of the distribution functions, and how far
 * they are apart at most: infinite once that is more than "most".
 */
static void
AddPool(const Cells *cells, const Pool *pool, int cell, double most, Candidate *c)
{
	for (int end = cell + pool->ncells; cell < end && c->apart <= most; cell++)
	{
		c->difference += pool->mass * (CellWidth(cells, cell) / pool->width) - cells->mass[cell];
		c->apart = Max(c->apart, fabs(c->difference));
	}
	if (c->apart > most)
		c->apart = HUGE_VAL;
}

/* Compare the distribution functions on the left of each candidate; they ascend.  "pools" is scratch. */
static void
CompareLeft(const Cells *cells, Candidate *candidates, int n, double most, Pool *pools)
{
	Flank		flank = {pools};
	int			cell = 0;

	for (Candidate *c = candidates; c < candidates + n; c++)
	{
		int			at = 0;

		for (; cell < c->mode; cell++)
			AddToFlank(cells, &flank, cell);
		c->density = DensityAtMode(&flank);
		for (int p = 0; p < flank.npools && c->apart <= most; at += pools[p++].ncells)
			AddPool(cells, &pools[p], at, most, c);
	}
}

/* Go on to the right of each candidate that is within "most", or as near as the nearest one. */
static void
CompareRight(const Cells *cells, Candidate *candidates, int n, double most, Pool *pools)
{
	Flank		flank = {pools};
	int			cell = cells->n - 1;

	for (Candidate *c = candidates + n - 1; c >= candidates; c--)
	{
		int			at = c->mode + 1;

		for (; cell > c->mode; cell--)
			AddToFlank(cells, &flank, cell);
		if (!CanBeMode(cells, c->mode, c->density, DensityAtMode(&flank)))
			c->apart = HUGE_VAL;
		for (int p = flank.npools - 1; p >= 0 && c->apart <= most; at += pools[p--].ncells)
			AddPool(cells, &pools[p], at, most, c);
		most = Min(most, c->apart + SAME_DISTANCE);
	}
}

/*
 * The mode whose distribution is nearest; the cell of the largest mass is always a candidate.  What FitMode() does
 * for each, with flanks that grow from one to the next, and an end where a nearer one is known.
 */
static int
ChooseMode(const Cells *cells, Pool *pools, double *fitted)
{
	Candidate	candidates[CANDIDATES] = {0};
	int			n = Min(CANDIDATES, cells->n),
				heaviest = 0,
				best;
	double		nearest;

	for (int i = 1; i < cells->n; i++)
		if (cells->mass[i] > cells->mass[heaviest])
			heaviest = i;
	best = heaviest;
	nearest = FitMode(cells, heaviest, pools, fitted);
	for (int c = 0; c < n; c++)
		candidates[c].mode = (int) ((int64) c * cells->n / n);
	CompareLeft(cells, candidates, n, nearest, pools);
	CompareRight(cells, candidates, n, nearest, pools);
	for (int c = 0; c < n; c++)
	{
		if (candidates[c].apart < nearest - SAME_DISTANCE)
		{
			nearest = candidates[c].apart;
			best = candidates[c].mode;
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
	const CsKnot *knot = &u->knot[1];

	/* the first knot with this share, or the last one, without a branch that nobody can foresee */
	for (int n = u->nknots - 1, half; n > 1; n -= half)
	{
		half = n / 2;
		knot += half * (knot[half - 1].share < p);
	}
	if (u->steps || !(p < knot->share))
		return knot->value;
	return knot[-1].value + (knot->value - knot[-1].value) *
		((p - knot[-1].share) / (knot->share - knot[-1].share));
}
