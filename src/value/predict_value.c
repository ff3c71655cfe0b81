/*
 * predict_value.c
 *	  What a model of a value or a probability says of one customer: predict_value, predict_interval and
 *	  explain_value; and what it has learned of features: value_importance.
 *
 * As with predict(), all that is the same from row to row is resolved once and kept with the call.
 */
#include "custseg.h"

#include <math.h>

#include "funcapi.h"
#include "stat/prediction.h"
#include "value/predictor.h"

/* Positions of the arguments: after model and customer, and of value_importance(). */
enum
{
	VALUE_VERSION = CS_PREDICT_VERSION
};

enum
{
	INTERVAL_CONFIDENCE = CS_PREDICT_VERSION, INTERVAL_VERSION
};

enum
{
	IMPORTANCE_MODEL, IMPORTANCE_VERSION
};

/* Room for one customer. */
typedef struct Room
{
	double	   *z;
	double	   *work;
} Room;

PG_FUNCTION_INFO_V1(custseg_predict_value);
PG_FUNCTION_INFO_V1(custseg_predict_interval);
PG_FUNCTION_INFO_V1(custseg_explain_value);
PG_FUNCTION_INFO_V1(custseg_value_importance);

/* Predict by the site's version, see CsCallSiteOfKind(). */
static void
TakePredictor(CsCallSite *site)
{
	const CsPredictor *predictor = site->compiled;
	const CsPipeline *p = CsPredictorPipeline(predictor);
	Room	   *room = MemoryContextAlloc(site->context, sizeof(Room));

	site->pipeline = p;
	site->name = NameStr(predictor->model);
	site->raw = MemoryContextAllocZero(site->context, sizeof(double) * p->nfeatures);
	room->z = MemoryContextAllocZero(site->context, sizeof(double) * p->noutputs);
	room->work = MemoryContextAllocZero(site->context, sizeof(double) * Max(CsPipelineWork(p, 1), 1));
	site->state = room;
}

/* The model of the site's version. */
static const CsValueModel *
ModelOf(const CsCallSite *site)
{
	const CsPredictor *predictor = site->compiled;

	return CsPredictorModel(predictor);
}

/* Prepare the customer of the call; NULL when nothing can be predicted, else the customer's values in model space. */
static const double *
Prepare(CsCallSite *site)
{
	Room	   *room = site->state;

	CsCallSiteBind(site);
	if (CsPipelineApply(site->pipeline, site->raw, 1, 1, room->z, 1, room->work))
		return room->z;
	CsPipelineCheckMissing(site->pipeline, site->raw, site->name);
	return NULL;
}

/* predict_value(model, customer, version): the number, or the probability */
Datum
custseg_predict_value(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteOfKind(fcinfo, VALUE_VERSION, CS_PREDICTOR_KINDS, TakePredictor);
	const double *z = site == NULL ? NULL : Prepare(site);

	if (z == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(CsValueModelPredict(ModelOf(site), z));
}

/* The confidence of predict_interval() and score_value(), 0.9 unless it was given. */
double
CsPredictionConfidence(FunctionCallInfo fcinfo, int arg)
{
	double		confidence = PG_ARGISNULL(arg) ? 0.9 : PG_GETARG_FLOAT8(arg);

	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"confidence\" must be between 0 and 1, both left out"),
				 errdetail("It is %g.", confidence),
				 errhint("Write 0.9 for 90 percent.")));
	return confidence;
}

/*
 * predict_interval(model, customer, confidence, version): the number, and between which numbers the
 * outcome is with that confidence; an end is NULL where there were too few rows to tell
 */
Datum
custseg_predict_interval(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteOfKind(fcinfo, INTERVAL_VERSION, CS_MODEL_BIT(CS_MODEL_VALUE), TakePredictor);
	const double *z = site == NULL ? NULL : Prepare(site);
	const CsPredictor *p;
	CsConformalEnds ends;
	double		value,
				off,
				low,
				high;

	if (z == NULL)
		PG_RETURN_NULL();
	p = site->compiled;
	value = CsValueModelPredict(CsPredictorModel(p), z);
	off = CsConformalQuantile(p->nscores, CsPredictorScores(p), CsPredictionConfidence(fcinfo, INTERVAL_CONFIDENCE));
	ends = CsConformalEndsOf(p->ratios, off);
	CsConformalInterval(&ends, value, &low, &high);
	PG_RETURN_DATUM(CsRowForm(CsCallSiteDesc(fcinfo, site),
							  CsValues(CsValueFloat8(value), CsValueFloat8(low), CsValueFloat8(high))));
}

/* What a feature contributes. */
typedef struct Line
{
	int			feature;
	double		contribution;
} Line;

/* The largest first; among equals in the order of the features. */
static int
CompareLines(const void *a, const void *b)
{
	const Line *x = a;
	const Line *y = b;

	if (fabs(x->contribution) != fabs(y->contribution))
		return fabs(x->contribution) > fabs(y->contribution) ? -1 : 1;
	return x->feature - y->feature;
}

/* The contributions by feature, the largest first, palloc'd. */
static Line *
LinesOf(const CsPipeline *p, const double *contributions)
{
	Line	   *lines = palloc(sizeof(Line) * p->nfeatures);

	for (int i = 0; i < p->nfeatures; i++)
		lines[i] = (Line) {i, CsFeatureSum(&p->feature[i], contributions)};
	qsort(lines, p->nfeatures, sizeof(Line), CompareLines);
	return lines;
}

/*
 * explain_value(model, customer, version): a row for each feature
 */
Datum
custseg_explain_value(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsCallSite *site = CsCallSiteOfKind(fcinfo, VALUE_VERSION, CS_PREDICTOR_KINDS, TakePredictor);
	const double *z = site == NULL ? NULL : Prepare(site);
	const CsValueModel *m;
	const CsPipeline *p;
	double	   *contributions;
	double		base;
	Line	   *lines;

	if (z == NULL)
		return (Datum) 0;
	p = site->pipeline;
	m = ModelOf(site);
	if (p->ncomponents > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" predicts by principal components, which no single feature stands for", site->name),
				 errhint("Train a model without preparation key \"pca\" to explain predictions.")));
	contributions = palloc(sizeof(double) * m->ncolumns);
	CsValueModelExplain(m, z, contributions, &base);
	lines = LinesOf(p, contributions);
	for (int i = 0; i < p->nfeatures; i++)
		CsResultPut(result, CsValues(CsValueFloat8(CsValueModelPredict(m, z)),
									 CsValueFloat8(base),
									 CsValueText(NameStr(p->feature[lines[i].feature].name)),
									 CsValueText(CsCallSiteText(site, lines[i].feature)),
									 CsValueFloat8(lines[i].contribution)));
	return (Datum) 0;
}

/* The share of each feature in the gain of all splits, palloc'd; NaN where there are none. */
static double *
GainShares(const CsPipeline *p, const CsValueModel *m)
{
	double	   *gains = palloc(sizeof(double) * m->ncolumns);
	double	   *shares = palloc0(sizeof(double) * p->nfeatures);
	double		total = 0;

	CsValueModelGains(m, gains);
	for (int i = 0; i < p->nfeatures && p->ncomponents == 0; i++)
		total += shares[i] = CsFeatureSum(&p->feature[i], gains);
	for (int i = 0; i < p->nfeatures; i++)
		shares[i] = total > 0 ? shares[i] / total : NAN;
	pfree(gains);
	return shares;
}

/*
 * value_importance(model, version): a row for each feature, the most important first
 */
Datum
custseg_value_importance(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsTextArgument(fcinfo, IMPORTANCE_MODEL);
	const CsPredictor *predictor;
	const CsPipeline *p;
	double	   *shares;
	Line	   *lines;

	if (model == NULL)
		return (Datum) 0;
	predictor = CsCacheGetOfKind(CS_PREDICTOR_KINDS, model, CsVersionArgument(fcinfo, IMPORTANCE_VERSION));
	CsCachePin(predictor, CurrentMemoryContext);
	p = CsPredictorPipeline(predictor);
	shares = GainShares(p, CsPredictorModel(predictor));
	lines = palloc(sizeof(Line) * p->nfeatures);
	for (int i = 0; i < p->nfeatures; i++)
		lines[i] = (Line) {i, Max(CsPredictorShuffled(predictor)[i], 0)};
	qsort(lines, p->nfeatures, sizeof(Line), CompareLines);
	for (int i = 0; i < p->nfeatures; i++)
		CsResultPut(result, CsValues(CsValueText(NameStr(p->feature[lines[i].feature].name)),
									 CsValueFloat8(shares[lines[i].feature]),
									 CsValueFloat8(CsPredictorShuffled(predictor)[lines[i].feature])));
	return (Datum) 0;
}
