/*
 * stored.c
 *	  Experiments as they are kept: read, created, ended, dropped.
 *
 * An experiment belongs to its model, whose owner alone changes it.  Until the first customer is enrolled it
 * can be defined anew; from then on what it compares and measures is fixed, for a metric that is chosen
 * when results are known proves nothing.  Only the traffic may be raised, which adds customers and moves none.
 *
 * Experiments of a layer take disjoint ranges of the layer's buckets, so that no customer is in two of them.
 */
#include "custseg.h"

#include <math.h>

#include "executor/spi.h"
#include "experiment/experiment.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static const char *const read_sql =
"SELECT e.model, e.version, e.salt, e.traffic, e.layer, e.first_bucket, e.assignment, e.method, e.n_looks, e.alpha,"
" e.power, e.n_control, e.min_days, e.started_at, e.ended_at, e.last_batch "
"FROM custseg.experiment AS e WHERE e.experiment OPERATOR(pg_catalog.=) $1";

static const char *const lock_sql =
"SELECT FROM custseg.experiment AS e WHERE e.experiment OPERATOR(pg_catalog.=) $1 FOR UPDATE";

static const char *const variants_sql =
"SELECT v.variant, v.weight::pg_catalog.int4 FROM custseg.experiment_variant AS v "
"WHERE v.experiment OPERATOR(pg_catalog.=) $1 ORDER BY v.variant_number";

static const char *const metrics_sql =
"SELECT m.metric, m.kind, m.role, m.direction, m.column_name, m.numerator, m.denominator, m.effect, m.effect_is_relative,"
" m.margin, m.margin_is_relative, m.cap, m.covariate, m.outcome_window::pg_catalog.text "
"FROM custseg.experiment_metric AS m WHERE m.experiment OPERATOR(pg_catalog.=) $1 ORDER BY m.position";

static const char *const insert_sql =
"INSERT INTO custseg.experiment (experiment, model, version, salt, traffic, layer, first_bucket, assignment, method, n_looks,"
" alpha, power, n_control, min_days, created_at, created_by) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, pg_catalog.clock_timestamp(), $15)";

static const char *const insert_variants_sql =
"INSERT INTO custseg.experiment_variant "
"SELECT r.* FROM pg_catalog.jsonb_populate_recordset(NULL::custseg.experiment_variant, $1) AS r";

static const char *const insert_metrics_sql =
"INSERT INTO custseg.experiment_metric "
"SELECT r.* FROM pg_catalog.jsonb_populate_recordset(NULL::custseg.experiment_metric, $1) AS r";

/* Which parts of a definition, the first two as json, are not what is kept. */
static const char *const changed_sql =
"SELECT coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(v) ORDER BY v.variant_number)"
"  FROM custseg.experiment_variant AS v WHERE v.experiment OPERATOR(pg_catalog.=) $1), '[]') OPERATOR(pg_catalog.<>) $2,"
" coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(m) ORDER BY m.position)"
"  FROM custseg.experiment_metric AS m WHERE m.experiment OPERATOR(pg_catalog.=) $1), '[]') OPERATOR(pg_catalog.<>) $3";

/* The experiments of a layer that have not ended, of all models of the owner of that model. */
static const char *const layer_sql =
"UPDATE custseg.experiment AS e SET layer = e.layer "
"FROM custseg.model AS m, custseg.model AS own "
"WHERE m.name OPERATOR(pg_catalog.=) e.model AND own.name OPERATOR(pg_catalog.=) $2"
" AND custseg_private.is_same_role(m.owner, m.owner_oid, m.owner_cluster, own.owner, own.owner_oid, own.owner_cluster)"
" AND e.layer OPERATOR(pg_catalog.=) $3 AND e.ended_at IS NULL AND e.experiment OPERATOR(pg_catalog.<>) $1 "
"RETURNING e.experiment, e.first_bucket, e.traffic";

static const char *const raise_sql =
"UPDATE custseg.experiment AS e SET traffic = $2, created_by = $3 WHERE e.experiment OPERATOR(pg_catalog.=) $1";

static const char *const end_sql =
"UPDATE custseg.experiment AS e SET ended_at = pg_catalog.clock_timestamp(), ended_by = $2, end_reason = $3 "
"WHERE e.experiment OPERATOR(pg_catalog.=) $1";

PG_FUNCTION_INFO_V1(custseg_create_experiment);
PG_FUNCTION_INFO_V1(custseg_end_experiment);
PG_FUNCTION_INFO_V1(custseg_drop_experiment);

/* The error of a name that no experiment has. */
void
CsReportNoExperiment(const char *experiment)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("experiment \"%s\" does not exist", experiment),
			 errhint("SELECT experiment FROM custseg.experiment lists the experiments you may see.")));
}

/* The index of a name in a NULL-terminated list that has it. */
static int
IndexOf(const char *name, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	elog(ERROR, "unexpected value in a table of experiments: %s", name);
}

/* A column of type timestamptz; false for NULL. */
static bool
RowTime(const CsCatalogRow *row, int column, TimestampTz *time)
{
	bool		isnull;
	Datum		value = CsRowDatum(row, column, &isnull);

	*time = isnull ? 0 : DatumGetTimestampTz(value);
	return !isnull;
}

/* CsCatalogVisitor: the columns of read_sql. */
static void
TakeExperiment(void *state, const CsCatalogRow *row)
{
	CsExperiment *e = state;
	TimestampTz ended;

	e->model = CsRowText(row, 1);
	e->version = CsRowInt4(row, 2, 0);
	e->salt = CsRowText(row, 3);
	e->traffic = CsRowFloat8(row, 4);
	e->layer = CsRowText(row, 5);
	e->first_bucket = CsRowInt4(row, 6, 0);
	e->assignment = IndexOf(CsRowText(row, 7), CsAssignmentKinds);
	e->method = IndexOf(CsRowText(row, 8), CsLookMethods);
	e->n_looks = CsRowInt4(row, 9, 0);
	e->alpha = CsRowFloat8(row, 10);
	e->power = CsRowFloat8(row, 11);
	e->n_control = CsRowInt8(row, 12, 0);
	e->min_days = CsRowInt4(row, 13, 0);
	e->has_started = RowTime(row, 14, &e->started_at);
	e->has_ended = RowTime(row, 15, &ended);
	e->last_batch = CsRowInt4(row, 16, 0);
}

/* CsCatalogVisitor: a variant. */
static void
TakeVariant(void *state, const CsCatalogRow *row)
{
	CsExperiment *e = state;

	if (e->nvariants == CS_MAX_VARIANTS)
		elog(ERROR, "experiment \"%s\" has too many variants", e->name);
	e->variants[e->nvariants++] = (CsVariant) {CsRowText(row, 1), CsRowInt4(row, 2, 0)};
}

/* CsCatalogVisitor: a metric. */
static void
TakeMetric(void *state, const CsCatalogRow *row)
{
	CsExperiment *e = state;
	CsExperimentMetric   *m = &e->metrics[e->nmetrics];
	bool		isnull,
				effect_is_relative = DatumGetBool(CsRowDatum(row, 9, &isnull)),
				margin_is_relative = DatumGetBool(CsRowDatum(row, 11, &isnull));

	if (e->nmetrics++ == CS_MAX_EXPERIMENT_METRICS)
		elog(ERROR, "experiment \"%s\" has too many metrics", e->name);
	m->name = CsRowText(row, 1);
	m->kind = IndexOf(CsRowText(row, 2), CsMetricKinds);
	m->role = IndexOf(CsRowText(row, 3), CsMetricRoles);
	m->direction = IndexOf(CsRowText(row, 4), CsMetricDirections);
	m->column = CsRowText(row, 5);
	m->numerator = CsRowText(row, 6);
	m->denominator = CsRowText(row, 7);
	m->effect = effect_is_relative ? NAN : CsRowFloat8(row, 8);
	m->relative_effect = effect_is_relative ? CsRowFloat8(row, 8) : NAN;
	m->margin = margin_is_relative ? NAN : CsRowFloat8(row, 10);
	m->relative_margin = margin_is_relative ? CsRowFloat8(row, 10) : NAN;
	m->cap = CsRowFloat8(row, 12);
	m->covariate = CsRowText(row, 13);
	m->window = CsRowText(row, 14);
}

/* An experiment as the active snapshot sees it, palloc'd; NULL when there is none. */
static CsExperiment *
ReadExperiment(const char *experiment)
{
	CsExperiment *e = palloc0(sizeof(CsExperiment));
	int			level = CsPlainSettings();
	bool		exists;

	e->name = pstrdup(experiment);
	exists = CsCatalogRead(read_sql, CsValues(CsValueText(experiment)), TakeExperiment, e) > 0;
	CsCatalogRead(variants_sql, CsValues(CsValueText(experiment)), TakeVariant, e);
	CsCatalogRead(metrics_sql, CsValues(CsValueText(experiment)), TakeMetric, e);
	AtEOXact_GUC(true, level);
	return exists ? e : NULL;
}

/*
 * An experiment as the active snapshot sees it, palloc'd; an error when there is none, or none that the caller
 * may see.  Whether the caller owns its model is for who calls to check.
 */
CsExperiment *
CsExperimentRead(const char *experiment)
{
	CsExperiment *e = ReadExperiment(experiment);

	if (e == NULL || !CsModelMayUse(e->model))
		CsReportNoExperiment(experiment);
	return e;
}

/* Error unless the caller owns the model of an experiment, and so may see who is in it; the statement's snapshot tells. */
void
CsExperimentRequireOwner(const CsExperiment *e)
{
	if (!CsModelIsOwned(e->model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\" to see who is in experiment \"%s\"", e->model, e->name),
				 errhint("Others see counts, in custseg.enrolment_count.")));
}

/*
 * Likewise as it is now, whatever the statement sees: NULL when there is none.  Nobody else changes it, or enrolls
 * customers, until the transaction ends: who does either at the moment is waited for first.
 */
static CsExperiment *
ReadLocked(const char *experiment)
{
	CsExperiment *e;

	SPI_connect();
	CsCatalogExecute(lock_sql, CsValues(CsValueText(experiment)), false);
	SPI_finish();

	PushActiveSnapshot(GetTransactionSnapshot());
	e = ReadExperiment(experiment);
	PopActiveSnapshot();
	return e;
}

/*
 * An error unless the experiment that was read, and has started, is still the one of its name.  The caller holds
 * the lock of its model; nobody else changes the experiment until the transaction ends.
 */
void
CsExperimentRequireSame(const CsExperiment *e)
{
	const CsExperiment *now = ReadLocked(e->name);

	if (now == NULL)
		CsReportNoExperiment(e->name);
	if (!now->has_started || now->started_at != e->started_at)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("experiment \"%s\" was dropped and created anew meanwhile", e->name),
				 errhint("Repeat the transaction.")));
}

/*
 * Begin a change of an experiment: the caller owns its model, and now holds the lock of it.  Returns the
 * experiment, palloc'd, as it is then.
 */
static CsExperiment *
CsExperimentBeginChange(const char *experiment, const char *command)
{
	CsExperiment *e;

	CsRequireWritable(command);
	e = CsExperimentRead(experiment);
	CsBeginChangeOf(e->model, command);
	e = ReadLocked(experiment);
	if (e == NULL)
		CsReportNoExperiment(experiment);
	return e;
}

/* A range of a layer's buckets that is taken. */
typedef struct Range
{
	char	   *experiment;
	int			first,
				buckets;
} Range;

static int
CompareRanges(const void *a, const void *b)
{
	return ((const Range *) a)->first - ((const Range *) b)->first;
}

/* The ranges of a layer that others have, by bucket, palloc'd.  Inside SPI. */
static Range *
LayerRanges(const CsExperiment *e, int *n)
{
	Range	   *ranges;

	*n = (int) CsCatalogExecuteNewest(layer_sql, CsValues(CsValueText(e->name), CsValueText(e->model), CsValueText(e->layer)));
	ranges = palloc(sizeof(Range) * (*n + 1));
	for (int i = 0; i < *n; i++)
	{
		CsCatalogRow row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc, i};

		ranges[i] = (Range) {CsRowText(&row, 1), CsRowInt4(&row, 2, 0), CsExperimentBuckets(CsRowFloat8(&row, 3))};
	}
	qsort(ranges, *n, sizeof(Range), CompareRanges);
	return ranges;
}

/* The error of a layer without room, which says who has it. */
static void
ReportLayer(const CsExperiment *e, const Range *ranges, int n)
{
	StringInfoData taken;

	initStringInfo(&taken);
	for (int i = 0; i < n; i++)
		appendStringInfo(&taken, "%sexperiment \"%s\" has %g %%", i > 0 ? ", " : "", ranges[i].experiment,
						 100.0 * ranges[i].buckets / CS_BUCKETS);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("layer \"%s\" has no room for %g %% of the customers", e->layer, 100 * e->traffic),
			 errdetail("Of its customers, %s.", taken.data),
			 errhint("Lower \"traffic\", end one of these experiments, or choose another layer.")));
}

/*
 * Find the first of the buckets of an experiment's layer that no other one has, from "from" on if it must
 * begin "there".  Inside SPI.
 */
static int
FindBuckets(const CsExperiment *e, int from, bool there)
{
	int			buckets = CsExperimentBuckets(e->traffic);
	int			n;
	Range	   *ranges;

	if (e->layer == NULL)
		return 0;
	ranges = LayerRanges(e, &n);
	for (int i = 0; i < n && ranges[i].first < from + buckets; i++)
	{
		if (ranges[i].first + ranges[i].buckets <= from)
			continue;
		if (there)
			ReportLayer(e, ranges, n);
		from = ranges[i].first + ranges[i].buckets;
	}
	if (from + buckets > CS_BUCKETS)
		ReportLayer(e, ranges, n);
	return from;
}

/* Write an experiment that nobody is enrolled in; inside SPI. */
static void
WriteExperiment(CsExperiment *e)
{
	e->version = CsRequireDeployedVersion(e->model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	e->first_bucket = FindBuckets(e, 0, false);
	CsExperimentClear(e->name);
	CsCatalogExecute(insert_sql,
					 CsValues(CsValueText(e->name), CsValueText(e->model), CsValueInt4(e->version), CsValueText(e->salt),
							  CsValueFloat8(e->traffic), CsValueText(e->layer), CsValueInt4(e->first_bucket),
							  CsValueText(CsAssignmentKinds[e->assignment]), CsValueText(CsLookMethods[e->method]),
							  CsValueInt4(e->n_looks), CsValueFloat8(e->alpha), CsValueFloat8(e->power),
							  e->n_control > 0 ? CsValueInt8(e->n_control) : CsValueNull(INT8OID),
							  CsValueInt4(e->min_days), CsValueName(CsCallerName())), false);
	CsCatalogExecute(insert_variants_sql, CsValues(CsValueJsonb(CsExperimentVariantsJson(e))), false);
	CsCatalogExecute(insert_metrics_sql, CsValues(CsValueJsonb(CsExperimentMetricsJson(e))), false);
}

/* What of a definition is not as it is kept, in the plural; NULL when nothing but the traffic differs.  Inside SPI. */
static const char *
ChangedPart(const CsExperiment *old, const CsExperiment *e)
{
	bool		isnull;

	CsCatalogExecute(changed_sql, CsValues(CsValueText(e->name), CsValueJsonb(CsExperimentVariantsJson(e)),
										   CsValueJsonb(CsExperimentMetricsJson(e))), false);
	if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull)))
		return "metrics";
	if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)))
		return "variants";
	if (strcmp(old->salt, e->salt) != 0 || old->assignment != e->assignment || old->method != e->method ||
		(old->layer == NULL) != (e->layer == NULL) || (e->layer != NULL && strcmp(old->layer, e->layer) != 0) ||
		old->n_looks != e->n_looks || old->alpha != e->alpha || old->power != e->power ||
		old->n_control != e->n_control || old->min_days != e->min_days)
		return "options";
	return NULL;
}

/* Give a running experiment more traffic, if that is all that changes; inside SPI. */
static void
RaiseTraffic(const CsExperiment *old, const CsExperiment *e)
{
	const char *part = ChangedPart(old, e);

	if (part != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s of experiment \"%s\" are fixed, for it has started", part, e->name),
				 errhint("Only \"traffic\" can be raised. Create another experiment, or end and drop this one.")));
	if (CsExperimentBuckets(e->traffic) < CsExperimentBuckets(old->traffic))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("traffic of experiment \"%s\" cannot be lowered", e->name),
				 errdetail("It is %g.", old->traffic),
				 errhint("Customers who take part stay. End the experiment, and create another one.")));
	(void) FindBuckets(e, old->first_bucket, true);
	CsCatalogExecute(raise_sql, CsValues(CsValueText(e->name), CsValueFloat8(e->traffic), CsValueName(CsCallerName())), false);
}

/* The arguments. */
enum
{
	CREATE_EXPERIMENT, CREATE_MODEL, CREATE_VARIANTS, CREATE_METRICS, CREATE_OPTIONS
};

enum
{
	END_EXPERIMENT, END_REASON
};

/* Store a definition: as a new experiment, instead of one that has not started, or to raise the traffic. */
static void
StoreDefinition(CsExperiment *e, const CsExperiment *old)
{
	bool		is_other = old != NULL && strcmp(old->model, e->model) != 0;

	if (is_other || (old != NULL && old->has_ended))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("experiment \"%s\" already exists", e->name),
				 is_other ? errdetail("It is one of another model.") : errdetail("It has ended."),
				 errhint("Choose another name.")));
	SPI_connect();
	if (old != NULL && old->has_started)
		RaiseTraffic(old, e);
	else
		WriteExperiment(e);
	SPI_finish();
}

/* create_experiment(experiment, model, variants, metrics, options) */
Datum
custseg_create_experiment(PG_FUNCTION_ARGS)
{
	CsExperiment *e = palloc0(sizeof(CsExperiment));
	int			level;

	e->name = CsRequiredText(fcinfo, CREATE_EXPERIMENT, "experiment");
	e->model = CsRequiredText(fcinfo, CREATE_MODEL, "model");
	CsRequireArgument(fcinfo, CREATE_VARIANTS, "variants");
	CsRequireArgument(fcinfo, CREATE_METRICS, "metrics");
	level = CsPlainSettings();
	CsExperimentDefine(e, CsJsonbArgument(fcinfo, CREATE_VARIANTS), CsJsonbArgument(fcinfo, CREATE_METRICS),
					   CsJsonbArgument(fcinfo, CREATE_OPTIONS));
	CsBeginChangeOf(e->model, "custseg.create_experiment()");
	/* names and layers are those of all models */
	CsModelLock("all experiments");
	StoreDefinition(e, ReadLocked(e->name));
	AtEOXact_GUC(true, level);
	PG_RETURN_VOID();
}

/* end_experiment(experiment, reason) */
Datum
custseg_end_experiment(PG_FUNCTION_ARGS)
{
	CsExperiment *e = CsExperimentBeginChange(CsRequiredText(fcinfo, END_EXPERIMENT, "experiment"),
											  "custseg.end_experiment()");

	if (e->has_ended)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("experiment \"%s\" has ended already", e->name)));
	SPI_connect();
	CsCatalogExecute(end_sql, CsValues(CsValueText(e->name), CsValueName(CsCallerName()),
									   CsValueText(CsTextArgument(fcinfo, END_REASON))), false);
	SPI_finish();
	PG_RETURN_VOID();
}

/* drop_experiment(experiment) */
Datum
custseg_drop_experiment(PG_FUNCTION_ARGS)
{
	CsExperiment *e = CsExperimentBeginChange(CsRequiredText(fcinfo, END_EXPERIMENT, "experiment"),
											  "custseg.drop_experiment()");

	if (e->has_started && !e->has_ended)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot drop experiment \"%s\" because it runs", e->name),
				 errhint("SELECT custseg.end_experiment(%s); ends it first.", quote_literal_cstr(e->name))));
	SPI_connect();
	CsExperimentClear(e->name);
	SPI_finish();
	PG_RETURN_VOID();
}
