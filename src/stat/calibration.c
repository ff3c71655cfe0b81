/*
 * calibration.c
 *	  Do predictions hold: bias, errors, slope and coverage, now against those of the training.
 *
 * The line of outcomes by predictions is Cox's (1958) and Mincer and Zarnowitz's (1969); its standard
 * errors take no spread for granted (MacKinnon and White 1985, HC3).  Differences are compared with
 * their standard errors, as means of many rows are.
 */
#include "custseg.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/calibration.h"

/* The line, and its standard errors, once the means are known. */
static void
FitLine(CsCalibration *c, const double *actual, const double *predicted)
{
	double		squares = 0,
				products = 0,
				slope_variance = 0,
				intercept_variance = 0;

	c->slope = c->slope_error = c->intercept = c->intercept_error = NAN;
	for (int64 i = 0; i < c->n; i++)
	{
		double		x = predicted[i] - c->mean_predicted;

		CsCheckInterrupts(i);
		squares += x * x;
		products += x * (actual[i] - c->mean_actual);
	}
	if (!(squares > 0) || c->n < 3)
		return;
	c->slope = products / squares;
	c->intercept = c->mean_actual - c->slope * c->mean_predicted;
	for (int64 i = 0; i < c->n; i++)
	{
		double		x = predicted[i] - c->mean_predicted,
					leverage = 1.0 / (double) c->n + x * x / squares,
					off = (actual[i] - c->mean_actual - c->slope * x) / Max(1 - leverage, 1e-6),
					of_intercept = 1.0 / (double) c->n - c->mean_predicted * x / squares;

		CsCheckInterrupts(i);
		slope_variance += x * x * off * off;
		intercept_variance += of_intercept * of_intercept * off * off;
	}
	c->slope_error = sqrt(slope_variance) / squares;
	c->intercept_error = sqrt(intercept_variance);
}

/* Predictions against outcomes, of which there is one at least. */
CsCalibration
CsCalibrate(int64 n, const double *actual, const double *predicted)
{
	CsCalibration c = {.n = n};
	CsMoments	of_actual = {0},
				of_predicted = {0},
				of_off = {0},
				of_squares = {0};

	for (int64 i = 0; i < n; i++)
	{
		double		off = actual[i] - predicted[i];

		CsCheckInterrupts(i);
		CsMomentsAddValue(&of_actual, actual[i]);
		CsMomentsAddValue(&of_predicted, predicted[i]);
		CsMomentsAddValue(&of_off, off);
		CsMomentsAddValue(&of_squares, off * off);
	}
	c.mean_actual = CsMomentsMean(&of_actual);
	c.mean_predicted = CsMomentsMean(&of_predicted);
	c.bias = CsMomentsMean(&of_off);
	c.deviation = CsMomentsDeviation(&of_off, 1);
	c.squares = CsMomentsMean(&of_squares);
	c.squares_deviation = CsMomentsDeviation(&of_squares, 1);
	FitLine(&c, actual, predicted);
	return c;
}

/* The standard error of a difference of two means. */
static double
ErrorOf(double deviation_a, int64 n_a, double deviation_b, int64 n_b)
{
	return sqrt(deviation_a * deviation_a / (double) n_a + deviation_b * deviation_b / (double) n_b);
}

/* The chance of such a difference, or a larger one, when there is none. */
static double
TwoSided(double difference, double error)
{
	return error > 0 ? 2 * gsl_cdf_ugaussian_Q(fabs(difference) / error) : difference == 0 ? 1 : 0;
}

/* Likewise of a rise. */
static double
OneSided(double rise, double error)
{
	return error > 0 ? gsl_cdf_ugaussian_Q(rise / error) : rise > 0 ? 0 : 1;
}

/* Compare bias, error and slope with those of the training; OUT changes[CS_CALIBRATION_ASPECTS], but for coverage. */
void
CsCalibrationCompare(const CsCalibration *now, const CsCalibration *then, CsCalibrationChange *changes)
{
	double		difference = now->bias - then->bias;

	for (int i = 0; i < CS_CALIBRATION_ASPECTS; i++)
		changes[i] = (CsCalibrationChange) {NAN, NAN};
	changes[CS_CALIBRATION_BIAS] = (CsCalibrationChange) {
		then->deviation > 0 ? difference / then->deviation : difference == 0 ? 0 : copysign(INFINITY, difference),
		TwoSided(difference, ErrorOf(now->deviation, now->n, then->deviation, then->n))
	};
	difference = now->squares - then->squares;
	changes[CS_CALIBRATION_ERROR] = (CsCalibrationChange) {
		then->squares > 0 ? sqrt(now->squares / then->squares) - 1 : difference == 0 ? 0 : INFINITY,
		OneSided(difference, ErrorOf(now->squares_deviation, now->n, then->squares_deviation, then->n))
	};
	if (isnan(now->slope) || isnan(then->slope))
		return;
	/* from that of the training to 1 is no change: the models of the folds may have been rougher */
	difference = now->slope - Min(Max(now->slope, Min(then->slope, 1)), Max(then->slope, 1));
	changes[CS_CALIBRATION_SLOPE] = (CsCalibrationChange) {
		difference, TwoSided(difference, hypot(now->slope_error, then->slope_error))
	};
}

/*
 * Of n outcomes, "covered" lie in intervals that should hold so large a share; the intervals are made of
 * so many scores, whose own chance counts.  Shares are compared by the arcsines of their roots, whose
 * variance does not depend on them: few intervals miss, and by chance more often too many than too few.
 */
CsCalibrationChange
CsCoverageCompare(int64 n, int64 covered, double share, int64 nscores)
{
	double		found = (double) covered / (double) n,
				error = sqrt(1.0 / (double) n + 1.0 / (double) Max(nscores, 1));

	return (CsCalibrationChange) {
		share - found, OneSided(2 * (asin(sqrt(share)) - asin(sqrt(found))), error)
	};
}

/*
 * What came in all against what was predicted in all, as a share of it less 1; "rate_error" is the
 * relative standard error of the rate that the model was fitted to.
 */
CsCalibrationChange
CsTotalsCompare(const CsCalibration *now, double rate_error)
{
	double		error = hypot(now->deviation / sqrt((double) now->n), now->mean_predicted * rate_error);

	return (CsCalibrationChange) {
		now->mean_predicted > 0 ? now->mean_actual / now->mean_predicted - 1 : NAN,
		TwoSided(now->bias, error)
	};
}

/* The slope against 1, likewise. */
CsCalibrationChange
CsSlopeCompare(const CsCalibration *now, double rate_error)
{
	return (CsCalibrationChange) {
		now->slope - 1, TwoSided(now->slope - 1, hypot(now->slope_error, now->slope * rate_error))
	};
}

/*
 * Adjust the p of changes[CS_CALIBRATION_ASPECTS] by how many are compared (Bonferroni).  Returns the least p before;
 * *adjusted: that one adjusted.  Both are NaN where nothing is compared.
 */
double
CsChangesAdjust(CsCalibrationChange *changes, double *adjusted)
{
	double		least = NAN;
	int			compared = 0;

	for (int i = 0; i < CS_CALIBRATION_ASPECTS; i++)
	{
		if (isnan(changes[i].effect) || isnan(changes[i].p))
			continue;
		compared++;
		least = isnan(least) ? changes[i].p : Min(least, changes[i].p);
	}
	for (int i = 0; i < CS_CALIBRATION_ASPECTS; i++)
		changes[i].p = Min(1, changes[i].p * compared);
	*adjusted = isnan(least) ? NAN : Min(1, least * compared);
	return least;
}
