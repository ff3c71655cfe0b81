/*
 * distance_kernels.h
 *	  Kernels of squared distances: the template that distance.c includes for each width.
 */
#include "math/kernel_begin.h"

/*
 * Distances of TILE_ROWS rows to "nc" (at most TILE_CENTERS) centres over columns first..last-1,
 * added to what distance[c * distance_stride + r] holds, unless these are the first.  Inlined with a
 * constant nc, so that the running sums live in registers.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(TileDistances) (int d, int first, int last, const double *x, int stride, int nc,
						   const double *centers, double *distance, int distance_stride)
{
	Row			sum[TILE_CENTERS][2];

	for (int c = 0; c < nc; c++)
		for (int half = 0; half < 2; half++)
			sum[c][half] = first == 0 ? (Row) {0} :
				LoadRow(distance + c * distance_stride + half * KERNEL_WIDTH);
	for (int j = first; j < last; j++)
	{
		Row			a = LoadRow(x + (Size) j * stride);
		Row			b = LoadRow(x + (Size) j * stride + KERNEL_WIDTH);

		for (int c = 0; c < nc; c++)
		{
			Row			da = a - centers[(Size) c * d + j];
			Row			db = b - centers[(Size) c * d + j];

			sum[c][0] += da * da;
			sum[c][1] += db * db;
		}
	}
	for (int c = 0; c < nc; c++)
		for (int half = 0; half < 2; half++)
			StoreRow(distance + c * distance_stride + half * KERNEL_WIDTH, sum[c][half]);
}

/* The same for k centres, tile by tile. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(CentersDistances) (int d, int first, int last, const double *x, int stride, int k,
							  const double *centers, double *distance, int distance_stride)
{
	int			c;

	for (c = 0; c + TILE_CENTERS <= k; c += TILE_CENTERS)
		KernelName(TileDistances) (d, first, last, x, stride, TILE_CENTERS, centers + (Size) c * d,
								   distance + (Size) c * distance_stride, distance_stride);
	centers += (Size) c * d;
	distance += (Size) c * distance_stride;
	switch (k - c)
	{
		case 3:
			KernelName(TileDistances) (d, first, last, x, stride, 3, centers, distance,
									   distance_stride);
			break;
		case 2:
			KernelName(TileDistances) (d, first, last, x, stride, 2, centers, distance,
									   distance_stride);
			break;
		case 1:
			KernelName(TileDistances) (d, first, last, x, stride, 1, centers, distance,
									   distance_stride);
			break;
	}
}

/*
 * Distances of up to GROUP_ROWS rows, a multiple of STRIP_ROWS, to k centres, a few columns at a
 * time; "ahead" is where the rows lie that come next.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(GroupDistances) (int d, int nrows, const double *x, int stride, const double *ahead,
							int k, const double *centers, double *distance, int distance_stride)
{
	int			last;

	for (int first = 0; first < d; first = last)
	{
		last = d - first <= LAST_TILE_COLUMNS ? d : first + TILE_COLUMNS;
		for (int strip = 0; strip < nrows; strip += STRIP_ROWS)
		{
			PrefetchStrip(last - first, ahead + (Size) first * stride + strip, stride);
			for (int r = strip; r < strip + STRIP_ROWS; r += TILE_ROWS)
				KernelName(CentersDistances) (d, first, last, x + r, stride, k, centers,
											  distance + r, distance_stride);
		}
	}
}

/* See CsSquaredDistances(). */
KERNEL static void
KernelName(SquaredDistances) (int d, int padded, const double *x, int stride, int k,
							  const double *centers, double *distance)
{
	for (int r = 0; r < padded; r += GROUP_ROWS)
		KernelName(GroupDistances) (d, Min(GROUP_ROWS, padded - r), x + r, stride,
									GroupAhead(d, x, stride, r, padded), k, centers,
									distance + r, padded);
}

/*
 * Nearest and, unless "second" is NULL, second nearest of k centres for KERNEL_WIDTH rows whose
 * distances are known.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(NearestOfKnown) (int k, const double *distance, int distance_stride, int32 *label,
							double *nearest, double *second)
{
	Row			best = LoadRow(distance);
	Row			next = (Row) {0} + HUGE_VAL;
	RowMask		at = {0};

	for (int c = 1; c < k; c++)
	{
		Row			here = LoadRow(distance + (Size) c * distance_stride);
		RowMask		closer = here < best;

		if (second)
		{
			Row			loser = ChooseRow(closer, best, here);

			next = ChooseRow(loser < next, loser, next);
		}
		best = ChooseRow(closer, here, best);
		at = (closer & c) | (~closer & at);
	}
	StoreRow(nearest, best);
	if (second)
		StoreRow(second, next);
	for (int i = 0; i < KERNEL_WIDTH; i++)
		label[i] = (int32) at[i];
}

/* See CsNearest(). */
KERNEL static void
KernelName(FindNearest) (int d, int padded, const double *x, int stride, int k,
						 const double *centers, double *scratch, int32 *label, double *nearest,
						 double *second)
{
	for (int r = 0; r < padded; r += GROUP_ROWS)
	{
		int			rows = Min(GROUP_ROWS, padded - r);

		KernelName(GroupDistances) (d, rows, x + r, stride, GroupAhead(d, x, stride, r, padded), k,
									centers, scratch, GROUP_ROWS);
		if (second)
			for (int i = 0; i < rows; i += KERNEL_WIDTH)
				KernelName(NearestOfKnown) (k, scratch + i, GROUP_ROWS, label + r + i,
											nearest + r + i, second + r + i);
		else
			for (int i = 0; i < rows; i += KERNEL_WIDTH)
				KernelName(NearestOfKnown) (k, scratch + i, GROUP_ROWS, label + r + i,
											nearest + r + i, NULL);
	}
}

/* See CsRoundedDistances(). */
KERNEL static void
KernelName(RoundedDistances) (int d, int nrows, const float *z, const float *point,
							  float *distance)
{
	for (int tile = 0; tile < nrows; tile += CS_FILTER_TILE)
	{
		RowF		sum[CS_FILTER_TILE / KERNEL_FLOATS];

		for (int p = 0; p < lengthof(sum); p++)
			sum[p] = (RowF) {0};
		for (int j = 0; j < d; j++, z += CS_FILTER_TILE)
			for (int p = 0; p < lengthof(sum); p++)
			{
				RowF		difference = LoadRowF(z + p * KERNEL_FLOATS) - point[j];

				sum[p] += difference * difference;
			}
		for (int p = 0; p < lengthof(sum); p++)
			StoreRowF(distance + tile + p * KERNEL_FLOATS, sum[p]);
	}
}

#include "math/kernel_end.h"
