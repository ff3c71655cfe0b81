/*
 * buying.c
 *	  The aggregate that sums up what a customer bought where the lines are: custseg_private.buying(at, amount).
 *
 * Its argument "at" is the time of a line as a number: microseconds, or days.  Lines of one time are one entry, with
 * their amounts added as custseg adds amounts: decimal ones exactly, others with compensation.  The state is flat and
 * declared as bytea, so that partial aggregates combine across processes and servers.  Its entries are added at the
 * end; they are sorted, and those of one time made one, when there is no room for another.  The result is packed:
 * entries by time, each with what it is after the one before, in bytes of seven bits.
 *
 * States and results come from other servers, or from whoever calls the functions by hand, hence the checks.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "orders/buying.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custseg_buying_accum_decimal);
PG_FUNCTION_INFO_V1(custseg_buying_accum_float);
PG_FUNCTION_INFO_V1(custseg_buying_combine);
PG_FUNCTION_INFO_V1(custseg_buying_final);

/* Arguments of the functions. */
enum
{
	ARG_STATE, ARG_AT, ARG_AMOUNT
};

enum
{
	ARG_OTHER = 1
};

#define FIRST_CAPACITY 4

/* An amount without the alignment of 128 bits, which a varlena does not have. */
typedef struct Amount
{
	uint64		low;			/* of the units of a decimal, or the bits of a sum */
	int64		high;			/* likewise, or the bits of its compensation */
	int32		scale;			/* of a decimal */
	int32		unused;			/* 0 */
} Amount;

/* What lines of one time come to. */
typedef struct Entry
{
	int64		at;
	int64		lines;
	int64		purchases;
	Amount		amount;
} Entry;

/* A varlena that an aggregate can have as its state, and send to another process or server. */
typedef struct Buying
{
	int32		vl_len_;		/* varlena header */
	int32		is_decimal;
	int32		n;
	int32		capacity;
	Entry		entry[FLEXIBLE_ARRAY_MEMBER];
} Buying;

#define ST_SORT SortEntries
#define ST_ELEMENT_TYPE Entry
#define ST_COMPARE(a, b) ((a)->at < (b)->at ? -1 : (a)->at > (b)->at)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Bytes of a state. */
static Size
SizeOf(int64 capacity)
{
	return offsetof(Buying, entry) + sizeof(Entry) * capacity;
}

pg_noreturn static void
ReportInvalid(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid sums of what a customer bought"),
			 errhint("Only custseg's own statements make such values.  All servers must have the same version of custseg.")));
}

/* A state without lines, palloc'd. */
static Buying *
Create(bool is_decimal)
{
	Buying	   *b = palloc0(SizeOf(FIRST_CAPACITY));

	SET_VARSIZE(b, SizeOf(FIRST_CAPACITY));
	b->is_decimal = is_decimal;
	b->capacity = FIRST_CAPACITY;
	return b;
}

/* Raise an error when a value cannot be a state. */
static void
Check(const Buying *b)
{
	if (VARSIZE(b) < SizeOf(FIRST_CAPACITY) || b->capacity < FIRST_CAPACITY || VARSIZE(b) != SizeOf(b->capacity) ||
		b->n < 0 || b->n > b->capacity || (b->is_decimal != 0 && b->is_decimal != 1))
		ReportInvalid();
}

/* An amount as it is kept. */
static Amount
ToAmount(const CsSpending *s, bool is_decimal)
{
	Amount		a = {0};

	if (is_decimal)
	{
		a.low = (uint64) s->decimal.units;
#ifdef HAVE_INT128
		a.high = (int64) (s->decimal.units >> 64);
#endif
		a.scale = s->decimal.scale;
		return a;
	}
	memcpy(&a.low, &s->binary.sum, sizeof(double));
	memcpy(&a.high, &s->binary.rest, sizeof(double));
	return a;
}

/* An amount that was kept. */
static CsSpending
FromAmount(const Amount *a, bool is_decimal)
{
	CsSpending	s;

	memset(&s, 0, sizeof(s));
	if (is_decimal)
	{
#ifdef HAVE_INT128
		s.decimal.units = (CsUnits) (((uint128) (uint64) a->high << 64) | a->low);
#else
		s.decimal.units = (CsUnits) a->low;
#endif
		s.decimal.scale = a->scale;
		return s;
	}
	memcpy(&s.binary.sum, &a->low, sizeof(double));
	memcpy(&s.binary.rest, &a->high, sizeof(double));
	return s;
}

/* Add an entry of the same time. */
static void
MergeEntry(Entry *to, const Entry *from, bool is_decimal)
{
	CsSpending	sum = FromAmount(&to->amount, is_decimal);

	CsSpendingAdd(&sum, is_decimal, FromAmount(&from->amount, is_decimal));
	to->amount = ToAmount(&sum, is_decimal);
	to->lines += from->lines;
	to->purchases += from->purchases;
}

/* Sort the entries, and make those of one time one. */
static void
Compress(Buying *b)
{
	int32		n = 0;

	SortEntries(b->entry, b->n);
	for (int32 i = 0; i < b->n; i++)
	{
		if (n > 0 && b->entry[n - 1].at == b->entry[i].at)
			MergeEntry(&b->entry[n - 1], &b->entry[i], b->is_decimal);
		else
			b->entry[n++] = b->entry[i];
	}
	b->n = n;
}

/* A copy with room for twice as many, palloc'd: the executor keeps it, and frees the old one. */
static Buying *
Grow(const Buying *b)
{
	Size		size = SizeOf(2 * (int64) b->capacity);
	Buying	   *grown;

	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a customer has lines at more than %d times", b->capacity),
				 errhint("Leave this customer out in a view on the servers that have the lines.")));
	grown = palloc(size);
	memcpy(grown, b, VARSIZE(b));
	SET_VARSIZE(grown, size);
	grown->capacity = 2 * b->capacity;
	return grown;
}

/* Add an entry; returns the state, which may be another one. */
static Buying *
Add(Buying *b, const Entry *e)
{
	if (b->n > 0 && b->entry[b->n - 1].at == e->at)
	{
		MergeEntry(&b->entry[b->n - 1], e, b->is_decimal);
		return b;
	}
	if (b->n == b->capacity)
	{
		Compress(b);
		/* to compress again and again should pay */
		if (b->n > b->capacity / 4 * 3)
			b = Grow(b);
	}
	b->entry[b->n++] = *e;
	return b;
}

/* The state of a call, NULL for none yet; it is of the kind of amounts. */
static Buying *
StateOf(FunctionCallInfo fcinfo, bool is_decimal)
{
	Buying	   *b;

	if (PG_ARGISNULL(ARG_STATE))
		return NULL;
	b = (Buying *) PG_GETARG_BYTEA_P(ARG_STATE);
	Check(b);
	if (b->is_decimal != is_decimal)
		ReportInvalid();
	return b;
}

/* What reads amounts, decimal ones or others, once in a process. */
static const CsConverter *
ConverterOf(bool is_decimal)
{
	static CsConverter converters[2];
	CsConverter *converter = &converters[is_decimal];

	if (!OidIsValid(converter->type))
		CsConverterInit(converter, is_decimal ? NUMERICOID : FLOAT8OID);
	return converter;
}

/* buying_accum(state, at, amount): add a line, of decimal amounts or of others; one without a time or an amount is left out. */
static Datum
Accumulate(FunctionCallInfo fcinfo, bool is_decimal)
{
	CsLine		line;
	Entry		e = {.lines = 1};
	Buying	   *b;

	(void) CsAggregateContext(fcinfo, "buying");
	if (PG_ARGISNULL(ARG_AT) || PG_ARGISNULL(ARG_AMOUNT))
		return CsAggregateState(fcinfo);
	memset(&line, 0, sizeof(line));
	if (!CsLineReadAmount(ConverterOf(is_decimal), is_decimal, PG_GETARG_DATUM(ARG_AMOUNT), &line))
		ReportInvalid();
	e.at = PG_GETARG_INT64(ARG_AT);
	e.purchases = !line.is_return;
	e.amount = ToAmount(&line.amount, is_decimal);
	b = StateOf(fcinfo, is_decimal);
	PG_RETURN_POINTER(Add(b == NULL ? Create(is_decimal) : b, &e));
}

Datum
custseg_buying_accum_decimal(PG_FUNCTION_ARGS)
{
	return Accumulate(fcinfo, true);
}

Datum
custseg_buying_accum_float(PG_FUNCTION_ARGS)
{
	return Accumulate(fcinfo, false);
}

/* buying_combine(state, other) */
Datum
custseg_buying_combine(PG_FUNCTION_ARGS)
{
	Buying	   *b,
			   *other;

	(void) CsAggregateContext(fcinfo, "buying");
	if (PG_ARGISNULL(ARG_OTHER))
		return CsAggregateState(fcinfo);
	/* a copy, for in a tuple it need not be aligned */
	other = (Buying *) PG_GETARG_BYTEA_P_COPY(ARG_OTHER);
	Check(other);
	b = StateOf(fcinfo, other->is_decimal);
	if (b == NULL)
		PG_RETURN_POINTER(other);
	for (int32 i = 0; i < other->n; i++)
	{
		Buying	   *grown = Add(b, &other->entry[i]);

		/* the state that was given belongs to the executor */
		if (grown != b && (Pointer) b != PG_GETARG_POINTER(ARG_STATE))
			pfree(b);
		b = grown;
	}
	PG_RETURN_POINTER(b);
}

/* Append a number, seven bits a byte, the lowest ones first. */
static void
AppendNumber(StringInfo out, uint64 x)
{
	for (; x >= 0x80; x >>= 7)
		appendStringInfoChar(out, (char) (x | 0x80));
	appendStringInfoChar(out, (char) x);
}

/* A number whose sign is its lowest bit, so that small ones are short. */
static inline uint64
WithSign(int64 x)
{
	return ((uint64) x << 1) ^ (x < 0 ? ~UINT64CONST(0) : 0);
}

static inline int64
WithoutSign(uint64 x)
{
	return (int64) ((x >> 1) ^ ((x & 1) ? ~UINT64CONST(0) : 0));
}

/* Append an amount. */
static void
AppendAmount(StringInfo out, const Amount *a, bool is_decimal)
{
	uint64		bits[2];

	if (is_decimal)
	{
		/* the high half is next to nothing but the sign */
		AppendNumber(out, WithSign(a->scale));
		AppendNumber(out, WithSign(a->high - (int64) (a->low >> 63)));
		AppendNumber(out, WithSign((int64) a->low));
		return;
	}
	bits[0] = pg_hton64(a->low);
	bits[1] = pg_hton64((uint64) a->high);
	appendBinaryStringInfo(out, (const char *) bits, sizeof(bits));
}

/* buying_final(state): the entries, packed; NULL without any */
Datum
custseg_buying_final(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	Buying	   *b;
	int64		at = 0;

	if (PG_ARGISNULL(ARG_STATE))
		PG_RETURN_NULL();
	b = (Buying *) PG_GETARG_BYTEA_P_COPY(ARG_STATE);
	Check(b);
	Compress(b);
	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoChar(&out, b->is_decimal ? 'd' : 'f');
	AppendNumber(&out, b->n);
	for (int32 i = 0; i < b->n; i++)
	{
		const Entry *e = &b->entry[i];

		AppendNumber(&out, WithSign((int64) ((uint64) e->at - (uint64) at)));
		AppendNumber(&out, (uint64) e->lines);
		AppendNumber(&out, (uint64) (e->lines - e->purchases));
		AppendAmount(&out, &e->amount, b->is_decimal);
		at = e->at;
	}
	pfree(b);
	SET_VARSIZE(out.data, out.len);
	PG_RETURN_POINTER(out.data);
}

/* Read a number. */
static uint64
ReadNumber(CsBoughtReader *r)
{
	uint64		x = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8		byte;

		if (r->next == r->end)
			ReportInvalid();
		byte = *r->next++;
		x |= (uint64) (byte & 0x7F) << shift;
		if ((byte & 0x80) == 0)
			return x;
	}
	ReportInvalid();
}

/* Read an amount; of others than decimal ones only a finite one. */
static CsSpending
ReadAmount(CsBoughtReader *r)
{
	Amount		a = {0};
	CsSpending	s;
	uint64		bits[2];

	if (r->is_decimal)
	{
		int64		scale = WithoutSign(ReadNumber(r));

		if (scale < -PG_INT16_MAX || scale > PG_INT16_MAX)
			ReportInvalid();
		a.scale = (int32) scale;
		a.high = WithoutSign(ReadNumber(r));
		a.low = (uint64) WithoutSign(ReadNumber(r));
		a.high = (int64) ((uint64) a.high + (a.low >> 63));
		return FromAmount(&a, true);
	}
	if (r->end - r->next < (ptrdiff_t) sizeof(bits))
		ReportInvalid();
	memcpy(bits, r->next, sizeof(bits));
	r->next += sizeof(bits);
	a.low = pg_ntoh64(bits[0]);
	a.high = (int64) pg_ntoh64(bits[1]);
	s = FromAmount(&a, false);
	if (!isfinite(s.binary.sum) || !isfinite(s.binary.rest))
		ReportInvalid();
	return s;
}

/* Raise an error for a row of nobody: the query leaves these out, but another server may not keep to that. */
void
CsBoughtCheckRow(const bool *nulls)
{
	if (nulls[CS_BUYING_ROW_CUSTOMER])
		ReportInvalid();
}

/*
 * Begin to read what buying() returned, which must stay as long; the amounts are decimal or not, and no time is before
 * the earliest or after the latest.
 */
void
CsBoughtOpen(CsBoughtReader *r, const bytea *bought, bool is_decimal, int64 earliest, int64 latest)
{
	r->next = (const uint8 *) VARDATA_ANY(bought);
	r->end = r->next + VARSIZE_ANY_EXHDR(bought);
	r->is_decimal = is_decimal;
	r->at = 0;
	r->is_first = true;
	r->earliest = earliest;
	r->latest = latest;
	if (r->next == r->end || *r->next++ != (is_decimal ? 'd' : 'f'))
		ReportInvalid();
	r->left = ReadNumber(r);
}

/* Read the next entry; times ascend.  False when there is none left. */
bool
CsBoughtNext(CsBoughtReader *r, CsBought *b)
{
	uint64		lines,
				returns;

	int64		before = r->at;

	if (r->left == 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	r->at = (int64) ((uint64) before + (uint64) WithoutSign(ReadNumber(r)));
	if (r->at < r->earliest || r->at > r->latest || (!r->is_first && r->at <= before))
		ReportInvalid();
	r->is_first = false;
	r->left--;
	lines = ReadNumber(r);
	returns = ReadNumber(r);
	if (lines < 1 || lines > PG_INT64_MAX / 8 || returns > lines)
		ReportInvalid();
	b->at = r->at;
	b->lines = (int64) lines;
	b->purchases = (int64) (lines - returns);
	b->amount = ReadAmount(r);
	return true;
}
