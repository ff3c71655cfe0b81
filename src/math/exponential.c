/*
 * exponential.c
 *	  exp and log of many numbers.
 *
 * The C library's functions take one number, and their last bit is the library's choice.  These
 * are made of additions, multiplications and one division in a fixed order, so that every
 * instruction set, compiler and library gives the same bits.  Each is within one unit in the last
 * place of the exact value.
 *
 * exp (Tang 1989, without his table): x = n ln 2 + r with |r| <= ln(2)/2, n ln 2 taken off in two
 * parts of which the first is exact; exp(r) by its Taylor series, whose fourteenth term is below
 * 2^-57; and 2^n put together from its bits.
 *
 * log (fdlibm's): x = 2^n (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), s = f / (2 + f), and
 * log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))) with a polynomial R for what atanh's series adds.
 */
#include "custseg.h"

#include "math/kernel.h"
#include "math/math.h"

/* ln 2 in two parts: the first has 32 trailing zeros, so that its product with n is exact. */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define LOG2_E 1.44269504088896338700

/* Added, it rounds to the nearest integer, which the low bits of the sum then hold. */
#define ROUNDER 6755399441055744.0	/* 1.5 * 2^52 */

/* Below, exp would be no normal number. */
#define LOWEST (-708.0)

#define EXPONENT_SHIFT 52
#define BITS_OF_ONE INT64CONST(0x3FF0000000000000)
#define BITS_OF_SQRT_HALF INT64CONST(0x3FE6A09E667F3BCD)
#define MANTISSA INT64CONST(0x000FFFFFFFFFFFFF)

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "math/exponential_kernels.h"
#define KERNEL_WIDTH 4
#include "math/exponential_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "math/exponential_kernels.h"

/*
 * Replace x[i] by exp(x[i]), for numbers of at most 709; below -708 the result is 0. n is a
 * multiple of 8.  The result is within one unit in the last place, and has the same bits on every
 * machine.
 */
void
CsExp(int n, double *x)
{
	ChooseKernel(Exp) (n, x);
}

/*
 * Replace x[i] by log(x[i]), for positive normal numbers. n is a multiple of 8.  The result is
 * within one unit in the last place, and has the same bits on every machine.
 */
void
CsLog(int n, double *x)
{
	ChooseKernel(Log) (n, x);
}
