/*
 * segments.c
 *	  Names for scores of recency, frequency and monetary value.
 *
 * The default has the eleven names that are usual since Putler's table; its ranges are chosen so that
 * all 125 combinations of five scores have a name and every name is reached, which those that go
 * around do not.
 */
#include "custseg.h"

#include "call/json.h"
#include "orders/segments.h"

const char *const CsRfmMeasureNames[CS_RFM_MEASURES] = {"recency", "frequency", "monetary"};

static const CsRfmSegment usual[] = {
	{"Champions", {4, 4, 4}, {5, 5, 5}},
	{"Can't Lose Them", {1, 4, 4}, {1, 5, 5}},
	{"At Risk", {1, 2, 2}, {2, 5, 5}},
	{"Loyal Customers", {3, 3, 3}, {5, 5, 5}},
	{"New Customers", {4, 1, 1}, {5, 1, 5}},
	{"Promising", {3, 1, 1}, {3, 1, 5}},
	{"Potential Loyalist", {4, 2, 1}, {5, 5, 5}},
	{"Need Attention", {3, 2, 1}, {3, 5, 5}},
	{"About To Sleep", {2, 1, 1}, {2, 5, 5}},
	{"Lost", {1, 1, 1}, {1, 1, 1}},
	{"Hibernating", {1, 1, 1}, {1, 5, 5}}
};

#define USUAL_BINS 5

static void
ReportEntry(int number, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("entry %d of \"segments\" %s", number, what),
			 errhint("Write {\"name\": \"Champions\", \"recency\": [4, 5], \"frequency\": [4, 5], \"monetary\": [4, 5]}; a measure that is left out may have any score.")));
}

/* The range of a measure: an array of its lowest and highest score, whole numbers from 1 to bins. */
static void
ReadRange(CsRfmSegment *segment, int measure, JsonbValue *value, int bins, int number)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;
	int64		range[2];

	if (array == NULL || JsonContainerSize(array) != 2)
		ReportEntry(number, psprintf("has a \"%s\" that is not an array of two scores",
									 CsRfmMeasureNames[measure]));
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (!CsJsonGetInteger(&each.value, 1, bins, &range[each.at]))
			ReportEntry(number, psprintf("has a score that is not a whole number from 1 to %d", bins));
	}
	if (range[0] > range[1])
		ReportEntry(number, psprintf("has a \"%s\" whose first score is above its second",
									 CsRfmMeasureNames[measure]));
	segment->low[measure] = (int) range[0];
	segment->high[measure] = (int) range[1];
}

/* One entry. */
static void
ReadEntry(CsRfmTable *table, JsonbValue *entry)
{
	CsRfmSegment *segment = &table->segment[table->n];
	int			number = ++table->n;
	CsJsonEach	each;

	if (CsJsonGetObject(entry) == NULL)
		ReportEntry(number, "is not an object");
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		segment->low[m] = 1;
		segment->high[m] = table->bins;
	}
	each = CsJsonEachOf(entry->val.binary.data);
	while (CsJsonNext(&each))
	{
		int			measure = 0;

		while (measure < CS_RFM_MEASURES && !CsJsonIsText(&each.key, CsRfmMeasureNames[measure]))
			measure++;
		if (measure < CS_RFM_MEASURES)
			ReadRange(segment, measure, &each.value, table->bins, number);
		else if (!CsJsonIsText(&each.key, "name"))
			ReportEntry(number, psprintf("has an unknown key \"%s\"", CsJsonString(&each.key)));
		else if (each.value.type != jbvString || each.value.val.string.len == 0)
			ReportEntry(number, "has a name that is not a text, or is empty");
		else
			segment->name = CsJsonString(&each.value);
	}
	if (segment->name == NULL)
		ReportEntry(number, "has no name");
}

/* The first entry from "from" on that fits; the number of entries when none does. */
static int
FindEntry(const CsRfmTable *table, const int *scores, int from)
{
	for (int i = from; i < table->n; i++)
	{
		bool		fits = true;

		for (int m = 0; m < CS_RFM_MEASURES; m++)
			fits &= scores[m] >= table->segment[i].low[m] && scores[m] <= table->segment[i].high[m];
		if (fits)
			return i;
	}
	return table->n;
}

/* Count which combinations of scores each entry gets. */
static void
CountCombinations(CsRfmTable *table)
{
	int			scores[CS_RFM_MEASURES];

	for (scores[0] = 1; scores[0] <= table->bins; scores[0]++)
		for (scores[1] = 1; scores[1] <= table->bins; scores[1]++)
			for (scores[2] = 1; scores[2] <= table->bins; scores[2]++)
			{
				int			at = FindEntry(table, scores, 0);

				if (at == table->n)
				{
					table->unnamed++;
					continue;
				}
				table->segment[at].wins++;
				while ((at = FindEntry(table, scores, at + 1)) < table->n)
					table->segment[at].loses++;
			}
}

/*
 * Read a table of names from a json array of objects.  NULL stands for custseg's own table, which
 * is empty unless there are five bins.  Errors for a table that makes no sense.  Palloc'd.
 */
CsRfmTable *
CsRfmTableRead(Jsonb *json, int bins)
{
	CsRfmTable *table = palloc0(sizeof(CsRfmTable));
	CsJsonEach	each;

	table->bins = bins;
	if (json == NULL)
	{
		if (bins == USUAL_BINS)
		{
			memcpy(table->segment, usual, sizeof(usual));
			table->n = lengthof(usual);
		}
	}
	else
	{
		if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json) || JB_ROOT_COUNT(json) == 0 ||
			JB_ROOT_COUNT(json) > CS_RFM_MAX_SEGMENTS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"segments\" must be a json array of 1 to %d objects",
							CS_RFM_MAX_SEGMENTS),
					 errhint("SELECT * FROM custseg.rfm_segments() shows the default.")));
		each = CsJsonEachOf(&json->root);
		while (CsJsonNext(&each))
			ReadEntry(table, &each.value);
	}
	CountCombinations(table);
	return table;
}

/* The name for three scores, NULL when no entry fits.  Belongs to the table. */
const char *
CsRfmTableFind(const CsRfmTable *table, const int *scores)
{
	int			at = FindEntry(table, scores, 0);

	return at < table->n ? table->segment[at].name : NULL;
}

/* Report gaps in the table, and entries that can never be reached, in NOTICEs. */
void
CsRfmTableReport(const CsRfmTable *table)
{
	if (table->n > 0 && table->unnamed > 0)
		ereport(NOTICE,
				(errmsg("%d of %d combinations of scores have no segment", table->unnamed,
						table->bins * table->bins * table->bins),
				 errhint("End \"segments\" with an entry that has only a name.")));
	for (int i = 0; i < table->n; i++)
	{
		if (table->segment[i].wins == 0)
			ereport(NOTICE,
					(errmsg("segment \"%s\" is never reached: earlier entries take all of its %d combinations of scores",
							table->segment[i].name, table->segment[i].loses),
					 errhint("The first entry that fits wins: put narrow ones before wide ones.")));
	}
}
