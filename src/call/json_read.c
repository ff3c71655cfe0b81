/*
 * json_read.c
 *	  Jsonb that is read: member by member in any order, or by key as a definition that must hold.
 *
 * A definition may come from whoever writes a literal of it, so nothing in it is trusted.  An error says
 * where it is wrong: Key "count" of level 2 of feature 3 of the pipeline must be ...
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "call/numeric.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Find a member of an object.  Returns false when there is none of that name, or it is no object. */
bool
CsJsonFind(JsonbContainer *object, const char *key, JsonbValue *value)
{
	return JsonContainerIsObject(object) &&
		getKeyJsonValueFromContainer(object, key, (int) strlen(key), value) != NULL;
}

/* Begin with the members of an object, or the elements of an array, in their order. */
CsJsonEach
CsJsonEachOf(JsonbContainer *container)
{
	CsJsonEach	each = {.iterator = JsonbIteratorInit(container), .at = -1};

	(void) JsonbIteratorNext(&each.iterator, &each.value, true);	/* its begin */
	return each;
}

/* Step to the next member or element.  Returns false after the last. */
bool
CsJsonNext(CsJsonEach *each)
{
	JsonbIteratorToken token = JsonbIteratorNext(&each->iterator, &each->value, true);

	each->at++;
	if (token == WJB_KEY)
	{
		each->key = each->value;
		(void) JsonbIteratorNext(&each->iterator, &each->value, true);
	}
	return token == WJB_KEY || token == WJB_ELEM;
}

/* Read a number.  Returns false for anything else, and for a number that a double cannot hold. */
bool
CsJsonGetNumber(const JsonbValue *value, double *number)
{
	if (value->type != jbvNumeric)
		return false;
	*number = CsNumericToDouble((const struct varlena *) value->val.numeric);
	return isfinite(*number);
}

/* Read a whole number from low to high.  Returns false for anything else. */
bool
CsJsonGetInteger(const JsonbValue *value, int64 low, int64 high, int64 *number)
{
	Datum		whole;

	if (value->type != jbvNumeric)
		return false;
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(value->val.numeric), Int32GetDatum(0));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value->val.numeric), whole)))
		return false;
	errno = 0;
	*number = strtoi64(DatumGetCString(DirectFunctionCall1(numeric_out, whole)), NULL, 10);
	return errno == 0 && *number >= low && *number <= high;
}

/* The array that a value is; NULL for any other value.  Belongs to the value. */
JsonbContainer *
CsJsonGetArray(const JsonbValue *value)
{
	/* a scalar at the top is wrapped in an array, but nothing below the top is */
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data) ? value->val.binary.data : NULL;
}

/* Is the value an array whose elements all fit a type? */
bool
CsJsonIsArrayOf(const JsonbValue *value, bool (*fits) (const JsonbValue *element, Oid type), Oid type)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;

	if (array == NULL)
		return false;
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (!fits(&each.value, type))
			return false;
	}
	return true;
}

/* The object that a value is; NULL for any other value.  Belongs to the value. */
JsonbContainer *
CsJsonGetObject(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data) ?
		value->val.binary.data : NULL;
}

/* Find a member of an object that is an object.  Returns NULL when there is none. */
JsonbContainer *
CsJsonFindObject(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return CsJsonFind(object, key, &value) ? CsJsonGetObject(&value) : NULL;
}

/* Read an array of ascending numbers, "most" at most.  Returns how many; -1 for anything else. */
int
CsJsonGetAscending(const JsonbValue *value, double *numbers, int most)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;

	if (array == NULL || JsonContainerSize(array) > most)
		return -1;
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (!CsJsonGetNumber(&each.value, &numbers[each.at]) ||
			(each.at > 0 && numbers[each.at] <= numbers[each.at - 1]))
			return -1;
	}
	return each.at;
}

/* Is the value this text? */
bool
CsJsonIsText(const JsonbValue *value, const char *text)
{
	return value->type == jbvString && value->val.string.len == (int) strlen(text) &&
		memcmp(value->val.string.val, text, value->val.string.len) == 0;
}

/* The text of what is known to be a string; palloc'd. */
char *
CsJsonString(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Keys that are known, for a hint; palloc'd. */
char *
CsJsonKeyList(const char *const *known, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", known[i]);
	return list.data;
}

/* Which of the known keys of something a key is; an error when it is none. */
int
CsJsonKnownKey(const JsonbValue *key, const char *const *known, int n, const char *of)
{
	for (int i = 0; i < n; i++)
	{
		if (CsJsonIsText(key, known[i]))
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown key \"%s\" of %s", CsJsonString(key), of),
			 errhint("Known keys are: %s.", CsJsonKeyList(known, n))));
	return -1;					/* not reached */
}

/* A string, a number or a boolean as text, palloc'd; NULL for any other value. */
char *
CsJsonScalarText(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return CsJsonString(value);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

/* Refuse what a key holds; "format" completes the sentence about the key. */
void
CsJsonReject(const CsJsonReader *r, const char *key, const char *format,...)
{
	StringInfoData detail;
	va_list		arguments;

	initStringInfo(&detail);
	appendStringInfo(&detail, "Key \"%s\"", key);
	/* the outermost goes without saying, unless it is the one */
	for (const CsJsonReader *object = r; object != NULL && (object == r || object->outer != NULL);
		 object = object->outer)
	{
		appendStringInfo(&detail, " of %s", object->name);
		if (object->number > 0)
			appendStringInfo(&detail, " %d", object->number);
	}
	appendStringInfoChar(&detail, ' ');
	va_start(arguments, format);
	CsAppendFormatted(&detail, format, arguments);
	va_end(arguments);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg_internal("%s", r->message),
			 errdetail_internal("%s.", detail.data)));
}

/* A reader of the whole of a jsonb; an error when that is no object. */
CsJsonReader
CsJsonReaderOf(Jsonb *json, const char *message, const char *name)
{
	CsJsonReader r = {.object = &json->root, .message = message, .name = name};

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg_internal("%s", message),
				 errdetail("It is not a json object.")));
	return r;
}

/* Find a member.  Returns false when it is absent or null, which is no error. */
bool
CsJsonReadMember(const CsJsonReader *r, const char *key, JsonbValue *value)
{
	return CsJsonFind(r->object, key, value) && value->type != jbvNull;
}

/* A finite number. */
double
CsJsonReadNumber(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;
	double		number = 0;

	if (!CsJsonReadMember(r, key, &value) || !CsJsonGetNumber(&value, &number))
		CsJsonReject(r, key, "must be a finite number");
	return number;
}

/* A whole number from low to high. */
int64
CsJsonReadInteger(const CsJsonReader *r, const char *key, int64 low, int64 high)
{
	JsonbValue	value;
	int64		number = 0;

	if (!CsJsonReadMember(r, key, &value) || !CsJsonGetInteger(&value, low, high, &number))
		CsJsonReject(r, key, "must be an integer between %lld and %lld", (long long) low,
					 (long long) high);
	return number;
}

/* A truth value. */
bool
CsJsonReadBool(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;

	if (!CsJsonReadMember(r, key, &value) || value.type != jbvBool)
		CsJsonReject(r, key, "must be true or false");
	return value.val.boolean;
}

/* A string that is not empty; palloc'd. */
char *
CsJsonReadText(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;

	if (!CsJsonReadMember(r, key, &value) || value.type != jbvString || value.val.string.len == 0)
		CsJsonReject(r, key, "must be a string");
	return CsJsonString(&value);
}

/* A string that is not empty, and not too long for a name. */
void
CsJsonReadName(const CsJsonReader *r, const char *key, NameData *name)
{
	char	   *text = CsJsonReadText(r, key);

	if (strlen(text) >= NAMEDATALEN)
		CsJsonReject(r, key, "is too long");
	namestrcpy(name, text);
	pfree(text);
}

/* A reader of an object that errors call "name". */
CsJsonReader
CsJsonReadObject(const CsJsonReader *r, const char *key, const char *name)
{
	JsonbValue	value;

	if (!CsJsonReadMember(r, key, &value) || CsJsonGetObject(&value) == NULL)
		CsJsonReject(r, key, "must be an object");
	return (CsJsonReader) {CsJsonGetObject(&value), r->message, name, 0, r};
}

/* The same of an object that may come beside the whole; NULL: it is in it. */
CsJsonReader
CsJsonReadBeside(const CsJsonReader *r, const char *key, const char *name, Jsonb *beside)
{
	CsJsonReader reader;

	if (beside == NULL)
		return CsJsonReadObject(r, key, name);
	reader = CsJsonReaderOf(beside, r->message, name);
	reader.outer = r;
	return reader;
}

/* An array of low to high elements.  Belongs to the jsonb. */
JsonbContainer *
CsJsonReadArray(const CsJsonReader *r, const char *key, int low, int high)
{
	JsonbValue	value;
	JsonbContainer *array;
	int			n;

	if (!CsJsonReadMember(r, key, &value) || (array = CsJsonGetArray(&value)) == NULL)
		CsJsonReject(r, key, "must be an array");
	n = JsonContainerSize(array);
	if (n < low || n > high)
	{
		if (low == high)
			CsJsonReject(r, key, "has %d elements where %d are needed", n, low);
		CsJsonReject(r, key, "must have %d to %d elements, not %d", low, high, n);
	}
	return array;
}

/* A reader of the object that the element at hand of array "key" must be; errors call it "name". */
CsJsonReader
CsJsonReadElement(const CsJsonReader *r, const char *key, const CsJsonEach *each, const char *name)
{
	JsonbContainer *object = CsJsonGetObject(&each->value);

	if (object == NULL)
		CsJsonReject(r, key, "must be an array of objects");
	return (CsJsonReader) {object, r->message, name, each->at + 1, r};
}

/* The numbers of an array, which are known to be as many as there is room for, "stride" apart. */
static void
CopyNumbers(const CsJsonReader *r, const char *key, JsonbContainer *array, double *numbers, int stride)
{
	int			n = (int) JsonContainerSize(array);
	const char *data = (const char *) &array->children[n];
	uint32		end = 0;		/* of the elements so far */

	for (int i = 0; i < n; i++)
	{
		JEntry		entry = array->children[i];
		double	   *number = &numbers[(Size) i * stride];

		CsCheckInterrupts(i);
		if (!JBE_ISNUMERIC(entry))
			CsJsonReject(r, key, "has an element that is not a finite number");
		*number = CsNumericToDouble((const struct varlena *) (data + INTALIGN(end)));
		if (!isfinite(*number))
			CsJsonReject(r, key, "has an element that is not a finite number");
		end = JBE_HAS_OFF(entry) ? JBE_OFFLENFLD(entry) : end + JBE_OFFLENFLD(entry);
	}
}

/* An array of n numbers, to places that are "stride" apart. */
void
CsJsonReadNumbers(const CsJsonReader *r, const char *key, int n, double *numbers, int stride)
{
	CopyNumbers(r, key, CsJsonReadArray(r, key, n, n), numbers, stride);
}

/*
 * How many arrays an array of arrays holds, and how many elements each of them; all must have as
 * many.
 */
void
CsJsonReadShape(const CsJsonReader *r, const char *key, int *rows, int *columns)
{
	JsonbContainer *array = CsJsonReadArray(r, key, 0, PG_INT32_MAX);
	CsJsonEach	each = CsJsonEachOf(array);

	*rows = JsonContainerSize(array);
	*columns = 0;
	while (CsJsonNext(&each))
	{
		JsonbContainer *row = CsJsonGetArray(&each.value);

		if (row == NULL)
			CsJsonReject(r, key, "must be an array of arrays");
		if (each.at == 0)
			*columns = JsonContainerSize(row);
		if (JsonContainerSize(row) != *columns)
			CsJsonReject(r, key, "has arrays of %d and of %d elements", *columns,
						 (int) JsonContainerSize(row));
	}
}

/* The error for an array that is not one of n arrays of m elements each. */
static void
RejectShape(const CsJsonReader *r, const char *key, int n, int m)
{
	int			rows,
				columns;

	CsJsonReadShape(r, key, &rows, &columns);
	CsJsonReject(r, key, "has %d arrays of %d elements where %d of %d are needed", rows, columns, n, m);
}

/* An array of n arrays of m numbers: number j of array i goes to numbers[i * row + j * column]. */
void
CsJsonReadRows(const CsJsonReader *r, const char *key, int n, int m, double *numbers, int row, int column)
{
	JsonbContainer *array = CsJsonReadArray(r, key, 0, PG_INT32_MAX);
	CsJsonEach	each = CsJsonEachOf(array);

	if (JsonContainerSize(array) != n)
		RejectShape(r, key, n, m);
	while (CsJsonNext(&each))
	{
		JsonbContainer *element = CsJsonGetArray(&each.value);

		if (element == NULL || JsonContainerSize(element) != m)
			RejectShape(r, key, n, m);
		CopyNumbers(r, key, element, numbers + (Size) each.at * row, column);
	}
}

/* Error unless the keys of an object are these. */
void
CsJsonCheckKeys(const CsJsonReader *r, const char *const *keys, int n)
{
	CsJsonEach	each;
	JsonbValue	value;

	for (int i = 0; i < n; i++)
		if (!CsJsonFind(r->object, keys[i], &value))
			CsJsonReject(r, keys[i], "is missing");
	each = CsJsonEachOf(r->object);
	while (CsJsonNext(&each))
	{
		int			i = 0;

		while (i < n && !CsJsonIsText(&each.key, keys[i]))
			i++;
		if (i == n)
			CsJsonReject(r, CsJsonString(&each.key), "is not known");
	}
}

/* Error unless a number lies in a range. */
void
CsJsonCheckRange(const CsJsonReader *r, const char *key, double low, double high)
{
	double		number = CsJsonReadNumber(r, key);

	if (number < low || number > high)
		CsJsonReject(r, key, "is out of range");
}

/* A member that must be an object, as a value of its own; palloc'd. */
Jsonb *
CsJsonReadJsonb(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;

	(void) CsJsonReadObject(r, key, key);
	(void) CsJsonFind(r->object, key, &value);
	return JsonbValueToJsonb(&value);
}

/* Error unless a member is as it must be. */
static void
CheckMember(const CsJsonReader *r, const CsJsonMember *member)
{
	JsonbValue	value;

	if (member->type == CS_JSON_TEXT)
		pfree(CsJsonReadText(r, member->key));
	else if (member->type == CS_JSON_BOOL)
		(void) CsJsonReadBool(r, member->key);
	else if (member->type == CS_JSON_ANY || !CsJsonReadMember(r, member->key, &value))
		return;
	else if (member->type == CS_JSON_INTEGER)
		(void) CsJsonReadInteger(r, member->key, (int64) member->low, (int64) member->high);
	else if (member->low < member->high)
		CsJsonCheckRange(r, member->key, member->low, member->high);
	else
		(void) CsJsonReadNumber(r, member->key);
}

/* Error unless the members of an object are among these, and as they must be. */
void
CsJsonCheckMembers(const CsJsonReader *r, const CsJsonMember *members, int n)
{
	CsJsonEach	each = CsJsonEachOf(r->object);

	while (CsJsonNext(&each))
	{
		int			i = 0;

		while (i < n && !CsJsonIsText(&each.key, members[i].key))
			i++;
		if (i == n)
			CsJsonReject(r, CsJsonString(&each.key), "is not known");
	}
	for (int i = 0; i < n; i++)
		CheckMember(r, &members[i]);
}

/* Error unless a member that may be absent is an array of objects with these members. */
void
CsJsonCheckArray(const CsJsonReader *r, const char *key, const char *name, const CsJsonMember *members,
				 int n)
{
	JsonbValue	value;
	CsJsonEach	each;

	if (!CsJsonReadMember(r, key, &value))
		return;
	each = CsJsonEachOf(CsJsonReadArray(r, key, 0, PG_INT16_MAX));
	while (CsJsonNext(&each))
	{
		CsJsonReader element = CsJsonReadElement(r, key, &each, name);

		CsJsonCheckMembers(&element, members, n);
	}
}
