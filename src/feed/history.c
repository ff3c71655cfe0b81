/*
 * history.c
 *	  The segments of one customer over time: segment_history().  The customer is resolved here, all else is SQL.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/tables.h"
#include "score/score.h"

/* As the caller, who sees no rows of other owners. */
static const char *const history_sql =
"SELECT h.* FROM custseg_private.customer_history($1, $2) AS h";

PG_FUNCTION_INFO_V1(custseg_segment_history);

/* The arguments. */
enum
{
	ARG_MODEL, ARG_CUSTOMER
};

/* segment_history(model, customer): what became of the customer, and why; for the owner of the model */
Datum
custseg_segment_history(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	char	   *customer;

	CsModelCheckOwner(model);
	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	customer = CsCustomerOfModel(fcinfo, ARG_CUSTOMER, model, CsIdentityOfModel(model));
	SPI_connect();
	CsCallerSelect(history_sql, CsValues(CsValueText(model), CsValueText(customer)));
	CsFoundPut(result);
	SPI_finish();
	return (Datum) 0;
}
