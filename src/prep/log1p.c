/*
 * log1p.c
 *	  Transform "log1p": ln(1 + x).
 */
#include "custseg.h"

#include "prep/internal.h"

static void
Apply(const double *fitted, int nfitted, int nrows, double *y)
{
	for (int r = 0; r < nrows; r++)
		y[r] = log1p(y[r]);
}

const CsTransform CsLog1p = {{"log1p"}, .above = -1, .apply = Apply};
