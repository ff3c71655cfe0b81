/*
 * distributed_survey.c
 *	  The first pass of a training: rows, ranges and NULLs of all columns, and the levels of categories.
 */
#include "custseg.h"

#include <math.h>

#include "train/distributed_pass.h"
#include "utils/builtins.h"

/* The condition of rows that are used, as SQL; NULL: all are. */
static char *
UsedRows(const CsTraining *t)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < t->nfeatures; i++)
	{
		const char *value;

		if (t->prep->columns[i].impute != CS_IMPUTE_SKIP || t->keep_nulls)
			continue;
		value = CsTallyExpression(&t->features[i]);
		appendStringInfo(&sql, "%s%s IS NOT NULL", sql.len > 0 ? " AND " : "", value);
		if (t->features[i].converter.kind != CS_CATEGORICAL)
			appendStringInfo(&sql, " AND %s OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8", value);
	}
	if (t->common->weight != NULL)
	{
		const char *value = CsTallyExpression(CsRelationColumn(t->relation, t->common->weight));

		appendStringInfo(&sql, "%s%s OPERATOR(pg_catalog.>) 0::pg_catalog.float8 AND %s OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8",
						 sql.len > 0 ? " AND " : "", value, value);
	}
	return sql.len > 0 ? sql.data : NULL;
}

/* Count the levels of a category: the most frequent ones have the lowest codes. */
static void
CountLevels(CsTraining *t, int feature, CsColumnSurvey *survey)
{
	const CsColumn *column = &t->features[feature];
	int			n;
	CsValueCount *counts = CsPiecesCount(t->distribution->pieces, CsTallyExpression(column), UsedRows(t), CS_MAX_DICTIONARY,
										 CS_MAX_DICTIONARY_BYTES, &n);
	int64	   *rows = palloc(sizeof(int64) * Max(n, 1));

	t->dictionaries[feature] = CsDictionaryCreate();
	t->overfull[feature] = n > CS_MAX_DICTIONARY;
	for (int i = 0; i < Min(n, CS_MAX_DICTIONARY) && !t->overfull[feature]; i++)
	{
		CsCheckInterrupts(i);
		t->overfull[feature] = CsDictionaryCode(t->dictionaries[feature], counts[i].value, (int) strlen(counts[i].value)) < 0;
		rows[i] = counts[i].n;
	}
	if (t->overfull[feature] && !t->choose_features)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has too many levels to be a category", NameStr(column->name)),
				 errdetail("It has more than %d, or their texts take more than %d MB.",
						   CS_MAX_DICTIONARY, CS_MAX_DICTIONARY_BYTES / (1024 * 1024)),
				 errhint("Leave it out, or group its values in a query.")));
	survey->counts = rows;
}

/* The smallest of the most frequent values of a number. */
static double
FindMode(const CsTraining *t, int feature)
{
	const CsColumn *column = &t->features[feature];
	int			n;
	CsValueCount *counts = CsPiecesCount(t->distribution->pieces, CsTallyExpression(column), UsedRows(t), CS_MAX_DICTIONARY,
										 SIZE_MAX, &n);
	double		mode = NAN;
	int64		most = 0;

	if (n > CS_MAX_DICTIONARY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" has more than %d different values, of which the distributed engine does not find the most frequent one",
						NameStr(column->name), CS_MAX_DICTIONARY),
				 errhint("Impute by \"median\" or \"mean\".")));
	for (int i = 0; i < n; i++)
	{
		double		value = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(counts[i].value)));

		if (isnan(value) || counts[i].n < most || (counts[i].n == most && value > mode))
			continue;
		most = counts[i].n;
		mode = value;
	}
	return mode;
}

/* Check the weights that the survey saw; the heaviest one is kept. */
static void
CheckWeights(CsTraining *t, const CsTallyRun *run, int first)
{
	CsDistribution *d = t->distribution;

	d->heaviest = 1;
	if (d->weight < 0)
		return;
	d->heaviest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_HIGHEST)[d->weight];
	if (CsTallyCounts(run->pass, run->state, first + CS_SURVEY_ROWS)[2] > 0 ||
		CsTallyCounts(run->pass, run->state, first + CS_SURVEY_INFINITE)[d->weight] > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" holds weights that are negative or infinite", t->common->weight),
				 errhint("Weights are finite and not negative; a row of weight 0 or NULL is skipped.")));
}

/* Keep how many rows there are, and how many were skipped for which reason. */
static void
TakeRows(CsTraining *t, const CsTallyRun *run, int first)
{
	const int64 *rows = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_ROWS);
	const int64 *skipped = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_SKIPPED);
	JsonbParseState *json = NULL;
	int			number = 0,
				text = 0;

	t->nrows = rows[0];
	t->n_skipped = rows[1];
	CsJsonObject(&json, NULL);
	for (int i = 0; i < t->nfeatures; i++)
	{
		int64		n = t->features[i].converter.kind == CS_CATEGORICAL ?
			skipped[t->distribution->columns.nnumbers + text++] : skipped[number++];

		t->n_skipped += n;
		if (n > 0)
			CsJsonInteger(&json, psprintf("null in column \"%s\"", NameStr(t->features[i].name)), n);
	}
	if (rows[1] > 0)
		CsJsonInteger(&json, "no weight", rows[1]);
	t->skipped = CsJsonFinish(&json);
	if (t->nrows == 0)
		CsReportNoRows(t);
}

/* Keep what the survey tells of each feature, and count levels. */
static void
TakeColumns(CsTraining *t, const CsTallyRun *run, int first)
{
	CsDistribution *d = t->distribution;
	int			number = 0,
				text = 0;

	d->nsurveyed = t->nfeatures;
	d->surveyed = palloc(sizeof(CsColumn) * t->nfeatures);
	memcpy(d->surveyed, t->features, sizeof(CsColumn) * t->nfeatures);
	d->surveys = palloc0(sizeof(CsColumnSurvey) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		CsColumnSurvey *s = &d->surveys[i];

		s->mode = NAN;
		if (t->features[i].converter.kind == CS_CATEGORICAL)
		{
			s->n_null = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_MISSING)[text++];
			t->has_null[i] = s->n_null > 0;
			CountLevels(t, i, s);
			continue;
		}
		s->n_values = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_VALUES)[number];
		s->n_infinite = CsTallyCounts(run->pass, run->state, first + CS_SURVEY_INFINITE)[number];
		s->lowest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_LOWEST)[number];
		s->highest = CsTallyNumbers(run->pass, run->state, first + CS_SURVEY_HIGHEST)[number++];
		t->has_null[i] = s->n_values + s->n_infinite < t->nrows;
		if (t->prep->columns[i].impute == CS_IMPUTE_MODE && s->n_values > 0)
			s->mode = FindMode(t, i);
	}
}

/* The survey: rows, ranges, NULLs and levels. */
void
CsDistributedSurvey(CsTraining *t)
{
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	int			first;

	CsPassColumns(t);
	CsPassBegin(t, NULL, &json);
	CsJsonObject(&json, NULL);
	CsJsonText(&json, "pass", CsSurveyPass.name);
	(void) CsJsonEnd(&json);
	(void) CsJsonEnd(&json);
	run = CsPassRun(t, &json);
	first = run.pass->parts[0].first;
	CheckWeights(t, &run, first);
	TakeRows(t, &run, first);
	TakeColumns(t, &run, first);
}
