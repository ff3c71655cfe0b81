/*
 * segment_tests.c
 *	  Do the segments differ in a column, and is that more than chance?  segment_tests().
 *
 * Each column gets the test that suits it:
 *
 *	a number		Welch's analysis of variance, which does not take segments to vary alike; Kruskal and
 *					Wallis' test on ranks where the values are skewed, or Welch's is not defined
 *	a category		Pearson's chi-square test, no value being a level
 *
 * A verdict needs an effect and a test: p-values are adjusted for the number of columns (Benjamini and
 * Hochberg), and with many customers every difference is significant, so that the size of the effect has
 * its say.  Segments are made to differ in the features of their model; that they do proves nothing,
 * so features are told as such and are no part of the adjustment.  Not every feature has a part in what
 * the segments are: one in which they hardly differ is said to be negligible, like any other column.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "profile/profile.h"
#include "stat/describe.h"
#include "stat/effect.h"
#include "stat/group_tests.h"
#include "stat/tests.h"

/* Levels of a category that are compared one by one. */
#define LEVELS 10000

/* Of the table's cells, the part with low expected counts from which the test is doubted. */
#define LOW_EXPECTED_PART 0.2

typedef enum ColumnTestKind
{
	TEST_AUTO,
	TEST_ANOVA,
	TEST_WELCH,
	TEST_KRUSKAL_WALLIS,
	TEST_CHI_SQUARE				/* of categories, and no option */
} ColumnTestKind;

static const char *const testNames[] = {"auto", "anova", "welch", "kruskal_wallis", NULL};

typedef struct TestOptions
{
	int			test;			/* ColumnTestKind */
	double		skewness;
	double		significance;
	int			min_rows;
} TestOptions;

static const CsOption testOptions[] = {
	{"test", CS_OPTION_CHOICE, offsetof(TestOptions, test), TEST_AUTO, 0, 0, testNames},
	{"skewness", CS_OPTION_REAL, offsetof(TestOptions, skewness), 2, 0, INFINITY},
	{"significance", CS_OPTION_REAL, offsetof(TestOptions, significance), 0.05, 1e-300, 1},
	{"min_rows", CS_OPTION_INT, offsetof(TestOptions, min_rows), 30, 2, 1000000000}
};

/* A column tested; without pointers, for a process gives it to another one. */
typedef struct ColumnTest
{
	ColumnTestKind test;
	double		statistic,
				df_between,
				df_within,
				p,
				p_adjusted;
	double		effect;
	int			least;			/* levels or segments, whichever are fewer, less one: for the size of the effect */
	int64		n;
	int64		low_expected;
	int64		cells;
	double		skewness;
	int			ngroups;		/* segments with values */
} ColumnTest;

typedef struct Testing
{
	const CsPortrait *portrait;
	TestOptions options;
} Testing;

PG_FUNCTION_INFO_V1(custseg_segment_tests);

/* The name of a test. */
static const char *
NameOfTest(const ColumnTest *test)
{
	return test->test == TEST_CHI_SQUARE ? "chi_square" : testNames[test->test];
}

/* The name of the measure of the effect. */
static const char *
MeasureOf(const ColumnTest *test)
{
	return test->test == TEST_CHI_SQUARE ? "cramers_v" :
		test->test == TEST_KRUSKAL_WALLIS ? "epsilon_squared" : "eta_squared";
}

/* The size of the effect in a word; NULL where it is not defined. */
static const char *
LabelOf(const ColumnTest *test)
{
	return CsEffectLabel(MeasureOf(test), test->effect, test->least);
}

/* A number by the moments of the groups that have values: choose the test, and make it unless it is of ranks.  Palloc'd. */
static ColumnTest *
TestMoments(const TestOptions *options, CsGroupMoments *moments, int ngroups, double skewness)
{
	CsAnovaResult anova = CsAnova(moments, ngroups);
	ColumnTest *test = palloc0(sizeof(ColumnTest));
	int			which = options->test;

	test->n = anova.n;
	test->ngroups = ngroups;
	test->skewness = skewness;
	if (which == TEST_AUTO)
		which = isnan(anova.welch_f) || fabs(skewness) > options->skewness ? TEST_KRUSKAL_WALLIS : TEST_WELCH;
	test->test = which;
	test->least = 1;
	test->statistic = which == TEST_WELCH ? anova.welch_f : anova.f;
	test->df_between = anova.df_between;
	test->df_within = which == TEST_WELCH ? anova.welch_df : anova.df_within;
	test->p = which == TEST_WELCH ? anova.welch_p : anova.p;
	test->effect = anova.eta_squared;
	return test;
}

/* Take the test on ranks. */
static void
TakeRanks(ColumnTest *test, CsGroupTest ranks)
{
	test->statistic = ranks.statistic;
	test->df_within = NAN;
	test->p = ranks.p;
	test->effect = ranks.effect;
}

/* CsPortraitRequest.visit: a number.  Palloc'd. */
static void *
TestNumber(void *state, const CsPortrait *portrait, const CsColumn *column, const double *values,
		   const int32 *groups, int64 nrows, const CsSortedGroups *sorted)
{
	int			ngroups = portrait->ngroups;
	CsGroupMoments *moments = palloc(sizeof(CsGroupMoments) * ngroups);
	int			kept = CsGroupMomentsOf(values, groups, nrows, ngroups, moments);
	ColumnTest *test = TestMoments(state, moments, kept, CsGroupSkewness(values, groups, nrows));

	if (test->test == TEST_KRUSKAL_WALLIS)
	{
		CsGroupedValues *grouped = CsGroupValues(values, groups, nrows, ngroups);

		TakeRanks(test, CsKruskalWallis(grouped));
		pfree(grouped->values);
	}
	pfree(moments);
	return test;
}

/* A number that other servers have counted, but for ranks.  Palloc'd. */
static ColumnTest *
TestCountedMoments(const TestOptions *options, const CsPortraitCounted *counted)
{
	CsGroupMoments *moments = palloc(sizeof(CsGroupMoments) * counted->ngroups);
	int			kept = 0;
	ColumnTest *test;

	for (int g = 0; g < counted->ngroups; g++)
		if (counted->moments[g].n > 0)
			moments[kept++] = (CsGroupMoments) {.group = g,.m = counted->moments[g]};
	test = TestMoments(options, moments, kept, CsMomentsSkewness(&counted->all));
	pfree(moments);
	return test;
}

/* CsPortraitRequest.wants_cells: for a test on ranks */
static bool
WantsCells(void *state, const CsPortraitCounted *counted)
{
	return TestCountedMoments(state, counted)->test == TEST_KRUSKAL_WALLIS;
}

/* CsPortraitRequest.visit_counted: a number.  Palloc'd. */
static void *
TestCounted(void *state, const CsPortraitCounted *counted)
{
	ColumnTest *test = TestCountedMoments(state, counted);

	if (test->test == TEST_KRUSKAL_WALLIS)
		TakeRanks(test, CsKruskalWallisOfCells(counted->cells, counted->ncells, counted->ngroups));
	return test;
}

/* A category.  Palloc'd. */
static ColumnTest *
TestCategory(const CsPortrait *portrait, const CsPortraitColumn *c)
{
	ColumnTest *test = palloc0(sizeof(ColumnTest));
	CsChiSquareResult r = CsPortraitChiSquare(portrait, c);
	int			nlevels = 0;

	for (int level = 0; level < c->nlevels; level++)
		nlevels += c->levels[level].rows[portrait->ngroups] > 0;
	for (int g = 0; g < portrait->ngroups; g++)
		test->ngroups += portrait->rows[g] > 0;
	test->test = TEST_CHI_SQUARE;
	test->statistic = r.statistic;
	test->df_between = r.df;
	test->df_within = NAN;
	test->p = r.df > 0 ? r.p : NAN;
	test->effect = r.cramers_v;
	test->least = Max(Min(nlevels, test->ngroups) - 1, 1);
	test->n = r.n;
	test->low_expected = r.low_expected;
	test->cells = (int64) nlevels * test->ngroups;
	return test;
}

/* Adjust the p-values of all columns that are no features. */
static void
AdjustTests(const CsPortrait *portrait, ColumnTest **tests)
{
	double	   *p = palloc(sizeof(double) * Max(portrait->ncolumns, 1));

	for (int i = 0; i < portrait->ncolumns; i++)
		p[i] = portrait->columns[i].feature >= 0 ? NAN : tests[i]->p;
	CsAdjustBenjaminiHochberg(p, portrait->ncolumns);
	for (int i = 0; i < portrait->ncolumns; i++)
		tests[i]->p_adjusted = p[i];
	pfree(p);
}

/* What is to be said of a column: the verdict, with its reason. */
static const char *
Judge(const Testing *t, const CsPortraitColumn *c, const ColumnTest *test, StringInfo reason)
{
	const char *verdict = "no difference",
			   *label = LabelOf(test);

	if (c->feature >= 0 && label != NULL && strcmp(label, "negligible") == 0)
	{
		appendStringInfoString(reason, "the column is a feature of the model, but segments hardly differ in it");
		verdict = "negligible";
	}
	else if (c->feature >= 0 && label != NULL)
	{
		appendStringInfoString(reason, "the column is a feature of the model: segments differ in it by construction, which proves nothing");
		verdict = "defines the segments";
	}
	else if (test->ngroups < 2)
	{
		appendStringInfoString(reason, "fewer than two segments have values");
		return "insufficient data";
	}
	else if (isnan(test->p) || label == NULL)
	{
		appendStringInfoString(reason, "the values do not vary");
		return "no difference";
	}
	else if (test->n < t->options.min_rows)
	{
		appendStringInfo(reason, "%s too few for a test",
						 CsWordsCount(test->n, "value is", "values are"));
		return "insufficient data";
	}
	else if (test->p_adjusted >= t->options.significance)
		appendStringInfoString(reason, "the differences are no larger than chance makes");
	else if (strcmp(label, "negligible") == 0)
	{
		appendStringInfoString(reason, "the differences are significant, but too small to matter");
		verdict = "negligible";
	}
	else
	{
		appendStringInfo(reason, "segments differ, and the effect is %s", label);
		verdict = "differs";
	}
	if (test->test == TEST_KRUSKAL_WALLIS && t->options.test == TEST_AUTO)
		appendStringInfoString(reason, fabs(test->skewness) > t->options.skewness ?
							   "; ranks are compared because the values are skewed" :
							   "; ranks are compared because a segment has a single value or values that are all the same");
	if (test->low_expected > LOW_EXPECTED_PART * test->cells)
		appendStringInfo(reason, "; %lld of %lld expected counts are below 5, so p_value is doubtful",
						 (long long) test->low_expected, (long long) test->cells);
	return verdict;
}

/* One row of the result. */
static void
PutTest(CsResult *result, const Testing *t, const CsPortraitColumn *c, const ColumnTest *test)
{
	CsValue		row[16];
	StringInfoData reason;
	const char *verdict;
	int			n = 0;

	initStringInfo(&reason);
	verdict = Judge(t, c, test, &reason);
	row[n++] = CsValueText(NameStr(c->column.name));
	row[n++] = CsValueText(CsKindName(c->column.converter.kind));
	row[n++] = CsValueBool(c->feature >= 0);
	row[n++] = CsValueInt8(test->n);
	row[n++] = CsValueInt8(CsIsCategory(c) ? 0 : c->missing[t->portrait->ngroups]);
	row[n++] = CsValueText(NameOfTest(test));
	row[n++] = CsValueFloat8(test->statistic);
	row[n++] = CsValueFloat8(test->df_between);
	row[n++] = CsValueFloat8(test->df_within);
	row[n++] = CsValueFloat8(test->p);
	row[n++] = CsValueFloat8(test->p_adjusted);
	row[n++] = CsValueText(MeasureOf(test));
	row[n++] = CsValueFloat8(test->effect);
	row[n++] = CsValueText(LabelOf(test));
	row[n++] = CsValueText(verdict);
	row[n++] = CsValueText(reason.data);
	CsResultPut(result, row, n);
	pfree(reason.data);
}

/* The rows of segment_tests(); TestNumber() has been the portrait's visitor. */
static void
PutTests(CsResult *result, const Testing *t)
{
	const CsPortrait *portrait = t->portrait;
	ColumnTest **tests = palloc(sizeof(ColumnTest *) * Max(portrait->ncolumns, 1));

	for (int i = 0; i < portrait->ncolumns; i++)
	{
		const CsPortraitColumn *c = &portrait->columns[i];

		tests[i] = CsIsCategory(c) ? TestCategory(portrait, c) : c->visited;
	}
	AdjustTests(portrait, tests);
	for (int i = 0; i < portrait->ncolumns; i++)
		PutTest(result, t, &portrait->columns[i], tests[i]);
}

/* The tests of a portrait by the usual options. */
static Testing
UsualTesting(const CsPortrait *portrait)
{
	Testing		t = {.portrait = portrait};

	CsOptionsParse(testOptions, lengthof(testOptions), NULL, &t.options);
	return t;
}

/* CsPortraitRequest.visit: the state is of no use. */
static void *
TestUsual(void *state, const CsPortrait *portrait, const CsColumn *column, const double *values,
		  const int32 *groups, int64 nrows, const CsSortedGroups *sorted)
{
	Testing		t = UsualTesting(portrait);

	return TestNumber(&t.options, portrait, column, values, groups, nrows, sorted);
}

/* CsPortraitKind.put */
static void
PutUsual(CsResult *result, const CsPortrait *portrait)
{
	Testing		t = UsualTesting(portrait);

	PutTests(result, &t);
}

const CsPortraitKind CsTestsKind = {"segment_tests", {.levels = LEVELS, .visit = TestUsual}, PutUsual, sizeof(ColumnTest)};

/* segment_tests(model, source, columns, options, version): one row for each column */
Datum
custseg_segment_tests(PG_FUNCTION_ARGS)
{
	CsReport	report;
	Testing		t = {0};
	CsPortraitRequest request = {
		.levels = LEVELS,.visit = TestNumber,.visit_state = &t.options,.wants_cells = WantsCells,.visit_counted = TestCounted
	};

	if (!CsReportOpen(&report, fcinfo, PORTRAIT_SOURCE, PORTRAIT_VERSION))
		return (Datum) 0;
	request.columns = CsArrayArgument(fcinfo, PORTRAIT_COLUMNS);
	CsOptionsArgument(fcinfo, PORTRAIT_OPTIONS, testOptions, lengthof(testOptions), &t.options);
	t.portrait = CsPortraitTake(&report, &request);
	PutTests(report.result, &t);
	return (Datum) 0;
}
