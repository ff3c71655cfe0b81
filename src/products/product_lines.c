/*
 * product_lines.c
 *	  Lines of orders read for their products: those of an order, or of a customer, together.
 *
 * PostgreSQL sorts the lines by the key, within maintenance_work_mem and on disk beyond it.  What is held here are the
 * products, numbered, and those of the key at hand.  A product that stands in several lines of a key counts once.
 *
 * A line counts when it has a key and a product, and, where the last order is asked for, a finite time.
 */
#include "custseg.h"

#include "call/call.h"
#include "lib/stringinfo.h"
#include "orders/day.h"
#include "orders/lines.h"
#include "orders/lines_sql.h"
#include "products/products.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define FIRST_ROOM 256

#define CUSTOMER_NONE (-1)
#define CUSTOMER_UNKNOWN (-2)

/* Columns of the query; the last ones only where they are asked for. */
enum
{
	LINE_KEY, LINE_PRODUCT, LINE_REST
};

/* A product of the key at hand, in one of its orders. */
typedef struct Bought
{
	int32		product;
	int32		order;			/* number of the key's */
} Bought;

typedef struct Reading
{
	CsProductLines *lines;
	CsProductGroupVisitor visit;
	void	   *state;
	int			order,			/* positions in the row, -1: not read */
				time,
				customer,
				text;
	FmgrInfo	hash;			/* of customers */
	Oid			hash_collation;
	const CsColumn *columns;	/* of the query */
	CsDayClock	clock;
	CsHeld		held_key,
				held_order;
	DateADT		day;			/* of the line before */
	char	   *key_text;		/* of the key at hand */

	/* the key at hand */
	Bought	   *bought;
	int64		n_bought;
	Size		bought_room;
	int64		customer_at_hand;	/* of its lines, see CsProductGroup; CUSTOMER_UNKNOWN: no line has told yet */
	int64	   *times;			/* of its orders */
	int32		norders;
	Size		times_room;
	int32	   *together;		/* products that the visitor gets */
	Size		together_room;

	/* by product: the order it was met in last, of all orders; the key it was counted for last, of all keys */
	int64	   *met;
	Size		met_room;
	int64	   *counted;
	Size		counted_room;
	int64		orders,
				keys;
} Reading;

/*
 * Room for so many bytes in the context, an array that has "held" bytes or is NULL being moved there; new bytes are 0.
 * An error, which calls the array "what", when that passes maintenance_work_mem.
 */
void *
CsProductRoom(MemoryContext context, void *array, Size held, Size wanted, const char *what)
{
	Size		has = MemoryContextMemAllocated(context, true);
	char	   *grown;

	/* an array that moves is there twice meanwhile */
	if (has + wanted > CsMemoryLimit())
		CsMemoryError(has + wanted, "give fewer lines or products in a query as the source", "%s", what);
	grown = array == NULL ? MemoryContextAllocHuge(context, wanted) : repalloc_huge(array, wanted);
	memset(grown + held, 0, wanted - held);
	return grown;
}

/* Make room for element n of an array with room for so many elements of a size. */
static void *
RoomFor(Reading *r, void *array, Size *room, int64 n, Size size)
{
	Size		wanted = Max(Max(2 * *room, FIRST_ROOM), (Size) n + 1);

	if ((Size) n < *room)
		return array;
	array = CsProductRoom(r->lines->context, array, size * *room, size * wanted,
						  "the list of products that stand together");
	*room = wanted;
	return array;
}

/* A product or a customer as it is read: itself, or the text of what cannot be hashed. */
static const char *
HashableSql(const CsColumn *column)
{
	TypeCacheEntry *type = lookup_type_cache(column->type, TYPECACHE_HASH_PROC | TYPECACHE_EQ_OPR);

	return psprintf(OidIsValid(type->hash_proc) && OidIsValid(type->eq_opr) ? "t.%s" : "t.%s::pg_catalog.text", CsSqlColumn(column));
}

/* The query, palloc'd: lines sorted by key, and where the last order is asked for, by order and time. */
static char *
LinesSql(const CsProductLines *l)
{
	const char *text = l->by_text ? CsSqlKeyText(l->key) : NULL;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS key, %s AS product", CsSqlKey(l->key), HashableSql(l->product));
	if (l->order != NULL)
		appendStringInfo(&sql, ", %s AS \"order\"", CsSqlKey(l->order));
	if (l->time != NULL)
		appendStringInfo(&sql, ", t.%s AS at", CsSqlColumn(l->time));
	if (l->customer != NULL)
		appendStringInfo(&sql, ", %s AS customer", HashableSql(l->customer));
	if (l->by_text)
		appendStringInfo(&sql, ", %s AS text", text);
	appendStringInfo(&sql, " FROM %s ORDER BY ", CsSqlFrom(l->relation));
	if (l->by_text)
		appendStringInfo(&sql, "%s, ", text);
	appendStringInfoString(&sql, CsSqlSortKey(l->key));
	if (l->order != NULL)
		appendStringInfo(&sql, ", %s", CsSqlSortKey(l->order));
	if (l->time != NULL)
		appendStringInfo(&sql, ", t.%s", CsSqlColumn(l->time));
	appendStringInfoString(&sql, CsSqlKeepOrder());
	return sql.data;
}

/* Have customers numbered by the hash of their type. */
static void
PrepareCustomers(Reading *r, const CsColumn *column)
{
	TypeCacheEntry *type = lookup_type_cache(column->type, TYPECACHE_HASH_PROC_FINFO);

	fmgr_info_copy(&r->hash, &type->hash_proc_finfo, r->lines->context);
	r->hash_collation = CsKeyCollation(column);
}

/* Find the columns of the query in its rows, which have them in the order of LinesSql(). */
static void
FindColumns(Reading *r, const CsRelation *query)
{
	CsProductLines *l = r->lines;
	int			next = LINE_REST;

	r->columns = query->columns;
	r->order = l->order == NULL ? -1 : next++;
	r->time = l->time == NULL ? -1 : next++;
	r->customer = l->customer == NULL ? -1 : next++;
	r->text = l->by_text ? next : -1;
	CsHeldPrepare(&r->held_key, &query->columns[LINE_KEY]);
	if (r->order >= 0)
		CsHeldPrepare(&r->held_order, &query->columns[r->order]);
	if (r->customer >= 0)
		PrepareCustomers(r, &query->columns[r->customer]);
	if (r->time >= 0)
		CsDayClockOpen(&r->clock, &query->columns[r->time], l->zone);
	if (l->products == NULL)
		l->products = CsProductNumbersCreate(&query->columns[LINE_PRODUCT], l->context);
}

/* The time of the last order of the key at hand. */
static int64
LastTime(const Reading *r)
{
	int64		last = PG_INT64_MIN;

	for (int32 i = 0; i < r->norders; i++)
		last = Max(last, r->times[i]);
	return last;
}

/* Add the products of orders before a time, or at it, that are not there yet. */
static void
Collect(Reading *r, CsProductGroup *group, int64 last, bool at_last)
{
	for (int64 i = 0; i < r->n_bought; i++)
	{
		int32		product = r->bought[i].product;

		if ((r->times[r->bought[i].order] >= last) != at_last || r->counted[product] == r->keys)
			continue;
		r->counted[product] = r->keys;
		r->together = RoomFor(r, r->together, &r->together_room, group->n, sizeof(int32));
		r->together[group->n++] = product;
	}
}

/* The key at hand is complete, if there is one: visit it. */
static void
EndKey(Reading *r)
{
	CsProductGroup group = {.text = r->key_text};

	if (!r->held_key.there)
		return;
	group.customer = Max(r->customer_at_hand, CUSTOMER_NONE);
	if (r->time < 0)
	{
		/* one order: each product is there once */
		Collect(r, &group, PG_INT64_MAX, false);
		group.n_before = group.n;
	}
	else
	{
		int64		last = LastTime(r);

		Collect(r, &group, last, false);
		group.n_before = group.n;
		Collect(r, &group, last, true);
	}
	group.products = r->together;
	r->visit(r->state, &group);
}

/* Another order of the key at hand begins, at a time. */
static void
BeginOrder(Reading *r, int64 time)
{
	r->times = RoomFor(r, r->times, &r->times_room, r->norders, sizeof(int64));
	r->times[r->norders++] = time;
	r->orders++;
}

/* Another key is at hand. */
static void
BeginKey(Reading *r, const Datum *row)
{
	EndKey(r);
	CsHeldSet(r->lines->context, &r->held_key, row[LINE_KEY], false);
	r->held_order.there = false;
	r->n_bought = 0;
	r->norders = 0;
	r->customer_at_hand = CUSTOMER_UNKNOWN;
	r->keys++;
	if (r->text < 0)
		return;
	if (r->key_text != NULL)
		pfree(r->key_text);
	r->key_text = MemoryContextStrdup(r->lines->context, TextDatumGetCString(row[r->text]));
}

/*
 * Note whose a line of the key at hand is.  Two customers whose hashes are the same are taken for one: who counts
 * customers finds rather too few than too many.
 */
static void
TakeCustomer(Reading *r, const Datum *row, const bool *nulls)
{
	int64		customer;

	if (r->customer < 0)
		return;
	customer = nulls[r->customer] ? CUSTOMER_NONE :
		(int64) DatumGetUInt32(FunctionCall1Coll(&r->hash, r->hash_collation, row[r->customer]));
	if (r->customer_at_hand == CUSTOMER_UNKNOWN)
		r->customer_at_hand = customer;
	else if (r->customer_at_hand != customer)
		r->customer_at_hand = CUSTOMER_NONE;
}

/* Is a line of another order than the one before?  A line without one is an order of its own. */
static bool
IsNewOrder(Reading *r, const Datum *row, const bool *nulls, DateADT day)
{
	bool		is_new;

	if (r->norders == 0 && r->order < 0)
		return true;
	if (r->time < 0)
		return false;
	if (r->order < 0)
		return day != r->day;
	is_new = nulls[r->order] || !CsHeldIs(&r->held_order, row[r->order], false);
	if (is_new)
		CsHeldSet(r->lines->context, &r->held_order, row[r->order], nulls[r->order]);
	return is_new;
}

/* Does a line count?  If it does not, the reason is counted.  OUT its day and time, where times are read. */
static bool
LineCounts(Reading *r, const Datum *row, const bool *nulls, DateADT *day, Timestamp *time)
{
	CsProductLines *l = r->lines;

	*day = 0;
	*time = 0;
	l->n_lines++;
	if (nulls[LINE_KEY])
		l->n_no_key++;
	else if (nulls[LINE_PRODUCT])
		l->n_no_product++;
	else if (r->time >= 0 && (nulls[r->time] || !CsOrdersReadTime(&r->columns[r->time], row[r->time], time) ||
							  !CsDayOfValue(&r->clock, row[r->time], day)))
		l->n_no_time++;
	else
		return true;
	return false;
}

/* CsRowSink: a line. */
static void
TakeLine(void *state, const Datum *row, const bool *nulls)
{
	Reading    *r = state;
	DateADT		day;
	Timestamp	time;
	int32		product;

	if (!LineCounts(r, row, nulls, &day, &time))
		return;
	if (!CsHeldIs(&r->held_key, row[LINE_KEY], false))
		BeginKey(r, row);
	TakeCustomer(r, row, nulls);
	/* without a column of orders, those of one day are of one time */
	if (IsNewOrder(r, row, nulls, day))
		BeginOrder(r, r->order < 0 ? day : time);
	r->day = day;
	product = CsProductNumber(r->lines->products, row[LINE_PRODUCT]);
	r->met = RoomFor(r, r->met, &r->met_room, product, sizeof(int64));
	r->counted = RoomFor(r, r->counted, &r->counted_room, product, sizeof(int64));
	if (r->met[product] == r->orders)
		return;
	r->met[product] = r->orders;
	r->bought = RoomFor(r, r->bought, &r->bought_room, r->n_bought, sizeof(Bought));
	r->bought[r->n_bought++] = (Bought) {product, r->norders - 1};
}

/* Resolve the arguments that functions on products have: the lines, the column of their key, and that of the product. */
void
CsProductLinesOpen(CsProductLines *l, FunctionCallInfo fcinfo, int orders, int key, int product, const char *key_role)
{
	l->relation = CsRelationOpen(CsRequiredText(fcinfo, orders, "orders"));
	l->key = CsKeyOfRole(l->relation, CsTextArgument(fcinfo, key), key_role);
	l->product = CsColumnOfRole(l->relation, CsTextArgument(fcinfo, product), "product", CS_PRODUCT_KINDS);
	l->key_role = key_role;
	l->context = AllocSetContextCreate(CurrentMemoryContext, "custseg products", ALLOCSET_DEFAULT_SIZES);
}

/* Free an array, if there is one. */
static void
Release(void *array)
{
	if (array != NULL)
		pfree(array);
}

/* Read the lines; each key with a line that counts goes to the visitor, by the bytes of its text where that is asked for. */
void
CsProductLinesRead(CsProductLines *l, CsProductGroupVisitor visit, void *state)
{
	Reading		r = {.lines = l, .visit = visit, .state = state};
	CsRelation *query = CsRelationQuery(l->relation, LinesSql(l));
	int			level = NewGUCNestLevel();

	l->n_lines = l->n_no_key = l->n_no_product = l->n_no_time = 0;
	FindColumns(&r, query);
	CsRaiseWorkMem();
	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeLine, &r);
	AtEOXact_GUC(true, level);
	EndKey(&r);
	Release(r.bought);
	Release(r.times);
	Release(r.together);
	Release(r.met);
	Release(r.counted);
}

/* Say what was left out. */
void
CsProductLinesReport(const CsProductLines *l)
{
	CsLeftOut	reasons[] = {
		{l->n_no_key, psprintf("without %s %s", strcmp(l->key_role, "order") == 0 ? "an" : "a", l->key_role)},
		{l->n_no_product, "without a product"},
		{l->n_no_time, "without a finite time"}
	};

	CsReportLeftOut("lines", reasons, lengthof(reasons), l->n_lines);
}
