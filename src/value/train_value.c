/*
 * train_value.c
 *	  custseg.train_value(): from a table to a version of a model that predicts a number, or the
 *	  probability of a boolean, in one transaction.
 *
 * A straight line like train(): read the arguments, read and prepare the rows, fit, and store.  The
 * model is fitted to all rows.  How good it is, what its predictions are off by, and how its
 * probabilities are calibrated is told by models that have not seen the rows: those of the other folds,
 * or the trees of a forest whose samples left a row out.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "life/life.h"
#include "progress.h"
#include "value/prediction.h"
#include "value/predictor.h"
#include "value/tuning.h"

/* Positions of the arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_TARGET, ARG_FEATURES, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS, ARG_DEPLOY, ARG_TUNE
};

typedef struct ValueTraining
{
	CsRequest	request;
	char	   *model;
	const CsValueAlgorithm *algorithm;
	CsValueOptions *options;
	CsTuning	tuning;
	CsPrediction p;
	CsValueFit	fit;
	CsPredictionMeasures measures;	/* of rows that the models have not seen */
	CsCalibration calibration;	/* likewise */
	bool		out_of_bag;		/* by a forest's own trees */
	bool		ratios;			/* of the scores */
	int			nscores;
	double	   *scores;
	double		coverage;
	CsPredictionSpread spread;	/* of a number */
	double	   *shuffled;		/* see CsPredictionShuffle() */
	CsNewVersion stored;
} ValueTraining;

PG_FUNCTION_INFO_V1(custseg_train_value);

static const char *const target_sql =
"SELECT v.version, v.parameters OPERATOR(pg_catalog.->>) 'target' FROM custseg.model AS m "
"JOIN custseg.model_version AS v ON v.model OPERATOR(pg_catalog.=) m.name"
" AND v.version OPERATOR(pg_catalog.=) m.deployed_version "
"WHERE m.name OPERATOR(pg_catalog.=) $1";

/* For CsRequest.measures. */
static Size
FitMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const ValueTraining *v = t->judging;

	return CsTuningMemory(&v->tuning, nrows, ncolumns,
						  v->algorithm->leaves_out && !v->tuning.tunes ? 0 : v->options->folds);
}

/* Have the request train by an algorithm, with options and a preparation as json. */
static void
RequestAlgorithm(ValueTraining *v, const char *name, Jsonb *options, Jsonb *prep)
{
	CsRequest  *request = &v->request;

	v->algorithm = CsValueAlgorithmFind(name);
	v->options = palloc0(v->algorithm->options_size);
	CsOptionsParse(v->algorithm->options, v->algorithm->noptions, options, v->options);
	v->tuning.algorithm = v->algorithm;
	v->tuning.options = v->options;
	v->tuning.given = options;
	CsTuningCheck(&v->tuning);
	request->prep = CsValuePrep(prep, v->algorithm->prep);
	request->options = v->options;
	request->measures = FitMemory;
	request->judging = v;
}

/* Check and keep the arguments of train_value(). */
static void
ReadArguments(FunctionCallInfo fcinfo, ValueTraining *v)
{
	CsRequest  *request = &v->request;

	v->model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	CsModelCheckName(v->model);
	request->command = "custseg.train_value()";
	request->source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	request->outcome = CsRequiredText(fcinfo, ARG_TARGET, "target");
	request->features = CsArrayArgument(fcinfo, ARG_FEATURES);
	v->tuning.tunes = CsBoolArgument(fcinfo, ARG_TUNE, false);
	RequestAlgorithm(v, CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"), CsJsonbArgument(fcinfo, ARG_OPTIONS),
					 CsJsonbArgument(fcinfo, ARG_PREP));
	request->id = CsTextArgument(fcinfo, ARG_ID);
}

/* Fill the request with the arguments of retrain(): as the deployed version was trained. */
static void
ReadRepetition(FunctionCallInfo fcinfo, ValueTraining *v)
{
	CsRequest  *request = &v->request;
	const CsPredictor *deployed = CsCacheGetOfKind(CS_PREDICTOR_KINDS, v->model, 0);
	int			version = CsCacheVersion(deployed);
	CsRepetition r;

	CsCachePin(deployed, CurrentMemoryContext);
	r = CsRepetitionRead(fcinfo, v->model, version);
	request->command = "custseg.retrain()";
	request->relation = CsSourceOpenOf(v->model, version, CsTextArgument(fcinfo, CS_RETRAIN_SOURCE));
	request->outcome = pstrdup(NameStr(deployed->target));
	request->features = r.features;
	RequestAlgorithm(v, r.algorithm, r.options, r.prep);
	request->id = r.id;
}

/* Measure the model by what was predicted of rows unseen, and learn from it what is left to learn. */
static void
Measure(ValueTraining *v, double *predicted)
{
	bool		calibrates = v->p.is_probability && !v->algorithm->is_calibrated;

	if (calibrates)
	{
		CsIsotonic	isotonic = CsPredictionIsotonic(&v->p, predicted, -1);

		v->fit.model = CsValueModelCalibrate(v->fit.model, isotonic.n, isotonic.predicted, isotonic.probability);
		CsPredictionCalibrate(&v->p, predicted);
	}
	v->measures = CsPredictionMeasure(&v->p, predicted, -1);
	v->calibration = CsPredictionCalibration(&v->p, predicted);
	v->coverage = NAN;
	if (!v->p.is_probability)
	{
		v->spread = CsPredictionSpreads(&v->p, predicted);
		v->scores = CsPredictionScores(&v->p, predicted, &v->ratios, &v->nscores, &v->coverage);
	}
}

/* Take the options of the best trial.  Returns the team, which is another one. */
static CsTeam *
Tune(ValueTraining *v, CsTraining *t, CsTeam *team)
{
	CsTeamEnd(team);
	CsTuningRun(&v->p, &v->tuning);
	v->options = v->tuning.trials[v->tuning.best].options;
	return CsTeamStart(t->arena, CsTeamWorkersFor(t->nrows * t->nfeatures));
}

/* Fit the model to all rows, and measure it by rows unseen. */
static void
Fit(ValueTraining *v, CsTraining *t, CsTeam *team)
{
	int			predicted;

	CsPredictionStart(&v->p, t, v->options->folds);
	CsPredictionWarnOfLeaks(&v->p);
	if (v->algorithm->is_of_trees)
		CsValueWarnFloats(t->matrix, t->arena, v->p.columns);
	if (v->tuning.tunes)
		team = Tune(v, t, team);
	CsPredictionFit(&v->p, team, v->algorithm, v->options, &v->fit);
	CsProgressPhase(CS_PHASE_SCORING);
	v->out_of_bag = v->fit.left_out >= 0;
	predicted = v->out_of_bag ? v->fit.left_out :
		CsPredictionLeaveOut(&v->p, team, v->algorithm, v->options);
	v->shuffled = CsPredictionShuffle(&v->p, team, v->fit.model);
	CsTeamEnd(team);
	Measure(v, CsArenaAddress(t->arena, predicted));
	/* to make room for storing */
	CsMatrixFree(t->matrix, t->arena);
}

/* The measures of the version. */
static Jsonb *
Metrics(const ValueTraining *v)
{
	JsonbParseState *json = NULL;
	const CsPredictionMeasures *m = &v->measures;

	CsJsonObject(&json, NULL);
	CsJsonText(&json, "measured_on", v->out_of_bag ? "trees that have not seen the row" : "other folds");
	if (v->p.is_probability)
	{
		CsJsonNumber(&json, "auc", m->auc);
		CsJsonNumber(&json, "log_loss", m->log_loss);
		CsJsonNumber(&json, "brier", m->brier);
	}
	else
	{
		CsJsonNumber(&json, "r2", m->r2);
		CsJsonNumber(&json, "rmse", m->rmse);
		CsJsonNumber(&json, "mae", m->mae);
		CsJsonNumber(&json, "coverage", v->coverage);
		CsPredictorPushSpread(&json, &v->spread);
	}
	CsJsonNumber(&json, "bias", v->calibration.bias);
	CsJsonNumber(&json, "bias_deviation", v->calibration.deviation);
	CsJsonNumber(&json, "squared_error_deviation", v->calibration.squares_deviation);
	CsJsonNumber(&json, "slope", v->calibration.slope);
	CsJsonNumber(&json, "slope_error", v->calibration.slope_error);
	CsJsonNumber(&json, "intercept", v->calibration.intercept);
	if (!isnan(v->fit.log_likelihood))
		CsJsonNumber(&json, "log_likelihood", v->fit.log_likelihood);
	if (v->tuning.tunes)
		CsTuningPush(&json, &v->p, &v->tuning);
	CsJsonNumber(&json, "read_milliseconds", v->p.t->read_milliseconds);
	CsJsonNumber(&json, "prepare_milliseconds", v->p.t->prepare_milliseconds);
	return CsJsonFinish(&json);
}

/* Store the version. */
static void
Store(ValueTraining *v, CsTraining *t)
{
	CsPredictorParts parts = {NameStr(t->outcome->name), v->fit.model, v->fit.errors, t->nfeatures, v->shuffled,
	v->ratios, v->nscores, v->scores};
	CsNewVersion *stored = &v->stored;

	CsProgressPhase(CS_PHASE_STORING);
	CsDescribeVersion(t, stored);
	stored->model = v->model;
	stored->kind = v->p.is_probability ? CS_MODEL_PROBABILITY : CS_MODEL_VALUE;
	stored->algorithm = v->algorithm->name;
	stored->options = CsOptionsToJsonb(v->algorithm->options, v->algorithm->noptions, v->options);
	stored->parameters.json = CsPredictorParameters(&parts);
	stored->note = v->fit.note;
	stored->metrics = Metrics(v);
	stored->iterations = v->fit.iterations;
	stored->converged = v->fit.converged;
	stored->milliseconds = CsMillisecondsSince(t->start);
	SPI_connect();
	CsVersionBegin(stored);
	CsStoreFeatures(stored, t->pipeline, t->baselines);
	CsVersionEnd(stored);
	SPI_finish();
}

/* CsCatalogVisitor: say it where the deployed version, which is the row, predicts something else. */
static void
TellOfTarget(void *state, const CsCatalogRow *row)
{
	const CsTraining *t = state;
	const char *target = CsRowText(row, 2);

	if (target != NULL && strcmp(target, NameStr(t->outcome->name)) != 0)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\", which is deployed, predicts \"%s\", not \"%s\"",
						CsRowInt4(row, 1, 0), t->model, target, NameStr(t->outcome->name)),
				 errhint("Versions replace each other: train another model for another target.")));
}

/* Tell the user what the model is not. */
static void
WarnAboutFit(const ValueTraining *v)
{
	double		of_mean;

	if (v->tuning.tunes)
		CsTuningTell(&v->p, &v->tuning);
	CsPredictionWarnOfPerfection(&v->p, &v->measures);
	if (v->fit.note != NULL)
		ereport(NOTICE, (errmsg_internal("%s", v->fit.note)));
	if (!v->fit.converged)
		ereport(WARNING,
				(errmsg("training did not converge in %d iterations", v->fit.iterations),
				 errhint("Raise max_iter: options => '{\"max_iter\": %d}', or give \"ridge\".", 2 * v->fit.iterations)));
	if (CsPredictionTellsNothing(&v->p, v->measures.r2, v->measures.log_loss, &of_mean))
		ereport(WARNING,
				(errmsg("predictions of rows that the model has not seen are no better than the mean"),
				 v->p.is_probability ?
				 errdetail("Their log loss is %.3f, and that of the mean is %.3f.", v->measures.log_loss, of_mean) :
				 errdetail("Their R2 is %.3f.", v->measures.r2),
				 errhint("The features do not tell target column \"%s\": look for others.",
						 NameStr(v->p.t->outcome->name))));
	CsVersionTellWaiting(&v->stored);
}

/* The row that train_value() returns, in CurrentMemoryContext. */
static Datum
ResultRow(FunctionCallInfo fcinfo, const ValueTraining *v)
{
	const CsNewVersion *s = &v->stored;
	const CsPredictionMeasures *m = &v->measures;

	return CsResultRow(fcinfo, CsValues(CsValueText(s->model),
										CsValueInt4(s->version),
										CsValueText(CsModelKinds[s->kind].name),
										CsValueText(s->algorithm),
										CsValueInt8(s->n_rows),
										CsValueInt8(s->n_skipped),
										CsValueFloat8(m->r2),
										CsValueFloat8(m->rmse),
										CsValueFloat8(m->mae),
										CsValueFloat8(m->auc),
										CsValueFloat8(m->log_loss),
										CsValueFloat8(m->brier),
										CsValueFloat8(v->coverage),
										CsValueInt4(s->iterations),
										CsValueBool(s->converged),
										CsValueBool(s->deployed),
										CsValueFloat8(s->milliseconds)));
}

/* Train as the request says; returns the row that "result_row" makes. */
static Datum
Train(FunctionCallInfo fcinfo, ValueTraining *v, Datum (*result_row) (FunctionCallInfo, const ValueTraining *))
{
	CsTraining *t = CsTrainingOpen(&v->request);
	CsTeam	   *team;
	Datum		row;

	CsPredictionCheckSuits(t, v->algorithm);
	(void) CsVersionCheckName(v->model, t->outcome->converter.kind == CS_BOOLEAN ? CS_MODEL_PROBABILITY : CS_MODEL_VALUE);
	t->model = v->model;
	CsCatalogRead(target_sql, CsValues(CsValueText(t->model)), TellOfTarget, t);
	team = CsTrainingPrepare(t);
	Fit(v, t, team);
	Store(v, t);
	WarnAboutFit(v);

	MemoryContextSwitchTo(t->caller);
	row = result_row(fcinfo, v);
	CsTrainingClose(t);
	return row;
}

/*
 * train_value(model, source, target, features, algorithm, id, prep, options, deploy, tune)
 */
Datum
custseg_train_value(PG_FUNCTION_ARGS)
{
	ValueTraining v = {{0}};
	Datum		row;

	CsRequireWritable("custseg.train_value()");
	PushActiveSnapshot(GetTransactionSnapshot());
	ReadArguments(fcinfo, &v);
	v.stored.deploy = CsDeployArgument(fcinfo, ARG_DEPLOY);
	row = Train(fcinfo, &v, ResultRow);
	PopActiveSnapshot();
	return row;
}

/* The row that retrain() returns. */
static Datum
RetrainRow(FunctionCallInfo fcinfo, const ValueTraining *v)
{
	return CsRetrainRow(fcinfo, &v->stored);
}

/* CsRetrain, of a model of a value or a probability. */
Datum
CsRetrainValue(FunctionCallInfo fcinfo, char *model)
{
	ValueTraining v = {.model = model};
	Datum		row;

	PushActiveSnapshot(GetTransactionSnapshot());
	(void) CsVersionCheckName(model, CsModelKindOf(model));
	ReadRepetition(fcinfo, &v);
	v.stored.deploy = CsDeployArgument(fcinfo, CS_RETRAIN_DEPLOY);
	row = Train(fcinfo, &v, RetrainRow);
	PopActiveSnapshot();
	return row;
}
