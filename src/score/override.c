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

/* Take over one row of load_sql; false when the version lacks its segment. */
static bool
TakeOverride(const CsScorer *scorer, uint64 row, MemoryContext context, CsOverride *override)
{
	HeapTuple	tuple = SPI_tuptable->vals[row];
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		excluded;
	Datum		segment = SPI_getbinval(tuple, desc, 2, &excluded);

	override->index = excluded ? -1 : SegmentIndex(scorer, DatumGetInt32(segment));
	if (!excluded && override->index < 0)
		return false;
	override->customer = MemoryContextStrdup(context, SPI_getvalue(tuple, desc, 1));
	return true;
}

/* See score.h. */
CsOverrides *
CsOverridesLoad(const CsScorer *scorer)
{
	MemoryContext context = CurrentMemoryContext;
	CsOverrides *result = palloc0(sizeof(CsOverrides));
	CsValue		model;
	uint64		rows;

	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	model = CsValueText(NameStr(scorer->model));
	rows = CsCatalogExecute(load_sql, &model, 1, true);
	if (rows > 0)
		result->overrides = MemoryContextAllocHuge(context, sizeof(CsOverride) * rows);
	for (uint64 i = 0; i < rows; i++)
		result->n += TakeOverride(scorer, i, context, &result->overrides[result->n]);
	if (result->n < rows)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" lacks the segment of %lld overrides, which are left to the model",
						scorer->version, NameStr(scorer->model), (long long) (rows - result->n)),
				 errhint("SELECT * FROM custseg.overrides lists them; end or renew them.")));
	SPI_finish();
	PopActiveSnapshot();
	if (result->n == 0)
		return NULL;
	qsort(result->overrides, result->n, sizeof(CsOverride), CompareOverrides);
	return result;
}

/* See score.h. */
const CsOverride *
CsOverridesFind(const CsOverrides *overrides, const char *customer)
{
	CsOverride	key = {.customer = unconstify(char *, customer)};

	if (overrides == NULL || customer == NULL)
		return NULL;
	return bsearch(&key, overrides->overrides, overrides->n, sizeof(CsOverride), CompareOverrides);
}

/* The customer, argument 1, of any type, as text; an error when it is NULL. */
static char *
CustomerArgument(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	Oid			output;
	bool		is_varlena;

	CsRequireArgument(fcinfo, 1, "customer");
	if (type == UNKNOWNOID)
		return pstrdup(DatumGetCString(PG_GETARG_DATUM(1)));
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the customer");
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, PG_GETARG_DATUM(1));
}

/* A reason that says something. */
static char *
ReasonArgument(FunctionCallInfo fcinfo, int argument)
{
	char	   *reason;

	CsRequireArgument(fcinfo, argument, "reason");
	reason = CsTextArgument(fcinfo, argument);
	if (reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be empty"),
				 errhint("Say why, for those who will ask.")));
	return reason;
}

/* When it expires, NULL for never; an error when that is past. */
static CsValue
UntilArgument(FunctionCallInfo fcinfo, int argument)
{
	CsValue		until = {TIMESTAMPTZOID, (Datum) 0, true};

	if (PG_ARGISNULL(argument))
		return until;
	until.datum = PG_GETARG_DATUM(argument);
	until.isnull = false;
	if (DatumGetTimestampTz(until.datum) <= GetCurrentTransactionStartTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"until\" must be in the future"),
				 errdetail("It is %s.", timestamptz_to_str(DatumGetTimestampTz(until.datum))),
				 errhint("Leave it out for an override without end, or call custseg.end_override().")));
	return until;
}

/* End what holds for a customer; inside SPI.  Was there anything that had not expired? */
static bool
EndOverride(const char *model, const char *customer)
{
	CsValue		arguments[3];
	bool		isnull;

	arguments[0] = CsValueText(model);
	arguments[1] = CsValueText(customer);
	arguments[2] = CsValueName(CsCallerName());
	if (CsCatalogExecute(end_sql, arguments, lengthof(arguments), false) == 0)
		return false;
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Replace what holds for a customer; "segment" is NULL for an exclusion.  Inside SPI. */
static void
Decide(const char *model, const char *customer, CsValue segment, const char *reason,
	   CsValue until)
{
	CsValue		arguments[6];

	(void) EndOverride(model, customer);
	arguments[0] = CsValueText(model);
	arguments[1] = CsValueText(customer);
	arguments[2] = segment;
	arguments[3] = CsValueText(reason);
	arguments[4] = until;
	arguments[5] = CsValueName(CsCallerName());
	CsCatalogExecute(insert_sql, arguments, lengthof(arguments), false);
}

/* override_segment(model, customer, segment, reason, until) */
Datum
custseg_override_segment(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.override_segment()");
	char	   *customer = CustomerArgument(fcinfo);
	char	   *reason = ReasonArgument(fcinfo, 3);
	CsValue		until = UntilArgument(fcinfo, 4);

	CsRequireArgument(fcinfo, 2, "segment");
	SPI_connect();
	CsRequireSegment(model, PG_GETARG_INT32(2));
	Decide(model, customer, CsValueInt4(PG_GETARG_INT32(2)), reason, until);
	SPI_finish();
	PG_RETURN_VOID();
}

/* exclude(model, customer, reason, until) */
Datum
custseg_exclude(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.exclude()");
	char	   *customer = CustomerArgument(fcinfo);
	char	   *reason = ReasonArgument(fcinfo, 2);
	CsValue		until = UntilArgument(fcinfo, 3);
	CsValue		none = {INT4OID, (Datum) 0, true};

	SPI_connect();
	Decide(model, customer, none, reason, until);
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
