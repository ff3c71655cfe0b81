/*
 * drift_verdict.c
 *	  Has a feature drifted?  The verdict, and its reason in words.
 *
 * A verdict needs an effect that matters and a test that excludes chance.  The feature's p-value,
 * adjusted by Benjamini and Hochberg's method for the number of features, and that of the effect's own
 * test must be below the significance.  And the effect must be certain to matter: the lower end of its
 * interval, not what happens to be observed, has to reach the first limit.  So a change below the limit
 * is hardly ever called one, however few rows there are, and one above it the more often, the more rows
 * there are.  From there on the observed effect tells "watch" from "drifted".
 *
 * A change that is certain, but not that it matters, is said, with the interval.
 *
 * What is no matter of chance needs no test: a column that is gone or is of another kind, and
 * infinite values, which training does not take.
 */
#include "custseg.h"

#include <math.h>

#include "monitor/drift.h"
#include "stat/shares.h"
#include "stat/tests.h"

/* What one feature is judged by. */
typedef struct Judge
{
	CsDriftFeature *d;
	const CsDriftOptions *options;
	const char *then;			/* "in training" */
	bool		significant;	/* the feature's adjusted p is low */
	bool		by_chance;		/* an effect was above its limit, but not significant */
	bool		may_matter;		/* a certain one may be above it in truth */
	bool		certain_nulls,	/* a change by these is certain, whether it matters or not */
				certain_values;
} Judge;

/* A value of the feature as its users write it, palloc'd. */
static char *
FormatValue(const CsFeature *f, double value)
{
	char	   *date = f->kind == CS_TIME && !CsIsInterval(f) ? CsDateWords(value) : NULL;

	if (date != NULL)
		return date;
	return psprintf(f->kind == CS_TIME ? "%.6g days" : "%.6g", value);
}

/* A share in percent, palloc'd. */
static char *
FormatShare(double share)
{
	return psprintf("%.1f %%", 100 * share);
}

/* How the values have moved, palloc'd. */
static char *
DescribeNumbers(const Judge *j)
{
	const CsDriftFeature *d = j->d;
	bool		is_point = d->feature->kind == CS_TIME && !CsIsInterval(d->feature);
	char	   *was[3];
	char	   *now[3];

	for (int i = 0; i < 3; i++)
	{
		was[i] = FormatValue(d->feature, d->side[CS_BASELINE].quartile[i]);
		now[i] = FormatValue(d->feature, d->side[CS_CURRENT].quartile[i]);
	}
	if (strcmp(was[1], now[1]) != 0)
		return psprintf("values are %s than %s: the median is %s and was %s",
						d->side[CS_CURRENT].quartile[1] > d->side[CS_BASELINE].quartile[1] ?
						(is_point ? "later" : "higher") : (is_point ? "earlier" : "lower"),
						j->then, now[1], was[1]);
	if (strcmp(was[0], now[0]) != 0 || strcmp(was[2], now[2]) != 0)
		return psprintf("values are spread differently than %s: the middle half is %s to %s and was %s to %s",
						j->then, now[0], now[2], was[0], was[2]);
	return psprintf("values are spread differently than %s, around nearly the same median", j->then);
}

/* The level whose share has changed most, palloc'd. */
static char *
DescribeLevels(const Judge *j)
{
	const CsDriftFeature *d = j->d;

	return psprintf("%s of the rows have %s, against %s %s",
					FormatShare(d->moved_share[CS_CURRENT]), d->moved,
					FormatShare(d->moved_share[CS_BASELINE]), j->then);
}

static double
NullShare(const CsDriftSide *side)
{
	return (double) side->n_null / side->n;
}

/* The shares of rows without a value, palloc'd. */
static char *
DescribeNulls(const Judge *j)
{
	return psprintf("%s of the rows have no value, against %s %s",
					FormatShare(NullShare(&j->d->side[CS_CURRENT])),
					FormatShare(NullShare(&j->d->side[CS_BASELINE])), j->then);
}

/* What an effect says; OUT certain: it is none by chance. */
static CsVerdict
JudgeEffect(Judge *j, const CsMeasure *m, const CsDriftLimits *limits, bool *certain)
{
	if (isnan(m->value) || isnan(m->p))
		return CS_VERDICT_OK;
	if (!j->significant || m->p >= j->options->significance)
	{
		j->by_chance |= m->value >= limits->watch;
		return CS_VERDICT_OK;
	}
	*certain = true;
	j->may_matter |= m->high >= limits->watch;
	return !(m->low >= limits->watch) ? CS_VERDICT_OK :
		m->value < limits->drifted ? CS_VERDICT_WATCH : CS_VERDICT_DRIFTED;
}

/* Shares of rows without a value. */
static void
JudgeNulls(Judge *j)
{
	const CsDriftSide *side = j->d->side;
	double		change;
	CsMeasure	measure;
	CsVerdict	verdict;

	if (isnan(j->d->p_null))
		return;
	change = fabs(NullShare(&side[CS_CURRENT]) - NullShare(&side[CS_BASELINE]));
	measure = CsMeasureBetween(change, j->d->p_null, change,
							   CsShareChangeError(side[CS_BASELINE].n_null, side[CS_BASELINE].n,
												  side[CS_CURRENT].n_null, side[CS_CURRENT].n));
	verdict = JudgeEffect(j, &measure, &j->options->null_share, &j->certain_nulls);
	if (verdict != CS_VERDICT_OK)
		CsFindingAdd(&j->d->finding, verdict, "%s", DescribeNulls(j));
}

/*
 * The statistics that the feature was judged by, with their values, or with their intervals, palloc'd.
 */
static char *
DescribeStatistics(const Judge *j, bool intervals)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < CsStatisticCount(); i++)
	{
		const CsMeasure *m = &j->d->measures[i];

		if (!CsDriftIsJudged(j->options, i) || isnan(m->value))
			continue;
		appendStringInfo(&text, "%s%s %.3g", text.len > 0 ? ", " : "", CsStatisticAt(i)->words, m->value);
		if (intervals)
			appendStringInfo(&text, " (%.3g to %.3g)", m->low, m->high);
	}
	return text.data;
}

/* The distribution of values or levels. */
static void
JudgeValues(Judge *j)
{
	CsDriftFeature *d = j->d;
	CsVerdict	worst = CS_VERDICT_OK;

	for (int i = 0; i < CsStatisticCount(); i++)
	{
		const CsMeasure *m = &d->measures[i];
		CsVerdict	verdict = CS_VERDICT_OK;

		if (CsDriftIsJudged(j->options, i))
			verdict = JudgeEffect(j, m, &j->options->statistic[i], &j->certain_values);
		worst = Max(worst, verdict);
	}
	if (worst == CS_VERDICT_OK)
		return;
	/* that values are missing is said already, if it is all there is to say */
	if (d->has_levels && d->moved_null && d->finding.verdict >= worst)
		return;
	CsFindingAdd(&d->finding, worst, "%s (%s)", d->has_levels ? DescribeLevels(j) : DescribeNumbers(j),
				 DescribeStatistics(j, false));
}

/* A change that is certain, but not that it reaches a limit; false when there is none. */
static bool
SaySmall(const Judge *j)
{
	CsDriftFeature *d = j->d;
	const char *what = j->may_matter ? "a change that is certain, but perhaps small" :
		"a change that is certain, but small";

	if (j->certain_values)
		CsFindingAdd(&d->finding, CS_VERDICT_OK, "%s: %s (%s)", what,
					 d->has_levels ? DescribeLevels(j) : DescribeNumbers(j), DescribeStatistics(j, true));
	else if (j->certain_nulls)
		CsFindingAdd(&d->finding, CS_VERDICT_OK, "%s: %s", what, DescribeNulls(j));
	return j->certain_values || j->certain_nulls;
}

/* Values that no model can place. */
static void
JudgeInfinite(Judge *j)
{
	const CsDriftSide *now = &j->d->side[CS_CURRENT];
	double		share = (double) now->n_infinite / Max(now->n, 1);

	if (now->n_infinite == 0)
		return;
	CsFindingAdd(&j->d->finding,
				 share < j->options->null_share.drifted ? CS_VERDICT_WATCH : CS_VERDICT_DRIFTED,
				 "%s infinite, and customers with such a value cannot be placed",
				 CsWordsCount(now->n_infinite, "value is", "values are"));
}

/* A column that cannot be compared; false when it can. */
static bool
JudgeColumn(Judge *j)
{
	CsDriftFeature *d = j->d;

	if (d->state == CS_BIND_MISSING)
		CsFindingAdd(&d->finding, CS_VERDICT_DRIFTED, "the source has no such column");
	else if (d->state == CS_BIND_OTHER_KIND)
		CsFindingAdd(&d->finding, CS_VERDICT_DRIFTED,
					 "the column is now of type %s, but the model was trained on %s", d->type,
					 NameStr(d->feature->type));
	else if (d->reference_state == CS_BIND_MISSING)
		CsFindingAdd(&d->finding, CS_VERDICT_INSUFFICIENT, "the reference has no such column");
	else if (d->reference_state == CS_BIND_OTHER_KIND)
		CsFindingAdd(&d->finding, CS_VERDICT_INSUFFICIENT,
					 "in the reference, the column is not of type %s", NameStr(d->feature->type));
	else
		return false;
	return true;
}

/* Too few rows, or too few values, on one side; true when nothing can be said. */
static bool
JudgeRows(Judge *j)
{
	const CsDriftSide *side = j->d->side;
	int			min_rows = j->options->min_rows;

	if (side[CS_CURRENT].n < min_rows)
		CsFindingAdd(&j->d->finding, CS_VERDICT_INSUFFICIENT,
					 "%s, but at least %d are needed",
					 CsWordsCount(side[CS_CURRENT].n, "row", "rows"), min_rows);
	else if (side[CS_BASELINE].n < min_rows)
		CsFindingAdd(&j->d->finding, CS_VERDICT_INSUFFICIENT,
					 "%s %s, but at least %d are needed",
					 CsWordsCount(side[CS_BASELINE].n, "row", "rows"), j->then, min_rows);
	return j->d->finding.verdict == CS_VERDICT_INSUFFICIENT;
}

/* Has the distribution of values or levels been tested at all? */
static bool
IsTested(const Judge *j)
{
	for (int i = 0; i < CsStatisticCount(); i++)
	{
		if (CsDriftIsJudged(j->options, i) && !isnan(j->d->measures[i].p))
			return true;
	}
	return false;
}

/* What is left to say when no effect counts. */
static void
SayNothing(Judge *j)
{
	CsDriftFeature *d = j->d;

	if (d->finding.verdict != CS_VERDICT_OK)
		return;
	if (!IsTested(j))
		CsFindingAdd(&d->finding, CS_VERDICT_INSUFFICIENT,
					 "%lld rows have a value, and %lld had one %s; at least %d are needed",
					 (long long) d->side[CS_CURRENT].n_values,
					 (long long) d->side[CS_BASELINE].n_values, j->then, j->options->min_rows);
	else if (SaySmall(j))
		return;
	else if (j->by_chance)
		CsFindingAdd(&d->finding, CS_VERDICT_OK, "the change is no larger than chance makes with so few rows");
	else
		CsFindingAdd(&d->finding, CS_VERDICT_OK, "as %s", j->then);
}

/*
 * Adjust the p-values of the features for their number, and fill the findings.  "then" names the
 * baseline, for example "in training".
 */
void
CsDriftJudge(CsDriftFeature *features, int nfeatures, const CsDriftOptions *options,
			 const char *then)
{
	double	   *p = palloc(sizeof(double) * nfeatures);

	for (int i = 0; i < nfeatures; i++)
		p[i] = features[i].p;
	CsAdjustBenjaminiHochberg(p, nfeatures);
	for (int i = 0; i < nfeatures; i++)
	{
		CsDriftFeature *d = &features[i];
		Judge		judge = {.d = d,.options = options,.then = then};

		d->p_adjusted = p[i];
		judge.significant = d->p_adjusted < options->significance;
		CsFindingInit(&d->finding);
		if (JudgeColumn(&judge) || JudgeRows(&judge))
			continue;
		JudgeInfinite(&judge);
		JudgeNulls(&judge);
		JudgeValues(&judge);
		SayNothing(&judge);
	}
	pfree(p);
}
