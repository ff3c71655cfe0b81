/*
 * record_kpis.c
 *	  What the customers of each segment did in a month, kept: record_kpis(), and the options by which months are
 *	  compared.
 *
 * A run reads as the caller, who owns the model, by segment_kpis().  It then writes as the owner of the tables, and opens
 * and closes the alerts that follow from what is kept.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/tables.h"
#include "score/score.h"
#include "value/kpis.h"

/* The arguments of record_kpis() and kpi_options(). */
enum
{
	ARG_MODEL, ARG_ORDERS, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_SOURCE, ARG_AS_OF, ARG_KEEP_DAYS, ARG_OPTIONS,
	ARG_VERSION
};

enum
{
	OPTIONS_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_kpi_options);
PG_FUNCTION_INFO_V1(custseg_record_kpis);

/* As the caller, whose search_path finds orders and customers.  $10: how many months. */
static const char *const report_sql =
"SELECT pg_catalog.array_agg(k ORDER BY k.month, k.segment IS NULL, k.name OPERATOR(pg_catalog.=) 'total', k.segment) "
"FROM (SELECT k, k.*, pg_catalog.dense_rank() OVER (ORDER BY k.month DESC) AS age"
" FROM custseg.segment_kpis($1, $2, $3, $4, $5, $6, $7, $8, $9) AS k WHERE k.is_complete) AS k "
"WHERE k.age OPERATOR(pg_catalog.<=) $10";

/* The last month is that of the run. */
static const char *const replace_sql =
"DELETE FROM custseg.segment_kpi AS h WHERE h.model OPERATOR(pg_catalog.=) $1"
" AND h.month OPERATOR(pg_catalog.=) (SELECT pg_catalog.max(r.month) FROM pg_catalog.unnest($2) AS r)";

/* Months before it stay as they were kept, when their members were those of then. */
static const char *const record_sql =
"WITH n AS MATERIALIZED"
" (SELECT pg_catalog.nextval('custseg.segment_kpi_run_seq'::pg_catalog.regclass) AS run) "
"INSERT INTO custseg.segment_kpi AS h "
"SELECT $1, n.run, $2, pg_catalog.now(), $3, $4, $5, r.* "
"FROM n, ROWS FROM (pg_catalog.unnest($6)) WITH ORDINALITY AS r "
"WHERE NOT EXISTS (SELECT FROM custseg.segment_kpi AS o WHERE o.model OPERATOR(pg_catalog.=) $1"
" AND o.month OPERATOR(pg_catalog.=) r.month) "
"RETURNING h.*";

static const char *const alert_sql =
"SELECT custseg_private.record_kpi_alerts($1, $2, $3)";

static const char *const forget_sql =
"DELETE FROM custseg.segment_kpi AS h WHERE h.model OPERATOR(pg_catalog.=) $1"
" AND h.month OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => $2))";

/* kpi_options(options): both, with the defaults of those that are not given */
Datum
custseg_kpi_options(PG_FUNCTION_ARGS)
{
	CsKpiOptions options;

	CsOptionsArgument(fcinfo, OPTIONS_OPTIONS, CsKpiOptionTable + CS_KPI_READING, CS_KPI_JUDGING, &options);
	PG_RETURN_JSONB_P(CsOptionsToJsonb(CsKpiOptionTable + CS_KPI_READING, CS_KPI_JUDGING, &options));
}

/* A run. */
typedef struct Run
{
	FunctionCallInfo fcinfo;
	char	   *model;
	int			version;
	CsKpiOptions options;
	int			keep_days;		/* 0: for ever */
	CsValue		rows;			/* an array of segment_kpis_result */
} Run;

/* Read the months that are to be kept, as the caller; the rows are in CurrentMemoryContext. */
static void
ReadMonths(Run *r)
{
	FunctionCallInfo fcinfo = r->fcinfo;
	MemoryContext context = CurrentMemoryContext;
	CsKpiOptions reading = r->options;
	int			months = Max(reading.months, 1);
	bool		isnull;
	Datum		rows;

	/* one more, for the last one may not be over */
	reading.months = months + 1;
	SPI_connect();
	(void) CsCallerSelect(report_sql,
						  CsValues(CsValueText(r->model), CsValueText(CsTextArgument(fcinfo, ARG_ORDERS)),
								   CsValueText(CsTextArgument(fcinfo, ARG_CUSTOMER)), CsValueText(CsTextArgument(fcinfo, ARG_TIME)),
								   CsValueText(CsTextArgument(fcinfo, ARG_AMOUNT)), CsValueText(CsTextArgument(fcinfo, ARG_SOURCE)),
								   CsValueOf(TIMESTAMPTZOID, fcinfo->args[ARG_AS_OF].value, PG_ARGISNULL(ARG_AS_OF)),
								   CsValueJsonb(CsOptionsToJsonb(CsKpiOptionTable, CS_KPI_READING, &reading)),
								   CsValueInt4(r->version), CsValueInt4(months)));
	rows = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("no month of the orders is over"),
				 errhint("A month is kept when \"as_of\", or the day of the latest line, is its last day or later.")));
	context = MemoryContextSwitchTo(context);
	r->rows = CsValueArray(SPI_gettypeid(SPI_tuptable->tupdesc, 1), DatumGetArrayTypePCopy(rows));
	MemoryContextSwitchTo(context);
	SPI_finish();
}

/* Write what was read, and put it to the result as it is kept; inside SPI. */
static void
WriteMonths(const Run *r, CsResult *result)
{
	FunctionCallInfo fcinfo = r->fcinfo;

	/* what another transaction has kept meanwhile is replaced, or a serialization failure */
	CsCatalogExecuteNewest(replace_sql, CsValues(CsValueText(r->model), r->rows));
	CsCatalogExecute(record_sql, CsValues(CsValueText(r->model), CsValueInt4(r->version), CsValueName(CsCallerName()),
										  CsValueText(CsTextArgument(fcinfo, ARG_ORDERS)),
										  CsValueText(CsTextArgument(fcinfo, ARG_SOURCE)), r->rows), false);
	CsFoundPut(result);
	CsCatalogExecute(alert_sql, CsValues(CsValueText(r->model), CsValueInt4(r->version),
										 CsValueJsonb(CsOptionsToJsonb(CsKpiOptionTable + CS_KPI_READING, CS_KPI_JUDGING,
																	   &r->options))), false);
	if (r->keep_days > 0)
		CsCatalogExecute(forget_sql, CsValues(CsValueText(r->model), CsValueInt4(r->keep_days)), false);
}

/*
 * record_kpis(model, orders, customer, time, amount, source, as_of, keep_days, options, version): a row for each month
 * that is kept and segment
 */
Datum
custseg_record_kpis(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Run			r = {.fcinfo = fcinfo, .model = CsRequiredText(fcinfo, ARG_MODEL, "model")};

	r.keep_days = CsKeepDaysArgument(fcinfo, ARG_KEEP_DAYS);
	CsRequireWritable("custseg.record_kpis()");
	CsModelCheckName(r.model);
	CsModelCheckOwner(r.model);
	CsModelRequireUnchanged(r.model);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, CsKpiOptionTable, CS_KPI_READING + CS_KPI_JUDGING, &r.options);
	PushActiveSnapshot(GetTransactionSnapshot());
	r.version = CsCacheGet(r.model, CsVersionArgument(fcinfo, ARG_VERSION))->version;
	ReadMonths(&r);
	CsModelLock(r.model);
	CsModelCheckOwner(r.model);
	SPI_connect();
	CsModelHold(r.model);
	WriteMonths(&r, result);
	SPI_finish();
	PopActiveSnapshot();
	return (Datum) 0;
}
