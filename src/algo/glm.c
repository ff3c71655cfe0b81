/*
 * glm.c
 *	  Regressions by Newton's method, which for a logistic one is iteratively reweighted least squares
 *	  (McCullagh and Nelder, Generalized Linear Models, 1989).
 *
 * A pass of the team (glm_pass.c) adds up the gradient, the second derivatives and the log-likelihood;
 * Cholesky's method solves.  Coefficients are found per standard deviation of the columns, and told in their
 * units.
 *
 * A column that follows from those before it adds nothing: its coefficient is 0 and has no error.
 * "ridge" adds half of it times the sum of squared coefficients, each per standard deviation, to
 * what is minimised: half the sum of squared errors, or minus the log-likelihood.
 */
#include "custseg.h"

#include <math.h>

#include "algo/glm.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"

/* The share of a column's variance that must be its own. */
#define LEAST_OWN_VARIANCE 1e-10

/* A relative change of the log-likelihood that ends the iterations. */
#define CONVERGED 1e-12

/* Halvings of a step that does not help. */
#define MAX_HALVINGS 30

const CsOption CsGlmOptionTable[] = {
	CS_VALUE_OPTIONS(CsGlmOptions, common),
	{"ridge", CS_OPTION_REAL, offsetof(CsGlmOptions, ridge), 0, 0, INFINITY},
	{"max_iter", CS_OPTION_INT, offsetof(CsGlmOptions, max_iter), 100, 1, 10000},
};

/* See CsValueAlgorithm: ridges that are small, or as large as the squares of a column that is scaled. */
int
CsGlmGrid(int64 nrows, const void *options, CsGridAxis *axes)
{
	double		n = (double) nrows;

	axes[0] = (CsGridAxis) {"ridge", 5, {0, n / 1000, n / 100, n / 10, n}};
	return 1;
}

/* The log-likelihood of the last pass, of a linear model minus half the squared errors. */
double
CsGlmLikelihood(const CsGlm *g)
{
	return g->sums[g->p + CsTriangle(g->p)];
}

/* What is maximised, of the last pass. */
static double
Objective(const CsGlm *g)
{
	double		squares = 0;

	for (int j = 0; j < g->args.d; j++)
		squares += g->beta[j] * g->beta[j];
	return CsGlmLikelihood(g) - g->ridge / 2 * squares;
}

/* Take a column out of the equations. */
static void
TakeOut(CsGlm *g, double *a, int column)
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
FindLeftOut(CsGlm *g)
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
Factor(CsGlm *g)
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
Solve(const CsGlm *g, double *step)
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

/* Go on from the coefficients by a step, halved until it helps; false when nothing does. */
static bool
TakeStep(CsGlm *g, const double *step)
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
		CsGlmRun(g, CS_GLM_NEWTON);
		helps = Objective(g) >= before - 1e-12 * fabs(before);
		part /= 2;
	}
	pfree(from);
	return helps;
}

/* Begin with a ridge, or 0. */
void
CsGlmStart(CsGlm *g, double ridge, CsValueFit *out)
{
	g->ridge = ridge;
	memset(g->beta, 0, sizeof(double) * g->p);
	out->iterations = 0;
	out->converged = false;
	CsGlmRun(g, CS_GLM_NEWTON);
	FindLeftOut(g);
}

/* Take a step of Newton's, and tell whether it was the last one that is needed; false when there is none. */
bool
CsGlmStep(CsGlm *g, CsValueFit *out)
{
	double		before = Objective(g);
	double	   *step = palloc(sizeof(double) * g->p);
	bool		helps;

	CsProgressFit(1, 1, ++out->iterations);
	helps = Factor(g);
	if (helps)
	{
		Solve(g, step);
		helps = TakeStep(g, step);
	}
	pfree(step);
	out->converged = helps && fabs(Objective(g) - before) <= CONVERGED * fabs(Objective(g));
	return helps;
}

/*
 * The standard errors, palloc'd: of the coefficients, per standard deviation of the columns until
 * CsGlmFinish(), then of the intercept.  NaN where there are none.
 */
double *
CsGlmErrors(CsGlm *g, double variance)
{
	int			p = g->p,
				d = g->args.d;
	double	   *errors = palloc(sizeof(double) * p);
	double		intercept = 0;

	for (int j = 0; j < p; j++)
		errors[j] = NAN;
	CsGlmRun(g, CS_GLM_NEWTON);
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
	errors[d] = sqrt(intercept * variance);
	return errors;
}

/* The model in the units of the columns. */
static CsValueModel *
OwnUnits(const CsGlm *g)
{
	CsValueShape shape = {CS_VALUE_LINEAR, g->args.d};
	CsValueModel *m = CsValueModelCreate(&shape);
	double		intercept = g->beta[g->args.d],
				rest = 0;

	for (int j = 0; j < g->args.d; j++)
	{
		double		part;

		CsValueMeans(m)[j] = g->center[j] + 0.0;
		if (g->left_out[j] || g->scale[j] == 0)
			continue;
		CsValueCoefficients(m)[j] = g->beta[j] / g->scale[j] + 0.0;
		part = -CsValueCoefficients(m)[j] * g->center[j];
		CsAddCompensated(&intercept, &rest, part);
		rest += fma(-CsValueCoefficients(m)[j], g->center[j], -part);
	}
	m->intercept = intercept + rest + 0.0;
	m->is_probability = m->is_logit = g->args.is_logistic;
	CsValueModelFinish(m);
	return m;
}

/* The names of the columns that were left out, or NULL. */
static char *
TellLeftOut(const CsGlm *g)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int j = 0; j < g->args.d; j++)
		if (g->left_out[j])
			appendStringInfo(&text, "%s\"%s\"", text.len > 0 ? ", " : "", g->in->columns[j]);
	return text.len == 0 ? NULL :
		psprintf("columns that follow from others or are constant have coefficient 0: %s", text.data);
}

/* Fill in the model and its errors, in the units of the columns, and what is to be said of it. */
void
CsGlmFinish(CsGlm *g, CsValueFit *out)
{
	for (int j = 0; j < g->args.d; j++)
		out->errors[j] /= g->left_out[j] ? 1 : g->scale[j];
	out->model = OwnUnits(g);
	out->note = TellLeftOut(g);
}
