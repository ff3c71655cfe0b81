/*
 * train.c
 *	  custseg.train(): from a table to a new version of a model, in one transaction.
 *
 * The function is a straight line of phases over one CsTraining: read the arguments, resolve the
 * source and its columns, read the rows, prepare, fit, sum up, number, store.  All rights are
 * checked before data are read, all data are read as the caller, and nothing is written before
 * the model is complete; an error or a cancel at any point leaves nothing behind.
 *
 * Memory: what a training needs is known in advance for any number of rows (CsTrainingMemory),
 * and is held to maintenance_work_mem.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "model/train.h"
#include "progress.h"
#include "stat/stat.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Numbers of segments that are tried when k is not given. */
#define FIRST_K 2
#define LAST_K 10

/* Rows that a number of segments is judged on when the options ask for no silhouette. */
#define CHOICE_SAMPLE 5000

#define MEGABYTE ((Size) 1024 * 1024)

/* Positions of train()'s arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_FEATURES, ARG_K, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS,
	ARG_DEPLOY
};

PG_FUNCTION_INFO_V1(custseg_train);

/* A text argument, or NULL. */
static char *
TextArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* A text argument that must be there. */
static char *
RequiredText(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char	   *value = TextArgument(fcinfo, argument);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", name)));
	return value;
}

/*
 * How many segments: as given, or as many as there are centres to start from; else it is chosen
 * later.
 */
static void
ReadK(FunctionCallInfo fcinfo, CsTraining *t)
{
	const CsAlgorithm *algorithm = t->algorithm;

	if (!PG_ARGISNULL(ARG_K))
	{
		t->k = PG_GETARG_INT32(ARG_K);
		if (t->k < 1 || t->k > algorithm->max_segments)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"k\" must be between 1 and %d", algorithm->max_segments),
					 errdetail("It is %d.", t->k),
					 errhint("Leave \"k\" out to have it chosen.")));
		return;
	}
	for (int i = 0; i < algorithm->noptions; i++)
	{
		const CsOption *option = &algorithm->options[i];

		if (option->type == CS_OPTION_ARRAY && strcmp(option->name, "init") == 0)
			t->k = ((CsOptionArray *) ((char *) t->options + option->offset))->rows;
	}
	t->choose_k = t->k == 0;
}

/* Check and keep the arguments that need no look at the source. */
static void
ReadArguments(FunctionCallInfo fcinfo, CsTraining *t)
{
	t->model = RequiredText(fcinfo, ARG_MODEL, "model");
	CsModelCheckName(t->model);
	t->source = RequiredText(fcinfo, ARG_SOURCE, "source");
	t->algorithm = CsAlgorithmFind(RequiredText(fcinfo, ARG_ALGORITHM, "algorithm"));
	t->options = palloc0(t->algorithm->options_size);
	CsOptionsParse(t->algorithm->options, t->algorithm->noptions,
				   PG_ARGISNULL(ARG_OPTIONS) ? NULL : PG_GETARG_JSONB_P(ARG_OPTIONS),
				   t->options);
	t->common = (const CsCommonOptions *) t->options;
	ReadK(fcinfo, t);
	t->deploy = PG_ARGISNULL(ARG_DEPLOY) ? CS_DEPLOY_FIRST :
		PG_GETARG_BOOL(ARG_DEPLOY) ? CS_DEPLOY_YES : CS_DEPLOY_NO;
}

/*
 * Resolve the source, the column that identifies its rows, the features and their preparation,
 * and the deployed version that numbers are taken from.
 */
static void
ResolveSource(FunctionCallInfo fcinfo, CsTraining *t)
{
	t->relation = CsRelationOpen(t->source);
	t->id = TextArgument(fcinfo, ARG_ID);
	if (t->id != NULL)
		CsRelationCheckId(t->relation, t->id);
	else
		t->id = CsRelationDefaultId(t->relation);
	if (t->common->weight != NULL)
		(void) CsRelationColumn(t->relation, t->common->weight);
	CsFeaturesResolve(t, PG_ARGISNULL(ARG_FEATURES) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_FEATURES));
	t->prep = CsPrepParse(PG_ARGISNULL(ARG_PREP) ? NULL : PG_GETARG_JSONB_P(ARG_PREP),
						  t->features, t->nfeatures);
	t->predecessor = CsPredecessorFind(t);
}

/* The numbers of a model's shape that its memory depends on. */
typedef struct Shape
{
	int			noutputs;
	int			nprofile;
	bool		in_place;
} Shape;

/* The shape of the model, or what it will be at most as far as is known before it is fitted. */
static Shape
ModelShape(const CsTraining *t)
{
	Shape		shape = {0, 0, t->prep->pca == 0};

	if (t->pipeline != NULL)
	{
		shape.noutputs = t->pipeline->noutputs;
		shape.nprofile = CsProfileSize(t->pipeline);
		shape.in_place = CsPipelineInPlace(t->pipeline);
		return shape;
	}
	for (int i = 0; i < t->nfeatures; i++)
	{
		const CsPrepColumn *prep = &t->prep->columns[i];
		int			nlevels = 1;

		if (t->dictionaries[i] != NULL)
		{
			nlevels = CsDictionarySize(t->dictionaries[i]);
			if (t->choose_features && nlevels > CS_MAX_LEVELS)
				continue;		/* it will be dropped */
			/* NULL and "other" may be levels, too */
			nlevels = Min(nlevels, CS_MAX_LEVELS) + 2;
			shape.in_place = false;
		}
		else if (prep->clip != CS_CLIP_NONE || prep->transform != CS_TRANSFORM_NONE)
			shape.in_place = false;
		shape.noutputs += prep->encode == CS_ENCODE_ONEHOT ? nlevels : 1;
		shape.nprofile += nlevels;
	}
	if (t->prep->pca >= 1)
		shape.noutputs = Min(shape.noutputs, (int) t->prep->pca);
	return shape;
}

/*
 * Bytes that the training needs at its peak with that many rows: the raw matrix and what is kept
 * for each row; and either the scratch of fitting the preparation, or the matrix of model space
 * and what the algorithm and the profile take.
 */
Size
CsTrainingMemory(const CsTraining *t, int64 nrows)
{
	Shape		shape = ModelShape(t);
	int			k = t->choose_k ? LAST_K : t->k;
	Size		blocks = (nrows + CS_BLOCK_ROWS - 1) / CS_BLOCK_ROWS;
	Size		kept = mul_size(blocks, CsMatrixBlockSize(t->raw));
	Size		model = 0;
	int			members = 1 + CsTeamWorkersFor(nrows * t->nfeatures);

	if (t->common->weight != NULL)
		kept = add_size(kept, mul_size(nrows, sizeof(double)));
	if (t->predecessor != NULL)
		kept = add_size(kept, mul_size(nrows, sizeof(int32)));
	if (!shape.in_place)
		model = mul_size(mul_size(blocks, CS_BLOCK_ROWS * sizeof(double)), shape.noutputs);
	model = add_size(model, t->algorithm->memory(nrows, shape.noutputs, k, t->options));
	model = add_size(model, CsProfileMemory(k, t->nfeatures, shape.nprofile, shape.noutputs));
	return add_size(kept, Max(model, CsPipelineFitMemory(nrows, t->nfeatures, members)));
}

/* Bytes that a training may take. */
Size
CsTrainingMemoryLimit(void)
{
	return (Size) maintenance_work_mem * 1024;
}

/* The error of a training that needs too much. */
void
CsReportMemory(const CsTraining *t, int64 nrows)
{
	Size		needed = (CsTrainingMemory(t, nrows) + MEGABYTE - 1) / MEGABYTE;

	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("training on %lld rows of %d features needs %zu MB, maintenance_work_mem is %d MB",
					(long long) nrows, t->nfeatures, needed, maintenance_work_mem / 1024),
			 errhint("SET maintenance_work_mem = '%zuMB'; or train on fewer rows, as a query with TABLESAMPLE gives.",
					 needed)));
}

/* Milliseconds since "start". */
static double
MillisecondsSince(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MILLISEC(now);
}

/* Read the rows and drop features that turn out to be of no use. */
static void
ReadRows(CsTraining *t)
{
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	CsProgressPhase(CS_PHASE_READING);
	CsRowsRead(t);
	CsFeaturesCompare(t);
	if (t->k > t->raw->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d, but there are only %lld rows to train on", t->k,
						(long long) t->raw->nrows),
				 t->n_skipped > 0 ?
				 errdetail("%lld rows were skipped.", (long long) t->n_skipped) : 0,
				 errhint("Lower \"k\".")));
	t->read_milliseconds = MillisecondsSince(start);
}

/* Fit the preparation and take the rows to model space. */
static void
PrepareRows(CsTraining *t, CsTeam *team)
{
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	CsProgressPhase(CS_PHASE_PREPARING);
	t->baselines = palloc0(sizeof(CsBaseline) * t->nfeatures);
	t->pipeline = CsPipelineFit(team, t->raw, t->features, t->dictionaries, t->prep,
								(uint64) t->common->seed, t->baselines);
	if (CsTrainingMemory(t, t->raw->nrows) > CsTrainingMemoryLimit())
		CsReportMemory(t, t->raw->nrows);
	if (!t->choose_k)
		t->algorithm->check(t->options, t->k, t->pipeline->noutputs);
	t->matrix = CsPipelineTransform(team, t->pipeline, t->raw);
	t->prepare_milliseconds = MillisecondsSince(start);
}

/* Fit k segments. */
static CsFitOutput
Fit(CsTraining *t, CsTeam *team, int k)
{
	Size		used = CsArenaUsed(t->arena);
	Size		limit = CsTrainingMemoryLimit();
	CsFitInput	in = {
		.team = team,
		.matrix = t->matrix,
		.weights = t->weights,
		.k = k,
		.options = t->options,
		.memory_left = limit > used ? limit - used : 0
	};
	CsFitOutput out = {0};

	CsProgressPhase(CS_PHASE_SEEDING);
	t->algorithm->fit(&in, &out);
	return out;
}

/* Silhouette of a fit on a sample of "sample" rows; NaN when undefined. */
static double
Silhouette(CsTraining *t, CsTeam *team, const CsFitOutput *fit, int sample)
{
	CsProgressPhase(CS_PHASE_SCORING);
	return CsSilhouetteSample(team, t->matrix, fit->labels, fit->k, sample,
							  (uint64) t->common->seed, &t->silhouette_rows);
}

/*
 * Choose the number of segments by the silhouette: the best of FIRST_K..LAST_K, the lower one on
 * ties; one segment when none is defined, as for a single row.  Returns its fit.
 */
static CsFitOutput
FitBestK(CsTraining *t, CsTeam *team)
{
	int			sample = t->common->silhouette_sample;
	int			last = (int) Min(LAST_K, t->matrix->nrows - 1);
	CsFitOutput best = {0};
	double		highest = NAN;
	StringInfoData tried;

	initStringInfo(&tried);
	for (int k = FIRST_K; k <= last; k++)
	{
		CsFitOutput fit = Fit(t, team, k);
		double		silhouette = Silhouette(t, team, &fit, sample > 0 ? sample : CHOICE_SAMPLE);
		CsFitOutput worse = fit;

		appendStringInfo(&tried, "%s%d: %.3f", tried.len > 0 ? ", " : "", k, silhouette);
		if (silhouette > highest || (isnan(highest) && !isnan(silhouette)))
		{
			worse = best;
			best = fit;
			highest = silhouette;
			t->k = k;
		}
		if (worse.k > 0)
			CsArenaFree(t->arena, worse.labels);
		if (fit.k < k)
			break;				/* no more distinct rows: higher k gives the same */
	}
	if (isnan(highest))
	{
		t->k = 1;
		best = Fit(t, team, t->k);
	}
	ereport(NOTICE,
			(errmsg("chose k = %d", t->k),
			 tried.len > 0 ?
			 errdetail("Silhouettes by k are %s.", tried.data) : 0));
	return best;
}

/* Fit the model and measure it. */
static void
FitModel(CsTraining *t, CsTeam *team)
{
	instr_time	start;
	int			sample = t->common->silhouette_sample;

	INSTR_TIME_SET_CURRENT(start);
	t->fit = t->choose_k ? FitBestK(t, team) : Fit(t, team, t->k);
	t->fit_milliseconds = MillisecondsSince(start);
	if (!isfinite(t->fit.inertia))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("distances of the rows to their centers are too large to add up"),
				 errhint("Scale the features, or divide the weights by a large number.")));

	t->silhouette = NAN;
	t->silhouette_rows = 0;
	if (sample > 0)
		t->silhouette = Silhouette(t, team, &t->fit, sample);
	CsProfileSegments(t, team);
}

/* Say what the user should know about a model that is not what was asked for. */
static void
WarnAboutFit(const CsTraining *t)
{
	if (t->fit.k < t->k)
		ereport(WARNING,
				(errmsg("only %d distinct rows for %d segments", t->fit.k, t->k),
				 errdetail("The model has %d segments.", t->fit.k)));
	if (!t->fit.converged)
		ereport(WARNING,
				(errmsg("training did not converge in %d iterations", t->fit.iterations),
				 errhint("Raise max_iter: options => '{\"max_iter\": %d}'.",
						 2 * t->fit.iterations)));
}

/* The row that train() returns, in CurrentMemoryContext. */
static HeapTuple
ResultRow(FunctionCallInfo fcinfo, const CsTraining *t)
{
	TupleDesc	desc;
	Datum		values[12];
	bool		nulls[12] = {0};
	int			i = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != lengthof(values))
		elog(ERROR, "train() is declared with an unknown row type");
	values[i++] = CStringGetTextDatum(t->model);
	values[i++] = Int32GetDatum(t->version);
	values[i++] = CStringGetTextDatum(t->algorithm->name);
	values[i++] = Int64GetDatum(t->matrix->nrows);
	values[i++] = Int64GetDatum(t->n_skipped);
	values[i++] = Int32GetDatum(t->fit.k);
	values[i++] = Float8GetDatum(t->fit.inertia);
	nulls[i] = isnan(t->silhouette);
	values[i++] = Float8GetDatum(t->silhouette);
	values[i++] = Int32GetDatum(t->fit.iterations);
	values[i++] = BoolGetDatum(t->fit.converged);
	values[i++] = BoolGetDatum(t->deployed);
	values[i++] = Float8GetDatum(t->milliseconds);
	return heap_form_tuple(BlessTupleDesc(desc), values, nulls);
}

/* Everything between the arguments and the stored model, in the training's memory context. */
static void
Train(CsTraining *t)
{
	CsTeam	   *team;

	/* Whether workers pay is known only after reading, but what they read must be within reach. */
	t->arena = CsArenaCreate(CsTeamWorkersFor(PG_INT64_MAX) > 0);
	CsProgressStart(t->model);
	ReadRows(t);

	team = CsTeamStart(t->arena, CsTeamWorkersFor(t->raw->nrows * t->nfeatures));
	PrepareRows(t, team);
	FitModel(t, team);
	CsTeamEnd(team);

	CsProgressPhase(CS_PHASE_STORING);
	CsNumberSegments(t);
	t->milliseconds = MillisecondsSince(t->start);
	CsStoreTraining(t);
	CsProgressEnd();
	WarnAboutFit(t);
}

/*
 * custseg.train(model, source, features, k, algorithm, id, prep, options, deploy)
 */
Datum
custseg_train(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	CsTraining *t;
	HeapTuple	row;

	CsRequireWritable("custseg.train()");
	t = palloc0(sizeof(CsTraining));
	INSTR_TIME_SET_CURRENT(t->start);
	t->weights = -1;
	t->context = AllocSetContextCreate(old, "custseg training", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(t->context);
	ReadArguments(fcinfo, t);
	if (CsModelExists(t->model))
		CsModelCheckOwner(t->model);
	ResolveSource(fcinfo, t);
	Train(t);

	MemoryContextSwitchTo(old);
	row = ResultRow(fcinfo, t);
	CsArenaDestroy(t->arena);
	MemoryContextDelete(t->context);
	PG_RETURN_DATUM(HeapTupleGetDatum(row));
}
