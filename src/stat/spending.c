/*
 * spending.c
 *	  Boundaries for looks at a plan, which together spend alpha.
 *
 * The spending function of Lan and DeMets (Biometrika 70, 1983) of O'Brien and Fleming's kind, both sides
 * together: a(t) = 4 (1 - Phi(z / sqrt(t))), z the quantile of 1 - alpha / 4.  Boundaries follow from the
 * recursion of Armitage, McPherson and Rowe (Journal of the Royal Statistical Society A 132, 1969): the
 * density of the sum of those that go on, on a grid between the boundaries, by Simpson's rule.  The grid has
 * 401 points, and more where looks follow each other so closely that these would miss what happens between.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/sequential.h"

/* A look that spends less than this decides nothing, nor does one that adds so little of the plan. */
#define LEAST_SPENT 1e-14
#define LEAST_ADDED 1e-8

#define LEAST_STEPS 400			/* of the grid */
#define STEPS_PER_DEVIATION 4	/* of the sum between two looks */
#define REACH 9.0				/* standard deviations beyond which a normal density is 0 */

/* The largest boundary: no increment above the smallest number asks for more. */
#define LARGEST_BOUNDARY 40.0

/* The density of the sum of those that went on after a look. */
typedef struct Density
{
	double		time;			/* of that look */
	int			n;				/* points, odd; 0: no look was taken yet */
	double		first,			/* the first point, and the distance of two */
				step;
	double	   *weighted;		/* density times the weight of Simpson's rule */
} Density;

/* Simpson's weight of point i of n. */
static double
SimpsonWeight(int i, int n, double step)
{
	return step / 3 * (i == 0 || i == n - 1 ? 1 : i % 2 == 1 ? 4 : 2);
}

/* The probability that the sum is beyond +-u after "time" more, and OUT its derivative by u. */
static double
Leaves(const Density *before, double u, double time, double *slope)
{
	double		deviation = sqrt(time),
				sum = 0;

	*slope = 0;
	if (before->n == 0)
	{
		*slope = -2 * CsNormalDensity(u / deviation) / deviation;
		return CsNormalTails(u / deviation);
	}
	/* the density is symmetric: twice what is above u */
	for (int i = before->n - 1; i >= 0; i--)
	{
		double		off = (u - (before->first + i * before->step)) / deviation;

		if (off > LARGEST_BOUNDARY)
			break;
		sum += before->weighted[i] * erfc(off * M_SQRT1_2);
		*slope -= 2 * before->weighted[i] * CsNormalDensity(off) / deviation;
	}
	return sum;
}

/*
 * The border u beyond which the sum is with the given probability: Newton's method for the logarithm, which is
 * concave, kept between bounds.
 */
static double
FindBorder(const Density *before, double probability, double at, double time)
{
	double		low = 0,
				high = LARGEST_BOUNDARY * sqrt(at),
				u = sqrt(at) * Min(gsl_cdf_ugaussian_Qinv(probability / 2), LARGEST_BOUNDARY - 1);

	for (int i = 0; i < 100 && high - low > 1e-13 * high; i++)
	{
		double		slope,
					value = Leaves(before, u, time, &slope),
					next;

		if (value > probability)
			low = u;
		else
			high = u;
		next = u - log(value / probability) * value / slope;
		if (fabs(next - u) <= 1e-14 * u)
			break;
		u = next > low && next < high ? next : (low + high) / 2;
	}
	return u;
}

/* The density at s after "time" more. */
static double
DensityAt(const Density *before, double s, double time)
{
	double		deviation = sqrt(time),
				sum = 0;
	int			from,
				to;

	if (before->n == 0)
		return CsNormalDensity(s / deviation) / deviation;
	from = (int) Max(0, ceil((s - REACH * deviation - before->first) / before->step));
	to = (int) Min(before->n - 1, floor((s + REACH * deviation - before->first) / before->step));
	for (int i = from; i <= to; i++)
		sum += before->weighted[i] * CsNormalDensity((s - before->first - i * before->step) / deviation);
	return sum / deviation;
}

/* The density of those within +-u at a look, from that at the look before, in whose place it comes. */
static void
Continue(Density *d, double u, double at, double next)
{
	double		least = sqrt(next - at) / STEPS_PER_DEVIATION;
	int			half = (int) Max(LEAST_STEPS / 2, ceil(u / least));
	Density		after = {.time = at, .n = 2 * half + 1, .first = -u, .step = u / half};

	after.weighted = palloc(sizeof(double) * after.n);
	for (int i = 0; i < after.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		after.weighted[i] = DensityAt(d, after.first + i * after.step, at - d->time) *
			SimpsonWeight(i, after.n, after.step);
	}
	if (d->weighted != NULL)
		pfree(d->weighted);
	*d = after;
}

/* What of alpha is spent at a share of the information. */
static double
SpentAt(double alpha, double information)
{
	return 2 * CsNormalTails(gsl_cdf_ugaussian_Qinv(alpha / 4) / sqrt(information));
}

/*
 * OUT for each of n looks, at ascending shares of the planned information, what is spent and the boundary.
 * All is spent at a share of 1 or more; looks after that, and those without new information, decide nothing.
 */
void
CsSpendingBoundaries(const double *information, int n, double alpha, CsSpending *looks)
{
	Density		d = {0};
	double		spent = 0;

	for (int i = 0; i < n; i++)
	{
		double		at = Min(information[i], 1),
					total = at < 1 ? SpentAt(alpha, at) : alpha,
					more = total - spent,
					next = i + 1 < n ? Min(information[i + 1], 1) : at;

		looks[i] = (CsSpending) {spent, NAN};
		if (at - d.time < LEAST_ADDED || total < LEAST_SPENT || !(more > 0))
			continue;
		spent = looks[i].spent = total;
		looks[i].boundary = FindBorder(&d, more, at, at - d.time);
		for (int following = i + 1; following < n && next - at < LEAST_ADDED; following++)
			next = Min(information[following], 1);
		if (next - at >= LEAST_ADDED)
			Continue(&d, looks[i].boundary, at, next);
		looks[i].boundary /= sqrt(at);
	}
	if (d.weighted != NULL)
		pfree(d.weighted);
}
