/*
 * distributed_prepare.c
 *	  The pipeline of a training by passes: what passes have fitted, and principal components of all rows.
 */
#include "custseg.h"

#include "call/call.h"
#include "prep/covariance_pass.h"
#include "progress.h"
#include "train/distributed_pass.h"
#include "utils/memutils.h"

/* The mean of the sample's rows as a pipeline without components prepares them; palloc'd. */
static double *
MeanOfPrepared(const CsTraining *t, const CsPipeline *p)
{
	double	   *mean = palloc0(sizeof(double) * p->noutputs);
	double	   *raw = palloc(sizeof(double) * p->nfeatures);
	double	   *z = palloc(sizeof(double) * p->noutputs);
	double	   *work = palloc(sizeof(double) * CsPipelineWork(p, 1));

	for (int64 r = 0; r < t->raw->nrows; r++)
	{
		CsCheckInterrupts(r);
		CsMatrixGetRow(t->raw, t->arena, r, raw);
		if (!CsPipelineApply(p, raw, 1, 1, z, 1, work))
			CsTallyRowsChanged();
		for (int j = 0; j < p->noutputs; j++)
			mean[j] += z[j] / (double) t->raw->nrows;
	}
	pfree(raw);
	pfree(z);
	pfree(work);
	return mean;
}

/* Means and covariances of all rows as a pipeline without components prepares them, by a pass; palloc'd. */
static CsCovariance
CovarianceOfAll(CsTraining *t, const CsPipeline *p)
{
	MemoryContext context = CsPassMemory();
	MemoryContext old = MemoryContextSwitchTo(context);
	double	   *middle = MeanOfPrepared(t, p);
	double	   *reach = CsPipelineScaledReach(p, t->distribution->lowest, t->distribution->highest, middle);
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	CsCovariance covariance;

	CsPassBegin(t, p, &json);
	CsCovariancePlan(&json, p->noutputs, middle, reach, t->nrows);
	(void) CsJsonEnd(&json);
	run = CsPassRun(t, &json);
	MemoryContextSwitchTo(old);
	covariance = CsCovarianceRead(run.pass, &run.pass->parts[0], run.state, t->nrows);
	MemoryContextDelete(context);
	return covariance;
}

/* The pipeline with components of all rows, palloc'd. */
static CsPipeline *
Reduce(CsTraining *t, const CsPipeline *p)
{
	Size		needed = CsCovariancePassMemory(p->noutputs);
	CsCovariance covariance;

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "use fewer features", "the covariance of %d columns", p->noutputs);
	covariance = CovarianceOfAll(t, p);
	return CsSummaryReduce(t->distribution->summary, &covariance);
}

/* Put together the pipeline that passes have fitted to all rows; no team is at work, for a pass may have workers of its own. */
void
CsDistributedPrepare(CsTraining *t)
{
	CsTeam	   *team = CsTeamStart(t->arena, 0);

	CsProgressPhase(CS_PHASE_PREPARING);
	t->pipeline = CsSummaryFinish(t->distribution->summary, team, t->raw, (uint64) t->common->seed);
	CsTeamEnd(team);
	if (t->prep->pca > 0)
		t->pipeline = Reduce(t, t->pipeline);
}
