/*
 * drift_compare.c
 *	  A feature's column now against its baseline: how far apart they are, and whether by chance.
 *
 * Numbers and times are compared by their values, categories and booleans by the union of both sides'
 * levels, where no value is a level, too: by all statistics of the table, see stat/statistic.h.  The
 * shares of rows without a value are tested for both.
 *
 * The tests of one feature become one p-value by Bonferroni's rule: the least of them times their
 * number.  Whether one of them then counts is decided by closed testing: the feature's p-value
 * and its own must both be low (Marcus, Peritz and Gabriel, Biometrika 63, 1976).
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "mb/pg_wchar.h"
#include "monitor/drift.h"
#include "stat/shares.h"

/* Levels that are listed as new or as vanished. */
#define MAX_LISTED 10

/* Bytes of a level that a reason shows. */
#define MAX_SHOWN 40

/* A level on both sides. */
typedef struct Level
{
	const char *text;			/* NULL: no value, or the rest */
	int64		count[2];
} Level;

/* The union of both sides' levels: the baseline's, those that are new, no value, and the rest. */
typedef struct LevelTable
{
	int			nlevels;
	Level	   *levels;
	int			nbaseline;		/* the first ones are the baseline's */
	int			null;			/* where no value is */
	int			rest;			/* where levels are that one side does not tell apart */
} LevelTable;

/* Quartiles of sorted values. */
static void
FillQuartiles(CsDriftSide *side, const CsSortedRuns *sorted)
{
	for (int i = 0; i < 3; i++)
		side->quartile[i] = CsSortedQuantile(sorted, (i + 1) / 4.0);
}

/* Statistics of a number; both sides have values. */
static void
CompareNumbers(CsDriftFeature *d, const CsBaseline *b, const CsObservedFeature *current)
{
	CsComparison c = CsCompareNumbers(b->quantiles, b->nquantiles, d->side[CS_BASELINE].n_values,
									  b->sd, &current->values);

	CsMeasureAll(&c, d->measures);
	CsComparisonFree(&c);
	FillQuartiles(&d->side[CS_BASELINE], &CsSortedValues(b->quantiles, b->nquantiles));
	FillQuartiles(&d->side[CS_CURRENT], &current->values);
}

/* Order of two levels by their texts. */
static int
CompareLevelTexts(const void *x, const void *y)
{
	return strcmp(((const Level *) x)->text, ((const Level *) y)->text);
}

/* Add a level with its rows on both sides; there is room for it. */
static void
AddLevel(LevelTable *t, const char *text, int64 baseline, int64 current)
{
	t->levels[t->nlevels++] = (Level) {text, {baseline, current}};
}

/* Has training put the rarest levels under "other"? */
static bool
HasMergedLevels(const CsPipeline *p, const CsFeature *f)
{
	const CsLevel *levels = CsFeatureLevels(p, f);

	for (int i = 0; i < f->nlevels; i++)
	{
		if (levels[i].is_other)
			return true;
	}
	return false;
}

/* The levels of a boolean on one side, from its number of true values. */
static void
FillBooleanLevels(CsObservedLevel *levels, int64 n, int64 ntrue)
{
	levels[0] = (CsObservedLevel) {"true", ntrue};
	levels[1] = (CsObservedLevel) {"false", n - ntrue};
}

/* How many of the sorted numbers 0 and 1 are 1. */
static int64
CountTrue(const CsSortedRuns *values)
{
	return values->n - CsSortedBelow(values, 1);
}

/* The baseline's levels by text, and what it does not tell apart as the rest. */
static void
AddBaseline(LevelTable *t, const CsDriftFeature *d, const CsPipeline *p, const CsBaseline *b,
			bool in_training)
{
	int64		n = d->side[CS_BASELINE].n_values,
				listed = 0;
	bool		merged = in_training && HasMergedLevels(p, d->feature);

	if (d->feature->kind == CS_BOOLEAN)
	{
		CsObservedLevel levels[2];

		FillBooleanLevels(levels, n, n == 0 ? 0 : (int64) rint(b->mean * n));
		for (int i = 0; i < 2; i++)
			AddLevel(t, levels[i].text, levels[i].count, 0);
		listed = n;
	}
	for (int i = 0; i < b->nlevels; i++)
	{
		if (b->levels[i] == NULL || (merged && strcmp(b->levels[i], CS_OTHER_LEVEL) == 0))
			continue;
		AddLevel(t, b->levels[i], b->level_counts[i], 0);
		listed += b->level_counts[i];
	}
	t->nbaseline = t->nlevels;
	qsort(t->levels, t->nlevels, sizeof(Level), CompareLevelTexts);
	t->null = t->nlevels;
	AddLevel(t, NULL, d->side[CS_BASELINE].n_null, d->side[CS_CURRENT].n_null);
	t->rest = t->nlevels;
	AddLevel(t, NULL, n - listed, 0);
}

/* Enter the levels there are now: known ones, new ones, the rest. */
static void
AddCurrent(LevelTable *t, const CsObservedLevel *levels, int nlevels, int64 n_uncounted)
{
	bool		knows_all = t->levels[t->rest].count[CS_BASELINE] == 0;

	for (int i = 0; i < nlevels; i++)
	{
		Level		key = {levels[i].text};
		Level	   *known;

		if (key.text == NULL)
			continue;			/* counted as rows without a value */
		known = bsearch(&key, t->levels, t->nbaseline, sizeof(Level), CompareLevelTexts);
		if (known != NULL)
			known->count[CS_CURRENT] += levels[i].count;
		else if (knows_all)
			AddLevel(t, levels[i].text, 0, levels[i].count);
		else
			t->levels[t->rest].count[CS_CURRENT] += levels[i].count;
	}
	t->levels[t->rest].count[CS_CURRENT] += n_uncounted;
}

/* A level in quotes, cut where it is long; palloc'd. */
static char *
QuoteLevel(const char *text)
{
	int			length = (int) strlen(text);
	int			shown = pg_mbcliplen(text, length, MAX_SHOWN);

	return psprintf("\"%.*s%s\"", shown, text, shown < length ? "..." : "");
}

/* The level whose share has changed most. */
static void
DescribeLargestChange(CsDriftFeature *d, const LevelTable *t, const CsLevelRows *rows,
					  const int64 *n)
{
	int			moved = CsLargestChange(rows, t->nlevels, n);

	for (int side = 0; side < 2; side++)
		d->moved_share[side] = (double) rows[moved].count[side] / n[side];
	d->moved_null = moved == t->null;
	d->moved = moved == t->null ? "rows without a value" :
		moved == t->rest ? "other levels" : QuoteLevel(t->levels[moved].text);
}

/* Most rows first, on whichever side they are, ties by text. */
static int
CompareCounts(const void *x, const void *y)
{
	const Level *a = *(const Level *const *) x;
	const Level *b = *(const Level *const *) y;
	int64		rows_a = a->count[CS_BASELINE] + a->count[CS_CURRENT],
				rows_b = b->count[CS_BASELINE] + b->count[CS_CURRENT];

	if (rows_a != rows_b)
		return rows_a > rows_b ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* The levels, most frequent first, that are on one side but not on the other. */
static List *
ListLevelsWithout(const LevelTable *t, int absent)
{
	const Level **found = palloc(sizeof(Level *) * t->nlevels);
	int			nfound = 0;
	List	   *result = NIL;

	for (int i = 0; i < t->nlevels; i++)
	{
		const Level *l = &t->levels[i];

		if (l->text != NULL && l->count[absent] == 0 && l->count[1 - absent] > 0)
			found[nfound++] = l;
	}
	qsort(found, nfound, sizeof(Level *), CompareCounts);
	for (int i = 0; i < Min(nfound, MAX_LISTED); i++)
		result = lappend(result, pstrdup(found[i]->text));
	pfree(found);
	return result;
}

/* Statistics of the levels. */
static void
CompareLevels(CsDriftFeature *d, const LevelTable *t)
{
	const int64 n[] = {d->side[CS_BASELINE].n, d->side[CS_CURRENT].n};
	CsLevelRows *rows = palloc(sizeof(CsLevelRows) * t->nlevels);
	CsComparison c;

	for (int i = 0; i < t->nlevels; i++)
		memcpy(rows[i].count, t->levels[i].count, sizeof(rows[i].count));
	c = CsCompareLevels(rows, t->nlevels, n, t->rest);
	CsMeasureAll(&c, d->measures);
	d->has_levels = true;
	DescribeLargestChange(d, t, rows, n);
	CsComparisonFree(&c);
	pfree(rows);
}

/* Statistics of a category or a boolean; both sides have rows. */
static void
CompareCategories(CsDriftFeature *d, const CsPipeline *p, const CsBaseline *b,
				  const CsObservedFeature *current, bool in_training)
{
	LevelTable	t = {0};
	CsObservedLevel boolean[2];

	t.levels = palloc(sizeof(Level) * ((Size) b->nlevels + current->nlevels + 6));
	AddBaseline(&t, d, p, b, in_training);
	if (d->feature->kind == CS_BOOLEAN)
	{
		FillBooleanLevels(boolean, current->values.n, CountTrue(&current->values));
		AddCurrent(&t, boolean, 2, 0);
	}
	else
		AddCurrent(&t, current->levels, current->nlevels, current->n_uncounted);
	CompareLevels(d, &t);
	d->new_levels = ListLevelsWithout(&t, CS_BASELINE);
	/* with more levels than were counted, nobody knows which are gone */
	if (!current->overfull)
		d->vanished_levels = ListLevelsWithout(&t, CS_CURRENT);
	pfree(t.levels);
}

/* Test the shares of rows without a value, where there are any. */
static void
CompareNulls(CsDriftFeature *d)
{
	const CsDriftSide *b = &d->side[CS_BASELINE];
	const CsDriftSide *c = &d->side[CS_CURRENT];

	if (b->n_null + c->n_null > 0)
		d->p_null = CsSharesDiffer(b->n_null, b->n, c->n_null, c->n);
}

/* Is the test of a statistic one that another one before it is judged by, too? */
static bool
IsSameTest(const CsDriftFeature *d, const CsDriftOptions *options, int statistic)
{
	for (int i = 0; i < statistic; i++)
	{
		if (CsDriftIsJudged(options, i) && d->measures[i].p == d->measures[statistic].p)
			return true;
	}
	return false;
}

/* One p-value for the feature, by Bonferroni's rule; tests that statistics share count once. */
static double
CombineTests(const CsDriftFeature *d, const CsDriftOptions *options)
{
	double		least = isnan(d->p_null) ? 1 : d->p_null;
	int			ntests = isnan(d->p_null) ? 0 : 1;

	for (int i = 0; i < CsStatisticCount(); i++)
	{
		if (!CsDriftIsJudged(options, i) || isnan(d->measures[i].p) || IsSameTest(d, options, i))
			continue;
		least = Min(least, d->measures[i].p);
		ntests++;
	}
	return ntests == 0 ? NAN : Min(1, least * ntests);
}

/*
 * Fill measures and tests of a feature from its baseline and from what is observed now, whose
 * values and levels are at hand.  "in_training" tells that the baseline is the version's own.
 */
void
CsDriftCompare(CsDriftFeature *d, const CsPipeline *p, const CsBaseline *baseline,
			   const CsObservedFeature *current, bool in_training, const CsDriftOptions *options)
{
	bool		is_number = d->feature->kind == CS_NUMERIC || d->feature->kind == CS_TIME;
	const CsDriftSide *b = &d->side[CS_BASELINE];
	const CsDriftSide *c = &d->side[CS_CURRENT];

	if (b->n == 0 || c->n == 0)
		return;
	if (!is_number)
		CompareCategories(d, p, baseline, current, in_training);
	else if (b->n_values > 0 && c->n_values > 0)
		CompareNumbers(d, baseline, current);
	CompareNulls(d);

	/* with too few rows there are effects, but they prove nothing */
	if (Min(b->n, c->n) < options->min_rows)
		d->p_null = NAN;
	if (Min(b->n, c->n) < options->min_rows ||
		(is_number && Min(b->n_values, c->n_values) < options->min_rows))
	{
		for (int i = 0; i < CsStatisticCount(); i++)
			d->measures[i].p = NAN;
	}
	d->p = CombineTests(d, options);
}
