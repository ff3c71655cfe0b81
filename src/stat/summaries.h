/*
 * summaries.h
 *	  Numbers summed up group by group, and how far a group is from everyone.
 */
#ifndef CUSTSEG_SUMMARIES_H
#define CUSTSEG_SUMMARIES_H

#include "custseg.h"

/* The values of one group; NaN where they are not defined, for want of values. */
typedef struct CsNumberSummary
{
	int64		n;				/* values */
	double		mean,
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

/*
 * Sum up n values by group, a number below ngroups, or below 0 for a value that counts nowhere, as
 * NaN does.  summaries: ngroups + 1, the last is of all groups together.  "values" are lost, as is
 * what is in scratch, which holds n doubles.
 */
extern void CsSummarizeGroups(double *values, const int32 *groups, int64 n, int ngroups,
							  double *scratch, CsNumberSummary *summaries);

/* Mean and standard deviation (ddof 0) of n >= 1 sorted values. */
extern void CsMomentsOfSorted(const double *sorted, int64 n, double *mean, double *sd);

/*
 * How far a group's mean is from everyone's, in standard deviations of everyone; NaN where those do
 * not vary.  A share is the mean of a number that is 0 or 1.
 */
extern double CsMeanDifference(double mean, double overall, double sd);
extern double CsShareDifference(double share, double overall);

/*
 * Eta squared: the share of a number's variance that lies between ngroups groups, by their
 * summaries and that of all of them; NaN where there is no variance.
 */
extern double CsEtaSquared(const CsNumberSummary *summaries, int ngroups);

/* Standard deviation of a number that is 1 for this share of the rows, and 0 else. */
extern double CsShareDeviation(double share);

/*
 * How far two means or shares are apart: |a - b| in halves of |a| + |b|, 0 to 2, and 0 where both are 0;
 * and what chance makes of it on average when they are of n[0] and n[1] values with this standard
 * deviation.  NaN where one of them is.  Joint: the standard deviation of two groups of the same size.
 */
extern double CsRelativeGap(double a, double b);
extern double CsExpectedRelativeGap(const double *value, const int64 *n, double sd);
extern double CsJointDeviation(double a, double b);

/* Mean and standard deviation, with n - 1 in the denominator (NaN for n = 1), of a few numbers. */
extern void CsMeanOfFew(const double *x, int n, double *mean, double *sd);

#endif							/* CUSTSEG_SUMMARIES_H */
