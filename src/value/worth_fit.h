/*
 * worth_fit.h
 *	  What customers of a period are worth, fitted and judged.
 */
#ifndef CUSTSEG_VALUE_WORTH_FIT_H
#define CUSTSEG_VALUE_WORTH_FIT_H

#include "call/json.h"
#include "lib/stringinfo.h"
#include "value/period.h"

/* The verdict where purchases do not tell that customers leave. */
#define CS_VERDICT_NOT_IDENTIFIED "dropout not identified"

/* Fewer customers with repeats tell little of how customers differ. */
#define CS_FEW_REPEAT 50

typedef enum CsWorthAlgorithm
{
	CS_WORTH_AUTO, CS_WORTH_BG_NBD, CS_WORTH_MBG_NBD, CS_WORTH_PARETO_NBD, CS_WORTH_NBD
} CsWorthAlgorithm;

typedef struct CsWorthFit
{
	CsPurchaseFit purchases;	/* that predictions come from */
	CsPurchaseFit dropout;		/* the best model in which customers leave; no model when none was asked for */
	CsPurchaseFit nbd;			/* the model in which they do not */
	CsPurchaseFit alive;		/* by which they are told to be there */
	CsWorthModel model;
	bool		is_identified;	/* customers are seen to leave */
	CsOptimumEnd spend_end;		/* of a gamma-gamma model */
	double		spend_log_error[CS_SPEND_PARAMETERS];	/* NaN: not known */
	double		spend_covariance[CS_SPEND_PARAMETERS * CS_SPEND_PARAMETERS];	/* of the logarithms */
	double		spend_log_likelihood;
	double		pearson,		/* of repeats and mean spend */
				spearman;
} CsWorthFit;

extern const char *const CsWorthAlgorithms[];

extern void CsWorthFitModel(CsPeriod *p, CsWorthAlgorithm algorithm, bool alive_of_its_own, CsWorthFit *fit);
extern bool CsWorthHasConverged(const CsWorthFit *fit);
extern const char *CsWorthVerdict(const CsPeriod *p, const CsWorthFit *fit, StringInfo reason);
extern void CsWorthPushFit(JsonbParseState **json, const CsPeriod *p, const CsWorthFit *fit);
extern void CsWorthWarn(const CsPeriod *p, const CsWorthFit *fit);

#endif							/* CUSTSEG_VALUE_WORTH_FIT_H */
