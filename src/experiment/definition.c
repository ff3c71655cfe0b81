/*
 * definition.c
 *	  What an experiment compares and measures, as its author writes it: read, checked, written as it is kept.
 *
 * Everything that can be wrong is found here, before anything is stored, so that whoever reads an experiment
 * can rely on it: there is a control, exactly one metric decides and has an effect that is worth acting on,
 * and every guardrail has a margin.
 */
#include "custseg.h"

#include <math.h>

#include "call/text_value.h"
#include "experiment/experiment.h"
#include "stat/sequential.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

const char *const CsAssignmentKinds[] = {"bucket", "blocked", NULL};
const char *const CsLookMethods[] = {"spending", "anytime", "fixed", NULL};
const char *const CsMetricKinds[] = {"conversion", "mean", "ratio", NULL};
const char *const CsMetricRoles[] = {"primary", "guardrail", "secondary", NULL};
const char *const CsMetricDirections[] = {"up", "down", NULL};

#define MAX_NAME 63
#define MAX_PLAN 1e12
#define MAX_DAYS 3650

static const CsOption variantOptions[] = {
	{"variant", CS_OPTION_TEXT, offsetof(CsVariant, name)},
	{"weight", CS_OPTION_INT, offsetof(CsVariant, weight), 1, 1, CS_MAX_WEIGHT}
};

static const CsOption metricOptions[] = {
	{"metric", CS_OPTION_TEXT, offsetof(CsExperimentMetric, name)},
	{"kind", CS_OPTION_CHOICE, offsetof(CsExperimentMetric, kind), -1, .choices = CsMetricKinds},
	{"role", CS_OPTION_CHOICE, offsetof(CsExperimentMetric, role), CS_ROLE_SECONDARY, .choices = CsMetricRoles},
	{"direction", CS_OPTION_CHOICE, offsetof(CsExperimentMetric, direction), CS_DIRECTION_UP, .choices = CsMetricDirections},
	{"column", CS_OPTION_TEXT, offsetof(CsExperimentMetric, column)},
	{"numerator", CS_OPTION_TEXT, offsetof(CsExperimentMetric, numerator)},
	{"denominator", CS_OPTION_TEXT, offsetof(CsExperimentMetric, denominator)},
	{"effect", CS_OPTION_REAL, offsetof(CsExperimentMetric, effect), NAN, -INFINITY, INFINITY},
	{"relative_effect", CS_OPTION_REAL, offsetof(CsExperimentMetric, relative_effect), NAN, -INFINITY, INFINITY},
	{"margin", CS_OPTION_REAL, offsetof(CsExperimentMetric, margin), NAN, -INFINITY, INFINITY},
	{"relative_margin", CS_OPTION_REAL, offsetof(CsExperimentMetric, relative_margin), NAN, -INFINITY, INFINITY},
	{"cap", CS_OPTION_REAL, offsetof(CsExperimentMetric, cap), NAN, -INFINITY, INFINITY},
	{"covariate", CS_OPTION_TEXT, offsetof(CsExperimentMetric, covariate)},
	{"window", CS_OPTION_TEXT, offsetof(CsExperimentMetric, window)}
};

static const CsOption experimentOptions[] = {
	{"salt", CS_OPTION_TEXT, offsetof(CsExperiment, salt)},
	{"traffic", CS_OPTION_REAL, offsetof(CsExperiment, traffic), 1, 0.0001, 1},
	{"layer", CS_OPTION_TEXT, offsetof(CsExperiment, layer)},
	{"assignment", CS_OPTION_CHOICE, offsetof(CsExperiment, assignment), CS_ASSIGN_BUCKET, .choices = CsAssignmentKinds},
	{"method", CS_OPTION_CHOICE, offsetof(CsExperiment, method), CS_LOOK_SPENDING, .choices = CsLookMethods},
	{"n_looks", CS_OPTION_INT, offsetof(CsExperiment, n_looks), 5, 1, CS_MAX_LOOKS},
	{"alpha", CS_OPTION_REAL, offsetof(CsExperiment, alpha), 0.05, 1e-6, 0.5},
	{"power", CS_OPTION_REAL, offsetof(CsExperiment, power), 0.8, 1e-6, 0.999999},
	{"n_control", CS_OPTION_BIGINT, offsetof(CsExperiment, n_control), 0, 2, MAX_PLAN},
	{"min_days", CS_OPTION_INT, offsetof(CsExperiment, min_days), 0, 0, MAX_DAYS}
};

/* Which element of which list is read, for the context of an error. */
typedef struct Place
{
	const char *list;
	int			number;			/* from 1 */
} Place;

/* An error_context_stack callback: where in the definition an option is wrong. */
static void
TellPlace(void *place)
{
	const Place *p = place;

	errcontext("%s %d of the experiment", p->list, p->number);
}

/* Error unless a text can be the name of "what". */
static void
CheckName(const char *name, const char *what)
{
	if (name == NULL || name[0] == '\0' || strlen(name) > MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name of %s must have 1 to %d bytes", what, MAX_NAME)));
}

/* The error of a name that is given twice. */
static void
CheckTwice(const char *name, const char *other, const char *what)
{
	if (strcmp(name, other) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("%s \"%s\" is given twice", what, name),
				 errhint("Give each %s a name of its own.", what)));
}

/* The number of elements of an array of "least" to "most", which "what" counts; an error when it is none. */
static int
CheckArray(Jsonb *list, int least, int most, const char *what)
{
	JsonbValue	value;
	JsonbContainer *array;
	int			n;

	(void) JsonbToJsonbValue(list, &value);
	array = CsJsonGetArray(&value);
	if (array == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%ss of an experiment must be a json array", what),
				 errhint("Write them as [{\"%s\": \"name\", ...}, ...].", what)));
	n = JsonContainerSize(array);
	if (n < least || n > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an experiment has %d to %d %ss, not %d", least, most, what, n)));
	return n;
}

/* The error of a "what" that is no object. */
static void
RejectElement(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a %s must be a json object", what),
			 errhint("Write it as {\"%s\": \"name\", ...}.", what)));
}

/* Read an element of a list by a table of options into "result". */
static void
ReadElement(const CsJsonEach *each, const char *what, const CsOption *options, int noptions, void *result)
{
	JsonbValue	value = each->value;

	if (CsJsonGetObject(&value) == NULL)
		RejectElement(what);
	CsOptionsParse(options, noptions, JsonbValueToJsonb(&value), result);
}

/* Read the variants: names, or objects with a weight. */
static void
ReadVariants(CsExperiment *e, Jsonb *variants)
{
	Place		place = {"variant"};
	ErrorContextCallback callback = {error_context_stack, TellPlace, &place};
	CsJsonEach	each = CsJsonEachOf(&variants->root);

	e->nvariants = CheckArray(variants, 2, CS_MAX_VARIANTS, "variant");
	error_context_stack = &callback;
	while (CsJsonNext(&each))
	{
		CsVariant  *v = &e->variants[each.at];

		place.number = each.at + 1;
		if (each.value.type == jbvString)
			*v = (CsVariant) {CsJsonString(&each.value), 1};
		else
			ReadElement(&each, "variant", variantOptions, lengthof(variantOptions), v);
		CheckName(v->name, "a variant");
		for (int i = 0; i < each.at; i++)
			CheckTwice(v->name, e->variants[i].name, "variant");
	}
	error_context_stack = callback.previous;
}

/* A size that may be given in units of the metric or relative to the control's mean, but above 0; of a share, below 1. */
static void
CheckSize(const CsExperimentMetric *m, double absolute, double relative, const char *name)
{
	double		size = isnan(absolute) ? relative : absolute;

	if (!isnan(absolute) && !isnan(relative))
		CsRejectValue(psprintf("\"%s\" and \"relative_%s\" exclude each other", name, name),
					  psprintf("Give the %s in units of the metric, or as a share of the control's mean.", name));
	if (!isnan(size) && size <= 0)
		CsRejectValue(psprintf("\"%s\" of a metric must be above 0", name),
					  psprintf("Give its size; \"direction\" says which way is good."));
	if (m->kind == CS_METRIC_CONVERSION && absolute >= 1)
		CsRejectValue(psprintf("\"%s\" of a conversion must be below 1", name),
					  psprintf("It is a difference of shares: 0.05 is five customers of a hundred."));
}

/* What the columns of a metric must be. */
static void
CheckColumns(CsExperimentMetric *m)
{
	if (m->kind != CS_METRIC_RATIO && (m->numerator != NULL || m->denominator != NULL))
		CsRejectValue("only a ratio has a numerator and a denominator", "Give the column of a conversion or a mean as \"column\".");
	if (m->kind == CS_METRIC_RATIO && (m->numerator == NULL || m->denominator == NULL || m->column != NULL))
		CsRejectValue("a ratio has a numerator and a denominator, and no column",
					  "Write {\"kind\": \"ratio\", \"numerator\": \"revenue\", \"denominator\": \"orders\", ...}.");
	if (m->kind != CS_METRIC_RATIO && m->column == NULL)
		m->column = m->name;
	if (m->kind != CS_METRIC_MEAN && !isnan(m->cap))
		CsRejectValue("only a mean can be capped", "Leave out \"cap\".");
	if (m->kind == CS_METRIC_RATIO && m->covariate != NULL)
		CsRejectValue("a ratio cannot have a covariate", "Leave out \"covariate\", or measure the mean of the numerator.");
	if (!isnan(m->cap) && !(m->cap > 0 && m->cap < 1))
		CsRejectValue("\"cap\" of a metric must be between 0 and 1, both left out",
					  "It is a quantile: 0.99 caps the one percent of the largest values.");
}

/* The window as an interval above 0, in the text that is kept. */
static void
CheckWindow(CsExperimentMetric *m)
{
	Interval	none = {0},
				most = {.day = MAX_DAYS};
	Datum		window;

	if (m->window == NULL)
		return;
	window = IntervalPGetDatum(CsIntervalOption("window", m->window, "14 days"));
	/* after a longer one there may be no time any more, which would be found when nothing can be changed */
	if (DatumGetInt32(DirectFunctionCall2(interval_cmp, window, IntervalPGetDatum(&none))) <= 0 ||
		DatumGetInt32(DirectFunctionCall2(interval_cmp, window, IntervalPGetDatum(&most))) > 0)
		CsRejectValue(psprintf("\"window\" of a metric must be above 0, and at most %d days", MAX_DAYS),
					  "Write the time after the enrolment that counts, as \"14 days\".");
	m->window = DatumGetCString(DirectFunctionCall1(interval_out, window));
}

/* Error unless a metric is whole. */
static void
CheckMetric(CsExperimentMetric *m)
{
	CheckName(m->name, "a metric");
	if (m->kind < 0)
		CsRejectValue(psprintf("metric \"%s\" has no kind", m->name), "Give \"kind\": conversion, mean or ratio.");
	CheckColumns(m);
	CheckSize(m, m->effect, m->relative_effect, "effect");
	CheckSize(m, m->margin, m->relative_margin, "margin");
	CheckWindow(m);
	if (m->role == CS_ROLE_PRIMARY && isnan(m->effect) && isnan(m->relative_effect))
		CsRejectValue(psprintf("primary metric \"%s\" has no effect", m->name),
					  "Give \"effect\", or \"relative_effect\": the smallest one that is worth acting on.");
	if ((m->role == CS_ROLE_GUARDRAIL) != !(isnan(m->margin) && isnan(m->relative_margin)))
		CsRejectValue(m->role == CS_ROLE_GUARDRAIL ? psprintf("guardrail \"%s\" has no margin", m->name) :
					  psprintf("metric \"%s\" has a margin, but is no guardrail", m->name),
					  "Give \"margin\" or \"relative_margin\", the damage that is tolerated, to guardrails only.");
}

/* Read a metric that stands alone, as an object; what is not whole is an error. */
void
CsExperimentMetricRead(CsExperimentMetric *m, Jsonb *metric)
{
	if (!JB_ROOT_IS_OBJECT(metric))
		RejectElement("metric");
	CsOptionsParse(metricOptions, lengthof(metricOptions), metric, m);
	CheckMetric(m);
}

/* Read the metrics, one of which decides. */
static void
ReadMetrics(CsExperiment *e, Jsonb *metrics)
{
	Place		place = {"metric"};
	ErrorContextCallback callback = {error_context_stack, TellPlace, &place};
	CsJsonEach	each = CsJsonEachOf(&metrics->root);
	int			nprimary = 0;

	e->nmetrics = CheckArray(metrics, 1, CS_MAX_EXPERIMENT_METRICS, "metric");
	error_context_stack = &callback;
	while (CsJsonNext(&each))
	{
		CsExperimentMetric   *m = &e->metrics[each.at];

		place.number = each.at + 1;
		ReadElement(&each, "metric", metricOptions, lengthof(metricOptions), m);
		CheckMetric(m);
		for (int i = 0; i < each.at; i++)
			CheckTwice(m->name, e->metrics[i].name, "metric");
		nprimary += m->role == CS_ROLE_PRIMARY;
	}
	error_context_stack = callback.previous;
	if (nprimary != 1)
		CsRejectValue(psprintf("an experiment has one primary metric, not %d", nprimary),
					  "Give \"role\": \"primary\" to the one metric that decides.");
}

/* Buckets, of CS_BUCKETS, that a share of the customers takes. */
int
CsExperimentBuckets(double traffic)
{
	return (int) rint(traffic * CS_BUCKETS);
}

/* The first bucket of a variant by index, which is that after the last one of the variant before. */
int
CsVariantBucket(const CsExperiment *e, int index)
{
	int64		before = 0,
				all = 0;

	for (int i = 0; i < e->nvariants; i++)
	{
		before += i < index ? e->variants[i].weight : 0;
		all += e->variants[i].weight;
	}
	return (int) (CS_BUCKETS * before / all);
}

/*
 * Read a definition into an experiment whose name is set.  What is not whole is an error.  Must be called
 * under CsPlainSettings().
 */
void
CsExperimentDefine(CsExperiment *e, Jsonb *variants, Jsonb *metrics, Jsonb *options)
{
	CheckName(e->name, "an experiment");
	CsOptionsParse(experimentOptions, lengthof(experimentOptions), options, e);
	if (e->salt == NULL)
		e->salt = e->name;
	if (e->power <= e->alpha)
		CsRejectValue("\"power\" must be above \"alpha\"", "They are 0.8 and 0.05 by default.");
	ReadVariants(e, variants);
	ReadMetrics(e, metrics);
	for (int i = 0; i < e->nvariants && e->assignment == CS_ASSIGN_BUCKET; i++)
	{
		if (CsVariantBucket(e, i) == CsVariantBucket(e, i + 1))
			CsRejectValue(psprintf("variant \"%s\" has too small a weight for one of %d buckets", e->variants[i].name, CS_BUCKETS),
						  "Give it more weight, or assign \"blocked\".");
	}
}

/* The variants as rows of custseg.experiment_variant. */
Jsonb *
CsExperimentVariantsJson(const CsExperiment *e)
{
	JsonbParseState *json = NULL;

	CsJsonArray(&json, NULL);
	for (int i = 0; i < e->nvariants; i++)
	{
		CsJsonObject(&json, NULL);
		CsJsonText(&json, "experiment", e->name);
		CsJsonText(&json, "model", e->model);
		CsJsonInteger(&json, "variant_number", i + 1);
		CsJsonText(&json, "variant", e->variants[i].name);
		CsJsonInteger(&json, "weight", e->variants[i].weight);
		(void) CsJsonEnd(&json);
	}
	return CsJsonFinish(&json);
}

/* A size that is relative or not, as its two columns. */
static void
PutSize(JsonbParseState **json, const char *name, const char *is_relative, double absolute, double relative)
{
	CsJsonNumber(json, name, isnan(relative) ? absolute : relative);
	CsJsonBool(json, is_relative, !isnan(relative));
}

/* The metrics as rows of custseg.experiment_metric. */
Jsonb *
CsExperimentMetricsJson(const CsExperiment *e)
{
	JsonbParseState *json = NULL;

	CsJsonArray(&json, NULL);
	for (int i = 0; i < e->nmetrics; i++)
	{
		const CsExperimentMetric *m = &e->metrics[i];

		CsJsonObject(&json, NULL);
		CsJsonText(&json, "experiment", e->name);
		CsJsonInteger(&json, "position", i + 1);
		CsJsonText(&json, "model", e->model);
		CsJsonText(&json, "metric", m->name);
		CsJsonText(&json, "kind", CsMetricKinds[m->kind]);
		CsJsonText(&json, "role", CsMetricRoles[m->role]);
		CsJsonText(&json, "direction", CsMetricDirections[m->direction]);
		CsJsonText(&json, "column_name", m->column);
		CsJsonText(&json, "numerator", m->numerator);
		CsJsonText(&json, "denominator", m->denominator);
		PutSize(&json, "effect", "effect_is_relative", m->effect, m->relative_effect);
		PutSize(&json, "margin", "margin_is_relative", m->margin, m->relative_margin);
		CsJsonNumber(&json, "cap", m->cap);
		CsJsonText(&json, "covariate", m->covariate);
		CsJsonText(&json, "outcome_window", m->window);
		(void) CsJsonEnd(&json);
	}
	return CsJsonFinish(&json);
}
