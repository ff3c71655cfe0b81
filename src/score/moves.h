/*
 * moves.h
 *	  How many customers went from which segment to which, counted and kept in custseg.migration.
 */
#ifndef CUSTSEG_MOVES_H
#define CUSTSEG_MOVES_H

#include "custseg.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

/* A segment or none. */
typedef struct CsMaybeSegment
{
	int32		segment;		/* 0 when there is none */
	int32		exists;
} CsMaybeSegment;

/* One run: a table whose customers were placed by a version. */
typedef struct CsMoves
{
	char	   *model;
	int			version;
	char	   *source;
	TimestampTz run_at;
	HTAB	   *counts;
} CsMoves;

extern CsMaybeSegment CsMaybeSegmentRead(Datum value, bool isnull, Oid type);
extern CsMoves *CsMovesBegin(const char *model, int version, const char *source);
extern void CsMovesCount(CsMoves *moves, CsMaybeSegment from, CsMaybeSegment to);
extern void CsMovesRecord(const CsMoves *moves, bool finished);
extern void CsMovesForget(const char *model, int days);

#endif							/* CUSTSEG_MOVES_H */
