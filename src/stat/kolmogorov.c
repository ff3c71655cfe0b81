/*
 * kolmogorov.c
 *	  The law of the Kolmogorov-Smirnov statistic of one sample, for any number of values.
 *
 * P(D_n >= d), where D_n is the largest distance between the distribution function of n
 * independent values and that of the law they follow.  No formula is fast and precise everywhere;
 * which one serves where is taken from Simard and L'Ecuyer, Computing the Two-Sided
 * Kolmogorov-Smirnov Distribution, Journal of Statistical Software 39 (11), 2011:
 *
 * - d at either end: Ruben and Gambino's closed forms;
 * - the upper tail: twice the one-sided probability, a sum (Smirnov 1944) of which each term is
 *   a binomial probability;
 * - the lower tail of few values: Durbin's matrix, as Marsaglia, Tsang and Wang compute its power
 *   (Journal of Statistical Software 8 (18), 2003).  It also stands for Pomeranz's recursion,
 *   which is exact, too, and faster for numbers of values where either takes no time;
 * - else the expansion of Pelz and Good, Journal of the Royal Statistical Society B 38, 1976.
 *
 * The binomial probabilities are computed as by Loader (Fast and Accurate Computation of Binomial
 * Probabilities, 2000): no large logarithms are subtracted, so that the tail keeps some 13 digits
 * down to where it leaves the range of a double.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/tests.h"

/* Rescaling keeps powers of the matrix, and n! / n^n, within range. */
#define SCALE_BITS 128

/* Most terms of Smirnov's sum that are computed; see SmirnovUpper. */
#define MAX_TERMS 16384

/* Terms of Pelz and Good's series: their k-th is below exp(-2 k^2) where the series is used. */
#define SERIES_TERMS 7

/*
 * One-sided P(D_n+ >= d) = sum over j of d/p C(n, j) p^j (1 - p)^(n - j), p = d + j/n, 0 < d < 1.
 *
 * With many values every s-th term stands for s of them: as a function of j the terms and all
 * their derivatives vanish at both ends, where the trapezoidal rule converges faster than any
 * power of the step.  MAX_TERMS give all digits of a double with some thousand terms to spare.
 */
static double
SmirnovUpper(int64 n, double d)
{
	double		t = n * d,
				gamma_n = CsGammaStar(n),
				sum = exp(n * log1p(-d));	/* j = 0 */
	int64		step = 1 + n / MAX_TERMS;

	for (int64 j = step; j < n; j += step)
	{
		double		rest = n - j,
					exponent;

		if (rest <= t)
			break;
		/* the two deviances of Loader's form */
		exponent = j * CsLogMinusLinear(t / j) + rest * CsLogMinusLinear(-t / rest);
		sum += step * (t / (t + j)) * exp(exponent) * sqrt(n / (2 * M_PI * j * rest)) *
			(gamma_n / (CsGammaStar(j) * CsGammaStar(rest)));
	}
	return Min(sum, 1);
}

/* c = a b, square matrices of m rows. */
static void
MultiplyMatrices(int m, const double *a, const double *b, double *c)
{
	CHECK_FOR_INTERRUPTS();
	memset(c, 0, sizeof(double) * m * m);
	for (int i = 0; i < m; i++)
		for (int l = 0; l < m; l++)
			for (int j = 0; j < m; j++)
				c[i * m + j] += a[i * m + l] * b[l * m + j];
}

/* Durbin's matrix for n d = k - h, of m = 2 k - 1 rows; palloc'd. */
static double *
DurbinMatrix(int m, double h)
{
	double	   *matrix = palloc0(sizeof(double) * m * m);
	double		power = 1,
				factorial = 1;

	/* 1 / (i - j + 1)! on and below the first superdiagonal */
	for (int down = 0; down <= m; down++)
	{
		for (int i = Max(down - 1, 0); i < m && i - down + 1 < m; i++)
			matrix[i * m + i - down + 1] = 1 / factorial;
		factorial *= down + 1;
	}
	/* (1 - h^i) / i! in the first column, upwards in the last row */
	factorial = 1;
	for (int i = 1; i <= m; i++)
	{
		factorial *= i;
		power *= h;
		matrix[(i - 1) * m] = (1 - power) / factorial;
		matrix[(m - 1) * m + m - i] = (1 - power) / factorial;
	}
	/* (1 - 2 h^m + (2 h - 1)^m) / m! where they meet */
	matrix[(m - 1) * m] = (1 - 2 * power + pow(Max(2 * h - 1, 0), m)) / factorial;
	return matrix;
}

/* P(D_n < d) = n! / n^n times the middle entry of the n-th power of Durbin's matrix. */
static double
DurbinLower(int64 n, double d)
{
	int			k = (int) ceil(n * d),
				m = 2 * k - 1,
				middle = (k - 1) * m + k - 1;
	Size		size = sizeof(double) * m * m;
	double	   *base = DurbinMatrix(m, k - n * d),
			   *power = palloc0(size),
			   *product = palloc(size);
	int64		base_exponent = 0,
				exponent = 0;
	double		result;

	for (int i = 0; i < m; i++)
		power[i * m + i] = 1;
	for (int64 bits = n; bits > 0; bits >>= 1)
	{
		if (bits & 1)
		{
			MultiplyMatrices(m, power, base, product);
			memcpy(power, product, size);
			exponent += base_exponent;
		}
		MultiplyMatrices(m, base, base, product);
		memcpy(base, product, size);
		base_exponent *= 2;
		if (base[middle] > ldexp(1, SCALE_BITS))
		{
			for (int i = 0; i < m * m; i++)
				base[i] = ldexp(base[i], -SCALE_BITS);
			base_exponent += SCALE_BITS;
		}
	}
	result = power[middle];
	for (int64 i = 1; i <= n; i++)
	{
		result *= (double) i / n;
		if (result < ldexp(1, -SCALE_BITS))
		{
			result = ldexp(result, SCALE_BITS);
			exponent -= SCALE_BITS;
		}
	}
	pfree(base);
	pfree(power);
	pfree(product);
	return ldexp(result, (int) exponent);
}

/* P(D_n <= d) by Pelz and Good's expansion in powers of 1 / sqrt(n), to the third. */
static double
PelzGoodLower(int64 n, double d)
{
	const double pi2 = M_PI * M_PI;
	double		z = sqrt(n) * d,
				z2 = z * z,
				z4 = z2 * z2,
				z6 = z4 * z2,
				root = sqrt(n),
				k0 = 0,
				k1 = 0,
				k2 = 0,
				k3 = 0;

	if (pi2 / (8 * z2) > 708)	/* the first exponential is 0 */
		return 0;
	for (int k = 0; k < SERIES_TERMS; k++)
	{
		double		a = pi2 * (k + 0.5) * (k + 0.5),	/* pi^2 (k + 1/2)^2 */
					b = pi2 * k * k,
					half = exp(-a / (2 * z2)),
					whole = exp(-b / (2 * z2));

		k0 += half;
		k1 += half * (a - z2) / (6 * z2 * z);
		k2 += half * (6 * z6 + 2 * z4 + a * (2 * z4 - 5 * z2) + a * a * (1 - 2 * z2)) / (72 * z6) -
			whole * b / (36 * z2);
		k3 += half * (a * a * a * (5 - 30 * z2) + a * a * (212 * z4 - 60 * z2) +
					  a * (135 * z4 - 96 * z6) - 30 * z6 - 90 * z4 * z4) / (6480 * z6 * z2 * z) +
			whole * b * (3 * z2 - b) / (216 * z4 * z);
	}
	return sqrt(2 * M_PI) / z * (k0 + k1 / root + k2 / n + k3 / (n * root));
}

/*
 * P(D_n >= d) for the one-sample statistic D_n of n >= 1 values.  The cases are those of Simard and
 * L'Ecuyer.
 */
double
CsKolmogorovUpper(int64 n, double d)
{
	double		t = n * d,
				lower;

	if (t <= 0.5)
		return 1;
	if (d >= 1)
		return 0;
	if (t <= 1)
	{
		lower = 1;
		for (int64 i = 1; i <= n && lower > 0; i++)
			lower *= (double) i / n * (2 * t - 1);
	}
	else if (t >= n - 1)
		return 2 * pow(1 - d, n);
	else if (d >= 0.5 || t * d >= (n <= 140 ? 4 : 2.2))
		return Min(2 * SmirnovUpper(n, d), 1);
	else if (n <= 140 || (n <= 100000 && t * sqrt(d) <= 1.4))
		lower = DurbinLower(n, d);
	else
		lower = PelzGoodLower(n, d);
	return Min(Max(1 - lower, 0), 1);
}
