/*
 * reduce.c
 *	  Queries over pieces of a source that reduce rows where they are, group by group.
 *
 * An aggregate over each piece is what another server computes itself, as long as it knows every function in it.
 * Whether it does is told by the plan: then a query is another way to the same result, and else rows are read.
 */
#include "custseg.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

/* May whoever reads a source read each of its leaves, and not just the table that they belong to? */
static bool
MayReadLeaves(const CsRelation *rel)
{
	Oid			reader = OidIsValid(rel->reader) ? rel->reader : GetUserId();
	ListCell   *cell;

	foreach(cell, find_all_inheritors(rel->relid, AccessShareLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_PARTITIONED_TABLE &&
			pg_class_aclcheck(lfirst_oid(cell), reader, ACL_SELECT) != ACLCHECK_OK)
			return false;
	return true;
}

/* May a source be read piece by piece?  Not where its policies, or want of rights to its leaves, have it read through its table. */
bool
CsPiecesAreReadable(const CsPieces *pieces)
{
	return !pieces->has_policies && (!pieces->is_leaves || MayReadLeaves(pieces->relation));
}

/*
 * Where a source's rows can be added up by the servers that have them: its pieces, palloc'd.  NULL where all rows are
 * here, or where they can be read through their table alone, because of its policies or for want of rights to its leaves.
 */
CsPieces *
CsPiecesElsewhere(const CsRelation *rel)
{
	CsPieces   *pieces = CsPiecesOf(rel);

	return CsIsElsewhere(pieces) && CsPiecesAreReadable(pieces) ? pieces : NULL;
}

/*
 * Where a source's rows can be reduced by the servers that have them, group by group: its pieces, palloc'd.  NULL where all
 * rows are here, or where they can be read through their table alone, because of its policies or for want of rights to its leaves.
 */
CsPieces *
CsPiecesToReduce(const CsRelation *rel)
{
	if (!OidIsValid(rel->relid) || check_enable_rls(rel->relid, rel->reader, true) == RLS_ENABLED)
		return NULL;
	return CsPiecesElsewhere(rel);
}

/* The query that reads a list from each piece, whose row is "t", and all that they give; palloc'd. */
char *
CsPiecesUnion(const CsPieces *pieces, const char *list, const char *rest)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < pieces->nitems; i++)
		appendStringInfo(&sql, "%sSELECT %s FROM %s AS t %s", i > 0 ? " UNION ALL " : "", list, pieces->items[i], rest);
	return sql.data;
}

/* CsPiecesReduce() while aggregates are handed on. */
static bool
Reduces(const CsPieces *pieces, const char *sql)
{
	CsReading	reading;
	SPIPlanPtr	plan;
	bool		reduces;

	SPI_connect();
	reading = CsReadingBegin(pieces->relation);
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not plan a query over pieces: %s", SPI_result_code_string(SPI_result));
	reduces = !OidIsValid(CsFetchedBy(plan).relid);
	CsReadingEnd(&reading);
	SPI_finish();
	return reduces;
}

/* Do other servers reduce their rows in a query over pieces?  Else they would send them one by one. */
bool
CsPiecesReduce(const CsPieces *pieces, const char *sql)
{
	volatile bool reduces = false;

	CsHandOnBegin();
	PG_TRY();
	{
		reduces = Reduces(pieces, sql);
	}
	PG_FINALLY();
	{
		CsHandOnEnd();
	}
	PG_END_TRY();
	return reduces;
}
