/*
 * agreement.c
 *	  How far two labelings of the same rows agree: adjusted Rand index, mutual information,
 *	  Jaccard coefficients.
 *
 * All follow from the contingency table n(i, j), the rows with label i in one and j in the other
 * labeling, and its margins.  Labels are any int4s, so the table is a hash table of the pairs that
 * occur.  Counts are exact; sums of floating point numbers run over the pairs in the order of
 * their labels, so that a result does not depend on the order in which the rows came.
 *
 * Adjusted Rand index: Hubert and Arabie, Journal of Classification 2, 1985; from the pair
 * confusion matrix as scikit-learn does, in integers.  Mutual information: scikit-learn's
 * mutual_info_score; normalised by the arithmetic mean of the entropies, as its
 * normalized_mutual_info_score.  Best-matching Jaccard coefficient: Hennig, Computational
 * Statistics & Data Analysis 52, 2007.
 *
 * Invariant: a table has a free slot, so that a search for a pair ends.  A table may come from
 * whoever calls the aggregates' functions by hand, hence the checks.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/agreement.h"

#define FIRST_CAPACITY 16
#define MAX_CAPACITY (2 * 1024 * 1024)

/* The capacity may be filled to three quarters. */
#define MOST_PAIRS(capacity) ((int64) (capacity) / 4 * 3)

StaticAssertDecl(MOST_PAIRS(MAX_CAPACITY) > CS_MAX_LABEL_PAIRS, "the largest table is too small");

/*
 * Products of numbers of pairs of rows.  With CS_MAX_LABELLED_ROWS rows the largest is n^4 / 4,
 * which fits; without 128 bits they are rounded.
 */
#ifdef HAVE_INT128
typedef int128 Wide;
#else
typedef double Wide;
#endif

static Size
TableSize(int32 capacity)
{
	return offsetof(CsPairTable, slot) + sizeof(CsLabelPair) * capacity;
}

static CsPairTable *
CreateTable(int32 capacity)
{
	CsPairTable *table = palloc0(TableSize(capacity));

	SET_VARSIZE(table, TableSize(capacity));
	table->capacity = capacity;
	return table;
}

/* An empty table, palloc'd. */
CsPairTable *
CsPairTableCreate(void)
{
	return CreateTable(FIRST_CAPACITY);
}

static void
ReportInvalidTable(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid counts of label pairs"),
			 errhint("Only custseg.adjusted_rand() and similar aggregates make such values.")));
}

/*
 * Raise an error when a value's header cannot be that of a table.  Cheap enough to be called for
 * every row, before the table is read or written.
 */
void
CsPairTableCheck(const CsPairTable *table)
{
	int32		capacity;

	if (VARSIZE(table) < TableSize(FIRST_CAPACITY))
		ReportInvalidTable();
	capacity = table->capacity;
	if (capacity < FIRST_CAPACITY || capacity > MAX_CAPACITY || (capacity & (capacity - 1)) != 0 ||
		VARSIZE(table) != TableSize(capacity) ||
		table->npairs < 0 || table->npairs > MOST_PAIRS(capacity) ||
		table->nrows < 0 || table->nrows > CS_MAX_LABELLED_ROWS)
		ReportInvalidTable();
}

/*
 * Raise an error when a value is not a table: check the header, and that the counts are what it
 * says.
 */
void
CsPairTableCheckAll(const CsPairTable *table)
{
	int64		npairs = 0,
				nrows = 0;

	CsPairTableCheck(table);
	for (int32 i = 0; i < table->capacity; i++)
	{
		int64		count = table->slot[i].count;

		if (count < 0 || count > CS_MAX_LABELLED_ROWS - nrows)
			ReportInvalidTable();
		nrows += count;
		npairs += count > 0;
	}
	if (npairs != table->npairs || nrows != table->nrows)
		ReportInvalidTable();
}

/* A slot to start the search from: the finaliser of splitmix64 mixes all bits of both labels. */
static inline uint32
HashPair(int32 a, int32 b)
{
	uint64		z = ((uint64) (uint32) a << 32 | (uint32) b) + UINT64CONST(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return (uint32) (z ^ (z >> 31));
}

/* The pair's slot, or the free one where it belongs. */
static CsLabelPair *
FindSlot(CsPairTable *table, int32 a, int32 b)
{
	uint32		mask = table->capacity - 1,
				at = HashPair(a, b) & mask;

	for (int32 i = 0; i < table->capacity; i++, at = (at + 1) & mask)
	{
		CsLabelPair *slot = &table->slot[at];

		if (slot->count == 0 || (slot->a == a && slot->b == b))
			return slot;
	}
	ReportInvalidTable();
	return NULL;				/* keep the compiler quiet */
}

/* A copy with twice the room. */
static CsPairTable *
GrowTable(const CsPairTable *table)
{
	CsPairTable *larger;

	if (table->capacity == MAX_CAPACITY)
		ReportInvalidTable();
	larger = CreateTable(table->capacity * 2);
	larger->npairs = table->npairs;
	larger->nrows = table->nrows;
	for (int32 i = 0; i < table->capacity; i++)
		if (table->slot[i].count != 0)
			*FindSlot(larger, table->slot[i].a, table->slot[i].b) = table->slot[i];
	return larger;
}

/*
 * Count n > 0 more rows with the labels a and b.  Returns the table, or, when there are too many
 * pairs, a larger copy of it, palloc'd; the smaller table stays the caller's.
 */
CsPairTable *
CsPairTableAdd(CsPairTable *table, int32 a, int32 b, int64 n)
{
	CsLabelPair *slot = FindSlot(table, a, b);

	if (n > CS_MAX_LABELLED_ROWS - table->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows to compare two labelings: more than %lld",
						(long long) CS_MAX_LABELLED_ROWS),
				 errhint("Compare them on a sample of the rows.")));
	if (slot->count == 0)
	{
		if (table->npairs == CS_MAX_LABEL_PAIRS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %d different pairs of labels", CS_MAX_LABEL_PAIRS),
					 errhint("Labels are segments, and segments are few: check whether one of the columns is an id.")));
		if (table->npairs == MOST_PAIRS(table->capacity))
		{
			table = GrowTable(table);
			slot = FindSlot(table, a, b);
		}
		slot->a = a;
		slot->b = b;
		table->npairs++;
	}
	slot->count += n;
	table->nrows += n;
	return table;
}

/*
 * Count everything that another table counts.  Returns the table or a larger copy, as
 * CsPairTableAdd() does.
 */
CsPairTable *
CsPairTableMerge(CsPairTable *table, const CsPairTable *other)
{
	for (int32 i = 0; i < other->capacity; i++)
	{
		const CsLabelPair *slot = &other->slot[i];

		CsCheckInterrupts(i);
		if (slot->count > 0)
			table = CsPairTableAdd(table, slot->a, slot->b, slot->count);
	}
	return table;
}

static int
ComparePairs(const CsCountedPair *x, const CsCountedPair *y, bool second_first)
{
	int32		x1 = second_first ? x->pair.b : x->pair.a,
				y1 = second_first ? y->pair.b : y->pair.a,
				x2 = second_first ? x->pair.a : x->pair.b,
				y2 = second_first ? y->pair.a : y->pair.b;

	if (x1 != y1)
		return x1 < y1 ? -1 : 1;
	return x2 < y2 ? -1 : x2 > y2;
}

static int
CompareByFirst(const void *x, const void *y)
{
	return ComparePairs(x, y, false);
}

static int
CompareBySecond(const void *x, const void *y)
{
	return ComparePairs(x, y, true);
}

/* Count the rows of the pairs that have a label in common with one, which follow it; returns where they end. */
static int64
AddUpEqual(CsCountedPair *pairs, int64 first, int64 n, bool by_second)
{
	int64		sum = 0,
				last = first;

	for (; last < n && (by_second ? pairs[last].pair.b == pairs[first].pair.b :
						pairs[last].pair.a == pairs[first].pair.a); last++)
		sum += pairs[last].pair.count;
	for (int64 i = first; i < last; i++)
		*(by_second ? &pairs[i].nb : &pairs[i].na) = sum;
	return last;
}

/*
 * The pairs that occur, npairs of them, with their margins; palloc'd, ordered by first and then by
 * second label.
 */
CsCountedPair *
CsPairTableCounts(const CsPairTable *table)
{
	int64		n = table->npairs;
	CsCountedPair *pairs = palloc(sizeof(CsCountedPair) * Max(n, 1));
	int64		at = 0;

	for (int32 i = 0; i < table->capacity; i++)
		if (table->slot[i].count > 0)
			pairs[at++].pair = table->slot[i];

	/* pairs with a label in common are neighbours in one order or the other */
	qsort(pairs, n, sizeof(CsCountedPair), CompareBySecond);
	for (int64 first = 0; first < n;)
		first = AddUpEqual(pairs, first, n, true);
	CHECK_FOR_INTERRUPTS();
	qsort(pairs, n, sizeof(CsCountedPair), CompareByFirst);
	for (int64 first = 0; first < n;)
		first = AddUpEqual(pairs, first, n, false);
	return pairs;
}

/*
 * Hubert and Arabie's adjusted Rand index of a table with at least one row.  Of the ordered pairs
 * of rows, "together" are in one segment by both labelings, "apart" by neither, "split" by the
 * first only, "joined" by the second only.
 */
double
CsAdjustedRand(const CsPairTable *table)
{
	CsCountedPair *pairs = CsPairTableCounts(table);
	Wide		n = table->nrows,
				squares = 0,
				first_squares = 0,
				second_squares = 0,
				together,
				apart,
				split,
				joined;

	for (int64 i = 0; i < table->npairs; i++)
	{
		const CsCountedPair *p = &pairs[i];

		squares += (Wide) p->pair.count * p->pair.count;
		/* n(i,j) * n(i,.) adds up to n(i,.)^2 */
		first_squares += (Wide) p->pair.count * p->na;
		second_squares += (Wide) p->pair.count * p->nb;
	}
	pfree(pairs);
	split = first_squares - squares;
	joined = second_squares - squares;
	together = squares - n;
	apart = n * n - split - joined - squares;
	if (split == 0 && joined == 0)
		return 1;
	return 2.0 * (double) (together * apart - split * joined) /
		((double) (together + split) * (double) (split + apart) +
		 (double) (together + joined) * (double) (joined + apart));
}

/*
 * Mutual information in nats, sum of p(i,j) ln (p(i,j) / (p(i,.) p(.,j))).  OUT entropies of the
 * two labelings.
 */
static double
InformationOf(const CsPairTable *table, double *first_entropy, double *second_entropy)
{
	CsCountedPair *pairs = CsPairTableCounts(table);
	double		n = table->nrows,
				information = 0;

	*first_entropy = *second_entropy = 0;
	for (int64 i = 0; i < table->npairs; i++)
	{
		double		count = pairs[i].pair.count,
					na = pairs[i].na,
					nb = pairs[i].nb;

		/* independent labels: both products are the same number, and the logarithm is 0 */
		information += count / n * log(count * n / (na * nb));
		/* n(i,j) ln n(i,.) adds up to n(i,.) ln n(i,.) */
		*first_entropy -= count / n * log(na / n);
		*second_entropy -= count / n * log(nb / n);
	}
	pfree(pairs);
	return Max(information, 0);
}

/* The mutual information in nats, of a table with at least one row. */
double
CsMutualInformation(const CsPairTable *table)
{
	double		first,
				second;

	return InformationOf(table, &first, &second);
}

/*
 * The mutual information divided by the mean of both labelings' entropies: 1 when neither labeling
 * tells anything, 0 when only one does.  The table has at least one row.
 */
double
CsNormalizedMutualInformation(const CsPairTable *table)
{
	double		first,
				second,
				information = InformationOf(table, &first, &second);

	if (first == 0 && second == 0)
		return 1;
	return Min(1, information / ((first + second) / 2));
}

/* The shares of the rows that have a label by the first and by the second labeling. */
typedef struct LabelShares
{
	int32		label;
	double		first,
				second;
} LabelShares;

static int
CompareLabelShares(const void *x, const void *y)
{
	int32		a = ((const LabelShares *) x)->label,
				b = ((const LabelShares *) y)->label;

	return a < b ? -1 : a > b;
}

/* The shares of a label among those of n labels, in order. */
static LabelShares *
FindLabel(LabelShares *shares, int64 n, int32 label)
{
	LabelShares key = {label, 0, 0};

	return bsearch(&key, shares, n, sizeof(LabelShares), CompareLabelShares);
}

/* All labels of a table with their shares, in order; palloc'd.  OUT n. */
static LabelShares *
ShareLabels(const CsPairTable *table, const CsCountedPair *pairs, int64 *n)
{
	LabelShares *shares = palloc0(sizeof(LabelShares) * Max(2 * table->npairs, 1));
	double		nrows = (double) table->nrows;
	int64		at = 0;

	for (int64 i = 0; i < table->npairs; i++)
	{
		shares[2 * i].label = pairs[i].pair.a;
		shares[2 * i + 1].label = pairs[i].pair.b;
	}
	qsort(shares, 2 * table->npairs, sizeof(LabelShares), CompareLabelShares);
	for (int64 i = 0; i < 2 * table->npairs; i++)
		if (i == 0 || shares[i].label != shares[at - 1].label)
			shares[at++] = shares[i];
	for (int64 i = 0; i < table->npairs; i++)
	{
		FindLabel(shares, at, pairs[i].pair.a)->first = (double) pairs[i].na / nrows;
		FindLabel(shares, at, pairs[i].pair.b)->second = (double) pairs[i].nb / nrows;
	}
	*n = at;
	return shares;
}

/*
 * Cohen's kappa (Educational and Psychological Measurement 20, 1960): agreement beyond that of independent
 * labels, with its standard error by Fleiss, Cohen and Everitt (Psychological Bulletin 72, 1969).  The
 * table has at least one row.
 */
CsKappa
CsCohensKappa(const CsPairTable *table)
{
	CsKappa		result = {0, NAN, NAN};
	CsCountedPair *pairs = CsPairTableCounts(table);
	int64		n;
	LabelShares *shares = ShareLabels(table, pairs, &n);
	double		chance = 0,
				rest,
				spread = 0,
				off;

	for (int64 i = 0; i < n; i++)
		chance += shares[i].first * shares[i].second;
	for (int64 i = 0; i < table->npairs; i++)
		if (pairs[i].pair.a == pairs[i].pair.b)
			result.agreement += (double) pairs[i].pair.count / (double) table->nrows;
	if (n < 2)
		return result;
	result.kappa = (result.agreement - chance) / (1 - chance);
	rest = 1 - result.kappa;
	for (int64 i = 0; i < table->npairs; i++)
	{
		double		part = (double) pairs[i].pair.count / (double) table->nrows,
					sum = FindLabel(shares, n, pairs[i].pair.a)->second + FindLabel(shares, n, pairs[i].pair.b)->first;

		off = pairs[i].pair.a == pairs[i].pair.b ? 1 - sum * rest : sum * rest;
		spread += part * off * off;
	}
	off = result.kappa - chance * rest;
	result.error = sqrt(Max(spread - off * off, 0) / (double) table->nrows) / (1 - chance);
	pfree(pairs);
	pfree(shares);
	return result;
}

/*
 * For each segment 0..k-1 of the first labeling, find the Jaccard coefficient with the segment of
 * the second that matches it best; 0 for a segment without rows.  Noise (-1) is not a segment, but
 * its rows count in the unions.  OUT best[k].
 */
void
CsBestJaccard(const CsPairTable *table, int k, double *best)
{
	CsCountedPair *pairs = CsPairTableCounts(table);

	for (int c = 0; c < k; c++)
		best[c] = 0;
	for (int64 i = 0; i < table->npairs; i++)
	{
		const CsCountedPair *p = &pairs[i];
		double		jaccard = (double) p->pair.count / (p->na + p->nb - p->pair.count);

		Assert(p->pair.a < k);
		if (p->pair.a >= 0 && p->pair.b >= 0 && jaccard > best[p->pair.a])
			best[p->pair.a] = jaccard;
	}
	pfree(pairs);
}
