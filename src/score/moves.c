/*
 * moves.c
 *	  How many customers went from which segment to which, what they are worth, and the record of it
 *	  in custseg.migration.
 *
 * A run that commits in between is recorded with each commit: its rows are replaced by what has been
 * counted until then, so they always tell of the rows that are committed.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "math/math.h"
#include "score/moves.h"
#include "utils/array.h"

typedef struct Move
{
	CsMaybeSegment from;
	CsMaybeSegment to;
} Move;

typedef struct MoveCount
{
	Move		move;			/* hash key */
	int64		n;
	CsDecimal	decimal;		/* sum of the values: where the type is decimal, */
	double		sum,			/* and else */
				rest;
} MoveCount;

static const char *const record_sql =
"WITH earlier AS ("
"DELETE FROM custseg.migration AS g WHERE g.model OPERATOR(pg_catalog.=) $1"
" AND g.source OPERATOR(pg_catalog.=) $3 AND g.run_at OPERATOR(pg_catalog.=) $4"
" AND g.run_by OPERATOR(pg_catalog.=) $5) "
"INSERT INTO custseg.migration"
" (model, version, source, condition, run_at, finished_at, run_by, from_segment, to_segment, n, value_column, total_value) "
"SELECT $1, $2, $3, $11, $4, CASE WHEN $6 THEN (SELECT pg_catalog.clock_timestamp()) END, $5, m.f, m.t, m.n,"
" $12, CASE WHEN $12 IS NOT NULL THEN m.v END "
"FROM ROWS FROM (pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), pg_catalog.unnest($10))"
" AS m (f, t, n, v), "
"(SELECT FROM custseg.model AS k WHERE k.name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE) AS there";

static const char *const forget_sql =
"DELETE FROM custseg.migration AS g WHERE g.model OPERATOR(pg_catalog.=) $1"
" AND g.run_at OPERATOR(pg_catalog.<)"
" (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => $2))";

/* What every consumer has acknowledged, of batches that were recorded before that. */
static const char *const forget_changes_sql =
"WITH gone AS (DELETE FROM custseg.change_batch AS b WHERE b.model OPERATOR(pg_catalog.=) $1"
" AND b.recorded_at OPERATOR(pg_catalog.<)"
"  (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => $2))"
" AND NOT EXISTS (SELECT FROM custseg.change_consumer AS c WHERE c.model OPERATOR(pg_catalog.=) b.model"
"  AND c.change_position OPERATOR(pg_catalog.<) b.last_position) RETURNING b.transaction_number), "
"deleted AS (DELETE FROM custseg.segment_change AS c USING gone AS g"
" WHERE c.model OPERATOR(pg_catalog.=) $1 AND c.transaction_number OPERATOR(pg_catalog.=) g.transaction_number RETURNING c.number) "
"SELECT pg_catalog.count(*) FROM deleted AS d";

/* The number at the beginning of a path; below 0 when there is none. */
static int64
NumberOfPath(Datum path)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(path);
	const char *digits = VARDATA_ANY(value);
	int			length = VARSIZE_ANY_EXHDR(value);
	int64		number = 0;
	int			i = 0;

	for (; i < length && digits[i] >= '0' && digits[i] <= '9' && number <= PG_INT32_MAX; i++)
		number = 10 * number + (digits[i] - '0');
	return i > 0 && (i == length || digits[i] == '.') ? number : -1;
}

/*
 * What a column of segments holds, or of a path the segment that it begins with; what no segment can be counts as
 * none.
 */
CsMaybeSegment
CsMaybeSegmentRead(Datum value, bool isnull, Oid type)
{
	CsMaybeSegment result = {0, false};
	int64		number;

	if (isnull)
		return result;
	number = type == TEXTOID ? NumberOfPath(value) : type == INT8OID ? DatumGetInt64(value) :
		type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);
	if (number >= 0 && number <= PG_INT32_MAX)
	{
		result.segment = (int32) number;
		result.exists = true;
	}
	return result;
}

/* A run that begins now, palloc'd; it lasts as long as CurrentMemoryContext. */
CsMoves *
CsMovesBegin(const char *model, int version, const char *source)
{
	CsMoves    *moves = palloc0(sizeof(CsMoves));
	HASHCTL		control = {0};

	moves->model = pstrdup(model);
	moves->version = version;
	moves->source = pstrdup(source);
	moves->run_at = GetCurrentTimestamp();
	control.keysize = sizeof(Move);
	control.entrysize = sizeof(MoveCount);
	control.hcxt = CurrentMemoryContext;
	moves->counts = hash_create("custseg moves", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return moves;
}

/* A sum beyond this counts as infinite: what sums of several runs add up to is no error then. */
#define MOST_VALUE 1e298

/* Add the value of a customer; one that is no finite number is left out. */
static void
AddValue(MoveCount *count, const CsConverter *converter, Datum value)
{
	CsDecimal	decimal;
	double		number;

	if (CsConverterIsDecimal(converter))
	{
		if (CsConverterDecimal(converter, value, &decimal))
			CsDecimalAdd(&count->decimal, decimal);
		return;
	}
	number = converter->to_double(converter, value);
	if (isfinite(number))
		CsAddCompensated(&count->sum, &count->rest, number);
}

/* What the customers of a move are worth; infinite out of range. */
static double
TotalValue(const CsMoves *moves, const MoveCount *count)
{
	/* once the sum is infinite its compensation is no number */
	double		total = isinf(count->sum) ? count->sum : count->sum + count->rest;

	/* of what somebody else has counted there is but the sum */
	if (moves->value != NULL && CsConverterIsDecimal(&moves->converter))
		total += CsDecimalToDouble(count->decimal);
	return fabs(total) > MOST_VALUE ? copysign(INFINITY, total) : total;
}

/* Count a row that went from one segment to another, or stayed, with its value when there is one. */
void
CsMovesCount(CsMoves *moves, CsMaybeSegment from, CsMaybeSegment to, Datum value, bool value_is_null)
{
	Move		move = {from, to};
	bool		found;
	MoveCount  *count = hash_search(moves->counts, &move, HASH_ENTER, &found);

	if (!found)
		*count = (MoveCount) {.move = move};
	count->n++;
	if (moves->value != NULL && !value_is_null)
		AddValue(count, &moves->converter, value);
}

/* Count rows of a move that somebody has counted, and what they are worth. */
void
CsMovesAdd(CsMoves *moves, CsMaybeSegment from, CsMaybeSegment to, int64 n, double total)
{
	Move		move = {from, to};
	bool		found;
	MoveCount  *count = hash_search(moves->counts, &move, HASH_ENTER, &found);

	if (!found)
		*count = (MoveCount) {.move = move};
	count->n += n;
	count->sum += total;
}

/* An int4[] of one side of all moves, NULL where there is no segment. */
static ArrayType *
SegmentArray(const CsMaybeSegment *segments, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		values[i] = Int32GetDatum(segments[i].segment);
		nulls[i] = !segments[i].exists;
	}
	return construct_md_array(values, nulls, 1, &n, &lower, INT4OID, sizeof(int32), true,
							  TYPALIGN_INT);
}

/* An int8[] or float8[]. */
static ArrayType *
EightByteArray(Datum *values, int n, Oid type)
{
	return construct_array(values, n, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* Keep the counts in custseg.migration, in place of what this run has kept there before. */
void
CsMovesRecord(const CsMoves *moves, bool finished)
{
	int			n = (int) hash_get_num_entries(moves->counts);
	CsMaybeSegment *from = palloc(sizeof(CsMaybeSegment) * n);
	CsMaybeSegment *to = palloc(sizeof(CsMaybeSegment) * n);
	Datum	   *counts = palloc(sizeof(Datum) * n);
	Datum	   *values = palloc(sizeof(Datum) * n);
	HASH_SEQ_STATUS status;
	MoveCount  *count;
	int			i = 0;

	if (n == 0)
		return;
	hash_seq_init(&status, moves->counts);
	while ((count = hash_seq_search(&status)) != NULL)
	{
		from[i] = count->move.from;
		to[i] = count->move.to;
		counts[i] = Int64GetDatum(count->n);
		values[i++] = Float8GetDatum(TotalValue(moves, count));
	}
	SPI_connect();
	CsModelHold(moves->model);
	CsCatalogExecute(record_sql,
					 CsValues(CsValueText(moves->model), CsValueInt4(moves->version),
							  CsValueText(moves->source),
							  CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(moves->run_at), false),
							  CsValueName(CsCallerName()), CsValueBool(finished),
							  CsValueArray(INT4ARRAYOID, SegmentArray(from, n)),
							  CsValueArray(INT4ARRAYOID, SegmentArray(to, n)),
							  CsValueArray(INT8ARRAYOID, EightByteArray(counts, n, INT8OID)),
							  CsValueArray(FLOAT8ARRAYOID, EightByteArray(values, n, FLOAT8OID)),
							  CsValueText(moves->condition), CsValueText(moves->value)), false);
	SPI_finish();
}

/*
 * Delete the changes of a model that were recorded more than so many days ago, as far as every consumer has
 * acknowledged them.  Returns how many.  Inside SPI.
 */
int64
CsChangesForget(const char *model, int days)
{
	bool		isnull;

	CsCatalogExecute(forget_changes_sql, CsValues(CsValueText(model), CsValueInt4(days)), false);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Delete the runs of a model that began more than so many days ago, and changes as CsChangesForget() does. */
void
CsMovesForget(const char *model, int days)
{
	SPI_connect();
	CsCatalogExecute(forget_sql, CsValues(CsValueText(model), CsValueInt4(days)), false);
	(void) CsChangesForget(model, days);
	SPI_finish();
}
