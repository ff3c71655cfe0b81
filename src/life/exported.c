/*
 * exported.c
 *	  An exported model that came from anywhere, checked.
 *
 * The value may come from anyone, and nothing in it is trusted.  Each version's definition is compiled as
 * one that the tables hold is.  What else there is of a version must be rows with exactly the columns of
 * custseg's tables, of the same types, that agree with the definition.  What only a model of some kind has
 * is checked by the kind's importer (CsImporters).
 */
#include "custseg.h"

#include <math.h>

#include "access/table.h"
#include "call/text_value.h"
#include "catalog/namespace.h"
#include "call/call.h"
#include "life/diagnostics.h"
#include "life/life.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

/* Is the value a time as an export has it, in UTC, and not infinity?  Within CsPlainSettings(). */
static bool
IsTime(const JsonbValue *value)
{
	const int	utc = 0;
	char	   *text;
	Datum		time;

	if (value->type != jbvString)
		return false;
	text = CsJsonString(value);
	return CsTextRead(timestamptz_in, text, &time) && !TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(time)) &&
		strcmp(JsonEncodeDateTime(NULL, time, TIMESTAMPTZOID, &utc), text) == 0;
}

static const char *Misfit(Oid type, const JsonbValue *value);

/* Is the value an element of an array of that type?  Texts may be null. */
static bool
Fits(const JsonbValue *element, Oid type)
{
	return Misfit(type, element) == NULL || (type == TEXTOID && element->type == jbvNull);
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
			return CsJsonGetInteger(value, -CS_MOST_ROWS, CS_MOST_ROWS, &whole) ? NULL :
				"must be an integer of at most 2^53";
		case FLOAT8OID:
			return CsJsonGetNumber(value, &number) ? NULL : "must be a finite number";
		case JSONBOID:
			return CsJsonGetObject(value) != NULL ? NULL : "must be an object";
		case TIMESTAMPTZOID:
			return IsTime(value) ? NULL : "must be a time such as 2026-01-31T12:00:00+00:00";
		case TEXTARRAYOID:
			return CsJsonIsArrayOf(value, Fits, TEXTOID) ? NULL : "must be an array of strings";
		case INT8ARRAYOID:
			return CsJsonIsArrayOf(value, Fits, INT8OID) ? NULL : "must be an array of integers";
		case FLOAT8ARRAYOID:
			return CsJsonIsArrayOf(value, Fits, FLOAT8OID) ? NULL : "must be an array of finite numbers";
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
	CsJsonCheckKeys(r, keys, n);
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

/* Error unless the levels of a category were seen in some of the n rows. */
static void
CheckLevels(const CsJsonReader *r, const CsPipeline *p, const CsFeature *f, int64 n)
{
	for (int l = 0; l < f->nlevels; l++)
		if (CsFeatureLevels(p, f)[l].count > n || n == 0)
			CsJsonReject(r, "n", "is less than the rows of a level of the definition");
}

/* What a feature was like in training, see CsBaseline. */
static void
CheckFeature(const CsJsonReader *r, const CsPipeline *p, const CsFeature *f)
{
	static const char *const numbers[] = {"mean", "standard_deviation", "minimum", "maximum"};
	bool		category = f->kind == CS_CATEGORICAL;
	int64		n = CsJsonReadInteger(r, "n", 0, CS_MOST_ROWS);
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
		if (CsJsonReadMember(r, "standard_deviation", &value))
			CsJsonCheckRange(r, "standard_deviation", 0, INFINITY);
		return;
	}
	if (CountElements(r, "levels") < 0)
		CsJsonReject(r, "levels", "must not be null");
	CheckCount(r, "level_counts", CountElements(r, "levels"));
	CheckOrder(r, "level_counts", false);
	CheckLevels(r, p, f, n);
}

/* Error unless why rows were skipped is an object of numbers of rows. */
static void
CheckSkipped(const CsJsonReader *r)
{
	CsJsonReader skipped = CsJsonReadObject(r, "skipped", "the skipped rows");
	CsJsonEach	each = CsJsonEachOf(skipped.object);
	int64		n;

	while (CsJsonNext(&each))
		if (!CsJsonGetInteger(&each.value, 0, CS_MOST_ROWS, &n))
			CsJsonReject(&skipped, CsJsonString(&each.key), "must be a number of rows");
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

/* Error unless where names of the source are looked up can be set as search_path. */
static void
CheckSearchPath(const CsJsonReader *r)
{
	List	   *schemas;

	if (!SplitIdentifierString(CsJsonReadText(r, "search_path"), ',', &schemas))
		CsJsonReject(r, "search_path", "must be a list of schemas");
	list_free(schemas);
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

/* The preparation as training keeps it, defaults filled in; what training would not take is an error. */
Jsonb *
CsExportedPrep(const CsJsonReader *r, const CsPipeline *p)
{
	const CsColumn *columns = ColumnsOfPipeline(p);

	return CsPrepToJsonb(CsPrepParse(CsJsonReadJsonb(r, "prep"), columns, p->nfeatures, false), columns);
}

/* The options likewise, which are read into a struct of them, too. */
Jsonb *
CsExportedOptions(const CsJsonReader *r, const CsOption *options, int noptions, void *values)
{
	CsOptionsParse(options, noptions, CsJsonReadJsonb(r, "options"), values);
	return CsOptionsToJsonb(options, noptions, values);
}

/* Read what is kept of the training. */
static void
ReadTraining(const CsJsonReader *r, CsExportedVersion *version)
{
	static const char *const counts[] = {"n_rows", "n_skipped"};

	for (int i = 0; i < lengthof(counts); i++)
		(void) CsJsonReadInteger(r, counts[i], 0, CS_MOST_ROWS);
	CsJsonCheckRange(r, "milliseconds", 0, INFINITY);
	CheckSkipped(r);
	CheckId(r);
	CheckSearchPath(r);
	CsDiagnosticsCheck(r);
	CsImporters[version->kind]->check_training(r, version);
}

/* Error unless a part of a version is null, or with n above 0 an array of so many rows; begins with them. */
static CsJsonEach
BeginRows(const CsJsonReader *version, CsExportedPart part, int n)
{
	const char *key = CsExported[part].key;
	JsonbValue	value;

	if (n == 0 && CsJsonReadMember(version, key, &value))
		CsJsonReject(version, key, "must be null");
	return n == 0 ? (CsJsonEach) {0} : CsJsonEachOf(CsJsonReadArray(version, key, n, n));
}

/* The rows of the features. */
static void
CheckFeatures(const CsJsonReader *version, const CsExportedVersion *v)
{
	int			n = v->pipeline == NULL ? 0 : v->pipeline->nfeatures;
	CsJsonEach	each = BeginRows(version, CS_EXPORTED_FEATURES, n);

	while (n > 0 && CsJsonNext(&each))
	{
		CsJsonReader r = CsJsonReadElement(version, CsExported[CS_EXPORTED_FEATURES].key, &each, "feature");

		CHECK_FOR_INTERRUPTS();
		CheckRow(&r, CS_EXPORTED_FEATURES);
		CheckFeature(&r, v->pipeline, &v->pipeline->feature[each.at]);
		if (CsImporters[v->kind]->check_feature != NULL)
			CsImporters[v->kind]->check_feature(&r, v, each.at);
	}
}

/* The rows of the segments. */
static void
CheckSegments(const CsJsonReader *version, const CsExportedVersion *v)
{
	int			n = v->scorer == NULL ? 0 : v->scorer->nsegments;
	CsJsonEach	each = BeginRows(version, CS_EXPORTED_SEGMENTS, n);

	while (n > 0 && CsJsonNext(&each))
	{
		CsJsonReader r = CsJsonReadElement(version, CsExported[CS_EXPORTED_SEGMENTS].key, &each, "segment");

		CHECK_FOR_INTERRUPTS();
		CheckRow(&r, CS_EXPORTED_SEGMENTS);
		CsImporters[v->kind]->check_segment(&r, v);
	}
}

/* Read a version of a model of that kind, checked from end to end. */
void
CsExportedVersionRead(const CsJsonReader *r, CsModelKind kind, CsExportedVersion *version)
{
	static const char *const keys[] = {"definition", "training", "features", "segments", CS_WITHIN_KEY};
	CsJsonReader training;

	CsJsonCheckKeys(r, keys, lengthof(keys));
	memset(version, 0, sizeof(CsExportedVersion));
	version->kind = kind;
	CsImporters[kind]->compile(CsJsonReadJsonb(r, "definition"), version);
	training = CsJsonReadObject(r, CsExported[CS_EXPORTED_TRAINING].key, "the training");
	CheckRow(&training, CS_EXPORTED_TRAINING);
	ReadTraining(&training, version);
	CheckFeatures(r, version);
	CheckSegments(r, version);
	version->within = CsWithinExported(r);
	if (version->within != NULL && kind != CS_MODEL_SEGMENTS)
		CsJsonReject(r, CS_WITHIN_KEY, "must be empty");
	for (int i = CS_EXPORTED_TRAINING; i <= CS_EXPORTED_SEGMENTS; i++)
		(void) CsJsonFind(r->object, CsExported[i].key, &version->came[i]);
}

/* What to do with a segment, palloc'd.  OUT: which. */
Jsonb *
CsExportedAction(const CsJsonReader *r, const CsJsonEach *each, int *segment)
{
	static const char *const keys[] = {"segment", "action"};
	CsJsonReader action = CsJsonReadElement(r, "actions", each, "action");
	Jsonb	   *what;

	*segment = (int) CsJsonReadInteger(&action, "segment", 0, PG_INT32_MAX);
	what = CsJsonReadJsonb(&action, "action");
	CsJsonCheckKeys(&action, keys, lengthof(keys));
	CsCheckAction(what);
	return what;
}

/* How the model is presented, palloc'd; NULL when that is not said. */
Jsonb *
CsExportedPresentation(const CsJsonReader *r)
{
	JsonbValue	value;
	Jsonb	   *presentation;

	if (!CsJsonReadMember(r, "presentation", &value))
		return NULL;
	presentation = CsJsonReadJsonb(r, "presentation");
	CsCheckPresentation(presentation);
	return presentation;
}

/* Decisions by hand, palloc'd; NULL without any. */
Jsonb *
CsExportedDecisions(const CsJsonReader *r)
{
	const char *key = CsExported[CS_EXPORTED_DECISIONS].key;
	JsonbValue	decisions;
	CsJsonEach	each;

	if (!CsJsonReadMember(r, key, &decisions))
		return NULL;
	each = CsJsonEachOf(CsJsonReadArray(r, key, 0, PG_INT32_MAX));
	while (CsJsonNext(&each))
	{
		CsJsonReader decision = CsJsonReadElement(r, key, &each, "decision");

		CheckRow(&decision, CS_EXPORTED_DECISIONS);
	}
	return JsonbValueToJsonb(&decisions);
}

/*
 * The numbers of the versions ascend, so the last is the highest.  OUT only: the one that there is, 0 of
 * several; *has: is "version" among them?
 */
int
CsExportedNumbering(const CsJsonReader *r, int version, int *only, bool *has)
{
	JsonbContainer *versions = CsJsonReadArray(r, "versions", 1, CS_MOST_VERSIONS);
	CsJsonEach	each = CsJsonEachOf(versions);
	int			last = 0;

	*has = false;
	while (CsJsonNext(&each))
	{
		CsJsonReader element = CsJsonReadElement(r, "versions", &each, "version");
		CsJsonReader definition = CsJsonReadObject(&element, "definition", "the definition");

		last = (int) CsJsonReadInteger(&definition, "version", last + 1, CS_MOST_VERSIONS);
		*has |= last == version;
	}
	*only = JsonContainerSize(versions) == 1 ? last : 0;
	return last;
}

/* The reader of an export; an error when it is of another format. */
CsJsonReader
CsExportedOpen(Jsonb *exported)
{
	static const char *const keys[] = {"format", "kind", "model", "deployed_version", "versions", "actions",
		"presentation", "decisions"};
	CsJsonReader r = CsJsonReaderOf(exported, "invalid exported model", "the export");
	int			format = (int) CsJsonReadInteger(&r, "format", 1, PG_INT32_MAX);

	if (format != CS_EXPORT_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("exported model has format %d, but this version of custseg reads format %d",
						format, CS_EXPORT_FORMAT),
				 errhint("Import it with the version of custseg that exported it.")));
	CsJsonCheckKeys(&r, keys, lengthof(keys));
	return r;
}

/* Which kind of model an export is of. */
CsModelKind
CsExportedKind(const CsJsonReader *r)
{
	char	   *name = CsJsonReadText(r, "kind");
	int			kind = 0;
	JsonbValue	decisions;

	while (kind < CS_MODEL_KINDS && strcmp(CsModelKinds[kind].name, name) != 0)
		kind++;
	if (kind == CS_MODEL_KINDS)
		CsJsonReject(r, "kind", "is \"%s\", which is no kind of model", name);
	if (kind != CS_MODEL_SEGMENTS)
	{
		(void) CsJsonReadArray(r, "actions", 0, 0);
		if (CsJsonReadMember(r, "decisions", &decisions))
			CsJsonReject(r, "decisions", "must be null");
	}
	return (CsModelKind) kind;
}
