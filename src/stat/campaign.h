/*
 * campaign.h
 *	  What a campaign returns, and what a segment is worth when something about it changes.
 */
#ifndef CUSTSEG_CAMPAIGN_H
#define CUSTSEG_CAMPAIGN_H

#include "custseg.h"

/* A campaign for some customers. */
typedef struct CsCampaign
{
	double		n;				/* customers */
	double		effect,			/* on each of them, in a period */
				error;			/* standard; NaN: not known */
	double		margin;			/* that one of the effect brings */
	double		fixed_cost,
				unit_cost;		/* of a customer */
	int			n_periods;		/* that count */
	double		rate,			/* by which a period discounts the next */
				decay;			/* share of the effect that is lost from one period to the next */
	double		confidence;
} CsCampaign;

/* What is NaN is not defined. */
typedef struct CsCampaignReturn
{
	double		annuity;		/* periods, discounted */
	double		gain,			/* margin that the effect brings */
				gain_error,
				cost,
				roi,
				low,			/* of its interval */
				high,
				break_even,		/* the effect that covers the cost */
				pays;			/* probability that the effect is larger */
	int			payback;		/* periods; -1: never */
} CsCampaignReturn;

extern CsCampaignReturn CsCampaignReturnOf(const CsCampaign *c);
extern void CsCampaignJudge(CsCampaignReturn *r, double confidence);

/* A segment as a business sees it. */
typedef struct CsEconomics
{
	double		n;				/* customers */
	double		orders,			/* of a customer in a period */
				average_order,
				margin,			/* share of what they spend */
				churn;			/* share of the customers who leave in a period */
} CsEconomics;

typedef struct CsHorizon
{
	int			n_periods;
	double		rate;
} CsHorizon;

/* What changes: shares of what was, but for margin and churn, to which something is added. */
typedef enum CsLever
{
	CS_LEVER_N, CS_LEVER_ORDERS, CS_LEVER_AVERAGE_ORDER, CS_LEVER_PRICE, CS_LEVER_MARGIN, CS_LEVER_CHURN,
	CS_LEVERS
} CsLever;

typedef struct CsScenario
{
	double		change[CS_LEVERS];	/* 0: none */
	double		elasticity;		/* of orders, by the price */
	const double *season;		/* factors of the orders, one a period, again and again; NULL: 1 */
	int			nseason;
} CsScenario;

extern CsEconomics CsEconomicsIn(const CsEconomics *e, const CsScenario *s);
extern double CsEconomicsValue(const CsEconomics *e, const CsHorizon *h, const CsScenario *s);

#endif							/* CUSTSEG_CAMPAIGN_H */
