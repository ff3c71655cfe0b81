/*
 * kmeans_kernels.h
 *	  Kernels of the sums of k-means: the template that kmeans_sums.c includes for each width.
 */
#include "math/kernel_begin.h"

/* Sum of n numbers; n is a multiple of 8. */
KERNEL static inline __attribute__((always_inline)) double
KernelName(SumOfNumbers) (int n, const double *a)
{
	Row			sum[KERNEL_PARTS];

	for (int p = 0; p < KERNEL_PARTS; p++)
		sum[p] = (Row) {0};
	for (int i = 0; i < n; i += 8)
		for (int p = 0; p < KERNEL_PARTS; p++)
			sum[p] += LoadRow(a + i + p * KERNEL_WIDTH);
	return SumOfEight((const double *) sum);
}

/* Sums that are added up side by side, since each alone would wait for its own additions. */
#define SUMS_AT_ONCE Min(4, KERNEL_WIDTH)

/* SumOfEight() of each of the sums. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(SumsOfEight) (const Row sum[][KERNEL_PARTS], double *result)
{
#if KERNEL_WIDTH == 8
	/* neighbors, then neighbors of what is left, and once more, of four sums at a time */
	__m512d		a = (__m512d) sum[0][0],
				b = (__m512d) sum[1][0],
				c = (__m512d) sum[2][0],
				d = (__m512d) sum[3][0],
				ab = _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)),
				cd = _mm512_add_pd(_mm512_unpacklo_pd(c, d), _mm512_unpackhi_pd(c, d)),
				halves = _mm512_add_pd(_mm512_shuffle_f64x2(ab, cd, 0x88), _mm512_shuffle_f64x2(ab, cd, 0xdd)),
				whole = _mm512_add_pd(_mm512_shuffle_f64x2(halves, halves, 0x08),
									  _mm512_shuffle_f64x2(halves, halves, 0x0d));

	_mm256_storeu_pd(result, _mm512_castpd512_pd256(whole));
#else
	for (int s = 0; s < SUMS_AT_ONCE; s++)
		result[s] = SumOfEight((const double *) sum[s]);
#endif
}

/*
 * Add to "count" (at most SUMS_AT_ONCE) sums the products of n numbers and as many of a column each: n is a
 * multiple of 8.  Inlined with a constant count, so that the running sums live in registers.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AddProducts) (int n, const double *a, int count, const double *column, int stride, double *sums)
{
	Row			sum[SUMS_AT_ONCE][KERNEL_PARTS];
	double		result[SUMS_AT_ONCE];

	for (int s = 0; s < SUMS_AT_ONCE; s++)
		for (int p = 0; p < KERNEL_PARTS; p++)
			sum[s][p] = (Row) {0};
	for (int i = 0; i < n; i += 8)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			Row			factor = LoadRow(a + i + p * KERNEL_WIDTH);

			for (int s = 0; s < count; s++)
				sum[s][p] += factor * LoadRow(column + (Size) s * stride + i + p * KERNEL_WIDTH);
		}
	KernelName(SumsOfEight) ((const Row (*)[KERNEL_PARTS]) sum, result);
	for (int s = 0; s < count; s++)
		sums[s] += result[s];
}

/* The same for any number of columns. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AddColumns) (int n, const double *a, int ncolumns, const double *column, int stride, double *sums)
{
	int			j;

	for (j = 0; j + SUMS_AT_ONCE <= ncolumns; j += SUMS_AT_ONCE)
		KernelName(AddProducts) (n, a, SUMS_AT_ONCE, column + (Size) j * stride, stride, sums + j);
	for (; j < ncolumns; j++)
		KernelName(AddProducts) (n, a, 1, column + (Size) j * stride, stride, sums + j);
}

/* Columns and clusters whose sums are added up side by side: as many as the registers of a width hold. */
#define COLUMNS_AT_ONCE (KERNEL_WIDTH == 8 ? 5 : 3)
#define CLUSTERS_AT_ONCE (KERNEL_WIDTH == 8 ? 5 : KERNEL_WIDTH == 4 ? 2 : 1)

/* Labels of a vector of rows. */
typedef int32 KernelName(Labels) __attribute__((vector_size(4 * KERNEL_WIDTH), aligned(4)));

/* A sum with the values of those rows whose label is c. */
KERNEL static inline __attribute__((always_inline)) Row
KernelName(AddLabelled) (Row sum, RowMask label, int64 c, Row value)
{
#if KERNEL_WIDTH == 8
	return (Row) _mm512_mask_add_pd((__m512d) sum, _mm512_cmpeq_epi64_mask((__m512i) label, _mm512_set1_epi64(c)),
									(__m512d) sum, (__m512d) value);
#else
	return sum + (Row) ((label == c) & (RowMask) value);
#endif
}

/*
 * Add n rows of "count" (at most COLUMNS_AT_ONCE) columns, times the rows' weights unless these are NULL, to the
 * sums of clusters c and on, of which k are wanted: sums[cluster * d + column].  n is a multiple of 8.  Inlined
 * with a constant count.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AddTile) (int n, const int32 *label, const double *weights, int count, const double *column, int stride,
					 int c, int k, int d, double *sums)
{
	Row			sum[CLUSTERS_AT_ONCE][COLUMNS_AT_ONCE][KERNEL_PARTS];

	for (int i = 0; i < CLUSTERS_AT_ONCE; i++)
		for (int j = 0; j < count; j++)
			for (int p = 0; p < KERNEL_PARTS; p++)
				sum[i][j][p] = (Row) {0};
	for (int r = 0; r < n; r += 8)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			int			at = r + p * KERNEL_WIDTH;
			RowMask		its = __builtin_convertvector(*(const KernelName(Labels) *) (label + at), RowMask);

			for (int j = 0; j < count; j++)
			{
				Row			value = LoadRow(column + (Size) j * stride + at);

				if (weights)
					value *= LoadRow(weights + at);
				for (int i = 0; i < CLUSTERS_AT_ONCE; i++)
					sum[i][j][p] = KernelName(AddLabelled) (sum[i][j][p], its, c + i, value);
			}
		}
	for (int i = 0; i < CLUSTERS_AT_ONCE && c + i < k; i++)
		for (int j = 0; j < count; j++)
			sums[(Size) (c + i) * d + j] += SumOfEight((const double *) sum[i][j]);
}

/* The same for all clusters and any number of columns, in groups that are as even as can be. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AddLabelledRows) (int n, const int32 *label, const double *weights, int ncolumns, const double *column,
							 int stride, int k, int d, double *sums)
{
	int			groups = (ncolumns + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE,
				count;

	for (int j = 0; j < ncolumns; j += count)
	{
		const double *first = column + (Size) j * stride;

		count = (ncolumns - j + groups - 1) / groups;
		groups--;
		for (int c = 0; c < k; c += CLUSTERS_AT_ONCE)
			switch (count)
			{
#if KERNEL_WIDTH == 8
				case 5:
					KernelName(AddTile) (n, label, weights, 5, first, stride, c, k, d, sums + j);
					break;
				case 4:
					KernelName(AddTile) (n, label, weights, 4, first, stride, c, k, d, sums + j);
					break;
#endif
				case 3:
					KernelName(AddTile) (n, label, weights, 3, first, stride, c, k, d, sums + j);
					break;
				case 2:
					KernelName(AddTile) (n, label, weights, 2, first, stride, c, k, d, sums + j);
					break;
				default:
					KernelName(AddTile) (n, label, weights, 1, first, stride, c, k, d, sums + j);
			}
	}
}

/* See CsKmeansAddBlock(). */
KERNEL static void
KernelName(AddBlock) (int d, int nrows, const double *x, const double *weights,
					  const int32 *label, int k, double *weight, double *sum)
{
	int			padded = TYPEALIGN(8, nrows);
	double		share[CS_BLOCK_ROWS];
	int32		its[CS_BLOCK_ROWS];

	for (int r = 0; r < nrows; r++)
	{
		share[r] = weights ? weights[r] : 1;
		its[r] = label[r];
	}
	for (int r = nrows; r < padded; r++)
	{
		share[r] = 0;
		its[r] = KMEANS_NO_LABEL;
	}
	KernelName(AddLabelledRows) (padded, its, NULL, 1, share, 0, k, 1, weight);
	if (weights)
		KernelName(AddLabelledRows) (padded, its, share, d, x, CS_BLOCK_ROWS, k, d, sum);
	else
		KernelName(AddLabelledRows) (padded, its, NULL, d, x, CS_BLOCK_ROWS, k, d, sum);
}

/* See CsKmeansAddMoved().  Rows count 1, 0 or -1 times their weight; share: k * KMEANS_MOVED_ROWS. */
KERNEL static void
KernelName(AddToFewClusters) (int d, const double *x, int n, const int *row, const double *w,
							  const int32 *from, const int32 *to, int k, double *weight,
							  double *sum, double *share)
{
	int			padded = TYPEALIGN(8, n);
	double		value[SUMS_AT_ONCE][KMEANS_MOVED_ROWS];

	for (int c = 0; c < k; c++)
	{
		double	   *its = share + (Size) c * padded;

		for (int i = 0; i < n; i++)
			its[i] = w[i] * (double) ((to[i] == c) - (from[i] == c));
		for (int i = n; i < padded; i++)
			its[i] = 0;
		weight[c] += KernelName(SumOfNumbers) (padded, its);
	}
	for (int j = 0; j < d; j += SUMS_AT_ONCE)
	{
		int			ncolumns = Min(SUMS_AT_ONCE, d - j);

		for (int s = 0; s < ncolumns; s++)
		{
			const double *column = x + (Size) (j + s) * CS_BLOCK_ROWS;

			for (int i = 0; i < n; i++)
				value[s][i] = column[row[i]];
			for (int i = n; i < padded; i++)
				value[s][i] = 0;
		}
		for (int c = 0; c < k; c++)
			KernelName(AddColumns) (padded, share + (Size) c * padded, ncolumns, value[0], KMEANS_MOVED_ROWS,
									sum + (Size) c * d + j);
	}
}

/* Numbers in single precision that become a vector, and their masks. */
typedef float KernelName(Narrow) __attribute__((vector_size(4 * KERNEL_WIDTH), aligned(4)));
typedef int32 KernelName(NarrowMask) __attribute__((vector_size(4 * KERNEL_WIDTH), aligned(4)));

/* See CsKmeansPotential(). */
KERNEL static double
KernelName(Potential) (int nrows, const float *nearest, const float *distance, const double *weights)
{
	Row			sum[16 / KERNEL_WIDTH];
	double		sums[16],
				total = 0;
	int			strip;

	for (int p = 0; p < lengthof(sum); p++)
		sum[p] = (Row) {0};
	for (strip = 0; strip + 16 <= nrows; strip += 16)
		for (int p = 0; p < lengthof(sum); p++)
		{
			int			at = strip + p * KERNEL_WIDTH;
			KernelName(Narrow) before = *(const KernelName(Narrow) *) (nearest + at);
			KernelName(Narrow) now = *(const KernelName(Narrow) *) (distance + at);
			KernelName(NarrowMask) closer = now < before;
			KernelName(Narrow) least = (KernelName(Narrow)) ((closer & (KernelName(NarrowMask)) now) |
															 (~closer & (KernelName(NarrowMask)) before));
			Row			wide = __builtin_convertvector(least, Row);

			sum[p] += weights ? LoadRow(weights + at) * wide : wide;
		}
	memcpy(sums, sum, sizeof(sums));
	for (int r = strip; r < nrows; r++)
	{
		double		least = distance[r] < nearest[r] ? distance[r] : nearest[r];

		sums[r - strip] += weights ? weights[r] * least : least;
	}
	for (int i = 0; i < 16; i++)
		total += sums[i];
	return total;
}

#undef SUMS_AT_ONCE
#undef COLUMNS_AT_ONCE
#undef CLUSTERS_AT_ONCE
#include "math/kernel_end.h"
