/*
 * hdbscan.c
 *	  HDBSCAN*: clusters of any shape and density, and noise (Campello, Moulavi and Sander 2013;
 *	  Campello, Moulavi, Zimek and Sander 2015; McInnes and Healy 2017).
 *
 * The fit: core distances and a minimum spanning tree (hdbscan_graph.c), from its edges the
 * clusters (hdbscan_tree.c), their centres and sizes, and what is kept for scoring
 * (hdbscan_assign.c).  How many segments there are is up to the rows.  Weights count in centres
 * and inertia; a density is one of rows.
 *
 * Scoring takes points: the rows themselves, in model space.  Rows of the same values are
 * alike in everything, and of so many not more than min_samples are kept.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hdbscan.h"
#include "common/hashfn.h"

/* The default of min_cluster_size: a part of the rows, but at least so many. */
#define USUAL_CLUSTERS 100
#define LEAST_CLUSTER_SIZE 5

/* Where min_samples is not given: min_cluster_size, but no more than pays. */
#define USUAL_SAMPLES 25

/* Most rows, for nodes of the hierarchy are numbered by int32; most numbers a version may keep. */
#define MAX_ROWS (PG_INT32_MAX / 2)
#define MAX_KEPT_NUMBERS 5000000

/* Bytes that a number to be kept takes while it becomes json. */
#define JSON_BYTES 240

static const char *const methods[] = {"eom", "leaf", NULL};

static const CsOption hdbscanOptions[] = {
	CS_COMMON_OPTIONS(HdbscanOptions, common),
	{"min_cluster_size", CS_OPTION_INT, offsetof(HdbscanOptions, min_cluster_size),
	0, 2, PG_INT32_MAX},
	{"min_samples", CS_OPTION_INT, offsetof(HdbscanOptions, min_samples),
	0, 1, CS_HDBSCAN_MAX_SAMPLES},
	{"cluster_selection_method", CS_OPTION_CHOICE, offsetof(HdbscanOptions, method),
	HDBSCAN_EOM, 0, 0, methods},
	{"cluster_selection_epsilon", CS_OPTION_REAL, offsetof(HdbscanOptions, epsilon),
	0, 0, HUGE_VAL},
	{"allow_single_cluster", CS_OPTION_BOOL, offsetof(HdbscanOptions, allow_single_cluster), false},
	{"keep_points", CS_OPTION_BOOL, offsetof(HdbscanOptions, keep_points), true},
};

static const CsParameterInfo hdbscanParameters[HDBSCAN_NPARAMETERS] = {
	[HDBSCAN_MIN_SAMPLES] = {"min_samples", CS_PARAMETER_SCALAR},
	[HDBSCAN_LEVELS] = {"levels", CS_PARAMETER_SEGMENTS},
	[HDBSCAN_POINTS] = {"points", CS_PARAMETER_ROWS},
	[HDBSCAN_POINT_SEGMENTS] = {"point_segments", CS_PARAMETER_LABELS},
	[HDBSCAN_LEAVE_DISTANCES] = {"leave_distances", CS_PARAMETER_VECTOR},
};

/* What a fit is based on: the options, with defaults filled in. */
static HdbscanPlan
PlanFit(const HdbscanOptions *o, int64 nrows)
{
	HdbscanPlan plan = {
		.nrows = (int32) nrows,
		.min_cluster_size = o->min_cluster_size,
		.min_samples = o->min_samples,
		.method = o->method,
		.epsilon = o->epsilon,
		.allow_single_cluster = o->allow_single_cluster
	};

	if (plan.min_cluster_size == 0)
		plan.min_cluster_size = (int) Max(LEAST_CLUSTER_SIZE,
										  (nrows + USUAL_CLUSTERS - 1) / USUAL_CLUSTERS);
	if (plan.min_samples == 0)
		plan.min_samples = Min(plan.min_cluster_size, USUAL_SAMPLES);
	plan.min_samples = (int) Min(plan.min_samples, nrows);
	return plan;
}

/* Bytes beside the matrix. */
static Size
HdbscanMemory(int64 nrows, int ncolumns, int k, const void *opaque)
{
	const HdbscanOptions *o = opaque;
	HdbscanPlan plan = PlanFit(o, nrows);
	Size		rows = mul_size(sizeof(int32) + sizeof(double), nrows);
	Size		tree = add_size(mul_size(sizeof(HdbscanEdge), nrows),
								CsHdbscanTreeMemory(nrows, plan.min_cluster_size));
	Size		kept = o->keep_points ? mul_size(mul_size(JSON_BYTES, ncolumns + 2), nrows) : 0;

	return add_size(rows, Max(Max(CsHdbscanGraphMemory(nrows, ncolumns), tree), kept));
}

/* Refuse what is too much for the hierarchy, or to be kept. */
static void
CheckRows(const HdbscanOptions *o, int64 nrows, int ncolumns)
{
	if (nrows > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("hdbscan cannot cluster more than %d rows", MAX_ROWS),
				 errhint("Train on a sample of the rows.")));
	if (o->keep_points && nrows * (ncolumns + 2) > MAX_KEPT_NUMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows to be kept for scoring: %lld rows of %d columns",
						(long long) nrows, ncolumns),
				 errdetail("A version of this width may keep %d rows.",
						   MAX_KEPT_NUMBERS / (ncolumns + 2)),
				 errhint("Train on a sample of the rows; or set option \"keep_points\" to false, so that new customers cannot be placed.")));
}

/* A row by its hash. */
typedef struct HashedRow
{
	uint64		hash;
	int32		row;
} HashedRow;

static inline int
CompareHashes(const HashedRow *x, const HashedRow *y)
{
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

#define ST_SORT SortHashes
#define ST_ELEMENT_TYPE HashedRow
#define ST_COMPARE(x, y) CompareHashes(x, y)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Which rows need not be kept: there are "enough" of the same values before them.  Palloc'd. */
static bool *
FindSpareRows(CsArena *arena, const CsMatrix *m, int enough)
{
	Size		size = sizeof(double) * m->ncolumns;
	HashedRow  *hashed = palloc_extended(mul_size(sizeof(HashedRow), m->nrows), MCXT_ALLOC_HUGE);
	bool	   *spare = palloc_extended(m->nrows, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double	   *first = palloc(Max(size, 1)),
			   *other = palloc(Max(size, 1));
	int			seen = 0;

	for (int64 i = 0; i < m->nrows; i++)
	{
		HdbscanCheckAt(i);
		CsMatrixGetRow(m, arena, i, other);
		hashed[i].row = (int32) i;
		hashed[i].hash = hash_bytes_extended((unsigned char *) other, (int) size, 0);
	}
	SortHashes(hashed, m->nrows);
	for (int64 i = 0; i < m->nrows; i++)
	{
		HdbscanCheckAt(i);
		if (i == 0 || hashed[i].hash != hashed[i - 1].hash)
		{
			seen = 1;
			continue;
		}
		if (seen == 1)
			CsMatrixGetRow(m, arena, hashed[i - 1].row, first);
		CsMatrixGetRow(m, arena, hashed[i].row, other);
		/* rows that only share a hash are kept */
		if (memcmp(first, other, size) == 0)
			spare[hashed[i].row] = seen++ >= enough;
	}
	pfree(hashed);
	pfree(first);
	pfree(other);
	return spare;
}

/* Room for the numbers of a parameter, palloc'd. */
static void
AllocateParameter(CsParameter *p, int64 rows, int columns)
{
	p->rows = (int32) rows;
	p->columns = columns;
	p->values = palloc_extended(mul_size(mul_size(sizeof(double), Max(rows, 1)), Max(columns, 1)),
								MCXT_ALLOC_HUGE);
}

/* Keep the rows that scoring needs: those of segments first, then noise. */
static void
KeepPoints(CsArena *arena, const CsMatrix *m, int min_samples, const int32 *labels,
		   const double *leave, CsParameter *parameters)
{
	bool	   *spare = FindSpareRows(arena, m, min_samples);
	CsParameter *points = &parameters[HDBSCAN_POINTS],
			   *segments = &parameters[HDBSCAN_POINT_SEGMENTS],
			   *distances = &parameters[HDBSCAN_LEAVE_DISTANCES];
	int64		nmembers = 0,
				npoints = 0,
				at = 0;

	for (int64 i = 0; i < m->nrows; i++)
	{
		npoints += !spare[i];
		nmembers += !spare[i] && labels[i] >= 0;
	}
	AllocateParameter(points, npoints, m->ncolumns);
	AllocateParameter(segments, nmembers, 1);
	AllocateParameter(distances, nmembers, 1);
	for (int pass = 0; pass < 2; pass++)
		for (int64 i = 0; i < m->nrows; i++)
		{
			bool		member = labels[i] >= 0;

			HdbscanCheckAt(i);
			if (spare[i] || member != (pass == 0))
				continue;
			if (member)
			{
				segments->values[at] = labels[i];
				distances->values[at] = leave[i];
			}
			CsMatrixGetRow(m, arena, i, points->values + (Size) at++ * m->ncolumns);
		}
	pfree(spare);
}

/* What scoring needs. */
static void
FillParameters(const CsFitInput *in, const HdbscanPlan *plan, const double *leave,
			   const HdbscanSegment *segments, CsFitOutput *out)
{
	const HdbscanOptions *o = in->options;
	CsArena    *arena = CsTeamArena(in->team);
	CsParameter *samples = &out->parameters[HDBSCAN_MIN_SAMPLES];
	CsParameter *levels = &out->parameters[HDBSCAN_LEVELS];

	AllocateParameter(samples, 1, 1);
	samples->values[0] = plan->min_samples;
	AllocateParameter(levels, out->k, 2);
	for (int s = 0; s < out->k; s++)
	{
		levels->values[2 * s] = segments[s].birth;
		levels->values[2 * s + 1] = segments[s].peak;
	}
	if (o->keep_points && out->k > 0)
		KeepPoints(arena, in->matrix, plan->min_samples, CsArenaAddress(arena, out->labels), leave,
				   out->parameters);
}

/* Put a measure into the output. */
static void
AddMetric(CsFitOutput *out, const char *name, double value)
{
	out->metrics[out->nmetrics++] = (CsMetric) {name, value};
}

/* Measures: how much is noise, how strongly rows belong to their segments, how stable these are. */
static void
Measure(const HdbscanPlan *plan, const int32 *labels, const double *leave,
		const HdbscanSegment *segments, CsFitOutput *out)
{
	int64		members = 0;
	double		strength = 0,
				stability = 0;

	for (int32 i = 0; i < plan->nrows; i++)
	{
		if (labels[i] < 0)
			continue;
		members++;
		strength += Min(1, segments[labels[i]].peak / leave[i]);
	}
	for (int s = 0; s < out->k; s++)
		stability += segments[s].stability;
	AddMetric(out, "min_cluster_size", plan->min_cluster_size);
	AddMetric(out, "min_samples", plan->min_samples);
	AddMetric(out, "noise_share", (double) (plan->nrows - members) / plan->nrows);
	AddMetric(out, "mean_strength", members > 0 ? strength / members : NAN);
	AddMetric(out, "stability", stability);
}

/* What was decided, and what the user should know of the result. */
static char *
Note(const HdbscanOptions *o, const HdbscanPlan *plan, int k)
{
	StringInfoData note;

	initStringInfo(&note);
	if (o->min_cluster_size == 0)
		appendStringInfo(&note, "chose min_cluster_size = %d, min_samples = %d",
						 plan->min_cluster_size, plan->min_samples);
	if (k == 0)
		appendStringInfo(&note, "%sno segments found, all rows are noise",
						 note.len > 0 ? "; " : "");
	else if (!o->keep_points)
		appendStringInfo(&note, "%snew customers cannot be placed, because keep_points is false",
						 note.len > 0 ? "; " : "");
	return note.len > 0 ? note.data : NULL;
}

/* Find the clusters, as CsAlgorithm.fit. */
static void
HdbscanFit(const CsFitInput *in, CsFitOutput *out)
{
	CsArena    *arena = CsTeamArena(in->team);
	const HdbscanOptions *o = in->options;
	int64		nrows = in->matrix->nrows;
	HdbscanPlan plan = PlanFit(o, nrows);
	HdbscanSegment *segments = NULL;
	double	   *leave;
	int32	   *labels;

	CheckRows(o, nrows, in->matrix->ncolumns);
	leave = palloc_extended(mul_size(sizeof(double), nrows), MCXT_ALLOC_HUGE);
	memset(out, 0, sizeof(*out));
	out->labels = CsArenaAlloc(arena, mul_size(sizeof(int32) * CS_BLOCK_ROWS,
											   CsMatrixBlocks(in->matrix)));
	labels = CsArenaAddress(arena, out->labels);
	for (int64 i = 0; i < nrows; i++)
		labels[i] = -1;
	if (nrows >= plan.min_cluster_size)
	{
		HdbscanEdge *edges = CsHdbscanSpanningTree(in->team, in->matrix, plan.min_samples,
												   &out->iterations);

		out->k = CsHdbscanSelect(&plan, edges, labels, leave, &segments, out);
		pfree(edges);
	}
	if (out->k > CS_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("hdbscan found %d segments, but the limit is %d", out->k, CS_MAX_SEGMENTS),
				 errhint("Raise option \"min_cluster_size\".")));
	out->converged = true;
	out->note = Note(o, &plan, out->k);
	CsMeasureSegments(in, out);
	FillParameters(in, &plan, leave, segments, out);
	Measure(&plan, labels, leave, segments, out);
	pfree(leave);
}

const CsAlgorithm CsHdbscan = {
	.name = "hdbscan",
	.segments = "dense places of any density",
	.memory_text = "about 100 bytes for each row, and 240 more for each number that is kept for scoring: 100,000 rows of 3 columns need about 120 MB",
	.keeps = "every row, unless keep_points is false",
	.time = "rows x log(rows) x columns while a tree finds neighbors, in few columns; up to rows x rows x columns",
	.options = hdbscanOptions,
	.noptions = lengthof(hdbscanOptions),
	.options_size = sizeof(HdbscanOptions),
	.max_segments = CS_MAX_SEGMENTS,
	.finds_k = true,
	.has_noise = true,
	.parameters = hdbscanParameters,
	.nparameters = HDBSCAN_NPARAMETERS,
	.memory = HdbscanMemory,
	.fit = HdbscanFit,
	.compile = CsHdbscanCompile,
	.assign = CsHdbscanAssign,
	.explain = CsHdbscanExplain,
};
