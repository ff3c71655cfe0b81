/*
 * correlation_pass.c
 *	  Pearson's correlations by a pass whose sums are exact.
 *
 * Of each two columns the products of their deviations are added up, of the rows that have both.  Where all rows have a
 * column, one sum of its deviations and of their squares serves all pairs; each pair of which some rows lack one has sums
 * of its own, and is told to be measured once more where these say little (pair_pass.c).  Whether a column varies is told by its lowest and its highest value, which no rounding blurs.
 */
#include "custseg.h"

#include <math.h>

#include "prep/covariance_pass.h"
#include "stat/correlation_pass.h"

/* Sums and ends that a pair of which some rows lack one has of its own. */
enum
{
	OWN_X, OWN_Y, OWN_XX, OWN_YY, OWN_SUMS
};

#define OWN_ENDS 2

/* A part of a pass. */
typedef struct Correlations
{
	CsDeviations dev;
	bool	   *is_complete;	/* of each column */
	int			sums,			/* sections: of each column */
				products,		/* of columns i <= j, by i and then by j */
				own_rows,		/* of pairs that some rows lack, in the same order */
				own_sums,
				own_lowest,
				own_highest;
} Correlations;

/* Write the plan: the columns are the first numbers. */
void
CsCorrelationPlan(JsonbParseState **json, const CsColumnReach *columns, int d, int64 nrows)
{
	double	   *middle = palloc(sizeof(double) * Max(d, 1));
	double	   *reach = palloc(sizeof(double) * Max(d, 1));

	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsCorrelationPass.name);
	for (int i = 0; i < d; i++)
	{
		middle[i] = columns[i].middle;
		reach[i] = columns[i].reach;
	}
	CsDeviationsPlan(json, d, middle, reach, nrows);
	CsJsonArray(json, "complete");
	for (int i = 0; i < d; i++)
		if (columns[i].is_complete)
			CsJsonInteger(json, NULL, i);
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
	pfree(middle);
	pfree(reach);
}

/* Pairs of which some rows lack one, when so many of d columns are complete. */
static int64
PairsLacking(int64 d, int64 ncomplete)
{
	return (d * (d - 1) - ncomplete * (ncomplete - 1)) / 2;
}

/* Bytes that the pass takes: two states. */
Size
CsCorrelationPassMemory(const CsColumnReach *columns, int d)
{
	int			ncomplete = 0;
	Size		pair = sizeof(int64) + OWN_SUMS * sizeof(CsExact) + 2 * OWN_ENDS * sizeof(double);

	for (int i = 0; i < d; i++)
		ncomplete += columns[i].is_complete;
	return 2 * ((Size) d * (d + 3) / 2 * sizeof(CsExact) + (Size) PairsLacking(d, ncomplete) * pair);
}

static void *
OpenCorrelations(CsTally *pass, const CsJsonReader *plan)
{
	Correlations *c = palloc0(sizeof(Correlations));
	int			d = JsonContainerSize(CsJsonReadArray(plan, "middle", 0, pass->nnumbers));
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, "complete", 0, d));
	int64		ncomplete = 0,
				npairs;

	c->dev = CsDeviationsRead(plan, d);
	c->is_complete = palloc0(sizeof(bool) * Max(d, 1));
	while (CsJsonNext(&each))
	{
		int64		column;

		if (!CsJsonGetInteger(&each.value, 0, (int64) d - 1, &column) || c->is_complete[column])
			CsJsonReject(plan, "complete", "must be columns, each once");
		c->is_complete[column] = true;
		ncomplete++;
	}
	npairs = PairsLacking(d, ncomplete);
	c->sums = CsTallySection(pass, CS_SECTION_SUMS, d, 1);
	c->products = CsTallySection(pass, CS_SECTION_SUMS, (int64) d * (d + 1) / 2, 1);
	c->own_rows = CsTallySection(pass, CS_SECTION_COUNTS, npairs, 1);
	c->own_sums = CsTallySection(pass, CS_SECTION_SUMS, npairs * OWN_SUMS, 1);
	c->own_lowest = CsTallySection(pass, CS_SECTION_LOWEST, npairs * OWN_ENDS, 1);
	c->own_highest = CsTallySection(pass, CS_SECTION_HIGHEST, npairs * OWN_ENDS, 1);
	return c;
}

/* Add to the sums that a pair has of its own. */
static void
AddOwn(CsTally *pass, const Correlations *c, CsTallyState *state, int64 pair, int i, int j)
{
	double		x = c->dev.off[i],
				y = c->dev.off[j];
	CsExact    *sums = CsTallySums(pass, state, c->own_sums) + pair * OWN_SUMS;
	double	   *lowest = CsTallyNumbers(pass, state, c->own_lowest) + pair * OWN_ENDS;
	double	   *highest = CsTallyNumbers(pass, state, c->own_highest) + pair * OWN_ENDS;

	CsTallyCounts(pass, state, c->own_rows)[pair]++;
	CsTallySum(&sums[OWN_X], x, c->dev.scale);
	CsTallySum(&sums[OWN_Y], y, c->dev.scale);
	CsTallySum(&sums[OWN_XX], x * x, c->dev.scale);
	CsTallySum(&sums[OWN_YY], y * y, c->dev.scale);
	lowest[0] = Min(lowest[0], pass->number[i]);
	lowest[1] = Min(lowest[1], pass->number[j]);
	highest[0] = Max(highest[0], pass->number[i]);
	highest[1] = Max(highest[1], pass->number[j]);
}

static void
AddCorrelations(CsTally *pass, void *own, CsTallyState *state)
{
	const Correlations *c = own;
	const double *off = c->dev.off;
	CsExact    *sums = CsTallySums(pass, state, c->sums);
	CsExact    *product = CsTallySums(pass, state, c->products);
	int			d = c->dev.d;
	int64		pair = 0;

	CsDeviationsTake(&c->dev, pass->number);
	for (int i = 0; i < d; i++)
	{
		bool		lacks = isinf(pass->number[i]) || isnan(pass->number[i]);

		if (lacks && c->is_complete[i])
			CsTallyCountsChanged();
		if (!lacks)
			CsTallySum(&sums[i], off[i], c->dev.scale);
		for (int j = i; j < d; j++, product++)
		{
			bool		is_own = i != j && !(c->is_complete[i] && c->is_complete[j]);

			if (!lacks && isfinite(pass->number[j]))
			{
				CsTallySum(product, off[i] * off[j], c->dev.scale);
				if (is_own)
					AddOwn(pass, c, state, pair, i, j);
			}
			pair += is_own;
		}
	}
}

const CsTallyKind CsCorrelationPass = {"correlations", .open = OpenCorrelations, .add = AddCorrelations};

/* The covariance of n pairs, ddof 0, from the means of their products and of either side. */
static inline double
Covariance(const Correlations *c, const CsExact *product, const CsExact *x, const CsExact *y, double n)
{
	return CsExactMean(product, c->dev.exponent, n) -
		CsExactMean(x, c->dev.exponent, n) * CsExactMean(y, c->dev.exponent, n);
}

/* The correlation of n pairs, by their sums and those of either side. */
static double
CorrelationOf(const Correlations *c, double n, const CsExact *xy, const CsExact *x, const CsExact *y, const CsExact *xx,
			  const CsExact *yy)
{
	return CsPearsonOf(Covariance(c, xy, x, y, n), Covariance(c, xx, x, x, n), Covariance(c, yy, y, y, n));
}

/* Does the variance of n deviations say little? */
static bool
IsBlurred(const Correlations *c, const CsExact *sum, const CsExact *squares, double n)
{
	return CsDeviationsBlur(&c->dev, CsExactMean(sum, c->dev.exponent, n), Covariance(c, squares, sum, sum, n));
}

/* Where the values of a pair lie, palloc'd. */
static CsPair *
PairOf(const Correlations *c, int i, int j, double n, const CsExact *sums, const double *lowest, const double *highest)
{
	CsPair	   *pair = palloc(sizeof(CsPair));

	for (int side = 0; side < 2; side++)
	{
		int			column = side == 0 ? i : j;
		double		off = CsExactMean(&sums[OWN_X + side], c->dev.exponent, n);

		pair->column[side] = column;
		CsMiddleOf(c->dev.middle[column] + off / c->dev.size[column], lowest[side], highest[side], &pair->middle[side],
				   &pair->reach[side]);
	}
	return pair;
}

/* The correlation of a pair of which some rows lack one; where it says little, the pair goes to the blurred ones (CsPair *). */
static CsPearson
ReadOwn(const CsTally *pass, const Correlations *c, const CsTallyState *state, const CsExact *product, int64 pair, int i,
		int j, List **blurred)
{
	const CsExact *sums = CsTallySums(pass, state, c->own_sums) + pair * OWN_SUMS;
	const double *lowest = CsTallyNumbers(pass, state, c->own_lowest) + pair * OWN_ENDS;
	const double *highest = CsTallyNumbers(pass, state, c->own_highest) + pair * OWN_ENDS;
	CsPearson	result = {CsTallyCounts(pass, state, c->own_rows)[pair], NAN};
	double		n = (double) result.n;

	if (result.n == 0 || !(lowest[0] < highest[0]) || !(lowest[1] < highest[1]))
		return result;
	if (IsBlurred(c, &sums[OWN_X], &sums[OWN_XX], n) || IsBlurred(c, &sums[OWN_Y], &sums[OWN_YY], n))
		*blurred = lappend(*blurred, PairOf(c, i, j, n, sums, lowest, highest));
	else
		result.r = CorrelationOf(c, n, product, &sums[OWN_X], &sums[OWN_Y], &sums[OWN_XX], &sums[OWN_YY]);
	return result;
}

/*
 * The correlations, as many by as many, of columns i < j; others are not set.  Palloc'd, as are the pairs (CsPair *) that
 * are to be measured once more, about middles of their own.
 */
CsPearson *
CsCorrelationRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, const CsColumnReach *columns,
				  int64 nrows, List **blurred)
{
	const Correlations *c = part->own;
	const CsExact *sums = CsTallySums(pass, state, c->sums);
	const CsExact *products = CsTallySums(pass, state, c->products);
	int			d = c->dev.d;
	CsPearson  *result = palloc_extended(sizeof(CsPearson) * Max((Size) d * d, 1), MCXT_ALLOC_HUGE);
	Size	   *square = palloc(sizeof(Size) * Max(d, 1));
	Size		at = 0;
	int64		pair = 0;

	*blurred = NIL;
	for (int i = 0; i < d; at += d - i, i++)
		square[i] = at;
	for (int i = 0; i < d; i++)
		for (int j = i + 1; j < d; j++)
		{
			CsPearson  *r = &result[(Size) i * d + j];
			const CsExact *product = &products[square[i] + j - i];

			if (!(c->is_complete[i] && c->is_complete[j]))
				*r = ReadOwn(pass, c, state, product, pair++, i, j, blurred);
			else if (columns[i].is_constant || columns[j].is_constant || nrows == 0)
				*r = (CsPearson) {nrows, NAN};
			else
				*r = (CsPearson) {nrows, CorrelationOf(c, (double) nrows, product, &sums[i], &sums[j],
													   &products[square[i]], &products[square[j]])};
		}
	pfree(square);
	return result;
}
