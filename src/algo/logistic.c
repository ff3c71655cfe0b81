/*
 * logistic.c
 *	  Logistic regression (glm.c), and outcomes that a column separates.
 *
 * Where a column separates the outcomes, there is no largest likelihood (Albert and Anderson 1984):
 * an error says which column.  A fold may take along the only rows that keep the others from being
 * separated, such as the one customer of a rare level who left: then the others get a small ridge.
 */
#include "custseg.h"

#include <math.h>

#include "algo/glm.h"

/* A probability closer to its outcome is certain. */
#define CERTAIN 1e-9

/* A standard error, in log odds per standard deviation, that says that a coefficient is not known. */
#define MOST_ERROR 1000

/* The ridge of rows of some folds that alone are separated. */
#define PART_RIDGE 1

/* The error of a column that separates the outcomes. */
static void
ReportSeparation(const CsGlm *g, int column)
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
FindSeparation(CsGlm *g)
{
	int			separates = -1;
	double		largest = 0;

	CsGlmRun(g, CS_GLM_SEPARATION);
	for (int j = 0; j < g->args.d; j++)
	{
		bool		decides = g->sums[j] < CERTAIN || g->sums[g->args.d] < CERTAIN;

		if (g->left_out[j] || !decides || !(fabs(g->beta[j]) > largest))
			continue;
		largest = fabs(g->beta[j]);
		separates = j;
	}
	CsGlmRun(g, CS_GLM_NEWTON);
	return separates;
}

/* Can the fitted probabilities be certain at all? */
static bool
MayBeCertain(const CsGlm *g)
{
	double		reach = 0;

	for (int j = 0; j < g->p; j++)
		reach += fabs(g->beta[j]);
	return reach > 5;
}

/*
 * The column whose coefficient is known so badly that it may as well be infinite, or -1: rows that have none
 * of the levels of a category are all alike.  The errors are per standard deviation of the columns.
 */
static int
FindUnknown(const CsGlm *g, const double *errors)
{
	int			worst = -1;

	for (int j = 0; j < g->args.d; j++)
		if (errors[j] > MOST_ERROR && (worst < 0 || errors[j] > errors[worst]))
			worst = j;
	return worst;
}

/* Fit with a ridge, or 0; returns a column that separates the outcomes, so that there is no fit, or -1. */
static int
FitWithRidge(CsGlm *g, double ridge, CsValueFit *out)
{
	int			separates = -1;

	CsGlmStart(g, ridge, out);
	while (separates < 0 && !out->converged && out->iterations < g->options->max_iter && CsGlmStep(g, out))
		if (ridge == 0 && MayBeCertain(g) && (out->converged || out->iterations % 8 == 0))
			separates = FindSeparation(g);
	out->log_likelihood = CsGlmLikelihood(g);
	if (separates < 0 && !out->converged && ridge == 0)
		separates = FindSeparation(g);
	if (separates >= 0)
		return separates;
	out->errors = CsGlmErrors(g, 1);
	return FindUnknown(g, out->errors);
}

/* Fit, as CsValueAlgorithm.fit. */
static void
LogisticFit(const CsValueInput *in, CsValueFit *out)
{
	CsGlm		g;
	int			separates;

	memset(out, 0, sizeof(*out));
	out->left_out = -1;
	CsGlmBegin(&g, in, true);
	separates = FitWithRidge(&g, g.options->ridge, out);
	if (separates >= 0 && !in->is_part)
		ReportSeparation(&g, separates);
	out->is_makeshift = separates >= 0;
	if (out->is_makeshift)
		(void) FitWithRidge(&g, PART_RIDGE, out);
	CsGlmFinish(&g, out);
	CsGlmEnd(&g);
}

const CsValueAlgorithm CsLogistic = {
	.name = "logistic",
	CS_GLM_ALGORITHM,
	.of_probabilities = true,
	.is_calibrated = true,
	.fit = LogisticFit,
};
