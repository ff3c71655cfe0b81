/*
 * order.c
 *	  Exact quantiles of values that nobody holds, by few passes over them.
 *
 * What is asked for is a value at a rank, or the rank of a value.  What is known are some values with their
 * ranks.  Where that does not answer, the question is noted; and when all have been noted, a pass counts
 * between cuts about them.  The first pass cuts at quantiles of a sample.  A later one brackets each rank by two
 * cuts about where it would be if its gap were filled evenly; where few values are expected between them, these are
 * taken home, and the rank is known unless it lies beside its bracket.  Whole gaps that hold few values are taken
 * home at once.  Where a bracket has missed, or there is no sample, gaps are cut in the middle of their float8s, too,
 * so that no distribution takes more than some 60 passes; and where values are known to occur often, every gap tells
 * its lowest and its highest value, which are the next cuts: so few passes find them.
 *
 * What passes have told outgrows memory where there are many of them.  So beyond some values, only those stay
 * that answer what was asked since the last pass, or that bound the gap of an open question.
 */
#include "custseg.h"

#include "call/call.h"
#include "math/math.h"
#include "math/search.h"
#include "miscadmin.h"
#include "prep/internal.h"
#include "prep/order.h"

/* Values of a column that a pass takes home, and the part of memory that those of all columns may take. */
#define MOST_VALUES ((Size) 200000)
#define FEWEST_VALUES ((Size) 1024)
#define VALUES_SHARE 8

/* Cuts of a column in a pass, and what one may take of memory: in the plan, in states, and as placed values. */
#define MOST_CUTS ((Size) 10000)
#define FEWEST_CUTS ((Size) 256)
#define CUT_BYTES 512

/* Cuts of the first pass. */
#define FIRST_CUTS 4000

/*
 * Standard deviations of a rank in a gap that is filled evenly, within which it is looked for by counting; and by
 * taking home what lies there, which a pass more would have to do again for each rank that is missed.
 */
#define COUNT_REACH 3
#define TAKE_REACH 4.5

/* Passes after which a bracket that has missed is no chance any more. */
#define TRUSTING_ROUNDS 2

/* The part of a sample whose values occur once, below which values are thought to occur often. */
#define SHARE_ONCE 0.95

/*
 * A column of n values between a lowest and a highest one, of which nothing else is known; palloc'd.  No
 * more than "most" values are taken home by a pass, which has some "most_cuts" at most.  More than "room"
 * placed values are kept only where they are needed.
 */
CsOrder *
CsOrderCreate(int64 n, double lowest, double highest, int64 most, int most_cuts, int64 room)
{
	CsOrder    *order = palloc0(sizeof(CsOrder));

	/* what other servers have told may contradict itself */
	if (n < 0 || (n > 0 && !(lowest <= highest)) || (n == 1 && lowest < highest))
		CsTallyRowsChanged();
	order->n = n;
	order->most = most;
	order->most_cuts = most_cuts;
	order->room = room;
	order->placed = palloc(sizeof(CsPlaced) * 2);
	/* they grow where they are, whoever asks */
	order->capacity = order->value_capacity = 64;
	order->ranks = palloc(sizeof(int64) * order->capacity);
	order->values = palloc(sizeof(double) * order->value_capacity);
	if (n == 0)
		return order;
	order->placed[order->nplaced++] = lowest == highest ? (CsPlaced) {lowest + 0.0, 0, n, true} :
		(CsPlaced) {lowest + 0.0, 0, 1, false};
	if (lowest < highest)
		order->placed[order->nplaced++] = (CsPlaced) {highest + 0.0, n - 1, n, false};
	return order;
}

/* Free what is known of an order. */
void
CsOrderFree(CsOrder *order)
{
	pfree(order->placed);
	pfree(order->ranks);
	pfree(order->values);
	pfree(order);
}

/* CsOrderCreate() of one of so many columns that passes look at together: what they take home is held to memory. */
CsOrder *
CsOrderOfColumns(int64 n, double lowest, double highest, int ncolumns, int64 room)
{
	Size		columns = Max(ncolumns, 1);
	Size		values = CsMemoryLimit() / VALUES_SHARE / sizeof(uint64) / columns;
	Size		cuts = CsMemoryLimit() / CUT_BYTES / columns;

	return CsOrderCreate(n, lowest, highest, (int64) Max(Min(values, MOST_VALUES), FEWEST_VALUES),
						 (int) Max(Min(cuts, MOST_CUTS), FEWEST_CUTS), room);
}

/* For CsCountBefore(): is a placed value up to a rank? */
static bool
IsUpTo(const void *placed, const void *rank)
{
	return ((const CsPlaced *) placed)->up_to <= *(const int64 *) rank;
}

/* The number of placed values whose up_to is at most "rank". */
static int64
PlacedUpTo(const CsOrder *order, int64 rank)
{
	return CsCountBefore(&rank, order->placed, order->nplaced, sizeof(CsPlaced), IsUpTo);
}

/* For CsCountBefore(): is a placed value below a value? */
static bool
IsBelow(const void *placed, const void *value)
{
	return ((const CsPlaced *) placed)->value < *(const double *) value;
}

/* The number of placed values below a value. */
static int64
PlacedBelow(const CsOrder *order, double value)
{
	return CsCountBefore(&value, order->placed, order->nplaced, sizeof(CsPlaced), IsBelow);
}

/* Note that a placed value is needed, and the one before it if it bounds a gap with that. */
static void
Need(CsOrder *order, int64 at, bool is_gap)
{
	order->placed[at].is_needed = true;
	if (is_gap)
		order->placed[at - 1].is_needed = true;
}

/* The value at a rank from 0 to n - 1; false, and the rank is noted, where it is not known. */
bool
CsOrderAt(CsOrder *order, int64 rank, double *value)
{
	int64		at = PlacedUpTo(order, rank);

	if (rank < 0 || at == order->nplaced || (at == 0 && order->placed[at].below > rank))
		CsTallyCountsChanged();
	if (order->placed[at].below <= rank)
	{
		Need(order, at, false);
		*value = order->placed[at].value;
		return true;
	}
	Need(order, at, true);
	/* a pass looks for no more of them: the others are asked for again */
	if (order->nranks >= order->most_cuts)
		return false;
	if (order->nranks == order->capacity)
	{
		order->capacity = Max(64, order->capacity * 2);
		order->ranks = repalloc(order->ranks, sizeof(int64) * order->capacity);
	}
	order->ranks[order->nranks++] = rank;
	return false;
}

/* A quantile, as CsQuantileSorted() has it; false, and what it takes is noted, where it is not known. */
bool
CsOrderQuantile(CsOrder *order, double p, double *quantile)
{
	double		part,
				low,
				high = NAN;
	int64		rank = CsQuantileRank(order->n, p, &part);
	bool		is_known = CsOrderAt(order, rank, &low);

	if (part > 0)
		is_known &= CsOrderAt(order, rank + 1, &high);
	if (is_known)
		*quantile = part > 0 ? CsBetweenValues(low, high, part) : low;
	return is_known;
}

/* How many values are below a value; false, and the value is noted, where it is not known. */
bool
CsOrderBelow(CsOrder *order, double value, int64 *below)
{
	int64		at = PlacedBelow(order, value);

	*below = order->n;
	if (at == order->nplaced)
		return true;
	*below = order->placed[at].below;
	Need(order, at, at > 0);
	if (at == 0 || (order->placed[at].value == value && order->placed[at].is_exact) ||
		order->placed[at - 1].up_to == *below)
		return true;
	if (order->nvalues == order->value_capacity)
	{
		order->value_capacity = Max(64, order->value_capacity * 2);
		order->values = repalloc(order->values, sizeof(double) * order->value_capacity);
	}
	order->values[order->nvalues++] = value + 0.0;
	return false;
}

/* Has something been asked that is not known? */
static bool
IsAsked(const CsOrder *order)
{
	return order->nranks > 0 || order->nvalues > 0;
}

/* Order of two numbers, for qsort() and bsearch(). */
static int
CompareDoubles(const void *a, const void *b)
{
	double		x = *(const double *) a,
				y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Cuts that are being collected. */
typedef struct Cuts
{
	int			n;
	int			capacity;
	double	   *values;
} Cuts;

static void
AddCut(Cuts *cuts, double value)
{
	if (cuts->n == cuts->capacity)
	{
		cuts->capacity *= 2;
		cuts->values = repalloc(cuts->values, sizeof(double) * cuts->capacity);
	}
	cuts->values[cuts->n++] = value + 0.0;
}

/* Add a cut if it lies strictly inside a gap. */
static void
AddCutWithin(Cuts *cuts, const CsPlaced *low, const CsPlaced *high, double value)
{
	if (value > low->value && value < high->value)
		AddCut(cuts, value);
}

/* How a pass looks for ranks. */
typedef enum Method
{
	COUNT,						/* between cuts about them */
	TAKE_BRACKETS,				/* it takes home what lies between these */
	TAKE_GAPS					/* or the whole gaps */
} Method;

/* The part of a gap's values, to either side, among which a rank is looked for that would be at a share of it. */
static inline double
ReachOf(double inside, double share, double deviations)
{
	return (deviations * sqrt(inside * share * (1 - share)) + 1) / inside;
}

/* Where a rank is looked for that lies in a gap: not beyond its borders. */
static void
Bracket(const CsPlaced *low, const CsPlaced *high, int64 rank, double deviations, double *from, double *to)
{
	double		inside = (double) (high->below - low->up_to);
	double		share = ((double) (rank - low->up_to) + 0.5) / inside;
	double		reach = ReachOf(inside, share, deviations);
	double		width = high->value / 2 - low->value / 2;

	*from = Max(low->value + 2 * Max(share - reach, 0) * width, low->value);
	*to = Min(low->value + 2 * Min(share + reach, 1) * width, high->value);
}

/* Are values thought to be spread evenly in the gaps between those that are known? */
static inline bool
IsTrusting(const CsOrder *order)
{
	return order->is_sampled && order->nrounds < TRUSTING_ROUNDS;
}

/* Cut a gap in the middle of its float8s. */
static void
CutMiddle(Cuts *cuts, const CsPlaced *low, const CsPlaced *high)
{
	uint64		a = CsOrderedWord(low->value),
				b = CsOrderedWord(high->value);

	AddCutWithin(cuts, low, high, CsOrderedDouble(a + (b - a) / 2));
}

/* Cut a gap about the place where a rank would be, and at borders of which the number of values is not known. */
static void
CutGap(const CsOrder *order, Cuts *cuts, const CsPlaced *low, const CsPlaced *high, int64 rank)
{
	int			before = cuts->n;
	double		from,
				to;

	Bracket(low, high, rank, COUNT_REACH, &from, &to);
	AddCutWithin(cuts, low, high, from);
	AddCutWithin(cuts, low, high, to);
	if (cuts->n == before || !IsTrusting(order))
		CutMiddle(cuts, low, high);
	if (!low->is_exact)
		AddCut(cuts, low->value);
	if (!high->is_exact)
		AddCut(cuts, high->value);
}

/* How many values lie in the gaps of the ranks, each gap once. */
static int64
ValuesInGaps(const CsOrder *order)
{
	int64		total = 0,
				last = -1;

	for (int i = 0; i < order->nranks; i++)
	{
		int64		at = PlacedUpTo(order, order->ranks[i]);

		if (at == last)
			continue;
		last = at;
		total += order->placed[at].below - order->placed[at - 1].up_to;
	}
	return total;
}

/* How many are expected in brackets of the ranks, with room for chance. */
static double
ValuesInBrackets(const CsOrder *order)
{
	double		total = 0;

	for (int i = 0; i < order->nranks; i++)
	{
		int64		at = PlacedUpTo(order, order->ranks[i]);
		double		inside = (double) (order->placed[at].below - order->placed[at - 1].up_to);
		double		share = ((double) (order->ranks[i] - order->placed[at - 1].up_to) + 0.5) / inside;

		total += Min(2 * ReachOf(inside, share, TAKE_REACH), 1) * inside;
	}
	return 1.1 * total + 100;
}

/* Sort cuts, each once. */
static void
SortCuts(Cuts *cuts)
{
	int			n = 0;

	qsort(cuts->values, cuts->n, sizeof(double), CompareDoubles);
	for (int i = 0; i < cuts->n; i++)
		if (n == 0 || cuts->values[i] != cuts->values[n - 1])
			cuts->values[n++] = cuts->values[i];
	cuts->n = n;
}

/*
 * Add the cuts by which the ranks are looked for.  Returns of how many ranks: those that are left are asked for again.
 */
static int
CutGaps(const CsOrder *order, Cuts *cuts, Method method)
{
	int			i;

	for (i = 0; i < order->nranks && cuts->n < order->most_cuts; i++)
	{
		int64		at = PlacedUpTo(order, order->ranks[i]);
		const CsPlaced *low = &order->placed[at - 1],
				   *high = &order->placed[at];
		double		from = low->value,
					to = high->value;

		if (method == COUNT)
		{
			CutGap(order, cuts, low, high, order->ranks[i]);
			continue;
		}
		if (method == TAKE_BRACKETS)
			Bracket(low, high, order->ranks[i], TAKE_REACH, &from, &to);
		if (method == TAKE_BRACKETS && !IsTrusting(order))
			CutMiddle(cuts, low, high);
		AddCut(cuts, from);
		AddCut(cuts, to);
	}
	return i;
}

/* Note the gaps between cuts whose values are taken home, each once and ascending: those about the ranks. */
static void
TakeGaps(const CsOrder *order, int nranks, const Cuts *cuts, Method method, CsRankQuery *query)
{
	int			next = 0;

	query->gaps = palloc(sizeof(int) * (cuts->n + 1));
	for (int i = 0; i < nranks; i++)
	{
		int64		at = PlacedUpTo(order, order->ranks[i]);
		const CsPlaced *low = &order->placed[at - 1],
				   *high = &order->placed[at];
		double		from = low->value,
					to = high->value;
		int			last;

		if (method == TAKE_BRACKETS)
			Bracket(low, high, order->ranks[i], TAKE_REACH, &from, &to);
		/* what else is asked for may cut it: all of its parts are taken */
		last = CsCountBelow(cuts->values, cuts->n, to);
		for (next = Max(next, CsCountBelow(cuts->values, cuts->n, from) + 1); next <= last; next++)
			query->gaps[query->ngaps++] = next;
	}
}

/* Do values of the sorted sample occur often? */
static bool
HasTies(const double *sample, int64 nsample)
{
	int64		n = Min(nsample, 1);

	for (int64 i = 1; i < nsample; i++)
		n += sample[i] != sample[i - 1];
	return (double) n < SHARE_ONCE * (double) nsample;
}

/* Add cuts of the first pass: at quantiles of the sorted sample. */
static void
CutSample(const CsOrder *order, Cuts *cuts, const double *sample, int64 nsample)
{
	int			n = Min(FIRST_CUTS, order->most_cuts);

	for (int i = 0; i < n; i++)
		AddCut(cuts, sample[(nsample - 1) * i / (n - 1)]);
}

/*
 * What the next pass is to count, so that what was asked for becomes known, or known better; palloc'd.  The
 * sorted sample is of the column's values, and is used when next to nothing is known.
 */
CsRankQuery
CsOrderPlan(CsOrder *order, const double *sample, int64 nsample)
{
	CsRankQuery query = {0};
	Cuts		cuts = {0, 1024, palloc(sizeof(double) * 1024)};
	Method		method = COUNT;
	int64		ngap;
	double		nbracket;
	bool		is_first = order->nrounds == 0;
	int			ncut = 0;

	if (!IsAsked(order))
		return query;
	if (is_first && nsample > 1)
	{
		order->is_sampled = true;
		order->has_ties = HasTies(sample, nsample);
	}
	qsort_arg(order->ranks, order->nranks, sizeof(int64), CsCompareInt64, NULL);
	ngap = ValuesInGaps(order);
	nbracket = ValuesInBrackets(order);
	if (ngap <= order->most)
		method = TAKE_GAPS;
	else if (nbracket <= (double) order->most)
		method = TAKE_BRACKETS;
	for (int i = 0; i < order->nvalues; i++)
		AddCut(&cuts, order->values[i]);
	if (is_first && order->is_sampled && method != TAKE_GAPS)
	{
		method = COUNT;
		CutSample(order, &cuts, sample, nsample);
	}
	else
		ncut = CutGaps(order, &cuts, method);
	if (is_first)
	{
		AddCut(&cuts, order->placed[0].value);
		AddCut(&cuts, order->placed[order->nplaced - 1].value);
	}
	SortCuts(&cuts);
	if (method != COUNT)
		TakeGaps(order, ncut, &cuts, method, &query);
	query.most = method == TAKE_GAPS ? ngap : method == TAKE_BRACKETS ? (int64) nbracket : 0;
	query.is_expected = method == TAKE_BRACKETS;
	query.has_ends = order->has_ties || !IsTrusting(order);
	query.ncuts = cuts.n;
	query.cuts = cuts.values;
	return query;
}

/* Add values that have been placed to those that were; of equal ones the exact one stays.  An error where they contradict each other. */
static void
MergePlaced(CsOrder *order, const CsPlaced *more, int64 n)
{
	CsPlaced   *merged = palloc(sizeof(CsPlaced) * (order->nplaced + n));
	int64		at = 0;

	for (int64 i = 0, j = 0; i < order->nplaced || j < n;)
	{
		if (j == n || (i < order->nplaced && order->placed[i].value < more[j].value))
			merged[at++] = order->placed[i++];
		else
		{
			bool		is_known = i < order->nplaced && order->placed[i].value == more[j].value;

			merged[at] = is_known && order->placed[i].is_exact ? order->placed[i] : more[j];
			merged[at++].is_needed = is_known && order->placed[i].is_needed;
			i += is_known;
			j++;
		}
		/* what contradicts itself would never answer: passes would go on and on */
		if (at > 1 && merged[at - 2].up_to > merged[at - 1].below)
			CsTallyCountsChanged();
	}
	pfree(order->placed);
	order->placed = merged;
	order->nplaced = at;
}

/* Note what is needed of values that have just been placed, for the questions that led to them. */
static void
NeedAnswers(CsOrder *order)
{
	for (int i = 0; i < order->nranks; i++)
	{
		int64		at = PlacedUpTo(order, order->ranks[i]);

		Need(order, at, order->placed[at].below > order->ranks[i]);
	}
	for (int i = 0; i < order->nvalues; i++)
	{
		int64		at = PlacedBelow(order, order->values[i]);

		if (at < order->nplaced)
			Need(order, at, at > 0);
	}
}

/* Forget the placed values that nothing needs but for the lowest and the highest, if they are too many. */
static void
ForgetPlaced(CsOrder *order)
{
	bool		forgets = order->nplaced > order->room;
	int64		n = 0;

	if (forgets)
		NeedAnswers(order);
	for (int64 i = 0; i < order->nplaced; i++)
	{
		bool		is_end = i == 0 || i == order->nplaced - 1;

		if (forgets && !is_end && !order->placed[i].is_needed)
			continue;
		order->placed[n] = order->placed[i];
		order->placed[n++].is_needed = false;
	}
	order->nplaced = n;
	if (forgets)
		order->placed = repalloc_huge(order->placed, sizeof(CsPlaced) * n);
}

/* Place the lowest and the highest of the values in a gap; returns how many these are. */
static int
PlaceEnds(double lowest, double highest, int64 below, int64 inside, CsPlaced *placed)
{
	if (!(lowest <= highest))
		CsTallyRowsChanged();
	placed[0] = (CsPlaced) {lowest, below, below + (lowest == highest ? inside : 1), lowest == highest};
	if (lowest == highest)
		return 1;
	placed[1] = (CsPlaced) {highest, below + inside - 1, below + inside, false};
	return 2;
}

/* Add rows to those below; an error where they cannot be so many of n. */
static int64
AddRows(int64 below, int64 rows, int64 n)
{
	if (rows < 0 || rows > n - below)
		CsTallyCountsChanged();
	return below + rows;
}

/* Take in what a pass has counted; the questions are to be asked again. */
void
CsOrderLearn(CsOrder *order, const CsRankQuery *query, const CsRankAnswer *answer)
{
	CsPlaced   *placed = palloc(sizeof(CsPlaced) * (3 * query->ncuts + answer->nvalues + 2));
	int64		n = 0,
				below = 0,
				value = 0;

	order->nrounds++;
	if (answer->is_overfull && !query->is_expected)
		CsTallyCountsChanged();
	for (int gap = 0; gap <= query->ncuts; gap++)
	{
		bool		last = gap == query->ncuts;
		int64		before = value,
					inside = answer->counts[2 * gap];

		/* values that were taken home from this gap */
		for (int64 at = below; value < answer->nvalues && (last || answer->values[value] < query->cuts[gap]);)
		{
			int64		equal = 1;

			while (value + equal < answer->nvalues && answer->values[value + equal] == answer->values[value])
				equal++;
			placed[n++] = (CsPlaced) {answer->values[value], at, at + equal, true};
			at += equal;
			value += equal;
		}
		if (value == before && inside > 0 && answer->lowest != NULL)
			n += PlaceEnds(answer->lowest[gap], answer->highest[gap], below, inside, placed + n);
		below = AddRows(below, inside, order->n);
		if (last)
			break;
		placed[n] = (CsPlaced) {query->cuts[gap], below, AddRows(below, answer->counts[2 * gap + 1], order->n), true};
		below = placed[n++].up_to;
	}
	if (below != order->n)
		CsTallyCountsChanged();
	MergePlaced(order, placed, n);
	pfree(placed);
	ForgetPlaced(order);
	order->nranks = order->nvalues = 0;
}
