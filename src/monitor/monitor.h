/*
 * monitor.h
 *	  Watching a deployed model: what its source looks like now, against what it was trained on.
 *
 * observe.c reads a source once and keeps what all reports need, and observe_passes.c has
 * other servers add it up that have the rows; each report is a file of its own
 * that turns an observation into rows: sizes.c, quality.c, fairness.c.  at_risk.c and
 * compare_versions.c read a source by one version and by two, as scoring does; migration.c reads
 * what resegment() has recorded.  What all of them share is in report.c.
 */
#ifndef CUSTSEG_MONITOR_H
#define CUSTSEG_MONITOR_H

#include "call/call.h"
#include "data/relation.h"
#include "score/pass.h"

/* A level of a category as it is now. */
typedef struct CsObservedLevel
{
	char	   *text;			/* NULL: no value */
	int64		count;
} CsObservedLevel;

/* A feature's column as it is now. */
typedef struct CsObservedFeature
{
	CsBindState state;			/* nothing below is known unless it is CS_BIND_DONE */
	char	   *type;			/* of the column, NULL when there is none */
	int64		nrows;			/* that were looked at */
	int64		n_null;			/* NaN included */
	int64		n_infinite;		/* numbers */
	CsSortedRuns	values;			/* of numbers, the finite ones; only while the feature is visited */
	double		mean,
				sd;				/* of the finite values, ddof 0 */
	/* categories: most frequent first, ties by text; only while the feature is visited */
	int			nlevels;
	CsObservedLevel *levels;
	bool		overfull;		/* more levels than are counted; the rest are in n_uncounted */
	int64		n_uncounted;
} CsObservedFeature;

typedef struct CsObservation
{
	const CsScorer *scorer;
	char	   *source;			/* for messages */
	bool		by_passes;		/* samples are of the rows of the lowest hashes */
	int64		nrows;
	CsObservedFeature *features;	/* in the pipeline's order */

	/* rows by segment, in the scorer's order; none unless every feature is bound */
	bool		scored;
	int64		n_unplaced;		/* all the others; without segments, those that cannot be prepared */
	int64	   *segment_rows;
	CsDistances *segment_distances; /* of the rows to its centre, if they are measured */

	struct CsObservedSample *samples;	/* in the order in which they were asked for */
} CsObservation;

/* A seeded sample of the placed rows in model space, row by row. */
typedef struct CsObservedSample
{
	int			n;
	double	   *rows;			/* NULL: it has been visited */
	int32	   *labels;			/* index of the segment */
	bool		by_values;		/* of rows that nothing tells apart: equal ones are drawn together or not at all */
} CsObservedSample;

typedef void (*CsFeatureVisitor) (void *state, const CsObservation *observation, int feature);

/* One row of the source; valid during the call only. */
typedef struct CsObservedRow
{
	const double *raw;			/* a number a feature, see prep.h; as NULL for those not bound */
	const bool *missing;		/* a feature's value is NULL, or it is not bound */
	const Datum *values;		/* of all columns that are read */
	const bool *nulls;
	const int  *feature_column; /* among them, -1: not bound */
	const int  *extra_column;	/* likewise, of each that was asked for */
	int			segment;		/* index, -1: not placed */
} CsObservedRow;

typedef void (*CsRowVisitor) (void *state, const CsObservedRow *row);

/* Rows of the source; valid during the call only. */
typedef struct CsObservedBlock
{
	const CsPassBlock *block;
	const double *raw;			/* of feature i at [i * CS_PASS_STRIDE] */
	const int  *feature_column; /* as of a row */
	const int  *extra_column;
} CsObservedBlock;

typedef void (*CsObservedBlockVisitor) (void *state, const CsObservedBlock *block);

typedef void (*CsSampleVisitor) (void *state, const CsObservation *observation,
								 const CsObservedSample *sample);

/* Samples that one observation takes. */
#define CS_MAX_SAMPLES 2

typedef struct CsObservedSampleRequest
{
	int			rows;			/* at most */
	uint64		seed;

	/* called when all rows have been read, and the sample is released; NULL: the sample stays */
	CsSampleVisitor visit;
	void	   *state;
	bool		by_passes;		/* of a source on other servers the rows of the lowest hashes will do */
} CsObservedSampleRequest;

struct CsStudy;

/* What is wanted of a source; several reports can ask for their parts of one request. */
typedef struct CsObserveRequest
{
	const CsScorer *scorer;		/* pinned by the caller */
	const CsRelation *relation; /* the source */
	bool		place;			/* the rows: what is wanted of segments, of rows or of a sample */
	bool		measure;		/* their distances, too */
	Size		reserved;		/* of maintenance_work_mem, which the caller has taken */

	int			nsamples;
	CsObservedSampleRequest samples[CS_MAX_SAMPLES];

	/*
	 * Called for each feature, in order, with its values and levels at hand.  As training does where a
	 * feature's "impute" is "skip", a row that lacks it counts for the first such feature and for no
	 * other.  NULL: values and levels are not collected.
	 */
	CsFeatureVisitor visit;
	void	   *feature_state;

	/*
	 * Values of a number of which it matters how many lie below and up to them, where the source is observed by
	 * passes (observe_passes.c); palloc'd.  NULL: none does.
	 */
	const double *(*landmarks) (void *state, int feature, int *n);

	/* Called for each row, in a context that is reset after it; or NULL. */
	CsRowVisitor visit_row;
	CsObservedBlockVisitor visit_block; /* for many rows in place of visit_row, where there is nothing else to do for each; or NULL */
	void	   *row_state;

	/*
	 * Called once in place of these where the source is observed by passes: finds by other passes what the rows would
	 * tell.  It is given which column of the study each feature is, -1: it is not bound.  NULL: nothing but rows will do.
	 */
	void		(*visit_passes) (void *state, const struct CsStudy *study, const int *column);
	int			nextra;			/* columns of "relation" to read beside the features' */
	const CsColumn **extra;
} CsObserveRequest;

extern CsObservation *CsObserve(const CsObserveRequest *request);
extern CsObservation *CsObservationCreate(const CsScorer *scorer, const CsRelation *relation, const CsPlacer *placer);
extern CsObservation *CsObserveByPasses(const CsObserveRequest *request);
extern CsObservedSample CsObserveSampleByPass(const CsScorer *scorer, const struct CsStudy *study, const int *column,
											  const CsObservedSampleRequest *request, bool raw);

typedef struct CsObserver CsObserver;

extern CsObserver *CsObserveBegin(CsPass *pass, CsPlacer *placer, const CsObserveRequest *request);
extern CsObservation *CsObserveEnd(CsObserver *observer);
extern int	CsObserveSample(CsObserveRequest *request, CsObservedSampleRequest sample);

/* baseline.c */
extern CsBaseline *CsBaselinesRead(const CsScorer *scorer);

/* report.c: what the functions that report have in common. */
typedef struct CsReport
{
	CsResult   *result;
	const CsScorer *scorer;		/* pinned; it may be without segments in a report of features */
	char	   *source;			/* NULL: the version's own, see CsSourceOpen */
	char	   *id;				/* as trained, or NULL */
	char	   *reference;		/* a source that stands for the past; NULL: training does */
} CsReport;

/*
 * A report on what can be observed of a source.  Open checks the options and reads what the version
 * keeps of its training; the state that it returns is the others'.  Ask adds to a request, whose
 * relation is open, what the report needs to know.  Put makes the rows.
 */
typedef struct CsReportKind
{
	const char *name;
	void	   *(*open) (const CsReport *report, Jsonb *options);
	void		(*ask) (void *state, CsObserveRequest *request);
	void		(*put) (void *state, const CsObservation *observation);
	bool		on_demand;		/* monitor() makes it where its options are given, "reference" among them */
	bool		of_features;	/* it is about features, and needs no segments */
	bool		by_passes;		/* it asks for nothing that passes do not tell, see observe_passes.c */
} CsReportKind;

extern const CsReportKind CsQualityReport;
extern const CsReportKind CsDriftReport;
extern const CsReportKind CsSizesReport;
extern const CsReportKind CsSilhouetteReport;
extern const CsReportKind CsMultivariateReport;

/* The arguments of most reports. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_OPTIONS, ARG_VERSION
};

extern bool CsReportStart(CsReport *report, FunctionCallInfo fcinfo, int source, int version, bool of_features);
extern bool CsReportOpen(CsReport *report, FunctionCallInfo fcinfo, int source, int version);
extern bool CsReportOpenOfFeatures(CsReport *report, FunctionCallInfo fcinfo, int source, int version);
extern void CsReportsMake(const CsReport *reports, const CsReportKind *const *kinds,
						  Jsonb *const *options, int n);

typedef struct CsReporting CsReporting;

extern CsReporting *CsReportsBegin(CsPass *pass, CsPlacer *placer, const CsReport *reports,
								   const CsReportKind *const *kinds, Jsonb *const *options, int n);
extern void CsReportsEnd(CsReporting *reporting);
extern Datum CsReportCall(FunctionCallInfo fcinfo, const CsReportKind *kind);

/* at_risk_passes.c */
extern void CsRiskByPasses(CsPass *pass, const CsPlacer *placer, const int *ranks, int room, double most);

extern void CsReportCheckLimits(const char *low_name, double low, const char *high_name,
								double high);

extern const char *CsObservationVerb(const CsObservation *observation);
extern char *CsObservationProblem(const CsObservation *observation);

#endif							/* CUSTSEG_MONITOR_H */
