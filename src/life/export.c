/*
 * export.c
 *	  A model as one jsonb, which import_model() reads: export_model().
 *
 * An exported model holds what versions need to score, to be watched and to be trained again, what to do
 * with their segments, and how it is presented.  Of each version there is its definition, as scorer() gives it, and what else
 * the tables keep of it: rows without the columns that follow from the definition (CsExported).  History
 * and grants belong to the database they were made in; decisions by hand are personal data, and come along
 * only when they are asked for.
 */
#include "custseg.h"

#include "call/call.h"
#include "life/life.h"
#include "utils/builtins.h"
#include "utils/guc.h"

const CsExportedRows CsExported[] = {
	[CS_EXPORTED_TRAINING] = {"model_version", "training",
		{"model", "version", "algorithm", "source_adopted", "n_segments", "reduction", "donors",
			"parameters", "points", "point_segments", "point_places"}},
	[CS_EXPORTED_FEATURES] = {"feature", "features",
		{"model", "version", "position", "name", "type", "kind", "prep", "outputs"}},
	[CS_EXPORTED_SEGMENTS] = {"segment", "segments",
		{"model", "version", "segment", "name", "n", "center", "profile", "profile_values"}},
	[CS_EXPORTED_DECISIONS] = {"segment_override", "decisions",
		{"id", "model", "owner", "kind", "made_by", "ended_at", "ended_by", "owner_oid", "owner_cluster"}}
};

static const char *const versions_sql =
"SELECT v.version FROM custseg.model_version AS v WHERE v.model OPERATOR(pg_catalog.=) $1"
" AND ($2 IS NULL OR v.version OPERATOR(pg_catalog.=) $2) ORDER BY v.version";

static const char *const rows_sql =
"SELECT pg_catalog.to_jsonb(v) OPERATOR(pg_catalog.-) $3,"
" (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(f) OPERATOR(pg_catalog.-) $4 ORDER BY f.position)"
"  FROM custseg.feature AS f WHERE f.model OPERATOR(pg_catalog.=) v.model"
"  AND f.version OPERATOR(pg_catalog.=) v.version),"
" (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) OPERATOR(pg_catalog.-) $5 ORDER BY s.segment)"
"  FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) v.model"
"  AND s.version OPERATOR(pg_catalog.=) v.version) "
"FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

static const char *const within_sql =
"SELECT w.parent_model, w.segment, w.parent_version FROM custseg.model_within AS w "
"WHERE w.model OPERATOR(pg_catalog.=) $1 AND w.version OPERATOR(pg_catalog.=) $2";

/* Those of segments that an exported version has. */
static const char *const actions_sql =
"SELECT a.segment, pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(a)"
" OPERATOR(pg_catalog.-) ARRAY['model', 'segment', 'set_at', 'set_by']) "
"FROM custseg.segment_action AS a WHERE a.model OPERATOR(pg_catalog.=) $1"
" AND EXISTS (SELECT FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) a.model"
"  AND s.segment OPERATOR(pg_catalog.=) a.segment"
"  AND ($2 IS NULL OR s.version OPERATOR(pg_catalog.=) $2)) "
"ORDER BY a.segment";

/* The arguments. */
enum
{
	ARG_MODEL, ARG_VERSION, ARG_WHOLE, ARG_DECISIONS
};

PG_FUNCTION_INFO_V1(custseg_export_model);

/* What the visitors write to. */
typedef struct Export
{
	const char *model;
	JsonbParseState *json;
} Export;

/* The columns that follow from a definition, as a text[]. */
static CsValue
ExportedDerived(CsExportedPart part)
{
	const CsExportedRows *rows = &CsExported[part];
	int			n = 0;

	while (n < lengthof(rows->derived) && rows->derived[n] != NULL)
		n++;
	return CsValueTexts(rows->derived, n);
}

/* CsCatalogVisitor: the rows of a version, as members of the open object. */
static void
PushRows(void *state, const CsCatalogRow *row)
{
	Export	   *export = state;

	for (int i = CS_EXPORTED_TRAINING; i <= CS_EXPORTED_SEGMENTS; i++)
		CsJsonJsonb(&export->json, CsExported[i].key, CsRowJsonb(row, i - CS_EXPORTED_TRAINING + 1));
}

/* CsCatalogVisitor: of which segment of which model a version is, as members of the open object. */
static void
PushWithin(void *state, const CsCatalogRow *row)
{
	Export	   *export = state;

	CsJsonText(&export->json, "model", CsRowText(row, 1));
	CsJsonInteger(&export->json, "segment", CsRowInt4(row, 2, 0));
	CsJsonInteger(&export->json, "version", CsRowInt4(row, 3, 0));
}

/* The definition of a version, as scorer() gives it. */
static Jsonb *
DefinitionOf(const char *model, int version)
{
	CsStoredParameters parameters;
	Jsonb	   *definition = CsCatalogDefinition(model, version, &parameters);

	if (parameters.points != NULL)
		return CsScorerToJsonb(CsCacheGet(model, version));
	return parameters.json == NULL ? definition : CsJsonReplace(definition, "parameters", parameters.json);
}

/* CsCatalogVisitor: a version. */
static void
PushVersion(void *state, const CsCatalogRow *row)
{
	Export	   *export = state;
	int			version = CsRowInt4(row, 1, 0);
	Jsonb	   *definition = DefinitionOf(export->model, version);

	CsJsonObject(&export->json, NULL);
	CsJsonJsonb(&export->json, "definition", definition);
	CsCatalogRead(rows_sql, CsValues(CsValueText(export->model), CsValueInt4(version),
									 ExportedDerived(CS_EXPORTED_TRAINING),
									 ExportedDerived(CS_EXPORTED_FEATURES),
									 ExportedDerived(CS_EXPORTED_SEGMENTS)), PushRows, export);
	CsJsonObject(&export->json, CS_WITHIN_KEY);
	CsCatalogRead(within_sql, CsValues(CsValueText(export->model), CsValueInt4(version)), PushWithin, export);
	(void) CsJsonEnd(&export->json);
	(void) CsJsonEnd(&export->json);
}

/* CsCatalogVisitor: what to do with a segment. */
static void
PushAction(void *state, const CsCatalogRow *row)
{
	Export	   *export = state;

	CsJsonObject(&export->json, NULL);
	CsJsonInteger(&export->json, "segment", CsRowInt4(row, 1, 0));
	CsJsonJsonb(&export->json, "action", CsRowJsonb(row, 2));
	(void) CsJsonEnd(&export->json);
}

/* The version to export, or NULL for all; an error when that is not clear. */
static CsValue
VersionArgument(FunctionCallInfo fcinfo, const char *model)
{
	bool		whole = CsBoolArgument(fcinfo, ARG_WHOLE, false);

	if (whole && !PG_ARGISNULL(ARG_VERSION))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"version\" and \"whole\" exclude each other"),
				 errhint("To export model \"%s\" with all versions: SELECT custseg.export_model(%s, whole => true);",
						 model, quote_literal_cstr(model))));
	return whole ? CsValueNull(INT4OID) :
		CsValueInt4(CsCacheVersion(CsCacheGetOfKind(CS_MODEL_EVERY, model,
													CsVersionArgument(fcinfo, ARG_VERSION))));
}

/* export_model(model, version, whole, decisions) */
Datum
custseg_export_model(PG_FUNCTION_ARGS)
{
	Export		export = {CsRequiredText(fcinfo, ARG_MODEL, "model")};
	CsValue		model = CsValueText(export.model);
	CsValue		version;
	bool		decisions = CsBoolArgument(fcinfo, ARG_DECISIONS, false);
	CsModelKind kind;
	int			deployed;
	int			level;

	if (decisions)
		CsModelCheckOwner(export.model);
	else
		CsModelCheckUse(export.model);
	version = VersionArgument(fcinfo, export.model);
	kind = CsModelKindOf(export.model);
	deployed = CsModelDeployedVersion(export.model);
	if (!version.isnull && deployed != DatumGetInt32(version.datum))
		deployed = 0;

	level = CsPlainSettings();
	CsJsonObject(&export.json, NULL);
	CsJsonInteger(&export.json, "format", CS_EXPORT_FORMAT);
	CsJsonText(&export.json, "kind", CsModelKinds[kind].name);
	CsJsonText(&export.json, "model", export.model);
	if (deployed != 0)
		CsJsonInteger(&export.json, "deployed_version", deployed);
	else
		CsJsonNull(&export.json, "deployed_version");
	CsJsonArray(&export.json, "versions");
	CsCatalogRead(versions_sql, CsValues(model, version), PushVersion, &export);
	(void) CsJsonEnd(&export.json);
	CsJsonArray(&export.json, "actions");
	CsCatalogRead(actions_sql, CsValues(model, version), PushAction, &export);
	(void) CsJsonEnd(&export.json);
	CsJsonJsonb(&export.json, "presentation", CsPresentationOf(export.model));
	CsJsonJsonb(&export.json, CsExported[CS_EXPORTED_DECISIONS].key,
				decisions && kind == CS_MODEL_SEGMENTS ?
				CsOverridesExport(export.model, ExportedDerived(CS_EXPORTED_DECISIONS)) : NULL);
	AtEOXact_GUC(true, level);
	PG_RETURN_JSONB_P(CsJsonFinish(&export.json));
}
