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
 * distance.c: rows are column-major, x[j * stride + r]; centres lie row by row, centers[c * d + j].
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
 * filter.c: labels as CsNearest() gives them, found in single precision where that is certain.
 * Rows and centres are first rounded to float about an origin.
 */
#define CS_FILTER_TILE 32
#define CS_FILTER_ROWS(nrows) (((nrows) + CS_FILTER_TILE - 1) / CS_FILTER_TILE * CS_FILTER_TILE)

extern void CsFilterRows(int d, int nrows, const double *x, int stride, const double *origin,
						 double scale, float *z, float *reach, float *length);
extern void CsFilterCenters(int d, int k, const double *centers, const double *origin,
							double scale, float *form);
/* In which units margins are kept, and what is added to each, in units. */
typedef struct CsFilterUnits
{
	float		per_unit;
	float		offset;
} CsFilterUnits;

/* Room that lists of changes take, and floats of the scratch for each column. */
#define CS_FILTER_CHANGES (CS_BLOCK_ROWS + CS_FILTER_TILE)
#define CS_FILTER_SCRATCH 64

extern int	CsFilterChanges(int d, int nrows, const float *z, const float *reach, const float *length, int k,
							const float *form, const CsFilterUnits *units, const uint16 *label, uint8 *margin,
							int *row, int32 *found);
extern int	CsFilterSome(int d, int nrows, const float *z, const float *reach, const float *length,
						 const uint8 *flags, int k, const float *form, const CsFilterUnits *units,
						 const uint16 *label, uint8 *margin, float *scratch, int *row, int32 *found);

/*
 * filter_short.c: rows and centres in integers of 16 bits, which processors with instructions for them compare in
 * less time.  Labels found by CsShortChanges() and CsShortSome(), in filter.c, are certain as well.
 */
typedef struct CsShortForm CsShortForm;

/* What is to come to the cache meanwhile: so many lines for each tile, one after the other. */
#define CS_FETCH_LINE 64
typedef struct CsFetch
{
	const char *next;
	int			lines;
} CsFetch;

extern bool CsShortSupported(int d, int k);
extern int	CsShortPairs(int d);
extern void CsShortRows(int d, int nrows, const double *x, int stride, const double *origin, double scale,
						int32 *pairs, uint8 *level);
extern Size CsShortFormSize(int d, int k);
extern void CsShortCenters(int d, int k, const double *centers, const double *origin, double scale,
						   CsShortForm *form);
extern int	CsShortChanges(int d, int nrows, const int32 *pairs, const uint8 *level, int k, const CsShortForm *form,
						   const CsFilterUnits *units, const uint16 *label, uint8 *margin, const CsFetch *fetch,
						   int *row, int32 *found);
extern int	CsShortSome(int d, int nrows, const int32 *pairs, const uint8 *level, const uint8 *flags, int k,
						const CsShortForm *form, const CsFilterUnits *units, const uint16 *label, uint8 *margin,
						float *scratch, int *row, int32 *found);

/* Add to a running sum by Neumaier's compensated summation; the total is sum + compensation. */
static inline void
CsAddCompensated(double *sum, double *compensation, double part)
{
	double		total = *sum + part;

	*compensation += fabs(*sum) >= fabs(part) ? (*sum - total) + part : (part - total) + *sum;
	*sum = total;
}

/*
 * The root of the set that an element is in, by the parents of a forest of disjoint sets (Tarjan 1975);
 * paths are halved on the way.
 */
static inline int32
CsFindRoot(int32 *parent, int32 element)
{
	while (parent[element] != element)
	{
		parent[element] = parent[parent[element]];
		element = parent[element];
	}
	return element;
}

/* The probability whose log odds are x. */
static inline double
CsInverseLogit(double x)
{
	return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

/*
 * moments.c: the number and the mean of values, and sums of powers of their deviations from it.  All
 * but n are those of the values times "scale", a power of two, which is 0 for no values.  The mean is
 * mean + rest.
 */
typedef struct CsMoments
{
	int64		n;
	double		scale;
	double		mean,
				rest;
	double		m2,
				m3,
				m4;
} CsMoments;

extern double CsScaleOf(double largest);
extern double CsLargestOf(const double *x, int64 n);
extern bool CsAreWhole(const double *x, int64 n);

extern void CsMomentsAdd(CsMoments *m, const double *x, int64 n);
extern void CsMomentsMerge(CsMoments *to, const CsMoments *from);
extern void CsMomentsRescale(CsMoments *m, double scale);

/* The deviation of a value from the mean, times the scale. */
static inline double
CsMomentsOff(const CsMoments *m, double x)
{
	return (x * m->scale - m->mean) - m->rest;
}

/* Add a finite value; m3 and m4 are not kept. */
static inline void
CsMomentsAddValue(CsMoments *m, double x)
{
	double		off,
				step;

	if (m->n == 0 || fabs(x) * m->scale >= 2)
		CsMomentsRescale(m, CsScaleOf(fabs(x)));
	off = CsMomentsOff(m, x);
	step = off / (double) ++m->n;
	CsAddCompensated(&m->mean, &m->rest, step);
	m->m2 += off * (off - step);
}

/* The difference of two means of the same scale, times that scale. */
static inline double
CsMeansApart(const CsMoments *a, const CsMoments *b)
{
	return (a->mean - b->mean) + (a->rest - b->rest);
}

extern void CsMomentsAddCopies(CsMoments *m, double value, int64 copies);
extern double CsMomentsMean(const CsMoments *m);
extern double CsMomentsDeviation(const CsMoments *m, int lost);
extern double CsMomentsSpread(const CsMoments *m, int lost);

/*
 * reproducible.c: the first two moments of values, fewer than 2^33, in any order.  A sum is total[0] * unit[0] +
 * total[1] * unit[1], of deviations from the center or of their squares, times the scale or its square.
 */
typedef struct CsReproducibleSum
{
	double		unit[2];
	int64		total[2];
} CsReproducibleSum;

typedef struct CsReproducible
{
	int64		n;
	double		scale;
	double		center;			/* times the scale */
	CsReproducibleSum sum[2];
} CsReproducible;

extern CsReproducible CsReproducibleBegin(double center, double low, double high);
extern void CsReproducibleAdd(CsReproducible *r, const double *x, int64 n);
extern CsMoments CsReproducibleMoments(const CsReproducible *r);

/*
 * optimise.c: the maximum of a smooth function of n variables, each of which stays within +-bound.
 * value() returns the function and OUT its gradient.
 */
#define CS_OPTIMUM_MAX 4

/* Of a function that is a mean over more, a part of so many leads near the maximum. */
#define CS_OPTIMUM_PART 8192

typedef struct CsObjective
{
	int			n;
	double		bound;
	double		(*value) (const double *theta, double *gradient, void *state);
	void	   *state;
	void		(*report) (int start, int starts, int iteration);	/* hears of each iteration; NULL: nobody does */
	int			start,			/* which of so many searches it is, for report() */
				starts;
} CsObjective;

typedef enum CsOptimumEnd
{
	CS_OPTIMUM_FOUND,			/* no step leads higher, and the slope is 0 but for rounding */
	CS_OPTIMUM_ON_BOUND,		/* a variable is on its bound, and the function rises on beyond */
	CS_OPTIMUM_NOT_FOUND		/* the slope is not 0, but no step leads higher */
} CsOptimumEnd;

typedef struct CsOptimum
{
	CsOptimumEnd end;
	int			iterations;
	double		value;
	double		theta[CS_OPTIMUM_MAX];
	double		gradient[CS_OPTIMUM_MAX];
	double		hessian[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX];
} CsOptimum;

extern CsOptimum CsMaximise(const CsObjective *f, const double *start);
extern CsOptimum CsMaximiseFromStarts(const CsObjective *f, int n, const double (*start)[CS_OPTIMUM_MAX]);
extern CsOptimum CsMaximiseByPart(const CsObjective *f, const CsObjective *part, int n,
								  const double (*start)[CS_OPTIMUM_MAX]);
extern bool CsOptimumCovariance(const CsOptimum *at, int dimension, double n, double *covariance);

/* decimal.c: exact sums of decimal numbers, units * 10000^-scale */
#ifdef HAVE_INT128
typedef int128 CsUnits;
#define CS_DECIMAL_GROUPS 9		/* of four digits, which units have room for */
#else
typedef int64 CsUnits;
#define CS_DECIMAL_GROUPS 4
#endif

typedef struct CsDecimal
{
	CsUnits		units;
	int32		scale;
} CsDecimal;

extern void CsDecimalAdd(CsDecimal *sum, CsDecimal x);
extern CsDecimal CsDecimalSquare(CsDecimal x);
extern double CsDecimalToDouble(CsDecimal x);

/*
 * exact.c: sums in fixed point of 128 bits, the same for any order of what is added.  A sum counts units
 * of 2^-exponent, which CsExactExponent() chooses so that it cannot overflow.
 */
typedef struct CsExact
{
	uint64		low;			/* two's complement; not int128, which wants to be aligned */
	int64		high;
} CsExact;

extern int	CsExactExponent(double largest, double n);
extern double CsExactScale(int exponent);
extern void CsExactMerge(CsExact *to, const CsExact *from);
extern double CsExactValue(const CsExact *sum, int exponent);
extern double CsExactMean(const CsExact *sum, int exponent, double n);

/* Add units, which are low + 2^32 * high. */
static inline void
CsExactAddUnits(CsExact *sum, int64 high, int64 low)
{
	uint64		part = (uint64) high << 32;
	uint64		total = sum->low + part;

	sum->high = (int64) ((uint64) sum->high + (uint64) (high >> 32) + (total < part));
	part = (uint64) low;
	sum->low = total + part;
	sum->high = (int64) ((uint64) sum->high + (low < 0 ? ~UINT64CONST(0) : 0) + (sum->low < part));
}

/* Add a value, times CsExactScale() of the exponent; false, and nothing is added, where it is too large. */
static inline bool
CsExactAdd(CsExact *sum, double value, double scale)
{
	double		units = value * scale;
	double		high = rint(units * 0x1p-32);

	if (unlikely(!(fabs(units) <= 0x1p86)))
		return false;
	CsExactAddUnits(sum, (int64) high, (int64) rint(units - high * 0x1p32));
	return true;
}

/* sort_column.c */
extern int64 CsSortColumn(const double *column, int64 nrows, double *values, uint32 *rows, double *scratch);

/* sort.c */
extern void CsSortDoubles(double *x, int64 n, double *scratch);

extern void CsSortRows(double *x, uint32 *rows, int64 n, double *scratch, uint32 *row_scratch);
extern int	CsCompareInt32(const void *a, const void *b, void *unused);
extern int	CsCompareInt64(const void *a, const void *b, void *unused);

extern int64 CsCountBelow(const double *sorted, int64 n, double x);
extern int64 CsQuantileRank(int64 n, double p, double *part);
extern double CsBetweenValues(double low, double high, double part);
extern double CsQuantileSorted(const double *sorted, int64 n, double p);

/*
 * n values in ascending order, as runs of equal ones: of so many runs there is the value, and how many values there
 * are up to the end of each; NULL where every value is a run of its own.
 */
typedef struct CsSortedRuns
{
	const double *value;
	const int64 *upto;
	int64		nruns;
	int64		n;
} CsSortedRuns;

/* Sorted values that lie one by one. */
#define CsSortedValues(values, number) ((CsSortedRuns) {.value = (values), .nruns = (number), .n = (number)})

/* How many values there are in the first runs. */
static inline int64
CsSortedUpTo(const CsSortedRuns *s, int64 nruns)
{
	return s->upto == NULL ? nruns : nruns == 0 ? 0 : s->upto[nruns - 1];
}

extern int64 CsSortedBelow(const CsSortedRuns *s, double x);
extern double CsSortedAt(const CsSortedRuns *s, int64 rank);
extern double CsSortedQuantile(const CsSortedRuns *s, double p);
extern double CsRoundBetween(double border, double low, double high);
extern double CsRoundBorder(double border, const double *sorted, int64 n, double center,
							double spread);

/* select.c: values by rank without sorting all of them, but fewer than so many, which are sorted at once */
#define CS_SELECTED_VALUES 16384

typedef struct CsSelection CsSelection;

extern CsSelection *CsSelectionBegin(double *values, int64 n, double *scratch);
extern CsSelection *CsSelectionOfSorted(const double *sorted, int64 n);
extern void CsSelectRanks(CsSelection *s, const int64 *ranks, int n);
extern double CsSelectedValue(CsSelection *s, int64 rank);
extern void CsSelectQuantiles(CsSelection *s, const double *p, int n, double *quantiles);
extern double *CsSelectionSorted(CsSelection *s);
extern void CsSelectionEnd(CsSelection *s);
extern Size CsSelectionMemory(int64 n);

/* bins.c */
extern void CsBinCounts(const double *sorted, int64 n, const double *cuts, int ncuts, bool ties_above,
						bool reversed, int64 *counts);
extern double CsMostFrequent(const double *sorted, int64 n, int64 *equal);
extern double CsInterpolate(int n, const double *from, const double *to, double x);

/* rng.c: xoshiro256** seeded by splitmix64; the stream is custseg's own and never changes. */
typedef struct CsRng
{
	uint64		s[4];
} CsRng;

extern void CsRngSeed(CsRng *rng, uint64 seed, uint64 stream);
extern uint64 CsRngNext(CsRng *rng);
extern double CsRngDouble(CsRng *rng);
extern uint64 CsRngBelow(CsRng *rng, uint64 n);
extern int64 CsPickByWeight(const double *weight, int64 n, double target);
extern void CsRngSample(CsRng *rng, int64 n, int64 m, int64 *result);

/*
 * A sample of elements that come one by one, each with the same chance to be in the sample
 * (Waterman's algorithm R, Vitter 1985).
 */
typedef struct CsReservoir
{
	int64		room;
	int64		seen;
	CsRng		rng;
} CsReservoir;

extern void CsReservoirInit(CsReservoir *r, int64 room, uint64 seed, uint64 stream);
extern int64 CsReservoirPlace(CsReservoir *r);
extern int64 CsReservoirTakeStrided(CsReservoir *r, const double *row, int stride, int width, double *rows, int *n);
extern int64 CsReservoirTake(CsReservoir *r, const double *row, int width, double *rows, int *n);

/* exponential.c: exp and log in place. */
extern void CsExp(int n, double *x);
extern void CsLog(int n, double *x);

/* library.c */
extern void *CsLibraryLoad(const char *file, const char *name, const char *hint);

/* linear.c */
extern int	CsSymmetricEigen(int d, const double *matrix, double *values, double *vectors);
extern bool CsSymmetricEigenvalues(int d, double *matrix, double *values);

/* Matrices given by their lower triangle: a[CsTriangle(i) + j] is in row i, column j. */
#define CsTriangle(n) ((Size) (n) * ((Size) (n) + 1) / 2)

extern double CsDotProduct(int n, const double *a, const double *b);
extern bool CsCholesky(int d, double *a);
extern void CsInvertTriangle(int d, double *a);

/* special.c */
extern double CsGammaStar(double x);
extern double CsLogMinusLinear(double x);
extern double CsGammaFraction(double a, double x);
extern double CsGammaUpper(double a, double x);
extern double CsGammaUpperInverse(double a, double p);
extern double CsLogGammaUpper(double a, double x);
extern double CsBetaLower(double a, double b, double x, double y);
extern double CsStudentTails(double t, double df);
extern double CsStudentQuantile(double tails, double df);

/* Half of an interval that holds a normal value in 95 of 100 cases, in standard deviations. */
#define CS_INTERVAL_SDS 1.959963984540054

/* The probability that a standard normal value is beyond +-z. */
static inline double
CsNormalTails(double z)
{
	return erfc(fabs(z) * M_SQRT1_2);
}

static inline double
CsNormalDensity(double z)
{
	return exp(-z * z / 2) * (M_2_SQRTPI * M_SQRT1_2 / 2);
}

/*
 * cross_moments.c: the number of rows, the means and the centred cross products of d columns, as
 * parts of one array.  Only products with j >= i are kept until CsCrossMomentsFinish().
 */
typedef struct CsCrossMoments
{
	int			d;
	double	   *nrows;
	double	   *mean,			/* d: the means are mean + rest */
			   *rest;
	double	   *products;		/* d x d */
} CsCrossMoments;

#define CS_CROSS_TILE 4

extern Size CsCrossMomentsSize(int d);
extern CsCrossMoments CsCrossMomentsAt(double *array, int d);
extern void CsCrossMomentsJoin(CsCrossMoments *to, double nrows, const double *mean, const double *rest);
extern void CsCrossMomentsMerge(CsCrossMoments *to, const CsCrossMoments *from);
extern void CsCrossMomentsAddBlock(CsCrossMoments *m, double *block, int stride, int nrows,
								   double *mean);
extern void CsCrossMomentsRescale(CsCrossMoments *m, int column, double factor);
extern void CsCrossMomentsFinish(CsCrossMoments *m, double divisor);

extern void CsAssignMaximum(int n, const double *profit, int *result);

#endif							/* CUSTSEG_MATH_H */
