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

/*
 * What is known of the means of two arms, by Welch's errors; false without two values in each arm.
 */
bool
CsArmsEstimateOf(const CsArms *arms, CsArmsEstimate *estimate)
{
	double		welch;

	*estimate = (CsArmsEstimate) {
		.mean = {arms->mean[CS_CONTROL], arms->mean[CS_TREATMENT]},.difference = arms->difference,.df = NAN,
			.larger = 1
	};
	for (int a = 0; a < CS_ARMS; a++)
		estimate->part[a] = arms->n[a] > 1 ? arms->variance[a] / (double) arms->n[a] : NAN;
	welch = sqrt(estimate->part[CS_CONTROL] + estimate->part[CS_TREATMENT]);
	if (isnan(welch))
		return false;
	if (welch > 0 && arms->n[CS_CONTROL] != arms->n[CS_TREATMENT])
		estimate->larger = Max(1, PooledError(arms) / welch);
	if (welch > 0)
		estimate->df = WelchDf(arms, estimate->part);
	return true;
}

/* The test, and the intervals of difference and lift, by a standard error; there are none where it is 0. */
void
CsArmsConclude(const CsArmsEstimate *estimate, const CsArmsTest *test, double scale, CsArmsResult *r)
{
	double		factor = test->by_larger ? estimate->larger : 1,
				welch = sqrt(estimate->part[CS_CONTROL] + estimate->part[CS_TREATMENT]),
				error = factor * welch,
				z = test->critical != 0 ? test->critical : gsl_cdf_ugaussian_Qinv((1 - test->confidence) / 2),
				quantile = z;
	const double part[CS_ARMS] = {
		factor * factor * estimate->part[CS_CONTROL], factor * factor * estimate->part[CS_TREATMENT]
	};

	r->error = error / scale;
	r->larger_error = estimate->larger * welch / scale;
	if (!(welch > 0))
		return;
	if (!test->is_normal)
		r->df = estimate->df;
	if (!test->is_normal && test->critical == 0)
		quantile = CsStudentQuantile(1 - test->confidence, r->df);
	r->statistic = estimate->difference / error;
	r->p = test->is_normal ? CsNormalTails(r->statistic) : CsStudentTails(r->statistic, r->df);
	r->low = (estimate->difference - quantile * error) / scale;
	r->high = (estimate->difference + quantile * error) / scale;
	CsFiellerInterval(estimate->mean[CS_CONTROL], estimate->difference, part, z, &r->lift_low, &r->lift_high);
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
	CsArmsEstimate estimate;

	for (int a = 0; a < CS_ARMS; a++)
		r.mean[a] = arms->n[a] > 0 ? arms->mean[a] / arms->scale : NAN;
	r.difference = arms->n[CS_CONTROL] > 0 && arms->n[CS_TREATMENT] > 0 ? arms->difference / arms->scale : NAN;
	if (!isnan(r.difference) && arms->mean[CS_CONTROL] > 0)
		r.lift = arms->difference / arms->mean[CS_CONTROL];
	if (CsArmsEstimateOf(arms, &estimate))
		CsArmsConclude(&estimate, test, arms->scale, &r);
	return r;
}
