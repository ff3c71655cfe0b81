/*
 * kmeans_sums.c
 *	  What the rows of a block add to the sums of k-means' clusters, and to a potential while seeding.
 *
 * For few clusters it pays to have every row offered to every cluster, of which one takes it: that
 * takes k times the additions and yet, in full vectors, a small part of the time of going row by
 * row.  The kernels are in kmeans_kernels.h.
 */
#include "custseg.h"

#include "algo/kmeans.h"
#include "math/kernel.h"

/* Up to so many clusters rows that move are added up cluster by cluster. */
#define FEW_CLUSTERS 24

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "algo/kmeans_kernels.h"
#define KERNEL_WIDTH 4
#include "algo/kmeans_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "algo/kmeans_kernels.h"

/*
 * Sum of weight times distance over a block's rows, were "distance" one's to the nearest, too.  Sixteen running
 * sums, so that the order of additions is the same for every instruction set.
 */
double
CsKmeansPotential(int nrows, const float *nearest, const float *distance, const double *weights)
{
	return ChooseKernel(Potential) (nrows, nearest, distance, weights);
}

/*
 * Add a whole block to the sums of its clusters, weight[k] and sum[k][d].  Beyond the last row a
 * block of the matrix is 0 up to its end, which adds nothing.
 */
void
CsKmeansAddBlock(int d, int nrows, const double *x, const double *weights, const int32 *label, int k,
				 double *weight, double *sum)
{
	ChooseKernel(AddBlock) (d, nrows, x, weights, label, k, weight, sum);
}

/*
 * For many clusters, row by row, but column by column, since a column of the block fits the nearest
 * cache.
 */
static void
AddToClusters(int d, const double *x, int n, const int *row, const double *w,
			  const int32 *from, const int32 *to, double *weight, double *sum)
{
	for (int i = 0; i < n; i++)
	{
		weight[to[i]] += w[i];
		if (from[i] != KMEANS_NO_LABEL)
			weight[from[i]] -= w[i];
	}
	for (int j = 0; j < d; j++)
	{
		const double *column = x + (Size) j * CS_BLOCK_ROWS;

		for (int i = 0; i < n; i++)
		{
			double		value = w[i] * column[row[i]];

			sum[(Size) to[i] * d + j] += value;
			if (from[i] != KMEANS_NO_LABEL)
				sum[(Size) from[i] * d + j] -= value;
		}
	}
}

/*
 * Move n rows, at most KMEANS_MOVED_ROWS, with their weights w, to the sums of one cluster and out
 * of those of another, unless that is KMEANS_NO_LABEL.  The scratch is k * KMEANS_MOVED_ROWS
 * doubles.
 */
void
CsKmeansAddMoved(int d, const double *x, int n, const int *row, const double *w,
				 const int32 *from, const int32 *to, int k, double *weight, double *sum,
				 double *scratch)
{
	if (k <= FEW_CLUSTERS)
		ChooseKernel(AddToFewClusters) (d, x, n, row, w, from, to, k, weight, sum, scratch);
	else
		AddToClusters(d, x, n, row, w, from, to, weight, sum);
}
