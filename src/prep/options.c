/*
 * options.c
 *	  The prep argument: jsonb into one CsPrepColumn per feature, and back.
 *
 * Settings come from three places, the later winning: the built-in defaults, prep's top level, and
 * the column's own entry under "columns"; resolve.c then makes them suit the column.  What
 * CsPrepToJsonb writes has an entry for every column, so reading it back gives the same settings
 * whatever the defaults become.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "call/options.h"
#include "lib/stringinfo.h"
#include "prep/internal.h"
#include "utils/builtins.h"

const CsStep *const CsEncodes[] = {
	[CS_ENCODE_ONEHOT] = &(const CsStep){"onehot"},
	[CS_ENCODE_ORDINAL] = &(const CsStep){"ordinal"},
	[CS_ENCODE_FREQUENCY] = &(const CsStep){"frequency"},
	NULL
};

#define DEFAULT_NEIGHBORS 5

const CsPrepKeyInfo CsPrepKeys[CS_NPREPKEYS] = {
	[CS_KEY_IMPUTE] = {"impute", CsImputes, offsetof(CsPrepColumn, impute)},
	[CS_KEY_CONSTANT] = {"constant"},
	[CS_KEY_NEIGHBORS] = {"neighbors"},
	[CS_KEY_CLIP] = {"clip", CsClips, offsetof(CsPrepColumn, clip)},
	[CS_KEY_CLIP_LIMIT] = {"clip_limit"},
	[CS_KEY_TRANSFORM] = {"transform", CsTransforms, offsetof(CsPrepColumn, transform)},
	[CS_KEY_ENCODE] = {"encode", CsEncodes, offsetof(CsPrepColumn, encode)},
	[CS_KEY_LEVELS] = {"levels"},
	[CS_KEY_DROP_FIRST] = {"drop_first"},
	[CS_KEY_SCALE] = {"scale", CsScales, offsetof(CsPrepColumn, scale)},
	[CS_KEY_KIND] = {"kind"},
	[CS_KEY_PCA] = {"pca"},
	[CS_KEY_COLUMNS] = {"columns"},
	[CS_KEY_EXCLUDE] = {"exclude"},
};

/* What one jsonb object says; fields whose key was not given are unset. */
typedef struct Settings
{
	bool		given[CS_NPREPKEYS];
	CsPrepColumn value;
	double		pca;
	JsonbContainer *columns;
	bool		is_category;
	List	   *exclude;
} Settings;

/* The index of a column's step, where a key puts it. */
static int *
StepOf(CsPrepColumn *column, CsPrepKey key)
{
	StaticAssertStmt(sizeof(CsImpute) == sizeof(int) && sizeof(CsEncode) == sizeof(int) &&
					 sizeof(CsScale) == sizeof(int), "the index of a step is an int");
	return (int *) ((char *) column + CsPrepKeys[key].offset);
}

/* The names of steps as a list for a hint; palloc'd. */
static char *
ListSteps(const CsStep *const *steps)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; steps[i] != NULL; i++)
		CsAppendName(&list, steps[i]->name);
	return list.data;
}

/* The first keys as a list for a hint; palloc'd. */
static char *
ListKeys(int nkeys)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < nkeys; i++)
		if (i != CS_KEY_KIND || nkeys < CS_NPREPKEYS)
			CsAppendName(&list, CsPrepKeys[i].name);
	return list.data;
}

/* The key of a name, or CS_NPREPKEYS. */
static CsPrepKey
FindKey(const char *name)
{
	int			key = 0;

	while (key < CS_NPREPKEYS && strcmp(CsPrepKeys[key].name, name) != 0)
		key++;
	return key;
}

/* How messages call a key: "clip", or "clip" of column "age"; palloc'd. */
static char *
KeyLabel(CsPrepKey key, const char *column)
{
	if (column == NULL)
		return psprintf("\"%s\"", CsPrepKeys[key].name);
	return psprintf("\"%s\" of column \"%s\"", CsPrepKeys[key].name, column);
}

/* Complain that a key's value is of another type than it must be. */
static void
WrongType(CsPrepKey key, const char *column, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("preparation key %s must be %s", KeyLabel(key, column), expected)));
}

/* A key's value as the name of a step; returns its index. */
static int
ReadStep(CsPrepKey key, const char *column, const JsonbValue *value)
{
	const CsStep *const *steps = CsPrepKeys[key].steps;
	int			step;

	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key %s must be a string", KeyLabel(key, column)),
				 errhint("Valid values are: %s.", ListSteps(steps))));
	step = CsStepIndex(steps, value->val.string.val, value->val.string.len);
	if (step < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized value \"%s\" for preparation key %s",
						CsJsonString(value),
						KeyLabel(key, column)),
				 errhint("Valid values are: %s.", ListSteps(steps))));
	return step;
}

/* A key's value as a finite number. */
static double
ReadNumber(CsPrepKey key, const char *column, const JsonbValue *value)
{
	double		number = 0;

	if (!CsJsonGetNumber(value, &number))
		WrongType(key, column, "a finite number");
	return number;
}

/* A number or a truth value for numeric kinds, a text for categories. */
static void
ReadConstant(const char *column, const JsonbValue *value, CsPrepColumn *result)
{
	result->constant = NAN;
	result->constant_level = NULL;
	if (value->type == jbvString)
		result->constant_level = CsJsonString(value);
	else if (value->type == jbvBool)
		result->constant = value->val.boolean ? 1 : 0;
	else if (!CsJsonGetNumber(value, &result->constant))
		WrongType(CS_KEY_CONSTANT, column, "a number or a string");
}

static int
ReadNeighbors(const char *column, const JsonbValue *value)
{
	double		number = ReadNumber(CS_KEY_NEIGHBORS, column, value);

	if (!(number >= 1 && number <= CS_MAX_NEIGHBORS) || number != floor(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key %s must be a whole number between 1 and %d",
						KeyLabel(CS_KEY_NEIGHBORS, column), CS_MAX_NEIGHBORS)));
	return (int) number;
}

/* The levels of an ordinal category: different strings, lowest first; a List of char *. */
static List *
ReadLevels(const char *column, const JsonbValue *value)
{
	List	   *levels = NIL;
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;
	int			n;

	if (array == NULL)
		WrongType(CS_KEY_LEVELS, column, "an array of strings, lowest level first");
	n = JsonContainerSize(array);
	if (n == 0 || n > CS_MAX_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key %s must list 1 to %d levels",
						KeyLabel(CS_KEY_LEVELS, column), CS_MAX_LEVELS)));
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		char	   *level;
		ListCell   *cell;

		if (each.value.type != jbvString)
			WrongType(CS_KEY_LEVELS, column, "an array of strings, lowest level first");
		level = CsJsonString(&each.value);
		foreach(cell, levels)
		{
			if (strcmp(lfirst(cell), level) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("preparation key %s lists level \"%s\" twice",
								KeyLabel(CS_KEY_LEVELS, column), level)));
		}
		levels = lappend(levels, level);
	}
	return levels;
}

/*
 * Is a column to be read as a category?  "kind" says so of a column of numbers, or says nothing new.
 */
static bool
ReadKind(const char *column, const JsonbValue *value)
{
	if (!CsJsonIsText(value, CsKindName(CS_CATEGORICAL)) && !CsJsonIsText(value, CsKindName(CS_NUMERIC)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key %s must be \"numeric\" or \"categorical\"",
						KeyLabel(CS_KEY_KIND, column)),
				 errhint("\"categorical\" makes levels of the values of a column of numbers.")));
	return CsJsonIsText(value, CsKindName(CS_CATEGORICAL));
}

/* The names of columns that are no features: strings; a List of char *. */
static List *
ReadExclude(const JsonbValue *value)
{
	static const char *const expected = "an array of names of columns";
	JsonbContainer *array = CsJsonGetArray(value);
	List	   *names = NIL;
	CsJsonEach	each;

	if (array == NULL)
		WrongType(CS_KEY_EXCLUDE, NULL, expected);
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (each.value.type != jbvString)
			WrongType(CS_KEY_EXCLUDE, NULL, expected);
		names = lappend(names, CsJsonString(&each.value));
	}
	return names;
}

/* A share of variance below 1, or a number of components. */
static double
ReadPca(const JsonbValue *value)
{
	double		pca = ReadNumber(CS_KEY_PCA, NULL, value);

	if (!(pca > 0 && pca <= CS_MAX_OUTPUTS) || (pca > 1 && pca != floor(pca)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key \"pca\" is out of range"),
				 errhint("Give a share of the variance between 0 and 1, or a whole number of components.")));
	return pca;
}

/* One key's value into the settings. */
static void
ReadSetting(CsPrepKey key, const char *column, const JsonbValue *value, Settings *settings)
{
	CsPrepColumn *result = &settings->value;

	switch (key)
	{
		case CS_KEY_CONSTANT:
			ReadConstant(column, value, result);
			break;
		case CS_KEY_NEIGHBORS:
			result->neighbors = ReadNeighbors(column, value);
			break;
		case CS_KEY_CLIP_LIMIT:
			result->clip_limit = ReadNumber(key, column, value);
			break;
		case CS_KEY_LEVELS:
			result->levels = ReadLevels(column, value);
			break;
		case CS_KEY_DROP_FIRST:
			if (value->type != jbvBool)
				WrongType(key, column, "true or false");
			result->drop_first = value->val.boolean;
			break;
		case CS_KEY_IMPUTE:
		case CS_KEY_CLIP:
		case CS_KEY_TRANSFORM:
		case CS_KEY_ENCODE:
		case CS_KEY_SCALE:
			*StepOf(result, key) = ReadStep(key, column, value);
			break;
		case CS_KEY_KIND:
			settings->is_category = ReadKind(column, value);
			break;
		case CS_KEY_EXCLUDE:
			settings->exclude = ReadExclude(value);
			break;
		case CS_KEY_PCA:
			settings->pca = ReadPca(value);
			break;
		case CS_KEY_COLUMNS:
			if (CsJsonGetObject(value) == NULL)
				WrongType(key, column, "an object with a column's name as each key");
			settings->columns = value->val.binary.data;
			break;
		case CS_NPREPKEYS:
			break;
	}
	settings->given[key] = true;
}

/* Read an object of settings: prep's top level (column NULL) or one column's; null is not given. */
static void
ReadSettings(JsonbContainer *object, const char *column, Settings *settings)
{
	int			nkeys = column == NULL ? CS_NPREPKEYS : CS_KEY_PCA;
	CsJsonEach	each = CsJsonEachOf(object);

	memset(settings, 0, sizeof(*settings));
	while (CsJsonNext(&each))
	{
		char	   *name = CsJsonString(&each.key);
		CsPrepKey	key = FindKey(name);

		if (key >= nkeys || (column == NULL && key == CS_KEY_KIND))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 column == NULL ?
					 errmsg("unrecognized preparation key \"%s\"", name) :
					 errmsg("unrecognized preparation key \"%s\" of column \"%s\"", name, column),
					 errhint("Valid keys are: %s.", ListKeys(nkeys))));
		if (each.value.type != jbvNull)
			ReadSetting(key, column, &each.value, settings);
	}
}

/* Lay what one object says over what holds so far. */
static void
OverlaySettings(CsPrepColumn *column, Settings *settings)
{
	const CsPrepColumn *value = &settings->value;

	/* a limit belongs to its method: another method starts from its own default */
	if (settings->given[CS_KEY_CLIP] && value->clip != column->clip)
		column->clip_limit = NAN;
	for (int key = 0; key < CS_NPREPKEYS; key++)
	{
		if (settings->given[key] && CsPrepKeys[key].steps != NULL)
			*StepOf(column, key) = *StepOf(&settings->value, key);
	}
	if (settings->given[CS_KEY_CONSTANT])
	{
		column->constant = value->constant;
		column->constant_level = value->constant_level;
	}
	if (settings->given[CS_KEY_NEIGHBORS])
		column->neighbors = value->neighbors;
	if (settings->given[CS_KEY_CLIP_LIMIT])
		column->clip_limit = value->clip_limit;
	if (settings->given[CS_KEY_LEVELS])
		column->levels = value->levels;
	if (settings->given[CS_KEY_DROP_FIRST])
		column->drop_first = value->drop_first;
}

/* Every entry under "columns" must name a feature and be an object. */
static void
CheckColumnEntries(JsonbContainer *entries, const CsColumn *columns, int ncolumns)
{
	CsJsonEach	each = CsJsonEachOf(entries);

	while (CsJsonNext(&each))
	{
		char	   *name = CsJsonString(&each.key);
		int			found = 0;

		while (found < ncolumns && strcmp(NameStr(columns[found].name), name) != 0 &&
			   !CsIsElementOf(NameStr(columns[found].name), name))
			found++;
		if (found == ncolumns)
		{
			StringInfoData features;

			initStringInfo(&features);
			for (int i = 0; i < Min(ncolumns, 20); i++)
				CsAppendName(&features, NameStr(columns[i].name));
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of preparation key \"columns\" is not a feature", name),
					 errhint("The features are: %s%s.", features.data,
							 ncolumns > 20 ? ", ..." : "")));
		}
		if (CsJsonGetObject(&each.value) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("preparation of column \"%s\" must be an object", name),
					 errhint("Write it like {\"columns\": {\"%s\": {\"impute\": \"mean\"}}}.", name)));
		pfree(name);
	}
}

/* The error for a preparation after which values are not themselves any more. */
static void
RejectChange(CsPrepKey key, const char *column, const char *allowed)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("preparation key %s does not suit this algorithm", KeyLabel(key, column)),
			 errdetail("The rules use the values themselves, so the preparation must not change them."),
			 errhint("Leave it out, or give %s.", allowed)));
}

/* Check that no setting changes a value, as CsPrepParse() promises with keep_values. */
static void
CheckKeepsValues(const CsPrep *prep, const CsColumn *columns)
{
	if (prep->pca != 0)
		RejectChange(CS_KEY_PCA, NULL, "null");
	for (int i = 0; i < prep->ncolumns; i++)
	{
		const CsPrepColumn *column = &prep->columns[i];
		const char *name = NameStr(columns[i].name);

		if (column->clip != CS_CLIP_NONE)
			RejectChange(CS_KEY_CLIP, name, "\"none\"");
		if (column->transform != CS_TRANSFORM_NONE)
			RejectChange(CS_KEY_TRANSFORM, name, "\"none\"");
		if (!CsScaleAt(column->scale)->keeps_values)
			RejectChange(CS_KEY_SCALE, name, "\"power2\" or \"none\"");
		if (columns[i].converter.kind != CS_CATEGORICAL)
			continue;
		if (column->encode != CS_ENCODE_ONEHOT)
			RejectChange(CS_KEY_ENCODE, name, "\"onehot\"");
		if (column->drop_first)
			RejectChange(CS_KEY_DROP_FIRST, name, "false");
	}
}

/* Find the entry of a feature: its own, or that of the vector which it is an element of. */
static bool
FindEntry(JsonbContainer *entries, const char *name, JsonbValue *entry)
{
	int			length;
	int			element;

	return CsJsonFind(entries, name, entry) ||
		(CsElementName(name, &length, &element) &&
		 CsJsonFind(entries, pnstrdup(name, length), entry));
}

/* The settings of prep's top level; all unset for NULL. */
static void
ReadTop(Jsonb *prep, Settings *top)
{
	memset(top, 0, sizeof(*top));
	if (prep == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(prep))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prep must be a JSON object"),
				 errhint("Valid keys are: %s.", ListKeys(CS_NPREPKEYS))));
	ReadSettings(&prep->root, NULL, top);
}

/* The columns that prep leaves out of the features, a List of char *. */
List *
CsPrepExcluded(Jsonb *prep)
{
	Settings	top;

	ReadTop(prep, &top);
	return top.exclude;
}

/*
 * Have columns of numbers that prep calls categorical read as categories.
 */
void
CsPrepKinds(Jsonb *prep, CsColumn *columns, int ncolumns)
{
	Settings	top;

	ReadTop(prep, &top);
	for (int i = 0; i < ncolumns && top.columns != NULL; i++)
	{
		CsColumn   *column = &columns[i];
		const char *name = NameStr(column->name);
		Settings	own;
		JsonbValue	entry;

		if (!FindEntry(top.columns, name, &entry) || CsJsonGetObject(&entry) == NULL)
			continue;
		ReadSettings(entry.val.binary.data, name, &own);
		if (!own.given[CS_KEY_KIND] || own.is_category == (column->converter.kind == CS_CATEGORICAL))
			continue;
		if (own.is_category ? column->element > 0 || !CsConverterAsCategory(&column->converter) :
			column->converter.kind == CS_CATEGORICAL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of type %s cannot be %s", name, CsColumnTypeName(column),
							own.is_category ? "categorical" : "numeric"),
					 own.is_category ? errhint("Whole numbers, booleans and dates can be categories.") :
					 errhint("Cast the column in a query: SELECT %s::numeric, ... FROM ...",
							 quote_identifier(name))));
	}
}

/*
 * Read prep (NULL: nothing was asked for) for these columns; palloc'd.  Unknown keys and bad values
 * are errors.  With keep_values model space must hold the values themselves, those of each column
 * divided by a power of two at most, and each level 0 or 1: anything else is an error, too.
 */
CsPrep *
CsPrepParse(Jsonb *prep, const CsColumn *columns, int ncolumns, bool keep_values)
{
	CsPrep	   *result = palloc0(sizeof(CsPrep));
	Settings	top;
	CsPrepColumn base = {.constant = NAN, .neighbors = DEFAULT_NEIGHBORS, .clip_limit = NAN,
	.scale = keep_values ? CS_SCALE_POWER2 : CS_SCALE_STANDARD};

	ReadTop(prep, &top);
	if (top.columns != NULL)
		CheckColumnEntries(top.columns, columns, ncolumns);
	OverlaySettings(&base, &top);

	result->pca = top.pca;
	result->ncolumns = ncolumns;
	result->columns = palloc0(mul_size(Max(ncolumns, 1), sizeof(CsPrepColumn)));
	for (int i = 0; i < ncolumns; i++)
	{
		CsPrepColumn *column = &result->columns[i];
		const char *name = NameStr(columns[i].name);
		Settings	own = {0};
		JsonbValue	entry;

		*column = base;
		if (top.columns != NULL && FindEntry(top.columns, name, &entry))
		{
			ReadSettings(entry.val.binary.data, name, &own);
			OverlaySettings(column, &own);
		}
		column->kind_given = own.given[CS_KEY_KIND];
		CsPrepResolve(column, own.given, &columns[i]);
	}
	if (keep_values)
		CheckKeepsValues(result, columns);
	return result;
}

/* Push the name of a column's step. */
static void
PushStep(JsonbParseState **state, const CsPrepColumn *prep, CsPrepKey key)
{
	int			step = *StepOf(unconstify(CsPrepColumn *, prep), key);

	CsJsonText(state, CsPrepKeys[key].name, CsPrepKeys[key].steps[step]->name);
}

/* Push what holds for one column, leaving out what its kind and methods have no use for. */
static void
PushColumn(JsonbParseState **state, const CsPrepColumn *prep, CsKind kind)
{
	bool		category = kind == CS_CATEGORICAL;

	if (prep->kind_given)
		CsJsonText(state, CsPrepKeys[CS_KEY_KIND].name, CsKindName(category ? CS_CATEGORICAL : CS_NUMERIC));
	PushStep(state, prep, CS_KEY_IMPUTE);
	if (prep->impute == CS_IMPUTE_CONSTANT)
	{
		if (category)
			CsJsonText(state, CsPrepKeys[CS_KEY_CONSTANT].name, prep->constant_level);
		else
			CsJsonNumber(state, CsPrepKeys[CS_KEY_CONSTANT].name, prep->constant);
	}
	if (prep->impute == CS_IMPUTE_KNN)
	{
		CsJsonNumber(state, CsPrepKeys[CS_KEY_NEIGHBORS].name, prep->neighbors);
	}
	if (!category)
	{
		PushStep(state, prep, CS_KEY_CLIP);
		if (prep->clip != CS_CLIP_NONE)
		{
			CsJsonNumber(state, CsPrepKeys[CS_KEY_CLIP_LIMIT].name, prep->clip_limit);
		}
		PushStep(state, prep, CS_KEY_TRANSFORM);
	}
	else
		PushStep(state, prep, CS_KEY_ENCODE);
	if (category && prep->encode == CS_ENCODE_ORDINAL)
	{
		ListCell   *cell;

		CsJsonArray(state, CsPrepKeys[CS_KEY_LEVELS].name);
		foreach(cell, prep->levels)
			CsJsonText(state, NULL, lfirst(cell));
		(void) CsJsonEnd(state);
	}
	if (category && prep->encode == CS_ENCODE_ONEHOT)
	{
		CsJsonBool(state, CsPrepKeys[CS_KEY_DROP_FIRST].name, prep->drop_first);
	}
	else
		PushStep(state, prep, CS_KEY_SCALE);
}

/*
 * All settings as json to store, one entry per column with the defaults filled in; palloc'd.
 * CsPrepParse() reads them back.
 */
Jsonb *
CsPrepToJsonb(const CsPrep *prep, const CsColumn *columns)
{
	JsonbParseState *state = NULL;

	CsJsonObject(&state, NULL);
	CsJsonNumber(&state, CsPrepKeys[CS_KEY_PCA].name, prep->pca > 0 ? prep->pca : NAN);
	CsJsonObject(&state, CsPrepKeys[CS_KEY_COLUMNS].name);
	for (int i = 0; i < prep->ncolumns; i++)
	{
		CsJsonObject(&state, NameStr(columns[i].name));
		PushColumn(&state, &prep->columns[i], columns[i].converter.kind);
		(void) CsJsonEnd(&state);
	}
	(void) CsJsonEnd(&state);
	return CsJsonFinish(&state);
}
