/*
 * segment_value.c
 *	  What each segment is worth, and how many of it leave: segment_value() and segment_churn().
 *
 * A customer's segment comes from one model and its worth from another; what is told of a segment is the sum of its
 * customers, and how far that may be off (stat/worth_sum.c).
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "utils/timestamp.h"
#include "value/segment_worth.h"

/* The arguments: those of both functions, and those of segment_churn() where they lie elsewhere. */
enum
{
	ARG_VALUE_MODEL, ARG_SEGMENT_MODEL, ARG_SOURCE, ARG_CUSTOMERS,
	VALUE_HORIZON, VALUE_DISCOUNT, VALUE_AS_OF, VALUE_CONFIDENCE, VALUE_VERSION, VALUE_SEGMENT_VERSION,
	VALUE_ARGUMENTS,
	CHURN_AS_OF = ARG_CUSTOMERS + 1, CHURN_CONFIDENCE, CHURN_VERSION, CHURN_SEGMENT_VERSION
};

StaticAssertDecl(ARG_SEGMENT_MODEL == CS_SEGMENT_VALUE_MODEL && VALUE_HORIZON == CS_SEGMENT_VALUE_HORIZON &&
				 VALUE_ARGUMENTS == CS_SEGMENT_VALUE_ARGUMENTS, "positions that other files know");

PG_FUNCTION_INFO_V1(custseg_segment_value);
PG_FUNCTION_INFO_V1(custseg_segment_churn);

/* A report. */
typedef struct Report
{
	CsSegmentWorth worth;
	CsResult   *result;
	CsWorthSum	total;
} Report;

/* What a row is about. */
typedef struct Line
{
	const CsWorthSum *sum;
	CsValue		segment;		/* number; NULL: no segment, or all */
	const char *name;
} Line;

typedef void (*PutLine) (const Report *r, const Line *line);

/* Open the models that the arguments name; "version" and "segment_version" are where theirs are. */
static void
OpenModels(FunctionCallInfo fcinfo, CsSegmentWorth *w, int kinds, int version, int segment_version)
{
	w->value_model = CsRequiredText(fcinfo, ARG_VALUE_MODEL, "value_model");
	w->value = CsCacheGetOfKind(kinds, w->value_model, CsVersionArgument(fcinfo, version));
	CsCachePin(w->value, CurrentMemoryContext);
	w->kind = CsCacheKind(w->value);
	w->scorer = CsCacheGet(CsRequiredText(fcinfo, ARG_SEGMENT_MODEL, "segment_model"),
						   CsVersionArgument(fcinfo, segment_version));
	CsCachePin(w->scorer, CurrentMemoryContext);
	w->source = CsTextArgument(fcinfo, ARG_SOURCE);
	w->customers = CsTextArgument(fcinfo, ARG_CUSTOMERS);
	if (w->customers != NULL && w->kind != CS_MODEL_PURCHASES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"customers\" is for models of purchases, and \"%s\" is a model of %s", w->value_model,
						CsModelKinds[w->kind].name),
				 errhint("Give \"source\" alone: both models read the same rows.")));
}

/* Read the arguments "as_of" and "confidence". */
static void
ReadTime(FunctionCallInfo fcinfo, CsSegmentWorth *w, int as_of, int confidence)
{
	w->has_time = !PG_ARGISNULL(as_of);
	if (w->has_time)
		w->as_of = PG_GETARG_TIMESTAMPTZ(as_of);
	w->confidence = CsConfidenceArgument(fcinfo, confidence);
}

/* Read the customers, and put a row for each segment, one for customers without any, and one for all. */
static void
MakeReport(Report *r, PutLine put)
{
	CsSegmentWorth *w = &r->worth;
	int			n = w->scorer->nsegments;
	const CsScorerSegment *segments = CsScorerSegments(w->scorer);

	initStringInfo(&w->reason);
	w->sums = palloc0(sizeof(CsWorthSum) * (n + 1));
	if (w->kind == CS_MODEL_PURCHASES)
		CsSegmentWorthOfLines(w);
	else
		CsSegmentWorthOfRows(w);
	for (int i = 0; i <= n; i++)
		CsWorthSumJoin(&r->total, &w->sums[i]);
	for (int i = 0; i < n; i++)
		put(r, &(Line) {&w->sums[i], CsValueInt4(segments[i].segment), CsScorerAt(w->scorer, char, segments[i].name)});
	if (w->sums[n].n > 0)
		put(r, &(Line) {&w->sums[n], CsValueNull(INT4OID), "no segment"});
	put(r, &(Line) {&r->total, CsValueNull(INT4OID), "total"});
}

/* What is to be said of a row; "what" is not known of some customers. */
static CsValue
ReasonOf(const Report *r, const Line *line, const char *what)
{
	StringInfoData reason;

	initStringInfo(&reason);
	if (line->sum->n_unknown > 0)
		CsReasonAdd(&reason, "%s of %s is not known", what,
					CsWordsCount(line->sum->n_unknown, "customer", "customers"));
	if (r->worth.reason.len > 0)
		CsReasonAdd(&reason, "%s", r->worth.reason.data);
	return CsValueText(reason.len > 0 ? reason.data : NULL);
}

/* OUT between which numbers a sum lies. */
static void
IntervalOf(const Report *r, const CsWorthSum *sum, CsWorthMeasure measure, double *low, double *high)
{
	const CsWorthPart *p = &sum->part[measure];
	const CsWorthErrors *e = &r->worth.errors;
	double		mean = CsWorthPartSum(p),
				variance = CsWorthVariance(p, e, measure),
				n = (double) (sum->n - (measure == CS_WORTH_VALUE ? sum->n_unknown : 0));

	*low = *high = NAN;
	if (!e->known[measure] || n == 0)
		return;
	if (r->worth.kind == CS_MODEL_PROBABILITY || measure == CS_WORTH_ALIVE)
	{
		CsShareInterval(mean / n, variance / n / n, r->worth.confidence, low, high);
		*low *= n;
		*high *= n;
	}
	else if (r->worth.kind == CS_MODEL_PURCHASES || ((const CsPredictor *) r->worth.value)->ratios)
		CsPositiveInterval(mean, variance, r->worth.confidence, low, high);
	else
		CsNumberInterval(mean, variance, r->worth.confidence, low, high);
}

/* A number of customers, where the purchases tell who has left. */
static CsValue
CountOf(bool tells_alive, int64 n)
{
	return CsValueOf(INT8OID, Int64GetDatum(n), !tells_alive);
}

/* PutLine: a row of segment_value(). */
static void
PutValue(const Report *r, const Line *line)
{
	const CsWorthSum *sum = line->sum;
	bool		by_purchases = r->worth.kind == CS_MODEL_PURCHASES,
				has_value = !by_purchases || ((const CsWorthVersion *) r->worth.value)->model.spend != CS_SPEND_NONE,
				tells_alive = by_purchases && r->worth.tells_who_left;
	const CsWorthPart *part = sum->part,
			   *all = r->total.part;
	double		n = (double) sum->n,
				n_known = has_value ? (double) (sum->n - sum->n_unknown) : n,
				value = has_value ? CsWorthPartSum(&part[CS_WORTH_VALUE]) : NAN,
				purchases = by_purchases ? CsWorthPartSum(&part[CS_WORTH_PURCHASES]) : NAN,
				alive = tells_alive ? CsWorthPartSum(&part[CS_WORTH_ALIVE]) : NAN,
				low,
				high;

	IntervalOf(r, sum, has_value ? CS_WORTH_VALUE : CS_WORTH_PURCHASES, &low, &high);
	CsResultPut(r->result,
				CsValues(line->segment, CsValueText(line->name), CsValueInt8(sum->n),
						 CsValueFloat8(n / (double) r->total.n), CsValueFloat8(alive / n),
						 CsValueFloat8(purchases), CsValueFloat8(value), CsValueFloat8(value / n_known),
						 CsValueFloat8(value / CsWorthPartSum(&all[CS_WORTH_VALUE])),
						 CsValueFloat8(low), CsValueFloat8(high), CsValueFloat8(low / n_known), CsValueFloat8(high / n_known),
						 CsValueFloat8(tells_alive && has_value ? sum->at_risk : NAN),
						 CountOf(tells_alive, sum->n_leaving), CountOf(tells_alive, sum->n_left),
						 CsValueFloat8(tells_alive && has_value ? sum->leaving_at_risk : NAN),
						 has_value ? ReasonOf(r, line, "the value") :
						 CsValueText(r->worth.reason.len > 0 ? r->worth.reason.data : NULL)));
}

/* PutLine: a row of segment_churn(). */
static void
PutChurn(const Report *r, const Line *line)
{
	const CsWorthSum *sum = line->sum;
	bool		by_purchases = r->worth.kind == CS_MODEL_PURCHASES;
	CsWorthMeasure measure = by_purchases ? CS_WORTH_ALIVE : CS_WORTH_VALUE;
	double		n = (double) (sum->n - (by_purchases ? 0 : sum->n_unknown)),
				leaving = CsWorthPartSum(&sum->part[measure]),
				low,
				high;

	IntervalOf(r, sum, measure, &low, &high);
	if (by_purchases)
	{
		double		alive_low = low;

		/* who is not there has left */
		leaving = r->worth.tells_who_left ? n - leaving : NAN;
		low = r->worth.tells_who_left ? n - high : NAN;
		high = r->worth.tells_who_left ? n - alive_low : NAN;
	}
	CsResultPut(r->result,
				CsValues(line->segment, CsValueText(line->name), CsValueInt8(sum->n),
						 CsValueFloat8(leaving / n), CsValueFloat8(low / n), CsValueFloat8(high / n),
						 CsValueFloat8(leaving),
						 by_purchases ? CsValueText(r->worth.reason.len > 0 ? r->worth.reason.data : NULL) :
						 ReasonOf(r, line, "the probability")));
}

/* Put the rows of segment_value(), whose arguments the function has first.  Returns what they are made of. */
CsSegmentWorth
CsSegmentValueMake(FunctionCallInfo fcinfo, CsResult *result)
{
	Report		r = {.result = result};

	OpenModels(fcinfo, &r.worth, CS_WORTH_KINDS, VALUE_VERSION, VALUE_SEGMENT_VERSION);
	if (r.worth.kind == CS_MODEL_PURCHASES)
		r.worth.horizon = CsHorizonArguments(fcinfo, VALUE_HORIZON, VALUE_DISCOUNT,
											 &((const CsWorthVersion *) r.worth.value)->model);
	ReadTime(fcinfo, &r.worth, VALUE_AS_OF, VALUE_CONFIDENCE);
	MakeReport(&r, PutValue);
	return r.worth;
}

/*
 * segment_value(value_model, segment_model, source, customers, horizon, discount, as_of, confidence, value_version,
 * segment_version): a row for each segment
 */
Datum
custseg_segment_value(PG_FUNCTION_ARGS)
{
	(void) CsSegmentValueMake(fcinfo, CsResultOpen(fcinfo));
	return (Datum) 0;
}

/*
 * segment_churn(value_model, segment_model, source, customers, as_of, confidence, value_version, segment_version): a
 * row for each segment
 */
Datum
custseg_segment_churn(PG_FUNCTION_ARGS)
{
	Report		r = {.result = CsResultOpen(fcinfo)};

	OpenModels(fcinfo, &r.worth, CS_MODEL_BIT(CS_MODEL_PURCHASES) | CS_MODEL_BIT(CS_MODEL_PROBABILITY), CHURN_VERSION,
			   CHURN_SEGMENT_VERSION);
	/* who is there does not depend on it */
	r.worth.horizon = (CsHorizon) {CS_YEAR_DAYS, 0};
	ReadTime(fcinfo, &r.worth, CHURN_AS_OF, CHURN_CONFIDENCE);
	MakeReport(&r, PutChurn);
	return (Datum) 0;
}
