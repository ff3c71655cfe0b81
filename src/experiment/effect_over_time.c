/*
 * effect_over_time.c
 *	  effect_over_time(): does an effect wear off, or grow?
 *
 * Periods are counted from each customer's own enrolment, not by the calendar.  The slope of each customer's
 * values over the periods is one number, so that it does not matter how these depend on each other: its means
 * are compared by Welch's test.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/analysis.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "value/purchases.h"

#define MAX_PERIODS 100

PG_FUNCTION_INFO_V1(custseg_effect_over_time);

/* The arguments. */
enum
{
	ARG_EXPERIMENT, ARG_SOURCE, ARG_METRIC, ARG_PERIOD, ARG_N_PERIODS, ARG_AS_OF, ARG_ID, ARG_OPTIONS
};

/* A reading. */
typedef struct Reading
{
	int			nstates;		/* periods, all together, slope */
	MemoryContext context;
	CsPairedArms **states;		/* of each variant, nstates; NULL: nobody */
} Reading;

/* CsRowSink: the states of a variant. */
static void
TakeVariant(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	MemoryContext old = MemoryContextSwitchTo(r->context);

	for (int i = 0; i < r->nstates; i++)
	{
		CsPairedArms *arms = (CsPairedArms *) DatumGetByteaPCopy(values[1 + i]);

		CsPairedArmsCheckAll(arms);
		r->states[(DatumGetInt32(values[0]) - 1) * r->nstates + i] = arms;
	}
	MemoryContextSwitchTo(old);
}

/* The experiment with the metric alone, as it is in each period. */
static CsExperiment *
OnlyMetric(const CsExperiment *e, const char *name)
{
	CsExperiment *only = palloc(sizeof(CsExperiment));
	int			m = 0;

	while (m < e->nmetrics && (name == NULL ? e->metrics[m].role != CS_ROLE_PRIMARY : strcmp(e->metrics[m].name, name) != 0))
		m++;
	if (m == e->nmetrics)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("experiment \"%s\" has no metric \"%s\"", e->name, name),
				 errhint("SELECT metric FROM custseg.experiment_metric lists them.")));
	if (e->metrics[m].kind == CS_METRIC_RATIO)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("metric \"%s\" is a ratio, which has no value of each customer and period", e->metrics[m].name),
				 errhint("Name a conversion or a mean.")));
	*only = *e;
	only->nmetrics = 1;
	only->metrics[0] = e->metrics[m];
	only->metrics[0].window = only->metrics[0].covariate = NULL;
	return only;
}

/* The length of a period as text, from an argument. */
static char *
PeriodArgument(FunctionCallInfo fcinfo)
{
	Interval   *period;
	char	   *text;
	int			level;

	CsRequireArgument(fcinfo, ARG_PERIOD, "period");
	period = PG_GETARG_INTERVAL_P(ARG_PERIOD);
	if (!(CsIntervalDays(period) > 0) || isinf(CsIntervalDays(period)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"period\" must be longer than nothing, and finite")));
	level = CsPlainSettings();
	text = DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(period)));
	AtEOXact_GUC(true, level);
	return text;
}

/* The number of periods, from an argument. */
static int
PeriodsArgument(FunctionCallInfo fcinfo)
{
	int			n = CsRequiredInt(fcinfo, ARG_N_PERIODS, "n_periods");

	if (n < 2 || n > MAX_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"n_periods\" must be from 2 to %d", MAX_PERIODS),
				 errdetail("It is %d.", n)));
	return n;
}

/* A state of a variant compared with the control's. */
static CsArmsResult
Compare(const Reading *r, int variant, int state, const CsArmsTest *test, int64 *n)
{
	static const CsPairedArms nobody = {0};
	const CsPairedArms *control = r->states[state],
			   *treatment = r->states[variant * r->nstates + state];
	CsStratum	s;

	CsStratumInit(&s, CS_METRIC_MEAN, false, control == NULL ? &nobody : control, treatment == NULL ? &nobody : treatment);
	memcpy(n, s.arms.n, sizeof(s.arms.n));
	return CsArmsCompare(&s.arms, test);
}

/* Put a row; "period" is 0 for the slope. */
static void
PutRow(CsResult *result, const CsExperiment *e, int variant, int period, const int64 *n, const CsArmsResult *r,
	   const char *rating, const char *reason)
{
	CsResultPut(result, CsValues(CsValueText(e->variants[variant].name),
								 period == 0 ? CsValueNull(INT4OID) : CsValueInt4(period),
								 CsValueInt8(n[CS_CONTROL]), CsValueInt8(n[CS_TREATMENT]),
								 CsValueFloat8(r->mean[CS_CONTROL]), CsValueFloat8(r->mean[CS_TREATMENT]),
								 CsValueFloat8(r->difference), CsValueFloat8(r->error), CsValueFloat8(r->statistic),
								 CsValueFloat8(r->df), CsValueFloat8(r->p), CsValueFloat8(r->low),
								 CsValueFloat8(r->high), CsValueText(rating), CsValueText(reason)));
}

/* The rows of a variant: its periods, and the slope. */
static void
PutVariant(CsResult *result, const CsExperiment *e, const Reading *r, int variant)
{
	CsArmsTest	test = {.confidence = 1 - e->alpha};
	int			nperiods = r->nstates - 2;
	int64		n[CS_ARMS];
	CsArmsResult whole = Compare(r, variant, nperiods, &test, n),
				slope;
	CsDecay		decay;

	test.by_larger = true;
	for (int w = 0; w < nperiods; w++)
	{
		CsArmsResult period = Compare(r, variant, w, &test, n);

		PutRow(result, e, variant, w + 1, n, &period, NULL, NULL);
	}
	test.by_larger = false;
	slope = Compare(r, variant, nperiods + 1, &test, n);
	decay = CsDecayOf(whole.difference, slope.difference, slope.p, e->alpha);
	PutRow(result, e, variant, 0, n, &slope, isnan(slope.p) ? NULL : CsDecayNames[decay],
		   Min(n[CS_CONTROL], n[CS_TREATMENT]) < 2 ? "too few customers with all periods" :
		   isnan(slope.p) ? "slopes do not differ between the customers of a variant" :
		   psprintf("the effect of %s a period on average changes by %s a period (p = %.2g)",
					CsWordsNumber(whole.difference / nperiods), CsWordsNumber(slope.difference), slope.p));
}

/* effect_over_time(experiment, source, metric, period, n_periods, as_of, id, options) */
Datum
custseg_effect_over_time(PG_FUNCTION_ARGS)
{
	CsExperiment *e = CsExperimentRead(CsRequiredText(fcinfo, ARG_EXPERIMENT, "experiment"));
	char	   *source = CsRequiredText(fcinfo, ARG_SOURCE, "source"),
			   *period = PeriodArgument(fcinfo);
	int			nperiods = PeriodsArgument(fcinfo);
	TimestampTz as_of = PG_ARGISNULL(ARG_AS_OF) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(ARG_AS_OF);
	CsOutcomeOptions options = CsOutcomeOptionsArgument(fcinfo, ARG_OPTIONS);
	Reading		r = {.nstates = nperiods + 2,.context = CurrentMemoryContext};
	CsOutcomeSource s;
	CsResult   *result;

	CsModelCheckOwner(e->model);
	CsExperimentRequireStarted(e);
	e = OnlyMetric(e, CsTextArgument(fcinfo, ARG_METRIC));
	if (options.time == NULL || TIMESTAMP_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("periods need lines with a time, and an \"as_of\" that is finite"),
				 errhint("Give lines as the source, and name the column of their time as the option \"time\".")));
	CsOutcomeSourceOpen(&s, e, source, CsTextArgument(fcinfo, ARG_ID), &options);
	CsOutcomeLinesOpen(&s, period, nperiods);
	r.states = palloc0(sizeof(CsPairedArms *) * e->nvariants * r.nstates);
	(void) CsOutcomeQuery(&s, CsOutcomePeriodsSql(&s, period, nperiods, as_of), TakeVariant, &r);
	result = CsResultOpen(fcinfo);
	for (int v = 1; v < e->nvariants; v++)
		PutVariant(result, e, &r, v);
	return (Datum) 0;
}
