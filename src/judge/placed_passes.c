/*
 * placed_passes.c
 *	  The rows of a source on other servers in a model's space: what these servers add up, and a sample of them.
 *
 *	 survey			rows, and values that are missing
 *	 range			the farthest rows, the farthest distance, and densities
 *	 measures		twice: means of the segments, and then deviations from them
 *	 sample			rows of the lowest hashes, for silhouettes
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "judge/judge.h"
#include "score/placed_pass.h"
#include "stat/validity_exact.h"

/* The seed of the sample, and the part of memory that it may take. */
#define SAMPLE_SEED 42
#define SAMPLE_SHARE 4

/* Rows that are judged by passes. */
typedef struct Passes
{
	CsPlacedRows *rows;
	const CsScorer *scorer;
	const CsPipeline *pipeline;
	CsStudy    *study;
	int		   *column;			/* of each feature: which of the study it is, */
	int		   *at;				/* and which number, or text, of a row */
	double	   *reach;			/* of each column of the model's space */
	double		farthest;
	double		density;
	int64	   *counts;			/* rows of each segment */
} Passes;

/* Study the features. */
static void
Study(Passes *o, const CsPieces *pieces)
{
	const CsPipeline *p = o->pipeline;
	CsColumn   *columns = palloc(sizeof(CsColumn) * Max(p->nfeatures, 1));

	o->column = palloc(sizeof(int) * Max(p->nfeatures, 1));
	o->at = palloc(sizeof(int) * Max(p->nfeatures, 1));
	for (int i = 0; i < p->nfeatures; i++)
	{
		columns[i] = o->rows->pass->columns.columns[o->rows->placer->column[i]];
		columns[i].converter = CsFeatureConverter(&p->feature[i], &columns[i]);
		o->column[i] = i;
	}
	o->study = CsStudyOpen(pieces, columns, p->nfeatures, palloc0(sizeof(bool) * Max(p->nfeatures, 1)));
	for (int i = 0; i < p->nfeatures; i++)
		o->at[i] = o->study->column[i].at;
}

/* An error where a value is missing that is to be there. */
static void
CheckMissing(const Passes *o)
{
	double	   *raw = palloc0(sizeof(double) * Max(o->pipeline->nfeatures, 1));

	for (int i = 0; i < o->pipeline->nfeatures; i++)
		if (o->study->column[i].n_null > 0)
			raw[i] = NAN;
	CsPipelineCheckMissing(o->pipeline, raw, NameStr(o->scorer->model));
	pfree(raw);
}

/* Find how far rows are, and how many each segment has.  Returns whether all of it is finite. */
static bool
FindRange(Passes *o)
{
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	bool		is_finite;

	o->reach = palloc(sizeof(double) * o->scorer->ncolumns);
	o->counts = palloc(sizeof(int64) * o->scorer->nsegments);
	CsStudyBegin(o->study, false, NULL, &json);
	CsPlacedPlan(&json, o->scorer, o->at, o->study->nrows, -1);
	CsPlacedRangePlan(&json);
	run = CsStudyRun(o->study, &json);
	o->farthest = CsPlacedRead(run.pass, &run.pass->parts[0], run.state, o->counts, &o->rows->unplaced);
	is_finite = CsPlacedRangeRead(run.pass, &run.pass->parts[1], run.state, o->reach, &o->density);
	o->rows->nrows = o->study->nrows - o->rows->unplaced;
	return is_finite && isfinite(o->farthest);
}

/* Run a pass that measures the rows from k x d points, in the order of the version's segments. */
static CsTallyRun
RunMeasures(const Passes *o, const double *from)
{
	CsExactValidity v = {
		.k = o->scorer->nsegments,.d = o->scorer->ncolumns,.nrows = o->study->nrows,.heaviest = 1,.reach = o->reach,
		.centers = from,.is_labelled = true,.is_placed = true
	};
	JsonbParseState *json = NULL;

	CsStudyBegin(o->study, false, NULL, &json);
	CsPlacedPlanDensities(&json, o->scorer, o->at, o->study->nrows, o->farthest, o->density);
	CsExactValidityPlan(&v, &json);
	return CsStudyRun(o->study, &json);
}

/* The means of the segments in the order of the version's, of which noise is the first one; palloc'd. */
static double *
MeansOf(const Passes *o, const CsSegmentMoments *moments)
{
	Size		d = o->scorer->ncolumns;
	int			noise = o->scorer->has_noise ? 1 : 0;
	double	   *means = palloc_extended(sizeof(double) * o->scorer->nsegments * d, MCXT_ALLOC_HUGE);

	memcpy(means + noise * d, moments->centers, sizeof(double) * moments->k * d);
	if (noise)
		memcpy(means, moments->centers + moments->k * d, sizeof(double) * d);
	return means;
}

/* Measure the rows. */
static void
Measure(const Passes *o)
{
	CsPlacedRows *rows = o->rows;
	bool		has_noise = o->scorer->has_noise;
	int			n = o->scorer->nsegments;
	CsDistances *distances = palloc(sizeof(CsDistances) * n);
	const double *from = palloc_extended(sizeof(double) * n * o->scorer->ncolumns, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	CsTallyRun	run = RunMeasures(o, from);
	CsSegmentMoments *moments = CsExactValidityMoments(run.pass, &run.pass->parts[1], run.state, has_noise);

	CsPlacedDistances(run.pass, &run.pass->parts[0], run.state, distances);
	/* noise has no centre */
	for (int i = has_noise ? 1 : 0; i < n; i++)
		CsDistancesMerge(&rows->distances, &distances[i]);
	if (o->density >= 0)
		rows->log_likelihood = CsPlacedDensities(run.pass, &run.pass->parts[0], run.state);
	run = RunMeasures(o, MeansOf(o, moments));
	moments = CsExactValidityMoments(run.pass, &run.pass->parts[1], run.state, has_noise);
	rows->validity = palloc(sizeof(CsValidity));
	*rows->validity = CsValidityOfMoments(moments, o->scorer->ncolumns);
}

/* CsDraw.take: a row of the sample, whose label has room behind those before. */
static void
TakeRow(void *state, const CsScoring *scoring, const int *index)
{
	CsPlacedRows *rows = state;
	CsMatrix   *m = rows->matrix;
	int32	   *labels = CsArenaAddress(rows->arena, rows->labels);

	if (m->nrows % CS_BLOCK_ROWS == 0)
		CsMatrixGrow(m, rows->arena);
	labels[m->nrows] = *index - (scoring->fitted.has_noise ? 1 : 0);
	m->nrows++;
	CsMatrixPutRow(m, rows->arena, m->nrows - 1, scoring->z);
}

/* Draw the sample that silhouettes are computed from: as many rows as memory has room for. */
static void
DrawSample(const Passes *o)
{
	CsPlacedRows *rows = o->rows;
	Size		row = sizeof(double) * (o->scorer->ncolumns + o->pipeline->nfeatures + 2);
	int64		most = Max(Min(rows->sample, (int64) (CsMemoryLimit() / SAMPLE_SHARE / row)), 2);
	const int  *column = o->column;

	most = Min(most, o->study->nrows);
	rows->labels = CsArenaAlloc(rows->arena, sizeof(int32) * Max(most, 1));
	if (rows->nrows == 0)
		return;
	(void) CsDrawByPass(&(CsDraw) {
		.study = o->study,.nversions = 1,.scorer = &o->scorer,.column = &column,.rows = most,.seed = SAMPLE_SEED,
		.take = TakeRow,.state = rows
	});
}

/* Does nothing but the rows themselves do?  So it is with elements of vectors. */
static bool
NeedsRows(const CsPass *pass)
{
	for (int i = 0; i < pass->columns.ncolumns; i++)
		if (pass->columns.columns[i].element > 0 || pass->columns.columns[i].vector != NULL)
			return true;
	return false;
}

/*
 * Judge the rows by passes: measures of all, and a sample in place of the rows.  Returns false, with nothing read but
 * counts, where the rows are not on other servers that can place them, or where a row is infinitely far off: they are to be
 * read.
 */
bool
CsPlacedRowsByPasses(CsPlacedRows *rows)
{
	const CsPieces *pieces = CsPiecesElsewhere(rows->pass->relation);
	Passes		o = {.rows = rows,.scorer = rows->placer->scoring.scorer};

	if (pieces == NULL || NeedsRows(rows->pass))
		return false;
	o.pipeline = CsScorerPipeline(o.scorer);
	Study(&o, pieces);
	CheckMissing(&o);
	if (!FindRange(&o))
	{
		rows->unplaced = rows->nrows = 0;
		return false;
	}
	Measure(&o);
	DrawSample(&o);
	return true;
}
