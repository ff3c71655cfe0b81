/*
 * lifetime.c
 *	  What a customer is worth: purchases to come, discounted, times what is spent on each.
 *
 * Months are twelfths of 365.25 days.  What is expected in a month counts as if it came at its end; the
 * last month may be a part of one.
 */
#include "custseg.h"

#include <math.h>

#include "stat/lifetime.h"

/* The purchases of each month, discounted; the last month ends with the horizon. */
static double
Discounted(const CsWorthModel *m, const CsPurchaseHistory *h, const CsHorizon *horizon)
{
	double		rate = log1p(horizon->discount) / 12,
				months = horizon->days / CS_MONTH_DAYS,
				last = 0,
				sum = 0;

	for (double month = 1; month < months + 1; month++)
	{
		double		end = Min(month, months),
					expected = m->purchases->expected(m->p, h, end * CS_MONTH_DAYS / m->unit);

		sum += (expected - last) * exp(-rate * end);
		last = expected;
	}
	return sum;
}

/* What a customer with a history is worth. */
CsWorth
CsWorthOf(const CsWorthModel *m, const CsPurchaseHistory *h, const CsHorizon *horizon)
{
	CsWorth		worth = {.alive = m->alive->alive(m->alive_p, h)};

	if (isinf(horizon->days))
	{
		worth.purchases = NAN;
		worth.discounted = CsParetoResidual(m->p, h, log1p(horizon->discount) * m->unit / CS_YEAR_DAYS);
		return worth;
	}
	worth.purchases = m->purchases->expected(m->p, h, horizon->days / m->unit);
	worth.discounted = horizon->discount == 0 ? worth.purchases : Discounted(m, h, horizon);
	return worth;
}

/* What a customer with so many repeats, of that mean amount, spends on a day with a purchase; NaN: not known. */
double
CsSpendOf(const CsWorthModel *m, double repeats, double mean)
{
	switch (m->spend)
	{
		case CS_SPEND_CONSTANT:
			return m->spend_p[0];
		case CS_SPEND_GAMMA_GAMMA:
			/* of amounts that the model does not know nothing is told, as without repeats */
			return repeats > 0 && mean > 0 ? CsGammaGammaMean(m->spend_p, repeats, mean) :
				CsGammaGammaMean(m->spend_p, 0, 0);
		default:
			return NAN;
	}
}
