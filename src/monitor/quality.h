/*
 * quality.h
 *	  What the parts of data_quality() share: quality.c, the features; quality_source.c, the source itself,
 *	  its id, its time, and the rows of the result; and quality_passes.c, both where rows are on other servers.
 */
#ifndef CUSTSEG_QUALITY_H
#define CUSTSEG_QUALITY_H

#include "dist/dist.h"
#include "monitor/monitor.h"
#include "utils/timestamp.h"

typedef struct CsQualityOptions
{
	int			min_rows;
	double		significance;
	double		null_watch,		/* increase of the share of missing values */
				null_broken;
	double		range_watch;	/* share of the values */
	double		clip_watch;		/* increase of the share of clipped values */
	double		unseen_watch;	/* share of the rows */
	char	   *time_column;	/* or NULL */
	char	   *max_age;		/* an interval, or NULL */
} CsQualityOptions;

typedef struct CsQuality
{
	CsReport	base;
	CsQualityOptions options;
	double		significance;	/* of one test among those of all features */
	const CsRelation *relation;
	const CsObservation *observation;
	const CsColumn *time_column;	/* NULL: not asked for, not there, or no point in time */
	List	   *id_columns;		/* const CsColumn *; NIL: there is no id */
	CsIdProof	id_proof;
	CsIdCounter *id_counter;	/* NULL: proven, not comparable, or counted already */
	bool		ids_counted;	/* by passes: */
	CsIdCounts	id_counts;		/* n_duplicates -1: rows on different servers cannot be compared */
	Interval   *max_age;		/* or NULL */
	bool		has_time;		/* a finite one was seen */
	double		newest_days;
	Datum		newest;
} CsQuality;

/* What is counted of numbers. */
typedef struct CsQualityCounts
{
	int64		n_null;
	int64		n_infinite;
	int64		n_below,		/* training's minimum */
				n_above;
	int64		n_clipped;
	int64		n_other;		/* finite, but not the first one */
} CsQualityCounts;

/* What is counted of one feature. */
typedef struct CsQualityTally
{
	CsQualityCounts counts;		/* of a category only n_null, and n_other: of all that are there */
	int64		n_values;		/* that are there and finite; of a category, all that are there */
	double		first;			/* of them, as a raw value */
	int64		n_unseen;		/* rows of levels that training did not see */
	CsLevelCounts *unseen;		/* them; NULL for a number */
	CsConverter converter;		/* of the column, for the texts */
} CsQualityTally;

/* All of a report. */
typedef struct CsQualityFeatures
{
	CsQuality	common;
	const CsPipeline *pipeline;
	CsBaseline *baselines;
	CsQualityTally *tallies;
	int			nextra;			/* columns beside the features: a time, and those of an id */
} CsQualityFeatures;

/* A row of the result; Init makes everything NULL but what it is given. */
typedef struct CsQualityRow
{
	const char *subject;		/* source, id, time, feature */
	const char *name;
	const char *state;
	const char *kind;
	const char *type_trained;
	const char *type_now;
	int64		n;				/* -1: NULL */
	double		null_share_trained,
				null_share,
				infinite_share,
				below_share,
				above_share,
				clipped_share_trained,
				clipped_share,
				unseen_share;
	CsValue		unseen_levels;
	CsValue		constant;
	int64		n_duplicates;	/* -1: NULL */
	CsValue		newest;
	CsValue		age;
	CsFinding	finding;
} CsQualityRow;

extern void CsQualityRowInit(CsQualityRow *row, const char *subject, const char *name,
							 const char *state);
extern void CsQualityPut(CsQuality *quality, const CsQualityRow *row);
extern void CsQualityCheckOptions(CsQuality *quality);
extern void CsQualityAsk(CsQuality *quality, CsObserveRequest *request);
extern void CsQualityVisit(CsQuality *quality, const Datum *extra, const bool *nulls);
extern void CsQualityCountByPasses(void *state, const CsStudy *study, const int *column);
extern bool CsQualityJudgeColumn(const CsQuality *quality, const CsObservedFeature *f,
								 const char *type_trained, CsFinding *finding);
extern bool CsQualityLacksRows(const CsQuality *quality, CsFinding *finding);
extern void CsQualityPutSource(CsQuality *quality);

#endif							/* CUSTSEG_QUALITY_H */
