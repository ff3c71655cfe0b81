/*
 * read_range.h
 *	  What the leader of a reading and the members of its team share: see read_pages.c.
 */
#ifndef CUSTSEG_READ_RANGE_H
#define CUSTSEG_READ_RANGE_H

#include "data/pages.h"
#include "parallel/team.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"

/* Why the reading stands still. */
typedef enum CsReadHalt
{
	CS_HALT_NONE,
	CS_HALT_ROOM,				/* for want of room in the matrix */
	CS_HALT_LEVELS,				/* or in the log of a category's levels */
	CS_HALT_STATEMENT			/* a statement has to read the source */
} CsReadHalt;

/* A feature: what all members are told, and what is known of it so far, for who has the turn. */
typedef struct CsReadFeature
{
	bool		is_category;
	bool		skips;			/* rows in which it is missing */
	bool		is_named;
	Size		log;			/* of its levels: where, in the area of logs */
	bool		has_null;		/* in a row that is kept */
	bool		overfull;		/* no more levels are taken */
	int64		n_null;			/* rows that were skipped for it */
} CsReadFeature;

/* How far the reading is, in memory that the team shares. */
typedef struct CsReadAdvance
{
	pg_atomic_uint64 turn;		/* the range whose rows are placed next */
	pg_atomic_uint32 halt;		/* a CsReadHalt, by who has the turn */
	ConditionVariable moved;

	/* for who has the turn */
	int64		nrows;			/* that have a place */
	int64		room;			/* for rows in the matrix */
	int64		wanted;			/* the room that was wanted, of CS_HALT_ROOM */
	int			full;			/* the feature whose log is full, of CS_HALT_LEVELS */
	int64		n_without_weight;
	int64		n_skipped;
} CsReadAdvance;

/* What a task is told. */
typedef struct CsReadArgs
{
	int			reading;		/* its number */
	int			pages;			/* areas: CsPages */
	int			columns;		/* CsPagesColumn[ncolumns] */
	int			features;		/* CsReadFeature[nfeatures] */
	int			logs;			/* a CsLevelLog for each category */
	int			advance;		/* CsReadAdvance */
	int			matrix;			/* CsMatrix */
	int			weights;		/* CsMatrix of one column, or -1 */
	int			ncolumns;
	int			nfeatures;
	int			weight;			/* which column is the weight, or -1 */
	int			range_pages;
	int64		nranges;
	int64		first;			/* range of item 0 */
	bool		count_only;		/* rows are not stored */
	void	   *leading;		/* the leader's own, see CsReadAhead() */
	int64		expected;		/* rows, or -1 */
} CsReadArgs;
/* The log of a category's levels. */
static inline CsLevelLog *
CsReadLog(CsArena *arena, const CsReadArgs *args, const CsReadFeature *f)
{
	return (CsLevelLog *) ((char *) CsArenaAddress(arena, args->logs) + f->log);
}
/* read_pages.c */
extern void CsReadAhead(void *leading);

/* The task: reads the range of an item. */
extern PGDLLEXPORT void CsReadPagesTask(CsTeam *team, const void *args, int item);

#endif							/* CUSTSEG_READ_RANGE_H */
