/*
 * options.c
 *	  Options of an algorithm: described as data (CsOption), read from jsonb, written to jsonb.
 *
 * One table drives parsing, checking, error messages and what is stored with the model, so they
 * cannot disagree.  What ToJsonb writes, Parse reads back to the bit: numbers are written in the
 * shortest form that identifies them.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "call/options.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* Bytes of a key or a value that an error shows. */
#define MAX_SHOWN 100

/* The field of an option in its struct. */
#define OptionField(base, option, type) ((type *) ((char *) (base) + (option)->offset))

/* Add a name to a list for a hint: "one", "two". */
void
CsAppendName(StringInfo list, const char *name)
{
	appendStringInfo(list, "%s\"%s\"", list->len > 0 ? ", " : "", name);
}

static const CsOption *
FindOption(const CsOption *options, int noptions, const JsonbValue *key)
{
	for (int i = 0; i < noptions; i++)
	{
		if (CsJsonIsText(key, options[i].name))
			return &options[i];
	}
	return NULL;
}

/* A text in quotes, cut where it is too long for a message. */
static char *
QuoteText(const char *text, int length)
{
	int			shown = pg_mbcliplen(text, length, MAX_SHOWN);

	return psprintf("\"%.*s%s\"", shown, text, shown < length ? "..." : "");
}

/* The error for a key that is not an option. */
static void
RejectKey(const CsOption *options, int noptions, const JsonbValue *key)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < noptions; i++)
		CsAppendName(&names, options[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option %s",
					QuoteText(key->val.string.val, key->val.string.len)),
			 noptions > 0 ? errhint("Valid options are %s.", names.data) :
			 errhint("There are no options.")));
}

/* A json value as an error shows it. */
static char *
ShowValue(const JsonbValue *value)
{
	char	   *text;

	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return QuoteText(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
			return strlen(text) <= MAX_SHOWN ? text : psprintf("%.*s...", MAX_SHOWN, text);
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		case jbvBinary:
			return JsonContainerIsArray(value->val.binary.data) ? "an array" : "an object";
		default:
			elog(ERROR, "unexpected type of json value: %d", (int) value->type);
	}
	return NULL;				/* keep the compiler quiet */
}

/* What a number of an option may be, for messages: "between 1 and 10", "of at least 1". */
static char *
DescribeRange(const CsOption *option)
{
	if (isinf(option->low) && isinf(option->high))
		return "";
	if (isinf(option->high))
		return psprintf(" of at least %.15g", option->low);
	if (isinf(option->low))
		return psprintf(" of at most %.15g", option->high);
	return psprintf(" between %.15g and %.15g", option->low, option->high);
}

/* The bounds of an integer option, held to those of its field. */
static void
IntegerBounds(const CsOption *option, int64 *low, int64 *high)
{
	const double limit = 9223372036854775808.0; /* 2^63 */

	if (option->type == CS_OPTION_INT)
	{
		*low = option->low <= PG_INT32_MIN ? PG_INT32_MIN : (int64) option->low;
		*high = option->high >= PG_INT32_MAX ? PG_INT32_MAX : (int64) option->high;
	}
	else
	{
		*low = option->low <= -limit ? PG_INT64_MIN : (int64) option->low;
		*high = option->high >= limit ? PG_INT64_MAX : (int64) option->high;
	}
}

/* An integer in range, or an error. */
static int64
ParseInteger(const CsOption *option, JsonbValue *value)
{
	int64		low;
	int64		high;
	int64		result = 0;

	IntegerBounds(option, &low, &high);
	if (!CsJsonGetInteger(value, low, high, &result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an integer between %lld and %lld", option->name,
						(long long) low, (long long) high),
				 errdetail("Got %s.", ShowValue(value))));
	return result;
}

/* A finite number in range, or an error. */
static double
ParseReal(const CsOption *option, JsonbValue *value)
{
	double		result;

	if (!CsJsonGetNumber(value, &result) || result < option->low || result > option->high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a number%s", option->name, DescribeRange(option)),
				 errdetail("Got %s.", ShowValue(value))));
	return result;
}

/* The index of one of the option's choices, or an error that lists them. */
static int
ParseChoice(const CsOption *option, JsonbValue *value)
{
	StringInfoData list;

	for (int i = 0; option->choices[i] != NULL; i++)
	{
		if (CsJsonIsText(value, option->choices[i]))
			return i;
	}

	initStringInfo(&list);
	for (int i = 0; option->choices[i] != NULL; i++)
		CsAppendName(&list, option->choices[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized value for option \"%s\"", option->name),
			 errdetail("Got %s.", ShowValue(value)),
			 errhint("Valid values are %s.", list.data)));
	return 0;					/* keep the compiler quiet */
}

/* A copy of a text, or an error. */
static char *
ParseText(const CsOption *option, JsonbValue *value)
{
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a string", option->name),
				 errdetail("Got %s.", ShowValue(value))));
	return CsJsonString(value);
}

static bool
ParseBool(const CsOption *option, JsonbValue *value)
{
	if (value->type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be true or false", option->name),
				 errdetail("Got %s.", ShowValue(value))));
	return value->val.boolean;
}

/* The error for what is no array of equally long arrays of numbers. */
static void
RejectArray(const CsOption *option, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be an array of equally long arrays of numbers",
					option->name),
			 errdetail_internal("%s", detail),
			 errhint("Write it like [[1, 2], [3, 4]].")));
}

/* Check the shape of an array of arrays before anything is allocated for it; sets rows, columns. */
static void
CheckArrayShape(const CsOption *option, JsonbValue *value, CsOptionArray *result)
{
	CsJsonEach	each;

	if (CsJsonGetArray(value) == NULL)
		RejectArray(option, psprintf("Got %s.", ShowValue(value)));
	result->rows = JsonContainerSize(value->val.binary.data);
	result->columns = 0;
	each = CsJsonEachOf(value->val.binary.data);
	while (CsJsonNext(&each))
	{
		JsonbContainer *row = CsJsonGetArray(&each.value);
		int			size;

		if (row == NULL)
			RejectArray(option, psprintf("Element %d is %s.", each.at + 1, ShowValue(&each.value)));
		size = JsonContainerSize(row);
		if (each.at == 0)
			result->columns = size;
		if (size == 0)
			RejectArray(option, psprintf("Array %d is empty.", each.at + 1));
		if (size != result->columns)
			RejectArray(option, psprintf("Array %d has %d numbers, array 1 has %d.", each.at + 1,
										 size, result->columns));
	}
	if (result->rows == 0)
		RejectArray(option, "It is empty.");
}

static CsOptionArray
ParseArray(const CsOption *option, JsonbValue *value)
{
	CsOptionArray result;
	CsJsonEach	row;

	CheckArrayShape(option, value, &result);
	result.values = palloc_extended((Size) result.rows * result.columns * sizeof(double),
									MCXT_ALLOC_HUGE);
	row = CsJsonEachOf(value->val.binary.data);
	while (CsJsonNext(&row))
	{
		CsJsonEach	each = CsJsonEachOf(row.value.val.binary.data);

		CHECK_FOR_INTERRUPTS();
		while (CsJsonNext(&each))
		{
			if (!CsJsonGetNumber(&each.value,
								 &result.values[(Size) row.at * result.columns + each.at]))
				RejectArray(option, psprintf("Number %d of array %d is %s.", each.at + 1,
											 row.at + 1, ShowValue(&each.value)));
		}
	}
	return result;
}

/* A copy of an object, whatever its keys, or an error. */
static Jsonb *
ParseObject(const CsOption *option, JsonbValue *value)
{
	if (CsJsonGetObject(value) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an object", option->name),
				 errdetail("Got %s.", ShowValue(value)),
				 errhint("Write it like {\"name\": value, ...}.")));
	return JsonbValueToJsonb(value);
}

/* A copy of an array, whatever its elements, or an error. */
static Jsonb *
ParseList(const CsOption *option, JsonbValue *value)
{
	if (CsJsonGetArray(value) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an array", option->name),
				 errdetail("Got %s.", ShowValue(value)),
				 errhint("Write it like [..., ...].")));
	return JsonbValueToJsonb(value);
}

/* A given value into the option's field, or its default for NULL. */
static void
SetField(const CsOption *option, JsonbValue *value, void *result)
{
	double		boot = option->boot;

	switch (option->type)
	{
		case CS_OPTION_BOOL:
			*OptionField(result, option, bool) = value == NULL ? boot != 0 : ParseBool(option, value);
			break;
		case CS_OPTION_INT:
			*OptionField(result, option, int) = value == NULL ? (int) boot :
				(int) ParseInteger(option, value);
			break;
		case CS_OPTION_CHOICE:
			*OptionField(result, option, int) = value == NULL ? (int) boot :
				ParseChoice(option, value);
			break;
		case CS_OPTION_BIGINT:
			*OptionField(result, option, int64) = value == NULL ? (int64) boot :
				ParseInteger(option, value);
			break;
		case CS_OPTION_REAL:
			*OptionField(result, option, double) = value == NULL ? boot : ParseReal(option, value);
			break;
		case CS_OPTION_TEXT:
			*OptionField(result, option, char *) = value == NULL ? NULL : ParseText(option, value);
			break;
		case CS_OPTION_ARRAY:
			*OptionField(result, option, CsOptionArray) = value == NULL ? (CsOptionArray) {0} :
				ParseArray(option, value);
			break;
		case CS_OPTION_OBJECT:
			*OptionField(result, option, Jsonb *) = value == NULL ? NULL : ParseObject(option, value);
			break;
		case CS_OPTION_LIST:
			*OptionField(result, option, Jsonb *) = value == NULL ? NULL : ParseList(option, value);
			break;
	}
}

/*
 * Fill the struct "result" from json (NULL if nothing is given).  Unknown keys, wrong types and
 * values out of range are errors that say what would be right.  A json null stands for the default.
 * Texts, arrays and objects are palloc'd in CurrentMemoryContext.
 */
void
CsOptionsParse(const CsOption *options, int noptions, Jsonb *json, void *result)
{
	CsJsonEach	each;

	for (int i = 0; i < noptions; i++)
		SetField(&options[i], NULL, result);
	if (json == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a json object"),
				 errhint("Write options => '{\"name\": value, ...}'.")));

	each = CsJsonEachOf(&json->root);
	while (CsJsonNext(&each))
	{
		const CsOption *option = FindOption(options, noptions, &each.key);

		if (option == NULL)
			RejectKey(options, noptions, &each.key);
		if (each.value.type != jbvNull)
			SetField(option, &each.value, result);
	}
}

/* An array option as an array of arrays. */
static void
PushArray(JsonbParseState **json, const char *key, const CsOptionArray *array)
{
	CsJsonArray(json, key);
	for (int i = 0; i < array->rows; i++)
		CsJsonNumbers(json, NULL, array->values + (Size) i * array->columns, array->columns, 1);
	(void) CsJsonEnd(json);
}

/* One option, null when it was not given and has no default. */
static void
PushOption(JsonbParseState **json, const CsOption *option, const void *values)
{
	const char *name = option->name;
	const CsOptionArray *array;
	int			number;
	double		real;

	switch (option->type)
	{
		case CS_OPTION_BOOL:
			CsJsonBool(json, name, *OptionField(values, option, const bool));
			break;
		case CS_OPTION_INT:
			number = *OptionField(values, option, const int);
			if (number < option->low)
				CsJsonNull(json, name);
			else
				CsJsonInteger(json, name, number);
			break;
		case CS_OPTION_BIGINT:
			CsJsonInteger(json, name, *OptionField(values, option, const int64));
			break;
		case CS_OPTION_REAL:
			real = *OptionField(values, option, const double);
			CsJsonNumber(json, name, real < option->low ? NAN : real);
			break;
		case CS_OPTION_CHOICE:
			CsJsonText(json, name, option->choices[*OptionField(values, option, const int)]);
			break;
		case CS_OPTION_TEXT:
			CsJsonText(json, name, *OptionField(values, option, const char *const));
			break;
		case CS_OPTION_ARRAY:
			array = OptionField(values, option, const CsOptionArray);
			if (array->rows > 0)
				PushArray(json, name, array);
			else
				CsJsonNull(json, name);
			break;
		case CS_OPTION_OBJECT:
		case CS_OPTION_LIST:
			CsJsonJsonb(json, name, *OptionField(values, option, Jsonb *const));
			break;
	}
}

/*
 * All options of a struct as an object, palloc'd in CurrentMemoryContext, defaults included.  An
 * option that was not given and has no default is null, so that CsOptionsParse() reads the same
 * struct back.
 */
Jsonb *
CsOptionsToJsonb(const CsOption *options, int noptions, const void *values)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	for (int i = 0; i < noptions; i++)
		PushOption(&json, &options[i], values);
	return CsJsonFinish(&json);
}

/* The option of that name. */
static const CsOption *
OptionOf(const CsOption *options, int noptions, const char *name)
{
	for (int i = 0; i < noptions; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	elog(ERROR, "there is no option \"%s\"", name);
	return NULL;				/* keep the compiler quiet */
}

/* Set an option that takes numbers; one below its range stands for none. */
void
CsOptionsSet(const CsOption *options, int noptions, const char *name, double value, void *result)
{
	const CsOption *option = OptionOf(options, noptions, name);

	if (option->type == CS_OPTION_INT)
		*OptionField(result, option, int) = (int) value;
	else
		*OptionField(result, option, double) = value;
}

/* Write one option of a struct, as CsOptionsToJsonb() does. */
void
CsOptionsPush(JsonbParseState **json, const CsOption *options, int noptions, const char *name, const void *values)
{
	PushOption(json, OptionOf(options, noptions, name), values);
}

/* The member of that key when it is an object of an algorithm's options, or NULL. */
Jsonb *
CsOptionsOf(Jsonb *json, const char *key)
{
	JsonbValue	value;

	if (json == NULL ||
		!CsJsonFind(&json->root, key, &value) ||
		value.type == jbvNull)
		return NULL;
	if (CsJsonGetObject(&value) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an object with options of that algorithm", key),
				 errhint("Write options => '{\"%s\": {\"name\": value, ...}}'.", key)));
	return JsonbValueToJsonb(&value);
}

/* The options without the objects that is_object() tells by their keys. */
Jsonb *
CsOptionsBeside(Jsonb *json, bool (*is_object) (const char *key))
{
	JsonbParseState *state = NULL;
	CsJsonEach	each;

	if (json == NULL || !JB_ROOT_IS_OBJECT(json))
		return json;
	CsJsonObject(&state, NULL);
	each = CsJsonEachOf(&json->root);
	while (CsJsonNext(&each))
	{
		char	   *key = CsJsonString(&each.key);

		if (!is_object(key))
			CsJsonValue(&state, key, &each.value);
	}
	return CsJsonFinish(&state);
}
