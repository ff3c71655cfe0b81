/*
 * select.c
 *	  Values by rank, and quantiles, of numbers that are not sorted; the same bits as by sorting them.
 *
 * The line is cut into cells, narrow where a sample says that the values are: as many in each binade of
 * 1 + |x - center| / spread, on either side of the center, and the last ones without an end.  A first pass
 * counts the values of each cell, which tells in which cell a rank is; a second one collects the values of
 * the cells that are asked for, and only those are sorted.  A thousand quantiles of a million values take
 * some fiftieth of them, in a quarter of the time of a sort (bracket and collect, after Floyd and Rivest,
 * Communications of the ACM 18, 1975).
 *
 * Which cells there are decides about nothing but time: the map from values to cells never decreases.  A
 * cell that holds much is looked through for its least and greatest value, which are often one, as of counts
 * and prices.  Where more than half of the values would have to be collected, all are sorted.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "math/search.h"
#include "miscadmin.h"

/* Cells of a binade, binades on a side, and so all cells: those of a side and of the center itself. */
#define CELL_BITS 13
#define BINADES 4
#define SIDE_CELLS (BINADES << CELL_BITS)
#define CELLS (2 * SIDE_CELLS + 1)

/* Values of the sample, and those of it between which there is to be the first binade of either side. */
#define SAMPLE 1024
#define LOW_SAMPLE (SAMPLE / 8)
#define HIGH_SAMPLE (SAMPLE - 1 - SAMPLE / 8)

/* Values whose cells are found together. */
#define CHUNK 1024

/* A cell with this part of all values is full; there is room for twice as many. */
#define FULL_PART 128
#define MOST_FULL (2 * FULL_PART)

/* What is done with a cell's values, in its mark: a bit, and above it the number of a full cell. */
#define COLLECT 1
#define FullMark(number) ((uint16) ((number) << 1))
#define FullNumber(mark) ((mark) >> 1)

struct CsSelection
{
	int64		n;
	double	   *values;			/* in any order */
	double	   *scratch;		/* room for as many */
	bool		is_sorted;		/* the values have been sorted */

	/* where they have not */
	double		center,
				factor;			/* 1 / spread */
	uint32	   *counts;			/* values of each cell */
	int32	   *cells;			/* of each value, until values are collected; in the second half of the scratch */
	uint16	   *marks;			/* of each cell, while values are collected */

	/* the ranks that were selected, ascending, and their values */
	int			nfound;
	int64	   *ranks;
	double	   *found;
};

/* Ends of the values of a full cell. */
typedef struct Ends
{
	double		least,
				most;
} Ends;

/* The cells of n values. */
CS_CLONES static void
FindCells(const double *x, int n, double center, double factor, int32 *cells)
{
	for (int i = 0; i < n; i++)
	{
		union
		{
			double		number;
			uint64		bits;
		}			far = {fabs(x[i] - center) * factor + 1.0};
		int64		cell = (int64) (far.bits >> (DBL_MANT_DIG - 1 - CELL_BITS)) -
			((int64) (DBL_MAX_EXP - 1) << CELL_BITS);

		cell = cell < SIDE_CELLS ? cell + 1 : SIDE_CELLS;
		cells[i] = (int32) (SIDE_CELLS + (x[i] > center ? cell : x[i] < center ? -cell : 0));
	}
}

/* Choose center and spread by a sample of the values.  Whatever they are, what is selected is right. */
static void
ChooseCells(CsSelection *s)
{
	double		sample[SAMPLE],
				scratch[SAMPLE],
				spread;
	int64		step = s->n / SAMPLE;

	for (int i = 0; i < SAMPLE; i++)
		sample[i] = s->values[i * step];
	CsSortDoubles(sample, SAMPLE, scratch);
	s->center = sample[SAMPLE / 2];
	spread = (sample[HIGH_SAMPLE] - sample[LOW_SAMPLE]) / 2;
	if (spread == 0)
		spread = (sample[SAMPLE - 1] - sample[0]) / (1 << BINADES);
	s->factor = spread > 0 ? Min(1 / spread, DBL_MAX) : 1;
}

/* Count the values of each cell, and keep the cells for when values are collected. */
static void
CountCells(CsSelection *s)
{
	s->cells = (int32 *) s->scratch + s->n;
	for (int64 start = 0; start < s->n; start += CHUNK)
	{
		int			n = (int) Min(s->n - start, CHUNK);

		CHECK_FOR_INTERRUPTS();
		FindCells(s->values + start, n, s->center, s->factor, s->cells + start);
		for (int i = 0; i < n; i++)
			s->counts[s->cells[start + i]]++;
	}
}

/* The cells of n values from number "start" on: as they are kept, or found in the room for them. */
static const int32 *
CellsOf(const CsSelection *s, int64 start, int n, int32 *room)
{
	if (s->cells != NULL)
		return s->cells + start;
	FindCells(s->values + start, n, s->center, s->factor, room);
	return room;
}

/* Sort all of the values: then each rank is at hand. */
static void
SortAll(CsSelection *s)
{
	CsSortDoubles(s->values, s->n, s->scratch);
	s->is_sorted = true;
}

/* Bytes that a selection from so many values takes, beside the values and the scratch. */
Size
CsSelectionMemory(int64 n)
{
	return n < CS_SELECTED_VALUES ? sizeof(CsSelection) :
		sizeof(CsSelection) + CELLS * (sizeof(uint32) + sizeof(uint16)) + sizeof(Ends) * MOST_FULL;
}

/* Begin to select from values that are sorted already.  Palloc'd. */
CsSelection *
CsSelectionOfSorted(const double *sorted, int64 n)
{
	CsSelection *s = palloc0(sizeof(CsSelection));

	s->n = n;
	s->values = unconstify(double *, sorted);
	s->is_sorted = true;
	return s;
}

/*
 * Begin to select from n >= 1 values, none of which is NaN; there may be infinite ones.  The values stay,
 * but perhaps in another order; nobody else changes them.  The scratch has room for as many.  Palloc'd.
 */
CsSelection *
CsSelectionBegin(double *values, int64 n, double *scratch)
{
	CsSelection *s = palloc0(sizeof(CsSelection));

	s->n = n;
	s->values = values;
	s->scratch = scratch;
	if (n < CS_SELECTED_VALUES || n > PG_UINT32_MAX)
	{
		SortAll(s);
		return s;
	}
	s->counts = palloc0(sizeof(uint32) * CELLS);
	s->marks = palloc(sizeof(uint16) * CELLS);
	ChooseCells(s);
	CountCells(s);
	return s;
}

/* Free a selection; the values stay. */
void
CsSelectionEnd(CsSelection *s)
{
	if (s->counts != NULL)
	{
		pfree(s->counts);
		pfree(s->marks);
	}
	if (s->ranks != NULL)
	{
		pfree(s->ranks);
		pfree(s->found);
	}
	pfree(s);
}

/* A place in the cells, in their order. */
typedef struct Place
{
	int			cell;
	int64		before;			/* values in lower cells */
	int64		collected;		/* of these, such as are collected */
} Place;

/* Go on to the cell of a rank, which is not below the place. */
static inline void
GoToRank(const CsSelection *s, Place *at, int64 rank)
{
	for (; at->before + s->counts[at->cell] <= rank; at->cell++)
	{
		at->before += s->counts[at->cell];
		if (s->marks[at->cell] & COLLECT)
			at->collected += s->counts[at->cell];
	}
}

/* Mark the cells of the ranks; returns how many of them are full. */
static int
MarkCells(CsSelection *s, const int64 *ranks, int n)
{
	Place		at = {0};
	int			nfull = 0;

	memset(s->marks, 0, sizeof(uint16) * CELLS);
	for (int i = 0; i < n; i++)
	{
		GoToRank(s, &at, ranks[i]);
		if (s->marks[at.cell] == 0)
			s->marks[at.cell] = s->counts[at.cell] > s->n / FULL_PART ? FullMark(++nfull) : COLLECT;
	}
	return nfull;
}

/*
 * The least and the greatest value of the full cells, which are numbered from 1; OUT ends, of which the first is
 * that of all others.  Full cells that hold more than one value are marked to be collected.
 */
static void
LookThroughFull(CsSelection *s, int nfull, Ends *ends)
{
	int32		room[CHUNK];

	for (int i = 0; i <= nfull; i++)
		ends[i] = (Ends) {HUGE_VAL, -HUGE_VAL};
	for (int64 start = 0; start < s->n; start += CHUNK)
	{
		const double *x = s->values + start;
		int			n = (int) Min(s->n - start, CHUNK);
		const int32 *cells = CellsOf(s, start, n, room);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
		{
			Ends	   *e = &ends[FullNumber(s->marks[cells[i]])];

			e->least = x[i] < e->least ? x[i] : e->least;
			e->most = x[i] > e->most ? x[i] : e->most;
		}
	}
	for (int cell = 0; cell < CELLS; cell++)
	{
		const Ends *e = &ends[FullNumber(s->marks[cell])];

		if (s->marks[cell] > COLLECT && e->least < e->most)
			s->marks[cell] |= COLLECT;
	}
}

/* How many values the marked cells hold that are to be collected. */
static int64
CountMarked(const CsSelection *s)
{
	int64		n = 0;

	for (int cell = 0; cell < CELLS; cell++)
		if (s->marks[cell] & COLLECT)
			n += s->counts[cell];
	return n;
}

/* Collect the values of the marked cells, fewer than half of all, sorted, in the first half of the scratch. */
static void
Collect(CsSelection *s, int64 marked)
{
	int32		room[CHUNK];
	double	   *to = s->scratch;

	for (int64 start = 0; start < s->n; start += CHUNK)
	{
		const double *x = s->values + start;
		int			n = (int) Min(s->n - start, CHUNK);
		const int32 *cells = CellsOf(s, start, n, room);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
		{
			*to = x[i];
			to += s->marks[cells[i]] & COLLECT;
		}
	}
	s->cells = NULL;
	CsSortDoubles(s->scratch, marked, s->scratch + marked);
}

/* The value of each of the ranks, ascending ones, of values that are not sorted; or all of these are sorted. */
static void
SelectInCells(CsSelection *s, const int64 *ranks, int n, double *found)
{
	Ends	   *ends = palloc(sizeof(Ends) * (MOST_FULL + 1));
	int			nfull = MarkCells(s, ranks, n);
	int64		marked;

	if (nfull > 0)
		LookThroughFull(s, nfull, ends);
	marked = CountMarked(s);
	if (marked >= s->n / 2)
		SortAll(s);
	else
	{
		Place		at = {0};

		Collect(s, marked);
		for (int i = 0; i < n; i++)
		{
			uint16		mark;

			GoToRank(s, &at, ranks[i]);
			mark = s->marks[at.cell];
			/* a zero is the positive one, as of sorted values */
			found[i] = mark & COLLECT ? s->scratch[at.collected + ranks[i] - at.before] :
				ends[FullNumber(mark)].least + 0.0;
		}
	}
	pfree(ends);
}

/* For CsCountBefore(): is a rank below another? */
static bool
IsBelow(const void *selected, const void *rank)
{
	return *(const int64 *) selected < *(const int64 *) rank;
}

/* The first place in the selected ranks whose rank is not below the given one. */
static int
FindSelected(const CsSelection *s, int64 rank)
{
	return (int) CsCountBefore(&rank, s->ranks, s->nfound, sizeof(int64), IsBelow);
}

/* Has a rank been selected? */
static bool
IsSelected(const CsSelection *s, int64 rank)
{
	int			at = FindSelected(s, rank);

	return at < s->nfound && s->ranks[at] == rank;
}

/* Enter further ranks and their values, both ascending, among those that were selected. */
static void
KeepSelected(CsSelection *s, const int64 *ranks, const double *values, int n)
{
	int64	   *all_ranks = palloc(sizeof(int64) * (s->nfound + n));
	double	   *all_found = palloc(sizeof(double) * (s->nfound + n));

	for (int i = 0, old = 0, new = 0; i < s->nfound + n; i++)
	{
		bool		is_old = new == n || (old < s->nfound && s->ranks[old] < ranks[new]);

		all_ranks[i] = is_old ? s->ranks[old] : ranks[new];
		all_found[i] = is_old ? s->found[old++] : values[new++];
	}
	if (s->ranks != NULL)
	{
		pfree(s->ranks);
		pfree(s->found);
	}
	s->ranks = all_ranks;
	s->found = all_found;
	s->nfound += n;
}

/* Select values by their ranks, from 0, ascending ones, together, so that each is at hand. */
void
CsSelectRanks(CsSelection *s, const int64 *ranks, int n)
{
	int64	   *missing;
	double	   *found;
	int			nmissing = 0;

	if (s->is_sorted)
		return;
	missing = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (!IsSelected(s, ranks[i]) && (nmissing == 0 || missing[nmissing - 1] != ranks[i]))
			missing[nmissing++] = ranks[i];
	if (nmissing > 0)
	{
		found = palloc(sizeof(double) * nmissing);
		SelectInCells(s, missing, nmissing, found);
		if (!s->is_sorted)
			KeepSelected(s, missing, found, nmissing);
		pfree(found);
	}
	pfree(missing);
}

/* The value of a rank, from 0; one that has not been selected yet is, which takes a pass over the values. */
double
CsSelectedValue(CsSelection *s, int64 rank)
{
	CsSelectRanks(s, &rank, 1);
	return s->is_sorted ? s->values[rank] : s->found[FindSelected(s, rank)];
}

/* Quantiles of the values, p ascending, as CsQuantileSorted() has them; together, likewise. */
void
CsSelectQuantiles(CsSelection *s, const double *p, int n, double *quantiles)
{
	int64	   *ranks = palloc(sizeof(int64) * 2 * n);
	int			nranks = 0;
	double		part;

	for (int i = 0; i < n; i++)
	{
		int64		below = CsQuantileRank(s->n, p[i], &part);

		for (int64 rank = below; rank <= Min(below + 1, s->n - 1); rank++)
			if (nranks == 0 || ranks[nranks - 1] < rank)
				ranks[nranks++] = rank;
	}
	CsSelectRanks(s, ranks, nranks);
	for (int i = 0; i < n; i++)
	{
		int64		below = CsQuantileRank(s->n, p[i], &part);

		quantiles[i] = CsBetweenValues(CsSelectedValue(s, below), CsSelectedValue(s, Min(below + 1, s->n - 1)), part);
	}
	pfree(ranks);
}

/* The values, which from now on are sorted. */
double *
CsSelectionSorted(CsSelection *s)
{
	if (!s->is_sorted)
		SortAll(s);
	return s->values;
}
