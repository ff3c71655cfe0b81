/*
 * arguments.c
 *	  Arguments of SQL-callable functions, checked for what every function expects of them.
 */
#include "custseg.h"

#include "call/call.h"
#include "utils/builtins.h"

/* A text argument, or NULL. */
char *
CsTextArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* A text argument that must be there. */
char *
CsRequiredText(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char	   *value = CsTextArgument(fcinfo, argument);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", name)));
	return value;
}
