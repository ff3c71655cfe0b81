/*
 * value_report.c
 *	  What the training of a version of a model of purchases, of a value or of a probability found, for
 *	  functions that show it.
 */
#include "custseg.h"

#include "call/call.h"
#include "value/predictor.h"
#include "value/worth.h"

static const char *const part_sql =
"SELECT v.metrics OPERATOR(pg_catalog.->) $3 FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* The arguments. */
enum
{
	ARG_MODEL, ARG_VERSION, ARG_PART
};

PG_FUNCTION_INFO_V1(custseg_purchase_report);
PG_FUNCTION_INFO_V1(custseg_prediction_report);

/* A part of the metrics of a version of one of these kinds. */
static Datum
Report(FunctionCallInfo fcinfo, int kinds)
{
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	int			version = CsCacheVersion(CsCacheGetOfKind(kinds, model, CsVersionArgument(fcinfo, ARG_VERSION)));
	Jsonb	   *part = NULL;

	if (CsCatalogRead(part_sql, CsValues(CsValueText(model), CsValueInt4(version),
										 CsValueText(CsRequiredText(fcinfo, ARG_PART, "part"))),
					  CsTakeJsonb, &part) != 1)
		CsReportDropped(model, version);
	if (part == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(part);
}

/* purchase_report(model, version, part) */
Datum
custseg_purchase_report(PG_FUNCTION_ARGS)
{
	return Report(fcinfo, CS_MODEL_BIT(CS_MODEL_PURCHASES));
}

/* prediction_report(model, version, part) */
Datum
custseg_prediction_report(PG_FUNCTION_ARGS)
{
	return Report(fcinfo, CS_PREDICTOR_KINDS);
}
