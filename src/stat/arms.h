/*
 * arms.h
 *	  Two arms of an experiment compared: control and treatment, by what is known of each in sums.
 *
 * An effect is treatment less control.  What is not defined is NaN.
 */
#ifndef CUSTSEG_ARMS_H
#define CUSTSEG_ARMS_H

#include "custseg.h"

/* The arms, where they are numbered. */
enum
{
	CS_CONTROL, CS_TREATMENT, CS_ARMS
};

/*
 * Arms by their means.  Means, variances and the difference are those of the values times "scale"; the
 * variances have n - 1 in the denominator.
 */
typedef struct CsArms
{
	int64		n[CS_ARMS];
	double		mean[CS_ARMS];
	double		variance[CS_ARMS];
	double		difference;
	double		scale;
} CsArms;

typedef struct CsArmsResult
{
	double		mean[CS_ARMS];
	double		difference;
	double		error;			/* standard error of the difference that the rest goes by */
	double		larger_error;	/* the larger one of Welch's and the pooled one */
	double		statistic;
	double		df;
	double		p;
	double		low,			/* interval of the difference */
				high;
	double		lift,			/* treatment's mean over control's, less 1 */
				lift_low,
				lift_high;
} CsArmsResult;

/* How arms are compared. */
typedef struct CsArmsTest
{
	double		confidence;
	bool		by_larger;		/* of the two standard errors */
	bool		is_normal;		/* by the normal law, not Student's */
	double		critical;		/* half of the interval in standard errors, NaN for none; 0: by "confidence" */
} CsArmsTest;

/*
 * The estimate that a test goes by: means and their squared standard errors, which add up to that of the
 * difference.
 */
typedef struct CsArmsEstimate
{
	double		mean[CS_ARMS];
	double		difference;
	double		part[CS_ARMS];
	double		df;				/* Welch and Satterthwaite's */
	double		larger;			/* factor that takes Welch's error to the larger one */
} CsArmsEstimate;

/* arms.c */
extern CsArmsResult CsArmsCompare(const CsArms *arms, const CsArmsTest *test);
extern bool CsArmsEstimateOf(const CsArms *arms, CsArmsEstimate *estimate);
extern void CsArmsConclude(const CsArmsEstimate *estimate, const CsArmsTest *test, double scale, CsArmsResult *r);
extern void CsFiellerInterval(double first, double difference, const double *error_squared, double z,
							  double *low, double *high);

/* proportions.c */
typedef struct CsProportions
{
	int64		successes[CS_ARMS];
	int64		n[CS_ARMS];
} CsProportions;

typedef struct CsProportionsResult
{
	double		share[CS_ARMS];
	double		difference;
	double		low,
				high;			/* Newcombe's interval of it */
	double		z;
	double		p;
	bool		is_exact;		/* p is Fisher's */
	double		lift,
				lift_low,
				lift_high;
} CsProportionsResult;

extern double CsSharesApart(const CsProportions *p);
extern void CsNewcombeInterval(const CsProportions *p, double confidence, double *low, double *high);
extern CsProportionsResult CsProportionsCompare(const CsProportions *p, double confidence);

/* fisher.c */
#define CS_FISHER_MAX_VARIANCE 1e12

extern double CsFisherVariance(const CsProportions *p);
extern double CsFisherExact(const CsProportions *p);

/* sample_ratio.c */

/* A split, or a loss of customers, that is less probable than this is no chance. */
#define CS_MISMATCH_P 0.001

typedef struct CsSampleRatio
{
	double		statistic;
	double		df;
	double		p;
	double		least_expected;
} CsSampleRatio;

extern CsSampleRatio CsSampleRatioTest(const int64 *counts, const double *weights, int k);

/* heterogeneity.c: effects of segments, each with its standard error */
typedef struct CsHeterogeneity
{
	int			n;				/* effects that count */
	double		q;				/* Cochran's */
	double		df;
	double		p;
	double		i_squared;
	double		mean;			/* of the effects, weighted by 1 / error^2 */
	double		error;			/* its standard error */
} CsHeterogeneity;

extern CsHeterogeneity CsCochranQ(const double *effects, const double *errors, int n);

#endif							/* CUSTSEG_ARMS_H */
