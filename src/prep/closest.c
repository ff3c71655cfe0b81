/*
 * closest.c
 *	  Rows that a part of a pass finds nearest to something.
 */
#include "custseg.h"

#include <math.h>

#include "lib/qunique.h"
#include "prep/closest.h"

/* Words of each row that is kept. */
#define WIDTH 2

/* Write how many rows are kept, and which number of a row is the hash of what identifies it: members of a part. */
void
CsClosestPlan(JsonbParseState **json, int64 room, int key)
{
	CsJsonInteger(json, "room", Min(room, CS_CLOSEST_MOST));
	CsJsonInteger(json, "key", key);
}

/* Read that, and declare the section. */
CsClosest
CsClosestOpen(CsTally *pass, const CsJsonReader *plan)
{
	int64		room = CsJsonReadInteger(plan, "room", 1, CS_CLOSEST_MOST);
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

/* For sorting numbers, none of which is NaN. */
static int
CompareNumbers(const void *a, const void *b)
{
	double		x = *(const double *) a,
				y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The hashes of the rows that were kept, ascending, *n of them; palloc'd.  Other servers have written them, and they may be anything. */
static double *
SortedKeys(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, int64 *n)
{
	const CsRecords *records = CsTallyRecords(pass, state, nearest->section);
	double	   *keys = palloc_extended(sizeof(double) * Max(records->used, 1), MCXT_ALLOC_HUGE);

	*n = records->used;
	for (int64 i = 0; i < *n; i++)
	{
		double		key = CsOrderedDouble(records->word[i * WIDTH + 1]);

		keys[i] = isfinite(key) ? key : NO_KEY;
	}
	qsort(keys, *n, sizeof(double), CompareNumbers);
	return keys;
}

/* For sorting counts, the largest first. */
static int
CompareCounts(const void *a, const void *b)
{
	return -CompareNumbers(a, b);
}

/*
 * Are as many rows as there is "room" for, or all there are, surely among those that were kept, if the rows of some customers
 * do not count?  Nobody knows which customers, so it may be those who have most of the rows.
 */
bool
CsClosestSuffice(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, int64 room, int64 customers)
{
	int64		n;
	double	   *keys = SortedKeys(pass, nearest, state, &n);
	double	   *counts = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64		nkeys = 0;
	double		left = (double) n;

	if (n < pass->sections[nearest->section].n)
		return true;
	for (int64 i = 0; i < n && keys[i] < NO_KEY; i++)
	{
		if (i > 0 && keys[i] == keys[i - 1])
			counts[nkeys - 1]++;
		else
			counts[nkeys++] = 1;
	}
	qsort(counts, nkeys, sizeof(double), CompareCounts);
	for (int64 i = 0; i < Min(customers, nkeys); i++)
		left -= counts[i];
	pfree(keys);
	pfree(counts);
	return left >= (double) room;
}

/*
 * The different hashes of the rows that were kept, *n of them, palloc'd.  A last one that is infinite stands for rows that
 * have none.
 */
double *
CsClosestKeys(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, int64 *n)
{
	double	   *keys = SortedKeys(pass, nearest, state, n);

	*n = (int64) qunique(keys, *n, sizeof(double), CompareNumbers);
	return keys;
}
