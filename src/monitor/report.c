/*
 * report.c
 *	  What the functions that report on a deployed model have in common: arguments, rows, verdicts.
 *
 * A report is complete whatever the source is like.  So what is wrong with it becomes a verdict
 * and a reason in words, and only a mistake in the call is an error.
 */
#include "custseg.h"

#include "call/call.h"
#include "dist/dist.h"
#include "monitor/monitor.h"

/* Features that a reason lists before it says "and others". */
#define MAX_LISTED 5

/*
 * Read the arguments "model", "source" and "version", the last two by their positions.  The default
 * source is the one that the version was trained on.  The model is one of segments, or where the report
 * is "of features" one that has features.  Returns false when the model is NULL, which has no report.
 */
bool
CsReportStart(CsReport *report, FunctionCallInfo fcinfo, int source, int version, bool of_features)
{
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);

	memset(report, 0, sizeof(*report));
	if (model == NULL)
		return false;
	version = CsVersionArgument(fcinfo, version);
	if (of_features)
		report->scorer = CsScorerOfFeatures(model, version);
	else
	{
		report->scorer = CsCacheGet(model, version);
		CsCachePin(report->scorer, CurrentMemoryContext);
	}
	report->id = CsScorerId(report->scorer);
	report->source = CsTextArgument(fcinfo, source);
	return true;
}

/*
 * CsReportStart() of a set-returning function, whose result set is opened even if it stays without
 * rows.
 */
static bool
Open(CsReport *report, FunctionCallInfo fcinfo, int source, int version, bool of_features)
{
	CsResult   *result = CsResultOpen(fcinfo);
	bool		is_asked = CsReportStart(report, fcinfo, source, version, of_features);

	report->result = result;
	return is_asked;
}

/* Likewise of a report on a model of segments. */
bool
CsReportOpen(CsReport *report, FunctionCallInfo fcinfo, int source, int version)
{
	return Open(report, fcinfo, source, version, false);
}

/* Likewise of one on any model that has features. */
bool
CsReportOpenOfFeatures(CsReport *report, FunctionCallInfo fcinfo, int source, int version)
{
	return Open(report, fcinfo, source, version, true);
}

/* Reports in the making. */
struct CsReporting
{
	int			n;
	const CsReportKind *const *kinds;
	void	  **states;
	CsObserver *observer;
};

/* Reports on one version, each with its own options, which are checked, and its own result. */
static CsReporting *
OpenReports(const CsReport *reports, const CsReportKind *const *kinds, Jsonb *const *options, int n)
{
	CsReporting *r = palloc(sizeof(CsReporting));

	r->n = n;
	r->kinds = kinds;
	r->states = palloc(sizeof(void *) * n);
	for (int i = 0; i < n; i++)
		r->states[i] = kinds[i]->open(&reports[i], options[i]);
	return r;
}

/* Have the rows of a pass observed for reports. */
static void
Observe(CsReporting *r, CsPass *pass, CsPlacer *placer, const CsScorer *scorer)
{
	CsObserveRequest request = {.scorer = scorer, .relation = pass->relation};

	for (int i = 0; i < r->n; i++)
		r->kinds[i]->ask(r->states[i], &request);
	r->observer = CsObserveBegin(pass, placer, &request);
}

/*
 * Begin reports on one version, each with its own options (NULL if none are given) and its own result, of the rows of a
 * pass; see CsObserveBegin().
 */
CsReporting *
CsReportsBegin(CsPass *pass, CsPlacer *placer, const CsReport *reports, const CsReportKind *const *kinds,
			   Jsonb *const *options, int n)
{
	CsReporting *r = OpenReports(reports, kinds, options, n);

	Observe(r, pass, placer, reports[0].scorer);
	return r;
}

/* Make the reports of a pass that has been read. */
void
CsReportsEnd(CsReporting *r)
{
	const CsObservation *observation = CsObserveEnd(r->observer);

	for (int i = 0; i < r->n; i++)
		r->kinds[i]->put(r->states[i], observation);
}

/* Observe a source for the reports that ask for nothing that passes do not tell, or for the others, if there are any. */
static void
MakeThose(CsReporting *r, const CsRelation *relation, const CsScorer *scorer, bool by_passes)
{
	CsObserveRequest request = {.scorer = scorer,.relation = relation};
	const CsObservation *observation;
	bool		any = false;

	for (int i = 0; i < r->n; i++)
	{
		if (r->kinds[i]->by_passes != by_passes)
			continue;
		r->kinds[i]->ask(r->states[i], &request);
		any = true;
	}
	if (!any)
		return;
	observation = CsObserve(&request);
	for (int i = 0; i < r->n; i++)
		if (r->kinds[i]->by_passes == by_passes)
			r->kinds[i]->put(r->states[i], observation);
}

/*
 * Make reports on one version and one source, which is read once for all of them, as far as memory allows.  Where its
 * rows are on other servers, reports that passes can make are made by them.
 */
void
CsReportsMake(const CsReport *reports, const CsReportKind *const *kinds, Jsonb *const *options, int n)
{
	CsReporting *r = OpenReports(reports, kinds, options, n);
	const CsScorer *scorer = reports[0].scorer;
	CsRelation *relation = CsSourceOpen(scorer, reports[0].source);
	CsPass	   *pass;

	if (CsPiecesElsewhere(relation) != NULL)
	{
		MakeThose(r, relation, scorer, true);
		MakeThose(r, relation, scorer, false);
		return;
	}
	pass = CsPassOpen(relation);
	Observe(r, pass, NULL, scorer);
	(void) CsPassRead(pass);
	CsReportsEnd(r);
}

/* A function (model, source, options, version) that makes one report. */
Datum
CsReportCall(FunctionCallInfo fcinfo, const CsReportKind *kind)
{
	Jsonb	   *options = CsJsonbArgument(fcinfo, ARG_OPTIONS);
	CsReport	report;

	if (Open(&report, fcinfo, ARG_SOURCE, ARG_VERSION, kind->of_features))
		CsReportsMake(&report, &kind, &options, 1);
	return (Datum) 0;
}

/* Raise an error unless two options are in order. */
void
CsReportCheckLimits(const char *low_name, double low, const char *high_name, double high)
{
	if (low > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must not exceed \"%s\"", low_name, high_name),
				 errdetail("They are %.15g and %.15g.", low, high)));
}

/* What is done with customers by the version. */
const char *
CsObservationVerb(const CsObservation *observation)
{
	return observation->scorer->nsegments > 0 ? "placed" : "predicted";
}

/*
 * The reason why no row of the source can be placed, in words, palloc'd; NULL when rows can be
 * placed.
 */
char *
CsObservationProblem(const CsObservation *observation)
{
	const CsPipeline *p = CsScorerPipeline(observation->scorer);
	StringInfoData problem;
	int			nlisted = 0;

	if (observation->scored)
		return NULL;
	initStringInfo(&problem);
	appendStringInfo(&problem, "customers cannot be %s: ", CsObservationVerb(observation));
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
