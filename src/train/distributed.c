/*
 * distributed.c
 *	  A training by passes over the source, wherever its rows are.
 *
 *	 survey		rows, ranges and NULLs of all columns; levels of categories are counted by a statement each
 *	 sample		the rows of the lowest hashes, which judge the columns, and which the algorithm is first fitted to
 *	 fit		as many passes as the preparation asks for: exact moments and quantiles of all rows
 *	 passes		Lloyd's iterations over all rows, with exact sums
 *	 last pass	sizes, inertia, profiles, and the overlap with the deployed version
 *
 * This file says which engine a training has, and why.  How a pass is run is in distributed_pass.c, the survey in
 * distributed_survey.c, the sample and the preparation's fit in distributed_read.c, its components in
 * distributed_prepare.c, and the rest in distributed_fit.c.
 *
 * Nothing is held for a row but for those of the sample.  All passes are under one snapshot, and so are
 * those of other servers that postgres_fdw reads.
 */
#include "custseg.h"

#include "data/fetch.h"
#include "train/distributed_pass.h"

/* One of so many rows is the sample that a hint names where nobody knows how many there is memory for. */
#define SAMPLE_PARTS 128

/* Why not all rows are read by passes, but a sample of them at most; NULL: they are. */
char *
CsWhyNotByPasses(const CsTraining *t)
{
	if (t->sample > 0)
		return NULL;
	if (t->may_sample)
		return pstrdup("this function needs the rows themselves");
	if (t->algorithm != NULL && t->algorithm->passes == NULL)
		return psprintf("algorithm \"%s\" needs the rows themselves", t->algorithm->name);
	return NULL;
}

/* The error of a training that was to run as passes and cannot. */
static void
RefusePasses(const CsTraining *t, const char *why)
{
	const char *sample = CsSampleHint(t->relation, SAMPLE_PARTS);

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the distributed engine cannot do this: %s", why),
			 errhint("Train on a sample of the rows: %s; or give algorithm => 'kmeans'.", sample)));
}

/* The error of a table of which passes would read other rows than its policies show. */
static void
RefusePolicies(const CsRelation *rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s has row-level security and leaves on other servers", rel->description),
			 errdetail("Its leaves are read one by one, where its policies would not apply."),
			 errhint("Give options => '{\"engine\": \"local\"}', which reads the rows through the table.")));
}

/* May a training that does not run as passes have a sample of the rows instead? */
static bool
MaySample(const CsTraining *t)
{
	return t->algorithm == NULL || (t->algorithm->imitated == NULL && !t->algorithm->is_given);
}

/* Do passes, or a sample that they draw, tell what the rows are read for? */
static bool
IsForPasses(const CsTraining *t)
{
	return t->by_passes && t->outcome == NULL && (t->algorithm != NULL || t->model == NULL);
}

/*
 * Where the rows of a training's source are, and whether that alone has it run as passes; NULL where nothing
 * but the rows themselves will do.  Raises the error of an engine that cannot do what was asked for.
 */
CsDistribution *
CsDistributionOf(const CsTraining *t)
{
	CsDistribution *d;
	char	   *why_not = CsWhyNotByPasses(t);
	bool		asked = t->common->engine == CS_ENGINE_DISTRIBUTED;

	if (!IsForPasses(t))
		return NULL;
	if (asked && why_not != NULL && !MaySample(t))
		RefusePasses(t, why_not);
	if (t->common->engine == CS_ENGINE_LOCAL)
		return NULL;
	d = palloc0(sizeof(CsDistribution));
	d->pieces = CsPiecesOf(t->relation);
	/* nobody trains on fewer rows than are meant; what is only looked at is read through the table */
	if (t->model == NULL && !asked && !CsPiecesAreReadable(d->pieces))
		return NULL;
	if (d->pieces->has_policies)
		RefusePolicies(t->relation);
	d->weight = d->key = -1;
	d->samples = why_not != NULL;
	if (asked)
		d->reason = pstrdup("it was asked for");
	else if (CsIsElsewhere(d->pieces))
		d->reason = psprintf("%s has rows on other servers", t->relation->description);
	d->chosen = d->reason != NULL && (asked || !d->samples);
	return d;
}

/* Does a training read its rows by passes? */
bool
CsReadsByPasses(const CsTraining *t)
{
	return t->distribution != NULL && t->distribution->chosen;
}

/* Does it run as passes from its start to its end? */
bool
CsTrainsByPasses(const CsTraining *t)
{
	return CsReadsByPasses(t) && !t->distribution->samples;
}

/* Does a function that stores no model run as passes from its start to its end? */
bool
CsJudgesByPasses(const CsTraining *t)
{
	return CsTrainsByPasses(t) && t->model == NULL;
}

/* Would comparing the ids of a source bring them all here? */
bool
CsIdsAreElsewhere(const CsTraining *t)
{
	return t->distribution != NULL && CsIsElsewhere(t->distribution->pieces);
}

/* Can passes read the features? */
static bool
CanRead(const CsTraining *t)
{
	for (int i = 0; i < t->nfeatures; i++)
		if (t->features[i].element > 0 || t->features[i].vector != NULL)
			return false;
	return true;
}

/* Bytes that the training would take in memory, as far as can be told before the rows are read. */
static Size
ExpectedMemory(CsTraining *t, double *nrows)
{
	CsMatrix   *raw = t->raw;
	Size		needed;

	*nrows = CsRelationPlannedRows(t->relation);
	t->raw = CsMatrixCreate(t->nfeatures);
	needed = CsTrainingMemory(t, (int64) Min(Max(*nrows, 0), 1e15));
	pfree(t->raw);
	t->raw = raw;
	return needed;
}

/*
 * Have a training run as passes, or by a sample, whose rows do not fit into memory.  Where they would be fetched
 * from other servers, and neither will do, that is an error.
 */
static void
WeighMemory(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	const CsPieces *pieces = d->pieces;
	bool		is_far = pieces->is_foreign || pieces->is_sharded;
	double		nrows;
	Size		needed;

	if (!is_far && (d->samples || t->sample > 0 || !CanRead(t) || t->streaming != NULL))
		return;
	needed = ExpectedMemory(t, &nrows);
	if (needed <= CsMemoryLimit())
		return;
	if (is_far && (!CsIsElsewhere(pieces) || !CanRead(t) || (d->samples && !MaySample(t))))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("some %.0f rows of %s would be fetched from other servers", nrows, t->relation->description),
				 errdetail("They need about %zu MB, and maintenance_work_mem is %zu MB.", CsMegabytes(needed),
						   CsMegabytes(CsMemoryLimit())),
				 errhint("SET maintenance_work_mem = '%zuMB' to fetch them all the same; or train on a sample of the rows: %s.",
						 CsMegabytes(needed), CsSampleHint(t->relation, (double) needed / (double) CsMemoryLimit()))));
	d->chosen = true;
	d->needed = is_far ? 0 : needed;
	d->reason = psprintf("some %.0f rows need about %zu MB, and maintenance_work_mem is %zu MB", nrows,
						 CsMegabytes(needed), CsMegabytes(CsMemoryLimit()));
}

/*
 * Once the features are known, choose the engine.  Says which one it is, and why, where it is not the usual one.
 */
void
CsDistributionWeigh(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	bool		is_choice = t->algorithm != NULL && t->k_max > 0;

	if (d == NULL)
		return;
	if (t->common->engine != CS_ENGINE_DISTRIBUTED && (d->samples || !CanRead(t)))
		d->chosen = false;
	if (!d->chosen)
		WeighMemory(t);
	t->relation->may_fetch = true;
	if (!d->chosen)
		return;
	ereport(NOTICE,
			(t->model != NULL ? errmsg("training with the distributed engine") :
			 is_choice ? errmsg("choosing the number of segments with the distributed engine") :
			 errmsg("examining the rows with the distributed engine"),
			 errdetail("Reason: %s.", d->reason),
			 d->needed == 0 ? 0 :
			 errhint("SET maintenance_work_mem = '%zuMB' to %s in memory, which is faster.", CsMegabytes(d->needed),
					 t->model != NULL ? "train" : is_choice ? "choose it" : "examine them")));
	/* rows are labelled in the last pass, or once they have been drawn */
	t->nlabellers = 0;
	t->streaming = NULL;
}
