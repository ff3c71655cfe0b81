/*
 * group_tests.h
 *	  Do groups differ in a number?  Tests of any number of groups, and of their pairs.
 */
#ifndef CUSTSEG_GROUP_TESTS_H
#define CUSTSEG_GROUP_TESTS_H

#include "math/math.h"

/* A group's values by their moments, without the third and the fourth; n >= 1. */
typedef struct CsGroupMoments
{
	int32		group;
	int32		unused;
	CsMoments	m;
} CsGroupMoments;

/* All values, brought together by group and sorted within each. */
typedef struct CsGroupedValues
{
	int			ngroups;
	int64	   *start;			/* ngroups + 1: where each group begins in "values" */
	double	   *values;
} CsGroupedValues;

/* What is not defined is NaN. */
typedef struct CsAnovaResult
{
	int			ngroups;
	int64		n;
	double		f;
	double		df_between,
				df_within;
	double		p;
	double		eta_squared,
				omega_squared;
	double		welch_f,
				welch_df,		/* the second; the first is df_between */
				welch_p;
} CsAnovaResult;

/* A statistic by chance of a chi-square or an F law. */
typedef struct CsGroupTest
{
	int			ngroups;
	int64		n;
	double		statistic;
	double		df_between,
				df_within;		/* NaN for a chi-square law */
	double		p;
	double		effect;			/* epsilon squared of Kruskal and Wallis' test */
} CsGroupTest;

/* Two groups compared: the second's mean less the first's. */
typedef struct CsPair
{
	int32		first,
				second;			/* indexes of the groups */
	double		difference;
	double		low,
				high;			/* simultaneous interval */
	double		statistic;		/* |difference| in studentized ranges */
	double		df;
	double		p;				/* adjusted for all pairs */
} CsPair;

/* grouped_moments.c */
extern int	CsGroupMomentsOf(const double *values, const int32 *groups, int64 n, int ngroups,
							 CsGroupMoments *moments);
extern double CsAlignGroups(CsGroupMoments *groups, int ngroups, CsMoments *all);

/* anova.c */
extern CsAnovaResult CsAnova(CsGroupMoments *groups, int ngroups);

/* pairs.c */
extern void CsTukeyHsd(CsGroupMoments *groups, int ngroups, double confidence, CsPair *pairs);
extern void CsGamesHowell(CsGroupMoments *groups, int ngroups, double confidence, CsPair *pairs);

/* rank_tests.c */
extern CsGroupedValues *CsGroupValues(const double *values, const int32 *groups, int64 n, int ngroups);
extern CsGroupTest CsKruskalWallis(const CsGroupedValues *g);
extern CsGroupTest CsKruskalWallisOfCells(const int64 *cells, int ncells, int ngroups);
extern CsGroupTest CsLevene(const CsGroupedValues *g);
extern double CsGroupSkewness(const double *values, const int32 *groups, int64 n);

/* studentized_range.c */
typedef struct CsStudentizedRange CsStudentizedRange;

extern CsStudentizedRange *CsStudentizedRangeMake(int k);
extern double CsStudentizedRangeUpper(CsStudentizedRange *r, double q, double df);
extern double CsStudentizedRangeQuantile(CsStudentizedRange *r, double probability, double df);

#endif							/* CUSTSEG_GROUP_TESTS_H */
