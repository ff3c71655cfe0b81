/*
 * value.c
 *	  Values with their SQL types: of arguments of statements, and of rows that functions return.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* A value of the given type as it is. */
CsValue
CsValueOf(Oid type, Datum datum, bool isnull)
{
	CsValue		value = {type, datum, isnull};

	return value;
}

/* NULL of the given type. */
CsValue
CsValueNull(Oid type)
{
	return CsValueOf(type, (Datum) 0, true);
}

/* A text; NULL for NULL. */
CsValue
CsValueText(const char *value)
{
	return value == NULL ? CsValueNull(TEXTOID) :
		CsValueOf(TEXTOID, CStringGetTextDatum(value), false);
}

/* A name, cut to its length; NULL for NULL. */
CsValue
CsValueName(const char *value)
{
	return value == NULL ? CsValueNull(NAMEOID) :
		CsValueOf(NAMEOID, DirectFunctionCall1(namein, CStringGetDatum(value)), false);
}

CsValue
CsValueInt4(int32 value)
{
	return CsValueOf(INT4OID, Int32GetDatum(value), false);
}

CsValue
CsValueInt8(int64 value)
{
	return CsValueOf(INT8OID, Int64GetDatum(value), false);
}

/* A float8; NULL for NaN, which stands for "undefined" in C. */
CsValue
CsValueFloat8(double value)
{
	return CsValueOf(FLOAT8OID, Float8GetDatum(value), isnan(value));
}

CsValue
CsValueBool(bool value)
{
	return CsValueOf(BOOLOID, BoolGetDatum(value), false);
}

/* A jsonb; NULL for NULL. */
CsValue
CsValueJsonb(Jsonb *value)
{
	return CsValueOf(JSONBOID, JsonbPGetDatum(value), value == NULL);
}

/* An array, "type" being the array's own; NULL for NULL. */
CsValue
CsValueArray(Oid type, ArrayType *value)
{
	return CsValueOf(type, PointerGetDatum(value), value == NULL);
}

/* A text[] of n texts, of which none is NULL. */
CsValue
CsValueTexts(const char *const *texts, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	return CsValueArray(TEXTARRAYOID,
						construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A float8[] of n numbers, in which a NaN stays a NaN. */
CsValue
CsValueNumbers(const double *numbers, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i]);
	return CsValueArray(FLOAT8ARRAYOID,
						construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
										TYPALIGN_DOUBLE));
}
