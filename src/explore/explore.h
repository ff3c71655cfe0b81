/*
 * explore.h
 *	  Looking at a source before anything is trained on it: its columns read once, and kept or sorted.
 */
#ifndef CUSTSEG_EXPLORE_H
#define CUSTSEG_EXPLORE_H

#include "score/pass.h"
#include "lib/stringinfo.h"
#include "stat/correlation_pass.h"
#include "stat/describe.h"
#include "stat/suitability.h"
#include "stat/summaries.h"
#include "utils/array.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

/*
 * A column as it was read.  Numbers are kept in memory, or where there is no room given to PostgreSQL's
 * external sort; NaN counts as NULL.
 */
typedef struct CsLookColumn
{
	CsColumn	column;
	int			position;		/* among the columns that are read */
	int64		n;				/* values: finite numbers, levels */
	int64		n_null;
	int64		n_infinite;

	/* numbers, booleans, times */
	CsMoments	moments;
	bool		whole;			/* no value has a fraction */
	bool		is_rounded;		/* a value has more digits than a double; bigint, numeric */
	bool		is_sorted;
	double	   *values;			/* n of them; with rows kept, one a row, NaN without */
	Tuplesortstate *sort;		/* in place of values */
	int			pending;		/* values of the block that is not in the moments yet */
	double		block[CS_BLOCK_ROWS];

	/* categories */
	CsLevelCounts *levels;
} CsLookColumn;

typedef struct CsLook
{
	const CsRelation *relation;
	bool		keep_rows;		/* values one a row, */
	bool		may_lose_rows;	/* or, where there is no room for them, like without it */
	bool		moments_later;	/* of numbers whose rows are kept; who has asked for it finds them */
	int			ncolumns;
	CsLookColumn *columns;
	CsKept		kept;			/* the values, while they are read */
	int64		nrows;
	List	   *id;				/* columns that are read along (const CsColumn *), or NIL */
	Tuplestorestate *ids;		/* its values as text, a row each */
} CsLook;

/* The arguments of functions that take columns of a source. */
enum
{
	LOOK_SOURCE, LOOK_COLUMNS, LOOK_OPTIONS
};

extern CsLook *CsLookOpen(const CsRelation *rel, ArrayType *columns, bool numbers);
extern bool CsLookIsNumber(const CsColumn *column);
extern void CsLookRead(CsLook *look);
extern void CsLookBegin(CsLook *look, CsPass *pass);
extern void CsLookFinish(CsLook *look);
extern void CsLookEnd(CsLook *look);

/* A position among the sorted values of a column, which CsLookSort() has sorted. */
typedef struct CsSorted
{
	CsLookColumn *column;
	int64		at;
} CsSorted;

extern void CsLookSort(CsLookColumn *c, double *scratch);
extern double *CsLookScratch(const CsLook *look);
extern void CsSortedRewind(CsSorted *s, CsLookColumn *c);
extern bool CsSortedNext(CsSorted *s, double *value);
extern const double *CsLookSorted(CsLook *look, CsLookColumn *c);
extern bool CsLookSortedFits(const CsLookColumn *c);

/* What the sorted values of a number tell; without pointers, for a process gives it to another one. */
typedef struct CsColumnOrder
{
	double		quartile[3];
	double		minimum,
				maximum,
				range;
	int64		distinct;
	int64		iqr_outliers;
	int64		z_outliers;
	CsEnd		low,
				high;
	CsFewValues few;
	bool		packed_dates;
} CsColumnOrder;

/* Which values are outliers: the options of describe(). */
typedef struct CsDescribeOptions
{
	double		iqr_factor;
	double		z_limit;
} CsDescribeOptions;

/* The same, whose rows other servers add up: look_passes.c. */
extern struct CsStudy *CsLookStudy(CsLook *look);
extern void CsLookMomentsByPasses(CsLook *look, struct CsStudy *study);
extern CsColumnOrder *CsLookByPasses(CsLook *look, const CsDescribeOptions *options);
extern void CsOrderOfColumn(CsLookColumn *c, const CsDescribeOptions *options, CsColumnOrder *order);

/* A number in bins of equal width, as histogram() tells it. */
typedef struct CsHistogram
{
	int64		n;				/* values */
	double		low,
				high,
				iqr,
				deviation;
	int			bins;
	int64	   *below;			/* values below the end of each bin */
	double	   *density;		/* in the middle of each; NaN: there is none */
} CsHistogram;

extern double CsHistogramEdge(const CsHistogram *h, int bin);
extern double CsHistogramMiddle(const CsHistogram *h, int bin);
extern void CsHistogramSpreadByPasses(CsLook *look, struct CsStudy *study, CsHistogram *h);
extern void CsHistogramCountByPasses(struct CsStudy *study, CsHistogram *h);

/* Correlations of the columns of a look that have a value in every row, d of them in their order: d x d each. */
typedef struct CsCompleteCorrelations
{
	const double *pearson,
			   *spearman;
} CsCompleteCorrelations;

/* Steps of a Lorenz curve, from 0 to 100 percent. */
#define CS_LORENZ_POINTS 101

/* The rows of functions, of columns that have been read. */
typedef struct CsDescribing CsDescribing;

extern CsDescribing *CsDescribeBegin(CsResult *result, CsLook *look);
extern const CsDescribeOptions *CsDescribeOptionsOf(const CsDescribing *d);
extern void CsDescribeColumn(CsDescribing *d, int column, double *scratch, const CsColumnOrder *order);
extern CsResult *CsDescribeEnd(CsDescribing *d);
extern bool CsCorrelationsFit(const CsLook *look);
extern Size CsCorrelationsMemory(int64 nrows, int ncolumns);
extern void CsCorrelationsPut(CsResult *result, const CsLook *look, const CsCompleteCorrelations *complete,
							  const CsPearson *pearson);
extern bool CsCorrelationsByPasses(CsResult *result, CsLook *look);
extern void CsConcentrationReject(const CsLookColumn *c, double least);
extern bool CsConcentrationFits(const struct CsStudy *study);
extern double CsConcentrationByPasses(const CsLookColumn *c, struct CsStudy *study, double *curve, double *total, double *error);
extern void CsConcentrationPut(CsResult *result, CsLook *look, CsLookColumn *c);

/* outliers_passes.c */
struct CsOutlierLimits;
extern bool CsOutliersByPasses(CsLook *look, double iqr_factor, int limit, struct CsOutlierLimits *limits);

/* missing.c: rows counted by the columns that they lack */
typedef struct CsMissingCounts CsMissingCounts;

extern CsMissingCounts *CsMissingBegin(CsLook *look, CsPass *pass);
extern void CsMissingPut(CsResult *result, const CsMissingCounts *counts);

#endif							/* CUSTSEG_EXPLORE_H */
