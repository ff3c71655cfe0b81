/*
 * forest_tree.c
 *	  A tree of a random forest, grown for the least variance (CART; Breiman, Friedman, Olshen and Stone
 *	  1984), which for outcomes 0 and 1 is Gini's impurity.
 *
 * A tree takes the rows of its bootstrap sample out of every column's order; from then on the rows of
 * a node are the same stretch in each order, a split divides the stretches, stably, and nothing is
 * sorted again.  A column without two values in a node has none below it either, and is left alone
 * there.  A tree's random numbers are a stream of its own.
 *
 * Of equal splits the first column's wins, and in a column the lowest value's.  The threshold is the
 * middle of the two values around it.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/forest.h"
#include "math/math.h"
#include "miscadmin.h"

/* A row of a tree's sample. */
typedef struct Sampled
{
	double		sum;			/* its times of being drawn times its target, less the mean of all */
	double		times;
} Sampled;

/* A node that is still to be split. */
typedef struct Pending
{
	int			node;
	int			depth;
	int			nactive;		/* columns that may have two values there */
	int			start,			/* its rows: a stretch of every order */
				end;
} Pending;

/* The best split of a node. */
typedef struct ForestSplit
{
	double		proxy;			/* sum of squared sums over weights; -infinity: there is none */
	int			column;
	int			position;		/* first entry on the right */
	float		low,
				high;
} ForestSplit;

/* A tree that is growing. */
typedef struct Sapling
{
	const ForestArgs *a;
	CsRng		rng;
	int			nrows;			/* of the sample, each once */
	Sampled    *rows;
	double	   *inverse;		/* 1 / times, for as many times as there are draws */
	ForestEntry *order;			/* [ncolumns][nrows] */
	ForestEntry *scratch;
	uint8	   *goes_left;
	int		   *columns;		/* the first ones of them are active */
	CsTreeNode *nodes;
	CsTreeNote *notes;
	int			nnodes;
} Sapling;

/*
 * Rows that the sample of a tree has at most.  Drawing n times from n rows gives (1 - 1 / e) n of them on
 * average, and 4 sqrt(n) more with a chance below 1e-13 (McDiarmid 1989).
 */
int64
CsForestSampleRows(int64 nrows)
{
	return Min(nrows, (int64) ceil((1 - exp(-1)) * (double) nrows + 4 * sqrt((double) nrows)));
}

/* Bytes that a process needs to grow a tree. */
Size
CsForestTreeMemory(int64 nrows, int ncolumns)
{
	Size		sampled = add_size(mul_size(sizeof(ForestEntry), (Size) ncolumns + 1), sizeof(Sampled) + sizeof(uint8));

	return add_size(mul_size(CsForestSampleRows(nrows), sampled),
					mul_size(nrows, sizeof(double) + sizeof(int32) + sizeof(uint32)));
}

/* Draw a tree's sample; "place" is the place of each row in it, -1: it is not in it. */
static void
DrawSample(Sapling *s, const double *target, uint8 *bag, int32 *place)
{
	int64		n = s->a->nrows;
	int64		most = CsForestSampleRows(n);
	uint32	   *times = palloc_extended(sizeof(uint32) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		times[CsRngBelow(&s->rng, (uint64) n)]++;
	}
	for (int64 i = 0; i < n; i++)
	{
		bag[i] = times[i] > 0 && s->nrows < most;
		place[i] = -1;
		if (!bag[i])
			continue;
		s->rows[s->nrows] = (Sampled) {times[i] * (target[i] - s->a->mean), times[i]};
		place[i] = s->nrows++;
	}
	pfree(times);
}

/* Take the rows of the sample out of every column's order. */
static void
TakeOrders(Sapling *s, const ForestEntry *all, const int32 *place)
{
	for (int j = 0; j < s->a->ncolumns; j++)
	{
		const ForestEntry *from = all + (Size) j * s->a->nrows;
		ForestEntry *to = s->order + (Size) j * s->nrows;
		ForestEntry *end = to + s->nrows;

		CHECK_FOR_INTERRUPTS();
		/* what is not in the sample is written over; beyond the last there is nothing to write to */
		for (int64 i = 0; to < end; i++)
		{
			int32		at = place[from[i].row];

			*to = (ForestEntry) {from[i].value, (uint32) at};
			to += at >= 0;
		}
	}
}

/* Look for the best position of a column's stretch, whose values differ. */
static pg_attribute_always_inline void
SearchColumn(const Sapling *s, int column, const Pending *p, const Sampled *all, ForestSplit *best)
{
	const ForestEntry *order = s->order + (Size) column * s->nrows;
	int			first = p->start + s->a->min_leaf,
				last = p->end - s->a->min_leaf;
	double		sum = 0,
				times = 0;

	for (int i = p->start; i < last; i++)
	{
		const Sampled *row = &s->rows[order[i].row];
		double		rest,
					proxy;

		sum += row->sum;
		times += row->times;
		if (i + 1 < first || !(order[i].value < order[i + 1].value))
			continue;
		rest = all->sum - sum;
		proxy = sum * sum * s->inverse[(int) times] + rest * rest * s->inverse[(int) (all->times - times)];
		if (proxy > best->proxy || (proxy == best->proxy && column < best->column))
			*best = (ForestSplit) {proxy, column, i + 1, order[i].value, order[i + 1].value};
	}
}

/*
 * The best split of a node by so many columns as are to be tried and have two values; the active ones
 * that have none leave.
 */
static ForestSplit
SearchNode(Sapling *s, Pending *p, const Sampled *all)
{
	ForestSplit best = {.proxy = -INFINITY,.column = s->a->ncolumns};
	int			tried = 0;

	for (int i = 0; i < p->nactive && tried < s->a->tried;)
	{
		int			at = s->a->tried < s->a->ncolumns ?
			i + (int) CsRngBelow(&s->rng, (uint64) (p->nactive - i)) : i;
		int			column = s->columns[at];
		const ForestEntry *order = s->order + (Size) column * s->nrows;

		CHECK_FOR_INTERRUPTS();
		s->columns[at] = s->columns[i];
		if (!(order[p->start].value < order[p->end - 1].value))
		{
			s->columns[i] = s->columns[--p->nactive];
			s->columns[p->nactive] = column;
			continue;
		}
		s->columns[i++] = column;
		tried++;
		SearchColumn(s, column, p, all, &best);
	}
	return best;
}

/* Divide the rows of a node by a split, in the order of every active column. */
static void
Divide(Sapling *s, const Pending *p, const ForestSplit *split)
{
	const ForestEntry *by = s->order + (Size) split->column * s->nrows;

	for (int i = p->start; i < p->end; i++)
		s->goes_left[by[i].row] = i < split->position;
	for (int c = 0; c < p->nactive; c++)
	{
		ForestEntry *order = s->order + (Size) s->columns[c] * s->nrows;
		ForestEntry *to = order + p->start;
		ForestEntry *right = s->scratch;

		CHECK_FOR_INTERRUPTS();
		if (s->columns[c] == split->column)
			continue;
		for (int i = p->start; i < p->end; i++)
		{
			ForestEntry entry = order[i];
			int			left = s->goes_left[entry.row];

			*to = entry;
			*right = entry;
			to += left;
			right += 1 - left;
		}
		memcpy(to, s->scratch, sizeof(ForestEntry) * (right - s->scratch));
	}
}

/* The rows of a node added up, by an active column's order; are all targets the same? */
static bool
AddUp(const Sapling *s, const Pending *p, Sampled *all)
{
	const ForestEntry *order = s->order + (Size) s->columns[0] * s->nrows;
	double		low = INFINITY,
				high = -INFINITY;

	*all = (Sampled) {0, 0};
	for (int i = p->start; i < p->end; i++)
	{
		const Sampled *row = &s->rows[order[i].row];
		double		target = row->sum * s->inverse[(int) row->times];

		all->sum += row->sum;
		all->times += row->times;
		low = Min(low, target);
		high = Max(high, target);
	}
	/* rounding makes targets that are the same differ a little */
	return !(high - low > 1e-12 * Max(fabs(high), fabs(low)));
}

/* Make the node of a stretch a leaf, or split it; its children are then pending. */
static int
GrowNode(Sapling *s, Pending *p, Pending *children)
{
	CsTreeNode *node = &s->nodes[p->node];
	Sampled		all;
	bool		is_pure = AddUp(s, p, &all);
	ForestSplit split = {.proxy = -INFINITY};
	double		whole = all.sum * all.sum * s->inverse[(int) all.times];

	s->notes[p->node].cover = (float) all.times;
	if (!is_pure && p->depth < s->a->max_depth && p->end - p->start >= 2 * (int64) s->a->min_leaf)
		split = SearchNode(s, p, &all);
	if (!(split.proxy > -INFINITY))
	{
		*node = (CsTreeNode) {(float) (s->a->mean - s->a->base + all.sum * s->inverse[(int) all.times]), p->node, 0, 0, 0};
		return 0;
	}
	*node = (CsTreeNode) {split.low / 2 + split.high / 2, s->nnodes, (uint16) split.column, 1, 0};
	if (!(node->threshold > split.low && node->threshold <= split.high))
		node->threshold = split.high;
	s->nnodes += 2;
	s->notes[p->node].gain = (float) Min(Max(split.proxy - whole, 0), FLT_MAX);
	Divide(s, p, &split);
	children[0] = (Pending) {node->left + 1, p->depth + 1, p->nactive, split.position, p->end};
	children[1] = (Pending) {node->left, p->depth + 1, p->nactive, p->start, split.position};
	return 2;
}

/* Grow a tree of the batch. */
void
CsForestGrowTree(const ForestArgs *a, CsArena *arena, int item)
{
	Sapling		s = {.a = a};
	Pending		pending[2 * CS_VALUE_MAX_DEPTH + 2];
	int			npending = 0;
	int32	   *place = palloc_extended(sizeof(int32) * a->nrows, MCXT_ALLOC_HUGE);

	CsRngSeed(&s.rng, a->seed, (uint64) (a->first + item) + 1);
	s.nodes = (CsTreeNode *) CsArenaAddress(arena, a->nodes) + (Size) item * a->room;
	s.notes = (CsTreeNote *) CsArenaAddress(arena, a->notes) + (Size) item * a->room;
	s.rows = palloc_extended(sizeof(Sampled) * CsForestSampleRows(a->nrows), MCXT_ALLOC_HUGE);
	s.inverse = palloc_extended(sizeof(double) * (a->nrows + 1), MCXT_ALLOC_HUGE);
	for (int64 i = 1; i <= a->nrows; i++)
		s.inverse[i] = 1.0 / (double) i;
	DrawSample(&s, CsArenaAddress(arena, a->target),
			   (uint8 *) CsArenaAddress(arena, a->bags) + (Size) item * a->nrows, place);
	s.order = palloc_extended(mul_size(sizeof(ForestEntry) * s.nrows, a->ncolumns), MCXT_ALLOC_HUGE);
	/* one more, for what is written before it is known to go left */
	s.scratch = palloc_extended(sizeof(ForestEntry) * (s.nrows + 1), MCXT_ALLOC_HUGE);
	s.goes_left = palloc_extended(s.nrows, MCXT_ALLOC_HUGE);
	s.columns = palloc(sizeof(int) * a->ncolumns);
	for (int j = 0; j < a->ncolumns; j++)
		s.columns[j] = j;
	TakeOrders(&s, CsArenaAddress(arena, a->order), place);
	pfree(place);
	memset(s.notes, 0, sizeof(CsTreeNote) * a->room);
	s.nnodes = 1;
	pending[npending++] = (Pending) {0, 0, a->ncolumns, 0, s.nrows};
	while (npending > 0)
	{
		Pending		p = pending[--npending];

		CHECK_FOR_INTERRUPTS();
		npending += GrowNode(&s, &p, &pending[npending]);
	}
	((int32 *) CsArenaAddress(arena, a->counts))[item] = s.nnodes;
}
