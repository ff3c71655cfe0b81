/*
 * outcome_sql.c
 *	  Writes the queries that join the enrolments of an experiment with what came of the customers.
 *
 * They run as the caller, as any source does; row-level security shows the enrolments to the owner alone.
 * Every enrolled customer is there once, and counts as zero without a row.  Sums are taken where the rows
 * are: one state for each variant, segment and metric comes back.  Lines on other servers may come as sums
 * (outcome_lines.c).
 *
 * A customer is told by the text of the id, as it was kept at the enrolment.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "experiment/analysis.h"
#include "lib/stringinfo.h"
#include "orders/buying.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* A finite number as a literal. */
static const char *
NumberLiteral(double x)
{
	return psprintf("'%.17g'::pg_catalog.float8", x);
}

/* A point in time as a literal, whatever the settings. */
static const char *
TimeLiteral(TimestampTz at)
{
	return psprintf("('2000-01-01 00:00:00+00'::pg_catalog.timestamptz" CS_SQL("+") "(%lld::pg_catalog.float8" CS_SQL("*") "'1 microsecond'::interval))", (long long) at);
}

/* A column that tells the customer in a row of the source, or of what other servers have summed up; palloc'd. */
static const char *
IdColumn(const CsOutcomeSource *s, int i)
{
	return s->summed != NULL ? psprintf("t.k%d", i + 1) : psprintf("t.%s", CsSqlColumn(list_nth(s->id, i)));
}

/* The same without what two texts of an equal value may differ in: zeros at a number's end, and blanks that fill char. */
static const char *
PlainIdColumn(const CsOutcomeSource *s, int i)
{
	const CsColumn *column = list_nth(s->id, i);

	return column->type == NUMERICOID ? psprintf("pg_catalog.trim_scale(%s)", IdColumn(s, i)) :
		column->type == BPCHAROID ? psprintf("%s::pg_catalog.text", IdColumn(s, i)) : IdColumn(s, i);
}

/* The text of a customer's id, as CsIdentityText() has it. */
static const char *
CustomerText(const CsOutcomeSource *s)
{
	StringInfoData row;

	if (list_length(s->id) == 1)
		return psprintf("%s::pg_catalog.text", PlainIdColumn(s, 0));
	initStringInfo(&row);
	for (int i = 0; i < list_length(s->id); i++)
		appendStringInfo(&row, "%s%s", i == 0 ? "ROW(" : ", ", PlainIdColumn(s, i));
	appendStringInfoString(&row, ")::pg_catalog.text");
	return row.data;
}

/* A column of a number or a boolean as float8. */
static const char *
AsNumber(const CsColumn *column)
{
	Oid			type = column->converter.type;

	return psprintf("t.%s%s", CsSqlColumn(column),
					type == BOOLOID ? "::int::pg_catalog.float8" : type == CASHOID ? "::numeric::pg_catalog.float8" : "::pg_catalog.float8");
}

/* Is the value of a conversion true: a number is where it is not 0. */
static const char *
AsTruth(const CsColumn *column)
{
	if (column->converter.type == BOOLOID)
		return psprintf("t.%s", CsSqlColumn(column));
	return psprintf("(t.%s" CS_SQL("<>") "%s)", CsSqlColumn(column), CsSqlZero(column));
}

/* The value of a metric in a row of the source. */
static const char *
ValueOf(const CsOutcomeSource *s, int metric)
{
	return s->experiment->metrics[metric].kind == CS_METRIC_CONVERSION ?
		AsTruth(s->values[metric]) : AsNumber(s->values[metric]);
}

/* The columns of the rows of the source: the time, when a covariate was measured, and value and partner of each metric. */
static void
AppendColumns(StringInfo sql, const CsOutcomeSource *s)
{
	if (s->time != NULL)
		appendStringInfo(sql, ", t.%s::pg_catalog.timestamptz AS at", CsSqlColumn(s->time));
	if (s->measured != NULL)
		appendStringInfo(sql, ", t.%s::pg_catalog.timestamptz AS measured", CsSqlColumn(s->measured));
	for (int i = 0; i < s->experiment->nmetrics; i++)
	{
		appendStringInfo(sql, ", %s AS v%d", ValueOf(s, i), i + 1);
		if (s->partners[i] != NULL)
			appendStringInfo(sql, ", %s AS p%d", AsNumber(s->partners[i]), i + 1);
	}
}

/*
 * The query that has the pieces of the source sum up lines, by what tells the customer, k1, k2, ..., and span of time:
 * v1, p1, v2, p2, ... are what value and partner of each metric come to; palloc'd.
 */
char *
CsOutcomeSummedSql(const CsOutcomeSource *s, const CsPieces *pieces)
{
	StringInfoData list,
				keys;

	initStringInfo(&list);
	initStringInfo(&keys);
	for (int i = 0; i < list_length(s->id); i++)
	{
		appendStringInfo(&list, "t.%s AS k%d, ", CsSqlColumn(list_nth(s->id, i)), i + 1);
		appendStringInfo(&keys, "%d, ", i + 1);
	}
	appendStringInfo(&list, "pg_catalog.width_bucket(%s, %s) AS span", CsSqlMicrosecondsOf(s->time), s->spans);
	for (int i = 0; i < s->experiment->nmetrics; i++)
	{
		appendStringInfo(&list, ", pg_catalog.%s(%s) AS v%d",
						 s->experiment->metrics[i].kind == CS_METRIC_CONVERSION ? "bool_or" : "sum", ValueOf(s, i), i + 1);
		if (s->partners[i] != NULL)
			appendStringInfo(&list, ", pg_catalog.sum(%s) AS p%d", AsNumber(s->partners[i]), i + 1);
	}
	return CsPiecesUnion(pieces, list.data, psprintf("GROUP BY %s%d", keys.data, list_length(s->id) + 1));
}

/* What other servers have summed up, as lines at the beginnings of their spans; NULL is the span of no time. */
static void
AppendSummed(StringInfo sql, const CsOutcomeSource *s)
{
	appendStringInfo(sql, "(SELECT r.*, CASE WHEN r.span" CS_SQL("=") "0 THEN '-infinity' WHEN r.span" CS_SQL(">") "0 THEN"
					 " '2000-01-01 00:00:00+00'::pg_catalog.timestamptz" CS_SQL("+") "((%s)[r.span]::pg_catalog.float8" CS_SQL("*") "'1 microsecond'::interval) END AS at FROM (%s) AS r OFFSET 0) AS t",
					 s->spans, s->summed);
}

/*
 * The rows of the source, as "o": customer, then v1, p1, v2, p2, ...: value and partner of each metric.  An
 * outcome of nobody is an error.  OFFSET keeps the source as it is: rows that it leaves out are not looked at,
 * and an id that is NULL throughout is not planned away.
 */
static void
AppendSource(StringInfo sql, const CsOutcomeSource *s)
{
	appendStringInfo(sql, "(SELECT %s COLLATE pg_catalog.\"C\" AS customer", CustomerText(s));
	if (s->summed != NULL)
		appendStringInfoString(sql, ", t.*");
	else
		AppendColumns(sql, s);
	appendStringInfoString(sql, ", true AS present FROM ");
	if (s->summed != NULL)
		AppendSummed(sql, s);
	else
		appendStringInfo(sql, "(SELECT t.* FROM %s%s OFFSET 0) AS t", CsSqlFrom(s->relation),
						 s->enrolled == NULL ? "" : psprintf(" WHERE %s", s->enrolled));
	for (int i = 0; i < list_length(s->id); i++)
		appendStringInfo(sql, "%s(%s IS NOT NULL OR custseg_private.outcome_of_nobody(%s IS NULL))",
						 i == 0 ? " WHERE " : " AND ", IdColumn(s, i), IdColumn(s, i));
	appendStringInfoString(sql, ") AS o");
}

/* Enrolments as "e", joined with the source. */
static void
AppendJoin(StringInfo sql, const CsOutcomeSource *s)
{
	appendStringInfo(sql, " FROM custseg.enrolment AS e %s ", s->is_complete ? "JOIN" : "LEFT JOIN");
	AppendSource(sql, s);
	appendStringInfo(sql, " ON o.customer" CS_SQL("=") "e.customer WHERE e.experiment" CS_SQL("=") "%s", quote_literal_cstr(s->experiment->name));
}

/* Which lines count, by their time: within the metric's window. */
static const char *
InWindow(const CsExperimentMetric *m)
{
	return m->window == NULL ? "o.at" CS_SQL(">=") "e.enrolled_at" :
		psprintf("o.at" CS_SQL(">=") "e.enrolled_at AND o.at" CS_SQL("<") "(e.enrolled_at" CS_SQL("+") "%s::interval)", quote_literal_cstr(m->window));
}

/* The value of a metric, of a customer with one row of outcomes. */
static void
AppendRowMetric(StringInfo sql, const CsOutcomeSource *s, int i)
{
	const CsExperimentMetric *m = &s->experiment->metrics[i];

	if (m->kind == CS_METRIC_CONVERSION)
		appendStringInfo(sql, ", CASE WHEN o.v%d THEN 1 ELSE 0 END::pg_catalog.float8 AS v%d", i + 1, i + 1);
	else
		appendStringInfo(sql, ", coalesce(o.v%d, 0) AS v%d", i + 1, i + 1);
	if (m->kind == CS_METRIC_RATIO)
		appendStringInfo(sql, ", coalesce(o.p%d, 0) AS p%d", i + 1, i + 1);
	else if (s->partners[i] != NULL)
		appendStringInfo(sql, ", o.p%d AS p%d", i + 1, i + 1);
}

/* The value of a metric, of a customer's lines; a covariate is the sum before the enrolment. */
static void
AppendLinesMetric(StringInfo sql, const CsOutcomeSource *s, int i)
{
	const CsExperimentMetric *m = &s->experiment->metrics[i];

	if (m->kind == CS_METRIC_CONVERSION)
		appendStringInfo(sql, ", CASE WHEN pg_catalog.bool_or(o.v%d) FILTER (WHERE %s) THEN 1 ELSE 0 END::pg_catalog.float8 AS v%d",
						 i + 1, InWindow(m), i + 1);
	else
		appendStringInfo(sql, ", coalesce(pg_catalog.sum(o.v%d) FILTER (WHERE %s), 0) AS v%d", i + 1, InWindow(m), i + 1);
	if (s->partners[i] != NULL)
		appendStringInfo(sql, ", coalesce(pg_catalog.sum(o.p%d) FILTER (WHERE %s), 0) AS p%d", i + 1,
						 m->kind == CS_METRIC_RATIO ? InWindow(m) : "o.at" CS_SQL("<") "e.enrolled_at", i + 1);
}

/*
 * The customers of the experiment, as "j": each once, with variant, segment, whether there is a row, the
 * customer where a covariate is of after the enrolment, and value and partner of each metric.
 */
static void
AppendCustomers(StringInfo sql, const CsOutcomeSource *s)
{
	bool		is_lines = s->time != NULL;

	appendStringInfo(sql, "(SELECT e.variant_number, e.segment, %s AS present, %s AS late",
					 is_lines ? "pg_catalog.count(o.customer)" CS_SQL(">") "0" : "o.present",
					 s->measured == NULL ? "NULL::pg_catalog.text" : "CASE WHEN o.measured" CS_SQL(">") "e.enrolled_at THEN e.customer END");
	for (int i = 0; i < s->experiment->nmetrics; i++)
	{
		if (is_lines)
			AppendLinesMetric(sql, s, i);
		else
			AppendRowMetric(sql, s, i);
	}
	AppendJoin(sql, s);
	appendStringInfoString(sql, is_lines ? " GROUP BY e.experiment, e.customer) AS j" : ") AS j");
}

/*
 * Variant, segment, customers, those with a row, a customer whose covariate is of after the enrolment, and the
 * state of each metric; palloc'd.
 */
char *
CsOutcomeCellsSql(const CsOutcomeSource *s)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT j.variant_number, j.segment, pg_catalog.count(*) AS n, pg_catalog.count(*) FILTER (WHERE j.present) AS n_present,"
						   " pg_catalog.min(j.late) AS late");
	for (int i = 0; i < s->experiment->nmetrics; i++)
	{
		const char *value = isnan(s->caps[i]) ? psprintf("j.v%d", i + 1) :
			psprintf("least(j.v%d, %s)", i + 1, NumberLiteral(s->caps[i]));

		appendStringInfo(&sql, ", custseg_private.outcome_moments(%s, %s, %s) AS m%d", value,
						 s->partners[i] == NULL ? "NULL::pg_catalog.float8" : psprintf("j.p%d", i + 1),
						 quote_literal_cstr(s->experiment->metrics[i].name), i + 1);
	}
	appendStringInfoString(&sql, " FROM ");
	AppendCustomers(&sql, s);
	appendStringInfoString(&sql, " GROUP BY j.variant_number, j.segment");
	return sql.data;
}

/* For each metric with a cap, in their order, the value that is the cap; NULL where none has one; palloc'd. */
char *
CsOutcomeCapsSql(const CsOutcomeSource *s)
{
	StringInfoData sql;
	int			n = 0;

	initStringInfo(&sql);
	for (int i = 0; i < s->experiment->nmetrics; i++)
	{
		double		cap = s->experiment->metrics[i].cap;

		if (!isnan(cap))
			appendStringInfo(&sql, "%s pg_catalog.percentile_cont(%s) WITHIN GROUP (ORDER BY j.v%d) AS c%d",
							 n++ == 0 ? "SELECT" : ",", NumberLiteral(cap), i + 1, i + 1);
	}
	if (n == 0)
		return NULL;
	appendStringInfoString(&sql, " FROM ");
	AppendCustomers(&sql, s);
	return sql.data;
}

/* The first customer of the experiment with more than one row; palloc'd. */
char *
CsOutcomeTwiceSql(const CsOutcomeSource *s)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT e.customer, pg_catalog.count(*) AS n");
	AppendJoin(&sql, s);
	appendStringInfoString(&sql, " GROUP BY e.customer HAVING pg_catalog.count(*)" CS_SQL(">") "1 ORDER BY e.customer LIMIT 1");
	return sql.data;
}

/*
 * The first metric by periods since each customer's own enrolment, of customers with all of them at a point in
 * time: variant, the state of each period, that of all periods together, and that of the slope, which is
 * sum c y with c = (w - mean) / sum (w - mean)^2 over the periods w; palloc'd.
 */
char *
CsOutcomePeriodsSql(const CsOutcomeSource *s, const char *period, int nperiods, TimestampTz as_of)
{
	const char *length = psprintf("%s::interval", quote_literal_cstr(period)),
			   *metric = quote_literal_cstr(s->experiment->metrics[0].name);
	bool		is_truth = s->experiment->metrics[0].kind == CS_METRIC_CONVERSION;
	double		squares = nperiods * ((double) nperiods * nperiods - 1) / 12;
	StringInfoData sql,
				sum,
				slope;

	initStringInfo(&sql);
	initStringInfo(&sum);
	initStringInfo(&slope);
	appendStringInfoString(&sql, "SELECT j.variant_number");
	for (int w = 0; w < nperiods; w++)
	{
		appendStringInfo(&sql, ", custseg_private.outcome_moments(j.y%d, NULL, %s) AS m%d", w, metric, w);
		appendStringInfo(&sum, "%sj.y%d", w == 0 ? "" : CS_SQL("+"), w);
		/* a period and its mirror image: what does not change has a slope of 0, not of rounding */
		if (w < nperiods / 2)
			appendStringInfo(&slope, "%s((j.y%d" CS_SQL("-") "j.y%d)" CS_SQL("*") "%s)", w == 0 ? "" : CS_SQL("+"), nperiods - 1 - w, w,
							 NumberLiteral((nperiods - 1 - 2 * w) / 2.0 / squares));
	}
	appendStringInfo(&sql, ", custseg_private.outcome_moments(%s, NULL, %s) AS whole, custseg_private.outcome_moments(%s, NULL, %s) AS slope"
					 " FROM (SELECT e.variant_number", sum.data, metric, slope.data, metric);
	for (int w = 0; w < nperiods; w++)
		appendStringInfo(&sql, is_truth ? ", CASE WHEN pg_catalog.bool_or(o.v1) FILTER (WHERE %s) THEN 1 ELSE 0 END::pg_catalog.float8 AS y%d" :
						 ", coalesce(pg_catalog.sum(o.v1) FILTER (WHERE %s), 0) AS y%d",
						 psprintf("o.at" CS_SQL(">=") "(e.enrolled_at" CS_SQL("+") "(%d::pg_catalog.float8" CS_SQL("*") "%s)) AND o.at" CS_SQL("<") "(e.enrolled_at" CS_SQL("+") "(%d::pg_catalog.float8" CS_SQL("*") "%s))", w, length, w + 1, length), w);
	AppendJoin(&sql, s);
	appendStringInfo(&sql, " AND (e.enrolled_at" CS_SQL("+") "(%d::pg_catalog.float8" CS_SQL("*") "%s))" CS_SQL("<=") "%s GROUP BY e.experiment, e.customer) AS j GROUP BY j.variant_number",
					 nperiods, length, TimeLiteral(as_of));
	return sql.data;
}
