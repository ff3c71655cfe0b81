/*
 * outcomes.h
 *	  What came of customers, beside what a version predicts of them.
 */
#ifndef CUSTSEG_VALUE_OUTCOMES_H
#define CUSTSEG_VALUE_OUTCOMES_H

#include "catalog/tables.h"
#include "data/relation.h"

/* Of intervals whose coverage is told. */
#define CS_OUTCOME_CONFIDENCE 0.9

/* What is asked for. */
typedef struct CsOutcomesRequest
{
	char	   *model;
	int			version;
	CsModelKind kind;
	const void *compiled;		/* the version, pinned */
	CsRelation *relation;		/* the source */
	char	   *outcome;		/* column; of purchases NULL */
	char	   *id;				/* column or columns; NULL: as trained */
	char	   *recorded;		/* column of what was predicted then; NULL: the version predicts */
	bool		keeps;			/* what was predicted of each customer, and who it is */
} CsOutcomesRequest;

/* Predictions and outcomes, row by row. */
typedef struct CsOutcomes
{
	int64		n,
				allocated;
	double	   *predicted,
			   *actual;
	double	   *low,			/* ends of an interval; NaN: not known, or there is none */
			   *high;
	char	  **customer;		/* NULL without an id; kept where that was asked for */
	Size		text;			/* bytes of customers */
	int64		n_pending;			/* rows whose outcome is not known yet */
	int64		n_unpredicted;	/* rows of which nothing can be predicted */
	int64		n_intervals,	/* outcomes with an interval, and those that lie in it */
				n_covered;
	int64		nscores;		/* that intervals are made of */
	double		rate_error;		/* of purchases: relative standard error of what customers bought in training */
	int			days;			/* of purchases: that they are counted for */
	const char *none;			/* why there are none, or NULL */
} CsOutcomes;

extern void CsOutcomesRead(const CsOutcomesRequest *request, CsOutcomes *o);

#endif							/* CUSTSEG_VALUE_OUTCOMES_H */
