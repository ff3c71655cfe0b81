/*
 * publish.h
 *	  What the steps of publish() share: publication.c reads the source, published_sample.c tells of a sample of its
 *	  customers, publish.c keeps what was read.
 */
#ifndef CUSTSEG_PUBLISH_H
#define CUSTSEG_PUBLISH_H

#include "call/json.h"
#include "explore/explore.h"
#include "parallel/team.h"
#include "profile/profile.h"
#include "stat/group_histogram.h"

typedef struct CsPublishOptions
{
	int			min_group;		/* groups of fewer customers are not told of */
	int			keep;			/* publications */
	char	   *value;			/* column, or NULL */
	int			sample;			/* customers whose silhouettes are measured; 0: none */
	int			points;			/* of the projection; 0: none */
	bool		surrogate;
	char	   *fairness;		/* column of an attribute, or NULL */
	bool		changes;		/* since a month ago, in words */
	Jsonb	   *products,		/* lines of orders, and the names of their columns; or NULL */
			   *journey,		/* events, likewise */
			   *events,			/* by which customers are engaged, likewise */
			   *audiences,		/* names of views */
			   *lookalikes;		/* seeds, and how others like them are found */
} CsPublishOptions;

extern void CsPublishOptionsParse(Jsonb *json, CsPublishOptions *options);

/* What is made of a number by segment, beside its summaries. */
typedef struct CsPublishedNumber
{
	void	   *test;			/* of CsTestsKind */
	CsGroupHistogram *histogram;
} CsPublishedNumber;

/* published_columns.c: what is wanted of the numbers of a look, whose rows are kept, and what is found; one a column of it. */
typedef struct CsPublishColumns
{
	CsPortraying *portraying;
	int			ngroups;
	CsLook	   *look;
	CsDescribeOptions describe;
	const bool *is_correlated;	/* where there is a value in every row */
	CsLookColumn *value;		/* whose sorted values are wanted, or NULL */
	CsTeam	   *team;			/* that has read the values, and is ended; or NULL */

	const CsColumnOrder **order;	/* NULL of what is no number */
	double	  **values;			/* as they were, one a row */
	CsCompleteCorrelations *correlations;	/* of those without a missing value; NULL: not known */
} CsPublishColumns;

extern int	CsPublishWorkers(const CsLook *look, int64 nrows);
extern CsArena *CsPublishColumnsFind(CsPublishColumns *wanted);

/* published_sample.c; "hidden" are the segments that are not told of, by index */
extern Jsonb *CsPublishSilhouettes(const CsScorer *scorer, const CsPortraitSample *sample, const bool *hidden);
extern Jsonb *CsPublishProjection(const CsScorer *scorer, const CsPortraitSample *sample,
								  const CsPortraitSample *points, const bool *hidden);

#endif							/* CUSTSEG_PUBLISH_H */
