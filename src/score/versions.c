/*
 * versions.c
 *	  The rows of a source placed by two versions of a model, side by side.
 *
 * The source is read once.  Each row goes through both versions' bindings, pipelines and placing,
 * as predict() would take it with either, and is counted by its two segments.  What one version can
 * place and the other cannot is counted, too: a missing value that a version does not do without is
 * no error here, since the question is what would become of all customers.
 */
#include "custseg.h"

#include <math.h>

#include "score/versions.h"

/* The number of the segment that a version gives the row at hand, or CS_NO_SEGMENT. */
static int32
SegmentOf(const CsPlacer *side)
{
	return side->placed.index < 0 ? CS_NO_SEGMENT :
		CsScorerSegments(side->scoring.scorer)[side->placed.index].segment;
}

/* CsRowSink: count a row by its two segments. */
static void
CountRow(void *state, const Datum *values, const bool *nulls)
{
	CsVersionPair *pair = state;
	MemoryContext old = MemoryContextSwitchTo(pair->context);
	CsPairTable *counted = CsPairTableAdd(pair->pairs, SegmentOf(pair->side[0]),
										  SegmentOf(pair->side[1]), 1);

	if (counted != pair->pairs)
		pfree(pair->pairs);
	pair->pairs = counted;
	MemoryContextSwitchTo(old);
}

/*
 * Open a source (NULL: the one that version "b" was trained on) to have its rows placed by two
 * versions; allocated in CurrentMemoryContext.  A version that does not exist, or a source without
 * what one of them needs, is an error.  To see more than the pairs, visit "pass" before it is read.
 */
CsVersionPair *
CsVersionPairOpen(const char *model, int a, int b, const char *source)
{
	CsVersionPair *pair = palloc0(sizeof(CsVersionPair));
	const CsScorer *first;

	pair->context = CurrentMemoryContext;
	pair->pass = CsPassOpenModel(model, b, source, CS_PLACE_TRY, &pair->side[1]);
	first = CsCacheGet(model, a);
	CsCachePin(first, CurrentMemoryContext);
	pair->side[0] = CsPassPlace(pair->pass, first, CS_PLACE_TRY);
	pair->pairs = CsPairTableCreate();
	CsPassVisit(pair->pass, &(CsVisitor) {.state = pair, .take_row = CountRow});
	return pair;
}

/* The adjusted Rand index of the rows that both versions have placed; NaN without any. */
double
CsVersionPairAgreement(const CsVersionPair *pair)
{
	CsPairTable *placed = CsPairTableCreate();
	CsCountedPair *counts = CsPairTableCounts(pair->pairs);
	double		agreement;

	for (int64 i = 0; i < pair->pairs->npairs; i++)
	{
		const CsLabelPair *p = &counts[i].pair;

		if (p->a != CS_NO_SEGMENT && p->b != CS_NO_SEGMENT)
			placed = CsPairTableAdd(placed, p->a, p->b, p->count);
	}
	agreement = placed->nrows == 0 ? NAN : CsAdjustedRand(placed);
	pfree(counts);
	pfree(placed);
	return agreement;
}
