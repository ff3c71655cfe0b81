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
 * Only the leader can take memory that the team shares.  It makes room for as many rows as probably come;
 * when there is no more, a member halts the reading, and it goes on with that range once there is.  It also
 * halts where a row is an error, or a category has too many levels: the leader then leaves the whole source
 * to a statement, which meets the first such row and says so.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "progress.h"
#include "storage/condition_variable.h"
#include "train/read_pages.h"
#include "utils/memutils.h"

/* Rows of a range, about, and its most pages. */
#define RANGE_ROWS 1024
#define MOST_PAGES 64

/* Rows of a stage and its bytes, at most, and the rows that it has at least. */
#define MOST_STAGED 4096
#define STAGE_BYTES ((Size) 4 * 1024 * 1024)
#define LEAST_STAGED 64

/* Bytes of a new log of levels, and how many times as large a full one becomes. */
#define FIRST_LOG ((Size) 4096)
#define LOG_GROWTH 4

/* Looks at whose turn it is before a member goes to sleep. */
#define SPINS 2000

/* Why the reading stands still. */
typedef enum Halt
{
	HALT_NONE,
	HALT_ROOM,					/* for want of room in the matrix */
	HALT_LEVELS,				/* or in the log of a category's levels */
	HALT_STATEMENT				/* a statement has to read the source */
} Halt;

/* A feature: what all members are told, and what is known of it so far, for who has the turn. */
typedef struct FeatureState
{
	bool		is_category;
	bool		skips;			/* rows in which it is missing */
	bool		is_named;
	Size		log;			/* of its levels: where, in the area of logs */
	bool		has_null;		/* in a row that is kept */
	bool		overfull;		/* no more levels are taken */
	int64		n_null;			/* rows that were skipped for it */
} FeatureState;

/* How far the reading is, in memory that the team shares. */
typedef struct Advance
{
	pg_atomic_uint64 turn;		/* the range whose rows are placed next */
	pg_atomic_uint32 halt;		/* a Halt, by who has the turn */
	ConditionVariable moved;

	/* for who has the turn */
	int64		nrows;			/* that have a place */
	int64		room;			/* for rows in the matrix */
	int			full;			/* the feature whose log is full, of HALT_LEVELS */
	int64		n_without_weight;
	int64		n_skipped;
} Advance;

/* What a task is told. */
typedef struct ReadArgs
{
	int			reading;		/* its number */
	int			pages;			/* areas: CsPages */
	int			columns;		/* CsPagesColumn[ncolumns] */
	int			features;		/* FeatureState[nfeatures] */
	int			logs;			/* a CsLevelLog for each category */
	int			advance;		/* Advance */
	int			matrix;			/* CsMatrix */
	int			weights;		/* CsMatrix of one column, or -1 */
	int			ncolumns;
	int			nfeatures;
	int			weight;			/* which column is the weight, or -1 */
	int			range_pages;
	int64		nranges;
	int64		first;			/* range of item 0 */
	bool		count_only;		/* rows are not stored */
	int64		expected;		/* rows, or -1 */
} ReadArgs;

/* What a member of the team keeps while it reads. */
typedef struct Member
{
	int			reading;		/* that all of this is of */
	CsPageReader *reader;
	const CsColumn *columns;
	CsDictionary **known;		/* of each category: the levels with their numbers, */
	Size	   *read;			/* as far as the log has been read */
	MemoryContext range_context;	/* of the range at hand */
	CsDictionary **unknown;		/* levels that the log may not have; NULL: none */
	int			capacity;		/* rows of the stage */
	double	   *stage;			/* column by column: features, then the weight */

	/* the range at hand */
	CsTeam	   *team;
	const ReadArgs *args;
	FeatureState *features;
	Advance    *advance;
	int64		range;
	bool		has_turn;
	int64		start;			/* rows that had a place when the turn came */
	bool		is_unfit;		/* a row is to be left to the statement */
	bool		is_over;		/* nothing more is to be done about it */
	int			nrows;			/* staged, or counted */
	bool	   *has_null;		/* a feature: in a staged row */
	int64	   *n_null;			/* rows skipped for each feature */
	int64		n_without_weight;
	int64		n_skipped;
} Member;

extern PGDLLEXPORT void CsReadPagesTask(CsTeam *team, const void *args, int item);

#define StageColumn(m, j) ((m)->stage + (Size) (m)->capacity * (j))

/* The log of a category's levels. */
static CsLevelLog *
LogOf(CsArena *arena, const ReadArgs *args, const FeatureState *f)
{
	return (CsLevelLog *) ((char *) CsArenaAddress(arena, args->logs) + f->log);
}

/* Make what a member needs for a reading, in the context of what it keeps. */
static Member *
MakeMember(CsTeam *team, const ReadArgs *args)
{
	CsArena    *arena = CsTeamArena(team);
	const FeatureState *features = CsArenaAddress(arena, args->features);
	int			width = args->nfeatures + (args->weight >= 0);
	MemoryContext save;
	Member	   *m;

	MemoryContextReset(CsTeamKeptContext(team));
	save = MemoryContextSwitchTo(CsTeamKeptContext(team));
	m = palloc0(sizeof(Member));
	m->reading = args->reading;
	m->reader = CsPageReaderMake(CsArenaAddress(arena, args->pages), CsArenaAddress(arena, args->columns),
								 args->ncolumns);
	m->columns = CsPageReaderColumns(m->reader);
	m->known = palloc0(sizeof(CsDictionary *) * args->nfeatures);
	m->unknown = palloc0(sizeof(CsDictionary *) * args->nfeatures);
	m->read = palloc0(sizeof(Size) * args->nfeatures);
	m->has_null = palloc0(sizeof(bool) * args->nfeatures);
	m->n_null = palloc0(sizeof(int64) * args->nfeatures);
	for (int i = 0; i < args->nfeatures; i++)
		if (features[i].is_category)
			m->known[i] = CsDictionaryCreate();
	m->range_context = AllocSetContextCreate(CurrentMemoryContext, "custseg range", ALLOCSET_DEFAULT_SIZES);
	m->capacity = (int) Max(Min(STAGE_BYTES / (sizeof(double) * width), MOST_STAGED), LEAST_STAGED);
	m->stage = palloc_extended(mul_size(sizeof(double) * width, m->capacity), MCXT_ALLOC_HUGE);
	MemoryContextSwitchTo(save);
	return m;
}

/* The member, ready for a range. */
static Member *
BeginRange(CsTeam *team, const ReadArgs *args, int64 range)
{
	CsArena    *arena = CsTeamArena(team);
	Member	   *m = *CsTeamKept(team);

	if (m == NULL || m->reading != args->reading)
		*CsTeamKept(team) = m = MakeMember(team, args);
	m->team = team;
	m->args = args;
	m->features = CsArenaAddress(arena, args->features);
	m->advance = CsArenaAddress(arena, args->advance);
	m->range = range;
	m->has_turn = m->is_over = m->is_unfit = false;
	m->nrows = 0;
	m->n_skipped = m->n_without_weight = 0;
	memset(m->has_null, 0, sizeof(bool) * args->nfeatures);
	memset(m->n_null, 0, sizeof(int64) * args->nfeatures);
	memset(m->unknown, 0, sizeof(CsDictionary *) * args->nfeatures);
	MemoryContextReset(m->range_context);
	return m;
}

/* Is it the member's turn, or does the reading stand still? */
static inline bool
IsTurn(const Member *m)
{
	return (int64) pg_atomic_read_u64(&m->advance->turn) == m->range ||
		pg_atomic_read_u32(&m->advance->halt) != HALT_NONE;
}

/* Await the member's turn; false when the reading stands still instead. */
static bool
AwaitTurn(Member *m)
{
	if (m->has_turn)
		return true;
	for (int spin = 0; spin < SPINS && !IsTurn(m); spin++)
		pg_spin_delay();
	if (!IsTurn(m))
	{
		ConditionVariablePrepareToSleep(&m->advance->moved);
		while (!IsTurn(m))
			ConditionVariableSleep(&m->advance->moved, CsWaitEventTeam());
		ConditionVariableCancelSleep();
	}
	pg_read_barrier();
	m->has_turn = pg_atomic_read_u32(&m->advance->halt) == HALT_NONE;
	m->start = m->advance->nrows;
	return m->has_turn;
}

/* Stop the reading at this range, which will be read again; the member has the turn. */
static void
HaltReading(Member *m, Halt why)
{
	m->is_over = true;
	m->advance->nrows = m->start;
	pg_write_barrier();
	pg_atomic_write_u32(&m->advance->halt, why);
	ConditionVariableBroadcast(&m->advance->moved);
}

/* The range's rows have their places, or are counted: add what was noted of it, and pass the turn on. */
static void
PassTurn(Member *m)
{
	Advance    *a = m->advance;

	a->n_skipped += m->n_skipped;
	a->n_without_weight += m->n_without_weight;
	for (int i = 0; i < m->args->nfeatures; i++)
		m->features[i].n_null += m->n_null[i];
	pg_write_barrier();
	pg_atomic_write_u64(&a->turn, (uint64) m->range + 1);
	ConditionVariableBroadcast(&a->moved);
}

/* A feature takes no more levels, from the given staged row on. */
static void
MissFrom(Member *m, int feature, int row)
{
	double	   *x = StageColumn(m, feature);

	for (int r = row; r < m->nrows; r++)
		x[r] = NAN;
}

/* The first staged row with the unknown level of a number. */
static int
FirstRowOf(const Member *m, int feature, int level)
{
	const double *x = StageColumn(m, feature);
	int			row = 0;

	while (x[row] != -(level + 1))
		row++;
	return row;
}

/*
 * Number a level that the member has not met, of a feature whose dictionary is up to date.  Returns why
 * that cannot be done; *code is -1 when the feature takes no more levels.
 */
static Halt
NumberLevel(Member *m, int feature, const char *text, int *code)
{
	FeatureState *f = &m->features[feature];
	CsDictionary *known = m->known[feature];
	CsLevelLog *log = LogOf(CsTeamArena(m->team), m->args, f);
	int			length = (int) strlen(text);

	*code = CsDictionaryFind(known, text, length);
	if (*code >= 0)
		return HALT_NONE;
	if (!CsDictionaryTakes(known, length))
	{
		f->overfull = true;
		return f->is_named ? HALT_STATEMENT : HALT_NONE;
	}
	if (!CsLevelLogAdd(log, text, length))
	{
		m->advance->full = feature;
		return HALT_LEVELS;
	}
	*code = CsDictionaryCode(known, text, length);
	m->read[feature] = log->used;
	return HALT_NONE;
}

/* Give the staged rows of a feature the numbers of their levels. */
static Halt
NumberLevels(Member *m, int feature)
{
	FeatureState *f = &m->features[feature];
	CsDictionary *unknown = m->unknown[feature];
	double	   *x = StageColumn(m, feature);
	int			n = unknown == NULL ? 0 : CsDictionarySize(unknown);
	int		   *codes;

	if (f->overfull)
		MissFrom(m, feature, 0);
	if (f->overfull || n == 0)
		return HALT_NONE;
	CsLevelLogRead(LogOf(CsTeamArena(m->team), m->args, f), m->known[feature], &m->read[feature]);
	codes = MemoryContextAlloc(m->range_context, sizeof(int) * n);
	for (int i = 0; i < n && !f->overfull; i++)
	{
		Halt		halt = NumberLevel(m, feature, CsDictionaryLevel(unknown, i), &codes[i]);

		if (halt != HALT_NONE)
			return halt;
		if (codes[i] < 0)
			MissFrom(m, feature, FirstRowOf(m, feature, i));
	}
	for (int r = 0; r < m->nrows; r++)
		if (x[r] < 0)
			x[r] = codes[-(int) x[r] - 1];
	return HALT_NONE;
}

/* Number the levels of all staged rows. */
static Halt
NumberAllLevels(Member *m)
{
	for (int i = 0; i < m->args->nfeatures; i++)
	{
		Halt		halt = m->features[i].is_category ? NumberLevels(m, i) : HALT_NONE;

		if (halt != HALT_NONE)
			return halt;
		m->features[i].has_null |= m->has_null[i];
	}
	memset(m->unknown, 0, sizeof(CsDictionary *) * m->args->nfeatures);
	MemoryContextReset(m->range_context);
	return HALT_NONE;
}

/* Copy the staged rows to their places. */
static void
CopyStage(const Member *m, int64 first)
{
	CsArena    *arena = CsTeamArena(m->team);

	CsMatrixPutRows(CsArenaAddress(arena, m->args->matrix), arena, first, m->stage, m->capacity, m->nrows);
	if (m->args->weight >= 0)
		CsMatrixPutRows(CsArenaAddress(arena, m->args->weights), arena, first,
						StageColumn(m, m->args->nfeatures), m->capacity, m->nrows);
}

/* Give the staged rows their places; "is_last": the range has no more. */
static void
PlaceRows(Member *m, bool is_last)
{
	Advance    *a = m->advance;
	int64		first;
	Halt		halt;

	if (!AwaitTurn(m))
	{
		m->is_over = true;
		return;
	}
	first = a->nrows;
	halt = m->is_unfit ? HALT_STATEMENT : m->args->count_only ? HALT_NONE :
		a->room - first < m->nrows ? HALT_ROOM : NumberAllLevels(m);
	if (halt != HALT_NONE)
	{
		HaltReading(m, halt);
		return;
	}
	a->nrows += m->nrows;
	if (is_last)
		PassTurn(m);
	if (!m->args->count_only)
		CopyStage(m, first);
	m->nrows = 0;
}

/* A category as a number; below 0 when the member has not met the level. */
static double
CategoryCode(Member *m, int feature, Datum value)
{
	int			length;
	void	   *copy;
	const char *text = CsCategoryText(&m->columns[feature].converter, value, &length, &copy);
	int			code = CsDictionaryFind(m->known[feature], text, length);

	if (code < 0 && m->unknown[feature] == NULL)
	{
		MemoryContext save = MemoryContextSwitchTo(m->range_context);

		m->unknown[feature] = CsDictionaryCreate();
		MemoryContextSwitchTo(save);
	}
	if (code < 0)
	{
		int			unknown = CsDictionaryCode(m->unknown[feature], text, length);

		/* a text that no dictionary takes */
		m->is_unfit |= unknown < 0;
		code = -(unknown + 1);
	}
	if (copy != NULL)
		pfree(copy);
	return code;
}

/* The number of a feature's value that is there. */
static inline double
Convert(Member *m, int feature, Datum value)
{
	const CsConverter *converter = &m->columns[feature].converter;

	/* the most common type is spared the indirect call */
	if (converter->type == FLOAT8OID && converter->kind == CS_NUMERIC)
		return DatumGetFloat8(value);
	return converter->kind == CS_CATEGORICAL ? CategoryCode(m, feature, value) :
		converter->to_double(converter, value);
}

/* Is the row skipped because a feature is missing?  Counts it if so. */
static bool
LacksFeature(Member *m, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < m->args->nfeatures; i++)
	{
		if (!m->features[i].skips)
			continue;
		if (nulls[i] || (!m->features[i].is_category && isnan(Convert(m, i, values[i]))))
		{
			m->n_null[i]++;
			return true;
		}
	}
	return false;
}

/* The weight of a row, 0 for none; negative where it is none that a weight can be. */
static double
Weight(const Member *m, const Datum *values, const bool *nulls)
{
	const CsConverter *converter;
	double		weight;

	if (m->args->weight < 0)
		return 1;
	if (nulls[m->args->weight])
		return 0;
	converter = &m->columns[m->args->weight].converter;
	weight = converter->to_double(converter, values[m->args->weight]);
	return weight >= 0 && !isinf(weight) ? weight : -1;
}

/* Is the row to be skipped?  Counts it by its reason if so. */
static bool
SkipRow(Member *m, double weight, const Datum *values, const bool *nulls)
{
	bool		skipped = LacksFeature(m, values, nulls);

	if (!skipped && weight == 0)
	{
		m->n_without_weight++;
		skipped = true;
	}
	m->n_skipped += skipped;
	return skipped;
}

/* Stage a row. */
static void
StageRow(Member *m, double weight, const Datum *values, const bool *nulls)
{
	double	   *x = m->stage + m->nrows;

	for (int i = 0; i < m->args->nfeatures; i++, x += m->capacity)
	{
		m->has_null[i] |= nulls[i];
		*x = nulls[i] || m->features[i].overfull ? NAN : Convert(m, i, values[i]);
	}
	if (m->args->weight >= 0)
		*x = weight;
	m->nrows++;
}

/* CsRowSink: one row of the range. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Member	   *m = state;
	double		weight;

	if (m->is_over)
		return;
	weight = Weight(m, values, nulls);
	m->is_unfit |= weight < 0;
	if (SkipRow(m, weight, values, nulls))
		return;
	if (m->args->count_only)
	{
		m->nrows++;
		return;
	}
	StageRow(m, weight, values, nulls);
	if (m->nrows == m->capacity)
		PlaceRows(m, false);
}

/* Read a range. */
void
CsReadPagesTask(CsTeam *team, const void *arguments, int item)
{
	const ReadArgs *args = arguments;
	const CsPages *pages = CsArenaAddress(CsTeamArena(team), args->pages);
	Member	   *m = BeginRange(team, args, args->first + item);
	int64		first = m->range * args->range_pages;

	if (pg_atomic_read_u32(&m->advance->halt) != HALT_NONE)
		return;
	if (CsTeamIsLeader(team))
		CsProgressRows(m->advance->nrows, args->expected);
	CsPageReaderRead(m->reader, pages, first, Min(args->range_pages, pages->npages - first), TakeRow, m);
	if (!m->is_over)
		PlaceRows(m, true);
}

/* A reading, as the leader sees it. */
typedef struct Reading
{
	CsTraining *t;
	const CsPages *pages;
	CsArena    *arena;
	FeatureState *features;
	Advance    *advance;
	CsMatrix   *weights;		/* of one column, or NULL */
	Size	   *read;			/* a feature: as far as its log has been read for the training */
	ReadArgs	args;
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

	memset(r->features, 0, sizeof(FeatureState) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		FeatureState *f = &r->features[i];

		f->is_category = t->dictionaries[i] != NULL;
		f->skips = t->prep->columns[i].impute == CS_IMPUTE_SKIP && !t->keep_nulls;
		f->is_named = !t->choose_features;
		f->log = logs;
		logs += f->is_category ? FIRST_LOG : 0;
	}
	r->args.logs = CsArenaAlloc(r->arena, Max(logs, 1));
	for (int i = 0; i < t->nfeatures; i++)
		if (r->features[i].is_category)
			CsLevelLogInit(LogOf(r->arena, &r->args, &r->features[i]), FIRST_LOG);
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
	r->args.features = CsArenaAlloc(r->arena, sizeof(FeatureState) * t->nfeatures);
	r->args.advance = CsArenaAlloc(r->arena, sizeof(Advance));
	r->args.matrix = CsMatrixShare(t->raw, r->arena);
	r->args.weight = columns->weight;
	r->weights = columns->weight < 0 ? NULL : CsMatrixCreate(1);
	r->args.weights = columns->weight < 0 ? -1 : CsMatrixShare(r->weights, r->arena);
	r->args.ncolumns = columns->set.ncolumns;
	r->args.nfeatures = t->nfeatures;
	r->args.range_pages = (int) Max(Min(RANGE_ROWS / page_rows, MOST_PAGES), 1);
	r->args.nranges = (r->pages->npages + r->args.range_pages - 1) / r->args.range_pages;
	r->features = CsArenaAddress(r->arena, r->args.features);
	r->advance = CsArenaAddress(r->arena, r->args.advance);
	r->read = palloc0(sizeof(Size) * t->nfeatures);
	memset(r->advance, 0, sizeof(Advance));
	pg_atomic_init_u64(&r->advance->turn, 0);
	pg_atomic_init_u32(&r->advance->halt, HALT_NONE);
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

/* Make room for more rows, for so many if they are not too many at once; false when there is none to be had. */
static bool
AddRoom(Reading *r, double rows_to_come)
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
		r->advance->room = raw->nblocks_allocated * CS_BLOCK_ROWS;
		memcpy(CsArenaAddress(r->arena, r->args.matrix), raw, sizeof(CsMatrix));
		if (r->weights != NULL)
			memcpy(CsArenaAddress(r->arena, r->args.weights), r->weights, sizeof(CsMatrix));
	}
	MemoryContextSwitchTo(old);
	return nblocks > 0;
}

/* How many ranges are to be read next. */
static int
NextRanges(Reading *r)
{
	int64		left = r->args.nranges - RangesDone(r);
	double		rows = RowsOfRange(r);
	double		room = (double) (r->advance->room - r->advance->nrows);

	if (r->args.count_only)
		return (int) Min(left, PG_INT32_MAX);
	if (room < rows * (double) left)
		(void) AddRoom(r, rows * (double) left - room);
	room = (double) (r->advance->room - r->advance->nrows);
	return (int) Max(Min(room / rows, (double) Min(left, PG_INT32_MAX)), 1);
}

/* Enlarge the logs that have little room left. */
static void
EnlargeLogs(Reading *r)
{
	ReadArgs	old = r->args;
	Size	   *sizes = palloc0(sizeof(Size) * r->args.nfeatures);
	Size		total = 0;

	for (int i = 0; i < r->args.nfeatures; i++)
	{
		const CsLevelLog *log = LogOf(r->arena, &old, &r->features[i]);

		if (r->features[i].is_category)
			sizes[i] = i == r->advance->full || log->used > log->size / 2 ? LOG_GROWTH * log->size : log->size;
		total += sizes[i];
	}
	r->args.logs = CsArenaAlloc(r->arena, total);
	total = 0;
	for (int i = 0; i < r->args.nfeatures; i++)
	{
		const CsLevelLog *log = LogOf(r->arena, &old, &r->features[i]);

		if (!r->features[i].is_category)
			continue;
		r->features[i].log = total;
		CsLevelLogCopy(LogOf(r->arena, &r->args, &r->features[i]), log, sizes[i]);
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
			CsLevelLogRead(LogOf(r->arena, &r->args, &r->features[i]), t->dictionaries[i], &r->read[i]);
	}
}

/* Is there room for the rows to come, after a halt or with the levels that have come? */
static bool
MayGoOn(Reading *r, Halt halt)
{
	int64		block = r->advance->nrows / CS_BLOCK_ROWS;

	if (halt == HALT_ROOM)
		return AddRoom(r, RowsOfRange(r));
	return RangesDone(r) == r->args.nranges ||
		CsTrainingMemory(r->t, block * CS_BLOCK_ROWS + 1) <= CsMemoryLimit();
}

/* Read all ranges; false when a statement has to read the source. */
static bool
ReadRanges(Reading *r)
{
	while (RangesDone(r) < r->args.nranges)
	{
		int			n = NextRanges(r);
		Halt		halt;

		r->args.first = RangesDone(r);
		pg_atomic_write_u32(&r->advance->halt, HALT_NONE);
		CsTeamRun(r->t->team, CS_TASK(CsReadPagesTask), &r->args, sizeof(r->args), n);
		halt = (Halt) pg_atomic_read_u32(&r->advance->halt);
		TakeFeatures(r);
		if (halt == HALT_STATEMENT)
			return false;
		if (halt == HALT_LEVELS)
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
