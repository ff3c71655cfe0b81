/*
 * role.c
 *	  The column that a function reads something from, such as the customer of an order: named by who calls it, and of a
 *	  type that can be that.
 */
#include "custseg.h"

#include "catalog/pg_type_d.h"
#include "data/relation.h"
#include "utils/builtins.h"

/*
 * The column of the relation with that name, which must be of one of the kinds, a sum of
 * CS_KIND_BIT().  "role" tells in an error what the column is needed for.  Belongs to the relation.
 */
const CsColumn *
CsColumnOfRole(const CsRelation *rel, const char *name, const char *role, int kinds)
{
	const CsColumn *column;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the column of the %s must not be NULL", role),
				 errhint("Name a column of %s.", rel->description)));
	column = CsRelationWhole(rel, name);
	if ((kinds & CS_KIND_BIT(column->converter.kind)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the %s", name,
						format_type_be(column->type), role),
				 errhint("Name another column, or cast it in a query as the source.")));
	return column;
}

/*
 * The column of the relation that tells whose its rows are, of any kind: a sample of the relation is to have all rows of a
 * value, or none.  Belongs to the relation.
 */
const CsColumn *
CsKeyOfRole(CsRelation *rel, const char *name, const char *role)
{
	rel->together = CsColumnOfRole(rel, name, role, CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) |
								   CS_KIND_BIT(CS_BOOLEAN) | CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE));
	return rel->together;
}

/*
 * The column of the relation that holds a time, a date or a timestamp; "role" tells what it is the time of.  Belongs to
 * the relation.
 */
const CsColumn *
CsTimeOfRole(const CsRelation *rel, const char *name, const char *role)
{
	const CsColumn *column = CsColumnOfRole(rel, name, role, CS_KIND_BIT(CS_TIME));

	if (column->converter.type != DATEOID && column->converter.type != TIMESTAMPOID &&
		column->converter.type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the %s", name, format_type_be(column->type), role),
				 errhint("Name a column of type date, timestamp or timestamp with time zone.")));
	return column;
}
