/*
 * lifetime_value.c
 *	  What each customer of a source is worth: lifetime_value().
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "utils/float.h"
#include "utils/timestamp.h"
#include "value/worth.h"

/* What is discounted is added up from step to step, which takes the longer the farther one looks. */
#define MOST_DAYS (1000 * 12 * CS_MONTH_DAYS)

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_HORIZON, ARG_DISCOUNT, ARG_AS_OF, ARG_CONFIDENCE, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_lifetime_value);

typedef struct Lifetime
{
	const CsWorthVersion *version;
	CsHorizon	horizon;
	bool		has_ends;
	CsRatioEnds ends;			/* of intervals */
	CsResult   *result;
	CsWorthMemory *memory;
} Lifetime;

/*
 * How far ahead two arguments look.  Without an interval, for ever: only Pareto/NBD has a value for
 * that, and only where what comes later is worth less.
 */
CsHorizon
CsHorizonArguments(FunctionCallInfo fcinfo, int interval, int discount, const CsWorthModel *m)
{
	CsHorizon	horizon = {
		PG_ARGISNULL(interval) ? INFINITY : CsIntervalDays(PG_GETARG_INTERVAL_P(interval)),
		PG_ARGISNULL(discount) ? 0 : PG_GETARG_FLOAT8(discount)
	};

	if (!(horizon.discount > -1) || isinf(horizon.discount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"discount\" must be above -1, not %s", float8out_internal(horizon.discount)),
				 errhint("Give the rate of a year: 0.1 for 10 percent, 0 for none.")));
	if (PG_ARGISNULL(interval) && (m->purchases != &CsParetoNbd || horizon.discount <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("without a horizon a customer has no value by %s%s", m->purchases->name,
						m->purchases == &CsParetoNbd ? " and a discount of 0 or less" : ""),
				 errhint("Give a horizon, such as \"1 year\"; pareto_nbd with a discount above 0 has a value of all that is to come.")));
	if (!PG_ARGISNULL(interval) && !(horizon.days > 0 && horizon.days <= MOST_DAYS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"horizon\" must be above 0 and at most 1,000 years"),
				 errhint("Write \"1 year\" or \"90 days\".")));
	return horizon;
}

/* CsPurchaserVisitor: a row. */
static void
PutCustomer(void *state, const CsPurchaser *p)
{
	Lifetime   *l = state;
	const CsWorthVersion *v = l->version;
	const CsPurchasesAsOf *at = &p->at[0];
	CsWorth		worth = CsWorthOfDays(l->memory, at->repeats, at->recency, at->age);
	double		spend = CsSpendOf(&v->model, at->repeats, at->repeats > 0 ? at->total / at->repeats : 0),
				value = worth.discounted * spend,
				low = NAN,
				high = NAN;

	if (l->has_ends)
		CsRatioEndsOf(&l->ends, v->model.spend == CS_SPEND_NONE ? worth.purchases : value, &low, &high);
	CsResultPut(l->result,
				CsValues(CsValueText(p->customer), CsValueFloat8(worth.alive), CsValueFloat8(worth.purchases),
						 CsValueFloat8(spend), CsValueFloat8(value), CsValueFloat8(low),
						 CsValueFloat8(isinf(high) ? NAN : high)));
}

/*
 * Customers of lines: of the source, or with NULL of those that the version was trained on, as of the day of a time,
 * or with NULL of the latest line.
 */
void
CsWorthOpenLines(CsPurchasesRequest *r, const CsWorthVersion *v, const char *model, const char *source,
				 const TimestampTz *as_of)
{
	NullableDatum at = {as_of == NULL ? (Datum) 0 : TimestampTzGetDatum(*as_of), as_of == NULL};
	DateADT		earliest;

	CsPurchasesColumns(r, CsSourceOpenOf(model, CsCacheVersion(v), source), NameStr(v->customer),
					   NameStr(v->time), NameStr(v->amount)[0] == '\0' ? NULL : NameStr(v->amount));
	r->returns = v->returns;
	r->zone = CsOrdersZone(v->zone);
	r->with_customer = true;
	CsPurchasesAsOfDay(r, &at, &earliest);
}

/* The confidence that was asked for, 0.9 unless it was. */
double
CsConfidenceArgument(FunctionCallInfo fcinfo, int argument)
{
	double		confidence = PG_ARGISNULL(argument) ? 0.9 : PG_GETARG_FLOAT8(argument);

	if (!(confidence >= 0.5 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"confidence\" must be from 0.5 to below 1, not %s", float8out_internal(confidence)),
				 errhint("Write 0.9 for 90 percent.")));
	return confidence;
}

/* The ends of intervals, where the version knows any. */
static void
MakeEnds(Lifetime *l, double confidence)
{
	const CsWorthVersion *v = l->version;

	l->has_ends = v->interval_days > 0 && isfinite(l->horizon.days);
	if (l->has_ends)
		l->ends = CsRatiosEnds(&v->ratios, l->horizon.days / v->interval_days, confidence);
}

/* lifetime_value(model, source, horizon, discount, as_of, confidence, version) */
Datum
custseg_lifetime_value(PG_FUNCTION_ARGS)
{
	Lifetime	l = {.result = CsResultOpen(fcinfo)};
	CsPurchasesRequest request = {0};
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	CsPurchasesCounts counts;
	TimestampTz as_of = 0;

	l.version = CsWorthGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(l.version, CurrentMemoryContext);
	l.horizon = CsHorizonArguments(fcinfo, ARG_HORIZON, ARG_DISCOUNT, &l.version->model);
	MakeEnds(&l, CsConfidenceArgument(fcinfo, ARG_CONFIDENCE));
	if (!PG_ARGISNULL(ARG_AS_OF))
		as_of = PG_GETARG_TIMESTAMPTZ(ARG_AS_OF);
	CsWorthOpenLines(&request, l.version, model, CsTextArgument(fcinfo, ARG_SOURCE), PG_ARGISNULL(ARG_AS_OF) ? NULL : &as_of);
	l.memory = CsWorthRemember(&l.version->model, &l.horizon, false);
	counts = CsPurchasesRead(&request, PutCustomer, &l);
	CsPurchasesReport(&counts);
	return (Datum) 0;
}
