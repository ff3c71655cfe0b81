/*
 * item_neighbors.h
 *	  Which items stand with which: the nearest ones of each, and what they say of somebody.
 */
#ifndef CUSTSEG_ITEM_NEIGHBORS_H
#define CUSTSEG_ITEM_NEIGHBORS_H

#include "custseg.h"

/* The owners of items, each with the items ascending. */
typedef struct CsOwners
{
	int64		n;				/* owners */
	const int64 *owners;		/* their numbers; NULL: 0 to n - 1 */
	const int64 *start;			/* by number of owner: the first item */
	const int32 *length;		/* likewise: how many */
	const int32 *items;
	int32		nitems;			/* numbers of items are below it */
} CsOwners;

typedef struct CsNeighborOptions
{
	int			neighbors;		/* that are kept of each item */
	double		shrinkage;
} CsNeighborOptions;

typedef struct CsItemNeighbor
{
	int32		item;
	double		similarity;
} CsItemNeighbor;

typedef struct CsItemNeighbors
{
	int32		nitems;
	int64	   *owners;			/* of each item */
	int32	   *popular;		/* items with an owner, most owners first, ties by the lower number */
	int32		npopular;
	int64	   *start;			/* of nitems + 1: where the neighbors of an item are */
	CsItemNeighbor *neighbors;	/* the most similar first, ties by the lower number */
} CsItemNeighbors;

extern Size CsItemNeighborsMemory(const CsOwners *o, const CsNeighborOptions *options);
extern CsItemNeighbors *CsItemNeighborsFit(const CsOwners *o, const CsNeighborOptions *options);
extern void CsItemNeighborsFree(CsItemNeighbors *neighbors);

/* What is recommended, and why. */
typedef enum CsRecommendationBasis
{
	CS_BASIS_SIMILAR,			/* it goes with items that are owned */
	CS_BASIS_POPULAR,			/* many of the group own it */
	CS_BASIS_POPULAR_OF_ALL		/* many of all do */
} CsRecommendationBasis;

typedef struct CsRecommendation
{
	int32		item;
	CsRecommendationBasis basis;
	double		score;			/* sum of similarities, or the number of owners */
	int32		because;		/* owned item with the largest part in the sum; -1: it is popular */
} CsRecommendation;

/* Somebody to recommend to; what is needed for it is kept from one to the next. */
typedef struct CsRecommender
{
	int32		nitems;
	double	   *score;			/* of each item, 0 between two calls */
	double	   *most;			/* largest part in it */
	int32	   *because;
	int32	   *touched;
	bool	   *owned;			/* false between two calls; what is recommended already, too */
} CsRecommender;

extern CsRecommender *CsRecommenderCreate(int32 nitems);
extern Size CsRecommenderMemory(int32 nitems);
extern int	CsRecommend(CsRecommender *r, const CsItemNeighbors *neighbors, const CsItemNeighbors *all,
						const int32 *owned, int32 nowned, int n, CsRecommendation *best);

#endif							/* CUSTSEG_ITEM_NEIGHBORS_H */
