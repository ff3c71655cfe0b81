/*
 * result.c
 *	  Rows that the tests return.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "stat/result.h"

/* A row of psi_result for samples of n and m rows; psi NULL gives NULLs and the counts. */
Datum
CsFormPsiResult(FunctionCallInfo fcinfo, const CsPsiResult *psi, int64 n, int64 m)
{
	return CsResultRow(fcinfo, CsValues(CsValueFloat8(psi == NULL ? NAN : psi->psi),
										CsValueFloat8(psi == NULL ? NAN : psi->critical),
										psi == NULL ? CsValueNull(INT4OID) : CsValueInt4(psi->bins),
										CsValueInt8(n), CsValueInt8(m)));
}
