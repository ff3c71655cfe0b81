/*
 * kmeans_rounded.c
 *	  The rows in single precision, in which most distances of k-means are computed.
 *
 * Each pass rounds a block when it comes to it.  As long as many rows change their label, and so are read in
 * any case, reading a copy would take as long; in late passes it takes a fifth of the time.  So one of them
 * keeps as many blocks as there is memory for, in the place of what seeding needed.  Few rows, of which there
 * are many fits and passes one after the other, are rounded once in a fit.
 */
#include "custseg.h"

#include "algo/kmeans.h"
#include "math/math.h"

/* Up to so many blocks are few. */
#define FEW_BLOCKS 8

/* Floats of a block: its values, then the reach of each tile and the squared length of each row. */
static Size
FloatsOfBlock(int d)
{
	return (Size) d * CS_BLOCK_ROWS + CS_BLOCK_ROWS / CS_FILTER_TILE + CS_BLOCK_ROWS;
}

/* Where a block is kept. */
static float *
KeptBlock(CsArena *arena, const KmeansFit *fit, int64 block)
{
	return (float *) KmeansPart(arena, fit, fit->kept) + (Size) block * FloatsOfBlock(fit->d);
}

static void
RoundInto(CsArena *arena, const KmeansFit *fit, int64 block, float *values)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	float	   *reach = values + (Size) fit->d * CS_BLOCK_ROWS;

	CsFilterRows(fit->d, CsMatrixBlockRows(m, block), CsMatrixBlock(m, arena, block), CS_BLOCK_ROWS,
				 KmeansPart(arena, fit, fit->origin), fit->scale, values, reach,
				 reach + CS_BLOCK_ROWS / CS_FILTER_TILE);
}

/* Bytes that so many blocks take where they are kept. */
Size
CsKmeansKeptSize(int d, int64 nblocks)
{
	return mul_size(mul_size(sizeof(float), FloatsOfBlock(d)), nblocks);
}

/* Are these few blocks, all of which every fit keeps? */
bool
CsKmeansFewBlocks(int64 nblocks)
{
	return nblocks <= FEW_BLOCKS;
}

/* Round few blocks, once origin and scale are known. */
void
CsKmeansRoundFew(CsArena *arena, KmeansFit *fit)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);

	if (!CsKmeansFewBlocks(CsMatrixBlocks(m)))
		return;
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
		RoundInto(arena, fit, b, KeptBlock(arena, fit, b));
	fit->keeping_blocks = fit->rounded_blocks = CsMatrixBlocks(m);
}

/* The rows of a block, kept or in the member's own room; "rounded" is empty at first. */
void
CsKmeansRoundBlock(CsArena *arena, const KmeansFit *fit, int64 block, KmeansRounded *rounded)
{
	bool		keeps = block < fit->keeping_blocks;

	if (!keeps && rounded->own == NULL)
		rounded->own = palloc_extended(sizeof(float) * FloatsOfBlock(fit->d), MCXT_ALLOC_HUGE);
	rounded->values = keeps ? KeptBlock(arena, fit, block) : rounded->own;
	if (block >= fit->rounded_blocks)
		RoundInto(arena, fit, block, rounded->values);
	rounded->reach = rounded->values + (Size) fit->d * CS_BLOCK_ROWS;
	rounded->length = rounded->reach + CS_BLOCK_ROWS / CS_FILTER_TILE;
}
