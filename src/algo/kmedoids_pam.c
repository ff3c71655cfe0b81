/*
 * kmedoids_pam.c
 *	  PAM: the medoids of rows whose distances are all at hand (Kaufman and Rousseeuw 1990).
 *
 * BUILD takes one medoid after the other, each time the row that lowers the loss most.  SWAP then
 * puts a row in the place of a medoid, each time the pair that lowers the loss most, until no pair
 * does.
 *
 * A row that is looked at for a swap is looked at once for all k medoids (FastPAM1 of Schubert and
 * Rousseeuw 2021): n^2 steps a swap in place of k n^2, and the swaps are those of the original.  In
 * BUILD rows whose offer was too low before are passed over.
 *
 * Of equal offers the one of the first row is taken.  Where BUILD has to choose among equal ones, as it does
 * on small whole numbers, there is another start that takes the last of them, as R's pam does, and the
 * lower loss wins: of two starts from which nothing tells, one may end in a loss that is much higher.  Each candidate is summed up by one member of
 * the team in a fixed order, so the number of workers has no influence.
 */
#include "custseg.h"

#include <float.h>

#include "algo/kmedoids.h"
#include "miscadmin.h"
#include "progress.h"

/* Candidates whose distances are computed together, and running sums over distances. */
#define TILE 16
#define PARTS 8

/* A swap must lower the loss by more than what rounding may feign. */
#define LEAST_GAIN (16 * DBL_EPSILON)

/* Offers are equal that differ by less than this share of the best. */
#define EQUAL_OFFERS 1e-12

/* What a row can do as a medoid: how much it lowers the loss, in the place of which one. */
typedef struct Offer
{
	double		gain;
	int32		medoid;
} Offer;

/* The arguments of all tasks. */
typedef struct Pam
{
	KmedoidsMetric metric;
	int			d;
	int			n;
	int			stride;			/* n rounded up to a multiple of PARTS */
	int			k;				/* medoids that are there */
	int			matrix;			/* areas: CsMatrix, */
	int			distances;		/* double[n][stride], */
	int			rows;			/* see RowsOf, */
	int			offers;			/* Offer[n] */
	bool		take_last;		/* of equal offers in BUILD */
	bool		has_ties;		/* there were some */
} Pam;

/* What is known of the rows; padding has weight 0. */
typedef struct Rows
{
	double	   *weight;
	double	   *nearest;		/* distance to the nearest medoid, */
	double	   *second;			/* and to the second nearest; infinite with one medoid */
	int32	   *label;			/* the nearest medoid */
} Rows;

static inline int
StrideOf(int64 n)
{
	return (int) TYPEALIGN(PARTS, n);
}

static inline Size
RowsSize(int64 n)
{
	return mul_size(StrideOf(n), 3 * sizeof(double) + sizeof(int32));
}

/* Bytes that CsPam() takes beside the matrix. */
Size
CsPamMemory(int64 n, int k)
{
	Size		row = add_size(mul_size(sizeof(double), StrideOf(n)), sizeof(Offer) + sizeof(bool));

	return add_size(mul_size(row, n), add_size(RowsSize(n), mul_size(2 * sizeof(int), k)));
}

static Rows
RowsOf(CsArena *arena, const Pam *pam)
{
	double	   *area = CsArenaAddress(arena, pam->rows);
	Rows		rows = {
		.weight = area,
		.nearest = area + pam->stride,
		.second = area + 2 * (Size) pam->stride,
		.label = (int32 *) (area + 3 * (Size) pam->stride)
	};

	return rows;
}

/* Distances of one row to all, in the order of the rows. */
static inline double *
DistancesOf(CsArena *arena, const Pam *pam, int row)
{
	return (double *) CsArenaAddress(arena, pam->distances) + (Size) row * pam->stride;
}

/* The first row that a lane looks at. */
static inline int
LaneRow(const Pam *pam, int lane)
{
	return (int) ((int64) pam->n * lane / CS_LANES);
}

/* Distances of one row to nrows others, from what compares. */
static inline void
TakeDistances(const Pam *pam, int nrows, const double *compared, double *distance)
{
	for (int r = 0; r < nrows; r++)
		distance[r] = KmedoidsDistance(pam->metric, compared[r]);
}

/* The distances of n rows from "row" on to all rows. */
static void
FillDistances(CsArena *arena, const Pam *pam, int row, int n, double *points, double *compared)
{
	const CsMatrix *m = CsArenaAddress(arena, pam->matrix);

	for (int i = 0; i < n; i++)
	{
		CsMatrixGetRow(m, arena, row + i, points + (Size) i * pam->d);
		memset(DistancesOf(arena, pam, row + i) + pam->n, 0,
			   sizeof(double) * (pam->stride - pam->n));
	}
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		for (int first = 0; first < CsMatrixBlockRows(m, b); first += CS_GROUP_ROWS)
		{
			int			nrows = Min(CS_GROUP_ROWS, CsMatrixBlockRows(m, b) - first);

			/* a group, not a block: there may be thousands of columns */
			CHECK_FOR_INTERRUPTS();
			KmedoidsCompare(pam->metric, pam->d, nrows, CsMatrixBlock(m, arena, b) + first, n,
							points, compared);
			for (int i = 0; i < n; i++)
				TakeDistances(pam, nrows, compared + i * CS_PAD_ROWS(nrows),
							  DistancesOf(arena, pam, row + i) + b * CS_BLOCK_ROWS + first);
		}
	}
}

/* CS_TASK(CsPamDistancesTask): compute the distances of a lane's rows. */
void
CsPamDistancesTask(CsTeam *team, const void *args, int item)
{
	const Pam  *pam = args;
	int			last = LaneRow(pam, item + 1);
	double	   *points = palloc(sizeof(double) * TILE * pam->d);
	double	   *compared = palloc(sizeof(double) * TILE * CS_GROUP_ROWS);

	for (int row = LaneRow(pam, item); row < last; row += TILE)
		FillDistances(CsTeamArena(team), pam, row, Min(TILE, last - row), points, compared);
}

/* Running sums added up, always in the same order. */
static inline double
SumOfParts(const double sum[PARTS])
{
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/*
 * By how much one more medoid lowers the loss.  The first one finds none to lower: of it the result
 * is the loss itself, negative.
 */
CS_CLONES static double
GainOf(const Pam *pam, const double *distance, const Rows *rows)
{
	double		least = pam->k == 0 ? -INFINITY : 0;
	double		sum[PARTS] = {0};

	for (int r = 0; r < pam->stride; r += PARTS)
	{
		const double *weight = rows->weight + r,
				   *nearest = rows->nearest + r,
				   *here = distance + r;

		for (int i = 0; i < PARTS; i++)
			sum[i] += weight[i] * Max(nearest[i] - here[i], least);
	}
	return SumOfParts(sum);
}

/*
 * CS_TASK(CsPamBuildTask): what each of a lane's rows offers as one more medoid.  A gain only falls
 * as medoids are added, exactly so, because each term of its sum does.  So the earlier offer of a
 * row tells whether it can still be the lane's best, and many rows need not be computed again.
 */
void
CsPamBuildTask(CsTeam *team, const void *args, int item)
{
	const Pam  *pam = args;
	CsArena    *arena = CsTeamArena(team);
	Rows		rows = RowsOf(arena, pam);
	Offer	   *offer = CsArenaAddress(arena, pam->offers);
	int			last = LaneRow(pam, item + 1),
				best = LaneRow(pam, item);

	for (int row = best; row < last; row++)
		if (offer[row].gain > offer[best].gain)
			best = row;
	if (best < last)
		offer[best].gain = GainOf(pam, DistancesOf(arena, pam, best), &rows);
	for (int row = LaneRow(pam, item); row < last; row++)
	{
		CHECK_FOR_INTERRUPTS();
		if (row == best || offer[row].gain < offer[best].gain)
			continue;
		offer[row].gain = GainOf(pam, DistancesOf(arena, pam, row), &rows);
		if (offer[row].gain > offer[best].gain)
			best = row;
	}
}

/*
 * What a row offers in the place of a medoid.  It takes the rows that are nearer to it than to
 * their medoid, whichever medoid goes.  The other rows of the one that goes lose by it: they go to
 * this row, or to their second nearest medoid.
 */
CS_CLONES static Offer
OfferOf(const Pam *pam, const double *distance, const Rows *rows, double *loss)
{
	Offer		best = {-INFINITY, 0};
	double		sum[PARTS] = {0};
	double		taken;

	memset(loss, 0, sizeof(double) * pam->k);
	for (int r = 0; r < pam->stride; r += PARTS)
	{
		const double *weight = rows->weight + r,
				   *nearest = rows->nearest + r,
				   *second = rows->second + r,
				   *here = distance + r;
		const int32 *label = rows->label + r;
		double		farther[PARTS];

		for (int i = 0; i < PARTS; i++)
		{
			sum[i] += weight[i] * Max(nearest[i] - here[i], 0);
			farther[i] = weight[i] * Max(Min(here[i], second[i]) - nearest[i], 0);
		}
		for (int i = 0; i < PARTS; i++)
			loss[label[i]] += farther[i];
	}
	taken = SumOfParts(sum);
	for (int c = 0; c < pam->k; c++)
		if (taken - loss[c] > best.gain)
		{
			best.gain = taken - loss[c];
			best.medoid = c;
		}
	return best;
}

/* CS_TASK(CsPamSwapTask): what each of a lane's rows offers in the place of a medoid. */
void
CsPamSwapTask(CsTeam *team, const void *args, int item)
{
	const Pam  *pam = args;
	CsArena    *arena = CsTeamArena(team);
	Rows		rows = RowsOf(arena, pam);
	Offer	   *offer = CsArenaAddress(arena, pam->offers);
	double	   *loss = palloc(sizeof(double) * pam->k);

	for (int row = LaneRow(pam, item); row < LaneRow(pam, item + 1); row++)
	{
		CHECK_FOR_INTERRUPTS();
		offer[row] = OfferOf(pam, DistancesOf(arena, pam, row), &rows, loss);
	}
}

/* The first row of the best offer that is not a medoid; -1 for none. */
static int
BestOffer(CsArena *arena, const Pam *pam, const bool *is_medoid)
{
	const Offer *offer = CsArenaAddress(arena, pam->offers);
	int			best = -1;

	for (int row = 0; row < pam->n; row++)
		if (!is_medoid[row] && (best < 0 || offer[row].gain > offer[best].gain))
			best = row;
	return best;
}

/* The row whose offer BUILD takes; -1 for none.  Rows that are the same are no ties. */
static int
ChooseOffer(CsArena *arena, Pam *pam, const bool *is_medoid)
{
	const Offer *offer = CsArenaAddress(arena, pam->offers);
	int			best = BestOffer(arena, pam, is_medoid);
	double		least = best < 0 ? 0 : offer[best].gain - EQUAL_OFFERS * fabs(offer[best].gain);
	int			last = best;

	for (int row = best + 1; row < pam->n && best >= 0; row++)
		if (!is_medoid[row] && offer[row].gain >= least && DistancesOf(arena, pam, best)[row] > 0)
			last = row;
	pam->has_ties |= last != best;
	return pam->take_last ? last : best;
}

/* Take a medoid in, after those before it. */
static void
Place(CsArena *arena, const Pam *pam, int32 medoid, int row)
{
	const double *distance = DistancesOf(arena, pam, row);
	Rows		rows = RowsOf(arena, pam);

	for (int r = 0; r < pam->n; r++)
	{
		if (distance[r] < rows.nearest[r] || medoid == 0)
		{
			rows.second[r] = medoid == 0 ? INFINITY : rows.nearest[r];
			rows.nearest[r] = distance[r];
			rows.label[r] = medoid;
		}
		else if (distance[r] < rows.second[r])
			rows.second[r] = distance[r];
	}
}

/* The loss over the rows at hand. */
static double
LossOfRows(CsArena *arena, const Pam *pam)
{
	Rows		rows = RowsOf(arena, pam);
	double		sum = 0,
				compensation = 0;

	for (int r = 0; r < pam->n; r++)
		CsAddCompensated(&sum, &compensation, rows.weight[r] * rows.nearest[r]);
	return sum + compensation;
}

/*
 * BUILD: the first medoids, fewer than asked for when there are fewer different rows.  What a row
 * offers as the first one says nothing of what it offers next.
 */
static void
Build(CsTeam *team, Pam *pam, int k, int *medoid, bool *is_medoid)
{
	CsArena    *arena = CsTeamArena(team);
	Offer	   *offer = CsArenaAddress(arena, pam->offers);

	CsProgressPhase(CS_PHASE_SEEDING);
	for (pam->k = 0; pam->k < k; pam->k++)
	{
		int			row;

		for (row = 0; row < pam->n && pam->k < 2; row++)
			offer[row].gain = INFINITY;
		CsTeamRun(team, CS_TASK(CsPamBuildTask), pam, sizeof(*pam), CS_LANES);
		row = ChooseOffer(arena, pam, is_medoid);
		if (row < 0 || (pam->k > 0 && !(offer[row].gain > 0)))
			break;
		Place(arena, pam, pam->k, row);
		medoid[pam->k] = row;
		is_medoid[row] = true;
	}
}

/* Put a row in the place of a medoid. */
static void
Replace(CsArena *arena, const Pam *pam, int *medoid, bool *is_medoid, int32 place, int row)
{
	is_medoid[medoid[place]] = false;
	is_medoid[row] = true;
	medoid[place] = row;
	for (int c = 0; c < pam->k; c++)
	{
		CHECK_FOR_INTERRUPTS();
		Place(arena, pam, c, medoid[c]);
	}
}

/*
 * One swap.  Returns false when there is none left.  What it is to gain is a sum that rounding may
 * have made; a swap that turns out to gain nothing is taken back, so that there is an end.
 */
static bool
SwapOnce(CsTeam *team, Pam *pam, int *medoid, bool *is_medoid, double *loss)
{
	CsArena    *arena = CsTeamArena(team);
	const Offer *offer = CsArenaAddress(arena, pam->offers);
	int			row,
				before;
	double		after;

	CsTeamRun(team, CS_TASK(CsPamSwapTask), pam, sizeof(*pam), CS_LANES);
	row = BestOffer(arena, pam, is_medoid);
	if (row < 0 || !(offer[row].gain > LEAST_GAIN * *loss))
		return false;
	before = medoid[offer[row].medoid];
	Replace(arena, pam, medoid, is_medoid, offer[row].medoid, row);
	after = LossOfRows(arena, pam);
	if (!(after < *loss))
	{
		Replace(arena, pam, medoid, is_medoid, offer[row].medoid, before);
		return false;
	}
	*loss = after;
	return true;
}

/* Take the areas, weights and distances in them. */
static void
Open(CsTeam *team, Pam *pam, const CsMatrix *m, int weights)
{
	CsArena    *arena = CsTeamArena(team);
	const double *weight;
	Rows		rows;

	pam->n = (int) m->nrows;
	pam->d = m->ncolumns;
	pam->stride = StrideOf(m->nrows);
	pam->matrix = CsMatrixShare(m, arena);
	pam->distances = CsArenaAlloc(arena, mul_size(mul_size(sizeof(double), pam->n), pam->stride));
	pam->offers = CsArenaAlloc(arena, sizeof(Offer) * pam->n);
	pam->rows = CsArenaAlloc(arena, RowsSize(pam->n));
	memset(CsArenaAddress(arena, pam->rows), 0, RowsSize(pam->n));
	rows = RowsOf(arena, pam);
	weight = weights < 0 ? NULL : CsArenaAddress(arena, weights);
	for (int r = 0; r < pam->n; r++)
		rows.weight[r] = weight ? weight[r] : 1;
	CsTeamRun(team, CS_TASK(CsPamDistancesTask), pam, sizeof(*pam), CS_LANES);
}

/* BUILD and SWAP.  OUT medoid, and of the result all but the rows. */
static void
Start(CsTeam *team, Pam *pam, int k, const KmedoidsOptions *o, int sample, int *medoid, Medoids *result)
{
	bool	   *is_medoid = palloc0(pam->n);

	Build(team, pam, k, medoid, is_medoid);
	result->k = pam->k;
	result->loss = LossOfRows(CsTeamArena(team), pam);
	result->converged = false;
	CsProgressPhase(CS_PHASE_ITERATING);
	for (result->iterations = 0; !result->converged && result->iterations < o->max_iter;)
	{
		CsProgressFit(sample + 1, o->samples, ++result->iterations);
		result->converged = !SwapOnce(team, pam, medoid, is_medoid, &result->loss);
	}
	pfree(is_medoid);
}

/*
 * Find at most k medoids of a matrix, fewer when it has fewer different rows.  "weights" is an area
 * of double[nrows], or -1.  "sample", the number of the sample from 0, is for the progress report.
 * OUT result, whose loss is that of these rows.
 */
void
CsPam(CsTeam *team, const CsMatrix *m, int weights, int k, const KmedoidsOptions *o, int sample,
	  Medoids *result)
{
	CsArena    *arena = CsTeamArena(team);
	Pam			pam = {.metric = o->metric};
	int		   *medoids = palloc(sizeof(int) * 2 * k),
			   *medoid = medoids;
	Medoids		other;

	Open(team, &pam, m, weights);
	Start(team, &pam, k, o, sample, medoid, &other);
	other.row = result->row;
	*result = other;
	pam.take_last = true;
	if (pam.has_ties)
		Start(team, &pam, k, o, sample, medoids + k, &other);
	if (other.loss < result->loss * (1 - EQUAL_OFFERS))
	{
		*result = other;
		medoid = medoids + k;
	}
	for (int c = 0; c < result->k; c++)
		result->row[c] = medoid[c];

	CsArenaFree(arena, pam.matrix);
	CsArenaFree(arena, pam.distances);
	CsArenaFree(arena, pam.offers);
	CsArenaFree(arena, pam.rows);
	pfree(medoids);
}
