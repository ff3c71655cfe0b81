/*
 * observe_passes.c
 *	  A source whose rows are on other servers, observed by passes: these servers add up what is asked for.
 *
 * Rows, values, levels and segments are counted exactly, and distances are summed exactly.  Of a number's values
 * are known how many lie below and at each landmark that a report names, and the values next to each of 1,001
 * equidistant quantiles; between two of these they are taken to lie evenly.  What needs single rows or elements of
 * vectors is read as any other source is, unless that is too much to fetch.
 */
#include "custseg.h"

#include <math.h>

#include "dist/dist.h"
#include "monitor/monitor.h"
#include "score/placed_pass.h"

/* An observation in the making. */
typedef struct Passes
{
	const CsObserveRequest *request;
	const CsPipeline *pipeline;
	CsObservation *result;
	CsStudy    *study;
	int		   *column;			/* of the study, for each feature; -1: it is not bound */
} Passes;

/* What a function asks for that passes do not tell. */
static bool
NeedsRows(const CsObserveRequest *request, const CsPass *pass)
{
	if ((request->visit_row != NULL && request->visit_passes == NULL) || (request->place && request->scorer->nsegments == 0))
		return true;
	for (int i = 0; i < request->nsamples; i++)
		if (!request->samples[i].by_passes)
			return true;
	for (int i = 0; i < pass->columns.ncolumns; i++)
		if (pass->columns.columns[i].element > 0 || pass->columns.columns[i].vector != NULL)
			return true;
	return false;
}

/* Study the columns of the features that are bound. */
static void
Study(Passes *o, const CsPieces *pieces, const CsPass *pass, const CsPlacer *placer)
{
	const CsPipeline *p = o->pipeline;
	CsColumn   *columns = palloc(sizeof(CsColumn) * p->nfeatures);
	bool	   *skips = palloc(sizeof(bool) * p->nfeatures);
	int			n = 0;

	o->column = palloc(sizeof(int) * p->nfeatures);
	for (int i = 0; i < p->nfeatures; i++)
	{
		o->column[i] = -1;
		if (placer->column[i] < 0)
			continue;
		columns[n] = pass->columns.columns[placer->column[i]];
		columns[n].converter = CsFeatureConverter(&p->feature[i], &columns[n]);
		skips[n] = p->feature[i].impute == CS_IMPUTE_SKIP;
		o->column[i] = n++;
	}
	o->study = CsStudyOpen(pieces, columns, n, skips);
	o->result->nrows = o->study->nrows;
}

/* Run a pass that places all rows. */
static CsTallyRun
RunPlaced(const Passes *o, const int *columns, double farthest)
{
	JsonbParseState *json = NULL;

	CsStudyBegin(o->study, false, NULL, &json);
	CsPlacedPlan(&json, o->request->scorer, columns, o->study->nrows, farthest);
	return CsStudyRun(o->study, &json);
}

/* Count the rows of each segment, and add up how far they are from its centre. */
static void
Place(const Passes *o)
{
	CsObservation *result = o->result;
	int		   *columns = palloc(sizeof(int) * o->pipeline->nfeatures);
	CsTallyRun	run;
	double		farthest;

	if (!result->scored)
	{
		result->n_unplaced = result->nrows;
		return;
	}
	for (int i = 0; i < o->pipeline->nfeatures; i++)
		columns[i] = o->study->column[o->column[i]].at;
	run = RunPlaced(o, columns, -1);
	farthest = CsPlacedRead(run.pass, &run.pass->parts[0], run.state, result->segment_rows, &result->n_unplaced);
	if (!o->request->measure)
		return;
	run = RunPlaced(o, columns, farthest);
	CsPlacedDistances(run.pass, &run.pass->parts[0], run.state, result->segment_distances);
}

/*
 * Draw samples of the placed rows: those of the lowest hashes of what identifies a row or, where nothing does, of its
 * values.  Each is visited, and let go of.
 */
static void
TakeSamples(const Passes *o)
{
	CsObservation *result = o->result;

	result->samples = palloc0(sizeof(CsObservedSample) * CS_MAX_SAMPLES);
	for (int i = 0; i < o->request->nsamples; i++)
	{
		const CsObservedSampleRequest *request = &o->request->samples[i];
		CsObservedSample *sample = &result->samples[i];

		if (result->scored)
			*sample = CsObserveSampleByPass(o->request->scorer, o->study, o->column, request, false);
		if (request->visit == NULL)
			continue;
		request->visit(request->state, result, sample);
		if (sample->rows == NULL)
			continue;
		pfree(sample->rows);
		pfree(sample->labels);
		sample->rows = NULL;
		sample->labels = NULL;
	}
}

/* Ask for what is to be known of the order of a number. */
static void
Ask(const Passes *o, int feature)
{
	CsOrder    *order = o->study->column[o->column[feature]].order;
	const double *landmarks = NULL;
	int			n = 0;
	int64		below;

	if (order->n == 0)
		return;
	if (o->request->landmarks != NULL)
		landmarks = o->request->landmarks(o->request->feature_state, feature, &n);
	for (int i = 0; i < n; i++)
		(void) CsOrderBelow(order, landmarks[i], &below);
	for (int i = 0; i < CS_QUANTILE_POINTS; i++)
	{
		double		quantile;

		(void) CsOrderQuantile(order, (double) i / (CS_QUANTILE_POINTS - 1), &quantile);
	}
}

/* Is a feature a number that the source has? */
static inline bool
IsNumber(const Passes *o, int feature)
{
	return o->column[feature] >= 0 && o->pipeline->feature[feature].kind != CS_CATEGORICAL;
}

/* Learn of the order of all numbers, by as many passes as that takes, and of their moments. */
static void
LearnNumbers(const Passes *o)
{
	bool		any = false;

	for (int i = 0; i < o->pipeline->nfeatures; i++)
		any |= IsNumber(o, i);
	if (!any)
		return;
	CsStudyMoments(o->study);
	do
	{
		for (int i = 0; i < o->pipeline->nfeatures; i++)
			if (IsNumber(o, i))
				Ask(o, i);
	} while (CsStudyAnswer(o->study));
}

/* Fill the levels of a category, most rows first, ties by text; NULL is a level, the last among ties. */
static void
FillLevels(const Passes *o, int feature, CsObservedFeature *f)
{
	int			n,
				at = 0;
	CsValueCount *counts = CsStudyLevels(o->study, o->column[feature], true, &n);
	bool		has_null = f->n_null > 0;

	f->levels = palloc(sizeof(CsObservedLevel) * (n + 1));
	for (int i = 0; i <= n; i++)
	{
		if (has_null && (i == n || counts[i].n < f->n_null))
		{
			f->levels[at++] = (CsObservedLevel) {.text = NULL,.count = f->n_null};
			has_null = false;
		}
		if (i < n)
			f->levels[at++] = (CsObservedLevel) {.text = counts[i].value,.count = counts[i].n};
	}
	f->nlevels = at;
}

/* Have a feature visited. */
static void
Visit(const Passes *o, int feature)
{
	CsObservedFeature *f = &o->result->features[feature];
	const CsStudyColumn *c = o->column[feature] < 0 ? NULL : &o->study->column[o->column[feature]];

	if (c != NULL)
	{
		f->nrows = c->n;
		f->n_null = c->n_null;
		f->n_infinite = c->n_infinite;
	}
	if (c != NULL && IsNumber(o, feature))
	{
		f->values = CsStudySorted(o->study, o->column[feature]);
		f->mean = c->moments.mean;
		f->sd = c->moments.sd;
	}
	else if (c != NULL)
		FillLevels(o, feature, f);
	o->request->visit(o->request->feature_state, o->result, feature);
	f->values = (CsSortedRuns) {0};
	f->levels = NULL;
}

/*
 * Observe a source by passes; palloc'd.  NULL where its rows are not on other servers that can add them up, or where
 * single rows are needed, which are to be read.
 */
CsObservation *
CsObserveByPasses(const CsObserveRequest *request)
{
	const CsPieces *pieces = CsPiecesElsewhere(request->relation);
	CsPass	   *pass = CsPassOpen(request->relation);
	CsPlacer   *placer = CsPassTryToPlace(pass, request->scorer, CS_PLACE_NOT);
	Passes		o = {.request = request,.pipeline = CsScorerPipeline(request->scorer)};

	if (pieces == NULL || NeedsRows(request, pass))
		return NULL;
	o.result = CsObservationCreate(request->scorer, request->relation, placer);
	o.result->by_passes = true;
	Study(&o, pieces, pass, placer);
	if (request->place)
		Place(&o);
	if (request->nsamples > 0)
		TakeSamples(&o);
	if (request->visit_passes != NULL)
		request->visit_passes(request->row_state, o.study, o.column);
	if (request->visit != NULL)
	{
		LearnNumbers(&o);
		for (int i = 0; i < o.pipeline->nfeatures; i++)
			Visit(&o, i);
	}
	return o.result;
}
