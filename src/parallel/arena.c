/*
 * arena.c
 *	  Numbered memory areas of one training, in this process or in dynamic shared memory.
 *
 * Small areas made before a team starts are private and move to shared memory when workers come,
 * so that small tables never touch /dev/shm.  Large ones are shared from the start, because a
 * matrix must not exist twice.  The directory of handles lies in the team's shared memory; a
 * worker attaches an area when a task first asks for its address.
 *
 * Each shared area has a resource owner of its own under the transaction's.  So an abort at any
 * point, in the middle of dsm_create() too, gives the segment back; and a segment that could not
 * be made for want of space can be cleaned up without ending the transaction.
 */
#include "custseg.h"

#include "access/xact.h"
#include "call/call.h"
#include "miscadmin.h"
#include "parallel/arena.h"
#include "parallel/large.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/dsm_impl.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* From this size an area is shared at once. */
#define SHARE_AT_ONCE ((Size) 1024 * 1024)

typedef struct Area
{
	Size		size;			/* 0: number not in use */
	void	   *address;		/* NULL in a worker that has not attached it yet */
	dsm_segment *segment;		/* NULL when private */
	dsm_handle	handle;
	ResourceOwner owner;
	uint64		birth;			/* how many areas had been made before it, and itself */
} Area;

struct CsArena
{
	MemoryContext context;
	bool		shareable;		/* workers may come */
	bool		refused;		/* shared memory could not be allocated */
	CsArenaDirectory *directory;	/* of a running team, else NULL */
	bool		is_worker;
	uint32		seen;			/* worker: the directory's changes it has followed */
	uint64		births;			/* areas made so far */
	int			nareas;
	Area		area[CS_MAX_AREAS];
};

/*
 * Create an arena in CurrentMemoryContext.  CsArenaDestroy(), or the abort of the (sub)transaction,
 * releases all of it.  "shareable" says that workers may come.
 */
CsArena *
CsArenaCreate(bool shareable)
{
	CsArena    *arena = palloc0(sizeof(CsArena));

	arena->context = CurrentMemoryContext;
	arena->shareable = shareable;
	return arena;
}

/* A worker's view of the leader's areas, palloc'd. */
CsArena *
CsArenaAttach(CsArenaDirectory *directory)
{
	CsArena    *arena = CsArenaCreate(true);

	arena->directory = directory;
	arena->is_worker = true;
	return arena;
}

/* Does this error only say that there is no more shared memory? */
static bool
IsWantOfMemory(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_DISK_FULL ||
		sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		sqlerrcode == ERRCODE_INSUFFICIENT_RESOURCES;
}

/*
 * Create the segment of an area; it stays NULL when there is no slot for one.  A file that is written in
 * part only sets no errno, and dsm_impl.c reports the one it finds.
 */
static void
CreateSegment(void *argument)
{
	Area	   *area = argument;

	errno = ENOSPC;
	area->segment = dsm_create(area->size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
}

static void
InitializeParallel(void *pcxt)
{
	errno = ENOSPC;
	InitializeParallelDSM(pcxt);
}

/* What gives the server more shared memory of the kind that it uses. */
static const char *
MoreSharedMemory(void)
{
	switch (dynamic_shared_memory_type)
	{
		case DSM_IMPL_MMAP:
			return "Make room where pg_dynshmem is in the data directory";
		case DSM_IMPL_SYSV:
			return "Raise what the operating system allows (kernel.shmmax, kernel.shmall)";
		default:
			return "Enlarge /dev/shm (with Docker: --shm-size)";
	}
}

/* The work goes on without workers: tell the user, once in a statement, however many arenas it has. */
static void
Refuse(CsArena *arena, Size size)
{
	static TimestampTz told_at = 0;
	TimestampTz now = GetCurrentStatementStartTimestamp();

	arena->refused = true;
	if (told_at == now)
		return;
	told_at = now;
	ereport(NOTICE,
			(errmsg("the work goes on in one process because %zu MB of shared memory could not be allocated",
					(size / 1024 + 1023) / 1024),
			 errhint("%s, or set max_parallel_maintenance_workers to 0.", MoreSharedMemory())));
}

/* Place an area in shared memory; false when that cannot be had. */
static bool
AllocateShared(CsArena *arena, Area *area)
{
	if (!CsTry(CreateSegment, area, IsWantOfMemory, &area->owner) || area->segment == NULL)
	{
		CsTryEnd(area->owner);
		area->owner = NULL;
		Refuse(arena, area->size);
		return false;
	}
	area->handle = dsm_segment_handle(area->segment);
	area->address = CsLargeMap(area->segment, true);
	return true;
}

/*
 * Call InitializeParallelDSM(), whose memory can be as scarce as that of areas.  Returns false when
 * the memory cannot be had: then the context has been destroyed, and there must be no workers.  The
 * owner of the memory goes with the transaction.
 */
bool
CsArenaInitializeParallel(CsArena *arena, ParallelContext *pcxt)
{
	ResourceOwner owner;
	Size		size;

	if (CsTry(InitializeParallel, pcxt, IsWantOfMemory, &owner))
		return true;
	size = shm_toc_estimate(&pcxt->estimator);
	DestroyParallelContext(pcxt);	/* detaches its segment: before the owner does */
	CsTryEnd(owner);
	Refuse(arena, size);
	return false;
}

static int
FreeNumber(CsArena *arena)
{
	for (int i = 0; i < arena->nareas; i++)
		if (arena->area[i].size == 0)
			return i;
	if (arena->nareas == CS_MAX_AREAS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the computation needs more than %d memory areas", CS_MAX_AREAS),
				 errhint("Give fewer rows.")));
	return arena->nareas++;
}

/*
 * Let the workers of a running team know an area's handle.  Some of them may be looking for changes meanwhile: whoever sees
 * that there is one sees the handle, too.
 */
static void
PublishHandle(CsArena *arena, int number, dsm_handle handle)
{
	if (arena->directory == NULL)
		return;
	arena->directory->handle[number] = handle;
	pg_write_barrier();
	arena->directory->changes++;
}

/* Take a number for an area that has no memory yet. */
static int
NewArea(CsArena *arena, Size size)
{
	int			number = FreeNumber(arena);
	Area	   *area = &arena->area[number];

	Assert(!arena->is_worker);
	memset(area, 0, sizeof(*area));
	area->size = Max(size, 1);
	area->birth = ++arena->births;
	return number;
}

/*
 * Allocate an area and return its number; its contents are undefined.  When shared memory cannot be
 * had, the area is private, a NOTICE says so once, and CsArenaIsShared() becomes false, whereupon
 * teams have no workers.  When a running team's area cannot be shared, the leader goes on alone:
 * see CsTeamRun().
 */
int
CsArenaAlloc(CsArena *arena, Size size)
{
	int			number = NewArea(arena, size);
	Area	   *area = &arena->area[number];
	bool		share = CsArenaIsShared(arena) &&
		(arena->directory != NULL || size >= SHARE_AT_ONCE);

	if (!share || !AllocateShared(arena, area))
		area->address = CsLargeAlloc(arena->context, area->size);
	PublishHandle(arena, number, area->handle);
	return number;
}

/*
 * Allocate an area that only the leader uses and that is never shared.  The area must be freed
 * before the next team starts.
 */
int
CsArenaAllocPrivate(CsArena *arena, Size size)
{
	int			number = NewArea(arena, size);

	arena->area[number].address = CsLargeAlloc(arena->context, arena->area[number].size);
	return number;
}

/* May areas still be shared with workers? */
bool
CsArenaIsShared(const CsArena *arena)
{
	return arena->shareable && !arena->refused;
}

/* Let go of one area's memory, whatever kind it is. */
static void
ReleaseArea(Area *area)
{
	if (area->segment != NULL)
	{
		dsm_detach(area->segment);
		if (area->owner != NULL)
			CsTryEnd(area->owner);
	}
	else if (area->address != NULL)
		pfree(area->address);
	memset(area, 0, sizeof(*area));
}

/* Free an area.  Its number may be used again. */
void
CsArenaFree(CsArena *arena, int number)
{
	ReleaseArea(&arena->area[number]);
	PublishHandle(arena, number, DSM_HANDLE_INVALID);
}

/*
 * A mark for work that may fail in a subtransaction: CsArenaForget() of the mark cleans up after
 * the abort.  Nothing private may exist when a team with workers starts in the subtransaction: it
 * would move to memory that ends with the subtransaction.
 */
uint64
CsArenaMark(const CsArena *arena)
{
	return arena->births;
}

/*
 * Give back the areas that have been made since the mark, and their numbers.  As far as they were
 * shared, the subtransaction's abort has released them already.
 */
void
CsArenaForget(CsArena *arena, uint64 mark)
{
	arena->directory = NULL;
	for (int i = 0; i < arena->nareas; i++)
	{
		Area	   *area = &arena->area[i];

		if (area->size == 0 || area->birth <= mark)
			continue;
		if (area->segment == NULL && area->address != NULL)
			pfree(area->address);
		memset(area, 0, sizeof(*area));
	}
}

/*
 * The address of an area in this process, which stays the same until the area is freed or the team
 * starts.
 */
void *
CsArenaAddress(CsArena *arena, int number)
{
	Area	   *area = &arena->area[number];

	if (area->address == NULL)
	{
		Assert(arena->is_worker);
		area->handle = arena->directory->handle[number];
		area->segment = dsm_attach(area->handle);
		if (area->segment == NULL)
			elog(ERROR, "could not attach memory area %d of a training", number);
		area->address = CsLargeMap(area->segment, false);
	}
	return area->address;
}

/*
 * Let go of areas that the leader has freed since, because their numbers may be in use again.
 * Called by a worker that holds a claim, so that the leader changes no area that the task looks at.
 */
void
CsArenaRefresh(CsArena *arena)
{
	if (arena->seen == arena->directory->changes)
		return;
	arena->seen = arena->directory->changes;
	pg_read_barrier();			/* see PublishHandle() */
	for (int i = 0; i < CS_MAX_AREAS; i++)
	{
		Area	   *area = &arena->area[i];

		if (area->segment != NULL && area->handle != arena->directory->handle[i])
			ReleaseArea(area);
	}
}

/*
 * Move private areas to shared memory, because workers are coming.  Returns false when shared
 * memory cannot be had: areas that have moved stay where they are, and there must be no workers.
 */
bool
CsArenaShare(CsArena *arena)
{
	if (!arena->shareable)
		return false;
	for (int i = 0; i < arena->nareas && !arena->refused; i++)
	{
		Area	   *area = &arena->area[i];
		void	   *private = area->address;

		if (area->size == 0 || area->segment != NULL)
			continue;
		if (AllocateShared(arena, area))
		{
			memcpy(area->address, private, area->size);
			pfree(private);
		}
	}
	return !arena->refused;
}

/*
 * Publish the handles of the areas to a team's workers; a directory of NULL says that the team has
 * ended.
 */
void
CsArenaPublish(CsArena *arena, CsArenaDirectory *directory)
{
	arena->directory = directory;
	if (directory == NULL)
		return;
	for (int i = 0; i < CS_MAX_AREAS; i++)
		directory->handle[i] = i < arena->nareas && arena->area[i].size > 0 ?
			arena->area[i].handle : DSM_HANDLE_INVALID;
}

/* The bytes that the arena holds now. */
Size
CsArenaUsed(const CsArena *arena)
{
	Size		used = 0;

	for (int i = 0; i < arena->nareas; i++)
		used += arena->area[i].size;
	return used;
}

/* The bytes that may still be taken beside what the arena holds. */
Size
CsArenaLeft(const CsArena *arena)
{
	Size		used = CsArenaUsed(arena);
	Size		limit = CsMemoryLimit();

	return limit > used ? limit - used : 0;
}

/*
 * Release all areas, and keep the arena.  The leader goes from the last to the first and workers the other way: whoever
 * lets go of an area last gives back its pages, which takes longer than anything else here.
 */
void
CsArenaEmpty(CsArena *arena)
{
	for (int i = 0; i < CS_MAX_AREAS; i++)
		ReleaseArea(&arena->area[arena->is_worker ? i : CS_MAX_AREAS - 1 - i]);
}

/* Release the arena and all of its areas. */
void
CsArenaDestroy(CsArena *arena)
{
	CsArenaEmpty(arena);
	pfree(arena);
}
