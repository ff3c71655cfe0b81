/*
 * forget.c
 *	  A person's rows deleted everywhere: forget_customer().
 *
 * What is deleted are rows that name the customer, by whatever text of the same id: each model says which type its
 * customers are told by, and so which texts are the same.  Counts stay, for they name nobody.  So does an objection
 * that is in force: without it the customer would be placed again.  Versions that keep values of rows of
 * their training do not say whose they are, so they are listed for their owner to train again.
 */
#include "custseg.h"

#include "call/call.h"
#include "feed/feed.h"
#include "life/life.h"
#include "score/score.h"
#include "utils/guc.h"

/* Is the role of these columns one that the caller, $2, has the rights of? */
#define OWNED_SQL(t) \
"pg_catalog.pg_has_role($2, custseg_private.role_oid(" t ".owner, " t ".owner_oid, " t ".owner_cluster), 'USAGE')"

/*
 * Does a column name the customer for a model?  $1 and $3 are texts that name them and the model for which each does,
 * NULL for all.
 */
#define NAMED_SQL(customer, model) \
customer " OPERATOR(pg_catalog.=) ANY ($1) AND EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($3)) AS c (customer, model)" \
" WHERE c.customer OPERATOR(pg_catalog.=) " customer \
" AND coalesce(c.model OPERATOR(pg_catalog.=) " model ", true))"

/* A decision that goes: all but objections that are in force. */
#define GOES_SQL \
NAMED_SQL("o.customer", "o.model") " AND " OWNED_SQL("o") \
" AND (o.kind OPERATOR(pg_catalog.=) 'override' OR o.ended_at IS NOT NULL" \
"  OR o.until OPERATOR(pg_catalog.<=) pg_catalog.now())"

/* Models of the caller, $1. */
static const char *const owned_sql =
"SELECT m.name FROM custseg.model AS m"
" WHERE pg_catalog.pg_has_role($1, custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster), 'USAGE') ORDER BY 1";

/* Texts that name customers for a model. */
static const char *const texts_sql =
"SELECT n.customer FROM custseg.enrolment AS n"
" JOIN custseg.experiment AS e ON e.experiment OPERATOR(pg_catalog.=) n.experiment WHERE e.model OPERATOR(pg_catalog.=) $1 "
"UNION SELECT h.customer FROM custseg.segment_change AS h WHERE h.model OPERATOR(pg_catalog.=) $1 "
"UNION SELECT o.customer FROM custseg.outcome AS o WHERE o.model OPERATOR(pg_catalog.=) $1 "
"UNION SELECT o.customer FROM custseg.segment_override AS o WHERE coalesce(o.model OPERATOR(pg_catalog.=) $1, true)";

/* Models that place the customer otherwise when decisions go. */
static const char *const models_sql =
"SELECT DISTINCT m.name FROM custseg.segment_override AS o"
" JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) o.model AND " OWNED_SQL("m")
" WHERE " GOES_SQL " AND o.ended_at IS NULL ORDER BY 1";

/* What is deleted, or found, each with the columns of the result. */
static const char *const forget_sql[] = {
	"WITH gone AS (DELETE FROM custseg.enrolment AS n USING custseg.experiment AS e, custseg.model AS m"
	" WHERE n.experiment OPERATOR(pg_catalog.=) e.experiment AND m.name OPERATOR(pg_catalog.=) e.model"
	"  AND " NAMED_SQL("n.customer", "e.model") " AND " OWNED_SQL("m")
	" RETURNING e.model, e.experiment) "
	"SELECT 'enrolment'::pg_catalog.text, g.model, g.experiment, NULL::pg_catalog.int4, pg_catalog.count(*),"
	" 'deleted; counts of the experiment stay'::pg_catalog.text FROM gone AS g GROUP BY 2, 3 ORDER BY 2, 3",

	"WITH gone AS (DELETE FROM custseg.outcome AS o USING custseg.model AS m"
	" WHERE m.name OPERATOR(pg_catalog.=) o.model AND " NAMED_SQL("o.customer", "o.model") " AND " OWNED_SQL("m")
	" RETURNING o.model, o.version) "
	"SELECT 'outcome'::pg_catalog.text, g.model, NULL::pg_catalog.text, g.version, pg_catalog.count(*),"
	" 'deleted; what was found of all outcomes stays'::pg_catalog.text FROM gone AS g GROUP BY 2, 4 ORDER BY 2, 4",

	"WITH gone AS (DELETE FROM custseg.segment_change AS h USING custseg.model AS m"
	" WHERE m.name OPERATOR(pg_catalog.=) h.model AND " NAMED_SQL("h.customer", "h.model") " AND " OWNED_SQL("m")
	" RETURNING h.model, h.version) "
	"SELECT 'change'::pg_catalog.text, g.model, NULL::pg_catalog.text, g.version, pg_catalog.count(*),"
	" 'deleted; counts of moves stay'::pg_catalog.text FROM gone AS g GROUP BY 2, 4 ORDER BY 2, 4",

	"WITH gone AS (DELETE FROM custseg.segment_override AS o WHERE " GOES_SQL " RETURNING o.model) "
	"SELECT 'decision'::pg_catalog.text, g.model, NULL::pg_catalog.text, NULL::pg_catalog.int4, pg_catalog.count(*), 'deleted'::pg_catalog.text"
	" FROM gone AS g GROUP BY 2 ORDER BY 2",

	"SELECT 'objection'::pg_catalog.text, o.model, NULL::pg_catalog.text, NULL::pg_catalog.int4, pg_catalog.count(*),"
	" 'stays, for it is in force; custseg.end_override() ends it'::pg_catalog.text "
	"FROM custseg.segment_override AS o WHERE " NAMED_SQL("o.customer", "o.model") " AND " OWNED_SQL("o")
	" GROUP BY 2 ORDER BY 2",

	"SELECT 'version'::pg_catalog.text, v.model, NULL::pg_catalog.text, v.version, NULL::pg_catalog.int8,"
	" 'keeps values of rows of its training ' OPERATOR(pg_catalog.||)"
	" CASE WHEN v.donors IS NOT NULL THEN '(donors)' WHEN v.algorithm OPERATOR(pg_catalog.=) 'kmedoids' THEN '(medoids)' ELSE '(core points)' END"
	" OPERATOR(pg_catalog.||) '; to be rid of them, train without the customer and drop this version' "
	"FROM custseg.model_version AS v JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) v.model AND " OWNED_SQL("m")
	" WHERE $1 IS NOT NULL AND $3 IS NOT NULL AND (v.donors IS NOT NULL OR v.algorithm OPERATOR(pg_catalog.=) ANY ('{dbscan,hdbscan,kmedoids}'))"
	" ORDER BY 2, 4"
};

PG_FUNCTION_INFO_V1(custseg_forget_customer);

/* The texts that name the customer, and for each the model for which it does, NULL for all. */
typedef struct Forgetting
{
	FunctionCallInfo fcinfo;
	int			n;
	const char **texts;
	const char **models;
	const char *model;			/* that is at hand */
	CsIdentity *identity;
	char	   *customer;
} Forgetting;

/* Add a text. */
static void
AddText(Forgetting *f, const char *text, const char *model)
{
	f->texts = f->n == 0 ? palloc(sizeof(char *)) : repalloc(f->texts, sizeof(char *) * (f->n + 1));
	f->models = f->n == 0 ? palloc(sizeof(char *)) : repalloc(f->models, sizeof(char *) * (f->n + 1));
	f->texts[f->n] = text;
	f->models[f->n++] = model;
}

/* The customer as the model at hand names customers, or by any text where it is NULL; for CsAttempt(). */
static void
ReadCustomer(void *state)
{
	Forgetting *f = state;

	f->customer = f->model == NULL ? CsCustomerArgument(f->fcinfo, 0, NULL) :
		CsCustomerOfModel(f->fcinfo, 0, f->model, f->identity);
}

/* A rule for CsAttempt(): what is no id of a model names nobody there, and so it is where nobody may say. */
static bool
IsNoId(int sqlerrcode)
{
	return !CsIsDataException(sqlerrcode) && sqlerrcode != ERRCODE_DATATYPE_MISMATCH &&
		sqlerrcode != ERRCODE_UNDEFINED_OBJECT;
}

/* Add the texts that name the customer for the model at hand: equal is what the type of its id says is. */
static void
AddTextsOfModel(Forgetting *f)
{
	CsSameCustomer same;
	ListCell   *cell;
	int			level;

	f->identity = CsIdentityOfModel(f->model);
	if (f->identity == NULL || CsAttempt(ReadCustomer, f, IsNoId) != NULL)
		return;
	AddText(f, f->customer, f->model);
	if (CsIdentityIsPlain(f->identity))
		return;
	level = CsPlainSettings();
	same = CsSameCustomerOf(f->identity, f->customer);
	foreach(cell, CsCatalogTexts(texts_sql, CsValues(CsValueText(f->model)), false))
	{
		if (CsCustomerIsSame(&same, lfirst(cell)))
			AddText(f, lfirst(cell), f->model);
	}
	AtEOXact_GUC(true, level);
}

/* forget_customer(customer): a row for each kind of what was deleted, and of what stays */
Datum
custseg_forget_customer(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Forgetting	f = {.fcinfo = fcinfo};
	CsValue		arguments[3];
	ErrorData  *error;
	ListCell   *cell;

	CsRequireWritable("custseg.forget_customer()");
	CsChangesFlush();			/* what this transaction has changed itself */
	error = CsAttempt(ReadCustomer, &f, IsNoId);
	if (error == NULL)
		AddText(&f, f.customer, NULL);
	foreach(cell, CsCatalogTexts(owned_sql, CsValues(CsValueName(CsCallerName())), false))
	{
		f.model = lfirst(cell);
		AddTextsOfModel(&f);
	}
	if (f.n == 0)
		ReThrowError(error);
	arguments[0] = CsValueTexts(f.texts, f.n);
	arguments[1] = CsValueName(CsCallerName());
	arguments[2] = CsValueTexts(f.models, f.n);
	foreach(cell, CsCatalogTexts(models_sql, arguments, lengthof(arguments), false))
		CsBeginChangeOf(lfirst(cell), "custseg.forget_customer()");
	SPI_connect();
	for (int i = 0; i < lengthof(forget_sql); i++)
	{
		CsCatalogExecuteNewest(forget_sql[i], arguments, lengthof(arguments));
		CsFoundPut(result);
	}
	CsAuditAdd("forget_customer", NULL, 0, NULL, -1);
	SPI_finish();
	return (Datum) 0;
}
