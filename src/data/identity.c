/*
 * identity.c
 *	  Who a customer is: the values of an id's columns, their text, and whether they are the same.
 *
 * Two ids are the same when their types say so: 5 and 5.00, a uuid in capitals, a citext in another
 * case, a time in another zone.  So ids that are kept as text are read as values of the column that
 * they are compared with, and no text is compared, but of types that have no order.  A text may be
 * no value of the type, for example when it was kept for another source; then it names nobody there.
 */
#include "custseg.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "call/call.h"
#include "data/identity.h"
#include "miscadmin.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

/*
 * Is it a type of plain values, or an array or a range of them?  To read a value of another one, of a row
 * or of what holds values of a domain, may run anybody's functions, as the caller, and when it throws
 * there may be more to undo than memory.
 */
static bool
IsPlainType(Oid type)
{
	Oid			held = get_typtype(type) == TYPTYPE_RANGE ? get_range_subtype(type) : get_element_type(type);

	if (OidIsValid(held))
		return IsPlainType(held);
	return get_typtype(type) == TYPTYPE_BASE || get_typtype(type) == TYPTYPE_ENUM;
}

/*
 * Find a cast of one type to another in that context.  Returns false when there is none.  OUT the
 * function; InvalidOid for the same bytes.
 *
 * A function that belongs to no superuser does not count: a value would have whoever reads or names it
 * run what somebody else wrote.
 */
bool
CsFindCast(Oid from, Oid to, CoercionContext context, Oid *function)
{
	CoercionPathType path = find_coercion_pathway(to, from, context, function);
	HeapTuple	tuple;
	bool		result;

	if (path != COERCION_PATH_FUNC)
		return path == COERCION_PATH_RELABELTYPE;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(*function));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", *function);
	result = superuser_arg(((Form_pg_proc) GETSTRUCT(tuple))->proowner);
	ReleaseSysCache(tuple);
	return result;
}

/* Describe one column of an id. */
static void
InitPart(CsIdPart *part, Oid type, Oid collation)
{
	TypeCacheEntry *entry;
	Oid			function;
	bool		is_varlena;

	part->type = getBaseType(type);
	entry = lookup_type_cache(part->type, TYPECACHE_CMP_PROC_FINFO);
	part->by_text = !OidIsValid(entry->cmp_proc) || !IsPlainType(part->type);
	if (!part->by_text)
		fmgr_info(entry->cmp_proc, &part->compare);

	/* where a collation tells apart what differs, bytes tell the same faster */
	part->collation = OidIsValid(collation) && get_collation_isdeterministic(collation) ?
		C_COLLATION_OID : collation;
	getTypeInputInfo(part->type, &function, &part->input_parameter);
	fmgr_info(function, &part->input);
	getTypeOutputInfo(part->type, &function, &is_varlena);
	fmgr_info(function, &part->output);
	if (CsFindCast(part->type, TEXTOID, COERCION_EXPLICIT, &function) && OidIsValid(function) &&
		get_func_nargs(function) == 1)
		fmgr_info(function, &part->cast);
}

/* An identity of so many columns, not described yet. */
static CsIdentity *
MakeIdentity(int nparts)
{
	CsIdentity *identity = palloc0(offsetof(CsIdentity, parts) + sizeof(CsIdPart) * nparts);

	identity->nparts = nparts;
	return identity;
}

/* The type that values of a column are read as: a vector that is no array is cast to one. */
static Oid
TypeAsRead(const CsColumn *column)
{
	return column->element == 0 && column->vector != NULL && OidIsValid(column->vector->type.cast) ?
		FLOAT4ARRAYOID : column->type;
}

/* The identity of customers who are told by columns (const CsColumn *), palloc'd. */
CsIdentity *
CsIdentityOfColumns(const List *columns)
{
	CsIdentity *identity = MakeIdentity(list_length(columns));

	for (int i = 0; i < identity->nparts; i++)
	{
		const CsColumn *column = list_nth(columns, i);

		InitPart(&identity->parts[i], TypeAsRead(column), column->collation);
	}
	return identity;
}

/* The identity of customers who are told by n attributes of a row type, palloc'd. */
CsIdentity *
CsIdentityOfAttributes(TupleDesc desc, const AttrNumber *attributes, int n)
{
	CsIdentity *identity = MakeIdentity(n);

	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, attributes[i] - 1);

		InitPart(&identity->parts[i], attribute->atttypid, attribute->attcollation);
	}
	return identity;
}

/* A value as text, as a cast gives it; palloc'd. */
static char *
ValueText(CsIdPart *part, Datum value)
{
	return OidIsValid(part->cast.fn_oid) ? TextDatumGetCString(FunctionCall1(&part->cast, value)) :
		OutputFunctionCall(&part->output, value);
}

/* What stands before the name of a collation in the name of a type. */
#define COLLATE " COLLATE "

/* The type of that name; text when there is none. */
static Oid
TypeOfName(const char *name)
{
	Oid			type = InvalidOid;
	int32		typmod;

#if PG_VERSION_NUM >= 160000
	ErrorSaveContext ignored = {T_ErrorSaveContext};

	if (!parseTypeString(name, &type, &typmod, (Node *) &ignored))
		type = InvalidOid;
#else
	parseTypeString(name, &type, &typmod, true);
#endif
	return OidIsValid(type) ? type : TEXTOID;
}

/*
 * The identity of customers who are told by values of n types, palloc'd.  Types are named as
 * CsIdentityTypes() names them; where there is none of that name, it is text, and so it is with only_plain
 * for a type that can have whoever reads a value run somebody's functions.
 */
CsIdentity *
CsIdentityOfTypes(const char *const *types, int n, bool only_plain)
{
	CsIdentity *identity = MakeIdentity(n);

	for (int i = 0; i < n; i++)
	{
		const char *collate = strstr(types[i], COLLATE);
		Oid			type = TypeOfName(collate == NULL ? types[i] : pnstrdup(types[i], collate - types[i]));
		Oid			collation = collate == NULL ? InvalidOid :
			get_collation_oid(textToQualifiedNameList(cstring_to_text(collate + strlen(COLLATE))), true);

		if (only_plain && !IsPlainType(getBaseType(type)))
			type = TEXTOID;
		InitPart(&identity->parts[i], type, OidIsValid(collation) ? collation : get_typcollation(type));
	}
	return identity;
}

/* The qualified name of a collation, palloc'd. */
static char *
CollationName(Oid collation)
{
	ObjectAddress address;

	ObjectAddressSet(address, CollationRelationId, collation);
	return getObjectIdentity(&address, false);
}

/*
 * The types of columns by name, a text[], palloc'd: qualified, and with the collation where that tells
 * what is the same.
 */
ArrayType *
CsIdentityTypes(const List *columns)
{
	Datum	   *names = palloc(sizeof(Datum) * list_length(columns));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, columns)
	{
		const CsColumn *column = lfirst(cell);
		char	   *name = format_type_extended(TypeAsRead(column), -1, FORMAT_TYPE_FORCE_QUALIFY);

		if (OidIsValid(column->collation) && !get_collation_isdeterministic(column->collation))
			name = psprintf("%s" COLLATE "%s", name, CollationName(column->collation));
		names[n++] = CStringGetTextDatum(name);
	}
	return construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Add a value to the text of a row, quoted as PostgreSQL does. */
static void
AppendField(StringInfo row, const char *value)
{
	bool		quoted = value[0] == '\0';

	for (const char *c = value; *c != '\0' && !quoted; c++)
		quoted = strchr("\"\\(),", *c) != NULL || isspace((unsigned char) *c);
	if (quoted)
		appendStringInfoChar(row, '"');
	for (const char *c = value; *c != '\0'; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(row, *c);
		appendStringInfoChar(row, *c);
	}
	if (quoted)
		appendStringInfoChar(row, '"');
}

/* The text of an id whose values have these texts; NULL for NULL. */
static char *
JoinTexts(char *const *texts, int n)
{
	StringInfoData row;

	if (n == 1)
		return texts[0];
	initStringInfo(&row);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoChar(&row, i == 0 ? '(' : ',');
		if (texts[i] != NULL)
			AppendField(&row, texts[i]);
	}
	appendStringInfoChar(&row, ')');
	return row.data;
}

/*
 * The text of an id, palloc'd, from the values of a row: that of the one value, as id::text has it, or of
 * several that of a row, (a,b), as (a, b)::text has it.  NULL when no value is there.
 */
char *
CsIdentityText(CsIdentity *identity, const Datum *values, const bool *nulls)
{
	char	   *texts[INDEX_MAX_KEYS];
	bool		exists = false;

	for (int i = 0; i < identity->nparts; i++)
	{
		texts[i] = nulls[i] ? NULL :
			identity->nparts == 1 ? ValueText(&identity->parts[i], values[i]) :
			OutputFunctionCall(&identity->parts[i].output, values[i]);
		exists |= !nulls[i];
	}
	return exists ? JoinTexts(texts, identity->nparts) : NULL;
}

/*
 * A text as a whole number of the type, though it may be written with a fraction of zeroes, as a key of
 * type numeric is.
 */
static bool
ReadInteger(Oid type, const char *text, Datum *value)
{
	Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	int64		whole;

	if (numeric_is_nan(DatumGetNumeric(number)) || numeric_is_inf(DatumGetNumeric(number)))
		return false;
	whole = DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, number,
										  NumericGetDatum(int64_to_numeric(whole)))))
		return false;
	if (type == INT8OID)
		*value = Int64GetDatum(whole);
	else if (type == INT4OID)
		*value = Int32GetDatum((int32) whole);
	else
		*value = Int16GetDatum((int16) whole);
	return type == INT8OID ||
		(type == INT4OID ? whole == (int32) whole : whole == (int16) whole);
}

/* A value of an id that is read from its text. */
typedef struct ReadingPart
{
	CsIdPart   *part;
	const char *text;
	Datum	   *value;
	bool		is_value;		/* of the type */
} ReadingPart;

/* Read it, or raise an error. */
static void
ReadPart(void *argument)
{
	ReadingPart *r = argument;
	CsIdPart   *p = r->part;

	if (p->type == INT2OID || p->type == INT4OID || p->type == INT8OID)
		r->is_value = ReadInteger(p->type, r->text, r->value);
	else
	{
		*r->value = InputFunctionCall(&p->input, unconstify(char *, r->text), p->input_parameter, -1);
		r->is_value = true;
	}
}

/* Read one value of an id from its text, as CsIdentityRead() does. */
bool
CsIdentityReadPart(CsIdentity *identity, int part, const char *text, Datum *value)
{
	ReadingPart r = {.part = &identity->parts[part], .text = text, .value = value};
	ResourceOwner owner;
	bool		is_read;

	if (r.part->by_text)
	{
		*value = CStringGetDatum(pstrdup(text));
		return true;
	}
	is_read = CsTry(ReadPart, &r, CsIsDataException, &owner);
	CsTryEnd(owner);
	return is_read && r.is_value;
}

/* Take one field from the text of a row, NULL for one that is empty; moves on to what follows it. */
static char *
TakeField(const char **row)
{
	const char *c = *row;
	StringInfoData field;
	bool		quoted = false;
	bool		exists = false;

	initStringInfo(&field);
	for (; *c != '\0' && (quoted || (*c != ',' && *c != ')')); c++)
	{
		exists = true;
		if (*c == '"' && quoted && c[1] == '"')
			appendStringInfoChar(&field, *c++);
		else if (*c == '"')
			quoted = !quoted;
		else
		{
			if (*c == '\\' && c[1] != '\0')
				c++;
			appendStringInfoChar(&field, *c);
		}
	}
	*row = c;
	return exists ? field.data : NULL;
}

/*
 * Take the text of an id apart: one text for each value, palloc'd.  Returns false when it tells of
 * another number of values.
 */
bool
CsIdentityTexts(const CsIdentity *identity, const char *text, char **texts)
{
	texts[0] = pstrdup(text);
	if (identity->nparts == 1)
		return true;
	text += strspn(text, " \t\r\n");
	for (int i = 0; i < identity->nparts; i++)
	{
		if (*text++ != (i == 0 ? '(' : ','))
			return false;
		texts[i] = TakeField(&text);
		if (texts[i] == NULL)
			return false;
	}
	return text[0] == ')' && text[1 + strspn(text + 1, " \t\r\n")] == '\0';
}

/*
 * Read the values of an id from its text, as CsIdentityPrepare() would make them.  Returns false when it is
 * none: when it tells of another number of values, or one of them is no value of its type.
 */
bool
CsIdentityRead(CsIdentity *identity, const char *text, Datum *values)
{
	char	   *texts[INDEX_MAX_KEYS];

	if (!CsIdentityTexts(identity, text, texts))
		return false;
	for (int i = 0; i < identity->nparts; i++)
		if (!CsIdentityReadPart(identity, i, texts[i], &values[i]))
			return false;
	return true;
}

/*
 * Make values of a row comparable: where the type is compared as text, the text is put in the value's
 * place, the same whatever the settings.  Returns false when a value is NULL: such a row is nobody.
 */
bool
CsIdentityPrepare(CsIdentity *identity, Datum *values, const bool *nulls)
{
	for (int i = 0; i < identity->nparts; i++)
	{
		CsIdPart   *part = &identity->parts[i];
		int			level;

		if (nulls[i])
			return false;
		if (!part->by_text)
			continue;
		level = CsPlainSettings();
		values[i] = CStringGetDatum(OutputFunctionCall(&part->output, values[i]));
		AtEOXact_GUC(true, level);
	}
	return true;
}

/* Does CsIdentityPlain() always give one customer the same text? */
bool
CsIdentityIsPlain(const CsIdentity *identity)
{
	for (int i = 0; i < identity->nparts; i++)
	{
		const CsIdPart *part = &identity->parts[i];

		switch (part->type)
		{
			case BOOLOID:
			case INT2OID:
			case INT4OID:
			case INT8OID:
			case NUMERICOID:
			case UUIDOID:
			case BYTEAOID:
			case DATEOID:
			case TIMESTAMPOID:
			case TIMESTAMPTZOID:
				break;
			case TEXTOID:
			case VARCHAROID:
			case BPCHAROID:
				if (part->collation != C_COLLATION_OID)
					return false;
				break;
			default:
				return false;
		}
	}
	return true;
}

/* The text of a value, without what two texts of the same value may differ in. */
static char *
PlainText(CsIdPart *part, Datum value)
{
	if (part->type == NUMERICOID)
		value = DirectFunctionCall1(numeric_trim_scale, value);
	return ValueText(part, value);	/* of char without the blanks that fill it */
}

/* May a value of the type look otherwise under other settings?  Of common types of ids it is known that it does not. */
static bool
HeedsSettings(Oid type)
{
	return type != INT4OID && type != INT8OID && type != INT2OID && type != TEXTOID && type != VARCHAROID &&
		type != BPCHAROID && type != NUMERICOID && type != UUIDOID;
}

/* The text of an id, palloc'd, from values of a row of which none is NULL: the same whatever the settings. */
char *
CsIdentityPlain(CsIdentity *identity, const Datum *values)
{
	char	   *texts[INDEX_MAX_KEYS];
	bool		heeds = false;
	int			level = 0;

	for (int i = 0; i < identity->nparts; i++)
		heeds |= HeedsSettings(identity->parts[i].type);
	if (heeds)
		level = CsPlainSettings();
	for (int i = 0; i < identity->nparts; i++)
		texts[i] = PlainText(&identity->parts[i], values[i]);
	if (heeds)
		AtEOXact_GUC(true, level);
	return JoinTexts(texts, identity->nparts);
}

/*
 * The order of two ids, whose values are prepared or read: by each type's order and its column's
 * collation.  Returns 0 when they are the same.
 */
int
CsIdentityCompare(CsIdentity *identity, const Datum *a, const Datum *b)
{
	int			order = 0;

	for (int i = 0; i < identity->nparts && order == 0; i++)
	{
		CsIdPart   *part = &identity->parts[i];

		order = part->by_text ? strcmp(DatumGetCString(a[i]), DatumGetCString(b[i])) :
			DatumGetInt32(FunctionCall2Coll(&part->compare, part->collation, a[i], b[i]));
	}
	return order;
}
