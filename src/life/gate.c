/*
 * gate.c
 *	  May a model be acted on?  set_condition() keeps what somebody has found, go_no_go() is SQL over what is known,
 *	  and decide() keeps a decision with all that was known.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "life/life.h"
#include "math/math.h"
#include "portability/instr_time.h"

/* States of a condition. */
static const char *const states[] = {"pass", "fail", "unclear", NULL};

/* Conditions that go_no_go() finds out by itself. */
static const char *const computed[] = {
	"deployed", "alerts", "monitor", "latency", "experiment", "actions", "capacity", NULL
};

/* Customers who are placed to measure how long that takes. */
#define TIMED_CUSTOMERS 1000

/* Most bytes of a condition's name. */
#define MOST_NAME 63

typedef struct GateOptions
{
	int			monitor_days;
	double		latency;
} GateOptions;

static const CsOption gateOptions[] = {
	{"monitor_days", CS_OPTION_INT, offsetof(GateOptions, monitor_days), 7, 1, 3650},
	{"latency", CS_OPTION_REAL, offsetof(GateOptions, latency), 50, 0, INFINITY}
};

static const char *const set_sql =
"INSERT INTO custseg.gate_condition AS t VALUES ($1, $2, $3, $4, $5, pg_catalog.now(), $6) "
"ON CONFLICT (model, condition) DO UPDATE SET (state, reason, evidence, set_at, set_by) ="
" ROW(excluded.state, excluded.reason, excluded.evidence, excluded.set_at, excluded.set_by)";

static const char *const unset_sql =
"DELETE FROM custseg.gate_condition AS t WHERE t.model OPERATOR(pg_catalog.=) $1 AND t.condition OPERATOR(pg_catalog.=) $2";

/* As the caller, who sees no other models. */
static const char *const known_sql =
"SELECT CASE WHEN pg_catalog.bool_or(g.state OPERATOR(pg_catalog.=) 'fail') THEN 'no-go'"
" WHEN pg_catalog.bool_and(g.state OPERATOR(pg_catalog.=) 'pass') THEN 'go' ELSE 'hold' END,"
" pg_catalog.jsonb_agg(pg_catalog.to_jsonb(g)) "
"FROM custseg.go_no_go($1, $2) AS g";

static const char *const decide_sql =
"INSERT INTO custseg.gate_decision AS d (model, version, decision, reason, conditions, decided_at, decided_by) "
"SELECT m.name, m.deployed_version, $2, $3, $4, pg_catalog.clock_timestamp(), $5 "
"FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1 "
"RETURNING d.*";

PG_FUNCTION_INFO_V1(custseg_gate_options);
PG_FUNCTION_INFO_V1(custseg_scoring_latency);
PG_FUNCTION_INFO_V1(custseg_set_condition);
PG_FUNCTION_INFO_V1(custseg_decide);

/* Is the text in a list that ends with NULL? */
static bool
IsIn(const char *const *list, const char *text)
{
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

/* The arguments of gate_options(). */
enum
{
	OPTIONS_MODEL, OPTIONS_OPTIONS
};

/* gate_options(model, options): all of them, for a model of segments that the caller may use; else an error */
Datum
custseg_gate_options(PG_FUNCTION_ARGS)
{
	char	   *model = CsRequiredText(fcinfo, OPTIONS_MODEL, "model");
	GateOptions options;

	CsModelCheckUse(model);
	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	CsOptionsArgument(fcinfo, OPTIONS_OPTIONS, gateOptions, lengthof(gateOptions), &options);
	PG_RETURN_JSONB_P(CsOptionsToJsonb(gateOptions, lengthof(gateOptions), &options));
}

/* The arguments of scoring_latency(). */
enum
{
	LATENCY_MODEL, LATENCY_VERSION
};

/*
 * scoring_latency(model, version): milliseconds within which 95 of 100 customers are prepared and placed.  They are
 * customers of whom nothing is known, whose every value is imputed.
 */
Datum
custseg_scoring_latency(PG_FUNCTION_ARGS)
{
	const CsScorer *scorer = CsCacheGet(CsRequiredText(fcinfo, LATENCY_MODEL, "model"),
										CsVersionArgument(fcinfo, LATENCY_VERSION));
	double	   *times = palloc(sizeof(double) * TIMED_CUSTOMERS);
	CsScoring	scoring;
	CsAssignment placed;

	CsCachePin(scorer, CurrentMemoryContext);
	CsScoringInit(&scoring, scorer, CurrentMemoryContext);
	for (int i = 0; i < TIMED_CUSTOMERS; i++)
	{
		instr_time	start,
					end;

		CHECK_FOR_INTERRUPTS();
		for (int f = 0; f < CsScorerPipeline(scorer)->nfeatures; f++)
			scoring.raw[f] = NAN;
		INSTR_TIME_SET_CURRENT(start);
		(void) CsScoringTry(&scoring, &placed, NULL);
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_SUBTRACT(end, start);
		times[i] = INSTR_TIME_GET_MILLISEC(end);
	}
	CsSortDoubles(times, TIMED_CUSTOMERS, palloc(sizeof(double) * TIMED_CUSTOMERS));
	PG_RETURN_FLOAT8(times[TIMED_CUSTOMERS * 95 / 100]);
}

/* The arguments of set_condition(). */
enum
{
	SET_MODEL, SET_CONDITION, SET_STATE, SET_REASON, SET_EVIDENCE
};

/* A text that must not be blank. */
static char *
RequiredWords(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char	   *text = CsRequiredText(fcinfo, argument, name);

	if (text[strspn(text, " \t\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be empty", name)));
	return text;
}

/* The name of a condition that somebody may set. */
static char *
ConditionArgument(FunctionCallInfo fcinfo)
{
	char	   *condition = RequiredWords(fcinfo, SET_CONDITION, "condition");

	if (strlen(condition) > MOST_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("\"condition\" must not be longer than %d bytes", MOST_NAME)));
	if (IsIn(computed, condition))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("condition \"%s\" is not for setting", condition),
				 errhint("custseg.go_no_go() finds it out. Give what you have found another name.")));
	return condition;
}

/* set_condition(model, condition, state, reason, evidence): keep what was found; state NULL takes it away */
Datum
custseg_set_condition(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.set_condition()");
	char	   *condition = ConditionArgument(fcinfo);
	char	   *state = CsTextArgument(fcinfo, SET_STATE);
	char	   *reason = state == NULL ? NULL : RequiredWords(fcinfo, SET_REASON, "reason");

	if (state != NULL && !IsIn(states, state))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized state \"%s\"", state),
				 errhint("States are pass, fail and unclear; NULL takes the condition away.")));
	SPI_connect();
	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	if (state == NULL)
		CsCatalogExecute(unset_sql, CsValues(CsValueText(model), CsValueText(condition)), false);
	else
		CsCatalogExecute(set_sql, CsValues(CsValueText(model), CsValueText(condition), CsValueText(state),
										   CsValueText(reason), CsValueText(CsTextArgument(fcinfo, SET_EVIDENCE)),
										   CsValueName(CsCallerName())), false);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The arguments of decide(). */
enum
{
	DECIDE_MODEL, DECIDE_REASON, DECIDE_OPTIONS
};

/* decide(model, reason, options): what follows from the conditions, kept with them; the row that is kept */
Datum
custseg_decide(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.decide()");
	char	   *reason = RequiredWords(fcinfo, DECIDE_REASON, "reason");
	CsValue		known[2];
	Datum		row;

	SPI_connect();
	(void) CsCallerSelect(known_sql, CsValues(CsValueText(model), CsValueJsonb(CsJsonbArgument(fcinfo, DECIDE_OPTIONS))));
	CsValuesOfTuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, known);
	CsCatalogExecute(decide_sql, CsValues(CsValueText(model), known[0], CsValueText(reason), known[1],
										  CsValueName(CsCallerName())), false);
	row = CsFoundRow(fcinfo);
	SPI_finish();
	PG_RETURN_DATUM(row);
}
