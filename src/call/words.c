/*
 * words.c
 *	  Names, numbers, shares and texts as people write them.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* Bytes of a text that are shown. */
#define MAX_TEXT 40

/* A control character, such as a line end or a tab, in any encoding. */
static bool
IsControl(char c)
{
	return (unsigned char) c < ' ' || c == 0x7f;
}

static bool
IsUpper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
IsLower(char c)
{
	return c >= 'a' && c <= 'z';
}

/*
 * A column's name as people write it; palloc'd.  Camel case becomes words, and abbreviations keep
 * their capitals ("streamingTV": streaming TV), unless there is nothing but capitals.
 */
char *
CsWordsName(const char *column)
{
	StringInfoData name;
	bool		has_lower = false;

	for (const char *c = column; *c != '\0'; c++)
		has_lower |= IsLower(*c);
	initStringInfo(&name);
	for (const char *c = column; *c != '\0'; c++)
	{
		char		before = c > column ? c[-1] : ' ';
		bool		in_abbreviation = has_lower && IsUpper(*c) && !IsLower(c[1]) &&
			(IsUpper(before) || IsUpper(c[1]));

		if (IsUpper(*c) && (IsLower(before) || (has_lower && IsUpper(before) && IsLower(c[1]))))
			appendStringInfoChar(&name, ' ');
		if (*c == '_' || IsControl(*c))
			appendStringInfoChar(&name, ' ');
		else
			appendStringInfoChar(&name, IsUpper(*c) && !in_abbreviation ? *c - 'A' + 'a' : *c);
	}
	return name.data;
}

/*
 * "is" or "are", as it follows a column's name from CsWordsName(): "monthly charges are", but "number of
 * policies is".  What stands before a word such as "of" decides, else the last word without its unit.
 */
const char *
CsWordsVerb(const char *name)
{
	static const char *const links[] = {" of ", " since ", " per ", " in ", " with ", " for ", " to ", " ("};
	Size		length = strlen(name);

	if (strncmp(name, "is ", 3) == 0 || strncmp(name, "has ", 4) == 0)
		return "is";
	for (int i = 0; i < lengthof(links); i++)
	{
		const char *link = strstr(name, links[i]);

		if (link != NULL)
			length = Min(length, (Size) (link - name));
	}
	if (length < 3 || name[length - 1] != 's' || strchr("sui", name[length - 2]) != NULL)
		return "is";
	return "are";
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

/* What stands before entry "i", from 0, of a list of "n". */
const char *
CsWordsLink(int i, int n)
{
	return i == 0 ? "" : i < n - 1 ? ", " : n > 2 ? ", and " : " and ";
}

/* So many things: "1 row", "2,000 rows"; palloc'd. */
char *
CsWordsCount(int64 n, const char *one, const char *many)
{
	return n == 1 ? psprintf("1 %s", one) :
		psprintf("%s %s", MarkThousands(psprintf(INT64_FORMAT, n)), many);
}

/* Make the first letter a capital, in place.  Returns the text. */
char *
CsWordsCapitalize(char *text)
{
	if (*text >= 'a' && *text <= 'z')
		*text = *text - 'a' + 'A';
	return text;
}

/* A share in percent, which is 0 % or 100 % only where nobody or everybody is meant. */
char *
CsWordsPercent(double share)
{
	if (share > 0 && share < 0.0005)
		return pstrdup("under 0.1 %");
	if (share < 1 && share >= 0.9995)
		return pstrdup("over 99.9 %");
	return psprintf("%.*f %%", share != 0 && share != 1 && (share < 0.0095 || share >= 0.995) ? 1 : 0,
					100 * share);
}

/* A text of somebody's data as it is shown: short, and on one line; palloc'd. */
char *
CsWordsText(const char *text)
{
	int			length = (int) strlen(text);
	int			shown = pg_mbcliplen(text, length, MAX_TEXT);
	char	   *result = psprintf("%.*s%s", shown, text, shown < length ? "..." : "");

	for (char *c = result; *c != '\0'; c++)
	{
		if (IsControl(*c))
			*c = ' ';
	}
	return result;
}
