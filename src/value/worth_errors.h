/*
 * worth_errors.h
 *	  What is known of the errors of a model of purchases: of its fit, and kept with its version.
 */
#ifndef CUSTSEG_VALUE_WORTH_ERRORS_H
#define CUSTSEG_VALUE_WORTH_ERRORS_H

#include "stat/worth_sum.h"
#include "value/worth_fit.h"

extern void CsWorthErrorsOfFit(CsWorthErrors *e, const CsWorthFit *fit);
extern void CsWorthErrorsPush(JsonbParseState **json, const CsWorthFit *fit);
extern void CsWorthErrorsCheck(const CsJsonReader *metrics, const CsWorthModel *m);
extern void CsWorthErrorsRead(CsWorthErrors *e, const char *model, int version, const CsWorthModel *m,
							  bool *tells_who_left, StringInfo reason);

#endif							/* CUSTSEG_VALUE_WORTH_ERRORS_H */
