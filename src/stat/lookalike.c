/*
 * lookalike.c
 *	  How much better than random picks a ranking finds those who are known to belong, and are held out.
 *
 * Random picks find the share of those held out that they take of all.  The lift is the share that the ranking finds
 * over that; its interval is the exact one of the share, because of few who are held out chance may well find one.
 *
 * The area under the curve has the variance of Hanley and McNeil (Radiology 143, 1982), and its interval holds the areas
 * that, with the variance they themselves would have, are no farther from the one seen than the confidence allows (as
 * Wilson's interval of a share; Newcombe, Statistics in Medicine 25, 2006).  With the variance of the area that was seen,
 * the interval would be empty where all who are held out come first.
 */
#include "custseg.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "math/math.h"
#include "stat/lookalike.h"
#include "stat/prediction.h"
#include "stat/shares.h"

/* How many of those held out are among the first; of those who are tied for the last places, as many as chance has it. */
static double
CountFound(int64 n, const double *score, const double *is_held_out, int64 first)
{
	double	   *sorted = palloc_extended(sizeof(double) * 2 * n, MCXT_ALLOC_HUGE);
	double		border;
	double		above = 0,
				tied = 0,
				found = 0,
				tied_found = 0;

	memcpy(sorted, score, sizeof(double) * n);
	CsSortDoubles(sorted, n, sorted + n);
	border = sorted[n - first];
	pfree(sorted);
	for (int64 i = 0; i < n; i++)
	{
		above += score[i] > border;
		tied += score[i] == border;
		found += score[i] > border ? is_held_out[i] : 0;
		tied_found += score[i] == border ? is_held_out[i] : 0;
	}
	return found + tied_found * ((double) first - above) / tied;
}

/* The standard error of an area under the curve, of so many who belong and so many others. */
static double
AreaError(double auc, double n_in, double n_out)
{
	double		q_in = auc / (2 - auc) - auc * auc,
				q_out = 2 * auc * auc / (1 + auc) - auc * auc;

	return sqrt(Max(auc * (1 - auc) + (n_in - 1) * q_in + (n_out - 1) * q_out, 0) / (n_in * n_out));
}

/* How far from an area, on the side of "end", 0 or 1, another one may be: z of its own standard errors. */
static double
AreaLimit(double auc, double end, double z, double n_in, double n_out)
{
	double		inside = auc,
				outside = end;

	for (;;)
	{
		double		middle = (inside + outside) / 2;

		if (middle == inside || middle == outside)
			return middle;
		if (fabs(middle - auc) <= z * AreaError(middle, n_in, n_out))
			inside = middle;
		else
			outside = middle;
	}
}

/*
 * What the first so many of n customers, the highest scores first, show: is_held_out is 1 of those who belong, else 0;
 * there is one of each at least, and 1 <= first <= n.
 */
CsRankingLift
CsRankingLiftOf(int64 n, const double *score, const double *is_held_out, int64 first, double confidence)
{
	CsRankingLift r;
	double		held_out = 0,
				share = (double) first / n,
				z = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2);

	for (int64 i = 0; i < n; i++)
		held_out += is_held_out[i];
	r.n_found = CountFound(n, score, is_held_out, first);
	r.lift = r.n_found / held_out / share;
	CsExactInterval(r.n_found, held_out, confidence, &r.low, &r.high);
	r.low /= share;
	r.high /= share;
	r.auc = CsAreaUnderCurve(n, is_held_out, score);
	r.auc_low = AreaLimit(r.auc, 0, z, held_out, n - held_out);
	r.auc_high = AreaLimit(r.auc, 1, z, held_out, n - held_out);
	return r;
}
