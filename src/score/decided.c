/*
 * decided.c
 *	  predict() by a compiled model and the decisions by hand, each given as a value.
 *
 * predict(model, customer) looks decisions up in custseg's tables, and predict(scorer, customer) knows of
 * none.  Where rows are placed on servers that do not have these tables, but decisions must hold,
 * they are sent along as a value, as the scorer is: see CsOverridesAsJsonb().  So these functions are
 * immutable, too.
 */
#include "custseg.h"

#include "catalog/pg_type_d.h"
#include "score/score.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(custseg_predict_decided);
PG_FUNCTION_INFO_V1(custseg_is_decided);

/* Arguments of both. */
enum
{
	ARG_SCORER, ARG_CUSTOMER, ARG_DECISIONS, ARG_KEY
};

/* What the decisions of a call site were read from; in its binding_context, as they are. */
typedef struct Decided
{
	Jsonb	   *decisions;
	ArrayType  *key;
} Decided;

/* A copy of a value with a length, palloc'd. */
static void *
CopyValue(const void *value)
{
	return memcpy(palloc(VARSIZE_ANY(value)), value, VARSIZE_ANY(value));
}

static bool
IsSameValue(const void *a, const void *b)
{
	return VARSIZE_ANY(a) == VARSIZE_ANY(b) && memcmp(a, b, VARSIZE_ANY(a)) == 0;
}

/* The names in an array, which tell who a customer is, as a List of char *; an error unless a row has them. */
static List *
KeyNames(ArrayType *key, TupleDesc desc, AttrNumber *attributes)
{
	List	   *names = NIL;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(key, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n < 1 || n > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a customer is told by 1 to %d columns, not %d", INDEX_MAX_KEYS, n)));
	for (int i = 0; i < n; i++)
		names = lappend(names, nulls[i] ? pstrdup("") : TextDatumGetCString(values[i]));
	CsKeyAttributes(names, desc, attributes);
	for (int i = 0; i < n; i++)
		if (attributes[i] == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the row lacks column \"%s\", which tells customers", (char *) list_nth(names, i))));
	return names;
}

/* Read the decisions of a call for rows of the type that the site is bound to. */
static void
ReadDecisions(CsCallSite *site, Jsonb *decisions, ArrayType *key)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(site->row_type, site->row_typmod);
	MemoryContext old = MemoryContextSwitchTo(site->binding_context);
	Decided    *decided = palloc(sizeof(Decided));
	int			n = list_length(KeyNames(key, desc, site->key));

	decided->decisions = CopyValue(decisions);
	decided->key = CopyValue(key);
	site->overrides = CsOverridesOfJsonb(site->scoring.scorer, CsIdentityOfAttributes(desc, site->key, n),
										 decided->decisions);
	site->state = decided;
	MemoryContextSwitchTo(old);
	ReleaseTupleDesc(desc);
}

/* The call site of one of these functions, with its customer bound and the decisions read; NULL for NULL. */
static CsCallSite *
DecidedSite(FunctionCallInfo fcinfo)
{
	CsCallSite *site;
	Jsonb	   *decisions;
	ArrayType  *key;

	if (PG_ARGISNULL(ARG_DECISIONS) || PG_ARGISNULL(ARG_KEY))
		return NULL;
	site = CsCallSiteForScorer(fcinfo);
	if (site == NULL)
		return NULL;
	if (site->is_jsonb)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a customer for whom somebody may have decided must be a row")));
	decisions = PG_GETARG_JSONB_P(ARG_DECISIONS);
	key = PG_GETARG_ARRAYTYPE_P(ARG_KEY);
	CsCallSiteBind(site);
	if (site->overrides == NULL || !IsSameValue(((Decided *) site->state)->decisions, decisions) ||
		!IsSameValue(((Decided *) site->state)->key, key))
		ReadDecisions(site, decisions, key);
	return site;
}

/* predict_decided(scorer, customer, decisions, key): number of the segment, by hand or by the model */
Datum
custseg_predict_decided(PG_FUNCTION_ARGS)
{
	CsCallSite *site = DecidedSite(fcinfo);
	const CsOverride *override = site == NULL ? NULL : CsCallSiteFindOverride(site);
	CsAssignment placed = {.index = -1};

	if (override != NULL)
		placed.index = override->index;
	else if (site == NULL || !CsScoringPlace(&site->scoring, &placed, NULL))
		PG_RETURN_NULL();
	if (placed.index < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[placed.index].segment);
}

/* is_decided(scorer, customer, decisions, key): has somebody decided? */
Datum
custseg_is_decided(PG_FUNCTION_ARGS)
{
	CsCallSite *site = DecidedSite(fcinfo);

	PG_RETURN_BOOL(site != NULL && CsCallSiteFindOverride(site) != NULL);
}
