/*
 * holdout_periods.h
 *	  How well a model of purchases would have predicted the last part of the lines.
 */
#ifndef CUSTSEG_VALUE_HOLDOUT_PERIODS_H
#define CUSTSEG_VALUE_HOLDOUT_PERIODS_H

#include "value/worth_fit.h"

/* Rows for 0 to 6 repeats, and for 7 and more. */
#define CS_CALIBRATION_ROWS 8

typedef struct CsCalibrationRow
{
	int64		n;
	double		predicted,		/* sums */
				actual;
} CsCalibrationRow;

typedef struct CsHoldout
{
	int			days;
	CsHoldoutResult purchases;
	CsHoldoutResult value;		/* n is 0 without amounts */
	double		baseline_mae,
				baseline_rmse;
	double		coverage;		/* NaN: not measured */
	bool		has_variance;	/* the next ones are known: those of the sums, by the model alone */
	double		variance,
				parameter_variance,
				value_variance,
				value_parameter_variance;
	CsCalibrationRow calibration[CS_CALIBRATION_ROWS];
} CsHoldout;

extern bool CsHoldoutPeriods(const CsPeriod *whole, CsWorthAlgorithm algorithm, int days, bool twice,
							 CsHoldout *holdout, CsRatios *ratios);
extern void CsHoldoutPush(JsonbParseState **json, const CsHoldout *holdout);

#endif							/* CUSTSEG_VALUE_HOLDOUT_PERIODS_H */
