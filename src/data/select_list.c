/*
 * select_list.c
 *	  What a statement selects to read columns of a source: each column once, a vector once for all of
 *	  its elements.
 */
#include "custseg.h"

#include "data/select_list.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* Find where each column is; "position" is 0 for vectors that no element has been read of. */
static void
FindPositions(CsSelectList *list, int *position)
{
	for (int i = 0; i < list->ncolumns; i++)
	{
		const CsColumn *column = &list->columns[i];

		if (column->element > 0 && position[column->attnum] > 0)
		{
			list->read[i] = position[column->attnum] - 1;
			continue;
		}
		list->read[i] = list->nread++;
		if (column->element > 0)
			position[column->attnum] = list->nread;
		list->has_vectors |= column->element > 0;
	}
}

/* The list for columns, which it goes on to refer to; palloc'd, as is what is in it. */
CsSelectList *
CsSelectListMake(const CsColumn *columns, int ncolumns)
{
	CsSelectList *list = palloc0(sizeof(CsSelectList));
	int			last = 0;
	int		   *position;

	for (int i = 0; i < ncolumns; i++)
		last = Max(last, columns[i].attnum);
	list->columns = columns;
	list->ncolumns = ncolumns;
	list->read = palloc(sizeof(int) * Max(ncolumns, 1));
	position = palloc0(sizeof(int) * (last + 1));	/* by attnum, from 1 */
	FindPositions(list, position);
	pfree(position);
	if (list->has_vectors)
	{
		list->elements = palloc(sizeof(double) * CS_MAX_VECTOR_WIDTH);
		list->values = palloc0(sizeof(Datum) * ncolumns);
		list->nulls = palloc0(sizeof(bool) * ncolumns);
	}
	return list;
}

/* The statement that reads the list from a source, palloc'd. */
char *
CsSelectListStatement(const CsSelectList *list, const CsRelation *rel)
{
	StringInfoData sql;
	int			nread = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < list->ncolumns; i++)
	{
		const CsColumn *column = &list->columns[i];

		if (list->read[i] < nread)
			continue;
		/* a vector as a whole is the type's own value, of which nothing but NULL is known */
		appendStringInfo(&sql, "%s%s", nread++ == 0 ? "" : ", ",
						 column->element == 0 ? quote_identifier(NameStr(column->name)) :
						 CsColumnExpression(column));
	}
	appendStringInfo(&sql, " FROM %s", rel->from_item);
	return sql.data;
}

/* The type of what is read for a column. */
Oid
CsSelectListType(const CsColumn *column)
{
	if (column->element == 0)
		return column->type;
	return OidIsValid(column->vector->type.cast) ? column->vector->type.array_type :
		column->vector->type.type;
}

/*
 * Values of all columns from those that were read, elements from their vectors.  OUT values and nulls, one
 * a column, which are those that were read or belong to the list.
 */
void
CsSelectListExpand(CsSelectList *list, const Datum **values, const bool **nulls)
{
	const Datum *read = *values;
	const bool *read_nulls = *nulls;
	int			at = -1;		/* whose elements are at hand */

	if (!list->has_vectors)
		return;
	for (int i = 0; i < list->ncolumns; i++)
	{
		const CsColumn *column = &list->columns[i];
		int			from = list->read[i];

		list->nulls[i] = read_nulls[from];
		if (read_nulls[from])
			continue;
		if (column->element == 0)
		{
			list->values[i] = read[from];
			continue;
		}
		if (from != at)
			CsVectorRead(&column->vector->type, read[from], column->vector->width, list->elements);
		at = from;
		list->values[i] = Float8GetDatum(list->elements[column->element - 1]);
	}
	*values = list->values;
	*nulls = list->nulls;
}
