/*
 * experiment.h
 *	  What the functions of experiments share: arguments that are numbers within bounds, rows of tests, and
 *	  experiments as they are kept.
 */
#ifndef CUSTSEG_EXPERIMENT_H
#define CUSTSEG_EXPERIMENT_H

#include "call/call.h"
#include "catalog/tables.h"
#include "datatype/timestamp.h"
#include "experiment/bucket.h"
#include "stat/trial.h"

/* What a number may be. */
typedef enum CsNumberKind
{
	CS_NUMBER_FINITE,
	CS_NUMBER_NOT_NEGATIVE,		/* finite, 0 or more */
	CS_NUMBER_POSITIVE,			/* finite, above 0 */
	CS_NUMBER_SHARE,			/* 0 to 1 */
	CS_NUMBER_PROBABILITY		/* between 0 and 1, both left out */
} CsNumberKind;

/* arguments.c */
extern double CsCheckNumber(double x, const char *name, CsNumberKind kind);
extern double CsNumberArgument(FunctionCallInfo fcinfo, int argument, const char *name, CsNumberKind kind);
extern double CsNumberOr(FunctionCallInfo fcinfo, int argument, const char *name, CsNumberKind kind,
						 double otherwise);
extern int	CsCountOr(FunctionCallInfo fcinfo, int argument, const char *name, int most, int otherwise);
extern double *CsNumbersArgument(FunctionCallInfo fcinfo, int argument, const char *name,
								 CsNumberKind kind, int *n);
extern int64 CsCountArgument(FunctionCallInfo fcinfo, int argument, const char *name);
extern CsProportions CsProportionsArguments(FunctionCallInfo fcinfo, int argument);

/* tests.c */
#define CS_ARMS_COLUMNS 15

extern void CsArmsValues(const CsArms *arms, const CsArmsResult *r, CsValue *row);
extern Datum CsFormArms(FunctionCallInfo fcinfo, const CsArms *arms, const CsArmsTest *test);
extern Datum CsFormProportions(FunctionCallInfo fcinfo, const CsProportions *p, double confidence);

/*
 * definition.c: an experiment, as create_experiment() is told of it and as it is kept.
 */
#define CS_MAX_VARIANTS 20
#define CS_MAX_EXPERIMENT_METRICS 50
#define CS_MAX_WEIGHT 1000000
#define CS_MAX_BLOCK INT64CONST(1000000000000)	/* customers: times a weight, they fit an int64 */

typedef enum CsAssignmentKind
{
	CS_ASSIGN_BUCKET,
	CS_ASSIGN_BLOCKED			/* exact balance within each segment */
} CsAssignmentKind;

typedef enum CsMetricRole
{
	CS_ROLE_PRIMARY,
	CS_ROLE_GUARDRAIL,
	CS_ROLE_SECONDARY
} CsMetricRole;

typedef enum CsMetricDirection
{
	CS_DIRECTION_UP,
	CS_DIRECTION_DOWN
} CsMetricDirection;

/* Their names in the tables and in options, NULL-terminated. */
extern const char *const CsAssignmentKinds[];
extern const char *const CsLookMethods[];
extern const char *const CsMetricKinds[];
extern const char *const CsMetricRoles[];
extern const char *const CsMetricDirections[];

typedef struct CsVariant
{
	char	   *name;
	int			weight;
} CsVariant;

typedef struct CsExperimentMetric
{
	char	   *name;
	int			kind,			/* CsMetricKind */
				role,			/* CsMetricRole */
				direction;		/* CsMetricDirection */
	char	   *column;			/* NULL: a ratio */
	char	   *numerator,
			   *denominator;	/* of a ratio; else NULL */
	double		effect;			/* in the good direction; NaN: none was given */
	double		relative_effect;	/* or so, as a share of the control's mean */
	double		margin,
				relative_margin;	/* of a guardrail, likewise */
	double		cap;			/* quantile; NaN: none */
	char	   *covariate;		/* or NULL */
	char	   *window;			/* as text of an interval, or NULL */
} CsExperimentMetric;

typedef struct CsExperiment
{
	char	   *name;
	char	   *model;
	int			version;
	char	   *salt;
	char	   *layer;			/* or NULL */
	double		traffic;
	int			first_bucket;
	int			assignment;		/* CsAssignmentKind */
	int			method;			/* CsLookMethod */
	int			n_looks;
	double		alpha,
				power;
	int64		n_control;		/* 0: no plan */
	int			min_days;
	bool		has_started,
				has_ended;
	TimestampTz started_at;		/* if it has */
	int			last_batch;		/* of enroll() */
	int			nvariants;
	CsVariant	variants[CS_MAX_VARIANTS];	/* the first is the control */
	int			nmetrics;
	CsExperimentMetric	metrics[CS_MAX_EXPERIMENT_METRICS];
} CsExperiment;

extern void CsExperimentDefine(CsExperiment *e, Jsonb *variants, Jsonb *metrics, Jsonb *options);
extern void CsExperimentMetricRead(CsExperimentMetric *m, Jsonb *metric);
extern Jsonb *CsExperimentVariantsJson(const CsExperiment *e);
extern Jsonb *CsExperimentMetricsJson(const CsExperiment *e);
extern int	CsExperimentBuckets(double traffic);
extern int	CsVariantBucket(const CsExperiment *e, int index);

/* stored.c */
pg_noreturn extern void CsReportNoExperiment(const char *experiment);
extern CsExperiment *CsExperimentRead(const char *experiment);
extern void CsExperimentRequireOwner(const CsExperiment *e);
extern void CsExperimentRequireSame(const CsExperiment *e);

/* assignment.c: which variant a customer has. */
typedef struct CsAssigning
{
	const CsExperiment *e;
	CsDigester *exposure;		/* NULL: everybody takes part */
	CsDigester *variant;
	int			first[CS_MAX_VARIANTS + 1]; /* bucket of each variant */
} CsAssigning;

extern CsAssigning *CsAssigningBegin(const CsExperiment *e);
extern void CsAssigningEnd(CsAssigning *a);
extern bool CsAssigningTakesPart(CsAssigning *a, char *customer);
extern int	CsAssigningVariant(CsAssigning *a, char *customer);
extern void CsAssigningDigest(CsAssigning *a, char *customer, uint8 *digest);

/* variant.c */
extern const char *CsVariantOf(const CsExperiment *e, char *customer);

#endif							/* CUSTSEG_EXPERIMENT_H */
