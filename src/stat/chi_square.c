/*
 * chi_square.c
 *	  Pearson's test of independence, the chi-square law, and adjusted p-values.
 *
 * Statistic: sum of (o - e)^2 / e over all cells of the table, e = row total * column total / n
 * (Pearson 1900).  Yates' correction is not made: it holds the test back where it is sound.
 * Cramer's V = sqrt(statistic / (n min(rows - 1, columns - 1))) (Cramer 1946).
 *
 * Only cells with a count are visited, so a table of many rows and columns that is nearly empty
 * costs little.  An empty cell adds its e; those of a row add up to the row's share of the totals
 * of the columns that it does not meet, in integers.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/statistic.h"

/* The test is doubtful where expected counts are lower. */
#define LOW_EXPECTED 5

/* The upper tail of the chi-square law; df >= 1. */
double
CsChiSquareUpper(double x, double df)
{
	return CsGammaUpper(df / 2, x / 2);
}

/* The value that has the given upper tail of the chi-square law; df >= 1. */
double
CsChiSquareUpperInverse(double p, double df)
{
	double		x = 2 * CsGammaUpperInverse(df / 2, p);

	if (!isfinite(x))
		elog(ERROR, "no value of the chi-square law with %g degrees of freedom has the upper tail %g", df, p);
	return x;
}

/* Leave out totals of 0 and sort the rest.  Returns how many are left. */
static int
SortTotals(int64 *totals, int n)
{
	int			left = 0;

	for (int i = 0; i < n; i++)
		if (totals[i] > 0)
			totals[left++] = totals[i];
	qsort_interruptible(totals, left, sizeof(int64), CsCompareInt64, NULL);
	return left;
}

/* Cells with an expected count below LOW_EXPECTED; totals ascend. */
static int64
CountLowExpected(const int64 *rows, int nrows, const int64 *columns, int ncolumns, int64 n)
{
	int64		count = 0;
	int			low = ncolumns;

	/* the larger the row, the fewer columns leave a low count */
	for (int i = 0; i < nrows; i++)
	{
		while (low > 0 && (double) rows[i] * columns[low - 1] >= (double) LOW_EXPECTED * n)
			low--;
		count += low;
	}
	return count;
}

/* Pearson's statistic; totals by number, n their sum. */
static double
PearsonStatistic(const CsCell *cells, int64 ncells, const int64 *rows, const int64 *columns,
				 int64 n)
{
	double		sum = 0,
				compensation = 0;

	for (int64 first = 0, at; first < ncells; first = at)
	{
		int64		row = rows[cells[first].row],
					missed = n;

		for (at = first; at < ncells && cells[at].row == cells[first].row; at++)
		{
			int64		column = columns[cells[at].column];
			double		expected = (double) row * column / n,
						off = cells[at].count - expected;

			CsCheckInterrupts(at);
			if (column == 0 || row == 0)
				continue;
			missed -= column;
			CsAddCompensated(&sum, &compensation, off * off / expected);
		}
		CsAddCompensated(&sum, &compensation, (double) row * missed / n);
	}
	return sum + compensation;
}

/*
 * Pearson's chi-square test of a contingency table.  Rows and columns without a count are left out.
 */
CsChiSquareResult
CsChiSquareTest(const CsCell *cells, int64 ncells, int nrows, int ncolumns)
{
	int64	   *rows = palloc0(sizeof(int64) * Max(nrows, 1)),
			   *columns = palloc0(sizeof(int64) * Max(ncolumns, 1));
	CsChiSquareResult result = {NAN, 0, NAN, NAN, 0, 0};

	for (int64 i = 0; i < ncells; i++)
	{
		rows[cells[i].row] += cells[i].count;
		columns[cells[i].column] += cells[i].count;
		result.n += cells[i].count;
	}
	if (result.n > 0)
		result.statistic = PearsonStatistic(cells, ncells, rows, columns, result.n);
	nrows = SortTotals(rows, nrows);
	ncolumns = SortTotals(columns, ncolumns);
	result.low_expected = CountLowExpected(rows, nrows, columns, ncolumns, result.n);
	result.df = nrows > 0 ? (int64) (nrows - 1) * (ncolumns - 1) : 0;
	if (ncolumns < 2)
		result.statistic = NAN;
	else if (result.df == 0)
	{
		/* one level in all groups: they do not differ */
		result.statistic = 0;
		result.p = 1;
	}
	else
	{
		result.p = CsChiSquareUpper(result.statistic, result.df);
		result.cramers_v = Min(sqrt(result.statistic / result.n / (Min(nrows, ncolumns) - 1)), 1);
	}
	pfree(rows);
	pfree(columns);
	return result;
}

/* A p-value and where it stood. */
typedef struct RankedP
{
	double		p;
	int			at;
} RankedP;

static int
CompareRankedP(const void *x, const void *y, void *unused)
{
	const RankedP *a = x,
			   *b = y;

	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

/* The p-values that count, ascending, those that are equal in their order; palloc'd.  NaN does not count. */
static RankedP *
RankP(const double *p, int n, int *count)
{
	RankedP    *ranked = palloc(sizeof(RankedP) * Max(n, 1));

	*count = 0;
	for (int i = 0; i < n; i++)
	{
		if (isnan(p[i]))
			continue;
		ranked[*count].p = p[i];
		ranked[(*count)++].at = i;
	}
	qsort_interruptible(ranked, *count, sizeof(RankedP), CompareRankedP, NULL);
	return ranked;
}

/*
 * Replace each p by the false discovery rate at which its hypothesis is rejected (Benjamini and
 * Hochberg, Controlling the False Discovery Rate, Journal of the Royal Statistical Society B 57,
 * 1995): from the largest p down, the least p n / rank so far.  NaN stays and does not count.
 */
void
CsAdjustBenjaminiHochberg(double *p, int n)
{
	int			count;
	RankedP    *ranked = RankP(p, n, &count);
	double		least = 1;

	for (int rank = count; rank > 0; rank--)
	{
		least = Min(least, ranked[rank - 1].p * count / rank);
		p[ranked[rank - 1].at] = least;
	}
	pfree(ranked);
}

/*
 * Replace each p by the level at which its hypothesis is rejected while the probability of any false
 * rejection is held to that level (Holm, Scandinavian Journal of Statistics 6, 1979): from the least p up,
 * the largest p (n - rank + 1) so far.  NaN stays and does not count.
 */
void
CsAdjustHolm(double *p, int n)
{
	int			count;
	RankedP    *ranked = RankP(p, n, &count);
	double		largest = 0;

	for (int i = 0; i < count; i++)
	{
		largest = Min(Max(largest, ranked[i].p * (count - i)), 1);
		p[ranked[i].at] = largest;
	}
	pfree(ranked);
}

static CsMeasure
MeasureChiSquare(const CsComparison *c)
{
	return CsMeasureOf(c->chi_square.statistic, c->chi_square.p);
}

const CsStatistic CsStatistic_chi_square = {
	"chi_square", .of_levels = true, .measure = MeasureChiSquare
};

static CsMeasure
MeasureCramersV(const CsComparison *c)
{
	return CsMeasureOf(c->chi_square.cramers_v, c->chi_square.p);
}

const CsStatistic CsStatistic_cramers_v = {
	"cramers_v", .of_levels = true, .measure = MeasureCramersV
};
