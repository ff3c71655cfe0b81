/*
 * import.c
 *	  An exported model made a model of this database: import_model().
 *
 * The value may come from anyone, and is checked by exported.c, which says what it holds.  What is written
 * of a definition is what was compiled, never the text that came.
 *
 * The caller owns what is imported.  A source was written elsewhere, and is kept to be read by people: it
 * does not run (score/source.c) unless the caller adopts it.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "life/life.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

static const char *const insert_model_sql =
"INSERT INTO custseg.model (name, owner, last_version, kind) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";

static const char *const next_version_sql =
"UPDATE custseg.model AS m SET last_version = m.last_version OPERATOR(pg_catalog.+) 1 "
"WHERE m.name OPERATOR(pg_catalog.=) $1 RETURNING m.last_version";

static const char *const insert_version_sql =
"INSERT INTO custseg.model_version SELECT r.* FROM"
" pg_catalog.jsonb_populate_record(NULL::custseg.model_version, $1 OPERATOR(pg_catalog.||) $2) AS r";

/* Rows as they came, and what is derived, in the same order. */
#define INSERT_ROWS_SQL(table) \
"INSERT INTO custseg." table " SELECT r.* FROM" \
" ROWS FROM (pg_catalog.jsonb_array_elements($1), pg_catalog.jsonb_array_elements($2)) AS e (came, derived)," \
" pg_catalog.jsonb_populate_record(NULL::custseg." table ", e.came OPERATOR(pg_catalog.||) e.derived) AS r"

static const char *const insert_features_sql = INSERT_ROWS_SQL("feature");
static const char *const insert_segments_sql = INSERT_ROWS_SQL("segment");

static const char *const has_action_sql =
"SELECT FROM custseg.segment_action AS a WHERE a.model OPERATOR(pg_catalog.=) $1"
" AND a.segment OPERATOR(pg_catalog.=) $2";

/* The arguments. */
enum
{
	ARG_EXPORTED, ARG_MODEL, ARG_ADD_VERSION, ARG_ADOPT_SOURCE, ARG_DEPLOY
};

PG_FUNCTION_INFO_V1(custseg_import_model);

/* One call. */
typedef struct Import
{
	char	   *model;
	CsModelKind kind;
	bool		adds;			/* to a model that there is */
	bool		adopts;			/* the source of a version as written by the caller */
	int			deploys;		/* version, as it is numbered in the export; 0: none */
	const CsWithin *within;		/* of which segment of which model all versions are; NULL: of all customers */
	CsResult   *result;
} Import;

/* Open an object with the columns that all tables of a version have. */
static void
BeginRow(JsonbParseState **json, const char *model, int number)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "model", model);
	CsJsonInteger(json, "version", number);
}

/* Copy a member of an object, or with NULL for the object a null, under another name. */
static void
PushMember(JsonbParseState **json, const char *key, JsonbContainer *object, const char *member)
{
	JsonbValue	value = {.type = jbvNull};

	(void) CsJsonFind(object, member, &value);
	CsJsonValue(json, key, &value);
}

/* How many segments a version has, noise left out; NULL when the kind of model has none. */
static CsValue
NumberOfSegments(const CsExportedVersion *version)
{
	return version->scorer == NULL ? CsValueNull(INT4OID) :
		CsValueInt4(version->scorer->nsegments - version->scorer->has_noise);
}

/* What follows from the definition for the row of the version. */
static Jsonb *
DeriveTraining(const Import *import, const CsExportedVersion *version, int number)
{
	JsonbContainer *definition = &version->definition->root;
	JsonbContainer *pipeline = CsJsonFindObject(definition, "pipeline");
	CsValue		n_segments = NumberOfSegments(version);
	JsonbParseState *json = NULL;

	BeginRow(&json, import->model, number);
	CsJsonText(&json, "algorithm", version->algorithm);
	if (!n_segments.isnull)
		CsJsonInteger(&json, "n_segments", DatumGetInt32(n_segments.datum));
	PushMember(&json, "reduction", pipeline, "pca");
	PushMember(&json, "donors", pipeline, "donors");
	if (version->scorer != NULL)
		CsPushStoredParameters(&json, version->scorer);
	else
		PushMember(&json, "parameters", definition, "parameters");
	CsJsonJsonb(&json, "prep", version->prep);
	CsJsonJsonb(&json, "options", version->options);
	CsJsonBool(&json, "source_adopted", import->adopts);
	return CsJsonFinish(&json);
}

/* What follows from the definition for the rows of the features. */
static Jsonb *
DeriveFeatures(const Import *import, const CsExportedVersion *version, int number)
{
	const CsPipeline *p = version->pipeline;
	char	  **outputs = CsPipelineScaledNames(p);
	JsonbParseState *json = NULL;

	CsJsonArray(&json, NULL);
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];

		BeginRow(&json, import->model, number);
		CsJsonInteger(&json, "position", i + 1);
		CsJsonText(&json, "name", NameStr(f->name));
		CsJsonText(&json, "type", NameStr(f->type));
		CsJsonText(&json, "kind", CsKindName((CsKind) f->kind));
		CsJsonJsonb(&json, "prep", CsFeatureToJsonb(p, i));
		CsJsonArray(&json, "outputs");
		for (int j = 0; j < f->noutputs; j++)
			CsJsonText(&json, NULL, outputs[f->first_output + j]);
		(void) CsJsonEnd(&json);
		(void) CsJsonEnd(&json);
	}
	return CsJsonFinish(&json);
}

/* What follows from the definition for the rows of the segments. */
static Jsonb *
DeriveSegments(const Import *import, const CsExportedVersion *version, int number)
{
	const CsScorer *scorer = version->scorer;
	JsonbParseState *json = NULL;

	CsJsonArray(&json, NULL);
	for (int i = 0; i < scorer->nsegments; i++)
	{
		const CsScorerSegment *segment = &CsScorerSegments(scorer)[i];

		BeginRow(&json, import->model, number);
		CsJsonInteger(&json, "segment", segment->segment);
		CsJsonText(&json, "name", CsScorerAt(scorer, char, segment->name));
		CsJsonInteger(&json, "n", segment->n);
		CsJsonNumbers(&json, "center", CsScorerCenters(scorer) + i, scorer->ncolumns, scorer->padded);
		CsJsonNumbers(&json, "profile_values", CsScorerProfile(scorer, i), scorer->nprofile, 1);
		CsJsonJsonb(&json, "profile", CsProfileToJsonb(CsScorerPipeline(scorer), CsScorerProfile(scorer, i)));
		(void) CsJsonEnd(&json);
	}
	return CsJsonFinish(&json);
}

/* Write a version, as that number, what came of it in doubles as the definition was read; inside SPI. */
static void
StoreVersion(const Import *import, CsExportedVersion *version, int number)
{
	typedef Jsonb *(*Derive) (const Import *import, const CsExportedVersion *version, int number);
	static const Derive derive[] = {DeriveTraining, DeriveFeatures, DeriveSegments};
	const char *const statements[] = {insert_version_sql, insert_features_sql, insert_segments_sql};
	const bool	has[] = {true, version->pipeline != NULL, version->scorer != NULL};

	for (int i = CS_EXPORTED_TRAINING; i <= CS_EXPORTED_SEGMENTS; i++)
		if (has[i])
			CsCatalogExecute(statements[i], CsValues(CsValueJsonb(CsJsonbInDoubles(JsonbValueToJsonb(&version->came[i]))),
													 CsValueJsonb(derive[i] (import, version, number))), false);
}

/* The number that a version gets: its own in a new model, else the next one; inside SPI. */
static int
TakeNumber(const Import *import, int own)
{
	if (!import->adds)
		return own;
	if (CsCatalogExecute(next_version_sql, CsValues(CsValueText(import->model)), false) != 1)
		CsReportNoModel(import->model);
	return CsFoundInt4(0);
}

/* Import one version, and give its row; inside SPI. */
static void
ImportVersion(const Import *import, const CsJsonReader *r)
{
	CsExportedVersion version;
	int			number;

	CsExportedVersionRead(r, import->kind, &version);
	number = TakeNumber(import, version.number);
	StoreVersion(import, &version, number);
	CsWithinImport(import->model, number, version.within, import->within);
	if (version.number == import->deploys)
		CsDeployVersion(import->model, number, "imported");
	CsResultPut(import->result, CsValues(CsValueText(import->model), CsValueInt4(number),
										 CsValueText(version.algorithm), NumberOfSegments(&version),
										 CsValueBool(version.number == import->deploys)));
}

/* Import all versions; inside SPI. */
static void
ImportVersions(Import *import, const CsJsonReader *r)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg imported version",
												  ALLOCSET_DEFAULT_SIZES);
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(r, "versions", 1, PG_INT32_MAX));

	while (CsJsonNext(&each))
	{
		CsJsonReader version = CsJsonReadElement(r, "versions", &each, "version");
		MemoryContext old;

		if (!import->adds && each.at == 0)
			import->within = CsWithinExported(&version);
		old = MemoryContextSwitchTo(context);
		ImportVersion(import, &version);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
}

/* What to do with segments; of a model that knows it already, nothing.  Inside SPI. */
static void
ImportActions(const Import *import, const CsJsonReader *r)
{
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(r, "actions", 0, PG_INT32_MAX));

	while (CsJsonNext(&each))
	{
		int			segment;
		Jsonb	   *what = CsExportedAction(r, &each, &segment);

		if (CsCatalogExecute(has_action_sql, CsValues(CsValueText(import->model), CsValueInt4(segment)),
							 false) == 0)
			CsSetAction(import->model, segment, what);
	}
}

/* How the model is presented; of one for which that has been said already, nothing.  Inside SPI. */
static void
ImportPresentation(const Import *import, const CsJsonReader *r)
{
	Jsonb	   *presentation = CsExportedPresentation(r);

	if (presentation != NULL)
		CsPresentationImport(import->model, presentation);
}

/* Decisions by hand, if there are any; inside SPI. */
static void
ImportDecisions(const Import *import, const CsJsonReader *r)
{
	Jsonb	   *decisions = CsExportedDecisions(r);

	if (decisions != NULL)
		CsOverridesImport(import->model, decisions);
}

/* Which version is to be deployed, as the export numbers it; 0: none.  OUT last: the highest number. */
static int
ChooseDeployed(FunctionCallInfo fcinfo, const CsJsonReader *r, bool adds, int *last)
{
	JsonbValue	value;
	int			deployed = 0,
				only;
	bool		has;

	if (CsJsonReadMember(r, "deployed_version", &value))
		deployed = (int) CsJsonReadInteger(r, "deployed_version", 1, CS_MOST_VERSIONS);
	*last = CsExportedNumbering(r, deployed, &only, &has);
	if (deployed != 0 && !has)
		CsJsonReject(r, "deployed_version", "is none of the versions");
	if (!CsBoolArgument(fcinfo, ARG_DEPLOY, !adds))
		return 0;
	if (deployed == 0)
		deployed = only;
	if (deployed == 0 && !PG_ARGISNULL(ARG_DEPLOY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no version of the exported model was deployed"),
				 errhint("Import it without \"deploy\", and call custseg.deploy().")));
	return deployed;
}

/* Make the model, as owned by the caller. */
static void
MakeModel(const Import *import, int last_version)
{
	const char *model = import->model;

	CsModelCheckName(model);
	CsModelLock(model);
	/* one of that name that the snapshot shows may have gone since */
	CsModelRequireUnchanged(model);
	SPI_connect();
	if (CsCatalogExecute(insert_model_sql, CsValues(CsValueText(model), CsValueName(CsCallerName()),
													CsValueInt4(last_version),
													CsValueText(CsModelKinds[import->kind].name)), false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", model),
				 errhint("Give the import another name: model => %s; or add to the model: add_version => true.",
						 quote_literal_cstr("..."))));
	CsModelClear(model, 0);
	SPI_finish();
}

/* import_model(exported, model, add_version, adopt_source, deploy) */
Datum
custseg_import_model(PG_FUNCTION_ARGS)
{
	Import		import = {CsTextArgument(fcinfo, ARG_MODEL)};
	CsJsonReader r;
	NameData	name;
	int			last;
	int			level;

	CsRequireWritable("custseg.import_model()");
	CsRequireArgument(fcinfo, ARG_EXPORTED, "exported");
	import.result = CsResultOpen(fcinfo);
	import.adds = CsBoolArgument(fcinfo, ARG_ADD_VERSION, false);
	import.adopts = CsBoolArgument(fcinfo, ARG_ADOPT_SOURCE, false);
	r = CsExportedOpen(PG_GETARG_JSONB_P(ARG_EXPORTED));
	import.kind = CsExportedKind(&r);
	CsJsonReadName(&r, "model", &name);
	if (import.model == NULL)
		import.model = NameStr(name);
	import.deploys = ChooseDeployed(fcinfo, &r, import.adds, &last);
	if (import.adds)
	{
		CsBeginChangeOf(import.model, "custseg.import_model()");
		CsModelRequireKind(import.model, CS_MODEL_BIT(import.kind));
		import.within = CsWithinOf(import.model);
	}
	else
		MakeModel(&import, last);

	level = CsPlainSettings();
	SPI_connect();
	ImportVersions(&import, &r);
	ImportActions(&import, &r);
	ImportPresentation(&import, &r);
	ImportDecisions(&import, &r);
	SPI_finish();
	AtEOXact_GUC(true, level);
	return (Datum) 0;
}
