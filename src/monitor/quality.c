/*
 * quality.c
 *	  Is the source still what the model was trained on?  data_quality().
 *
 * One pass over the source counts, for each feature, what a broken feed does to a column: values
 * that are missing, infinite, out of training's range, cut off by the pipeline's limits, levels
 * that training never saw, one value everywhere.  Nothing is kept of the values, so memory does
 * not grow with the rows.  The rest of the source has rows of its own: is there anything in it,
 * does the id still tell customers apart, how old is the newest row.
 *
 * A share has to be both large and certain before it is spoken of.  What is certain depends on what
 * it is compared with:
 *   missing, clipped	chi-square test against training's share
 *   out of range		new values of the same distribution lie outside the range of n trained ones,
 *						too; Wilks' law (stat/shares.c) bounds how many
 *   unseen levels		training sees only a part of the levels there are; those it saw once tell how
 *						much it did not see (Good, Biometrika 40, 1953)
 *   constant			so many equal values by chance, given the most frequent one in training
 * The level of significance is divided by the number of features (Bonferroni), and where an
 * interval is used, it is Wilson's.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "monitor/quality.h"
#include "stat/describe.h"
#include "stat/shares.h"

/* Unseen levels that are listed. */
#define MAX_UNSEEN_LISTED 10

/* Columns that are read beside the features. */
#define MOST_EXTRA (1 + INDEX_MAX_KEYS)

static const CsOption qualityOptions[] = {
	{"min_rows", CS_OPTION_INT, offsetof(CsQualityOptions, min_rows), 30, 1, PG_INT32_MAX},
	{"significance", CS_OPTION_REAL, offsetof(CsQualityOptions, significance), 0.05, 0, 1},
	{"null_watch", CS_OPTION_REAL, offsetof(CsQualityOptions, null_watch), 0.05, 0, 1},
	{"null_broken", CS_OPTION_REAL, offsetof(CsQualityOptions, null_broken), 0.25, 0, 1},
	{"range_watch", CS_OPTION_REAL, offsetof(CsQualityOptions, range_watch), 0.01, 0, 1},
	{"clip_watch", CS_OPTION_REAL, offsetof(CsQualityOptions, clip_watch), 0.05, 0, 1},
	{"unseen_watch", CS_OPTION_REAL, offsetof(CsQualityOptions, unseen_watch), 0.01, 0, 1},
	{"time_column", CS_OPTION_TEXT, offsetof(CsQualityOptions, time_column)},
	{"max_age", CS_OPTION_TEXT, offsetof(CsQualityOptions, max_age)},
};

PG_FUNCTION_INFO_V1(custseg_data_quality);

/* Count a number, NaN for none. */
static pg_attribute_always_inline void
CountNumber(CsQualityCounts *c, const CsFeature *f, const CsBaseline *b, double first, double x)
{
	bool		is_finite = fabs(x) <= DBL_MAX;

	c->n_null += x != x;
	c->n_infinite += fabs(x) > DBL_MAX;
	c->n_below += is_finite & (x < b->minimum);
	c->n_above += is_finite & (x > b->maximum);
	c->n_clipped += is_finite & ((x < f->low) | (x > f->high));
	c->n_other += is_finite & (x != first);
}

/* Count n numbers. */
CS_CLONES static void
CountNumbers(CsQualityCounts *counts, const CsFeature *feature, const CsBaseline *baseline, double first, const double *x,
			 int n)
{
	const CsFeature f = {.low = feature->low, .high = feature->high};
	const CsBaseline b = {.minimum = baseline->minimum, .maximum = baseline->maximum};
	CsQualityCounts c = *counts;

	for (int i = 0; i < n; i++)
		CountNumber(&c, &f, &b, first, x[i]);
	*counts = c;
}

/* Take n numbers of a feature, NaN for none. */
static void
TakeNumbers(CsQualityFeatures *report, int feature, const double *x, int n)
{
	CsQualityTally	   *t = &report->tallies[feature];
	int64		before = t->counts.n_null + t->counts.n_infinite;

	for (int i = 0; i < n && t->n_values == 0; i++)
	{
		if (isfinite(x[i]))
		{
			t->first = x[i];
			break;
		}
	}
	CountNumbers(&t->counts, &report->pipeline->feature[feature], &report->baselines[feature], t->first, x, n);
	t->n_values += n - (t->counts.n_null + t->counts.n_infinite - before);
}

/* Take the level of a category. */
static void
TakeLevel(CsQualityTally *t, double raw, Datum value, bool is_missing)
{
	if (is_missing)
	{
		t->counts.n_null++;
		return;
	}
	if (raw == CS_UNSEEN_LEVEL)
	{
		t->n_unseen++;
		CsLevelCountsAdd(t->unseen, &t->converter, value, 0);
	}
	if (t->n_values++ == 0)
		t->first = raw;
	t->counts.n_other += raw != t->first;
}

/* Look at what is read beside the features. */
static void
VisitExtra(CsQualityFeatures *report, const Datum *values, const bool *nulls, Size stride, const int *columns)
{
	Datum		extra[MOST_EXTRA];
	bool		extra_nulls[MOST_EXTRA];

	for (int i = 0; i < report->nextra; i++)
	{
		extra[i] = values[stride * columns[i]];
		extra_nulls[i] = nulls[stride * columns[i]];
	}
	CsQualityVisit(&report->common, extra, extra_nulls);
}

/* CsRowVisitor: all features of a row. */
static void
CountRow(void *state, const CsObservedRow *row)
{
	CsQualityFeatures *report = state;

	for (int i = 0; i < report->pipeline->nfeatures; i++)
	{
		int			column = row->feature_column[i];

		if (report->pipeline->feature[i].kind != CS_CATEGORICAL)
			TakeNumbers(report, i, &row->raw[i], 1);
		else
			TakeLevel(&report->tallies[i], row->raw[i], column < 0 ? (Datum) 0 : row->values[column],
					  row->missing[i]);
	}
	VisitExtra(report, row->values, row->nulls, 1, row->extra_column);
}

/* CsObservedBlockVisitor: all features of many rows. */
static void
CountBlock(void *state, const CsObservedBlock *b)
{
	CsQualityFeatures *report = state;
	const CsPassBlock *block = b->block;

	for (int i = 0; i < report->pipeline->nfeatures; i++)
	{
		const double *raw = b->raw + (Size) i * CS_PASS_STRIDE;
		int			column = b->feature_column[i];

		if (report->pipeline->feature[i].kind != CS_CATEGORICAL)
			TakeNumbers(report, i, raw, block->nrows);
		for (int r = 0; r < block->nrows && report->pipeline->feature[i].kind == CS_CATEGORICAL; r++)
			TakeLevel(&report->tallies[i], raw[r], column < 0 ? (Datum) 0 : CsBlockValues(block, column)[r],
					  column < 0 || CsBlockNulls(block, column)[r]);
	}
	for (int r = 0; r < block->nrows && report->nextra > 0; r++)
		VisitExtra(report, block->values + r, block->nulls + r, CS_PASS_STRIDE, b->extra_column);
}

/*
 * Are all values the same?  Levels that training did not see are told apart by their texts; those
 * that go under "other" cannot be.
 */
static bool
IsConstant(const CsPipeline *p, const CsFeature *f, const CsQualityTally *t)
{
	if (t->n_values < 2 || t->counts.n_other > 0)
		return false;
	if (f->kind == CS_CATEGORICAL && t->first >= 0 &&
		CsFeatureLevels(p, f)[(int) t->first].is_other)
		return false;
	return t->n_unseen == 0 || t->unseen->nlevels == 1;
}

/* The share of the most frequent value among training's values; from quantiles for numbers. */
static double
LargestTrainedShare(const CsFeature *f, const CsBaseline *b)
{
	double		largest = 0;

	if (f->kind != CS_CATEGORICAL)
		return CsLargestShareOfSorted(b->quantiles, b->nquantiles);
	for (int i = 0; i < b->nlevels; i++)
	{
		if (b->levels[i] != NULL)
			largest = Max(largest, (double) b->level_counts[i] / (b->n - b->n_null));
	}
	return largest;
}

/* The share of training's values that the pipeline's limits cut off, to a thousandth. */
static double
TrainedClippedShare(const CsFeature *f, const CsBaseline *b)
{
	return CsShareBeyond(b->quantiles, b->nquantiles, f->low, f->high);
}

/* Is a share of the rows above a bound for certain? */
static bool
IsAbove(const CsQualityFeatures *report, int64 count, int64 n, double bound)
{
	return CsShareIsAbove(count, n, bound, 1 - report->common.significance);
}

/* What is to be said of missing values. */
static void
JudgeNulls(const CsQualityFeatures *report, const CsBaseline *b, const CsQualityTally *t, CsFinding *finding)
{
	const CsQualityOptions *options = &report->common.options;
	int64		n = report->common.observation->nrows;
	double		share = (double) t->counts.n_null / n;
	double		trained = (double) b->n_null / b->n;

	if (t->counts.n_null == n)
	{
		CsFindingAdd(finding, CS_VERDICT_BROKEN, "no row has a value");
		return;
	}
	if (share - trained > options->null_watch &&
		CsSharesDiffer(b->n_null, b->n, t->counts.n_null, n) < report->common.significance)
		CsFindingAdd(finding, share - trained > options->null_broken ? CS_VERDICT_BROKEN :
					 CS_VERDICT_WATCH, "%.1f %% of the rows have no value, against %.1f %% in training",
					 100 * share, 100 * trained);
}

/* What is to be said of numbers. */
static void
JudgeNumbers(const CsQualityFeatures *report, const CsFeature *f, const CsBaseline *b, const CsQualityTally *t,
			 CsFinding *finding)
{
	const CsQualityOptions *options = &report->common.options;
	int64		n_outside = t->counts.n_below + t->counts.n_above;
	int64		n_trained = b->n - b->n_null;
	double		trained_clipped = TrainedClippedShare(f, b);
	double		clipped = (double) t->counts.n_clipped / t->n_values;

	if (t->counts.n_infinite > 0)
		CsFindingAdd(finding, CS_VERDICT_WATCH, "the value is infinite in %s be %s",
					 CsWordsCount(t->counts.n_infinite, "row, which cannot", "rows, which cannot"),
					 CsObservationVerb(report->common.observation));
	if (t->n_values == 0)
		return;
	if (n_outside > options->range_watch * t->n_values &&
		IsAbove(report, n_outside, t->n_values,
				CsShareOutsideRange(n_trained, 1 - report->common.significance)))
		CsFindingAdd(finding, CS_VERDICT_WATCH, "%.1f %% of the values lie %s in training",
					 100 * (double) n_outside / t->n_values,
					 t->counts.n_below == 0 ? "above the largest" : t->counts.n_above == 0 ?
					 "below the smallest" : "outside the range that they had");
	if (clipped - trained_clipped > options->clip_watch &&
		CsSharesDiffer((int64) rint(trained_clipped * n_trained), n_trained, t->counts.n_clipped,
					   t->n_values) < report->common.significance)
		CsFindingAdd(finding, CS_VERDICT_WATCH,
					 "%.1f %% of the values are clipped, against %.1f %% in training",
					 100 * clipped, 100 * trained_clipped);
}

/* What is to be said of a feature. */
static void
JudgeFeature(const CsQualityFeatures *report, int feature, CsFinding *finding)
{
	const CsObservation *o = report->common.observation;
	const CsFeature *f = &report->pipeline->feature[feature];
	const CsBaseline *b = &report->baselines[feature];
	const CsQualityTally *t = &report->tallies[feature];

	if (CsQualityJudgeColumn(&report->common, &o->features[feature], NameStr(f->type), finding))
		return;
	if (CsQualityLacksRows(&report->common, finding))
		return;
	JudgeNulls(report, b, t, finding);
	if (f->kind != CS_CATEGORICAL)
		JudgeNumbers(report, f, b, t, finding);
	if (t->n_unseen > report->common.options.unseen_watch * o->nrows &&
		IsAbove(report, t->n_unseen, o->nrows,
				CsUnseenShare(b->level_counts, b->nlevels, b->n)))
		CsFindingAdd(finding, CS_VERDICT_WATCH,
					 "%.1f %% of the rows have a level that the model does not know",
					 100 * (double) t->n_unseen / o->nrows);
	if (IsConstant(report->pipeline, f, t) && pow(LargestTrainedShare(f, b), t->n_values - 1) <
		report->common.significance)
		CsFindingAdd(finding, CS_VERDICT_BROKEN, "all rows with a value have the same one");
	CsFindingDefault(finding, "as in training");
}

/* The most frequent unseen levels as text[], ties by text; NULL without one. */
static CsValue
ListUnseen(const CsQualityTally *t)
{
	int			n = t->unseen == NULL ? 0 : Min(t->unseen->nlevels, MAX_UNSEEN_LISTED);
	const char *texts[MAX_UNSEEN_LISTED];
	int		   *order;

	if (n == 0)
		return CsValueNull(TEXTARRAYOID);
	order = CsLevelsByRows(t->unseen);
	for (int i = 0; i < n; i++)
		texts[i] = CsDictionaryLevel(t->unseen->dictionary, order[i]);
	pfree(order);
	return CsValueTexts(texts, n);
}

/* The row of a feature. */
static void
PutFeature(CsQualityFeatures *report, int feature)
{
	static const char *const states[] = {
		[CS_BIND_DONE] = "ok",
		[CS_BIND_MISSING] = "missing",
		[CS_BIND_OTHER_KIND] = "other kind"
	};
	const CsObservation *o = report->common.observation;
	const CsFeature *f = &report->pipeline->feature[feature];
	const CsBaseline *b = &report->baselines[feature];
	const CsQualityTally *t = &report->tallies[feature];
	bool		is_bound = o->features[feature].state == CS_BIND_DONE;
	bool		is_number = f->kind != CS_CATEGORICAL;
	double		n = is_bound && o->nrows > 0 ? o->nrows : NAN;
	CsQualityRow row;

	CsQualityRowInit(&row, "feature", NameStr(f->name), states[o->features[feature].state]);
	JudgeFeature(report, feature, &row.finding);
	row.kind = CsKindName((CsKind) f->kind);
	row.type_trained = NameStr(f->type);
	row.type_now = o->features[feature].type;
	row.n = o->nrows;
	row.null_share_trained = (double) b->n_null / b->n;
	row.null_share = t->counts.n_null / n;
	row.infinite_share = is_number ? t->counts.n_infinite / n : NAN;
	row.below_share = is_number ? t->counts.n_below / n : NAN;
	row.above_share = is_number ? t->counts.n_above / n : NAN;
	row.clipped_share_trained = is_number ?
		TrainedClippedShare(f, b) * (b->n - b->n_null) / b->n : NAN;
	row.clipped_share = is_number ? t->counts.n_clipped / n : NAN;
	row.unseen_share = is_number ? NAN : t->n_unseen / n;
	row.unseen_levels = ListUnseen(t);
	row.constant = CsValueBool(IsConstant(report->pipeline, f, t));
	row.constant.isnull = isnan(n);
	CsQualityPut(&report->common, &row);
}

/* CsReportKind.open */
static void *
OpenQuality(const CsReport *base, Jsonb *options)
{
	CsQualityFeatures *report = palloc0(sizeof(CsQualityFeatures));
	CsQuality  *common = &report->common;

	common->base = *base;
	CsOptionsParse(qualityOptions, lengthof(qualityOptions), options, &common->options);
	CsQualityCheckOptions(common);
	report->pipeline = CsScorerPipeline(base->scorer);
	report->baselines = CsBaselinesRead(base->scorer);
	report->tallies = palloc0(sizeof(CsQualityTally) * report->pipeline->nfeatures);
	common->significance = common->options.significance / report->pipeline->nfeatures;
	return report;
}

/* CsReportKind.ask: all counts at once */
static void
AskRows(void *state, CsObserveRequest *request)
{
	CsQualityFeatures *report = state;
	CsQuality  *common = &report->common;

	Assert(request->visit_row == NULL);
	CsQualityAsk(common, request);
	for (int i = 0; i < report->pipeline->nfeatures; i++)
	{
		const CsColumn *column = CsRelationFind(common->relation,
												NameStr(report->pipeline->feature[i].name));

		if (column != NULL)
			report->tallies[i].converter = CsFeatureConverter(&report->pipeline->feature[i], column);
		if (report->pipeline->feature[i].kind == CS_CATEGORICAL)
			report->tallies[i].unseen = CsLevelCountsCreate(1, CS_MAX_DICTIONARY, NULL);
	}
	request->place = true;
	report->nextra = request->nextra;
	request->visit_row = CountRow;
	request->visit_block = CountBlock;
	request->visit_passes = CsQualityCountByPasses;
	request->row_state = report;
}

/* CsReportKind.put: the source, its id and time, and each feature */
static void
PutQuality(void *state, const CsObservation *observation)
{
	CsQualityFeatures *report = state;

	report->common.observation = observation;
	CsQualityPutSource(&report->common);
	for (int i = 0; i < report->pipeline->nfeatures; i++)
		PutFeature(report, i);
}

const CsReportKind CsQualityReport = {"data_quality", OpenQuality, AskRows, PutQuality, .of_features = true, .by_passes = true};

/* data_quality(model, source, options, version) */
Datum
custseg_data_quality(PG_FUNCTION_ARGS)
{
	return CsReportCall(fcinfo, &CsQualityReport);
}
