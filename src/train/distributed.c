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
 * Nothing is held for a row but for those of the sample.  All passes are under one snapshot, and so are
 * those of other servers that postgres_fdw reads.
 */
#include "custseg.h"

#include <math.h>

#include "algo/kmeans_exact.h"
#include "algo/passes.h"
#include "dist/dist.h"
#include "math/math.h"
#include "miscadmin.h"
#include "prep/summary.h"
#include "progress.h"
#include "score/overlap_pass.h"
#include "stat/profile_exact.h"
#include "train/distributed.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Rows of the sample, at least for each segment and at most; and the part of memory that its state may take. */
#define SAMPLE_ROWS 20000
#define SAMPLE_ROWS_OF_SEGMENT 50
#define SAMPLE_SHARE 8

struct CsDistribution
{
	CsPieces   *pieces;
	bool		chosen;			/* passes it is */
	bool		samples;		/* of which all but those that draw a sample are left out */
	char	   *reason;			/* why, a phrase */

	/* what a pass reads of a row: the features first */
	CsTallyColumns columns;
	int			ntexts;			/* features that are categories */
	int			weight;			/* number, or -1 */
	int			key;			/* number, or -1 */
	int		   *predecessor;	/* the predecessor's features: which number, or text */

	/* what is known of the features */
	int			nsurveyed;
	CsColumn   *surveyed;
	CsColumnSurvey *surveys;
	double		heaviest;		/* weight of a row */
	CsSummary  *summary;
	double	   *lowest,			/* of each feature that is a number */
			   *highest;
	int			passes;
};

/* Why an algorithm does not run as passes; NULL: it does. */
static char *
WhyNot(const CsTraining *t)
{
	if (t->algorithm == NULL || t->algorithm->passes == NULL)
		return psprintf("algorithm \"%s\" needs the rows themselves", t->algorithm == NULL ? "" : t->algorithm->name);
	if (t->model == NULL || t->outcome != NULL)
		return pstrdup("this function needs the rows themselves");
	return NULL;
}

/* The error of a training that was to run as passes and cannot. */
static void
RefusePasses(const CsTraining *t, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the distributed engine cannot do this: %s", why),
			 errhint("Train on a sample of the rows: SELECT * FROM %s TABLESAMPLE BERNOULLI (1) REPEATABLE (42); "
					 "or give algorithm => 'kmeans'.", OidIsValid(t->relation->relid) ? t->relation->from_item : "...")));
}

/* May a training that does not run as passes have a sample of the rows instead? */
static bool
MaySample(const CsTraining *t)
{
	return t->algorithm->imitated == NULL && !t->algorithm->is_given;
}

/*
 * Where the rows of a training's source are, and whether that alone has it run as passes; NULL where nothing
 * but the rows themselves will do.  Raises the error of an engine that cannot do what was asked for.
 */
CsDistribution *
CsDistributionOf(const CsTraining *t)
{
	CsDistribution *d;
	char	   *why_not = WhyNot(t);
	bool		asked = t->common->engine == CS_ENGINE_DISTRIBUTED;

	if (t->model == NULL || t->outcome != NULL || t->algorithm == NULL)
	{
		if (asked)
			RefusePasses(t, why_not);
		return NULL;
	}
	if (asked && why_not != NULL && !MaySample(t))
		RefusePasses(t, why_not);
	if (t->common->engine == CS_ENGINE_LOCAL)
		return NULL;
	d = palloc0(sizeof(CsDistribution));
	d->pieces = CsPiecesOf(t->relation);
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

	*nrows = CsPiecesEstimate(t->distribution->pieces);
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

	if (!is_far && (d->samples || !CanRead(t) || t->streaming != NULL))
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
				 errhint("SET maintenance_work_mem = '%zuMB' to fetch them all the same; or train on a sample: "
						 "SELECT * FROM %s TABLESAMPLE BERNOULLI (1) REPEATABLE (42) on each server.",
						 CsMegabytes(needed), OidIsValid(t->relation->relid) ? t->relation->from_item : "...")));
	d->chosen = true;
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

	if (d == NULL)
		return;
	d->samples |= t->prep->pca > 0;
	if (t->common->engine != CS_ENGINE_DISTRIBUTED && (d->samples || !CanRead(t)))
		d->chosen = false;
	if (!d->chosen)
		WeighMemory(t);
	if (!d->chosen)
		return;
	ereport(NOTICE,
			(errmsg("training with the distributed engine"),
			 errdetail("Reason: %s.", d->reason)));
	/* rows are labelled in the last pass, or once they have been drawn */
	t->nlabellers = 0;
	t->streaming = NULL;
}

/* Collect what passes read of a row. */
static void
CollectColumns(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	List	   *id = t->id == NULL ? NIL : CsRelationIdColumns(t->relation, t->id, false);

	CsTallyColumnsInit(&d->columns);
	d->ntexts = 0;
	for (int i = 0; i < t->nfeatures; i++)
	{
		(void) CsTallyColumnsAdd(&d->columns, &t->features[i]);
		d->ntexts += t->features[i].converter.kind == CS_CATEGORICAL;
	}
	d->weight = t->common->weight == NULL ? -1 :
		CsTallyColumnsAdd(&d->columns, CsRelationColumn(t->relation, t->common->weight));
	d->key = id == NIL ? -1 : CsTallyColumnsAddKey(&d->columns, id, t->common->seed);
	if (t->predecessor != NULL)
	{
		ListCell   *cell;

		d->predecessor = palloc(sizeof(int) * list_length(t->predecessor->columns));
		foreach(cell, t->predecessor->columns)
			d->predecessor[foreach_current_index(cell)] =
				CsTallyColumnsAdd(&d->columns, CsRelationColumn(t->relation, lfirst(cell)));
	}
}

/* Begin a plan; the caller appends its parts and ends their array. */
static void
BeginPlan(const CsTraining *t, const CsPipeline *p, JsonbParseState **json)
{
	const CsDistribution *d = t->distribution;

	CsJsonObject(json, NULL);
	CsJsonInteger(json, "numbers", d->columns.nnumbers);
	CsJsonInteger(json, "levels", d->columns.nlevels);
	if (d->weight >= 0)
		CsJsonInteger(json, "weight", d->weight);
	for (int texts = 0; texts < 2; texts++)
	{
		int			at = 0;

		CsJsonArray(json, texts ? "skip_levels" : "skip_numbers");
		for (int i = 0; i < t->nfeatures; i++)
		{
			if ((t->features[i].converter.kind == CS_CATEGORICAL) != texts)
				continue;
			if (t->prep->columns[i].impute == CS_IMPUTE_SKIP && !t->keep_nulls)
				CsJsonInteger(json, NULL, at);
			at++;
		}
		(void) CsJsonEnd(json);
	}
	if (p != NULL)
		CsJsonJsonb(json, "pipeline", CsPipelineToJsonb(p));
	CsJsonArray(json, "parts");
}

/* Run a plan. */
static CsTallyRun
RunFinished(CsTraining *t, Jsonb *plan)
{
	CsDistribution *d = t->distribution;

	CHECK_FOR_INTERRUPTS();
	CsProgressFit(0, 0, ++d->passes);
	return CsTallyExecute(d->pieces, &d->columns, plan);
}

/* Run a plan that has been begun. */
static CsTallyRun
RunPlan(CsTraining *t, JsonbParseState **json)
{
	return RunFinished(t, CsJsonFinish(json));
}

/* Memory of a pass: plans of many numbers take far more than what comes of them. */
static MemoryContext
PassMemory(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "custseg pass", ALLOCSET_DEFAULT_SIZES);
}

/* The condition of rows that are used, as SQL; NULL: all are. */
static char *
UsedRows(const CsTraining *t)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < t->nfeatures; i++)
	{
		const char *value;

		if (t->prep->columns[i].impute != CS_IMPUTE_SKIP || t->keep_nulls)
			continue;
		value = CsTallyExpression(&t->features[i]);
		appendStringInfo(&sql, "%s%s IS NOT NULL", sql.len > 0 ? " AND " : "", value);
		if (t->features[i].converter.kind != CS_CATEGORICAL)
			appendStringInfo(&sql, " AND %s OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8", value);
	}
	if (t->common->weight != NULL)
	{
		const char *value = CsTallyExpression(CsRelationColumn(t->relation, t->common->weight));

		appendStringInfo(&sql, "%s%s OPERATOR(pg_catalog.>) 0::pg_catalog.float8 AND %s OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8",
						 sql.len > 0 ? " AND " : "", value, value);
	}
	return sql.len > 0 ? sql.data : NULL;
}

/* Count the levels of a category: the most frequent ones have the lowest codes. */
static void
CountLevels(CsTraining *t, int feature, CsColumnSurvey *survey)
{
	const CsColumn *column = &t->features[feature];
	int			n;
	CsValueCount *counts = CsPiecesCount(t->distribution->pieces, CsTallyExpression(column), UsedRows(t), CS_MAX_DICTIONARY,
										 &n);
	int64	   *rows = palloc(sizeof(int64) * Max(n, 1));

	t->dictionaries[feature] = CsDictionaryCreate();
	t->overfull[feature] = n > CS_MAX_DICTIONARY;
	for (int i = 0; i < Min(n, CS_MAX_DICTIONARY) && !t->overfull[feature]; i++)
	{
		CsCheckInterrupts(i);
		t->overfull[feature] = CsDictionaryCode(t->dictionaries[feature], counts[i].value, (int) strlen(counts[i].value)) < 0;
		rows[i] = counts[i].n;
	}
	if (t->overfull[feature] && !t->choose_features)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has too many levels to be a category", NameStr(column->name)),
				 errdetail("It has more than %d, or their texts take more than %d MB.",
						   CS_MAX_DICTIONARY, CS_MAX_DICTIONARY_BYTES / (1024 * 1024)),
				 errhint("Leave it out, or group its values in a query.")));
	survey->counts = rows;
}

/* The smallest of the most frequent values of a number. */
static double
FindMode(const CsTraining *t, int feature)
{
	const CsColumn *column = &t->features[feature];
	int			n;
	CsValueCount *counts = CsPiecesCount(t->distribution->pieces, CsTallyExpression(column), UsedRows(t), CS_MAX_DICTIONARY,
										 &n);
	double		mode = NAN;
	int64		most = 0;

	if (n > CS_MAX_DICTIONARY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" has more than %d different values, of which the distributed engine does not find the most frequent one",
						NameStr(column->name), CS_MAX_DICTIONARY),
				 errhint("Impute by \"median\" or \"mean\".")));
	for (int i = 0; i < n; i++)
	{
		double		value = float8in_internal(counts[i].value, NULL, "double precision", counts[i].value);

		if (isnan(value) || counts[i].n < most || (counts[i].n == most && value > mode))
			continue;
		most = counts[i].n;
		mode = value;
	}
	return mode;
}

/* The error of a source without rows to train on. */
static void
NoRows(const CsTraining *t)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has no rows to train on", t->relation->description),
			 t->n_skipped > 0 ?
			 errdetail_plural("%lld row was skipped.", "%lld rows were skipped.", t->n_skipped,
							  (long long) t->n_skipped) : 0,
			 t->n_skipped > 0 ?
			 errhint("Impute missing values rather than skip their rows, and give some rows a weight above 0.") :
			 errhint("Check the source's WHERE, and whether row-level security hides its rows.")));
}

/* Check the weights that the survey saw; the heaviest one is kept. */
static void
CheckWeights(CsTraining *t, const CsTallyRun *run, int first)
{
	CsDistribution *d = t->distribution;

	d->heaviest = 1;
	if (d->weight < 0)
		return;
	d->heaviest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_HIGHEST)[d->weight];
	if (CsTallyCounts(run->pass, run->state, first + CS_SURVEY_ROWS)[2] > 0 ||
		CsTallyCounts(run->pass, run->state, first + CS_SURVEY_INFINITE)[d->weight] > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" holds weights that are negative or infinite", t->common->weight),
				 errhint("Weights are finite and not negative; a row of weight 0 or NULL is skipped.")));
}

/* Keep how many rows there are, and how many were skipped for which reason. */
static void
TakeRows(CsTraining *t, const CsTallyRun *run, int first)
{
	const int64 *rows = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_ROWS);
	const int64 *skipped = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_SKIPPED);
	JsonbParseState *json = NULL;
	int			number = 0,
				text = 0;

	t->nrows = rows[0];
	t->n_skipped = rows[1];
	CsJsonObject(&json, NULL);
	for (int i = 0; i < t->nfeatures; i++)
	{
		int64		n = t->features[i].converter.kind == CS_CATEGORICAL ?
			skipped[t->distribution->columns.nnumbers + text++] : skipped[number++];

		t->n_skipped += n;
		if (n > 0)
			CsJsonInteger(&json, psprintf("null in column \"%s\"", NameStr(t->features[i].name)), n);
	}
	if (rows[1] > 0)
		CsJsonInteger(&json, "no weight", rows[1]);
	t->skipped = CsJsonFinish(&json);
	if (t->nrows == 0)
		NoRows(t);
}

/* Keep what the survey tells of each feature, and count levels. */
static void
TakeColumns(CsTraining *t, const CsTallyRun *run, int first)
{
	CsDistribution *d = t->distribution;
	int			number = 0,
				text = 0;

	d->nsurveyed = t->nfeatures;
	d->surveyed = palloc(sizeof(CsColumn) * t->nfeatures);
	memcpy(d->surveyed, t->features, sizeof(CsColumn) * t->nfeatures);
	d->surveys = palloc0(sizeof(CsColumnSurvey) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		CsColumnSurvey *s = &d->surveys[i];

		s->mode = NAN;
		if (t->features[i].converter.kind == CS_CATEGORICAL)
		{
			s->n_null = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_MISSING)[text++];
			t->has_null[i] = s->n_null > 0;
			CountLevels(t, i, s);
			continue;
		}
		s->n_values = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_VALUES)[number];
		s->n_infinite = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_INFINITE)[number];
		s->lowest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_LOWEST)[number];
		s->highest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_HIGHEST)[number++];
		t->has_null[i] = s->n_values + s->n_infinite < t->nrows;
		if (t->prep->columns[i].impute == CS_IMPUTE_MODE && s->n_values > 0)
			s->mode = FindMode(t, i);
	}
}

/* The survey: rows, ranges, NULLs and levels. */
static void
Survey(CsTraining *t)
{
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	int			first;

	CollectColumns(t);
	BeginPlan(t, NULL, &json);
	CsJsonObject(&json, NULL);
	CsJsonText(&json, "pass", CsSurveyPass.name);
	(void) CsJsonEnd(&json);
	(void) CsJsonEnd(&json);
	run = RunPlan(t, &json);
	first = run.pass->parts[0].first;
	CheckWeights(t, &run, first);
	TakeRows(t, &run, first);
	TakeColumns(t, &run, first);
}

/* How many rows the sample may have: what memory has room for, in its state and as a matrix. */
static int64
SampleRoom(const CsTraining *t)
{
	int64		wanted = Max(SAMPLE_ROWS, (int64) SAMPLE_ROWS_OF_SEGMENT * Max(t->k, t->k_max));
	Size		record = sizeof(uint64) * (t->nfeatures + 2);
	int64		room = Min(Min(wanted, t->nrows), (int64) (CsMemoryLimit() / SAMPLE_SHARE / record));

	while (room > 1 && CsTrainingMemory(t, room) > CsMemoryLimit())
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

/* Draw the sample into the raw matrix; categories are codes. */
static void
Sample(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	CsDictionary **dictionaries = palloc(sizeof(CsDictionary *) * Max(d->ntexts, 1));
	CsSampleRequest request = {
		.nnumbers = t->nfeatures - d->ntexts,
		.nlevels = d->ntexts,
		.dictionaries = dictionaries,
		.key = d->key,
		.seed = t->common->seed
	};
	JsonbParseState *json = NULL;
	MemoryContext context,
				old;
	CsTallyRun	run;
	int			text = 0;

	for (int i = 0; i < t->nfeatures; i++)
		if (t->features[i].converter.kind == CS_CATEGORICAL)
			dictionaries[text++] = t->dictionaries[i];
	t->raw = CsMatrixCreate(t->nfeatures);
	request.room = SampleRoom(t);
	context = PassMemory();
	old = MemoryContextSwitchTo(context);
	BeginPlan(t, NULL, &json);
	CsSamplePlan(&json, &request);
	(void) CsJsonEnd(&json);
	run = RunPlan(t, &json);
	MemoryContextSwitchTo(old);
	TakeSample(t, CsSampleRead(run.pass, &run.pass->parts[0], run.state));
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
	MemoryContext context = PassMemory();
	MemoryContext old = MemoryContextSwitchTo(context);
	JsonbParseState *json = NULL;
	Jsonb	   *written,
			   *plan;

	BeginPlan(t, CsSummaryPipeline(summary), &json);
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
		MemoryContext context = PassMemory();
		MemoryContext old = MemoryContextSwitchTo(context);
		CsTallyRun	run;

		CsSummaryAsk(d->summary);
		run = RunFinished(t, PlanPreparation(t));
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

/* Is there a column whose NULLs have their rows skipped? */
static bool
SkipsNulls(const CsPrep *prep)
{
	for (int i = 0; i < prep->ncolumns; i++)
		if (prep->columns[i].impute == CS_IMPUTE_SKIP)
			return true;
	return false;
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
			(errmsg("training on a sample of %lld of %lld rows", (long long) t->raw->nrows, (long long) t->nrows),
			 errdetail("They are the rows of the lowest hashes, because %s.",
					   t->algorithm->passes == NULL ? WhyNot(t) : "\"pca\" needs the rows themselves")));
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

/*
 * In place of reading the rows: survey them, draw a sample, drop features that turn out to be useless, and fit
 * the preparation.  A NULL in a column that is dropped must not cost its row, so where rows are skipped for
 * NULLs, they are surveyed and drawn again for the columns that are left.
 */
void
CsDistributedRead(CsTraining *t)
{
	t->keep_nulls = t->choose_features && SkipsNulls(t->prep);
	Survey(t);
	Sample(t);
	CsFeaturesDropUseless(t);
	CollectColumns(t);
	if (t->keep_nulls)
	{
		t->keep_nulls = false;
		CsMatrixFree(t->raw, t->arena);
		if (t->weights >= 0)
			CsArenaFree(t->arena, t->weights);
		t->weights = -1;
		Survey(t);
		Sample(t);
	}
	if (t->distribution->samples)
		KeepSample(t);
	else
		FitPreparation(t);
}

/* The pipeline that the passes have fitted. */
CsPipeline *
CsDistributedPipeline(CsTraining *t, CsTeam *team)
{
	return CsSummaryFinish(t->distribution->summary, team, t->raw, (uint64) t->common->seed);
}

/* The mean of the sample in model space; palloc'd. */
static double *
SampleMean(const CsTraining *t)
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
		MemoryContext context = PassMemory();
		MemoryContext old = MemoryContextSwitchTo(context);
		JsonbParseState *json = NULL;
		CsTallyRun	run;

		BeginPlan(t, t->pipeline, &json);
		passes->plan(state, &json);
		(void) CsJsonEnd(&json);
		run = RunPlan(t, &json);
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

/* The label of each row of the sample, by the final model. */
static void
LabelSample(CsTraining *t)
{
	int32	   *labels = CsArenaAddress(t->arena, t->fit.labels);
	CsFitted   *model = CsFittedOfCenters(t->fit.k, t->matrix->ncolumns, t->fit.centers);
	double	   *row = palloc(sizeof(double) * t->matrix->ncolumns);

	memcpy(model->parameters, t->fit.parameters, sizeof(model->parameters));
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
	BeginPlan(t, t->pipeline, &json);
	if (passes->plan_last != NULL)
		passes->plan_last(state, &json);
	CsExactProfilePlan(&profile, t->pipeline, &json);
	if (t->predecessor != NULL)
		CsOverlapPlan(&json, CsLabellerScorer(t->predecessor), t->fit.k, d->predecessor);
	(void) CsJsonEnd(&json);
	run = RunPlan(t, &json);
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

/*
 * Complete the fit of the sample, t->matrix, by all rows of the source.  Fills t->fit, t->segments except for
 * numbers and names, and the mean distance.  No team is at work, for a pass may have workers of its own.
 */
void
CsDistributedFit(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	CsPassesInput in = {
		.k = t->k,
		.d = t->matrix->ncolumns,
		.nrows = t->nrows,
		.heaviest = d->heaviest,
		.reach = CsPipelineReach(t->pipeline, d->lowest, d->highest),
		.mean = SampleMean(t),
		.options = t->options,
		.sample = &t->fit
	};
	void	   *state;

	ExtendReach(t, in.reach);
	state = t->algorithm->passes->start(&in);
	RunPasses(t, state);
	t->algorithm->passes->settle(state, &t->fit);
	LabelSample(t);
	RunLastPass(t, state, &in);
	t->fit.note = psprintf("distributed engine, because %s; %d passes, from a sample of %lld of %lld rows", d->reason,
						   d->passes, (long long) t->matrix->nrows, (long long) t->nrows);
	/* a component of a mixture keeps its place */
	if (t->algorithm->nparameters == 0)
		CsDropEmptySegments(t);
}
