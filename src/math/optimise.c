/*
 * optimise.c
 *	  The maximum of a smooth function of a few variables, by damped Newton.
 *
 * The gradient is the function's own; the matrix of second derivatives is differenced from it, which takes
 * most of the time.  So it serves for further steps while they make the slope much less steep, as in
 * Shamanskii's method, and is taken anew where they do not; the last one is that of the maximum, for standard
 * errors.  Where the function is not concave, eigenvalues
 * count by their absolute values, so that a step always leads upwards; a step that does not is
 * halved.  No variable leaves its bounds: a likelihood may rise for ever along a ridge.  One beyond whose
 * bound the function goes on to rise stays there, and the others are those that are best then.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"

#define MAX_ITERATIONS 200
#define MAX_TRIES 40			/* a step, its half, ... */
#define LONGEST_STEP 1.5
#define DIFFERENCE 1e-4			/* of a variable, for second derivatives */
#define SMALLEST_CURVATURE 1e-8 /* against the largest one */
#define STEEPEST_AT_MAXIMUM 1e-6	/* where rounding allows no further step */
#define GOOD_STEP 0.2			/* the slope after it, against the one before */
#define ROUNDING (8 * DBL_EPSILON)	/* of a value, relative to it */

typedef struct Search
{
	const CsObjective *f;
	CsOptimum  *at;
} Search;

/* The function and its gradient at a place; a value may take as long as there are customers. */
static double
Evaluate(const Search *s, const double *theta, double *gradient)
{
	CHECK_FOR_INTERRUPTS();
	return s->f->value(theta, gradient, s->f->state);
}

/* Is a variable of a place on its bound, beyond which the function goes on to rise? */
static bool
IsHeld(const CsObjective *f, const CsOptimum *at, int i)
{
	return fabs(at->theta[i]) >= f->bound && at->gradient[i] * at->theta[i] >= 0;
}

/* The steepest slope at a place along the variables that are not held on a bound. */
static double
Steepest(const CsObjective *f, const CsOptimum *at)
{
	double		steepest = 0;

	for (int i = 0; i < f->n; i++)
		if (!IsHeld(f, at, i))
			steepest = Max(steepest, fabs(at->gradient[i]));
	return steepest;
}

/* Second derivatives where the search is, by central differences of the gradient. */
static void
Differentiate(Search *s)
{
	CsOptimum  *at = s->at;
	int			n = s->f->n;

	for (int i = 0; i < n; i++)
	{
		double		moved[CS_OPTIMUM_MAX],
					above[CS_OPTIMUM_MAX],
					below[CS_OPTIMUM_MAX];

		memcpy(moved, at->theta, sizeof(moved));
		moved[i] = at->theta[i] + DIFFERENCE;
		(void) Evaluate(s, moved, above);
		moved[i] = at->theta[i] - DIFFERENCE;
		(void) Evaluate(s, moved, below);
		for (int j = 0; j < n; j++)
			at->hessian[i * n + j] = (above[j] - below[j]) / (2 * DIFFERENCE);
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			at->hessian[i * n + j] = at->hessian[j * n + i] =
				(at->hessian[i * n + j] + at->hessian[j * n + i]) / 2;
}

/* The step that Newton's method takes, curvatures by their absolute values; false: there is none. */
static bool
NewtonStep(const Search *s, double *step)
{
	const CsOptimum *at = s->at;
	int			n = s->f->n;
	double		hessian[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX],
				values[CS_OPTIMUM_MAX],
				vectors[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX],
				largest = 0,
				longest = 0;

	for (int i = 0; i < n * n; i++)
	{
		if (!isfinite(at->hessian[i]))
			return false;
		hessian[i] = IsHeld(s->f, at, i / n) || IsHeld(s->f, at, i % n) ? 0 : at->hessian[i];
	}
	if (CsSymmetricEigen(n, hessian, values, vectors) != 0)
		return false;
	for (int e = 0; e < n; e++)
		largest = Max(largest, fabs(values[e]));
	memset(step, 0, sizeof(double) * n);
	for (int e = 0; e < n; e++)
	{
		const double *vector = vectors + e * n;
		double		curvature = Max(fabs(values[e]), largest * SMALLEST_CURVATURE),
					slope = 0;

		if (curvature == 0)
			return false;
		for (int i = 0; i < n; i++)
			slope += IsHeld(s->f, at, i) ? 0 : vector[i] * at->gradient[i];
		for (int i = 0; i < n; i++)
			step[i] += slope / curvature * vector[i];
	}
	for (int i = 0; i < n; i++)
		longest = Max(longest, fabs(step[i]));
	if (longest > LONGEST_STEP)
		for (int i = 0; i < n; i++)
			step[i] *= LONGEST_STEP / longest;
	return true;
}

/* Would a step lead upwards by no more than rounding does?  Then no part of it is worth a try. */
static bool
IsWithinRounding(const Search *s, const double *step)
{
	double		rise = 0;

	for (int i = 0; i < s->f->n; i++)
		rise += step[i] * s->at->gradient[i] / 2;
	return rise <= DBL_EPSILON * fabs(s->at->value);
}

/*
 * Is a place further than the one where the search is?  It is higher; or where that cannot be told for
 * rounding, it is as high and far less steep.
 */
static bool
IsFurther(const Search *s, const CsOptimum *next, bool within_rounding)
{
	const CsOptimum *at = s->at;

	if (!within_rounding)
		return next->value > at->value;
	return next->value >= at->value - ROUNDING * fabs(at->value) &&
		Steepest(s->f, next) < GOOD_STEP * Steepest(s->f, at);
}

/* Go along the step, or a part of it, where that leads further; false when it does not. */
static bool
Advance(Search *s, const double *step)
{
	CsOptimum  *at = s->at;
	CsOptimum	next = *at;
	bool		within_rounding = IsWithinRounding(s, step);
	double		part = 1;

	for (int try = 0; try < (within_rounding ? 1 : MAX_TRIES); try++, part /= 2)
	{
		for (int i = 0; i < s->f->n; i++)
			next.theta[i] = Min(Max(at->theta[i] + part * step[i], -s->f->bound), s->f->bound);
		next.value = Evaluate(s, next.theta, next.gradient);
		if (!IsFurther(s, &next, within_rounding))
			continue;
		*at = next;
		return true;
	}
	return false;
}

/* How the search has ended. */
static CsOptimumEnd
End(const Search *s)
{
	for (int i = 0; i < s->f->n; i++)
		if (IsHeld(s->f, s->at, i))
			return CS_OPTIMUM_ON_BOUND;
	return Steepest(s->f, s->at) < STEEPEST_AT_MAXIMUM ? CS_OPTIMUM_FOUND : CS_OPTIMUM_NOT_FOUND;
}

/* Look for a maximum from a place, whose second derivatives may be known, or nearly so. */
static CsOptimum
Maximise(const CsObjective *f, CsOptimum at, bool is_known)
{
	Search		s = {f, &at};
	bool		is_fresh = false;	/* the second derivatives are those of the place */

	at.value = Evaluate(&s, at.theta, at.gradient);
	for (at.iterations = 0; at.iterations < MAX_ITERATIONS; at.iterations++)
	{
		double		step[CS_OPTIMUM_MAX],
					before = Steepest(f, &at);

		if (f->report != NULL)
			f->report(f->start, f->starts, at.iterations + 1);
		if (!is_known)
		{
			Differentiate(&s);
			is_fresh = true;
		}
		if (NewtonStep(&s, step) && Advance(&s, step))
		{
			is_fresh = false;
			is_known = Steepest(f, &at) < GOOD_STEP * before;
		}
		else if (is_fresh)
			break;
		else
			is_known = false;
	}
	if (!is_fresh)
		Differentiate(&s);
	at.end = End(&s);
	return at;
}

/*
 * Look for a maximum of the function from the start given.  The result holds the place, the value, the
 * gradient and the matrix of second derivatives there, and whether it is a maximum.
 */
CsOptimum
CsMaximise(const CsObjective *f, const double *start)
{
	CsOptimum	at = {0};

	memcpy(at.theta, start, sizeof(double) * f->n);
	return Maximise(f, at, false);
}

/* The same from the maximum of a function that is much alike. */
static CsOptimum
MaximiseNear(const CsObjective *f, const CsOptimum *near)
{
	return Maximise(f, *near, true);
}

/* Does one search end better than another: at a maximum, or higher up? */
static bool
IsBetter(const CsOptimum *a, const CsOptimum *b)
{
	bool		a_found = a->end == CS_OPTIMUM_FOUND,
				b_found = b->end == CS_OPTIMUM_FOUND;

	return a_found != b_found ? a_found : a->value > b->value;
}

/* The better of the maxima that n starts lead to. */
CsOptimum
CsMaximiseFromStarts(const CsObjective *f, int n, const double (*start)[CS_OPTIMUM_MAX])
{
	CsObjective told = *f;
	CsOptimum	best = {0};

	told.starts = n;
	for (int s = 0; s < n; s++)
	{
		CsOptimum	at;

		told.start = s + 1;
		at = CsMaximise(&told, start[s]);
		if (s == 0 || IsBetter(&at, &best))
			best = at;
	}
	return best;
}

/*
 * The same of a mean over many, by that over a part of them: from where the part leads all of them take a few
 * steps.
 */
CsOptimum
CsMaximiseByPart(const CsObjective *f, const CsObjective *part, int n, const double (*start)[CS_OPTIMUM_MAX])
{
	CsOptimum	near = CsMaximiseFromStarts(part, n, start);
	CsOptimum	best = MaximiseNear(f, &near);

	if (best.end == CS_OPTIMUM_NOT_FOUND)
		return CsMaximiseFromStarts(f, n, start);
	best.iterations += near.iterations;
	return best;
}

/*
 * OUT the covariance of the variables of a log-likelihood at its maximum: the inverse of the matrix of
 * second derivatives, negated, times "n" for a mean of n.  False where the function is not concave
 * there, or so flat in a direction that the matrix cannot be inverted in good faith.
 */
bool
CsOptimumCovariance(const CsOptimum *at, int dimension, double n, double *covariance)
{
	double		values[CS_OPTIMUM_MAX],
				vectors[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX];

	for (int i = 0; i < dimension * dimension; i++)
		if (!isfinite(at->hessian[i]))
			return false;
	if (CsSymmetricEigen(dimension, at->hessian, values, vectors) != 0)
		return false;
	/* descending: the first is the flattest, the last the most curved */
	if (!(values[0] < 0) || values[dimension - 1] < 1e6 * values[0])
		return false;
	for (int i = 0; i < dimension; i++)
		for (int j = 0; j < dimension; j++)
		{
			double		sum = 0;

			for (int e = 0; e < dimension; e++)
				sum -= vectors[e * dimension + i] * vectors[e * dimension + j] / values[e];
			covariance[i * dimension + j] = sum / n;
		}
	return true;
}
