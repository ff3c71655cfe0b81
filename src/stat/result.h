/*
 * result.h
 *	  Rows that the tests return.
 */
#ifndef CUSTSEG_RESULT_H
#define CUSTSEG_RESULT_H

#include "stat/tests.h"

extern Datum CsFormPsiResult(FunctionCallInfo fcinfo, const CsPsiResult *psi, int64 n, int64 m);

#endif							/* CUSTSEG_RESULT_H */
