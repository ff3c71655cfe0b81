/*
 * worth_sum.c
 *	  What many customers are worth together, and how far their sum may be off.
 *
 * What comes of a sum of customers differs from what is expected of it for three reasons, whose variances add
 * up.  What comes to single customers has nothing to do with each other: their variances add up, and of many
 * customers hardly anything is left of them, measured by the sum.  The parameters are known but roughly, which
 * all customers share: by the delta method this is the variance of the sum's linear function of the
 * logarithms of the parameters.  And the model is not what the customers follow: a holdout tells how far its
 * sum was off beyond the first two.
 *
 * The variance of a customer's purchases Y follows from the chance that the customer is there, and the purchases and
 * the pairs of them that are to come then (lifetime.c): E[Y^2] = E[Y(Y - 1)] + E[Y].
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include <gsl/gsl_cdf.h>

#include "stat/worth_sum.h"

/*
 * Where the gamma-gamma model has no variance of a customer's mean spend, or a very large one, this many times the
 * square of the mean stands for it; what a holdout was off by then corrects all.
 */
#define MOST_SPEND_VARIATION 4

/* From which chance of being there on nobody knows whether a customer has left, and up to which. */
#define LEAVING_FROM 0.2
#define LEAVING_UPTO 0.8

#define BISECTIONS 200

enum
{
	SPEND_P, SPEND_Q
};

/* A customer: what is expected, and how it changes with the logarithms of the parameters. */
typedef struct Expected
{
	double		there;			/* by the model that predicts purchases */
	double		alive;			/* as it is told */
	double		purchases;
	double		discounted;		/* each of them, on average */
	double		variance;		/* of the purchases */
	double		slope[CS_OPTIMUM_MAX];
	double		alive_slope[CS_OPTIMUM_MAX];
} Expected;

/* OUT how the probability of being there changes. */
static void
AliveSlopes(const CsPurchaseModel *model, const double *p, const CsPurchaseHistory *h, double *slope)
{
	double		near[2][CS_OPTIMUM_MAX];

	for (int i = 0; i < model->n_parameters; i++)
	{
		CsNearParameters(p, i, near);
		slope[i] = (model->alive(near[1], h) - model->alive(near[0], h)) / CS_LOG_STEP;
	}
}

/* What is expected of a customer. */
static Expected
ExpectedOf(const CsWorthModel *m, const CsPurchaseHistory *h, const CsToCome *to_come)
{
	Expected	e = {m->purchases->alive(m->p, h), m->alive->alive(m->alive_p, h)};
	double		there_slope[CS_OPTIMUM_MAX] = {0};

	e.purchases = e.there * to_come->purchases;
	e.discounted = to_come->purchases > 0 ? to_come->discounted / to_come->purchases : 0;
	e.variance = Max(e.there * to_come->pairs + e.purchases - e.purchases * e.purchases, 0);
	AliveSlopes(m->purchases, m->p, h, there_slope);
	AliveSlopes(m->alive, m->alive_p, h, e.alive_slope);
	for (int i = 0; i < CS_OPTIMUM_MAX; i++)
		e.slope[i] = there_slope[i] * to_come->purchases + e.there * to_come->slope[i];
	return e;
}

/* Add what is expected of somebody, and its variance. */
void
CsWorthPartAdd(CsWorthPart *p, double expected, double variance)
{
	CsAddCompensated(&p->sum, &p->rest, expected);
	p->variance += variance;
}

/* The variance of a customer's mean spend, as a share of the square of what is expected of it. */
static double
SpendVariation(const CsWorthModel *m, double repeats, double mean)
{
	double		shape;

	if (m->spend != CS_SPEND_GAMMA_GAMMA)
		return 0;
	shape = m->spend_p[SPEND_P] * (repeats > 0 && mean > 0 ? repeats : 0) + m->spend_p[SPEND_Q];
	return 1 / Max(shape - 2, 1.0 / MOST_SPEND_VARIATION);
}

/* True for a customer of whom nobody knows whether they have left: who can still be kept. */
static bool
IsLeaving(const Expected *e)
{
	return e->alive >= LEAVING_FROM && e->alive <= LEAVING_UPTO;
}

/* Add the value of a customer: of so many purchases today, spending so much on each. */
static void
AddValue(CsWorthSum *s, const CsWorthModel *m, const Expected *e, double discounted, double repeats, double mean,
		 double spend)
{
	CsWorthPart *p = &s->part[CS_WORTH_VALUE];
	double		value = e->there * discounted * spend,
				each = e->discounted * spend,
				at_risk = discounted * spend * (1 - e->alive),
				variation = SpendVariation(m, repeats, mean),
				within = m->spend == CS_SPEND_GAMMA_GAMMA ? 1 / m->spend_p[SPEND_P] : 0;

	/* of a sum of as many amounts, which differ within the customer, of a mean that is not known for sure */
	CsWorthPartAdd(p, value, each * each * ((1 + variation) * (e->variance + e->purchases * within) +
											e->purchases * e->purchases * variation));
	for (int i = 0; i < CS_OPTIMUM_MAX; i++)
		p->slope[i] += e->slope[i] * each;
	for (int i = 0; i < CS_SPEND_PARAMETERS && m->spend == CS_SPEND_GAMMA_GAMMA; i++)
	{
		CsWorthModel lower = *m,
					higher = *m;

		lower.spend_p[i] *= exp(-CS_LOG_STEP / 2);
		higher.spend_p[i] *= exp(CS_LOG_STEP / 2);
		p->spend_slope[i] += e->there * discounted *
			(CsSpendOf(&higher, repeats, mean) - CsSpendOf(&lower, repeats, mean)) / CS_LOG_STEP;
	}
	s->at_risk += at_risk;
	s->leaving_at_risk += IsLeaving(e) ? at_risk : 0;
}

/* Add a customer with a history, what is to come of it if it is there (with errors), and the mean of its amounts. */
void
CsWorthSumAdd(CsWorthSum *s, const CsWorthModel *m, const CsPurchaseHistory *h, const CsToCome *to_come, double mean)
{
	Expected	e = ExpectedOf(m, h, to_come);
	CsWorthPart *purchases = &s->part[CS_WORTH_PURCHASES],
			   *alive = &s->part[CS_WORTH_ALIVE];
	double		spend = CsSpendOf(m, h->repeats, mean);

	s->n++;
	s->n_leaving += IsLeaving(&e);
	s->n_left += e.alive < LEAVING_FROM;
	CsWorthPartAdd(purchases, e.purchases, e.variance);
	CsWorthPartAdd(alive, e.alive, e.alive * (1 - e.alive));
	for (int i = 0; i < CS_OPTIMUM_MAX; i++)
	{
		purchases->slope[i] += e.slope[i];
		alive->slope[i] += e.alive_slope[i];
	}
	if (isnan(spend))
		s->n_unknown++;
	else
		AddValue(s, m, &e, to_come->discounted, h->repeats, mean, spend);
}

/* Add up the sums of two sets of customers. */
void
CsWorthSumJoin(CsWorthSum *to, const CsWorthSum *from)
{
	to->n += from->n;
	to->n_unknown += from->n_unknown;
	to->at_risk += from->at_risk;
	to->n_leaving += from->n_leaving;
	to->n_left += from->n_left;
	to->leaving_at_risk += from->leaving_at_risk;
	for (int i = 0; i < CS_WORTH_MEASURES; i++)
	{
		CsWorthPart *p = &to->part[i];
		const CsWorthPart *q = &from->part[i];

		CsWorthPartAdd(p, q->sum, q->variance);
		p->rest += q->rest;
		for (int j = 0; j < CS_OPTIMUM_MAX; j++)
			p->slope[j] += q->slope[j];
		for (int j = 0; j < CS_SPEND_PARAMETERS; j++)
			p->spend_slope[j] += q->spend_slope[j];
	}
}

/*
 * Correct the errors of a measure by a holdout: whether single customers differ from what was expected of them by
 * more than the model has it, and how far their sum was off beyond what it has.
 */
void
CsWorthErrorsCorrect(CsWorthErrors *e, CsWorthMeasure measure, const CsWorthHoldout *h)
{
	double		off = h->predicted - h->actual,
				beyond;

	if (h->variance > 0)
		e->dispersion[measure] = Max(h->n * h->rmse * h->rmse / h->variance, 1);
	beyond = off * off - e->dispersion[measure] * h->variance - h->parameter_variance;
	if (h->predicted > 0 && beyond > 0)
		e->bias[measure] = sqrt(beyond) / h->predicted;
}

/* The variance of a linear function with these slopes. */
static double
QuadraticForm(int n, const double *slope, const double *covariance)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			sum += slope[i] * covariance[i * n + j] * slope[j];
	return Max(sum, 0);
}

/* The variance of a sum that comes from the parameters. */
double
CsWorthParameterVariance(const CsWorthPart *p, const CsWorthErrors *e, CsWorthMeasure measure)
{
	return QuadraticForm(CS_OPTIMUM_MAX, p->slope, measure == CS_WORTH_ALIVE ? e->alive_covariance : e->covariance) +
		QuadraticForm(CS_SPEND_PARAMETERS, p->spend_slope, e->spend_covariance);
}

/* The variance of a sum, from all that it may be off by. */
double
CsWorthVariance(const CsWorthPart *p, const CsWorthErrors *e, CsWorthMeasure measure)
{
	double		off = e->bias[measure] * CsWorthPartSum(p);

	return e->dispersion[measure] * p->variance + CsWorthParameterVariance(p, e, measure) + off * off;
}

/* A share of what is known by a mean and a variance. */
typedef double (*Distribution) (double x, double a, double b);

/* Gamma, of shape a and scale b. */
static double
GammaBelow(double x, double a, double b)
{
	return 1 - CsGammaUpper(a, x / b);
}

/* Beta. */
static double
BetaBelow(double x, double a, double b)
{
	return CsBetaLower(a, b, x, 1 - x);
}

/* Where a share of a distribution lies below, between 0 and "most": 0 where that is next to nothing of "most". */
static double
QuantileOf(Distribution below, double a, double b, double share, double most)
{
	double		low = 0,
				high = most;

	for (int i = 0; i < BISECTIONS && low < high; i++)
	{
		double		middle = low + (high - low) / 2;

		if (below(middle, a, b) < share)
			low = middle;
		else
			high = middle;
	}
	return low > 0 ? high : 0;
}

/* OUT the interval of a number, normally distributed; both NaN where the variance is not known, or infinite. */
void
CsNumberInterval(double mean, double variance, double confidence, double *low, double *high)
{
	double		off = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2) * sqrt(variance);

	*low = isfinite(off) ? mean - off : NAN;
	*high = isfinite(off) ? mean + off : NAN;
}

/* OUT the interval of a number that cannot be below 0, gamma distributed; both NaN likewise. */
void
CsPositiveInterval(double mean, double variance, double confidence, double *low, double *high)
{
	double		shape = mean * mean / variance,
				scale = variance / mean,
				doubt = (1 - confidence) / 2,
				most = mean + sqrt(variance) / sqrt(doubt);

	/* from 1e6 on the difference is in the fourth digit of what it is off by */
	if (!(variance > 0 && mean > 0 && shape < 1e6))
	{
		CsNumberInterval(mean, variance, confidence, low, high);
		return;
	}
	if (shape < DBL_MIN || isinf(scale))
	{
		*low = *high = NAN;
		return;
	}
	*low = QuantileOf(GammaBelow, shape, scale, doubt, most);
	*high = QuantileOf(GammaBelow, shape, scale, 1 - doubt, most);
}

/* OUT the interval of a share, beta distributed. */
void
CsShareInterval(double mean, double variance, double confidence, double *low, double *high)
{
	double		members = mean * (1 - mean) / variance - 1,
				doubt = (1 - confidence) / 2;

	if (!(variance > 0) || members > 1e6)
		CsNumberInterval(mean, variance, confidence, low, high);
	else if (!(members > 0))
	{
		*low = 0;
		*high = 1;
	}
	else
	{
		*low = QuantileOf(BetaBelow, members * mean, members * (1 - mean), doubt, 1);
		*high = QuantileOf(BetaBelow, members * mean, members * (1 - mean), 1 - doubt, 1);
	}
	*low = Max(*low, 0);
	*high = Min(*high, 1);
}
