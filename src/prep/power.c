/*
 * power.c
 *	  The lambda that makes a column most like a normal one, for transforms that are a family of powers.
 *
 * Maximum likelihood, as scikit-learn's PowerTransformer: the bracket starts at (-2, 2) and is
 * widened by golden sections, then Brent's method takes over (GSL).  The likelihood needs only
 * the logarithms of the values, which are taken once; every evaluation is then one exponential
 * per value and one pass.
 *
 * A lambda is no candidate when the transformed column cannot be told from a constant one or
 * has no finite sum of squares (years under a strongly negative or positive lambda do).
 */
#include "custseg.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_min.h>

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

#define GOLDEN_RATIO 1.618033988749895

/* The negative log-likelihood of what is no candidate; finite, as GSL demands. */
#define IMPOSSIBLE (DBL_MAX / 4)

/* Transformed values beyond it are no candidates: sums of squares of any number of smaller ones are finite. */
#define MOST_TRANSFORMED 1e140

/* The bracket starts no nearer to 0 than this. */
#define LEAST_START 1e-4

#define MAX_WIDENINGS 40
#define MAX_ITERATIONS 100

/* GSL's method takes no steps below 1.5e-8 of lambda: the last interval is a few of them. */
#define TOLERANCE 1e-7

/* Values that are transformed at a time. */
#define CHUNK 1024

typedef struct Likelihood
{
	int64		n;
	const double *logs;			/* of the values, as the family takes them; ascending */
	double		sum_logs;
	CsPower		power;
} Likelihood;

/* A widening bracket: three points and their values, the middle one lowest in the end. */
typedef struct Bracket
{
	double		x[3];
	double		f[3];
} Bracket;

/*
 * Logarithm of the transformed values' variance; NaN when that is no better than rounding noise, or out of
 * range.
 */
static double
LogTransformedVariance(const Likelihood *l, double lambda)
{
	CsMoments	moments = {0};
	double		sd;

	for (int64 start = 0; start < l->n; start += CHUNK)
	{
		double		t[CHUNK];
		int			m = (int) Min((int64) CHUNK, l->n - start);

		CsCheckInterrupts(start);
		for (int i = 0; i < m; i++)
		{
			t[i] = l->power(l->logs[start + i], lambda);
			if (!(fabs(t[i]) <= MOST_TRANSFORMED))
				return NAN;
		}
		CsMomentsAdd(&moments, t, m);
	}
	sd = CsMomentsDeviation(&moments, 0);
	return sd <= DBL_MAX && sd > 1e-12 * fabs(CsMomentsMean(&moments)) ? 2 * log(sd) : NAN;
}

/* Negative log-likelihood of a lambda, but for a constant: what GSL minimises. */
static double
NegativeLogLikelihood(double lambda, void *state)
{
	const Likelihood *l = state;
	double		log_variance = LogTransformedVariance(l, lambda);
	double		result;

	if (isnan(log_variance))
		return IMPOSSIBLE;
	result = l->n / 2.0 * log_variance - (lambda - 1) * l->sum_logs;
	return result < IMPOSSIBLE ? result : IMPOSSIBLE;
}

/*
 * Walk downhill from (-2, 2), or from nearer to 0 where neither is a candidate, until the middle point is
 * lowest; false if there is no end to it.
 */
static bool
FindBracket(Bracket *b, Likelihood *l)
{
	double		start = 2;

	do
	{
		b->x[0] = -start;
		b->x[1] = start;
		b->f[0] = NegativeLogLikelihood(b->x[0], l);
		b->f[1] = NegativeLogLikelihood(b->x[1], l);
		start /= 2;
	} while (Min(b->f[0], b->f[1]) == IMPOSSIBLE && start > LEAST_START);
	if (b->f[0] == b->f[1])
	{
		/* a column that is symmetric in its logarithms: its lambda lies in between */
		b->x[2] = b->x[1];
		b->f[2] = b->f[1];
		b->x[1] = 0;
		b->f[1] = NegativeLogLikelihood(0, l);
		return b->f[1] < b->f[0];
	}
	if (b->f[0] < b->f[1])
	{
		double		x = b->x[0],
					f = b->f[0];

		b->x[0] = b->x[1];
		b->f[0] = b->f[1];
		b->x[1] = x;
		b->f[1] = f;
	}
	b->x[2] = b->x[1] + GOLDEN_RATIO * (b->x[1] - b->x[0]);
	b->f[2] = NegativeLogLikelihood(b->x[2], l);
	for (int i = 0; i < MAX_WIDENINGS && b->f[2] < b->f[1]; i++)
	{
		b->x[0] = b->x[1];
		b->f[0] = b->f[1];
		b->x[1] = b->x[2];
		b->f[1] = b->f[2];
		b->x[2] = b->x[1] + GOLDEN_RATIO * (b->x[1] - b->x[0]);
		b->f[2] = NegativeLogLikelihood(b->x[2], l);
	}
	return b->f[1] < b->f[0] && b->f[1] < b->f[2];
}

/* Brent's method inside a bracket; returns the lambda found. */
static double
MinimizeInBracket(gsl_min_fminimizer *minimizer, const Bracket *b, gsl_function *function)
{
	int			low = b->x[0] < b->x[2] ? 0 : 2;
	int			high = 2 - low;

	if (gsl_min_fminimizer_set_with_values(minimizer, function, b->x[1], b->f[1],
										   b->x[low], b->f[low],
										   b->x[high], b->f[high]) != GSL_SUCCESS)
		return b->x[1];
	for (int i = 0; i < MAX_ITERATIONS; i++)
	{
		if (gsl_min_fminimizer_iterate(minimizer) != GSL_SUCCESS ||
			gsl_min_test_interval(gsl_min_fminimizer_x_lower(minimizer),
								  gsl_min_fminimizer_x_upper(minimizer),
								  TOLERANCE, TOLERANCE) == GSL_SUCCESS)
			break;
	}
	return gsl_min_fminimizer_x_minimum(minimizer);
}

/*
 * The lambda of greatest likelihood, given the logarithms of n ascending values; 1 for a constant column, or
 * one that no lambda suits.
 */
double
CsPowerLambda(CsPower power, const double *logs, int64 n)
{
	Likelihood	likelihood = {.n = n, .logs = logs, .power = power};
	gsl_function function = {.function = NegativeLogLikelihood, .params = &likelihood};
	Bracket		bracket;
	gsl_min_fminimizer *volatile minimizer = NULL;
	volatile double lambda = 1;

	if (logs[0] == logs[n - 1])
		return 1;
	for (int64 i = 0; i < n; i++)
		likelihood.sum_logs += logs[i];
	if (!FindBracket(&bracket, &likelihood))
		return bracket.f[1] < IMPOSSIBLE ? bracket.x[1] : 1;

	minimizer = gsl_min_fminimizer_alloc(gsl_min_fminimizer_brent);
	if (minimizer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	PG_TRY();
	{
		lambda = MinimizeInBracket(minimizer, &bracket, &function);
	}
	PG_FINALLY();
	{
		/* an interrupt leaves by longjmp */
		gsl_min_fminimizer_free(minimizer);
	}
	PG_END_TRY();
	return lambda;
}
