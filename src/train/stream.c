/*
 * stream.c
 *	  All rows of the source, batch by batch, for a model that was fitted to a sample of them.
 *
 *	 reading	rows.c keeps a sample of the rows; the columns are judged, the preparation and the
 *				baseline are fitted, k is chosen and the algorithm's first fit is made on it
 *	 passes		every row, prepared, in batches: the algorithm learns (CsStreaming)
 *	 last pass	every row once more: its segment, profiles and distances of the segments,
 *				inertia, and the overlap with the deployed version
 *
 * A batch is one matrix that is filled again and again, so memory depends on the sample and the
 * batch, not on the table.  Its rows are bound and prepared by the code that scores customers
 * later: a level that is not in the sample counts as one that training did not see.
 *
 * All passes are under the snapshot of the statement that trains, so they see the same rows in
 * the same order, whatever is written meanwhile.  A query that is volatile may give other rows
 * each time; the model is then one of the rows of its last pass.
 *
 * The team is at work between the rows, that is, while the source's query is being executed in
 * parallel mode.  That is how the leader of any parallel query of PostgreSQL executes its part of
 * the plan, and holds for what may be there: nothing that is marked parallel unsafe.  A source
 * that is not of the kind has a team without workers (prepare.c), and so no parallel mode.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "prep/prep.h"
#include "progress.h"
#include "train/train.h"

/* A batch may take this part of the memory of a training. */
#define BATCH_SHARE 4

typedef struct Stream
{
	CsTraining *t;
	CsTeam	   *team;
	CsRowColumns columns;
	CsBinding  *binding;		/* of the model's features to them */
	double	   *row;			/* the current row's features */
	int			capacity;		/* rows of a batch */
	double	   *block;			/* the batch's block that is being filled */
	CsMatrix   *raw;			/* the batch, */
	CsMatrix   *matrix;			/* and in model space; the same where that takes its place */
	int			weights;		/* area of double[capacity], or -1 */
	CsApplication application;
	void	   *state;			/* the algorithm's */
	bool		last;			/* the last pass */
	CsProfile  *profile;		/* of the last pass */
	int64		nrows;			/* of this pass, in batches that are done */
} Stream;

/* Bytes that a row of a batch takes. */
static Size
BatchRowSize(const CsTraining *t, int noutputs, bool in_place)
{
	Size		columns = (Size) t->nfeatures + (in_place ? 0 : noutputs);
	Size		size = mul_size(columns, sizeof(double));

	if (t->common->weight != NULL)
		size += sizeof(double);
	for (int i = 0; i < t->nlabellers; i++)
		size += CsLabellerMemory(t->labellers[i], 1);
	return size;
}

/*
 * The number of rows of a batch: as many as were asked for, or, in whole blocks, fewer when these
 * would take more than their part of the memory.
 */
static int
BatchRows(const CsTraining *t, int noutputs, bool in_place)
{
	int			wanted = CsStreamOptionsOf(t)->batch_size;
	Size		block = BatchRowSize(t, noutputs, in_place) * CS_BLOCK_ROWS;
	Size		fit = CsMemoryLimit() / BATCH_SHARE / block;

	return (int) Min((Size) wanted, Max(fit, 1) * CS_BLOCK_ROWS);
}

/* Bytes that the passes take beside a sample of so many rows in model space. */
Size
CsStreamMemory(const CsTraining *t, int64 nrows, int noutputs, bool in_place, int k)
{
	int			rows = BatchRows(t, noutputs, in_place);
	Size		blocks = (rows + CS_BLOCK_ROWS - 1) / CS_BLOCK_ROWS;

	return add_size(mul_size(BatchRowSize(t, noutputs, in_place), blocks * CS_BLOCK_ROWS),
					t->streaming->memory(nrows, rows, noutputs, k));
}

/* An empty matrix with the blocks that a batch needs. */
static CsMatrix *
BatchMatrix(const Stream *s, int ncolumns)
{
	CsMatrix   *m = CsMatrixCreate(ncolumns);

	while (m->nrows < s->capacity)
	{
		CHECK_FOR_INTERRUPTS();
		CsMatrixGrow(m, s->t->arena);
		m->nrows = Min(m->nrows + CS_BLOCK_ROWS, s->capacity);
	}
	return m;
}

/* Make the batch, whose matrices are at their largest, and start the algorithm's passes. */
static void
StartStream(Stream *s)
{
	CsTraining *t = s->t;
	const CsPipeline *p = t->pipeline;
	bool		in_place = CsPipelineInPlace(p);
	CsFitInput	sample = {
		.team = s->team,
		.matrix = t->matrix,
		.weights = t->weights,
		.k = t->k,
		.options = t->options
	};

	CsRowColumnsCollect(t, &s->columns);
	s->binding = CsBindingForColumns(p, s->columns.set.columns, s->columns.set.ncolumns, t->model,
									 t->context, NULL);
	s->row = palloc(sizeof(double) * p->nfeatures);
	s->capacity = BatchRows(t, p->noutputs, in_place);
	s->raw = BatchMatrix(s, p->nfeatures);
	s->matrix = in_place ? s->raw : BatchMatrix(s, p->noutputs);
	s->weights = -1;
	if (s->columns.weight >= 0)
		s->weights = CsArenaAlloc(t->arena, mul_size(sizeof(double), s->capacity));
	CsApplicationStart(&s->application, s->team, p, s->raw, s->matrix);
	s->state = t->streaming->start(&sample, &t->fit, s->matrix, s->weights, t->nrows);
}

/* In the last pass: what the batch adds to the segments. */
static void
SumUpBatch(Stream *s)
{
	CsTraining *t = s->t;
	int			labels = t->streaming->assign(s->state);

	if (s->profile == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(t->context);

		s->profile = CsStartProfile(t, s->matrix, s->raw, labels);
		MemoryContextSwitchTo(old);
	}
	CsProfileAdd(s->profile, s->team, s->matrix, s->raw, NULL, NULL);
	if (t->predecessor != NULL)
		CsPredecessorCompare(t, CsArenaAddress(t->arena, labels), s->matrix->nrows);
}

/* A batch is complete: prepare it, use it, and begin the next one. */
static void
UseBatch(Stream *s)
{
	CHECK_FOR_INTERRUPTS();
	CsApplicationRun(&s->application, s->team, s->raw, s->matrix);
	if (s->last)
		SumUpBatch(s);
	else
		s->t->streaming->learn(s->state);
	s->nrows += s->raw->nrows;
	CsProgressRows(s->nrows, s->t->nrows);
	s->raw->nrows = 0;
}

/* Is the row one that the reading of the sample skipped, too? */
static bool
IsSkipped(const Stream *s, double weight)
{
	const CsPipeline *p = s->t->pipeline;

	for (int i = 0; i < p->nfeatures; i++)
		if (p->feature[i].impute == CS_IMPUTE_SKIP && isnan(s->row[i]))
			return true;
	return weight == 0;
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Stream	   *s = state;
	CsTraining *t = s->t;
	double		weight = CsRowWeight(&s->columns, values, nulls);
	int64		place = s->raw->nrows;
	double	   *x;

	CsBindValues(s->binding, t->pipeline, values, nulls, s->row);
	if (IsSkipped(s, weight))
		return;
	CsPipelineCheckRow(t->pipeline, s->row);
	if (place % CS_BLOCK_ROWS == 0)
		s->block = CsMatrixBlock(s->raw, t->arena, place / CS_BLOCK_ROWS);
	x = s->block + place % CS_BLOCK_ROWS;
	for (int i = 0; i < t->nfeatures; i++)
		x[(Size) i * CS_BLOCK_ROWS] = s->row[i];
	if (s->weights >= 0)
		((double *) CsArenaAddress(t->arena, s->weights))[place] = weight;
	if (s->last && t->predecessor != NULL)
		CsLabellerKeep(t->predecessor, place, values, nulls);
	if (++s->raw->nrows == s->capacity)
		UseBatch(s);
}

/* Read all rows once. */
static void
RunPass(Stream *s)
{
	s->nrows = 0;
	s->raw->nrows = 0;
	CsProgressRows(0, s->t->nrows);
	CsRelationRead(s->t->relation, s->columns.set.columns, s->columns.set.ncolumns, TakeRow, s);
	if (s->raw->nrows > 0)
		UseBatch(s);
	if (s->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s had no rows when it was read again", s->t->relation->description),
				 errhint("Give a query that returns the same rows each time, without random().")));
}

/*
 * Leave out the segments to which no row came: their centres, counts and rows, and the labels of
 * the sample.
 */
void
CsDropEmptySegments(CsTraining *t)
{
	CsOverlap	overlap = t->overlap;
	int			d = t->matrix->ncolumns,
				kept = 0;
	int		   *number = palloc(sizeof(int) * t->fit.k);
	int32	   *labels = CsArenaAddress(t->arena, t->fit.labels);

	for (int c = 0; c < t->fit.k; c++)
	{
		number[c] = -1;
		if (t->fit.counts[c] == 0)
			continue;
		memmove(t->fit.centers + (Size) kept * d, t->fit.centers + (Size) c * d,
				sizeof(double) * d);
		t->fit.counts[kept] = t->fit.counts[c];
		t->segments[kept] = t->segments[c];
		t->segments[kept].index = kept;
		t->segments[kept].center = t->fit.centers + (Size) kept * d;
		if (overlap.rows != NULL)
			memmove(overlap.rows + (Size) kept * overlap.n, overlap.rows + (Size) c * overlap.n,
					sizeof(double) * overlap.n);
		number[c] = kept++;
	}
	if (overlap.rows != NULL)
		memset(overlap.rows + (Size) kept * overlap.n, 0,
			   sizeof(double) * overlap.n * (t->fit.k - kept));
	for (int64 i = 0; i < t->matrix->nrows && kept < t->fit.k; i++)
		labels[i] = number[labels[i]];
	t->fit.k = t->nsegments = kept;
	pfree(number);
}

/* Say what the sample was good for. */
static char *
DescribeSample(const Stream *s)
{
	const CsTraining *t = s->t;
	StringInfoData note;

	initStringInfo(&note);
	appendStringInfo(&note, "prepared on a sample of %lld of %lld rows",
					 (long long) t->matrix->nrows, (long long) t->nrows);
	if (s->capacity < CsStreamOptionsOf(t)->batch_size)
		appendStringInfo(&note, ", read in batches of %d rows", s->capacity);
	return note.data;
}

/*
 * Complete the fit of a sample, t->matrix, by all rows of the source.  Fills t->fit, t->segments
 * except for numbers and names, and the mean distance.
 */
void
CsStreamRows(CsTraining *t, CsTeam *team)
{
	Stream		s = {.t = t, .team = team};
	CsFitOutput out = {0};
	int			pass = 0;

	if (t->raw != t->matrix)
		CsMatrixFree(t->raw, t->arena);
	StartStream(&s);
	CsProgressPhase(CS_PHASE_ITERATING);
	do
	{
		CsProgressFit(0, 0, ++pass);
		RunPass(&s);
	} while (t->streaming->end_pass(s.state));
	t->streaming->settle(s.state, &out);
	t->fit = out;
	CsProgressPhase(CS_PHASE_SCORING);
	s.last = true;
	RunPass(&s);
	t->nrows = s.nrows;
	t->streaming->finish(s.state, &t->fit);
	t->fit.note = DescribeSample(&s);
	CsFillSegments(t, s.profile);
	CsDropEmptySegments(t);
	CsApplicationEnd(&s.application, team);
	if (s.weights >= 0)
		CsArenaFree(t->arena, s.weights);
	if (s.matrix != s.raw)
		CsMatrixFree(s.matrix, t->arena);
	CsMatrixFree(s.raw, t->arena);
}
