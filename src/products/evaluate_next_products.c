/*
 * evaluate_next_products.c
 *	  Does next_products() know better than a list of what is popular?  evaluate_next_products().
 *
 * The last order of each customer is held out.  Of the orders before it, those of all customers, follows what would have
 * been recommended; a hit is a customer whose last order brings one of these products.  Products that a customer had
 * before count neither as recommended nor as brought.  All ways to recommend are judged by the same customers, so that two
 * are compared by the customers whom only one of them hits (McNemar's exact test; interval: Agresti and Min, 2005).
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "orders/orders.h"
#include "products/products.h"
#include "stat/shares.h"
#include "utils/memutils.h"

/* The arguments. */
enum
{
	ARG_MODEL, ARG_ORDERS, ARG_CUSTOMER, ARG_PRODUCT, ARG_TIME, ARG_SOURCE, ARG_N, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_evaluate_next_products);

/* Customers below which nothing is said. */
#define FEW 30

/* Ways to recommend; the one that others are compared with is the last. */
enum
{
	NEXT_PRODUCTS, SIMILAR_FOR_ALL, POPULAR_IN_SEGMENT, POPULAR_WITH_EVERYONE, METHODS
};

static const char *const methodNames[METHODS] = {
	"next_products", "similar products, all customers", "popular in the segment", "popular with everyone"
};

/* How a way does. */
typedef struct Tally
{
	int64		hits;
	int64		only_this,		/* hits of this way, or of the one that is compared with, alone */
				only_other;
	double		recall;			/* sum of the shares of the new products that are recommended */
} Tally;

typedef struct Evaluation
{
	CsHistories histories;
	CsNextOptions options;
	int			n;				/* products for each customer */
	CsItemNeighbors *all;		/* neighbors by all customers */
	CsRecommender *recommender;
	CsRecommendation *best;
	int64		n_judged,
				n_nothing_new,	/* customers whose last order brings nothing new */
				n_one_order;	/* customers without an order before the last one */
	Tally		tallies[METHODS];
} Evaluation;

/* The same without neighbors: what is popular is all there is. */
static CsItemNeighbors
OnlyPopular(const CsItemNeighbors *neighbors)
{
	CsItemNeighbors popular = *neighbors;

	popular.neighbors = NULL;
	return popular;
}

/* Products of a customer's last order that are recommended by a group's neighbors. */
static int
HitsOf(Evaluation *e, int64 customer, const CsItemNeighbors *group)
{
	const CsHistories *h = &e->histories;
	const int32 *products = h->products + h->start[customer];
	int32		before = h->before[customer],
				fresh = h->length[customer] - before;
	int			n = CsRecommend(e->recommender, group, e->all, products, before, e->n, e->best),
				hits = 0;

	for (int i = 0; i < n; i++)
		hits += bsearch_arg(&e->best[i].item, products + before, fresh, sizeof(int32), CsCompareInt32, NULL) != NULL;
	return hits;
}

/* Judge what is recommended to a customer of a segment. */
static void
JudgeCustomer(Evaluation *e, int64 customer, const CsItemNeighbors *group)
{
	const CsHistories *h = &e->histories;
	int32		before = h->before[customer],
				fresh = h->length[customer] - before;
	CsItemNeighbors popular_of_all = OnlyPopular(e->all),
				popular = OnlyPopular(group);
	const CsItemNeighbors *ways[METHODS] = {group, e->all, &popular, &popular_of_all};
	int			hits[METHODS];

	if (before == 0 || fresh == 0)
	{
		e->n_one_order += before == 0 && fresh > 0;
		e->n_nothing_new += before > 0;
		return;
	}
	e->n_judged++;
	for (int i = 0; i < METHODS; i++)
		hits[i] = HitsOf(e, customer, ways[i]);
	for (int i = 0; i < METHODS; i++)
	{
		Tally	   *t = &e->tallies[i];

		t->hits += hits[i] > 0;
		t->recall += (double) hits[i] / (double) fresh;
		t->only_this += hits[i] > 0 && hits[POPULAR_WITH_EVERYONE] == 0;
		t->only_other += hits[i] == 0 && hits[POPULAR_WITH_EVERYONE] > 0;
	}
}

/* Judge what is recommended to the customers of a segment. */
static void
JudgeSegment(Evaluation *e, int segment)
{
	CsHistories *h = &e->histories;
	int64		n;
	int64	   *customers = CsHistoriesOfSegment(h, segment, &n);
	CsItemNeighbors *group = CsNextFit(h, customers, n, &e->options.neighbors);

	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		JudgeCustomer(e, customers[i], group);
	}
	CsItemNeighborsFree(group);
	pfree(customers);
}

/* What is to be said of a way to recommend: the rating, and OUT the reason. */
static const char *
Rate(const Evaluation *e, int method, double difference, double low, double high, StringInfo reason)
{
	const Tally *t = &e->tallies[method];
	const char *hit = psprintf("%s of %s buy at least one of the %d products next", CsWordsPercent((double) t->hits / (double) e->n_judged),
							   CsWordsCount(e->n_judged, "customer", "customers"), e->n),
			   *popular = CsWordsPercent((double) e->tallies[POPULAR_WITH_EVERYONE].hits / (double) e->n_judged);

	if (e->n_judged < FEW)
	{
		appendStringInfo(reason, "%s an order before the last one and something new in it, which is too few to tell",
						 CsWordsCount(e->n_judged, "customer has", "customers have"));
		return "insufficient data";
	}
	appendStringInfoString(reason, hit);
	if (method == POPULAR_WITH_EVERYONE)
	{
		appendStringInfoString(reason, ", which others are compared with");
		return "baseline";
	}
	appendStringInfo(reason, "; with what is popular with everyone %s do", popular);
	if (low > 0)
		return "better";
	if (high < 0)
	{
		appendStringInfoString(reason, ", so it is better to recommend that");
		return "worse";
	}
	appendStringInfoString(reason, ", which is no more of a difference than chance makes");
	return "no better";
}

/* Put the row of a way to recommend. */
static void
PutMethod(const Evaluation *e, CsResult *result, int method)
{
	const Tally *t = &e->tallies[method];
	double		n = e->n_judged > 0 ? (double) e->n_judged : NAN,
				low = NAN,
				high = NAN;
	CsPairedShares apart = {NAN, NAN, NAN, NAN};
	StringInfoData reason;
	const char *rating;

	if (e->n_judged > 0)
		CsWilsonInterval((double) t->hits, n, e->options.confidence, &low, &high);
	if (e->n_judged > 0 && method != POPULAR_WITH_EVERYONE)
		apart = CsPairedSharesCompare(e->n_judged, t->only_this, t->only_other, e->options.confidence);
	initStringInfo(&reason);
	rating = Rate(e, method, apart.difference, apart.low, apart.high, &reason);
	CsResultPut(result,
				CsValues(CsValueText(methodNames[method]), CsValueInt8(e->n_judged), CsValueInt8(t->hits),
						 CsValueFloat8((double) t->hits / n), CsValueFloat8(low), CsValueFloat8(high), CsValueFloat8(t->recall / n),
						 CsValueFloat8(apart.difference), CsValueFloat8(apart.low), CsValueFloat8(apart.high), CsValueFloat8(apart.p),
						 CsValueText(rating), CsValueText(reason.data)));
}

/* Say who is left out. */
static void
Report(const Evaluation *e)
{
	const CsHistories *h = &e->histories;
	const CsLeftOut reasons[] = {
		{h->n_strangers, "not among the customers"},
		{e->n_one_order, "without an order before the last one"},
		{e->n_nothing_new, "whose last order brings nothing new"}
	};
	int64		unplaced = 0;

	CsProductLinesReport(&h->lines);
	CsReportLeftOut("buyers", reasons, lengthof(reasons), h->n + h->n_strangers);
	for (int64 i = 0; i < h->n; i++)
		unplaced += h->segment[i] == CS_ROSTER_UNPLACED;
	if (unplaced > 0)
		ereport(NOTICE,
				(errmsg("customers in no segment, to whom nothing is recommended: %lld", (long long) unplaced)));
}

/*
 * evaluate_next_products(model, orders, customer, product, time, source, n, options, version): a row for each way to
 * recommend
 */
Datum
custseg_evaluate_next_products(PG_FUNCTION_ARGS)
{
	Evaluation	e = {0};
	CsHistories *h = &e.histories;
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");

	h->scorer = CsCacheGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(h->scorer, CurrentMemoryContext);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, CsNextOptionTable, CS_NEXT_EVALUATION_OPTIONS, &e.options);
	e.n = CsNextNumber(fcinfo, ARG_N);
	CsProductLinesOpen(&h->lines, fcinfo, ARG_ORDERS, ARG_CUSTOMER, ARG_PRODUCT, "customer");
	h->lines.time = CsOrdersTimeColumn(h->lines.relation, CsTextArgument(fcinfo, ARG_TIME));
	if (e.options.order != NULL)
		h->lines.order = CsRelationWhole(h->lines.relation, e.options.order);
	h->lines.zone = CsOrdersZone(e.options.time_zone);
	CsHistoriesRead(h, CsTextArgument(fcinfo, ARG_SOURCE));
	e.all = CsNextFit(h, NULL, h->n, &e.options.neighbors);
	e.recommender = CsRecommenderCreate(h->nproducts);
	e.best = palloc(sizeof(CsRecommendation) * e.n);
	for (int segment = 0; segment < h->scorer->nsegments; segment++)
		JudgeSegment(&e, segment);
	for (int method = 0; method < METHODS; method++)
		PutMethod(&e, result, method);
	Report(&e);
	MemoryContextDelete(h->lines.context);
	return (Datum) 0;
}
