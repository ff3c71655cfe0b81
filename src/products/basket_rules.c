/*
 * basket_rules.c
 *	  Which products are bought together: frequent_itemsets() and basket_rules().
 *
 * Orders are held with the products that are frequent by themselves, for no set with another one is frequent.  As long as
 * there is room, the first reading holds all products; where there is not, it only counts them, and a second reading holds
 * the frequent ones.
 *
 * A rule has one product on its right side: from the orders with the left side, the share that has it, too.  All rules
 * come from the sets, whose parts are frequent, too; nothing more is counted (Agrawal and Srikant, Fast Algorithms for
 * Mining Association Rules, 1994).
 */
#include "custseg.h"

#include <math.h>

#include "orders/lines.h"
#include "products/products.h"
#include "stat/itemsets.h"
#include "utils/memutils.h"

/* The arguments of both functions. */
enum
{
	ARG_ORDERS, ARG_ORDER, ARG_PRODUCT, ARG_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_frequent_itemsets);
PG_FUNCTION_INFO_V1(custseg_basket_rules);

typedef struct BasketOptions
{
	double		min_support;
	int			max_size;
	char	   *customer;
	int			min_customers;
	double		min_confidence;
	double		min_lift;
} BasketOptions;

/* The first four are those of frequent_itemsets(). */
static const CsOption basketOptions[] = {
	{"min_support", CS_OPTION_REAL, offsetof(BasketOptions, min_support), 0.01, 0, 1},
	{"max_size", CS_OPTION_INT, offsetof(BasketOptions, max_size), CS_MOST_ITEMS, 1, CS_MOST_ITEMS},
	{"customer", CS_OPTION_TEXT, offsetof(BasketOptions, customer)},
	{"min_customers", CS_OPTION_INT, offsetof(BasketOptions, min_customers), 1, 1, PG_INT32_MAX},
	{"min_confidence", CS_OPTION_REAL, offsetof(BasketOptions, min_confidence), 0.1, 0, 1},
	{"min_lift", CS_OPTION_REAL, offsetof(BasketOptions, min_lift), 1, 0, INFINITY}
};

#define SET_OPTIONS 4

/* Orders as they are read, and what is found in them. */
typedef struct Mining
{
	BasketOptions options;
	CsProductLines lines;
	bool		is_full;		/* there was no room for all products: they are only counted */
	bool		only_frequent;	/* what is read is of items already */

	int64		n;				/* orders */
	int64		least;			/* orders of what is frequent */
	int64	   *start;			/* of each order that is held, and where the last one ends */
	int64		held;
	Size		start_room;
	int32	   *items;			/* products by number, then items */
	int64		n_items;
	Size		items_room;
	int64	   *customers;		/* of each order that is held, -1 for none; NULL unless they are counted */
	Size		customers_room;
	int64	   *counts;			/* orders of each product */
	Size		counts_room;
	int32	   *item_of;		/* of each product; -1: it is not frequent */
	int32	   *product_of;		/* of each item */
	int32		nitems;
	int32	   *ranks;			/* of each product, by its text */
	CsItemsets	found;

	/* to count customers: the orders of each item, and in which count a customer was met last */
	int64	   *first_order;	/* of each item, and where those of the last one end */
	int32	   *orders;
	int64	   *met;
	int64		counts_made;
} Mining;

/* A rule: which product of a set stands on the right, and its measures. */
typedef struct Rule
{
	int64		set;
	int32		consequent;		/* position in the set */
	int32		n_antecedent,	/* orders */
				n_consequent;
	double		lift;
} Rule;

/* The room that there is for as much again, or at least for element n; 0: it is there. */
static Size
RoomWanted(Size room, int64 n)
{
	return (Size) n < room ? 0 : Max(Max(2 * room, 1024), (Size) n + 1);
}

/* Does an array fit that grows to so many bytes? */
static bool
Fits(const Mining *m, Size wanted)
{
	return MemoryContextMemAllocated(m->lines.context, true) + wanted <= CsMemoryLimit() / 2;
}

/* Make room for an order of so many items; false when all products do not fit, which is no error where a second reading helps. */
static bool
MakeRoom(Mining *m, int32 n)
{
	Size		starts = RoomWanted(m->start_room, m->held + 1),
				items = RoomWanted(m->items_room, m->n_items + n),
				customers = m->lines.customer == NULL ? 0 : RoomWanted(m->customers_room, m->held);

	if (!m->only_frequent && !Fits(m, (starts + customers) * sizeof(int64) + items * sizeof(int32)))
		return false;
	if (m->held == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d orders with frequent products", PG_INT32_MAX),
				 errhint("Give a sample of the orders in a query as the source.")));
	if (starts > 0)
	{
		m->start = CsProductRoom(m->lines.context, m->start, m->start_room * sizeof(int64), starts * sizeof(int64),
								 "a table of the orders with frequent products");
		m->start_room = starts;
	}
	if (customers > 0)
	{
		m->customers = CsProductRoom(m->lines.context, m->customers, m->customers_room * sizeof(int64),
									 customers * sizeof(int64), "a table of the orders with frequent products");
		m->customers_room = customers;
	}
	if (items > 0)
	{
		m->items = CsProductRoom(m->lines.context, m->items, m->items_room * sizeof(int32), items * sizeof(int32),
								 "a table of the orders with frequent products");
		m->items_room = items;
	}
	return true;
}

/* Let all orders go; products are only counted. */
static void
GiveUp(Mining *m)
{
	m->is_full = true;
	if (m->start != NULL)
		pfree(m->start);
	if (m->items != NULL)
		pfree(m->items);
	if (m->customers != NULL)
		pfree(m->customers);
	m->start = NULL;
	m->items = NULL;
	m->customers = NULL;
	m->held = m->n_items = 0;
	m->start_room = m->items_room = m->customers_room = 0;
}

/* Count the products of an order. */
static void
CountProducts(Mining *m, const CsProductGroup *group)
{
	m->n++;
	for (int32 i = 0; i < group->n; i++)
	{
		int32		product = group->products[i];
		Size		wanted = RoomWanted(m->counts_room, product);

		if (wanted > 0)
		{
			m->counts = CsProductRoom(m->lines.context, m->counts, m->counts_room * sizeof(int64), wanted * sizeof(int64),
									  "the counts of the products");
			m->counts_room = wanted;
		}
		m->counts[product]++;
	}
}

/* CsProductGroupVisitor: an order. */
static void
TakeOrder(void *state, const CsProductGroup *group)
{
	Mining	   *m = state;

	if (!m->only_frequent)
		CountProducts(m, group);
	if (m->is_full && !m->only_frequent)
		return;
	if (!MakeRoom(m, group->n))
	{
		GiveUp(m);
		return;
	}
	for (int32 i = 0; i < group->n; i++)
	{
		int32		product = group->products[i];

		if (!m->only_frequent)
			m->items[m->n_items++] = product;
		/* a source that says something else when it is read again may have more products */
		else if (product < (int32) m->counts_room && m->item_of[product] >= 0)
			m->items[m->n_items++] = m->item_of[product];
	}
	if (m->customers != NULL)
		m->customers[m->held] = group->customer;
	m->start[++m->held] = m->n_items;
}

/* The fewest orders that are such a share of all. */
static int64
LeastOf(double share, int64 n)
{
	int64		least = (int64) ceil(share * (double) n);

	/* the share of so many is compared, and not its product, which is rounded */
	while (least > 1 && (double) (least - 1) / (double) n >= share)
		least--;
	while ((double) least / (double) n < share)
		least++;
	return Max(least, 1);
}

typedef struct Frequency
{
	const int64 *counts;
	const int32 *ranks;
} Frequency;

/* Order of two products: the rare one first, then by text. */
static int
CompareFrequency(const void *a, const void *b, void *arg)
{
	const Frequency *f = arg;
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	if (f->counts[x] != f->counts[y])
		return f->counts[x] < f->counts[y] ? -1 : 1;
	return f->ranks[x] - f->ranks[y];
}

/* Number the products that are frequent as items, rare ones first. */
static void
NumberItems(Mining *m)
{
	int32		nproducts = (int32) m->counts_room;
	Frequency	f = {m->counts};

	m->ranks = CsProductRanks(m->lines.products);
	f.ranks = m->ranks;
	m->item_of = CsProductRoom(m->lines.context, NULL, 0, sizeof(int32) * nproducts, "the counts of the products");
	m->product_of = CsProductRoom(m->lines.context, NULL, 0, sizeof(int32) * nproducts, "the counts of the products");
	for (int32 product = 0; product < nproducts; product++)
	{
		m->item_of[product] = -1;
		if (m->counts[product] >= m->least)
			m->product_of[m->nitems++] = product;
	}
	qsort_interruptible(m->product_of, m->nitems, sizeof(int32), CompareFrequency, &f);
	for (int32 item = 0; item < m->nitems; item++)
		m->item_of[m->product_of[item]] = item;
}

/* Make of the products of the orders items, ascending; what is not frequent goes, and so do orders without any. */
static void
KeepItems(Mining *m)
{
	int64		from = 0,
				to = 0,
				kept = 0;

	for (int64 order = 0; order < m->held; order++)
	{
		int64		first = to,
					end = m->start[order + 1];

		CsCheckInterrupts(order);
		for (; from < end; from++)
		{
			int32		item = m->only_frequent ? m->items[from] : m->item_of[m->items[from]];

			if (item >= 0)
				m->items[to++] = item;
		}
		if (to == first)
			continue;
		qsort(m->items + first, to - first, sizeof(int32), CsProductCompare);
		if (m->customers != NULL)
			m->customers[kept] = m->customers[order];
		m->start[++kept] = to;
	}
	m->n_items = to;
	m->held = kept;
}

/* Say that nothing is frequent, and what would be. */
static void
ReportNothing(const Mining *m)
{
	int32		most = -1;

	if (m->n == 0)
	{
		ereport(NOTICE, (errmsg("no line has an order and a product")));
		return;
	}
	for (int32 product = 0; product < CsProductCount(m->lines.products); product++)
	{
		if (most < 0 || m->counts[product] > m->counts[most] ||
			(m->counts[product] == m->counts[most] && m->ranks[product] < m->ranks[most]))
			most = product;
	}
	ereport(NOTICE,
			(errmsg("none of %s is in %s of the orders",
					CsWordsCount(CsProductCount(m->lines.products), "product", "products"), CsWordsPercent(m->options.min_support)),
			 errdetail("The most frequent one, \"%s\", is in %lld of %s, %s.",
					   CsWordsText(CsProductText(m->lines.products, most)), (long long) m->counts[most],
					   CsWordsCount(m->n, "order", "orders"), CsWordsPercent((double) m->counts[most] / (double) m->n)),
			 errhint("Lower \"min_support\", or give groups of products in place of products.")));
}

/* Order of two numbers. */
static int
CompareNumbers(const void *a, const void *b, void *arg)
{
	int64		x = *(const int64 *) a,
				y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Number the customers of the orders from 0, and make room to note of each in which count it was met last. */
static void
NumberCustomers(Mining *m)
{
	Size		size = sizeof(int64) * Max(m->held, 1);
	int64	   *different = CsProductRoom(m->lines.context, NULL, 0, size, "the customers of the orders");
	int64		n = 0;

	memcpy(different, m->customers, sizeof(int64) * m->held);
	qsort_interruptible(different, m->held, sizeof(int64), CompareNumbers, NULL);
	for (int64 i = 0; i < m->held; i++)
	{
		if (different[i] >= 0 && (n == 0 || different[i] != different[n - 1]))
			different[n++] = different[i];
	}
	for (int64 i = 0; i < m->held; i++)
	{
		CsCheckInterrupts(i);
		if (m->customers[i] >= 0)
			m->customers[i] = (int64 *) bsearch_arg(&m->customers[i], different, n, sizeof(int64), CompareNumbers, NULL) - different;
	}
	m->met = different;
	for (int64 i = 0; i < n; i++)
		m->met[i] = 0;
}

/* List the orders of each item. */
static void
ListOrders(Mining *m)
{
	int64	   *next;

	m->first_order = CsProductRoom(m->lines.context, NULL, 0, sizeof(int64) * (m->nitems + 2), "the orders of the products");
	m->orders = CsProductRoom(m->lines.context, NULL, 0, sizeof(int32) * Max(m->n_items, 1), "the orders of the products");
	next = m->first_order + 1;
	for (int64 i = 0; i < m->n_items; i++)
		next[m->items[i] + 1]++;
	for (int32 item = 0; item < m->nitems; item++)
		next[item + 1] += next[item];
	/* each start moves to the next item's */
	for (int64 order = 0; order < m->held; order++)
	{
		CsCheckInterrupts(order);
		for (int64 i = m->start[order]; i < m->start[order + 1]; i++)
			m->orders[next[m->items[i]]++] = (int32) order;
	}
}

/* Does an order have all items of a set? */
static bool
HasItems(const Mining *m, int32 order, const CsItemset *set)
{
	const int32 *items = m->items + m->start[order];
	Size		n = m->start[order + 1] - m->start[order];

	for (int i = 0; i < set->size; i++)
	{
		if (bsearch(&set->items[i], items, n, sizeof(int32), CsProductCompare) == NULL)
			return false;
	}
	return true;
}

/* Do the orders of a set belong to as many different customers as are asked for?  No more than those are counted. */
static bool
HasCustomers(Mining *m, const CsItemset *set)
{
	int32		rarest = set->items[0];
	int			n = 0;

	if (m->customers == NULL)
		return true;
	m->counts_made++;
	for (int i = 1; i < set->size; i++)
		rarest = Min(rarest, set->items[i]);
	for (int64 i = m->first_order[rarest]; i < m->first_order[rarest + 1] && n < m->options.min_customers; i++)
	{
		int64		customer = m->customers[m->orders[i]];

		CsCheckInterrupts(i);
		if (customer < 0 || m->met[customer] == m->counts_made || !HasItems(m, m->orders[i], set))
			continue;
		m->met[customer] = m->counts_made;
		n++;
	}
	return n >= m->options.min_customers;
}

/* Read the orders, and find the frequent sets. */
static void
Mine(Mining *m, FunctionCallInfo fcinfo, int noptions)
{
	MemoryContext old;
	Size		taken;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, basketOptions, noptions, &m->options);
	if (m->options.min_support == 0)
		CsRejectValue("\"min_support\" must be above 0", "Give the share of the orders that a set of products must be in, such as 0.01.");
	if (m->options.min_customers > 1 && m->options.customer == NULL)
		CsRejectValue("\"min_customers\" goes with \"customer\"", "Name the column of the customers in the option \"customer\".");
	CsProductLinesOpen(&m->lines, fcinfo, ARG_ORDERS, ARG_ORDER, ARG_PRODUCT, "order");
	if (m->options.customer != NULL && m->options.min_customers > 1)
		m->lines.customer = CsOrdersColumn(m->lines.relation, m->options.customer, "customer", CS_PRODUCT_KINDS);
	CsProductLinesRead(&m->lines, TakeOrder, m);
	CsProductLinesReport(&m->lines);
	m->least = LeastOf(m->options.min_support, Max(m->n, 1));
	NumberItems(m);
	if (m->is_full && m->nitems > 0)
	{
		m->only_frequent = true;
		CsProductLinesRead(&m->lines, TakeOrder, m);
	}
	KeepItems(m);
	if (m->nitems == 0)
	{
		ReportNothing(m);
		return;
	}
	if (m->customers != NULL)
	{
		NumberCustomers(m);
		ListOrders(m);
	}
	taken = MemoryContextMemAllocated(m->lines.context, true);
	old = MemoryContextSwitchTo(m->lines.context);
	m->found = CsFrequentItemsets(&(CsBaskets) {m->held, m->start, m->items, m->nitems}, m->least, m->options.max_size,
								  CsMemoryLimit() - Min(taken, CsMemoryLimit()));
	MemoryContextSwitchTo(old);
}

/* Products of a set in the order of their texts but for that in one position, -1 for none; OUT their numbers.  Returns how many. */
static int
ProductsOf(const Mining *m, const CsItemset *set, int without, int32 *products)
{
	int			n = 0;

	for (int i = 0; i < set->size; i++)
	{
		int32		product = m->product_of[set->items[i]];
		int			at;

		if (i == without)
			continue;
		for (at = n++; at > 0 && m->ranks[products[at - 1]] > m->ranks[product]; at--)
			products[at] = products[at - 1];
		products[at] = product;
	}
	return n;
}

/* The texts of products as an array. */
static CsValue
TextsOf(const Mining *m, const int32 *products, int n)
{
	const char *texts[CS_MOST_ITEMS];

	for (int i = 0; i < n; i++)
		texts[i] = CsProductText(m->lines.products, products[i]);
	return CsValueTexts(texts, n);
}

/* Order of two lists of products by their texts; a shorter one comes first. */
static int
CompareProducts(const Mining *m, const int32 *a, int na, const int32 *b, int nb)
{
	if (na != nb)
		return na - nb;
	for (int i = 0; i < na; i++)
	{
		if (a[i] != b[i])
			return m->ranks[a[i]] - m->ranks[b[i]];
	}
	return 0;
}

/* Order of two frequent sets: small ones first, then the most frequent, then by text. */
static int
CompareSets(const void *a, const void *b, void *arg)
{
	const Mining *m = arg;
	const CsItemset *x = &m->found.sets[*(const int64 *) a],
			   *y = &m->found.sets[*(const int64 *) b];
	int32		px[CS_MOST_ITEMS],
				py[CS_MOST_ITEMS];

	if (x->size != y->size)
		return x->size - y->size;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return CompareProducts(m, px, ProductsOf(m, x, -1, px), py, ProductsOf(m, y, -1, py));
}

/* frequent_itemsets(orders, order, product, options): a row for each set */
Datum
custseg_frequent_itemsets(PG_FUNCTION_ARGS)
{
	Mining		m = {0};
	CsResult   *result = CsResultOpen(fcinfo);
	int64	   *sorted;

	Mine(&m, fcinfo, SET_OPTIONS);
	sorted = CsProductRoom(m.lines.context, NULL, 0, sizeof(int64) * Max(m.found.n, 1), "the order of the frequent sets");
	for (int64 i = 0; i < m.found.n; i++)
		sorted[i] = i;
	qsort_interruptible(sorted, m.found.n, sizeof(int64), CompareSets, &m);
	for (int64 i = 0; i < m.found.n; i++)
	{
		const CsItemset *set = &m.found.sets[sorted[i]];
		int32		products[CS_MOST_ITEMS];

		CsCheckInterrupts(i);
		if (!HasCustomers(&m, set))
			continue;
		(void) ProductsOf(&m, set, -1, products);
		CsResultPut(result,
					CsValues(TextsOf(&m, products, set->size), CsValueInt4(set->size), CsValueInt8(set->n),
							 CsValueFloat8((double) set->n / (double) m.n)));
	}
	MemoryContextDelete(m.lines.context);
	return (Datum) 0;
}

/* The orders of a set without the item in a position, or of that item alone. */
static int32
OrdersOfPart(const Mining *m, const CsItemset *set, int position, bool alone)
{
	CsItemset	part = {.size = 0};

	for (int i = 0; i < set->size; i++)
	{
		if ((i == position) == alone)
			part.items[part.size++] = set->items[i];
	}
	return CsItemsetFind(&m->found, &part)->n;
}

/* The confidence of a rule. */
static double
ConfidenceOf(const Mining *m, const Rule *rule)
{
	return (double) m->found.sets[rule->set].n / (double) rule->n_antecedent;
}

/* OUT the rules, palloc'd, that are confident enough; and the highest confidence of all, and the highest lift.  Returns how many. */
static int64
MakeRules(const Mining *m, Rule **rules, double *confidence, double *lift)
{
	int64		most = 0,
				n = 0;

	*confidence = *lift = 0;
	for (int64 i = 0; i < m->found.n; i++)
		most += m->found.sets[i].size > 1 ? m->found.sets[i].size : 0;
	*rules = CsProductRoom(m->lines.context, NULL, 0, sizeof(Rule) * Max(most, 1), "a table of the rules");
	for (int64 i = 0; i < m->found.n; i++)
	{
		const CsItemset *set = &m->found.sets[i];

		CsCheckInterrupts(i);
		for (int at = 0; at < set->size && set->size > 1; at++)
		{
			Rule		rule = {i, at, OrdersOfPart(m, set, at, false), OrdersOfPart(m, set, at, true)};

			rule.lift = (double) set->n * (double) m->n / ((double) rule.n_antecedent * (double) rule.n_consequent);
			*confidence = Max(*confidence, ConfidenceOf(m, &rule));
			*lift = Max(*lift, rule.lift);
			if (ConfidenceOf(m, &rule) >= m->options.min_confidence && rule.lift >= m->options.min_lift)
				(*rules)[n++] = rule;
		}
	}
	return n;
}

/* Order of two rules: the highest lift first, then the most orders, then by text. */
static int
CompareRules(const void *a, const void *b, void *arg)
{
	const Mining *m = arg;
	const Rule *x = a,
			   *y = b;
	const CsItemset *sx = &m->found.sets[x->set],
			   *sy = &m->found.sets[y->set];
	int32		px[CS_MOST_ITEMS],
				py[CS_MOST_ITEMS];
	int			order;

	if (x->lift != y->lift)
		return x->lift > y->lift ? -1 : 1;
	if (sx->n != sy->n)
		return sx->n > sy->n ? -1 : 1;
	order = CompareProducts(m, px, ProductsOf(m, sx, x->consequent, px), py, ProductsOf(m, sy, y->consequent, py));
	return order != 0 ? order :
		m->ranks[m->product_of[sx->items[x->consequent]]] - m->ranks[m->product_of[sy->items[y->consequent]]];
}

/* Say that there is no rule, and what there is. */
static void
ReportNoRule(const Mining *m, double confidence, double lift)
{
	const CsItemset *pair = &m->found.best_pair;

	if (confidence > 0)
		ereport(NOTICE,
				(errmsg("no rule has a confidence of %s and a lift of %s", CsWordsNumber(m->options.min_confidence),
						CsWordsNumber(m->options.min_lift)),
				 errdetail("The highest confidence is %s, the highest lift %s.", CsWordsNumber(confidence), CsWordsNumber(lift)),
				 errhint("Lower \"min_confidence\" or \"min_lift\".")));
	else if (m->options.max_size == 1)
		ereport(NOTICE,
				(errmsg("there are no rules of single products"),
				 errhint("Give a \"max_size\" of 2 to %d.", CS_MOST_ITEMS)));
	else if (pair->size == 0)
		ereport(NOTICE,
				(errmsg("no two of %s are in one order",
						CsWordsCount(m->nitems, "frequent product", "frequent products"))));
	else
		ereport(NOTICE,
				(errmsg("no two products are together in %s of the orders", CsWordsPercent(m->options.min_support)),
				 errdetail("Of %s, \"%s\" and \"%s\" are together most often, in %lld of %s.",
						   CsWordsCount(m->nitems, "frequent product", "frequent products"),
						   CsWordsText(CsProductText(m->lines.products, m->product_of[pair->items[0]])),
						   CsWordsText(CsProductText(m->lines.products, m->product_of[pair->items[1]])),
						   (long long) pair->n, CsWordsCount(m->n, "order", "orders")),
				 errhint("Lower \"min_support\".")));
}

/* Put the row of a rule. */
static void
PutRule(const Mining *m, CsResult *result, const Rule *rule)
{
	const CsItemset *set = &m->found.sets[rule->set];
	double		n = (double) m->n,
				confidence = ConfidenceOf(m, rule),
				expected = (double) rule->n_antecedent / n * ((double) rule->n_consequent / n);
	int32		products[CS_MOST_ITEMS];
	int			size = ProductsOf(m, set, rule->consequent, products);

	CsResultPut(result,
				CsValues(TextsOf(m, products, size),
						 CsValueText(CsProductText(m->lines.products, m->product_of[set->items[rule->consequent]])),
						 CsValueInt4(set->size), CsValueInt8(set->n), CsValueInt8(rule->n_antecedent), CsValueInt8(rule->n_consequent),
						 CsValueFloat8((double) set->n / n), CsValueFloat8(confidence), CsValueFloat8(rule->lift),
						 CsValueFloat8((double) set->n / n - expected),
						 /* of all orders with the left side none is without the right side */
						 CsValueFloat8(set->n == rule->n_antecedent ? INFINITY :
									   (n - (double) rule->n_consequent) / n / (1 - confidence))));
}

/* basket_rules(orders, order, product, options): a row for each rule */
Datum
custseg_basket_rules(PG_FUNCTION_ARGS)
{
	Mining		m = {0};
	CsResult   *result = CsResultOpen(fcinfo);
	Rule	   *rules;
	double		confidence,
				lift;
	int64		n;

	Mine(&m, fcinfo, lengthof(basketOptions));
	n = MakeRules(&m, &rules, &confidence, &lift);
	if (n == 0 && m.nitems > 0)
		ReportNoRule(&m, confidence, lift);
	qsort_interruptible(rules, n, sizeof(Rule), CompareRules, &m);
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (HasCustomers(&m, &m.found.sets[rules[i].set]))
			PutRule(&m, result, &rules[i]);
	}
	MemoryContextDelete(m.lines.context);
	return (Datum) 0;
}
