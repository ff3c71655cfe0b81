/*
 * holdout_periods.c
 *	  How well a model of purchases would have predicted the last part of the lines.
 *
 * The model is fitted to what was known before the last part, and its predictions are compared with what came.
 * The same is done for the part before: what came then, as a share of what was predicted, makes the intervals
 * whose coverage is measured on the last part.  The intervals that are kept are those of the last part.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "value/holdout_periods.h"
#include "value/worth_errors.h"

/* The confidence that coverage is told of. */
#define CONFIDENCE 0.9

/* Customers with so many repeats are told of together. */
#define MANY_REPEATS (CS_CALIBRATION_ROWS - 1)

/* Of more customers, variances are made up from some: at least so many. */
#define ENOUGH_FOR_VARIANCES 10000

#define ST_SORT SortRecords
#define ST_ELEMENT_TYPE CsPeriodRecord
#define ST_COMPARE(a, b) \
	((a)->repeats != (b)->repeats ? ((a)->repeats < (b)->repeats ? -1 : 1) : \
	 (a)->recency != (b)->recency ? ((a)->recency < (b)->recency ? -1 : 1) : \
	 (a)->age != (b)->age ? ((a)->age < (b)->age ? -1 : 1) : ((a)->mean > (b)->mean) - ((a)->mean < (b)->mean))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Predictions for all records: of purchases, and of what is worth an interval. */
typedef struct Predictions
{
	int64		n;
	CsOutcome  *purchases;
	int64		n_worth;
	CsOutcome  *worth;
} Predictions;

/* Predict what came of the customers; palloc'd. */
static Predictions
Predict(const CsPeriod *p, const CsWorthModel *m)
{
	CsHorizon	horizon = {.days = p->request.cut[0] - p->request.cut[1]};
	Size		size = mul_size(sizeof(CsOutcome), Max(p->n_records, 1));
	CsWorthMemory *memory = CsWorthRemember(m, &horizon, false);
	Predictions result = {.n = p->n_records};

	result.purchases = palloc_extended(size, MCXT_ALLOC_HUGE);
	result.worth = palloc_extended(size, MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < p->n_records; i++)
	{
		const CsPeriodRecord *r = &p->records[i];
		double		expected = CsWorthOfDays(memory, r->repeats, r->recency, r->age).purchases;
		double		worth = m->spend == CS_SPEND_NONE ? expected : expected * CsSpendOf(m, r->repeats, r->mean);

		CsCheckInterrupts(i);
		result.purchases[i] = (CsOutcome) {expected, r->later};
		if (worth > 0)
			result.worth[result.n_worth++] =
				(CsOutcome) {worth, m->spend == CS_SPEND_NONE ? r->later : r->later_amount};
	}
	return result;
}

/* Sums of predictions and outcomes by the number of repeats. */
static void
FillCalibration(const CsPeriod *p, const Predictions *predictions, CsHoldout *holdout)
{
	for (int64 i = 0; i < p->n_records; i++)
	{
		CsCalibrationRow *row = &holdout->calibration[Min(p->records[i].repeats, MANY_REPEATS)];

		row->n++;
		row->predicted += predictions->purchases[i].predicted;
		row->actual += predictions->purchases[i].actual;
	}
}

/* The errors of who predicts that customers go on as they did on average. */
static void
FillBaseline(const CsPeriod *p, CsHoldout *holdout)
{
	double		days = p->request.cut[0] - p->request.cut[1],
				sum = 0,
				squares = 0;

	for (int64 i = 0; i < p->n_records; i++)
	{
		const CsPeriodRecord *r = &p->records[i];
		double		error = (r->age == 0 ? 0 : r->repeats * days / r->age) - r->later;

		sum += fabs(error);
		squares += error * error;
	}
	holdout->baseline_mae = sum / (double) p->n_records;
	holdout->baseline_rmse = sqrt(squares / (double) p->n_records);
}

/*
 * The variances of the sums of what comes, as the model of a fit has them.  The records are ordered, so that equal
 * steps find the same customers however the rows lie.
 */
static void
FillVariances(CsPeriod *p, const CsWorthFit *fit, CsHoldout *holdout)
{
	CsHorizon	horizon = {.days = p->request.cut[0] - p->request.cut[1]};
	const CsWorthModel *m = &fit->model;
	CsWorthSum	sum = {0};
	CsWorthErrors errors;
	int64		step = Max(p->n_records / ENOUGH_FOR_VARIANCES, 1);
	double		times;

	CsWorthErrorsOfFit(&errors, fit);
	holdout->has_variance = errors.known[CS_WORTH_PURCHASES];
	if (!holdout->has_variance)
		return;
	SortRecords(p->records, p->n_records);
	for (int64 i = step / 2; i < p->n_records; i += step)
	{
		const CsPeriodRecord *r = &p->records[i];
		CsPurchaseHistory h = {r->repeats, r->recency / m->unit, r->age / m->unit};
		CsToCome	to_come = CsToComeOf(m, h.repeats, h.age, &horizon, true);

		CHECK_FOR_INTERRUPTS();
		CsWorthSumAdd(&sum, m, &h, &to_come, r->mean);
	}
	times = (double) p->n_records / (double) sum.n;
	holdout->variance = times * sum.part[CS_WORTH_PURCHASES].variance;
	holdout->value_variance = times * sum.part[CS_WORTH_VALUE].variance;
	holdout->parameter_variance = times * times *
		CsWorthParameterVariance(&sum.part[CS_WORTH_PURCHASES], &errors, CS_WORTH_PURCHASES);
	holdout->value_parameter_variance = times * times *
		CsWorthParameterVariance(&sum.part[CS_WORTH_VALUE], &errors, CS_WORTH_VALUE);
}

/* A period of the lines of another one, which ends so many days before and is followed by as many. */
static CsPeriod
PeriodBefore(const CsPeriod *whole, int end, int days)
{
	CsPeriod	p = {.request = whole->request};

	p.request.ncuts = 2;
	p.request.cut[0] = whole->request.cut[0] - end;
	p.request.cut[1] = p.request.cut[0] - days;
	p.data.unit = whole->data.unit;
	return p;
}

/*
 * Read a period and predict what came after it, by a model that is fitted to it; false, and nothing kept, where
 * too few bought again in it.
 */
static bool
PredictPeriod(CsPeriod *p, CsWorthAlgorithm algorithm, CsWorthFit *fit, Predictions *predictions)
{
	CsPeriodRead(p);
	if (p->n_repeat < CS_FEW_REPEAT || (p->request.amount != NULL && p->n_spend == 0))
	{
		CsPeriodFree(p);
		return false;
	}
	CsWorthFitModel(p, algorithm, true, fit);
	*predictions = Predict(p, &fit->model);
	return true;
}

/* Free predictions. */
static void
FreePredictions(Predictions *predictions)
{
	pfree(predictions->purchases);
	pfree(predictions->worth);
}

/*
 * Predict the last days of the lines of a period that ends with them, by the algorithm of its model, and
 * the same number of days before where "twice"; OUT what is found, and the ratios that intervals are made
 * of.  False where too few customers bought again before.
 */
bool
CsHoldoutPeriods(const CsPeriod *whole, CsWorthAlgorithm algorithm, int days, bool twice, CsHoldout *holdout,
				 CsRatios *ratios)
{
	CsPeriod	p;
	CsWorthFit	fit;
	Predictions predictions;
	bool		has_ratios = false;

	memset(holdout, 0, sizeof(CsHoldout));
	holdout->days = days;
	holdout->coverage = NAN;
	if (twice)
	{
		p = PeriodBefore(whole, days, days);
		has_ratios = PredictPeriod(&p, algorithm, &fit, &predictions);
		if (has_ratios)
		{
			CsRatiosLearn(ratios, predictions.worth, predictions.n_worth);
			FreePredictions(&predictions);
			CsPeriodFree(&p);
		}
	}
	p = PeriodBefore(whole, 0, days);
	if (!PredictPeriod(&p, algorithm, &fit, &predictions))
		return false;
	if (has_ratios && predictions.n_worth > 0)
		holdout->coverage = CsRatiosCoverage(ratios, predictions.worth, predictions.n_worth, CONFIDENCE);
	CsRatiosLearn(ratios, predictions.worth, predictions.n_worth);
	FillCalibration(&p, &predictions, holdout);
	FillBaseline(&p, holdout);
	FillVariances(&p, &fit, holdout);
	if (p.request.amount != NULL && predictions.n_worth > 0)
		holdout->value = CsHoldoutMeasure(predictions.worth, predictions.n_worth);
	holdout->purchases = CsHoldoutMeasure(predictions.purchases, predictions.n);
	FreePredictions(&predictions);
	CsPeriodFree(&p);
	return true;
}

/* Write measures as members of the open object, their names with a prefix. */
static void
PushMeasures(JsonbParseState **json, const char *prefix, const CsHoldoutResult *r)
{
	CsJsonNumber(json, psprintf("%spredicted", prefix), r->predicted);
	CsJsonNumber(json, psprintf("%sactual", prefix), r->actual);
	CsJsonNumber(json, psprintf("%smae", prefix), r->mae);
	CsJsonNumber(json, psprintf("%srmse", prefix), r->rmse);
	CsJsonNumber(json, psprintf("%sbias", prefix), r->bias);
	CsJsonNumber(json, psprintf("%sgini", prefix), r->gini);
	CsJsonNumber(json, psprintf("%sgini_normalized", prefix), r->gini_normalized);
}

/* Write what was found as members of the open object. */
void
CsHoldoutPush(JsonbParseState **json, const CsHoldout *holdout)
{
	CsJsonObject(json, "holdout");
	CsJsonInteger(json, "days", holdout->days);
	CsJsonInteger(json, "n", holdout->purchases.n);
	PushMeasures(json, "", &holdout->purchases);
	CsJsonNumber(json, "baseline_mae", holdout->baseline_mae);
	CsJsonNumber(json, "baseline_rmse", holdout->baseline_rmse);
	if (holdout->value.n > 0)
		PushMeasures(json, "value_", &holdout->value);
	if (holdout->has_variance)
	{
		CsJsonNumber(json, "variance", holdout->variance);
		CsJsonNumber(json, "parameter_variance", holdout->parameter_variance);
	}
	if (holdout->has_variance && holdout->value.n > 0)
	{
		CsJsonNumber(json, "value_variance", holdout->value_variance);
		CsJsonNumber(json, "value_parameter_variance", holdout->value_parameter_variance);
	}
	CsJsonNumber(json, "confidence", CONFIDENCE);
	CsJsonNumber(json, "coverage", holdout->coverage);
	(void) CsJsonEnd(json);
	CsJsonArray(json, "deciles");
	for (int d = 0; d < CS_DECILES; d++)
	{
		const CsDecile *decile = &holdout->purchases.decile[d];

		CsJsonObject(json, NULL);
		CsJsonInteger(json, "decile", d + 1);
		CsJsonNumber(json, "predicted", decile->predicted);
		CsJsonNumber(json, "actual", decile->actual);
		CsJsonNumber(json, "lift", decile->lift);
		CsJsonNumber(json, "share", decile->share);
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
	CsJsonArray(json, "calibration");
	for (int i = 0; i < CS_CALIBRATION_ROWS; i++)
	{
		const CsCalibrationRow *row = &holdout->calibration[i];

		if (row->n == 0)
			continue;
		CsJsonObject(json, NULL);
		CsJsonInteger(json, "repeats", i);
		CsJsonInteger(json, "n", row->n);
		CsJsonNumber(json, "predicted", row->predicted / (double) row->n);
		CsJsonNumber(json, "actual", row->actual / (double) row->n);
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
}
