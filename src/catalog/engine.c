/*
 * engine.c
 *	  Which engine keeps a table's rows: this server, or Citus.
 *
 * Citus has its catalogue in pg_catalog, where nobody else makes tables, so that names cannot mislead;
 * it is asked by SQL, for its library may not be there.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/engine.h"
#include "catalog/pg_namespace_d.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"

static const char *const distributed_sql =
"SELECT FROM pg_catalog.pg_dist_partition AS p WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1";

static const char *const worker_sql =
"SELECT FROM pg_catalog.pg_dist_local_group AS g WHERE g.groupid OPERATOR(pg_catalog.>) 0";

static const char *const shards_sql =
"SELECT FROM pg_catalog.pg_dist_shard AS s WHERE s.logicalrelid OPERATOR(pg_catalog.=) $1"
" AND EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS p"
" WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1 AND p.partmethod OPERATOR(pg_catalog.<>) 'n')";

static const char *const key_sql =
"SELECT pg_catalog.column_to_column_name(p.logicalrelid, p.partkey) FROM pg_catalog.pg_dist_partition AS p"
" WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1 AND p.partkey IS NOT NULL";

/* Is Citus in this database? */
bool
CsHasCitus(void)
{
	return OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE));
}

/*
 * How many rows, "most" at the most (0: all are counted), has a statement about a table of Citus' catalogue?
 * None where there is no such table.
 */
static int
CountRows(const char *table, const char *sql, Oid argument, int most)
{
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(argument);
	int			n;

	if (!OidIsValid(get_relname_relid(table, PG_CATALOG_NAMESPACE)))
		return 0;
	SPI_connect();
	if (SPI_execute_with_args(sql, OidIsValid(argument) ? 1 : 0, &type, &value, NULL, true, most) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", table);
	n = (int) SPI_processed;
	SPI_finish();
	return n;
}

/* Does Citus keep the rows of a table: in shards, or on all its servers? */
bool
CsIsCitusTable(Oid table)
{
	return CountRows("pg_dist_partition", distributed_sql, table, 1) > 0;
}

/* How many shards has a table on Citus' servers?  0 where all of them have all its rows, or Citus has none. */
int
CsCitusShards(Oid table)
{
	return CountRows("pg_dist_partition", shards_sql, table, 0);
}

/* The column by which Citus spreads a table, palloc'd; NULL: there is none. */
char *
CsCitusKey(Oid table)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(table);
	char	   *key = NULL;

	if (!OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return NULL;
	SPI_connect();
	if (SPI_execute_with_args(key_sql, 1, &type, &value, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_dist_partition");
	if (SPI_processed > 0)
		key = MemoryContextStrdup(context, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	return key;
}

/* Is this server one of those to which a coordinator of Citus sends its queries? */
bool
CsIsCitusWorker(void)
{
	return CountRows("pg_dist_local_group", worker_sql, InvalidOid, 1) > 0;
}
