/*
 * outcomes.c
 *	  Do predictions hold: outcome_calibration(), and record_outcomes(), which keeps what it finds.
 *
 * Bias, errors and slope are compared with those that the training measured on rows which its models had
 * not seen.  A verdict needs a difference that chance does not give, after Bonferroni over what is
 * compared, and one that matters.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "call/options.h"
#include "catalog/pg_type.h"
#include "score/score.h"
#include "math/math.h"
#include "stat/calibration.h"
#include "stat/prediction.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "value/outcomes.h"
#include "value/predictor.h"

/* True outcomes, and false ones, that must be expected before a verdict. */
#define FEWEST_EXPECTED 10

/* Rows that are written at a time. */
#define BATCH 4096

typedef struct OutcomesOptions
{
	int			min_rows;
	double		significance;	/* an adjusted p below it counts */
	char	   *predicted;		/* column */
} OutcomesOptions;

static const CsOption outcomesOptions[] = {
	{"min_rows", CS_OPTION_INT, offsetof(OutcomesOptions, min_rows), 100, 30, PG_INT32_MAX},
	{"significance", CS_OPTION_REAL, offsetof(OutcomesOptions, significance), 0.05, 1e-10, 0.5},
	{"predicted", CS_OPTION_TEXT, offsetof(OutcomesOptions, predicted)}
};

/* From which size a change matters: "watch" and "drifted". */
typedef struct Limits
{
	double		watch,
				drifted;
} Limits;

/*
 * By kind of model.  Of purchases, whose models are rougher, bias is a share of what was predicted.
 * Probabilities that were calibrated on few rows have slopes that are off by some.
 */
static const Limits limits[CS_MODEL_KINDS][CS_CALIBRATION_ASPECTS] = {
	[CS_MODEL_PURCHASES] = {
		[CS_CALIBRATION_BIAS] = {0.1, 0.25},
		[CS_CALIBRATION_SLOPE] = {0.2, 0.5},
		[CS_CALIBRATION_COVERAGE] = {0.05, 0.15}
	},
	[CS_MODEL_VALUE] = {
		[CS_CALIBRATION_BIAS] = {0.1, 0.25},
		[CS_CALIBRATION_ERROR] = {0.1, 0.25},
		[CS_CALIBRATION_SLOPE] = {0.1, 0.25},
		[CS_CALIBRATION_COVERAGE] = {0.03, 0.1}
	},
	[CS_MODEL_PROBABILITY] = {
		[CS_CALIBRATION_BIAS] = {0.1, 0.25},
		[CS_CALIBRATION_ERROR] = {0.1, 0.25},
		[CS_CALIBRATION_SLOPE] = {0.3, 0.5}
	}
};

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_OUTCOME, ARG_ID, ARG_OPTIONS, ARG_VERSION
};

/* Columns of outcome_calibration_result. */
#define NCOLUMNS 29

static const char *const training_sql =
"SELECT v.n_rows, v.metrics, v.source FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* The columns in their order; the last one, the number of the run, is taken. */
static const char *const insert_run_sql =
"INSERT INTO custseg.outcome_run VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
" $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34) RETURNING *";

static const char *const insert_outcomes_sql =
"INSERT INTO custseg.outcome SELECT $1, $2, $3, u.customer, u.predicted,"
" CASE WHEN u.low OPERATOR(pg_catalog.<>) 'NaN' THEN u.low END,"
" CASE WHEN u.high OPERATOR(pg_catalog.<>) 'NaN' THEN u.high END, u.actual,"
" ($4 OPERATOR(pg_catalog.+) u.position)::pg_catalog.int4 "
"FROM ROWS FROM (pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8),"
" pg_catalog.unnest($9)) WITH ORDINALITY AS u (customer, predicted, low, high, actual, position)";

PG_FUNCTION_INFO_V1(custseg_outcome_calibration);
PG_FUNCTION_INFO_V1(custseg_record_outcomes);

/* A call. */
typedef struct Call
{
	CsOutcomesRequest request;
	OutcomesOptions options;
	CsOutcomes	outcomes;
	CsCalibration now;
	CsPredictionMeasures measures;
	char	   *source;			/* of the version */
	CsCalibration then;			/* of the training; n is 0 for purchases */
	CsPredictionMeasures measured;	/* in the training */
	CsCalibrationChange changes[CS_CALIBRATION_ASPECTS];
	double		p,
				p_adjusted;
	CsFinding	finding;
} Call;

/* A number of the metrics of a version; NaN when there is none. */
static double
MetricOf(Jsonb *metrics, const char *key)
{
	JsonbValue	value;
	double		number;

	return CsJsonFind(&metrics->root, key, &value) && CsJsonGetNumber(&value, &number) ? number : NAN;
}

/* CsCatalogVisitor: what the training measured. */
static void
TakeTraining(void *state, const CsCatalogRow *row)
{
	Call	   *c = state;
	Jsonb	   *metrics = CsRowJsonb(row, 2);
	CsPredictionMeasures *m = &c->measured;

	c->source = CsRowText(row, 3);
	*m = (CsPredictionMeasures) {
		.n = CsRowInt8(row, 1, 0),.r2 = NAN,.rmse = NAN,.mae = NAN,.auc = NAN,.log_loss = NAN,.brier = NAN
	};
	if (c->request.kind == CS_MODEL_PURCHASES)
		return;
	m->rmse = MetricOf(metrics, "rmse");
	m->mae = MetricOf(metrics, "mae");
	m->auc = MetricOf(metrics, "auc");
	m->log_loss = MetricOf(metrics, "log_loss");
	m->brier = MetricOf(metrics, "brier");
	c->then = (CsCalibration) {
		.n = m->n,
		.bias = MetricOf(metrics, "bias"),.deviation = MetricOf(metrics, "bias_deviation"),
		.squares = isnan(m->brier) ? m->rmse * m->rmse : m->brier,
		.squares_deviation = MetricOf(metrics, "squared_error_deviation"),
		.slope = MetricOf(metrics, "slope"),.slope_error = MetricOf(metrics, "slope_error")
	};
}

/* Read the arguments, and the version that they name. */
static void
ReadArguments(FunctionCallInfo fcinfo, Call *c)
{
	CsOutcomesRequest *request = &c->request;
	char	   *source = CsTextArgument(fcinfo, ARG_SOURCE);

	request->model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	CsOptionsArgument(fcinfo, ARG_OPTIONS, outcomesOptions, lengthof(outcomesOptions), &c->options);
	request->compiled = CsCacheGetOfKind(CS_MODEL_BIT(CS_MODEL_PURCHASES) | CS_PREDICTOR_KINDS, request->model,
										 CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(request->compiled, CurrentMemoryContext);
	request->version = CsCacheVersion(request->compiled);
	request->kind = CsModelKindOf(request->model);
	request->outcome = CsTextArgument(fcinfo, ARG_OUTCOME);
	request->id = CsTextArgument(fcinfo, ARG_ID);
	request->recorded = c->options.predicted;
	if (request->kind == CS_MODEL_PURCHASES &&
		(request->outcome != NULL || request->id != NULL || request->recorded != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"outcome\", \"id\" and option \"predicted\" are not for a model of purchases"),
				 errhint("What comes of its customers are the lines after those that the version knows: give the lines alone.")));
	if (request->outcome == NULL && request->kind != CS_MODEL_PURCHASES)
		request->outcome = pstrdup(NameStr(((const CsPredictor *) request->compiled)->target));
	if (CsCatalogRead(training_sql, CsValues(CsValueText(request->model), CsValueInt4(request->version)),
					  TakeTraining, c) != 1)
		CsReportDropped(request->model, request->version);
	request->relation = CsSourceOpenOf(request->model, request->version, source);
	if (source != NULL)
		c->source = request->relation->kept;
}

/* What a version that does not tell what its training measured is compared with: predictions that hold. */
static void
FillThen(Call *c)
{
	CsCalibration *then = &c->then;

	if (isnan(then->bias) || isnan(then->deviation))
	{
		then->bias = 0;
		then->deviation = c->now.deviation;
	}
	if (isnan(then->squares) || isnan(then->squares_deviation))
	{
		then->squares = isnan(then->squares) ? c->now.squares : then->squares;
		then->squares_deviation = c->now.squares_deviation;
	}
	if (isnan(then->slope) || isnan(then->slope_error))
	{
		then->slope = 1;
		then->slope_error = 0;
	}
	then->n = Max(then->n, 2);
}

/* Compare now with then. */
static void
Compare(Call *c)
{
	const CsOutcomes *o = &c->outcomes;

	if (c->request.kind == CS_MODEL_PURCHASES)
	{
		for (int i = 0; i < CS_CALIBRATION_ASPECTS; i++)
			c->changes[i] = (CsCalibrationChange) {NAN, NAN};
		c->changes[CS_CALIBRATION_BIAS] = CsTotalsCompare(&c->now, o->rate_error);
		c->changes[CS_CALIBRATION_SLOPE] = CsSlopeCompare(&c->now, o->rate_error);
	}
	else
	{
		FillThen(c);
		CsCalibrationCompare(&c->now, &c->then, c->changes);
	}
	if (o->n_intervals > 0)
		c->changes[CS_CALIBRATION_COVERAGE] =
			CsCoverageCompare(o->n_intervals, o->n_covered, CS_OUTCOME_CONFIDENCE, o->nscores);
	c->p = CsChangesAdjust(c->changes, &c->p_adjusted);
}

/* Say what is so of an aspect. */
static void
Tell(Call *c, CsVerdict verdict, CsCalibrationAspect aspect)
{
	const CsCalibration *now = &c->now;
	const char *then = c->request.kind == CS_MODEL_PURCHASES ? "where 1 is right" :
		psprintf("against %.2f in training", c->then.slope);

	switch (aspect)
	{
		case CS_CALIBRATION_BIAS:
			CsFindingAdd(&c->finding, verdict, "outcomes are %s than predicted: %s on average, where %s was predicted",
						 now->bias > 0 ? "higher" : "lower", CsWordsNumber(now->mean_actual),
						 CsWordsNumber(now->mean_predicted));
			break;
		case CS_CALIBRATION_ERROR:
			CsFindingAdd(&c->finding, verdict, "predictions are farther off: their root mean squared error is %s, against %s in training",
						 CsWordsNumber(sqrt(now->squares)), CsWordsNumber(sqrt(c->then.squares)));
			break;
		case CS_CALIBRATION_SLOPE:
			CsFindingAdd(&c->finding, verdict, "outcomes differ by %.2f where predictions differ by 1, %s",
						 now->slope, then);
			break;
		default:
			CsFindingAdd(&c->finding, verdict, "%s of the outcomes lie in intervals that should hold %s",
						 CsWordsPercent((double) c->outcomes.n_covered / (double) c->outcomes.n_intervals),
						 CsWordsPercent(CS_OUTCOME_CONFIDENCE));
	}
}

/* Why there is too little to judge by; NULL when there is enough. */
static const char *
Lack(const Call *c)
{
	const CsOutcomes *o = &c->outcomes;
	double		expected = c->now.mean_predicted * (double) o->n;

	if (o->none != NULL)
		return o->none;
	if (o->n < c->options.min_rows)
		return psprintf("%lld outcomes are fewer than %d", (long long) o->n, c->options.min_rows);
	if (c->request.kind == CS_MODEL_PROBABILITY && Min(expected, (double) o->n - expected) < FEWEST_EXPECTED)
		return psprintf("of %lld outcomes so few are expected to be %s that nothing can be told", (long long) o->n,
						expected < FEWEST_EXPECTED ? "true" : "false");
	if (c->request.kind == CS_MODEL_PURCHASES && expected < FEWEST_EXPECTED)
		return psprintf("so few purchases are expected in %s that nothing can be told", CsWordsCount(o->days, "day", "days"));
	return NULL;
}

/* Judge what was read. */
static void
Judge(Call *c)
{
	const Limits *limit = limits[c->request.kind];
	const char *lack;

	CsFindingInit(&c->finding);
	c->p = c->p_adjusted = NAN;
	lack = Lack(c);
	if (lack != NULL)
	{
		CsFindingAdd(&c->finding, CS_VERDICT_INSUFFICIENT, "%s", lack);
		return;
	}
	Compare(c);
	for (int i = 0; i < CS_CALIBRATION_ASPECTS; i++)
	{
		double		size = fabs(c->changes[i].effect);

		if (!(c->changes[i].p < c->options.significance) || !(size >= limit[i].watch))
			continue;
		Tell(c, size >= limit[i].drifted ? CS_VERDICT_DRIFTED : CS_VERDICT_WATCH, (CsCalibrationAspect) i);
	}
	CsFindingDefault(&c->finding, "predictions hold: %s on average, where %s was predicted",
					 CsWordsNumber(c->now.mean_actual), CsWordsNumber(c->now.mean_predicted));
}

/* Read the outcomes, and judge. */
static void
Make(Call *c)
{
	CsOutcomes *o = &c->outcomes;

	CsOutcomesRead(&c->request, o);
	c->now = (CsCalibration) {0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	if (o->n > 0)
		c->now = CsCalibrate(o->n, o->actual, o->predicted);
	c->measures = c->request.kind == CS_MODEL_PROBABILITY ? CsMeasureProbabilities(o->n, o->actual, o->predicted) :
		CsMeasureNumbers(o->n, o->actual, o->predicted);
	Judge(c);
}

/* The columns of the result; row[NCOLUMNS]. */
static void
FillRow(const Call *c, CsValue *row)
{
	const CsCalibration *now = &c->now;
	const CsOutcomes *o = &c->outcomes;
	double		reach = CS_INTERVAL_SDS * now->deviation / sqrt((double) Max(o->n, 1));
	int			i = 0;

	row[i++] = CsValueInt8(o->n);
	row[i++] = CsValueInt8(o->n_pending);
	row[i++] = CsValueInt8(o->n_unpredicted);
	row[i++] = o->days > 0 ? CsValueInt4(o->days) : CsValueNull(INT4OID);
	row[i++] = CsValueFloat8(now->mean_predicted);
	row[i++] = CsValueFloat8(now->mean_actual);
	row[i++] = CsValueFloat8(now->bias);
	row[i++] = CsValueFloat8(now->bias - reach);
	row[i++] = CsValueFloat8(now->bias + reach);
	row[i++] = CsValueFloat8(now->slope);
	row[i++] = CsValueFloat8(now->slope - CS_INTERVAL_SDS * now->slope_error);
	row[i++] = CsValueFloat8(now->slope + CS_INTERVAL_SDS * now->slope_error);
	row[i++] = CsValueFloat8(now->intercept);
	row[i++] = CsValueFloat8(c->measures.rmse);
	row[i++] = CsValueFloat8(c->measured.rmse);
	row[i++] = CsValueFloat8(c->measures.mae);
	row[i++] = CsValueFloat8(c->measured.mae);
	row[i++] = CsValueFloat8(c->measures.auc);
	row[i++] = CsValueFloat8(c->measured.auc);
	row[i++] = CsValueFloat8(c->measures.log_loss);
	row[i++] = CsValueFloat8(c->measured.log_loss);
	row[i++] = CsValueFloat8(c->measures.brier);
	row[i++] = CsValueFloat8(c->measured.brier);
	row[i++] = CsValueFloat8(o->n_intervals > 0 ? CS_OUTCOME_CONFIDENCE : NAN);
	row[i++] = CsValueFloat8(o->n_intervals > 0 ? (double) o->n_covered / (double) o->n_intervals : NAN);
	row[i++] = CsValueFloat8(c->p);
	row[i++] = CsValueFloat8(c->p_adjusted);
	row[i++] = CsFindingVerdict(&c->finding);
	row[i++] = CsFindingReason(&c->finding);
	Assert(i == NCOLUMNS);
}

/* outcome_calibration(model, source, outcome, id, options, version) */
Datum
custseg_outcome_calibration(PG_FUNCTION_ARGS)
{
	Call		c = {{NULL}};
	CsValue		row[NCOLUMNS];

	ReadArguments(fcinfo, &c);
	Make(&c);
	FillRow(&c, row);
	return CsResultRow(fcinfo, row, NCOLUMNS);
}

/* Write the outcomes of a run; inside SPI. */
static void
StoreOutcomes(const Call *c, int64 run)
{
	const CsOutcomes *o = &c->outcomes;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg stored outcomes",
												  ALLOCSET_DEFAULT_SIZES);

	for (int64 at = 0; at < o->n; at += BATCH)
	{
		int			n = (int) Min(BATCH, o->n - at);
		MemoryContext old = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		CsCatalogExecute(insert_outcomes_sql,
						 CsValues(CsValueText(c->request.model), CsValueInt8(run), CsValueInt4(c->request.version),
								  CsValueInt8(at), CsValueTexts((const char *const *) o->customer + at, n),
								  CsValueNumbers(o->predicted + at, n), CsValueNumbers(o->low + at, n),
								  CsValueNumbers(o->high + at, n), CsValueNumbers(o->actual + at, n)), false);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

/* Write a run; its row becomes the result. */
static Datum
Store(FunctionCallInfo fcinfo, const Call *c)
{
	CsValue		arguments[5 + NCOLUMNS];
	Datum		row;
	bool		isnull;
	int64		run;

	CsModelLock(c->request.model);
	SPI_connect();
	CsVersionHold(c->request.model, c->request.version);
	CsModelCheckOwner(c->request.model);
	arguments[0] = CsValueText(c->request.model);
	arguments[1] = CsValueInt4(c->request.version);
	arguments[2] = CsValueText(c->source);
	arguments[3] = CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()), false);
	arguments[4] = CsValueName(CsCallerName());
	FillRow(c, arguments + 5);
	CsCatalogExecute(insert_run_sql, arguments, lengthof(arguments), false);
	row = CsFoundRow(fcinfo);
	run = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, lengthof(arguments) + 1, &isnull));
	StoreOutcomes(c, run);
	SPI_finish();
	return row;
}

/* record_outcomes(model, source, outcome, id, options, version) */
Datum
custseg_record_outcomes(PG_FUNCTION_ARGS)
{
	Call		c = {{NULL}};

	CsRequireWritable("custseg.record_outcomes()");
	c.request.keeps = true;
	ReadArguments(fcinfo, &c);
	CsModelCheckOwner(c.request.model);
	Make(&c);
	return Store(fcinfo, &c);
}
