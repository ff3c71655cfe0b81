/*
 * math.h
 *	  Kernels in plain C: distances over blocks, sorting, quantiles, random numbers, exp and log,
 *	  linear algebra.
 *	  Pointers and sizes in, pointers out; no NaN unless said; nothing of PostgreSQL but
 *	  CHECK_FOR_INTERRUPTS.
 */
#ifndef CUSTSEG_MATH_H
#define CUSTSEG_MATH_H

#include "custseg.h"

#include <math.h>

/* Kernels take rows 16 at a time: buffers have room for a multiple of that. */
#define CS_PAD_ROWS(nrows) (((nrows) + 15) & ~15)

/* Rows whose distances to all centres CsNearest holds at a time. */
#define CS_GROUP_ROWS 128

/*
 * distance.c: rows are column-major, x[j * stride + r]; centres row by row, centers[c * d + j].
 * The sum over features runs in order for each pair, so that every kernel, every instruction set
 * and the scorer give the same bits.
 */
extern void CsSquaredDistances(int d, int nrows, const double *x, int stride,
							   int k, const double *centers, double *distance);
extern void CsManhattanDistances(int d, int nrows, const double *x, int stride,
								 int k, const double *centers, double *distance);
extern void CsNearest(int d, int nrows, const double *x, int stride, int k, const double *centers,
					  double *scratch, int32 *label, double *nearest, double *second);
extern void CsOwnDistances(int d, int nrows, const double *x, int stride, const double *centers,
						   const int32 *label, double *distance);
extern void CsRoundedDistances(int d, int nrows, const float *z, const float *point,
							   float *distance);

/*
 * filter.c: labels as CsNearest gives them, by single precision where that is certain, else -1.
 * Rows and centres are first rounded to float about an origin: rows to d * CS_FILTER_ROWS(nrows)
 * floats and a reach for each tile, centres to 1 + k * (d + 1) floats.
 */
#define CS_FILTER_TILE 32
#define CS_FILTER_ROWS(nrows) (((nrows) + CS_FILTER_TILE - 1) / CS_FILTER_TILE * CS_FILTER_TILE)

extern void CsFilterRows(int d, int nrows, const double *x, int stride, const double *origin,
						 double scale, float *z, float *reach);
extern void CsFilterCenters(int d, int k, const double *centers, const double *origin,
							double scale, float *form);
extern bool CsFilterNearest(int d, int nrows, const float *z, const float *reach, int k,
							const float *form, int32 *label);

/* Add to a running sum by Neumaier's compensated summation; the total is sum + compensation. */
static inline void
CsAddCompensated(double *sum, double *compensation, double part)
{
	double		total = *sum + part;

	*compensation += fabs(*sum) >= fabs(part) ? (*sum - total) + part : (part - total) + *sum;
	*sum = total;
}

/* sort.c: ascending, in place; scratch of n doubles makes it a radix sort.  No NaN. */
extern void CsSortDoubles(double *x, int64 n, double *scratch);

/* The same, and the rows that the values belong to with them; equal values stay in their order. */
extern void CsSortRows(double *x, uint32 *rows, int64 n, double *scratch, uint32 *row_scratch);

/* Quantile of sorted values, type 7 (R's and NumPy's default); n >= 1, 0 <= p <= 1. */
extern double CsQuantileSorted(const double *sorted, int64 n, double p);

/* rng.c: xoshiro256** seeded by splitmix64; the stream is custseg's own and never changes. */
typedef struct CsRng
{
	uint64		s[4];
} CsRng;

extern void CsRngSeed(CsRng *rng, uint64 seed, uint64 stream);
extern uint64 CsRngNext(CsRng *rng);
extern double CsRngDouble(CsRng *rng);	/* [0, 1) */
extern uint64 CsRngBelow(CsRng *rng, uint64 n); /* 0..n-1, no bias */
/* m of 0..n-1 without replacement, ascending (Floyd); result holds m */
extern void CsRngSample(CsRng *rng, int64 n, int64 m, int64 *result);

/*
 * A sample of what comes one by one, each with the same chance (Waterman's algorithm R, Vitter 1985).
 * Place: where in the sample the next one goes, below "room"; -1: it is not in the sample.
 */
typedef struct CsReservoir
{
	int64		room;
	int64		seen;
	CsRng		rng;
} CsReservoir;

extern void CsReservoirInit(CsReservoir *r, int64 room, uint64 seed, uint64 stream);
extern int64 CsReservoirPlace(CsReservoir *r);

/*
 * exponential.c: x[i] becomes exp(x[i]), numbers of at most 709 (0 below -708); log(x[i]), positive
 * normal numbers.  n is a multiple of 8.  Within one unit in the last place, and the same bits on
 * every machine.
 */
extern void CsExp(int n, double *x);
extern void CsLog(int n, double *x);

/*
 * linear.c: symmetric eigenproblem by LAPACK dsyevr.  The matrix is d x d; values descend,
 * vectors[i * d ...] is the i-th eigenvector with its largest absolute entry positive (lowest
 * index on ties).  Returns LAPACK's info, 0 for success.
 */
extern int	CsSymmetricEigen(int d, const double *matrix, double *values, double *vectors);

/*
 * Lower Cholesky factor, and inverse of a lower triangular matrix, in place.  Matrices are given by
 * their lower triangle: a[CsTriangle(i) + j] is in row i, column j.  False when a is not positive
 * definite.
 */
#define CsTriangle(n) ((Size) (n) * ((Size) (n) + 1) / 2)

extern bool CsCholesky(int d, double *a);
extern void CsInvertTriangle(int d, double *a);

/*
 * special.c: Gamma(x) over Stirling's formula for it, x > 0; log(1 + x) - x, x > -1; the upper
 * incomplete gamma function over Gamma(a), a > 0, x finite, to some 12 digits.
 */
extern double CsGammaStar(double x);
extern double CsLogMinusLinear(double x);
extern double CsGammaUpper(double a, double x);

/*
 * The regularised incomplete beta function I_x(a, b), a, b > 0; y is 1 - x, given as well so that
 * neither loses its digits.  Small results keep theirs.
 */
extern double CsBetaLower(double a, double b, double x, double y);

/*
 * cross_moments.c: rows, mean and centred cross products (those with j >= i until Finish) of d columns, in
 * one array of Size bytes, which is all 0 for no rows.  At finds its parts.
 *
 * Join accounts for rows by their number and mean: their own products, if there are more rows than one,
 * have been added or are to be.  Merge adds other moments.  AddBlock adds "nrows" rows, column by column
 * "stride" apart, a multiple of 8; it centres them in place, "mean" holds d, and there must be room for
 * CS_CROSS_TILE columns behind the last.  Finish divides the products and fills in the other half.
 */
typedef struct CsCrossMoments
{
	int			d;
	double	   *nrows;
	double	   *mean;			/* d */
	double	   *products;		/* d x d */
} CsCrossMoments;

#define CS_CROSS_TILE 4

extern Size CsCrossMomentsSize(int d);
extern CsCrossMoments CsCrossMomentsAt(double *array, int d);
extern void CsCrossMomentsJoin(CsCrossMoments *to, double nrows, const double *mean);
extern void CsCrossMomentsMerge(CsCrossMoments *to, const CsCrossMoments *from);
extern void CsCrossMomentsAddBlock(CsCrossMoments *m, double *block, int stride, int nrows,
								   double *mean);
extern void CsCrossMomentsFinish(CsCrossMoments *m, double divisor);

/* Optimal assignment: row i of the n x n profit matrix gets column result[i], total maximal. */
extern void CsAssignMaximum(int n, const double *profit, int *result);

#endif							/* CUSTSEG_MATH_H */
