/*
 * describe.c
 *	  What a sample of numbers is like.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/describe.h"

#define INTERRUPT_VALUES 65536


/* The skewness of the sample; NaN where the values do not vary. */
double
CsMomentsSkewness(const CsMoments *m)
{
	return m->m2 > 0 ? sqrt((double) m->n) * m->m3 / pow(m->m2, 1.5) : NAN;
}

/* The excess kurtosis of the sample; NaN where it is not defined. */
double
CsMomentsKurtosis(const CsMoments *m)
{
	return m->m2 > 0 ? (double) m->n * m->m4 / (m->m2 * m->m2) - 3 : NAN;
}

/*
 * Jarque and Bera's statistic.  OUT p: the chance of a larger one from a normal sample; the
 * chi-square law with two degrees of freedom is an exponential distribution.
 */
double
CsJarqueBera(const CsMoments *m, double *p)
{
	double		skewness = CsMomentsSkewness(m),
				kurtosis = CsMomentsKurtosis(m),
				statistic = (double) m->n / 6 * (skewness * skewness + kurtosis * kurtosis / 4);

	*p = exp(-statistic / 2);
	return statistic;
}

/*
 * How many bins n >= 1 values need that have this range and interquartile range, 1 to "most": bins of Freedman and
 * Diaconis' width, or, without an interquartile range, as many as Sturges' rule gives.
 */
int
CsBinsOf(double range, double iqr, int64 n, int most)
{
	double		bins = iqr > 0 ? ceil(range / (2 * iqr / cbrt((double) n))) : ceil(log2((double) n)) + 1;

	return range > 0 ? (int) Min(Max(bins, 1), most) : 1;
}

/* The bandwidth for n >= 1 values with this interquartile range, by Silverman's rule; 0 where the values do not vary. */
double
CsBandwidth(double iqr, int64 n, double deviation)
{
	double		spread = iqr > 0 ? Min(deviation, iqr / 1.34) : deviation;

	return n > 1 ? 0.9 * spread * pow((double) n, -0.2) : 0;
}

/* The share of the most frequent of sorted values; 0 for none. */
double
CsLargestShareOfSorted(const double *sorted, int n)
{
	int64		equal;

	if (n == 0)
		return 0;
	(void) CsMostFrequent(sorted, n, &equal);
	return (double) equal / n;
}

/* The share of values outside low..high; NaN for none. */
double
CsShareBeyond(const double *x, int n, double low, double high)
{
	int			beyond = 0;

	for (int i = 0; i < n; i++)
		beyond += x[i] < low || x[i] > high;
	return n == 0 ? NAN : (double) beyond / n;
}

/* The density at x of n >= 1 sorted values, by a Gaussian kernel. */
double
CsKernelDensity(const double *sorted, int64 n, double bandwidth, double x)
{
	int64		end = CsCountBelow(sorted, n, x + CS_KERNEL_REACH * bandwidth);
	double		sum = 0;
	double		terms[CS_BLOCK_ROWS];

	for (int64 start = CsCountBelow(sorted, n, x - CS_KERNEL_REACH * bandwidth); start < end;
		 start += CS_BLOCK_ROWS)
	{
		int			count = (int) Min(end - start, CS_BLOCK_ROWS);
		double		part = 0;

		if (start % INTERRUPT_VALUES < CS_BLOCK_ROWS)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			double		z = (sorted[start + i] - x) / bandwidth;

			terms[i] = -z * z / 2;
		}
		for (int i = count; i < TYPEALIGN(8, count); i++)
			terms[i] = -1000;	/* exp() of it is 0 */
		CsExp(TYPEALIGN(8, count), terms);
		for (int i = 0; i < count; i++)
			part += terms[i];
		sum += part;
	}
	return sum / ((double) n * bandwidth * sqrt(2 * M_PI));
}

/*
 * Gini's coefficient of n >= 1 sorted values that are not negative; NaN where their sum is 0.  OUT
 * curve: the Lorenz curve at "points" even steps from 0 to 1; total: the sum, which may be infinite.  The values are added
 * up times a power of two: no sum of theirs runs over but the total.
 */
double
CsLorenz(const double *sorted, int64 n, int points, double *curve, double *total)
{
	double		scale = CsScaleOf(sorted[n - 1]),
				sum = 0,
				rest = 0,
				weighted = 0,
				weighted_rest = 0,
				all;
	int			at = 1;

	curve[0] = 0;
	for (int64 i = 0; i < n; i++)
	{
		double		x = sorted[i] * scale;

		CsCheckInterrupts(i);
		/* between two values the curve is straight */
		for (; at < points && (double) at / (points - 1) * n < (double) (i + 1); at++)
			curve[at] = sum + rest + ((double) at / (points - 1) * n - (double) i) * x;
		CsAddCompensated(&sum, &rest, x);
		CsAddCompensated(&weighted, &weighted_rest, (double) (i + 1) * x);
	}
	all = sum + rest;
	*total = all / scale;
	for (; at < points; at++)
		curve[at] = all;
	for (int i = 0; i < points; i++)
		curve[i] = all > 0 ? curve[i] / all : NAN;
	if (!(all > 0))
		return NAN;
	return 2 * (weighted + weighted_rest) / ((double) n * all) - (double) (n + 1) / (double) n;
}

/*
 * By how much the sum of values, each times its rank among the n of a piece, is above that of equal values, at most: half
 * of them, or as many as the sum allows, are at one end and the rest at the other.
 */
static double
MostUneven(const CsValuePiece *p)
{
	double		width = p->high - p->low,
				n = (double) p->n,
				above = width > 0 ? Max(Min((p->sum - n * p->low) / width, n), 0) : 0;

	return p->n < 2 ? 0 : width * above * (n - above) / 2;
}

/*
 * CsLorenz() of values that are known piece by piece; the pieces ascend.  The curve is exact where a step is at an end of a
 * piece, or in one of equal values.  Values between two ends are taken to be as uneven as if they lay evenly: two thirds of
 * what they can be.  OUT error: how far Gini's coefficient may be from that of the values themselves.
 */
double
CsLorenzOfPieces(const CsValuePiece *pieces, int npieces, int points, double *curve, double *total, double *error)
{
	double		scale = CsScaleOf(pieces[npieces - 1].high),
				sum = 0,
				rest = 0,
				weighted = 0,
				weighted_rest = 0,
				uneven = 0,
				all;
	int64		n = 0,
				below = 0;
	int			at = 1;

	for (int i = 0; i < npieces; i++)
		n += pieces[i].n;
	curve[0] = 0;
	for (int i = 0; i < npieces; i++)
	{
		const CsValuePiece p = {pieces[i].n, pieces[i].low * scale, pieces[i].high * scale, pieces[i].sum * scale};

		for (; at < points && (double) at / (points - 1) * n < (double) (below + p.n); at++)
			curve[at] = sum + rest + ((double) at / (points - 1) * n - (double) below) * (p.sum / (double) p.n);
		CsAddCompensated(&sum, &rest, p.sum);
		CsAddCompensated(&weighted, &weighted_rest, ((double) below + ((double) p.n + 1) / 2) * p.sum);
		CsAddCompensated(&weighted, &weighted_rest, MostUneven(&p) * 2 / 3);
		uneven += MostUneven(&p);
		below += p.n;
	}
	all = sum + rest;
	*total = all / scale;
	for (; at < points; at++)
		curve[at] = all;
	for (int i = 0; i < points; i++)
		curve[i] = all > 0 ? curve[i] / all : NAN;
	*error = 0;
	if (!(all > 0))
		return NAN;
	*error = 2 * (uneven * 2 / 3) / ((double) n * all);
	return 2 * (weighted + weighted_rest) / ((double) n * all) - (double) (n + 1) / (double) n;
}
