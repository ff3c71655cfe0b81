/*
 * agreement.c
 *	  Aggregates over two labelings of the same rows: adjusted_rand(int, int),
 *	  mutual_information(int, int), normalized_mutual_information(int, int), cohens_kappa(int, int).
 *
 * They share everything but the last step.  The state is a table of label pairs (stat/agreement.c)
 * declared as bytea: it is updated in place, and when it has to grow, the executor copies the
 * larger one to where it keeps states.  It is plain bytes, so that partial aggregates combine
 * across processes and servers.  A row with a NULL label is left out.
 */
#include "custseg.h"

#include "call/call.h"
#include "math/math.h"
#include "stat/agreement.h"

PG_FUNCTION_INFO_V1(custseg_agreement_accum);
PG_FUNCTION_INFO_V1(custseg_agreement_combine);
PG_FUNCTION_INFO_V1(custseg_adjusted_rand_final);
PG_FUNCTION_INFO_V1(custseg_mutual_information_final);
PG_FUNCTION_INFO_V1(custseg_normalized_mutual_information_final);
PG_FUNCTION_INFO_V1(custseg_cohens_kappa_final);

/* An argument as a table; a copy where it lies in a tuple, for there it need not be aligned. */
static CsPairTable *
TableArgument(FunctionCallInfo fcinfo, int argument)
{
	CsPairTable *table = (CsPairTable *) PG_GETARG_BYTEA_P(argument);

	if (!PointerIsAligned(table, int64))
		table = (CsPairTable *) PG_GETARG_BYTEA_P_COPY(argument);
	return table;
}

/* The state of an aggregate that has seen all rows. */
static const CsPairTable *
FinalTable(FunctionCallInfo fcinfo)
{
	const CsPairTable *table = TableArgument(fcinfo, 0);

	CsPairTableCheckAll(table);
	return table;
}

/*
 * agreement_accum(state, label, label): count a row.
 */
Datum
custseg_agreement_accum(PG_FUNCTION_ARGS)
{
	CsPairTable *table;

	(void) CsAggregateContext(fcinfo, "adjusted_rand");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	if (PG_ARGISNULL(0))
		table = CsPairTableCreate();
	else
	{
		table = TableArgument(fcinfo, 0);
		CsPairTableCheck(table);
	}
	PG_RETURN_POINTER(CsPairTableAdd(table, PG_GETARG_INT32(1), PG_GETARG_INT32(2), 1));
}

/*
 * agreement_combine(state, state)
 */
Datum
custseg_agreement_combine(PG_FUNCTION_ARGS)
{
	CsPairTable *table,
			   *other;

	(void) CsAggregateContext(fcinfo, "adjusted_rand");
	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);

	other = TableArgument(fcinfo, 1);
	CsPairTableCheckAll(other);
	if (PG_ARGISNULL(0))
		PG_RETURN_POINTER(other);
	table = TableArgument(fcinfo, 0);
	CsPairTableCheckAll(table);
	PG_RETURN_POINTER(CsPairTableMerge(table, other));
}

Datum
custseg_adjusted_rand_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CsAdjustedRand(FinalTable(fcinfo)));
}

Datum
custseg_mutual_information_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CsMutualInformation(FinalTable(fcinfo)));
}

Datum
custseg_normalized_mutual_information_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CsNormalizedMutualInformation(FinalTable(fcinfo)));
}

/* A row of cohens_kappa_result. */
Datum
custseg_cohens_kappa_final(PG_FUNCTION_ARGS)
{
	const CsPairTable *table = FinalTable(fcinfo);
	CsKappa		k = CsCohensKappa(table);

	return CsResultRow(fcinfo, CsValues(CsValueFloat8(k.kappa), CsValueFloat8(k.error),
										CsValueFloat8(k.kappa - CS_INTERVAL_SDS * k.error),
										CsValueFloat8(k.kappa + CS_INTERVAL_SDS * k.error),
										CsValueFloat8(k.agreement), CsValueInt8(table->nrows)));
}
