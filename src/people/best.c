/*
 * best.c
 *	  The first of many customers by a number, kept while a source is read: a heap with the worst of them on top.
 *
 * Customers with the same number stand in the order of their ids, so the list does not depend on how rows lie.
 */
#include "custseg.h"

#include "people/people.h"
#include "utils/lsyscache.h"

/* An empty list of at most so many customers, allocated in CurrentMemoryContext. */
void
CsBestInit(CsBest *best, CsIdentity *identity, int nraw, int most)
{
	best->identity = identity;
	best->context = CurrentMemoryContext;
	best->nraw = nraw;
	best->most = most;
	best->n = 0;
	best->entries = palloc(sizeof(CsBestEntry) * most);
}

/* Which comes first; below 0: the first of the two. */
static int
CompareKeys(const CsBest *best, double key, const Datum *id, const CsBestEntry *entry)
{
	if (key != entry->key)
		return key < entry->key ? -1 : 1;
	return CsIdentityCompare(best->identity, id, entry->id);
}

/* Likewise of two entries, for qsort_arg(). */
static int
CompareEntries(const void *a, const void *b, void *best)
{
	const CsBestEntry *entry = a;

	return CompareKeys(best, entry->key, entry->id, b);
}

/* Would a customer be among the first of those so far? */
bool
CsBestIsWanted(const CsBest *best, double key, const Datum *id)
{
	return best->n < best->most || CompareKeys(best, key, id, &best->entries[0]) < 0;
}

/* Give the memory of an entry back. */
static void
FreeEntry(const CsBest *best, CsBestEntry *entry)
{
	for (int i = 0; i < best->identity->nparts; i++)
		if (best->identity->parts[i].by_text || !get_typbyval(best->identity->parts[i].type))
			pfree(DatumGetPointer(entry->id[i]));
	pfree(entry->id);
	pfree(entry->id_text);
	pfree(entry->raw);
}

/* Exchange two entries. */
static void
Swap(CsBestEntry *a, CsBestEntry *b)
{
	CsBestEntry c = *a;

	*a = *b;
	*b = c;
}

/* Let the last entry rise to its place in the heap. */
static void
Rise(CsBest *best)
{
	CsBestEntry *e = best->entries;

	for (int i = best->n - 1; i > 0 && CompareEntries(&e[(i - 1) / 2], &e[i], best) < 0; i = (i - 1) / 2)
		Swap(&e[i], &e[(i - 1) / 2]);
}

/* Let the first entry sink to its place in the heap. */
static void
Sink(CsBest *best)
{
	CsBestEntry *e = best->entries;

	for (int i = 0, child; (child = 2 * i + 1) < best->n; i = child)
	{
		if (child + 1 < best->n && CompareEntries(&e[child], &e[child + 1], best) < 0)
			child++;
		if (CompareEntries(&e[i], &e[child], best) >= 0)
			return;
		Swap(&e[i], &e[child]);
	}
}

/* Add a customer who is wanted; the worst one goes when there are too many.  All is copied. */
void
CsBestAdd(CsBest *best, double key, const Datum *id, const char *id_text, const double *raw, int segment)
{
	MemoryContext save = MemoryContextSwitchTo(best->context);
	CsBestEntry entry = {.key = key,.segment = segment};

	entry.id = CsPeopleCopyId(best->identity, id, palloc(sizeof(Datum) * best->identity->nparts));
	entry.id_text = pstrdup(id_text);
	entry.raw = palloc(sizeof(double) * best->nraw);
	memcpy(entry.raw, raw, sizeof(double) * best->nraw);
	MemoryContextSwitchTo(save);
	if (best->n < best->most)
	{
		best->entries[best->n++] = entry;
		Rise(best);
		return;
	}
	FreeEntry(best, &best->entries[0]);
	best->entries[0] = entry;
	Sink(best);
}

/* Put the customers in order, the first one first; nobody can be added then. */
void
CsBestSort(CsBest *best)
{
	qsort_arg(best->entries, best->n, sizeof(CsBestEntry), CompareEntries, best);
}
