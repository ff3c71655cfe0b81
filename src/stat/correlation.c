/*
 * correlation.c
 *	  Correlations: Pearson's, and by ranks Spearman's.
 *
 * Correlations of all columns, whose means are known, are taken in one pass: a block of rows of every
 * column is centred, and each two columns multiplied while it is in the cache.  p is that of t = r sqrt((n - 2) / (1 - r^2)) with
 * n - 2 degrees of freedom, by the incomplete beta function I(1 - r^2; n/2 - 1, 1/2), which keeps its digits
 * where p is small.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/correlation.h"

#define BLOCK_VALUES 1024
#define SUMS 8

/* Where the values end that are equal to the one at "start", of n that are sorted. */
static inline int64
EndOfTies(const double *sorted, int64 start, int64 n)
{
	int64		end = start + 1;

	while (end < n && sorted[end] == sorted[start])
		end++;
	return end;
}

/*
 * The ranks of n values that are sorted, as CsRanks() has them but twice, to the rows that have the values.  There are at
 * most CS_MAX_RANKED_TWICE.
 */
void
CsTwiceRanksOfSorted(const double *sorted, const uint32 *rows, int64 n, uint32 *ranks)
{
	for (int64 start = 0, end; start < n; start = end)
	{
		CHECK_FOR_INTERRUPTS();
		end = EndOfTies(sorted, start, n);
		for (int64 i = start; i < end; i++)
			ranks[rows[i]] = (uint32) (start + 1 + end);
	}
}

/*
 * Ranks of n values, 1 to n; ties get their mean rank.  No value is NaN, and there are at most
 * CS_MAX_RANKED.  "work" holds 2 n doubles.
 */
void
CsRanks(const double *x, int64 n, double *ranks, double *work)
{
	double	   *sorted = work;
	uint32	   *rows = (uint32 *) (work + n);

	(void) CsSortColumn(x, n, sorted, rows, ranks);
	for (int64 start = 0, end; start < n; start = end)
	{
		CHECK_FOR_INTERRUPTS();
		end = EndOfTies(sorted, start, n);
		for (int64 i = start; i < end; i++)
			ranks[rows[i]] = (double) (start + 1 + end) / 2;
	}
}

/* Sum of BLOCK_VALUES products; in eight running sums, so that all machines add alike. */
CS_CLONES static double
SumProducts(const double *x, const double *y)
{
	double		s[SUMS] = {0};

	for (int i = 0; i < BLOCK_VALUES; i += SUMS)
		for (int k = 0; k < SUMS; k++)
			s[k] += x[i + k] * y[i + k];
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* Take up to BLOCK_VALUES values, from a row on, as they deviate from their column's mean, and zeros behind them. */
CS_CLONES static void
TakeBlock(const CsCorrelated *column, int64 start, int64 n, double *block)
{
	const CsMoments *moments = &column->moments;

	if (column->values != NULL)
	{
		for (int64 i = 0; i < n; i++)
			block[i] = CsMomentsOff(moments, column->values[start + i]);
	}
	else
	{
		for (int64 i = 0; i < n; i++)
			block[i] = CsMomentsOff(moments, (double) column->twice_ranks[start + i] / 2);
	}
	memset(block + n, 0, sizeof(double) * (BLOCK_VALUES - n));
}

/* Add a block's products of each two columns, blocks being BLOCK_VALUES apart. */
static void
AddProducts(const double *blocks, int d, double *products, double *rests)
{
	for (int a = 0; a < d; a++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int b = a; b < d; b++)
			CsAddCompensated(&products[a * d + b], &rests[a * d + b],
							 SumProducts(blocks + (Size) a * BLOCK_VALUES,
										 blocks + (Size) b * BLOCK_VALUES));
	}
}

/* Correlation of two columns, by their products; NaN where one does not vary. */
static double
Correlation(double xy, double xx, double yy)
{
	if (!(xx > 0 && yy > 0))
		return NAN;
	return Max(Min(xy / sqrt(xx * yy), 1), -1);
}

/* The moments of n ranks as far as CsCorrelationMatrix() needs them: ties do not change their mean. */
CsMoments
CsRankMoments(int64 n)
{
	double		scale = CsScaleOf((double) n);

	return (CsMoments) {.n = n, .scale = scale, .mean = (double) (n + 1) / 2 * scale};
}

/*
 * Pearson's correlation of each two of d columns of n > 0 values, whose means the moments have.  OUT
 * r[a * d + b] for a < b; NaN where one column does not vary.
 */
void
CsCorrelationMatrix(const CsCorrelated *columns, int d, int64 n, double *r)
{
	Size		cells = (Size) d * d;
	double	   *blocks = palloc(sizeof(double) * BLOCK_VALUES * d);
	double	   *rests = palloc0(sizeof(double) * cells);

	memset(r, 0, sizeof(double) * cells);
	for (int64 start = 0; start < n; start += BLOCK_VALUES)
	{
		for (int j = 0; j < d; j++)
			TakeBlock(&columns[j], start, Min(n - start, BLOCK_VALUES), blocks + (Size) j * BLOCK_VALUES);
		AddProducts(blocks, d, r, rests);
	}
	for (Size i = 0; i < cells; i++)
		r[i] += rests[i];
	for (int a = 0; a < d; a++)
		for (int b = a + 1; b < d; b++)
			r[a * d + b] = Correlation(r[a * d + b], r[a * d + a], r[b * d + b]);
	pfree(blocks);
	pfree(rests);
}

/* Pearson's correlation of n > 0 pairs; NaN where one side does not vary. */
double
CsCorrelation(const double *x, const double *y, int64 n)
{
	CsCorrelated columns[2] = {{.values = x}, {.values = y}};
	double		r[4];

	for (int i = 0; i < 2; i++)
		CsMomentsAdd(&columns[i].moments, columns[i].values, n);
	CsCorrelationMatrix(columns, 2, n, r);
	return r[1];
}

/* The two-sided p of a correlation r of n pairs. */
double
CsCorrelationP(double r, int64 n)
{
	if (isnan(r) || n < 3)
		return NAN;
	return CsBetaLower((double) (n - 2) / 2, 0.5, (1 - r) * (1 + r), r * r);
}
