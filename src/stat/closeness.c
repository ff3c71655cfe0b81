/*
 * closeness.c
 *	  How close two values are, told by how many others are as close: a measure that holds whatever the unit
 *	  and the shape of a column.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/closeness.h"

/*
 * The share of values, of which n quantiles at equal steps are given in order, that are within "reach" of a
 * value.  NaN without quantiles.
 */
double
CsShareWithin(const double *quantiles, int n, double value, double reach)
{
	int64		below = CsCountBelow(quantiles, n, value - reach);
	int64		until = CsCountBelow(quantiles, n, nextafter(value + reach, INFINITY));

	return n == 0 ? NAN : (double) (until - below) / n;
}
