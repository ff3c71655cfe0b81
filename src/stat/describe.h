/*
 * describe.h
 *	  What a sample of numbers is like, from its moments and from its sorted values.
 */
#ifndef CUSTSEG_STAT_DESCRIBE_H
#define CUSTSEG_STAT_DESCRIBE_H

#include "math/math.h"

extern double CsMomentsSkewness(const CsMoments *m);
extern double CsMomentsKurtosis(const CsMoments *m);
extern double CsJarqueBera(const CsMoments *m, double *p);

/*
 * Tukey's fences: so many interquartile ranges below the first quartile and above the third
 * (Exploratory Data Analysis, 1977).
 */
static inline void
CsTukeyFences(double first, double third, double factor, double *low, double *high)
{
	*low = first - factor * (third - first);
	*high = third + factor * (third - first);
}

/* A kernel is nothing beyond so many bandwidths: exp(-x^2 / 2) is below 1e-16. */
#define CS_KERNEL_REACH 8.6

extern int	CsBinsOf(double range, double iqr, int64 n, int most);
extern double CsBandwidth(double iqr, int64 n, double deviation);
extern double CsKernelDensity(const double *sorted, int64 n, double bandwidth, double x);
extern double CsLorenz(const double *sorted, int64 n, int points, double *curve, double *total);

/* Values of which their number, their ends and their sum are known. */
typedef struct CsValuePiece
{
	int64		n;
	double		low,
				high;
	double		sum;
} CsValuePiece;

extern double CsLorenzOfPieces(const CsValuePiece *pieces, int npieces, int points, double *curve, double *total, double *error);
extern double CsLargestShareOfSorted(const double *sorted, int n);
extern double CsShareBeyond(const double *x, int n, double low, double high);
#endif							/* CUSTSEG_STAT_DESCRIBE_H */
