/*
 * outcome_lines.c
 *	  Lines of outcomes on other servers, summed up there by customer and span of time.
 *
 * Whether a line counts is told by the enrolment of its customer, which is known here alone.  But enrolments have few
 * times, for enroll() enrolls many customers at once.  These times, and the ends of windows after them, cut time into
 * spans, and the lines of a customer in a span count for the same sums.  So servers sum up by customer and span, and what
 * they send is read as if it were a line at the beginning of its span.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "experiment/analysis.h"
#include "orders/buying.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* Most beginnings of spans: with more of them a customer's sums are as many as the customer's lines. */
#define MOST_SPANS 1000

/* The beginnings of spans. */
typedef struct Spans
{
	StringInfoData list;		/* with commas between them */
	int			n;
} Spans;

/* CsRowSink: the beginning of a span, in microseconds. */
static void
TakeSpan(void *state, const Datum *values, const bool *nulls)
{
	Spans	   *spans = state;

	appendStringInfo(&spans->list, "%s" INT64_FORMAT, spans->n++ == 0 ? "" : ",", DatumGetInt64(values[0]));
}

/* The query of the times that lines are compared with: of enrolments, and the ends of windows and periods after them. */
static char *
SpansSql(const CsOutcomeSource *s, const char *period, int nperiods)
{
	const CsExperiment *e = s->experiment;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT DISTINCT custseg_private.microseconds(b.at) AS at FROM (SELECT DISTINCT r.enrolled_at FROM custseg.enrolment AS r");
	appendStringInfo(&sql, " WHERE r.experiment" CS_SQL("=") "%s) AS e, pg_catalog.unnest(ARRAY[e.enrolled_at", quote_literal_cstr(e->name));
	for (int i = 0; i < e->nmetrics; i++)
		if (e->metrics[i].window != NULL)
			appendStringInfo(&sql, ", e.enrolled_at" CS_SQL("+") "%s::interval", quote_literal_cstr(e->metrics[i].window));
	for (int w = 0; w <= nperiods && period != NULL; w++)
		appendStringInfo(&sql, ", e.enrolled_at" CS_SQL("+") "(%d::pg_catalog.float8" CS_SQL("*") "%s::interval)", w, quote_literal_cstr(period));
	appendStringInfo(&sql, "]) AS b (at) ORDER BY 1 LIMIT %d", MOST_SPANS + 1);
	return sql.data;
}

/* Can the customers of lines be grouped by other servers, and is their time the same everywhere? */
static bool
CanBeSummed(const CsOutcomeSource *s)
{
	ListCell   *cell;

	foreach(cell, s->id)
		if (!CsIsComparable(lfirst(cell)))
			return false;
	return s->time != NULL && s->time->type == TIMESTAMPTZOID;
}

/* Have the lines summed up by the servers that have them; false where these cannot. */
static bool
SumUp(CsOutcomeSource *s, const char *period, int nperiods)
{
	Spans		spans = {.n = 0};
	const CsPieces *pieces = CanBeSummed(s) ? CsPiecesToReduce(s->relation) : NULL;

	if (pieces == NULL)
		return false;
	initStringInfo(&spans.list);
	(void) CsOutcomeQuery(s, SpansSql(s, period, nperiods), TakeSpan, &spans);
	if (spans.n == 0 || spans.n > MOST_SPANS)
		return false;
	s->spans = psprintf("'{%s}'::pg_catalog.int8[]", spans.list.data);
	s->summed = CsOutcomeSummedSql(s, pieces);
	if (!CsPiecesReduce(pieces, s->summed))
		s->summed = NULL;
	return s->summed != NULL;
}

/*
 * Have lines summed up by the servers that have them, where these can; else they are read one by one, and so are outcomes with
 * one row a customer: those of who is enrolled, where others have them.  Outcomes may be those of so many periods after the
 * enrolment; "period" is NULL for none.
 */
void
CsOutcomeLinesOpen(CsOutcomeSource *s, const char *period, int nperiods)
{
	if (!SumUp(s, period, nperiods))
		s->enrolled = CsOutcomeEnrolled(s);
}
