/*
 * cohorts.c
 *	  Customers by the period of their first purchase, and how many of them buy in each period after: cohorts().
 *
 * Lines count as for models of repeat purchases (purchases_sql.c). One query groups them by customer and
 * period, then by cohort and period, and fills in the periods in which nobody of a cohort bought.  Lines on other servers
 * are grouped by customer and period there.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "orders/lines_sql.h"
#include "value/purchases.h"

typedef struct CohortsOptions
{
	int			returns;		/* CsReturns */
	char	   *time_zone;
} CohortsOptions;

static const CsOption cohortsOptions[] = {
	{"returns", CS_OPTION_CHOICE, offsetof(CohortsOptions, returns), CS_RETURNS_NET, 0, 0, CsPurchaseReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(CohortsOptions, time_zone)}
};

/* Periods of the calendar, and how long they are. */
static const struct
{
	const char *name;
	const char *step;
	int			days;			/* at least */
	int			months;			/* 0: it has days only */
}			calendar[] = {
	{"day", "1 day", 1, 0}, {"week", "7 days", 7, 0}, {"month", "1 month", 28, 1}, {"quarter", "3 months", 90, 3},
	{"year", "1 year", 365, 12}
};

/* Months from year 0 to 2000, and days from the first Monday of 2000 to the first of January. */
#define MONTHS_BEFORE_2000 24000
#define DAYS_BEFORE_2000 5

/* A triangle has as many rows as the square of its periods, by half. */
#define MOST_PERIODS 2000

/* The arguments. */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_PERIOD, ARG_AS_OF, ARG_OPTIONS
};

/* Columns of the query. */
enum
{
	Q_REASON, Q_LINES, Q_FIRST_OF_RESULT
};

PG_FUNCTION_INFO_V1(custseg_cohorts);

typedef struct Cohorts
{
	CsPurchasesRequest request;
	CsPurchasesCounts counts;
	DateADT		earliest;
	CsResult   *result;
	CsRelation *query;
	CsValue    *row;
} Cohorts;

/* Position of a period in the calendar; an error when it is none. */
static int
FindPeriod(const char *name)
{
	for (int i = 0; i < lengthof(calendar); i++)
		if (pg_strcasecmp(calendar[i].name, name) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized period \"%s\"", name),
			 errhint("Valid periods are \"day\", \"week\", \"month\", \"quarter\" and \"year\".")));
}

/*
 * The number of a line's period as other servers tell it: the first day, in days since 2000, or the first month, in months
 * since year 0.
 */
static const char *
PeriodNumber(const CsPurchasesRequest *r, int period)
{
	const char *number = CsPurchasesDayNumber(r);
	int			length = calendar[period].days;
	const char *from = psprintf("%s" CS_SQL("+") "%d", number, DAYS_BEFORE_2000);

	if (calendar[period].months > 0)
	{
		number = from = psprintf("custseg_private.month_of(%s)", number);
		length = calendar[period].months;
	}
	return length == 1 ? number : psprintf("%s" CS_SQL("-") "%s", number, CsSqlRest(from, length));
}

/* The query of customers and periods, of lines that other servers group by these; palloc'd. */
static char *
BoughtElsewhereSql(const CsPurchasesRequest *r, const CsPieces *pieces, int period)
{
	const char *start = calendar[period].months == 0 ? "'2000-01-01'::pg_catalog.date" CS_SQL("+") "p.number" :
		psprintf("(timestamp '2000-01-01'" CS_SQL("+") "((p.number" CS_SQL("-") "%d)::pg_catalog.float8" CS_SQL("*") "interval '1 month'))::pg_catalog.date", MONTHS_BEFORE_2000);

	return psprintf("SELECT p.customer, %s AS period, p.reason, pg_catalog.bool_or(p.bought) AS bought, pg_catalog.sum(p.amount) AS amount, pg_catalog.sum(custseg_private.rows_counted(p.lines))::bigint AS lines"
					" FROM (%s) AS p GROUP BY 1, 2, 3", start, CsPurchasesPiecesSql(r, pieces, PeriodNumber(r, period)));
}

/* The query of customers and periods: whether there was a purchase, the amount, and lines, by the reason why not to count them; palloc'd. */
static char *
BoughtSql(const CsPurchasesRequest *r, int period)
{
	const CsPieces *pieces = CsIsComparable(r->customer) ? CsPiecesToReduce(r->relation) : NULL;

	if (pieces != NULL)
	{
		char	   *sql = BoughtElsewhereSql(r, pieces, period);

		if (CsPiecesReduce(pieces, sql))
			return sql;
	}
	return psprintf("SELECT l.customer, pg_catalog.date_trunc('%s', l.day::timestamp)::pg_catalog.date AS period, l.reason, pg_catalog.bool_or(l.bought) AS bought, pg_catalog.sum(l.amount) AS amount, pg_catalog.count(*) AS lines"
					" FROM (%s) AS l GROUP BY 1, 2, 3", calendar[period].name, CsPurchasesLinesSql(r));
}

/*
 * The query, palloc'd: the numbers of lines by the reason for which they do not count, then the triangle.  A
 * return before the period of the first purchase does not count.
 */
static char *
CohortsSql(const CsPurchasesRequest *r, int period)
{
	const char *step = calendar[period].step,
			   *as_of = CsPurchasesDayLiteral(r->cut[0]);

	return psprintf("WITH bought AS (%s), first AS ("
					"SELECT b.*, pg_catalog.min(b.period) FILTER (WHERE b.bought) OVER (PARTITION BY b.customer) AS cohort FROM bought AS b WHERE b.reason" CS_SQL("=") "%d"
					"), cell AS ("
					"SELECT f.cohort, f.period, pg_catalog.count(*) FILTER (WHERE f.bought) AS n, pg_catalog.sum(f.amount)::pg_catalog.float8 AS amount"
					" FROM first AS f WHERE f.period" CS_SQL(">=") "f.cohort GROUP BY f.cohort, f.period"
					"), triangle AS ("
					"SELECT c.cohort, c.n AS n_customers, s.number, (c.cohort" CS_SQL("+") "(s.number::pg_catalog.float8" CS_SQL("*") "interval '%s'))::pg_catalog.date AS period_start"
					" FROM cell AS c, pg_catalog.generate_series(0, %d) AS s (number)"
					" WHERE c.period" CS_SQL("=") "c.cohort AND (c.cohort" CS_SQL("+") "(s.number::pg_catalog.float8" CS_SQL("*") "interval '%s'))" CS_SQL("<=") "%s::timestamp"
					") "
					"SELECT b.reason, pg_catalog.sum(b.lines)::bigint AS lines, NULL::pg_catalog.date AS cohort, NULL::bigint AS n_customers, NULL::int AS number, NULL::pg_catalog.date AS start, NULL::bigint AS n, NULL::pg_catalog.float8 AS retention, NULL::pg_catalog.float8 AS revenue, NULL::pg_catalog.float8 AS each, NULL::pg_catalog.float8 AS cumulative, NULL::pg_catalog.bool AS complete"
					" FROM bought AS b GROUP BY b.reason"
					" UNION ALL "
					"SELECT * FROM (SELECT %d, 0::bigint, t.cohort, t.n_customers, t.number, t.period_start, coalesce(c.n, 0::bigint), coalesce(c.n, 0::bigint)::pg_catalog.float8" CS_SQL("/") "t.n_customers::pg_catalog.float8,"
					" %s, %s" CS_SQL("/") "t.n_customers::pg_catalog.float8, (pg_catalog.sum(%s) OVER (PARTITION BY t.cohort ORDER BY t.number))" CS_SQL("/") "t.n_customers::pg_catalog.float8,"
					" (t.period_start" CS_SQL("+") "interval '%s')" CS_SQL("<=") "(%s" CS_SQL("+") "1)::timestamp"
					" FROM triangle AS t LEFT JOIN cell AS c ON c.cohort" CS_SQL("=") "t.cohort AND c.period" CS_SQL("=") "t.period_start) AS o ORDER BY 1 DESC, 3, 5",
					BoughtSql(r, period), CS_LINE_COUNTS, step, MOST_PERIODS, step, as_of, CS_LINE_COUNTS,
					r->amount == NULL ? "NULL::pg_catalog.float8" : "coalesce(c.amount, 0::pg_catalog.float8)",
					r->amount == NULL ? "NULL::pg_catalog.float8" : "coalesce(c.amount, 0::pg_catalog.float8)",
					r->amount == NULL ? "NULL::pg_catalog.float8" : "coalesce(c.amount, 0::pg_catalog.float8)", step, as_of);
}

/* CsRowSink: a number of lines, or a row of the result. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Cohorts    *c = state;
	int			reason = DatumGetInt32(values[Q_REASON]),
				n = c->query->ncolumns - Q_FIRST_OF_RESULT;

	/* another server may give any number */
	if (reason < 0 || reason >= lengthof(c->counts.lines))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("invalid sums of what a customer bought"),
				 errhint("All servers must have the same version of custseg.")));
	c->counts.lines[reason] += DatumGetInt64(values[Q_LINES]);
	if (nulls[Q_FIRST_OF_RESULT])
		return;
	for (int i = 0; i < n; i++)
		c->row[i] = CsValueOf(c->query->columns[Q_FIRST_OF_RESULT + i].type, values[Q_FIRST_OF_RESULT + i],
							  nulls[Q_FIRST_OF_RESULT + i]);
	CsResultPut(c->result, c->row, n);
}

/* The arguments. */
static void
OpenCohorts(FunctionCallInfo fcinfo, Cohorts *c)
{
	CohortsOptions options;

	CsPurchasesOpen(fcinfo, ARG_SOURCE, &c->request);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, cohortsOptions, lengthof(cohortsOptions), &options);
	c->request.returns = options.returns;
	c->request.zone = CsOrdersZone(options.time_zone);
	CsPurchasesAsOfDay(&c->request, &fcinfo->args[ARG_AS_OF], &c->earliest);
}

/* An error when there are too many periods. */
static void
CheckPeriods(const Cohorts *c, int period)
{
	if ((c->request.cut[0] - c->earliest) / calendar[period].days >= MOST_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d periods of a %s", MOST_PERIODS, calendar[period].name),
				 errhint("Choose a longer period, or a source without lines of long ago.")));
}

/* cohorts(source, customer, time, amount, period, as_of, options): a row for each cohort and period */
Datum
custseg_cohorts(PG_FUNCTION_ARGS)
{
	Cohorts		c = {.result = CsResultOpen(fcinfo)};
	int			period = FindPeriod(CsRequiredText(fcinfo, ARG_PERIOD, "period"));

	OpenCohorts(fcinfo, &c);
	CheckPeriods(&c, period);
	c.query = CsRelationQuery(c.request.relation, CohortsSql(&c.request, period));
	c.row = palloc(sizeof(CsValue) * c.query->ncolumns);
	(void) CsRelationRead(c.query, c.query->columns, c.query->ncolumns, TakeRow, &c);
	CsPurchasesReport(&c.counts);
	return (Datum) 0;
}
