/*
 * value.c
 *	  One value of a user's column to one number or to the text of a category.
 *
 * A column's type is looked through to its base type once (CsConverterInit); after that a value
 * costs one indirect call.  Training, scoring and monitoring all convert here, so a customer gets
 * the same number everywhere.
 *
 * Numbers are what a cast to float8 gives, to the bit, except that numerics beyond its range
 * become infinite instead of failing.  Times are days since 1970-01-01 (UTC for timestamptz),
 * intervals are days of EXTRACT(epoch).  Infinities of any type come out as infinities.
 *
 * Nothing here holds a pointer into a value, so converters can be copied and kept for as long as
 * the type exists.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "call/numeric.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "data/relation.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define UNIX_EPOCH_DAYS (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)

/* Labels of enums that this backend has met, by the Oid that a value is. */
typedef struct EnumLabel
{
	Oid			oid;
	char		status;
	uint8		length;
	NameData	label;
} EnumLabel;

#define SH_PREFIX label
#define SH_ELEMENT_TYPE EnumLabel
#define SH_KEY_TYPE Oid
#define SH_KEY oid
#define SH_HASH_KEY(tb, key) murmurhash32(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Far more than the labels of any schema, and a bound on what the cache can take. */
#define MAX_ENUM_LABELS 65536

static label_hash *enumLabels = NULL;
static bool enumLabelsValid = false;

static const char *const kindNames[] = {
	[CS_NUMERIC] = "numeric",
	[CS_BOOLEAN] = "boolean",
	[CS_TIME] = "time",
	[CS_CATEGORICAL] = "categorical",
	[CS_UNUSABLE] = "unusable"
};

/* The name of a kind, as it is stored: numeric, boolean, time, categorical or unusable. */
const char *
CsKindName(CsKind kind)
{
	return kindNames[kind];
}

/* The kind of that name; CS_UNUSABLE for any other text. */
CsKind
CsKindFromName(const char *name)
{
	for (int kind = CS_NUMERIC; kind < CS_UNUSABLE; kind++)
	{
		if (strcmp(name, kindNames[kind]) == 0)
			return (CsKind) kind;
	}
	return CS_UNUSABLE;
}

static double
Int2ToDouble(const CsConverter *c, Datum value)
{
	return (double) DatumGetInt16(value);
}

static double
Int4ToDouble(const CsConverter *c, Datum value)
{
	return (double) DatumGetInt32(value);
}

static double
Int8ToDouble(const CsConverter *c, Datum value)
{
	return (double) DatumGetInt64(value);
}

static double
Float4ToDouble(const CsConverter *c, Datum value)
{
	return (double) DatumGetFloat4(value);
}

static double
Float8ToDouble(const CsConverter *c, Datum value)
{
	return DatumGetFloat8(value);
}

static double
CashToDouble(const CsConverter *c, Datum value)
{
	return (double) DatumGetCash(value) / c->money_scale;
}

static double
BoolToDouble(const CsConverter *c, Datum value)
{
	return DatumGetBool(value) ? 1.0 : 0.0;
}

static double
DateToDouble(const CsConverter *c, Datum value)
{
	DateADT		date = DatumGetDateADT(value);

	if (DATE_IS_NOBEGIN(date))
		return -INFINITY;
	if (DATE_IS_NOEND(date))
		return INFINITY;
	return (double) date + UNIX_EPOCH_DAYS;
}

/* timestamp and timestamptz; whole days apart from the rest, so that neither overflows */
static double
TimestampToDouble(const CsConverter *c, Datum value)
{
	Timestamp	timestamp = DatumGetTimestamp(value);
	int64		days;

	if (TIMESTAMP_IS_NOBEGIN(timestamp))
		return -INFINITY;
	if (TIMESTAMP_IS_NOEND(timestamp))
		return INFINITY;
	days = timestamp / USECS_PER_DAY;
	return (double) (days + UNIX_EPOCH_DAYS) +
		(double) (timestamp - days * USECS_PER_DAY) / (double) USECS_PER_DAY;
}

/* A year is 365.25 days and a month 30, as in EXTRACT(epoch FROM interval). */
static double
IntervalToDouble(const CsConverter *c, Datum value)
{
	Interval   *interval = DatumGetIntervalP(value);

	if (INTERVAL_IS_NOBEGIN(interval))
		return -INFINITY;
	if (INTERVAL_IS_NOEND(interval))
		return INFINITY;
	return DAYS_PER_YEAR * (double) (interval->month / MONTHS_PER_YEAR) +
		(double) DAYS_PER_MONTH * (double) (interval->month % MONTHS_PER_YEAR) +
		(double) interval->day + (double) interval->time / (double) USECS_PER_DAY;
}

static double
NumericToDouble(const CsConverter *c, Datum value)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
	double		result = CsNumericToDouble(packed);

	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
	return result;
}

/* A numeric as units of a power of 10,000; false for NaN and infinities. */
static bool
NumericToDecimal(Datum value, CsDecimal *decimal)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
	CsNumericDigits number;
	bool		finite = CsNumericRead(VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed), &number);

	if (finite)
	{
		CsDecimal	digits = {0, 0};
		int			n = Min(number.n, CS_DECIMAL_GROUPS);

		for (int i = 0; i < n; i++)
			digits.units = digits.units * 10000 + CsNumericDigit(&number, i);
		if (number.negative)
			digits.units = -digits.units;
		digits.scale = n - 1 - number.weight;
		*decimal = digits;
	}
	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
	return finite;
}

/* Money in units of 1 / 10,000, or of a higher power where money has more digits than that. */
static CsDecimal
CashToDecimal(const CsConverter *c, Datum value)
{
	CsDecimal	decimal = {DatumGetCash(value), 0};
	double		power = 1;

	for (; power < c->money_scale; power *= 10000)
		decimal.scale++;
	decimal.units *= (int64) (power / c->money_scale);
	return decimal;
}

/* Does a type hold decimal numbers, which CsConverterDecimal() can tell exactly? */
bool
CsConverterIsDecimal(const CsConverter *c)
{
	return c->type == INT2OID || c->type == INT4OID || c->type == INT8OID ||
		c->type == NUMERICOID || c->type == CASHOID;
}

/*
 * The value of a decimal type: exact, but for the digits of a numeric after the 36th or so.  Returns
 * false when it is no finite number.
 */
bool
CsConverterDecimal(const CsConverter *c, Datum value, CsDecimal *decimal)
{
	if (c->type == NUMERICOID)
		return NumericToDecimal(value, decimal);
	if (c->type == CASHOID)
		*decimal = CashToDecimal(c, value);
	else
		*decimal = (CsDecimal) {c->type == INT8OID ? DatumGetInt64(value) :
			c->type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value), 0};
	return true;
}

/* text, varchar, and any type that is stored as text (citext) */
static const char *
TextToCategory(Datum value, int *length, void **copy)
{
	text	   *packed = DatumGetTextPP(value);

	*copy = (Pointer) packed != DatumGetPointer(value) ? packed : NULL;
	*length = (int) VARSIZE_ANY_EXHDR(packed);
	return VARDATA_ANY(packed);
}

static const char *
BpcharToCategory(Datum value, int *length, void **copy)
{
	const char *text = TextToCategory(value, length, copy);

	*length = bpchartruelen(unconstify(char *, text), *length);
	return text;
}

static const char *
NameToCategory(Datum value, int *length, void **copy)
{
	const char *name = NameStr(*DatumGetName(value));

	*copy = NULL;
	*length = (int) strnlen(name, NAMEDATALEN);
	return name;
}

/* "char": its byte, or \ooo for one that would be no text in every encoding */
static const char *
CharToCategory(Datum value, int *length, void **copy)
{
	unsigned char byte = (unsigned char) DatumGetChar(value);
	char	   *text = palloc(5);

	if (byte >= 0x80)
		*length = snprintf(text, 5, "\\%03o", byte);
	else
	{
		text[0] = (char) byte;
		*length = byte == 0 ? 0 : 1;
	}
	*copy = text;
	return text;
}

/* A row of pg_enum changed: labels may have been renamed. */
static void
ForgetEnumLabels(Datum arg, int cacheid, uint32 hashvalue)
{
	enumLabelsValid = false;
}

/* Start with an empty cache of labels. */
static void
ResetEnumLabels(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(ENUMOID, ForgetEnumLabels, (Datum) 0);
		registered = true;
	}
	if (enumLabels == NULL)
		enumLabels = label_create(CacheMemoryContext, 64, NULL);
	else
		label_reset(enumLabels);
	enumLabelsValid = true;
}

/*
 * A value of an enum is the Oid of its row in pg_enum.  A look-up of the system cache for each
 * would cost as much as the rest of reading; so labels are kept until pg_enum changes.
 */
static const char *
EnumToCategory(Datum value, int *length, void **copy)
{
	Oid			oid = DatumGetObjectId(value);
	EnumLabel  *entry;
	bool		found;

	*copy = NULL;
	if (!enumLabelsValid || enumLabels->members >= MAX_ENUM_LABELS)
		ResetEnumLabels();
	entry = label_lookup(enumLabels, oid);
	if (entry == NULL)
	{
		HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(oid));
		NameData	label;

		if (!HeapTupleIsValid(tuple))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid internal value for enum: %u", oid)));
		label = ((Form_pg_enum) GETSTRUCT(tuple))->enumlabel;
		ReleaseSysCache(tuple);

		/* The look-up may have brought news; then what was just read is the newest. */
		if (!enumLabelsValid)
			ResetEnumLabels();
		entry = label_insert(enumLabels, oid, &found);
		entry->label = label;
		entry->length = (uint8) strlen(NameStr(label));
	}
	*length = entry->length;
	return NameStr(entry->label);
}

/* What a unit of money is in its stored integer: 10 to the digits of lc_monetary. */
static double
MoneyScale(void)
{
	return (double) DatumGetCash(DirectFunctionCall1(int4_cash, Int32GetDatum(1)));
}

/* Is a value of this type a text in memory, whatever it is called? */
static bool
IsStoredAsText(Oid type)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING && IsBinaryCoercible(type, TEXTOID);
}

/* Fill a converter for a number; false when the type is not a number. */
static bool
InitNumber(CsConverter *c)
{
	static const struct
	{
		Oid			type;
		CsKind		kind;
		double		(*to_double) (const CsConverter *c, Datum value);
	}			numbers[] = {
		{INT2OID, CS_NUMERIC, Int2ToDouble},
		{INT4OID, CS_NUMERIC, Int4ToDouble},
		{INT8OID, CS_NUMERIC, Int8ToDouble},
		{FLOAT4OID, CS_NUMERIC, Float4ToDouble},
		{FLOAT8OID, CS_NUMERIC, Float8ToDouble},
		{NUMERICOID, CS_NUMERIC, NumericToDouble},
		{CASHOID, CS_NUMERIC, CashToDouble},
		{BOOLOID, CS_BOOLEAN, BoolToDouble},
		{DATEOID, CS_TIME, DateToDouble},
		{TIMESTAMPOID, CS_TIME, TimestampToDouble},
		{TIMESTAMPTZOID, CS_TIME, TimestampToDouble},
		{INTERVALOID, CS_TIME, IntervalToDouble}
	};

	for (int i = 0; i < lengthof(numbers); i++)
	{
		if (c->type != numbers[i].type)
			continue;
		c->kind = numbers[i].kind;
		c->to_double = numbers[i].to_double;
		if (c->type == CASHOID)
			c->money_scale = MoneyScale();
		return true;
	}
	return false;
}

/*
 * Classify a type, a domain by the type it is over, and choose its conversion.  Allocates nothing.
 */
void
CsConverterInit(CsConverter *c, Oid type)
{
	memset(c, 0, sizeof(*c));
	c->type = getBaseType(type);
	c->kind = CS_UNUSABLE;
	if (InitNumber(c))
		return;

	if (c->type == TEXTOID || c->type == VARCHAROID)
		c->to_text = TextToCategory;
	else if (c->type == BPCHAROID)
		c->to_text = BpcharToCategory;
	else if (c->type == NAMEOID)
		c->to_text = NameToCategory;
	else if (c->type == CHAROID)
		c->to_text = CharToCategory;
	else if (type_is_enum(c->type))
		c->to_text = EnumToCategory;
	else if (IsStoredAsText(c->type))
		c->to_text = TextToCategory;
	if (c->to_text != NULL)
		c->kind = CS_CATEGORICAL;
}

/* The text of a number, a boolean or a date that is a level of a category; see CsConverterAsCategory(). */
static const char *
NumberToCategory(const CsConverter *c, Datum value, int *length, void **copy)
{
	char	   *text;

	if (c->type == BOOLOID)
		text = pstrdup(DatumGetBool(value) ? "true" : "false");
	else if (c->type == NUMERICOID || c->type == DATEOID)
		text = CsNumberText(c, NULL, value);
	else
	{
		text = palloc(MAXINT8LEN + 1);
		pg_lltoa(c->type == INT2OID ? DatumGetInt16(value) : c->type == INT4OID ? DatumGetInt32(value) :
				 DatumGetInt64(value), text);
	}
	*copy = text;
	*length = (int) strlen(text);
	return text;
}

/*
 * The text of a categorical value, not zero-terminated, without copying it where the value is a
 * plain text. bpchar loses its trailing blanks.  The text is valid until the value is freed or
 * until the next call, whichever comes first.  OUT *copy: what the caller must pfree, or NULL.
 */
const char *
CsCategoryText(const CsConverter *c, Datum value, int *length, void **copy)
{
	Assert(c->kind == CS_CATEGORICAL);
	if (unlikely(CsConverterIsCoded(c)))
		return NumberToCategory(c, value, length, copy);
	return c->to_text(value, length, copy);
}

/*
 * Have the values of a type read as categories, whose levels are their texts; false of a type whose values
 * are measured rather than counted.
 */
bool
CsConverterAsCategory(CsConverter *c)
{
	if (c->type != INT2OID && c->type != INT4OID && c->type != INT8OID && c->type != NUMERICOID &&
		c->type != BOOLOID && c->type != DATEOID)
		return c->kind == CS_CATEGORICAL;
	c->kind = CS_CATEGORICAL;
	return true;
}
