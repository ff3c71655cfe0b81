/*
 * clustered.h
 *	  Shares of cases that hang together in clusters, such as the visits of a customer.
 */
#ifndef CUSTSEG_CLUSTERED_H
#define CUSTSEG_CLUSTERED_H

#include "custseg.h"

/* The cases, by cluster. */
typedef struct CsClusters
{
	int64		n;				/* clusters with a case */
	double		cases;
	double		squares;		/* sum of the squares of the clusters' cases */
} CsClusters;

/* The cases with one outcome, by cluster. */
typedef struct CsClusteredCount
{
	double		count;
	double		squares;		/* sum of the squares of the clusters' counts */
	double		products;		/* sum of the clusters' counts times their cases */
} CsClusteredCount;

/* How much more shares vary than those of independent cases: the sums over the outcomes of a case. */
typedef struct CsDesignEffect
{
	double		variance;		/* as the clusters tell it */
	double		independent;	/* as it would be */
} CsDesignEffect;

extern void CsClustersAdd(CsClusters *c, int64 cases);
extern void CsClusteredCountAdd(CsClusteredCount *c, int64 count, int64 cases);
extern void CsDesignEffectAdd(CsDesignEffect *effect, const CsClusters *clusters, const CsClusteredCount *count);
extern void CsClusteredInterval(const CsClusters *clusters, const CsClusteredCount *count, const CsDesignEffect *all,
								double confidence, double *low, double *high);

#endif							/* CUSTSEG_CLUSTERED_H */
