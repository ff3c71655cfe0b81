/*
 * repeat.c
 *	  The arguments of a version's training, for one that repeats it: retrain().
 */
#include "custseg.h"

#include "train/train.h"
#include "utils/fmgrprotos.h"

/* Segments that are given have their present names. */
static const char *const arguments_sql =
"SELECT v.algorithm, v.n_segments, v.id, v.prep,"
" CASE WHEN v.options OPERATOR(pg_catalog.?) 'segments'"
"  THEN custseg.rule_options(v.model, v.version) ELSE v.options END,"
" (SELECT pg_catalog.array_agg(f.name ORDER BY f.position) FROM custseg.feature AS f"
"  WHERE f.model OPERATOR(pg_catalog.=) v.model AND f.version OPERATOR(pg_catalog.=) v.version) "
"FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_retrain);

/* CsCatalogVisitor: the row. */
static void
TakeArguments(void *state, const CsCatalogRow *row)
{
	CsRepetition *r = state;
	bool		isnull;
	Datum		features = CsRowDatum(row, 6, &isnull);

	r->algorithm = CsRowText(row, 1);
	r->n_segments = CsRowInt4(row, 2, 0);
	r->id = CsRowText(row, 3);
	r->prep = CsRowJsonb(row, 4);
	r->options = CsRowJsonb(row, 5);
	r->features = isnull ? NULL : DatumGetArrayTypePCopy(features);
}

/*
 * The arguments of a version's training, with the options that the caller of retrain() names put in the
 * place of its own; palloc'd.  An error when the version has been dropped.
 */
CsRepetition
CsRepetitionRead(FunctionCallInfo fcinfo, const char *model, int version)
{
	CsRepetition r = {NULL};
	Jsonb	   *changes = CsJsonbArgument(fcinfo, CS_RETRAIN_OPTIONS);

	if (changes != NULL && !JB_ROOT_IS_OBJECT(changes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Name those that are to change: options => '{\"seed\": 7}'.")));
	if (CsCatalogRead(arguments_sql, CsValues(CsValueText(model), CsValueInt4(version)), TakeArguments, &r) != 1)
		CsReportDropped(model, version);
	if (changes != NULL)
		r.options = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(r.options),
													   JsonbPGetDatum(changes)));
	return r;
}

/*
 * custseg.retrain(model, source, options, deploy): as the deployed version was trained, but for the
 * options that are named.
 */
Datum
custseg_retrain(PG_FUNCTION_ARGS)
{
	char	   *model = CsRequiredText(fcinfo, CS_RETRAIN_MODEL, "model");

	CsRequireWritable("custseg.retrain()");
	CsModelCheckName(model);
	return CsRetrainers[CsModelKindOf(model)] (fcinfo, model);
}
