/*
 * ranks.c
 *	  The part of a pass that finds values by their ranks: counts between cuts, and what lies in gaps.
 *
 * A few passes give exact quantiles of any number of rows.  The first one counts between quantiles of a
 * sample; each further one between cuts about the ranks that are looked for, and takes home the values in
 * gaps that hold few (prep/order.c).
 */
#include "custseg.h"

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
	int			counts;			/* sections; the lowest and the highest value of gaps follow */
	int			values;			/* or -1 */
} RanksColumn;

typedef struct Ranks
{
	int			ncolumns;
	RanksColumn *columns;
} Ranks;

/* Write the plan of n columns, one for each feature that is a number. */
void
CsRanksPlan(JsonbParseState **json, const CsRankQuery *queries, int n)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsRanksPass.name);
	CsJsonArray(json, "columns");
	for (int i = 0; i < n; i++)
	{
		CsJsonObject(json, NULL);
		CsJsonNumbers(json, "cuts", queries[i].cuts, queries[i].ncuts, 1);
		CsJsonArray(json, "gaps");
		for (int g = 0; g < queries[i].ngaps; g++)
			CsJsonInteger(json, NULL, queries[i].gaps[g]);
		(void) CsJsonEnd(json);
		CsJsonInteger(json, "most", queries[i].most);
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
}

/* A column of the plan. */
static void
OpenColumn(CsTally *pass, const CsJsonReader *r, RanksColumn *c)
{
	CsJsonEach	each;
	int64		most = CsJsonReadInteger(r, "most", 0, PG_INT32_MAX);

	c->ncuts = JsonContainerSize(CsJsonReadArray(r, "cuts", 0, MOST_CUTS));
	c->cuts = palloc(sizeof(double) * Max(c->ncuts, 1));
	CsJsonReadNumbers(r, "cuts", c->ncuts, c->cuts, 1);
	for (int i = 1; i < c->ncuts; i++)
		if (!(c->cuts[i - 1] < c->cuts[i]))
			CsJsonReject(r, "cuts", "must ascend");
	c->collects = palloc0(sizeof(bool) * (c->ncuts + 1));
	each = CsJsonEachOf(CsJsonReadArray(r, "gaps", 0, c->ncuts + 1));
	while (CsJsonNext(&each))
	{
		int64		gap;

		if (!CsJsonGetInteger(&each.value, 0, c->ncuts, &gap))
			CsJsonReject(r, "gaps", "has an element that is out of range");
		c->collects[gap] = true;
	}
	c->counts = CsTallySection(pass, CS_SECTION_COUNTS, 2 * (int64) c->ncuts + 1, 1);
	(void) CsTallySection(pass, CS_SECTION_LOWEST, (int64) c->ncuts + 1, 1);
	(void) CsTallySection(pass, CS_SECTION_HIGHEST, (int64) c->ncuts + 1, 1);
	c->values = most == 0 ? -1 : CsTallySection(pass, CS_SECTION_RECORDS, most, 1);
}

static void *
OpenRanks(CsTally *pass, const CsJsonReader *plan)
{
	Ranks	   *own = palloc0(sizeof(Ranks));
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, "columns", 0, pass->nnumbers));

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

	for (int i = 0; i < own->ncolumns; i++)
	{
		const RanksColumn *c = &own->columns[i];
		double		x = pass->number[i] + 0.0;
		double	   *ends;
		int			below;
		bool		at_cut;

		if (!isfinite(x) || c->ncuts == 0)
			continue;
		below = CutsBelow(c, x);
		at_cut = below < c->ncuts && c->cuts[below] == x;
		CsTallyCounts(pass, state, c->counts)[2 * below + at_cut]++;
		if (at_cut)
			continue;
		ends = CsTallyNumbers(pass, state, c->counts + 1) + below;
		*ends = Min(*ends, x);
		ends = CsTallyNumbers(pass, state, c->counts + 2) + below;
		*ends = Max(*ends, x);
		if (c->collects[below] && c->values >= 0)
		{
			uint64		word = CsOrderedWord(x);

			CsRecordsAdd(CsTallyRecords(pass, state, c->values), &pass->sections[c->values], &word);
		}
	}
}

/* Read what was counted of each column; values are palloc'd, and counts belong to the state. */
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
			.lowest = CsTallyNumbers(pass, state, c->counts + 1),
			.highest = CsTallyNumbers(pass, state, c->counts + 2)
		};
		if (c->values < 0)
			continue;
		records = CsTallyRecords(pass, state, c->values);
		if (records->offered > records->used)
			CsTallyRowsChanged();
		CsRecordsSort(records, &pass->sections[c->values]);
		a->nvalues = records->used;
		a->values = palloc(sizeof(double) * Max(records->used, 1));
		for (int64 r = 0; r < records->used; r++)
			a->values[r] = CsOrderedDouble(records->word[r]);
	}
}

const CsTallyKind CsRanksPass = {"ranks", .open = OpenRanks, .add = AddRanks};
