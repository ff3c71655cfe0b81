/*
 * lifetime.h
 *	  What a customer is worth: purchases to come, discounted, times what is spent on each.
 */
#ifndef CUSTSEG_STAT_LIFETIME_H
#define CUSTSEG_STAT_LIFETIME_H

#include "stat/purchases.h"

typedef enum CsSpendKind
{
	CS_SPEND_NONE,				/* there are no amounts */
	CS_SPEND_CONSTANT,			/* all customers spend the same: parameter 0 */
	CS_SPEND_GAMMA_GAMMA
} CsSpendKind;


/* What was fitted, as far as predictions need it. */
typedef struct CsWorthModel
{
	const CsPurchaseModel *purchases;
	double		p[CS_OPTIMUM_MAX];
	const CsPurchaseModel *alive;	/* by which customers are told to be there; may be another one */
	double		alive_p[CS_OPTIMUM_MAX];
	CsSpendKind spend;
	double		spend_p[CS_SPEND_PARAMETERS];
	double		unit;			/* days */
} CsWorthModel;

/* How far ahead. */
typedef struct CsHorizon
{
	double		days;			/* infinite: all that is to come */
	double		discount;		/* of a year */
} CsHorizon;

typedef struct CsWorth
{
	double		alive;			/* probability */
	double		purchases;		/* expected within the horizon; infinite where they are without it */
	double		discounted;		/* the same, each worth what it is worth today */
} CsWorth;

/* The purchases to come of a customer who is there, which follow from repeats and age alone. */
typedef struct CsToCome
{
	double		purchases;		/* expected within the horizon; NaN where it is infinite, as the errors are then */
	double		discounted;
	/* errors, where asked for */
	double		pairs;			/* expected ordered pairs of purchases: E[Y(Y - 1)] */
	double		slope[CS_OPTIMUM_MAX];	/* of the purchases, by the logarithms of the parameters */
} CsToCome;

/* What many customers are worth; lifetime.c knows what is in it. */
typedef struct CsWorthMemory CsWorthMemory;

/* A step of the logarithm of a parameter, for slopes. */
#define CS_LOG_STEP 1e-4

#define CS_YEAR_DAYS 365.25
#define CS_MONTH_DAYS (CS_YEAR_DAYS / 12)

extern CsWorth CsWorthOf(const CsWorthModel *m, const CsPurchaseHistory *h, const CsHorizon *horizon);
extern void CsNearParameters(const double *p, int parameter, double near[2][CS_OPTIMUM_MAX]);
extern CsToCome CsToComeOf(const CsWorthModel *m, double repeats, double age, const CsHorizon *horizon,
						   bool with_errors);
extern CsWorthMemory *CsWorthRemember(const CsWorthModel *m, const CsHorizon *horizon, bool with_errors);
extern const CsToCome *CsToComeOfDays(CsWorthMemory *memory, int32 repeats, int32 age);
extern CsWorth CsWorthOfDays(CsWorthMemory *memory, int32 repeats, int32 recency, int32 age);
extern double CsSpendOf(const CsWorthModel *m, double repeats, double mean);

#endif							/* CUSTSEG_STAT_LIFETIME_H */
