/*
 * sample.c
 *	  Seeded samples of rows: simple, and stratified by segment.
 *
 * What is drawn depends on the seed and the rows only.  Selection sampling (Knuth, algorithm S) is
 * run for all segments at once, in one pass over the labels and without memory for the rows that
 * are not drawn.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "stat/stat.h"

/* Rows of a segment that a sample holds at least, so that they have a distance to each other. */
#define LEAST_ROWS 2

/* Streams of random numbers, apart from the algorithms'. */
#define STRATIFIED_STREAM UINT64CONST(0x51C0E77E)
#define SIMPLE_STREAM UINT64CONST(0x5A3B1E00)

/*
 * How many rows each segment gives, at most "sample" in all: in proportion to its rows beyond the
 * least number, which every segment gives first if there is room for that.  Rounding the running
 * total makes the quotas add up.
 */
static void
ShareOut(const int64 *counts, int k, int64 total, int64 sample, int64 *quota)
{
	int64		least = LEAST_ROWS,
				reserved = 0,
				running = 0,
				before = 0;

	for (int c = 0; c < k; c++)
		reserved += Min(counts[c], least);
	if (reserved > sample)
		reserved = least = 0;
	for (int c = 0; c < k; c++)
	{
		int64		here;

		running += counts[c] - Min(counts[c], least);
		here = total > reserved ?
			(int64) ((double) (sample - reserved) * running / (total - reserved)) : 0;
		quota[c] = Min(counts[c], least) + here - before;
		before = here;
	}
}

/*
 * Draw at most "sample" of the rows that have a label 0..k-1, or all of them when there are no
 * more.  Segments are represented in proportion to their sizes, but by at least two rows if they
 * have that many and there is room.  The struct and its arrays are palloc'd; free them by
 * CsSampleFree().
 */
CsStratifiedSample *
CsSampleStratified(const int32 *labels, int64 nrows, int k, int64 sample, uint64 seed)
{
	CsStratifiedSample *s = palloc0(sizeof(CsStratifiedSample));
	int64	   *seen = palloc0(sizeof(int64) * k);
	int64	   *chosen = palloc0(sizeof(int64) * k);
	CsRng		rng;

	s->population = palloc0(sizeof(int64) * k);
	s->counts = palloc(sizeof(int64) * k);
	for (int64 i = 0; i < nrows; i++)
		if (labels[i] >= 0)
			s->population[labels[i]]++;
	for (int c = 0; c < k; c++)
		s->labelled += s->population[c];
	if (s->labelled <= sample)
		memcpy(s->counts, s->population, sizeof(int64) * k);
	else
		ShareOut(s->population, k, s->labelled, sample, s->counts);
	s->nrows = 0;
	s->row = palloc_extended(sizeof(int64) * Max(Min(sample, s->labelled), 1), MCXT_ALLOC_HUGE);

	CsRngSeed(&rng, seed, STRATIFIED_STREAM);
	for (int64 i = 0; i < nrows; i++)
	{
		int32		c = labels[i];
		int64		left;

		CsCheckInterrupts(i);
		if (c < 0)
			continue;
		left = s->population[c] - seen[c]++;
		if (s->labelled > sample &&
			!(CsRngDouble(&rng) * (double) left < (double) (s->counts[c] - chosen[c])))
			continue;
		chosen[c]++;
		s->row[s->nrows++] = i;
	}
	pfree(seen);
	pfree(chosen);
	return s;
}

/* Free a sample. */
void
CsSampleFree(CsStratifiedSample *s)
{
	pfree(s->population);
	pfree(s->counts);
	pfree(s->row);
	pfree(s);
}

/*
 * The row numbers of a simple random sample of at most "sample" of nrows rows, ascending, palloc'd;
 * all of them when there are no more.  OUT *used: how many.
 */
int64 *
CsSampleRows(int64 nrows, int64 sample, uint64 seed, int64 *used)
{
	int64	   *rows;
	CsRng		rng;

	*used = Min(nrows, sample);
	rows = palloc_extended(mul_size(sizeof(int64), *used), MCXT_ALLOC_HUGE);
	CsRngSeed(&rng, seed, SIMPLE_STREAM);
	CsRngSample(&rng, nrows, *used, rows);
	return rows;
}
