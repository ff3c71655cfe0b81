/*
 * set_customers.c
 *	  Whose orders those with a set of products are: how many customers stand behind it.
 *
 * Only the orders of a set's rarest item are looked at, each customer counts once, and no more are counted than are asked
 * for.
 */
#include "custseg.h"

#include "math/math.h"
#include "products/mining.h"

/* Number the customers of the orders from 0, and make room to note of each in which count it was met last. */
static void
NumberCustomers(CsMining *m)
{
	Size		size = sizeof(int64) * Max(m->held, 1);
	int64	   *different = CsProductRoom(m->lines.context, NULL, 0, size, "the customers of the orders");
	int64		n = 0;

	memcpy(different, m->customers, sizeof(int64) * m->held);
	qsort_interruptible(different, m->held, sizeof(int64), CsCompareInt64, NULL);
	for (int64 i = 0; i < m->held; i++)
	{
		if (different[i] >= 0 && (n == 0 || different[i] != different[n - 1]))
			different[n++] = different[i];
	}
	for (int64 i = 0; i < m->held; i++)
	{
		CsCheckInterrupts(i);
		if (m->customers[i] >= 0)
			m->customers[i] = (int64 *) bsearch_arg(&m->customers[i], different, n, sizeof(int64), CsCompareInt64, NULL) - different;
	}
	m->met = different;
	for (int64 i = 0; i < n; i++)
		m->met[i] = 0;
}

/* List the orders of each item. */
static void
ListOrders(CsMining *m)
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
HasItems(const CsMining *m, int32 order, const CsItemset *set)
{
	const int32 *items = m->items + m->start[order];
	Size		n = m->start[order + 1] - m->start[order];

	for (int i = 0; i < set->size; i++)
	{
		if (bsearch_arg(&set->items[i], items, n, sizeof(int32), CsCompareInt32, NULL) == NULL)
			return false;
	}
	return true;
}

/* Do the orders of a set belong to as many different customers as are asked for?  No more than those are counted. */
bool
CsMiningHasCustomers(CsMining *m, const CsItemset *set)
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

/* Get ready to count the customers of sets, once the orders hold items. */
void
CsMiningListCustomers(CsMining *m)
{
	NumberCustomers(m);
	ListOrders(m);
}
