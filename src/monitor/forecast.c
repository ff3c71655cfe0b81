/*
 * forecast.c
 *	  How large the segments will be: forecast_segments().
 *
 * Each run of resegment() over the whole of a table is a period, and its moves say how customers go from
 * segment to segment. They are read as the caller. A run with another version than the run before moves
 * customers because the segments have changed, so it does not count. The last period is forecast from
 * those before it, and what is said of the forecast is how that compares with "nothing changes".
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/tables.h"
#include "executor/spi.h"
#include "math/math.h"
#include "stat/markov.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define FEW_PERIODS 3
/* A right forecast is rarely so far off that its p is lower. */
#define BEYOND_CHANCE 0.05

typedef struct ForecastOptions
{
	char	   *source;
	double		confidence;
	int			draws;
	int			seed;
} ForecastOptions;

static const CsOption forecastOptions[] = {
	{"source", CS_OPTION_TEXT, offsetof(ForecastOptions, source)},
	{"confidence", CS_OPTION_REAL, offsetof(ForecastOptions, confidence), 0.95, 0.5, 0.999},
	{"draws", CS_OPTION_INT, offsetof(ForecastOptions, draws), 1000, 100, 100000},
	{"seed", CS_OPTION_INT, offsetof(ForecastOptions, seed), 1, 0, PG_INT32_MAX}
};

/* The arguments. */
enum
{
	FORECAST_MODEL, FORECAST_PERIODS, FORECAST_OPTIONS
};

/*
 * The moves of whole runs over a table, by default that of the last such run, in the order of the runs.
 * Customers without a segment before, or after, are there with NULL.
 */
static const char *const moves_sql =
"SELECT g.run_at, g.version, g.from_segment, g.to_segment, pg_catalog.sum(g.n)::pg_catalog.int8 AS n "
"FROM custseg.migration AS g "
"WHERE g.model OPERATOR(pg_catalog.=) $1 AND g.condition IS NULL AND g.finished_at IS NOT NULL"
" AND g.source OPERATOR(pg_catalog.=) coalesce($2,"
" (SELECT l.source FROM custseg.migration AS l WHERE l.model OPERATOR(pg_catalog.=) $1 AND l.condition IS NULL"
" AND l.finished_at IS NOT NULL ORDER BY l.run_at DESC, l.id DESC LIMIT 1)) "
"GROUP BY g.run_at, g.version, g.from_segment, g.to_segment "
"ORDER BY g.run_at, g.from_segment, g.to_segment";

static const char *const names_sql =
"SELECT n.segment, n.name FROM custseg_private.segment_names($1) AS n";

/* What customers did in a run. */
typedef struct Move
{
	int			run;			/* from 0 */
	int			from,			/* position among the segments; -1: none */
				to;
	int64		n;
} Move;

typedef struct Run
{
	TimestampTz at;
	int32		version;
	bool		counts;			/* as a period */
} Run;

typedef struct Forecast
{
	ForecastOptions options;
	int			periods;		/* to come */
	int			k;
	int32	   *segments;		/* ascending */
	char	  **names;			/* or NULL */
	int64		n_moves;
	Move	   *moves;
	int			n_runs;
	Run		   *runs;
	int			n_periods;		/* runs that count */
	double		days;			/* between runs that count and the run before, median */
} Forecast;

PG_FUNCTION_INFO_V1(custseg_forecast_segments);

/* Position of a segment, or -1. */
static int
PositionOf(const Forecast *f, int32 segment)
{
	const int32 *found = bsearch_arg(&segment, f->segments, f->k, sizeof(int32), CsCompareInt32, NULL);

	return found == NULL ? -1 : (int) (found - f->segments);
}

/* Collect the segments that the rows of moves name, each once. */
static void
CollectSegments(Forecast *f, const SPITupleTable *rows, uint64 n)
{
	int			all = 0;

	f->segments = palloc(sizeof(int32) * (2 * n + 1));
	for (uint64 i = 0; i < n; i++)
	{
		for (int column = 3; column <= 4; column++)
		{
			bool		isnull;
			Datum		segment = SPI_getbinval(rows->vals[i], rows->tupdesc, column, &isnull);

			if (!isnull)
				f->segments[all++] = DatumGetInt32(segment);
		}
	}
	qsort_arg(f->segments, all, sizeof(int32), CsCompareInt32, NULL);
	for (int i = 0; i < all; i++)
		if (f->k == 0 || f->segments[i] != f->segments[f->k - 1])
			f->segments[f->k++] = f->segments[i];
	if (f->k > CS_MARKOV_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many segments for a forecast: %d", f->k),
				 errdetail("At most %d can be forecast.", CS_MARKOV_MAX_SEGMENTS)));
}

/* Keep a row of moves. */
static void
KeepMove(Forecast *f, HeapTuple row, TupleDesc desc)
{
	Move	   *move = &f->moves[f->n_moves++];
	bool		isnull;
	TimestampTz at = DatumGetTimestampTz(SPI_getbinval(row, desc, 1, &isnull));
	Datum		segment;

	if (f->n_runs == 0 || f->runs[f->n_runs - 1].at != at)
		f->runs[f->n_runs++] = (Run) {at, DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull))};
	move->run = f->n_runs - 1;
	segment = SPI_getbinval(row, desc, 3, &isnull);
	move->from = isnull ? -1 : PositionOf(f, DatumGetInt32(segment));
	segment = SPI_getbinval(row, desc, 4, &isnull);
	move->to = isnull ? -1 : PositionOf(f, DatumGetInt32(segment));
	move->n = DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull));
}

/* Run a query of the model and the source as the caller, inside SPI. */
static void
RunQuery(const char *sql, Datum model, const char *source)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {model, source == NULL ? (Datum) 0 : CStringGetTextDatum(source)};
	char		nulls[2] = {' ', source == NULL ? 'n' : ' '};
	int			code = SPI_execute_with_args(sql, lengthof(types), types, values, nulls, true, 0);

	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not read migrations: %s", SPI_result_code_string(code));
}

/* Read the runs; what is kept is palloc'd in the caller's context. */
static void
ReadRuns(Forecast *f, Datum model)
{
	MemoryContext caller = CurrentMemoryContext,
				inside;
	uint64		n;

	SPI_connect();
	RunQuery(moves_sql, model, f->options.source);
	n = SPI_processed;
	inside = MemoryContextSwitchTo(caller);
	CollectSegments(f, SPI_tuptable, n);
	f->moves = palloc(sizeof(Move) * (n + 1));
	f->runs = palloc(sizeof(Run) * (n + 1));
	for (uint64 i = 0; i < n; i++)
		KeepMove(f, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	f->names = palloc0(sizeof(char *) * (f->k + 1));
	MemoryContextSwitchTo(inside);
	RunQuery(names_sql, model, NULL);
	MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int			at = PositionOf(f, DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));

		if (at >= 0)
			f->names[at] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
	}
	MemoryContextSwitchTo(inside);
	SPI_finish();
}

/* Which runs are periods, and how long these are; an error when they are few. */
static void
FindPeriods(Forecast *f)
{
	bool	   *moves = palloc0(f->n_runs + 1);
	double	   *days = palloc(sizeof(double) * (f->n_runs + 1));

	for (int64 i = 0; i < f->n_moves; i++)
		moves[f->moves[i].run] |= f->moves[i].from >= 0 && f->moves[i].to >= 0;
	for (int r = 1; r < f->n_runs; r++)
	{
		f->runs[r].counts = moves[r] && f->runs[r].version == f->runs[r - 1].version;
		if (f->runs[r].counts)
			days[f->n_periods++] = (double) (f->runs[r].at - f->runs[r - 1].at) / USECS_PER_DAY;
	}
	if (f->n_periods < FEW_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a forecast takes %d periods, and %d are on record", FEW_PERIODS, f->n_periods),
				 errdetail("A period lies between two runs of custseg.resegment() over a whole table with the same version."),
				 errhint("Run custseg.resegment() at regular times, such as once a month, and ask again later.")));
	CsSortDoubles(days, f->n_periods, palloc(sizeof(double) * f->n_periods));
	f->days = (days[(f->n_periods - 1) / 2] + days[f->n_periods / 2]) / 2;
}

/* OUT the sum of the moves of the periods before a run; k x k. */
static void
SumMoves(const Forecast *f, int before, int64 *sum)
{
	memset(sum, 0, sizeof(int64) * f->k * f->k);
	for (int64 i = 0; i < f->n_moves; i++)
	{
		const Move *m = &f->moves[i];

		if (m->run < before && f->runs[m->run].counts && m->from >= 0 && m->to >= 0)
			sum[m->from * f->k + m->to] += m->n;
	}
}

/* OUT customers in each segment after a run. */
static void
CountAfter(const Forecast *f, int run, int64 *n)
{
	memset(n, 0, sizeof(int64) * f->k);
	for (int64 i = 0; i < f->n_moves; i++)
		if (f->moves[i].run == run && f->moves[i].to >= 0)
			n[f->moves[i].to] += f->moves[i].n;
}

/* OUT customers in each segment before and after a run, of those who had one before and have one after it. */
static void
CountAround(const Forecast *f, int run, int64 *before, int64 *after)
{
	memset(before, 0, sizeof(int64) * f->k);
	memset(after, 0, sizeof(int64) * f->k);
	for (int64 i = 0; i < f->n_moves; i++)
	{
		const Move *m = &f->moves[i];

		if (m->run != run || m->from < 0 || m->to < 0)
			continue;
		before[m->from] += m->n;
		after[m->to] += m->n;
	}
}

/*
 * Forecast the last period from those before it, and compare that with what came, and with "nothing changes".
 * "all" are the moves of all periods.
 */
static void
Judge(const Forecast *f, const int64 *all, CsFinding *finding)
{
	int			last = f->n_runs - 1;
	int64	   *moves = palloc(sizeof(int64) * f->k * f->k),
			   *before = palloc(sizeof(int64) * f->k),
			   *after = palloc(sizeof(int64) * f->k);
	CsMarkov	m = {f->k, moves, all, before, 1, f->options.draws, f->options.confidence, (uint64) f->options.seed};
	CsMarkovOutcome outcome;
	bool		is_nearer,
				is_off;

	while (!f->runs[last].counts)
		last--;
	SumMoves(f, last, moves);
	CountAround(f, last, before, after);
	outcome = CsMarkovCompare(&m, after);
	is_nearer = outcome.error > outcome.unchanged;
	is_off = outcome.p < BEYOND_CHANCE;
	CsFindingInit(finding);
	CsFindingAdd(finding, is_nearer && is_off ? CS_VERDICT_WATCH : CS_VERDICT_OK,
				 "the last period, forecast from the %d before it, was off by %.1f percentage points in all, and \"nothing changes\" by %.1f%s",
				 f->n_periods - 1, 100 * outcome.error, 100 * outcome.unchanged,
				 !is_nearer ? "" : is_off ? ": expect no change rather than what is forecast" :
				 ": customers who move by chance explain that");
}

/* A row for each period to come and segment. */
static void
PutForecast(const Forecast *f, CsResult *result)
{
	CsMarkov	m = {f->k, NULL, NULL, NULL, f->periods, f->options.draws, f->options.confidence, (uint64) f->options.seed};
	int64	   *moves = palloc(sizeof(int64) * f->k * f->k),
			   *now = palloc(sizeof(int64) * f->k),
				n = 0;
	Size		cells = (Size) f->periods * f->k,
				size = CsMarkovMemory(f->k, f->periods, f->options.draws);
	double	   *share = palloc(sizeof(double) * cells),
			   *low = palloc(sizeof(double) * cells),
			   *high = palloc(sizeof(double) * cells);
	CsFinding	finding;

	if (size > CsMemoryLimit())
		CsMemoryError(size, "ask for fewer periods or \"draws\"", "a forecast of %d periods by %d draws",
					  f->periods, f->options.draws);
	SumMoves(f, f->n_runs, moves);
	CountAfter(f, f->n_runs - 1, now);
	for (int i = 0; i < f->k; i++)
		n += now[i];
	if (n == 0)
		return;
	m.moves = m.possible = moves;
	m.now = now;
	CsMarkovForecast(&m, share, low, high);
	Judge(f, moves, &finding);
	for (Size i = 0; i < cells; i++)
	{
		int			period = (int) (i / f->k) + 1,
					s = (int) (i % f->k);
		double		at = (double) f->runs[f->n_runs - 1].at + period * f->days * USECS_PER_DAY;

		CsResultPut(result,
					CsValues(CsValueInt4(period), CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum((TimestampTz) at), false),
							 CsValueInt4(f->segments[s]), CsValueText(f->names[s]),
							 CsValueFloat8((double) now[s] / (double) n), CsValueFloat8(share[i]), CsValueFloat8(low[i]),
							 CsValueFloat8(high[i]), CsValueInt8((int64) rint(share[i] * (double) n)),
							 CsFindingVerdict(&finding), CsFindingReason(&finding)));
	}
}

/* forecast_segments(model, periods, options): shares of the segments in periods to come */
Datum
custseg_forecast_segments(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model;
	Forecast	f = {.periods = CsRequiredInt(fcinfo, FORECAST_PERIODS, "periods")};

	if (PG_ARGISNULL(FORECAST_MODEL))
		return (Datum) 0;
	if (f.periods < 1 || f.periods > 120)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"periods\" must be between 1 and 120, not %d", f.periods)));
	CsOptionsArgument(fcinfo, FORECAST_OPTIONS, forecastOptions, lengthof(forecastOptions), &f.options);
	model = text_to_cstring(PG_GETARG_TEXT_PP(FORECAST_MODEL));
	CsModelCheckUse(model);
	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	ReadRuns(&f, PG_GETARG_DATUM(FORECAST_MODEL));
	FindPeriods(&f);
	PutForecast(&f, result);
	return (Datum) 0;
}
