/*
 * shares.c
 *	  Statistics of shares: intervals, tests, and how unevenly a whole is divided.
 *
 * Interval: Wilson's score interval (Journal of the American Statistical Association 22, 1927).
 * It never leaves 0..1, and keeps its confidence where the share is near one of them or n is
 * small, which the usual p +- z sqrt(p (1 - p) / n) does not (Brown, Cai and DasGupta, Statistical
 * Science 16, 2001).
 *
 * Exact interval: Clopper and Pearson's (Biometrika 26, 1934), which keeps its confidence for any share, as Wilson's does
 * on the average of shares: of a single case that chance is to explain, Wilson's is too sure.
 *
 * Concentration: the sum of squared shares (Herfindahl 1950).  Entropy: Shannon's, divided by that
 * of equal shares (Pielou's evenness, 1966).
 *
 * Range: whatever the distribution, the probability beyond the smallest and the largest of n
 * values follows the beta law with parameters 2 and n - 1 (Wilks, Annals of Mathematical
 * Statistics 12, 1941; exactly when the distribution is continuous, else it is less).
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "math/math.h"
#include "stat/shares.h"
#include "stat/tests.h"

/*
 * The shares that are no more than z of their own standard errors from one that was seen in "count" of n > 0 cases.  Where
 * cases have weights, n need not be a whole number.
 */
void
CsScoreInterval(double count, double n, double z, double *low, double *high)
{
	double		share = count / n;
	double		weight = z * z / n;
	double		middle = (share + weight / 2) / (1 + weight);
	double		half = sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight);

	/* at the ends the formula gives 0 and 1 except for rounding */
	*low = count <= 0 ? 0 : middle - half;
	*high = count >= n ? 1 : middle + half;
}

/* Wilson's interval of a share that was seen in "count" of n > 0 cases. */
void
CsWilsonInterval(double count, double n, double confidence, double *low, double *high)
{
	CsScoreInterval(count, n, gsl_cdf_ugaussian_Qinv((1 - confidence) / 2), low, high);
}

/* The share of which "count" or more of n cases are seen with this probability, 0 < count <= n. */
static double
ShareOfUpperTail(double count, double n, double probability)
{
	double		low = 0,
				high = 1;

	for (;;)
	{
		double		middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			return middle;
		if (CsBetaLower(count, n - count + 1, middle, 1 - middle) < probability)
			low = middle;
		else
			high = middle;
	}
}

/*
 * Clopper and Pearson's interval of a share that was seen in "count" of n > 0 cases: whatever the share, at least as many
 * samples as asked for have it within.  The count need not be a whole number, where ties are shared out.
 */
void
CsExactInterval(double count, double n, double confidence, double *low, double *high)
{
	double		tail = (1 - confidence) / 2;

	*low = count <= 0 ? 0 : ShareOfUpperTail(count, n, tail);
	*high = count >= n ? 1 : 1 - ShareOfUpperTail(n - count, n, tail);
}

/* OUT how far the ends of Wilson's interval are from the share; digits are not lost where it is narrow. */
void
CsWilsonMargins(double count, double n, double confidence, double *below, double *above)
{
	double		z = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2),
				share = count / n,
				rest = (n - count) / n,
				weight = z * z / n,
				shift = weight * (rest - share) / 2,
				root = sqrt(share * rest * weight + weight * weight / 4);

	*below = count <= 0 ? 0 : (root - shift) / (1 + weight);
	*above = count >= n ? 0 : (root + shift) / (1 + weight);
}

/*
 * Is a share that was seen in "count" of n >= 1 cases certainly above a bound?  By Wilson's
 * interval.
 */
bool
CsShareIsAbove(int64 count, int64 n, double bound, double confidence)
{
	double		low,
				high;

	CsWilsonInterval((double) count, (double) n, confidence, &low, &high);
	return low > bound;
}

/*
 * The share of new values whose level a sample of n values has not seen, as far as the sample can
 * tell: the share of the levels that it saw once (Good, Biometrika 40, 1953).
 */
double
CsUnseenShare(const int64 *counts, int nlevels, int64 n)
{
	int64		once = 0;

	for (int i = 0; i < nlevels; i++)
		once += counts[i] == 1;
	return (double) once / n;
}

/*
 * The p of the chi-square test that two samples have the same share, "count" of "n" in each. 1 when
 * the share is 0 or 1 in both; NaN when a sample is empty.
 */
double
CsSharesDiffer(int64 count1, int64 n1, int64 count2, int64 n2)
{
	CsCell		cells[] = {
		{0, 0, count1}, {0, 1, n1 - count1},
		{1, 0, count2}, {1, 1, n2 - count2}
	};

	if (n1 == 0 || n2 == 0)
		return NAN;
	if (count1 + count2 == 0 || count1 + count2 == n1 + n2)
		return 1;
	return CsChiSquareTest(cells, lengthof(cells), 2, 2).p;
}

/*
 * The standard error of the difference of two samples' shares, by Agresti and Caffo's rule (American
 * Statistician 54, 2000): one row more of either kind in each, so that no share is certain.
 */
double
CsShareChangeError(int64 count1, int64 n1, int64 count2, int64 n2)
{
	double		p = (count1 + 1.0) / (n1 + 2.0),
				q = (count2 + 1.0) / (n2 + 2.0);

	return sqrt(p * (1 - p) / (n1 + 2.0) + q * (1 - q) / (n2 + 2.0));
}

/*
 * Compare two shares of the same n > 0 cases, by the cases that count for only one of them.  Interval: Agresti and Min's
 * (Statistics in Medicine 24, 2005), with half a case more of each kind.  p: McNemar's exact test.
 */
CsPairedShares
CsPairedSharesCompare(int64 n, int64 only_one, int64 only_other, double confidence)
{
	double		one = (double) only_one + 0.5,
				other = (double) only_other + 0.5,
				cases = (double) n + 2,
				middle = (one - other) / cases,
				half = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2) * sqrt(one + other - (one - other) * (one - other) / cases) / cases,
				apart = (double) (only_one + only_other),
				fewer = (double) Min(only_one, only_other);

	return (CsPairedShares) {
		((double) only_one - (double) only_other) / (double) n, middle - half, middle + half,
		/* so many or fewer of all that count for one only, on either side */
		only_one == only_other ? 1 : Min(2 * CsBetaLower(apart - fewer, fewer + 1, 0.5, 0.5), 1)
	};
}

/* Sum of the parts. */
static double
Total(int n, const int64 *parts)
{
	double		total = 0;

	for (int i = 0; i < n; i++)
		total += parts[i];
	return total;
}

/* Herfindahl's index of the parts of a whole, 1/n to 1; NaN when all are 0. */
double
CsHerfindahl(int n, const int64 *parts)
{
	double		total = Total(n, parts);
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (parts[i] / total) * (parts[i] / total);
	return sum;
}

/*
 * The entropy of the parts of a whole divided by that of n equal parts, 0 to 1; NaN for n < 2 and
 * when all are 0.
 */
double
CsNormalizedEntropy(int n, const int64 *parts)
{
	double		total = Total(n, parts);
	double		sum = 0;

	if (n < 2 || total == 0)
		return NAN;
	for (int i = 0; i < n; i++)
	{
		if (parts[i] > 0)
			sum += parts[i] / total * log(total / parts[i]);
	}
	return sum / log(n);
}

/*
 * With the given probability, the share of new values outside the range of a sample of n values
 * from the same distribution is below this.
 */
double
CsShareOutsideRange(int64 n, double probability)
{
	return n < 2 ? 1 : gsl_cdf_beta_Pinv(probability, 2, (double) (n - 1));
}
