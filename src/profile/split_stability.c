/*
 * split_stability.c
 *	  Do two halves of the customers tell the same of the segments?  split_stability().
 *
 * A seeded coin puts each customer into one of two halves, and both are summed up.  What differs
 * between them is chance, and the next coin gives another difference; so a value is judged by what
 * chance makes of it on average, which follows from all customers of the segment and is the same
 * for every seed.  It has to be small against the value itself, or against the spread of all
 * customers.  Only more customers can lower it, and the reason says how many.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "miscadmin.h"
#include "profile/profile.h"
#include "utils/memutils.h"

/* Levels of a category that are compared. */
#define LEVELS 10

/* Of the values that are judged, the share that may be beyond tolerance in a profile that holds. */
#define MOST_BEYOND 0.1

typedef struct SplitOptions
{
	double		tolerance;		/* relative gap */
	double		standard_tolerance; /* gap in standard deviations of all customers */
	int			min_rows;
	int64		seed;
} SplitOptions;

static const CsOption splitOptions[] = {
	{"tolerance", CS_OPTION_REAL, offsetof(SplitOptions, tolerance), 0.1, 0, 2},
	{"standard_tolerance", CS_OPTION_REAL, offsetof(SplitOptions, standard_tolerance), 0.1, 0, 1000},
	{"min_rows", CS_OPTION_INT, offsetof(SplitOptions, min_rows), 30, 1, PG_INT32_MAX},
	CS_SEED_OPTION(SplitOptions, seed)
};

static const char *const precise = "precise enough";
static const char *const too_few = "too few customers";
static const char *const no_data = "insufficient data";

/* A value in both halves. */
typedef struct Gap
{
	int			segment;
	const CsPortraitColumn *column; /* NULL: the segment's share */
	const CsPortraitLevel *level;	/* or NULL */
	int64		n[2];			/* values */
	double		value[2];
	double		relative;
	double		standard;		/* NaN: of a share of customers, or there is no spread */
	double		expected;		/* relative, by chance; of all customers of the segment */
	double		expected_standard;
} Gap;

typedef struct Split
{
	CsReport	base;
	SplitOptions options;
	const CsPortrait *portrait;
	int64		half[2];		/* customers */
	int			njudged;
	int			nbeyond;		/* of them, beyond the tolerances */
	Gap			largest;		/* of those, by what chance makes */
} Split;

PG_FUNCTION_INFO_V1(custseg_split_stability);

/*
 * How many more customers of the segment (of the source for its share) bring a gap within
 * tolerance: what chance makes falls with the root of their number.
 */
static double
MoreCustomers(const SplitOptions *options, const Gap *gap)
{
	double		relative = gap->expected / options->tolerance;
	double		standard = gap->expected_standard / options->standard_tolerance;
	double		beyond = isnan(standard) ? relative : isnan(relative) ? standard : Min(relative, standard);

	return ceil((double) (gap->n[0] + gap->n[1]) * (beyond * beyond - 1));
}

/* What is known of a value, and what more customers would do. */
static void
AddPrecision(const SplitOptions *options, const Gap *gap, bool is_precise, StringInfo reason)
{
	double		more = MoreCustomers(options, gap);
	bool		is_small = gap->expected_standard <= options->standard_tolerance;

	CsReasonAdd(reason, "the %s is known to within %.1f %%: two halves differ by so much on average, by chance",
				gap->column != NULL && gap->level == NULL ? "mean" : "share", 100 * gap->expected);
	if (is_precise && is_small && !(gap->expected <= options->tolerance))
		CsReasonAdd(reason, "that is %.2f standard deviations of all customers, which is small",
					gap->expected_standard);
	if (!is_precise && isfinite(more))
		CsReasonAdd(reason, "it takes %s%s for %g %%%s",
					CsWordsCount((int64) Min(more, 1e15), "more customer", "more customers"),
					gap->column == NULL ? "" : " of the segment", 100 * options->tolerance,
					gap->column == NULL ? "" :
					psprintf(", or for %g standard deviations", options->standard_tolerance));
}

/* The rating of a value, and its reason. */
static const char *
Judge(Split *split, const Gap *gap, StringInfo reason)
{
	const SplitOptions *options = &split->options;
	int64		rows = split->portrait->rows[gap->segment] +
		split->portrait->rows[gap->segment + split->portrait->nsegments];
	bool		is_precise = gap->expected <= options->tolerance ||
		gap->expected_standard <= options->standard_tolerance;

	if (rows < options->min_rows)
	{
		CsReasonAdd(reason, "the segment has %s, fewer than the %d that a verdict needs",
					CsWordsCount(rows, "customer", "customers"), options->min_rows);
		return no_data;
	}
	if (isnan(gap->expected))
	{
		CsReasonAdd(reason, "no more than one customer of the segment has a value");
		return no_data;
	}
	AddPrecision(options, gap, is_precise, reason);
	split->njudged++;
	if (is_precise)
		return precise;
	if (split->nbeyond++ == 0 || gap->expected > split->largest.expected)
		split->largest = *gap;
	return too_few;
}

/* The row of a value. */
static void
PutGap(Split *split, const Gap *gap)
{
	StringInfoData reason;
	const char *rating;

	initStringInfo(&reason);
	rating = Judge(split, gap, &reason);
	CsResultPut(split->base.result,
				CsValues(CsPortraitSegment(split->portrait, gap->segment),
						 CsPortraitName(split->portrait, gap->segment),
						 CsValueText(gap->column == NULL ? "(share)" : NameStr(gap->column->column.name)),
						 CsValueText(gap->level == NULL ? NULL : CsPortraitLevelText(gap->level)),
						 CsValueInt8(gap->n[0]), CsValueInt8(gap->n[1]),
						 CsValueFloat8(gap->value[0]), CsValueFloat8(gap->value[1]),
						 CsValueFloat8(gap->relative), CsValueFloat8(gap->standard),
						 CsValueFloat8(gap->expected), CsValueText(rating), CsValueText(reason.data)));
}

/*
 * Fill in how far the halves are "apart", "sd" being the spread of one value in the whole segment.
 * What chance makes of two equal halves is told by the segment's own mean.
 */
static void
Measure(Gap *gap, double apart, double sd, double overall_sd)
{
	double		n = (double) (gap->n[0] + gap->n[1]);
	double		part = gap->n[0] / n;
	double		mean = gap->n[0] == 0 ? gap->value[1] : gap->n[1] == 0 ? gap->value[0] :
		part * gap->value[0] + (1 - part) * gap->value[1];

	gap->relative = CsRelativeGap(gap->value[0], gap->value[1]);
	gap->standard = overall_sd > 0 ? fabs(apart) / overall_sd : NAN;
	gap->expected = CsExpectedRelativeGap(mean, n, sd);
	gap->expected_standard = overall_sd > 0 ? CsExpectedRelativeGap(overall_sd, n, sd) : NAN;
}

/* The share of a segment. */
static void
CompareShares(Split *split, int segment)
{
	const CsPortrait *portrait = split->portrait;
	Gap			gap = {.segment = segment};
	double		share;

	for (int h = 0; h < 2; h++)
	{
		gap.n[h] = split->half[h];
		gap.value[h] = CsPortraitShare(portrait->rows[segment + h * portrait->nsegments],
									   split->half[h]);
	}
	share = CsPortraitShare(portrait->rows[segment] + portrait->rows[segment + portrait->nsegments],
							split->half[0] + split->half[1]);
	Measure(&gap, NAN, CsShareDeviation(share), NAN);
	PutGap(split, &gap);
}

/* The mean of a number, or the share of a level. */
static void
CompareColumn(Split *split, int segment, const CsPortraitColumn *c, const CsPortraitLevel *level)
{
	const CsPortrait *portrait = split->portrait;
	int			all = portrait->ngroups;
	Gap			gap = {.segment = segment, .column = c, .level = level};
	double		sd;
	double		overall = level == NULL ? NAN : CsPortraitShare(level->rows[all], portrait->rows[all]);

	for (int h = 0; h < 2; h++)
	{
		int			group = segment + h * portrait->nsegments;

		gap.n[h] = level == NULL ? c->summaries[group].n : portrait->rows[group];
		gap.value[h] = level == NULL ? c->summaries[group].mean :
			CsPortraitShare(level->rows[group], gap.n[h]);
	}
	sd = level == NULL ?
		CsPooledDeviation(&c->summaries[segment], &c->summaries[segment + portrait->nsegments]) :
		CsShareDeviation(CsPortraitShare(level->rows[segment] + level->rows[segment + portrait->nsegments],
										 gap.n[0] + gap.n[1]));
	Measure(&gap, level != NULL ? gap.value[0] - gap.value[1] :
			CsSummariesApart(&c->summaries[segment], &c->summaries[segment + portrait->nsegments]),
			sd, level == NULL ? c->summaries[all].sd : CsShareDeviation(overall));
	PutGap(split, &gap);
}

/* The rows of a segment; what they take is given back. */
static void
CompareSegment(Split *split, int segment)
{
	const CsPortrait *portrait = split->portrait;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg split rows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	CHECK_FOR_INTERRUPTS();
	CompareShares(split, segment);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		const CsPortraitColumn *c = &portrait->columns[i];

		if (!CsIsCategory(c))
			CompareColumn(split, segment, c, NULL);
		for (int j = 0; j < c->nlevels; j++)
			CompareColumn(split, segment, c, &c->levels[j]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* The row of the rating of all of it. */
static void
PutOverall(Split *split)
{
	CsValue		row[13];
	StringInfoData reason;
	const char *rating = split->njudged == 0 ? no_data :
		split->nbeyond > MOST_BEYOND * split->njudged ? too_few : precise;
	int			i = 0;

	initStringInfo(&reason);
	if (split->njudged == 0)
		CsReasonAdd(&reason, "no segment has enough customers");
	else
		CsReasonAdd(&reason, "%d of %d values are known well enough", split->njudged - split->nbeyond,
					split->njudged);
	if (split->nbeyond > 0)
		CsReasonAdd(&reason, "least is known of \"%s\" in segment %d: to %.1f %%",
					split->largest.column == NULL ? "(share)" :
					NameStr(split->largest.column->column.name),
					CsScorerSegments(split->portrait->scorer)[split->largest.segment].segment,
					100 * split->largest.expected);
	row[i++] = CsPortraitSegment(split->portrait, split->portrait->ngroups);
	row[i++] = CsPortraitName(split->portrait, split->portrait->ngroups);
	row[i++] = CsValueText(NULL);
	row[i++] = CsValueText(NULL);
	row[i++] = CsValueInt8(split->half[0]);
	row[i++] = CsValueInt8(split->half[1]);
	for (int j = 0; j < 5; j++)
		row[i++] = CsValueFloat8(NAN);
	row[i++] = CsValueText(rating);
	row[i++] = CsValueText(reason.data);
	CsResultPut(split->base.result, row, i);
}

/*
 * split_stability(model, source, columns, options, version): one row for each segment and value,
 * and one for all
 */
Datum
custseg_split_stability(PG_FUNCTION_ARGS)
{
	Split		split = {0};
	CsPortraitRequest request = {.only_features = true, .levels = LEVELS, .halves = true};
	const CsPortrait *portrait;

	if (!CsReportOpen(&split.base, fcinfo, PORTRAIT_SOURCE, PORTRAIT_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, PORTRAIT_OPTIONS, splitOptions, lengthof(splitOptions), &split.options);
	request.columns = CsArrayArgument(fcinfo, PORTRAIT_COLUMNS);
	request.seed = split.options.seed;
	portrait = split.portrait = CsPortraitTake(&split.base, &request);
	for (int g = 0; g < portrait->ngroups; g++)
		split.half[g / portrait->nsegments] += portrait->rows[g];
	for (int s = 0; s < portrait->nsegments; s++)
		CompareSegment(&split, s);
	PutOverall(&split);
	return (Datum) 0;
}
