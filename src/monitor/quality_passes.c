/*
 * quality_passes.c
 *	  data_quality() of a source whose rows are on other servers: what is counted of its features by a pass, its ids and
 *	  its newest time by statements that these servers compute.
 *
 * An id that repeats is found where its rows are.  Where rows with the same id may be on different servers, only those of
 * each are compared.
 */
#include "custseg.h"

#include <math.h>

#include "executor/spi.h"
#include "monitor/quality.h"
#include "utils/builtins.h"

/* A value that is computed of each piece, and then of these: palloc'd. */
static char *
Statement(const CsPieces *pieces, const char *whole, const char *piece, const char *rest)
{
	return psprintf("SELECT %s FROM (%s) AS piece(value)", whole, CsPiecesUnion(pieces, piece, rest));
}

/* Run a statement that gives one value, which is passed by value; false: it is NULL. */
static bool
ReadValue(const CsPieces *pieces, const char *sql, Datum *value)
{
	bool		isnull;

	SPI_connect();
	CsPiecesRead(pieces, sql, NULL, NULL);
	*value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	return !isnull;
}

/* A number of rows, added up. */
static int64
CountRows(const CsPieces *pieces, const char *piece, const char *rest)
{
	Datum		value;

	return ReadValue(pieces, Statement(pieces, "pg_catalog.sum(piece.value)::pg_catalog.int8", piece, rest), &value) ?
		DatumGetInt64(value) : 0;
}

/* Do the columns of an id have a value, as a condition; or has one of them none?  Palloc'd. */
static char *
IdCondition(const List *columns, bool is_there)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, columns)
		appendStringInfo(&sql, "%s%s IS %sNULL", sql.len == 0 ? "" : is_there ? " AND " : " OR ",
						 quote_identifier(NameStr(((const CsColumn *) lfirst(cell))->name)), is_there ? "NOT " : "");
	return sql.data;
}

/* A column as it is written in a statement. */
static char *
QuotedName(const CsColumn *column)
{
	return pstrdup(quote_identifier(NameStr(column->name)));
}

/* Count rows without an id, and rows that repeat the id of another; -1 of these where not all ids can be compared. */
static CsIdCounts
CountIds(const CsQuality *quality, const CsPieces *pieces)
{
	const List *columns = quality->id_columns;
	CsIdCounts	counts = {
		.n_null = CountRows(pieces, "pg_catalog.count(*)", psprintf("WHERE %s", IdCondition(columns, false)))
	};
	bool		keep_together = CsPiecesKeepTogether(pieces, columns);

	if (quality->id_proof == CS_ID_UNIQUE)
		return counts;
	/* of a sharded table, ids that are not together would be brought together here */
	if (!pieces->is_sharded || keep_together)
		counts.n_duplicates = CountRows(pieces, "pg_catalog.count(*) OPERATOR(pg_catalog.-) 1",
										psprintf("WHERE %s GROUP BY %s HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1",
												 IdCondition(columns, true), CsListColumns(columns, ", ", QuotedName)));
	if (counts.n_duplicates == 0 && !keep_together)
		counts.n_duplicates = -1;
	return counts;
}

/* Find the newest time that is finite. */
static void
FindNewest(CsQuality *quality, const CsPieces *pieces)
{
	const char *name = QuotedName(quality->time_column);

	/* by FILTER, for with WHERE the planner would have the first row fetched of those that the other server sorts */
	quality->has_time = ReadValue(pieces, Statement(pieces, "pg_catalog.max(piece.value)",
													psprintf("pg_catalog.max(%s) FILTER (WHERE pg_catalog.isfinite(%s))", name, name),
													""), &quality->newest);
}

/* Find what CsQualityVisit() finds of rows. */
static void
CountSource(CsQuality *quality, const CsPieces *pieces)
{
	if (quality->time_column != NULL)
		FindNewest(quality, pieces);
	if (quality->id_counter == NULL)
		return;
	(void) CsIdCounterEnd(quality->id_counter);
	quality->id_counter = NULL;
	quality->ids_counted = true;
	quality->id_counts = CountIds(quality, pieces);
}

/* Cuts at the limits of a number that are finite, ascending and each once; palloc'd. */
static CsRankQuery
CutAtLimits(const CsFeature *f, const CsBaseline *b)
{
	const double limits[] = {b->minimum, b->maximum, f->low, f->high};
	CsRankQuery query = {.cuts = palloc(sizeof(double) * lengthof(limits))};

	for (int i = 0; i < lengthof(limits); i++)
	{
		int			at = query.ncuts;

		if (!isfinite(limits[i]))
			continue;
		while (at > 0 && query.cuts[at - 1] >= limits[i])
			at--;
		if (at < query.ncuts && query.cuts[at] == limits[i])
			continue;
		memmove(query.cuts + at + 1, query.cuts + at, sizeof(double) * (query.ncuts++ - at));
		query.cuts[at] = limits[i] + 0.0;
	}
	return query;
}

/* How many values are below a limit, or above it; 0 of one that nothing is beyond. */
static int64
CountBeyond(const CsRankQuery *query, const CsRankAnswer *answer, double limit, bool is_above)
{
	int64		n = 0;

	for (int cut = 0; cut <= query->ncuts && isfinite(limit); cut++)
	{
		/* gap "cut" is below the cut of that number */
		if (cut == query->ncuts ? is_above : is_above ? query->cuts[cut] > limit : query->cuts[cut] <= limit)
			n += answer->counts[2 * cut];
		if (cut < query->ncuts && (is_above ? query->cuts[cut] > limit : query->cuts[cut] < limit))
			n += answer->counts[2 * cut + 1];
	}
	return n;
}

/* Take what a pass has counted of a number. */
static void
TakeNumberCounts(CsQualityTally *t, const CsFeature *f, const CsBaseline *b, const CsRankQuery *query, const CsRankAnswer *answer)
{
	t->counts.n_below = CountBeyond(query, answer, b->minimum, false);
	t->counts.n_above = CountBeyond(query, answer, b->maximum, true);
	/* the limits do not cross, so nothing is clipped twice */
	t->counts.n_clipped = CountBeyond(query, answer, f->low, false) + CountBeyond(query, answer, f->high, true);
}

/* Take the levels of a category. */
static void
TakeLevelCounts(CsQualityFeatures *report, int feature, const CsValueCount *counts, int n)
{
	const CsFeature *f = &report->pipeline->feature[feature];
	CsQualityTally	   *t = &report->tallies[feature];

	for (int i = 0; i < n; i++)
	{
		int			length = (int) strlen(counts[i].value);
		double		raw = CsFeatureLevel(report->pipeline, f, counts[i].value, length);

		if (raw == CS_UNSEEN_LEVEL)
		{
			t->n_unseen += counts[i].n;
			CsLevelCountsAddText(t->unseen, counts[i].value, length, 0, counts[i].n);
		}
		if (t->n_values == 0)
			t->first = raw;
		t->n_values += counts[i].n;
		t->counts.n_other += raw != t->first ? counts[i].n : 0;
	}
}

/* Take what a pass has surveyed of all rows. */
static void
TakeSurvey(CsQualityFeatures *report, const CsStudy *study, const int *column, const CsTallyRun *run)
{
	int			first = run->pass->parts[0].first;
	const int64 *values = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_VALUES);
	const int64 *infinite = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_INFINITE);
	const double *lowest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_LOWEST);
	const double *highest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_HIGHEST);

	if (CsTallyCounts(run->pass, run->state, first + CS_SURVEY_ROWS)[0] != study->nrows)
		CsTallyCountsChanged();
	for (int i = 0; i < report->pipeline->nfeatures; i++)
	{
		CsQualityTally	   *t = &report->tallies[i];
		int			at = column[i] < 0 ? -1 : study->column[column[i]].at;

		if (at < 0)
			t->counts.n_null = study->nrows;
		else if (report->pipeline->feature[i].kind == CS_CATEGORICAL)
			t->counts.n_null = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_MISSING)[at];
		else
		{
			t->n_values = values[at];
			t->first = lowest[at];
			t->counts.n_infinite = infinite[at];
			t->counts.n_null = study->nrows - values[at] - infinite[at];
			t->counts.n_other = values[at] > 0 && lowest[at] != highest[at];
		}
	}
}

/* CsObserveRequest.visit_passes: counts of all features by a pass, levels by a statement each, ids and times. */
void
CsQualityCountByPasses(void *state, const CsStudy *study, const int *column)
{
	CsQualityFeatures *report = state;
	const CsPipeline *p = report->pipeline;
	int			nnumbers = study->read.nnumbers;
	CsRankQuery *queries = palloc0(sizeof(CsRankQuery) * Max(nnumbers, 1));
	CsRankAnswer *answers = palloc0(sizeof(CsRankAnswer) * Max(nnumbers, 1));
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	for (int i = 0; i < p->nfeatures; i++)
		if (column[i] >= 0 && p->feature[i].kind != CS_CATEGORICAL)
			queries[study->column[column[i]].at] = CutAtLimits(&p->feature[i], &report->baselines[i]);
	CsStudyBegin(study, false, NULL, &json);
	CsJsonObject(&json, NULL);
	CsJsonText(&json, "pass", CsSurveyPass.name);
	(void) CsJsonEnd(&json);
	CsRanksPlan(&json, queries, nnumbers);
	run = CsStudyRun(study, &json);
	CsRanksRead(run.pass, &run.pass->parts[1], run.state, answers);
	TakeSurvey(report, study, column, &run);
	for (int i = 0; i < p->nfeatures; i++)
	{
		CsValueCount *counts;
		int			at,
					n;

		if (column[i] < 0)
			continue;
		at = study->column[column[i]].at;
		if (p->feature[i].kind != CS_CATEGORICAL)
		{
			TakeNumberCounts(&report->tallies[i], &p->feature[i], &report->baselines[i], &queries[at], &answers[at]);
			continue;
		}
		counts = CsStudyLevels(study, column[i], false, &n);
		TakeLevelCounts(report, i, counts, n);
	}
	CountSource(&report->common, study->pieces);
}
