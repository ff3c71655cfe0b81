/*
 * column_hash.c
 *	  The hash of a column's values, as an expression of SQL that all servers compute alike: what samples are drawn by.
 */
#include "custseg.h"

#include <math.h>

#include "access/transam.h"
#include "call/call.h"
#include "catalog/pg_class.h"
#include "data/relation.h"
#include "lib/stringinfo.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Does a hash function take a type as it is?  Of some types, as dates, it is that of another one. */
static bool
TakesType(Oid function, Oid type)
{
	Oid		   *types;
	int			n;

	(void) get_func_signature(function, &types, &n);
	return n > 0 && IsBinaryCoercible(type, types[0]);
}

/*
 * The hash, a bigint, by PostgreSQL's own function for the type; palloc'd.  NULL: it has none, or none that is the same on
 * all servers.
 */
char *
CsColumnHash(const CsColumn *column, int64 seed)
{
	Oid			type = getBaseType(column->type);
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC);
	Oid			function = entry->hash_extended_proc;

	if (!OidIsValid(function) || function >= FirstNormalObjectId || type_is_enum(type) || type_is_rowtype(type) ||
		type_is_range(type) || OidIsValid(get_element_type(type)) || !TakesType(function, entry->hash_opintype))
		return NULL;
	return psprintf("pg_catalog.%s(%s%s%s, " INT64_FORMAT ")", get_func_name(function),
					quote_identifier(NameStr(column->name)), entry->hash_opintype == column->type ? "" : "::",
					entry->hash_opintype == column->type ? "" : format_type_be_qualified(entry->hash_opintype), seed);
}

/* The hash of what identifies a row, a bigint, its columns in their order; palloc'd.  NULL: a column has none. */
static char *
KeyHash(const List *key, int64 seed)
{
	char	   *all = NULL;
	ListCell   *cell;

	foreach(cell, key)
	{
		char	   *hash = CsColumnHash(lfirst(cell), seed + foreach_current_index(cell));

		if (hash == NULL)
			return NULL;
		all = all == NULL ? hash : psprintf("%s OPERATOR(pg_catalog.#) %s", all, hash);
	}
	return all;
}

/* Is a source a table as it is?  Of any other one somebody else might have to be sent all rows to find some of them. */
static bool
IsTable(const CsRelation *rel)
{
	return OidIsValid(rel->relid) && get_rel_relkind(rel->relid) != RELKIND_VIEW && rel->from_item == rel->kept;
}

/*
 * A table read where a condition holds, however many rows the planner takes that for: palloc'd, and it shares what "rel" has.
 * Rows come in the order of a number, so that what is made of them does not depend on where they are.  They are sorted here,
 * for a COALESCE is handed on to nobody: servers that sort would be waited for one after the other.
 */
static CsRelation *
Restricted(const CsRelation *rel, const char *condition, const char *number)
{
	CsRelation *result = palloc(sizeof(CsRelation));

	*result = *rel;
	result->from_item = psprintf("%s WHERE %s ORDER BY COALESCE(%s, 0)", CsRelationAsSource(rel), condition, number);
	result->is_restricted = true;
	return result;
}

/*
 * A table read by a sample of its rows, those of the lowest hashes of what identifies them: no more than "rows" of some "of",
 * but for chance; palloc'd, and it shares what "rel" has.  Whoever has the rows draws them.  NULL where the source is no table
 * as it is, or where a column of the key has no hash: then somebody else might have to be sent all rows.
 */
CsRelation *
CsRelationSample(const CsRelation *rel, const List *key, double rows, double of)
{
	const int64 seed = 42;
	char	   *hash = IsTable(rel) ? KeyHash(key, seed) : NULL;
	/* chance gives four standard deviations more in one case of 30,000 */
	double		wanted = Max(rows - 4 * sqrt(rows), rows / 4);
	double		share = Min(wanted / Max(of, 1), 1);

	if (hash == NULL)
		return NULL;
	return Restricted(rel, psprintf("%s OPERATOR(pg_catalog.<=) " INT64_FORMAT "::pg_catalog.int8", hash,
									PG_INT64_MIN + (int64) (share * 0x1p63) + (int64) (share * (0x1p63 - 1024))), hash);
}

/* The hash of what identifies a row as a float8, as passes read it: an expression, palloc'd.  NULL: the source is no table, or there is none. */
char *
CsKeyNumber(const CsRelation *rel, const List *key)
{
	char	   *hash = IsTable(rel) ? KeyHash(key, 0) : NULL;

	return hash == NULL ? NULL : psprintf("(%s)::pg_catalog.float8", hash);
}

/* Bytes that a number takes in the plan of a statement, and on the way: in each of the places that the rows are in. */
#define KEY_BYTES 320

/* Memory that is not worth an error. */
#define LITTLE_MEMORY (64 * CS_MEGABYTE)

/* Raise an error where a statement with n numbers about so many places would take too much memory. */
static void
CheckKeys(int64 n, int nplaces)
{
	Size		needed = mul_size(mul_size(n, KEY_BYTES), Max(nplaces, 1));

	if (needed > Max(CsMemoryLimit(), LITTLE_MEMORY))
		CsMemoryError(needed, "lower \"limit\"", "asking for %lld rows in %d places on other servers", (long long) n, nplaces);
}

/*
 * A table read by the rows for which CsKeyNumber() is one of n numbers, or NULL where one of these is infinite; palloc'd, and it
 * shares what "rel" has.  The table is in "nplaces" leaves or shards; an error where the statement would be too large for them.
 */
CsRelation *
CsRelationOfKeys(const CsRelation *rel, const List *key, const double *numbers, int64 n, int nplaces)
{
	const char *number = CsKeyNumber(rel, key);
	const char *separator = "";
	bool		or_none = false;
	StringInfoData condition;

	CheckKeys(n, nplaces);
	initStringInfo(&condition);
	appendStringInfo(&condition, "(%s OPERATOR(pg_catalog.=) ANY ('{", number);
	for (int64 i = 0; i < n; i++)
	{
		or_none |= !isfinite(numbers[i]);
		if (!isfinite(numbers[i]))
			continue;
		appendStringInfo(&condition, "%s%.17g", separator, numbers[i]);
		separator = ",";
	}
	appendStringInfo(&condition, "}'::pg_catalog.float8[])%s%s%s)", or_none ? " OR " : "", or_none ? number : "",
					 or_none ? " IS NULL" : "");
	return Restricted(rel, condition.data, number);
}
