/*
 * cross_moments.c
 *	  Means and centred cross products of columns, rows by rows or block by block.
 *
 * One pass: rows that are centred by their own mean are merged into what there is by Chan, Golub and
 * LeVeque's formula (The American Statistician 37, 1983), which is Welford's for a single row.  A mean is the
 * sum of two doubles, as in moments.c, so that what is added to all values of a column does not matter.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"

/* Columns that one column is multiplied with at a time, and running sums of each product. */
#define TILE CS_CROSS_TILE
#define SUMS 8

/* Bytes of the array that holds the moments of d columns.  The array is all 0 for no rows. */
Size
CsCrossMomentsSize(int d)
{
	return (1 + 2 * (Size) d + (Size) d * d) * sizeof(double);
}

/* The parts of an array of CsCrossMomentsSize(d) bytes: the result points into the array. */
CsCrossMoments
CsCrossMomentsAt(double *array, int d)
{
	CsCrossMoments m = {
		.d = d,.nrows = array,.mean = array + 1,.rest = array + 1 + d,.products = array + 1 + 2 * (Size) d
	};

	return m;
}

/* How far a mean, or a row when "rest" is NULL, is above that of the moments. */
static inline double
MeanAbove(const CsCrossMoments *m, const double *mean, const double *rest, int i)
{
	return (mean[i] - m->mean[i]) + ((rest == NULL ? 0 : rest[i]) - m->rest[i]);
}

/*
 * Account for rows by their number and their mean, mean + rest (NULL: 0).  Their own products about that mean, if there is
 * more than one row, have been added to "to" or are to be added.
 */
void
CsCrossMomentsJoin(CsCrossMoments *to, double nrows, const double *mean, const double *rest)
{
	double		total = *to->nrows + nrows;
	double		weight = *to->nrows * nrows / total;

	/* as they are, for the difference from no mean would round them */
	if (*to->nrows == 0)
	{
		memcpy(to->mean, mean, sizeof(double) * to->d);
		if (rest != NULL)
			memcpy(to->rest, rest, sizeof(double) * to->d);
	}
	for (int i = 0; i < to->d; i++)
	{
		double		delta = MeanAbove(to, mean, rest, i);

		for (int j = i; j < to->d; j++)
			to->products[(Size) i * to->d + j] += weight * delta * MeanAbove(to, mean, rest, j);
	}
	for (int i = 0; i < to->d; i++)
		CsAddCompensated(&to->mean[i], &to->rest[i], MeanAbove(to, mean, rest, i) * (nrows / total));
	*to->nrows = total;
}

/* Add the moments "from" to the moments "to", neither of which is finished. */
void
CsCrossMomentsMerge(CsCrossMoments *to, const CsCrossMoments *from)
{
	for (int i = 0; i < to->d; i++)
	{
		for (int j = i; j < to->d; j++)
			to->products[(Size) i * to->d + j] += from->products[(Size) i * to->d + j];
	}
	CsCrossMomentsJoin(to, *from->nrows, from->mean, from->rest);
}

/* Sum of n values less "from"; n is a multiple of SUMS, as the block is padded. */
static double
SumColumn(const double *x, int n, double from)
{
	double		s[SUMS] = {0};

	for (int r = 0; r < n; r += SUMS)
	{
		for (int k = 0; k < SUMS; k++)
			s[k] += x[r + k] - from;
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/*
 * Products of one column with TILE columns that start ystride apart, added to sums[0..TILE-1].
 * Eight running sums each, so that the order of additions is the same on any machine.
 */
CS_CLONES static void
MultiplyColumns(const double *x, const double *y, int ystride, int n, double *sums)
{
	double		s[TILE][SUMS] = {{0}};

	for (int r = 0; r < n; r += SUMS)
	{
		for (int t = 0; t < TILE; t++)
		{
			for (int k = 0; k < SUMS; k++)
				s[t][k] += x[r + k] * y[(Size) t * ystride + r + k];
		}
	}
	for (int t = 0; t < TILE; t++)
		sums[t] += ((s[t][0] + s[t][1]) + (s[t][2] + s[t][3])) +
			((s[t][4] + s[t][5]) + (s[t][6] + s[t][7]));
}

/*
 * Add nrows rows of a block, column by column, "stride" values apart; stride is a multiple of 8.
 * The rows are centred in place, "mean" receives their d means, and the block must have room for
 * CS_CROSS_TILE columns behind its last one.
 */
void
CsCrossMomentsAddBlock(CsCrossMoments *m, double *block, int stride, int nrows, double *mean)
{
	double	   *rest = mean + m->d;
	int			padded = TYPEALIGN(SUMS, nrows);

	for (int j = 0; j < m->d; j++)
	{
		double	   *x = block + (Size) j * stride;

		mean[j] = x[0];
		rest[j] = 0;
		for (int r = nrows; r < padded; r++)
			x[r] = x[0];
		CsAddCompensated(&mean[j], &rest[j], SumColumn(x, padded, x[0]) / nrows);
		for (int r = 0; r < nrows; r++)
			x[r] = (x[r] - mean[j]) - rest[j];
		memset(x + nrows, 0, (padded - nrows) * sizeof(double));
	}
	for (int i = 0; i < m->d; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = i; j < m->d; j += TILE)
		{
			double		sums[TILE] = {0};

			MultiplyColumns(block + (Size) i * stride, block + (Size) j * stride,
							stride, padded, sums);
			for (int t = 0; t < Min(TILE, m->d - j); t++)
				m->products[(Size) i * m->d + j + t] += sums[t];
		}
	}
	CsCrossMomentsJoin(m, nrows, mean, rest);
}

/* Multiply the values of a column by a factor, a power of two. */
void
CsCrossMomentsRescale(CsCrossMoments *m, int column, double factor)
{
	m->mean[column] *= factor;
	m->rest[column] *= factor;
	for (int i = 0; i < m->d; i++)
		m->products[(Size) Min(i, column) * m->d + Max(i, column)] *= i == column ? factor * factor : factor;
}

/*
 * Divide the products by the divisor and fill in those below the diagonal.  Nothing can be added
 * afterwards.
 */
void
CsCrossMomentsFinish(CsCrossMoments *m, double divisor)
{
	for (int i = 0; i < m->d; i++)
		for (int j = i; j < m->d; j++)
			m->products[(Size) j * m->d + i] = m->products[(Size) i * m->d + j] /= divisor;
}
