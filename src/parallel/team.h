/*
 * team.h
 *	  Memory that a training holds, and the team of processes that works on it.
 *
 * An arena hands out numbered areas.  An area is private to this process or lies in
 * dynamic shared memory, where every member of the team can reach it under the same number.
 * Tasks therefore never pass pointers, only area numbers and offsets.
 *
 * A team is the leader and 0..n parallel workers.  The leader's code stays a straight line:
 * CsTeamRun() splits one task into numbered items, all members claim items until none is left,
 * and the call returns when the last item is done.  What an item computes must not depend on
 * who runs it; results are combined by the leader in item order.  So the model is the same bit
 * for bit for any number of workers.
 */
#ifndef CUSTSEG_TEAM_H
#define CUSTSEG_TEAM_H

#include "custseg.h"

typedef struct CsArena CsArena;
typedef struct CsTeam CsTeam;

/* Fixed number of lanes a pass over a matrix is split into, whatever the number of workers. */
#define CS_LANES 64

/* arena.c */
extern CsArena *CsArenaCreate(bool shareable);
extern int	CsArenaAlloc(CsArena *arena, Size size);
extern int	CsArenaAllocPrivate(CsArena *arena, Size size);
extern void CsArenaFree(CsArena *arena, int area);
extern void *CsArenaAddress(CsArena *arena, int area);
extern bool CsArenaIsShared(const CsArena *arena);
extern Size CsArenaUsed(const CsArena *arena);
extern Size CsArenaLeft(const CsArena *arena);
extern void CsArenaDestroy(CsArena *arena);

extern uint64 CsArenaMark(const CsArena *arena);
extern void CsArenaForget(CsArena *arena, uint64 mark);

/* One item of a task: args is the caller's struct, the same bytes in every process. */
typedef void (*CsTaskFunction) (CsTeam *team, const void *args, int item);

/*
 * A task is named where it is defined: CS_TASK(function).  The function is exported (PGDLLEXPORT),
 * since its address differs from process to process and workers find it by its name.
 */
typedef struct CsTask
{
	CsTaskFunction function;
	const char *name;
} CsTask;

#define CS_TASK(function) ((CsTask) {function, #function})

/*
 * team.c: between CsTeamStart() and CsTeamEnd() the transaction is in parallel mode: nothing may be
 * written.  A member may use CsTeamArena() and palloc; its memory context is reset after each item.
 * Errors and cancels in any member surface in the leader.
 */
#define CS_TASK_ARGS 512

extern CsTeam *CsTeamStart(CsArena *arena, int workers);
extern void CsTeamRun(CsTeam *team, CsTask task, const void *args, Size size, int items);
extern void CsTeamRunBeside(CsTeam *team, CsTask task, const void *args, Size size, int items,
							void (*beside) (void *), void *argument);
extern CsArena *CsTeamArena(CsTeam *team);
extern MemoryContext CsTeamKeptContext(CsTeam *team);
extern void **CsTeamKept(CsTeam *team);
extern void *CsTeamKeep(CsTeam *team, const char *purpose, Size size);
extern void CsTeamForget(CsTeam *team);
extern void CsTeamRelease(CsTeam *team, void (*release) (void *kept));
extern bool CsTeamIsLeader(const CsTeam *team);
extern int	CsTeamWorkers(const CsTeam *team);
extern void CsTeamEnd(CsTeam *team);
extern void CsTeamEndLast(CsTeam *team);
extern int	CsTeamWorkersFor(int64 nvalues);

#endif							/* CUSTSEG_TEAM_H */
