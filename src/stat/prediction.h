/*
 * prediction.h
 *	  How good predictions of a number or a probability are, what they are off by, and probabilities
 *	  that hold.
 */
#ifndef CUSTSEG_PREDICTION_H
#define CUSTSEG_PREDICTION_H

#include "custseg.h"

/* Measures that are not defined are NaN; those of a number, or those of a probability. */
typedef struct CsPredictionMeasures
{
	int64		n;
	double		r2,				/* 1 - squared errors over squared deviations from the mean */
				rmse,
				mae;
	double		auc,			/* the chance that a true one is rated above a false one */
				log_loss,
				brier;
} CsPredictionMeasures;

extern CsPredictionMeasures CsMeasureNumbers(int64 n, const double *actual, const double *predicted);
extern CsPredictionMeasures CsMeasureProbabilities(int64 n, const double *actual, const double *predicted);
extern double CsAreaUnderCurve(int64 n, const double *actual, const double *predicted);
extern double CsLogLossOfMean(int64 n, const double *actual);

/* Probabilities by isotonic regression: knots that predictions are interpolated between. */
typedef struct CsIsotonic
{
	int			n;
	double	   *predicted;		/* ascending */
	double	   *probability;	/* not descending */
} CsIsotonic;

#define CS_MOST_KNOTS 1000

extern CsIsotonic CsIsotonicFit(int64 n, const double *actual, const double *predicted);

/* How intervals of predictions end: what is added to these, or what they are multiplied by. */
typedef struct CsConformalEnds
{
	bool		ratios;
	bool		is_known;		/* how far they reach */
	double		low,
				high;
} CsConformalEnds;

/* What predictions are off by: differences, or ratios where everything is above 0. */
extern double CsConformalScore(bool ratios, double actual, double predicted);
extern CsConformalEnds CsConformalEndsOf(bool ratios, double off);
extern void CsConformalInterval(const CsConformalEnds *ends, double predicted, double *low, double *high);
extern double CsConformalQuantile(int64 n, const double *sorted, double confidence);

/* Mean squares of what predictions are off by, by tenths of the prediction. */
#define CS_TENTHS 10

typedef struct CsPredictionSpread
{
	double		bound[CS_TENTHS - 1];	/* ascending: the lowest predictions of all tenths but the first */
	double		square[CS_TENTHS];
} CsPredictionSpread;

extern CsPredictionSpread CsPredictionSpreadOf(int64 n, const double *actual, const double *predicted);
extern double CsPredictionSpreadAt(const CsPredictionSpread *spread, double predicted);

extern double CsNeighborsExplain(int64 n, const double *x, const double *y);

#endif							/* CUSTSEG_PREDICTION_H */
