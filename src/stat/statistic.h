/*
 * statistic.h
 *	  How far the values of one column are apart in two samples: one table of statistics.
 *
 * drift() computes all statistics of the table, judges by those that have limits, and takes their
 * names into its options and its result.  A statistic is a file with a CsStatistic, and a line in
 * statistic.c.
 */
#ifndef CUSTSEG_STATISTIC_H
#define CUSTSEG_STATISTIC_H

#include "math/math.h"
#include "stat/tests.h"

/* The rows of a level on both sides. */
typedef struct CsLevelRows
{
	int64		count[2];
} CsLevelRows;

/*
 * Two samples of one column, baseline [0] and current [1], as all statistics are given them.
 * comparison.c makes it.  Nothing in it is the statistic's to change.
 */
typedef struct CsComparison
{
	/* numbers: values, the baseline's by quantiles, see CsKsTestQuantiles; NULL for levels */
	const double *quantiles;
	int			nquantiles;
	CsSortedRuns	current;
	int64		n[2];			/* values on each side, at least 1 */
	double		sd;				/* of the baseline */

	/* all levels and the rows of each side; NULL for numbers */
	const CsLevelRows *levels;
	int			nlevels;
	int64		rows[2];

	/* bins, or levels of which the rare ones are one, all with enough rows to expect */
	int			nparts;
	double	   *share[2];		/* palloc'd */
	int64		counted[2];		/* rows that the shares are as certain as */
	CsChiSquareResult chi_square;	/* of the parts that are levels */
} CsComparison;

/* comparison.c */
extern CsComparison CsCompareNumbers(const double *quantiles, int nquantiles, int64 n, double sd,
									 const CsSortedRuns *current);
extern CsComparison CsCompareLevels(const CsLevelRows *levels, int nlevels, const int64 *rows, int rest);
extern void CsComparisonFree(CsComparison *c);

/* What a statistic tells; NaN: not defined. */
typedef struct CsMeasure
{
	double		value;
	double		critical;		/* what chance alone exceeds in 5 of 100 samples */
	double		p;				/* of the value, or a larger one, by chance */
	double		low,			/* the 95 % interval of what the value is of a whole population; */
				high;			/* NaN where nobody judges by the statistic */
} CsMeasure;

#define CS_NO_MEASURE ((CsMeasure) {NAN, NAN, NAN, NAN, NAN})

/* A measure by which nobody judges. */
static inline CsMeasure
CsMeasureOf(double value, double p)
{
	return (CsMeasure) {value, NAN, p, NAN, NAN};
}

/* A measure whose estimate, without what chance adds to its value, has a standard error. */
static inline CsMeasure
CsMeasureBetween(double value, double p, double estimate, double error)
{
	return (CsMeasure) {value, NAN, p, Max(estimate - CS_INTERVAL_SDS * error, 0), estimate + CS_INTERVAL_SDS * error};
}

typedef struct CsStatistic
{
	const char *name;			/* in results, and in options: NAME_watch, NAME_drifted */
	bool		of_numbers,
				of_levels;
	const char *words;			/* in a reason, before the value; NULL: never judged */
	double		watch,			/* limits of the value by default; infinite: not judged */
				drifted,
				most;			/* of a limit */
	CsMeasure	(*measure) (const CsComparison *c);
} CsStatistic;

/* statistic.c: the table, in the order in which reasons name statistics. */
#define CS_MAX_STATISTICS 32

extern int	CsStatisticCount(void);
extern const CsStatistic *CsStatisticAt(int i);
extern void CsMeasureAll(const CsComparison *c, CsMeasure *measures);

/* l_infinity.c */
extern int	CsLargestChange(const CsLevelRows *levels, int nlevels, const int64 *rows);

#endif							/* CUSTSEG_STATISTIC_H */
