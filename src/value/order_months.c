/*
 * order_months.c
 *	  What each customer bought in each month of the calendar, for segment_kpis().
 *
 * Lines count as for models of repeat purchases (purchases_sql.c).  Orders are told by a column, or are the days with
 * a purchase.  One query groups the lines; who is in which segment, and what follows for it, is SQL.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "orders/lines_sql.h"
#include "utils/datetime.h"
#include "value/kpis.h"
#include "value/purchases.h"

/* A century. */
#define MOST_MONTHS 1200

#define MONTHS_OF_YEAR 12

/* Months that are told of unless it is said: one of a year ago, too. */
#define DEFAULT_MONTHS (MONTHS_OF_YEAR + 1)

const CsOption CsKpiOptionTable[CS_KPI_READING + CS_KPI_JUDGING] = {
	{"months", CS_OPTION_INT, offsetof(CsKpiOptions, months), 0, 1, MOST_MONTHS},
	{"returns", CS_OPTION_CHOICE, offsetof(CsKpiOptions, returns), CS_RETURNS_NET, 0, 0, CsPurchaseReturnsNames},
	{"order", CS_OPTION_TEXT, offsetof(CsKpiOptions, order)},
	{"time_zone", CS_OPTION_TEXT, offsetof(CsKpiOptions, time_zone)},
	{"fall", CS_OPTION_REAL, offsetof(CsKpiOptions, fall), 0.1, 0, 1},
	{"alpha", CS_OPTION_REAL, offsetof(CsKpiOptions, alpha), 0.05, 0.000001, 0.5}
};

/* The arguments. */
enum
{
	ARG_ORDERS, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_AS_OF, ARG_OPTIONS
};

/* Columns of the query. */
enum
{
	Q_REASON, Q_LINES, Q_FIRST_OF_RESULT
};

PG_FUNCTION_INFO_V1(custseg_order_months);

typedef struct Months
{
	CsPurchasesRequest request;
	CsPurchasesCounts counts;
	int			first,			/* months that are asked for, counted from that of year 0 */
				last;
	CsResult   *result;
	CsRelation *query;
	CsValue    *row;
} Months;

/* The number of a day's month, counted from the first one of year 0. */
static int
MonthOf(DateADT day)
{
	int			year,
				month,
				rest;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &rest);
	return year * MONTHS_OF_YEAR + month - 1;
}

/* The first day of a month. */
static DateADT
FirstDay(int month)
{
	return date2j(month / MONTHS_OF_YEAR, month % MONTHS_OF_YEAR + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* Is the month over when customers are summed up? */
static bool
IsComplete(const Months *m, int month)
{
	return m->request.cut[0] + 1 >= FirstDay(month + 1);
}

/* How a month's orders are counted. */
static const char *
OrdersSql(const CsPurchasesRequest *r)
{
	return r->order == NULL ? "count(DISTINCT l.day) FILTER (WHERE l.bought)" :
		"count(DISTINCT l.\"order\") FILTER (WHERE l.bought) + count(*) FILTER (WHERE l.bought AND l.\"order\" IS NULL)";
}

/*
 * The query, palloc'd: the numbers of lines by the reason for which they do not count, then customers and months in
 * which they bought or returned something.
 */
static char *
MonthsSql(const Months *m)
{
	const CsPurchasesRequest *r = &m->request;

	return psprintf("WITH cell AS MATERIALIZED ("
					"SELECT l.reason, CASE WHEN l.reason = %d THEN l.customer END AS customer, date_trunc('month', l.day::timestamp)::date AS month,"
					" count(*) AS lines, sum(l.amount)::numeric AS revenue, %s AS n_orders"
					" FROM (%s) AS l GROUP BY 1, 2, 3"
					"), known AS ("
					"SELECT c.*, max(CASE WHEN c.n_orders > 0::bigint THEN c.month END)"
					" OVER (PARTITION BY c.customer ORDER BY c.month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before"
					" FROM cell AS c WHERE c.reason = %d"
					") "
					"SELECT c.reason, sum(c.lines)::bigint AS lines, NULL::text AS customer, NULL::date AS month, NULL::numeric AS revenue, NULL::bigint AS n_orders, NULL::bool AS was_active, NULL::bool AS is_first"
					" FROM cell AS c GROUP BY c.reason"
					" UNION ALL "
					"SELECT k.reason, 0::bigint, k.customer::text, k.month, k.revenue, k.n_orders,"
					" coalesce(k.before::timestamp = k.month::timestamp - interval '1 month', false), k.n_orders > 0::bigint AND k.before IS NULL"
					" FROM known AS k WHERE k.month >= %s",
					CS_LINE_COUNTS, OrdersSql(r), CsPurchasesLinesSql(r), CS_LINE_COUNTS,
					CsPurchasesDayLiteral(FirstDay(m->first - 1)));
}

/* Put a row that says but of a month that it is one of those asked for. */
static void
PutMonth(Months *m, int month)
{
	CsResultNulls(m->result, m->row);
	m->row[1] = CsValueOf(DATEOID, DateADTGetDatum(FirstDay(month)), false);
	m->row[m->result->desc->natts - 1] = CsValueBool(IsComplete(m, month));
	CsResultPut(m->result, m->row, m->result->desc->natts);
}

/* CsRowSink: a number of lines, or a customer in a month. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Months	   *m = state;
	int			reason = DatumGetInt32(values[Q_REASON]),
				n = m->query->ncolumns - Q_FIRST_OF_RESULT;

	m->counts.lines[reason] += DatumGetInt64(values[Q_LINES]);
	if (nulls[Q_FIRST_OF_RESULT])
		return;
	for (int i = 0; i < n; i++)
		m->row[i] = CsValueOf(m->query->columns[Q_FIRST_OF_RESULT + i].type, values[Q_FIRST_OF_RESULT + i],
							  nulls[Q_FIRST_OF_RESULT + i]);
	m->row[n] = CsValueNull(BOOLOID);
	CsResultPut(m->result, m->row, n + 1);
}

/* The arguments, and the months that are asked for: so many up to that of "as of", from the first line on. */
static void
OpenMonths(FunctionCallInfo fcinfo, Months *m)
{
	CsKpiOptions options;
	DateADT		earliest;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, CsKpiOptionTable, CS_KPI_READING, &options);
	CsPurchasesColumns(&m->request, CsRelationOpen(CsRequiredText(fcinfo, ARG_ORDERS, "orders")),
					   CsTextArgument(fcinfo, ARG_CUSTOMER), CsTextArgument(fcinfo, ARG_TIME), CsTextArgument(fcinfo, ARG_AMOUNT));
	if (options.order != NULL)
		m->request.order = CsRelationWhole(m->request.relation, options.order);
	m->request.returns = options.returns;
	m->request.zone = CsOrdersZone(options.time_zone);
	CsPurchasesAsOfDay(&m->request, &fcinfo->args[ARG_AS_OF], &earliest);
	m->last = MonthOf(m->request.cut[0]);
	m->first = Max(m->last - (options.months > 0 ? options.months : DEFAULT_MONTHS) + 1, MonthOf(earliest));
}

/* order_months(orders, customer, time, amount, as_of, options): a row for each month, then one for each customer and month */
Datum
custseg_order_months(PG_FUNCTION_ARGS)
{
	Months		m = {.result = CsResultOpen(fcinfo)};

	OpenMonths(fcinfo, &m);
	m.row = palloc(sizeof(CsValue) * m.result->desc->natts);
	for (int month = m.first; month <= m.last; month++)
		PutMonth(&m, month);
	m.query = CsRelationOpen(MonthsSql(&m));
	(void) CsRelationRead(m.query, m.query->columns, m.query->ncolumns, TakeRow, &m);
	CsPurchasesReport(&m.counts);
	return (Datum) 0;
}
