/*
 * purchase_summary.c
 *	  purchase_summary(): a row for each customer, as models of repeat purchases see them.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "value/purchases.h"

typedef struct SummaryOptions
{
	int			unit;			/* CsPurchaseUnit */
	int			returns;		/* CsReturns */
	char	   *time_zone;
} SummaryOptions;

static const CsOption summaryOptions[] = {
	{"unit", CS_OPTION_CHOICE, offsetof(SummaryOptions, unit), CS_UNIT_WEEK, 0, 0, CsPurchaseUnitNames},
	{"returns", CS_OPTION_CHOICE, offsetof(SummaryOptions, returns), CS_RETURNS_NET, 0, 0, CsPurchaseReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(SummaryOptions, time_zone)}
};

/* The arguments. */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_AS_OF, ARG_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_purchase_summary);

typedef struct Summary
{
	CsPurchasesRequest request;
	CsPurchaseUnit unit;
	CsResult   *result;
} Summary;

/* CsPurchaserVisitor: a row. */
static void
PutPurchaser(void *state, const CsPurchaser *p)
{
	Summary    *s = state;
	const CsPurchasesAsOf *at = &p->at[0];
	double		days = CsPurchaseUnitDays(s->unit);

	CsResultPut(s->result,
				CsValues(CsValueText(p->customer), CsValueInt8(at->repeats),
						 CsValueFloat8(at->recency / days), CsValueFloat8(at->age / days),
						 CsValueFloat8(at->repeats == 0 ? NAN : at->total / at->repeats),
						 CsValueOf(DATEOID, DateADTGetDatum(p->first), false),
						 CsValueOf(DATEOID, DateADTGetDatum(p->last), false),
						 CsValueText(CsPurchaseUnitNames[s->unit])));
}

/* purchase_summary(source, customer, time, amount, as_of, options) */
Datum
custseg_purchase_summary(PG_FUNCTION_ARGS)
{
	Summary		s = {.result = CsResultOpen(fcinfo)};
	SummaryOptions options;
	CsPurchasesCounts counts;
	DateADT		earliest;

	CsPurchasesOpen(fcinfo, ARG_SOURCE, &s.request);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, summaryOptions, lengthof(summaryOptions), &options);
	s.unit = (CsPurchaseUnit) options.unit;
	s.request.returns = options.returns;
	s.request.zone = CsOrdersZone(options.time_zone);
	s.request.with_customer = true;
	CsPurchasesAsOfDay(&s.request, &fcinfo->args[ARG_AS_OF], &earliest);
	counts = CsPurchasesRead(&s.request, PutPurchaser, &s);
	CsPurchasesReport(&counts);
	return (Datum) 0;
}
