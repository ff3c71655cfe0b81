/*
 * distributed_prepare.c
 *	  The pipeline of a training by passes: what passes have fitted, and principal components of all rows; and
 *	  the covariances of all rows for who judges them.
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

/*
 * Means and covariances of all rows as a pipeline without components prepares them, by a pass; palloc'd.  They are added up
 * about the mean of the sample, in model space where it is there.
 */
static CsCovariance
CovarianceOfAll(CsTraining *t, const CsPipeline *p)
{
	Size		needed = CsCovariancePassMemory(p->noutputs);
	MemoryContext context = CsPassMemory();
	MemoryContext old = MemoryContextSwitchTo(context);
	double	   *middle = t->matrix != NULL ? CsDistributedMean(t) : MeanOfPrepared(t, p);
	double	   *reach = CsPipelineScaledReach(p, t->distribution->lowest, t->distribution->highest, middle);
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	CsCovariance covariance;

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "use fewer features", "the covariance of %d columns", p->noutputs);
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
	CsCovariance covariance = CovarianceOfAll(t, p);

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

/* Means and covariances of all rows in model space, palloc'd; where passes have read them, by one more.  The team ends. */
CsCovariance
CsTrainingCovariance(CsTraining *t, CsTeam *team)
{
	CsCovariance covariance;

	if (CsJudgesByPasses(t))
	{
		CsTeamEnd(team);
		return CovarianceOfAll(t, t->pipeline);
	}
	covariance = CsCovarianceOfRows(team, NULL, t->matrix);
	CsTeamEnd(team);
	return covariance;
}
