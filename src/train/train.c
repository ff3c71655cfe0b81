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
#include "funcapi.h"
#include "progress.h"
#include "stat/stat.h"
#include "train/choice.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* What is tried when k is not given: as choose_k() does it, but without its gap statistic. */
static const CsChoiceOptions choice = {.k_min = CS_FIRST_K,.k_max = CS_LAST_K};

/* Positions of train()'s arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_FEATURES, ARG_K, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS,
	ARG_DEPLOY
};

/* Positions of retrain()'s arguments. */
enum
{
	RETRAIN_MODEL, RETRAIN_SOURCE, RETRAIN_OPTIONS, RETRAIN_DEPLOY
};

/* The arguments of a version's training; segments that are given have their present names. */
static const char *const arguments_sql =
"SELECT v.algorithm, v.n_segments, v.id, v.prep,"
" CASE WHEN v.options OPERATOR(pg_catalog.?) 'segments'"
"  THEN custseg.rule_options(v.model, v.version) ELSE v.options END,"
" (SELECT pg_catalog.array_agg(f.name ORDER BY f.position) FROM custseg.feature AS f"
"  WHERE f.model OPERATOR(pg_catalog.=) v.model AND f.version OPERATOR(pg_catalog.=) v.version) "
"FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_train);
PG_FUNCTION_INFO_V1(custseg_retrain);

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

/* Check and keep the arguments of train(). */
static CsRequest
ReadArguments(FunctionCallInfo fcinfo)
{
	CsRequest	request = {0};

	request.model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	request.source = CsTextArgument(fcinfo, ARG_SOURCE);
	RequestAlgorithm(&request, CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"),
					 CsJsonbArgument(fcinfo, ARG_OPTIONS), fcinfo->args[ARG_K]);
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request.prep = CsJsonbArgument(fcinfo, ARG_PREP);
	if (!CsVersionCheckName(request.model, CS_MODEL_SEGMENTS))
		CsRequireArgument(fcinfo, ARG_SOURCE, "source");
	if (request.source == NULL)
		TakeDeployed(&request);
	return request;
}

/* What the training of a version was asked for, as far as it is read in one go. */
typedef struct Repetition
{
	CsRequest  *request;
	Jsonb	   *changes;		/* of the options, or NULL */
} Repetition;

/*
 * CsCatalogVisitor: fill the request with the arguments of a version.  Options that say where to start
 * say how many segments there are, too.
 */
static void
TakeArguments(void *state, const CsCatalogRow *row)
{
	Repetition *repetition = state;
	CsRequest  *request = repetition->request;
	char	   *name = CsRowText(row, 1);
	NullableDatum k = {Int32GetDatum(CsRowInt4(row, 2, 0)), CsAlgorithmFind(name)->finds_k};
	Jsonb	   *options = CsRowJsonb(row, 5);
	JsonbValue	init;
	bool		isnull;
	Datum		features = CsRowDatum(row, 6, &isnull);

	if (repetition->changes != NULL)
		options = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(options),
													 JsonbPGetDatum(repetition->changes)));
	if (CsJsonFind(&options->root, "init", &init) && init.type == jbvBinary)
		k.isnull = true;
	RequestAlgorithm(request, name, options, k);
	request->id = CsRowText(row, 3);
	request->prep = CsRowJsonb(row, 4);
	request->features = isnull ? NULL : DatumGetArrayTypePCopy(features);
}

/* The request of retrain(): as the deployed version was trained. */
static CsRequest
ReadRepetition(FunctionCallInfo fcinfo)
{
	CsRequest	request = {0};
	Repetition	repetition = {&request, CsJsonbArgument(fcinfo, RETRAIN_OPTIONS)};

	request.model = CsRequiredText(fcinfo, RETRAIN_MODEL, "model");
	if (!CsVersionCheckName(request.model, CS_MODEL_SEGMENTS))
		CsReportNoModel(request.model);
	request.source = CsTextArgument(fcinfo, RETRAIN_SOURCE);
	if (repetition.changes != NULL && !JB_ROOT_IS_OBJECT(repetition.changes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Name those that are to change: options => '{\"seed\": 7}'.")));
	TakeDeployed(&request);
	if (CsScorerRead(request.trained, arguments_sql, TakeArguments, &repetition) != 1)
		CsReportDroppedVersion(request.trained);
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
	double		distances = 0;
	int64		rows = 0;

	t->segments = palloc0(sizeof(CsSegmentRow) * t->nsegments);
	for (int c = 0; c < t->nsegments; c++)
	{
		CsSegmentProfile p = CsProfileSegment(profile, c);

		t->segments[c] = (CsSegmentRow) {
			.index = c,
			.n = p.n,
			.share = (double) p.n / t->nrows,
			.mean_distance = p.mean_distance,
			.spread = p.spread,
			.center = t->fit.centers + (Size) c * t->pipeline->noutputs,
			.profile = p.means
		};
		if (c == t->fit.k)
			continue;
		rows += p.n;
		distances += p.distances;
	}
	t->mean_distance = rows > 0 ? distances / rows : NAN;
	CsProfileEnd(profile);
}

/*
 * Fit the model and measure it.  When the rows at hand are a sample, all rows follow, and the
 * silhouette is that of the sample.
 */
static void
FitModel(CsTraining *t, CsTeam *team)
{
	instr_time	start;
	int			sample = t->common->silhouette_sample;
	bool		streams = t->nrows > t->matrix->nrows;
	bool		is_measured = false;

	INSTR_TIME_SET_CURRENT(start);
	if (t->k == 0 && !t->algorithm->finds_k)
		is_measured = FitBestK(t, team);
	else
		t->fit = CsTrainingFit(t, team, t->algorithm, t->options, t->k);
	if (streams)
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
			CsSilhouetteMean s = CsSilhouetteMeasure(team, t->matrix, t->fit.labels, t->fit.k, sample,
													 (uint64) t->common->seed);

			t->silhouette = s.mean;
			t->silhouette_deviation = s.deviation;
			t->silhouette_rows = s.used;
		}
	}
	if (!streams)
	{
		CsProfile  *profile = CsStartProfile(t, t->matrix, t->raw, t->fit.labels);

		CsProfileAdd(profile, team, t->matrix, t->raw);
		CsFillSegments(t, profile);
	}
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

/* Say when segments that were asked for are hardly any, by Kaufman and Rousseeuw's (1990) level. */
static void
WarnAboutSilhouette(const CsTraining *t)
{
	if (t->fit.k > 1 && t->silhouette < NO_STRUCTURE)
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
			WarnAboutSilhouette(t);
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
	FitModel(t, team);
	CsTeamEnd(team);

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

/*
 * custseg.retrain(model, source, options, deploy): as the deployed version was trained, but for the
 * options that are named.
 */
Datum
custseg_retrain(PG_FUNCTION_ARGS)
{
	return Train(fcinfo, "custseg.retrain()", ReadRepetition, RETRAIN_DEPLOY);
}
