/*
 * allocate_budget.c
 *	  A budget divided between segments by curves of response: allocate_budget(), and the split beside others,
 *	  budget_summary().
 */
#include "custseg.h"

#include <math.h>

#include "experiment/experiment.h"
#include "experiment/fields.h"
#include "stat/curve.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custseg_allocate_budget);
PG_FUNCTION_INFO_V1(custseg_budget_summary);

/* The arguments of both. */
enum
{
	ARG_CURVES, ARG_BUDGET, ARG_OPTIONS
};

/* Columns of the curves. */
enum
{
	F_SEGMENT, F_NAME, F_CURVE, F_A, F_B, F_C, F_POINTS, F_LOW, F_HIGH, FIELDS
};

static const CsField fields[FIELDS] = {
	{"segment", CS_FIELD_SEGMENT},
	{"name", CS_FIELD_TEXT},
	{"curve", CS_FIELD_TEXT},
	{"a", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE},
	{"b", CS_FIELD_NUMBER, CS_NUMBER_POSITIVE},
	{"c", CS_FIELD_NUMBER, CS_NUMBER_POSITIVE},
	{"points", CS_FIELD_JSON},
	{"low", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE},
	{"high", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE}
};

typedef struct Options
{
	double		unit;			/* NaN: a thousandth of the budget */
	bool		spend_all;
} Options;

static const CsOption options[] = {
	{"unit", CS_OPTION_REAL, offsetof(Options, unit), NAN, 0, INFINITY},
	{"spend_all", CS_OPTION_BOOL, offsetof(Options, spend_all), true}
};

/* Whole units but for rounding. */
#define ROUNDING 1e-9

/* A segment that the budget is for. */
typedef struct Label
{
	int32		segment;		/* -1: it has a name */
	char	   *name;
	char	   *text;			/* for messages */
} Label;

typedef struct Division
{
	CsBudget	b;
	Label	   *label;			/* of each part */
	int			parts_allocated,
				labels_allocated;
} Division;

/* The error for points that are none. */
static void
RejectPoints(const Label *label, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("points of \"%s\" are no curve", label->text),
			 errdetail_internal("%s", detail),
			 errhint("Write [[spend, response], ...], by ascending spend: [[0, 0], [1000, 500], [2000, 700]].")));
}

/* A pair of numbers. */
static void
ReadPoint(const Label *label, const JsonbValue *value, double *x, double *y)
{
	JsonbContainer *pair = CsJsonGetArray(value);
	CsJsonEach	each;
	double		number[2] = {NAN, NAN};

	if (pair == NULL || JsonContainerSize(pair) != 2)
		RejectPoints(label, "A point is not a pair.");
	each = CsJsonEachOf(pair);
	while (CsJsonNext(&each))
		if (!CsJsonGetNumber(&each.value, &number[each.at]))
			RejectPoints(label, "A point is not a pair of numbers.");
	*x = number[0];
	*y = number[1];
}

/* The points of a curve, which begins at (0, 0) unless a point says otherwise. */
static void
ReadPoints(CsCurve *curve, const Label *label, Jsonb *points)
{
	CsJsonEach	each;
	int			n;

	if (!JB_ROOT_IS_ARRAY(points) || JB_ROOT_IS_SCALAR(points))
		RejectPoints(label, "They are no array.");
	n = JB_ROOT_COUNT(points);
	curve->x = palloc(sizeof(double) * (n + 1));
	curve->y = palloc(sizeof(double) * (n + 1));
	curve->x[0] = curve->y[0] = 0;
	curve->npoints = 1;
	each = CsJsonEachOf(&points->root);
	while (CsJsonNext(&each))
	{
		double		x,
					y;
		int			i = curve->npoints;

		ReadPoint(label, &each.value, &x, &y);
		if (each.at == 0 && x == 0)
			i = 0;
		else if (!(x > curve->x[i - 1]))
			RejectPoints(label, psprintf("A spend of %s does not ascend.", float8out_internal(x)));
		curve->x[i] = x;
		curve->y[i] = y;
		curve->npoints = i + 1;
	}
	if (curve->npoints < 2)
		RejectPoints(label, "There is none above 0.");
}

/* The curve of a row. */
static CsCurve
ReadCurve(const Label *label, const CsFieldValue *v)
{
	CsCurve		curve = {CS_CURVE_POINTS, v[F_A].number, v[F_B].number, v[F_C].number};
	const char *name = v[F_CURVE].text;

	if (name == NULL && v[F_POINTS].json != NULL)
		name = CsCurveNames[CS_CURVE_POINTS];
	if (name != NULL)
		for (curve.kind = 0; curve.kind < CS_CURVE_KINDS && strcmp(name, CsCurveNames[curve.kind]) != 0; curve.kind++)
			;
	if (name == NULL || curve.kind == CS_CURVE_KINDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 name == NULL ? errmsg("\"%s\" has no curve", label->text) :
				 errmsg("\"%s\" has an unknown curve \"%s\"", label->text, name),
				 errhint("Curves are exp, log, hill and power, with a, b and c, and points.")));
	if (curve.kind == CS_CURVE_POINTS)
	{
		if (v[F_POINTS].json == NULL)
			RejectPoints(label, "There are none.");
		ReadPoints(&curve, label, v[F_POINTS].json);
		return curve;
	}
	if (isnan(curve.a) || isnan(curve.b) ||
		(isnan(curve.c) && (curve.kind == CS_CURVE_HILL || curve.kind == CS_CURVE_POWER)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" lacks a parameter of its curve", label->text),
				 errhint("Curves exp and log have a and b; hill and power have c, too.")));
	if (curve.kind == CS_CURVE_POWER && curve.c > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"c\" of \"%s\" must be at most 1 for a power curve", label->text),
				 errdetail("It is %g.", curve.c),
				 errhint("A curve that is flat at first is \"hill\" with c above 1.")));
	return curve;
}

/* The bounds of a part, in money and in whole units within them. */
static void
ReadBounds(CsBudgetPart *part, const CsBudget *b, const Label *label, const CsFieldValue *v)
{
	part->low = isnan(v[F_LOW].number) ? 0 : v[F_LOW].number;
	part->high = isnan(v[F_HIGH].number) ? b->budget : Min(v[F_HIGH].number, b->budget);
	/* nothing is known beyond the last point */
	if (part->curve.kind == CS_CURVE_POINTS)
		part->high = Min(part->high, part->curve.x[part->curve.npoints - 1]);
	part->low_units = (int) Min(ceil(part->low / b->unit - ROUNDING), INT_MAX);
	part->high_units = Min(b->nunits, (int) floor(part->high / b->unit + ROUNDING));
	/* a lower bound above the budget is told of together with the others */
	if (part->low_units > part->high_units && part->low <= b->budget)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no whole number of units of %g is within the bounds of \"%s\"", b->unit, label->text),
				 errdetail("They are %g and %g.", part->low, part->high),
				 errhint("Widen \"low\" and \"high\", or give a smaller \"unit\".")));
}

/* CsFieldsSink: keep a part. */
static void
TakePart(void *state, const CsFieldValue *v)
{
	Division   *d = state;
	CsBudget   *b = &d->b;
	Label	   *label;

	if (CsBudgetMemory(b->n + 1, b->nunits) > CsMemoryLimit())
		CsMemoryError(CsBudgetMemory(b->n + 1, b->nunits), "give a larger unit", "dividing %d units between %d segments",
					  b->nunits, b->n + 1);
	b->part = CsFieldsRoom(b->part, b->n, &d->parts_allocated, sizeof(CsBudgetPart));
	d->label = CsFieldsRoom(d->label, b->n, &d->labels_allocated, sizeof(Label));
	label = &d->label[b->n];
	label->segment = CsSegmentNumber(&v[F_SEGMENT]);
	label->name = CsSegmentName(&v[F_SEGMENT], &v[F_NAME]);
	label->text = label->name != NULL ? label->name : v[F_SEGMENT].text;
	if (label->text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("curve %d has neither a segment nor a name", b->n + 1),
				 errhint("Column \"segment\" or \"name\" of the curves tells them apart.")));
	for (int i = 0; i < b->n; i++)
		if (d->label[i].segment == label->segment && strcmp(d->label[i].text, label->text) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" has two curves", label->text),
					 errhint("Give one row for each segment; several points are one value of column \"points\".")));
	b->part[b->n].curve = ReadCurve(label, v);
	ReadBounds(&b->part[b->n], b, label, v);
	b->n++;
}

/* Errors unless the bounds of all parts can be met together. */
static void
CheckBounds(const CsBudget *b)
{
	int64		low = 0,
				high = 0;
	double		least = 0;

	for (int s = 0; s < b->n; s++)
	{
		least += b->part[s].low;
		low += b->part[s].low_units;
		high += b->part[s].high_units;
	}
	if (low > b->nunits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the lower bounds exceed the budget"),
				 errdetail("They add up to %g of %g.", Max(low * b->unit, least), b->budget),
				 errhint("Lower them, or raise the budget.")));
	if (b->spend_all && high < b->nunits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the upper bounds are below the budget"),
				 errdetail("They add up to %g of %g.", high * b->unit, b->budget),
				 errhint("Raise them, or lower the budget, or give option \"spend_all\": false. Points end at their last spend.")));
}

/* The budget and how finely it is divided. */
static void
ReadBudget(FunctionCallInfo fcinfo, CsBudget *b)
{
	Options		given;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, options, lengthof(options), &given);
	b->budget = CsNumberArgument(fcinfo, ARG_BUDGET, "budget", CS_NUMBER_POSITIVE);
	b->unit = isnan(given.unit) ? b->budget / 1000 : given.unit;
	if (b->unit == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"unit\" must be above 0"),
				 errhint("Leave it out for a thousandth of the budget.")));
	b->spend_all = given.spend_all;
	if (b->unit > b->budget)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"unit\" exceeds the budget"),
				 errdetail("It is %g of %g.", b->unit, b->budget)));
	if (b->budget / b->unit > CS_MAX_UNITS * (1 + ROUNDING))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a budget of %g has more than %d units of %g", b->budget, CS_MAX_UNITS, b->unit),
				 errhint("Give a larger \"unit\"; without one, it is a thousandth of the budget.")));
	b->nunits = (int) floor(b->budget / b->unit + ROUNDING);
}

/* The arguments of both functions: the budget, divided. */
static Division *
Divide(FunctionCallInfo fcinfo)
{
	Division   *d = palloc0(sizeof(Division));
	char	   *curves = CsRequiredText(fcinfo, ARG_CURVES, "curves");

	CsRequireArgument(fcinfo, ARG_BUDGET, "budget");
	ReadBudget(fcinfo, &d->b);
	(void) CsFieldsRead(CsRelationOpen(curves), fields, FIELDS, TakePart, d);
	if (d->b.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no curves to divide the budget between"),
				 errhint("Give a row for each segment.")));
	CheckBounds(&d->b);
	CsBudgetDivide(&d->b);
	return d;
}

/* What a unit more than k brings, for one of money. */
static double
ReturnAfter(const CsBudget *b, const CsBudgetPart *part, int k)
{
	return (CsCurveResponse(&part->curve, (k + 1) * b->unit) - CsCurveResponse(&part->curve, k * b->unit)) / b->unit;
}

/* allocate_budget(curves, budget, options): a row for each curve */
Datum
custseg_allocate_budget(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Division   *d = Divide(fcinfo);
	const CsBudget *b = &d->b;

	for (int s = 0; s < b->n; s++)
	{
		const CsBudgetPart *part = &b->part[s];

		CsResultPut(result,
					CsValues(d->label[s].segment < 0 ? CsValueNull(INT4OID) : CsValueInt4(d->label[s].segment),
							 CsValueText(d->label[s].name), CsValueText(CsCurveNames[part->curve.kind]),
							 CsValueInt4(part->units), CsValueFloat8(part->spend),
							 CsValueFloat8(Min(1, part->spend / b->budget)),
							 CsValueFloat8(CsCurveResponse(&part->curve, part->spend)),
							 CsValueFloat8(CsCurveMarginal(&part->curve, part->spend)),
							 CsValueFloat8(part->units == 0 ? NAN : ReturnAfter(b, part, part->units - 1)),
							 CsValueFloat8(ReturnAfter(b, part, part->units)), CsValueFloat8(part->continuous),
							 CsValueFloat8(part->proportional), CsValueFloat8(part->equal)));
	}
	return (Datum) 0;
}

/* A split as a row: what all parts get, which is in the field at that offset, and what they bring. */
static void
PutSplit(CsResult *result, const CsBudget *b, const char *split, size_t spend_of, double marginal, double best)
{
	double		spend = 0,
				response = 0;

	for (int s = 0; s < b->n; s++)
	{
		double		x = *(const double *) ((const char *) &b->part[s] + spend_of);

		spend += x;
		response += CsCurveResponse(&b->part[s].curve, x);
	}
	CsResultPut(result, CsValues(CsValueText(split), CsValueFloat8(spend), CsValueFloat8(response),
								 CsValueFloat8(response - spend), CsValueFloat8(spend == 0 ? NAN : response / spend),
								 CsValueFloat8(marginal), CsValueFloat8(best == 0 ? NAN : response / best)));
}

/* The best return that a unit more could have; what the next unit of the budget would bring. */
static double
NextReturn(const CsBudget *b)
{
	double		most = NAN;

	for (int s = 0; s < b->n; s++)
		if (b->part[s].units < b->part[s].high_units)
			most = fmax(most, ReturnAfter(b, &b->part[s], b->part[s].units));
	return most;
}

/* budget_summary(curves, budget, options): a row for each way to split the budget */
Datum
custseg_budget_summary(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	const CsBudget *b = &Divide(fcinfo)->b;
	double		best = 0;

	for (int s = 0; s < b->n; s++)
		best += CsCurveResponse(&b->part[s].curve, b->part[s].spend);
	PutSplit(result, b, "whole units", offsetof(CsBudgetPart, spend), NextReturn(b), best);
	if (b->is_concave)
		PutSplit(result, b, "continuous", offsetof(CsBudgetPart, continuous), b->lambda, best);
	PutSplit(result, b, "proportional", offsetof(CsBudgetPart, proportional), NAN, best);
	PutSplit(result, b, "equal", offsetof(CsBudgetPart, equal), NAN, best);
	return (Datum) 0;
}
