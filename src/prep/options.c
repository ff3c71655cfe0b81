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

#include "lib/stringinfo.h"
#include "prep/internal.h"
#include "utils/builtins.h"

const char *const CsImputeNames[] = {"median", "mean", "mode", "constant", "knn", "skip", "error",
	"level", NULL};
const char *const CsClipNames[] = {"none", "iqr", "zscore", "quantile", NULL};
const char *const CsTransformNames[] = {"none", "log1p", "yeo-johnson", NULL};
const char *const CsEncodeNames[] = {"onehot", "ordinal", "frequency", NULL};
const char *const CsScaleNames[] = {"standard", "minmax", "robust", "none", "power2", NULL};

#define DEFAULT_NEIGHBORS 5

const char *const CsPrepKeyNames[] = {"impute", "constant", "neighbors", "clip", "clip_limit",
	"transform", "encode", "levels", "drop_first", "scale", "pca", "columns", NULL};
static const char *const ColumnKeyNames[] = {"impute", "constant", "neighbors", "clip",
	"clip_limit", "transform", "encode", "levels", "drop_first", "scale", NULL};

/* What one jsonb object says; fields whose key was not given are unset. */
typedef struct Settings
{
	bool		given[CS_NPREPKEYS];
	CsPrepColumn value;
	double		pca;
	JsonbContainer *columns;
} Settings;

/* Index of a name in a NULL-terminated list, -1 if it is not there. */
int
CsNameIndex(const char *const *names, const char *text, int length)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
			return i;
	}
	return -1;
}

/* The names as a list for a hint; palloc'd. */
static char *
JoinNames(const char *const *names)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; names[i] != NULL; i++)
		appendStringInfo(&text, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
	return text.data;
}

/* How messages call a key: "clip", or "clip" of column "age"; palloc'd. */
static char *
KeyLabel(CsPrepKey key, const char *column)
{
	if (column == NULL)
		return psprintf("\"%s\"", CsPrepKeyNames[key]);
	return psprintf("\"%s\" of column \"%s\"", CsPrepKeyNames[key], column);
}

/* Complain that a key's value is of another type than it must be. */
static void
WrongType(CsPrepKey key, const char *column, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("preparation key %s must be %s", KeyLabel(key, column), expected)));
}

/* A key's value as one of a list of names; returns its index. */
static int
ReadChoice(CsPrepKey key, const char *column, const JsonbValue *value, const char *const *names)
{
	int			choice;

	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key %s must be a string", KeyLabel(key, column)),
				 errhint("Valid values are: %s.", JoinNames(names))));
	choice = CsNameIndex(names, value->val.string.val, value->val.string.len);
	if (choice < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized value \"%s\" for preparation key %s",
						pnstrdup(value->val.string.val, value->val.string.len),
						KeyLabel(key, column)),
				 errhint("Valid values are: %s.", JoinNames(names))));
	return choice;
}

/* A key's value as a finite number. */
static double
ReadNumber(CsPrepKey key, const char *column, const JsonbValue *value)
{
	double		number = 0;

	if (!CsJsonbNumber(value, &number))
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
		result->constant_level = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvBool)
		result->constant = value->val.boolean ? 1 : 0;
	else if (!CsJsonbNumber(value, &result->constant))
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
	JsonbContainer *array;
	int			n;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		WrongType(CS_KEY_LEVELS, column, "an array of strings, lowest level first");
	array = value->val.binary.data;
	n = JsonContainerSize(array);
	if (n == 0 || n > CS_MAX_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key %s must list 1 to %d levels",
						KeyLabel(CS_KEY_LEVELS, column), CS_MAX_LEVELS)));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *item = getIthJsonbValueFromContainer(array, i);
		char	   *level;
		ListCell   *cell;

		if (item->type != jbvString)
			WrongType(CS_KEY_LEVELS, column, "an array of strings, lowest level first");
		level = pnstrdup(item->val.string.val, item->val.string.len);
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
		case CS_KEY_IMPUTE:
			result->impute = ReadChoice(key, column, value, CsImputeNames);
			break;
		case CS_KEY_CONSTANT:
			ReadConstant(column, value, result);
			break;
		case CS_KEY_NEIGHBORS:
			result->neighbors = ReadNeighbors(column, value);
			break;
		case CS_KEY_CLIP:
			result->clip = ReadChoice(key, column, value, CsClipNames);
			break;
		case CS_KEY_CLIP_LIMIT:
			result->clip_limit = ReadNumber(key, column, value);
			break;
		case CS_KEY_TRANSFORM:
			result->transform = ReadChoice(key, column, value, CsTransformNames);
			break;
		case CS_KEY_ENCODE:
			result->encode = ReadChoice(key, column, value, CsEncodeNames);
			break;
		case CS_KEY_LEVELS:
			result->levels = ReadLevels(column, value);
			break;
		case CS_KEY_DROP_FIRST:
			if (value->type != jbvBool)
				WrongType(key, column, "true or false");
			result->drop_first = value->val.boolean;
			break;
		case CS_KEY_SCALE:
			result->scale = ReadChoice(key, column, value, CsScaleNames);
			break;
		case CS_KEY_PCA:
			settings->pca = ReadPca(value);
			break;
		case CS_KEY_COLUMNS:
			if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
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
	const char *const *names = column == NULL ? CsPrepKeyNames : ColumnKeyNames;
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	memset(settings, 0, sizeof(*settings));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		int			key;

		if (token != WJB_KEY)
			continue;
		key = CsNameIndex(names, value.val.string.val, value.val.string.len);
		if (key < 0)
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 column == NULL ?
					 errmsg("unrecognized preparation key \"%s\"", name) :
					 errmsg("unrecognized preparation key \"%s\" of column \"%s\"", name, column),
					 errhint("Valid keys are: %s.", JoinNames(names))));
		}
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvNull)
			ReadSetting(key, column, &value, settings);
	}
}

/* Lay what one object says over what holds so far. */
static void
OverlaySettings(CsPrepColumn *column, const Settings *settings)
{
	const CsPrepColumn *value = &settings->value;

	if (settings->given[CS_KEY_IMPUTE])
		column->impute = value->impute;
	if (settings->given[CS_KEY_CONSTANT])
	{
		column->constant = value->constant;
		column->constant_level = value->constant_level;
	}
	if (settings->given[CS_KEY_NEIGHBORS])
		column->neighbors = value->neighbors;

	/* a limit belongs to its method: another method starts from its own default */
	if (settings->given[CS_KEY_CLIP] && value->clip != column->clip)
		column->clip_limit = NAN;
	if (settings->given[CS_KEY_CLIP])
		column->clip = value->clip;
	if (settings->given[CS_KEY_CLIP_LIMIT])
		column->clip_limit = value->clip_limit;
	if (settings->given[CS_KEY_TRANSFORM])
		column->transform = value->transform;
	if (settings->given[CS_KEY_ENCODE])
		column->encode = value->encode;
	if (settings->given[CS_KEY_LEVELS])
		column->levels = value->levels;
	if (settings->given[CS_KEY_DROP_FIRST])
		column->drop_first = value->drop_first;
	if (settings->given[CS_KEY_SCALE])
		column->scale = value->scale;
}

/* Every entry under "columns" must name a feature and be an object. */
static void
CheckColumnEntries(JsonbContainer *entries, const CsColumn *columns, int ncolumns)
{
	JsonbIterator *iterator = JsonbIteratorInit(entries);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			found = 0;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		while (found < ncolumns && strcmp(NameStr(columns[found].name), name) != 0)
			found++;
		if (found == ncolumns)
		{
			StringInfoData features;

			initStringInfo(&features);
			for (int i = 0; i < Min(ncolumns, 20); i++)
				appendStringInfo(&features, "%s\"%s\"", i > 0 ? ", " : "",
								 NameStr(columns[i].name));
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of preparation key \"columns\" is not a feature", name),
					 errhint("The features are: %s%s.", features.data,
							 ncolumns > 20 ? ", ..." : "")));
		}
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
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
			 errdetail("Its rules are about the values themselves, so these must stay as they are."),
			 errhint("Leave it out, or give %s.", allowed)));
}

/* See prep.h: nothing may be asked for that changes a value. */
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
		if (column->scale != CS_SCALE_POWER2 && column->scale != CS_SCALE_NONE)
			RejectChange(CS_KEY_SCALE, name, "\"power2\" or \"none\"");
		if (columns[i].converter.kind != CS_CATEGORICAL)
			continue;
		if (column->encode != CS_ENCODE_ONEHOT)
			RejectChange(CS_KEY_ENCODE, name, "\"onehot\"");
		if (column->drop_first)
			RejectChange(CS_KEY_DROP_FIRST, name, "false");
	}
}

/* Read prep for these columns; palloc'd. */
CsPrep *
CsPrepParse(Jsonb *prep, const CsColumn *columns, int ncolumns, bool keep_values)
{
	CsPrep	   *result = palloc0(sizeof(CsPrep));
	Settings	top = {0};
	CsPrepColumn base = {.constant = NAN, .neighbors = DEFAULT_NEIGHBORS, .clip_limit = NAN,
	.scale = keep_values ? CS_SCALE_POWER2 : CS_SCALE_STANDARD};

	if (prep != NULL)
	{
		if (!JB_ROOT_IS_OBJECT(prep))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("prep must be a JSON object"),
					 errhint("Valid keys are: %s.", JoinNames(CsPrepKeyNames))));
		ReadSettings(&prep->root, NULL, &top);
	}
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
		JsonbValue *entry = NULL;

		*column = base;
		if (top.columns != NULL)
			entry = getKeyJsonValueFromContainer(top.columns, name, strlen(name), NULL);
		if (entry != NULL)
		{
			ReadSettings(entry->val.binary.data, name, &own);
			OverlaySettings(column, &own);
		}
		CsPrepResolve(column, own.given, &columns[i]);
	}
	if (keep_values)
		CheckKeepsValues(result, columns);
	return result;
}

/* Push what holds for one column, leaving out what its kind and methods have no use for. */
static void
PushColumn(JsonbParseState **state, const CsPrepColumn *prep, CsKind kind)
{
	bool		category = kind == CS_CATEGORICAL;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_IMPUTE]);
	CsJsonbPushString(state, WJB_VALUE, CsImputeNames[prep->impute]);
	if (prep->impute == CS_IMPUTE_CONSTANT)
	{
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_CONSTANT]);
		if (category)
			CsJsonbPushString(state, WJB_VALUE, prep->constant_level);
		else
			CsJsonbPushNumber(state, WJB_VALUE, prep->constant);
	}
	if (prep->impute == CS_IMPUTE_KNN)
	{
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_NEIGHBORS]);
		CsJsonbPushNumber(state, WJB_VALUE, prep->neighbors);
	}
	if (!category)
	{
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_CLIP]);
		CsJsonbPushString(state, WJB_VALUE, CsClipNames[prep->clip]);
		if (prep->clip != CS_CLIP_NONE)
		{
			CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_CLIP_LIMIT]);
			CsJsonbPushNumber(state, WJB_VALUE, prep->clip_limit);
		}
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_TRANSFORM]);
		CsJsonbPushString(state, WJB_VALUE, CsTransformNames[prep->transform]);
	}
	else
	{
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_ENCODE]);
		CsJsonbPushString(state, WJB_VALUE, CsEncodeNames[prep->encode]);
	}
	if (category && prep->encode == CS_ENCODE_ORDINAL)
	{
		ListCell   *cell;

		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_LEVELS]);
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		foreach(cell, prep->levels)
			CsJsonbPushString(state, WJB_ELEM, lfirst(cell));
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	if (category && prep->encode == CS_ENCODE_ONEHOT)
	{
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_DROP_FIRST]);
		CsJsonbPushBool(state, WJB_VALUE, prep->drop_first);
	}
	else
	{
		CsJsonbPushKey(state, CsPrepKeyNames[CS_KEY_SCALE]);
		CsJsonbPushString(state, WJB_VALUE, CsScaleNames[prep->scale]);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* All settings, one entry per column, so that no default is left to be guessed; palloc'd. */
Jsonb *
CsPrepToJsonb(const CsPrep *prep, const CsColumn *columns)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	CsJsonbPushKey(&state, CsPrepKeyNames[CS_KEY_PCA]);
	CsJsonbPushNumber(&state, WJB_VALUE, prep->pca > 0 ? prep->pca : NAN);
	CsJsonbPushKey(&state, CsPrepKeyNames[CS_KEY_COLUMNS]);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < prep->ncolumns; i++)
	{
		CsJsonbPushKey(&state, NameStr(columns[i].name));
		PushColumn(&state, &prep->columns[i], columns[i].converter.kind);
	}
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
