/*
 * purchase_lines.c
 *	  Lines of orders read customer by customer: what each bought, day by day.
 *
 * PostgreSQL sorts the lines by customer and time, or by customer and order where orders are counted, within
 * maintenance_work_mem and on disk beyond it; what is held here are the days of one customer.
 *
 * Lines on other servers are summed up there by customer and day, where these can: then a row is a customer of a server.
 *
 * A line counts when it has a customer, a finite time, a finite amount, and is of a day up to the last cut.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "orders/buying.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "value/purchase_lines.h"

#define FIRST_DAYS 64
#define FIRST_MONTHS 8

/* The day of the earliest time there is, by the calendar of any zone. */
#define EARLIEST_DAY (-POSTGRES_EPOCH_JDATE - 1)

/* Columns of the query; the last ones only where they are asked for. */
enum
{
	LINE_CUSTOMER, LINE_TIME, LINE_REST
};

typedef struct Reading
{
	const CsPurchasesRequest *request;
	CsPurchaseDaysVisitor visit;
	void	   *state;
	CsPurchasesCounts *counts;
	MemoryContext context;
	const CsColumn *columns;	/* of the query */
	int			amount,			/* positions in the row, -1: not read */
				order,
				text;			/* by which customers are ordered */
	CsDayClock	clock;
	CsIdentity *identity;		/* of the customers' column, as it is read */
	CsHeld		held_customer,
				held_order;
	int			n_months;		/* in which the order at hand has been counted */
	int			months_room;
	int		   *months;
	CsPurchaseDays at_hand;		/* the customer's */
	int			room;			/* days that there is room for */
} Reading;

/*
 * The query, palloc'd: lines sorted by customer, then by time, or by order and time.  Where customers are to come by
 * the bytes of their texts, that of each comes along, the least of several.
 */
static char *
LinesSql(const CsPurchasesRequest *r)
{
	const char *text = CsSqlKeyText(r->customer);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS customer, t.%s AS at", CsSqlKey(r->customer), CsSqlColumn(r->time));
	if (r->amount != NULL)
		appendStringInfo(&sql, ", t.%s AS amount", CsSqlColumn(r->amount));
	if (r->order != NULL)
		appendStringInfo(&sql, ", %s AS \"order\"", CsSqlKey(r->order));
	if (r->in_order)
		appendStringInfo(&sql, ", %s AS text", text);
	appendStringInfo(&sql, " FROM %s ORDER BY ", CsSqlFrom(r->relation));
	if (r->in_order)
		appendStringInfo(&sql, "%s, ", text);
	appendStringInfoString(&sql, CsSqlSortKey(r->customer));
	if (r->order != NULL)
		appendStringInfo(&sql, ", %s", CsSqlSortKey(r->order));
	appendStringInfo(&sql, ", t.%s%s", CsSqlColumn(r->time), CsSqlKeepOrder());
	return sql.data;
}

/* Find the customer in the rows of a query, the first column. */
static void
FindCustomer(Reading *r, const CsRelation *query)
{
	r->columns = query->columns;
	r->identity = CsIdentityOfColumns(list_make1((void *) &query->columns[LINE_CUSTOMER]));
	CsHeldPrepare(&r->held_customer, &query->columns[LINE_CUSTOMER]);
	r->at_hand.is_decimal = r->request->amount != NULL && CsConverterIsDecimal(&r->request->amount->converter);
}

/* Find the order and the text of the customer in the rows of a query, from a column on. */
static void
FindRest(Reading *r, const CsRelation *query, int next)
{
	r->order = r->request->order == NULL ? -1 : next++;
	r->text = r->request->in_order ? next : -1;
	if (r->order >= 0)
		CsHeldPrepare(&r->held_order, &query->columns[r->order]);
}

/* Find the columns of the query in its rows, which have them in the order of LinesSql(). */
static void
FindColumns(Reading *r, const CsRelation *query)
{
	int			next = LINE_REST;

	FindCustomer(r, query);
	r->amount = r->request->amount == NULL ? -1 : next++;
	FindRest(r, query, next);
	CsDayClockOpen(&r->clock, &query->columns[LINE_TIME], r->request->zone);
}

/* Does a line count?  OUT its day and its amount, 0 without amounts. */
static CsPurchasesReason
ReadLine(Reading *r, const Datum *row, const bool *nulls, DateADT *day, CsLine *line)
{
	memset(line, 0, sizeof(*line));
	if (nulls[LINE_CUSTOMER])
		return CS_LINE_NO_CUSTOMER;
	if (nulls[LINE_TIME] || !CsDayOfValue(&r->clock, row[LINE_TIME], day))
		return CS_LINE_NO_TIME;
	if (r->amount >= 0 && (nulls[r->amount] ||
						   !CsLineReadAmount(&r->columns[r->amount].converter, r->at_hand.is_decimal, row[r->amount], line)))
		return CS_LINE_NO_AMOUNT;
	if (*day > r->request->cut[0])
		return CS_LINE_LATER;
	if (line->is_return && r->request->returns == CS_RETURNS_IGNORE)
		return CS_LINE_RETURN;
	return CS_LINE_COUNTS;
}

/* The customer at hand is complete, if there is one: have it visited. */
static void
EndCustomer(Reading *r)
{
	char	   *text = NULL;
	bool		isnull = false;

	if (!r->held_customer.there)
		return;
	if (r->text < 0 && (r->request->with_customer || r->request->ncuts > 1))
		r->at_hand.customer = text = CsIdentityText(r->identity, &r->held_customer.value, &isnull);
	r->visit(r->state, &r->at_hand);
	r->at_hand.n = 0;
	if (text != NULL)
		pfree(text);
}

/* Another customer is at hand. */
static void
BeginCustomer(Reading *r, const Datum *row, const bool *nulls)
{
	EndCustomer(r);
	CsHeldSet(r->context, &r->held_customer, row[LINE_CUSTOMER], false);
	r->held_order.there = false;
	if (r->text < 0)
		return;
	if (r->at_hand.customer != NULL)
		pfree(unconstify(char *, r->at_hand.customer));
	r->at_hand.customer = MemoryContextStrdup(r->context, TextDatumGetCString(row[r->text]));
}

/* Make room for another day. */
static void
MakeRoom(Reading *r)
{
	if (r->at_hand.n < r->room)
		return;
	r->room = Max(2 * r->room, FIRST_DAYS);
	r->at_hand.days = r->at_hand.days == NULL ?
		MemoryContextAllocHuge(r->context, sizeof(CsPurchaseDay) * r->room) :
		repalloc_huge(r->at_hand.days, sizeof(CsPurchaseDay) * r->room);
}

/* The day of the customer at hand, which is added unless it is there.  Most days are the last one so far, or later. */
static CsPurchaseDay *
DayOf(Reading *r, DateADT day)
{
	CsPurchaseDays *d = &r->at_hand;
	int			at = d->n;

	if (at > 0 && d->days[at - 1].day >= day)
	{
		int			low = 0;

		while (low < at)
		{
			int			middle = low + (at - low) / 2;

			if (d->days[middle].day < day)
				low = middle + 1;
			else
				at = middle;
		}
		if (d->days[at].day == day)
			return &d->days[at];
	}
	MakeRoom(r);
	memmove(d->days + at + 1, d->days + at, sizeof(CsPurchaseDay) * (d->n - at));
	d->n++;
	d->days[at] = (CsPurchaseDay) {.day = day};
	return &d->days[at];
}

/* Has the order at hand not been counted in a month yet?  From now on it has. */
static bool
IsNewMonth(Reading *r, int month)
{
	/* most purchases are of the month before */
	for (int i = r->n_months; i-- > 0;)
		if (r->months[i] == month)
			return false;
	if (r->n_months == r->months_room)
	{
		r->months_room = Max(2 * r->months_room, FIRST_MONTHS);
		r->months = r->months == NULL ? MemoryContextAlloc(r->context, sizeof(int) * r->months_room) :
			repalloc(r->months, sizeof(int) * r->months_room);
	}
	r->months[r->n_months++] = month;
	return true;
}

/*
 * How many orders purchases of a day add to those of its month: an order counts once a month, and purchases without an
 * order are orders of their own.
 */
static int64
OrdersOf(Reading *r, DateADT day, int64 purchases, const Datum *row, const bool *nulls)
{
	if (r->order < 0 || purchases == 0)
		return 0;
	if (nulls[r->order])
		return purchases;
	if (!CsHeldIs(&r->held_order, row[r->order], false))
	{
		CsHeldSet(r->context, &r->held_order, row[r->order], false);
		r->n_months = 0;
	}
	return IsNewMonth(r, CsMonthOf(day));
}

/* CsRowSink: a line. */
static void
TakeLine(void *state, const Datum *row, const bool *nulls)
{
	Reading    *r = state;
	CsPurchaseDay *at;
	CsLine		line;
	DateADT		day;
	CsPurchasesReason reason = ReadLine(r, row, nulls, &day, &line);

	r->counts->lines[reason]++;
	if (reason != CS_LINE_COUNTS)
		return;
	if (!CsHeldIs(&r->held_customer, row[LINE_CUSTOMER], false))
		BeginCustomer(r, row, nulls);
	at = DayOf(r, day);
	at->lines++;
	CsSpendingAdd(&at->amount, r->at_hand.is_decimal, line.amount);
	if (line.is_return)
		return;
	at->bought = true;
	at->orders += OrdersOf(r, day, 1, row, nulls);
}

/* CsRowSink: what a customer bought, as one server knows it. */
static void
TakeBought(void *state, const Datum *row, const bool *nulls)
{
	Reading    *r = state;
	CsBoughtReader reader;
	CsBought	bought;

	CsBoughtCheckRow(nulls);
	if (nulls[CS_BUYING_ROW_BOUGHT])
		return;
	if (!CsHeldIs(&r->held_customer, row[CS_BUYING_ROW_CUSTOMER], false))
		BeginCustomer(r, row, nulls);
	CsBoughtOpen(&reader, DatumGetByteaPP(row[CS_BUYING_ROW_BOUGHT]), r->at_hand.is_decimal, EARLIEST_DAY,
				 r->request->cut[0]);
	while (CsBoughtNext(&reader, &bought))
	{
		CsPurchaseDay *at = DayOf(r, (DateADT) bought.at);

		at->lines += bought.lines;
		at->bought |= bought.purchases > 0;
		at->orders += OrdersOf(r, (DateADT) bought.at, bought.purchases, row, nulls);
		CsSpendingAdd(&at->amount, r->at_hand.is_decimal, bought.amount);
	}
}

/* The lines by the reasons for which they are left out. */
static void
CountLines(const CsBuying *b, CsPurchasesCounts *counts)
{
	static const CsPurchasesReason reasons[] = {
		CS_LINE_NO_CUSTOMER, CS_LINE_NO_TIME, CS_LINE_NO_AMOUNT, CS_LINE_LATER, CS_LINE_RETURN, CS_LINE_COUNTS
	};
	CsBuyingCounts found = {{0}};

	StaticAssertStmt(lengthof(reasons) == lengthof(found.lines), "there is a reason for each condition");
	CsBuyingCount(b, &found);
	for (int i = 0; i < lengthof(reasons); i++)
		counts->lines[reasons[i]] += found.lines[i];
}

/* Prepare to read lines that other servers sum up; NULL where they are read one by one. */
static CsRelation *
OpenBought(Reading *r)
{
	const CsPurchasesRequest *request = r->request;
	CsBuying	b;
	CsRelation *query;

	if (!CsBuyingOpen(&b, request->relation, request->customer, request->time, request->amount, request->order,
					  CsSqlDayNumber(request->time, request->zone), CsPurchasesUpTo(request),
					  request->returns != CS_RETURNS_IGNORE))
		return NULL;
	CountLines(&b, r->counts);
	query = CsBuyingSorted(&b, request->in_order);
	FindCustomer(r, query);
	FindRest(r, query, CS_BUYING_ROW_REST);
	return query;
}

/*
 * Read the lines; each customer with a line that counts goes to the visitor, in no particular order unless the request
 * asks for one.  Lines are added to the counts.
 */
void
CsPurchaseLinesRead(const CsPurchasesRequest *request, CsPurchaseDaysVisitor visit, void *state, CsPurchasesCounts *counts)
{
	Reading    *r = palloc0(sizeof(Reading));
	CsRelation *query;
	bool		is_summed;
	int			level;

	r->request = request;
	r->visit = visit;
	r->state = state;
	r->counts = counts;
	r->context = CurrentMemoryContext;
	query = OpenBought(r);
	is_summed = query != NULL;
	if (!is_summed)
	{
		query = CsRelationQuery(request->relation, LinesSql(request));
		FindColumns(r, query);
	}
	level = NewGUCNestLevel();
	CsRaiseWorkMem();
	(void) CsRelationRead(query, query->columns, query->ncolumns, is_summed ? TakeBought : TakeLine, r);
	AtEOXact_GUC(true, level);
	EndCustomer(r);
	if (r->at_hand.days != NULL)
		pfree(r->at_hand.days);
}
