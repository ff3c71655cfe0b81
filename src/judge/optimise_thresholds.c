/*
 * optimise_thresholds.c
 *	  Are there borders that separate the segments of a rule model better: optimise_thresholds().
 *
 * A seeded sample of the source is split into halves.  Borders are moved on one half, so that they
 * separate the segments there as well as can be; what the gain is worth is told by the other half, which
 * has had no part in it, and only a gain that is more than chance is worth a training.  Nothing is
 * stored: the answer has the options to train with.
 */
#include "custseg.h"

#include <math.h>

#include "algo/rules.h"
#include "catalog/pg_type.h"
#include "judge/judge.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Rows that a half needs for its separation to say anything. */
#define FEWEST_ROWS 30

/* Positions of the arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_OUTCOME, ARG_OPTIONS, ARG_VERSION
};

typedef struct Asked
{
	int64		seed;
	int			sample;
	CsRuleSearch search;
} Asked;

static const CsOption optimise_options[] = {
	CS_SEED_OPTION(Asked, seed),
	{"sample", CS_OPTION_INT, offsetof(Asked, sample), 20000, 2 * FEWEST_ROWS, 1000000},
	{"candidates", CS_OPTION_INT, offsetof(Asked, search.candidates), 99, 1, 999},
	{"rounds", CS_OPTION_INT, offsetof(Asked, search.rounds), 5, 1, 100},
	{"min_share", CS_OPTION_REAL, offsetof(Asked, search.min_share), 0.01, 0, 1},
};

/* What was found. */
typedef struct Finding
{
	int64		n[2];			/* rows of each half: training, test */
	double		before[2],
				after[2];		/* separation there */
	int64		n_lost;			/* rows of the test half that the new borders leave in no segment */
	double		gain_low,		/* of the test half, each end one-sided 95 %; NaN where rows are lost */
				gain_high;
	List	   *changes;		/* of char * */
	Jsonb	   *segments;
} Finding;

/* Preparation of a version; of an outcome that is no feature a NULL leaves the row out. */
static const char *const prep_sql =
"SELECT CASE WHEN $3 IS NULL THEN v.prep ELSE"
" pg_catalog.jsonb_set(v.prep, ARRAY['columns', $3], '{\"impute\": \"skip\"}') END "
"FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

static const char *const measures[] = {"training", "test"};

PG_FUNCTION_INFO_V1(custseg_optimise_thresholds);

/* See prep_sql. */
static Jsonb *
PrepOfVersion(const CsScorer *scorer, const char *outcome)
{
	Jsonb	   *prep = NULL;

	CsCatalogRead(prep_sql, CsValues(CsValueText(NameStr(scorer->model)), CsValueInt4(scorer->version),
									 CsValueText(outcome)), CsTakeJsonb, &prep);
	if (prep == NULL)
		CsReportDroppedVersion(scorer);
	return prep;
}

/* The model's features and, unless it is one of them, the outcome. */
static ArrayType *
ColumnsToRead(const CsPipeline *p, const char *outcome)
{
	Datum	   *names = palloc(sizeof(Datum) * (p->nfeatures + 1));
	int			n = p->nfeatures;

	for (int i = 0; i < p->nfeatures; i++)
	{
		names[i] = CStringGetTextDatum(NameStr(p->feature[i].name));
		if (outcome != NULL && strcmp(NameStr(p->feature[i].name), outcome) == 0)
			outcome = NULL;
	}
	if (outcome != NULL)
		names[n++] = CStringGetTextDatum(outcome);
	return construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* The column of model space that is the outcome, -1 without; an error unless it is a number. */
static int
OutcomeColumn(const CsPipeline *p, const char *outcome)
{
	for (int i = 0; i < p->nfeatures && outcome != NULL; i++)
	{
		const CsFeature *f = &p->feature[i];

		if (strcmp(NameStr(f->name), outcome) != 0)
			continue;
		if (f->kind == CS_CATEGORICAL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("outcome \"%s\" is categorical", outcome),
					 errhint("Give a number or a boolean: a query may compute one, as SELECT *, state = 'gone' AS churned FROM ...")));
		return f->first_output;
	}
	return -1;
}

/* Prepared customers of those rows, one after the other; palloc'd. */
static CsRuleRows
TakeRows(const CsTraining *t, const int64 *rows, int64 n, int outcome)
{
	const CsMatrix *m = t->matrix;
	CsRuleRows	result = {.n = n,.ncolumns = m->ncolumns,.outcome = outcome};
	double	   *to = palloc_extended(sizeof(double) * n * m->ncolumns, MCXT_ALLOC_HUGE);

	result.z = to;
	for (int64 i = 0; i < n; i++)
		CsMatrixGetRow(m, t->arena, rows[i], to + i * m->ncolumns);
	return result;
}

/* A seeded sample of the rows in two halves: those to search on, those to judge by. */
static void
SplitRows(const CsTraining *t, const Asked *asked, int outcome, CsRuleRows *halves)
{
	int64		used,
				half;
	int64	   *rows = CsSampleRows(t->matrix->nrows, asked->sample, (uint64) asked->seed, &used);
	int64	   *chosen = CsSampleRows(used, used / 2, (uint64) asked->seed + 1, &half);
	int64	   *first = palloc(sizeof(int64) * used),
			   *second = palloc(sizeof(int64) * used);
	int64		n = 0;

	if (half < FEWEST_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%lld rows are too few to be split into halves", (long long) used),
				 errhint("Give at least %d rows.", 2 * FEWEST_ROWS)));
	for (int64 i = 0, at = 0; i < used; i++)
	{
		if (at < half && chosen[at] == i)
			first[at++] = rows[i];
		else
			second[n++] = rows[i];
	}
	halves[0] = TakeRows(t, first, half, outcome);
	halves[1] = TakeRows(t, second, n, outcome);
}

/* How many of the rows are in no segment? */
static int64
CountLost(const int *labels, int64 n)
{
	int64		lost = 0;

	for (int64 i = 0; i < n; i++)
		lost += labels[i] < 0;
	return lost;
}

/* Search, and say what has changed. */
static Finding
Optimise(const CsTraining *t, CsRuleSet *set, const Asked *asked, int outcome)
{
	CsRuleRows	halves[2];
	char	  **before = palloc(sizeof(char *) * set->nrules);
	Finding		finding = {.gain_low = NAN,.gain_high = NAN};
	int		   *labels[2];

	SplitRows(t, asked, outcome, halves);
	for (int i = 0; i < set->nrules; i++)
		before[i] = CsRuleWords(set, i);
	for (int half = 0; half < 2; half++)
	{
		finding.n[half] = halves[half].n;
		finding.before[half] = CsRulesSeparation(set, &halves[half]);
		if (isnan(finding.before[half]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the separation of the segments is not defined for the %s half", measures[half]),
					 errdetail("Some of the rows are in no segment, or the values to separate do not vary."),
					 errhint("Name a segment in option \"else\", and give an outcome that varies.")));
	}
	labels[0] = CsRulesLabels(set, &halves[1]);
	CsRulesSearch(set, &halves[0], &asked->search);
	labels[1] = CsRulesLabels(set, &halves[1]);
	finding.n_lost = CountLost(labels[1], halves[1].n);
	if (finding.n_lost == 0)
		CsRulesGain(&halves[1], labels, set->nsegments, (uint64) asked->seed, &finding.gain_low,
					&finding.gain_high);
	for (int half = 0; half < 2; half++)
		finding.after[half] = CsRulesSeparation(set, &halves[half]);
	for (int i = 0; i < set->nrules; i++)
	{
		char	   *after = CsRuleWords(set, i);

		if (strcmp(before[i], after) != 0)
			finding.changes = lappend(finding.changes, psprintf("%s: %s, now %s", CsRuleLabel(set, i),
																after, before[i]));
	}
	finding.segments = CsRulesToJsonb(set);
	return finding;
}

/* Is it worth it, in words. */
static char *
Recommend(const Finding *f, const char **recommendation)
{
	double		gain = f->after[1] - f->before[1];

	if (f->changes == NIL)
	{
		*recommendation = "keep";
		return pstrdup("none of the borders that were tried separates the segments better");
	}
	*recommendation = f->gain_low > 0 ? "train" : "keep";
	if (f->n_lost > 0)
		return psprintf("the new borders leave %lld of the %lld rows that the search did not use in no segment; option \"else\" names one for them",
						(long long) f->n_lost, (long long) f->n[1]);
	return psprintf("of rows that the search did not use, the segments explain %.1f %% of the variance with the new borders, %s %.1f %% with the present ones%s",
					100 * f->after[1], gain > 0 ? "against" : "no more than", 100 * f->before[1],
					f->gain_low > 0 || gain <= 0 ? "" :
					psprintf("; the gain can be chance: it lies between %.2f and %.2f percentage points",
							 100 * f->gain_low, 100 * f->gain_high));
}

/* The version's options with other segments. */
static Jsonb *
OptionsWith(const RulesOptions *options, Jsonb *segments)
{
	RulesOptions changed = *options;

	changed.segments = segments;
	return CsOptionsToJsonb(CsRulesOptions, RULES_NOPTIONS, &changed);
}

/* Put the one row of the answer. */
static void
PutFinding(CsResult *result, const RulesOptions *options, const Finding *f)
{
	const char **changes = palloc(sizeof(char *) * (list_length(f->changes) + 1));
	const char *recommendation;
	char	   *reason = Recommend(f, &recommendation);
	ListCell   *cell;
	int			n = 0;

	foreach(cell, f->changes)
		changes[n++] = lfirst(cell);
	CsResultPut(result, CsValues(CsValueText(recommendation), CsValueText(reason),
								 CsValueTexts(changes, n),
								 CsValueInt8(f->n[0]),
								 CsValueFloat8(f->before[0]), CsValueFloat8(f->after[0]),
								 CsValueInt8(f->n[1]),
								 CsValueFloat8(f->before[1]), CsValueFloat8(f->after[1]),
								 CsValueFloat8(f->gain_low), CsValueFloat8(f->gain_high),
								 CsValueJsonb(OptionsWith(options, f->segments))));
}

/* optimise_thresholds(model, source, outcome, options, version) */
Datum
custseg_optimise_thresholds(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsRequest	request = {.command = "custseg.optimise_thresholds()",.algorithm = &CsRules};
	Asked		asked = {0};
	char	   *outcome = CsTextArgument(fcinfo, ARG_OUTCOME);
	const CsScorer *scorer;
	CsScoring	scoring;
	RulesOptions *options,
				given;
	CsTraining *t;
	Finding		finding;
	MemoryContext caller = CurrentMemoryContext;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, optimise_options, lengthof(optimise_options),
					  &asked);
	scorer = CsRulesScorer(CsRequiredText(fcinfo, ARG_MODEL, "model"),
						   CsVersionArgument(fcinfo, ARG_VERSION), &scoring);
	request.source = CsTextArgument(fcinfo, ARG_SOURCE);
	request.trained = scorer;
	options = CsScorerOptions(scorer);
	given = *options;
	options->common.weight = NULL;	/* every customer counts once */
	options->common.engine = CS_ENGINE_AUTO;
	request.by_passes = true;
	request.sample = asked.sample;
	request.options = options;
	request.prep = PrepOfVersion(scorer, outcome);
	request.features = ColumnsToRead(CsScorerPipeline(scorer), outcome);

	t = CsTrainingOpen(&request);
	CsTeamEnd(CsTrainingPrepare(t));
	CsRulesRestore(options->set, &scoring.fitted, CsScorerPipeline(scorer));
	finding = Optimise(t, options->set, &asked, OutcomeColumn(t->pipeline, outcome));
	MemoryContextSwitchTo(caller);
	PutFinding(result, &given, &finding);
	CsTrainingClose(t);
	return (Datum) 0;
}
