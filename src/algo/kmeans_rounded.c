/*
 * kmeans_rounded.c
 *	  The rows in single precision, in which most distances of k-means are computed.
 *
 * Each pass rounds a block when it comes to it: of many rows, reading a copy would take as long.  Few
 * rows, of which there are many fits and passes one after the other, are rounded once in a fit.
 */
#include "custseg.h"

#include "algo/kmeans.h"
#include "math/math.h"

/* Up to so many blocks are kept. */
#define KEPT_BLOCKS 8

/* Floats of a block: its values, then the reach of each tile. */
static Size
FloatsOfBlock(int d)
{
	return (Size) d * CS_BLOCK_ROWS + CS_BLOCK_ROWS / CS_FILTER_TILE;
}

static void
RoundInto(CsArena *arena, const KmeansFit *fit, int64 block, float *values)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);

	CsFilterRows(fit->d, CsMatrixBlockRows(m, block), CsMatrixBlock(m, arena, block), CS_BLOCK_ROWS,
				 KmeansPart(arena, fit, fit->origin), fit->scale, values,
				 values + (Size) fit->d * CS_BLOCK_ROWS);
}

/* Bytes that a fit keeps of so many blocks. */
Size
CsKmeansKeptSize(int d, int64 nblocks)
{
	return nblocks <= KEPT_BLOCKS ? mul_size(mul_size(sizeof(float), FloatsOfBlock(d)), nblocks) : 0;
}

/* Round what is kept, once origin and scale are known. */
void
CsKmeansKeepRounded(CsArena *arena, KmeansFit *fit)
{
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	float	   *kept = KmeansPart(arena, fit, fit->kept);

	fit->keeps = CsMatrixBlocks(m) <= KEPT_BLOCKS;
	for (int64 b = 0; fit->keeps && b < CsMatrixBlocks(m); b++)
		RoundInto(arena, fit, b, kept + (Size) b * FloatsOfBlock(fit->d));
}

/* The rows of a block; "rounded" is empty at first. */
void
CsKmeansRoundBlock(CsArena *arena, const KmeansFit *fit, int64 block, KmeansRounded *rounded)
{
	if (fit->keeps)
		rounded->values = (float *) KmeansPart(arena, fit, fit->kept) + (Size) block * FloatsOfBlock(fit->d);
	else
	{
		if (rounded->own == NULL)
			rounded->own = palloc_extended(sizeof(float) * FloatsOfBlock(fit->d), MCXT_ALLOC_HUGE);
		rounded->values = rounded->own;
		RoundInto(arena, fit, block, rounded->values);
	}
	rounded->reach = rounded->values + (Size) fit->d * CS_BLOCK_ROWS;
}
