/*
 * pass.h
 *	  A source read for all who want something of its rows: columns, segments, decisions by hand.
 */
#ifndef CUSTSEG_PASS_H
#define CUSTSEG_PASS_H

#include "parallel/team.h"
#include "score/score.h"

/* Values from the first of a column in a block to that of the next: not a power of two, for cache lines' sake. */
#define CS_PASS_STRIDE (CS_BLOCK_ROWS + 8)

typedef enum CsPlacing
{
	CS_PLACE_NOT,				/* features are read, nobody is placed */
	CS_PLACE_TRY,				/* a value that the model does not do without is missing: not placed */
	CS_PLACE_STRICT				/* that is an error, but not for whom somebody has decided */
} CsPlacing;

/* A version that places the rows of a pass, and what it makes of the row, or of the block, at hand. */
typedef struct CsPlacer
{
	CsScoring	scoring;		/* of a row: its raw values, and z when it was placed */
	CsBinding  *binding;
	int		   *column;			/* of each feature among the pass's; -1: not bound */
	CsBindState *states;		/* of each feature; NULL: all are bound, else it was an error */
	bool		is_bound;		/* all features are; else nobody is placed */
	CsPlacing	placing;
	double	   *memberships;	/* the caller's room for those of a row that is placed, or NULL */
	CsOverrides *overrides;		/* to be honoured; NULL: there are none */

	/* of a row */
	CsAssignment placed;		/* index -1: the model could not, or did not have to, place it */
	const CsOverride *override; /* NULL: the model decides */

	/* of a block, a value a row */
	CsConverter *converters;	/* of each feature's column */
	double	   *raw;			/* value r of feature i at [i * CS_PASS_STRIDE + r] */
	int32	   *segments;		/* as "placed" */
	const CsOverride **decided; /* as "override"; NULL: the model decides of all */
} CsPlacer;

/* Rows of a pass, CS_BLOCK_ROWS at most: value r of column c is at [c * CS_PASS_STRIDE + r]. */
typedef struct CsPassBlock
{
	int			nrows;
	Datum	   *values;
	bool	   *nulls;
	bool	   *has_nulls;		/* a column */
} CsPassBlock;

#define CsBlockValues(block, column) ((block)->values + (Size) (column) * CS_PASS_STRIDE)
#define CsBlockNulls(block, column) ((block)->nulls + (Size) (column) * CS_PASS_STRIDE)

/* A column of a block as numbers, NaN for NULL. */
typedef struct CsPassNumbers
{
	const double *values;
	bool		all_finite;
} CsPassNumbers;

typedef void (*CsBlockSink) (void *state, const CsPassBlock *block);

struct CsPass;

/*
 * What takes the rows.  Begin, before each reading, has columns read by CsPassColumn; end, after
 * it, tells whether another reading is needed.  Both may be NULL.  In further readings nobody is
 * placed; raw values are read for the visitors that need them.  Where all visitors of a pass take blocks, blocks
 * are what they are given; a visitor that always takes blocks needs no take_row.
 */
typedef struct CsVisitor
{
	void	   *state;
	void		(*begin) (void *state, struct CsPass *pass);
	CsRowSink	take_row;
	CsBlockSink take_block;		/* or NULL */
	bool		(*end) (void *state);
	bool		needs_raw;
} CsVisitor;

typedef struct CsPass
{
	const CsRelation *relation;
	CsColumnSet columns;		/* that are read */
	CsIdentity *identity;		/* of what says who a customer is; NULL: nothing does */
	int		   *key;			/* which of the columns do: one for each of its parts */
	List	   *placers;
	List	   *visitors;
	bool		is_first;		/* reading */
	int64		nrows;			/* of the reading that came last */
	struct CsPassBlocks *blocks;	/* of this reading; NULL: rows are given one by one */

	/* for a team to read, where it can: how many workers so many rows are to have; NULL: there is to be no team */
	int			(*workers) (void *state, int64 nrows);
	void	   *workers_state;
	CsTeam	   *team;			/* that reads, and is then the caller's to end, with its arena; NULL: there is none */
	int64		expected;		/* rows, about, that it reads */
} CsPass;

extern CsPass *CsPassOpen(const CsRelation *relation);
extern CsPass *CsPassOpenModel(const char *model, int version, const char *source,
							   CsPlacing placing, CsPlacer **placer);

extern void CsPassStream(CsPass *pass);

extern CsPlacer *CsPassPlace(CsPass *pass, const CsScorer *scorer, CsPlacing placing);
extern CsPlacer *CsPassTryToPlace(CsPass *pass, const CsScorer *scorer, CsPlacing placing);
extern void CsPassIdentify(CsPass *pass, const List *key);
extern void CsPassHonour(CsPass *pass, CsPlacer *placer);
extern int	CsPassColumn(CsPass *pass, const CsColumn *column);
extern CsBinding *CsPassBind(CsPass *pass, const CsPipeline *pipeline, const char *model);

extern void CsPassVisit(CsPass *pass, const CsVisitor *visitor);
extern int64 CsPassRead(CsPass *pass);
extern char *CsPassId(CsPass *pass, const Datum *values, const bool *nulls);
extern char *CsPassPlainId(CsPass *pass, const Datum *values, const bool *nulls);

/* block.c */
extern bool CsPassTakesBlocks(const CsPass *pass);
extern int64 CsPassReadBlocks(CsPass *pass);
extern CsPassNumbers CsPassNumbersOf(CsPass *pass, int column, const CsConverter *converter);
extern char *CsPassBlockId(CsPass *pass, int row);
extern void CsPassBlockRaw(CsPass *pass, const CsBinding *binding, const CsPipeline *pipeline, double *raw);

/* Where a row belongs: the index of its segment, -1 for none. */
static inline int
CsPlacerSegment(const CsPlacer *p)
{
	return p->override != NULL ? p->override->index : p->placed.index;
}

/* Likewise a row of a block. */
static inline int
CsPlacerSegmentOf(const CsPlacer *p, int row)
{
	return p->decided != NULL && p->decided[row] != NULL ? p->decided[row]->index : p->segments[row];
}

#endif							/* CUSTSEG_PASS_H */
