/*
 * versions.c
 *	  The rows of a source placed by two versions of a model, side by side.
 *
 * The source is read once.  Each row goes through both versions' bindings, pipelines and placing,
 * as predict() would take it with either, and is counted by its two segments.  What one version can
 * place and the other can't is counted, too: a missing value that a version does not do without is
 * no error here, since the question is what would become of all customers.
 */
#include "custseg.h"

#include <math.h>

#include "score/versions.h"
#include "utils/memutils.h"

typedef struct PairReader
{
	CsVersionPair *pair;
	CsVersionPairSink sink;
	void	   *state;
} PairReader;

/* Position of a column among those that are read, which it is added to unless it is there. */
static int
AddColumn(CsVersionPair *pair, const CsColumn *column)
{
	for (int i = 0; i < pair->ncolumns; i++)
	{
		if (CsIsSameColumn(&pair->columns[i], column))
			return i;
	}
	pair->columns[pair->ncolumns] = *column;
	return pair->ncolumns++;
}

/* Find a side's columns among those that are read. */
static void
AddColumns(CsVersionPair *pair, CsVersionSide *side)
{
	const CsScoredSource *source = side->source;
	bool		is_same = true;

	side->position = palloc(sizeof(int) * source->ncolumns);
	for (int i = 0; i < source->ncolumns; i++)
	{
		side->position[i] = AddColumn(pair, &source->columns[i]);
		is_same &= side->position[i] == i;
	}
	if (is_same)
	{
		pfree(side->position);
		side->position = NULL;
		return;
	}
	side->values = palloc(sizeof(Datum) * source->ncolumns);
	side->nulls = palloc(sizeof(bool) * source->ncolumns);
}

/* See versions.h. */
CsVersionPair *
CsVersionPairOpen(const char *model, int a, int b, const char *source)
{
	CsVersionPair *pair = palloc0(sizeof(CsVersionPair));
	CsScoredSource *first,
			   *second = CsScoredSourceOpen(model, b, source);

	first = CsScoredSourceOpen(model, a, second->relation->source);
	pair->context = CurrentMemoryContext;
	pair->description = first->relation->description;
	pair->side[0].source = first;
	pair->side[1].source = second;
	pair->columns = palloc(sizeof(CsColumn) * (first->ncolumns + second->ncolumns));
	AddColumns(pair, &pair->side[0]);
	AddColumns(pair, &pair->side[1]);
	pair->pairs = CsPairTableCreate();
	return pair;
}

/* Place a row by one version.  Returns the segment's number, or CS_NO_SEGMENT. */
static int32
PlaceRow(CsVersionSide *side, const Datum *values, const bool *nulls, CsAssignment *placed)
{
	CsScoredSource *source = side->source;
	CsScoring  *scoring = &source->scoring;
	const CsScorer *scorer = scoring->scorer;

	if (side->position != NULL)
	{
		for (int i = 0; i < source->ncolumns; i++)
		{
			side->values[i] = values[side->position[i]];
			side->nulls[i] = nulls[side->position[i]];
		}
		values = side->values;
		nulls = side->nulls;
	}
	CsBindValues(source->binding, CsScorerPipeline(scorer), values, nulls, scoring->raw);
	if (CsScoringTry(scoring, placed, NULL))
		return CsScorerSegments(scorer)[placed->index].segment;
	placed->index = -1;
	return CS_NO_SEGMENT;
}

/* Count a row by its two segments. */
static void
CountRow(CsVersionPair *pair, int32 a, int32 b)
{
	MemoryContext old = MemoryContextSwitchTo(pair->context);
	CsPairTable *counted = CsPairTableAdd(pair->pairs, a, b, 1);

	if (counted != pair->pairs)
		pfree(pair->pairs);
	pair->pairs = counted;
	MemoryContextSwitchTo(old);
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *arg, const Datum *values, const bool *nulls)
{
	PairReader *reader = arg;
	CsVersionPair *pair = reader->pair;
	CsAssignment placed[2];
	int32		a = PlaceRow(&pair->side[0], values, nulls, &placed[0]);
	int32		b = PlaceRow(&pair->side[1], values, nulls, &placed[1]);

	CountRow(pair, a, b);
	if (reader->sink != NULL)
		reader->sink(reader->state, placed);
}

/* See versions.h. */
void
CsVersionPairRead(CsVersionPair *pair, CsVersionPairSink sink, void *state)
{
	PairReader	reader = {.pair = pair, .sink = sink, .state = state};

	pair->nrows = CsRelationRead(pair->side[0].source->relation, pair->columns, pair->ncolumns,
								 TakeRow, &reader);
}

/* See versions.h. */
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
