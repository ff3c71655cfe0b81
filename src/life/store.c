/*
 * store.c
 *	  A new version of a model, of whatever kind: numbered, written, deployed.
 *
 * Everything is written in the caller's transaction and under the model's lock, after the version is
 * complete.  The version's number is taken by one statement that either makes the model or counts
 * it up, so two trainings of a new model become versions 1 and 2; under REPEATABLE READ the second
 * gets a serialization failure instead.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "data/identity.h"
#include "life/life.h"
#include "utils/builtins.h"
#include "utils/guc.h"

static const char *const next_version_sql =
"INSERT INTO custseg.model AS m (name, owner, kind, last_version) VALUES ($1, $2, $3, 1) "
"ON CONFLICT (name) DO UPDATE SET last_version = m.last_version OPERATOR(pg_catalog.+) 1,"
" changed_at = pg_catalog.clock_timestamp() "
"RETURNING m.last_version, m.kind";

static const char *const insert_version_sql =
"INSERT INTO custseg.model_version (model, version, algorithm, source, search_path, id, id_types, n_rows, n_skipped,"
" skipped, n_segments, prep, reduction, donors, options, parameters, note, seed, metrics, diagnostics,"
" iterations, converged, milliseconds, trained_by, server_version, extension_version, points, point_segments, point_places) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
" $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)";

/*
 * Error unless a version of the kind can be trained under that name: the model, if there is one, must be
 * the caller's, of that kind, and as the transaction sees it.  Returns whether there is one.  To be called
 * before anything is read for the training.
 */
bool
CsVersionCheckName(const char *model, CsModelKind kind)
{
	CsModelCheckName(model);
	if (!CsModelExists(model))
		return false;
	CsModelCheckOwner(model);
	CsModelRequireKind(model, CS_MODEL_BIT(kind));
	CsModelRequireUnchanged(model);
	return true;
}

/* Take the next version of the model, making it if need be, and check that the caller owns it. */
static void
TakeVersion(CsNewVersion *v)
{
	CsCatalogRow row = {0};

	CsModelLock(v->model);
	if (CsCatalogExecute(next_version_sql, CsValues(CsValueText(v->model), CsValueName(CsCallerName()),
													CsValueText(CsModelKinds[v->kind].name)), false) != 1)
		elog(ERROR, "no version was taken for model \"%s\"", v->model);
	row.tuple = SPI_tuptable->vals[0];
	row.desc = SPI_tuptable->tupdesc;
	v->version = CsRowInt4(&row, 1, 0);

	/* Another role may have made the model since the training began, of another kind. */
	CsModelKindCheck(v->model, CsModelKindNamed(CsRowText(&row, 2)), CS_MODEL_BIT(v->kind));
	CsModelCheckOwner(v->model);
	/* A new model begins without what may be left of an older one of its name. */
	if (v->version == 1)
		CsModelClear(v->model, 0);
}

/* The row of the version itself. */
static void
InsertVersion(const CsNewVersion *v)
{
	const CsRelation *relation = v->relation;
	CsValue		arguments[29];
	int			i = 0;

	arguments[i++] = CsValueText(v->model);
	arguments[i++] = CsValueInt4(v->version);
	arguments[i++] = CsValueText(v->algorithm);
	arguments[i++] = CsValueText(relation->kept);
	arguments[i++] = CsValueText(relation->search_path != NULL ? relation->search_path : CsSearchPath());
	arguments[i++] = CsValueText(v->id);
	arguments[i++] = CsValueArray(TEXTARRAYOID, v->id == NULL ? NULL :
								  CsIdentityTypes(CsRelationIdColumns(relation, v->id, false)));
	arguments[i++] = CsValueInt8(v->n_rows);
	arguments[i++] = CsValueInt8(v->n_skipped);
	arguments[i++] = CsValueJsonb(v->skipped);
	arguments[i++] = v->kind == CS_MODEL_SEGMENTS ? CsValueInt4(v->n_segments) : CsValueNull(INT4OID);
	arguments[i++] = CsValueJsonb(v->prep);
	arguments[i++] = CsValueJsonb(v->reduction);
	arguments[i++] = CsValueJsonb(v->donors);
	arguments[i++] = CsValueJsonb(v->options);
	arguments[i++] = CsValueJsonb(v->parameters.json);
	arguments[i++] = CsValueText(v->note);
	arguments[i++] = CsValueInt8(v->seed);
	arguments[i++] = CsValueJsonb(v->metrics);
	arguments[i++] = CsValueJsonb(v->diagnostics);
	arguments[i++] = CsValueInt4(v->iterations);
	arguments[i++] = CsValueBool(v->converged);
	arguments[i++] = CsValueFloat8(v->milliseconds);
	arguments[i++] = CsValueName(CsCallerName());
	arguments[i++] = CsValueText(GetConfigOption("server_version", false, false));
	arguments[i++] = CsValueText(CUSTSEG_VERSION);
	arguments[i++] = CsValueArray(FLOAT8ARRAYOID, v->parameters.points);
	arguments[i++] = CsValueArray(INT4ARRAYOID, v->parameters.point_segments);
	arguments[i++] = CsValueArray(INT4ARRAYOID, v->parameters.point_places);
	CsCatalogExecute(insert_version_sql, arguments, i, false);
}

/*
 * Begin to store a version: its number is taken, and its row written.  The caller writes what else
 * belongs to it, then calls CsVersionEnd.  Must be called inside SPI.
 */
void
CsVersionBegin(CsNewVersion *v)
{
	TakeVersion(v);
	InsertVersion(v);
	if (v->within != NULL)
		CsWithinStore(v->model, v->version, v->within);
}

/* Deploy the version if that was asked for, or if it is the first.  Must be called inside SPI. */
void
CsVersionEnd(CsNewVersion *v)
{
	v->deployed = v->deploy == CS_DEPLOY_YES || (v->deploy == CS_DEPLOY_FIRST && v->version == 1);
	if (v->deployed)
		CsDeployVersion(v->model, v->version, "trained");
}

/* Tell who has not said whether to deploy that a later version waits. */
void
CsVersionTellWaiting(const CsNewVersion *v)
{
	int			deployed = CsModelDeployedVersion(v->model);

	if (v->deploy == CS_DEPLOY_FIRST && !v->deployed && deployed != 0)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" waits to be deployed", v->version, v->model),
				 errdetail("Version %d stays in use until then.", deployed),
				 errhint("SELECT custseg.deploy(%s, %d);", quote_literal_cstr(v->model), v->version)));
}

/* The argument that says whether to deploy. */
CsDeploy
CsDeployArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? CS_DEPLOY_FIRST :
		PG_GETARG_BOOL(argument) ? CS_DEPLOY_YES : CS_DEPLOY_NO;
}
