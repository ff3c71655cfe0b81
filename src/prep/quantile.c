/*
 * quantile.c
 *	  Transform "quantile": to normal scores, by the distribution that training saw.
 *
 * As scikit-learn's QuantileTransformer with 1,001 quantiles and a normal output.  The quantiles are
 * the knots of a distribution function that is straight between them; a value that is several knots
 * gets the middle of their probabilities.  What lies at the ends or beyond gets a probability of
 * 1e-7 from 0 or 1, which is 5.2 standard deviations.
 *
 * The normal quantile of a probability is Wichura's (AS 241, Applied Statistics 37, 1988): one
 * rational function about the middle, another of sqrt(-log p) outside it.  Its third, for
 * probabilities below 1.4e-11, is not needed.  With math/exponential.c's log, every instruction set
 * and library gives the same bits.
 */
#include "custseg.h"

#include "math/math.h"
#include "prep/internal.h"

/* Least probability, and the share that is left above the greatest: as scikit-learn. */
#define LEAST (1e-7 - DBL_EPSILON)

/* The middle: probabilities this close to a half. */
#define MIDDLE 0.425

/* Rows at a time: a multiple of 8, as CsLog needs. */
#define CHUNK 128

/* Coefficients in the order of their powers, with which a polynomial of degree 7 is computed. */
#define POLYNOMIAL(x, a, b, c, d, e, f, g, h) \
	(((((((h * x + g) * x + f) * x + e) * x + d) * x + c) * x + b) * x + a)

/* The knots: quantiles that never decrease. */
static int
Fit(const CsNumbers *x, double *scratch, double *fitted)
{
	int			nfitted = CsNumbersPoints(x, fitted);

	for (int i = 1; i < nfitted; i++)
		fitted[i] = Max(fitted[i], fitted[i - 1]);	/* rounding */
	return nfitted;
}

static bool
Valid(const double *knots, int n)
{
	for (int i = 1; i < n; i++)
	{
		if (knots[i] < knots[i - 1])
			return false;
	}
	return true;
}

/*
 * How many of n ascending knots are below x, or at x too; n >= 1.  No branch depends on a value: which
 * half x is in cannot be foretold.
 */
static int
CountBelow(const double *knots, int n, double x, bool or_at)
{
	const double *first = knots;

	while (n > 1)
	{
		int			half = n / 2;

		first += (or_at ? first[half - 1] <= x : first[half - 1] < x) * half;
		n -= half;
	}
	return (int) (first - knots) + (or_at ? *first <= x : *first < x);
}

/* The probability of values up to x, half of those at x; NaN for NaN. */
static double
Probability(const double *knots, int n, double x)
{
	int			at;
	double		position;

	if (isnan(x))
		return NAN;
	if (x <= knots[0])
		return 0;
	if (x >= knots[n - 1])
		return 1;

	at = CountBelow(knots, n, x, true);	/* knots[at - 1] <= x < knots[at] */
	if (knots[at - 1] == x)
		position = (CountBelow(knots, at, x, false) + at - 1) / 2.0;
	else
		position = at - 1 + (x - knots[at - 1]) / (knots[at] - knots[at - 1]);
	return position / (n - 1);
}

/*
 * p[i] becomes the normal quantile of that probability, NaN for NaN.  n is a multiple of 8 and at
 * most CHUNK.
 */
CS_CLONES static void
NormalQuantiles(int n, double *p)
{
	double		tail[CHUNK];

	for (int i = 0; i < n; i++)
	{
		p[i] = p[i] < LEAST ? LEAST : p[i];
		p[i] = p[i] > 1 - LEAST ? 1 - LEAST : p[i];
		tail[i] = p[i] < 0.5 ? p[i] : 1 - p[i];
		tail[i] = tail[i] == tail[i] ? tail[i] : 0.5;
	}
	CsLog(n, tail);
	for (int i = 0; i < n; i++)
	{
		double		q = p[i] - 0.5;
		double		s = MIDDLE * MIDDLE - q * q;
		double		r = sqrt(-tail[i]) - 1.6;
		double		middle,
					outside;

		middle = q * POLYNOMIAL(s, 3.387132872796366608, 1.3314166789178437745e2,
								1.9715909503065514427e3, 1.3731693765509461125e4,
								4.5921953931549871457e4, 6.7265770927008700853e4,
								3.3430575583588128105e4, 2.5090809287301226727e3) /
			POLYNOMIAL(s, 1.0, 4.2313330701600911252e1,
					   6.8718700749205790830e2, 5.3941960214247511077e3,
					   2.1213794301586595867e4, 3.9307895800092710610e4,
					   2.8729085735721942674e4, 5.2264952788528545610e3);
		outside = POLYNOMIAL(r, 1.42343711074968357734, 4.63033784615654529590,
							 5.76949722146069140550, 3.64784832476320460504,
							 1.27045825245236838258, 2.41780725177450611770e-1,
							 2.27238449892691845833e-2, 7.74545014278341407640e-4) /
			POLYNOMIAL(r, 1.0, 2.05319162663775882187,
					   1.67638483018380384940, 6.89767334985100004550e-1,
					   1.48103976427480074590e-1, 1.51986665636164571966e-2,
					   5.47593808499534494600e-4, 1.05075007164441684324e-9);
		p[i] = fabs(q) > MIDDLE ? copysign(outside, q) : middle;
	}
}

static void
Apply(const double *knots, int nknots, int nrows, double *y)
{
	for (int start = 0; start < nrows; start += CHUNK)
	{
		double		p[CHUNK];
		int			n = Min(CHUNK, nrows - start);
		int			padded = (int) TYPEALIGN(8, n);

		for (int i = 0; i < padded; i++)
			p[i] = i < n ? Probability(knots, nknots, y[start + i]) : 0.5;
		NormalQuantiles(padded, p);
		memcpy(y + start, p, n * sizeof(double));
	}
}

const CsTransform CsQuantile = {{"quantile"}, .above = -INFINITY, .most = CS_QUANTILE_POINTS,
.key = "quantiles", .fit = Fit, .valid = Valid, .apply = Apply};
