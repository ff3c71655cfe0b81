/*
 * mining.c
 *	  Reads orders, and finds the sets of products that are frequent in them.
 *
 * Orders are held with the products that are frequent by themselves, for no set with another one is frequent.  As long as
 * there is room, the first reading holds all products; where there is not, it only counts them, and a second reading holds
 * the frequent ones.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "orders/lines.h"
#include "products/mining.h"
#include "utils/memutils.h"

/* The arguments of both functions. */
enum
{
	ARG_ORDERS, ARG_ORDER, ARG_PRODUCT, ARG_OPTIONS
};

static const CsOption miningOptions[CS_RULE_OPTIONS] = {
	{"min_support", CS_OPTION_REAL, offsetof(CsMiningOptions, min_support), 0.01, 0, 1},
	{"max_size", CS_OPTION_INT, offsetof(CsMiningOptions, max_size), CS_MOST_ITEMS, 1, CS_MOST_ITEMS},
	{"customer", CS_OPTION_TEXT, offsetof(CsMiningOptions, customer)},
	{"min_customers", CS_OPTION_INT, offsetof(CsMiningOptions, min_customers), 1, 1, PG_INT32_MAX},
	{"min_confidence", CS_OPTION_REAL, offsetof(CsMiningOptions, min_confidence), 0.1, 0, 1},
	{"min_lift", CS_OPTION_REAL, offsetof(CsMiningOptions, min_lift), 1, 0, INFINITY}
};

/* The room that there is for as much again, or at least for element n; 0: it is there. */
static Size
RoomWanted(Size room, int64 n)
{
	return (Size) n < room ? 0 : Max(Max(2 * room, 1024), (Size) n + 1);
}

/* Does an array fit that grows to so many bytes? */
static bool
Fits(const CsMining *m, Size wanted)
{
	return MemoryContextMemAllocated(m->lines.context, true) + wanted <= CsMemoryLimit() / 2;
}

/* Make room for an order of so many items; false when all products do not fit, which is no error where a second reading helps. */
static bool
MakeRoom(CsMining *m, int32 n)
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
GiveUp(CsMining *m)
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
CountProducts(CsMining *m, const CsProductGroup *group)
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
	CsMining   *m = state;

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
NumberItems(CsMining *m)
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
KeepItems(CsMining *m)
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
		qsort_arg(m->items + first, to - first, sizeof(int32), CsCompareInt32, NULL);
		if (m->customers != NULL)
			m->customers[kept] = m->customers[order];
		m->start[++kept] = to;
	}
	m->n_items = to;
	m->held = kept;
}

/* Say that nothing is frequent, and what would be. */
static void
ReportNothing(const CsMining *m)
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

/* Read the orders, and find the frequent sets. */
void
CsMine(CsMining *m, FunctionCallInfo fcinfo, int noptions)
{
	MemoryContext old;
	Size		taken;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, miningOptions, noptions, &m->options);
	if (m->options.min_support == 0)
		CsRejectValue("\"min_support\" must be above 0", "Give the share of the orders that a set of products must be in, such as 0.01.");
	if (m->options.min_customers > 1 && m->options.customer == NULL)
		CsRejectValue("\"min_customers\" goes with \"customer\"", "Name the column of the customers in the option \"customer\".");
	CsProductLinesOpen(&m->lines, fcinfo, ARG_ORDERS, ARG_ORDER, ARG_PRODUCT, "order");
	if (m->options.customer != NULL && m->options.min_customers > 1)
		m->lines.customer = CsKeyOfRole(m->lines.relation, m->options.customer, "customer");
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
		CsMiningListCustomers(m);
	taken = MemoryContextMemAllocated(m->lines.context, true);
	old = MemoryContextSwitchTo(m->lines.context);
	m->found = CsFrequentItemsets(&(CsBaskets) {m->held, m->start, m->items, m->nitems}, m->least, m->options.max_size,
								  CsMemoryLimit() - Min(taken, CsMemoryLimit()));
	MemoryContextSwitchTo(old);
}
