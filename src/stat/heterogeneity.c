/*
 * heterogeneity.c
 *	  Is an effect the same in all segments?  Cochran's Q (Biometrics 10, 1954), and the share I squared of
 *	  what varies that chance does not explain (Higgins and Thompson, Statistics in Medicine 21, 2002).
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/arms.h"
#include "stat/tests.h"

/* Does an effect count?  One without a standard error above 0 has no weight. */
static bool
Counts(double effect, double error)
{
	return !isnan(effect) && error > 0;
}

/* The least standard error of those that count, so that no weight is above 1. */
static double
LeastError(const double *effects, const double *errors, int n)
{
	double		least = INFINITY;

	for (int i = 0; i < n; i++)
		if (Counts(effects[i], errors[i]))
			least = Min(least, errors[i]);
	return least;
}

/* Cochran's Q of n effects, of which those that are NaN, or whose error is NaN or 0, are left out. */
CsHeterogeneity
CsCochranQ(const double *effects, const double *errors, int n)
{
	CsHeterogeneity h = {.q = NAN, .df = NAN, .p = NAN, .i_squared = NAN, .mean = NAN, .error = NAN};
	double		least = LeastError(effects, errors, n),
				first = NAN,
				weights = 0,
				sum = 0,
				off;

	for (int i = 0; i < n; i++)
	{
		double		weight = least / errors[i] * (least / errors[i]);

		if (!Counts(effects[i], errors[i]))
			continue;
		/* less the first one, so that what all have in common costs no digits */
		first = h.n++ == 0 ? effects[i] : first;
		weights += weight;
		sum += weight * (effects[i] - first);
	}
	if (h.n == 0)
		return h;
	off = sum / weights;
	h.mean = first + off;
	h.error = least / sqrt(weights);
	h.q = 0;
	h.df = h.n - 1;
	for (int i = 0; i < n; i++)
	{
		double		z = (effects[i] - first - off) / errors[i];

		if (Counts(effects[i], errors[i]))
			h.q += z * z;
	}
	if (h.n < 2)
		return h;
	h.p = isfinite(h.q) ? CsChiSquareUpper(h.q, h.df) : 0;
	h.i_squared = h.q > h.df ? (h.q - h.df) / h.q : 0;
	return h;
}
