/*
 * marginal.c
 *	  Marginal homogeneity of a square table: the test of Stuart and Maxwell.
 *
 * n(i, j) rows were in category i before and are in j now.  With d(i) = n(i, .) - n(., i) and its
 * covariance under the hypothesis that both margins are the same, V(i, i) = n(i, .) + n(., i) -
 * 2 n(i, i) and V(i, j) = -(n(i, j) + n(j, i)), the statistic d' V^- d follows a chi-square law
 * with rank(V) degrees of freedom.  Of two categories it is McNemar's test, without a correction.
 * (Stuart, Biometrika 42, 1955; Maxwell, British Journal of Psychiatry 116, 1970.)
 *
 * V is the Laplacian of a graph: categories are its nodes, and rows that went from one to another,
 * or back, the weight of an edge.  So its rank is k less the number of connected parts, among them
 * each category that nobody entered or left; within a part d sums to 0, and leaving out one of its
 * categories leaves a positive definite matrix and the same statistic.  No tolerance has to tell a
 * singular matrix from a regular one.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/marginal.h"

/* Connect what rows have moved between; returns the part of each category, palloc'd. */
static int *
FindParts(const CsCell *cells, int64 ncells, int k)
{
	int		   *parent = palloc(sizeof(int) * k);

	for (int i = 0; i < k; i++)
		parent[i] = i;
	for (int64 i = 0; i < ncells; i++)
	{
		if (cells[i].count > 0)
			parent[CsFindRoot(parent, cells[i].row)] = CsFindRoot(parent, cells[i].column);
	}
	for (int i = 0; i < k; i++)
		parent[i] = CsFindRoot(parent, i);
	return parent;
}

/* Give the categories of a part but its last one a place, -1 to all others; returns how many. */
static int
PlaceMembers(const int *part, int k, int which, int *place)
{
	int			last = -1,
				n = 0;

	for (int i = 0; i < k; i++)
	{
		place[i] = -1;
		if (part[i] == which)
			last = i;
	}
	for (int i = 0; i < last; i++)
	{
		if (part[i] == which)
			place[i] = n++;
	}
	return n;
}

/* Add a cell to the lower triangle of V and to d, as far as its categories have a place. */
static void
AddCell(const CsCell *cell, const int *place, double *v, double *d)
{
	int			i = place[cell->row],
				j = place[cell->column];
	double		n = (double) cell->count;

	if (cell->row == cell->column)
		return;
	if (i >= 0)
	{
		v[CsTriangle(i) + i] += n;
		d[i] += n;
	}
	if (j >= 0)
	{
		v[CsTriangle(j) + j] += n;
		d[j] -= n;
	}
	if (i >= 0 && j >= 0)
		v[CsTriangle(Max(i, j)) + Min(i, j)] -= n;
}

/* d' V^-1 d: the squared length of what solves L x = d.  V and d are destroyed. */
static double
QuadraticForm(int n, double *v, double *d)
{
	double		sum = 0;

	if (!CsCholesky(n, v))
		elog(ERROR, "covariance of marginal differences is not positive definite");
	for (int i = 0; i < n; i++)
	{
		const double *row = v + CsTriangle(i);

		for (int j = 0; j < i; j++)
			d[i] -= row[j] * d[j];
		d[i] /= row[i];
		sum += d[i] * d[i];
	}
	return sum;
}

/*
 * Stuart and Maxwell's test of a square table: cells[].row is the category before, column the
 * category after, both in 0..k-1.  Each pair is given once at most.
 */
CsMarginalResult
CsStuartMaxwell(const CsCell *cells, int64 ncells, int k)
{
	CsMarginalResult result = {0, 0, NAN};
	int		   *part = FindParts(cells, ncells, k);
	int		   *place = palloc(sizeof(int) * k);
	double	   *v = palloc(sizeof(double) * CsTriangle(k));
	double	   *d = palloc(sizeof(double) * k);

	Assert(k <= CS_MAX_MARGINAL_CATEGORIES);
	for (int which = 0; which < k; which++)
	{
		int			n;

		CHECK_FOR_INTERRUPTS();
		n = part[which] == which ? PlaceMembers(part, k, which, place) : 0;
		if (n == 0)
			continue;
		memset(v, 0, sizeof(double) * CsTriangle(n));
		memset(d, 0, sizeof(double) * n);
		for (int64 i = 0; i < ncells; i++)
			AddCell(&cells[i], place, v, d);
		result.statistic += QuadraticForm(n, v, d);
		result.df += n;
	}
	if (result.df == 0)
		result.statistic = NAN;
	else
		result.p = CsChiSquareUpper(result.statistic, result.df);
	pfree(part);
	pfree(place);
	pfree(v);
	pfree(d);
	return result;
}
