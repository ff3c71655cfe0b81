/*
 * compare_value.c
 *	  custseg.compare_value(): an outcome predicted by several algorithms, and which to take.
 *
 * The rows are read, prepared and divided into folds once.  Each algorithm predicts each fold when it
 * is fitted to the others, with its options or, where it is tuned, the best of a grid.  A simple model that is about as good as the best one is taken before it:
 * it can be read.
 */
#include "custseg.h"

#include <math.h>

#include "value/tuning.h"

/* Positions of the arguments. */
enum
{
	ARG_SOURCE, ARG_TARGET, ARG_FEATURES, ARG_ALGORITHMS, ARG_FOLDS, ARG_ID, ARG_PREP, ARG_OPTIONS, ARG_TUNE
};

typedef struct CompareOptions
{
	CsValueOptions common;
} CompareOptions;

static const CsOption compare_options[] = {
	CS_SEED_OPTION(CompareOptions, common.common.seed),
};

typedef struct Contender
{
	CsTuning	tuning;
	bool		recommended;
	char	   *reason;
} Contender;

/* The trial that stands for a contender, once it was tried: its best. */
#define TrialOf(c) (&(c)->tuning.trials[(c)->tuning.best])

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
		c->contenders[i].tuning.algorithm = c->all ? CsValueAlgorithmAt(i) : CsValueAlgorithmFind(names[i]);
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
		Jsonb	   *given = CsOptionsOf(json, a->name);
		void	   *options = CsAlgorithmOptions(a->options, a->noptions, a->options_size, given,
												 &c->options.common, sizeof(CsValueOptions));

		for (int j = 0; j < c->n; j++)
			if (c->contenders[j].tuning.algorithm == a)
			{
				c->contenders[j].tuning = (CsTuning) {a, options, given, CsBoolArgument(fcinfo, ARG_TUNE, false)};
				CsTuningCheck(&c->contenders[j].tuning);
			}
	}
}

/* For CsRequest.measures: the contender that needs most. */
static Size
CompareMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const Comparison *c = t->judging;
	Size		most = 0;

	for (int i = 0; i < c->n; i++)
		most = Max(most, CsTuningMemory(&c->contenders[i].tuning, nrows, ncolumns, c->nfolds));
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

/* The standard error of what counts. */
static double
ErrorOf(const Comparison *comparison, const Contender *c)
{
	return TrialOf(c)->deviation[comparison->p.is_probability ? CS_TRIAL_LOG_LOSS : CS_TRIAL_R2] /
		sqrt((double) comparison->p.nfolds);
}

/* What counts of a contender. */
static double
MeritOf(const Comparison *comparison, const Contender *c)
{
	return CsTrialMerit(&comparison->p, TrialOf(c));
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

		if (c->tuning.algorithm->is_simple && !other->tuning.algorithm->is_simple &&
			MeritOf(comparison, c) >= MeritOf(comparison, other) - ErrorOf(comparison, other))
			best = i;
	}
	return best;
}

/* Recommend one, and say of the others what speaks against them. */
static void
GiveReasons(Comparison *comparison)
{
	int			highest;
	int			best = FindBest(comparison, &highest);
	double		of_mean;

	for (int i = 0; i < comparison->n; i++)
	{
		Contender  *c = &comparison->contenders[i];

		c->recommended = i == best;
		if (i == best && i != highest)
			c->reason = psprintf("about as good as %s, and its coefficients can be read",
								 comparison->contenders[highest].tuning.algorithm->name);
		else if (i == highest && i != best)
			c->reason = psprintf("hardly better than %s, whose coefficients can be read",
								 comparison->contenders[best].tuning.algorithm->name);
		else
			c->reason = CsTrialReason(&comparison->p, TrialOf(c), TrialOf(&comparison->contenders[Max(highest, 0)]));
		if (i == best && CsPredictionTellsNothing(&comparison->p, TrialOf(c)->mean[CS_TRIAL_R2], TrialOf(c)->mean[CS_TRIAL_LOG_LOSS], &of_mean))
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
		const CsValueAlgorithm *a = c->tuning.algorithm;
		const CsTrial *trial = TrialOf(c);
		CsValue		row[2 * CS_TRIAL_MEASURES + 5];
		int			n = 0;

		row[n++] = CsValueText(a->name);
		for (int m = 0; m < CS_TRIAL_MEASURES; m++)
		{
			row[n++] = CsValueFloat8(trial->mean[m]);
			row[n++] = CsValueFloat8(trial->deviation[m]);
		}
		row[n++] = CsValueFloat8(trial->failure == NULL ? CsTuningMilliseconds(&c->tuning) : NAN);
		row[n++] = CsValueBool(c->recommended);
		row[n++] = CsValueText(c->reason);
		row[n++] = CsValueJsonb(CsOptionsToJsonb(a->options, a->noptions, trial->options));
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
		const CsValueAlgorithm *a = c->contenders[i].tuning.algorithm;

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
		if (c->contenders[i].tuning.algorithm->is_of_trees)
			return true;
	return false;
}

/*
 * compare_value(source, target, features, algorithms, folds, id, prep, options, tune)
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
		CsTuningRun(&c.p, &c.contenders[i].tuning);
	GiveReasons(&c);
	PutRows(result, &c);
	CsTrainingClose(t);
	return (Datum) 0;
}
