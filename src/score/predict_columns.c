/*
 * predict_columns.c
 *	  predict_columns(), which stands for predict() of a table's row in plans (rewrite.c).
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "score/score.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_predict_columns);

/* The arguments of predict_columns(). */
enum
{
	COLUMNS_MODEL, COLUMNS_VERSION, COLUMNS_NAMES, COLUMNS_VALUES
};

/* The collation of an argument, as the call was planned. */
static Oid
ArgumentCollation(FunctionCallInfo fcinfo, int argument)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && argument < list_length(((FuncExpr *) call)->args) ?
		exprCollation(list_nth(((FuncExpr *) call)->args, argument)) : InvalidOid;
}

/*
 * Bind the features to the columns of predict_columns(): names from an argument, types from the call.
 * What follows a NULL among the names are the columns that tell who the customer is.
 * The plan was made for the version that was deployed then; another one may need other columns.
 */
static void
BindArguments(CsCallSite *site, FunctionCallInfo fcinfo)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;
	int			nfeatures;
	int			ncolumns = 0;
	TupleDesc	desc;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(COLUMNS_NAMES), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls,
					  &n);
	for (nfeatures = 0; nfeatures < n && !nulls[nfeatures];)
		nfeatures++;
	for (int i = 0; i < n; i++)
		ncolumns += !nulls[i];
	if (ncolumns != PG_NARGS() - COLUMNS_VALUES || n - ncolumns > 1 || ncolumns - nfeatures > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d columns are named, but %d values are given", ncolumns,
						PG_NARGS() - COLUMNS_VALUES)));
	desc = CreateTemplateTupleDesc(ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), TextDatumGetCString(names[i + (i >= nfeatures)]),
						   get_fn_expr_argtype(fcinfo->flinfo, COLUMNS_VALUES + i), -1, 0);
		TupleDescInitEntryCollation(desc, (AttrNumber) (i + 1), ArgumentCollation(fcinfo, COLUMNS_VALUES + i));
		if (i >= nfeatures)
			site->key[i - nfeatures] = (AttrNumber) (i + 1);
	}
	site->binding = CsBindingForRow(site->pipeline, desc, site->name, site->binding_context);
	if (site->has_overrides)
		CsCallSiteLoadOverrides(site, desc, ncolumns - nfeatures);
	FreeTupleDesc(desc);
}

/* What somebody has decided for the customer of a call of predict_columns(). */
static const CsOverride *
FindOverrideOfColumns(const CsCallSite *site, const Datum *values, const bool *nulls)
{
	Datum		key[INDEX_MAX_KEYS];
	bool		key_nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < site->overrides->identity->nparts; i++)
	{
		key[i] = values[site->key[i] - 1];
		key_nulls[i] = nulls[site->key[i] - 1];
	}
	return CsOverridesFind(site->overrides, key, key_nulls);
}

/* Are the arguments before the values constants of the plan, which are the same for all rows? */
static bool
AreSettled(FunctionCallInfo fcinfo)
{
	FuncExpr   *call = (FuncExpr *) fcinfo->flinfo->fn_expr;

	if (call == NULL || !IsA(call, FuncExpr) || list_length(call->args) < COLUMNS_VALUES)
		return false;
	for (int i = 0; i < COLUMNS_VALUES; i++)
		if (!IsA(list_nth(call->args, i), Const))
			return false;
	return true;
}

/* Resolve the model of predict_columns() and bind its features, unless that is done and holds still. */
static CsCallSite *
CallSiteForColumns(FunctionCallInfo fcinfo)
{
	CsCallSite *site = CsCallSiteOfCall(fcinfo, false);
	text	   *model = PG_GETARG_TEXT_PP(COLUMNS_MODEL);
	int			version = CsVersionArgument(fcinfo, COLUMNS_VERSION);

	CsCallSiteResolve(site, model, version, CS_MODEL_BIT(CS_MODEL_SEGMENTS), CsCallSiteTakeModel);
	if (site->binding == NULL)
	{
		BindArguments(site, fcinfo);
		site->is_settled = AreSettled(fcinfo);
		site->at = NULL;
		if (site->overrides == NULL)
			site->at = CsPlainScoringArguments(&site->scoring, site->binding, site->binding_context);
	}
	return site;
}

/* The index of the segment of the values given, by hand or by the model; -1: none. */
static int
SegmentOfValues(CsCallSite *site, FunctionCallInfo fcinfo)
{
	const CsOverride *override;
	Datum		values[FUNC_MAX_ARGS];
	bool		nulls[FUNC_MAX_ARGS];

	for (int i = COLUMNS_VALUES; i < PG_NARGS(); i++)
	{
		values[i - COLUMNS_VALUES] = PG_GETARG_DATUM(i);
		nulls[i - COLUMNS_VALUES] = PG_ARGISNULL(i);
	}
	override = site->overrides == NULL ? NULL : FindOverrideOfColumns(site, values, nulls);
	if (override != NULL)
		return override->index;
	CsBindValues(site->binding, site->pipeline, values, nulls, site->raw);
	return CsScoringSegment(&site->scoring);
}

/*
 * predict_columns(model, version, names, VARIADIC values): predict() of a table's row, planned
 * without making the row; see rewrite.c.  Most calls are those of the same plan for values of float8.
 */
Datum
custseg_predict_columns(PG_FUNCTION_ARGS)
{
	CsCallSite *site = fcinfo->flinfo->fn_extra;
	int			index = -1;

	if (site == NULL || site->binding == NULL || !site->is_settled || !CsAsOfIsNow(&site->as_of))
	{
		if (PG_ARGISNULL(COLUMNS_MODEL) || PG_ARGISNULL(COLUMNS_NAMES))
			PG_RETURN_NULL();
		site = CallSiteForColumns(fcinfo);
	}
	if (site->at != NULL)
		index = CsPlainScoringSegmentOfFloats(&site->scoring, fcinfo->args + COLUMNS_VALUES, site->at);
	if (index < 0)
		index = SegmentOfValues(site, fcinfo);
	if (index < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[index].segment);
}
