/*
 * kept.c
 *	  Values of columns of numbers, kept in memory under a limit.
 *
 * A value takes 8 bytes.  How many will come is not known, so arrays grow by half, each time after it
 * has been seen whether there is room.  Where there is none, columns are put off, the last one first:
 * their source is read again for them, and those that are kept are complete.
 */
#include "custseg.h"

#include "call/call.h"
#include "data/relation.h"
#include "parallel/large.h"
#include "parallel/team.h"

#define FIRST_CAPACITY 4096

/*
 * Start to keep values of so many columns, in CurrentMemoryContext.  While a column is used,
 * "spare" more arrays as long as the longest column are needed; "held" bytes are taken by something
 * else.
 */
void
CsKeptInit(CsKept *k, int ncolumns, int spare, Size held)
{
	memset(k, 0, sizeof(*k));
	k->context = CurrentMemoryContext;
	k->ncolumns = ncolumns;
	k->columns = palloc0(sizeof(CsKeptColumn) * Max(ncolumns, 1));
	k->spare = spare;
	k->held = held;
	k->fewest = 1;
}

/*
 * Begin a reading of the source.  Of each column that is still wanted, the first array has room for
 * "first" values.
 */
void
CsKeptBegin(CsKept *k, int64 first)
{
	k->first = Max(first, FIRST_CAPACITY);
	k->longest = 0;
	for (int i = 0; i < k->ncolumns; i++)
	{
		Assert(k->columns[i].values == NULL);
		k->columns[i].n = 0;
		k->columns[i].kept = k->columns[i].wanted;
	}
}

/*
 * Have the values of the reading that has begun, none of which has come, in areas of an arena, where a team can read them.
 * That is for as many as are expected: what grows is copied.
 */
void
CsKeptShare(CsKept *k, CsArena *arena, int64 first)
{
	k->arena = arena;
	k->first = Max(first, FIRST_CAPACITY);
}

/* Is a column still wanted? */
bool
CsKeptIsLeft(const CsKept *k)
{
	for (int i = 0; i < k->ncolumns; i++)
	{
		if (k->columns[i].wanted)
			return true;
	}
	return false;
}

/* Give the values of a column back. */
static void
Drop(CsKeptColumn *c, CsKept *k)
{
	k->held -= sizeof(double) * c->capacity;
	if (c->values != NULL && k->arena != NULL)
		CsArenaFree(k->arena, c->area);
	else if (c->values != NULL)
		pfree(c->values);
	c->values = NULL;
	c->capacity = c->n = 0;
	c->kept = false;
}

/* Release a column that has been used: it is no longer wanted. */
void
CsKeptRelease(CsKept *k, int column)
{
	Drop(&k->columns[column], k);
	k->columns[column].wanted = false;
}

/* Put off the last column of this reading; false when no more than the fewest are left. */
static bool
PutOffLast(CsKept *k)
{
	CsKeptColumn *last = NULL;
	int			n = 0;

	for (int i = 0; i < k->ncolumns; i++)
	{
		if (!k->columns[i].kept)
			continue;
		last = &k->columns[i];
		n++;
	}
	if (n <= k->fewest)
		return false;
	Drop(last, k);
	return true;
}

/* Have "more" bytes taken, of which a column becomes as long as "longest". */
static void
Take(CsKept *k, int column, Size more, int64 longest)
{
	Size		needed;

	k->longest = Max(k->longest, longest);
	do
		needed = k->held + more + sizeof(double) * k->spare * k->longest;
	while (needed > CsMemoryLimit() && (column < 0 || k->columns[column].kept) && PutOffLast(k));
	if (needed > CsMemoryLimit() && (column < 0 || k->columns[column].kept))
		k->full(k->state, column, needed);
	if (column < 0 || k->columns[column].kept)
		k->held += more;
}

/* Account for more bytes that something else takes. */
void
CsKeptHold(CsKept *k, Size more)
{
	Take(k, -1, more, 0);
}

/* Enlarge the array of a column, to so many values; while areas are copied, the old one takes the place of a spare array. */
static void
Enlarge(CsKept *k, CsKeptColumn *c, int64 capacity)
{
	Size		size = sizeof(double) * capacity;
	int			old = c->area;

	if (k->arena == NULL)
	{
		c->values = c->values == NULL ? CsLargeAlloc(k->context, size) : CsLargeGrow(c->values, size);
		return;
	}
	c->area = CsArenaAlloc(k->arena, size);
	if (c->values != NULL)
	{
		memcpy(CsArenaAddress(k->arena, c->area), c->values, sizeof(double) * c->n);
		CsArenaFree(k->arena, old);
	}
	c->values = CsArenaAddress(k->arena, c->area);
}

/*
 * Make room for so many values of a column.  Returns false when the column is not kept any more.
 */
bool
CsKeptGrow(CsKept *k, int column, int64 nvalues)
{
	CsKeptColumn *c = &k->columns[column];
	int64		capacity = Max(Max(k->first, c->capacity + c->capacity / 2), nvalues);

	if (!c->kept)
		return false;
	Take(k, column, sizeof(double) * (capacity - c->capacity), capacity);
	if (!c->kept)
		return false;
	Enlarge(k, c, capacity);
	c->capacity = capacity;
	return true;
}

/* CsKeptPut() of n values.  Returns how many of them were kept. */
int
CsKeptPutRun(CsKept *k, int column, const double *values, int n)
{
	CsKeptColumn *c = &k->columns[column];
	int			done = 0;

	while (done < n)
	{
		int64		room;

		if (c->n == c->capacity && !CsKeptGrow(k, column, c->n + 1))
			break;
		room = Min(c->capacity - c->n, n - done);
		memcpy(c->values + c->n, values + done, sizeof(double) * room);
		c->n += room;
		done += (int) room;
	}
	return done;
}
