/*
 * mahalanobis.c
 *	  Mahalanobis' distance of a row from the mean of all (Proceedings of the National Institute of
 *	  Sciences of India 2, 1936): by the inverse of their covariance's Cholesky factor.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/mahalanobis.h"
#include "stat/tests.h"

#define BLOCK_ROWS 256

/* Take a row's values, scaled, to columns of BLOCK_ROWS; false when one is missing. */
static bool
TakeRow(const double *const *columns, int d, int64 row, const double *scale, double *values)
{
	for (int j = 0; j < d; j++)
	{
		double		value = columns[j][row] * scale[j];

		values[j * BLOCK_ROWS] = value;
		if (isnan(value))
			return false;
	}
	return true;
}

/*
 * The mean and the covariance of those of n rows that have a value, not NaN, in each of d columns;
 * palloc'd.
 */
CsMahalanobis
CsMahalanobisFit(const double *const *columns, int d, int64 n)
{
	CsCrossMoments moments = CsCrossMomentsAt(palloc0(CsCrossMomentsSize(d)), d);
	CsMahalanobis result = {
		.d = d, .scale = palloc(sizeof(double) * d), .mean = moments.mean, .rest = moments.rest,
		.work = palloc(sizeof(double) * d)
	};
	double	   *a = palloc(sizeof(double) * CsTriangle(d)),
			   *block = palloc(sizeof(double) * BLOCK_ROWS * (d + CS_CROSS_TILE)),
			   *means = palloc(sizeof(double) * 2 * d);
	int			pending = 0;

	for (int j = 0; j < d; j++)
		result.scale[j] = CsScaleOf(CsLargestOf(columns[j], n));
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		pending += TakeRow(columns, d, i, result.scale, block + pending);
		if (pending == 0 || (pending < BLOCK_ROWS && i < n - 1))
			continue;
		CsCrossMomentsAddBlock(&moments, block, BLOCK_ROWS, pending, means);
		pending = 0;
	}
	pfree(block);
	pfree(means);
	CsCrossMomentsFinish(&moments, *moments.nrows - 1);
	for (int i = 0; i < d; i++)
		memcpy(a + CsTriangle(i), moments.products + (Size) i * d, sizeof(double) * (i + 1));
	if (*moments.nrows <= d || !CsCholesky(d, a))
		return result;
	CsInvertTriangle(d, a);
	result.inverse = a;
	return result;
}

/*
 * The squared distance of a complete row; NaN without a covariance.  OUT p: the chance of a larger
 * one among normal rows, whose distance is chi-square with d degrees of freedom.
 */
double
CsMahalanobisSquared(const CsMahalanobis *m, const double *x, double *p)
{
	double		squared = 0;

	*p = NAN;
	if (m->inverse == NULL)
		return NAN;
	for (int j = 0; j < m->d; j++)
		m->work[j] = (x[j] * m->scale[j] - m->mean[j]) - m->rest[j];
	for (int i = 0; i < m->d; i++)
	{
		double		sum = 0;

		for (int j = 0; j <= i; j++)
			sum += m->inverse[CsTriangle(i) + j] * m->work[j];
		squared += sum * sum;
	}
	*p = CsChiSquareUpper(squared, m->d);
	return squared;
}
