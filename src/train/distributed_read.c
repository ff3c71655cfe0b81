/*
 * distributed_read.c
 *	  In place of reading the rows of a training: the survey, a sample, and the preparation that passes fit.
 */
#include "custseg.h"

#include <math.h>

#include "train/distributed_pass.h"
#include "utils/memutils.h"

/* Rows of the sample, at least for each segment and at most; and the part of memory that its state may take. */
#define SAMPLE_ROWS 20000
#define SAMPLE_ROWS_OF_SEGMENT 50
#define SAMPLE_SHARE 8

/* The part that is left for what a training by passes holds beside the sample and its fit: columns, options, plans. */
#define REST_SHARE 8

/*
 * How many rows the sample may have: what memory has room for, in its state, and as a matrix with its fit beside the rest
 * of the training.
 */
static int64
SampleRoom(const CsTraining *t)
{
	int64		wanted = Max(Max(SAMPLE_ROWS, (int64) SAMPLE_ROWS_OF_SEGMENT * Max(t->k, t->k_max)), t->sample);
	Size		record = sizeof(uint64) * (t->nfeatures + 2);
	int64		room = Min(Min(wanted, t->nrows), (int64) (CsMemoryLimit() / SAMPLE_SHARE / record));

	while (room > 1 && CsTrainingMemory(t, room) > CsMemoryLimit() - CsMemoryLimit() / REST_SHARE)
		room -= room / 4 + 1;
	return Max(room, 1);
}

/* Put the rows of the sample into the raw matrix, and their weights into an area. */
static void
TakeSample(CsTraining *t, const CsRecords *records)
{
	const CsDistribution *d = t->distribution;
	int			width = t->nfeatures + 2,
				nnumbers = t->nfeatures - d->ntexts;
	double	   *row = palloc(sizeof(double) * t->nfeatures);
	double	   *weights = NULL;

	if (d->weight >= 0)
	{
		t->weights = CsArenaAlloc(t->arena, sizeof(double) * records->used);
		weights = CsArenaAddress(t->arena, t->weights);
	}
	for (int64 r = 0; r < records->used; r++)
	{
		int			number = 0,
					text = nnumbers;

		CsCheckInterrupts(r);
		if (t->raw->nrows % CS_BLOCK_ROWS == 0)
			CsMatrixGrow(t->raw, t->arena);
		for (int i = 0; i < t->nfeatures; i++)
		{
			row[i] = CsSampleValue(records, width, r,
								   t->features[i].converter.kind == CS_CATEGORICAL ? text++ : number++);
			if (t->overfull[i])
				row[i] = NAN;
		}
		t->raw->nrows++;
		CsMatrixPutRow(t->raw, t->arena, r, row);
		if (weights != NULL)
			weights[r] = CsSampleValue(records, width, r, t->nfeatures);
	}
	pfree(row);
}

/* Run the pass that draws a sample; its rows in the order of their keys, palloc'd. */
static CsRecords *
DrawSample(CsTraining *t, const CsSampleRequest *request)
{
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	CsPassBegin(t, NULL, &json);
	CsSamplePlan(&json, request);
	(void) CsJsonEnd(&json);
	run = CsPassRun(t, &json);
	return CsSampleRead(run.pass, &run.pass->parts[0], run.state);
}

/* Draw the sample into the raw matrix; categories are codes. */
static void
Sample(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	CsDictionary **dictionaries = palloc(sizeof(CsDictionary *) * Max(d->ntexts, 1));
	CsSampleRequest request = {
		.nrows = t->nrows,
		.nnumbers = t->nfeatures - d->ntexts,
		.nlevels = d->ntexts,
		.dictionaries = dictionaries,
		.key = d->key,
		.seed = t->common->seed
	};
	MemoryContext context,
				old;
	CsRecords  *records;
	int			text = 0;

	for (int i = 0; i < t->nfeatures; i++)
		if (t->features[i].converter.kind == CS_CATEGORICAL)
			dictionaries[text++] = t->dictionaries[i];
	t->raw = CsMatrixCreate(t->nfeatures);
	request.room = SampleRoom(t);
	context = CsPassMemory();
	old = MemoryContextSwitchTo(context);
	records = DrawSample(t, &request);
	if (CsSampleFellShort(&request, records))
	{
		MemoryContextReset(context);
		request.nrows = 0;
		records = DrawSample(t, &request);
	}
	MemoryContextSwitchTo(old);
	TakeSample(t, records);
	MemoryContextDelete(context);
}

/* What the survey told of a feature that is left. */
static const CsColumnSurvey *
SurveyOf(const CsDistribution *d, const CsColumn *column)
{
	int			i = 0;

	while (!CsIsSameColumn(&d->surveyed[i], column))
		i++;
	return &d->surveys[i];
}

/* The plan of the preparation's next pass, palloc'd.  To write it takes far more, which is given back before it runs. */
static Jsonb *
PlanPreparation(const CsTraining *t)
{
	CsSummary  *summary = t->distribution->summary;
	MemoryContext context = CsPassMemory();
	MemoryContext old = MemoryContextSwitchTo(context);
	JsonbParseState *json = NULL;
	Jsonb	   *written,
			   *plan;

	CsPassBegin(t, CsSummaryPipeline(summary), &json);
	CsSummaryPlan(summary, &json);
	(void) CsJsonEnd(&json);
	written = CsJsonFinish(&json);
	MemoryContextSwitchTo(old);
	plan = palloc(VARSIZE(written));
	memcpy(plan, written, VARSIZE(written));
	MemoryContextDelete(context);
	return plan;
}

/* Fit the preparation: ask passes until all is known. */
static void
FitPreparation(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	CsColumnSurvey *surveys = palloc(sizeof(CsColumnSurvey) * t->nfeatures);

	d->lowest = palloc0(sizeof(double) * t->nfeatures);
	d->highest = palloc0(sizeof(double) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		surveys[i] = *SurveyOf(d, &t->features[i]);
		d->lowest[i] = surveys[i].lowest;
		d->highest[i] = surveys[i].highest;
	}
	t->baselines = palloc0(sizeof(CsBaseline) * t->nfeatures);
	d->summary = CsSummaryCreate(t->arena, t->nrows, t->features, t->dictionaries, t->prep, surveys, t->baselines);
	CsSummarySample(d->summary, t->raw);
	while (!CsSummaryFit(d->summary))
	{
		MemoryContext context = CsPassMemory();
		MemoryContext old = MemoryContextSwitchTo(context);
		CsTallyRun	run;

		CsSummaryAsk(d->summary);
		run = CsPassRunPlan(t, PlanPreparation(t));
		/* what is learned stays */
		MemoryContextSwitchTo(old);
		CsSummaryLearn(d->summary, run.pass, run.state);
		MemoryContextDelete(context);
	}
	CsSummaryRecode(d->summary, t->raw);
	if (CsSummaryFitsSample(t->prep))
		ereport(NOTICE,
				(errmsg("powers of transforms and neighbors of missing values are those of a sample of %lld rows",
						(long long) t->raw->nrows)));
}

/*
 * Of a category with more levels than a sample tells apart, have the rare ones be "other", as preparation would:
 * the most frequent levels have the lowest codes.
 */
static void
MergeRareLevels(CsTraining *t, int feature)
{
	const CsDictionary *from = t->dictionaries[feature];
	CsDictionary *to;
	int			nkept = CS_MAX_LEVELS - 1,
				other;

	if (CsDictionarySize(from) <= CS_SAMPLE_CODES)
		return;
	to = CsDictionaryCreate();
	for (int code = 0; code < nkept; code++)
		(void) CsDictionaryCode(to, CsDictionaryLevel(from, code), (int) strlen(CsDictionaryLevel(from, code)));
	other = CsDictionaryCode(to, CS_OTHER_LEVEL, (int) strlen(CS_OTHER_LEVEL));
	for (int64 r = 0; r < t->raw->nrows; r++)
	{
		double	   *x = CsMatrixRow(t->raw, t->arena, r) + (Size) feature * CS_BLOCK_ROWS;

		CsCheckInterrupts(r);
		if (*x >= nkept)
			*x = other;
	}
	t->dictionaries[feature] = to;
}

/*
 * What needs the rows themselves has those of the sample, as if they were all.  They are labelled by the deployed
 * version where it reads nothing but their features; else segments get new numbers.
 */
static void
KeepSample(CsTraining *t)
{
	ereport(NOTICE,
			(t->model != NULL ?
			 errmsg("training on a sample of %lld of %lld rows", (long long) t->raw->nrows, (long long) t->nrows) :
			 errmsg("examining a sample of %lld of %lld rows", (long long) t->raw->nrows, (long long) t->nrows),
			 errdetail("They are the rows of the lowest hashes, because %s.", CsWhyNotByPasses(t))));
	t->fit_note = psprintf("a sample of %lld of %lld rows, because %s", (long long) t->raw->nrows, (long long) t->nrows,
						   t->distribution->reason);
	t->nrows = t->raw->nrows;
	for (int i = 0; i < t->nfeatures; i++)
		if (t->dictionaries[i] != NULL)
			MergeRareLevels(t, i);
	if (t->predecessor != NULL && CsLabellerMayWait(t->predecessor, t->features, t->nfeatures))
	{
		CsTeam	   *team = CsTeamStart(t->arena, 0);

		CsLabellerPlace(t->predecessor, team, t->raw, t->features, t->dictionaries);
		CsTeamEnd(team);
	}
	else
		t->predecessor = NULL;
}

/* Say that a function looks at a sample, which all rows have a part in preparing. */
static void
TellSample(const CsTraining *t)
{
	int64		n = Min(t->sample, t->raw->nrows);

	if (n > 0 && n < t->nrows)
		ereport(NOTICE,
				(errmsg("examining a sample of %lld of %lld rows", (long long) n, (long long) t->nrows),
				 errdetail("They are rows of the lowest hashes, prepared as all rows are.")));
}

/*
 * In place of reading the rows: survey them, draw a sample, drop features that turn out to be useless, and fit
 * the preparation.  A NULL in a column that is dropped must not cost its row, so where rows are skipped for
 * NULLs, they are surveyed and drawn again for the columns that are left.
 */
void
CsDistributedRead(CsTraining *t)
{
	CsRowsKeepNulls(t);
	CsDistributedSurvey(t);
	Sample(t);
	CsFeaturesDropUseless(t);
	CsPassColumns(t);
	if (t->keep_nulls)
	{
		t->keep_nulls = false;
		CsMatrixFree(t->raw, t->arena);
		if (t->weights >= 0)
			CsArenaFree(t->arena, t->weights);
		t->weights = -1;
		CsDistributedSurvey(t);
		Sample(t);
	}
	if (t->distribution->samples)
		KeepSample(t);
	else
	{
		FitPreparation(t);
		TellSample(t);
	}
}
