/*
 * histories.c
 *	  Customers in the order of their ids, each with a segment and the products that were bought, in memory.
 *
 * Products are numbered by the bytes of their texts once all are read, so that what follows from the numbers does not
 * depend on the order of lines.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "products/products.h"
#include "utils/memutils.h"

#define FIRST_CUSTOMERS 1024

/* What does not fit, in the words of an error. */
#define WHAT "a table of the customers and their products"

/* An array, moved to room for so many elements of a size. */
#define GROW(h, field, room, wanted) \
	(h)->field = CsProductRoom((h)->lines.context, (h)->field, sizeof(*(h)->field) * (room), sizeof(*(h)->field) * (wanted), WHAT)

/* Make room for one more customer with so many products. */
static void
MakeRoom(CsHistories *h, int32 nproducts)
{
	if (h->n == h->room)
	{
		int64		wanted = Max(2 * h->room, FIRST_CUSTOMERS);

		GROW(h, start, h->room, wanted);
		GROW(h, length, h->room, wanted);
		GROW(h, before, h->room, wanted);
		GROW(h, segment, h->room, wanted);
		if (h->with_ids)
			GROW(h, id, h->room, wanted);
		h->room = wanted;
	}
	if (h->n_products + nproducts > h->products_room)
	{
		int64		wanted = Max(2 * h->products_room, h->n_products + Max(nproducts, FIRST_CUSTOMERS));

		GROW(h, products, h->products_room, wanted);
		h->products_room = wanted;
	}
}

/* Add a customer. */
static void
AddCustomer(CsHistories *h, const char *id, int segment, const CsProductGroup *group)
{
	MakeRoom(h, group->n);
	h->start[h->n] = h->n_products;
	h->length[h->n] = group->n;
	h->before[h->n] = group->n_before;
	h->segment[h->n] = segment;
	if (h->with_ids)
		h->id[h->n] = MemoryContextStrdup(h->lines.context, id);
	if (group->n > 0)
		memcpy(h->products + h->n_products, group->products, sizeof(int32) * group->n);
	h->n_products += group->n;
	h->n++;
}

/* CsProductGroupVisitor: a customer who has bought something. */
static void
TakeCustomer(void *state, const CsProductGroup *group)
{
	CsHistories *h = state;
	int			segment = CsRosterFind(h->roster, group->text);

	if (segment == CS_ROSTER_UNKNOWN)
		h->n_strangers++;
	else
		AddCustomer(h, group->text, segment, group);
}

/* CsRosterVisitor: a customer who has bought nothing. */
static void
TakeUnasked(void *state, const char *customer, int segment)
{
	CsProductGroup nothing = {.text = customer};

	AddCustomer(state, customer, segment, &nothing);
}

/* Number the products by their texts, and sort each customer's: those of before the last order, and then those it brings. */
static void
NumberProducts(CsHistories *h)
{
	const CsProductNumbers *numbers = h->lines.products;
	int32	   *ranks = CsProductRanks(h->lines.products);

	h->nproducts = CsProductCount(numbers);
	h->texts = CsProductRoom(h->lines.context, NULL, 0, sizeof(char *) * Max(h->nproducts, 1), WHAT);
	for (int32 i = 0; i < h->nproducts; i++)
		h->texts[ranks[i]] = CsProductText(numbers, i);
	for (int64 i = 0; i < h->n_products; i++)
		h->products[i] = ranks[h->products[i]];
	for (int64 i = 0; i < h->n; i++)
	{
		int32	   *products = h->products + h->start[i];

		CsCheckInterrupts(i);
		qsort_arg(products, h->before[i], sizeof(int32), CsCompareInt32, NULL);
		qsort_arg(products + h->before[i], h->length[i] - h->before[i], sizeof(int32), CsCompareInt32, NULL);
	}
	pfree(ranks);
}

/*
 * Place the customers of a source, with NULL of the one that the version keeps, and read what each has bought.  The caller
 * has filled in the lines and the scorer, which is pinned, and whether customers without a line and ids are wanted.
 */
void
CsHistoriesRead(CsHistories *h, const char *source)
{
	h->lines.by_text = true;
	h->roster = CsRosterOpen(h->scorer, source, false);
	if (h->with_unasked)
		CsRosterTell(h->roster, TakeUnasked, h);
	CsProductLinesRead(&h->lines, TakeCustomer, h);
	(void) CsRosterClose(h->roster);
	NumberProducts(h);
}

/* The customers of a segment by its index; palloc'd in the histories' context.  OUT how many. */
int64 *
CsHistoriesOfSegment(const CsHistories *h, int segment, int64 *n)
{
	int64	   *customers,
				count = 0;

	for (int64 i = 0; i < h->n; i++)
		count += h->segment[i] == segment;
	customers = CsProductRoom(h->lines.context, NULL, 0, sizeof(int64) * Max(count, 1), WHAT);
	*n = 0;
	for (int64 i = 0; i < h->n; i++)
	{
		CsCheckInterrupts(i);
		if (h->segment[i] == segment)
			customers[(*n)++] = i;
	}
	return customers;
}
