/*
 * survival.h
 *	  How long customers stay: from durations that are over, and others that are not.
 */
#ifndef CUSTSEG_STAT_SURVIVAL_H
#define CUSTSEG_STAT_SURVIVAL_H

#include "custseg.h"
#include "math/math.h"

/* survival.c: the curve of Kaplan and Meier, from one time on which somebody leaves to the next. */
typedef struct CsSurvival
{
	int64		at_risk;		/* who is there before the next time */
	double		time;			/* up to which the area is known */
	double		survival;		/* share of customers who stay longer than that */
	double		greenwood;		/* the variance of the share's logarithm */
	double		limit;			/* up to which the area counts */
	double		area;			/* under the curve from 0 to the time: the mean duration up to there */
	double		scale,			/* a power of two that areas are taken times; 0: there is none yet */
				spread,			/* the variance of the area, */
				slope,			/* and how it changes as the area grows */
				weight;
} CsSurvival;

extern CsSurvival CsSurvivalBegin(int64 n, double limit);
extern void CsSurvivalStep(CsSurvival *s, double time, int64 events, int64 censored);
extern void CsSurvivalExtend(CsSurvival *s, double time);
extern double CsSurvivalAreaError(const CsSurvival *s);
extern double CsSurvivalError(const CsSurvival *s);
extern void CsSurvivalInterval(const CsSurvival *s, double quantile, double *low, double *high);

/* log_rank.c: do groups stay equally long? */
typedef enum CsLogRankTest
{
	CS_LOG_RANK,
	CS_WILCOXON,				/* Gehan and Breslow: times count by who is there */
	CS_TARONE_WARE,				/* by the root of that */
	CS_LOG_RANK_TESTS
} CsLogRankTest;

extern const char *const CsLogRankNames[];

typedef struct CsLogRank
{
	int			n_groups;
	int64	   *at_risk;		/* of each group */
	int64	   *events;			/* at the time at hand */
	int64	   *observed;
	double	   *expected;
	double	   *excess[CS_LOG_RANK_TESTS];	/* observed less expected, weighted */
	double	   *covariance[CS_LOG_RANK_TESTS];	/* n_groups x n_groups */
} CsLogRank;

typedef struct CsLogRankResult
{
	double		chi_square;
	int			df;
	double		p;
	double		log_p;
} CsLogRankResult;

extern Size CsLogRankMemory(int n_groups);
extern void CsLogRankBegin(CsLogRank *test, int n_groups);
extern void CsLogRankAdd(CsLogRank *test, int group, int64 events, int64 censored);
extern void CsLogRankEndTime(CsLogRank *test);
extern CsLogRankResult CsLogRankFinish(const CsLogRank *test, CsLogRankTest which);

/*
 * renewal.c: contracts that a customer renews, or not, at the end of each period.  The models are the
 * shifted beta-geometric and the beta-discrete-Weibull, of which the first is the case shape = 1.
 */
enum
{
	CS_RENEWAL_A, CS_RENEWAL_B, CS_RENEWAL_SHAPE, CS_RENEWAL_PARAMETERS
};

/* Customers who left at the end of a period, and those who were last seen then. */
typedef struct CsRenewalPeriod
{
	int32		period;			/* from 0; nobody leaves at the end of 0 */
	int64		left;
	int64		censored;
} CsRenewalPeriod;

typedef struct CsRenewalData
{
	int64		n;				/* customers */
	int			n_periods;		/* of which something is known, ascending */
	const CsRenewalPeriod *period;
} CsRenewalData;

typedef struct CsRenewalFit
{
	int			n_parameters;	/* 2: shifted beta-geometric */
	bool		has_converged;
	bool		on_bound[CS_RENEWAL_PARAMETERS];	/* the likelihood rises on and on beyond */
	double		log_likelihood;
	double		aic;
	double		theta[CS_RENEWAL_PARAMETERS];	/* logarithms */
	int			n_free;			/* parameters that are not on a bound, */
	int			free[CS_RENEWAL_PARAMETERS];
	bool		has_covariance;
	double		covariance[CS_RENEWAL_PARAMETERS * CS_RENEWAL_PARAMETERS];	/* of those, dense by n_free */
} CsRenewalFit;

/* Most points that a region of parameters is told by. */
#define CS_RENEWAL_POINTS 512

/* Parameters of the beta-discrete-Weibull that the data leave possible; see CsRenewalFindRegion(). */
typedef struct CsRenewalRegion
{
	double		quantile;		/* of the normal distribution */
	double		log_likelihood; /* the highest */
	bool		is_known;		/* all points have errors */
	int			n;
	CsRenewalFit point[CS_RENEWAL_POINTS];
} CsRenewalRegion;

extern CsRenewalFit CsRenewalUnknown(int n_parameters);
extern CsRenewalFit CsRenewalMaximise(const CsRenewalData *data, int n_parameters);
extern double CsRenewalLogSurvival(const double *theta, double period, double *gradient);
extern double CsRenewalError(const CsRenewalFit *fit, int parameter);
extern void CsRenewalFindRegion(const CsRenewalData *data, const CsRenewalFit *fit, double quantile,
								CsRenewalRegion *region);
extern void CsRenewalInterval(const CsRenewalRegion *region, const CsRenewalFit *chosen, double period, double *low,
							  double *high);

#endif							/* CUSTSEG_STAT_SURVIVAL_H */
