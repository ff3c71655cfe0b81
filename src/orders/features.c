/*
 * features.c
 *	  The features of a segmentation, from lines of orders: customer_features(), the SQL that it
 *	  stands for, and a view of it.
 */
#include "custseg.h"

#include "algo/algo.h"
#include "call/call.h"
#include "call/text_value.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "orders/features.h"
#include "orders/lines_sql.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

static const CsOption featuresOptions[] = {
	{"order", CS_OPTION_TEXT, offsetof(CsFeaturesOptions, order)},
	{"same_day", CS_OPTION_BOOL, offsetof(CsFeaturesOptions, same_day), 0},
	{"returns", CS_OPTION_CHOICE, offsetof(CsFeaturesOptions, returns), CS_RETURNS_NET, 0, 0, CsReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(CsFeaturesOptions, time_zone)},
	{"top_categories", CS_OPTION_INT, offsetof(CsFeaturesOptions, top_categories), 5, 0, 100},
	{"window_days", CS_OPTION_INT, offsetof(CsFeaturesOptions, window_days), 90, 1, 100000},
	{"look_back", CS_OPTION_TEXT, offsetof(CsFeaturesOptions, look_back)}
};

PG_FUNCTION_INFO_V1(custseg_customer_features);
PG_FUNCTION_INFO_V1(custseg_customer_features_sql);
PG_FUNCTION_INFO_V1(custseg_create_feature_view);

/* A column that need not be given. */
static const CsColumn *
OptionalColumn(FunctionCallInfo fcinfo, int argument, const CsRelation *rel, const char *role,
			   int kinds)
{
	char	   *name = CsTextArgument(fcinfo, argument);

	return name == NULL ? NULL : CsOrdersColumn(rel, name, role, kinds);
}

/* The categories that get a share of their own, chosen when the query is written. */
static void
ChooseCategories(CsFeaturesRequest *request)
{
	if (request->category != NULL && request->options.top_categories > 0)
		request->categories = CsSqlTexts(CsFeaturesCategoriesSql(request));
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
	rel = CsRelationOpen(CsFeaturesAtOnceSql(request));
	(void) CsRelationRead(rel, rel->columns, rel->ncolumns, TakeAtOnce, NULL);
}

/* The arguments, of which one may stand before the first: so each is counted from there. */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_PRODUCT, ARG_CATEGORY, ARG_CHANNEL,
	ARG_DISCOUNT, ARG_QUANTITY, ARG_AS_OF, ARG_OPTIONS
};

/* The arguments of create_feature_view(): the view's name, then those. */
enum
{
	VIEW_NAME, VIEW_FIRST
};

/* Resolve the arguments, the source being number "first"; for a view the features are as of now(). */
static void
OpenFeatures(FunctionCallInfo fcinfo, int first, bool for_view, CsFeaturesRequest *request)
{
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, first + ARG_SOURCE, "source"));
	int			keys = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) |
		CS_KIND_BIT(CS_BOOLEAN) | CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE);
	int			values = keys & ~CS_KIND_BIT(CS_UNUSABLE);

	CsOptionsArgument(fcinfo, first + ARG_OPTIONS, featuresOptions, lengthof(featuresOptions),
					  &request->options);
	request->relation = rel;
	request->for_view = for_view;
	request->look_back = CsSqlLookBack(request->options.look_back);
	request->customer = CsOrdersColumn(rel, CsTextArgument(fcinfo, first + ARG_CUSTOMER), "customer", keys);
	request->time = CsOrdersTimeColumn(rel, CsTextArgument(fcinfo, first + ARG_TIME));
	request->amount = CsOrdersColumn(rel, CsTextArgument(fcinfo, first + ARG_AMOUNT), "amount",
									 CS_KIND_BIT(CS_NUMERIC));
	request->product = OptionalColumn(fcinfo, first + ARG_PRODUCT, rel, "product", values);
	request->category = OptionalColumn(fcinfo, first + ARG_CATEGORY, rel, "category", values);
	request->channel = OptionalColumn(fcinfo, first + ARG_CHANNEL, rel, "channel", values);
	request->discount = OptionalColumn(fcinfo, first + ARG_DISCOUNT, rel, "discount",
									   CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN));
	request->quantity = OptionalColumn(fcinfo, first + ARG_QUANTITY, rel, "quantity",
									   CS_KIND_BIT(CS_NUMERIC));
	if (request->options.order != NULL)
		request->order = CsOrdersColumn(rel, request->options.order, "order", keys);
	request->zone = CsOrdersZone(request->options.time_zone);
	if (!PG_ARGISNULL(first + ARG_AS_OF))
	{
		(void) CsOrdersAsOf(request->time, request->zone, PG_GETARG_TIMESTAMPTZ(first + ARG_AS_OF));
		request->as_of = pstrdup(timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(first + ARG_AS_OF)));
		CsCheckAsOf(rel, CsFeaturesTooEarlySql(request));
	}
	ChooseCategories(request);
	LookAtLines(request);
}

/* customer_features(source, customer, time, amount, ...): one row for each customer */
Datum
custseg_customer_features(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsFeaturesRequest request = {0};
	int64		at_once[2] = {0};	/* and of how many lines */

	OpenFeatures(fcinfo, 0, false, &request);
	CsSqlCopy(CsFeaturesSql(&request), result, at_once, CsFeaturesLinesAreOrders(&request) ? lengthof(at_once) : 0);
	CsLinesReportAtOnce(at_once[0], at_once[1]);
	return (Datum) 0;
}

/* customer_features_sql(source, customer, time, amount, ...): the query */
Datum
custseg_customer_features_sql(PG_FUNCTION_ARGS)
{
	CsFeaturesRequest request = {0};

	OpenFeatures(fcinfo, 0, true, &request);
	PG_RETURN_TEXT_P(cstring_to_text(CsFeaturesSql(&request)));
}

/* An error when the schema that a relation would be made in has one of its name. */
static void
CheckIsNew(List *names)
{
	RangeVar   *range = makeRangeVarFromNameList(names);

	if (OidIsValid(get_relname_relid(range->relname, RangeVarGetCreationNamespace(range))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", NameListToString(names)),
				 errhint("Choose another name, or drop the relation first.")));
}

/* create_feature_view(name, source, customer, time, amount, ...): a view of the caller's */
Datum
custseg_create_feature_view(PG_FUNCTION_ARGS)
{
	CsFeaturesRequest request = {0};
	char	   *name = CsRequiredText(fcinfo, VIEW_NAME, "name");
	List	   *names = textToQualifiedNameList(cstring_to_text(name));
	char	   *sql;

	CsRequireWritable("custseg.create_feature_view()");
	CheckIsNew(names);
	OpenFeatures(fcinfo, VIEW_FIRST, true, &request);
	sql = psprintf("CREATE VIEW %s AS\n%s", NameListToQuotedString(names), CsFeaturesSql(&request));
	SPI_connect();
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create the view");
	SPI_finish();
	PG_RETURN_VOID();
}
