/*
 * look.c
 *	  look(): outcomes looked at, and what they say kept.
 *
 * Each look spends of alpha, so that all are kept, whoever took them, and one at a time.  The first one whose
 * verdict is not to keep running decides, and what is decided stays so: later looks are kept and shown, and
 * change nothing.  A look at an experiment that cannot be believed does not decide either, for its cause may
 * be found and mended.
 *
 * After a launch, a look tells whether the lift over those who are held out is still there.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "experiment/analysis.h"
#include "executor/spi.h"
#include "stat/sequential.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static const char *const looks_sql =
"SELECT CASE WHEN l.valid THEN l.information END, CASE WHEN l.decides THEN l.look END,"
" coalesce(l.findings OPERATOR(pg_catalog.->) 'lost', '[]') "
"FROM custseg.experiment_look AS l WHERE l.experiment OPERATOR(pg_catalog.=) $1 ORDER BY l.look";

static const char *const least_sql =
"SELECT m.metric, m.variant, m.segment, pg_catalog.min(m.p_value) FROM custseg.experiment_look_metric AS m "
"WHERE m.experiment OPERATOR(pg_catalog.=) $1 AND m.p_value IS NOT NULL GROUP BY m.metric, m.variant, m.segment";

static const char *const decided_sql =
"SELECT m.variant, m.segment, m.verdict, m.reason FROM custseg.experiment_look_metric AS m "
"WHERE m.experiment OPERATOR(pg_catalog.=) $1 AND m.look OPERATOR(pg_catalog.=) $2 AND m.verdict IS NOT NULL";

/* The columns in their order. */
static const char *const insert_sql =
"INSERT INTO custseg.experiment_look VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *";

static const char *const insert_metric_sql =
"INSERT INTO custseg.experiment_look_metric VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
" $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)";

/* Every look writes the row, so that looks of two transactions conflict there. */
static const char *const decide_sql =
"UPDATE custseg.experiment AS e SET decision = coalesce(e.decision, $2), decision_reason = coalesce(e.decision_reason, $3),"
" decided_at = coalesce(e.decided_at, $4), decided_look = coalesce(e.decided_look, $5) "
"WHERE e.experiment OPERATOR(pg_catalog.=) $1";

static const char *const alert_sql = "SELECT custseg_private.record_look_alert($1, $2, $3, $4, $5, $6)";

PG_FUNCTION_INFO_V1(custseg_look);

/* The arguments. */
enum
{
	ARG_EXPERIMENT, ARG_SOURCE, ARG_ID, ARG_OPTIONS
};

/* An error before the first customer is enrolled. */
void
CsExperimentRequireStarted(const CsExperiment *e)
{
	if (!e->has_started)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nobody is enrolled in experiment \"%s\"", e->name),
				 errhint("custseg.enroll() enrolls customers.")));
}

/* CsCatalogVisitor: a look. */
static void
TakeLook(void *state, const CsCatalogRow *row)
{
	CsLookHistory *h = state;

	h->information = h->information == NULL ? palloc(sizeof(double)) :
		repalloc(h->information, sizeof(double) * (h->nlooks + 1));
	h->information[h->nlooks++] = CsRowFloat8(row, 1);
	h->look = CsRowInt4(row, 2, h->look);
	h->lost = CsRowJsonb(row, 3);
}

/* CsCatalogVisitor: the smallest p-value of a line. */
static void
TakeLeast(void *state, const CsCatalogRow *row)
{
	CsLookHistory *h = state;

	h->least = h->least == NULL ? palloc(sizeof(CsLeastP)) : repalloc(h->least, sizeof(CsLeastP) * (h->nleast + 1));
	h->least[h->nleast++] = (CsLeastP) {
		CsRowText(row, 1), CsRowText(row, 2), CsRowInt4(row, 3, CS_ALL_SEGMENTS), CsRowFloat8(row, 4)
	};
}

/* CsCatalogVisitor: a line of the look that decided. */
static void
TakeDecided(void *state, const CsCatalogRow *row)
{
	CsLookHistory *h = state;

	h->decided = h->decided == NULL ? palloc(sizeof(CsDecided)) : repalloc(h->decided, sizeof(CsDecided) * (h->ndecided + 1));
	h->decided[h->ndecided++] = (CsDecided) {
		CsRowText(row, 1), CsRowInt4(row, 2, CS_ALL_SEGMENTS), CsRowText(row, 3), CsRowText(row, 4)
	};
}

/* The looks that are kept, as the active snapshot sees them; palloc'd. */
CsLookHistory *
CsLookHistoryRead(const CsExperiment *e)
{
	CsLookHistory *h = palloc0(sizeof(CsLookHistory));

	CsCatalogRead(looks_sql, CsValues(CsValueText(e->name)), TakeLook, h);
	if (e->method == CS_LOOK_ANYTIME)
		CsCatalogRead(least_sql, CsValues(CsValueText(e->name)), TakeLeast, h);
	if (h->look > 0)
		CsCatalogRead(decided_sql, CsValues(CsValueText(e->name), CsValueInt4(h->look)), TakeDecided, h);
	return h;
}

/* The verdict of the look that decided of all segments of a variant, or NULL. */
static const char *
DecidedOf(const CsAnalysis *a, int variant)
{
	for (int i = 0; i < a->history->ndecided; i++)
	{
		const CsDecided *d = &a->history->decided[i];

		if (d->segment == CS_ALL_SEGMENTS && strcmp(d->variant, a->experiment->variants[variant].name) == 0)
			return d->verdict;
	}
	return NULL;
}

/* Was a variant launched whose lift cannot be told from 0 any more, by a plain test? */
static bool
IsLost(const CsAnalysis *a, int variant)
{
	const char *verdict = DecidedOf(a, variant);
	int			primary = CsPrimaryMetric(a->experiment);
	double		sign = a->experiment->metrics[primary].direction == CS_DIRECTION_UP ? 1 : -1,
				statistic = CsEffectOf(a, primary, variant, -1)->trial.result.statistic;

	return verdict != NULL && strcmp(verdict, CsTrialVerdictNames[CS_TRIAL_LAUNCH]) == 0 &&
		!(sign * statistic > gsl_cdf_ugaussian_Qinv(a->experiment->alpha / 2));
}

/* Was it so at the look before? */
static bool
WasLost(const CsAnalysis *a, int variant)
{
	if (a->history->lost == NULL)
		return false;
	for (CsJsonEach each = CsJsonEachOf(&a->history->lost->root); CsJsonNext(&each);)
	{
		if (CsJsonIsText(&each.value, a->experiment->variants[variant].name))
			return true;
	}
	return false;
}

/* What else was known: the split, and variants whose lift is lost. */
static Jsonb *
FindingsOf(const CsAnalysis *a)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	CsJsonText(&json, "method", CsLookMethods[a->method]);
	CsJsonNumber(&json, "boundary", a->boundary);
	CsJsonNumber(&json, "mismatch_p", a->mismatch.p);
	CsJsonNumber(&json, "attrition_p", a->attrition_p);
	CsJsonInteger(&json, "days", a->days);
	CsJsonArray(&json, "lost");
	for (int v = 1; v < a->experiment->nvariants; v++)
	{
		if (IsLost(a, v))
			CsJsonText(&json, NULL, a->experiment->variants[v].name);
	}
	(void) CsJsonEnd(&json);
	return CsJsonFinish(&json);
}

/* What an alert is to say, empty for nothing, and OUT whether it is critical. */
static char *
ProblemsOf(const CsAnalysis *a, bool *is_critical)
{
	StringInfoData problems;

	initStringInfo(&problems);
	*is_critical = false;
	if (!a->is_valid)
		CsAddInvalid(a, &problems);
	for (int v = 1; v < a->experiment->nvariants; v++)
	{
		const char *harmed = CsGuardrailsRated(a, v, CS_GUARDRAIL_HARMED);

		if (harmed != NULL && (a->method != CS_LOOK_FIXED || a->is_finished))
			CsReasonAdd(&problems, "variant \"%s\" damages %s", a->experiment->variants[v].name, harmed);
	}
	*is_critical = problems.len > 0;
	for (int v = 1; v < a->experiment->nvariants; v++)
	{
		if (IsLost(a, v) && WasLost(a, v))
			CsReasonAdd(&problems, "variant \"%s\" was launched, and two looks in a row do not show its lift any more",
						a->experiment->variants[v].name);
	}
	return problems.data;
}

/* Write the lines of a look; inside SPI. */
static void
StoreEffects(const CsAnalysis *a, int look)
{
	CsValue		arguments[4 + CS_RESULT_COLUMNS];

	for (int i = 0; i < a->neffects; i++)
	{
		arguments[0] = CsValueText(a->experiment->name);
		arguments[1] = CsValueInt4(look);
		arguments[2] = CsValueText(a->experiment->model);
		arguments[3] = CsValueInt4(i + 1);
		CsResultOfEffect(a, &a->effects[i], arguments + 4);
		CsCatalogExecute(insert_metric_sql, arguments, lengthof(arguments), false);
	}
}

/* Write a look; its row becomes the result. */
static Datum
Store(FunctionCallInfo fcinfo, const CsAnalysis *a, const char *source)
{
	const CsExperiment *e = a->experiment;
	int			look = a->history->nlooks + 1;
	bool		decides = a->history->look == 0 && a->is_valid && a->verdict != CS_TRIAL_KEEP_RUNNING,
				is_critical;
	char	   *problems = ProblemsOf(a, &is_critical);
	CsValue		now = CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()), false),
				name = CsValueText(e->name);
	Datum		row;

	SPI_connect();
	CsModelHold(e->model);
	CsCatalogExecuteNewest(decide_sql,
						   CsValues(name, CsValueText(decides ? CsTrialVerdictNames[a->verdict] : NULL),
									CsValueText(decides ? a->reason : NULL),
									decides ? now : CsValueNull(TIMESTAMPTZOID),
									decides ? CsValueInt4(look) : CsValueNull(INT4OID)));
	if (SPI_processed == 0)
		CsReportNoExperiment(e->name);
	CsCatalogExecute(insert_sql,
					 CsValues(name, CsValueInt4(look), CsValueText(e->model), now, CsValueName(CsCallerName()),
							  CsValueText(source), CsValueFloat8(a->information), CsValueInt8(a->table->analysed),
							  CsValueText(CsTrialVerdictNames[a->verdict]), CsValueText(a->reason),
							  CsValueBool(a->is_valid), CsValueBool(decides), CsValueJsonb(FindingsOf(a))), false);
	row = CsFoundRow(fcinfo);
	StoreEffects(a, look);
	CsCatalogExecute(alert_sql,
					 CsValues(CsValueText(e->model), name, CsValueInt4(look), CsValueInt4(e->version),
							  CsValueText(is_critical ? "critical" : "warning"),
							  CsValueText(problems[0] == '\0' ? NULL : problems)), false);
	SPI_finish();
	return row;
}

/* look(experiment, source, id, options): a row of experiment_look */
Datum
custseg_look(PG_FUNCTION_ARGS)
{
	CsExperiment *e;
	CsOutcomeOptions options;
	CsOutcomeTable *table;
	CsLookHistory *history;
	char	   *source;

	CsRequireWritable("custseg.look()");
	e = CsExperimentRead(CsRequiredText(fcinfo, ARG_EXPERIMENT, "experiment"));
	source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	options = CsOutcomeOptionsArgument(fcinfo, ARG_OPTIONS);
	CsModelCheckOwner(e->model);
	CsExperimentRequireStarted(e);
	table = CsOutcomeTableRead(e, source, CsTextArgument(fcinfo, ARG_ID), &options);
	CsModelLock(e->model);
	CsModelCheckOwner(e->model);
	CsExperimentRequireSame(e);
	/* looks that were kept meanwhile count, too */
	PushActiveSnapshot(GetTransactionSnapshot());
	history = CsLookHistoryRead(e);
	PopActiveSnapshot();
	if (history->nlooks == CS_MAX_LOOKS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("experiment \"%s\" has been looked at %d times", e->name, CS_MAX_LOOKS),
				 errhint("custseg.experiment_results() shows what the outcomes say, and keeps nothing.")));
	return Store(fcinfo, CsAnalyse(table, history, e->method), source);
}
