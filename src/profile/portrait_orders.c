/*
 * portrait_orders.c
 *	  Numbers of a portrait by passes: quartiles, whiskers and ranks of means of each segment, by as many passes as it
 *	  takes, or what tests of the segments need.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "prep/powers_pass.h"
#include "profile/portrait_passes.h"
#include "stat/describe.h"
#include "utils/memutils.h"

/* Values to count between: of so many ranks of all groups, each once. */
#define CELL_RANKS 1001

/* The summary of a number in a group as far as the groups tell it. */
static CsNumberSummary
BeginSummary(const CsGroupNumber *s)
{
	CsNumberSummary summary = {
		.n = s->n,.mean = NAN,.mean_rest = NAN,.sd = NAN,.minimum = NAN,.first_quartile = NAN,.median = NAN,
		.third_quartile = NAN,.maximum = NAN,.low_whisker = NAN,.high_whisker = NAN,.position = NAN
	};

	if (s->n == 0)
		return summary;
	summary.mean = s->mean;
	summary.mean_rest = s->mean_rest;
	summary.sd = sqrt(s->m2 / (double) s->n);
	summary.minimum = s->lowest;
	summary.maximum = s->highest;
	return summary;
}

/* Begin the summaries of all numbers, and what is known of their orders. */
static void
BeginSummaries(CsPortraitPasses *o)
{
	CsPortrait *portrait = o->portrait;
	int			all = portrait->ngroups;
	int			n = (all + 1) * o->study->read.nnumbers;

	o->orders = palloc0(sizeof(CsOrder *) * Max(n, 1));
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *c = &portrait->columns[i];
		int			number = o->study->column[o->of_column[i]].at;

		if (CsIsCategory(c))
			continue;
		c->summaries = palloc(sizeof(CsNumberSummary) * (all + 1));
		for (int g = 0; g <= all; g++)
		{
			const CsGroupNumber *s = &o->numbers[CsPassesAt(o, g, number)];

			c->summaries[g] = BeginSummary(s);
			if (s->n > 0 && o->orders[CsPassesAt(o, g, number)] == NULL)
				o->orders[CsPassesAt(o, g, number)] = CsOrderOfColumns(s->n, s->lowest, s->highest, n, PG_INT64_MAX);
		}
	}
}

/* Find the moments up to the fourth of all numbers of those who have been placed; palloc'd. */
static CsMoments *
FindMoments(const CsPortraitPasses *o)
{
	int			n = o->study->read.nnumbers;
	double	   *middle = palloc0(sizeof(double) * Max(n, 1));
	double	   *reach = palloc(sizeof(double) * Max(n, 1));
	CsMoments  *moments = palloc0(sizeof(CsMoments) * Max(n, 1));
	int64	   *n_fractions = palloc0(sizeof(int64) * Max(n, 1));
	CsGroupsRequest request = {.scorer = o->portrait->scorer,.columns = o->at,.nrows = o->study->nrows};
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	for (int i = 0; i < n; i++)
	{
		const CsGroupNumber *s = &o->numbers[CsPassesAt(o, o->portrait->ngroups, i)];

		reach[i] = -1;
		if (s->n == 0)
			continue;
		middle[i] = Max(Min(s->mean, s->highest), s->lowest);
		reach[i] = Min(Max(s->highest - middle[i], middle[i] - s->lowest), DBL_MAX);
	}
	CsStudyBegin(o->study, false, NULL, &json);
	CsGroupsPlan(&json, &request);
	CsPowersPlanPlaced(&json, CS_POWERS_MOST, n, middle, reach, o->study->nrows);
	run = CsStudyRun(o->study, &json);
	CsPowersRead(run.pass, &run.pass->parts[1], run.state, moments, n_fractions);
	for (int i = 0; i < n; i++)
		if (moments[i].n != o->numbers[CsPassesAt(o, o->portrait->ngroups, i)].n)
			CsTallyRowsChanged();
	return moments;
}

/* What passes tell of a number, so far without its cells. */
static CsPortraitCounted
BeginCounted(const CsPortraitPasses *o, int number, const CsMoments *all)
{
	CsMoments  *moments = palloc(sizeof(CsMoments) * o->portrait->ngroups);

	for (int g = 0; g < o->portrait->ngroups; g++)
		moments[g] = o->moments[CsPassesAt(o, g, number)];
	return (CsPortraitCounted) {.ngroups = o->portrait->ngroups,.moments = moments,.all = *all};
}

/* Ask for the whiskers, and what is beyond them; what is not known yet stays as it is. */
static void
AskWhiskers(CsOrder *order, CsNumberSummary *s)
{
	double		low,
				high;
	int64		below,
				up_to;

	CsTukeyFences(s->first_quartile, s->third_quartile, 1.5, &low, &high);
	if (CsOrderBelow(order, low, &below))
		(void) CsOrderAt(order, below, &s->low_whisker);
	else
		below = 0;
	if (CsOrderBelow(order, nextafter(high, INFINITY), &up_to))
		(void) CsOrderAt(order, up_to - 1, &s->high_whisker);
	else
		up_to = order->n;
	s->n_outliers = below + order->n - up_to;
}

/* Ask where a mean is among the values of all groups. */
static void
AskPosition(CsOrder *all, CsNumberSummary *s)
{
	int64		below,
				up_to;
	bool		is_known = CsOrderBelow(all, s->mean, &below);

	is_known &= CsOrderBelow(all, nextafter(s->mean, INFINITY), &up_to);
	if (is_known)
		s->position = 0.5 * (double) (below + up_to) / (double) all->n;
}

/* Ask what the orders of a number are to tell. */
static void
Ask(const CsPortraitPasses *o, int column)
{
	CsPortraitColumn *c = &o->portrait->columns[column];
	int			number = o->study->column[o->of_column[column]].at;
	CsOrder    *all = o->orders[CsPassesAt(o, o->portrait->ngroups, number)];

	for (int g = 0; g <= o->portrait->ngroups; g++)
	{
		CsOrder    *order = o->orders[CsPassesAt(o, g, number)];
		CsNumberSummary *s = &c->summaries[g];
		bool		is_known;

		if (order == NULL)
			continue;
		AskPosition(all, s);
		is_known = CsOrderQuantile(order, 0.25, &s->first_quartile);
		is_known &= CsOrderQuantile(order, 0.75, &s->third_quartile);
		(void) CsOrderQuantile(order, 0.5, &s->median);
		if (is_known)
			AskWhiskers(order, s);
	}
}

/* The queries of a pass that answers, of all orders; false where nothing has been asked. */
static bool
PlanOrders(const CsPortraitPasses *o, CsRankQuery *queries)
{
	bool		any = false;

	for (int i = 0; i < (o->portrait->ngroups + 1) * o->study->read.nnumbers; i++)
	{
		if (o->orders[i] == NULL)
			continue;
		any |= o->orders[i]->nranks > 0 || o->orders[i]->nvalues > 0;
		queries[i] = CsOrderPlan(o->orders[i], NULL, 0);
	}
	return any;
}

/* Answer what has been asked of orders, or answer it better, by a pass; false where nothing has been asked. */
static bool
Answer(const CsPortraitPasses *o)
{
	int			nnumbers = o->study->read.nnumbers;
	int			all = o->portrait->ngroups;
	int			n = (all + 1) * nnumbers;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg pass", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CsRankQuery *queries = palloc0(sizeof(CsRankQuery) * Max(n, 1));
	CsRankAnswer *answers = palloc0(sizeof(CsRankAnswer) * Max(n, 1));
	CsGroupsRequest request = {.scorer = o->portrait->scorer,.columns = o->at,.nrows = o->study->nrows};
	bool		any = PlanOrders(o, queries);
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	if (any)
	{
		CsStudyBegin(o->study, false, NULL, &json);
		CsGroupsPlan(&json, &request);
		for (int g = 0; g <= all; g++)
			CsRanksPlanOf(&json, queries + CsPassesAt(o, g, 0), nnumbers, g == all ? CS_RANKS_PLACED : g);
		run = CsStudyRun(o->study, &json);
		for (int g = 0; g <= all; g++)
			CsRanksRead(run.pass, &run.pass->parts[1 + g], run.state, answers + CsPassesAt(o, g, 0));
		MemoryContextSwitchTo(old);
		for (int i = 0; i < n; i++)
			if (queries[i].ncuts > 0)
				CsOrderLearn(o->orders[i], &queries[i], &answers[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return any;
}

/* Learn what the orders of all numbers tell. */
static void
LearnOrders(const CsPortraitPasses *o)
{
	do
	{
		for (int i = 0; i < o->portrait->ncolumns; i++)
			if (!CsIsCategory(&o->portrait->columns[i]) &&
				o->orders[CsPassesAt(o, o->portrait->ngroups, o->study->column[o->of_column[i]].at)] != NULL)
				Ask(o, i);
	} while (Answer(o));
}

/* Find the values to count between of the numbers of which cells are wanted; the cuts are palloc'd. */
static void
FindCuts(const CsPortraitPasses *o, const bool *wanted, CsRankQuery *cuts)
{
	int			all = o->portrait->ngroups;

	do
	{
		for (int i = 0; i < o->study->read.nnumbers; i++)
		{
			CsOrder    *order = o->orders[CsPassesAt(o, all, i)];
			CsRankQuery *q = &cuts[i];

			if (!wanted[i])
				continue;
			if (q->cuts == NULL)
				q->cuts = palloc(sizeof(double) * CELL_RANKS);
			q->ncuts = 0;
			for (int r = 0; r < CELL_RANKS; r++)
			{
				double		value = NAN;

				(void) CsOrderAt(order, (int64) ((double) r / (CELL_RANKS - 1) * (double) (order->n - 1)), &value);
				if (q->ncuts == 0 || value > q->cuts[q->ncuts - 1])
					q->cuts[q->ncuts++] = value;
			}
		}
	} while (Answer(o));
}

/* Count the values of a number by cell and group, between its cuts, by a pass. */
static void
CountCells(const CsPortraitPasses *o, int number, const CsRankQuery *cuts, CsPortraitCounted *counted)
{
	int			nnumbers = o->study->read.nnumbers;
	int			ngroups = o->portrait->ngroups;
	CsRankQuery *queries = palloc0(sizeof(CsRankQuery) * nnumbers);
	CsRankAnswer *answers = palloc0(sizeof(CsRankAnswer) * nnumbers);
	CsGroupsRequest request = {.scorer = o->portrait->scorer,.columns = o->at,.nrows = o->study->nrows};
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	int64	   *cells;

	queries[number] = *cuts;
	counted->ncells = 2 * cuts->ncuts + 1;
	counted->cells = cells = palloc(sizeof(int64) * counted->ncells * ngroups);
	CsStudyBegin(o->study, false, NULL, &json);
	CsGroupsPlan(&json, &request);
	for (int g = 0; g < ngroups; g++)
		CsRanksPlanOf(&json, queries, nnumbers, g);
	run = CsStudyRun(o->study, &json);
	for (int g = 0; g < ngroups; g++)
	{
		int64		left = counted->moments[g].n;

		CsRanksRead(run.pass, &run.pass->parts[1 + g], run.state, answers);
		for (int c = 0; c < counted->ncells; c++)
		{
			int64		n = answers[number].counts[c];

			if (n < 0 || n > left)
				CsTallyRowsChanged();
			cells[c * ngroups + g] = n;
			left -= n;
		}
		if (left != 0)
			CsTallyRowsChanged();
	}
}

/* Have the numbers visited that other servers have counted. */
static void
VisitCounted(CsPortraitPasses *o)
{
	const CsPortraitRequest *request = o->request;
	CsPortrait *portrait = o->portrait;
	int			nnumbers = o->study->read.nnumbers;
	CsPortraitCounted *counted = palloc0(sizeof(CsPortraitCounted) * Max(nnumbers, 1));
	CsRankQuery *cuts = palloc0(sizeof(CsRankQuery) * Max(nnumbers, 1));
	bool	   *wanted = palloc0(sizeof(bool) * Max(nnumbers, 1));
	CsMoments  *moments = FindMoments(o);

	for (int i = 0; i < nnumbers; i++)
	{
		counted[i] = BeginCounted(o, i, &moments[i]);
		wanted[i] = o->orders[CsPassesAt(o, portrait->ngroups, i)] != NULL && request->wants_cells(request->visit_state, &counted[i]);
	}
	FindCuts(o, wanted, cuts);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *c = &portrait->columns[i];
		int			number = o->study->column[o->of_column[i]].at;

		if (CsIsCategory(c))
			continue;
		if (wanted[number] && counted[number].cells == NULL)
			CountCells(o, number, &cuts[number], &counted[number]);
		c->visited = request->visit_counted(request->visit_state, &counted[number]);
	}
}

/* Begin the summaries of all numbers, and have them told by the orders, or the numbers visited that have been counted. */
void
CsPassesOrders(CsPortraitPasses *o)
{
	BeginSummaries(o);
	if (o->request->visit_counted != NULL)
		VisitCounted(o);
	/* who compares halves compares means */
	else if (!o->request->halves)
		LearnOrders(o);
}
