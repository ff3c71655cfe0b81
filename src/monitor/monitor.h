/*
 * monitor.h
 *	  Watching a deployed model: what its source looks like now, against what it was trained on.
 *
 * observe.c reads a source once and keeps what all reports need; each report is a file of its own
 * that turns an observation into rows: sizes.c, ...
 */
#ifndef CUSTSEG_MONITOR_H
#define CUSTSEG_MONITOR_H

#include "data/relation.h"
#include "model/model.h"

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
	int64		n_null;			/* NaN included */
	int64		n_infinite;		/* numbers */
	/* numbers: the finite values, ascending; only while the feature is visited */
	int64		nvalues;
	double	   *values;
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
	int64		nrows;
	CsObservedFeature *features;	/* in the pipeline's order */

	/* rows by segment, in the scorer's order; only when every feature is bound */
	bool		scored;
	int64		n_unplaced;
	int64	   *segment_rows;
	double	   *segment_distance;	/* sum of distances */

	/* a seeded sample of the placed rows in model space, row by row */
	int			nsample;
	double	   *sample;
	int32	   *sample_labels;	/* index of the segment */
} CsObservation;

typedef void (*CsFeatureVisitor) (void *state, const CsObservation *observation, int feature);

typedef struct CsObserveRequest
{
	const CsScorer *scorer;		/* pinned by the caller */
	const char *source;
	int			sample;			/* rows of the sample, 0: none */
	uint64		seed;			/* of the sample */
	/*
	 * Called for each feature, in order, with its values and levels at hand.  NULL: neither is
	 * collected.
	 */
	CsFeatureVisitor visit;
	void	   *state;
} CsObserveRequest;

/*
 * Read the source, as the caller.  The observation is palloc'd in CurrentMemoryContext.  A column
 * that is missing or of another kind is noted and no error.  Values of numbers are held to
 * maintenance_work_mem: when they do not fit, features are taken in groups, each of which reads the
 * source once; an error when those of one feature do not.
 */
extern CsObservation *CsObserve(const CsObserveRequest *request);

/*
 * baseline.c: a feature's baseline as it was frozen with a version; the same struct as in
 * training.  Palloc'd.
 */
extern CsBaseline *CsBaselinesRead(const CsScorer *scorer);

#endif							/* CUSTSEG_MONITOR_H */
