/*
 * box_cox.c
 *	  Transform "box-cox": Box and Cox's (Journal of the Royal Statistical Society B 26, 1964), with the
 *	  lambda that makes a column most like a normal one.
 *
 * (x^lambda - 1) / lambda, and log x where lambda is 0.  Far from 1 that has no digits left: of 1e9 with
 * lambda -2 it is 0.5, as of 2e9, and of 1e200 with lambda 2 it overflows.  But the lambda does not depend
 * on the unit of x, and in another unit the values differ by a factor and a constant only.  So lambda is
 * looked for in units of the column's median, by logarithms that are the same whatever power of two the
 * column is multiplied by; and where x itself would cost digits, that unit is kept and x is divided by it.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "prep/internal.h"

/* Values whose range is less than so much of them have lost digits. */
#define LEAST_RANGE 1e-4

/*
 * The logarithm of x / unit: exact near the unit, without an overflow of the quotient, and the same for both
 * times a power of two.
 */
static inline double
LogInUnit(double x, double unit)
{
	int			exponent,
				unit_exponent;
	double		fraction = frexp(x, &exponent),
				unit_fraction = frexp(unit, &unit_exponent);

	return log1p((fraction - unit_fraction) / unit_fraction) + (exponent - unit_exponent) * M_LN2;
}

/* The transform of a value, given its logarithm.  expm1 keeps the digits that pow() - 1 would cancel. */
static double
TransformLog(double log, double lambda)
{
	return fabs(lambda) < DBL_EPSILON ? log : expm1(lambda * log) / lambda;
}

/* Take n values to their logarithms in a unit, in place. */
static void
TakeLogs(double *x, int64 n, double unit)
{
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		x[i] = LogInUnit(x[i], unit);
	}
}

/* Does x by that lambda keep its digits between two values, given their logarithms, and stay in range? */
static bool
IsExact(double low, double high, double lambda)
{
	double		least = TransformLog(low, lambda);
	double		most = TransformLog(high, lambda);

	return isfinite(least * least) && isfinite(most * most) &&
		most - least > LEAST_RANGE * Max(fabs(least), fabs(most));
}

/* Lambda and the unit.  A constant column stays as it is. */
static int
Fit(const CsNumbers *x, double *scratch, double *fitted)
{
	double		unit = CsNumberAt(x, x->n / 2),
				low = CsNumberAt(x, 0),
				high = CsNumberAt(x, x->n - 1);

	fitted[0] = fitted[1] = 1;
	if (low == high)
		return 2;
	CsNumbersInOrder(x, scratch);
	TakeLogs(scratch, x->n, unit);
	fitted[0] = CsPowerLambda(TransformLog, scratch, x->n);
	if (!IsExact(LogInUnit(low, 1), LogInUnit(high, 1), fitted[0]))
		fitted[1] = unit;
	return 2;
}

static bool
Valid(const double *fitted, int nfitted)
{
	return fitted[1] > 0;
}

static void
Apply(const double *fitted, int nfitted, int nrows, double *y)
{
	for (int r = 0; r < nrows; r++)
		y[r] = TransformLog(LogInUnit(y[r], fitted[1]), fitted[0]);
}

const CsTransform CsBoxCox = {{"box-cox"}, .above = 0, .most = 2, .key = "lambda", .second = "unit",
.fit = Fit, .valid = Valid, .apply = Apply};
