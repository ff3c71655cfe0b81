/*
 * value.c
 *	  Values with their SQL types: of arguments of statements, and of rows that functions return.
 */
#include "custseg.h"

#include "call/call.h"
#include "utils/array.h"
#include "utils/builtins.h"

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

/* A text[] of n texts; a NULL string is a NULL element. */
CsValue
CsValueTexts(const char *const *texts, int n)
{
	Datum	   *elements = palloc0(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc0(sizeof(bool) * Max(n, 1));
	int			first = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = texts[i] == NULL;
		if (!nulls[i])
			elements[i] = CStringGetTextDatum(texts[i]);
	}
	return CsValueArray(TEXTARRAYOID, n == 0 ? construct_empty_array(TEXTOID) :
						construct_md_array(elements, nulls, 1, &n, &first, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A float8[] of n numbers, in which a NaN stays a NaN. */
CsValue
CsValueNumbers(const double *numbers, int n)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * n;
	ArrayType  *array;

	if (n == 0)
		return CsValueArray(FLOAT8ARRAYOID, construct_empty_array(FLOAT8OID));
	/* numbers lie in an array as they lie here, so that it is filled at once */
	array = palloc(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), numbers, sizeof(float8) * n);
	return CsValueArray(FLOAT8ARRAYOID, array);
}
