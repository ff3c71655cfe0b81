/*
 * words.c
 *	  What sets a segment apart, in words that need no statistics.
 *
 * A difference becomes a phrase in the column's own units and a label for a name.  Which words a
 * column has is in vocabulary.c.  Large ratios are told as "3.2 times", large losses as "64 % less",
 * all else as a difference; what is yes or no, by its share.
 */
#include "custseg.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "profile/words.h"

/* Ratios that are described as such. */
#define LARGE_RATIO 1.5
#define SMALL_RATIO (1 / 1.5)

/* A share of a segment's customers that stands for it. */
#define COMMON_LEVEL 0.1

/* A share that is told as "nearly always". */
#define NEARLY_ALL 0.95

/* A ratio, with fewer digits than a number. */
static char *
RatioText(double ratio)
{
	return ratio < 9.95 ? psprintf("%.1f", ratio) : CsWordsNumber(rint(ratio));
}

/* A number; of days or years whole ones where they are many. */
static char *
NumberText(const CsVocabulary *v, double x)
{
	return CsWordsNumber(v->whole && fabs(x) >= 10 ? rint(x) : x);
}

/* A number with the currency that it is in, if it is money; palloc'd. */
static char *
InCurrency(char *number, const char *currency)
{
	return currency == NULL ? number : psprintf("%s %s", number, currency);
}

/* Days since 1970-01-01 as a date. */
static char *
DateText(double days)
{
	char	   *date = CsDateWords(days);

	return date != NULL ? date : CsWordsNumber(days);
}

/* A value beside another one, with the digits that tell them apart. */
static char *
ValueText(const CsVocabulary *v, double x, double other)
{
	char	   *text = v->is_time ? DateText(x) : CsWordsNumber(x);

	if (v->is_year)
		return psprintf("%.0f", x); /* without a mark for thousands */
	if (!v->is_time && strcmp(text, CsWordsNumber(other)) == 0)
		text = psprintf("%.6g", x);
	return text;
}

/* A phrase or a label with the column's name and a figure in their places; palloc'd. */
static char *
Fill(const char *phrase, const char *name, const char *figure)
{
	StringInfoData filled;

	initStringInfo(&filled);
	for (const char *c = phrase; *c != '\0';)
	{
		if (strncmp(c, "{name}", 6) == 0)
		{
			appendStringInfoString(&filled, name);
			c += 6;
		}
		else if (strncmp(c, "{x}", 3) == 0)
		{
			appendStringInfoString(&filled, figure);
			c += 3;
		}
		else
			appendStringInfoChar(&filled, *c++);
	}
	return filled.data;
}

/* The phrase for a column whose values are all 0 in the group. */
static const char *
NoneOf(const CsVocabulary *v)
{
	return v->none != NULL ? v->none : "{name} always 0";
}

/*
 * How a number in the group compares with that of everyone.  There is a ratio only of numbers that
 * are never negative.
 */
static char *
ComparePhrase(const CsVocabulary *v, const char *name, double mean, const CsNumberSummary *all, const char *currency)
{
	double		overall = all->mean;
	double		ratio = overall > 0 && all->minimum >= 0 ? mean / overall : NAN;
	const char *phrase = mean > overall ? v->more : v->less;

	if (v->absolute)
		return Fill(phrase, name, InCurrency(NumberText(v, mean), currency));
	if (ratio == 0 && (v->none != NULL || v->percent_less != NULL))
		return Fill(NoneOf(v), name, "");
	if (v->percent)
		return Fill(phrase, name, CsWordsPercent(mean));
	if (ratio >= LARGE_RATIO && v->times != NULL)
		return Fill(v->times, name, RatioText(ratio));
	if (ratio <= SMALL_RATIO && v->percent_less != NULL)
		return Fill(v->percent_less, name, CsWordsPercent(1 - ratio));
	return Fill(phrase, name, InCurrency(NumberText(v, fabs(mean - overall)), currency));
}

/* A name without the unit in parentheses at its end. */
static const char *
WithoutUnit(const char *name)
{
	const char *unit = strrchr(name, '(');

	if (unit == NULL || unit == name || unit[-1] != ' ' || name[strlen(name) - 1] != ')')
		return name;
	return pnstrdup(name, unit - 1 - name);
}

/* Words for a number, with its currency if it is money. */
static CsWords
NumberWords(const CsPortraitColumn *c, int group, int all, const char *currency)
{
	const char *name = CsWordsName(NameStr(c->column.name));
	double		mean = c->summaries[group].mean,
				overall = c->summaries[all].mean;
	const CsVocabulary *v = CsVocabularyOf(&c->column.converter, &c->summaries[all], &name);
	bool		is_high = mean > overall;
	char	   *phrase = ComparePhrase(v, name, mean, &c->summaries[all], currency);
	const char *noun = WithoutUnit(name);
	CsWords		words;

	if (v->absolute || v->percent)
		words.phrase = psprintf("%s (%s on average)", phrase,
								v->percent ? CsWordsPercent(overall) : InCurrency(NumberText(v, overall), currency));
	else
		words.phrase = psprintf("%s (%s%s against %s)", phrase,
								v->measure == NULL ? "" : v->measure,
								InCurrency(ValueText(v, mean, overall), currency),
								InCurrency(ValueText(v, overall, mean), currency));
	words.label = Fill(is_high ? v->high : v->low, noun, "");
	words.superlative = Fill(is_high ? v->highest : v->lowest, noun, "");
	words.is_high = is_high;
	return words;
}

/*
 * What one customer does or is whose value of a column of numbers is x, as "has placed 31 orders"; NULL
 * where there are no words for it.  *is_share: it is told in percent.
 */
char *
CsWordsOfValue(const char *column, double x, const CsNumberSummary *all, bool *is_share)
{
	const CsConverter number = {.kind = CS_NUMERIC};
	const char *name = CsWordsName(column);
	const CsVocabulary *v = CsVocabularyOf(&number, all, &name);
	const char *own = v->percent && v->names != NULL ? v->more : v->own;

	*is_share = false;
	if (own == NULL || !(x >= 0) || !(all->minimum >= 0) || (v->percent && x > 1))
		return NULL;
	if (v->counted && (x != rint(x) || all->maximum <= 1 || all->maximum != rint(all->maximum)))
		return NULL;
	if (x == 0 && v->none == NULL && !v->percent)
		return NULL;
	*is_share = v->percent;
	if (x == 0 && v->none != NULL)
		return pstrdup(v->none);
	if (x == 1 && v->own_one != NULL)
		return pstrdup(v->own_one);
	return Fill(own, name, v->percent ? CsWordsPercent(x) : NumberText(v, x));
}

/* What a label says before something that a share of the customers is. */
static const char *
Qualifier(double share, double overall, const char *no)
{
	if (share < overall)
		return share < COMMON_LEVEL ? no : "less often ";
	return share > 0.5 ? "" : share >= COMMON_LEVEL ? "often " : "more often ";
}

/* Words for what a share of the customers has, "with" it, or is. */
static CsWords
ShareWords(const char *name, bool with, double share, double overall)
{
	CsWords		words = {.superlative = NULL};

	words.phrase = psprintf("%s %s%s (%s of all)", CsWordsPercent(share), with ? "with " : "", name,
							CsWordsPercent(overall));
	words.label = psprintf("%s%s", Qualifier(share, overall, with ? "no " : "not "), name);
	return words;
}

/* Words for a number that is 0 or 1. */
static CsWords
FlagWords(const char *column, double share, double overall)
{
	const char *name = CsWordsName(column);
	bool		has = strncmp(name, "has ", 4) == 0 && name[4] != '\0';

	if (has)
		name += 4;
	else if (strncmp(name, "is ", 3) == 0 && name[3] != '\0')
		name += 3;
	return ShareWords(name, has, share, overall);
}

/*
 * The level to speak of.  That a level is rare in the segment says less than which one is common,
 * and few customers do not stand for it, however unusual they are; so in those cases the level that
 * most of its customers have is taken, of those that tell at least half as much.
 */
static int
ChooseLevel(const CsPortrait *portrait, int group, const CsDefining *defining)
{
	const CsPortraitColumn *c = &portrait->columns[defining->column];
	int64		rows = portrait->rows[group];
	int			best = defining->level;
	double		largest = COMMON_LEVEL;

	if (defining->difference > 0 &&
		CsPortraitShare(c->levels[best].rows[group], rows) >= COMMON_LEVEL)
		return best;
	for (int i = 0; i < c->nlevels; i++)
	{
		double		share = CsPortraitShare(c->levels[i].rows[group], rows);
		double		difference = CsPortraitDifference(portrait, defining->column, i, group);

		if (!c->levels[i].is_other && share > largest &&
			difference > fabs(defining->difference) / 2)
		{
			largest = share;
			best = i;
		}
	}
	return best;
}

/* 1: a level says yes, -1: no, 0: neither. */
static int
Polarity(const char *text)
{
	static const char *const yes[] = {"yes", "y", "true", "t"};
	static const char *const no[] = {"no", "n", "false", "f", "none"};

	for (int i = 0; text != NULL && i < lengthof(yes); i++)
		if (pg_strcasecmp(text, yes[i]) == 0)
			return 1;
	for (int i = 0; text != NULL && i < lengthof(no); i++)
		if (pg_strcasecmp(text, no[i]) == 0)
			return -1;
	return 0;
}

/* The level with which customers have what the column names; -1: there is no one such level. */
static int
FindYes(const CsPortraitColumn *c)
{
	int			yes = -1;

	for (int i = 0; i < c->nlevels; i++)
	{
		const char *text = c->levels[i].text;
		int			polarity = Polarity(text);

		if (polarity > 0 && yes < 0)
			yes = i;
		else if (polarity >= 0 && (text == NULL || pg_strncasecmp(text, "no ", 3) != 0))
			return -1;
	}
	return yes;
}

/* Is a level the only one of its column that denies, and all others say what there is? */
static bool
IsOnlyNo(const CsPortraitColumn *c, int level)
{
	for (int i = 0; i < c->nlevels; i++)
	{
		const char *text = c->levels[i].text;

		if (i != level &&
			(text == NULL || Polarity(text) != 0 || pg_strncasecmp(text, "no ", 3) == 0))
			return false;
	}
	return Polarity(c->levels[level].text) < 0;
}

/* How often a level, or a value, occurs. */
static const char *
HowOften(double share, double overall)
{
	if (share < overall)
		return share == 0 ? "never" : share < COMMON_LEVEL ? "rarely" : "less often";
	return share == 1 ? "always" : share >= NEARLY_ALL ? "nearly always" : share > 0.5 ? "mostly" :
		"more often";
}

/* Words for a level of a category, or one of the two values of a number. */
static CsWords
LevelWords(const char *name, const char *text, double share, double overall)
{
	bool		denies = Polarity(text) < 0;
	CsWords		words = {.superlative = NULL};

	words.phrase = psprintf("%s %s %s (%s against %s)", name, HowOften(share, overall), text,
							CsWordsPercent(share), CsWordsPercent(overall));
	if (denies && share >= overall)
		words.label = psprintf("%sno %s", Qualifier(share, overall, ""), name);
	else
		words.label = psprintf("%s %s%s", name,
							   Qualifier(share, overall, denies ? "rarely " : "not "), text);
	return words;
}

/* Words for a category, by the level that is chosen. */
static CsWords
CategoryWords(const CsPortrait *portrait, const CsPortraitColumn *c, int group, int level)
{
	const char *name = CsWordsName(NameStr(c->column.name));
	int			all = portrait->ngroups;
	int			yes = FindYes(c);
	const CsPortraitLevel *chosen = &c->levels[yes >= 0 && c->nlevels == 2 ? yes : level];
	double		share = CsPortraitShare(chosen->rows[group], portrait->rows[group]);
	double		overall = CsPortraitShare(chosen->rows[all], portrait->rows[all]);

	if (yes >= 0 && chosen == &c->levels[yes])
		return ShareWords(name, true, share, overall);
	if (share < overall && IsOnlyNo(c, level))
		return ShareWords(name, true, 1 - share, 1 - overall);
	return LevelWords(name, chosen->text == NULL ? "unknown" : CsWordsText(chosen->text), share,
					  overall);
}

/*
 * Are there only two values, 1 apart?  The variance is the largest that the mean allows only then.
 */
static bool
HasTwoValues(const CsNumberSummary *all)
{
	double		high = all->mean - all->minimum;

	return all->maximum - all->minimum == 1 && rint(all->minimum) == all->minimum &&
		fabs(all->sd * all->sd - high * (1 - high)) < 1e-12;
}

/* Words for a number that has two values, such as a code: the one that is more frequent than usual. */
static CsWords
TwoValueWords(const char *column, double mean, const CsNumberSummary *all)
{
	double		high = mean - all->minimum,
				overall = all->mean - all->minimum;
	bool		is_high = high > overall;

	return LevelWords(CsWordsName(column), CsWordsNumber(is_high ? all->maximum : all->minimum),
					  is_high ? high : 1 - high, is_high ? overall : 1 - overall);
}

/*
 * What sets a group apart, in words; the texts are palloc'd.  A number that is money is told with its
 * currency, NULL: it is none, or nobody has said in which it is.
 */
CsWords
CsWordsOf(const CsPortrait *portrait, int group, const CsDefining *defining, const char *currency)
{
	const CsPortraitColumn *c = &portrait->columns[defining->column];
	const char *name = NameStr(c->column.name);
	const char *words = CsWordsName(name);
	const CsVocabulary *v;
	int			all = portrait->ngroups;

	if (defining->level >= 0)
		return CategoryWords(portrait, c, group, ChooseLevel(portrait, group, defining));
	v = CsVocabularyOf(&c->column.converter, &c->summaries[all], &words);
	if (v->names != NULL || v->percent || v->is_time || !HasTwoValues(&c->summaries[all]))
		return NumberWords(c, group, all, currency);
	if (c->summaries[all].minimum == 0)
		return FlagWords(name, c->summaries[group].mean, c->summaries[all].mean);
	return TwoValueWords(name, c->summaries[group].mean, &c->summaries[all]);
}
