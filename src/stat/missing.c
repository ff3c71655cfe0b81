/*
 * missing.c
 *	  Little's test of data that are missing completely at random (Journal of the American
 *	  Statistical Association 83, 1988).
 *
 * Mean and covariance of normal data are estimated by maximum likelihood from all rows, complete or not
 * (EM: Dempster, Laird and Rubin 1977; Little and Rubin, Statistical Analysis with Missing Data, 2002).
 * Rows with the same columns missing enter by their sums, so that an iteration costs as many steps as there
 * are patterns.  Then, over the patterns j,
 *
 *	d2 = sum n_j (mean_j - m_j)' S_j^-1 (mean_j - m_j),  S = n / (n - 1) times the covariance
 *
 * which is chi-square with sum p_j - p degrees of freedom when what is missing depends on no value.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/missing.h"

#define MOST_ITERATIONS 1000
#define TOLERANCE 1e-10

/*
 * A share of a column's variance, left when the columns before it are known, that is no more than what the
 * iterations leave: the column follows from the others.
 */
#define LEAST_LEFT 1e-8

/* Estimates, and room for a step. */
typedef struct Em
{
	int			d;
	double	   *mean;
	double	   *cov;			/* d x d */
	double	   *sum,			/* expected sums, and sums of products about "origin" */
			   *cross;
	double	   *factor;			/* triangle: Cholesky factor of what is there, inverted */
	double	   *inverse;		/* d x d: inverse of the covariance of what is there */
	double	   *coefficient;	/* d x d: of what is missing on what is there */
	int		   *seen,
			   *missing;
} Em;

static double *
NewMatrix(int rows, int columns)
{
	return palloc0(sizeof(double) * Max(rows, 1) * Max(columns, 1));
}

/* Split the columns of a pattern; returns how many are there. */
static int
SplitColumns(Em *em, const CsMissingPattern *p)
{
	int			nseen = 0,
				nmissing = 0;

	for (int j = 0; j < em->d; j++)
	{
		if (p->missing[j])
			em->missing[nmissing++] = j;
		else
			em->seen[nseen++] = j;
	}
	return nseen;
}

/* Invert the covariance of the columns that are there; false when it cannot be. */
static bool
InvertSeen(Em *em, int nseen)
{
	for (int i = 0; i < nseen; i++)
		for (int j = 0; j <= i; j++)
			em->factor[CsTriangle(i) + j] = em->cov[em->seen[i] * em->d + em->seen[j]];
	if (!CsCholesky(nseen, em->factor))
		return false;
	for (int i = 0; i < nseen; i++)
	{
		double		left = em->factor[CsTriangle(i) + i];

		if (left * left < LEAST_LEFT * em->cov[em->seen[i] * em->d + em->seen[i]])
			return false;
	}
	CsInvertTriangle(nseen, em->factor);
	for (int i = 0; i < nseen; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = 0;

			for (int k = i; k < nseen; k++)
				sum += em->factor[CsTriangle(k) + i] * em->factor[CsTriangle(k) + j];
			em->inverse[i * nseen + j] = em->inverse[j * nseen + i] = sum;
		}
	return true;
}

/*
 * Add what is expected of the rows of one pattern, about the present mean; false when it cannot be.
 */
static bool
Expect(Em *em, const CsMissingPattern *p)
{
	int			d = em->d;
	int			nseen = SplitColumns(em, p),
				nmissing = d - nseen;
	double	   *off = NewMatrix(d, 1);	/* mean of the pattern's rows less the present mean */
	double	   *expected = NewMatrix(d, d); /* products about the pattern's mean */

	if (nseen > 0 && !InvertSeen(em, nseen))
		return false;
	for (int m = 0; m < nmissing; m++)
		for (int s = 0; s < nseen; s++)
		{
			double		sum = 0;

			for (int k = 0; k < nseen; k++)
				sum += em->cov[em->missing[m] * d + em->seen[k]] * em->inverse[k * nseen + s];
			em->coefficient[m * nseen + s] = sum;
		}
	for (int s = 0; s < nseen; s++)
		off[em->seen[s]] = p->mean[em->seen[s]] - em->mean[em->seen[s]];
	for (int m = 0; m < nmissing; m++)
		for (int s = 0; s < nseen; s++)
			off[em->missing[m]] += em->coefficient[m * nseen + s] * off[em->seen[s]];

	for (int s = 0; s < nseen; s++)
		for (int t = 0; t < nseen; t++)
			expected[em->seen[s] * d + em->seen[t]] = p->cross[em->seen[s] * d + em->seen[t]];
	for (int m = 0; m < nmissing; m++)
		for (int s = 0; s < nseen; s++)
		{
			double		sum = 0;

			for (int t = 0; t < nseen; t++)
				sum += em->coefficient[m * nseen + t] * p->cross[em->seen[t] * d + em->seen[s]];
			expected[em->missing[m] * d + em->seen[s]] = expected[em->seen[s] * d + em->missing[m]] = sum;
		}
	for (int m = 0; m < nmissing; m++)
		for (int l = 0; l < nmissing; l++)
		{
			double		sum = 0,
						left = em->cov[em->missing[m] * d + em->missing[l]];

			for (int s = 0; s < nseen; s++)
			{
				sum += em->coefficient[m * nseen + s] * expected[em->missing[l] * d + em->seen[s]];
				left -= em->coefficient[m * nseen + s] * em->cov[em->seen[s] * d + em->missing[l]];
			}
			expected[em->missing[m] * d + em->missing[l]] = sum + (double) p->n * left;
		}
	for (int i = 0; i < d; i++)
	{
		em->sum[i] += (double) p->n * off[i];
		for (int j = 0; j < d; j++)
			em->cross[i * d + j] += expected[i * d + j] + (double) p->n * off[i] * off[j];
	}
	pfree(off);
	pfree(expected);
	return true;
}

/* Means and variances of what is there, to start from; false when a column does not vary. */
static bool
Start(Em *em, const CsMissingPattern *patterns, int npatterns)
{
	int			d = em->d;

	for (int j = 0; j < d; j++)
	{
		double		n = 0,
					squares = 0;

		for (int i = 0; i < npatterns; i++)
			if (!patterns[i].missing[j])
			{
				n += (double) patterns[i].n;
				em->mean[j] += (double) patterns[i].n * patterns[i].mean[j];
			}
		em->mean[j] /= n;
		for (int i = 0; i < npatterns; i++)
			if (!patterns[i].missing[j])
			{
				double		off = patterns[i].mean[j] - em->mean[j];

				squares += patterns[i].cross[j * d + j] + (double) patterns[i].n * off * off;
			}
		em->cov[j * d + j] = squares / n;
		if (!(squares > 0))
			return false;
	}
	return true;
}

/*
 * One iteration: expected sums, and the estimates that they give.  Returns the largest relative
 * change.
 */
static double
Iterate(Em *em, const CsMissingPattern *patterns, int npatterns, double n)
{
	int			d = em->d;
	double		change = 0;

	memset(em->sum, 0, sizeof(double) * d);
	memset(em->cross, 0, sizeof(double) * d * d);
	for (int i = 0; i < npatterns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!Expect(em, &patterns[i]))
			return NAN;
	}
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
		{
			double		size = sqrt(em->cov[i * d + i] * em->cov[j * d + j]);
			double		now = em->cross[i * d + j] / n - em->sum[i] / n * (em->sum[j] / n);

			change = Max(change, fabs(now - em->cov[i * d + j]) / size);
			em->cross[i * d + j] = now;
		}
	for (int i = 0; i < d; i++)
	{
		change = Max(change, fabs(em->sum[i] / n) / sqrt(em->cov[i * d + i]));
		em->mean[i] += em->sum[i] / n;
	}
	memcpy(em->cov, em->cross, sizeof(double) * d * d);
	return change;
}

/* n_j times the squared distance of a pattern's mean; NaN when it cannot be had. */
static double
PatternDistance(Em *em, const CsMissingPattern *p)
{
	int			nseen = SplitColumns(em, p);
	double		sum = 0;

	if (nseen == 0)
		return 0;
	if (!InvertSeen(em, nseen))
		return NAN;
	for (int s = 0; s < nseen; s++)
		for (int t = 0; t < nseen; t++)
			sum += (p->mean[em->seen[s]] - em->mean[em->seen[s]]) * em->inverse[s * nseen + t] *
				(p->mean[em->seen[t]] - em->mean[em->seen[t]]);
	return (double) p->n * sum;
}

/*
 * Little's test of patterns of d columns, each of which has a value in some row.  Returns false
 * when the covariance cannot be estimated: a column does not vary, or follows from others, as one always does
 * where there are no more rows than columns.
 */
bool
CsLittleTest(int d, const CsMissingPattern *patterns, int npatterns, CsLittleResult *result)
{
	Em			em = {
		.d = d,.mean = NewMatrix(d, 1),.cov = NewMatrix(d, d),.sum = NewMatrix(d, 1),
		.cross = NewMatrix(d, d),.factor = NewMatrix(d, d + 1),.inverse = NewMatrix(d, d),
		.coefficient = NewMatrix(d, d),.seen = palloc0(sizeof(int) * d),
		.missing = palloc0(sizeof(int) * d)
	};
	double		n = 0,
				change = HUGE_VAL;

	memset(result, 0, sizeof(*result));
	result->df = -d;
	for (int i = 0; i < npatterns; i++)
	{
		n += (double) patterns[i].n;
		result->df += SplitColumns(&em, &patterns[i]);
	}
	if (n <= d || !Start(&em, patterns, npatterns))
		return false;
	while (change > TOLERANCE && result->iterations < MOST_ITERATIONS)
	{
		change = Iterate(&em, patterns, npatterns, n);
		if (isnan(change))
			return false;
		result->iterations++;
	}
	result->converged = change <= TOLERANCE;
	for (int i = 0; i < npatterns; i++)
		result->statistic += PatternDistance(&em, &patterns[i]);
	result->statistic *= (n - 1) / n;
	if (isnan(result->statistic))
		return false;
	result->p = result->df > 0 ? CsGammaUpper((double) result->df / 2, result->statistic / 2) : NAN;
	return true;
}
