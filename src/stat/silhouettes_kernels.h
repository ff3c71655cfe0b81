/*
 * silhouettes_kernels.h
 *	  The kernel of silhouettes.c, a template that it includes for each width.
 */
#include "math/kernel_begin.h"

/* Add n rows' distances to a group, GROUP each, to the sums of the segments that the rows are in. */
KERNEL static void
KernelName(AddDistances) (int n, const double *distance, int nlabelings, const int32 *slots, double *sums)
{
	for (int r = 0; r < n; r++)
	{
		Row			from[GROUP / KERNEL_WIDTH];

		for (int v = 0; v < GROUP / KERNEL_WIDTH; v++)
			from[v] = LoadRow(distance + (Size) r * GROUP + v * KERNEL_WIDTH);
		for (int l = 0; l < nlabelings; l++)
		{
			double	   *sum = sums + (Size) slots[(Size) r * nlabelings + l] * GROUP;

			for (int v = 0; v < GROUP / KERNEL_WIDTH; v++)
				StoreRow(sum + v * KERNEL_WIDTH, LoadRow(sum + v * KERNEL_WIDTH) + from[v]);
		}
	}
}

#include "math/kernel_end.h"
