/*
 * gmm_mixture.c
 *	  The numbers of a Gaussian mixture, and what densities are computed from.
 *
 * Training and scoring derive the same factors from the same covariances by this one function, so
 * that a row gets the same component from both, to the bit.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/gmm.h"

/* log(2 pi) */
#define LOG_2_PI 1.83787706640934548356

/* How many numbers the covariances are. */
Size
CsGmmCovariancesSize(GmmType type, int k, int d)
{
	switch (type)
	{
		case GMM_FULL:
			return mul_size(mul_size(k, d), d);
		case GMM_TIED:
			return mul_size(d, d);
		case GMM_DIAG:
			return mul_size(k, d);
		case GMM_SPHERICAL:
			break;
	}
	return k;
}

/* The layout of the array from which densities are computed. */
GmmLayout
CsGmmLayout(GmmType type, int k, int d)
{
	GmmLayout	layout;
	int			nfactors = type == GMM_TIED ? 1 : k;

	layout.constants = 0;
	layout.means = k;
	layout.factors = add_size(layout.means, mul_size(k, d));
	layout.factor_size = type == GMM_FULL || type == GMM_TIED ? CsTriangle(d) : d;
	layout.projection = add_size(layout.factors, mul_size(layout.factor_size, nfactors));
	layout.size = add_size(layout.projection, type == GMM_TIED ? mul_size((Size) k + 1, d) : 0);
	return layout;
}

/* Number of free parameters, for BIC and AIC. */
int64
CsGmmFreeParameters(GmmType type, int k, int d)
{
	int64		covariances = k;

	if (type == GMM_FULL)
		covariances = (int64) k * CsTriangle(d);
	else if (type == GMM_TIED)
		covariances = CsTriangle(d);
	else if (type == GMM_DIAG)
		covariances = (int64) k * d;
	return covariances + (int64) k * d + k - 1;
}

/*
 * Sum of the logarithms of n numbers that lie as the diagonal of a triangle does, or side by side;
 * NaN unless all are positive, normal and finite.  "logs" has room for n rounded up to 8.
 */
static double
SumOfLogs(int n, const double *x, bool triangle, double *logs)
{
	int			padded = TYPEALIGN(8, n);
	double		sum = 0;

	for (int i = 0; i < padded; i++)
	{
		logs[i] = i >= n ? 1 : x[triangle ? CsTriangle(i + 1) - 1 : i];
		if (!(logs[i] >= DBL_MIN && logs[i] <= DBL_MAX))
			return NAN;
	}
	CsLog(padded, logs);
	for (int i = 0; i < n; i++)
		sum += logs[i];
	return sum;
}

/* Inverse of the Cholesky factor of a d x d matrix; false when it is not positive definite. */
static bool
InvertFactor(int d, const double *covariance, double *factor)
{
	for (int i = 0; i < d; i++)
		memcpy(factor + CsTriangle(i), covariance + (Size) i * d, sizeof(double) * (i + 1));
	if (!CsCholesky(d, factor))
		return false;
	CsInvertTriangle(d, factor);
	for (Size i = 0; i < CsTriangle(d); i++)
		if (!isfinite(factor[i]))
			return false;
	return true;
}

/* One over the standard deviations: of each column, or the one that all have. */
static void
InvertDeviations(int d, const double *variances, bool spherical, double *factor)
{
	for (int j = 0; j < d; j++)
		factor[j] = 1 / sqrt(variances[spherical ? 0 : j]);
}

/* Factor and log determinant of component c (tied: of all); false when it is singular. */
static bool
DeriveFactor(const GmmMixture *m, int c, double *factor, double *logs, double *log_determinant)
{
	bool		triangle = m->type == GMM_FULL || m->type == GMM_TIED;
	int			d = m->d;

	if (!triangle)
		InvertDeviations(d, m->covariances + (Size) c * (m->type == GMM_DIAG ? d : 1),
						 m->type == GMM_SPHERICAL, factor);
	else if (!InvertFactor(d, m->covariances + (Size) c * d * d, factor))
		return false;
	*log_determinant = SumOfLogs(d, factor, triangle, logs);
	return isfinite(*log_determinant);
}

/*
 * Tied: rows are measured from the mean of the mixture, near which the digits are needed; it goes
 * to projection[d], and the projections of the components' means follow.
 */
static void
ProjectMeans(const GmmMixture *m, const double *factor, double *projection)
{
	int			d = m->d;
	double	   *reference = projection;
	double	   *difference = palloc(sizeof(double) * d);

	memset(reference, 0, sizeof(double) * d);
	for (int c = 0; c < m->k; c++)
		for (int j = 0; j < d; j++)
			reference[j] += m->weights[c] * m->means[(Size) c * d + j];
	for (int c = 0; c < m->k; c++)
	{
		double	   *projected = projection + (Size) (c + 1) * d;

		for (int j = 0; j < d; j++)
			difference[j] = m->means[(Size) c * d + j] - reference[j];
		for (int i = 0; i < d; i++)
		{
			projected[i] = 0;
			for (int j = 0; j <= i; j++)
				projected[i] += difference[j] * factor[CsTriangle(i) + j];
		}
	}
	pfree(difference);
}

/*
 * Fill "density", an array of CsGmmLayout().size numbers.  Returns false when a component is
 * singular: its covariance is not positive definite, or beyond the numbers there are.
 */
bool
CsGmmDensity(const GmmMixture *m, double *density)
{
	GmmLayout	layout = CsGmmLayout(m->type, m->k, m->d);
	double	   *constants = density + layout.constants;
	double	   *logs = palloc(sizeof(double) * TYPEALIGN(8, m->d));
	double		log_determinant = 0;
	bool		regular = true;

	for (int c = 0; c < m->k && regular; c++)
	{
		if (c == 0 || m->type != GMM_TIED)
			regular = DeriveFactor(m, c, density + layout.factors + c * layout.factor_size, logs,
								   &log_determinant);
		constants[c] = SumOfLogs(1, &m->weights[c], false, logs) + log_determinant -
			0.5 * m->d * LOG_2_PI;
	}
	pfree(logs);
	if (!regular)
		return false;
	memcpy(density + layout.means, m->means, sizeof(double) * m->k * m->d);
	if (m->type == GMM_TIED)
		ProjectMeans(m, density + layout.factors, density + layout.projection);
	return true;
}

/* Is no component singular? */
bool
CsGmmIsRegular(const GmmMixture *m)
{
	double	   *density = palloc_extended(mul_size(sizeof(double), CsGmmLayout(m->type, m->k, m->d).size),
										  MCXT_ALLOC_HUGE);
	bool		regular = CsGmmDensity(m, density);

	pfree(density);
	return regular;
}
