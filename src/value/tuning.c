/*
 * tuning.c
 *	  Algorithms tried on the folds of a prediction, with the options that are given, or with a grid of them.
 *
 * A trial predicts each fold by a fit to the others.  Rows, folds and what counts are the same for all
 * trials, so they can be compared: those of an algorithm, which is tuned, and those of several (compare_value.c).
 * Options that are named stay as they are; the first trial has all others as they usually are, and
 * another one is taken only where it is better.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "progress.h"
#include "value/tuning.h"

static const char *const measure_names[CS_TRIAL_MEASURES] = {"r2", "rmse", "mae", "auc", "log_loss", "brier"};

/* The mean and the standard deviation over the folds of what was measured. */
static void
SumUpFolds(const CsPrediction *p, const double *predicted, CsTrial *trial)
{
	double		values[CS_TRIAL_MEASURES][CS_MAX_FOLDS];

	for (int f = 0; f < p->nfolds; f++)
	{
		CsPredictionMeasures m = CsPredictionMeasure(p, predicted, f);
		double		of_fold[CS_TRIAL_MEASURES] = {m.r2, m.rmse, m.mae, m.auc, m.log_loss, m.brier};

		for (int i = 0; i < CS_TRIAL_MEASURES; i++)
			values[i][f] = of_fold[i];
	}
	for (int i = 0; i < CS_TRIAL_MEASURES; i++)
	{
		CsMoments	moments = {0};

		for (int f = 0; f < p->nfolds && !isnan(values[i][f]); f++)
			CsMomentsAddValue(&moments, values[i][f]);
		trial->mean[i] = moments.n < p->nfolds ? NAN : CsMomentsMean(&moments);
		trial->deviation[i] = moments.n < p->nfolds ? NAN : CsMomentsDeviation(&moments, 1);
	}
}

/* A trial, for CsTrainingTry(). */
typedef struct Attempt
{
	const CsPrediction *p;
	CsTrial    *trial;
} Attempt;

/* Fit and measure, on a team of its own. */
static void
Measure(void *state)
{
	Attempt    *attempt = state;
	const CsPrediction *p = attempt->p;
	CsTraining *t = p->t;
	CsTrial    *trial = attempt->trial;
	CsTeam	   *team;
	instr_time	start;
	int			predicted;

	CsPredictionCheckSuits(t, trial->algorithm);
	team = CsTeamStart(t->arena, CsTeamWorkersFor(t->nrows * t->nfeatures));
	INSTR_TIME_SET_CURRENT(start);
	predicted = CsPredictionLeaveOut(p, team, trial->algorithm, trial->options);
	trial->milliseconds = CsMillisecondsSince(start);
	CsTeamEnd(team);
	if (p->is_probability && !trial->algorithm->is_calibrated)
		CsPredictionCalibrate(p, CsArenaAddress(t->arena, predicted));
	SumUpFolds(p, CsArenaAddress(t->arena, predicted), trial);
	CsArenaFree(t->arena, predicted);
}

/* Make a trial; when it fails, its message is in "failure". */
static void
Try(const CsPrediction *p, CsTrial *trial)
{
	Attempt		attempt = {p, trial};

	trial->failure = CsTrainingTry(p->t, Measure, &attempt);
	for (int i = 0; i < CS_TRIAL_MEASURES && trial->failure != NULL; i++)
		trial->mean[i] = trial->deviation[i] = NAN;
}

/* What counts, the more the better; NaN: the trial has no result. */
double
CsTrialMerit(const CsPrediction *p, const CsTrial *trial)
{
	return p->is_probability ? -trial->mean[CS_TRIAL_LOG_LOSS] : trial->mean[CS_TRIAL_R2];
}

/* Find the options that vary, for so many rows; returns the number of trials. */
static int
FindAxes(const CsTuning *tuning, int64 nrows, CsGridAxis *axes, int *naxes)
{
	CsGridAxis	all[CS_GRID_AXES];
	int			nall = tuning->tunes ? tuning->algorithm->grid(nrows, tuning->options, all) : 0;
	int			n = 1;

	*naxes = 0;
	for (int i = 0; i < nall; i++)
	{
		JsonbValue	value;

		if (tuning->given != NULL && CsJsonFind(&tuning->given->root, all[i].option, &value))
			continue;
		axes[(*naxes)++] = all[i];
		n *= all[i].n;
	}
	return n;
}

/* The options of a trial, palloc'd; the last axis varies first. */
static void *
OptionsOf(const CsTuning *tuning, const CsGridAxis *axes, int naxes, int trial)
{
	const CsValueAlgorithm *a = tuning->algorithm;
	void	   *options = palloc(a->options_size);

	memcpy(options, tuning->options, a->options_size);
	for (int i = naxes - 1; i >= 0; i--)
	{
		CsOptionsSet(a->options, a->noptions, axes[i].option, axes[i].values[trial % axes[i].n], options);
		trial /= axes[i].n;
	}
	return options;
}

/* An error when all options that tuning varies are given. */
void
CsTuningCheck(const CsTuning *tuning)
{
	CsGridAxis	axes[CS_GRID_AXES];
	int			naxes;

	if (!tuning->tunes || FindAxes(tuning, 1, axes, &naxes) > 1)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is nothing to tune: the options of %s name all that tuning varies", tuning->algorithm->name),
			 errhint("Leave one of them out, or leave out \"tune\".")));
}

/* For CsRequest.measures: the trial that needs most. */
Size
CsTuningMemory(const CsTuning *tuning, int64 nrows, int ncolumns, int nfolds)
{
	CsGridAxis	axes[CS_GRID_AXES];
	int			naxes;
	int			n = FindAxes(tuning, nrows, axes, &naxes);
	Size		most = 0;

	for (int i = 0; i < n; i++)
	{
		void	   *options = OptionsOf(tuning, axes, naxes, i);

		most = Max(most, CsPredictionMemory(tuning->algorithm, options, nrows, ncolumns, nfolds));
		pfree(options);
	}
	return most;
}

/* Try all that is to be tried, each as CsTrainingTry() tries, and find the best. */
void
CsTuningRun(const CsPrediction *p, CsTuning *tuning)
{
	tuning->n = FindAxes(tuning, p->t->matrix->nrows, tuning->axes, &tuning->naxes);
	tuning->trials = palloc0(sizeof(CsTrial) * tuning->n);
	tuning->best = 0;
	for (int i = 0; i < tuning->n; i++)
	{
		CsTrial    *trial = &tuning->trials[i];
		double		best;

		trial->algorithm = tuning->algorithm;
		trial->options = OptionsOf(tuning, tuning->axes, tuning->naxes, i);
		CsProgressPhase(tuning->tunes ? CS_PHASE_TUNING : CS_PHASE_ITERATING);
		CsProgressFit(i + 1, tuning->n, 0);
		CsProgressHold(tuning->tunes);
		Try(p, trial);
		CsProgressHold(false);
		best = CsTrialMerit(p, &tuning->trials[tuning->best]);
		if (isnan(best) || CsTrialMerit(p, trial) > best)
			tuning->best = i;
	}
	if (isnan(CsTrialMerit(p, &tuning->trials[tuning->best])))
		tuning->best = 0;
}

/* What is said of a trial, palloc'd: why it is taken, or what speaks against it. */
char *
CsTrialReason(const CsPrediction *p, const CsTrial *trial, const CsTrial *best)
{
	double		merit = CsTrialMerit(p, trial);

	if (trial->failure != NULL)
		return trial->failure;
	if (isnan(merit))
		return psprintf("has no %s in one of the folds", p->is_probability ? "log loss" : "R2");
	if (trial == best)
		return psprintf("predicts best for customers that it has not seen (%s)",
						p->is_probability ? "lowest log loss" : "highest R2");
	if (merit >= CsTrialMerit(p, best))
		return pstrdup("predicts as well as what was tried before it");
	return psprintf("predicts less well for customers that it has not seen (%s)",
					p->is_probability ? "higher log loss" : "lower R2");
}

/* The options that vary, as a trial has them. */
static Jsonb *
SettingsOf(const CsTuning *tuning, const CsTrial *trial)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	for (int i = 0; i < tuning->naxes; i++)
		CsOptionsPush(&json, trial->algorithm->options, trial->algorithm->noptions, tuning->axes[i].option,
					  trial->options);
	return CsJsonFinish(&json);
}

/* Say what tuning took, and what it is worth. */
void
CsTuningTell(const CsPrediction *p, const CsTuning *tuning)
{
	const CsTrial *usual = &tuning->trials[0];
	const CsTrial *best = &tuning->trials[tuning->best];
	const char *measure = p->is_probability ? "log loss" : "R2";
	double		sign = p->is_probability ? -1 : 1;
	Jsonb	   *settings;

	if (best == usual)
	{
		ereport(NOTICE,
				(errmsg("of %d settings of %s that were tried, none predicts better than the usual one", tuning->n,
						tuning->algorithm->name)));
		return;
	}
	settings = SettingsOf(tuning, best);
	ereport(NOTICE,
			(errmsg("of %d settings of %s that were tried, %s predicts best", tuning->n, tuning->algorithm->name,
					JsonbToCString(NULL, &settings->root, VARSIZE(settings))),
			 usual->failure != NULL ? errdetail("The usual one fails: %s.", usual->failure) :
			 errdetail("Its %s is %.4f, and that of the usual one %.4f.", measure,
					   sign * CsTrialMerit(p, best), sign * CsTrialMerit(p, usual)),
			 errhint("custseg.value_tuning() shows all of them.")));
}

/* Write under "tuning" all trials. */
void
CsTuningPush(JsonbParseState **json, const CsPrediction *p, const CsTuning *tuning)
{
	const CsTrial *best = &tuning->trials[tuning->best];

	CsJsonArray(json, "tuning");
	for (int i = 0; i < tuning->n; i++)
	{
		const CsTrial *trial = &tuning->trials[i];

		CsJsonObject(json, NULL);
		CsJsonJsonb(json, "options", SettingsOf(tuning, trial));
		for (int m = 0; m < CS_TRIAL_MEASURES; m++)
			if (!isnan(trial->mean[m]))
			{
				CsJsonNumber(json, measure_names[m], trial->mean[m]);
				CsJsonNumber(json, psprintf("%s_deviation", measure_names[m]), trial->deviation[m]);
			}
		CsJsonBool(json, "chosen", trial == best);
		CsJsonText(json, "reason", CsTrialReason(p, trial, best));
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
}

/* What all trials took. */
double
CsTuningMilliseconds(const CsTuning *tuning)
{
	double		sum = 0;

	for (int i = 0; i < tuning->n; i++)
		sum += tuning->trials[i].milliseconds;
	return sum;
}
