/*
 * levels.c
 *	  Rows counted by the level of a category that they have, and by group.
 */
#include "custseg.h"

#include "data/relation.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 64

/*
 * Counters for ngroups groups, in CurrentMemoryContext.  At most "most" levels are counted; the
 * room for them is taken from "kept" unless that is NULL.
 */
CsLevelCounts *
CsLevelCountsCreate(int ngroups, int most, CsKept *kept)
{
	CsLevelCounts *c = palloc0(sizeof(CsLevelCounts));

	c->dictionary = CsDictionaryCreate();
	c->ngroups = ngroups;
	c->most = most;
	c->uncounted = palloc0(sizeof(int64) * ngroups);
	c->kept = kept;
	return c;
}

/* Make room for a level. */
static void
Grow(CsLevelCounts *c, int level)
{
	int			capacity = Max(Max(FIRST_CAPACITY, 2 * c->capacity), level + 1);
	Size		old_size = sizeof(int64) * c->capacity * c->ngroups;
	Size		size = sizeof(int64) * capacity * c->ngroups;

	if (c->kept != NULL)
		CsKeptHold(c->kept, size - old_size);
	c->rows = c->rows == NULL ? MemoryContextAllocHuge(GetMemoryChunkContext(c), size) :
		repalloc_huge(c->rows, size);
	memset((char *) c->rows + old_size, 0, size - old_size);
	c->capacity = capacity;
}

/* Count rows by their level.  Those for whose level there is no room are "uncounted". */
void
CsLevelCountsAddText(CsLevelCounts *c, const char *text, int length, int group, int64 rows)
{
	int			level = CsDictionaryCode(c->dictionary, text, length);

	if (level < 0 || level >= c->most)
	{
		c->uncounted[group] += rows;
		return;
	}
	if (level >= c->capacity)
		Grow(c, level);
	c->nlevels = Max(c->nlevels, level + 1);
	CsLevelRows(c, level)[group] += rows;
}

/*
 * Count a row by its value, which is not NULL.  A row for whose level there is no room is
 * "uncounted".
 */
void
CsLevelCountsAdd(CsLevelCounts *c, const CsConverter *converter, Datum value, int group)
{
	int			length;
	void	   *copy;
	const char *text = CsCategoryText(converter, value, &length, &copy);

	CsLevelCountsAddText(c, text, length, group, 1);
	if (copy != NULL)
		pfree(copy);
}

/* Levels that are sorted: their texts, and their rows in all groups. */
typedef struct Sorting
{
	CsDictionary *dictionary;
	int64	   *rows;
} Sorting;

/* Most rows first, ties by text. */
static int
CompareLevels(const void *a, const void *b, void *arg)
{
	const Sorting *sorting = arg;
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	if (sorting->rows[x] != sorting->rows[y])
		return sorting->rows[x] > sorting->rows[y] ? -1 : 1;
	return strcmp(CsDictionaryLevel(sorting->dictionary, x), CsDictionaryLevel(sorting->dictionary, y));
}

/* The levels that were counted, the one of most rows first, ties by text; palloc'd. */
int *
CsLevelsByRows(const CsLevelCounts *c)
{
	int		   *levels = palloc(sizeof(int) * Max(c->nlevels, 1));
	Sorting		sorting = {c->dictionary, palloc0(sizeof(int64) * Max(c->nlevels, 1))};

	for (int i = 0; i < c->nlevels; i++)
	{
		levels[i] = i;
		for (int g = 0; g < c->ngroups; g++)
			sorting.rows[i] += CsLevelRows(c, i)[g];
	}
	qsort_interruptible(levels, c->nlevels, sizeof(int), CompareLevels, &sorting);
	pfree(sorting.rows);
	return levels;
}
