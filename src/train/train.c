/*
 * train.c
 *	  custseg.train(): from a table to a new version of a model, in one transaction.
 *
 * The function is a straight line of phases over one CsTraining: read the arguments, resolve the
 * source and its columns, read the rows, prepare, fit, sum up, number, store.  All rights are
 * checked before data are read, data are read as the caller (see CsSourceOpen), and nothing is written before
 * the model is complete; an error or a cancel at any point leaves nothing behind.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "progress.h"
#include "stat/stat.h"
#include "train/choice.h"
#include "train/distributed.h"

/* What is tried when k is not given: as choose_k() does it, but without its gap statistic. */
static const CsChoiceOptions choice = {.k_min = CS_FIRST_K,.k_max = CS_LAST_K};

/* Positions of train()'s arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_FEATURES, ARG_K, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS,
	ARG_DEPLOY
};

PG_FUNCTION_INFO_V1(custseg_train);

/* A mean silhouette below this is no structure to speak of. */
#define NO_STRUCTURE 0.25

/* Bytes that the silhouette of a model takes whose k is known. */
static Size
SilhouetteMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	Size		silhouette = CsSilhouetteMemory(Min(nrows, t->common->silhouette_sample), ncolumns,
												Max(t->k, 1));

	return CsMemoryBeyondFit(t, nrows, ncolumns, silhouette);
}

/* Take the deployed version of the request's model, which stays for as long as the training lasts. */
static void
TakeDeployed(CsRequest *request)
{
	request->trained = CsCacheGet(request->model, 0);
	CsCachePin(request->trained, CurrentMemoryContext);
}

/* Have the request train by an algorithm, with options that are read from json, and as many segments. */
static void
RequestAlgorithm(CsRequest *request, const char *name, Jsonb *options, NullableDatum k)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(name);

	request->algorithm = algorithm;
	request->asked = options;
	request->options = palloc0(algorithm->options_size);
	CsOptionsParse(algorithm->options, algorithm->noptions, options, request->options);
	request->k = request->k_max = CsSegmentsAsked(k, algorithm, request->options);
	request->measures = SilhouetteMemory;
	if (request->k > 0 || algorithm->finds_k)
		return;
	request->k_max = choice.k_max;
	request->measures = CsSearchMemory;
	request->judging = &choice;
}

/*
 * Have the request train within the segment that its options name, or its model is of: by the options that come, which
 * are left without that.
 */
static void
TakeWithin(CsRequest *request, Jsonb **options)
{
	request->within = CsWithinTake(options);
	if (request->within == NULL)
		request->within = CsWithinOf(request->model);
	if (request->within != NULL)
		CsWithinCheck(request->model, request->within, true);
}

/* Check and keep the arguments of train(). */
static CsRequest
ReadArguments(FunctionCallInfo fcinfo)
{
	CsRequest	request = {0};
	Jsonb	   *options = CsJsonbArgument(fcinfo, ARG_OPTIONS);

	request.model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	CsModelCheckName(request.model);
	TakeWithin(&request, &options);
	request.source = CsTextArgument(fcinfo, ARG_SOURCE);
	RequestAlgorithm(&request, CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"), options, fcinfo->args[ARG_K]);
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request.prep = CsJsonbArgument(fcinfo, ARG_PREP);
	if (!CsVersionCheckName(request.model, CS_MODEL_SEGMENTS))
		CsRequireArgument(fcinfo, ARG_SOURCE, "source");
	if (request.source == NULL)
		TakeDeployed(&request);
	return request;
}

/*
 * The request of retrain(): as the deployed version was trained.  Options that say where to start say how
 * many segments there are, too.
 */
static CsRequest
ReadRepetition(FunctionCallInfo fcinfo)
{
	CsRequest	request = {0};
	CsRepetition r;
	NullableDatum k;
	JsonbValue	init;

	request.model = CsRequiredText(fcinfo, CS_RETRAIN_MODEL, "model");
	(void) CsVersionCheckName(request.model, CS_MODEL_SEGMENTS);
	request.source = CsTextArgument(fcinfo, CS_RETRAIN_SOURCE);
	TakeDeployed(&request);
	r = CsRepetitionRead(fcinfo, request.model, request.trained->version);
	TakeWithin(&request, &r.options);
	k = (NullableDatum) {Int32GetDatum(r.n_segments), CsAlgorithmFind(r.algorithm)->finds_k};
	if (CsJsonFind(&r.options->root, "init", &init) && init.type == jbvBinary)
		k.isnull = true;
	RequestAlgorithm(&request, r.algorithm, r.options, k);
	request.id = r.id;
	request.prep = r.prep;
	request.features = r.features;
	return request;
}

/*
 * Let the number of segments be chosen, and say which and why.  Keeps the fit and its silhouette, or when
 * there is none fits all rows: then the silhouette remains to be measured, and the result is false.
 */
static bool
FitBestK(CsTraining *t, CsTeam *team)
{
	int64		searched;
	CsChoice   *choice = CsSearchK(t, team, &searched);
	CsCandidate *best = &choice->candidates[choice->best];
	StringInfoData tried;

	initStringInfo(&tried);
	for (int i = 0; i < choice->n; i++)
		if (!isnan(choice->candidates[i].silhouette))
			appendStringInfo(&tried, "%s%d: %.3f", tried.len > 0 ? ", " : " Silhouettes by k are ",
							 choice->candidates[i].k, choice->candidates[i].silhouette);
	ereport(NOTICE,
			(errmsg("chose k = %d", best->k),
			 errdetail("Reason: %s.%s%s%s", best->reason, tried.data, tried.len > 0 ? "." : "",
					   searched == 0 || searched == t->matrix->nrows ? "" :
					   psprintf(" The choice was made on a sample of %lld rows.", (long long) searched))));
	t->k = best->k;
	t->choice = choice;
	if (searched > 0)
	{
		t->fit = CsTrainingFit(t, team, t->algorithm, t->options, t->k);
		return false;
	}
	t->fit = best->fit;
	t->silhouette = best->silhouette;
	t->silhouette_deviation = best->silhouette_deviation;
	t->silhouette_rows = isnan(best->silhouette) ? 0 : choice->silhouette_rows;
	return true;
}

/*
 * Start a profile of the segments of t->fit, to which no rows have been added yet.  See
 * CsProfileStart().
 */
CsProfile *
CsStartProfile(CsTraining *t, const CsMatrix *matrix, const CsMatrix *raw, int labels)
{
	t->nsegments = t->fit.k + t->algorithm->has_noise;
	t->nprofile = CsProfileSize(t->pipeline);
	return CsProfileStart(t->arena, t->pipeline, matrix, raw, labels, t->nsegments, t->fit.centers);
}

/*
 * Fill t->segments from the rows that were added, except for numbers and names, and the mean
 * distance; ends the profile.
 */
void
CsFillSegments(CsTraining *t, CsProfile *profile)
{
	CsSegmentProfile *segments = palloc(sizeof(CsSegmentProfile) * t->nsegments);

	for (int c = 0; c < t->nsegments; c++)
		segments[c] = CsProfileSegment(profile, c);
	CsTakeSegments(t, segments);
	pfree(segments);
	CsProfileEnd(profile);
}

/* Likewise from what has been summed up of each segment. */
void
CsTakeSegments(CsTraining *t, const CsSegmentProfile *segments)
{
	double		distances = 0;
	int64		rows = 0;

	t->segments = palloc0(sizeof(CsSegmentRow) * t->nsegments);
	for (int c = 0; c < t->nsegments; c++)
	{
		const CsSegmentProfile *p = &segments[c];

		t->segments[c] = (CsSegmentRow) {
			.index = c,
			.n = p->n,
			.share = (double) p->n / t->nrows,
			.mean_distance = p->mean_distance,
			.spread = p->spread,
			.center = t->fit.centers + (Size) c * t->pipeline->noutputs,
			.profile = p->means
		};
		if (c == t->fit.k)
			continue;
		rows += p->n;
		distances += p->distances;
	}
	t->mean_distance = rows > 0 ? distances / rows : NAN;
}

/*
 * The glance at whether segments of a number that was asked for can be groups, or NULL where it is not wanted:
 * a sample of the rows is not asked, since other functions ask all; nor is where memory is short, for the model
 * does not need it.
 */
static CsTrainingGlance *
OpenGlance(CsTraining *t, CsTeam *team)
{
	Size		size = CsStructureMemory(Min(t->nrows, CS_STRUCTURE_ROWS), t->matrix->ncolumns);

	if (t->judging != NULL || t->k <= 1)
		return NULL;
	if (t->nrows == t->matrix->nrows && size <= CsArenaLeft(t->arena))
		return CsTrainingGlanceOpen(t, team);
	t->structure = (CsStructure) {.p = NAN,.rating = CS_STRUCTURE_NOT_ASKED};
	return NULL;
}

/* Fill the segments from the rows at hand; the glance, unless it is NULL, begins beside it. */
static void
ProfileSegments(CsTraining *t, CsTeam *team, CsTrainingGlance *glance)
{
	CsProfile  *profile = CsStartProfile(t, t->matrix, t->raw, t->fit.labels);

	CsProfileAdd(profile, team, t->matrix, t->raw, glance ? CsTrainingGlanceBegin : NULL, glance);
	CsFillSegments(t, profile);
}

/* Measure the silhouette of so many rows. */
static void
MeasureSilhouette(CsTraining *t, CsTeam *team, int sample)
{
	CsSilhouetteMean s = CsSilhouetteMeasure(team, t->matrix, t->fit.labels, t->fit.k, sample,
											 (uint64) t->common->seed);

	t->silhouette = s.mean;
	t->silhouette_deviation = s.deviation;
	t->silhouette_rows = s.used;
}

/* Complete the fit of a sample by passes, which have workers of their own.  Returns the team for what follows. */
static CsTeam *
FitByPasses(CsTraining *t, CsTeam *team)
{
	int			workers = CsTeamWorkers(team);

	CsTeamEnd(team);
	CsDistributedFit(t);
	return CsTeamStart(t->arena, workers);
}

/*
 * Fit the model and measure it.  When the rows at hand are a sample, all rows follow, and the
 * silhouette is that of the sample.  Returns the team, which may be another one.
 */
static CsTeam *
FitModel(CsTraining *t, CsTeam *team)
{
	instr_time	start;
	int			sample = t->common->silhouette_sample;
	bool		passes = CsTrainsByPasses(t);
	bool		streams = passes || t->nrows > t->matrix->nrows;
	bool		is_measured = false;
	CsTrainingGlance *glance = NULL;

	INSTR_TIME_SET_CURRENT(start);
	if (t->k == 0 && !t->algorithm->finds_k)
		is_measured = FitBestK(t, team);
	else
		t->fit = CsTrainingFit(t, team, t->algorithm, t->options, t->k);
	if (passes)
		team = FitByPasses(t, team);
	else if (streams)
		CsStreamRows(t, team);
	t->fit_milliseconds = CsMillisecondsSince(start);
	CsCheckInertia(&t->fit);
	if (!is_measured || streams)
	{
		t->silhouette = t->silhouette_deviation = NAN;
		t->silhouette_rows = 0;
		CsProgressPhase(CS_PHASE_SCORING);
		if (sample > 0)
		{
			MeasureSilhouette(t, team, sample);
			glance = OpenGlance(t, team);
		}
	}
	CsTrainingScree(t, team);
	if (!streams)
		ProfileSegments(t, team, glance);
	else if (glance)
		CsTrainingGlanceBegin(glance);
	if (glance)
		CsTrainingGlanceEnd(glance);
	if (t->fit_note != NULL)
		t->fit.note = t->fit.note == NULL ? t->fit_note : psprintf("%s; %s", t->fit.note, t->fit_note);
	return team;
}

/* Say when a segment has only a handful of the rows. */
static void
WarnAboutHandfuls(const CsTraining *t)
{
	const CsSegmentRow *smallest = NULL;

	for (int i = 0; i < t->nsegments; i++)
		if (t->segments[i].index < t->fit.k && t->segments[i].n > 0 &&
			(smallest == NULL || t->segments[i].n < smallest->n))
			smallest = &t->segments[i];
	if (smallest == NULL || !CsIsHandful((double) smallest->n, (double) t->nrows))
		return;
	ereport(NOTICE,
			(errmsg("segment %d has only " INT64_FORMAT " of " INT64_FORMAT " rows", smallest->segment,
					smallest->n, t->nrows),
			 errhint("Where these are outliers, clip or transform the features, or try fewer segments.")));
}

/* Say when segments that were asked for are no groups, or hardly any by Kaufman and Rousseeuw's (1990) level. */
static void
WarnAboutSegments(const CsTraining *t)
{
	if (CsNoGroups(&t->structure))
		CsWarnAboutStructure(&t->structure);
	else if (t->fit.k > 1 && t->silhouette < NO_STRUCTURE)
		ereport(NOTICE,
				(errmsg("the segments hardly lie apart: their mean silhouette is %.2f", t->silhouette),
				 errhint("custseg.clusterability() tells whether rows without groups have as much.")));
}

/* Tell the user when the model is not what was requested. */
static void
WarnAboutFit(const CsTraining *t)
{
	if (!t->algorithm->is_given && t->judging == NULL)
	{
		WarnAboutHandfuls(t);
		if (!t->algorithm->has_noise)
			WarnAboutSegments(t);
	}
	if (t->fit.note != NULL)
		ereport(NOTICE, (errmsg_internal("%s", t->fit.note)));
	if (t->fit.k < t->k)
		ereport(WARNING,
				(t->nrows > t->matrix->nrows ?
				 errmsg("only %d of %d segments have rows", t->fit.k, t->k) :
				 errmsg("only %d distinct rows for %d segments", t->fit.k, t->k),
				 errdetail("The model has %d segments.", t->fit.k)));
	if (!t->fit.converged)
		ereport(WARNING,
				(errmsg("training did not converge in %d iterations", t->fit.iterations),
				 errhint("Raise max_iter: options => '{\"max_iter\": %d}'.",
						 2 * t->fit.iterations)));
}

/* The row that train() returns, in CurrentMemoryContext. */
static Datum
ResultRow(FunctionCallInfo fcinfo, const CsTraining *t)
{
	return CsResultRow(fcinfo, CsValues(CsValueText(t->model),
										CsValueInt4(t->stored.version),
										CsValueText(t->algorithm->name),
										CsValueInt8(t->nrows),
										CsValueInt8(t->n_skipped),
										CsValueInt4(t->fit.k),
										CsValueFloat8(t->fit.inertia),
										CsValueFloat8(t->silhouette),
										CsValueInt4(t->fit.iterations),
										CsValueBool(t->fit.converged),
										CsValueBool(t->stored.deployed),
										CsValueFloat8(t->milliseconds)));
}

/*
 * Train as "read_request" reads the arguments; "deploy" is the position of the argument that says whether
 * to deploy, "command" the function as the user knows it.
 */
static Datum
Train(FunctionCallInfo fcinfo, const char *command, CsRequest (*read_request) (FunctionCallInfo),
	  int deploy)
{
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	Datum		row;

	CsRequireWritable(command);
	PushActiveSnapshot(GetTransactionSnapshot());
	request = read_request(fcinfo);
	request.command = command;
	t = CsTrainingOpen(&request);
	t->deploy = CsDeployArgument(fcinfo, deploy);
	team = CsTrainingPrepare(t);
	CsTellDifference(t, &request);
	team = FitModel(t, team);
	CsCompareForNumbers(t);
	CsTeamEndLast(team);

	CsProgressPhase(CS_PHASE_STORING);
	CsNumberSegments(t);
	t->milliseconds = CsMillisecondsSince(t->start);
	CsStoreTraining(t);
	WarnAboutFit(t);
	CsVersionTellWaiting(&t->stored);

	MemoryContextSwitchTo(t->caller);
	row = ResultRow(fcinfo, t);
	CsTrainingClose(t);
	PopActiveSnapshot();
	return row;
}

/*
 * custseg.train(model, source, features, k, algorithm, id, prep, options, deploy): source NULL is the one
 * that the deployed version was trained on.
 *
 * The call sees the models that are there when it begins, as a statement of a volatile function does,
 * and not those of the statement around it: so one that the same statement has trained can be imitated.
 */
Datum
custseg_train(PG_FUNCTION_ARGS)
{
	return Train(fcinfo, "custseg.train()", ReadArguments, ARG_DEPLOY);
}

/* The row of retrain() for a version of a model without segments. */
Datum
CsRetrainRow(FunctionCallInfo fcinfo, const CsNewVersion *v)
{
	return CsResultRow(fcinfo, CsValues(CsValueText(v->model),
										CsValueInt4(v->version),
										CsValueText(v->algorithm),
										CsValueInt8(v->n_rows),
										CsValueInt8(v->n_skipped),
										CsValueNull(INT4OID),
										CsValueFloat8(NAN),
										CsValueFloat8(NAN),
										CsValueInt4(v->iterations),
										CsValueBool(v->converged),
										CsValueBool(v->deployed),
										CsValueFloat8(v->milliseconds)));
}

/* CsRetrain, of a model of segments. */
Datum
CsRetrainSegments(FunctionCallInfo fcinfo, char *model)
{
	return Train(fcinfo, "custseg.retrain()", ReadRepetition, CS_RETRAIN_DEPLOY);
}
