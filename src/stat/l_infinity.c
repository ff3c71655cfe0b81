/*
 * l_infinity.c
 *	  The largest change of a level's share between two samples: max |p - q|.
 *
 * Whether it is one by chance the chi-square test of all levels tells.
 */
#include "custseg.h"

#include <math.h>

#include "stat/shares.h"
#include "stat/statistic.h"

static double
Change(const CsLevelRows *level, const int64 *rows)
{
	return fabs((double) level->count[1] / rows[1] - (double) level->count[0] / rows[0]);
}

/* The level whose share has changed most; the first one on ties, -1 without levels. */
int
CsLargestChange(const CsLevelRows *levels, int nlevels, const int64 *rows)
{
	int			largest = nlevels > 0 ? 0 : -1;

	for (int i = 1; i < nlevels; i++)
		if (Change(&levels[i], rows) > Change(&levels[largest], rows))
			largest = i;
	return largest;
}

static CsMeasure
Measure(const CsComparison *c)
{
	int			largest = CsLargestChange(c->levels, c->nlevels, c->rows);

	if (largest < 0)
		return CS_NO_MEASURE;
	return CsMeasureBetween(Change(&c->levels[largest], c->rows), c->chi_square.p,
							Change(&c->levels[largest], c->rows),
							CsShareChangeError(c->levels[largest].count[0], c->rows[0],
											   c->levels[largest].count[1], c->rows[1]));
}

const CsStatistic CsStatistic_l_infinity = {
	"l_infinity", .of_levels = true, .words = "largest change of a share",
	.watch = 0.1, .drifted = 0.2, .most = 1, .measure = Measure
};
