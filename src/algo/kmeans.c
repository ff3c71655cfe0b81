/*
 * kmeans.c
 *	  k-means by Lloyd's algorithm (Lloyd 1982), exact, with bounds that skip work.
 *
 * Conventions are scikit-learn's, so that the same start gives the same result: tol is relative
 * to the mean variance of the columns; an iteration assigns, then moves the centres; it stops when
 * no label changed, or when the centres' squared shift falls to the tolerance, whereupon the rows
 * are assigned once more; an empty cluster takes the row farthest from its centre.  The best of
 * n_init starts is the one of least inertia, computed directly from rows and centres.
 *
 * The leader runs this file; the passes over rows are tasks in the files kmeans_*.c, and what is
 * settled before any of them is in kmeans_plan.c.
 */
#include "custseg.h"

#include <math.h>

#include "algo/kmeans.h"
#include "algo/kmeans_exact.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"

/*
 * Blocks are kept in single precision once fewer than one of so many rows change their label in a pass, and in
 * integers from the first one on.
 */
#define KEEPING_CHANGES 16

/*
 * With rows in integers, blocks of so many bytes are fetched before their turn while one of so many rows changes its
 * label in a pass: far fewer are fetched one by one.
 */
#define FETCHED_BYTES ((Size) 256 * 1024)
#define FETCHING_CHANGES 24

/* One start, as the leader keeps it. */
typedef struct Start
{
	KmeansCenters *centers;		/* in their area */
	double	   *weight;			/* of each cluster, from pass to pass */
	double	   *sum;			/* sum[c * d + j], from pass to pass */
	double		inertia;
	bool		measured;		/* the inertia is that of the last pass */
	int			iterations;
	bool		converged;
	bool		last;			/* the next pass only assigns */
} Start;

/* The leader's own state of a fit. */
typedef struct Leader
{
	CsTeam	   *team;
	KmeansFit	fit;
	const KmeansOptions *options;
	double		tolerance;		/* absolute, on the sum of squared shifts */
	double		total;			/* inertia of one segment */
	Start		start[KMEANS_MAX_STARTS];
	double	   *moved_weight;	/* a start's sums after empty clusters took rows */
	double	   *moved_sum;
	double	   *previous;		/* a start's centres before the update */
} Leader;

static KmeansLane *
LaneOf(Leader *leader, int lane, int start)
{
	return KmeansLaneOf(&leader->fit, KmeansPart(CsTeamArena(leader->team), &leader->fit, leader->fit.lanes),
						lane, start);
}

static KmeansLabel *
LabelsOf(Leader *leader, int start)
{
	CsArena    *arena = CsTeamArena(leader->team);

	return KmeansLabelsOf(&leader->fit, KmeansPart(arena, &leader->fit, leader->fit.matrix),
						  KmeansPart(arena, &leader->fit, leader->fit.labels), start);
}

/* Sum of squares about the mean, over rows and columns, weighted or not.  OUT mean[d]. */
static double
SumOfSquares(Leader *leader, int weights, double *mean)
{
	KmeansFit	fit = leader->fit;
	KmeansMoments moments = {.mean = mean};

	memset(mean, 0, sizeof(double) * fit.d);
	fit.weights = weights;
	CsKmeansAddMoments(leader->team, &fit, &moments);
	return moments.total;
}

/* Add up what the lanes report of a start; returns how many rows changed their label. */
static int64
ReduceLanes(Leader *leader, int number)
{
	Start	   *start = &leader->start[number];
	int			k = leader->fit.k;
	Size		kd = (Size) k * leader->fit.d;
	int64		changed = 0;

	start->inertia = 0;
	for (int l = 0; l < CS_LANES; l++)
	{
		const KmeansLane *lane = LaneOf(leader, l, number);

		start->inertia += lane->inertia;
		if (lane->changed == 0)
			continue;
		changed += lane->changed;
		for (int c = 0; c < k; c++)
			start->weight[c] += lane->value[c];
		for (Size i = 0; i < kd; i++)
			start->sum[i] += lane->value[k + i];
	}
	return changed;
}

/*
 * The rows farthest from their own centre, descending, ties to the lower row.  OUT row[n],
 * distance[n], n entries or as many as there are.  Returns how many.
 */
static int
FarthestRows(Leader *leader, int number, int n, int64 *row, double *distance)
{
	CsArena    *arena = CsTeamArena(leader->team);
	const CsMatrix *m = KmeansPart(arena, &leader->fit, leader->fit.matrix);
	const KmeansLabel *labels = LabelsOf(leader, number);
	int			found = 0;
	double		own[CS_BLOCK_ROWS];

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		CsKmeansOwnDistances(leader->fit.d, nrows, CsMatrixBlock(m, arena, b),
							 leader->start[number].centers->value, labels + b * CS_BLOCK_ROWS,
							 own);
		for (int r = 0; r < nrows; r++)
		{
			int			at;

			if (found == n && !(own[r] > distance[n - 1]))
				continue;
			at = found < n ? found++ : n - 1;
			for (; at > 0 && own[r] > distance[at - 1]; at--)
			{
				distance[at] = distance[at - 1];
				row[at] = row[at - 1];
			}
			distance[at] = own[r];
			row[at] = b * CS_BLOCK_ROWS + r;
		}
	}
	return found;
}

/*
 * Give each empty cluster the row that lies farthest from its own centre; but not the only row of
 * another cluster, which would then be empty in its place.
 */
static void
RelocateEmpty(Leader *leader, int number, int nempty)
{
	CsArena    *arena = CsTeamArena(leader->team);
	const CsMatrix *m = KmeansPart(arena, &leader->fit, leader->fit.matrix);
	const KmeansLabel *labels = LabelsOf(leader, number);
	const double *weights = leader->fit.weights < 0 ? NULL :
		CsArenaAddress(arena, leader->fit.weights);
	int			k = leader->fit.k,
				d = leader->fit.d,
				c = 0;
	int64	   *row = palloc(sizeof(int64) * (nempty + k));
	double	   *distance = palloc(sizeof(double) * (nempty + k));
	int			found = FarthestRows(leader, number, nempty + k, row, distance);

	/* were the largest distance 0, there would be nothing to gain */
	for (int i = 0; i < found && distance[0] > 0; i++)
	{
		int64		r = row[i];
		int32		from = labels[r];
		double		w = weights ? weights[r] : 1;
		const double *x = CsMatrixBlock(m, arena, r / CS_BLOCK_ROWS);

		while (c < k && leader->start[number].weight[c] > 0)
			c++;
		if (c == k)
			break;
		if (!(leader->moved_weight[from] > w))
			continue;
		leader->moved_weight[c] = w;
		leader->moved_weight[from] -= w;
		for (int j = 0; j < d; j++)
		{
			double		value = w * x[(Size) j * CS_BLOCK_ROWS + r % CS_BLOCK_ROWS];

			leader->moved_sum[(Size) c * d + j] = value;
			leader->moved_sum[(Size) from * d + j] -= value;
		}
		c++;
	}
	pfree(row);
	pfree(distance);
}

/* Centres become the means of their rows; one that is still empty joins the heaviest. */
static void
AverageCenters(Leader *leader, double *center)
{
	int			k = leader->fit.k,
				d = leader->fit.d,
				heaviest = 0;

	for (int c = 1; c < k; c++)
		if (leader->moved_weight[c] > leader->moved_weight[heaviest])
			heaviest = c;
	for (int c = 0; c < k; c++)
	{
		int			from = leader->moved_weight[c] > 0 ? c : heaviest;

		for (int j = 0; j < d; j++)
			center[(Size) c * d + j] = leader->moved_sum[(Size) from * d + j] /
				leader->moved_weight[from];
	}
}

/* How far each centre moved; returns the sum of squared shifts. */
static double
MeasureDrift(Leader *leader, KmeansCenters *centers)
{
	int			k = leader->fit.k,
				d = leader->fit.d;
	double	   *drift = KmeansDrift(centers, k, d);
	double		shift = 0;

	centers->farthest = 0;
	centers->largest = centers->second = 0;
	for (int c = 0; c < k; c++)
	{
		double		squared = 0;

		for (int j = 0; j < d; j++)
		{
			double		difference = centers->value[(Size) c * d + j] -
				leader->previous[(Size) c * d + j];

			squared += difference * difference;
		}
		shift += squared;
		drift[c] = sqrt(squared) * leader->fit.scale;
		if (drift[c] > centers->largest)
		{
			centers->second = centers->largest;
			centers->largest = drift[c];
			centers->farthest = c;
		}
		else
			centers->second = Max(centers->second, drift[c]);
	}
	return shift;
}

/* Move a start's centres after a pass; returns the sum of squared shifts. */
static double
UpdateCenters(Leader *leader, int number)
{
	Start	   *start = &leader->start[number];
	int			k = leader->fit.k,
				nempty = 0;
	Size		size = sizeof(double) * k * leader->fit.d;

	memcpy(leader->moved_weight, start->weight, sizeof(double) * k);
	memcpy(leader->moved_sum, start->sum, size);
	for (int c = 0; c < k; c++)
		nempty += !(start->weight[c] > 0);
	if (nempty > 0)
		RelocateEmpty(leader, number, nempty);
	memcpy(leader->previous, start->centers->value, size);
	AverageCenters(leader, start->centers->value);
	return MeasureDrift(leader, start->centers);
}

/* Margins are kept once so many times the rows that changed their label in a pass are few: about as many will look. */
#define LOOKING_BY_CHANGES 24

/* Margins are in units of which the centres of that pass moved so many, */
#define UNITS_MOVED 16

/* and in smaller ones once they move fewer, or in the same from 0 once they have moved more. */
#define FEWEST_UNITS 6
#define MOST_UNITS 128

/* A unit that floats hold well, and a scale by which drifts do not vanish when they are squared. */
#define GOOD_UNIT(unit) ((unit) > 1e-20 && (unit) < 1e20)
#define GOOD_SCALE(scale) ((scale) > 1e-100 && (scale) < 1e100)

/*
 * Keep margins from the next pass on, or bring them up to date with how far the centres moved: at most by as much
 * as the nearest one can have gone away from a row while another came nearer.
 */
static void
AdvanceMargins(Leader *leader, KmeansCenters *centers, bool few_changes)
{
	KmeansMargins *margins = &centers->margins;
	double		step = (centers->largest + centers->second) * (1 + 1e-6);

	margins->renew = false;
	margins->known = margins->kept;
	if (leader->fit.k < 2 || leader->fit.few_rows == 0 || !(few_changes || margins->kept))
		return;
	margins->moved += step;
	if (!margins->kept || !(margins->moved < margins->unit * (PG_UINT8_MAX - 1)))
	{
		/* all rows look and have margins afterwards */
		margins->unit = step / UNITS_MOVED;
		margins->kept = GOOD_UNIT(margins->unit) && GOOD_SCALE(leader->fit.scale);
		margins->known = false;
		margins->moved = 0;
	}
	else
		margins->limit = (uint8) (margins->moved / margins->unit) + 1;
	if (margins->known && (margins->limit > MOST_UNITS || step < margins->unit * FEWEST_UNITS))
	{
		margins->renew = true;
		for (margins->shift = 0; margins->shift < 8 && step < margins->unit * UNITS_MOVED / 2; margins->shift++)
			margins->unit /= 2;
		margins->moved = 0;
		margins->kept = GOOD_UNIT(margins->unit);
	}
	margins->units.per_unit = (float) (1 / margins->unit * (1 - 1e-6));
	margins->units.offset = (float) (margins->moved / margins->unit * (1 - 1e-6));
}

/* Take in a start's pass, and add to *sum how many rows changed their label; returns whether it needs another. */
static bool
AdvanceStart(Leader *leader, int number, int64 nrows, int64 *sum)
{
	Start	   *start = &leader->start[number];
	int64		changed = ReduceLanes(leader, number);
	double		shift;

	*sum += changed;
	start->measured = (leader->fit.measure & (1U << number)) != 0;
	if (start->last)
		return false;
	shift = UpdateCenters(leader, number);
	AdvanceMargins(leader, start->centers, (double) changed * LOOKING_BY_CHANGES < leader->fit.few_rows * nrows);
	start->measured = false;
	start->iterations++;
	start->converged = changed == 0 || shift <= leader->tolerance;

	/* labels that did not change belong to the centres; otherwise they are assigned once more */
	start->last = start->converged || start->iterations == leader->options->max_iter;
	return changed != 0;
}

/* Inertia of the starts whose last pass did not bring it. */
static void
MeasureInertia(Leader *leader)
{
	KmeansFit  *fit = &leader->fit;

	fit->active = 0;
	for (int s = 0; s < fit->starts; s++)
		if (!leader->start[s].measured)
			fit->active |= 1U << s;
	if (fit->active == 0)
		return;
	CsTeamRun(leader->team, CS_TASK(CsKmeansInertiaTask), fit, sizeof(*fit), CS_LANES);
	for (int s = 0; s < fit->starts; s++)
	{
		Start	   *start = &leader->start[s];

		if (start->measured)
			continue;
		start->inertia = 0;
		for (int l = 0; l < CS_LANES; l++)
			start->inertia += LaneOf(leader, l, s)->inertia;
	}
}

/* Run the starts from the given centres to their ends. */
static void
RunPasses(Leader *leader, const double *centers, int first, int of)
{
	KmeansFit  *fit = &leader->fit;
	Size		kd = (Size) fit->k * fit->d;
	int64		nrows = ((CsMatrix *) KmeansPart(CsTeamArena(leader->team), fit, fit->matrix))->nrows,
				changed;

	for (int s = 0; s < fit->starts; s++)
	{
		Start	   *start = &leader->start[s];

		memcpy(start->centers->value, centers + s * kd, sizeof(double) * kd);
		memset(&start->centers->margins, 0, sizeof(KmeansMargins));
		memset(start->weight, 0, sizeof(double) * fit->k);
		memset(start->sum, 0, sizeof(double) * kd);
		start->iterations = 0;
		start->converged = start->last = false;
	}
	fit->first = true;
	fit->active = (1U << fit->starts) - 1;
	if (fit->shorts)
		fit->keeping_blocks = fit->kept_blocks;
	for (int pass = 1; fit->active != 0; pass++)
	{
		fit->measure = 0;
		for (int s = 0; s < fit->starts; s++)
			if (fit->method == KMEANS_LLOYD && leader->start[s].last)
				fit->measure |= 1U << s;
		CsProgressFit(first + 1, of, pass);
		CsTeamRun(leader->team, CS_TASK(CsKmeansAssignTask), fit, sizeof(*fit), CS_LANES);
		fit->first = false;
		fit->rounded_blocks = fit->keeping_blocks;
		changed = 0;
		for (int s = 0; s < fit->starts; s++)
			if ((fit->active & (1U << s)) && !AdvanceStart(leader, s, nrows, &changed))
				fit->active &= ~(1U << s);
		if (changed < nrows / KEEPING_CHANGES)
			fit->keeping_blocks = fit->kept_blocks;
		fit->fetch_blocks = fit->shorts && changed > nrows / FETCHING_CHANGES &&
			sizeof(double) * CS_BLOCK_ROWS * fit->d <= FETCHED_BYTES;
	}
	MeasureInertia(leader);
}

/* Copy labels to the wider type of the result. */
void
CsKmeansWidenLabels(int64 nrows, const KmeansLabel *labels, int32 *result)
{
	for (int64 i = 0; i < nrows; i++)
		result[i] = labels[i];
}

/* Run starts first, first + 1, ... and keep the best of all so far. */
static void
RunStarts(Leader *leader, const double *centers, int first, int of, double *best,
		  CsFitOutput *out)
{
	CsArena    *arena = CsTeamArena(leader->team);
	const CsMatrix *m = KmeansPart(arena, &leader->fit, leader->fit.matrix);
	int			found = -1;

	CsProgressPhase(CS_PHASE_ITERATING);
	RunPasses(leader, centers, first, of);
	for (int s = 0; s < leader->fit.starts; s++)
	{
		const Start *start = &leader->start[s];

		if (first + s > 0 && !(start->inertia < out->inertia))
			continue;
		out->inertia = start->inertia;
		out->iterations = start->iterations;
		out->converged = start->converged;
		found = s;
	}
	if (found < 0)
		return;
	memcpy(best, leader->start[found].centers->value, sizeof(double) * leader->fit.k * leader->fit.d);
	CsKmeansWidenLabels(m->nrows, LabelsOf(leader, found), CsArenaAddress(arena, out->labels));
}

/*
 * Count rows by segment and close the gaps of segments that have none.  Fills k, counts and
 * centers of the output.
 */
static void
FinishOutput(CsArena *arena, const CsMatrix *m, double *centers, int k, CsFitOutput *out)
{
	int32	   *labels = CsArenaAddress(arena, out->labels);
	int64	   *counts = palloc0(sizeof(int64) * k);
	int		   *number = palloc(sizeof(int) * k);
	int			kept = 0,
				d = m->ncolumns;

	for (int64 i = 0; i < m->nrows; i++)
		counts[labels[i]]++;
	for (int c = 0; c < k; c++)
	{
		if (counts[c] == 0)
			continue;
		memmove(centers + (Size) kept * d, centers + (Size) c * d, sizeof(double) * d);
		counts[kept] = counts[c];
		number[c] = kept++;
	}
	if (kept < k)
		for (int64 i = 0; i < m->nrows; i++)
			labels[i] = number[labels[i]];
	out->k = kept;
	out->counts = counts;
	out->centers = centers;
}

/*
 * The area of a fit, and the leader's tables of the starts.  One area holds it all, for making,
 * attaching and freeing each took longer than an iteration over a small table.
 */
static void
AllocateArea(Leader *leader, CsArena *arena, const CsMatrix *m)
{
	KmeansFit  *fit = &leader->fit;
	Size		kd = (Size) fit->k * fit->d;
	int64		nblocks = CsMatrixBlocks(m);
	bool		seeds = leader->options->init.rows == 0;
	bool		few = CsKmeansFewBlocks(nblocks);
	Size		total = 0;

	fit->matrix = KmeansTakePart(&total, sizeof(CsMatrix));
	fit->centers = KmeansTakePart(&total, mul_size(fit->centers_size, fit->capacity));
	fit->lanes = KmeansTakePart(&total, mul_size(fit->lane_size, CS_LANES * fit->capacity));
	fit->labels = KmeansTakePart(&total, CsKmeansLabelsSize(fit, nblocks));
	fit->bounds = KmeansTakePart(&total,
								 mul_size(CsKmeansBoundsSize(fit, nblocks), fit->capacity));
	fit->distances = fit->labels;
	if (!few)
		fit->kept = KmeansTakePart(&total, CsKmeansKeptSize(fit, fit->kept_blocks));
	if (seeds)
		total = Max(total, add_size(fit->distances,
									CACHELINEALIGN(CsKmeansDistancesSize(fit, nblocks))));
	fit->origin = KmeansTakePart(&total, sizeof(double) * fit->d);
	if (few)
		fit->kept = KmeansTakePart(&total, CsKmeansKeptSize(fit, fit->kept_blocks));
	fit->seeding = KmeansTakePart(&total, seeds ? CsKmeansSeedingSize(fit, nblocks) : 0);
	fit->moments = seeds ? KmeansTakePart(&total, CsKmeansMomentsSize(fit->d, nblocks)) : 0;
	fit->area = CsArenaAlloc(arena, total);
	memcpy(KmeansPart(arena, fit, fit->matrix), m, sizeof(CsMatrix));
	for (int s = 0; s < fit->capacity; s++)
	{
		Start	   *start = &leader->start[s];

		start->centers = KmeansCentersOf(fit, KmeansPart(arena, fit, fit->centers), s);
		start->weight = palloc(sizeof(double) * fit->k);
		start->sum = palloc_extended(sizeof(double) * kd, MCXT_ALLOC_HUGE);
	}
	leader->moved_weight = palloc(sizeof(double) * fit->k);
	leader->moved_sum = palloc_extended(sizeof(double) * kd, MCXT_ALLOC_HUGE);
	leader->previous = palloc_extended(sizeof(double) * kd, MCXT_ALLOC_HUGE);
}

/* Free the leader's tables: fits of many numbers of segments follow each other in one context. */
static void
FreeTables(Leader *leader)
{
	for (int s = 0; s < leader->fit.capacity; s++)
	{
		pfree(leader->start[s].weight);
		pfree(leader->start[s].sum);
	}
	pfree(leader->moved_weight);
	pfree(leader->moved_sum);
	pfree(leader->previous);
}

/* Make the area and constants of a fit. */
static void
InitLeader(Leader *leader, const CsFitInput *in)
{
	CsArena    *arena = CsTeamArena(in->team);
	KmeansFit  *fit = &leader->fit;
	const CsMatrix *m = in->matrix;
	double		variance;

	leader->team = in->team;
	leader->options = in->options;
	fit->k = in->k;
	fit->d = m->ncolumns;
	fit->method = CsKmeansMethod(in->options);
	fit->weights = in->weights;
	fit->lane_size = CsKmeansLaneSize(fit->k, fit->d);
	fit->centers_size = MAXALIGN(offsetof(KmeansCenters, value) +
								 sizeof(double) * fit->k * ((Size) fit->d + 1));
	fit->few_rows = CsKmeansFewRows(fit->method, fit->k, fit->d);
	CsKmeansPlan(fit, leader->options, CsMatrixBlocks(m), Min(in->memory_left, CsArenaLeft(arena)));
	AllocateArea(leader, arena, m);

	fit->scale = 1;
	leader->total = SumOfSquares(leader, -1, KmeansPart(arena, fit, fit->origin));
	variance = leader->total / m->nrows / fit->d;
	leader->tolerance = leader->options->tol * variance;
	if (variance > 0 && isfinite(1 / sqrt(variance)))
		fit->scale = 1 / sqrt(variance);
	CsKmeansRoundFew(arena, fit);
	if (in->weights >= 0)
		leader->total = SumOfSquares(leader, in->weights, palloc(sizeof(double) * fit->d));
}

/* Before starts are seeded, whose distances lie where blocks are kept, unless those are few. */
static void
ForgetRounded(Leader *leader)
{
	KmeansFit  *fit = &leader->fit;

	if (!CsKmeansFewBlocks(CsMatrixBlocks(KmeansPart(CsTeamArena(leader->team), fit, fit->matrix))))
		fit->keeping_blocks = fit->rounded_blocks = 0;
}

/* Fit k centres, the best of several starts, as CsAlgorithm.fit. */
static void
KmeansFitModel(const CsFitInput *in, CsFitOutput *out)
{
	CsArena    *arena = CsTeamArena(in->team);
	const KmeansOptions *o = in->options;
	Leader		leader = {0};
	Size		kd = (Size) in->k * in->matrix->ncolumns;
	double	   *best = palloc_extended(sizeof(double) * kd, MCXT_ALLOC_HUGE);

	InitLeader(&leader, in);
	memset(out, 0, sizeof(*out));
	out->labels = CsArenaAlloc(arena, mul_size(sizeof(int32) * CS_BLOCK_ROWS,
											   CsMatrixBlocks(in->matrix)));
	leader.fit.starts = 1;
	if (o->init.rows > 0)
		RunStarts(&leader, o->init.values, 0, 1, best, out);
	else
	{
		int			capacity = leader.fit.capacity;
		double	   *centers = palloc_extended(sizeof(double) * kd * capacity, MCXT_ALLOC_HUGE);

		for (int first = 0; first < o->n_init; first += capacity)
		{
			leader.fit.starts = Min(capacity, o->n_init - first);
			ForgetRounded(&leader);
			CsProgressPhase(CS_PHASE_SEEDING);
			leader.fit.k = CsKmeansSeed(in->team, &leader.fit, (uint64) o->common.seed, first,
										centers);
			RunStarts(&leader, centers, first, o->n_init, best, out);
		}
		pfree(centers);
	}
	out->total = leader.total;
	FinishOutput(arena, in->matrix, best, leader.fit.k, out);
	FreeTables(&leader);
	CsArenaFree(arena, leader.fit.area);
}

/* See CsPasses. */
static void *
StartPasses(const CsPassesInput *in)
{
	const KmeansOptions *o = in->options;

	return CsExactKmeansStart(in, o->tol, o->max_iter, &o->init);
}

static const CsPasses kmeans_passes = {CS_EXACT_KMEANS(StartPasses)};

const CsAlgorithm CsKmeans = {
	.name = "kmeans",
	.segments = "round, about centers",
	.memory_text = "at least 8 bytes for each row, more by k; up to 40 % of the matrix, or 48 MB if that is more, where maintenance_work_mem has it",
	.keeps = "no rows",
	.time = "rows x columns x k for each iteration, less where bounds rule out centers",
	.options = CsKmeansOptions,
	.noptions = KMEANS_NOPTIONS,
	.options_size = sizeof(KmeansOptions),
	.max_segments = CS_MAX_SEGMENTS,
	.memory = CsKmeansMemory,
	.check = CsKmeansCheck,
	.fit = KmeansFitModel,
	.passes = &kmeans_passes,
};
