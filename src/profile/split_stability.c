/*
 * split_stability.c
 *	  Do two halves of the customers tell the same of the segments?  split_stability().
 *
 * A seeded coin puts each customer into one of two halves, and both are summed up.  What differs
 * between them is chance; so a profile whose halves are far apart is not to be built upon, whatever
 * it says.  A gap is judged by its size: small against the value itself, or against the spread of
 * all customers.  Beside it stands what chance makes of it on average, which only more customers
 * can lower.
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

/* How far the halves agree; the lower ones are worse. */
typedef enum Rating
{
	RATING_OK,
	RATING_INSUFFICIENT,		/* data */
	RATING_WATCH,
	RATING_UNSTABLE
} Rating;

static const char *const ratingNames[] = {"ok", "insufficient data", "watch", "unstable"};

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
	double		expected;		/* relative, by chance */
} Gap;

typedef struct Split
{
	CsReport	base;
	SplitOptions options;
	const CsPortrait *portrait;
	int64		half[2];		/* customers */
	int			njudged;
	int			nbeyond;		/* of them, beyond the tolerances */
	int			nunstable;		/* of those, beyond twice the tolerances */
	bool		share_unstable;
	Gap			largest;		/* of those, by relative gap */
} Split;

PG_FUNCTION_INFO_V1(custseg_split_stability);

/* The rating of a gap, and its reason. */
static Rating
Judge(Split *split, const Gap *gap, StringInfo reason)
{
	const SplitOptions *options = &split->options;
	int64		rows = Min(split->portrait->rows[gap->segment],
						   split->portrait->rows[gap->segment + split->portrait->nsegments]);
	bool		near = gap->standard <= options->standard_tolerance;
	Rating		rating = gap->relative <= options->tolerance || near ? RATING_OK :
		gap->relative <= 2 * options->tolerance ||
		gap->standard <= 2 * options->standard_tolerance ? RATING_WATCH : RATING_UNSTABLE;

	if (rows < options->min_rows)
	{
		CsReasonAdd(reason, "the smaller half has %lld customers of the segment, fewer than the %d that a verdict needs",
					(long long) rows, options->min_rows);
		return RATING_INSUFFICIENT;
	}
	if (isnan(gap->relative))
	{
		CsReasonAdd(reason, "one of the halves has no value");
		return RATING_INSUFFICIENT;
	}
	CsReasonAdd(reason, "the halves differ by %.1f %%", 100 * gap->relative);
	if (near && gap->relative > options->tolerance)
		CsReasonAdd(reason, "that is %.2f standard deviations of all customers, which is small",
					gap->standard);
	if (rating != RATING_OK)
		CsReasonAdd(reason, "chance alone makes %.1f %% on average, and less with more customers",
					100 * gap->expected);
	split->njudged++;
	split->nbeyond += rating != RATING_OK;
	split->nunstable += rating == RATING_UNSTABLE;
	split->share_unstable |= gap->column == NULL && rating == RATING_UNSTABLE;
	if (rating != RATING_OK &&
		(split->nbeyond == 1 || gap->relative > split->largest.relative))
		split->largest = *gap;
	return rating;
}

/* The row of a value. */
static void
PutGap(Split *split, const Gap *gap)
{
	StringInfoData reason;
	Rating		rating;

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
						 CsValueFloat8(gap->expected), CsValueText(ratingNames[rating]),
						 CsValueText(reason.data)));
}

/* Fill in how far the halves are "apart", "sd" being the spread of one value. */
static void
Measure(Gap *gap, double apart, double sd, double overall_sd)
{
	gap->relative = CsRelativeGap(gap->value[0], gap->value[1]);
	gap->standard = overall_sd > 0 ? fabs(apart) / overall_sd : NAN;
	gap->expected = CsExpectedRelativeGap(gap->value, gap->n, sd);
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
	share = (gap.value[0] + gap.value[1]) / 2;
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
	double		sd[2];
	double		overall = level == NULL ? NAN : CsPortraitShare(level->rows[all], portrait->rows[all]);

	for (int h = 0; h < 2; h++)
	{
		int			group = segment + h * portrait->nsegments;

		if (level == NULL)
		{
			gap.n[h] = c->summaries[group].n;
			gap.value[h] = c->summaries[group].mean;
			sd[h] = c->summaries[group].sd;
			continue;
		}
		gap.n[h] = portrait->rows[group];
		gap.value[h] = CsPortraitShare(level->rows[group], gap.n[h]);
		sd[h] = CsShareDeviation(gap.value[h]);
	}
	Measure(&gap, level != NULL ? gap.value[0] - gap.value[1] :
			CsSummariesApart(&c->summaries[segment], &c->summaries[segment + portrait->nsegments]),
			CsJointDeviation(sd[0], sd[1]),
			level == NULL ? c->summaries[all].sd : CsShareDeviation(overall));
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
	Rating		rating = split->njudged == 0 ? RATING_INSUFFICIENT :
		split->share_unstable || split->nunstable > MOST_BEYOND * split->njudged ? RATING_UNSTABLE :
		split->nbeyond > MOST_BEYOND * split->njudged ? RATING_WATCH : RATING_OK;
	int			i = 0;

	initStringInfo(&reason);
	if (split->njudged == 0)
		CsReasonAdd(&reason, "no segment has enough customers");
	else
		CsReasonAdd(&reason, "the halves agree in %d of %d values", split->njudged - split->nbeyond,
					split->njudged);
	if (split->share_unstable)
		CsReasonAdd(&reason, "they disagree about the size of a segment");
	if (split->nbeyond > 0)
		CsReasonAdd(&reason, "they are farthest apart in \"%s\" of segment %d: %.1f %%",
					split->largest.column == NULL ? "(share)" :
					NameStr(split->largest.column->column.name),
					CsScorerSegments(split->portrait->scorer)[split->largest.segment].segment,
					100 * split->largest.relative);
	row[i++] = CsPortraitSegment(split->portrait, split->portrait->ngroups);
	row[i++] = CsPortraitName(split->portrait, split->portrait->ngroups);
	row[i++] = CsValueText(NULL);
	row[i++] = CsValueText(NULL);
	row[i++] = CsValueInt8(split->half[0]);
	row[i++] = CsValueInt8(split->half[1]);
	for (int j = 0; j < 5; j++)
		row[i++] = CsValueFloat8(NAN);
	row[i++] = CsValueText(ratingNames[rating]);
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
