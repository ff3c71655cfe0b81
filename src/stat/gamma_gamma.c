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

/* A logarithm is taken of a product of ratios when it is so large, and of a ratio by itself that is. */
#define LARGE_PRODUCT 1e100

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

/*
 * OUT of a group: the sum of the logarithms of 1 + g / (x z), and that of the inverses of g + x z.  The former
 * is what is left of log(g + x z) where p is estimated: with the logarithms of x z, which are the same for any
 * parameters, the last digits would go, and with them how far p, q and g are found.
 */
static void
AddTotals(const Fitting *f, const Group *group, double g, double *logs, double *inverses)
{
	const CsSpend *spend = f->data->spend;
	double		by_mean = group->repeats / f->scale,
				product = 1;

	*logs = *inverses = 0;
	for (int64 k = group->first; k < group->end; k++)
	{
		double		own = by_mean * spend[k].mean,
					total = g + own,
					ratio = total / own;

		CsCheckInterrupts(k);
		*inverses += 1 / total;
		if (ratio > LARGE_PRODUCT)
		{
			*logs += log(total) - log(own);
			continue;
		}
		product *= ratio;
		if (product < LARGE_PRODUCT)
			continue;
		*logs += log(product);
		product = 1;
	}
	*logs += log(product);
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
					psi_both = gsl_sf_psi(shape + q),
					members = (double) (group->end - group->first),
					log_own = members * log(x) + group->log_sum,
					logs,
					inverses;

		AddTotals(fitting, group, g, &logs, &inverses);
		likelihood += members * (lgamma(shape + q) - lgamma(shape) - log_gamma_q) +
			q * (members * theta[P_G] - log_own) - group->log_sum - (shape + q) * logs;
		by[P_P] += x * (members * (psi_both - gsl_sf_psi(shape)) - logs);
		by[P_Q] += members * (psi_both - psi_q) + (members * theta[P_G] - log_own) - logs;
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
