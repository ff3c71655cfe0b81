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

static const char *const verdictNames[] = {
	[CS_VERDICT_OK] = "ok",
	[CS_VERDICT_INSUFFICIENT] = "insufficient data",
	[CS_VERDICT_WATCH] = "watch",
	[CS_VERDICT_DRIFTED] = "drifted",
	[CS_VERDICT_UNSTABLE] = "unstable",
	[CS_VERDICT_BROKEN] = "broken",
	[CS_VERDICT_DISPARATE] = "disparate"
};

/* See monitor.h. */
bool
CsReportOpen(CsReport *report, FunctionCallInfo fcinfo, int source, int version)
{
	char	   *trained_source;

	InitMaterializedSRF(fcinfo, 0);
	report->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	if (PG_ARGISNULL(0))
		return false;
	report->scorer = CsCacheGet(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								CsVersionArgument(fcinfo, version));
	CsCachePin(report->scorer, CurrentMemoryContext);
	CsScorerOrigin(report->scorer, &trained_source, &report->id);
	report->source = CsTextArgument(fcinfo, source);
	if (report->source == NULL)
		report->source = trained_source;
	return true;
}

/* See monitor.h. */
void
CsReportOptions(FunctionCallInfo fcinfo, int argument, const CsOption *options, int noptions,
				void *result)
{
	CsOptionsParse(options, noptions,
				   PG_ARGISNULL(argument) ? NULL : PG_GETARG_JSONB_P(argument), result);
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
void
CsReportPut(CsReport *report, const CsSqlArgument *row, int ncolumns)
{
	TupleDesc	desc = report->rsinfo->setDesc;
	Datum	   *values = palloc(sizeof(Datum) * ncolumns);
	bool	   *nulls = palloc(sizeof(bool) * ncolumns);

	if (desc->natts != ncolumns)
		elog(ERROR, "a report has %d columns where %d are declared", ncolumns, desc->natts);
	for (int i = 0; i < ncolumns; i++)
	{
		if (TupleDescAttr(desc, i)->atttypid != row[i].type)
			elog(ERROR, "column %d of a report is of another type than declared", i + 1);
		values[i] = row[i].value;
		nulls[i] = row[i].isnull;
	}
	tuplestore_putvalues(report->rsinfo->setResult, desc, values, nulls);
	pfree(values);
	pfree(nulls);
}

/* See monitor.h. */
void
CsFindingInit(CsFinding *finding)
{
	finding->verdict = CS_VERDICT_OK;
	initStringInfo(&finding->reason);
}

static void AppendFormatted(StringInfo to, const char *format, va_list arguments)
			pg_attribute_printf(2, 0);

/* Add formatted text to a buffer. */
static void
AppendFormatted(StringInfo to, const char *format, va_list arguments)
{
	for (;;)
	{
		va_list		copy;
		int			needed;

		va_copy(copy, arguments);
		needed = appendStringInfoVA(to, format, copy);
		va_end(copy);
		if (needed == 0)
			return;
		enlargeStringInfo(to, needed);
	}
}

/* See monitor.h. */
void
CsFindingAdd(CsFinding *finding, CsVerdict verdict, const char *format,...)
{
	va_list		arguments;

	finding->verdict = Max(finding->verdict, verdict);
	if (finding->reason.len > 0)
		appendStringInfoString(&finding->reason, "; ");
	va_start(arguments, format);
	AppendFormatted(&finding->reason, format, arguments);
	va_end(arguments);
}

/* See monitor.h. */
void
CsFindingDefault(CsFinding *finding, const char *format,...)
{
	va_list		arguments;

	if (finding->reason.len > 0)
		return;
	va_start(arguments, format);
	AppendFormatted(&finding->reason, format, arguments);
	va_end(arguments);
}

/* The verdict as a column. */
CsSqlArgument
CsFindingVerdict(const CsFinding *finding)
{
	return CsSqlText(verdictNames[finding->verdict]);
}

/* The reason as a column. */
CsSqlArgument
CsFindingReason(const CsFinding *finding)
{
	return CsSqlText(finding->reason.data);
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
