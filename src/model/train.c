/*
 * train.c
 *	  custseg.train(): from a table to a new version of a model, in one transaction.
 *
 * The function is a straight line of phases over one CsTraining: read the arguments, resolve the
 * source and its columns, read the rows, prepare, fit, sum up, number, store.  All rights are
 * checked before data are read, all data are read as the caller, and nothing is written before
 * the model is complete; an error or a cancel at any point leaves nothing behind.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "model/train.h"
#include "progress.h"
#include "stat/stat.h"
#include "utils/builtins.h"

/* Numbers of segments that are tried when k is not given. */
#define FIRST_K 2
#define LAST_K 10

/* Rows that a number of segments is judged on when the options ask for no silhouette. */
#define CHOICE_SAMPLE 5000

/* Positions of train()'s arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_FEATURES, ARG_K, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS,
	ARG_DEPLOY
};

PG_FUNCTION_INFO_V1(custseg_train);

/*
 * How many segments: as given, or as many as there are centres to start from; 0 when it is chosen
 * later, or found by the algorithm.
 */
static int
ReadK(FunctionCallInfo fcinfo, const CsAlgorithm *algorithm, const void *options)
{
	if (!PG_ARGISNULL(ARG_K))
	{
		int			k = PG_GETARG_INT32(ARG_K);

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

/* Check and keep the arguments. */
static CsRequest
ReadArguments(FunctionCallInfo fcinfo)
{
	CsRequest	request = {.command = "custseg.train()"};
	const CsAlgorithm *algorithm;

	request.model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	CsModelCheckName(request.model);
	request.source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	algorithm = CsAlgorithmFind(CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"));
	request.algorithm = algorithm;
	request.options = palloc0(algorithm->options_size);
	CsOptionsParse(algorithm->options, algorithm->noptions,
				   PG_ARGISNULL(ARG_OPTIONS) ? NULL : PG_GETARG_JSONB_P(ARG_OPTIONS),
				   request.options);
	request.k = ReadK(fcinfo, algorithm, request.options);
	request.k_max = request.k == 0 ? LAST_K : request.k;
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.features = PG_ARGISNULL(ARG_FEATURES) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_FEATURES);
	request.prep = PG_ARGISNULL(ARG_PREP) ? NULL : PG_GETARG_JSONB_P(ARG_PREP);
	if (CsModelExists(request.model))
		CsModelCheckOwner(request.model);
	return request;
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
		CsFitOutput fit = CsTrainingFit(t, team, t->algorithm, t->options, k);
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
		best = CsTrainingFit(t, team, t->algorithm, t->options, t->k);
	}
	ereport(NOTICE,
			(errmsg("chose k = %d", t->k),
			 tried.len > 0 ?
			 errdetail("Silhouettes by k are %s.", tried.data) : 0));
	return best;
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

	INSTR_TIME_SET_CURRENT(start);
	if (t->k == 0 && !t->algorithm->finds_k)
		t->fit = FitBestK(t, team);
	else
		t->fit = CsTrainingFit(t, team, t->algorithm, t->options, t->k);
	if (streams)
		CsStreamRows(t, team);
	t->fit_milliseconds = CsMillisecondsSince(start);
	if (!isfinite(t->fit.inertia))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("distances of the rows to their centers are too large to add up"),
				 errhint("Scale the features, or divide the weights by a large number.")));

	t->silhouette = NAN;
	t->silhouette_rows = 0;
	if (sample > 0)
		t->silhouette = Silhouette(t, team, &t->fit, sample);
	if (!streams)
		CsProfileSegments(t, team);
}

/* Say what the user should know about a model that is not what was asked for. */
static void
WarnAboutFit(const CsTraining *t)
{
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
	values[i++] = Int64GetDatum(t->nrows);
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

/*
 * custseg.train(model, source, features, k, algorithm, id, prep, options, deploy)
 */
Datum
custseg_train(PG_FUNCTION_ARGS)
{
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	HeapTuple	row;

	CsRequireWritable("custseg.train()");
	request = ReadArguments(fcinfo);
	t = CsTrainingOpen(&request);
	t->deploy = PG_ARGISNULL(ARG_DEPLOY) ? CS_DEPLOY_FIRST :
		PG_GETARG_BOOL(ARG_DEPLOY) ? CS_DEPLOY_YES : CS_DEPLOY_NO;
	team = CsTrainingPrepare(t);
	FitModel(t, team);
	CsTeamEnd(team);

	CsProgressPhase(CS_PHASE_STORING);
	CsNumberSegments(t);
	t->milliseconds = CsMillisecondsSince(t->start);
	CsStoreTraining(t);
	WarnAboutFit(t);

	MemoryContextSwitchTo(t->caller);
	row = ResultRow(fcinfo, t);
	CsTrainingClose(t);
	PG_RETURN_DATUM(HeapTupleGetDatum(row));
}
