/*
 * large.c
 *	  Large memory of one process, or shared with others, in pages of 2 MB where the system has them on request.
 *
 * A pass over the rows then misses no translation of addresses, and the memory is taken and given back in a fraction of
 * the time.  That such pages cannot be had is no error.  What is taken is not more than what is asked for.
 *
 * Most systems give no large pages for shared memory by themselves.  Linux gathers its small ones in large ones on request
 * from version 6.1 on, for those who see the memory at a multiple of 2 MB.  PostgreSQL maps it anywhere, so it is mapped once
 * more; address space is all that this takes.
 */
#include "custseg.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "miscadmin.h"
#include "parallel/large.h"
#include "utils/memutils.h"

/* A large page. */
#define HUGE_PAGE ((Size) 2 * 1024 * 1024)

/* Less than this is not worth giving back: the pages of small trainings would come and go with each task. */
#define WORTH_GIVING_BACK ((Size) 4 * 1024 * 1024)

/* Bytes of large memory that this process has taken since it last looked whether to give back what is free. */
static Size taken = 0;

/* Shared memory of so many large pages is worth being mapped once more. */
#define PAGES_TO_MAP 2

/* Pages of so much memory are gathered at once, some 50 milliseconds in which nothing else can happen. */
#define GATHERED_AT_ONCE ((Size) 256 * 1024 * 1024)

#if defined(__linux__) && defined(MREMAP_FIXED)
#define MAPS_TWICE

/* Of Linux, where the C library does not know it yet. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#endif

/* Ask for large pages, as far as there is one within the memory. */
static void *
AskForPages(void *memory, Size size)
{
#ifdef MADV_HUGEPAGE
	char	   *address = memory;
	char	   *first = (char *) TYPEALIGN(HUGE_PAGE, address);
	char	   *last = (char *) TYPEALIGN_DOWN(HUGE_PAGE, address + size);

	if (last > first)
		(void) madvise(first, last - first, MADV_HUGEPAGE);
#endif
	return memory;
}

/* Allocate memory of any size, which pfree() gives back. */
void *
CsLargeAlloc(MemoryContext context, Size size)
{
	taken += size;
	return AskForPages(MemoryContextAllocHuge(context, size), size);
}

/* Make palloc'd memory as large, wherever it is then. */
void *
CsLargeGrow(void *memory, Size size)
{
	return AskForPages(repalloc_huge(memory, size), size);
}

#ifdef MAPS_TWICE

/* Take the second mapping of a segment away. */
static void
UnmapSegment(dsm_segment *segment, Datum address)
{
	munmap(DatumGetPointer(address), dsm_segment_map_length(segment));
}

/* Map shared memory once more, at a multiple of 2 MB; returns where, or NULL where the system does not. */
static char *
MapOnceMore(void *memory, Size length)
{
	Size		size = TYPEALIGN(sysconf(_SC_PAGESIZE), length);
	char	   *room = mmap(NULL, size + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char	   *first = (char *) TYPEALIGN(HUGE_PAGE, room);
	void	   *address;

	if (room == MAP_FAILED)
		return NULL;
	/* an old size of 0 leaves the mapping where it is */
	address = mremap(memory, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, first);
	if (address == MAP_FAILED)
	{
		munmap(room, size + HUGE_PAGE);
		return NULL;
	}
	if (first > room)
		munmap(room, first - room);
	munmap(first + size, room + HUGE_PAGE - first);
	return address;
}

/* Gather the pages of memory in large ones, as far as the system does. */
static void
GatherPages(char *address, Size size)
{
	Size		whole = TYPEALIGN_DOWN(HUGE_PAGE, size);

	for (Size at = 0; at < whole; at += GATHERED_AT_ONCE)
	{
		CHECK_FOR_INTERRUPTS();
		if (madvise(address + at, Min(GATHERED_AT_ONCE, whole - at), MADV_COLLAPSE) != 0)
			return;
	}
}

#endif

/*
 * Where this process sees a shared segment until it detaches it, which also ends what is mapped here.  Who has created it
 * gathers its pages; those that attach it later find them so.
 */
void *
CsLargeMap(dsm_segment *segment, bool gather)
{
#ifdef MAPS_TWICE
	Size		size = dsm_segment_map_length(segment);
	char	   *address = size < PAGES_TO_MAP * HUGE_PAGE ? NULL : MapOnceMore(dsm_segment_address(segment), size);

	if (address != NULL)
	{
		on_dsm_detach(segment, UnmapSegment, PointerGetDatum(address));
		if (gather)
			GatherPages(address, size);
		return address;
	}
#endif
	return dsm_segment_address(segment);
}

/*
 * Give what has been freed of large memory back to the system, once: the C library keeps tens of megabytes for what comes
 * next, which no sum of what a training takes knows of.
 */
void
CsLargeGiveBack(void)
{
#ifdef __GLIBC__
	if (taken >= WORTH_GIVING_BACK)
		(void) malloc_trim(0);
#endif
	taken = 0;
}
