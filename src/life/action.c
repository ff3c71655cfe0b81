/*
 * action.c
 *	  What to do with the customers of a segment: set_action() by the model's owner, and
 *	  recommendations() for one customer.
 *
 * Actions belong to a model's segments by number, whichever version is deployed: a retraining keeps
 * the numbers, and so the actions.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "life/life.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

/* What a key of an action holds. */
typedef enum ActionKind
{
	ACTION_TEXT,
	ACTION_TEXTS,				/* an array of them */
	ACTION_SHARE,				/* a number, 0 to 1 */
	ACTION_COUNT				/* a whole number, 0 and up */
} ActionKind;

/* The keys, which are columns of custseg.segment_action, and what each holds. */
static const char *const actionKeys[] = {
	"description", "tone", "channel", "offer", "contact_frequency", "products", "tactics", "primary_kpi",
	"guardrail_kpi", "budget_share", "perk", "perk_capacity"
};

static const ActionKind actionKinds[lengthof(actionKeys)] = {
	ACTION_TEXT, ACTION_TEXT, ACTION_TEXT, ACTION_TEXT, ACTION_TEXT, ACTION_TEXTS, ACTION_TEXTS, ACTION_TEXT,
	ACTION_TEXT, ACTION_SHARE, ACTION_TEXT, ACTION_COUNT
};

/* Keys that are given take the place of those there are; a json null takes one away. */
static const char *const set_sql =
"INSERT INTO custseg.segment_action AS t "
"SELECT r.* FROM (SELECT) AS one "
"LEFT JOIN custseg.segment_action AS old ON old.model OPERATOR(pg_catalog.=) $1"
" AND old.segment OPERATOR(pg_catalog.=) $2 "
"CROSS JOIN LATERAL pg_catalog.jsonb_populate_record(old, $3 OPERATOR(pg_catalog.||)"
" pg_catalog.jsonb_build_object('model', $1, 'segment', $2,"
" 'set_at', pg_catalog.clock_timestamp(), 'set_by', $4)) AS r "
"ON CONFLICT (model, segment) DO UPDATE SET (description, tone, channel, offer, contact_frequency, products,"
" tactics, primary_kpi, guardrail_kpi, budget_share, perk, perk_capacity, set_at, set_by) ="
" ROW(excluded.description, excluded.tone, excluded.channel, excluded.offer, excluded.contact_frequency,"
" excluded.products, excluded.tactics, excluded.primary_kpi, excluded.guardrail_kpi,"
" excluded.budget_share, excluded.perk, excluded.perk_capacity, excluded.set_at, excluded.set_by)";

/*
 * The columns of recommendations(): $3 is where the customer belongs, by the model or by the decision with
 * the number $4.
 */
static const char *const recommend_sql =
"SELECT p.segment, s.name, p.assigned_by, p.reason, a.description, a.tone, a.channel, a.offer,"
" a.contact_frequency, a.products, a.tactics, a.primary_kpi, a.guardrail_kpi, a.perk "
"FROM (SELECT $3 AS segment, o.reason AS reason,"
"  CASE WHEN o.kind IS NOT NULL THEN o.kind WHEN $3 IS NOT NULL THEN 'model' END AS assigned_by"
" FROM (SELECT) AS one"
" LEFT JOIN custseg.segment_override AS o ON o.id OPERATOR(pg_catalog.=) $4) AS p "
"LEFT JOIN custseg.segment AS s ON s.model OPERATOR(pg_catalog.=) $1"
" AND s.version OPERATOR(pg_catalog.=) $2 AND s.segment OPERATOR(pg_catalog.=) p.segment "
"LEFT JOIN custseg.segment_action AS a ON a.model OPERATOR(pg_catalog.=) $1"
" AND a.segment OPERATOR(pg_catalog.=) p.segment";

PG_FUNCTION_INFO_V1(custseg_set_action);
PG_FUNCTION_INFO_V1(custseg_recommendations);

/* Is the value a text? */
static bool
IsText(const JsonbValue *value, Oid type)
{
	return value->type == jbvString;
}

/* Is the value a number of that kind? */
static bool
IsNumber(const JsonbValue *value, ActionKind kind)
{
	double		share;
	int64		count;

	return kind == ACTION_SHARE ?
		CsJsonGetNumber(value, &share) && share >= 0 && share <= 1 :
		CsJsonGetInteger(value, 0, INT64CONST(1000000000000000), &count);
}

/* Error unless the value is what its key holds, or null. */
static void
CheckValue(const char *key, ActionKind kind, const JsonbValue *value)
{
	static const char *const wanted[] = {
		[ACTION_TEXT] = "a text",
		[ACTION_TEXTS] = "an array of texts",
		[ACTION_SHARE] = "a number from 0 to 1",
		[ACTION_COUNT] = "a whole number, 0 or more"
	};
	bool		fits = kind == ACTION_TEXT ? IsText(value, TEXTOID) :
		kind == ACTION_TEXTS ? CsJsonIsArrayOf(value, IsText, TEXTOID) : IsNumber(value, kind);

	if (!fits && value->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" of an action must be %s", key, wanted[kind]),
				 errhint("A json null removes the key.")));
}

/* Error unless the action is an object of known keys with values that fit. */
void
CsCheckAction(Jsonb *action)
{
	CsJsonEach	each;

	if (!JB_ROOT_IS_OBJECT(action))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an action must be a json object"),
				 errhint("Write '{\"channel\": \"email\", \"offer\": \"early access\"}'. Known keys are: %s.",
						 CsJsonKeyList(actionKeys, lengthof(actionKeys)))));
	each = CsJsonEachOf(&action->root);
	while (CsJsonNext(&each))
	{
		int			key = CsJsonKnownKey(&each.key, actionKeys, lengthof(actionKeys), "an action");

		CheckValue(actionKeys[key], actionKinds[key], &each.value);
	}
}

/* Set keys of what to do with a segment, as the caller; inside SPI. */
void
CsSetAction(const char *model, int segment, Jsonb *action)
{
	CsCatalogExecute(set_sql, CsValues(CsValueText(model), CsValueInt4(segment), CsValueJsonb(action),
									   CsValueName(CsCallerName())), false);
}

/* The arguments of set_action(). */
enum
{
	SET_MODEL, SET_SEGMENT, SET_ACTION
};

/* set_action(model, segment, action) */
Datum
custseg_set_action(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.set_action()");
	int32		segment = CsRequiredInt(fcinfo, SET_SEGMENT, "segment");
	Jsonb	   *action;

	CsRequireArgument(fcinfo, SET_ACTION, "action");
	action = PG_GETARG_JSONB_P(SET_ACTION);
	CsCheckAction(action);
	SPI_connect();
	CsRequireSegment(model, segment);
	CsSetAction(model, segment, action);
	SPI_finish();
	PG_RETURN_VOID();
}

/* What TakeRecommendation fills. */
typedef struct Recommending
{
	FunctionCallInfo fcinfo;
	Datum		result;
} Recommending;

/* CsCatalogVisitor: the row is the result. */
static void
TakeRecommendation(void *state, const CsCatalogRow *row)
{
	Recommending *r = state;
	CsValue    *values = palloc(sizeof(CsValue) * row->desc->natts);

	CsValuesOfTuple(row->tuple, row->desc, values);
	r->result = CsResultRow(r->fcinfo, values, row->desc->natts);
}

/* recommendations(model, customer, version): what to do with this one */
Datum
custseg_recommendations(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);
	Recommending recommending = {fcinfo, (Datum) 0};
	const CsScorer *scorer;
	const CsOverride *override;
	CsAssignment placed;
	int			index = -1;

	if (site == NULL)
		PG_RETURN_NULL();
	scorer = site->scoring.scorer;
	override = CsCallSiteFindOverride(site);
	if (override != NULL)
		index = override->index;
	else if (CsCallSitePlace(site, &placed, NULL))
		index = placed.index;
	if (CsCatalogRead(recommend_sql,
					  CsValues(CsValueText(NameStr(scorer->model)), CsValueInt4(scorer->version),
							   index < 0 ? CsValueNull(INT4OID) :
							   CsValueInt4(CsScorerSegments(scorer)[index].segment),
							   override == NULL ? CsValueNull(INT8OID) : CsValueInt8(override->id)),
					  TakeRecommendation, &recommending) != 1)
		CsReportDroppedVersion(scorer);
	PG_RETURN_DATUM(recommending.result);
}
