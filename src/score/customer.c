/*
 * customer.c
 *	  A customer whom somebody names by id, to decide for by hand.
 *
 * The id may be given as a value of any type, or as a literal.  It becomes a value of the type that the
 * model's customers are told by: what is none is an error, since a decision for nobody would go
 * unnoticed.  For the same reason a NOTICE says when no row of the model's source has the id.
 */
#include "custseg.h"

#include <float.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* What looking for a customer may cost, in the planner's units, from a statement's second call on. */
#define COST_OF_REPETITION 1000

/* How the customers of a model are told, palloc'd; NULL when the model has no id. */
CsIdentity *
CsIdentityOfModel(const char *model)
{
	CsKey		key;

	CsModelKey(model, &key);
	return CsIdentityOfKey(&key);
}

/* The error of a row or json where an id belongs. */
static void
RejectCustomer(Oid type, const CsIdentity *identity)
{
	int			n = identity == NULL ? 1 : identity->nparts;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 n == 1 ?
			 errmsg("a customer is named by id here, not by a value of type %s", format_type_be(type)) :
			 errmsg("a customer is named by the %d values of the id here, not by a value of type %s",
					n, format_type_be(type)),
			 n == 1 ? errhint("Pass the value of the id alone, as c.id.") :
			 errhint("Pass the %d values of the id alone, as ROW(c.shop, c.id).", n)));
}

/* A value cast by that function. */
static Datum
Cast(Oid function, Datum value)
{
	if (!OidIsValid(function))
		return value;
	switch (get_func_nargs(function))
	{
		case 1:
			return OidFunctionCall1Coll(function, DEFAULT_COLLATION_OID, value);
		case 2:
			return OidFunctionCall2Coll(function, DEFAULT_COLLATION_OID, value, Int32GetDatum(-1));
		default:
			return OidFunctionCall3Coll(function, DEFAULT_COLLATION_OID, value, Int32GetDatum(-1),
										BoolGetDatum(true));
	}
}

/* Cast a value to a type of fewer values; an error when it is none of these. */
static Datum
Narrow(Oid to, Oid function, Datum value, Oid from, Oid back)
{
	Datum		result = Cast(function, value);
	TypeCacheEntry *entry = lookup_type_cache(from, TYPECACHE_CMP_PROC_FINFO);

	if (OidIsValid(entry->cmp_proc) &&
		DatumGetInt32(FunctionCall2Coll(&entry->cmp_proc_finfo, DEFAULT_COLLATION_OID, value,
										Cast(back, result))) != 0)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(from, &output, &is_varlena);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("customer %s is no value of type %s, which the model tells customers by",
						OidOutputFunctionCall(output, value), format_type_be(to)),
				 errhint("Pass the value of the customer's id.")));
	}
	return result;
}

/* A text as a value of a part, as the session reads it; an error when it is none. */
static Datum
ReadText(CsIdPart *part, char *text)
{
	return InputFunctionCall(&part->input, text, part->input_parameter, -1);
}

/* A value of any type as one of a part. */
static Datum
Convert(CsIdPart *part, Datum value, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			function;
	Oid			back;
	Oid			output;
	bool		is_varlena;
	char		category;
	bool		is_preferred;
	int			level;

	if (type == UNKNOWNOID)
		return ReadText(part, DatumGetCString(value));
	if (base == part->type)
		return value;
	if (CsFindCast(base, part->type, COERCION_IMPLICIT, &function))
		return Cast(function, value);
	if (CsFindCast(part->type, base, COERCION_IMPLICIT, &back) &&
		CsFindCast(base, part->type, COERCION_EXPLICIT, &function))
		return Narrow(part->type, function, value, base, back);

	/* by its text: one that the caller has written, or one that says the same whatever the settings */
	getTypeOutputInfo(base, &output, &is_varlena);
	get_type_category_preferred(base, &category, &is_preferred);
	if (category == TYPCATEGORY_STRING)
		return ReadText(part, OidOutputFunctionCall(output, value));
	level = CsPlainSettings();
	value = ReadText(part, OidOutputFunctionCall(output, value));
	AtEOXact_GUC(true, level);
	return value;
}

/* The values of a row, one for each part of an identity, or of the row's own when that is NULL. */
static char *
ConvertRow(HeapTupleHeader row, Oid type, CsIdentity *identity)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row),
												   HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	AttrNumber	attributes[INDEX_MAX_KEYS];
	Datum		values[INDEX_MAX_KEYS];
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		bool		isnull;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		if (n == (identity == NULL ? INDEX_MAX_KEYS : identity->nparts))
			RejectCustomer(type, identity);
		attributes[n] = (AttrNumber) (i + 1);
		values[n++] = heap_getattr(&tuple, i + 1, desc, &isnull);
		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("customer must not contain NULL")));
	}
	if (n < (identity == NULL ? 2 : identity->nparts))
		RejectCustomer(type, identity);
	if (identity == NULL)
		identity = CsIdentityOfAttributes(desc, attributes, n);
	else
		for (int i = 0; i < n; i++)
			values[i] = Convert(&identity->parts[i], values[i],
								TupleDescAttr(desc, attributes[i] - 1)->atttypid);
	return CsIdentityPlain(identity, values);
}

/* The text of a row, which names one of several columns each, as the session reads it. */
static char *
ConvertTexts(const char *text, CsIdentity *identity)
{
	char	   *texts[INDEX_MAX_KEYS];
	Datum		values[INDEX_MAX_KEYS];

	if (!CsIdentityTexts(identity, text, texts))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("customer \"%s\" does not name the %d values that the model tells customers by",
						text, identity->nparts),
				 errhint("Pass them as a row, ROW(c.shop, c.id), or as its text, '(north,7)'.")));
	for (int i = 0; i < identity->nparts; i++)
		values[i] = ReadText(&identity->parts[i], texts[i]);
	return CsIdentityPlain(identity, values);
}

/*
 * The customer that an argument of any type names, as text that says the same whatever the settings;
 * palloc'd.  The identity says how customers are told, and may be NULL.  Raises an error for NULL, and
 * for what is no id.
 */
char *
CsCustomerArgument(FunctionCallInfo fcinfo, int argument, CsIdentity *identity)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argument);
	Datum		value;
	char		category;
	bool		is_preferred;
	CsColumn	column = {.type = type};

	CsRequireArgument(fcinfo, argument, "customer");
	value = PG_GETARG_DATUM(argument);
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the customer");
	if (type_is_rowtype(type) && (identity == NULL ? type == RECORDOID : identity->nparts > 1))
		return ConvertRow(DatumGetHeapTupleHeader(value), type, identity);
	if ((type_is_rowtype(type) || getBaseType(type) == JSONBOID || getBaseType(type) == JSONOID) &&
		(identity == NULL || identity->nparts > 1 || identity->parts[0].type != getBaseType(type)))
		RejectCustomer(type, identity);
	if (identity == NULL)
		return type == UNKNOWNOID ? pstrdup(DatumGetCString(value)) :
			CsIdentityPlain(CsIdentityOfColumns(list_make1(&column)), &value);
	if (identity->nparts == 1)
	{
		value = Convert(&identity->parts[0], value, type);
		return CsIdentityPlain(identity, &value);
	}
	if (type == UNKNOWNOID)
		return ConvertTexts(DatumGetCString(value), identity);
	get_type_category_preferred(getBaseType(type), &category, &is_preferred);
	if (category == TYPCATEGORY_STRING)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(type, &output, &is_varlena);
		return ConvertTexts(OidOutputFunctionCall(output, value), identity);
	}
	RejectCustomer(type, identity);
	return NULL;				/* not reached */
}

/*
 * The customer that an argument names for a model, whose identity is given, as text; palloc'd.  Reading a value
 * of the id's type may run what the model's owner wrote, such as the conditions of a domain: so that is done as
 * the owner.
 */
char *
CsCustomerOfModel(FunctionCallInfo fcinfo, int argument, const char *model, CsIdentity *identity)
{
	Oid			owner = CsModelOwner(model);
	CsReading	reading;
	char	   *customer;

	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that owns model \"%s\" does not exist any more", model),
				 errhint("A superuser can give the model to a role: UPDATE custseg.model SET owner = ... WHERE name = %s.",
						 quote_literal_cstr(model))));
	reading = CsReadingBeginAs(owner == GetUserId() ? InvalidOid : owner);
	customer = CsCustomerArgument(fcinfo, argument, identity);
	CsReadingEnd(&reading);
	return customer;
}

/* A customer whose other texts are looked for; under CsPlainSettings(), as CsCustomerIsSame(). */
CsSameCustomer
CsSameCustomerOf(CsIdentity *identity, const char *customer)
{
	CsSameCustomer s = {.identity = identity};

	s.is_read = CsIdentityRead(identity, customer, s.customer);
	return s;
}

/* Does a text name that customer, by the type of the id? */
bool
CsCustomerIsSame(const CsSameCustomer *s, const char *text)
{
	Datum		other[INDEX_MAX_KEYS];

	return s->is_read && CsIdentityRead(s->identity, text, other) &&
		CsIdentityCompare(s->identity, s->customer, other) == 0;
}

/* Does a row of the source of a model have the id?  An error when the source cannot be read. */
static CsPresence
LookInSource(const char *model, const char *customer, double most)
{
	const CsScorer *scorer = CsCacheGet(model, 0);
	CsRelation *rel;
	List	   *columns;
	CsIdentity *identity;
	Datum		values[INDEX_MAX_KEYS];
	bool		can_be;
	int			level;

	CsCachePin(scorer, CurrentMemoryContext);
	rel = CsSourceOpen(scorer, NULL);
	columns = CsFindKey(rel, CsScorerId(scorer));
	if (columns == NIL)
		return CS_PRESENCE_NAMELESS;
	identity = CsIdentityOfColumns(columns);
	level = CsPlainSettings();
	can_be = CsIdentityRead(identity, customer, values);
	AtEOXact_GUC(true, level);
	return can_be ? CsRelationHasId(rel, columns, identity, values, most) : CS_PRESENCE_MISSING;
}

/* A question to LookInSource(), and its answer. */
typedef struct Search
{
	const char *model;
	const char *customer;
	double		most;
	CsPresence	presence;
} Search;

/* LookInSource() for CsAttempt(). */
static void
SearchSource(void *state)
{
	Search	   *search = state;

	search->presence = LookInSource(search->model, search->customer, search->most);
}

/* Likewise; what goes wrong on the way, unless it ends the command, is no reason against a decision. */
static CsPresence
TrySource(const char *model, const char *customer, double most)
{
	Search		search = {model, customer, most, CS_PRESENCE_UNKNOWN};

	return CsAttempt(SearchSource, &search, CsEndsCommand) == NULL ? search.presence : CS_PRESENCE_UNKNOWN;
}

/*
 * Say by a NOTICE that no row of the sources of these models (char *) has the id, or that the source
 * of the only one tells no customers apart, if so it is.  A call that has been made before by the same
 * statement, which "repeated" tells, looks where an index helps.
 */
void
CsTellUnknownCustomer(const List *models, const char *customer, bool repeated)
{
	CsPresence	presence = CS_PRESENCE_UNKNOWN;
	int			missing = 0;
	ListCell   *cell;

	foreach(cell, models)
	{
		presence = TrySource(lfirst(cell), customer, repeated ? COST_OF_REPETITION : DBL_MAX);

		if (presence == CS_PRESENCE_FOUND)
			return;
		missing += presence == CS_PRESENCE_MISSING;
	}
	if (models == NIL)
		ereport(NOTICE,
				(errmsg("role %s has no model yet", CsCallerName()),
				 errdetail("The decision is kept, for when there is one.")));
	else if (list_length(models) == 1 && presence == CS_PRESENCE_NAMELESS)
		ereport(NOTICE,
				(errmsg("the source of model \"%s\" has no column that identifies a customer", (char *) linitial(models)),
				 errdetail("The decision is kept, but nothing can honour it."),
				 errhint("Train with the id, as id => 'customer_id', or give the table a primary key.")));
	else if (list_length(models) == 1 && missing == 1)
		ereport(NOTICE,
				(errmsg("no row of the source of model \"%s\" has the id %s", (char *) linitial(models), customer),
				 errdetail("The decision is kept, for when there is one.")));
	else if (missing > 0)
		ereport(NOTICE,
				(errmsg("no row of the sources of %d models of role %s has the id %s", missing,
						CsCallerName(), customer),
				 errdetail("The decision is kept, for when there is one.")));
}
