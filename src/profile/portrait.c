/*
 * portrait.c
 *	  Reads a source once: each customer gets its segment, and each column is summed up by segment.
 *
 * Customers are where score() has them.  Of numbers all values are kept, and the segment of each row
 * beside them; after the pass they are summed up column by column (stat/summaries.c), with exact
 * quantiles.  Levels of categories are counted as they come.
 *
 * Where data/kept.c has no room for all values, the other columns are read in further passes, in
 * which nobody is placed again.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "data/fetch.h"
#include "math/math.h"
#include "miscadmin.h"
#include "profile/profile.h"
#include "stat/suitability.h"

#define FIRST_CAPACITY 4096

/* Counts of the levels of one category: levels times groups. */
#define MAX_CELLS (4 * 1024 * 1024)

/* What is collected of one column. */
typedef struct Collector
{
	int			position;		/* among the columns that are read */
	CsLevelCounts *levels;		/* of a category */
} Collector;

/* A sample that is asked for. */
typedef struct Sampling
{
	int			rows;
	int64		seed;
	bool		by_model;		/* without customers of whom somebody has decided */
	CsReservoir reservoir;
	CsPortraitSample sample;
} Sampling;

struct CsPortraying
{
	CsPortraitRequest request;
	CsPortrait *portrait;
	CsPass	   *pass;
	CsPlacer   *placer;
	Collector  *collectors;
	CsKept		kept;			/* the numbers' values: one a row, NaN for none */
	int64		row;			/* of the source, at hand */
	int64		nrows;			/* of the source, once the first pass is over */
	int64		capacity;		/* of groups */
	int32	   *groups;			/* a row; -1: not placed */
	int			nsamplings;
	Sampling	samplings[CS_PORTRAIT_SAMPLES];
	CsRng		coin;			/* of the halves */
};

/* The number of a group's segment; NULL for all customers. */
CsValue
CsPortraitSegment(const CsPortrait *portrait, int group)
{
	CsValue		result = CsValueInt4(0);

	if (group == portrait->ngroups)
		result.isnull = true;
	else
		result = CsValueInt4(CsScorerSegments(portrait->scorer)[group % portrait->nsegments].segment);
	return result;
}

/* The name of a group's segment; "(all)" for all customers. */
CsValue
CsPortraitName(const CsPortrait *portrait, int group)
{
	const CsScorer *scorer = portrait->scorer;

	if (group == portrait->ngroups)
		return CsValueText("(all)");
	return CsValueText(CsScorerAt(scorer, char,
								CsScorerSegments(scorer)[group % portrait->nsegments].name));
}

/* The text of a level as it is shown. */
const char *
CsPortraitLevelText(const CsPortraitLevel *level)
{
	return level->is_other ? "(other)" : level->text == NULL ? "(null)" : level->text;
}

/* Pearson's test of a category's levels and the groups. */
CsChiSquareResult
CsPortraitChiSquare(const CsPortrait *portrait, const CsPortraitColumn *c)
{
	CsCell	   *cells = palloc_extended(sizeof(CsCell) * Max(c->nlevels, 1) * portrait->ngroups,
										MCXT_ALLOC_HUGE);
	int64		n = 0;
	CsChiSquareResult result;

	for (int level = 0; level < c->nlevels; level++)
	{
		for (int g = 0; g < portrait->ngroups; g++)
		{
			if (c->levels[level].rows[g] > 0)
				cells[n++] = (CsCell) {level, g, c->levels[level].rows[g]};
		}
	}
	result = CsChiSquareTest(cells, n, c->nlevels, portrait->ngroups);
	pfree(cells);
	return result;
}

/* There is no room for the values of one column: nobody visits them any more, or it is an error. */
static void
LackMemory(void *state, int column, Size needed)
{
	CsPortraying *c = state;

	if (!c->request.visit_if_fits || c->request.visit == NULL)
		CsMemoryExceeded(needed, psprintf("give a sample as the source: %s", CsSampleOf(c->pass->relation, 0)),
						 "describing the segments");
	c->request.visit = NULL;
	c->kept.spare = 1;
}

/* Make room for the groups of more rows. */
static void
GrowGroups(CsPortraying *c)
{
	int64		capacity = Max(FIRST_CAPACITY, c->capacity + c->capacity / 2);

	CsKeptHold(&c->kept, sizeof(int32) * (capacity - c->capacity));
	c->groups = c->groups == NULL ?
		MemoryContextAllocHuge(c->kept.context, sizeof(int32) * capacity) :
		repalloc_huge(c->groups, sizeof(int32) * capacity);
	c->capacity = capacity;
}

/* Let a placed customer, of a row of the block at hand, into the samples. */
static void
SampleRow(CsPortraying *c, int row, int segment)
{
	int			width = CsScorerPipeline(c->portrait->scorer)->nfeatures;
	const CsPlacer *placer = c->placer;

	for (int i = 0; i < c->nsamplings; i++)
	{
		Sampling   *s = &c->samplings[i];
		int64		at = -1;

		if (!s->by_model || placer->decided == NULL || placer->decided[row] == NULL)
			at = CsReservoirTakeStrided(&s->reservoir, placer->raw + row, CS_PASS_STRIDE, width, s->sample.rows,
										&s->sample.n);
		if (at >= 0)
			s->sample.segments[at] = segment;
	}
}

/*
 * The segment of a row, -1 for one that has none: what was decided by hand, else what the model
 * says.  The only place where a customer gets its segment.
 */
static int
FindSegment(CsPortraying *c, int row)
{
	CsPortrait *portrait = c->portrait;
	const CsPlacer *placer = c->placer;
	int			segment = CsPlacerSegmentOf(placer, row);

	if (segment < 0 && placer->decided != NULL && placer->decided[row] != NULL)
		portrait->n_excluded++;
	else if (segment < 0)
		portrait->n_unplaced++;
	else if (placer->segments[row] >= 0)
		SampleRow(c, row, placer->segments[row]);
	return segment;
}

/* The group of a row, counted; -1 for one without a segment. */
static int
PlaceRow(CsPortraying *c, int row)
{
	CsPortrait *portrait = c->portrait;
	int			group = FindSegment(c, row);

	if (group < 0)
		return -1;
	if (c->request.halves && (CsRngNext(&c->coin) >> 63) != 0)
		group += portrait->nsegments;
	portrait->rows[group]++;
	portrait->rows[portrait->ngroups]++;
	portrait->overridden[group] += c->placer->decided != NULL && c->placer->decided[row] != NULL;
	return group;
}

/* Are levels still to be counted?  Whole numbers of more values than codes have are no codes: the rest tells nothing. */
static bool
IsStillCounted(const CsPortraitColumn *of, const CsLevelCounts *levels)
{
	return !of->as_codes || levels->nlevels <= CS_FEW_VALUES;
}

/* The error for a query that gives other rows each time. */
static void
ReportChanged(const CsPortraying *c)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s returned other rows when it was read again",
					c->pass->relation->description),
			 errdetail("The values do not fit into maintenance_work_mem, so the source is read several times."),
			 errhint("Raise maintenance_work_mem, or store the result of the query in a table and give the table as the source.")));
}

/* Keep the numbers of a column of a block: NaN for NULL and for an infinite value. */
static void
TakeNumbers(CsPortraying *c, int column, const CsPassBlock *block, const int32 *groups)
{
	CsPortraitColumn *of = &c->portrait->columns[column];
	CsPassNumbers numbers = CsPassNumbersOf(c->pass, c->collectors[column].position, &of->column.converter);
	double		finite[CS_BLOCK_ROWS];

	if (numbers.all_finite)
	{
		(void) CsKeptPutRun(&c->kept, column, numbers.values, block->nrows);
		return;
	}
	for (int r = 0; r < block->nrows; r++)
	{
		finite[r] = isfinite(numbers.values[r]) ? numbers.values[r] : NAN;
		if (isnan(finite[r]) && groups[r] >= 0)
			of->missing[groups[r]]++;
	}
	(void) CsKeptPutRun(&c->kept, column, finite, block->nrows);
}

/* Count the levels of a column of a block. */
static void
TakeLevels(CsPortraying *c, int column, const CsPassBlock *block, const int32 *groups)
{
	CsPortraitColumn *of = &c->portrait->columns[column];
	const Collector *collector = &c->collectors[column];
	const Datum *values = CsBlockValues(block, collector->position);
	const bool *nulls = CsBlockNulls(block, collector->position);

	for (int r = 0; r < block->nrows; r++)
	{
		if (groups[r] < 0)
			continue;
		if (nulls[r])
			of->missing[groups[r]]++;
		else if (IsStillCounted(of, collector->levels))
			CsLevelCountsAdd(collector->levels, &of->column.converter, values[r], groups[r]);
	}
}

/* CsBlockSink: rows of the source. */
static void
TakeBlock(void *state, const CsPassBlock *block)
{
	CsPortraying *c = state;
	bool		is_first = c->pass->is_first;
	int32	   *groups;

	if (!is_first && c->row + block->nrows > c->nrows)
		ReportChanged(c);
	while (is_first && c->row + block->nrows > c->capacity)
		GrowGroups(c);
	groups = c->groups + c->row;
	c->row += block->nrows;
	for (int r = 0; r < block->nrows && is_first; r++)
		groups[r] = PlaceRow(c, r);
	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (c->kept.columns[i].kept)
			TakeNumbers(c, i, block, groups);
		else if (c->collectors[i].levels != NULL && is_first)
			TakeLevels(c, i, block, groups);
	}
}

/* Add the rows of a level, or of no level, to another; "all" is the number of groups. */
static void
AddRows(int64 *to, const int64 *rows, int all)
{
	for (int g = 0; g < all; g++)
	{
		to[g] += rows[g];
		to[all] += rows[g];
	}
}

/* The levels that were counted: the most frequent, the others as one, and no value. */
static void
FillLevels(const CsPortraying *c, int column)
{
	CsPortraitColumn *of = &c->portrait->columns[column];
	const CsLevelCounts *counts = c->collectors[column].levels;
	int			all = c->portrait->ngroups;
	int			n = counts->nlevels;
	int			kept = Min(n, c->request.levels);
	int		   *order = CsLevelsByRows(counts);
	CsPortraitLevel *levels = palloc0(sizeof(CsPortraitLevel) * (kept + 2));
	CsPortraitLevel other = {.is_other = true, .rows = palloc0(sizeof(int64) * (all + 1))};

	AddRows(other.rows, counts->uncounted, all);
	of->names_rows = other.rows[all] > 0;
	for (int i = 0; i < n; i++)
	{
		int64	   *rows = i < kept ? palloc0(sizeof(int64) * (all + 1)) : other.rows;

		AddRows(rows, CsLevelRows(counts, order[i]), all);
		/* two rows at least: a single one is no evidence */
		of->names_rows |= i == 0 && n > 1 && rows[all] == 1;
		if (i < kept)
			levels[i] = (CsPortraitLevel) {
				.text = CsDictionaryLevel(counts->dictionary, order[i]),
				.rows = rows
			};
	}
	pfree(order);
	if (other.rows[all] > 0)
		levels[kept++] = other;
	if (of->missing[all] > 0)
		levels[kept++] = (CsPortraitLevel) {.rows = of->missing};
	of->levels = levels;
	of->nlevels = kept;
}

/* CsVisitor.end: sum up what a reading has collected; are there columns left? */
static bool
EndReading(void *state)
{
	CsPortraying *c = state;
	CsPortrait *portrait = c->portrait;
	int			all = portrait->ngroups;
	double	   *scratch;

	if (!c->pass->is_first && c->pass->nrows != c->nrows)
		ReportChanged(c);
	c->nrows = c->pass->nrows;
	scratch = palloc_extended(sizeof(double) * Max(c->nrows, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &portrait->columns[i];
		const CsKeptColumn *kept = &c->kept.columns[i];
		bool		is_counted = c->pass->is_first && c->collectors[i].levels != NULL;

		if (!is_counted && !kept->kept)
			continue;
		for (int g = 0; g < all; g++)
			of->missing[all] += of->missing[g];
		if (is_counted)
		{
			FillLevels(c, i);
			continue;
		}
		if (c->request.visit != NULL)
			of->visited = c->request.visit(c->request.visit_state, portrait, &of->column, kept->values,
											c->groups, c->nrows, NULL);
		of->summaries = palloc(sizeof(CsNumberSummary) * (all + 1));
		CsSummarizeGroups(kept->values, c->groups, c->nrows, all, scratch, of->summaries);
		CsKeptRelease(&c->kept, i);
	}
	pfree(scratch);
	for (int i = 0; i < portrait->ncolumns && c->pass->is_first; i++)
	{
		CsPortraitColumn *of = &portrait->columns[i];

		of->is_elsewhere = of->is_elsewhere && c->request.is_elsewhere(c->request.elsewhere_state, &of->column);
		if (of->is_elsewhere)
			c->kept.columns[i].wanted = false;
	}
	return CsKeptIsLeft(&c->kept);
}

/* CsVisitor.begin: the columns that are to be collected. */
static void
BeginReading(void *state, CsPass *pass)
{
	CsPortraying *c = state;
	CsPortrait *portrait = c->portrait;

	CsKeptBegin(&c->kept, c->nrows);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &portrait->columns[i];

		if (pass->is_first && c->request.is_elsewhere != NULL && !CsIsCategory(of))
		{
			of->is_elsewhere = c->request.is_elsewhere(c->request.elsewhere_state, &of->column);
			c->kept.columns[i].kept = !of->is_elsewhere;
		}
		if (pass->is_first || c->kept.columns[i].kept)
			c->collectors[i].position = CsPassColumn(pass, &of->column);
		if (c->kept.columns[i].kept)
			memset(of->missing, 0, sizeof(int64) * (portrait->ngroups + 1));
	}
	c->row = 0;
}

/* The sample of so many rows, NULL: it is not taken. */
static const Sampling *
FindSampling(const CsPortraying *c, int rows, int64 seed, bool by_model)
{
	for (int i = 0; i < c->nsamplings; i++)
	{
		if (c->samplings[i].rows == rows && c->samplings[i].seed == seed && c->samplings[i].by_model == by_model)
			return &c->samplings[i];
	}
	return NULL;
}

/* Make room for everything that is collected, except for the values. */
static void
Prepare(CsPortraying *c)
{
	CsPortrait *portrait = c->portrait;
	int			ngroups = portrait->ngroups;

	/* beside the values: what stays of each column */
	CsKeptInit(&c->kept, portrait->ncolumns, c->request.visit != NULL ? 3 : 1,
			   (Size) portrait->ncolumns * (ngroups + 1) * (sizeof(int64) + sizeof(CsNumberSummary)));
	c->kept.full = LackMemory;
	c->kept.state = c;
	c->collectors = palloc0(sizeof(Collector) * Max(portrait->ncolumns, 1));
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &portrait->columns[i];

		of->missing = palloc0(sizeof(int64) * (ngroups + 1));
		c->kept.columns[i].wanted = !CsIsCategory(of);
		if (CsIsCategory(of))
			c->collectors[i].levels = CsLevelCountsCreate(ngroups, of->as_codes ? CS_FEW_VALUES + 1 :
														  MAX_CELLS / ngroups, &c->kept);
	}
	portrait->rows = palloc0(sizeof(int64) * (ngroups + 1));
	portrait->overridden = palloc0(sizeof(int64) * ngroups);
	CsRngSeed(&c->coin, (uint64) c->request.seed, UINT64CONST(0x5917));
	if (c->request.sample > 0)
		CsPortraitSampleToo(c, c->request.sample, c->request.seed, false);
	CsKeptHold(&c->kept, 0);
}

/* Say how many customers are in no segment, and why. */
static void
TellLeftOut(const CsPortrait *portrait, int64 nrows)
{
	if (portrait->n_excluded > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they are excluded by hand: %lld of %lld",
						(long long) portrait->n_excluded, (long long) nrows)));
	if (portrait->n_unplaced > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they cannot be placed: %lld of %lld",
						(long long) portrait->n_unplaced, (long long) nrows),
				 errhint("custseg.data_quality() shows the reasons.")));
}

/*
 * Begin a portrait of the rows of a pass, which a placer of the report's version places.  It is to be ended when the
 * pass has been read.  Everything is palloc'd in CurrentMemoryContext.  Values are held to maintenance_work_mem: columns
 * whose values do not fit are read in further passes.
 */
CsPortraying *
CsPortraitBegin(CsPass *pass, CsPlacer *placer, const CsReport *report, const CsPortraitRequest *request)
{
	CsPortraying *c = palloc0(sizeof(CsPortraying));
	CsPortrait *portrait = palloc0(sizeof(CsPortrait));

	c->request = *request;
	c->portrait = portrait;
	c->pass = pass;
	c->placer = placer;
	portrait->scorer = report->scorer;
	portrait->nsegments = portrait->scorer->nsegments;
	portrait->ngroups = portrait->nsegments * (request->halves ? 2 : 1);
	CsPortraitColumns(portrait, report, pass->relation, request);
	Prepare(c);
	CsPassVisit(pass, &(CsVisitor) {
		.state = c, .begin = BeginReading, .take_block = TakeBlock, .end = EndReading
	});
	return c;
}

/* Have another sample taken, "by_model" of those whom the model alone has placed; the same one again is the same. */
void
CsPortraitSampleToo(CsPortraying *c, int rows, int64 seed, bool by_model)
{
	Size		width = sizeof(double) * CsScorerPipeline(c->portrait->scorer)->nfeatures;
	Sampling   *s = &c->samplings[c->nsamplings];

	if (FindSampling(c, rows, seed, by_model) != NULL)
		return;
	Assert(c->nsamplings < CS_PORTRAIT_SAMPLES);
	c->nsamplings++;
	s->rows = rows;
	s->seed = seed;
	s->by_model = by_model;
	CsReservoirInit(&s->reservoir, rows, (uint64) seed, UINT64CONST(0x0B5E47E));
	CsKeptHold(&c->kept, width * rows);
	s->sample.rows = palloc_extended(width * rows, MCXT_ALLOC_HUGE);
	s->sample.segments = palloc(sizeof(int32) * rows);
}

/* The sample of so many rows that was taken; without any rows where none was. */
CsPortraitSample
CsPortraitSampleOf(const CsPortraying *c, int rows, int64 seed, bool by_model)
{
	const Sampling *s = FindSampling(c, rows, seed, by_model);

	return s == NULL ? (CsPortraitSample) {0} : s->sample;
}

/* The groups of the rows, below 0 for none. */
const int32 *
CsPortraitGroups(const CsPortraying *c)
{
	return c->groups;
}

/* Is a number that somebody else has to be summed up by CsPortraitNumber()? */
bool
CsPortraitWants(const CsPortraying *c, const CsColumn *column)
{
	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		if (c->portrait->columns[i].is_elsewhere && CsIsSameColumn(&c->portrait->columns[i].column, column))
			return true;
	}
	return false;
}

/*
 * Sum up a number by the groups of the rows: its values one a row, NaN for none, and those that are there, sorted with
 * their groups.  OUT what is missing, and the summaries, for which the caller has made room.  The scratch has room for the
 * values that are there.
 */
void
CsPortraitMeasure(const CsPortraitMeasured *measured, int ngroups, const int32 *groups, int64 nrows,
				  const double *values, const CsSortedGroups *sorted, double *scratch)
{
	memset(measured->missing, 0, sizeof(int64) * (ngroups + 1));
	for (int64 row = 0; row < nrows && sorted->n < nrows; row++)
	{
		CsCheckInterrupts(row);
		measured->missing[groups[row] < 0 ? ngroups : groups[row]] += isnan(values[row]);
	}
	measured->missing[ngroups] = 0;
	for (int g = 0; g < ngroups; g++)
		measured->missing[ngroups] += measured->missing[g];
	CsSummarizeSortedGroups(sorted, ngroups, scratch, measured->summaries);
}

/* Take a number that was summed up elsewhere, where the portrait has that column; the arrays are not copied. */
void
CsPortraitNumber(CsPortraying *c, const CsColumn *column, const CsPortraitMeasured *measured)
{
	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &c->portrait->columns[i];

		if (!of->is_elsewhere || !CsIsSameColumn(&of->column, column))
			continue;
		of->missing = measured->missing;
		of->summaries = measured->summaries;
		of->visited = measured->visited;
	}
}

/* What is to be known when the pass has been read: how many customers are left out is told in a NOTICE. */
void
CsPortraitEnd(CsPortraying *c)
{
	if (c->groups != NULL)
		pfree(c->groups);
	c->groups = NULL;
	TellLeftOut(c->portrait, c->nrows);
}

/* Has each number been visited, as the request asks for? */
bool
CsPortraitIsVisited(const CsPortraying *c)
{
	return c->request.visit != NULL;
}

/* The portrait as it was taken. */
const CsPortrait *
CsPortraitWhole(const CsPortraying *c)
{
	return c->portrait;
}

/*
 * Read the source, as the caller.  Customers belong to the segment in which a decision by hand puts
 * them, and otherwise to the one in which the model puts them.  Customers that are excluded or
 * cannot be placed are left out, with a NOTICE.  See CsPortraitBegin().
 */
CsPortrait *
CsPortraitTake(const CsReport *report, const CsPortraitRequest *request)
{
	CsPass	   *pass = CsPassOpen(CsSourceOpen(report->scorer, report->source));
	CsPlacer   *placer = CsPassPlace(pass, report->scorer, CS_PLACE_TRY);
	CsPortraying *c;
	CsPortrait *portrait;

	CsPassIdentify(pass, CsFindKey(pass->relation, report->id));
	CsPassHonour(pass, placer);
	portrait = CsPortraitByPasses(report, request, pass, placer);
	if (portrait != NULL)
	{
		TellLeftOut(portrait, portrait->rows[portrait->ngroups] + portrait->n_unplaced);
		CsPortraitFinish(portrait, request);
		return portrait;
	}
	c = CsPortraitBegin(pass, placer, report, request);
	(void) CsPassRead(pass);
	CsPortraitEnd(c);
	c->portrait->sample = CsPortraitSampleOf(c, request->sample, request->seed, false);
	CsPortraitFinish(c->portrait, request);
	return c->portrait;
}
