/*
 * study.c
 *	  What passes tell of the columns of a source: counts, ranges, moments, values at ranks and ranks of values.
 *
 * Nothing is held for a row.  Counts and ranks are exact, and so are moments but for their last bits.  A row that lacks a
 * column to be skipped for counts for the first such column, numbers before texts, and for no other.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "miscadmin.h"
#include "prep/powers_pass.h"
#include "prep/survey.h"
#include "utils/memutils.h"

/* Runs that stand for the values between two that are known, if there are more than that. */
#define RUNS_OF_GAP 16

/* Are a column's values texts?  The others are numbers. */
static inline bool
IsText(const CsStudy *study, int column)
{
	return study->columns[column].converter.kind == CS_CATEGORICAL;
}

/*
 * Begin the plan of a pass, with the rows that are skipped or with all; the caller appends its parts, and CsStudyRun()
 * ends it.
 */
void
CsStudyBegin(const CsStudy *study, bool skips, const CsPipeline *pipeline, JsonbParseState **json)
{
	CsJsonObject(json, NULL);
	CsJsonInteger(json, "numbers", study->read.nnumbers);
	CsJsonInteger(json, "levels", study->read.nlevels);
	for (int texts = 0; texts < 2; texts++)
	{
		CsJsonArray(json, texts ? "skip_levels" : "skip_numbers");
		for (int i = 0; i < study->ncolumns && skips; i++)
			if (study->skips[i] && IsText(study, i) == texts)
				CsJsonInteger(json, NULL, study->column[i].at);
		(void) CsJsonEnd(json);
	}
	if (pipeline != NULL)
		CsJsonJsonb(json, "pipeline", CsPipelineToJsonb(pipeline));
	CsJsonArray(json, "parts");
}

/* Run the pass of a plan; what it returns is palloc'd. */
CsTallyRun
CsStudyRun(const CsStudy *study, JsonbParseState **json)
{
	CHECK_FOR_INTERRUPTS();
	(void) CsJsonEnd(json);
	return CsTallyExecute(study->pieces, &study->read, CsJsonFinish(json));
}

/* Take what the survey tells. */
static void
TakeSurvey(CsStudy *study, const CsTallyRun *run)
{
	int			first = run->pass->parts[0].first;
	const int64 *skipped = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_SKIPPED);

	study->n_used = study->nrows = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_ROWS)[0];
	for (int i = 0; i < study->ncolumns; i++)
	{
		CsStudyColumn *c = &study->column[i];
		int64		lacking = skipped[IsText(study, i) ? study->read.nnumbers + c->at : c->at];

		study->nrows += lacking;
		c->n = study->n_used + lacking;
		c->lowest = c->highest = NAN;
		if (IsText(study, i))
		{
			c->n_null = lacking + CsTallyCounts(run->pass, run->state, first + CS_SURVEY_MISSING)[c->at];
			continue;
		}
		c->n_infinite = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_INFINITE)[c->at];
		c->moments.n = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_VALUES)[c->at];
		c->n_null = c->n - c->n_infinite - c->moments.n;
		c->moments.mean = c->moments.sd = NAN;
		if (c->moments.n > 0)
		{
			c->lowest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_LOWEST)[c->at];
			c->highest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_HIGHEST)[c->at];
		}
		c->order = CsOrderOfColumns(c->moments.n, c->lowest, c->highest, study->read.nnumbers, PG_INT64_MAX);
	}
}

/*
 * Study columns of a source: counts and ranges, by a pass.  Everything is palloc'd in CurrentMemoryContext, and the
 * arguments must live as long.
 */
CsStudy *
CsStudyOpen(const CsPieces *pieces, const CsColumn *columns, int ncolumns, const bool *skips)
{
	CsStudy    *study = palloc0(sizeof(CsStudy));
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	study->pieces = pieces;
	study->ncolumns = ncolumns;
	study->columns = columns;
	study->skips = skips;
	study->column = palloc0(sizeof(CsStudyColumn) * Max(ncolumns, 1));
	CsTallyColumnsInit(&study->read);
	for (int i = 0; i < ncolumns; i++)
		study->column[i].at = CsTallyColumnsAdd(&study->read, &columns[i]);
	CsStudyBegin(study, true, NULL, &json);
	CsJsonObject(&json, NULL);
	CsJsonText(&json, "pass", CsSurveyPass.name);
	(void) CsJsonEnd(&json);
	run = CsStudyRun(study, &json);
	TakeSurvey(study, &run);
	return study;
}

/* Find mean and standard deviation of all numbers, by a pass. */
void
CsStudyMoments(CsStudy *study)
{
	int			n = study->read.nnumbers;
	double	   *middle = palloc0(sizeof(double) * Max(n, 1));
	double	   *reach = palloc(sizeof(double) * Max(n, 1));
	CsMoments  *moments = palloc0(sizeof(CsMoments) * Max(n, 1));
	int64	   *n_fractions = palloc(sizeof(int64) * Max(n, 1));
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	for (int i = 0; i < study->ncolumns; i++)
	{
		const CsStudyColumn *c = &study->column[i];

		if (IsText(study, i))
			continue;
		reach[c->at] = -1;
		if (c->moments.n == 0)
			continue;
		middle[c->at] = c->lowest / 2 + c->highest / 2;
		reach[c->at] = Max(c->highest - middle[c->at], middle[c->at] - c->lowest);
	}
	CsStudyBegin(study, true, NULL, &json);
	CsPowersPlan(&json, CS_POWERS_LEAST, n, middle, reach, study->nrows);
	run = CsStudyRun(study, &json);
	CsPowersRead(run.pass, &run.pass->parts[0], run.state, moments, n_fractions);
	for (int i = 0; i < study->ncolumns; i++)
	{
		CsStudyColumn *c = &study->column[i];

		if (IsText(study, i) || c->moments.n == 0)
			continue;
		if (moments[c->at].n != c->moments.n)
			CsTallyCountsChanged();
		c->moments = (CsColumnMoments) {moments[c->at].n, CsMomentsMean(&moments[c->at]),
		CsMomentsDeviation(&moments[c->at], 0)};
	}
}

/* Answer what has been asked of orders, or answer it better, by a pass; false where nothing has been asked. */
bool
CsStudyAnswer(CsStudy *study)
{
	int			n = study->read.nnumbers;
	MemoryContext context;
	MemoryContext old;
	CsRankQuery *queries;
	CsRankAnswer *answers;
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	bool		is_asked = false;

	for (int i = 0; i < study->ncolumns; i++)
		if (!IsText(study, i))
			is_asked |= study->column[i].order->nranks > 0 || study->column[i].order->nvalues > 0;
	if (!is_asked)
		return false;
	context = AllocSetContextCreate(CurrentMemoryContext, "custseg pass", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	queries = palloc0(sizeof(CsRankQuery) * n);
	answers = palloc0(sizeof(CsRankAnswer) * n);
	for (int i = 0; i < study->ncolumns; i++)
		if (!IsText(study, i))
			queries[study->column[i].at] = CsOrderPlan(study->column[i].order, NULL, 0);
	CsStudyBegin(study, true, NULL, &json);
	CsRanksPlan(&json, queries, n);
	run = CsStudyRun(study, &json);
	CsRanksRead(run.pass, &run.pass->parts[0], run.state, answers);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < study->ncolumns; i++)
	{
		int			at = study->column[i].at;

		if (!IsText(study, i) && queries[at].ncuts > 0)
			CsOrderLearn(study->column[i].order, &queries[at], &answers[at]);
	}
	MemoryContextDelete(context);
	return true;
}

/* Add a run of values. */
static void
AddRun(CsSortedRuns *s, double value, int64 upto)
{
	unconstify(double *, s->value)[s->nruns] = value;
	unconstify(int64 *, s->upto)[s->nruns++] = upto;
}

/* Add values of which nothing is known but that they are between two values: evenly. */
static void
AddGap(CsSortedRuns *s, double low, double high, int64 from, int64 to)
{
	int			nruns = (int) Min(to - from, RUNS_OF_GAP);

	for (int i = 0; i < nruns; i++)
		AddRun(s, CsBetweenValues(low, high, (i + 1.0) / (nruns + 1)),
			   i == nruns - 1 ? to : from + (int64) ((double) (to - from) * (i + 1) / nruns));
}

/*
 * The values of a number as far as they are known: how many there are at and between those that have been asked for is
 * exact, and where they lie between two of them is not known but for that.  Palloc'd.
 */
CsSortedRuns
CsStudySorted(const CsStudy *study, int column)
{
	const CsOrder *order = study->column[column].order;
	Size		room = Max(order->nplaced, 1) * (2 + RUNS_OF_GAP);
	CsSortedRuns	s = {
		.value = palloc_extended(sizeof(double) * room, MCXT_ALLOC_HUGE),
		.upto = palloc_extended(sizeof(int64) * room, MCXT_ALLOC_HUGE),
		.n = order->n
	};
	int64		upto = 0;

	for (int64 i = 0; i < order->nplaced; i++)
	{
		const CsPlaced *p = &order->placed[i];

		if (p->below > upto)
			AddGap(&s, order->placed[i - 1].value, p->value, upto, p->below);
		upto = Max(upto, p->below);
		if (p->up_to > upto)
			AddRun(&s, p->value, p->up_to);
		upto = Max(upto, p->up_to);
	}
	return s;
}

/* The condition of rows that count for a column; NULL: all do. */
static char *
RowsOf(const CsStudy *study, int column)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < study->ncolumns; i++)
	{
		const char *value;

		if (!study->skips[i] || i == column)
			continue;
		value = CsTallyExpression(&study->columns[i]);
		appendStringInfo(&sql, "%s%s IS NOT NULL", sql.len > 0 ? " AND " : "", value);
		if (!IsText(study, i))
			appendStringInfo(&sql, " AND %s OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8", value);
	}
	return sql.len > 0 ? sql.data : NULL;
}

/*
 * The levels of a text and their rows, most frequent first, ties by text; an error where there are too many.  With "skips"
 * without the rows that are skipped for another column.  Palloc'd.
 */
CsValueCount *
CsStudyLevels(const CsStudy *study, int column, bool skips, int *n)
{
	const CsColumn *c = &study->columns[column];
	CsValueCount *counts = CsPiecesCount(study->pieces, CsTallyExpression(c), skips ? RowsOf(study, column) : NULL,
										 CS_MAX_DICTIONARY, SIZE_MAX, n);

	if (*n > CS_MAX_DICTIONARY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" has more than %d levels, which are not counted on other servers",
						NameStr(c->name), CS_MAX_DICTIONARY),
				 errhint("Leave it out, or group its values in a view on these servers.")));
	return counts;
}
