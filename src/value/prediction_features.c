/*
 * prediction_features.c
 *	  What single features have to do with a prediction: how much worse it is when the values of one are
 *	  shuffled, and which of them alone tell the outcome, so that they may have been made from it.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "stat/stat.h"
#include "value/prediction.h"

/* A feature that alone explains more than this of the outcome may have been made from it. */
#define LEAK 0.98

/* Rows that are looked at for leaks. */
#define LEAK_ROWS 20000

/* Streams of random numbers apart from the algorithms'. */
#define SHUFFLE_STREAM UINT64CONST(0x73687566666C65)
#define LEAK_STREAM UINT64CONST(0x6C65616B)

/* What predictions of rows are worse by: the root mean squared error, or the log loss of probabilities. */
static double
LossOf(const CsPrediction *p, CsTeam *team, const CsValueModel *model, const CsMatrix *m, const double *y)
{
	CsArena    *arena = p->t->arena;
	int			predicted = CsValueModelPredictRows(team, model, m);
	CsPredictionMeasures measures = p->is_probability ?
		CsMeasureProbabilities(m->nrows, y, CsArenaAddress(arena, predicted)) :
		CsMeasureNumbers(m->nrows, y, CsArenaAddress(arena, predicted));

	CsArenaFree(arena, predicted);
	return p->is_probability ? measures.log_loss : measures.rmse;
}

/* A random order of n rows. */
static void
DrawOrder(CsRng *rng, int64 n, int64 *order)
{
	for (int64 i = 0; i < n; i++)
		order[i] = i;
	for (int64 i = n - 1; i > 0; i--)
	{
		int64		j = (int64) CsRngBelow(rng, (uint64) (i + 1));
		int64		kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
}

/*
 * How much worse a model predicts rows of the training when the values of a feature are shuffled
 * (permutation importance, Breiman 2001): for each feature, palloc'd.  0 for one that no tree asks about,
 * and for all where components have taken the features' place.
 */
double *
CsPredictionShuffle(const CsPrediction *p, CsTeam *team, const CsValueModel *model)
{
	const CsTraining *t = p->t;
	int64		n;
	int64	   *rows = CsSampleRows(t->matrix->nrows, CS_SHUFFLED_ROWS, (uint64) t->common->seed, &n);
	CsMatrix   *m = CsMatrixOfRows(t->arena, t->matrix, rows, n);
	int			outcomes = CsWeightsOfRows(t->arena, t->outcomes, rows, n);
	const double *y = CsArenaAddress(t->arena, outcomes);
	double	   *result = palloc0(sizeof(double) * t->nfeatures);
	double	   *scratch = palloc(sizeof(double) * n);
	int64	   *order = palloc(sizeof(int64) * n);
	int64	   *back = palloc(sizeof(int64) * n);
	double		usual = LossOf(p, team, model, m, y);
	double	   *gains = palloc(sizeof(double) * model->ncolumns);
	CsRng		rng;

	CsValueModelGains(model, gains);
	CsRngSeed(&rng, (uint64) t->common->seed, SHUFFLE_STREAM);
	for (int i = 0; i < t->nfeatures && t->pipeline->ncomponents == 0; i++)
	{
		const CsFeature *f = &t->pipeline->feature[i];

		if (CsFeatureSum(f, gains) == 0 && model->form != CS_VALUE_LINEAR)
			continue;
		DrawOrder(&rng, n, order);
		for (int64 k = 0; k < n; k++)
			back[order[k]] = k;
		for (int j = 0; j < f->noutputs; j++)
			CsMatrixReorderColumn(m, t->arena, f->first_output + j, order, scratch);
		result[i] = LossOf(p, team, model, m, y) - usual;
		for (int j = 0; j < f->noutputs; j++)
			CsMatrixReorderColumn(m, t->arena, f->first_output + j, back, scratch);
	}
	CsArenaFree(t->arena, outcomes);
	CsMatrixFree(m, t->arena);
	pfree(m);
	pfree(rows);
	pfree(gains);
	pfree(scratch);
	pfree(order);
	pfree(back);
	return result;
}

/*
 * The values of a column of the matrix and the outcomes, of n rows that lie evenly, each at its place: a
 * random one, so that of rows with the same value none is next to another for what its outcome is.
 */
static void
EvenRows(const CsPrediction *p, int column, int64 step, int64 n, const int64 *place, double *x, double *y)
{
	const CsTraining *t = p->t;
	const double *outcomes = CsArenaAddress(t->arena, t->outcomes);

	for (int64 i = 0; i < n; i++)
	{
		int64		row = i * step;

		x[place[i]] = CsMatrixRow(t->matrix, t->arena, row)[(Size) column * CS_BLOCK_ROWS];
		y[place[i]] = outcomes[row];
	}
}

/* Warn of features that alone explain nearly all of the outcome: they may be known only with it. */
void
CsPredictionWarnOfLeaks(const CsPrediction *p)
{
	const CsTraining *t = p->t;
	int64		step = (t->matrix->nrows + LEAK_ROWS - 1) / LEAK_ROWS,
				n = (t->matrix->nrows + step - 1) / step;
	double	   *x = palloc(sizeof(double) * n);
	double	   *y = palloc(sizeof(double) * n);
	int64	   *place = palloc(sizeof(int64) * n);
	CsRng		rng;

	CsRngSeed(&rng, (uint64) t->common->seed, LEAK_STREAM);
	DrawOrder(&rng, n, place);
	for (int j = 0; j < t->matrix->ncolumns && t->pipeline->ncomponents == 0; j++)
	{
		double		explained;

		CHECK_FOR_INTERRUPTS();
		EvenRows(p, j, step, n, place, x, y);
		explained = CsNeighborsExplain(n, x, y);
		if (explained > LEAK)
			ereport(WARNING,
					(errmsg("\"%s\" alone explains %.1f %% of target column \"%s\"", p->columns[j],
							100 * explained, NameStr(t->outcome->name)),
					 errhint("If it is known only once the target is, leave it out: a model of it cannot predict.")));
	}
	pfree(x);
	pfree(y);
	pfree(place);
}
