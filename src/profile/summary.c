/*
 * summary.c
 *	  Who is in each segment, in a sentence, and what it might be called: segment_summary().
 *
 * The sentence tells the columns that set the segment apart most (defining.c), the name the first
 * two of them.  Segments that would be called the same take more of theirs, one by one, and in the
 * end a number: so names are different, and the same from call to call.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "lib/stringinfo.h"
#include "profile/profile.h"

/* Labels of a name to begin with. */
#define FIRST_LABELS 2

/* Levels of a category that a sentence chooses from. */
#define LEVELS 100

typedef struct SummaryOptions
{
	int			features;
	double		min_difference;
} SummaryOptions;

static const CsOption summaryOptions[] = {
	{"features", CS_OPTION_INT, offsetof(SummaryOptions, features), 5, 1, 50},
	{"min_difference", CS_OPTION_REAL, offsetof(SummaryOptions, min_difference), 0.2, 0, 1000}
};

/* A segment in words. */
typedef struct Sketch
{
	int			group;
	char	   *sentence;
	int			nlabels;
	char	  **labels;
	int			used;			/* labels of the name */
	char	   *name;			/* NULL: it has one that says what it is, or nobody is in it */
} Sketch;

PG_FUNCTION_INFO_V1(custseg_segment_summary);

/* Is a group noise? */
static bool
IsNoise(const CsPortrait *portrait, int group)
{
	return portrait->scorer->has_noise && group == 0;
}

/* The sentence of a segment, and the labels its name is made of. */
static void
Describe(const CsPortrait *portrait, const SummaryOptions *options, Sketch *sketch)
{
	CsDefining *ranking;
	int			n = CsPortraitRanking(portrait, sketch->group, &ranking);
	StringInfoData sentence;

	initStringInfo(&sentence);
	sketch->labels = palloc(sizeof(char *) * options->features);
	for (int i = 0; i < n && sketch->nlabels < options->features; i++)
	{
		CsWords		words;

		if (fabs(ranking[i].difference) < options->min_difference)
			break;
		words = CsWordsOf(portrait, sketch->group, &ranking[i]);
		appendStringInfo(&sentence, "%s%s", sentence.len > 0 ? ", " : "", words.phrase);
		sketch->labels[sketch->nlabels++] = words.label;
	}
	if (portrait->rows[sketch->group] == 0)
		appendStringInfoString(&sentence, "no customer of the source is in this segment");
	else if (sketch->nlabels == 0)
		appendStringInfoString(&sentence, "close to the average customer in every column");
	appendStringInfoChar(&sentence, '.');
	sketch->sentence = CsWordsCapitalize(sentence.data);
	sketch->used = Min(FIRST_LABELS, sketch->nlabels);
	pfree(ranking);
}

/* The name of a segment by the labels that it uses. */
static char *
NameOf(const Sketch *sketch)
{
	StringInfoData name;

	initStringInfo(&name);
	for (int i = 0; i < sketch->used; i++)
		appendStringInfo(&name, "%s%s", i > 0 ? ", " : "", sketch->labels[i]);
	if (sketch->nlabels == 0)
		appendStringInfoString(&name, "average");
	return CsWordsCapitalize(name.data);
}

/* By name, then by segment. */
static int
CompareNames(const void *a, const void *b)
{
	const Sketch *x = *(const Sketch *const *) a;
	const Sketch *y = *(const Sketch *const *) b;
	int			order = strcmp(x->name, y->name);

	return order != 0 ? order : x->group - y->group;
}

/* Add a label to names that are not different; a number to those without another one. */
static bool
Distinguish(Sketch **sorted, int n)
{
	bool		changed = false;

	for (int start = 0, end; start < n; start = end)
	{
		bool		extended = false;

		for (end = start + 1; end < n && strcmp(sorted[start]->name, sorted[end]->name) == 0;)
			end++;
		if (end - start == 1)
			continue;
		for (int i = start; i < end; i++)
		{
			extended |= sorted[i]->used < sorted[i]->nlabels;
			sorted[i]->used = Min(sorted[i]->used + 1, sorted[i]->nlabels);
		}
		/* the first keeps its name */
		for (int i = end - 1; i >= start; i--)
			sorted[i]->name = extended ? NameOf(sorted[i]) : i == start ? sorted[i]->name :
				psprintf("%s %d", sorted[i]->name, i - start + 1);
		changed = true;
	}
	return changed;
}

/* Find a name for each segment that is to have one. */
static void
SuggestNames(Sketch *sketches, int n)
{
	Sketch	  **sorted = palloc(sizeof(Sketch *) * n);
	int			nnames = 0;

	for (int g = 0; g < n; g++)
	{
		if (sketches[g].name != NULL)
			sorted[nnames++] = &sketches[g];
	}
	do
		qsort(sorted, nnames, sizeof(Sketch *), CompareNames);
	while (Distinguish(sorted, nnames));
	pfree(sorted);
}

/* The sum of the value column over all segments; NaN unless shares of it mean anything. */
static double
TotalValue(const CsPortrait *portrait)
{
	const CsNumberSummary *s;
	double		total;

	if (portrait->value < 0)
		return NAN;
	s = &portrait->columns[portrait->value].summaries[portrait->ngroups];
	total = s->n == 0 ? 0 : s->mean * s->n;
	if (total > 0)
		return total;
	ereport(NOTICE,
			(errmsg("value shares are NULL because the sum of column \"%s\" is %.15g",
					NameStr(portrait->columns[portrait->value].column.name), total),
			 errhint("Name a column whose sum is positive.")));
	return NAN;
}

/* The row of a segment. */
static void
PutSketch(CsReport *report, const CsPortrait *portrait, const Sketch *sketch, double total)
{
	int			group = sketch->group;
	double		value = NAN,
				mean = NAN;

	if (portrait->value >= 0 && portrait->rows[group] > 0)
	{
		const CsNumberSummary *s = &portrait->columns[portrait->value].summaries[group];

		value = s->n == 0 ? 0 : s->mean * s->n;
		mean = value / portrait->rows[group];
	}
	CsResultPut(report->result,
				CsValues(CsPortraitSegment(portrait, group), CsPortraitName(portrait, group),
						 CsValueInt8(portrait->rows[group]),
						 CsValueFloat8(CsPortraitShare(portrait->rows[group], portrait->rows[portrait->ngroups])),
						 CsValueInt8(portrait->overridden[group]), CsValueFloat8(value),
						 CsValueFloat8(value / total), CsValueFloat8(mean),
						 CsValueText(sketch->sentence), CsValueText(sketch->name)));
}

/* The arguments. */
enum
{
	SUMMARY_MODEL, SUMMARY_SOURCE, SUMMARY_VALUE, SUMMARY_COLUMNS, SUMMARY_OPTIONS, SUMMARY_VERSION
};

/* segment_summary(model, source, value, columns, options, version): one row for each segment */
Datum
custseg_segment_summary(PG_FUNCTION_ARGS)
{
	CsReport	report;
	SummaryOptions options;
	CsPortraitRequest request = {.only_features = true, .levels = LEVELS};
	CsPortrait *portrait;
	Sketch	   *sketches;
	double		total;

	if (!CsReportOpen(&report, fcinfo, SUMMARY_SOURCE, SUMMARY_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, SUMMARY_OPTIONS, summaryOptions, lengthof(summaryOptions), &options);
	request.value = CsTextArgument(fcinfo, SUMMARY_VALUE);
	request.columns = CsArrayArgument(fcinfo, SUMMARY_COLUMNS);
	portrait = CsPortraitTake(&report, &request);
	sketches = palloc0(sizeof(Sketch) * portrait->ngroups);
	for (int g = 0; g < portrait->ngroups; g++)
	{
		sketches[g].group = g;
		Describe(portrait, &options, &sketches[g]);
		if (portrait->rows[g] > 0 && !IsNoise(portrait, g))
			sketches[g].name = NameOf(&sketches[g]);
	}
	SuggestNames(sketches, portrait->ngroups);
	total = TotalValue(portrait);
	for (int g = 0; g < portrait->ngroups; g++)
		PutSketch(&report, portrait, &sketches[g], total);
	return (Datum) 0;
}
