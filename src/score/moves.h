/*
 * moves.h
 *	  How many customers went from which segment to which, and what they are worth, counted and kept
 *	  in custseg.migration.
 */
#ifndef CUSTSEG_MOVES_H
#define CUSTSEG_MOVES_H

#include "custseg.h"
#include "data/relation.h"
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
	const char *condition;		/* on the rows; NULL: all of the table's */
	const char *value;			/* column whose sums are kept, or NULL */
	CsConverter converter;		/* of that column */
	TimestampTz run_at;
	HTAB	   *counts;
} CsMoves;

extern CsMaybeSegment CsMaybeSegmentRead(Datum value, bool isnull, Oid type);
extern CsMoves *CsMovesBegin(const char *model, int version, const char *source);
extern void CsMovesCount(CsMoves *moves, CsMaybeSegment from, CsMaybeSegment to, Datum value,
						 bool value_is_null);
extern void CsMovesAdd(CsMoves *moves, CsMaybeSegment from, CsMaybeSegment to, int64 n, double total);
extern void CsMovesRecord(const CsMoves *moves, bool finished);
extern void CsMovesForget(const char *model, int days);
extern int64 CsChangesForget(const char *model, int days);

#endif							/* CUSTSEG_MOVES_H */
