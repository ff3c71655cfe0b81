/*
 * facts.c
 *	  What the values of the raw matrix tell of each column, gathered by the team, a column at a time.
 *
 * A block is looked through by a loop that the compiler vectorises; the ends of a column are looked at more
 * closely only where a block reaches them.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "train/train.h"

/* Running values, so that the loops are vectorised. */
#define LANES 8

/* The ends of a block's numbers, and what is none; the counts are whole. */
typedef struct BlockFacts
{
	double		low,
				high,
				n_null,			/* NaN, rather */
				n_infinite;
} BlockFacts;

/* A column, in memory that the team shares. */
typedef struct ColumnState
{
	CsColumnFacts facts;
	bool		is_category;
	Size		levels;			/* rows of its first level, in the area of them */
} ColumnState;

typedef struct FactsArgs
{
	int			matrix;			/* CsMatrix */
	int			columns;		/* ColumnState[] */
	int			levels;			/* int64[] */
} FactsArgs;

extern PGDLLEXPORT void CsGatherFactsTask(CsTeam *team, const void *args, int item);

/* The ends of n values.  Returns 0 when all of them are finite, as nearly always, else NaN: then the ends are not right. */
CS_CLONES static double
FindEnds(const double *x, int n, double *lowest, double *highest)
{
	double		low[LANES],
				high[LANES],
				zero[LANES] = {0};
	int			i = 0;

	for (int k = 0; k < LANES; k++)
		low[k] = high[k] = x[0];
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
		{
			low[k] = x[i + k] < low[k] ? x[i + k] : low[k];
			high[k] = x[i + k] > high[k] ? x[i + k] : high[k];
			zero[k] += x[i + k] * 0.0;
		}
	for (; i < n; i++)
	{
		low[0] = x[i] < low[0] ? x[i] : low[0];
		high[0] = x[i] > high[0] ? x[i] : high[0];
		zero[0] += x[i] * 0.0;
	}
	for (int k = 1; k < LANES; k++)
	{
		low[0] = Min(low[0], low[k]);
		high[0] = Max(high[0], high[k]);
		zero[0] += zero[k];
	}
	*lowest = low[0];
	*highest = high[0];
	return zero[0];
}

/* Look through n values, of which some are not finite. */
static BlockFacts
LookThrough(const double *x, int n)
{
	BlockFacts	b = {HUGE_VAL, -HUGE_VAL, 0, 0};

	for (int i = 0; i < n; i++)
	{
		b.n_null += isnan(x[i]);
		b.n_infinite += isinf(x[i]) != 0;
		if (!isfinite(x[i]))
			continue;
		b.low = Min(b.low, x[i]);
		b.high = Max(b.high, x[i]);
	}
	return b;
}

/* Do any of n values have a fraction?  NaN and infinities have none. */
CS_CLONES static bool
HasFraction(const double *x, int n)
{
	double		fractions = 0;

	for (int i = 0; i < n; i++)
		fractions += fabs(x[i]) <= DBL_MAX && rint(x[i]) != x[i] ? 1.0 : 0.0;
	return fractions > 0;
}

/* How many of n values are the outermost one, and which comes next on the side where "sign" times it is larger. */
CS_CLONES static CsEnd
EndOf(const double *x, int n, double outermost, double sign)
{
	double		rows = 0,
				next = HUGE_VAL;

	for (int i = 0; i < n; i++)
	{
		rows += x[i] == outermost ? 1.0 : 0.0;
		next = x[i] * sign > outermost * sign && x[i] * sign < next ? x[i] * sign : next;
	}
	return (CsEnd) {outermost, next * sign, (int64) rows};
}

/* Add a block's end to a column's, where values are times "sign", 1 at the low end and -1 at the high one. */
static void
TakeEnd(CsEnd *end, const double *x, int n, double outermost, double sign)
{
	CsEnd		block;

	if (outermost * sign > end->value * sign)
	{
		if (outermost * sign < end->next * sign)
			end->next = outermost;
		return;
	}
	block = EndOf(x, n, outermost, sign);
	if (block.value == end->value)
		block.rows += end->rows;
	else if (end->value * sign < block.next * sign)
		block.next = end->value;
	if (end->next * sign < block.next * sign)
		block.next = end->next;
	*end = block;
}

/* Add what n values of a column tell; levels: rows of each, or NULL. */
static void
TakeBlock(CsColumnFacts *f, const double *x, int n, int64 *levels)
{
	BlockFacts	b = {0};

	if (FindEnds(x, n, &b.low, &b.high) != 0)
		b = LookThrough(x, n);
	f->n_null += (int64) b.n_null;
	f->n_infinite += (int64) b.n_infinite;
	f->n += n - (int64) b.n_null - (int64) b.n_infinite;
	f->whole = f->whole && !HasFraction(x, n);
	if (b.low <= b.high)
	{
		TakeEnd(&f->low, x, n, b.low, 1);
		TakeEnd(&f->high, x, n, b.high, -1);
	}
	for (int r = 0; f->is_integer && r < n && (f->packed_dates || f->few.n <= CS_FEW_VALUES); r++)
	{
		if (!isfinite(x[r]))
			continue;
		f->packed_dates = f->packed_dates && CsIsPackedDate(x[r]);
		CsFewAdd(&f->few, x[r], 1);
	}
	for (int r = 0; levels != NULL && r < n; r++)
		if (isfinite(x[r]))
			levels[(int) x[r]]++;
}

/* Gather the facts of a column. */
void
CsGatherFactsTask(CsTeam *team, const void *arguments, int item)
{
	const FactsArgs *args = arguments;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, args->matrix);
	ColumnState *column = (ColumnState *) CsArenaAddress(arena, args->columns) + item;
	CsColumnFacts *f = &column->facts;
	int64	   *levels = column->is_category ?
		(int64 *) CsArenaAddress(arena, args->levels) + column->levels : NULL;

	f->low = (CsEnd) {HUGE_VAL, HUGE_VAL, 0};
	f->high = (CsEnd) {-HUGE_VAL, -HUGE_VAL, 0};
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		CHECK_FOR_INTERRUPTS();
		TakeBlock(f, CsMatrixBlock(m, arena, b) + (Size) item * CS_BLOCK_ROWS, CsMatrixBlockRows(m, b), levels);
	}
	f->low.next = isinf(f->low.next) ? NAN : f->low.next;
	f->high.next = isinf(f->high.next) ? NAN : f->high.next;
	f->range = f->high.value - f->low.value;
}

/* Add what a category's levels tell, whose rows have been counted. */
static void
AddLevels(const CsTraining *t, int column, CsColumnFacts *f, const int64 *rows)
{
	f->n_distinct = CsDictionarySize(t->dictionaries[column]);
	for (int i = 0; i < f->n_distinct; i++)
		CsColumnFactsLevel(f, CsDictionaryLevel(t->dictionaries[column], i), rows[i]);
	if (t->overfull[column])
	{
		f->n_distinct = -1;
		f->n_null = 0;			/* values of further levels read as missing */
	}
}

/*
 * The facts of all columns of the raw matrix, palloc'd; how many values differ is told of categories only.  Where
 * there is no team yet, the leader gathers them.
 */
CsColumnFacts *
CsGatherFacts(const CsTraining *t)
{
	CsColumnFacts *facts = palloc(sizeof(CsColumnFacts) * t->nfeatures);
	CsTeam	   *team = t->team != NULL ? t->team : CsTeamStart(t->arena, 0);
	FactsArgs	args;
	ColumnState *columns;
	Size		nlevels = 0;

	args.matrix = CsMatrixShare(t->raw, t->arena);
	args.columns = CsArenaAlloc(t->arena, sizeof(ColumnState) * t->nfeatures);
	columns = CsArenaAddress(t->arena, args.columns);
	for (int i = 0; i < t->nfeatures; i++)
	{
		CsColumnFactsInit(&columns[i].facts, &t->features[i]);
		columns[i].is_category = t->dictionaries[i] != NULL;
		columns[i].levels = nlevels;
		nlevels += columns[i].is_category ? CsDictionarySize(t->dictionaries[i]) : 0;
	}
	args.levels = CsArenaAlloc(t->arena, sizeof(int64) * Max(nlevels, 1));
	memset(CsArenaAddress(t->arena, args.levels), 0, sizeof(int64) * Max(nlevels, 1));
	CsTeamRun(team, CS_TASK(CsGatherFactsTask), &args, sizeof(args), t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		facts[i] = columns[i].facts;
		if (columns[i].is_category)
			AddLevels(t, i, &facts[i], (int64 *) CsArenaAddress(t->arena, args.levels) + columns[i].levels);
	}
	CsArenaFree(t->arena, args.levels);
	CsArenaFree(t->arena, args.columns);
	CsArenaFree(t->arena, args.matrix);
	if (team != t->team)
		CsTeamEnd(team);
	return facts;
}
