/*
 * linkage_kernels.h
 *	  Kernels of the scans of hierarchical clustering: the template that linkage_points.c includes for
 *	  each width.
 */
#include "math/kernel_begin.h"

#define VECTORS (STRIP / KERNEL_WIDTH)

/* Vectors whose sums the registers have room for. */
#define VECTORS_AT_ONCE Min(VECTORS, 8)

/* Is one of some numbers negative?  "signs" has their bits, those of several vectors or'ed. */
KERNEL static inline __attribute__((always_inline)) bool
KernelName(AnyNegative) (const RowMask *signs)
{
	int64		any = 0;

	for (int i = 0; i < KERNEL_WIDTH; i++)
		any |= (*signs)[i];
	return any < 0;
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
 * dividing, by squared * 2ab < known * (a + b) with a little to spare, and looked into only if that
 * holds somewhere in it.
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
		RowMask		signs = {0};

		KernelName(MeasureStrip) (scan->d, x + (Size) strip * scan->d, origin, squared);
		for (int v = 0; v < VECTORS; v++)
		{
			Row			other = LoadRow(weight + strip + v * KERNEL_WIDTH);

			signs |= (RowMask) (squared[v] * (2 * own * other) - limit * (own + other));
		}
		if (!KernelName(AnyNegative) (&signs))
			continue;
		for (int r = strip; r < Min(strip + STRIP, n); r++)
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
		RowMask		signs = {0};

		KernelName(MeasureStrip) (scan->d, x + (Size) strip * scan->d, origin, squared);
		for (int v = 0; v < VECTORS; v++)
		{
			double	   *place = to_tree + strip + v * KERNEL_WIDTH;
			Row			before = LoadRow(place);
			Row			now = ChooseRow(squared[v] < before, squared[v], before);

			StoreRow(place, now);
			signs |= (RowMask) (now - known);
		}
		if (!KernelName(AnyNegative) (&signs))
			continue;
		for (int r = strip; r < Min(strip + STRIP, n); r++)
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
