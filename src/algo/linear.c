/*
 * linear.c
 *	  Linear regression: least squares, with a ridge if asked for (glm.c).
 *
 * One of Newton's steps is enough; a second one takes back the rounding of the first.
 */
#include "custseg.h"

#include <math.h>

#include "algo/glm.h"

/* Steps until nothing is left to be found. */
#define STEPS 2

/* The variance of the errors, from the last pass. */
static double
ErrorVariance(const CsGlm *g)
{
	double		columns = 1;

	for (int j = 0; j < g->args.d; j++)
		columns += !g->left_out[j];
	return -2 * CsGlmLikelihood(g) / ((double) g->in->matrix->nrows - columns);
}

/* Fit, as CsValueAlgorithm.fit. */
static void
LinearFit(const CsValueInput *in, CsValueFit *out)
{
	const CsGlmOptions *options = in->options;
	CsGlm		g;

	memset(out, 0, sizeof(*out));
	out->left_out = -1;
	out->log_likelihood = NAN;
	CsGlmBegin(&g, in, false);
	CsGlmStart(&g, options->ridge, out);
	while (!out->converged && out->iterations < options->max_iter && CsGlmStep(&g, out))
		out->converged |= out->iterations == STEPS;
	out->errors = CsGlmErrors(&g, ErrorVariance(&g));
	CsGlmFinish(&g, out);
	CsGlmEnd(&g);
}

const CsValueAlgorithm CsLinear = {
	.name = "linear",
	CS_GLM_ALGORITHM,
	.of_numbers = true,
	.fit = LinearFit,
};
