/*
 * neighbors.c
 *	  The tree over the rows, the distances to their k-th nearest rows, and the knee of these.
 *
 * The k-distance curve is how DBSCAN's authors choose eps (Ester, Kriegel, Sander and Xu 1996): in
 * ascending order the distances rise slowly among rows that lie in clusters and steeply among
 * those that do not.  Where it turns is found by the rule of Kneedle (Satopaa, Albrecht, Irwin and
 * Raghavan 2011): with both axes scaled to 0..1, where the curve is farthest below its diagonal.
 *
 * A row counts as its own first neighbour, as it does for DBSCAN's min_samples.  Thus the curve of
 * k = min_samples says which share of the rows is core for an eps.
 */
#include "custseg.h"

#include <math.h>

#include "algo/neighbors.h"
#include "math/math.h"
#include "miscadmin.h"

/* Most items of a pass; neighbours take longer here than there, so that there are many. */
#define ITEMS 256

/* The sample's random numbers, apart from all others. */
#define STREAM UINT64CONST(0x6B6E6565)

typedef struct KDistanceArgs
{
	int			tree;
	int			positions;		/* area: int32[n], in the tree */
	int			distances;		/* area: double[n] */
	int			k;
	int64		n;
	int			items;
} KDistanceArgs;

/*
 * Build the tree over a matrix in a new area, and return its number.  An error when there are too
 * many rows.
 */
int
CsTreeOfMatrix(CsTeam *team, const CsMatrix *m)
{
	CsArena    *arena = CsTeamArena(team);
	int			d = m->ncolumns,
				area;
	CsKdTree   *tree;

	if (m->nrows > CS_KD_MAX_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for a tree of neighbors: %lld, the limit is %d",
						(long long) m->nrows, CS_KD_MAX_POINTS),
				 errhint("Train on a sample of the rows.")));
	area = CsArenaAlloc(arena, CsKdTreeSize(m->nrows, d));
	tree = CsArenaAddress(arena, area);
	CsKdTreeInit(tree, m->nrows, d);
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < nrows; r++)
		{
			double	   *row = CsKdRow(tree, (int32) (b * CS_BLOCK_ROWS + r));

			for (int j = 0; j < d; j++)
				row[j] = x[(Size) j * CS_BLOCK_ROWS + r];
		}
	}
	CsKdTreeBuild(tree);
	return area;
}

/* The root of a squared distance, such that the distance is within eps when eps is the root. */
static inline double
RootReaching(double squared)
{
	double		root = sqrt(squared);

	return root * root < squared ? nextafter(root, HUGE_VAL) : root;
}

/* Bytes of the nearest distances that a member of the team holds. */
static Size
HeapsSize(int k)
{
	return mul_size(sizeof(double) * CS_KD_LEAF, k);
}

/* CS_TASK(CsKDistanceTask): the distances of a run of the chosen rows, CS_KD_LEAF at a time. */
void
CsKDistanceTask(CsTeam *team, const void *opaque, int item)
{
	const KDistanceArgs *args = opaque;
	CsArena    *arena = CsTeamArena(team);
	const CsKdTree *tree = CsArenaAddress(arena, args->tree);
	const int32 *positions = CsArenaAddress(arena, args->positions);
	double	   *result = CsArenaAddress(arena, args->distances);
	int			k = Min(args->k, tree->npoints),
				d = tree->ncolumns,
				n;
	double	   *z = palloc(sizeof(double) * CS_KD_LEAF * d);
	double	   *scratch = palloc(sizeof(double) * CS_KD_PARTY_SCRATCH(d));
	double	   *heaps = palloc_extended(HeapsSize(k), MCXT_ALLOC_HUGE);
	int64		end = args->n * (item + 1) / args->items;

	for (int64 first = args->n * item / args->items; first < end; first += n)
	{
		n = (int) Min(end - first, CS_KD_LEAF);
		for (int i = 0; i < n; i++)
			CsKdPoint(tree, positions[first + i], z + (Size) i * d);
		CsKdKthDistances(tree, n, z, k, heaps, scratch, result + first);
		for (int i = 0; i < n; i++)
			result[first + i] = RootReaching(result[first + i]);
	}
}

/*
 * The distances of *n rows to their k-th nearest row, ascending and palloc'd.  A row counts as the
 * first of its own neighbours; where there are fewer than k rows, the distance is that to the
 * farthest.  The rows are all rows, or a seeded sample of them; their neighbours are always
 * searched among all.
 */
double *
CsKDistances(CsTeam *team, int tree_area, int k, int64 sample, uint64 seed, int64 *n)
{
	CsArena    *arena = CsTeamArena(team);
	const CsKdTree *tree = CsArenaAddress(arena, tree_area);
	KDistanceArgs args = {.tree = tree_area, .k = k, .n = Min(sample, tree->npoints)};
	Size		size = mul_size(sizeof(double), args.n);
	int64	   *chosen = palloc_extended(size, MCXT_ALLOC_HUGE);
	double	   *result;
	int32	   *positions;
	CsRng		rng;

	args.positions = CsArenaAlloc(arena, mul_size(sizeof(int32), args.n));
	args.distances = CsArenaAlloc(arena, size);
	args.items = (int) Min(ITEMS, args.n);
	positions = CsArenaAddress(arena, args.positions);
	CsRngSeed(&rng, seed, STREAM);
	CsRngSample(&rng, tree->npoints, args.n, chosen);
	for (int64 i = 0; i < args.n; i++)
		positions[i] = (int32) chosen[i];
	CsTeamRun(team, CS_TASK(CsKDistanceTask), &args, sizeof(args), args.items);

	result = (double *) chosen;
	memcpy(result, CsArenaAddress(arena, args.distances), size);
	CsSortDoubles(result, args.n, CsArenaAddress(arena, args.distances));
	CsArenaFree(arena, args.positions);
	CsArenaFree(arena, args.distances);
	*n = args.n;
	return result;
}

/*
 * The index of the knee of an ascending curve; -1 when the curve is flat or has fewer than three
 * points.
 */
static int64
FindKnee(const double *curve, int64 n)
{
	double		height = n > 0 ? curve[n - 1] - curve[0] : 0,
				farthest = 0;
	int64		knee = -1;

	if (n < 3 || !(height > 0) || isinf(height))
		return -1;
	for (int64 i = 1; i < n - 1; i++)
	{
		double		below = (double) i / (double) (n - 1) - (curve[i] - curve[0]) / height;

		if (below > farthest)
		{
			farthest = below;
			knee = i;
		}
	}
	return knee;
}

/* Begin to walk along an ascending curve of n distances, to so many of its points; 0: to all. */
CsCurveWalk
CsCurveBegin(const double *curve, int64 n, int64 points)
{
	return (CsCurveWalk) {.curve = curve, .n = n, .knee = FindKnee(curve, n),
		.shown = points == 0 ? n : Min(n, points), .last = -1};
}

/* Step to the next point of a curve.  Returns false after the last. */
bool
CsCurveNext(CsCurveWalk *walk, CsDistancePoint *point)
{
	int64		at;

	if (walk->next == walk->shown)
		return false;
	at = walk->shown == 1 ? walk->n - 1 : walk->next * (walk->n - 1) / (walk->shown - 1);
	if (walk->knee > walk->last && walk->knee < at)
		at = walk->knee;
	else
		walk->next++;
	walk->last = at;
	*point = (CsDistancePoint) {
		.n = at + 1,
		.share = (double) (at + 1) / (double) walk->n,
		.distance = walk->curve[at],
		.is_knee = at == walk->knee
	};
	return true;
}

/* Keep points of the curve in a fit's output. */
static void
KeepCurve(const double *curve, int64 n, CsFitOutput *out)
{
	CsCurveWalk walk = CsCurveBegin(curve, n, CS_CURVE_POINTS);

	out->distances = palloc(sizeof(CsDistancePoint) * (CS_CURVE_POINTS + 1));
	while (CsCurveNext(&walk, &out->distances[out->ndistances]))
		out->ndistances++;
}

/* The error for rows that say nothing about eps. */
static void
RejectCurve(const double *curve, int64 n, int min_samples)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"eps\" cannot be derived from the rows"),
			 curve[n - 1] > 0 ?
			 errdetail("Distances between the rows are too large for a number.") :
			 errdetail("Every row has %d rows, itself included, that are equal to it.", min_samples),
			 errhint("Give \"eps\", or raise \"min_samples\".")));
}

/*
 * The eps to use when none is given: the knee of the k-distance curve of min_samples, or, where the
 * knee is 0, the least distance above 0.  An error when all distances are 0.  Sets of the output the note,
 * a palloc'd sentence that tells the user, and the points of the curve.
 */
double
CsChooseEps(CsTeam *team, int tree_area, int min_samples, uint64 seed, CsFitOutput *out)
{
	const CsKdTree *tree = CsArenaAddress(CsTeamArena(team), tree_area);
	int64		n;
	double	   *curve = CsKDistances(team, tree_area, min_samples, CS_CURVE_SAMPLE, seed, &n);
	int64		at = FindKnee(curve, n);
	const char *what = "the knee";
	double		eps;

	if (at < 0 || curve[at] < CS_LEAST_EPS)
	{
		what = "the least above 0";
		for (at = 0; at < n - 1 && curve[at] < CS_LEAST_EPS; at++)
			;
	}
	eps = curve[at];
	if (!isfinite(eps) || eps < CS_LEAST_EPS)
		RejectCurve(curve, n, min_samples);
	KeepCurve(curve, n, out);
	pfree(curve);
	out->note = psprintf("eps is %.6g, %s of the distances within which rows have min_samples = %d rows%s",
					 eps, what, min_samples,
					 n < tree->npoints ? psprintf(", over a sample of %lld", (long long) n) : "");
	return eps;
}
