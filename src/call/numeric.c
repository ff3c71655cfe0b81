/*
 * numeric.c
 *	  A numeric to the nearest double, and a double to the numeric of its shortest digits.
 *
 * PostgreSQL's own conversions print the number and read it back, about ten times the work.  Here the
 * significant digits make a whole number, which is multiplied or divided by a power of ten.  Where both are
 * exact in what computes with them the result is rounded once, and equals what strtod() returns (Clinger
 * 1990).
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "call/numeric.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Most digits of base 10,000 that 64 bits may hold, when the first is small and the last ends in zeros. */
#define MOST_GROUPS 6

/* Powers of ten that a double holds exactly. */
#define EXACT_POWERS 22

/* The same of a long double of 64 bits: 5 to the 27th is below 2 to the 63rd. */
#define EXACT_LONG_POWERS 27

/* The significant digits of a numeric as a whole number, times 10^exponent; false where 64 bits do not hold them. */
static bool
WholeDigits(const CsNumericDigits *number, uint64 *whole, int *exponent)
{
	static const uint64 power[] = {1, 10, 100, 1000, 10000};
	uint64		value = 0;

	if (number->n > MOST_GROUPS)
		return false;
	*exponent = 4 * (number->weight - (number->n - 1));
	for (int i = 0; i < number->n; i++)
	{
		uint64		group = (uint64) CsNumericDigit(number, i);
		int			width = 4;

		/* only of long numbers can zeros at the end matter */
		for (; i == number->n - 1 && number->n > 3 && width > 0 && group % 10 == 0; width--, ++*exponent)
			group /= 10;
		if (value > (PG_UINT64_MAX - group) / power[width])
			return false;
		value = value * power[width] + group;
	}
	*whole = value;
	return true;
}

/* The double next to whole * 10^exponent; false where it is not sure which that is. */
static bool
Scale(uint64 whole, int exponent, double *result)
{
	static const double power[EXACT_POWERS + 1] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
	};

	if (whole > UINT64CONST(1) << 53 || exponent > EXACT_POWERS || exponent < -EXACT_POWERS)
		return false;
	*result = exponent >= 0 ? (double) whole * power[exponent] : (double) whole / power[-exponent];
	return true;
}

#if LDBL_MANT_DIG == 64 && !defined(WORDS_BIGENDIAN)
/* Is a long double computed with as many bits as it has?  Valgrind computes with those of a double. */
static bool
HasAllBits(void)
{
	static int	has = -1;

	if (has < 0)
	{
		volatile long double one = 1;
		volatile long double next = one + LDBL_EPSILON;

		has = next > one;
	}
	return has;
}
#endif

/*
 * The same of larger numbers.  The product or quotient is rounded to 64 bits, and rounding that to 53 bits
 * gives what rounding at once does, unless it is right between two doubles.
 */
static bool
ScaleLong(uint64 whole, int exponent, double *result)
{
#if LDBL_MANT_DIG == 64 && !defined(WORDS_BIGENDIAN)
	static const long double power[EXACT_LONG_POWERS + 1] = {
		1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L, 1e12L, 1e13L,
		1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L
	};
	long double value;
	uint64		bits;

	if (exponent > EXACT_LONG_POWERS || exponent < -EXACT_LONG_POWERS || !HasAllBits())
		return false;
	value = exponent >= 0 ? whole * power[exponent] : whole / power[-exponent];
	memcpy(&bits, &value, sizeof(bits));
	if ((bits & 0x7FF) == 0x400)
		return false;
	*result = (double) value;
	return true;
#else
	return false;
#endif
}

/* The double next to a numeric, which is not toasted; beyond the range of doubles an infinity. */
double
CsNumericToDouble(const struct varlena *numeric)
{
	CsNumericDigits number;
	uint64		whole;
	int			exponent;
	double		result;

	if (CsNumericRead(VARDATA_ANY(numeric), VARSIZE_ANY_EXHDR(numeric), &number) &&
		WholeDigits(&number, &whole, &exponent) &&
		(Scale(whole, exponent, &result) || ScaleLong(whole, exponent, &result)))
		return number.negative ? -result : result;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, PointerGetDatum(numeric)));
}

/* The numeric of the fewest digits that read back to this finite double; palloc'd. */
Numeric
CsNumericFromDouble(double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	const char *at = text;
	int64		whole = 0;
	int			decimals = 0;
	bool		point = false;

	double_to_shortest_decimal_buf(number, text);
	for (at += *at == '-'; (*at >= '0' && *at <= '9') || *at == '.'; at++)
	{
		if (*at == '.')
		{
			point = true;
			continue;
		}
		whole = 10 * whole + (*at - '0');	/* at most 17 digits */
		decimals += point;
	}
	if (*at == 'e')
		decimals -= atoi(at + 1);
	if (decimals >= 0)
		return int64_div_fast_to_numeric(*text == '-' ? -whole : whole, decimals);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}
