/*
 * roi.c
 *	  Does a campaign pay?  roi() of one, campaign_roi() of the segments of a source and of all together.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/experiment.h"
#include "experiment/fields.h"
#include "miscadmin.h"
#include "stat/campaign.h"

PG_FUNCTION_INFO_V1(custseg_roi);
PG_FUNCTION_INFO_V1(custseg_campaign_roi);

/* The arguments of roi(). */
enum
{
	ROI_N, ROI_EFFECT, ROI_STANDARD_ERROR, ROI_MARGIN, ROI_FIXED_COST, ROI_COST_PER_CUSTOMER, ROI_N_PERIODS,
	ROI_RATE, ROI_DECAY, ROI_CONFIDENCE
};

/* The arguments of campaign_roi(). */
enum
{
	ARG_SOURCE, ARG_OPTIONS
};

/* Columns of its source. */
enum
{
	F_SEGMENT, F_NAME, F_CAMPAIGN, F_N, F_EFFECT, F_STANDARD_ERROR, F_MARGIN, F_COST_PER_CUSTOMER, F_FIXED_COST, FIELDS
};

static const CsField fields[FIELDS] = {
	{"segment", CS_FIELD_SEGMENT},
	{"name", CS_FIELD_TEXT},
	{"campaign", CS_FIELD_TEXT},
	{"n", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE, CS_FIELD_REQUIRED},
	{"effect", CS_FIELD_NUMBER, CS_NUMBER_FINITE, CS_FIELD_REQUIRED},
	{"standard_error", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE},
	{"margin", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE},
	{"cost_per_customer", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE},
	{"fixed_cost", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE}
};

/* Most periods that count. */
#define MOST_PERIODS 10000

/* Columns of the result that tell of the return. */
#define RETURN_COLUMNS 10

static const CsOption options[] = {
	{"margin", CS_OPTION_REAL, offsetof(CsCampaign, margin), 1, 0, INFINITY},
	{"cost_per_customer", CS_OPTION_REAL, offsetof(CsCampaign, unit_cost), 0, 0, INFINITY},
	{"fixed_cost", CS_OPTION_REAL, offsetof(CsCampaign, fixed_cost), 0, 0, INFINITY},
	{"n_periods", CS_OPTION_INT, offsetof(CsCampaign, n_periods), 1, 1, MOST_PERIODS},
	{"rate", CS_OPTION_REAL, offsetof(CsCampaign, rate), 0, -0.999999, INFINITY},
	{"decay", CS_OPTION_REAL, offsetof(CsCampaign, decay), 0, 0, 1},
	{"confidence", CS_OPTION_REAL, offsetof(CsCampaign, confidence), 0.95, 0.000001, 0.999999}
};

/* A row of the source. */
typedef struct Part
{
	char	   *campaign;
	int32		segment;		/* -1: it has a name */
	char	   *name;
	CsCampaign	c;
} Part;

typedef struct Parts
{
	CsCampaign	all;			/* as the options have it */
	int			n;
	int			allocated;
	Part	   *part;
} Parts;

/* OUT the RETURN_COLUMNS columns that tell of the return. */
static void
PutReturn(const CsCampaignReturn *r, CsValue *row)
{
	const CsValue values[RETURN_COLUMNS] = {
		CsValueFloat8(r->gain), CsValueFloat8(r->cost), CsValueFloat8(r->gain - r->cost), CsValueFloat8(r->roi),
		CsValueFloat8(r->low), CsValueFloat8(r->high), CsValueFloat8(r->break_even),
		r->payback < 0 ? CsValueNull(INT4OID) : CsValueInt4(r->payback), CsValueFloat8(r->annuity),
		CsValueFloat8(r->pays)
	};

	memcpy(row, values, sizeof(values));
}

/* roi(n, effect, standard_error, margin, fixed_cost, cost_per_customer, n_periods, rate, decay, confidence) */
Datum
custseg_roi(PG_FUNCTION_ARGS)
{
	CsCampaign	c;
	CsCampaignReturn r;
	CsValue		row[RETURN_COLUMNS];

	if (PG_ARGISNULL(ROI_N) || PG_ARGISNULL(ROI_EFFECT))
		PG_RETURN_NULL();
	c = (CsCampaign) {
		.n = CsNumberArgument(fcinfo, ROI_N, "n", CS_NUMBER_NOT_NEGATIVE),
		.effect = CsNumberArgument(fcinfo, ROI_EFFECT, "effect", CS_NUMBER_FINITE),
		.error = CsNumberOr(fcinfo, ROI_STANDARD_ERROR, "standard_error", CS_NUMBER_NOT_NEGATIVE, NAN),
		.margin = CsNumberOr(fcinfo, ROI_MARGIN, "margin", CS_NUMBER_NOT_NEGATIVE, 1),
		.fixed_cost = CsNumberOr(fcinfo, ROI_FIXED_COST, "fixed_cost", CS_NUMBER_NOT_NEGATIVE, 0),
		.unit_cost = CsNumberOr(fcinfo, ROI_COST_PER_CUSTOMER, "cost_per_customer", CS_NUMBER_NOT_NEGATIVE, 0),
		.n_periods = CsCountOr(fcinfo, ROI_N_PERIODS, "n_periods", MOST_PERIODS, 1),
		.rate = CsNumberOr(fcinfo, ROI_RATE, "rate", CS_NUMBER_FINITE, 0),
		.decay = CsNumberOr(fcinfo, ROI_DECAY, "decay", CS_NUMBER_SHARE, 0),
		.confidence = CsNumberOr(fcinfo, ROI_CONFIDENCE, "confidence", CS_NUMBER_PROBABILITY, 0.95)
	};
	if (c.rate <= -1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"rate\" must be above -1"),
				 errdetail("It is %g.", c.rate),
				 errhint("Write 0.01 for 1 %% a period.")));
	r = CsCampaignReturnOf(&c);
	PutReturn(&r, row);
	return CsResultRow(fcinfo, row, RETURN_COLUMNS);
}

/* A number of a row; "otherwise" where it has none. */
static double
FieldOr(const CsFieldValue *value, double otherwise)
{
	return isnan(value->number) ? otherwise : value->number;
}

/* CsFieldsSink: keep a row. */
static void
TakePart(void *state, const CsFieldValue *v)
{
	Parts	   *parts = state;
	Part	   *part;

	parts->part = CsFieldsRoom(parts->part, parts->n, &parts->allocated, sizeof(Part));
	part = &parts->part[parts->n++];
	part->campaign = v[F_CAMPAIGN].text;
	part->segment = CsSegmentNumber(&v[F_SEGMENT]);
	part->name = CsSegmentName(&v[F_SEGMENT], &v[F_NAME]);
	part->c = parts->all;
	part->c.n = v[F_N].number;
	part->c.effect = v[F_EFFECT].number;
	part->c.error = v[F_STANDARD_ERROR].number;
	part->c.margin = FieldOr(&v[F_MARGIN], parts->all.margin);
	part->c.unit_cost = FieldOr(&v[F_COST_PER_CUSTOMER], parts->all.unit_cost);
	part->c.fixed_cost = FieldOr(&v[F_FIXED_COST], 0);
}

/* A row of the result. */
static void
PutPart(CsResult *result, const char *campaign, int32 segment, const char *name, double n, const CsCampaignReturn *r)
{
	CsValue		row[4 + RETURN_COLUMNS] = {
		CsValueText(campaign), segment < 0 ? CsValueNull(INT4OID) : CsValueInt4(segment), CsValueText(name),
		CsValueInt8((int64) rint(Min(n, 9e18)))
	};

	PutReturn(r, row + 4);
	CsResultPut(result, row, lengthof(row));
}

/* Each part, and all together, whose estimates are independent. */
static void
PutParts(const Parts *parts, CsResult *result)
{
	double		n = 0,
				each = 0,		/* gain for an effect of 1 */
				squares = 0;
	CsCampaign	sum = parts->all;
	CsCampaignReturn all;

	for (int i = 0; i < parts->n; i++)
		n += parts->part[i].c.n;
	sum.n = sum.margin = 1;
	sum.unit_cost = sum.effect = 0;
	for (int i = 0; i < parts->n; i++)
	{
		Part	   *part = &parts->part[i];
		CsCampaignReturn r;

		CHECK_FOR_INTERRUPTS();
		/* what the whole campaign costs is shared by the customers */
		part->c.fixed_cost += n == 0 ? parts->all.fixed_cost / parts->n : parts->all.fixed_cost * part->c.n / n;
		r = CsCampaignReturnOf(&part->c);
		PutPart(result, part->campaign, part->segment, part->name, part->c.n, &r);
		sum.effect += part->c.n * part->c.margin * part->c.effect;
		sum.unit_cost += r.cost;
		each += part->c.n * part->c.margin * r.annuity;
		squares += r.gain_error * r.gain_error;
	}
	sum.fixed_cost = 0;
	sum.error = 0;
	all = CsCampaignReturnOf(&sum);
	all.gain_error = sqrt(squares);
	all.break_even = each == 0 ? NAN : all.cost / each;
	CsCampaignJudge(&all, sum.confidence);
	PutPart(result, NULL, -1, NULL, n, &all);
}

/* campaign_roi(source, options): a row for each row of the source, and one of all together */
Datum
custseg_campaign_roi(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	Parts		parts = {{0}};

	CsOptionsArgument(fcinfo, ARG_OPTIONS, options, lengthof(options), &parts.all);
	(void) CsFieldsRead(CsRelationOpen(source), fields, FIELDS, TakePart, &parts);
	if (parts.n > 0)
		PutParts(&parts, result);
	return (Datum) 0;
}
