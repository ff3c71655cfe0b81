/*
 * memory.c
 *	  The memory that a call may take, and the error for a call that needs more.
 */
#include "custseg.h"

#include "call/call.h"
#include "miscadmin.h"

/* The bytes that one call may take: maintenance_work_mem. */
Size
CsMemoryLimit(void)
{
	return (Size) maintenance_work_mem * 1024;
}

/* Bytes as megabytes, rounded up. */
Size
CsMegabytes(Size bytes)
{
	return bytes / CS_MEGABYTE + (bytes % CS_MEGABYTE != 0);
}

static char *Format(const char *format, va_list arguments) pg_attribute_printf(1, 0);

/* Formatted text, palloc'd. */
static char *
Format(const char *format, va_list arguments)
{
	StringInfoData text;

	initStringInfo(&text);
	CsAppendFormatted(&text, format, arguments);
	return text.data;
}

/*
 * Raise the error for something that needs more memory than the limit.  "what" and its arguments
 * are the subject of a sentence; "instead" completes the hint "SET maintenance_work_mem = ...; or".
 */
void
CsMemoryError(Size needed, const char *instead, const char *what,...)
{
	va_list		arguments;
	char	   *subject;

	va_start(arguments, what);
	subject = Format(what, arguments);
	va_end(arguments);
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s needs %zu MB, maintenance_work_mem is %d MB", subject,
					CsMegabytes(needed), maintenance_work_mem / 1024),
			 errhint("SET maintenance_work_mem = '%zuMB'; or %s.", CsMegabytes(needed), instead)));
}

/*
 * Raise the error for something of which only is known that it needs more than "used" bytes.  For
 * "what" and "instead" see CsMemoryError().
 */
void
CsMemoryExceeded(Size used, const char *instead, const char *what,...)
{
	va_list		arguments;
	char	   *subject;

	va_start(arguments, what);
	subject = Format(what, arguments);
	va_end(arguments);
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s needs more than %zu MB, maintenance_work_mem is %d MB", subject,
					used / CS_MEGABYTE, maintenance_work_mem / 1024),
			 errhint("Raise maintenance_work_mem; or %s.", instead)));
}
