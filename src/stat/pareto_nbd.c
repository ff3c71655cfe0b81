/*
 * pareto_nbd.c
 *	  Pareto/NBD (Schmittlein, Morrison, Colombo 1987; Fader, Hardie 2005): a customer buys at a rate
 *	  that is gamma(r, alpha) distributed, and leaves at a rate that is gamma(s, beta) distributed.
 *
 * The likelihood has the integral over the moment of leaving as a difference of two hypergeometric
 * functions 2F1(1, B; C; z), which Gauss's continued fraction computes in at most some hundred steps;
 * its power series would take millions where alpha and beta are far apart, and the published form with
 * 2F1(r + s + x, s + 1; ...) overflows where x is large.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_sf_gamma.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/purchases.h"

#define DIFFERENCE 1e-5			/* of a logarithm of a parameter, for the gradient */

enum
{
	P_R, P_ALPHA, P_S, P_BETA
};

/*
 * 2F1(1, B; C; z), 0 <= z < 1, 0 < B < C: Gauss's continued fraction 1 / (1 - e1 z / (1 - e2 z / ...)) by
 * Lentz' method as modified by Thompson and Barnett.
 */
static double
GaussFraction(double b, double c1, double z)
{
	double		c = c1 - 1,
				tiny = DBL_MIN / DBL_EPSILON,
				numerator = 1,
				denominator = 0,
				result = 1,
				change = 0;

	/* the value of 1 - e1 z / (1 - e2 z / ...), whose inverse is wanted */
	for (int64 n = 1; fabs(change - 1) > DBL_EPSILON; n++)
	{
		double		k = (double) (n / 2),
					e = n == 1 ? b / (c + 1) :
			n % 2 == 1 ? (b + k) * (c + k) / ((c + 2 * k) * (c + 2 * k + 1)) :
			k * (c - b + k) / ((c + 2 * k - 1) * (c + 2 * k));

		CsCheckInterrupts(n);
		denominator = 1 - e * z * denominator;
		denominator = 1 / (fabs(denominator) < tiny ? tiny : denominator);
		numerator = 1 - e * z / numerator;
		numerator = fabs(numerator) < tiny ? tiny : numerator;
		change = numerator * denominator;
		result *= change;
	}
	return 1 / result;
}

/* The logarithm of the integral from t on, without its factor s / (r + s + x). */
static double
LogIntegral(const double *p, double x, double t)
{
	double		rate = p[P_R] + x,
				from = p[P_ALPHA] + t,
				to = p[P_BETA] + t,
				c = rate + p[P_S] + 1;

	if (p[P_ALPHA] >= p[P_BETA])
		return -rate * log(from) - p[P_S] * log(to) +
			log(GaussFraction(rate, c, (p[P_ALPHA] - p[P_BETA]) / from));
	return -(rate - 1) * log(from) - (p[P_S] + 1) * log(to) +
		log(GaussFraction(p[P_S] + 1, c, (p[P_BETA] - p[P_ALPHA]) / to));
}

/* OUT the logarithms of two parts of a customer's likelihood: still there, and gone. */
static void
LogParts(const double *p, const CsPurchaseHistory *h, double *there, double *gone)
{
	double		from = LogIntegral(p, h->repeats, h->recency),
				to = LogIntegral(p, h->repeats, h->age);

	*there = -(p[P_R] + h->repeats) * log(p[P_ALPHA] + h->age) - p[P_S] * log(p[P_BETA] + h->age);
	*gone = to >= from ? -INFINITY :
		log(p[P_S]) - log(p[P_R] + p[P_S] + h->repeats) + from + log(-expm1(to - from));
}

/* The mean log-likelihood. */
static double
MeanLikelihood(const double *theta, CsPurchaseData *data)
{
	double		p[4] = {exp(theta[0]), exp(theta[1]), exp(theta[2]), exp(theta[3])},
			   *rising = data->scratch,
			   *slope = rising + data->max_repeats + 2,
				likelihood = 0;

	CsRisingSums(p[P_R], data->max_repeats, rising, slope);
	for (int64 i = 0; i < data->n_groups; i++)
	{
		const CsPurchaseGroup *g = &data->group[i];
		CsPurchaseHistory h = {g->repeats, g->recency / data->unit, g->age / data->unit};
		double		there,
					gone;

		CsCheckInterrupts(i);
		LogParts(p, &h, &there, &gone);
		likelihood += (double) g->n *
			(rising[g->repeats] + p[P_R] * theta[P_ALPHA] + p[P_S] * theta[P_BETA] +
			 Max(there, gone) + log1p(exp(-fabs(there - gone))));
	}
	return likelihood / (double) data->n;
}

/* The mean log-likelihood, and its gradient by central differences. */
static double
Likelihood(const double *theta, double *gradient, void *state)
{
	double		moved[4];

	memcpy(moved, theta, sizeof(moved));
	for (int i = 0; i < 4; i++)
	{
		double		above,
					below;

		moved[i] = theta[i] + DIFFERENCE;
		above = MeanLikelihood(moved, state);
		moved[i] = theta[i] - DIFFERENCE;
		below = MeanLikelihood(moved, state);
		gradient[i] = (above - below) / (2 * DIFFERENCE);
		moved[i] = theta[i];
	}
	return MeanLikelihood(theta, state);
}

/* The probability that a customer has not left. */
static double
Alive(const double *p, const CsPurchaseHistory *h)
{
	double		there,
				gone;

	LogParts(p, h, &there, &gone);
	return 1 / (1 + exp(gone - there));
}

/* The purchases in t units of a customer who is there: the mean rate, times the mean time that he stays. */
static double
ToCome(const double *p, double repeats, double age, double t)
{
	double		beta = p[P_BETA] + age,
				log_ratio = -log1p(t / beta),
				stays = p[P_S] == 1 ? -log_ratio :
		-expm1((p[P_S] - 1) * log_ratio) / (p[P_S] - 1);

	return (p[P_R] + repeats) / (p[P_ALPHA] + age) * beta * stays;
}

/* e^y E_s(y), the exponential integral of order s > 0, y > 0: e^y y^(s - 1) Gamma(1 - s, y). */
static double
ScaledExponentialIntegral(double s, double y)
{
	gsl_sf_result gamma;

	if (y >= 1)
		return CsGammaFraction(1 - s, y);
	if (gsl_sf_gamma_inc_e(1 - s, y, &gamma) != GSL_SUCCESS)
		elog(ERROR, "gsl_sf_gamma_inc(%g, %g) failed", 1 - s, y);
	return exp(y) * pow(y, s - 1) * gamma.val;
}

/*
 * All purchases to come of a customer who is there, each discounted at a continuous rate per unit: DERT
 * (Fader, Hardie, Lee 2005) over the probability that he is.
 */
double
CsParetoResidual(const double *p, double repeats, double age, double rate)
{
	double		beta = p[P_BETA] + age;

	return (p[P_R] + repeats) / (p[P_ALPHA] + age) * beta * ScaledExponentialIntegral(p[P_S], rate * beta);
}

const CsPurchaseModel CsParetoNbd = {
	"pareto_nbd", 4, {"r", "alpha", "s", "beta"}, 2,
	{{-.693, 2.303, -.693, 2.303}, {0, 1.36, 0, 3.66}}, 1 << P_ALPHA | 1 << P_BETA,
	Likelihood, Alive, ToCome
};
