/*
 * rules_gain.c
 *	  How certain it is that new borders separate the segments better.
 *
 * Rows are drawn again and again, as many as there are, each with its segment by the borders of before and
 * by those of after (paired bootstrap, Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
 * chapter 13).  The gain in eta squared of each draw is taken; its quantiles are the interval.
 */
#include "custseg.h"

#include "algo/rules.h"
#include "math/math.h"
#include "miscadmin.h"

#define DRAWS 999

/* Rows as they are drawn: counts and sums of both labellings, and of all. */
typedef struct Draw
{
	int			ncolumns;		/* that are separated */
	const double *from;			/* the first of them in the first row */
	double	   *mean;			/* of all rows: taken off, so that squares keep their digits */
	int64	   *n[2];			/* a segment */
	double	   *sums[2];		/* nsegments x ncolumns */
	double	   *all;			/* sum of a column */
	double		squares;		/* of all columns */
} Draw;

static Draw
MakeDraw(const CsRuleRows *rows, int nsegments)
{
	Draw		d = {.ncolumns = rows->outcome >= 0 ? 1 : rows->ncolumns};

	d.from = rows->z + Max(rows->outcome, 0);
	d.mean = palloc0(sizeof(double) * d.ncolumns);
	d.all = palloc(sizeof(double) * d.ncolumns);
	for (int side = 0; side < 2; side++)
	{
		d.n[side] = palloc(sizeof(int64) * nsegments);
		d.sums[side] = palloc(sizeof(double) * nsegments * d.ncolumns);
	}
	for (int64 i = 0; i < rows->n; i++)
		for (int j = 0; j < d.ncolumns; j++)
			d.mean[j] += d.from[i * rows->ncolumns + j] / (double) rows->n;
	return d;
}

/* Draw as many rows as there are. */
static void
DrawRows(Draw *d, const CsRuleRows *rows, int *const *labels, int nsegments, CsRng *rng)
{
	memset(d->all, 0, sizeof(double) * d->ncolumns);
	d->squares = 0;
	for (int side = 0; side < 2; side++)
	{
		memset(d->n[side], 0, sizeof(int64) * nsegments);
		memset(d->sums[side], 0, sizeof(double) * nsegments * d->ncolumns);
	}
	for (int64 i = 0; i < rows->n; i++)
	{
		int64		row = (int64) CsRngBelow(rng, (uint64) rows->n);
		double	   *before = d->sums[0] + (Size) labels[0][row] * d->ncolumns;
		double	   *after = d->sums[1] + (Size) labels[1][row] * d->ncolumns;

		Assert(labels[0][row] >= 0 && labels[1][row] >= 0);
		CsCheckInterrupts(i);
		d->n[0][labels[0][row]]++;
		d->n[1][labels[1][row]]++;
		for (int j = 0; j < d->ncolumns; j++)
		{
			double		off = d->from[row * rows->ncolumns + j] - d->mean[j];

			before[j] += off;
			after[j] += off;
			d->all[j] += off;
			d->squares += off * off;
		}
	}
}

/* Eta squared after less before, of what was drawn; 0 where nothing varies. */
static double
GainOfDraw(const Draw *d, int64 nrows, int nsegments)
{
	double		between[2] = {0, 0};
	double		total = d->squares;

	for (int j = 0; j < d->ncolumns; j++)
		total -= d->all[j] * d->all[j] / (double) nrows;
	for (int side = 0; side < 2; side++)
		for (int s = 0; s < nsegments; s++)
			for (int j = 0; j < d->ncolumns && d->n[side][s] > 0; j++)
			{
				double		sum = d->sums[side][(Size) s * d->ncolumns + j];

				between[side] += sum * sum / (double) d->n[side][s];
			}
	return total > 0 ? (between[1] - between[0]) / total : 0;
}

/*
 * The interval of the gain in separation on these rows, between the segments of labels[0] and those of
 * labels[1] (CsRulesLabels()); every row must be in a segment.  Each end is beyond the truth in 5 % of
 * cases.
 */
void
CsRulesGain(const CsRuleRows *rows, int *const *labels, int nsegments, uint64 seed,
			double *low, double *high)
{
	Draw		d = MakeDraw(rows, nsegments);
	double		gains[DRAWS];
	double		scratch[DRAWS];

	for (int i = 0; i < DRAWS; i++)
	{
		CsRng		rng;

		CsRngSeed(&rng, seed, (uint64) i);
		DrawRows(&d, rows, labels, nsegments, &rng);
		gains[i] = GainOfDraw(&d, rows->n, nsegments);
	}
	CsSortDoubles(gains, DRAWS, scratch);
	*low = CsQuantileSorted(gains, DRAWS, 0.05);
	*high = CsQuantileSorted(gains, DRAWS, 0.95);
}
