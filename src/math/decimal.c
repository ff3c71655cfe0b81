/*
 * decimal.c
 *	  Sums of decimal numbers, exact up to 36 digits.
 *
 * A number is units * 10000^-scale: base 10000 is that of PostgreSQL's numeric, so its digits are
 * taken over as they are.  Only where a sum would need more digits than a unit can hold is its last
 * group of four rounded away.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"

#define BASE 10000
#define DIGITS 4				/* of a group */

/* Units stay below this, so that two of them can be added, and below it / BASE to gain a group. */
#ifdef HAVE_INT128
#define LIMIT ((CsUnits) INT64CONST(10000000000000000) * INT64CONST(1000000000000000000) * 1000)
#define SQUARE_LIMIT INT64CONST(1000000000000000000)
#else
#define LIMIT INT64CONST(1000000000000000000)
#define SQUARE_LIMIT 1000000000
#endif

/* Round the last group away. */
static void
DropGroup(CsDecimal *x)
{
	CsUnits		half = x->units < 0 ? -BASE / 2 : BASE / 2;

	x->units = (x->units + half) / BASE;
	x->scale--;
}

/* Write a number with more groups; false, with x as it is, when there is no room for them. */
static bool
Extend(CsDecimal *x, int scale)
{
	CsDecimal	y = *x;

	for (; y.scale < scale; y.scale++)
	{
		if (y.units >= LIMIT / BASE || y.units <= -(LIMIT / BASE))
			return false;
		y.units *= BASE;
	}
	*x = y;
	return true;
}

/* Is there room for another one to be added? */
static inline bool
IsSmall(const CsDecimal *x)
{
	return x->units < LIMIT && x->units > -LIMIT;
}

/* Add to a sum that has other groups, or hardly room for another. */
static void
AddUnlike(CsDecimal *sum, CsDecimal x)
{
	while (x.units != 0)
	{
		int			scale = Max(sum->scale, x.scale);

		if (sum->units == 0)
			sum->scale = scale = x.scale;
		if (IsSmall(sum) && IsSmall(&x) && Extend(sum, scale) && Extend(&x, scale))
		{
			sum->units += x.units;
			return;
		}
		if (x.scale >= scale)
			DropGroup(&x);
		if (sum->scale >= scale)
			DropGroup(sum);
	}
}

/* Add a number to a sum, which begins as {0, 0}. */
void
CsDecimalAdd(CsDecimal *sum, CsDecimal x)
{
	if (likely(sum->scale == x.scale && IsSmall(sum) && IsSmall(&x)))
		sum->units += x.units;
	else
		AddUnlike(sum, x);
}

/* The square of a number: exact up to 18 digits, else of what is left of it without its last groups. */
CsDecimal
CsDecimalSquare(CsDecimal x)
{
	while (x.units > SQUARE_LIMIT || x.units < -SQUARE_LIMIT)
		DropGroup(&x);
	return (CsDecimal) {x.units * x.units, 2 * x.scale};
}

/* The double next to a number. */
double
CsDecimalToDouble(CsDecimal x)
{
	static const double power[] = {1, 1e4, 1e8, 1e12, 1e16, 1e20};
	char		text[64];
	char	   *at = text + 44;
	CsUnits		rest;

	if (x.units == 0)
		return 0;
	for (; x.scale > 0 && x.units % BASE == 0; x.scale--)
		x.units /= BASE;
	rest = x.units < 0 ? -x.units : x.units;
	/* both are exact, so their quotient is rounded once */
	if (x.scale >= 0 && x.scale < lengthof(power) && rest <= ((CsUnits) 1 << 53))
		return (double) x.units / power[x.scale];

	snprintf(at, 20, "e%d", -x.scale * DIGITS);
	do
	{
		*--at = (char) ('0' + (int) (rest % 10));
		rest /= 10;
	} while (rest > 0);
	if (x.units < 0)
		*--at = '-';
	return strtod(at, NULL);
}
