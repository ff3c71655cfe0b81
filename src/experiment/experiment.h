/*
 * experiment.h
 *	  What the functions of experiments share: arguments that are numbers within bounds, and rows of tests.
 */
#ifndef CUSTSEG_EXPERIMENT_H
#define CUSTSEG_EXPERIMENT_H

#include "call/call.h"
#include "stat/arms.h"

/* What a number may be. */
typedef enum CsNumberKind
{
	CS_NUMBER_FINITE,
	CS_NUMBER_NOT_NEGATIVE,		/* finite, 0 or more */
	CS_NUMBER_POSITIVE,			/* finite, above 0 */
	CS_NUMBER_SHARE,			/* 0 to 1 */
	CS_NUMBER_PROBABILITY		/* between 0 and 1, both left out */
} CsNumberKind;

/* arguments.c */
extern double CsCheckNumber(double x, const char *name, CsNumberKind kind);
extern double CsNumberArgument(FunctionCallInfo fcinfo, int argument, const char *name, CsNumberKind kind);
extern double *CsNumbersArgument(FunctionCallInfo fcinfo, int argument, const char *name,
								 CsNumberKind kind, int *n);
extern int64 CsCountArgument(FunctionCallInfo fcinfo, int argument, const char *name);
extern CsProportions CsProportionsArguments(FunctionCallInfo fcinfo, int argument);

/* tests.c */
#define CS_ARMS_COLUMNS 15

extern void CsArmsValues(const CsArms *arms, const CsArmsResult *r, CsValue *row);
extern Datum CsFormArms(FunctionCallInfo fcinfo, const CsArms *arms, const CsArmsTest *test);
extern Datum CsFormProportions(FunctionCallInfo fcinfo, const CsProportions *p, double confidence);

#endif							/* CUSTSEG_EXPERIMENT_H */
