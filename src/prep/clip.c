/*
 * clip.c
 *	  Ways to clip: limits that numbers are held to.
 */
#include "custseg.h"

#include "math/math.h"
#include "prep/internal.h"

static void
InterquartileRanges(const CsNumbers *x, double limit, double *low, double *high)
{
	double		first = CsNumbersQuantile(x, 0.25);
	double		third = CsNumbersQuantile(x, 0.75);
	double		width = limit * CsInterquartileRange(x, NULL);

	*low = first - width;
	*high = third + width;
}

static void
StandardDeviations(const CsNumbers *x, double limit, double *low, double *high)
{
	double		width = limit * x->sd;

	*low = x->mean - width;
	*high = x->mean + width;
}

static void
Quantiles(const CsNumbers *x, double limit, double *low, double *high)
{
	*low = CsNumbersQuantile(x, limit);
	*high = CsNumbersQuantile(x, 1 - limit);
}

#define STEP(...) (&((const CsClipStep){__VA_ARGS__}).step)
const CsStep *const CsClips[] = {
	[CS_CLIP_NONE] = STEP({"none"}),
	STEP({"iqr"}, .limit = 1.5, .by_quartiles = true, .fit = InterquartileRanges),
	STEP({"zscore"}, .limit = 3, .fit = StandardDeviations),
	STEP({"quantile"}, .limit = 0.01, .is_share = true, .fit = Quantiles),
	NULL
};
