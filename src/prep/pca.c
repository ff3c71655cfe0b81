/*
 * pca.c
 *	  Principal components of columns.
 *
 * Eigenvectors of the covariance matrix are the components, eigenvalues their variances; the sign
 * of a component is fixed by math/linear.c.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

/*
 * All d principal components of columns with these covariances; palloc'd.  An error when nothing
 * varies.
 */
CsComponents
CsComponentsOfCovariance(const CsCovariance *covariance)
{
	int			d = covariance->d;
	CsComponents c = {.d = d};
	int			info;

	for (int i = 0; i < d; i++)
		c.total += covariance->values[(Size) i * d + i];
	if (!isfinite(c.total) || c.total <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("PCA needs columns with a finite variance above 0"),
				 errhint("Choose columns whose values differ from row to row, and scale them.")));

	c.variance = palloc(mul_size(d, sizeof(double)));
	c.vectors = palloc(mul_size(mul_size(d, d), sizeof(double)));
	CHECK_FOR_INTERRUPTS();
	info = CsSymmetricEigen(d, covariance->values, c.variance, c.vectors);
	if (info != 0)
		elog(ERROR, "eigenvalues of the covariance did not converge: LAPACK returned %d", info);
	for (int i = 0; i < d; i++)
		c.variance[i] = Max(c.variance[i], 0);	/* rounding may leave a tiny negative one */
	return c;
}

/*
 * How many components "pca" of prep asks for: it is a number, or a share of the variance, which as
 * few components as possible reach.
 */
int
CsComponentsAsked(const CsComponents *c, double pca)
{
	double		sum = 0;
	int			n = 0;

	if (pca > c->d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of PCA components %.0f exceeds the number of columns, %d", pca, c->d),
				 errhint("Lower \"pca\", or give a share of the variance between 0 and 1.")));
	if (pca >= 1)
		return (int) pca;
	while (n < c->d && sum < pca * c->total)
		sum += c->variance[n++];
	return n;
}

/* Add as many components as "pca" asks for, of columns with these covariances, to parts that have none yet; palloc'd. */
void
CsPcaTake(CsPipelineParts *parts, const CsCovariance *covariance, double pca)
{
	CsComponents c = CsComponentsOfCovariance(covariance);

	parts->ncomponents = CsComponentsAsked(&c, pca);
	parts->pca_mean = covariance->mean;
	parts->pca_variance = c.variance;
	parts->components = c.vectors;
	parts->pca_total_variance = c.total;
}

/* Add components to the parts of pipeline p, which has none yet; palloc'd. */
void
CsPcaFit(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team, const CsMatrix *raw,
		 double pca)
{
	CsCovariance covariance;

	if (raw->nrows < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("PCA needs at least two rows")));
	covariance = CsCovarianceOfRows(team, p, raw);
	CsPcaTake(parts, &covariance, pca);
}
