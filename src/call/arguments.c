/*
 * arguments.c
 *	  Arguments of SQL-callable functions, read and checked for what every function expects of them.
 */
#include "custseg.h"

#include "call/call.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Raise an error if the argument is NULL; the error calls the argument "name". */
void
CsRequireArgument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", name)));
}

/* An argument of type text, palloc'd; NULL for NULL. */
char *
CsTextArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* An argument of type text, palloc'd.  NULL is an error, which calls the argument "name". */
char *
CsRequiredText(FunctionCallInfo fcinfo, int argument, const char *name)
{
	CsRequireArgument(fcinfo, argument, name);
	return CsTextArgument(fcinfo, argument);
}

/* An argument of type int; "otherwise" for NULL. */
int32
CsIntArgument(FunctionCallInfo fcinfo, int argument, int32 otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_INT32(argument);
}

/* An argument of type int.  NULL is an error, which calls the argument "name". */
int32
CsRequiredInt(FunctionCallInfo fcinfo, int argument, const char *name)
{
	CsRequireArgument(fcinfo, argument, name);
	return PG_GETARG_INT32(argument);
}

/* An argument of type boolean; "otherwise" for NULL. */
bool
CsBoolArgument(FunctionCallInfo fcinfo, int argument, bool otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_BOOL(argument);
}

/* An argument of type jsonb, palloc'd where it had to be detoasted; NULL for NULL. */
Jsonb *
CsJsonbArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : PG_GETARG_JSONB_P(argument);
}

/* An argument of an array type, palloc'd where it had to be detoasted; NULL for NULL. */
ArrayType *
CsArrayArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);
}

/*
 * Fill the struct "result" with the options that an argument of type jsonb gives, as
 * CsOptionsParse() reads them.
 */
void
CsOptionsArgument(FunctionCallInfo fcinfo, int argument, const CsOption *options, int noptions,
				  void *result)
{
	CsOptionsParse(options, noptions, CsJsonbArgument(fcinfo, argument), result);
}

/*
 * The context that the states of an aggregate live in.  Only the executor may have its values written to,
 * so any other caller is told to call that aggregate, or one like it.
 */
MemoryContext
CsAggregateContext(FunctionCallInfo fcinfo, const char *aggregate)
{
	MemoryContext context;

	if (AggCheckCallContext(fcinfo, &context) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregate transition function called in non-aggregate context"),
				 errhint("Call custseg.%s() or a similar aggregate.", aggregate)));
	return context;
}

/* What a transition or combine function returns to leave the state, its first argument, as it is. */
Datum
CsAggregateState(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* The bytes of a state that is to be sent to another process; an error when they are more than a value can have. */
Size
CsAggregateSize(Size size)
{
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker cannot send %zu MB of values", size / CS_MEGABYTE),
				 errhint("SET max_parallel_workers_per_gather = 0; or test a sample of the rows, as WHERE pg_catalog.random() < 0.1 gives.")));
	return size;
}

/* The error of a value that is not valid; the hint says what to write instead. */
void
CsRejectValue(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errhint("%s", hint)));
}
