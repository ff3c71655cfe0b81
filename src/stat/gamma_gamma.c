/*
 * gamma_gamma.c
 *	  The gamma-gamma model of spend (Fader, Hardie 2013): amounts of a customer are gamma(p, v)
 *	  distributed, and v is gamma(q, g) distributed among customers.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_sf_psi.h>

#include "miscadmin.h"
#include "stat/purchases.h"

#define BOUND 10

/*
 * A logarithm is taken of the product of so many totals.  None is below e^-BOUND, and none above the repeats
 * of a customer times the number of customers, so that such a product stays a number.
 */
#define FACTORS 8

enum
{
	P_P, P_Q, P_G
};

const char *const CsSpendParameters[CS_SPEND_PARAMETERS] = {"p", "q", "g"};

/* Customers with the same number of repeats. */
typedef struct Group
{
	double		repeats;
	int64		first,
				end;			/* of the data */
	double		log_sum;		/* of logarithms of the means, scaled */
} Group;

typedef struct Fitting
{
	const CsSpendData *data;
	double		scale;			/* what the means are divided by */
	int64		n_groups;
	Group	   *groups;
} Fitting;

/* OUT of the totals g + x z of a group: the sum of their logarithms and that of their inverses. */
static void
AddTotals(const Fitting *f, const Group *group, double g, double *logs, double *inverses)
{
	const CsSpend *spend = f->data->spend;
	double		by_mean = group->repeats / f->scale;

	*logs = *inverses = 0;
	for (int64 k = group->first; k < group->end;)
	{
		int64		end = Min(k + FACTORS, group->end);
		double		product = 1;

		CsCheckInterrupts(k);
		for (; k < end; k++)
		{
			double		total = g + by_mean * spend[k].mean;

			product *= total;
			*inverses += 1 / total;
		}
		*logs += log(product);
	}
}

/*
 * The mean log-likelihood and its gradient by the logarithms of p, q and g, of means that are scaled.  What
 * depends on the repeats alone is computed once for a group.
 */
static double
Likelihood(const double *theta, double *gradient, void *state)
{
	const Fitting *fitting = state;
	double		p = exp(theta[P_P]),
				q = exp(theta[P_Q]),
				g = exp(theta[P_G]),
				likelihood = 0,
				by[3] = {0},
				log_gamma_q = lgamma(q),
				psi_q = gsl_sf_psi(q),
				n = (double) fitting->data->n;

	for (int64 i = 0; i < fitting->n_groups; i++)
	{
		const Group *group = &fitting->groups[i];
		double		x = group->repeats,
					shape = p * x,
					log_x = log(x),
					psi_both = gsl_sf_psi(shape + q),
					members = (double) (group->end - group->first),
					log_totals,
					inverses;

		AddTotals(fitting, group, g, &log_totals, &inverses);
		likelihood += members * (lgamma(shape + q) - lgamma(shape) - log_gamma_q + q * theta[P_G] + shape * log_x) +
			(shape - 1) * group->log_sum - (shape + q) * log_totals;
		by[P_P] += x * (members * (psi_both - gsl_sf_psi(shape) + log_x) + group->log_sum - log_totals);
		by[P_Q] += members * (psi_both - psi_q + theta[P_G]) - log_totals;
		by[P_G] += members * q / g - (shape + q) * inverses;
	}
	gradient[P_P] = by[P_P] * p / n;
	gradient[P_Q] = by[P_Q] * q / n;
	gradient[P_G] = by[P_G] * g / n;
	return likelihood / n;
}

/* Group the customers, who are ordered by their repeats; the groups are palloc'd. */
static void
MakeGroups(Fitting *f)
{
	const CsSpend *spend = f->data->spend;
	int64		n = f->data->n;

	f->n_groups = 0;
	for (int64 i = 0; i < n; i++)
		f->n_groups += i == 0 || spend[i].repeats != spend[i - 1].repeats;
	f->groups = palloc(sizeof(Group) * f->n_groups);
	f->n_groups = 0;
	for (int64 i = 0; i < n; i++)
	{
		if (i == 0 || spend[i].repeats != spend[i - 1].repeats)
			f->groups[f->n_groups++] = (Group) {spend[i].repeats, i, i, 0};
		f->groups[f->n_groups - 1].end++;
		f->groups[f->n_groups - 1].log_sum += log(spend[i].mean / f->scale);
	}
}

/* Customers at equal steps, who are ordered; palloc'd. */
static CsSpendData
ThinOut(const CsSpendData *data, int64 step)
{
	CsSpend    *spend = palloc(sizeof(CsSpend) * (data->n / step + 1));
	CsSpendData thin = {0, spend};

	for (int64 i = step / 2; i < data->n; i += step)
		spend[thin.n++] = data->spend[i];
	return thin;
}

/* The best maximum of the mean log-likelihood of means that are divided by "scale". */
static CsOptimum
Maximise(const CsSpendData *data, double scale)
{
	static const double start[2][CS_OPTIMUM_MAX] = {{0, 1, 0}, {1.8, 1.3, -.8}};
	Fitting		all = {data, scale},
				some;
	CsObjective f = {CS_SPEND_PARAMETERS, BOUND, Likelihood, &all},
				part = f;
	CsSpendData thin;
	CsOptimum	best;

	MakeGroups(&all);
	if (data->n < 2 * CS_OPTIMUM_PART)
		best = CsMaximiseFromStarts(&f, lengthof(start), start);
	else
	{
		thin = ThinOut(data, data->n / CS_OPTIMUM_PART);
		some = (Fitting) {&thin, scale};
		MakeGroups(&some);
		part.state = &some;
		best = CsMaximiseByPart(&f, &part, lengthof(start), start);
		pfree(some.groups);
		pfree(unconstify(CsSpend *, thin.spend));
	}
	pfree(all.groups);
	return best;
}

/*
 * The fit to customers who are ordered by their repeats.  OUT p, q and g, the last in units of the means; the
 * value of the result is the mean log-likelihood of the means as they are.
 */
CsOptimum
CsGammaGammaFit(const CsSpendData *data, double *p)
{
	double		sum = 0,
				rest = 0,
				scale;
	CsOptimum	best;

	for (int64 i = 0; i < data->n; i++)
		CsAddCompensated(&sum, &rest, data->spend[i].mean);
	scale = (sum + rest) / (double) data->n;
	best = Maximise(data, scale);
	p[P_P] = exp(best.theta[P_P]);
	p[P_Q] = exp(best.theta[P_Q]);
	p[P_G] = exp(best.theta[P_G]) * scale;
	best.value -= log(scale);
	return best;
}

/*
 * What a customer spends on a day with a purchase, on average: NaN for one without repeats where the
 * population has no mean (q <= 1).
 */
double
CsGammaGammaMean(const double *p, double repeats, double mean)
{
	if (repeats == 0 && p[P_Q] <= 1)
		return NAN;
	return p[P_P] * (p[P_G] + (repeats == 0 ? 0 : repeats * mean)) / (p[P_P] * repeats + p[P_Q] - 1);
}
