/*
 * matrix.c
 *	  Rows as float8 in column-major blocks, in chunks that an arena holds.
 *
 * The number of rows is not known before they have been read, and the matrix must not be copied
 * to grow: so it grows by chunks of whole blocks, each an eighth of what is there, later a 32nd,
 * which wastes little and needs few segments.
 */
#include "custseg.h"

#include "data/matrix.h"
#include "math/search.h"
#include "miscadmin.h"
#include "port/atomics.h"

#define FIRST_CHUNK ((Size) 128 * 1024)
#define SMALL_CHUNK ((Size) 32 * 1024 * 1024)

/*
 * The least chunk where it is known that so many rows will come, a few large pages; and the first one, which is taken before
 * anybody reads: to gather pages (large.c) waits for other processors, which takes many times as long while they are at work.
 */
#define ROOMY_CHUNK ((Size) 8 * 1024 * 1024)
#define FIRST_ROOMY_CHUNK ((Size) 128 * 1024 * 1024)

/*
 * An empty matrix of ncolumns columns, palloc'd in CurrentMemoryContext.  Its areas will come from
 * an arena.
 */
CsMatrix *
CsMatrixCreate(int ncolumns)
{
	CsMatrix   *m = palloc0(sizeof(CsMatrix));

	m->ncolumns = ncolumns;
	m->stride = ncolumns;
	return m;
}

/* Blocks that the next chunk has. */
static int64
NextChunkBlocks(const CsMatrix *m)
{
	Size		held = mul_size(CsMatrixBlockSize(m), m->nblocks_allocated);
	Size		eighth = Min(held / 8, SMALL_CHUNK);
	Size		want = Max(Max(eighth, held / 32), FIRST_CHUNK);

	return Max(1, (int64) (want / CsMatrixBlockSize(m)));
}

/* Make room for so many more blocks, whose contents are undefined. */
void
CsMatrixAddRoom(CsMatrix *m, CsArena *arena, int64 nblocks)
{
	if (m->nchunks == CS_MAX_CHUNKS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for one training: more than %lld",
						(long long) m->nrows),
				 errhint("Train on a sample of the rows.")));
	m->chunk[m->nchunks].area = CsArenaAlloc(arena, mul_size(CsMatrixBlockSize(m), nblocks));
	m->chunk[m->nchunks].first_block = m->nblocks_allocated;
	m->nchunks++;
	m->nblocks_allocated += nblocks;
}

/*
 * Let a shared copy know of chunks that have been added since.  Other members may look at the blocks of earlier ones
 * meanwhile; of new ones they have to be told after this.
 */
void
CsMatrixShareChunks(const CsMatrix *m, CsMatrix *shared)
{
	for (int c = shared->nchunks; c < m->nchunks; c++)
		shared->chunk[c] = m->chunk[c];
	pg_write_barrier();
	shared->nchunks = m->nchunks;
	shared->nblocks_allocated = m->nblocks_allocated;
	pg_write_barrier();
}

/*
 * Make room for one more block, zeroed so that kernels may read past the last row.  The caller adds
 * rows by writing them and raising nrows.
 */
void
CsMatrixGrow(CsMatrix *m, CsArena *arena)
{
	int64		block = CsMatrixBlocks(m);

	Assert(m->nrows % CS_BLOCK_ROWS == 0);
	if (block == m->nblocks_allocated)
		CsMatrixAddRoom(m, arena, NextChunkBlocks(m));
	memset(CsMatrixBlock(m, arena, block), 0, CsMatrixBlockSize(m));
}

/* Blocks that a matrix should grow by, when it is to have so many more. */
int64
CsMatrixGrowth(const CsMatrix *m, int64 nblocks)
{
	Size		block = CsMatrixBlockSize(m),
				least = m->nchunks == 0 ? FIRST_ROOMY_CHUNK : ROOMY_CHUNK;
	int64		usual = Max(NextChunkBlocks(m), (int64) ((least + block - 1) / block));

	return Max(Min(usual, nblocks), 1);
}

/* Zero what the last block has beyond the last row, once all rows have been written. */
void
CsMatrixZeroRest(const CsMatrix *m, CsArena *arena)
{
	int64		last = CsMatrixBlocks(m) - 1;
	double	   *x = last < 0 ? NULL : CsMatrixBlock(m, arena, last);
	int			nrows = last < 0 ? 0 : CsMatrixBlockRows(m, last);

	for (int j = 0; x != NULL && j < m->stride; j++)
		memset(x + (Size) j * CS_BLOCK_ROWS + nrows, 0, sizeof(double) * (CS_BLOCK_ROWS - nrows));
}

/* Write columns of n rows, each "stride" apart, to the matrix from row "first" on, where there is room. */
void
CsMatrixPutRows(const CsMatrix *m, CsArena *arena, int64 first, const double *columns, Size stride, int n)
{
	for (int done = 0, part; done < n; done += part)
	{
		int			at = (int) ((first + done) % CS_BLOCK_ROWS);
		double	   *x = CsMatrixBlock(m, arena, (first + done) / CS_BLOCK_ROWS) + at;

		part = Min(CS_BLOCK_ROWS - at, n - done);
		for (int j = 0; j < m->ncolumns; j++)
			memcpy(x + (Size) j * CS_BLOCK_ROWS, columns + stride * j + done, sizeof(double) * part);
	}
}

/* For CsCountBefore(): does a chunk begin with a block, or before it? */
static bool
BeginsUpTo(const void *chunk, const void *block)
{
	return ((const CsMatrixChunk *) chunk)->first_block <= *(const int64 *) block;
}

/* The address of block b in this process: x[column * CS_BLOCK_ROWS + row]. */
double *
CsMatrixBlock(const CsMatrix *m, CsArena *arena, int64 b)
{
	const CsMatrixChunk *chunk = &m->chunk[CsCountBefore(&b, m->chunk, m->nchunks, sizeof(CsMatrixChunk), BeginsUpTo) - 1];

	return (double *) ((char *) CsArenaAddress(arena, chunk->area) + CsMatrixBlockSize(m) * (Size) (b - chunk->first_block));
}

/* Copy the struct to an area, for the members of a team, and return the area's number. */
int
CsMatrixShare(const CsMatrix *m, CsArena *arena)
{
	int			area = CsArenaAlloc(arena, sizeof(CsMatrix));

	memcpy(CsArenaAddress(arena, area), m, sizeof(CsMatrix));
	return area;
}

/*
 * The rows with the given numbers, which ascend, as a matrix of their own in new areas of an arena, of another one perhaps
 * than the matrix they come from; palloc'd.
 */
CsMatrix *
CsMatrixCopyRows(CsArena *from_arena, const CsMatrix *m, const int64 *rows, int64 nrows, CsArena *arena)
{
	CsMatrix   *result = CsMatrixCreate(m->ncolumns);
	double	   *to = NULL;

	for (int64 i = 0; i < nrows; i++)
	{
		const double *from = CsMatrixRow(m, from_arena, rows[i]);
		int			at = (int) (i % CS_BLOCK_ROWS);

		if (at == 0)
		{
			CHECK_FOR_INTERRUPTS();
			CsMatrixGrow(result, arena);
			to = CsMatrixBlock(result, arena, i / CS_BLOCK_ROWS);
		}
		for (int j = 0; j < m->ncolumns; j++)
			to[(Size) j * CS_BLOCK_ROWS + at] = from[(Size) j * CS_BLOCK_ROWS];
		result->nrows++;
	}
	return result;
}

/* Likewise, in new areas of the same arena. */
CsMatrix *
CsMatrixOfRows(CsArena *arena, const CsMatrix *m, const int64 *rows, int64 nrows)
{
	return CsMatrixCopyRows(arena, m, rows, nrows, arena);
}

/* Have each row of a column take the value that row from[row] had; "scratch" has room for the column. */
void
CsMatrixReorderColumn(const CsMatrix *m, CsArena *arena, int column, const int64 *from, double *scratch)
{
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
		memcpy(scratch + b * CS_BLOCK_ROWS, CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS,
			   sizeof(double) * CsMatrixBlockRows(m, b));
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		double	   *to = CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS;

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
			to[r] = scratch[from[b * CS_BLOCK_ROWS + r]];
	}
}

/*
 * The weights of the rows with the given numbers, from an area of double[nrows], in a new area. -1,
 * for no weights, stays -1.
 */
int
CsWeightsOfRows(CsArena *arena, int weights, const int64 *rows, int64 nrows)
{
	const double *from;
	double	   *to;
	int			area;

	if (weights < 0)
		return -1;
	area = CsArenaAlloc(arena, mul_size(sizeof(double), nrows));
	from = CsArenaAddress(arena, weights);
	to = CsArenaAddress(arena, area);
	for (int64 i = 0; i < nrows; i++)
		to[i] = from[rows[i]];
	return area;
}

/* Free the areas.  The struct stays the caller's. */
void
CsMatrixFree(CsMatrix *m, CsArena *arena)
{
	for (int c = 0; c < m->nchunks; c++)
		CsArenaFree(arena, m->chunk[c].area);
	m->nchunks = 0;
	m->nblocks_allocated = 0;
	m->nrows = 0;
}
