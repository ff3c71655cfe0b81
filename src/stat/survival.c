/*
 * survival.c
 *	  The curve of Kaplan and Meier (1958), with Greenwood's variance, and the area under it.
 *
 * Customers whose duration is not over when they are last seen are censored: they count as there up to
 * that time, and after the events of the same time.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/survival.h"

/* Areas beyond this, scaled, are scaled anew. */
#define LARGEST_SCALED 0x1p400

/* A curve that begins with so many customers; the area under it is wanted up to a limit. */
CsSurvival
CsSurvivalBegin(int64 n, double limit)
{
	return (CsSurvival) {.at_risk = n, .survival = 1, .limit = limit};
}

/* Take areas times a scale at which the square of one more does not overflow, or underflow if it is the first. */
static void
FitScale(CsSurvival *s, double more)
{
	double		scale = CsScaleOf(more),
				ratio;

	if (more == 0 || (s->scale > 0 && more * s->scale < LARGEST_SCALED))
		return;
	ratio = s->scale > 0 ? scale / s->scale : 0;
	s->spread *= ratio * ratio;
	s->slope *= ratio;
	s->scale = scale;
}

/*
 * Go on to a time, at which nothing happens, but not beyond the limit.  The area grows; its variance is
 * the sum of d / (n (n - d)) (area from the event on)^2, of which each term grows, so that nothing
 * cancels.
 */
void
CsSurvivalExtend(CsSurvival *s, double time)
{
	double		more,
				scaled;

	time = Min(time, s->limit);
	more = s->survival * (time - s->time);
	FitScale(s, more);
	scaled = more * s->scale;
	s->spread += scaled * (2 * s->slope + scaled * s->weight);
	s->slope += scaled * s->weight;
	s->area += more;
	s->time = time;
}

/* The standard error of the area. */
double
CsSurvivalAreaError(const CsSurvival *s)
{
	return s->scale > 0 ? sqrt(s->spread) / s->scale : 0;
}

/* So many customers leave at a time that is not before the last one, and so many are last seen then. */
void
CsSurvivalStep(CsSurvival *s, double time, int64 events, int64 censored)
{
	CsSurvivalExtend(s, time);
	if (events > 0)
	{
		double		n = (double) s->at_risk,
					stay = (double) (s->at_risk - events);

		s->survival *= stay / n;
		/* the last one to leave makes the variance infinite, but no area comes after that */
		s->greenwood += events / (n * stay);
		if (stay > 0)
			s->weight += events / (n * stay);
	}
	s->at_risk -= events + censored;
}

/* The standard error of the share; NaN where nobody is left. */
double
CsSurvivalError(const CsSurvival *s)
{
	return s->survival > 0 ? s->survival * sqrt(s->greenwood) : NAN;
}

/*
 * OUT an interval of the share, on the scale of log(-log(share)), which keeps it within 0 and 1.
 * "quantile" is that of the normal distribution.  NaN where the share is 1 or 0.
 */
void
CsSurvivalInterval(const CsSurvival *s, double quantile, double *low, double *high)
{
	double		hazard = -log(s->survival),
				width = quantile * sqrt(s->greenwood) / hazard;

	*low = *high = NAN;
	if (!(s->survival > 0) || s->survival == 1)
		return;
	*low = exp(-hazard * exp(width));
	*high = exp(-hazard * exp(-width));
}
