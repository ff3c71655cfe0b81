/*
 * kmeans_assign.c
 *	  One pass of k-means over the rows: every row to its nearest centre, skipping those whose
 *	  bounds prove that they stay.
 *
 * A row keeps an upper bound on the distance to its own centre and lower bounds on the others.
 * When centres move, bounds are loosened by how far; a row is looked at again only where its upper
 * bound reaches a lower one.  Two sets of lower bounds:
 *
 *	hamerly	one per row, on the nearest of all other centres (Hamerly 2010): little memory, best for
 *			few features, where looking costs little.
 *	elkan	one per row and centre (Elkan 2003, without the distances between centres): a row looks
 *			only at the centres that could win.  Best for many features.
 *
 * Bounds are float: upper ones rounded up and lower ones down by more than any error of a distance,
 * so a skipped row is one that plain Lloyd would have left where it is, ties included (the test is
 * strict, and a tie goes to the lower centre as always).
 *
 * The rows of a block that have to look are gathered into a small block of their own, so that the
 * kernel runs on full vectors.  Sums of clusters are kept from pass to pass: a lane reports only
 * what rows that changed their label take from one cluster and bring to another, row by row.
 *
 * A start's bounds of block b lie together: float upper[1024], then lower[1024] (hamerly) or
 * lower[k][1024] (elkan).
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/kmeans.h"
#include "math/math.h"
#include "miscadmin.h"

/* More than the error of any distance, relative; a float's own rounding is a quarter of it. */
#define SLACK 2.4e-7

/* Up to so many centres a whole block is added to their sums at once. */
#define BLOCKWISE_CENTERS 64

/* Part of a block's rows above which the whole block is looked at where it lies. */
#define DENSE(nrows) ((nrows) / 2)

/* From so many centres on it pays to make the distance to the own centre exact first. */
#define TIGHTEN_CENTERS 8

/* Everything that the steps of a pass need of one block, and a lane's buffers. */
typedef struct Pass
{
	const KmeansFit *fit;
	const KmeansCenters *centers;
	const double *drift;
	KmeansLane *lane;

	/* the block */
	const double *x;
	const double *weights;
	int			nrows;
	int32	   *label;
	float	   *upper;
	float	   *lower;

	/* buffers of a lane; sizes in rows */
	uint8	   *flags;			/* 0 or 1 for each row of the block */
	int		   *look;			/* rows of the block that have to look */
	int			nlook;
	double	   *gathered;		/* their values, d x padded */
	double	   *nearest;
	double	   *second;
	double	   *scratch;		/* k x CS_GROUP_ROWS */
	double	   *all;			/* elkan: every distance, k x padded */
	int32	   *found;			/* new labels, in the order of "look" */
	int		   *candidate;		/* elkan: centres that a row looks at */
	double	   *row;			/* one row's values */
} Pass;

static inline float
RoundUp(double x)
{
	return (float) (x * (1 + SLACK));
}

static inline float
RoundDown(double x)
{
	double		down = x * (1 - SLACK);

	return down > FLT_MAX ? FLT_MAX : (float) down;
}

/* Are eight flags all 0?  They seldom are not, so that loops pass over eight rows at once. */
static inline bool
NoneSet(const uint8 *flags)
{
	uint64		eight;

	memcpy(&eight, flags, sizeof(eight));
	return eight == 0;
}

static inline Size
BoundsPerBlock(KmeansMethod method, int k)
{
	switch (method)
	{
		case KMEANS_LLOYD:
			return 0;
		case KMEANS_ELKAN:
			return (Size) (1 + k) * CS_BLOCK_ROWS;
		default:
			return 2 * CS_BLOCK_ROWS;
	}
}

/* Bytes of bounds for a matrix. */
Size
CsKmeansBoundsSize(KmeansMethod method, int64 nblocks, int k)
{
	return sizeof(float) * BoundsPerBlock(method, k) * (Size) nblocks;
}

/*
 * OUT differs[i]: 1 where the label found for the i-th row in "look" is new, else 0; up to a
 * multiple of 8 rows.
 */
CS_CLONES static void
CompareLabels(int n, bool whole, const int *look, const int32 *label, const int32 *found,
			  uint8 *differs)
{
	if (whole)
		for (int i = 0; i < n; i++)
			differs[i] = label[i] != found[i];
	else
		for (int i = 0; i < n; i++)
			differs[i] = label[look[i]] != found[i];
	for (int i = n; i % 8 != 0; i++)
		differs[i] = 0;
}

/* Take one row from its cluster's sums (from >= 0) and bring it to another's. */
static inline __attribute__((always_inline)) void
MoveRow(Pass *pass, int row, int32 from, int32 to)
{
	int			k = pass->fit->k,
				d = pass->fit->d;
	double	   *restrict weight = pass->lane->value;
	double	   *restrict gain = weight + k + (Size) to * d;
	double	   *restrict value = pass->row;
	double		w = pass->weights ? pass->weights[row] : 1;

	for (int j = 0; j < d; j++)
		value[j] = pass->x[(Size) j * CS_BLOCK_ROWS + row];
	if (pass->weights)
		for (int j = 0; j < d; j++)
			value[j] *= w;
	weight[to] += w;
	for (int j = 0; j < d; j++)
		gain[j] += value[j];
	if (from >= 0)
	{
		double	   *restrict loss = weight + k + (Size) from * d;

		weight[from] -= w;
		for (int j = 0; j < d; j++)
			loss[j] -= value[j];
	}
	pass->lane->changed++;
}

/*
 * Add a whole block to the sums of its clusters.  A cluster at a time, its rows picked out by
 * weights that are 0 elsewhere, which takes k times the additions and yet, in full vectors, a
 * small part of the time of going row by row.  Eight running sums in a fixed order; beyond the
 * last row a block of the matrix is 0 up to its end, which adds nothing.
 */
CS_CLONES static void
AddBlock(int d, int nrows, const double *x, const double *weights, const int32 *label, int k,
		 double *weight, double *sum)
{
	double		pick[CS_BLOCK_ROWS];

	for (int c = 0; c < k; c++)
	{
		double		total = 0;

		for (int r = 0; r < nrows; r++)
			pick[r] = label[r] != c ? 0 : weights ? weights[r] : 1;
		for (int r = nrows; r % 8 != 0; r++)
			pick[r] = 0;
		for (int r = 0; r < nrows; r++)
			total += pick[r];
		weight[c] += total;
		for (int j = 0; j < d; j++)
		{
			const double *column = x + (Size) j * CS_BLOCK_ROWS;
			double		part[8] = {0};

			for (int r = 0; r < nrows; r += 8)
				for (int i = 0; i < 8; i++)
					part[i] += pick[r + i] * column[r + i];
			sum[(Size) c * d + j] += ((part[0] + part[1]) + (part[2] + part[3])) +
				((part[4] + part[5]) + (part[6] + part[7]));
		}
	}
}

/* The first pass: every row gets its label. */
static void
PlaceRows(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	double	   *weight = pass->lane->value;

	if (fit->k > BLOCKWISE_CENTERS)
		for (int r = 0; r < pass->nrows; r++)
			MoveRow(pass, r, -1, pass->found[r]);
	else
	{
		AddBlock(fit->d, pass->nrows, pass->x, pass->weights, pass->found, fit->k, weight,
				 weight + fit->k);
		pass->lane->changed += pass->nrows;
	}
	memcpy(pass->label, pass->found, sizeof(int32) * pass->nrows);
}

/*
 * Take over the labels found for the rows in "look": those that differ change their cluster.
 */
CS_CLONES static void
MoveRows(Pass *pass)
{
	if (pass->fit->first)
	{
		PlaceRows(pass);
		return;
	}
	CompareLabels(pass->nlook, pass->nlook == pass->nrows, pass->look, pass->label, pass->found,
				  pass->flags);
	for (int strip = 0; strip < pass->nlook; strip += 8)
	{
		if (NoneSet(pass->flags + strip))
			continue;
		for (int i = strip; i < strip + 8; i++)
		{
			int			row;

			if (!pass->flags[i])
				continue;
			row = pass->look[i];
			MoveRow(pass, row, pass->label[row], pass->found[i]);
			pass->label[row] = pass->found[i];
		}
	}
}

/* Copy the values of the rows in "look" into a block of their own. */
static void
GatherRows(Pass *pass)
{
	int			padded = CS_PAD_ROWS(pass->nlook);

	for (int j = 0; j < pass->fit->d; j++)
	{
		const double *column = pass->x + (Size) j * CS_BLOCK_ROWS;
		double	   *to = pass->gathered + (Size) j * padded;

		for (int i = 0; i < pass->nlook; i++)
			to[i] = column[pass->look[i]];
		for (int i = pass->nlook; i < padded; i++)
			to[i] = 0;
	}
}

/* All rows of the block have to look. */
static void
LookAtAll(Pass *pass)
{
	pass->nlook = pass->nrows;
	for (int r = 0; r < pass->nrows; r++)
		pass->look[r] = r;
}

/* Nearest and, where bounds want it, second nearest centre of the rows in "look", in their order. */
static void
FindNearest(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	bool		whole = pass->nlook == pass->nrows;

	if (!whole)
		GatherRows(pass);
	CsNearest(fit->d, pass->nlook, whole ? pass->x : pass->gathered,
			  whole ? CS_BLOCK_ROWS : CS_PAD_ROWS(pass->nlook), fit->k, pass->centers->value,
			  pass->scratch, pass->found, pass->nearest,
			  fit->method == KMEANS_LLOYD ? NULL : pass->second);
}

/*
 * Loosen a block's bounds by what the centres moved.  OUT must_look[r]: 1 where the upper bound
 * reaches the lower one, else 0; up to a multiple of 8 rows.
 */
CS_CLONES static void
LoosenBounds(int nrows, const int32 *label, const double *drift, int farthest, double largest,
			 double second, float *upper, float *lower, uint8 *must_look)
{
	for (int r = 0; r < nrows; r++)
	{
		double		other = label[r] == farthest ? second : largest;

		upper[r] = RoundUp(upper[r] + drift[label[r]]);
		lower[r] = RoundDown(lower[r] - other);
		must_look[r] = !(upper[r] < lower[r]);
	}
	for (int r = nrows; r % 8 != 0; r++)
		must_look[r] = 0;
}

/* List the rows that must look; in late passes they are few. */
static void
ListRows(Pass *pass)
{
	int			n = 0;

	for (int strip = 0; strip < pass->nrows; strip += 8)
	{
		if (NoneSet(pass->flags + strip))
			continue;
		for (int i = 0; i < 8; i++)
		{
			pass->look[n] = strip + i;
			n += pass->flags[strip + i];
		}
	}
	pass->nlook = n;
}

/* Make the upper bound of the rows in "look" exact, and drop those for which that is enough. */
static void
Tighten(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	int			n = 0;

	for (int i = 0; i < pass->nlook; i++)
	{
		int			row = pass->look[i];
		const double *center = pass->centers->value + (Size) pass->label[row] * fit->d;
		double		sum = 0;

		for (int j = 0; j < fit->d; j++)
		{
			double		difference = pass->x[(Size) j * CS_BLOCK_ROWS + row] - center[j];

			sum += difference * difference;
		}
		pass->upper[row] = RoundUp(sqrt(sum) * fit->scale);
		pass->look[n] = row;
		n += !(pass->upper[row] < pass->lower[row]);
	}
	pass->nlook = n;
}

/* Hamerly's pass over a block. */
static void
AssignHamerly(Pass *pass)
{
	const KmeansFit *fit = pass->fit;

	if (fit->first)
		LookAtAll(pass);
	else
	{
		LoosenBounds(pass->nrows, pass->label, pass->drift, pass->centers->farthest,
					 pass->centers->largest, pass->centers->second, pass->upper, pass->lower,
					 pass->flags);
		ListRows(pass);
		if (fit->k >= TIGHTEN_CENTERS)
			Tighten(pass);
		if (pass->nlook > DENSE(pass->nrows))
			LookAtAll(pass);
	}
	if (pass->nlook == 0)
		return;
	FindNearest(pass);
	for (int i = 0; i < pass->nlook; i++)
	{
		pass->upper[pass->look[i]] = RoundUp(sqrt(pass->nearest[i]) * fit->scale);
		pass->lower[pass->look[i]] = RoundDown(sqrt(pass->second[i]) * fit->scale);
	}
	MoveRows(pass);
}

/*
 * Loosen a block's bounds on every centre.  OUT must_look[r]: 1 where some other centre's bound is
 * reached, else 0; up to a multiple of 8 rows.
 */
CS_CLONES static void
LoosenAllBounds(int nrows, int k, const int32 *label, const double *drift, float *upper,
				float *lower, uint8 *must_look)
{
	memset(must_look, 0, CS_BLOCK_ROWS);
	for (int r = 0; r < nrows; r++)
		upper[r] = RoundUp(upper[r] + drift[label[r]]);
	for (int c = 0; c < k; c++)
	{
		float	   *bound = lower + (Size) c * CS_BLOCK_ROWS;

		for (int r = 0; r < nrows; r++)
		{
			bound[r] = RoundDown(bound[r] - drift[c]);
			must_look[r] |= !(upper[r] < bound[r]) & (label[r] != c);
		}
	}
}

/*
 * Squared distances of one row to some centres, four at a time for the processor's sake.  The sum
 * of each runs in order of the columns, as everywhere.
 */
static void
RowDistances(int d, const double *row, int n, const int *candidate, const double *centers,
			 double *distance)
{
	for (int i = 0; i < n; i += 4)
	{
		const double *center[4];
		double		sum[4] = {0};

		for (int t = 0; t < 4; t++)
			center[t] = centers + (Size) candidate[Min(i + t, n - 1)] * d;
		for (int j = 0; j < d; j++)
			for (int t = 0; t < 4; t++)
			{
				double		difference = row[j] - center[t][j];

				sum[t] += difference * difference;
			}
		for (int t = 0; t < 4 && i + t < n; t++)
			distance[i + t] = sum[t];
	}
}

/*
 * Let one row look at the centres that its bounds do not rule out; returns its nearest centre, ties
 * to the lower one, and makes the bounds of those it looked at exact.
 */
static int32
LookAround(Pass *pass, int row)
{
	const KmeansFit *fit = pass->fit;
	int32		own = pass->label[row];
	int32		nearest = own;
	double		least;
	int			n = 0;

	for (int j = 0; j < fit->d; j++)
		pass->gathered[j] = pass->x[(Size) j * CS_BLOCK_ROWS + row];
	RowDistances(fit->d, pass->gathered, 1, &own, pass->centers->value, &least);
	pass->upper[row] = RoundUp(sqrt(least) * fit->scale);
	for (int c = 0; c < fit->k; c++)
	{
		pass->candidate[n] = c;
		n += c != own && !(pass->upper[row] < pass->lower[(Size) c * CS_BLOCK_ROWS + row]);
	}
	RowDistances(fit->d, pass->gathered, n, pass->candidate, pass->centers->value, pass->scratch);
	for (int i = 0; i < n; i++)
	{
		int			c = pass->candidate[i];
		double		distance = pass->scratch[i];

		pass->lower[(Size) c * CS_BLOCK_ROWS + row] = RoundDown(sqrt(distance) * fit->scale);
		if (distance < least || (distance == least && c < nearest))
		{
			least = distance;
			nearest = c;
		}
	}
	if (nearest != own)
	{
		pass->lower[(Size) own * CS_BLOCK_ROWS + row] = RoundDown(pass->upper[row] / (1 + 2 * SLACK));
		pass->upper[row] = RoundUp(sqrt(least) * fit->scale);
	}
	return nearest;
}

/* Distances of all rows of a block to all centres: labels and every bound afresh. */
static void
LookEverywhere(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	int			padded = CS_PAD_ROWS(pass->nrows);

	LookAtAll(pass);
	CsSquaredDistances(fit->d, pass->nrows, pass->x, CS_BLOCK_ROWS, fit->k, pass->centers->value,
					   pass->all);
	for (int r = 0; r < pass->nrows; r++)
	{
		pass->found[r] = 0;
		pass->nearest[r] = pass->all[r];
	}
	for (int c = 0; c < fit->k; c++)
	{
		const double *distance = pass->all + (Size) c * padded;
		float	   *bound = pass->lower + (Size) c * CS_BLOCK_ROWS;

		for (int r = 0; r < pass->nrows; r++)
		{
			bool		closer = distance[r] < pass->nearest[r];

			pass->found[r] = closer ? c : pass->found[r];
			pass->nearest[r] = closer ? distance[r] : pass->nearest[r];
			bound[r] = RoundDown(sqrt(distance[r]) * fit->scale);
		}
	}
	for (int r = 0; r < pass->nrows; r++)
		pass->upper[r] = RoundUp(sqrt(pass->nearest[r]) * fit->scale);
}

/* Elkan's pass over a block. */
static void
AssignElkan(Pass *pass)
{
	const KmeansFit *fit = pass->fit;

	if (!fit->first)
	{
		LoosenAllBounds(pass->nrows, fit->k, pass->label, pass->drift, pass->upper, pass->lower,
						pass->flags);
		ListRows(pass);
	}
	if (fit->first || pass->nlook > DENSE(pass->nrows))
		LookEverywhere(pass);
	else
		for (int i = 0; i < pass->nlook; i++)
			pass->found[i] = LookAround(pass, pass->look[i]);
	MoveRows(pass);
}

/* Plain Lloyd: every row looks at every centre; the inertia comes with it. */
static void
AssignLloyd(Pass *pass)
{
	LookAtAll(pass);
	FindNearest(pass);
	pass->lane->inertia += CsKmeansBlockInertia(pass->nrows, pass->nearest, pass->weights);
	MoveRows(pass);
}

/* A lane's buffers, in the item's context. */
static void
InitPass(Pass *pass, const KmeansFit *fit)
{
	Size		d = fit->d;

	memset(pass, 0, sizeof(*pass));
	pass->fit = fit;
	pass->flags = palloc(CS_BLOCK_ROWS);
	pass->look = palloc(sizeof(int) * (CS_BLOCK_ROWS + 1));
	pass->gathered = palloc_extended(sizeof(double) * d * CS_BLOCK_ROWS, MCXT_ALLOC_HUGE);
	pass->nearest = palloc(sizeof(double) * CS_BLOCK_ROWS);
	pass->second = palloc(sizeof(double) * CS_BLOCK_ROWS);
	pass->scratch = palloc(sizeof(double) * fit->k * CS_GROUP_ROWS);
	if (fit->method == KMEANS_ELKAN)
		pass->all = palloc_extended(sizeof(double) * fit->k * CS_BLOCK_ROWS, MCXT_ALLOC_HUGE);
	pass->found = palloc(sizeof(int32) * CS_BLOCK_ROWS);
	pass->candidate = palloc(sizeof(int) * fit->k);
	pass->row = palloc(sizeof(double) * d);
}

/* One block for one start. */
static void
AssignBlock(Pass *pass)
{
	switch (pass->fit->method)
	{
		case KMEANS_LLOYD:
			AssignLloyd(pass);
			break;
		case KMEANS_ELKAN:
			AssignElkan(pass);
			break;
		default:
			AssignHamerly(pass);
	}
}

/* One pass over a lane, for all active starts. */
void
CsKmeansAssignTask(CsTeam *team, const void *args, int lane)
{
	const KmeansFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	void	   *labels = KmeansPart(arena, fit, fit->labels),
			   *centers = KmeansPart(arena, fit, fit->centers),
			   *lanes = KmeansPart(arena, fit, fit->lanes);
	float	   *bounds = KmeansPart(arena, fit, fit->bounds);
	Size		per_block = BoundsPerBlock(fit->method, fit->k);
	Pass		pass;

	InitPass(&pass, fit);
	for (int s = 0; s < fit->starts; s++)
		memset(KmeansLaneOf(fit, lanes, lane, s), 0, fit->lane_size);
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		pass.x = CsMatrixBlock(m, arena, b);
		pass.weights = weights ? weights + b * CS_BLOCK_ROWS : NULL;
		pass.nrows = CsMatrixBlockRows(m, b);
		for (int s = 0; s < fit->starts; s++)
		{
			if (!(fit->active & (1U << s)))
				continue;
			CHECK_FOR_INTERRUPTS();
			pass.centers = KmeansCentersOf(fit, centers, s);
			pass.drift = KmeansDrift(pass.centers, fit->k, fit->d);
			pass.lane = KmeansLaneOf(fit, lanes, lane, s);
			pass.label = KmeansLabelsOf(fit, m, labels, s) + b * CS_BLOCK_ROWS;
			pass.upper = bounds + ((Size) s * CsMatrixBlocks(m) + b) * per_block;
			pass.lower = pass.upper + CS_BLOCK_ROWS;
			AssignBlock(&pass);
		}
	}
}
