/*
 * special.c
 *	  Special functions: what GSL has, with its errors made PostgreSQL's, and what it lacks.
 *
 * The upper incomplete gamma function is our own: GSL's (2.7) stops after 5,000 steps, is wrong
 * in the fourth digit at a = 450,000 and fails beyond.  Tables of thousands of levels lead there.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_log.h>

#include "math/math.h"
#include "miscadmin.h"

/* Gamma(x) divided by Stirling's formula for it, x > 0. */
double
CsGammaStar(double x)
{
	gsl_sf_result result;

	if (gsl_sf_gammastar_e(x, &result) != GSL_SUCCESS)
		elog(ERROR, "gsl_sf_gammastar(%g) failed", x);
	return result.val;
}

/* log(1 + x) - x, x > -1. */
double
CsLogMinusLinear(double x)
{
	gsl_sf_result result;

	if (gsl_sf_log_1plusx_mx_e(x, &result) != GSL_SUCCESS)
		elog(ERROR, "gsl_sf_log_1plusx_mx(%g) failed", x);
	return result.val;
}

/*
 * x^a e^-x / Gamma(a + 1) in Loader's form: no large logarithms are subtracted.  Where x is far
 * below a, (x - a) / a would lose it; but there the term is 0 unless the logarithms are small.
 */
static double
GammaTerm(double a, double x)
{
	if (x < a / 1024)
		return exp(a * log(x) - x - lgamma(a + 1));
	return exp(a * CsLogMinusLinear((x - a) / a)) / (sqrt(2 * M_PI * a) * CsGammaStar(a));
}

/* P(a, x) over its first term: 1 + x/(a + 1) + x^2/((a + 1)(a + 2)) + ...; x < a + 1. */
static double
LowerSeries(double a, double x)
{
	double		sum = 1,
				term = 1;

	for (int64 i = 1; term > sum * DBL_EPSILON / 16; i++)
	{
		CsCheckInterrupts(i);
		term *= x / (a + i);
		sum += term;
	}
	return sum;
}

/*
 * Legendre's continued fraction 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ...)), which is
 * Gamma(a, x) over x^a e^-x, by Lentz' method as modified by Thompson and Barnett.  No denominator is 0
 * where x >= a + 1, or where a < 1 <= x.
 */
double
CsGammaFraction(double a, double x)
{
	double		b = x + 1 - a,
				c = DBL_MAX,
				d = 1 / b,
				result = d,
				change = 0;

	for (int64 i = 1; fabs(change - 1) > DBL_EPSILON; i++)
	{
		double		numerator = -i * (i - a);

		CsCheckInterrupts(i);
		b += 2;
		d = 1 / (numerator * d + b);
		c = b + numerator / c;
		change = c * d;
		result *= change;
	}
	return result;
}

/*
 * The regularised upper incomplete gamma function, Gamma(a, x) / Gamma(a), for a > 0 and finite x,
 * to some 12 digits.
 */
double
CsGammaUpper(double a, double x)
{
	double		term;

	if (x <= 0)
		return 1;
	term = GammaTerm(a, x);
	if (x < a + 1)
		return Max(1 - term * LowerSeries(a, x), 0);
	if (term == 0)
		return 0;
	return Min(term * a * CsGammaFraction(a, x), 1);
}

/* From here on the law of a gamma variable is so near to that of a normal one that GSL's own steps can lead away. */
#define MANY_HALVES 500

/*
 * The x of which CsGammaUpper(a, x) is p: GSL's, and for a large a by Newton's steps from the approximation of Wilson and
 * Hilferty (The Distribution of Chi-Square, PNAS 17, 1931).  NaN where there is none.
 */
double
CsGammaUpperInverse(double a, double p)
{
	double		x,
				step;

	if (a < MANY_HALVES)
		return gsl_cdf_gamma_Qinv(p, a, 1);
	x = a * pow(1 - 1 / (9 * a) + gsl_cdf_ugaussian_Qinv(p) / (3 * sqrt(a)), 3);
	for (int i = 0; i < 20; i++)
	{
		/* the density is the term over what it is multiplied by for the upper tail */
		step = (CsGammaUpper(a, x) - p) * x / (GammaTerm(a, x) * a);
		x += step;
		if (!(fabs(step) > 4 * DBL_EPSILON * x))
			break;
	}
	return x;
}

/* The logarithm of CsGammaUpper(a, x), which is finite where that is below the smallest number; in Loader's form, as GammaTerm. */
double
CsLogGammaUpper(double a, double x)
{
	double		upper = CsGammaUpper(a, x);

	if (x < a + 1 || upper > DBL_MIN / DBL_EPSILON)
		return log(upper);
	return a * CsLogMinusLinear((x - a) / a) - log(sqrt(2 * M_PI * a) * CsGammaStar(a)) + log(a * CsGammaFraction(a, x));
}

/* log(1 + t) - t where 1 + t is given too, so that t may be close to -1. */
static double
LogMinus(double t, double ratio)
{
	return t > -0.5 ? CsLogMinusLinear(t) : log(ratio) - t;
}

/* x^a y^b / (a B(a, b)), in Loader's form as GammaTerm. */
static double
BetaTerm(double a, double b, double x, double y)
{
	double		n = a + b,
				mean = a / n,
				rest = b / n,
				exponent = a * LogMinus((x - mean) / mean, x / mean) +
				b * LogMinus((y - rest) / rest, y / rest);

	return exp(exponent) * sqrt(a * b / (2 * M_PI * n)) / a *
		CsGammaStar(n) / (CsGammaStar(a) * CsGammaStar(b));
}

/*
 * I_x(a, b) over BetaTerm: the continued fraction of Didonato and Morris (1992, their 26.5.8 of
 * Abramowitz and Stegun) by Lentz' method; x < (a + 1) / (a + b + 2).
 */
static double
BetaFraction(double a, double b, double x)
{
	double		tiny = DBL_MIN / DBL_EPSILON,
				c = 1,
				d = 1 - (a + b) * x / (a + 1),
				result,
				change = 0;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	result = d;
	for (int64 m = 1; fabs(change - 1) > DBL_EPSILON; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
					odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

		CsCheckInterrupts(m);
		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		result *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		change = d * c;
		result *= change;
	}
	return result;
}

/*
 * The regularised incomplete beta function I_x(a, b), a, b > 0. y is 1 - x, which is given as well
 * so that neither of the two loses digits.  Small results keep their digits.
 */
double
CsBetaLower(double a, double b, double x, double y)
{
	if (x <= 0)
		return 0;
	if (y <= 0)
		return 1;
	if (x < (a + 1) / (a + b + 2))
		return Min(BetaTerm(a, b, x, y) * BetaFraction(a, b, x), 1);
	return Max(1 - BetaTerm(b, a, y, x) * BetaFraction(b, a, y), 0);
}

/* The probability that a value of Student's law is beyond +-t; df > 0. */
double
CsStudentTails(double t, double df)
{
	return CsBetaLower(df / 2, 0.5, 1 / (1 + t * t / df), 1 / (1 + df / (t * t)));
}

/* The t beyond which, on both sides together, Student's law has the probability "tails". */
double
CsStudentQuantile(double tails, double df)
{
	double		t = gsl_cdf_tdist_Qinv(tails / 2, df);

	/* GSL's has some 6 digits where df is large; a step of Newton's method doubles them */
	for (int i = 0; i < 3 && t > 0; i++)
		t += (CsStudentTails(t, df) - tails) / (2 * gsl_ran_tdist_pdf(t, df));
	return t;
}
