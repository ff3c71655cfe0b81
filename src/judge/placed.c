/*
 * placed.c
 *	  The rows of a source in a model's space, each with the segment that the model gives it.
 *
 * Each row goes through the same binding, pipeline and placing as predict's.  Labels count segments
 * from 0 without noise, which is -1, as an algorithm's fit does; so the measures of stat/ can be
 * taken.  Rows that the model cannot place are counted and left out.
 *
 * Memory is held to maintenance_work_mem, room for the measures included.  Past it nothing more is
 * stored, but the rows are counted to the end: the error can then say what would be enough.  Of rows on other servers that
 * would not fit, those of the lowest hashes of the id are read.
 */
#include "custseg.h"

#include <math.h>

#include "data/fetch.h"
#include "judge/judge.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 4096

/* Bytes that an id takes, about, before any has been seen; the memory that ids come from grows by doubling. */
#define ID_BYTES 128

typedef struct Reader
{
	CsPlacedRows *rows;
	const CsFitted *fitted;
	double	   *block;			/* the matrix's last */
	int32	   *labels;
	int64		capacity;		/* of labels, and of ids */
	int64		nrows;			/* that could be placed, stored or not */
	bool		over_limit;		/* rows are counted only */
} Reader;

/* Bytes that so many rows take, the measures' included; ids as long as they have been so far. */
static Size
MemoryNeeded(const Reader *reader, int64 nrows)
{
	const CsPlacedRows *rows = reader->rows;
	int64		stored = rows->matrix->nrows;
	int			d = rows->matrix->ncolumns;
	Size		ids = rows->keep_ids ? sizeof(char *) : 0;
	Size		size = mul_size(nrows / CS_BLOCK_ROWS + 1, CsMatrixBlockSize(rows->matrix));

	/* of none nothing is known: the context alone has room for many of them */
	if (rows->keep_ids && stored > 0)
		ids += MemoryContextMemAllocated(rows->texts, true) / stored;
	/* labels are copied once, to where a team reads them */
	size = add_size(size, mul_size(nrows, add_size(2 * sizeof(int32), ids)));
	return add_size(size, add_size(CsSilhouetteMemory(Min(nrows, rows->sample), d, rows->k),
								   CsMomentsMemory(rows->k, d)));
}

/* Make room for another block, if there may be one. */
static void
StartBlock(Reader *reader)
{
	CsPlacedRows *rows = reader->rows;
	MemoryContext old;

	if (reader->over_limit)
		return;
	if (MemoryNeeded(reader, reader->nrows + CS_BLOCK_ROWS) > CsMemoryLimit())
	{
		reader->over_limit = true;
		return;
	}
	old = MemoryContextSwitchTo(rows->context);
	if (reader->nrows + CS_BLOCK_ROWS > reader->capacity)
	{
		reader->capacity = Max(FIRST_CAPACITY, reader->capacity + reader->capacity / 2);
		reader->labels = reader->labels == NULL ?
			palloc_extended(mul_size(sizeof(int32), reader->capacity), MCXT_ALLOC_HUGE) :
			repalloc_huge(reader->labels, mul_size(sizeof(int32), reader->capacity));
		if (rows->keep_ids)
			rows->ids = rows->ids == NULL ?
				palloc_extended(mul_size(sizeof(char *), reader->capacity), MCXT_ALLOC_HUGE) :
				repalloc_huge(rows->ids, mul_size(sizeof(char *), reader->capacity));
	}
	CsMatrixGrow(rows->matrix, rows->arena);
	MemoryContextSwitchTo(old);
	reader->block = CsMatrixBlock(rows->matrix, rows->arena, reader->nrows / CS_BLOCK_ROWS);
}

/* Store a row that has been placed. */
static void
StoreRow(Reader *reader, const CsAssignment *placed, const char *id)
{
	CsPlacedRows *rows = reader->rows;
	const CsFitted *model = reader->fitted;
	const double *z = rows->placer->scoring.z;
	double	   *x = reader->block + reader->nrows % CS_BLOCK_ROWS;
	int32		label = placed->index - (model->has_noise ? 1 : 0);

	for (int j = 0; j < model->ncolumns; j++)
		x[(Size) j * CS_BLOCK_ROWS] = z[j];
	reader->labels[reader->nrows] = label;
	if (rows->keep_ids)
		rows->ids[reader->nrows] = id == NULL ? NULL : MemoryContextStrdup(rows->texts, id);
	if (label >= 0)
		CsDistancesAdd(&rows->distances, model, z, placed->index);
	if (rows->placer->scoring.algorithm->log_density != NULL)
		rows->log_likelihood += rows->placer->scoring.algorithm->log_density(model, z);
	rows->matrix->nrows++;
}

/* Into how many parts the rows are to be divided for one of them to fit, with something to spare: a power of two. */
static double
PartsOfRows(const Reader *reader)
{
	double		parts = 2,
				nrows = (double) reader->nrows;

	while (parts < nrows && MemoryNeeded(reader, (int64) (1.1 * nrows / parts) + CS_BLOCK_ROWS) > CsMemoryLimit())
		parts *= 2;
	return parts;
}

/* The error of a source that is too large. */
static void
ReportMemory(const Reader *reader)
{
	const CsPlacedRows *rows = reader->rows;
	Size		needed = MemoryNeeded(reader, reader->nrows + CS_BLOCK_ROWS);

	CsMemoryError(needed, psprintf("judge it on fewer rows, as %s gives", CsSampleOf(rows->pass->relation, PartsOfRows(reader))),
				  "judging model \"%s\" on %lld rows",
				  NameStr(rows->placer->scoring.scorer->model), (long long) reader->nrows);
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reader	   *reader = state;
	CsPlacedRows *rows = reader->rows;
	const CsAssignment *placed = &rows->placer->placed;

	if (placed->index < 0)
	{
		rows->unplaced++;
		return;
	}
	if (reader->nrows % CS_BLOCK_ROWS == 0)
		StartBlock(reader);
	if (reader->over_limit && rows->drawn_of > 0)
		ReportMemory(reader);
	if (!reader->over_limit)
		StoreRow(reader, placed, rows->keep_ids ? CsPassId(rows->pass, values, nulls) : NULL);
	reader->nrows++;
}

/* Read all rows. */
static void
ReadRows(Reader *reader)
{
	CsPlacedRows *rows = reader->rows;

	CsPassVisit(rows->pass, &(CsVisitor) {.state = reader, .take_row = TakeRow});
	(void) CsPassRead(rows->pass);
	if (reader->over_limit)
		ReportMemory(reader);

	rows->nrows = reader->nrows;
	rows->labels = CsArenaAlloc(rows->arena, mul_size(sizeof(int32), reader->nrows));
	if (reader->labels == NULL)
		return;
	memcpy(CsArenaAddress(rows->arena, rows->labels), reader->labels, sizeof(int32) * reader->nrows);
	pfree(reader->labels);
}

/* Bytes that so many rows, in whole blocks, will take with their ids, of which none has been seen. */
static Size
MemoryExpected(const Reader *reader, int64 nrows)
{
	int64		room = (nrows / CS_BLOCK_ROWS + 1) * CS_BLOCK_ROWS;

	return add_size(MemoryNeeded(reader, room), mul_size(room, ID_BYTES));
}

/* Most of so many rows that there is room for. */
static int64
RowsThatFit(const Reader *reader, int64 nrows)
{
	int64		fit = 0;

	for (int64 step = INT64CONST(1) << 40; step > 0; step /= 2)
		if (fit + step <= nrows && MemoryExpected(reader, fit + step) <= CsMemoryLimit())
			fit += step;
	return fit;
}

/*
 * Where rows would be fetched from other servers, and there is no room for all of them, have a sample read: enough rows for
 * the silhouettes, if these fit.  Without an id by which rows are drawn nothing changes, nor without room for a single row.
 */
static void
SampleElsewhere(Reader *reader)
{
	CsPlacedRows *rows = reader->rows;
	CsPass	   *pass = rows->pass;
	CsFetched	fetched = CsRelationFetched(pass->relation, pass->columns.columns, pass->columns.ncolumns);
	int64		nrows = (int64) Min(fetched.nrows, 1e12);
	double		wanted = (double) rows->sample + 8 * sqrt((double) rows->sample) + 16;
	int64		fit = RowsThatFit(reader, nrows);
	CsRelation *sample;

	if (!OidIsValid(fetched.relid) || fit == 0 ||
		(fetched.bytes <= (double) CsMemoryLimit() && MemoryExpected(reader, nrows) <= CsMemoryLimit()))
		return;
	sample = CsRelationSample(pass->relation, CsFindKey(pass->relation, CsScorerId(rows->placer->scoring.scorer)),
							  Min((double) fit, wanted), fetched.nrows);
	if (sample == NULL)
		return;
	pass->relation = sample;
	rows->drawn_of = fetched.nrows;
}

/*
 * Read the rows of a source, in a memory context of their own, to which it switches.  "sample"
 * tells how many rows the silhouettes will be computed from, for the memory.  With "keep_ids" single rows are wanted, with
 * their ids; without, what measures of all rows need.  End with CsPlacedRowsFree().
 */
CsPlacedRows *
CsPlacedRowsRead(const char *model, int version, const char *source, int64 sample, bool keep_ids)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg placed rows",
												  ALLOCSET_DEFAULT_SIZES);
	CsPlacedRows *rows = MemoryContextAllocZero(context, sizeof(CsPlacedRows));
	Reader		reader = {.rows = rows};

	rows->context = context;
	rows->caller = MemoryContextSwitchTo(context);
	rows->sample = sample;
	rows->keep_ids = keep_ids;
	rows->texts = GenerationContextCreate(context, "custseg ids", ALLOCSET_DEFAULT_SIZES);
	rows->pass = CsPassOpenModel(model, version, source, CS_PLACE_STRICT, &rows->placer);
	if (keep_ids)
		CsPassHonour(rows->pass, rows->placer);
	reader.fitted = &rows->placer->scoring.fitted;
	rows->k = reader.fitted->nsegments - (reader.fitted->has_noise ? 1 : 0);
	rows->arena = CsArenaCreate(CsTeamWorkersFor(PG_INT64_MAX) > 0);
	rows->matrix = CsMatrixCreate(reader.fitted->ncolumns);
	if (keep_ids)
		SampleElsewhere(&reader);
	if (keep_ids || !CsPlacedRowsByPasses(rows))
		ReadRows(&reader);
	return rows;
}

/* A team for the measures, which the caller ends. */
CsTeam *
CsPlacedRowsTeam(CsPlacedRows *rows)
{
	return CsTeamStart(rows->arena, CsTeamWorkersFor(rows->matrix->nrows * rows->matrix->ncolumns));
}

/* Switch back to the caller's memory context and release everything. */
void
CsPlacedRowsFree(CsPlacedRows *rows)
{
	MemoryContextSwitchTo(rows->caller);
	CsArenaDestroy(rows->arena);
	MemoryContextDelete(rows->context);
}
