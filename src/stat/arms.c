/*
 * arms.c
 *	  The means of two arms compared: Welch's test, and the interval of the lift.
 *
 * Standard error: Welch's (Biometrika 34, 1947), sqrt(v1 / n1 + v2 / n2).  In arms of unequal size the
 * smaller one of a skewed value underrates its own variance where it has drawn no large value, so that the
 * larger one of Welch's error and of the pooled one keeps its level where Welch's does not.  Both are the
 * same where the arms have the same size.
 *
 * Lift: Fieller's interval (Journal of the Royal Statistical Society B 16, 1954) of a ratio of two means,
 * which has no ends where the control's mean is not certainly above 0.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "math/math.h"
#include "stat/arms.h"

/*
 * OUT Fieller's interval of the lift, from the first mean, by which the second one differs, and the squared
 * standard errors of the two; NaN where it is not bounded.  The lift is not taken from the ratio of the means,
 * of which a small one would be but the last digits.
 */
void
CsFiellerInterval(double first, double difference, const double *error_squared, double z, double *low, double *high)
{
	double		lift = difference / first,
				g = z * z * error_squared[CS_CONTROL] / first / first,
				h = z * z * error_squared[CS_TREATMENT] / first / first,
				root = sqrt(Max(h + g * ((1 + lift) * (1 + lift) - h), 0));

	*low = *high = NAN;
	if (!(first > 0) || !(g < 1) || isnan(root))
		return;
	*low = (lift + g - root) / (1 - g);
	*high = (lift + g + root) / (1 - g);
}

/* The pooled standard error of the difference. */
static double
PooledError(const CsArms *arms)
{
	double		first = (double) arms->n[CS_CONTROL],
				second = (double) arms->n[CS_TREATMENT],
				df = first + second - 2,
				variance = (first - 1) / df * arms->variance[CS_CONTROL] +
				(second - 1) / df * arms->variance[CS_TREATMENT];

	return sqrt(variance * (1 / first + 1 / second));
}

/* Degrees of freedom by Welch and Satterthwaite, from the parts of the squared error. */
static double
WelchDf(const CsArms *arms, const double *part)
{
	double		whole = part[CS_CONTROL] + part[CS_TREATMENT],
				first = part[CS_CONTROL] / whole,
				second = part[CS_TREATMENT] / whole;

	return 1 / (first * first / (double) (arms->n[CS_CONTROL] - 1) +
				second * second / (double) (arms->n[CS_TREATMENT] - 1));
}

/* Fill in what follows from a standard error above 0: the test and the interval. */
static void
FillTest(CsArmsResult *r, const CsArms *arms, const CsArmsTest *test, double error)
{
	double		quantile = test->is_normal ? gsl_cdf_ugaussian_Qinv((1 - test->confidence) / 2) :
	CsStudentQuantile(1 - test->confidence, r->df);

	r->statistic = arms->difference / error;
	r->p = test->is_normal ? CsNormalTails(r->statistic) : CsStudentTails(r->statistic, r->df);
	r->low = (arms->difference - quantile * error) / arms->scale;
	r->high = (arms->difference + quantile * error) / arms->scale;
}

/*
 * Compare the means of two arms.  Without two values in each arm, nothing but the difference and the lift is
 * known; where no value differs from its arm's mean, there is no test either.
 */
CsArmsResult
CsArmsCompare(const CsArms *arms, const CsArmsTest *test)
{
	CsArmsResult r = {.error = NAN, .larger_error = NAN, .statistic = NAN, .df = NAN, .p = NAN,
		.low = NAN, .high = NAN, .lift = NAN, .lift_low = NAN, .lift_high = NAN
	};
	double		part[CS_ARMS],
				welch,
				larger,
				error,
				z = gsl_cdf_ugaussian_Qinv((1 - test->confidence) / 2);

	for (int a = 0; a < CS_ARMS; a++)
	{
		r.mean[a] = arms->n[a] > 0 ? arms->mean[a] / arms->scale : NAN;
		part[a] = arms->n[a] > 1 ? arms->variance[a] / (double) arms->n[a] : NAN;
	}
	r.difference = arms->n[CS_CONTROL] > 0 && arms->n[CS_TREATMENT] > 0 ? arms->difference / arms->scale : NAN;
	if (!isnan(r.difference) && arms->mean[CS_CONTROL] > 0)
		r.lift = arms->difference / arms->mean[CS_CONTROL];
	welch = sqrt(part[CS_CONTROL] + part[CS_TREATMENT]);
	if (isnan(welch))
		return r;
	larger = arms->n[CS_CONTROL] == arms->n[CS_TREATMENT] ? welch : Max(welch, PooledError(arms));
	error = test->by_larger ? larger : welch;
	r.error = error / arms->scale;
	r.larger_error = larger / arms->scale;
	if (welch == 0)
		return r;
	for (int a = 0; a < CS_ARMS; a++)
		part[a] *= error / welch * (error / welch);
	if (!test->is_normal)
		r.df = WelchDf(arms, part);
	FillTest(&r, arms, test, error);
	CsFiellerInterval(arms->mean[CS_CONTROL], arms->difference, part, z, &r.lift_low, &r.lift_high);
	return r;
}
