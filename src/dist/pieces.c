/*
 * pieces.c
 *	  Where the rows of a source are, and what is read of them.
 *
 * PostgreSQL hands an aggregate on to another server only when it is over one foreign table.  So a
 * partitioned table with foreign leaves is read leaf by leaf.  Leaves are read with the rights to them,
 * and row-level security of their parent would not apply: where there is some, the table is one piece.
 */
#include "custseg.h"

#include "access/table.h"
#include "call/call.h"
#include "catalog/engine.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/varlena.h"

/* Does a list of extensions name custseg? */
static bool
ListsCustseg(char *list)
{
	List	   *names;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(list), ',', &names))
		return false;
	foreach(cell, names)
		if (strcmp(lfirst(cell), "custseg") == 0)
			return true;
	return false;
}

/* Does a server of postgres_fdw run custseg's aggregates itself? */
static bool
RunsAggregates(const ForeignServer *server)
{
	ListCell   *cell;

	foreach(cell, server->options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "extensions") == 0 && ListsCustseg(defGetString(option)))
			return true;
	}
	return false;
}

/* "schema"."table", palloc'd. */
static char *
RelationItem(Oid relid, const char *only)
{
	return psprintf("%s%s", only, quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
															 get_rel_name(relid)));
}

/* Note a foreign table: those of postgres_fdw have their rows on other servers. */
static void
NoteForeign(CsPieces *pieces, Oid relid)
{
	if (!CsIsOnAnotherServer(relid))
		return;
	pieces->is_foreign = true;
	pieces->is_remote |= RunsAggregates(GetForeignServer(GetForeignTable(relid)->serverid));
}

/* The leaves of a table, one piece each, when some of them are foreign; not where its policies would be left out. */
static void
FindLeaves(CsPieces *pieces)
{
	const CsRelation *rel = pieces->relation;
	List	   *leaves = find_all_inheritors(rel->relid, AccessShareLock, NULL);
	ListCell   *cell;

	if (list_length(leaves) < 2)
		return;
	foreach(cell, leaves)
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			NoteForeign(pieces, lfirst_oid(cell));
	if (!pieces->is_remote)
		return;
	if (check_enable_rls(rel->relid, rel->reader, true) == RLS_ENABLED)
	{
		pieces->has_policies = true;
		pieces->is_remote = false;
		return;
	}
	pieces->items = palloc(sizeof(char *) * list_length(leaves));
	pieces->nitems = 0;
	pieces->is_leaves = true;
	foreach(cell, leaves)
	{
		char		kind = get_rel_relkind(lfirst_oid(cell));

		if (kind != RELKIND_PARTITIONED_TABLE)
			pieces->items[pieces->nitems++] = RelationItem(lfirst_oid(cell), "ONLY ");
	}
	pieces->nstates = pieces->nitems;
}

/* Find where the rows of a source are; palloc'd. */
CsPieces *
CsPiecesOf(const CsRelation *rel)
{
	CsPieces   *pieces = palloc0(sizeof(CsPieces));
	int			nshards;

	pieces->relation = rel;
	pieces->nitems = pieces->nstates = 1;
	pieces->items = palloc(sizeof(char *));
	pieces->items[0] = rel->from_item;
	/* a part of a relation is read as a query is */
	if (!OidIsValid(rel->relid) || rel->from_item[0] == '(')
		return pieces;
	nshards = CsCitusShards(rel->relid);
	pieces->nstates = Max(nshards, 1);
	pieces->is_sharded = nshards > 0;
	if (pieces->is_sharded)
		return pieces;
	if (get_rel_relkind(rel->relid) == RELKIND_FOREIGN_TABLE)
		NoteForeign(pieces, rel->relid);
	else
		FindLeaves(pieces);
	return pieces;
}

/* Is a column among some (const CsColumn *)? */
static bool
HasColumn(const List *columns, const char *name)
{
	ListCell   *cell;

	foreach(cell, columns)
		if (name != NULL && strcmp(NameStr(((const CsColumn *) lfirst(cell))->name), name) == 0)
			return true;
	return false;
}

/* Is a table partitioned by some of these columns alone? */
static bool
IsPartitionedBy(Oid relid, const List *columns)
{
	Relation	table = table_open(relid, NoLock);
	PartitionKey key = RelationGetPartitionKey(table);
	bool		result = true;

	for (int i = 0; i < key->partnatts; i++)
		result &= key->partattrs[i] != 0 && HasColumn(columns, get_attname(relid, key->partattrs[i], false));
	table_close(table, NoLock);
	return result;
}

/* Are rows with the same values in these columns (const CsColumn *) in the same piece, and in the same shard? */
bool
CsPiecesKeepTogether(const CsPieces *pieces, const List *columns)
{
	ListCell   *cell;

	if (pieces->is_sharded)
		return HasColumn(columns, CsCitusKey(pieces->relation->relid));
	if (!pieces->is_leaves)
		return true;
	if (get_rel_relkind(pieces->relation->relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach(cell, find_all_inheritors(pieces->relation->relid, AccessShareLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_PARTITIONED_TABLE && !IsPartitionedBy(lfirst_oid(cell), columns))
			return false;
	return true;
}

/* Start without columns. */
void
CsTallyColumnsInit(CsTallyColumns *c)
{
	memset(c, 0, sizeof(*c));
	initStringInfo(&c->numbers);
	initStringInfo(&c->levels);
}

/* The error of a column that no aggregate can read. */
static void
RejectColumn(const CsColumn *column, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the distributed engine cannot read column \"%s\" of type %s", NameStr(column->name),
					format_type_be(column->type)),
			 errdetail_internal("%s", why),
			 errhint("Cast it in a view or a query, or give options => '{\"engine\": \"local\"}'.")));
}

/* Whole numbers as texts, by functions that postgres_fdw hands on, as it does not with a cast between these; palloc'd. */
static char *
CodeExpression(const CsColumn *column)
{
	const char *name = quote_identifier(NameStr(column->name));
	Oid			type = column->converter.type;

	return type == INT2OID ? psprintf("pg_catalog.textin(pg_catalog.int2out(%s))", name) :
		type == INT4OID ? psprintf("pg_catalog.textin(pg_catalog.int4out(%s))", name) :
		type == INT8OID ? psprintf("pg_catalog.textin(pg_catalog.int8out(%s))", name) :
		psprintf("%s::pg_catalog.text", name);
}

/*
 * The value of a column as a float8, or of a category as a text: an expression, palloc'd.  It is made of
 * functions that other servers run, too, and gives what CsConverter gives; of a column that is neither, whether it is there.
 */
char *
CsTallyExpression(const CsColumn *column)
{
	const char *name = quote_identifier(NameStr(column->name));

	if (column->element == 0 && column->converter.kind == CS_UNUSABLE)
		return psprintf("CASE WHEN %s IS NULL THEN NULL ELSE 1::pg_catalog.float8 END", name);
	if (column->element > 0 || column->vector != NULL)
		RejectColumn(column, "Elements of vectors are read by one process.");
	if (column->converter.kind == CS_CATEGORICAL)
		return CsConverterIsCoded(&column->converter) ? CodeExpression(column) :
			column->converter.type == TEXTOID ? pstrdup(name) : psprintf("%s::pg_catalog.text", name);
	switch (column->converter.type)
	{
		case FLOAT8OID:
			return column->type == FLOAT8OID ? pstrdup(name) : psprintf("%s::pg_catalog.float8", name);
		case BOOLOID:
			return psprintf("%s::pg_catalog.int4::pg_catalog.float8", name);
		case CASHOID:
			return psprintf("custseg_private.as_number(%s)", name);
		default:
			break;
	}
	if (column->converter.kind == CS_TIME)
		return psprintf("custseg_private.as_number(%s)", name);
	return psprintf("%s::pg_catalog.float8", name);
}

/*
 * The text that CsColumnText() gives of a column's values: an expression that other servers run, palloc'd.  NULL: there is
 * none, as for an enum or a domain, which PostgreSQL does not hand on, and for what no function writes without settings.
 */
char *
CsTextExpression(const CsColumn *column)
{
	const char *name = quote_identifier(NameStr(column->name));

	if (column->element > 0 || column->vector != NULL)
		return NULL;
	switch (column->type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return CsTallyExpression(column);
		case BOOLOID:
			return psprintf("CASE WHEN %s THEN 'true'::pg_catalog.text WHEN NOT %s THEN 'false'::pg_catalog.text END", name, name);
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return CodeExpression(column);
		case NUMERICOID:
			return psprintf("pg_catalog.textin(pg_catalog.numeric_out(pg_catalog.trim_scale(%s)))", name);
		default:
			return NULL;
	}
}

/* Have passes read a column; returns which number, or text, of a row it is. */
int
CsTallyColumnsAdd(CsTallyColumns *c, const CsColumn *column)
{
	bool		is_text = column->converter.kind == CS_CATEGORICAL;
	StringInfo	list = is_text ? &c->levels : &c->numbers;

	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", CsTallyExpression(column));
	return is_text ? c->nlevels++ : c->nnumbers++;
}

/*
 * Have passes read a hash of what identifies a row.  Returns which number it is, or -1 where a column has no
 * hash that is the same on all servers.
 */
int
CsTallyColumnsAddKey(CsTallyColumns *c, const List *columns, int64 seed)
{
	StringInfoData sum;
	ListCell   *cell;

	initStringInfo(&sum);
	foreach(cell, columns)
	{
		/* one after the other, so that the order of the columns counts */
		char	   *hash = CsColumnHash(lfirst(cell), seed + foreach_current_index(cell));

		if (hash == NULL)
			return -1;
		appendStringInfo(&sum, "%s%s::pg_catalog.float8", sum.len > 0 ? " OPERATOR(pg_catalog.+) " : "", hash);
	}
	appendStringInfo(&c->numbers, "%s%s", c->nnumbers > 0 ? ", " : "", sum.data);
	return c->nnumbers++;
}

/* The columns that passes read, and a text beside them, of an expression: it is the last one. */
CsTallyColumns
CsTallyColumnsWithText(const CsTallyColumns *c, const char *expression)
{
	CsTallyColumns more = *c;

	initStringInfo(&more.levels);
	appendStringInfo(&more.levels, "%s%s%s", c->levels.data, c->nlevels > 0 ? ", " : "", expression);
	more.nlevels++;
	return more;
}
