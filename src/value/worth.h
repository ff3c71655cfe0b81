/*
 * worth.h
 *	  A version of a model of purchases: compiled, written and read as json.
 */
#ifndef CUSTSEG_VALUE_WORTH_H
#define CUSTSEG_VALUE_WORTH_H

#include "call/json.h"
#include "call/options.h"
#include "life/life.h"
#include "score/score.h"
#include "stat/holdout.h"
#include "stat/lifetime.h"
#include "value/purchases.h"
#include "value/worth_fit.h"

/* One flat varlena without pointers but to the models, which are the module's own: it stays in the session. */
typedef struct CsWorthVersion
{
	int32		vl_len_;
	int			algorithm;		/* CsWorthAlgorithm: that was asked for */
	CsWorthModel model;
	int			unit;			/* CsPurchaseUnit */
	NameData	customer,		/* columns of the lines that it was trained on */
				time,
				amount;			/* empty: none */
	int			returns;		/* CsReturns */
	char		zone[TZ_STRLEN_MAX + 1];
	DateADT		as_of;			/* day that customers were seen as of */
	int32		interval_days;	/* of the holdout that the ratios were learned on; 0: there are none */
	CsRatios	ratios;
} CsWorthVersion;

extern void *CsWorthCompile(Jsonb *definition, const CsStoredParameters *parameters);
extern Jsonb *CsWorthParameters(const CsWorthVersion *v);
extern const CsWorthVersion *CsWorthGet(const char *model, int version);

/* worth_import.c */
extern const CsImporter CsWorthImporter;

/* train_purchases.c: options, which a version keeps. */
extern Datum CsRetrainPurchases(FunctionCallInfo fcinfo, char *model);

typedef struct CsPurchasesOptions
{
	int			unit;			/* CsPurchaseUnit */
	int			returns;		/* CsReturns */
	char	   *time_zone;
	char	   *holdout;
	int			alive;			/* 0: as CsWorthFitModel says; 1: of the model's own */
} CsPurchasesOptions;

/* Days that a holdout of an imported version can have. */
#define CS_MOST_HOLDOUT_DAYS 1000000

#define CS_PURCHASES_OPTIONS 5

extern const CsOption CsPurchasesOptionTable[CS_PURCHASES_OPTIONS];

/* lifetime_value.c */
extern CsHorizon CsHorizonArguments(FunctionCallInfo fcinfo, int interval, int discount, const CsWorthModel *m);
extern double CsConfidenceArgument(FunctionCallInfo fcinfo, int argument);
extern void CsWorthOpenLines(CsPurchasesRequest *r, const CsWorthVersion *v, const char *model,
							 const char *source, const TimestampTz *as_of);

#endif							/* CUSTSEG_VALUE_WORTH_H */
