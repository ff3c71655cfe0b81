/*
 * panel.c
 *	  Values of customers, period by period, for difference_in_differences().
 *
 * PostgreSQL groups the rows by customer and period.  What is made of them is SQL: a customer's change is one number,
 * so that periods of one customer may hang together as they like, and changes are compared by Welch's test.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "lib/stringinfo.h"
#include "orders/lines_sql.h"
#include "orders/orders.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Most periods: more of them are no periods, but times. */
#define MOST_PERIODS 1000

/* The arguments of panel(), and of panel_options(). */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TREATED, ARG_PERIOD, ARG_VALUE, ARG_START
};

enum
{
	OPTIONS_OPTIONS
};

/* Columns of the query. */
enum
{
	Q_CUSTOMER, Q_TREATED, Q_NUMBER, Q_PERIOD, Q_IS_AFTER, Q_VALUE, Q_MIXED
};

typedef struct PanelOptions
{
	int			placebos;
} PanelOptions;

static const CsOption panelOptions[] = {
	{"placebos", CS_OPTION_INT, offsetof(PanelOptions, placebos), 1, 0, 100}
};

PG_FUNCTION_INFO_V1(custseg_panel_options);
PG_FUNCTION_INFO_V1(custseg_panel);

typedef struct Panel
{
	CsRelation *source;
	const CsColumn *customer;
	const CsColumn *treated;
	const CsColumn *period;
	const CsColumn *value;
	const char *start;
	FmgrInfo	output;			/* of the period */
	CsResult   *result;
	bool		is_there[2][2]; /* someone: treated or not, after the start or not */
} Panel;

/* panel_options(options): all of them, with the defaults of those that are not given */
Datum
custseg_panel_options(PG_FUNCTION_ARGS)
{
	PanelOptions options;

	CsOptionsArgument(fcinfo, OPTIONS_OPTIONS, panelOptions, lengthof(panelOptions), &options);
	PG_RETURN_JSONB_P(CsOptionsToJsonb(panelOptions, lengthof(panelOptions), &options));
}

/* The query, palloc'd. */
static char *
PanelSql(const Panel *p)
{
	const char *period = CsSqlColumn(p->period);

	return psprintf("WITH cell AS MATERIALIZED ("
					"SELECT t.%s::pg_catalog.text AS customer, t.%s AS period, pg_catalog.bool_and(t.%s) AS always, pg_catalog.bool_or(t.%s) AS ever, pg_catalog.sum(t.%s::pg_catalog.float8) AS value"
					" FROM %s GROUP BY 1, 2"
					"), numbered AS MATERIALIZED ("
					"SELECT p.period, pg_catalog.row_number() OVER (ORDER BY p.period)::int AS number, p.period" CS_SQL(">=") "%s::%s AS is_after FROM (SELECT c.period FROM cell AS c GROUP BY 1) AS p"
					"), mixed AS MATERIALIZED ("
					"SELECT c.customer FROM cell AS c GROUP BY 1 HAVING NOT pg_catalog.bool_and(c.always) AND pg_catalog.bool_or(c.ever) ORDER BY 1 LIMIT 1"
					") "
					"SELECT c.customer, c.ever, n.number, c.period, n.is_after, c.value, (SELECT m.customer FROM mixed AS m) AS mixed"
					" FROM cell AS c LEFT JOIN numbered AS n ON n.period" CS_SQL("=") "c.period",
					CsSqlColumn(p->customer), period, CsSqlColumn(p->treated), CsSqlColumn(p->treated),
					CsSqlColumn(p->value), CsSqlFrom(p->source), quote_literal_cstr(p->start),
					format_type_be(p->period->type));
}

/* The error of a row that lacks what it is about. */
static void
ReportMissing(const Panel *p, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s has a row without %s", p->source->description, what),
			 errhint("Leave such rows out in a query as the source.")));
}

/* Errors of a customer in a period. */
static void
CheckRow(const Panel *p, const Datum *values, const bool *nulls)
{
	if (nulls[Q_CUSTOMER])
		ReportMissing(p, "a customer");
	if (nulls[Q_PERIOD])
		ReportMissing(p, "a period");
	if (nulls[Q_TREATED])
		ReportMissing(p, psprintf("a value of \"%s\"", NameStr(p->treated->name)));
	if (!nulls[Q_MIXED])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("customer %s is treated in some rows, and not in others", TextDatumGetCString(values[Q_MIXED])),
				 errhint("Column \"%s\" says of all periods of a customer whether the customer is treated from the start on.",
						 NameStr(p->treated->name))));
	if (DatumGetInt32(values[Q_NUMBER]) > MOST_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has more than %d periods", NameStr(p->period->name), MOST_PERIODS),
				 errhint("Make periods of times in a query as the source: SELECT *, date_trunc('month', at) AS period FROM ...")));
	if (!nulls[Q_VALUE] && !isfinite(DatumGetFloat8(values[Q_VALUE])))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has an infinite value", NameStr(p->value->name)),
				 errhint("Leave such rows out in a query as the source.")));
}

/* CsRowSink: a customer in a period.  A row without a value says that there was nothing. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Panel	   *p = state;

	CheckRow(p, values, nulls);
	p->is_there[DatumGetBool(values[Q_TREATED])][DatumGetBool(values[Q_IS_AFTER])] = true;
	CsResultPut(p->result, CsValues(CsValueOf(TEXTOID, values[Q_CUSTOMER], false),
									CsValueBool(DatumGetBool(values[Q_TREATED])),
									CsValueInt4(DatumGetInt32(values[Q_NUMBER])),
									CsValueText(CsNumberText(&p->period->converter, &p->output, values[Q_PERIOD])),
									CsValueBool(DatumGetBool(values[Q_IS_AFTER])),
									CsValueFloat8(nulls[Q_VALUE] ? 0 : DatumGetFloat8(values[Q_VALUE]))));
}

/* An error unless there is something to compare. */
static void
CheckPanel(const Panel *p)
{
	bool		is_before = p->is_there[false][false] || p->is_there[true][false],
				is_after = p->is_there[false][true] || p->is_there[true][true],
				is_treated = p->is_there[true][false] || p->is_there[true][true],
				is_not = p->is_there[false][false] || p->is_there[false][true];

	if (!is_before || !is_after)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no period %s \"start\"", p->source->description, is_before ? "from" : "before"),
				 errdetail("It is %s.", p->start),
				 errhint("Give the first period in which customers were treated.")));
	if (!is_treated || !is_not)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of %s is treated", is_treated ? "everybody" : "nobody", p->source->description),
				 errhint("Others are needed to compare with.")));
}

/* Read the start as a value of the period's type, or raise an error. */
static void
ReadStart(void *state)
{
	const Panel *p = state;
	Oid			input,
				parameter;

	getTypeInputInfo(p->period->type, &input, &parameter);
	(void) OidInputFunctionCall(input, unconstify(char *, p->start), parameter, -1);
}

/* An error, which names it, of a start that is no value of the period's type. */
static void
CheckStart(Panel *p)
{
	ResourceOwner owner;
	bool		is_read = CsTry(ReadStart, p, CsIsDataException, &owner);

	CsTryEnd(owner);
	if (!is_read)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"start\" must be of type %s, as column \"%s\" is", format_type_be(p->period->type),
						NameStr(p->period->name)),
				 errdetail("It is %s.", p->start),
				 errhint("Give the first period in which customers were treated.")));
}

/* panel(source, customer, treated, period, value, start): a row for each customer and period */
Datum
custseg_panel(PG_FUNCTION_ARGS)
{
	Panel		p = {.result = CsResultOpen(fcinfo)};
	CsRelation *query;
	Oid			output;
	bool		is_varlena;

	p.source = CsRelationOpen(CsRequiredText(fcinfo, ARG_SOURCE, "source"));
	p.customer = CsKeyOfRole(p.source, CsTextArgument(fcinfo, ARG_CUSTOMER), "customer");
	p.treated = CsColumnOfRole(p.source, CsTextArgument(fcinfo, ARG_TREATED), "treatment", CS_KIND_BIT(CS_BOOLEAN));
	p.period = CsColumnOfRole(p.source, CsTextArgument(fcinfo, ARG_PERIOD), "period",
							  CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_TIME));
	p.value = CsColumnOfRole(p.source, CsTextArgument(fcinfo, ARG_VALUE), "value", CS_KIND_BIT(CS_NUMERIC));
	p.start = CsRequiredText(fcinfo, ARG_START, "start");
	CheckStart(&p);
	getTypeOutputInfo(p.period->type, &output, &is_varlena);
	fmgr_info(output, &p.output);
	query = CsRelationQuery(p.source, PanelSql(&p));
	(void) CsRelationRead(query, query->columns, query->ncolumns, TakeRow, &p);
	CheckPanel(&p);
	return (Datum) 0;
}
