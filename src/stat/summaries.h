/*
 * summaries.h
 *	  Numbers summed up group by group, and how far a group is from everyone.
 */
#ifndef CUSTSEG_SUMMARIES_H
#define CUSTSEG_SUMMARIES_H

#include "custseg.h"

/* The values of one group; NaN where they are not defined because there are too few values. */
typedef struct CsNumberSummary
{
	int64		n;				/* values */
	double		mean,
				mean_rest,		/* what rounding took from it */
				sd;				/* ddof 0 */
	double		minimum,
				first_quartile, /* quantiles are of type 7 */
				median,
				third_quartile,
				maximum;
	double		low_whisker,	/* the extreme values within 1.5 interquartile ranges of the box */
				high_whisker;
	int64		n_outliers;		/* values beyond the whiskers */
	double		position;		/* of the mean among the values of all groups: the share below it,
								 * and half of the share that equals it */
} CsNumberSummary;

/* Values of rows, without NaN, in ascending order, and the rows that have them. */
typedef struct CsSortedRows
{
	int64		n;
	const double *values;
	const uint32 *rows;
} CsSortedRows;

/* Likewise with the groups of the rows, below 0 for none, which all who go through the values want. */
typedef struct CsSortedGroups
{
	int64		n;
	const double *values;
	const int32 *groups;
} CsSortedGroups;

extern void CsSummarizeSortedGroups(const CsSortedGroups *sorted, int ngroups, double *scratch,
									CsNumberSummary *summaries);
extern void CsSummarizeGroups(double *values, const int32 *groups, int64 n, int ngroups,
							  double *scratch, CsNumberSummary *summaries);

extern double CsMeanDifference(const CsNumberSummary *group, const CsNumberSummary *all);
extern double CsSummariesApart(const CsNumberSummary *a, const CsNumberSummary *b);
extern double CsShareDifference(double share, double overall);
extern double CsEtaSquared(const CsNumberSummary *summaries, int ngroups);
extern double CsShareDeviation(double share);

extern double CsRelativeGap(double a, double b);
extern double CsExpectedRelativeGap(double size, double n, double sd);
extern double CsPooledDeviation(const CsNumberSummary *a, const CsNumberSummary *b);
extern void CsMeanOfFew(const double *x, int n, double *mean, double *sd);

#endif							/* CUSTSEG_SUMMARIES_H */
