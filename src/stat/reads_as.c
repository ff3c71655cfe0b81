/*
 * reads_as.c
 *	  What a text reads as: a number, an amount of money, a date, a word for a missing value, or none of these.
 *
 * The same for every session: neither DateStyle nor a locale has a say, so a date may have its day or its
 * month first.  A number that begins with a zero it does not need, as 01234 does, is a code and no number.
 */
#include "custseg.h"

#include <math.h>

#include "stat/suitability.h"

/* The ends of a text without its outer blanks. */
typedef struct Span
{
	const char *at,
			   *end;
} Span;

static bool
IsBlank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
IsLetter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static Span
Trim(const char *at, const char *end)
{
	while (at < end && IsBlank(*at))
		at++;
	while (end > at && IsBlank(end[-1]))
		end--;
	return (Span) {at, end};
}

/* Skip digits; how many there were. */
static int
SkipDigits(Span *s)
{
	const char *from = s->at;

	while (s->at < s->end && IsDigit(*s->at))
		s->at++;
	return (int) (s->at - from);
}

static bool
SkipOne(Span *s, const char *any)
{
	if (s->at == s->end || strchr(any, *s->at) == NULL)
		return false;
	s->at++;
	return true;
}

/* Is all of it a number as a cast takes it? */
static bool
IsNumber(Span s, bool *whole)
{
	const char *first;
	int			before,
				after = 0;

	(void) SkipOne(&s, "+-");
	first = s.at;
	before = SkipDigits(&s);
	if (before > 1 && *first == '0')
		return false;
	if (SkipOne(&s, "."))
	{
		after = SkipDigits(&s);
		*whole = false;
	}
	if (before + after == 0)
		return false;
	if (SkipOne(&s, "eE"))
	{
		*whole = false;
		(void) SkipOne(&s, "+-");
		if (SkipDigits(&s) == 0)
			return false;
	}
	return s.at == s.end;
}

/* Skip digits in groups of three, separated by "separator"; false unless that is what is there. */
static bool
SkipGroups(Span *s, char separator)
{
	int			n = SkipDigits(s);
	bool		grouped = false;

	if (n < 1 || n > 3)
		return false;
	while (s->end - s->at > 3 && *s->at == separator && IsDigit(s->at[1]) && IsDigit(s->at[2]) &&
		   IsDigit(s->at[3]))
	{
		s->at += 4;
		grouped = true;
	}
	return grouped;
}

/* Is it a number with or without separators of thousands, after "1,234.50" or "1.234,50"?  *plain: without. */
static bool
IsGrouped(Span s, char thousands, char decimal, bool *plain)
{
	Span		groups = s;

	*plain = !SkipGroups(&groups, thousands);
	if (*plain && SkipDigits(&s) == 0)
		return false;
	if (!*plain)
		s = groups;
	if (s.at < s.end && *s.at == decimal)
	{
		s.at++;
		if (SkipDigits(&s) == 0)
			return false;
		*plain &= decimal == '.';
	}
	return s.at == s.end;
}

/* Skip a sign of a currency, or its code of three capitals; false when there is none. */
static bool
SkipCurrency(Span *s)
{
	static const char *const signs[] = {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "\xe2\x82\xb9", "EUR", "USD",
	"GBP", "CHF", "JPY", "INR", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "BRL", "CNY"};

	for (int i = 0; i < lengthof(signs); i++)
	{
		int			length = (int) strlen(signs[i]);

		if (s->end - s->at >= length && memcmp(s->at, signs[i], length) == 0)
		{
			*s = Trim(s->at + length, s->end);
			return true;
		}
		if (s->end - s->at > length && memcmp(s->end - length, signs[i], length) == 0)
		{
			*s = Trim(s->at, s->end - length);
			return true;
		}
	}
	return false;
}

/* Is it a number as people write amounts? */
static bool
IsAmount(Span s)
{
	bool		has_sign;
	bool		plain;

	if (s.end - s.at > 2 && *s.at == '(' && s.end[-1] == ')')
		s = Trim(s.at + 1, s.end - 1);
	(void) SkipOne(&s, "+-");
	s = Trim(s.at, s.end);
	has_sign = SkipCurrency(&s);
	if (!has_sign && s.end - s.at > 1 && s.end[-1] == '%')
	{
		has_sign = true;
		s = Trim(s.at, s.end - 1);
	}
	(void) SkipOne(&s, "+-");
	return (IsGrouped(s, ',', '.', &plain) && (has_sign || !plain)) ||
		(IsGrouped(s, '.', ',', &plain) && (has_sign || !plain));
}

/* The month whose English name starts a text, and how long the name is; 0: none. */
static int
MonthAt(const Span *s, int *length)
{
	static const char *const months[] = {"january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december"};

	for (*length = 0; s->at + *length < s->end && IsLetter(s->at[*length]);)
		(*length)++;
	for (int m = 0; m < lengthof(months) && *length >= 3; m++)
		if (*length <= (int) strlen(months[m]) && pg_strncasecmp(s->at, months[m], *length) == 0)
			return m + 1;
	return 0;
}

/* Three parts of a date, in the order in which they are written. */
typedef struct DateParts
{
	int			part[3];
	int			digits[3];		/* 0: the name of a month */
} DateParts;

/* Read the parts, which "-", "/", "." or blanks separate; false unless there are three. */
static bool
ReadDateParts(Span *s, DateParts *d)
{
	char		separator = '\0';

	for (int i = 0; i < 3; i++)
	{
		const char *from;
		int			length;

		if (i > 0)
		{
			if (s->at == s->end || strchr("-/. ,", *s->at) == NULL ||
				(separator != '\0' && *s->at != separator && strchr(" ,.", *s->at) == NULL))
				return false;
			separator = *s->at;
			while (s->at < s->end && (*s->at == separator || *s->at == ' '))
				s->at++;
		}
		from = s->at;
		d->digits[i] = SkipDigits(s);
		if (d->digits[i] > 4)
			return false;
		d->part[i] = 0;
		for (int j = 0; j < d->digits[i]; j++)
			d->part[i] = d->part[i] * 10 + (from[j] - '0');
		if (d->digits[i] == 0)
		{
			d->part[i] = MonthAt(s, &length);
			if (d->part[i] == 0)
				return false;
			s->at += length;
		}
	}
	return true;
}

static bool
IsDayOfMonth(int day, int month)
{
	return day >= 1 && day <= 31 && month >= 1 && month <= 12;
}

/* Do the parts make a date, whichever of the usual orders they are in? */
static bool
IsDateOfParts(const DateParts *d)
{
	const int  *p = d->part;
	bool		has_name = d->digits[0] == 0 || d->digits[1] == 0;

	if (d->digits[0] == 4)
		return d->digits[2] <= 2 && IsDayOfMonth(p[2], p[1]);
	if (d->digits[0] > 2 || d->digits[1] > 2 || (d->digits[2] != 2 && d->digits[2] != 4))
		return false;
	if (has_name)
		return d->digits[0] == 0 ? IsDayOfMonth(p[1], p[0]) : IsDayOfMonth(p[0], p[1]);
	return IsDayOfMonth(p[0], p[1]) || IsDayOfMonth(p[1], p[0]);
}

/* Is it a date, with or without a time of day after it? */
static bool
IsDate(Span s)
{
	DateParts	parts;

	if (!ReadDateParts(&s, &parts) || !IsDateOfParts(&parts))
		return false;
	if (s.at == s.end)
		return true;
	if (!SkipOne(&s, "T ,"))
		return false;
	s = Trim(s.at, s.end);
	if (SkipDigits(&s) == 0 || !SkipOne(&s, ":"))
		return false;
	while (s.at < s.end)
	{
		if (!IsDigit(*s.at) && strchr(":.+- ZzAaPpMmUTC", *s.at) == NULL)
			return false;
		s.at++;
	}
	return true;
}

/* Is it a word that people write where a value is missing?  Blank text is one. */
bool
CsMeansMissing(const char *text)
{
	static const char *const words[] = {"unknown", "n/a", "#n/a", "null", "(null)", "<null>", "\\n", "nan", "?",
	"missing", "(missing)", "not available", "not known", "undefined", "unspecified"};
	Span		s = Trim(text, text + strlen(text));
	int			length = (int) (s.end - s.at);

	if (length == 0)
		return true;
	for (int i = 0; i < lengthof(words); i++)
		if ((int) strlen(words[i]) == length && pg_strncasecmp(s.at, words[i], length) == 0)
			return true;
	return false;
}

/* What a text reads as.  *whole is made false by a number that has a fraction or an exponent. */
CsReadsAs
CsReadText(const char *text, bool *whole)
{
	Span		s = Trim(text, text + strlen(text));
	bool		is_whole = true;

	if (CsMeansMissing(text))
		return CS_READS_NOTHING;
	if (IsNumber(s, &is_whole))
	{
		*whole &= is_whole;
		return CS_READS_NUMBER;
	}
	if (IsDate(s))
		return CS_READS_DATE;
	return IsAmount(s) ? CS_READS_AMOUNT : CS_READS_TEXT;
}

/* Is a number a date of the last or this century, written YYYYMMDD? */
bool
CsIsPackedDate(double value)
{
	int			day;

	if (!(value >= 19000101 && value <= 20991231) || value != rint(value))
		return false;
	day = (int) value;
	return IsDayOfMonth(day % 100, day / 100 % 100);
}
