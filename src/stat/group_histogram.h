/*
 * group_histogram.h
 *	  Values counted in bins, group by group.
 */
#ifndef CUSTSEG_GROUP_HISTOGRAM_H
#define CUSTSEG_GROUP_HISTOGRAM_H

#include "stat/summaries.h"

/* Most bins. */
#define CS_HISTOGRAM_BINS 24

typedef struct CsGroupHistogram
{
	bool		is_log;			/* bins are equally wide in the logarithm */
	int			nbins;			/* 0: there are no values */
	double		edge[CS_HISTOGRAM_BINS + 1];	/* ascending; a bin has its lower edge, the last one its upper, too */
	int64	   *n;				/* of group g and bin b: n[g * nbins + b]; group ngroups is all of them */
	int64	   *total;			/* ngroups + 1 */
} CsGroupHistogram;

extern CsGroupHistogram *CsHistogramOfGroups(const double *values, const int32 *groups, int64 n, int ngroups,
											 bool may_be_log);
extern CsGroupHistogram *CsHistogramOfSortedGroups(const CsSortedGroups *sorted, int ngroups, bool may_be_log);
extern double CsHistogramDensity(const CsGroupHistogram *h, int group, int bin);

#endif							/* CUSTSEG_GROUP_HISTOGRAM_H */
