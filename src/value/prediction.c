/*
 * prediction.c
 *	  Rows divided into folds, models fitted to all but one of them, and what then is suspicious.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "progress.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "value/prediction.h"
#include "value/predictor.h"

/* Features whose model is this good at rows that it has not seen may have been made from the outcome. */
#define PERFECT 0.99

/* The largest outcome lies between 1 by this and this, so that float4 holds it and double its square. */
#define LARGEST_OUTCOME 1e30

/* The preparation that was asked for, or NULL, over what is usual, as json. */
Jsonb *
CsValuePrep(Jsonb *asked, const char *usual)
{
	Jsonb	   *result = CsJsonbFromText(usual);

	if (asked == NULL)
		return result;
	if (!JB_ROOT_IS_OBJECT(asked))
		return asked;			/* which is an error yet to come */
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(result), JsonbPGetDatum(asked)));
}

/* Bytes that storing a model takes for each of its nodes at its peak, beside the model: its json in parts, whole, and in a row. */
#define STORED_NODE 176

/* Bytes that storing takes beyond those of the rows, which are given back before it. */
static Size
StoringMemory(const CsValueAlgorithm *algorithm, const void *options, int64 nrows, int ncolumns)
{
	Size		rows = mul_size(nrows, mul_size(sizeof(double), ncolumns)),
				model = algorithm->nodes == NULL ? 0 :
		mul_size(algorithm->nodes(nrows, options), sizeof(CsTreeNode) + sizeof(CsTreeNote) + STORED_NODE);

	return model > rows ? model - rows : 0;
}

/*
 * For CsRequest.measures: bytes that fitting to all rows takes, or fitting to those of all folds but one,
 * which are copied, or measuring what was predicted, or storing the model.  nfolds 0: nothing is fitted to folds.
 */
Size
CsPredictionMemory(const CsValueAlgorithm *algorithm, const void *options, int64 nrows, int ncolumns, int nfolds)
{
	Size		row = mul_size(sizeof(double), ncolumns);
	Size		fit = algorithm->memory(nrows, ncolumns, options);
	Size		measure = add_size(mul_size(nrows, 5 * sizeof(double)), mul_size(Min(nrows, CS_SHUFFLED_ROWS) + CS_BLOCK_ROWS, row));

	if (nfolds > 0)
	{
		/* a fold is smaller than this by chance only where hashes are few */
		int64		others = Min(nrows, nrows - nrows / nfolds + (int64) (4 * sqrt((double) nrows)));
		Size		copied = add_size(mul_size(others + CS_BLOCK_ROWS, row), mul_size(nrows, 3 * sizeof(double)));

		fit = Max(fit, add_size(copied, algorithm->memory(others, ncolumns, options)));
	}
	measure = Max(measure, StoringMemory(algorithm, options, nrows, ncolumns));
	return add_size(mul_size(nrows, sizeof(int32)), Max(fit, measure));
}

/* Is what is predicted the probability of a boolean? */
static bool
IsProbability(const CsTraining *t)
{
	return t->outcome->converter.kind == CS_BOOLEAN;
}

/* Are all outcomes the same? */
static bool
AreSame(int64 n, const double *y)
{
	for (int64 i = 1; i < n; i++)
		if (y[i] != y[0])
			return false;
	return true;
}

/* An error unless outcomes differ, and float4, which trees have, can hold them. */
static void
CheckOutcomes(const CsPrediction *p)
{
	const CsTraining *t = p->t;
	const double *y = CsArenaAddress(t->arena, t->outcomes);
	bool		differ = false;
	double		largest = 0;

	for (int64 i = 0; i < t->matrix->nrows; i++)
	{
		differ |= y[i] != y[0];
		largest = Max(largest, fabs(y[i]));
	}
	if (differ && (largest > LARGEST_OUTCOME || largest < 1 / LARGEST_OUTCOME))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the values of target column \"%s\" are too %s", NameStr(t->outcome->name),
						largest > 1 ? "large" : "small"),
				 errdetail("The largest is %g.", largest),
				 errhint("Give the target in other units.")));
	if (differ)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("target column \"%s\" is constant", NameStr(t->outcome->name)),
			 p->is_probability ?
			 errdetail("It is %s in all " INT64_FORMAT " rows.", y[0] > 0 ? "true" : "false", t->matrix->nrows) :
			 errdetail("It is %g in all " INT64_FORMAT " rows.", y[0], t->matrix->nrows),
			 errhint("There is nothing to predict: give rows whose outcomes differ.")));
}

/* Fewer rows than folds, or a fold without any: an error. */
static void
CheckFolds(const CsPrediction *p)
{
	for (int f = 0; f < p->nfolds; f++)
		if (p->fold_rows[f] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg(INT64_FORMAT " rows are too few for %d folds", p->t->matrix->nrows, p->nfolds),
					 errhint("Give more rows, or lower \"folds\".")));
}

/*
 * Take the rows of a training that has been prepared, give the raw ones back, put the others in the order of
 * their hashes, and divide them into folds by these.
 */
void
CsPredictionStart(CsPrediction *p, CsTraining *t, int nfolds)
{
	int64		n = t->matrix->nrows;

	p->t = t;
	if (t->raw != t->matrix)
		CsMatrixFree(t->raw, t->arena);
	t->raw = t->matrix;
	CsPredictionOrder(t);
	p->is_probability = IsProbability(t);
	p->columns = CsPipelineScaledNames(t->pipeline);
	p->nfolds = nfolds;
	p->fold = palloc_extended(sizeof(int32) * n, MCXT_ALLOC_HUGE);
	p->fold_rows = palloc0(sizeof(int64) * nfolds);
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		p->fold[i] = t->hashes->labels[i] % nfolds;
		p->fold_rows[p->fold[i]]++;
	}
	CheckOutcomes(p);
	CheckFolds(p);
}

/* An error when an algorithm does not predict such outcomes as a training has. */
void
CsPredictionCheckSuits(const CsTraining *t, const CsValueAlgorithm *algorithm)
{
	const char *name = NameStr(t->outcome->name);

	if (IsProbability(t) && !algorithm->of_probabilities)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" does not predict the probability of a boolean", algorithm->name),
				 errhint("Use \"logistic\", \"forest\" or \"xgboost\", or cast the target to a number in a query: SELECT %s::int AS %s, ...",
						 quote_identifier(name), quote_identifier(name))));
	if (!IsProbability(t) && !algorithm->of_numbers)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" predicts the probability of a boolean, but target column \"%s\" is a number",
						algorithm->name, name),
				 errhint("Use \"linear\", \"forest\" or \"xgboost\", or compare the target in a query: SELECT %s > 0 AS %s, ...",
						 quote_identifier(name), quote_identifier(name))));
}

/* Fit an algorithm to a matrix and its outcomes, an area: to all rows, or to those of some folds. */
static void
FitTo(const CsPrediction *p, CsTeam *team, const CsValueAlgorithm *algorithm, const void *options,
	  const CsMatrix *m, int outcomes, CsValueFit *fit)
{
	CsValueInput in = {
		.team = team,
		.matrix = m,
		.target = outcomes,
		.is_probability = p->is_probability,
		.columns = p->columns,
		.options = options,
		.memory_left = CsTrainingMemoryLeft(p->t),
		.is_part = m != p->t->matrix
	};

	algorithm->fit(&in, fit);
	CsValueModelCheck(fit->model);
}

/* A model that says the same of every row. */
static CsValueModel *
ConstantModel(const CsPrediction *p, double outcome)
{
	CsValueShape shape = {CS_VALUE_LINEAR, p->t->matrix->ncolumns};
	CsValueModel *m = CsValueModelCreate(&shape);

	m->intercept = outcome;
	m->is_probability = p->is_probability;
	CsValueModelFinish(m);
	return m;
}

/* Fit an algorithm to all rows. */
void
CsPredictionFit(const CsPrediction *p, CsTeam *team, const CsValueAlgorithm *algorithm,
				const void *options, CsValueFit *fit)
{
	CsProgressPhase(CS_PHASE_ITERATING);
	FitTo(p, team, algorithm, options, p->t->matrix, p->t->outcomes, fit);
}

/* The rows that are in a fold, or that are not; palloc'd. */
static int64 *
RowsOf(const CsPrediction *p, int fold, bool inside, int64 *n)
{
	int64	   *rows = palloc_extended(sizeof(int64) * p->t->matrix->nrows, MCXT_ALLOC_HUGE);

	*n = 0;
	for (int64 i = 0; i < p->t->matrix->nrows; i++)
		if ((p->fold[i] == fold) == inside)
			rows[(*n)++] = i;
	return rows;
}

/*
 * A model of all folds but one.  Where an outcome is so rare that these have none of it, there is nothing to
 * fit: the model says what all have.  *makeshift: see CsValueFit.
 */
static CsValueModel *
FitWithout(const CsPrediction *p, CsTeam *team, const CsValueAlgorithm *algorithm, const void *options,
		   int fold, bool *makeshift)
{
	CsArena    *arena = p->t->arena;
	int64		n;
	int64	   *rows = RowsOf(p, fold, false, &n);
	CsMatrix   *m = CsMatrixOfRows(arena, p->t->matrix, rows, n);
	int			outcomes = CsWeightsOfRows(arena, p->t->outcomes, rows, n);
	const double *y = CsArenaAddress(arena, outcomes);
	CsValueFit	fit = {.left_out = -1};

	if (AreSame(n, y))
		fit.model = ConstantModel(p, y[0]);
	else
		FitTo(p, team, algorithm, options, m, outcomes, &fit);
	if (fit.left_out >= 0)
		CsArenaFree(arena, fit.left_out);
	CsArenaFree(arena, outcomes);
	CsMatrixFree(m, arena);
	pfree(m);
	pfree(rows);
	*makeshift = fit.is_makeshift;
	return fit.model;
}

/*
 * What the algorithm says of each row when it is fitted to the other folds: a new area of
 * double[nrows].
 */
int
CsPredictionLeaveOut(const CsPrediction *p, CsTeam *team, const CsValueAlgorithm *algorithm,
					 const void *options)
{
	CsArena    *arena = p->t->arena;
	int			result = CsArenaAlloc(arena, mul_size(sizeof(double), p->t->matrix->nrows));
	int			nmakeshift = 0;

	for (int f = 0; f < p->nfolds; f++)
	{
		bool		makeshift;
		CsValueModel *model = FitWithout(p, team, algorithm, options, f, &makeshift);
		int64		n;
		int64	   *rows = RowsOf(p, f, true, &n);
		CsMatrix   *m = CsMatrixOfRows(arena, p->t->matrix, rows, n);
		int			predicted = CsValueModelPredictRows(team, model, m);
		const double *from = CsArenaAddress(arena, predicted);
		double	   *to = CsArenaAddress(arena, result);

		for (int64 i = 0; i < n; i++)
			to[rows[i]] = from[i];
		CsArenaFree(arena, predicted);
		CsMatrixFree(m, arena);
		pfree(m);
		pfree(rows);
		pfree(model);
		nmakeshift += makeshift;
	}
	/* so all rows may have no fit either: that is the error */
	if (nmakeshift == p->nfolds)
	{
		CsValueFit	fit;

		CsPredictionFit(p, team, algorithm, options, &fit);
	}
	return result;
}

/*
 * The outcomes of the rows of a fold, or with "others" of all but it, and what was predicted of them, where
 * something was; fold -1 has no row.  Returns how many; both arrays are palloc'd.
 */
static int64
Predicted(const CsPrediction *p, const double *predicted, int fold, bool others, double **actual, double **told)
{
	const double *y = CsArenaAddress(p->t->arena, p->t->outcomes);
	int64		n = 0;

	*actual = palloc_extended(sizeof(double) * p->t->matrix->nrows, MCXT_ALLOC_HUGE);
	*told = palloc_extended(sizeof(double) * p->t->matrix->nrows, MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < p->t->matrix->nrows; i++)
	{
		if ((p->fold[i] == fold) == others || isnan(predicted[i]))
			continue;
		(*actual)[n] = y[i];
		(*told)[n++] = predicted[i];
	}
	return n;
}

/*
 * What probabilities stand for by the outcomes, where rows are known only by models that have not seen
 * them; without the rows of a fold, unless that is -1.
 */
CsIsotonic
CsPredictionIsotonic(const CsPrediction *p, const double *predicted, int without)
{
	double	   *actual,
			   *told;
	int64		n = Predicted(p, predicted, without, true, &actual, &told);
	CsIsotonic	result = CsIsotonicFit(n, actual, told);

	pfree(actual);
	pfree(told);
	return result;
}

/* Calibrate what was predicted of each fold by the others. */
void
CsPredictionCalibrate(const CsPrediction *p, double *predicted)
{
	double	   *calibrated = palloc_extended(sizeof(double) * p->t->matrix->nrows, MCXT_ALLOC_HUGE);

	for (int f = 0; f < p->nfolds; f++)
	{
		CsIsotonic	isotonic = CsPredictionIsotonic(p, predicted, f);

		for (int64 i = 0; i < p->t->matrix->nrows; i++)
			if (p->fold[i] == f)
				calibrated[i] = isnan(predicted[i]) ? NAN :
					CsInterpolate(isotonic.n, isotonic.predicted, isotonic.probability, predicted[i]);
		pfree(isotonic.predicted);
		pfree(isotonic.probability);
	}
	memcpy(predicted, calibrated, sizeof(double) * p->t->matrix->nrows);
	pfree(calibrated);
}

/* A score, and what it is of. */
typedef struct Score
{
	double		score;
	int32		hash;
	int32		fold;
} Score;

#define ST_SORT SortByHash
#define ST_ELEMENT_TYPE Score
#define ST_COMPARE(a, b) \
	((a)->hash != (b)->hash ? ((a)->hash < (b)->hash ? -1 : 1) : ((a)->score > (b)->score) - ((a)->score < (b)->score))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

static int
CompareScores(const void *a, const void *b)
{
	return (((const Score *) a)->score > ((const Score *) b)->score) -
		(((const Score *) a)->score < ((const Score *) b)->score);
}

/* The share of scores, which ascend, that the quantile of the other folds' scores covers. */
static double
Coverage(const CsPrediction *p, const Score *scores, int n)
{
	double	   *others = palloc(sizeof(double) * n);
	int			covered = 0;

	for (int f = 0; f < p->nfolds; f++)
	{
		int			nothers = 0;
		double		quantile;

		for (int i = 0; i < n; i++)
			if (scores[i].fold != f)
				others[nothers++] = scores[i].score;
		quantile = CsConformalQuantile(nothers, others, CS_USUAL_CONFIDENCE);
		for (int i = 0; i < n; i++)
			covered += scores[i].fold == f && scores[i].score <= quantile;
	}
	pfree(others);
	return (double) covered / n;
}

/*
 * What predictions of rows that their models have not seen are off by, ascending, palloc'd: ratios where
 * they and all outcomes are above 0, else differences.  At most CS_MOST_SCORES, those of the lowest hashes.
 * *coverage: the share of rows in the intervals of confidence CS_USUAL_CONFIDENCE by other folds' scores.
 */
double *
CsPredictionScores(const CsPrediction *p, const double *predicted, bool *ratios, int *n, double *coverage)
{
	const double *y = CsArenaAddress(p->t->arena, p->t->outcomes);
	Score	   *scores = palloc_extended(sizeof(Score) * p->t->matrix->nrows, MCXT_ALLOC_HUGE);
	double	   *result;
	int64		nscores = 0;

	*ratios = true;
	for (int64 i = 0; i < p->t->matrix->nrows && *ratios; i++)
		*ratios = y[i] > 0 && (isnan(predicted[i]) || predicted[i] > 0);
	for (int64 i = 0; i < p->t->matrix->nrows; i++)
		if (!isnan(predicted[i]))
			scores[nscores++] = (Score) {CsConformalScore(*ratios, y[i], predicted[i]), p->t->hashes->labels[i], p->fold[i]};
	if (nscores > CS_MOST_SCORES)
		SortByHash(scores, nscores);
	*n = (int) Min(nscores, CS_MOST_SCORES);
	qsort(scores, *n, sizeof(Score), CompareScores);
	*coverage = Coverage(p, scores, *n);
	result = palloc(sizeof(double) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		result[i] = scores[i].score;
	pfree(scores);
	return result;
}

/* Measure what was predicted of the rows of a fold; -1: of all. */
CsPredictionMeasures
CsPredictionMeasure(const CsPrediction *p, const double *predicted, int fold)
{
	double	   *actual,
			   *told;
	int64		n = Predicted(p, predicted, fold, fold < 0, &actual, &told);
	CsPredictionMeasures m = p->is_probability ? CsMeasureProbabilities(n, actual, told) :
		CsMeasureNumbers(n, actual, told);

	pfree(actual);
	pfree(told);
	return m;
}

/* How what was predicted of all rows holds. */
CsCalibration
CsPredictionCalibration(const CsPrediction *p, const double *predicted)
{
	double	   *actual,
			   *told;
	int64		n = Predicted(p, predicted, -1, true, &actual, &told);
	CsCalibration c = CsCalibrate(n, actual, told);

	pfree(actual);
	pfree(told);
	return c;
}

/*
 * Are predictions with these measures no better than the mean of all rows?  *of_mean gets the measure
 * that the mean has itself: R2, or the log loss of a probability.
 */
bool
CsPredictionTellsNothing(const CsPrediction *p, double r2, double log_loss, double *of_mean)
{
	*of_mean = p->is_probability ?
		CsLogLossOfMean(p->t->nrows, CsArenaAddress(p->t->arena, p->t->outcomes)) : 0;
	return p->is_probability ? !(log_loss < *of_mean) : !(r2 > *of_mean);
}

/* What predictions of rows that their models have not seen are off by, by tenths of the prediction. */
CsPredictionSpread
CsPredictionSpreads(const CsPrediction *p, const double *predicted)
{
	double	   *actual,
			   *told;
	int64		n = Predicted(p, predicted, -1, true, &actual, &told);
	CsPredictionSpread spread = CsPredictionSpreadOf(n, actual, told);

	pfree(actual);
	pfree(told);
	return spread;
}

/* Warn when rows that the model has not seen are predicted too well to be true. */
void
CsPredictionWarnOfPerfection(const CsPrediction *p, const CsPredictionMeasures *m)
{
	bool		is_number = m->r2 > PERFECT;

	if (is_number || m->auc > PERFECT)
		ereport(WARNING,
				(errmsg("target column \"%s\" is predicted with an %s of %.4f, which is too good to be true",
						NameStr(p->t->outcome->name), is_number ? "R2" : "AUC", is_number ? m->r2 : m->auc),
				 errhint("Look for features that are made from the target, or are known only with it.")));
}
