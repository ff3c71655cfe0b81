/*
 * key.c
 *	  What identifies the rows of a source: its primary key, the columns that an id names, and
 *	  whether they can serve.
 *
 * Unique indexes are believed where they cover every row that reading gives: not those of a
 * parent of inheritance children, nor those below a view.  Otherwise the rows are counted.
 */
#include "custseg.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "call/call.h"
#include "data/identity.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/*
 * Can the rows of a relation come from elsewhere than its own storage?  Inheritance children are
 * read with their parent, but its indexes do not cover them.
 */
static bool
HasOwnRowsOnly(Oid relid)
{
	switch (get_rel_relkind(relid))
	{
		case RELKIND_MATVIEW:
		case RELKIND_PARTITIONED_TABLE: /* its indexes cover the partitions */
			return true;
		case RELKIND_RELATION:
			return !has_subclass(relid);
		default:
			return false;
	}
}

/* The indexes of a relation, as a list of Oids; NIL when they say nothing about all of its rows. */
static List *
IndexesOfRelation(Oid relid)
{
	Relation	relation;
	List	   *indexes;

	if (!OidIsValid(relid) || !HasOwnRowsOnly(relid))
		return NIL;
	relation = relation_open(relid, AccessShareLock);
	indexes = RelationGetIndexList(relation);
	relation_close(relation, NoLock);
	return indexes;
}

/*
 * The names (char *) of the columns of a relation's primary key, palloc'd.  NIL if there is none, if
 * relid is invalid, or if inheritance children can hold rows that the key does not see.
 */
List *
CsPrimaryKey(Oid relid)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, IndexesOfRelation(relid))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisprimary)
		{
			for (int i = 0; i < index->indnkeyatts; i++)
				names = lappend(names, get_attname(relid, index->indkey.values[i], false));
		}
		ReleaseSysCache(tuple);
	}
	return names;
}

/* Must a name be quoted to stand among others that commas separate? */
static bool
NeedsQuotes(const char *name)
{
	return name[0] == '\0' || strpbrk(name, ",\"") != NULL || isspace((unsigned char) name[0]) ||
		isspace((unsigned char) name[strlen(name) - 1]);
}

/*
 * The primary key as an id, palloc'd: the name of its column, or names separated by commas.  NULL without
 * one.
 */
char *
CsRelationDefaultId(const CsRelation *rel)
{
	List	   *key = CsPrimaryKey(rel->relid);
	StringInfoData id;
	ListCell   *cell;

	if (list_length(key) <= 1)
		return key == NIL ? NULL : linitial(key);
	initStringInfo(&id);
	foreach(cell, key)
	{
		const char *name = lfirst(cell);

		if (id.len > 0)
			appendStringInfoChar(&id, ',');
		if (!NeedsQuotes(name))
		{
			appendStringInfoString(&id, name);
			continue;
		}
		appendStringInfoChar(&id, '"');
		for (const char *c = name; *c != '\0'; c++)
		{
			if (*c == '"')
				appendStringInfoChar(&id, '"');
			appendStringInfoChar(&id, *c);
		}
		appendStringInfoChar(&id, '"');
	}
	return id.data;
}

/* Take one name, quoted or not, from the front of a list; moves on to what follows its comma. */
static char *
TakeName(const char **list)
{
	const char *c = *list;
	StringInfoData name;
	bool		quoted;

	initStringInfo(&name);
	c += strspn(c, " \t\r\n");
	quoted = *c == '"';
	for (c += quoted; *c != '\0'; c++)
	{
		if (quoted && *c == '"' && *++c != '"')
			break;
		if (!quoted && *c == ',')
			break;
		appendStringInfoChar(&name, *c);
	}
	while (!quoted && name.len > 0 && isspace((unsigned char) name.data[name.len - 1]))
		name.data[--name.len] = '\0';
	c += strcspn(c, ",");
	*list = c;
	return name.data;
}

/*
 * The names (char *) in a list of them, which commas separate, palloc'd.  A name with a comma, a quote or
 * blanks at its ends stands in double quotes there.
 */
List *
CsIdNames(const char *id)
{
	List	   *names = list_make1(TakeName(&id));

	while (*id == ',')
	{
		id++;
		names = lappend(names, TakeName(&id));
	}
	return names;
}

/* Is that column one of an id, which may be NULL? */
bool
CsIdHasColumn(const char *id, const char *name)
{
	ListCell   *cell;

	if (id == NULL)
		return false;
	if (strcmp(id, name) == 0)
		return true;
	foreach(cell, CsIdNames(id))
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/*
 * The columns (const CsColumn *) of an id, which names one column, or several that identify a row
 * together: 'shop,id'.  One column may be called as the whole id is.  A missing column is an error, or
 * with missing_ok NIL is returned.
 */
List *
CsRelationIdColumns(const CsRelation *rel, const char *id, bool missing_ok)
{
	List	   *names = CsIdNames(id);
	List	   *columns = NIL;
	ListCell   *cell;

	if (list_length(names) == 1 || CsRelationFind(rel, id) != NULL)
		names = list_make1(pstrdup(id));
	if (list_length(names) > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("an id of %d columns is too long", list_length(names)),
				 errhint("Name %d columns at most.", INDEX_MAX_KEYS)));
	foreach(cell, names)
	{
		const CsColumn *column = CsRelationFind(rel, lfirst(cell));

		if (column == NULL && missing_ok)
			return NIL;
		if (column == NULL || !missing_ok)
			column = CsRelationWhole(rel, lfirst(cell));
		columns = lappend(columns, unconstify(CsColumn *, column));
	}
	return columns;
}

/* Are all columns of an index's key among these?  Not when one of them is an expression. */
static bool
IsWithin(const CsRelation *rel, Form_pg_index index, const List *columns)
{
	for (int i = 0; i < index->indnkeyatts; i++)
	{
		bool		found = false;
		ListCell   *cell;

		foreach(cell, columns)
		{
			const CsColumn *column = lfirst(cell);

			found |= get_attnum(rel->relid, NameStr(column->name)) == index->indkey.values[i];
		}
		if (!found)
			return false;
	}
	return true;
}

/*
 * Does an index prove that the values of columns, together, differ, NULLs apart?  Sets *notnull when it
 * also proves that there are none, as only a primary key does: since 18, a column marked NOT NULL can
 * hold NULLs that are older than its constraint.
 */
static bool
HasUniqueIndex(const CsRelation *rel, const List *columns, bool *notnull)
{
	bool		found = false;
	ListCell   *cell;

	*notnull = false;
	foreach(cell, IndexesOfRelation(rel->relid))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisunique && index->indimmediate && index->indisvalid &&
			IsWithin(rel, index, columns) &&
			heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
		{
			found = true;
			*notnull = *notnull ||
				(index->indisprimary && index->indnkeyatts == list_length(columns));
		}
		ReleaseSysCache(tuple);
	}
	return found;
}

/* What is known of ids in these columns (const CsColumn *) before any row is read. */
CsIdProof
CsRelationIdProof(const CsRelation *rel, const List *columns)
{
	bool		notnull;

	if (!HasUniqueIndex(rel, columns, &notnull))
		return CS_ID_UNPROVEN;
	return notnull ? CS_ID_PROVEN : CS_ID_UNIQUE;
}

/* CsRowSink: count a row. */
static void
CountRow(void *state, const Datum *values, const bool *nulls)
{
	CsIdCounterAdd(state, values, nulls);
}

/* The name of a column, quoted for a message; palloc'd. */
static char *
MessageName(const CsColumn *column)
{
	return psprintf("\"%s\"", NameStr(column->name));
}

/* The name of a column, quoted as SQL has it; palloc'd. */
static char *
ExpressionName(const CsColumn *column)
{
	return pstrdup(quote_identifier(NameStr(column->name)));
}

/*
 * Count what columns that are to identify rows together fall short of: the rows are read for it, unless a
 * valid unique index proves that nothing is wrong.  Returns false when their values cannot be compared.
 */
static bool
CountIds(const CsRelation *rel, const List *columns, CsIdCounts *counts)
{
	CsIdProof	proof = CsRelationIdProof(rel, columns);
	CsIdCounter *counter;
	CsColumn	read[INDEX_MAX_KEYS];

	memset(counts, 0, sizeof(*counts));
	if (proof == CS_ID_PROVEN)
		return true;
	counter = CsIdCounterBegin(rel, columns, proof == CS_ID_UNIQUE);
	if (counter == NULL)
		return false;
	for (int i = 0; i < list_length(columns); i++)
		read[i] = *(const CsColumn *) list_nth(columns, i);
	(void) CsRelationRead(rel, read, list_length(columns), CountRow, counter);
	*counts = CsIdCounterEnd(counter);
	return true;
}

/* What the planner expects a prepared statement to cost. */
static double
PlanCost(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	double		cost = linitial_node(PlannedStmt, cached->stmt_list)->planTree->total_cost;

	ReleaseCachedPlan(cached, NULL);
	return cost;
}

/* An operator's name with its schema, as OPERATOR() has it; palloc'd. */
char *
CsOperatorName(Oid operator)
{
	List	   *names;
	List	   *arguments;

	format_operator_parts(operator, &names, &arguments, false);
	return psprintf("%s.%s", quote_identifier(linitial(names)), (char *) lsecond(names));
}

/* A value of an id as a constant of a statement, palloc'd; under CsPlainSettings(). */
static char *
ConstantOf(CsIdPart *part, Datum value)
{
	return psprintf("%s::%s", quote_literal_cstr(OutputFunctionCall(&part->output, value)),
					format_type_extended(part->type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
}

/*
 * Those rows of a source that have these values, as CsIdentityRead() gives them, in the columns of its id: a
 * relation that can be read and nothing else, palloc'd.  NULL where a type has no equality.
 */
CsRelation *
CsRelationOfId(const CsRelation *rel, const List *columns, CsIdentity *identity, const Datum *values)
{
	CsRelation *result = palloc(sizeof(CsRelation));
	StringInfoData from_item;
	int			level = CsPlainSettings();

	*result = *rel;
	initStringInfo(&from_item);
	appendStringInfoString(&from_item, rel->from_item);
	for (int i = 0; i < identity->nparts && result != NULL; i++)
	{
		const CsColumn *column = list_nth(columns, i);
		CsIdPart   *part = &identity->parts[i];
		Oid			equals = lookup_type_cache(part->type, TYPECACHE_EQ_OPR)->eq_opr;

		if (part->by_text || !OidIsValid(equals))
			result = NULL;
		else
			appendStringInfo(&from_item, " %s %s OPERATOR(%s) %s", i == 0 ? "WHERE" : "AND",
							 quote_identifier(NameStr(column->name)), CsOperatorName(equals),
							 ConstantOf(part, values[i]));
	}
	AtEOXact_GUC(true, level);
	if (result != NULL)
		result->from_item = from_item.data;
	return result;
}

/*
 * Does a row of the source have these values, as CsIdentityRead() gives them, in the columns of its id?
 * Nobody can tell where a type has no equality, or looking would cost more than "most" of the planner's
 * units.
 */
CsPresence
CsRelationHasId(const CsRelation *rel, const List *columns, CsIdentity *identity, const Datum *values,
				double most)
{
	CsReading	reading = CsReadingBegin(rel);
	const CsRelation *rows = CsRelationOfId(rel, columns, identity, values);
	SPIPlanPtr	plan;
	CsPresence	result = CS_PRESENCE_UNKNOWN;

	SPI_connect();
	plan = rows == NULL ? NULL : SPI_prepare(psprintf("SELECT FROM %s LIMIT 1", rows->from_item), 0, NULL);
	if (rows != NULL && plan == NULL)
		elog(ERROR, "could not look for an id: %s", SPI_result_code_string(SPI_result));
	if (plan != NULL && PlanCost(plan) <= most)
	{
		if (SPI_execute_plan(plan, NULL, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not look for an id");
		result = SPI_processed > 0 ? CS_PRESENCE_FOUND : CS_PRESENCE_MISSING;
	}
	SPI_finish();
	CsReadingEnd(&reading);
	return result;
}

/* The error of a column whose values cannot be compared. */
static void
ReportIncomparable(const List *columns)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		const CsColumn *column = lfirst(cell);

		if (!CsIsComparable(column))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of type %s cannot identify rows", NameStr(column->name),
							format_type_be(column->type)),
					 errdetail("Values of this type cannot be compared."),
					 errhint("Name a column of numbers or texts as id, or cast it in a query.")));
	}
}

/*
 * Raise an error unless the columns of an id are there, unique and not NULL in the source, which is read
 * for it unless a valid unique index proves it.
 */
void
CsRelationCheckId(const CsRelation *rel, const char *id)
{
	const List *columns = CsRelationIdColumns(rel, id, false);
	bool		several = list_length(columns) > 1;
	const char *what = psprintf("id column%s %s", several ? "s" : "", CsListColumns(columns, ", ", MessageName));
	CsIdCounts	counts;

	if (!CountIds(rel, columns, &counts))
		ReportIncomparable(columns);
	if (counts.n_null > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("%s of %s contain%s nulls", what, rel->description, several ? "" : "s"),
				 errdetail("It is null in %lld of %lld rows.", (long long) counts.n_null,
						   (long long) counts.n_rows),
				 errhint("Name another column as id, or leave those rows out with a query: "
						 "SELECT ... WHERE %s%s%s IS NOT NULL.", several ? "(" : "",
						 CsListColumns(columns, ", ", ExpressionName), several ? ")" : "")));
	if (counts.n_duplicates > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("%s of %s %s not unique", what, rel->description, several ? "are" : "is"),
				 errdetail("%lld of %lld rows repeat the %s of another row.",
						   (long long) counts.n_duplicates, (long long) counts.n_rows,
						   several ? "values" : "value"),
				 errhint("Name another column as id, or give a query with one row for each customer.")));
}
