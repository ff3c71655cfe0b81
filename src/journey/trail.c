/*
 * trail.c
 *	  Events read customer by customer, in the order of their times.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "call/text_value.h"
#include "catalog/pg_type.h"
#include "journey/trail.h"
#include "common/int.h"
#include "lib/stringinfo.h"
#include "orders/lines.h"
#include "orders/lines_sql.h"
#include "stat/shares.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "value/purchases.h"

/* Columns of the query; the last one only where segments are asked for and a customer may have several texts. */
enum
{
	EVENT_CUSTOMER, EVENT_TIME, EVENT_STEP, EVENT_TEXT
};

typedef struct Reading
{
	CsTrails   *trails;
	const CsTrailVisitor *visitor;
	const CsColumn *columns;	/* of the query */
	CsRoster   *roster;			/* NULL without a model */
	int			text;			/* the column with the text of the customer, by which the segment is found */
	CsHeld		customer;
	int			last_step;		/* of the customer at hand; -1: none yet */
	MemoryContext context;
	int64		read,
				no_customer,	/* left out, each event once, for the first of these reasons */
				no_time,
				no_step,
				later;
} Reading;

/* Which events count, but for the time up to which they do. */
static char *
CountsCondition(const CsTrails *t)
{
	return psprintf("t.%s IS NOT NULL AND pg_catalog.isfinite(t.%s) AND t.%s IS NOT NULL", CsSqlColumn(t->customer),
					CsSqlColumn(t->time), CsSqlColumn(t->step));
}

/* CsRowSink: the time of the latest event, NULL without any. */
static void
TakeLatest(void *state, const Datum *values, const bool *nulls)
{
	CsTrails   *t = state;

	if (!nulls[0])
		t->as_of = DatumGetTimestamp(values[0]);
}

/* The time that the events are seen as of: what is asked for, or the latest event. */
static void
FindAsOf(CsTrails *t)
{
	CsRelation *latest;

	if (t->options.as_of != NULL)
	{
		TimestampTz as_of = CsTimeOption("as_of", t->options.as_of);

		if (TIMESTAMP_NOT_FINITE(as_of))
			CsRejectValue("option \"as_of\" must be finite", "Leave it out to use the time of the latest event.");
		t->as_of = CsOrdersAsOf(t->time, t->zone, as_of);
		return;
	}
	t->as_of = DT_NOBEGIN;
	latest = CsRelationQuery(t->relation, psprintf("SELECT pg_catalog.max(%s) AS latest FROM %s WHERE %s", CsSqlTime(t->time), CsSqlFrom(t->relation),
									 CountsCondition(t)));
	(void) CsRelationRead(latest, latest->columns, 1, TakeLatest, t);
	if (t->as_of == DT_NOBEGIN)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no event with a customer, a finite time and a step", t->relation->description),
				 errhint("Name another source, or other columns of it.")));
}

/* Resolve the arguments that all have, those of the model and its version by their numbers, and the options. */
void
CsTrailsOpen(CsTrails *t, FunctionCallInfo fcinfo, int model, int version, const CsTrailOptions *options)
{
	int			kinds = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) | CS_KIND_BIT(CS_BOOLEAN) |
		CS_KIND_BIT(CS_TIME);
	char	   *name = CsTextArgument(fcinfo, model);

	memset(t, 0, sizeof(*t));
	t->options = *options;
	t->relation = CsRelationOpen(CsRequiredText(fcinfo, CS_TRAIL_SOURCE, "source"));
	t->customer = CsKeyOfRole(t->relation, CsTextArgument(fcinfo, CS_TRAIL_CUSTOMER), "customer");
	t->time = CsTimeOfRole(t->relation, CsTextArgument(fcinfo, CS_TRAIL_TIME), "time of an event");
	t->step = CsColumnOfRole(t->relation, CsTextArgument(fcinfo, CS_TRAIL_STEP), "step", kinds);
	t->zone = CsOrdersZone(options->time_zone);
	t->ngroups = 1;
	if (name != NULL)
	{
		t->scorer = CsCacheGet(name, CsVersionArgument(fcinfo, version));
		CsCachePin(t->scorer, CurrentMemoryContext);
		t->ngroups = t->scorer->nsegments + 1;
	}
	else if (options->customers != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"customers\" is for a model that places them"),
				 errhint("Name a model, or leave the option out.")));
	t->steps = CsDictionaryCreate();
	FindAsOf(t);
}

/* The text of a step in the query. */
static const char *
StepSql(const CsTrails *t)
{
	return psprintf("(%s) COLLATE pg_catalog.\"C\"", CsSqlText(t->step, psprintf("t.%s", CsSqlColumn(t->step))));
}

/* That a step is one of those that are known; by equality of PostgreSQL, whatever the search_path has. */
static void
AppendKnownSteps(StringInfo sql, const CsTrails *t, const char *step)
{
	appendStringInfo(sql, " WHERE %s OPERATOR(pg_catalog.=) ANY (ARRAY[", step);
	for (int i = 0; i < CsDictionarySize(t->steps); i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "", quote_literal_cstr(CsDictionaryLevel(t->steps, i)));
	appendStringInfoString(sql, "]::pg_catalog.text[])");
}

/* The query that gives the events in their order, palloc'd; with segments, customers come by the bytes of their texts. */
static char *
EventsSql(const CsTrails *t)
{
	StringInfoData sql;
	const char *step = StepSql(t),
			   *text = t->scorer != NULL ? CsSqlKeyText(t->customer) : NULL;
	bool		is_text = text != NULL && CsKeyHasOneText(t->customer);

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS customer, t.%s AS at, %s AS step", is_text ? text : CsSqlKey(t->customer),
					 CsSqlColumn(t->time), step);
	if (text != NULL && !is_text)
		appendStringInfo(&sql, ", %s AS text", text);
	appendStringInfo(&sql, " FROM %s", CsSqlFrom(t->relation));
	if (t->only_known)
		AppendKnownSteps(&sql, t, step);
	appendStringInfoString(&sql, " ORDER BY ");
	if (text != NULL)
		appendStringInfo(&sql, "%s, ", text);
	if (!is_text)
		appendStringInfo(&sql, "%s, ", CsSqlSortKey(t->customer));
	appendStringInfo(&sql, "t.%s, %s%s", CsSqlColumn(t->time), step, CsSqlKeepOrder());
	return sql.data;
}

/* The group of a customer. */
static int
GroupOf(const Reading *r, Datum customer)
{
	int			segment;

	if (r->roster == NULL)
		return 0;
	segment = CsRosterFind(r->roster, TextDatumGetCString(customer));
	return segment < 0 ? r->trails->scorer->nsegments : segment;
}

/* The code of a step, which is new perhaps. */
static int
StepCode(const CsTrails *t, Datum step)
{
	struct varlena *text = PG_DETOAST_DATUM_PACKED(step);
	int			code = CsDictionaryCode(t->steps, VARDATA_ANY(text), (int) VARSIZE_ANY_EXHDR(text));

	if (code < 0 || code >= CS_MOST_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has more than %d different steps", NameStr(t->step->name), CS_MOST_STEPS),
				 errhint("Group them in a query as the source.")));
	return code;
}

/* Does an event count?  OUT its time.  If it does not count, the reason is counted. */
static bool
EventCounts(Reading *r, const Datum *row, const bool *nulls, Timestamp *at)
{
	r->read++;
	if (nulls[EVENT_CUSTOMER])
		r->no_customer++;
	else if (nulls[EVENT_TIME] || !CsOrdersReadTime(&r->columns[EVENT_TIME], row[EVENT_TIME], at))
		r->no_time++;
	else if (nulls[EVENT_STEP])
		r->no_step++;
	else if (*at > r->trails->as_of)
		r->later++;
	else
		return true;
	return false;
}

/* The customer at hand is complete, if there is one. */
static void
EndCustomer(Reading *r)
{
	if (r->customer.there)
		r->visitor->end(r->visitor->state);
}

/* CsRowSink: an event. */
static void
TakeEvent(void *state, const Datum *row, const bool *nulls)
{
	Reading    *r = state;
	Timestamp	at;
	int			step;

	if (!EventCounts(r, row, nulls, &at))
		return;
	step = StepCode(r->trails, row[EVENT_STEP]);
	if (!CsHeldIs(&r->customer, row[EVENT_CUSTOMER], false))
	{
		EndCustomer(r);
		CsHeldSet(r->context, &r->customer, row[EVENT_CUSTOMER], false);
		r->visitor->begin(r->visitor->state, GroupOf(r, row[r->text]));
		r->last_step = -1;
	}
	if (r->trails->options.collapse && step == r->last_step)
		return;
	r->last_step = step;
	r->visitor->event(r->visitor->state, at, step);
}

/* Read the events: each customer with one that counts goes to the visitor.  What was left out is said. */
void
CsTrailsRead(CsTrails *t, const CsTrailVisitor *visitor)
{
	Reading		r = {.trails = t, .visitor = visitor, .context = CurrentMemoryContext};
	CsRelation *query;
	int			level;

	if (t->scorer != NULL)
		r.roster = CsRosterOpen(t->scorer, t->options.customers, true);
	query = CsRelationQuery(t->relation, EventsSql(t));
	r.columns = query->columns;
	r.text = query->ncolumns > EVENT_TEXT ? EVENT_TEXT : EVENT_CUSTOMER;
	CsHeldPrepare(&r.customer, &query->columns[EVENT_CUSTOMER]);
	level = NewGUCNestLevel();
	CsRaiseWorkMem();
	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeEvent, &r);
	AtEOXact_GUC(true, level);
	EndCustomer(&r);
	if (r.roster != NULL)
		(void) CsRosterClose(r.roster);
	t->n_events = r.read - r.no_customer - r.no_time - r.no_step - r.later;
	{
		CsLeftOut	left_out[] = {
			{r.no_customer, "without a customer"},
			{r.no_time, "without a finite time"},
			{r.no_step, "without a step"},
			{r.later, "later than \"as_of\""}
		};

		CsReportLeftOut("events", left_out, lengthof(left_out), r.read);
	}
}

/* The name of a step, which belongs to the trails. */
const char *
CsTrailStep(const CsTrails *t, int step)
{
	return CsDictionaryLevel(t->steps, step);
}

/* The error of a step that no event has. */
void
CsTrailUnknownStep(const CsTrails *t, const char *step)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s has no event of step \"%s\" that counts", t->relation->description, step),
			 errhint("Steps are told apart as they are written, capitals included.")));
}

/* The number of a group's segment. */
CsValue
CsTrailSegment(const CsTrails *t, int group)
{
	return t->scorer == NULL || group == t->scorer->nsegments ? CsValueNull(INT4OID) :
		CsValueInt4(CsScorerSegments(t->scorer)[group].segment);
}

/* The name of a group's segment: "no segment" for who is in none, NULL without a model. */
CsValue
CsTrailSegmentName(const CsTrails *t, int group)
{
	if (t->scorer == NULL)
		return CsValueNull(TEXTOID);
	return CsValueText(group == t->scorer->nsegments ? "no segment" :
					   CsScorerAt(t->scorer, char, CsScorerSegments(t->scorer)[group].name));
}

/* An option that is a length of time above 0, in microseconds: months are twelfths of 365.25 days. */
int64
CsTrailLength(const char *option, const char *text, const char *example)
{
	double		length = CsIntervalDays(CsIntervalOption(option, text, example)) * USECS_PER_DAY;

	if (!(length >= 1 && length < 9e18))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a finite interval above 0, not %s", option, text),
				 errhint("Write it like \"%s\".", example)));
	return (int64) rint(length);
}

/* The time from one time to a later one, in microseconds; the greatest there is where it is longer. */
int64
CsTrailElapsed(Timestamp from, Timestamp to)
{
	int64		elapsed;

	return pg_sub_s64_overflow(to, from, &elapsed) ? PG_INT64_MAX : elapsed;
}

/* Put a share and its interval after Wilson into three columns; NULLs without cases. */
void
CsTrailShare(const CsTrails *t, int64 n, int64 of, CsValue *row)
{
	double		low = NAN,
				high = NAN;

	if (of > 0)
		CsWilsonInterval((double) n, (double) of, t->options.confidence, &low, &high);
	row[0] = CsValueFloat8(of > 0 ? (double) n / (double) of : NAN);
	row[1] = CsValueFloat8(low);
	row[2] = CsValueFloat8(high);
}
