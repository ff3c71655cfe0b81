/*
 * arguments.c
 *	  Arguments of SQL-callable functions, read and checked for what every function expects of them.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* See call.h. */
void
CsRequireArgument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", name)));
}

/* See call.h. */
char *
CsTextArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* See call.h. */
char *
CsRequiredText(FunctionCallInfo fcinfo, int argument, const char *name)
{
	CsRequireArgument(fcinfo, argument, name);
	return CsTextArgument(fcinfo, argument);
}

/* See call.h. */
int32
CsIntArgument(FunctionCallInfo fcinfo, int argument, int32 otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_INT32(argument);
}

/* See call.h. */
int32
CsRequiredInt(FunctionCallInfo fcinfo, int argument, const char *name)
{
	CsRequireArgument(fcinfo, argument, name);
	return PG_GETARG_INT32(argument);
}

/* See call.h. */
double
CsDoubleArgument(FunctionCallInfo fcinfo, int argument, double otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_FLOAT8(argument);
}

/* See call.h. */
bool
CsBoolArgument(FunctionCallInfo fcinfo, int argument, bool otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_BOOL(argument);
}

/* See call.h. */
Jsonb *
CsJsonbArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : PG_GETARG_JSONB_P(argument);
}

/* See call.h. */
ArrayType *
CsArrayArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);
}

/* See call.h. */
void
CsOptionsArgument(FunctionCallInfo fcinfo, int argument, const CsOption *options, int noptions,
				  void *result)
{
	CsOptionsParse(options, noptions, CsJsonbArgument(fcinfo, argument), result);
}
