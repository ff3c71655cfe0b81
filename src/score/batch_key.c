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

#include "access/stratnum.h"
#include "call/call.h"
#include "catalog/tables.h"
#include "score/resegment.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

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

/* A type as SQL has it, whatever the caller's search_path; palloc'd. */
static char *
QualifiedType(Oid type)
{
	/* "given": char and bit without a length, which by default is 1 */
	return format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/* A column of the key compared with the value that was kept, in SQL. */
typedef struct Comparison
{
	char	   *left;			/* the column */
	char	   *right;			/* the value */
	char	   *operator;		/* OPERATOR(schema.name) */
} Comparison;

/*
 * A column of the key compared by an operator (BT...StrategyNumber) of its type's own order, palloc'd.
 * Whatever the caller's search_path, no other operator is found for it: it has its schema, and both sides
 * are values of its very types.
 */
static Comparison
CompareColumn(const CsBatchPart *part, int strategy)
{
	Oid			type = part->column->type;
	const TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = get_opfamily_member(entry->btree_opf, entry->btree_opintype,
											   entry->btree_opintype, strategy);
	Oid			output;
	bool		is_varlena;
	Comparison	result;

	if (!OidIsValid(operator))
		elog(ERROR, "type %u has no order", type);
	getTypeOutputInfo(type, &output, &is_varlena);
	result.left = psprintf("%s::%s", ColumnOfTable(part->column), QualifiedType(entry->btree_opintype));
	result.right = psprintf("%s::%s::%s",
							quote_literal_cstr(OidOutputFunctionCall(output, part->last)),
							QualifiedType(type), QualifiedType(entry->btree_opintype));
	result.operator = psprintf("OPERATOR(%s)", CsOperatorName(operator));
	return result;
}

/* How the columns of the key from the n-th on compare, as two rows; NULL where their operators differ in name. */
static char *
CompareRows(const CsBatchKey *key, int n, int strategy)
{
	StringInfoData left;
	StringInfoData right;
	char	   *operator = NULL;

	initStringInfo(&left);
	initStringInfo(&right);
	for (int i = n; i < list_length(key->columns); i++)
	{
		Comparison	c = CompareColumn(&key->parts[i], strategy);
		const char *comma = i > n ? ", " : "";

		if (operator != NULL && strcmp(c.operator, operator) != 0)
			return NULL;
		operator = c.operator;
		appendStringInfo(&left, "%s%s", comma, c.left);
		appendStringInfo(&right, "%s%s", comma, c.right);
	}
	return psprintf("ROW(%s) %s ROW(%s)", left.data, operator, right.data);
}

/*
 * How the columns of the key from the n-th on compare: as rows, or where operators are in different schemas
 * first this column, and where it is equal those that follow.  An index on the key is read from such a
 * condition on, or up to it.
 */
static char *
CompareFrom(const CsBatchKey *key, int n, int strategy)
{
	bool		is_after = strategy == BTGreaterStrategyNumber;
	char	   *rows = CompareRows(key, n, strategy);
	Comparison	bound;
	Comparison	strict;

	if (rows != NULL)
		return rows;
	bound = CompareColumn(&key->parts[n], is_after ? BTGreaterEqualStrategyNumber : BTLessEqualStrategyNumber);
	strict = CompareColumn(&key->parts[n], is_after ? BTGreaterStrategyNumber : BTLessStrategyNumber);
	return psprintf("%s %s %s AND (%s %s %s OR %s)", bound.left, bound.operator, bound.right,
					strict.left, strict.operator, strict.right, CompareFrom(key, n + 1, strategy));
}

/* A condition on the key that compares the table's with that of the row that was kept; palloc'd. */
static char *
CompareKey(const CsBatchKey *key, int strategy)
{
	int			level = CsExactFloats();
	char	   *condition;

	/* with zones as numbers: their abbreviations are ambiguous */
	CsSetForNow("datestyle", "ISO");
	condition = CompareFrom(key, 0, strategy);
	AtEOXact_GUC(true, level);
	return condition;
}

/* The condition of rows that come after the one whose key was kept; palloc'd. */
char *
CsBatchKeyAfter(const CsBatchKey *key)
{
	return CompareKey(key, BTGreaterStrategyNumber);
}

/* The condition of that row and all before it; palloc'd. */
char *
CsBatchKeyUntil(const CsBatchKey *key)
{
	return CompareKey(key, BTLessEqualStrategyNumber);
}
