/*
 * tree_counted.c
 *	  The best split of a node whose rows weigh 1 each, by the order of a column.
 *
 * A split's proxy is the sum of squared class counts over rows, left and right: |L|^2/n + |R|^2/m.  It is
 * looked for where it can be only.  The rows are cut into blocks, and of each block its class counts are taken.
 * At the start of a block L, n, R and m are known, p = L/n and q = R/m are the shares of the classes, and
 * after rows of it with class counts x, s in all, have gone to the left,
 *
 *	|L + x|^2 / (n + s) = |L|^2/n + 2 p x - |p|^2 s + |x - s p|^2 / (n + s)
 *	|R - x|^2 / (m - s) = |R|^2/m - 2 q x + |q|^2 s + |x - s q|^2 / (m - s)
 *
 * Each count of x is between 0 and that of the block, which bounds the sum of both; a block whose bound is below
 * a proxy that another position has is left out.  (Alsabti, Ranka and Singh, CLOUDS: A Decision Tree Classifier
 * for Large Datasets, KDD 1998, leave out intervals so.)  What is found is the same as if all were looked at.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree_search.h"
#include "miscadmin.h"

/* Positions whose sums are found one after the other, and then divided all at once. */
#define WINDOW 256

/* Positions side by side, of rows that weigh 1 each: sums of squares, and which of them can be a split. */
typedef struct Window
{
	double		left[WINDOW],
				right[WINDOW],
				proxy[WINDOW];
	int64		larger[WINDOW];	/* not 0: the value is larger than that before */
} Window;

/* Rows of a block, fewer than 256, and the fewest blocks that are worth a bound. */
#define BLOCK 96
#define FEW_BLOCKS 4

/* Class counts left of a position while it moves, of fewer than 2^31 rows, and sums of squares on both sides. */
typedef struct Counts
{
	int64	   *left;			/* by class */
	int64	   *all;			/* on both sides */
	int64		left_squares,
				right_squares;
} Counts;

/* A stretch that is searched. */
typedef struct Search
{
	const TreeLevel *level;
	const uint32 *order;		/* of the stretch */
	const uint16 *classes;		/* of all rows */
	int			nclasses;
	int64		n;				/* rows */
	int64		first,			/* a split is not before this position, */
				last;			/* nor after this */
	Counts		counts;			/* at the position where the search is */
	double		reached;		/* a proxy that some position has */
} Search;

/*
 * The largest proxy of the first n positions of a window, which it fills in: so many rows are left and right
 * of the first.  Positions that are no split have -infinity.
 */
CS_CLONES static double
DivideWindow(Window *w, int n, double nleft, double nright)
{
	double		best[8];
	double		largest = -INFINITY;

	for (int i = 0; i < n; i++)
	{
		double		proxy = w->left[i] / (nleft + i) + w->right[i] / (nright - i);

		w->proxy[i] = w->larger[i] != 0 ? proxy : -INFINITY;
	}
	for (int i = n; i % 8 != 0; i++)
		w->proxy[i] = -INFINITY;
	for (int j = 0; j < 8; j++)
		best[j] = -INFINITY;
	for (int i = 0; i < n; i += 8)
		for (int j = 0; j < 8; j++)
			best[j] = w->proxy[i + j] > best[j] ? w->proxy[i + j] : best[j];
	for (int j = 0; j < 8; j++)
		largest = Max(largest, best[j]);
	return largest;
}

/* Part of a proxy that is more than what rounding does to it. */
#define PROXY_MARGIN 1e-12

/*
 * May any of the first n positions of a window have a larger proxy than "best"?  The answer takes no division, and
 * is yes where rounding leaves it open.
 */
CS_CLONES static bool
MayBeBetter(const Window *w, int n, double nleft, double nright, double best)
{
	double		least = best - PROXY_MARGIN * best;
	int64		any = 0;

	for (int i = 0; i < n; i++)
	{
		double		l = nleft + i;
		double		r = nright - i;

		any |= w->left[i] * r + w->right[i] * l > least * (l * r) ? w->larger[i] : 0;
	}
	return any != 0;
}

/* Fill a window from n places of an order, and let their rows go to the left. */
static void
FillWindow(Window *w, Search *s, const uint32 *order, int n)
{
	Counts	   *counts = &s->counts;
	int64		left_squares = counts->left_squares;
	int64		right_squares = counts->right_squares;
	uint16		class[WINDOW];

	/* they lie all over memory, and come faster when nothing else waits for each */
	for (int i = 0; i < n; i++)
		class[i] = s->level->tells_class ? (uint16) CLASS_OF_ENTRY(order[i]) : s->classes[ROW(s->level, order[i])];
	for (int i = 0; i < n; i++)
	{
		int			c = class[i];
		int64		gained = 2 * counts->left[c]++ + 1;

		w->left[i] = (double) left_squares;
		w->right[i] = (double) right_squares;
		w->larger[i] = order[i] >> 31;
		left_squares += gained;
		right_squares += gained - 2 * counts->all[c];
	}
	counts->left_squares = left_squares;
	counts->right_squares = right_squares;
}

/* Search n positions from "from" on, where the counts are; afterwards they are behind them. */
static void
SearchWindow(Search *s, int64 from, int n, TreeSplit *best)
{
	double		nleft = (double) from;
	double		nright = (double) (s->n - from);
	double		least = Max(best->proxy, s->reached);
	double		largest;
	Window		w;

	CHECK_FOR_INTERRUPTS();
	FillWindow(&w, s, s->order + from, n);
	for (int i = 0; i < n && from + i < s->first; i++)
		w.larger[i] = 0;
	for (int i = n - 1; i >= 0 && from + i > s->last; i--)
		w.larger[i] = 0;
	if (least > 0 && !MayBeBetter(&w, n, nleft, nright, least))
		return;
	largest = DivideWindow(&w, n, nleft, nright);
	if (!IsBetterSplit(largest, best->proxy, false))
		return;
	best->proxy = largest;
	for (best->position = from; w.proxy[best->position - from] != largest; best->position++)
		;
}

/* Rows of a block of a stretch. */
static inline int
BlockRows(const Search *s, int64 from)
{
	return (int) Min((int64) BLOCK, s->n - from);
}

/* The rows of a block by class, of n entries of an order. */
CS_CLONES static void
CountBlock(const uint32 *order, int n, int nclasses, uint8 *in_block)
{
	for (int c = 0; c < nclasses; c++)
	{
		uint32		count = 0;

		for (int i = 0; i < n; i++)
			count += CLASS_OF_ENTRY(order[i]) == (uint32) c;
		in_block[c] = (uint8) count;
	}
}

/* Add the rows of n entries of an order, which tell their classes, to those that are counted by class. */
void
CsTreeCountEntries(const uint32 *order, int64 n, int nclasses, double *counts)
{
	uint8		in_block[TREE_FEW_CLASSES];

	for (int64 i = 0; i < n; i += BLOCK)
	{
		CsCheckInterrupts(i / BLOCK);
		CountBlock(order + i, (int) Min((int64) BLOCK, n - i), nclasses, in_block);
		for (int c = 0; c < nclasses; c++)
			counts[c] += in_block[c];
	}
}

/* Let the rows of a block go to the left. */
static void
SkipBlock(Search *s, const uint8 *in_block)
{
	Counts	   *counts = &s->counts;

	for (int c = 0; c < s->nclasses; c++)
	{
		int64		left = counts->left[c];
		int64		right = counts->all[c] - left;

		counts->left_squares += in_block[c] * (2 * left + in_block[c]);
		counts->right_squares -= in_block[c] * (2 * right - in_block[c]);
		counts->left[c] += in_block[c];
	}
}

/* Nothing is left of the position where the search is. */
static void
StartCounts(Search *s)
{
	s->counts.left_squares = s->counts.right_squares = 0;
	for (int c = 0; c < s->nclasses; c++)
	{
		s->counts.left[c] = 0;
		s->counts.right_squares += s->counts.all[c] * s->counts.all[c];
	}
}

/* Count all blocks; palloc'd.  The largest proxy where one ends is reached. */
static uint8 *
CountBlocks(Search *s)
{
	uint8	   *in_blocks = palloc_extended((s->n / BLOCK + 1) * s->nclasses, MCXT_ALLOC_HUGE);
	uint8	   *in_block = in_blocks;

	for (int64 from = 0; from < s->n; from += BLOCK, in_block += s->nclasses)
	{
		CsCheckInterrupts(from);
		if (from > 0 && (s->order[from] & LARGER) && from >= s->first && from <= s->last)
			s->reached = Max(s->reached, (double) s->counts.left_squares / from +
							 (double) s->counts.right_squares / (s->n - from));
		CountBlock(s->order + from, BlockRows(s, from), s->nclasses, in_block);
		SkipBlock(s, in_block);
	}
	return in_blocks;
}

/* What no proxy of a position in a block is above, but for rounding; "from" is its first, and not the first of all. */
static double
BoundOfBlock(const Search *s, int64 from, const uint8 *in_block)
{
	const Counts *counts = &s->counts;
	double		rows = BlockRows(s, from);
	double		n = (double) from;
	double		m = (double) (s->n - from);
	double		one_nth = 1 / n,
				one_mth = 1 / m;
	double		left = (double) counts->left_squares * one_nth;
	double		right = (double) counts->right_squares * one_mth;
	double		squares = left * one_nth - right * one_mth;
	double		gained = 0,
				left_rest = 0,
				right_rest = 0;

	for (int c = 0; c < s->nclasses; c++)
	{
		double		here = in_block[c];
		double		others = rows - here;
		double		p = (double) counts->left[c] * one_nth;
		double		q = (double) (counts->all[c] - counts->left[c]) * one_mth;
		double		gain = here * (2 * (p - q) - squares);
		double		l = Max(here - here * p, others * p);
		double		r = Max(here - here * q, others * q);

		gained += Max(0, gain);
		left_rest += l * l;
		right_rest += r * r;
	}
	return left + right + gained + left_rest * one_nth + right_rest / (m - rows);
}

/* Search the blocks whose bound is not below what is reached. */
static void
SearchBlocks(Search *s, TreeSplit *best)
{
	uint8	   *in_blocks = CountBlocks(s);
	const uint8 *in_block = in_blocks;

	StartCounts(s);
	for (int64 from = 0; from < s->n; from += BLOCK, in_block += s->nclasses)
	{
		double		least = Max(best->proxy, s->reached);

		/* of the first and the last block a side can be without rows */
		if (from > 0 && from + BLOCK < s->n &&
			BoundOfBlock(s, from, in_block) < least - PROXY_MARGIN * least)
			SkipBlock(s, in_block);
		else
			SearchWindow(s, from, BlockRows(s, from), best);
	}
	pfree(in_blocks);
}

/* Look for the best position of a stretch whose rows weigh 1 each. */
void
CsTreeSearchCounted(const TreeLevel *level, CsArena *arena, const uint32 *order, const TreeStretch *stretch,
					TreeSplit *best)
{
	const double *total = TotalsOf(level, arena, stretch);
	Search		s = {.level = level,.order = order + stretch->start,.n = stretch->end - stretch->start,
		.classes = CsArenaAddress(arena, level->classes),.nclasses = level->nclasses,.reached = -INFINITY};
	int64		start;

	s.first = level->min_leaf;
	s.last = s.n - level->min_leaf;
	s.counts.left = palloc(sizeof(int64) * level->nclasses);
	s.counts.all = palloc(sizeof(int64) * level->nclasses);
	for (int c = 0; c < level->nclasses; c++)
		s.counts.all[c] = (int64) total[c];
	StartCounts(&s);
	if (level->tells_class && s.n >= FEW_BLOCKS * BLOCK)
		SearchBlocks(&s, best);
	else
		for (start = 0; start < s.n; start += WINDOW)
			SearchWindow(&s, start, (int) Min((int64) WINDOW, s.n - start), best);
	if (best->proxy > -INFINITY)
		best->position += stretch->start;
	pfree(s.counts.left);
	pfree(s.counts.all);
}
