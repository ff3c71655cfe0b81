/*
 * labeller.c
 *	  What all labellers of training rows have in common: labels that are kept, and learned.
 *
 * Classes that are learned are put in the order of their sizes, and take over numbers and names: a
 * segment its own, a column of whole numbers from 0 its values, everything else its values as names.
 * Segments are numbered from 1, so noise, and the value 0, get the number after the highest.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "train/labeller.h"

/* First room of arrays that grow with the rows. */
#define FIRST_CAPACITY 4096

/*
 * Enlarge an array of elements of "size" bytes that grows with the rows, so that the row after the
 * last fits.  It starts with NULL and a capacity of 0, and is allocated in the context.
 */
void *
CsGrowRows(void *rows, int64 *capacity, Size size, MemoryContext context)
{
	*capacity = Max(FIRST_CAPACITY, *capacity + *capacity / 2);
	size = mul_size(size, *capacity);
	return rows == NULL ? MemoryContextAllocHuge(context, size) : repalloc_huge(rows, size);
}

/*
 * Bytes for the labels of so many rows.  The target's labels exist twice when they become an area.
 */
Size
CsLabellerMemory(const CsLabeller *l, int64 nrows)
{
	return mul_size(nrows, sizeof(int32) * (l->is_target ? 2 : 1));
}

/* Judge a row of the source: is it to be skipped because it needs a label and has none? */
bool
CsLabellerSkips(CsLabeller *l, const Datum *values, const bool *nulls)
{
	if (!l->is_target)
		return false;			/* it is asked only about the rows that are kept */
	l->current = l->label(l, values, nulls);
	if (l->current < 0)
		l->n_unlabelled++;
	return l->current < 0;
}

/*
 * Label a row that is kept, at its place among the kept rows: the next place, or one that is there
 * already.
 */
void
CsLabellerKeep(CsLabeller *l, int64 place, const Datum *values, const bool *nulls)
{
	if (place == l->capacity)
		l->labels = CsGrowRows(l->labels, &l->capacity, sizeof(int32), l->context);
	l->labels[place] = l->is_target ? l->current : l->label(l, values, nulls);
}

/* Copy a label to an earlier place. */
void
CsLabellerMove(CsLabeller *l, int64 from, int64 to)
{
	l->labels[to] = l->labels[from];
}

/* Free the labels, because the rows are read anew. */
void
CsLabellerForget(CsLabeller *l)
{
	if (l->labels != NULL)
		pfree(l->labels);
	l->labels = NULL;
	l->capacity = l->n_unlabelled = 0;
}

/* Most rows first, then the lower number or the name. */
static int
CompareClasses(const void *a, const void *b)
{
	const CsClass *x = a;
	const CsClass *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Number what has no number yet: all by size, or what is noise or 0 after the others. */
static void
NumberClasses(CsClass *classes, int n)
{
	int			last = 0;

	for (int i = 0; i < n; i++)
		last = Max(last, classes[i].number);
	for (int i = 0; i < n; i++)
		if (classes[i].number <= 0)
			classes[i].number = ++last;
}

/* Once all rows have been read, make the target's labels an area and put its classes in order. */
void
CsLabellerLearn(CsLabeller *l, CsArena *arena, int64 nrows)
{
	CsClass    *classes = l->classes_of(l);
	int			n = l->nclasses;
	int		   *class_of = palloc(sizeof(int) * n);
	int32	   *learned;

	for (int64 i = 0; i < nrows; i++)
	{
		CsCheckInterrupts(i);
		classes[l->labels[i]].n++;
	}
	qsort(classes, n, sizeof(CsClass), CompareClasses);
	for (int i = 0; i < n; i++)
		class_of[classes[i].label] = i;
	while (l->nclasses > 0 && classes[l->nclasses - 1].n == 0)
		l->nclasses--;
	NumberClasses(classes, l->nclasses);
	l->classes = classes;

	l->area = CsArenaAlloc(arena, sizeof(int32) * nrows);
	learned = CsArenaAddress(arena, l->area);
	for (int64 i = 0; i < nrows; i++)
	{
		CsCheckInterrupts(i);
		learned[i] = class_of[l->labels[i]];
	}
	pfree(l->labels);
	l->labels = NULL;
	pfree(class_of);
}
