/*
 * moments.c
 *	  Mean and sums of powers of the deviations from it, which hold far from zero and at any scale.
 *
 * The mean is the sum of two doubles, so that a value's difference from it is rounded no more than a
 * difference of two values is: what is added to all values changes nothing but the mean.  Values are taken
 * times a power of two that brings the largest to 1 or a little more, so that no product is too large or
 * too small, and values times a power of two give the same bits.  Values that are all the same deviate by 0.
 *
 * A block's deviations are taken from its own mean, which is first taken from its first value; then blocks
 * are joined (Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
 * statistical moments, Sandia report 2008).  A single value is Welford's case (Technometrics 4, 1962).
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"

#define BLOCK_VALUES 1024

/* Running sums, so that the order of additions is the same on any machine. */
#define SUMS 8

/*
 * The power of two that brings a value of this magnitude to 1 <= x < 2; for 0, and where that is no double,
 * the largest one.
 */
double
CsScaleOf(double largest)
{
	int			exponent;

	(void) frexp(largest, &exponent);
	return ldexp(1, largest == 0 ? 1022 : Min(1 - exponent, 1022));
}

/* The largest magnitude of n values, 0 for none; NaN is left out. */
CS_CLONES double
CsLargestOf(const double *x, int64 n)
{
	double		largest[SUMS] = {0};
	int64		i = 0;

	for (; i + SUMS <= n; i += SUMS)
		for (int k = 0; k < SUMS; k++)
			largest[k] = fabs(x[i + k]) > largest[k] ? fabs(x[i + k]) : largest[k];
	for (; i < n; i++)
		largest[0] = fabs(x[i]) > largest[0] ? fabs(x[i]) : largest[0];
	for (int k = 1; k < SUMS; k++)
		largest[0] = Max(largest[0], largest[k]);
	return largest[0];
}

/* Are n numbers all whole?  NaN is not. */
CS_CLONES bool
CsAreWhole(const double *x, int64 n)
{
	int64		fractions = 0;

	for (int64 i = 0; i < n; i++)
		fractions |= x[i] != rint(x[i]);
	return fractions == 0;
}

static inline double
AddUp(const double *s)
{
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* Sum of the differences from a value. */
CS_CLONES static double
SumDifferences(const double *x, int n, double scale, double from)
{
	double		s[SUMS] = {0};
	int			i = 0;

	for (; i + SUMS <= n; i += SUMS)
		for (int k = 0; k < SUMS; k++)
			s[k] += x[i + k] * scale - from;
	for (; i < n; i++)
		s[i % SUMS] += x[i] * scale - from;
	return AddUp(s);
}

/* Running sums of the first four powers of deviations. */
typedef double Powers[4][SUMS];

/* Add at most SUMS values. */
static pg_attribute_always_inline void
AddPowers(const double *x, int n, const CsMoments *from, Powers s)
{
	for (int k = 0; k < n; k++)
	{
		double		d = CsMomentsOff(from, x[k]),
					squared = d * d;

		s[0][k] += d;
		s[1][k] += squared;
		s[2][k] += squared * d;
		s[3][k] += squared * squared;
	}
}

/* Moments of the values whose scale, number, and mean within a small part of the deviations are there. */
CS_CLONES static void
SumPowers(const double *x, CsMoments *m)
{
	Powers		s = {{0}};
	double		n = (double) m->n,
				s2,
				s3,
				s4,
				off;
	int			i = 0;

	for (; i + SUMS <= m->n; i += SUMS)
		AddPowers(x + i, SUMS, m, s);
	AddPowers(x + i, (int) m->n - i, m, s);
	off = AddUp(s[0]) / n;
	s2 = AddUp(s[1]);
	s3 = AddUp(s[2]);
	s4 = AddUp(s[3]);
	m->rest += off;
	m->m2 = Max(s2 - n * off * off, 0);
	m->m3 = s3 - 3 * off * s2 + 2 * n * off * off * off;
	m->m4 = Max(s4 - 4 * off * s3 + 6 * off * off * s2 - 3 * n * off * off * off * off, 0);
}

/* Take moments to another scale, a power of two: a smaller one, lest sums overflow. */
void
CsMomentsRescale(CsMoments *m, double scale)
{
	if (m->n > 0)
	{
		double		factor = scale / m->scale,
					squared = factor * factor;

		m->mean *= factor;
		m->rest *= factor;
		m->m2 *= squared;
		m->m3 *= squared * factor;
		m->m4 *= squared * squared;
	}
	m->scale = scale;
}

/* Add the values that other moments are of. */
void
CsMomentsMerge(CsMoments *to, const CsMoments *from)
{
	CsMoments	b = *from;
	double		na = (double) to->n,
				nb = (double) b.n,
				total = na + nb,
				delta,
				part;

	if (b.n == 0)
		return;
	if (to->n == 0 || b.scale < to->scale)
		CsMomentsRescale(to, b.scale);
	else if (to->scale < b.scale)
		CsMomentsRescale(&b, to->scale);
	delta = CsMeansApart(&b, to);
	part = delta / total;
	to->m4 += b.m4 + delta * part * part * part * na * nb * (na * na - na * nb + nb * nb) +
		6 * part * part * (na * na * b.m2 + nb * nb * to->m2) + 4 * part * (na * b.m3 - nb * to->m3);
	to->m3 += b.m3 + delta * part * part * na * nb * (na - nb) + 3 * part * (na * b.m2 - nb * to->m2);
	to->m2 += b.m2 + delta * part * na * nb;
	to->n += b.n;
	if (na == 0)
	{
		to->mean = b.mean;
		to->rest = b.rest;
	}
	else
		CsAddCompensated(&to->mean, &to->rest, part * nb);
}

/*
 * Add a block.  Deviations are first taken from the first value, then from that plus their mean to 16 digits
 * (Veltkamp's splitting), so that those of values that have few digits, and their squares, are exact.
 */
static void
AddBlock(CsMoments *m, const double *x, int n)
{
	double		largest = CsLargestOf(x, n);
	CsMoments	b = {.n = n};
	double		off,
				split;

	if (m->n == 0 || largest * m->scale >= 2)
		CsMomentsRescale(m, CsScaleOf(largest));
	b.scale = m->scale;
	b.mean = x[0] * b.scale;
	off = SumDifferences(x, n, b.scale, b.mean) / n;
	split = off * (INT64CONST(1) << 37) + off;
	CsAddCompensated(&b.mean, &b.rest, split - (split - off));
	SumPowers(x, &b);
	CsMomentsMerge(m, &b);
}

/* Add n finite values. */
void
CsMomentsAdd(CsMoments *m, const double *x, int64 n)
{
	for (int64 start = 0; start < n; start += BLOCK_VALUES)
	{
		CsCheckInterrupts(start);
		AddBlock(m, x + start, (int) Min(n - start, BLOCK_VALUES));
	}
}

/* Add a finite value so many times. */
void
CsMomentsAddCopies(CsMoments *m, double value, int64 copies)
{
	CsMoments	all = {.n = copies,.scale = CsScaleOf(fabs(value))};

	all.mean = value * all.scale;
	CsMomentsMerge(m, &all);
}

/* The mean; NaN for no values. */
double
CsMomentsMean(const CsMoments *m)
{
	return m->n > 0 ? (m->mean + m->rest) / m->scale : NAN;
}

/* The standard deviation, with n - lost in the denominator; NaN where that is not above 0. */
double
CsMomentsDeviation(const CsMoments *m, int lost)
{
	return CsMomentsSpread(m, lost) / m->scale;
}

/*
 * The standard deviation as CsMomentsDeviation() gives it, times the scale.  A step of Newton's method takes
 * back what the quotient and its root were rounded by.
 */
double
CsMomentsSpread(const CsMoments *m, int lost)
{
	double		n = (double) (m->n - lost),
				variance = m->m2 / n,
				root = sqrt(variance);

	if (m->n <= lost)
		return NAN;
	return root > 0 ? root + (fma(-root, root, variance) + fma(-variance, n, m->m2) / n) / (2 * root) : 0;
}
