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

/* Has a statement about a table of Citus' catalogue a row?  False where there is no such table. */
static bool
HasRow(const char *table, const char *sql, Oid argument)
{
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(argument);
	bool		found;

	if (!OidIsValid(get_relname_relid(table, PG_CATALOG_NAMESPACE)))
		return false;
	SPI_connect();
	if (SPI_execute_with_args(sql, OidIsValid(argument) ? 1 : 0, &type, &value, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", table);
	found = SPI_processed > 0;
	SPI_finish();
	return found;
}

/* Does Citus keep the rows of a table: in shards, or on all its servers? */
bool
CsIsCitusTable(Oid table)
{
	return HasRow("pg_dist_partition", distributed_sql, table);
}

/* Is this server one of those to which a coordinator of Citus sends its queries? */
bool
CsIsCitusWorker(void)
{
	return HasRow("pg_dist_local_group", worker_sql, InvalidOid);
}
