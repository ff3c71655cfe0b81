/*
 * what_if.c
 *	  What segments are worth when something changes: what_if() by scenarios, tornado() by one lever at a time.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/tables.h"
#include "experiment/experiment.h"
#include "experiment/fields.h"
#include "miscadmin.h"
#include "stat/campaign.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custseg_what_if);
PG_FUNCTION_INFO_V1(custseg_tornado);

/* The arguments of what_if() and tornado(). */
enum
{
	ARG_MODEL, ARG_BASELINE, ARG_CHANGES, ARG_OPTIONS
};

/* Columns of the baseline. */
enum
{
	F_SEGMENT, F_NAME, F_N, F_ORDERS, F_AVERAGE_ORDER, F_MARGIN, F_CHURN, FIELDS
};

static const CsField fields[FIELDS] = {
	{"segment", CS_FIELD_SEGMENT, .need = CS_FIELD_REQUIRED},
	{"name", CS_FIELD_TEXT},
	{"n", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE, CS_FIELD_REQUIRED},
	{"orders", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE, CS_FIELD_REQUIRED},
	{"average_order", CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE, CS_FIELD_REQUIRED},
	{"margin", CS_FIELD_NUMBER, CS_NUMBER_FINITE, CS_FIELD_REQUIRED},
	{"churn", CS_FIELD_NUMBER, CS_NUMBER_SHARE, CS_FIELD_REQUIRED}
};

/* Most periods of the horizon, and of a season. */
#define MOST_PERIODS 10000

#define RANGES_HINT "Write {\"n\": [-0.1, 0.2], \"churn\": [-0.01, 0.01]}."

/* Two swings of a tornado that differ by less are the same but for rounding. */
#define ROUNDING 1e-12

typedef struct Options
{
	CsHorizon	horizon;
	double		elasticity;		/* below the range: not given */
} Options;

/* Elasticities beyond that are none. */
#define LARGEST_ELASTICITY 1000.0

#define ELASTICITY_OPTION(type, field) \
	{"elasticity", CS_OPTION_REAL, offsetof(type, field), -2 * LARGEST_ELASTICITY, -LARGEST_ELASTICITY, LARGEST_ELASTICITY}

static const CsOption horizonOptions[] = {
	{"n_periods", CS_OPTION_INT, offsetof(Options, horizon.n_periods), 12, 1, MOST_PERIODS},
	{"rate", CS_OPTION_REAL, offsetof(Options, horizon.rate), 0, -0.999999, INFINITY},
	ELASTICITY_OPTION(Options, elasticity)
};

/* A scenario as it is written. */
typedef struct Scenario
{
	char	   *name;
	double		change[CS_LEVERS];
	double		elasticity;
	Jsonb	   *season,
			   *segments;		/* that it is of; NULL: all */
	double		cost;
} Scenario;

#define LEVER_OPTION(name, lever, low) \
	{name, CS_OPTION_REAL, offsetof(Scenario, change[lever]), 0, low, INFINITY}

/* The levers come first, in their order. */
static const CsOption scenarioOptions[] = {
	LEVER_OPTION("n", CS_LEVER_N, -1),
	LEVER_OPTION("orders", CS_LEVER_ORDERS, -1),
	LEVER_OPTION("average_order", CS_LEVER_AVERAGE_ORDER, -1),
	LEVER_OPTION("price", CS_LEVER_PRICE, -0.999999),
	LEVER_OPTION("margin", CS_LEVER_MARGIN, -INFINITY),
	LEVER_OPTION("churn", CS_LEVER_CHURN, -1),
	{"name", CS_OPTION_TEXT, offsetof(Scenario, name)},
	ELASTICITY_OPTION(Scenario, elasticity),
	{"season", CS_OPTION_LIST, offsetof(Scenario, season)},
	{"segments", CS_OPTION_LIST, offsetof(Scenario, segments)},
	{"cost", CS_OPTION_REAL, offsetof(Scenario, cost), 0, 0, INFINITY}
};

/* Low and high of each lever, as they are written. */
typedef struct Ranges
{
	Jsonb	   *lever[CS_LEVERS];
} Ranges;

#define RANGE_OPTION(name, of) \
	{name, CS_OPTION_LIST, offsetof(Ranges, lever[of])}

static const CsOption rangeOptions[] = {
	RANGE_OPTION("n", CS_LEVER_N),
	RANGE_OPTION("orders", CS_LEVER_ORDERS),
	RANGE_OPTION("average_order", CS_LEVER_AVERAGE_ORDER),
	RANGE_OPTION("price", CS_LEVER_PRICE),
	RANGE_OPTION("margin", CS_LEVER_MARGIN),
	RANGE_OPTION("churn", CS_LEVER_CHURN)
};

typedef struct Segment
{
	int32		segment;		/* -1: it has a name */
	char	   *label,			/* as the baseline has it */
			   *name;
	CsEconomics e;
	double		value;
} Segment;

typedef struct Baseline
{
	Options		options;
	char	   *model;			/* NULL: none */
	int			version;
	int			n;
	int			allocated;
	Segment    *segment;
	double		value;			/* of all */
} Baseline;

static const char *const names_sql =
"SELECT s.segment, s.name FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.=) $2";

/* CsFieldsSink: keep a segment. */
static void
TakeSegment(void *state, const CsFieldValue *v)
{
	Baseline   *b = state;
	Segment    *s;

	b->segment = CsFieldsRoom(b->segment, b->n, &b->allocated, sizeof(Segment));
	s = &b->segment[b->n++];
	s->segment = CsSegmentNumber(&v[F_SEGMENT]);
	s->label = v[F_SEGMENT].text;
	s->name = CsSegmentName(&v[F_SEGMENT], &v[F_NAME]);
	s->e = (CsEconomics) {v[F_N].number, v[F_ORDERS].number, v[F_AVERAGE_ORDER].number, v[F_MARGIN].number, v[F_CHURN].number};
	if (s->e.margin > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the margin of segment %s is above 1", s->label),
				 errdetail("It is %g.", s->e.margin),
				 errhint("It is a share of what they spend: 0.4 for 40 %%.")));
	for (int i = 0; i < b->n - 1; i++)
		if (strcmp(b->segment[i].label, s->label) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("segment %s is in the baseline twice", s->label),
					 errhint("Give one row for each segment.")));
}

/* CsCatalogVisitor: a segment of the model names those of its number. */
static void
TakeName(void *state, const CsCatalogRow *row)
{
	Baseline   *b = state;
	int32		segment = CsRowInt4(row, 1, -1);

	for (int i = 0; i < b->n; i++)
		if (b->segment[i].segment == segment && b->segment[i].name == NULL)
			b->segment[i].name = CsRowText(row, 2);
}

/* The version of the model whose segments the baseline is of; an error where the caller may not use it. */
static int
VersionOf(const char *model)
{
	int			version;

	CsModelCheckUse(model);
	SPI_connect();
	version = CsRequireDeployedVersion(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	SPI_finish();
	return version;
}

/* The arguments that both functions have; an error, which calls it "name", unless there are changes. */
static Baseline *
OpenBaseline(FunctionCallInfo fcinfo, const char *name)
{
	Baseline   *b = palloc0(sizeof(Baseline));
	CsScenario	nothing = {{0}};

	b->model = CsTextArgument(fcinfo, ARG_MODEL);
	if (b->model != NULL)
		b->version = VersionOf(b->model);
	CsRequireArgument(fcinfo, ARG_CHANGES, name);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, horizonOptions, lengthof(horizonOptions), &b->options);
	(void) CsFieldsRead(CsRelationOpen(CsRequiredText(fcinfo, ARG_BASELINE, "baseline")), fields, FIELDS, TakeSegment, b);
	if (b->model != NULL)
		(void) CsCatalogRead(names_sql, CsValues(CsValueText(b->model), CsValueInt4(b->version)), TakeName, b);
	for (int i = 0; i < b->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (b->model != NULL && b->segment[i].segment >= 0 && b->segment[i].name == NULL)
			CsReportNoSegment(b->model, b->version, b->segment[i].segment);
		b->segment[i].value = CsEconomicsValue(&b->segment[i].e, &b->options.horizon, &nothing);
		b->value += b->segment[i].value;
	}
	return b;
}

/* The numbers of a list; an error, which calls it "name", for anything else.  Palloc'd; OUT n. */
static double *
NumbersOf(Jsonb *list, const char *name, double low, int *n)
{
	CsJsonEach	each = CsJsonEachOf(&list->root);
	double	   *numbers = palloc(sizeof(double) * Max(JB_ROOT_COUNT(list), 1));

	*n = 0;
	while (CsJsonNext(&each))
	{
		if (!CsJsonGetNumber(&each.value, &numbers[*n]) || numbers[*n] < low)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 isinf(low) ? errmsg("\"%s\" must be a list of numbers", name) :
					 errmsg("\"%s\" must be a list of numbers of at least %g", name, low)));
		(*n)++;
	}
	return numbers;
}

/* The elasticity that holds where the price changes. */
static double
ElasticityOf(const Baseline *b, double own)
{
	double		elasticity = own < -LARGEST_ELASTICITY ? b->options.elasticity : own;

	if (elasticity < -LARGEST_ELASTICITY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a change of the price needs an elasticity"),
				 errhint("Give \"elasticity\": -1.5 means that 1 %% more price brings 1.5 %% fewer orders.")));
	return elasticity;
}

/* What a segment is worth in a scenario, which the error names. */
static double
ValueIn(const Baseline *b, const Segment *segment, const CsScenario *s, const char *name)
{
	CsEconomics in = CsEconomicsIn(&segment->e, s);

	if (in.churn < 0 || in.churn > 1 || in.margin > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" takes the %s of segment %s to %g", name, in.margin > 1 ? "margin" : "churn", segment->label,
						in.margin > 1 ? in.margin : in.churn),
				 in.margin > 1 ? errhint("A margin is at most 1; \"margin\" is added to it.") :
				 errhint("Churn is from 0 to 1; \"churn\" is added to it.")));
	return CsEconomicsValue(&in, &b->options.horizon, s);
}

/* Is a scenario of the segment? */
static bool
IsAmong(const Scenario *scenario, const Segment *segment)
{
	CsJsonEach	each;

	if (scenario->segments == NULL)
		return true;
	each = CsJsonEachOf(&scenario->segments->root);
	while (CsJsonNext(&each))
		if (strcmp(CsJsonScalarText(&each.value), segment->label) == 0)
			return true;
	return false;
}

/* An error unless the baseline has all segments that a scenario names. */
static void
CheckSegments(const Baseline *b, const Scenario *scenario)
{
	CsJsonEach	each;

	if (scenario->segments == NULL)
		return;
	each = CsJsonEachOf(&scenario->segments->root);
	while (CsJsonNext(&each))
	{
		char	   *label = CsJsonScalarText(&each.value);
		int			i = 0;

		while (i < b->n && (label == NULL || strcmp(b->segment[i].label, label) != 0))
			i++;
		if (i == b->n)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("scenario \"%s\" is of a segment that the baseline does not have", scenario->name),
					 label == NULL ? 0 : errdetail("The segment is %s.", label),
					 errhint("\"segments\" is a list of segments, as column \"segment\" of the baseline has them.")));
	}
}

/* The scenario of an element of the array. */
static Scenario
ReadScenario(const CsJsonEach *each)
{
	Scenario	scenario;

	if (CsJsonGetObject(&each->value) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scenario %d is no object", each->at + 1),
				 errhint("Write [{\"name\": \"more buyers\", \"n\": 0.1}, ...].")));
	CsOptionsParse(scenarioOptions, lengthof(scenarioOptions), JsonbValueToJsonb(unconstify(JsonbValue *, &each->value)),
				   &scenario);
	if (scenario.name == NULL)
		scenario.name = psprintf("scenario %d", each->at + 1);
	return scenario;
}

/* The rows of a scenario: one for each segment that it is of, and one of all segments. */
static void
PutScenario(const Baseline *b, const Scenario *scenario, CsResult *result)
{
	CsScenario	s = {.nseason = 0};
	double		value = b->value;

	memcpy(s.change, scenario->change, sizeof(s.change));
	if (s.change[CS_LEVER_PRICE] != 0)
		s.elasticity = ElasticityOf(b, scenario->elasticity);
	if (scenario->season != NULL)
		s.season = NumbersOf(scenario->season, "season", 0, &s.nseason);
	CheckSegments(b, scenario);
	for (int i = 0; i < b->n; i++)
	{
		const Segment *segment = &b->segment[i];
		double		change;

		CHECK_FOR_INTERRUPTS();
		if (!IsAmong(scenario, segment))
			continue;
		change = ValueIn(b, segment, &s, scenario->name) - segment->value;
		value += change;
		CsResultPut(result, CsValues(CsValueText(scenario->name),
									 segment->segment < 0 ? CsValueNull(INT4OID) : CsValueInt4(segment->segment),
									 CsValueText(segment->name), CsValueFloat8(segment->value),
									 CsValueFloat8(segment->value + change), CsValueFloat8(change),
									 CsValueFloat8(segment->value == 0 ? NAN : change / segment->value),
									 CsValueNull(FLOAT8OID), CsValueNull(FLOAT8OID)));
	}
	CsResultPut(result, CsValues(CsValueText(scenario->name), CsValueNull(INT4OID), CsValueNull(TEXTOID),
								 CsValueFloat8(b->value), CsValueFloat8(value), CsValueFloat8(value - b->value),
								 CsValueFloat8(b->value == 0 ? NAN : (value - b->value) / b->value),
								 CsValueFloat8(scenario->cost), CsValueFloat8(value - b->value - scenario->cost)));
}

/* what_if(model, baseline, scenarios, options): rows for each scenario */
Datum
custseg_what_if(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Baseline   *b = OpenBaseline(fcinfo, "scenarios");
	Jsonb	   *scenarios = PG_GETARG_JSONB_P(ARG_CHANGES);
	CsJsonEach	each;

	if (!JB_ROOT_IS_ARRAY(scenarios) || JB_ROOT_IS_SCALAR(scenarios))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scenarios must be a json array"),
				 errhint("Write [{\"name\": \"more buyers\", \"n\": 0.1}, ...].")));
	each = CsJsonEachOf(&scenarios->root);
	while (CsJsonNext(&each))
	{
		Scenario	scenario = ReadScenario(&each);

		PutScenario(b, &scenario, result);
	}
	return (Datum) 0;
}

/* A lever at its low and its high end. */
typedef struct Swing
{
	const char *name;
	double		at[2];
	double		change[2];		/* of the value of all */
} Swing;

/* Is the swing wider than the other, or as wide and before it by its name? */
static bool
IsBefore(const Swing *a, const Swing *b)
{
	double		x = fabs(a->change[1] - a->change[0]),
				y = fabs(b->change[1] - b->change[0]);

	return fabs(x - y) > ROUNDING * Max(x, y) ? x > y : strcmp(a->name, b->name) < 0;
}

/* A lever alone at both of its ends. */
static Swing
SwingOf(const Baseline *b, CsLever lever, Jsonb *range)
{
	const CsOption *option = &scenarioOptions[lever];
	Swing		swing = {option->name};
	int			n;
	double	   *ends = NumbersOf(range, option->name, option->low, &n);

	if (n != 2 || ends[0] > ends[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a list of two numbers, low and high", option->name),
				 errhint(RANGES_HINT)));
	for (int end = 0; end < 2; end++)
	{
		CsScenario	s = {.nseason = 0};

		s.change[lever] = ends[end];
		if (lever == CS_LEVER_PRICE)
			s.elasticity = ElasticityOf(b, b->options.elasticity);
		swing.at[end] = ends[end];
		for (int i = 0; i < b->n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			swing.change[end] += ValueIn(b, &b->segment[i], &s, option->name) - b->segment[i].value;
		}
	}
	return swing;
}

/* tornado(model, baseline, levers, options): a row for each lever, those that matter most first */
Datum
custseg_tornado(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Baseline   *b = OpenBaseline(fcinfo, "levers");
	Swing		swings[CS_LEVERS];
	Ranges		ranges;
	int			n = 0;

	if (!JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(ARG_CHANGES)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("levers must be a json object"),
				 errhint(RANGES_HINT)));
	CsOptionsArgument(fcinfo, ARG_CHANGES, rangeOptions, lengthof(rangeOptions), &ranges);
	for (CsLever lever = 0; lever < CS_LEVERS; lever++)
	{
		Swing		swing;
		int			at = n;

		if (ranges.lever[lever] == NULL)
			continue;
		swing = SwingOf(b, lever, ranges.lever[lever]);
		for (; at > 0 && IsBefore(&swing, &swings[at - 1]); at--)
			swings[at] = swings[at - 1];
		swings[at] = swing;
		n++;
	}
	for (int i = 0; i < n; i++)
		CsResultPut(result, CsValues(CsValueText(swings[i].name), CsValueFloat8(swings[i].at[0]),
									 CsValueFloat8(swings[i].at[1]), CsValueFloat8(swings[i].change[0]),
									 CsValueFloat8(swings[i].change[1]),
									 CsValueFloat8(fabs(swings[i].change[1] - swings[i].change[0])),
									 CsValueFloat8(b->value)));
	return (Datum) 0;
}
