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

/*
 * The difference of the shares; NaN where an arm is empty.  From products, whose rounding is taken off: of so
 * many customers that a small difference counts, that of two quotients has few digits.
 */
double
CsSharesApart(const CsProportions *p)
{
	double		n1 = (double) p->n[CS_CONTROL],
				n2 = (double) p->n[CS_TREATMENT],
				x1 = (double) p->successes[CS_CONTROL],
				x2 = (double) p->successes[CS_TREATMENT],
				product;

	if (x1 > n1 / 2)
	{
		/* customers who do not convert, that is control less treatment */
		x1 = (double) (p->n[CS_TREATMENT] - p->successes[CS_TREATMENT]);
		x2 = (double) (p->n[CS_CONTROL] - p->successes[CS_CONTROL]);
		product = n1;
		n1 = n2;
		n2 = product;
	}
	product = x1 * n2;
	return (fma(x2, n1, -product) - fma(x1, n2, -product)) / n1 / n2;
}

/* OUT Newcombe's interval of the difference of two shares; NaN where an arm is empty. */
void
CsNewcombeInterval(const CsProportions *p, double confidence, double *low, double *high)
{
	double		below[CS_ARMS],
				above[CS_ARMS],
				difference = CsSharesApart(p);

	*low = *high = NAN;
	if (isnan(difference))
		return;
	for (int a = 0; a < CS_ARMS; a++)
		CsWilsonMargins((double) p->successes[a], (double) p->n[a], confidence, &below[a], &above[a]);
	*low = difference - hypot(below[CS_TREATMENT], above[CS_CONTROL]);
	*high = difference + hypot(above[CS_TREATMENT], below[CS_CONTROL]);
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
	r.difference = CsSharesApart(p);
	CsNewcombeInterval(p, confidence, &r.low, &r.high);
	if (isnan(r.difference))
		return r;
	FillTest(&r, p);
	if (r.share[CS_CONTROL] > 0)
		r.lift = r.difference / r.share[CS_CONTROL];
	CsFiellerInterval(r.share[CS_CONTROL], r.difference, error_squared, z, &r.lift_low, &r.lift_high);
	return r;
}
