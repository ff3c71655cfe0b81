/*
 * arena.h
 *	  What the team needs of the arena beyond team.h: sharing it with workers.
 */
#ifndef CUSTSEG_ARENA_H
#define CUSTSEG_ARENA_H

#include "access/parallel.h"
#include "parallel/team.h"
#include "storage/dsm.h"

#define CS_MAX_AREAS 1024

/*
 * Handles by area number, in the team's shared memory; written by the leader between tasks, or while one runs that does
 * not look at the areas in question.
 */
typedef struct CsArenaDirectory
{
	uint32		changes;		/* how often a handle was set */
	dsm_handle	handle[CS_MAX_AREAS];
} CsArenaDirectory;

extern CsArena *CsArenaAttach(CsArenaDirectory *directory);
extern bool CsArenaShare(CsArena *arena);
extern bool CsArenaInitializeParallel(CsArena *arena, ParallelContext *pcxt);
extern void CsArenaPublish(CsArena *arena, CsArenaDirectory *directory);
extern void CsArenaRefresh(CsArena *arena);
extern void CsArenaEmpty(CsArena *arena);

#endif							/* CUSTSEG_ARENA_H */
