/*
 * run.c
 *	  monitor(): all checks of a model's source in one call, what they found kept, and alerts.
 *
 * A run reads and then writes.  Its checks are reports such as drift(), which run as the caller, under
 * one snapshot, in a subtransaction.  They read the source once, together.  When that ends in an error,
 * the check that reads another relation, too, is left for later, and when that does not help either, each
 * check is made by itself: one that fails again is a finding, too, and the others go on.  Then the model
 * is locked as for any change of it, and what was found is judged and written as the owner of the tables,
 * by SQL functions that nobody else can write with (record_run, record_alerts in custseg--1.0.sql).  Until
 * then a run holds nothing that another session waits for.
 *
 * A publication that is asked for is made in a subtransaction, too, after the checks: it reads, and takes the lock of the
 * model only to write what it has read.
 *
 * A run that meets another one of the same model is skipped.  The lock for that is an advisory one
 * to the end of the transaction, in a class of its own, so that no key of a user's collides with it.
 *
 * A cancel ends the statement, as whoever sent it expects, and leaves no trace of the run.
 * statement_timeout is another matter: for a monitor that is left to a scheduler, "it takes too
 * long" is what has to be told.  So the checks at work are given up, those that have not begun are
 * left out, and the run is written as failed.  The clock is then started anew, so that what is
 * left of the statement has an end, too.
 */
#include "custseg.h"

#include <math.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "monitor/monitor.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

/* The fourth field of an advisory lock: PostgreSQL's own are 1 and 2. */
#define RUN_LOCK_CLASS 0x4353

typedef struct MonitorOptions
{
	Jsonb	   *drift,			/* of each report, NULL: none given */
			   *segment_sizes,
			   *data_quality,
			   *drift_multivariate, /* NULL: not asked for */
			   *publish;		/* likewise; the options of publish() */
	int			drifted_features;
	double		silhouette_drop;
	double		distance_rise;	/* as a share of training's mean distance */
	double		unseen_share;
	int			max_age_days;
	int			consecutive;	/* runs that must find the same before it counts */
	bool		repair_first;
	int			alert_on;
	bool		notify;
	int			keep_days;		/* 0: for ever */
} MonitorOptions;

static const char *const alertChoices[] = {"watch", "drifted", NULL};

static const CsOption monitorOptions[] = {
	{"drift", CS_OPTION_OBJECT, offsetof(MonitorOptions, drift)},
	{"segment_sizes", CS_OPTION_OBJECT, offsetof(MonitorOptions, segment_sizes)},
	{"data_quality", CS_OPTION_OBJECT, offsetof(MonitorOptions, data_quality)},
	{"drift_multivariate", CS_OPTION_OBJECT, offsetof(MonitorOptions, drift_multivariate)},
	{"publish", CS_OPTION_OBJECT, offsetof(MonitorOptions, publish)},
	{"drifted_features", CS_OPTION_INT, offsetof(MonitorOptions, drifted_features), 1, 1, CS_MAX_FEATURES},
	{"silhouette_drop", CS_OPTION_REAL, offsetof(MonitorOptions, silhouette_drop), 0.1, 0, 2},
	{"distance_rise", CS_OPTION_REAL, offsetof(MonitorOptions, distance_rise), 0.25, 0, INFINITY},
	{"unseen_share", CS_OPTION_REAL, offsetof(MonitorOptions, unseen_share), 0.05, 0, 1},
	{"max_age_days", CS_OPTION_INT, offsetof(MonitorOptions, max_age_days), 365, 1, 100000},
	{"consecutive", CS_OPTION_INT, offsetof(MonitorOptions, consecutive), 2, 1, 1000},
	{"repair_first", CS_OPTION_BOOL, offsetof(MonitorOptions, repair_first), true},
	{"alert_on", CS_OPTION_CHOICE, offsetof(MonitorOptions, alert_on), 1, 0, 1, alertChoices},
	{"notify", CS_OPTION_BOOL, offsetof(MonitorOptions, notify), true},
	{"keep_days", CS_OPTION_INT, offsetof(MonitorOptions, keep_days), 0, 0, CS_MAX_KEEP_DAYS},
};

/*
 * In this order: what is read is checked before it is compared.  The last one reads a reference, too.
 */
static const char *const checks[] = {
	"data_quality", "drift", "segment_sizes", "silhouette", "drift_multivariate"
};

#define CHECKS_OF_SOURCE 4

/* Of a model of a value or a probability: what has been recorded of outcomes comes last. */
static const char *const valueChecks[] = {"data_quality", "drift", "calibration"};

/* Of a model of purchases, whose outcomes are in its source. */
static const char *const purchaseChecks[] = {"calibration"};

/* The checks of a kind of model, and how many of them read the source together. */
typedef struct ChecksOfKind
{
	const char *const *checks;
	int			n;
	int			of_source;
} ChecksOfKind;

static const ChecksOfKind checksOfKinds[CS_MODEL_KINDS] = {
	[CS_MODEL_SEGMENTS] = {checks, lengthof(checks), CHECKS_OF_SOURCE},
	[CS_MODEL_PURCHASES] = {purchaseChecks, lengthof(purchaseChecks), lengthof(purchaseChecks)},
	[CS_MODEL_VALUE] = {valueChecks, lengthof(valueChecks), 2},
	[CS_MODEL_PROBABILITY] = {valueChecks, lengthof(valueChecks), 2}
};

/* A run, from its call to its row. */
typedef struct MonitorRun
{
	char	   *model;
	CsModelKind kind;
	int			version;		/* 0: none is deployed */
	char	   *source;			/* as given, or NULL */
	Jsonb	   *options;		/* complete */
	Jsonb	   *publish;		/* the options of publish(); NULL: it is not asked for */
	TimestampTz started_at;
	bool		skipped;
	Jsonb	   *reports;		/* check -> what it found */
	Jsonb	   *errors;			/* check -> how it failed */
	const char *const *checks;	/* that are at hand, */
	int			nchecks;		/* so many */
	MemoryContext context;		/* of all this */
} MonitorRun;

static const char *const check_sql =
"SELECT custseg_private.run_checks($1, $2, $3, $4, $5, $6)";

static const char *const error_sql =
"SELECT $1 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object($2, $3)";

static const char *const record_sql =
"SELECT r.id, r.model, r.version, r.status, r.n, r.verdict, r.verdict_reasons, r.retrain, r.urgency, r.reasons,"
" a.n_opened, a.n_closed, a.n_open, r.error,"
" (1000 OPERATOR(pg_catalog.*) EXTRACT(epoch FROM"
"  r.finished_at OPERATOR(pg_catalog.-) r.started_at))::pg_catalog.float8 "
"FROM custseg_private.record_run($1, $2, $3, $4, $5, $6, $7, $8, $9) AS r "
"CROSS JOIN LATERAL custseg_private.record_alerts(r, $6, $7) AS a";

/* A run that leaves no row. */
static const char *const unrecorded_sql =
"SELECT NULL::pg_catalog.int8, $1, $2, $3, NULL::pg_catalog.int8, NULL::pg_catalog.text,"
" NULL::pg_catalog.text[], NULL::pg_catalog.bool, NULL::pg_catalog.text, NULL::pg_catalog.text[], 0, 0, 0, $4,"
" NULL::pg_catalog.float8";

static const char *const publish_sql =
"SELECT pg_catalog.count(*) FROM custseg.publish($1, $2, $3, $4)";

static const char *const forget_sql =
"SELECT custseg_private.forget_runs($1,"
" pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => $2))";

PG_FUNCTION_INFO_V1(custseg_monitor_options);
PG_FUNCTION_INFO_V1(custseg_monitor);

/* The options with "publish" as an object, which is empty for true and left out for false. */
static Jsonb *
WithPublishObject(Jsonb *given)
{
	JsonbValue	publish;
	Datum		options;

	if (given == NULL || !CsJsonFind(&given->root, "publish", &publish) || publish.type != jbvBool)
		return given;
	options = DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(given), CStringGetTextDatum("publish"));
	if (publish.val.boolean)
		options = DirectFunctionCall2(jsonb_concat, options,
									  JsonbPGetDatum(CsJsonbFromText("{\"publish\": {}}")));
	return DatumGetJsonbP(options);
}

/* The options with all defaults, palloc'd; errors for what is unknown or makes no sense. */
static Jsonb *
CompleteOptions(Jsonb *given, MonitorOptions *options)
{
	CsOptionsParse(monitorOptions, lengthof(monitorOptions), WithPublishObject(given), options);
	return CsOptionsToJsonb(monitorOptions, lengthof(monitorOptions), options);
}

/* monitor_options(options): private, for needs_retraining() */
Datum
custseg_monitor_options(PG_FUNCTION_ARGS)
{
	MonitorOptions options;

	PG_RETURN_JSONB_P(CompleteOptions(CsJsonbArgument(fcinfo, 0), &options));
}

/* Take the right to watch the model to the end of the transaction; false when another has it. */
static bool
LockRun(const char *model)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) model, (int) strlen(model), 0);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash, RUN_LOCK_CLASS);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* The one jsonb that a statement gives, in the run's context; inside SPI. */
static Jsonb *
FetchJsonb(const MonitorRun *run)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	MemoryContext old = MemoryContextSwitchTo(run->context);
	Jsonb	   *result = DatumGetJsonbPCopy(value);

	MemoryContextSwitchTo(old);
	return result;
}

/* A version as an argument of a statement; NULL for 0, which means no version. */
static CsValue
VersionValue(int version)
{
	return version == 0 ? CsValueNull(INT4OID) : CsValueInt4(version);
}

/* Run the checks at hand as the caller, under the caller's snapshot, and keep what they report. */
static void
RunChecks(void *state)
{
	MonitorRun *run = state;

	SPI_connect();
	(void) CsCallerSelect(check_sql, CsValues(CsValueTexts(run->checks, run->nchecks), CsValueText(run->model),
											  CsValueText(run->source), VersionValue(run->version),
											  CsValueJsonb(run->options), CsValueJsonb(run->reports)));
	run->reports = FetchJsonb(run);
	SPI_finish();
}

/* Message, detail and hint of an error, a line each, palloc'd. */
static char *
DescribeError(const ErrorData *error)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, error->message != NULL ? error->message : "unknown error");
	if (error->detail != NULL)
		appendStringInfo(&text, "\n%s", error->detail);
	if (error->hint != NULL)
		appendStringInfo(&text, "\n%s", error->hint);
	return text.data;
}

/* Note how the checks at hand failed. */
static void
NoteError(MonitorRun *run, const ErrorData *error)
{
	SPI_connect();
	for (int i = 0; i < run->nchecks; i++)
	{
		CsCatalogExecute(error_sql, CsValues(CsValueJsonb(run->errors), CsValueText(run->checks[i]),
											 CsValueText(DescribeError(error))), true);
		run->errors = FetchJsonb(run);
	}
	SPI_finish();
}

/* A transaction that has to be repeated is no finding about the source; a cancel may be one. */
static bool
EndsRun(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
}

/*
 * After checks were canceled: an error that ends the statement, unless it was by statement_timeout.
 * The timer that was set and is set no more tells.
 */
static void
CheckTimedOut(ErrorData *error, bool was_limited)
{
	if (!was_limited || get_timeout_active(STATEMENT_TIMEOUT))
		ReThrowError(error);
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
}

/*
 * Run all checks: together, with the reference's where it is asked for, and when that fails with fewer
 * and fewer of them at a time.
 */
static void
RunAllChecks(MonitorRun *run, bool with_reference)
{
	const ChecksOfKind *all = &checksOfKinds[run->kind];
	int			n = with_reference ? all->n : all->of_source;

	for (int i = 0; i < all->n;)
	{
		bool		limited = get_timeout_active(STATEMENT_TIMEOUT);
		ErrorData  *error;
		bool		canceled;

		run->checks = &all->checks[i];
		run->nchecks = n;
		error = CsAttempt(RunChecks, run, EndsRun);
		canceled = error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED;
		if (canceled)
			CheckTimedOut(error, limited);
		if (error != NULL && (n == 1 || canceled))
			NoteError(run, error);
		if (canceled)
			return;
		if (error == NULL || n == 1)
			i += n;
		n = error != NULL && n > all->of_source ? all->of_source : 1;
	}
}

/* Publish what the source looks like, as the caller. */
static void
Publish(void *state)
{
	MonitorRun *run = state;

	SPI_connect();
	(void) CsCallerSelect(publish_sql, CsValues(CsValueText(run->model), CsValueText(run->source),
												CsValueJsonb(run->publish), CsValueInt4(run->version)));
	SPI_finish();
}

/* Publish along with a run, if that is asked for and there is a version; a failure is one of the run. */
static void
PublishAlong(MonitorRun *run)
{
	static const char *const name = "publish";
	bool		limited = get_timeout_active(STATEMENT_TIMEOUT);
	ErrorData  *error;

	if (run->publish == NULL || run->version == 0)
		return;
	error = CsAttempt(Publish, run, EndsRun);
	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		CheckTimedOut(error, limited);
	run->checks = &name;
	run->nchecks = 1;
	NoteError(run, error);
}

/* Is the model still there, by what has been committed until now? */
static bool
ModelIsThere(const char *model)
{
	bool		result;

	PushActiveSnapshot(GetLatestSnapshot());
	result = CsModelExists(model);
	PopActiveSnapshot();
	return result;
}

/* The result of a run that leaves no row; inside SPI. */
static void
ReportUnrecorded(const MonitorRun *run, const char *why)
{
	CsValue		arguments[4];

	arguments[0] = CsValueText(run->model);
	arguments[1] = VersionValue(run->version);
	arguments[2] = CsValueText(run->skipped ? "skipped" : "failed");
	arguments[3] = CsValueText(why);
	CsCatalogExecute(unrecorded_sql, arguments, lengthof(arguments), true);
}

/* Write the run, whose model's lock is held; inside SPI. */
static void
WriteRun(const MonitorRun *run)
{
	CsValue		arguments[9];

	CsModelHold(run->model);
	CsModelCheckOwner(run->model);
	arguments[0] = CsValueText(run->model);
	arguments[1] = VersionValue(run->version);
	arguments[2] = CsValueText(run->source);
	arguments[3] = CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(run->started_at), false);
	arguments[4] = CsValueName(CsCallerName());
	arguments[5] = CsValueJsonb(run->options);
	arguments[6] = CsValueJsonb(run->reports);
	arguments[7] = CsValueJsonb(run->errors);
	arguments[8] = CsValueBool(run->skipped);
	CsCatalogExecute(record_sql, arguments, lengthof(arguments), false);
}

/*
 * Write the run; the result is a row of monitor().  One that is skipped waits for nothing, not even
 * for the other to commit what it has written.  A model that is gone has no history, so then there
 * is nothing to write to; no error, for one statement may watch many models.
 */
static Datum
RecordRun(const MonitorRun *run, TupleDesc desc)
{
	HeapTupleHeader row;
	bool		locked = true;

	if (run->skipped)
		locked = CsModelTryLock(run->model);
	else
		CsModelLock(run->model);
	SPI_connect();
	if (!locked)
		ReportUnrecorded(run, "another monitor() of the model was at work");
	else if (!ModelIsThere(run->model))
		ReportUnrecorded(run, "the model was dropped while it was watched");
	else
		WriteRun(run);
	row = SPI_returntuple(SPI_tuptable->vals[0], desc);
	SPI_finish();
	return HeapTupleHeaderGetDatum(row);
}

/* Delete what is older than the owner wants to keep. */
static void
ForgetRuns(const char *model, int days)
{

	SPI_connect();
	CsCatalogExecute(forget_sql, CsValues(CsValueText(model), CsValueInt4(days)), false);
	SPI_finish();
}

/* The arguments. */
enum
{
	MONITOR_MODEL, MONITOR_SOURCE, MONITOR_OPTIONS
};

/* monitor(model, source, options): one row */
Datum
custseg_monitor(PG_FUNCTION_ARGS)
{
	MonitorRun	run = {0};
	MonitorOptions options;
	TupleDesc	desc;
	Datum		result;

	CsRequireWritable("custseg.monitor()");
	run.model = CsRequiredText(fcinfo, MONITOR_MODEL, "model");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	run.context = CurrentMemoryContext;
	run.started_at = GetCurrentTimestamp();
	CsModelCheckName(run.model);
	CsModelCheckOwner(run.model);
	run.kind = CsModelKindOf(run.model);
	run.source = CsTextArgument(fcinfo, MONITOR_SOURCE);
	run.options = CompleteOptions(CsJsonbArgument(fcinfo, MONITOR_OPTIONS), &options);
	run.publish = options.publish;
	if (run.publish != NULL)
		CsModelRequireKind(run.model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	run.version = CsModelDeployedVersion(run.model);
	run.reports = CsJsonbFromText("{}");
	run.errors = CsJsonbFromText("{}");

	run.skipped = !LockRun(run.model);
	if (!run.skipped)
	{
		RunAllChecks(&run, run.kind == CS_MODEL_SEGMENTS && options.drift_multivariate != NULL);
		PublishAlong(&run);
	}
	result = RecordRun(&run, desc);
	if (options.keep_days > 0 && !run.skipped)
		ForgetRuns(run.model, options.keep_days);
	PG_RETURN_DATUM(result);
}
