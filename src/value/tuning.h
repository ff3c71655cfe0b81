/*
 * tuning.h
 *	  An algorithm tried on the folds of a prediction: with the options that are given, or with each point
 *	  of a small grid of them.
 */
#ifndef CUSTSEG_VALUE_TUNING_H
#define CUSTSEG_VALUE_TUNING_H

#include "value/prediction.h"

/* What is measured in each fold. */
typedef enum CsTrialMeasure
{
	CS_TRIAL_R2, CS_TRIAL_RMSE, CS_TRIAL_MAE, CS_TRIAL_AUC, CS_TRIAL_LOG_LOSS, CS_TRIAL_BRIER, CS_TRIAL_MEASURES
} CsTrialMeasure;

/* An algorithm with options, and how well it predicts the rows of each fold, fitted to the others. */
typedef struct CsTrial
{
	const CsValueAlgorithm *algorithm;
	void	   *options;
	double		mean[CS_TRIAL_MEASURES];	/* over the folds; NaN: one of them has none */
	double		deviation[CS_TRIAL_MEASURES];
	double		milliseconds;
	char	   *failure;		/* why there is no result, or NULL */
} CsTrial;

/* What is tried of an algorithm. */
typedef struct CsTuning
{
	/* set by who tries */
	const CsValueAlgorithm *algorithm;
	void	   *options;		/* as given, with what is usual */
	Jsonb	   *given;			/* the options that are named, which tuning leaves alone; or NULL */
	bool		tunes;			/* else nothing but the options as given is tried */

	/* once it was tried */
	int			naxes;
	CsGridAxis	axes[CS_GRID_AXES];
	int			n;
	CsTrial    *trials;			/* the first one has the options as given */
	int			best;			/* of them; 0 where none has a result */
} CsTuning;

extern void CsTuningCheck(const CsTuning *tuning);
extern Size CsTuningMemory(const CsTuning *tuning, int64 nrows, int ncolumns, int nfolds);
extern void CsTuningRun(const CsPrediction *p, CsTuning *tuning);
extern double CsTrialMerit(const CsPrediction *p, const CsTrial *trial);
extern char *CsTrialReason(const CsPrediction *p, const CsTrial *trial, const CsTrial *best);
extern double CsTuningMilliseconds(const CsTuning *tuning);
extern void CsTuningTell(const CsPrediction *p, const CsTuning *tuning);
extern void CsTuningPush(JsonbParseState **json, const CsPrediction *p, const CsTuning *tuning);

#endif							/* CUSTSEG_VALUE_TUNING_H */
