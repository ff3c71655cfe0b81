/*
 * histogram_passes.c
 *	  histogram() of a column whose rows are on other servers: by passes.
 *
 *	 survey			values and their ends
 *	 moments		twice: means, and then deviations from them
 *	 orders			quartiles, and then ranks of the ends of bins, by as many passes as it takes
 *	 density		exact sums at the middles of bins
 *
 * Bins and their counts are those of the same rows here, densities but for their last bits.
 */
#include "custseg.h"

#include <math.h>

#include "dist/dist.h"
#include "explore/explore.h"
#include "stat/density_pass.h"

/* How far the values of the one column of a look lie apart, by passes; there are some. */
void
CsHistogramSpreadByPasses(CsLook *look, CsStudy *study, CsHistogram *h)
{
	CsStudyColumn *s = &study->column[0];
	double		first = NAN,
				third = NAN;

	h->low = s->lowest;
	h->high = s->highest;
	CsLookMomentsByPasses(look, study);
	h->deviation = CsMomentsDeviation(&look->columns[0].moments, 1);
	do
	{
		(void) CsOrderQuantile(s->order, 0.25, &first);
		(void) CsOrderQuantile(s->order, 0.75, &third);
	} while (CsStudyAnswer(study));
	h->iqr = third - first;
}

/* Find the density in the middle of each bin. */
static void
FindDensity(const CsStudy *study, CsHistogram *h)
{
	double		bandwidth = CsBandwidth(h->iqr, h->n, h->deviation);
	double	   *points = palloc(sizeof(double) * h->bins);
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	for (int i = 0; i < h->bins; i++)
	{
		points[i] = CsHistogramMiddle(h, i);
		h->density[i] = NAN;
	}
	if (!(bandwidth > 0 && isfinite(bandwidth)))
		return;
	CsStudyBegin(study, false, NULL, &json);
	CsDensityPlan(&json, points, h->bins, bandwidth, study->nrows);
	run = CsStudyRun(study, &json);
	CsDensityRead(run.pass, &run.pass->parts[0], run.state, h->n, h->density);
}

/* Count the values of the one column by bins, and find the density, by passes. */
void
CsHistogramCountByPasses(CsStudy *study, CsHistogram *h)
{
	CsOrder    *order = study->column[0].order;

	do
	{
		for (int i = 0; i + 1 < h->bins; i++)
			(void) CsOrderBelow(order, CsHistogramEdge(h, i + 1), &h->below[i]);
	} while (CsStudyAnswer(study));
	h->below[h->bins - 1] = h->n;
	FindDensity(study, h);
}
