/*
 * dbscan.c
 *	  DBSCAN: segments are where rows are dense, rows elsewhere are noise (Ester, Kriegel, Sander
 *	  and Xu 1996).
 *
 * The result is exact and scikit-learn's, row by row.  A fit builds the k-d tree over the rows,
 * settles eps when it was not given, labels the rows (dbscan_label.c, dbscan_pass.c), and keeps
 * what new rows are scored by: eps and the core points.
 *
 * Of equal core points only the first is kept.  No answer changes by that, for they are in one
 * cluster and have equal distances to everything.  Nothing else can go: each of the points that
 * are left is the only one at distance 0 from a customer with its values.
 */
#include "custseg.h"

#include <math.h>

#include "algo/dbscan.h"
#include "algo/neighbors.h"
#include "miscadmin.h"
#include "progress.h"

/* Bytes of json that a number of a core point may take, and what a json value can hold. */
#define JSON_NUMBER 24
#define JSON_LIMIT ((Size) 256 * 1024 * 1024)

static const CsOption options[] = {
	CS_COMMON_OPTIONS(DbscanOptions, common),
	{"eps", CS_OPTION_REAL, offsetof(DbscanOptions, eps), NAN, CS_LEAST_EPS, HUGE_VAL},
	{"min_samples", CS_OPTION_INT, offsetof(DbscanOptions, min_samples), 5, 1, PG_INT32_MAX},
	{"keep_core_points", CS_OPTION_BOOL, offsetof(DbscanOptions, keep_core_points), 1},
};

static const CsParameterInfo parameters[DBSCAN_NPARAMETERS] = {
	[DBSCAN_EPS] = {"eps", CS_PARAMETER_SCALAR},
	[DBSCAN_CORE_POINTS] = {"core_points", CS_PARAMETER_ROWS, .is_points = true},
	[DBSCAN_CORE_SEGMENTS] = {"core_segments", CS_PARAMETER_LABELS, .is_points = true},
};

/* Bytes beside the matrix: tree, labelling, and the core points to keep were all rows core. */
static Size
DbscanMemory(int64 nrows, int d, int k, const void *opaque)
{
	const DbscanOptions *o = opaque;
	Size		tree = CsKdTreeSize(nrows, d);
	Size		kept = o->keep_core_points ? mul_size(add_size(mul_size(sizeof(double), (Size) d + 1), sizeof(int32)), nrows) : 0;

	return add_size(add_size(tree, CsDbscanLabellingSize(nrows, o->common.weight != NULL)),
					add_size(kept, CsMomentsMemory(k, d)));
}

/* The error for more clusters than a model can have. */
static void
CheckClusters(int64 nclusters, double eps, int min_samples)
{
	if (nclusters <= CS_MAX_SEGMENTS)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("dbscan found %lld clusters, but a model can have at most %d segments",
					(long long) nclusters, CS_MAX_SEGMENTS),
			 errdetail("Option \"eps\" is %g and \"min_samples\" is %d.", eps, min_samples),
			 errhint("Raise \"eps\" or \"min_samples\"; custseg.dbscan_grid() shows their effect.")));
}

/* The error for core points that a version cannot keep. */
static void
CheckCorePoints(int64 n, int d)
{
	if (mul_size((Size) n, mul_size(JSON_NUMBER, (Size) d + 1)) <= JSON_LIMIT)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many core points to keep with the model: %lld of %d numbers each",
					(long long) n, d),
			 errhint("Set \"keep_core_points\" to false, so that new rows cannot be scored; or train on a sample of the rows.")));
}

/*
 * The core points that scoring needs, in the order of their rows, and their clusters.  Where most rows are such ones,
 * their places in the tree are kept, too, so that scoring need not build another tree.
 */
static void
KeepCorePoints(const CsFitInput *in, DbscanLabelling *l, int64 ncore, CsFitOutput *out)
{
	CsArena    *arena = CsTeamArena(in->team);
	const CsKdTree *tree = CsArenaAddress(arena, l->tree);
	const uint8 *kind = DbscanPart(arena, l, l->kind);
	const int32 *labels = CsArenaAddress(arena, l->labels);
	CsParameter *points = &out->parameters[DBSCAN_CORE_POINTS],
			   *clusters = &out->parameters[DBSCAN_CORE_SEGMENTS];
	int			d = tree->ncolumns;
	int64		n = CsDbscanMarkDuplicates(l, in->team, ncore);
	int32	   *position;		/* by row, in the forest's place; of a point that is kept, its number takes it over */

	CheckCorePoints(n, d);
	points->rows = clusters->rows = (int32) n;
	points->columns = d;
	clusters->columns = 1;
	points->values = palloc_extended(mul_size(mul_size(sizeof(double), n), d), MCXT_ALLOC_HUGE);
	clusters->values = palloc_extended(mul_size(sizeof(double), n), MCXT_ALLOC_HUGE);
	position = DbscanPart(arena, l, l->parent);
	for (int32 p = 0; p < tree->npoints; p++)
	{
		CsCheckInterrupts(p);
		position[CsKdIndex(tree)[p]] = p;
	}
	n = 0;
	for (int32 row = 0; row < tree->npoints; row++)
	{
		CsCheckInterrupts(row);
		if (kind[position[row]] != DBSCAN_CORE)
			continue;
		CsKdPoint(tree, position[row], points->values + (Size) n * d);
		clusters->values[n] = labels[row];
		position[row] = (int32) n++;
	}
	if (n < tree->npoints / 2)
		return;
	out->npoint_places = tree->npoints;
	out->point_places = palloc_extended(mul_size(sizeof(int32), tree->npoints), MCXT_ALLOC_HUGE);
	for (int32 p = 0; p < tree->npoints; p++)
	{
		CsCheckInterrupts(p);
		out->point_places[p] = kind[p] == DBSCAN_CORE ? position[CsKdIndex(tree)[p]] : -1;
	}
}

/* What the rows' labels make of the model. */
static void
FillOutput(const CsFitInput *in, int labels, int k, CsFitOutput *out)
{
	out->k = k;
	out->labels = labels;
	CsMeasureSegments(in, out);
	out->iterations = 1;
	out->converged = true;
}

static void
AddMetric(CsFitOutput *out, const char *name, double value)
{
	out->metrics[out->nmetrics++] = (CsMetric) {name, value};
}

/* Find the clusters, as CsAlgorithm.fit. */
static void
DbscanFit(const CsFitInput *in, CsFitOutput *out)
{
	const DbscanOptions *o = in->options;
	CsArena    *arena = CsTeamArena(in->team);
	int64		nrows = in->matrix->nrows,
				nclusters,
				ncore;
	double	   *eps = palloc(sizeof(double));
	int			tree;
	DbscanLabelling l;

	memset(out, 0, sizeof(*out));
	CsProgressPhase(CS_PHASE_SEEDING);
	tree = CsTreeOfMatrix(in->team, in->matrix);
	*eps = o->eps;
	if (isnan(*eps))
		*eps = CsChooseEps(in->team, tree, o->min_samples, (uint64) o->common.seed, out);
	out->parameters[DBSCAN_EPS] = (CsParameter) {1, 1, eps};

	CsProgressPhase(CS_PHASE_ITERATING);
	CsDbscanStart(&l, in->team, tree, in->weights);
	ncore = CsDbscanCore(&l, in->team, *eps, o->min_samples);
	nclusters = CsDbscanCluster(&l, in->team);
	CheckClusters(nclusters, *eps, o->min_samples);
	if (o->keep_core_points)
		KeepCorePoints(in, &l, ncore, out);
	else
		out->note = psprintf("%s%sno core points are kept, and new rows cannot be scored",
							 out->note ? out->note : "", out->note ? "; " : "");
	CsDbscanEnd(&l, in->team);
	CsArenaFree(arena, tree);

	FillOutput(in, l.labels, (int) nclusters, out);
	AddMetric(out, "eps", *eps);
	AddMetric(out, "min_samples", o->min_samples);
	AddMetric(out, "n_core", (double) ncore);
	AddMetric(out, "noise_share", (double) out->counts[out->k] / (double) nrows);
}

const CsAlgorithm CsDbscan = {
	.name = "dbscan",
	.segments = "dense places, all of one density",
	.memory_text = "about another matrix for the tree of neighbors, and one for the core points that are kept",
	.keeps = "every core row, unless keep_core_points is false",
	.time = "rows x log(rows) x columns while a tree finds neighbors, in few columns; up to rows x rows x columns",
	.options = options,
	.noptions = lengthof(options),
	.options_size = sizeof(DbscanOptions),
	.max_segments = CS_MAX_SEGMENTS,
	.finds_k = true,
	.has_noise = true,
	.parameters = parameters,
	.nparameters = lengthof(parameters),
	.memory = DbscanMemory,
	.fit = DbscanFit,
	.compile = CsDbscanCompile,
	.assign = CsDbscanAssign,
	.place = CsDbscanPlace,
	.places_rows = CsDbscanPlacesRows,
	.place_rows = CsDbscanPlaceRows,
	.explain = CsDbscanExplain,
};
