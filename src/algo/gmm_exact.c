/*
 * gmm_exact.c
 *	  The EM algorithm of a Gaussian mixture by passes whose sums are exact.
 *
 * A row's posterior probabilities are those by which customers are scored; they, and the products with them,
 * are added in fixed point.  So a mixture does not depend on the order of the rows, nor on how many processes
 * and servers read them.  The M step is that of gmm.c, and so are all conventions.
 *
 * Sums are about the means that probabilities were computed with, so that a component far from 0 loses
 * nothing.  The first pass also adds up what is the same in all iterations: variances of the columns, and of
 * tied components the scatter of all rows.  Where centres are given to start from, it is a hard partition by
 * the nearest of them; else the mixture starts as that of the sample.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/gmm.h"
#include "algo/kmeans_exact.h"
#include "algo/passes.h"
#include "miscadmin.h"

/* A part of a pass. */
typedef struct MixturePart
{
	CsFitted	model;			/* compiled; of a hard partition the centres alone */
	bool		is_hard;
	bool		is_last;		/* nothing but labels and the likelihood is wanted */
	GmmType		type;
	int			k;
	int			d;
	double	   *means;			/* k x d */
	double	   *posterior;		/* padded */
	double	   *off;			/* d */
	int			weight_exponent;	/* of responsibilities */
	int			density_exponent;	/* of the log-likelihood */
	int		   *off_exponent;	/* d: of sums of r (x - m) */
	int		   *square_exponent;	/* d(d + 1)/2 or d: of r (x - m)(x - m)' */
	double		weight_scale,
				density_scale;
	double	   *off_scale,
			   *square_scale;
	double	   *origin;			/* first pass: about which all rows are measured; else NULL */
	int			sums,			/* sections: for each component as GmmComponentSums() has it */
				density,
				all;			/* first pass: of all rows, likewise; or -1 */
} MixturePart;

/* The EM algorithm between passes. */
typedef struct ExactGmm
{
	const CsPassesInput *in;
	const GmmOptions *options;
	GmmLearner	learner;
	double		bound;
	bool		is_first;
	bool		is_hard;
	int			iterations;
	bool		converged;
} ExactGmm;

/* Numbers of a component's squares. */
static Size
SquaresOf(GmmType type, int d)
{
	return GmmComponentSums(type, d) - 1 - d;
}

/* Write the mixture as the parameters of a model are written. */
static void
PlanMixture(const GmmMixture *m, JsonbParseState **json)
{
	bool		tied = m->type == GMM_TIED;
	int			rows = tied ? m->d : m->k;
	Size		columns = CsGmmCovariancesSize(m->type, m->k, m->d) / rows;

	CsJsonNumbers(json, "weights", m->weights, m->k, 1);
	CsJsonArray(json, tied ? "covariance" : "covariances");
	for (int i = 0; i < rows; i++)
		CsJsonNumbers(json, NULL, m->covariances + i * columns, (int) columns, 1);
	(void) CsJsonEnd(json);
}

/* Write the plan of a pass. */
static void
PlanPart(const ExactGmm *g, bool is_last, JsonbParseState **json)
{
	const CsPassesInput *in = g->in;
	const GmmMixture *m = &g->learner.mixture;
	bool		is_hard = g->is_hard && !is_last;

	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsGmmTally.name);
	CsJsonInteger(json, "rows", in->nrows);
	CsJsonNumber(json, "heaviest", in->heaviest);
	CsJsonInteger(json, "type", m->type);
	CsJsonBool(json, "hard", is_hard);
	CsJsonBool(json, "last", is_last);
	CsJsonNumbers(json, "reach", in->reach, m->d, 1);
	CsJsonArray(json, "means");
	for (int c = 0; c < m->k; c++)
		CsJsonNumbers(json, NULL, m->means + (Size) c * m->d, m->d, 1);
	(void) CsJsonEnd(json);
	if (!is_hard)
		PlanMixture(m, json);
	if (g->is_first && !is_last)
		CsJsonNumbers(json, "origin", in->mean, m->d, 1);
	(void) CsJsonEnd(json);
}

/* The mixture of a plan, compiled as that of any model is, which checks it. */
static void
ReadMixture(const CsJsonReader *plan, MixturePart *p)
{
	CsFitted   *model = &p->model;
	bool		tied = p->type == GMM_TIED;
	CsParameter *covariances = &model->parameters[tied ? 2 : 1];
	void	   *compiled;

	model->parameters[0] = (CsParameter) {p->k, 1, palloc(sizeof(double) * p->k)};
	CsJsonReadNumbers(plan, "weights", p->k, model->parameters[0].values, 1);
	covariances->rows = tied ? p->d : p->k;
	covariances->columns = (int32) (CsGmmCovariancesSize(p->type, p->k, p->d) / covariances->rows);
	covariances->values = palloc_extended(mul_size(sizeof(double) * covariances->rows, covariances->columns),
										  MCXT_ALLOC_HUGE);
	CsJsonReadRows(plan, tied ? "covariance" : "covariances", covariances->rows, covariances->columns,
				   covariances->values, covariances->columns, 1);
	compiled = palloc_extended(CsGmmCompile(model, NULL), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	(void) CsGmmCompile(model, compiled);
	model->compiled = compiled;
}

/* The exponents of n sums, and their scales; palloc'd. */
static int *
ExponentsOf(const double *largest, Size n, double nrows, double **scale)
{
	int		   *exponent = palloc(sizeof(int) * Max(n, 1));

	*scale = palloc(sizeof(double) * Max(n, 1));
	for (Size i = 0; i < n; i++)
	{
		exponent[i] = CsExactExponent(largest[i], nrows);
		(*scale)[i] = CsExactScale(exponent[i]);
	}
	return exponent;
}

/* How large the sums can be, by how far from a component a row can be. */
static void
SetScales(MixturePart *p, const double *reach, double heaviest, double nrows)
{
	bool		triangle = p->type == GMM_FULL || p->type == GMM_TIED;
	Size		nsquares = triangle ? CsTriangle(p->d) : p->d;
	double	   *off = palloc(sizeof(double) * p->d);
	double	   *square = palloc(sizeof(double) * nsquares);

	for (int i = 0; i < p->d; i++)
	{
		off[i] = 2 * reach[i] * heaviest;
		for (int j = triangle ? 0 : i; j <= i; j++)
			square[triangle ? CsTriangle(i) + j : i] = 4 * reach[i] * reach[j] * heaviest;
	}
	p->off_exponent = ExponentsOf(off, p->d, nrows, &p->off_scale);
	p->square_exponent = ExponentsOf(square, nsquares, nrows, &p->square_scale);
	p->weight_exponent = CsExactExponent(heaviest, nrows);
	p->weight_scale = CsExactScale(p->weight_exponent);
	/* the logarithm of a density that is not 0 is above -DBL_MAX, but hardly below this */
	p->density_exponent = CsExactExponent(1e15 * heaviest, nrows);
	p->density_scale = CsExactScale(p->density_exponent);
}

static void *
OpenPart(CsTally *pass, const CsJsonReader *plan)
{
	MixturePart    *p = palloc0(sizeof(MixturePart));
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	double		heaviest = CsJsonReadNumber(plan, "heaviest");
	double	   *reach;
	JsonbValue	value;
	int			d = pass->pipeline->noutputs;

	CsJsonReadShape(plan, "means", &p->k, &p->d);
	if (p->k < 1 || p->k > GMM_MAX_COMPONENTS || p->d != d)
		CsJsonReject(plan, "means", "has %d arrays of %d elements where there are %d columns", p->k, p->d, d);
	p->type = (GmmType) CsJsonReadInteger(plan, "type", GMM_FULL, GMM_SPHERICAL);
	p->is_hard = CsJsonReadBool(plan, "hard");
	p->is_last = CsJsonReadBool(plan, "last");
	p->means = palloc_extended(sizeof(double) * p->k * d, MCXT_ALLOC_HUGE);
	CsJsonReadRows(plan, "means", p->k, d, p->means, d, 1);
	p->model = *CsFittedOfCenters(p->k, d, p->means);
	if (!p->is_hard)
		ReadMixture(plan, p);
	reach = palloc(sizeof(double) * d);
	CsJsonReadNumbers(plan, "reach", d, reach, 1);
	SetScales(p, reach, heaviest, nrows);
	p->posterior = palloc(sizeof(double) * p->model.padded);
	p->off = palloc(sizeof(double) * d);
	p->density = CsTallySection(pass, CS_SECTION_SUMS, 1, 1);
	p->sums = p->is_last ? -1 : CsTallySection(pass, CS_SECTION_SUMS, (int64) p->k * GmmComponentSums(p->type, d), 1);
	p->all = -1;
	if (CsJsonReadMember(plan, "origin", &value))
	{
		p->origin = palloc(sizeof(double) * d);
		CsJsonReadNumbers(plan, "origin", d, p->origin, 1);
		p->all = CsTallySection(pass, CS_SECTION_SUMS,
								GmmComponentSums(p->type == GMM_TIED ? GMM_FULL : GMM_DIAG, d), 1);
	}
	return p;
}

/* Add r, r (x - mean) and, as far as the type has them, r (x - mean)(x - mean)' to the sums of a component. */
static void
AddComponent(const MixturePart *p, GmmType type, const double *z, const double *mean, double r, CsExact *sums)
{
	CsExact    *squares = sums + 1 + p->d;
	bool		triangle = type == GMM_FULL;

	CsTallySum(&sums[0], r, p->weight_scale);
	for (int i = 0; i < p->d; i++)
	{
		p->off[i] = z[i] - mean[i];
		CsTallySum(&sums[1 + i], r * p->off[i], p->off_scale[i]);
	}
	if (type == GMM_TIED)
		return;
	for (int i = 0; i < p->d; i++)
	{
		double		weighted = r * p->off[i];
		Size		at = triangle ? CsTriangle(i) : i;

		if (!triangle)
		{
			/* where components share one covariance, its diagonal is in a triangle */
			Size		scale = p->type == GMM_TIED ? CsTriangle(i + 1) - 1 : p->type == GMM_FULL ? CsTriangle(i + 1) - 1 : i;

			CsTallySum(&squares[i], weighted * p->off[i], p->square_scale[scale]);
			continue;
		}
		for (int j = 0; j <= i; j++, at++)
			CsTallySum(&squares[at], weighted * p->off[j], p->square_scale[at]);
	}
}

static void
AddPart(CsTally *pass, void *own, CsTallyState *state)
{
	MixturePart    *p = own;
	const double *z = pass->z;
	double		w = pass->row_weight;
	CsAssignment a;
	Size		size = GmmComponentSums(p->type, p->d);
	double		log_density = 0;

	if (!(p->is_hard ? CsAssignNearest(&p->model, z, &a, NULL) :
		  CsGmmPosterior(&p->model, z, &a, p->posterior, &log_density)))
		CsTallyRowsChanged();
	CsTallyLabel(pass, a.index, NULL);
	CsTallySum(CsTallySums(pass, state, p->density), w * log_density, p->density_scale);
	if (p->origin != NULL)
		AddComponent(p, p->type == GMM_TIED ? GMM_FULL : GMM_DIAG, z, p->origin, w, CsTallySums(pass, state, p->all));
	if (p->is_last)
		return;
	for (int c = 0; c < p->k; c++)
	{
		double		r = p->is_hard ? c == a.index : p->posterior[c];

		if (r > 0)
			AddComponent(p, p->type, z, p->means + (Size) c * p->d, w * r,
						 CsTallySums(pass, state, p->sums) + c * size);
	}
}

const CsTallyKind CsGmmTally = {"gmm", .is_prepared = true, .open = OpenPart, .add = AddPart};

/* Take the sums of a component, or of all rows, from a state. */
static void
TakeSums(const MixturePart *p, GmmType type, const CsExact *sums, double *to)
{
	Size		nsquares = SquaresOf(type, p->d);
	bool		has_triangle = p->type == GMM_FULL || p->type == GMM_TIED;

	to[0] = CsExactValue(&sums[0], p->weight_exponent);
	for (int i = 0; i < p->d; i++)
		to[1 + i] = CsExactValue(&sums[1 + i], p->off_exponent[i]);
	for (Size i = 0; i < nsquares; i++)
		to[1 + p->d + i] = CsExactValue(&sums[1 + p->d + i],
										p->square_exponent[has_triangle && type != GMM_FULL ? CsTriangle(i + 1) - 1 : i]);
}

/* What is the same in all iterations, from the first pass. */
static void
MeasureRows(ExactGmm *g, const MixturePart *p, const CsExact *all)
{
	GmmLearner *l = &g->learner;
	int			d = p->d;
	bool		tied = p->type == GMM_TIED;
	double	   *sums = palloc(sizeof(double) * GmmComponentSums(tied ? GMM_FULL : GMM_DIAG, d));
	double	   *squares = sums + 1 + d;
	double	   *variance = palloc(sizeof(double) * d);

	TakeSums(p, tied ? GMM_FULL : GMM_DIAG, all, sums);
	l->weight = sums[0];
	for (int i = 0; i < d; i++)
	{
		double		shift = sums[1 + i] / l->weight;

		l->mean[i] = p->origin[i] + shift;
		variance[i] = squares[tied ? CsTriangle(i + 1) - 1 : i] / l->weight - shift * shift;
		for (int j = 0; tied && j <= i; j++)
			l->scatter[CsTriangle(i) + j] = squares[CsTriangle(i) + j] - sums[1 + i] * sums[1 + j] / l->weight;
	}
	CsGmmSetRegularization(l, g->options, variance);
	pfree(sums);
	pfree(variance);
}

/* See CsPasses. */
static void *
StartPasses(const CsPassesInput *in)
{
	ExactGmm   *g = palloc0(sizeof(ExactGmm));
	const GmmOptions *o = in->options;
	int			k = o->init.rows > 0 ? in->k : in->sample->k;
	GmmMixture *m = &g->learner.mixture;
	Size		size;

	g->in = in;
	g->options = o;
	g->is_first = true;
	g->is_hard = o->init.rows > 0;
	g->bound = -INFINITY;
	CsGmmLearnerInit(&g->learner, o->type, k, in->d);
	size = sizeof(double) * k * in->d;
	memcpy(m->means, g->is_hard ? o->init.values : in->sample->centers, size);
	if (g->is_hard)
		return g;
	memcpy(m->weights, in->sample->parameters[0].values, sizeof(double) * k);
	memcpy(m->covariances, in->sample->parameters[o->type == GMM_TIED ? 2 : 1].values,
		   sizeof(double) * CsGmmCovariancesSize(o->type, k, in->d));
	return g;
}

/* See CsPasses. */
static void
PlanPass(void *state, JsonbParseState **json)
{
	PlanPart(state, false, json);
}

/* See CsPasses. */
static bool
LearnPass(void *opaque, const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	ExactGmm   *g = opaque;
	const MixturePart *p = part->own;
	GmmLearner *l = &g->learner;
	Size		size = GmmComponentSums(p->type, p->d);
	bool		was_hard = g->is_hard;
	double		bound;

	if (g->is_first)
		MeasureRows(g, p, CsTallySums(pass, state, p->all));
	for (int c = 0; c < p->k; c++)
		TakeSums(p, p->type, CsTallySums(pass, state, p->sums) + c * size, l->sums + 1 + c * size);
	l->sums[0] = CsExactValue(CsTallySums(pass, state, p->density), p->density_exponent);
	CsGmmUpdateMixture(l);
	g->is_first = g->is_hard = false;
	if (!CsGmmIsRegular(&l->mixture))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a component of the mixture became singular"),
				 errhint("Lower \"k\", raise \"reg_covar\", or choose a \"covariance_type\" with fewer numbers, as \"diag\".")));
	if (was_hard)
		return true;
	bound = l->sums[0] / l->weight;
	g->iterations++;
	g->converged = fabs(bound - g->bound) < g->options->tol;
	g->bound = bound;
	return !g->converged && g->iterations < g->options->max_iter;
}

/* See CsPasses. */
static void
SettlePasses(void *state, CsFitOutput *out)
{
	ExactGmm   *g = state;
	const GmmMixture *m = &g->learner.mixture;

	out->k = m->k;
	out->centers = m->means;
	out->iterations = g->iterations;
	out->converged = g->converged;
	CsGmmSetParameters(m, out);
}

/* See CsPasses. */
static void
PlanLast(void *state, JsonbParseState **json)
{
	PlanPart(state, true, json);
}

/* See CsPasses: the measures of a mixture. */
static void
FinishPasses(void *opaque, const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsFitOutput *out)
{
	ExactGmm   *g = opaque;
	const MixturePart *p = part->own;

	out->nmetrics = 0;
	CsGmmSetMetrics(&g->learner.mixture, CsExactValue(CsTallySums(pass, state, p->density), p->density_exponent),
					g->bound, g->learner.weight, out);
}

/* See CsPasses. */
static const double *
MeanOfRows(void *state)
{
	return ((ExactGmm *) state)->learner.mean;
}

const CsPasses CsGmmPasses = {
	.start = StartPasses,
	.plan = PlanPass,
	.learn = LearnPass,
	.settle = SettlePasses,
	.plan_last = PlanLast,
	.finish = FinishPasses,
	.mean = MeanOfRows,
};
