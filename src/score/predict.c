/*
 * predict.c
 *	  The segment of one customer: predict, predict_name, predict_detail, and scorer.
 *
 * These are called once a row, millions of times a statement.  So all that is the same from row to
 * row is resolved once and kept with the call (CsCallSite, in fn_extra): the model by name and
 * version, the row type's columns, converters, buffers.  What a row then costs is a few compares
 * that nothing has moved, the reading of the needed columns, the pipeline, and the distances.
 *
 * What can move, and is looked at for each row: the arguments, the statement and the current user, who
 * may lose the right to use the model meanwhile (CsAsOf), and the row's type, which ALTER TABLE may
 * redefine in the middle of a function that keeps its plans.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "score/score.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(custseg_predict);
PG_FUNCTION_INFO_V1(custseg_predict_columns);
PG_FUNCTION_INFO_V1(custseg_predict_scorer);
PG_FUNCTION_INFO_V1(custseg_predict_name);
PG_FUNCTION_INFO_V1(custseg_predict_detail);
PG_FUNCTION_INFO_V1(custseg_scorer);

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

/* Is the customer argument jsonb?  An error when it is neither that nor a row. */
static bool
CustomerIsJsonb(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, CS_PREDICT_CUSTOMER);

	if (OidIsValid(type))
	{
		if (getBaseType(type) == JSONBOID)
			return true;
		if (type_is_rowtype(type))
			return false;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("a customer must be a row or a jsonb object, not %s",
					OidIsValid(type) ? format_type_be(type) : "of an unknown type"),
			 errhint("Pass the row itself, predict('m', t) where t is the table's alias, or a jsonb object.")));
	return false;				/* not reached */
}

/* The call's state, made at its first row; "is_row" when the customer need not be looked at. */
static CsCallSite *
GetCallSite(FunctionCallInfo fcinfo, bool is_row)
{
	FmgrInfo   *function = fcinfo->flinfo;
	CsCallSite *site = function->fn_extra;

	if (site == NULL)
	{
		bool		is_jsonb = !is_row && CustomerIsJsonb(fcinfo);

		site = MemoryContextAllocZero(function->fn_mcxt, sizeof(CsCallSite));
		site->is_jsonb = is_jsonb;
		site->context = AllocSetContextCreate(function->fn_mcxt, "custseg call",
											  ALLOCSET_SMALL_SIZES);
		function->fn_extra = site;
	}
	return site;
}

/* Drop what was resolved; an error on the way to something new leaves the site unresolved. */
static void
ForgetScorer(CsCallSite *site)
{
	site->scoring.scorer = NULL;
	site->argument = NULL;
	site->binding = NULL;
	site->row_type = InvalidOid;
	MemoryContextReset(site->context);
	site->binding_context = AllocSetContextCreate(site->context, "custseg row type",
												  ALLOCSET_SMALL_SIZES);
}

/* Is what the site holds the answer to this model and version still? */
static inline bool
IsResolvedModel(const CsCallSite *site, const text *model, int version)
{
	return site->scoring.scorer != NULL &&
		CsAsOfIsNow(&site->as_of) &&
		site->version == version &&
		site->model_length == VARSIZE_ANY_EXHDR(model) &&
		memcmp(site->model, VARDATA_ANY(model), site->model_length) == 0;
}

/* Take the model from the cache and keep it pinned; what is bound to it stays when it is the same. */
static void
ResolveModel(CsCallSite *site, const text *model, int version)
{
	char	   *name = text_to_cstring(model);
	CsAsOf		as_of = CsAsOfNow();
	const CsScorer *scorer = CsCacheGet(name, version);

	if (scorer != site->scoring.scorer)
	{
		ForgetScorer(site);
		CsCachePin(scorer, site->context);
		CsScoringInit(&site->scoring, scorer, site->context);
	}

	/* News that came meanwhile leave the generation behind: the next row asks again. */
	site->as_of = as_of;
	site->version = version;
	site->model_length = (int) strlen(name);
	memcpy(site->model, name, site->model_length);
	pfree(name);
}

/*
 * The call site of a function (model text, customer "any", version int), with its scorer resolved.
 * NULL when the result is NULL because an argument is.
 */
CsCallSite *
CsCallSiteForModel(FunctionCallInfo fcinfo)
{
	CsCallSite *site;
	text	   *model;
	int			version;

	if (PG_ARGISNULL(CS_PREDICT_MODEL) || PG_ARGISNULL(CS_PREDICT_CUSTOMER))
		return NULL;
	site = GetCallSite(fcinfo, false);
	model = PG_GETARG_TEXT_PP(CS_PREDICT_MODEL);
	version = CsVersionArgument(fcinfo, CS_PREDICT_VERSION);
	if (!IsResolvedModel(site, model, version))
		ResolveModel(site, model, version);
	return site;
}

/*
 * Is this the scorer that the site holds?  A plain one is told by its digest.  One that comes from
 * a table in compressed form, or as a pointer to where it is stored, is the same when those bytes
 * are; so it need not be fetched for each row.
 */
static bool
IsResolvedScorer(const CsCallSite *site, struct varlena *given)
{
	Size		size = VARSIZE_ANY(given);

	if (site->scoring.scorer == NULL || VARSIZE_ANY(site->argument) != size)
		return false;
	if (!VARATT_IS_EXTENDED(given))
		return !VARATT_IS_EXTENDED(site->argument) &&
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
	const CsScorer *scorer;

	ForgetScorer(site);
	old = MemoryContextSwitchTo(site->context);
	site->argument = memcpy(palloc(size), given, size);
	scorer = CsScorerFromDatum(PointerGetDatum(site->argument));
	CsScoringInit(&site->scoring, scorer, site->context);
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
	site = GetCallSite(fcinfo, false);
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
	const CsScorer *scorer = site->scoring.scorer;
	TupleDesc	desc = lookup_rowtype_tupdesc(type, typmod);

	site->binding = NULL;
	MemoryContextReset(site->binding_context);
	if (type != RECORDOID)
	{
		site->row_entry = lookup_type_cache(type, TYPECACHE_TUPDESC);
		site->row_identifier = site->row_entry->tupDesc_identifier;
	}
	site->row_type = type;
	site->row_typmod = typmod;
	site->binding = CsBindingForRow(CsScorerPipeline(scorer), desc, NameStr(scorer->model),
									site->binding_context);
	ReleaseTupleDesc(desc);
}

/* Place the customer, who is argument 1 of the call, as CsScoringPlace() does. */
bool
CsCallSitePlace(CsCallSite *site, Datum customer, CsAssignment *result, double *memberships)
{
	CsScoring  *scoring = &site->scoring;
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);

	if (site->is_jsonb)
		CsBindJsonb(p, DatumGetJsonbP(customer), NameStr(scoring->scorer->model), scoring->raw);
	else
	{
		HeapTupleHeader row = DatumGetHeapTupleHeader(customer);
		Oid			type = HeapTupleHeaderGetTypeId(row);
		int32		typmod = HeapTupleHeaderGetTypMod(row);

		if (!IsBoundTo(site, type, typmod))
			BindRowType(site, type, typmod);
		CsBindRow(site->binding, p, row, scoring->raw);
	}
	return CsScoringPlace(scoring, result, memberships);
}

/* predict(model, customer, version): number of the segment, NULL when it cannot be placed */
Datum
custseg_predict(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);
	CsAssignment placed;

	if (site == NULL || !CsCallSitePlace(site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER), &placed, NULL))
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[placed.index].segment);
}

/* The arguments of predict_columns(). */
enum
{
	COLUMNS_MODEL, COLUMNS_VERSION, COLUMNS_NAMES, COLUMNS_VALUES
};

/*
 * Bind the features to the columns of predict_columns(): names from an argument, types from the
 * call.  The plan was made for the version that was deployed then; another one may need other
 * columns.
 */
static void
BindArguments(CsCallSite *site, FunctionCallInfo fcinfo)
{
	const CsScorer *scorer = site->scoring.scorer;
	const CsPipeline *p = CsScorerPipeline(scorer);
	Datum	   *names;
	int			ncolumns;
	TupleDesc	desc;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(COLUMNS_NAMES), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL,
					  &ncolumns);
	if (ncolumns != PG_NARGS() - COLUMNS_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d columns are named, but %d values are given", ncolumns,
						PG_NARGS() - COLUMNS_VALUES)));
	desc = CreateTemplateTupleDesc(ncolumns);
	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), TextDatumGetCString(names[i]),
						   get_fn_expr_argtype(fcinfo->flinfo, COLUMNS_VALUES + i), -1, 0);
	site->binding = CsBindingForRow(p, desc, NameStr(scorer->model), site->binding_context);
	FreeTupleDesc(desc);
}

/*
 * predict_columns(model, version, names, VARIADIC values): predict() of a table's row, planned
 * without making the row; see rewrite.c.
 */
Datum
custseg_predict_columns(PG_FUNCTION_ARGS)
{
	CsCallSite *site;
	text	   *model;
	int			version;
	CsAssignment placed;
	Datum		values[FUNC_MAX_ARGS];
	bool		nulls[FUNC_MAX_ARGS];

	if (PG_ARGISNULL(COLUMNS_MODEL) || PG_ARGISNULL(COLUMNS_NAMES))
		PG_RETURN_NULL();
	site = GetCallSite(fcinfo, true);
	model = PG_GETARG_TEXT_PP(COLUMNS_MODEL);
	version = CsVersionArgument(fcinfo, COLUMNS_VERSION);
	if (!IsResolvedModel(site, model, version))
		ResolveModel(site, model, version);
	if (site->binding == NULL)
		BindArguments(site, fcinfo);
	for (int i = COLUMNS_VALUES; i < PG_NARGS(); i++)
	{
		values[i - COLUMNS_VALUES] = PG_GETARG_DATUM(i);
		nulls[i - COLUMNS_VALUES] = PG_ARGISNULL(i);
	}
	CsBindValues(site->binding, CsScorerPipeline(site->scoring.scorer), values, nulls,
				 site->scoring.raw);
	if (!CsScoringPlace(&site->scoring, &placed, NULL))
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[placed.index].segment);
}

/* predict(scorer, customer): the same of a model that is given by value */
Datum
custseg_predict_scorer(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForScorer(fcinfo);
	CsAssignment placed;

	if (site == NULL || !CsCallSitePlace(site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER), &placed, NULL))
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[placed.index].segment);
}

/* predict_name(model, customer, version): name of the segment */
Datum
custseg_predict_name(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);
	const CsScorer *scorer;
	CsAssignment placed;

	if (site == NULL || !CsCallSitePlace(site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER), &placed, NULL))
		PG_RETURN_NULL();
	scorer = site->scoring.scorer;
	PG_RETURN_TEXT_P(cstring_to_text(CsScorerAt(scorer, char,
												CsScorerSegments(scorer)[placed.index].name)));
}

/* The row type that predict_detail returns, looked up once. */
static TupleDesc
ResultDesc(FunctionCallInfo fcinfo, CsCallSite *site)
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

/* predict_detail(model, customer, version): the segment and how clear a case it is */
Datum
custseg_predict_detail(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);
	const CsScorer *scorer;
	const CsScorerSegment *segments;
	CsAssignment placed;
	double	   *memberships;

	if (site == NULL)
		PG_RETURN_NULL();
	scorer = site->scoring.scorer;
	segments = CsScorerSegments(scorer);
	memberships = palloc(sizeof(double) * scorer->nsegments);
	if (!CsCallSitePlace(site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER), &placed, memberships))
		PG_RETURN_NULL();

	PG_RETURN_DATUM(CsRowForm(ResultDesc(fcinfo, site),
							  CsValues(CsValueInt4(segments[placed.index].segment),
									   CsValueText(CsScorerAt(scorer, char, segments[placed.index].name)),
									   CsValueFloat8(placed.distance),
									   CsValueFloat8(placed.confidence),
									   placed.runner_up < 0 ? CsValueNull(INT4OID) :
									   CsValueInt4(segments[placed.runner_up].segment),
									   CsValueNumbers(memberships, scorer->nsegments))));
}

/* The arguments of scorer(). */
enum
{
	SCORER_MODEL, SCORER_VERSION
};

/* scorer(model, version): the compiled model by value */
Datum
custseg_scorer(PG_FUNCTION_ARGS)
{
	char	   *model = CsTextArgument(fcinfo, SCORER_MODEL);
	const CsScorer *scorer;

	if (model == NULL)
		PG_RETURN_NULL();
	scorer = CsCacheGet(model, CsVersionArgument(fcinfo, SCORER_VERSION));
	PG_RETURN_POINTER(memcpy(palloc(VARSIZE(scorer)), scorer, VARSIZE(scorer)));
}
