/*
 * plan_experiment.c
 *	  What plan_experiment() is made of: its options, and the values of a metric by segment.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/customers.h"
#include "orders/orders.h"
#include "stat/sequential.h"

typedef struct PlanOptions
{
	double		traffic;
	double		alpha,
				power;
	double		allocation;		/* customers of a treatment for one of the control */
	int			n_treatments;
	int			method;			/* CsLookMethod */
	int			n_looks;
	bool		each_segment;	/* is judged, not all together only */
	double		per_day;		/* customers who come a day; NaN: not known */
	int			min_days;
} PlanOptions;

static const CsOption planOptions[] = {
	{"traffic", CS_OPTION_REAL, offsetof(PlanOptions, traffic), 1, 0.0001, 1},
	{"alpha", CS_OPTION_REAL, offsetof(PlanOptions, alpha), 0.05, 1e-6, 0.5},
	{"power", CS_OPTION_REAL, offsetof(PlanOptions, power), 0.8, 0.5, 0.999999},
	{"allocation", CS_OPTION_REAL, offsetof(PlanOptions, allocation), 1, 0.0001, 10000},
	{"n_treatments", CS_OPTION_INT, offsetof(PlanOptions, n_treatments), 1, 1, CS_MAX_VARIANTS - 1},
	{"method", CS_OPTION_CHOICE, offsetof(PlanOptions, method), CS_LOOK_SPENDING, .choices = CsLookMethods},
	{"n_looks", CS_OPTION_INT, offsetof(PlanOptions, n_looks), 5, 1, CS_MAX_LOOKS},
	{"each_segment", CS_OPTION_BOOL, offsetof(PlanOptions, each_segment), 1},
	{"per_day", CS_OPTION_REAL, offsetof(PlanOptions, per_day), NAN, 1e-6, 1e12},
	{"min_days", CS_OPTION_INT, offsetof(PlanOptions, min_days), 0, 0, 3650}
};

PG_FUNCTION_INFO_V1(custseg_plan_settings);
PG_FUNCTION_INFO_V1(custseg_plan_rows);

/* The arguments. */
enum
{
	SETTINGS_METRIC, SETTINGS_OPTIONS
};

enum
{
	ROWS_MODEL, ROWS_SOURCE, ROWS_METRIC, ROWS_VERSION
};

/* The metric that an argument describes, palloc'd, with an effect. */
static CsExperimentMetric *
MetricArgument(FunctionCallInfo fcinfo, int argument)
{
	CsExperimentMetric *m = palloc0(sizeof(CsExperimentMetric));

	CsRequireArgument(fcinfo, argument, "metric");
	CsExperimentMetricRead(m, CsJsonbArgument(fcinfo, argument));
	if (isnan(m->effect) && isnan(m->relative_effect))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" has no effect", m->name),
				 errhint("Give \"effect\", or \"relative_effect\": the smallest one that is worth acting on.")));
	return m;
}

/* plan_settings(metric, options): both, checked, with defaults */
Datum
custseg_plan_settings(PG_FUNCTION_ARGS)
{
	CsExperimentMetric *m = MetricArgument(fcinfo, SETTINGS_METRIC);
	PlanOptions options;
	JsonbParseState *json = NULL;

	CsOptionsArgument(fcinfo, SETTINGS_OPTIONS, planOptions, lengthof(planOptions), &options);
	CsJsonObject(&json, NULL);
	CsJsonText(&json, "kind", CsMetricKinds[m->kind]);
	CsJsonInteger(&json, "sign", m->direction == CS_DIRECTION_UP ? 1 : -1);
	CsJsonNumber(&json, "effect", m->effect);
	CsJsonNumber(&json, "relative_effect", m->relative_effect);
	CsJsonNumber(&json, "cap", m->cap);
	CsJsonJsonb(&json, "options", CsOptionsToJsonb(planOptions, lengthof(planOptions), &options));
	PG_RETURN_JSONB_P(CsJsonFinish(&json));
}

/* Columns that are read; not there when the metric has none of the kind. */
enum
{
	READ_VALUE, READ_DENOMINATOR, READ_COVARIATE, READ_COLUMNS
};

/* A reading. */
typedef struct Reading
{
	CsPass	   *pass;
	CsPlacer   *placer;
	CsResult   *result;
	bool		is_conversion;
	const CsColumn *column[READ_COLUMNS];
	int			position[READ_COLUMNS];
} Reading;

/* Have a column read, if there is one. */
static void
ReadColumn(Reading *r, int column, const char *name, const char *role)
{
	if (name == NULL)
		return;
	r->column[column] = CsColumnOfRole(r->pass->relation, name, role, CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN));
	r->position[column] = CsPassColumn(r->pass, r->column[column]);
}

/* A value of a column: "otherwise" for NULL; NULL where it is not read. */
static CsValue
ValueOf(const Reading *r, int column, const Datum *values, const bool *nulls, double otherwise)
{
	const CsColumn *c = r->column[column];
	double		x;

	if (c == NULL)
		return CsValueNull(FLOAT8OID);
	x = nulls[r->position[column]] ? otherwise : c->converter.to_double(&c->converter, values[r->position[column]]);
	if (isinf(x))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has an infinite value", NameStr(c->name)),
				 errhint("Leave such rows out in a query as the source.")));
	if (column == READ_VALUE && r->is_conversion && x != 0 && x != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of a conversion has a value other than 0 and 1", NameStr(c->name)),
				 errhint("Compare it in a query as the source, such as orders > 0 AS bought.")));
	return CsValueFloat8(x);
}

/* CsRowSink: a customer who is in a segment. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	int			index = CsPlacerSegment(r->placer);

	if (index < 0)
		return;
	CsResultPut(r->result, CsValues(CsValueInt4(CsScorerSegments(r->placer->scoring.scorer)[index].segment),
									ValueOf(r, READ_VALUE, values, nulls, 0),
									ValueOf(r, READ_DENOMINATOR, values, nulls, 0),
									ValueOf(r, READ_COVARIATE, values, nulls, NAN)));
}

/* plan_rows(model, source, metric, version): the values of the metric of each customer who is in a segment */
Datum
custseg_plan_rows(PG_FUNCTION_ARGS)
{
	Reading		r = {.result = CsResultOpen(fcinfo)};
	CsExperimentMetric *m = MetricArgument(fcinfo, ROWS_METRIC);
	bool		is_ratio = m->kind == CS_METRIC_RATIO;

	r.is_conversion = m->kind == CS_METRIC_CONVERSION;
	r.pass = CsPassOpenModel(CsRequiredText(fcinfo, ROWS_MODEL, "model"), CsVersionArgument(fcinfo, ROWS_VERSION),
							 CsTextArgument(fcinfo, ROWS_SOURCE), CS_PLACE_TRY, &r.placer);
	CsPassHonour(r.pass, r.placer);
	ReadColumn(&r, READ_VALUE, is_ratio ? m->numerator : m->column, "metric");
	ReadColumn(&r, READ_DENOMINATOR, m->denominator, "denominator");
	ReadColumn(&r, READ_COVARIATE, m->covariate, "covariate");
	CsPassVisit(r.pass, &(CsVisitor) {.state = &r, .take_row = TakeRow});
	(void) CsPassRead(r.pass);
	return (Datum) 0;
}
