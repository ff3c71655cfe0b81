/*
 * purchase_report.c
 *	  What the training of a version of a model of purchases found, for functions that show it.
 */
#include "custseg.h"

#include "call/call.h"
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

/* purchase_report(model, version, part) */
Datum
custseg_purchase_report(PG_FUNCTION_ARGS)
{
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	const CsWorthVersion *v = CsWorthGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	int			version = CsCacheVersion(v);
	Jsonb	   *part = NULL;

	if (CsCatalogRead(part_sql, CsValues(CsValueText(model), CsValueInt4(version),
										 CsValueText(CsRequiredText(fcinfo, ARG_PART, "part"))),
					  CsTakeJsonb, &part) != 1)
		CsReportDropped(model, version);
	if (part == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(part);
}
