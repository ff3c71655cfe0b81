/*
 * neighbors.c
 *	  custseg.k_distance() and custseg.dbscan_grid(): which eps and min_samples DBSCAN should have.
 *
 * Both read a source as the caller, prepare it as train() would, build one k-d tree over the rows
 * and store nothing.  k_distance() gives the curve that eps is read from, with its knee.
 * dbscan_grid() runs DBSCAN for every pair of an eps and a min_samples, and recommends the pair of
 * the highest silhouette among those that leave something to look at: at least two clusters, and
 * no more than half of the rows noise.
 */
#include "custseg.h"

#include <math.h>

#include "algo/dbscan.h"
#include "algo/neighbors.h"
#include "catalog/pg_type.h"
#include "progress.h"
#include "stat/stat.h"
#include "train/train.h"
#include "utils/array.h"

/* Most values of eps, and of min_samples, that a grid may have. */
#define MAX_GRID 100

/* A silhouette below this tells little (Kaufman and Rousseeuw 1990, chapter 2). */
#define WEAK_SILHOUETTE 0.25

/* What eps is multiplied by when a grid is not given one. */
static const double eps_factors[] = {0.5, 0.75, 1, 1.5, 2};
static const int usual_min_samples[] = {5, 10, 20};

typedef struct CurveOptions
{
	CsCommonOptions common;
	int			sample;			/* rows whose distances are taken; 0: all */
	int			points;			/* points of the curve that are shown; 0: all */
} CurveOptions;

static const CsOption curve_options[] = {
	CS_SEED_OPTION(CurveOptions, common.seed),
	{"sample", CS_OPTION_INT, offsetof(CurveOptions, sample), CS_CURVE_SAMPLE, 0, PG_INT32_MAX},
	{"points", CS_OPTION_INT, offsetof(CurveOptions, points), 1000, 0, PG_INT32_MAX},
};

typedef struct GridOptions
{
	CsCommonOptions common;
} GridOptions;

static const CsOption grid_options[] = {
	CS_COMMON_OPTIONS(GridOptions, common),
};

/* A pair of the grid, and what it gave. */
typedef struct Cell
{
	double		eps;
	int			min_samples;
	int64		clusters;
	double		noise_share,
				largest_share,	/* NaN: no clusters */
				silhouette;		/* NaN: not defined */
} Cell;

typedef struct Grid
{
	int			neps;
	double	   *eps;			/* NULL: not given */
	int			nmin_samples;
	int		   *min_samples;
	Cell	   *cells;			/* eps by eps */
} Grid;

/* Positions of the arguments. */
enum
{
	CURVE_SOURCE, CURVE_FEATURES, CURVE_K, CURVE_PREP, CURVE_OPTIONS
};

enum
{
	GRID_SOURCE, GRID_FEATURES, GRID_EPS, GRID_MIN_SAMPLES, GRID_PREP, GRID_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_k_distance);
PG_FUNCTION_INFO_V1(custseg_dbscan_grid);

/* Bytes that a curve takes beside the matrix. */
static Size
CurveMemory(int64 nrows, int d, int k, const void *opaque)
{
	const CurveOptions *o = opaque;
	Size		sample = o->sample == 0 ? (Size) nrows : Min((Size) o->sample, (Size) nrows);

	return add_size(CsKdTreeSize(nrows, d),
					mul_size(sample, 2 * sizeof(double) + sizeof(int32)));
}

/* Bytes that a grid takes beside the matrix. */
static Size
GridMemory(int64 nrows, int d, int k, const void *opaque)
{
	const GridOptions *o = opaque;

	return add_size(CsKdTreeSize(nrows, d),
					CsDbscanLabellingSize(nrows, o->common.weight != NULL));
}

/* The k of a curve. */
static int
ReadK(FunctionCallInfo fcinfo)
{
	int			k;

	if (PG_ARGISNULL(CURVE_K))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", "k")));
	k = PG_GETARG_INT32(CURVE_K);
	if (k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" must be at least 1"),
				 errdetail("It is %d.", k),
				 errhint("Give the \"min_samples\" that DBSCAN will use; the row itself counts.")));
	return k;
}

/* Show a curve: its points at evenly spaced ranks, and the knee. */
static void
ShowCurve(CsResult *result, const double *curve, int64 n, int points)
{
	CsCurveWalk walk = CsCurveBegin(curve, n, points);
	CsDistancePoint point;

	while (CsCurveNext(&walk, &point))
		CsResultPut(result, CsValues(CsValueInt8(point.n), CsValueFloat8(point.share),
									 CsValueFloat8(point.distance), CsValueBool(point.is_knee)));
}

/* k_distance(source, features, k, prep, options) */
Datum
custseg_k_distance(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CurveOptions options = {0};
	CsRequest	request = {.command = "custseg.k_distance()", .memory = CurveMemory};
	CsTraining *t;
	CsTeam	   *team;
	double	   *curve;
	int64		n;

	request.source = CsRequiredText(fcinfo, CURVE_SOURCE, "source");
	request.features = CsArrayArgument(fcinfo, CURVE_FEATURES);
	request.k = ReadK(fcinfo);
	request.prep = CsJsonbArgument(fcinfo, CURVE_PREP);
	CsOptionsArgument(fcinfo, CURVE_OPTIONS, curve_options, lengthof(curve_options), &options);
	request.options = &options;
	request.by_passes = request.may_sample = true;

	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	CsProgressPhase(CS_PHASE_ITERATING);
	curve = CsKDistances(team, CsTreeOfMatrix(team, t->matrix), request.k,
						 options.sample == 0 ? t->matrix->nrows : options.sample,
						 (uint64) options.common.seed, &n);
	CsTeamEnd(team);
	if (n < t->matrix->nrows)
		ereport(NOTICE,
				(errmsg("the curve is computed from a sample of %lld of the %lld rows", (long long) n,
						(long long) t->matrix->nrows),
				 errhint("options => '{\"sample\": 0}' takes all of them.")));
	ShowCurve(result, curve, n, options.points);
	CsTrainingClose(t);
	return (Datum) 0;
}

/* The error for an array of values to try that cannot be one. */
static void
RejectArray(const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" must be an array of 1 to %d positive numbers", name, MAX_GRID),
			 errdetail_internal("%s", detail),
			 errhint("Leave it out to try the usual values.")));
}

/* The elements of an array argument of values to try; NULL when it is not given. */
static Datum *
ReadArray(FunctionCallInfo fcinfo, int argument, const char *name, Oid type, int *n)
{
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;

	*n = 0;
	if (PG_ARGISNULL(argument))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) != 1)
		RejectArray(name, psprintf("It has %d dimensions.", ARR_NDIM(array)));
	if (type == FLOAT8OID)
		deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
						  &values, &nulls, n);
	else
		deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, &nulls, n);
	if (*n > MAX_GRID)
		RejectArray(name, psprintf("It has %d elements.", *n));
	for (int i = 0; i < *n; i++)
		if (nulls[i])
			RejectArray(name, psprintf("Element %d is NULL.", i + 1));
	return values;
}

/* The values to try, as far as they are given. */
static void
ReadGrid(FunctionCallInfo fcinfo, Grid *grid)
{
	Datum	   *eps = ReadArray(fcinfo, GRID_EPS, "eps", FLOAT8OID, &grid->neps),
			   *min_samples = ReadArray(fcinfo, GRID_MIN_SAMPLES, "min_samples", INT4OID,
										&grid->nmin_samples);

	if (eps != NULL)
		grid->eps = palloc(sizeof(double) * grid->neps);
	for (int i = 0; i < grid->neps; i++)
	{
		grid->eps[i] = DatumGetFloat8(eps[i]);
		if (!isfinite(grid->eps[i]) || grid->eps[i] < CS_LEAST_EPS)
			RejectArray("eps", psprintf("Element %d is %g.", i + 1, grid->eps[i]));
	}
	if (min_samples == NULL)
		grid->nmin_samples = lengthof(usual_min_samples);
	grid->min_samples = palloc(sizeof(int) * grid->nmin_samples);
	for (int i = 0; i < grid->nmin_samples; i++)
	{
		grid->min_samples[i] = min_samples == NULL ? usual_min_samples[i] :
			DatumGetInt32(min_samples[i]);
		if (grid->min_samples[i] < 1)
			RejectArray("min_samples", psprintf("Element %d is %d.", i + 1, grid->min_samples[i]));
	}
}

/* Values of eps around the knee for the middle min_samples, to three digits. */
static void
ChooseEpsValues(CsTeam *team, int tree, uint64 seed, Grid *grid)
{
	CsFitOutput chosen = {0};
	double		eps = CsChooseEps(team, tree, grid->min_samples[grid->nmin_samples / 2], seed,
								  &chosen);

	grid->neps = lengthof(eps_factors);
	grid->eps = palloc(sizeof(double) * grid->neps);
	for (int i = 0; i < grid->neps; i++)
		grid->eps[i] = strtod(psprintf("%.3g", eps * eps_factors[i]), NULL);
	ereport(NOTICE, (errmsg_internal("the grid is around the eps that train() would take: %s", chosen.note)));
}

/* Rows of the largest cluster and of noise, as shares. */
static void
MeasureShares(const int32 *labels, int64 nrows, Cell *cell)
{
	int64	   *count = palloc_extended(sizeof(int64) * (cell->clusters + 1),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int64		largest = 0;

	for (int64 i = 0; i < nrows; i++)
		count[labels[i] + 1]++;
	for (int64 c = 1; c <= cell->clusters; c++)
		largest = Max(largest, count[c]);
	cell->noise_share = (double) count[0] / (double) nrows;
	cell->largest_share = cell->clusters == 0 ? NAN : (double) largest / (double) nrows;
	pfree(count);
}

/* Run DBSCAN for one pair. */
static void
RunCell(CsTraining *t, CsTeam *team, DbscanLabelling *l, const GridOptions *o, Cell *cell)
{
	int64		used;

	(void) CsDbscanCore(l, team, cell->eps, cell->min_samples);
	cell->clusters = CsDbscanCluster(l, team);
	MeasureShares(CsArenaAddress(t->arena, l->labels), t->matrix->nrows, cell);
	cell->silhouette = NAN;
	if (cell->clusters >= 2 && cell->clusters <= CS_MAX_SEGMENTS && o->common.silhouette_sample > 0)
		cell->silhouette = CsSilhouetteSample(team, t->matrix, l->labels, (int) cell->clusters,
											  o->common.silhouette_sample,
											  (uint64) o->common.seed, &used);
}

/* Run all pairs. */
static void
RunGrid(CsTraining *t, CsTeam *team, const GridOptions *o, Grid *grid)
{
	int			tree = CsTreeOfMatrix(team, t->matrix);
	DbscanLabelling l;

	if (grid->eps == NULL)
		ChooseEpsValues(team, tree, (uint64) o->common.seed, grid);
	grid->cells = palloc0(sizeof(Cell) * grid->neps * grid->nmin_samples);
	CsDbscanStart(&l, team, tree, t->weights);
	for (int i = 0; i < grid->neps * grid->nmin_samples; i++)
	{
		grid->cells[i].eps = grid->eps[i / grid->nmin_samples];
		grid->cells[i].min_samples = grid->min_samples[i % grid->nmin_samples];
		RunCell(t, team, &l, o, &grid->cells[i]);
	}
	CsDbscanEnd(&l, team);
}

/* Why a pair cannot be recommended; NULL when it can. */
static const char *
Objection(const Cell *cell)
{
	if (cell->clusters == 0)
		return "all rows are noise: eps is too small, or min_samples too large";
	if (cell->clusters == 1)
		return "there is only one cluster";
	if (cell->clusters > CS_MAX_SEGMENTS)
		return "there are more clusters than a model can have segments";
	if (cell->noise_share > 0.5)
		return "more than half of the rows are noise";
	if (isnan(cell->silhouette))
		return "the silhouette is not defined";
	return NULL;
}

/*
 * The pair of the highest silhouette among those that nothing speaks against, the less noisy one of
 * equals; -1 without any.
 */
static int
Recommend(const Grid *grid)
{
	int			best = -1;

	for (int i = 0; i < grid->neps * grid->nmin_samples; i++)
	{
		const Cell *cell = &grid->cells[i];

		if (Objection(cell) != NULL)
			continue;
		if (best < 0 || cell->silhouette > grid->cells[best].silhouette ||
			(cell->silhouette == grid->cells[best].silhouette &&
			 cell->noise_share < grid->cells[best].noise_share))
			best = i;
	}
	return best;
}

/* The reason shown with a pair. */
static const char *
Reason(const Cell *cell, bool recommended)
{
	const char *objection = Objection(cell);

	if (objection != NULL)
		return objection;
	if (!recommended)
		return "lower silhouette";
	if (cell->silhouette < WEAK_SILHOUETTE)
		return "highest silhouette with at least two clusters and at most half of the rows as noise, but too low to mean much";
	return "highest silhouette with at least two clusters and at most half of the rows as noise";
}

/* Show the pairs. */
static void
ShowGrid(CsResult *result, const Grid *grid)
{
	int			best = Recommend(grid);

	for (int i = 0; i < grid->neps * grid->nmin_samples; i++)
	{
		const Cell *cell = &grid->cells[i];

		CsResultPut(result, CsValues(CsValueFloat8(cell->eps),
									 CsValueInt4(cell->min_samples),
									 CsValueInt4((int32) cell->clusters),
									 CsValueFloat8(cell->noise_share),
									 CsValueFloat8(cell->largest_share),
									 CsValueFloat8(cell->silhouette),
									 CsValueBool(i == best),
									 CsValueText(Reason(cell, i == best))));
	}
}

/* dbscan_grid(source, features, eps, min_samples, prep, options) */
Datum
custseg_dbscan_grid(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	GridOptions options = {0};
	CsRequest	request = {.command = "custseg.dbscan_grid()", .memory = GridMemory};
	Grid		grid = {0};
	CsTraining *t;
	CsTeam	   *team;

	request.source = CsRequiredText(fcinfo, GRID_SOURCE, "source");
	request.features = CsArrayArgument(fcinfo, GRID_FEATURES);
	request.prep = CsJsonbArgument(fcinfo, GRID_PREP);
	CsOptionsArgument(fcinfo, GRID_OPTIONS, grid_options, lengthof(grid_options), &options);
	request.options = &options;
	request.by_passes = request.may_sample = true;
	ReadGrid(fcinfo, &grid);

	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	CsProgressPhase(CS_PHASE_ITERATING);
	RunGrid(t, team, &options, &grid);
	CsTeamEnd(team);
	ShowGrid(result, &grid);
	CsTrainingClose(t);
	return (Datum) 0;
}
