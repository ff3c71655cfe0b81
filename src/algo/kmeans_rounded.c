/*
 * kmeans_rounded.c
 *	  The rows in single precision or in integers of 16 bits, in which most distances of k-means are computed.
 *
 * Each pass rounds a block when it comes to it, unless an earlier one has kept it: as many blocks are kept as there
 * is memory for, in the place of what seeding needed.  As long as many rows change their label, and so are read in
 * any case, reading a copy in single precision would take as long as rounding; in late passes it takes a fifth of the
 * time.  So one of them keeps it.  Integers are kept from the first pass on.  Few rows, of which there are many fits
 * and passes one after the other, are rounded once in a fit, to single precision.
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

/* Integers of a block: its pairs of columns, then the level of each tile, a byte. */
static Size
IntegersOfBlock(int d)
{
	return (Size) CsShortPairs(d) * CS_BLOCK_ROWS + CS_BLOCK_ROWS / CS_FILTER_TILE / sizeof(int32);
}

/* Bytes that so many blocks take where they are kept. */
Size
CsKmeansKeptSize(const KmeansFit *fit, int64 nblocks)
{
	Size		block = fit->shorts ? mul_size(sizeof(int32), IntegersOfBlock(fit->d)) :
		mul_size(sizeof(float), FloatsOfBlock(fit->d));

	return mul_size(block, nblocks);
}

/* Where a block is kept. */
static void *
KeptBlock(CsArena *arena, const KmeansFit *fit, int64 block)
{
	return (char *) KmeansPart(arena, fit, fit->kept) + CsKmeansKeptSize(fit, block);
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

/* The rows of a block in integers, kept or in the member's own room; "shorts" is empty at first. */
void
CsKmeansShortBlock(CsArena *arena, const KmeansFit *fit, int64 block, KmeansShorts *shorts)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	bool		keeps = block < fit->keeping_blocks;

	if (!keeps && shorts->own == NULL)
		shorts->own = palloc_extended(sizeof(int32) * IntegersOfBlock(fit->d), MCXT_ALLOC_HUGE);
	shorts->pairs = keeps ? KeptBlock(arena, fit, block) : shorts->own;
	shorts->level = (uint8 *) (shorts->pairs + (Size) CsShortPairs(fit->d) * CS_BLOCK_ROWS);
	if (block >= fit->rounded_blocks)
		CsShortRows(fit->d, CsMatrixBlockRows(m, block), CsMatrixBlock(m, arena, block), CS_BLOCK_ROWS,
					KmeansPart(arena, fit, fit->origin), fit->scale, shorts->pairs, shorts->level);
}
