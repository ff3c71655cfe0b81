/*
 * override.c
 *	  Customers whom somebody has put in a segment, or left out, by hand.
 *
 * A model decides by features; a person may know better.  An override names a customer by id and
 * says which segment is right; an exclusion leaves the customer without one.  Each has a reason, may
 * expire, and is never rewritten: what replaces or ends it only says when and by whom, so that the
 * table is the record of who decided what.  score(), resegment(), assign_segment() and
 * recommendations() ask here; predict() has no id to ask by.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static const char *const end_sql =
"UPDATE custseg.segment_override AS o"
" SET ended_at = LEAST(o.until, pg_catalog.clock_timestamp()), ended_by = $3 "
"WHERE o.model OPERATOR(pg_catalog.=) $1 AND o.customer OPERATOR(pg_catalog.=) $2"
" AND o.ended_at IS NULL "
"RETURNING o.until IS NULL OR o.until OPERATOR(pg_catalog.>) pg_catalog.now()";

static const char *const insert_sql =
"INSERT INTO custseg.segment_override"
" (model, customer, kind, segment, reason, until, made_at, made_by) "
"VALUES ($1, $2, CASE WHEN $3 IS NULL THEN 'exclusion' ELSE 'override' END, $3, $4, $5,"
" pg_catalog.clock_timestamp(), $6)";

static const char *const load_sql =
"SELECT o.customer, o.segment FROM custseg.segment_override AS o "
"WHERE o.model OPERATOR(pg_catalog.=) $1 AND o.ended_at IS NULL"
" AND (o.until IS NULL OR o.until OPERATOR(pg_catalog.>) pg_catalog.now())";

PG_FUNCTION_INFO_V1(custseg_override_segment);
PG_FUNCTION_INFO_V1(custseg_exclude);
PG_FUNCTION_INFO_V1(custseg_end_override);

/* Index of a segment in a scorer, by its number; -1 when this version has none of it. */
static int
SegmentIndex(const CsScorer *scorer, int segment)
{
	for (int i = 0; i < scorer->nsegments; i++)
	{
		if (CsScorerSegments(scorer)[i].segment == segment)
			return i;
	}
	return -1;
}

static int
CompareOverrides(const void *a, const void *b)
{
	return strcmp(((const CsOverride *) a)->customer, ((const CsOverride *) b)->customer);
}

/* What TakeOverride fills. */
typedef struct Loading
{
	const CsScorer *scorer;
	CsOverrides *result;
	int64		capacity;
} Loading;

/* CsCatalogVisitor: an override whose segment the version has. */
static void
TakeOverride(void *state, const CsCatalogRow *row)
{
	Loading    *l = state;
	CsOverrides *result = l->result;
	bool		excluded;
	Datum		segment = CsRowDatum(row, 2, &excluded);
	int			index = excluded ? -1 : SegmentIndex(l->scorer, DatumGetInt32(segment));

	if (!excluded && index < 0)
		return;
	if (result->n == l->capacity)
	{
		l->capacity = Max(64, 2 * l->capacity);
		result->overrides = result->overrides == NULL ?
			palloc(sizeof(CsOverride) * l->capacity) :
			repalloc_huge(result->overrides, sizeof(CsOverride) * l->capacity);
	}
	result->overrides[result->n].index = index;
	result->overrides[result->n++].customer = CsRowText(row, 1);
}

/*
 * The decisions by hand of the scorer's model that hold now and whose segment this version has,
 * palloc'd; NULL when there are none.
 */
CsOverrides *
CsOverridesLoad(const CsScorer *scorer)
{
	Loading		l = {scorer, palloc0(sizeof(CsOverrides))};
	CsOverrides *result = l.result;
	uint64		rows = CsCatalogRead(load_sql, CsValues(CsValueText(NameStr(scorer->model))),
									 TakeOverride, &l);

	if (result->n < rows)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" lacks the segment of %lld overrides, which are left to the model",
						scorer->version, NameStr(scorer->model), (long long) (rows - result->n)),
				 errhint("SELECT * FROM custseg.overrides lists them; end or renew them.")));
	if (result->n == 0)
		return NULL;
	qsort(result->overrides, result->n, sizeof(CsOverride), CompareOverrides);
	return result;
}

/* The decision about a customer, by the id as text; NULL when the model decides. */
const CsOverride *
CsOverridesFind(const CsOverrides *overrides, const char *customer)
{
	CsOverride	key = {.customer = unconstify(char *, customer)};

	if (overrides == NULL || customer == NULL)
		return NULL;
	return bsearch(&key, overrides->overrides, overrides->n, sizeof(CsOverride), CompareOverrides);
}

/* The arguments: of all three, and what follows. */
enum
{
	ARG_MODEL, ARG_CUSTOMER
};

enum
{
	OVERRIDE_SEGMENT = ARG_CUSTOMER + 1, OVERRIDE_REASON, OVERRIDE_UNTIL
};

enum
{
	EXCLUDE_REASON = ARG_CUSTOMER + 1, EXCLUDE_UNTIL
};

/* The customer, of any type, as text; an error when it is NULL. */
static char *
CustomerArgument(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, ARG_CUSTOMER);
	Oid			output;
	bool		is_varlena;

	CsRequireArgument(fcinfo, ARG_CUSTOMER, "customer");
	if (type == UNKNOWNOID)
		return pstrdup(DatumGetCString(PG_GETARG_DATUM(ARG_CUSTOMER)));
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the customer");
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, PG_GETARG_DATUM(ARG_CUSTOMER));
}

/* A reason that says something. */
static char *
ReasonArgument(FunctionCallInfo fcinfo, int argument)
{
	char	   *reason = CsRequiredText(fcinfo, argument, "reason");

	if (reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be empty"),
				 errhint("Give the reason, for those who will ask.")));
	return reason;
}

/* When it expires, NULL for never; an error when that is past. */
static CsValue
UntilArgument(FunctionCallInfo fcinfo, int argument)
{
	TimestampTz until;

	if (PG_ARGISNULL(argument))
		return CsValueNull(TIMESTAMPTZOID);
	until = PG_GETARG_TIMESTAMPTZ(argument);
	if (until <= GetCurrentTransactionStartTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"until\" must be in the future"),
				 errdetail("It is %s.", timestamptz_to_str(until)),
				 errhint("Leave it out for an override without end, or call custseg.end_override().")));
	return CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(until), false);
}

/* End what holds for a customer; inside SPI.  Was there anything that had not expired? */
static bool
EndOverride(const char *model, const char *customer)
{
	bool		isnull;

	if (CsCatalogExecute(end_sql, CsValues(CsValueText(model), CsValueText(customer),
										   CsValueName(CsCallerName())), false) == 0)
		return false;
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Replace what holds for a customer; "segment" is NULL for an exclusion.  Inside SPI. */
static void
Decide(const char *model, const char *customer, CsValue segment, const char *reason,
	   CsValue until)
{

	(void) EndOverride(model, customer);
	CsCatalogExecute(insert_sql, CsValues(CsValueText(model), CsValueText(customer), segment,
										  CsValueText(reason), until, CsValueName(CsCallerName())), false);
}

/* override_segment(model, customer, segment, reason, until) */
Datum
custseg_override_segment(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.override_segment()");
	char	   *customer = CustomerArgument(fcinfo);
	char	   *reason = ReasonArgument(fcinfo, OVERRIDE_REASON);
	CsValue		until = UntilArgument(fcinfo, OVERRIDE_UNTIL);

	int32		segment = CsRequiredInt(fcinfo, OVERRIDE_SEGMENT, "segment");

	SPI_connect();
	CsRequireSegment(model, segment);
	Decide(model, customer, CsValueInt4(segment), reason, until);
	SPI_finish();
	PG_RETURN_VOID();
}

/* exclude(model, customer, reason, until) */
Datum
custseg_exclude(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.exclude()");
	char	   *customer = CustomerArgument(fcinfo);
	char	   *reason = ReasonArgument(fcinfo, EXCLUDE_REASON);
	CsValue		until = UntilArgument(fcinfo, EXCLUDE_UNTIL);

	SPI_connect();
	Decide(model, customer, CsValueNull(INT4OID), reason, until);
	SPI_finish();
	PG_RETURN_VOID();
}

/* end_override(model, customer): was there one in force? */
Datum
custseg_end_override(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.end_override()");
	char	   *customer = CustomerArgument(fcinfo);
	bool		ended;

	SPI_connect();
	ended = EndOverride(model, customer);
	SPI_finish();
	PG_RETURN_BOOL(ended);
}
