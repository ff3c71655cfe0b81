/*
 * outcomes_read.c
 *	  Outcomes of customers, read beside what a version predicts of them.
 *
 * A number or a probability is predicted from the features of the row, which must be those that were
 * known when it would have been predicted; or what was predicted then is read from a column.  Purchases
 * are predicted from the lines up to the day that the version saw customers as of, and come from the lines
 * after it.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "data/fetch.h"
#include "math/math.h"
#include "score/pass.h"
#include "stat/prediction.h"
#include "value/outcomes.h"
#include "value/predictor.h"
#include "value/worth.h"

/* Bytes of a row beside its customer. */
#define ROW_SIZE (4 * sizeof(double) + sizeof(char *))

/* A reading. */
typedef struct Reading
{
	const CsOutcomesRequest *request;
	CsOutcomes *o;
	MemoryContext context;		/* of what is kept */

	/* of a number or a probability */
	const CsPredictor *predictor;
	CsPass	   *pass;
	CsPlacer   *placer;			/* NULL: recorded predictions are read */
	int			outcome,		/* columns of the pass */
				recorded;
	double	   *work;
	CsConformalEnds intervals;	/* how these end; not known: there are none */

	/* of purchases */
	const CsWorthVersion *worth;
	CsWorthMemory *memory;
	CsRatioEnds ends;
	CsMoments	repeats;		/* up to the day that customers are seen as of */
} Reading;

/* Error unless so many rows, and the customers of those at hand, fit within the limit of memory. */
static void
CheckMemory(const CsRelation *source, const CsOutcomes *o, int64 rows)
{
	if (rows * ROW_SIZE + o->text > CsMemoryLimit())
		CsMemoryExceeded(o->allocated * ROW_SIZE + o->text, psprintf("give fewer rows, as %s gives", CsSampleOf(source, 0)),
						 "keeping %lld outcomes", (long long) o->n);
}

/* Make room for a row. */
static void
Grow(Reading *r)
{
	CsOutcomes *o = r->o;
	MemoryContext context = r->context;
	int64		more = Max(2 * o->allocated, 1024);
	double	  **columns[] = {&o->predicted, &o->actual, &o->low, &o->high};

	CheckMemory(r->request->relation, o, more);
	for (int i = 0; i < lengthof(columns); i++)
		*columns[i] = *columns[i] == NULL ? MemoryContextAllocHuge(context, more * sizeof(double)) :
			repalloc_huge(*columns[i], more * sizeof(double));
	o->customer = o->customer == NULL ? MemoryContextAllocHuge(context, more * sizeof(char *)) :
		repalloc_huge(o->customer, more * sizeof(char *));
	o->allocated = more;
}

/* Take an outcome; "customer" is copied where it is kept. */
static void
Take(Reading *r, double predicted, double actual, double low, double high, const char *customer)
{
	CsOutcomes *o = r->o;

	if (o->n == o->allocated)
		Grow(r);
	o->predicted[o->n] = predicted;
	o->actual[o->n] = actual;
	o->low[o->n] = low;
	o->high[o->n] = high;
	o->customer[o->n] = NULL;
	if (r->request->keeps && customer != NULL)
	{
		o->text += strlen(customer) + 1;
		CheckMemory(r->request->relation, o, o->allocated);
		o->customer[o->n] = MemoryContextStrdup(r->context, customer);
	}
	o->n++;
}

/* A column of the row at hand as a number; NaN without. */
static double
NumberOf(const Reading *r, int column, const Datum *values, const bool *nulls)
{
	const CsConverter *converter = &r->pass->columns.columns[column].converter;

	return nulls[column] ? NAN : converter->to_double(converter, values[column]);
}

/* What the version predicts of the row at hand; NaN: nothing. */
static double
PredictRow(const Reading *r)
{
	CsScoring  *s = &r->placer->scoring;

	if (!CsPipelineApply(CsPredictorPipeline(r->predictor), s->raw, 1, 1, s->z, 1, r->work))
		return NAN;
	return CsValueModelPredict(CsPredictorModel(r->predictor), s->z);
}

/* An error unless a recorded prediction is one. */
static void
CheckRecorded(const Reading *r, double predicted)
{
	if (!isinf(predicted) &&
		!(r->request->kind == CS_MODEL_PROBABILITY && (predicted < 0 || predicted > 1)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("column \"%s\" has a value that is no %s", r->request->recorded,
					isinf(predicted) ? "number" : "probability"),
			 errdetail("It is %g.", predicted),
			 errhint("Give what the version predicted, or leave \"predicted\" out.")));
}

/* CsVisitor: a row of features and an outcome. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	CsOutcomes *o = r->o;
	double		actual = NumberOf(r, r->outcome, values, nulls),
				predicted,
				low = NAN,
				high = NAN;

	if (isnan(actual))
	{
		o->n_pending++;
		return;
	}
	if (isinf(actual))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("outcome column \"%s\" has an infinite value", r->request->outcome),
				 errhint("Leave such rows out: a query with WHERE can be a source, too.")));
	predicted = r->placer == NULL ? NumberOf(r, r->recorded, values, nulls) : PredictRow(r);
	if (isnan(predicted))
	{
		o->n_unpredicted++;
		return;
	}
	if (r->placer == NULL)
		CheckRecorded(r, predicted);
	if (r->intervals.is_known)
	{
		CsConformalInterval(&r->intervals, predicted, &low, &high);
		o->n_intervals++;
		o->n_covered += low <= actual && actual <= high;
	}
	Take(r, predicted, actual, low, high, r->request->keeps ? CsPassId(r->pass, values, nulls) : NULL);
}

/* The position of a column that must be a number, or for a probability a boolean, in the pass. */
static int
FindColumn(const Reading *r, const char *name, const char *what, CsKind kind)
{
	const CsColumn *column = CsRelationColumn(r->request->relation, name);

	if (column->converter.kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s column \"%s\" is of type %s", what, name, CsColumnTypeName(column)),
				 errhint(kind == CS_BOOLEAN ? "What comes of a probability is true or false: cast or compare it in a query." :
						 "It must be a number: cast it in a query.")));
	return CsPassColumn(r->pass, column);
}

/* The columns that say who a customer is; NIL without. */
static List *
FindId(const CsOutcomesRequest *request, const CsScorer *scorer)
{
	if (request->id == NULL)
		return CsFindKey(request->relation, CsScorerId(scorer));
	CsRelationCheckId(request->relation, request->id);
	return CsRelationIdColumns(request->relation, request->id, false);
}

/* Read what came of a number or a probability. */
static void
ReadRows(Reading *r)
{
	const CsOutcomesRequest *request = r->request;
	const CsPredictor *p = r->predictor = request->compiled;
	const CsScorer *scorer = CsScorerWithoutSegments(request->model, request->version, CsPredictorPipeline(p));

	r->pass = CsPassOpen(request->relation);
	if (request->recorded == NULL)
		r->placer = CsPassPlace(r->pass, scorer, CS_PLACE_NOT);
	else
		r->recorded = FindColumn(r, request->recorded, "prediction", CS_NUMERIC);
	r->outcome = FindColumn(r, request->outcome, "outcome",
							request->kind == CS_MODEL_PROBABILITY ? CS_BOOLEAN : CS_NUMERIC);
	CsPassIdentify(r->pass, FindId(request, scorer));
	r->work = palloc(sizeof(double) * Max(CsPipelineWork(CsPredictorPipeline(p), 1), 1));
	r->o->nscores = p->nscores;
	if (p->nscores > 0)
		r->intervals = CsConformalEndsOf(p->ratios, CsConformalQuantile(p->nscores, CsPredictorScores(p),
																   CS_OUTCOME_CONFIDENCE));
	CsPassVisit(r->pass, &(CsVisitor) {.state = r,.take_row = TakeRow,.needs_raw = true});
	(void) CsPassRead(r->pass);
}

/* CsPurchaserVisitor: what a customer bought later. */
static void
TakePurchaser(void *state, const CsPurchaser *p)
{
	Reading    *r = state;
	const CsWorthModel *m = &r->worth->model;
	const CsPurchasesAsOf *end = &p->at[0],
			   *at = &p->at[1];
	double		expected,
				worth,
				low,
				high,
				came = end->repeats - at->repeats;

	if (at->repeats < 0)
	{
		r->o->n_unpredicted++;	/* came later */
		return;
	}
	CsMomentsAddValue(&r->repeats, at->repeats);
	expected = CsWorthOfDays(r->memory, at->repeats, at->recency, at->age).purchases;
	worth = m->spend == CS_SPEND_NONE ? expected :
		expected * CsSpendOf(m, at->repeats, at->repeats > 0 ? at->total / at->repeats : NAN);
	if (r->worth->interval_days > 0 && worth > 0)
	{
		double		of_worth = m->spend == CS_SPEND_NONE ? came : end->total - at->total;

		CsRatioEndsOf(&r->ends, worth, &low, &high);
		r->o->n_intervals++;
		r->o->n_covered += low <= of_worth && of_worth <= high;
	}
	Take(r, expected, came, NAN, NAN, p->customer);
}

/* Read what came of purchases. */
static void
ReadPurchases(Reading *r)
{
	const CsOutcomesRequest *request = r->request;
	const CsWorthVersion *v = r->worth = request->compiled;
	CsPurchasesRequest p = {0};
	CsHorizon	horizon = {0};
	DateADT		earliest;

	CsPurchasesColumns(&p, request->relation, NameStr(v->customer), NameStr(v->time),
					   NameStr(v->amount)[0] == '\0' ? NULL : NameStr(v->amount));
	p.returns = v->returns;
	p.zone = CsOrdersZone(v->zone);
	p.with_customer = request->keeps;
	CsPurchasesAsOfDay(&p, &(NullableDatum) {.isnull = true}, &earliest);
	if (p.cut[0] <= v->as_of)
	{
		r->o->none = psprintf("no line is later than %s, the day that the version sees customers as of", CsDayWords(v->as_of));
		return;
	}
	p.ncuts = 2;
	p.cut[1] = v->as_of;
	horizon.days = r->o->days = p.cut[0] - p.cut[1];
	r->memory = CsWorthRemember(&v->model, &horizon, false);
	if (v->interval_days > 0)
		r->ends = CsRatiosEnds(&v->ratios, horizon.days / v->interval_days, CS_OUTCOME_CONFIDENCE);
	(void) CsPurchasesRead(&p, TakePurchaser, r);
	r->o->nscores = r->o->n;
	if (r->o->n > 0)
		r->o->rate_error = CsMomentsDeviation(&r->repeats, 0) /
			(CsMomentsMean(&r->repeats) * sqrt((double) r->o->n));
}

/* Read the outcomes, as the caller; what is kept is palloc'd in CurrentMemoryContext. */
void
CsOutcomesRead(const CsOutcomesRequest *request, CsOutcomes *o)
{
	Reading		r = {.request = request,.o = o,.context = CurrentMemoryContext};

	memset(o, 0, sizeof(*o));
	if (request->kind == CS_MODEL_PURCHASES)
		ReadPurchases(&r);
	else
		ReadRows(&r);
}
