/*
 * kmeans_seed.c
 *	  Greedy k-means++ (Arthur and Vassilvitskii 2007, with scikit-learn's local trials): the first
 *	  centre is a row drawn by weight; each next one is the best of 2 + floor(ln k) rows drawn with
 *	  probability proportional to weight times squared distance to the centres so far.
 *
 * Several starts are seeded in the same passes over the matrix, for reading it costs more than
 * the arithmetic.  A row keeps, for each start, the squared distance to its nearest centre.  One
 * pass per centre first lowers these by the centre that won the pass before, then adds up what
 * they would come to with each candidate; sums are kept by block.  So drawing a row needs no pass:
 * the block is found from the sums of the winner, and only that block's distances are made again.
 * What a first centre leaves of a block is known from the block's moments, as the sum of squares about
 * a point is that about the mean and the weight times the mean's squared distance to the point: so the
 * second centre's candidates are drawn before any pass.
 * Every start has a stream of its own, so its centres do not depend on which others it shares a
 * pass with.
 *
 * Distances only steer chance here, so they are single precision, and computed in it from rows and
 * points that are moved by the rows' mean and scaled.  Where that sees no more rows apart from the
 * centres, seeding begins anew with distances computed in double precision.
 *
 * The part "seeding" holds
 *		double point[starts][1 + trials][d]		winner of the pass before, then the candidates
 *		double potential[blocks][starts][max(1, trials)]
 * and the part "distances" float distance[starts][blocks * CS_BLOCK_ROWS].
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/kmeans.h"
#include "math/math.h"
#include "miscadmin.h"

/* 2 + ln(CS_MAX_SEGMENTS), rounded up */
#define KMEANS_MAX_TRIALS 16

/* Number of candidates for each centre but the first. */
static int
Trials(int k)
{
	return 2 + (int) floor(log((double) k));
}

static inline int
PointsPerStart(const KmeansFit *fit)
{
	return 1 + Trials(fit->k);
}

static inline double *
PointsOf(const KmeansFit *fit, void *seeding, int start)
{
	return (double *) seeding + (Size) start * PointsPerStart(fit) * fit->d;
}

/* potential[start][trial] of a block */
static inline double *
PotentialsOf(const KmeansFit *fit, void *seeding, int64 block)
{
	int			trials = Trials(fit->k);

	return PointsOf(fit, seeding, fit->starts) + (Size) block * fit->starts * trials;
}

/* Bytes of the part "moments". */
Size
CsKmeansMomentsSize(int d, int64 nblocks)
{
	return mul_size(mul_size(sizeof(double), 2 + d), nblocks);
}

/* Bytes of the part "seeding". */
Size
CsKmeansSeedingSize(const KmeansFit *fit, int64 nblocks)
{
	return sizeof(double) * fit->capacity *
		((Size) PointsPerStart(fit) * fit->d + (Size) nblocks * Trials(fit->k));
}

/* A member's room for the distances of one block to a start's points. */
typedef struct Seeder
{
	const KmeansFit *fit;
	const double *origin;
	KmeansRounded rounded;		/* the block in single precision */
	float	   *points;			/* the points in single precision */
	double	   *exact;			/* distances in double precision */
	float	   *distance;		/* [point][CS_BLOCK_ROWS] */
} Seeder;

static void
InitSeeder(Seeder *seeder, CsArena *arena, const KmeansFit *fit)
{
	Size		npoints = PointsPerStart(fit);

	seeder->fit = fit;
	seeder->origin = KmeansPart(arena, fit, fit->origin);
	seeder->rounded = (KmeansRounded) {0};
	seeder->points = palloc(sizeof(float) * npoints * fit->d);
	seeder->exact = palloc(sizeof(double) * npoints * CS_BLOCK_ROWS);
	seeder->distance = palloc(sizeof(float) * npoints * CS_BLOCK_ROWS);
}

static void
FreeSeeder(Seeder *seeder)
{
	if (seeder->rounded.own != NULL)
		pfree(seeder->rounded.own);
	pfree(seeder->points);
	pfree(seeder->exact);
	pfree(seeder->distance);
}

/* The next block that distances are wanted of. */
static void
TakeBlock(Seeder *seeder, CsArena *arena, int64 block)
{
	if (seeder->fit->rounded)
		CsKmeansRoundBlock(arena, seeder->fit, block, &seeder->rounded);
}

/* Squared distances of the block's rows to n points, times the squared scale. */
static void
PointDistances(Seeder *seeder, int nrows, const double *x, int n, const double *points)
{
	const KmeansFit *fit = seeder->fit;
	int			d = fit->d,
				padded = CS_PAD_ROWS(nrows);
	double		scale = fit->scale * fit->scale;

	if (fit->rounded)
	{
		for (int i = 0; i < n * d; i++)
			seeder->points[i] = (float) ((points[i] - seeder->origin[i % d]) * fit->scale);
		for (int i = 0; i < n; i++)
			CsRoundedDistances(d, nrows, seeder->rounded.values, seeder->points + (Size) i * d,
							   seeder->distance + (Size) i * CS_BLOCK_ROWS);
		return;
	}
	CsSquaredDistances(d, nrows, x, CS_BLOCK_ROWS, n, points, seeder->exact);
	for (int i = 0; i < n; i++)
		for (int r = 0; r < nrows; r++)
			seeder->distance[(Size) i * CS_BLOCK_ROWS + r] =
				(float) (seeder->exact[(Size) i * padded + r] * scale);
}

/* Lower the rows' distances by a centre's, or set them in the first pass. */
CS_CLONES static void
LowerDistances(int nrows, const float *distance, bool first, float *nearest)
{
	for (int r = 0; r < nrows; r++)
	{
		float		before = first ? FLT_MAX : nearest[r];

		nearest[r] = distance[r] < before ? distance[r] : before;
	}
}

/* One pass over a lane: lower by the last winner, then add up what each candidate would give. */
void
CsKmeansSeedTask(CsTeam *team, const void *args, int lane)
{
	const KmeansFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	void	   *seeding = KmeansPart(arena, fit, fit->seeding);
	float	   *nearest = KmeansPart(arena, fit, fit->distances);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	Size		padded_rows = (Size) CsMatrixBlocks(m) * CS_BLOCK_ROWS;
	Seeder		seeder;

	if (CsLaneStart(m, lane) == CsLaneStart(m, lane + 1))
		return;					/* most lanes of few rows */
	InitSeeder(&seeder, arena, fit);
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		double	   *potential = PotentialsOf(fit, seeding, b);
		int			nrows = CsMatrixBlockRows(m, b);
		const double *w = weights ? weights + b * CS_BLOCK_ROWS : NULL;

		TakeBlock(&seeder, arena, b);
		for (int start = 0; start < fit->starts; start++)
		{
			float	   *near = nearest + start * padded_rows + (Size) b * CS_BLOCK_ROWS;

			CHECK_FOR_INTERRUPTS();
			for (int r = 0; r < nrows; r += PG_CACHE_LINE_SIZE / 2 / sizeof(float))
				__builtin_prefetch(near + r, 1);
			PointDistances(&seeder, nrows, x, 1 + fit->trials, PointsOf(fit, seeding, start));
			LowerDistances(nrows, seeder.distance, fit->first, near);
			if (fit->trials == 0)
				*potential++ = CsKmeansPotential(nrows, near, near, w);
			for (int t = 0; t < fit->trials; t++)
				*potential++ = CsKmeansPotential(nrows, near, seeder.distance + (Size) (1 + t) * CS_BLOCK_ROWS, w);
		}
	}
}

/* Sum over blocks of what one trial of one start came to; per_block as in PotentialsOf. */
static double
TotalPotential(const KmeansFit *fit, void *seeding, int64 nblocks, int start, int trial)
{
	int			per_start = Max(1, fit->trials);
	double		total = 0;

	for (int64 b = 0; b < nblocks; b++)
		total += PotentialsOf(fit, seeding, b)[start * per_start + trial];
	return total;
}

/* Copy a row out of its block. */
static void
CopyRow(const CsMatrix *m, CsArena *arena, int64 row, double *point)
{
	const double *x = CsMatrixBlock(m, arena, row / CS_BLOCK_ROWS);

	for (int j = 0; j < m->ncolumns; j++)
		point[j] = x[(Size) j * CS_BLOCK_ROWS + row % CS_BLOCK_ROWS];
}

/*
 * The row at which the running sum of weight times distance passes "target" within a block;
 * rounding may leave it short, then it is the last row that counts.
 */
static int
PickInBlock(int nrows, const float *near, const double *weights, double target)
{
	int			last = 0;

	for (int r = 0; r < nrows; r++)
	{
		double		share = weights ? weights[r] * near[r] : near[r];

		if (share <= 0)
			continue;
		last = r;
		target -= share;
		if (target < 0)
			break;
	}
	return last;
}

/*
 * A block's distances once "winner" (trial number of the last pass) is a centre of the start; before any pass it has
 * its first centre alone, in the place of point 0.  OUT near.
 */
static void
NearestInBlock(CsArena *arena, const KmeansFit *fit, int64 block, int start, int winner, float *near)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	const float *nearest = KmeansPart(arena, fit, fit->distances);
	const double *x = CsMatrixBlock(m, arena, block),
			   *point = PointsOf(fit, KmeansPart(arena, fit, fit->seeding), start);
	int			nrows = CsMatrixBlockRows(m, block);
	Seeder		seeder;

	nearest += ((Size) start * CsMatrixBlocks(m) + block) * CS_BLOCK_ROWS;
	if (!fit->first)
		memcpy(near, nearest, sizeof(float) * nrows);
	if (!fit->first && fit->trials == 0)
		return;
	if (!fit->first)
		point += (Size) (1 + winner) * fit->d;
	InitSeeder(&seeder, arena, fit);
	TakeBlock(&seeder, arena, block);
	PointDistances(&seeder, nrows, x, 1, point);
	LowerDistances(nrows, seeder.distance, fit->first, near);
	FreeSeeder(&seeder);
}

/*
 * Draw a row with probability proportional to weight times distance, after "winner" (trial number
 * of the last pass) has become a centre of the start.  near[CS_BLOCK_ROWS] has the distances of block
 * *held, -1 for none, and is kept from draw to draw.
 */
static int64
DrawRow(CsArena *arena, const KmeansFit *fit, int start, int winner, double total, CsRng *rng, int64 *held,
		float *near)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	void	   *seeding = KmeansPart(arena, fit, fit->seeding);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	int64		block = 0;
	int			per_start = Max(1, fit->trials);
	double		target = CsRngDouble(rng) * total;

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		double		share = PotentialsOf(fit, seeding, b)[start * per_start + winner];

		if (share <= 0)
			continue;
		block = b;
		if (target < share)
			break;
		target -= share;
	}
	if (*held != block)
		NearestInBlock(arena, fit, block, start, winner, near);
	*held = block;
	return block * CS_BLOCK_ROWS +
		PickInBlock(CsMatrixBlockRows(m, block), near, weights ? weights + block * CS_BLOCK_ROWS : NULL,
					target);
}

/* A row drawn by weight alone: the first centre of a start. */
static int64
DrawFirstRow(CsTeam *team, const KmeansFit *fit, CsRng *rng)
{
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	const double *weights;
	double		total = 0;

	if (fit->weights < 0)
		return (int64) CsRngBelow(rng, (uint64) m->nrows);
	weights = CsArenaAddress(arena, fit->weights);
	for (int64 i = 0; i < m->nrows; i++)
		total += weights[i];
	return CsPickByWeight(weights, m->nrows, CsRngDouble(rng) * total);
}

/* Of the last pass' trials, the one with the least potential; ties to the first. */
static int
BestTrial(const KmeansFit *fit, void *seeding, int64 nblocks, int start, double *potential)
{
	int			best = 0;

	*potential = TotalPotential(fit, seeding, nblocks, start, 0);
	for (int t = 1; t < fit->trials; t++)
	{
		double		now = TotalPotential(fit, seeding, nblocks, start, t);

		if (now < *potential)
		{
			*potential = now;
			best = t;
		}
	}
	return best;
}

/* Draw the candidates for a start's next centre; false when every row is a centre already. */
static bool
DrawCandidates(CsTeam *team, const KmeansFit *fit, int start, CsRng *rng)
{
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	void	   *seeding = KmeansPart(arena, fit, fit->seeding);
	double	   *point = PointsOf(fit, seeding, start);
	int64		drawn[KMEANS_MAX_TRIALS];
	int			trials = Trials(fit->k);
	double		total;
	int			winner = BestTrial(fit, seeding, CsMatrixBlocks(m), start, &total);
	int64		held = -1;
	float		near[CS_BLOCK_ROWS];

	if (!(total > 0))
		return false;
	for (int t = 0; t < trials; t++)
		drawn[t] = DrawRow(arena, fit, start, winner, total, rng, &held, near);
	if (fit->trials > 0)
		memcpy(point, point + (Size) (1 + winner) * fit->d, sizeof(double) * fit->d);
	for (int t = 0; t < trials; t++)
		CopyRow(m, arena, drawn[t], point + (Size) (1 + t) * fit->d);
	return true;
}

/* Spread below this part of the values, squared, may be rounding of equal ones, which blocks' moments do not see. */
#define ROUNDING_SPREAD 1e-20

/* The sum of squares of a block's rows about a point, from its moments. */
static double
AboutPoint(const KmeansFit *fit, const double *moments, const double *point)
{
	double		squared = 0;

	for (int j = 0; j < fit->d; j++)
	{
		double		difference = moments[2 + j] - point[j];

		squared += difference * difference;
	}
	return moments[1] + moments[0] * squared;
}

/*
 * What first centres leave of each block, from the blocks' moments.  Returns false where only a pass can tell: rows
 * that single precision does not part, values that are too close for their size or too large to be squared.
 */
static bool
FirstPotentials(CsArena *arena, const KmeansFit *fit, int64 nblocks)
{
	void	   *seeding = KmeansPart(arena, fit, fit->seeding);
	const double *origin = KmeansPart(arena, fit, fit->origin);
	double	   *zero = palloc0(sizeof(double) * fit->d),
				spread = 0,
				size = 0,
				total = 0,
				scale = fit->scale * fit->scale;

	for (int64 b = 0; fit->rounded && b < nblocks; b++)
	{
		const double *moments = KmeansBlockMoments(fit, arena, b);
		double	   *potential = PotentialsOf(fit, seeding, b);

		spread += AboutPoint(fit, moments, origin);
		size += AboutPoint(fit, moments, zero);
		for (int s = 0; s < fit->starts; s++)
		{
			potential[s] = AboutPoint(fit, moments, PointsOf(fit, seeding, s)) * scale;
			total += potential[s];
		}
	}
	pfree(zero);
	return spread > ROUNDING_SPREAD * size && isfinite(size) && total > 0 && isfinite(total);
}

/* Seed fit->starts starts as CsKmeansSeed does, by distances of one of the two precisions. */
static int
SeedStarts(CsTeam *team, KmeansFit *fit, uint64 seed, int first_start, double *centers)
{
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	void	   *seeding = KmeansPart(arena, fit, fit->seeding);
	Size		row = fit->d,
				all = row * fit->k;
	CsRng		rng[KMEANS_MAX_STARTS];
	int			k;
	bool		more = true;

	for (int s = 0; s < fit->starts; s++)
	{
		double	   *point = PointsOf(fit, seeding, s);

		CsRngSeed(&rng[s], seed, first_start + s);
		CopyRow(m, arena, DrawFirstRow(team, fit, &rng[s]), point);
		memcpy(centers + s * all, point, sizeof(double) * row);
	}
	fit->trials = 0;
	fit->first = true;
	for (k = 1; k < fit->k; k++)
	{
		if (k == 1 && !FirstPotentials(arena, fit, CsMatrixBlocks(m)))
		{
			CsTeamRun(team, CS_TASK(CsKmeansSeedTask), fit, sizeof(*fit), CS_LANES);
			fit->first = false;
		}
		for (int s = 0; s < fit->starts && more; s++)
			more = DrawCandidates(team, fit, s, &rng[s]);
		if (!more)
			break;
		fit->trials = Trials(fit->k);
		CsTeamRun(team, CS_TASK(CsKmeansSeedTask), fit, sizeof(*fit), CS_LANES);
		fit->first = false;
		for (int s = 0; s < fit->starts; s++)
		{
			double		total;
			int			winner = BestTrial(fit, seeding, CsMatrixBlocks(m), s, &total);

			memcpy(centers + s * all + k * row, PointsOf(fit, seeding, s) + (1 + winner) * row,
				   sizeof(double) * row);
		}
	}
	for (int s = 1; s < fit->starts; s++)
		memmove(centers + s * k * row, centers + s * all, sizeof(double) * k * row);
	return k;
}

/*
 * Seed fit->starts starts, numbered from first_start.  OUT centers[starts][k][d], with the k that
 * is returned: fewer than asked when there are fewer distinct rows.
 */
int
CsKmeansSeed(CsTeam *team, KmeansFit *fit, uint64 seed, int first_start, double *centers)
{
	int			k;

	fit->rounded = true;
	k = SeedStarts(team, fit, seed, first_start, centers);
	if (k == fit->k)
		return k;
	fit->rounded = false;
	return SeedStarts(team, fit, seed, first_start, centers);
}
