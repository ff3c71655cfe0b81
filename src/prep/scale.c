/*
 * scale.c
 *	  Ways to scale: the center and the spread of numbers.
 *
 * A constant column, or one that might as well be, has no spread.
 */
#include "custseg.h"

#include "math/math.h"
#include "prep/internal.h"

/*
 * The range of values from low to high; 0 where the two differ by no more than the last bit or two, as
 * 0.3 and 0.1 + 0.2 do.
 */
double
CsRangeBetween(double low, double high)
{
	return high - low <= 2 * DBL_EPSILON * Max(fabs(low), fabs(high)) ? 0 : high - low;
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
	*center = x->sorted[0];
	*spread = CsRangeBetween(x->sorted[0], x->sorted[x->n - 1]);
}

static void
Robust(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	*center = CsQuantileSorted(x->sorted, x->n, 0.5);
	*spread = CsRangeBetween(CsQuantileSorted(x->sorted, x->n, 0.25),
							 CsQuantileSorted(x->sorted, x->n, 0.75));
}

/* Values stay as they are, so their squares must be numbers; NaN, and so an error, where they are not. */
static void
None(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	double		squared = x->sd * x->sd;

	*center = is_constant || (squared >= DBL_MIN && squared <= DBL_MAX) ? 0 : NAN;
	*spread = 0;
}

/* The power of two nearest to the standard deviation. */
static void
Power2(const CsNumbers *x, bool is_constant, double *center, double *spread)
{
	*center = 0;
	*spread = is_constant ? 0 :
		ldexp(1, Min((int) rint(log2(x->sd)), DBL_MAX_EXP - 1));
}

#define STEP(...) (&((const CsScaleStep){__VA_ARGS__}).step)
const CsStep *const CsScales[] = {
	[CS_SCALE_STANDARD] = STEP({"standard"}, .fit = Standard),
	[CS_SCALE_MINMAX] = STEP({"minmax"}, .fit = MinMax),
	[CS_SCALE_ROBUST] = STEP({"robust"}, .fit = Robust),
	[CS_SCALE_NONE] = STEP({"none"}, .keeps_values = true, .fit = None),
	[CS_SCALE_POWER2] = STEP({"power2"}, .keeps_values = true, .fit = Power2),
	NULL
};
