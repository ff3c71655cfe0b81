/*
 * gather.c
 *	  Lines of orders, summed up in the order in which they come: hash tables of the customers and of
 *	  their orders.
 *
 * A line costs two look-ups, where a sort moves it several times.  What is held is a customer's sum and
 * an order's time, not the lines; when even that passes maintenance_work_mem, all is let go and lines.c
 * has PostgreSQL sort.  Lines of one order tend to stand together, so the order of the line before is
 * tried first.
 *
 * Customers are visited sorted by the type's own order, text by its bytes, as lines.c does it.
 */
#include "custseg.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "orders/lines.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define NONE PG_UINT32_MAX
#define FIRST_CAPACITY 256

/* What is numbered, a customer or an order of a customer's: a part of what is held of it. */
typedef struct Key
{
	Datum		value;
	uint32		customer;		/* whose order it is; NONE for customers */
} Key;

/* An entry of the hash table: the number of a key.  It is small, for its cache line is what a look-up waits for. */
typedef struct NumberEntry
{
	uint32		number;
	uint32		hash:31,
				status:1;
} NumberEntry;

#define HASH_BITS ((uint32) PG_INT32_MAX)

/* Keys, numbered in order of first appearance. */
typedef struct KeySet
{
	struct number_hash *table;
	char	   *held;			/* by number */
	Size		size;			/* of each, */
	Size		key;			/* and where its Key is */
	uint32		n,
				capacity;
	Key			sought;			/* what the table compares with */

	/* how values of the type are hashed, compared, and copied */
	FmgrInfo	hash;
	FmgrInfo	equal;
	FmgrInfo	compare;
	Oid			collation;
	bool		by_value;
	int16		length;
} KeySet;

static inline bool IsSought(KeySet *set, uint32 number);

#define SH_PREFIX number
#define SH_ELEMENT_TYPE NumberEntry
#define SH_KEY_TYPE uint32
#define SH_KEY number
#define SH_HASH_KEY(tb, key) ((void) (key), (uint32) 0) /* not called: the hash is given */
#define SH_EQUAL(tb, a, b) IsSought((KeySet *) (tb)->private_data, a)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What is held of a customer and of an order. */
typedef struct Customer
{
	CsSpending	spending;
	uint32		first_order;	/* NONE: there is none */
	Key			key;
} Customer;

typedef struct Order
{
	Timestamp	time;			/* CS_NO_TIME before its first purchase */
	uint32		next;			/* of the customer's, or NONE */
	Key			key;			/* not held where orders are single lines */
} Order;

/* A line that counts, on its way to its customer. */
typedef struct Arrival
{
	bool		waits;
	bool		shared;			/* it has an order */
	uint32		hash;			/* of the customer */
	Datum		customer;
	Datum		order;
	CsLine		line;
} Arrival;

typedef struct Gathering
{
	CsLineReader *reader;
	MemoryContext context;		/* all that is held */
	Size		limit;			/* of it */
	bool		given_up;		/* it did not fit: the context is empty */
	KeySet		customers;
	KeySet		orders;
	uint32		last_order;		/* that of the line before, or NONE */
	Arrival		arrival;		/* a line that waits for its place in the hash table */
} Gathering;

/* What is held under a number, and its key. */
static inline void *
HeldAt(const KeySet *set, uint32 number)
{
	return set->held + number * set->size;
}

static inline Key *
KeyAt(const KeySet *set, uint32 number)
{
	return (Key *) (set->held + number * set->size + set->key);
}

static inline Customer *
CustomerAt(const Gathering *g, uint32 number)
{
	return HeldAt(&g->customers, number);
}

static inline Order *
OrderAt(const Gathering *g, uint32 number)
{
	return HeldAt(&g->orders, number);
}

/* Is the key of that number the one that is looked up?  The type need not be asked about the same bits. */
static inline bool
IsSought(KeySet *set, uint32 number)
{
	const Key  *key = KeyAt(set, number);

	return key->customer == set->sought.customer &&
		(key->value == set->sought.value || DatumGetBool(FunctionCall2Coll(&set->equal, set->collation, key->value, set->sought.value)));
}

/*
 * Prepare to number values of a column, and to hold so many bytes of each with the key there; false when they
 * cannot be hashed.
 */
static bool
OpenKeySet(KeySet *set, const CsColumn *column, Size size, Size key, MemoryContext context)
{
	TypeCacheEntry *type = lookup_type_cache(column->type, TYPECACHE_HASH_PROC_FINFO |
											 TYPECACHE_EQ_OPR_FINFO | TYPECACHE_CMP_PROC_FINFO);

	if (!OidIsValid(type->hash_proc_finfo.fn_oid) || !OidIsValid(type->eq_opr_finfo.fn_oid) ||
		!OidIsValid(type->cmp_proc_finfo.fn_oid))
		return false;
	fmgr_info_copy(&set->hash, &type->hash_proc_finfo, CurrentMemoryContext);
	fmgr_info_copy(&set->equal, &type->eq_opr_finfo, CurrentMemoryContext);
	fmgr_info_copy(&set->compare, &type->cmp_proc_finfo, CurrentMemoryContext);
	set->collation = CsKeyCollation(column);
	set->by_value = type->typbyval;
	set->length = type->typlen;
	set->capacity = FIRST_CAPACITY;
	set->size = size;
	set->key = key;
	set->held = MemoryContextAlloc(context, size * set->capacity);
	set->table = number_create(context, FIRST_CAPACITY, set);
	return true;
}

/*
 * Is there room for one more key?  Grows what has to; false when that would pass the limit.  The old table
 * is still there while a new one of twice its size is filled.
 */
static bool
MakeRoom(Gathering *g, KeySet *set)
{
	bool		full = set->n == set->capacity;
	Size		more = full ? set->size * set->capacity : 0;

	if (set->table->members >= set->table->grow_threshold)
		more += 2 * set->table->size * sizeof(NumberEntry);
	/* numbers have 32 bits, and so has what is twice as much */
	if (full && set->capacity > NONE / 2)
		return false;
	if (more == 0 && set->by_value)
		return true;
	if (MemoryContextMemAllocated(g->context, false) + more > g->limit)
		return false;
	if (full)
	{
		set->capacity *= 2;
		set->held = repalloc_huge(set->held, set->size * set->capacity);
	}
	return true;
}

/* Let all go: it does not fit. */
static void
GiveUp(Gathering *g)
{
	g->given_up = true;
	MemoryContextReset(g->context);
}

/* The hash of a key. */
static uint32
HashOfKey(KeySet *set, Datum value, uint32 customer)
{
	uint32		hash = DatumGetUInt32(FunctionCall1Coll(&set->hash, set->collation, value));

	if (customer != NONE)
		hash = hash_combine(hash, murmurhash32(customer));
	return hash & HASH_BITS;
}

/* The number of a key that has this hash; NONE when it is not there. */
static uint32
FindKey(KeySet *set, Datum value, uint32 customer, uint32 hash)
{
	NumberEntry *entry;

	set->sought.value = value;
	set->sought.customer = customer;
	entry = number_lookup_hash(set->table, NONE, hash);
	return entry == NULL ? NONE : entry->number;
}

/* Number a key that FindKey did not find, there being room for it. */
static uint32
AddKey(Gathering *g, KeySet *set, uint32 hash)
{
	MemoryContext old = MemoryContextSwitchTo(g->context);
	Key		   *key = KeyAt(set, set->n);
	bool		found;

	key->value = datumCopy(set->sought.value, set->by_value, set->length);
	key->customer = set->sought.customer;
	number_insert_hash(set->table, NONE, hash, &found)->number = set->n;
	Assert(!found);
	MemoryContextSwitchTo(old);
	return set->n++;
}

/* The number of a customer, added if new; NONE when it does not fit. */
static uint32
CustomerNumber(Gathering *g, Datum value, uint32 hash)
{
	KeySet	   *set = &g->customers;
	uint32		number = FindKey(set, value, NONE, hash);

	if (number != NONE)
		return number;
	if (!MakeRoom(g, set))
		return NONE;
	number = AddKey(g, set, hash);
	memset(&CustomerAt(g, number)->spending, 0, sizeof(CsSpending));
	CustomerAt(g, number)->first_order = NONE;
	return number;
}

/* Is it an order that lines can share, and the same as that of the line before? */
static bool
IsLastOrder(Gathering *g, Datum value, uint32 customer)
{
	if (g->last_order == NONE)
		return false;
	g->orders.sought.value = value;
	g->orders.sought.customer = customer;
	return IsSought(&g->orders, g->last_order);
}

/* Put an order that has a number at the head of its customer's. */
static void
ChainOrder(Gathering *g, uint32 number, uint32 customer)
{
	OrderAt(g, number)->time = CS_NO_TIME;
	OrderAt(g, number)->next = CustomerAt(g, customer)->first_order;
	CustomerAt(g, customer)->first_order = number;
}

/* An order of a single line, never to be found again; NONE when it does not fit. */
static uint32
SingleOrder(Gathering *g, uint32 customer)
{
	KeySet	   *set = &g->orders;

	g->last_order = NONE;
	if (!MakeRoom(g, set))
		return NONE;
	ChainOrder(g, set->n, customer);
	return set->n++;
}

/* The number of a customer's order, added if new; NONE when it does not fit. */
static uint32
OrderNumber(Gathering *g, Datum value, uint32 customer)
{
	KeySet	   *set = &g->orders;
	uint32		hash;

	if (IsLastOrder(g, value, customer))
		return g->last_order;
	hash = HashOfKey(set, value, customer);
	g->last_order = FindKey(set, value, customer, hash);
	if (g->last_order != NONE)
		return g->last_order;
	if (!MakeRoom(g, set))
		return NONE;
	g->last_order = AddKey(g, set, hash);
	ChainOrder(g, g->last_order, customer);
	return g->last_order;
}

/* Add a line to its customer and its order. */
static void
AddLine(Gathering *g, const Arrival *a)
{
	uint32		customer = CustomerNumber(g, a->customer, a->hash),
				order = NONE;

	if (customer != NONE)
		order = a->shared ? OrderNumber(g, a->order, customer) : SingleOrder(g, customer);
	if (order == NONE)
		GiveUp(g);
	else
		CsLineAdd(g->reader, &a->line, &CustomerAt(g, customer)->spending, &OrderAt(g, order)->time);
}

/* Add the line that waits, if any does. */
static void
AddWaiting(Gathering *g)
{
	if (g->arrival.waits && !g->given_up)
		AddLine(g, &g->arrival);
	g->arrival.waits = false;
}

/* CsRowSink: one line.  While the next one is read, its place in the table comes from memory, if its values can wait. */
static void
GatherLine(void *state, const Datum *row, const bool *nulls)
{
	Gathering  *g = state;
	KeySet	   *customers = &g->customers;
	Arrival		a;

	if (g->given_up || !CsLineCounts(g->reader, row, nulls, &a.line))
		return;
	a.shared = g->reader->request->order != NULL && !nulls[CS_LINE_ORDER];
	a.customer = row[CS_LINE_CUSTOMER];
	a.order = a.shared ? row[CS_LINE_ORDER] : (Datum) 0;
	a.hash = HashOfKey(customers, a.customer, NONE);
	a.waits = customers->by_value && (!a.shared || g->orders.by_value);
	AddWaiting(g);
	if (g->given_up)
		return;
	if (!a.waits)
	{
		AddLine(g, &a);
		return;
	}
	__builtin_prefetch(&customers->table->data[a.hash & customers->table->sizemask]);
	g->arrival = a;
}

/* Order of two customers, by number. */
static int
CompareCustomers(const void *a, const void *b, void *arg)
{
	KeySet	   *set = arg;

	CHECK_FOR_INTERRUPTS();
	return DatumGetInt32(FunctionCall2Coll(&set->compare, set->collation,
										   KeyAt(set, *(const uint32 *) a)->value,
										   KeyAt(set, *(const uint32 *) b)->value));
}

/* Visit all customers in their order. */
static void
VisitCustomers(Gathering *g)
{
	KeySet	   *set = &g->customers;
	uint32	   *sorted = MemoryContextAllocHuge(g->context, sizeof(uint32) * Max(set->n, 1));

	for (uint32 i = 0; i < set->n; i++)
		sorted[i] = i;
	qsort_arg(sorted, set->n, sizeof(uint32), CompareCustomers, set);
	for (uint32 i = 0; i < set->n; i++)
	{
		const Customer *customer = CustomerAt(g, sorted[i]);

		CHECK_FOR_INTERRUPTS();
		for (uint32 order = customer->first_order; order != NONE; order = OrderAt(g, order)->next)
			CsBasketAddOrder(g->reader, OrderAt(g, order)->time);
		CsBasketEnd(g->reader, &customer->spending, customer->key.value);
	}
}

/* Read all lines; false when what is to be held does not fit. */
static bool
Gather(Gathering *g)
{
	const CsLinesRequest *request = g->reader->request;

	if (!OpenKeySet(&g->customers, request->customer, sizeof(Customer), offsetof(Customer, key), g->context) ||
		!OpenKeySet(&g->orders, request->order != NULL ? request->order : request->customer,
					request->order != NULL ? sizeof(Order) : offsetof(Order, key), offsetof(Order, key), g->context))
		return false;
	g->last_order = NONE;
	(void) CsRelationRead(request->relation, g->reader->columns, request->order != NULL ? 4 : 3,
						  GatherLine, g);
	AddWaiting(g);
	return !g->given_up;
}

/*
 * Read the lines in the order in which they come, with customers and orders in hash tables of at
 * most maintenance_work_mem, and then visit the customers in their own order.  Returns false,
 * without a visit, when the tables do not fit, or when a type cannot be hashed.
 */
bool
CsLinesGather(CsLineReader *r)
{
	Gathering	g = {.reader = r};
	bool		gathered;

	g.limit = (Size) maintenance_work_mem * 1024;
	g.context = AllocSetContextCreate(CurrentMemoryContext, "custseg orders", ALLOCSET_DEFAULT_SIZES);
	gathered = Gather(&g);
	if (gathered)
		VisitCustomers(&g);
	MemoryContextDelete(g.context);
	return gathered;
}
