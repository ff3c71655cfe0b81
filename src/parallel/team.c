/*
 * team.c
 *	  The leader and its parallel workers, working on numbered items of one task at a time.
 *
 * Items are claimed by counting "unclaimed" down: a claim is good when the value it took was
 * positive, so a member that looks too late takes nothing and does no harm.  The leader writes
 * the task before it raises the counter and changes nothing until "finished" has reached the
 * number of items; therefore a good claim always belongs to the task that is published.  Workers
 * are never waited for: one that starts late, or never, leaves its share to the others.  A
 * worker's error reaches the leader while it waits, in CHECK_FOR_INTERRUPTS().
 *
 * Without workers the same code runs on a shared part that is just palloc'd.
 */
#include "custseg.h"

#include <dlfcn.h>
#include <unistd.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parallel/arena.h"
#include "parallel/large.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "utils/memutils.h"

#define KEY_TEAM UINT64CONST(0xC500000000000001)

/* Values below which a worker does not pay, and values that each further worker should have. */
#define VALUES_FOR_TEAM 20000
#define VALUES_PER_WORKER 100000

/*
 * Looks at the counter before a member goes to sleep, some 20 microseconds: most gaps are shorter.
 */
#define SPINS 20000

typedef struct CsTeamShared
{
	/* the task: written by the leader while no item is unclaimed or unfinished */
	char		task[NAMEDATALEN];
	int			items;
	char		args[CS_TASK_ARGS] pg_attribute_aligned(MAXIMUM_ALIGNOF);

	pg_atomic_uint64 unclaimed; /* as int64; may fall below 0 */
	pg_atomic_uint32 finished;	/* items done */
	pg_atomic_uint32 over;		/* the team has ended */
	ConditionVariable work;		/* workers: something to claim, or over */
	ConditionVariable done;		/* leader: all items finished */
	CsArenaDirectory directory; /* written by the leader */
} CsTeamShared;

struct CsTeam
{
	CsArena    *arena;
	CsTeamShared *shared;
	ParallelContext *pcxt;		/* NULL without workers */
	MemoryContext item_context;
	MemoryContext kept_context; /* of this member, for what it keeps from item to item */
	void	   *kept;
	const char *purpose;		/* of what is kept, see CsTeamKeep() */
	void		(*release) (void *kept);	/* see CsTeamRelease() */
	int			nworkers;
	bool		is_worker;
	CsTaskFunction function;	/* of the task at hand */
	char		found[NAMEDATALEN]; /* its name, in a worker */
};

PGDLLEXPORT void CsTeamWorkerMain(dsm_segment *seg, shm_toc *toc);

/*
 * Processors for the members of a team; as many as one likes where the machine does not say.  The machine is
 * asked once in a session: the answer is read from a file, and a training asks for each block of its rows.
 */
static int
Processors(void)
{
	static long online = 0;

	if (CsProcessors > 0)
		return CsProcessors;
	if (online == 0)
		online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (int) online : PG_INT32_MAX;
}

/*
 * How many workers a training over this many values deserves: 0 below 20,000 values, and never more than there
 * are processors beside the leader's, for a pass ends with the member that waited for one.
 */
int
CsTeamWorkersFor(int64 nvalues)
{
	int			most = Min(max_parallel_maintenance_workers, Processors() - 1);

	if (nvalues < VALUES_FOR_TEAM || IsInParallelMode())
		return 0;
	return (int) Min((int64) most, 1 + nvalues / VALUES_PER_WORKER);
}

static void
InitializeShared(CsTeamShared *shared)
{
	memset(shared, 0, sizeof(*shared));
	pg_atomic_init_u64(&shared->unclaimed, 0);
	pg_atomic_init_u32(&shared->finished, 0);
	pg_atomic_init_u32(&shared->over, 0);
	ConditionVariableInit(&shared->work);
	ConditionVariableInit(&shared->done);
}

static inline bool
AnythingToClaim(CsTeamShared *shared)
{
	return (int64) pg_atomic_read_u64(&shared->unclaimed) > 0;
}

/*
 * The file that this code was loaded from, by which workers load it, too: what a name alone would
 * find depends on dynamic_library_path.
 */
static const char *
Library(void)
{
	Dl_info		info;

	if (dladdr((void *) CsTeamWorkerMain, &info) == 0 || info.dli_fname == NULL)
		return "$libdir/custseg";
	return info.dli_fname;
}

/* A worker finds the function of the task that is published; a claim is good, so it stays. */
static void
FindTask(CsTeam *team)
{
	if (strcmp(team->found, team->shared->task) == 0)
		return;
	team->function = (CsTaskFunction)
		load_external_function(Library(), team->shared->task, true, NULL);
	strlcpy(team->found, team->shared->task, NAMEDATALEN);
}

/* Claim and do items until none is left. */
static void
DoItems(CsTeam *team)
{
	CsTeamShared *shared = team->shared;
	MemoryContext save_context = MemoryContextSwitchTo(team->item_context);
	int64		claim;

	while ((claim = (int64) pg_atomic_fetch_sub_u64(&shared->unclaimed, 1)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (team->is_worker)
		{
			CsArenaRefresh(team->arena);
			FindTask(team);
		}
		team->function(team, shared->args, shared->items - (int) claim);
		MemoryContextReset(team->item_context);
		if (pg_atomic_add_fetch_u32(&shared->finished, 1) == (uint32) shared->items)
			ConditionVariableBroadcast(&shared->done);
	}
	CsLargeGiveBack();
	MemoryContextSwitchTo(save_context);
}

/*
 * Try to get workers; on any want of them the team is its leader alone.  False when there is no
 * memory to share with them.
 */
static bool
LaunchWorkers(CsTeam *team, int workers)
{
	ParallelContext *pcxt;

	EnterParallelMode();
	pcxt = CreateParallelContext(Library(), "CsTeamWorkerMain", workers);
	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(CsTeamShared));
	shm_toc_estimate_keys(&pcxt->estimator, 1);
	if (!CsArenaInitializeParallel(team->arena, pcxt))
	{
		ExitParallelMode();
		return false;
	}
	team->shared = shm_toc_allocate(pcxt->toc, sizeof(CsTeamShared));
	InitializeShared(team->shared);
	CsArenaPublish(team->arena, &team->shared->directory);
	shm_toc_insert(pcxt->toc, KEY_TEAM, team->shared);
	LaunchParallelWorkers(pcxt);
	team->pcxt = pcxt;
	team->nworkers = pcxt->nworkers_launched;
	ereport(DEBUG1, (errmsg_internal("using %d parallel workers", team->nworkers)));
	return true;
}

/* The contexts of this member. */
static void
MakeContexts(CsTeam *team)
{
	team->item_context = AllocSetContextCreate(CurrentMemoryContext, "custseg item",
											   ALLOCSET_DEFAULT_SIZES);
	team->kept_context = AllocSetContextCreate(CurrentMemoryContext, "custseg team member",
											   ALLOCSET_DEFAULT_SIZES);
}

/*
 * Start a team, in CurrentMemoryContext, with up to "workers" parallel workers; 0 for the leader
 * alone.  When the function returns, the team is ready: CsTeamWorkers() tells how many workers
 * came.
 */
CsTeam *
CsTeamStart(CsArena *arena, int workers)
{
	CsTeam	   *team = palloc0(sizeof(CsTeam));

	team->arena = arena;
	MakeContexts(team);
	if (workers == 0 || !CsArenaShare(arena) || !LaunchWorkers(team, workers))
	{
		team->shared = palloc(sizeof(CsTeamShared));
		InitializeShared(team->shared);
	}
	return team;
}

/* Is every item finished? */
static inline bool
IsFinished(CsTeamShared *shared)
{
	return pg_atomic_read_u32(&shared->finished) == (uint32) shared->items;
}

/* Wait until every item is finished, having done what could be claimed. */
static void
AwaitItems(CsTeamShared *shared)
{
	for (int spin = 0; spin < SPINS && !IsFinished(shared); spin++)
		;
	if (!IsFinished(shared))
	{
		ConditionVariablePrepareToSleep(&shared->done);
		while (!IsFinished(shared))
			ConditionVariableSleep(&shared->done, CsWaitEventTeam());
		ConditionVariableCancelSleep();
	}
	pg_read_barrier();			/* what others have written before they finished is read after this */
}

/*
 * Run items 0..items-1 of a task on the whole team.  Returns when all of them are done.  The
 * arguments, at most CS_TASK_ARGS bytes, are copied.
 */
void
CsTeamRun(CsTeam *team, CsTask task, const void *args, Size size, int items)
{
	CsTeamRunBeside(team, task, args, size, items, NULL, NULL);
}

/*
 * Likewise, and the leader first calls a function, unless that is NULL, while the workers begin: for what only one
 * process can do.  The function must not use the team.
 */
void
CsTeamRunBeside(CsTeam *team, CsTask task, const void *args, Size size, int items, void (*beside) (void *),
				void *argument)
{
	CsTeamShared *shared = team->shared;

	Assert(!team->is_worker);
	if (size > CS_TASK_ARGS || strlen(task.name) >= NAMEDATALEN)
		elog(ERROR, "task %s or its arguments are too large", task.name);
	if (items <= 0)
	{
		if (beside)
			beside(argument);
		return;
	}
	team->function = task.function;
	strlcpy(shared->task, task.name, NAMEDATALEN);
	shared->items = items;
	memcpy(shared->args, args, size);
	pg_atomic_write_u32(&shared->finished, 0);

	/* An area that could not be shared is out of the workers' reach. */
	if (team->nworkers == 0 || !CsArenaIsShared(team->arena))
	{
		MemoryContext save_context;

		if (beside)
			beside(argument);
		save_context = MemoryContextSwitchTo(team->item_context);
		for (int item = 0; item < items; item++)
		{
			CHECK_FOR_INTERRUPTS();
			task.function(team, shared->args, item);
			MemoryContextReset(team->item_context);
		}
		CsLargeGiveBack();
		MemoryContextSwitchTo(save_context);
		return;
	}
	pg_memory_barrier();
	pg_atomic_write_u64(&shared->unclaimed, (uint64) items);
	if (items > 1 || beside)
		ConditionVariableBroadcast(&shared->work);
	if (beside)
		beside(argument);
	DoItems(team);
	AwaitItems(shared);
}

/* The arena that the team shares. */
CsArena *
CsTeamArena(CsTeam *team)
{
	return team->arena;
}

/* The context of what this member keeps from item to item; it is empty when the team starts. */
MemoryContext
CsTeamKeptContext(CsTeam *team)
{
	return team->kept_context;
}

/* What this member keeps from item to item: NULL when the team starts, the tasks' to set. */
void **
CsTeamKept(CsTeam *team)
{
	return &team->kept;
}

/* Let go of what this member keeps, and empty the context of it. */
void
CsTeamForget(CsTeam *team)
{
	if (team->release != NULL)
		team->release(team->kept);
	team->release = NULL;
	team->kept = NULL;
	team->purpose = NULL;
	MemoryContextReset(team->kept_context);
}

/*
 * Have a function called before what this member keeps is let go, for what is more than memory.  It is not called after
 * an error, which releases that, too.
 */
void
CsTeamRelease(CsTeam *team, void (*release) (void *kept))
{
	team->release = release;
}

/*
 * What this member keeps for a purpose, a literal, so many bytes of it, which are zeroes when it is new.  What it has kept
 * for another purpose is gone then, with all that was in the context.
 */
void *
CsTeamKeep(CsTeam *team, const char *purpose, Size size)
{
	if (team->purpose != NULL && strcmp(team->purpose, purpose) == 0)
		return team->kept;
	CsTeamForget(team);
	team->purpose = purpose;
	team->kept = MemoryContextAllocZero(team->kept_context, size);
	return team->kept;
}

/* Is this member the leader? */
bool
CsTeamIsLeader(const CsTeam *team)
{
	return !team->is_worker;
}

/* How many parallel workers the team has. */
int
CsTeamWorkers(const CsTeam *team)
{
	return team->nworkers;
}

/* End the workers and leave parallel mode; empties: the arena is emptied while they let go of it. */
static void
EndWorkers(CsTeam *team, bool empties)
{
	pg_atomic_write_u32(&team->shared->over, 1);
	ConditionVariableBroadcast(&team->shared->work);
	if (empties)
		CsArenaEmpty(team->arena);
	WaitForParallelWorkersToFinish(team->pcxt);
	CsArenaPublish(team->arena, NULL);
	DestroyParallelContext(team->pcxt);
	ExitParallelMode();
}

/* End the team and leave parallel mode. */
static void
EndTeam(CsTeam *team, bool empties)
{
	CsTeamForget(team);
	if (team->pcxt != NULL)
		EndWorkers(team, empties);
	else
	{
		pfree(team->shared);
		if (empties)
			CsArenaEmpty(team->arena);
	}
	MemoryContextDelete(team->item_context);
	MemoryContextDelete(team->kept_context);
	pfree(team);
}

/* End the team and leave parallel mode; the arena stays. */
void
CsTeamEnd(CsTeam *team)
{
	EndTeam(team, false);
}

/*
 * Likewise, and release all areas of the arena, which stays, empty: the members let go of them at the same time, which takes
 * half as long as one after the other.
 */
void
CsTeamEndLast(CsTeam *team)
{
	EndTeam(team, true);
}

/* Sleep until there is something to claim; false when the team is over. */
static bool
AwaitWork(CsTeamShared *shared)
{
	for (int spin = 0; spin < SPINS; spin++)
		if (AnythingToClaim(shared))
			return true;
	ConditionVariablePrepareToSleep(&shared->work);
	while (!AnythingToClaim(shared) && pg_atomic_read_u32(&shared->over) == 0)
		ConditionVariableSleep(&shared->work, CsWaitEventTeam());
	ConditionVariableCancelSleep();
	return pg_atomic_read_u32(&shared->over) == 0;
}

/* A worker's life. */
void
CsTeamWorkerMain(dsm_segment *seg, shm_toc *toc)
{
	CsTeam	   *team = palloc0(sizeof(CsTeam));

	team->shared = shm_toc_lookup(toc, KEY_TEAM, false);
	team->arena = CsArenaAttach(&team->shared->directory);
	MakeContexts(team);
	team->is_worker = true;
	while (AwaitWork(team->shared))
		DoItems(team);
	CsTeamForget(team);
	CsArenaDestroy(team->arena);
}
