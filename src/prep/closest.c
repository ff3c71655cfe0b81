/*
 * closest.c
 *	  Rows that a part of a pass finds nearest to something.
 */
#include "custseg.h"

#include <math.h>

#include "prep/closest.h"

/* Most rows that are kept, and words of each. */
#define MOST_ROWS 2000000
#define WIDTH 2

/* Write how many rows are kept, and which number of a row is the hash of what identifies it: members of a part. */
void
CsClosestPlan(JsonbParseState **json, int64 room, int key)
{
	CsJsonInteger(json, "room", Min(room, MOST_ROWS));
	CsJsonInteger(json, "key", key);
}

/* Read that, and declare the section. */
CsClosest
CsClosestOpen(CsTally *pass, const CsJsonReader *plan)
{
	int64		room = CsJsonReadInteger(plan, "room", 1, MOST_ROWS);
	CsClosest	nearest = {.key = CsTallyIndex(plan, "key", pass->nnumbers)};

	if (nearest.key < 0)
		CsJsonReject(plan, "key", "is missing");
	nearest.section = CsTallySection(pass, CS_SECTION_RECORDS, room, WIDTH);
	return nearest;
}

/* The key of a row that has no hash, for nothing identifies it. */
#define NO_KEY HUGE_VAL

/* Keep the row at hand, if it is among the nearest so far. */
void
CsClosestAdd(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, double distance)
{
	const CsSection *section = &pass->sections[nearest->section];
	CsRecords  *records = CsTallyRecords(pass, state, nearest->section);
	double		key = pass->number[nearest->key];
	uint64		record[WIDTH] = {CsOrderedWord(distance), CsOrderedWord(isnan(key) ? NO_KEY : key)};

	if (records->used == section->n && record[0] > records->word[0])
		return;
	CsRecordsAdd(records, section, record);
}

/*
 * The hashes of the rows that were kept, *n of them, palloc'd; other servers have written them, and they may be anything.
 * A last one that is infinite stands for rows that have none.
 */
double *
CsClosestKeys(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, int64 *n)
{
	const CsRecords *records = CsTallyRecords(pass, state, nearest->section);
	double	   *keys = palloc_extended(sizeof(double) * Max(records->used, 1), MCXT_ALLOC_HUGE);
	bool		has_none = false;

	*n = 0;
	for (int64 i = 0; i < records->used; i++)
	{
		double		key = CsOrderedDouble(records->word[i * WIDTH + 1]);

		if (isfinite(key))
			keys[(*n)++] = key;
		else
			has_none = true;
	}
	if (has_none)
		keys[(*n)++] = NO_KEY;
	return keys;
}
