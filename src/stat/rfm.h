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

extern void CsRfmCutAtQuantiles(CsRfmCuts *cuts, const double *sorted, int64 n);
extern int	CsRfmScore(const CsRfmCuts *cuts, double value);
extern double CsDaysBetween(int64 from, int64 to);
extern void CsGapsBetween(const int64 *sorted, int64 n, double *mean, double *variation);

#endif							/* CUSTSEG_STAT_RFM_H */
