/*
 * calibration.h
 *	  Do predictions hold: what was predicted against what came, now and when a model was trained.
 */
#ifndef CUSTSEG_STAT_CALIBRATION_H
#define CUSTSEG_STAT_CALIBRATION_H

#include "custseg.h"

/* Predictions against outcomes.  Numbers that are not defined are NaN. */
typedef struct CsCalibration
{
	int64		n;
	double		mean_predicted,
				mean_actual;
	double		bias,			/* mean of actual less predicted, */
				deviation;		/* and its standard deviation, ddof 1 */
	double		squares,		/* mean of their squares, */
				squares_deviation;	/* and its standard deviation, ddof 1 */
	double		slope,			/* least squares: actual by predicted */
				slope_error,	/* its standard error, whatever the spread (HC3) */
				intercept,
				intercept_error;
} CsCalibration;

extern CsCalibration CsCalibrate(int64 n, const double *actual, const double *predicted);

/* What can be other than it was. */
typedef enum CsCalibrationAspect
{
	CS_CALIBRATION_BIAS,		/* in standard deviations of what predictions were off by */
	CS_CALIBRATION_ERROR,		/* how much larger the root mean squared error is, as a share */
	CS_CALIBRATION_SLOPE,		/* difference, from that of the training or from 1 */
	CS_CALIBRATION_COVERAGE,	/* share of intervals that miss, beyond what they should */
	CS_CALIBRATION_ASPECTS
} CsCalibrationAspect;

typedef struct CsCalibrationChange
{
	double		effect;			/* signed; NaN: not compared */
	double		p;				/* of no change, two-sided; of the last two that there is no rise */
} CsCalibrationChange;

extern void CsCalibrationCompare(const CsCalibration *now, const CsCalibration *then,
								 CsCalibrationChange *changes);
extern CsCalibrationChange CsCoverageCompare(int64 n, int64 covered, double share, int64 nscores);
extern CsCalibrationChange CsTotalsCompare(const CsCalibration *now, double rate_error);
extern CsCalibrationChange CsSlopeCompare(const CsCalibration *now, double rate_error);
extern double CsChangesAdjust(CsCalibrationChange *changes, double *adjusted);

#endif							/* CUSTSEG_STAT_CALIBRATION_H */
