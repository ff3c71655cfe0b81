/*
 * exponential_kernels.h
 *	  exp and log of many numbers: the template that exponential.c includes for each width.
 */
#include "math/kernel_begin.h"

/* exp of n numbers of at most 709, in place. */
KERNEL static void
KernelName(Exp) (int n, double *x)
{
	for (int i = 0; i < n; i += KERNEL_WIDTH)
	{
		RowMask		zero = LoadRow(x + i) < LOWEST;
		Row			held = ChooseRow(zero, (Row) {0}, LoadRow(x + i));
		Row			rounded = held * LOG2_E + ROUNDER;
		Row			whole = rounded - ROUNDER;
		Row			r = (held - whole * LN2_HIGH) - whole * LN2_LOW;
		Row			power = (Row) (((RowMask) rounded << EXPONENT_SHIFT) + BITS_OF_ONE);
		Row			p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;

		p = p * r + 1.0 / 39916800.0;
		p = p * r + 1.0 / 3628800.0;
		p = p * r + 1.0 / 362880.0;
		p = p * r + 1.0 / 40320.0;
		p = p * r + 1.0 / 5040.0;
		p = p * r + 1.0 / 720.0;
		p = p * r + 1.0 / 120.0;
		p = p * r + 1.0 / 24.0;
		p = p * r + 1.0 / 6.0;
		p = p * r + 0.5;
		p = r + r * r * p;
		p = power + power * p;
		StoreRow(x + i, ChooseRow(zero, (Row) {0}, p));
	}
}

/* log of n positive normal numbers, in place. */
KERNEL static void
KernelName(Log) (int n, double *x)
{
	for (int i = 0; i < n; i += KERNEL_WIDTH)
	{
		/* the exponent counts from sqrt(1/2), so that 1 + f is on both sides of 1 */
		RowMask		bits = (RowMask) LoadRow(x + i) - BITS_OF_SQRT_HALF;
		RowMask		exponent = bits >> EXPONENT_SHIFT;
		Row			whole = (Row) (exponent + (RowMask) ((Row) {0} + ROUNDER)) - ROUNDER;
		Row			f = (Row) ((bits & MANTISSA) + BITS_OF_SQRT_HALF) - 1.0;
		Row			s = f / (f + 2.0);
		Row			z = s * s;
		Row			half = 0.5 * f * f;
		Row			p = z * 1.479819860511658591e-01 + 1.531383769920937332e-01;

		p = p * z + 1.818357216161805012e-01;
		p = p * z + 2.222219843214978396e-01;
		p = p * z + 2.857142874366239149e-01;
		p = p * z + 3.999999999940941908e-01;
		p = p * z + 6.666666666666735130e-01;
		p = p * z;
		StoreRow(x + i, whole * LN2_HIGH - ((half - (s * (half + p) + whole * LN2_LOW)) - f));
	}
}

#include "math/kernel_end.h"
