/*
 * validity.c
 *	  Indices of a clustering that need its segments' moments only: Calinski-Harabasz, Davies-Bouldin.
 *
 * Definitions are scikit-learn's.  With K segments that have rows, n rows in them, m their mean and
 * c the mean of segment c:
 *
 * Calinski and Harabasz (1974): sum n_c |c - m|^2 / (K - 1) over sum |x - c|^2 / (n - K); 1 when
 * the rows of each segment coincide.  Larger is better.
 *
 * Davies and Bouldin (1979): with S the mean Euclidean distance of a segment's rows to their mean
 * and M the distance between two means, the mean over the segments of the largest (S + S') / M; 0
 * when all S or all M are 0, and segments of the same mean do not count.  Smaller is better.
 *
 * Both are undefined, NaN, unless 2 <= K <= n - 1, or when the sums overflow.  Noise is no segment, and its rows do not count.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "stat/stat.h"

/* What scikit-learn takes for 0: numpy.allclose's absolute tolerance. */
#define NEARLY_ZERO 1e-8

/*
 * Is a sum of squared distances 0, apart from the rounding of the means from which they are
 * measured?
 */
bool
CsIsNothing(const CsSegmentMoments *s, int d, double squares)
{
	double		scale = s->total,
				error = 4 * DBL_EPSILON;
	int64		n = 0;

	for (int c = 0; c <= s->k; c++)
		n += s->counts[c];
	for (int j = 0; j < d; j++)
		scale += n * s->mean[j] * s->mean[j];
	return squares <= error * error * scale;
}

/* Sum of squared distances of the segments' means to the mean of all rows in them. */
static double
BetweenSquares(const CsSegmentMoments *s, int d, double n)
{
	double		between = 0;

	for (int j = 0; j < d; j++)
	{
		double		mean = 0;

		for (int c = 0; c < s->k; c++)
			mean += s->counts[c] * s->centers[(Size) c * d + j];
		mean /= n;
		for (int c = 0; c < s->k; c++)
		{
			double		difference = s->centers[(Size) c * d + j] - mean;

			between += s->counts[c] * difference * difference;
		}
	}
	return between;
}

/* Davies and Bouldin's index of the K segments that have rows. */
static double
DaviesBouldin(const CsSegmentMoments *s, int d, int segments)
{
	double		sum = 0,
				farthest = 0,
				widest = 0;

	for (int a = 0; a < s->k; a++)
	{
		double		worst = 0;

		CHECK_FOR_INTERRUPTS();
		if (s->counts[a] == 0)
			continue;
		widest = Max(widest, s->distance[a] / s->counts[a]);
		for (int b = 0; b < s->k; b++)
		{
			double		apart;

			if (b == a || s->counts[b] == 0)
				continue;
			apart = sqrt(CsSegmentsApart(s, d, a, b));
			farthest = Max(farthest, apart);
			if (apart > 0)
				worst = Max(worst, (s->distance[a] / s->counts[a] +
									s->distance[b] / s->counts[b]) / apart);
		}
		sum += worst;
	}
	return farthest <= NEARLY_ZERO || widest <= NEARLY_ZERO ? 0 : sum / segments;
}

/* The validity of a labelling from the moments of its segments. */
CsValidity
CsValidityOfMoments(const CsSegmentMoments *s, int d)
{
	CsValidity	v = {.calinski_harabasz = NAN,.davies_bouldin = NAN};
	int64		n = 0,
				all,
				smallest = PG_INT64_MAX,
				largest = 0;

	for (int c = 0; c < s->k; c++)
	{
		if (s->counts[c] == 0)
			continue;
		v.segments++;
		n += s->counts[c];
		smallest = Min(smallest, s->counts[c]);
		largest = Max(largest, s->counts[c]);
		v.within += s->squared[c];
	}
	all = n + s->counts[s->k];
	v.noise_share = all > 0 ? (double) s->counts[s->k] / all : NAN;
	v.smallest_share = v.segments > 0 ? (double) smallest / all : NAN;
	v.largest_share = v.segments > 0 ? (double) largest / all : NAN;
	if (v.segments < 2 || v.segments > n - 1 || !isfinite(v.within))
		return v;
	v.calinski_harabasz = CsIsNothing(s, d, v.within) ? 1 :
		BetweenSquares(s, d, (double) n) * (n - v.segments) / (v.within * (v.segments - 1));
	v.davies_bouldin = DaviesBouldin(s, d, v.segments);
	return v;
}

/* The validity of a labelling, "labels" an area of int32[nrows]; every row weighs 1. */
CsValidity
CsValidityOfLabels(CsTeam *team, const CsMatrix *m, int labels, int k)
{
	CsSegmentMoments *s = CsMomentsOfSegments(team, m, -1, labels, k);
	CsValidity	v = CsValidityOfMoments(s, m->ncolumns);

	CsSegmentMomentsFree(s);
	return v;
}
