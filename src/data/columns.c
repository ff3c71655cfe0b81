/*
 * columns.c
 *	  A set of columns to read: each once, whoever asks for it.
 */
#include "custseg.h"

#include "data/relation.h"

/*
 * Add a column to the set unless it is there, and return its position.  The array is allocated in
 * the context that is current at the first call, and stays there.
 */
int
CsColumnSetAdd(CsColumnSet *set, const CsColumn *column)
{
	for (int i = 0; i < set->ncolumns; i++)
	{
		if (CsIsSameColumn(&set->columns[i], column))
			return i;
	}
	if (set->ncolumns == set->capacity)
	{
		set->capacity = Max(16, 2 * set->capacity);
		set->columns = set->columns == NULL ? palloc(sizeof(CsColumn) * set->capacity) :
			repalloc(set->columns, sizeof(CsColumn) * set->capacity);
	}
	set->columns[set->ncolumns] = *column;
	return set->ncolumns++;
}
