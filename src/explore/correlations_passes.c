/*
 * correlations_passes.c
 *	  correlations() of a source whose rows are on other servers, or more than there is memory for: by passes.
 *
 * Pearson's correlations are those of all rows, from exact sums.  Ranks are known only where values are at hand, so
 * Spearman's are those of a sample: the rows of the lowest hashes of all columns of the source, the same however the
 * rows are laid out.
 */
#include "custseg.h"

#include <math.h>

#include "access/transam.h"
#include "call/call.h"
#include "catalog/pg_type.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "explore/explore.h"
#include "prep/survey.h"

/* Rows of the sample at most, and the part of memory that its state may take. */
#define SAMPLE_ROWS 20000
#define SAMPLE_SHARE 8
#define SAMPLE_SEED 42

/* Can passes read the columns? */
static bool
CanRead(const CsLook *look)
{
	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].column.element > 0 || look->columns[i].column.vector != NULL)
			return false;
	return true;
}

/*
 * The pieces that passes are to be run over, palloc'd; NULL: none are.  Rows of other servers that cannot run them are
 * fetched, as far as there is memory.
 */
static CsPieces *
PiecesToPass(const CsLook *look)
{
	CsPieces   *pieces = CsPiecesElsewhere(look->relation);

	if (pieces != NULL)
		return pieces;
	pieces = CsPiecesOf(look->relation);
	if (pieces->is_foreign || !CanRead(look) ||
		CsRelationPlannedRows(look->relation) * CsCorrelationsMemory(1, look->ncolumns) <= (double) CsMemoryLimit())
		return NULL;
	return pieces;
}

/* What is known of the columns, once moments are; palloc'd. */
static CsColumnReach *
ReachOfColumns(const CsStudy *study)
{
	CsColumnReach *columns = palloc(sizeof(CsColumnReach) * study->ncolumns);

	for (int i = 0; i < study->ncolumns; i++)
	{
		const CsStudyColumn *c = &study->column[i];
		CsColumnReach *column = &columns[i];

		*column = (CsColumnReach) {.is_complete = c->moments.n == study->nrows,.is_constant = !(c->lowest < c->highest)};
		if (c->moments.n == 0)
			continue;
		CsMiddleOf(c->moments.mean, c->lowest, c->highest, &column->middle, &column->reach);
	}
	return columns;
}

/*
 * Have passes read hashes of all other columns, for that is what tells rows apart that are alike in those that are
 * correlated.  Columns of types that other servers may not hash are left out.
 */
static void
ReadHashes(CsStudy *study, const CsRelation *rel)
{
	for (int i = 0; i < rel->ncolumns; i++)
	{
		CsColumn   *column = &rel->columns[i];
		bool		is_read = column->type >= FirstNormalObjectId;

		for (int j = 0; j < study->ncolumns && !is_read; j++)
			is_read = CsIsSameColumn(&study->columns[j], column);
		if (is_read)
			continue;
		if (column->type == BOOLOID || column->type == DATEOID)
			(void) CsTallyColumnsAdd(&study->read, column);
		else
			(void) CsTallyColumnsAddKey(&study->read, list_make1(column), SAMPLE_SEED);
	}
}

/* Rows of the sample: as many as there is memory for, once as a state and once with their ranks. */
static int64
SampleRoom(int64 nrows, int ncolumns)
{
	Size		record = sizeof(uint64) * (ncolumns + 2);
	Size		row = record * SAMPLE_SHARE + CsCorrelationsMemory(1, ncolumns);

	return Max(Min(Min(nrows, SAMPLE_ROWS), (int64) (CsMemoryLimit() / row)), 1);
}

/* Put the rows of the sample into the look, and free them. */
static void
TakeSample(CsLook *look, const CsTallyRun *run, int part)
{
	const CsRecords *records = CsSampleRead(run->pass, &run->pass->parts[part], run->state);

	look->nrows = records->used;
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];

		c->values = palloc_extended(sizeof(double) * Max(look->nrows, 1), MCXT_ALLOC_HUGE);
		for (int64 r = 0; r < look->nrows; r++)
		{
			double		value = CsSampleValue(records, look->ncolumns + 2, r, i);

			CsCheckInterrupts(r);
			c->values[r] = isinf(value) ? NAN : value;
			if (!isfinite(value))
				continue;
			CsMomentsAdd(&c->moments, &value, 1);
			c->n++;
		}
	}
	pfree(run->state);
}

/* Hold a pass to maintenance_work_mem. */
static void
CheckPassMemory(const CsLook *look, Size needed)
{
	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "name fewer columns", "correlating %d columns", look->ncolumns);
}

/* Measure pairs (CsPair *) once more, about middles of their own, by another pass. */
static void
MeasurePairs(const CsLook *look, const CsStudy *study, const List *pairs, CsPearson *pearson)
{
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	CsPearson  *again;
	ListCell   *cell;

	CheckPassMemory(look, CsPairPassMemory(list_length(pairs)));
	CsStudyBegin(study, false, NULL, &json);
	CsPairPlan(&json, pairs, study->nrows);
	run = CsStudyRun(study, &json);
	again = CsPairRead(run.pass, &run.pass->parts[0], run.state);
	foreach(cell, pairs)
	{
		const CsPair *pair = lfirst(cell);
		CsPearson  *p = &pearson[(Size) pair->column[0] * look->ncolumns + pair->column[1]];

		if (again[foreach_current_index(cell)].n != p->n)
			CsTallyCountsChanged();
		*p = again[foreach_current_index(cell)];
	}
}

/* Run the passes: Pearson's correlations of all rows, palloc'd; and the sample into the look. */
static CsPearson *
Correlate(CsLook *look, CsStudy *study)
{
	CsColumnReach *columns;
	CsSampleRequest request = {.nnumbers = look->ncolumns,.key = -1,.seed = SAMPLE_SEED};
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	CsPearson  *pearson;
	List	   *blurred;

	CsStudyMoments(study);
	columns = ReachOfColumns(study);
	CheckPassMemory(look, CsCorrelationPassMemory(columns, look->ncolumns));
	request.room = SampleRoom(study->nrows, look->ncolumns);
	ReadHashes(study, look->relation);
	request.nhashed = study->read.nnumbers;
	CsStudyBegin(study, false, NULL, &json);
	CsCorrelationPlan(&json, columns, look->ncolumns, study->nrows);
	CsSamplePlan(&json, &request);
	run = CsStudyRun(study, &json);
	pearson = CsCorrelationRead(run.pass, &run.pass->parts[0], run.state, columns, study->nrows, &blurred);
	TakeSample(look, &run, 1);
	if (blurred != NIL)
		MeasurePairs(look, study, blurred, pearson);
	return pearson;
}

/* Put the rows of correlations() by passes; false where the rows themselves are to be read. */
bool
CsCorrelationsByPasses(CsResult *result, CsLook *look)
{
	CsPieces   *pieces = PiecesToPass(look);
	CsColumn   *columns;
	bool	   *skips;
	CsStudy    *study;
	CsPearson  *pearson;

	if (pieces == NULL)
		return false;
	columns = palloc(sizeof(CsColumn) * look->ncolumns);
	skips = palloc0(sizeof(bool) * look->ncolumns);
	for (int i = 0; i < look->ncolumns; i++)
		columns[i] = look->columns[i].column;
	study = CsStudyOpen(pieces, columns, look->ncolumns, skips);
	pearson = Correlate(look, study);
	if (look->nrows < study->nrows)
		ereport(NOTICE,
				(errmsg("Spearman's correlations are those of a sample of %lld of %lld rows", (long long) look->nrows,
						(long long) study->nrows),
				 errdetail("They are the rows of the lowest hashes; Pearson's correlations are those of all rows.")));
	CsCorrelationsPut(result, look, NULL, pearson);
	return true;
}
