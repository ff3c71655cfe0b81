/*
 * worth_sum.h
 *	  What many customers are worth together, and how far their sum may be off.
 */
#ifndef CUSTSEG_STAT_WORTH_SUM_H
#define CUSTSEG_STAT_WORTH_SUM_H

#include "stat/lifetime.h"

/* What is summed of customers. */
typedef enum CsWorthMeasure
{
	CS_WORTH_PURCHASES,			/* expected */
	CS_WORTH_VALUE,
	CS_WORTH_ALIVE,
	CS_WORTH_MEASURES
} CsWorthMeasure;

/*
 * What is known of the errors of a model: covariances of the logarithms of its parameters, row by row, and what
 * a holdout was off by.
 */
typedef struct CsWorthErrors
{
	bool		known[CS_WORTH_MEASURES];	/* else there are no intervals */
	double		covariance[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX];
	double		alive_covariance[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX];
	double		spend_covariance[CS_SPEND_PARAMETERS * CS_SPEND_PARAMETERS];
	double		dispersion[CS_WORTH_MEASURES];	/* factor of the variances of single customers */
	double		bias[CS_WORTH_MEASURES];	/* share that a sum of any customers may be off by besides */
} CsWorthErrors;

/* A sum of expectations. */
typedef struct CsWorthPart
{
	double		sum,
				rest;			/* what rounding took from it */
	double		variance;		/* of what comes to single customers, who have nothing to do with each other */
	double		slope[CS_OPTIMUM_MAX];	/* by the logarithms of the parameters */
	double		spend_slope[CS_SPEND_PARAMETERS];
} CsWorthPart;

typedef struct CsWorthSum
{
	int64		n;				/* customers */
	int64		n_unknown;		/* of them, whose value is not known: they are in no sum of it */
	CsWorthPart part[CS_WORTH_MEASURES];
	double		at_risk;		/* what those who have left would be worth */
	int64		n_leaving;		/* of whom nobody knows whether they have left */
	int64		n_left;			/* who have, all but certainly */
	double		leaving_at_risk;	/* what of at_risk comes from those who are leaving */
} CsWorthSum;

static inline double
CsWorthPartSum(const CsWorthPart *p)
{
	return p->sum + p->rest;
}

/* What a holdout found of a measure: the errors of single customers, and sums beside the variances that the model has. */
typedef struct CsWorthHoldout
{
	double		n;				/* customers */
	double		rmse;
	double		predicted,
				actual;
	double		variance,
				parameter_variance;
} CsWorthHoldout;

extern void CsWorthErrorsCorrect(CsWorthErrors *e, CsWorthMeasure measure, const CsWorthHoldout *h);

extern void CsWorthSumAdd(CsWorthSum *s, const CsWorthModel *m, const CsPurchaseHistory *h, const CsToCome *to_come,
						  double mean);
extern void CsWorthPartAdd(CsWorthPart *p, double expected, double variance);
extern void CsWorthSumJoin(CsWorthSum *to, const CsWorthSum *from);

extern double CsWorthParameterVariance(const CsWorthPart *p, const CsWorthErrors *e, CsWorthMeasure measure);
extern double CsWorthVariance(const CsWorthPart *p, const CsWorthErrors *e, CsWorthMeasure measure);

/* Intervals of something whose mean and variance are known. */
extern void CsPositiveInterval(double mean, double variance, double confidence, double *low, double *high);
extern void CsShareInterval(double mean, double variance, double confidence, double *low, double *high);
extern void CsNumberInterval(double mean, double variance, double confidence, double *low, double *high);

#endif							/* CUSTSEG_STAT_WORTH_SUM_H */
