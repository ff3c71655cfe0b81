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

/*
 * Raise the error for something that needs so many bytes, or is only known to need more: than the limit, of which some
 * may be taken by what it goes with.
 */
static void pg_attribute_printf(4, 0)
Report(Size bytes, bool exactly, const char *instead, const char *what, va_list arguments)
{
	StringInfoData subject;

	initStringInfo(&subject);
	CsAppendFormatted(&subject, what, arguments);
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s needs %s%zu MB, maintenance_work_mem is %d MB", subject.data,
					exactly ? "" : "more than ",
					exactly ? CsMegabytes(bytes) : Max(bytes, CsMemoryLimit()) / CS_MEGABYTE, maintenance_work_mem / 1024),
			 exactly ? errhint("SET maintenance_work_mem = '%zuMB'; or %s.", CsMegabytes(bytes), instead) :
			 errhint("Raise maintenance_work_mem; or %s.", instead)));
}

/*
 * Raise the error for something that needs more memory than the limit.  "what" and its arguments
 * are the subject of a sentence; "instead" completes the hint "SET maintenance_work_mem = ...; or".
 */
void
CsMemoryError(Size needed, const char *instead, const char *what,...)
{
	va_list		arguments;

	va_start(arguments, what);
	Report(needed, true, instead, what, arguments);
	pg_unreachable();
}

/*
 * Raise the error for something of which only is known that it needs more than "used" bytes.  For
 * "what" and "instead" see CsMemoryError().
 */
void
CsMemoryExceeded(Size used, const char *instead, const char *what,...)
{
	va_list		arguments;

	va_start(arguments, what);
	Report(used, false, instead, what, arguments);
	pg_unreachable();
}
