/*
 * presentation.c
 *	  How a model is presented to those who read it on pages and in reports: set_presentation() by the
 *	  model's owner.
 *
 * The facts are a title and a description, the column that holds what a customer is worth with its
 * currency, labels, units and descriptions of columns, and what scenarios, returns and budgets start from: the
 * margin, what a campaign costs, and the curves of response.  They belong to the model, whatever the version, and name columns that need not
 * be features.
 */
#include "custseg.h"

#include <float.h>

#include "life/life.h"

/* The known keys, at the top and of a column. */
enum
{
	KEY_TITLE, KEY_DESCRIPTION, KEY_VALUE, KEY_CURRENCY, KEY_COLUMNS, KEY_MARGIN, KEY_CUSTOMER_COST, KEY_FIXED_COST,
	KEY_CURVES
};

static const char *const presentationKeys[] = {
	[KEY_TITLE] = "title",
	[KEY_DESCRIPTION] = "description",
	[KEY_VALUE] = "value",
	[KEY_CURRENCY] = "currency",
	[KEY_COLUMNS] = "columns",
	[KEY_MARGIN] = "margin",
	[KEY_CUSTOMER_COST] = "cost_per_customer",
	[KEY_FIXED_COST] = "fixed_cost",
	[KEY_CURVES] = "curves"
};

/* More segments than this nobody divides a budget between. */
#define MAX_CURVES 200

static const char *const columnKeys[] = {"label", "unit", "description"};

static const char *const get_sql =
"SELECT p.presentation FROM custseg.presentation AS p WHERE p.model OPERATOR(pg_catalog.=) $1";

static const char *const set_sql =
"INSERT INTO custseg.presentation (model, presentation, set_at, set_by) "
"VALUES ($1, $2, pg_catalog.clock_timestamp(), $3) "
"ON CONFLICT (model) DO UPDATE SET presentation = excluded.presentation, set_at = excluded.set_at,"
" set_by = excluded.set_by";

PG_FUNCTION_INFO_V1(custseg_set_presentation);

/* Refuse what a key holds; "of" is what has the key. */
static void
RejectValue(const char *key, const char *of, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key \"%s\" of %s must be %s", key, of, wanted),
			 errhint("A json null removes the key.")));
}

/* Is the value a text that is not empty? */
static bool
IsText(const JsonbValue *value)
{
	return value->type == jbvString && value->val.string.len > 0;
}

/* Is the value a name that a column can have? */
static bool
IsColumn(const JsonbValue *value)
{
	return IsText(value) && value->val.string.len < NAMEDATALEN;
}

/* Is the value written as ISO 4217 writes a currency? */
static bool
IsCurrency(const JsonbValue *value)
{
	return value->type == jbvString && value->val.string.len == 3 &&
		strspn(pnstrdup(value->val.string.val, 3), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

/* Is the value a share above 0? */
static bool
IsMargin(const JsonbValue *value)
{
	double		share;

	return CsJsonGetNumber(value, &share) && share > 0 && share <= 1;
}

/* Is the value an amount that is not negative? */
static bool
IsCost(const JsonbValue *value)
{
	double		cost;

	return CsJsonGetNumber(value, &cost) && cost >= 0 && cost <= DBL_MAX;
}

/*
 * Is the value an array of objects, rows of allocate_budget()?  What they hold is looked at when a budget is
 * divided.
 */
static bool
IsCurves(const JsonbValue *value)
{
	CsJsonEach	each;

	if (CsJsonGetArray(value) == NULL || JsonContainerSize(CsJsonGetArray(value)) > MAX_CURVES)
		return false;
	each = CsJsonEachOf(CsJsonGetArray(value));
	while (CsJsonNext(&each))
		if (CsJsonGetObject(&each.value) == NULL)
			return false;
	return true;
}

/* Error unless what is said of a column is null, or an object of known keys with texts. */
static void
CheckColumn(const JsonbValue *column, const JsonbValue *facts)
{
	char	   *of = psprintf("column \"%s\" in a presentation", CsJsonString(column));
	CsJsonEach	each;

	if (!IsColumn(column))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" in a presentation cannot be the name of a column", CsJsonString(column)),
				 errhint("A name of a column has 1 to %d bytes.", NAMEDATALEN - 1)));
	if (facts->type == jbvNull)
		return;
	if (CsJsonGetObject(facts) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be an object", of),
				 errhint("Write {\"label\": \"Days since the last order\", \"unit\": \"days\"}. Known keys are: %s.",
						 CsJsonKeyList(columnKeys, lengthof(columnKeys)))));
	each = CsJsonEachOf(CsJsonGetObject(facts));
	while (CsJsonNext(&each))
	{
		int			key = CsJsonKnownKey(&each.key, columnKeys, lengthof(columnKeys), of);

		if (each.value.type != jbvNull && !IsText(&each.value))
			RejectValue(columnKeys[key], of, "a text that is not empty");
	}
}

/* Error unless the columns are an object of such facts. */
static void
CheckColumns(const JsonbValue *columns)
{
	CsJsonEach	each;

	if (CsJsonGetObject(columns) == NULL)
		RejectValue(presentationKeys[KEY_COLUMNS], "a presentation", "an object with a key for each column");
	each = CsJsonEachOf(CsJsonGetObject(columns));
	while (CsJsonNext(&each))
		CheckColumn(&each.key, &each.value);
}

/* Error unless the value is what its key holds, or null. */
static void
CheckValue(int key, const JsonbValue *value)
{
	static const struct
	{
		bool		(*fits) (const JsonbValue *value);
		const char *wanted;
	}			facts[] = {
		[KEY_TITLE] = {IsText, "a text that is not empty"},
		[KEY_DESCRIPTION] = {IsText, "a text that is not empty"},
		[KEY_VALUE] = {IsColumn, "the name of a column"},
		[KEY_CURRENCY] = {IsCurrency, "a currency as three capital letters, such as EUR"},
		[KEY_MARGIN] = {IsMargin, "a number above 0 and up to 1"},
		[KEY_CUSTOMER_COST] = {IsCost, "a number that is not negative"},
		[KEY_FIXED_COST] = {IsCost, "a number that is not negative"},
		[KEY_CURVES] = {IsCurves, "an array of up to 200 objects, rows of allocate_budget()"}
	};

	if (value->type == jbvNull)
		return;
	if (key == KEY_COLUMNS)
		CheckColumns(value);
	else if (!facts[key].fits(value))
		RejectValue(presentationKeys[key], "a presentation", facts[key].wanted);
}

/* Error unless a presentation is an object of known keys with values that fit. */
void
CsCheckPresentation(Jsonb *presentation)
{
	CsJsonEach	each;

	if (!JB_ROOT_IS_OBJECT(presentation))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a presentation must be a json object"),
				 errhint("Write '{\"title\": \"Customers of the shop\", \"value\": \"revenue\"}'. Known keys are: %s.",
						 CsJsonKeyList(presentationKeys, lengthof(presentationKeys)))));
	each = CsJsonEachOf(&presentation->root);
	while (CsJsonNext(&each))
		CheckValue(CsJsonKnownKey(&each.key, presentationKeys, lengthof(presentationKeys), "a presentation"),
				   &each.value);
}

/*
 * Write an object, as member "key", with the members of a change in place of those there were: null
 * removes one, and an object changes the members of an object, at any depth.  "old" may be NULL.  This is
 * JSON merge patch, RFC 7396.
 */
static void
WriteMerged(JsonbParseState **json, const char *key, JsonbContainer *old, JsonbContainer *change)
{
	CsJsonEach	each;
	JsonbValue	other;

	CsJsonObject(json, key);
	if (old != NULL)
	{
		each = CsJsonEachOf(old);
		while (CsJsonNext(&each))
			if (!CsJsonFind(change, CsJsonString(&each.key), &other))
				CsJsonValue(json, CsJsonString(&each.key), &each.value);
	}
	each = CsJsonEachOf(change);
	while (CsJsonNext(&each))
	{
		char	   *member = CsJsonString(&each.key);

		if (CsJsonGetObject(&each.value) != NULL)
			WriteMerged(json, member, old == NULL ? NULL : CsJsonFindObject(old, member),
						CsJsonGetObject(&each.value));
		else if (each.value.type != jbvNull)
			CsJsonValue(json, member, &each.value);
	}
	if (key != NULL)
		(void) CsJsonEnd(json);
}

/* A model's presentation as the statement sees it, palloc'd; NULL when it has none. */
Jsonb *
CsPresentationOf(const char *model)
{
	Jsonb	   *result = NULL;

	CsCatalogRead(get_sql, CsValues(CsValueText(model)), CsTakeJsonb, &result);
	return result;
}

/* Change what is known now of a model's presentation, as the caller; inside SPI. */
static void
ChangePresentation(const char *model, Jsonb *change)
{
	bool		has = CsCatalogExecute(get_sql, CsValues(CsValueText(model)), false) > 0;
	CsCatalogRow row = {has ? SPI_tuptable->vals[0] : NULL, has ? SPI_tuptable->tupdesc : NULL, 0};
	JsonbParseState *json = NULL;

	WriteMerged(&json, NULL, has ? &CsRowJsonb(&row, 1)->root : NULL, &change->root);
	CsCatalogExecute(set_sql, CsValues(CsValueText(model), CsValueJsonb(CsJsonFinish(&json)),
									   CsValueName(CsCallerName())), false);
}

/* Give an imported presentation to a model that has none; inside SPI. */
void
CsPresentationImport(const char *model, Jsonb *presentation)
{
	if (CsCatalogExecute(get_sql, CsValues(CsValueText(model)), false) == 0)
		ChangePresentation(model, presentation);
}

/* The arguments of set_presentation(). */
enum
{
	SET_MODEL, SET_PRESENTATION
};

/* set_presentation(model, presentation) */
Datum
custseg_set_presentation(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.set_presentation()");
	Jsonb	   *presentation;

	CsRequireArgument(fcinfo, SET_PRESENTATION, "presentation");
	presentation = PG_GETARG_JSONB_P(SET_PRESENTATION);
	CsCheckPresentation(presentation);
	SPI_connect();
	ChangePresentation(model, presentation);
	SPI_finish();
	PG_RETURN_VOID();
}
