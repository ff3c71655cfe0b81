/*
 * pair_pass.c
 *	  Pearson's correlations of pairs of numbers about middles of their own, by a pass whose sums are exact.
 *
 * Of a pair of which some rows lack one, the rows that have both may lie far closer together than those of the columns
 * do, as where an outlier of one is in a row that lacks the other.  Deviations from the middle of a column, in a unit
 * that its farthest value has room for, then leave little of how the pair varies.  So such a pair is measured once more.
 */
#include "custseg.h"

#include <math.h>

#include "stat/pair_pass.h"

/* What no product of two deviations reaches. */
#define LARGEST_PRODUCT 4

/* Numbers of a pair in a plan: its columns, middles and reaches. */
#define PLANNED 6

enum
{
	SUM_X, SUM_Y, SUM_XX, SUM_YY, SUM_XY, SUMS
};

/* A part of a pass. */
typedef struct Pairs
{
	int			n;
	CsPair	   *pairs;			/* reaches as the powers of two by which deviations are below 2 */
	int			exponent;
	double		scale;
	int			rows,			/* sections */
				sums;
} Pairs;

/* The middle of values with this mean and these ends, and how far from it they are at most. */
void
CsMiddleOf(double mean, double lowest, double highest, double *middle, double *reach)
{
	*middle = Max(Min(mean, highest), lowest);
	*reach = Max(highest - *middle, *middle - lowest);
	if (isfinite(*reach) && isfinite(*middle))
		return;
	*middle = lowest / 2 + highest / 2;
	*reach = Max(highest - *middle, *middle - lowest);
}

/* Pearson's correlation; NaN where a variance is 0. */
double
CsPearsonOf(double covariance, double variance_x, double variance_y)
{
	double		variance = variance_x * variance_y;

	return variance > 0 ? Max(Min(covariance / sqrt(variance), 1), -1) : NAN;
}

/* Write the plan of pairs (CsPair *). */
void
CsPairPlan(JsonbParseState **json, const List *pairs, int64 nrows)
{
	ListCell   *cell;

	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsPairPass.name);
	CsJsonInteger(json, "rows", nrows);
	CsJsonArray(json, "pairs");
	foreach(cell, pairs)
	{
		const CsPair *p = lfirst(cell);
		double		numbers[PLANNED] = {p->column[0], p->column[1], p->middle[0], p->middle[1], p->reach[0], p->reach[1]};

		CsJsonNumbers(json, NULL, numbers, PLANNED, 1);
	}
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
}

/* Bytes that the pass takes for n pairs: two states, and its plan as it is written and as it is read. */
Size
CsPairPassMemory(int n)
{
	return mul_size(n, 2 * (sizeof(int64) + SUMS * sizeof(CsExact)) + PLANNED * (sizeof(JsonbValue) + sizeof(double)));
}

/* A column of a plan. */
static int
ColumnOf(const CsTally *pass, const CsJsonReader *plan, double number)
{
	if (!(number >= 0 && number < pass->nnumbers && number == rint(number)))
		CsJsonReject(plan, "pairs", "must have columns");
	return (int) number;
}

static void *
OpenPairs(CsTally *pass, const CsJsonReader *plan)
{
	Pairs	   *own = palloc0(sizeof(Pairs));
	double	   *numbers;
	int			width;

	CsJsonReadShape(plan, "pairs", &own->n, &width);
	if (own->n > 0 && width != PLANNED)
		CsJsonReject(plan, "pairs", "must have arrays of %d numbers", PLANNED);
	numbers = palloc_extended(sizeof(double) * Max(own->n, 1) * PLANNED, MCXT_ALLOC_HUGE);
	CsJsonReadRows(plan, "pairs", own->n, PLANNED, numbers, PLANNED, 1);
	own->pairs = palloc_extended(sizeof(CsPair) * Max(own->n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < own->n; i++)
		for (int side = 0; side < 2; side++)
		{
			own->pairs[i].column[side] = ColumnOf(pass, plan, numbers[i * PLANNED + side]);
			own->pairs[i].middle[side] = numbers[i * PLANNED + 2 + side];
			own->pairs[i].reach[side] = CsScaleOf(numbers[i * PLANNED + 4 + side]);
		}
	pfree(numbers);
	own->exponent = CsExactExponent(LARGEST_PRODUCT, (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX));
	own->scale = CsExactScale(own->exponent);
	own->rows = CsTallySection(pass, CS_SECTION_COUNTS, own->n, 1);
	own->sums = CsTallySection(pass, CS_SECTION_SUMS, (int64) own->n * SUMS, 1);
	return own;
}

static void
AddPairs(CsTally *pass, void *part, CsTallyState *state)
{
	const Pairs *own = part;
	CsExact    *sums = CsTallySums(pass, state, own->sums);

	for (int i = 0; i < own->n; i++, sums += SUMS)
	{
		const CsPair *p = &own->pairs[i];
		double		x = (pass->number[p->column[0]] - p->middle[0]) * p->reach[0],
					y = (pass->number[p->column[1]] - p->middle[1]) * p->reach[1];

		if (!isfinite(pass->number[p->column[0]]) || !isfinite(pass->number[p->column[1]]))
			continue;
		CsTallyCounts(pass, state, own->rows)[i]++;
		CsTallySum(&sums[SUM_X], x, own->scale);
		CsTallySum(&sums[SUM_Y], y, own->scale);
		CsTallySum(&sums[SUM_XX], x * x, own->scale);
		CsTallySum(&sums[SUM_YY], y * y, own->scale);
		CsTallySum(&sums[SUM_XY], x * y, own->scale);
	}
}

const CsTallyKind CsPairPass = {"pairs", .open = OpenPairs, .add = AddPairs};

/* The correlations of the pairs, both columns of which vary; palloc'd. */
CsPearson *
CsPairRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	const Pairs *own = part->own;
	const CsExact *sums = CsTallySums(pass, state, own->sums);
	CsPearson  *result = palloc_extended(sizeof(CsPearson) * Max(own->n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < own->n; i++, sums += SUMS)
	{
		double		mean[SUMS];

		result[i].n = CsTallyCounts(pass, state, own->rows)[i];
		for (int k = 0; k < SUMS; k++)
			mean[k] = CsExactMean(&sums[k], own->exponent, (double) result[i].n);
		result[i].r = CsPearsonOf(mean[SUM_XY] - mean[SUM_X] * mean[SUM_Y], mean[SUM_XX] - mean[SUM_X] * mean[SUM_X],
								  mean[SUM_YY] - mean[SUM_Y] * mean[SUM_Y]);
	}
	return result;
}
