/*
 * features.c
 *	  The features of a segmentation, from lines of orders: customer_features().
 */
#include "custseg.h"

#include "call/call.h"
#include "orders/features.h"
#include "orders/lines_sql.h"
#include "utils/guc.h"

static const CsOption featuresOptions[] = {
	{"order", CS_OPTION_TEXT, offsetof(CsFeaturesOptions, order)},
	{"same_day", CS_OPTION_BOOL, offsetof(CsFeaturesOptions, same_day), 0},
	{"returns", CS_OPTION_CHOICE, offsetof(CsFeaturesOptions, returns), CS_RETURNS_NET, 0, 0, CsReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(CsFeaturesOptions, time_zone)},
	{"top_categories", CS_OPTION_INT, offsetof(CsFeaturesOptions, top_categories), 5, 0, 100},
	{"window_days", CS_OPTION_INT, offsetof(CsFeaturesOptions, window_days), 90, 1, CS_MOST_WINDOW_DAYS},
	{"look_back", CS_OPTION_TEXT, offsetof(CsFeaturesOptions, look_back)},
	/* the rest is for views */
	{"events", CS_OPTION_OBJECT, offsetof(CsFeaturesOptions, events)},
	{"tables", CS_OPTION_LIST, offsetof(CsFeaturesOptions, tables)},
	{"everyone", CS_OPTION_BOOL, offsetof(CsFeaturesOptions, everyone), 0}
};

#define VIEW_OPTIONS 3

PG_FUNCTION_INFO_V1(custseg_customer_features);

/* A column that need not be given. */
static const CsColumn *
OptionalColumn(FunctionCallInfo fcinfo, int argument, const CsRelation *rel, const char *role,
			   int kinds)
{
	char	   *name = CsTextArgument(fcinfo, argument);

	return name == NULL ? NULL : CsColumnOfRole(rel, name, role, kinds);
}

/* The categories that get a share of their own, chosen when the query is written. */
static void
ChooseCategories(CsFeaturesRequest *request)
{
	if (request->category != NULL && request->options.top_categories > 0)
		request->categories = CsSqlTexts(request->relation, CsFeaturesCategoriesSql(request));
}

/* CsRowSink: how many lines are at the time of another one, and of how many. */
static void
TakeAtOnce(void *state, const Datum *values, const bool *nulls)
{
	CsLinesReportAtOnce(DatumGetInt64(values[0]), DatumGetInt64(values[1]));
}

/* For a view, which reads nothing yet: look at some lines, and tell when they are most likely no orders. */
static void
LookAtLines(const CsFeaturesRequest *request)
{
	CsRelation *rel;

	if (!request->for_view || !CsFeaturesLinesAreOrders(request))
		return;
	rel = CsRelationQuery(request->relation, CsFeaturesAtOnceSql(request));
	(void) CsRelationRead(rel, rel->columns, rel->ncolumns, TakeAtOnce, NULL);
}

/* The arguments, of which one may stand before the first: so each is counted from there. */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_PRODUCT, ARG_CATEGORY, ARG_CHANNEL,
	ARG_DISCOUNT, ARG_QUANTITY, ARG_AS_OF, ARG_OPTIONS
};

/* Resolve the arguments, the source being number "first"; for a view the features are as of now(). */
void
CsFeaturesOpen(FunctionCallInfo fcinfo, int first, bool for_view, CsFeaturesRequest *request)
{
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, first + ARG_SOURCE, "source"));
	int			keys = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) |
		CS_KIND_BIT(CS_BOOLEAN) | CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE);
	int			values = keys & ~CS_KIND_BIT(CS_UNUSABLE);

	CsOptionsArgument(fcinfo, first + ARG_OPTIONS, featuresOptions,
					  lengthof(featuresOptions) - (for_view ? 0 : VIEW_OPTIONS), &request->options);
	request->relation = rel;
	request->for_view = for_view;
	request->look_back = CsSqlLookBack(request->options.look_back);
	request->customer = CsKeyOfRole(rel, CsTextArgument(fcinfo, first + ARG_CUSTOMER), "customer");
	request->time = CsOrdersTimeColumn(rel, CsTextArgument(fcinfo, first + ARG_TIME));
	request->amount = CsColumnOfRole(rel, CsTextArgument(fcinfo, first + ARG_AMOUNT), "amount",
									 CS_KIND_BIT(CS_NUMERIC));
	request->product = OptionalColumn(fcinfo, first + ARG_PRODUCT, rel, "product", values);
	request->category = OptionalColumn(fcinfo, first + ARG_CATEGORY, rel, "category", values);
	request->channel = OptionalColumn(fcinfo, first + ARG_CHANNEL, rel, "channel", values);
	request->discount = OptionalColumn(fcinfo, first + ARG_DISCOUNT, rel, "discount",
									   CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN));
	request->quantity = OptionalColumn(fcinfo, first + ARG_QUANTITY, rel, "quantity",
									   CS_KIND_BIT(CS_NUMERIC));
	if (request->options.order != NULL)
		request->order = CsColumnOfRole(rel, request->options.order, "order", keys);
	request->zone = CsOrdersZone(request->options.time_zone);
	if (!PG_ARGISNULL(first + ARG_AS_OF))
	{
		(void) CsOrdersAsOf(request->time, request->zone, PG_GETARG_TIMESTAMPTZ(first + ARG_AS_OF));
		request->as_of = pstrdup(timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(first + ARG_AS_OF)));
	}
	if (!for_view)
		CsFeaturesPiecesOpen(request);
	if (request->as_of != NULL)
		CsCheckAsOf(rel, CsFeaturesTooEarlySql(request));
	ChooseCategories(request);
	LookAtLines(request);
}

/*
 * customer_features(source, customer, time, amount, ...): one row for each customer.
 *
 * The planner does not know how many groups other servers send, and would join them by nested loops, customers by customers:
 * these are not for such a query.
 */
Datum
custseg_customer_features(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsFeaturesRequest request = {0};
	int64		at_once[2] = {0};	/* and of how many lines */
	int			level;

	CsFeaturesOpen(fcinfo, 0, false, &request);
	if (request.is_empty)
		return (Datum) 0;
	level = NewGUCNestLevel();
	if (request.pieces != NULL)
		CsAvoidNestedLoops();
	CsSqlCopy(request.relation, CsFeaturesSql(&request), result, at_once, CsFeaturesLinesAreOrders(&request) ? lengthof(at_once) : 0);
	AtEOXact_GUC(true, level);
	CsLinesReportAtOnce(at_once[0], at_once[1]);
	return (Datum) 0;
}
