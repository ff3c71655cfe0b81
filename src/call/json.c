/*
 * json.c
 *	  Jsonb that is written member by member.
 *
 * Numbers are written with the fewest digits that read back to the same bits, whatever
 * extra_float_digits says.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "call/numeric.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"

/* Push a text with that token. */
static void
PushText(JsonbParseState **json, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	pushJsonbValue(json, token, &value);
}

/* Push the key, if there is one; returns the token of the value that follows. */
static JsonbIteratorToken
PushKey(JsonbParseState **json, const char *key)
{
	if (key == NULL)
		return WJB_ELEM;
	PushText(json, WJB_KEY, key);
	return WJB_VALUE;
}

/*
 * Open an object: a member of the open object, or, with key NULL, an element of the open array or
 * the outermost object.
 */
void
CsJsonObject(JsonbParseState **json, const char *key)
{
	(void) PushKey(json, key);
	pushJsonbValue(json, WJB_BEGIN_OBJECT, NULL);
}

/* Open an array, as CsJsonObject() opens an object. */
void
CsJsonArray(JsonbParseState **json, const char *key)
{
	(void) PushKey(json, key);
	pushJsonbValue(json, WJB_BEGIN_ARRAY, NULL);
}

/* End the innermost open object or array, and return it. */
JsonbValue *
CsJsonEnd(JsonbParseState **json)
{
	return pushJsonbValue(json, (*json)->contVal.type == jbvArray ? WJB_END_ARRAY : WJB_END_OBJECT,
						  NULL);
}

/* End the outermost object or array and return the jsonb, palloc'd in CurrentMemoryContext. */
Jsonb *
CsJsonFinish(JsonbParseState **json)
{
	return JsonbValueToJsonb(CsJsonEnd(json));
}

/* Write a value as it is. */
void
CsJsonValue(JsonbParseState **json, const char *key, JsonbValue *value)
{
	JsonbIteratorToken token = PushKey(json, key);

	pushJsonbValue(json, token, value);
}

/* Write a null. */
void
CsJsonNull(JsonbParseState **json, const char *key)
{
	CsJsonValue(json, key, &(JsonbValue) {.type = jbvNull});
}

/* Write a text; NULL becomes null. */
void
CsJsonText(JsonbParseState **json, const char *key, const char *text)
{
	if (text == NULL)
		CsJsonNull(json, key);
	else
		PushText(json, PushKey(json, key), text);
}

/* Write a boolean. */
void
CsJsonBool(JsonbParseState **json, const char *key, bool boolean)
{
	CsJsonValue(json, key, &(JsonbValue) {.type = jbvBool, .val.boolean = boolean});
}

/* Write a whole number. */
void
CsJsonInteger(JsonbParseState **json, const char *key, int64 number)
{
	CsJsonValue(json, key, &(JsonbValue) {.type = jbvNumeric, .val.numeric = int64_to_numeric(number)});
}

/* Whole numbers below this are written as such: they have no more digits than are needed. */
#define WHOLE 1e15

/* Write a number, exactly; null unless it is finite. */
void
CsJsonNumber(JsonbParseState **json, const char *key, double number)
{
	JsonbValue	value = {.type = jbvNumeric};

	if (!isfinite(number))
	{
		CsJsonNull(json, key);
		return;
	}
	if (fabs(number) < WHOLE && number == trunc(number))
	{
		CsJsonInteger(json, key, (int64) number);
		return;
	}
	value.val.numeric = CsNumericFromDouble(number);
	CsJsonValue(json, key, &value);
}

/* Write an array of n numbers that lie "stride" numbers apart. */
void
CsJsonNumbers(JsonbParseState **json, const char *key, const double *numbers, int n, int stride)
{
	CsJsonArray(json, key);
	for (int i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		CsJsonNumber(json, NULL, numbers[(Size) i * stride]);
	}
	(void) CsJsonEnd(json);
}

/* Write a jsonb as it is, whatever it holds. */
void
CsJsonJsonb(JsonbParseState **json, const char *key, Jsonb *jsonb)
{
	JsonbValue	value = {.type = jbvNull};

	if (jsonb != NULL)
		JsonbToJsonbValue(jsonb, &value);
	CsJsonValue(json, key, &value);
}

/* A jsonb in which numbers closer to zero than any double are the zero that they are read as; palloc'd. */
Jsonb *
CsJsonbInDoubles(Jsonb *jsonb)
{
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbParseState *json = NULL;
	JsonbIteratorToken token;
	JsonbValue	value,
			   *result = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		double		number;

		if ((token == WJB_ELEM || token == WJB_VALUE) && CsJsonGetNumber(&value, &number) && number == 0)
			value.val.numeric = CsNumericFromDouble(0);
		result = pushJsonbValue(&json, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	}
	return JsonbValueToJsonb(result);
}

/* Parse text that this library has written, into a jsonb palloc'd in CurrentMemoryContext. */
Jsonb *
CsJsonbFromText(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}
