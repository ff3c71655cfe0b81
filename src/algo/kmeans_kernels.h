/*
 * kmeans_kernels.h
 *	  Kernels of the sums of k-means: the template that kmeans_sums.c includes for each width.
 */
#include "math/kernel_begin.h"

/* Sum of n products, or without b of n numbers; n is a multiple of 8. */
KERNEL static inline __attribute__((always_inline)) double
KernelName(SumOfProducts) (int n, const double *a, const double *b)
{
	Row			sum[KERNEL_PARTS];

	for (int p = 0; p < KERNEL_PARTS; p++)
		sum[p] = (Row) {0};
	for (int i = 0; i < n; i += 8)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			int			at = i + p * KERNEL_WIDTH;

			sum[p] += b ? LoadRow(a + at) * LoadRow(b + at) : LoadRow(a + at);
		}
	return SumOfEight((const double *) sum);
}

/* See CsKmeansAddBlock(). */
KERNEL static void
KernelName(AddBlock) (int d, int nrows, const double *x, const double *weights,
					  const int32 *label, int k, double *weight, double *sum)
{
	int			padded = TYPEALIGN(8, nrows);
	double		pick[CS_BLOCK_ROWS];

	for (int c = 0; c < k; c++)
	{
		for (int r = 0; r < nrows; r++)
			pick[r] = label[r] != c ? 0 : weights ? weights[r] : 1;
		for (int r = nrows; r < padded; r++)
			pick[r] = 0;
		weight[c] += KernelName(SumOfProducts) (padded, pick, NULL);
		for (int j = 0; j < d; j++)
			sum[(Size) c * d + j] += KernelName(SumOfProducts) (padded, pick,
																x + (Size) j * CS_BLOCK_ROWS);
	}
}

/* See CsKmeansAddMoved().  Rows count 1, 0 or -1 times their weight; share: k * KMEANS_MOVED_ROWS. */
KERNEL static void
KernelName(AddToFewClusters) (int d, const double *x, int n, const int *row, const double *w,
							  const int32 *from, const int32 *to, int k, double *weight,
							  double *sum, double *share)
{
	int			padded = TYPEALIGN(8, n);
	double		value[KMEANS_MOVED_ROWS];

	for (int c = 0; c < k; c++)
	{
		double	   *its = share + (Size) c * padded;

		for (int i = 0; i < n; i++)
			its[i] = w[i] * (double) ((to[i] == c) - (from[i] == c));
		for (int i = n; i < padded; i++)
			its[i] = 0;
		weight[c] += KernelName(SumOfProducts) (padded, its, NULL);
	}
	for (int j = 0; j < d; j++)
	{
		const double *column = x + (Size) j * CS_BLOCK_ROWS;

		for (int i = 0; i < n; i++)
			value[i] = column[row[i]];
		for (int i = n; i < padded; i++)
			value[i] = 0;
		for (int c = 0; c < k; c++)
			sum[(Size) c * d + j] += KernelName(SumOfProducts) (padded, share + (Size) c * padded,
																value);
	}
}

#include "math/kernel_end.h"
