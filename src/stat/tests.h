/*
 * tests.h
 *	  Tests and distances between two samples, on plain arrays.
 *
 * Two samples are called baseline and current.  Numbers come sorted ascending (CsSortDoubles),
 * without NaN; infinities are values like others.  Samples have at least one value and at most
 * CS_MAX_SAMPLE_ROWS.  Nothing is kept of what is passed, and nothing is changed unless said.
 */
#ifndef CUSTSEG_TESTS_H
#define CUSTSEG_TESTS_H

#include "custseg.h"
#include "math/math.h"

/* The two samples, where they are numbered. */
enum
{
	CS_BASELINE, CS_CURRENT
};

/* So many that the product of two counts fits an int64. */
#define CS_MAX_SAMPLE_ROWS INT64CONST(3000000000)

/* Bins that a number's values are counted in. */
#define CS_DEFAULT_BINS 10
#define CS_MAX_BINS 1000

/*
 * ks.c: the two-sample Kolmogorov-Smirnov test.
 */
typedef struct CsKsResult
{
	double		statistic;		/* D = sup |F - G|, F of the baseline, G of current */
	double		signed_statistic;	/* D where F > G there: current values are larger; else -D */
	double		location;		/* the lowest value where it is reached */
	double		p;
	double		effective_n;	/* n m / (n + m) */
	bool		exact;			/* or by the law of the one-sample statistic */
} CsKsResult;

extern CsKsResult CsKsTest(const double *baseline, int64 n, const CsSortedRuns *current);
extern CsKsResult CsKsTestQuantiles(const double *quantiles, int nquantiles, int64 n,
									const CsSortedRuns *current);

/* kolmogorov.c */
extern double CsKolmogorovUpper(int64 n, double d);

/*
 * distances.c
 *
 * An edge between two bins: values above it are in the bin beyond, and so is the value itself if
 * "inclusive".
 */
typedef struct CsBinEdge
{
	double		value;
	bool		inclusive;
} CsBinEdge;

extern int	CsQuantileBins(const double *baseline, int64 n, int bins, CsBinEdge *edges);
extern void CsBinShares(const CsSortedRuns *sorted, const CsBinEdge *edges, int nedges, double *share);

/* Population stability index of the same bins' (levels') shares in samples of n and m rows. */
typedef struct CsPsiResult
{
	double		psi;
	double		critical;		/* what it exceeds by chance in 5 of 100 samples */
	int			bins;			/* that are not empty in both samples */
} CsPsiResult;

extern CsPsiResult CsPsi(int bins, const double *baseline, int64 n, const double *current, int64 m);

/* Rows that must be expected in a bin or a level of the smaller sample. */
#define CS_MIN_EXPECTED 5

extern int	CsMergeRareBins(int bins, double *baseline, int64 n, double *current, int64 m,
							double least);
extern double CsJensenShannon(int bins, const double *baseline, const double *current);

/* hellinger.c */
extern double CsHellinger(int bins, const double *baseline, const double *current);

/* cramer_von_mises.c: the two-sample test of Cramer and von Mises. */
typedef struct CsCvmResult
{
	double		statistic;		/* T */
	double		p;				/* by its limit law */
} CsCvmResult;

extern CsCvmResult CsCramerVonMises(const double *baseline, int64 n, const double *current, int64 m);
extern double CsWasserstein(const double *baseline, int64 n, const CsSortedRuns *current);

/*
 * quantile_function.c: a baseline of n values of which quantiles are kept, as for
 * CsKsTestQuantiles().  The cursor, all zeroes at first, tells where the value before was.
 */
typedef struct CsQuantileCursor
{
	int			next;			/* quantiles at or below the value */
	bool		gap;			/* it is in a gap between two of them */
	double		low,			/* of that gap: its ends, the share at its start, and its slope */
				high,
				share,
				slope;
} CsQuantileCursor;

extern void CsQuantileSharesNext(const double *quantiles, int nquantiles, double value,
								 CsQuantileCursor *at, double *before, double *upto);

/*
 * The distribution function of a baseline at a value, and its limit from the left.  Values are
 * given in ascending order; most are in the gap of the one before.
 */
static inline void
CsQuantileShares(const double *quantiles, int nquantiles, double value, CsQuantileCursor *at,
				 double *before, double *upto)
{
	if (at->gap && value < at->high)
		*before = *upto = at->share + (value - at->low) * at->slope;
	else
		CsQuantileSharesNext(quantiles, nquantiles, value, at, before, upto);
}
extern void CsQuantileBinShares(const double *quantiles, int nquantiles, const CsBinEdge *edges,
								int nedges, double *share);
extern double CsWassersteinQuantiles(const double *quantiles, int nquantiles, int64 n,
									 const CsSortedRuns *current);

/*
 * chi_square.c
 *
 * A contingency table is given by its cells, by row, both numbered from 0; a cell that is not given
 * is empty.  Rows and columns without a count are left out.
 */
typedef struct CsCell
{
	int32		row,
				column;
	int64		count;
} CsCell;

typedef struct CsChiSquareResult
{
	double		statistic;		/* Pearson's, without Yates' correction; NaN: only one column */
	int64		df;
	double		p;				/* NaN with the statistic */
	double		cramers_v;		/* NaN when one row or column is all there is */
	int64		n;
	int64		low_expected;	/* cells, empty ones too, whose expected count is below 5 */
} CsChiSquareResult;

extern CsChiSquareResult CsChiSquareTest(const CsCell *cells, int64 ncells, int nrows,
										 int ncolumns);

extern double CsChiSquareUpper(double x, double df);
extern double CsChiSquareUpperInverse(double p, double df);

/* energy.c */
typedef struct CsEnergyResult
{
	double		distance;		/* E */
	double		coefficient;	/* of inhomogeneity: E / (2 mean distance of the two samples' rows) */
	double		expected;		/* what it is on average when only chance is at work */
	double		p;				/* by so many permutations, seeded */
} CsEnergyResult;

extern Size CsEnergyMemory(int d, int n, int m);
extern CsEnergyResult CsEnergyTest(int d, const double *baseline, int n, const double *current,
								   int m, int permutations, uint64 seed);
extern void CsAdjustBenjaminiHochberg(double *p, int n);
extern void CsAdjustHolm(double *p, int n);

#endif							/* CUSTSEG_TESTS_H */
