/*
 * import.c
 *	  An exported model made a model of this database: import_model().
 *
 * The value may come from anyone, and nothing in it is trusted.  Each version's definition is compiled as
 * any compiled_model is (scorer.c), and what is written is what was compiled, never the text that came.
 * What else there is of a version must be rows with exactly the columns of custseg's tables, of the same
 * types, that agree with the definition.
 *
 * The caller owns what is imported.  A source was written elsewhere, and is kept to be read by people: it
 * does not run (score/source.c) unless the caller adopts it.
 */
#include "custseg.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "call/call.h"
#include "life/life.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define INVALID_EXPORT "invalid exported model"

/* A double holds whole numbers to here. */
#define MOST_ROWS INT64CONST(9007199254740992)

/* Room for versions to come. */
#define MOST_VERSIONS 1000000000

static const char *const insert_model_sql =
"INSERT INTO custseg.model (name, owner, last_version) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";

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
	bool		adds;			/* to a model that there is */
	bool		adopts;			/* the source of a version as written by the caller */
	int			deploys;		/* version, as it is numbered in the export; 0: none */
	CsResult   *result;
} Import;

/* An exported version, checked. */
typedef struct Version
{
	const CsScorer *scorer;
	Jsonb	   *definition;		/* of the scorer */
	JsonbValue	came[CS_EXPORTED_SEGMENTS + 1];
} Version;

/* Error unless the keys of an object are these. */
static void
CheckKeys(const CsJsonReader *r, const char *const *keys, int n)
{
	CsJsonEach	each;
	JsonbValue	value;

	for (int i = 0; i < n; i++)
		if (!CsJsonFind(r->object, keys[i], &value))
			CsJsonReject(r, keys[i], "is missing");
	each = CsJsonEachOf(r->object);
	while (CsJsonNext(&each))
	{
		int			i = 0;

		while (i < n && !CsJsonIsText(&each.key, keys[i]))
			i++;
		if (i == n)
			CsJsonReject(r, CsJsonString(&each.key), "is not known");
	}
}

/* Is the value a time, and not infinity? */
static bool
IsTime(const JsonbValue *value)
{
	Datum		time;

	if (value->type != jbvString)
		return false;
	time = DirectFunctionCall3(timestamptz_in, CStringGetDatum(CsJsonString(value)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return !TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(time));
}

static const char *Misfit(Oid type, const JsonbValue *value);

/* Is the value an array of what fits a type?  Texts may be null. */
static bool
IsArrayOf(Oid type, const JsonbValue *value)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;

	if (array == NULL)
		return false;
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (Misfit(type, &each.value) != NULL && (type != TEXTOID || each.value.type != jbvNull))
			return false;
	}
	return true;
}

/* What a value of a column of that type must be, to complete a sentence; NULL when it is that. */
static const char *
Misfit(Oid type, const JsonbValue *value)
{
	int64		whole;
	double		number;

	switch (type)
	{
		case TEXTOID:
			return value->type == jbvString ? NULL : "must be a string";
		case NAMEOID:
			return value->type == jbvString && value->val.string.len < NAMEDATALEN ? NULL :
				"must be a string of at most 63 bytes";
		case BOOLOID:
			return value->type == jbvBool ? NULL : "must be true or false";
		case INT4OID:
			return CsJsonGetInteger(value, 0, PG_INT32_MAX, &whole) ? NULL :
				"must be an integer, 0 or more";
		case INT8OID:
			return CsJsonGetInteger(value, -MOST_ROWS, MOST_ROWS, &whole) ? NULL :
				"must be an integer of at most 2^53";
		case FLOAT8OID:
			return CsJsonGetNumber(value, &number) ? NULL : "must be a finite number";
		case JSONBOID:
			return CsJsonGetObject(value) != NULL ? NULL : "must be an object";
		case TIMESTAMPTZOID:
			return IsTime(value) ? NULL : "must be a time";
		case TEXTARRAYOID:
			return IsArrayOf(TEXTOID, value) ? NULL : "must be an array of strings";
		case INT8ARRAYOID:
			return IsArrayOf(INT8OID, value) ? NULL : "must be an array of integers";
		case FLOAT8ARRAYOID:
			return IsArrayOf(FLOAT8OID, value) ? NULL : "must be an array of finite numbers";
		default:
			elog(ERROR, "a column of type %u cannot be imported", type);
			return NULL;		/* not reached */
	}
}

/* Is a column one that follows from the definition? */
static bool
IsDerived(CsExportedPart part, const char *column)
{
	const char *const *derived = CsExported[part].derived;

	for (int i = 0; i < lengthof(CsExported[part].derived) && derived[i] != NULL; i++)
		if (strcmp(derived[i], column) == 0)
			return true;
	return false;
}

/* Error unless an object is a row of an exported table. */
static void
CheckRow(const CsJsonReader *r, CsExportedPart part)
{
	Relation	rel = table_open(get_relname_relid(CsExported[part].table, get_namespace_oid("custseg", false)),
								 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	const char **keys = palloc(sizeof(char *) * desc->natts);
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && !IsDerived(part, NameStr(attribute->attname)))
			keys[n++] = pstrdup(NameStr(attribute->attname));
	}
	CheckKeys(r, keys, n);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *key = NameStr(attribute->attname);
		const char *misfit;
		JsonbValue	value;

		if (attribute->attisdropped || !CsJsonFind(r->object, key, &value) ||
			(value.type == jbvNull && !attribute->attnotnull))
			continue;
		misfit = Misfit(attribute->atttypid, &value);
		if (misfit != NULL)
			CsJsonReject(r, key, "%s", misfit);
	}
	table_close(rel, AccessShareLock);
}

/* Elements of an array that may be null; -1 when it is. */
static int
CountElements(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;

	return CsJsonReadMember(r, key, &value) ? (int) JsonContainerSize(CsJsonGetArray(&value)) : -1;
}

/* Error where an array that may be null has not so many elements, or with -1 is not null. */
static void
CheckCount(const CsJsonReader *r, const char *key, int n)
{
	int			found = CountElements(r, key);

	if (found != n)
		CsJsonReject(r, key, n < 0 ? "must be null" : found < 0 ? "must not be null" :
					 "has %d elements where %d are needed", found, n);
}

/* Error unless numbers of an array are not negative, or with "ascending" in that order. */
static void
CheckOrder(const CsJsonReader *r, const char *key, bool ascending)
{
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(r, key, 0, PG_INT32_MAX));
	double		last = 0,
				number;

	while (CsJsonNext(&each))
	{
		(void) CsJsonGetNumber(&each.value, &number);
		if ((each.at > 0 || !ascending) && number < last)
			CsJsonReject(r, key, ascending ? "must ascend" : "must not hold negative numbers");
		last = ascending ? number : 0;
	}
}

/* What a feature was like in training; see CsBaseline. */
static void
CheckFeature(const CsJsonReader *r, const CsFeature *f)
{
	static const char *const numbers[] = {"mean", "standard_deviation", "minimum", "maximum"};
	bool		category = f->kind == CS_CATEGORICAL;
	int64		n = CsJsonReadInteger(r, "n", 0, MOST_ROWS);
	int64		n_present = n - CsJsonReadInteger(r, "n_null", 0, n);
	JsonbValue	value;

	for (int i = 0; i < lengthof(numbers); i++)
		if (CsJsonReadMember(r, numbers[i], &value) != (!category && n_present > 0))
			CsJsonReject(r, numbers[i], value.type == jbvNull ? "must not be null" : "must be null");
	CheckCount(r, "quantiles", category ? -1 : (int) Min(n_present, CS_QUANTILE_POINTS));
	if (!category)
	{
		CheckCount(r, "levels", -1);
		CheckCount(r, "level_counts", -1);
		CheckOrder(r, "quantiles", true);
		return;
	}
	if (CountElements(r, "levels") < 0)
		CsJsonReject(r, "levels", "must not be null");
	CheckCount(r, "level_counts", CountElements(r, "levels"));
	CheckOrder(r, "level_counts", false);
}

/* Error unless a number lies in a range. */
static void
CheckRange(const CsJsonReader *r, const char *key, double low, double high)
{
	double		number = CsJsonReadNumber(r, key);

	if (number < low || number > high)
		CsJsonReject(r, key, "is out of range");
}

/* What is kept of a segment beside its definition. */
static void
CheckSegment(const CsJsonReader *r)
{
	JsonbValue	value;

	CheckRange(r, "share", 0, 1);
	CheckRange(r, "mean_distance", 0, INFINITY);
	CheckRange(r, "spread", 0, INFINITY);
	if (CsJsonReadMember(r, "rank", &value))
		(void) CsJsonReadInteger(r, "rank", 1, PG_INT32_MAX);
}

/* Error unless why rows were skipped is an object of numbers of rows. */
static void
CheckSkipped(const CsJsonReader *r)
{
	CsJsonReader skipped = CsJsonReadObject(r, "skipped", "the skipped rows");
	CsJsonEach	each = CsJsonEachOf(skipped.object);
	int64		n;

	while (CsJsonNext(&each))
		if (!CsJsonGetInteger(&each.value, 0, MOST_ROWS, &n))
			CsJsonReject(&skipped, CsJsonString(&each.key), "must be a number of rows");
}

/* Error unless the measures of a training are numbers, and what was found of structure is that. */
static void
CheckMetrics(const CsJsonReader *r)
{
	static const char *const keys[] = {"rating", "p_value", "reason"};
	CsJsonReader metrics = CsJsonReadObject(r, "metrics", "the metrics");
	CsJsonReader structure;
	CsJsonEach	each = CsJsonEachOf(metrics.object);
	JsonbValue	value;
	double		number;

	while (CsJsonNext(&each))
	{
		if (!CsJsonIsText(&each.key, "structure") && each.value.type != jbvNull &&
			!CsJsonGetNumber(&each.value, &number))
			CsJsonReject(&metrics, CsJsonString(&each.key), "must be a finite number or null");
	}
	if (!CsJsonFind(metrics.object, "structure", &value))
		return;
	structure = CsJsonReadObject(&metrics, "structure", "the structure");
	CheckKeys(&structure, keys, lengthof(keys));
	(void) CsJsonReadText(&structure, "rating");
	(void) CsJsonReadText(&structure, "reason");
	if (CsJsonReadMember(&structure, "p_value", &value))
		CheckRange(&structure, "p_value", 0, 1);
}

/* The id: no name without a type, and types that can be told. */
static void
CheckId(const CsJsonReader *r)
{
	int			n = CountElements(r, "id_types");
	const char *types[INDEX_MAX_KEYS];
	JsonbValue	value;
	CsJsonEach	each;

	if (!CsJsonReadMember(r, "id", &value))
	{
		CheckCount(r, "id_types", -1);
		return;
	}
	if (n < 1 || n > INDEX_MAX_KEYS || (n > 1 && list_length(CsIdNames(CsJsonReadText(r, "id"))) != n))
		CsJsonReject(r, "id_types", "does not suit the id");
	each = CsJsonEachOf(CsJsonReadArray(r, "id_types", n, n));
	while (CsJsonNext(&each))
	{
		if (each.value.type != jbvString)
			CsJsonReject(r, "id_types", "does not suit the id");
		types[each.at] = CsJsonString(&each.value);
	}
	(void) CsIdentityOfTypes(types, n, true);
}

/* Features of a pipeline as columns, by which prep is read; palloc'd. */
static CsColumn *
ColumnsOfPipeline(const CsPipeline *p)
{
	CsColumn   *columns = palloc0(sizeof(CsColumn) * p->nfeatures);

	for (int i = 0; i < p->nfeatures; i++)
	{
		columns[i].name = p->feature[i].name;
		columns[i].converter.kind = (CsKind) p->feature[i].kind;
	}
	return columns;
}

/* Error unless a member that is an object can be read as training reads it; returns it, palloc'd. */
static Jsonb *
ObjectMember(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;

	(void) CsJsonReadObject(r, key, key);
	(void) CsJsonFind(r->object, key, &value);
	return JsonbValueToJsonb(&value);
}

/*
 * How a version was asked for: what training would not take is an error, and so are options that do not
 * belong to what was learned with them.
 */
static void
CheckAsked(const CsJsonReader *r, const CsScorer *scorer)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	const CsPipeline *p = CsScorerPipeline(scorer);
	void	   *options = palloc0(algorithm->options_size);
	CsScoring	scoring;

	(void) CsPrepParse(ObjectMember(r, "prep"), ColumnsOfPipeline(p), p->nfeatures, false);
	CsOptionsParse(algorithm->options, algorithm->noptions, ObjectMember(r, "options"), options);
	if (algorithm->borders == NULL)
		return;
	CsScoringInit(&scoring, scorer, CurrentMemoryContext);
	(void) algorithm->borders(&scoring.fitted, p, options, scoring.z);
}

/* What is kept of the training. */
static void
CheckTraining(const CsJsonReader *r, const CsScorer *scorer)
{
	static const char *const counts[] = {"n_rows", "n_skipped"};

	for (int i = 0; i < lengthof(counts); i++)
		(void) CsJsonReadInteger(r, counts[i], 0, MOST_ROWS);
	CheckRange(r, "milliseconds", 0, INFINITY);
	CheckSkipped(r);
	CheckMetrics(r);
	CheckId(r);
	CheckAsked(r, scorer);
}

/* The rows of a part of a version: so many of them. */
static void
CheckRows(const CsJsonReader *version, CsExportedPart part, const char *name, const CsScorer *scorer)
{
	const CsPipeline *p = CsScorerPipeline(scorer);
	bool		features = part == CS_EXPORTED_FEATURES;
	int			n = features ? p->nfeatures : scorer->nsegments;
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(version, CsExported[part].key, n, n));

	while (CsJsonNext(&each))
	{
		CsJsonReader r = CsJsonReadElement(version, CsExported[part].key, &each, name);

		CHECK_FOR_INTERRUPTS();
		CheckRow(&r, part);
		if (features)
			CheckFeature(&r, &p->feature[each.at]);
		else
			CheckSegment(&r);
	}
}

/* Check a version from end to end. */
static void
ReadVersion(const CsJsonReader *r, Version *version)
{
	static const char *const keys[] = {"definition", "training", "features", "segments"};
	CsJsonReader training;

	CheckKeys(r, keys, lengthof(keys));
	version->scorer = CsScorerFromJsonb(ObjectMember(r, "definition"));
	version->definition = CsScorerToJsonb(version->scorer);
	training = CsJsonReadObject(r, CsExported[CS_EXPORTED_TRAINING].key, "the training");
	CheckRow(&training, CS_EXPORTED_TRAINING);
	CheckTraining(&training, version->scorer);
	CheckRows(r, CS_EXPORTED_FEATURES, "feature", version->scorer);
	CheckRows(r, CS_EXPORTED_SEGMENTS, "segment", version->scorer);
	for (int i = CS_EXPORTED_TRAINING; i <= CS_EXPORTED_SEGMENTS; i++)
		(void) CsJsonFind(r->object, CsExported[i].key, &version->came[i]);
}

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

/* What follows from the definition for the row of the version. */
static Jsonb *
DeriveTraining(const Import *import, const Version *version, int number)
{
	JsonbContainer *definition = &version->definition->root;
	JsonbParseState *json = NULL;
	JsonbValue	pipeline;

	(void) CsJsonFind(definition, "pipeline", &pipeline);
	BeginRow(&json, import->model, number);
	CsJsonText(&json, "algorithm", NameStr(version->scorer->algorithm));
	CsJsonInteger(&json, "n_segments", version->scorer->nsegments - version->scorer->has_noise);
	PushMember(&json, "reduction", pipeline.val.binary.data, "pca");
	PushMember(&json, "donors", pipeline.val.binary.data, "donors");
	PushMember(&json, "parameters", definition, "parameters");
	if (!import->adopts)
		CsJsonNull(&json, "search_path");
	return CsJsonFinish(&json);
}

/* What follows from the definition for the rows of the features. */
static Jsonb *
DeriveFeatures(const Import *import, const Version *version, int number)
{
	const CsPipeline *p = CsScorerPipeline(version->scorer);
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
DeriveSegments(const Import *import, const Version *version, int number)
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

/* Write a version, as that number; inside SPI. */
static void
StoreVersion(const Import *import, Version *version, int number)
{
	typedef Jsonb *(*Derive) (const Import *import, const Version *version, int number);
	static const Derive derive[] = {DeriveTraining, DeriveFeatures, DeriveSegments};
	const char *const statements[] = {insert_version_sql, insert_features_sql, insert_segments_sql};

	for (int i = CS_EXPORTED_TRAINING; i <= CS_EXPORTED_SEGMENTS; i++)
		CsCatalogExecute(statements[i], CsValues(CsValueJsonb(JsonbValueToJsonb(&version->came[i])),
												 CsValueJsonb(derive[i] (import, version, number))), false);
}

/* The number that a version gets: its own in a new model, else the next one; inside SPI. */
static int
TakeNumber(const Import *import, int own)
{
	bool		isnull;

	if (!import->adds)
		return own;
	if (CsCatalogExecute(next_version_sql, CsValues(CsValueText(import->model)), false) != 1)
		CsReportNoModel(import->model);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Import one version, and give its row; inside SPI. */
static void
ImportVersion(const Import *import, const CsJsonReader *r)
{
	Version		version;
	const CsScorer *scorer;
	int			number;

	ReadVersion(r, &version);
	scorer = version.scorer;
	number = TakeNumber(import, scorer->version);
	StoreVersion(import, &version, number);
	if (scorer->version == import->deploys)
		CsDeployVersion(import->model, number, "imported");
	CsResultPut(import->result, CsValues(CsValueText(import->model), CsValueInt4(number),
										 CsValueText(NameStr(scorer->algorithm)),
										 CsValueInt4(scorer->nsegments - scorer->has_noise),
										 CsValueBool(scorer->version == import->deploys)));
}

/* Import all versions; inside SPI. */
static void
ImportVersions(const Import *import, const CsJsonReader *r)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg imported version",
												  ALLOCSET_DEFAULT_SIZES);
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(r, "versions", 1, PG_INT32_MAX));

	while (CsJsonNext(&each))
	{
		CsJsonReader version = CsJsonReadElement(r, "versions", &each, "version");
		MemoryContext old = MemoryContextSwitchTo(context);

		ImportVersion(import, &version);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
}

/* What to do with segments; of a model that knows it already, nothing.  Inside SPI. */
static void
ImportActions(const Import *import, const CsJsonReader *r)
{
	static const char *const keys[] = {"segment", "action"};
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(r, "actions", 0, PG_INT32_MAX));

	while (CsJsonNext(&each))
	{
		CsJsonReader action = CsJsonReadElement(r, "actions", &each, "action");
		int			segment = (int) CsJsonReadInteger(&action, "segment", 0, PG_INT32_MAX);
		Jsonb	   *what = ObjectMember(&action, "action");

		CheckKeys(&action, keys, lengthof(keys));
		CsCheckAction(what);
		if (CsCatalogExecute(has_action_sql, CsValues(CsValueText(import->model), CsValueInt4(segment)),
							 false) == 0)
			CsSetAction(import->model, segment, what);
	}
}

/* Decisions by hand, if there are any; inside SPI. */
static void
ImportDecisions(const Import *import, const CsJsonReader *r)
{
	const char *key = CsExported[CS_EXPORTED_DECISIONS].key;
	JsonbValue	decisions;
	CsJsonEach	each;

	if (!CsJsonReadMember(r, key, &decisions))
		return;
	each = CsJsonEachOf(CsJsonReadArray(r, key, 0, PG_INT32_MAX));
	while (CsJsonNext(&each))
	{
		CsJsonReader decision = CsJsonReadElement(r, key, &each, "decision");

		CheckRow(&decision, CS_EXPORTED_DECISIONS);
	}
	CsOverridesImport(import->model, JsonbValueToJsonb(&decisions));
}

/*
 * The numbers of the versions ascend, so the last is the highest.  OUT only: the one that there is, 0 of
 * several; *has: is "version" among them?
 */
static int
CheckNumbering(const CsJsonReader *r, int version, int *only, bool *has)
{
	JsonbContainer *versions = CsJsonReadArray(r, "versions", 1, MOST_VERSIONS);
	CsJsonEach	each = CsJsonEachOf(versions);
	int			last = 0;

	*has = false;
	while (CsJsonNext(&each))
	{
		CsJsonReader element = CsJsonReadElement(r, "versions", &each, "version");
		CsJsonReader definition = CsJsonReadObject(&element, "definition", "the definition");

		last = (int) CsJsonReadInteger(&definition, "version", last + 1, MOST_VERSIONS);
		*has |= last == version;
	}
	*only = JsonContainerSize(versions) == 1 ? last : 0;
	return last;
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
		deployed = (int) CsJsonReadInteger(r, "deployed_version", 1, MOST_VERSIONS);
	*last = CheckNumbering(r, deployed, &only, &has);
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
MakeModel(const char *model, int last_version)
{
	CsModelCheckName(model);
	CsModelLock(model);
	/* one of that name that the snapshot shows may have gone since */
	CsModelRequireUnchanged(model);
	SPI_connect();
	if (CsCatalogExecute(insert_model_sql, CsValues(CsValueText(model), CsValueName(CsCallerName()),
													CsValueInt4(last_version)), false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", model),
				 errhint("Give the import another name: model => %s; or add to the model: add_version => true.",
						 quote_literal_cstr("..."))));
	CsModelClear(model, 0);
	SPI_finish();
}

/* The reader of an export; an error when it is of another format. */
static CsJsonReader
OpenExport(Jsonb *exported)
{
	static const char *const keys[] = {"format", "model", "deployed_version", "versions", "actions", "decisions"};
	CsJsonReader r = CsJsonReaderOf(exported, INVALID_EXPORT, "the export");
	int			format = (int) CsJsonReadInteger(&r, "format", 1, PG_INT32_MAX);

	if (format != CS_EXPORT_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("exported model has format %d, but this version of custseg reads format %d",
						format, CS_EXPORT_FORMAT),
				 errhint("Import it with the version of custseg that exported it.")));
	CheckKeys(&r, keys, lengthof(keys));
	return r;
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
	r = OpenExport(PG_GETARG_JSONB_P(ARG_EXPORTED));
	CsJsonReadName(&r, "model", &name);
	if (import.model == NULL)
		import.model = NameStr(name);
	import.deploys = ChooseDeployed(fcinfo, &r, import.adds, &last);
	if (import.adds)
		CsBeginChangeOf(import.model, "custseg.import_model()");
	else
		MakeModel(import.model, last);

	level = CsPlainSettings();
	SPI_connect();
	ImportVersions(&import, &r);
	ImportActions(&import, &r);
	ImportDecisions(&import, &r);
	SPI_finish();
	AtEOXact_GUC(true, level);
	return (Datum) 0;
}
