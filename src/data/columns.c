/*
 * columns.c
 *	  A set of columns to read: each once, whoever asks for it.
 */
#include "custseg.h"

#include "catalog/pg_type_d.h"
#include "data/relation.h"
#include "miscadmin.h"
#include "utils/builtins.h"

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

/*
 * The columns that the user named in array "argument", the elements of vectors among them; *n: how
 * many.  An empty array, a NULL in it and a column that is named twice are errors.  Palloc'd.
 */
CsColumn *
CsRelationNamed(const CsRelation *rel, ArrayType *names, const char *argument, int *n)
{
	CsColumnSet set = {0};
	Datum	   *values;
	bool	   *nulls;
	int			nvalues;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &nvalues);
	if (nvalues == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be empty", argument),
				 errhint("Name at least one column, or leave it out.")));
	for (int i = 0; i < nvalues; i++)
	{
		const CsColumn *columns;
		int			ncolumns;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"%s\" must not contain NULL", argument)));
		columns = CsRelationColumns(rel, TextDatumGetCString(values[i]), &ncolumns);
		for (int j = 0; j < ncolumns; j++)
		{
			int			before = set.ncolumns;

			if (CsColumnSetAdd(&set, &columns[j]) < before)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is named twice", NameStr(columns[j].name)),
						 errhint("Name each column once.")));
		}
	}
	*n = set.ncolumns;
	return set.columns;
}
