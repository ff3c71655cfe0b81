/*
 * finding.c
 *	  What a report says of one of its lines: a verdict, and the reasons for it in words.
 */
#include "custseg.h"

#include "call/call.h"

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
