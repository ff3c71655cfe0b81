/*
 * prediction.c
 *	  How good predictions are, isotonic calibration, and conformal intervals.
 *
 * Isotonic regression pools adjacent violators (Ayer, Brunk, Ewing, Reid and Silverman 1955; Zadrozny
 * and Elkan 2002).  Conformal intervals are those of Vovk, Gammerman and Shafer (2005) and Lei,
 * G'Sell, Rinaldo, Tibshirani and Wasserman (2018): a quantile of what predictions of rows that the
 * model has not seen are off by.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/prediction.h"

/* A probability that is told as 0 or 1 counts as this far from it. */
#define LEAST_PROBABILITY 1e-15

/* A prediction of what is above 0 counts as this at least. */
#define LEAST_PREDICTION 1e-9

/* The rows in the order of x, palloc'd; x sorted is in *sorted, palloc'd unless NULL. */
static uint32 *
OrderOf(int64 n, const double *x, double **sorted)
{
	double	   *values = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);
	double	   *scratch = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);
	uint32	   *rows = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	uint32	   *row_scratch = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);

	memcpy(values, x, sizeof(double) * n);
	for (int64 i = 0; i < n; i++)
		rows[i] = (uint32) i;
	CsSortRows(values, rows, n, scratch, row_scratch);
	pfree(scratch);
	pfree(row_scratch);
	*sorted = values;
	return rows;
}

static CsPredictionMeasures
NoMeasures(int64 n)
{
	return (CsPredictionMeasures) {n, NAN, NAN, NAN, NAN, NAN, NAN};
}

/* The measures of predictions of a number; R2 is NaN where all actual ones are the same. */
CsPredictionMeasures
CsMeasureNumbers(int64 n, const double *actual, const double *predicted)
{
	CsPredictionMeasures m = NoMeasures(n);
	CsMoments	moments = {0};
	double		squares = 0,
				squares_rest = 0,
				absolute = 0,
				absolute_rest = 0,
				total;

	if (n == 0)
		return m;
	for (int64 i = 0; i < n; i++)
	{
		double		off = actual[i] - predicted[i];

		CsCheckInterrupts(i);
		CsMomentsAddValue(&moments, actual[i]);
		CsAddCompensated(&squares, &squares_rest, off * off);
		CsAddCompensated(&absolute, &absolute_rest, fabs(off));
	}
	squares += squares_rest;
	total = CsMomentsDeviation(&moments, 0);
	total = total * total * (double) n;
	m.r2 = total > 0 ? 1 - squares / total : NAN;
	m.rmse = sqrt(squares / (double) n);
	m.mae = (absolute + absolute_rest) / (double) n;
	return m;
}

/* The area under the ROC curve, from the rank sum; equal predictions share their ranks. */
double
CsAreaUnderCurve(int64 n, const double *actual, const double *predicted)
{
	double	   *sorted;
	uint32	   *order = OrderOf(n, predicted, &sorted);
	double		positives = 0,
				ranks = 0;

	for (int64 i = 0; i < n;)
	{
		int64		end = i;
		double		of_tie = 0;

		while (end < n && sorted[end] == sorted[i])
			of_tie += actual[order[end++]];
		ranks += of_tie * (double) (i + 1 + end) / 2;
		positives += of_tie;
		i = end;
	}
	pfree(sorted);
	pfree(order);
	if (positives == 0 || positives == (double) n)
		return NAN;
	return (ranks - positives * (positives + 1) / 2) / (positives * ((double) n - positives));
}

/* The measures of predictions of a probability; the AUC is NaN where all outcomes are the same. */
CsPredictionMeasures
CsMeasureProbabilities(int64 n, const double *actual, const double *predicted)
{
	CsPredictionMeasures m = NoMeasures(n);
	double		loss = 0,
				loss_rest = 0,
				brier = 0,
				brier_rest = 0;

	if (n == 0)
		return m;
	for (int64 i = 0; i < n; i++)
	{
		double		off = actual[i] - predicted[i];
		double		right = actual[i] > 0.5 ? predicted[i] : 1 - predicted[i];

		CsCheckInterrupts(i);
		CsAddCompensated(&loss, &loss_rest, -log(Max(right, LEAST_PROBABILITY)));
		CsAddCompensated(&brier, &brier_rest, off * off);
	}
	m.auc = CsAreaUnderCurve(n, actual, predicted);
	m.log_loss = (loss + loss_rest) / (double) n;
	m.brier = (brier + brier_rest) / (double) n;
	return m;
}

/* The log loss of predicting the mean of all for each: their entropy. */
double
CsLogLossOfMean(int64 n, const double *actual)
{
	double		positives = 0;
	double		share;

	for (int64 i = 0; i < n; i++)
		positives += actual[i];
	share = positives / (double) n;
	return share > 0 && share < 1 ? -share * log(share) - (1 - share) * log1p(-share) : 0;
}

/* Neighboring predictions that get one probability. */
typedef struct Pool
{
	double		low,			/* the predictions */
				high;
	double		rows,
				sum;			/* of the outcomes */
} Pool;

/* Pool equal predictions, and then whatever would descend; returns how many pools there are. */
static int64
PoolViolators(int64 n, const double *sorted, const uint32 *order, const double *actual, Pool *pools)
{
	int64		npools = 0;

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (i > 0 && sorted[i] == sorted[i - 1])
		{
			pools[npools - 1].rows++;
			pools[npools - 1].sum += actual[order[i]];
		}
		else
			pools[npools++] = (Pool) {sorted[i], sorted[i], 1, actual[order[i]]};
		if (i + 1 < n && sorted[i + 1] == sorted[i])
			continue;
		while (npools > 1 && pools[npools - 1].sum * pools[npools - 2].rows <=
			   pools[npools - 2].sum * pools[npools - 1].rows)
		{
			pools[npools - 2].rows += pools[npools - 1].rows;
			pools[npools - 2].sum += pools[npools - 1].sum;
			pools[npools - 2].high = pools[npools - 1].high;
			npools--;
		}
	}
	return npools;
}

/* Have at most so many pools: neighbors that have the fewest rows are joined. */
static int64
ThinPools(Pool *pools, int64 npools, int64 most, int64 n)
{
	double		least = (double) n / (double) most;
	int64		kept = 0;

	for (int64 i = 0; i < npools; i++)
	{
		if (kept > 0 && pools[kept - 1].rows < least)
		{
			pools[kept - 1].rows += pools[i].rows;
			pools[kept - 1].sum += pools[i].sum;
			pools[kept - 1].high = pools[i].high;
		}
		else
			pools[kept++] = pools[i];
	}
	return kept;
}

/*
 * Fit probabilities to outcomes, 0 or 1, of predictions.  A pool is told by its two ends.  The outer
 * pools, of which all rows may have the same outcome, are taken to have half a row of the other one:
 * nothing is certain.  A pool of few rows so comes near its neighbor at most, which it must not change.
 */
CsIsotonic
CsIsotonicFit(int64 n, const double *actual, const double *predicted)
{
	CsIsotonic	result = {0};
	double	   *sorted;
	uint32	   *order = OrderOf(n, predicted, &sorted);
	Pool	   *pools = palloc_extended(sizeof(Pool) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64		npools = PoolViolators(n, sorted, order, actual, pools);

	if (npools > CS_MOST_KNOTS / 2)
		npools = ThinPools(pools, npools, CS_MOST_KNOTS / 2, n);
	result.predicted = palloc(sizeof(double) * Max(2 * npools, 1));
	result.probability = palloc(sizeof(double) * Max(2 * npools, 1));
	for (int64 i = 0; i < npools; i++)
	{
		double		p = pools[i].sum / pools[i].rows,
					half = 0.5 / (pools[i].rows + 1),
					next = i + 1 < npools ? pools[i + 1].sum / pools[i + 1].rows : 1;

		p = Min(Max(p, Min(half, next)), 1 - half);
		if (i > 0)
			p = Max(p, result.probability[result.n - 1]);
		result.predicted[result.n] = pools[i].low;
		result.probability[result.n++] = p;
		if (pools[i].high > pools[i].low)
		{
			result.predicted[result.n] = pools[i].high;
			result.probability[result.n++] = p;
		}
	}
	pfree(sorted);
	pfree(order);
	pfree(pools);
	return result;
}

/* What a prediction is off by: a difference, or of what is above 0 the log of a ratio. */
double
CsConformalScore(bool ratios, double actual, double predicted)
{
	return ratios ? fabs(log(actual) - log(Max(predicted, LEAST_PREDICTION))) : fabs(actual - predicted);
}

/* How intervals of predictions end that are off by a score: what is the same for all of them. */
CsConformalEnds
CsConformalEndsOf(bool ratios, double off)
{
	return (CsConformalEnds) {ratios, !isinf(off), ratios ? exp(-off) : -off, ratios ? exp(off) : off};
}

/*
 * The ends of the interval of a prediction.  NaN where the score is infinite, except that a ratio has its lower
 * end at 0.
 */
void
CsConformalInterval(const CsConformalEnds *ends, double predicted, double *low, double *high)
{
	double		above_0 = Max(predicted, LEAST_PREDICTION);

	*low = ends->ratios ? above_0 * ends->low : ends->is_known ? predicted + ends->low : NAN;
	*high = !ends->is_known ? NAN : ends->ratios ? above_0 * ends->high : predicted + ends->high;
}

/*
 * The score that a new one does not exceed with this confidence, of n scores that ascend: the
 * ceil((n + 1) confidence)-th; infinite where there are too few.
 */
double
CsConformalQuantile(int64 n, const double *sorted, double confidence)
{
	double		exact = (double) (n + 1) * confidence;
	double		rank = ceil(exact * (1 - 4 * DBL_EPSILON));

	if (rank > (double) n)
		return INFINITY;
	return rank < 1 ? 0 : sorted[(int64) rank - 1];
}

/*
 * Mean squares of what predictions are off by.  Predictions that are equal may be of two tenths; a tenth without any
 * has the mean square of all.
 */
CsPredictionSpread
CsPredictionSpreadOf(int64 n, const double *actual, const double *predicted)
{
	CsPredictionSpread spread = {{0}};
	double	   *sorted;
	uint32	   *order = OrderOf(n, predicted, &sorted);
	double		rmse = CsMeasureNumbers(n, actual, predicted).rmse;

	for (int t = 0; t < CS_TENTHS; t++)
	{
		int64		first = n * t / CS_TENTHS,
					end = n * (t + 1) / CS_TENTHS;
		double		sum = 0,
					rest = 0;

		for (int64 i = first; i < end; i++)
		{
			double		off = actual[order[i]] - sorted[i];

			CsAddCompensated(&sum, &rest, off * off);
		}
		spread.square[t] = end > first ? (sum + rest) / (double) (end - first) : n == 0 ? 0 : rmse * rmse;
		if (t > 0)
			spread.bound[t - 1] = first < n ? sorted[first] : 0;
	}
	pfree(sorted);
	pfree(order);
	return spread;
}

/* The mean square of what such a prediction is off by. */
double
CsPredictionSpreadAt(const CsPredictionSpread *spread, double predicted)
{
	int			t = 0;

	while (t < CS_TENTHS - 1 && predicted >= spread->bound[t])
		t++;
	return spread->square[t];
}

/* The variance of a mean of two, as a share of theirs. */
#define NEIGHBORS_NOISE 0.5

/*
 * How much of the variance of y any function of x explains: y is compared with the mean of the row before and
 * the row after in the order of x, whose own noise is half of that of y (Gasser, Sroka, Jennen-Steinmetz 1986).
 * 1 where y follows from x, and near 0 where it does not; NaN for fewer than 3 rows, or where y is constant.
 */
double
CsNeighborsExplain(int64 n, const double *x, const double *y)
{
	double	   *sorted;
	uint32	   *order;
	double	   *actual,
			   *predicted;
	double		r2;

	if (n < 3)
		return NAN;
	order = OrderOf(n, x, &sorted);
	actual = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	predicted = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < n; i++)
	{
		double		before = y[order[i > 0 ? i - 1 : 1]],
					after = y[order[i + 1 < n ? i + 1 : n - 2]];

		actual[i] = y[order[i]];
		predicted[i] = before / 2 + after / 2;
	}
	r2 = CsMeasureNumbers(n, actual, predicted).r2;
	pfree(sorted);
	pfree(order);
	pfree(actual);
	pfree(predicted);
	return 1 - (1 - r2) / (1 + NEIGHBORS_NOISE);
}
