/*
 * yeo_johnson.c
 *	  Transform "yeo-johnson": Yeo and Johnson's (Biometrika 87, 2000), with the lambda that makes a
 *	  column most like a normal one.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "prep/internal.h"

/*
 * The transform of x, given sign(x) log(1 + |x|).  expm1 keeps the digits that
 * pow(x + 1, lambda) - 1 would cancel for small values.
 */
static double
TransformLog(double signed_log, double lambda)
{
	double		power = signed_log < 0 ? 2 - lambda : lambda;
	double		magnitude = fabs(signed_log);

	if (fabs(power) >= DBL_EPSILON)
		magnitude = expm1(power * magnitude) / power;
	return copysign(magnitude, signed_log);
}

static int
Fit(const CsNumbers *x, double *scratch, double *fitted)
{
	fitted[0] = 1;
	if (CsNumberAt(x, 0) == CsNumberAt(x, x->n - 1))
		return 1;
	CsNumbersInOrder(x, scratch);
	for (int64 i = 0; i < x->n; i++)
	{
		CsCheckInterrupts(i);
		scratch[i] = copysign(log1p(fabs(scratch[i])), scratch[i]);
	}
	fitted[0] = CsPowerLambda(TransformLog, scratch, x->n);
	return 1;
}

static void
Apply(const double *fitted, int nfitted, int nrows, double *y)
{
	const double lambda = fitted[0];

	for (int r = 0; r < nrows; r++)
		y[r] = TransformLog(copysign(log1p(fabs(y[r])), y[r]), lambda);
}

const CsTransform CsYeoJohnson = {{"yeo-johnson"}, .above = -INFINITY, .most = 1, .key = "lambda",
.fit = Fit, .apply = Apply};
