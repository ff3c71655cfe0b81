/*
 * trial.h
 *	  An experiment in segments: effects of each and of all together, how they are looked at, and what
 *	  follows.
 */
#ifndef CUSTSEG_TRIAL_H
#define CUSTSEG_TRIAL_H

#include "stat/paired_arms.h"

/* Customers of an arm, and for shares those of each kind, without whom nothing is said. */
#define CS_TRIAL_FEWEST 100
#define CS_TRIAL_FEWEST_OF_KIND 10

/* 1 / (1 / n1 + 1 / n2) of an experiment that has no plan: 5,000 customers in each arm. */
#define CS_TRIAL_UNPLANNED 2500.0

/* Skewness of a difference from which a normal law is too rough. */
#define CS_TRIAL_SKEWNESS 0.053

/* What a metric is. */
typedef enum CsMetricKind
{
	CS_METRIC_CONVERSION, CS_METRIC_MEAN, CS_METRIC_RATIO
} CsMetricKind;

/* How an experiment is looked at. */
typedef enum CsLookMethod
{
	CS_LOOK_SPENDING, CS_LOOK_ANYTIME, CS_LOOK_FIXED
} CsLookMethod;

typedef struct CsTrialTest
{
	CsLookMethod method;
	double		alpha;			/* of the interval, both sides together */
	double		information;	/* share of the plan's that is there */
	double		boundary;		/* of |z| by spending; NaN where the look can decide nothing */
} CsTrialTest;

/* The two arms within a segment. */
typedef struct CsStratum
{
	CsMetricKind kind;
	bool		is_adjusted;	/* by a covariate */
	double		theta;			/* of the covariate; NaN without */
	CsArms		arms;
	CsProportions proportions;	/* of a conversion */
	CsMoments	values[CS_ARMS];	/* as they are, of a ratio the numerators */
	bool		counts;			/* there are two customers in each arm */
	CsArmsEstimate estimate;	/* times the scale of the arms */
} CsStratum;

typedef struct CsTrialEffect
{
	int64		n[CS_ARMS];
	CsArmsResult result;
	double		critical;		/* half of the interval in standard errors; NaN where it is no multiple of them */
} CsTrialEffect;

/* trial.c */
extern void CsStratumInit(CsStratum *s, CsMetricKind kind, bool is_adjusted, const CsPairedArms *control,
						  const CsPairedArms *treatment);
extern CsTrialEffect CsStratumEffect(const CsStratum *s, const CsTrialTest *test);
extern CsTrialEffect CsStrataEffect(const CsStratum *strata, const double *weights, int n, const CsTrialTest *test);
extern CsHeterogeneity CsStrataHeterogeneity(const CsStratum *strata, int n);
extern bool CsStrataAreFew(const CsStratum *strata, int n);
extern double CsStrataSkewness(const CsStratum *strata, int n);

/* trial_verdict.c */
typedef enum CsTrialVerdict
{
	CS_TRIAL_LAUNCH, CS_TRIAL_ITERATE, CS_TRIAL_STOP, CS_TRIAL_KEEP_RUNNING
} CsTrialVerdict;

extern const char *const CsTrialVerdictNames[];

typedef enum CsGuardrail
{
	CS_GUARDRAIL_SAFE, CS_GUARDRAIL_HARMED, CS_GUARDRAIL_UNCLEAR
} CsGuardrail;

extern const char *const CsGuardrailNames[];

extern CsGuardrail CsGuardrailOf(double low, double high, double margin);

/* The rules for a verdict; the first that holds gives it. */
typedef enum CsTrialRule
{
	CS_RULE_INVALID = 1,		/* the arms are no random halves any more */
	CS_RULE_HARM,				/* a guardrail is harmed */
	CS_RULE_LOSS,				/* the primary metric loses */
	CS_RULE_EARLY,				/* too few customers, or days */
	CS_RULE_GAIN,				/* it gains, and all guardrails are safe */
	CS_RULE_UNFINISHED,			/* the plan is not reached */
	CS_RULE_MIXED,				/* it gains, and a guardrail is unclear */
	CS_RULE_SMALL,				/* it gains less than what the plan was for */
	CS_RULE_OPEN
} CsTrialRule;

/* What the rules go by.  Intervals are such that up is good. */
typedef struct CsTrialState
{
	bool		is_invalid;
	bool		is_fixed;		/* one look, at the plan */
	bool		is_early;		/* too few customers, or days */
	bool		is_finished;	/* the plan is reached */
	bool		harmed;			/* a guardrail is */
	bool		safe;			/* all guardrails are */
	double		low,			/* of the primary metric */
				high;
	double		effect;			/* that the plan was for; NaN without */
} CsTrialState;

extern CsTrialRule CsTrialDecide(const CsTrialState *state);
extern CsTrialVerdict CsTrialRuleVerdict(CsTrialRule rule);
extern CsTrialVerdict CsTrialSegmentVerdict(CsTrialRule overall, bool gains, bool loses, double heterogeneity_p);

typedef enum CsDecay
{
	CS_DECAY_STABLE, CS_DECAY_DECAYING, CS_DECAY_GROWING
} CsDecay;

extern const char *const CsDecayNames[];

extern CsDecay CsDecayOf(double effect, double slope, double p, double alpha);

#endif							/* CUSTSEG_TRIAL_H */
