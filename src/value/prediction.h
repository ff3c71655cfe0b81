/*
 * prediction.h
 *	  What the functions have in common that learn to predict a number or a probability.
 *
 * Rows are read and prepared as for a training of segments (train/prepare.c), with their outcomes and
 * a hash of their ids, by which they are divided into folds: what a model says of the rows of a fold
 * is what it says when it was fitted to the other folds.
 */
#ifndef CUSTSEG_VALUE_PREDICTION_H
#define CUSTSEG_VALUE_PREDICTION_H

#include "algo/value.h"
#include "stat/calibration.h"
#include "stat/prediction.h"
#include "train/train.h"

#define CS_FOLDS 5
#define CS_MAX_FOLDS 100

/* Rows whose values are shuffled to see what a feature is worth. */
#define CS_SHUFFLED_ROWS 5000

/* At which intervals are tried. */
#define CS_USUAL_CONFIDENCE 0.9

/* Rows, outcomes and folds that are at hand. */
typedef struct CsPrediction
{
	CsTraining *t;
	bool		is_probability;
	int			nfolds;
	int32	   *fold;			/* of each row; -1: not divided yet */
	int64	   *fold_rows;		/* of each fold */
	char	  **columns;		/* of the matrix */
} CsPrediction;

extern Jsonb *CsValuePrep(Jsonb *asked, const char *usual);
extern Size CsPredictionMemory(const CsValueAlgorithm *algorithm, const void *options, int64 nrows, int ncolumns, int nfolds);
extern void CsPredictionStart(CsPrediction *p, CsTraining *t, int nfolds);
extern void CsPredictionCheckSuits(const CsTraining *t, const CsValueAlgorithm *algorithm);
extern void CsPredictionFit(const CsPrediction *p, CsTeam *team, const CsValueAlgorithm *algorithm,
							const void *options, CsValueFit *fit);
extern int	CsPredictionLeaveOut(const CsPrediction *p, CsTeam *team, const CsValueAlgorithm *algorithm,
								 const void *options);
extern CsIsotonic CsPredictionIsotonic(const CsPrediction *p, const double *predicted, int without);
extern void CsPredictionCalibrate(const CsPrediction *p, double *predicted);
extern CsPredictionMeasures CsPredictionMeasure(const CsPrediction *p, const double *predicted, int fold);
extern bool CsPredictionTellsNothing(const CsPrediction *p, double r2, double log_loss, double *of_mean);
extern CsPredictionSpread CsPredictionSpreads(const CsPrediction *p, const double *predicted);
extern CsCalibration CsPredictionCalibration(const CsPrediction *p, const double *predicted);
extern double *CsPredictionScores(const CsPrediction *p, const double *predicted, bool *ratios, int *n,
								  double *coverage);
extern void CsPredictionWarnOfPerfection(const CsPrediction *p, const CsPredictionMeasures *m);

/* prediction_order.c */
extern void CsPredictionOrder(CsTraining *t);

/* prediction_features.c */
extern double *CsPredictionShuffle(const CsPrediction *p, CsTeam *team, const CsValueModel *model);
extern void CsPredictionWarnOfLeaks(const CsPrediction *p);

#endif							/* CUSTSEG_VALUE_PREDICTION_H */
