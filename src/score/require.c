/*
 * require.c
 *	  What SQL functions about placed customers need to be so, or it is an error: require_version(), require_once().
 */
#include "custseg.h"

#include "call/call.h"
#include "score/score.h"

/* The arguments. */
enum
{
	VERSION_MODEL, VERSION_VERSION
};

enum
{
	ONCE_CUSTOMER, ONCE_N, ONCE_SOURCE
};

PG_FUNCTION_INFO_V1(custseg_require_version);
PG_FUNCTION_INFO_V1(custseg_require_once);

/* require_once(customer, n, source): true, or an error where a customer is in the source more than once */
Datum
custseg_require_once(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(ONCE_CUSTOMER) && !PG_ARGISNULL(ONCE_N) && PG_GETARG_INT64(ONCE_N) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("customer %s is in %s more than once", CsTextArgument(fcinfo, ONCE_CUSTOMER),
						CsTextArgument(fcinfo, ONCE_SOURCE)),
				 errhint("Give a source with one row for each customer.")));
	PG_RETURN_BOOL(true);
}

/* require_version(model, version): the version that the model has deployed, or the one that is given */
Datum
custseg_require_version(PG_FUNCTION_ARGS)
{
	const CsScorer *scorer = CsCacheGet(CsRequiredText(fcinfo, VERSION_MODEL, "model"),
										CsVersionArgument(fcinfo, VERSION_VERSION));

	PG_RETURN_INT32(scorer->version);
}
