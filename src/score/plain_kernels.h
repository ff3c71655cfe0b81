/*
 * plain_kernels.h
 *	  The segment of one customer by a plain model: the template that plain.c includes for each width.
 *
 * A row is a chain of steps of which each waits for the one before, so what counts is its length: nothing goes through
 * memory in smaller pieces than it is read in, and no branch depends on which center is nearer.
 */
#include "math/kernel_begin.h"

/* The distance behind which none is less. */
#define Lesser(a, b) ((a) < (b) ? (a) : (b))

/* Fill in, clip and scale the numbers from i on; "odd" is set where they are infinite or come to no number. */
KERNEL static inline __attribute__((always_inline)) Row
KernelName(PreparePart) (const CsPlainScoring *plain, int i, Row x, RowMask *odd)
{
	const Row	most = (Row) {0} + DBL_MAX;
	Row			low = LoadRow(plain->low + i),
				high = LoadRow(plain->high + i),
				value = ChooseRow(x == x, x, LoadRow(plain->fill + i));

	value = ChooseRow(value < low, low, value);
	value = ChooseRow(value > high, high, value);
	value = (value - LoadRow(plain->center + i)) / LoadRow(plain->spread + i);
	*odd |= (x > most) | (x < -most) | ~((value <= most) & (value >= -most));
	return value;
}

/* Is any of a mask's flags set? */
KERNEL static inline __attribute__((always_inline)) bool
KernelName(AnySet) (RowMask mask)
{
	int64		any = 0;

	for (int i = 0; i < KERNEL_WIDTH; i++)
		any |= mask[i];
	return any != 0;
}

/* Squared distances of z to eight centers, infinite behind the last one; columns in order, as in CsAssignNearest(). */
KERNEL static inline __attribute__((always_inline)) void
KernelName(Distances) (const CsPlainScoring *plain, const CsFitted *model, int group, const double *z, double *distance)
{
	const int	ncolumns = model->ncolumns;
	const int	padded = model->padded;
	const double *centers = model->centers + group;
	Row			sum[KERNEL_PARTS];

	for (int p = 0; p < KERNEL_PARTS; p++)
		sum[p] = (Row) {0};
	for (int j = 0; j < ncolumns; j++, centers += padded)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			Row			difference = z[j] - LoadRow(centers + p * KERNEL_WIDTH);

			sum[p] += difference * difference;
		}
	for (int p = 0; p < KERNEL_PARTS; p++)
		StoreRow(distance + p * KERNEL_WIDTH, sum[p] + LoadRow(plain->beyond + group + p * KERNEL_WIDTH));
}

/* The index of the center nearest to z, the lower one of two; -1: no distance is a number. */
KERNEL static inline __attribute__((always_inline)) int
KernelName(NearestIndex) (const CsPlainScoring *plain, const CsFitted *model, const double *z)
{
	double		least = INFINITY;
	int			index = -1;

	for (int group = 0; group < model->padded; group += CS_CENTER_GROUP)
	{
		double		d[CS_CENTER_GROUP];
		double		lowest;
		uint32		equal = 0;

		KernelName(Distances) (plain, model, group, z, d);
		lowest = Lesser(Lesser(Lesser(d[0], d[1]), Lesser(d[2], d[3])), Lesser(Lesser(d[4], d[5]), Lesser(d[6], d[7])));
		if (!(lowest < least))
			continue;
		for (int i = 0; i < CS_CENTER_GROUP; i++)
			equal |= (uint32) (d[i] <= lowest) << i;
		least = lowest;
		index = group + pg_rightmost_one_pos32(equal);
	}
	return index;
}

/* See CsPlainScoringSegment(). */
KERNEL static int
KernelName(SegmentOfRaw) (const CsPlainScoring *plain, const CsFitted *model, const double *raw, double *z)
{
	RowMask		odd = (RowMask) {0};

	for (int i = 0; i < plain->padded; i += KERNEL_WIDTH)
		StoreRow(z + i, KernelName(PreparePart) (plain, i, LoadRow(raw + i), &odd));
	return KernelName(AnySet) (odd) ? -1 : KernelName(NearestIndex) (plain, model, z);
}

/* The number of a feature among the arguments. */
#define Argument(i) DatumGetFloat8(values[at[i]].value)

/* See CsPlainScoringSegmentOfFloats(). */
KERNEL static int
KernelName(SegmentOfFloats) (const CsPlainScoring *plain, const CsFitted *model, const NullableDatum *values, const int *at,
							 double *z)
{
	RowMask		odd = (RowMask) {0};
	bool		isnull = false;

	for (int i = 0; i < plain->nfeatures; i++)
		isnull |= values[at[i]].isnull;
	if (isnull)
		return -1;
	for (int i = 0; i < plain->padded; i += KERNEL_WIDTH, at += KERNEL_WIDTH)
	{
#if KERNEL_WIDTH == 8
		Row			x = {Argument(0), Argument(1), Argument(2), Argument(3),
		Argument(4), Argument(5), Argument(6), Argument(7)};
#elif KERNEL_WIDTH == 4
		Row			x = {Argument(0), Argument(1), Argument(2), Argument(3)};
#else
		Row			x = {Argument(0), Argument(1)};
#endif

		StoreRow(z + i, KernelName(PreparePart) (plain, i, x, &odd));
	}
	return KernelName(AnySet) (odd) ? -1 : KernelName(NearestIndex) (plain, model, z);
}

#undef Argument
#undef Lesser

#include "math/kernel_end.h"
