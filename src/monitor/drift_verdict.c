/*
 * drift_verdict.c
 *	  Has a feature drifted?  The verdict, and its reason in words.
 *
 * A verdict needs an effect that matters and a test that excludes chance: the effect at or above
 * its limit, the feature's p-value, adjusted by Benjamini and Hochberg's method for the number of
 * features, below the significance, and the test of that very effect, too.  With a million rows
 * anything is significant, with fifty anything can be large.
 *
 * What is no matter of chance needs no test: a column that is gone or is of another kind, and
 * infinite values, which training does not take.
 */
#include "custseg.h"

#include <math.h>

#include "monitor/drift.h"
#include "stat/tests.h"
#include "utils/datetime.h"

/* What one feature is judged by. */
typedef struct Judge
{
	CsDriftFeature *d;
	const CsDriftOptions *options;
	const char *then;			/* "in training" */
	bool		significant;	/* the feature's adjusted p is low */
	bool		by_chance;		/* an effect was above its limit, but not significant */
} Judge;

/* A value of the feature as its users write it, palloc'd. */
static char *
FormatValue(const CsFeature *f, double value)
{
	int			year,
				month,
				day;
	double		julian = floor(value) + UNIX_EPOCH_JDATE;

	if (f->kind != CS_TIME)
		return psprintf("%.6g", value);
	if (CsIsInterval(f) || julian < 0 || julian >= DATE_END_JULIAN)
		return psprintf("%.6g days", value);
	j2date((int) julian, &year, &month, &day);
	return psprintf("%04d-%02d-%02d", year, month, day);
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
	return psprintf("values are spread differently than %s, around about the same median", j->then);
}

/* The level whose share has changed most, palloc'd. */
static char *
DescribeLevels(const Judge *j)
{
	const CsDriftFeature *d = j->d;

	return psprintf("%s: %s of the rows, against %s %s", d->moved,
					FormatShare(d->moved_share[CS_CURRENT]),
					FormatShare(d->moved_share[CS_BASELINE]), j->then);
}

/* What an effect says; only a certain one counts. */
static CsVerdict
JudgeEffect(Judge *j, double effect, const CsDriftLimits *limits, bool certain)
{
	if (isnan(effect) || effect < limits->watch)
		return CS_VERDICT_OK;
	if (!certain || !j->significant)
	{
		j->by_chance = true;
		return CS_VERDICT_OK;
	}
	return effect < limits->drifted ? CS_VERDICT_WATCH : CS_VERDICT_DRIFTED;
}

/* Shares of rows without a value. */
static void
JudgeNulls(Judge *j)
{
	const CsDriftSide *side = j->d->side;
	double		share[2];
	CsVerdict	verdict;

	if (isnan(j->d->p_null))
		return;
	for (int i = 0; i < 2; i++)
		share[i] = (double) side[i].n_null / side[i].n;
	verdict = JudgeEffect(j, fabs(share[CS_CURRENT] - share[CS_BASELINE]),
						  &j->options->null_share, j->d->p_null < j->options->significance);
	if (verdict != CS_VERDICT_OK)
		CsFindingAdd(&j->d->finding, verdict, "%s of the rows have no value, against %s %s",
					 FormatShare(share[CS_CURRENT]), FormatShare(share[CS_BASELINE]), j->then);
}

/* Is a statistic's value none that chance makes?  By its own critical value, else by its p. */
static bool
IsCertain(const CsMeasure *m, double significance)
{
	return isnan(m->critical) ? m->p < significance : m->value > m->critical;
}

/* The statistics that the feature was judged by, with their values, palloc'd. */
static char *
DescribeStatistics(const Judge *j)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < CsStatisticCount(); i++)
	{
		if (CsDriftIsJudged(j->options, i) && !isnan(j->d->measures[i].value))
			appendStringInfo(&text, "%s%s %.3g", text.len > 0 ? ", " : "", CsStatisticAt(i)->words,
							 j->d->measures[i].value);
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
		CsVerdict	verdict = CS_VERDICT_OK;

		if (CsDriftIsJudged(j->options, i))
			verdict = JudgeEffect(j, d->measures[i].value, &j->options->statistic[i],
								  IsCertain(&d->measures[i], j->options->significance));
		worst = Max(worst, verdict);
	}
	if (worst == CS_VERDICT_OK)
		return;
	/* that values are missing is said already, if it is all there is to say */
	if (d->has_levels && d->moved_null && d->finding.verdict >= worst)
		return;
	CsFindingAdd(&d->finding, worst, "%s (%s)", d->has_levels ? DescribeLevels(j) : DescribeNumbers(j),
				 DescribeStatistics(j));
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
				 "%lld %s infinite, and customers with such a value cannot be placed",
				 (long long) now->n_infinite, now->n_infinite == 1 ? "value is" : "values are");
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
					 "%lld %s, but at least %d are needed", (long long) side[CS_CURRENT].n,
					 side[CS_CURRENT].n == 1 ? "row" : "rows", min_rows);
	else if (side[CS_BASELINE].n < min_rows)
		CsFindingAdd(&j->d->finding, CS_VERDICT_INSUFFICIENT,
					 "%lld %s %s, but at least %d are needed", (long long) side[CS_BASELINE].n,
					 side[CS_BASELINE].n == 1 ? "row" : "rows", j->then, min_rows);
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
