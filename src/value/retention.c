/*
 * retention.c
 *	  How long customers stay: retention(), retention_summary(), retention_test().
 *
 * PostgreSQL groups the customers by segment, duration and event, and sorts the groups; what comes here
 * is a stream of counts, of which nothing is kept but the curve's last point, or sums over segments.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "data/relation.h"
#include "miscadmin.h"
#include "stat/survival.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"

/* Most segments of a test: what it keeps grows by their square. */
#define MAX_SEGMENTS 1000

typedef struct RetentionOptions
{
	double		confidence;
} RetentionOptions;

static const CsOption retentionOptions[] = {
	{"confidence", CS_OPTION_REAL, offsetof(RetentionOptions, confidence), 0.95, 0.5, 0.999999}
};

/* The arguments that all have, and those that each has after them. */
enum
{
	ARG_SOURCE, ARG_DURATION, ARG_EVENT, ARG_SEGMENT, ARG_LAST
};

enum
{
	RETENTION_TIMES = ARG_LAST, RETENTION_OPTIONS
};

enum
{
	SUMMARY_UNTIL = ARG_LAST, SUMMARY_OPTIONS
};

/* Columns of the query. */
enum
{
	Q_LEFT_OUT, Q_NUMBER, Q_SEGMENT, Q_DURATION, Q_EVENT, Q_N, Q_TOTAL
};

typedef struct Stays
{
	const CsRelation *source;
	const CsColumn *duration;
	const CsColumn *event;
	const CsColumn *segment;	/* NULL: all customers are one */
	CsRelation *query;
	FmgrInfo	segment_output;
	int64		n_left_out;
	MemoryContext context;
} Stays;

/* The customers of a segment with a duration, who left or were last seen then. */
typedef struct Stay
{
	int64		number;			/* of the segment, from 1, in the order of its column */
	const char *segment;		/* NULL: all customers are one */
	double		duration;
	bool		left;
	int64		n;
	int64		total;			/* customers of the segment */
} Stay;

PG_FUNCTION_INFO_V1(custseg_retention);
PG_FUNCTION_INFO_V1(custseg_retention_summary);
PG_FUNCTION_INFO_V1(custseg_retention_test);

/* The column of that name, which has to be of one of the kinds, a sum of 1 << kind. */
static const CsColumn *
NamedColumn(const CsRelation *rel, const char *name, int kinds, const char *role, const char *hint)
{
	const CsColumn *column = CsRelationWhole(rel, name);

	if ((kinds & (1 << column->converter.kind)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the %s", name,
						format_type_be(column->type), role),
				 errhint("%s", hint)));
	return column;
}

/* Resolve the arguments that all have. */
static void
OpenStays(FunctionCallInfo fcinfo, Stays *s)
{
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, ARG_SOURCE, "source"));
	char	   *segment = CsTextArgument(fcinfo, ARG_SEGMENT);
	Oid			output;
	bool		is_varlena;

	s->source = rel;
	s->context = CurrentMemoryContext;
	s->duration = NamedColumn(rel, CsRequiredText(fcinfo, ARG_DURATION, "duration"), 1 << CS_NUMERIC,
							  "duration",
							  "Name a column of numbers, of days say; a query as the source can compute it.");
	s->event = NamedColumn(rel, CsRequiredText(fcinfo, ARG_EVENT, "event"),
						   1 << CS_NUMERIC | 1 << CS_BOOLEAN, "event",
						   "Name a column that is true, or 1, for customers who have left.");
	if (segment == NULL)
		return;
	s->segment = NamedColumn(rel, segment,
							 1 << CS_NUMERIC | 1 << CS_BOOLEAN | 1 << CS_TIME | 1 << CS_CATEGORICAL,
							 "segment", "Cast it to text in a query as the source.");
	getTypeOutputInfo(s->segment->type, &output, &is_varlena);
	fmgr_info(output, &s->segment_output);
}

/* The condition that a number is there and finite. */
static void
AppendFinite(StringInfo sql, const CsColumn *column)
{
	Oid			type = column->converter.type;
	const char *name = quote_identifier(NameStr(column->name));

	appendStringInfo(sql, "t.%s IS NOT NULL", name);
	if (type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID)
		appendStringInfo(sql, " AND t.%s < 'Infinity' AND t.%s > '-Infinity'", name, name);
}

/*
 * Group the customers.  The rows that are left out come first.  Segments are told apart by a number that
 * follows the order of their type: equal values may look different.
 */
static void
OpenQuery(Stays *s, const char *order)
{
	StringInfoData sql;
	const char *segment = s->segment == NULL ? "NULL::text" :
		psprintf("t.%s", quote_identifier(NameStr(s->segment->name)));

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT left_out, dense_rank() OVER (ORDER BY left_out, segment) AS number, segment, duration, event, n, sum(n) OVER (PARTITION BY left_out, segment)::bigint AS total FROM (SELECT NOT (");
	AppendFinite(&sql, s->duration);
	appendStringInfo(&sql, " AND t.%s IS NOT NULL", quote_identifier(NameStr(s->event->name)));
	if (s->segment != NULL)
		appendStringInfo(&sql, " AND %s IS NOT NULL", segment);
	appendStringInfo(&sql, ") AS left_out, %s AS segment, t.%s AS duration, t.%s AS event, count(*) AS n FROM (SELECT * FROM %s) AS t GROUP BY 1, 2, 3, 4) AS g ORDER BY left_out DESC, %s",
					 segment, quote_identifier(NameStr(s->duration->name)),
					 quote_identifier(NameStr(s->event->name)), s->source->from_item, order);
	s->query = CsRelationOpen(sql.data);
}

/*
 * Read a row of the query.  False for rows that are left out, which are counted.  The text of the
 * segment lives until the row is over.
 */
static bool
ReadStay(Stays *s, const Datum *values, const bool *nulls, Stay *stay)
{
	const CsConverter *duration = &s->query->columns[Q_DURATION].converter,
			   *event = &s->query->columns[Q_EVENT].converter;
	double		left;
	int			length;
	void	   *copy;
	const char *text;

	if (DatumGetBool(values[Q_LEFT_OUT]))
	{
		s->n_left_out += DatumGetInt64(values[Q_N]);
		return false;
	}
	stay->number = DatumGetInt64(values[Q_NUMBER]);
	stay->segment = NULL;
	if (s->segment != NULL)
	{
		text = CsColumnText(&s->query->columns[Q_SEGMENT].converter, &s->segment_output,
							values[Q_SEGMENT], &length, &copy);
		stay->segment = pnstrdup(text, length);
	}
	stay->duration = duration->to_double(duration, values[Q_DURATION]);
	left = event->to_double(event, values[Q_EVENT]);
	stay->left = left == 1;
	stay->n = DatumGetInt64(values[Q_N]);
	stay->total = DatumGetInt64(values[Q_TOTAL]);
	if (stay->duration < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has a negative duration: %s", NameStr(s->duration->name),
						float8out_internal(stay->duration)),
				 errhint("A duration is the time from a customer's beginning to the end, or to when the customer was last seen.")));
	if (left != 0 && left != 1)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" tells by 1 who has left and by 0 who has not, and has %s",
						NameStr(s->event->name), float8out_internal(left)),
				 errhint("Compute it in a query as the source, such as \"status = 'cancelled'\".")));
	return true;
}

/* What was left out is said. */
static void
ReportLeftOut(const Stays *s)
{
	if (s->n_left_out > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they lack a finite duration, an event or a segment: %lld",
						(long long) s->n_left_out)));
}

/* A curve that is followed from row to row. */
typedef struct Following
{
	Stays		stays;
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
BeginSegment(Following *f, const Stay *stay)
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
	Stay		stay;

	if (!ReadStay(&f->stays, values, nulls, &stay))
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
	OpenQuery(&f->stays, "number, duration");
	(void) CsRelationRead(f->stays.query, f->stays.query->columns, f->stays.query->ncolumns, Follow, f);
	EndSegment(f);
	ReportLeftOut(&f->stays);
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

/* Options, and what they are turned into. */
static void
ReadOptions(FunctionCallInfo fcinfo, int argument, Following *f)
{
	RetentionOptions options;

	CsOptionsArgument(fcinfo, argument, retentionOptions, lengthof(retentionOptions), &options);
	f->quantile = gsl_cdf_ugaussian_Qinv((1 - options.confidence) / 2);
}

/* retention(source, duration, event, segment, times, options): points of the curve of each segment */
Datum
custseg_retention(PG_FUNCTION_ARGS)
{
	Following	f = {.result = CsResultOpen(fcinfo), .until = INFINITY, .step = RetentionStep, .end = RetentionEnd};

	OpenStays(fcinfo, &f.stays);
	ReadTimes(fcinfo, &f);
	ReadOptions(fcinfo, RETENTION_OPTIONS, &f);
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

	OpenStays(fcinfo, &f.stays);
	f.until = PG_ARGISNULL(SUMMARY_UNTIL) ? INFINITY : PG_GETARG_FLOAT8(SUMMARY_UNTIL);
	if (!PG_ARGISNULL(SUMMARY_UNTIL) && !(f.until > 0 && isfinite(f.until)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"until\" must be a finite number above 0, not %s", float8out_internal(f.until))));
	ReadOptions(fcinfo, SUMMARY_OPTIONS, &f);
	FollowAll(&f);
	return (Datum) 0;
}

/* A test that is fed from row to row, durations descending. */
typedef struct Testing
{
	Stays		stays;
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
	Stay		stay;
	MemoryContext old;

	if (!ReadStay(&t->stays, values, nulls, &stay))
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
	Stay		stay;

	if (!ReadStay(&t->stays, values, nulls, &stay))
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
	OpenQuery(&t->stays, "number");
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
	OpenQuery(&t->stays, "duration DESC");
	(void) CsRelationRead(t->stays.query, t->stays.query->columns, t->stays.query->ncolumns, TakeStay, t);
	CsLogRankEndTime(&t->test);
	ReportLeftOut(&t->stays);
}

/* retention_test(source, duration, event, segment): a row for each test */
Datum
custseg_retention_test(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Testing		t = {{0}};
	double	   *observed;

	(void) CsRequiredText(fcinfo, ARG_SEGMENT, "segment");
	OpenStays(fcinfo, &t.stays);
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
