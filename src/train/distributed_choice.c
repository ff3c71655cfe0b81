/*
 * distributed_choice.c
 *	  Numbers of segments tried by passes over all rows: choose_k() of a source that is read by passes.
 *
 * Each number is fitted to the sample first.  Then all of them go on together: a pass has a part for each whose
 * iterations have not ended, so that there are as many passes as the longest of them takes, and each row is prepared
 * once a pass.  Two passes measure what comes of it.
 */
#include "custseg.h"

#include <math.h>

#include "progress.h"
#include "stat/validity_exact.h"
#include "train/choice.h"
#include "train/distributed_pass.h"
#include "utils/memutils.h"

/* Numbers of segments that go on together at most, and centers that they have in all where there are two of them. */
#define MOST_TOGETHER 16
#define MOST_CENTERS 512

/* A number of segments that is tried. */
typedef struct Attempt
{
	CsCandidate *candidate;
	CsPassesInput in;
	void	   *state;			/* of the algorithm's passes */
	bool		goes_on;		/* its iterations have not ended */
	CsSegmentMoments *moments;	/* once it has been measured: about its centers, then about the segments' means */
} Attempt;

/*
 * Fit each number of segments to the sample, no further than there are different rows; returns how many candidates there
 * are.  What they have of rows is given back.
 */
static int
FitSample(CsTraining *t, CsTeam *team, int k_first, int k_last, CsCandidate *candidates)
{
	int			n = 0;

	for (int k = k_first; k <= k_last; k++)
	{
		CsCandidate *c = &candidates[n];

		if (t->algorithm->check != NULL)
			t->algorithm->check(t->options, k, t->matrix->ncolumns);
		*c = (CsCandidate) {.k = k,.silhouette = NAN,.silhouette_deviation = NAN,.gap = NAN,.gap_se = NAN};
		c->fit = CsTrainingFit(t, team, t->algorithm, t->options, k);
		CsArenaFree(t->arena, c->fit.labels);
		if (c->fit.k < k && n > 0)
			break;
		n++;
		if (c->fit.k < k)
			break;
	}
	return n;
}

/* How many of n candidates go on together. */
static int
Together(const CsCandidate *candidates, int n)
{
	int			centers = 0,
				together = 0;

	while (together < Min(n, MOST_TOGETHER) && (together == 0 || centers + candidates[together].k <= MOST_CENTERS))
		centers += candidates[together++].k;
	return together;
}

/* Run one pass with a part for each attempt that goes on, and have them learn from it; false when all have ended. */
static bool
Iterate(CsTraining *t, Attempt *attempts, int n)
{
	const CsPasses *passes = t->algorithm->passes;
	MemoryContext context = CsPassMemory();
	MemoryContext old = MemoryContextSwitchTo(context);
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	int			part = 0;
	bool		any = false;

	CsPassBegin(t, t->pipeline, &json);
	for (int i = 0; i < n; i++)
		if (attempts[i].goes_on)
			passes->plan(attempts[i].state, &json);
	(void) CsJsonEnd(&json);
	run = CsPassRun(t, &json);
	for (int i = 0; i < n; i++)
	{
		if (!attempts[i].goes_on)
			continue;
		attempts[i].goes_on = passes->learn(attempts[i].state, run.pass, &run.pass->parts[part++], run.state);
		any |= attempts[i].goes_on;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return any;
}

/* Measure an attempt by its part of a pass: from its centers first, then from the means that these gave. */
static void
Take(Attempt *a, const CsTallyRun *run, int part)
{
	const CsTallyPart *measured = &run->pass->parts[part];

	if (a->moments == NULL)
		a->candidate->inertia = a->candidate->fit.inertia = CsExactValidityInertia(run->pass, measured, run->state);
	a->moments = CsExactValidityMoments(run->pass, measured, run->state, false);
}

/* Run a pass that measures all attempts, see Take(). */
static void
Measure(CsTraining *t, Attempt *attempts, int n)
{
	const CsPasses *passes = t->algorithm->passes;
	MemoryContext context = CsPassMemory();
	MemoryContext old = MemoryContextSwitchTo(context);
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	int			part = 0;

	CsPassBegin(t, t->pipeline, &json);
	for (int i = 0; i < n; i++)
	{
		const CsFitOutput *fit = &attempts[i].candidate->fit;
		CsExactValidity v = {
			.k = fit->k,
			.d = attempts[i].in.d,
			.nrows = t->nrows,
			.heaviest = attempts[i].in.heaviest,
			.reach = attempts[i].in.reach,
			.centers = fit->centers,
			.from = attempts[i].moments == NULL ? NULL : attempts[i].moments->centers,
			.is_labelled = passes->plan_last != NULL
		};

		if (passes->plan_last != NULL)
			passes->plan_last(attempts[i].state, &json);
		CsExactValidityPlan(&v, &json);
	}
	(void) CsJsonEnd(&json);
	run = CsPassRun(t, &json);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < n; i++)
	{
		if (passes->plan_last != NULL)
			passes->finish(attempts[i].state, run.pass, &run.pass->parts[part++], run.state, &attempts[i].candidate->fit);
		Take(&attempts[i], &run, part++);
	}
	MemoryContextDelete(context);
}

/* Take the candidates from the fit of the sample to that of all rows, and measure it. */
static void
FitAll(CsTraining *t, CsCandidate *candidates, int n)
{
	const CsPasses *passes = t->algorithm->passes;
	CsPassesInput in = CsDistributedInput(t);
	Attempt    *attempts = palloc0(sizeof(Attempt) * n);

	for (int i = 0; i < n; i++)
	{
		Attempt    *a = &attempts[i];

		a->candidate = &candidates[i];
		a->in = in;
		a->in.k = candidates[i].k;
		a->in.sample = &candidates[i].fit;
		a->state = passes->start(&a->in);
		a->goes_on = true;
	}
	CsProgressPhase(CS_PHASE_ITERATING);
	while (Iterate(t, attempts, n))
		;
	for (int i = 0; i < n; i++)
		passes->settle(attempts[i].state, &candidates[i].fit);
	CsProgressPhase(CS_PHASE_SCORING);
	Measure(t, attempts, n);
	Measure(t, attempts, n);
	for (int i = 0; i < n; i++)
	{
		CsValidity	v = CsValidityOfMoments(attempts[i].moments, in.d);

		CsCheckInertia(&candidates[i].fit);
		candidates[i].calinski_harabasz = v.calinski_harabasz;
		candidates[i].davies_bouldin = v.davies_bouldin;
		candidates[i].smallest_share = v.smallest_share;
		candidates[i].largest_share = v.largest_share;
		candidates[i].bic = CsMetricOf(&candidates[i].fit, "bic");
	}
}

/* Measure the silhouette of a candidate on the sample; returns of how many rows it is. */
static int64
MeasureSample(CsTraining *t, CsTeam *team, CsCandidate *c)
{
	CsSilhouetteMean s;

	c->fit.labels = CsArenaAlloc(t->arena, sizeof(int32) * t->matrix->nrows);
	CsDistributedLabel(t, &c->fit);
	s = CsSilhouetteMeasure(team, t->matrix, c->fit.labels, c->fit.k, t->common->silhouette_sample,
							(uint64) t->common->seed);
	CsArenaFree(t->arena, c->fit.labels);
	c->silhouette = s.mean;
	c->silhouette_deviation = s.deviation;
	return s.used;
}

/*
 * Try numbers of segments, no further than there are different rows in the sample; returns how many candidates, for
 * which there is room, have been filled.  They have no fit.  The team becomes another one, for passes have workers of
 * their own.
 */
int
CsDistributedTry(CsTraining *t, CsTeam **team, int k_first, int k_last, CsCandidate *candidates, int64 *silhouette_rows)
{
	int			n = FitSample(t, *team, k_first, k_last, candidates);
	int			workers = CsTeamWorkers(*team);

	CsTeamEnd(*team);
	for (int first = 0, together; first < n; first += together)
	{
		together = Together(candidates + first, n - first);
		FitAll(t, candidates + first, together);
	}
	*team = CsTeamStart(t->arena, workers);
	if (t->common->silhouette_sample > 0)
		for (int i = 0; i < n; i++)
			*silhouette_rows = MeasureSample(t, *team, &candidates[i]);
	return n;
}
