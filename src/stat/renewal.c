/*
 * renewal.c
 *	  Contracts that are renewed period by period: the shifted beta-geometric model (Fader, Hardie 2007) and the
 *	  beta-discrete-Weibull (Fader, Hardie, Liu, Davin, Steenburgh 2018).
 *
 * A customer leaves at the end of a period with a chance of their own; among customers the chances are
 * beta(a, b) distributed, so that those who stay are more and more the loyal ones.  With a shape other
 * than 1 each customer's own chance also changes in time: the share who stay longer than t periods is
 * B(a, b + t^shape) / B(a, b).
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>

#include "stat/survival.h"

/* No logarithm of a parameter goes beyond: e^10 = 22,026. */
#define BOUND 10
/* A log-likelihood that is higher by less says nothing. */
#define NO_BETTER 0.5
/* Below, the digits that a difference of log-gammas loses are few. */
#define STIRLING 10
#define PSI_STIRLING 1000
#define LARGEST_LOG 100
/* How far b goes from one point of a region to the next, in its logarithm, and in how many the likelihood falls. */
#define LONGEST_STEP 1
#define SHORTEST_STEP 0.01
#define FEWEST_DROPS 10

typedef struct Fitting
{
	const CsRenewalData *data;
	CsRenewalFit *fit;			/* whose free parameters are looked for */
} Fitting;

/* What follows from the parameters for all periods. */
typedef struct Share
{
	double		a,
				b,
				shape;
	double		psi_rise;		/* from b to a + b */
} Share;

/* ln Gamma(c + x) - ln Gamma(c).  Of large ones it loses no digits: by Stirling's formula, term by term. */
static double
LogRise(double c, double x)
{
	if (c < STIRLING)
		return gsl_sf_lnpoch(c, x);
	return (c - 0.5) * log1p(x / c) + x * (log(c + x) - 1) + log(gsl_sf_gammastar(c + x) / gsl_sf_gammastar(c));
}

/* psi(c + x) - psi(c), its derivative by c, in the same way. */
static double
PsiRise(double c, double x)
{
	if (c < PSI_STIRLING)
		return gsl_sf_psi(c + x) - gsl_sf_psi(c);
	return log1p(x / c) + x / (2 * c * (c + x)) + x * (2 * c + x) / (12 * c * c * (c + x) * (c + x));
}

static Share
ShareOf(const double *theta)
{
	Share		s = {exp(theta[CS_RENEWAL_A]), exp(theta[CS_RENEWAL_B]), exp(theta[CS_RENEWAL_SHAPE])};

	s.psi_rise = PsiRise(s.b, s.a);
	return s;
}

/* That where the period to the power of the shape is beyond all numbers: a and b are nothing beside it. */
static double
LogShareFar(const Share *s, double log_power, double *gradient)
{
	gradient[CS_RENEWAL_A] = s->a * (gsl_sf_psi(s->a + s->b) - log_power);
	gradient[CS_RENEWAL_B] = s->b * s->psi_rise;
	gradient[CS_RENEWAL_SHAPE] = -s->a * log_power;
	return LogRise(s->b, s->a) - s->a * log_power;
}

/* The logarithm of the share who stay longer than so many periods; OUT its gradient by theta. */
static double
LogShare(const Share *s, double period, double *gradient)
{
	double		log_power = period > 0 ? s->shape * log(period) : 0,
				power = period > 0 ? exp(log_power) : 0,
				psi_rise;

	if (log_power > LARGEST_LOG)
		return LogShareFar(s, log_power, gradient);
	psi_rise = PsiRise(s->b + power, s->a);
	gradient[CS_RENEWAL_A] = -s->a * PsiRise(s->a + s->b, power);
	gradient[CS_RENEWAL_B] = s->b * (s->psi_rise - psi_rise);
	gradient[CS_RENEWAL_SHAPE] = -log_power * power * psi_rise;
	if (period == 0)
		return 0;
	/* the same in two ways: what is subtracted is smaller, and so is its rounding */
	return s->a < power ? LogRise(s->b, s->a) - LogRise(s->b + power, s->a) :
		LogRise(s->b, power) - LogRise(s->a + s->b, power);
}

/* The logarithm of the share who leave at the end of a period; OUT its gradient by theta. */
static double
LogLeaving(const Share *s, double period, double *gradient)
{
	double		before[CS_RENEWAL_PARAMETERS],
				after[CS_RENEWAL_PARAMETERS],
				share = LogShare(s, period - 1, before),
				change = LogShare(s, period, after) - share;

	for (int i = 0; i < CS_RENEWAL_PARAMETERS; i++)
		gradient[i] = (before[i] - exp(change) * after[i]) / -expm1(change);
	return share + log(-expm1(change));
}

/* The mean log-likelihood of a customer, and its gradient by the free parameters, which "theta" has. */
static double
Likelihood(const double *theta, double *gradient, void *state)
{
	const Fitting *f = state;
	CsRenewalFit *fit = f->fit;
	double		by[CS_RENEWAL_PARAMETERS],
				sum[CS_RENEWAL_PARAMETERS] = {0},
				likelihood = 0;
	Share		share;

	for (int i = 0; i < fit->n_free; i++)
		fit->theta[fit->free[i]] = theta[i];
	share = ShareOf(fit->theta);
	for (int p = 0; p < f->data->n_periods; p++)
	{
		const CsRenewalPeriod *period = &f->data->period[p];

		if (period->left > 0)
		{
			likelihood += (double) period->left * LogLeaving(&share, period->period, by);
			for (int i = 0; i < CS_RENEWAL_PARAMETERS; i++)
				sum[i] += (double) period->left * by[i];
		}
		if (period->censored > 0)
		{
			likelihood += (double) period->censored * LogShare(&share, period->period, by);
			for (int i = 0; i < CS_RENEWAL_PARAMETERS; i++)
				sum[i] += (double) period->censored * by[i];
		}
	}
	for (int i = 0; i < fit->n_free; i++)
		gradient[i] = sum[fit->free[i]] / (double) f->data->n;
	return likelihood / (double) f->data->n;
}

/* Parameters that came to a bound stay there, and are free no longer. */
static void
HoldOnBound(CsRenewalFit *fit)
{
	int			n = 0;

	for (int i = 0; i < fit->n_free; i++)
	{
		int			parameter = fit->free[i];

		fit->on_bound[parameter] = fabs(fit->theta[parameter]) >= BOUND;
		if (!fit->on_bound[parameter])
			fit->free[n++] = parameter;
	}
	fit->n_free = n;
}

/*
 * Look for the free parameters that fit best, from where they are.  Where the likelihood rises on and on
 * along one, that one is held on its bound: customers who do not differ, say, are a limit of the model,
 * in which the others still have a maximum, and errors.
 */
static void
Maximise(const CsRenewalData *data, CsRenewalFit *fit)
{
	Fitting		fitting = {data, fit};
	CsOptimum	at;

	do
	{
		CsObjective f = {fit->n_free, BOUND, Likelihood, &fitting};
		double		theta[CS_RENEWAL_PARAMETERS];

		for (int i = 0; i < fit->n_free; i++)
			theta[i] = fit->theta[fit->free[i]];
		at = CsMaximise(&f, theta);
		/* the search has looked around since */
		for (int i = 0; i < fit->n_free; i++)
			fit->theta[fit->free[i]] = at.theta[i];
		if (at.end == CS_OPTIMUM_ON_BOUND)
			HoldOnBound(fit);
	} while (at.end == CS_OPTIMUM_ON_BOUND && fit->n_free > 0);
	fit->has_converged = at.end != CS_OPTIMUM_NOT_FOUND;
	fit->log_likelihood = at.value * (double) data->n;
	fit->aic = 2 * fit->n_parameters - 2 * fit->log_likelihood;
	fit->has_covariance = at.end == CS_OPTIMUM_FOUND &&
		CsOptimumCovariance(&at, fit->n_free, (double) data->n, fit->covariance);
}

/*
 * The fit from one start.  A maximum on a ridge so flat that it has no errors, and that fits no better
 * than its end, is taken for the end.
 */
static CsRenewalFit
MaximiseFrom(const CsRenewalData *data, int n_parameters, const double *start)
{
	CsRenewalFit fit = {.n_parameters = n_parameters, .n_free = n_parameters, .free = {0, 1, 2}};
	CsRenewalFit end;
	double		to_bound;

	memcpy(fit.theta, start, sizeof(double) * n_parameters);
	Maximise(data, &fit);
	if (fit.has_covariance || fit.n_free < n_parameters)
		return fit;
	end = fit;
	to_bound = copysign(BOUND, fit.theta[CS_RENEWAL_B]) - fit.theta[CS_RENEWAL_B];
	end.theta[CS_RENEWAL_A] = Min(Max(fit.theta[CS_RENEWAL_A] + to_bound, 1 - BOUND), BOUND - 1);
	end.theta[CS_RENEWAL_B] += to_bound;
	HoldOnBound(&end);
	Maximise(data, &end);
	return end.has_covariance && fit.log_likelihood - end.log_likelihood < NO_BETTER ? end : fit;
}

/* What is known of a model when nobody has left yet: nothing. */
CsRenewalFit
CsRenewalUnknown(int n_parameters)
{
	return (CsRenewalFit) {.n_parameters = n_parameters, .log_likelihood = NAN, .aic = NAN, .theta = {NAN, NAN, NAN}};
}

/*
 * The model with 2 parameters, or with 3, the shape among them, that fits best.  The longer model
 * begins where the shorter one ends, too, so that it never fits worse.  Somebody must have left.
 */
CsRenewalFit
CsRenewalMaximise(const CsRenewalData *data, int n_parameters)
{
	double		starts[3][CS_RENEWAL_PARAMETERS] = {{0, 1, 0}, {-1, 0, 0.3}};
	int			n_starts = 2;
	CsRenewalFit best;

	if (n_parameters == CS_RENEWAL_PARAMETERS)
	{
		best = CsRenewalMaximise(data, CS_RENEWAL_SHAPE);
		memcpy(starts[n_starts++], best.theta, sizeof(best.theta));
	}
	for (int s = 0; s < n_starts; s++)
	{
		CsRenewalFit fit = MaximiseFrom(data, n_parameters, starts[s]);

		if (s == 0 || fit.log_likelihood > best.log_likelihood)
			best = fit;
	}
	return best;
}

/* The logarithm of the share who stay longer than so many periods; OUT, unless NULL, its gradient by theta. */
double
CsRenewalLogSurvival(const double *theta, double period, double *gradient)
{
	Share		share = ShareOf(theta);
	double		ignored[CS_RENEWAL_PARAMETERS];

	return LogShare(&share, period, gradient == NULL ? ignored : gradient);
}

/* The standard error of that logarithm, by the delta method; NaN where the parameters have none. */
static double
LogSurvivalError(const CsRenewalFit *fit, double period)
{
	double		by[CS_RENEWAL_PARAMETERS],
				variance = 0;

	if (!fit->has_covariance)
		return NAN;
	(void) CsRenewalLogSurvival(fit->theta, period, by);
	for (int i = 0; i < fit->n_free; i++)
		for (int j = 0; j < fit->n_free; j++)
			variance += by[fit->free[i]] * by[fit->free[j]] * fit->covariance[i * fit->n_free + j];
	return sqrt(Max(variance, 0));
}

/* The fit whose b is given, from one whose b is near. */
static CsRenewalFit
FitGivenB(const CsRenewalData *data, const CsRenewalFit *near, double b)
{
	CsRenewalFit fit = {.n_parameters = CS_RENEWAL_PARAMETERS, .n_free = 2, .free = {CS_RENEWAL_A, CS_RENEWAL_SHAPE}};

	memcpy(fit.theta, near->theta, sizeof(fit.theta));
	fit.theta[CS_RENEWAL_B] = b;
	Maximise(data, &fit);
	return fit;
}

/* How far below the best fit of a region another one may be. */
static double
MostDrop(const CsRenewalRegion *region)
{
	return region->quantile * region->quantile / 2;
}

/* Have a fit among the points of a region, if it is in it. */
static bool
Keep(CsRenewalRegion *region, const CsRenewalFit *fit)
{
	region->log_likelihood = Max(region->log_likelihood, fit->log_likelihood);
	if (fit->log_likelihood < region->log_likelihood - MostDrop(region))
		return false;
	region->is_known &= fit->has_covariance && region->n < CS_RENEWAL_POINTS;
	if (region->is_known)
		region->point[region->n++] = *fit;
	return region->is_known;
}

/* Take b down or up from a fit, as far as the fits are in the region, in steps that are short where it is steep. */
static void
Walk(const CsRenewalData *data, CsRenewalRegion *region, CsRenewalFit at, int direction)
{
	double		step = LONGEST_STEP,
				longest = MostDrop(region) / FEWEST_DROPS;

	while (direction * at.theta[CS_RENEWAL_B] < BOUND)
	{
		double		b = Min(Max(at.theta[CS_RENEWAL_B] + direction * step, -BOUND), BOUND);
		CsRenewalFit next = FitGivenB(data, &at, b);
		double		drop = fabs(at.log_likelihood - next.log_likelihood);

		if (!(drop < longest) && step > SHORTEST_STEP)
		{
			step /= 2;
			continue;
		}
		if (!Keep(region, &next))
			return;
		at = next;
		if (drop < longest / 4)
			step = Min(2 * step, LONGEST_STEP);
	}
}

/*
 * OUT the parameters of the longer model that the data leave possible: those whose log-likelihood is less than
 * quantile^2 / 2 below the highest one.  They are told by points along ln b, each with the other two that fit
 * best and their covariance: along b, which data of few periods leave open in the end, the likelihood is no
 * parabola, and given b it is one.  "fit" is the longer model's.
 */
void
CsRenewalFindRegion(const CsRenewalData *data, const CsRenewalFit *fit, double quantile, CsRenewalRegion *region)
{
	CsRenewalFit at = FitGivenB(data, fit, fit->theta[CS_RENEWAL_B]);

	region->n = 0;
	region->quantile = quantile;
	region->is_known = true;
	region->log_likelihood = fit->log_likelihood;
	(void) Keep(region, &at);
	Walk(data, region, at, -1);
	Walk(data, region, at, 1);
}

/*
 * OUT the interval of the share who stay longer than a period, by profile likelihood: the farthest that the points
 * of a region lead to, each by the part of the quantile that its likelihood has left, on the scale of
 * log(-log(share)).  The share by "chosen" is in it.  NaN where a point has no errors.
 */
void
CsRenewalInterval(const CsRenewalRegion *region, const CsRenewalFit *chosen, double period, double *low, double *high)
{
	*low = *high = region->is_known ? exp(CsRenewalLogSurvival(chosen->theta, period, NULL)) : NAN;
	for (int i = 0; i < region->n && region->is_known; i++)
	{
		const CsRenewalFit *at = &region->point[i];
		double		left = 2 * (MostDrop(region) - (region->log_likelihood - at->log_likelihood)),
					hazard = -CsRenewalLogSurvival(at->theta, period, NULL),
					width = sqrt(Max(left, 0)) * LogSurvivalError(at, period) / hazard;

		if (left < 0)
			continue;
		*low = Min(*low, exp(-hazard * exp(width)));
		*high = Max(*high, exp(-hazard * exp(-width)));
	}
}

/* The standard error of the logarithm of a parameter; NaN where it has none. */
double
CsRenewalError(const CsRenewalFit *fit, int parameter)
{
	for (int i = 0; i < fit->n_free; i++)
		if (fit->free[i] == parameter && fit->has_covariance)
			return sqrt(fit->covariance[i * fit->n_free + i]);
	return NAN;
}
