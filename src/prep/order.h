/*
 * order.h
 *	  What is known of the order of a column's values that nobody holds: values at ranks, and ranks of values.
 */
#ifndef CUSTSEG_ORDER_H
#define CUSTSEG_ORDER_H

#include "prep/survey.h"

/*
 * A value, and how many values of the column are below it, and below or at it.  Unless it is exact, these
 * are bounds that show it once: as many are below at most, and up to it at least.
 */
typedef struct CsPlaced
{
	double		value;
	int64		below;
	int64		up_to;
	bool		is_exact;
	bool		is_needed;		/* by what was asked since the last pass */
} CsPlaced;

typedef struct CsOrder
{
	int64		n;				/* values */
	int			nrounds;		/* passes that have counted */
	bool		is_sampled;		/* the first one by a sample */
	bool		has_ties;		/* in which values occur often */
	int64		most;			/* values that are taken home at once */
	int			most_cuts;		/* of a pass, as far as one rank does not need more */
	int64		room;			/* for placed values, as far as no more are needed */
	int64		nplaced;
	CsPlaced   *placed;			/* ascending; the lowest and the highest value are there */
	int			nranks;			/* that are looked for: ascending once they are planned */
	int			capacity;
	int64	   *ranks;
	int			nvalues;		/* likewise values whose rank is */
	int			value_capacity;
	double	   *values;
} CsOrder;

extern CsOrder *CsOrderCreate(int64 n, double lowest, double highest, int64 most, int most_cuts, int64 room);
extern CsOrder *CsOrderOfColumns(int64 n, double lowest, double highest, int ncolumns, int64 room);
extern void CsOrderFree(CsOrder *order);
extern bool CsOrderAt(CsOrder *order, int64 rank, double *value);
extern bool CsOrderQuantile(CsOrder *order, double p, double *quantile);
extern bool CsOrderBelow(CsOrder *order, double value, int64 *below);
extern CsRankQuery CsOrderPlan(CsOrder *order, const double *sample, int64 nsample);
extern void CsOrderLearn(CsOrder *order, const CsRankQuery *query, const CsRankAnswer *answer);

#endif							/* CUSTSEG_ORDER_H */
