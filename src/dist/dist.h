/*
 * dist.h
 *	  Passes over sources that are past memory, or on other servers.
 *
 * A source consists of pieces: the whole of it, or the leaves of a partitioned table of which some are
 * foreign.  A pass is one SQL statement: an aggregate over each piece, and the states merged.  So whatever
 * engine reads the rows (PostgreSQL in one process or in parallel, postgres_fdw, a sharded table) adds them up
 * where they are, and sends a state.
 */
#ifndef CUSTSEG_DIST_H
#define CUSTSEG_DIST_H

#include "data/relation.h"
#include "lib/stringinfo.h"
#include "prep/tally.h"

/* Where a source's rows are. */
typedef struct CsPieces
{
	const CsRelation *relation;
	int			nitems;
	char	  **items;			/* what follows FROM in the statement of each piece */
	int			nstates;		/* that a pass sends: one a piece, or a shard */
	bool		is_leaves;		/* the items are leaves of a partitioned table */
	bool		is_remote;		/* some are on other servers, which can run custseg's aggregates */
	bool		is_foreign;		/* some are on other servers, whether or not these can */
	bool		is_sharded;		/* the source is a sharded table */
} CsPieces;

extern CsPieces *CsPiecesOf(const CsRelation *rel);

/* Are rows on other servers that add them up themselves? */
static inline bool
CsIsElsewhere(const CsPieces *pieces)
{
	return pieces->is_remote || pieces->is_sharded;
}

/* What a pass reads of each row. */
typedef struct CsTallyColumns
{
	int			nnumbers;
	int			nlevels;
	StringInfoData numbers;		/* expressions, each a float8, with commas between them */
	StringInfoData levels;		/* likewise texts */
} CsTallyColumns;

extern void CsTallyColumnsInit(CsTallyColumns *c);
extern int	CsTallyColumnsAdd(CsTallyColumns *c, const CsColumn *column);
extern int	CsTallyColumnsAddKey(CsTallyColumns *c, const List *columns, int64 seed);
extern char *CsTallyExpression(const CsColumn *column);

/* A pass that has been run. */
typedef struct CsTallyRun
{
	CsTally	   *pass;
	CsTallyState *state;
} CsTallyRun;

extern CsTallyRun CsTallyExecute(const CsPieces *pieces, const CsTallyColumns *columns, Jsonb *plan);

/* The values of a column, and how many rows have each. */
typedef struct CsValueCount
{
	char	   *value;
	int64		n;
} CsValueCount;

extern double CsPiecesEstimate(const CsPieces *pieces);
extern CsValueCount *CsPiecesCount(const CsPieces *pieces, const char *expression, const char *condition, int most,
								   int *n);

extern const CsTallyKind *const CsTallyKinds[];

#endif							/* CUSTSEG_DIST_H */
