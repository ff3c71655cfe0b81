/*
 * next_products.c
 *	  What each customer may want next: next_products().
 *
 * Segment by segment: which products stand together with its customers (stat/item_neighbors.c), and then for each customer
 * those that go with what is owned.  Segments whose customers nobody asks about are not looked at.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "products/products.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* The arguments. */
enum
{
	ARG_MODEL, ARG_ORDERS, ARG_CUSTOMER, ARG_PRODUCT, ARG_SOURCE, ARG_N, ARG_IDS, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_next_products);

/* Most products that are recommended to a customer. */
#define MOST_PRODUCTS 1000

#define FEWER "lower \"neighbors\", or give groups of products in place of products"

const CsOption CsNextOptionTable[CS_NEXT_EVALUATION_OPTIONS] = {
	{"neighbors", CS_OPTION_INT, offsetof(CsNextOptions, neighbors.neighbors), 100, 1, 100000},
	{"shrinkage", CS_OPTION_REAL, offsetof(CsNextOptions, neighbors.shrinkage), 10, 0, INFINITY},
	{"order", CS_OPTION_TEXT, offsetof(CsNextOptions, order)},
	{"time_zone", CS_OPTION_TEXT, offsetof(CsNextOptions, time_zone)},
	{"confidence", CS_OPTION_REAL, offsetof(CsNextOptions, confidence), 0.95, 0.5, 0.999999}
};

/* What is said of a basis. */
static const char *const basisNames[] = {"similar products", "popular in the segment", "popular with everyone"};

/* Customers who are asked about. */
typedef struct Asked
{
	bool		everybody;
	char	  **ids;			/* sorted by their bytes */
	bool	   *is_found;
	int			n;
} Asked;

typedef struct Advice
{
	CsHistories histories;
	CsNextOptions options;
	Asked		asked;
	int			n;				/* products for each customer */
	CsItemNeighbors *all;		/* what is popular with everyone */
	int64		n_buyers;		/* of all */
	CsRecommender *recommender;
	CsRecommendation *best;
	CsResult   *result;
	int64		n_unplaced;
} Advice;

/* How many products are asked for. */
int
CsNextNumber(FunctionCallInfo fcinfo, int argument)
{
	int			n = CsRequiredInt(fcinfo, argument, "n");

	if (n < 1 || n > MOST_PRODUCTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"n\" must be from 1 to %d, not %d", MOST_PRODUCTS, n),
				 errhint("Give the number of products for each customer.")));
	return n;
}

/*
 * The neighbors of the products by what some customers, NULL for all n of them, had before their last orders, or by all
 * they have where that is not asked for; palloc'd in the histories' context.
 */
CsItemNeighbors *
CsNextFit(CsHistories *h, const int64 *customers, int64 n, const CsNeighborOptions *options)
{
	CsOwners	owners = {n, customers, h->start, h->before, h->products, h->nproducts};
	Size		needed = MemoryContextMemAllocated(h->lines.context, true) + CsItemNeighborsMemory(&owners, options) +
		CsRecommenderMemory(h->nproducts);
	MemoryContext old;
	CsItemNeighbors *fitted;

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, FEWER, "a table of %d products and what stands with them", h->nproducts);
	old = MemoryContextSwitchTo(h->lines.context);
	fitted = CsItemNeighborsFit(&owners, options);
	MemoryContextSwitchTo(old);
	return fitted;
}

static int
CompareIds(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Read the argument "ids". */
static void
ReadIds(Asked *asked, ArrayType *ids)
{
	Datum	   *values;
	bool	   *nulls;

	asked->everybody = ids == NULL;
	if (ids == NULL)
		return;
	deconstruct_array(ids, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &asked->n);
	asked->ids = palloc(sizeof(char *) * Max(asked->n, 1));
	asked->is_found = palloc0(sizeof(bool) * Max(asked->n, 1));
	for (int i = 0; i < asked->n; i++)
	{
		if (nulls[i])
			CsRejectValue("\"ids\" must not hold NULL", "Give ids of customers as score() shows them.");
		asked->ids[i] = TextDatumGetCString(values[i]);
	}
	qsort(asked->ids, asked->n, sizeof(char *), CompareIds);
}

/* Is a customer asked about? */
static bool
IsAsked(const Asked *asked, const char *id)
{
	return asked->everybody || bsearch(&id, asked->ids, asked->n, sizeof(char *), CompareIds) != NULL;
}

/* An error for an id that no customer has. */
static void
CheckIds(Advice *a)
{
	const CsHistories *h = &a->histories;
	int64		at = 0;

	/* both come by their bytes */
	for (int i = 0; i < a->asked.n; i++)
	{
		while (at < h->n && strcmp(h->id[at], a->asked.ids[i]) < 0)
			at++;
		if (at == h->n || strcmp(h->id[at], a->asked.ids[i]) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("there is no customer %s", a->asked.ids[i]),
					 errhint("Give ids of the customers of \"source\", or of the rows that the model was trained on, as score() shows them.")));
	}
}

/* The sentence that says why a product is recommended. */
static char *
ReasonOf(const Advice *a, const CsRecommendation *r, double share)
{
	switch (r->basis)
	{
		case CS_BASIS_SIMILAR:
			return psprintf("customers of the segment who have bought \"%s\" buy it, too", CsWordsText(a->histories.texts[r->because]));
		case CS_BASIS_POPULAR:
			return psprintf("%s of the segment's buyers have bought it", CsWordsPercent(share));
		default:
			return psprintf("%s of all buyers have bought it, and the segment has nothing else to offer",
							CsWordsPercent((double) a->all->owners[r->item] / (double) a->n_buyers));
	}
}

/* Put the rows of a customer of a segment with so many buyers. */
static void
Advise(Advice *a, int segment, int64 customer, const CsItemNeighbors *group, int64 n_buyers)
{
	const CsHistories *h = &a->histories;
	const CsScorerSegment *s = &CsScorerSegments(h->scorer)[segment];
	int			n = CsRecommend(a->recommender, group, a->all, h->products + h->start[customer], h->length[customer], a->n, a->best);

	for (int i = 0; i < n; i++)
	{
		const CsRecommendation *r = &a->best[i];
		double		share = n_buyers > 0 ? (double) group->owners[r->item] / (double) n_buyers : NAN;
		char	   *reason = ReasonOf(a, r, share);

		CsResultPut(a->result,
					CsValues(CsValueText(h->id[customer]), CsValueInt4(s->segment), CsValueText(CsScorerAt(h->scorer, char, s->name)),
							 CsValueInt4(i + 1), CsValueText(h->texts[r->item]), CsValueText(basisNames[r->basis]),
							 CsValueFloat8(r->basis == CS_BASIS_SIMILAR ? r->score : NAN),
							 CsValueText(r->because < 0 ? NULL : h->texts[r->because]), CsValueFloat8(share), CsValueText(reason)));
		pfree(reason);
	}
}

/* Put the rows of the customers of a segment who are asked about. */
static void
AdviseSegment(Advice *a, int segment)
{
	CsHistories *h = &a->histories;
	CsItemNeighbors *group = NULL;
	int64		n,
				n_buyers = 0;
	int64	   *customers = CsHistoriesOfSegment(h, segment, &n);

	for (int64 i = 0; i < n; i++)
		n_buyers += h->length[customers[i]] > 0;
	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!IsAsked(&a->asked, h->id[customers[i]]))
			continue;
		if (group == NULL)
			group = CsNextFit(h, customers, n, &a->options.neighbors);
		Advise(a, segment, customers[i], group, n_buyers);
	}
	if (group != NULL)
		CsItemNeighborsFree(group);
	pfree(customers);
}

/* Say who is left out. */
static void
Report(const Advice *a)
{
	const CsHistories *h = &a->histories;

	CsProductLinesReport(&h->lines);
	if (h->n_strangers > 0)
		ereport(NOTICE,
				(errmsg("buyers who are not among the customers, and are left out: %lld", (long long) h->n_strangers)));
	if (a->n_unplaced > 0)
		ereport(NOTICE,
				(errmsg("customers in no segment, to whom nothing is recommended: %lld", (long long) a->n_unplaced)));
}

/* next_products(model, orders, customer, product, source, n, ids, options, version): n rows for each customer */
Datum
custseg_next_products(PG_FUNCTION_ARGS)
{
	Advice		a = {.result = CsResultOpen(fcinfo), .histories = {.with_unasked = true, .with_ids = true}};
	CsHistories *h = &a.histories;
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");

	h->scorer = CsCacheGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(h->scorer, CurrentMemoryContext);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, CsNextOptionTable, CS_NEXT_OPTIONS, &a.options);
	a.n = CsNextNumber(fcinfo, ARG_N);
	ReadIds(&a.asked, CsArrayArgument(fcinfo, ARG_IDS));
	CsProductLinesOpen(&h->lines, fcinfo, ARG_ORDERS, ARG_CUSTOMER, ARG_PRODUCT, "customer");
	CsHistoriesRead(h, CsTextArgument(fcinfo, ARG_SOURCE));
	CheckIds(&a);
	for (int64 i = 0; i < h->n; i++)
	{
		a.n_buyers += h->length[i] > 0;
		a.n_unplaced += h->segment[i] == CS_ROSTER_UNPLACED && IsAsked(&a.asked, h->id[i]);
	}
	a.all = CsNextFit(h, NULL, h->n, &(CsNeighborOptions) {0});
	a.recommender = CsRecommenderCreate(h->nproducts);
	a.best = palloc(sizeof(CsRecommendation) * a.n);
	for (int segment = 0; segment < h->scorer->nsegments; segment++)
		AdviseSegment(&a, segment);
	Report(&a);
	MemoryContextDelete(h->lines.context);
	return (Datum) 0;
}
