/*
 * lifecycle.c
 *	  What an owner does with a trained model: deploy, roll back, drop, adopt a source, name segments,
 *	  grant use.
 *
 * Deployments form a stack that is never rewritten: each is a row, and its parent is the row that
 * a rollback of it returns to.  deploy() puts a row on top of the present one; rollback() adds a
 * row that repeats an older version and whose parent is that older row's own.  So one rollback
 * after another walks down the history, and a deploy() after a rollback starts a new branch.
 *
 * Every function checks that the caller owns the model, locks it, and checks again, for it may
 * have been dropped or have a new owner by the time the lock is had; who may not change a model
 * never holds its lock.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "fmgr.h"
#include "life/life.h"
#include "score/versions.h"
#include "utils/acl.h"
#include "utils/builtins.h"

static const char *const deploy_sql =
"WITH d AS ("
" INSERT INTO custseg.deployment (model, version, action, parent, deployed_by, reason)"
" VALUES ($1, $2, 'deploy',"
"  (SELECT pg_catalog.max(p.id) FROM custseg.deployment AS p"
"   WHERE p.model OPERATOR(pg_catalog.=) $1),"
"  $3, $4)) "
"UPDATE custseg.model AS m SET deployed_version = $2 WHERE m.name OPERATOR(pg_catalog.=) $1";

/*
 * The nearest row down the stack whose version is still there and is not the present one; the top
 * of the stack is the newest row.
 */
static const char *const rollback_sql =
"WITH RECURSIVE stack AS ("
" SELECT d.version, d.parent, 0 AS depth FROM custseg.deployment AS d"
" WHERE d.id OPERATOR(pg_catalog.=)"
"  (SELECT pg_catalog.max(l.id) FROM custseg.deployment AS l"
"   WHERE l.model OPERATOR(pg_catalog.=) $1)"
" UNION ALL"
" SELECT p.version, p.parent, s.depth OPERATOR(pg_catalog.+) 1"
" FROM stack AS s"
" JOIN custseg.deployment AS p ON p.id OPERATOR(pg_catalog.=) s.parent), "
"target AS ("
" SELECT s.version, s.parent FROM stack AS s"
" JOIN custseg.model_version AS v ON v.model OPERATOR(pg_catalog.=) $1"
"  AND v.version OPERATOR(pg_catalog.=) s.version"
" JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) $1"
"  AND m.deployed_version OPERATOR(pg_catalog.<>) s.version"
" ORDER BY s.depth LIMIT 1), "
"d AS ("
" INSERT INTO custseg.deployment (model, version, action, parent, deployed_by, reason)"
" SELECT $1, t.version, 'rollback', t.parent, $2, $3 FROM target AS t) "
"UPDATE custseg.model AS m SET deployed_version = t.version FROM target AS t "
"WHERE m.name OPERATOR(pg_catalog.=) $1 "
"RETURNING m.deployed_version";

static const char *const version_sql =
"SELECT v.version FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

static const char *const drop_model_sql =
"DELETE FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const exclusions_sql =
"SELECT pg_catalog.count(*) FROM custseg.segment_override AS o "
"WHERE o.model OPERATOR(pg_catalog.=) $1 AND o.kind OPERATOR(pg_catalog.=) 'exclusion' "
"AND o.ended_at IS NULL AND (o.until IS NULL OR o.until OPERATOR(pg_catalog.>) pg_catalog.now())";

static const char *const forget_sql =
"DELETE FROM custseg.segment_override AS o USING custseg.model AS m "
"WHERE m.name OPERATOR(pg_catalog.=) $1 AND o.model OPERATOR(pg_catalog.=) m.name"
" AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)";

/* A trigger that names no version names every version that is deployed. */
static const char *const triggers_sql =
"SELECT pg_catalog.format('trigger %I on table %s', t.trigger_name, t.relation)"
" FROM custseg_private.model_triggers() AS t "
"WHERE t.model OPERATOR(pg_catalog.=) $1 AND ($2 IS NULL OR t.version OPERATOR(pg_catalog.=) $2) "
"ORDER BY 1";

/* An experiment that needs the model, or the version, on. */
static const char *const experiments_sql =
"SELECT e.experiment FROM custseg.experiment AS e "
"WHERE e.model OPERATOR(pg_catalog.=) $1 AND e.ended_at IS NULL"
" AND CASE WHEN $2 IS NULL THEN e.started_at IS NOT NULL ELSE e.version OPERATOR(pg_catalog.=) $2 END "
"ORDER BY e.started_at, e.experiment LIMIT 1";

static const char *const adopt_sql =
"UPDATE custseg.model_version AS v SET source_adopted = true "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2 RETURNING v.source";

static const char *const name_segment_sql =
"UPDATE custseg.segment AS s SET name = COALESCE($4, s.name),"
" description = CASE WHEN $5 THEN s.description ELSE $6 END,"
" rank = CASE WHEN $7 THEN s.rank ELSE $8 END "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.>=) $2"
" AND s.segment OPERATOR(pg_catalog.=) $3 AND EXISTS"
" (SELECT FROM custseg.segment AS d WHERE d.model OPERATOR(pg_catalog.=) $1"
"  AND d.version OPERATOR(pg_catalog.=) $2 AND d.segment OPERATOR(pg_catalog.=) $3)";

/* What deploy() may be asked to see to first. */
typedef struct DeployOptions
{
	double		min_agreement;	/* adjusted Rand index; NaN: not asked for */
	char	   *source;			/* NULL: the one that the version was trained on */
} DeployOptions;

static const CsOption deployOptions[] = {
	{"min_agreement", CS_OPTION_REAL, offsetof(DeployOptions, min_agreement), NAN, 0, 1},
	{"source", CS_OPTION_TEXT, offsetof(DeployOptions, source)}
};

/*
 * All grants of a model are written anew, in order and so when all old ones are gone: roles that were
 * renamed have their present names then, and none is in the way of another.
 */
static const char *const grant_sql =
"WITH old AS (DELETE FROM custseg.model_grant AS g WHERE g.model OPERATOR(pg_catalog.=) $1 RETURNING g.*) "
"INSERT INTO custseg.model_grant (model, grantee, grantee_oid, grantee_cluster, granted_by, granted_at) "
"SELECT DISTINCT ON (2) g.model,"
" custseg_private.role_name(g.grantee, g.grantee_oid, g.grantee_cluster) AS grantee,"
" g.grantee_oid, g.grantee_cluster, g.granted_by, g.granted_at "
"FROM (SELECT old.model, old.grantee, old.grantee_oid, old.grantee_cluster, old.granted_by,"
"  old.granted_at, 1 AS place FROM old"
"  WHERE old.grantee_oid IS NULL"
"  OR custseg_private.role_oid(old.grantee, old.grantee_oid, old.grantee_cluster) IS NOT NULL"
" UNION ALL SELECT $1, $2, NULL, NULL, $3, pg_catalog.now(), 2) AS g "
"ORDER BY 2, g.place";

static const char *const revoke_sql =
"DELETE FROM custseg.model_grant AS g "
"WHERE g.model OPERATOR(pg_catalog.=) $1"
" AND custseg_private.role_name(g.grantee, g.grantee_oid, g.grantee_cluster) OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_deploy);
PG_FUNCTION_INFO_V1(custseg_rollback);
PG_FUNCTION_INFO_V1(custseg_drop_model);
PG_FUNCTION_INFO_V1(custseg_adopt_source);
PG_FUNCTION_INFO_V1(custseg_name_segment);
PG_FUNCTION_INFO_V1(custseg_grant_model);
PG_FUNCTION_INFO_V1(custseg_revoke_model);

/* The arguments. */
enum
{
	DEPLOY_MODEL, DEPLOY_VERSION, DEPLOY_REASON, DEPLOY_OPTIONS
};

enum
{
	ROLLBACK_MODEL, ROLLBACK_REASON
};

enum
{
	DROP_MODEL, DROP_VERSION, DROP_WHOLE, DROP_IGNORE_TRIGGERS, DROP_FORGET_EXCLUSIONS
};

enum
{
	ADOPT_MODEL, ADOPT_VERSION
};

enum
{
	NAME_MODEL, NAME_SEGMENT, NAME_NAME, NAME_DESCRIPTION, NAME_RANK
};

enum
{
	GRANT_MODEL, GRANT_ROLE
};

/* Error unless the model has the version; inside SPI. */
static void
CheckVersion(const char *model, int version)
{

	if (CsCatalogExecute(version_sql,
						 CsValues(CsValueText(model), CsValueInt4(version)), false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model, version),
				 errhint("SELECT version FROM custseg.model_version WHERE model = %s lists the versions.",
						 quote_literal_cstr(model))));
}

/* Record that a version is deployed.  The caller holds the model's lock. */
void
CsDeployVersion(const char *model, int version, const char *reason)
{

	SPI_connect();
	CsCatalogExecute(deploy_sql, CsValues(CsValueText(model), CsValueInt4(version),
										  CsValueName(CsCallerName()), CsValueText(reason)), false);
	SPI_finish();
}

/* Read deploy()'s options from an argument. */
static DeployOptions
ReadDeployOptions(FunctionCallInfo fcinfo, int argument)
{
	DeployOptions options;

	CsOptionsArgument(fcinfo, argument, deployOptions, lengthof(deployOptions), &options);
	if (options.source != NULL && isnan(options.min_agreement))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"source\" needs \"min_agreement\""),
				 errhint("Write options => '{\"min_agreement\": 0.8, \"source\": \"customers\"}'.")));
	return options;
}

/* Error unless a version agrees with the deployed one as is demanded. */
static void
DemandAgreement(const char *model, int deployed, int version, const DeployOptions *options)
{
	CsVersionPair *pair = CsVersionPairOpen(model, deployed, version, options->source);
	double		agreement;

	CsVersionPairRead(pair);
	agreement = CsVersionPairAgreement(pair);
	if (isnan(agreement))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("versions %d and %d of model \"%s\" cannot be compared", deployed, version,
						model),
				 errdetail("No row of %s can be placed by both.", pair->pass->relation->description),
				 errhint("Name another source: options => '{\"min_agreement\": %g, \"source\": ...}'.",
						 options->min_agreement)));
	if (agreement < options->min_agreement)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" agrees too little with version %d, which is deployed",
						version, model, deployed),
				 errdetail("Their adjusted Rand index on %s is %.3f; the option demands at least %g.",
						   pair->pass->relation->description, agreement, options->min_agreement),
				 errhint("SELECT * FROM custseg.compare_versions(%s, %d, %d) shows what would change; deploy the version with a lower min_agreement, or without one.",
						 quote_literal_cstr(model), deployed, version)));
}

/*
 * custseg.deploy(model, version, reason, options): a version that is deployed already stays so,
 * with no new row of history that a rollback would have to pass.  What is demanded of its agreement
 * with the deployed version is looked at under the model's lock, so that it holds for the version
 * that it replaces; without one there is nothing to agree with.
 */
Datum
custseg_deploy(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.deploy()");
	DeployOptions options = ReadDeployOptions(fcinfo, DEPLOY_OPTIONS);
	int			version = CsRequiredInt(fcinfo, DEPLOY_VERSION, "version");
	int			deployed;

	SPI_connect();
	CheckVersion(model, version);
	deployed = CsDeployedVersion(model);
	SPI_finish();
	if (deployed == version)
	{
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is already deployed", version, model)));
		PG_RETURN_INT32(version);
	}
	if (deployed != 0 && !isnan(options.min_agreement))
	{
		/* either version may be younger than the statement */
		PushActiveSnapshot(GetTransactionSnapshot());
		DemandAgreement(model, deployed, version, &options);
		PopActiveSnapshot();
	}
	CsDeployVersion(model, version, CsTextArgument(fcinfo, DEPLOY_REASON));
	PG_RETURN_INT32(version);
}

/* custseg.rollback(model, reason) */
Datum
custseg_rollback(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.rollback()");
	int			version;

	SPI_connect();
	if (CsCatalogExecute(rollback_sql,
						 CsValues(CsValueText(model), CsValueName(CsCallerName()),
								  CsValueText(CsTextArgument(fcinfo, ROLLBACK_REASON))), false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no earlier deployment to return to", model),
				 errhint("SELECT * FROM custseg.deployment WHERE model = %s shows the history of the model; custseg.deploy() deploys any version.",
						 quote_literal_cstr(model))));
	version = CsFoundInt4(0);
	SPI_finish();
	PG_RETURN_INT32(version);
}

/* Error when an experiment runs on what is dropped, a model or one version of it; inside SPI. */
static void
CheckExperiments(const char *model, CsValue version)
{
	char	   *experiment;

	if (CsCatalogExecute(experiments_sql, CsValues(CsValueText(model), version), false) == 0)
		return;
	experiment = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 version.isnull ? errmsg("cannot drop model \"%s\" because experiment \"%s\" runs on it", model, experiment) :
			 errmsg("cannot drop version %d of model \"%s\" because experiment \"%s\" places customers by it",
					DatumGetInt32(version.datum), model, experiment),
			 errhint("SELECT custseg.end_experiment(%s); ends it first.", quote_literal_cstr(experiment))));
}

/* Drop one version, which must not be deployed; inside SPI. */
static void
DropVersion(const char *model, int version, int deployed)
{
	CheckVersion(model, version);
	if (version == deployed)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot drop version %d of model \"%s\" because it is deployed", version,
						model),
				 errhint("Deploy another version first, or drop the whole model: SELECT custseg.drop_model(%s, whole => true);",
						 quote_literal_cstr(model))));
	CheckExperiments(model, CsValueInt4(version));
	CsModelClear(model, version);
}

/* Say how many exclusions outlive a model, for whoever drops it may think that they are gone. */
static void
ReportExclusions(const char *model)
{
	bool		isnull;
	int64		n;

	(void) CsCatalogExecute(exclusions_sql, CsValues(CsValueText(model)), false);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (n > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld exclusion stays in force for a model named \"%s\"",
							   "%lld exclusions stay in force for a model named \"%s\"",
							   (unsigned long) n, (long long) n, model),
				 errhint("Drop the model with forget_exclusions => true to drop them, too, or end each by custseg.end_override() when there is a model of that name again.")));
}

/* Drop a model and all that belongs to it; inside SPI. */
static void
DropWhole(const char *model, bool forget_exclusions)
{
	CsWithinCheckDrop(model);
	if (forget_exclusions)
		CsCatalogExecute(forget_sql, CsValues(CsValueText(model)), false);
	CsCatalogExecute(drop_model_sql, CsValues(CsValueText(model)), false);
	/* an experiment cannot start any more, for who enrolls customers holds the row that is gone now */
	CheckExperiments(model, CsValueNull(INT4OID));
	CsModelClear(model, 0);
	ReportExclusions(model);
}

/* What is to be dropped: a version, or NULL for the whole model; an error when that is not clear. */
static CsValue
DropArgument(FunctionCallInfo fcinfo, const char *model)
{
	bool		whole = CsBoolArgument(fcinfo, DROP_WHOLE, false);

	if (whole != PG_ARGISNULL(DROP_VERSION))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 whole ? errmsg("\"version\" and \"whole\" exclude each other") :
				 errmsg("drop_model() needs a version"),
				 errhint("To drop model \"%s\" with all versions and its history: SELECT custseg.drop_model(%s, whole => true);",
						 model, quote_literal_cstr(model))));
	return whole ? CsValueNull(INT4OID) : CsValueInt4(PG_GETARG_INT32(DROP_VERSION));
}

/* Error when triggers name what is to be dropped, for every write that fires them would fail; inside SPI. */
static void
CheckTriggers(const char *model, CsValue version)
{
	StringInfoData triggers;

	if (CsCatalogExecute(triggers_sql, CsValues(CsValueText(model), version), false) == 0)
		return;
	initStringInfo(&triggers);
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&triggers, "%s%s", i > 0 ? "\n" : "",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 version.isnull ? errmsg("cannot drop model \"%s\" because triggers name it", model) :
			 errmsg("cannot drop version %d of model \"%s\" because triggers name it",
					DatumGetInt32(version.datum), model),
			 errdetail("%s", triggers.data),
			 errhint("Drop the triggers first, or give ignore_triggers => true: the writes that fire them fail, or leave NULL with a warning, until the model is trained again.")));
}

/*
 * custseg.drop_model(model, version, whole, ignore_triggers, forget_exclusions): a version, or the whole
 * model; the version that remains deployed
 */
Datum
custseg_drop_model(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginDrop(fcinfo, "custseg.drop_model()");
	CsValue		version = DropArgument(fcinfo, model);
	int			deployed = 0;

	SPI_connect();
	if (!CsBoolArgument(fcinfo, DROP_IGNORE_TRIGGERS, false))
		CheckTriggers(model, version);
	if (version.isnull)
	{
		DropWhole(model, CsBoolArgument(fcinfo, DROP_FORGET_EXCLUSIONS, false));
		CsAuditAdd("drop_model", NULL, 0, model, -1);
	}
	else
	{
		deployed = CsDeployedVersion(model);
		DropVersion(model, DatumGetInt32(version.datum), deployed);
		CsAuditAdd("drop_version", model, DatumGetInt32(version.datum), NULL, -1);
	}
	SPI_finish();
	if (deployed == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(deployed);
}

/* custseg.adopt_source(model, version): the source of a version, or with NULL of the deployed one */
Datum
custseg_adopt_source(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.adopt_source()");
	int			version = CsVersionArgument(fcinfo, ADOPT_VERSION);
	Datum		source;
	bool		isnull;

	SPI_connect();
	if (version == 0)
		version = CsRequireDeployedVersion(model, CS_MODEL_EVERY);
	CheckVersion(model, version);
	CsCatalogExecute(adopt_sql, CsValues(CsValueText(model), CsValueInt4(version)), false);
	source = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	source = SPI_datumTransfer(source, false, -1);
	CsAuditAdd("adopt_source", model, version, NULL, -1);
	SPI_finish();
	PG_RETURN_DATUM(source);
}

/* The rank for name_segment(): NULL keeps the rank there is, 0 removes it. */
static void
ReadRank(FunctionCallInfo fcinfo, CsValue *keep, CsValue *rank)
{
	int			value = CsIntArgument(fcinfo, NAME_RANK, 0);

	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rank of a segment must not be negative"),
				 errdetail("It is %d.", value),
				 errhint("Give 1 to the segment of highest value, 2 to the next, and so on; 0 removes the rank.")));
	*keep = CsValueBool(PG_ARGISNULL(NAME_RANK));
	*rank = value == 0 ? CsValueNull(INT4OID) : CsValueInt4(value);
}

/* custseg.name_segment(model, segment, name, description, rank) */
Datum
custseg_name_segment(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.name_segment()");
	int			segment = CsRequiredInt(fcinfo, NAME_SEGMENT, "segment");
	char	   *name = CsTextArgument(fcinfo, NAME_NAME);
	char	   *description = CsTextArgument(fcinfo, NAME_DESCRIPTION);
	int			version;
	CsValue		keep,
				rank;

	if (name == NULL && description == NULL && PG_ARGISNULL(NAME_RANK))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"name\", \"description\" and \"rank\" must not all be NULL"),
				 errhint("Give what is to change; what is NULL stays.")));
	if (name != NULL && name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("segment name must not be empty"),
				 errhint("Give it a name; the default is \"segment %d\".", segment)));
	ReadRank(fcinfo, &keep, &rank);

	SPI_connect();
	version = CsRequireDeployedVersion(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	if (CsCatalogExecute(name_segment_sql,
						 CsValues(CsValueText(model), CsValueInt4(version), CsValueInt4(segment),
								  CsValueText(name), CsValueBool(description == NULL),
								  CsValueText(description != NULL && description[0] == '\0' ? NULL :
											  description),
								  keep, rank), false) == 0)
		CsReportNoSegment(model, version, segment);
	CsAuditAdd("name_segment", model, version, psprintf("%d", segment), -1);
	SPI_finish();
	PG_RETURN_VOID();
}

/* custseg.grant_model(model, role) */
Datum
custseg_grant_model(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.grant_model()");
	char	   *role;

	CsRequireArgument(fcinfo, GRANT_ROLE, "role");
	role = NameStr(*PG_GETARG_NAME(GRANT_ROLE));
	if (strcmp(role, "public") != 0)
		(void) get_role_oid(role, false);
	SPI_connect();
	CsCatalogExecute(grant_sql, CsValues(CsValueText(model), CsValueName(role),
										 CsValueName(CsCallerName())), false);
	SPI_finish();
	PG_RETURN_VOID();
}

/* custseg.revoke_model(model, role): the role need not exist any more. */
Datum
custseg_revoke_model(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.revoke_model()");

	CsRequireArgument(fcinfo, GRANT_ROLE, "role");
	SPI_connect();
	if (CsCatalogExecute(revoke_sql,
						 CsValues(CsValueText(model), CsValueName(NameStr(*PG_GETARG_NAME(GRANT_ROLE)))), false) == 0)
		ereport(NOTICE,
				(errmsg("role \"%s\" had no grant on model \"%s\"",
						NameStr(*PG_GETARG_NAME(GRANT_ROLE)), model)));
	else
		CsAuditAdd("revoke", model, 0, NameStr(*PG_GETARG_NAME(GRANT_ROLE)), -1);
	SPI_finish();
	PG_RETURN_VOID();
}
