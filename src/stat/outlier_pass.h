/*
 * outlier_pass.h
 *	  What makes a row an outlier, and parts of a pass that find outliers where the rows are: "complete", the covariance of the
 *	  rows that lack no number, and "outliers", the rows that are farthest off.
 */
#ifndef CUSTSEG_OUTLIER_PASS_H
#define CUSTSEG_OUTLIER_PASS_H

#include "prep/closest.h"
#include "stat/mahalanobis.h"

/* What rows are held against. */
typedef struct CsOutlierLimits
{
	int			d;
	double	   *low,			/* fences */
			   *high,
			   *spread;			/* standard deviations, times the scale of the columns' moments */
	CsMoments  *moments;		/* of which the mean counts */
	double		z_limit;
	double		significance;
	CsMahalanobis law;
} CsOutlierLimits;

/* How far off a row is. */
typedef struct CsFarOff
{
	double		squared;		/* Mahalanobis; NaN: not defined */
	double		p;
	double		z;				/* the largest of its columns' */
} CsFarOff;

extern CsOutlierLimits CsOutlierLimitsMake(int d, double z_limit, double significance);
extern double CsOutlierDeviations(const CsOutlierLimits *l, int column, double x);
extern bool CsIsOutlier(const CsOutlierLimits *l, const double *x, CsFarOff *off);
extern double CsOutlierDistance(const CsFarOff *off);

extern const CsTallyKind CsCompletePass,
			CsOutlierPass;

extern void CsCompletePlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows);
extern CsMahalanobis CsCompleteRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state);
extern bool CsCompleteIsBlurred(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 nrows, double *middle,
								double *reach);
extern void CsOutlierPlan(JsonbParseState **json, const CsOutlierLimits *limits, int64 room, int key);
extern double *CsOutlierKeys(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *n);

#endif							/* CUSTSEG_OUTLIER_PASS_H */
