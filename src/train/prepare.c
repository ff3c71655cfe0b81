/*
 * prepare.c
 *	  From a source to rows in model space: what train() and the functions that judge have in common.
 *
 * Open resolves the source, its columns and their preparation; Prepare reads the rows, fits the
 * preparation and takes the rows to model space on a team; Fit runs an algorithm on them, as often
 * as one likes; Close gives everything back.  All data are read as the caller.
 *
 * Memory: what this needs is known in advance for any number of rows (CsTrainingMemory), and is
 * held to maintenance_work_mem.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "data/fetch.h"
#include "progress.h"
#include "train/distributed.h"
#include "train/train.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Memory of a training is in blocks of so many bytes at most: half of the last one is waste, which maintenance_work_mem has no room for. */
#define MOST_BLOCK ((Size) 64 * 1024)

/*
 * How many segments are asked for: the argument, or as many as there are centres to start from; 0
 * when the number is chosen later or found by the algorithm.
 */
int
CsSegmentsAsked(NullableDatum asked, const CsAlgorithm *algorithm, const void *options)
{
	if (!asked.isnull)
	{
		int			k = DatumGetInt32(asked.value);

		if (algorithm->finds_k)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("algorithm \"%s\" finds the number of segments itself",
							algorithm->name),
					 errhint("Leave \"k\" out.")));
		if (k < 1 || k > algorithm->max_segments)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"k\" must be between 1 and %d", algorithm->max_segments),
					 errdetail("It is %d.", k),
					 errhint("Leave \"k\" out to have it chosen.")));
		return k;
	}
	for (int i = 0; i < algorithm->noptions; i++)
	{
		const CsOption *option = &algorithm->options[i];

		if (option->type == CS_OPTION_ARRAY && strcmp(option->name, "init") == 0)
			return ((const CsOptionArray *) ((const char *) options + option->offset))->rows;
	}
	return 0;
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
			/* "other" and NULL may be levels, too */
			nlevels = Min(nlevels, CS_MAX_LEVELS + 1) + t->has_null[i];
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

/* What t->measures() adds to raw rows, which a prediction gives back before it, and to those of model space. */
static Size
MeasuresMemory(const CsTraining *t, int64 nrows, const Shape *shape)
{
	Size		size = t->measures(t, nrows, shape->noutputs);
	Size		blocks = (nrows + CS_BLOCK_ROWS - 1) / CS_BLOCK_ROWS;
	Size		given_back = t->outcome == NULL || shape->in_place ? 0 : mul_size(blocks, CsMatrixBlockSize(t->raw));

	return size - Min(size, given_back);
}

/*
 * Bytes that the training needs at its peak with that many rows: the raw matrix and what is kept
 * for each row; and either the scratch of fitting the preparation, or the matrix of model space and
 * what the algorithm, the measures and the profile take.  When the rows are a sample, the batches
 * of all rows come on top.
 */
Size
CsTrainingMemory(const CsTraining *t, int64 nrows)
{
	Shape		shape = ModelShape(t);
	int			k = t->algorithm != NULL && t->algorithm->finds_k ? CS_USUAL_SEGMENTS : Max(t->k, t->k_max);
	Size		blocks = (nrows + CS_BLOCK_ROWS - 1) / CS_BLOCK_ROWS;
	Size		kept = mul_size(blocks, CsMatrixBlockSize(t->raw));
	Size		model = 0;

	if (t->common->weight != NULL)
		kept = add_size(kept, mul_size(nrows, sizeof(double)));
	if (t->outcome != NULL)
		kept = add_size(kept, mul_size(nrows, sizeof(double)));
	for (int i = 0; i < t->nlabellers; i++)
		kept = add_size(kept, CsLabellerMemory(t->labellers[i], nrows));
	if (!shape.in_place)
		model = mul_size(mul_size(blocks, CS_BLOCK_ROWS * sizeof(double)), shape.noutputs);
	if (t->memory != NULL)
		model = add_size(model, t->memory(nrows, shape.noutputs, k, t->options));
	if (t->measures != NULL)
		model = add_size(model, MeasuresMemory(t, nrows, &shape));
	if (t->model != NULL && t->outcome == NULL)
		model = add_size(model, CsProfileMemory(k + 1, t->nfeatures, shape.nprofile, shape.noutputs));
	model = Max(model, CsPipelineFitMemory(t->prep, nrows));
	if (t->streaming != NULL)
		model = add_size(model, CsStreamMemory(t, nrows, shape.noutputs, shape.in_place, k));
	return add_size(kept, model);
}

/* What "bytes", taken when only the labels of the fit are left, add to what the fit takes. */
Size
CsMemoryBeyondFit(const CsTraining *t, int64 nrows, int ncolumns, Size bytes)
{
	Size		labels = mul_size(sizeof(int32), nrows);
	Size		fit = t->memory == NULL ? 0 :
		t->memory(nrows, ncolumns, Max(t->k, t->k_max), t->options);

	return add_size(bytes, labels) > fit ? add_size(bytes, labels) - fit : 0;
}

/* The advice to take an algorithm that streams, for those who look for segments; else nothing. */
static const char *
OtherAlgorithm(const CsTraining *t)
{
	const CsAlgorithm *a = CsAlgorithmAt(0);

	for (int i = 1; a != NULL && a->streaming == NULL; i++)
		a = CsAlgorithmAt(i);
	return a == NULL || t->algorithm == NULL || t->algorithm->is_given ? "" :
		psprintf("give algorithm => '%s', which holds a sample of the rows; or ", a->name);
}

/* Into how many parts the rows are to be divided for one of them to fit into memory, with something to spare: a power of two. */
static double
PartsOfRows(const CsTraining *t, int64 nrows)
{
	double		parts = 2;

	while (parts < (double) nrows && CsTrainingMemory(t, (int64) (1.1 * (double) nrows / parts)) > CsMemoryLimit())
		parts *= 2;
	return parts;
}

/* Raise the error of a training that needs too much memory. */
void
CsReportMemory(const CsTraining *t, int64 nrows)
{
	Size		needed = CsTrainingMemory(t, nrows);
	const char *sample = CsSampleOf(t->relation, PartsOfRows(t, nrows));

	if (t->streaming != NULL)
		CsMemoryError(needed, "to more, for a larger sample", "a sample of %lld rows of %d features",
					  (long long) nrows, t->nfeatures);
	if (t->judging != NULL && t->outcome == NULL)
		CsMemoryError(needed, psprintf("give fewer rows, as %s gives", sample),
					  "an examination of %lld rows of %d features", (long long) nrows, t->nfeatures);
	CsMemoryError(needed, psprintf("%strain on fewer rows, as %s gives", OtherAlgorithm(t), sample),
				  "training on %lld rows of %d features", (long long) nrows, t->nfeatures);
}

/* Error: no row is left to train on. */
void
CsReportNoRows(const CsTraining *t)
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

/* Milliseconds since "start". */
double
CsMillisecondsSince(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MILLISEC(now);
}

/* Read the rows and drop features that turn out to be useless. */
static void
ReadRows(CsTraining *t)
{
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	CsProgressPhase(CS_PHASE_READING);
	if (CsReadsByPasses(t))
		CsDistributedRead(t);
	else
		CsRowsRead(t);
	if (t->k > t->raw->nrows && t->k <= t->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d, but the sample has only %lld rows", t->k,
						(long long) t->raw->nrows),
				 errhint("Raise the option \"sample\" or maintenance_work_mem.")));
	if (t->k > t->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("\"k\" is %d, but there is only %lld row to train on",
							   "\"k\" is %d, but there are only %lld rows to train on", t->nrows, t->k,
							   (long long) t->nrows),
				 t->n_skipped > 0 ?
				 errdetail_plural("%lld row was skipped.", "%lld rows were skipped.", t->n_skipped,
								  (long long) t->n_skipped) : 0,
				 errhint("Lower \"k\".")));
	t->read_milliseconds = CsMillisecondsSince(start);
}

/* Fit the preparation, unless passes have, and take the rows to model space. */
static void
PrepareRows(CsTraining *t, CsTeam *team)
{
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	CsProgressPhase(CS_PHASE_PREPARING);
	if (t->pipeline == NULL)
	{
		t->baselines = palloc0(sizeof(CsBaseline) * t->nfeatures);
		t->pipeline = CsPipelineFit(team, t->raw, t->features, t->dictionaries, t->prep,
									(uint64) t->common->seed, t->baselines);
	}
	CsFeaturesReport(t);
	if (CsTrainingMemory(t, t->raw->nrows) > CsMemoryLimit())
		CsReportMemory(t, t->raw->nrows);
	if (t->algorithm != NULL && t->algorithm->check != NULL && t->k > 0)
		t->algorithm->check(t->options, t->k, t->pipeline->noutputs);
	if (t->algorithm != NULL && t->algorithm->bind != NULL)
		t->algorithm->bind(unconstify(void *, t->options), t->pipeline);
	t->matrix = CsPipelineTransform(team, t->pipeline, t->raw);
	t->prepare_milliseconds = CsMillisecondsSince(start);
}

/* The labeller of what the algorithm imitates, as its options say. */
static CsLabeller *
FindTarget(const CsTraining *t)
{
	const CsAlgorithm *algorithm = t->algorithm;
	CsImitated	imitated = *algorithm->imitated(t->options);
	CsLabeller *target;

	if ((imitated.column == NULL) == (imitated.model == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 imitated.column == NULL ?
				 errmsg("algorithm \"%s\" needs something to imitate", algorithm->name) :
				 errmsg("options \"target\" and \"model\" exclude each other"),
				 errhint("Give options => '{\"target\": \"column\"}' or '{\"model\": \"model\"}'.")));
	target = imitated.column != NULL ?
		CsLabelByColumn(t->relation, imitated.column, algorithm->max_segments) :
		CsLabelByModel(imitated.model, imitated.version, true);
	target->is_target = true;
	if (target->nclasses > algorithm->max_segments)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" has %d segments, but a %s can distinguish at most %d", imitated.model,
						target->nclasses, algorithm->name, algorithm->max_segments),
				 errhint("Imitate a model with fewer segments.")));
	return target;
}

/* Find the column that is to be predicted: a number, or a boolean. */
static void
FindOutcome(CsTraining *t, const char *name)
{
	t->outcome = CsRelationColumn(t->relation, name);
	if (t->outcome->converter.kind != CS_NUMERIC && t->outcome->converter.kind != CS_BOOLEAN)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("target column \"%s\" is of type %s", name, format_type_be(t->outcome->type)),
				 errdetail("What is predicted is a number, or the probability of a boolean."),
				 errhint("Compare it in a query: SELECT %s = 'value' AS %s, ... FROM ...", quote_identifier(name),
						 quote_identifier(name))));
	t->hashes = CsLabelByHash(t->relation, t->id);
}

/*
 * The features when none are named, an array of text: those of the model that is imitated, or those
 * that the algorithm's options speak of; NULL: every column that can help.
 */
static ArrayType *
UsualFeatures(const CsTraining *t)
{
	List	   *names = NIL;
	Datum	   *elements;
	ListCell   *cell;
	int			n = 0;

	if (t->algorithm != NULL && t->algorithm->features != NULL)
		names = t->algorithm->features(t->options);
	if (t->target != NULL && t->target->column == NULL)
		names = t->target->columns;
	if (names == NIL)
		return NULL;
	elements = palloc(sizeof(Datum) * list_length(names));
	foreach(cell, names)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	return construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * Resolve the source, make the training's memory context and switch to it.  CsTrainingClose()
 * releases everything, after an error the abort does.
 */
CsTraining *
CsTrainingOpen(const CsRequest *request)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg training", 0, ALLOCSET_DEFAULT_INITSIZE,
												  MOST_BLOCK);
	CsTraining *t;

	t = MemoryContextAllocZero(context, sizeof(CsTraining));
	INSTR_TIME_SET_CURRENT(t->start);
	t->context = context;
	t->caller = MemoryContextSwitchTo(context);
	t->weights = t->outcomes = -1;
	t->command = request->command;
	t->model = request->model;
	t->id = request->id;
	t->k = request->k;
	t->k_max = request->k_max;
	t->algorithm = request->algorithm;
	t->by_passes = request->by_passes || request->model != NULL;
	t->sample = request->sample;
	t->may_sample = request->may_sample;
	t->options = request->options;
	t->common = request->options;
	t->memory = request->memory != NULL || t->algorithm == NULL ? request->memory :
		t->algorithm->memory;
	t->measures = request->measures;
	t->judging = request->judging;
	/* what judges needs all rows at once */
	if (t->model != NULL && t->algorithm != NULL)
		t->streaming = t->algorithm->streaming;

	t->within = request->within;
	t->relation = request->relation != NULL ? request->relation : CsSourceOpen(request->trained, request->source);
	/* of a version that there is, the relation knows that already */
	if (request->trained == NULL)
		CsWithinRestrict(t->relation, request->within);
	t->relation->may_fetch = t->common->engine == CS_ENGINE_LOCAL;
	t->distribution = CsDistributionOf(t);
	/* passes do not compare ids, which would have to be fetched */
	if (t->id != NULL && !CsReadsByPasses(t) && !CsIdsAreElsewhere(t))
		CsRelationCheckId(t->relation, t->id);
	else if (t->id != NULL)
		(void) CsRelationIdColumns(t->relation, t->id, false);
	else
		t->id = CsRelationDefaultId(t->relation);
	if (t->common->weight != NULL)
		(void) CsRelationColumn(t->relation, t->common->weight);
	if (request->outcome != NULL)
		FindOutcome(t, request->outcome);
	if (t->algorithm != NULL && t->algorithm->imitated != NULL)
		t->target = FindTarget(t);
	CsFeaturesResolve(t, request->features != NULL ? request->features : UsualFeatures(t), request->prep);
	t->prep = t->algorithm != NULL && t->algorithm->prep != NULL ?
		t->algorithm->prep(request->prep, t->features, t->nfeatures) :
		CsPrepParse(request->prep, t->features, t->nfeatures, false);
	if (t->model != NULL)
		t->predecessor = CsFindPredecessor(t);
	if (t->target != NULL)
		t->labellers[t->nlabellers++] = t->target;
	if (t->predecessor != NULL)
		t->labellers[t->nlabellers++] = t->predecessor;
	if (t->hashes != NULL)
		t->labellers[t->nlabellers++] = t->hashes;
	CsDistributionWeigh(t);
	return t;
}

/*
 * The team for the rows that have been read: the one that read them, if there is one, but for a leader who read
 * more rows alone than were expected.
 */
static CsTeam *
TeamForRows(CsTraining *t)
{
	CsTeam	   *team = t->team;
	bool		passes = CsTrainsByPasses(t);
	int			workers = CsTeamWorkersFor((passes ? t->raw->nrows : t->nrows) * t->nfeatures);

	t->team = NULL;
	if (team != NULL && workers > 0 && CsTeamWorkers(team) == 0)
	{
		CsTeamEnd(team);
		team = NULL;
	}
	if (!passes && t->nrows > t->raw->nrows && !t->relation->parallel_safe)
		workers = 0;			/* the source will be read again with the team at work */
	return team != NULL ? team : CsTeamStart(t->arena, workers);
}

/* Read the rows, start the team, and take the rows to t->matrix.  The caller ends the team. */
CsTeam *
CsTrainingPrepare(CsTraining *t)
{
	CsTeam	   *team;

	/* Whether workers pay is known only later, but what they read must be within reach. */
	t->arena = CsArenaCreate(CsTeamWorkersFor(PG_INT64_MAX) > 0);
	CsProgressStart(t->model != NULL ? t->model : t->command);
	ReadRows(t);
	if (CsTrainsByPasses(t))
		CsDistributedPrepare(t);
	team = TeamForRows(t);
	PrepareRows(t, team);
	return team;
}

/* Switch back to the caller's memory context and release everything.  The team has ended. */
void
CsTrainingClose(CsTraining *t)
{
	MemoryContextSwitchTo(t->caller);
	CsProgressEnd();
	CsArenaDestroy(t->arena);
	MemoryContextDelete(t->context);
}

/* Raise an error unless the inertia is finite. */
void
CsCheckInertia(const CsFitOutput *fit)
{
	if (isfinite(fit->inertia))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("distances of the rows to their centers are too large to add up"),
			 errhint("Scale the features, or divide the weights by a large number.")));
}

/* Bytes that a fit may take: the arena holds all but the labels. */
Size
CsTrainingMemoryLeft(const CsTraining *t)
{
	Size		left = CsArenaLeft(t->arena);
	Size		labels = 0;

	for (int i = 0; i < t->nlabellers; i++)
		labels = add_size(labels, CsLabellerMemory(t->labellers[i], t->matrix->nrows));
	return left > labels ? left - labels : 0;
}

/*
 * Fit k segments by an algorithm.  The labels are a new area, which the caller frees by
 * CsArenaFree().
 */
CsFitOutput
CsTrainingFit(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options, int k)
{
	CsFitInput	in = {
		.team = team,
		.matrix = t->matrix,
		.weights = t->weights,
		.k = k,
		.target = -1,
		.options = options,
		.memory_left = CsTrainingMemoryLeft(t)
	};
	CsFitOutput out = {0};

	if (t->target != NULL)
	{
		in.k = t->target->nclasses;
		in.target = t->target->area;
	}
	CsProgressPhase(CS_PHASE_SEEDING);
	CsProgressSegments(in.k);
	algorithm->fit(&in, &out);
	if (t->target != NULL)
		out.note = psprintf("%s is imitated: %s", t->target->name, out.note);
	CsCheckInertia(&out);
	return out;
}

