/*
 * proportions.c
 *	  The shares of two arms compared.
 *
 * Test: z with the variance pooled, which is the square root of Pearson's chi-square without Yates'
 * correction; Fisher's exact test where fewer than 5 customers of a kind are expected in an arm.
 *
 * Interval of the difference: Newcombe's hybrid of two score intervals (Statistics in Medicine 17, 1998,
 * method 10), which stays within -1 and 1, and is one also where nobody or everybody converts.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "math/math.h"
#include "stat/arms.h"
#include "stat/shares.h"
#include "stat/tests.h"

/* OUT Newcombe's interval of the difference of two shares; NaN where an arm is empty. */
void
CsNewcombeInterval(const CsProportions *p, double confidence, double *low, double *high)
{
	double		below[CS_ARMS],
				above[CS_ARMS],
				share[CS_ARMS];

	*low = *high = NAN;
	for (int a = 0; a < CS_ARMS; a++)
	{
		double		end[2];

		if (p->n[a] == 0)
			return;
		share[a] = (double) p->successes[a] / (double) p->n[a];
		CsWilsonInterval((double) p->successes[a], (double) p->n[a], confidence, &end[0], &end[1]);
		below[a] = share[a] - end[0];
		above[a] = end[1] - share[a];
	}
	*low = share[CS_TREATMENT] - share[CS_CONTROL] - hypot(below[CS_TREATMENT], above[CS_CONTROL]);
	*high = share[CS_TREATMENT] - share[CS_CONTROL] + hypot(above[CS_TREATMENT], below[CS_CONTROL]);
}

/* Fill in the test.  Nobody or everybody converts: there is no z, and nothing that could differ. */
static void
FillTest(CsProportionsResult *r, const CsProportions *p)
{
	double		n1 = (double) p->n[CS_CONTROL],
				n2 = (double) p->n[CS_TREATMENT],
				successes = (double) p->successes[CS_CONTROL] + (double) p->successes[CS_TREATMENT],
				failures = (double) (p->n[CS_CONTROL] - p->successes[CS_CONTROL]) +
				(double) (p->n[CS_TREATMENT] - p->successes[CS_TREATMENT]),
				n = n1 + n2;

	if (successes > 0 && failures > 0)
		r->z = r->difference / sqrt(successes / n * (failures / n) * (1 / n1 + 1 / n2));
	r->is_exact = Min(n1, n2) * (Min(successes, failures) / n) < CS_MIN_EXPECTED;
	r->p = r->is_exact ? CsFisherExact(p) : CsNormalTails(r->z);
}

/* Compare the shares of two arms. */
CsProportionsResult
CsProportionsCompare(const CsProportions *p, double confidence)
{
	CsProportionsResult r = {.z = NAN, .p = NAN, .lift = NAN, .lift_low = NAN, .lift_high = NAN};
	double		error_squared[CS_ARMS],
				z = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2);

	for (int a = 0; a < CS_ARMS; a++)
	{
		double		n = (double) p->n[a],
					rest = (double) (p->n[a] - p->successes[a]) / n;

		r.share[a] = (double) p->successes[a] / n;
		error_squared[a] = n > 1 ? r.share[a] * rest / (n - 1) : NAN;
	}
	r.difference = r.share[CS_TREATMENT] - r.share[CS_CONTROL];
	CsNewcombeInterval(p, confidence, &r.low, &r.high);
	if (isnan(r.difference))
		return r;
	FillTest(&r, p);
	if (r.share[CS_CONTROL] > 0)
		r.lift = r.difference / r.share[CS_CONTROL];
	CsFiellerInterval(r.share, error_squared, z, &r.lift_low, &r.lift_high);
	return r;
}
