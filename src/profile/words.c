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

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "profile/profile.h"
#include "utils/datetime.h"

/* Ratios that are described as such. */
#define LARGE_RATIO 1.5
#define SMALL_RATIO (1 / 1.5)

/* A share of a segment's customers that stands for it. */
#define COMMON_LEVEL 0.1

/* Bytes of a level's text that are shown. */
#define MAX_LEVEL_TEXT 40

/*
 * Words for a column.  A phrase can have one %s: the ratio, the difference, the loss in percent, or
 * with "absolute" the segment's mean.  A column without a phrase is described by its difference.
 */
typedef struct Vocabulary
{
	const char *names;			/* as CsWordsName gives them, |in bars| */
	bool		absolute;
	bool		whole;			/* numbers from 10 on need no decimals */
	const char *times,
			   *more,
			   *percent_less,
			   *less;
	const char *high,			/* labels */
			   *low;
} Vocabulary;

static const Vocabulary vocabularies[] = {
	{
		.names = "|recency|recency days|days since last|days since last order|days since last purchase|",
		.absolute = true,
		.whole = true,
		.more = "has not bought for %s days",
		.less = "bought only %s days ago",
		.high = "lapsed",
		.low = "recent"
	},
	{
		.names = "|frequency|orders|n orders|number of orders|order count|num orders|invoices|",
		.times = "buys %s times as often as the average",
		.more = "places %s more orders than the average",
		.percent_less = "buys %s less often than the average",
		.less = "places %s fewer orders than the average",
		.high = "frequent",
		.low = "occasional"
	},
	{
		.names = "|monetary|monetary value|revenue|total revenue|spend|total spend|total spent|spending|",
		.more = "spends %s more than the average",
		.less = "spends %s less than the average",
		.high = "high spend",
		.low = "low spend"
	},
	{
		.names = "|average order value|average order|avg order value|aov|average basket|average basket value|",
		.more = "spends %s more per order than the average",
		.less = "spends %s less per order than the average",
		.high = "large orders",
		.low = "small orders"
	},
	{
		.names = "|age|",
		.whole = true,
		.more = "is %s years older than the average",
		.less = "is %s years younger than the average",
		.high = "older",
		.low = "younger"
	},
	{
		.names = "|tenure|tenure days|tenure months|",
		.times = "has been a customer %s times as long as the average",
		.more = "has been a customer for longer than the average",
		.percent_less = "has been a customer for %s less time than the average",
		.less = "has been a customer for less time than the average",
		.high = "long-standing",
		.low = "new"
	}
};

static const Vocabulary ofNumbers = {
	.times = "%s times the average",
	.more = "%s above the average",
	.percent_less = "%s below the average",
	.less = "%s below the average",
	.high = "high",
	.low = "low"
};

static const Vocabulary ofIntervals = {
	.whole = true,
	.times = "%s times the average",
	.more = "%s days longer than the average",
	.percent_less = "%s shorter than the average",
	.less = "%s days shorter than the average",
	.high = "long",
	.low = "short"
};

static const Vocabulary ofTimes = {
	.whole = true,
	.more = "%s days later than the average",
	.less = "%s days earlier than the average",
	.high = "late",
	.low = "early"
};

static const Vocabulary ofYears = {
	.whole = true,
	.more = "%s years later than the average",
	.less = "%s years earlier than the average",
	.high = "late",
	.low = "early"
};

/* A control character, such as a line end or a tab, in any encoding. */
static bool
IsControl(char c)
{
	return (unsigned char) c < ' ' || c == 0x7f;
}

/* A column's name as people write it; palloc'd. */
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
		if (*c == '_' || IsControl(*c))
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

/* A number with few digits and with marks between thousands; palloc'd. */
char *
CsWordsNumber(double x)
{
	double		size = fabs(x);
	char	   *digits;

	if (size == 0)
		return pstrdup("0");	/* and no -0 */
	if (size >= 1e15 || size < 1e-3)
		return psprintf("%.2e", x);
	if (size >= 99.5)
		return MarkThousands(psprintf("%.0f", x));
	digits = psprintf("%.*f", size >= 0.995 ? 1 : size >= 0.0995 ? 2 : size >= 0.00995 ? 3 : 4, x);
	for (int n = (int) strlen(digits) - 1; n > 0 && (digits[n] == '0' || digits[n] == '.'); n--)
	{
		bool		is_point = digits[n] == '.';

		digits[n] = '\0';
		if (is_point)
			break;
	}
	return digits;
}

/* Make the first letter a capital, in place.  Returns the text. */
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

/* A number; of days or years whole ones where they are many. */
static char *
NumberText(const Vocabulary *v, double x)
{
	return CsWordsNumber(v->whole && fabs(x) >= 10 ? rint(x) : x);
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

/* A value beside another one, with the digits that tell them apart. */
static char *
ValueText(const Vocabulary *v, double x, double other)
{
	char	   *text = v == &ofTimes ? DateText(x) : CsWordsNumber(x);

	if (v == &ofYears)
		return psprintf("%.0f", x); /* without a mark for thousands */
	if (v != &ofTimes && strcmp(text, CsWordsNumber(other)) == 0)
		text = psprintf("%.6g", x);
	return text;
}

/* The vocabulary of a column's name, or NULL. */
static const Vocabulary *
FindVocabulary(const char *name)
{
	const char *key = psprintf("|%s|", name);

	for (int i = 0; i < lengthof(vocabularies); i++)
	{
		if (strstr(vocabularies[i].names, key) != NULL)
			return &vocabularies[i];
	}
	return NULL;
}

/* Put a text into a phrase's %s, if it has one. */
static char *
FillPhrase(const char *phrase, const char *text)
{
	const char *place = strstr(phrase, "%s");

	if (place == NULL)
		return pstrdup(phrase);
	return psprintf("%.*s%s%s", (int) (place - phrase), phrase, text, place + 2);
}

/* How a number in the group compares with that of everyone, without the column's name. */
static char *
ComparePhrase(const Vocabulary *v, double mean, double overall)
{
	double		ratio = overall > 0 && mean >= 0 ? mean / overall : NAN;

	if (v->absolute)
		return FillPhrase(mean > overall ? v->more : v->less, NumberText(v, mean));
	if (ratio >= LARGE_RATIO && v->times != NULL)
		return FillPhrase(v->times, RatioText(ratio));
	if (ratio <= SMALL_RATIO && v->percent_less != NULL)
		return FillPhrase(v->percent_less, psprintf("%.0f %%", 100 * (1 - ratio)));
	return FillPhrase(mean > overall ? v->more : v->less, NumberText(v, fabs(mean - overall)));
}

/* The vocabulary of a column whose name is not known. */
static const Vocabulary *
VocabularyOf(const CsPortraitColumn *c, const char *name, double overall)
{
	if (c->column.converter.kind == CS_TIME)
		return c->column.converter.type == INTERVALOID ? &ofIntervals : &ofTimes;
	if (strstr(name, "year") != NULL && overall >= 1000 && overall < 10000)
		return &ofYears;
	return &ofNumbers;
}

/* A name without what only says that the column is a count. */
static const char *
WithoutCount(const char *name)
{
	static const char *const prefixes[] = {"number of ", "num ", "no of ", "nb ", "n "};

	for (int i = 0; i < lengthof(prefixes); i++)
	{
		Size		length = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], length) == 0 && name[length] != '\0')
			return name + length;
	}
	return name;
}

/* Words for a number. */
static CsWords
NumberWords(const CsPortraitColumn *c, int group, int all)
{
	const char *name = CsWordsName(NameStr(c->column.name));
	double		mean = c->summaries[group].mean,
				overall = c->summaries[all].mean;
	const Vocabulary *known = c->column.converter.kind == CS_TIME ? NULL : FindVocabulary(name);
	const Vocabulary *v = known != NULL ? known : VocabularyOf(c, name, overall);
	const char *label = mean > overall ? v->high : v->low;
	char	   *phrase = ComparePhrase(v, mean, overall);
	CsWords		words;

	if (known == NULL)
	{
		name = WithoutCount(name);
		phrase = psprintf("%s %s", name, phrase);
	}
	if (v->absolute)
		words.phrase = psprintf("%s (%s on average)", phrase, NumberText(v, overall));
	else
		words.phrase = psprintf("%s (%s against %s)", phrase, ValueText(v, mean, overall),
								ValueText(v, overall, mean));
	words.label = known != NULL ? pstrdup(label) : psprintf("%s %s", label, name);
	return words;
}

/* A share in percent; small ones keep a digit. */
static char *
PercentText(double share)
{
	return psprintf("%.*f %%", share > 0 && share < 0.0095 ? 1 : 0, 100 * share);
}

/* What a label says before something that a share of the customers is. */
static const char *
Qualifier(double share, double overall)
{
	if (share < overall)
		return share < COMMON_LEVEL ? "not " : "less often ";
	return share > 0.5 ? "" : share >= COMMON_LEVEL ? "often " : "more often ";
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
	words.label = psprintf("%s%s", Qualifier(share, overall), name);
	return words;
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

/* A level's text as it is shown: short, and on one line. */
static char *
ShortText(const char *text)
{
	int			length = (int) strlen(text);
	int			shown = pg_mbcliplen(text, length, MAX_LEVEL_TEXT);
	char	   *result = psprintf("%.*s%s", shown, text, shown < length ? "..." : "");

	for (char *c = result; *c != '\0'; c++)
	{
		if (IsControl(*c))
			*c = ' ';
	}
	return result;
}

/* Words for the level of a category. */
static CsWords
LevelWords(const char *column, const CsPortraitLevel *level, double share, double overall)
{
	const char *name = CsWordsName(column);
	const char *text = level->text == NULL ? "unknown" : ShortText(level->text);
	const char *how = share < overall ?
		(share == 0 ? "never" : share < COMMON_LEVEL ? "rarely" : "less often") :
		share == 1 ? "always" : share > 0.5 ? "mostly" : "more often";
	CsWords		words;

	words.phrase = psprintf("%s %s %s (%s against %s)", name, how, text, PercentText(share),
							PercentText(overall));
	words.label = psprintf("%s %s%s", name, Qualifier(share, overall), text);
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

/* What sets a group apart, in words; the texts are palloc'd. */
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
