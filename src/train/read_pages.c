/*
 * read_pages.c
 *	  The rows of a training read by the whole team, from the pages of the tables (data/pages.h).
 *
 * The pages are cut into ranges, which members claim in their order.  A member converts the rows of its
 * range into a stage of its own, and then awaits its turn: the ranges before it have said how many rows
 * they keep, so it knows where its own go in the matrix.  It says how many they are, which is the next
 * member's turn, and copies them.  So the matrix is filled in the order of the rows, whoever reads them,
 * and no row is looked at twice.
 *
 * The levels of a category are numbered in the order of the rows, too.  A level that a member has not met
 * gets a number below 0 in the stage; when it is the member's turn, it finds the level in the log of all
 * levels, or adds it (data/level_log.c).
 *
 * Only the leader can take memory that the team shares.  It makes room for rows that probably come, a chunk ahead of
 * them, before it reads a range itself, since the others would stand idle else.  When there is no more room, a member
 * halts the reading, and it goes on with that range once there is.  It also halts where a row is an error, or a category has too many levels: the leader then leaves the whole source
 * to a statement, which meets the first such row and says so.
 */
#include "custseg.h"

#include "progress.h"
#include "train/read_pages.h"
#include "train/read_range.h"

/* Rows of a range, about, and its most pages. */
#define RANGE_ROWS 1024
#define MOST_PAGES 64

/* Bytes of a new log of levels, and how many times as large a full one becomes. */
#define FIRST_LOG ((Size) 4096)
#define LOG_GROWTH 4

/* A reading, as the leader sees it. */
typedef struct Reading
{
	CsTraining *t;
	const CsPages *pages;
	CsArena    *arena;
	CsReadFeature *features;
	CsReadAdvance *advance;
	CsMatrix   *weights;		/* of one column, or NULL */
	Size	   *read;			/* a feature: as far as its log has been read for the training */
	bool		alone;			/* nobody else reads at the moment */
	CsReadArgs	args;
} Reading;

/* Copy something to an area for the team. */
static int
ShareBytes(CsArena *arena, const void *bytes, Size size)
{
	int			area = CsArenaAlloc(arena, size);

	memcpy(CsArenaAddress(arena, area), bytes, size);
	return area;
}

/* Note what is to be told of each feature. */
static void
StartFeatures(Reading *r)
{
	CsTraining *t = r->t;
	Size		logs = 0;

	memset(r->features, 0, sizeof(CsReadFeature) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		CsReadFeature *f = &r->features[i];

		f->is_category = t->dictionaries[i] != NULL;
		f->skips = t->prep->columns[i].impute == CS_IMPUTE_SKIP && !t->keep_nulls;
		f->is_named = !t->choose_features;
		f->log = logs;
		logs += f->is_category ? FIRST_LOG : 0;
	}
	r->args.logs = CsArenaAlloc(r->arena, Max(logs, 1));
	for (int i = 0; i < t->nfeatures; i++)
		if (r->features[i].is_category)
			CsLevelLogInit(CsReadLog(r->arena, &r->args, &r->features[i]), FIRST_LOG);
}

/* Take the memory of a reading, and fill what all members are told. */
static void
StartReading(Reading *r, const CsRowColumns *columns)
{
	static int	readings = 0;
	CsTraining *t = r->t;
	CsPagesColumn *flat = palloc(sizeof(CsPagesColumn) * columns->set.ncolumns);
	double		page_rows = Max(r->pages->nrows / Max(r->pages->npages, 1), 1);

	CsPagesColumns(columns->set.columns, columns->set.ncolumns, flat);
	r->args.reading = ++readings;
	r->args.pages = ShareBytes(r->arena, r->pages, r->pages->size);
	r->args.columns = ShareBytes(r->arena, flat, sizeof(CsPagesColumn) * columns->set.ncolumns);
	r->args.features = CsArenaAlloc(r->arena, sizeof(CsReadFeature) * t->nfeatures);
	r->args.advance = CsArenaAlloc(r->arena, sizeof(CsReadAdvance));
	r->args.matrix = CsMatrixShare(t->raw, r->arena);
	r->args.weight = columns->weight;
	r->weights = columns->weight < 0 ? NULL : CsMatrixCreate(1);
	r->args.weights = columns->weight < 0 ? -1 : CsMatrixShare(r->weights, r->arena);
	r->args.leading = r;
	r->args.ncolumns = columns->set.ncolumns;
	r->args.nfeatures = t->nfeatures;
	r->args.range_pages = (int) Max(Min(RANGE_ROWS / page_rows, MOST_PAGES), 1);
	r->args.nranges = (r->pages->npages + r->args.range_pages - 1) / r->args.range_pages;
	r->features = CsArenaAddress(r->arena, r->args.features);
	r->advance = CsArenaAddress(r->arena, r->args.advance);
	r->read = palloc0(sizeof(Size) * t->nfeatures);
	memset(r->advance, 0, sizeof(CsReadAdvance));
	pg_atomic_init_u64(&r->advance->turn, 0);
	pg_atomic_init_u32(&r->advance->halt, CS_HALT_NONE);
	ConditionVariableInit(&r->advance->moved);
	StartFeatures(r);
	pfree(flat);
}

/* Give back the memory of a reading. */
static void
EndReading(Reading *r)
{
	CsArenaFree(r->arena, r->args.logs);
	if (r->args.weights >= 0)
		CsArenaFree(r->arena, r->args.weights);
	CsArenaFree(r->arena, r->args.matrix);
	CsArenaFree(r->arena, r->args.advance);
	CsArenaFree(r->arena, r->args.features);
	CsArenaFree(r->arena, r->args.columns);
	CsArenaFree(r->arena, r->args.pages);
	pfree(r->read);
}

/* Ranges that are done. */
static int64
RangesDone(const Reading *r)
{
	return (int64) pg_atomic_read_u64(&r->advance->turn);
}

/* Rows that a range keeps, as far as it is known. */
static double
RowsOfRange(const Reading *r)
{
	double		guess = r->pages->nrows / Max(r->args.nranges, 1);

	return Max(RangesDone(r) > 0 ? (double) r->advance->nrows / (double) RangesDone(r) : guess, 1);
}

/* How many of so many further blocks the training can have with the memory that it may take. */
static int64
BlocksAllowed(const Reading *r, int64 nblocks)
{
	int64		held = r->t->raw->nblocks_allocated;
	int64		low = 0,
				high = nblocks;

	while (low < high)
	{
		int64		middle = (low + high + 1) / 2;

		if (CsTrainingMemory(r->t, (held + middle - 1) * CS_BLOCK_ROWS + 1) <= CsMemoryLimit())
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Store nothing more: the training will not fit, and what is held helps nobody. */
static void
GiveUpStoring(Reading *r)
{
	r->args.count_only = true;
	CsMatrixFree(r->t->raw, r->arena);
	if (r->weights != NULL)
		CsMatrixFree(r->weights, r->arena);
}

/* Take memory for more rows, for so many if they are not too many at once; false when there is none to be had. */
static bool
TakeRoom(Reading *r, double rows_to_come)
{
	CsMatrix   *raw = r->t->raw;
	MemoryContext old = MemoryContextSwitchTo(r->t->context);
	int64		wanted = CsMatrixGrowth(raw, (int64) (rows_to_come / CS_BLOCK_ROWS) + 2);
	int64		nblocks = BlocksAllowed(r, wanted);

	if (nblocks > 0)
	{
		CsMatrixAddRoom(raw, r->arena, nblocks);
		if (r->weights != NULL)
			CsMatrixAddRoom(r->weights, r->arena, nblocks);
	}
	MemoryContextSwitchTo(old);
	return nblocks > 0;
}

/* Let the team have the memory that has been taken. */
static void
ShareRoom(Reading *r)
{
	CsMatrixShareChunks(r->t->raw, CsArenaAddress(r->arena, r->args.matrix));
	if (r->weights != NULL)
		CsMatrixShareChunks(r->weights, CsArenaAddress(r->arena, r->args.weights));
	r->advance->room = r->t->raw->nblocks_allocated * CS_BLOCK_ROWS;
}

/*
 * The leader's, before it reads a range: have the room be a chunk ahead of the rows, if that is to be had.  Other members
 * read meanwhile, so memory that could not be shared waits until they have halted for want of it; none is taken beside
 * that, for it would wait, too.
 */
void
CsReadAhead(void *leading)
{
	Reading    *r = leading;
	double		to_come = RowsOfRange(r) * (double) (r->args.nranges - RangesDone(r));
	double		room = (double) (r->advance->room - r->advance->nrows);
	int64		chunk;

	if (r->args.count_only || room >= to_come || !(r->alone || CsArenaIsShared(r->arena)))
		return;
	chunk = CsMatrixGrowth(r->t->raw, (int64) (to_come / CS_BLOCK_ROWS) + 2);
	if (room >= (double) (chunk * CS_BLOCK_ROWS))
		return;
	if (TakeRoom(r, to_come - room) && (r->alone || CsArenaIsShared(r->arena)))
		ShareRoom(r);
}

/* Enlarge the logs that have little room left. */
static void
EnlargeLogs(Reading *r)
{
	CsReadArgs	old = r->args;
	Size	   *sizes = palloc0(sizeof(Size) * r->args.nfeatures);
	Size		total = 0;

	for (int i = 0; i < r->args.nfeatures; i++)
	{
		const CsLevelLog *log = CsReadLog(r->arena, &old, &r->features[i]);

		if (r->features[i].is_category)
			sizes[i] = i == r->advance->full || log->used > log->size / 2 ? LOG_GROWTH * log->size : log->size;
		total += sizes[i];
	}
	r->args.logs = CsArenaAlloc(r->arena, total);
	total = 0;
	for (int i = 0; i < r->args.nfeatures; i++)
	{
		const CsLevelLog *log = CsReadLog(r->arena, &old, &r->features[i]);

		if (!r->features[i].is_category)
			continue;
		r->features[i].log = total;
		CsLevelLogCopy(CsReadLog(r->arena, &r->args, &r->features[i]), log, sizes[i]);
		total += sizes[i];
	}
	CsArenaFree(r->arena, old.logs);
	pfree(sizes);
}

/* Take over what is known of the features so far. */
static void
TakeFeatures(Reading *r)
{
	CsTraining *t = r->t;

	for (int i = 0; i < t->nfeatures; i++)
	{
		t->has_null[i] = r->features[i].has_null;
		t->overfull[i] = r->features[i].overfull;
		if (r->features[i].is_category)
			CsLevelLogRead(CsReadLog(r->arena, &r->args, &r->features[i]), t->dictionaries[i], &r->read[i]);
	}
}

/* Is there room for the rows to come, after a halt or with the levels that have come? */
static bool
MayGoOn(Reading *r, CsReadHalt halt)
{
	int64		block = r->advance->nrows / CS_BLOCK_ROWS;

	/* the leader may have taken it meanwhile, see CsReadAhead() */
	if (halt == CS_HALT_ROOM)
		return r->t->raw->nblocks_allocated * CS_BLOCK_ROWS >= r->advance->wanted || TakeRoom(r, RowsOfRange(r));
	return RangesDone(r) == r->args.nranges ||
		CsTrainingMemory(r->t, block * CS_BLOCK_ROWS + 1) <= CsMemoryLimit();
}

/* Read all ranges; false when a statement has to read the source. */
static bool
ReadRanges(Reading *r)
{
	while (RangesDone(r) < r->args.nranges)
	{
		int64		left = r->args.nranges - RangesDone(r);
		CsReadHalt	halt;

		if (!r->args.count_only)
			ShareRoom(r);
		r->alone = true;
		CsReadAhead(r);
		r->alone = CsTeamWorkers(r->t->team) == 0 || !CsArenaIsShared(r->arena);
		r->args.first = RangesDone(r);
		pg_atomic_write_u32(&r->advance->halt, CS_HALT_NONE);
		CsTeamRun(r->t->team, CS_TASK(CsReadPagesTask), &r->args, sizeof(r->args), (int) Min(left, PG_INT32_MAX));
		halt = (CsReadHalt) pg_atomic_read_u32(&r->advance->halt);
		TakeFeatures(r);
		if (halt == CS_HALT_STATEMENT)
			return false;
		if (halt == CS_HALT_LEVELS)
			EnlargeLogs(r);
		if (!r->args.count_only && !MayGoOn(r, halt))
			GiveUpStoring(r);
	}
	return true;
}

/* The weights of the rows one after the other, in an area; -1 without. */
static int
GatherWeights(Reading *r, int64 nrows)
{
	int			area;
	double	   *weights;

	if (r->weights == NULL)
		return -1;
	r->weights->nrows = nrows;
	area = CsArenaAlloc(r->arena, sizeof(double) * nrows);
	weights = CsArenaAddress(r->arena, area);
	for (int64 b = 0; b < CsMatrixBlocks(r->weights); b++)
		memcpy(weights + b * CS_BLOCK_ROWS, CsMatrixBlock(r->weights, r->arena, b),
			   sizeof(double) * CsMatrixBlockRows(r->weights, b));
	CsMatrixFree(r->weights, r->arena);
	return area;
}

/* Start the team, with the workers that so many rows deserve. */
static void
StartTeam(CsTraining *t, double nrows)
{
	t->team = CsTeamStart(t->arena, CsTeamWorkersFor((int64) Min(nrows, 1e15) * t->nfeatures));
}

/* Leave the source to a statement, as if nothing had been read. */
static void
Abandon(Reading *r)
{
	CsTraining *t = r->t;

	CsMatrixFree(t->raw, r->arena);
	if (r->weights != NULL)
		CsMatrixFree(r->weights, r->arena);
	for (int i = 0; i < t->nfeatures; i++)
	{
		t->has_null[i] = t->overfull[i] = false;
		if (t->dictionaries[i] != NULL)
			t->dictionaries[i] = CsDictionaryCreate();
	}
	EndReading(r);
	CsTeamEnd(t->team);
	t->team = NULL;
}

/*
 * Read the rows of a source by the team, which is started unless it runs.  Columns are features and perhaps a weight,
 * and nobody labels the rows while they are read.  Fills raw, weights, the dictionaries, and what is known of the
 * features, as the statement would; see CsPagesRead for the rest.  Returns false when a statement has to
 * read the source.
 */
bool
CsReadPages(CsTraining *t, const CsPages *pages, const CsRowColumns *columns, CsPagesRead *result)
{
	Reading		r = {.t = t, .pages = pages, .arena = t->arena};

	r.args.expected = (int64) pages->nrows;
	if (t->team == NULL)
		StartTeam(t, pages->nrows);
	StartReading(&r, columns);
	CsPagesBegin(pages);
	ereport(DEBUG1, (errmsg_internal("the team reads " INT64_FORMAT " pages of %d tables", pages->npages, pages->ntables)));
	if (!ReadRanges(&r))
	{
		Abandon(&r);
		return false;
	}
	result->nrows = r.advance->nrows;
	result->over_limit = r.args.count_only;
	result->n_without_weight = r.advance->n_without_weight;
	t->n_skipped = r.advance->n_skipped;
	for (int i = 0; i < t->nfeatures; i++)
		result->n_null[i] = r.features[i].n_null;
	if (!result->over_limit && result->nrows > 0)
	{
		t->raw->nrows = result->nrows;
		CsMatrixZeroRest(t->raw, r.arena);
		t->weights = GatherWeights(&r, result->nrows);
	}
	EndReading(&r);
	return true;
}
