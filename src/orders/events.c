/*
 * events.c
 *	  How engaged customers are, from events of any kind: customer_events(), and the SQL that it stands for.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "orders/events.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* The most kinds and ratios that have features of their own, and windows. */
#define MOST_KINDS 100
#define MOST_RATIOS 100
#define MOST_WINDOWS 10

/* The greatest weight: with it a part of the score is a bigint. */
#define MOST_WEIGHT 1e6

static const CsOption eventsOptions[] = {
	{"time_zone", CS_OPTION_TEXT, offsetof(CsEventsOptions, time_zone)},
	{"look_back", CS_OPTION_TEXT, offsetof(CsEventsOptions, look_back)},
	{"session_gap", CS_OPTION_TEXT, offsetof(CsEventsOptions, session_gap)},
	{"kinds", CS_OPTION_LIST, offsetof(CsEventsOptions, kinds)},
	{"top_kinds", CS_OPTION_INT, offsetof(CsEventsOptions, top_kinds), 5, 0, MOST_KINDS},
	{"windows", CS_OPTION_LIST, offsetof(CsEventsOptions, windows)},
	{"window_days", CS_OPTION_INT, offsetof(CsEventsOptions, window_days), 90, 1, CS_MOST_WINDOW_DAYS},
	{"ratios", CS_OPTION_OBJECT, offsetof(CsEventsOptions, ratios)},
	{"weights", CS_OPTION_OBJECT, offsetof(CsEventsOptions, weights)},
	{"half_life_days", CS_OPTION_REAL, offsetof(CsEventsOptions, half_life_days), 30, 0.001, CS_MOST_WINDOW_DAYS}
};

PG_FUNCTION_INFO_V1(custseg_customer_events);
PG_FUNCTION_INFO_V1(custseg_customer_events_sql);

/* The arguments. */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_KIND, ARG_VALUE, ARG_AS_OF, ARG_OPTIONS
};

/* An error about an option that is an array or object of such things. */
pg_noreturn static void
RejectOption(const char *option, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" %s", option, what),
			 errhint("%s", hint)));
}

/* The index of a kind, which is added if it is new; the name is palloc'd. */
static int
KindIndex(CsEventsRequest *r, const char *option, const JsonbValue *name)
{
	CsEventsKind *kind;
	ListCell   *cell;

	if (name->type != jbvString || name->val.string.len == 0)
		RejectOption(option, "has a kind that is not a text, or is empty", "Write kinds of events as texts, such as \"email_open\".");
	foreach(cell, r->kinds)
	{
		if (CsJsonIsText(name, ((CsEventsKind *) lfirst(cell))->name))
			return foreach_current_index(cell);
	}
	if (list_length(r->kinds) == MOST_KINDS)
		RejectOption(option, psprintf("names more than %d kinds", MOST_KINDS), "Group them in a query as the source.");
	kind = palloc0(sizeof(CsEventsKind));
	kind->name = CsJsonString(name);
	r->kinds = lappend(r->kinds, kind);
	return list_length(r->kinds) - 1;
}

/* The kinds that are asked for, each once. */
static void
ReadKinds(CsEventsRequest *r)
{
	CsJsonEach	each;

	if (r->options.kinds == NULL)
		return;
	each = CsJsonEachOf(&r->options.kinds->root);
	while (CsJsonNext(&each))
	{
		int			n = list_length(r->kinds);

		if (KindIndex(r, "kinds", &each.value) < n)
			RejectOption("kinds", psprintf("has kind \"%s\" twice", CsJsonString(&each.value)), "Name each kind once.");
	}
}

/* The windows in which events are counted: 30 and 90 days unless they are given. */
static void
ReadWindows(CsEventsRequest *r)
{
	static const char *const hint = "Write ascending whole numbers of days, such as [7, 30, 90].";
	CsJsonEach	each;

	if (r->options.windows == NULL)
	{
		r->windows = list_make2_int(30, 90);
		return;
	}
	each = CsJsonEachOf(&r->options.windows->root);
	while (CsJsonNext(&each))
	{
		int64		days;

		if (!CsJsonGetInteger(&each.value, 1, CS_MOST_WINDOW_DAYS, &days))
			RejectOption("windows", psprintf("has a window that is not a whole number of days from 1 to %d", CS_MOST_WINDOW_DAYS), hint);
		if (r->windows != NIL && days <= llast_int(r->windows))
			RejectOption("windows", "is not ascending", hint);
		if (list_length(r->windows) == MOST_WINDOWS)
			RejectOption("windows", psprintf("has more than %d windows", MOST_WINDOWS), hint);
		r->windows = lappend_int(r->windows, (int) days);
	}
}

/* The ratios: objects of a name and two kinds. */
static void
ReadRatios(CsEventsRequest *r)
{
	CsJsonEach	each;

	if (r->options.ratios == NULL)
		return;
	each = CsJsonEachOf(&r->options.ratios->root);
	while (CsJsonNext(&each))
	{
		JsonbContainer *kinds = CsJsonGetArray(&each.value);
		CsEventsRatio *ratio = palloc(sizeof(CsEventsRatio));
		CsJsonEach	two;
		int			index[2];

		ratio->name = CsJsonString(&each.key);
		if (kinds == NULL || JsonContainerSize(kinds) != 2 || ratio->name[0] == '\0')
			RejectOption("ratios", psprintf("has a ratio \"%s\" that is not an array of two kinds", ratio->name),
						 "Write {\"open_rate\": [\"email_open\", \"email_sent\"]}.");
		if (list_length(r->ratios) == MOST_RATIOS)
			RejectOption("ratios", psprintf("has more than %d ratios", MOST_RATIOS), "Leave some out.");
		two = CsJsonEachOf(kinds);
		while (CsJsonNext(&two))
			index[two.at] = KindIndex(r, "ratios", &two.value);
		ratio->part = index[0];
		ratio->whole = index[1];
		r->ratios = lappend(r->ratios, ratio);
	}
}

/* The weights of kinds in the score. */
static void
ReadWeights(CsEventsRequest *r)
{
	CsJsonEach	each;

	r->has_weights = r->options.weights != NULL;
	if (!r->has_weights)
		return;
	if (JB_ROOT_COUNT(r->options.weights) == 0)
		RejectOption("weights", "is empty", "Leave it out to have each event count for 1.");
	each = CsJsonEachOf(&r->options.weights->root);
	while (CsJsonNext(&each))
	{
		double		weight;
		CsEventsKind *kind = list_nth(r->kinds, KindIndex(r, "weights", &each.key));

		if (!CsJsonGetNumber(&each.value, &weight) || fabs(weight) > MOST_WEIGHT)
			RejectOption("weights", psprintf("has a weight of \"%s\" that is not a number from -1e6 to 1e6", kind->name),
						 "Write {\"visit\": 1, \"email_open\": 0.5, \"service_contact\": -1}.");
		kind->weight = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(each.value.val.numeric)));
	}
}

/* A NOTICE of kinds that are named and of which there is no event. */
static void
ReportAbsent(const CsEventsRequest *r)
{
	List	   *there = CsSqlTexts(r->relation, CsEventsKindsSql(r, true));
	StringInfoData absent;
	ListCell   *cell;

	initStringInfo(&absent);
	foreach(cell, r->kinds)
	{
		const char *name = ((CsEventsKind *) lfirst(cell))->name;
		ListCell   *other;
		bool		is_there = false;

		foreach(other, there)
			is_there |= strcmp(lfirst(other), name) == 0;
		if (!is_there)
			CsAppendName(&absent, name);
	}
	if (absent.len > 0)
		ereport(NOTICE,
				(errmsg("%s has no event of kind %s", r->relation->description, absent.data),
				 errhint("Kinds are told apart as they are written, capitals included.")));
}

/* The kinds that have features of their own: those that are named, or the most frequent. */
static void
ChooseKinds(CsEventsRequest *r)
{
	ListCell   *cell;

	ReadKinds(r);
	if (r->options.kinds == NULL && r->options.top_kinds > 0)
	{
		foreach(cell, CsSqlTexts(r->relation, CsEventsKindsSql(r, false)))
		{
			CsEventsKind *kind = palloc0(sizeof(CsEventsKind));

			kind->name = lfirst(cell);
			r->kinds = lappend(r->kinds, kind);
		}
	}
	ReadRatios(r);
	ReadWeights(r);
	if (r->options.kinds != NULL || r->ratios != NIL || r->has_weights)
		ReportAbsent(r);
}

/*
 * Resolve what is asked for, in a request that says what it is for, whose zone is the default, NULL for the session's, and
 * whose "as_of" is a timestamptz as text, or NULL.
 */
void
CsEventsOpen(CsEventsRequest *r, const CsEventsColumns *columns, Jsonb *options)
{
	int			kinds = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) | CS_KIND_BIT(CS_BOOLEAN) |
		CS_KIND_BIT(CS_TIME);
	CsRelation *rel = CsRelationOpen(columns->source);

	CsOptionsParse(eventsOptions, lengthof(eventsOptions), options, &r->options);
	r->relation = rel;
	r->customer = CsKeyOfRole(rel, columns->customer, "customer");
	r->time = CsTimeOfRole(rel, columns->time, "time of an event");
	r->kind = CsColumnOfRole(rel, columns->kind, "kind of an event", kinds);
	if (columns->value != NULL)
		r->value = CsColumnOfRole(rel, columns->value, "value", CS_KIND_BIT(CS_NUMERIC));
	if (r->options.time_zone != NULL || r->zone == NULL)
		r->zone = CsOrdersZone(r->options.time_zone);
	r->look_back = CsSqlLookBack(r->options.look_back);
	r->session_gap = CsSqlIntervalOption("session_gap", r->options.session_gap == NULL ? "30 minutes" : r->options.session_gap,
										 "30 minutes", "Write \"30 minutes\" or \"1 day\".");
	ReadWindows(r);
	ChooseKinds(r);
}

/* Resolve the arguments. */
static void
OpenArguments(FunctionCallInfo fcinfo, bool for_view, CsEventsRequest *r)
{
	CsEventsColumns columns = {
		CsRequiredText(fcinfo, ARG_SOURCE, "source"), CsTextArgument(fcinfo, ARG_CUSTOMER), CsTextArgument(fcinfo, ARG_TIME),
		CsTextArgument(fcinfo, ARG_KIND), CsTextArgument(fcinfo, ARG_VALUE)
	};

	r->for_view = for_view;
	if (!PG_ARGISNULL(ARG_AS_OF))
	{
		CsCheckAsOfTime(PG_GETARG_TIMESTAMPTZ(ARG_AS_OF), "event");
		r->as_of = pstrdup(timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(ARG_AS_OF)));
	}
	CsEventsOpen(r, &columns, CsJsonbArgument(fcinfo, ARG_OPTIONS));
	if (r->as_of != NULL)
		CsCheckAsOf(r->relation, CsEventsTooEarlySql(r));
}

/* customer_events(source, customer, time, kind, value, as_of, options): one row for each customer */
Datum
custseg_customer_events(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsEventsRequest request = {0};

	OpenArguments(fcinfo, false, &request);
	CsSqlCopy(request.relation, CsEventsSql(&request), result, NULL, 0);
	return (Datum) 0;
}

/* customer_events_sql(source, customer, time, kind, value, as_of, options): the query */
Datum
custseg_customer_events_sql(PG_FUNCTION_ARGS)
{
	CsEventsRequest request = {0};

	OpenArguments(fcinfo, true, &request);
	PG_RETURN_TEXT_P(cstring_to_text(CsEventsSql(&request)));
}
