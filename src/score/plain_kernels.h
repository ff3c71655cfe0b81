/*
 * plain_kernels.h
 *	  Raw values of one customer prepared by a plain model: the template that plain.c includes for each width.
 */
#include "math/kernel_begin.h"

/* See Prepare(); each part of eight is filled in, clipped and scaled by itself. */
KERNEL static bool
KernelName(Prepare) (const CsPlainScoring *plain, const double *raw, double *z)
{
	const Row	most = (Row) {0} + DBL_MAX;
	RowMask		odd = (RowMask) {0};
	int64		any = 0;

	for (int i = 0; i < plain->padded; i += KERNEL_WIDTH)
	{
		Row			x = LoadRow(raw + i),
					low = LoadRow(plain->low + i),
					high = LoadRow(plain->high + i),
					value = ChooseRow(x == x, x, LoadRow(plain->fill + i));

		value = ChooseRow(value < low, low, value);
		value = ChooseRow(value > high, high, value);
		value = (value - LoadRow(plain->center + i)) / LoadRow(plain->spread + i);
		odd |= (x > most) | (x < -most) | ~((value <= most) & (value >= -most));
		StoreRow(z + i, value);
	}
	for (int i = 0; i < KERNEL_WIDTH; i++)
		any |= odd[i];
	return any == 0;
}

#include "math/kernel_end.h"
