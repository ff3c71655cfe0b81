/*
 * report.c
 *	  What the functions that report on a deployed model have in common: arguments, rows, verdicts.
 *
 * A report is complete whatever the source is like.  So what is wrong with it becomes a verdict
 * and a reason in words, and only a mistake in the call is an error.
 */
#include "custseg.h"

#include "call/call.h"
#include "funcapi.h"
#include "monitor/monitor.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Features that a reason lists before it says "and others". */
#define MAX_LISTED 5

/* See monitor.h. */
bool
CsReportOpen(CsReport *report, FunctionCallInfo fcinfo, int source, int version)
{
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);

	report->result = CsResultOpen(fcinfo);
	if (model == NULL)
		return false;
	report->scorer = CsCacheGet(model, CsVersionArgument(fcinfo, version));
	CsCachePin(report->scorer, CurrentMemoryContext);
	report->id = CsScorerId(report->scorer);
	report->source = CsTextArgument(fcinfo, source);
	return true;
}

/* See monitor.h. */
void
CsReportCheckLimits(const char *low_name, double low, const char *high_name, double high)
{
	if (low > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must not exceed \"%s\"", low_name, high_name),
				 errdetail("They are %.15g and %.15g.", low, high)));
}

/* See monitor.h. */
char *
CsObservationProblem(const CsObservation *observation)
{
	const CsPipeline *p = CsScorerPipeline(observation->scorer);
	StringInfoData problem;
	int			nlisted = 0;

	if (observation->scored)
		return NULL;
	initStringInfo(&problem);
	appendStringInfoString(&problem, "customers cannot be placed: ");
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsObservedFeature *f = &observation->features[i];

		if (f->state == CS_BIND_DONE)
			continue;
		if (nlisted == MAX_LISTED)
		{
			appendStringInfoString(&problem, " and others");
			break;
		}
		appendStringInfo(&problem, "%scolumn \"%s\" ", nlisted++ == 0 ? "" : ", ",
						 NameStr(p->feature[i].name));
		if (f->state == CS_BIND_MISSING)
			appendStringInfoString(&problem, "is missing");
		else
			appendStringInfo(&problem, "is now of type %s", f->type);
	}
	return problem.data;
}
