/*
 * holdout.h
 *	  Predictions for customers against what came: errors, order, deciles, intervals.
 */
#ifndef CUSTSEG_STAT_HOLDOUT_H
#define CUSTSEG_STAT_HOLDOUT_H

#include "custseg.h"

#define CS_DECILES 10

/* A prediction and what came. */
typedef struct CsOutcome
{
	double		predicted;
	double		actual;
} CsOutcome;

typedef struct CsDecile
{
	double		predicted;		/* mean */
	double		actual;			/* mean */
	double		lift;			/* of the mean of all */
	double		share;			/* of the sum of all */
} CsDecile;

typedef struct CsHoldoutResult
{
	int64		n;
	double		predicted;		/* sum */
	double		actual;			/* sum */
	double		mae,
				rmse,
				bias;			/* mean of predicted less actual */
	double		gini,			/* NaN where nothing came */
				gini_normalized;
	CsDecile	decile[CS_DECILES]; /* the highest predictions first */
} CsHoldoutResult;

extern CsHoldoutResult CsHoldoutMeasure(CsOutcome *outcomes, int64 n);

/*
 * Intervals of predictions, by deciles of the prediction: quantiles of what came as a share of what was
 * predicted (split conformal).
 */
#define CS_RATIO_STEPS 200

typedef struct CsRatios
{
	double		bound[CS_DECILES - 1];	/* lowest predictions of all deciles but the last */
	double		ratio[CS_DECILES][CS_RATIO_STEPS + 1];	/* infinite: too few customers to tell */
} CsRatios;

/* The ends of intervals for a confidence and a time, as shares of a prediction. */
typedef struct CsRatioEnds
{
	const CsRatios *ratios;
	double		periods;		/* of those that were learned from */
	double		low[CS_DECILES];
	double		high[CS_DECILES];	/* infinite: not known */
} CsRatioEnds;

extern void CsRatiosLearn(CsRatios *r, CsOutcome *outcomes, int64 n);
extern CsRatioEnds CsRatiosEnds(const CsRatios *r, double periods, double confidence);
extern void CsRatioEndsOf(const CsRatioEnds *ends, double predicted, double *low, double *high);
extern double CsRatiosCoverage(const CsRatios *r, const CsOutcome *outcomes, int64 n, double confidence);

#endif							/* CUSTSEG_STAT_HOLDOUT_H */
