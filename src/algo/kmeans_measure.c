/*
 * kmeans_measure.c
 *	  Passes that only measure: inertia of the starts, and means and sums of squares of the columns.
 *
 * Sums run over the rows of a block, then over the blocks of a lane, and the leader adds up the
 * lanes in order; so a sum of millions of terms is a sum of short ones, and always the same.
 */
#include "custseg.h"

#include "algo/kmeans.h"
#include "math/math.h"
#include "miscadmin.h"

/*
 * Sum of weight times squared distance over a block's rows.  Eight running sums, so that the order
 * of additions is the same for every instruction set.
 */
double
CsKmeansBlockInertia(int nrows, const double *squared, const double *weights)
{
	double		sum[8] = {0};
	int			r = 0;

	for (; r + 8 <= nrows; r += 8)
		for (int i = 0; i < 8; i++)
			sum[i] += weights ? weights[r + i] * squared[r + i] : squared[r + i];
	for (; r < nrows; r++)
		sum[r % 8] += weights ? weights[r] * squared[r] : squared[r];
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Squared distance of each row of a block to its own centre. */
void
CsKmeansOwnDistances(int d, int nrows, const double *x, const double *centers,
					 const KmeansLabel *labels, double *distance)
{
	int32		own[CS_BLOCK_ROWS];

	for (int r = 0; r < nrows; r++)
		own[r] = labels[r];
	CsOwnDistances(d, nrows, x, CS_BLOCK_ROWS, centers, own, distance);
}

/* Sum of weight times squared distance to the own centre, over a lane, for each active start. */
void
CsKmeansInertiaTask(CsTeam *team, const void *args, int lane)
{
	const KmeansFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	void	   *labels = KmeansPart(arena, fit, fit->labels),
			   *centers = KmeansPart(arena, fit, fit->centers),
			   *lanes = KmeansPart(arena, fit, fit->lanes);
	double		distance[CS_BLOCK_ROWS];

	for (int s = 0; s < fit->starts; s++)
		KmeansLaneOf(fit, lanes, lane, s)->inertia = 0;
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		const double *w = weights ? weights + b * CS_BLOCK_ROWS : NULL;
		int			nrows = CsMatrixBlockRows(m, b);

		for (int s = 0; s < fit->starts; s++)
		{
			if (!(fit->active & (1U << s)))
				continue;
			CHECK_FOR_INTERRUPTS();
			CsKmeansOwnDistances(fit->d, nrows, x, KmeansCentersOf(fit, centers, s)->value,
								 KmeansLabelsOf(fit, m, labels, s) + b * CS_BLOCK_ROWS, distance);
			KmeansLaneOf(fit, lanes, lane, s)->inertia += CsKmeansBlockInertia(nrows, distance, w);
		}
	}
}

/*
 * Merge a block's column into a lane's mean and sum of squares about it.  OUT block_mean; returns the block's sum of
 * squares about that.
 */
static double
MergeColumn(int nrows, const double *column, const double *weights, double weight, double before,
			double *mean, double *squares, double *block_mean)
{
	double		sum = 0,
				about = 0,
				delta;

	for (int r = 0; r < nrows; r++)
		sum += weights ? weights[r] * column[r] : column[r];
	*block_mean = sum / weight;
	for (int r = 0; r < nrows; r++)
	{
		double		difference = column[r] - *block_mean;

		about += (weights ? weights[r] : 1) * difference * difference;
	}
	delta = *block_mean - *mean;
	*squares += about + delta * delta * before * weight / (before + weight);
	*mean += delta * weight / (before + weight);
	return about;
}

/* Mean and sum of squares about it of every column, over a lane, and of each block where these are kept. */
void
CsKmeansMomentsTask(CsTeam *team, const void *args, int lane)
{
	const KmeansFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	KmeansLane *result = KmeansLaneOf(fit, KmeansPart(arena, fit, fit->lanes), lane, 0);

	memset(result, 0, fit->lane_size);
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		const double *w = weights ? weights + b * CS_BLOCK_ROWS : NULL;
		int			nrows = CsMatrixBlockRows(m, b);
		double		weight = nrows,
				   *own = fit->moments ? KmeansBlockMoments(fit, arena, b) : NULL,
					mean,
					about = 0;

		CHECK_FOR_INTERRUPTS();
		if (w)
		{
			weight = 0;
			for (int r = 0; r < nrows; r++)
				weight += w[r];
		}
		for (int j = 0; j < fit->d; j++)
		{
			about += MergeColumn(nrows, x + (Size) j * CS_BLOCK_ROWS, w, weight, result->inertia,
								 &result->value[j], &result->value[fit->d + j], &mean);
			if (own)
				own[2 + j] = mean;
		}
		if (own)
		{
			own[0] = weight;
			own[1] = about;
		}
		result->inertia += weight;
	}
}

/*
 * Add a matrix to the moments: sums of squares of the lanes are merged in the order of lanes (Chan,
 * Golub and LeVeque 1979).
 */
void
CsKmeansAddMoments(CsTeam *team, const KmeansFit *fit, KmeansMoments *moments)
{
	void	   *lanes = KmeansPart(CsTeamArena(team), fit, fit->lanes);

	CsTeamRun(team, CS_TASK(CsKmeansMomentsTask), fit, sizeof(*fit), CS_LANES);
	for (int l = 0; l < CS_LANES; l++)
	{
		const KmeansLane *lane = KmeansLaneOf(fit, lanes, l, 0);
		const double *lane_mean = lane->value,
				   *squares = lane->value + fit->d;
		double		weight = lane->inertia;
		double		sum = moments->weight + weight;

		if (weight == 0)
			continue;
		for (int j = 0; j < fit->d; j++)
		{
			double		delta = lane_mean[j] - moments->mean[j];

			moments->total += squares[j] + delta * delta * moments->weight * weight / sum;
			moments->mean[j] += delta * weight / sum;
		}
		moments->weight = sum;
	}
}
