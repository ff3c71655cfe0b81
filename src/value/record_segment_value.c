/*
 * record_segment_value.c
 *	  What each segment is worth, kept run by run: record_segment_value().
 *
 * A run reads as the caller, who owns the model of segments, and then writes as the owner of the tables.  What it keeps
 * belongs to that model, and goes with it, or with the model of the value.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/namespace.h"
#include "catalog/tables.h"
#include "utils/lsyscache.h"
#include "value/segment_worth.h"

/* The argument after those of segment_value(). */
#define ARG_KEEP_DAYS CS_SEGMENT_VALUE_ARGUMENTS

static const char *const record_sql =
"WITH n AS MATERIALIZED"
" (SELECT pg_catalog.nextval('custseg.segment_value_history_run_seq'::pg_catalog.regclass) AS run) "
"INSERT INTO custseg.segment_value_history AS h "
"SELECT $1, n.run, $2, $3, $4, pg_catalog.now(), $5, $6, $7, $8, $9, $10, $11, r.* "
"FROM n, ROWS FROM (pg_catalog.unnest($12)) WITH ORDINALITY AS r "
"RETURNING h.*";

static const char *const forget_sql =
"DELETE FROM custseg.segment_value_history AS h WHERE h.model OPERATOR(pg_catalog.=) $1"
" AND h.run_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => $2))";

PG_FUNCTION_INFO_V1(custseg_record_segment_value);

/* The type of the rows of segment_value(). */
static Oid
RowType(void)
{
	Oid			relid = get_relname_relid("segment_value_result", get_namespace_oid("custseg", false));

	return get_rel_type_id(relid);
}

/* Write a run, whose model's lock is held, and put its rows to the result as they are kept; inside SPI. */
static void
WriteRun(FunctionCallInfo fcinfo, const CsSegmentWorth *w, CsValue rows, CsResult *result)
{
	bool		by_purchases = w->kind == CS_MODEL_PURCHASES;

	CsCatalogExecute(record_sql,
					 CsValues(CsValueText(NameStr(w->scorer->model)), CsValueInt4(w->scorer->version),
							  CsValueText(w->value_model), CsValueInt4(CsCacheVersion(w->value)),
							  CsValueName(CsCallerName()), CsValueText(w->source), CsValueText(w->customers),
							  CsValueOf(DATEOID, DateADTGetDatum(w->day), !by_purchases),
							  CsValueOf(INTERVALOID, PG_GETARG_DATUM(CS_SEGMENT_VALUE_HORIZON),
										!by_purchases || PG_ARGISNULL(CS_SEGMENT_VALUE_HORIZON)),
							  CsValueFloat8(by_purchases ? w->horizon.discount : NAN), CsValueFloat8(w->confidence),
							  rows), false);
	CsFoundPut(result);
}

/* record_segment_value(those of segment_value(), keep_days): a row for each segment, as it is kept */
Datum
custseg_record_segment_value(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsResult   *found = CsResultOfType(RowType());
	char	   *model = CsRequiredText(fcinfo, CS_SEGMENT_VALUE_MODEL, "segment_model");
	int			keep_days = CsKeepDaysArgument(fcinfo, ARG_KEEP_DAYS);
	CsSegmentWorth worth;

	CsRequireWritable("custseg.record_segment_value()");
	CsModelCheckName(model);
	CsModelCheckOwner(model);
	CsModelRequireUnchanged(model);
	PushActiveSnapshot(GetTransactionSnapshot());
	worth = CsSegmentValueMake(fcinfo, found);
	CsModelLock(model);
	CsModelCheckOwner(model);
	SPI_connect();
	CsVersionHold(model, worth.scorer->version);
	CsVersionHold(worth.value_model, CsCacheVersion(worth.value));
	WriteRun(fcinfo, &worth, CsResultArray(found), result);
	if (keep_days > 0)
		CsCatalogExecute(forget_sql, CsValues(CsValueText(model), CsValueInt4(keep_days)), false);
	SPI_finish();
	PopActiveSnapshot();
	return (Datum) 0;
}
