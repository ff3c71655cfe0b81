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

#define SMALLEST_MOVE 1e-14	/* of a slope, relative to it or to 1 */

enum
{
	P_R, P_ALPHA, P_S, P_BETA, NPARAMETERS
};

/* What the hypergeometric function 2F1(1, b; c; z) depends on. */
enum
{
	F_B, F_C, F_Z, NARGUMENTS
};

/* A coefficient e z of Gauss's continued fraction, and OUT its slopes along b, c and z where asked for. */
static double
GaussCoefficient(double b, double c1, double z, int64 n, double *slope)
{
	double		c = c1 - 1,
				k = (double) (n / 2),
				e = n == 1 ? b / (c + 1) :
		n % 2 == 1 ? (b + k) * (c + k) / ((c + 2 * k) * (c + 2 * k + 1)) :
		k * (c - b + k) / ((c + 2 * k - 1) * (c + 2 * k));

	if (slope == NULL)
		return e * z;
	slope[F_Z] = e;
	if (n == 1)
	{
		slope[F_B] = z / (c + 1);
		slope[F_C] = -e * z / (c + 1);
	}
	else if (n % 2 == 1)
	{
		slope[F_B] = e * z / (b + k);
		slope[F_C] = e * z * (1 / (c + k) - 1 / (c + 2 * k) - 1 / (c + 2 * k + 1));
	}
	else
	{
		slope[F_B] = -e * z / (c - b + k);
		slope[F_C] = e * z * (1 / (c - b + k) - 1 / (c + 2 * k - 1) - 1 / (c + 2 * k));
	}
	return e * z;
}

/*
 * The logarithm of 2F1(1, b; c; z), 0 <= z < 1, 0 < b < c: Gauss's continued fraction
 * 1 / (1 - e1 z / (1 - e2 z / ...)) by Lentz' method as modified by Thompson and Barnett.  OUT its slopes
 * along b, c and z, unless that is NULL: each step of the method is differentiated.
 */
static double
LogGaussFraction(double b, double c, double z, double *slope)
{
	double		tiny = DBL_MIN / DBL_EPSILON,
				numerator = 1,
				denominator = 0,
				result = 1,
				change = 0,
				ez_slope[NARGUMENTS],
				numerator_slope[NARGUMENTS] = {0},
				denominator_slope[NARGUMENTS] = {0},
				log_slope[NARGUMENTS] = {0},
				moved = 0;

	/* the value of 1 - e1 z / (1 - e2 z / ...), whose inverse is wanted */
	for (int64 n = 1; fabs(change - 1) > DBL_EPSILON || moved > SMALLEST_MOVE; n++)
	{
		double		ez = GaussCoefficient(b, c, z, n, slope == NULL ? NULL : ez_slope),
					last_numerator = numerator,
					last_denominator = denominator;

		CsCheckInterrupts(n);
		denominator = 1 - ez * denominator;
		denominator = 1 / (fabs(denominator) < tiny ? tiny : denominator);
		numerator = 1 - ez / numerator;
		numerator = fabs(numerator) < tiny ? tiny : numerator;
		change = numerator * denominator;
		result *= change;
		moved = 0;
		for (int i = 0; slope != NULL && i < NARGUMENTS; i++)
		{
			double		move;

			denominator_slope[i] = denominator * denominator *
				(ez_slope[i] * last_denominator + ez * denominator_slope[i]);
			numerator_slope[i] = (ez * numerator_slope[i] / last_numerator - ez_slope[i]) / last_numerator;
			move = numerator_slope[i] / numerator + denominator_slope[i] / denominator;
			log_slope[i] += move;
			moved = Max(moved, fabs(move) / Max(fabs(log_slope[i]), 1));
		}
	}
	for (int i = 0; slope != NULL && i < NARGUMENTS; i++)
		slope[i] = -log_slope[i];
	return -log(result);
}

/*
 * The logarithm of the integral from t on, without its factor s / (r + s + x), and OUT its slopes along the
 * parameters unless that is NULL.
 */
static double
LogIntegral(const double *p, double x, double t, double *slope)
{
	double		rate = p[P_R] + x,
				from = p[P_ALPHA] + t,
				to = p[P_BETA] + t,
				c = rate + p[P_S] + 1,
				log_from = log(from),
				log_to = log(to),
				f[NARGUMENTS],
				z,
				value;

	if (p[P_ALPHA] >= p[P_BETA])
	{
		z = (p[P_ALPHA] - p[P_BETA]) / from;
		value = -rate * log_from - p[P_S] * log_to + LogGaussFraction(rate, c, z, slope == NULL ? NULL : f);
		if (slope == NULL)
			return value;
		slope[P_R] = -log_from + f[F_B] + f[F_C];
		slope[P_ALPHA] = (-rate + f[F_Z] * (1 - z)) / from;
		slope[P_S] = -log_to + f[F_C];
		slope[P_BETA] = -p[P_S] / to - f[F_Z] / from;
		return value;
	}
	z = (p[P_BETA] - p[P_ALPHA]) / to;
	value = -(rate - 1) * log_from - (p[P_S] + 1) * log_to +
		LogGaussFraction(p[P_S] + 1, c, z, slope == NULL ? NULL : f);
	if (slope == NULL)
		return value;
	slope[P_R] = -log_from + f[F_C];
	slope[P_ALPHA] = -(rate - 1) / from - f[F_Z] / to;
	slope[P_S] = -log_to + f[F_B] + f[F_C];
	slope[P_BETA] = (-(p[P_S] + 1) + f[F_Z] * (1 - z)) / to;
	return value;
}

/* The logarithm of the first part of a customer's likelihood: still there. */
static double
LogThere(const double *p, const CsPurchaseHistory *h)
{
	return -(p[P_R] + h->repeats) * log(p[P_ALPHA] + h->age) - p[P_S] * log(p[P_BETA] + h->age);
}

/* The logarithm of the second part: gone, by the logarithms of the integrals from the last purchase, and from now. */
static double
LogGone(const double *p, const CsPurchaseHistory *h, double from, double to)
{
	return to >= from ? -INFINITY :
		log(p[P_S]) - log(p[P_R] + p[P_S] + h->repeats) + from + log(-expm1(to - from));
}

/* OUT the logarithms of two parts of a customer's likelihood: still there, and gone. */
static void
LogParts(const double *p, const CsPurchaseHistory *h, double *there, double *gone)
{
	double		from = LogIntegral(p, h->repeats, h->recency, NULL),
				to = LogIntegral(p, h->repeats, h->age, NULL);

	*there = LogThere(p, h);
	*gone = LogGone(p, h, from, to);
}

/*
 * The logarithm of a customer's likelihood but for what depends on the repeats alone, whose slopes along the
 * parameters are added to "gradient" with a weight.
 */
static double
LogCustomer(const double *p, const CsPurchaseHistory *h, double weight, double *gradient)
{
	double		from_slope[NPARAMETERS],
				to_slope[NPARAMETERS],
				there_slope[NPARAMETERS],
				from = LogIntegral(p, h->repeats, h->recency, from_slope),
				to = LogIntegral(p, h->repeats, h->age, to_slope),
				there = LogThere(p, h),
				gone = LogGone(p, h, from, to),
				chance = 1 / (1 + exp(gone - there)),
				steep = to >= from ? 0 : 1 / expm1(from - to);

	there_slope[P_R] = -log(p[P_ALPHA] + h->age);
	there_slope[P_ALPHA] = -(p[P_R] + h->repeats) / (p[P_ALPHA] + h->age);
	there_slope[P_S] = -log(p[P_BETA] + h->age);
	there_slope[P_BETA] = -p[P_S] / (p[P_BETA] + h->age);
	for (int i = 0; i < NPARAMETERS; i++)
	{
		double		gone_slope = from_slope[i] + steep * (from_slope[i] - to_slope[i]);

		if (i == P_R || i == P_S)
			gone_slope -= 1 / (p[P_R] + p[P_S] + h->repeats);
		if (i == P_S)
			gone_slope += 1 / p[P_S];
		gradient[i] += weight * (chance * there_slope[i] + (1 - chance) * gone_slope);
	}
	return Max(there, gone) + log1p(exp(-fabs(there - gone)));
}

/* The mean log-likelihood, and its gradient. */
static double
Likelihood(const double *theta, double *gradient, void *state)
{
	CsPurchaseData *data = state;
	double		p[NPARAMETERS],
				sums[NPARAMETERS] = {0},
			   *rising = data->scratch,
			   *rising_slope = rising + data->max_repeats + 2,
				likelihood = 0;

	for (int i = 0; i < NPARAMETERS; i++)
		p[i] = exp(theta[i]);
	CsRisingSums(p[P_R], data->max_repeats, rising, rising_slope);
	for (int64 i = 0; i < data->n_groups; i++)
	{
		const CsPurchaseGroup *g = &data->group[i];
		CsPurchaseHistory h = {g->repeats, g->recency / data->unit, g->age / data->unit};
		double		n = (double) g->n;

		CsCheckInterrupts(i);
		likelihood += n * (rising[g->repeats] + LogCustomer(p, &h, n, sums));
		sums[P_R] += n * rising_slope[g->repeats];
	}
	for (int i = 0; i < NPARAMETERS; i++)
		sums[i] /= (double) data->n;
	sums[P_R] += theta[P_ALPHA];
	sums[P_ALPHA] += p[P_R] / p[P_ALPHA];
	sums[P_S] += theta[P_BETA];
	sums[P_BETA] += p[P_S] / p[P_BETA];
	for (int i = 0; i < NPARAMETERS; i++)
		gradient[i] = sums[i] * p[i];
	return likelihood / (double) data->n + p[P_R] * theta[P_ALPHA] + p[P_S] * theta[P_BETA];
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

/* The purchases in t units of a customer who is there: the mean rate, times the mean time that the customer stays. */
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
 * (Fader, Hardie, Lee 2005) over the probability that the customer is.
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
