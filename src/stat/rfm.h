/*
 * rfm.h
 *	  Scores of recency, frequency and monetary value.
 */
#ifndef CUSTSEG_STAT_RFM_H
#define CUSTSEG_STAT_RFM_H

#include "custseg.h"

#define CS_RFM_MEASURES 3
#define CS_RFM_MAX_BINS 10

/* Cut points of one measure, ascending: bins - 1 of them. */
typedef struct CsRfmCuts
{
	int			bins;
	bool		reversed;		/* low values score high, as those of recency */
	bool		ties_above;		/* a value that equals a cut point belongs above it, else below */
	double		cut[CS_RFM_MAX_BINS - 1];
} CsRfmCuts;

/* Cut n >= 1 sorted values at their quantiles i / bins. */
extern void CsRfmCutAtQuantiles(CsRfmCuts *cuts, const double *sorted, int64 n);

/* 1 to bins. */
extern int	CsRfmScore(const CsRfmCuts *cuts, double value);

/*
 * Gaps between n sorted times: their mean, NaN below two times; and their standard deviation (n - 1 in
 * the denominator) over that mean, NaN below three times or when the mean is 0.
 */
extern void CsGapsBetween(const double *sorted, int64 n, double *mean, double *variation);

/* Days from one time to another, to the microsecond that times have. */
extern double CsDaysBetween(double from, double to);

#endif							/* CUSTSEG_STAT_RFM_H */
