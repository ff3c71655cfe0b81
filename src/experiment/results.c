/*
 * results.c
 *	  experiment_results(): what the outcomes of an experiment say, which nothing is kept of.
 *
 * It can be called at any time, and what it shows holds however often that is: where looks are to be few, the
 * intervals are those that hold at any time, for only looks that are kept spend anything.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/analysis.h"

PG_FUNCTION_INFO_V1(custseg_experiment_results);

/* The arguments. */
enum
{
	ARG_EXPERIMENT, ARG_SOURCE, ARG_ID, ARG_OPTIONS
};

/* OUT the CS_RESULT_COLUMNS columns of experiment_results_result. */
void
CsResultOfEffect(const CsAnalysis *a, const CsEffect *e, CsValue *row)
{
	const CsExperimentMetric *m = &a->experiment->metrics[e->metric];
	const CsArmsResult *r = &e->trial.result;
	const CsValue values[CS_RESULT_COLUMNS] = {
		CsValueText(m->name), CsValueText(CsMetricRoles[m->role]), CsValueText(CsMetricKinds[m->kind]),
		CsValueText(a->experiment->variants[e->variant].name),
		e->segment < 0 ? CsValueNull(INT4OID) : CsValueInt4(a->table->segments[e->segment]),
		CsValueInt8(e->trial.n[CS_CONTROL]), CsValueInt8(e->trial.n[CS_TREATMENT]),
		CsValueFloat8(r->mean[CS_CONTROL]), CsValueFloat8(r->mean[CS_TREATMENT]), CsValueFloat8(r->difference),
		CsValueFloat8(r->error), CsValueFloat8(r->statistic), CsValueFloat8(r->df), CsValueFloat8(e->trial.critical),
		CsValueFloat8(1 - e->alpha), CsValueFloat8(r->low), CsValueFloat8(r->high), CsValueFloat8(r->p),
		CsValueFloat8(e->p_adjusted), CsValueFloat8(r->lift), CsValueFloat8(r->lift_low), CsValueFloat8(r->lift_high),
		CsValueFloat8(e->heterogeneity.q), CsValueFloat8(e->heterogeneity.p), CsValueFloat8(e->heterogeneity.i_squared),
		CsValueFloat8(e->theta), CsValueFloat8(a->table->source.caps[e->metric]),
		CsValueText(e->rating < 0 ? NULL : CsGuardrailNames[e->rating]),
		CsValueText(e->verdict < 0 ? NULL : CsTrialVerdictNames[e->verdict]),
		CsValueText(e->reason.len == 0 ? NULL : e->reason.data)
	};

	memcpy(row, values, sizeof(values));
}

/* experiment_results(experiment, source, id, options) */
Datum
custseg_experiment_results(PG_FUNCTION_ARGS)
{
	CsExperiment *e = CsExperimentRead(CsRequiredText(fcinfo, ARG_EXPERIMENT, "experiment"));
	char	   *source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	CsOutcomeOptions options = CsOutcomeOptionsArgument(fcinfo, ARG_OPTIONS);
	CsResult   *result;
	CsAnalysis *a;

	CsModelCheckOwner(e->model);
	CsExperimentRequireStarted(e);
	a = CsAnalyse(CsOutcomeTableRead(e, source, CsTextArgument(fcinfo, ARG_ID), &options), CsLookHistoryRead(e),
				  e->method == CS_LOOK_FIXED ? CS_LOOK_FIXED : CS_LOOK_ANYTIME);
	result = CsResultOpen(fcinfo);
	for (int i = 0; i < a->neffects; i++)
	{
		CsValue		row[CS_RESULT_COLUMNS];

		CsResultOfEffect(a, &a->effects[i], row);
		CsResultPut(result, row, CS_RESULT_COLUMNS);
	}
	return (Datum) 0;
}
