/*
 * silhouette_kernels.h
 *	  Distances of rows to others, and their sums: the template that silhouette.c includes for each width.
 */
#include "math/kernel_begin.h"

/*
 * The square roots of numbers from LEAST_ROOT to MOST_ROOT, rounded correctly, by Newton's steps from an
 * approximation of 14 bits: in a third of the time that the instruction for square roots takes.
 *
 * g comes to the root and h to a half of its inverse.  After two steps both are right to about 2^-53.  The last step
 * adds to g what its square, whose error the fused operation gives exactly, lacks (Markstein, Computation of
 * elementary functions on the IBM RISC System/6000 processor, 1990).
 */
#if defined(CS_WIDE_KERNELS) && KERNEL_WIDTH == 8
KERNEL static inline __attribute__((always_inline)) Row
KernelName(Roots) (Row x)
{
	__m512d		a = (__m512d) x,
				half = _mm512_set1_pd(0.5),
				y = _mm512_rsqrt14_pd(a),
				g = _mm512_mul_pd(a, y),
				h = _mm512_mul_pd(half, y);
	__mmask8	others = _mm512_cmp_pd_mask(a, _mm512_set1_pd(LEAST_ROOT), _CMP_NGE_UQ) |
		_mm512_cmp_pd_mask(a, _mm512_set1_pd(MOST_ROOT), _CMP_NLE_UQ);

	for (int step = 0; step < 2; step++)
	{
		__m512d		lacks = _mm512_fnmadd_pd(g, h, half);

		g = _mm512_fmadd_pd(g, lacks, g);
		h = _mm512_fmadd_pd(h, lacks, h);
	}
	g = _mm512_fmadd_pd(_mm512_fnmadd_pd(g, g, a), h, g);
	if (others != 0)
		g = _mm512_mask_sqrt_pd(g, others, a);
	return (Row) g;
}
#elif defined(CS_WIDE_KERNELS) && KERNEL_WIDTH == 4
#define Roots4(x) ((Row) _mm256_sqrt_pd((__m256d) (x)))
#elif defined(CS_WIDE_KERNELS)
#define Roots2(x) ((Row) _mm_sqrt_pd((__m128d) (x)))
#else
#define Roots2(x) ((Row) {sqrt((x)[0]), sqrt((x)[1])})
#endif

/*
 * Compare nrows rows with up to eight rows x[j * stride + r], of which the first n count: each of the n gets the sum of
 * its distances to its column, and each of the nrows a part of its distance to all n, as eight running sums.
 * Inlined with a constant nrows, so that the running sums live in registers.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(CompareEight) (int nrows, int d, int n, const double *x, int stride, const double *rows,
						  double *column, Row sums[][KERNEL_PARTS])
{
	for (int part = 0; part < KERNEL_PARTS && part * KERNEL_WIDTH < n; part++)
	{
		Row			distance[QUAD],
					all;
		int			here = Min(KERNEL_WIDTH, n - part * KERNEL_WIDTH);

		for (int t = 0; t < nrows; t++)
			distance[t] = (Row) {0};
		for (int j = 0; j < d; j++)
		{
			Row			value = LoadRow(x + (Size) j * stride + part * KERNEL_WIDTH);

			for (int t = 0; t < nrows; t++)
			{
				Row			difference = value - rows[(Size) t * d + j];

				distance[t] += difference * difference;
			}
		}
		for (int t = 0; t < nrows; t++)
		{
			distance[t] = KernelName(Roots) (distance[t]);
			for (int i = here; i < KERNEL_WIDTH; i++)
				distance[t][i] = 0;
			sums[t][part] += distance[t];
		}
		all = nrows == QUAD ? (distance[0] + distance[1]) + (distance[2] + distance[3]) : distance[0];
		if (here == KERNEL_WIDTH)
			StoreRow(column + part * KERNEL_WIDTH, LoadRow(column + part * KERNEL_WIDTH) + all);
		else
			for (int i = 0; i < here; i++)
				column[part * KERNEL_WIDTH + i] += all[i];
	}
}

/*
 * Compare nrows rows, rows[t * d + j], with a run of n rows x[j * stride + r]: sum[t * sum_stride] gains the distances
 * of a row to the run, as eight running sums, and each of the run has those to the nrows rows added to its column.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(CompareRun) (int nrows, int d, int n, const double *x, int stride, const double *rows, double *column,
						double *sum, int sum_stride)
{
	Row			sums[QUAD][KERNEL_PARTS];
	int			r = 0;

	for (int t = 0; t < nrows; t++)
		for (int part = 0; part < KERNEL_PARTS; part++)
			sums[t][part] = (Row) {0};
	for (; r + 8 <= n; r += 8)
		KernelName(CompareEight) (nrows, d, 8, x + r, stride, rows, column + r, sums);
	if (r < n)
		KernelName(CompareEight) (nrows, d, n - r, x + r, stride, rows, column + r, sums);
	for (int t = 0; t < nrows; t++)
	{
		double		eight[8];

		for (int part = 0; part < KERNEL_PARTS; part++)
			StoreRow(eight + part * KERNEL_WIDTH, sums[t][part]);
		sum[(Size) t * sum_stride] += SumOfEight(eight);
	}
}

/* Compare the rows of a group with a run, four at a time. */
KERNEL static void
KernelName(CompareWithRun) (int group, int d, int n, const double *x, int stride, const double *rows, double *column,
							double *sum, int sum_stride)
{
	int			t = 0;

	for (; t + QUAD <= group; t += QUAD)
		KernelName(CompareRun) (QUAD, d, n, x, stride, rows + (Size) t * d, column, sum + (Size) t * sum_stride,
								sum_stride);
	for (; t < group; t++)
		KernelName(CompareRun) (1, d, n, x, stride, rows + (Size) t * d, column, sum + (Size) t * sum_stride,
								sum_stride);
}

#if KERNEL_WIDTH == 4
#undef Roots4
#elif KERNEL_WIDTH == 2
#undef Roots2
#endif

#include "math/kernel_end.h"
