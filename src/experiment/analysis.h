/*
 * analysis.h
 *	  What came of the customers of an experiment: outcomes read beside enrolments, and what they say.
 */
#ifndef CUSTSEG_EXPERIMENT_ANALYSIS_H
#define CUSTSEG_EXPERIMENT_ANALYSIS_H

#include "data/relation.h"
#include "dist/dist.h"
#include "experiment/experiment.h"

/* A source of outcomes: one row a customer, or lines with a time. */
typedef struct CsOutcomeSource
{
	const CsExperiment *experiment;
	const CsRelation *relation;
	List	   *id;				/* columns (const CsColumn *) that tell the customer */
	const CsColumn *time;		/* of lines; NULL: one row a customer */
	const CsColumn *measured;	/* when covariates were measured, or NULL */
	bool		is_complete;	/* who has no row has left, and does not count */
	const CsColumn *values[CS_MAX_EXPERIMENT_METRICS];
	const CsColumn *partners[CS_MAX_EXPERIMENT_METRICS];	/* denominator or covariate, or NULL */
	double		caps[CS_MAX_EXPERIMENT_METRICS];	/* of values, NaN for none */
	const char *spans;			/* the beginnings of spans of time by which other servers sum up lines, an array */
	const char *summed;			/* the query of what they send; NULL: rows are read one by one */
	const char *enrolled;		/* the condition that they send a row, which "t" is; NULL: they send all */
} CsOutcomeSource;

/* outcome_sql.c */
extern char *CsOutcomeCellsSql(const CsOutcomeSource *s);
extern char *CsOutcomeCapsSql(const CsOutcomeSource *s);
extern char *CsOutcomeTwiceSql(const CsOutcomeSource *s);
extern char *CsOutcomePeriodsSql(const CsOutcomeSource *s, const char *period, int nperiods, TimestampTz as_of);

extern char *CsOutcomeSummedSql(const CsOutcomeSource *s, const CsPieces *pieces);

/* outcome_enrolled.c */
extern char *CsOutcomeEnrolled(const CsOutcomeSource *s);

/* outcome_lines.c */
extern void CsOutcomeLinesOpen(CsOutcomeSource *s, const char *period, int nperiods);

/* Options of functions that read outcomes. */
typedef struct CsOutcomeOptions
{
	char	   *time;			/* column, or NULL */
	char	   *covariate_time; /* likewise */
	bool		complete;
	Jsonb	   *weights;		/* of segments, or NULL: by their customers */
} CsOutcomeOptions;

/* The customers of a variant in a segment. */
typedef struct CsOutcomeCell
{
	int			variant;		/* from 0 */
	int			segment;
	int64		enrolled;
	int64		analysed;
	int64		present;		/* with a row of outcomes */
	const CsPairedArms *states[CS_MAX_EXPERIMENT_METRICS];	/* NULL: nobody */
} CsOutcomeCell;

typedef struct CsOutcomeTable
{
	CsOutcomeSource source;
	int			nsegments;
	int		   *segments;		/* ascending */
	int			ncells;
	CsOutcomeCell *cells;		/* those with customers */
	double	   *weights;		/* of segments, or NULL */
	int64		analysed;		/* customers */
} CsOutcomeTable;

extern CsOutcomeCell *CsOutcomeCellOf(const CsOutcomeTable *t, int variant, int segment);

/* outcome_table.c */
extern CsOutcomeOptions CsOutcomeOptionsArgument(FunctionCallInfo fcinfo, int argument);
extern void CsOutcomeSourceOpen(CsOutcomeSource *s, const CsExperiment *e, const char *source, const char *id,
								const CsOutcomeOptions *options);
extern int64 CsOutcomeQuery(const CsOutcomeSource *s, const char *sql, CsRowSink sink, void *state);
extern CsOutcomeTable *CsOutcomeTableRead(const CsExperiment *e, const char *source, const char *id,
									  const CsOutcomeOptions *options);

/* One line of results: a metric in a variant, in a segment or in all together. */
typedef struct CsEffect
{
	int			metric;			/* from 0 */
	int			variant;		/* that is compared with the control, from 1 */
	int			segment;		/* index into the table's; -1: all together */
	CsTrialEffect trial;
	double		alpha;			/* of the interval */
	double		p_adjusted;
	double		theta;			/* of a covariate; NaN without */
	CsHeterogeneity heterogeneity;	/* of all together */
	bool		is_few;			/* customers to say anything of */
	int			rating;			/* CsGuardrail; -1: none */
	int			verdict;		/* CsTrialVerdict; -1: none */
	StringInfoData reason;
} CsEffect;

/* The smallest p-value of a line in the looks so far. */
typedef struct CsLeastP
{
	char	   *metric;
	char	   *variant;
	int			segment;		/* CS_ALL_SEGMENTS: all together */
	double		p;
} CsLeastP;

#define CS_ALL_SEGMENTS PG_INT32_MIN

/* What a line of the look that decided said. */
typedef struct CsDecided
{
	char	   *variant;
	int			segment;
	char	   *verdict;
	char	   *reason;
} CsDecided;

/* The looks at an experiment that are kept. */
typedef struct CsLookHistory
{
	int			nlooks;
	double	   *information;	/* of each; NaN of one that could decide nothing */
	int			nleast;
	CsLeastP   *least;
	Jsonb	   *lost;			/* variants whose lift was lost at the last look, or NULL */
	int			look;			/* that decided; 0: none has */
	int			ndecided;
	CsDecided  *decided;
} CsLookHistory;

/* What outcomes say. */
typedef struct CsAnalysis
{
	const CsExperiment *experiment;
	const CsOutcomeTable *table;
	const CsLookHistory *history;
	CsLookMethod method;
	double		alpha;			/* of a variant */
	double		information;	/* share of the plan's, of the variant that has the least */
	bool		is_finished;	/* the plan is reached */
	double		boundary,		/* of |z| by spending, for all together */
				segment_boundary;	/* and for each segment */
	CsSampleRatio mismatch;
	double		attrition_p;
	bool		is_mismatch,
				is_valid;
	int			days;			/* since the start */
	int			neffects;
	CsEffect   *effects;
	CsTrialVerdict verdict;
	char	   *reason;
} CsAnalysis;

/* analysis.c */
extern CsAnalysis *CsAnalyse(const CsOutcomeTable *t, const CsLookHistory *history, CsLookMethod method);
extern CsEffect *CsEffectOf(const CsAnalysis *a, int metric, int variant, int segment);
extern double CsGoodLow(const CsAnalysis *a, const CsEffect *e);
extern double CsGoodHigh(const CsAnalysis *a, const CsEffect *e);

/* verdicts.c */
extern int	CsPrimaryMetric(const CsExperiment *e);
extern const char *CsGuardrailsRated(const CsAnalysis *a, int variant, int rating);
extern void CsAddInvalid(const CsAnalysis *a, StringInfo reason);
extern void CsAnalysisJudge(CsAnalysis *a);

/* results.c */
#define CS_RESULT_COLUMNS 30

extern void CsResultOfEffect(const CsAnalysis *a, const CsEffect *e, CsValue *row);

/* look.c */
extern void CsExperimentRequireStarted(const CsExperiment *e);
extern CsLookHistory *CsLookHistoryRead(const CsExperiment *e);

#endif							/* CUSTSEG_EXPERIMENT_ANALYSIS_H */
