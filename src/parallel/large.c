/*
 * large.c
 *	  Large memory of one process, in pages of 2 MB where the system has them on request.
 *
 * A pass over the rows then misses no translation of addresses, and the memory is taken and given back in a fraction of
 * the time.  That such pages cannot be had is no error.  What is taken is not more than what is asked for.
 */
#include "custseg.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "parallel/large.h"
#include "utils/memutils.h"

/* A large page. */
#define HUGE_PAGE ((Size) 2 * 1024 * 1024)

/* Less than this is not worth giving back: the pages of small trainings would come and go with each task. */
#define WORTH_GIVING_BACK ((Size) 4 * 1024 * 1024)

/* Bytes of large memory that this process has taken since it last looked whether to give back what is free. */
static Size taken = 0;

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
