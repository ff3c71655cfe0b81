/*
 * finding.c
 *	  What a report says of one of its lines: a verdict, and the reasons for it in words.
 */
#include "custseg.h"

#include "call/call.h"

/* Scores that are named one by one. */
#define MOST_NAMED 4

/* So many times the customers that a score should have are too many. */
#define TOO_MANY 1.5

static const char *const verdictNames[] = {
	[CS_VERDICT_OK] = "ok",
	[CS_VERDICT_INSUFFICIENT] = "insufficient data",
	[CS_VERDICT_WATCH] = "watch",
	[CS_VERDICT_DRIFTED] = "drifted",
	[CS_VERDICT_BROKEN] = "broken"
};

/* Start a finding without any reason, whose verdict is ok. */
void
CsFindingInit(CsFinding *finding)
{
	finding->verdict = CS_VERDICT_OK;
	initStringInfo(&finding->reason);
}

/* Append formatted text to a buffer. */
void
CsAppendFormatted(StringInfo to, const char *format, va_list arguments)
{
	for (;;)
	{
		va_list		copy;
		int			needed;

		va_copy(copy, arguments);
		needed = appendStringInfoVA(to, format, copy);
		va_end(copy);
		if (needed == 0)
			return;
		enlargeStringInfo(to, needed);
	}
}

/* Append a reason, apart from those before it. */
static void pg_attribute_printf(2, 0)
AddReason(StringInfo reason, const char *format, va_list arguments)
{
	if (reason->len > 0)
		appendStringInfoString(reason, "; ");
	CsAppendFormatted(reason, format, arguments);
}

/*
 * Append a reason to those that are there.  Reports that rate by words of their own have only
 * reasons.
 */
void
CsReasonAdd(StringInfo reason, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	AddReason(reason, format, arguments);
	va_end(arguments);
}

/* The scores that nobody has, in words: "2", "2 or 3", "4 of 5 scores". */
static char *
EmptyScores(const int64 *counts, int nscores)
{
	StringInfoData list;
	int			nempty = 0,
				named = 0;

	for (int i = 0; i < nscores; i++)
		nempty += counts[i] == 0;
	if (nempty > MOST_NAMED)
		return psprintf("%d of the %d scores", nempty, nscores);
	initStringInfo(&list);
	for (int i = 0; i < nscores; i++)
		if (counts[i] == 0)
		{
			named++;
			appendStringInfo(&list, "%s%d", named == 1 ? "" : named == nempty ? " or " : ", ", i + 1);
		}
	return list.data;
}

/*
 * Add what ties do to scores that should be equally frequent: which nobody has, and which too many have.
 * "what" was scored for n customers, "equal" of whom have the same value, which is a text; counts are
 * those of the scores from 1 on.  Nothing is added where the scores are about as frequent as they should
 * be, or where there are fewer customers than scores.
 */
void
CsReasonAddTies(StringInfo reason, const char *what, const char *value, int64 equal,
				const int64 *counts, int nscores, int64 n)
{
	double		fair = (double) n / nscores;
	int			largest = 0;
	bool		is_large,
				is_empty = false;

	if (equal == n && n > 1)
	{
		CsReasonAdd(reason, "%s is %s for all %lld customers, so its score tells nothing", what, value,
					(long long) n);
		return;
	}
	if (n < nscores)
		return;
	for (int i = 0; i < nscores; i++)
	{
		if (counts[i] > counts[largest])
			largest = i;
		is_empty |= counts[i] == 0;
	}
	is_large = counts[largest] > TOO_MANY * fair && counts[largest] > fair + 1;
	if (!is_large && !is_empty)
		return;
	CsReasonAdd(reason, "%s is %s for %.1f %% of the customers, so ", what, value, 100.0 * equal / n);
	if (is_large)
		appendStringInfo(reason, "%.1f %% have score %d", 100.0 * counts[largest] / n, largest + 1);
	if (is_empty)
		appendStringInfo(reason, is_large ? " and nobody has %s" : "nobody has score %s",
						 EmptyScores(counts, nscores));
}

/* Add a reason, after those that are there; the verdict becomes the worst of all. */
void
CsFindingAdd(CsFinding *finding, CsVerdict verdict, const char *format,...)
{
	va_list		arguments;

	finding->verdict = Max(finding->verdict, verdict);
	va_start(arguments, format);
	AddReason(&finding->reason, format, arguments);
	va_end(arguments);
}

/* Say something if there is no reason yet; the verdict stays. */
void
CsFindingDefault(CsFinding *finding, const char *format,...)
{
	va_list		arguments;

	if (finding->reason.len > 0)
		return;
	va_start(arguments, format);
	CsAppendFormatted(&finding->reason, format, arguments);
	va_end(arguments);
}

/* The verdict as a column. */
CsValue
CsFindingVerdict(const CsFinding *finding)
{
	return CsValueText(verdictNames[finding->verdict]);
}

/* The reason as a column. */
CsValue
CsFindingReason(const CsFinding *finding)
{
	return CsValueText(finding->reason.data);
}
