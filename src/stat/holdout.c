/*
 * holdout.c
 *	  Predictions for customers against what came: errors, order, deciles, intervals.
 *
 * Customers with the same prediction are in no order: each of them counts for what came to all of them on
 * average.  So the results follow from the customers, and not from how they lie.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/holdout.h"

/* Sums of periods that are drawn for the ends of an interval. */
#define SUMS 4096
#define SUMS_SEED 42
#define MOST_PERIODS 64

#define ST_SORT SortByPrediction
#define ST_ELEMENT_TYPE CsOutcome
#define ST_COMPARE(a, b) \
	((a)->predicted != (b)->predicted ? ((a)->predicted > (b)->predicted ? -1 : 1) : \
	 (a)->actual > (b)->actual ? -1 : (a)->actual < (b)->actual)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT SortByOutcome
#define ST_ELEMENT_TYPE CsOutcome
#define ST_COMPARE(a, b) ((a)->actual > (b)->actual ? -1 : (a)->actual < (b)->actual)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* The end of the outcomes with the same prediction as that at "first". */
static int64
EndOfTies(const CsOutcome *outcomes, int64 first, int64 n)
{
	int64		end = first + 1;

	while (end < n && outcomes[end].predicted == outcomes[first].predicted)
		end++;
	return end;
}

/* The mean of what came to some customers. */
static double
MeanActual(const CsOutcome *outcomes, int64 first, int64 end)
{
	double		sum = 0,
				rest = 0;

	for (int64 i = first; i < end; i++)
		CsAddCompensated(&sum, &rest, outcomes[i].actual);
	return (sum + rest) / (double) (end - first);
}

/*
 * Twice the area between the line of an even distribution and that of the share of all that came to the first
 * customers, in their order (Gini's coefficient).
 */
static double
Gini(const CsOutcome *outcomes, int64 n, double total, bool ties)
{
	double		before = 0,
				area = 0;

	for (int64 first = 0; first < n;)
	{
		int64		end = ties ? EndOfTies(outcomes, first, n) : first + 1;
		double		k = (double) (end - first),
					mean = MeanActual(outcomes, first, end);

		/* before + mean, before + 2 mean, ..., before + k mean */
		area += k * before + mean * k * (k + 1) / 2;
		before += mean * k;
		first = end;
	}
	return 2 * area / total / (double) n - 1 - 1 / (double) n;
}

/* The decile of a rank from 0. */
static int
DecileOf(int64 rank, int64 n)
{
	return (int) (CS_DECILES * rank / n);
}

/* Means by deciles of predictions that descend. */
static void
FillDeciles(CsHoldoutResult *r, const CsOutcome *outcomes)
{
	int64		members[CS_DECILES] = {0};

	for (int64 first = 0; first < r->n;)
	{
		int64		end = EndOfTies(outcomes, first, r->n);
		double		mean = MeanActual(outcomes, first, end);

		for (int64 i = first; i < end; i++)
		{
			CsDecile   *decile = &r->decile[DecileOf(i, r->n)];

			members[decile - r->decile]++;
			decile->predicted += outcomes[i].predicted;
			decile->actual += mean;
		}
		first = end;
	}
	for (int d = 0; d < CS_DECILES; d++)
	{
		CsDecile   *decile = &r->decile[d];

		decile->share = decile->actual / r->actual;
		decile->predicted /= (double) members[d];
		decile->actual /= (double) members[d];
		decile->lift = decile->actual / (r->actual / (double) r->n);
	}
}

/* Measure predictions of at least one customer; their order changes. */
CsHoldoutResult
CsHoldoutMeasure(CsOutcome *outcomes, int64 n)
{
	CsHoldoutResult r = {.n = n};
	double		rest_predicted = 0,
				rest_actual = 0;

	SortByPrediction(outcomes, n);
	for (int64 i = 0; i < n; i++)
	{
		double		error = outcomes[i].predicted - outcomes[i].actual;

		CsAddCompensated(&r.predicted, &rest_predicted, outcomes[i].predicted);
		CsAddCompensated(&r.actual, &rest_actual, outcomes[i].actual);
		r.mae += fabs(error);
		r.rmse += error * error;
	}
	r.predicted += rest_predicted;
	r.actual += rest_actual;
	r.mae /= (double) n;
	r.rmse = sqrt(r.rmse / (double) n);
	r.bias = (r.predicted - r.actual) / (double) n;
	FillDeciles(&r, outcomes);
	r.gini = r.gini_normalized = NAN;
	if (r.actual > 0)
	{
		r.gini = Gini(outcomes, n, r.actual, true);
		SortByOutcome(outcomes, n);
		/* equal outcomes have no order that could be found; rounding does not take it beyond its bounds */
		if (outcomes[0].actual > outcomes[n - 1].actual)
			r.gini_normalized = Min(Max(r.gini / Gini(outcomes, n, r.actual, false), -1), 1);
	}
	return r;
}

/*
 * The conformal quantile of m ascending numbers: the ceil((m + 1) share)-th, or below the middle the
 * floor((m + 1) share)-th.
 */
static double
Quantile(const double *ascending, int64 m, double share)
{
	double		rank = (double) (m + 1) * share;
	int64		whole = (int64) (share > 0.5 ? ceil(rank - 1e-9) : floor(rank + 1e-9));

	return whole < 1 ? 0 : whole > m ? INFINITY : ascending[whole - 1];
}

/* Learn from predictions above 0 and what came; the order of the outcomes changes. */
void
CsRatiosLearn(CsRatios *r, CsOutcome *outcomes, int64 n)
{
	int64		most = n / CS_DECILES + 1;
	double	   *ratios = palloc_extended(2 * sizeof(double) * most, MCXT_ALLOC_HUGE);

	SortByPrediction(outcomes, n);
	for (int d = 0; d < CS_DECILES; d++)
	{
		int64		first = (n * d + CS_DECILES - 1) / CS_DECILES,
					end = (n * (d + 1) + CS_DECILES - 1) / CS_DECILES,
					m = end - first;

		for (int64 i = first; i < end; i++)
			ratios[i - first] = outcomes[i].actual / outcomes[i].predicted;
		CsSortDoubles(ratios, m, ratios + most);
		for (int step = 0; step <= CS_RATIO_STEPS; step++)
			r->ratio[d][step] = Quantile(ratios, m, (double) step / CS_RATIO_STEPS);
		if (d < CS_DECILES - 1)
			r->bound[d] = m > 0 ? outcomes[end - 1].predicted : 0;
	}
	pfree(ratios);
}

/* The ratio of a share of customers of a decile, of those steps that few customers leave unknown the last known. */
static double
DrawRatio(const double *ratios, CsRng *rng)
{
	int			step = (int) CsRngBelow(rng, CS_RATIO_STEPS);

	while (step > 0 && isinf(ratios[step]))
		step--;
	return isinf(ratios[step]) ? 0 : ratios[step];
}

/*
 * OUT ascending ratios of what comes in several periods, the last of which may be a part of one, that have
 * nothing to do with each other; drawn with a seed of its own.
 */
static void
DrawSums(const double *ratios, double periods, double *sums)
{
	CsRng		rng;

	CsRngSeed(&rng, SUMS_SEED, 0);
	/* of more, the sum hardly varies any more */
	periods = Min(periods, MOST_PERIODS);
	for (int i = 0; i < SUMS; i++)
	{
		CsCheckInterrupts(i);
		sums[i] = 0;
		for (double left = periods; left > 0; left--)
			sums[i] += DrawRatio(ratios, &rng) * Min(left, 1) / periods;
	}
	CsSortDoubles(sums, SUMS, sums + SUMS);
}

/* The two ends of a decile for the time that was learned from. */
static void
FindEnds(const double *ratios, double doubt, double *low, double *high)
{
	*low = ratios[(int) floor(doubt * CS_RATIO_STEPS + 1e-9)];
	if (*low > 0)
	{
		doubt /= 2;
		*low = ratios[(int) floor(doubt * CS_RATIO_STEPS + 1e-9)];
	}
	*high = ratios[(int) ceil((1 - doubt) * CS_RATIO_STEPS - 1e-9)];
}

/*
 * The ends of intervals for a time that is so many times that which was learned from.  Where what came may well be
 * nothing, all of the doubt is on the upper side; an infinite end is one that too few customers were there to
 * tell.
 *
 * In a shorter time there comes from nothing to what comes in the whole.  A longer one lies between periods that
 * repeat each other and periods that have nothing to do with each other: the wider ends count.
 */
CsRatioEnds
CsRatiosEnds(const CsRatios *r, double periods, double confidence)
{
	CsRatioEnds ends = {.ratios = r,.periods = periods};
	double		doubt = 1 - confidence,
			   *sums = palloc(2 * sizeof(double) * SUMS);

	for (int d = 0; d < CS_DECILES; d++)
	{
		double	   *low = &ends.low[d],
				   *high = &ends.high[d];

		FindEnds(r->ratio[d], doubt, low, high);
		if (periods < 1)
		{
			*low = 0;
			*high /= periods;
		}
		if (periods <= 1)
			continue;
		DrawSums(r->ratio[d], periods, sums);
		if (*low > 0)
			*low = Min(*low, CsQuantileSorted(sums, SUMS, doubt / 2));
		*high = Max(*high, CsQuantileSorted(sums, SUMS, 1 - (*low > 0 ? doubt / 2 : doubt)));
	}
	pfree(sums);
	return ends;
}

/* OUT the interval of a prediction; its decile is that of an equal part of it for each period. */
void
CsRatioEndsOf(const CsRatioEnds *ends, double predicted, double *low, double *high)
{
	int			d = 0;

	while (d < CS_DECILES - 1 && predicted < ends->ratios->bound[d] * ends->periods)
		d++;
	*low = predicted * ends->low[d];
	*high = predicted * ends->high[d];
}

/* The share of outcomes that lie in their intervals. */
double
CsRatiosCoverage(const CsRatios *r, const CsOutcome *outcomes, int64 n, double confidence)
{
	CsRatioEnds ends = CsRatiosEnds(r, 1, confidence);
	int64		covered = 0;

	for (int64 i = 0; i < n; i++)
	{
		double		low,
					high;

		CsRatioEndsOf(&ends, outcomes[i].predicted, &low, &high);
		covered += low <= outcomes[i].actual && outcomes[i].actual <= high;
	}
	return (double) covered / (double) n;
}
