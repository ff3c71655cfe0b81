/*
 * segment_rows.c
 *	  Customers of a source, placed by one model and predicted by a model of a value or a probability, by segment.
 *
 * Outcomes differ from predictions by what single customers are off by, which does not hang together, and by what
 * the model is off by for all customers who look alike.  The former is known from predictions of rows that the model
 * had not seen, by tenths of the prediction; of a probability it follows from that itself.  The latter is what a mean
 * of as many rows of the training is known to: rows of the training being to those of the source as those of a segment
 * are to its own, it is the same variance times rows of the source over rows of the training.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "score/pass.h"
#include "value/segment_worth.h"

static const char *const version_sql =
"SELECT v.n_rows, v.metrics FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* A reading of the source. */
typedef struct Reading
{
	CsSegmentWorth *worth;
	CsPlacer   *placer;
	const CsPipeline *pipeline;
	const CsValueModel *model;
	CsBinding  *binding;
	double	   *raw,
			   *z,
			   *work;
	int64		n_trained;
	bool		has_spread;		/* the next one is known */
	CsPredictionSpread spread;
} Reading;

/* What an outcome differs from a prediction by, squared. */
static double
VarianceOf(const Reading *r, double predicted)
{
	if (r->model->is_probability)
		return predicted * (1 - predicted);
	return r->has_spread ? CsPredictionSpreadAt(&r->spread, predicted) : NAN;
}

/* CsRowSink: add a customer to the sum of its segment. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	int			segment = CsPlacerSegment(r->placer);
	CsWorthSum *sum = &r->worth->sums[segment < 0 ? r->worth->scorer->nsegments : segment];
	double		predicted;

	sum->n++;
	CsBindValues(r->binding, r->pipeline, values, nulls, r->raw);
	if (!CsPipelineApply(r->pipeline, r->raw, 1, 1, r->z, 1, r->work))
	{
		sum->n_unknown++;
		return;
	}
	predicted = CsValueModelPredict(r->model, r->z);
	CsWorthPartAdd(&sum->part[CS_WORTH_VALUE], predicted, VarianceOf(r, predicted));
}

/* CsCatalogVisitor: what a version keeps of its training. */
static void
TakeVersion(void *state, const CsCatalogRow *row)
{
	Reading    *r = state;
	Jsonb	   *metrics = CsRowJsonb(row, 2);
	CsJsonReader reader;

	r->n_trained = CsRowInt8(row, 1, 0);
	if (metrics == NULL)
		return;
	reader = CsJsonReaderOf(metrics, CS_INVALID_DEFINITION, "the metrics");
	r->has_spread = CsPredictorReadSpread(&reader, &r->spread);
}

/* Have each row predicted beside being placed. */
static void
BeginPrediction(Reading *r, CsPass *pass, const CsPredictor *p)
{
	r->pipeline = CsPredictorPipeline(p);
	r->model = CsPredictorModel(p);
	r->binding = CsPassBind(pass, r->pipeline, NameStr(p->model));
	r->raw = palloc0(sizeof(double) * r->pipeline->nfeatures);
	r->z = palloc0(sizeof(double) * r->pipeline->noutputs);
	r->work = palloc0(sizeof(double) * Max(CsPipelineWork(r->pipeline, 1), 1));
}

/* Read the source, and add up what its customers are worth. */
void
CsSegmentWorthOfRows(CsSegmentWorth *w)
{
	const CsPredictor *p = w->value;
	int			version = CsCacheVersion(p);
	CsPass	   *pass = CsPassOpen(CsSourceOpenOf(w->value_model, version, w->source));
	Reading		r = {.worth = w};
	int64		n;

	if (CsCatalogRead(version_sql, CsValues(CsValueText(w->value_model), CsValueInt4(version)), TakeVersion, &r) != 1)
		CsReportDropped(w->value_model, version);
	r.placer = CsPassPlace(pass, w->scorer, CS_PLACE_TRY);
	CsPassIdentify(pass, CsFindKey(pass->relation, CsScorerId(w->scorer)));
	CsPassHonour(pass, r.placer);
	BeginPrediction(&r, pass, p);
	CsPassVisit(pass, &(CsVisitor) {.state = &r, .take_row = TakeRow});
	n = CsPassRead(pass);
	w->errors.known[CS_WORTH_VALUE] = r.model->is_probability || r.has_spread;
	w->errors.dispersion[CS_WORTH_VALUE] = 1 + (double) n / (double) Max(r.n_trained, 1);
	if (!w->errors.known[CS_WORTH_VALUE])
		CsReasonAdd(&w->reason, "the errors of the model are not known");
}
