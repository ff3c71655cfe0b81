/*
 * nearest_kernels.h
 *	  The nearest centre of one customer: the template that nearest.c includes for each width.
 */
#include "math/kernel_begin.h"

/* See CsNearestIndex(). */
KERNEL static int
KernelName(NearestIndex) (const CsFitted *model, const double *z)
{
	const int	ncolumns = model->ncolumns;
	const int	padded = model->padded;
	double		least = INFINITY;
	int			index = -1;

	for (int group = 0; group < model->nsegments; group += CS_CENTER_GROUP)
	{
		const double *centers = model->centers + group;
		int			n = Min(CS_CENTER_GROUP, model->nsegments - group);
		Row			sum[KERNEL_PARTS];
		double		distance[CS_CENTER_GROUP];

		for (int p = 0; p < KERNEL_PARTS; p++)
			sum[p] = (Row) {0};
		for (int j = 0; j < ncolumns; j++, centers += padded)
			for (int p = 0; p < KERNEL_PARTS; p++)
			{
				Row			difference = z[j] - LoadRow(centers + p * KERNEL_WIDTH);

				sum[p] += difference * difference;
			}
		for (int p = 0; p < KERNEL_PARTS; p++)
			StoreRow(distance + p * KERNEL_WIDTH, sum[p]);
		/* no branch depends on which is nearer, which cannot be foretold */
		for (int i = 0; i < n; i++)
		{
			bool		is_nearer = distance[i] < least;

			least = is_nearer ? distance[i] : least;
			index = is_nearer ? group + i : index;
		}
	}
	return index;
}

#include "math/kernel_end.h"
