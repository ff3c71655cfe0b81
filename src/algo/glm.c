/*
 * glm.c
 *	  Linear and logistic regression by Newton's method, which for the logistic one is iteratively
 *	  reweighted least squares (McCullagh and Nelder, Generalized Linear Models, 1989).
 *
 * Columns are centered and divided by their standard deviations within, so that the equations hold
 * for any units; coefficients are told in the units of the columns.  A pass of the team adds up the
 * gradient, the second derivatives and the log-likelihood; Cholesky's method solves.  The linear
 * model, too, takes a second step: it takes back the rounding of the first.
 *
 * A column that follows from those before it adds nothing: its coefficient is 0 and has no error.
 * "ridge" adds half of it times the sum of squared coefficients, each per standard deviation, to
 * what is minimised: half the sum of squared errors, or minus the log-likelihood.
 *
 * Where a column separates the outcomes, there is no largest likelihood (Albert and Anderson 1984):
 * an error says which column.  A fold may take along the only rows that keep the others from being
 * separated, such as the one customer of a rare level who left: then the others get a small ridge.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "algo/value.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"

/* Bytes that all lanes together should not exceed. */
#define LANES_MEMORY ((Size) 16 * 1024 * 1024)

/* The share of a column's variance that must be its own. */
#define LEAST_OWN_VARIANCE 1e-10

/* A relative change of the log-likelihood that ends the iterations. */
#define CONVERGED 1e-12

/* A probability closer to its outcome is certain. */
#define CERTAIN 1e-9

/* A standard error, in log odds per standard deviation, that says that a coefficient is not known. */
#define MOST_ERROR 1000

/* The ridge of rows of some folds that alone are separated. */
#define PART_RIDGE 1

/* Halvings of a step that does not help. */
#define MAX_HALVINGS 30

typedef struct GlmOptions
{
	CsValueOptions common;
	double		ridge;
	int			max_iter;
} GlmOptions;

static const CsOption glm_options[] = {
	CS_VALUE_OPTIONS(GlmOptions, common),
	{"ridge", CS_OPTION_REAL, offsetof(GlmOptions, ridge), 0, 0, INFINITY},
	{"max_iter", CS_OPTION_INT, offsetof(GlmOptions, max_iter), 100, 1, 10000},
};

typedef enum GlmPass
{
	GLM_SUMS,					/* of columns */
	GLM_SQUARES,				/* of their deviations */
	GLM_NEWTON,
	GLM_SEPARATION				/* how far fitted probabilities of a column's rows are from outcomes */
} GlmPass;

typedef struct GlmArgs
{
	int			matrix,			/* areas: the CsMatrix, */
				target,			/* double[nrows], */
				state,			/* double[3][d + 1]: centers, scales, coefficients; the last column is 1 */
				sums;			/* the lanes' doubles */
	int			d;
	int			lanes;
	bool		is_logistic;
	GlmPass		pass;
} GlmArgs;

typedef struct Glm
{
	const CsValueInput *in;
	const GlmOptions *options;
	double		ridge;
	GlmArgs		args;
	int			p;				/* d + 1 */
	double	   *center,			/* of args.state */
			   *scale,
			   *beta;
	bool	   *left_out;		/* p: columns that add nothing */
	double	   *sums;			/* the lanes added up: the gradient p, the second derivatives p (p + 1) / 2,
								 * the log-likelihood */
	double	   *factor;			/* Cholesky's */
} Glm;

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
static Size
GlmMemory(int64 nrows, int ncolumns, const void *options)
{
	Size		lanes = mul_size(LaneSize(ncolumns), LaneCount(ncolumns) + 3);

	return mul_size(lanes, sizeof(double));
}

/* The columns of a block, centered and scaled, 0 beyond its last row; z[column][CS_BLOCK_ROWS]. */
static void
Standardise(const GlmArgs *a, const double *x, const double *state, int nrows, double *z)
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

/* Of each row the probability that the predictor stands for. */
static inline double
Probability(double eta)
{
	return eta < 0 ? exp(eta) / (1 + exp(eta)) : 1 / (1 + exp(-eta));
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
		p = Probability(eta[r]);
		residual[r] = y[r] - p;
		weight[r] = p * (1 - p);
		CsAddCompensated(&likelihood, &rest, y[r] * eta[r] - (Max(eta[r], 0) + log1p(exp(-fabs(eta[r])))));
	}
	return likelihood + rest;
}

/* What a block adds to a lane of Newton's pass; z, eta: as above; scratch[3][CS_BLOCK_ROWS]. */
static void
NewtonBlock(const GlmArgs *a, const double *z, const double *eta, const double *y, int nrows,
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
SeparationBlock(const GlmArgs *a, const double *x, const double *eta, const double *y, int nrows,
				double *lane)
{
	for (int r = 0; r < nrows; r++)
	{
		double		off = fabs(y[r] - Probability(eta[r]));

		for (int j = 0; j < a->d; j++)
			if (x[(Size) j * CS_BLOCK_ROWS + r] != 0)
				lane[j] = Max(lane[j], off);
		lane[a->d] = Max(lane[a->d], off);
	}
}

/* Sums of a block's columns, or of their squared deviations. */
static void
ColumnBlock(const GlmArgs *a, const double *x, const double *state, int nrows, double *lane)
{
	for (int j = 0; j < a->d; j++)
	{
		const double *column = x + (Size) j * CS_BLOCK_ROWS;
		double		sum = 0,
					rest = 0;

		for (int r = 0; r < nrows; r++)
		{
			double		off = column[r] - state[j];

			CsAddCompensated(&sum, &rest, a->pass == GLM_SUMS ? column[r] : off * off);
		}
		lane[j] += sum + rest;
	}
}

/* CS_TASK(CsGlmTask): one pass over the blocks of a lane. */
void
CsGlmTask(CsTeam *team, const void *args, int item)
{
	const GlmArgs *a = args;
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
		if (a->pass == GLM_SUMS || a->pass == GLM_SQUARES)
		{
			ColumnBlock(a, x, state, nrows, lane);
			continue;
		}
		Standardise(a, x, state, nrows, z);
		Predictor(p, z, state + 2 * p, nrows, eta);
		if (a->pass == GLM_NEWTON)
			NewtonBlock(a, z, eta, y, nrows, eta + CS_BLOCK_ROWS, lane);
		else
			SeparationBlock(a, x, eta, y, nrows, lane);
	}
	pfree(z);
}

/* Run a pass; the lanes added up, in order, or of GLM_SEPARATION the largest of each, go to g->sums. */
static void
RunPass(Glm *g, GlmPass pass)
{
	CsArena    *arena = CsTeamArena(g->in->team);
	Size		size = LaneSize(g->args.d);
	const double *lanes;

	g->args.pass = pass;
	CsTeamRun(g->in->team, CS_TASK(CsGlmTask), &g->args, sizeof(GlmArgs), g->args.lanes);
	memset(g->sums, 0, sizeof(double) * size);
	lanes = CsArenaAddress(arena, g->args.sums);
	for (int l = 0; l < g->args.lanes; l++)
		for (Size i = 0; i < size; i++)
			g->sums[i] = pass == GLM_SEPARATION ? Max(g->sums[i], lanes[l * size + i]) :
				g->sums[i] + lanes[l * size + i];
}

/* What is maximised, of the last pass. */
static double
Objective(const Glm *g)
{
	double		squares = 0;

	for (int j = 0; j < g->args.d; j++)
		squares += g->beta[j] * g->beta[j];
	return g->sums[g->p + CsTriangle(g->p)] - g->ridge / 2 * squares;
}

/* Take a column out of the equations. */
static void
TakeOut(Glm *g, double *a, int column)
{
	double	   *row = a + CsTriangle(column);

	memset(row, 0, sizeof(double) * column);
	row[column] = 1;
	for (int i = column + 1; i < g->p; i++)
		a[CsTriangle(i) + column] = 0;
}

/*
 * Find the columns that follow from those before them, or are constant, by eliminating one after the
 * other from the second derivatives; the intercept goes first.
 */
static void
FindLeftOut(Glm *g)
{
	const double *h = g->sums + g->p;
	int			d = g->args.d;
	double	   *a = palloc_extended(sizeof(double) * CsTriangle(Max(d, 1)), MCXT_ALLOC_HUGE);
	const double *ones = h + CsTriangle(d);

	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
			a[CsTriangle(i) + j] = h[CsTriangle(i) + j] - ones[i] * ones[j] / ones[d];
	for (int i = 0; i < d; i++)
	{
		double	   *row = a + CsTriangle(i);
		double		own = row[i];

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < i; j++)
			if (!g->left_out[j])
				row[j] = (row[j] - CsDotProduct(j, row, a + CsTriangle(j))) / a[CsTriangle(j) + j];
			else
				row[j] = 0;
		own = row[i] - CsDotProduct(i, row, row);
		g->left_out[i] = !(own > LEAST_OWN_VARIANCE * row[i]) && g->ridge == 0;
		if (!(row[i] > 0))
			g->left_out[i] = true;
		row[i] = g->left_out[i] ? 1 : sqrt(Max(own, row[i] * LEAST_OWN_VARIANCE));
	}
	pfree(a);
}

/* Factor the second derivatives of the last pass; false when they have none. */
static bool
Factor(Glm *g)
{
	memcpy(g->factor, g->sums + g->p, sizeof(double) * CsTriangle(g->p));
	for (int j = 0; j < g->args.d; j++)
	{
		g->factor[CsTriangle(j) + j] += g->ridge;
		if (g->left_out[j])
			TakeOut(g, g->factor, j);
	}
	return CsCholesky(g->p, g->factor);
}

/* Newton's step from the last pass; step[p]. */
static void
Solve(const Glm *g, double *step)
{
	int			p = g->p;
	const double *l = g->factor;

	for (int i = 0; i < p; i++)
	{
		double		penalty = i < g->args.d ? g->ridge * g->beta[i] : 0;

		step[i] = g->left_out[i] ? 0 : g->sums[i] - penalty;
		step[i] = (step[i] - CsDotProduct(i, l + CsTriangle(i), step)) / l[CsTriangle(i) + i];
	}
	for (int i = p - 1; i >= 0; i--)
	{
		for (int j = i + 1; j < p; j++)
			step[i] -= l[CsTriangle(j) + i] * step[j];
		step[i] /= l[CsTriangle(i) + i];
	}
}

/* The error of a column that separates the outcomes. */
static void
ReportSeparation(const Glm *g, int column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" separates the outcomes, so that a logistic regression has no largest likelihood",
					g->in->columns[column]),
			 errdetail("Its coefficient grows without end: rows that it tells apart all have the same outcome, or a border parts the two outcomes."),
			 errhint("Leave the column out if it is known only with the outcome, or give options => '{\"ridge\": 1}'.")));
}

/* The column whose values decide the outcome, if one does or all do together; else -1. */
static int
FindSeparation(Glm *g)
{
	int			separates = -1;
	double		largest = 0;

	RunPass(g, GLM_SEPARATION);
	for (int j = 0; j < g->args.d; j++)
	{
		bool		decides = g->sums[j] < CERTAIN || g->sums[g->args.d] < CERTAIN;

		if (g->left_out[j] || !decides || !(fabs(g->beta[j]) > largest))
			continue;
		largest = fabs(g->beta[j]);
		separates = j;
	}
	return separates;
}

/* Can the fitted probabilities be certain at all? */
static bool
MayBeCertain(const Glm *g)
{
	double		reach = 0;

	for (int j = 0; j < g->p; j++)
		reach += fabs(g->beta[j]);
	return reach > 5;
}

/* The means and standard deviations of the columns. */
static void
ScaleColumns(Glm *g)
{
	double		n = (double) g->in->matrix->nrows;

	RunPass(g, GLM_SUMS);
	for (int j = 0; j < g->args.d; j++)
		g->center[j] = g->sums[j] / n;
	RunPass(g, GLM_SQUARES);
	for (int j = 0; j < g->args.d; j++)
	{
		double		sd = sqrt(g->sums[j] / n);

		if (!isfinite(sd))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the values of column \"%s\" are too large to add up", g->in->columns[j]),
					 errhint("Scale or transform the feature.")));
		g->scale[j] = sd > fabs(g->center[j]) * 1e-14 ? sd : 0;
	}
}

/* Go on from the coefficients by a step, halved until it helps; false when nothing does. */
static bool
TakeStep(Glm *g, const double *step)
{
	double	   *from = palloc(sizeof(double) * g->p);
	double		before = Objective(g);
	double		part = 1;
	bool		helps = false;

	memcpy(from, g->beta, sizeof(double) * g->p);
	for (int i = 0; i < MAX_HALVINGS && !helps; i++)
	{
		for (int j = 0; j < g->p; j++)
			g->beta[j] = from[j] + part * step[j];
		RunPass(g, GLM_NEWTON);
		helps = Objective(g) >= before - 1e-12 * fabs(before);
		part /= 2;
	}
	pfree(from);
	return helps;
}

/* Newton's iterations; fills what the output says of them.  Returns a column that separates the outcomes, or -1. */
static int
Iterate(Glm *g, CsValueFit *out)
{
	double	   *step = palloc(sizeof(double) * g->p);
	int			separates = -1;

	RunPass(g, GLM_NEWTON);
	FindLeftOut(g);
	while (!out->converged && out->iterations < g->options->max_iter && separates < 0)
	{
		double		before = Objective(g);

		CsProgressFit(1, 1, ++out->iterations);
		if (!Factor(g))
			break;
		Solve(g, step);
		if (!TakeStep(g, step))
			break;
		out->converged = fabs(Objective(g) - before) <= CONVERGED * fabs(Objective(g)) ||
			(!g->args.is_logistic && out->iterations == 2);
		if (g->args.is_logistic && g->ridge == 0 && MayBeCertain(g) &&
			(out->converged || out->iterations % 8 == 0))
		{
			separates = FindSeparation(g);
			RunPass(g, GLM_NEWTON);
		}
	}
	out->log_likelihood = g->sums[g->p + CsTriangle(g->p)];
	pfree(step);
	if (!out->converged && separates < 0 && g->args.is_logistic && g->ridge == 0)
		separates = FindSeparation(g);
	return separates;
}

/*
 * The column whose coefficient is known so badly that it may as well be infinite, or -1: rows that have none
 * of the levels of a category are all alike.  The errors are per standard deviation of the columns.
 */
static int
FindUnknown(const Glm *g, const double *errors)
{
	int			worst = -1;

	for (int j = 0; j < g->args.d && g->args.is_logistic; j++)
		if (errors[j] > MOST_ERROR && (worst < 0 || errors[j] > errors[worst]))
			worst = j;
	return worst;
}

/*
 * The standard errors, in the units of the columns: of the coefficients, then of the intercept.  OUT a column
 * that separates the outcomes, or -1.
 */
static double *
StandardErrors(Glm *g, int *separates)
{
	int			p = g->p,
				d = g->args.d;
	double		n = (double) g->in->matrix->nrows;
	double	   *errors = palloc(sizeof(double) * p);
	double		variance = 1,
				columns = 1,
				intercept = 0;

	*separates = -1;
	for (int j = 0; j < p; j++)
		errors[j] = NAN;
	for (int j = 0; j < d; j++)
		columns += !g->left_out[j];
	if (!g->args.is_logistic)
		variance = -2 * g->sums[p + CsTriangle(p)] / (n - columns);
	RunPass(g, GLM_NEWTON);
	if (g->ridge > 0 || !(variance >= 0) || !isfinite(variance) || !Factor(g))
		return errors;
	CsInvertTriangle(p, g->factor);
	for (int k = 0; k < p; k++)
	{
		/* the intercept's in own units is a combination of all */
		double		own = 0;

		for (int j = 0; j < p && j <= k; j++)
			own += g->factor[CsTriangle(k) + j] *
				(j == d ? 1 : g->left_out[j] ? 0 : -g->center[j] / g->scale[j]);
		intercept += own * own;
	}
	for (int j = 0; j < d; j++)
	{
		double		own = 0;

		for (int k = j; k < p; k++)
			own += g->factor[CsTriangle(k) + j] * g->factor[CsTriangle(k) + j];
		if (!g->left_out[j])
			errors[j] = sqrt(own * variance);
	}
	*separates = FindUnknown(g, errors);
	for (int j = 0; j < d; j++)
		errors[j] /= g->left_out[j] ? 1 : g->scale[j];
	errors[d] = sqrt(intercept * variance);
	return errors;
}

/* The model in the units of the columns. */
static CsValueModel *
OwnUnits(const Glm *g)
{
	CsValueShape shape = {CS_VALUE_LINEAR, g->args.d};
	CsValueModel *m = CsValueModelCreate(&shape);
	double		intercept = g->beta[g->args.d],
				rest = 0;

	for (int j = 0; j < g->args.d; j++)
	{
		CsValueMeans(m)[j] = g->center[j] + 0.0;
		if (g->left_out[j] || g->scale[j] == 0)
			continue;
		CsValueCoefficients(m)[j] = g->beta[j] / g->scale[j] + 0.0;
		CsAddCompensated(&intercept, &rest, -CsValueCoefficients(m)[j] * g->center[j]);
	}
	m->intercept = intercept + rest + 0.0;
	m->is_probability = m->is_logit = g->args.is_logistic;
	return m;
}

/* The names of the columns that were left out, or NULL. */
static char *
TellLeftOut(const Glm *g)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int j = 0; j < g->args.d; j++)
		if (g->left_out[j])
			appendStringInfo(&text, "%s\"%s\"", text.len > 0 ? ", " : "", g->in->columns[j]);
	return text.len == 0 ? NULL :
		psprintf("columns that follow from others or are constant have coefficient 0: %s", text.data);
}

/* Take the areas and arrays of a fit. */
static void
Start(Glm *g, const CsValueInput *in)
{
	CsArena    *arena = CsTeamArena(in->team);
	int			d = in->matrix->ncolumns;

	g->in = in;
	g->options = in->options;
	g->p = d + 1;
	g->args.d = d;
	g->args.lanes = LaneCount(d);
	g->args.is_logistic = in->is_probability;
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
}

/* Fit with a ridge, or 0; returns a column that separates the outcomes, so that there is no fit, or -1. */
static int
FitWithRidge(Glm *g, double ridge, CsValueFit *out)
{
	int			separates;

	g->ridge = ridge;
	memset(g->beta, 0, sizeof(double) * g->p);
	out->iterations = 0;
	out->converged = false;
	separates = Iterate(g, out);
	if (separates < 0)
		out->errors = StandardErrors(g, &separates);
	return separates;
}

/* Fit, as CsValueAlgorithm.fit. */
static void
GlmFit(const CsValueInput *in, CsValueFit *out)
{
	CsArena    *arena = CsTeamArena(in->team);
	Glm			g = {0};
	int			separates;

	memset(out, 0, sizeof(*out));
	out->left_out = -1;
	Start(&g, in);
	ScaleColumns(&g);
	separates = FitWithRidge(&g, g.options->ridge, out);
	if (separates >= 0 && !in->is_part)
		ReportSeparation(&g, separates);
	out->is_makeshift = separates >= 0;
	if (out->is_makeshift)
		(void) FitWithRidge(&g, PART_RIDGE, out);
	out->model = OwnUnits(&g);
	out->note = TellLeftOut(&g);
	if (!g.args.is_logistic)
		out->log_likelihood = NAN;
	CsArenaFree(arena, g.args.matrix);
	CsArenaFree(arena, g.args.state);
	CsArenaFree(arena, g.args.sums);
	pfree(g.left_out);
	pfree(g.sums);
	pfree(g.factor);
}

const CsValueAlgorithm CsLinear = {
	.name = "linear",
	.prep = "{\"scale\": \"none\", \"drop_first\": true}",
	.of_numbers = true,
	.is_simple = true,
	.options = glm_options,
	.noptions = lengthof(glm_options),
	.options_size = sizeof(GlmOptions),
	.memory = GlmMemory,
	.fit = GlmFit,
};

const CsValueAlgorithm CsLogistic = {
	.name = "logistic",
	.prep = "{\"scale\": \"none\", \"drop_first\": true}",
	.of_probabilities = true,
	.is_calibrated = true,
	.is_simple = true,
	.options = glm_options,
	.noptions = lengthof(glm_options),
	.options_size = sizeof(GlmOptions),
	.memory = GlmMemory,
	.fit = GlmFit,
};
