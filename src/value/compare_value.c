/*
 * compare_value.c
 *	  custseg.compare_value(): an outcome predicted by several algorithms, and which to take.
 *
 * The rows are read, prepared and divided into folds once.  Each algorithm predicts each fold when it
 * is fitted to the others.  A simple model that is about as good as the best one is taken before it:
 * it can be read.
 */
#include "custseg.h"

#include <math.h>

#include "progress.h"
#include "value/prediction.h"

/* Positions of the arguments. */
enum
{
	ARG_SOURCE, ARG_TARGET, ARG_FEATURES, ARG_ALGORITHMS, ARG_FOLDS, ARG_ID, ARG_PREP, ARG_OPTIONS
};

typedef struct CompareOptions
{
	CsValueOptions common;
} CompareOptions;

static const CsOption compare_options[] = {
	CS_SEED_OPTION(CompareOptions, common.common.seed),
};

/* What is measured in each fold. */
enum
{
	MEASURE_R2, MEASURE_RMSE, MEASURE_MAE, MEASURE_AUC, MEASURE_LOG_LOSS, MEASURE_BRIER, NMEASURES
};

typedef struct Contender
{
	const CsValueAlgorithm *algorithm;
	void	   *options;
	double		mean[NMEASURES];	/* over the folds; NaN: not defined */
	double		deviation[NMEASURES];
	double		milliseconds;
	char	   *failure;		/* why there is no result, or NULL */
	bool		recommended;
	char	   *reason;
} Contender;

typedef struct Comparison
{
	CsRequest	request;
	CompareOptions options;
	CsPrediction p;
	int			nfolds;
	bool		all;			/* no algorithms were named */
	int			n;
	Contender  *contenders;
} Comparison;

PG_FUNCTION_INFO_V1(custseg_compare_value);

/* The algorithms that are named, or all. */
static void
ReadAlgorithms(FunctionCallInfo fcinfo, Comparison *c)
{
	char	  **names = NULL;

	c->all = PG_ARGISNULL(ARG_ALGORITHMS);
	if (!c->all)
		names = CsAlgorithmsArgument(fcinfo, ARG_ALGORITHMS, &c->n);
	while (c->all && CsValueAlgorithmAt(c->n) != NULL)
		c->n++;
	c->contenders = palloc0(sizeof(Contender) * c->n);
	for (int i = 0; i < c->n; i++)
		c->contenders[i].algorithm = c->all ? CsValueAlgorithmAt(i) : CsValueAlgorithmFind(names[i]);
}

/* Is a key of the options the name of an algorithm? */
static bool
IsAlgorithm(const char *key)
{
	for (int i = 0; CsValueAlgorithmAt(i) != NULL; i++)
		if (strcmp(CsValueAlgorithmAt(i)->name, key) == 0)
			return true;
	return false;
}

/* Options of compare_value() and of each algorithm; those of one that is not tried are checked, too. */
static void
ReadOptions(FunctionCallInfo fcinfo, Comparison *c)
{
	Jsonb	   *json = CsJsonbArgument(fcinfo, ARG_OPTIONS);

	CsOptionsParse(compare_options, lengthof(compare_options), CsOptionsBeside(json, IsAlgorithm), &c->options);
	for (int i = 0; CsValueAlgorithmAt(i) != NULL; i++)
	{
		const CsValueAlgorithm *a = CsValueAlgorithmAt(i);
		void	   *options = CsAlgorithmOptions(a->options, a->noptions, a->options_size,
												 CsOptionsOf(json, a->name), &c->options.common,
												 sizeof(CsValueOptions));

		for (int j = 0; j < c->n; j++)
			if (c->contenders[j].algorithm == a)
				c->contenders[j].options = options;
	}
}

/* For CsRequest.measures: the contender that needs most. */
static Size
CompareMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const Comparison *c = t->judging;
	Size		most = 0;

	for (int i = 0; i < c->n; i++)
		most = Max(most, CsPredictionMemory(c->contenders[i].algorithm, c->contenders[i].options, nrows, ncolumns, c->nfolds));
	return most;
}

/* Check and keep the arguments. */
static void
ReadArguments(FunctionCallInfo fcinfo, Comparison *c)
{
	CsRequest  *request = &c->request;

	request->command = "custseg.compare_value()";
	request->source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	request->outcome = CsRequiredText(fcinfo, ARG_TARGET, "target");
	request->features = CsArrayArgument(fcinfo, ARG_FEATURES);
	ReadAlgorithms(fcinfo, c);
	ReadOptions(fcinfo, c);
	c->nfolds = CsIntArgument(fcinfo, ARG_FOLDS, CS_FOLDS);
	if (c->nfolds < 2 || c->nfolds > CS_MAX_FOLDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"folds\" must be between 2 and %d", CS_MAX_FOLDS),
				 errdetail("It is %d.", c->nfolds)));
	request->id = CsTextArgument(fcinfo, ARG_ID);
	request->prep = CsValuePrep(CsJsonbArgument(fcinfo, ARG_PREP), "{\"scale\": \"none\"}");
	request->options = &c->options;
	request->measures = CompareMemory;
	request->judging = c;
}

/* The mean and the standard deviation over the folds of what was measured. */
static void
SumUpFolds(const CsPrediction *p, const double *predicted, Contender *c)
{
	double		values[NMEASURES][CS_MAX_FOLDS];

	for (int f = 0; f < p->nfolds; f++)
	{
		CsPredictionMeasures m = CsPredictionMeasure(p, predicted, f);
		double		of_fold[NMEASURES] = {m.r2, m.rmse, m.mae, m.auc, m.log_loss, m.brier};

		for (int i = 0; i < NMEASURES; i++)
			values[i][f] = of_fold[i];
	}
	for (int i = 0; i < NMEASURES; i++)
	{
		CsMoments	moments = {0};

		for (int f = 0; f < p->nfolds && !isnan(values[i][f]); f++)
			CsMomentsAddValue(&moments, values[i][f]);
		c->mean[i] = moments.n < p->nfolds ? NAN : CsMomentsMean(&moments);
		c->deviation[i] = moments.n < p->nfolds ? NAN : CsMomentsDeviation(&moments, 1);
	}
}

/* A trial. */
typedef struct Trial
{
	const CsPrediction *p;
	Contender  *contender;
} Trial;

/* Fit and measure, on a team of its own; for CsTrainingTry(). */
static void
Measure(void *state)
{
	Trial	   *trial = state;
	const CsPrediction *p = trial->p;
	CsTraining *t = p->t;
	Contender  *c = trial->contender;
	CsTeam	   *team;
	instr_time	start;
	int			predicted;

	CsPredictionCheckSuits(t, c->algorithm);
	CsProgressPhase(CS_PHASE_ITERATING);
	team = CsTeamStart(t->arena, CsTeamWorkersFor(t->nrows * t->nfeatures));
	INSTR_TIME_SET_CURRENT(start);
	predicted = CsPredictionLeaveOut(p, team, c->algorithm, c->options);
	c->milliseconds = CsMillisecondsSince(start);
	CsTeamEnd(team);
	if (p->is_probability && !c->algorithm->is_calibrated)
		CsPredictionCalibrate(p, CsArenaAddress(t->arena, predicted));
	SumUpFolds(p, CsArenaAddress(t->arena, predicted), c);
	CsArenaFree(t->arena, predicted);
}

/* Try an algorithm; when it fails, its message is in "failure". */
static void
Try(const CsPrediction *p, Contender *c)
{
	Trial		trial = {p, c};

	c->failure = CsTrainingTry(p->t, Measure, &trial);
	for (int i = 0; i < NMEASURES && c->failure != NULL; i++)
		c->mean[i] = c->deviation[i] = NAN;
}

/* What counts, the more the better; NaN: the contender cannot be recommended. */
static double
MeritOf(const Comparison *comparison, const Contender *c)
{
	return comparison->p.is_probability ? -c->mean[MEASURE_LOG_LOSS] : c->mean[MEASURE_R2];
}

/* The standard error of that. */
static double
ErrorOf(const Comparison *comparison, const Contender *c)
{
	return c->deviation[comparison->p.is_probability ? MEASURE_LOG_LOSS : MEASURE_R2] /
		sqrt((double) comparison->p.nfolds);
}

/* The contender that is to be taken, -1: none; *highest: the one of the best measure. */
static int
FindBest(const Comparison *comparison, int *highest)
{
	int			best = -1;

	for (int i = 0; i < comparison->n; i++)
	{
		double		merit = MeritOf(comparison, &comparison->contenders[i]);

		if (!isnan(merit) && (best < 0 || merit > MeritOf(comparison, &comparison->contenders[best])))
			best = i;
	}
	*highest = best;
	for (int i = 0; i < comparison->n && best >= 0; i++)
	{
		const Contender *c = &comparison->contenders[i];
		const Contender *other = &comparison->contenders[*highest];

		if (c->algorithm->is_simple && !other->algorithm->is_simple &&
			MeritOf(comparison, c) >= MeritOf(comparison, other) - ErrorOf(comparison, other))
			best = i;
	}
	return best;
}

/* Recommend one, and say of the others what speaks against them. */
static void
GiveReasons(Comparison *comparison)
{
	const char *measure = comparison->p.is_probability ? "log loss" : "R2";
	int			highest;
	int			best = FindBest(comparison, &highest);
	double		of_mean;

	for (int i = 0; i < comparison->n; i++)
	{
		Contender  *c = &comparison->contenders[i];

		c->recommended = i == best;
		if (c->failure != NULL)
			c->reason = c->failure;
		else if (isnan(MeritOf(comparison, c)))
			c->reason = psprintf("has no %s in one of the folds", measure);
		else if (i == best && i != highest)
			c->reason = psprintf("about as good as %s, and its coefficients can be read",
								 comparison->contenders[highest].algorithm->name);
		else if (i == best)
			c->reason = psprintf("predicts best for customers that it has not seen (%s %s)",
								 comparison->p.is_probability ? "lowest" : "highest", measure);
		else if (i == highest)
			c->reason = psprintf("hardly better than %s, whose coefficients can be read",
								 comparison->contenders[best].algorithm->name);
		else
			c->reason = psprintf("predicts less well for customers that it has not seen (%s %s)",
								 comparison->p.is_probability ? "higher" : "lower", measure);
		if (i == best && CsPredictionTellsNothing(&comparison->p, c->mean[MEASURE_R2], c->mean[MEASURE_LOG_LOSS], &of_mean))
			c->reason = pstrdup("the best of them, but no better than the mean: the features do not tell the target");
	}
}

/* Every contender as a row of the result. */
static void
PutRows(CsResult *result, const Comparison *comparison)
{
	for (int i = 0; i < comparison->n; i++)
	{
		const Contender *c = &comparison->contenders[i];
		CsValue		row[2 * NMEASURES + 4];
		int			n = 0;

		row[n++] = CsValueText(c->algorithm->name);
		for (int m = 0; m < NMEASURES; m++)
		{
			row[n++] = CsValueFloat8(c->mean[m]);
			row[n++] = CsValueFloat8(c->deviation[m]);
		}
		row[n++] = CsValueFloat8(c->failure == NULL ? c->milliseconds : NAN);
		row[n++] = CsValueBool(c->recommended);
		row[n++] = CsValueText(c->reason);
		CsResultPut(result, row, n);
	}
}

/* Leave out the algorithms that do not predict such outcomes, where none are named. */
static void
DropUnsuited(Comparison *c)
{
	int			n = 0;

	for (int i = 0; i < c->n && c->all; i++)
	{
		const CsValueAlgorithm *a = c->contenders[i].algorithm;

		if (c->p.is_probability ? a->of_probabilities : a->of_numbers)
			c->contenders[n++] = c->contenders[i];
	}
	if (c->all)
		c->n = n;
}

/* Is one of the contenders made of trees? */
static bool
HasTrees(const Comparison *c)
{
	for (int i = 0; i < c->n; i++)
		if (c->contenders[i].algorithm->is_of_trees)
			return true;
	return false;
}

/*
 * compare_value(source, target, features, algorithms, folds, id, prep, options)
 */
Datum
custseg_compare_value(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Comparison	c = {0};
	CsTraining *t;

	ReadArguments(fcinfo, &c);
	t = CsTrainingOpen(&c.request);
	CsTeamEnd(CsTrainingPrepare(t));
	CsPredictionStart(&c.p, t, c.nfolds);
	CsPredictionWarnOfLeaks(&c.p);
	DropUnsuited(&c);
	if (HasTrees(&c))
		CsValueWarnFloats(t->matrix, t->arena, c.p.columns);
	for (int i = 0; i < c.n; i++)
		Try(&c.p, &c.contenders[i]);
	GiveReasons(&c);
	PutRows(result, &c);
	CsTrainingClose(t);
	return (Datum) 0;
}
