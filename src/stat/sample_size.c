/*
 * sample_size.c
 *	  Customers, power and the smallest effect of an experiment with two arms.
 *
 * Shares: the variance is pooled where there is no effect, as the test has it (Fleiss, Statistical Methods
 * for Rates and Proportions, 1981); R's power.prop.test() for arms of equal size.  Means: by the normal law,
 * so that a t test of few customers needs one more or two.  The tail on the other side of the effect is left
 * out.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include <gsl/gsl_cdf.h>

#include "stat/sample_size.h"

/* OUT standard deviations of an effect's estimate from one customer of the control, if there is none and if it is there. */
static void
Deviations(const CsPlan *plan, double effect, double *without, double *with)
{
	double		r = plan->allocation,
				first = plan->baseline,
				second = Min(Max(first + effect, 0), 1),
				pooled = (first + r * second) / (1 + r);

	if (plan->is_share)
	{
		*without = sqrt(plan->remaining * pooled * (1 - pooled) * (1 + 1 / r));
		*with = sqrt(plan->remaining * (first * (1 - first) + second * (1 - second) / r));
	}
	else
		*without = *with = hypot(plan->sd[CS_CONTROL], plan->sd[CS_TREATMENT] / sqrt(r)) * sqrt(plan->remaining);
}

/* The customers that the control needs, not rounded, for an effect that is not 0 to be seen with that power. */
double
CsPlanSize(const CsPlan *plan, double effect, double power)
{
	double		without,
				with,
				root;

	Deviations(plan, effect, &without, &with);
	root = (plan->critical * without + gsl_cdf_ugaussian_Pinv(power) * with) / effect;
	return root * root;
}

/* The probability that an effect is seen with n customers in the control; NaN where nothing varies. */
double
CsPlanPower(const CsPlan *plan, double effect, double n)
{
	double		without,
				with;

	Deviations(plan, effect, &without, &with);
	return gsl_cdf_ugaussian_P((fabs(effect) * sqrt(n) - plan->critical * without) / with);
}

/*
 * The smallest effect upwards that n customers in the control show with that power; NaN where no share is
 * large enough.
 */
double
CsPlanEffect(const CsPlan *plan, double n, double power)
{
	double		low = 0,
				high = 1 - plan->baseline,
				without,
				with;

	if (!plan->is_share)
	{
		Deviations(plan, 0, &without, &with);
		return (plan->critical + gsl_cdf_ugaussian_Pinv(power)) * with / sqrt(n);
	}
	if (!(CsPlanPower(plan, high, n) >= power))
		return NAN;
	/* of numbers near 0, the share of the rounding is larger: there may be none between two of them */
	while (high - low > 2 * DBL_EPSILON * high)
	{
		double		middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			break;
		if (CsPlanPower(plan, middle, n) >= power)
			high = middle;
		else
			low = middle;
	}
	return high;
}
