/*
 * seeds.c
 *	  A list of customers that a user gives as a source of its own: the seeds of an audience.
 *
 * The list has the columns of the id by their names, or one column alone.  Its ids may be of another type than those
 * of the source, as in a file that was loaded: then their texts are read as values of that.
 */
#include "custseg.h"

#include "people/people.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* One reading of a list. */
typedef struct Reading
{
	CsSeeds    *seeds;
	CsIdentity *own;			/* how the list tells customers */
	bool		is_same;		/* of the same types as the source */
} Reading;

/* The columns (const CsColumn *) of the list that name customers. */
static List *
FindColumns(const CsRelation *list, const List *key)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, key)
	{
		const CsColumn *column = CsRelationFind(list, NameStr(((const CsColumn *) lfirst(cell))->name));

		if (column != NULL)
			columns = lappend(columns, unconstify(CsColumn *, column));
	}
	if (list_length(columns) == list_length(key))
		return columns;
	if (list_length(key) == 1 && list->ncolumns == 1)
		return list_make1(&list->columns[0]);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the seeds lack column \"%s\"", NameStr(((const CsColumn *) linitial(key))->name)),
			 errhint("Give a table or query with the columns by which the source tells customers, or with the id alone.")));
	return NIL;					/* not reached */
}

/* Are values of both compared alike as they are? */
static bool
IsSameIdentity(const CsIdentity *a, const CsIdentity *b)
{
	for (int i = 0; i < a->nparts; i++)
		if (a->parts[i].type != b->parts[i].type || a->parts[i].by_text || b->parts[i].by_text)
			return false;
	return true;
}

/* Keep an id. */
static void
Keep(CsSeeds *seeds, const Datum *id, Size bytes)
{
	int			nparts = seeds->identity->nparts;
	MemoryContext save = MemoryContextSwitchTo(seeds->context);

	if (seeds->n == seeds->capacity)
	{
		seeds->capacity = Max(1024, 2 * seeds->capacity);
		seeds->ids = seeds->ids == NULL ? palloc(sizeof(Datum) * nparts * seeds->capacity) :
			repalloc_huge(seeds->ids, sizeof(Datum) * nparts * seeds->capacity);
	}
	(void) CsPeopleCopyId(seeds->identity, id, &seeds->ids[seeds->n * nparts]);
	seeds->n++;
	MemoryContextSwitchTo(save);
	seeds->held += bytes;
	if (seeds->held > CsMemoryLimit())
		CsMemoryExceeded(seeds->held, "give fewer seeds", "a list of " INT64_FORMAT " seeds", seeds->n);
}

/* CsRowSink: one customer of the list. */
static void
TakeSeed(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	int			nparts = r->own->nparts;
	Datum		id[INDEX_MAX_KEYS];
	Size		bytes = sizeof(Datum) * nparts;

	for (int i = 0; i < nparts; i++)
		if (nulls[i])
			return;
	r->seeds->n_listed++;
	if (r->is_same)
		memcpy(id, values, sizeof(Datum) * nparts);
	else
	{
		char	   *text = CsIdentityPlain(r->own, values);
		int			level = CsPlainSettings();
		bool		is_read = CsIdentityRead(r->seeds->identity, text, id);

		AtEOXact_GUC(true, level);
		if (!is_read)
			return;
		bytes += strlen(text) + 1;
	}
	Keep(r->seeds, id, bytes);
}

/* In the order of the type of the id, for qsort_arg() and bsearch_arg(). */
static int
CompareIds(const void *a, const void *b, void *identity)
{
	return CsIdentityCompare(identity, a, b);
}

/* Order the ids, and leave each once. */
static void
Order(CsSeeds *seeds)
{
	int			nparts = seeds->identity->nparts;
	Size		size = sizeof(Datum) * nparts;
	int64		n = 0;

	if (seeds->n == 0)
		return;
	qsort_arg(seeds->ids, seeds->n, size, CompareIds, seeds->identity);
	for (int64 i = 1; i < seeds->n; i++)
		if (CsIdentityCompare(seeds->identity, &seeds->ids[n * nparts], &seeds->ids[i * nparts]) != 0)
			memcpy(&seeds->ids[++n * nparts], &seeds->ids[i * nparts], size);
	seeds->n = n + 1;
}

/*
 * Read a list of customers, as the caller, palloc'd: "key" has the columns (const CsColumn *) by which the source tells
 * them, of that identity.  An error for a list without an id.
 */
CsSeeds *
CsSeedsRead(const char *list, const List *key, CsIdentity *identity)
{
	CsSeeds    *seeds = palloc0(sizeof(CsSeeds));
	CsRelation *rel = CsRelationOpen(list);
	List	   *columns = FindColumns(rel, key);
	CsColumnSet set = {0};
	Reading		r = {.seeds = seeds, .own = CsIdentityOfColumns(columns)};
	ListCell   *cell;

	seeds->identity = identity;
	seeds->context = CurrentMemoryContext;
	r.is_same = IsSameIdentity(r.own, identity);
	foreach(cell, columns)
		(void) CsColumnSetAdd(&set, lfirst(cell));
	(void) CsRelationRead(rel, set.columns, set.ncolumns, TakeSeed, &r);
	if (seeds->n_listed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("there are no seeds: %s has no row with an id", rel->description),
				 errhint("Give a table or query with the ids of the customers whom others are to be like.")));
	Order(seeds);
	return seeds;
}

/* Is a customer in the list? */
bool
CsSeedsHave(const CsSeeds *seeds, const Datum *id)
{
	Size		size = sizeof(Datum) * seeds->identity->nparts;

	return seeds->n > 0 && bsearch_arg(id, seeds->ids, seeds->n, size, CompareIds, seeds->identity) != NULL;
}
