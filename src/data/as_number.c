/*
 * as_number.c
 *	  custseg_private.as_number(): values that are no numbers in SQL, as the numbers that features are.
 *
 * A pass reads its columns by expressions that other servers can evaluate.  These functions give there what
 * CsConverter gives here.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "data/relation.h"

/* Convert the call's argument, which is of that type. */
static Datum
AsNumber(FunctionCallInfo fcinfo, Oid type)
{
	CsConverter converter;

	CsConverterInit(&converter, type);
	PG_RETURN_FLOAT8(converter.to_double(&converter, PG_GETARG_DATUM(0)));
}

/* as_number(date) and its like: days since 1970, or of an interval; and units of money. */
#define AS_NUMBER(name, type) \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		return AsNumber(fcinfo, type); \
	} \
	extern int	no_such_variable

AS_NUMBER(custseg_as_number_date, DATEOID);
AS_NUMBER(custseg_as_number_timestamp, TIMESTAMPOID);
AS_NUMBER(custseg_as_number_timestamptz, TIMESTAMPTZOID);
AS_NUMBER(custseg_as_number_interval, INTERVALOID);
AS_NUMBER(custseg_as_number_money, CASHOID);
