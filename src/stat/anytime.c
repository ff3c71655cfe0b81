/*
 * anytime.c
 *	  An interval of an effect that holds however often one looks.
 *
 * The normal mixture of Robbins (Annals of Mathematical Statistics 41, 1970), as the mixture sequential
 * probability ratio test of Johari, Koomen, Pekelis and Walsh (Operations Research 70, 2022) and the
 * asymptotic confidence sequences of Waudby-Smith et al. (Annals of Statistics 52, 2024) have it.  With f
 * the share of the planned information that is there, k = k* f, where k* makes the interval at f = 1 as
 * narrow as can be: k* = ln(1 + k*) - 2 ln alpha.
 */
#include "custseg.h"

#include <math.h>

#include "stat/sequential.h"

/* k*, by Newton's method, which comes from above and so never leaves. */
static double
BestMixture(double alpha)
{
	double		constant = -2 * log(alpha),
				k = 2 * constant + 2;

	for (int i = 0; i < 100; i++)
	{
		double		next = k - (k - log1p(k) - constant) * (1 + k) / k;

		if (!(next < k))
			break;
		k = next;
	}
	return k;
}

/* Half of the interval in standard errors, with a share of the planned information above 0. */
double
CsAnytimeMultiplier(double alpha, double information)
{
	double		k = BestMixture(alpha) * information;

	return sqrt((1 + 1 / k) * (log1p(k) - 2 * log(alpha)));
}

/* Interval and p of an effect whose standard error is above 0; all NaN where it is 0. */
CsAnytime
CsAnytimeInterval(double difference, double error, double information, double alpha)
{
	double		k = BestMixture(alpha) * information,
				z = difference / error,
				margin = CsAnytimeMultiplier(alpha, information) * error;

	if (!(error > 0))
		return (CsAnytime) {NAN, NAN, NAN};
	return (CsAnytime) {
		difference - margin, difference + margin,
		Min(1, exp(log1p(k) / 2 - z * z * (k / (1 + k)) / 2))
	};
}
