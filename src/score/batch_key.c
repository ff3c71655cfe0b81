/*
 * batch_key.c
 *	  The primary key, by whose order the batches of resegment() follow each other.
 *
 * With "batch", rows come in the order of the primary key, so many at a time, and each batch is
 * committed: its rows are locked no longer than it lasts, whatever moves where in the table meanwhile.
 * Where a batch begins and ends is said by conditions on the key, which are SQL: they hold for the rows that
 * there are when it is read again.
 */
#include "custseg.h"

#include "catalog/tables.h"
#include "score/resegment.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* The primary key of a table, whose name is qualified and quoted, palloc'd; an error without one. */
CsBatchKey *
CsBatchKeyFind(Relation rel, const char *table)
{
	CsBatchKey *key = palloc0(sizeof(CsBatchKey));
	List	   *names = CsPrimaryKey(RelationGetRelid(rel));
	const CsRelation *source;
	ListCell   *cell;

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" has no primary key to make batches by",
						RelationGetRelationName(rel)),
				 errhint("Add a primary key, or leave \"batch\" out.")));
	source = CsRelationOpen(table);
	foreach(cell, names)
		key->columns = lappend(key->columns, unconstify(CsColumn *, CsRelationColumn(source, lfirst(cell))));
	return key;
}

/* A column of the table as it is read; palloc'd. */
static char *
ColumnOfTable(const CsColumn *column)
{
	return psprintf("t.%s", quote_identifier(NameStr(column->name)));
}

/* The columns of the key, as of the table "t", with commas between them; palloc'd. */
char *
CsBatchKeyOrder(const CsBatchKey *key)
{
	return CsListColumns(key->columns, ", ", ColumnOfTable);
}

/* Find the columns of the key among what is read. */
void
CsBatchKeyBind(CsBatchKey *key, const CsRelation *reader)
{
	int			n = 0;
	ListCell   *cell;

	key->parts = palloc0(sizeof(CsBatchPart) * list_length(key->columns));
	foreach(cell, key->columns)
	{
		CsBatchPart *part = &key->parts[n++];

		part->column = lfirst(cell);
		part->position = CsRelationColumn(reader, NameStr(part->column->name)) - reader->columns;
		get_typlenbyval(part->column->type, &part->length, &part->by_value);
	}
}

/* Keep the row's key: the next batch comes after it. */
void
CsBatchKeyKeep(CsBatchKey *key, const Datum *row)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(key->parts));

	for (int i = 0; i < list_length(key->columns); i++)
	{
		CsBatchPart *part = &key->parts[i];

		if (!part->by_value && DatumGetPointer(part->last) != NULL)
			pfree(DatumGetPointer(part->last));
		part->last = datumCopy(row[part->position], part->by_value, part->length);
	}
	MemoryContextSwitchTo(old);
}

/* A condition on the key that compares the table's with that of the row that was read last. */
static char *
CompareKey(const CsBatchKey *key, const char *comparison)
{
	StringInfoData columns;
	StringInfoData values;
	int			level = CsExactFloats();

	/* with zones as numbers: their abbreviations are ambiguous */
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	initStringInfo(&columns);
	initStringInfo(&values);
	for (int i = 0; i < list_length(key->columns); i++)
	{
		const CsColumn *column = key->parts[i].column;
		const char *comma = i > 0 ? ", " : "";
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(column->type, &output, &is_varlena);
		appendStringInfo(&columns, "%st.%s", comma, quote_identifier(NameStr(column->name)));
		appendStringInfo(&values, "%s%s::%s", comma,
						 quote_literal_cstr(OidOutputFunctionCall(output, key->parts[i].last)),
						 /* "given": char and bit without a length, which by default is 1 */
						 format_type_extended(column->type, -1,
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	}
	AtEOXact_GUC(true, level);
	return psprintf("ROW(%s) %s ROW(%s)", columns.data, comparison, values.data);
}

/* The condition of rows that come after the one whose key was kept; palloc'd. */
char *
CsBatchKeyAfter(const CsBatchKey *key)
{
	return CompareKey(key, ">");
}

/* The condition of that row and all before it; palloc'd. */
char *
CsBatchKeyUntil(const CsBatchKey *key)
{
	return CompareKey(key, "<=");
}
