/*
 * forget.c
 *	  A person's rows deleted everywhere: forget_customer().
 *
 * What is deleted are rows that name the customer.  Counts stay, for they name nobody.  So does an objection
 * that is in force: without it the customer would be placed again.  Versions that keep values of rows of
 * their training do not say whose they are, so they are listed for their owner to train again.
 */
#include "custseg.h"

#include "call/call.h"
#include "life/life.h"
#include "score/score.h"

/* Is the role of these columns one that the caller, $2, has the rights of? */
#define OWNED_SQL(t) \
"pg_catalog.pg_has_role($2, custseg_private.role_oid(" t ".owner, " t ".owner_oid, " t ".owner_cluster), 'USAGE')"

/* A decision that goes: all but objections that are in force. */
#define GOES_SQL \
"o.customer OPERATOR(pg_catalog.=) $1 AND " OWNED_SQL("o") \
" AND (o.kind OPERATOR(pg_catalog.=) 'override' OR o.ended_at IS NOT NULL" \
"  OR o.until OPERATOR(pg_catalog.<=) pg_catalog.now())"

/* Models that place the customer otherwise when decisions go. */
static const char *const models_sql =
"SELECT DISTINCT m.name FROM custseg.segment_override AS o"
" JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) o.model AND " OWNED_SQL("m")
" WHERE " GOES_SQL " AND o.ended_at IS NULL ORDER BY 1";

/* What is deleted, or found, each with the columns of the result. */
static const char *const forget_sql[] = {
	"WITH gone AS (DELETE FROM custseg.enrolment AS n USING custseg.experiment AS e, custseg.model AS m"
	" WHERE n.experiment OPERATOR(pg_catalog.=) e.experiment AND m.name OPERATOR(pg_catalog.=) e.model"
	"  AND n.customer OPERATOR(pg_catalog.=) $1 AND " OWNED_SQL("m")
	" RETURNING e.model, e.experiment) "
	"SELECT 'enrolment'::pg_catalog.text, g.model, g.experiment, NULL::pg_catalog.int4, pg_catalog.count(*),"
	" 'deleted; counts of the experiment stay'::pg_catalog.text FROM gone AS g GROUP BY 2, 3 ORDER BY 2, 3",

	"WITH gone AS (DELETE FROM custseg.outcome AS o USING custseg.model AS m"
	" WHERE m.name OPERATOR(pg_catalog.=) o.model AND o.customer OPERATOR(pg_catalog.=) $1 AND " OWNED_SQL("m")
	" RETURNING o.model, o.version) "
	"SELECT 'outcome'::pg_catalog.text, g.model, NULL::pg_catalog.text, g.version, pg_catalog.count(*),"
	" 'deleted; what was found of all outcomes stays'::pg_catalog.text FROM gone AS g GROUP BY 2, 4 ORDER BY 2, 4",

	"WITH gone AS (DELETE FROM custseg.segment_override AS o WHERE " GOES_SQL " RETURNING o.model) "
	"SELECT 'decision'::pg_catalog.text, g.model, NULL::pg_catalog.text, NULL::pg_catalog.int4, pg_catalog.count(*), 'deleted'::pg_catalog.text"
	" FROM gone AS g GROUP BY 2 ORDER BY 2",

	"SELECT 'objection'::pg_catalog.text, o.model, NULL::pg_catalog.text, NULL::pg_catalog.int4, pg_catalog.count(*),"
	" 'stays, for it is in force; custseg.end_override() ends it'::pg_catalog.text "
	"FROM custseg.segment_override AS o WHERE o.customer OPERATOR(pg_catalog.=) $1 AND " OWNED_SQL("o")
	" GROUP BY 2 ORDER BY 2",

	"SELECT 'version'::pg_catalog.text, v.model, NULL::pg_catalog.text, v.version, NULL::pg_catalog.int8,"
	" 'keeps values of rows of its training ' OPERATOR(pg_catalog.||)"
	" CASE WHEN v.donors IS NOT NULL THEN '(donors)' WHEN v.algorithm OPERATOR(pg_catalog.=) 'kmedoids' THEN '(medoids)' ELSE '(core points)' END"
	" OPERATOR(pg_catalog.||) '; to be rid of them, train without the customer and drop this version' "
	"FROM custseg.model_version AS v JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) v.model AND " OWNED_SQL("m")
	" WHERE $1 IS NOT NULL AND (v.donors IS NOT NULL OR v.algorithm OPERATOR(pg_catalog.=) ANY ('{dbscan,hdbscan,kmedoids}'))"
	" ORDER BY 2, 4"
};

PG_FUNCTION_INFO_V1(custseg_forget_customer);

/* forget_customer(customer): a row for each kind of what was deleted, and of what stays */
Datum
custseg_forget_customer(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsValue		arguments[2];
	ListCell   *cell;

	CsRequireWritable("custseg.forget_customer()");
	arguments[0] = CsValueText(CsCustomerArgument(fcinfo, 0, NULL));
	arguments[1] = CsValueName(CsCallerName());
	foreach(cell, CsCatalogTexts(models_sql, arguments, lengthof(arguments), false))
		CsBeginChangeOf(lfirst(cell), "custseg.forget_customer()");
	SPI_connect();
	for (int i = 0; i < lengthof(forget_sql); i++)
	{
		CsCatalogExecuteNewest(forget_sql[i], arguments, lengthof(arguments));
		CsFoundPut(result);
	}
	SPI_finish();
	return (Datum) 0;
}
