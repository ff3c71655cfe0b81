/*
 * product_numbers.c
 *	  Products told apart as their type and collation tell them, and numbered.
 *
 * A hash table holds each product once.  Where one product may be written in several ways, as 5 and 5.0 or a text in a
 * collation that does not heed case, it has the least of its texts, by bytes, so that the order of lines does not matter.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "orders/lines.h"
#include "orders/lines_sql.h"
#include "products/products.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define FIRST_CAPACITY 256

/* An entry of the hash table: the number of a product. */
typedef struct NumberEntry
{
	int32		number;
	uint32		hash;
	char		status;
} NumberEntry;

struct CsProductNumbers
{
	struct product_hash *table;
	Datum	   *values;			/* by number */
	char	  **texts;
	int32		n,
				capacity;
	Datum		sought;			/* what the table compares with */
	MemoryContext context;
	CsIdentity *identity;		/* by which a product becomes text */
	bool		has_one_text;

	/* how values of the type are hashed, compared, and copied */
	FmgrInfo	hash;
	FmgrInfo	equal;
	Oid			collation;
	bool		by_value;
	int16		length;
};

static inline bool IsSought(CsProductNumbers *products, int32 number);

#define SH_PREFIX product
#define SH_ELEMENT_TYPE NumberEntry
#define SH_KEY_TYPE int32
#define SH_KEY number
#define SH_HASH_KEY(tb, key) ((void) (key), (uint32) 0) /* not called: the hash is given */
#define SH_EQUAL(tb, a, b) IsSought((CsProductNumbers *) (tb)->private_data, a)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Is the product of that number the one that is looked up? */
static inline bool
IsSought(CsProductNumbers *products, int32 number)
{
	return DatumGetBool(FunctionCall2Coll(&products->equal, products->collation, products->values[number],
										  products->sought));
}

/* No products yet, whose column is of a type that can be hashed.  Everything is in the context. */
CsProductNumbers *
CsProductNumbersCreate(const CsColumn *product, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	CsProductNumbers *products = palloc0(sizeof(CsProductNumbers));
	TypeCacheEntry *type = lookup_type_cache(product->type, TYPECACHE_HASH_PROC_FINFO | TYPECACHE_EQ_OPR_FINFO);

	fmgr_info_copy(&products->hash, &type->hash_proc_finfo, context);
	fmgr_info_copy(&products->equal, &type->eq_opr_finfo, context);
	products->collation = CsKeyCollation(product);
	products->by_value = type->typbyval;
	products->length = type->typlen;
	products->context = context;
	products->identity = CsIdentityOfColumns(list_make1((void *) product));
	products->has_one_text = CsKeyHasOneText(product);
	products->capacity = FIRST_CAPACITY;
	products->values = palloc(sizeof(Datum) * products->capacity);
	products->texts = palloc(sizeof(char *) * products->capacity);
	products->table = product_create(context, FIRST_CAPACITY, products);
	MemoryContextSwitchTo(old);
	return products;
}

/* Make room for one more product; the old table is still there while a new one of twice its size is filled. */
static void
MakeRoom(CsProductNumbers *p)
{
	bool		full = p->n == p->capacity;
	Size		more = full ? (sizeof(Datum) + sizeof(char *)) * p->capacity : 0;

	if (p->table->members >= p->table->grow_threshold)
		more += 2 * p->table->size * sizeof(NumberEntry);
	if (MemoryContextMemAllocated(p->context, true) + more > CsMemoryLimit() || p->n == PG_INT32_MAX)
		CsMemoryExceeded(CsMemoryLimit(), "give groups of products in place of products",
						 "a table of more than %d products", p->n);
	if (!full)
		return;
	p->capacity *= 2;
	p->values = repalloc_huge(p->values, sizeof(Datum) * p->capacity);
	p->texts = repalloc_huge(p->texts, sizeof(char *) * p->capacity);
}

/* The text of a product, palloc'd. */
static char *
TextOf(CsProductNumbers *p, Datum value)
{
	bool		isnull = false;

	return CsIdentityText(p->identity, &value, &isnull);
}

/* Has a product that is known another text here, which comes before the one that it has?  Then that is its text. */
static void
TakeText(CsProductNumbers *p, int32 number, Datum value)
{
	char	   *text = TextOf(p, value);

	if (strcmp(text, p->texts[number]) < 0)
	{
		pfree(p->texts[number]);
		p->texts[number] = MemoryContextStrdup(p->context, text);
	}
	pfree(text);
}

/* The number of a product, which is added if it is new. */
int32
CsProductNumber(CsProductNumbers *p, Datum value)
{
	uint32		hash = DatumGetUInt32(FunctionCall1Coll(&p->hash, p->collation, value));
	NumberEntry *entry;
	MemoryContext old;
	bool		found;

	p->sought = value;
	entry = product_lookup_hash(p->table, -1, hash);
	if (entry != NULL)
	{
		if (!p->has_one_text)
			TakeText(p, entry->number, value);
		return entry->number;
	}
	MakeRoom(p);
	old = MemoryContextSwitchTo(p->context);
	p->values[p->n] = datumCopy(value, p->by_value, p->length);
	p->texts[p->n] = TextOf(p, value);
	product_insert_hash(p->table, -1, hash, &found)->number = p->n;
	Assert(!found);
	MemoryContextSwitchTo(old);
	return p->n++;
}

/* The number of products. */
int32
CsProductCount(const CsProductNumbers *p)
{
	return p->n;
}

/* A product as text, which belongs to the products. */
const char *
CsProductText(const CsProductNumbers *p, int32 number)
{
	return p->texts[number];
}

/* Order of two products, by the bytes of their texts. */
static int
CompareTexts(const void *a, const void *b, void *arg)
{
	const CsProductNumbers *p = arg;
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;
	int			order = strcmp(p->texts[x], p->texts[y]);

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* For each product by number its place, from 0, in the order of the texts; palloc'd in the products' context. */
int32 *
CsProductRanks(CsProductNumbers *p)
{
	int32	   *sorted = CsProductRoom(p->context, NULL, 0, sizeof(int32) * Max(p->n, 1), "the order of the products"),
			   *ranks = CsProductRoom(p->context, NULL, 0, sizeof(int32) * Max(p->n, 1), "the order of the products");

	for (int32 i = 0; i < p->n; i++)
		sorted[i] = i;
	qsort_interruptible(sorted, p->n, sizeof(int32), CompareTexts, p);
	for (int32 i = 0; i < p->n; i++)
		ranks[sorted[i]] = i;
	pfree(sorted);
	return ranks;
}
