/*
 * distributed_fit.c
 *	  The fit of a training by passes: the algorithm's, from the fit of the sample, and the last one.
 */
#include "custseg.h"

#include <math.h>

#include "algo/kmeans_exact.h"
#include "progress.h"
#include "score/overlap_pass.h"
#include "stat/profile_exact.h"
#include "train/distributed_pass.h"
#include "utils/memutils.h"

/* The mean of the sample in model space; palloc'd. */
double *
CsDistributedMean(const CsTraining *t)
{
	int			d = t->matrix->ncolumns;
	double	   *mean = palloc0(sizeof(double) * d);
	double	   *row = palloc(sizeof(double) * d);

	for (int64 r = 0; r < t->matrix->nrows; r++)
	{
		CsCheckInterrupts(r);
		CsMatrixGetRow(t->matrix, t->arena, r, row);
		for (int j = 0; j < d; j++)
			mean[j] += row[j] / (double) t->matrix->nrows;
	}
	pfree(row);
	return mean;
}

/* Have what no row and no centre is further from 0 than cover centres that were given, too. */
static void
ExtendReach(const CsTraining *t, double *reach)
{
	for (int i = 0; i < t->algorithm->noptions; i++)
	{
		const CsOption *option = &t->algorithm->options[i];
		const CsOptionArray *init = (const CsOptionArray *) ((const char *) t->options + option->offset);

		if (option->type != CS_OPTION_ARRAY || strcmp(option->name, "init") != 0)
			continue;
		for (int c = 0; c < init->rows; c++)
			for (int j = 0; j < init->columns; j++)
				reach[j] = Max(reach[j], fabs(init->values[(Size) c * init->columns + j]));
	}
}

/* The algorithm's passes over all rows. */
static void
RunPasses(CsTraining *t, void *state)
{
	const CsPasses *passes = t->algorithm->passes;
	bool		again = true;

	CsProgressPhase(CS_PHASE_ITERATING);
	while (again)
	{
		MemoryContext context = CsPassMemory();
		MemoryContext old = MemoryContextSwitchTo(context);
		JsonbParseState *json = NULL;
		CsTallyRun	run;

		CsPassBegin(t, t->pipeline, &json);
		passes->plan(state, &json);
		(void) CsJsonEnd(&json);
		run = CsPassRun(t, &json);
		again = passes->learn(state, run.pass, &run.pass->parts[0], run.state);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
}

/* Keep how many rows new segments share with those of the predecessor. */
static void
TakeOverlap(CsTraining *t, const CsTallyRun *run, int part)
{
	const int64 *rows = CsOverlapRows(run->pass, &run->pass->parts[part], run->state);
	int			nold = t->predecessor->nclasses;
	CsOverlap  *overlap = &t->overlap;

	overlap->n = Max(t->fit.k, nold);
	if (overlap->n > CS_MAX_MATCHED)
		return;
	overlap->rows = palloc_extended(sizeof(double) * overlap->n * overlap->n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int c = 0; c < t->fit.k; c++)
		for (int old = 0; old < nold; old++)
			overlap->rows[(Size) c * overlap->n + old] = (double) rows[(Size) c * nold + old];
}

/* Fill the area of a fit's labels: those of the rows of the sample, by the final model. */
void
CsDistributedLabel(const CsTraining *t, const CsFitOutput *fit)
{
	int32	   *labels = CsArenaAddress(t->arena, fit->labels);
	CsFitted   *model = CsFittedOfCenters(fit->k, t->matrix->ncolumns, fit->centers);
	double	   *row = palloc(sizeof(double) * t->matrix->ncolumns);

	memcpy(model->parameters, fit->parameters, sizeof(model->parameters));
	if (t->algorithm->compile != NULL)
	{
		void	   *compiled = palloc_extended(t->algorithm->compile(model, NULL), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		(void) t->algorithm->compile(model, compiled);
		model->compiled = compiled;
	}
	for (int64 r = 0; r < t->matrix->nrows; r++)
	{
		CsAssignment a = {0};

		CsCheckInterrupts(r);
		CsMatrixGetRow(t->matrix, t->arena, r, row);
		(void) (t->algorithm->assign == NULL ? CsAssignNearest : t->algorithm->assign) (model, row, &a, NULL);
		labels[r] = Max(a.index, 0);
	}
	pfree(row);
}

/* The last pass, which also fills the segments. */
static void
RunLastPass(CsTraining *t, void *state, const CsPassesInput *in)
{
	const CsDistribution *d = t->distribution;
	const CsPasses *passes = t->algorithm->passes;
	double	   *values = palloc0(sizeof(double) * t->nfeatures);
	CsExactProfile profile = {
		.k = t->fit.k,
		.d = in->d,
		.nrows = t->nrows,
		.heaviest = in->heaviest,
		.reach = in->reach,
		.values = values,
		.centers = t->fit.centers,
		.mean = passes->mean(state)
	};
	JsonbParseState *json = NULL;
	CsSegmentProfile *segments = palloc(sizeof(CsSegmentProfile) * t->fit.k);
	CsTallyRun	run;
	int			part = passes->plan_last != NULL;

	for (int i = 0; i < t->nfeatures; i++)
		if (t->features[i].converter.kind != CS_CATEGORICAL)
			values[i] = CsFeatureReach(&t->pipeline->feature[i], d->lowest[i], d->highest[i]);
	CsProgressPhase(CS_PHASE_SCORING);
	CsPassBegin(t, t->pipeline, &json);
	if (passes->plan_last != NULL)
		passes->plan_last(state, &json);
	CsExactProfilePlan(&profile, t->pipeline, &json);
	if (t->predecessor != NULL)
		CsOverlapPlan(&json, CsLabellerScorer(t->predecessor), t->fit.k, d->predecessor, false);
	(void) CsJsonEnd(&json);
	run = CsPassRun(t, &json);
	t->fit.inertia = CsExactProfileInertia(run.pass, &run.pass->parts[part], run.state, &t->fit.total);
	t->fit.counts = palloc(sizeof(int64) * t->fit.k);
	for (int c = 0; c < t->fit.k; c++)
	{
		segments[c] = CsExactProfileSegment(run.pass, &run.pass->parts[part], run.state, c);
		t->fit.counts[c] = segments[c].n;
	}
	if (passes->finish != NULL)
		passes->finish(state, run.pass, &run.pass->parts[0], run.state, &t->fit);
	t->nsegments = t->fit.k;
	t->nprofile = CsProfileSize(t->pipeline);
	if (t->predecessor != NULL)
		TakeOverlap(t, &run, part + 1);
	CsTakeSegments(t, segments);
	pfree(run.state);
}

/* What passes start from, but for the number of segments and the fit of the sample; palloc'd. */
CsPassesInput
CsDistributedInput(const CsTraining *t)
{
	const CsDistribution *d = t->distribution;
	CsPassesInput in = {
		.d = t->matrix->ncolumns,
		.nrows = t->nrows,
		.heaviest = d->heaviest,
		.reach = CsPipelineReach(t->pipeline, d->lowest, d->highest),
		.mean = CsDistributedMean(t),
		.options = t->options
	};

	ExtendReach(t, in.reach);
	return in;
}

/*
 * Complete the fit of the sample, t->matrix, by all rows of the source.  Fills t->fit, t->segments except for
 * numbers and names, and the mean distance.  No team is at work, for a pass may have workers of its own.
 */
void
CsDistributedFit(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	CsPassesInput in = CsDistributedInput(t);
	void	   *state;

	in.k = t->k;
	in.sample = &t->fit;
	state = t->algorithm->passes->start(&in);
	RunPasses(t, state);
	t->algorithm->passes->settle(state, &t->fit);
	CsDistributedLabel(t, &t->fit);
	RunLastPass(t, state, &in);
	t->fit.note = psprintf("distributed engine, because %s; %d passes, from a sample of %lld of %lld rows", d->reason,
						   d->passes, (long long) t->matrix->nrows, (long long) t->nrows);
	/* a component of a mixture keeps its place */
	if (t->algorithm->nparameters == 0)
		CsDropEmptySegments(t);
}
