/*
 * block_team.c
 *	  The blocks of a pass read by a team, and visited by its leader in their order.
 *
 * The pages of the source are cut into ranges of about as many rows as a block has.  Whoever of the team claims a range
 * reads it into a block that the team shares: values, the numbers that they are, and where the versions place the rows.
 * The leader alone gives blocks to the visitors, in the order of the ranges; so what they find is what they find of the
 * same rows without a team, for any number of workers, and none of them needs to know of it.  A round is a run of ranges.
 * While the blocks of a round are read, those of the round before are visited: there is room for two.
 *
 * A range that does not fit into a block is left to the leader, who reads it by itself when its turn comes; the ranges
 * after it are shorter then.  Values by reference lie in the block, and the block has where instead of an address.
 */
#include "custseg.h"

#include "call/call.h"
#include "miscadmin.h"
#include "score/blocks.h"
#include "utils/datum.h"

/* Ranges of a round, at most and at least; most pages of a range, and its rows, about: a few less than a block takes. */
#define MOST_RANGES 16
#define LEAST_RANGES 2
#define MOST_PAGES 32
#define RANGE_ROWS 960

/* Which part of maintenance_work_mem blocks may take. */
#define SHARE_OF_MEMORY 16

/* A block that the team shares; its arrays follow, see UseBlock(). */
typedef struct SharedBlock
{
	int			nrows;			/* NOT_READ: the leader is to read the range */
} SharedBlock;

#define NOT_READ (-1)

/* What all members are told of a placer. */
typedef struct SharedPlacer
{
	int			scorer;			/* area */
	int			columns;		/* area: of each feature, int[nfeatures] */
	CsPlacing	placing;
	bool		is_bound;
} SharedPlacer;

/* What a task is told. */
typedef struct RangeArgs
{
	int			pages;			/* areas: CsPages */
	int			columns;		/* CsPagesColumn[ncolumns] */
	int			placers;		/* SharedPlacer[nplacers] */
	int			blocks;			/* of two rounds */
	int			ncolumns;
	int			nplacers;
	Size		block_size;
	Size		room;			/* of a block, for values by reference */
	int			round_ranges;	/* of a whole round */
	int			first_block;	/* of the round */
	int64		first;			/* page of its first range */
	int			range_pages;
} RangeArgs;

/* The reading as the leader sees it. */
typedef struct Leading
{
	CsPass	   *pass;
	CsArena    *arena;
	CsPageReader *reader;		/* of what does not fit into blocks */
	RangeArgs	args;
	RangeArgs	round;			/* whose blocks are to be visited, */
	int			nranges;		/* that many */
	bool		is_overfull;	/* one of them did not fit */
} Leading;

/* What a member of the team keeps while it reads. */
typedef struct Member
{
	Leading    *leading;		/* of the leader */
	CsPageReader *reader;
	CsPass		pass;			/* without visitors */

	/* the range at hand */
	char	   *block;
	char	   *copies;			/* the next one, */
	char	   *end;			/* and where there is no more room for them */
	bool		is_overfull;
} Member;

extern PGDLLEXPORT void CsPassRangeTask(CsTeam *team, const void *args, int item);

/* The features that a placer reads. */
static inline int
Features(const CsPlacer *p)
{
	return CsScorerPipeline(p->scoring.scorer)->nfeatures;
}

/* Bytes of a block without its copies, all of whose arrays are aligned. */
static Size
BlockSize(const CsPass *pass)
{
	Size		columns = Max(pass->columns.ncolumns, 1);
	Size		size = MAXALIGN(sizeof(SharedBlock)) + 3 * MAXALIGN(columns);
	ListCell   *cell;

	size += mul_size(columns, CS_PASS_STRIDE * (sizeof(Datum) + sizeof(double) + sizeof(bool)));
	foreach(cell, pass->placers)
		size += mul_size(Features(lfirst(cell)), sizeof(double) * CS_PASS_STRIDE) + MAXALIGN(sizeof(int32) * CS_BLOCK_ROWS);
	return size;
}

/* An array of so many bytes; moves on to what follows. */
static void *
Array(char **at, Size size)
{
	char	   *array = *at;

	*at += MAXALIGN(size);
	return array;
}

/* Have the block at hand, and where its rows are placed, be a shared one.  Returns where copies of values are. */
static char *
UseBlock(CsPass *pass, char *block)
{
	CsPassBlocks *b = pass->blocks;
	Size		columns = Max(pass->columns.ncolumns, 1);
	char	   *at = block;
	ListCell   *cell;

	(void) Array(&at, sizeof(SharedBlock));
	b->block.has_nulls = Array(&at, columns);
	b->has_numbers = Array(&at, columns);
	b->all_finite = Array(&at, columns);
	b->block.values = Array(&at, columns * CS_PASS_STRIDE * sizeof(Datum));
	b->numbers = Array(&at, columns * CS_PASS_STRIDE * sizeof(double));
	b->block.nulls = Array(&at, columns * CS_PASS_STRIDE * sizeof(bool));
	foreach(cell, pass->placers)
	{
		CsPlacer   *p = lfirst(cell);

		p->raw = Array(&at, (Size) Features(p) * CS_PASS_STRIDE * sizeof(double));
		p->segments = Array(&at, sizeof(int32) * CS_BLOCK_ROWS);
	}
	return at;
}

/* A block of a round. */
static char *
BlockOf(CsArena *arena, const RangeArgs *args, int range)
{
	return (char *) CsArenaAddress(arena, args->blocks) + args->block_size * (args->first_block + range);
}

/* The first page of a range. */
static inline int64
FirstPage(const RangeArgs *args, int range)
{
	return args->first + (int64) range * args->range_pages;
}

/* Add a placer that places as the leader's does. */
static void
AddPlacer(CsPass *pass, CsArena *arena, const SharedPlacer *shared)
{
	CsPlacer   *p = palloc0(sizeof(CsPlacer));

	CsScoringInit(&p->scoring, CsArenaAddress(arena, shared->scorer), CurrentMemoryContext);
	p->column = CsArenaAddress(arena, shared->columns);
	p->placing = shared->placing;
	p->is_bound = shared->is_bound;
	pass->placers = lappend(pass->placers, p);
}

/* CsTeamRelease(): close what a member reads. */
static void
CloseMember(void *kept)
{
	CsPageReaderClose(((Member *) kept)->reader);
}

/* Make what a member needs for the reading, in the context of what it keeps. */
static void
OpenMember(Member *m, CsTeam *team, const RangeArgs *args)
{
	CsArena    *arena = CsTeamArena(team);
	const SharedPlacer *placers = CsArenaAddress(arena, args->placers);
	MemoryContext save = MemoryContextSwitchTo(CsTeamKeptContext(team));

	m->reader = CsPageReaderMake(CsArenaAddress(arena, args->pages), CsArenaAddress(arena, args->columns), args->ncolumns);
	m->pass.columns.ncolumns = args->ncolumns;
	m->pass.columns.columns = unconstify(CsColumn *, CsPageReaderColumns(m->reader));
	m->pass.is_first = true;
	for (int i = 0; i < args->nplacers; i++)
		AddPlacer(&m->pass, arena, &placers[i]);
	m->pass.blocks = CsBlocksOpen(&m->pass);
	MemoryContextSwitchTo(save);
	CsTeamRelease(team, CloseMember);
}

/* Copy a value into the block; where there is no room for it the block is overfull. */
static Datum
CopyValue(Member *m, Datum value, int16 length)
{
	Size		size = datumGetSize(value, false, length);
	char	   *copy = m->copies;

	if (size > (Size) (m->end - m->copies))
	{
		m->is_overfull = true;
		return (Datum) 0;
	}
	memcpy(copy, DatumGetPointer(value), size);
	m->copies += Min(MAXALIGN(size), (Size) (m->end - m->copies));
	return PointerGetDatum(copy);
}

/* CsRowSink: a row of the range. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Member	   *m = state;
	CsPassBlocks *b = m->pass.blocks;
	Datum	   *to = b->block.values + b->block.nrows;
	bool	   *to_nulls = b->block.nulls + b->block.nrows;

	m->is_overfull |= b->block.nrows == CS_BLOCK_ROWS;
	if (m->is_overfull)
		return;
	for (int c = 0; c < m->pass.columns.ncolumns; c++)
	{
		to[(Size) c * CS_PASS_STRIDE] = values[c];
		to_nulls[(Size) c * CS_PASS_STRIDE] = nulls[c];
	}
	for (int i = 0; i < b->nby_reference; i++)
	{
		int			c = b->by_reference[i];

		if (!nulls[c])
			to[(Size) c * CS_PASS_STRIDE] = CopyValue(m, values[c], b->lengths[c]);
	}
	b->block.nrows++;
}

/* Add a distance to the addresses of values in the block at hand. */
static void
MoveValues(const CsPassBlocks *b, Datum by)
{
	for (int i = 0; i < b->nby_reference; i++)
	{
		Datum	   *values = CsBlockValues(&b->block, b->by_reference[i]);
		const bool *nulls = CsBlockNulls(&b->block, b->by_reference[i]);

		for (int r = 0; r < b->block.nrows; r++)
			values[r] += nulls[r] ? 0 : by;
	}
}

/* Convert the columns of numbers of the block at hand; those that are levels to somebody are converted where they are asked for. */
static void
ConvertNumbers(CsPass *pass)
{
	for (int c = 0; c < pass->columns.ncolumns; c++)
	{
		const CsConverter *converter = &pass->columns.columns[c].converter;

		if (converter->kind != CS_CATEGORICAL && converter->kind != CS_UNUSABLE)
			(void) CsPassNumbersOf(pass, c, converter);
	}
}

/* Visit the blocks of the last round. */
static void
VisitRound(Leading *l)
{
	CsPass	   *pass = l->pass;
	const CsPages *pages = CsArenaAddress(l->arena, l->args.pages);

	for (int i = 0; i < l->nranges; i++)
	{
		char	   *block = BlockOf(l->arena, &l->round, i);
		int			nrows = ((const SharedBlock *) block)->nrows;
		int64		first = FirstPage(&l->round, i);

		(void) UseBlock(pass, block);
		if (nrows == NOT_READ)
		{
			l->is_overfull = true;
			CsPageReaderRead(l->reader, pages, first, Min(l->round.range_pages, pages->npages - first), CsBlocksTakeRow, pass);
			CsBlocksFinish(pass);
			continue;
		}
		pass->blocks->block.nrows = nrows;
		MoveValues(pass->blocks, PointerGetDatum(block));
		if (nrows > 0)
			CsBlocksVisit(pass);
	}
	l->nranges = 0;
}

/* Read a range into a block; the leader visits those of the round before it first. */
void
CsPassRangeTask(CsTeam *team, const void *arguments, int item)
{
	const RangeArgs *args = arguments;
	CsArena    *arena = CsTeamArena(team);
	const CsPages *pages = CsArenaAddress(arena, args->pages);
	Member	   *m = CsTeamKeep(team, "blocks of a pass", sizeof(Member));
	SharedBlock *head = (SharedBlock *) BlockOf(arena, args, item);
	int64		first = FirstPage(args, item);

	if (m->reader == NULL)
		OpenMember(m, team, args);
	if (m->leading != NULL)
		VisitRound(m->leading);
	m->block = (char *) head;
	m->copies = UseBlock(&m->pass, m->block);
	m->end = m->copies + args->room;
	m->is_overfull = false;
	m->pass.blocks->block.nrows = 0;
	CsPageReaderRead(m->reader, pages, first, Min(args->range_pages, pages->npages - first), TakeRow, m);
	head->nrows = m->is_overfull ? NOT_READ : m->pass.blocks->block.nrows;
	if (m->is_overfull || head->nrows == 0)
		return;
	CsBlocksPlace(&m->pass);
	ConvertNumbers(&m->pass);
	MoveValues(m->pass.blocks, -PointerGetDatum(m->block));
}

/* Copy something to an area for the team. */
static int
ShareBytes(CsArena *arena, const void *bytes, Size size)
{
	int			area = CsArenaAlloc(arena, Max(size, 1));

	memcpy(CsArenaAddress(arena, area), bytes, size);
	return area;
}

/* Share the versions that place rows. */
static void
SharePlacers(Leading *l)
{
	RangeArgs  *args = &l->args;
	SharedPlacer *shared;

	args->nplacers = list_length(l->pass->placers);
	args->placers = CsArenaAlloc(l->arena, sizeof(SharedPlacer) * Max(args->nplacers, 1));
	shared = CsArenaAddress(l->arena, args->placers);
	for (int i = 0; i < args->nplacers; i++)
	{
		const CsPlacer *p = list_nth(l->pass->placers, i);

		shared[i] = (SharedPlacer) {
			.scorer = ShareBytes(l->arena, p->scoring.scorer, VARSIZE(p->scoring.scorer)),
			.columns = ShareBytes(l->arena, p->column, sizeof(int) * Features(p)),
			.placing = p->placing, .is_bound = p->is_bound
		};
	}
}

/* Give back what the team has shared to read, but not what visitors keep. */
static void
FreeAreas(const Leading *l)
{
	const SharedPlacer *placers = CsArenaAddress(l->arena, l->args.placers);

	for (int i = 0; i < l->args.nplacers; i++)
	{
		CsArenaFree(l->arena, placers[i].scorer);
		CsArenaFree(l->arena, placers[i].columns);
	}
	CsArenaFree(l->arena, l->args.placers);
	CsArenaFree(l->arena, l->args.blocks);
	CsArenaFree(l->arena, l->args.columns);
	CsArenaFree(l->arena, l->args.pages);
}

/* Read a round of ranges from a page on, while the one before it is visited.  Returns the page after it. */
static int64
ReadRound(Leading *l, int64 first, int64 npages)
{
	RangeArgs  *args = &l->args;
	int			n = (int) Min((npages - first + args->range_pages - 1) / args->range_pages, args->round_ranges);

	args->first = first;
	args->first_block = args->round_ranges - args->first_block;
	CsTeamRun(l->pass->team, CS_TASK(CsPassRangeTask), args, sizeof(*args), n);
	/* of all ranges the leader may have read none */
	VisitRound(l);
	l->round = *args;
	l->nranges = n;
	if (l->is_overfull)
		args->range_pages = Max(args->range_pages / 2, 1);
	l->is_overfull = false;
	return Min(FirstPage(args, 0) + (int64) n * l->round.range_pages, npages);
}

/* Read all pages; the leader goes on alone when there is no memory left. */
static void
ReadRounds(Leading *l, const CsPages *pages)
{
	Member	   *m = CsTeamKeep(l->pass->team, "blocks of a pass", sizeof(Member));
	int64		at = 0;

	m->leading = l;
	while (at < pages->npages && CsArenaLeft(l->arena) > 0)
		at = ReadRound(l, at, pages->npages);
	VisitRound(l);
	if (at < pages->npages)
		CsPageReaderRead(l->reader, pages, at, pages->npages - at, CsBlocksTakeRow, l->pass);
	CsBlocksFinish(l->pass);
	m->leading = NULL;
}

/* Pages of a range that probably has as many rows as fit into a block. */
static int
RangePages(const CsPages *pages)
{
	double		page_rows = Max(pages->nrows / Max(pages->npages, 1), 1);

	return (int) Max(Min(RANGE_ROWS / page_rows, MOST_PAGES), 1);
}

/* Start the team of a pass that is to have one; false when there is none. */
static bool
StartTeam(CsPass *pass, const RangeArgs *args)
{
	int			workers = 0;

	if (pass->workers != NULL && pass->is_first && pass->team == NULL && args->round_ranges >= LEAST_RANGES)
		workers = pass->workers(pass->workers_state, pass->expected);
	if (workers > 0)
		pass->team = CsTeamStart(CsArenaCreate(true), workers);
	return workers > 0;
}

/*
 * Read the rows of pages by a team, if the pass is to have one, which is made in a context with its arena, and stays the
 * pass's.  Returns false when there is none.
 */
bool
CsBlocksReadByTeam(CsPass *pass, const CsPages *pages, const CsPagesColumn *columns, MemoryContext context)
{
	Leading		l = {.pass = pass};
	RangeArgs  *args = &l.args;
	MemoryContext save = MemoryContextSwitchTo(context);
	bool		is_read;

	args->ncolumns = pass->columns.ncolumns;
	args->range_pages = RangePages(pages);
	args->room = (Size) args->range_pages * BLCKSZ + mul_size(pass->blocks->nby_reference, MAXIMUM_ALIGNOF * CS_BLOCK_ROWS);
	args->room = pass->blocks->nby_reference == 0 ? 0 : MAXALIGN(args->room);
	args->block_size = BlockSize(pass) + args->room;
	args->round_ranges = (int) Min(CsMemoryLimit() / SHARE_OF_MEMORY / (2 * args->block_size), MOST_RANGES);
	pass->expected = (int64) Min(pages->nrows, (double) PG_INT32_MAX);
	is_read = StartTeam(pass, args);
	MemoryContextSwitchTo(save);
	if (!is_read)
		return false;
	l.arena = CsTeamArena(pass->team);
	l.reader = CsPageReaderMake(pages, columns, args->ncolumns);
	args->pages = ShareBytes(l.arena, pages, pages->size);
	args->columns = ShareBytes(l.arena, columns, sizeof(CsPagesColumn) * args->ncolumns);
	args->blocks = CsArenaAlloc(l.arena, 2 * args->round_ranges * args->block_size);
	SharePlacers(&l);
	ereport(DEBUG1, (errmsg_internal("the team reads " INT64_FORMAT " pages of %d tables", pages->npages, pages->ntables)));
	ReadRounds(&l, pages);
	CsPageReaderClose(l.reader);
	FreeAreas(&l);
	return true;
}
