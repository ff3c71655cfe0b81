/*
 * importance.c
 *	  Which features decide who is in which segment: feature_importance().
 *
 * Two answers.  How much the segments differ in a feature: eta squared of a number, Cramer's V of a
 * category, over all customers.  And how much the model listens to it: the share of a seeded sample
 * of customers who change segment when the feature's values are shuffled among them (Breiman, Random
 * Forests, Machine Learning 45, 2001; Fisher, Rudin and Dominici, All Models are Wrong, but Many are
 * Useful, JMLR 20, 2019), everything else left as it is.  A feature that follows another one can differ
 * between the segments and decide nothing.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"
#include "profile/profile.h"

/* Levels of a category that are compared one by one. */
#define LEVELS 10000

/* The sample and its seed, unless others are asked for; the seed is that of CS_SEED_OPTION. */
#define SAMPLE 10000
#define SEED 42

#define MAX_REPEATS 1000

typedef struct ImportanceOptions
{
	int			sample;
	int			repeats;
	int64		seed;
} ImportanceOptions;

static const CsOption importanceOptions[] = {
	{"sample", CS_OPTION_INT, offsetof(ImportanceOptions, sample), SAMPLE, 1, 1000000},
	{"repeats", CS_OPTION_INT, offsetof(ImportanceOptions, repeats), 5, 1, MAX_REPEATS},
	CS_SEED_OPTION(ImportanceOptions, seed)
};

/* A feature. */
typedef struct Importance
{
	int			feature;
	const CsPortraitColumn *column;
	double		association;	/* eta squared or Cramer's V */
	double		changed,		/* share of the customers */
				changed_sd;		/* over the repeats */
} Importance;

PG_FUNCTION_INFO_V1(custseg_feature_importance);

/* Shuffle numbers (Fisher and Yates, after Durstenfeld). */
static void
Shuffle(CsRng *rng, int *x, int n)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) CsRngBelow(rng, (uint64) i + 1);
		int			other = x[i];

		x[i] = x[j];
		x[j] = other;
	}
}

/* The sample, feature by feature, and room for where its customers are placed. */
typedef struct Sample
{
	const CsPortraitSample *taken;
	double	   *values;			/* value i of feature j at [j * taken->n + i] */
	int32	   *segments;
} Sample;

/* The sample of a portrait feature by feature, palloc'd. */
static Sample
TransposeSample(const CsPortrait *portrait)
{
	int			width = CsScorerPipeline(portrait->scorer)->nfeatures;
	Size		n = portrait->sample.n;
	Sample		s = {.taken = &portrait->sample};

	s.values = palloc_extended(mul_size(mul_size(sizeof(double), Max(n, 1)), width), MCXT_ALLOC_HUGE);
	s.segments = palloc(sizeof(int32) * Max(n, 1));
	for (Size i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		for (int j = 0; j < width; j++)
			s.values[j * n + i] = s.taken->rows[i * width + j];
	}
	return s;
}

/*
 * The share of the sample that changes segment when customer i has the feature's value of customer
 * order[i]; one who cannot be placed any more has changed.  The feature is left as it is then.
 */
static double
ShareChanged(const Sample *s, CsScoring *scoring, int feature, const int *order)
{
	int			width = CsScorerPipeline(scoring->scorer)->nfeatures;
	int			n = s->taken->n;
	int64		changed = 0;

	for (int i = 0; i < n; i++)
		s->values[(Size) feature * n + i] = s->taken->rows[(Size) order[i] * width + feature];
	CsScoringPlaceRows(scoring, s->values, n, n, s->segments);
	for (int i = 0; i < n; i++)
		changed += s->segments[i] != s->taken->segments[i];
	return CsPortraitShare(changed, n);
}

/* What shuffling a feature does, several times. */
static void
Permute(const Sample *s, const ImportanceOptions *options, CsScoring *scoring, Importance *importance)
{
	double		shares[MAX_REPEATS];
	int			width = CsScorerPipeline(scoring->scorer)->nfeatures;
	int			n = s->taken->n;
	int		   *order = palloc(sizeof(int) * Max(n, 1));
	CsRng		rng;

	CsRngSeed(&rng, (uint64) options->seed, UINT64CONST(0xFEA7) + importance->feature);
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int r = 0; r < options->repeats; r++)
	{
		Shuffle(&rng, order, n);
		shares[r] = ShareChanged(s, scoring, importance->feature, order);
	}
	for (int i = 0; i < n; i++)
		s->values[(Size) importance->feature * n + i] = s->taken->rows[(Size) i * width + importance->feature];
	CsMeanOfFew(shares, options->repeats, &importance->changed, &importance->changed_sd);
	pfree(order);
}

/* The feature that moves most customers first; on ties, the one of the first column. */
static int
CompareImportance(const void *a, const void *b)
{
	const Importance *x = a;
	const Importance *y = b;

	if (x->changed != y->changed && !isnan(x->changed) && !isnan(y->changed))
		return x->changed > y->changed ? -1 : 1;
	return x->feature - y->feature;
}

/* What is to be said of a feature. */
static CsValue
Sentence(const Importance *importance)
{
	bool		is_category = CsIsCategory(importance->column);
	double		association = importance->association;
	const char *name = CsWordsName(NameStr(importance->column->column.name));
	StringInfoData sentence;

	initStringInfo(&sentence);
	if (isnan(importance->changed))
		return CsValueText(NULL);
	if (importance->changed == 0)
		appendStringInfo(&sentence, "No customer changes segment when the values of %s are shuffled", name);
	else
		appendStringInfo(&sentence, "%s of the customers change segment when the values of %s are shuffled",
						 CsWordsPercent(importance->changed), name);
	if (isnan(association))
		appendStringInfoString(&sentence, "; the feature does not differ between segments");
	else if (is_category)
		appendStringInfo(&sentence, "; their association with the segments is %.2f (Cramer's V, 0 to 1)",
						 association);
	else
		appendStringInfo(&sentence, "; the segments explain %.0f %% of their variance",
						 100 * association);
	appendStringInfoChar(&sentence, '.');
	return CsValueText(sentence.data);
}

/* The row of a feature. */
static void
PutImportance(CsResult *result, const CsPortrait *portrait, const Importance *importance, int rank)
{
	bool		is_category = CsIsCategory(importance->column);

	CsResultPut(result,
				CsValues(CsValueInt4(rank), CsValueText(NameStr(importance->column->column.name)),
						 CsValueText(CsKindName(importance->column->column.converter.kind)),
						 CsValueFloat8(importance->changed),
						 CsValueFloat8(importance->changed_sd),
						 CsValueFloat8(is_category ? NAN : importance->association),
						 CsValueFloat8(is_category ? importance->association : NAN),
						 CsValueInt8(portrait->sample.n), Sentence(importance)));
}

/* The rows of feature_importance(). */
static void
PutImportances(CsResult *result, const CsPortrait *portrait, const ImportanceOptions *options)
{
	Importance *importances = palloc(sizeof(Importance) * Max(portrait->ncolumns, 1));
	Sample		sample = TransposeSample(portrait);
	CsScoring	scoring;

	CsScoringInit(&scoring, portrait->scorer, CurrentMemoryContext);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		const CsPortraitColumn *c = &portrait->columns[i];

		importances[i].feature = c->feature;
		importances[i].column = c;
		importances[i].association = CsIsCategory(c) ?
			CsPortraitChiSquare(portrait, c).cramers_v :
			CsEtaSquared(c->summaries, portrait->ngroups);
		Permute(&sample, options, &scoring, &importances[i]);
	}
	qsort(importances, portrait->ncolumns, sizeof(Importance), CompareImportance);
	for (int i = 0; i < portrait->ncolumns; i++)
		PutImportance(result, portrait, &importances[i], i + 1);
}

/* CsPortraitKind.put */
static void
PutUsual(CsResult *result, const CsPortrait *portrait)
{
	ImportanceOptions options;

	CsOptionsParse(importanceOptions, lengthof(importanceOptions), NULL, &options);
	PutImportances(result, portrait, &options);
}

const CsPortraitKind CsImportanceKind = {
	"feature_importance", {.only_features = true, .levels = LEVELS, .sample = SAMPLE, .seed = SEED}, PutUsual
};

/* feature_importance(model, source, options, version): one row for each feature */
Datum
custseg_feature_importance(PG_FUNCTION_ARGS)
{
	CsReport	report;
	ImportanceOptions options;
	CsPortraitRequest request = CsImportanceKind.request;

	if (!CsReportOpen(&report, fcinfo, ARG_SOURCE, ARG_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, ARG_OPTIONS, importanceOptions, lengthof(importanceOptions), &options);
	request.sample = options.sample;
	request.seed = options.seed;
	PutImportances(report.result, CsPortraitTake(&report, &request), &options);
	return (Datum) 0;
}
