/*
 * call_site.c
 *	  What a call site of predict() and similar functions resolves once and keeps in fn_extra.
 *
 * Such functions are called once a row, millions of times a statement.  So all that is the same from row to
 * row is resolved once and kept with the call (CsCallSite, in fn_extra): the model by name and
 * version, the row type's columns, converters, buffers.  What a row then costs is a few compares
 * that nothing has moved, the reading of the needed columns, the pipeline, and the distances.
 *
 * What can move, and is looked at for each row: the arguments, the statement and the current user, who
 * may lose the right to use the model meanwhile (CsAsOf), and the row's type, which ALTER TABLE may
 * redefine in the middle of a function that keeps its plans.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/*
 * Argument n as a version: NULL gives 0, which means the deployed one; a number below 1 is an
 * error.
 */
int
CsVersionArgument(FunctionCallInfo fcinfo, int n)
{
	int			version;

	if (PG_ARGISNULL(n))
		return 0;
	version = PG_GETARG_INT32(n);
	if (version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version must be 1 or more, not %d", version),
				 errhint("Leave the version out, or give NULL, for the deployed one.")));
	return version;
}

/* The type of the customer argument, without domains; an error when it is neither json nor a row's. */
Oid
CsCustomerType(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, CS_PREDICT_CUSTOMER);
	Oid			base = OidIsValid(type) ? getBaseType(type) : InvalidOid;

	if (base == JSONBOID || base == JSONOID || base == UNKNOWNOID ||
		(OidIsValid(type) && type_is_rowtype(type)))
		return base;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("a customer must be a row or a json object, not %s",
					OidIsValid(type) ? format_type_be(type) : "of an unknown type"),
			 errhint("Pass the row itself, predict('m', t) where t is the table's alias, "
					 "or a json object, '{\"age\": 41}'.")));
	return InvalidOid;			/* not reached */
}

/* The customer of a call as a jsonb or a row: a literal without a type is a C string. */
Datum
CsCustomerOf(FunctionCallInfo fcinfo, Oid type)
{
	Datum		given = PG_GETARG_DATUM(CS_PREDICT_CUSTOMER);

	if (type == UNKNOWNOID)
		return JsonbPGetDatum(CsJsonbFromText(DatumGetCString(given)));
	if (type == JSONOID)
		return JsonbPGetDatum(CsJsonbFromText(TextDatumGetCString(given)));
	return given;
}

/* A call site for customers of a type, as CsCustomerType() tells it; it lasts as long as "context". */
CsCallSite *
CsCallSiteMake(Oid customer_type, MemoryContext context)
{
	CsCallSite *site = MemoryContextAllocZero(context, sizeof(CsCallSite));

	site->customer_type = customer_type;
	site->is_jsonb = customer_type == JSONBOID || customer_type == JSONOID || customer_type == UNKNOWNOID;
	site->context = AllocSetContextCreate(context, "custseg call", ALLOCSET_SMALL_SIZES);
	return site;
}

/* The call's state, made at its first row, with its customer if that is an argument. */
CsCallSite *
CsCallSiteOfCall(FunctionCallInfo fcinfo, bool has_customer)
{
	FmgrInfo   *function = fcinfo->flinfo;
	CsCallSite *site = function->fn_extra;

	if (site == NULL)
	{
		site = CsCallSiteMake(has_customer ? CsCustomerType(fcinfo) : RECORDOID, function->fn_mcxt);
		function->fn_extra = site;
	}
	if (has_customer)
		site->customer = CsCustomerOf(fcinfo, site->customer_type);
	return site;
}

/* Drop what was resolved; an error on the way to something new leaves the site unresolved. */
static void
ForgetScorer(CsCallSite *site)
{
	site->compiled = NULL;
	site->scoring.scorer = NULL;
	site->argument = NULL;
	site->binding = NULL;
	site->overrides = NULL;
	site->has_overrides = false;
	site->row_type = InvalidOid;
	MemoryContextReset(site->context);
	site->binding_context = AllocSetContextCreate(site->context, "custseg row type",
												  ALLOCSET_SMALL_SIZES);
}

/* Is what the site holds the answer to this model and version still? */
static inline bool
IsResolvedModel(const CsCallSite *site, const text *model, int version)
{
	return site->compiled != NULL &&
		CsAsOfIsNow(&site->as_of) &&
		site->version == version &&
		site->model_length == VARSIZE_ANY_EXHDR(model) &&
		memcmp(site->model, VARDATA_ANY(model), site->model_length) == 0;
}

/* Note how the model tells customers, and have what is decided for those that come as jsonb. */
static void
ResolveOverrides(CsCallSite *site)
{
	MemoryContext old = MemoryContextSwitchTo(site->context);
	const CsScorer *scorer = site->scoring.scorer;
	const CsDecisions *decisions = CsCacheDecisions(scorer);

	site->has_overrides = true;
	site->trained_key = decisions->key;
	if (site->is_jsonb && decisions->overrides != NULL)
		site->overrides = CsOverridesTold(scorer, decisions->overrides);
	else if (site->is_jsonb && decisions->key.names != NIL)
		site->overrides = CsOverridesLoad(scorer, CsIdentityOfKey(&decisions->key));
	MemoryContextSwitchTo(old);
}

/* Load what is decided for customers that come as rows, told by n attributes of them. */
void
CsCallSiteLoadOverrides(CsCallSite *site, TupleDesc desc, int n)
{
	MemoryContext old = MemoryContextSwitchTo(site->binding_context);

	site->overrides = n == 0 ? NULL :
		CsOverridesLoad(site->scoring.scorer, CsIdentityOfAttributes(desc, site->key, n));
	MemoryContextSwitchTo(old);
}

/* Score with the site's version, a scorer. */
static void
TakeScorer(CsCallSite *site)
{
	const CsScorer *scorer = site->compiled;

	CsScoringInit(&site->scoring, scorer, site->context);
	site->pipeline = CsScorerPipeline(scorer);
	site->name = NameStr(scorer->model);
	site->raw = site->scoring.raw;
}

/* The same, where decisions by hand hold; for CsCallSiteOfKind(). */
void
CsCallSiteTakeModel(CsCallSite *site)
{
	TakeScorer(site);
	if (CsCacheHasOverrides(site->compiled))
		ResolveOverrides(site);
}

/*
 * Take the model, of one of these kinds, from the cache and keep it pinned; what is bound to it stays
 * when it is the same.
 */
static void
ResolveModel(CsCallSite *site, const text *model, int version, int kinds, void (*take) (CsCallSite *site))
{
	char	   *name = text_to_cstring(model);
	CsAsOf		as_of = CsAsOfNow();
	const void *compiled = CsCacheGetOfKind(kinds, name, version);

	if (compiled != site->compiled)
	{
		ForgetScorer(site);
		CsCachePin(compiled, site->context);
		site->compiled = compiled;
		take(site);
	}

	/* News that came meanwhile leave the generation behind: the next row asks again. */
	site->as_of = as_of;
	site->version = version;
	site->model_length = (int) strlen(name);
	memcpy(site->model, name, site->model_length);
	pfree(name);
}

/* Have a site's version resolved, of one of these kinds; see CsCallSiteOfKind(). */
void
CsCallSiteResolve(CsCallSite *site, const text *model, int version, int kinds, void (*take) (CsCallSite *site))
{
	if (!IsResolvedModel(site, model, version))
		ResolveModel(site, model, version, kinds, take);
}

/*
 * The call site of a function (model text, customer "any", ..., version int), with its version resolved, which
 * is of one of these kinds: take() then sets the site's pipeline, name and raw, and keeps what it needs
 * in "state", all in the site's context.  NULL when the result is NULL because an argument is.
 */
CsCallSite *
CsCallSiteOfKind(FunctionCallInfo fcinfo, int version_argument, int kinds, void (*take) (CsCallSite *site))
{
	CsCallSite *site;
	text	   *model;
	int			version;

	if (PG_ARGISNULL(CS_PREDICT_MODEL) || PG_ARGISNULL(CS_PREDICT_CUSTOMER))
		return NULL;
	site = CsCallSiteOfCall(fcinfo, true);
	model = PG_GETARG_TEXT_PP(CS_PREDICT_MODEL);
	version = CsVersionArgument(fcinfo, version_argument);
	CsCallSiteResolve(site, model, version, kinds, take);
	return site;
}

/*
 * Have a call site that its owner made place a customer, as CsCustomerOf() gives them, by the deployed version of a model
 * of segments.
 */
void
CsCallSiteTake(CsCallSite *site, const char *model, Datum customer)
{
	site->customer = customer;
	if (!CsAsOfIsNow(&site->as_of) || site->compiled == NULL)
		ResolveModel(site, cstring_to_text(model), 0, CS_MODEL_BIT(CS_MODEL_SEGMENTS), CsCallSiteTakeModel);
}

/* The call site of such a function that is about segments. */
CsCallSite *
CsCallSiteForModel(FunctionCallInfo fcinfo)
{
	return CsCallSiteOfKind(fcinfo, CS_PREDICT_VERSION, CS_MODEL_BIT(CS_MODEL_SEGMENTS), CsCallSiteTakeModel);
}

/*
 * Is this the scorer that the site holds?  A plain one is told by its digest, if it has one.  One that comes from
 * a table in compressed form, or as a pointer to where it is stored, is the same when those bytes
 * are; so it need not be fetched for each row.
 */
static bool
IsResolvedScorer(const CsCallSite *site, struct varlena *given)
{
	Size		size = VARSIZE_ANY(given);

	if (site->compiled == NULL || VARSIZE_ANY(site->argument) != size)
		return false;
	if (!VARATT_IS_EXTENDED(given))
		return !VARATT_IS_EXTENDED(site->argument) && ((const CsScorer *) given)->digest[0] != 0 &&
			memcmp(given, site->argument, offsetof(CsScorer, model)) == 0;
	if (VARATT_IS_EXTERNAL(given) && !VARATT_IS_EXTERNAL_ONDISK(given))
		return false;
	return memcmp(given, site->argument, size) == 0;
}

/* Keep a copy of a scorer that came as an argument. */
static void
ResolveScorer(CsCallSite *site, struct varlena *given)
{
	Size		size = VARSIZE_ANY(given);
	MemoryContext old;

	ForgetScorer(site);
	old = MemoryContextSwitchTo(site->context);
	site->argument = memcpy(palloc(size), given, size);
	site->compiled = CsScorerFromDatum(PointerGetDatum(site->argument));
	TakeScorer(site);
	MemoryContextSwitchTo(old);
}

/*
 * The call site of a function (compiled_model, customer "any").  NULL when the result is NULL
 * because an argument is.
 */
CsCallSite *
CsCallSiteForScorer(FunctionCallInfo fcinfo)
{
	CsCallSite *site;
	struct varlena *given;

	if (PG_ARGISNULL(CS_PREDICT_MODEL) || PG_ARGISNULL(CS_PREDICT_CUSTOMER))
		return NULL;
	site = CsCallSiteOfCall(fcinfo, true);
	given = (struct varlena *) PG_GETARG_POINTER(CS_PREDICT_MODEL);
	if (!IsResolvedScorer(site, given))
		ResolveScorer(site, given);
	return site;
}

/* Is the binding for rows of exactly this type, unchanged since then? */
static inline bool
IsBoundTo(const CsCallSite *site, Oid type, int32 typmod)
{
	return site->binding != NULL && site->row_type == type && site->row_typmod == typmod &&
		(type == RECORDOID || site->row_entry->tupDesc_identifier == site->row_identifier);
}

/* Bind the features to the columns of a row type. */
static void
BindRowType(CsCallSite *site, Oid type, int32 typmod)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, typmod);

	site->binding = NULL;
	site->overrides = NULL;
	MemoryContextReset(site->binding_context);
	if (type != RECORDOID)
	{
		site->row_entry = lookup_type_cache(type, TYPECACHE_TUPDESC);
		site->row_identifier = site->row_entry->tupDesc_identifier;
	}
	site->row_type = type;
	site->row_typmod = typmod;
	site->binding = CsBindingForRow(site->pipeline, desc, site->name, site->binding_context);
	if (site->has_overrides)
	{
		List	   *names = CsKeyOfRow(&site->trained_key, desc, get_typ_typrelid(type));

		CsKeyAttributes(names, desc, site->key);
		CsCallSiteLoadOverrides(site, desc, list_length(names));
	}
	ReleaseTupleDesc(desc);
}

/* Have the binding for a row's type. */
static inline void
BindRow(CsCallSite *site, HeapTupleHeader row)
{
	Oid			type = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);

	if (!IsBoundTo(site, type, typmod))
		BindRowType(site, type, typmod);
}

/* Bind the features to the customer of the call: fills the site's raw values. */
void
CsCallSiteBind(CsCallSite *site)
{
	if (site->is_jsonb)
		CsBindJsonb(site->pipeline, DatumGetJsonbP(site->customer), site->name, site->raw);
	else
	{
		HeapTupleHeader row = DatumGetHeapTupleHeader(site->customer);

		BindRow(site, row);
		CsBindRow(site->binding, site->pipeline, row, site->raw);
	}
}

/* The customer's value of a feature as it was given, palloc'd; NULL when it is missing. */
char *
CsCallSiteText(const CsCallSite *site, int feature)
{
	return site->is_jsonb ? CsJsonbText(site->pipeline, DatumGetJsonbP(site->customer), feature) :
		CsBindingText(site->binding, feature);
}

/* Place the customer of the call, as CsScoringPlace() does. */
bool
CsCallSitePlace(CsCallSite *site, CsAssignment *result, double *memberships)
{
	CsCallSiteBind(site);
	return CsScoringPlace(&site->scoring, result, memberships);
}

/* The values of a row that tell who the customer is. */
static void
KeyOfRow(CsCallSite *site, HeapTupleHeader row, Datum *values, bool *nulls)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	TupleDesc	desc = lookup_rowtype_tupdesc(site->row_type, site->row_typmod);

	for (int i = 0; i < site->overrides->identity->nparts; i++)
		values[i] = heap_getattr(&tuple, site->key[i], desc, &nulls[i]);
	ReleaseTupleDesc(desc);
}

/*
 * Likewise of a json object, as CsIdentityRead() gives them.  Returns false when one is missing there, or is
 * no value of its type.
 */
static bool
KeyOfJsonb(CsCallSite *site, Jsonb *customer, Datum *values)
{
	CsIdentity *identity = site->overrides->identity;

	for (int i = 0; i < identity->nparts; i++)
	{
		JsonbValue	value;
		char	   *text = CsJsonFind(&customer->root, list_nth(site->trained_key.names, i), &value) ?
			CsJsonScalarText(&value) : NULL;

		if (text == NULL || !CsIdentityReadPart(identity, i, text, &values[i]))
			return false;
	}
	return true;
}

/* What somebody has decided for a customer, whose row's type is bound, or NULL. */
static const CsOverride *
FindOverride(CsCallSite *site)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (site->is_jsonb)
		return KeyOfJsonb(site, DatumGetJsonbP(site->customer), values) ?
			CsOverridesFindPrepared(site->overrides, values) : NULL;
	KeyOfRow(site, DatumGetHeapTupleHeader(site->customer), values, nulls);
	return CsOverridesFind(site->overrides, values, nulls);
}

/*
 * What somebody has decided by hand for the customer of a call, where the model is given by name and the
 * customer comes with the id.  NULL when the model decides.
 */
const CsOverride *
CsCallSiteFindOverride(CsCallSite *site)
{
	if (!site->is_jsonb && site->has_overrides)
		BindRow(site, DatumGetHeapTupleHeader(site->customer));
	return site->overrides == NULL ? NULL : FindOverride(site);
}

/*
 * Has somebody decided by hand for the customer of a call that explains why the model decides as it does?
 * Then a NOTICE says who has.
 */
bool
CsIsDecidedByHand(CsCallSite *site)
{
	const CsOverride *override = CsCallSiteFindOverride(site);

	if (override == NULL)
		return false;
	if (override->index < 0)
		ereport(NOTICE,
				(errmsg("role %s has excluded the customer by hand, so there is nothing to explain",
						override->made_by),
				 errhint("SELECT * FROM custseg.overrides lists the decisions and their reasons.")));
	else
		ereport(NOTICE,
				(errmsg("role %s has put the customer in segment %d by hand, which no feature explains",
						override->made_by,
						CsScorerSegments(site->scoring.scorer)[override->index].segment),
				 errhint("SELECT * FROM custseg.overrides lists the decisions and their reasons.")));
	return true;
}

/*
 * The index of a customer's segment, by hand or by the model; -1 when the customer is excluded or cannot be placed.
 * The model is not asked where somebody has decided.
 */
int
CsCallSiteSegment(CsCallSite *site)
{
	const CsOverride *override = CsCallSiteFindOverride(site);

	if (override != NULL)
		return override->index;
	CsCallSiteBind(site);
	return CsScoringSegment(&site->scoring);
}

/* The row type that a function of a call site returns, looked up once. */
TupleDesc
CsCallSiteDesc(FunctionCallInfo fcinfo, CsCallSite *site)
{
	if (site->result_desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	desc;

		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		site->result_desc = BlessTupleDesc(desc);
		MemoryContextSwitchTo(old);
	}
	return site->result_desc;
}

/*
 * What there is to tell of the customer of a call, in CurrentMemoryContext: the segment, by hand or by the
 * model, and how clear a case it is.  The model is not asked where somebody has decided.
 */
CsDetail
CsCallSiteDetail(CsCallSite *site)
{
	CsDetail	detail = {.override = CsCallSiteFindOverride(site), .index = -1,
	.placed = {.distance = NAN, .confidence = NAN, .runner_up = -1}};

	if (detail.override != NULL)
	{
		detail.index = detail.override->index;
		return detail;
	}
	detail.memberships = palloc(sizeof(double) * site->scoring.scorer->nsegments);
	if (CsCallSitePlace(site, &detail.placed, detail.memberships))
		detail.index = detail.placed.index;
	return detail;
}
