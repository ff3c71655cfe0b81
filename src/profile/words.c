/*
 * words.c
 *	  What sets a segment apart, in words that need no statistics.
 *
 * A difference becomes a phrase in the column's own units and a label for a name.  Columns whose
 * names are known from one shop to the next (recency, frequency, monetary, ...) have words of their
 * own; all others go by their names.  Large ratios are told as "3.2 times", large losses as "64 %
 * less", all else as a difference.
 */
#include "custseg.h"

#include <ctype.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "profile/profile.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

/* Ratios that are told as such. */
#define LARGE_RATIO 1.5
#define SMALL_RATIO (1 / 1.5)

/* Bytes of a level's text that are shown. */
#define MAX_LEVEL_TEXT 40

/*
 * Words for a column.  Each phrase has one %s: the ratio, the difference, the loss in percent, or
 * with "absolute" the segment's mean.  A NULL phrase is told as a difference.
 */
typedef struct Vocabulary
{
	const char *names;			/* as CsWordsName gives them, |in bars| */
	bool		absolute;
	const char *times,
			   *more,
			   *percent_less,
			   *less;
	const char *high,			/* labels */
			   *low;
} Vocabulary;

static const Vocabulary vocabularies[] = {
	{"|recency|recency days|days since last|days since last order|days since last purchase|", true,
		NULL, "has not bought for %s days", NULL, "bought only %s days ago", "lapsed", "recent"},
	{"|frequency|orders|n orders|number of orders|order count|num orders|purchase frequency|invoices|",
		false, "buys %s times as often as the average", "places %s more orders than the average",
		"buys %s less often than the average", "places %s fewer orders than the average", "frequent",
	"occasional"},
	{"|monetary|monetary value|revenue|total revenue|spend|total spend|total spent|spending|", false,
		NULL, "spends %s more than the average", NULL, "spends %s less than the average", "high spend",
	"low spend"},
	{"|average order value|avg order value|aov|average basket|average basket value|", false,
		NULL, "spends %s more per order than the average", NULL,
	"spends %s less per order than the average", "large orders", "small orders"},
	{"|age|", false, NULL, "is %s years older than the average", NULL,
	"is %s years younger than the average", "older", "younger"},
	{"|tenure|tenure days|tenure months|", false, "has been a customer %s times as long as the average",
		"has been a customer %s longer than the average",
		"has been a customer for %s less time than the average",
	"has been a customer %s shorter than the average", "long-standing", "new"}
};

static const Vocabulary ofNumbers = {
	NULL, false, "%s times the average", "%s above the average", "%s below the average",
	"%s below the average", "high", "low"
};

static const Vocabulary ofIntervals = {
	NULL, false, "%s times the average", "%s days longer than the average",
	"%s shorter than the average", "%s days shorter than the average", "long", "short"
};

static const Vocabulary ofTimes = {
	NULL, false, NULL, "%s days later than the average", NULL, "%s days earlier than the average", "late",
	"early"
};

/* See profile.h. */
char *
CsWordsName(const char *column)
{
	StringInfoData name;

	initStringInfo(&name);
	for (const char *c = column; *c != '\0'; c++)
	{
		bool		upper = *c >= 'A' && *c <= 'Z';

		/* camelCase is two words */
		if (upper && c > column && c[-1] >= 'a' && c[-1] <= 'z')
			appendStringInfoChar(&name, ' ');
		if (*c == '_')
			appendStringInfoChar(&name, ' ');
		else
			appendStringInfoChar(&name, upper ? *c - 'A' + 'a' : *c);
	}
	return name.data;
}

/* Mark the thousands of an integer's digits. */
static char *
MarkThousands(const char *digits)
{
	StringInfoData marked;
	const char *first = digits + (*digits == '-');
	int			n = (int) strlen(first);

	initStringInfo(&marked);
	appendBinaryStringInfo(&marked, digits, (int) (first - digits));
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && (n - i) % 3 == 0)
			appendStringInfoChar(&marked, ',');
		appendStringInfoChar(&marked, first[i]);
	}
	return marked.data;
}

/* See profile.h. */
char *
CsWordsNumber(double x)
{
	double		size = fabs(x);
	char	   *digits;

	if (size >= 1e15 || (size < 1e-3 && size > 0))
		return psprintf("%.2e", x);
	if (size >= 99.95)
		return MarkThousands(psprintf("%.0f", x));
	digits = psprintf("%.*f", size >= 9.995 ? 1 : size >= 0.9995 ? 2 : size >= 0.09995 ? 3 :
					  size >= 0.009995 ? 4 : 5, x);
	for (int n = (int) strlen(digits) - 1; n > 0 && (digits[n] == '0' || digits[n] == '.'); n--)
	{
		bool		is_point = digits[n] == '.';

		digits[n] = '\0';
		if (is_point)
			break;
	}
	return digits;
}

/* See profile.h. */
char *
CsWordsCapitalize(char *text)
{
	if (*text >= 'a' && *text <= 'z')
		*text = *text - 'a' + 'A';
	return text;
}

/* A ratio, with fewer digits than a number. */
static char *
RatioText(double ratio)
{
	return ratio < 9.95 ? psprintf("%.1f", ratio) : CsWordsNumber(rint(ratio));
}

/* A number of days, whole ones where they are many. */
static char *
DaysText(double days)
{
	return CsWordsNumber(fabs(days) < 10 ? days : rint(days));
}

/* Days since 1970-01-01 as a date. */
static char *
DateText(double days)
{
	double		julian = floor(days) + UNIX_EPOCH_JDATE;
	int			year,
				month,
				day;

	if (julian < 0 || julian > INT_MAX / 2)
		return CsWordsNumber(days);
	j2date((int) julian, &year, &month, &day);
	return psprintf("%04d-%02d-%02d", year, month, day);
}

/* The vocabulary of a column's name, or NULL. */
static const Vocabulary *
FindVocabulary(const char *name)
{
	char	   *key = psprintf("|%s|", name);

	for (int i = 0; i < lengthof(vocabularies); i++)
	{
		if (strstr(vocabularies[i].names, key) != NULL)
			return &vocabularies[i];
	}
	return NULL;
}

/* Put a text into a phrase's %s, or in front of it where there is none. */
static char *
FillPhrase(const char *phrase, const char *text)
{
	const char *place = strstr(phrase, "%s");

	return psprintf("%.*s%s%s", (int) (place - phrase), phrase, text, place + 2);
}

/* How a number in the group compares with everyone's, but for the column's name. */
static char *
ComparePhrase(const Vocabulary *v, double mean, double overall)
{
	double		ratio = overall > 0 && mean >= 0 ? mean / overall : NAN;

	if (v->absolute)
		return FillPhrase(mean > overall ? v->more : v->less, DaysText(mean));
	if (ratio >= LARGE_RATIO && v->times != NULL)
		return FillPhrase(v->times, RatioText(ratio));
	if (ratio <= SMALL_RATIO && v->percent_less != NULL)
		return FillPhrase(v->percent_less, psprintf("%.0f %%", 100 * (1 - ratio)));
	return FillPhrase(mean > overall ? v->more : v->less, CsWordsNumber(fabs(mean - overall)));
}

/* Words for a number. */
static CsWords
NumberWords(const CsPortraitColumn *c, int group, int all)
{
	const char *name = CsWordsName(NameStr(c->column.name));
	double		mean = c->summaries[group].mean,
				overall = c->summaries[all].mean;
	bool		is_time = c->column.converter.kind == CS_TIME;
	bool		is_date = is_time && c->column.converter.type != INTERVALOID;
	const Vocabulary *known = is_time ? NULL : FindVocabulary(name);
	const Vocabulary *v = known != NULL ? known : is_date ? &ofTimes : is_time ? &ofIntervals :
		&ofNumbers;
	const char *label = mean > overall ? v->high : v->low;
	char	   *phrase = ComparePhrase(v, mean, overall);
	CsWords		words;

	if (known == NULL)
		phrase = psprintf("%s %s", name, phrase);
	if (v->absolute)
		words.phrase = psprintf("%s (%s on average)", phrase, DaysText(overall));
	else
		words.phrase = psprintf("%s (%s against %s)", phrase,
								is_date ? DateText(mean) : CsWordsNumber(mean),
								is_date ? DateText(overall) : CsWordsNumber(overall));
	words.label = known != NULL ? pstrdup(label) : psprintf("%s %s", label, name);
	return words;
}

/* A share in percent; small ones keep a digit. */
static char *
PercentText(double share)
{
	return psprintf("%.*f %%", share > 0 && share < 0.0095 ? 1 : 0, 100 * share);
}

/* Words for a number that is 0 or 1. */
static CsWords
FlagWords(const char *column, double share, double overall)
{
	const char *name = CsWordsName(column);
	CsWords		words;

	if (strncmp(name, "is ", 3) == 0 && name[3] != '\0')
		name += 3;
	words.phrase = psprintf("%s %s (%s of all)", PercentText(share), name, PercentText(overall));
	words.label = share > overall ? pstrdup(name) : psprintf("not %s", name);
	return words;
}

/*
 * The level to speak of.  That a level is rare says less than which one is common; so of those that
 * are more frequent than in everyone the most telling one is taken, if it tells at least half as
 * much.
 */
static int
ChooseLevel(const CsPortrait *portrait, int group, const CsDefining *defining)
{
	const CsPortraitColumn *c = &portrait->columns[defining->column];
	int			best = defining->level;
	double		least = fabs(defining->difference) / 2;

	for (int i = 0; i < c->nlevels && defining->difference < 0; i++)
	{
		double		difference = CsPortraitDifference(portrait, defining->column, i, group);

		if (!c->levels[i].is_other && difference > least)
		{
			least = difference;
			best = i;
		}
	}
	return best;
}

/* Words for the level of a category. */
static CsWords
LevelWords(const char *column, const CsPortraitLevel *level, double share, double overall)
{
	const char *name = CsWordsName(column);
	const char *text = level->text == NULL ? "unknown" : level->text;
	int			length = (int) strlen(text);
	int			shown = pg_mbcliplen(text, length, MAX_LEVEL_TEXT);
	const char *how = share < overall ? (share == 0 ? "never" : "rarely") :
		share == 1 ? "always" : share > 0.5 ? "mostly" : "more often";
	CsWords		words;

	text = shown < length ? psprintf("%.*s...", shown, text) : text;
	words.phrase = psprintf("%s %s %s (%s against %s)", name, how, text, PercentText(share),
							PercentText(overall));
	words.label = psprintf(share < overall ? "%s not %s" : "%s %s", name, text);
	return words;
}

/* Are all values 0 or 1?  Then, and only then, the variance is the largest that a mean allows. */
static bool
IsFlag(const CsPortraitColumn *c, const CsNumberSummary *all)
{
	return c->column.converter.kind == CS_BOOLEAN ||
		(c->column.converter.kind == CS_NUMERIC && all->minimum == 0 && all->maximum == 1 &&
		 fabs(all->sd * all->sd - all->mean * (1 - all->mean)) < 1e-12);
}

/* See profile.h. */
CsWords
CsWordsOf(const CsPortrait *portrait, int group, const CsDefining *defining)
{
	const CsPortraitColumn *c = &portrait->columns[defining->column];
	const char *name = NameStr(c->column.name);
	int			all = portrait->ngroups;

	if (defining->level >= 0)
	{
		const CsPortraitLevel *level = &c->levels[ChooseLevel(portrait, group, defining)];

		return LevelWords(name, level,
						  CsPortraitShare(level->rows[group], portrait->rows[group]),
						  CsPortraitShare(level->rows[all], portrait->rows[all]));
	}
	if (IsFlag(c, &c->summaries[all]))
		return FlagWords(name, c->summaries[group].mean, c->summaries[all].mean);
	return NumberWords(c, group, all);
}
