/*
 * renewal.c
 *	  How long contracts go on that customers renew period by period: retention_projection(), retention_models().
 *
 * A segment's customers are counted by period, and the models of stat/renewal.c are fitted to the counts.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/survival.h"
#include "utils/float.h"
#include "value/stays.h"

#define MOST_PERIODS 10000
/* Fewer customers who left, or periods at whose end somebody did, tell little of how they differ. */
#define FEW_EVENTS 50
#define FEW_PERIODS 3
/* A share that is so far from what was observed is worth a word. */
#define LARGE_GAP 0.05

enum
{
	PROJECTION_PERIODS = CS_STAYS_ARGUMENTS, PROJECTION_OPTIONS
};

enum
{
	M_GEOMETRIC, M_WEIBULL, MODELS
};

static const char *const modelNames[MODELS] = {"shifted beta-geometric", "beta-discrete-Weibull"};
static const char noneLeft[] = "none of the customers has left yet";
static const int parameters[MODELS] = {CS_RENEWAL_SHAPE, CS_RENEWAL_PARAMETERS};

/* A segment that is counted, period by period. */
typedef struct Counting
{
	CsStays		stays;
	CsResult   *result;
	double		quantile;		/* of the normal distribution */
	int32		more;			/* periods to project */
	int64		number;			/* of the segment at hand; 0: none yet */
	char	   *segment;
	CsRenewalPeriod *period;
	int			n_periods,
				allocated;
	int64		n,
				n_events;
	int			n_leaving;		/* periods at whose end somebody left */
	CsRenewalFit fit[MODELS];
	void		(*put) (struct Counting *c);	/* the segment as rows */
} Counting;

PG_FUNCTION_INFO_V1(custseg_retention_projection);
PG_FUNCTION_INFO_V1(custseg_retention_models);

/* The model that says more: the one with a shape only where that pays by Akaike's criterion. */
static int
Chosen(const Counting *c)
{
	return c->fit[M_WEIBULL].has_converged && c->fit[M_WEIBULL].aic < c->fit[M_GEOMETRIC].aic ? M_WEIBULL :
		M_GEOMETRIC;
}

/* The segment at hand is over, if there is one. */
static void
EndSegment(Counting *c)
{
	CsRenewalData data = {c->n, c->n_periods, c->period};

	if (c->number == 0)
		return;
	for (int m = 0; m < MODELS; m++)
		c->fit[m] = c->n_events == 0 ? CsRenewalUnknown(parameters[m]) : CsRenewalMaximise(&data, parameters[m]);
	c->put(c);
}

static void
BeginSegment(Counting *c, const CsStay *stay)
{
	if (c->segment != NULL)
		pfree(c->segment);
	c->segment = stay->segment == NULL ? NULL : MemoryContextStrdup(c->stays.context, stay->segment);
	c->number = stay->number;
	c->n = stay->total;
	c->n_events = 0;
	c->n_periods = 0;
	c->n_leaving = 0;
}

/* The counts of a period, which is not before the last one. */
static CsRenewalPeriod *
PeriodOf(Counting *c, int32 period)
{
	if (c->n_periods > 0 && c->period[c->n_periods - 1].period == period)
		return &c->period[c->n_periods - 1];
	if (c->n_periods == c->allocated)
	{
		c->allocated = Max(64, 2 * c->allocated);
		c->period = c->period == NULL ?
			MemoryContextAlloc(c->stays.context, sizeof(CsRenewalPeriod) * c->allocated) :
			repalloc(c->period, sizeof(CsRenewalPeriod) * c->allocated);
	}
	c->period[c->n_periods] = (CsRenewalPeriod) {period};
	return &c->period[c->n_periods++];
}

/* An error unless the duration is a number of periods. */
static void
CheckPeriods(const Counting *c, const CsStay *stay)
{
	const char *column = NameStr(c->stays.duration->name);

	if (stay->duration != floor(stay->duration))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has a duration that is not a whole number of periods: %s", column,
						float8out_internal(stay->duration)),
				 errhint("Count the periods that a customer paid for, such as months, in a query as the source.")));
	if (stay->duration > MOST_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has a duration of more than %d periods: %s", column, MOST_PERIODS,
						float8out_internal(stay->duration)),
				 errhint("Count longer periods.")));
	if (stay->duration == 0 && stay->left)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has customers who left after 0 periods", column),
				 errhint("A customer who leaves within the first period, or at its end, has 1.")));
}

/* CsRowSink: customers of a segment, their durations ascending. */
static void
TakeStay(void *state, const Datum *values, const bool *nulls)
{
	Counting   *c = state;
	CsStay		stay;
	CsRenewalPeriod *period;

	if (!CsStaysRead(&c->stays, values, nulls, &stay))
		return;
	CheckPeriods(c, &stay);
	if (stay.number != c->number)
	{
		EndSegment(c);
		BeginSegment(c, &stay);
	}
	period = PeriodOf(c, (int32) stay.duration);
	if (!stay.left)
	{
		period->censored += stay.n;
		return;
	}
	c->n_leaving += period->left == 0;
	period->left += stay.n;
	c->n_events += stay.n;
}

/* Read the source, segment by segment. */
static void
CountAll(FunctionCallInfo fcinfo, Counting *c)
{
	CsStaysOpen(fcinfo, &c->stays);
	CsStaysQuery(&c->stays, "number, duration");
	(void) CsRelationRead(c->stays.query, c->stays.query->columns, c->stays.query->ncolumns, TakeStay, c);
	EndSegment(c);
	CsStaysReport(&c->stays);
}

/*
 * What the data leave possible of the parameters, palloc'd.  The longer model's, also where the shorter one was
 * chosen: that the shape is 1 is known no better than the data tell it.
 */
static CsRenewalRegion *
FindRegion(const Counting *c)
{
	CsRenewalData data = {c->n, c->n_periods, c->period};
	CsRenewalRegion *region = palloc0(sizeof(CsRenewalRegion));

	if (c->n_events > 0)
		CsRenewalFindRegion(&data, &c->fit[M_WEIBULL], c->quantile, region);
	return region;
}

/*
 * Take the observed curve (Kaplan and Meier) through a period; OUT the customers who were there at its end.
 * "next" is the first period whose counts the curve lacks.
 */
static void
ObservePeriod(const Counting *c, CsSurvival *curve, int *next, int32 time, int64 *at_risk)
{
	/* those who were last seen before have no part in it */
	for (; *next < c->n_periods && c->period[*next].period < time; (*next)++)
		CsSurvivalStep(curve, c->period[*next].period, 0, c->period[*next].censored);
	*at_risk = curve->at_risk;
	if (*next < c->n_periods && c->period[*next].period == time)
		CsSurvivalStep(curve, time, c->period[*next].left, 0);
}

/* Why shares have no interval; NULL: they have one. */
static const char *
WhyNoInterval(const Counting *c, const CsRenewalRegion *region)
{
	if (c->n_events == 0)
		return noneLeft;
	return region->is_known ? NULL : "the customers who left say too little of the curve for an interval";
}

/* A segment as rows, a row for each period. */
static void
PutProjection(Counting *c)
{
	int			model = Chosen(c);
	const CsRenewalFit *fit = &c->fit[model];
	CsRenewalRegion *region = FindRegion(c);
	CsSurvival	curve = CsSurvivalBegin(c->n, INFINITY);
	int32		last = c->period[c->n_periods - 1].period;
	double		before = c->n_events == 0 ? NAN : 1,
				paid = 0;
	int			next = 0;

	for (int32 time = 1; time <= last + c->more; time++)
	{
		double		share = exp(CsRenewalLogSurvival(fit->theta, time, NULL)),
					low,
					high;
		int64		at_risk;

		CHECK_FOR_INTERRUPTS();
		ObservePeriod(c, &curve, &next, time, &at_risk);
		CsRenewalInterval(region, fit, time, &low, &high);
		paid += before;
		CsResultPut(c->result,
					CsValues(CsValueText(c->segment), CsValueFloat8(time), CsValueInt8(at_risk),
							 CsValueFloat8(time <= last ? curve.survival : NAN), CsValueFloat8(share),
							 CsValueFloat8(low), CsValueFloat8(high), CsValueFloat8(share / before),
							 CsValueFloat8(paid), CsValueText(c->n_events == 0 ? NULL : modelNames[model]),
							 CsValueText(WhyNoInterval(c, region))));
		before = share;
	}
	pfree(region);
}

/* retention_projection(source, duration, event, segment, periods, options): periods that were seen, and others */
Datum
custseg_retention_projection(PG_FUNCTION_ARGS)
{
	Counting	c = {.result = CsResultOpen(fcinfo), .put = PutProjection};

	c.more = CsRequiredInt(fcinfo, PROJECTION_PERIODS, "periods");
	if (c.more < 0 || c.more > MOST_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"periods\" must be between 0 and %d, not %d", MOST_PERIODS, c.more)));
	c.quantile = CsStaysQuantile(fcinfo, PROJECTION_OPTIONS);
	CountAll(fcinfo, &c);
	return (Datum) 0;
}

/* The share of those there who stay on after a period, in words; palloc'd. */
static char *
StayingPercent(const CsRenewalFit *fit, int32 period)
{
	double		share = exp(CsRenewalLogSurvival(fit->theta, period, NULL) -
							CsRenewalLogSurvival(fit->theta, period - 1, NULL));

	return share < 0.0005 || share >= 0.9995 ? CsWordsPercent(share) : psprintf("%.1f %%", 100 * share);
}

/* What a fit says of the customers. */
static void
Describe(const Counting *c, const CsRenewalFit *fit, CsFinding *finding)
{
	int32		last = c->period[c->n_periods - 1].period;
	double		shape = fit->theta[CS_RENEWAL_SHAPE];

	CsFindingAdd(finding, CS_VERDICT_OK,
				 "of the customers %s stay on after the first period, and after period %d %s of those who are still there",
				 StayingPercent(fit, 1), last, StayingPercent(fit, last));
	if (!fit->on_bound[CS_RENEWAL_B])
		return;
	if (fit->theta[CS_RENEWAL_B] < 0)
		CsFindingAdd(finding, CS_VERDICT_OK, "some leave after the first period, and the others hardly ever");
	else if (!(fabs(shape) > c->quantile * CsRenewalError(fit, CS_RENEWAL_SHAPE)))
		CsFindingAdd(finding, CS_VERDICT_OK, "customers hardly differ in their chance of leaving");
	else
		CsFindingAdd(finding, CS_VERDICT_OK,
					 "customers hardly differ in their chance of leaving, which %s the longer they stay",
					 shape < 0 ? "falls" : "rises");
}

/*
 * The largest difference between the shares that stay by the model and as observed, where enough
 * customers are there to tell; OUT the period after which it is.
 */
static double
LargestGap(const Counting *c, const CsRenewalFit *fit, int32 *period)
{
	CsSurvival	curve = CsSurvivalBegin(c->n, INFINITY);
	double		largest = 0;
	int			next = 0;

	for (int i = 0; i < c->n_periods; i++)
	{
		int32		time = c->period[i].period;
		int64		at_risk;
		double		gap;

		ObservePeriod(c, &curve, &next, time, &at_risk);
		if (at_risk < FEW_EVENTS)
			break;
		gap = fabs(curve.survival - exp(CsRenewalLogSurvival(fit->theta, time, NULL)));
		if (gap > largest)
		{
			largest = gap;
			*period = time;
		}
	}
	return largest;
}

/* A fit that is one: how far it is from what was observed, and what it says. */
static void
JudgeFitted(const Counting *c, const CsRenewalFit *fit, CsFinding *finding)
{
	int32		period = 0;
	double		gap = LargestGap(c, fit, &period);

	if (gap > LARGE_GAP)
		CsFindingAdd(finding, CS_VERDICT_WATCH,
					 "the curve does not fit well: after period %d it is %.1f percentage points from what was observed",
					 period, 100 * gap);
	Describe(c, fit, finding);
}

/* What a fit is worth. */
static void
Judge(const Counting *c, const CsRenewalFit *fit, CsFinding *finding)
{
	CsFindingInit(finding);
	if (c->n_events == 0)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "%s", noneLeft);
	else if (c->n_events < FEW_EVENTS)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "%lld of the customers %s left, and the curve takes %d to tell",
					 (long long) c->n_events, c->n_events == 1 ? "has" : "have", FEW_EVENTS);
	else if (c->n_leaving < FEW_PERIODS)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, c->n_leaving == 1 ?
					 "all who left did so after the same period, which is no curve" :
					 "all who left did so after two different periods, which are no curve");
	else if (!fit->has_converged)
		CsFindingAdd(finding, CS_VERDICT_WATCH, "the fit did not converge");
	else if (!fit->has_covariance)
		CsFindingAdd(finding, CS_VERDICT_WATCH,
					 "many parameters fit nearly as well, so the curve has no interval");
	else
		JudgeFitted(c, fit, finding);
}

/* A segment as rows, a row for each model. */
static void
PutModels(Counting *c)
{
	for (int m = 0; m < MODELS; m++)
	{
		const CsRenewalFit *fit = &c->fit[m];
		CsFinding	finding;

		Judge(c, fit, &finding);
		CsResultPut(c->result,
					CsValues(CsValueText(c->segment), CsValueText(modelNames[m]), CsValueBool(m == Chosen(c)),
							 CsValueInt8(c->n), CsValueInt8(c->n_events), CsValueFloat8(exp(fit->theta[CS_RENEWAL_A])),
							 CsValueFloat8(exp(fit->theta[CS_RENEWAL_B])),
							 CsValueFloat8(exp(fit->theta[CS_RENEWAL_SHAPE])), CsValueFloat8(fit->log_likelihood),
							 CsValueFloat8(fit->aic), CsFindingVerdict(&finding), CsFindingReason(&finding)));
	}
}

/* retention_models(source, duration, event, segment): a row for each segment and model */
Datum
custseg_retention_models(PG_FUNCTION_ARGS)
{
	Counting	c = {.result = CsResultOpen(fcinfo), .put = PutModels, .quantile = CS_INTERVAL_SDS};

	CountAll(fcinfo, &c);
	return (Datum) 0;
}
