/*
 * blocks.h
 *	  What the files that read a pass in blocks share: block.c fills and gives them, block_team.c has a team fill them.
 */
#ifndef CUSTSEG_BLOCKS_H
#define CUSTSEG_BLOCKS_H

#include "data/pages.h"
#include "score/pass.h"

/* The rows of a reading. */
typedef struct CsPassBlocks
{
	CsPassBlock block;			/* at hand */
	int64		nrows;			/* before it */
	int		   *by_reference;	/* columns */
	int			nby_reference;
	int16	   *lengths;		/* of each column's type */
	MemoryContext copies;		/* of the block at hand */
	Size		copied;

	/* columns as numbers; "has_numbers": of the block at hand */
	double	   *numbers;
	bool	   *has_numbers;
	bool	   *all_finite;
} CsPassBlocks;

/* block.c */
extern CsPassBlocks *CsBlocksOpen(const CsPass *pass);
extern void CsBlocksPlace(CsPass *pass);
extern void CsBlocksVisit(CsPass *pass);
extern void CsBlocksTakeRow(void *state, const Datum *values, const bool *nulls);
extern void CsBlocksFinish(CsPass *pass);

/* block_team.c */
extern bool CsBlocksReadByTeam(CsPass *pass, const CsPages *pages, const CsPagesColumn *columns, MemoryContext context);

#endif							/* CUSTSEG_BLOCKS_H */
