/*
 * within.c
 *	  Models within a segment of another model: whose customers they are of.
 *
 * A model keeps, version by version, in custseg.model_within, of which segment of which model it is.  Whatever
 * reads a source for such a model reads the customers of that segment alone, as the deployed version of the other
 * model places them, and predict() with it: overrides hold, and PostgreSQL plans the condition like any other.
 */
#include "custseg.h"

#include "lib/stringinfo.h"
#include "score/score.h"
#include "utils/builtins.h"

/* All versions of a model are within the same segment. */
static const char *const within_sql =
"SELECT w.parent_model, w.segment FROM custseg.model_within AS w "
"WHERE w.model OPERATOR(pg_catalog.=) $1 ORDER BY w.version DESC LIMIT 1";

/* CsCatalogVisitor: the row. */
static void
TakeWithin(void *state, const CsCatalogRow *row)
{
	CsWithin  **within = state;

	*within = palloc0(sizeof(CsWithin));
	(*within)->parent = CsRowText(row, 1);
	(*within)->segment = CsRowInt4(row, 2, 0);
}

/* Of which segment of which model a model is, palloc'd; NULL: it is of all customers. */
CsWithin *
CsWithinOf(const char *model)
{
	CsWithin   *within = NULL;

	CsCatalogRead(within_sql, CsValues(CsValueText(model)), TakeWithin, &within);
	return within;
}

/*
 * Have a relation read the customers of a segment, and of those that it is within, alone; nothing happens for NULL.
 */
void
CsWithinRestrict(CsRelation *rel, const CsWithin *within)
{
	StringInfoData from_item;

	if (within == NULL)
		return;
	initStringInfo(&from_item);
	appendStringInfo(&from_item, "(SELECT source.* FROM %s", CsRelationAsSource(rel));
	for (int i = 0; within != NULL && i < CS_MOST_LEVELS; i++)
	{
		/* a column may be called source, too: source.* is the row */
		appendStringInfo(&from_item, " %s custseg.predict(%s, source.*) OPERATOR(pg_catalog.=) %d",
						 i == 0 ? "WHERE" : "AND", quote_literal_cstr(within->parent), within->segment);
		within = CsWithinOf(within->parent);
	}
	appendStringInfoString(&from_item, ") AS source");
	rel->from_item = from_item.data;
}
