/*
 * triggers.c
 *	  What the triggers that call assign_segment() were created with: their arguments.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "life/life.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_trigger_arguments);

/* trigger_arguments(tgargs): arguments of a trigger as text[], from the zero-terminated strings of pg_trigger */
Datum
custseg_trigger_arguments(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(bytes);
	const char *end = at + VARSIZE_ANY_EXHDR(bytes);
	ArrayBuildState *arguments = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	while (at < end)
	{
		int			length = (int) strnlen(at, end - at);

		(void) pg_verifymbstr(at, length, false);
		arguments = accumArrayResult(arguments, PointerGetDatum(cstring_to_text_with_len(at, length)),
									 false, TEXTOID, CurrentMemoryContext);
		at += length + 1;
	}
	PG_RETURN_DATUM(makeArrayResult(arguments, CurrentMemoryContext));
}
