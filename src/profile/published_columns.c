/*
 * published_columns.c
 *	  What a publication tells of each number, found by a team, a column at a time: CsPublishColumns().
 *
 * A column is sorted once for all who want its values sorted: the summaries, the histogram and the test by segment, what
 * describe() tells, the ranks for correlations(), and the curve of the value.  A member of the team does all that is
 * made of a column, by the code of the functions that tell it, so the results do not depend on who does it.  What comes
 * out is without pointers.  When all columns are done, two members correlate them: by their values, and by their ranks.
 *
 * Where a team has read the source, it has the values already.  Else they were read into memory of the leader, and have to
 * be copied to where the team can read them.  Where there is room for them twice, the leader copies but the first columns
 * while the others work on these; who comes to a column that is not there yet waits for it.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type_d.h"
#include "parallel/large.h"
#include "parallel/team.h"
#include "port/atomics.h"
#include "profile/publish.h"
#include "stat/correlation.h"
#include "storage/latch.h"

/* Bytes that a member needs for each row: values, scratch and gathered, and rows twice. */
#define MEMBER_ROW (3 * sizeof(double) + 2 * sizeof(uint32))

/* More columns than the arena has areas for are taken by one process. */
#define MOST_SHARED 300

/* Values that the team shares, or that are where the address says, in this process, when there is no team. */
typedef struct Place
{
	int			area;			/* -1: there is an address */
	void	   *address;
} Place;

/* A number of the look: what a member of the team is to do, and what it has found. */
typedef struct ColumnTask
{
	Place		values;			/* one a row, NaN for none */
	pg_atomic_uint32 is_there;	/* the values can be read */
	Place		twice_ranks;	/* one a row, uint32; nowhere where they are not wanted */
	Place		sorted;			/* likewise the sorted values */
	bool		is_measured;	/* the portrait has the column */
	bool		may_be_log;
	int64		n;
	CsMoments	moments;

	CsColumnOrder order;
	CsGroupHistogram histogram;	/* its arrays are elsewhere */
} ColumnTask;

/* What all columns share. */
typedef struct ColumnsArgs
{
	int			columns;		/* area: ColumnTask[] */
	int			results;		/* area: what is found by group, see ResultOf() */
	int			groups;			/* area: of each row, below 0 for none */
	int			ncolumns;
	int			nranked;		/* of them, which are correlated */
	int			correlations;	/* area: of the ranked columns, by their values and then by ranks */
	int			ngroups;
	int64		nrows;
	CsDescribeOptions describe;
} ColumnsArgs;

/* What is found of a column by group, in memory that the team shares. */
typedef struct ByGroup
{
	int64	   *missing;		/* ngroups + 1 */
	CsNumberSummary *summaries; /* ngroups + 1 */
	int64	   *total;			/* of the histogram: ngroups + 1 */
	int64	   *counts;			/* of its bins: ngroups + 1 times CS_HISTOGRAM_BINS */
	void	   *test;			/* of CsTestsKind */
} ByGroup;

/* Values of columns of a look that are to be copied to where the team reads them, those from "next" on. */
typedef struct Sharing
{
	CsLook	   *look;
	const int  *columns;		/* n: which of the look's */
	int			n,
				next;
} Sharing;

/* Room of a member of the team for a column. */
typedef struct Member
{
	double	   *values,
			   *scratch,
			   *gathered;
	uint32	   *rows;
	Sharing    *sharing;		/* of the leader */
} Member;

/* Milliseconds after which a member looks again for values that were not there yet. */
#define LOOK_AGAIN 1

/* What columns are correlated by. */
enum
{
	BY_VALUES, BY_RANKS, CORRELATIONS
};

extern PGDLLEXPORT void CsPublishColumnTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsPublishCorrelationTask(CsTeam *team, const void *args, int item);

/* The address of values in this process; NULL when they are nowhere. */
static void *
AddressOf(CsArena *arena, const Place *place)
{
	return place->area >= 0 ? CsArenaAddress(arena, place->area) : place->address;
}

/* Bytes of a result. */
static Size
ResultSize(int ngroups)
{
	return MAXALIGN(CsTestsKind.visited) +
		(Size) (ngroups + 1) * (sizeof(CsNumberSummary) + sizeof(int64) * (2 + CS_HISTOGRAM_BINS));
}

/* The result of a column in the area of them. */
static ByGroup
ResultOf(void *area, int ngroups, int column)
{
	char	   *at = (char *) area + ResultSize(ngroups) * column;
	ByGroup		r;

	r.test = at;
	r.summaries = (CsNumberSummary *) (at + MAXALIGN(CsTestsKind.visited));
	r.missing = (int64 *) (r.summaries + ngroups + 1);
	r.total = r.missing + ngroups + 1;
	r.counts = r.total + ngroups + 1;
	return r;
}

/* What this member of the team keeps from column to column. */
static Member *
MemberOf(CsTeam *team)
{
	return CsTeamKeep(team, "columns of a publication", sizeof(Member));
}

/* Its room for a column. */
static Member *
RoomOfMember(CsTeam *team, int64 nrows)
{
	MemoryContext context = CsTeamKeptContext(team);
	Member	   *m = MemberOf(team);

	if (m->values != NULL)
		return m;
	m->values = CsLargeAlloc(context, sizeof(double) * Max(nrows, 1));
	m->scratch = CsLargeAlloc(context, sizeof(double) * Max(nrows, 1));
	m->gathered = CsLargeAlloc(context, sizeof(double) * Max(nrows, 1));
	m->rows = CsLargeAlloc(context, sizeof(uint32) * 2 * Max(nrows, 1));
	return m;
}

/* What is told of a column by group. */
static void
MeasureByGroup(const ColumnsArgs *args, ColumnTask *column, const double *values, const int32 *groups,
			   const CsSortedRows *sorted, Member *m, const ByGroup *r)
{
	int32	   *group_of = (int32 *) (m->rows + args->nrows);
	CsSortedGroups of = {.n = sorted->n, .values = sorted->values, .groups = group_of};
	CsPortraitMeasured measured = {.missing = r->missing, .summaries = r->summaries};
	CsPortrait	portrait = {.ngroups = args->ngroups};
	CsGroupHistogram *h;

	for (int64 i = 0; i < sorted->n; i++)
	{
		CsCheckInterrupts(i);
		group_of[i] = groups[sorted->rows[i]];
	}
	memcpy(r->test, CsTestsKind.request.visit(NULL, &portrait, NULL, values, groups, args->nrows, &of), CsTestsKind.visited);
	h = CsHistogramOfSortedGroups(&of, args->ngroups, column->may_be_log);
	column->histogram = *h;
	memcpy(r->total, h->total, sizeof(int64) * (args->ngroups + 1));
	if (h->nbins > 0)
		memcpy(r->counts, h->n, sizeof(int64) * (args->ngroups + 1) * h->nbins);
	CsPortraitMeasure(&measured, args->ngroups, groups, args->nrows, values, &of, m->gathered);
}

/* Find the moments of a column, in the order of the rows. */
static void
FindMoments(const ColumnsArgs *args, ColumnTask *column, const double *values, Member *m)
{
	int64		n = 0;

	if (column->n == args->nrows)
	{
		CsMomentsAdd(&column->moments, values, args->nrows);
		return;
	}
	for (int64 i = 0; i < args->nrows; i++)
	{
		CsCheckInterrupts(i);
		if (!isnan(values[i]))
			m->values[n++] = values[i];
	}
	CsMomentsAdd(&column->moments, m->values, n);
}

/* What the order of a column tells. */
static void
FindOrder(const ColumnsArgs *args, ColumnTask *column, double *sorted)
{
	CsLookColumn *c = palloc0(sizeof(CsLookColumn));

	c->n = column->n;
	c->moments = column->moments;
	c->values = sorted;
	c->is_sorted = true;
	CsOrderOfColumn(c, &args->describe, &column->order);
	pfree(c);
}

/* Copy the values of columns to where the team reads them, until so many of them are there; the look keeps them no longer. */
static void
ShareColumns(CsArena *arena, ColumnTask *tasks, Sharing *s, int until)
{
	for (; s->next < until; s->next++)
	{
		ColumnTask *task = &tasks[s->next];
		int			column = s->columns[s->next];

		CHECK_FOR_INTERRUPTS();
		memcpy(CsArenaAddress(arena, task->values.area), s->look->columns[column].values, sizeof(double) * s->look->nrows);
		CsKeptRelease(&s->look->kept, column);
		pg_write_barrier();
		pg_atomic_write_u32(&task->is_there, 1);
	}
}

/* Wait until the values of a column are there. */
static void
AwaitValues(ColumnTask *column)
{
	while (pg_atomic_read_u32(&column->is_there) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_AGAIN, CsWaitEventTeam());
		ResetLatch(MyLatch);
	}
	pg_read_barrier();
}

/* All that is made of a column. */
void
CsPublishColumnTask(CsTeam *team, const void *arguments, int item)
{
	const ColumnsArgs *args = arguments;
	CsArena    *arena = CsTeamArena(team);
	ColumnTask *tasks = CsArenaAddress(arena, args->columns),
			   *column = &tasks[item];
	ByGroup		result = ResultOf(CsArenaAddress(arena, args->results), args->ngroups, item);
	const double *values = AddressOf(arena, &column->values);
	uint32	   *twice_ranks = AddressOf(arena, &column->twice_ranks);
	double	   *in_order = AddressOf(arena, &column->sorted);
	Sharing    *sharing = MemberOf(team)->sharing;
	Member	   *m;
	CsSortedRows sorted;

	if (sharing != NULL)
		ShareColumns(arena, tasks, sharing, sharing->n);
	AwaitValues(column);
	m = RoomOfMember(team, args->nrows);
	FindMoments(args, column, values, m);
	sorted = (CsSortedRows) {
		.n = CsSortColumn(values, args->nrows, m->values, m->rows, m->scratch), .values = m->values, .rows = m->rows
	};
	if (twice_ranks != NULL)
		CsTwiceRanksOfSorted(sorted.values, sorted.rows, sorted.n, twice_ranks);
	if (column->is_measured)
		MeasureByGroup(args, column, values, CsArenaAddress(arena, args->groups), &sorted, m, &result);
	FindOrder(args, column, m->values);
	if (in_order != NULL)
		memcpy(in_order, sorted.values, sizeof(double) * sorted.n);
}

/* Does a column have ranks, and so a part in the correlations? */
static inline bool
IsRanked(const ColumnTask *column)
{
	return column->twice_ranks.area >= 0 || column->twice_ranks.address != NULL;
}

/* Correlate the ranked columns, each two of them. */
void
CsPublishCorrelationTask(CsTeam *team, const void *arguments, int item)
{
	const ColumnsArgs *args = arguments;
	CsArena    *arena = CsTeamArena(team);
	const ColumnTask *columns = CsArenaAddress(arena, args->columns);
	int			d = args->nranked,
				at = 0;
	CsCorrelated *correlated = palloc0(sizeof(CsCorrelated) * d);

	for (int i = 0; i < args->ncolumns; i++)
	{
		CsCorrelated *c = &correlated[at];

		if (!IsRanked(&columns[i]))
			continue;
		at++;
		c->moments = item == BY_VALUES ? columns[i].moments : CsRankMoments(args->nrows);
		if (item == BY_VALUES)
			c->values = AddressOf(arena, &columns[i].values);
		else
			c->twice_ranks = AddressOf(arena, &columns[i].twice_ranks);
	}
	CsCorrelationMatrix(correlated, d, args->nrows, (double *) CsArenaAddress(arena, args->correlations) + (Size) item * d * d);
}

/* Room for so many values, where a team can reach it if there is to be one; it is there for none, too. */
static Place
Room(CsArena *arena, bool is_shared, int64 n, Size width)
{
	Size		size = width * Max(n, 1);

	return is_shared ? (Place) {.area = CsArenaAlloc(arena, size)} :
		(Place) {.area = -1,.address = palloc_extended(size, MCXT_ALLOC_HUGE)};
}

/*
 * May the values be there twice, while the leader copies them?  Members have their room, and there are to be more columns
 * than those that are copied first and those for which all others may wait, lest the leader have none to come to.
 */
static bool
MayCopyLate(const CsLook *look, int ncolumns, int workers)
{
	Size		rows = Max(look->nrows, 1),
				twice = mul_size(rows, mul_size(ncolumns, sizeof(double) + sizeof(uint32))),
				members = mul_size(mul_size(MEMBER_ROW, rows), workers + 1);

	return ncolumns > 2 * workers && add_size(add_size(look->kept.held, twice), members) <= CsMemoryLimit();
}

/* How many of so many workers there is memory for, beside the leader, with the values that are kept and what is to come. */
static int
WorkersThatFit(int most, Size held, int64 nrows)
{
	Size		member = MEMBER_ROW * Max(nrows, 1),
				left = CsMemoryLimit() - Min(held + member, CsMemoryLimit());

	return (int) Min((Size) most, left / member);
}

/* Workers that so many rows of so many columns deserve. */
static int
WorkersFor(int64 nrows, int ncolumns)
{
	return ncolumns > MOST_SHARED ? 0 : CsTeamWorkersFor(nrows * ncolumns);
}

/* Workers that a look at about so many rows will have, all of whose numbers are kept. */
int
CsPublishWorkers(const CsLook *look, int64 nrows)
{
	int			ncolumns = 0;

	for (int i = 0; i < look->ncolumns; i++)
		ncolumns += CsLookIsNumber(&look->columns[i].column);
	return WorkersThatFit(WorkersFor(nrows, ncolumns), mul_size(Max(nrows, 1), mul_size(ncolumns, sizeof(double))), nrows);
}

/* What a member of the team is to do with a column. */
static void
PrepareTask(CsArena *arena, bool is_shared, const CsLook *look, int column, const CsPublishColumns *wanted, ColumnTask *task)
{
	const CsLookColumn *c = &look->columns[column];
	bool		is_there = look->kept.arena != NULL || !is_shared;
	const Place nowhere = {.area = -1};
	bool		is_ranked = wanted->is_correlated[column] && c->n == look->nrows && c->n > 0 && c->n <= CS_MAX_RANKED_TWICE;

	memset(task, 0, sizeof(*task));
	task->values = !is_there ? Room(arena, true, look->nrows, sizeof(double)) : look->kept.arena == NULL || c->values == NULL ?
		(Place) {.area = -1,.address = c->values} : (Place) {.area = look->kept.columns[column].area};
	pg_atomic_init_u32(&task->is_there, is_there);
	task->twice_ranks = is_ranked ? Room(arena, is_shared, look->nrows, sizeof(uint32)) : nowhere;
	task->sorted = c == wanted->value ? Room(arena, is_shared, c->n, sizeof(double)) : nowhere;
	task->is_measured = CsPortraitWants(wanted->portraying, &c->column);
	/* a point in time is no amount */
	task->may_be_log = c->column.converter.kind == CS_NUMERIC || c->column.converter.type == INTERVALOID;
	task->n = c->n;
}

/* Hand what was found of a column to those who tell it. */
static void
TakeResult(CsArena *arena, const CsPublishColumns *wanted, int column, ColumnTask *task, const ByGroup *result)
{
	CsLookColumn *c = &wanted->look->columns[column];
	CsPublishedNumber *visited;

	wanted->order[column] = &task->order;
	wanted->values[column] = AddressOf(arena, &task->values);
	c->values = AddressOf(arena, &task->sorted);
	c->is_sorted = true;
	c->moments = task->moments;
	if (!task->is_measured)
		return;
	visited = palloc(sizeof(CsPublishedNumber));
	visited->test = result->test;
	visited->histogram = &task->histogram;
	task->histogram.total = result->total;
	task->histogram.n = result->counts;
	CsPortraitNumber(wanted->portraying, &c->column, &(CsPortraitMeasured) {
		.missing = result->missing, .summaries = result->summaries, .visited = visited
	});
}

/* The correlations that were found; NULL: there were no two columns to correlate. */
static CsCompleteCorrelations *
CorrelationsOf(CsArena *arena, const ColumnsArgs *args)
{
	CsCompleteCorrelations *c = palloc(sizeof(CsCompleteCorrelations));
	const double *area = CsArenaAddress(arena, args->correlations);
	Size		cells = (Size) args->nranked * args->nranked;

	c->pearson = area + BY_VALUES * cells;
	c->spearman = area + BY_RANKS * cells;
	return args->nranked < 2 ? NULL : c;
}

/*
 * Make room for what is found of the columns of a sharing, and say what is to be done with them.  Values that the team
 * is to read are copied column by column, unless that may wait.
 */
static ColumnsArgs
PrepareTasks(CsArena *arena, const CsPublishColumns *wanted, bool is_shared, bool is_late, Sharing *s)
{
	const CsLook *look = wanted->look;
	ColumnsArgs args = {
		.ngroups = wanted->ngroups, .nrows = look->nrows, .describe = wanted->describe, .ncolumns = s->n
	};
	ColumnTask *tasks;
	Size		cells;

	args.columns = CsArenaAlloc(arena, sizeof(ColumnTask) * Max(s->n, 1));
	args.results = CsArenaAlloc(arena, ResultSize(args.ngroups) * Max(s->n, 1));
	args.groups = CsArenaAlloc(arena, sizeof(int32) * Max(look->nrows, 1));
	if (look->nrows > 0)
		memcpy(CsArenaAddress(arena, args.groups), CsPortraitGroups(wanted->portraying), sizeof(int32) * look->nrows);
	tasks = CsArenaAddress(arena, args.columns);
	for (int i = 0; i < s->n; i++)
	{
		PrepareTask(arena, is_shared, look, s->columns[i], wanted, &tasks[i]);
		args.nranked += IsRanked(&tasks[i]);
		if (is_shared && !is_late && look->kept.arena == NULL)
			ShareColumns(arena, tasks, s, i + 1);
	}
	cells = mul_size(Max(args.nranked, 1), Max(args.nranked, 1));
	args.correlations = CsArenaAlloc(arena, mul_size(sizeof(double) * CORRELATIONS, cells));
	return args;
}

/* Have a team do all that is to be done; values that are still to be copied are those of a sharing, NULL: none are. */
static void
RunTasks(CsTeam *team, const ColumnsArgs *args, Sharing *s)
{
	CsArena    *arena = CsTeamArena(team);

	if (s != NULL)
		ShareColumns(arena, CsArenaAddress(arena, args->columns), s, Min(CsTeamWorkers(team), s->n));
	MemberOf(team)->sharing = s;
	CsTeamRun(team, CS_TASK(CsPublishColumnTask), args, sizeof(*args), args->ncolumns);
	CsTeamRun(team, CS_TASK(CsPublishCorrelationTask), args, sizeof(*args), args->nranked < 2 ? 0 : CORRELATIONS);
	CsTeamEnd(team);
}

/*
 * Find what is told of each number of a look whose rows are kept, by a team where there is room for one.  The values may move
 * to the arena that is returned, and what is found is there, too: it is the caller's to destroy, when nothing of it is
 * needed any more.  The look keeps no values but those of the column of the value, sorted.
 */
CsArena *
CsPublishColumnsFind(CsPublishColumns *wanted)
{
	CsLook	   *look = wanted->look;
	int		   *columns = palloc(sizeof(int) * Max(look->ncolumns, 1));
	Sharing		sharing = {.look = look, .columns = columns};
	ColumnsArgs args;
	ColumnTask *tasks;
	CsArena    *arena = wanted->team == NULL ? NULL : CsTeamArena(wanted->team);
	CsTeam	   *team = wanted->team;
	int			workers;
	bool		is_shared;

	for (int i = 0; i < look->ncolumns; i++)
	{
		if (CsLookIsNumber(&look->columns[i].column))
			columns[sharing.n++] = i;
	}
	workers = WorkersThatFit(team == NULL ? WorkersFor(look->nrows, sharing.n) : CsTeamWorkers(team), look->kept.held,
							 look->nrows);
	/* there were more rows than were expected */
	if (team != NULL && workers < CsTeamWorkers(team))
	{
		CsTeamEnd(team);
		team = NULL;
	}
	is_shared = team != NULL || workers > 0;
	if (arena == NULL)
		arena = CsArenaCreate(is_shared);
	args = PrepareTasks(arena, wanted, is_shared, MayCopyLate(look, sharing.n, workers), &sharing);
	if (team == NULL)
		team = CsTeamStart(arena, workers);
	RunTasks(team, &args, is_shared && look->kept.arena == NULL ? &sharing : NULL);
	tasks = CsArenaAddress(arena, args.columns);
	wanted->correlations = CorrelationsOf(arena, &args);
	for (int i = 0; i < args.ncolumns; i++)
	{
		ByGroup		result = ResultOf(CsArenaAddress(arena, args.results), args.ngroups, i);

		TakeResult(arena, wanted, columns[i], &tasks[i], &result);
	}
	return arena;
}
