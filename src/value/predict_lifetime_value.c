/*
 * predict_lifetime_value.c
 *	  What one customer is worth, given as a row of purchase_summary() or as json: predict_lifetime_value().
 *
 * It is called once a row; what is the same from row to row is kept with the call site (score/call_site.c).
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "call/call.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/typcache.h"
#include "value/worth.h"

/* The arguments. */
enum
{
	ARG_MODEL, ARG_CUSTOMER, ARG_HORIZON, ARG_DISCOUNT, ARG_VERSION
};

/* What is read of a customer; times are in units. */
enum
{
	F_REPEATS, F_RECENCY, F_AGE, F_NEEDED, F_MONETARY = F_NEEDED, F_UNIT, FIELDS
};

static const char *const fieldNames[FIELDS] = {"repeats", "recency", "customer_age", "monetary", "unit"};

PG_FUNCTION_INFO_V1(custseg_predict_lifetime_value);

/* What a call site keeps: where the fields are in rows of a type. */
typedef struct Fields
{
	Oid			type;			/* of the last row; InvalidOid: none yet */
	uint64		identifier;		/* of the type as it was then */
	AttrNumber	attribute[FIELDS];	/* 0: there is none */
	CsConverter converter[FIELDS];
} Fields;

typedef struct Customer
{
	double		number[F_UNIT]; /* NaN: NULL */
	const char *unit;			/* NULL: the model's */
} Customer;

/* Make room for where the fields are, see CsCallSiteOfKind(). */
static void
TakeVersion(CsCallSite *site)
{
	site->state = MemoryContextAllocZero(site->context, sizeof(Fields));
}

/* The error of a customer without a field. */
static void
ReportMissing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the customer has no \"%s\"", name),
			 errhint("Pass a row of custseg.purchase_summary(), or one with its columns \"repeats\", \"recency\", \"customer_age\" and \"monetary\".")));
}

/* Find the fields in rows of a type. */
static void
BindFields(Fields *f, Oid type, int32 typmod, uint64 identifier)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, typmod);

	memset(f, 0, sizeof(Fields));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		for (int field = 0; field < FIELDS && !attribute->attisdropped; field++)
			if (strcmp(NameStr(attribute->attname), fieldNames[field]) == 0)
			{
				f->attribute[field] = attribute->attnum;
				CsConverterInit(&f->converter[field], attribute->atttypid);
				if (f->converter[field].kind != (field == F_UNIT ? CS_CATEGORICAL : CS_NUMERIC))
					ereport(ERROR,
							(errcode(ERRCODE_DATATYPE_MISMATCH),
							 errmsg("\"%s\" of the customer must be %s, not of type %s", fieldNames[field],
									field == F_UNIT ? "a text" : "a number",
									format_type_be(attribute->atttypid))));
			}
	}
	ReleaseTupleDesc(desc);
	for (int field = 0; field < F_NEEDED; field++)
		if (f->attribute[field] == 0)
			ReportMissing(fieldNames[field]);
	f->type = type;
	f->identifier = identifier;
}

/* Read a row. */
static void
ReadRow(Fields *f, HeapTupleHeader row, Customer *c)
{
	Oid			type = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);
	uint64		identifier = assign_record_type_identifier(type, typmod);
	bool		isnull;
	Datum		value;

	if (f->type != type || f->identifier != identifier)
		BindFields(f, type, typmod, identifier);
	for (int field = 0; field < F_UNIT; field++)
	{
		c->number[field] = NAN;
		if (f->attribute[field] == 0)
			continue;
		value = GetAttributeByNum(row, f->attribute[field], &isnull);
		if (!isnull)
			c->number[field] = f->converter[field].to_double(&f->converter[field], value);
	}
	if (f->attribute[F_UNIT] == 0)
		return;
	value = GetAttributeByNum(row, f->attribute[F_UNIT], &isnull);
	if (!isnull)
	{
		int			length;
		void	   *copy;
		const char *text = CsCategoryText(&f->converter[F_UNIT], value, &length, &copy);

		c->unit = pnstrdup(text, length);
	}
}

/* Read a json object. */
static void
ReadJson(Jsonb *json, Customer *c)
{
	JsonbContainer *object = &json->root;
	JsonbValue	value;

	for (int field = 0; field < F_UNIT; field++)
	{
		c->number[field] = NAN;
		if (!CsJsonFind(object, fieldNames[field], &value))
		{
			if (field < F_NEEDED)
				ReportMissing(fieldNames[field]);
			continue;
		}
		if (value.type != jbvNull && !CsJsonGetNumber(&value, &c->number[field]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("\"%s\" of the customer must be a number, not %s", fieldNames[field],
							CsJsonScalarText(&value) == NULL ? "a structure" : CsJsonScalarText(&value)),
					 value.type == jbvString ? errhint("A json number has no quotation marks.") : 0));
	}
	if (CsJsonFind(object, fieldNames[F_UNIT], &value) && value.type == jbvString)
		c->unit = CsJsonString(&value);
}

/* Error unless a number is finite and 0 or more. */
static void
CheckNumber(const Customer *c, int field)
{
	if (!(c->number[field] >= 0 && isfinite(c->number[field])))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" must be finite and not negative, but is %s", fieldNames[field],
						float8out_internal(c->number[field]))));
}

/* The days of the unit that the customer's times are in. */
static double
UnitOf(const Customer *c, const CsWorthModel *m)
{
	if (c->unit == NULL)
		return m->unit;
	for (int unit = 0; CsPurchaseUnitNames[unit] != NULL; unit++)
		if (strcmp(CsPurchaseUnitNames[unit], c->unit) == 0)
			return CsPurchaseUnitDays((CsPurchaseUnit) unit);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unit \"%s\" is not known", c->unit),
			 errhint("Units are \"week\" and \"day\".")));
	return 0;					/* not reached */
}

#define RECENCY_HINT "\"recency\" is the time from the first purchase to the last one, as custseg.purchase_summary() has it."

/* The history of a customer in the units of the model; an error when there is none like it. */
static CsPurchaseHistory
HistoryOf(const Customer *c, const CsWorthModel *m)
{
	double		units = UnitOf(c, m) / m->unit,
				repeats = c->number[F_REPEATS];

	for (int field = 0; field < F_NEEDED; field++)
		CheckNumber(c, field);
	if (c->number[F_RECENCY] > c->number[F_AGE])
		CsRejectValue(psprintf("\"recency\" is beyond \"customer_age\": %s and %s",
							   float8out_internal(c->number[F_RECENCY]), float8out_internal(c->number[F_AGE])), RECENCY_HINT);
	if (repeats == 0 && c->number[F_RECENCY] > 0)
		CsRejectValue(psprintf("\"recency\" must be 0 without repeats, not %s", float8out_internal(c->number[F_RECENCY])),
					  RECENCY_HINT);
	if (repeats != floor(repeats))
		CsRejectValue(psprintf("\"repeats\" must be a whole number, not %s", float8out_internal(repeats)),
					  "\"repeats\" is the number of days with a purchase after the first one, as custseg.purchase_summary() has it.");
	if (repeats > 0 && c->number[F_RECENCY] == 0)
		CsRejectValue(psprintf("\"recency\" must be above 0 with %s repeats, which are on later days", float8out_internal(repeats)),
					  RECENCY_HINT);
	return (CsPurchaseHistory) {c->number[F_REPEATS], c->number[F_RECENCY] * units, c->number[F_AGE] * units};
}

/* predict_lifetime_value(model, customer, horizon, discount, version) */
Datum
custseg_predict_lifetime_value(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteOfKind(fcinfo, ARG_VERSION, CS_MODEL_BIT(CS_MODEL_PURCHASES), TakeVersion);
	const CsWorthModel *m;
	Customer	c = {{0}};
	CsHorizon	horizon;
	CsPurchaseHistory h;
	double		value;

	if (site == NULL)
		PG_RETURN_NULL();
	m = &((const CsWorthVersion *) site->compiled)->model;
	horizon = CsHorizonArguments(fcinfo, ARG_HORIZON, ARG_DISCOUNT, m);
	if (site->is_jsonb)
		ReadJson(DatumGetJsonbP(site->customer), &c);
	else
		ReadRow(site->state, DatumGetHeapTupleHeader(site->customer), &c);
	for (int field = 0; field < F_NEEDED; field++)
		if (isnan(c.number[field]))
			PG_RETURN_NULL();
	h = HistoryOf(&c, m);
	value = CsWorthOf(m, &h, &horizon).discounted * CsSpendOf(m, h.repeats, c.number[F_MONETARY]);
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}
