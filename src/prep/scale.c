/*
 * scale.c
 *	  Ways to scale: the center and the spread of numbers.
 *
 * A constant column, or one that might as well be, has no spread.  One whose middle half is a single value,
 * as that of many zeros, has no interquartile range: its standard deviation stands in.
 */
#include "custseg.h"

#include "math/math.h"
#include "prep/internal.h"

/* The interquartile range of a normal distribution, in standard deviations. */
#define NORMAL_RANGE 1.3489795003921634

/*
 * The range of values from low to high; 0 where the two differ by no more than the last bit or two, as
 * 0.3 and 0.1 + 0.2 do.
 */
double
CsRangeBetween(double low, double high)
{
	return high - low <= 2 * DBL_EPSILON * Max(fabs(low), fabs(high)) ? 0 : high - low;
}

/*
 * The interquartile range of numbers.  Where the quartiles are equal though the numbers are not, it is what
 * a normal distribution of their standard deviation has, and *lacks_range (or NULL) is set.
 */
double
CsInterquartileRange(const CsNumbers *x, bool *lacks_range)
{
	double		range = CsRangeBetween(CsNumbersQuantile(x, 0.25),
									   CsNumbersQuantile(x, 0.75));

	if (range > 0 || CsRangeBetween(CsNumberAt(x, 0), CsNumberAt(x, x->n - 1)) == 0)
		return range;
	if (lacks_range != NULL)
		*lacks_range = true;
	return NORMAL_RANGE * x->sd;
}

static void
Standard(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	*center = x->mean;
	*spread = is_constant ? 0 : x->sd;
}

static void
MinMax(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	*center = CsNumberAt(x, 0);
	*spread = CsRangeBetween(CsNumberAt(x, 0), CsNumberAt(x, x->n - 1));
}

static void
Robust(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	*center = CsNumbersQuantile(x, 0.5);
	*spread = CsInterquartileRange(x, NULL);
}

/* Values stay as they are, so their squares must be numbers; NaN, and so an error, where they are not. */
static void
None(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	double		squared = x->sd * x->sd;

	*center = is_constant || (squared >= DBL_MIN && squared <= DBL_MAX) ? 0 : NAN;
	*spread = 0;
}

/* Below this power of two there is no number but 0. */
#define LEAST_POWER (DBL_MIN_EXP - DBL_MANT_DIG - 1)

/* The power of two nearest to the standard deviation, which may be too small to be a number, or too large. */
static void
Power2(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	*center = 0;
	*spread = is_constant ? 0 :
		ldexp(1, (int) Max(Min(rint(log2(x->sd)), DBL_MAX_EXP - 1), LEAST_POWER));
}

#define STEP(...) (&((const CsScaleStep){__VA_ARGS__}).step)
const CsStep *const CsScales[] = {
	[CS_SCALE_STANDARD] = STEP({"standard"}, .fit = Standard),
	[CS_SCALE_MINMAX] = STEP({"minmax"}, .fit = MinMax),
	[CS_SCALE_ROBUST] = STEP({"robust"}, .by_quartiles = true, .fit = Robust),
	[CS_SCALE_NONE] = STEP({"none"}, .keeps_values = true, .fit = None),
	[CS_SCALE_POWER2] = STEP({"power2"}, .keeps_values = true, .fit = Power2),
	NULL
};
