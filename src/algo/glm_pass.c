/*
 * glm_pass.c
 *	  A pass of the team over the rows of a regression: sums of columns, and the gradient, the second
 *	  derivatives and the log-likelihood at some coefficients.
 *
 * Columns are centered and divided by their standard deviations within, so that the equations hold for
 * any units.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/glm.h"
#include "math/math.h"
#include "miscadmin.h"

/* Bytes that all lanes together should not exceed. */
#define LANES_MEMORY ((Size) 16 * 1024 * 1024)

/* Doubles of a lane. */
static Size
LaneSize(int d)
{
	return add_size(CsTriangle(d + 1), (Size) d + 2);
}

static int
LaneCount(int d)
{
	return (int) Max(1, Min(LANES_MEMORY / mul_size(LaneSize(d), sizeof(double)), CS_LANES));
}

/* See CsValueAlgorithm. */
Size
CsGlmMemory(int64 nrows, int ncolumns, const void *options)
{
	Size		lanes = mul_size(LaneSize(ncolumns), LaneCount(ncolumns) + 3);

	return mul_size(lanes, sizeof(double));
}

/* The columns of a block, centered and scaled, 0 beyond its last row; z[column][CS_BLOCK_ROWS]. */
static void
Standardise(const CsGlmArgs *a, const double *x, const double *state, int nrows, double *z)
{
	int			p = a->d + 1;

	for (int j = 0; j < a->d; j++)
	{
		double	   *to = z + (Size) j * CS_BLOCK_ROWS;
		double		scale = state[p + j];

		for (int r = 0; r < nrows; r++)
			to[r] = scale > 0 ? (x[(Size) j * CS_BLOCK_ROWS + r] - state[j]) / scale : 0;
	}
	for (int r = 0; r < nrows; r++)
		z[(Size) a->d * CS_BLOCK_ROWS + r] = 1;
}

/* The linear predictor of each row. */
static void
Predictor(int p, const double *z, const double *beta, int nrows, double *eta)
{
	memset(eta, 0, sizeof(double) * CS_BLOCK_ROWS);
	for (int j = 0; j < p; j++)
		for (int r = 0; r < nrows; r++)
			eta[r] += beta[j] * z[(Size) j * CS_BLOCK_ROWS + r];
}

/*
 * Residuals and weights of a block's rows, 0 beyond the last, from their predictors; returns their
 * log-likelihood, of a linear model minus half the squared errors.
 */
static double
Residuals(bool is_logistic, const double *eta, const double *y, int nrows, double *residual, double *weight)
{
	double		likelihood = 0,
				rest = 0;

	memset(residual, 0, sizeof(double) * CS_BLOCK_ROWS);
	memset(weight, 0, sizeof(double) * CS_BLOCK_ROWS);
	for (int r = 0; r < nrows; r++)
	{
		double		p;

		if (!is_logistic)
		{
			residual[r] = y[r] - eta[r];
			weight[r] = 1;
			CsAddCompensated(&likelihood, &rest, -residual[r] * residual[r] / 2);
			continue;
		}
		p = CsInverseLogit(eta[r]);
		residual[r] = y[r] - p;
		weight[r] = p * (1 - p);
		CsAddCompensated(&likelihood, &rest, y[r] * eta[r] - (Max(eta[r], 0) + log1p(exp(-fabs(eta[r])))));
	}
	return likelihood + rest;
}

/* What a block adds to a lane of Newton's pass; z, eta: as above; scratch[3][CS_BLOCK_ROWS]. */
static void
NewtonBlock(const CsGlmArgs *a, const double *z, const double *eta, const double *y, int nrows,
			double *scratch, double *lane)
{
	int			p = a->d + 1;
	double	   *residual = scratch,
			   *weight = scratch + CS_BLOCK_ROWS,
			   *weighted = weight + CS_BLOCK_ROWS;
	double	   *products = lane + p;

	products[CsTriangle(p)] += Residuals(a->is_logistic, eta, y, nrows, residual, weight);
	for (int j = 0; j < p; j++)
	{
		const double *column = z + (Size) j * CS_BLOCK_ROWS;

		CHECK_FOR_INTERRUPTS();
		lane[j] += CsDotProduct(nrows, residual, column);
		for (int r = 0; r < nrows; r++)
			weighted[r] = weight[r] * column[r];
		for (int k = 0; k <= j; k++)
			products[CsTriangle(j) + k] += CsDotProduct(nrows, weighted, z + (Size) k * CS_BLOCK_ROWS);
	}
}

/*
 * How far the probabilities of a block's rows are from the outcomes: for each column over the rows
 * that are not at its center, in the last place over all rows.
 */
static void
SeparationBlock(const CsGlmArgs *a, const double *x, const double *eta, const double *y, int nrows,
				double *lane)
{
	for (int r = 0; r < nrows; r++)
	{
		double		off = fabs(y[r] - CsInverseLogit(eta[r]));

		for (int j = 0; j < a->d; j++)
			if (x[(Size) j * CS_BLOCK_ROWS + r] != 0)
				lane[j] = Max(lane[j], off);
		lane[a->d] = Max(lane[a->d], off);
	}
}

/* Sums of how far a block's columns are from their centers, or of the squares. */
static void
ColumnBlock(const CsGlmArgs *a, const double *x, const double *state, int nrows, double *lane)
{
	for (int j = 0; j < a->d; j++)
	{
		const double *column = x + (Size) j * CS_BLOCK_ROWS;
		double		sum = 0,
					rest = 0;

		for (int r = 0; r < nrows; r++)
		{
			double		off = column[r] - state[j];

			CsAddCompensated(&sum, &rest, a->pass == CS_GLM_SUMS ? off : off * off);
		}
		lane[j] += sum + rest;
	}
}

/* CS_TASK(CsGlmTask): one pass over the blocks of a lane. */
void
CsGlmTask(CsTeam *team, const void *args, int item)
{
	const CsGlmArgs *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	const double *target = CsArenaAddress(arena, a->target);
	const double *state = CsArenaAddress(arena, a->state);
	double	   *lane = (double *) CsArenaAddress(arena, a->sums) + item * LaneSize(a->d);
	int			p = a->d + 1;
	double	   *z = palloc_extended(sizeof(double) * CS_BLOCK_ROWS * ((Size) p + 4), MCXT_ALLOC_HUGE);
	double	   *eta = z + (Size) p * CS_BLOCK_ROWS;
	int64		nblocks = CsMatrixBlocks(m);

	memset(lane, 0, LaneSize(a->d) * sizeof(double));
	for (int64 b = nblocks * item / a->lanes; b < nblocks * (item + 1) / a->lanes; b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		const double *y = target + b * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		if (a->pass == CS_GLM_SUMS || a->pass == CS_GLM_SQUARES)
		{
			ColumnBlock(a, x, state, nrows, lane);
			continue;
		}
		Standardise(a, x, state, nrows, z);
		Predictor(p, z, state + 2 * p, nrows, eta);
		if (a->pass == CS_GLM_NEWTON)
			NewtonBlock(a, z, eta, y, nrows, eta + CS_BLOCK_ROWS, lane);
		else
			SeparationBlock(a, x, eta, y, nrows, lane);
	}
	pfree(z);
}

/* Run a pass; the lanes added up, in order, or of CS_GLM_SEPARATION the largest of each, go to g->sums. */
void
CsGlmRun(CsGlm *g, CsGlmPass pass)
{
	CsArena    *arena = CsTeamArena(g->in->team);
	Size		size = LaneSize(g->args.d);
	const double *lanes;

	g->args.pass = pass;
	CsTeamRun(g->in->team, CS_TASK(CsGlmTask), &g->args, sizeof(CsGlmArgs), g->args.lanes);
	memset(g->sums, 0, sizeof(double) * size);
	lanes = CsArenaAddress(arena, g->args.sums);
	for (int l = 0; l < g->args.lanes; l++)
		for (Size i = 0; i < size; i++)
			g->sums[i] = pass == CS_GLM_SEPARATION ? Max(g->sums[i], lanes[l * size + i]) :
				g->sums[i] + lanes[l * size + i];
}

/*
 * The means and standard deviations of the columns.  Sums are about the first row, so that a constant added to
 * all values changes nothing but the mean; values that are the same except for their last bit or two are constant.
 */
static void
ScaleColumns(CsGlm *g)
{
	const CsMatrix *m = g->in->matrix;
	double		n = (double) m->nrows;

	for (int j = 0; j < g->args.d; j++)
		g->center[j] = CsMatrixRow(m, CsTeamArena(g->in->team), 0)[(Size) j * CS_BLOCK_ROWS];
	CsGlmRun(g, CS_GLM_SUMS);
	for (int j = 0; j < g->args.d; j++)
		g->center[j] += g->sums[j] / n;
	CsGlmRun(g, CS_GLM_SQUARES);
	for (int j = 0; j < g->args.d; j++)
	{
		double		sd = sqrt(g->sums[j] / n);

		if (!isfinite(sd))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the values of column \"%s\" are too large to add up", g->in->columns[j]),
					 errhint("Scale or transform the feature.")));
		g->scale[j] = sd > fabs(g->center[j]) * 2 * DBL_EPSILON ? sd : 0;
	}
}

/* Take the areas and arrays of a fit, which CsGlmEnd() gives back, and scale the columns. */
void
CsGlmBegin(CsGlm *g, const CsValueInput *in, bool is_logistic)
{
	CsArena    *arena = CsTeamArena(in->team);
	int			d = in->matrix->ncolumns;

	memset(g, 0, sizeof(*g));
	g->in = in;
	g->options = in->options;
	g->p = d + 1;
	g->args.d = d;
	g->args.lanes = LaneCount(d);
	g->args.is_logistic = is_logistic;
	g->args.target = in->target;
	g->args.matrix = CsMatrixShare(in->matrix, arena);
	g->args.state = CsArenaAlloc(arena, sizeof(double) * 3 * g->p);
	g->args.sums = CsArenaAlloc(arena, mul_size(sizeof(double) * g->args.lanes, LaneSize(d)));
	g->center = CsArenaAddress(arena, g->args.state);
	memset(g->center, 0, sizeof(double) * 3 * g->p);
	g->scale = g->center + g->p;
	g->beta = g->scale + g->p;
	g->left_out = palloc0(sizeof(bool) * g->p);
	g->sums = palloc_extended(mul_size(sizeof(double), LaneSize(d)), MCXT_ALLOC_HUGE);
	g->factor = palloc_extended(mul_size(sizeof(double), CsTriangle(g->p)), MCXT_ALLOC_HUGE);
	ScaleColumns(g);
}

/* Give back the areas and arrays. */
void
CsGlmEnd(CsGlm *g)
{
	CsArena    *arena = CsTeamArena(g->in->team);

	CsArenaFree(arena, g->args.matrix);
	CsArenaFree(arena, g->args.state);
	CsArenaFree(arena, g->args.sums);
	pfree(g->left_out);
	pfree(g->sums);
	pfree(g->factor);
}
