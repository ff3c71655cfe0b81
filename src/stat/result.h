/*
 * result.h
 *	  Rows that the tests return.
 */
#ifndef CUSTSEG_RESULT_H
#define CUSTSEG_RESULT_H

#include "stat/tests.h"

/* A row of psi_result for samples of n and m rows; NULLs and the counts for psi NULL. */
extern Datum CsFormPsiResult(FunctionCallInfo fcinfo, const CsPsiResult *psi, int64 n, int64 m);

#endif							/* CUSTSEG_RESULT_H */
