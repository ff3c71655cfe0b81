/*
 * summary.c
 *	  Who is in each segment, in a sentence, and what it might be called: segment_summary().
 *
 * The sentence tells the columns that set the segment apart most (defining.c), the name the first
 * two of them.  Segments that would be called the same are ranked by a number that both names
 * speak of ("highest spend", "second highest spend"), or else take more labels, one by one, and in the
 * end a number: so names are different, and the same from call to call.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/tables.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "profile/profile.h"

/* Labels of a name to begin with. */
#define FIRST_LABELS 2

/* Levels of a category that a sentence chooses from. */
#define LEVELS 100

/* Customers whose features tell which columns say the same. */
#define SAMPLE 2000

typedef struct SummaryOptions
{
	int			features;
	double		min_difference;
	double		min_ratio;
} SummaryOptions;

static const CsOption summaryOptions[] = {
	{"features", CS_OPTION_INT, offsetof(SummaryOptions, features), 5, 1, 50},
	{"min_difference", CS_OPTION_REAL, offsetof(SummaryOptions, min_difference), 0.2, 0, 1000},
	{"min_ratio", CS_OPTION_REAL, offsetof(SummaryOptions, min_ratio), 0.2, 0, 1000}
};

/* A label, and the column that it speaks of. */
typedef struct Label
{
	CsWords		words;
	int			column;
} Label;

/* A segment in words. */
typedef struct Sketch
{
	int			group;
	char	   *sentence;
	int			nlabels;
	Label	   *labels;
	int			used;			/* labels of the name */
	int			ranked;			/* the label that tells the rank, -1: none does */
	int			rank;
	char	   *name;			/* NULL: it has one that says what it is, or nobody is in it */
} Sketch;

/* The currency that set_presentation() keeps, and the columns that are in it: the value, and those whose unit it is. */
static const char *const money_sql =
"SELECT t.said FROM custseg.presentation AS p"
" CROSS JOIN LATERAL (SELECT 0 AS place, p.presentation OPERATOR(pg_catalog.->>) 'currency' AS said"
" UNION ALL SELECT 1, p.presentation OPERATOR(pg_catalog.->>) 'value'"
" UNION ALL SELECT 2, c.key FROM pg_catalog.jsonb_each(p.presentation OPERATOR(pg_catalog.->) 'columns') AS c"
" WHERE (c.value OPERATOR(pg_catalog.->>) 'unit') OPERATOR(pg_catalog.=) (p.presentation OPERATOR(pg_catalog.->>) 'currency')"
") AS t"
" WHERE p.model OPERATOR(pg_catalog.=) $1 AND pg_catalog.jsonb_exists(p.presentation, 'currency') AND t.said IS NOT NULL"
" ORDER BY t.place";

PG_FUNCTION_INFO_V1(custseg_segment_summary);

/* The currency of a column, NULL: it is no money; "money" is what money_sql found. */
static const char *
CurrencyOf(List *money, const char *column)
{
	for (int i = 1; i < list_length(money); i++)
	{
		if (strcmp(list_nth(money, i), column) == 0)
			return linitial(money);
	}
	return NULL;
}

/* Is a group noise? */
static bool
IsNoise(const CsPortrait *portrait, int group)
{
	return portrait->scorer->has_noise && group == 0;
}

/* Is a column far enough from everyone to be mentioned? */
static bool
IsNotable(const CsPortrait *portrait, const SummaryOptions *options, int group,
		  const CsDefining *defining)
{
	return fabs(defining->difference) >= options->min_difference ||
		(defining->level < 0 &&
		 CsPortraitIsAway(portrait, defining->column, group, options->min_ratio));
}

/*
 * Of a ranking, what is to be mentioned: what is far enough from everyone and says what nothing
 * before it says, moved to its front.  Returns how many these are.
 */
static int
ChooseColumns(const CsPortrait *portrait, const SummaryOptions *options, int group,
			  CsDefining *ranking, int n)
{
	int			chosen = 0;

	for (int i = 0; i < n && chosen < options->features; i++)
	{
		bool		is_new = IsNotable(portrait, options, group, &ranking[i]);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < chosen && is_new; j++)
			is_new = !CsPortraitSaysSame(portrait, &ranking[j], &ranking[i]);
		if (is_new)
			ranking[chosen++] = ranking[i];
	}
	return chosen;
}

/* Does a label end in another one, or is it the same: "lifecycle new" and "new"? */
static bool
EndsIn(const char *label, const char *end)
{
	int			before = (int) strlen(label) - (int) strlen(end);

	return before >= 0 && pg_strcasecmp(label + before, end) == 0 &&
		(before == 0 || label[before - 1] == ' ');
}

/* Is a label said by one of those before it, if only of another column? */
static bool
IsSaid(const Sketch *sketch, const char *label)
{
	for (int i = 0; i < sketch->nlabels; i++)
	{
		const char *said = sketch->labels[i].words.label;

		if (EndsIn(said, label) || EndsIn(label, said))
			return true;
	}
	return false;
}

/* The sentence of a segment, and the labels its name is made of. */
static void
Describe(const CsPortrait *portrait, const SummaryOptions *options, List *money, Sketch *sketch)
{
	CsDefining *ranking;
	int			n = CsPortraitRanking(portrait, sketch->group, &ranking);
	StringInfoData sentence;

	initStringInfo(&sentence);
	n = ChooseColumns(portrait, options, sketch->group, ranking, n);
	sketch->labels = palloc(sizeof(Label) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		const char *name = NameStr(portrait->columns[ranking[i].column].column.name);
		CsWords		words = CsWordsOf(portrait, sketch->group, &ranking[i], CurrencyOf(money, name));

		appendStringInfo(&sentence, "%s%s", i > 0 ? ", " : "", words.phrase);
		if (!IsSaid(sketch, words.label))
			sketch->labels[sketch->nlabels++] = (Label) {words, ranking[i].column};
	}
	if (portrait->rows[sketch->group] == 0)
		appendStringInfoString(&sentence, "no customer of the source is in this segment");
	else if (n == 0)
		appendStringInfoString(&sentence, "close to the average customer in every column");
	appendStringInfoChar(&sentence, '.');
	sketch->sentence = CsWordsCapitalize(sentence.data);
	sketch->used = Min(FIRST_LABELS, sketch->nlabels);
	sketch->ranked = -1;
	pfree(ranking);
}

/* A rank before a superlative; nothing for the first. */
static char *
RankText(int rank)
{
	static const char *const ordinals[] = {
		"", "second ", "third ", "fourth ", "fifth ", "sixth ", "seventh ", "eighth ", "ninth ", "tenth "
	};
	static const char *const endings[] = {"th", "st", "nd", "rd"};
	int			last = rank / 10 % 10 == 1 || rank % 10 > 3 ? 0 : rank % 10;

	if (rank <= lengthof(ordinals))
		return pstrdup(ordinals[rank - 1]);
	return psprintf("%d%s ", rank, endings[last]);
}

/* The name of a segment by the labels that it uses. */
static char *
NameOf(const Sketch *sketch)
{
	StringInfoData name;

	initStringInfo(&name);
	for (int i = 0; i < sketch->used; i++)
	{
		const CsWords *words = &sketch->labels[i].words;

		appendStringInfo(&name, "%s%s%s", i > 0 ? ", " : "",
						 i == sketch->ranked ? RankText(sketch->rank) : "",
						 i == sketch->ranked ? words->superlative : words->label);
	}
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

/* The rank of a group by the means of a column, 1 the highest, or the lowest; noise has none. */
static int
RankOf(const CsPortrait *portrait, int group, int column, bool is_high)
{
	const CsNumberSummary *s = portrait->columns[column].summaries;
	int			rank = 1;

	for (int g = 0; g < portrait->ngroups; g++)
	{
		if (!IsNoise(portrait, g))
			rank += is_high ? s[g].mean > s[group].mean : s[g].mean < s[group].mean;
	}
	return rank;
}

/* Can segments of the same name be ranked by one of its labels, with a rank for each?  OUT ranks. */
static bool
IsRanking(const CsPortrait *portrait, Sketch **same, int n, int label, int *ranks)
{
	const Label *first = &same[0]->labels[label];

	for (int i = 0; i < n; i++)
	{
		const Label *other = &same[i]->labels[label];

		CHECK_FOR_INTERRUPTS();
		if (other->words.superlative == NULL || other->column != first->column ||
			other->words.is_high != first->words.is_high)
			return false;
		ranks[i] = RankOf(portrait, same[i]->group, first->column, first->words.is_high);
		for (int j = 0; j < i; j++)
			if (ranks[j] == ranks[i])
				return false;
	}
	return true;
}

/* Rank segments of the same name by the first label that can do so.  Is there one? */
static bool
RankNames(const CsPortrait *portrait, Sketch **same, int n)
{
	int		   *ranks;

	if (same[0]->ranked >= 0)
		return false;
	ranks = palloc(sizeof(int) * n);
	for (int label = 0; label < same[0]->used; label++)
	{
		if (!IsRanking(portrait, same, n, label, ranks))
			continue;
		for (int i = 0; i < n; i++)
		{
			same[i]->ranked = label;
			same[i]->rank = ranks[i];
			same[i]->name = NameOf(same[i]);
		}
		return true;
	}
	return false;
}

/* Add a label to segments of the same name.  Has one of them had another? */
static bool
ExtendNames(Sketch **same, int n)
{
	bool		extended = false;

	for (int i = 0; i < n; i++)
	{
		if (same[i]->used == same[i]->nlabels)
			continue;
		same[i]->used++;
		same[i]->name = NameOf(same[i]);
		extended = true;
	}
	return extended;
}

/* Make names that are the same differ.  Were there any? */
static bool
Distinguish(const CsPortrait *portrait, Sketch **sorted, int n)
{
	bool		changed = false;

	for (int start = 0, end; start < n; start = end)
	{
		for (end = start + 1; end < n && strcmp(sorted[start]->name, sorted[end]->name) == 0;)
			end++;
		if (end - start == 1)
			continue;
		changed = true;
		if (RankNames(portrait, sorted + start, end - start) ||
			ExtendNames(sorted + start, end - start))
			continue;
		/* the first keeps its name */
		for (int i = end - 1; i > start; i--)
			sorted[i]->name = psprintf("%s %d", sorted[i]->name, i - start + 1);
	}
	return changed;
}

/* Find a name for each segment that is to have one. */
static void
SuggestNames(const CsPortrait *portrait, Sketch *sketches, int n)
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
	while (Distinguish(portrait, sorted, nnames));
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
PutSketch(CsResult *result, const CsPortrait *portrait, const Sketch *sketch, double total)
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
	CsResultPut(result,
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

/* The rows of segment_summary(). */
static void
PutSummaries(CsResult *result, const CsPortrait *portrait, const SummaryOptions *options)
{
	Sketch	   *sketches = palloc0(sizeof(Sketch) * portrait->ngroups);
	List	   *money = CsCatalogTexts(money_sql, CsValues(CsValueText(NameStr(portrait->scorer->model))), true);
	double		total;

	for (int g = 0; g < portrait->ngroups; g++)
	{
		sketches[g].group = g;
		Describe(portrait, options, money, &sketches[g]);
		if (portrait->rows[g] > 0 && !IsNoise(portrait, g))
			sketches[g].name = NameOf(&sketches[g]);
	}
	SuggestNames(portrait, sketches, portrait->ngroups);
	total = TotalValue(portrait);
	for (int g = 0; g < portrait->ngroups; g++)
		PutSketch(result, portrait, &sketches[g], total);
}

/* CsPortraitKind.put */
static void
PutUsual(CsResult *result, const CsPortrait *portrait)
{
	SummaryOptions options;

	CsOptionsParse(summaryOptions, lengthof(summaryOptions), NULL, &options);
	PutSummaries(result, portrait, &options);
}

const CsPortraitKind CsSummaryKind = {
	"segment_summary", {.only_features = true, .levels = LEVELS, .sample = SAMPLE, .seed = 42}, PutUsual
};

/* segment_summary(model, source, value, columns, options, version): one row for each segment */
Datum
custseg_segment_summary(PG_FUNCTION_ARGS)
{
	CsReport	report;
	SummaryOptions options;
	CsPortraitRequest request = CsSummaryKind.request;

	if (!CsReportOpen(&report, fcinfo, SUMMARY_SOURCE, SUMMARY_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, SUMMARY_OPTIONS, summaryOptions, lengthof(summaryOptions), &options);
	request.value = CsTextArgument(fcinfo, SUMMARY_VALUE);
	request.columns = CsArrayArgument(fcinfo, SUMMARY_COLUMNS);
	PutSummaries(report.result, CsPortraitTake(&report, &request), &options);
	return (Datum) 0;
}
