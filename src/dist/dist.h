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

#include "data/fetch.h"
#include "lib/stringinfo.h"
#include "prep/order.h"
#include "prep/tally.h"
#include "score/versions.h"

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
	bool		has_policies;	/* it is a table with leaves that are remote, but its policies apply to its rows */
	const CsHeldGroups *held;			/* groups that are sent are held to maintenance_work_mem; NULL: they may be on disk */
} CsPieces;

extern const CsHeldGroups CsHeldValues;

extern CsPieces *CsPiecesOf(const CsRelation *rel);
extern bool CsPiecesKeepTogether(const CsPieces *pieces, const List *columns);

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
extern CsTallyColumns CsTallyColumnsWithText(const CsTallyColumns *c, const char *expression);
extern char *CsTallyExpression(const CsColumn *column);
extern char *CsTextExpression(const CsColumn *column);

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

/* Most rows that one count may tell of: doubles have all numbers up to it. */
#define CS_MOST_COUNTED INT64CONST(9007199254740992)

extern int64 CsRowsCounted(Datum n, bool isnull, int64 least, int64 most);
extern void CsPiecesRead(const CsPieces *pieces, const char *sql, const bytea *plan, DestReceiver *receiver);
extern CsValueCount *CsPiecesCount(const CsPieces *pieces, const char *expression, const char *condition, int most,
								   Size most_bytes, int *n);

extern bool CsPiecesAreReadable(const CsPieces *pieces);
extern CsPieces *CsPiecesElsewhere(const CsRelation *rel);

/* Queries that rows are reduced by where they are, group by group. */
extern CsPieces *CsPiecesToReduce(const CsRelation *rel);
extern char *CsPiecesUnion(const CsPieces *pieces, const char *list, const char *rest);
extern bool CsPiecesReduce(const CsPieces *pieces, const char *sql);

extern const CsTallyKind *const CsTallyKinds[];

/*
 * study.c: what passes tell of the columns of a source.
 *
 *	 CsStudyOpen()			counts and ranges of all columns, by a pass
 *	 while (...)			ask what is to be known of the orders of numbers: CsOrderAt(), CsOrderBelow()
 *		CsStudyAnswer()		runs a pass that answers, or answers better; false where nothing was asked
 *	 CsStudySorted()		a number's values, as far as they are known
 */
typedef struct CsStudyColumn
{
	int			at;				/* which number, or text, of a row it is */
	int64		n;				/* rows that count for it */
	int64		n_null;			/* NaN included */
	int64		n_infinite;		/* numbers */
	double		lowest,			/* of the finite values */
				highest;
	CsColumnMoments moments;	/* once CsStudyMoments() has been called */
	CsOrder    *order;			/* of the finite values of a number */
} CsStudyColumn;

typedef struct CsStudy
{
	const CsPieces *pieces;
	int			ncolumns;
	const CsColumn *columns;	/* the caller's */
	const bool *skips;			/* of each, the caller's: rows without a value count for the first such column only */
	CsTallyColumns read;
	int64		nrows;			/* all */
	int64		n_used;			/* that are not skipped for any column */
	CsStudyColumn *column;
} CsStudy;

extern CsStudy *CsStudyOpen(const CsPieces *pieces, const CsColumn *columns, int ncolumns, const bool *skips);
extern void CsStudyBegin(const CsStudy *study, bool skips, const CsPipeline *pipeline, JsonbParseState **json);
extern CsTallyRun CsStudyRun(const CsStudy *study, JsonbParseState **json);
extern void CsStudyMoments(CsStudy *study);
extern bool CsStudyAnswer(CsStudy *study);
extern CsSortedRuns CsStudySorted(const CsStudy *study, int column);
extern CsValueCount *CsStudyLevels(const CsStudy *study, int column, bool skips, int *n);

/* draw.c: a sample of the rows of a source on other servers, placed by one version or by two. */
typedef struct CsDraw
{
	const CsStudy *study;
	int			nversions;
	const CsScorer *const *scorer;
	const int  *const *column;	/* of each feature of a version: which of the study it is */
	int64		rows;			/* at most */
	uint64		seed;

	/* called for each row that all versions have placed: with what a scoring of each made of it, and the indexes of its segments */
	void		(*take) (void *state, const CsScoring *scoring, const int *index);
	void	   *state;
} CsDraw;

extern bool CsDrawByPass(const CsDraw *draw);

/* version_pair.c: two versions that place the rows of a source where these are. */
typedef struct CsVersionPasses
{
	CsVersionPair *pair;
	const CsScorer *scorer[2];
	CsStudy    *study;
	int		   *column[2];		/* of each feature of a version: which column of the study it is, */
	int		   *at[2];			/* and which number, or text, of a row */
	int64	   *rows[2];		/* by segment */
	int64		unplaced[2];
	double		farthest[2];	/* row from the centre of its segment */
} CsVersionPasses;

extern CsVersionPasses *CsVersionPairByPasses(CsVersionPair *pair);
extern void CsVersionPassesDistances(const CsVersionPasses *passes, CsDistances *distances[2]);
extern void CsVersionPairRead(CsVersionPair *pair);

#endif							/* CUSTSEG_DIST_H */
