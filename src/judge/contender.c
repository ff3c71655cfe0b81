/*
 * contender.c
 *	  One algorithm on trial in compare(): its fit, its measures, and how stable it is.
 *
 * Stability is the mean adjusted Rand index (Hubert and Arabie 1985) between the segments of all
 * rows and those of a fit on a random half of them, over these rows.  Half samples are capped at
 * MOST_REFITTED rows, but not for algorithms that know noise: thinner rows have another density.
 */
#include "custseg.h"

#include <math.h>

#include "judge/judge.h"
#include "progress.h"
#include "stat/agreement.h"

/* Most rows of a half sample. */
#define MOST_REFITTED 10000

/* Bytes that a trial takes beside the fit: labels, the silhouette, and half of the rows. */
Size
CsContenderMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	int			k = Max(t->k, t->k_max);
	Size		half = mul_size(mul_size(nrows / 2 + CS_BLOCK_ROWS, ncolumns + 1), sizeof(double));
	Size		silhouette = CsSilhouetteMemory(Min(nrows, t->common->silhouette_sample), ncolumns, k);

	return add_size(add_size(half, silhouette),
					add_size(mul_size(2 * sizeof(int32), nrows), CsMomentsMemory(k, ncolumns)));
}

/* Adjusted Rand index of all rows' labels and a fit's labels on some of them. */
static double
Agreement(const int32 *all, const int64 *rows, const int32 *some, int64 nrows)
{
	CsPairTable *pairs = CsPairTableCreate();
	double		result;

	for (int64 i = 0; i < nrows; i++)
		pairs = CsPairTableAdd(pairs, all[rows[i]], some[i], 1);
	result = CsAdjustedRand(pairs);
	pfree(pairs);
	return result;
}

/* Fit the algorithm to those rows; returns how far it agrees with the labels of all. */
static double
Refit(CsTraining *t, CsTeam *team, const CsContender *c, int labels, const int64 *rows, int64 nrows)
{
	CsMatrix   *m = CsMatrixOfRows(t->arena, t->matrix, rows, nrows);
	int			weights = CsWeightsOfRows(t->arena, t->weights, rows, nrows);
	CsFitInput	in = {
		.team = team,.matrix = m,.weights = weights,.k = c->k,.options = c->options,
		.memory_left = CsArenaLeft(t->arena)
	};
	CsFitOutput out = {0};
	double		agreement;

	c->algorithm->fit(&in, &out);
	agreement = Agreement(CsArenaAddress(t->arena, labels), rows,
						  CsArenaAddress(t->arena, out.labels), nrows);
	CsArenaFree(t->arena, out.labels);
	if (weights >= 0)
		CsArenaFree(t->arena, weights);
	CsMatrixFree(m, t->arena);
	pfree(m);
	return agreement;
}

/* Mean agreement of refits; NaN when there are none, or too few rows for them. */
static double
Stability(CsTraining *t, CsTeam *team, const CsContender *c, int labels, int resamples)
{
	int64		half = t->matrix->nrows / 2;
	double		sum = 0;

	if (!c->algorithm->has_noise)
		half = Min(half, MOST_REFITTED);
	if (resamples == 0 || half < Max(c->k, 2))
		return NAN;
	for (int i = 0; i < resamples; i++)
	{
		int64		nrows;
		int64	   *rows = CsSampleRows(t->matrix->nrows, half,
										(uint64) t->common->seed + (uint64) i, &nrows);

		sum += Refit(t, team, c, labels, rows, nrows);
		pfree(rows);
	}
	return sum / resamples;
}

/* A trial. */
typedef struct Trial
{
	CsTraining *t;
	CsContender *contender;
	int			resamples;
} Trial;

/* Fit and measure, on a team of its own; for CsTrainingTry(). */
static void
Measure(void *state)
{
	Trial	   *trial = state;
	CsTraining *t = trial->t;
	CsContender *c = trial->contender;
	CsTeam	   *team = CsTeamStart(t->arena, CsTeamWorkersFor(t->raw->nrows * t->nfeatures));
	CsFitOutput fit;
	instr_time	start;

	if (c->algorithm->check != NULL && c->k > 0)
		c->algorithm->check(c->options, c->k, t->matrix->ncolumns);
	INSTR_TIME_SET_CURRENT(start);
	fit = CsTrainingFit(t, team, c->algorithm, c->options, c->k);
	c->milliseconds = CsMillisecondsSince(start);
	CsProgressPhase(CS_PHASE_SCORING);
	c->validity = CsValidityOfLabels(team, t->matrix, fit.labels, fit.k);
	if (t->common->silhouette_sample > 0)
	{
		int64		used;

		c->silhouette = CsSilhouetteSample(team, t->matrix, fit.labels, fit.k,
										   t->common->silhouette_sample,
										   (uint64) t->common->seed, &used);
	}
	if (c->validity.segments >= 2)
		c->stability = Stability(t, team, c, fit.labels, trial->resamples);
	CsArenaFree(t->arena, fit.labels);
	CsTeamEnd(team);
}

/*
 * Fit, measure and refit an algorithm that may fail, see CsTrainingTry(); its error message is then in
 * "failure".
 */
void
CsContenderTry(CsTraining *t, CsContender *c, int resamples)
{
	Trial		trial = {t, c, resamples};

	c->silhouette = c->stability = NAN;
	c->failure = CsTrainingTry(t, Measure, &trial);
}
