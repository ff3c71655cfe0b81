/*
 * matrix.h
 *	  The rows of a training as float8 in column-major blocks.
 *
 * Block b holds rows [b * 1024, (b + 1) * 1024); value of column j, row r of the block is
 * x[j * CS_BLOCK_ROWS + r].  NULL is NaN.  The struct holds area numbers and no pointers, so it
 * can be copied into a task's arguments' area and read by every member of a team.
 */
#ifndef CUSTSEG_MATRIX_H
#define CUSTSEG_MATRIX_H

#include "parallel/team.h"

/* Chunks grow with the matrix (an eighth of it, between 1 MB and 32 MB, later 1/32). */
#define CS_MAX_CHUNKS 480

typedef struct CsMatrixChunk
{
	int			area;			/* where its blocks are */
	int64		first_block;	/* number of its first block */
} CsMatrixChunk;

typedef struct CsMatrix
{
	int64		nrows;
	int			ncolumns;		/* columns in use */
	int			stride;			/* columns a block has room for, >= ncolumns */
	int			nchunks;
	int64		nblocks_allocated;
	CsMatrixChunk chunk[CS_MAX_CHUNKS];
} CsMatrix;

/* Bytes a block takes. */
static inline Size
CsMatrixBlockSize(const CsMatrix *m)
{
	return (Size) m->stride * CS_BLOCK_ROWS * sizeof(double);
}

static inline int64
CsMatrixBlocks(const CsMatrix *m)
{
	return (m->nrows + CS_BLOCK_ROWS - 1) / CS_BLOCK_ROWS;
}

/* Rows of block b that are in use: 1024 except for the last block. */
static inline int
CsMatrixBlockRows(const CsMatrix *m, int64 b)
{
	return (int) Min((int64) CS_BLOCK_ROWS, m->nrows - b * CS_BLOCK_ROWS);
}

/* First and one past the last block of a lane; lanes are contiguous and depend on nrows only. */
static inline int64
CsLaneStart(const CsMatrix *m, int lane)
{
	return CsMatrixBlocks(m) * lane / CS_LANES;
}

extern CsMatrix *CsMatrixCreate(int ncolumns);
extern void CsMatrixGrow(CsMatrix *m, CsArena *arena);
extern int64 CsMatrixGrowth(const CsMatrix *m, int64 nblocks);
extern void CsMatrixAddRoom(CsMatrix *m, CsArena *arena, int64 nblocks);
extern void CsMatrixZeroRest(const CsMatrix *m, CsArena *arena);
extern void CsMatrixPutRows(const CsMatrix *m, CsArena *arena, int64 first, const double *columns, Size stride, int n);
extern double *CsMatrixBlock(const CsMatrix *m, CsArena *arena, int64 b);

/* Where a row begins: its values lie CS_BLOCK_ROWS apart. */
static inline double *
CsMatrixRow(const CsMatrix *m, CsArena *arena, int64 row)
{
	return CsMatrixBlock(m, arena, row / CS_BLOCK_ROWS) + row % CS_BLOCK_ROWS;
}

/* Copy the values of a row. */
static inline void
CsMatrixGetRow(const CsMatrix *m, CsArena *arena, int64 row, double *values)
{
	const double *from = CsMatrixRow(m, arena, row);

	for (int j = 0; j < m->ncolumns; j++)
		values[j] = from[(Size) j * CS_BLOCK_ROWS];
}

/* Set the values of a row, which has been counted. */
static inline void
CsMatrixPutRow(CsMatrix *m, CsArena *arena, int64 row, const double *values)
{
	double	   *to = CsMatrixRow(m, arena, row);

	for (int j = 0; j < m->ncolumns; j++)
		to[(Size) j * CS_BLOCK_ROWS] = values[j];
}

extern void CsMatrixShareChunks(const CsMatrix *m, CsMatrix *shared);
extern int	CsMatrixShare(const CsMatrix *m, CsArena *arena);
extern CsMatrix *CsMatrixCopyRows(CsArena *from_arena, const CsMatrix *m, const int64 *rows, int64 nrows,
								  CsArena *arena);
extern CsMatrix *CsMatrixOfRows(CsArena *arena, const CsMatrix *m, const int64 *rows, int64 nrows);
extern void CsMatrixReorderColumn(const CsMatrix *m, CsArena *arena, int column, const int64 *from, double *scratch);
extern int	CsWeightsOfRows(CsArena *arena, int weights, const int64 *rows, int64 nrows);
extern void CsMatrixFree(CsMatrix *m, CsArena *arena);

#endif							/* CUSTSEG_MATRIX_H */
