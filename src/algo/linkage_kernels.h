/*
 * linkage_kernels.h
 *	  Kernels of the scans of hierarchical clustering: the template that linkage_points.c includes for
 *	  each width.
 */
#include "math/kernel_begin.h"

#define VECTORS (STRIP / KERNEL_WIDTH)

/* Vectors whose sums the registers have room for. */
#define VECTORS_AT_ONCE Min(VECTORS, 8)

/* A bit for each number of a vector that is negative, the lowest of the first. */
KERNEL static inline __attribute__((always_inline)) uint32
KernelName(Negative) (Row x)
{
#if !defined(CS_WIDE_KERNELS)
	return (x[0] < 0) | (uint32) (x[1] < 0) << 1;
#elif KERNEL_WIDTH == 8
	return _mm512_cmplt_epi64_mask((__m512i) x, _mm512_setzero_si512());
#elif KERNEL_WIDTH == 4
	return (uint32) _mm256_movemask_pd((__m256d) x);
#else
	return (uint32) _mm_movemask_pd((__m128d) x);
#endif
}

/*
 * Squared distances of a strip to the origin: the same sums as in CsSquaredDistances(), whose way
 * of bringing many rows to many centres costs a scan for one more instructions than it saves.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(MeasureStrip) (int d, const double *x, const double *origin, Row squared[VECTORS])
{
	for (int v = 0; v < VECTORS; v += VECTORS_AT_ONCE)
	{
		Row			sum[VECTORS_AT_ONCE];

		for (int i = 0; i < VECTORS_AT_ONCE; i++)
			sum[i] = (Row) {0};
		for (int j = 0; j < d; j++)
			for (int i = 0; i < VECTORS_AT_ONCE; i++)
			{
				Row			difference = LoadRow(x + (Size) j * STRIP + (v + i) * KERNEL_WIDTH) -
					origin[j];

				sum[i] += difference * difference;
			}
		for (int i = 0; i < VECTORS_AT_ONCE; i++)
			squared[v + i] = sum[i];
	}
}

/*
 * Ward: lower *nearest to the nearest cluster of a run of slots.  A strip is judged without
 * dividing, by squared * 2ab < known * (a + b) with a little to spare, and only the slots for which
 * that holds are looked at.
 */
KERNEL static void
KernelName(ScanWard) (const Scan *scan, int first, int n, const double *x, const double *origin,
					  const double *weight, Nearest *nearest)
{
	double		own = scan->weight;

	for (int strip = 0; strip < n; strip += STRIP)
	{
		double		limit = nearest->distance * (1 + 4 * DBL_EPSILON);
		Row			squared[VECTORS];
		uint32		nearer = 0;

		KernelName(MeasureStrip) (scan->d, x + (Size) strip * scan->d, origin, squared);
		for (int v = 0; v < VECTORS; v++)
		{
			Row			other = LoadRow(weight + strip + v * KERNEL_WIDTH);

			nearer |= KernelName(Negative) (squared[v] * (2 * own * other) - limit * (own + other)) <<
				v * KERNEL_WIDTH;
		}
		for (int r; nearer != 0 && (r = strip + pg_rightmost_one_pos32(nearer)) < n; nearer &= nearer - 1)
		{
			double		distance = WardDistance(((const double *) squared)[r - strip], own,
												weight[r]);

			if (distance < nearest->distance && first + r != scan->self)
			{
				nearest->distance = distance;
				nearest->slot = first + r;
			}
		}
	}
}

/*
 * Single: bring the distances of a run of slots to the tree up to date, now that the origin has
 * joined it, and lower *nearest to the least.
 */
KERNEL static void
KernelName(ScanSingle) (const Scan *scan, int first, int n, const double *x, const double *origin,
						double *to_tree, Nearest *nearest)
{
	for (int strip = 0; strip < n; strip += STRIP)
	{
		double		known = nearest->distance;
		Row			squared[VECTORS];
		uint32		nearer = 0;

		KernelName(MeasureStrip) (scan->d, x + (Size) strip * scan->d, origin, squared);
		for (int v = 0; v < VECTORS; v++)
		{
			double	   *place = to_tree + strip + v * KERNEL_WIDTH;
			Row			before = LoadRow(place);
			Row			now = ChooseRow(squared[v] < before, squared[v], before);

			StoreRow(place, now);
			nearer |= KernelName(Negative) (now - known) << v * KERNEL_WIDTH;
		}
		for (int r; nearer != 0 && (r = strip + pg_rightmost_one_pos32(nearer)) < n; nearer &= nearer - 1)
			if (to_tree[r] < nearest->distance)
			{
				nearest->distance = to_tree[r];
				nearest->slot = first + r;
			}
	}
}

#undef VECTORS
#undef VECTORS_AT_ONCE

#include "math/kernel_end.h"
