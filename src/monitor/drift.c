/*
 * drift.c
 *	  Has the customer base moved?  drift().
 *
 * The source is read once, as the caller, and each feature's column is compared with its baseline:
 * by default what was frozen with the version, else a reference relation, which is read before and
 * of which a sketch is kept: up to 100,001 quantiles of a number, up to 1,000 levels of a category.
 * drift_compare.c measures, drift_verdict.c judges.
 *
 * Both sides are made comparable.  Where training skipped rows without a value (impute skip), such
 * rows count for the feature that they lack and for no other, as they do in the baseline.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "math/math.h"
#include "monitor/drift.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Most of a reference relation that is kept of one feature. */
#define MAX_QUANTILES 100001
#define MAX_REFERENCE_LEVELS 1000

/* The columns of the result. */
#define NCOLUMNS 21

/* Positions of the arguments. */
enum
{
	DRIFT_MODEL, DRIFT_SOURCE, DRIFT_REFERENCE, DRIFT_OPTIONS, DRIFT_VERSION
};

#define DRIFT_OPTION(name, type, field, ...) {name, type, offsetof(CsDriftOptions, field), __VA_ARGS__}

static const CsOption first_options[] = {
	DRIFT_OPTION("min_rows", CS_OPTION_INT, min_rows, 30, 1, PG_INT32_MAX),
	DRIFT_OPTION("significance", CS_OPTION_REAL, significance, 0.05, 0, 1),
};

static const CsOption last_options[] = {
	DRIFT_OPTION("null_share_watch", CS_OPTION_REAL, null_share.watch, 0.05, 0, 1),
	DRIFT_OPTION("null_share_drifted", CS_OPTION_REAL, null_share.drifted, 0.2, 0, 1),
};

#define MAX_OPTIONS (lengthof(first_options) + 2 * CS_MAX_STATISTICS + lengthof(last_options))

/* A report in the making. */
typedef struct DriftReport
{
	CsReport	base;
	CsDriftOptions options;
	const CsPipeline *pipeline;
	bool		in_training;	/* the baseline is the version's own */
	CsBaseline *baselines;		/* of each feature */
	int			nquantiles;		/* that are kept of a reference's feature */
	Size		reserved;		/* bytes that they take */
	CsDriftFeature *features;
} DriftReport;

PG_FUNCTION_INFO_V1(custseg_drift);

/* All options: those of the report, and the limits of each statistic that can be judged. */
static int
ListOptions(CsOption *options)
{
	int			n = lengthof(first_options);

	memcpy(options, first_options, sizeof(first_options));
	for (int i = 0; i < CsStatisticCount(); i++)
	{
		const CsStatistic *s = CsStatisticAt(i);
		size_t		limits = offsetof(CsDriftOptions, statistic) + sizeof(CsDriftLimits) * i;

		if (s->words == NULL)
			continue;
		options[n++] = (CsOption) {psprintf("%s_watch", s->name), CS_OPTION_REAL,
			limits + offsetof(CsDriftLimits, watch), s->watch, 0, s->most};
		options[n++] = (CsOption) {psprintf("%s_drifted", s->name), CS_OPTION_REAL,
			limits + offsetof(CsDriftLimits, drifted), s->drifted, 0, s->most};
	}
	memcpy(options + n, last_options, sizeof(last_options));
	return n + lengthof(last_options);
}

/* An error unless limits are in order; where only the higher one is given, it is both. */
static void
CheckLimits(const char *name, CsDriftLimits *limits)
{
	if (isinf(limits->watch))
		limits->watch = limits->drifted;
	CsReportCheckLimits(psprintf("%s_watch", name), limits->watch, psprintf("%s_drifted", name),
						limits->drifted);
}

/* The options, checked. */
static void
ReadOptions(Jsonb *given, CsDriftOptions *options)
{
	CsOption	known[MAX_OPTIONS];
	int			n = ListOptions(known);

	CsOptionsParse(known, n, given, options);
	for (int i = 0; i < CsStatisticCount(); i++)
	{
		if (CsStatisticAt(i)->words != NULL)
			CheckLimits(CsStatisticAt(i)->name, &options->statistic[i]);
	}
	CheckLimits("null_share", &options->null_share);
}

/* Features to compare, of which nothing is known yet. */
static CsDriftFeature *
MakeFeatures(const CsPipeline *p)
{
	CsDriftFeature *features = palloc0(sizeof(CsDriftFeature) * p->nfeatures);

	for (int i = 0; i < p->nfeatures; i++)
	{
		CsDriftFeature *d = &features[i];

		d->feature = &p->feature[i];
		for (int j = 0; j < CsStatisticCount(); j++)
			d->measures[j] = CS_NO_MEASURE;
		d->p_null = d->p = d->p_adjusted = NAN;
	}
	return features;
}

/* The rows of one side of a feature. */
static CsDriftSide
CountSide(int64 n, int64 n_null, int64 n_infinite)
{
	return (CsDriftSide)
	{
		n, n_null, n_infinite, n - n_null - n_infinite, {NAN, NAN, NAN}
	};
}

/* Keep the numbers of a reference: all of them, or quantiles. */
static void
SketchNumbers(CsBaseline *b, const CsObservedFeature *f, int nquantiles)
{
	b->mean = f->mean;
	b->sd = f->sd;
	b->nquantiles = (int) Min(f->values.n, (int64) nquantiles);
	b->quantiles = palloc(sizeof(double) * Max(b->nquantiles, 1));
	for (int i = 0; i < b->nquantiles; i++)
		b->quantiles[i] = CsSortedQuantile(&f->values, f->values.n == 1 ? 0 : (double) i / (b->nquantiles - 1));
}

/* Keep the most frequent levels of a reference; the others are in the total only. */
static void
SketchLevels(CsBaseline *b, const CsObservedFeature *f)
{
	int			most = Min(f->nlevels, MAX_REFERENCE_LEVELS);

	b->levels = palloc(sizeof(char *) * Max(most, 1));
	b->level_counts = palloc(sizeof(int64) * Max(most, 1));
	for (int i = 0; i < most; i++)
	{
		if (f->levels[i].text == NULL)
			continue;
		b->levels[b->nlevels] = pstrdup(f->levels[i].text);
		b->level_counts[b->nlevels++] = f->levels[i].count;
	}
}

/* CsFeatureVisitor: take a feature of the reference as the baseline. */
static void
SketchFeature(void *state, const CsObservation *observation, int feature)
{
	DriftReport *report = state;
	const CsObservedFeature *f = &observation->features[feature];
	CsBaseline *b = &report->baselines[feature];
	CsDriftFeature *d = &report->features[feature];

	d->reference_state = f->state;
	if (f->state != CS_BIND_DONE)
		return;
	d->side[CS_BASELINE] = CountSide(f->nrows, f->n_null, f->n_infinite);
	b->n = f->nrows;
	b->n_null = f->n_null;
	if (d->feature->kind == CS_CATEGORICAL)
		SketchLevels(b, f);
	else
		SketchNumbers(b, f, report->nquantiles);
}

/*
 * Quantiles that are kept of each feature of a reference: so many that they take no more than a
 * quarter of maintenance_work_mem, but no fewer than in training.
 */
static int
ReferenceQuantiles(int nfeatures)
{
	Size		affordable = CsMemoryLimit() / 4 / sizeof(double) / nfeatures;

	return (int) Max(Min(affordable, MAX_QUANTILES), CS_QUANTILE_POINTS);
}

/* The baseline of a reference relation. */
static void
ReadReference(DriftReport *report)
{
	int			nfeatures = report->pipeline->nfeatures;
	CsObserveRequest request = {
		.scorer = report->base.scorer,
		.relation = CsSourceOpen(report->base.scorer, report->base.reference),
		.visit = SketchFeature,
		.feature_state = report
	};

	report->nquantiles = ReferenceQuantiles(nfeatures);
	report->reserved = request.reserved = sizeof(double) * report->nquantiles * nfeatures;
	report->baselines = palloc0(sizeof(CsBaseline) * nfeatures);
	(void) CsObserve(&request);
}

/* The baseline that was frozen with the version. */
static void
ReadBaselines(DriftReport *report)
{
	report->in_training = true;
	report->baselines = CsBaselinesRead(report->base.scorer);
	for (int i = 0; i < report->pipeline->nfeatures; i++)
	{
		const CsBaseline *b = &report->baselines[i];

		report->features[i].side[CS_BASELINE] = CountSide(b->n, b->n_null, 0);
	}
}

/* CsFeatureVisitor: compare a feature of the source. */
static void
CompareFeature(void *state, const CsObservation *observation, int feature)
{
	DriftReport *report = state;
	const CsObservedFeature *f = &observation->features[feature];
	CsDriftFeature *d = &report->features[feature];

	d->state = f->state;
	d->type = f->type;
	if (f->state != CS_BIND_DONE)
		return;
	d->side[CS_CURRENT] = CountSide(f->nrows, f->n_null, f->n_infinite);
	if (d->reference_state == CS_BIND_DONE)
		CsDriftCompare(d, report->pipeline, &report->baselines[feature], f, report->in_training,
					   &report->options);
}

/* A list of texts as an array; NULL for a feature that has no levels. */
static CsValue
TextArray(const CsDriftFeature *d, List *texts)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(texts), 1));
	ListCell   *cell;
	int			n = 0;

	if (!d->has_levels)
		return CsValueArray(TEXTARRAYOID, NULL);
	foreach(cell, texts)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	return CsValueArray(TEXTARRAYOID, construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A count or a share of a side; NULL when the column cannot be read. */
static CsValue
CountOf(const CsDriftFeature *d, int side)
{
	CsBindState state = side == CS_BASELINE ? d->reference_state : d->state;
	CsValue		n = CsValueInt8(d->side[side].n);

	n.isnull = state != CS_BIND_DONE;
	return n;
}

/* The share of NULLs on one side; NULL where it has no rows. */
static CsValue
NullShareOf(const CsDriftFeature *d, int side)
{
	const CsDriftSide *s = &d->side[side];

	return CsValueFloat8(s->n == 0 ? NAN : (double) s->n_null / s->n);
}

/* The value of a statistic that has a column of its own. */
static const CsMeasure *
MeasureOf(const CsDriftFeature *d, const char *name)
{
	int			i = 0;

	while (strcmp(CsStatisticAt(i)->name, name) != 0)
		i++;
	return &d->measures[i];
}

/* Add a number of a statistic to its JSON object, unless it is not defined. */
static void
AddNumber(JsonbParseState **json, const char *key, double number)
{
	if (isfinite(number))
		CsJsonNumber(json, key, number);
}

/* All statistics as {"name": {"value": ..., "critical": ..., "p_value": ...}, ...}. */
static CsValue
AllStatistics(const CsDriftFeature *d)
{
	JsonbParseState *json = NULL;

	for (int i = 0; i < CsStatisticCount(); i++)
	{
		const CsMeasure *m = &d->measures[i];

		if (isnan(m->value))
			continue;
		if (json == NULL)
			CsJsonObject(&json, NULL);
		CsJsonObject(&json, CsStatisticAt(i)->name);
		AddNumber(&json, "value", m->value);
		AddNumber(&json, "critical", m->critical);
		AddNumber(&json, "p_value", m->p);
		AddNumber(&json, "low", m->low);
		AddNumber(&json, "high", m->high);
		(void) CsJsonEnd(&json);
	}
	return CsValueJsonb(json == NULL ? NULL : CsJsonFinish(&json));
}

/* One row of the result. */
static void
PutFeature(CsReport *report, const CsDriftFeature *d)
{
	const CsValue row[NCOLUMNS] = {
		CsValueText(NameStr(d->feature->name)),
		CsValueText(CsKindName((CsKind) d->feature->kind)),
		CountOf(d, CS_BASELINE),
		CountOf(d, CS_CURRENT),
		NullShareOf(d, CS_BASELINE),
		NullShareOf(d, CS_CURRENT),
		CsValueFloat8(MeasureOf(d, "ks")->value),
		CsValueFloat8(MeasureOf(d, "psi")->value),
		CsValueFloat8(MeasureOf(d, "psi")->critical),
		CsValueFloat8(MeasureOf(d, "wasserstein")->value),
		CsValueFloat8(MeasureOf(d, "jensen_shannon")->value),
		CsValueFloat8(MeasureOf(d, "chi_square")->value),
		CsValueFloat8(MeasureOf(d, "cramers_v")->value),
		CsValueFloat8(MeasureOf(d, "l_infinity")->value),
		AllStatistics(d),
		TextArray(d, d->new_levels),
		TextArray(d, d->vanished_levels),
		CsValueFloat8(d->p),
		CsValueFloat8(d->p_adjusted),
		CsFindingVerdict(&d->finding),
		CsFindingReason(&d->finding)
	};

	CsResultPut(report->result, row, NCOLUMNS);
}

/* CsReportKind.open */
static void *
OpenDrift(const CsReport *base, Jsonb *options)
{
	DriftReport *report = palloc0(sizeof(DriftReport));

	report->base = *base;
	ReadOptions(options, &report->options);
	report->pipeline = CsScorerPipeline(base->scorer);
	report->features = MakeFeatures(report->pipeline);
	if (base->reference == NULL)
		ReadBaselines(report);
	else
		ReadReference(report);
	return report;
}

/* CsObserveRequest.landmarks: the baseline's quantiles, and the edges of the bins. */
static const double *
ListLandmarks(void *state, int feature, int *n)
{
	const DriftReport *report = state;
	const CsBaseline *b = &report->baselines[feature];
	double	   *landmarks = palloc(sizeof(double) * (b->nquantiles + CS_DEFAULT_BINS));
	CsBinEdge	edges[CS_DEFAULT_BINS];
	int			nedges = b->nquantiles == 0 ? 0 : CsQuantileBins(b->quantiles, b->nquantiles, CS_DEFAULT_BINS, edges);

	*n = 0;
	for (int i = 0; i < b->nquantiles; i++)
		if (i == 0 || b->quantiles[i] != b->quantiles[i - 1])
			landmarks[(*n)++] = b->quantiles[i];
	for (int i = 0; i < nedges; i++)
		landmarks[(*n)++] = edges[i].value;
	return landmarks;
}

/* CsReportKind.ask */
static void
AskFeatures(void *state, CsObserveRequest *request)
{
	DriftReport *report = state;

	Assert(request->visit == NULL);
	request->visit = CompareFeature;
	request->landmarks = ListLandmarks;
	request->feature_state = report;
	request->reserved += report->reserved;
}

/* CsReportKind.put: a row for each feature, all of which have been compared */
static void
PutDrift(void *state, const CsObservation *observation)
{
	DriftReport *report = state;

	CsDriftJudge(report->features, report->pipeline->nfeatures, &report->options,
				 report->in_training ? "in training" : "in the reference");
	for (int i = 0; i < report->pipeline->nfeatures; i++)
		PutFeature(&report->base, &report->features[i]);
}

const CsReportKind CsDriftReport = {"drift", OpenDrift, AskFeatures, PutDrift, .of_features = true, .by_passes = true};

/* drift(model, source, reference, options, version) */
Datum
custseg_drift(PG_FUNCTION_ARGS)
{
	const CsReportKind *const kind = &CsDriftReport;
	Jsonb	   *options = CsJsonbArgument(fcinfo, DRIFT_OPTIONS);
	CsReport	report;

	if (!CsReportOpenOfFeatures(&report, fcinfo, DRIFT_SOURCE, DRIFT_VERSION))
		return (Datum) 0;
	report.reference = CsTextArgument(fcinfo, DRIFT_REFERENCE);
	CsReportsMake(&report, &kind, &options, 1);
	return (Datum) 0;
}
