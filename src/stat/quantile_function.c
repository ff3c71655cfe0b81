/*
 * quantile_function.c
 *	  A sample of which only quantiles are kept, compared with one that is at hand.
 *
 * Of the n values of a baseline there are quantiles at equal steps, from the minimum to the
 * maximum; between two of them the quantile function is taken to be linear, as that of type 7
 * (Hyndman and Fan 1996) is between two values.  Several equal quantiles are a frequent value, an
 * atom; where in the steps beside them its share begins and ends is not known, and half-way is
 * taken for it.  So no share is off by more than half a step there: 0.0005 with 1,001 quantiles.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/tests.h"

/* Is this quantile's value so frequent that a neighbor is the same? */
static bool
IsAtom(const double *quantiles, int nquantiles, int i)
{
	return (i > 0 && quantiles[i - 1] == quantiles[i]) ||
		(i < nquantiles - 1 && quantiles[i + 1] == quantiles[i]);
}

/* CsQuantileShares() of a value that is beyond the gap of the one before. */
void
CsQuantileSharesNext(const double *quantiles, int nquantiles, double value, CsQuantileCursor *at,
					 double *before, double *upto)
{
	int			below = at->next,
				upto_count;
	double		from,			/* shares in steps, beside the gap that the value is in */
				to,
				steps = nquantiles - 1;

	while (below < nquantiles && quantiles[below] < value)
		below++;
	for (upto_count = below; upto_count < nquantiles && quantiles[upto_count] == value;)
		upto_count++;
	at->next = upto_count;
	at->gap = false;
	from = below - 1 + (below > 0 && IsAtom(quantiles, nquantiles, below - 1) ? 0.5 : 0);
	to = below - (below < nquantiles && IsAtom(quantiles, nquantiles, below) ? 0.5 : 0);
	if (upto_count > below)
	{
		*before = below == 0 ? 0 : to / steps;
		*upto = upto_count == nquantiles ? 1 :
			(upto_count - 1 + (upto_count - below > 1 ? 0.5 : 0)) / steps;
	}
	else if (below == 0)
		*before = *upto = 0;
	else if (below == nquantiles)
		*before = *upto = 1;
	else
	{
		double		low = quantiles[below - 1],
					width = quantiles[below] - low,
					slope = (to - from) / steps / width;

		if (isfinite(width) && isfinite(slope))
			*at = (CsQuantileCursor) {below, true, low, quantiles[below], from / steps, slope};
		*before = *upto = (from + (isfinite(width) ? (value - low) / width * (to - from) : 0)) / steps;
	}
}

/* CsBinShares() of a baseline of which quantiles are kept. */
void
CsQuantileBinShares(const double *quantiles, int nquantiles, const CsBinEdge *edges, int nedges,
					double *share)
{
	double		done = 0;

	for (int i = 0; i <= nedges; i++)
	{
		double		before = 1,
					upto = 1,
					reached;
		CsQuantileCursor at = {0};

		if (i < nedges)
			CsQuantileShares(quantiles, nquantiles, edges[i].value, &at, &before, &upto);
		reached = i < nedges && edges[i].inclusive ? before : upto;
		share[i] = reached - done;
		done = reached;
	}
}

/* The area between a line, from one difference to another over a width, and 0. */
static double
AreaBetween(double from, double to, double width)
{
	double		a = fabs(from),
				b = fabs(to);

	if ((from < 0) == (to < 0) || a == 0 || b == 0)
		return width * (a / 2 + b / 2);
	/* it crosses 0 at a / (a + b) */
	return width * (a / 2 * (a / (a + b)) + b / 2 * (b / (a + b)));
}

/*
 * CsWasserstein() from a baseline of which quantiles are kept to a sample.  The sample is reduced
 * to the same quantiles, so that what linear interpolation makes of long tails is the same on both
 * sides.
 */
double
CsWassersteinQuantiles(const double *quantiles, int nquantiles, int64 n, const CsSortedRuns *current)
{
	int			steps = nquantiles - 1;
	double		sum = 0,
				compensation = 0,
				last = current->value[0] - quantiles[0];

	if (n == nquantiles)
		return CsWasserstein(quantiles, n, current);
	for (int i = 1; i <= steps; i++)
	{
		double		next = CsSortedQuantile(current, (double) i / steps) - quantiles[i];

		CsAddCompensated(&sum, &compensation, AreaBetween(last, next, 1.0 / steps));
		last = next;
	}
	return isfinite(sum) ? sum + compensation : sum;
}
