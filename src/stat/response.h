/*
 * response.h
 *	  Curves of response fitted to what was spent and what came of it.
 */
#ifndef CUSTSEG_RESPONSE_H
#define CUSTSEG_RESPONSE_H

#include "stat/curve.h"

/* Pairs of spending, which is not negative, and response. */
typedef struct CsResponseData
{
	int64		n;
	const double *x,
			   *y;
	bool		has_intercept;	/* there is a response without spending */
	double	   *work;			/* 3n numbers */
} CsResponseData;

typedef enum CsResponseEnd
{
	CS_RESPONSE_FITTED,
	CS_RESPONSE_FEW,			/* different spendings for the parameters */
	CS_RESPONSE_FALLING,		/* the response does not rise with spending */
	CS_RESPONSE_UNCERTAIN		/* a parameter is known no better than by a factor */
} CsResponseEnd;

#define CS_RESPONSE_PARAMETERS 4	/* intercept, a, b, c */

typedef struct CsResponseFit
{
	CsResponseEnd end;
	CsCurve		curve;
	double		intercept;
	double		a_error,		/* standard; NaN: not fitted */
				b_error,
				c_error,
				intercept_error;
	double		rss;			/* sum of squared residuals */
	double		tss;			/* the same about the mean, or about 0 without an intercept */
	double		aic;			/* corrected for few pairs; NaN where these are too few */
} CsResponseFit;

extern CsResponseFit CsResponseFitCurve(const CsResponseData *d, CsCurveKind kind);
extern double CsResponseLine(const CsResponseData *d, double *slope);

#endif							/* CUSTSEG_RESPONSE_H */
