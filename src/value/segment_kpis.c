/*
 * segment_kpis.c
 *	  What the customers of each segment did in each month of the calendar, from lines of orders: segment_kpis().
 *
 * Lines count as for models of repeat purchases (purchase_lines.c).  Orders are told by a column, or are the days with
 * a purchase.  Customers who are placed, and those who bought, come in the order of their ids, so that each source is
 * read once, and memory holds a cell for each month and segment.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "value/kpis.h"
#include "value/purchase_lines.h"
#include "value/roster.h"

/* A century. */
#define MOST_MONTHS 1200

#define NO_MONTH (-1)

/* The index of all segments. */
#define ALL PG_INT32_MAX

/* Months that are told of unless it is said: one of a year ago, too. */
#define DEFAULT_MONTHS (MONTHS_PER_YEAR + 1)

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
	ARG_MODEL, ARG_ORDERS, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_SOURCE, ARG_AS_OF, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_segment_kpis);

/* What customers did in a month. */
typedef struct Cell
{
	int64		buyers;
	int64		orders;
	double		order_squares;
	CsSpending	revenue,
				revenue_squares;
	int64		retained;
	int64		first;			/* who bought for the first time */
} Cell;

typedef struct Months
{
	CsPurchasesRequest request;
	CsPurchasesCounts counts;
	const CsScorer *scorer;
	CsRoster   *roster;
	int			first,			/* months that are asked for */
				last;
	bool		is_decimal;
	Cell	   *cells;			/* from the month before the first one on: for each segment, for those in none, and for
								 * those who are no customers */
	CsResult   *result;
} Months;

/* The cell of a month and a segment: its index; nsegments: in none, and one more: no customers. */
static Cell *
CellOf(const Months *m, int month, int segment)
{
	return &m->cells[(Size) (month - m->first + 1) * (m->scorer->nsegments + 2) + segment];
}

/* The square of what was spent, of the same kind. */
static CsSpending
SquareOf(const CsSpending *spending, bool is_decimal)
{
	CsSpending	square = {0};

	if (is_decimal)
		square.decimal = CsDecimalSquare(spending->decimal);
	else
	{
		double		x = spending->binary.sum + spending->binary.rest;

		square.binary.sum = x * x;
		square.binary.rest = fma(x, x, -square.binary.sum);
	}
	return square;
}

/* Add a customer's month, with so many orders, to its cell. */
static void
AddMonth(const Months *m, Cell *cell, int64 orders, const CsSpending *revenue)
{
	cell->orders += orders;
	cell->order_squares += (double) orders * (double) orders;
	CsSpendingAdd(&cell->revenue, m->is_decimal, *revenue);
	CsSpendingAdd(&cell->revenue_squares, m->is_decimal, SquareOf(revenue, m->is_decimal));
}

/* Add that a customer bought in a month, and did before in another one, or NO_MONTH. */
static void
AddBuyer(Cell *cell, int month, int before)
{
	cell->buyers++;
	cell->retained += before != NO_MONTH && before == month - 1;
	cell->first += before == NO_MONTH;
}

/* CsPurchaseDaysVisitor: a customer, month by month. */
static void
TakeCustomer(void *state, const CsPurchaseDays *d)
{
	Months	   *m = state;
	int			found = CsRosterFind(m->roster, d->customer),
				before = NO_MONTH;

	m->is_decimal = d->is_decimal;
	for (int i = 0, end; i < d->n; i = end)
	{
		int			month = CsMonthOf(d->days[i].day);
		DateADT		next = CsFirstDayOf(month + 1);
		CsSpending	revenue = {0};
		int64		orders = 0;
		bool		bought = false;

		for (end = i; end < d->n && d->days[end].day < next; end++)
		{
			const CsPurchaseDay *day = &d->days[end];

			bought |= day->bought;
			orders += m->request.order != NULL ? day->orders : day->bought;
			CsSpendingAdd(&revenue, d->is_decimal, day->amount);
		}
		if (month >= m->first - 1)
		{
			int			segment = found == CS_ROSTER_UNKNOWN ? m->scorer->nsegments + 1 : found < 0 ? m->scorer->nsegments : found;
			Cell	   *cell = CellOf(m, month, segment);

			AddMonth(m, cell, orders, &revenue);
			if (bought)
				AddBuyer(cell, month, before);
		}
		if (bought)
			before = month;
	}
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
	m->request.with_customer = m->request.in_order = true;
	CsPurchasesAsOfDay(&m->request, &fcinfo->args[ARG_AS_OF], &earliest);
	m->last = CsMonthOf(m->request.cut[0]);
	m->first = Max(m->last - (options.months > 0 ? options.months : DEFAULT_MONTHS) + 1, CsMonthOf(earliest));
}

/* What is to be said of a month of all customers; NULL: nothing. */
static const char *
ReasonOf(const Months *m, int month, bool is_complete)
{
	int64		strangers = CellOf(m, month, m->scorer->nsegments + 1)->buyers;
	StringInfoData reason;

	initStringInfo(&reason);
	if (!is_complete)
		CsReasonAdd(&reason, "the month is not over");
	if (strangers > 0)
		CsReasonAdd(&reason, "buyers who are not among the customers: %lld", (long long) strangers);
	return reason.len == 0 ? NULL : reason.data;
}

/* Put the row of a month and a segment by its index, nsegments for none, ALL for all: its n customers, and what they did. */
static void
PutRow(const Months *m, int month, int index, int64 n, const Cell *cell, int64 buyers_before)
{
	const CsScorerSegment *segment = index < m->scorer->nsegments ? &CsScorerSegments(m->scorer)[index] : NULL;
	const char *name = segment != NULL ? CsScorerAt(m->scorer, char, segment->name) : index == ALL ? "total" : "no segment";
	bool		is_complete = m->request.cut[0] + 1 >= CsFirstDayOf(month + 1),
				has_amounts = m->request.amount != NULL;
	double		revenue = has_amounts ? CsSpendingToDouble(&cell->revenue, m->is_decimal) : NAN,
				customers = n > 0 ? (double) n : NAN;

	CsResultPut(m->result,
				CsValues(CsValueOf(DATEOID, DateADTGetDatum(CsFirstDayOf(month)), false), CsValueBool(is_complete),
						 segment != NULL ? CsValueInt4(segment->segment) : CsValueNull(INT4OID), CsValueText(name), CsValueInt8(n),
						 CsValueInt8(cell->buyers), CsValueInt8(cell->orders), CsValueFloat8(cell->order_squares),
						 CsValueFloat8(revenue),
						 CsValueFloat8(has_amounts ? CsSpendingToDouble(&cell->revenue_squares, m->is_decimal) : NAN),
						 CsValueInt8(cell->retained), CsValueInt8(buyers_before), CsValueInt8(cell->first),
						 CsValueInt8(buyers_before - cell->retained), CsValueFloat8((double) cell->buyers / customers),
						 CsValueFloat8(cell->orders > 0 ? revenue / (double) cell->orders : NAN),
						 CsValueFloat8(revenue / customers), CsValueFloat8((double) cell->orders / customers),
						 CsValueFloat8(buyers_before > 0 ? (double) cell->retained / (double) buyers_before : NAN),
						 CsValueText(index == ALL ? ReasonOf(m, month, is_complete) : NULL)));
}

/* Add what a cell holds to that of all customers. */
static void
AddToAll(const Months *m, Cell *all, const Cell *cell)
{
	all->buyers += cell->buyers;
	all->orders += cell->orders;
	all->order_squares += cell->order_squares;
	CsSpendingAdd(&all->revenue, m->is_decimal, cell->revenue);
	CsSpendingAdd(&all->revenue_squares, m->is_decimal, cell->revenue_squares);
	all->retained += cell->retained;
	all->first += cell->first;
}

/* Put the rows of a month. */
static void
PutMonth(const Months *m, int month)
{
	int			nsegments = m->scorer->nsegments;
	Cell		all = {0};
	int64		n = 0,
				before = 0;

	for (int i = 0; i <= nsegments; i++)
	{
		int64		customers = CsRosterCount(m->roster, i);
		const Cell *cell = CellOf(m, month, i);
		int64		buyers_before = CellOf(m, month - 1, i)->buyers;

		if (i == nsegments && customers == 0)
			break;
		PutRow(m, month, i, customers, cell, buyers_before);
		AddToAll(m, &all, cell);
		n += customers;
		before += buyers_before;
	}
	PutRow(m, month, ALL, n, &all, before);
}

/* segment_kpis(model, orders, customer, time, amount, source, as_of, options, version): a row for each month and segment, and for each month */
Datum
custseg_segment_kpis(PG_FUNCTION_ARGS)
{
	Months		m = {.result = CsResultOpen(fcinfo)};
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");

	m.scorer = CsCacheGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(m.scorer, CurrentMemoryContext);
	OpenMonths(fcinfo, &m);
	m.cells = palloc0(sizeof(Cell) * (m.scorer->nsegments + 2) * (m.last - m.first + 2));
	m.roster = CsRosterOpen(m.scorer, CsTextArgument(fcinfo, ARG_SOURCE), true);
	CsPurchaseLinesRead(&m.request, TakeCustomer, &m, &m.counts);
	(void) CsRosterClose(m.roster);
	for (int month = m.first; month <= m.last; month++)
		PutMonth(&m, month);
	CsPurchasesReport(&m.counts);
	return (Datum) 0;
}
