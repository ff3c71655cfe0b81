/*
 * key.c
 *	  What identifies the rows of a source: its primary key, and whether a column can serve.
 *
 * Unique indexes are believed where they cover every row that reading gives: not those of a
 * parent of inheritance children, nor those below a view.  Otherwise one query counts.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "data/relation.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
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

/* The indexes of a source, as a list of Oids; NIL when they say nothing about all of its rows. */
static List *
IndexesOfSource(const CsRelation *rel)
{
	Relation	relation;
	List	   *indexes;

	if (!OidIsValid(rel->relid) || !HasOwnRowsOnly(rel->relid))
		return NIL;
	relation = relation_open(rel->relid, AccessShareLock);
	indexes = RelationGetIndexList(relation);
	relation_close(relation, NoLock);
	return indexes;
}

/*
 * The names (char *) of the columns of the primary key, palloc'd.  NIL if there is none, if the
 * source is a query, or if inheritance children can hold rows that the key does not see.
 */
List *
CsRelationPrimaryKey(const CsRelation *rel)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, IndexesOfSource(rel))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisprimary)
		{
			for (int i = 0; i < index->indnkeyatts; i++)
				names = lappend(names, get_attname(rel->relid, index->indkey.values[i], false));
		}
		ReleaseSysCache(tuple);
	}
	return names;
}

/* The name of a single-column primary key, else NULL. */
char *
CsRelationDefaultId(const CsRelation *rel)
{
	List	   *key = CsRelationPrimaryKey(rel);

	return list_length(key) == 1 ? linitial(key) : NULL;
}

/*
 * Does an index prove that the values of a column differ, NULLs apart?  Sets *notnull when it also
 * proves that there are none, as only a primary key does: since 18, a column marked NOT NULL can
 * hold NULLs that are older than its constraint.
 */
static bool
HasUniqueIndex(const CsRelation *rel, const char *column, bool *notnull)
{
	AttrNumber	attnum = get_attnum(rel->relid, column);
	bool		found = false;
	ListCell   *cell;

	*notnull = false;
	foreach(cell, IndexesOfSource(rel))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisunique && index->indimmediate && index->indisvalid &&
			index->indnkeyatts == 1 && index->indkey.values[0] == attnum &&
			heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
		{
			found = true;
			*notnull = *notnull || index->indisprimary;
		}
		ReleaseSysCache(tuple);
	}
	return found;
}

/* Run a query of a source that gives one row of bigints. */
static void
QueryCounts(const CsRelation *rel, const char *sql, int ncounts, int64 *counts)
{
	SPIExecuteOptions options = {0};
	CsReading	reading = CsReadingBegin(rel);
	int			code;

	SPI_connect();
	options.read_only = true;
	options.must_return_tuples = true;
	code = SPI_execute_extended(sql, &options);
	if (code != SPI_OK_SELECT || SPI_processed != 1 || SPI_tuptable->tupdesc->natts != ncounts)
		elog(ERROR, "could not count the values of an id: %s", SPI_result_code_string(code));
	for (int i = 0; i < ncounts; i++)
	{
		bool		isnull;

		counts[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
												i + 1, &isnull));
	}
	SPI_finish();
	CsReadingEnd(&reading);
}

/*
 * Count what is wrong with a column that is to identify rows: by one aggregate query, unless a
 * valid unique index proves that nothing is.  Returns false when the values of the column cannot be
 * compared.
 */
bool
CsRelationCountId(const CsRelation *rel, const CsColumn *column, CsIdCounts *counts)
{
	const char *quoted = quote_identifier(NameStr(column->name));
	bool		notnull;
	bool		unique = HasUniqueIndex(rel, NameStr(column->name), &notnull);
	int64		found[3];		/* rows, values, distinct values */
	StringInfoData sql;

	memset(counts, 0, sizeof(*counts));
	if (unique && notnull)
		return true;
	if (!OidIsValid(lookup_type_cache(column->type, TYPECACHE_LT_OPR)->lt_opr))
		return false;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.count(*), pg_catalog.count(%s)", quoted);
	if (!unique)
		appendStringInfo(&sql, ", pg_catalog.count(DISTINCT %s)", quoted);
	appendStringInfo(&sql, " FROM %s", rel->from_item);
	QueryCounts(rel, sql.data, unique ? 2 : 3, found);
	pfree(sql.data);
	counts->n_rows = found[0];
	counts->n_null = found[0] - found[1];
	counts->n_duplicates = unique ? 0 : found[1] - found[2];
	return true;
}

/*
 * Raise an error unless the column "id" is there, unique and not NULL in the source.  This is one
 * aggregate query, which is skipped when a valid unique index proves it.
 */
void
CsRelationCheckId(const CsRelation *rel, const char *id)
{
	const CsColumn *column = CsRelationWhole(rel, id);
	CsIdCounts	counts;

	if (!CsRelationCountId(rel, column, &counts))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot identify rows", id,
						format_type_be(column->type)),
				 errdetail("Values of this type cannot be compared."),
				 errhint("Name a column of numbers or texts as id, or cast it in a query.")));
	if (counts.n_null > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("id column \"%s\" of %s contains nulls", id, rel->description),
				 errdetail("It is null in %lld of %lld rows.", (long long) counts.n_null,
						   (long long) counts.n_rows),
				 errhint("Name another column as id, or leave those rows out with a query: "
						 "SELECT ... WHERE %s IS NOT NULL.", quote_identifier(id))));
	if (counts.n_duplicates > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("id column \"%s\" of %s is not unique", id, rel->description),
				 errdetail("%lld of %lld rows repeat the value of another row.",
						   (long long) counts.n_duplicates, (long long) counts.n_rows),
				 errhint("Name another column as id, or give a query with one row for each customer.")));
}
