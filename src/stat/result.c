/*
 * result.c
 *	  Rows that the tests return.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "stat/result.h"

/* See result.h. */
Datum
CsFormRow(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* See result.h. */
Datum
CsFormPsiResult(FunctionCallInfo fcinfo, const CsPsiResult *psi, int64 n, int64 m)
{
	Datum		values[5] = {0};
	bool		nulls[5] = {0};

	if (psi == NULL)
		nulls[0] = nulls[1] = nulls[2] = true;
	else
	{
		values[0] = Float8GetDatum(psi->psi);
		values[1] = Float8GetDatum(psi->critical);
		values[2] = Int32GetDatum(psi->bins);
	}
	values[3] = Int64GetDatum(n);
	values[4] = Int64GetDatum(m);
	return CsFormRow(fcinfo, values, nulls);
}
