/*
 * reproducible.c
 *	  Mean and variance of values whose bits do not depend on the order in which the values come.
 *
 * Sums of doubles depend on the order because each addition rounds.  Here what is added is cut into two
 * parts first, each a whole number of a unit of its own, so few units that sums of them are exact (Demmel
 * and Nguyen, Fast reproducible floating-point summation, ARITH 21, 2013).  The first unit is 2^-30 of the
 * largest magnitude that there can be, the second one 2^-30 of that; what is left of a value after both is
 * dropped.
 *
 * What is added are deviations from a center among the values, of which the mean is no farther than a
 * standard deviation when the center is the median, and their squares, both at the scale of moments.c.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"

#define FOLD_BITS 30

/* Values that are added before sums are taken to whole numbers, and running sums. */
#define BLOCK_VALUES 1024
#define SUMS 8

/*
 * Begin with values between two others; the center is one of them, their median or near it.  Of infinite ones
 * the moments are NaN.  Nothing is allocated.
 */
CsReproducible
CsReproducibleBegin(double center, double low, double high)
{
	CsReproducible r = {.scale = CsScaleOf(Max(fabs(low), fabs(high)))};
	double		largest;
	int			exponent;

	if (!isfinite(low) || !isfinite(high))
	{
		r.center = NAN;
		return r;
	}
	r.center = center * r.scale;
	largest = Max(r.center - low * r.scale, high * r.scale - r.center);
	(void) frexp(largest, &exponent);
	for (int power = 0; power < 2; power++)
	{
		r.sum[power].unit[0] = ldexp(1, (power + 1) * exponent - FOLD_BITS);
		r.sum[power].unit[1] = ldexp(r.sum[power].unit[0], -FOLD_BITS);
	}
	return r;
}

/* What makes a sum with it round to whole units, when subtracted again: 1.5 * 2^52 units. */
static inline double
Rounder(double unit)
{
	return unit * 6755399441055744.0;
}

/* Add to the running sums the two parts of a value. */
static pg_attribute_always_inline void
AddParts(double value, const double rounder[2], double *first, double *second)
{
	double		part = (value + rounder[0]) - rounder[0];

	*first += part;
	*second += ((value - part) + rounder[1]) - rounder[1];
}

/* Add at most BLOCK_VALUES values. */
CS_CLONES static void
AddBlock(CsReproducible *r, const double *x, int n)
{
	const double scale = r->scale,
				center = r->center;
	double		rounder[2][2];
	double		sums[2][2][SUMS] = {{{0}}};
	int			i = 0;

	for (int power = 0; power < 2; power++)
		for (int part = 0; part < 2; part++)
			rounder[power][part] = Rounder(r->sum[power].unit[part]);
	for (; i + SUMS <= n; i += SUMS)
		for (int k = 0; k < SUMS; k++)
		{
			double		off = x[i + k] * scale - center;

			AddParts(off, rounder[0], &sums[0][0][k], &sums[0][1][k]);
			AddParts(off * off, rounder[1], &sums[1][0][k], &sums[1][1][k]);
		}
	for (; i < n; i++)
	{
		double		off = x[i] * scale - center;

		AddParts(off, rounder[0], &sums[0][0][0], &sums[0][1][0]);
		AddParts(off * off, rounder[1], &sums[1][0][0], &sums[1][1][0]);
	}
	for (int power = 0; power < 2; power++)
		for (int part = 0; part < 2; part++)
		{
			double		sum = 0;

			for (int k = 0; k < SUMS; k++)
				sum += sums[power][part][k];
			r->sum[power].total[part] += (int64) (sum / r->sum[power].unit[part]);
		}
	r->n += n;
}

/* Add n values, each between those of CsReproducibleBegin(). */
void
CsReproducibleAdd(CsReproducible *r, const double *x, int64 n)
{
	if (isnan(r->center))
	{
		r->n += n;
		return;
	}
	for (int64 start = 0; start < n; start += BLOCK_VALUES)
	{
		CsCheckInterrupts(start);
		AddBlock(r, x + start, (int) Min(n - start, BLOCK_VALUES));
	}
}

/* A sum, as a double and what that was rounded by. */
static double
SumOf(const CsReproducibleSum *sum, double *rest)
{
	/* halves of the whole number are exact */
	int64		upper = sum->total[0] / (INT64CONST(1) << 32),
				lower = sum->total[0] % (INT64CONST(1) << 32);
	double		result = (double) upper * 4294967296.0 * sum->unit[0];

	*rest = 0;
	CsAddCompensated(&result, rest, (double) lower * sum->unit[0]);
	CsAddCompensated(&result, rest, (double) sum->total[1] * sum->unit[1]);
	return result;
}

/* The moments of what was added, up to the second. */
CsMoments
CsReproducibleMoments(const CsReproducible *r)
{
	CsMoments	m = {.n = r->n, .scale = r->scale, .mean = r->center};
	double		n = (double) r->n,
				rest,
				off;

	if (r->n == 0)
		return (CsMoments) {0};
	if (isnan(r->center))
	{
		m.m2 = NAN;
		return m;
	}
	off = SumOf(&r->sum[0], &rest);
	off = (off + rest) / n;
	CsAddCompensated(&m.mean, &m.rest, off);
	m.m2 = SumOf(&r->sum[1], &rest);
	m.m2 = Max((m.m2 - n * off * off) + rest, 0);
	return m;
}
