/*
 * train_purchases.c
 *	  train_purchases(): from lines of orders to a new version of a model of repeat purchases.
 *
 * The source is read once for the fit, and once for each of two holdouts, in one snapshot; nothing is
 * written before the version is complete.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "call/text_value.h"
#include "life/life.h"
#include "portability/instr_time.h"
#include "progress.h"
#include "train/train.h"
#include "utils/builtins.h"
#include "value/holdout_periods.h"
#include "value/worth.h"
#include "value/worth_errors.h"

/* Parts of the time before that a holdout leaves to learn from, at least: as many of its own halves. */
#define LEARNING_HALVES 1

#define DEFAULT_HOLDOUT 90

static const char *const aliveNames[] = {"mbg_nbd", "own", NULL};

const CsOption CsPurchasesOptionTable[CS_PURCHASES_OPTIONS] = {
	{"unit", CS_OPTION_CHOICE, offsetof(CsPurchasesOptions, unit), CS_UNIT_WEEK, 0, 0, CsPurchaseUnitNames},
	{"returns", CS_OPTION_CHOICE, offsetof(CsPurchasesOptions, returns), CS_RETURNS_NET, 0, 0, CsPurchaseReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(CsPurchasesOptions, time_zone)},
	{"holdout", CS_OPTION_TEXT, offsetof(CsPurchasesOptions, holdout)},
	{"alive", CS_OPTION_CHOICE, offsetof(CsPurchasesOptions, alive), 0, 0, 0, aliveNames}
};

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_AS_OF, ARG_ALGORITHM, ARG_OPTIONS,
	ARG_DEPLOY
};

PG_FUNCTION_INFO_V1(custseg_train_purchases);

typedef struct Training
{
	CsNewVersion stored;
	CsPurchasesOptions options;
	CsWorthAlgorithm algorithm;
	CsPeriod	period;
	DateADT		earliest;		/* line */
	CsWorthFit	fit;
	CsWorthVersion version;
	int			holdout_days;	/* 0: none */
	bool		has_holdout;
	CsHoldout	holdout;
	const char *verdict;
	StringInfoData reason;
	instr_time	start;
	double		read_milliseconds,
				fit_milliseconds;
} Training;

/* The algorithm of that name. */
static CsWorthAlgorithm
ReadAlgorithm(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; CsWorthAlgorithms[i] != NULL; i++)
	{
		if (strcmp(CsWorthAlgorithms[i], name) == 0)
			return (CsWorthAlgorithm) i;
		CsAppendName(&known, CsWorthAlgorithms[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("algorithm \"%s\" does not exist", name),
			 errdetail("Algorithms of purchases are %s.", known.data)));
	return CS_WORTH_AUTO;		/* not reached */
}

/* Days from the first line to "as of" that are left to learn from before so many. */
static bool
LeavesEnough(const Training *t, int days, int holdout)
{
	return 2 * (t->period.request.cut[0] - days - t->earliest) > LEARNING_HALVES * holdout;
}

/* How many days are held out; an error unless that can be done as asked. */
static int
HoldoutDays(const Training *t)
{
	const char *asked = t->options.holdout;
	double		days;

	if (asked == NULL)
		return LeavesEnough(t, DEFAULT_HOLDOUT, DEFAULT_HOLDOUT) ? DEFAULT_HOLDOUT : 0;
	if (strcmp(asked, "none") == 0)
		return 0;
	days = CsIntervalDays(CsIntervalOption("holdout", asked, "90 days"));
	if (!(days >= 1 && days <= PG_INT16_MAX) || !LeavesEnough(t, (int) rint(days), (int) rint(days)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"holdout\" must be an interval of a day or more that leaves time to learn from, not %s", asked),
				 errdetail("There are %d days from the first line to the day that customers are seen as of.",
						   t->period.request.cut[0] - t->earliest),
				 errhint("Write \"90 days\", a shorter interval, or \"none\".")));
	return (int) rint(days);
}

/* Resolve the columns of the lines, and the day that customers are seen as of: NULL is that of the latest line. */
static void
OpenLines(Training *t, CsRelation *source, const char *customer, const char *time, const char *amount,
		  const NullableDatum *as_of)
{
	CsPurchasesRequest *r = &t->period.request;

	CsPurchasesColumns(r, source, customer, time, amount);
	r->returns = t->options.returns;
	r->zone = CsOrdersZone(t->options.time_zone);
	t->options.time_zone = pstrdup(pg_get_timezone_name(r->zone));
	CsPurchasesAsOfDay(r, as_of, &t->earliest);
	t->period.data.unit = CsPurchaseUnitDays((CsPurchaseUnit) t->options.unit);
	t->holdout_days = HoldoutDays(t);
}

/* Read and check the arguments of train_purchases(). */
static void
ReadArguments(FunctionCallInfo fcinfo, Training *t)
{
	char	   *source;

	t->stored.model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	t->stored.deploy = CsDeployArgument(fcinfo, ARG_DEPLOY);
	(void) CsVersionCheckName(t->stored.model, CS_MODEL_PURCHASES);
	source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	t->algorithm = ReadAlgorithm(CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"));
	CsOptionsArgument(fcinfo, ARG_OPTIONS, CsPurchasesOptionTable, CS_PURCHASES_OPTIONS, &t->options);
	OpenLines(t, CsRelationOpen(source), CsTextArgument(fcinfo, ARG_CUSTOMER), CsTextArgument(fcinfo, ARG_TIME),
			  CsTextArgument(fcinfo, ARG_AMOUNT), &fcinfo->args[ARG_AS_OF]);
}

/* The arguments of retrain(): as the deployed version was trained, but as of the latest line. */
static void
ReadRepetition(FunctionCallInfo fcinfo, Training *t)
{
	const char *model = t->stored.model;
	const CsWorthVersion *deployed;
	CsRepetition r;
	int			version;

	(void) CsVersionCheckName(model, CS_MODEL_PURCHASES);
	t->stored.deploy = CsDeployArgument(fcinfo, CS_RETRAIN_DEPLOY);
	deployed = CsWorthGet(model, 0);
	CsCachePin(deployed, CurrentMemoryContext);
	version = CsCacheVersion(deployed);
	r = CsRepetitionRead(fcinfo, model, version);
	t->algorithm = (CsWorthAlgorithm) deployed->algorithm;
	CsOptionsParse(CsPurchasesOptionTable, CS_PURCHASES_OPTIONS, r.options, &t->options);
	OpenLines(t, CsSourceOpenOf(model, version, CsTextArgument(fcinfo, CS_RETRAIN_SOURCE)),
			  NameStr(deployed->customer), NameStr(deployed->time),
			  NameStr(deployed->amount)[0] == '\0' ? NULL : NameStr(deployed->amount),
			  &(NullableDatum) {.isnull = true});
}

/* Which algorithm fits the model that was chosen. */
static CsWorthAlgorithm
ChosenAlgorithm(const Training *t)
{
	return ReadAlgorithm(t->fit.purchases.model->name);
}

/* Fit, judge, and look back. */
static void
Fit(Training *t)
{
	instr_time	start;

	CsProgressPhase(CS_PHASE_READING);
	CsPeriodRead(&t->period);
	t->read_milliseconds = CsMillisecondsSince(t->start);
	if (t->period.n_repeat == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("nobody of %s bought on more than one day", t->period.request.relation->description),
				 errdetail("There are %lld customers.", (long long) t->period.data.n),
				 errhint("Give lines over a longer time, or another column of the customer.")));
	CsProgressPhase(CS_PHASE_ITERATING);
	INSTR_TIME_SET_CURRENT(start);
	CsWorthFitModel(&t->period, t->algorithm, t->options.alive == 1, &t->fit);
	t->fit_milliseconds = CsMillisecondsSince(start);
	t->verdict = CsWorthVerdict(&t->period, &t->fit, &t->reason);
	CsProgressPhase(CS_PHASE_SCORING);
	CsProgressHold(true);
	if (t->holdout_days > 0)
		t->has_holdout = CsHoldoutPeriods(&t->period, ChosenAlgorithm(t), t->holdout_days,
										  LeavesEnough(t, 2 * t->holdout_days, t->holdout_days),
										  &t->holdout, &t->version.ratios);
	CsProgressHold(false);
	if (t->has_holdout)
		appendStringInfo(&t->reason, " In the last %d days %.0f purchases were predicted, and %.0f came.",
						 t->holdout_days, t->holdout.purchases.predicted, t->holdout.purchases.actual);
}

/* What scoring needs. */
static Jsonb *
Parameters(Training *t)
{
	CsWorthVersion *v = &t->version;
	const CsPurchasesRequest *r = &t->period.request;

	v->algorithm = t->algorithm;
	v->as_of = r->cut[0];
	v->model = t->fit.model;
	v->unit = t->options.unit;
	v->customer = r->customer->name;
	v->time = r->time->name;
	if (r->amount != NULL)
		v->amount = r->amount->name;
	v->returns = r->returns;
	strlcpy(v->zone, pg_get_timezone_name(r->zone), sizeof(v->zone));
	v->interval_days = t->has_holdout ? t->holdout_days : 0;
	return CsWorthParameters(v);
}

/* What is kept of the training. */
static Jsonb *
Metrics(const Training *t)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	CsJsonText(&json, "verdict", t->verdict);
	CsJsonText(&json, "reason", t->reason.data);
	CsJsonText(&json, "as_of", CsDayWords(t->period.request.cut[0]));
	CsWorthPushFit(&json, &t->period, &t->fit);
	CsWorthErrorsPush(&json, &t->fit);
	if (t->has_holdout)
		CsHoldoutPush(&json, &t->holdout);
	CsJsonNumber(&json, "read_milliseconds", t->read_milliseconds);
	CsJsonNumber(&json, "fit_milliseconds", t->fit_milliseconds);
	return CsJsonFinish(&json);
}

/* Lines that were left out, by reason. */
static Jsonb *
Skipped(const CsPurchasesCounts *counts)
{
	static const char *const names[CS_LINE_REASONS] = {
		NULL, "customer is null", "time is null or infinite", "amount is null or not finite", "after as_of", "return"
	};
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	for (int i = CS_LINE_COUNTS + 1; i < CS_LINE_REASONS; i++)
		if (counts->lines[i] > 0)
			CsJsonInteger(&json, names[i], counts->lines[i]);
	return CsJsonFinish(&json);
}

/* Write the version. */
static void
Store(Training *t)
{
	CsNewVersion *v = &t->stored;
	JsonbParseState *none = NULL;

	CsProgressPhase(CS_PHASE_STORING);
	SPI_connect();
	CsJsonObject(&none, NULL);
	v->algorithm = t->fit.purchases.model->name;
	v->relation = t->period.request.relation;
	v->id = NameStr(t->period.request.customer->name);
	v->n_rows = t->period.data.n;
	for (int i = CS_LINE_COUNTS + 1; i < CS_LINE_REASONS; i++)
		v->n_skipped += t->period.counts.lines[i];
	v->skipped = Skipped(&t->period.counts);
	v->prep = CsJsonFinish(&none);
	v->options = CsOptionsToJsonb(CsPurchasesOptionTable, CS_PURCHASES_OPTIONS, &t->options);
	v->parameters.json = Parameters(t);
	v->metrics = Metrics(t);
	v->iterations = t->fit.purchases.iterations;
	v->converged = CsWorthHasConverged(&t->fit);
	v->milliseconds = CsMillisecondsSince(t->start);
	CsVersionBegin(v);
	CsVersionEnd(v);
	SPI_finish();
}

/* The row of train_purchases(). */
static Datum
ResultRow(FunctionCallInfo fcinfo, const Training *t)
{
	const CsNewVersion *v = &t->stored;
	double		aic = 2 * t->fit.purchases.model->n_parameters - 2 * t->fit.purchases.log_likelihood;

	return CsResultRow(fcinfo, CsValues(CsValueText(v->model), CsValueInt4(v->version),
										CsValueText(v->algorithm), CsValueInt8(t->period.data.n),
										CsValueInt8(t->period.n_repeat),
										CsValueFloat8(t->fit.purchases.log_likelihood), CsValueFloat8(aic),
										CsValueInt4(v->iterations), CsValueBool(v->converged),
										CsValueText(t->verdict), CsValueText(t->reason.data),
										CsValueBool(v->deployed), CsValueFloat8(v->milliseconds)));
}

/* Train as "read_arguments" fills the training. */
static void
Train(FunctionCallInfo fcinfo, Training *t, void (*read_arguments) (FunctionCallInfo, Training *))
{
	INSTR_TIME_SET_CURRENT(t->start);
	PushActiveSnapshot(GetTransactionSnapshot());
	initStringInfo(&t->reason);
	t->stored.kind = CS_MODEL_PURCHASES;
	read_arguments(fcinfo, t);
	CsProgressStart(t->stored.model);
	Fit(t);
	Store(t);
	CsPurchasesReport(&t->period.counts);
	CsWorthWarn(&t->period, &t->fit);
	CsVersionTellWaiting(&t->stored);
	CsProgressEnd();
	PopActiveSnapshot();
}

/* train_purchases(model, source, customer, time, amount, as_of, algorithm, options, deploy) */
Datum
custseg_train_purchases(PG_FUNCTION_ARGS)
{
	Training	t = {{0}};

	CsRequireWritable("custseg.train_purchases()");
	Train(fcinfo, &t, ReadArguments);
	return ResultRow(fcinfo, &t);
}

/* CsRetrain, of a model of purchases. */
Datum
CsRetrainPurchases(FunctionCallInfo fcinfo, char *model)
{
	Training	t = {.stored = {.model = model}};

	Train(fcinfo, &t, ReadRepetition);
	return CsRetrainRow(fcinfo, &t.stored);
}
