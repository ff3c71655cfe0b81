/*
 * itemsets.c
 *	  Sets of items that stand together in at least so many baskets: all of them, counted exactly.
 *
 * The search is Eclat's (Zaki, Scalable Algorithms for Association Mining, IEEE Transactions on Knowledge and Data
 * Engineering 12, 2000): depth first, each set with the list of its baskets.  The lists of all sets that are longer by
 * one item are made at once, in one walk over the baskets of the shorter set, which costs what is in the baskets and
 * not the square of the number of items (occurrence deliver: Uno, Asai, Uchida and Arimura, An Efficient Algorithm for
 * Enumerating Closed Patterns in Transaction Databases, 2004).  A walk counts first, so that only sets that are frequent
 * get a list.
 *
 * Items are numbered by the caller.  Where rare ones have the lowest numbers, lists are short.
 */
#include "custseg.h"

#include "call/call.h"
#include "math/search.h"
#include "miscadmin.h"
#include "stat/itemsets.h"
#include "utils/memutils.h"

#define FIRST_SETS 1024

/* A search. */
typedef struct Search
{
	const CsBaskets *baskets;
	int64		least;			/* baskets of a set that is frequent */
	int			size;			/* items of the largest set */
	CsItemsets	found;
	int64		capacity;		/* of found.sets */
	int32	   *counts[CS_MOST_ITEMS];	/* by the size of the set that grows, and item: 0 between two walks */
	int64		walked;			/* items, since the last look for an interrupt */
	Size		used,
				room;			/* bytes of lists and of sets */
} Search;

/* The baskets of a set. */
typedef struct Occurrences
{
	int64		n;
	const int32 *baskets;
} Occurrences;

/* Account for memory that is to be taken; an error when it is not there. */
static void
Take(Search *s, Size bytes)
{
	s->used += bytes;
	if (s->used > s->room)
		CsMemoryExceeded(s->used, "raise \"min_support\", or lower \"max_size\"",
						 "the search for frequent sets, of which %lld are found,", (long long) s->found.n);
}

/* Keep a set that is frequent. */
static void
Keep(Search *s, const CsItemset *set)
{
	CsItemsets *found = &s->found;

	if (found->n == s->capacity)
	{
		int64		capacity = Max(2 * s->capacity, FIRST_SETS);

		Take(s, sizeof(CsItemset) * (capacity - s->capacity));
		found->sets = found->sets == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(CsItemset) * capacity) :
			repalloc_huge(found->sets, sizeof(CsItemset) * capacity);
		s->capacity = capacity;
	}
	found->sets[found->n++] = *set;
}

/* For CsCountBefore(): is an item another one, or one before that? */
static bool
IsUpTo(const void *item, const void *other)
{
	return *(const int32 *) item <= *(const int32 *) other;
}

/* OUT the items of a basket behind an item, -1 for all of them; returns how many. */
static int64
ItemsBehind(const CsBaskets *b, int32 basket, int32 item, const int32 **items)
{
	const int32 *all = b->items + b->start[basket];
	int64		n = b->start[basket + 1] - b->start[basket],
				before = CsCountBefore(&item, all, n, sizeof(int32), IsUpTo);

	*items = all + before;
	return n - before;
}

/* Look for an interrupt once in many items. */
static void
Walked(Search *s, int64 items)
{
	s->walked += items + 1;
	if (s->walked < 65536)
		return;
	CHECK_FOR_INTERRUPTS();
	s->walked = 0;
}

/* Count in the baskets of a set the items behind its last one; OUT those that there are, ascending.  Returns how many. */
static int32
CountItems(Search *s, const CsItemset *set, const Occurrences *at, int32 *counts, int32 *frequent)
{
	const CsBaskets *b = s->baskets;
	int32		last = set->size == 0 ? -1 : set->items[set->size - 1],
				nfrequent = 0;

	for (int64 i = 0; i < at->n; i++)
	{
		const int32 *items;
		int64		n = ItemsBehind(b, at->baskets[i], last, &items);

		for (int64 j = 0; j < n; j++)
			counts[items[j]]++;
		Walked(s, n);
	}
	for (int32 item = last + 1; item < b->nitems; item++)
	{
		if (set->size == 1 && counts[item] > s->found.best_pair.n)
			s->found.best_pair = (CsItemset) {{last, item}, 2, counts[item]};
		if (counts[item] >= s->least)
			frequent[nfrequent++] = item;
		else
			counts[item] = 0;
	}
	return nfrequent;
}

/* Fill the lists of the sets that are longer by one of the items, of which each has the number of its list, from 1, in "numbers". */
static void
Deliver(Search *s, int32 last, const Occurrences *at, const int32 *numbers, int64 *ends, int32 *lists)
{
	for (int64 i = 0; i < at->n; i++)
	{
		const int32 *items;
		int64		n = ItemsBehind(s->baskets, at->baskets[i], last, &items);

		for (int64 j = 0; j < n; j++)
		{
			int32		number = numbers[items[j]];

			if (number > 0)
				lists[ends[number - 1]++] = at->baskets[i];
		}
		Walked(s, n);
	}
}

/* Keep all frequent sets that begin with a set, which is not kept itself. */
static void
Grow(Search *s, const CsItemset *set, const Occurrences *at)
{
	const CsBaskets *b = s->baskets;
	int32	   *counts = s->counts[set->size],
			   *frequent = palloc_extended(sizeof(int32) * Max(b->nitems, 1), MCXT_ALLOC_HUGE),
			   *lists = NULL;
	int32		nfrequent = CountItems(s, set, at, counts, frequent);
	CsItemset	longer = *set;
	int64		total = 0,
			   *ends = palloc_extended(sizeof(int64) * Max(nfrequent, 1), MCXT_ALLOC_HUGE);
	int32	   *n = palloc_extended(sizeof(int32) * Max(nfrequent, 1), MCXT_ALLOC_HUGE);
	bool		goes_on = set->size + 1 < s->size;
	Size		taken;

	for (int32 i = 0; i < nfrequent; i++)
	{
		ends[i] = total;
		n[i] = counts[frequent[i]];
		total += n[i];
		counts[frequent[i]] = goes_on ? i + 1 : 0;
	}
	taken = goes_on ? sizeof(int32) * total : 0;
	Take(s, taken);
	if (goes_on && nfrequent > 0)
	{
		lists = palloc_extended(sizeof(int32) * total, MCXT_ALLOC_HUGE);
		Deliver(s, set->size == 0 ? -1 : set->items[set->size - 1], at, counts, ends, lists);
		for (int32 i = 0; i < nfrequent; i++)
			counts[frequent[i]] = 0;
	}
	longer.size = set->size + 1;
	for (int32 i = 0; i < nfrequent; i++)
	{
		longer.items[set->size] = frequent[i];
		longer.n = n[i];
		Keep(s, &longer);
		if (lists != NULL)
			Grow(s, &longer, &(Occurrences) {n[i], lists + ends[i] - n[i]});
	}
	if (lists != NULL)
		pfree(lists);
	s->used -= taken;
	pfree(n);
	pfree(ends);
	pfree(frequent);
}

/*
 * All sets of up to "size" items that at least "least" baskets have, least >= 1.  The search takes at most "room" bytes
 * beside the baskets; an error says so where that is too little.  Palloc'd.
 */
CsItemsets
CsFrequentItemsets(const CsBaskets *baskets, int64 least, int size, Size room)
{
	Search		s = {.baskets = baskets, .least = least, .size = size, .room = room};
	CsItemset	none = {.size = 0};
	int32	   *all;

	/* for each size a number and a count of each item, and at first every basket */
	Take(&s, (sizeof(int32) * 3 + sizeof(int64)) * size * (Size) baskets->nitems + sizeof(int32) * (Size) baskets->n);
	all = palloc_extended(sizeof(int32) * Max(baskets->n, 1), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < baskets->n; i++)
		all[i] = (int32) i;
	for (int i = 0; i < size; i++)
		s.counts[i] = palloc_extended(sizeof(int32) * Max(baskets->nitems, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Grow(&s, &none, &(Occurrences) {baskets->n, all});
	for (int i = 0; i < size; i++)
		pfree(s.counts[i]);
	pfree(all);
	return s.found;
}

/*
 * For bsearch(): below, at or above 0 as the items of a come before, are, or come behind those of b; where one begins with the
 * other, it comes first.
 */
static int
CompareItems(const void *a, const void *b)
{
	const CsItemset *x = a,
			   *y = b;

	for (int i = 0; i < x->size && i < y->size; i++)
	{
		if (x->items[i] != y->items[i])
			return x->items[i] < y->items[i] ? -1 : 1;
	}
	return x->size - y->size;
}

/* The frequent set with the items of a set; NULL where that is not frequent.  Belongs to what was found. */
const CsItemset *
CsItemsetFind(const CsItemsets *found, const CsItemset *set)
{
	return found->n == 0 ? NULL : bsearch(set, found->sets, found->n, sizeof(CsItemset), CompareItems);
}
