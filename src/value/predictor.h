/*
 * predictor.h
 *	  A version of a model of a value or a probability: its parameters as json, and compiled.
 */
#ifndef CUSTSEG_VALUE_PREDICTOR_H
#define CUSTSEG_VALUE_PREDICTOR_H

#include "algo/value.h"
#include "life/life.h"
#include "prep/prep.h"
#include "score/score.h"
#include "stat/prediction.h"

/* Kinds of models that predict_value() and its like are for. */
#define CS_PREDICTOR_KINDS (CS_MODEL_BIT(CS_MODEL_VALUE) | CS_MODEL_BIT(CS_MODEL_PROBABILITY))

/* Most scores that are kept of what predictions are off by. */
#define CS_MOST_SCORES 10000

/*
 * A compiled version, flat: nothing in it is a pointer.  It is only ever made by CsPredictorCompile(),
 * which checks everything.
 */
typedef struct CsPredictor
{
	int32		vl_len_;
	NameData	model;
	NameData	target;
	bool		ratios;			/* scores are logs of ratios, else differences */
	int32		nscores;		/* 0: there are no intervals */
	int32		score_offset;	/* double[nscores], ascending */
	int32		shuffled_offset;	/* double[nfeatures]: how much worse predictions are when a feature's values
								 * are shuffled */
	int32		pipeline_offset;
	int32		value_offset;	/* the CsValueModel */
} CsPredictor;

#define CsPredictorAt(p, type, offset) ((type *) ((char *) (p) + (offset)))
#define CsPredictorPipeline(p) CsPredictorAt(p, CsPipeline, (p)->pipeline_offset)
#define CsPredictorModel(p) CsPredictorAt(p, CsValueModel, (p)->value_offset)
#define CsPredictorShuffled(p) CsPredictorAt(p, double, (p)->shuffled_offset)
#define CsPredictorScores(p) CsPredictorAt(p, double, (p)->score_offset)

/* What a version's parameters say beside the model. */
typedef struct CsPredictorParts
{
	const char *target;
	const CsValueModel *model;
	const double *errors;		/* see CsValueFit */
	int			nfeatures;
	const double *shuffled;
	bool		ratios;
	int			nscores;
	const double *scores;
} CsPredictorParts;

extern void CsPredictorPushSpread(JsonbParseState **json, const CsPredictionSpread *spread);
extern bool CsPredictorReadSpread(const CsJsonReader *metrics, CsPredictionSpread *spread);
extern Jsonb *CsPredictorParameters(const CsPredictorParts *parts);
extern void *CsPredictorCompile(Jsonb *definition, const CsStoredParameters *parameters);

/* train_value.c */
extern Datum CsRetrainValue(FunctionCallInfo fcinfo, char *model);

/* predict_value.c */
extern double CsPredictionConfidence(FunctionCallInfo fcinfo, int arg);

/* predictor_import.c */
extern const CsImporter CsPredictorImporter;

#endif							/* CUSTSEG_VALUE_PREDICTOR_H */
