/*
 * column_hash.c
 *	  The hash of a column's values, as an expression of SQL that all servers compute alike: what samples are drawn by.
 */
#include "custseg.h"

#include "access/transam.h"
#include "data/relation.h"
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
