/*
 * quality_passes.c
 *	  data_quality() of a source whose rows are on other servers: its ids and its newest time, by statements that these
 *	  servers compute.
 *
 * An id that repeats is found where its rows are.  Where rows with the same id may be on different servers, only those of
 * each are compared.
 */
#include "custseg.h"

#include "executor/spi.h"
#include "monitor/quality.h"
#include "utils/builtins.h"

/* A value that is computed of each piece, and then of these: palloc'd. */
static char *
Statement(const CsPieces *pieces, const char *whole, const char *piece, const char *rest)
{
	return psprintf("SELECT %s FROM (%s) AS piece(value)", whole, CsPiecesUnion(pieces, piece, rest));
}

/* Run a statement that gives one value, which is passed by value; false: it is NULL. */
static bool
ReadValue(const CsPieces *pieces, const char *sql, Datum *value)
{
	bool		isnull;

	SPI_connect();
	CsPiecesRead(pieces, sql, NULL, NULL);
	*value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	return !isnull;
}

/* A number of rows, added up. */
static int64
CountRows(const CsPieces *pieces, const char *piece, const char *rest)
{
	Datum		value;

	return ReadValue(pieces, Statement(pieces, "pg_catalog.sum(piece.value)::pg_catalog.int8", piece, rest), &value) ?
		DatumGetInt64(value) : 0;
}

/* Do the columns of an id have a value, as a condition; or has one of them none?  Palloc'd. */
static char *
IdCondition(const List *columns, bool is_there)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, columns)
		appendStringInfo(&sql, "%s%s IS %sNULL", sql.len == 0 ? "" : is_there ? " AND " : " OR ",
						 quote_identifier(NameStr(((const CsColumn *) lfirst(cell))->name)), is_there ? "NOT " : "");
	return sql.data;
}

/* A column as it is written in a statement. */
static char *
QuotedName(const CsColumn *column)
{
	return pstrdup(quote_identifier(NameStr(column->name)));
}

/* Count rows without an id, and rows that repeat the id of another; -1 of these where not all ids can be compared. */
static CsIdCounts
CountIds(const CsQuality *quality, const CsPieces *pieces)
{
	const List *columns = quality->id_columns;
	CsIdCounts	counts = {
		.n_null = CountRows(pieces, "pg_catalog.count(*)", psprintf("WHERE %s", IdCondition(columns, false)))
	};
	bool		keep_together = CsPiecesKeepTogether(pieces, columns);

	if (quality->id_proof == CS_ID_UNIQUE)
		return counts;
	/* of a sharded table, ids that are not together would be brought together here */
	if (!pieces->is_sharded || keep_together)
		counts.n_duplicates = CountRows(pieces, "pg_catalog.count(*) OPERATOR(pg_catalog.-) 1",
										psprintf("WHERE %s GROUP BY %s HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1",
												 IdCondition(columns, true), CsListColumns(columns, ", ", QuotedName)));
	if (counts.n_duplicates == 0 && !keep_together)
		counts.n_duplicates = -1;
	return counts;
}

/* Find the newest time that is finite. */
static void
FindNewest(CsQuality *quality, const CsPieces *pieces)
{
	const char *name = QuotedName(quality->time_column);

	/* by FILTER, for with WHERE the planner would have the first row fetched of those that the other server sorts */
	quality->has_time = ReadValue(pieces, Statement(pieces, "pg_catalog.max(piece.value)",
													psprintf("pg_catalog.max(%s) FILTER (WHERE pg_catalog.isfinite(%s))", name, name),
													""), &quality->newest);
}

/* Find what CsQualityVisit() finds of rows. */
void
CsQualityPasses(CsQuality *quality, const CsPieces *pieces)
{
	if (quality->time_column != NULL)
		FindNewest(quality, pieces);
	if (quality->id_counter == NULL)
		return;
	(void) CsIdCounterEnd(quality->id_counter);
	quality->id_counter = NULL;
	quality->ids_counted = true;
	quality->id_counts = CountIds(quality, pieces);
}
