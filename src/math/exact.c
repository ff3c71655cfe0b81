/*
 * exact.c
 *	  Sums that do not depend on the order of what is added.
 *
 * Rows of many servers and processes arrive in an order that changes from run to run, and a sum of
 * floats with it.  So values are added as whole numbers of a unit, a power of two, in 128 bits: a value
 * of up to 2^86 units is rounded to the nearest one, and all that follows is exact.  The largest
 * value and the number of rows are known beforehand, from a pass over the rows, and choose the unit.
 * Every float8 within a factor of 2^33 of the largest one is added without any rounding.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"

/* Units of the largest value, as a power of two; and bits of a sum, without its sign. */
#define VALUE_BITS 86
#define SUM_BITS 126

/*
 * The exponent of the unit, 2^-exponent, for n values that are "largest" at most: their sum has room in
 * 128 bits.  Any for values that are all 0.
 */
int
CsExactExponent(double largest, double n)
{
	int			bits = Min(VALUE_BITS, SUM_BITS - (int) ceil(log2(Max(n, 1) + 1)));

	if (!(largest > 0) || isinf(largest))
		return 0;
	/* 2^exponent must be a normal float8 itself */
	return Max(Min(bits - ilogb(largest) - 1, 1000), -1000);
}

/* What values are multiplied by to become units. */
double
CsExactScale(int exponent)
{
	return ldexp(1, exponent);
}

/* Add a sum of the same unit. */
void
CsExactMerge(CsExact *to, const CsExact *from)
{
	to->low += from->low;
	to->high = (int64) ((uint64) to->high + (uint64) from->high + (to->low < from->low));
}

/* The sum in units, as the float8 next to it, or the one beside that. */
static double
Units(const CsExact *sum)
{
	bool		is_negative = sum->high < 0;
	uint64		low = is_negative ? ~sum->low + 1 : sum->low;
	uint64		high = is_negative ? ~(uint64) sum->high + (low == 0) : (uint64) sum->high;
	double		units = (double) high * 0x1p64 + (double) low;

	return is_negative ? -units : units;
}

/* The sum as the float8 next to it, or the one beside that; infinite where no float8 is as large. */
double
CsExactValue(const CsExact *sum, int exponent)
{
	return ldexp(Units(sum), -exponent);
}

/* The mean of n > 0 values that were added: finite where they are, though their sum may not be. */
double
CsExactMean(const CsExact *sum, int exponent, double n)
{
	return ldexp(Units(sum) / n, -exponent);
}
