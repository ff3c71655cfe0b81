/*
 * campaign.c
 *	  Return, payback and break-even of a campaign, and the value of a segment under a scenario.
 *
 * A campaign's effect lasts for some periods and fades by a share each; what comes later is discounted.  A
 * segment is worth the margin of its orders until its customers have left.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "stat/campaign.h"

/* Whatever takes longer to pay back never does. */
#define MOST_PERIODS 10000

/* What adds up to the cost but for rounding has reached it. */
#define ROUNDING 1e-12

/* What a period counts for beside the one before it. */
static double
FactorOf(const CsCampaign *c)
{
	return (1 - c->decay) / (1 + c->rate);
}

/* The sum of the factors of the periods that count. */
static double
AnnuityOf(const CsCampaign *c)
{
	double		factor = 1,
				sum = 0;

	for (int t = 0; t < c->n_periods; t++, factor *= FactorOf(c))
		sum += factor;
	return sum;
}

/* The first period at whose end the gains so far cover the cost; -1: none does. */
static int
PaybackOf(const CsCampaign *c, double cost)
{
	double		gain = c->n * c->effect * c->margin,
				sum = 0;

	if (cost == 0)
		return 0;
	for (int t = 1; t <= MOST_PERIODS; t++, gain *= FactorOf(c))
	{
		sum += gain;
		if (sum >= cost * (1 - ROUNDING))
			return t;
	}
	return -1;
}

/* Fill in what follows from gain, its error and cost: the return and its interval. */
void
CsCampaignJudge(CsCampaignReturn *r, double confidence)
{
	double		margin = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2) * r->gain_error,
				above;

	if (r->cost == 0)
		r->roi = r->low = r->high = NAN;
	else
	{
		r->roi = (r->gain - r->cost) / r->cost;
		r->low = (r->gain - margin - r->cost) / r->cost;
		r->high = (r->gain + margin - r->cost) / r->cost;
	}
	above = (r->gain - r->cost) / r->gain_error;
	r->pays = isnan(above) ? NAN : gsl_cdf_ugaussian_P(above);
}

/* What a campaign returns. */
CsCampaignReturn
CsCampaignReturnOf(const CsCampaign *c)
{
	CsCampaignReturn r = {.annuity = AnnuityOf(c)};
	double		each = c->n * c->margin * r.annuity;	/* gain for an effect of 1 */

	r.cost = c->fixed_cost + c->n * c->unit_cost;
	r.gain = each * c->effect;
	r.gain_error = each * c->error;
	r.break_even = each == 0 ? NAN : r.cost / each;
	r.payback = PaybackOf(c, r.cost);
	CsCampaignJudge(&r, c->confidence);
	return r;
}

/*
 * A segment as the scenario has it.  A price changes the orders by the elasticity, and leaves what an order
 * costs as it is.
 */
CsEconomics
CsEconomicsIn(const CsEconomics *e, const CsScenario *s)
{
	const double *change = s->change;
	double		price = 1 + change[CS_LEVER_PRICE];
	CsEconomics in = {
		.n = e->n * (1 + change[CS_LEVER_N]),
		.orders = e->orders * (1 + change[CS_LEVER_ORDERS]),
		.average_order = e->average_order * (1 + change[CS_LEVER_AVERAGE_ORDER]),
		.margin = e->margin,
		.churn = e->churn + change[CS_LEVER_CHURN]
	};

	if (change[CS_LEVER_PRICE] != 0)
	{
		in.orders *= pow(price, s->elasticity);
		in.average_order *= price;
		in.margin = (e->margin + change[CS_LEVER_PRICE]) / price;
	}
	in.margin += change[CS_LEVER_MARGIN];
	return in;
}

/* The margin of a segment's orders within the horizon, discounted; of the scenario only the season counts. */
double
CsEconomicsValue(const CsEconomics *e, const CsHorizon *h, const CsScenario *s)
{
	double		factor = 1,
				sum = 0;

	for (int t = 0; t < h->n_periods; t++, factor *= (1 - e->churn) / (1 + h->rate))
		sum += s->nseason > 0 ? factor * s->season[t % s->nseason] : factor;
	return e->n * e->orders * e->average_order * e->margin * sum;
}
