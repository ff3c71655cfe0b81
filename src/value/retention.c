/*
 * retention.c
 *	  How long customers stay: retention(), retention_summary(), retention_test().
 *
 * Of the counts that come (stays.c) nothing is kept but the curve's last point, or sums over segments.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/survival.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "value/stays.h"

/* Most segments of a test: what it keeps grows by their square. */
#define MAX_SEGMENTS 1000

/* The arguments that each has after those that all have. */
enum
{
	RETENTION_TIMES = CS_STAYS_ARGUMENTS, RETENTION_OPTIONS
};

enum
{
	SUMMARY_UNTIL = CS_STAYS_ARGUMENTS, SUMMARY_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_retention);
PG_FUNCTION_INFO_V1(custseg_retention_summary);
PG_FUNCTION_INFO_V1(custseg_retention_test);

/* A curve that is followed from row to row. */
typedef struct Following
{
	CsStays		stays;
	CsResult   *result;
	double		quantile;		/* of the normal distribution */
	int64		number;			/* of the segment at hand; 0: none yet */
	char	   *segment;
	CsSurvival	curve;
	double		time;			/* at hand, whose customers are counted until the next comes */
	int64		events,
				censored;
	int64		n,				/* of the segment */
				n_events;
	/* retention() */
	int			n_times;		/* that are asked for; 0: those on which somebody left */
	double	   *times;
	int			next;			/* of the times */
	int64		events_since,	/* the last row */
				censored_since;
	/* retention_summary() */
	double		until;			/* infinite: the segment's last duration */
	double		median,
				median_low,
				median_high;
	void		(*step) (struct Following *f);	/* the time at hand is over */
	void		(*end) (struct Following *f);	/* the segment is */
} Following;

/* The time at hand is over: the curve takes it in. */
static void
EndTime(Following *f)
{
	f->step(f);
	f->events = f->censored = 0;
}

/* The segment at hand is over, if there is one. */
static void
EndSegment(Following *f)
{
	if (f->number == 0)
		return;
	EndTime(f);
	f->end(f);
}

/* Begin a segment. */
static void
BeginSegment(Following *f, const CsStay *stay)
{
	MemoryContext old = MemoryContextSwitchTo(f->stays.context);

	if (f->segment != NULL)
		pfree(f->segment);
	f->segment = stay->segment == NULL ? NULL : pstrdup(stay->segment);
	MemoryContextSwitchTo(old);
	f->number = stay->number;
	f->curve = CsSurvivalBegin(stay->total, f->until);
	f->n = stay->total;
	f->n_events = 0;
	f->time = stay->duration;
	f->next = 0;
	f->events_since = f->censored_since = 0;
	f->median = f->median_low = f->median_high = NAN;
}

/* CsRowSink: customers of a segment, their durations ascending. */
static void
Follow(void *state, const Datum *values, const bool *nulls)
{
	Following  *f = state;
	CsStay		stay;

	if (!CsStaysRead(&f->stays, values, nulls, &stay))
		return;
	if (stay.number != f->number)
	{
		EndSegment(f);
		BeginSegment(f, &stay);
	}
	if (stay.duration > f->time)
	{
		EndTime(f);
		f->time = stay.duration;
	}
	*(stay.left ? &f->events : &f->censored) += stay.n;
	f->n_events += stay.left ? stay.n : 0;
}

/* Read the source, curve by curve. */
static void
FollowAll(Following *f)
{
	CsStaysQuery(&f->stays, "number, duration");
	(void) CsRelationRead(f->stays.query, f->stays.query->columns, f->stays.query->ncolumns, Follow, f);
	EndSegment(f);
	CsStaysReport(&f->stays);
}

/* A point of the curve as a row; so many customers were there just before it. */
static void
PutPoint(Following *f, double time, int64 at_risk, bool is_known)
{
	double		low,
				high;

	CsSurvivalInterval(&f->curve, f->quantile, &low, &high);
	CsResultPut(f->result,
				CsValues(CsValueText(f->segment), CsValueFloat8(time), CsValueInt8(at_risk),
						 CsValueInt8(f->events_since), CsValueInt8(f->censored_since),
						 CsValueFloat8(is_known ? f->curve.survival : NAN),
						 CsValueFloat8(is_known ? CsSurvivalError(&f->curve) : NAN),
						 CsValueFloat8(is_known ? low : NAN), CsValueFloat8(is_known ? high : NAN)));
	f->events_since = f->censored_since = 0;
}

/* Was this time asked for?  Without times, those on which somebody left were. */
static bool
IsAskedFor(const Following *f)
{
	if (f->times == NULL)
		return f->events > 0;
	return f->next < f->n_times && f->times[f->next] == f->time;
}

/* A time is over: rows for the times that were asked for before it, and for itself. */
static void
RetentionStep(Following *f)
{
	int64		at_risk = f->curve.at_risk;

	for (; f->next < f->n_times && f->times[f->next] < f->time; f->next++)
		PutPoint(f, f->times[f->next], at_risk, true);
	CsSurvivalStep(&f->curve, f->time, f->events, f->censored);
	f->events_since += f->events;
	f->censored_since += f->censored;
	/* a time may be asked for twice */
	for (; IsAskedFor(f); f->next++)
	{
		PutPoint(f, f->time, at_risk, true);
		if (f->times == NULL)
			return;
	}
}

/* Of the times beyond the last duration the share is known only where nobody was left. */
static void
RetentionEnd(Following *f)
{
	for (; f->next < f->n_times; f->next++)
		PutPoint(f, f->times[f->next], f->curve.at_risk, f->curve.survival == 0);
}

/* The times that were asked for, ascending. */
static void
ReadTimes(FunctionCallInfo fcinfo, Following *f)
{
	ArrayType  *array = CsArrayArgument(fcinfo, RETENTION_TIMES);
	Datum	   *values;
	bool	   *nulls;

	if (array == NULL)
		return;
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values,
					  &nulls, &f->n_times);
	f->times = palloc(sizeof(double) * Max(f->n_times, 1));
	for (int i = 0; i < f->n_times; i++)
	{
		f->times[i] = nulls[i] ? NAN : DatumGetFloat8(values[i]);
		if (!(f->times[i] >= (i > 0 ? f->times[i - 1] : 0)) || isinf(f->times[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"times\" must be finite numbers from 0 on, in ascending order")));
	}
}

/* retention(source, duration, event, segment, times, options): points of the curve of each segment */
Datum
custseg_retention(PG_FUNCTION_ARGS)
{
	Following	f = {.result = CsResultOpen(fcinfo), .until = INFINITY, .step = RetentionStep, .end = RetentionEnd};

	CsStaysOpen(fcinfo, &f.stays);
	ReadTimes(fcinfo, &f);
	f.quantile = CsStaysQuantile(fcinfo, RETENTION_OPTIONS);
	FollowAll(&f);
	return (Datum) 0;
}

/* A time is over: is it the median, or an end of its interval? */
static void
SummaryStep(Following *f)
{
	double		low,
				high;

	CsSurvivalStep(&f->curve, f->time, f->events, f->censored);
	CsSurvivalInterval(&f->curve, f->quantile, &low, &high);
	if (isnan(f->median) && f->curve.survival <= 0.5)
		f->median = f->time;
	if (isnan(f->median_low) && (low <= 0.5 || f->curve.survival == 0))
		f->median_low = f->time;
	if (isnan(f->median_high) && high <= 0.5)
		f->median_high = f->time;
}

/* A segment as a row. */
static void
SummaryEnd(Following *f)
{
	double		error,
				width;

	/* where nobody is left, it is known what comes after */
	if (f->curve.survival == 0 && isfinite(f->until))
		CsSurvivalExtend(&f->curve, f->until);
	error = CsSurvivalAreaError(&f->curve);
	width = f->quantile * error;
	CsResultPut(f->result,
				CsValues(CsValueText(f->segment), CsValueInt8(f->n), CsValueInt8(f->n_events),
						 CsValueFloat8(f->median), CsValueFloat8(f->median_low),
						 CsValueFloat8(f->median_high), CsValueFloat8(f->curve.area),
						 CsValueFloat8(error), CsValueFloat8(Max(f->curve.area - width, 0)),
						 CsValueFloat8(f->curve.area + width), CsValueFloat8(f->curve.time)));
}

/* retention_summary(source, duration, event, segment, until, options): a row for each segment */
Datum
custseg_retention_summary(PG_FUNCTION_ARGS)
{
	Following	f = {.result = CsResultOpen(fcinfo), .step = SummaryStep, .end = SummaryEnd};

	CsStaysOpen(fcinfo, &f.stays);
	f.until = PG_ARGISNULL(SUMMARY_UNTIL) ? INFINITY : PG_GETARG_FLOAT8(SUMMARY_UNTIL);
	if (!PG_ARGISNULL(SUMMARY_UNTIL) && !(f.until > 0 && isfinite(f.until)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"until\" must be a finite number above 0, not %s", float8out_internal(f.until))));
	f.quantile = CsStaysQuantile(fcinfo, SUMMARY_OPTIONS);
	FollowAll(&f);
	return (Datum) 0;
}

/* A test that is fed from row to row, durations descending. */
typedef struct Testing
{
	CsStays		stays;
	CsLogRank	test;
	int			n_segments;
	char	  **segments;		/* by number less 1 */
	double		time;
	int64		n,
				n_events;
} Testing;

/* CsRowSink: a segment. */
static void
TakeSegment(void *state, const Datum *values, const bool *nulls)
{
	Testing    *t = state;
	CsStay		stay;
	MemoryContext old;

	if (!CsStaysRead(&t->stays, values, nulls, &stay))
		return;
	if (stay.number <= t->n_segments)
		return;
	if (t->n_segments == MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has more than %d values", NameStr(t->stays.segment->name), MAX_SEGMENTS),
				 errhint("Name the column of the segments.")));
	old = MemoryContextSwitchTo(t->stays.context);
	t->segments[t->n_segments++] = pstrdup(stay.segment);
	MemoryContextSwitchTo(old);
}

/* CsRowSink: customers, durations descending. */
static void
TakeStay(void *state, const Datum *values, const bool *nulls)
{
	Testing    *t = state;
	CsStay		stay;

	if (!CsStaysRead(&t->stays, values, nulls, &stay))
		return;
	/* only a source that calls a volatile function has more */
	if (stay.number > t->n_segments)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the source gave other rows when it was read again"),
				 errhint("Give a source whose rows do not change from one reading to the next.")));
	if (stay.duration < t->time)
		CsLogRankEndTime(&t->test);
	t->time = stay.duration;
	CsLogRankAdd(&t->test, (int) stay.number - 1, stay.left ? stay.n : 0, stay.left ? 0 : stay.n);
	t->n += stay.n;
	t->n_events += stay.left ? stay.n : 0;
}

/* Read all, and sum up. */
static void
RunTest(Testing *t)
{
	t->segments = palloc(sizeof(char *) * MAX_SEGMENTS);
	CsStaysQuery(&t->stays, "number");
	(void) CsRelationRead(t->stays.query, t->stays.query->columns, t->stays.query->ncolumns, TakeSegment, t);
	if (t->n_segments < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has fewer than two values to compare", NameStr(t->stays.segment->name)),
				 errhint("Name the column of the segments.")));
	if (CsLogRankMemory(t->n_segments) > CsMemoryLimit())
		CsMemoryError(CsLogRankMemory(t->n_segments), "compare fewer segments",
					  "comparing %d segments", t->n_segments);
	CsLogRankBegin(&t->test, t->n_segments);
	t->time = INFINITY;
	t->stays.n_left_out = 0;
	CsStaysQuery(&t->stays, "duration DESC");
	(void) CsRelationRead(t->stays.query, t->stays.query->columns, t->stays.query->ncolumns, TakeStay, t);
	CsLogRankEndTime(&t->test);
	CsStaysReport(&t->stays);
}

/* retention_test(source, duration, event, segment): a row for each test */
Datum
custseg_retention_test(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Testing		t = {{0}};
	double	   *observed;

	(void) CsRequiredText(fcinfo, CS_STAYS_SEGMENT, "segment");
	CsStaysOpen(fcinfo, &t.stays);
	RunTest(&t);
	observed = palloc(sizeof(double) * t.n_segments);
	for (int i = 0; i < t.n_segments; i++)
		observed[i] = (double) t.test.observed[i];
	for (int which = 0; which < CS_LOG_RANK_TESTS; which++)
	{
		CsLogRankResult r = CsLogRankFinish(&t.test, which);

		CsResultPut(result,
					CsValues(CsValueText(CsLogRankNames[which]), CsValueInt8(t.n),
							 CsValueInt8(t.n_events), CsValueInt4(t.n_segments),
							 CsValueFloat8(r.chi_square), CsValueFloat8(isnan(r.chi_square) ? NAN : r.df),
							 CsValueFloat8(r.p), CsValueFloat8(r.log_p),
							 CsValueTexts((const char *const *) t.segments, t.n_segments),
							 CsValueNumbers(observed, t.n_segments),
							 CsValueNumbers(t.test.expected, t.n_segments)));
	}
	return (Datum) 0;
}
