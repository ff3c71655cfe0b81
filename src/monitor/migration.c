/*
 * migration.c
 *	  Has the mix of segments changed for the customers that resegment() has moved?
 *	  migration_test().
 *
 * The table of moves is that of custseg.migration(), read as the caller.  Each customer is in it
 * twice, with the segment of before and that of after, so the two mixes are not two samples: what
 * is tested is the homogeneity of the margins of one table (stat/marginal.c).  A p-value alone
 * would find any change significant with customers enough, so a verdict asks for a change of a
 * segment's share that matters, too.
 *
 * Moves from or to no segment are left out: they say that a customer is new or could not be placed,
 * and not that it has changed.
 */
#include "custseg.h"

#include <math.h>

#include "monitor/monitor.h"
#include "stat/marginal.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef struct TestOptions
{
	int			min_rows;
	double		significance;
	double		change_watch,	/* percentage points */
				change_drifted;
} TestOptions;

static const CsOption testOptions[] = {
	{"min_rows", CS_OPTION_INT, offsetof(TestOptions, min_rows), 30, 1, PG_INT32_MAX},
	{"significance", CS_OPTION_REAL, offsetof(TestOptions, significance), 0.05, 0, 1},
	{"change_watch", CS_OPTION_REAL, offsetof(TestOptions, change_watch), 5, 0, 100},
	{"change_drifted", CS_OPTION_REAL, offsetof(TestOptions, change_drifted), 10, 0, 100}
};

/* A segment of before or after, and how many customers were in it. */
typedef struct Mix
{
	int32		segment;
	char	   *name;			/* or NULL */
	int64		before,
				after;
} Mix;

typedef struct Moves
{
	int64		runs;			/* of resegment() that are in it */
	int			nsegments;
	Mix		   *mix;			/* by number */
	int64		ncells;
	CsCell	   *cells;			/* indexes into mix */
	int64		n;				/* customers */
	int64		n_moved;
	int			largest;		/* index of the segment whose share has changed most, -1: none */
	double		change;			/* of its share, in percentage points */
} Moves;

/* the bounds are those of custseg.migration(): without any, the last run */
static const char *const moves_sql =
"SELECT m.from_segment, m.from_name, m.to_segment, m.to_name, m.n "
"FROM custseg.migration($1, $2, $3) AS m "
"WHERE m.from_segment IS NOT NULL AND m.to_segment IS NOT NULL";

static const char *const runs_sql =
"SELECT pg_catalog.count(DISTINCT g.run_at) FROM custseg.migration AS g "
"WHERE g.model OPERATOR(pg_catalog.=) $1"
" AND (g.run_at OPERATOR(pg_catalog.>=) $2 OR $2 IS NULL AND ($3 IS NOT NULL OR g.run_at OPERATOR(pg_catalog.=)"
" (SELECT pg_catalog.max(l.run_at) FROM custseg.migration AS l WHERE l.model OPERATOR(pg_catalog.=) $1)))"
" AND ($3 IS NULL OR g.run_at OPERATOR(pg_catalog.<) $3)"
" AND g.from_segment IS NOT NULL AND g.to_segment IS NOT NULL";

PG_FUNCTION_INFO_V1(custseg_check_model);
PG_FUNCTION_INFO_V1(custseg_migration_test);

/* The arguments. */
enum
{
	MIGRATION_MODEL, MIGRATION_FROM, MIGRATION_TO, MIGRATION_OPTIONS
};

/* check_model(model): true, or an error unless it is there, has segments, and the caller may use it */
Datum
custseg_check_model(PG_FUNCTION_ARGS)
{
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(0));

	CsModelCheckUse(model);
	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	PG_RETURN_BOOL(true);
}

/* Run a query of model, from, to as the caller; inside SPI, whose table has the result. */
static uint64
RunQuery(FunctionCallInfo fcinfo, const char *sql)
{
	Oid			types[3] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[3];
	char		nulls[3];
	int			code;

	for (int i = 0; i < lengthof(types); i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	code = SPI_execute_with_args(sql, lengthof(types), types, values, nulls, true, 0);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not read migrations: %s", SPI_result_code_string(code));
	return SPI_processed;
}

static int
CompareMix(const void *a, const void *b)
{
	int32		x = ((const Mix *) a)->segment,
				y = ((const Mix *) b)->segment;

	return x < y ? -1 : x > y;
}

/* Keep one of the segments that occur several times; they are sorted by number. */
static void
Unify(Moves *moves)
{
	int			n = 0;

	qsort(moves->mix, moves->nsegments, sizeof(Mix), CompareMix);
	for (int i = 0; i < moves->nsegments; i++)
	{
		if (n == 0 || moves->mix[n - 1].segment != moves->mix[i].segment)
			moves->mix[n++] = moves->mix[i];
	}
	moves->nsegments = n;
	if (n > CS_MAX_MARGINAL_CATEGORIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many segments for a test of migrations: %d", n),
				 errdetail("At most %d can be tested.", CS_MAX_MARGINAL_CATEGORIES),
				 errhint("Test a model with fewer segments; custseg.migration() shows the moves of this one.")));
}

/* Index of a segment. */
static int
FindSegment(const Moves *moves, int32 segment)
{
	Mix			key = {.segment = segment};
	const Mix  *found = bsearch(&key, moves->mix, moves->nsegments, sizeof(Mix), CompareMix);

	return (int) (found - moves->mix);
}

/* Read the table of moves; what it holds is palloc'd. */
static void
ReadMoves(FunctionCallInfo fcinfo, Moves *moves)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext inside;
	uint64		nrows;
	bool		isnull;

	SPI_connect();
	RunQuery(fcinfo, runs_sql);
	moves->runs = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
											  &isnull));
	nrows = RunQuery(fcinfo, moves_sql);
	inside = MemoryContextSwitchTo(caller);
	moves->mix = palloc0(sizeof(Mix) * (2 * nrows + 1));
	moves->cells = palloc(sizeof(CsCell) * (nrows + 1));
	moves->ncells = (int64) nrows;
	for (uint64 i = 0; i < nrows; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		CsCell	   *cell = &moves->cells[i];

		cell->row = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		cell->column = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &isnull));
		cell->count = DatumGetInt64(SPI_getbinval(tuple, desc, 5, &isnull));
		moves->mix[moves->nsegments].segment = cell->row;
		moves->mix[moves->nsegments++].name = SPI_getvalue(tuple, desc, 2);
		moves->mix[moves->nsegments].segment = cell->column;
		moves->mix[moves->nsegments++].name = SPI_getvalue(tuple, desc, 4);
	}
	MemoryContextSwitchTo(inside);
	SPI_finish();
}

/* Add up the margins, and find the segment that has changed most. */
static void
SumUp(Moves *moves)
{
	Unify(moves);
	for (int64 i = 0; i < moves->ncells; i++)
	{
		CsCell	   *cell = &moves->cells[i];

		cell->row = FindSegment(moves, cell->row);
		cell->column = FindSegment(moves, cell->column);
		moves->mix[cell->row].before += cell->count;
		moves->mix[cell->column].after += cell->count;
		moves->n += cell->count;
		if (cell->row != cell->column)
			moves->n_moved += cell->count;
	}
	moves->largest = -1;
	for (int i = 0; i < moves->nsegments; i++)
	{
		const Mix  *mix = &moves->mix[i];
		double		change = 100.0 * (mix->after - mix->before) / moves->n;

		if (moves->largest >= 0 && fabs(change) <= fabs(moves->change))
			continue;
		moves->largest = i;
		moves->change = change;
	}
}

/* A segment for people: its number, and its name unless that is the default one; palloc'd. */
static char *
DescribeSegment(const Mix *mix)
{
	char	   *number = psprintf("segment %d", mix->segment);

	return mix->name == NULL || strcmp(mix->name, number) == 0 ? number :
		psprintf("%s (%s)", number, mix->name);
}

/* Say how much the segment that has certainly changed most has changed. */
static void
JudgeChange(const Moves *moves, const TestOptions *options, CsFinding *finding)
{
	const Mix  *mix = &moves->mix[moves->largest];
	double		change = fabs(moves->change);
	CsVerdict	verdict = change > options->change_drifted ? CS_VERDICT_DRIFTED :
		change > options->change_watch ? CS_VERDICT_WATCH : CS_VERDICT_OK;

	CsFindingAdd(finding, verdict, "%s %s from %.1f %% to %.1f %% of the customers%s",
				 DescribeSegment(mix), moves->change > 0 ? "grew" : "shrank",
				 100.0 * mix->before / moves->n, 100.0 * mix->after / moves->n,
				 verdict == CS_VERDICT_OK ? ", which is a small change" : "");
}

/* The verdict, and its reason in words. */
static void
Judge(const Moves *moves, const CsMarginalResult *test, const TestOptions *options,
	  CsFinding *finding)
{
	CsFindingInit(finding);
	if (moves->n < options->min_rows)
	{
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT,
					 "%s had a segment before and after, fewer than the %d that a verdict needs",
					 CsWordsCount(moves->n, "customer", "customers"), options->min_rows);
		return;
	}
	if (test->p < options->significance)
		JudgeChange(moves, options, finding);
	else if (moves->n_moved > 0)
		CsFindingAdd(finding, CS_VERDICT_OK,
					 "apart from chance, as many customers have entered each segment as have left it");
	CsFindingDefault(finding, "no customer has moved");
	if (moves->runs > 1)
		CsFindingAdd(finding, CS_VERDICT_OK,
					 "a customer is counted in each of the %lld runs, so p_value is too small: test a single run",
					 (long long) moves->runs);
}

/*
 * migration_test(model, from, to, options): runs, n, n_moved, moved_share, change, statistic, df,
 * p_value, verdict, reason
 */
Datum
custseg_migration_test(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Moves		moves = {0};
	TestOptions options;
	CsMarginalResult test;
	CsFinding	finding;
	CsValue		row[10];
	int			i = 0;

	if (PG_ARGISNULL(MIGRATION_MODEL))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, MIGRATION_OPTIONS, testOptions, lengthof(testOptions), &options);
	CsReportCheckLimits("change_watch", options.change_watch, "change_drifted",
						options.change_drifted);
	ReadMoves(fcinfo, &moves);
	SumUp(&moves);
	test = CsStuartMaxwell(moves.cells, moves.ncells, moves.nsegments);
	Judge(&moves, &test, &options, &finding);

	row[i++] = CsValueInt8(moves.runs);
	row[i++] = CsValueInt8(moves.n);
	row[i++] = CsValueInt8(moves.n_moved);
	row[i++] = CsValueFloat8((double) moves.n_moved / moves.n);
	row[i++] = CsValueFloat8(moves.n == 0 ? NAN : moves.change);
	row[i++] = CsValueFloat8(test.statistic);
	row[i++] = CsValueFloat8(test.df == 0 ? NAN : test.df);
	row[i++] = CsValueFloat8(test.p);
	row[i++] = CsFindingVerdict(&finding);
	row[i++] = CsFindingReason(&finding);
	CsResultPut(result, row, i);
	return (Datum) 0;
}
