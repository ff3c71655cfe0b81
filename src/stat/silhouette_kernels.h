/*
 * silhouette_kernels.h
 *	  Roots of distances: the template that silhouette.c includes for each width.
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
 * Roots of the squared distances of a block, in place, distance[t * stride + r]; what each row r has to
 * the rows of the group is added to its column.
 */
KERNEL static void
KernelName(RootsToColumn) (int group, int n, double *distance, int stride, double *column)
{
	int			t = 0;

	for (; t + 4 <= group; t += 4)
	{
		double	   *a = distance + t * stride,
				   *b = a + stride,
				   *c = b + stride,
				   *d = c + stride;
		int			r = 0;

		for (; r + KERNEL_WIDTH <= n; r += KERNEL_WIDTH)
		{
			Row			to_a = KernelName(Roots) (LoadRow(a + r)),
						to_b = KernelName(Roots) (LoadRow(b + r)),
						to_c = KernelName(Roots) (LoadRow(c + r)),
						to_d = KernelName(Roots) (LoadRow(d + r));

			StoreRow(a + r, to_a);
			StoreRow(b + r, to_b);
			StoreRow(c + r, to_c);
			StoreRow(d + r, to_d);
			StoreRow(column + r, LoadRow(column + r) + ((to_a + to_b) + (to_c + to_d)));
		}
		for (; r < n; r++)
		{
			a[r] = sqrt(a[r]);
			b[r] = sqrt(b[r]);
			c[r] = sqrt(c[r]);
			d[r] = sqrt(d[r]);
			column[r] += (a[r] + b[r]) + (c[r] + d[r]);
		}
	}
	for (; t < group; t++)
		for (int r = 0; r < n; r++)
		{
			double	   *a = distance + t * stride + r;

			*a = sqrt(*a);
			column[r] += *a;
		}
}

#if KERNEL_WIDTH == 4
#undef Roots4
#elif KERNEL_WIDTH == 2
#undef Roots2
#endif

#include "math/kernel_end.h"
