/*
 * ranks.c
 *	  The part of a pass that finds values by their ranks: counts between cuts, and what lies in gaps.
 *
 * A few passes give exact quantiles of any number of rows.  The first one counts between quantiles of a
 * sample; each further one between cuts about the ranks that are looked for, and takes home the values in
 * gaps that hold few (prep/order.c).  Cuts are packed, for a plan may have many thousands (data/packed_words.h).
 */
#include "custseg.h"

#include "data/packed_words.h"
#include "miscadmin.h"
#include "prep/internal.h"
#include "prep/survey.h"

#define MOST_CUTS 100000

/* A column. */
typedef struct RanksColumn
{
	int			ncuts;
	double	   *cuts;			/* ascending */
	bool	   *collects;		/* of ncuts + 1 gaps */
	int			counts;			/* sections */
	int			ends;			/* the lowest value of gaps, then the highest; or -1 */
	int			values;			/* or -1 */
} RanksColumn;

typedef struct Ranks
{
	int			segment;		/* whose rows count; CS_RANKS_PLACED, CS_RANKS_ALL */
	int			ncolumns;
	RanksColumn *columns;
} Ranks;

/* Write n ascending words as two members: how many there are and, unless it is none, their packed text. */
static void
PlanWords(JsonbParseState **json, const char *number, const char *key, const uint64 *words, int n)
{
	CsJsonInteger(json, number, n);
	if (n > 0)
		CsJsonText(json, key, CsPackedText(words, n));
}

/* Write the plan of n columns, one for each feature that is a number. */
void
CsRanksPlan(JsonbParseState **json, const CsRankQuery *queries, int n)
{
	CsRanksPlanOf(json, queries, n, CS_RANKS_ALL);
}

/* Likewise of the rows that a part before has put into a segment, or into any. */
void
CsRanksPlanOf(JsonbParseState **json, const CsRankQuery *queries, int n, int segment)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsRanksPass.name);
	if (segment != CS_RANKS_ALL)
		CsJsonInteger(json, "segment", segment);
	CsJsonArray(json, "columns");
	for (int i = 0; i < n; i++)
	{
		const CsRankQuery *q = &queries[i];
		uint64	   *words = palloc(sizeof(uint64) * Max(Max(q->ncuts, q->ngaps), 1));

		CsJsonObject(json, NULL);
		for (int c = 0; c < q->ncuts; c++)
			words[c] = CsOrderedWord(q->cuts[c]);
		PlanWords(json, "n_cuts", "cuts", words, q->ncuts);
		for (int g = 0; g < q->ngaps; g++)
			words[g] = (uint64) q->gaps[g];
		PlanWords(json, "n_gaps", "gaps", words, q->ngaps);
		CsJsonInteger(json, "most", q->most);
		CsJsonBool(json, "ends", q->has_ends);
		(void) CsJsonEnd(json);
		pfree(words);
	}
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
}

/* The words of a member, so many as another one says, "most" at most; palloc'd.  OUT *n: how many. */
static uint64 *
ReadWords(const CsJsonReader *r, const char *key, const char *number, int most, int *n)
{
	uint64	   *words;
	char	   *text;

	*n = (int) CsJsonReadInteger(r, number, 0, most);
	words = palloc(sizeof(uint64) * Max(*n, 1));
	if (*n == 0)
		return words;
	text = CsJsonReadText(r, key);
	if (!CsUnpackText(text, words, *n))
		CsJsonReject(r, key, "must be a text of as many packed numbers as \"%s\" says", number);
	pfree(text);
	return words;
}

/* The cuts of a column. */
static void
ReadCuts(const CsJsonReader *r, RanksColumn *c)
{
	uint64	   *words = ReadWords(r, "cuts", "n_cuts", MOST_CUTS, &c->ncuts);

	c->cuts = palloc(sizeof(double) * Max(c->ncuts, 1));
	for (int i = 0; i < c->ncuts; i++)
	{
		c->cuts[i] = CsOrderedDouble(words[i]);
		if (!isfinite(c->cuts[i]) || (i > 0 && !(c->cuts[i - 1] < c->cuts[i])))
			CsJsonReject(r, "cuts", "must be finite and ascend");
	}
	pfree(words);
}

/* Which of its gaps are taken home. */
static void
ReadGaps(const CsJsonReader *r, RanksColumn *c)
{
	int			n;
	uint64	   *words = ReadWords(r, "gaps", "n_gaps", c->ncuts + 1, &n);

	c->collects = palloc0(sizeof(bool) * (c->ncuts + 1));
	for (int i = 0; i < n; i++)
	{
		if (words[i] > (uint64) c->ncuts)
			CsJsonReject(r, "gaps", "has an element that is out of range");
		c->collects[words[i]] = true;
	}
	pfree(words);
}

/* A column of the plan. */
static void
OpenColumn(CsTally *pass, const CsJsonReader *r, RanksColumn *c)
{
	int64		most = CsJsonReadInteger(r, "most", 0, PG_INT32_MAX);

	ReadCuts(r, c);
	ReadGaps(r, c);
	c->ends = c->values = -1;
	c->counts = CsTallySection(pass, CS_SECTION_COUNTS, 2 * (int64) c->ncuts + 1, 1);
	if (CsJsonReadBool(r, "ends"))
	{
		c->ends = CsTallySection(pass, CS_SECTION_LOWEST, (int64) c->ncuts + 1, 1);
		(void) CsTallySection(pass, CS_SECTION_HIGHEST, (int64) c->ncuts + 1, 1);
	}
	if (most == 0)
		return;
	c->values = CsTallySection(pass, CS_SECTION_RECORDS, most, 1);
	pass->shared += CsSectionSize(&pass->sections[c->values]);
}

static void *
OpenRanks(CsTally *pass, const CsJsonReader *plan)
{
	Ranks	   *own = palloc0(sizeof(Ranks));
	JsonbValue	value;
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, "columns", 0, pass->nnumbers));

	own->segment = CsJsonReadMember(plan, "segment", &value) ?
		(int) CsJsonReadInteger(plan, "segment", CS_RANKS_PLACED, PG_INT32_MAX) : CS_RANKS_ALL;
	own->ncolumns = JsonContainerSize(CsJsonReadArray(plan, "columns", 0, pass->nnumbers));
	own->columns = palloc0(sizeof(RanksColumn) * Max(own->ncolumns, 1));
	while (CsJsonNext(&each))
	{
		CsJsonReader column = CsJsonReadElement(plan, "columns", &each, "column");

		OpenColumn(pass, &column, &own->columns[each.at]);
	}
	return own;
}

/* How many cuts are below x. */
static inline int
CutsBelow(const RanksColumn *c, double x)
{
	const double *first = c->cuts;
	int			n = c->ncuts;

	while (n > 1)
	{
		int			half = n / 2;

		first += (first[half - 1] < x) * half;
		n -= half;
	}
	return (int) (first - c->cuts) + (n == 1 && *first < x);
}

static void
AddRanks(CsTally *pass, void *opaque, CsTallyState *state)
{
	const Ranks *own = opaque;

	if (own->segment != CS_RANKS_ALL && (own->segment == CS_RANKS_PLACED ? pass->label < 0 : pass->label != own->segment))
		return;
	for (int i = 0; i < own->ncolumns; i++)
	{
		const RanksColumn *c = &own->columns[i];
		double		x = pass->number[i] + 0.0;
		int			below;
		bool		at_cut;

		if (!isfinite(x) || c->ncuts == 0)
			continue;
		below = CutsBelow(c, x);
		at_cut = below < c->ncuts && c->cuts[below] == x;
		CsTallyCounts(pass, state, c->counts)[2 * below + at_cut]++;
		if (at_cut)
			continue;
		if (c->ends >= 0)
		{
			double	   *lowest = CsTallyNumbers(pass, state, c->ends) + below,
					   *highest = CsTallyNumbers(pass, state, c->ends + 1) + below;

			*lowest = Min(*lowest, x);
			*highest = Max(*highest, x);
		}
		if (c->collects[below] && c->values >= 0)
		{
			uint64		word = CsOrderedWord(x);

			CsRecordsAdd(CsTallyRecords(pass, state, c->values), &pass->sections[c->values], &word);
		}
	}
}

/*
 * Read what was counted of each column.  All of it stays in the state, where values take the place of their words: they
 * cannot be read again.
 */
void
CsRanksRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsRankAnswer *answers)
{
	const Ranks *own = part->own;

	for (int i = 0; i < own->ncolumns; i++)
	{
		const RanksColumn *c = &own->columns[i];
		CsRankAnswer *a = &answers[i];
		CsRecords  *records;

		*a = (CsRankAnswer) {
			.counts = CsTallyCounts(pass, state, c->counts),
			.lowest = c->ends < 0 ? NULL : CsTallyNumbers(pass, state, c->ends),
			.highest = c->ends < 0 ? NULL : CsTallyNumbers(pass, state, c->ends + 1)
		};
		if (c->values < 0)
			continue;
		records = CsTallyRecords(pass, state, c->values);
		a->is_overfull = records->offered > records->used;
		if (a->is_overfull)
			continue;
		CsRecordsSort(records, &pass->sections[c->values]);
		a->nvalues = records->used;
		a->values = (double *) records->word;
		for (int64 r = 0; r < records->used; r++)
		{
			double		value = CsOrderedDouble(records->word[r]);

			/* other servers have written it */
			if (!isfinite(value))
				CsTallyRowsChanged();
			memcpy(&a->values[r], &value, sizeof(value));
		}
	}
}

const CsTallyKind CsRanksPass = {"ranks", .open = OpenRanks, .add = AddRanks};
