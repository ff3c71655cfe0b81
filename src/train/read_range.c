/*
 * read_range.c
 *	  One range of a reading, by a member of the team: staged, given its turn, numbered and placed.
 *
 * How members keep to the order of the rows is told in read_pages.c.
 */
#include "custseg.h"

#include <math.h>

#include "data/matrix.h"
#include "progress.h"
#include "train/read_range.h"
#include "utils/memutils.h"

/* Rows of a stage and its bytes, at most, and the rows that it has at least. */
#define MOST_STAGED 4096
#define STAGE_BYTES ((Size) 4 * 1024 * 1024)
#define LEAST_STAGED 64

/* Looks at whose turn it is before a member goes to sleep. */
#define SPINS 2000

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
	const CsReadArgs *args;
	CsReadFeature *features;
	CsReadAdvance *advance;
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

#define StageColumn(m, j) ((m)->stage + (Size) (m)->capacity * (j))

/* CsTeamRelease(): close what a member reads. */
static void
CloseMember(void *kept)
{
	CsPageReaderClose(((Member *) kept)->reader);
}

/* Make what a member needs for a reading, in the context of what it keeps. */
static Member *
MakeMember(CsTeam *team, const CsReadArgs *args)
{
	CsArena    *arena = CsTeamArena(team);
	const CsReadFeature *features = CsArenaAddress(arena, args->features);
	int			width = args->nfeatures + (args->weight >= 0);
	MemoryContext save;
	Member	   *m;

	CsTeamForget(team);
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
BeginRange(CsTeam *team, const CsReadArgs *args, int64 range)
{
	CsArena    *arena = CsTeamArena(team);
	Member	   *m = *CsTeamKept(team);

	if (m == NULL || m->reading != args->reading)
	{
		*CsTeamKept(team) = m = MakeMember(team, args);
		CsTeamRelease(team, CloseMember);
	}
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
		pg_atomic_read_u32(&m->advance->halt) != CS_HALT_NONE;
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
	m->has_turn = pg_atomic_read_u32(&m->advance->halt) == CS_HALT_NONE;
	m->start = m->advance->nrows;
	return m->has_turn;
}

/* Stop the reading at this range, which will be read again; the member has the turn. */
static void
HaltReading(Member *m, CsReadHalt why)
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
	CsReadAdvance *a = m->advance;

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
static CsReadHalt
NumberLevel(Member *m, int feature, const char *text, int *code)
{
	CsReadFeature *f = &m->features[feature];
	CsDictionary *known = m->known[feature];
	CsLevelLog *log = CsReadLog(CsTeamArena(m->team), m->args, f);
	int			length = (int) strlen(text);

	*code = CsDictionaryFind(known, text, length);
	if (*code >= 0)
		return CS_HALT_NONE;
	if (!CsDictionaryTakes(known, length))
	{
		f->overfull = true;
		return f->is_named ? CS_HALT_STATEMENT : CS_HALT_NONE;
	}
	if (!CsLevelLogAdd(log, text, length))
	{
		m->advance->full = feature;
		return CS_HALT_LEVELS;
	}
	*code = CsDictionaryCode(known, text, length);
	m->read[feature] = log->used;
	return CS_HALT_NONE;
}

/* Give the staged rows of a feature the numbers of their levels. */
static CsReadHalt
NumberLevels(Member *m, int feature)
{
	CsReadFeature *f = &m->features[feature];
	CsDictionary *unknown = m->unknown[feature];
	double	   *x = StageColumn(m, feature);
	int			n = unknown == NULL ? 0 : CsDictionarySize(unknown);
	int		   *codes;

	if (f->overfull)
		MissFrom(m, feature, 0);
	if (f->overfull || n == 0)
		return CS_HALT_NONE;
	CsLevelLogRead(CsReadLog(CsTeamArena(m->team), m->args, f), m->known[feature], &m->read[feature]);
	codes = MemoryContextAlloc(m->range_context, sizeof(int) * n);
	for (int i = 0; i < n && !f->overfull; i++)
	{
		CsReadHalt	halt = NumberLevel(m, feature, CsDictionaryLevel(unknown, i), &codes[i]);

		if (halt != CS_HALT_NONE)
			return halt;
		if (codes[i] < 0)
			MissFrom(m, feature, FirstRowOf(m, feature, i));
	}
	for (int r = 0; r < m->nrows; r++)
		if (x[r] < 0)
			x[r] = codes[-(int) x[r] - 1];
	return CS_HALT_NONE;
}

/* Number the levels of all staged rows. */
static CsReadHalt
NumberAllLevels(Member *m)
{
	for (int i = 0; i < m->args->nfeatures; i++)
	{
		CsReadHalt	halt = m->features[i].is_category ? NumberLevels(m, i) : CS_HALT_NONE;

		if (halt != CS_HALT_NONE)
			return halt;
		m->features[i].has_null |= m->has_null[i];
	}
	memset(m->unknown, 0, sizeof(CsDictionary *) * m->args->nfeatures);
	MemoryContextReset(m->range_context);
	return CS_HALT_NONE;
}

/* Copy the staged rows to their places. */
static void
CopyStage(const Member *m, int64 first)
{
	CsArena    *arena = CsTeamArena(m->team);

	pg_read_barrier();			/* the room was there first, see CsReadAhead() */
	CsMatrixPutRows(CsArenaAddress(arena, m->args->matrix), arena, first, m->stage, m->capacity, m->nrows);
	if (m->args->weight >= 0)
		CsMatrixPutRows(CsArenaAddress(arena, m->args->weights), arena, first,
						StageColumn(m, m->args->nfeatures), m->capacity, m->nrows);
}

/* Give the staged rows their places; "is_last": the range has no more. */
static void
PlaceRows(Member *m, bool is_last)
{
	CsReadAdvance *a = m->advance;
	int64		first;
	CsReadHalt	halt;

	if (!AwaitTurn(m))
	{
		m->is_over = true;
		return;
	}
	first = a->nrows;
	halt = m->is_unfit ? CS_HALT_STATEMENT : m->args->count_only ? CS_HALT_NONE :
		a->room - first < m->nrows ? CS_HALT_ROOM : NumberAllLevels(m);
	if (halt != CS_HALT_NONE)
	{
		a->wanted = first + m->nrows;
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

/* The first of n numbers that is missing, n when none is. */
static int
FirstMissing(const double *x, int n)
{
	int			missing = 0;

	for (int r = 0; r < n; r++)
		missing += isnan(x[r]);
	for (int r = 0; r < n && missing > 0; r++)
		if (isnan(x[r]))
			return r;
	return n;
}

/* CsManyRowsSink: stage rows with values in all columns, up to one that is to be skipped, or as many as there is room for. */
static int
TakeRows(void *state, const char *const *rows, int n)
{
	Member	   *m = state;
	int			taken = Min(n, m->capacity - m->nrows);

	if (m->is_over)
		return n;
	if (m->args->count_only)
		return 0;
	for (int i = 0; i < m->args->nfeatures; i++)
	{
		double	   *x = StageColumn(m, i) + m->nrows;

		CsPageReaderNumbers(m->reader, i, rows, taken, x);
		if (m->features[i].skips)
			taken = FirstMissing(x, taken);
	}
	m->nrows += taken;
	if (m->nrows == m->capacity)
		PlaceRows(m, false);
	return taken;
}

/* Are all columns numbers that can be staged at once, with nothing else to be told of a row? */
static bool
TakesManyRows(const Member *m, const CsReadArgs *args)
{
	if (args->weight >= 0)
		return false;
	for (int i = 0; i < args->ncolumns; i++)
	{
		CsKind		kind = m->columns[i].converter.kind;

		if (kind == CS_CATEGORICAL || kind == CS_UNUSABLE || m->columns[i].vector != NULL)
			return false;
	}
	return true;
}

/* Read a range. */
void
CsReadPagesTask(CsTeam *team, const void *arguments, int item)
{
	const CsReadArgs *args = arguments;
	const CsPages *pages = CsArenaAddress(CsTeamArena(team), args->pages);
	Member	   *m = BeginRange(team, args, args->first + item);
	int64		first = m->range * args->range_pages;

	if (pg_atomic_read_u32(&m->advance->halt) != CS_HALT_NONE)
		return;
	if (CsTeamIsLeader(team))
	{
		CsProgressRows(m->advance->nrows, args->expected);
		CsReadAhead(args->leading);
	}
	if (TakesManyRows(m, args))
		CsPageReaderTakeMany(m->reader, TakeRows);
	CsPageReaderRead(m->reader, pages, first, Min(args->range_pages, pages->npages - first), TakeRow, m);
	if (!m->is_over)
		PlaceRows(m, true);
}
