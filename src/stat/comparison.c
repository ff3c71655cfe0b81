/*
 * comparison.c
 *	  Two samples of one column made ready for all statistics: bins of numbers, levels with the rare
 *	  ones as one.
 *
 * Numbers are counted in bins that are cut at the baseline's deciles, and bins with too few rows are
 * merged.  Levels so rare that fewer than 5 rows of them are expected on the smaller side are taken as
 * one: of hundreds of levels seen once or twice no two samples have the same, and no law of chi-square,
 * PSI and their like holds there (Cochran, Some Methods for Strengthening the Common chi-square Tests,
 * Biometrics 10, 1954).
 */
#include "custseg.h"

#include <math.h>

#include "stat/statistic.h"

/* Steps of a sketched baseline that a bin's share must have. */
#define SKETCH_STEPS 5.0

static CsChiSquareResult
NoChiSquare(void)
{
	return (CsChiSquareResult) {.statistic = NAN, .p = NAN, .cramers_v = NAN};
}

/* Count both sides' numbers in bins by the baseline's deciles. */
static void
CountInBins(CsComparison *c)
{
	CsBinEdge	edges[CS_DEFAULT_BINS];
	int			nedges = CsQuantileBins(c->quantiles, c->nquantiles, CS_DEFAULT_BINS, edges);
	bool		is_sketch = c->n[CS_BASELINE] > c->nquantiles;

	if (is_sketch)
		CsQuantileBinShares(c->quantiles, c->nquantiles, edges, nedges, c->share[CS_BASELINE]);
	else
		CsBinShares(&CsSortedValues(c->quantiles, c->nquantiles), edges, nedges, c->share[CS_BASELINE]);
	CsBinShares(&c->current, edges, nedges, c->share[CS_CURRENT]);
	c->nparts = CsMergeRareBins(nedges + 1, c->share[CS_BASELINE], c->n[CS_BASELINE], c->share[CS_CURRENT], c->n[CS_CURRENT],
								is_sketch ? SKETCH_STEPS / (c->nquantiles - 1) : 0);
}

/*
 * Rows that a baseline counts as in the law of PSI.  Where quantiles stand for the values, shares
 * are off by up to half a step on either side of a bin, which weighs like the noise of so many.
 */
static int64
CountedRows(int nquantiles, int64 n)
{
	double		steps = nquantiles - 1;

	return n <= nquantiles ? n : (int64) Min((double) n, steps * steps / 2);
}

/*
 * Compare numbers: the current values with the quantiles of n values of a baseline, whose
 * standard deviation sd may be NaN.  The arrays must live as long as the comparison, which
 * CsComparisonFree() ends.
 */
CsComparison
CsCompareNumbers(const double *quantiles, int nquantiles, int64 n, double sd, const CsSortedRuns *current)
{
	CsComparison c = {
		.quantiles = quantiles, .nquantiles = nquantiles, .current = *current, .n = {n, current->n}, .sd = sd,
		.counted = {CountedRows(nquantiles, n), current->n}, .chi_square = NoChiSquare()
	};

	for (int side = 0; side < 2; side++)
		c.share[side] = palloc(sizeof(double) * CS_DEFAULT_BINS);
	CountInBins(&c);
	return c;
}

/*
 * Compare levels by their rows on both sides.  "rest", if not negative, is the level for rows that
 * one side does not tell apart; it becomes one part together with levels of which fewer than
 * CS_MIN_EXPECTED rows are expected on the smaller side.  The arrays must live as long as the
 * comparison, which CsComparisonFree() ends.
 */
CsComparison
CsCompareLevels(const CsLevelRows *levels, int nlevels, const int64 *rows, int rest)
{
	CsComparison c = {
		.levels = levels, .nlevels = nlevels, .rows = {rows[0], rows[1]}, .counted = {rows[0], rows[1]}
	};
	double		smaller = (double) Min(rows[0], rows[1]) / ((double) rows[0] + (double) rows[1]);
	CsCell	   *cells = palloc(sizeof(CsCell) * 2 * (nlevels + 1));
	CsLevelRows rare = {{0, 0}};

	for (int side = 0; side < 2; side++)
		c.share[side] = palloc(sizeof(double) * (nlevels + 1));
	for (int i = 0; i <= nlevels; i++)
	{
		const CsLevelRows *l = i < nlevels ? &levels[i] : &rare;
		int64		n = l->count[0] + l->count[1];
		bool		is_rare = i < nlevels && (i == rest || n * smaller < CS_MIN_EXPECTED);

		if (n == 0)
			continue;
		for (int side = 0; side < 2; side++)
		{
			if (is_rare)
				rare.count[side] += l->count[side];
			cells[2 * c.nparts + side] = (CsCell) {c.nparts, side, l->count[side]};
			c.share[side][c.nparts] = (double) l->count[side] / rows[side];
		}
		c.nparts += is_rare ? 0 : 1;
	}
	c.chi_square = CsChiSquareTest(cells, 2 * c.nparts, c.nparts, 2);
	pfree(cells);
	return c;
}

/* Free what a comparison has palloc'd. */
void
CsComparisonFree(CsComparison *c)
{
	for (int side = 0; side < 2; side++)
		pfree(c->share[side]);
}
